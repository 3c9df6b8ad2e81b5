//! Actions by keys: the preview, the approval, what is reported afterwards, and everything that stops a plan.

use watchkeeper::screens::world::Held;

use watchkeeper::config::{Origin, Value};

use super::harness::{Console, demo, quiet, settings};

/// On a release that can be suspended, its preview open and its questions answered.
fn preview(console: &mut Console, key: &str) -> String {
    console.go("hr");
    console.types("/");
    console.keys("ctrl-u");
    console.types("shop");
    console.keys("enter");
    console.keys(key);
    // where nothing may be written, nothing is tried
    let words = ["dry run: accepted", "dry run: rejected", "not tried"];
    console.until("the server's word", |f| words.iter().any(|word| f.contains(word)))
}

fn suspended(demo: &watchkeeper::demo::Demo) -> bool {
    demo.control().with_world(|w| w.get("HelmRelease", "team-alpha", "shop").unwrap()["spec"]["suspend"] == true)
}

#[test]
fn a_suspend_is_previewed_whole_and_done_when_it_was_read_back() {
    let (demo, mut console) = quiet();
    let frame = preview(&mut console, "shift-t");
    for part in [
        "on sre-demo as demo",
        "PATCH",
        r#""suspend":true}}"#,
        "suspend: false -> suspend: true",
        "same as: flux --context sre-demo suspend helmrelease shop -n team-alpha",
        "[Cancel]   y runs it",
    ] {
        assert!(frame.contains(part), "{part}\n{frame}");
    }
    let frame = console.keys("ctrl-f");
    assert!(frame.contains("UNDO"), "{frame}");
    console.keys("y");
    console.shows(&["STATE            DONE", ".spec.suspend is true"]);
    assert!(suspended(&demo));
    console.go("hr");
    console.shows(&["Suspended"]);
    // the same key now does the opposite
    let frame = preview(&mut console, "shift-t");
    assert!(frame.contains("Preview: resume HelmRelease team-alpha/shop"), "{frame}");
}

#[test]
fn enter_and_escape_cancel_and_send_nothing() {
    let (demo, mut console) = quiet();
    for key in ["enter", "esc"] {
        preview(&mut console, "shift-t");
        let frame = console.keys(key);
        assert!(!frame.contains("Preview") && !suspended(&demo), "{key}\n{frame}");
    }
}

#[test]
fn a_word_that_has_to_be_typed_is_not_replaced_by_a_key() {
    let (_demo, mut console) = quiet();
    console.go("deploy");
    console.filter("name=shop-api");
    console.keys("r");
    console.until("the server's word", |f| f.contains("dry run: accepted"));
    // a letter is a letter of the word, wherever the focus is
    let frame = console.keys("y");
    assert!(frame.contains("type shop-api and enter to run: y"), "{frame}");
    console.keys("backspace");
    console.types("shop");
    let frame = console.keys("enter");
    assert!(frame.contains("that is not shop-api"), "{frame}");
    console.types("-api");
    console.keys("enter");
    console.shows(&["STATE            DONE", "rolled out"]);
}

#[test]
fn a_read_only_context_says_so_and_can_be_unlocked_for_a_reason() {
    let demo = demo("quiet");
    let mut settings = settings(demo.kubeconfig(), None);
    settings.readonly_contexts = vec!["sre*".to_owned()];
    let mut console = Console::start(settings);
    console.ready();
    let frame = console.shows(&["READ-ONLY"]);
    assert!(frame.lines().next().unwrap().contains("READ-ONLY"), "{frame}");
    preview(&mut console, "shift-t");
    let frame = console.keys("y");
    assert!(frame.contains("matches sre* of readonly-contexts") && !suspended(&demo), "{frame}");
    assert!(console.go("unlock").contains("why?"), "a reason is needed");
    console.keys("esc");
    console.go("unlock incident 7");
    console.shows(&["UNLOCKED 15m"]);
    preview(&mut console, "shift-t");
    console.keys("y");
    console.shows(&["STATE            DONE"]);
    assert!(suspended(&demo));
    let frame = console.go("audit");
    let frame = if frame.contains("unlock") { frame } else { console.shows(&["unlock", "outcome"]) };
    assert!(frame.contains("outcome done") && frame.contains("intent"), "{frame}");
}

#[test]
fn an_object_that_was_replaced_or_changed_since_the_preview_is_left_alone() {
    let (demo, mut console) = quiet();
    let control = demo.control();
    preview(&mut console, "shift-t");
    control.with_world(|w| w.edit("HelmRelease", "team-alpha", "shop", |o| o["spec"]["interval"] = "1h".into()));
    console.keys("y");
    console.shows(&["REFUSED", "spec was changed since the preview"]);
    preview(&mut console, "shift-t");
    control.with_world(|w| {
        let mut again = w.get("HelmRelease", "team-alpha", "shop").unwrap().clone();
        w.remove("HelmRelease", "team-alpha", "shop");
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            again["metadata"].as_object_mut().unwrap().remove(field);
        }
        w.apply(again);
    });
    console.keys("y");
    console.shows(&["REFUSED", "it was deleted and created again since the"]);
    assert!(!suspended(&demo));
}

#[test]
fn a_suspend_that_is_taken_back_by_others_is_told() {
    let (demo, mut console) = quiet();
    preview(&mut console, "shift-t");
    console.keys("y");
    console.shows(&["STATE            DONE"]);
    console.go("hr");
    console.shows(&["Suspended"]);
    let control = demo.control();
    control.with_world(|w| {
        w.edit("HelmRelease", "team-alpha", "shop", |o| {
            o["spec"].as_object_mut().unwrap().remove("suspend");
        })
    });
    console.shows(&["REVERTED: shop is no longer suspended"]);
    let frame = console.keys("j k");
    assert!(frame.contains("REVERTED: shop is no longer suspended"), "the next key does not take it away\n{frame}");
    let frame = console.go("plans");
    assert!(frame.contains("done, reverted"), "{frame}");
}

#[test]
fn a_revert_is_told_after_other_plans_for_the_same_object_and_of_a_cordon_as_well() {
    let (demo, mut console) = quiet();
    let control = demo.control();
    for word in ["Suspended", "UpgradeSucceeded", "Suspended"] {
        preview(&mut console, "shift-t");
        console.keys("y");
        console.shows(&["STATE            DONE"]);
        console.go("hr");
        console.shows(&[word]);
    }
    control.with_world(|w| {
        w.edit("HelmRelease", "team-alpha", "shop", |o| {
            o["spec"].as_object_mut().unwrap().remove("suspend");
        })
    });
    console.shows(&["REVERTED: shop is no longer suspended"]);
    console.go("nodes");
    console.filter("name=worker-3");
    console.until("the row", |f| f.contains("Nodes 1 of 8"));
    console.keys("shift-t");
    let frame = console.until("the server's word", |f| f.contains("dry run: accepted"));
    assert!(frame.contains("y runs it"), "{frame}");
    console.keys("y");
    console.shows(&["STATE            DONE"]);
    console.go("nodes");
    console.shows(&["SchedulingDisabled"]);
    control.with_world(|w| {
        w.edit("Node", "", "worker-3", |o| {
            o["spec"].as_object_mut().unwrap().remove("unschedulable");
        })
    });
    console.shows(&["REVERTED: worker-3 is no longer cordoned"]);
}

#[test]
fn what_is_unfinished_stands_in_the_header_and_on_home_until_it_is_dismissed_with_a_reason() {
    let (demo, mut console) = quiet();
    demo.control().set_faults(watchkeeper::demo::Faults::one(
        watchkeeper::demo::faults::Rule::new(watchkeeper::demo::faults::Act::Status {
            code: 503,
            retry_after: None,
            body: None,
        })
        .path("/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/shop")
        .verb("patch")
        .only(2, 1),
    ));
    preview(&mut console, "shift-t");
    console.keys("y");
    console.within(std::time::Duration::from_secs(60), "the end of the plan", |frame| frame.contains("UNKNOWN"));
    let frame = console.go("home");
    assert!(frame.contains("1 UNFINISHED"), "{frame}");
    assert!(frame.contains("Plan") && frame.contains("left behind"), "{frame}");
    console.keys("enter");
    console.shows(&[
        "LEFT BEHIND",
        "HelmRelease team-alpha/shop perhaps suspended",
        "watchkeeper --context sre-demo run suspend",
    ]);
    console.keys("ctrl-d");
    let frame = console.keys("enter");
    assert!(frame.contains("why? :dismiss"), "{frame}");
    console.types("looked at it");
    console.keys("enter");
    console.shows(&["dismissed"]);
    let frame = console.go("home");
    assert!(!frame.contains("UNFINISHED") && !frame.contains("left behind"), "{frame}");
}

/// Whoever takes it back may be faster than the proof, and faster than the watch.
#[rstest::rstest]
#[case::seen_before_the_plan_has_ended(true)]
#[case::never_seen(false)]
fn a_suspend_that_is_taken_back_at_once_is_told(#[case] is_seen: bool) {
    let (demo, mut console) = quiet();
    preview(&mut console, "shift-t");
    console.keys("y");
    console.shows(&["STATE            DONE"]);
    console.go("hr");
    console.shows(&["Suspended"]);
    let run = &mut console.app.world.plans[0];
    let (outcome, ended) = (run.outcome.take(), run.ended.take());
    (run.held, run.shown) = (Held::Unseen, Vec::new());
    if is_seen {
        // the watch has shown it while the proof was still looked for
        console.app.settle();
        assert_eq!(console.app.world.plans[0].held, Held::Yes);
    }
    demo.control().with_world(|w| {
        w.edit("HelmRelease", "team-alpha", "shop", |o| {
            o["spec"].as_object_mut().unwrap().remove("suspend");
        })
    });
    console.until("it is not suspended", |frame| !frame.contains("Suspended"));
    let run = &mut console.app.world.plans[0];
    run.outcome = outcome;
    // without a trace of it, the watch is given its time
    run.ended = ended.map(|at| if is_seen { at } else { at.plus(-60) });
    console.app.settle();
    assert_eq!(console.app.world.plans[0].held, Held::Reverted);
    console.shows(&["REVERTED: shop is no longer suspended"]);
}

#[test]
fn without_a_connection_nothing_is_sent() {
    let (demo, mut console) = quiet();
    preview(&mut console, "shift-t");
    console.app.world.facts.link = watchkeeper::screens::world::Link::Down {
        since: console.app.world.facts.now,
        headline: "gone".to_owned(),
        passing: false,
        detail: String::new(),
    };
    let frame = console.keys("y");
    assert!(frame.contains("not connected") && !suspended(&demo), "{frame}");
}

#[test]
fn a_silence_proposes_its_matchers_counts_what_they_match_and_wants_a_reason() {
    let demo = demo("platform");
    let mut console = Console::on(&demo);
    console.ready();
    console.go("alerts");
    console.filter("OpenBaoSealed");
    let frame = console.keys("m");
    assert!(frame.contains(r#"alertname="OpenBaoSealed""#) && frame.contains("1 alert that fires"), "{frame}");
    // live, while it is typed
    console.keys("tab ctrl-u");
    let frame = console.types("alertname=~\".*\"");
    assert!(frame.contains("at least one matcher must not match"), "{frame}");
    console.keys("ctrl-u");
    console.types("alertname=\"OpenBaoSealed\"");
    console.keys("tab tab tab");
    let frame = console.keys("y");
    assert!(frame.contains("needs a reason"), "{frame}");
    console.types("known, unsealing");
    console.keys("tab tab tab tab");
    // Alertmanager knows no rehearsal
    console.until("the server's word", |f| f.contains("not tried"));
    console.keys("y");
    console.shows(&["STATE            DONE", "on 2 replicas"]);
    console.go("alerts");
    console.shows(&["silenced"]);
}

#[test]
fn plans_run_side_by_side_and_are_listed() {
    let (_demo, mut console) = quiet();
    console.go("deploy");
    console.filter("name=shop-api");
    console.keys("r");
    console.until("the server's word", |f| f.contains("dry run: accepted"));
    console.keys("tab");
    console.types("shop-api");
    console.keys("enter");
    preview(&mut console, "shift-t");
    let frame = console.keys("y");
    assert!(frame.contains("running"), "the header shows the plans under way\n{frame}");
    let frame = console.go("plans");
    assert!(
        frame.contains("restart Deployment team-alpha/shop-api") && frame.contains("suspend HelmRelease"),
        "{frame}"
    );
    console.until("both ends", |f| f.matches("done").count() >= 2);
}

#[test]
fn the_menu_gives_each_action_its_key_or_the_reason_why_not() {
    let (_demo, mut console) = quiet();
    console.go("hr");
    console.filter("shop");
    let frame = console.keys("x");
    assert!(frame.contains("shift-t suspend") && frame.contains("not now: it is not suspended"), "{frame}");
    console.go("pods");
    let frame = console.keys("shift-r");
    assert!(frame.contains("this key does nothing to a Pod"), "{frame}");
}

#[test]
fn marked_rows_are_done_one_after_another_and_ask_for_the_context() {
    let (_demo, mut console) = quiet();
    console.go("hr");
    console.filter("namespace:team");
    console.keys("space j space");
    console.keys("shift-t");
    console.shows(&["suspend 2 objects, one after another"]);
    let frame = console.until("a word to type", |f| f.contains("type sre-demo and enter to run"));
    assert!(!frame.contains("y runs it"), "{frame}");
}

#[test]
fn the_log_of_a_backup_stands_under_the_steps_of_its_plan() {
    let (_demo, mut console) = quiet();
    console.go("backups");
    console.filter("before-istio");
    console.keys("x");
    for _ in 0..20 {
        if console.selected().contains("backup-logs") {
            break;
        }
        console.keys("j");
    }
    console.keys("enter");
    // that the log may be fetched is a right; whether it is there nobody can ask
    let frame = console.until("the server's word", |f| f.contains("dry run: accepted") && f.contains("not tried"));
    assert!(frame.contains("same as: velero --kubecontext sre-demo backup logs before-istio-1-27 -n"), "{frame}");
    console.keys("y");
    let frame = console.shows(&["STATE            DONE", "OUTPUT", "temp file", "Backup ended as Completed"]);
    assert!(!frame.contains("downloads/") && !frame.contains("signature="), "{frame}");
}

#[test]
fn a_context_that_is_set_read_only_is_not_unlocked_and_says_how_to_change_it() {
    let demo = demo("quiet");
    let base = settings(demo.kubeconfig(), None);
    let locked = base.clone().with("readonly", Some(&Value::Flag(true)), &Origin::Flag("--readonly"));
    let settings = watchkeeper::config::Settings {
        kubeconfig: base.kubeconfig,
        context: base.context,
        services: base.services,
        ..locked
    };
    let mut console = Console::start(settings);
    console.ready();
    let frame = console.go("unlock incident");
    let frame = if frame.contains("cannot be unlocked") {
        frame
    } else {
        console.until("the answer", |f| f.contains("cannot be unlocked"))
    };
    assert!(frame.contains("start without --readonly") && frame.contains("READ-ONLY"), "{frame}");
    let frame = console.go("unlock ...");
    assert!(frame.contains("why? :unlock REASON"), "{frame}");
}

#[test]
fn the_end_of_a_silence_names_its_id_and_a_wide_one_asks_for_the_context() {
    let (demo, mut console) = quiet();
    console.go("schedules");
    console.filter("daily-backup");
    let frame = console.keys("m");
    assert!(frame.contains("scope=namespace for all alerts of velero"), "{frame}");
    // the reason is the one field that must be filled, and has the focus
    console.types("storage moves");
    console.keys("tab tab ctrl-u");
    console.types("namespace");
    let frame = console.keys("tab");
    assert!(frame.contains("type sre-demo"), "{frame}");
    drop(demo);
}
