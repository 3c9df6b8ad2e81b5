//! Who asks, by bearer token, and what they may do. Rules are data; a refusal has the words of the API server's RBAC.

use axum::http::{HeaderMap, header};
use serde_json::json;

use super::resources;
use super::route::Route;
use super::status::Failure;

/// The only namespace in which the identity `namespaced` may look.
pub const TEAM_NAMESPACE: &str = "team-alpha";

/// One rule: the API server's `PolicyRule`.
#[derive(Debug)]
pub struct Rule {
    pub groups: &'static [&'static str],
    pub resources: &'static [&'static str],
    pub verbs: &'static [&'static str],
}

/// A user of the kubeconfig. Its token is its name.
#[derive(Debug)]
pub struct Identity {
    pub context: &'static str,
    pub user: &'static str,
    pub groups: &'static [&'static str],
    pub rules: &'static [Rule],
    /// The rules hold here only; none: in the whole cluster.
    pub namespace: Option<&'static str>,
}

const READ: &[&str] = &["get", "list", "watch"];
const ANY: &[&str] = &["*"];

const EVERYTHING: &[Rule] = &[Rule { groups: ANY, resources: ANY, verbs: ANY }];

/// What a read-only on-call role grants: no Secrets, no proxies.
const READER: &[Rule] = &[
    Rule {
        groups: &[""],
        resources: &["pods", "nodes", "namespaces", "events", "services", "persistentvolumeclaims", "resourcequotas"],
        verbs: READ,
    },
    Rule { groups: &[""], resources: &["pods/log"], verbs: &["get"] },
    Rule { groups: &["metrics.k8s.io"], resources: &["pods", "nodes"], verbs: &["get", "list"] },
    Rule {
        groups: &[
            "apps",
            "batch",
            "autoscaling",
            "policy",
            "networking.k8s.io",
            "events.k8s.io",
            "helm.toolkit.fluxcd.io",
            "kustomize.toolkit.fluxcd.io",
            "source.toolkit.fluxcd.io",
            "fluxcd.controlplane.io",
            "cert-manager.io",
            "acme.cert-manager.io",
            "velero.io",
            "external-secrets.io",
            "wgpolicyk8s.io",
            "openreports.io",
            "security.istio.io",
        ],
        resources: ANY,
        verbs: READ,
    },
];

/// The built-in kinds that a team's developers see in their namespace, and the little that they may do there.
const DEVELOPER: &[Rule] = &[
    Rule {
        groups: &[""],
        resources: &[
            "pods",
            "events",
            "services",
            "endpoints",
            "configmaps",
            "persistentvolumeclaims",
            "resourcequotas",
        ],
        verbs: READ,
    },
    Rule { groups: &[""], resources: &["pods/log"], verbs: &["get"] },
    Rule { groups: &["metrics.k8s.io"], resources: &["pods"], verbs: &["get", "list"] },
    Rule {
        groups: &[
            "apps",
            "batch",
            "autoscaling",
            "policy",
            "networking.k8s.io",
            "events.k8s.io",
            "helm.toolkit.fluxcd.io",
        ],
        resources: ANY,
        verbs: READ,
    },
    Rule {
        groups: &["apps"],
        resources: &["deployments", "statefulsets", "daemonsets", "deployments/scale", "statefulsets/scale"],
        verbs: &["patch"],
    },
    Rule { groups: &[""], resources: &["pods/eviction"], verbs: &["create"] },
];

/// The users, in the order of the kubeconfig's contexts; the first is current.
pub static IDENTITIES: &[Identity] = &[
    Identity { context: "sre-demo", user: "demo", groups: &["system:masters"], rules: EVERYTHING, namespace: None },
    Identity { context: "readonly", user: "readonly", groups: &["sre-readonly"], rules: READER, namespace: None },
    Identity {
        context: "namespaced",
        user: "namespaced",
        groups: &["team-alpha-developers"],
        rules: DEVELOPER,
        namespace: Some(TEAM_NAMESPACE),
    },
    Identity { context: "nobody", user: "nobody", groups: &[], rules: &[], namespace: None },
];

impl Identity {
    /// Whether its rights end at one namespace.
    #[must_use]
    pub fn namespaced(&self) -> bool {
        self.namespace.is_some()
    }

    #[must_use]
    pub fn allows(&self, verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        if self.namespace.is_some() && self.namespace != namespace {
            return false;
        }
        let names = |list: &[&str], name: &str| list.iter().any(|entry| *entry == "*" || *entry == name);
        self.rules.iter().any(|rule| {
            // A star over resources does not reach Secrets' namesakes, but it does reach subresources, as in RBAC.
            names(rule.groups, group) && names(rule.resources, resource) && names(rule.verbs, verb)
        })
    }
}

/// Who sends this request: a bearer token, none for `demo`, and with `demo`'s rights another user by impersonation.
/// Without a token, because kubectl sends none over plain HTTP; its contexts come with impersonation alone.
///
/// # Errors
/// 401 with a token that is unknown; 403 when somebody else tries to impersonate.
pub fn identify(headers: &HeaderMap) -> Result<Who, Failure> {
    let credentials = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let token = credentials.map(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")));
    let identity = match token {
        None => IDENTITIES.first(),
        Some(token) => IDENTITIES.iter().find(|identity| token == Some(identity.user)),
    };
    let Some(identity) = identity else { return Err(Failure::new(401, "Unauthorized", "Unauthorized")) };
    let Some(other) = headers.get("impersonate-user").and_then(|value| value.to_str().ok()) else {
        let groups = identity.groups.iter().map(|group| (*group).to_owned()).collect();
        return Ok(Who { user: identity.user.to_owned(), groups, identity: Some(identity) });
    };
    // Everybody may be who they are: the contexts of the kubeconfig carry both a token and the name.
    if other != identity.user && !identity.allows("impersonate", "", "users", None) {
        let message = format!(
            "users {other:?} is forbidden: User {:?} cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
            identity.user
        );
        let mut failure = Failure::new(403, "Forbidden", message);
        failure.details = json!({"name": other, "kind": "users"});
        return Err(failure);
    }
    let groups: Vec<String> = headers
        .get_all("impersonate-group")
        .iter()
        .filter_map(|value| value.to_str().ok().map(str::to_owned))
        .collect();
    // A group carries its members' rights, as a binding to it would.
    let by_group = IDENTITIES.iter().find(|one| one.groups.iter().any(|group| groups.iter().any(|has| has == group)));
    let identity = IDENTITIES.iter().find(|one| one.user == other).or(by_group);
    Ok(Who { user: other.to_owned(), groups, identity })
}

/// An authenticated user.
#[derive(Debug)]
pub struct Who {
    pub user: String,
    pub groups: Vec<String>,
    /// None: a user without any rights.
    pub identity: Option<&'static Identity>,
}

impl Who {
    #[must_use]
    pub fn allows(&self, verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        self.identity.is_some_and(|identity| identity.allows(verb, group, resource, namespace))
    }

    /// The API server's own order: rights first, existence later.
    ///
    /// # Errors
    /// 403 with RBAC's words. Discovery, health and self-reviews are open to every user.
    pub fn authorize(&self, route: &Route) -> Result<(), Failure> {
        let Some(target) = &route.target else { return Ok(()) };
        if matches!(
            target.resource.as_str(),
            "selfsubjectaccessreviews" | "selfsubjectrulesreviews" | "selfsubjectreviews"
        ) {
            return Ok(());
        }
        let resource = match &target.sub {
            Some(sub) => format!("{}/{sub}", target.resource),
            None => target.resource.clone(),
        };
        let secret = target.group.is_empty() && target.resource == "secrets";
        if !secret && self.allows(&route.verb, &target.group, &resource, target.namespace.as_deref()) {
            return Ok(());
        }
        let named = target.name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
        let place = match &target.namespace {
            Some(namespace) if target.resource != "namespaces" => format!("in the namespace {namespace:?}"),
            _ => "at the cluster scope".to_owned(),
        };
        let reason = if secret { ": the demo keeps no secrets" } else { "" };
        let message = format!(
            "{}{named} is forbidden: User {:?} cannot {} resource {resource:?} in API group {:?} {place}{reason}",
            resources::qualified(&target.group, &target.resource),
            self.user,
            route.verb,
            target.group,
        );
        let mut failure = Failure::new(403, "Forbidden", message);
        let mut details = json!({"kind": target.resource});
        if !target.group.is_empty() {
            details["group"] = json!(target.group);
        }
        if let Some(name) = &target.name {
            details["name"] = json!(name);
        }
        failure.details = details;
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_developer_reads_pods_in_one_namespace_and_nowhere_else() {
        let developer = &IDENTITIES[2];
        assert!(developer.allows("list", "", "pods", Some(TEAM_NAMESPACE)));
        assert!(!developer.allows("list", "", "pods", Some("velero")));
        assert!(!developer.allows("list", "", "pods", None));
        assert!(!developer.allows("delete", "", "pods", Some(TEAM_NAMESPACE)));
    }

    #[test]
    fn a_developer_restarts_scales_and_evicts_at_home_and_writes_nothing_else() {
        let developer = &IDENTITIES[2];
        for (verb, group, resource) in
            [("patch", "apps", "deployments"), ("patch", "apps", "deployments/scale"), ("create", "", "pods/eviction")]
        {
            assert!(developer.allows(verb, group, resource, Some(TEAM_NAMESPACE)), "{resource}");
            assert!(!developer.allows(verb, group, resource, Some("velero")), "{resource}");
            assert!(IDENTITIES[1..].iter().filter(|one| one.context != "namespaced").all(|one| !one.allows(
                verb,
                group,
                resource,
                Some(TEAM_NAMESPACE)
            )));
        }
        for (verb, group, resource) in [
            ("update", "apps", "deployments"),
            ("patch", "apps", "deployments/status"),
            ("patch", "helm.toolkit.fluxcd.io", "helmreleases"),
        ] {
            assert!(!developer.allows(verb, group, resource, Some(TEAM_NAMESPACE)), "{resource}");
        }
    }

    #[test]
    fn an_unknown_token_is_refused_and_none_is_the_demos_user() {
        let mut headers = HeaderMap::new();
        assert_eq!(identify(&headers).unwrap().user, "demo");
        headers.insert(header::AUTHORIZATION, "Bearer stolen".parse().unwrap());
        assert_eq!(identify(&headers).unwrap_err().code, 401);
    }

    #[test]
    fn impersonation_takes_the_other_users_rights_and_needs_them_first() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer demo".parse().unwrap());
        headers.insert("impersonate-user", "readonly".parse().unwrap());
        let who = identify(&headers).unwrap();
        assert!(who.allows("list", "", "pods", None) && !who.allows("delete", "", "pods", None));
        headers.insert(header::AUTHORIZATION, "Bearer readonly".parse().unwrap());
        assert_eq!(identify(&headers).unwrap().user, "readonly");
        headers.insert("impersonate-user", "demo".parse().unwrap());
        assert_eq!(identify(&headers).unwrap_err().code, 403);
    }
}
