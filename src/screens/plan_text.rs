//! A plan as text, before it is approved: its warnings, what it touches, and each step with its request and the
//! command that would do the same.

use super::naming::clocks;
use super::pager::{command, fields, fields_or_command, heading, paragraph};
use super::world::Dates;
use super::wrap;
use crate::domain::ages;
use crate::domain::outcome::{Checked, Verdict};
use crate::domain::plan::{Act, Plan, Step};
use crate::domain::text;
use crate::scene::{Line, Tone};

/// Where the lines below a step begin.
const INDENT: usize = 5;

/// The whole plan; `checks` is what the server would say, once that is known.
pub fn lines(plan: &Plan, checks: Option<&[Checked]>, dates: Dates, width: u16, out: &mut Vec<Line>) {
    let section = |title: &str, texts: &[String], tone: Tone, out: &mut Vec<Line>| {
        for (n, text) in texts.iter().enumerate() {
            fields(if n == 0 { title } else { "" }, &text::line(text), width, tone, out);
        }
    };
    section("WARNING", &plan.warnings, Tone::Warn, out);
    section("REACHES", &plan.reach, Tone::Plain, out);
    out.push(heading("STEPS"));
    for (nth, step) in plan.steps.iter().enumerate() {
        let verdict = checks.and_then(|checks| checks.iter().find(|c| c.step == nth)).map(|c| &c.verdict);
        step_lines(nth, step, (verdict, checks.is_none()), dates, width, out);
    }
    for (nth, line) in plan.undo.lines().enumerate() {
        fields_or_command(if nth == 0 { "UNDO" } else { "" }, &text::line(line), width, Tone::Plain, out);
    }
}

/// The commands that would do the same, each in one line.
pub fn twins(plan: &Plan) -> Vec<String> {
    let twins = plan.steps.iter().map(|step| text::line(&step.twin).into_owned());
    twins.filter(|twin| !twin.is_empty()).collect()
}

/// `asked` is what the server would say, and whether it is being asked.
fn step_lines(nth: usize, step: &Step, asked: (Option<&Verdict>, bool), dates: Dates, width: u16, out: &mut Vec<Line>) {
    let (verdict, asking) = asked;
    let aside = match (&step.act, verdict) {
        (Act::Await(proof), _) => Some((format!("up to {}", ages::told(proof.limit.into())), Tone::Dim)),
        (Act::Manual(_), _) => Some(("manual step".to_owned(), Tone::Dim)),
        (_, Some(Verdict::Allowed)) => Some(("dry run: accepted".to_owned(), Tone::Good)),
        (_, Some(Verdict::Untried)) => Some(("not tried".to_owned(), Tone::Dim)),
        (_, None) if asking => Some(("asking".to_owned(), Tone::Busy)),
        _ => None,
    };
    headline(&format!("  {:>2} ", nth + 1), Tone::Dim, &step.what, aside, width, out);
    let indented = |text: &str, tone: Tone, out: &mut Vec<Line>| {
        paragraph(INDENT, &text::line(text), width, tone, out);
    };
    match verdict {
        Some(Verdict::Denied(why)) => indented(&format!("dry run: rejected: {why}"), Tone::Bad, out),
        Some(Verdict::Unknown(why)) => indented(why, Tone::Warn, out),
        _ => {}
    }
    match &step.act {
        Act::Send(request) => {
            if !request.after.is_empty() {
                let change = format!("{} -> {}", request.before, request.after);
                indented(&clocks(change.trim_start_matches(" -> "), dates), Tone::Accent, out);
            }
            indented(&format!("{} {}", request.method, request.path), Tone::Dim, out);
            if let Some(body) = request.body.json() {
                indented(&body.to_string(), Tone::Dim, out);
            }
            if let Some(guard) = &request.guard {
                indented(&format!("only while it is {}", guard.told()), Tone::Dim, out);
            }
        }
        Act::Ask { argv, .. } => indented(&argv.join(" "), Tone::Dim, out),
        Act::Evict(evictions) => out.extend(super::evictions::lines(evictions, usize::from(width))),
        Act::Fetch(fetch) => indented(&fetch.told(), Tone::Dim, out),
        Act::Manual(why) => indented(why, Tone::Warn, out),
        Act::Await(_) | Act::Local(_) => {}
    }
    if !step.twin.is_empty() {
        command(INDENT, "same as: ", &text::line(&step.twin), width, Tone::Dim, out);
    }
}

/// `  12 what it does  aside`, the words in as many rows as they need.
pub fn headline(
    head: &str,
    head_tone: Tone,
    what: &str,
    aside: Option<(String, Tone)>,
    width: u16,
    out: &mut Vec<Line>,
) {
    let indent = crate::scene::width(head);
    let room = usize::from(width).saturating_sub(indent + 1).max(20);
    for (n, part) in wrap::words(&text::line(what), room).into_iter().enumerate() {
        let mut line =
            if n == 0 { Line::of(head.to_owned(), head_tone) } else { Line::of(" ".repeat(indent), head_tone) };
        line.join = part.join;
        line.plain(part.text);
        out.push(line);
    }
    let Some((text, tone)) = aside else { return };
    match out.last_mut() {
        Some(last) if last.width() + crate::scene::width(&text) + 2 < usize::from(width) => {
            last.push(format!("  {text}"), tone);
        }
        _ => out.push(Line::of(format!("{:indent$}{text}", ""), tone)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ages::Time;
    use crate::domain::plan::{Body, Method, Origin, Request, Risk, Via};
    use crate::scene;
    use serde_json::json;

    #[test]
    fn what_changes_comes_first_and_a_long_body_is_whole() {
        let long = json!([{ "op": "replace", "value": "word ".repeat(400) }, { "op": "last", "path": "/metadata" }]);
        let request = Request {
            via: Via::Kubernetes,
            method: Method::Patch,
            path: "/x".into(),
            body: Body::Patch(long),
            guard: None,
            right: None,
            dry_run: false,
            fine: &[],
            patience: 0,
            before: "revision 2".into(),
            after: "revision 1".into(),
        };
        let plan = Plan {
            action: "undo-rollout",
            title: String::new(),
            targets: Vec::new(),
            steps: vec![Step::send("go back", "", request)],
            risk: Risk::Press,
            reach: Vec::new(),
            warnings: Vec::new(),
            undo: String::new(),
            reason: String::new(),
            needs_reason: false,
            origin: Origin::default(),
        };
        let mut out = Vec::new();
        lines(&plan, None, Dates { now: Time(0), utc: true }, 80, &mut out);
        let text = scene::copied(&out);
        assert!(text.contains(r#"{"op":"last","path":"/metadata"}]"#), "{text}");
        assert!(text.find("revision 2 -> revision 1").unwrap() < text.find("PATCH /x").unwrap(), "{text}");
    }
}
