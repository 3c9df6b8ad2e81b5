//! A check as Markdown: for a ticket or a chat.

use std::io::{self, Write};

use super::report::Report;
use super::text;
use crate::domain::ages;
use crate::domain::moment::escaped;

/// # Errors
/// What writing fails with.
pub fn print(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    for (nth, report) in reports.iter().enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        context(report, out)?;
    }
    Ok(())
}

fn context(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let [p1, p2, p3, p4] = report.by_severity;
    writeln!(out, "## {}: {}\n", escaped(&report.context), report.state().word())?;
    writeln!(
        out,
        "{} · P1 {p1}, P2 {p2}, P3 {p3}, P4 {p4}, unknown {}, silenced {}\n",
        report.time.timestamp(),
        report.unknown,
        report.silenced
    )?;
    if report.incidents.is_empty() {
        writeln!(out, "No incident in what could be read.")?;
    } else {
        writeln!(out, "| | what | for | why | explains | by |\n|-|-|-|-|-|-|")?;
    }
    for found in &report.incidents {
        let since = found.since.map_or_else(|| "?".to_owned(), |since| ages::told(since.age(report.time).max(0)));
        let silenced = if found.muted { " (silenced)" } else { "" };
        let by = text::by(&found.by);
        let rule = found.rule.map_or_else(String::new, |rule| format!("rule {rule} "));
        writeln!(
            out,
            "| {}{silenced} | {} {} | {since} | {} | {} | {rule}{} |",
            found.severity,
            escaped(&found.kind),
            escaped(&found.name),
            escaped(&found.why),
            found.explains,
            by.trim_start_matches(": "),
        )?;
    }
    let mut unread = text::unread(report);
    unread.extend(text::unwatched(&report.unwatched));
    unread.splice(0..0, report.error.iter().map(|error| format!("UNKNOWN  {error}")));
    if !unread.is_empty() {
        writeln!(out)?;
    }
    unread.into_iter().try_for_each(|line| writeln!(out, "- {}", escaped(&line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::check::testing::report;

    #[test]
    fn what_a_cluster_says_cannot_leave_its_cell() {
        let mut out = Vec::new();
        print(&[report()], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r"quorum lost: 2 of 3 \| sealed"), "{text}");
        let rows = text.lines().filter(|line| line.starts_with("| P"));
        for row in rows {
            assert_eq!(row.replace(r"\|", "").matches('|').count(), 7, "{row}");
        }
    }
}
