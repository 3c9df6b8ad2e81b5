//! Which object an alert is about, from its labels alone. Never guesses a name: without a telling label the answer is
//! the namespace, and the confidence says so.

use std::sync::LazyLock;

use super::labels::Labels;
use crate::domain::record::KindId;
use crate::kinds;
use crate::kinds::alerts::{About, Confidence};

/// Labels that name an object of one kind, as the rows of the kinds have them, most telling first. The node comes last:
/// the kubelet's volume metrics carry the claim and the node. What other labels have to tell apart is asked before.
static NAMING: LazyLock<Vec<(&str, KindId)>> = LazyLock::new(|| {
    let apart = |label: &str| matches!(label, "name" | "pod" | "schedule");
    let labels = kinds::ids().filter_map(|id| Some((kinds::spec(id).alarm.label()?, id)));
    let mut naming: Vec<_> = labels.filter(|(label, _)| !apart(label)).collect();
    naming.sort_by_key(|(_, id)| *id == kinds::NODE);
    naming
});

/// Scrape jobs whose targets are nodes: their `instance` is a node's address, their `pod` the exporter.
const NODE_JOBS: [&str; 2] = ["node-exporter", "kubelet"];

/// The namespace that an alert speaks of; empty for the cluster.
pub fn namespace(labels: &Labels) -> &str {
    own(labels, "namespace").unwrap_or("")
}

/// The value of the metric itself before the one of the scraped target, as Prometheus renames on a clash.
fn own<'l>(labels: &'l Labels, name: &str) -> Option<&'l str> {
    labels.get(&format!("exported_{name}")).or_else(|| labels.get(name))
}

/// The object, if a label names one.
pub fn object(labels: &Labels) -> Option<About> {
    let space = namespace(labels);
    let about_any = |kind: &str, name: &str, confidence| {
        let namespace = if kind == kinds::name(kinds::NODE) { "" } else { space };
        Some(About { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned(), confidence })
    };
    let about = |kind, name: &str, confidence| about_any(kinds::name(kind), name, confidence);
    let name = own(labels, "name");
    if let (Some(kind), Some(name)) = (labels.get("customresource_kind").or_else(|| own(labels, "kind")), name) {
        return about_any(kind, name, Confidence::Exact);
    }
    // cert-manager's metrics name no kind
    if let (Some(name), Some(_)) = (name, labels.get("issuer_kind").or_else(|| labels.get("issuer_name"))) {
        return about(kinds::CERTIFICATE, name, Confidence::Exact);
    }
    // what aggregates them drops the issuer as well
    if let Some(name) = name.filter(|_| labels.get("alertname").is_some_and(is_of_certificates)) {
        return about(kinds::CERTIFICATE, name, Confidence::Likely);
    }
    if let Some(schedule) = labels.get("schedule").filter(|_| from(labels, "velero")) {
        return about(kinds::SCHEDULE, schedule, Confidence::Exact);
    }
    let of_node = NODE_JOBS.iter().any(|job| from(labels, job));
    if let Some(pod) = pod(labels).filter(|_| !from(labels, "node-exporter")) {
        return about(kinds::POD, pod, Confidence::Exact);
    }
    for (label, kind) in &*NAMING {
        if let Some(name) = own(labels, label) {
            return about(*kind, name, Confidence::Exact);
        }
    }
    if let Some(name) = own(labels, "nodename") {
        return about(kinds::NODE, name, Confidence::Exact);
    }
    own(labels, "instance")
        .filter(|_| of_node)
        .and_then(|instance| about(kinds::NODE, host(instance), Confidence::Likely))
}

/// `CertManagerCertNotReady`, and no `CertManagerIssuerNotReady`.
fn is_of_certificates(alert: &str) -> bool {
    alert.replace("CertManager", "").contains("Cert")
}

/// The pod that an alert is about, unless the label names the exporter that was scraped.
fn pod(labels: &Labels) -> Option<&str> {
    if let Some(pod) = labels.get("exported_pod") {
        return Some(pod);
    }
    // the metric has a namespace of its own, so this pod belongs to the target
    if labels.get("exported_namespace").is_some() {
        return None;
    }
    let pod = labels.get("pod")?;
    // kube-state-metrics keeps its own pod where the metric has none
    let names_another = NAMING.iter().any(|(label, _)| own(labels, label).is_some());
    let exporter = labels.get("container") == Some("kube-state-metrics") || pod.contains("kube-state-metrics");
    (!(exporter && names_another)).then_some(pod)
}

/// Whether the alert comes from a scrape job or container of this name.
fn from(labels: &Labels, job: &str) -> bool {
    ["job", "container", "service"].iter().any(|l| labels.get(l).is_some_and(|v| v == job || ends_with_part(v, job)))
}

/// `monitoring-prometheus-node-exporter` is a `node-exporter`.
fn ends_with_part(value: &str, part: &str) -> bool {
    value.strip_suffix(part).is_some_and(|head| head.ends_with(['-', '/']))
}

/// The host of `host:port`, `[v6]:port` or a bare host.
fn host(instance: &str) -> &str {
    if let Some(rest) = instance.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match instance.rsplit_once(':') {
        Some((host, _)) if !host.contains(':') => host,
        _ => instance,
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::tests::labels;
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_pod(
        "alertname=KubePodCrashLooping,namespace=shop,pod=cart-1,container=cart,job=kube-state-metrics",
        "Pod shop/cart-1 exact"
    )]
    #[case::not_the_exporter(
        "namespace=shop,deployment=cart,pod=mon-kube-state-metrics-1,container=kube-state-metrics",
        "Deployment shop/cart exact"
    )]
    #[case::the_exporter_itself(
        "namespace=monitoring,pod=mon-kube-state-metrics-1,job=kube-state-metrics",
        "Pod monitoring/mon-kube-state-metrics-1 exact"
    )]
    #[case::node_by_metric(
        "node=n1,pod=mon-kube-state-metrics-1,container=kube-state-metrics,namespace=monitoring",
        "Node /n1 exact"
    )]
    #[case::node_by_address(
        "instance=10.0.0.7:9100,job=node-exporter,pod=ne-1,namespace=monitoring",
        "Node /10.0.0.7 likely"
    )]
    #[case::node_by_chart_job(
        "instance=[fd00::7]:9100,job=kps-prometheus-node-exporter,namespace=monitoring",
        "Node /fd00::7 likely"
    )]
    #[case::claim_before_node(
        "namespace=db,persistentvolumeclaim=data-0,node=n1,instance=10.0.0.7:10250,job=kubelet",
        "PersistentVolumeClaim db/data-0 exact"
    )]
    #[case::flux(
        "customresource_kind=HelmRelease,name=loki,exported_namespace=logging,namespace=monitoring,pod=ksm-1",
        "HelmRelease logging/loki exact"
    )]
    #[case::flux_controller(
        "kind=Kustomization,name=apps,exported_namespace=flux-system,pod=kustomize-controller-1,namespace=flux-system",
        "Kustomization flux-system/apps exact"
    )]
    #[case::certificate(
        "name=loki-tls,issuer_kind=ClusterIssuer,exported_namespace=logging,namespace=cert-manager,pod=cm-1",
        "Certificate logging/loki-tls exact"
    )]
    #[case::certificate_without_its_issuer(
        "alertname=CertManagerCertNotReady,name=loki-tls,exported_namespace=logging,namespace=cert-manager,condition=False",
        "Certificate logging/loki-tls likely"
    )]
    #[case::an_issuer_is_no_certificate("alertname=CertManagerIssuerNotReady,name=ca,namespace=cert-manager", "")]
    #[case::velero("schedule=daily-backup,job=velero,namespace=velero", "Schedule velero/daily-backup exact")]
    #[case::exported_pod(
        "exported_pod=cart-1,exported_namespace=shop,pod=ksm-1,namespace=monitoring",
        "Pod shop/cart-1 exact"
    )]
    #[case::job("namespace=shop,job_name=migrate,job=kube-state-metrics", "Job shop/migrate exact")]
    #[case::quota(
        "namespace=shop,resourcequota=team,resource=pods,job=kube-state-metrics,pod=mon-kube-state-metrics-1",
        "ResourceQuota shop/team exact"
    )]
    #[case::ingress(
        "exported_namespace=shop,ingress=web,namespace=ingress-nginx,pod=ingress-nginx-1,service=controller",
        "Ingress shop/web exact"
    )]
    #[case::namespace_alone("namespace=shop,instance=10.1.2.3:8080,job=api", "")]
    #[case::exporters_pod_is_not_the_object("exported_namespace=shop,namespace=monitoring,pod=blackbox-1", "")]
    #[case::cluster("alertname=Watchdog", "")]
    fn labels_name_the_object(#[case] set: &str, #[case] expected: &str) {
        let told = object(&labels(set))
            .map_or(String::new(), |a| format!("{} {}/{} {}", a.kind, a.namespace, a.name, a.confidence.word()));
        assert_eq!(told, expected);
    }

    #[test]
    fn the_metrics_namespace_stands_before_the_targets() {
        assert_eq!(namespace(&labels("namespace=monitoring,exported_namespace=shop")), "shop");
        assert_eq!(namespace(&labels("alertname=X")), "");
    }
}
