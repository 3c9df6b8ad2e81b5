//! Silence alerts: the matchers are proposed, may be edited, and are counted against what fires now.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::input::{Input, Labels, Target};
use super::{ActKey, ActionSpec, Field, RightRow, Start, right, twin};
use crate::domain::command_line::CommandLine;
pub use crate::domain::matcher::written;
use crate::domain::matcher::{self, Matcher};
use crate::domain::plan::{ALERTMANAGER, Body, Method, Plan, Proof, Request, Risk, Step, Stop, Via};
use crate::domain::proof::Check;

/// Through the proxy of Alertmanager's Service.
pub const RIGHTS: &[RightRow] = &[right("", "services/proxy", "create"), right("", "services/proxy", "delete")];

/// Longer than this is no silence but a change of the alert.
const LONGEST: i64 = 31 * 86_400;
/// A silence over more alerts than this is told to be broad.
const BROAD: usize = 10;

pub const SPEC: ActionSpec = ActionSpec {
    name: "silence",
    key: Some(ActKey::Silence),
    doc: "silence the alert, or the alerts of the object, its component or its namespace",
    rights: RIGHTS,
    fields: &[
        Field {
            name: "matchers",
            help: "as amtool takes them: alertname=\"X\" namespace=~\"a|b\"",
            default: Start::Of(|input| propose(input).map(|m| written(&m)).unwrap_or_default()),
        },
        Field {
            name: "scope",
            help: "object, component or namespace: whose alerts are proposed above",
            default: Start::Text("object"),
        },
        Field { name: "duration", help: "30m, 2h, 1d, or until 14:30", default: Start::Text("2h") },
    ],
    wants_reason: true,
    offered: |subject| match subject.kind {
        "Silence" => super::Offer::Never,
        _ => super::Offer::Yes,
    },
    plan,
};

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let matchers = match input.setting("matchers") {
        Some(text) => parse(text)?,
        None => propose(input)?,
    };
    let (seconds, told) = duration(input.setting("duration").unwrap_or("2h"), input)?;
    let (starts, ends) = (input.now, input.now.plus(seconds));
    let times = (starts.timestamp().to_string(), ends.timestamp().to_string());
    let body = body(&matchers, &times.0, &times.1, input, None);
    let twin = twin::amtool(input, &["silence", "add"])
        .args(matchers.iter().map(|matcher| written(std::slice::from_ref(matcher))))
        .flag("author", input.operator)
        .flag("comment", input.reason.trim())
        .flag("duration", format!("{}m", seconds / 60));
    let mut plan = build(input, SPEC.name, format!("silence {}", written(&matchers)), body, twin)?;
    plan.targets = vec![target.key.clone()];
    plan.undo = "expire the silence".into();
    let (count, warnings) = count(&matchers, input.alerts);
    plan.reach.push(format!("{count} alerts that fire or are pending now match, for {told}"));
    plan.reach.push("notifications only: what fires goes on firing, and notifies when the silence ends".into());
    plan.warnings = warnings;
    if count > BROAD {
        plan.risk = Risk::Context(input.context.to_owned());
    }
    Ok(plan)
}

/// The request and its proof on every replica.
pub fn build(
    input: &Input<'_>,
    action: &'static str,
    title: String,
    body: Value,
    twin: CommandLine,
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
    let check = Check::Silence { expired: false };
    let proof = Proof { via: Via::Alertmanager, path: "/api/v2/silence/{/silenceID}".into(), check, limit: 90 };
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

/// What Alertmanager is sent; `id` changes a silence that is there.
pub fn body(matchers: &[Matcher], starts: &str, ends: &str, input: &Input<'_>, id: Option<&str>) -> Value {
    let matchers: Vec<Value> = matchers
        .iter()
        .map(|m| json!({ "name": m.name, "value": m.value, "isRegex": m.is_regex, "isEqual": m.is_equal }))
        .collect();
    let mut body = json!({
        "matchers": matchers, "startsAt": starts, "endsAt": ends,
        "createdBy": input.operator, "comment": input.reason.trim(),
    });
    if let Some(id) = id {
        body["id"] = json!(id);
    }
    body
}

/// Where a silence is read: from Alertmanager, not from the API server.
pub fn path(id: &str) -> String {
    format!("{ALERTMANAGER}/api/v2/silence/{}", crate::domain::served::escape(id))
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

/// What is silenced when nothing is said: this alert, or everything of the object, or of the namespace.
fn propose(input: &Input<'_>) -> Result<Vec<Matcher>, Stop> {
    let target = input.target()?;
    let equal = Matcher::equal;
    let (namespace, name) = (&*target.key.namespace, &*target.key.name);
    match input.setting("scope") {
        None | Some("object") => {}
        Some("namespace") if namespace.is_empty() => return Err(Stop::refuse("it is in no namespace")),
        Some("namespace") => return Ok(vec![equal("namespace", namespace)]),
        Some("component") => return component(target),
        Some(other) => return Err(Stop::Refuse(format!("scope is object, component or namespace, not `{other}`"))),
    }
    if target.kind == "Alert" {
        let keep = [
            "alertname",
            "namespace",
            "exported_namespace",
            "pod",
            "deployment",
            "statefulset",
            "daemonset",
            "job_name",
            "node",
            "name",
            "persistentvolumeclaim",
        ];
        let labels = target.labels.iter().filter(|(name, _)| keep.contains(&&***name));
        let found: Vec<Matcher> = labels.map(|(name, value)| equal(name, value)).collect();
        return if found.is_empty() { Err(Stop::refuse("the labels of this alert are not known")) } else { Ok(found) };
    }
    let own = match target.kind {
        "Pod" => Some("pod"),
        "Node" => Some("node"),
        "Deployment" => Some("deployment"),
        "StatefulSet" => Some("statefulset"),
        "DaemonSet" => Some("daemonset"),
        "HelmRelease" | "Kustomization" | "Certificate" => Some("name"),
        _ => None,
    };
    let mut found = Vec::new();
    // of an object's alerts, the exporter's own namespace may stand in `namespace`
    let place = if own == Some("name") { "exported_namespace" } else { "namespace" };
    if !namespace.is_empty() {
        found.push(equal(place, namespace));
    }
    if let Some(own) = own {
        found.push(equal(own, name));
    }
    if found.is_empty() { Err(Stop::refuse("say which alerts: set matchers")) } else { Ok(found) }
}

/// The alerts of a platform's component: of its namespace, and where others share that, of its pods.
fn component(target: &Target) -> Result<Vec<Matcher>, Stop> {
    let Some(component) = &target.component else {
        return Err(Stop::refuse("it belongs to no component of a platform profile that is on: see :platform"));
    };
    let matcher = |name: &str, value: String, is_regex| Matcher { name: name.into(), value, is_regex, is_equal: true };
    let mut found = vec![matcher("namespace", component.namespace.clone(), false)];
    if !component.workloads.is_empty() {
        let names: Vec<String> = component
            .workloads
            .iter()
            .map(|name| name.split('*').map(regex::escape).collect::<Vec<_>>().join(".*"))
            .collect();
        // a pod is called as its workload, and more
        found.push(matcher("pod", format!("(?:{})-.+", names.join("|")), true));
    }
    Ok(found)
}

/// `name="value" name!="value" name=~"regex"`, with or without quotes, commas and braces.
pub fn parse(text: &str) -> Result<Vec<Matcher>, Stop> {
    let out = matcher::parse(text).map_err(Stop::Refuse)?;
    if out.is_empty() {
        return Err(Stop::refuse("a silence needs at least one matcher"));
    }
    if matcher::Test::of(&out).map_err(Stop::Refuse)?.all(&Labels::new()) {
        return Err(Stop::refuse("at least one matcher must not match an empty label: this would silence everything"));
    }
    Ok(out)
}

/// How many of the alerts match, and what speaks against that.
pub fn count(matchers: &[Matcher], alerts: &[Labels]) -> (usize, Vec<String>) {
    // what cannot be compiled here matches nothing that could be counted
    let test = matcher::Test::of(matchers);
    let hit: Vec<&Labels> = alerts.iter().filter(|labels| test.as_ref().is_ok_and(|test| test.all(labels))).collect();
    let mut warnings = Vec::new();
    if hit.is_empty() {
        warnings.push("no alert that is known now matches: is every label right?".to_owned());
    }
    if hit.len() > BROAD {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for labels in &hit {
            *names.entry(labels.get("alertname").map_or("", String::as_str)).or_default() += 1;
        }
        let told: Vec<String> = names.iter().take(6).map(|(name, n)| format!("{name} {n}")).collect();
        warnings.push(format!("broad: {} alerts match: {}", hit.len(), told.join(", ")));
    }
    if hit.iter().any(|labels| labels.get("alertname").is_some_and(|name| name == "Watchdog")) {
        warnings.push("it silences Watchdog: nobody would notice that alerting is dead".to_owned());
    }
    (hit.len(), warnings)
}

/// `2h`, `1d12h`, `until 14:30` (UTC, today or tomorrow): seconds from now, and as it is told.
pub fn duration(text: &str, input: &Input<'_>) -> Result<(i64, String), Stop> {
    let wrong = || Stop::Refuse(format!("duration `{text}` is neither like 30m, 2h, 1d nor like `until 14:30`"));
    let lower = text.trim().to_lowercase();
    let seconds = if let Some(clock) = lower.strip_prefix("until ") {
        let time: jiff::civil::Time =
            format!("{}:00", clock.trim().trim_end_matches('z')).parse().map_err(|_| wrong())?;
        let now = input.now.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
        let mut end = now.date().to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        if end <= now {
            end = end.checked_add(1.day()).map_err(|_| wrong())?;
        }
        end.timestamp().as_second() - now.timestamp().as_second()
    } else {
        let mut total = 0i64;
        let mut rest = &*lower;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            let unit = match rest.as_bytes()[digits] {
                b'm' => 60,
                b'h' => 3600,
                b'd' => 86_400,
                b'w' => 604_800,
                _ => return Err(wrong()),
            };
            total = total.saturating_add(number.saturating_mul(unit));
            rest = rest[digits + 1..].trim_start();
        }
        total
    };
    if seconds <= 0 {
        return Err(wrong());
    }
    if seconds > LONGEST {
        return Err(Stop::Refuse(format!("{text} is longer than 31 days: change the alert instead")));
    }
    Ok((seconds, crate::domain::ages::told(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn labels(text: &str) -> Labels {
        text.split(',').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[rstest]
    #[case(r#"alertname="X" namespace=~"a|b""#, r#"alertname="X" namespace=~"a|b""#)]
    #[case("{alertname=X, pod!=y}", r#"alertname="X" pod!="y""#)]
    #[case(r#"a!~"x\"y" b=c"#, r#"a!~"x\"y" b="c""#)]
    fn matchers_are_read_as_amtool_writes_them(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(written(&parse(text).unwrap()), expected);
    }

    #[rstest]
    #[case("alertname", "has no =")]
    #[case("=x", "names no label")]
    #[case(r#"a=~"(""#, "is no regex")]
    #[case(r#"a="open"#, "a quote is not closed")]
    #[case("", "at least one matcher")]
    #[case(r#"a=~".*""#, "silence everything")]
    fn matchers_that_cannot_be_meant_are_refused(#[case] text: &str, #[case] expected: &str) {
        let Err(Stop::Refuse(why)) = parse(text) else { panic!("{text} was taken") };
        assert!(why.contains(expected), "{why}");
    }

    #[test]
    fn a_component_is_its_namespace_and_where_that_is_shared_its_pods() {
        let target = |workloads: &[&str]| Target {
            kind: "Deployment",
            key: crate::domain::record::Key {
                kind: crate::domain::record::KindId(0),
                namespace: "monitoring".into(),
                name: "grafana".into(),
                uid: crate::domain::record::Uid(1),
            },
            labels: Labels::new(),
            component: Some(super::super::Component {
                name: "grafana".into(),
                namespace: "monitoring".into(),
                workloads: workloads.iter().map(|w| (*w).to_owned()).collect(),
            }),
        };
        let proposed = |workloads: &[&str]| written(&component(&target(workloads)).unwrap());
        assert_eq!(proposed(&[]), r#"namespace="monitoring""#);
        assert_eq!(proposed(&["*grafana", "a.b"]), r#"namespace="monitoring" pod=~"(?:.*grafana|a\\.b)-.+""#);
        let none = Target { component: None, ..target(&[]) };
        let Err(Stop::Refuse(why)) = component(&none) else { panic!("taken") };
        assert!(why.contains("no component"), "{why}");
    }

    #[test]
    fn what_matches_now_is_counted_and_warned_about() {
        let alerts = [
            labels("alertname=Watchdog"),
            labels("alertname=TargetDown,namespace=a"),
            labels("alertname=TargetDown,namespace=b"),
        ];
        let told = |text: &str| count(&parse(text).unwrap(), &alerts);
        assert_eq!(told("alertname=TargetDown").0, 2);
        assert_eq!(told("alertname=TargetDown namespace=~a.*").0, 1);
        assert!(told("alertname=Nothing").1[0].contains("no alert"));
        assert!(told("alertname=Watchdog").1[0].contains("Watchdog"));
    }
}
