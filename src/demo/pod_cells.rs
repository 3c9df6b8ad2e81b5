//! The cells that the API server prints for a pod: READY, STATUS, RESTARTS as kubectl shows them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::columns::{age, duration};

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    list(pod, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

fn is_true(pod: &Value, kind: &str) -> bool {
    condition(pod, kind).is_some_and(|condition| condition["status"] == "True")
}

/// What the printer adds up over containers.
#[derive(Default)]
struct Count {
    ready: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Count {
    fn add(&mut self, status: &Value) {
        self.restarts += status["restartCount"].as_i64().unwrap_or(0);
        let finished = text(status, "/lastState/terminated/finishedAt").parse().ok();
        self.last_restart = self.last_restart.max(finished);
    }
}

/// `Signal:9`, `ExitCode:1`, or the reason.
fn ended(terminated: &Value) -> String {
    if !text(terminated, "/reason").is_empty() {
        return text(terminated, "/reason").to_owned();
    }
    match terminated["signal"].as_i64() {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
    }
}

/// Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates.
#[must_use]
pub fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let sidecar = |name: &Value| {
        list(pod, "/spec/initContainers")
            .iter()
            .any(|container| container["name"] == *name && container["restartPolicy"] == "Always")
    };
    let inits = list(pod, "/spec/initContainers");
    let sidecars = inits.iter().filter(|container| container["restartPolicy"] == "Always").count();
    let total = list(pod, "/spec/containers").len() + sidecars;
    let phase = text(pod, "/status/phase");
    let mut reason =
        if text(pod, "/status/reason").is_empty() { phase } else { text(pod, "/status/reason") }.to_owned();
    if condition(pod, "PodScheduled").is_some_and(|condition| condition["reason"] == "SchedulingGated") {
        "SchedulingGated".clone_into(&mut reason);
    }
    let (mut all, mut beside) = (Count::default(), Count::default());
    let mut initializing = false;
    for (index, status) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        all.add(status);
        let is_sidecar = sidecar(&status["name"]);
        if is_sidecar {
            beside.add(status);
        }
        let terminated = &status["state"]["terminated"];
        if terminated.is_object() && terminated["exitCode"].as_i64().unwrap_or(0) == 0 {
            continue;
        }
        if is_sidecar && status["started"] == true {
            all.ready += usize::from(status["ready"] == true);
            continue;
        }
        let waiting = text(status, "/state/waiting/reason");
        reason = if terminated.is_object() {
            format!("Init:{}", ended(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{}", inits.len())
        };
        initializing = true;
        break;
    }
    if !initializing || is_true(pod, "Initialized") {
        all.restarts = beside.restarts;
        all.last_restart = beside.last_restart;
        let mut running = false;
        for status in list(pod, "/status/containerStatuses").iter().rev() {
            all.add(status);
            let waiting = text(status, "/state/waiting/reason");
            if !waiting.is_empty() {
                waiting.clone_into(&mut reason);
            } else if status["state"]["terminated"].is_object() {
                reason = ended(&status["state"]["terminated"]);
            } else if status["ready"] == true && status["state"]["running"].is_object() {
                running = true;
                all.ready += 1;
            }
        }
        if reason == "Completed" && running {
            let word = if is_true(pod, "Ready") { "Running" } else { "NotReady" };
            word.clone_into(&mut reason);
        }
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        if text(pod, "/status/reason") == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut reason);
        }
    }
    let restarts = match all.last_restart.filter(|_| all.restarts != 0) {
        Some(at) => format!("{} ({} ago)", all.restarts, duration(now.as_second() - at.as_second())),
        None => all.restarts.to_string(),
    };
    let or_none = |text: &str| json!(if text.is_empty() { "<none>" } else { text });
    let gates = list(pod, "/spec/readinessGates");
    let passed = gates.iter().filter(|gate| is_true(pod, gate["conditionType"].as_str().unwrap_or_default())).count();
    let gates = if gates.is_empty() { "<none>".to_owned() } else { format!("{passed}/{}", gates.len()) };
    vec![
        pod["metadata"]["name"].clone(),
        json!(format!("{}/{total}", all.ready)),
        json!(reason),
        json!(restarts),
        json!(age(pod, now)),
        or_none(text(pod, "/status/podIP")),
        or_none(text(pod, "/spec/nodeName")),
        or_none(text(pod, "/status/nominatedNodeName")),
        json!(gates),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pod: &Value) -> (String, String, String) {
        let cells = cells(pod, "2026-01-01T01:00:00Z".parse().unwrap());
        let text = |index: usize| cells[index].as_str().unwrap().to_owned();
        (text(1), text(2), text(3))
    }

    #[test]
    fn the_first_waiting_container_names_the_status() {
        let pod = json!({"spec": {"containers": [{}, {}]}, "status": {"phase": "Running", "containerStatuses": [
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3,
             "lastState": {"terminated": {"finishedAt": "2026-01-01T00:55:00Z"}}},
            {"state": {"running": {}}, "ready": true, "restartCount": 0}]}});
        assert_eq!(status(&pod), ("1/2".to_owned(), "CrashLoopBackOff".to_owned(), "3 (5m ago)".to_owned()));
    }

    #[test]
    fn a_started_sidecar_counts_and_a_failing_init_container_stops() {
        let pod = json!({"spec": {"containers": [{}], "initContainers": [
                {"name": "mesh", "restartPolicy": "Always"}, {"name": "setup"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [
                {"name": "mesh", "started": true, "ready": true, "state": {"running": {}}},
                {"name": "setup", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]}});
        assert_eq!(status(&pod), ("1/2".to_owned(), "Init:Error".to_owned(), "0".to_owned()));
    }

    #[test]
    fn a_deleted_pod_is_terminating_unless_it_is_done() {
        let mut pod =
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}});
        assert_eq!(status(&pod).1, "Terminating");
        pod["status"]["phase"] = json!("Failed");
        assert_eq!(status(&pod).1, "Failed");
    }
}
