//! Every kind gets objects that its own wire type asked for, complete, with holes, and at random: it reads, judges and
//! draws them all.

mod walk;
mod words;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

pub use walk::ask;

use super::column::Show;
use super::{Api, Decode, KINDS, KindSpec};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Severity;
use crate::domain::interner::{Interner, Strings};
use crate::domain::thresholds::Thresholds;
use walk::{Dice, Hole, Made, Way};

const NOW: Time = Time(1_795_255_200);

/// In seconds.
const CENTURY: i64 = 3_155_760_000;

/// A kind that is read from the API.
struct Watched {
    row: &'static KindSpec,
    decode: Decode,
    words: Vec<String>,
}

static WATCHED: LazyLock<Vec<Watched>> = LazyLock::new(|| {
    let code = words::code();
    let watched = |row: &'static KindSpec| match row.api {
        Api::Watch { decode, .. } => Some(Watched { row, decode, words: words::of(row, &code) }),
        Api::Poll(_) => None,
    };
    KINDS.iter().filter_map(watched).collect()
});

impl Watched {
    fn made(&self, way: Way, dice: Dice, now: Time) -> Made {
        walk::make(self.decode, way, dice, &self.words, now)
    }

    /// Decodes and, when that works, judges and draws: what the program does with anything a server sends. Returns why
    /// it cannot be read, if it cannot.
    fn handle(&self, json: &str, now: Time) -> Option<String> {
        let row = self.row;
        let (mut intern, mut strings) = (Interner::default(), Strings::default());
        let record = match (self.decode)(json, &mut intern).record {
            Err(bad) => return Some(bad.error.into()),
            Ok(record) => record,
        };
        strings.extend(intern.unshipped());
        let show = Show { strings: &strings, now };
        let judge = |at| (row.judge)(&record, &strings, &Thresholds::default(), at);
        let judged = judge(now);
        assert!(judged.recheck.is_none_or(|at| at > now), "{}: a recheck in the past: {json}", row.name);
        // until it asks to be judged again, time alone changes nothing
        let before = judged.recheck.map_or(Time(i64::MAX), |at| at.plus(-1)).min(now.plus(CENTURY));
        for at in [Time(i64::midpoint(now.0, before.0)), before] {
            let (then, when) = (judge(at), at.timestamp());
            let same = judged.health == then.health && severities(&judged) == severities(&then);
            assert!(same, "{}: {judged:?} at {}, {then:?} at {when}: {json}", row.name, now.timestamp());
        }
        for column in row.columns {
            let _ = (column.text(&record, &show), column.compare(&record, &record, &strings));
        }
        record.unreadable.then(|| record.note.into())
    }

    /// It is read, even with everything missing or null in it.
    fn reads(&self, made: &Made) {
        let why = self.handle(&made.json, NOW);
        assert!(why.is_none(), "{}: {} in {}", self.row.name, why.unwrap_or_default(), made.json);
    }
}

fn severities(judged: &Judgement) -> Vec<Severity> {
    judged.findings.iter().map(|finding| finding.severity).collect()
}

#[test]
fn missing_and_null_fields_make_a_record_of_every_kind() {
    for kind in WATCHED.iter() {
        for hole in [Hole::Missing, Hole::Null] {
            for depth in 0.. {
                let made = kind.made(Way::Down(depth, hole), Dice::seeded(depth), NOW);
                kind.reads(&made);
                if made.holes == 0 {
                    break;
                }
            }
            for nth in 0.. {
                let made = kind.made(Way::But(nth, hole), Dice::seeded(nth), NOW);
                kind.reads(&made);
                if nth >= made.fields {
                    break;
                }
            }
        }
    }
}

#[test]
fn every_field_that_a_kind_asks_for_is_answered() {
    let mut all = BTreeSet::new();
    for kind in WATCHED.iter() {
        let (mut asked, mut answered) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..200 {
            let mut made = kind.made(Way::Dice, Dice::seeded(seed), NOW);
            asked.append(&mut made.asked);
            if !made.spoiled {
                answered.append(&mut made.answered);
            }
        }
        let never: Vec<_> = asked.difference(&answered).collect();
        assert!(never.is_empty(), "{}: {never:?}", kind.row.name);
        all.append(&mut answered);
    }
    let ends = |field: &str| all.iter().any(|path| path.ends_with(&format!(".{field}")));
    for field in words::labels().into_iter().chain(words::managed()) {
        assert!(ends(&field), "{field}");
    }
    // of some kinds, far down
    for field in [
        "podIP",
        "targetNamespace",
        "lastSkipped",
        "vault",
        "scheduleName",
        "chartVersion",
        "lastDeployed",
        "itemsRestored",
        "kubeletVersion",
        "address",
        "accessMode",
        "lastSyncedTime",
        "venafi",
        "selfSigned",
        "deletionGracePeriodSeconds",
        "managedFields[].fieldsV1.f:spec.f:suspend",
        "fieldsV1.f:metadata.f:annotations.f:fluxcd.controlplane.io/reconcile",
        "containerStatuses[].lastState.terminated.exitCode",
    ] {
        assert!(ends(field), "{field}");
    }
}

proptest! {
    #[test]
    fn no_shape_of_any_object_panics(
        rolls in prop::collection::vec(any::<u16>(), 1500),
        now in 0i64..4_102_444_800,
        cut in any::<prop::sample::Index>(),
    ) {
        for kind in WATCHED.iter() {
            let made = kind.made(Way::Dice, Dice::new(rolls.clone()), Time(now));
            let why = kind.handle(&made.json, Time(now));
            prop_assert!(why.is_none() || made.spoiled, "{}: {why:?} in {}", kind.row.name, made.json);
            let part: String = made.json.chars().take(cut.index(made.json.len())).collect();
            prop_assert!(kind.handle(&part, Time(now)).is_some() || part == made.json, "{}: {part}", kind.row.name);
        }
    }
}
