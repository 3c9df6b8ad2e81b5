//! A check as Prometheus' text format, for the node exporter's textfile collector. The time of the last success is
//! carried over from the file before: a check that cannot tell must not look like one that could.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::report::Report;
use super::state::State;
use crate::domain::served::Unwatched;

const LAST_SUCCESS: &str = "watchkeeper_check_last_success_timestamp_seconds";

/// The text; `before` is that of the file that it replaces, empty when there is none.
pub fn document(reports: &[Report], before: &str) -> String {
    let kept = last_successes(before);
    let mut out = String::new();
    let mut series = |name: &str, help: &str, lines: Vec<(String, String)>| {
        if lines.is_empty() {
            return;
        }
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in lines {
            let _ = writeln!(out, "{name}{{{labels}}} {value}");
        }
    };
    let of = |report: &Report| format!("context=\"{}\"", escape(&report.context));
    let each = |value: &dyn Fn(&Report) -> String| -> Vec<(String, String)> {
        reports.iter().map(|report| (of(report), value(report))).collect()
    };
    series(
        "watchkeeper_check_state",
        "0 ok, 1 warning, 2 critical, 3 unknown.",
        each(&|report| report.state().code().to_string()),
    );
    let by_severity = reports.iter().flat_map(|report| {
        let counts = ["P1", "P2", "P3", "P4"].into_iter().zip(report.by_severity);
        counts
            .map(|(severity, n)| (format!("{},severity=\"{severity}\"", of(report)), n.to_string()))
            .collect::<Vec<_>>()
    });
    series("watchkeeper_check_incidents", "Incidents that are not silenced, by severity.", by_severity.collect());
    series("watchkeeper_check_unknown", "Sources that cannot be read.", each(&|report| report.unknown.to_string()));
    let unwatched = reports.iter().flat_map(|report| {
        let of_kind =
            |k: &Unwatched| format!("{},group=\"{}\",kind=\"{}\"", of(report), escape(&k.group), escape(&k.kind));
        report.unwatched.iter().map(|k| (of_kind(k), "1".to_owned())).collect::<Vec<_>>()
    });
    series("watchkeeper_check_unwatched", "Kinds that are served, matter, and are not read.", unwatched.collect());
    series("watchkeeper_check_silenced", "Incidents that are silenced.", each(&|report| report.silenced.to_string()));
    series(
        "watchkeeper_check_explained",
        "Findings that incidents explain.",
        each(&|report| report.explained.to_string()),
    );
    series(
        "watchkeeper_check_duration_seconds",
        "How long the check took.",
        each(&|report| format!("{:.3}", report.took.as_secs_f64())),
    );
    series(
        "watchkeeper_check_last_run_timestamp_seconds",
        "When the check ran, whatever came of it.",
        each(&|report| report.time.0.to_string()),
    );
    let successes = reports.iter().filter_map(|report| {
        let told = report.error.is_none() && report.state() != State::Unknown;
        let at = if told { Some(report.time.0) } else { kept.get(&of(report)).copied() };
        Some((of(report), at?.to_string()))
    });
    series(LAST_SUCCESS, "When the check last could tell the state.", successes.collect());
    out
}

/// By their labels.
fn last_successes(before: &str) -> BTreeMap<String, i64> {
    let lines = before.lines().filter_map(|line| {
        let (labels, value) = line.strip_prefix(LAST_SUCCESS)?.strip_prefix('{')?.rsplit_once("} ")?;
        Some((labels.to_owned(), value.trim().parse().ok()?))
    });
    lines.collect()
}

fn escape(raw: &str) -> String {
    raw.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ages::Time;
    use crate::headless::check::testing::{fleet, report, unwatched};

    #[test]
    fn every_series_has_its_type_and_every_context_its_labels() {
        let text = document(&fleet(), "");
        assert!(text.contains("watchkeeper_check_incidents{context=\"lab\",severity=\"P1\"} 1\n"), "{text}");
        assert!(text.contains("watchkeeper_check_state{context=\"far\"} 3\n"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split('{').next().unwrap();
            assert_eq!(text.matches(&format!("# TYPE {name} gauge")).count(), 1, "{line}");
        }
    }

    #[test]
    fn a_kind_that_nobody_watches_is_named() {
        let text = document(&[Report { unwatched: vec![unwatched()], ..report() }], "");
        let line = "watchkeeper_check_unwatched{context=\"lab\",group=\"example.com\",kind=\"Widget\"} 1\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_check_that_cannot_tell_keeps_the_time_of_the_one_that_could() {
        let good = Report { unknown: 0, feeds: Vec::new(), context: "a\"b".to_owned(), ..report() };
        let first = document(std::slice::from_ref(&good), "");
        let at = format!("{LAST_SUCCESS}{{context=\"a\\\"b\"}} {}", good.time.0);
        assert!(first.contains(&at), "{first}");
        let late = good.time.plus(600);
        let lost =
            Report { time: late, error: Some("refused".to_owned()), unknown: 1, by_severity: [0; 4], ..good.clone() };
        let second = document(std::slice::from_ref(&lost), &first);
        assert!(second.contains(&at), "{second}");
        assert!(second.contains(&format!("last_run_timestamp_seconds{{context=\"a\\\"b\"}} {}", late.0)), "{second}");
        let third = document(&[Report { time: Time(late.0 + 1), ..good }], &second);
        assert!(third.contains(&format!("{LAST_SUCCESS}{{context=\"a\\\"b\"}} {}", late.0 + 1)), "{third}");
        assert!(!document(&[lost], "").contains(LAST_SUCCESS), "what never succeeded has no time");
    }
}
