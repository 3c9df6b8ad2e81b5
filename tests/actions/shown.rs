//! Every command that is shown can be pasted: a real shell takes it apart into the words that were meant, whatever names,
//! labels, reasons and contexts hold, and it leads to the cluster that was looked at.

use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};
use watchkeeper::actions::ACTIONS;
use watchkeeper::domain::outcome::Unfinished;
use watchkeeper::domain::plan::Plan;
use watchkeeper::domain::way::Way;

use super::planning::{Given, absent, items, parts};

/// What a shell would act on, if it were let.
const EVIL: &str = "x$(touch PWNED)`touch PWNED`;touch PWNED|\"'\\ * ~ {a,b} #!&";
const PLAIN: &str = "web";
const PROGRAMS: [&str; 7] = ["kubectl", "flux", "velero", "cmctl", "helm", "amtool", "watchkeeper"];

/// What `/bin/sh` makes of a line, with a function in place of each program: the program and its arguments.
fn taken(line: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let shell = |script: &str, more: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command.args(more).arg("-c").arg(script).current_dir(folder.path()).env_clear();
        command.output().unwrap()
    };
    let syntax = shell(line, &["-n"]);
    assert!(syntax.status.success(), "{line}\n{}", String::from_utf8_lossy(&syntax.stderr));
    let functions = PROGRAMS.map(|name| format!("{name}() {{ printf '%s\\n' {name} \"$@\"; }}\n")).concat();
    let seen = shell(&format!("{functions}{line}\n"), &[]);
    let (out, err) = (String::from_utf8_lossy(&seen.stdout), String::from_utf8_lossy(&seen.stderr));
    assert!(seen.status.success() && err.is_empty(), "{line}\n{err}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{line} has run something: {left:?}");
    out.lines().map(str::to_owned).collect()
}

/// An object that every action finds what it looks for in, called `name`.
fn object(name: &str) -> Value {
    json!({
        "kind": "X",
        "metadata": {
            "name": name, "namespace": name, "uid": "u", "resourceVersion": "1", "generation": 1,
            "labels": { "app": name }, "annotations": { "deployment.kubernetes.io/revision": "2" },
            "ownerReferences": [{ "kind": "DaemonSet", "name": name, "uid": "u", "controller": true }],
        },
        "spec": {
            "secretName": name, "issuerRef": { "name": name }, "replicas": 3, "schedule": "@daily",
            "template": { "spec": { "containers": [{ "image": name }], "volumes": [{ "secret": { "secretName": name } }] } },
            "chart": { "spec": { "chart": name, "version": "1.x", "sourceRef": { "kind": "HelmRepository", "name": name } } },
            "sourceRef": { "kind": "GitRepository", "name": name },
        },
        "status": {
            "phase": "Completed", "helmChart": format!("{name}/{name}"),
            "history": [{ "version": 2, "name": "web", "status": "deployed", "chartVersion": "1.0.0" },
                { "version": 1, "name": "web", "status": "superseded", "chartVersion": "1.0.0" }],
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
        "startsAt": "2026-11-21T13:00:00Z", "endsAt": "2026-11-21T15:00:00Z", "createdBy": name, "comment": name,
        "matchers": [{ "name": "alertname", "value": name, "isRegex": false, "isEqual": true }],
    })
}

/// A world in which everything is called so.
fn given(action: &str, kind: &'static str, name: &str) -> Given {
    let (name, action) = (name.to_owned(), action.to_owned());
    let (evil, deed) = (name.clone(), action.clone());
    let answer = move |path: &str| {
        if path.starts_with("alertmanager:") {
            return Ok(object(&evil));
        }
        let (plural, one) = parts(path);
        let mut found = object(&evil);
        found["kind"] = json!(kind);
        match plural {
            "helmreleases" | "kustomizations" | "artifactgenerators" | "resourcesets" if deed == "resume" => {
                found["spec"]["suspend"] = json!(true);
                found["metadata"]["annotations"]["fluxcd.controlplane.io/reconcile"] = json!("disabled");
                found["metadata"]["annotations"]["source.extensions.fluxcd.io/reconcile"] = json!("disabled");
            }
            "deployments" if deed == "resume-rollout" => found["spec"]["paused"] = json!(true),
            "nodes" if deed == "uncordon" => {
                found["spec"]["unschedulable"] = json!(true);
                found["metadata"]["annotations"]["watchkeeper.dev/cordoned-by"] = json!("jo");
            }
            "schedules" if deed == "unpause-schedule" => found["spec"]["paused"] = json!(true),
            "pods" if deed != "drain" => found["metadata"]["ownerReferences"][0]["kind"] = json!("StatefulSet"),
            "namespaces" => return Err(absent()),
            "backups" | "poddisruptionbudgets" | "horizontalpodautoscalers" | "certificates" if !one => {
                return Ok(items(&[]));
            }
            "replicasets" => {
                let mut older = found.clone();
                older["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1");
                return Ok(items(&[found, older]));
            }
            "backupstoragelocations" => {
                found["spec"]["default"] = json!(true);
                found["status"] = json!({ "phase": "Available", "lastValidationTime": "2026-11-21T13:59:30Z" });
            }
            _ => {}
        }
        Ok(if one { found } else { items(&[found]) })
    };
    let mut given = Given::new(kind, if kind == "Node" { "" } else { &name }, &name, answer);
    given.operator = name.clone();
    given.reason = name.clone();
    given.way = Way {
        context: name.clone(),
        kubeconfig: format!("{name}.yaml"),
        user: format!("{name}@user"),
        groups: vec![format!("{name}@group")],
        config: format!("{name}.toml"),
    };
    if kind == "Alert" {
        given.labels.insert("alertname".to_owned(), name.clone());
    }
    match &*action {
        "scale" => given.set("replicas", "5"),
        "restore" => given.set("namespace", PLAIN),
        "uncordon" => given.set("any", "yes"),
        "drain" => given.set("unmanaged", "yes"),
        _ => given,
    }
}

/// The kinds that an action is tried on.
fn kinds(action: &str) -> &'static [&'static str] {
    match action {
        "suspend" | "resume" | "reconcile" => &["HelmRelease", "Kustomization", "ArtifactGenerator", "ResourceSet"],
        "reconcile-with-source" => &["HelmRelease", "Kustomization"],
        "force" | "reset" | "recover" | "rollback" | "emergency-restart" => &["HelmRelease"],
        "restart" => &["Deployment", "StatefulSet", "DaemonSet", "Pod"],
        "scale" => &["Deployment", "StatefulSet"],
        "pause-rollout" | "resume-rollout" | "undo-rollout" => &["Deployment"],
        "delete-pod" | "evict" => &["Pod"],
        "silence" => &["Alert", "Deployment"],
        "edit-silence" | "expire-silence" => &["Silence"],
        "renew" => &["Certificate"],
        "force-sync" | "rotate" => &["ExternalSecret"],
        "backup" => &["Schedule", "BackupStorageLocation"],
        "pause-schedule" | "unpause-schedule" => &["Schedule"],
        "restore" | "backup-logs" | "delete-backup" => &["Backup"],
        "restore-logs" => &["Restore"],
        "cordon" | "uncordon" | "drain" => &["Node"],
        other => panic!("{other} is tried on nothing here: add a kind"),
    }
}

/// The commands of a plan: of its steps, and of its undo.
fn commands(plan: &Plan) -> Vec<String> {
    let undo = plan.undo.lines().filter(|line| PROGRAMS.iter().any(|name| line.starts_with(&format!("{name} "))));
    plan.steps
        .iter()
        .map(|step| step.twin.clone())
        .filter(|twin| !twin.is_empty())
        .chain(undo.map(str::to_owned))
        .collect()
}

/// The words that name the context, by program.
fn context(program: &str) -> Option<&'static str> {
    match program {
        "velero" => Some("--kubecontext"),
        "helm" => Some("--kube-context"),
        "amtool" => None,
        _ => Some("--context"),
    }
}

#[test]
fn every_action_shows_commands_that_a_shell_takes_as_they_were_meant() {
    for action in ACTIONS {
        for kind in kinds(action.name) {
            for name in [PLAIN, EVIL, "-n", "--kubeconfig=/tmp/evil", "it's", "a b"] {
                let plan = match given(action.name, kind, name).plan(action.name) {
                    Ok(plan) => plan,
                    // what helm would be given has to be a name
                    Err(why) if action.name == "rollback" && name != PLAIN => {
                        assert!(why.contains("nothing is run for it"), "{why}");
                        continue;
                    }
                    Err(why) => panic!("{} of {kind} {name}: {why}", action.name),
                };
                let shown = commands(&plan);
                assert!(!shown.is_empty(), "{} of {kind} shows no command", action.name);
                for line in &shown {
                    let words = taken(line);
                    let told = format!("{} of {kind} {name:?}: {line}\n{words:#?}", action.name);
                    if let Some(flag) = context(&words[0]) {
                        assert!(words[1] == format!("{flag}={name}") || words[1..3] == [flag, name], "{told}");
                    }
                    // the object by its name, or in a word that ends with it: `deployment/NAME`, `--from-backup=NAME`
                    let of_it =
                        |word: &String| word.ends_with(name) || word.starts_with("--raw=") || word == "restore-web";
                    assert!(words[3..].iter().any(of_it), "{told}");
                }
            }
        }
    }
}

#[test]
fn every_step_that_sends_shows_the_command_that_does_the_same() {
    for action in ACTIONS {
        for kind in kinds(action.name) {
            let plan = given(action.name, kind, PLAIN).plan(action.name).unwrap();
            for step in plan.steps.iter().filter(|step| step.request().is_some()) {
                assert!(!step.twin.is_empty(), "{} of {kind}: {}", action.name, step.what);
            }
        }
    }
}

/// What an argument that begins with a dash would do: it is one after `--`, and never a flag.
#[rstest]
#[case("suspend", "HelmRelease")]
#[case("restart", "Deployment")]
#[case("cordon", "Node")]
#[case("delete-pod", "Pod")]
#[case("renew", "Certificate")]
#[case("delete-backup", "Backup")]
#[case("expire-silence", "Silence")]
fn a_name_that_begins_with_a_dash_is_no_flag(#[case] action: &str, #[case] kind: &'static str) {
    let name = "--all";
    let plan = given(action, kind, name).plan(action).unwrap();
    for line in commands(&plan) {
        let words = taken(&line);
        let dashes = words.iter().position(|word| word == "--");
        if let Some(at) = words.iter().position(|word| word == name) {
            assert!(dashes.is_some_and(|dashes| dashes < at), "{line}");
        }
    }
}

#[test]
fn what_goes_on_with_an_interrupted_plan_is_a_command_for_the_same_cluster() {
    let left = Unfinished {
        run: "7-1".to_owned(),
        action: "drain".to_owned(),
        objects: vec![format!("Node//{EVIL}"), "HelmRelease/a/-b".to_owned()],
        set: [("timeout".to_owned(), EVIL.to_owned())].into(),
        reason: EVIL.to_owned(),
        way: Way { context: EVIL.to_owned(), kubeconfig: "/tmp/a b".to_owned(), ..Way::default() },
        ..Unfinished::default()
    };
    let expected = [
        "watchkeeper",
        "--context",
        EVIL,
        "run",
        "drain",
        &format!("Node/{EVIL}"),
        "HelmRelease/a/-b",
        &format!("--set=timeout={EVIL}"),
        &format!("--reason={EVIL}"),
        "--continue",
        "7-1",
        "--kubeconfig",
        "/tmp/a b",
    ];
    assert_eq!(taken(&left.command()), expected);
}

#[test]
fn a_line_break_in_a_reason_shows_no_command_in_place_of_a_broken_one() {
    let mut silence = given("silence", "Alert", PLAIN);
    silence.reason = "two\nlines".to_owned();
    let plan = silence.plan("silence").unwrap();
    assert!(plan.steps[0].twin.is_empty(), "{}", plan.steps[0].twin);
}
