//! Guardrails of the profiles that are on, judged with each poll of Prometheus: by an alert of their name, or by asking
//! their expression. What nobody can judge is told as that, never as kept.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::poll::{Ask, AskError, Polled, expect_ok, problem, utf8};
use super::profiles::encoded;
use super::prometheus::{self, Seen};
use crate::domain::ages::Time;
use crate::domain::change::FeedState;
use crate::domain::interner::Interner;
use crate::domain::profile::{Fires, Guardrail as Wanted, JudgedBy, Profile, Profiles};
use crate::domain::record::Record;
use crate::kinds::guardrails::{self as kind, Guardrail, State};

/// A slow question is asked again only after this many times what it took.
const PATIENCE: u32 = 20;

/// One alert as the alerts' feed has just told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarm {
    pub name: String,
    pub namespace: String,
    pub firing: bool,
    pub silenced: bool,
    pub since: Option<Time>,
    pub says: String,
}

/// What one Prometheus (with all its replicas) says of alerts and rules.
#[derive(Debug)]
struct View {
    alarms: Vec<Alarm>,
    /// Names of its alerting rules; why they are not known.
    rules: Result<Vec<String>, String>,
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
                        says: alert.annotations.summary().to_owned(),
                    }));
                }
                Err(error) if alerts.is_none() => view.blind = Some(problem("Prometheus", error, &one.address)),
                Err(_) => {}
            }
            match (&one.rules, &mut view.rules) {
                (Ok(found), Ok(names)) => names.extend(found.iter().map(|rule| rule.name.clone())),
                (Ok(found), rules) => *rules = Ok(found.iter().map(|rule| rule.name.clone()).collect()),
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

/// What is remembered between two steps.
#[derive(Debug, Default)]
pub struct Memory {
    /// Since when each expression is crossed.
    crossed: HashMap<String, Time>,
    /// What a slow question was answered, and until when that does.
    kept: HashMap<String, (Instant, Judged)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    state: State,
    /// Why it cannot be judged, what its alert says, or the value of its expression.
    note: String,
}

impl Judged {
    fn unjudged(note: impl Into<String>) -> Self {
        Self { state: State::Unjudged, note: note.into() }
    }
}

/// The alerts of a step as guardrails need them.
pub fn alarms(records: &[Record], intern: &mut Interner) -> Vec<Alarm> {
    use crate::kinds::alerts::State;
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
            let judged = by_expr(expr, *fires, needs, asks).await;
            (judged, Some(begun.elapsed()))
        }
    }
}

fn by_alert(name: &str, view: &View) -> Judged {
    if let Some(why) = &view.blind {
        return Judged::unjudged(why.clone());
    }
    let of_name = || view.alarms.iter().filter(|alarm| alarm.name == name);
    let fires = of_name().filter(|alarm| alarm.firing);
    let loud = fires.clone().find(|alarm| !alarm.silenced);
    if let Some(alarm) = loud.or_else(|| fires.clone().next()) {
        let state = if alarm.silenced { State::Silenced } else { State::Crossed };
        return Judged { state, note: alarm.says.clone() };
    }
    match &view.rules {
        // a rule that is not there never fires
        Ok(names) if !names.iter().any(|known| known == name) => {
            Judged::unjudged(format!("Prometheus has no alerting rule {name}"))
        }
        Ok(_) => Judged { state: State::Kept, note: String::new() },
        Err(why) => Judged::unjudged(format!("rules cannot be read: {why}")),
    }
}

async fn by_expr<A: Ask>(expr: &str, fires: Fires, needs: &str, asks: &[A]) -> Judged {
    let needed = async { if needs.is_empty() { Ok(vec![1.0]) } else { query_any(asks, needs).await } };
    let (needed, answer) = futures::join!(needed, query_any(asks, expr));
    let samples = match (needed, answer) {
        (_, Err(why)) | (Err(why), _) => return Judged::unjudged(why),
        (Ok(needed), Ok(_)) if needed.is_empty() => {
            return Judged::unjudged(format!("Prometheus has no sample of {needs}"));
        }
        (Ok(_), Ok(samples)) => samples,
    };
    let largest = samples
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .fold(None, |most: Option<f64>, v| Some(most.map_or(v, |most| most.max(v))));
    let state = match fires {
        Fires::NonEmpty if samples.is_empty() => State::Kept,
        Fires::NonEmpty => State::Crossed,
        Fires::AboveZero => match largest {
            None => return Judged::unjudged("its expression gives no value"),
            Some(value) if value > 0.0 => State::Crossed,
            Some(_) => State::Kept,
        },
    };
    Judged { state, note: largest.map(shown).unwrap_or_default() }
}

/// A value with as many digits as tell something.
fn shown(value: f64) -> String {
    let digits = match value.abs() {
        v if v == 0.0 || v >= 1000.0 => 0,
        v if v >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The values that the first replica that answers gives.
async fn query_any<A: Ask>(asks: &[A], expr: &str) -> Result<Vec<f64>, String> {
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
struct Sample {
    value: (f64, String),
}

async fn query(ask: &impl Ask, expr: &str) -> Result<Vec<f64>, AskError> {
    let body = expect_ok(ask.get(&format!("/api/v1/query?query={}", encoded(expr))).await)?;
    let wrong = |error: serde_json::Error| AskError::Other(format!("not an answer of Prometheus: {error}"));
    let envelope: Envelope = serde_json::from_str(&utf8(&body)).map_err(wrong)?;
    if envelope.status != "success" {
        let why = if envelope.error.is_empty() { "not an answer of Prometheus".to_owned() } else { envelope.error };
        return Err(AskError::Other(why));
    }
    let result = envelope.data.result.as_ref().map_or("[]", |raw| raw.get());
    let values: Vec<String> = if envelope.data.result_type == "scalar" {
        vec![serde_json::from_str::<(f64, String)>(result).map_err(wrong)?.1]
    } else {
        serde_json::from_str::<Vec<Sample>>(result).map_err(wrong)?.into_iter().map(|s| s.value.1).collect()
    };
    Ok(values.iter().map(|value| value.parse().unwrap_or(f64::NAN)).collect())
}

fn told(profile: &Profile, wanted: &Wanted, judged: &Judged, view: &View, memory: &mut Memory, now: Time) -> Guardrail {
    let crossed = matches!(judged.state, State::Crossed | State::Silenced);
    let (rule, since, alerts) = match &wanted.judged_by {
        JudgedBy::Alert(name) => {
            let firing: Vec<&Alarm> = view.alarms.iter().filter(|a| a.name == *name && a.firing).collect();
            let since = firing.iter().filter_map(|alarm| alarm.since).min();
            let alerts = firing.iter().map(|alarm| (alarm.namespace.clone(), alarm.name.clone())).collect();
            (name, since, alerts)
        }
        JudgedBy::Expr { expr, .. } => {
            let name = format!("{} {}", profile.name, wanted.name);
            let since = if crossed {
                Some(*memory.crossed.entry(name).or_insert(now))
            } else {
                // a step without an answer does not start it anew
                if judged.state == State::Kept {
                    memory.crossed.remove(&name);
                }
                None
            };
            (expr, since, Vec::new())
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
        since: since.filter(|_| crossed),
        counts_at: since.filter(|_| crossed && wanted.hold > 0).map(|at| at.plus(wanted.hold)),
        alerts,
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
