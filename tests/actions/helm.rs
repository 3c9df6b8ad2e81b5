//! A rollback with the real helm. It reads and writes the release's Secrets, so this is the one
//! action here that the lab's `admin` does. And with one that fails: what it did before only its history can tell.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;
use watchkeeper::demo::Demo;

use super::driver::{State, demo};
use super::tools::{Tools, installed};

const RELEASE: &str = "hr/flux-system/istio-base";
const NAMESPACE: &str = "istio-system";

#[test]
#[ignore = "needs a real cluster and helm: WATCHKEEPER_TEST_LAB=FOLDER cargo test --test actions -- --ignored real"]
fn a_real_helm_rolls_back_and_flux_has_the_release_again() {
    assert!(installed("helm"), "helm is not installed, so nothing can be rolled back");
    let folder = super::contract::folder();
    let _alone = super::contract::alone();
    let state = State::new();
    let wrong = rolled_back(&folder, &state);
    state.audited();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rolls a release back and lets Flux have it again; what was wrong.
fn rolled_back(folder: &Path, state: &State) -> Vec<String> {
    let admin = Tools { kubeconfig: folder.join("admin.yaml") };
    let run = |line: &str| State::run(state.settings(&admin.kubeconfig, None, ""), line);
    let mut wrong = Vec::new();
    let mut check = |what: String, fits: bool| {
        println!("{} {what}", if fits { "ok   " } else { "WRONG" });
        if !fits {
            wrong.push(what);
        }
    };
    let newest = || -> Result<Value, String> {
        let all = admin.json(&format!("helm history istio-base -n {NAMESPACE} -o json"))?;
        Ok(all.as_array().and_then(|all| all.last()).cloned().unwrap_or_default())
    };
    let release = || admin.json("kubectl get hr/istio-base -n flux-system -o json");
    let before = newest().unwrap_or_default();
    let known = release().unwrap_or_default();
    let revisions = known.pointer("/status/history").and_then(Value::as_array).into_iter().flatten();
    let mut revisions: Vec<i64> = revisions.filter_map(|entry| entry["version"].as_i64()).collect();
    revisions.sort_unstable();
    let wanted = revisions.iter().rev().nth(1).copied().unwrap_or_default();

    let dry = run(&format!("rollback {RELEASE} reason=test --dry-run"));
    check(format!("dry run: {}", dry.last()), dry.code == 0 && newest().ok().as_ref() == Some(&before));
    let seen = run(&format!("rollback {RELEASE} reason=test confirm=lab"));
    check(format!("rollback: {}", seen.last()), seen.code == 0 && seen.last().contains("manual step: change Git"));
    let rolled = newest().unwrap_or_default();
    let grown = rolled["revision"].as_i64() == before["revision"].as_i64().map(|n| n + 1);
    let says = rolled["description"] == format!("Rollback to {wanted}") && rolled["status"] == "deployed";
    check(format!("helm says: {rolled}"), grown && says);
    let held = release().unwrap_or_default();
    check("it is suspended".to_owned(), held.pointer("/spec/suspend") == Some(&true.into()));
    let back = run(&format!("resume {RELEASE} confirm=istio-base"));
    check(format!("resume: {}", back.last()), back.code == 0);
    // as the plan warns: Flux does not know the revision that helm made, and upgrades to what Git says
    let after = newest().unwrap_or_default();
    check(format!("helm says: {after}"), after["revision"].as_i64() > rolled["revision"].as_i64());
    wrong
}

/// A helm that fails to roll back, and whose history then ends so; `REV` is the revision that was asked for.
#[rstest]
#[case::all_the_same(
    r#"{"revision": 99, "status": "deployed", "description": "Rollback to REV"}"#,
    0,
    "done: revision 99: Rollback to 1"
)]
#[case::not_even_begun(
    r#"{"revision": 1, "status": "deployed", "description": "Install complete"}"#,
    1,
    "helm: timed out waiting; revision 1 is still the newest"
)]
#[case::broken_off(
    r#"{"revision": 99, "status": "failed", "description": "Release \"shop\" failed: timed out"}"#,
    1,
    "revision 99: Release \"shop\" failed: timed out"
)]
#[case::somebody_elses(
    r#"{"revision": 99, "status": "deployed", "description": "Upgrade complete"}"#,
    5,
    "helm: timed out waiting; last seen: revision 99 is another change"
)]
fn what_a_helm_that_failed_has_done_its_history_tells(#[case] newest: &str, #[case] code: i32, #[case] says: &str) {
    let (demo, state) = (demo("quiet"), State::new());
    let helm = Helm::whose_newest(&newest.replace("REV", "1"));
    let order = "rollback hr/team-alpha/shop --set=revision=1 --reason=bad --confirm=sre-demo";
    let (ended, told) = helm.run(&demo, &state, order);
    assert!(ended == Some(code) && told.contains(says), "{told}");
    let said = state.audited().into_iter().find(|line| line["event"] == "answer" && line["answer"] == "failed");
    assert!(said.is_some_and(|line| line["says"] == "helm: timed out waiting"), "its words are kept");
}

/// What it did is not known from its end, and going on does not make it known: its history is asked again.
#[test]
fn a_rollback_that_is_continued_is_done_when_its_history_says_so() {
    let (demo, state) = (demo("quiet"), State::new());
    let order = "rollback hr/team-alpha/shop --set=revision=1 --reason=bad --confirm=sre-demo";
    let helm = Helm::whose_newest(r#"{"revision": 99, "status": "deployed", "description": "Upgrade complete"}"#);
    let (ended, told) = helm.run(&demo, &state, order);
    assert_eq!(ended, Some(5), "{told}");
    let on = format!("{order} --yes --continue {}", state.unfinished()[0].run);
    let (ended, told) = helm.run(&demo, &state, &on);
    assert!(ended == Some(5) && told.contains("revision 99 is another change"), "{told}");
    assert_eq!(state.unfinished().len(), 1);
    let helm = Helm::whose_newest(r#"{"revision": 100, "status": "deployed", "description": "Rollback to 1"}"#);
    let (ended, told) = helm.run(&demo, &state, &on);
    assert!(ended == Some(0) && told.contains("revision 100: Rollback to 1"), "{told}");
    assert_eq!(state.unfinished(), []);
}

/// A helm that fails to roll back.
struct Helm(tempfile::TempDir);

impl Helm {
    fn whose_newest(entry: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let helm = folder.path().join("helm");
        let script = format!(
            "#!/bin/sh\nif [ $1 = rollback ]; then echo timed out waiting >&2; exit 1; fi\ncat <<'END'\n[{entry}]\nEND\n"
        );
        std::fs::write(&helm, script).unwrap();
        std::fs::set_permissions(&helm, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// The exit code, and all that was printed.
    fn run(&self, demo: &Demo, state: &State, order: &str) -> (Option<i32>, String) {
        drop(state.settings(demo.kubeconfig(), None, ""));
        let output = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
            .args(["--config".as_ref(), state.config().as_os_str()])
            .args(["--kubeconfig".as_ref(), demo.kubeconfig().as_os_str()])
            .arg("run")
            .args(order.split(' '))
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.path().display()))
            .output()
            .unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), told)
    }
}
