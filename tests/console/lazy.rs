//! Kinds that are read once somebody opens them: until then they cost nothing, hide nothing and are no blindness.

use watchkeeper::demo::Control;
use watchkeeper::domain::change::FeedState;
use watchkeeper::kinds;

use super::harness::{Console, demo, line_with, platform, settings};

/// How many lists of a kind were asked for.
fn lists(control: &Control, plural: &str) -> usize {
    let is_list = |path: &str, query: &str| path.ends_with(&format!("/{plural}")) && !query.contains("watch=");
    control.requests().iter().filter(|r| is_list(&r.path, &r.query)).count()
}

fn lazy() -> impl Iterator<Item = (&'static kinds::KindSpec, &'static str)> {
    kinds::KINDS.iter().filter(|kind| kind.lazy).map(|kind| {
        let kinds::Api::Watch { plural, .. } = kind.api else { panic!("{} is not watched", kind.name) };
        (kind, plural)
    })
}

#[test]
fn a_lazy_kind_is_asked_for_when_its_table_opens_and_then_stays() {
    let (demo, mut console) = platform();
    let control = demo.control();
    assert!(lazy().count() >= 3);
    for (kind, plural) in lazy() {
        assert_eq!((console.feed(kind.word).state, lists(&control, plural)), (FeedState::Idle, 0), "{plural}");
        let frame = console.go(kind.word);
        assert!(!frame.contains(&format!("no {}", kind.title)), "nothing read is not nothing there\n{frame}");
        console.until("rows", |f| f.contains(&format!("{} ", kind.title)) && !f.contains('('));
        assert!(console.rows(kind.word) > 0, "{plural}");
        console.go("home");
        console.go(kind.word);
        assert_eq!((console.feed(kind.word).state, lists(&control, plural)), (FeedState::Live, 1), "{plural}");
    }
}

#[test]
fn what_is_read_on_demand_is_told_so_and_is_not_blind() {
    let (demo, mut console) = platform();
    console.resize(120, 50);
    let frame = console.go("feeds");
    assert!(frame.contains("0 blind"), "{frame}");
    for (kind, _) in lazy() {
        line_with(&frame, &[kind.title, "on demand", "-", "read once it is opened"]);
    }
    // the cursor on the last of them, and the key that reads a feed again
    let after =
        kinds::KINDS.iter().rev().take_while(|kind| !kind.lazy).count() + console.app.world.facts.unwatched.len();
    let frame = console.keys(&format!("G {}ctrl-r", "k ".repeat(after)));
    assert!(frame.contains("are read once they are opened"), "{frame}");
    assert!(lazy().all(|(_, plural)| lists(&demo.control(), plural) == 0));
    console.keys("enter");
    let last = kinds::KINDS.iter().rfind(|kind| kind.lazy).unwrap();
    console.until("its rows", |f| f.contains(&format!("{} ", last.title)) && !f.contains('('));
}

#[test]
fn a_new_connection_reads_a_lazy_kind_only_while_it_is_looked_at() {
    let demo = demo("platform");
    let control = demo.control();
    let mut console = Console::start(settings(demo.kubeconfig(), Some("sre-demo")));
    console.ready();
    console.go("rs");
    console.until("rows", |f| f.contains("ReplicaSets ") && !f.contains('('));
    console.go("hpa");
    console.until("rows", |f| f.contains("Autoscalers ") && !f.contains('('));
    console.go("ctx sre-demo");
    console.until("the connection to start over", |f| f.contains("connecting") || f.contains("waiting"));
    console.ready();
    console.until("rows", |f| f.contains("Autoscalers ") && !f.contains('('));
    assert_eq!(console.feed("rs").state, FeedState::Idle);
    assert_eq!(["replicasets", "horizontalpodautoscalers"].map(|plural| lists(&control, plural)), [1, 2]);
}

#[test]
fn a_pod_leads_to_its_deployment_and_a_revision_too() {
    let (_demo, mut console) = platform();
    console.go("pods");
    console.filter("orders-worker");
    console.keys("shift-j");
    let frame = console.shows(&["Deployment team-beta/orders-worker", "STATUS"]);
    assert!(frame.contains("0/2"), "{frame}");
    console.go("rs");
    console.until("rows", |f| f.contains("ReplicaSets ") && !f.contains('('));
    console.filter("orders-worker");
    console.keys("shift-j");
    console.shows(&["Deployment team-beta/orders-worker", "STATUS"]);
}
