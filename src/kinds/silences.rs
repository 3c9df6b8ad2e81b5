//! Silences: what they match, who created them, how long they last. A silence affects notifications only.

use super::column::{Column, Field, Show};
use super::{Api, KindSpec, Service, Tells};
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Uid, clean};
use crate::domain::thresholds::Thresholds;

/// As amtool prints them: `alertname="X" namespace=~"a|b"`.
pub const MATCHERS: u8 = 0;
pub const BY: u8 = 1;
pub const STARTS: u8 = 2;
pub const ENDS: u8 = 3;
/// The maintenance window that created it.
pub const WINDOW: u8 = 4;
/// How many alerts it matches now; none when one of its expressions cannot be compiled here.
pub const COUNT: u8 = 5;
/// The replicas of Alertmanager do not agree on it: how many of them have this state.
pub const SPLIT: u8 = 6;

pub const SPEC: KindSpec = KindSpec {
    name: "Silence",
    word: "silences",
    aliases: &["sil", "silence"],
    title: "Silences",
    api: Api::Poll(Service::Silences),
    columns: &[
        Column::new("MATCHERS", Field::Cell(MATCHERS), 20, 80, 0),
        Column::new("STATE", Field::Status, 7, 8, 0),
        Column::new("ENDS IN", Field::Left(ENDS), 7, 7, 1).right(),
        Column::new("ALERTS", Field::Cell(COUNT), 6, 6, 2).right(),
        Column::new("CREATED BY", Field::Cell(BY), 8, 24, 3),
        Column::new("STARTED", Field::Ranked(started, |r| -r.created.0), 7, 10, 6),
        Column::new("WINDOW", Field::Cell(WINDOW), 6, 16, 5),
        Column::new("COMMENT", Field::Note, 12, 100, 4),
        Column::new("SPLIT", Field::Cell(SPLIT), 5, 5, 7),
        Column::new("NAME", Field::Name, 36, 36, 8).wide(),
    ],
    blinds: "silences",
    judge,
    guide: include_str!("../../assets/guides/alert.txt"),
    tells: Tells::Silence,
    asked_whole: true,
    ..KindSpec::BASE
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    Active,
    Pending,
    Expired,
    /// A word that we do not know.
    #[default]
    Unknown,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }
}

/// A silence as the source has merged it from the replicas; nothing in it is sanitised yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Silence {
    pub id: String,
    pub state: State,
    pub namespace: String,
    pub matchers: String,
    pub by: String,
    pub comment: String,
    pub window: String,
    pub starts: Option<Time>,
    pub ends: Option<Time>,
    pub alerts: Option<usize>,
    /// Replicas that have this state, of those that answered; `None` when all do.
    pub split: Option<(usize, usize)>,
}

/// The record of a merged silence. Its name is its id; an edit may give it a new one.
pub fn read(silence: &Silence, intern: &mut Interner) -> Record {
    let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    Record {
        uid: Uid::of(&format!("silence {}", silence.id)),
        name: clean(&silence.id),
        namespace: intern.get(&silence.namespace),
        created: silence.starts.unwrap_or_default(),
        status: intern.get(silence.state.word()),
        health: match silence.state {
            State::Active | State::Expired => Health::Ok,
            State::Pending => Health::Progressing,
            State::Unknown => Health::Unknown,
        },
        note: clean(&silence.comment),
        cells: Box::new([
            Cell::text(&silence.matchers, intern),
            Cell::text(&silence.by, intern),
            Cell::time(silence.starts),
            Cell::time(silence.ends),
            Cell::text(&silence.window, intern),
            silence.alerts.map_or(Cell::None, |n| Cell::Int(i64::try_from(n).unwrap_or(i64::MAX))),
            silence.split.map_or(Cell::None, |(so, all)| Cell::Ratio(small(so), small(all))),
        ]),
        ..Record::default()
    }
}

fn judge(record: &Record, _: &Strings, _: &Thresholds, now: Time) -> Judgement {
    let mut judged = Judgement::of(record.health);
    if let Cell::Ratio(so, all) = record.cell(SPLIT) {
        let why = format!("Alertmanager's replicas disagree: {so} of {all} know it so");
        judged = judged.with(Finding::new(Severity::P3, None, why));
        judged.health = Health::Warning;
    }
    if record.health == Health::Unknown {
        judged = judged.with(Finding::new(
            Severity::P4,
            None,
            "its state is not known: whether it silences anything is not either",
        ));
    }
    match record.time(ENDS) {
        Some(ends) if ends > now => judged.again_at(ends),
        _ => judged,
    }
}

/// How long ago, or `in 5m` for one that has yet to begin.
fn started(record: &Record, show: &Show<'_>, out: &mut String) {
    let Some(starts) = record.time(STARTS) else { return };
    let age = starts.age(show.now);
    if age < 0 {
        out.push_str("in ");
    }
    ages::human(age.abs(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(silence: &Silence) -> Judgement {
        judge(&read(silence, &mut Interner::default()), &Strings::default(), &Thresholds::default(), Time(100))
    }

    #[test]
    fn an_agreed_silence_is_no_finding_and_is_judged_again_at_its_end() {
        let judgement = judged(&Silence { state: State::Active, ends: Some(Time(160)), ..Silence::default() });
        assert_eq!((judgement.health, judgement.findings.len(), judgement.recheck), (Health::Ok, 0, Some(Time(160))));
    }

    #[test]
    fn replicas_that_disagree_are_a_finding() {
        let judgement = judged(&Silence { state: State::Active, split: Some((1, 2)), ..Silence::default() });
        assert_eq!(judgement.health, Health::Warning);
        assert_eq!(&*judgement.findings[0].why, "Alertmanager's replicas disagree: 1 of 2 know it so");
    }

    #[test]
    fn a_state_that_we_do_not_know_is_not_ok() {
        assert_eq!(judged(&Silence::default()).health, Health::Unknown);
    }

    #[test]
    fn a_silence_that_is_yet_to_begin_says_so() {
        let record = read(&Silence { starts: Some(Time(400)), ..Silence::default() }, &mut Interner::default());
        let told = |now| {
            let mut out = String::new();
            started(&record, &Show { strings: &Strings::default(), now: Time(now) }, &mut out);
            out
        };
        assert_eq!((told(100), told(460)), ("in 5m".to_owned(), "60s".to_owned()));
    }
}
