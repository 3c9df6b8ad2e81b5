//! One object: what describe, YAML, events and the log say of it, and the jumps from it to what it belongs to.

use serde_json::json;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};

use super::harness::{Console, demo, line_with, platform, pod, put, quiet, row_of};

/// The failing platform, with the crash-looping pod under the cursor of the pods' table.
fn on_the_crash_loop() -> (Demo, Console) {
    let (demo, mut console) = platform();
    console.go("pods");
    console.filter("orders-worker");
    assert!(console.target().starts_with("orders-worker"));
    (demo, console)
}

#[test]
fn describe_puts_the_reason_first_then_conditions_containers_and_events() {
    let (_demo, mut console) = on_the_crash_loop();
    console.resize(120, 60);
    console.keys("d");
    let frame = console.until("events", |f| f.contains("EVENTS") && !f.contains("reading"));
    let order: Vec<usize> =
        ["STATUS", "CONDITIONS", "CONTAINERS", "EVENTS"].map(|title| row_of(&frame, title)).to_vec();
    assert!(order.is_sorted(), "{order:?}\n{frame}");
    assert!(order[0] <= 4, "{frame}");
    line_with(&frame, &["STATUS", "CrashLoopBackOff"]);
    line_with(&frame, &["Ready", "False", "ContainersNotReady"]);
    line_with(&frame, &["worker", "waiting: CrashLoopBackOff"]);
    line_with(&frame, &["before: Error exit 1"]);
    assert!(frame.lines().skip(order[3]).any(|l| l.contains("BackOff")), "{frame}");
}

#[test]
fn describe_of_a_failed_release_follows_its_chain() {
    let (_demo, mut console) = platform();
    console.resize(120, 60);
    console.go("find hr/alloy");
    let frame = console.until("events", |f| !f.contains("reading"));
    assert!(frame.contains("HelmRelease logging/alloy"), "{frame}");
    line_with(&frame, &["DEPENDS ON", "monitoring", "UpgradeFailed"]);
    line_with(&frame, &["CONDITIONS"]);
}

#[test]
fn an_alert_and_a_seal_are_described_without_an_object_to_fetch() {
    let (_demo, mut console) = platform();
    for name in ["OpenBaoSealed", "bao/openbao-1"] {
        let frame = console.go(&format!("find {name}"));
        assert!(frame.contains("STATUS") && !frame.contains("reading") && !frame.contains("cannot be read"), "{frame}");
    }
}

#[test]
fn events_are_those_of_the_object_and_newest_first() {
    let (_demo, mut console) = on_the_crash_loop();
    console.keys("E");
    let frame = console.until("events", |f| f.contains("BackOff"));
    assert!(!frame.contains("ImagePullBackOff"), "events of another pod\n{frame}");
}

#[test]
fn yaml_is_read_anew_and_hides_secrets_and_managed_fields() {
    let demo = demo("quiet");
    let mut secretive = pod("secretive");
    secretive["spec"]["containers"][0]["env"] =
        json!([{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PORT", "value": "8080"}]);
    secretive["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": "{\"p\":\"hunter2\"}"});
    let control = demo.control();
    put(&control, [secretive]);
    let mut console = Console::on(&demo);
    console.ready();
    console.resize(100, 80);
    console.go("pods lab");
    console.keys("y");
    let frame = console.shows(&["kind: Pod", "DB_PASSWORD", "8080"]);
    assert!(
        !frame.contains("hunter2") && !frame.contains("managedFields") && !frame.contains("last-applied"),
        "{frame}"
    );
    assert!(frame.contains("(hidden)"), "{frame}");
    control.with_world(|world| world.edit("Pod", "lab", "secretive", |pod| pod["spec"]["priority"] = json!(4711)));
    console.keys("ctrl-r");
    console.shows(&["priority: 4711"]);
    assert!(
        !control.requests().iter().any(|r| r.path.ends_with("/secrets") || r.path.contains("/secrets/")),
        "Secrets were read"
    );
    console.keys("c");
    assert!(console.copied.last().is_some_and(|text| text.contains("kind: Pod") && !text.contains("hunter2")));
}

#[test]
fn yaml_finds_text_and_moves_through_it() {
    let (_demo, mut console) = on_the_crash_loop();
    console.keys("y");
    console.shows(&["apiVersion: v1"]);
    let frame = console.keys("G");
    assert!(!frame.contains("apiVersion: v1\n"), "{frame}");
    console.keys("g");
    let frame = console.filter("restartCount");
    assert!(frame.contains("restartCount:"), "{frame}");
}

#[test]
fn an_object_that_is_gone_says_so_and_is_not_an_empty_page() {
    let (demo, mut console) = quiet();
    put(&demo.control(), [pod("mortal")]);
    console.go("pods");
    console.until("the pod", |_| true);
    while console.go("find mortal").contains("nothing known") {
        console.keys("esc");
        console.wait_news();
    }
    console.until("the object", |f| f.contains("CONDITIONS"));
    demo.control().with_world(|world| assert!(world.remove("Pod", "lab", "mortal")));
    console.shows(&["gone: no longer"]);
    console.keys("y");
    console.until("the reason", |f| f.contains("not found") || f.contains("cannot"));
}

#[test]
fn owner_and_node_are_one_key_away() {
    let (_demo, mut console) = on_the_crash_loop();
    let frame = console.keys("o");
    assert!(frame.contains("Node worker-"), "{frame}");
    console.keys("esc");
    let frame = console.keys("shift-j");
    assert!(frame.contains("is not among what is shown here") || frame.contains("orders-worker"), "{frame}");
    console.go("find hr/shop");
    let frame = console.keys("shift-j");
    assert!(!frame.contains("panicked") && frame.contains("shop") || frame.contains("Kustomization"), "{frame}");
}

#[test]
fn the_log_of_a_crash_loop_has_its_last_words_and_the_run_before() {
    let (_demo, mut console) = on_the_crash_loop();
    console.keys("l");
    let frame = console.shows(&["panic: dial tcp", "goroutine 1"]);
    assert!(frame.contains(" worker 1/3"), "the container is named\n{frame}");
    console.keys("esc");
    console.keys("p");
    console.shows(&["panic: dial tcp", "previous", "the log ends here"]);
}

#[test]
fn the_log_has_a_choice_of_containers_times_and_a_filter() {
    let (_demo, mut console) = on_the_crash_loop();
    console.keys("l");
    console.shows(&[" worker 1/3", "panic: dial"]);
    let frame = console.keys("t");
    assert!(line_with(&frame, &["panic: dial"]).trim_start().starts_with("20"), "{frame}");
    console.keys("t");
    let frame = console.filter("goroutine");
    assert!(frame.contains("goroutine 1") && !frame.contains("panic: dial"), "{frame}");
    console.filter("x(");
    console.shows(&["no line fits"]);
    console.keys("esc");
    console.keys("tab");
    console.shows(&[" 2/3", "starting istio-init"]);
    console.keys("tab");
    let frame = console.shows(&[" 3/3", "Envoy"]);
    assert!(!frame.contains("panic: dial"), "{frame}");
}

#[test]
fn the_log_follows_and_stops_following_when_one_scrolls_up() {
    let demo = demo("quiet");
    let mut console = Console::on(&demo);
    console.ready();
    console.go("pods");
    console.filter("istiod");
    console.keys("l");
    console.until("lines", |f| f.matches("level=").count() > 10);
    let before = console.frame();
    demo.control().advance(std::time::Duration::from_secs(30));
    let after = console.until("newer lines", |f| f.lines().nth(22) != before.lines().nth(22));
    assert_ne!(before.lines().nth(22), after.lines().nth(22));
    let frame = console.keys("k k k");
    assert!(frame.contains(" below"), "{frame}");
    let held = frame.lines().nth(22).map(str::to_owned);
    demo.control().advance(std::time::Duration::from_secs(30));
    let frame = console.until("more below", |f| f.contains("below") && !f.contains(" 3 below"));
    assert_eq!(frame.lines().nth(22).map(str::to_owned), held, "the text under the eyes moved");
    let frame = console.keys("G");
    assert!(!frame.contains("below"), "{frame}");
}

#[test]
fn a_filter_on_a_log_that_was_scrolled_stays_where_one_looks() {
    let demo = demo("quiet");
    let mut console = Console::on(&demo);
    console.ready();
    console.go("pods");
    console.filter("istiod");
    console.keys("l");
    console.until("lines", |f| f.matches("level=").count() > 10);
    console.filter("debug");
    console.keys("k k");
    let held = console.frame().lines().nth(22).map(str::to_owned);
    demo.control().advance(std::time::Duration::from_secs(120));
    let started = std::time::Instant::now();
    while started.elapsed().as_millis() < 2500 {
        console.wait_news();
        let now = console.frame().lines().nth(22).map(str::to_owned);
        assert_eq!(now, held, "the text under the eyes moved");
    }
}

#[test]
fn a_flood_of_log_lines_is_bounded_and_what_had_to_go_is_counted() {
    let (demo, mut console) = quiet();
    let lines: Vec<String> = (0..30_000).map(|n| format!("2026-01-01T00:00:00.000000000Z flood line {n}\n")).collect();
    let lines = lines.concat();
    let act = Act::Status { code: 200, retry_after: None, body: Some(lines) };
    console.go("pods");
    console.filter("istiod");
    let key = console.target();
    let path = format!("/api/v1/namespaces/istio-system/pods/{key}/log");
    demo.control().set_faults(Faults::one(Rule::new(act).path(&path)));
    console.keys("l");
    let frame = console.shows(&["10000 older lines drop", "the log ends here"]);
    assert!(frame.contains("flood line 29999"), "{frame}");
    let frame = console.keys("g");
    assert!(frame.contains("flood line 10000") && !frame.contains("flood line 9999 "), "{frame}");
}

#[test]
fn a_log_line_without_end_and_with_escapes_is_clipped_and_visible() {
    let (demo, mut console) = quiet();
    let text = format!("\u{1b}[31mred\u{1b}[0m \u{1b}[2Jclear \u{202e}turn\n{}\nthe last line\n", "y".repeat(1 << 20));
    let act = Act::Status { code: 200, retry_after: None, body: Some(text) };
    console.go("pods");
    console.filter("istiod");
    let path = format!("/api/v1/namespaces/istio-system/pods/{}/log", console.target());
    demo.control().set_faults(Faults::one(Rule::new(act).path(&path)));
    console.keys("l");
    let frame = console.shows(&["the last line", "red ␛[2Jclear"]);
    assert!(!frame.contains('\u{1b}') && !frame.contains('\u{202e}'), "{}", frame.escape_debug());
    let frame = console.keys("w");
    for line in frame.lines() {
        assert!(watchkeeper::scene::width(line) <= 80);
    }
}

#[test]
fn a_log_that_may_not_be_read_or_is_not_there_says_why() {
    let (demo, mut console) = platform();
    console.go("pods");
    console.filter("catalog status:image");
    console.keys("l");
    console.until("the server's words", |f| f.contains("waiting to start"));
    console.keys("esc");
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 403, retry_after: None, body: None }).path("/api/v1/namespaces/team-beta/pods/"),
    ));
    console.keys("l");
    console.until("the refusal", |f| f.to_lowercase().contains("forbidden") || f.contains("no access"));
    console.go("nodes");
    assert!(console.keys("l").contains("a Node has no log of its own"));
}

#[test]
fn leaving_a_log_ends_its_stream() {
    let (_demo, mut console) = quiet();
    console.go("pods");
    console.filter("istiod");
    console.keys("l");
    console.until("lines", |f| f.contains("level="));
    console.keys("esc");
    let frame = console.frame();
    assert!(frame.contains("Pods"), "{frame}");
    console.keys("l");
    console.until("lines again", |f| f.contains("level="));
}
