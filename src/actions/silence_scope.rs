//! Whose alerts a silence is for: those of the object, or more when that is requested by name. The proposal matches
//! alerts that are known to be about the object; where there are none, the label by which alerts name such an object;
//! and where there is no such label nothing is proposed: an object is never widened to its namespace.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::input::{Alerted, Input, Target};
use crate::domain::go_regex;
use crate::domain::matcher::{Labels, Matcher, Test, written};
use crate::domain::plan::Stop;
use crate::kinds::{self, Alarm};

/// Labels that name an object, the most telling first: those of the rows of the kinds, and what exporters write besides.
pub static OBJECT: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let besides = ["exported_name", "name", "exported_pod", "pod", "node", "nodename", "instance"];
    let own = kinds::KINDS.iter().filter_map(|kind| kind.alarm.label()).filter(|label| !besides.contains(label));
    own.chain(besides).collect()
});
/// More values than this are not listed in one matcher.
const MOST: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Object,
    Component,
    Namespace,
}

impl Scope {
    pub fn of(input: &Input<'_>) -> Result<Self, Stop> {
        match input.setting("scope") {
            None | Some("object") => Ok(Self::Object),
            Some("component") => Ok(Self::Component),
            Some("namespace") => Ok(Self::Namespace),
            Some(other) => Err(Stop::Refuse(format!("scope is object, component or namespace, not `{other}`"))),
        }
    }

    /// What it covers, in words.
    pub fn told(self, target: &Target) -> String {
        match (self, &target.component) {
            (Self::Component, Some(component)) => format!("it covers every alert of the component {}", component.name),
            (Self::Object, _) => String::new(),
            _ => format!("it covers every alert of the namespace {}", target.key.namespace),
        }
    }
}

/// What is silenced by default.
pub fn propose(input: &Input<'_>) -> Result<Vec<Matcher>, Stop> {
    let target = input.target()?;
    let namespace = &*target.key.namespace;
    match Scope::of(input)? {
        Scope::Namespace if namespace.is_empty() => Err(Stop::refuse("it is in no namespace")),
        Scope::Namespace => Ok(vec![Matcher::equal(spoken_of(namespace, input.alerts), namespace)]),
        Scope::Component => component(target),
        Scope::Object if target.kind == "Alert" => alert(target, input.alerts),
        Scope::Object if target.known.alerts.is_empty() => unseen(target),
        Scope::Object => seen(target, input.alerts),
    }
}

/// The label in which most alerts name a namespace: where `namespace` is the exporter's own, it is the other.
fn spoken_of(namespace: &str, all: &[Labels]) -> &'static str {
    let count =
        |label: &str| all.iter().filter(|labels| labels.get(label).is_some_and(|have| have == namespace)).count();
    if count("exported_namespace") > count("namespace") { "exported_namespace" } else { "namespace" }
}

/// The alerts of a platform's component: of its namespace, and where others share that, of its pods.
fn component(target: &Target) -> Result<Vec<Matcher>, Stop> {
    let Some(component) = &target.component else {
        return Err(Stop::refuse("it belongs to no component of a platform profile that is on: see :platform"));
    };
    let mut found = vec![Matcher::equal("namespace", &component.namespace)];
    if !component.workloads.is_empty() {
        let name = |name: &String| name.split('*').map(go_regex::quoted).collect::<Vec<_>>().join(".*");
        let names: Vec<String> = component.workloads.iter().map(name).collect();
        // a pod has its workload's name, and more
        found.push(Matcher::fits("pod", format!("(?:{})-.+", names.join("|"))));
    }
    Ok(found)
}

/// Labels of an alert that say what it is about, and then whatever tells it from others of its name.
fn alert(target: &Target, all: &[Labels]) -> Result<Vec<Matcher>, Stop> {
    let labels = &target.labels;
    let mut names: BTreeSet<&str> = BTreeSet::new();
    names.extend(["alertname", "namespace", "exported_namespace"].iter().filter(|name| labels.contains_key(**name)));
    let about = target.known.about.as_deref();
    let object: Vec<&str> =
        OBJECT.iter().copied().filter(|name| labels.contains_key(*name) && is_object(name, about)).collect();
    names.extend(object.iter().filter(|name| **name != "instance"));
    // the address is that of the exporter, unless no other label says where it is
    if object == ["instance"] || (object.contains(&"instance") && about == Some("Node")) {
        names.insert("instance");
    }
    if names.is_empty() {
        return Err(Stop::refuse("the labels of this alert are not known"));
    }
    let fits = |names: &BTreeSet<&str>, other: &Labels| names.iter().all(|name| other.get(*name) == labels.get(*name));
    let others = || all.iter().filter(|other| *other != labels && fits(&names_of_alert(labels), other));
    while let Some(other) = others().find(|other| fits(&names, other)) {
        let differs = |name: &&str| labels.get(*name) != other.get(*name);
        let more = OBJECT.iter().copied().chain(["device", "mountpoint", "container"]);
        let more = more.chain(labels.keys().map(String::as_str).filter(|name| *name != "severity")).chain(["severity"]);
        // if this alert has no such label, the matcher requires its absence
        let more = more.chain(other.keys().map(String::as_str));
        match more.filter(|name| !names.contains(name)).find(differs) {
            Some(name) => drop(names.insert(name)),
            None => break,
        }
    }
    Ok(names.into_iter().map(|name| Matcher::equal(name, labels.get(name).map_or("", String::as_str))).collect())
}

fn names_of_alert(labels: &Labels) -> BTreeSet<&'static str> {
    if labels.contains_key("alertname") { BTreeSet::from(["alertname"]) } else { BTreeSet::new() }
}

/// Whether a label names what the alert is about: the pod and the address may be those of the exporter.
fn is_object(label: &str, about: Option<&str>) -> bool {
    match (label, about) {
        ("pod" | "exported_pod", Some(kind)) => kind == "Pod",
        _ => true,
    }
}

/// No firing alert is about it: the label by which alerts would name it, if they do.
fn unseen(target: &Target) -> Result<Vec<Matcher>, Stop> {
    let (namespace, name) = (&*target.key.namespace, &*target.key.name);
    let with = |place: &str, label: &str| {
        let place = Some(Matcher::equal(place, namespace)).filter(|_| !namespace.is_empty());
        place.into_iter().chain([Matcher::equal(label, name)]).collect::<Vec<_>>()
    };
    match kinds::by_name(target.kind).map_or(Alarm::Unnamed, |kind| kinds::spec(kind).alarm) {
        // the exporter of such objects keeps its own namespace in `namespace`
        Alarm::By(label @ "name") => Ok(with("exported_namespace", label)),
        Alarm::By(label) => Ok(with("namespace", label)),
        // a word for whoever sets matchers
        Alarm::Perhaps(label) => Err(Stop::Refuse(refusal(target, Some(written(&with("namespace", label)))))),
        Alarm::Unnamed => Err(Stop::Refuse(refusal(target, None))),
    }
}

fn refusal(target: &Target, perhaps: Option<String>) -> String {
    let mut ways = Vec::new();
    match perhaps {
        Some(matchers) => ways.push(format!("matchers, such as {matchers}")),
        None => ways.push("matchers".to_owned()),
    }
    if target.component.is_some() {
        ways.push("scope=component for all alerts of its component".to_owned());
    }
    if !target.key.namespace.is_empty() {
        ways.push(format!("scope=namespace for all alerts of {}", target.key.namespace));
    }
    format!("no alert is known to be about {}: set {}", target.told(), ways.join(", or "))
}

/// A way to select alerts, and how well it does.
struct Candidate {
    matchers: Vec<Matcher>,
    /// How many alerts about the object it matches, and how many others.
    covers: usize,
    others: usize,
    /// It names the object, or its pods.
    names_it: bool,
}

/// By the labels of alerts that are about it: what matches the most of them, preferably by the object's name and not by
/// a list, and preferably without others.
fn seen(target: &Target, all: &[Labels]) -> Result<Vec<Matcher>, Stop> {
    let known = &target.known.alerts;
    let mut found: Vec<Candidate> = OBJECT.iter().filter_map(|label| by_label(target, label, all)).collect();
    if found.is_empty() {
        found.extend(judged(by_alert(target), false, known, all));
    }
    let best = found
        .into_iter()
        .enumerate()
        .max_by_key(|(at, c)| (c.covers, c.names_it, std::cmp::Reverse(c.others), std::cmp::Reverse(*at)));
    match best {
        Some((_, best)) if best.covers > 0 => Ok(best.matchers),
        _ => unseen(target),
    }
}

fn judged(matchers: Vec<Matcher>, names_it: bool, known: &[Alerted], all: &[Labels]) -> Option<Candidate> {
    let test = Test::of(&matchers).ok()?;
    let covers = known.iter().filter(|alert| test.all(&alert.labels)).count();
    let others =
        all.iter().filter(|labels| test.all(labels) && known.iter().all(|alert| alert.labels != **labels)).count();
    Some(Candidate { matchers, covers, others, names_it })
}

/// Those that carry this label, by its values.
fn by_label(target: &Target, label: &str, all: &[Labels]) -> Option<Candidate> {
    let about = |alert: &&Alerted| alert.labels.contains_key(label) && is_object(label, alert.about.as_deref());
    let members: Vec<&Alerted> = target.known.alerts.iter().filter(about).collect();
    let values: BTreeSet<&str> =
        members.iter().filter_map(|alert| alert.labels.get(label)).map(String::as_str).collect();
    // an exporter's address says nothing of the object
    if label == "instance" && target.kind != "Node" {
        return None;
    }
    let name = &*target.key.name;
    let mut out = place(&members);
    let is_pods = matches!(label, "pod" | "exported_pod") && target.kind != "Pod";
    let one = values.first()?;
    let names_it = if is_pods && values.iter().all(|pod| is_pod_of(pod, name)) {
        out.push(Matcher::fits(label, pods(target, &values)));
        true
    } else if values.len() == 1 {
        out.push(Matcher::equal(label, *one));
        *one == name
    } else if values.len() <= MOST {
        let list: Vec<String> = values.iter().map(|value| go_regex::quoted(value)).collect();
        out.push(Matcher::fits(label, list.join("|")));
        false
    } else {
        return None;
    };
    judged(out, names_it, &target.known.alerts, all)
}

/// The namespace that all of them name, as they write it.
fn place(members: &[&Alerted]) -> Vec<Matcher> {
    for label in ["exported_namespace", "namespace"] {
        let values: BTreeSet<Option<&String>> = members.iter().map(|alert| alert.labels.get(label)).collect();
        if let (1, Some(Some(value))) = (values.len(), values.first()) {
            return vec![Matcher::equal(label, *value)];
        }
    }
    Vec::new()
}

fn is_pod_of(pod: &str, workload: &str) -> bool {
    pod.strip_prefix(workload).is_some_and(|rest| rest.len() > 1 && rest.starts_with('-'))
}

/// Pods come and go: those of a workload by its name. Where pods of others begin so, too, by the form of the rest.
fn pods(target: &Target, values: &BTreeSet<&str>) -> String {
    let name = go_regex::quoted(&target.key.name);
    let rest = match target.kind {
        "Deployment" => "[0-9a-z]+-[0-9a-z]+",
        "StatefulSet" => "[0-9]+",
        "DaemonSet" => "[0-9a-z]+",
        _ => ".*",
    };
    let narrow = format!("{name}-{rest}");
    let fits = |pod: &&str| go_regex::anchored(&narrow).is_ok_and(|regex| regex.is_match(pod));
    if target.known.shared && values.iter().all(fits) { narrow } else { format!("{name}-.*") }
}

/// No label names an object: by their names, within their namespace.
fn by_alert(target: &Target) -> Vec<Matcher> {
    let known: Vec<&Alerted> = target.known.alerts.iter().collect();
    let mut out = place(&known);
    let names: BTreeSet<&str> = known.iter().filter_map(|a| a.labels.get("alertname")).map(String::as_str).collect();
    match (names.len(), names.first()) {
        (1, Some(name)) => out.push(Matcher::equal("alertname", *name)),
        _ => {
            out.push(Matcher::fits("alertname", names.into_iter().map(go_regex::quoted).collect::<Vec<_>>().join("|")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::input::{Component, Known};
    use super::*;
    use crate::domain::record::{Key, KindId, Uid};
    use rstest::rstest;

    fn labels(text: &str) -> Labels {
        text.split(',').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    fn target(kind: &'static str, name: &str, about: &[(&str, &str)]) -> Target {
        let key = Key { kind: KindId(0), namespace: "a".into(), name: name.into(), uid: Uid(1) };
        let alerted = |(set, kind): &(&str, &str)| Alerted {
            labels: labels(set),
            about: Some((*kind).to_owned()).filter(|kind| !kind.is_empty()),
        };
        let known = Known { alerts: about.iter().map(alerted).collect(), ..Known::default() };
        Target { kind, key, labels: Labels::new(), component: None, known }
    }

    fn proposed(target: &Target, others: &[&str]) -> String {
        let mut all: Vec<Labels> = target.known.alerts.iter().map(|alert| alert.labels.clone()).collect();
        all.extend(others.iter().map(|set| labels(set)));
        let found = if target.known.alerts.is_empty() { unseen(target) } else { seen(target, &all) };
        match found {
            Ok(matchers) => written(&matchers),
            Err(Stop::Refuse(why)) => format!("refused: {why}"),
            Err(Stop::Need(_)) => "needs".to_owned(),
        }
    }

    const CRASH: &str = "alertname=Crash,namespace=a,pod=pay-7d-x1,container=app,job=ksm,instance=10.0.0.1:8080";
    const OTHER_POD: &str = "alertname=NotReady,namespace=a,pod=pay-7d-x2,job=ksm";
    const REPLICAS: &str = "alertname=Mismatch,namespace=a,deployment=pay,pod=ksm-1,job=ksm";

    #[rstest]
    #[case::its_pods("Deployment", "pay", &[(CRASH, "Pod"), (OTHER_POD, "Pod")], r#"namespace="a" pod=~"pay-.*""#)]
    #[case::one_pod_of_it("Deployment", "pay", &[(CRASH, "Pod")], r#"namespace="a" pod=~"pay-.*""#)]
    #[case::itself("Deployment", "pay", &[(REPLICAS, "Deployment")], r#"namespace="a" deployment="pay""#)]
    #[case::what_covers_more("Deployment", "pay", &[(REPLICAS, "Deployment"), (CRASH, "Pod"), (OTHER_POD, "Pod")], r#"namespace="a" pod=~"pay-.*""#)]
    #[case::its_dots_are_dots("StatefulSet", "p.q", &[("alertname=C,namespace=a,pod=p.q-0", "Pod")], r#"namespace="a" pod=~"p\\.q-.*""#)]
    #[case::as_the_exporter_says("Certificate", "tls", &[("alertname=C,exported_namespace=a,namespace=cm,name=tls,pod=cm-1", "Certificate")], r#"exported_namespace="a" name="tls""#)]
    #[case::a_schedule("Schedule", "daily", &[("alertname=C,namespace=velero,schedule=daily,job=velero", "Schedule")], r#"namespace="velero" schedule="daily""#)]
    #[case::a_claim("PersistentVolumeClaim", "data", &[("alertname=C,namespace=a,persistentvolumeclaim=data,node=n1", "PersistentVolumeClaim")], r#"namespace="a" persistentvolumeclaim="data""#)]
    #[case::of_pods_of_other_names("HelmRelease", "mon", &[("alertname=C,namespace=a,pod=graf-1", "Pod"), ("alertname=C,namespace=a,pod=prom-0", "Pod")], r#"namespace="a" pod=~"graf-1|prom-0""#)]
    #[case::no_label_names_it("GitRepository", "src", &[("alertname=FetchFailed,namespace=a,job=flux", "")], r#"namespace="a" alertname="FetchFailed""#)]
    #[case::nor_them("GitRepository", "src", &[("alertname=A,namespace=a", ""), ("alertname=B.1,namespace=a", "")], r#"namespace="a" alertname=~"A|B\\.1""#)]
    fn what_is_proposed_matches_the_alerts_that_are_about_it(
        #[case] kind: &'static str,
        #[case] name: &str,
        #[case] about: &[(&str, &str)],
        #[case] expected: &str,
    ) {
        let noise =
            ["alertname=Crash,namespace=a,pod=front-1,job=ksm", "alertname=TargetDown,namespace=monitoring,job=ksm"];
        assert_eq!(proposed(&target(kind, name, about), &noise), expected);
    }

    #[test]
    fn pods_of_a_workload_whose_name_others_begin_with_are_told_by_their_form() {
        let mut payments = target("Deployment", "pay", &[(CRASH, "Pod")]);
        payments.known.shared = true;
        assert_eq!(proposed(&payments, &[]), r#"namespace="a" pod=~"pay-[0-9a-z]+-[0-9a-z]+""#);
        let mut set = target("StatefulSet", "pay", &[("alertname=C,namespace=a,pod=pay-0", "Pod")]);
        set.known.shared = true;
        assert_eq!(proposed(&set, &[]), r#"namespace="a" pod=~"pay-[0-9]+""#);
    }

    #[test]
    fn without_alerts_the_usual_label_is_proposed_and_without_one_nothing() {
        assert_eq!(proposed(&target("Deployment", "pay", &[]), &[]), r#"namespace="a" deployment="pay""#);
        assert_eq!(proposed(&target("HelmRelease", "pay", &[]), &[]), r#"exported_namespace="a" name="pay""#);
        let job = proposed(&target("Job", "pay", &[]), &[]);
        let wanted = r#"refused: no alert is known to be about Job a/pay: set matchers, such as namespace="a" job_name="pay", or scope=namespace for all alerts of a"#;
        assert_eq!(job, wanted);
        let git = proposed(&target("GitRepository", "src", &[]), &[]);
        assert!(git.ends_with("set matchers, or scope=namespace for all alerts of a"), "{git}");
    }

    #[rstest]
    #[case::pods("alertname=Crash,namespace=a,pod=p-1,container=app", "Pod", &["alertname=Crash,namespace=a,pod=p-2,container=app"], r#"alertname="Crash" namespace="a" pod="p-1""#)]
    #[case::targets("alertname=Down,job=api,namespace=a,instance=10.0.0.1:80", "", &["alertname=Down,job=api,namespace=a,instance=10.0.0.2:80"], r#"alertname="Down" instance="10.0.0.1:80" namespace="a""#)]
    #[case::volumes("alertname=Full,instance=n1:9100,device=sda,mountpoint=/", "Node", &["alertname=Full,instance=n1:9100,device=sdb,mountpoint=/"], r#"alertname="Full" device="sda" instance="n1:9100""#)]
    #[case::containers("alertname=Crash,namespace=a,pod=p-1,container=app", "Pod", &["alertname=Crash,namespace=a,pod=p-1,container=side"], r#"alertname="Crash" container="app" namespace="a" pod="p-1""#)]
    #[case::replicas_of_the_application("alertname=RO,namespace=ch,replica=chi-0-0", "", &["alertname=RO,namespace=ch,replica=chi-0-1"], r#"alertname="RO" namespace="ch" replica="chi-0-0""#)]
    #[case::severities_last("alertname=Full,namespace=a,persistentvolumeclaim=d,severity=warning", "PersistentVolumeClaim", &["alertname=Full,namespace=a,persistentvolumeclaim=d,severity=critical"], r#"alertname="Full" namespace="a" persistentvolumeclaim="d" severity="warning""#)]
    #[case::what_the_other_has_more("alertname=Slow,namespace=a", "", &["alertname=Slow,namespace=a,path=/x"], r#"alertname="Slow" namespace="a" path="""#)]
    #[case::not_the_exporters_pod("alertname=Mismatch,namespace=a,deployment=pay,pod=ksm-1,instance=10.0.0.9:8080", "Deployment", &[], r#"alertname="Mismatch" deployment="pay" namespace="a""#)]
    #[case::alone("alertname=Crash,namespace=a,pod=p-1,container=app,job=ksm", "Pod", &["alertname=Other,namespace=a,pod=p-1"], r#"alertname="Crash" namespace="a" pod="p-1""#)]
    fn an_alert_is_told_from_the_others_of_its_name(
        #[case] own: &str,
        #[case] about: &str,
        #[case] others: &[&str],
        #[case] expected: &str,
    ) {
        let mut target = target("Alert", "x", &[]);
        target.labels = labels(own);
        target.known.about = Some(about.to_owned()).filter(|about| !about.is_empty());
        let mut all = vec![target.labels.clone()];
        all.extend(others.iter().map(|set| labels(set)));
        let matchers = alert(&target, &all).unwrap();
        assert_eq!(written(&matchers), expected);
        let test = Test::of(&matchers).unwrap();
        assert!(test.all(&all[0]) && !all[1..].iter().any(|other| test.all(other)));
    }

    #[test]
    fn a_namespace_is_called_as_its_alerts_call_it() {
        let all = [labels("alertname=C,exported_namespace=a,namespace=cm"), labels("alertname=D,namespace=b")];
        assert_eq!(
            (spoken_of("a", &all), spoken_of("b", &all), spoken_of("c", &all)),
            ("exported_namespace", "namespace", "namespace")
        );
    }

    #[test]
    fn a_component_is_its_namespace_and_where_that_is_shared_its_pods() {
        let of = |workloads: &[&str]| Target {
            component: Some(Component {
                name: "grafana".into(),
                namespace: "monitoring".into(),
                workloads: workloads.iter().map(|w| (*w).to_owned()).collect(),
            }),
            ..target("Deployment", "grafana", &[])
        };
        let proposed = |workloads: &[&str]| written(&component(&of(workloads)).unwrap());
        assert_eq!(proposed(&[]), r#"namespace="monitoring""#);
        assert_eq!(proposed(&["*grafana", "a.b"]), r#"namespace="monitoring" pod=~"(?:.*grafana|a\\.b)-.+""#);
        let Err(Stop::Refuse(why)) = component(&target("Deployment", "grafana", &[])) else { panic!("taken") };
        assert!(why.contains("no component"), "{why}");
    }
}
