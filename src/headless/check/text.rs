//! A check as text: the first line is what a monitoring system shows, the rest is for people.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::report::{By, FeedSeen, Found, Report};
use crate::domain::ages;
use crate::domain::served::Unwatched;

/// One context: the line, and everything behind it.
///
/// # Errors
/// What writing fails with.
pub fn one(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", headline(report, false))?;
    for found in &report.incidents {
        writeln!(out, "{}", bar_free(&incident(found, report)))?;
    }
    if let Some(error) = &report.error {
        writeln!(out, "UNKNOWN  {}", bar_free(error))?;
    }
    for line in unread(report).into_iter().chain(unwatched(&report.unwatched)) {
        writeln!(out, "{}", bar_free(&line))?;
    }
    Ok(())
}

/// Several contexts: a line each, the worst first.
///
/// # Errors
/// What writing fails with.
pub fn fleet(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    let mut worst: Vec<&Report> = reports.iter().collect();
    worst.sort_by_key(|report| std::cmp::Reverse(report.state()));
    worst.into_iter().try_for_each(|report| writeln!(out, "{}", headline(report, true)))
}

/// `WATCHKEEPER CRITICAL - p1=1 p2=3 p3=2 unknown=0 | p1=1;;;0 ...`.
pub fn headline(report: &Report, named: bool) -> String {
    let [p1, p2, p3, p4] = report.by_severity;
    let mut line = format!("WATCHKEEPER {} - ", report.state().word());
    if named {
        let context = if report.context.is_empty() { "(no context)" } else { &report.context };
        let _ = write!(line, "{}: ", bar_free(context));
    }
    let _ = write!(line, "p1={p1} p2={p2} p3={p3} unknown={}", report.unknown);
    if named && let Some(error) = &report.error {
        let _ = write!(line, " ({})", bar_free(error));
    }
    let counted = [
        ("p1", p1),
        ("p2", p2),
        ("p3", p3),
        ("p4", p4),
        ("unknown", report.unknown),
        ("silenced", report.silenced),
        ("explained", report.explained),
    ];
    line.push_str(" |");
    for (label, value) in counted {
        let _ = write!(line, " {label}={value};;;0");
    }
    let _ = write!(line, " time={:.3}s;;;0", report.took.as_secs_f64());
    line
}

/// In a plugin's output a bar begins numbers.
fn bar_free(text: &str) -> String {
    text.replace('|', "/")
}

fn incident(found: &Found, report: &Report) -> String {
    let mut line = format!("{}  {} {}", found.severity, found.kind, found.name);
    let since = found.since.map_or_else(|| "?".to_owned(), |since| ages::told(since.age(report.time).max(0)));
    let _ = write!(line, "  for {since}");
    let _ = write!(line, "  {}", found.why);
    let mut beside = Vec::new();
    if found.muted {
        beside.push("silenced".to_owned());
    }
    if found.users {
        beside.push("a critical alert is attached".to_owned());
    }
    if let Some(rule) = found.rule {
        beside.push(format!("rule {rule}"));
    }
    if found.explains > 0 {
        beside.push(format!("explains {}{}", found.explains, by(&found.by)));
    }
    if let Some((what, at)) = &found.changed {
        let before = found.began.map_or(0, |began| began.0 - at.0).max(0);
        beside.push(format!("{what} changed {} before", ages::told(before)));
    }
    if !beside.is_empty() {
        let _ = write!(line, "  [{}]", beside.join("; "));
    }
    line
}

/// `: seal 15 exact, alert-about 2 likely`.
pub fn by(by: &[By]) -> String {
    let told: Vec<String> = by.iter().map(|by| format!("{} {} {}", by.rule, by.count, by.confidence)).collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}

/// What is not looked at at all.
pub fn unwatched(kinds: &[Unwatched]) -> Option<String> {
    let told: Vec<String> = kinds.iter().map(Unwatched::told).collect();
    (!told.is_empty()).then(|| format!("not watched: {}", told.join(", ")))
}

/// What cannot be read, one line for each reason.
pub fn unread(report: &Report) -> Vec<String> {
    let mut groups: Vec<(&str, &str, bool, Vec<&FeedSeen>)> = Vec::new();
    for feed in report.feeds.iter().filter(|feed| !feed.blinds.is_empty()) {
        match groups.iter_mut().find(|(state, why, unknown, _)| {
            // a missing right is often many, and each has its own words
            (*state, *unknown) == (feed.state, feed.unknown) && (*why == feed.why || feed.state == "no access")
        }) {
            Some((.., feeds)) => feeds.push(feed),
            None => groups.push((feed.state, &feed.why, feed.unknown, vec![feed])),
        }
    }
    let lines = groups.into_iter().map(|(state, why, unknown, feeds)| {
        let words: Vec<&str> = feeds.iter().map(|feed| feed.word).collect();
        let head = if unknown { "UNKNOWN" } else { "optional" };
        match &*feeds {
            [one] if !why.is_empty() => format!("{head}  {}: {state}: {why} (blind to {})", one.word, one.blinds),
            [one] => format!("{head}  {}: {state} (blind to {})", one.word, one.blinds),
            _ if why.is_empty() || state == "no access" => format!("{head}  {state}: {}", words.join(", ")),
            _ => format!("{head}  {state}: {}: {why}", words.join(", ")),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::check::testing::{fleet as example, report};

    #[test]
    fn the_first_line_is_the_plugins_convention() {
        let mut out = Vec::new();
        one(&report(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let first = text.lines().next().unwrap();
        assert_eq!(
            first,
            "WATCHKEEPER CRITICAL - p1=1 p2=0 p3=0 unknown=1 | p1=1;;;0 p2=0;;;0 p3=0;;;0 p4=1;;;0 unknown=1;;;0 \
             silenced=0;;;0 explained=3;;;0 time=1.250s;;;0"
        );
        assert_eq!(text.matches('|').count(), 1, "a bar would begin numbers: {text}");
        assert!(text.contains("P1  Seals openbao/openbao  for 4m17s  quorum lost: 2 of 3 / sealed"), "{text}");
        assert!(text.contains("explains 3: seal 2 exact, alert-about 1 likely"), "{text}");
        assert!(text.contains("UNKNOWN  alerts: unreachable: refused (blind to alerts, guardrails)"), "{text}");
    }

    #[test]
    fn a_fleet_is_a_line_each_and_the_worst_comes_first() {
        let mut out = Vec::new();
        fleet(&example(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let heads: Vec<&str> = text.lines().map(|line| line.split(" p1=").next().unwrap()).collect();
        assert_eq!(
            heads,
            ["WATCHKEEPER CRITICAL - lab:", "WATCHKEEPER UNKNOWN - far:", "WATCHKEEPER OK - calm:"],
            "{text}"
        );
    }
}
