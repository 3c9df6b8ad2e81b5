//! Incidents by keys: the roots of the demo's stories on top, their evidence, and the way from any object to its incident.

use serde_json::json;

use super::harness::{line_with, platform, quiet};

#[test]
fn the_root_stands_on_home_and_what_it_explains_stands_in_its_evidence() {
    let (_demo, mut console) = platform();
    console.resize(120, 40);
    let home = console.go("home");
    let line = line_with(&home, &["P1", "Issuer", "corporate-ca"]);
    assert!(line.contains("err get key pair"), "{line}");
    assert!(!home.contains("legacy-tls"), "a symptom has no line of its own\n{home}");
    console.types("/corporate-ca");
    console.keys("enter");
    let evidence = console.keys("g enter");
    assert!(evidence.contains("EXPLAINS 6") && evidence.contains("users may notice"), "{evidence}");
    line_with(&evidence, &["P1", "Certificate team-beta/legacy-tls", "its issuer is not ready"]);
    line_with(&evidence, &["runbook https://"]);
    let back = console.keys("esc");
    assert!(back.contains("SEV WHAT"), "{back}");
}

#[test]
fn why_leads_from_any_object_to_its_incident_and_says_why_there_is_none() {
    let (_demo, mut console) = platform();
    console.resize(120, 40);
    console.go("certs");
    console.types("/legacy-tls");
    console.keys("enter");
    let why = console.go("why");
    assert!(why.contains("WHY Certificate team-beta/legacy-tls BELONGS HERE"), "{why}");
    assert!(why.contains("rule issuer-down, exact"), "{why}");
    let (_demo, mut console) = quiet();
    console.go("nodes");
    let why = console.go("why");
    assert!(why.contains("belongs to no incident"), "{why}");
}

#[test]
fn a_release_explains_its_workloads_and_names_the_change_before_it() {
    let (_demo, mut console) = platform();
    console.resize(160, 50);
    let home = console.go("home");
    let line = line_with(&home, &["P1", "HelmRelease", "monitoring/monitoring"]);
    // the way back is in the menu
    assert!(line.contains("after a change") && line.trim_end().ends_with(" x"), "{line}");
    console.types("/monitoring/monitoring");
    console.keys("enter enter");
    let evidence = console.frame();
    assert!(evidence.contains("CHANGED SHORTLY BEFORE") && evidence.contains("58.0.0"), "{evidence}");
    assert!(evidence.contains("it depends on HelmRelease monitoring/monitoring"), "{evidence}");
    assert!(evidence.contains("WHAT TO DO") && evidence.contains("rollback"), "{evidence}");
}

#[test]
fn a_suspend_hides_no_failure_and_what_came_after_the_onset_is_not_told_as_before_it() {
    let (demo, mut console) = platform();
    console.resize(160, 50);
    console.go("home");
    console.types("/monitoring/monitoring");
    console.keys("enter");
    let before = console.frame();
    let severity =
        |frame: &str| line_with(frame, &["HelmRelease", "monitoring/monitoring"]).trim().get(..2).map(str::to_owned);
    demo.control().with_world(|world| {
        world.edit("HelmRelease", "monitoring", "monitoring", |release| release["spec"]["suspend"] = json!(true));
    });
    let after = console.until("the suspend", |f| f.contains("and suspended"));
    assert_eq!(severity(&after), severity(&before), "{before}\n{after}");
    console.keys("g enter");
    let evidence = console.frame();
    assert!(evidence.contains("CHANGED SHORTLY BEFORE") && evidence.contains("58.0.0"), "{evidence}");
    let before = |line: &&str| line.split_whitespace().nth(1) == Some("before");
    assert!(!evidence.lines().filter(before).any(|line| line.contains("suspended by")), "{evidence}");
    assert_eq!(evidence.lines().filter(before).filter(|line| line.contains("monitoring/monitoring")).count(), 1);
}

#[test]
fn a_workload_is_gone_on_from_as_its_pods_are() {
    let (_demo, mut console) = platform();
    console.go("home");
    console.types("/orders-worker");
    console.keys("enter");
    // a Deployment has no log; that of its pod that fails is meant
    let logs = console.keys("l");
    assert!(logs.contains("orders-worker-"), "{logs}");
}

#[test]
fn a_lost_quorum_is_the_root_of_its_replicas_and_of_what_waits_for_its_secrets() {
    let (demo, mut console) = platform();
    console.resize(160, 50);
    console.go("home");
    // the story loses the second replica two minutes on, and a pod waits for a Secret after that; at 330 s it is back
    demo.control().advance(std::time::Duration::from_secs(170));
    let home = console.until("the quorum", |f| f.contains("quorum lost"));
    let first = home.lines().find(|l| l.starts_with(" P1  ")).unwrap();
    assert!(first.contains("Seal  openbao/openbao (cluster)"), "{home}");
    console.types("/quorum lost");
    console.keys("enter g enter");
    let evidence = console.frame();
    line_with(&evidence, &["Seal openbao/openbao-1", "its cluster has lost the quorum"]);
    assert!(evidence.contains("EXPLAINS"), "{evidence}");
}
