//! What a batch of changes costs triage in a large cluster in which much fails: measured in this process.

use std::fmt::Write as _;
use std::time::Instant;

use color_eyre::eyre::{Result, ensure, eyre};
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::change::{Batch, Change, Feed, FeedState};
use watchkeeper::domain::interner::Interner;
use watchkeeper::domain::profile::Profiles;
use watchkeeper::domain::record::{KindId, Record};
use watchkeeper::domain::thresholds::Thresholds;
use watchkeeper::kinds::alerts::{self, About, Alert, Confidence};
use watchkeeper::kinds::{self, Api};
use watchkeeper::store::{RowId, Store};
use watchkeeper::triage::{Settings, Triage};

use crate::measure::median;

const NOW: i64 = 1_800_000_000;
const DEPLOYMENTS: usize = 2_000;
const RELEASES: usize = 2_000;
const ALERTS: usize = 10_000;
/// Of so many pods one crashes.
const CRASHES: usize = 200;
/// Rows of a batch, and how many batches are measured.
const BATCH: usize = 100;
const BATCHES: usize = 60;

struct World {
    store: Store,
    triage: Triage,
    intern: Interner,
    thresholds: Thresholds,
    pods: usize,
}

/// The median time of a batch of 100 changes over so many pods, in milliseconds, and what there is to rank.
pub fn time(pods: usize) -> Result<(f64, String)> {
    let mut world = World {
        store: Store::new(kinds::KINDS.len()),
        triage: Triage::default(),
        intern: Interner::default(),
        thresholds: Thresholds::default(),
        pods,
    };
    for kind in kinds::ids() {
        let live = Change::Feed(Feed { state: FeedState::Live, ..Feed::default() });
        world.store.apply(Batch { kind, strings: Vec::new(), changes: vec![live] }, &mut Vec::new());
    }
    let mut touched = world.fill()?;
    let begun = Instant::now();
    world.refresh(&touched);
    let first = begun.elapsed().as_secs_f64() * 1000.0;
    let incidents = world.triage.incidents().len();
    ensure!(incidents > 300, "only {incidents} incidents: there is nothing to rank");
    let mut times = Vec::new();
    for round in 0..BATCHES {
        touched.clear();
        world.change(round, &mut touched)?;
        ensure!(touched.len() >= BATCH, "a batch of {} changes", touched.len());
        let begun = Instant::now();
        world.refresh(&touched);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let worst = times.iter().copied().fold(0.0, f64::max);
    let explained = world.triage.totals().explained;
    let note = format!(
        "triage: {incidents} incidents explain {explained} findings; judging all at once {first:.0} ms; the worst batch {worst:.1} ms"
    );
    Ok((median(&mut times), note))
}

fn kind(name: &str) -> Result<KindId> {
    kinds::by_name(name).ok_or_else(|| eyre!("no kind is called {name}"))
}

impl World {
    fn refresh(&mut self, touched: &[RowId]) {
        let profiles = Profiles::default();
        let settings = Settings { thresholds: &self.thresholds, core: &[], profiles: &profiles };
        self.triage.refresh(&mut self.store, touched, None, &settings, Time(NOW));
    }

    fn put(&mut self, kind: KindId, records: Vec<Record>, touched: &mut Vec<RowId>) {
        let changes = records.into_iter().map(Change::Upsert).collect();
        self.store.apply(Batch { kind, strings: self.intern.unshipped(), changes }, touched);
    }

    fn read(&mut self, name: &str, json: &str) -> Result<Record> {
        let Api::Watch { decode, .. } = kinds::spec(kind(name)?).api else { return Err(eyre!("{name} is polled")) };
        decode(json, &mut self.intern).record.map_err(|bad| eyre!("{}: {}", bad.name, bad.error))
    }

    fn fill(&mut self) -> Result<Vec<RowId>> {
        let mut touched = Vec::new();
        for (name, count, json) in [
            ("Node", 400, node as fn(usize) -> String),
            ("HelmRelease", RELEASES, |n| release(n, n.is_multiple_of(40), 0)),
            ("Deployment", DEPLOYMENTS, |n| deployment(n, n.is_multiple_of(25))),
        ] {
            let records: Result<Vec<Record>> = (0..count).map(|n| self.read(name, &json(n))).collect();
            self.put(kind(name)?, records?, &mut touched);
        }
        let records: Result<Vec<Record>> =
            (0..self.pods).map(|n| self.read("Pod", &pod(n, n.is_multiple_of(CRASHES), 3))).collect();
        self.put(kind("Pod")?, records?, &mut touched);
        let records = (0..ALERTS).map(|n| alerts::read(&alert(n, 0), &mut self.intern)).collect();
        self.put(kind("Alert")?, records, &mut touched);
        Ok(touched)
    }

    /// A batch: pods that restart, begin and cease to crash, releases that fail and recover, alerts that come and go.
    fn change(&mut self, round: usize, touched: &mut Vec<RowId>) -> Result<()> {
        let spread = |n: usize| (round * 7919 + n * 613) % self.pods;
        let picked: Vec<usize> = (0..80).map(spread).collect();
        let mut records = Vec::new();
        for (at, n) in picked.into_iter().enumerate() {
            let crashes = n.is_multiple_of(CRASHES) || at < 10;
            records.push(self.read("Pod", &pod(n, crashes, 4 + round))?);
        }
        self.put(kind("Pod")?, records, touched);
        let mut records = Vec::new();
        for at in 0..10 {
            let n = (round * 31 + at * 197) % RELEASES;
            records.push(self.read("HelmRelease", &release(n, (round + at).is_multiple_of(2), round + 1))?);
        }
        self.put(kind("HelmRelease")?, records, touched);
        let records = (0..10)
            .map(|at| alerts::read(&alert((round * 37 + at * 997) % ALERTS, round + 1), &mut self.intern))
            .collect();
        self.put(kind("Alert")?, records, touched);
        Ok(())
    }
}

fn at(seconds: i64) -> String {
    jiff::Timestamp::from_second(NOW - seconds).unwrap_or_default().to_string()
}

fn space(deployment: usize) -> String {
    format!("team-{:03}", deployment % 200)
}

fn node(n: usize) -> String {
    let status = if n < 2 { "False" } else { "True" };
    format!(
        r#"{{"metadata":{{"name":"node-{n}","uid":"node {n}"}},"status":{{"conditions":[{{"type":"Ready","status":"{status}",
        "lastTransitionTime":"{}"}}]}}}}"#,
        at(3600)
    )
}

fn pod(n: usize, crashes: bool, restarts: usize) -> String {
    let deployment = n % DEPLOYMENTS;
    let (space, since) = (space(deployment), at(1800 + (n % 600).cast_signed() as i64));
    let state = if crashes {
        format!(
            r#""ready":false,"restartCount":{restarts},"state":{{"waiting":{{"reason":"CrashLoopBackOff"}}}},
            "lastState":{{"terminated":{{"reason":"Error","exitCode":1}}}}"#
        )
    } else {
        format!(r#""ready":true,"restartCount":{restarts},"state":{{"running":{{}}}}"#)
    };
    format!(
        r#"{{"metadata":{{"name":"app-{deployment}-abc-{n}","namespace":"{space}","uid":"pod {n}",
        "labels":{{"pod-template-hash":"abc"}},
        "ownerReferences":[{{"kind":"ReplicaSet","name":"app-{deployment}-abc","controller":true}}]}},
        "spec":{{"nodeName":"node-{}","containers":[{{"name":"main"}}]}},
        "status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"{}","lastTransitionTime":"{since}"}}],
        "containerStatuses":[{{"name":"main",{state}}}]}}}}"#,
        n % 400,
        if crashes { "False" } else { "True" },
    )
}

fn deployment(n: usize, fails: bool) -> String {
    let condition = if fails {
        format!(
            r#"{{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"x","lastTransitionTime":"{}"}}"#,
            at(1700)
        )
    } else {
        r#"{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}"#.to_owned()
    };
    let ready = if fails { 1 } else { 25 };
    format!(
        r#"{{"metadata":{{"name":"app-{n}","namespace":"{}","uid":"deployment {n}","labels":{{
        "helm.toolkit.fluxcd.io/name":"release-{n}","helm.toolkit.fluxcd.io/namespace":"flux-system"}}}},
        "spec":{{"replicas":25}},"status":{{"replicas":25,"updatedReplicas":25,"readyReplicas":{ready},
        "availableReplicas":{ready},"conditions":[{condition}]}}}}"#,
        space(n)
    )
}

/// Chains of twenty, of which the first fails in every second one and the others wait.
fn release(n: usize, fails: bool, revision: usize) -> String {
    let place = n % 20;
    let mut depends = String::new();
    if place > 0 {
        let _ = write!(depends, r#""dependsOn":[{{"name":"release-{}"}}]"#, n - 1);
    }
    let waits = place > 0 && (n / 20).is_multiple_of(2);
    let condition = match (fails, waits) {
        (true, _) => r#""status":"False","reason":"UpgradeFailed","message":"context deadline exceeded""#.to_owned(),
        (_, true) => format!(
            r#""status":"False","reason":"DependencyNotReady","message":"dependency 'flux-system/release-{}' is not ready""#,
            n - 1
        ),
        _ => r#""status":"True","reason":"UpgradeSucceeded""#.to_owned(),
    };
    format!(
        r#"{{"metadata":{{"name":"release-{n}","namespace":"flux-system","uid":"release {n}"}},"spec":{{{depends}}},
        "status":{{"lastAttemptedRevision":"1.0.{revision}","conditions":[{{"type":"Ready",{condition},
        "lastTransitionTime":"{}"}}]}}}}"#,
        at(1500 + (n % 300).cast_signed() as i64)
    )
}

/// Alerts about pods, about deployments, and about no more than a namespace.
fn alert(n: usize, round: usize) -> Alert {
    let deployment = n % DEPLOYMENTS;
    let about = |kind: &str, name: String| {
        Some(About { kind: kind.to_owned(), namespace: space(deployment), name, confidence: Confidence::Exact })
    };
    let (name, about) = match n % 3 {
        0 => ("KubePodCrashLooping", about("Pod", format!("app-{deployment}-abc-{n}"))),
        1 => ("KubeDeploymentReplicasMismatch", about("Deployment", format!("app-{deployment}"))),
        _ => ("HighLatency", None),
    };
    Alert {
        identity: format!("alert {n}"),
        name: name.to_owned(),
        namespace: space(deployment),
        severity: if n.is_multiple_of(50) { "critical" } else { "warning" }.to_owned(),
        about,
        summary: format!("value {round}"),
        since: Some(Time(NOW - 1600 - (n % 500).cast_signed() as i64)),
        ..Alert::default()
    }
}
