//! Reports for the tests of the formats.

use std::time::Duration;

use super::report::{By, FeedSeen, Found, Report};
use crate::domain::ages::Time;
use crate::domain::health::Severity;
use crate::domain::served::Unwatched;

const NOW: Time = Time(1_795_255_200);

fn feed(word: &'static str, state: &'static str) -> FeedSeen {
    let unknown = state == "unreachable";
    FeedSeen {
        word,
        title: word,
        state,
        blinds: if unknown { "alerts, guardrails" } else { "" },
        why: if unknown { "refused".to_owned() } else { String::new() },
        since: Some(NOW.plus(-60)),
        objects: 3,
        unknown,
        installed: state != "not installed",
    }
}

fn found(severity: Severity, explains: u32) -> Found {
    let by = |rule, confidence, count| By { rule, confidence, count };
    Found {
        severity,
        kind: "Seals".to_owned(),
        name: "openbao/openbao".to_owned(),
        since: Some(NOW.plus(-257)),
        began: Some(NOW.plus(-257)),
        why: "quorum lost: 2 of 3 | sealed".to_owned(),
        muted: false,
        users: false,
        dependents: 0,
        explains,
        rule: None,
        by: if explains > 0 { vec![by("seal", "exact", 2), by("alert-about", "likely", 1)] } else { Vec::new() },
        symptoms: Vec::new(),
        changed: None,
    }
}

/// One P1 that explains three, a note, a blind feed, one that is not installed.
pub fn report() -> Report {
    Report {
        context: "lab".to_owned(),
        server: "v1.36.2".to_owned(),
        time: NOW,
        took: Duration::from_millis(1250),
        by_severity: [1, 0, 0, 1],
        explained: 3,
        unknown: 1,
        feeds: vec![feed("pods", "live"), feed("alerts", "unreachable"), feed("backups", "not installed")],
        incidents: vec![found(Severity::P1, 3), found(Severity::P4, 0)],
        ..Report::default()
    }
}

/// A calm one, one that is far away, and that of [`report`].
pub fn fleet() -> Vec<Report> {
    let named = |context: &str| Report { context: context.to_owned(), time: NOW, ..Report::default() };
    let far = Report { error: Some("no route".to_owned()), unknown: 1, ..named("far") };
    vec![named("calm"), far, report()]
}

/// A kind that is served and not read.
pub fn unwatched() -> Unwatched {
    Unwatched { group: "example.com".into(), kind: "Widget".into(), misses: "widgets" }
}
