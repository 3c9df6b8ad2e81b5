//! What one platform consists of, as data: its components, their order and dependencies, how their health is checked,
//! and its guardrails. Pure: nothing here reads a file or asks a cluster.

use std::collections::BTreeMap;

use super::health::Severity;

/// One platform. Where a component names no namespace, it lives in the profile's [`Profile::home`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The word in `profiles = [...]`, unique among profiles.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    pub detect: Detect,
    pub components: Vec<Component>,
    pub guardrails: Vec<Guardrail>,
    /// Names of components, in the order in which they are upgraded.
    pub upgrade_order: Vec<String>,
    /// What its maintainers should know, a sentence each.
    pub hints: Vec<String>,
    /// The Prometheus that evaluates its guardrails, where the platform has its own.
    pub prometheus: Option<OwnPrometheus>,
    /// Where it was found; before that, the first namespace of [`Detect::namespaces`].
    pub home: String,
    /// Who says that it is on.
    pub said: Said,
}

/// What says that a profile is on, and where its home is. A pod's label can be written by anyone who may create a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Said {
    /// Nothing yet, or a pod's label alone: it names no namespace that can be trusted.
    #[default]
    Nobody,
    /// The configuration; its home comes from a pod's label, or is not known.
    Configured,
    /// Its namespaces, or the label of one, which only administrators make.
    Namespaces,
}

/// What switches a profile on: enough of these namespaces, or a namespace or pod with one of these labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detect {
    pub namespaces: Vec<String>,
    /// Label selectors: `app.kubernetes.io/part-of=sre-platform`.
    pub labels: Vec<String>,
    /// How many of the namespaces must exist: a namespace that many clusters have proves nothing.
    pub least: usize,
}

/// A Service of a Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnPrometheus {
    /// Empty: the profile's home.
    pub namespace: String,
    pub service: String,
    /// A number, or the port's name; empty: its only one.
    pub port: String,
    pub tls: bool,
}

/// A part of a platform that is installed, upgraded and fails as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Component {
    /// Unique within its profile.
    pub name: String,
    /// A risky action on it asks for the name of the context to be typed.
    pub core: bool,
    /// It is optional: without a trace of it, it was not installed.
    pub optional: bool,
    /// Empty: the profile's home.
    pub namespace: String,
    /// Label selector of its pods; empty: those of its workloads.
    pub selector: String,
    /// The `HelmRelease`: `namespace/name`, or a name that is looked for in the component's namespace and then in
    /// `flux-system`. Empty: none.
    pub release: String,
    /// Empty: what its release manages, and without a release everything in its namespace.
    pub workloads: Vec<Workload>,
    /// Names of components.
    pub depends_on: Vec<String>,
    pub endpoints: Vec<Endpoint>,
    /// Kinds whose objects in its namespace (or of the cluster) show its state: `Seal`, `BackupStorageLocation`.
    pub watch: Vec<String>,
    /// Services that are looked for in its namespace: `prometheus`, `alertmanager`, `openbao`.
    pub services: Vec<String>,
    pub hints: Vec<String>,
}

/// Workloads by kind and name; `*` is any text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, or `*`.
    pub kind: String,
    pub name: String,
}

/// How the health of a component is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// Starts with `/`.
    pub path: String,
    /// A number, or the port's name (of a Service). Empty: the only one, of a pod its first.
    pub port: String,
    pub tls: bool,
    pub via: Via,
    /// Label selector of the pods to ask; empty: the component's.
    pub selector: String,
    /// The answers that mean healthy.
    pub expect: Vec<u16>,
    /// How severe another answer is.
    pub severity: Grade,
    /// What an answer means, in a few words.
    pub words: BTreeMap<u16, String>,
}

/// What the API server's proxy is asked to reach. A pod that is not ready leaves its Service, so only the pod itself
/// can say why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Via {
    /// Every pod of the component.
    #[default]
    Pod,
    /// The Service of this name.
    Service(String),
}

/// A severity that defaults to P3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grade(pub Severity);

impl Default for Grade {
    fn default() -> Self {
        Self(Severity::P3)
    }
}

/// A limit with a prepared reaction: when it is crossed, this has to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guardrail {
    /// Unique within its profile.
    pub name: String,
    pub judged_by: JudgedBy,
    pub severity: Grade,
    /// What to do, as an order: `Reduce monitored namespaces or workloads`.
    pub action: String,
    /// More words, or an address.
    pub runbook: String,
    /// Its component; empty: the platform as a whole.
    pub component: String,
    /// How long it must be crossed before it counts, in seconds.
    pub hold: i64,
    /// How the value of its expression is shown.
    pub value: Worth,
}

/// How the value of an expression is shown: `5.7 days left, limit 7: logging/loki-tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Worth {
    /// Behind the value: `days left`, `%`.
    pub unit: String,
    /// The limit of the value, in the same unit.
    pub limit: String,
    /// The lowest value is the worst, not the highest.
    pub lowest: bool,
    /// The labels that name the object; of `exported_namespace|namespace` the first that is there. Empty: the usual ones.
    pub object: Vec<String>,
}

/// How a guardrail is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JudgedBy {
    /// An alert of this name fires.
    Alert(String),
    /// A PromQL expression, asked by ourselves.
    /// `needs` must give a sample, else nothing can be said; empty: nothing is needed.
    Expr { expr: String, fires: Fires, needs: String },
}

impl Default for JudgedBy {
    fn default() -> Self {
        Self::Alert(String::new())
    }
}

/// Which answer to a PromQL expression means that a guardrail is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fires {
    /// Any sample: as an alerting rule.
    #[default]
    NonEmpty,
    /// A sample above zero; without a sample nothing can be said.
    AboveZero,
}

impl Profile {
    /// The same profile where it was found: what names no namespace lives there, and `$namespace` in an expression
    /// is that namespace.
    #[must_use]
    pub fn at(mut self, home: &str) -> Self {
        home.clone_into(&mut self.home);
        for component in self.components.iter_mut().filter(|c| c.namespace.is_empty()) {
            home.clone_into(&mut component.namespace);
        }
        if let Some(prometheus) = self.prometheus.as_mut().filter(|p| p.namespace.is_empty()) {
            home.clone_into(&mut prometheus.namespace);
        }
        for guardrail in &mut self.guardrails {
            if let JudgedBy::Expr { expr, needs, .. } = &mut guardrail.judged_by {
                *expr = expr.replace("$namespace", home);
                *needs = needs.replace("$namespace", home);
            }
        }
        self
    }

    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|c| c.name == name)
    }

    /// The namespace of a component: its own, or the profile's home.
    pub fn namespace_of<'p>(&'p self, component: &'p Component) -> &'p str {
        if component.namespace.is_empty() { &self.home } else { &component.namespace }
    }

    /// Components in upgrade order; those that it does not name come behind, as they are written.
    pub fn in_order(&self) -> Vec<&Component> {
        let place = |c: &Component| self.upgrade_order.iter().position(|n| *n == c.name).unwrap_or(usize::MAX);
        let mut all: Vec<&Component> = self.components.iter().collect();
        all.sort_by_key(|c| place(c));
        all
    }

    /// The 1-based place in the upgrade order.
    pub fn upgrade_place(&self, component: &str) -> Option<usize> {
        Some(self.upgrade_order.iter().position(|n| n == component)? + 1)
    }

    /// How many links of dependencies are below a component: 0 is what everything else depends on. A cycle, which
    /// reading a profile refuses, ends the count.
    pub fn depth(&self, component: &str) -> usize {
        self.depth_within(component, self.components.len())
    }

    fn depth_within(&self, component: &str, left: usize) -> usize {
        let Some(found) = self.component(component).filter(|_| left > 0) else { return 0 };
        found.depends_on.iter().map(|on| 1 + self.depth_within(on, left - 1)).max().unwrap_or(0)
    }

    /// Everything that depends on a component, directly or not.
    pub fn dependents(&self, component: &str) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        let mut wanted = vec![component];
        while let Some(name) = wanted.pop() {
            for next in self.components.iter().filter(|c| c.depends_on.iter().any(|on| on == name)) {
                if next.name != component && !found.contains(&&*next.name) {
                    found.push(&next.name);
                    wanted.push(&next.name);
                }
            }
        }
        found
    }

    /// Whether objects in this namespace can be trusted because the profile is on: the profile itself names the
    /// namespace, or something that only administrators create.
    pub fn vouches_for(&self, namespace: &str) -> bool {
        match self.said {
            Said::Nobody => false,
            // a home that comes from a pod's label may be anybody's
            Said::Configured => namespace != self.home || self.detect.namespaces.iter().any(|own| own == namespace),
            Said::Namespaces => true,
        }
    }

    /// The namespaces in which a service is looked for.
    pub fn names<'p>(&'p self, service: &'p str) -> impl Iterator<Item = &'p str> {
        let components = self.components.iter().filter(move |c| c.services.iter().any(|own| own == service));
        components
            .map(|c| self.namespace_of(c))
            .filter(|namespace| !namespace.is_empty() && self.vouches_for(namespace))
    }

    fn core_namespaces(&self) -> impl Iterator<Item = &str> {
        self.components.iter().filter(|c| c.core).map(|c| self.namespace_of(c)).filter(|n| !n.is_empty())
    }
}

impl Component {
    /// Whether a workload is named by this component. Without any names nothing is.
    pub fn names(&self, kind: &str, name: &str) -> bool {
        self.workloads.iter().any(|w| (w.kind == "*" || w.kind == kind) && globs(&w.name, name))
    }

    /// Whether a `HelmRelease` is this component's.
    pub fn is_released_by(&self, namespace: &str, name: &str) -> bool {
        match self.release.split_once('/') {
            Some(given) => given == (namespace, name),
            None if self.release.is_empty() => false,
            None => self.release == name && (namespace == self.namespace || namespace == "flux-system"),
        }
    }
}

/// `*` is any text; everything else is itself.
pub fn globs(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => {
            let Some(tail) = text.strip_prefix(head) else { return false };
            tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| globs(rest, &tail[at..]))
        }
    }
}

/// The profiles of a session: those that are known, and those that are on here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profiles {
    pub known: Vec<Profile>,
    /// Each where it was found; if two name the same component, the first one has it.
    pub active: Vec<Profile>,
    pub certainty: Certainty,
}

/// Whether it is known which profiles are on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certainty {
    /// Not looked yet.
    #[default]
    Waiting,
    /// The configuration or the cluster says so.
    Certain,
    /// Not everything could be looked at; why, in plain words.
    Unsure(String),
    /// The same, for lack of rights.
    Hidden(String),
}

impl Profiles {
    pub fn of(known: Vec<Profile>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Namespaces of core components. While it is not certain which profiles are on, those of every known one: asking
    /// for a typed word too often does no harm.
    pub fn core_namespaces(&self) -> Vec<String> {
        let profiles = if self.certainty == Certainty::Certain { &self.active } else { &self.known };
        let mut names: Vec<String> = Vec::new();
        for name in profiles.iter().chain(&self.active).flat_map(Profile::core_namespaces) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

impl Component {
    /// Whether a pod's name is that of a workload with the usual tail: `loki-write-0`, `istiod-5f7d9-x2x4k`.
    pub fn names_pod(&self, pod: &str) -> bool {
        self.workloads.iter().any(|w| {
            let pattern = format!("{}-*", w.name.trim_end_matches('*'));
            globs(&pattern, pod) || (w.name.ends_with('*') && globs(&w.name, pod))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, namespace: &str, on: &[&str]) -> Component {
        Component {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            depends_on: on.iter().map(ToString::to_string).collect(),
            core: name == "base",
            release: name.to_owned(),
            ..Component::default()
        }
    }

    fn named(mut component: Component, pattern: &str) -> Component {
        component.workloads.push(Workload { kind: "*".to_owned(), name: pattern.to_owned() });
        component
    }

    fn chain() -> Profile {
        Profile {
            name: "p".to_owned(),
            components: vec![
                part("apps", "", &["mesh", "base"]),
                part("base", "base", &[]),
                named(part("mesh", "mesh", &["base"]), "mesh*"),
                named(part("gate", "mesh", &["mesh"]), "gate"),
            ],
            upgrade_order: vec!["base".to_owned(), "mesh".to_owned()],
            ..Profile::default()
        }
    }

    #[test]
    fn depth_counts_links_and_order_puts_the_unnamed_behind() {
        let profile = chain();
        let depth = |name| profile.depth(name);
        assert_eq!([depth("base"), depth("mesh"), depth("apps"), depth("nobody")], [0, 1, 2, 0]);
        let order: Vec<&str> = profile.in_order().iter().map(|c| &*c.name).collect();
        assert_eq!(order, ["base", "mesh", "apps", "gate"]);
        assert_eq!(profile.upgrade_place("mesh"), Some(2));
        let mut dependents = profile.dependents("base");
        dependents.sort_unstable();
        assert_eq!(dependents, ["apps", "gate", "mesh"]);
    }

    #[test]
    fn a_cycle_ends() {
        let mut profile = chain();
        profile.components[1].depends_on.push("apps".to_owned());
        assert!(profile.depth("apps") <= 4 + 1);
        assert_eq!(profile.dependents("base").len(), 3);
    }

    #[test]
    fn what_names_no_namespace_lives_where_the_profile_was_found() {
        let mut profile = chain();
        profile.guardrails.push(Guardrail {
            judged_by: JudgedBy::Expr {
                expr: "up{namespace=\"$namespace\"}".to_owned(),
                fires: Fires::NonEmpty,
                needs: String::new(),
            },
            ..Guardrail::default()
        });
        let profile = profile.at("here");
        assert_eq!(profile.component("apps").map(|c| &*c.namespace), Some("here"));
        assert_eq!(profile.component("base").map(|c| &*c.namespace), Some("base"));
        let JudgedBy::Expr { expr, .. } = &profile.guardrails[0].judged_by else { panic!() };
        assert_eq!(expr, "up{namespace=\"here\"}");
    }

    #[test]
    fn until_it_is_certain_the_core_of_every_known_profile_counts() {
        let mut profiles = Profiles::of(vec![chain()]);
        assert_eq!(profiles.core_namespaces(), ["base"]);
        profiles.certainty = Certainty::Certain;
        assert!(profiles.core_namespaces().is_empty());
        profiles.certainty = Certainty::Unsure("no access".to_owned());
        assert_eq!(profiles.core_namespaces(), ["base"]);
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, fits) in [
            ("loki-*", "loki-write", true),
            ("loki-*", "loki", false),
            ("*-pod", "neuvector-controller-pod", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("x", "xy", false),
        ] {
            assert_eq!(globs(pattern, text), fits, "{pattern} {text}");
        }
    }
}
