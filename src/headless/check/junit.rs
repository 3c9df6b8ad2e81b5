//! A check as XML that tools for test results read: every feed and every incident is a case, so that a pipeline shows
//! what is wrong and also what could be read; a kind that nobody watches is a skipped one.

use std::io::{self, Write};

use super::report::Report;
use super::text;
use crate::domain::health::Severity;

/// # Errors
/// What writing fails with.
pub fn print(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"watchkeeper check\">")?;
    reports.iter().try_for_each(|report| suite(report, out))?;
    writeln!(out, "</testsuites>")
}

fn suite(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let failures = report.incidents.iter().filter(|found| fails(found.severity, found.muted)).count();
    let errors = report.feeds.iter().filter(|feed| feed.unknown).count() + usize::from(report.error.is_some());
    let absent = report.feeds.iter().filter(|feed| !feed.installed && !feed.unknown).count();
    let skipped = absent + report.unwatched.len();
    let cases = report.feeds.len() + report.incidents.len() + report.unwatched.len();
    let tests = cases + usize::from(report.error.is_some());
    let context = escape(&report.context);
    writeln!(
        out,
        "  <testsuite name=\"{context}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{skipped}\" time=\"{:.3}\" timestamp=\"{}\">",
        report.took.as_secs_f64(),
        report.time.timestamp(),
    )?;
    if let Some(error) = &report.error {
        writeln!(
            out,
            "    <testcase classname=\"{context}\" name=\"a complete answer\"><error message=\"{}\"/></testcase>",
            escape(error)
        )?;
    }
    for feed in &report.feeds {
        write!(out, "    <testcase classname=\"{context}.feeds\" name=\"{}\"", escape(feed.word))?;
        if feed.unknown {
            let message = escape(&format!("{}: {}", feed.state, feed.why));
            writeln!(out, "><error message=\"{message}\">blind to {}</error></testcase>", escape(feed.blinds))?;
        } else if feed.installed {
            writeln!(out, "/>")?;
        } else {
            writeln!(out, "><skipped message=\"{}\"/></testcase>", escape(feed.state))?;
        }
    }
    for kind in &report.unwatched {
        let message = escape(&format!("not watched: {}", kind.misses));
        writeln!(
            out,
            "    <testcase classname=\"{context}.unwatched\" name=\"{}\"><skipped message=\"{message}\"/></testcase>",
            escape(&kind.told())
        )?;
    }
    for found in &report.incidents {
        let name = escape(&format!("{} {} {}", found.severity, found.kind, found.name));
        write!(out, "    <testcase classname=\"{context}.incidents\" name=\"{name}\"")?;
        let why = escape(&found.why);
        if fails(found.severity, found.muted) {
            let beside = escape(&format!("explains {}{}", found.explains, text::by(&found.by)));
            writeln!(out, "><failure type=\"{}\" message=\"{why}\">{beside}</failure></testcase>", found.severity)?;
        } else {
            writeln!(out, "><system-out>{why}</system-out></testcase>")?;
        }
    }
    writeln!(out, "  </testsuite>")
}

fn fails(severity: Severity, muted: bool) -> bool {
    !muted && severity != Severity::P4
}

/// For attributes and text.
fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML 1.0 has no way of writing these
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::check::testing::{report, unwatched};

    #[test]
    fn incidents_fail_notes_pass_blind_feeds_are_errors_and_absent_ones_are_skipped() {
        let mut out = Vec::new();
        print(&[report()], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\""), "{text}");
        for (tag, times) in [("<failure ", 1), ("<error ", 1), ("<skipped ", 1), ("<system-out>", 1)] {
            assert_eq!(text.matches(tag).count(), times, "{tag} in {text}");
        }
    }

    #[test]
    fn a_kind_that_nobody_watches_is_a_skipped_case() {
        let mut out = Vec::new();
        print(&[Report { unwatched: vec![unwatched()], ..report() }], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("tests=\"6\" failures=\"1\" errors=\"1\" skipped=\"2\""), "{text}");
        let case = "name=\"Widget (example.com)\"><skipped message=\"not watched: widgets\"/></testcase>";
        assert!(text.contains(case), "{text}");
    }

    #[test]
    fn nothing_that_a_cluster_says_is_markup() {
        assert_eq!(escape("<a b=\"c\">&'\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\u{fffd}");
    }
}
