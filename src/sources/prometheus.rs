//! Prometheus' view: alerts that fire or are pending, and alerting rules that are broken. It knows nothing of silences.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::labels::Labels;
use super::poll::{Ask, AskError, entries, expect_ok, time, utf8};
use crate::domain::ages::Time;
use crate::domain::change::Bad;
use crate::domain::record::clean;
use crate::kinds::wire::{Many, Text, or_default};

pub const ALERTS: &str = "/api/v1/alerts";
pub const RULES: &str = "/api/v1/rules?type=alert&exclude_alerts=true";

/// What one replica says.
#[derive(Debug, Clone)]
pub struct Seen {
    pub address: String,
    pub alerts: Result<Vec<Alert>, AskError>,
    pub rules: Result<Vec<Rule>, AskError>,
    pub bad: Vec<Bad>,
}

/// One alert, with all of its labels.
#[derive(Debug, Clone, Default)]
pub struct Alert {
    pub labels: Labels,
    /// Firing, else pending.
    pub firing: bool,
    pub since: Option<Time>,
    pub annotations: Annotations,
}

/// The annotations that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Annotations {
    summary: Text,
    description: Text,
    message: Text,
    runbook_url: Text,
}

impl Annotations {
    /// The shortest text that says what is wrong.
    pub fn summary(&self) -> &str {
        [&self.summary, &self.description, &self.message].into_iter().find(|t| !t.trim().is_empty()).map_or("", |t| t)
    }

    pub fn runbook(&self) -> &str {
        &self.runbook_url
    }
}

/// One alerting rule.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    pub name: String,
    pub group: String,
    pub labels: Labels,
    pub health: RuleHealth,
    pub error: String,
    /// When it last failed or succeeded.
    pub evaluated: Option<Time>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuleHealth {
    Ok,
    Broken,
    /// Not evaluated yet.
    #[default]
    Unknown,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<T: Default> {
    status: Text,
    error: Text,
    #[serde(deserialize_with = "or_default", bound(deserialize = "T: Deserialize<'de>"))]
    data: T,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AlertsData {
    #[serde(deserialize_with = "given")]
    alerts: Option<Many<Box<RawValue>>>,
}

/// A list that is there, be it null or empty.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

fn missing(what: &str) -> AskError {
    AskError::Other(format!("not an answer of Prometheus: it has no {what}"))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AlertWire {
    #[serde(deserialize_with = "or_default")]
    labels: Labels,
    #[serde(deserialize_with = "or_default")]
    annotations: Annotations,
    state: Text,
    active_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RulesData {
    #[serde(deserialize_with = "given")]
    groups: Option<Many<Group>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    name: Text,
    rules: Many<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RuleWire {
    name: Text,
    r#type: Text,
    health: Text,
    last_error: Text,
    last_evaluation: Text,
    #[serde(deserialize_with = "or_default")]
    labels: Labels,
}

/// Asks one replica for both.
pub async fn read(ask: &impl Ask) -> Seen {
    let (alerts_answer, rules_answer) = futures::join!(ask.get(ALERTS), ask.get(RULES));
    let mut bad = Vec::new();
    let alerts = expect_ok(alerts_answer).and_then(|body| alerts(&body, &mut bad));
    let rules = expect_ok(rules_answer).and_then(|body| rules(&body, &mut bad));
    Seen { address: ask.label().to_owned(), alerts, rules, bad }
}

/// Decodes the answer of [`ALERTS`].
pub fn alerts(body: &[u8], bad: &mut Vec<Bad>) -> Result<Vec<Alert>, AskError> {
    let data: AlertsData = opened(body)?;
    let alerts = data.alerts.ok_or_else(|| missing("alerts"))?;
    let alerts = entries::<AlertWire>(&alerts, "Prometheus alert", bad);
    for alert in alerts.iter().filter(|a| !matches!(&*a.state, "firing" | "pending" | "inactive")) {
        let name = alert.labels.get("alertname").unwrap_or("(no name)");
        bad.push(Bad {
            name: clean(name),
            error: clean(&format!("unknown state {:?}: taken for firing", &*alert.state)),
        });
    }
    Ok(alerts
        .into_iter()
        .filter(|a| &*a.state != "inactive")
        .map(|a| Alert {
            firing: &*a.state != "pending",
            since: time(&a.active_at),
            labels: a.labels,
            annotations: a.annotations,
        })
        .collect())
}

/// Decodes the answer of [`RULES`]. Recording rules, which old servers add, are left out.
pub fn rules(body: &[u8], bad: &mut Vec<Bad>) -> Result<Vec<Rule>, AskError> {
    let data: RulesData = opened(body)?;
    let mut out = Vec::new();
    for group in data.groups.ok_or_else(|| missing("rules"))?.iter() {
        for rule in entries::<RuleWire>(&group.rules, &format!("rule of group {}", &*group.name), bad) {
            if &*rule.r#type == "recording" {
                continue;
            }
            out.push(Rule {
                name: rule.name.to_string(),
                group: group.name.to_string(),
                labels: rule.labels,
                health: match &*rule.health {
                    "ok" => RuleHealth::Ok,
                    "err" => RuleHealth::Broken,
                    "unknown" | "" => RuleHealth::Unknown,
                    other => {
                        let error = clean(&format!("unknown health {other:?}: whether it is evaluated is not known"));
                        bad.push(Bad { name: clean(&rule.name), error });
                        RuleHealth::Unknown
                    }
                },
                error: rule.last_error.to_string(),
                evaluated: time(&rule.last_evaluation),
            });
        }
    }
    Ok(out)
}

/// The data of an envelope that says success.
fn opened<T: Default + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, AskError> {
    let envelope: Envelope<T> = serde_json::from_str(&utf8(body))
        .map_err(|error| AskError::Other(format!("not an answer of Prometheus: {error}")))?;
    match &*envelope.status {
        "success" => Ok(envelope.data),
        "error" => Err(AskError::Other(envelope.error.to_string())),
        _ => Err(AskError::Other("not an answer of Prometheus".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_alerts(json: &str) -> (Vec<Alert>, Vec<Bad>) {
        let mut bad = Vec::new();
        let alerts = alerts(json.as_bytes(), &mut bad).unwrap();
        (alerts, bad)
    }

    #[test]
    fn a_bad_entry_is_named_and_the_others_stay() {
        let (alerts, bad) = read_alerts(
            r#"{"status":"success","data":{"alerts":[
                {"labels":{"alertname":"A","replica":"1"},"state":"firing","activeAt":"2026-11-21T10:00:00.5Z","value":"NaN"},
                {"labels":[],"state":"firing"}, null,
                {"labels":null,"annotations":null,"state":"pending","activeAt":"0001-01-01T00:00:00Z"},
                {"labels":{"alertname":"B"},"state":"inactive"}]}}"#,
        );
        assert_eq!(alerts.len(), 2);
        assert_eq!(alerts[0].labels.to_string(), r#"{alertname="A",replica="1"}"#);
        assert_eq!((alerts[0].firing, alerts[0].since), (true, Some(Time(1_795_255_200))));
        assert_eq!((alerts[1].firing, alerts[1].since), (false, None));
        assert_eq!(bad.len(), 1);
        assert_eq!(&*bad[0].name, "Prometheus alert 2");
    }

    #[test]
    fn bytes_that_are_no_utf8_do_not_lose_the_answer() {
        let mut body = br#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"A"#.to_vec();
        body.push(0xff);
        body.extend(br#""},"state":"firing"}]}}"#);
        let alerts = alerts(&body, &mut Vec::new()).unwrap();
        assert_eq!(alerts[0].labels.get("alertname"), Some("A\u{fffd}"));
    }

    #[test]
    fn an_error_envelope_and_a_login_page_are_errors() {
        let error = |body: &str| alerts(body.as_bytes(), &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(error(r#"{"status":"error","error":"timed out","data":null}"#), "timed out");
        assert!(error("<html>sign in</html>").starts_with("not an answer of Prometheus"));
        assert!(error("{}").starts_with("not an answer of Prometheus"));
    }

    #[test]
    fn rules_tell_which_are_broken_and_recording_ones_are_left_out() {
        let body = r#"{"status":"success","data":{"groups":[{"name":"g","rules":[
            {"type":"alerting","name":"A","health":"err","lastError":"many-to-many","lastEvaluation":"2026-11-21T10:00:00Z"},
            {"type":"recording","name":"r","health":"err"},
            {"name":"B","health":"unknown","labels":null},{"name":"C","health":"stalled"}]},{"name":"h","rules":null}]}}"#;
        let mut bad = Vec::new();
        let rules = rules(body.as_bytes(), &mut bad).unwrap();
        let told: Vec<_> = rules.iter().map(|r| (&*r.name, r.health)).collect();
        assert_eq!(told, [("A", RuleHealth::Broken), ("B", RuleHealth::Unknown), ("C", RuleHealth::Unknown)]);
        let told: Vec<_> = bad.iter().map(|b| (&*b.name, b.error.contains("unknown health \"stalled\""))).collect();
        assert_eq!(told, [("C", true)]);
        assert_eq!(rules[0].error, "many-to-many");
    }

    #[test]
    fn the_summary_is_the_first_annotation_that_says_something() {
        let annotations: Annotations =
            serde_json::from_str(r#"{"summary":" ","description":"why","message":"m","runbook_url":"u"}"#).unwrap();
        assert_eq!((annotations.summary(), annotations.runbook()), ("why", "u"));
    }
}
