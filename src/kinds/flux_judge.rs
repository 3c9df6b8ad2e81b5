//! Judges a Flux object by its case: how severe, since when, in which words, and when to judge again.

use super::ending::{self, because, words};
use super::flux::{
    BLOCKER, Case, FAILED_SINCE, FAILURES, PATIENCE, READY, READY_REASON, RETRY, REVISION, SINCE, SUSPENDED_BY, WINDOW,
    WINDOW_END, WRONG, gist, has_failed,
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
        Case::Retrying => after_grace(Severity::P2, retrying(record, strings)),
        Case::Progressing if repeated => after_grace(Severity::P2, retrying(record, strings)),
        Case::Progressing | Case::Outdated => under_way(record, begun, thresholds, now),
        Case::Untested => {
            let why = because("ready, though its tests failed", &record.note);
            Judgement::of(record.health).with(Finding::new(Severity::P4, since, why))
        }
        Case::Ok | Case::Static => Judgement::of(record.health),
    }
}

/// How long a failure may last before it counts. An object that is tried again sooner than that would never count: for
/// it, half of the time until the next attempt is enough.
fn grace(record: &Record, thresholds: &Thresholds) -> i64 {
    let grace = thresholds.reconcile_grace;
    match record.cell(RETRY) {
        Cell::Int(retry) if matches!(Case::of(record), Case::Failed | Case::Retrying) => grace.min(retry / 2),
        _ => grace,
    }
}

/// An attempt ends within its timeout, and a new spec is observed; an object that takes longer has stopped.
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
        Case::Outdated => "its controller has not observed its newest spec".to_owned(),
        _ => because(&format!("in progress for more than {}", ages::told(than)), &record.note),
    };
    Judgement::of(Health::Warning).with(Finding::new(Severity::P3, Some(begun), why))
}

/// `suspended by flux`, with Ready's last message when that was not good.
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
    // a suspended failure is still a failure: nothing fixes it meanwhile
    let failed = has_failed(record, strings);
    if failed {
        let what = last_word(record, strings);
        let by = match record.text(SUSPENDED_BY, strings) {
            "" => String::new(),
            by => format!(" by {by}"),
        };
        let since = record.time(FAILED_SINCE).or(since);
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
        judged.with(Finding::new(Severity::P2, Some(since), why).graver_at(ends))
    }
}

/// The last result: `upgrade failed`, `rolled back to 1.4.0`.
fn last_word(record: &Record, strings: &Strings) -> String {
    let told_by = if record.text(READY, strings) == "False" { READY_REASON } else { WRONG };
    match (record.text(told_by, strings), record.text(REVISION, strings)) {
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

/// `upgrade failed 14 times, trying again: context deadline exceeded`.
fn retrying(record: &Record, strings: &Strings) -> String {
    let what = match record.text(WRONG, strings) {
        "" => "failed".to_owned(),
        reason => words(reason),
    };
    let times = match record.int(FAILURES) {
        0 => String::new(),
        1 => " once".to_owned(),
        n => format!(" {n} times"),
    };
    because(&format!("{what}{times}, trying again"), gist(&record.note))
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
