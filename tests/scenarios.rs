//! The scenarios of `tests/scenarios/*.yaml`: objects as they come over the wire, and the incidents that triage must
//! make of them. Each is played in four ways - as written, backwards, one object at a time, and backwards one at a
//! time - and must end the same each time; without its objects nothing of it may be left, and a second run ends alike.
//!
//! `tests/scenarios/README.md` tells how to write one.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a scenario that cannot be read fails the test")]

#[path = "scenarios/read.rs"]
mod read;
#[path = "scenarios/settings.rs"]
mod settings;

use std::fmt::Write as _;

use read::{Expected, Piece, Scenario};
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::change::{Batch, Change, Feed, FeedState};
use watchkeeper::domain::finding::Finding;
use watchkeeper::domain::health::Severity;
use watchkeeper::domain::interner::Interner;
use watchkeeper::domain::record::KindId;
use watchkeeper::domain::thresholds::Thresholds;
use watchkeeper::kinds;
use watchkeeper::store::{RowId, Store};
use watchkeeper::triage::{self, Settings, Subject, Triage};

/// Everything that sees the objects of one scenario.
struct Seen<'a> {
    scenario: &'a Scenario,
    store: Store,
    triage: Triage,
    intern: Interner,
    thresholds: Thresholds,
    now: Time,
}

impl<'a> Seen<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let mut store = Store::new(kinds::KINDS.len());
        for kind in kinds::ids() {
            let word = scenario.feeds.get(kinds::spec(kind).name).map_or("live", String::as_str);
            let state = match word {
                "live" => FeedState::Live,
                "stale" => FeedState::Stale,
                "unreachable" => FeedState::Unreachable,
                "not installed" => FeedState::NotInstalled,
                "no access" => FeedState::NoAccess,
                other => panic!("{}: no feed is {other}", scenario.name),
            };
            let change = Change::Feed(Feed { state, ..Feed::default() });
            store.apply(Batch { kind, strings: Vec::new(), changes: vec![change] }, &mut Vec::new());
        }
        Self {
            scenario,
            store,
            triage: Triage::default(),
            intern: Interner::default(),
            thresholds: Thresholds::default(),
            now: Time::parse(&scenario.now).unwrap_or_else(|| panic!("{}: now is no time", scenario.name)),
        }
    }

    fn apply(&mut self, kind: KindId, changes: Vec<Change>, touched: &mut Vec<RowId>) {
        let strings = self.intern.unshipped();
        self.store.apply(Batch { kind, strings, changes }, touched);
    }

    fn refresh(&mut self, touched: &[RowId]) {
        let profiles = watchkeeper::domain::profile::Profiles::default();
        let settings = Settings { thresholds: &self.thresholds, core: &self.scenario.core, profiles: &profiles };
        let lost = self.scenario.lost.as_ref().map(|why| Finding::new(Severity::P1, None, why.as_str()));
        self.triage.refresh(&mut self.store, touched, lost, &settings, self.now);
    }

    /// Takes the pieces in, in this order; `each` refreshes after every one of them.
    fn tell(&mut self, pieces: &[&Piece], each: bool) {
        let mut touched = Vec::new();
        let mut known = Vec::new();
        for piece in pieces {
            known.push(*piece);
            for (kind, record) in read::records(piece, &known, &mut self.intern) {
                self.apply(kind, vec![Change::Upsert(record)], &mut touched);
            }
            if each {
                self.refresh(&touched);
                touched.clear();
            }
        }
        self.refresh(&touched);
    }

    fn forget(&mut self) {
        let mut touched = Vec::new();
        for kind in kinds::ids() {
            let uids: Vec<_> = self.store.table(kind).iter().map(|(_, row)| row.record.uid).collect();
            self.apply(kind, uids.into_iter().map(Change::Remove).collect(), &mut touched);
        }
        self.refresh(&touched);
    }

    fn what(&self, subject: Subject) -> String {
        let (kind, name) = triage::title(&self.store, &self.triage, subject, "cluster");
        format!("{kind} {name}").trim_end().to_owned()
    }

    /// `Pod shop/cart-1 by node-lost exact`, sorted.
    fn explained(&self, root: Subject) -> Vec<String> {
        let told = |subject: Subject| {
            let reason = self.triage.reason(subject).expect("what is explained has a reason");
            format!("{} by {} {}", self.what(subject), reason.rule.unwrap_or("namespace"), reason.confidence.word())
        };
        let mut all: Vec<String> = self.triage.explained(root).into_iter().map(told).collect();
        all.sort_unstable();
        all
    }

    fn found(&self) -> Vec<Found> {
        let found = |incident: &triage::Incident| Found {
            severity: format!("{:?}", incident.severity),
            what: self.what(incident.subject),
            why: self.triage.finding(incident.subject).map_or_else(String::new, |f| f.why.to_string()),
            muted: incident.muted,
            users: incident.users,
            dependents: incident.dependents,
            severe: incident.severe.map(|at| at.timestamp().to_string()),
            changed: incident.changed.map(|(row, _)| self.what(Subject::Row(row))),
            explains: self.explained(incident.subject),
            count: incident.explains as usize,
        };
        self.triage.incidents().iter().map(found).collect()
    }
}

/// One incident as triage has it, in words.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    severity: String,
    what: String,
    why: String,
    muted: bool,
    users: bool,
    dependents: u32,
    severe: Option<String>,
    changed: Option<String>,
    explains: Vec<String>,
    count: usize,
}

impl Found {
    fn fits(&self, expected: &Expected) -> bool {
        self.severity == expected.severity
            && self.what == expected.what
            && self.why.contains(&expected.why)
            && self.muted == expected.muted
            && expected.users.is_none_or(|users| users == self.users)
            && expected.dependents.is_none_or(|n| n == self.dependents)
            && self.changed == expected.changed
            && expected.severe.as_ref().is_none_or(|severe| self.severe.as_ref() == Some(severe))
            && self.count == self.explains.len()
            && match (&expected.explains, expected.count) {
                (explains, None) => self.explains == *explains,
                (explains, Some(n)) => self.count == n && explains.iter().all(|e| self.explains.contains(e)),
            }
    }

    fn told(&self) -> String {
        let mut out = format!("{} {}: {}", self.severity, self.what, self.why);
        for (is, word) in [(self.muted, "muted"), (self.users, "users")] {
            if is {
                let _ = write!(out, ", {word}");
            }
        }
        if self.dependents > 0 {
            let _ = write!(out, ", {} dependents", self.dependents);
        }
        if let Some(severe) = &self.severe {
            let _ = write!(out, ", since {severe}");
        }
        if let Some(changed) = &self.changed {
            let _ = write!(out, ", changed {changed}");
        }
        if self.count != self.explains.len() {
            let _ = write!(out, ", says that it explains {}", self.count);
        }
        for explained in self.explains.iter().take(12) {
            let _ = write!(out, "\n        {explained}");
        }
        out
    }
}

fn wanted(expected: &Expected) -> String {
    let mut out = format!("{} {}: ..{}..", expected.severity, expected.what, expected.why);
    if expected.muted {
        out.push_str(", muted");
    }
    if let Some(severe) = &expected.severe {
        let _ = write!(out, ", since {severe}");
    }
    if let Some(changed) = &expected.changed {
        let _ = write!(out, ", changed {changed}");
    }
    if let Some(n) = expected.dependents {
        let _ = write!(out, ", {n} dependents");
    }
    if let Some(n) = expected.count {
        let _ = write!(out, ", explains {n}");
    }
    for explained in &expected.explains {
        let _ = write!(out, "\n        {explained}");
    }
    out
}

/// What differs, or nothing.
fn compare(scenario: &Scenario, way: &str, found: &[Found]) -> Option<String> {
    let fits = found.len() == scenario.expect.len() && found.iter().zip(&scenario.expect).all(|(f, e)| f.fits(e));
    if fits {
        return None;
    }
    let mut out = format!("{} ({}), {way}:\n", scenario.name, scenario.file);
    for index in 0..found.len().max(scenario.expect.len()) {
        let (is, should) = (found.get(index), scenario.expect.get(index));
        match (is, should) {
            (Some(is), Some(should)) if is.fits(should) => {
                let _ = writeln!(out, "      {}", is.told());
            }
            (is, should) => {
                let none = || "nothing".to_owned();
                let _ = writeln!(out, "    - {}", should.map_or_else(none, wanted));
                let _ = writeln!(out, "    + {}", is.map_or_else(none, Found::told));
            }
        }
    }
    Some(out)
}

fn run(scenario: &Scenario) -> Option<String> {
    let forward: Vec<&Piece> = scenario.pieces.iter().collect();
    let backward: Vec<&Piece> = scenario.pieces.iter().rev().collect();
    let ways = [
        ("as written", &forward, false),
        ("backwards", &backward, false),
        ("one at a time", &forward, true),
        ("backwards, one at a time", &backward, true),
    ];
    for (way, pieces, each) in ways {
        let mut seen = Seen::new(scenario);
        seen.tell(pieces, each);
        if let Some(diff) = compare(scenario, way, &seen.found()) {
            return Some(diff);
        }
        let totals = seen.triage.totals();
        let counted: u32 = totals.by_severity.iter().sum::<u32>() + totals.silenced;
        assert_eq!(counted as usize, scenario.expect.len(), "{}: the totals", scenario.name);
        seen.forget();
        let left: Vec<String> = seen
            .found()
            .iter()
            .filter(|f| !f.what.starts_with("Feed") && !f.what.starts_with("Cluster"))
            .map(Found::told)
            .collect();
        let sizes = seen.triage.sizes();
        if !left.is_empty() || !sizes.is_empty() {
            return Some(format!(
                "{} ({}), {way}: left after all is gone: {left:?} {sizes:?}",
                scenario.name, scenario.file
            ));
        }
        // rows and groups that are used again must not remember whose they were
        seen.tell(pieces, each);
        if let Some(diff) = compare(scenario, &format!("{way}, once more"), &seen.found()) {
            return Some(diff);
        }
    }
    None
}

#[test]
fn every_scenario_ends_as_it_says_in_whatever_order_it_is_told() {
    let scenarios = read::all();
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let failed: Vec<String> = scenarios.iter().filter(|s| s.name.contains(&only)).filter_map(run).collect();
    assert!(failed.is_empty(), "{} of {} scenarios:\n\n{}", failed.len(), scenarios.len(), failed.join("\n"));
}

#[test]
fn every_rule_has_a_scenario_in_which_it_joins() {
    let scenarios = read::all();
    for rule in triage::rules::RULES {
        let named = format!(" by {} ", rule.name);
        let makes_group = |s: &Scenario| s.expect.iter().any(|e| e.rules.iter().any(|r| r == rule.name));
        let joins = |s: &Scenario| s.expect.iter().any(|e| e.explains.iter().any(|line| line.contains(&named)));
        assert!(scenarios.iter().any(|s| joins(s) || makes_group(s)), "no scenario shows that {} joins", rule.name);
        let apart = |s: &Scenario| s.apart.iter().any(|r| r == rule.name);
        assert!(scenarios.iter().any(apart), "no scenario shows what {} must not join", rule.name);
    }
}

#[test]
fn names_are_sentences_of_their_own() {
    let scenarios = read::all();
    let mut seen = std::collections::HashSet::new();
    for scenario in &scenarios {
        assert!(seen.insert(&scenario.name), "{} twice", scenario.name);
        assert!(scenario.name.split(' ').count() > 3, "{} is no sentence", scenario.name);
    }
    assert!(scenarios.len() >= 70, "{} scenarios", scenarios.len());
}
