//! The alerting rules of the demo's two Prometheus, as kube-prometheus-stack and the components' own charts have them,
//! with shorter waits: a story of minutes cannot wait for a quarter of an hour.

/// One alerting rule. `for_seconds` is how long it stays pending; the summary may use `{{ $labels.x }}`.
#[derive(Debug)]
pub struct Rule {
    pub group: &'static str,
    pub alert: &'static str,
    pub severity: &'static str,
    pub for_seconds: i64,
    pub query: &'static str,
    pub summary: &'static str,
}

const fn rule(
    group: &'static str,
    alert: &'static str,
    severity: &'static str,
    for_seconds: i64,
    query: &'static str,
    summary: &'static str,
) -> Rule {
    Rule { group, alert, severity, for_seconds, query, summary }
}

/// Of the platform's Prometheus.
#[rustfmt::skip]
pub const PLATFORM: &[Rule] = &[
    rule("general.rules", "Watchdog", "none", 0, "vector(1)", "An alert that should always be firing to certify that Alertmanager is working properly."),
    rule("general.rules", "TargetDown", "warning", 60, "100 * (count by (job, namespace, service) (up == 0) / count by (job, namespace, service) (up)) > 10", "{{ $value }}% of the {{ $labels.job }} targets in {{ $labels.namespace }} are down."),
    rule("general.rules", "InfoInhibitor", "none", 0, "ALERTS{severity=\"info\",alertstate=\"firing\"} == 1 unless on (namespace) ALERTS{alertname!=\"InfoInhibitor\",severity=~\"warning|critical\",alertstate=\"firing\"} == 1", "Info-level alert inhibition."),
    rule("kubernetes-apps", "KubePodCrashLooping", "warning", 60, "max_over_time(kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\"}[5m]) >= 1", "Pod {{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) is in waiting state (reason: CrashLoopBackOff)."),
    rule("kubernetes-apps", "KubePodNotReady", "warning", 90, "sum by (namespace, pod) (max by (namespace, pod) (kube_pod_status_phase{phase=~\"Pending|Unknown\"})) > 0", "Pod {{ $labels.namespace }}/{{ $labels.pod }} has been in a non-ready state for longer than it should."),
    rule("kubernetes-apps", "KubeContainerWaiting", "warning", 120, "sum by (namespace, pod, container) (kube_pod_container_status_waiting_reason{reason!=\"CrashLoopBackOff\"}) > 0", "Container {{ $labels.container }} in pod {{ $labels.namespace }}/{{ $labels.pod }} is waiting."),
    rule("kubernetes-apps", "KubeDeploymentReplicasMismatch", "warning", 90, "kube_deployment_spec_replicas > kube_deployment_status_replicas_available", "Deployment {{ $labels.namespace }}/{{ $labels.deployment }} has not matched the expected number of replicas."),
    rule("kubernetes-apps", "KubeStatefulSetReplicasMismatch", "warning", 90, "kube_statefulset_status_replicas_ready != kube_statefulset_replicas", "StatefulSet {{ $labels.namespace }}/{{ $labels.statefulset }} has not matched the expected number of replicas."),
    rule("kubernetes-apps", "KubeJobFailed", "warning", 0, "kube_job_failed > 0", "Job {{ $labels.namespace }}/{{ $labels.job_name }} failed to complete."),
    rule("kubernetes-apps", "KubeHpaMaxedOut", "warning", 60, "kube_horizontalpodautoscaler_status_current_replicas == kube_horizontalpodautoscaler_spec_max_replicas", "HPA {{ $labels.namespace }}/{{ $labels.horizontalpodautoscaler }} has been running at max replicas."),
    rule("kubernetes-resources", "KubeQuotaAlmostFull", "info", 60, "kube_resourcequota{type=\"used\"} / ignoring (type) kube_resourcequota{type=\"hard\"} > 0.9", "Namespace {{ $labels.namespace }} is using {{ $value }} of its {{ $labels.resource }} quota."),
    rule("kubernetes-storage", "KubePersistentVolumeFillingUp", "critical", 30, "kubelet_volume_stats_available_bytes{job=\"kubelet\"} / kubelet_volume_stats_capacity_bytes{job=\"kubelet\"} < 0.03", "The volume claimed by {{ $labels.persistentvolumeclaim }} in {{ $labels.namespace }} is only {{ $value }} free."),
    rule("kubernetes-storage", "KubePersistentVolumeFillingUp", "warning", 30, "kubelet_volume_stats_available_bytes{job=\"kubelet\"} / kubelet_volume_stats_capacity_bytes{job=\"kubelet\"} < 0.15", "The volume claimed by {{ $labels.persistentvolumeclaim }} in {{ $labels.namespace }} is only {{ $value }} free."),
    rule("kubernetes-system-kubelet", "KubeNodeNotReady", "warning", 30, "kube_node_status_condition{condition=\"Ready\",status=\"true\"} == 0", "{{ $labels.node }} has been unready."),
    rule("kubernetes-system-kubelet", "KubeNodeUnreachable", "critical", 60, "kube_node_status_condition{condition=\"Ready\",status=\"unknown\"} == 1", "{{ $labels.node }} is unreachable and some workloads may be rescheduled."),
    rule("shop.slo", "ShopAvailabilityBurn", "critical", 45, "sum by (namespace) (up{namespace=\"team-alpha\",job=\"shop-api\"}) / count by (namespace) (up{namespace=\"team-alpha\",job=\"shop-api\"}) < 0.5", "Customers see errors: less than half of shop-api answers."),
    rule("flux", "FluxReconciliationFailure", "warning", 120, "gotk_resource_info{ready=\"False\",suspended=\"false\"} == 1", "{{ $labels.customresource_kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} is not ready."),
    rule("flux", "FluxSuspended", "info", 120, "gotk_resource_info{suspended=\"true\"} == 1", "{{ $labels.customresource_kind }} {{ $labels.exported_namespace }}/{{ $labels.name }} is suspended."),
    rule("cert-manager", "CertManagerCertNotReady", "critical", 60, "certmanager_certificate_ready_status{condition!=\"True\"} == 1", "The certificate {{ $labels.exported_namespace }}/{{ $labels.name }} is not ready to serve traffic."),
    rule("cert-manager", "CertManagerCertExpirySoon", "warning", 60, "(certmanager_certificate_expiration_timestamp_seconds > 0) - time() < 7 * 86400", "The certificate {{ $labels.exported_namespace }}/{{ $labels.name }} expires in {{ $value }} seconds."),
    rule("cert-manager", "CertManagerRenewalOverdue", "warning", 60, "(certmanager_certificate_renewal_timestamp_seconds > 0) < time() - 3600", "The renewal of {{ $labels.exported_namespace }}/{{ $labels.name }} is overdue."),
    rule("openbao", "OpenBaoSealed", "critical", 15, "vault_core_unsealed == 0", "OpenBao replica {{ $labels.pod }} is sealed."),
    rule("openbao", "OpenBaoQuorumLost", "critical", 0, "count by (namespace) (vault_core_unsealed == 1) < 2", "OpenBao has lost its quorum: {{ $value }} of 3 replicas are unsealed."),
    rule("external-secrets", "ExternalSecretNotReady", "warning", 60, "externalsecret_status_condition{condition=\"Ready\",status=\"False\"} == 1", "ExternalSecret {{ $labels.exported_namespace }}/{{ $labels.name }} does not sync."),
    rule("velero", "VeleroBackupFailed", "warning", 60, "velero_backup_last_status != 1", "The newest run of schedule {{ $labels.schedule }} did not complete."),
    rule("velero", "VeleroBackupMissed", "warning", 60, "time() - velero_backup_last_successful_timestamp{schedule=\"daily-backup\"} > 93600", "Schedule {{ $labels.schedule }} has no good run for {{ $value }} seconds."),
    rule("velero", "VeleroStorageLocationUnavailable", "warning", 30, "velero_backup_location_status_gauge == 0", "Backup location {{ $labels.backup_location_name }} is unavailable."),
    rule("kubeop", "KubeOPManagerErrors", "warning", 60, "sum by (namespace) (rate(http_request_errors_total[5m])) / sum by (namespace) (rate(http_request_duration_seconds_count[5m])) > 0.01", "{{ $value }} of the manager's requests fail."),
    rule("kubeop", "KubeOPReconcileErrors", "warning", 60, "min_over_time(sum by (namespace, controller) (rate(controller_runtime_reconcile_total{result=\"error\"}[2m]))[3m:30s]) > 0", "Controller {{ $labels.controller }} fails to reconcile."),
    rule("kubeop", "KubeOPAdmissionReplicas", "critical", 60, "kube_deployment_status_replicas_available{namespace=\"kubeop-system\",deployment=~\".*admission.*\"} < kube_deployment_spec_replicas", "{{ $labels.deployment }} has less replicas than it should."),
    rule("kubeop", "KubeOPReconcileSlow", "warning", 60, "histogram_quantile(0.95, sum by (namespace, le) (rate(controller_runtime_reconcile_time_seconds_bucket[5m]))) > 60", "Reconciliations take {{ $value }} seconds."),
];

/// Of the Prometheus that `SLOpilot` brings along.
#[rustfmt::skip]
pub const SLOPILOT: &[Rule] = &[
    rule("slopilot.guardrails", "SLOpilotTSDBHeadSeriesWarning", "warning", 300, "prometheus_tsdb_head_series > 150000", "Active series exceed the expected baseline."),
    rule("slopilot.guardrails", "SLOpilotTSDBHeadSeriesCritical", "critical", 300, "prometheus_tsdb_head_series > 300000", "Active series are significantly above budget."),
    rule("slopilot.guardrails", "SLOpilotScrapeVolumeHigh", "warning", 300, "scrape_samples_scraped > 50000", "Job {{ $labels.job }} returns {{ $value }} samples."),
    rule("slopilot.guardrails", "SLOpilotSampleLimitExceeded", "critical", 0, "increase(prometheus_target_scrapes_exceeded_sample_limit_total[10m]) > 0", "Scrapes exceed the sample limit: data is lost."),
    rule("slopilot.guardrails", "SLOpilotTSDBStorageHigh", "warning", 300, "prometheus_tsdb_storage_blocks_bytes > 32 * 1024 ^ 3", "The storage comes near to its retention limit."),
    rule("slopilot.guardrails", "SLOpilotPrometheusDiskUsageHigh", "warning", 120, "kubelet_volume_stats_used_bytes{persistentvolumeclaim=~\".*prometheus.*\"} / kubelet_volume_stats_capacity_bytes > 0.8", "The volume of Prometheus is {{ $value }} full."),
];
