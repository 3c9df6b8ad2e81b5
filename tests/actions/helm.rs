//! A rollback with the real helm, where it is installed. It reads and writes the release's Secrets, so this is the one
//! action here that the lab's `admin` does.

use std::path::Path;

use serde_json::Value;

use super::driver::State;
use super::tools::{Tools, installed};

const RELEASE: &str = "hr/flux-system/istio-base";
const NAMESPACE: &str = "istio-system";

/// Rolls a release back and lets Flux have it again; what was wrong.
pub fn rolled_back(folder: &Path, state: &State) -> Vec<String> {
    if !installed("helm") {
        println!("SKIPPED: helm is not installed, so nothing is rolled back");
        return Vec::new();
    }
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
    check(format!("rollback: {}", seen.last()), seen.code == 0 && seen.last().contains("left to you: change Git"));
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
