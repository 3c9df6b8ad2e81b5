//! Every action that has an equal: watchkeeper acts on one object, `kubectl` or `amtool` on an equal one in another
//! namespace or on another node, and what the API server and the controllers then hold of both is compared as a whole.
//! For this the folder of `WATCHKEEPER_TEST_LAB` also holds `admin.yaml`, which makes the objects and removes them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::compare::{bare, differences, leaves};
use super::driver::State;
use super::tools::{Proxy, Tools, installed, until};

const OURS: (&str, &str) = ("twins-ours", "n07");
const THEIRS: (&str, &str) = ("twins-theirs", "n08");
const OBJECTS: &str = include_str!("../data/twins/objects.yaml");
/// Where the sources of the lab are.
const FROM: &[(&str, &str)] =
    &[("GIT", "gitrepo/platform"), ("CHARTS", "helmrepo/charts"), ("BUCKET", "bucket/artifacts")];
const ISSUER: &str = "lab-ca";

/// Our line, the code that it ends with, the lines of the other tools, and what is compared afterwards. NS and NODE are
/// the side's own, TOKEN is a time that was never used, POD is a pod of the Deployment `web`.
type Twin = (&'static str, u8, &'static [&'static str], &'static [&'static str]);

const WEB: &[&str] = &["deploy/web -n NS", "rs -l app=web -n NS", "pods -l app=web -n NS"];
const HELM: &[&str] = &[
    "hr/app -n NS",
    "helmchart/NS-app -n NS",
    "helmrepo/charts -n NS",
    "deploy,rs,pods -l app.kubernetes.io/name=app -n NS",
];

/// `kubectl` on one Flux object: suspend, resume, reconcile, as the flux command does them.
macro_rules! flux {
    ($word:literal, $object:literal, [$($read:literal),*]) => {
        [
            (concat!("suspend ", $word, "/NS/", $object, " --yes"), 0,
             &[concat!("kubectl patch ", $word, "/", $object, r#" -n NS --type=merge -p {"spec":{"suspend":true}}"#)],
             &[concat!($word, "/", $object, " -n NS") $(, $read)*]),
            (concat!("resume ", $word, "/NS/", $object, " --yes"), 0,
             &[concat!("kubectl patch ", $word, "/", $object, r#" -n NS --type=merge -p {"spec":{"suspend":null}}"#)],
             &[concat!($word, "/", $object, " -n NS") $(, $read)*]),
            (concat!("reconcile ", $word, "/NS/", $object, " --yes"), 0,
             &[concat!("kubectl annotate ", $word, "/", $object, " -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN")],
             &[concat!($word, "/", $object, " -n NS") $(, $read)*]),
        ] as [Twin; 3]
    };
}

const FLUX: &[[Twin; 3]] = &[
    flux!("gitrepo", "platform", []),
    flux!("helmrepo", "charts", []),
    flux!("bucket", "artifacts", []),
    flux!("helmchart", "NS-app", []),
    flux!("ks", "apps", ["deploy/frontend -n NS", "configmap/apps -n NS"]),
    flux!("hr", "app", []),
];

const OTHERS: &[Twin] = &[
    (
        "reconcile-with-source ks/NS/apps --yes",
        0,
        &[
            "kubectl annotate gitrepo/platform -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
            "HANDLED gitrepo/platform -n NS",
            "kubectl annotate ks/apps -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
        ],
        &["gitrepo/platform -n NS", "ks/apps -n NS", "deploy/frontend -n NS"],
    ),
    (
        "reconcile-with-source hr/NS/app --yes",
        0,
        &[
            "kubectl annotate helmrepo/charts -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
            "HANDLED helmrepo/charts -n NS",
            "kubectl annotate helmchart/NS-app -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
            "HANDLED helmchart/NS-app -n NS",
            "kubectl annotate hr/app -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
        ],
        HELM,
    ),
    (
        "force hr/NS/app --yes",
        0,
        &[
            "kubectl annotate hr/app -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN reconcile.fluxcd.io/forceAt=TOKEN",
        ],
        HELM,
    ),
    (
        "reset hr/NS/broken --yes",
        1,
        &[
            "kubectl annotate hr/broken -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN reconcile.fluxcd.io/resetAt=TOKEN",
        ],
        &["hr/broken -n NS"],
    ),
    (
        "recover hr/NS/broken --yes",
        1,
        &[
            "kubectl annotate helmrepo/charts -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
            "HANDLED helmrepo/charts -n NS",
            "kubectl annotate helmchart/NS-broken -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN",
            "HANDLED helmchart/NS-broken -n NS",
            "kubectl annotate hr/broken -n NS --overwrite reconcile.fluxcd.io/requestedAt=TOKEN reconcile.fluxcd.io/resetAt=TOKEN",
        ],
        &["hr/broken -n NS", "helmchart/NS-broken -n NS", "helmrepo/charts -n NS"],
    ),
    (
        "emergency-restart hr/NS/app confirm=app",
        0,
        &[
            r#"kubectl patch hr/app -n NS --type=merge -p {"spec":{"suspend":true}}"#,
            "kubectl rollout restart deploy -n NS -l helm.toolkit.fluxcd.io/name=app",
            "kubectl rollout status deploy -n NS -l helm.toolkit.fluxcd.io/name=app",
            r#"kubectl patch hr/app -n NS --type=merge -p {"spec":{"suspend":null}}"#,
        ],
        HELM,
    ),
    (
        "restart deploy/NS/web confirm=web",
        0,
        &["kubectl rollout restart deploy/web -n NS", "kubectl rollout status deploy/web -n NS"],
        WEB,
    ),
    (
        "restart sts/NS/db confirm=db",
        0,
        &["kubectl rollout restart sts/db -n NS", "kubectl rollout status sts/db -n NS"],
        &["sts/db -n NS", "controllerrevisions -l app=db -n NS", "pods -l app=db -n NS"],
    ),
    (
        "restart ds/NS/agent confirm=agent",
        0,
        &["kubectl rollout restart ds/agent -n NS", "kubectl rollout status ds/agent -n NS"],
        &["ds/agent -n NS", "controllerrevisions -l app=agent -n NS", "pods -l app=agent -n NS"],
    ),
    (
        "undo-rollout deploy/NS/web confirm=web",
        0,
        &["kubectl rollout undo deploy/web -n NS", "kubectl rollout status deploy/web -n NS"],
        WEB,
    ),
    (
        "undo-rollout deploy/NS/web revision=2 confirm=web",
        0,
        &["kubectl rollout undo deploy/web -n NS --to-revision=2"],
        WEB,
    ),
    ("pause-rollout deploy/NS/web --yes", 0, &["kubectl rollout pause deploy/web -n NS"], WEB),
    ("resume-rollout deploy/NS/web --yes", 0, &["kubectl rollout resume deploy/web -n NS"], WEB),
    ("scale deploy/NS/web replicas=4 confirm=web", 0, &["kubectl scale deploy/web -n NS --replicas=4"], WEB),
    ("scale deploy/NS/web replicas=2 confirm=web", 0, &["kubectl scale deploy/web -n NS --replicas=2"], WEB),
    (
        "scale sts/NS/db replicas=3 confirm=db",
        0,
        &["kubectl scale sts/db -n NS --replicas=3"],
        &["sts/db -n NS", "pods -l app=db -n NS"],
    ),
    ("delete-pod pod/NS/POD confirm=POD", 0, &["kubectl delete pod/POD -n NS"], WEB),
    ("evict pod/NS/POD --yes", 0, &["EVICT POD"], WEB),
    ("renew cert/NS/web-tls --yes", 0, &["RENEW web-tls"], &["cert/web-tls -n NS", "certificaterequests -n NS"]),
    ("cordon node/NODE --yes", 0, &["kubectl cordon NODE"], &["node/NODE"]),
    ("uncordon node/NODE --yes", 0, &["kubectl uncordon NODE"], &["node/NODE"]),
    (
        "drain node/NODE confirm=lab",
        0,
        &["kubectl drain NODE --ignore-daemonsets"],
        &[
            "node/NODE",
            "deploy/pinned -n NS",
            "rs -l app=pinned -n NS",
            "pods -l app=pinned -n NS",
            "pods -l app=agent -n NS",
        ],
    ),
    (
        "uncordon node/NODE --yes",
        0,
        &["kubectl uncordon NODE"],
        &["node/NODE", "deploy/pinned -n NS", "pods -l app=pinned -n NS"],
    ),
    (
        "pause-schedule schedule/NS/daily --yes",
        0,
        &[r#"kubectl patch schedule/daily -n NS --type=merge -p {"spec":{"paused":true,"skipImmediately":null}}"#],
        &["schedule/daily -n NS"],
    ),
    (
        "unpause-schedule schedule/NS/daily --yes",
        0,
        &[r#"kubectl patch schedule/daily -n NS --type=merge -p {"spec":{"paused":false,"skipImmediately":true}}"#],
        &["schedule/daily -n NS"],
    ),
];

struct Lab {
    folder: PathBuf,
    state: State,
    admin: Tools,
    sre: Tools,
    tokens: u32,
}

impl Lab {
    fn new(folder: &Path) -> Self {
        let tools = |user: &str| Tools { kubeconfig: folder.join(format!("{user}.yaml")) };
        Self { folder: folder.to_owned(), state: State::new(), admin: tools("admin"), sre: tools("sre"), tokens: 0 }
    }

    fn wipe(&self) {
        let both = format!("{} {}", OURS.0, THEIRS.0);
        drop(self.admin.run(&format!("kubectl delete hr,ks --all -n {}", OURS.0), None));
        drop(self.admin.run(&format!("kubectl delete hr,ks --all -n {}", THEIRS.0), None));
        drop(self.admin.run(&format!("kubectl delete namespace {both} --ignore-not-found"), None));
    }

    /// Both sides, made and settled.
    fn make(&self) -> Result<(), String> {
        for (namespace, node) in [OURS, THEIRS] {
            let mut text = OBJECTS.replace("NAMESPACE", namespace).replace("NODE", node).replace("ISSUER", ISSUER);
            for (word, source) in FROM {
                let spec = self.admin.json(&format!("kubectl get {source} -n flux-system -o json"))?;
                let at = if *word == "BUCKET" { "/spec/endpoint" } else { "/spec/url" };
                text = text.replace(word, spec.pointer(at).and_then(Value::as_str).unwrap_or(""));
            }
            self.admin.run("kubectl apply -f -", Some(&text))?;
        }
        for (namespace, _) in [OURS, THEIRS] {
            for object in
                ["gitrepo/platform", "helmrepo/charts", "bucket/artifacts", "ks/apps", "hr/app", "cert/web-tls"]
            {
                let line = format!("kubectl wait {object} -n {namespace} --for=condition=Ready --timeout=120s");
                self.admin.run(&line, None)?;
            }
            for object in ["deploy/web", "deploy/pinned", "sts/db", "ds/agent"] {
                self.admin.run(&format!("kubectl rollout status {object} -n {namespace} --timeout=120s"), None)?;
            }
            let failed = format!("kubectl wait hr/broken -n {namespace} --for=condition=Ready=False --timeout=120s");
            self.admin.run(&failed, None)?;
        }
        Ok(())
    }

    fn read(&self, what: &str, side: (&str, &str)) -> Result<Value, String> {
        let what = what.replace("NS", side.0).replace("NODE", side.1);
        self.admin.json(&format!("kubectl get {what} -o json"))
    }

    fn bare(&self, what: &str, side: (&str, &str)) -> Result<Value, String> {
        Ok(bare(&self.read(what, side)?, &[(side.0, "NS"), (side.1, "NODE")]))
    }

    /// A line of ours or theirs for one side.
    fn line(&self, line: &str, side: (&str, &str)) -> Result<String, String> {
        let mut line = line.replace("NS", side.0).replace("NODE", side.1);
        if line.contains("POD") {
            let pods = self.read("pods -l app=web -n NS", side)?;
            let living = pods["items"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            let name = living.and_then(|pod| pod["metadata"]["name"].as_str()).ok_or("no pod")?;
            line = line.replace("POD", name);
        }
        Ok(line)
    }

    /// What the other tools do.
    fn theirs(&mut self, line: &str) -> Result<(), String> {
        self.tokens += 1;
        let now = watchkeeper::session::clock::now().timestamp();
        let line = self.line(line, THEIRS)?.replace("TOKEN", &format!("{}.{:09}Z", now.strftime("%FT%T"), self.tokens));
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["EVICT", pod] => {
                let body = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod, "namespace": THEIRS.0 } });
                let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", THEIRS.0);
                self.sre.run(&format!("kubectl create --raw {path} -f -"), Some(&body.to_string()))?;
            }
            // as cmctl does it: one condition, put into the status
            ["RENEW", name] => {
                let mut found = self.read(&format!("cert/{name} -n NS"), THEIRS)?;
                let condition = json!({
                    "type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
                    "message": "Certificate re-issuance manually triggered",
                    "observedGeneration": found["metadata"]["generation"], "lastTransitionTime": now.strftime("%FT%TZ").to_string(),
                });
                found["status"]["conditions"].as_array_mut().ok_or("no conditions")?.push(condition);
                self.sre.run("kubectl replace --subresource=status -f -", Some(&found.to_string()))?;
            }
            ["HANDLED", object, ..] => {
                let what = format!("{object} -n NS");
                until(|| {
                    let found = self.read(&what, THEIRS)?;
                    let asked = &found["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
                    if found["status"]["lastHandledReconcileAt"] == *asked {
                        Ok(())
                    } else {
                        Err(format!("{what}: not handled"))
                    }
                })?;
            }
            _ => drop(self.sre.run(&line, None)?),
        }
        Ok(())
    }

    /// Acts on both and compares; how many fields were equal.
    fn twin(&mut self, (ours, code, theirs, reads): &Twin) -> Result<usize, String> {
        let line = self.line(ours, OURS)?;
        let before = self.read(reads[0], OURS)?;
        let settings = self.state.settings(&self.folder.join("sre.yaml"), None, "");
        let seen = State::run(settings, &line);
        if seen.code != *code {
            return Err(format!("wanted {code}: {seen:#?}"));
        }
        for line in *theirs {
            self.theirs(line)?;
        }
        let mut count = 0;
        for what in *reads {
            count += until(|| {
                let (ours, theirs) = (self.bare(what, OURS)?, self.bare(what, THEIRS)?);
                match &differences(&ours, &theirs)[..] {
                    [] => Ok(leaves(&ours)),
                    found => Err(format!("{what}:\n    {}", found.join("\n    "))),
                }
            })?;
        }
        let moved = self.read(reads[0], OURS)?["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"];
        if moved { Ok(count) } else { Err(format!("{} is as it was before: {}", reads[0], seen.last())) }
    }
}

#[test]
#[ignore = "needs a real cluster and kubectl: WATCHKEEPER_TEST_LAB=FOLDER cargo test --test actions -- --ignored real"]
fn real_twins_leave_the_same_objects() {
    compared(twins);
}

#[test]
#[ignore = "needs a real cluster, kubectl and amtool: WATCHKEEPER_TEST_LAB=FOLDER cargo test --test actions -- --ignored real"]
fn real_silences_are_those_of_amtool() {
    assert!(installed("amtool"), "amtool is not installed, so there is nothing to compare with");
    compared(silences);
}

/// Runs a comparison in a lab of its own; nothing of it may be wrong.
fn compared(compare: fn(&mut Lab, &mut Vec<String>)) {
    let folder = super::contract::folder();
    let _alone = super::contract::alone();
    assert!(installed("kubectl"), "kubectl is not installed, so there is nothing to compare with");
    let mut lab = Lab::new(&folder);
    lab.wipe();
    let mut wrong = Vec::new();
    lab.make().unwrap();
    compare(&mut lab, &mut wrong);
    lab.state.audited();
    lab.wipe();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every action of the tables, with kubectl and with ours.
fn twins(lab: &mut Lab, wrong: &mut Vec<String>) {
    for twin in FLUX.iter().flatten().chain(OTHERS) {
        match lab.twin(twin) {
            Ok(count) => println!("ok    {}: {count} fields are equal in {} reads", twin.0, twin.3.len()),
            Err(why) => {
                println!("WRONG {}: {why}", twin.0);
                wrong.push(format!("{}: {why}", twin.0));
            }
        }
    }
}

/// Add, update and expire, with amtool and with ours.
fn silences(lab: &mut Lab, wrong: &mut Vec<String>) {
    let proxy = Proxy::start(&lab.sre.kubeconfig);
    let service = "monitoring/services/http:monitoring-kube-prometheus-alertmanager:9093";
    let base = format!("http://{}/api/v1/namespaces/{service}/proxy", proxy.address);
    let raw = format!("kubectl get --raw /api/v1/namespaces/{service}/proxy/api/v2/silence");
    let user = lab.sre.json("kubectl auth whoami -o json").unwrap();
    let user = user.pointer("/status/userInfo/username").and_then(Value::as_str).unwrap().to_owned();
    let path = lab.folder.join("sre.yaml");
    let mut ids = (String::new(), String::new());
    for (ours, theirs) in [
        (
            r#"silence deploy/NS/web matchers=alertname="twins-ours",job=~"a|b",pod!="x" reason=twins duration=30m --yes"#.to_owned(),
            format!("amtool silence add --author={user} --comment=twins --duration=30m alertname=twins-theirs job=~a|b pod!=x"),
        ),
        ("edit-silence silence/ID reason=twins duration=45m --yes".to_owned(), "amtool silence update --duration=45m ID".to_owned()),
        ("expire-silence silence/ID --yes".to_owned(), "amtool silence expire ID".to_owned()),
    ] {
        let line = lab.line(&ours, OURS).unwrap();
        if line.contains("/ID") {
            ids.0 = State::named(lab.state.settings(&path, None, ""), "silences", OURS.0);
        }
        let seen = State::run(lab.state.settings(&path, None, ""), &line.replace("ID", &ids.0));
        let said = lab.sre.run(&format!("{} --alertmanager.url={base}", theirs.replace("ID", &ids.1)), None);
        if ids.1.is_empty() {
            ids.1 = said.clone().unwrap_or_default().trim().to_owned();
        }
        if ids.0.is_empty() {
            ids.0 = State::named(lab.state.settings(&path, None, ""), "silences", OURS.0);
        }
        let read = |id: &str, name: &str| Ok::<_, String>(bare(&lab.sre.json(&format!("{raw}/{id}"))?, &[(name, "NS")]));
        let found = said.and_then(|_| until(|| {
            let (ours, theirs) = (read(&ids.0, OURS.0)?, read(&ids.1, THEIRS.0)?);
            match &differences(&ours, &theirs)[..] {
                [] => Ok(leaves(&ours)),
                found => Err(found.join("\n    ")),
            }
        }));
        match found {
            Ok(count) if seen.code == 0 => println!("ok    {line}: {count} fields are equal"),
            found => {
                println!("WRONG {line}: {found:?} {}", seen.last());
                wrong.push(format!("{line}: {found:?} {seen:#?}"));
            }
        }
    }
}
