//! The read paths against a real cluster: `WATCHKEEPER_TEST_KUBECONFIG` names its kubeconfig, `WATCHKEEPER_TEST_CONTEXT`
//! the context if not the current one. Only looks. Nothing about the cluster is assumed, but that what it says of
//! itself must fit together.
#![allow(clippy::disallowed_macros, reason = "what was seen of a real cluster is printed with the verdict")]

use std::path::PathBuf;

use watchkeeper::domain::change::FeedState;
use watchkeeper::domain::health::Health;
use watchkeeper::kinds;

use super::harness::{Console, settings};

/// A console on that cluster with every list complete.
fn real() -> Console {
    let path = std::env::var_os("WATCHKEEPER_TEST_KUBECONFIG").expect("WATCHKEEPER_TEST_KUBECONFIG names a kubeconfig");
    let context = std::env::var("WATCHKEEPER_TEST_CONTEXT").ok();
    let mut console = Console::start(settings(&PathBuf::from(path), context.as_deref()));
    console.ready();
    console
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_KUBECONFIG=FILE cargo test --test console -- --ignored cluster"]
fn every_kind_of_the_cluster_has_rows_or_a_word_why_not() {
    let mut console = real();
    for kind in kinds::KINDS {
        console.go(kind.word);
        console.ready();
        let frame = console.frame();
        let feed = console.feed(kind.word).clone();
        let rows = console.rows(kind.word);
        match feed.state {
            FeedState::Live if rows == 0 => assert!(frame.contains(&format!("no {}", kind.title)), "{frame}"),
            FeedState::Live => assert!(frame.contains(&format!("{} ", kind.title)), "{frame}"),
            state => {
                assert!(frame.contains(state.word()), "{}\n{frame}", kind.title);
                assert!(!frame.contains(&format!("{} 0", kind.title)), "{frame}");
            }
        }
        assert!(feed.bad.is_empty(), "{} cannot read {:?}", kind.title, feed.bad);
        println!("{:<24} {:<14} {rows:>6}  {}", kind.title, feed.state.word(), feed.only.join(","));
    }
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_KUBECONFIG=FILE cargo test --test console -- --ignored cluster"]
fn what_fails_in_the_cluster_is_above_what_does_not_and_has_a_word() {
    let mut console = real();
    console.resize(120, 200);
    for (id, kind) in kinds::ids().zip(kinds::KINDS) {
        console.go(kind.word);
        console.ready();
        let frame = console.frame();
        let marks: Vec<char> = frame.lines().skip(4).filter_map(|line| line.chars().next()).collect();
        let failing = marks.iter().rposition(|c| *c == '✖');
        let healthy = marks.iter().position(|c| *c == ' ');
        if let (Some(failing), Some(healthy)) = (failing, healthy) {
            assert!(failing < healthy, "{frame}");
        }
        for (_, row) in console.app.world.store.table(id).iter() {
            let status = console.app.world.store.strings.get(row.record.status);
            assert!(
                row.health == Health::Ok || !status.is_empty(),
                "{} {} fails without a word",
                kind.name,
                row.record.name
            );
        }
    }
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_KUBECONFIG=FILE cargo test --test console -- --ignored cluster"]
fn home_counts_what_the_tables_hold_and_is_never_clear_while_blind() {
    let mut console = real();
    let frame = console.go("home");
    let blind = console.app.world.store.tables().filter(|(_, t)| t.feed.state.is_blind()).count();
    assert!(frame.contains(&format!("{blind} blind")), "{frame}");
    let failed = console.app.world.store.tables().any(|(_, t)| t.count(Health::Failed) > 0);
    if blind > 0 || failed {
        assert!(!frame.contains("nothing wrong"), "{frame}");
    }
    if failed {
        assert!(frame.contains('✖'), "{frame}");
    }
    println!("{frame}");
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_KUBECONFIG=FILE cargo test --test console -- --ignored cluster"]
fn an_object_of_each_kind_can_be_described_and_read() {
    let mut console = real();
    for (id, kind) in kinds::ids().zip(kinds::KINDS) {
        console.go(kind.word);
        console.ready();
        if console.app.world.store.table(id).is_empty() {
            continue;
        }
        console.keys("d");
        let frame = console.until("the object", |f| !f.contains("reading"));
        assert!(frame.contains("STATUS") && !frame.contains("cannot be read"), "{}\n{frame}", kind.title);
        if matches!(kind.api, kinds::Api::Watch { .. }) {
            console.keys("y");
            let frame = console.until("the YAML", |f| f.contains("apiVersion:"));
            assert!(!frame.contains("managedFields"), "{frame}");
        }
    }
}

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_KUBECONFIG=FILE cargo test --test console -- --ignored cluster"]
fn a_pod_of_the_cluster_has_a_log_or_a_reason() {
    let mut console = real();
    assert!(console.rows("pods") > 0, "no pod can be seen, so no log can be read");
    console.go("pods");
    console.filter("status:running");
    console.keys("l");
    let frame = console.until("lines or a reason", |f| !f.contains("no lines yet"));
    println!("{frame}");
}
