//! Issuers and certificates: most are fine; one fails to renew, one has expired, one is overdue, one is being issued.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::acme;
use super::build::{NOW, condition, meta, owner, time};
use super::moment::{LOKI_CERT, Moment, TEMPO_CERT_ISSUING};

const INTERNAL: &str = "internal-ca";
const PUBLIC: &str = "letsencrypt-production";

/// namespace, name, issuer, days since the current one was issued (of 90).
#[rustfmt::skip]
const CERTIFICATES: &[(&str, &str, &str, i64)] = &[
    ("istio-system", "istio-gateway-tls", PUBLIC, 12), ("istio-system", "wildcard-apps-tls", PUBLIC, 41), ("istio-system", "istio-ca", INTERNAL, 3),
    ("cert-manager", "cert-manager-webhook-ca", INTERNAL, 30), ("cert-manager", "internal-ca-root", INTERNAL, 20),
    ("kyverno", "kyverno-svc-tls", INTERNAL, 8), ("kyverno", "kyverno-cleanup-tls", INTERNAL, 8), ("monitoring", "grafana-tls", PUBLIC, 33),
    ("monitoring", "prometheus-tls", INTERNAL, 17), ("monitoring", "alertmanager-tls", INTERNAL, 17), ("monitoring", "prometheus-operator-admission", INTERNAL, 5),
    ("logging", "loki-gateway-tls", PUBLIC, 84), ("logging", "loki-write-tls", INTERNAL, 50), ("logging", "alloy-tls", INTERNAL, 50),
    ("openbao", "openbao-server-tls", INTERNAL, 27), ("openbao", "openbao-injector-tls", INTERNAL, 27), ("external-secrets", "external-secrets-webhook-tls", INTERNAL, 14),
    ("neuvector", "neuvector-internal-tls", INTERNAL, 44), ("neuvector", "neuvector-manager-tls", PUBLIC, 21), ("tempo", "tempo-distributor-tls", INTERNAL, 59),
    ("tempo", "tempo-ingester-tls", INTERNAL, 10), ("velero", "velero-tls", INTERNAL, 36), ("team-alpha", "shop-tls", PUBLIC, 25), ("team-alpha", "payments-tls", PUBLIC, 25),
    ("team-beta", "orders-tls", PUBLIC, 18), ("team-beta", "legacy-tls", "corporate-ca", 90), ("slopilot", "slopilot-tls", INTERNAL, 6), ("slo-scout", "slo-scout-api-tls", PUBLIC, 22),
    ("kubeop-system", "kubeop-admission-tls", INTERNAL, 61), ("kubeop-system", "kubeop-manager-tls", INTERNAL, 29),
];

pub fn objects(m: &Moment, all: &mut Vec<Value>) {
    issuers(m, all);
    for (namespace, name, issuer, age) in CERTIFICATES {
        certificate(m, namespace, name, issuer, *age, all);
    }
}

fn issuers(m: &Moment, all: &mut Vec<Value>) {
    let since = m.days_ago(200);
    let acme = json!({ "acme": { "server": "https://acme.example.internal/directory", "email": "platform-team@example.com", "privateKeySecretRef": { "name": "letsencrypt-production-key" }, "solvers": [{ "http01": { "ingress": { "class": "istio" } } }] } });
    for (name, spec, reason, message) in [
        (INTERNAL, json!({ "ca": { "secretName": "internal-ca-root" } }), "KeyPairVerified", "Signing CA verified"),
        (PUBLIC, acme, "ACMEAccountRegistered", "The ACME account was registered with the ACME server"),
    ] {
        all.push(json!({ "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": meta("", name, since, &[]), "spec": spec,
            "status": { "conditions": [condition("Ready", "True", reason, message, since, NOW)] } }));
    }
    let (status, reason, message) = if m.healthy {
        ("True", "KeyPairVerified", "Signing CA verified")
    } else {
        ("False", "ErrGetKeyPair", "Error getting keypair for CA issuer: secret \"corporate-ca\" not found")
    };
    all.push(json!({ "apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": meta("team-beta", "corporate-ca", since, &[]), "spec": { "ca": { "secretName": "corporate-ca" } },
        "status": { "conditions": [condition("Ready", status, reason, message, m.days_ago(40), NOW)] } }));
}

fn plus(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}

const DAY: i64 = 86_400;

fn certificate(m: &Moment, namespace: &str, name: &str, issuer: &str, age: i64, all: &mut Vec<Value>) {
    let broken = !m.healthy;
    // In a healthy platform nothing is older than the 60 days at which it is renewed.
    let age = if broken { age } else { age.min(58) };
    let mut signed = m.at(-age * DAY - i64::try_from(m.hash(name) % 40_000).unwrap_or(0));
    let mut attempts = 0;
    let mut last_failure = None;
    let mut extra = None;
    let mut ready = ("True", "Ready", "Certificate is up to date and has not expired".to_owned());
    let mut revision = 3;
    match name {
        "loki-gateway-tls" if broken => {
            if let Some(span) = m.during(LOKI_CERT) {
                // 1 h, 2 h, 4 h ... of back-off: the fourth failure was ten minutes before this story began.
                attempts = 4;
                last_failure = Some(span.since);
                extra = Some(condition(
                    "Issuing",
                    "False",
                    "Failed",
                    "The certificate request has failed to complete and will be retried: Failed to wait for order resource \"loki-gateway-tls-4-1029384756\" to become ready: order is in \"invalid\" state",
                    span.since,
                    NOW,
                ));
            } else if let Some(span) = m.newest(LOKI_CERT) {
                signed = span.until;
                revision = 4 + span.nth;
            }
        }
        "legacy-tls" if broken => {
            signed = m.at(-90 * DAY - 3 * 3600);
            attempts = 6;
            last_failure = Some(m.at(-3 * 3600 - 600));
            ready = (
                "False",
                "Expired",
                format!("Certificate expired on {}", plus(signed, 90 * DAY).strftime("%a, %d %b %Y %H:%M:%S UTC")),
            );
            extra = Some(condition(
                "Issuing",
                "False",
                "Failed",
                "The certificate request has failed to complete and will be retried: Referenced \"Issuer\" not found or not ready: corporate-ca",
                m.at(-3 * 3600 - 600),
                NOW,
            ));
        }
        // Its renewal was due 26 hours ago, and nobody has begun it.
        "kubeop-admission-tls" if broken => signed = m.at(-60 * DAY - 26 * 3600),
        "tempo-distributor-tls" => {
            if let Some(span) = m.during(TEMPO_CERT_ISSUING) {
                signed = plus(span.since, -60 * DAY);
                extra = Some(condition(
                    "Issuing",
                    "True",
                    "Renewing",
                    &format!("Renewing certificate as renewal was scheduled at {}", time(span.since)),
                    span.since,
                    NOW,
                ));
            } else if let Some(span) = m.newest(TEMPO_CERT_ISSUING) {
                signed = span.until;
                revision = 4 + span.nth;
            }
        }
        _ => {}
    }
    let mut conditions = vec![condition(
        "Ready",
        ready.0,
        ready.1,
        &ready.2,
        if ready.0 == "True" { signed } else { plus(signed, 90 * DAY) },
        NOW,
    )];
    // As in life, Issuing may well come first in the list.
    if let Some(extra) = extra {
        conditions.insert(0, extra);
    }
    let kind = if issuer == "corporate-ca" { "Issuer" } else { "ClusterIssuer" };
    let mut status = json!({ "conditions": conditions, "notBefore": time(signed), "notAfter": time(plus(signed, 90 * DAY)), "renewalTime": time(plus(signed, 60 * DAY)), "revision": revision });
    if let Some(at) = last_failure {
        status["lastFailureTime"] = json!(time(at));
        status["failedIssuanceAttempts"] = json!(attempts);
    }
    let dns = format!("{}.{namespace}.example.internal", name.trim_end_matches("-tls"));
    let spec = json!({ "secretName": name, "dnsNames": [&dns], "duration": "2160h0m0s", "renewBefore": "720h0m0s", "privateKey": { "algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always" },
        "issuerRef": { "name": issuer, "kind": kind, "group": "cert-manager.io" } });
    all.push(json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": meta(namespace, name, m.days_ago(180), &[]), "spec": spec, "status": status }));
    let reference = json!({ "name": issuer, "kind": kind, "group": "cert-manager.io" });
    request(m, namespace, name, revision, &reference, signed, None, all);
    if let Some(at) = last_failure {
        request(m, namespace, name, revision + 1, &reference, at, Some(attempts), all);
    }
    if issuer == PUBLIC {
        acme::order(m, (namespace, name, revision), (&dns, &reference), signed, false, all);
        if let Some(at) = last_failure {
            acme::order(m, (namespace, name, revision + 1), (&dns, &reference), at, true, all);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one field of the request")]
fn request(
    m: &Moment,
    namespace: &str,
    name: &str,
    revision: i64,
    issuer: &Value,
    at: Timestamp,
    failed: Option<i64>,
    all: &mut Vec<Value>,
) {
    let mut meta = meta(namespace, &format!("{name}-{revision}"), at, &[]);
    meta["annotations"] = json!({ "cert-manager.io/certificate-name": name, "cert-manager.io/certificate-revision": revision.to_string() });
    meta["ownerReferences"] = owner("cert-manager.io/v1", "Certificate", name);
    let approved = json!({ "type": "Approved", "status": "True", "reason": "cert-manager.io", "message": "Certificate request has been approved by cert-manager.io", "lastTransitionTime": time(at) });
    let ready = match failed {
        None => {
            json!({ "type": "Ready", "status": "True", "reason": "Issued", "message": "Certificate fetched from issuer successfully", "lastTransitionTime": time(at) })
        }
        Some(attempts) => {
            json!({ "type": "Ready", "status": "False", "reason": "Failed", "message": format!("attempt {attempts}: order is in \"invalid\" state"), "lastTransitionTime": time(at) })
        }
    };
    let mut status = json!({ "conditions": [approved, ready] });
    if failed.is_some() {
        status["failureTime"] = json!(time(at));
    }
    all.push(json!({ "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": meta, "spec": { "issuerRef": issuer, "request": m.hex(name, 24), "uid": m.hex("approver", 8), "usages": ["digital signature", "key encipherment"], "username": "system:serviceaccount:cert-manager:cert-manager" }, "status": status }));
}
