//! The maintenance window that an object was suspended or cordoned for: its annotations say which, and until when.

use super::ending::because;
use super::wire::Meta;
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::Severity;
use crate::domain::interner::Interner;
use crate::domain::record::Cell;

pub const ID: &str = "watchkeeper.dev/window";
pub const UNTIL: &str = "watchkeeper.dev/until";

/// The window's id and end, none where the object is in none.
pub fn cells<M>(meta: &Meta<M>, intern: &mut Interner) -> [Cell; 2] {
    let text = |key| meta.annotations.get(key).unwrap_or("");
    [Cell::text(text(ID), intern), Cell::time(Time::parse(text(UNTIL)))]
}

/// What is `done` (`suspended`, `cordoned`) for a window is expected until the window ends, and overdue from then on.
pub fn judge(judged: Judgement, id: &str, until: Time, done: &str, now: Time) -> Judgement {
    if now < until {
        let mut finding = Finding::new(Severity::P3, None, format!("{done} in window {id}"));
        finding.muted = true;
        return judged.again_at(until).with(finding);
    }
    let why = because(&format!("window {id} is past its end"), &format!("still {done}"));
    judged.with(Finding::new(Severity::P2, Some(until), why))
}
