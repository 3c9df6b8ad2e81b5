//! The platform: components in upgrade order, what is wrong with each, what an endpoint answers, what a guardrail asks
//! for; and that nothing is called well of which nothing is known.

use serde_json::json;
use watchkeeper::demo::Demo;

use super::harness::{Console, demo, platform, put, quiet};

/// The first line that has this; nothing while there is none.
fn line<'f>(frame: &'f str, wanted: &str) -> &'f str {
    frame.lines().find(|line| line.contains(wanted)).unwrap_or_default()
}

#[test]
fn components_stand_in_upgrade_order_and_the_failing_one_says_why() {
    let (_demo, mut console) = platform();
    console.resize(120, 40);
    console.go("platform");
    let frame = console.until("the failing release", |f| f.contains("upgrade failed"));
    let place = |name: &str| frame.lines().position(|l| l.contains(&format!(" {name} "))).unwrap_or(usize::MAX);
    assert!(place("istiod") < place("cert-manager") && place("cert-manager") < place("monitoring"), "{frame}");
    assert!(line(&frame, " monitoring ").contains("failed"), "{frame}");
    assert!(line(&frame, " istiod ").contains("ok"), "{frame}");
    // a sealed replica is redundancy that is gone, not an outage
    assert!(line(&frame, " openbao ").contains("warning"), "{frame}");
}

#[test]
fn enter_opens_a_component_with_its_place_its_guardrails_and_what_is_good_to_know() {
    let (_demo, mut console) = quiet();
    console.go("platform");
    console.until("everything to be ok", |f| line(f, " istiod ").contains("ok"));
    console.keys("j j j enter");
    console.resize(100, 60);
    let frame = console.until("the guardrails", |f| f.contains("CertificateExpiring: kept"));
    assert!(frame.contains("Component sre-platform/cert-manager"), "{frame}");
    for wanted in [
        "4 of 13, after istio-gateway, before kyverno",
        "NEEDED BY",
        "Deployment cert-manager-webhook",
        "asks for the name of the context",
        "GOOD TO KNOW",
    ] {
        assert!(frame.contains(wanted), "{wanted}: {frame}");
    }
    // an action there is for the release
    let frame = console.keys("x");
    assert!(frame.contains("HelmRelease"), "{frame}");
}

#[test]
fn a_pod_that_is_not_ready_says_in_its_own_words_what_is_missing() {
    let demo = demo("quiet");
    unready(&demo);
    let mut console = Console::on(&demo);
    console.ready();
    console.resize(260, 40);
    console.go("probes");
    let frame = console.until("the answer", |f| line(f, "/ready ").contains("503"));
    assert!(line(&frame, "/ready ").contains("context deadline exceeded"), "{frame}");
    assert!(line(&frame, "/health").contains("200"), "{frame}");
}

/// `SLOpilot` has lost its Prometheus: its process lives, and it is not ready.
fn unready(demo: &Demo) {
    let control = demo.control();
    let mut pod = control.with_world(|world| {
        let mut all = world.list("Pod").into_iter();
        all.find(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == "slopilot-rightsizing").cloned().unwrap()
    });
    pod["status"]["containerStatuses"][0]["ready"] = json!(false);
    put(&control, [pod]);
}

#[test]
fn a_component_whose_objects_may_not_be_read_is_unknown_and_never_well() {
    let demo = demo("quiet");
    let mut console = Console::as_user(&demo, "nobody");
    console.resize(120, 40);
    let frame = console.go("platform");
    assert!(!frame.contains("  ok  "), "{frame}");
}

#[test]
fn a_guardrail_that_is_crossed_says_what_is_to_be_done() {
    let (_demo, mut console) = platform();
    console.resize(140, 40);
    console.go("guardrails");
    let wanted = "Increase the PVC's size or reduce retention";
    let frame = console.until("the action", |f| line(f, "SLOpilotPrometheusDiskUsageHigh").contains("crossed"));
    assert!(line(&frame, "SLOpilotPrometheusDiskUsageHigh").contains(wanted), "{frame}");
}
