//! A kind that is known by its row only: what it gets from that row alone.

use serde_json::{Value, json};

use super::joins::controllers;
use super::timeline::testing::{LONG_AGO, Lab};
use super::{Subject, health};
use crate::domain::usage::Seen;
use crate::kinds;

fn gizmo(suspended: bool, ready: &str) -> Value {
    json!({
        "metadata": {"name": "g", "namespace": "shop", "uid": "gizmo", "generation": 1, "creationTimestamp": LONG_AGO,
            "managedFields": [{"manager": "flux", "operation": "Update", "time": "2026-11-21T14:00:00Z",
                "fieldsV1": {"f:spec": {"f:suspend": {}}}}]},
        "spec": {"suspend": suspended},
        "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": ready, "reason": "Progressing",
            "message": "winding", "lastTransitionTime": LONG_AGO}]},
    })
}

#[test]
fn it_is_on_the_timeline_when_somebody_suspends_it() {
    let mut lab = Lab::new();
    lab.put("gizmos", &gizmo(false, "True"));
    lab.settle();
    lab.told();
    lab.put("gizmos", &gizmo(true, "True"));
    lab.look(1);
    assert!(lab.told().contains(&"change Gizmo shop/g: suspended by flux".to_owned()));
}

#[test]
fn it_has_a_question_of_the_health_check() {
    let mut lab = Lab::new();
    lab.put("gizmos", &gizmo(true, "True"));
    lab.look(1);
    let lines = health::lines(&lab.store, &Seen::default(), lab.now);
    let line = lines.iter().find(|line| line.what == "Flux gizmos").unwrap();
    assert_eq!(line.told(), "0 ready, 0 failed, 1 suspended, 1 total");
}

#[test]
fn it_waits_for_its_controller() {
    let mut lab = Lab::new();
    lab.put(
        "deployments",
        &json!({
            "metadata": {"name": "gizmo-controller", "namespace": "flux-system", "uid": "c", "creationTimestamp": LONG_AGO},
            "spec": {"replicas": 1}, "status": {"replicas": 1, "observedGeneration": 0},
        }),
    );
    lab.put("gizmos", &gizmo(false, "Unknown"));
    lab.settle();
    assert_eq!(controllers::of(kinds::DEPLOYMENT, "gizmo-controller").map(|c| c.serves), Some("Gizmos"));
    let roots: Vec<String> = lab.triage.incidents().iter().map(|i| format!("{:?}", i.subject)).collect();
    let down = lab.store.find(kinds::DEPLOYMENT, "flux-system", "gizmo-controller").unwrap();
    assert_eq!(roots, [format!("{:?}", Subject::Row(down))], "{:?}", lab.told());
}
