//! The platform's health: a verdict for each question, and none of them ok when its feed cannot be read.

use serde_json::Value;

use super::program::{Home, demo, misbehaves, status};

fn verdict(document: &Value, what: &str) -> String {
    let lines = document["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["what"] == what).unwrap_or_else(|| panic!("{what}: {document}"));
    line["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_healthy_platform_is_ok_in_every_line_of_the_runbook() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let said = home.on(&demo, &["health", "-o", "json"]);
    let document = said.json();
    for what in [
        "Nodes",
        "Resource usage",
        "Pods",
        "Flux HelmReleases",
        "Flux Kustomizations",
        "Flux sources",
        "Certificates",
        "Backups",
        "Backup locations",
        "OpenBao",
        "External secrets",
        "Secret stores",
        "Alerts",
        "Policy violations",
        "Volume claims",
        "Quotas",
        "Mesh mTLS",
    ] {
        assert_eq!(verdict(&document, what), "ok", "{what}: {document}");
    }
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_failing_platform_fails_by_name_and_number() {
    let said = Home::new().run(&["health", "--demo"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let line = |what: &str| said.out.lines().find(|line| line.contains(what)).unwrap_or_default().to_owned();
    assert!(line("Flux HelmReleases").starts_with("failed") && line("Flux HelmReleases").contains("monitoring"));
    assert!(line("OpenBao").starts_with("warning") && line("OpenBao").contains("2 unsealed, 1 sealed"), "{said:?}");
    assert!(line("Mesh mTLS").contains("1 open"), "{said:?}");
    assert!(line("Policy violations").contains("fail"), "{said:?}");
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_ok() {
    let (home, demo) = (Home::new(), demo("quiet"));
    for (path, what) in [
        ("/api/v1/pods", "Pods"),
        ("/apis/velero.io/v1/backups", "Backups"),
        ("/apis/metrics.k8s.io/", "Resource usage"),
        ("/apis/security.istio.io/", "Mesh mTLS"),
        ("/apis/wgpolicyk8s.io/v1alpha2/policyreports", "Policy violations"),
    ] {
        misbehaves(&demo, status(403).path(path));
        let said = home.on(&demo, &["health", "-o", "json"]);
        assert_eq!((&*verdict(&said.json(), what), said.code), ("unknown", Some(3)), "{what}: {said:?}");
    }
    let said = home.on(&demo, &["health", "-o", "json", "--context", "nobody"]);
    let document = said.json();
    for line in document["lines"].as_array().unwrap() {
        assert!(line["verdict"] == "unknown" || line["verdict"] == "not installed", "{line}");
    }
    assert_eq!(said.code, Some(3));
}

#[test]
fn what_is_not_installed_is_said_to_be_so() {
    let (home, demo) = (Home::new(), demo("quiet"));
    demo.control().with_world(|world| {
        world.hide_group("velero.io");
        world.hide_group("security.istio.io");
    });
    let said = home.on(&demo, &["health", "-o", "json"]);
    let document = said.json();
    for what in ["Backups", "Backup locations", "Mesh mTLS"] {
        assert_eq!(verdict(&document, what), "not installed", "{document}");
    }
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn what_is_served_and_matters_and_is_not_read_is_named() {
    let (home, demo) = (Home::new(), demo("quiet"));
    for command in ["health", "check"] {
        let said = home.on(&demo, &[command]);
        let line = said.out.lines().find(|line| line.contains("not watched: ")).unwrap_or_default();
        assert!(line.contains("VolumeSnapshotLocation"), "{command}: {said:?}");
        let document = home.on(&demo, &[command, "-o", "json"]).json();
        let of = if command == "check" { &document["contexts"][0] } else { &document };
        let all = of["unwatched"].as_array().unwrap();
        let one =
            all.iter().find(|one| one["kind"] == "VolumeSnapshotLocation").unwrap_or_else(|| panic!("{document}"));
        assert_eq!(one["group"], "velero.io", "{document}");
        assert!(one["misses"].as_str().is_some_and(|words| !words.is_empty()), "{document}");
    }
}

#[test]
fn the_quiet_platform_stays_quiet_for_an_hour() {
    let (home, demo) = (Home::new(), demo("quiet"));
    for minutes in [0, 15, 45] {
        demo.control().advance(std::time::Duration::from_mins(minutes));
        let said = home.on(&demo, &["check"]);
        assert_eq!(said.code, Some(0), "{minutes} minutes later: {said:?}");
    }
}
