//! Warning events that say that pods (or Jobs) cannot be created: a quota, an admission webhook. A Deployment has a
//! condition for it; for a `StatefulSet`, a `DaemonSet` and a `Job` only the event shows it. They are few: the API
//! server selects them. They are evidence and judge nothing by themselves; `triage/joins/refusals.rs` does.
//!
//! Source of the reason: Kubernetes `pkg/controller/controller_utils.go` (`FailedCreatePodReason`), and
//! `pkg/controller/statefulset/stateful_pod_control.go` (`recordPodEvent`, `recordClaimEvent`).

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::link;
use super::spec::decode_with;
use super::wire::{Meta, Text, Versioned, or_default};
use super::{Api, Decoded, KindSpec, base};
use crate::domain::ages::Time;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record, Relation, clean};

/// When it was first and last seen.
pub const FIRST: u8 = 0;
pub const LAST: u8 = 1;
const COUNT: u8 = 2;

/// The selector of these events.
pub const SELECTOR: &str = "type=Warning,reason=FailedCreate";

/// Controllers try again after 1000 s at most, and not every try is an event: what was not seen for so long, in
/// seconds, is over. Sources: client-go `util/workqueue/default_rate_limiters.go`, `tools/record/events_cache.go`.
pub const FRESH: i64 = 1500;

pub const SPEC: KindSpec = KindSpec {
    name: "Event",
    word: "refusals",
    aliases: &["refused"],
    title: "Refused pods",
    api: Api::Watch { group: "", versions: &["v1"], plural: "events", namespaced: true, decode },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("ABOUT", Field::With(about), 20, 56, 0),
        Column::new("REASON", Field::Status, 12, 16, 4),
        Column::new("LAST", Field::Cell(LAST), 5, 7, 1),
        Column::new("COUNT", Field::Cell(COUNT), 5, 6, 3).right(),
        Column::new("MESSAGE", Field::Note, 16, 200, 1),
        Column::new("NAME", Field::Name, 12, 60, 9).wide(),
    ],
    blinds: "why a stateful set, daemon set or job has no pods",
    judge: |record, _, _, now| {
        let over = record.time(LAST).unwrap_or(record.created).plus(FRESH);
        // no longer current, until the API server forgets it
        if now < over { Judgement::of(record.health).again_at(over) } else { Judgement::of(Health::Ok) }
    },
    guide: include_str!("../../assets/guides/refusal.txt"),
    selector: SELECTOR,
    ..KindSpec::BASE
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    #[serde(deserialize_with = "or_default")]
    metadata: Meta,
    #[serde(deserialize_with = "or_default")]
    involved_object: Object,
    reason: Text,
    message: Text,
    count: Option<i64>,
    first_timestamp: Text,
    last_timestamp: Text,
    #[serde(rename = "eventTime")]
    at: Text,
    #[serde(deserialize_with = "or_default")]
    series: Series,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    kind: Text,
    namespace: Text,
    name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: Option<i64>,
    last_observed_time: Text,
}

impl Versioned for Event {
    fn version(&self) -> &str {
        &self.metadata.resource_version
    }
}

fn decode(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |event: &Event, intern| read(event, intern))
}

fn read(event: &Event, intern: &mut Interner) -> Record {
    let mut record = base(&event.metadata, intern);
    record.status = intern.get(&event.reason);
    record.health = Health::Warning;
    record.note = clean(&event.message);
    let first_of = |times: &[&Text]| times.iter().find_map(|time| Time::parse(time)).filter(|t| t.is_set());
    let first = first_of(&[&event.first_timestamp, &event.at]);
    let last = first_of(&[&event.series.last_observed_time, &event.last_timestamp, &event.at]);
    let count = event.series.count.or(event.count).unwrap_or(1);
    record.cells = Box::new([
        Cell::time(first.or(Some(record.created)).filter(|t| t.is_set())),
        Cell::time(last.or(Some(record.created)).filter(|t| t.is_set())),
        Cell::Int(count),
    ]);
    let object = &event.involved_object;
    if !object.name.is_empty() {
        let space = if object.namespace.is_empty() { &event.metadata.namespace } else { &object.namespace };
        record.links = Box::new([link(Relation::About, &object.kind, space, &object.name, intern)]);
    }
    record
}

/// `StatefulSet/db`.
fn about(record: &Record, show: &Show<'_>, out: &mut String) {
    let Some(link) = record.link(Relation::About) else { return };
    out.push_str(show.strings.get(link.kind));
    out.push('/');
    out.push_str(show.strings.get(link.name));
}

/// The refusal itself: `create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: ...`
/// and `Error creating: pods "..." is forbidden: ...` say the same in front of it.
pub fn gist(note: &str) -> &str {
    let point =
        note.split_once(" failed error: ").or_else(|| note.split_once("Error creating: ")).map(|(_, point)| point);
    point.unwrap_or(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::seen;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn event(times: &Value) -> Value {
        let mut event = json!({"metadata": {"name": "db.1", "namespace": "shop", "creationTimestamp": "2026-11-21T13:00:00Z"},
            "involvedObject": {"kind": "StatefulSet", "name": "db", "namespace": "shop"}, "type": "Warning",
            "reason": "FailedCreate", "message": "create Pod db-0 in StatefulSet db failed error: quota"});
        for (key, value) in times.as_object().unwrap() {
            event[key] = value.clone();
        }
        event
    }

    #[rstest]
    #[case::counted(json!({"count": 7, "firstTimestamp": "2026-11-21T13:10:00Z", "lastTimestamp": "2026-11-21T13:50:00Z"}), "10m", "7")]
    #[case::a_series(json!({"eventTime": "2026-11-21T13:10:00.5Z", "series": {"count": 3, "lastObservedTime": "2026-11-21T13:55:00.1Z"}}), "5m", "3")]
    #[case::once(json!({"eventTime": "2026-11-21T13:40:00Z", "firstTimestamp": null, "lastTimestamp": null}), "20m", "1")]
    #[case::without_times(json!({}), "60m", "1")]
    fn an_event_of_either_form_is_read(#[case] times: Value, #[case] last: &str, #[case] count: &str) {
        let seen = seen("refusals", &event(&times));
        assert_eq!((seen.column("LAST").as_str(), seen.column("COUNT").as_str()), (last, count));
        assert_eq!((seen.status(), seen.column("ABOUT").as_str()), ("FailedCreate", "StatefulSet/db"));
        assert_eq!(seen.links(), ["About StatefulSet shop/db"]);
    }

    #[test]
    fn one_that_was_not_seen_for_long_is_over() {
        let seen = seen("refusals", &event(&json!({"lastTimestamp": "2026-11-21T13:00:00Z"})));
        assert_eq!(seen.verdict("2026-11-21T13:24:59Z"), "warning");
        assert_eq!(seen.verdict("2026-11-21T13:25:00Z"), "ok");
    }

    #[rstest]
    #[case(
        "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: x",
        "pods \"db-0\" is forbidden: x"
    )]
    #[case("Error creating: pods \"a-b\" is forbidden: x", "pods \"a-b\" is forbidden: x")]
    #[case("something else", "something else")]
    fn the_point_of_a_refusal_is_what_the_api_server_said(#[case] note: &str, #[case] point: &str) {
        assert_eq!(gist(note), point);
    }
}
