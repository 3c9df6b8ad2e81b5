//! Silence alerts: the matchers are proposed, may be edited, and are counted against what fires now.

use serde_json::{Value, json};

use super::input::Input;
use super::silence_caution::Caution;
use super::silence_scope::{self, Scope};
use super::{ActKey, ActionSpec, Field, RightRow, Start, right, silence_span};
use crate::domain::command_line::{AMTOOL, CommandLine};
use crate::domain::matcher::{self, Matcher, written};
use crate::domain::plan::{ALERTMANAGER, Body, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::Check;
use crate::domain::way::Way;

/// Through the proxy of Alertmanager's Service.
pub const RIGHTS: &[RightRow] = &[right("", "services/proxy", "create"), right("", "services/proxy", "delete")];

/// Where one silence is read.
const SILENCE: &str = "/api/v2/silence";

pub const SPEC: ActionSpec = ActionSpec {
    name: "silence",
    key: Some(ActKey::Silence),
    doc: "silence the alert, or the alerts of the object; its component or its namespace when asked for by name",
    rights: RIGHTS,
    fields: &[
        Field::new(
            "matchers",
            "as amtool takes them: alertname=\"X\" namespace=~\"a|b\"",
            Start::Of(|input| silence_scope::propose(input).map(|m| written(&m)).unwrap_or_default()),
        ),
        Field::new(
            "scope",
            "object, component or namespace: whose alerts; more than the object's asks for the context's name",
            Start::Text("object"),
        ),
        Field::new(
            "duration",
            "30m, 2h, 1d, or until 14:30 by your clock, until 14:30z by UTC; more than a day asks for a typed word",
            Start::Text("2h"),
        ),
    ],
    reason: Some("recorded, and the comment of the silence"),
    offered: |subject| match subject.kind {
        "Silence" => super::Offer::Never,
        _ => super::Offer::Yes,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let scope = Scope::of(input)?;
    let matchers = match input.setting("matchers") {
        Some(text) => parse(text)?,
        None => silence_scope::propose(input)?,
    };
    let span = silence_span::Span::of(input.setting("duration").unwrap_or("2h"), input.now, input.zone)?;
    let ends = input.now.plus(span.seconds);
    let body = body(&matchers, &input.now.timestamp().to_string(), &ends.timestamp().to_string(), input);
    let twin = added(&matchers, &[span.flag(ends)], input.operator, input.reason.trim());
    let (until, made) = (Some(ends.timestamp().to_string()), Some(known_by(&body)));
    let check = Check::Silence { until, pending: false, made };
    let title = format!("silence {}", written(&matchers));
    let mut plan = build(input, SPEC.name, title, body, twin, (format!("{SILENCE}/{{/silenceID}}"), check))?;
    plan.targets = vec![target.key.clone()];
    plan.undo = "expire the silence".into();
    let caution = Caution::of(input, &matchers, (scope != Scope::Object).then(|| scope.told(target)))?;
    plan.reach.push(format!("{}, for {}", caution.count, span.told));
    plan.reach.extend(caution.about);
    plan.reach.push("notifications only: alerts keep firing, and notify again when the silence ends".into());
    plan.risk = match caution.risk {
        Risk::Press if span.is_long() => Risk::Name(target.key.name.to_string()),
        risk => risk,
    };
    plan.warnings = caution.warnings;
    plan.warnings.extend(span.warning());
    Ok(plan)
}

/// The request, and its proof on every replica: where it is read, and what it must say.
pub fn build(
    input: &Input<'_>,
    action: &'static str,
    title: String,
    body: Value,
    twin: String,
    (path, check): (String, Check),
) -> Result<Plan, Stop> {
    let after = format!("until {}", body["endsAt"].as_str().unwrap_or(""));
    let request = Request {
        via: Via::Alertmanager,
        method: Method::Post,
        path: "/api/v2/silences".into(),
        body: Body::Json(body),
        guard: None,
        right: None,
        dry_run: false,
        fine: &[],
        patience: 0,
        before: String::new(),
        after,
    };
    let proof = Proof { via: Via::Alertmanager, path, check, limit: 90 };
    Ok(Plan {
        action,
        title,
        targets: vec![input.target()?.key.clone()],
        steps: vec![
            Step::send("post the silence to one replica", twin, request),
            Step::wait("wait until every replica knows it", proof),
        ],
        risk: Risk::Press,
        reach: Vec::new(),
        warnings: Vec::new(),
        undo: String::new(),
        reason: input.reason.trim().to_owned(),
        needs_reason: true,
        origin: crate::domain::plan::Origin::default(),
    })
}

/// What Alertmanager is sent for a new silence.
fn body(matchers: &[Matcher], starts: &str, ends: &str, input: &Input<'_>) -> Value {
    json!({
        "matchers": wire(matchers), "startsAt": starts, "endsAt": ends,
        "createdBy": input.operator, "comment": input.reason.trim(),
    })
}

/// What a silence is known by again when the answer with its id was lost.
pub fn known_by(body: &Value) -> Value {
    let fields = ["matchers", "startsAt", "endsAt", "createdBy", "comment"];
    fields.into_iter().map(|name| (name.to_owned(), body[name].clone())).collect()
}

pub fn wire(matchers: &[Matcher]) -> Value {
    let one = |m: &Matcher| json!({ "name": m.name, "value": m.value, "isRegex": m.is_regex, "isEqual": m.is_equal });
    matchers.iter().map(one).collect()
}

/// The command that makes the same silence; `span` says when it begins and ends. A label's name that amtool's older
/// reader does not know must not come first: that reader would take the whole of it for the name of an alert.
pub fn added(matchers: &[Matcher], span: &[String], author: &str, comment: &str) -> String {
    let (plain, odd): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| matcher::is_classic_name(&m.name));
    let matchers = plain.into_iter().chain(odd).map(ToString::to_string);
    let (author, comment) = (format!("--author={author}"), format!("--comment={comment}"));
    let flags: Vec<&str> = [&author, &comment].into_iter().chain(span).map(String::as_str).collect();
    amtool("add", &flags).args(matchers).to_string()
}

/// `amtool silence VERB FLAG...`, to which what it is about is added.
pub fn amtool(verb: &str, flags: &[&str]) -> CommandLine {
    let words: Vec<&str> = ["silence", verb].into_iter().chain(flags.iter().copied()).collect();
    CommandLine::new(&AMTOOL, &Way::default(), &words)
}

/// Where a silence is read: from Alertmanager, not from the API server.
pub fn path(id: &str) -> String {
    format!("{ALERTMANAGER}{}", own_path(id))
}

/// The same, to Alertmanager itself.
pub fn own_path(id: &str) -> String {
    format!("{SILENCE}/{}", crate::domain::served::escape(id))
}

/// The matchers of a silence that was read.
pub fn of(silence: &Value) -> Vec<Matcher> {
    let one = |m: &Value| Matcher {
        name: m["name"].as_str().unwrap_or("").to_owned(),
        value: m["value"].as_str().unwrap_or("").to_owned(),
        is_regex: m["isRegex"].as_bool().unwrap_or(false),
        is_equal: m["isEqual"].as_bool().unwrap_or(true),
    };
    silence["matchers"].as_array().map_or(&[][..], Vec::as_slice).iter().map(one).collect()
}

/// Matchers as an operator types them; those that would silence everything are refused.
pub fn parse(text: &str) -> Result<Vec<Matcher>, Stop> {
    let out = matcher::parse(text).map_err(Stop::Refuse)?;
    if out.is_empty() {
        return Err(Stop::refuse("a silence needs at least one matcher"));
    }
    if matcher::Test::of(&out).map_err(Stop::Refuse)?.all(&matcher::Labels::new()) {
        return Err(Stop::refuse("at least one matcher must not match an empty label: this would silence everything"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", "at least one matcher")]
    #[case(r#"a=~".*""#, "silence everything")]
    #[case("a!=b", "silence everything")]
    #[case(r#"a=~"(""#, "is not a valid regex")]
    fn matchers_that_cannot_be_meant_are_refused(#[case] text: &str, #[case] expected: &str) {
        let Err(Stop::Refuse(why)) = parse(text) else { panic!("{text} was taken") };
        assert!(why.contains(expected), "{why}");
    }

    /// Single matchers as amtool 0.28 reads them: by its classic reader alone, and by both, as is its default.
    const ORACLE: &str = include_str!("../../tests/data/matchers/amtool.json");

    #[test]
    fn a_matcher_is_read_as_amtool_reads_it_and_written_as_alertmanager_prints_it() {
        let oracle: Value = serde_json::from_str(ORACLE).unwrap();
        let mut wrong = Vec::new();
        for row in oracle.as_array().unwrap() {
            let input = row["input"].as_str().unwrap();
            // between matchers a blank or a comma is allowed here, so within one it must be quoted; braces hold several
            let unquoted = input.split('"').step_by(2).any(|part| part.trim().contains([',', ' ']));
            if (unquoted && input != "a = b") || input.starts_with('{') {
                continue;
            }
            let theirs = if row["fallback"].is_null() { &row["classic"] } else { &row["fallback"] };
            let ours = match matcher::parse(input) {
                Ok(found) if found.len() == 1 => {
                    let m = &found[0];
                    json!([m.name, m.operator(), m.value, m.to_string()])
                }
                Ok(_) => Value::from("several"),
                Err(_) => Value::Null,
            };
            if ours != *theirs {
                wrong.push(format!("{input}: amtool {theirs}, ours {ours}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_command_runs_nothing_that_a_label_or_a_reason_says() {
        let matchers = parse(r#""host name"="a" name="x$(touch PWNED)`id`'""#).unwrap();
        let told = added(&matchers, &["--duration=120m".to_owned()], "a'b", "it's $(id)");
        let wanted = r#"amtool silence add --author='a'\''b' --comment='it'\''s $(id)' --duration=120m 'name="x$(touch PWNED)`id`'\''"' '"host name"="a"'"#;
        assert_eq!(told, wanted);
    }
}
