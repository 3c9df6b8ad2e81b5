//! Whose word makes a Service Prometheus, Alertmanager or OpenBao: a profile's, the configuration's, the operator's.

use std::rc::Rc;

use serde_json::{Value, json};
use watchkeeper::config::{Origin, Value as Setting};
use watchkeeper::demo::{Demo, Options};
use watchkeeper::domain::change::FeedState;

use super::harness::{Console, demo, line_with, put, settings};

/// A Service in a tenant's namespace that is labelled as the chart's.
fn impostor(name: &str, app: &str, port: u16) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "external-secrets", "labels": {"app": app, "app.kubernetes.io/name": app}},
        "spec": {"ports": [{"name": "http-web", "port": port}], "clusterIP": "10.43.0.9"}})
}

fn impostors() -> [Value; 3] {
    [
        impostor("a", "kube-prometheus-stack-prometheus", 9090),
        impostor("b", "kube-prometheus-stack-alertmanager", 9093),
        impostor("c", "openbao", 8200),
    ]
}

/// A console whose configuration switches every profile off.
fn unnamed(demo: &Demo, state: Rc<tempfile::TempDir>) -> Console {
    let origin = Origin::Flag("--profile");
    let none = Setting::List(vec!["none".to_owned()]);
    let mut settings = settings(demo.kubeconfig(), None).with("profiles", Some(&none), &origin);
    settings.kubeconfig = Some(demo.kubeconfig().to_path_buf());
    let mut console = Console::start_in(settings, state);
    console.ready();
    console
}

#[test]
fn a_service_that_a_tenant_labels_takes_nothing_over_and_is_named() {
    let demo = demo("platform");
    put(&demo.control(), impostors());
    let mut console = Console::on(&demo);
    console.ready();
    assert!(console.rows("alerts") > 10, "{}", console.go("alerts"));
    console.resize(200, 50);
    let frame = console.go("feeds");
    let line = line_with(&frame, &["Alerts"]);
    assert!(line.contains("also found external-secrets/a, not used"), "{line}");
    assert!(line_with(&frame, &["Silences"]).contains("external-secrets/b"), "{frame}");
    let frame = console.go("trust");
    let used = line_with(&frame, &["Prometheus", "monitoring/"]);
    assert!(used.contains("used") && used.contains("the profile sre-platform names its namespace"), "{frame}");
    for name in ["a", "b", "c"] {
        let line = line_with(&frame, &[&format!("external-secrets/{name}:")]);
        assert!(line.contains("not used"), "{line}");
    }
    let asked = demo.control().requests();
    let strayed: Vec<_> = asked.iter().filter(|r| r.path.contains("/namespaces/external-secrets/services/")).collect();
    assert!(strayed.is_empty(), "{strayed:?}");
}

#[test]
fn without_anybodys_word_nothing_is_asked_and_the_operators_word_is_remembered() {
    let demo = demo("platform");
    let state = Rc::new(tempfile::tempdir().unwrap());
    let mut console = unnamed(&demo, Rc::clone(&state));
    for word in ["alerts", "silences", "seals"] {
        assert_eq!(console.feed(word).state, FeedState::Unconfirmed, "{word}");
    }
    assert!(!demo.control().requests().iter().any(|r| r.path.contains("/proxy/")), "nothing is asked");
    let frame = console.go("alerts");
    assert!(frame.contains("not confirmed") && !frame.contains("no Alerts"), "{frame}");
    assert!(line_with(&console.go("home"), &["Alerts"]).contains("P2"));

    // enter writes the line, enter again says it
    console.resize(120, 40);
    let frame = console.go("trust");
    let chosen = console.selected();
    assert!(chosen.contains("Prometheus") && chosen.contains("not used"), "{frame}");
    let frame = console.keys("enter");
    assert!(frame.contains(":trust prometheus monitoring/"), "{frame}");
    console.keys("enter");
    console.until("alerts", |_| true);
    let started = std::time::Instant::now();
    while console.feed("alerts").state != FeedState::Live {
        assert!(started.elapsed() < super::harness::DEADLINE, "{}", console.go("feeds"));
        console.wait_news();
        console.frame();
    }
    let frame = console.go("trust");
    assert!(line_with(&frame, &["Prometheus", "you have confirmed it"]).contains("used"), "{frame}");
    drop(console);

    let again = unnamed(&demo, Rc::clone(&state));
    assert_eq!(again.feed("alerts").state, FeedState::Live, "once is enough");
    drop(again);

    // the same name in another cluster is another Service
    let other = Demo::start(Options { seed: 2, ..Options::default() }).unwrap();
    let mut elsewhere = unnamed(&other, Rc::clone(&state));
    assert_eq!(elsewhere.feed("alerts").state, FeedState::Unconfirmed);
    let frame = elsewhere.go("trust nothing a/b");
    elsewhere.until(&frame, |f| f.contains("no service is called nothing"));
    elsewhere.go("trust prometheus kube-system/x");
    elsewhere.shows(&["nothing at kube-system/x looks like Prometheus"]);
}

/// They are asked for their state, which is no secret; nothing else is taken from them.
#[test]
fn pods_of_openbao_that_no_service_leads_to_are_known_by_their_labels() {
    let demo = demo("quiet");
    demo.control().with_world(|world| {
        let of_it = |object: &&Value| object["metadata"]["namespace"] == "openbao";
        let services = world.list("Service").into_iter().filter(of_it);
        let names: Vec<String> = services.filter_map(|s| Some(s["metadata"]["name"].as_str()?.to_owned())).collect();
        assert!(!names.is_empty());
        assert!(names.iter().all(|name| world.remove("Service", "openbao", name)));
    });
    let mut console = unnamed(&demo, Rc::new(tempfile::tempdir().unwrap()));
    assert_eq!((console.feed("seals").state, console.rows("seals")), (FeedState::Live, 4), "{}", console.go("seals"));
    console.resize(200, 50);
    let frame = console.go("feeds");
    assert!(line_with(&frame, &["Seals"]).contains("found by their labels"), "{frame}");
}

#[test]
fn services_with_the_same_right_are_not_chosen_by_their_names() {
    let demo = demo("quiet");
    let mut twin = impostor("a-prometheus", "kube-prometheus-stack-prometheus", 9090);
    twin["metadata"]["namespace"] = json!("monitoring");
    put(&demo.control(), [twin]);
    let mut console = Console::on(&demo);
    console.ready();
    console.resize(200, 50);
    let frame = console.go("feeds");
    let line = line_with(&frame, &["Alerts"]);
    assert!(line.contains("fit equally, none is used") && line.contains("monitoring/a-prometheus"), "{line}");
    // Alertmanager is one
    assert_eq!(console.feed("silences").state, FeedState::Live);
}
