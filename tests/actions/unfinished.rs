//! Nothing is left behind in silence: what a plan leaves is known whatever ended it, and continuing it does nothing twice.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};
use watchkeeper::domain::ages::Time;
use watchkeeper::session::clock;

use super::driver::{State, ask, demo, writes};

const WEB: &str = "/apis/apps/v1/namespaces/team-alpha/deployments/shop-web";
const SHOP: &str = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/shop";
const BACKUPS: &str = "/apis/velero.io/v1/namespaces/velero/backups";

fn suspended(demo: &Demo) -> bool {
    ask(demo, SHOP)["spec"]["suspend"] == true
}

fn continued(state: &State, demo: &Demo, line: &str) -> super::driver::Seen {
    let run = state.unfinished()[0].run.clone();
    state.on(demo, &format!("{line} continue={run}"))
}

/// Runs the program itself, and kills it as soon as `when` holds.
fn killed(demo: &Demo, state: &State, line: &str, when: impl Fn() -> bool) {
    // the settings of the other runs, so that the audit is in the same place
    drop(state.settings(demo.kubeconfig(), None, ""));
    let mut child = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
        .args(["--config".as_ref(), state.config().as_os_str()])
        .args(["--kubeconfig".as_ref(), demo.kubeconfig().as_os_str()])
        .arg("run")
        .args(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while !when() && std::time::Instant::now() < until {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(when(), "it never came to that");
    // SIGKILL: nothing can be recorded any more
    child.kill().unwrap();
    child.wait().unwrap();
}

fn intents(state: &State) -> usize {
    let lines = |path: &std::path::PathBuf| watchkeeper::effects::audit::lines(path).unwrap_or_default();
    let files = watchkeeper::effects::audit::files(&state.folder()).unwrap_or_default();
    files.iter().flat_map(lines).flatten().filter(|line| line["event"] == "intent").count()
}

#[test]
fn a_plan_that_stops_in_its_middle_says_what_it_leaves_until_it_is_continued() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 503, retry_after: None, body: None }).path(WEB).verb("patch").only(2, 1),
    ));
    let seen = state.on(&demo, "emergency-restart hr/team-alpha/shop confirm=shop");
    assert_eq!(seen.code, 5, "{seen:#?}");
    assert!(seen.out.contains("LEFT BEHIND: HelmRelease team-alpha/shop suspended"), "{seen:#?}");
    assert!(seen.last().contains("to continue: watchkeeper"), "{seen:#?}");
    assert!(suspended(&demo));
    let left = state.unfinished();
    assert_eq!((left.len(), left[0].leaves()), (1, "HelmRelease team-alpha/shop suspended".to_owned()));

    // a second one does not take our own suspend for somebody's
    let other = state.on(&demo, "emergency-restart hr/team-alpha/shop confirm=shop --dry-run");
    assert!(other.out.contains("suspended before, with watchkeeper, by demo"), "{other:#?}");

    let seen = continued(&state, &demo, "emergency-restart hr/team-alpha/shop confirm=shop");
    seen.is(0, "done");
    assert!(!suspended(&demo), "what we had suspended is resumed");
    assert_eq!(state.unfinished(), []);
}

#[test]
fn a_suspend_of_somebody_else_since_is_not_ended_by_what_is_continued() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 503, retry_after: None, body: None }).path(WEB).verb("patch").only(2, 1),
    ));
    assert_eq!(state.on(&demo, "emergency-restart hr/team-alpha/shop confirm=shop").code, 5);
    // our own was ended, and flux has suspended it since
    demo.control().with_world(|world| {
        world.edit("HelmRelease", "team-alpha", "shop", |release| {
            for entry in release["metadata"]["managedFields"].as_array_mut().unwrap() {
                if entry["fieldsV1"]["f:spec"]["f:suspend"].is_object() {
                    entry["manager"] = serde_json::json!("flux");
                }
            }
        })
    });
    let seen = continued(&state, &demo, "emergency-restart hr/team-alpha/shop confirm=shop");
    assert!(seen.out.contains("it was suspended before, and stays so"), "{seen:#?}");
    assert!(suspended(&demo), "somebody else wants it so");
}

/// Until it is continued or dismissed, it is an incident wherever somebody looks.
#[test]
fn what_is_unfinished_fails_the_check() {
    let (demo, state) = (demo("quiet"), State::new());
    let check = || {
        let output = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
            .args(["--config".as_ref(), state.config().as_os_str()])
            .args(["--kubeconfig".as_ref(), demo.kubeconfig().as_os_str()])
            .arg("check")
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 503, retry_after: None, body: None }).path(SHOP).verb("patch").only(2, 1),
    ));
    assert_eq!(state.on(&demo, "suspend hr/team-alpha/shop --yes").code, 5);
    let (code, out) = check();
    assert!(code == Some(1) && out.contains("suspend HelmRelease team-alpha/shop"), "{code:?} {out}");
    assert!(out.contains("left behind: HelmRelease team-alpha/shop perhaps suspended"), "{out}");
    let run = state.unfinished()[0].run.clone();
    let recorder = watchkeeper::headless::audit::recorder(&state.folder(), clock::now());
    watchkeeper::headless::audit::dismiss(&state.folder(), &run, "looked", recorder, clock::now()).unwrap();
    assert_eq!(check().0, Some(0));
}

#[test]
fn a_kill_between_a_request_and_its_answer_does_not_hide_our_own_suspend() {
    let (demo, state) = (demo("quiet"), State::new());
    // carried out, but its answer never comes
    demo.control().set_faults(Faults::one(Rule::new(Act::Hang(0)).path(SHOP).verb("patch").only(2, 1)));
    killed(&demo, &state, "emergency-restart hr/team-alpha/shop --confirm shop", || suspended(&demo));
    demo.control().set_faults(Faults::default());
    assert_eq!(state.unfinished()[0].leaves(), "HelmRelease team-alpha/shop perhaps suspended");
    let seen = continued(&state, &demo, "emergency-restart hr/team-alpha/shop confirm=shop");
    seen.is(0, "done");
    assert!(seen.out.contains("resumed at the end"), "{seen:#?}");
    assert!(!suspended(&demo));
    assert_eq!(state.unfinished(), []);
}

#[test]
fn of_several_objects_those_are_continued_with_that_are_not_over() {
    let (demo, state) = (demo("quiet"), State::new());
    let refused = Act::Status { code: 403, retry_after: None, body: None };
    let payments = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/team-alpha/helmreleases/payments";
    demo.control().set_faults(Faults::one(Rule::new(refused).path(payments).verb("patch").only(2, 1)));
    let line = "suspend hr/team-alpha/shop hr/team-alpha/payments hr/team-beta/ledger confirm=sre-demo";
    let seen = state.on(&demo, line);
    assert!(seen.code != 0 && seen.out.contains("LEFT BEHIND: HelmRelease team-alpha/shop suspended"), "{seen:#?}");
    demo.control().set_faults(Faults::default());
    let before = writes(&demo).len();
    let seen = continued(&state, &demo, line);
    seen.is(0, "done");
    for name in ["shop", "payments", "ledger"] {
        let undo = format!("resume helmrelease {name} ");
        assert_eq!(seen.out.matches(&undo).count(), 1, "{name}: {seen:#?}");
    }
    let sent = &writes(&demo)[before..];
    assert!(!sent.iter().any(|write| write.contains("/shop")), "nothing is sent again: {sent:?}");
    let is_held = |namespace, name| {
        demo.control().with_world(|w| w.get("HelmRelease", namespace, name).unwrap()["spec"]["suspend"] == true)
    };
    assert!(is_held("team-alpha", "shop") && is_held("team-alpha", "payments") && is_held("team-beta", "ledger"));
    assert_eq!(state.unfinished(), []);
}

#[test]
fn a_run_says_how_it_is_continued_itself_and_of_others_only_that_there_are_some() {
    let (demo, state) = (demo("quiet"), State::new());
    let lost = |path: &str| {
        let act = Act::Status { code: 503, retry_after: None, body: None };
        demo.control().set_faults(Faults::one(Rule::new(act).path(path).verb("patch").only(2, 1)));
    };
    lost(SHOP);
    let seen = state.on(&demo, "suspend hr/team-alpha/shop --yes");
    assert!(seen.code == 5 && seen.last().contains("run suspend HelmRelease/team-alpha/shop"), "{seen:#?}");
    lost(WEB);
    let seen = state.on(&demo, "restart deploy/team-alpha/shop-web confirm=shop-web");
    assert!(seen.code == 5 && !seen.out.contains("run suspend"), "{seen:#?}");
    assert!(seen.last().contains("1 other plan; `watchkeeper audit unfinished` lists them"), "{seen:#?}");
}

#[test]
fn an_undo_that_was_killed_is_only_awaited() {
    let (demo, state) = (demo("quiet"), State::new());
    state.on(&demo, "suspend hr/team-alpha/shop --yes").is(0, "done");
    let image = || ask(&demo, WEB)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    demo.control().with_world(|world| {
        world.edit("Deployment", "team-alpha", "shop-web", |web| {
            web["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/shop:bad".into();
        });
    });
    let bad = image();
    // it waits for its rollout: the request was taken
    demo.control().set_step(Duration::from_secs(6));
    let before = intents(&state);
    killed(&demo, &state, "undo-rollout deploy/team-alpha/shop-web --confirm shop-web", || {
        intents(&state) > before && image() != bad
    });
    let good = image();
    assert_ne!(good, bad);
    demo.control().set_step(Duration::from_millis(200));
    let sent = writes(&demo).len();
    let seen = continued(&state, &demo, "undo-rollout deploy/team-alpha/shop-web confirm=shop-web --yes");
    seen.is(0, "done: rolled out");
    assert!(seen.out.contains("nothing is sent again"), "{seen:#?}");
    assert_eq!((image(), writes(&demo).len()), (good, sent), "it did not go forward to the bad one");
}

#[test]
fn a_backup_that_was_killed_is_not_made_twice() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_step(Duration::from_secs(6));
    let count = || ask(&demo, BACKUPS)["items"].as_array().map_or(0, Vec::len);
    let before = count();
    killed(&demo, &state, "backup schedule/velero/daily-backup --yes", || count() > before);
    demo.control().set_step(Duration::from_millis(200));
    assert!(state.unfinished()[0].left_over().all(|step| step.sends.is_empty()), "what was taken is not left");
    continued(&state, &demo, "backup schedule/velero/daily-backup --yes").is(0, "done: Completed");
    assert_eq!(count(), before + 1);
    assert_eq!(state.unfinished(), []);
}

#[test]
fn an_unfinished_plan_is_continued_for_its_own_objects_and_on_its_own_cluster_alone() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 503, retry_after: None, body: None }).path(SHOP).verb("patch").only(2, 1),
    ));
    assert_eq!(state.on(&demo, "suspend hr/team-alpha/shop --yes").code, 5);
    let run = state.unfinished()[0].run.clone();
    let other = format!("suspend hr/team-beta/orders --yes continue={run}");
    state.on(&demo, &other).is(2, "is another plan");
    // another cluster whose context has the same name
    let twin = super::driver::demo("quiet");
    let here = format!("suspend hr/team-alpha/shop --yes continue={run}");
    state.on(&twin, &here).is(2, "no unfinished plan is called");
    assert_eq!(state.unfinished().len(), 1, "it is not used up by that");
}

static AHEAD: AtomicI64 = AtomicI64::new(0);

fn later() -> Time {
    clock::now().plus(AHEAD.load(Ordering::Relaxed))
}

#[test]
fn an_unlock_that_began_a_plan_lasts_for_that_plan() {
    let (demo, state) = (demo("quiet"), State::new());
    let control = demo.control();
    let jump = std::thread::spawn(move || {
        let until = std::time::Instant::now() + Duration::from_secs(60);
        let is_suspended = || {
            control.with_world(|world| world.get("HelmRelease", "team-alpha", "shop").cloned()).unwrap()["spec"]["suspend"]
                == true
        };
        while !is_suspended() && std::time::Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(10));
        }
        AHEAD.store(1000, Ordering::Relaxed);
    });
    let locked = state.settings(demo.kubeconfig(), None, "readonly-contexts = [\"sre*\"]");
    let line = "emergency-restart hr/team-alpha/shop confirm=shop unlock=incident";
    let seen = State::run_by(locked, line, later);
    jump.join().unwrap();
    seen.is(0, "done");
    assert!(!suspended(&demo), "it is not left suspended because 15 minutes were over");
}

#[test]
fn a_dismissal_needs_a_reason_and_is_recorded() {
    let (demo, state) = (demo("quiet"), State::new());
    demo.control().set_faults(Faults::one(
        Rule::new(Act::Status { code: 503, retry_after: None, body: None }).path(SHOP).verb("patch").only(2, 1),
    ));
    assert_eq!(state.on(&demo, "suspend hr/team-alpha/shop --yes").code, 5);
    let run = state.unfinished()[0].run.clone();
    let dismiss = |reason: &str| {
        let recorder = watchkeeper::headless::audit::recorder(&state.folder(), clock::now());
        watchkeeper::headless::audit::dismiss(&state.folder(), &run, reason, recorder, clock::now())
    };
    assert!(dismiss("  ").unwrap_err().contains("a reason is needed"));
    assert!(dismiss("resumed by hand").is_ok());
    assert_eq!(state.unfinished(), []);
    let line = state.audited().into_iter().find(|line| line["event"] == "dismiss").unwrap();
    assert_eq!(line["reason"], "resumed by hand");
}

#[test]
fn a_drain_that_was_killed_goes_on_with_what_is_left() {
    let (demo, state) = (demo("quiet"), State::new());
    // what is evicted is still there when it is killed
    demo.control().set_step(Duration::from_mins(1));
    let evicted = || {
        let sent = writes(&demo).into_iter().filter(|line| line.contains("/eviction"));
        sent.map(|line| line.split(['?', ' ']).nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let line = "drain node/worker-3 --confirm sre-demo --set leave-unevictable=yes";
    killed(&demo, &state, line, || evicted().len() >= 3);
    let before = evicted();
    let left = state.unfinished().remove(0);
    assert_eq!((&*left.title, left.leaves()), ("drain Node worker-3", "Node worker-3 cordoned".to_owned()));
    for path in &before {
        assert!(left.sent.iter().any(|(to, _)| to == path), "{path} was sent: {:?}", left.sent);
    }
    demo.control().set_step(Duration::from_millis(200));
    demo.control().advance(Duration::from_mins(2));
    let seen = continued(&state, &demo, "drain node/worker-3 confirm=sre-demo leave-unevictable=yes timeout=60");
    seen.is(0, "none is left that had to go");
    let mut all = evicted();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "no pod is asked to go twice");
    assert!(count > before.len());
    assert_eq!(state.unfinished(), []);
}
