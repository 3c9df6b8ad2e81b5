//! Judges a Flux object by its case: how bad, since when, in which words, and when to look again.

use super::ending::{self, because, words};
use super::flux::{
    BLOCKER, Case, FAILURES, PATIENCE, READY, READY_REASON, READY_SINCE, RETRY, REVISION, SINCE, SUSPENDED_BY, WINDOW,
    WINDOW_END, gist, has_failed,
};
use super::window;
use crate::domain::ages::{self, Time};
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::Strings;
use crate::domain::record::{Cell, Record};
use crate::domain::thresholds::Thresholds;

/// From this many failures in a row on, a retry in between does not start a new grace.
const REPEATED: i64 = 2;

pub fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let begun = since.unwrap_or(record.created);
    let repeated = record.int(FAILURES) >= REPEATED;
    let after_grace = |severity: Severity, why: String| {
        let ends = begun.plus(grace(record, thresholds));
        let judged = Judgement::of(record.health);
        if now < ends && !repeated { judged.again_at(ends) } else { judged.with(Finding::new(severity, since, why)) }
    };
    match Case::of(record) {
        Case::Terminating => ending::judge(record, since, thresholds, now),
        Case::Suspended => suspended(record, strings, thresholds, now),
        Case::Stalled | Case::Failed => after_grace(Severity::P2, failure(record, strings)),
        Case::Blocked => after_grace(Severity::P3, blocked(record, strings)),
        Case::Drifted => after_grace(Severity::P3, because("drifted", &record.note)),
        Case::Waiting => after_grace(Severity::P3, record.note.to_string()),
        Case::Progressing if repeated => {
            let why = format!("failed {} times, trying again", record.int(FAILURES));
            after_grace(Severity::P2, because(&why, &record.note))
        }
        Case::Progressing | Case::Outdated => under_way(record, begun, thresholds, now),
        Case::Ok | Case::Static => Judgement::of(record.health),
    }
}

/// How long a failure may last before it counts. One that is tried again sooner than that would never count: half of
/// the time until the next attempt is enough then.
fn grace(record: &Record, thresholds: &Thresholds) -> i64 {
    let grace = thresholds.reconcile_grace;
    match record.cell(RETRY) {
        Cell::Int(retry) if Case::of(record) == Case::Failed => grace.min(retry / 2),
        _ => grace,
    }
}

/// An attempt ends within its timeout, and a new spec is looked at; what takes longer has stopped.
fn under_way(record: &Record, begun: Time, thresholds: &Thresholds, now: Time) -> Judgement {
    let (patience, than) = match record.cell(PATIENCE) {
        Cell::Int(own) => (own.saturating_add(thresholds.reconcile_grace), own),
        _ => (thresholds.no_progress, thresholds.no_progress),
    };
    let ends = begun.plus(patience);
    if now < ends {
        return Judgement::of(record.health).again_at(ends);
    }
    let why = match Case::of(record) {
        Case::Outdated => "its controller has not looked at its newest spec".to_owned(),
        _ => because(&format!("in progress for more than {}", ages::told(than)), &record.note),
    };
    Judgement::of(Health::Warning).with(Finding::new(Severity::P3, Some(begun), why))
}

/// `suspended by flux`, with what Ready said last when that was not good.
fn suspended(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let mut why = "suspended".to_owned();
    match record.text(SUSPENDED_BY, strings) {
        "" => {}
        by => why = format!("suspended by {by}"),
    }
    if record.health == Health::Warning {
        let last = match (record.text(READY, strings), record.text(READY_REASON, strings)) {
            ("", _) => String::new(),
            (ready, "") => format!(" at Ready={ready}"),
            (_, reason) => format!(" at {}", words(reason)),
        };
        why = because(&format!("{why}{last}"), &record.note);
    }
    let mut judged = Judgement::of(record.health);
    // a failure is none the less for being suspended: nothing mends it meanwhile
    let failed = has_failed(record, strings);
    if failed {
        let what = last_word(record, strings);
        let by = match record.text(SUSPENDED_BY, strings) {
            "" => String::new(),
            by => format!(" by {by}"),
        };
        let since = record.time(READY_SINCE).or(since);
        let why = because(&format!("{what}, and suspended{by}"), gist(&record.note));
        judged = judged.with(Finding::new(Severity::P2, since, why));
    }
    if let (id, Some(until)) = (record.text(WINDOW, strings), record.time(WINDOW_END))
        && !id.is_empty()
    {
        return window::judge(judged, id, until, "suspended", now);
    }
    if failed {
        return judged;
    }
    let Some(since) = since else {
        return judged.with(Finding::new(Severity::P3, None, why));
    };
    let ends = since.plus(thresholds.suspended_for);
    if now < ends {
        judged.again_at(ends).with(Finding::new(Severity::P3, Some(since), why))
    } else {
        judged.with(Finding::new(Severity::P2, Some(since), why))
    }
}

/// What Ready said last: `upgrade failed`, `rolled back to 1.4.0`.
fn last_word(record: &Record, strings: &Strings) -> String {
    match (record.text(READY_REASON, strings), record.text(REVISION, strings)) {
        ("", _) => "failed".to_owned(),
        ("RollbackSucceeded", "") => "rolled back".to_owned(),
        ("RollbackSucceeded", revision) => format!("rolled back to {revision}"),
        (reason, _) => words(reason),
    }
}

fn blocked(record: &Record, strings: &Strings) -> String {
    match record.text(BLOCKER, strings) {
        "" => because("blocked", &record.note),
        "its source" => because("blocked by its source", &record.note),
        by => format!("blocked by {by}"),
    }
}

/// `upgrade failed: context deadline exceeded`, `rolled back to 1.4.0, retries exceeded: ...`.
fn failure(record: &Record, strings: &Strings) -> String {
    let mut what = words(match (Case::of(record), record.text(READY_REASON, strings)) {
        (Case::Stalled, "") => strings.get(record.status),
        (Case::Stalled, reason) if record.text(READY, strings) == "False" => reason,
        _ => strings.get(record.status),
    });
    if record.text(READY_REASON, strings) == "RollbackSucceeded" {
        what = match record.text(REVISION, strings) {
            "" => "rolled back".to_owned(),
            revision => format!("rolled back to {revision}"),
        };
    }
    if Case::of(record) == Case::Stalled {
        let stalled = words(strings.get(record.status));
        if stalled != what {
            what = format!("{what}, {stalled}");
        }
        what.push_str(", will not retry");
    }
    because(&what, gist(&record.note))
}
