//! Two snapshots of a platform on which something broke or healed in between.

use serde_json::json;

use super::program::{Home, demo, misbehaves, read, status};

#[test]
fn a_break_and_its_heal_are_told() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let paths: Vec<String> = ["a", "b", "c"].iter().map(|n| home.path(n).to_str().unwrap().to_owned()).collect();
    let snapshot = |path: &str| {
        let said = home.on(&demo, &["snapshot", "--output", path]);
        assert_eq!((said.code, &*said.out), (Some(0), ""), "{said:?}");
    };
    let ready = |status: &str| {
        demo.control().with_world(|world| {
            let found = world.edit("Node", "", "worker-1", |node| {
                for condition in node["status"]["conditions"].as_array_mut().unwrap() {
                    if condition["type"] == "Ready" {
                        condition["status"] = json!(status);
                        condition["lastTransitionTime"] = json!("2026-01-01T00:00:00Z");
                    }
                }
            });
            assert!(found, "the demo has a worker-1");
        });
    };
    snapshot(&paths[0]);
    ready("False");
    snapshot(&paths[1]);
    ready("True");
    snapshot(&paths[2]);

    let broke = home.run(&["compare", &paths[0], &paths[1], "-o", "json"]);
    assert_eq!(broke.code, Some(1), "{broke:?}");
    assert!(broke.json()["broke"].as_array().unwrap().iter().any(|e| e["what"] == "Node worker-1"), "{broke:?}");
    assert!(!broke.json()["incidents_began"].as_array().unwrap().is_empty(), "{broke:?}");

    let healed = home.run(&["compare", &paths[1], &paths[2]]);
    assert_eq!(healed.code, Some(0), "{healed:?}");
    assert!(healed.out.contains("healed: 1\n  Node worker-1: failed NotReady"), "{healed:?}");

    let same = home.run(&["compare", &paths[2], &paths[2], "-o", "markdown"]);
    assert!(same.code == Some(0) && !same.out.contains("###"), "{same:?}");
}

#[test]
fn a_feed_that_became_blind_counts_as_broken_and_nothing_of_it_has_gone() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let (a, b) = (home.path("a"), home.path("b"));
    home.on(&demo, &["snapshot", "--output", a.to_str().unwrap()]);
    misbehaves(&demo, status(403).path("/apis/cert-manager.io/v1/certificates"));
    home.on(&demo, &["snapshot", "--output", b.to_str().unwrap()]);
    let said = home.run(&["compare", a.to_str().unwrap(), b.to_str().unwrap()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("became blind: 1\n  certs: live -> live, only "), "{said:?}");
    assert!(!said.out.contains("went:"), "{said:?}");
    misbehaves(&demo, status(403).path("/apis/cert-manager.io/"));
    home.on(&demo, &["snapshot", "--output", b.to_str().unwrap()]);
    let said = home.run(&["compare", a.to_str().unwrap(), b.to_str().unwrap()]);
    assert!(said.code == Some(1) && said.out.contains("certs: live -> no access"), "{said:?}");
    assert!(!said.out.contains("went:"), "{said:?}");
}

#[test]
fn a_snapshot_holds_every_object_once_and_no_secret() {
    let (home, demo) = (Home::new(), demo("platform"));
    demo.control().with_world(|world| {
        world.apply(json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "leak", "namespace": "flux-system"},
            "spec": {"url": "https://bob:s3cr3t-word@git.example/x?token=s3cr3t-word", "interval": "1m"},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "GitOperationFailed",
                "message": "cannot clone https://bob:s3cr3t-word@git.example/x",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}));
    });
    let said = home.on(&demo, &["snapshot"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.out.contains("s3cr3t"), "addresses lose what they carry");
    let document = said.json();
    let objects = document["objects"].as_array().unwrap();
    let told: u64 = document["feeds"].as_array().unwrap().iter().map(|f| f["objects"].as_u64().unwrap()).sum();
    assert_eq!(objects.len() as u64, told);
    assert!(objects.iter().any(|o| o["name"] == "leak" && o["health"] == "failed" && o["findings"][0].is_object()));
    assert!(objects.iter().any(|o| o["kind"] == "Pod" && o["cells"]["READY"].is_string()), "cells as shown");
}

#[test]
fn without_a_cluster_nothing_is_written() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let path = home.path("kept");
    std::fs::write(&path, "old").unwrap();
    misbehaves(&demo, status(401));
    let said = home.on(&demo, &["snapshot", "--output", path.to_str().unwrap()]);
    assert!(said.code == Some(3) && said.err.contains("nothing was written"), "{said:?}");
    assert_eq!(read(&path), "old");
}

#[test]
fn files_that_are_no_snapshots_are_refused_with_the_way_out() {
    let home = Home::new();
    let path = home.path("other");
    std::fs::write(&path, "{\"schema\":\"watchkeeper.snapshot\",\"version\":1,\n\"feeds\": nonsense}").unwrap();
    let said = home.run(&["compare", path.to_str().unwrap(), "/nowhere/b"]);
    assert_eq!((said.code, &*said.out), (Some(3), ""), "{said:?}");
    for words in ["other:2: is no whole snapshot", "/nowhere/b: cannot be read", "watchkeeper snapshot --output"] {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}
