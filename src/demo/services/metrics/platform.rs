//! cert-manager, Velero, External Secrets, OpenBao and the monitoring itself, in the words of their own exporters.

use serde_json::Value;

use super::{Found, condition, count, name, namespace, seconds, text};
use crate::demo::world::World;

pub fn collect(world: &World, pods: &[&Value], found: &mut Found) {
    for certificate in world.list("Certificate") {
        of_certificate(certificate, found);
    }
    for secret in world.list("ExternalSecret") {
        let is = condition(secret, "Ready").unwrap_or("Unknown");
        for status in ["True", "False"] {
            found.truth(
                "externalsecret_status_condition",
                &[
                    ("job", "external-secrets"),
                    ("namespace", "external-secrets"),
                    ("exported_namespace", namespace(secret)),
                    ("name", name(secret)),
                    ("condition", "Ready"),
                    ("status", status),
                ],
                is == status,
            );
        }
    }
    velero(world, found);
    for pod in pods {
        let labels = &pod["metadata"]["labels"];
        let at = [("namespace", namespace(pod)), ("pod", name(pod))];
        match text(labels, "/app") {
            "openbao" => {
                found.truth(
                    "vault_core_unsealed",
                    &[at[0], at[1], ("job", "openbao")],
                    labels["openbao-sealed"] == "false",
                );
                found.truth(
                    "vault_core_active",
                    &[at[0], at[1], ("job", "openbao")],
                    labels["openbao-active"] == "true",
                );
            }
            "loki-write" => found.counter(
                "loki_distributor_bytes_received_total",
                &[at[0], at[1], ("job", "loki-write")],
                420_000.0,
            ),
            app if app.starts_with("prometheus-monitoring") => {
                found.gauge(
                    "prometheus_tsdb_head_series",
                    &[at[0], at[1], ("job", "monitoring-kube-prometheus-prometheus")],
                    182_340.0,
                );
                found.gauge(
                    "prometheus_build_info",
                    &[at[0], at[1], ("job", "monitoring-kube-prometheus-prometheus"), ("version", "2.51.0")],
                    1.0,
                );
                found.counter(
                    "prometheus_tsdb_head_samples_appended_total",
                    &[at[0], at[1], ("job", "monitoring-kube-prometheus-prometheus")],
                    12_150.0,
                );
            }
            _ => {}
        }
    }
}

fn of_certificate(certificate: &Value, found: &mut Found) {
    let at = [
        ("job", "cert-manager"),
        ("namespace", "cert-manager"),
        ("exported_namespace", namespace(certificate)),
        ("name", name(certificate)),
        ("issuer_name", text(certificate, "/spec/issuerRef/name")),
        ("issuer_kind", text(certificate, "/spec/issuerRef/kind")),
    ];
    found.gauge(
        "certmanager_certificate_expiration_timestamp_seconds",
        &at,
        seconds(certificate, "/status/notAfter").unwrap_or(0.0),
    );
    found.gauge(
        "certmanager_certificate_renewal_timestamp_seconds",
        &at,
        seconds(certificate, "/status/renewalTime").unwrap_or(0.0),
    );
    let ready = condition(certificate, "Ready").unwrap_or("Unknown");
    for status in ["True", "False", "Unknown"] {
        found.truth(
            "certmanager_certificate_ready_status",
            &[at[0], at[1], at[2], at[3], at[4], at[5], ("condition", status)],
            ready == status,
        );
    }
}

fn velero(world: &World, found: &mut Found) {
    let backups = world.list("Backup");
    for schedule in world.list("Schedule") {
        let at = [("job", "velero"), ("namespace", "velero"), ("schedule", name(schedule))];
        let runs: Vec<&Value> = backups
            .iter()
            .copied()
            .filter(|b| text(b, "/metadata/labels/velero.io~1schedule-name") == name(schedule))
            .collect();
        let of = |phase: &str| runs.iter().filter(|run| text(run, "/status/phase") == phase).count();
        let number = |found: usize| f64::from(u32::try_from(found).unwrap_or(u32::MAX));
        found.gauge("velero_backup_success_total", &at, number(of("Completed")));
        found.gauge("velero_backup_failure_total", &at, number(of("Failed")));
        found.gauge("velero_backup_partial_failure_total", &at, number(of("PartiallyFailed")));
        let good = runs
            .iter()
            .filter(|run| text(run, "/status/phase") == "Completed")
            .filter_map(|run| seconds(run, "/status/startTimestamp"))
            .fold(0.0, f64::max);
        found.gauge("velero_backup_last_successful_timestamp", &at, good);
        // The newest by name is the newest by time. As in life, this lies after a restart; the objects do not.
        found.truth(
            "velero_backup_last_status",
            &at,
            runs.last().is_some_and(|run| text(run, "/status/phase") == "Completed"),
        );
    }
    for location in world.list("BackupStorageLocation") {
        found.truth(
            "velero_backup_location_status_gauge",
            &[("job", "velero"), ("namespace", "velero"), ("backup_location_name", name(location))],
            text(location, "/status/phase") == "Available",
        );
    }
    let items: f64 = backups.iter().map(|backup| count(backup, "/status/progress/itemsBackedUp")).sum();
    found.gauge("velero_backup_items_total", &[("job", "velero"), ("namespace", "velero")], items);
}
