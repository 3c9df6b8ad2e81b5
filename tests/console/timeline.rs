//! The timeline by keys: an incident that heals is shown from its onset to its end, by the next console, too, and with
//! the API server away.

use std::rc::Rc;
use std::time::Duration;

use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults, Options};
use watchkeeper::domain::moment::{Moment, What};
use watchkeeper::headless::timeline::{Format, Query, print};
use watchkeeper::screens::world::Link;
use watchkeeper::session::clock;
use watchkeeper::triage::timeline::Origin;

use super::harness::{Console, line_with, platform, settings};

/// Until something that was there at the start has healed; that entry.
fn healed(demo: &Demo, console: &mut Console) -> Moment {
    console.go("timeline");
    console.shows(&["onset"]);
    demo.control().advance(Duration::from_secs(135));
    console.filter("what=healed");
    console.shows(&["healed after"]);
    let all = console.app.world.timeline.log.all(console.app.world.facts.now);
    all.into_iter().map(|told| told.moment).find(|m| m.what == What::Healed).unwrap()
}

#[test]
fn an_incident_that_heals_is_told_by_this_console_by_the_next_and_without_a_server() {
    let (demo, mut console) = platform();
    let end = healed(&demo, &mut console);
    let state = Rc::clone(&console.state);
    console.go(&format!("timeline {}", if end.namespace.is_empty() { "all" } else { &*end.namespace }));
    console.filter(&format!("object={} kind={}", end.place(), end.kind));
    let frame = console.frame();
    line_with(&frame, &["healed"]);
    line_with(&frame, &["onset"]);
    drop(console);

    // yesterday's, for a console that begins
    let mut next = Console::start_in(settings(demo.kubeconfig(), None), Rc::clone(&state));
    next.ready();
    next.go("tl");
    next.filter(&format!("object={} kind={}", end.place(), end.kind));
    let frame = next.shows(&["from disk"]);
    line_with(&frame, &["healed"]);
    drop(next);

    // and with a server that refuses everything
    let refuse = Act::Status { code: 503, retry_after: None, body: None };
    demo.control().set_faults(Faults::one(Rule::new(refuse)));
    let mut away = Console::start_in(settings(demo.kubeconfig(), None), Rc::clone(&state));
    away.until("the server to be away", |f| f.contains("DISCONNECTED"));
    away.go("tl");
    away.filter(&format!("object={} kind={}", end.place(), end.kind));
    let frame = away.shows(&["from disk", "as of"]);
    line_with(&frame, &["healed"]);
    assert!(matches!(away.app.world.facts.link, Link::Down { .. }));

    let mut out = Vec::new();
    let query = Query {
        context: &away.app.world.facts.context,
        since: Some(3600 * 20),
        namespace: None,
        format: Format::Markdown,
        utc: true,
        now: clock::now().plus(200),
    };
    print(&state.path().join("timeline"), None, &query, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("| healed |") && out.contains("healed after"), "{out}");
}

#[test]
fn another_cluster_behind_the_same_name_has_a_past_of_its_own() {
    let (first, mut console) = platform();
    let end = healed(&first, &mut console);
    let state = Rc::clone(&console.state);
    drop(console);
    drop(first);
    // the same context, the same objects, another kube-system
    let options = Options { story: "platform".to_owned(), seed: 2, ..Options::default() };
    let second = Demo::start(options).unwrap();
    let mut next = Console::start_in(settings(second.kubeconfig(), None), state);
    next.ready();
    next.go("tl all");
    let frame = next.shows(&["onset"]);
    assert!(!frame.contains("from disk") && !frame.contains("healed"), "{frame}");
    let all = next.app.world.timeline.log.all(next.app.world.facts.now);
    assert!(all.iter().all(|told| told.origin != Origin::Disk), "{all:?}");
    assert!(all.iter().all(|told| told.moment.words != end.words), "{all:?}");
}

#[test]
fn the_key_of_an_incident_leads_to_its_own_timeline_and_a_copy_is_markdown() {
    let (_demo, mut console) = platform();
    console.go("home");
    console.keys("enter");
    let frame = console.keys("t");
    assert!(frame.contains("Timeline of "), "{frame}");
    line_with(&frame, &["onset", "P1"]);
    let frame = console.go("tl all");
    assert!(frame.contains("newest first"), "{frame}");
    let first = console.keys("j j").lines().nth(5).unwrap().to_owned();
    let frame = console.keys("A");
    assert!(frame.contains("oldest first"), "{frame}");
    assert_ne!(frame.lines().nth(5).unwrap(), first);
    console.keys("c");
    let copied = console.copied.pop().unwrap();
    assert!(copied.starts_with("## sre-") && copied.contains("| onset | P1 |"), "{copied}");
    let frame = console.filter("what=onset sev=P1");
    assert!(!frame.contains("change "), "{frame}");
    console.keys("esc");
    let frame = console.filter("colour:red");
    assert!(frame.contains("no column `colour` here"), "{frame}");
}

#[test]
fn what_was_done_is_on_the_timeline_and_in_the_note_for_the_next() {
    let (_demo, mut console) = platform();
    console.go("hr");
    console.filter("name=shop");
    console.keys("shift-t");
    console.until("the server's word", |f| f.contains("dry run: accepted"));
    console.keys("y");
    console.shows(&["DONE"]);
    console.go("tl");
    let frame = console.filter("what=action");
    line_with(&frame, &["action", "team-alpha/shop", "done: suspend"]);
    let frame = console.go("handover");
    assert!(frame.contains("Handover: sre-demo") && frame.contains("Open incidents"), "{frame}");
    console.keys("c");
    let note = console.copied.pop().unwrap();
    for part in
        ["**P1**", "## Done in the last 12 hours", "suspend HelmRelease", "## Silences", "## Suspended", "by flux"]
    {
        assert!(note.contains(part), "{part}\n{note}");
    }
}

#[test]
fn the_timeline_can_be_read_at_every_size() {
    let (_demo, mut console) = platform();
    console.go("timeline");
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let frame = console.resize(width, height);
        let line = line_with(&frame, &["onset", "P2", "runtime"]);
        assert!(line.chars().count() <= usize::from(width), "{line}");
        assert!(line.contains("for 25h"), "{frame}");
    }
}

#[test]
fn a_state_folder_that_cannot_be_written_is_said_once_and_looking_goes_on() {
    let demo = super::harness::demo("platform");
    let state = Rc::new(tempfile::tempdir().unwrap());
    // where the folder of timelines would be is a file
    std::fs::write(state.path().join("timeline"), "").unwrap();
    let mut console = Console::start_in(settings(demo.kubeconfig(), None), state);
    console.until("the word", |f| f.contains("the timeline"));
    console.ready();
    console.keys("j");
    assert!(!console.frame().contains("the timeline is not kept"));
    let frame = console.go("timeline");
    line_with(&frame, &["onset"]);
}
