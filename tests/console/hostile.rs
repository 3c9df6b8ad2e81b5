//! Objects as nobody should write them: missing fields, loops, escape sequences, huge messages, wide names.

use serde_json::{Value, json};

use super::harness::{Console, demo, line_with, pod, put};

fn on(objects: Vec<Value>) -> (watchkeeper::demo::Demo, Console) {
    let demo = demo("quiet");
    put(&demo.control(), objects);
    let mut console = Console::on(&demo);
    console.ready();
    (demo, console)
}

/// Nothing that a terminal would act on, and nothing that hides or reorders text.
#[track_caller]
fn assert_harmless(frame: &str) {
    for c in frame.chars() {
        let bad = (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        assert!(!bad, "{c:?} in\n{}", frame.escape_debug());
    }
}

const EVIL: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}b\u{202e}dlrow\u{2066}\u{200b}\r\n\u{9b}31mc\u{0}";

#[test]
fn escape_sequences_and_direction_marks_never_reach_the_screen_raw() {
    let mut evil = pod("evil");
    evil["metadata"]["labels"] = json!({"note": EVIL, EVIL: "x"});
    evil["metadata"]["annotations"] = json!({"note": EVIL});
    evil["spec"]["nodeName"] = json!(EVIL);
    evil["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": EVIL, "message": EVIL}});
    evil["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "reason": EVIL, "message": EVIL,
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "evil.1", "namespace": "lab"},
        "type": "Warning", "reason": EVIL, "note": EVIL, "action": "x", "eventTime": null,
        "deprecatedLastTimestamp": "2026-01-01T00:00:00Z", "deprecatedCount": 2,
        "regarding": {"kind": "Pod", "namespace": "lab", "name": "evil", "apiVersion": "v1"}});
    let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "evil-release", "namespace": "lab", "generation": 1},
        "spec": {"interval": "5m", "chart": {"spec": {"chart": EVIL, "sourceRef": {"kind": "HelmRepository", "name": EVIL}}}},
        "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "False", "reason": "InstallFailed",
            "message": EVIL, "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}]}});
    let (_demo, mut console) = on(vec![evil, event, release]);
    console.resize(160, 50);
    for line in ["home", "pods lab", "hr lab", "feeds", "ns", "find evil"] {
        let frame = console.go(line);
        assert_harmless(&frame);
    }
    let frame = console.go("pods lab");
    assert!(line_with(&frame, &["evil"]).contains('␛'), "made visible, not dropped\n{frame}");
    for keys in ["enter", "E", "y"] {
        console.go("pods lab");
        console.keys(keys);
        let frame = console.until("the answer", |f| !f.contains("reading"));
        assert_harmless(&frame);
        // YAML has its own way to write what cannot be shown
        let visible = if keys == "y" { "a\\e[2J" } else { "a␛[2J" };
        assert!(frame.contains(visible) || keys == "E", "{keys}\n{frame}");
    }
}

#[test]
fn a_message_of_a_megabyte_is_clipped_and_everything_stays_quick() {
    let mut huge = pod("huge");
    let message = "x".repeat(1 << 20);
    huge["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "Error", "message": message}});
    huge["status"]["message"] = json!(message);
    huge["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "reason": "r", "message": message}]);
    let (_demo, mut console) = on(vec![huge]);
    let started = std::time::Instant::now();
    let frame = console.go("pods lab");
    assert!(frame.contains("huge"), "{frame}");
    console.keys("enter");
    console.until("the object", |f| !f.contains("reading the object"));
    let frame = console.keys("G");
    for line in frame.lines() {
        assert!(watchkeeper::scene::width(line) <= 80, "{} columns", watchkeeper::scene::width(line));
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn wide_and_combining_names_keep_the_columns_in_line() {
    let names = ["plain-name", "監視監視監視", "e\u{301}e\u{301}e\u{301}", "👩‍👩‍👧‍👦-family", "ｆｕｌｌ"];
    let (_demo, mut console) = on(names.map(pod).to_vec());
    console.resize(120, 24);
    let frame = console.go("pods lab");
    let columns: Vec<usize> = frame
        .lines()
        .skip(4)
        .filter_map(|line| Some(watchkeeper::scene::width(&line[..line.find("Running")?])))
        .collect();
    assert_eq!(columns.len(), names.len(), "{frame}");
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{columns:?}\n{frame}");
}

#[test]
fn a_certificate_without_an_end_is_unknown_and_not_well() {
    let certificate = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "endless", "namespace": "lab"},
        "spec": {"secretName": "endless", "dnsNames": ["a.example"], "issuerRef": {"name": "x", "kind": "Issuer"}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "fine",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    let (_demo, mut console) = on(vec![certificate]);
    let frame = console.go("certs lab");
    let line = line_with(&frame, &["endless"]);
    assert!(line.to_lowercase().contains("unknown"), "{line}");
    assert!(!line.starts_with("  "), "{line}");
}

fn kustomization(name: &str, depends: &[&str]) -> Value {
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "lab", "generation": 1},
        "spec": {"interval": "5m", "path": "./", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "g"},
            "dependsOn": depends.iter().map(|d| json!({"name": d})).collect::<Vec<_>>()},
        "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "False",
            "reason": "DependencyNotReady", "message": format!("dependency 'lab/{}' is not ready", depends[0]),
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}]}})
}

#[test]
fn a_circle_of_dependencies_and_a_missing_one_are_shown_and_end() {
    let (_demo, mut console) = on(vec![
        kustomization("a", &["b"]),
        kustomization("b", &["a"]),
        kustomization("self", &["self"]),
        kustomization("lost", &["nowhere"]),
    ]);
    let frame = console.go("ks lab");
    for (name, other) in [("a", "b"), ("b", "a"), ("self", "self"), ("lost", "nowhere")] {
        let line =
            frame.lines().find(|l| l.split_whitespace().nth(1) == Some(name)).unwrap_or_else(|| panic!("{frame}"));
        assert!(line.contains("DependencyNotReady") && line.split_whitespace().skip(2).any(|w| w == other), "{line}");
    }
    console.go("find ks/lost");
    let frame = console.until("the object", |f| !f.contains("reading"));
    assert!(frame.contains("DEPENDS ON") && frame.contains("nowhere"), "{frame}");
    assert!(console.go("home").contains("ks lab/"));
}

#[test]
fn objects_with_nothing_in_them_are_rows_and_no_panic() {
    let bare = |api: &str, kind: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": "bare", "namespace": "lab"}});
    let null = |api: &str, kind: &str| {
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": "nulls", "namespace": "lab", "labels": null},
            "spec": null, "status": null})
    };
    let kinds = [
        ("v1", "Pod", "pods"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "hr"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "ks"),
        ("source.toolkit.fluxcd.io/v1", "GitRepository", "git"),
        ("cert-manager.io/v1", "Certificate", "certs"),
        ("velero.io/v1", "Backup", "backups"),
        ("velero.io/v1", "Schedule", "schedules"),
        ("velero.io/v1", "BackupStorageLocation", "bsl"),
    ];
    let objects = kinds.iter().flat_map(|(api, kind, _)| [bare(api, kind), null(api, kind)]).collect();
    let (_demo, mut console) = on(objects);
    for (_, kind, word) in kinds {
        let frame = console.go(&format!("{word} lab"));
        assert!(frame.contains("bare") && frame.contains("nulls"), "{kind}\n{frame}");
        console.keys("enter");
        console.until("the object", |f| !f.contains("reading"));
        console.keys("esc");
    }
}

#[test]
fn times_in_the_future_and_a_clock_that_jumps_do_no_harm() {
    let mut future = pod("future");
    future["metadata"]["creationTimestamp"] = json!("2999-01-01T00:00:00Z");
    let (_demo, mut console) = on(vec![future, pod("now")]);
    let now = console.app.world.facts.now;
    for jump in [0, 86_400, -86_400, 1_000_000_000, -1_700_000_000] {
        console.pinned = Some(now.plus(jump));
        for line in ["home", "pods lab", "certs", "schedules", "feeds", "hr"] {
            let frame = console.go(line);
            assert!(!frame.contains("-1s") && frame.lines().count() == 24, "{jump}: {frame}");
        }
    }
    console.pinned = None;
    assert!(console.go("pods lab").contains("now"));
}

#[test]
fn thousands_of_failed_backups_are_one_finding_a_schedule() {
    let backup = |n: usize| {
        json!({"apiVersion": "velero.io/v1", "kind": "Backup",
            "metadata": {"name": format!("nightly-{n:05}"), "namespace": "velero",
                "labels": {"velero.io/schedule-name": "daily-backup"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"storageLocation": "default"},
            "status": {"phase": "Failed", "startTimestamp": "2026-01-01T00:00:00Z",
                "completionTimestamp": "2026-01-01T00:10:00Z", "expiration": "2099-01-01T00:00:00Z"}})
    };
    let (_demo, mut console) = on((0..2000).map(backup).collect());
    let frame = console.frame();
    let mine = frame.lines().filter(|l| l.contains("nightly-")).count();
    assert!(mine <= 1, "old failures bury the news\n{frame}");
    assert!(console.rows("backups") > 2000);
}
