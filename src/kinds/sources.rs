//! What the kinds of Flux sources share: an artifact, where it comes from, and how old it is.
//!
//! An old artifact is normal: its time changes only with its revision. Never a failure by age.

use serde::Deserialize;

use super::Controller;
use super::column::{Column, Field};
use super::flux::{self, FluxKind, FluxObject, Reference, Told, short_revision};
use super::wire::{Condition, Many, Text, or_default};
use crate::domain::ages::{Time, go_duration};
use crate::domain::interner::Interner;
use crate::domain::record::{Cell, Record, Relation};
use crate::domain::redact;

/// When the artifact's revision last changed.
pub const ARTIFACT: u8 = flux::OWN;
/// The address, without user and password; `chart 1.x` for a `HelmChart`.
pub const PLACE: u8 = flux::OWN + 1;

pub const COLUMNS: &[Column] = &[
    flux::NAMESPACE,
    flux::NAME,
    flux::STATUS,
    flux::SINCE_COLUMN,
    flux::REVISION_COLUMN,
    Column::new("ARTIFACT", Field::Cell(ARTIFACT), 8, 8, 4),
    flux::SUSPENDED_COLUMN,
    flux::READY_COLUMN,
    Column::new("URL", Field::Cell(PLACE), 12, 60, 9),
    flux::MESSAGE,
    flux::AGE,
];

pub const CONTROLLER: Controller =
    Controller { name: "source-controller", serves: "Flux sources", home: "flux-system" };

pub const GROUP: &str = "source.toolkit.fluxcd.io";

/// The fields of all these kinds; a field that a kind lacks stays empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    suspend: Option<bool>,
    interval: Text,
    timeout: Text,
    url: Text,
    r#type: Text,
    endpoint: Text,
    bucket_name: Text,
    chart: Text,
    version: Text,
    #[serde(deserialize_with = "or_default")]
    source_ref: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    observed_generation: Option<i64>,
    conditions: Many<Condition>,
    #[serde(deserialize_with = "or_default")]
    artifact: Artifact,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Artifact {
    revision: Text,
    last_update_time: Text,
}

impl Spec {
    /// A fetch ends within its timeout; a chart has none, and is checked once per interval.
    fn patience(&self) -> Option<i64> {
        let read = |text: &str| go_duration(text).filter(|s| *s > 0);
        read(&self.timeout).or_else(|| read(&self.interval).map(|s| s.saturating_mul(3)))
    }

    fn place(&self) -> String {
        if !self.bucket_name.is_empty() {
            let scheme = if self.endpoint.contains("://") { "" } else { "s3://" };
            let url = format!("{scheme}{}/{}", &*self.endpoint, &*self.bucket_name);
            return redact::urls(&url).into_owned();
        }
        match (&*self.chart, &*self.version) {
            ("", _) => redact::urls(&self.url).into_owned(),
            (chart, "") => chart.to_owned(),
            (chart, version) => format!("{chart} {version}"),
        }
    }
}

/// A kind of source; only the name differs.
pub trait Source {
    const KIND: &'static str;
}

/// Reads any source.
#[derive(Debug)]
pub struct Sources<K>(std::marker::PhantomData<K>);

impl<K: Source> FluxKind for Sources<K> {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &FluxObject<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let own = [Cell::time(Time::parse(&status.artifact.last_update_time)), Cell::text(&spec.place(), intern)];
        let told = Told {
            kind: K::KIND,
            suspend: spec.suspend,
            // each chart asks the registry itself; who makes an artifact need not say anything else
            inert: (K::KIND == "HelmRepository" && &*spec.r#type == "oci")
                || (K::KIND == "ExternalArtifact" && !status.artifact.revision.is_empty()),
            is_made: K::KIND == "ExternalArtifact",
            observed: status.observed_generation,
            conditions: &status.conditions,
            never: status.artifact.revision.is_empty(),
            patience: spec.patience(),
            revision: &short_revision(&status.artifact.revision),
            links: spec
                .source_ref
                .link(Relation::Source, "HelmRepository", &meta.namespace, intern)
                .into_iter()
                .collect(),
            ..Told::default()
        };
        flux::read(meta, told, own, intern)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, seen};

    const ALL: [&str; 5] = ["git", "helmrepo", "ocirepo", "bucket", "helmchart"];

    fn source(spec: &Value, conditions: &Value) -> Value {
        json!({"metadata": {"name": "platform", "namespace": "flux-system", "generation": 1,
                "creationTimestamp": "2026-11-01T00:00:00Z"},
            "spec": spec,
            "status": {"observedGeneration": 1, "conditions": conditions, "artifact":
                {"revision": "main@sha1:0123456789abcdef", "lastUpdateTime": "2026-05-21T14:00:00Z"}}})
    }

    #[rstest]
    #[case::old_artifact_is_normal(json!([{"type": "Ready", "status": "True", "reason": "Succeeded"},
        {"type": "ArtifactInStorage", "status": "True", "reason": "Succeeded"}]), "Succeeded", "ok")]
    #[case::failed(json!([{"type": "FetchFailed", "status": "True", "reason": "GitOperationFailed", "message": "x"},
        {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": "not found"}]),
        "GitOperationFailed", "failed P2 git operation failed: not found")]
    #[case::fetch_failed_while_trying_again(json!([{"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"},
        {"type": "Ready", "status": "Unknown", "reason": "Progressing"},
        {"type": "FetchFailed", "status": "True", "reason": "AuthenticationFailed", "message": "401"}]),
        "AuthenticationFailed", "failed P2 authentication failed: 401")]
    #[case::silent(Value::Null, "Waiting", "unknown P3 waiting to be reconciled")]
    fn each_source_is_judged_alike(#[case] conditions: Value, #[case] status: &str, #[case] verdict: &str) {
        for word in ALL {
            let seen = seen(word, &source(&json!({"url": "https://h/x"}), &conditions));
            assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict), "{word}");
            assert_eq!(seen.column("REVISION"), "main@01234567");
            assert_eq!(seen.record.suspended, Some(false));
        }
    }

    #[rstest]
    #[case("git", json!({"url": "https://bob:hunter2@git.example/x.git"}), "https://git.example/x.git")]
    #[case("helmrepo", json!({"url": "oci://ghcr.example/charts", "type": "oci"}), "oci://ghcr.example/charts")]
    #[case("bucket", json!({"endpoint": "minio.example:9000", "bucketName": "a"}), "s3://minio.example:9000/a")]
    #[case("bucket", json!({"endpoint": "http://k:s@minio.example", "bucketName": "a"}), "http://minio.example/a")]
    #[case("helmchart", json!({"chart": "app", "version": "1.x", "sourceRef": {"kind": "HelmRepository", "name": "c"}}), "app 1.x")]
    fn addresses_are_shown_without_their_secrets(#[case] word: &str, #[case] spec: Value, #[case] url: &str) {
        assert_eq!(seen(word, &source(&spec, &Value::Null)).column("URL"), url);
    }

    #[test]
    fn a_static_repository_is_not_waiting_for_anything() {
        let oci = seen("helmrepo", &source(&json!({"type": "oci", "url": "oci://r"}), &Value::Null));
        assert_eq!((oci.status(), oci.verdict(NOW).as_str()), ("Static", "ok"));
        let suspended = seen("helmrepo", &source(&json!({"type": "oci", "suspend": true}), &Value::Null));
        assert_eq!((suspended.status(), suspended.verdict(NOW).as_str()), ("Suspended", "suspended P3 suspended"));
    }

    #[test]
    fn an_external_artifact_names_its_maker_and_cannot_be_suspended() {
        let made = json!({"sourceRef": {"apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": "ArtifactGenerator", "name": "g"}});
        let told = seen("ea", &source(&made, &json!([{"type": "Ready", "status": "True", "reason": "Succeeded"}])));
        assert_eq!(
            (told.links(), told.verdict(NOW)),
            (vec!["Source ArtifactGenerator flux-system/g".into()], "ok".into())
        );
        assert_eq!((told.record.suspended, told.column("REVISION")), (None, "main@01234567".into()));
        // another maker need not set conditions
        assert_eq!(seen("ea", &source(&json!({}), &Value::Null)).verdict(NOW), "ok");
        let empty = json!({"metadata": {"name": "a", "creationTimestamp": "2026-11-01T00:00:00Z"}});
        assert_eq!(seen("ea", &empty).verdict(NOW), "unknown P3 waiting to be reconciled");
    }

    #[rstest]
    #[case::its_fetch_failed_first(json!([{"type": "FetchFailed", "status": "True", "lastTransitionTime": "2026-11-21T13:00:00Z"},
        {"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"},
        {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": "x", "lastTransitionTime": "2026-11-21T13:59:50Z"}]),
        "60m", "failed P2 git operation failed: x")]
    #[case::never_fetched(json!([{"type": "FetchFailed", "status": "True", "lastTransitionTime": "2026-11-21T13:59:50Z"},
        {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": "x", "lastTransitionTime": "2026-11-21T13:59:50Z"}]),
        "10s", "failed")]
    fn a_retry_does_not_start_the_grace_anew(#[case] conditions: Value, #[case] since: &str, #[case] verdict: &str) {
        let seen = seen("git", &source(&json!({"url": "https://h/x"}), &conditions));
        assert_eq!((seen.column("SINCE").as_str(), seen.verdict(NOW).as_str()), (since, verdict));
    }

    #[test]
    fn one_that_never_fetched_anything_fails_since_it_was_made() {
        let object = json!({"metadata": {"name": "a", "creationTimestamp": "2026-11-21T13:30:00Z"}, "spec": {"url": "https://h/x"},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "AuthenticationFailed", "message": "port 40123",
                "lastTransitionTime": "2026-11-21T13:59:50Z"}]}});
        let seen = seen("git", &object);
        assert_eq!(
            (seen.column("SINCE").as_str(), seen.verdict(NOW).as_str()),
            ("30m", "failed P2 authentication failed: port 40123")
        );
    }

    #[test]
    fn a_fetch_ends_within_its_timeout() {
        let of = |spec: Value| {
            let conditions = json!([{"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "m",
                "lastTransitionTime": "2026-11-21T13:50:00Z"}]);
            seen("git", &source(&spec, &conditions)).verdict(NOW)
        };
        assert_eq!(of(json!({"timeout": "60s", "interval": "1h"})), "warning P3 in progress for more than 60s: m");
        assert_eq!(of(json!({"interval": "1m"})), "warning P3 in progress for more than 3m: m");
        assert_eq!(of(json!({"interval": "10m"})), "progressing");
        assert_eq!(of(json!({})), "progressing");
    }

    #[test]
    fn a_chart_names_its_source() {
        let chart = json!({"chart": "app", "sourceRef": {"kind": "GitRepository", "name": "c"}});
        assert_eq!(seen("helmchart", &source(&chart, &Value::Null)).links(), ["Source GitRepository flux-system/c"]);
    }
}
