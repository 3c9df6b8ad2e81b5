//! `HorizontalPodAutoscalers`: whether they can scale, and whether they need more than their maximum.
//!
//! `ScalingActive=False` has two meanings: metrics that cannot be read, and (`ScalingDisabled`) a target that somebody
//! scaled to 0, which is no fault. Source: Kubernetes `pkg/controller/podautoscaler/horizontal.go`.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::{self, because, link, words};
use super::flux::Reference;
use super::wire::{Condition, Conditions, Many, Object, Text, or_default};
use super::workload::{self, SINCE};
use super::{Alarm, Api, Kind, KindSpec, base, decode};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

pub const CURRENT: u8 = 1;
pub const DESIRED: u8 = 2;
pub const LEAST: u8 = 3;
pub const MOST: u8 = 4;
/// `Deployment/web`.
pub const TARGET: u8 = 5;
/// What the first metric measures; its use and its target in percent, where it is given in percent.
const METRIC: u8 = 6;
const USED: u8 = 7;
const GOAL: u8 = 8;
const MORE: u8 = 9;
const SCALED: u8 = 10;

const AT_MAXIMUM: &str = "AtMaximum";

pub const SPEC: KindSpec = KindSpec {
    name: "HorizontalPodAutoscaler",
    word: "hpa",
    aliases: &["hpas", "horizontalpodautoscalers"],
    title: "Autoscalers",
    api: Api::Watch {
        group: "autoscaling",
        versions: &["v2"],
        plural: "horizontalpodautoscalers",
        namespaced: true,
        decode: decode::<Autoscalers>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 24, 48, 0),
        Column::new("STATUS", Field::Status, 9, 28, 0),
        Column::new("REPLICAS", Field::Cell(CURRENT), 8, 8, 1).right(),
        Column::new("MIN", Field::Cell(LEAST), 3, 5, 4).right(),
        Column::new("MAX", Field::Cell(MOST), 3, 5, 3).right(),
        Column::new("TARGETS", Field::With(targets), 12, 32, 5),
        Column::new("REFERENCE", Field::Cell(TARGET), 12, 48, 6),
        Column::new("AGE", Field::Age, 5, 7, 8),
        Column::new("SCALED", Field::Cell(SCALED), 6, 7, 9),
        Column::new("MESSAGE", Field::Note, 12, 160, 7),
    ],
    blinds: "autoscalers, scaling that is stuck",
    judge,
    lazy: true,
    guide: include_str!("../../assets/guides/autoscaler.txt"),
    fixed: true,
    alarm: Alarm::Perhaps("horizontalpodautoscaler"),
    ..KindSpec::BASE
};

struct Autoscalers;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    min_replicas: Option<i64>,
    max_replicas: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    scale_target_ref: Reference,
    metrics: Many<Metric>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    current_replicas: Option<i64>,
    desired_replicas: Option<i64>,
    last_scale_time: Text,
    current_metrics: Many<Metric>,
    conditions: Many<Condition>,
}

/// A metric of the spec (with its target) or of the status (with its current value).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metric {
    r#type: Text,
    resource: Option<Resource>,
    container_resource: Option<Resource>,
    pods: Option<Other>,
    object: Option<Other>,
    external: Option<Other>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    name: Text,
    #[serde(deserialize_with = "or_default")]
    target: Value,
    #[serde(deserialize_with = "or_default")]
    current: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Value {
    average_utilization: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Other {
    #[serde(deserialize_with = "or_default")]
    metric: Named,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Text,
}

impl Metric {
    fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref().or(self.container_resource.as_ref())
    }

    fn name(&self) -> &str {
        let other = || self.pods.as_ref().or(self.object.as_ref()).or(self.external.as_ref());
        let told = self.resource().map(|r| &*r.name).or_else(|| other().map(|o| &*o.metric.name));
        told.filter(|name| !name.is_empty()).unwrap_or(&self.r#type)
    }
}

/// Health, STATUS word, and the condition that explains it.
fn state<'a>(spec: &Spec, status: &'a Status) -> (Health, String, Option<&'a Condition>) {
    let of = |r#type: &str| status.conditions.of(r#type);
    let word = |c: &Condition, other: &str| if c.reason.is_empty() { other.to_owned() } else { c.reason.to_string() };
    if let Some(c) = of("AbleToScale").filter(|c| c.is_false()) {
        return (Health::Warning, word(c, "UnableToScale"), Some(c));
    }
    match of("ScalingActive").filter(|c| c.is_false()) {
        Some(c) if &*c.reason == "ScalingDisabled" => return (Health::Ok, word(c, ""), None),
        Some(c) => return (Health::Warning, word(c, "ScalingInactive"), Some(c)),
        None => {}
    }
    let most = spec.max_replicas;
    // if minimum and maximum are equal, the size is fixed on purpose: there is no limit to reach
    let pinned = most.is_some_and(|most| spec.min_replicas.unwrap_or(1) >= most);
    let limited = of("ScalingLimited").filter(|c| c.is_true() && &*c.reason != "TooFewReplicas" && !pinned);
    if let Some(c) = limited.filter(|_| most.is_some() && status.current_replicas == most) {
        return (Health::Warning, AT_MAXIMUM.to_owned(), Some(c));
    }
    let unknown =
        ["AbleToScale", "ScalingActive"].into_iter().find_map(|t| of(t).filter(|c| !c.is_true() && !c.is_false()));
    match unknown {
        _ if status.conditions.is_empty() => return (Health::Unknown, "Waiting".to_owned(), None),
        Some(c) => return (Health::Unknown, word(c, "Unknown"), Some(c)),
        None => {}
    }
    let differs = status.desired_replicas.is_some_and(|wanted| Some(wanted) != status.current_replicas);
    if differs { (Health::Progressing, "Scaling".to_owned(), None) } else { (Health::Ok, "Active".to_owned(), None) }
}

impl Kind for Autoscalers {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let (health, word, why) = state(spec, status);
        (record.health, record.status) = (health, intern.get(&word));
        record.note = why.map_or_else(Box::default, |c| clean(&c.message));
        let since = ending::mark(&mut record, meta, intern).or_else(|| why.and_then(Condition::since));
        let number = |n: Option<i64>| n.map_or(Cell::None, Cell::Int);
        let target = &spec.scale_target_ref;
        let told = if target.name.is_empty() { String::new() } else { format!("{}/{}", &*target.kind, &*target.name) };
        let first = spec.metrics.first();
        let name = first.map_or("", Metric::name);
        let now = status.current_metrics.iter().find(|m| m.name() == name).and_then(Metric::resource);
        record.cells = Box::new([
            Cell::time(since),
            number(status.current_replicas),
            number(status.desired_replicas),
            Cell::Int(spec.min_replicas.unwrap_or(1)),
            number(spec.max_replicas),
            Cell::text(&told, intern),
            Cell::text(name, intern),
            number(now.and_then(|r| r.current.average_utilization)),
            number(first.and_then(Metric::resource).and_then(|r| r.target.average_utilization)),
            Cell::Int(i64::try_from(spec.metrics.len().saturating_sub(1)).unwrap_or(0)),
            Cell::time(Time::parse(&status.last_scale_time)),
        ]);
        let mut links = workload::links("HorizontalPodAutoscaler", meta, intern).into_vec();
        if !target.name.is_empty() {
            let kind = ending::qualified(&target.kind, ending::group(&target.api_version));
            links.push(link(Relation::About, &kind, &meta.namespace, &target.name, intern));
        }
        record.links = links.into();
        record
    }
}

/// `cpu 93%/70%`, with ` +2` for more metrics. Only percentages are shown: an amount means nothing without its unit.
fn targets(record: &Record, show: &Show<'_>, out: &mut String) {
    use std::fmt::Write as _;
    out.push_str(record.text(METRIC, show.strings));
    if let Cell::Int(goal) = record.cell(GOAL) {
        let _ = match record.cell(USED) {
            Cell::Int(used) => write!(out, " {used}%/{goal}%"),
            _ => write!(out, " ?/{goal}%"),
        };
    }
    if record.int(MORE) > 0 {
        let _ = write!(out, " +{}", record.int(MORE));
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = record.time(SINCE);
    let judged = Judgement::of(record.health);
    let why = match record.health {
        Health::Terminating => return ending::judge(record, since, thresholds, now),
        Health::Warning if strings.get(record.status) == AT_MAXIMUM => {
            format!("at its maximum of {} replicas and needs more", record.int(MOST))
        }
        Health::Warning => because(&words(strings.get(record.status)), &record.note),
        // the pods are created within seconds, and say themselves why they do not run
        Health::Progressing => {
            let since = record.time(SCALED).unwrap_or(record.created);
            let why = format!("has {} replicas and not the {} that it wants", record.int(CURRENT), record.int(DESIRED));
            return ending::after(judged, since, thresholds.no_progress, Severity::P3, why, now);
        }
        Health::Unknown => {
            let since = since.unwrap_or(record.created);
            let why = because("its controller says nothing", &record.note);
            return ending::after(judged, since, thresholds.no_progress, Severity::P4, why, now);
        }
        _ => return judged,
    };
    let ends = since.unwrap_or(record.created).plus(thresholds.reconcile_grace);
    if now < ends { judged.again_at(ends) } else { judged.with(Finding::new(Severity::P3, since, why)) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, Seen, seen};

    fn hpa(current: i64, conditions: &[(&str, &str, &str, &str)]) -> Seen {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(t, s, r, m)| {
                json!({"type": t, "status": s, "reason": r, "message": m, "lastTransitionTime": "2026-11-21T13:00:00Z"})
            })
            .collect();
        seen(
            "hpa",
            &json!({
                "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-11-01T00:00:00Z"},
                "spec": {"minReplicas": 2, "maxReplicas": 5,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
                        {"type": "Pods", "pods": {"metric": {"name": "requests"}}}]},
                "status": {"currentReplicas": current, "desiredReplicas": 5, "conditions": conditions,
                    "currentMetrics": [{"type": "", "resource": null}, {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 93}}}]},
            }),
        )
    }

    #[rstest]
    #[case::well(5, &[("ScalingActive", "True", "", ""), ("ScalingLimited", "False", "", "")], "Active", "ok")]
    #[case::scaling(3, &[("ScalingActive", "True", "", "")], "Scaling",
        "warning P3 has 3 replicas and not the 5 that it wants")]
    #[case::blind(3, &[("ScalingActive", "False", "FailedGetResourceMetric", "no metrics")], "FailedGetResourceMetric",
        "warning P3 failed get resource metric: no metrics")]
    #[case::scaled_to_nothing(0, &[("ScalingActive", "False", "ScalingDisabled", "zero")], "ScalingDisabled", "ok")]
    #[case::no_target(0, &[("AbleToScale", "False", "FailedGetScale", "not found")], "FailedGetScale",
        "warning P3 failed get scale: not found")]
    #[case::at_its_end(5, &[("ScalingLimited", "True", "TooManyReplicas", "more")], "AtMaximum",
        "warning P3 at its maximum of 5 replicas and needs more")]
    #[case::not_at_its_end(4, &[("ScalingLimited", "True", "ScaleUpLimit", "")], "Scaling",
        "warning P3 has 4 replicas and not the 5 that it wants")]
    #[case::not_known(5, &[("ScalingActive", "Unknown", "", "m")], "Unknown", "unknown P4 its controller says nothing: m")]
    #[case::held_from_below(5, &[("ScalingLimited", "True", "TooFewReplicas", "")], "Active", "ok")]
    #[case::looked_at_by_nobody(0, &[], "Waiting", "unknown P4 its controller says nothing")]
    fn an_autoscaler_is_as_able_as_its_conditions(
        #[case] current: i64,
        #[case] conditions: &[(&str, &str, &str, &str)],
        #[case] status: &str,
        #[case] verdict: &str,
    ) {
        let seen = hpa(current, conditions);
        assert_eq!((seen.status(), seen.verdict(NOW).as_str()), (status, verdict));
    }

    #[rstest]
    #[case::pinned(json!({"minReplicas": 4, "maxReplicas": 4}), "ok")]
    #[case::pinned_by_default(json!({"maxReplicas": 1}), "ok")]
    #[case::not_pinned(json!({"minReplicas": 3, "maxReplicas": 4}), "warning P3 at its maximum of 4 replicas and needs more")]
    fn a_size_that_is_fixed_has_no_limit_to_reach(#[case] spec: Value, #[case] verdict: &str) {
        let n = spec["maxReplicas"].clone();
        let object = json!({"metadata": {"name": "web", "creationTimestamp": "2026-11-01T00:00:00Z"}, "spec": spec,
            "status": {"currentReplicas": n, "desiredReplicas": n, "conditions": [
                {"type": "ScalingActive", "status": "True"},
                {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas", "lastTransitionTime": "2026-11-20T00:00:00Z"}]}});
        assert_eq!(seen("hpa", &object).verdict(NOW), verdict);
    }

    #[test]
    fn scaling_may_take_its_time() {
        let mut object = json!({"metadata": {"name": "web"}, "spec": {"maxReplicas": 5}, "status": {"currentReplicas": 1,
            "desiredReplicas": 5, "lastScaleTime": "2026-11-21T13:50:00Z", "conditions": [{"type": "ScalingActive", "status": "True"}]}});
        assert_eq!(seen("hpa", &object).verdict(NOW), "progressing");
        object["status"]["lastScaleTime"] = json!("2026-11-21T13:45:00Z");
        assert_eq!(seen("hpa", &object).verdict(NOW), "warning P3 has 1 replicas and not the 5 that it wants");
    }

    #[test]
    fn a_fault_has_its_grace() {
        let seen = hpa(3, &[("ScalingActive", "False", "FailedGetResourceMetric", "no metrics")]);
        assert_eq!(seen.verdict("2026-11-21T13:02:59Z"), "warning");
        assert_eq!(seen.verdict("2026-11-21T13:03:00Z"), "warning P3 failed get resource metric: no metrics");
    }

    #[test]
    fn columns_and_the_link_tell_what_is_scaled_by_what() {
        let told = hpa(5, &[]);
        let columns = ["REPLICAS", "MIN", "MAX", "TARGETS", "REFERENCE"].map(|c| told.column(c));
        assert_eq!(columns, ["5", "2", "5", "cpu 93%/70% +1", "Deployment/web"]);
        assert_eq!(told.links(), ["About Deployment shop/web"]);
        let other = json!({"metadata": {"name": "a"}, "spec": {"metrics": [{"type": "External", "external": {"metric": {"name": "lag"}}}]}});
        assert_eq!(seen("hpa", &other).column("TARGETS"), "lag");
        let unknown =
            json!({"spec": {"metrics": [{"resource": {"name": "cpu", "target": {"averageUtilization": 70}}}]}});
        assert_eq!(seen("hpa", &unknown).column("TARGETS"), "cpu ?/70%");
    }
}
