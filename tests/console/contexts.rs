//! Contexts: switching leaves nothing of the old cluster, and a cluster that cannot be reached is a screen with the
//! reason and a choice, never an exit.

use std::io::Write as _;

use serde_json::json;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};

use super::harness::{Console, demo, heal, line_with, platform, pod, put, settings, settings_with};

/// A kubeconfig with one context a demo, the first current.
fn merged(demos: &[(&str, &Demo)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let clusters = demos
        .iter()
        .map(|(name, demo)| json!({"name": name, "cluster": {"server": format!("http://{}", demo.address())}}));
    let contexts = demos.iter().map(|(name, _)| json!({"name": name, "context": {"cluster": name, "user": "demo"}}));
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": demos[0].0,
        "clusters": clusters.collect::<Vec<_>>(), "contexts": contexts.collect::<Vec<_>>(),
        "users": [{"name": "demo", "user": {"token": "demo"}}]});
    file.write_all(config.to_string().as_bytes()).unwrap();
    file
}

#[test]
fn another_context_leaves_nothing_of_the_old_one() {
    let (old, new) = (demo("platform"), demo("quiet"));
    put(&old.control(), [pod("only-in-the-old")]);
    put(&new.control(), [pod("only-in-the-new")]);
    let file = merged(&[("old", &old), ("new", &new)]);
    let mut console = Console::start(settings(file.path(), None));
    console.ready();
    console.go("ns lab");
    console.go("pods");
    console.shows(&["only-in-the-old"]);
    let keys = console.types(":ctx n");
    assert!(keys.lines().last().unwrap().contains("new"), "{keys}");
    console.keys("tab enter");
    let frame = console.until("the switch", |f| f.starts_with(" new"));
    assert!(!frame.contains("only-in-the-old"), "{frame}");
    assert!(frame.contains("all namespaces"), "the namespace was the old cluster's choice\n{frame}");
    console.ready();
    assert!(console.go("find only-in-the-new").contains("Pod lab/only-in-the-new"));
    let frame = console.go("home");
    assert!(frame.contains("P1 0  P2 0"), "findings of the old cluster\n{frame}");
    assert!(console.keys("[ [ [ [").contains("no previous screen"), "history of the old cluster");
    let frame = console.go("find only-in-the-old");
    assert!(frame.contains("nothing known here"), "{frame}");
    console.keys("esc");
    assert!(console.go("ctx nowhere").contains("no context is called nowhere"));
}

#[test]
fn connecting_to_the_same_context_again_shows_the_same_names() {
    let (_demo, mut console) = platform();
    let before = console.go("hr");
    console.go("ctx sre-demo");
    console.until("the connection to start over", |f| f.contains("connecting") || f.contains("waiting"));
    console.ready();
    let after = console.go("hr");
    let names = |frame: &str| -> Vec<String> {
        frame.lines().skip(4).map(|l| l.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(names(&before), names(&after));
}

#[test]
fn what_the_settings_say_is_the_same_after_connecting_again() {
    let demo = demo("platform");
    let lines = r#"
        namespaces = ["team-alpha", "velero"]
        core-namespaces = ["velero"]
        bell = true
        thresholds.clock-skew = "1m"
        keys.feeds = "F"
    "#;
    let mut console = Console::start(settings_with(demo.kubeconfig(), None, lines));
    console.ready();
    console.keys("1");
    console.shows(&["namespace team-alpha"]);
    console.keys("0");
    console.go("ctx sre-demo");
    console.until("the connection to begin again", |f| f.contains("connecting") || f.contains("waiting"));
    for connected in [false, true] {
        if connected {
            console.ready();
        }
        let preferences = &console.app.world.preferences;
        assert!(preferences.bell && preferences.utc && preferences.thresholds.clock_skew == 60);
        assert!(console.app.world.facts.core.contains(&"velero".to_owned()));
        for (key, namespace) in [("1", "team-alpha"), ("2", "velero")] {
            console.keys(key);
            console.shows(&[&format!("namespace {namespace}")]);
        }
        let frame = console.keys("3");
        assert!(frame.contains("no namespace has the key 3"), "{frame}");
    }
    let frame = console.keys("F");
    assert!(frame.contains("Feeds"), "{frame}");
}

#[test]
fn a_contexts_own_table_is_what_counts_in_it() {
    let (old, new) = (demo("quiet"), demo("quiet"));
    let file = merged(&[("old", &old), ("new", &new)]);
    let lines = r#"
        namespaces = ["lab"]
        contexts."old".namespaces = ["team-alpha"]
        contexts."new".namespace = "velero"
        contexts."new".core-namespaces = ["team-beta"]
    "#;
    let mut console = Console::start(settings_with(file.path(), None, lines));
    console.ready();
    console.shows(&["all namespaces"]);
    console.keys("1");
    console.shows(&["namespace team-alpha"]);
    assert!(!console.app.world.facts.core.contains(&"team-beta".to_owned()));
    console.go("ctx new");
    console.until("the switch", |f| f.starts_with(" new"));
    console.ready();
    assert_eq!(console.app.world.facts.namespace.as_deref(), Some("velero"));
    assert!(console.app.world.facts.core.contains(&"team-beta".to_owned()), "what is risky there is asked about");
    console.keys("1");
    console.shows(&["namespace lab"]);
    // and where it is the first one
    let mut console = Console::start(settings_with(file.path(), Some("new"), lines));
    assert_eq!(console.app.world.facts.namespace.as_deref(), Some("velero"));
    assert!(console.app.world.facts.core.contains(&"team-beta".to_owned()));
    console.ready();
    assert_eq!(console.app.world.facts.namespace.as_deref(), Some("velero"));
}

#[test]
fn a_server_that_refuses_is_a_picker_with_the_reason_and_is_tried_until_it_comes() {
    let (down, up) = (demo("quiet"), demo("quiet"));
    let control = down.control();
    control.set_faults(Faults::one(Rule::new(Act::Refuse)));
    let file = merged(&[("down", &down), ("up", &up)]);
    let mut console = Console::start(settings(file.path(), None));
    let frame = console.shows(&["Contexts 2", "nothing listens at this address", "trying again since"]);
    assert!(frame.contains("DISCONNECTED"), "{frame}");
    line_with(&frame, &["down", "127.0.0.1"]);
    line_with(&frame, &["up", "127.0.0.1"]);
    heal(&control);
    console.ready();
    let frame = console.frame();
    assert!(frame.contains("SEV WHAT") && !frame.contains("DISCONNECTED"), "{frame}");
}

#[test]
fn from_the_picker_another_context_is_one_key_away() {
    let (down, up) = (demo("quiet"), demo("quiet"));
    down.control().set_faults(Faults::one(Rule::new(Act::Refuse)));
    put(&up.control(), [pod("here-i-am")]);
    let file = merged(&[("down", &down), ("up", &up)]);
    let mut console = Console::start(settings(file.path(), None));
    console.shows(&["Contexts 2", "trying again"]);
    console.keys("j enter");
    console.ready();
    assert!(console.frame().starts_with(" up"), "{}", console.frame());
    assert!(console.go("find here-i-am").contains("Pod lab/here-i-am"));
}

#[test]
fn a_switch_to_a_silent_server_keeps_the_keys_answered() {
    let (here, silent) = (demo("quiet"), demo("quiet"));
    silent.control().set_faults(Faults::one(Rule::new(Act::Silent)));
    let file = merged(&[("here", &here), ("silent", &silent)]);
    let mut console = Console::start(settings(file.path(), None));
    console.ready();
    console.go("ctx silent");
    console.until("the switch", |f| f.starts_with(" silent") && f.contains("connecting"));
    assert!(console.go("pods").contains("waiting for the connection"));
    assert!(console.keys("?").contains("Help"));
    console.go("ctx here");
    console.ready();
    assert!(console.frame().starts_with(" here"));
}

#[test]
fn a_broken_kubeconfig_names_file_and_line_and_its_neighbours_stay_usable() {
    let up = demo("quiet");
    let good = merged(&[("good", &up)]);
    let mut broken = tempfile::NamedTempFile::new().unwrap();
    broken.write_all(b"apiVersion: v1\nkind: Config\nclusters:\n- name: [oops\n").unwrap();
    let list = format!("{}:{}", broken.path().display(), good.path().display());
    let mut settings = settings(good.path(), None);
    settings.kubeconfig = None;
    settings.env = [("KUBECONFIG", list.as_str())].into_iter().collect();
    let mut console = Console::start(settings);
    console.ready();
    let name = broken.path().file_name().unwrap().to_str().unwrap().to_owned();
    console.resize(160, 24);
    let frame = console.go("ctx");
    assert!(
        frame.contains(&name)
            && (frame.contains("line 4") || frame.contains("line 5") || frame.contains(":4") || frame.contains(":5")),
        "{frame}"
    );
    line_with(&frame, &["good", "127.0.0.1"]);
}

#[test]
fn a_context_that_is_missing_lists_those_that_are_there() {
    let up = demo("quiet");
    let file = merged(&[("one", &up), ("two", &up)]);
    let mut console = Console::start(settings(file.path(), Some("three")));
    let frame = console.shows(&["three", "Contexts 2"]);
    line_with(&frame, &["one", "127.0.0.1"]);
    line_with(&frame, &["two", "127.0.0.1"]);
    console.keys("g enter");
    console.ready();
}
