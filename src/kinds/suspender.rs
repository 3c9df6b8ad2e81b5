//! Who suspended an object, and when: the entry of `metadata.managedFields` that holds `f:spec.f:suspend` (for Velero's
//! schedules `f:spec.f:paused`, for nodes `f:spec.f:unschedulable`, for ResourceSets and `ArtifactGenerators` an
//! annotation). And when its spec was last written, and its status: nothing else in an object shows that.
//!
//! The entries are a quarter of an object's bytes. All but two short texts of each are skipped without a copy, and only
//! one of all entries is kept.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::column::Show;
use super::wire::Text;
use crate::domain::ages::{self, Time};
use crate::domain::interner::Sym;
use crate::domain::record::Record;

/// The field manager that last wrote the switch, and the time of its last write. Empty when nobody did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SuspendedBy {
    pub manager: Text,
    pub since: Option<Time>,
    /// When a field of the spec was last written.
    pub spec: Option<Time>,
    /// When its controller last changed the status.
    pub status: Option<Time>,
}

/// `3d by kubectl`, or `yes` when that is not known; `since` is when it was suspended, `by` the cell of who did it.
pub fn shown(record: &Record, since: Option<Time>, by: u8, show: &Show<'_>, out: &mut String) {
    if record.suspended != Some(true) {
        return;
    }
    match since {
        Some(since) => ages::human(since.age(show.now), out),
        None => out.push_str("yes"),
    }
    if record.sym(by) != Sym::EMPTY {
        out.push_str(" by ");
        out.push_str(record.text(by, show.strings));
    }
}

impl<'de> Deserialize<'de> for SuspendedBy {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = SuspendedBy;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of field managers")
            }
            fn visit_unit<E>(self) -> Result<SuspendedBy, E> {
                Ok(SuspendedBy::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<SuspendedBy, A::Error> {
                let mut newest = SuspendedBy::default();
                while let Some(entry) = seq.next_element::<Option<Entry>>()? {
                    let Some(Entry { manager, time, fields: Holds(holds) }) = entry else { continue };
                    let since = Time::parse(&time);
                    if holds & SPEC != 0 {
                        newest.spec = newest.spec.max(since);
                    }
                    if holds & STATUS != 0 {
                        newest.status = newest.status.max(since);
                    }
                    if holds & SWITCH != 0 && (newest.manager.is_empty() || since > newest.since) {
                        newest = SuspendedBy { manager, since, ..newest };
                    }
                }
                Ok(newest)
            }
        }
        d.deserialize_any(V)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    manager: Text,
    time: Text,
    #[serde(rename = "fieldsV1")]
    fields: Holds,
}

/// What a field set holds: a switch, a field of the spec, of the status.
#[derive(Debug, Default)]
struct Holds(u8);

const SWITCH: u8 = 1;
const SPEC: u8 = 2;
const STATUS: u8 = 4;

impl<'de> Deserialize<'de> for Holds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Within(WANTED)).map(Holds)
    }
}

/// Keys of a field set, what each means, and what to look for in its value.
type Keys = &'static [(&'static str, Below)];

#[derive(Debug, Clone, Copy)]
struct Below(u8, Keys);

const HIT: Below = Below(SWITCH, &[]);

const WANTED: Keys = &[
    ("f:spec", Below(SPEC, &[("f:suspend", HIT), ("f:paused", HIT), ("f:unschedulable", HIT)])),
    ("f:status", Below(STATUS, &[])),
    (
        "f:metadata",
        Below(
            0,
            &[(
                "f:annotations",
                Below(
                    0,
                    &[("f:fluxcd.controlplane.io/reconcile", HIT), ("f:source.extensions.fluxcd.io/reconcile", HIT)],
                ),
            )],
        ),
    ),
];

/// Every key that is looked for, at any depth.
#[cfg(test)]
pub(super) fn wanted() -> Vec<&'static str> {
    let (mut all, mut rest) = (Vec::new(), vec![WANTED]);
    while let Some(keys) = rest.pop() {
        all.extend(keys.iter().map(|(key, _)| *key));
        rest.extend(keys.iter().map(|(_, Below(_, below))| *below));
    }
    all
}

/// Looks for these keys, and in the value of each for the keys below it.
struct Within(Keys);

impl<'de> Visitor<'de> for Within {
    type Value = u8;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field set")
    }
    fn visit_unit<E>(self) -> Result<u8, E> {
        Ok(0)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u8, A::Error> {
        let mut found = 0;
        while let Some(hit) = map.next_key_seed(OneOf(self.0))? {
            match hit {
                Some(Below(means, keys)) => found |= means | map.next_value_seed(Within(keys))?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Within {
    type Value = u8;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<u8, D::Error> {
        d.deserialize_any(self)
    }
}

/// Compares a key without copying it.
struct OneOf(Keys);

impl Visitor<'_> for OneOf {
    type Value = Option<Below>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E>(self, v: &str) -> Result<Option<Below>, E> {
        Ok(self.0.iter().find(|(key, _)| *key == v).map(|(_, below)| *below))
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for OneOf {
    type Value = Option<Below>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Option<Below>, D::Error> {
        d.deserialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (String, Option<i64>) {
        let by: SuspendedBy = serde_json::from_str(json).unwrap();
        (by.manager.to_string(), by.since.map(|t| t.0))
    }

    #[test]
    fn the_manager_of_the_switch_is_found_among_others() {
        let json = r#"[
            {"manager":"kustomize-controller","operation":"Apply","time":"2026-11-20T08:00:00Z","fieldsType":"FieldsV1",
             "fieldsV1":{"f:metadata":{"f:labels":{"f:suspend":{}}},"f:spec":{"f:interval":{},"f:chart":{"f:suspend":{}}}}},
            {"manager":"flux","operation":"Update","time":"2026-11-21T08:00:00Z","fieldsV1":{"f:spec":{"f:suspend":{}}}},
            {"manager":"helm-controller","subresource":"status","time":"2026-11-21T09:00:00Z",
             "fieldsV1":{"f:status":{"f:conditions":{".":{},"k:{\"type\":\"Ready\"}":{"f:suspend":[1,"x",null]}}}}}]"#;
        assert_eq!(read(json), ("flux".into(), Time::parse("2026-11-21T08:00:00Z").map(|t| t.0)));
    }

    #[test]
    fn the_switch_of_a_resource_set_is_an_annotation_and_no_other_one() {
        let json = |name: &str| {
            format!(
                r#"[{{"manager":"kubectl-annotate","time":"2026-11-21T08:00:00Z",
                "fieldsV1":{{"f:metadata":{{"f:annotations":{{".":{{}},"f:fluxcd.controlplane.io/{name}":{{}}}}}}}}}}]"#
            )
        };
        assert_eq!(read(&json("reconcile")).0, "kubectl-annotate");
        assert_eq!(read(&json("reconcileEvery")).0, "");
    }

    #[test]
    fn the_last_write_of_the_spec_is_known_and_a_status_is_none() {
        let json = r#"[{"manager":"a","time":"2026-11-21T08:00:00Z","fieldsV1":{"f:spec":{"f:interval":{}}}},
            {"manager":"b","time":"2026-11-21T09:00:00Z","fieldsV1":{"f:spec":{"f:path":{}}}},
            {"manager":"c","time":"2026-11-21T10:00:00Z","fieldsV1":{"f:status":{"f:spec":{}},"f:metadata":{}}}]"#;
        let by: SuspendedBy = serde_json::from_str(json).unwrap();
        assert_eq!((by.spec, &*by.manager), (Time::parse("2026-11-21T09:00:00Z"), ""));
        assert_eq!(by.status, Time::parse("2026-11-21T10:00:00Z"));
    }

    #[test]
    fn of_two_managers_the_later_one_counts() {
        let json = r#"[{"manager":"a","time":"2026-11-21T09:00:00Z","fieldsV1":{"f:spec":{"f:suspend":{}}}},
            {"manager":"b","time":"2026-11-21T08:00:00Z","fieldsV1":{"f:spec":{"f:paused":{}}}}]"#;
        assert_eq!(read(json).0, "a");
    }

    #[test]
    fn gaps_are_nobody() {
        for json in [
            "null",
            "[]",
            "[null]",
            "[{}]",
            r#"[{"manager":"a","fieldsV1":null}]"#,
            r#"[{"fieldsV1":{"f:spec":null}}]"#,
        ] {
            assert_eq!(read(json), (String::new(), None), "{json}");
        }
    }
}
