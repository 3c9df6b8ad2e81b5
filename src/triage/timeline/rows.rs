//! What changed rows report: a revision that came in, a node that went or came back, a seal, a rollout, a suspend, a
//! silence. It looks at touched rows only, and for most kinds at none; a list that brings the same again reports
//! nothing.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Seen;
use crate::domain::ages::Time;
use crate::domain::interner::Sym;
use crate::domain::moment::{Moment, What};
use crate::domain::record::{Record, Uid};
use crate::kinds::{self, Tells, deployments, flux, nodes, seals, silences};
use crate::store::RowId;

/// A node that became ready so long after it was made, in seconds, has come back.
const CAME_BACK: i64 = 600;

/// What is remembered of a row.
#[derive(Debug)]
struct Known {
    uid: Uid,
    word: Sym,
    number: i64,
    suspended: Option<bool>,
    /// For a row that may go: what it was, in words.
    subject: Option<Moment>,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    known: HashMap<RowId, Known, FixedState>,
}

impl Rows {
    pub fn watch(&mut self, seen: &Seen<'_>, out: &mut Vec<Moment>) {
        for id in seen.touched {
            let tells = kinds::spec(id.kind).tells;
            if tells != Tells::Nothing {
                self.look(*id, tells, seen, out);
            }
        }
    }

    fn look(&mut self, id: RowId, tells: Tells, seen: &Seen<'_>, out: &mut Vec<Moment>) {
        let record = seen.store.row(id).map(|row| &row.record);
        let stays = record.is_some_and(|r| self.known.get(&id).is_some_and(|k| k.uid == r.uid));
        if !stays && let Some(old) = self.known.remove(&id) {
            // a row whose feed has gone is not gone itself
            let live = seen.store.table(id.kind).feed.state.is_live();
            out.extend(old.subject.filter(|_| live && !seen.lost).and_then(|subject| gone(subject, seen.now)));
        }
        let Some(record) = record else { return };
        let row = Row { id, record, seen };
        let new = Known {
            uid: record.uid,
            word: row.word(tells),
            number: row.number(tells),
            suspended: record.suspended,
            subject: row.leaves(tells),
        };
        match self.known.get_mut(&id) {
            None => {
                out.extend(row.first(tells));
                self.known.insert(id, new);
            }
            Some(old) => {
                row.compare(tells, old, &new, out);
                // what cannot be seen now is what it was
                let word = if tells == Tells::Seal && row.is_unknown() { old.word } else { new.word };
                *old = Known { word, ..new };
            }
        }
    }
}

/// The end of a row that is gone.
fn gone(subject: Moment, now: Time) -> Option<Moment> {
    match subject.what {
        What::Silence => Some(Moment { time: now, words: format!("ended: {}", subject.words).into(), ..subject }),
        What::Change => Some(Moment { time: now, words: "the node is gone".into(), ..subject }),
        _ => None,
    }
}

struct Row<'a> {
    id: RowId,
    record: &'a Record,
    seen: &'a Seen<'a>,
}

impl Row<'_> {
    fn text(&self, sym: Sym) -> &str {
        self.seen.store.strings.get(sym)
    }

    fn status(&self) -> &str {
        self.text(self.record.status)
    }

    fn moment(&self, time: Time, what: What, words: &str) -> Moment {
        let record = self.record;
        let name = match what {
            // its id means nothing to an operator
            What::Silence => self.text(record.sym(silences::MATCHERS)),
            _ => &record.name,
        };
        let mut moment =
            Moment::new(time, what, (kinds::spec(self.id.kind).name, self.text(record.namespace), name), words);
        if what == What::Silence {
            moment.id = format!("s:{}", record.name).into();
        }
        moment
    }

    /// The text that distinguishes one state from another.
    fn word(&self, tells: Tells) -> Sym {
        match tells {
            Tells::Revision => self.record.sym(flux::REVISION),
            Tells::Seal if self.record.flag(seals::IS_CLUSTER) => Sym::EMPTY,
            Tells::Node | Tells::Seal | Tells::Silence => self.record.status,
            _ => Sym::EMPTY,
        }
    }

    fn number(&self, tells: Tells) -> i64 {
        match tells {
            Tells::Revision => self.record.time(flux::CHANGED).unwrap_or_default().0,
            Tells::Rollout => self.record.int(deployments::REVISION),
            _ => 0,
        }
    }

    /// What to report when it goes.
    fn leaves(&self, tells: Tells) -> Option<Moment> {
        match tells {
            Tells::Node => Some(self.moment(Time::default(), What::Change, "")),
            Tells::Silence if self.is_active() => Some(self.moment(Time::default(), What::Silence, &self.silence())),
            _ => None,
        }
    }

    fn is_active(&self) -> bool {
        self.status() == silences::State::Active.word()
    }

    fn is_unknown(&self) -> bool {
        seals::State::of(self.record, &self.seen.store.strings) == seals::State::Unknown
    }

    /// `by alice, "storage move"`.
    fn silence(&self) -> String {
        let by = self.text(self.record.sym(silences::BY));
        let comment = if self.record.note.is_empty() { String::new() } else { format!(": {}", self.record.note) };
        format!("by {by}{comment}")
    }

    fn silenced(&self, at_start: bool) -> Moment {
        let now = self.seen.now;
        let starts = self.record.time(silences::STARTS).filter(|at| *at <= now).unwrap_or(now);
        let until =
            self.record.time(silences::ENDS).map_or_else(String::new, |at| format!(" until {}", at.timestamp()));
        let words = format!("silenced{until} {}", self.silence());
        Moment { at_start, ..self.moment(starts, What::Silence, &words) }
    }

    /// What a row reports that was not known: what its own times say happened, however long ago.
    fn first(&self, tells: Tells) -> Option<Moment> {
        let now = self.seen.now;
        let at_start = |moment| Moment { at_start: true, ..moment };
        match tells {
            Tells::Revision => {
                let at = self.record.time(flux::CHANGED).filter(|at| at.is_set() && *at <= now)?;
                Some(at_start(self.moment(at, What::Change, &self.revision())))
            }
            Tells::Node => {
                let since = self.record.time(nodes::SINCE)?;
                let came_back = since.0 - self.record.created.0 > CAME_BACK;
                // for a node under pressure it is the time of the pressure
                let told = !is_ready(self.status()) || (came_back && self.status() == "Ready");
                let plain = self.record.sym(nodes::PRESSURE) == Sym::EMPTY;
                (told && plain).then(|| at_start(self.moment(since, What::Change, &self.readiness())))
            }
            Tells::Silence if self.is_active() => Some(self.silenced(true)),
            _ => None,
        }
    }

    fn revision(&self) -> String {
        format!("became {}", self.record.text(flux::REVISION, &self.seen.store.strings))
    }

    fn readiness(&self) -> String {
        let note = if self.record.note.is_empty() { String::new() } else { format!(": {}", self.record.note) };
        let word = if is_ready(self.status()) { "Ready" } else { "NotReady" };
        format!("is {word}{note}")
    }

    /// What differs from what was known.
    fn compare(&self, tells: Tells, old: &Known, new: &Known, out: &mut Vec<Moment>) {
        let now = self.seen.now;
        let change = |words: &str| self.moment(now, What::Change, words);
        match tells {
            Tells::Revision if (old.word, old.number) != (new.word, new.number) && new.word != Sym::EMPTY => {
                let told = Time(new.number);
                let at = if told.is_set() && told <= now && told.0 > old.number { told } else { now };
                // the time alone may be corrected later
                if old.word != new.word || new.number > old.number {
                    out.push(self.moment(at, What::Change, &self.revision()));
                }
            }
            Tells::Rollout if old.number != new.number && new.number > 0 && old.number > 0 => {
                out.push(change(&format!("rolls out revision {}", new.number)));
            }
            Tells::Node if old.word != new.word => {
                let (before, after) = (self.text(old.word), self.status());
                if is_ready(before) != is_ready(after) {
                    let since = self.record.time(nodes::SINCE).filter(|at| *at <= now && at.age(now) < CAME_BACK);
                    out.push(self.moment(since.unwrap_or(now), What::Change, &self.readiness()));
                }
                match (is_cordoned(before), is_cordoned(after)) {
                    (false, true) => out.push(change("cordoned")),
                    (true, false) => out.push(change("uncordoned")),
                    _ => {}
                }
            }
            Tells::Seal if old.word != new.word && new.word != Sym::EMPTY && !self.is_unknown() => {
                let before = self.text(old.word);
                let unknown = before == seals::State::Unknown.word();
                let was = if unknown { String::new() } else { format!(", was {before}") };
                out.push(change(&format!("is {}{was}", self.status())));
            }
            Tells::Silence if old.word != new.word => {
                if self.is_active() {
                    out.push(self.silenced(false));
                } else if let Some(subject) = &old.subject {
                    let ends = self.record.time(silences::ENDS).filter(|at| *at <= now && at.age(now) < CAME_BACK);
                    out.extend(gone(subject.clone(), ends.unwrap_or(now)));
                }
            }
            _ => {}
        }
        match (old.suspended, new.suspended) {
            (Some(false), Some(true)) => {
                let cell = match tells {
                    Tells::Revision => Some(flux::SUSPENDED_BY),
                    Tells::Switch { by } => by,
                    _ => None,
                };
                let by = cell.map_or("", |cell| self.record.text(cell, &self.seen.store.strings));
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                out.push(change(&format!("suspended{by}")));
            }
            (Some(true), Some(false)) => out.push(change("resumed")),
            _ => {}
        }
    }
}

fn is_ready(status: &str) -> bool {
    status.split(',').next() == Some("Ready")
}

fn is_cordoned(status: &str) -> bool {
    status.contains("SchedulingDisabled")
}
