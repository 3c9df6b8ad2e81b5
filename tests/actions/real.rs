//! The same actions with real controllers: `WATCHKEEPER_TEST_LAB` names a folder of kubeconfigs (`sre.yaml`,
//! `readonly.yaml`, `namespaced.yaml`) of a cluster that may be changed. Afterwards each object is read back as `kubectl`
//! would read it. One after another: they share the cluster.

use watchkeeper::actions::ACTIONS;

use super::driver::State;

/// Identity, line, exit code, and what the last line says.
type Case = (&'static str, &'static str, u8, &'static str);

const CASES: &[Case] = &[
    ("sre", "suspend ks/flux-system/apps confirm=apps", 0, "done: .spec.suspend is true"),
    ("sre", "suspend ks/flux-system/apps confirm=apps", 4, "it is suspended"),
    ("sre", "reconcile ks/flux-system/apps --yes", 4, "it is suspended"),
    ("sre", "resume ks/flux-system/apps confirm=apps", 0, "done: ReconciliationSucceeded"),
    ("sre", "reconcile ks/flux-system/apps --yes", 0, "done: ReconciliationSucceeded"),
    ("sre", "reconcile-with-source ks/flux-system/apps --yes", 0, "done: ReconciliationSucceeded"),
    ("sre", "suspend git/flux-system/platform confirm=platform", 0, "done: .spec.suspend is true"),
    ("sre", "resume git/flux-system/platform confirm=platform", 0, "done: Succeeded"),
    ("sre", "reconcile git/flux-system/platform --yes", 0, "done: Succeeded"),
    ("sre", "reconcile hr/flux-system/istio-base --yes", 0, "done: "),
    ("sre", "reconcile-with-source hr/flux-system/istio-base --yes", 0, "done: "),
    ("sre", "force hr/flux-system/istio-base confirm=istio-base", 0, "done: UpgradeSucceeded"),
    ("sre", "reset hr/team-alpha/orders --yes", 1, "the attempt failed"),
    ("sre", "recover hr/team-alpha/ledger --yes", 1, "could not resolve ConfigMap"),
    ("sre", "reconcile ks/flux-system/broken-build --yes", 1, "kustomize build failed"),
    ("sre", "restart deploy/team-alpha/frontend confirm=frontend", 0, "done: rolled out"),
    ("sre", "restart sts/team-alpha/db confirm=db", 0, "done: rolled out"),
    ("sre", "restart ds/logging/node-agent confirm=lab", 0, "done: rolled out"),
    ("sre", "scale deploy/team-alpha/frontend replicas=4 confirm=frontend", 0, "done: rolled out, 4 of 4"),
    ("sre", "scale deploy/team-alpha/frontend replicas=2 confirm=frontend", 0, "done: rolled out, 2 of 2"),
    ("sre", "pause-rollout deploy/team-alpha/frontend --yes", 0, "done: .spec.paused is true"),
    ("sre", "restart deploy/team-alpha/frontend confirm=frontend", 4, "is paused"),
    ("sre", "resume-rollout deploy/team-alpha/frontend --yes", 0, "done: rolled out"),
    ("sre", "undo-rollout deploy/team-alpha/frontend confirm=frontend", 4, "would write it back"),
    ("sre", "suspend ks/flux-system/apps confirm=apps", 0, "done"),
    ("sre", "undo-rollout deploy/team-alpha/frontend confirm=frontend", 0, "done: rolled out"),
    ("sre", "resume ks/flux-system/apps confirm=apps", 0, "done"),
    ("sre", "renew cert/team-alpha/web-tls --yes", 0, "done: revision"),
    ("sre", "renew cert/team-beta/shared-a --yes", 4, "is also of shared-b"),
    ("sre", "cordon node/n07 --yes", 0, "done: .spec.unschedulable is true"),
    ("sre", "uncordon node/n07 --yes", 0, "done: .spec.unschedulable is null"),
    ("sre", "drain node/n05 timeout=30 confirm=lab", 0, "done: "),
    ("sre", "uncordon node/n05 --yes", 0, "done"),
    (
        "sre",
        r#"silence ks/flux-system/apps matchers=alertname="Nothing" reason=test duration=10m --yes"#,
        0,
        "done: active until",
    ),
    ("sre", "pause-schedule schedule/velero/daily-backup --yes", 0, "done: .spec.paused is true"),
    ("sre", "unpause-schedule schedule/velero/daily-backup --yes", 0, "done: .spec.paused is false"),
    ("namespaced", "restart deploy/team-alpha/frontend confirm=frontend", 0, "done: rolled out"),
    ("namespaced", "suspend hr/team-alpha/shop --yes", 4, "it would be rejected"),
    ("readonly", "restart deploy/team-alpha/frontend confirm=frontend", 4, "it would be rejected"),
    ("readonly", "suspend hr/team-alpha/shop --yes", 4, "it would be rejected"),
    ("readonly", "renew cert/team-alpha/web-tls --yes", 4, "it would be rejected"),
    ("readonly", "cordon node/n07 --yes", 4, "it would be rejected"),
    ("sre", "emergency-restart hr/flux-system/istio-base confirm=lab", 0, "done: "),
    ("sre", "edit-silence silence/SILENCE duration=20m reason=test --yes", 0, "done: active until"),
    ("sre", "expire-silence silence/SILENCE --yes", 0, "done: expired"),
    ("sre", "delete-pod pod/team-alpha/POD --yes", 0, "done: gone"),
    ("namespaced", "evict pod/team-alpha/POD --yes", 0, "done: gone"),
    ("readonly", "evict pod/team-alpha/POD --yes", 4, "it would be rejected"),
    // Velero's server is not there: what the server says of the request is all there is to see
    ("sre", "backup schedule/velero/daily-backup --dry-run", 0, "undo: "),
    ("readonly", "backup schedule/velero/daily-backup --dry-run", 4, "undo: "),
];

#[test]
#[ignore = "needs a real cluster: WATCHKEEPER_TEST_LAB=FOLDER cargo test --test actions -- --ignored real"]
fn real_controllers_answer_as_the_plans_expect() {
    let folder = super::contract::folder();
    let _alone = super::contract::alone();
    let state = State::new();
    let mut wrong = Vec::new();
    for (user, line, code, says) in CASES {
        let path = folder.join(format!("{user}.yaml"));
        let settings = || state.settings(&path, None, "");
        let mut line = (*line).to_owned();
        for (word, kind, wanted) in [("POD", "pods", "frontend-"), ("SILENCE", "silences", "Nothing")] {
            if line.contains(word) {
                line = line.replace(word, &State::named(settings(), kind, wanted));
            }
        }
        let seen = State::run(settings(), &line);
        let fits = seen.code == *code && seen.last().contains(says);
        println!("{} [{}] {user}: {line}: {}", if fits { "ok   " } else { "WRONG" }, seen.code, seen.last());
        if !fits {
            wrong.push(format!("{user}: {line}: {seen:#?}"));
        }
    }
    state.audited();
    let acted = |name: &str| CASES.iter().any(|(_, line, ..)| line.split_whitespace().next() == Some(name));
    let left: Vec<_> = ACTIONS.iter().map(|a| a.name).filter(|name| *name != "rollback" && !acted(name)).collect();
    println!("not acted on here: {}", left.join(", "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
