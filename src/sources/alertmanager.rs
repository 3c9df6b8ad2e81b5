//! Alertmanager's view: what is silenced and inhibited, and the silences themselves. Its firing state lags behind
//! Prometheus', so it is believed only where Prometheus is not heard.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::labels::Labels;
use super::poll::{Ask, AskError, entries, expect_ok, time, utf8};
use super::prometheus::Annotations;
use crate::domain::ages::Time;
use crate::domain::change::Bad;
use crate::domain::matcher::{self, Matcher, Test};
use crate::domain::record::clean;
use crate::kinds::silences::State;
use crate::kinds::wire::{Many, Text, or_default};

pub const ALERTS: &str = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true";
pub const SILENCES: &str = "/api/v2/silences";

/// What one replica says.
#[derive(Debug, Clone)]
pub struct Seen {
    pub address: String,
    pub alerts: Result<Vec<Alert>, AskError>,
    pub silences: Result<Vec<Silence>, AskError>,
    pub bad: Vec<Bad>,
}

/// One alert, with all of its labels.
#[derive(Debug, Clone, Default)]
pub struct Alert {
    pub labels: Labels,
    pub fingerprint: String,
    pub starts: Option<Time>,
    pub ends: Option<Time>,
    pub suppressed: bool,
    pub silenced_by: Vec<String>,
    /// Fingerprints of the alerts that inhibit this one.
    pub inhibited_by: Vec<String>,
    /// Names of mute time intervals.
    pub muted_by: Vec<String>,
    pub receivers: Vec<String>,
    pub annotations: Annotations,
}

/// One silence.
#[derive(Debug, Clone, Default)]
pub struct Silence {
    pub id: String,
    pub state: State,
    pub matchers: Vec<Matcher>,
    /// `None` when one of its expressions cannot be compiled here.
    test: Option<Test>,
    pub starts: Option<Time>,
    pub ends: Option<Time>,
    pub updated: Option<Time>,
    pub by: String,
    pub comment: String,
}

impl Silence {
    /// Whether it covers a label set; `None` when one of its expressions cannot be compiled here.
    pub fn covers(&self, labels: &matcher::Labels) -> Option<bool> {
        Some(self.test.as_ref()?.all(labels))
    }

    /// As Alertmanager prints them: `alertname="X" namespace=~"a|b"`.
    pub fn told(&self) -> String {
        matcher::written(&self.matchers)
    }

    /// The one namespace that it is confined to, if it is.
    pub fn namespace(&self) -> Option<&str> {
        self.matchers.iter().find(|m| m.name == "namespace" && m.is_equal && !m.is_regex).map(|m| &*m.value)
    }

    /// The maintenance window that made it: its comment begins with `[wk:ID]`.
    pub fn window(&self) -> Option<&str> {
        self.comment.trim_start().strip_prefix("[wk:")?.split_once(']').map(|(id, _)| id)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AlertWire {
    #[serde(deserialize_with = "or_default")]
    labels: Labels,
    #[serde(deserialize_with = "or_default")]
    annotations: Annotations,
    fingerprint: Text,
    starts_at: Text,
    ends_at: Text,
    receivers: Many<Receiver>,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Receiver {
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    state: Text,
    silenced_by: Many<Text>,
    inhibited_by: Many<Text>,
    muted_by: Many<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SilenceWire {
    id: Text,
    #[serde(deserialize_with = "or_default")]
    status: Status,
    matchers: Many<MatcherWire>,
    starts_at: Text,
    ends_at: Text,
    updated_at: Text,
    created_by: Text,
    comment: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MatcherWire {
    name: Text,
    value: Text,
    is_regex: Option<bool>,
    is_equal: Option<bool>,
}

/// Asks one replica for both.
pub async fn read(ask: &impl Ask) -> Seen {
    let (alerts_answer, silences_answer) = futures::join!(ask.get(ALERTS), ask.get(SILENCES));
    let mut bad = Vec::new();
    let alerts = expect_ok(alerts_answer).and_then(|body| alerts(&body, &mut bad));
    let silences = expect_ok(silences_answer).and_then(|body| silences(&body, &mut bad));
    Seen { address: ask.label().to_owned(), alerts, silences, bad }
}

/// Decodes the answer of [`ALERTS`].
pub fn alerts(body: &[u8], bad: &mut Vec<Bad>) -> Result<Vec<Alert>, AskError> {
    let texts = |list: &Many<Text>| list.iter().map(|t| t.to_string()).collect();
    Ok(entries::<AlertWire>(&opened(body)?, "Alertmanager alert", bad)
        .into_iter()
        .map(|a| Alert {
            fingerprint: a.fingerprint.to_string(),
            starts: time(&a.starts_at),
            ends: time(&a.ends_at),
            suppressed: &*a.status.state == "suppressed",
            silenced_by: texts(&a.status.silenced_by),
            inhibited_by: texts(&a.status.inhibited_by),
            muted_by: texts(&a.status.muted_by),
            receivers: a.receivers.iter().map(|r| r.name.to_string()).collect(),
            labels: a.labels,
            annotations: a.annotations,
        })
        .collect())
}

/// Decodes the answer of [`SILENCES`].
pub fn silences(body: &[u8], bad: &mut Vec<Bad>) -> Result<Vec<Silence>, AskError> {
    let all: Vec<Silence> = entries::<SilenceWire>(&opened(body)?, "silence", bad).into_iter().map(silence).collect();
    for silence in all.iter().filter(|silence| silence.matchers.is_empty()) {
        let name = clean(&format!("silence {}", silence.id));
        bad.push(Bad { name, error: clean("it has no matchers that are known: what it covers is unknown") });
    }
    Ok(all)
}

#[expect(clippy::needless_pass_by_value, reason = "one of a list that is used up")]
fn silence(wire: SilenceWire) -> Silence {
    // servers of before 0.22 know no isEqual
    let one = |m: &MatcherWire| Matcher {
        name: m.name.to_string(),
        value: m.value.to_string(),
        is_regex: m.is_regex.unwrap_or(false),
        is_equal: m.is_equal.unwrap_or(true),
    };
    let matchers: Vec<Matcher> = wire.matchers.iter().map(one).collect();
    Silence {
        id: wire.id.to_string(),
        state: match &*wire.status.state {
            // of none it is not known what they are, not that they fit everything
            _ if matchers.is_empty() => State::Unknown,
            "active" => State::Active,
            "pending" => State::Pending,
            "expired" => State::Expired,
            _ => State::Unknown,
        },
        test: Test::of(&matchers).ok().filter(|_| !matchers.is_empty()),
        matchers,
        starts: time(&wire.starts_at),
        ends: time(&wire.ends_at),
        updated: time(&wire.updated_at),
        by: wire.created_by.to_string(),
        comment: wire.comment.to_string(),
    }
}

fn opened(body: &[u8]) -> Result<Many<Box<RawValue>>, AskError> {
    let wrong = |what: String| AskError::Other(format!("not an answer of Alertmanager: {what}"));
    let list: Option<Many<Box<RawValue>>> =
        serde_json::from_str(&utf8(body)).map_err(|error| wrong(error.to_string()))?;
    list.ok_or_else(|| wrong("it is null".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_bad_entries_do_not_lose_the_rest() {
        let body = r#"[{"labels":{"alertname":"A"},"annotations":null,"status":null,"receivers":null},
            {"labels":7},
            {"labels":{"alertname":"B"},"fingerprint":"f","status":{"state":"suppressed","silencedBy":["s"],"inhibitedBy":null},
             "receivers":[{"name":"pager"},null]}]"#;
        let mut bad = Vec::new();
        let alerts = alerts(body.as_bytes(), &mut bad).unwrap();
        assert_eq!((alerts.len(), bad.len()), (2, 1));
        assert!(!alerts[0].suppressed);
        assert_eq!(
            (&*alerts[1].silenced_by, &*alerts[1].receivers),
            (&["s".to_owned()][..], &["pager".to_owned()][..])
        );
    }

    #[test]
    fn a_silence_of_an_old_server_is_equal_by_default_and_tells_its_window() {
        let body = r#"[{"id":"1","status":{"state":"active"},"comment":"[wk:7Q] upgrade","createdBy":"alice",
            "matchers":[{"name":"alertname","value":"X"},{"name":"namespace","value":"a|b","isRegex":true}]}]"#;
        let silence = silences(body.as_bytes(), &mut Vec::new()).unwrap().remove(0);
        assert_eq!(silence.told(), r#"alertname="X" namespace=~"a|b""#);
        assert_eq!(silence.window(), Some("7Q"));
        assert_eq!(silence.namespace(), None);
        assert_eq!(silence.covers(&matcher::label_set(r#"{alertname="X",namespace="b"}"#)), Some(true));
    }

    #[test]
    fn a_silence_whose_expression_cannot_be_compiled_covers_nobody_knows_what() {
        let body = r#"[{"id":"1","matchers":[{"name":"a","value":"(","isRegex":true}]}]"#;
        let silence = silences(body.as_bytes(), &mut Vec::new()).unwrap().remove(0);
        assert_eq!(silence.covers(&matcher::label_set(r#"{a="x"}"#)), None);
        assert_eq!(silence.told(), r#"a=~"(""#);
    }

    #[test]
    fn a_silence_of_unknown_shape_is_not_active_and_covers_nobody_knows_what() {
        let body = r#"[{"id":"1","status":{"state":"active"},"matcherSets":[[{"name":"a","value":"b"}]]},
            {"id":"2","status":{"state":"active"},"matchers":null}]"#;
        let mut bad = Vec::new();
        for silence in silences(body.as_bytes(), &mut bad).unwrap() {
            assert_eq!((silence.state, silence.covers(&matcher::label_set(r#"{a="x"}"#))), (State::Unknown, None));
        }
        assert_eq!(bad.iter().map(|bad| &*bad.name).collect::<Vec<_>>(), ["silence 1", "silence 2"]);
    }

    /// Alertmanager 0.32 and later: version 2 of the API lists no silence at all when one has several sets of matchers.
    #[test]
    fn a_list_that_alertmanager_refuses_to_give_is_told_in_its_words() {
        use super::super::poll::Answer;
        let body = r#""silence 's1' has multiple matcher sets which is not supported by this API version""#;
        let refused = Answer { status: 500, body: body.as_bytes().to_vec(), date: None };
        let error = expect_ok(Ok(refused)).unwrap_err();
        assert!(error.to_string().contains("silence 's1' has multiple matcher sets"), "{error}");
    }
}
