//! Log lines of containers, made from the pod as it is now: steady chatter, and the last words of what crashed.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::moment::Moment;
use crate::demo::world::World;

/// Lines that a container has written at most.
const LINES: i64 = 400;

/// See [`super::Story::logs`].
pub fn of(
    world: &World,
    seed: u64,
    namespace: &str,
    pod: &str,
    container: &str,
    previous: bool,
) -> Option<Vec<(Timestamp, String)>> {
    let object = world.get("Pod", namespace, pod)?;
    let statuses = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .filter_map(|part| object["status"][part].as_array())
        .flatten();
    let status = statuses.into_iter().find(|status| status["name"] == container)?;
    let m = Moment { seed, start: world.now(), elapsed: 0, healthy: false };
    let time = |v: &Value| v.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let ended = |state: &Value| {
        Some((
            time(&state["startedAt"])?,
            time(&state["finishedAt"])?,
            state["exitCode"].as_i64().unwrap_or(0),
            state["reason"].as_str().unwrap_or_default().to_owned(),
        ))
    };
    let last = ended(&status["lastState"]["terminated"]);
    if previous {
        let (from, until, code, reason) = last?;
        return Some(crashed(container, from, until, code, &reason));
    }
    if let Some(from) = time(&status["state"]["running"]["startedAt"]) {
        return Some(steady(&m, pod, container, from, world.now(), status["ready"] == true));
    }
    if let Some((from, until, code, reason)) = ended(&status["state"]["terminated"]) {
        return Some(crashed(container, from, until, code, &reason));
    }
    // While it waits for its back-off, the kubelet still answers with the lines of the run before.
    last.map(|(from, until, code, reason)| crashed(container, from, until, code, &reason))
}

fn at(from: Timestamp, millis: i64) -> Timestamp {
    from.checked_add(SignedDuration::from_millis(millis)).unwrap_or(from)
}

fn steady(
    m: &Moment,
    pod: &str,
    container: &str,
    from: Timestamp,
    now: Timestamp,
    ready: bool,
) -> Vec<(Timestamp, String)> {
    // A line each three seconds at times that do not depend on when they are asked for.
    let first = from.as_second().max(now.as_second() - LINES * 3);
    let mut lines = Vec::new();
    if first == from.as_second() {
        lines.push((from, format!("level=info msg=\"starting {container}\" version=demo")));
    }
    let mut slot = first.div_euclid(3) + 1;
    while slot * 3 <= now.as_second() {
        let hash = m.hash(&format!("{pod}/{container}/{slot}"));
        if let Ok(second) = Timestamp::from_second(slot * 3) {
            lines.push((at(second, i64::try_from(hash % 1000).unwrap_or(0)), line(container, hash, ready)));
        }
        slot += 1;
    }
    lines.retain(|(time, _)| *time <= now);
    lines
}

fn line(container: &str, hash: u64, ready: bool) -> String {
    let (took, size) = (hash % 97 + 1, hash % 9000 + 120);
    match (container, ready, hash % 9) {
        ("openbao", false, _) => {
            "[INFO]  core: seal configuration missing, not initialized or sealed; waiting for unseal".to_owned()
        }
        (_, false, _) => format!("level=warn msg=\"dependency not ready\" attempt={} wait=5s", hash % 50),
        ("istio-proxy", ..) => {
            format!("[Envoy] \"GET /healthz HTTP/1.1\" 200 - via_upstream - \"-\" 0 {size} {took} 1")
        }
        ("manager", _, 0..=2) => format!(
            "{{\"level\":\"info\",\"msg\":\"reconciliation finished in {took}ms, next run in 10m0s\",\"controller\":\"helmrelease\"}}"
        ),
        (_, _, 0) => format!("level=warn msg=\"slow request\" duration={}ms", took * 40),
        (_, _, 1..=4) => {
            format!("level=info msg=\"request\" method=GET path=/api/items status=200 bytes={size} duration={took}ms")
        }
        _ => format!("level=debug msg=\"cache refreshed\" entries={size} duration={took}ms"),
    }
}

fn crashed(container: &str, from: Timestamp, until: Timestamp, code: i64, reason: &str) -> Vec<(Timestamp, String)> {
    let mut lines = vec![
        (from, format!("level=info msg=\"starting {container}\" version=demo")),
        (at(from, 210), "level=info msg=\"configuration loaded\" source=/etc/app/config.yaml".to_owned()),
    ];
    let words: &[&str] = match (code, reason) {
        (0, _) => &["level=info msg=\"export written\" rows=18212", "level=info msg=\"done\""],
        (137, "OOMKilled") => &[
            "level=info msg=\"warming price cache\" entries=120000",
            "level=info msg=\"warming price cache\" entries=480000",
            "level=warn msg=\"heap above 90 % of limit\" limit=512Mi",
        ],
        (1, _) => &[
            "level=info msg=\"connecting to queue\" address=10.43.112.9:5672",
            "level=error msg=\"connect failed\" error=\"dial tcp 10.43.112.9:5672: connect: connection refused\" attempt=1",
            "level=error msg=\"connect failed\" error=\"dial tcp 10.43.112.9:5672: connect: connection refused\" attempt=5",
            "panic: dial tcp 10.43.112.9:5672: connect: connection refused",
            "",
            "goroutine 1 [running]:",
            "main.run(0xc000118000)",
            "\t/src/cmd/worker/main.go:71 +0x3a5",
            "main.main()",
            "\t/src/cmd/worker/main.go:34 +0x58",
        ],
        (3, _) => &[
            "level=info msg=\"comparing usage snapshot and invoice\" tenant=team-beta",
            "level=error msg=\"usage snapshot and invoice differ\" tenant=team-beta usage=1841.20 invoice=1839.75",
        ],
        _ => &[
            "level=info msg=\"migrating schema\" from=41 to=42",
            "level=error msg=\"migration failed\" error=\"column \\\"discount\\\" of relation \\\"orders\\\" does not exist\"",
            "level=fatal msg=\"cannot start\" exit=2",
        ],
    };
    let span = (until.as_millisecond() - from.as_millisecond() - 300).max(1);
    let count = i64::try_from(words.len()).unwrap_or(1);
    for (line, index) in words.iter().zip(1..) {
        lines.push((at(from, 300 + span * index / count), (*line).to_owned()));
    }

    lines.retain(|(time, _)| *time <= until);
    lines
}
