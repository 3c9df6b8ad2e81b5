//! The orders of certificates at the ACME server, and the challenge of one that fails: its name leads elsewhere.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::build::{meta, owner, time};
use super::moment::Moment;

/// What cert-manager puts behind the name of a request.
const SUFFIX: &str = "1029384756";

/// An order of the request `name-revision` for one domain. A failed one keeps its challenge.
pub fn order(
    m: &Moment,
    (namespace, name, revision): (&str, &str, i64),
    (domain, issuer): (&str, &Value),
    at: Timestamp,
    failed: bool,
    all: &mut Vec<Value>,
) {
    let request = format!("{name}-{revision}");
    let order = format!("{request}-{SUFFIX}");
    let server = "https://acme.example.internal";
    let mut of_order = meta(namespace, &order, at, &[]);
    of_order["ownerReferences"] = owner("cert-manager.io/v1", "CertificateRequest", &request);
    let mut status = json!({ "state": if failed { "invalid" } else { "valid" }, "url": format!("{server}/order/{}", m.hex(&order, 12)),
        "authorizations": [{ "identifier": domain, "initialState": "pending", "url": format!("{server}/authz/{}", m.hex(&order, 8)), "wildcard": false }] });
    if failed {
        let ended = at.checked_add(SignedDuration::from_secs(40)).unwrap_or(at);
        status["failureTime"] = json!(time(ended));
        status["reason"] = json!("Failed to finalize Order: one of its challenges is in \"invalid\" state");
    }
    all.push(json!({ "apiVersion": "acme.cert-manager.io/v1", "kind": "Order", "metadata": of_order,
        "spec": { "dnsNames": [domain], "issuerRef": issuer, "request": m.hex(name, 24) }, "status": status }));
    if !failed {
        return;
    }
    let mut of_challenge =
        meta(namespace, &format!("{order}-{}", m.hash(&format!("{domain}/{at}")) % 4_000_000_000), at, &[]);
    of_challenge["ownerReferences"] = owner("acme.cert-manager.io/v1", "Order", &order);
    let reason = format!(
        "Error accepting authorization: acme: authorization error for {domain}: 403 urn:ietf:params:acme:error:unauthorized: 10.20.0.99: Invalid response from http://{domain}/.well-known/acme-challenge/{}: 404",
        &m.hex(domain, 12)
    );
    all.push(json!({ "apiVersion": "acme.cert-manager.io/v1", "kind": "Challenge", "metadata": of_challenge,
        "spec": { "dnsName": domain, "type": "HTTP-01", "wildcard": false, "issuerRef": issuer, "solver": { "http01": { "ingress": { "class": "istio" } } },
            "url": format!("{server}/chall/{}", m.hex(&order, 10)), "authorizationURL": format!("{server}/authz/{}", m.hex(&order, 8)) },
        "status": { "state": "invalid", "presented": false, "processing": false, "reason": reason } }));
}
