//! Guardrails of the profiles that are on, judged with each poll of Prometheus: by an alert of their name, or by asking
//! their expression. What nobody can judge is reported as that, never as kept.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::about;
use super::labels::Labels;
use super::poll::{Ask, AskError, Polled, expect_ok, problem, utf8};
use super::prometheus::{self, RuleHealth, Seen};
use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::health::Severity;
use crate::domain::interner::Interner;
use crate::domain::profile::{Fires, Guardrail as Wanted, JudgedBy, Profile, Profiles, Worth};
use crate::domain::record::Record;
use crate::domain::served::escape;
use crate::kinds::alerts::{About, grade};
use crate::kinds::guardrails::{self as kind, Guardrail, State};

/// A slow question is asked again only after this many times what it took.
const PATIENCE: u32 = 20;

/// One alert as the alerts' feed has just reported it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarm {
    pub name: String,
    pub namespace: String,
    pub firing: bool,
    pub silenced: bool,
    pub since: Option<Time>,
    pub severity: Option<Severity>,
    pub says: String,
}

/// What one Prometheus (with all its replicas) says of alerts and rules.
#[derive(Debug)]
struct View {
    alarms: Vec<Alarm>,
    /// Its alerting rules by name, with why one cannot fire; why they are not known.
    rules: Result<HashMap<String, Option<String>>, String>,
    /// Why nothing can be judged by it.
    blind: Option<String>,
}

impl View {
    /// Prometheus alone: it knows nothing of silences.
    fn of(seen: &[Seen]) -> Self {
        let mut view = Self { alarms: Vec::new(), rules: Err("no Prometheus".to_owned()), blind: None };
        if seen.is_empty() {
            view.blind = Some("no Prometheus".to_owned());
        }
        let mut alerts = None;
        for one in seen {
            match &one.alerts {
                Ok(found) => {
                    let alarms = alerts.get_or_insert_with(Vec::new);
                    alarms.extend(found.iter().map(|alert| Alarm {
                        name: alert.labels.get("alertname").unwrap_or_default().to_owned(),
                        namespace: alert.labels.get("namespace").unwrap_or_default().to_owned(),
                        firing: alert.firing,
                        silenced: false,
                        since: alert.since,
                        severity: grade(alert.labels.get("severity").unwrap_or_default()),
                        says: alert.annotations.summary().to_owned(),
                    }));
                }
                Err(error) if alerts.is_none() => view.blind = Some(problem("Prometheus", error, &one.address)),
                Err(_) => {}
            }
            match (&one.rules, &mut view.rules) {
                (Ok(found), Ok(known)) => {
                    for rule in found {
                        know(known, rule);
                    }
                }
                (Ok(found), rules) => {
                    let mut known = HashMap::new();
                    for rule in found {
                        know(&mut known, rule);
                    }
                    *rules = Ok(known);
                }
                (Err(error), rules @ Err(_)) => *rules = Err(problem("Prometheus", error, &one.address)),
                (Err(_), Ok(_)) => {}
            }
        }
        if let Some(alarms) = alerts {
            (view.alarms, view.blind) = (alarms, None);
        }
        view
    }
}

/// Of several rules of one name it is enough that one works.
fn know(known: &mut HashMap<String, Option<String>>, rule: &prometheus::Rule) {
    let broken = match rule.health {
        RuleHealth::Ok => None,
        RuleHealth::Broken => Some(format!("its rule cannot be evaluated: {}", rule.error)),
        RuleHealth::Unknown => Some("its rule has not been evaluated yet".to_owned()),
    };
    let now = known.entry(rule.name.clone()).or_insert_with(|| broken.clone());
    if broken.is_none() {
        *now = None;
    }
}

/// What is remembered from one poll to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// Since when each expression is seen to be crossed.
    crossed: HashMap<String, Time>,
    /// Those that were seen to be kept: only of them is it known when they were crossed.
    seen_kept: HashSet<String>,
    /// What a slow question was answered, and until when that does.
    kept: HashMap<String, (Instant, Judged)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    state: State,
    /// Why it cannot be judged, what its alert says, or the value of its expression.
    note: String,
    /// All objects that cross it, when every one of them is known.
    about: Vec<About>,
}

impl Judged {
    fn new(state: State, note: impl Into<String>) -> Self {
        Self { state, note: note.into(), about: Vec::new() }
    }

    fn unjudged(note: impl Into<String>) -> Self {
        Self::new(State::Unjudged, note)
    }
}

/// The alerts of a step as guardrails need them.
pub fn alarms(records: &[Record], intern: &mut Interner) -> Vec<Alarm> {
    use crate::kinds::alerts::{SEVERITY, State};
    let word = |state: State, intern: &mut Interner| intern.get(state.word());
    let [firing, active, silenced, inhibited] =
        [State::Firing, State::Active, State::Silenced, State::Inhibited].map(|state| word(state, intern));
    records
        .iter()
        .map(|record| {
            let muted = record.status == silenced || record.status == inhibited;
            Alarm {
                name: record.name.to_string(),
                namespace: intern.text(record.namespace).to_owned(),
                firing: muted || record.status == firing || record.status == active,
                silenced: muted,
                since: record.created.is_set().then_some(record.created),
                severity: grade(intern.text(record.sym(SEVERITY))),
                says: record.note.to_string(),
            }
        })
        .collect()
}

/// Judges every guardrail once. `seen` and `alarms` are what the platform's Prometheus and Alertmanager have just said,
/// `asks` their addresses; `own` gives the address of a Prometheus that a profile brings along.
pub async fn gather<A: Ask>(
    profiles: &Profiles,
    (seen, alarms): (&[Seen], &[Alarm]),
    asks: &[A],
    own: impl Fn(&Profile) -> Option<A>,
    memory: &mut Memory,
    now: Time,
) -> Vec<Guardrail> {
    let mut out = Vec::new();
    let mut shared = View::of(seen);
    if shared.blind.is_none() {
        shared.alarms = alarms.to_vec();
    }
    for profile in profiles.active.iter().filter(|profile| !profile.guardrails.is_empty()) {
        let brought = own(profile);
        let brought_view = match &brought {
            Some(ask) => Some(View::of(&[prometheus::read(ask).await])),
            None => None,
        };
        // its own may not be installed: then the platform's may know its metrics
        let (view, asks) = match (&brought_view, &brought) {
            (Some(view), Some(ask)) if view.blind.is_none() || asks.is_empty() => (view, std::slice::from_ref(ask)),
            _ => (&shared, asks),
        };
        let judged = join_all(profile.guardrails.iter().map(|g| judge(profile, g, view, asks, memory))).await;
        let first = out.len();
        for (wanted, (judged, took)) in profile.guardrails.iter().zip(judged) {
            out.push(told(profile, wanted, &judged, view, memory, now));
            if let Some(took) = took {
                let name = format!("{} {}", profile.name, wanted.name);
                memory.kept.insert(name, (Instant::now() + took * PATIENCE, judged));
            }
        }
        let unjudged = out[first..].iter().filter(|g| g.state == State::Unjudged).count();
        if let Some(one) = out[first..].iter_mut().find(|g| g.state == State::Unjudged) {
            one.unjudged = unjudged;
        }
    }
    out
}

/// What is said of one, and how long asking took, if it was asked.
async fn judge<A: Ask>(
    profile: &Profile,
    wanted: &Wanted,
    view: &View,
    asks: &[A],
    memory: &Memory,
) -> (Judged, Option<Duration>) {
    match &wanted.judged_by {
        JudgedBy::Alert(name) => (by_alert(name, view), None),
        JudgedBy::Expr { expr, fires, needs } => {
            if asks.is_empty() {
                return (Judged::unjudged("no Prometheus"), None);
            }
            let kept = memory.kept.get(&format!("{} {}", profile.name, wanted.name));
            if let Some((_, judged)) = kept.filter(|(until, _)| Instant::now() < *until) {
                return (judged.clone(), None);
            }
            let begun = Instant::now();
            let judged = by_expr(expr, *fires, needs, wanted, asks).await;
            (judged, Some(begun.elapsed()))
        }
    }
}

fn by_alert(name: &str, view: &View) -> Judged {
    if let Some(why) = &view.blind {
        return Judged::unjudged(why.clone());
    }
    let mut fires: Vec<&Alarm> = view.alarms.iter().filter(|alarm| alarm.name == name && alarm.firing).collect();
    if fires.iter().any(|alarm| !alarm.silenced) {
        fires.retain(|alarm| !alarm.silenced);
    }
    if let Some(alarm) = fires.first() {
        let state = if alarm.silenced { State::Silenced } else { State::Crossed };
        return Judged::new(state, told_alarms(&fires));
    }
    match &view.rules {
        // a rule that is not there, or does not work, never fires
        Ok(known) => match known.get(name) {
            None => Judged::unjudged(format!("Prometheus has no alerting rule {name}")),
            Some(Some(broken)) => Judged::unjudged(broken.clone()),
            Some(None) => Judged::new(State::Kept, ""),
        },
        Err(why) => Judged::unjudged(format!("rules cannot be read: {why}")),
    }
}

/// What an alert says; of several how many they are, and what the most severe of them says, or the oldest of those.
fn told_alarms(fires: &[&Alarm]) -> String {
    let severity = |alarm: &Alarm| alarm.severity.unwrap_or(Severity::P4);
    // what nobody dates need not be old; the words decide between equals, whatever came first
    let order = |alarm: &&&Alarm| (severity(alarm), alarm.since.is_none(), alarm.since, alarm.says.clone());
    let Some(first) = fires.iter().min_by_key(order) else { return String::new() };
    let alike = fires.iter().all(|alarm| severity(alarm) == severity(first));
    match (fires.len(), &*first.says) {
        (1, says) => says.to_owned(),
        (n, "") => format!("{n} alerts fire"),
        (n, says) if alike && first.since.is_none() => format!("{n} alerts fire, one of them: {says}"),
        (n, says) if alike => format!("{n} alerts fire, the oldest: {says}"),
        (n, says) => format!("{n} alerts fire, the most severe: {says}"),
    }
}

async fn by_expr<A: Ask>(expr: &str, fires: Fires, needs: &str, wanted: &Wanted, asks: &[A]) -> Judged {
    let worth = &wanted.value;
    let needed =
        async { if needs.is_empty() { Ok(true) } else { query_any(asks, needs).await.map(|s| !s.is_empty()) } };
    let (needed, answer) = futures::join!(needed, query_any(asks, expr));
    let samples = match (needed, answer) {
        (_, Err(why)) | (Err(why), _) => return Judged::unjudged(why),
        (Ok(false), Ok(_)) => return Judged::unjudged(format!("Prometheus has no sample of {needs}")),
        (Ok(true), Ok(samples)) => samples,
    };
    let worst = samples.iter().filter(|s| !s.value.is_nan()).min_by(|a, b| {
        let order = a.value.total_cmp(&b.value);
        if worth.lowest { order } else { order.reverse() }
    });
    let above = worst.is_some() && samples.iter().any(|s| s.value > 0.0);
    let state = match fires {
        Fires::NonEmpty if samples.is_empty() => State::Kept,
        Fires::NonEmpty => State::Crossed,
        Fires::AboveZero if worst.is_none() => return Judged::unjudged("its expression gives no value"),
        Fires::AboveZero if above => State::Crossed,
        Fires::AboveZero => State::Kept,
    };
    let crosses = |sample: &&Sample| fires == Fires::NonEmpty || sample.value > 0.0;
    let crossing: Vec<&Sample> = samples.iter().filter(crosses).collect();
    let note = worst.map(|worst| told_value(worst, crossing.len(), worth)).unwrap_or_default();
    Judged { about: objects(&crossing, &wanted.name), ..Judged::new(state, note) }
}

/// Of so many objects at most a guardrail says which they are.
const OBJECTS: usize = 20;

/// The objects that samples are about; none when one of them is not known.
fn objects(samples: &[&Sample], guardrail: &str) -> Vec<About> {
    if samples.len() > OBJECTS {
        return Vec::new();
    }
    // what it is named tells as much as an alert's name
    let named = [("alertname", guardrail)];
    let labels = |s: &Sample| named.into_iter().chain(s.labels.iter().map(|(k, v)| (&**k, &**v))).collect::<Labels>();
    let about: Option<Vec<About>> = samples.iter().map(|sample| about::object(&labels(sample))).collect();
    about.unwrap_or_default()
}

/// `5.7 days left, limit 7: logging/loki-tls and 2 more`; `0.2 days overdue` of what has ended.
fn told_value(worst: &Sample, crossing: usize, worth: &Worth) -> String {
    let time =
        worth.unit.strip_suffix(" left").filter(|unit| matches!(*unit, "seconds" | "minutes" | "hours" | "days"));
    let mut out = match (&*worth.unit, time) {
        ("", _) => shown(worst.value),
        // of what has ended nothing is left
        (_, Some(unit)) if worst.value < 0.0 => format!("{} {unit} overdue", rounded(-worst.value)),
        (unit, _) => format!("{} {unit}", rounded(worst.value)),
    };
    if !worth.limit.is_empty() {
        out = format!("{out}, limit {}", worth.limit);
    }
    let object = worst.object(&worth.object);
    if !object.is_empty() {
        out = format!("{out}: {object}");
        if crossing > 1 {
            out = format!("{out} and {} more", crossing - 1);
        }
    }
    out
}

/// With its unit a value needs one digit only, while it is no fraction.
fn rounded(value: f64) -> String {
    if (1.0..1000.0).contains(&value.abs()) { trimmed(format!("{value:.1}")) } else { shown(value) }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A value with as many digits as tell something.
fn shown(value: f64) -> String {
    let digits = match value.abs() {
        v if v == 0.0 || v >= 1000.0 => 0,
        v if v >= 1.0 => 2,
        _ => 4,
    };
    trimmed(format!("{value:.digits$}"))
}

/// What the first replica that answers gives.
async fn query_any<A: Ask>(asks: &[A], expr: &str) -> Result<Vec<Sample>, String> {
    let mut last = "no Prometheus".to_owned();
    for ask in asks {
        match query(ask, expr).await {
            Ok(samples) => return Ok(samples),
            Err(error) => last = problem("Prometheus", &error, ask.label()),
        }
    }
    Err(last)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Envelope {
    status: String,
    error: String,
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// One series at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Labels by which objects are usually named, the most telling first.
const NAMES: &str = "name|deployment|statefulset|daemonset|persistentvolumeclaim|pod|node|controller|instance|job";
const NAMESPACES: &str = "exported_namespace|namespace";

impl Sample {
    fn new(labels: BTreeMap<String, String>, value: &str) -> Self {
        Self { labels, value: value.parse().unwrap_or(f64::NAN) }
    }

    /// What it is about, in the words of its labels.
    fn object(&self, wanted: &[String]) -> String {
        let usual = [NAMESPACES, NAMES].map(str::to_owned);
        let wanted = if wanted.is_empty() { &usual[..] } else { wanted };
        let value = |names: &String| names.split('|').find_map(|name| self.labels.get(name).filter(|v| !v.is_empty()));
        wanted.iter().filter_map(value).map(String::as_str).collect::<Vec<_>>().join("/")
    }
}

async fn query(ask: &impl Ask, expr: &str) -> Result<Vec<Sample>, AskError> {
    let body = expect_ok(ask.get(&format!("/api/v1/query?query={}", escape(expr))).await)?;
    let wrong = |error: serde_json::Error| AskError::Other(format!("not an answer of Prometheus: {error}"));
    let envelope: Envelope = serde_json::from_str(&utf8(&body)).map_err(wrong)?;
    if envelope.status != "success" {
        let why = if envelope.error.is_empty() { "not an answer of Prometheus".to_owned() } else { envelope.error };
        return Err(AskError::Other(why));
    }
    // an answer without a result is none, and no empty one
    let Some(result) = envelope.data.result.as_ref().map(|raw| raw.get()) else {
        return Err(AskError::Other("not an answer of Prometheus: it has no result".to_owned()));
    };
    match &*envelope.data.result_type {
        "scalar" => {
            let (_, value) = serde_json::from_str::<(f64, String)>(result).map_err(wrong)?;
            Ok(vec![Sample::new(BTreeMap::new(), &value)])
        }
        "vector" => {
            let samples = serde_json::from_str::<Vec<Wire>>(result).map_err(wrong)?;
            Ok(samples.into_iter().map(|wire| Sample::new(wire.metric, &wire.value.1)).collect())
        }
        other => Err(AskError::Other(format!("its expression gives a {other}, not values at one moment"))),
    }
}

fn told(profile: &Profile, wanted: &Wanted, judged: &Judged, view: &View, memory: &mut Memory, now: Time) -> Guardrail {
    let crossed = matches!(judged.state, State::Crossed | State::Silenced);
    let (rule, since, known, alerts) = match &wanted.judged_by {
        JudgedBy::Alert(name) => {
            let firing: Vec<&Alarm> = view.alarms.iter().filter(|a| a.name == *name && a.firing).collect();
            let since = firing.iter().filter_map(|alarm| alarm.since).min();
            let alerts = firing.iter().map(|alarm| (alarm.namespace.clone(), alarm.name.clone())).collect();
            (name, since, true, alerts)
        }
        JudgedBy::Expr { expr, .. } => {
            let name = format!("{} {}", profile.name, wanted.name);
            let known = memory.seen_kept.contains(&name);
            let since = if crossed {
                Some(*memory.crossed.entry(name).or_insert(now))
            } else {
                // a poll without an answer does not restart it
                if judged.state == State::Kept {
                    memory.crossed.remove(&name);
                    memory.seen_kept.insert(name);
                }
                None
            };
            (expr, since, known, Vec::new())
        }
    };
    let component = profile.component(&wanted.component);
    Guardrail {
        profile: profile.name.clone(),
        component: wanted.component.clone(),
        namespace: component.map_or(&*profile.home, |c| profile.namespace_of(c)).to_owned(),
        name: wanted.name.clone(),
        grade: wanted.severity,
        rule: rule.clone(),
        action: wanted.action.clone(),
        runbook: wanted.runbook.clone(),
        state: judged.state,
        note: judged.note.clone(),
        // what was crossed at the first look may have been so for long
        since: since.filter(|_| crossed && known),
        counts_at: since.filter(|_| crossed && wanted.hold > 0).map(|at| at.plus(wanted.hold)),
        alerts,
        about: if crossed { judged.about.clone() } else { Vec::new() },
        unjudged: 0,
    }
}

/// The news that a step is.
pub fn polled(guardrails: &[Guardrail], intern: &mut Interner) -> Polled {
    let state = if guardrails.is_empty() { FeedState::NotInstalled } else { FeedState::Live };
    Polled {
        records: guardrails.iter().map(|guardrail| kind::read(guardrail, intern)).collect(),
        problems: Vec::new(),
        state,
        origin: "the profiles, judged by Prometheus".to_owned(),
        halves: Vec::new(),
        bad: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::poll::tests::Fake;
    use super::*;
    use crate::config::profile::read;

    const PROFILE: &str = r#"
name = "shop"
[detect]
namespaces = ["shop"]
[[component]]
name = "web"
[[guardrail]]
name = "Down"
component = "web"
alert = "ShopDown"
action = "call somebody"
[[guardrail]]
name = "Errors"
expr = "errors > 1"
needs = "errors"
for = "3m"
[[guardrail]]
name = "Lag"
expr = "lag"
fires = "above-zero"
"#;

    fn profiles(text: &str) -> Profiles {
        let profile = read(std::path::Path::new("p.toml"), text).unwrap().at("shop");
        Profiles { active: vec![profile], ..Profiles::default() }
    }

    fn vector(values: &[&str]) -> String {
        let samples: Vec<String> = values.iter().map(|v| format!(r#"{{"metric":{{}},"value":[1,"{v}"]}}"#)).collect();
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, samples.join(","))
    }

    /// A Prometheus with this alert and these rules, where every question is answered in this way.
    fn prometheus(alerts: &str, rule: &str, answer: &str) -> Fake {
        let rules = format!(
            r#"{{"status":"success","data":{{"groups":[{{"name":"g","rules":[{{"type":"alerting","name":"{rule}","health":"ok"}}]}}]}}}}"#
        );
        let alerts = format!(r#"{{"status":"success","data":{{"alerts":[{alerts}]}}}}"#);
        Fake::new("p").on("/api/v1/alerts", 200, &alerts).on("/api/v1/rules", 200, &rules).on(
            "/api/v1/query",
            200,
            answer,
        )
    }

    async fn step(ask: &Fake, alarms: &[Alarm], memory: &mut Memory, now: i64) -> Vec<Guardrail> {
        let seen = [prometheus::read(ask).await];
        gather(&profiles(PROFILE), (&seen, alarms), std::slice::from_ref(ask), |_| None, memory, Time(now)).await
    }

    fn words(guardrails: &[Guardrail]) -> Vec<String> {
        guardrails.iter().map(|g| format!("{} {} {}", g.name, g.state.word(), g.note)).collect()
    }

    fn down(silenced: bool) -> Alarm {
        let (name, namespace) = ("ShopDown".to_owned(), "shop".to_owned());
        Alarm {
            name,
            namespace,
            firing: true,
            silenced,
            since: Some(Time(5)),
            severity: Some(Severity::P3),
            says: "gone".to_owned(),
        }
    }

    #[tokio::test]
    async fn of_several_alerts_their_number_and_the_worst_one_are_told() {
        let ask = prometheus("", "ShopDown", &vector(&[]));
        let alarm = |says: &str, since, severity, silenced| Alarm {
            says: says.to_owned(),
            since: Some(Time(since)),
            severity: Some(severity),
            ..down(silenced)
        };
        let told = async |alarms: &[Alarm]| {
            let mut backwards = alarms.to_vec();
            backwards.reverse();
            let told = words(&step(&ask, alarms, &mut Memory::default(), 100).await)[0].clone();
            assert_eq!(words(&step(&ask, &backwards, &mut Memory::default(), 100).await)[0], told);
            told
        };
        let (young, old) = (alarm("b gone", 9, Severity::P3, false), alarm("c gone", 7, Severity::P3, false));
        let (grave, quiet) = (alarm("a gone", 8, Severity::P2, false), alarm("d gone", 1, Severity::P1, true));
        assert_eq!(told(&[young.clone(), old.clone()]).await, "Down crossed 2 alerts fire, the oldest: c gone");
        let all = [young.clone(), old, grave, quiet.clone()];
        assert_eq!(told(&all).await, "Down crossed 3 alerts fire, the most severe: a gone");
        assert_eq!(told(&[young, quiet.clone()]).await, "Down crossed b gone");
        assert_eq!(told(&[quiet.clone(), quiet]).await, "Down silenced 2 alerts fire, the oldest: d gone");
    }

    #[tokio::test]
    async fn an_alert_that_fires_crosses_its_guardrail_and_a_silence_is_seen() {
        let ask = prometheus("", "ShopDown", &vector(&[]));
        let told = step(&ask, &[down(false)], &mut Memory::default(), 100).await;
        assert_eq!(words(&told)[0], "Down crossed gone");
        assert_eq!((told[0].since, &*told[0].namespace), (Some(Time(5)), "shop"));
        assert_eq!(told[0].alerts, [("shop".to_owned(), "ShopDown".to_owned())]);
        let told = step(&ask, &[down(true)], &mut Memory::default(), 100).await;
        assert_eq!(words(&told)[0], "Down silenced gone");
        let told = step(&ask, &[], &mut Memory::default(), 100).await;
        assert_eq!(words(&told)[0], "Down kept ");
    }

    #[tokio::test]
    async fn a_rule_that_does_not_work_keeps_nothing() {
        for (health, words_of) in [
            (
                r#""health":"err","lastError":"many-to-many""#,
                "Down cannot judge its rule cannot be evaluated: many-to-many",
            ),
            (r#""health":"unknown""#, "Down cannot judge its rule has not been evaluated yet"),
            (r#""health":"ok""#, "Down kept "),
        ] {
            let rules = format!(
                r#"{{"status":"success","data":{{"groups":[{{"name":"g","rules":[{{"type":"alerting","name":"ShopDown",{health}}}]}}]}}}}"#
            );
            let ask = Fake::new("p")
                .on("/api/v1/alerts", 200, r#"{"status":"success","data":{"alerts":[]}}"#)
                .on("/api/v1/rules", 200, &rules)
                .on("/api/v1/query", 200, &vector(&[]));
            assert_eq!(words(&step(&ask, &[], &mut Memory::default(), 100).await)[0], words_of);
        }
    }

    #[tokio::test]
    async fn an_answer_of_another_shape_is_no_answer() {
        for answer in [
            r#"{"status":"success","data":{"resultType":"vector"}}"#,
            r#"{"status":"success","data":{}}"#,
            r#"{"status":"success"}"#,
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#,
            r#"{"status":"unheard of","data":{"resultType":"vector","result":[]}}"#,
        ] {
            let ask = prometheus("", "ShopDown", answer);
            let told = step(&ask, &[], &mut Memory::default(), 100).await;
            assert!(told[1..].iter().all(|g| g.state == State::Unjudged), "{answer}: {told:?}");
        }
    }

    #[tokio::test]
    async fn a_value_has_its_unit_its_limit_and_the_worst_object() {
        let text = r#"
name = "shop"
[detect]
namespaces = ["shop"]
[[component]]
name = "web"
[[guardrail]]
name = "Ending"
expr = "left"
unit = "days left"
limit = "7"
worst = "lowest"
object = ["exported_namespace|namespace", "name"]
[[guardrail]]
name = "Late"
expr = "late"
unit = "h late"
"#;
        let answer = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"namespace":"cert-manager","exported_namespace":"shop","name":"web-tls"},"value":[1,"5.6912"]},
            {"metric":{"namespace":"cert-manager","exported_namespace":"logging","name":"loki-tls"},"value":[1,"-0.1234"]},
            {"metric":{"pod":"x","name":"odd"},"value":[1,"NaN"]}]}}"#;
        let ask = prometheus("", "ShopDown", answer);
        let seen = [prometheus::read(&ask).await];
        let asks = std::slice::from_ref(&ask);
        let told = gather(&profiles(text), (&seen, &[]), asks, |_| None, &mut Memory::default(), Time(9)).await;
        assert_eq!(
            words(&told),
            [
                "Ending crossed 0.1234 days overdue, limit 7: logging/loki-tls and 2 more",
                "Late crossed 5.7 h late: shop/web-tls and 2 more"
            ]
        );
    }

    #[test]
    fn the_objects_that_cross_it_are_known_or_none_is_named() {
        let sample = |set: &[(&str, &str)]| {
            let labels = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Sample { labels, value: 1.0 }
        };
        let told = |samples: &[Sample], name: &str| {
            let all: Vec<&Sample> = samples.iter().collect();
            let one = |about: About| format!("{} {}/{}", about.kind, about.namespace, about.name);
            objects(&all, name).into_iter().map(one).collect::<Vec<_>>()
        };
        let web = sample(&[("exported_namespace", "shop"), ("namespace", "cert-manager"), ("name", "web-tls")]);
        let pod = sample(&[("namespace", "shop"), ("pod", "cart-1")]);
        let nothing = sample(&[("namespace", "shop")]);
        assert_eq!(
            told(&[web.clone(), pod.clone()], "CertificateExpiring"),
            ["Certificate shop/web-tls", "Pod shop/cart-1"]
        );
        assert_eq!(told(std::slice::from_ref(&web), "TooSlow"), [""; 0], "nothing says of which kind it is");
        assert_eq!(told(&[web, nothing], "CertificateExpiring"), [""; 0]);
        assert_eq!(told(&vec![pod; OBJECTS + 1], "PodsSlow"), [""; 0]);
    }

    #[tokio::test]
    async fn what_has_no_rule_no_metric_and_no_value_is_not_kept() {
        let ask = prometheus("", "Other", &vector(&[]));
        let told = step(&ask, &[], &mut Memory::default(), 100).await;
        assert_eq!(
            words(&told),
            [
                "Down cannot judge Prometheus has no alerting rule ShopDown",
                "Errors cannot judge Prometheus has no sample of errors",
                "Lag cannot judge its expression gives no value"
            ]
        );
        // one note for all of them
        assert_eq!(told.iter().map(|g| g.unjudged).collect::<Vec<_>>(), [3, 0, 0]);
    }

    #[tokio::test]
    async fn without_prometheus_nothing_is_judged() {
        let none: &[Fake] = &[];
        let told = gather(&profiles(PROFILE), (&[], &[]), none, |_| None, &mut Memory::default(), Time(1)).await;
        assert!(told.iter().all(|g| g.state == State::Unjudged && g.note == "no Prometheus"), "{told:?}");
        let dead = Fake::new("p")
            .failing("/api/v1/alerts", AskError::Timeout)
            .failing("/api/v1/rules", AskError::Timeout)
            .failing("/api/v1/query", AskError::Timeout);
        let told = step(&dead, &[down(false)], &mut Memory::default(), 1).await;
        assert!(told.iter().all(|g| g.note == "Prometheus: no answer in time (p)"), "{told:?}");
    }

    #[tokio::test]
    async fn an_expression_counts_from_its_first_crossing_and_its_largest_value_is_told() {
        let mut memory = Memory::default();
        let kept = prometheus("", "ShopDown", &vector(&["0"]));
        step(&kept, &[], &mut memory, 70).await;
        let crossed = prometheus("", "ShopDown", &vector(&["1.5", "NaN", "0.123456"]));
        for now in [100, 130] {
            // a quick question is asked every time
            memory.kept.clear();
            let told = step(&crossed, &[], &mut memory, now).await;
            assert_eq!(words(&told)[1..], ["Errors crossed 1.5", "Lag crossed 1.5"]);
            // the first look found one crossed already, the other one kept
            assert_eq!((told[1].since, told[1].counts_at), (None, Some(Time(250))));
            assert_eq!((told[2].since, told[2].counts_at), (Some(Time(100)), None));
        }
        memory.kept.clear();
        let kept = prometheus("", "ShopDown", &vector(&["0"]));
        let told = step(&kept, &[], &mut memory, 160).await;
        // any sample of an expression that compares is a crossing; a plain value is judged by its sign
        assert_eq!(words(&told)[1..], ["Errors crossed 0", "Lag kept 0"]);
    }

    #[tokio::test]
    async fn since_when_it_is_crossed_is_not_known_at_the_first_look() {
        let mut memory = Memory::default();
        let crossed = prometheus("", "ShopDown", &vector(&["1.5"]));
        let told = step(&crossed, &[], &mut memory, 100).await;
        // it counts after its time all the same
        assert_eq!((told[1].since, told[1].counts_at), (None, Some(Time(280))));
    }

    #[tokio::test]
    async fn a_prometheus_of_its_own_is_asked_first_and_without_it_the_platforms() {
        let text = format!("{PROFILE}\n[prometheus]\nservice = \"p\"\n");
        let platform = prometheus("", "ShopDown", &vector(&[]));
        let own = prometheus(
            r#"{"labels":{"alertname":"ShopDown","namespace":"shop"},"state":"firing","activeAt":"1970-01-01T00:00:07Z"}"#,
            "ShopDown",
            &vector(&[]),
        );
        let seen = [prometheus::read(&platform).await];
        let asks = std::slice::from_ref(&platform);
        let mut memory = Memory::default();
        let told = gather(&profiles(&text), (&seen, &[]), asks, |_| Some(own.clone()), &mut memory, Time(9)).await;
        assert_eq!((told[0].state, told[0].since), (State::Crossed, Some(Time(7))));
        let gone = Fake::new("own");
        let told = gather(&profiles(&text), (&seen, &[]), asks, |_| Some(gone.clone()), &mut memory, Time(9)).await;
        assert_eq!(told[0].state, State::Kept);
    }

    #[test]
    fn values_have_as_many_digits_as_tell_something() {
        for (value, expected) in
            [(0.0, "0"), (0.022_512, "0.0225"), (1.5, "1.5"), (97.128, "97.13"), (492_149.6, "492150")]
        {
            assert_eq!(shown(value), expected);
        }
    }
}
