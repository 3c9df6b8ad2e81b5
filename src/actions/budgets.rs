//! Disruption budgets as the eviction API judges them, in its order: Kubernetes' `pkg/registry/core/pod/storage/eviction.go`.

use serde_json::Value;

use super::owner::selects;
use crate::domain::evictions::terminating;
use crate::domain::json::{condition, int, is_true, list, text};

/// What a pod's budgets mean for its eviction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stance<'v> {
    /// None applies: there is none, or the pod has ended, has not started, or is ending anyway.
    Free,
    /// This one allows it without counting it: the pod is not ready.
    Passes(&'v Value),
    /// This one allows it if it has a disruption left.
    Spends(&'v Value),
}

/// The budgets of a list that select pods of a namespace with these labels.
pub fn over<'v>(all: &'v Value, namespace: &str, labels: &Value) -> Vec<&'v Value> {
    // without a selector it selects nothing, with an empty one everything
    let picks = |budget: &&Value| budget.pointer("/spec/selector").is_some_and(|s| s.is_object() && selects(s, labels));
    let here = list(all, "/items").iter().filter(|budget| text(budget, "/metadata/namespace") == namespace);
    here.filter(picks).collect()
}

/// What the budgets of a list mean for the eviction of a pod.
///
/// # Errors
/// Two select it: its eviction is always refused. Their names.
pub fn stance<'v>(all: &'v Value, pod: &Value) -> Result<Stance<'v>, String> {
    let phase = text(pod, "/status/phase");
    if matches!(phase, "Succeeded" | "Failed" | "Pending") || terminating(pod).is_some() {
        return Ok(Stance::Free);
    }
    let labels = pod.pointer("/metadata/labels").unwrap_or(&Value::Null);
    match &*over(all, text(pod, "/metadata/namespace"), labels) {
        [] => Ok(Stance::Free),
        [budget] if !is_true(pod, "Ready") && spares_unready(budget) => Ok(Stance::Passes(budget)),
        [budget] => Ok(Stance::Spends(budget)),
        several => Err(several.iter().map(|b| text(b, "/metadata/name")).collect::<Vec<_>>().join(" and ")),
    }
}

/// Whether unready pods may be evicted although no disruption is left.
fn spares_unready(budget: &Value) -> bool {
    if text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow" {
        return true;
    }
    let (healthy, desired) = counts(budget);
    desired > 0 && healthy >= desired
}

fn counts(budget: &Value) -> (i64, i64) {
    let number = |name: &str| int(budget, &format!("/status/{name}")).unwrap_or(0);
    (number("currentHealthy"), number("desiredHealthy"))
}

/// How many disruptions it allows now, or why it allows none.
pub fn room(budget: &Value) -> Result<i64, String> {
    let (healthy, desired) = counts(budget);
    let generation = int(budget, "/metadata/generation").unwrap_or(0);
    if int(budget, "/status/observedGeneration").unwrap_or(0) < generation {
        return Err("it was changed and is not counted yet".to_owned());
    }
    let allowed = int(budget, "/status/disruptionsAllowed").unwrap_or(0);
    if allowed > 0 {
        return Ok(allowed);
    }
    let synced = condition(budget, "DisruptionAllowed");
    if let Some(failed) = synced.filter(|c| text(c, "/reason") == "SyncFailed") {
        return Err(format!("it cannot be counted: {}", text(failed, "/message")));
    }
    let expected = int(budget, "/status/expectedPods").unwrap_or(0);
    // the budget requires as many pods as there are
    let never = if expected > 0 && desired >= expected {
        format!(", and never allows one while there are {expected}")
    } else {
        String::new()
    };
    Err(format!("it needs {desired} healthy pods and has {healthy}{never}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    /// A pod in the namespace `n` with the label `app: a`.
    fn pod(phase: &str, ready: bool) -> Value {
        json!({"metadata": {"name": "a-1", "namespace": "n", "labels": {"app": "a"}}, "status": {"phase": phase,
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
    }

    /// A budget that picks `selector`: allowed now, healthy, desired.
    fn budget(selector: &Value, numbers: (i64, i64, i64), policy: Option<&str>) -> Value {
        let (allowed, healthy, desired) = numbers;
        json!({"metadata": {"name": "b", "namespace": "n", "generation": 1},
            "spec": {"selector": selector, "unhealthyPodEvictionPolicy": policy},
            "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
                "desiredHealthy": desired, "expectedPods": 3}})
    }

    fn told(pod: &Value, budgets: &[Value]) -> String {
        match stance(&json!({"items": budgets}), pod) {
            Ok(Stance::Free) => "free".into(),
            Ok(Stance::Passes(_)) => "passes".into(),
            Ok(Stance::Spends(budget)) => room(budget).map_or_else(|why| why, |n| format!("{n} now")),
            Err(names) => format!("two: {names}"),
        }
    }

    const NONE: (i64, i64, i64) = (0, 1, 2);

    #[rstest]
    #[case::ready(pod("Running", true), NONE, None, "it needs 2 healthy pods and has 1")]
    #[case::with_room(pod("Running", true), (1, 3, 2), None, "1 now")]
    #[case::succeeded(pod("Succeeded", false), NONE, None, "free")]
    #[case::failed(pod("Failed", false), NONE, None, "free")]
    #[case::pending(pod("Pending", false), NONE, None, "free")]
    #[case::unready_and_too_few_healthy(pod("Running", false), NONE, None, "it needs 2 healthy pods and has 1")]
    #[case::unready_and_that_is_said(
        pod("Running", false),
        NONE,
        Some("IfHealthyBudget"),
        "it needs 2 healthy pods and has 1"
    )]
    #[case::unready_and_enough_healthy(pod("Running", false), (0, 2, 2), None, "passes")]
    #[case::unready_and_none_desired(pod("Running", false), (0, 0, 0), None, "it needs 0 healthy pods and has 0")]
    #[case::unready_and_always(pod("Running", false), NONE, Some("AlwaysAllow"), "passes")]
    #[case::ready_and_always(pod("Running", true), NONE, Some("AlwaysAllow"), "it needs 2 healthy pods and has 1")]
    #[case::as_written(pod("Running", true), (0, 3, 3), None, "it needs 3 healthy pods and has 3, and never allows one while there are 3")]
    fn a_pod_is_judged_as_its_eviction_would_be(
        #[case] pod: Value,
        #[case] numbers: (i64, i64, i64),
        #[case] policy: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(told(&pod, &[budget(&json!({"matchLabels": {"app": "a"}}), numbers, policy)]), expected);
    }

    #[test]
    fn one_that_terminates_disturbs_nobody() {
        let mut pod = pod("Running", true);
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        let one = budget(&json!({}), NONE, None);
        assert_eq!(told(&pod, &[one.clone(), one]), "free");
    }

    #[rstest]
    #[case::empty(json!({}), true)]
    #[case::none(Value::Null, false)]
    #[case::by_label(json!({"matchLabels": {"app": "a"}}), true)]
    #[case::another(json!({"matchLabels": {"app": "b"}}), false)]
    #[case::by_expression(json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}), true)]
    #[case::not_in(json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]}), true)]
    #[case::exists(json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), false)]
    #[case::not_understood(json!({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["a"]}]}), false)]
    fn an_empty_selector_picks_every_pod_and_none_at_all_picks_nothing(#[case] selector: Value, #[case] picks: bool) {
        let found = told(&pod("Running", true), &[budget(&selector, NONE, None)]);
        assert_eq!(found != "free", picks, "{found}");
    }

    #[test]
    fn two_budgets_refuse_even_a_pod_that_is_not_ready() {
        let one = budget(&json!({}), (1, 3, 2), Some("AlwaysAllow"));
        assert_eq!(told(&pod("Running", false), &[one.clone(), one.clone()]), "two: b and b");
        let mut elsewhere = one.clone();
        elsewhere["metadata"]["namespace"] = json!("m");
        assert_eq!(told(&pod("Running", true), &[one, elsewhere]), "1 now");
    }

    #[test]
    fn a_budget_that_is_not_counted_lets_nobody_go() {
        let mut one = budget(&json!({}), (1, 3, 2), None);
        one["metadata"]["generation"] = json!(2);
        assert_eq!(room(&one).unwrap_err(), "it was changed and is not counted yet");
        let mut failed = budget(&json!({}), NONE, None);
        failed["status"]["conditions"] =
            json!([{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}]);
        assert_eq!(room(&failed).unwrap_err(), "it cannot be counted: no scale");
    }
}
