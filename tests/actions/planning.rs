//! Plans made from objects that are given by hand: what an action reads is answered from a table, and nothing is sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchkeeper::actions::{self, Apis, Have, Input, Known, Labels, Target};
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::outcome::Unfinished;
use watchkeeper::domain::plan::{Plan, Stop};
use watchkeeper::domain::record::{Key, KindId, Uid};
use watchkeeper::domain::reply::Unread;
use watchkeeper::domain::served::Served;
use watchkeeper::domain::way::Way;

pub const NOW: &str = "2026-11-21T14:00:00Z";

/// The answer to a path.
type Answer = Box<dyn Fn(&str) -> Result<Value, Unread>>;

/// What there is, and what was said.
pub struct Given {
    /// Kind, namespace and name of the target.
    pub target: (&'static str, String, String),
    pub labels: Labels,
    /// The answer to a path: an object, a list, or none.
    pub answer: Answer,
    pub set: BTreeMap<String, String>,
    pub reason: String,
    pub operator: String,
    pub way: Way,
    pub continues: Option<Unfinished>,
}

impl Given {
    pub fn new(
        kind: &'static str,
        namespace: &str,
        name: &str,
        answer: impl Fn(&str) -> Result<Value, Unread> + 'static,
    ) -> Self {
        Self {
            target: (kind, namespace.to_owned(), name.to_owned()),
            labels: Labels::new(),
            answer: Box::new(answer),
            set: BTreeMap::new(),
            reason: "a reason".to_owned(),
            operator: "jo".to_owned(),
            way: Way { context: "prod".to_owned(), ..Way::default() },
            continues: None,
        }
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.set.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The plan of an action, or why there is none. What is set and is no setting of it is left out.
    pub fn plan(&self, action: &str) -> Result<Plan, String> {
        self.plan_of(&[&self.target.2], action)
    }

    /// The same for several of the target's kind and namespace.
    pub fn plan_of(&self, names: &[&str], action: &str) -> Result<Plan, String> {
        let (kind, namespace, _) = &self.target;
        let target = |name: &&str| {
            let key = Key {
                kind: KindId(0),
                namespace: namespace.as_str().into(),
                name: (*name).into(),
                uid: Uid::default(),
            };
            Target { kind, key, labels: self.labels.clone(), component: None, known: Known::default() }
        };
        let targets: Vec<Target> = names.iter().map(target).collect();
        let (apis, mut have) = (apis(), Have::new());
        let action = actions::by_name(action).unwrap();
        let mut set = self.set.clone();
        set.retain(|name, _| action.fields.iter().any(|field| field.name == name));
        for _ in 0..8 {
            let input = Input {
                targets: &targets,
                have: &have,
                apis: &apis,
                set: &set,
                reason: &self.reason,
                operator: &self.operator,
                context: "prod",
                way: &self.way,
                now: Time::parse(NOW).unwrap(),
                zone: &jiff::tz::TimeZone::UTC,
                token: "2026-11-21T14:00:00.000000001Z",
                core: &["kube-system".to_owned(), "monitoring".to_owned()],
                alerts: &[],
                blind: None,
                seals: &[],
                continues: self.continues.as_ref(),
            };
            match actions::plan(action, &input) {
                Ok(plan) => return Ok(plan),
                Err(Stop::Refuse(why)) => return Err(why),
                Err(Stop::Need(paths)) => {
                    have.extend(paths.into_iter().map(|path| {
                        let answer = (self.answer)(&path);
                        (path, answer)
                    }));
                }
            }
        }
        panic!("{} asks without an end", action.name)
    }
}

pub fn absent() -> Unread {
    Unread { absent: true, why: "not found".to_owned() }
}

pub fn forbidden() -> Unread {
    Unread { absent: false, why: "no access".to_owned() }
}

/// The plural of a path, and whether it is of one object.
pub fn parts(path: &str) -> (&str, bool) {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let rest = if parts[0] == "api" { &parts[2..] } else { &parts[3..] };
    match rest {
        ["namespaces", _, plural] | [plural] => (plural, false),
        ["namespaces", _, plural, ..] | [plural, ..] => (plural, true),
        [] => panic!("{path}"),
    }
}

/// A list of these.
pub fn items(items: &[Value]) -> Value {
    json!({ "items": items })
}

fn apis() -> Apis {
    const KINDS: &[(&str, &str, &str, &str)] = &[
        ("HelmRelease", "helm.toolkit.fluxcd.io", "v2", "helmreleases"),
        ("Kustomization", "kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
        ("GitRepository", "source.toolkit.fluxcd.io", "v1", "gitrepositories"),
        ("HelmRepository", "source.toolkit.fluxcd.io", "v1", "helmrepositories"),
        ("HelmChart", "source.toolkit.fluxcd.io", "v1", "helmcharts"),
        ("OCIRepository", "source.toolkit.fluxcd.io", "v1", "ocirepositories"),
        ("Bucket", "source.toolkit.fluxcd.io", "v1", "buckets"),
        ("ArtifactGenerator", "source.extensions.fluxcd.io", "v1beta1", "artifactgenerators"),
        ("ResourceSet", "fluxcd.controlplane.io", "v1", "resourcesets"),
        ("Certificate", "cert-manager.io", "v1", "certificates"),
        ("Issuer", "cert-manager.io", "v1", "issuers"),
        ("ExternalSecret", "external-secrets.io", "v1", "externalsecrets"),
        ("Backup", "velero.io", "v1", "backups"),
        ("Restore", "velero.io", "v1", "restores"),
        ("Schedule", "velero.io", "v1", "schedules"),
        ("BackupStorageLocation", "velero.io", "v1", "backupstoragelocations"),
    ];
    let served = |(kind, group, version, plural): &(&'static str, &str, &str, &str)| {
        let served = Served {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
            plural: (*plural).to_owned(),
            namespaced: true,
        };
        (*kind, served)
    };
    KINDS.iter().map(served).collect()
}
