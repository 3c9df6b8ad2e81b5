//! Reads a profile, which is a TOML file: every mistake with its line, and the nearest right key. Nothing is asked of a
//! cluster, so a name that no object has is no mistake here.

use std::collections::BTreeMap;
use std::path::Path;

use super::problem::Problem;
use super::service::ServiceName;
use super::suggest::nearest;
use super::toml_table::{Doc, Table};
use crate::domain::health::Severity;
use crate::domain::profile::{
    Component, Detect, Endpoint, Fires, Grade, Guardrail, JudgedBy, OwnPrometheus, Profile, Said, Via, Workload, Worth,
};

const PROFILE: &[&str] =
    &["name", "title", "upgrade-order", "hints", "detect", "prometheus", "metrics", "component", "guardrail"];
const DETECT: &[&str] = &["namespaces", "labels", "least"];
const PROMETHEUS: &[&str] = &["namespace", "service", "port", "scheme"];
const COMPONENT: &[&str] = &[
    "name",
    "core",
    "optional",
    "namespace",
    "selector",
    "release",
    "workloads",
    "depends-on",
    "watch",
    "services",
    "hints",
    "endpoint",
];
const ENDPOINT: &[&str] = &["path", "port", "scheme", "via", "service", "selector", "expect", "severity", "words"];
const GUARDRAIL: &[&str] = &[
    "name",
    "alert",
    "expr",
    "needs",
    "fires",
    "unit",
    "limit",
    "worst",
    "object",
    "severity",
    "action",
    "runbook",
    "component",
    "for",
];
const SEVERITIES: &[&str] = &["P1", "P2", "P3", "P4"];
const GRADES: [Severity; 4] = [Severity::P1, Severity::P2, Severity::P3, Severity::P4];
const SCHEMES: &[&str] = &["http", "https"];

/// Reads `text`, the content of the file at `path`.
///
/// # Errors
/// All problems that were found; a syntax error hides the rest.
pub fn read(path: &Path, text: &str) -> Result<Profile, Vec<Problem>> {
    let mut doc = Doc::new(path, text);
    let profile = doc.parse().map(|document| {
        let mut reader = Reader { doc, places: Places::default(), metrics: BTreeMap::new() };
        let root = Table { rows: document.get_ref(), name: "", at: 0 };
        let profile = reader.profile(root);
        reader.check(&profile);
        (profile, reader.doc.problems)
    });
    match profile {
        Some((profile, problems)) if problems.is_empty() => Ok(profile),
        Some((_, mut problems)) => {
            problems.sort_by_key(|problem| problem.place.line());
            Err(problems)
        }
        None => {
            let mut doc = Doc::new(path, text);
            doc.parse();
            Err(doc.problems)
        }
    }
}

/// The positions of the names that are checked once everything is read.
#[derive(Default)]
struct Places {
    /// Each component's name and its position.
    components: Vec<(String, usize)>,
    guardrails: Vec<(String, usize)>,
    /// What names a component: where, what, in which key.
    references: Vec<(String, usize, &'static str)>,
    /// Dependencies: whose, on what, where.
    edges: Vec<(String, String, usize)>,
}

struct Reader<'a> {
    doc: Doc<'a>,
    places: Places,
    metrics: BTreeMap<String, (String, usize)>,
}

fn first(text: Option<(String, usize)>) -> String {
    text.map_or_else(String::new, |(text, _)| text)
}

fn only(texts: Vec<(String, usize)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text).collect()
}

impl Reader<'_> {
    fn profile(&mut self, root: Table<'_, '_>) -> Profile {
        self.doc.known(root, PROFILE);
        let name = self.doc.needed(root, "name");
        if let Some((name, at)) = &name
            && (name.contains(['/', '\\', ' ']) || name == "none")
        {
            let what = format!("`name` must be a plain word, not \"{name}\"");
            self.doc.problem(*at, what, Some("letters, digits and hyphens".to_owned()));
        }
        self.metrics = self.doc.map(root, "metrics");
        let detect = self.doc.table(root, "detect").map(|table| self.detect(table)).unwrap_or_default();
        let upgrade_order = self.doc.texts(root, "upgrade-order");
        for (name, at) in &upgrade_order {
            self.places.references.push((name.clone(), *at, "upgrade-order"));
        }
        let prometheus = self.doc.table(root, "prometheus").and_then(|table| self.prometheus(table));
        let tables = self.doc.tables(root, "component");
        if tables.is_empty() && root.get("component").is_none() {
            self.doc.problem(0, "a profile without a component says nothing".to_owned(), {
                Some("write [[component]]".to_owned())
            });
        }
        let components = tables.into_iter().map(|table| self.component(table)).collect();
        let guardrails = self.doc.tables(root, "guardrail");
        let guardrails = guardrails.into_iter().map(|table| self.guardrail(table)).collect();
        Profile {
            name: first(name),
            title: first(self.doc.text(root, "title")),
            home: detect.namespaces.first().cloned().unwrap_or_default(),
            detect,
            components,
            guardrails,
            upgrade_order: only(upgrade_order),
            hints: only(self.doc.texts(root, "hints")),
            prometheus,
            said: Said::default(),
        }
    }

    fn detect(&mut self, table: Table<'_, '_>) -> Detect {
        self.doc.known(table, DETECT);
        let namespaces = only(self.doc.texts(table, "namespaces"));
        let labels = self.doc.texts(table, "labels");
        for (label, at) in &labels {
            self.selector(label, *at, "detect.labels");
        }
        let most = namespaces.len().max(1);
        let least = self.doc.number(table, "least", 1, most).unwrap_or(1);
        Detect { namespaces, labels: only(labels), least }
    }

    fn selector(&mut self, selector: &str, at: usize, key: &str) {
        let fits = selector.split(',').all(|part| {
            part.split_once('=').is_some_and(|(label, value)| !label.trim().is_empty() && !value.trim().is_empty())
        });
        if !fits {
            let what = format!("`{key}` must be a label selector, not \"{selector}\"");
            self.doc.problem(at, what, Some("like \"app=web\" or \"app=web,tier=front\"".to_owned()));
        }
    }

    fn port(&mut self, table: Table<'_, '_>) -> String {
        let number = table.get("port").is_some_and(|item| item.get_ref().as_str().is_none());
        if number {
            return self.doc.number(table, "port", 1, 65535).map_or_else(String::new, |port| port.to_string());
        }
        first(self.doc.text(table, "port"))
    }

    fn prometheus(&mut self, table: Table<'_, '_>) -> Option<OwnPrometheus> {
        self.doc.known(table, PROMETHEUS);
        let (service, _) = self.doc.needed(table, "service")?;
        Some(OwnPrometheus {
            namespace: first(self.doc.text(table, "namespace")),
            service,
            port: self.port(table),
            tls: self.doc.choice(table, "scheme", SCHEMES) == Some(1),
        })
    }

    fn component(&mut self, table: Table<'_, '_>) -> Component {
        self.doc.known(table, COMPONENT);
        let name = self.doc.needed(table, "name");
        let own = first(name.clone());
        self.places.components.extend(name);
        let depends_on = self.doc.texts(table, "depends-on");
        for (on, at) in &depends_on {
            self.places.references.push((on.clone(), *at, "component.depends-on"));
            self.places.edges.push((own.clone(), on.clone(), *at));
        }
        let selector = self.doc.text(table, "selector");
        if let Some((selector, at)) = &selector {
            self.selector(selector, *at, "component.selector");
        }
        let workloads = self.doc.texts(table, "workloads");
        let workloads = workloads.into_iter().filter_map(|(text, at)| self.workload(&text, at)).collect();
        let endpoints = self.doc.tables(table, "endpoint");
        let services = self.doc.texts(table, "services");
        let words = ServiceName::ALL.map(ServiceName::key);
        for (word, at) in services.iter().filter(|(word, _)| !words.contains(&word.as_str())) {
            let hint = nearest(word, words).map(|near| format!("did you mean \"{near}\"?"));
            let hint = hint.or_else(|| Some(format!("it may be one of {}", words.join(", "))));
            self.doc.problem(*at, format!("`component.services`: \"{word}\" is no service"), hint);
        }
        Component {
            core: self.doc.flag(table, "core"),
            optional: self.doc.flag(table, "optional"),
            namespace: first(self.doc.text(table, "namespace")),
            selector: first(selector),
            release: first(self.doc.text(table, "release")),
            workloads,
            depends_on: only(depends_on),
            endpoints: endpoints.into_iter().map(|table| self.endpoint(table)).collect(),
            watch: only(self.doc.texts(table, "watch")),
            services: only(services),
            hints: only(self.doc.texts(table, "hints")),
            name: own,
        }
    }

    /// `Deployment/name*`, or a name alone for any kind.
    fn workload(&mut self, text: &str, at: usize) -> Option<Workload> {
        const KINDS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet"];
        let (kind, name) = text.split_once('/').unwrap_or(("*", text));
        if name.is_empty() || (kind != "*" && !KINDS.contains(&kind)) {
            let hint = nearest(kind, KINDS.iter().copied()).map(|word| format!("did you mean \"{word}/{name}\"?"));
            let what = format!(
                "`component.workloads` must be Deployment/, StatefulSet/ or DaemonSet/ and a name, not \"{text}\""
            );
            self.doc.problem(at, what, hint);
            return None;
        }
        Some(Workload { kind: kind.to_owned(), name: name.to_owned() })
    }

    fn severity(&mut self, table: Table<'_, '_>) -> Grade {
        self.doc.choice(table, "severity", SEVERITIES).map_or_else(Grade::default, |at| Grade(GRADES[at]))
    }

    fn endpoint(&mut self, table: Table<'_, '_>) -> Endpoint {
        self.doc.known(table, ENDPOINT);
        let path = self.doc.needed(table, "path");
        if let Some((path, at)) = path.as_ref().filter(|(path, _)| !path.starts_with('/')) {
            self.doc.problem(*at, format!("`endpoint.path` must start with /, not \"{path}\""), None);
        }
        let through_service = self.doc.choice(table, "via", &["pod", "service"]) == Some(1);
        let service = self.doc.text(table, "service");
        let via = match (through_service, service) {
            (true, None) => {
                let hint = Some("name it: service = \"NAME\"".to_owned());
                self.doc.problem(table.at, "via = \"service\" needs the Service's name".to_owned(), hint);
                Via::Pod
            }
            (true, Some((service, _))) => Via::Service(service),
            (false, Some((_, at))) => {
                let hint = Some("write via = \"service\"".to_owned());
                self.doc.problem(at, "`endpoint.service` is asked only through the Service".to_owned(), hint);
                Via::Pod
            }
            (false, None) => Via::Pod,
        };
        let selector = self.doc.text(table, "selector");
        if let Some((selector, at)) = &selector {
            self.selector(selector, *at, "endpoint.selector");
        }
        let mut words = BTreeMap::new();
        for (code, (text, at)) in self.doc.map(table, "words") {
            match code.parse() {
                Ok(code) => drop(words.insert(code, text)),
                Err(_) => {
                    self.doc.problem(at, format!("the keys of `endpoint.words` are HTTP codes, not \"{code}\""), None);
                }
            }
        }
        let expect = self.doc.codes(table, "expect");
        Endpoint {
            path: first(path),
            port: self.port(table),
            tls: self.doc.choice(table, "scheme", SCHEMES) == Some(1),
            via,
            selector: first(selector),
            expect: if expect.is_empty() { vec![200] } else { expect },
            severity: self.severity(table),
            words,
        }
    }

    fn guardrail(&mut self, table: Table<'_, '_>) -> Guardrail {
        self.doc.known(table, GUARDRAIL);
        let name = self.doc.needed(table, "name");
        let (alert, expr) = (self.doc.text(table, "alert"), self.doc.text(table, "expr"));
        let fires = self.doc.choice(table, "fires", &["non-empty", "above-zero"]);
        let needs = self.doc.text(table, "needs").map(|(needs, at)| (self.substituted(&needs, at, "needs"), at));
        let judged_by = match (alert, expr) {
            (Some((alert, at)), None) => {
                if alert.is_empty() {
                    self.doc.problem(at, "`guardrail.alert` is empty".to_owned(), None);
                }
                if fires.is_some() || needs.is_some() {
                    let what = "`fires` and `needs` are for a guardrail with an expr, and this is an alert";
                    self.doc.problem(at, what.to_owned(), None);
                }
                JudgedBy::Alert(alert)
            }
            (None, Some((expr, at))) => {
                if expr.is_empty() {
                    self.doc.problem(at, "`guardrail.expr` is empty".to_owned(), None);
                }
                let expr = self.substituted(&expr, at, "expr");
                let fires = if fires == Some(1) { Fires::AboveZero } else { Fires::NonEmpty };
                JudgedBy::Expr { expr, fires, needs: first(needs) }
            }
            (Some((_, at)), Some(_)) => {
                let hint = Some("keep one of the two".to_owned());
                self.doc.problem(at, "a guardrail is judged by an alert or by an expr, not by both".to_owned(), hint);
                JudgedBy::default()
            }
            (None, None) => {
                if table.get("alert").is_none() && table.get("expr").is_none() {
                    let hint = Some("write alert = \"NAME\" or expr = \"PROMQL\"".to_owned());
                    self.doc.problem(table.at, "nothing says how this guardrail is judged".to_owned(), hint);
                }
                JudgedBy::default()
            }
        };
        let value = self.worth(table, matches!(judged_by, JudgedBy::Alert(_)));
        let component = self.doc.text(table, "component").filter(|(name, _)| !name.is_empty());
        if let Some((name, at)) = &component {
            self.places.references.push((name.clone(), *at, "guardrail.component"));
        }
        self.places.guardrails.extend(name.clone());
        Guardrail {
            name: first(name),
            judged_by,
            severity: self.severity(table),
            action: first(self.doc.text(table, "action")),
            runbook: first(self.doc.text(table, "runbook")),
            component: first(component),
            hold: self.doc.duration(table, "for").unwrap_or(0),
            value,
        }
    }

    fn worth(&mut self, table: Table<'_, '_>, is_alert: bool) -> Worth {
        let (unit, limit) = (self.doc.text(table, "unit"), self.doc.text(table, "limit"));
        let worst = self.doc.choice(table, "worst", &["highest", "lowest"]);
        let object = self.doc.texts(table, "object");
        let at = unit.iter().chain(&limit).chain(&object).map(|(_, at)| *at).next();
        if is_alert && (at.is_some() || worst.is_some()) {
            let what = "`unit`, `limit`, `worst` and `object` are for a guardrail with an expr, and this is an alert";
            self.doc.problem(at.unwrap_or(table.at), what.to_owned(), None);
        }
        Worth { unit: first(unit), limit: first(limit), lowest: worst == Some(1), object: only(object) }
    }

    /// `$name` is what `[metrics]` says; `$namespace` is known once the profile is found, and `$1` belongs to PromQL.
    fn substituted(&mut self, expr: &str, at: usize, key: &str) -> String {
        let mut out = String::new();
        let mut rest = expr;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = &rest[..end];
            rest = &rest[end..];
            if let Some((metric, _)) = self.metrics.get(word) {
                out.push_str(metric);
                continue;
            }
            out.push('$');
            out.push_str(word);
            if word != "namespace" && !word.starts_with(|c: char| c.is_ascii_digit()) && !word.is_empty() {
                let known: Vec<&str> = self.metrics.keys().map(String::as_str).chain(["namespace"]).collect();
                let hint = match nearest(word, known.iter().copied()) {
                    Some(near) => format!("did you mean ${near}?"),
                    None => "name it in [metrics]".to_owned(),
                };
                self.doc.problem(at, format!("`guardrail.{key}` uses ${word}, which is no metric"), Some(hint));
            }
        }
        out + rest
    }

    /// What only the whole can tell: names twice, names of nobody, cycles.
    fn check(&mut self, profile: &Profile) {
        let Places { components, guardrails, references, edges } = std::mem::take(&mut self.places);
        for (what, names) in [("component", &components), ("guardrail", &guardrails)] {
            for (index, (name, at)) in names.iter().enumerate() {
                if names[..index].iter().any(|(other, _)| other == name) {
                    self.doc.problem(*at, format!("two of `{what}` are called \"{name}\""), None);
                }
            }
        }
        for (name, at, key) in references {
            if components.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let names = components.iter().map(|(name, _)| name.as_str());
            let hint = nearest(&name, names).map(|word| format!("did you mean \"{word}\"?"));
            self.doc.problem(at, format!("`{key}` names \"{name}\", which is no component"), hint);
        }
        for (index, name) in profile.upgrade_order.iter().enumerate() {
            if profile.upgrade_order[..index].contains(name) {
                self.doc.problem(0, format!("`upgrade-order` names \"{name}\" twice"), None);
            }
        }
        let mut told: Vec<String> = Vec::new();
        for (from, to, at) in &edges {
            // the way back closes the circle
            if told.contains(from) || !(from == to || reaches(&edges, to, from)) {
                continue;
            }
            told.push(from.clone());
            // one message for a circle, at the first edge of it that is met
            told.extend(
                edges
                    .iter()
                    .map(|(name, ..)| name.clone())
                    .filter(|name| reaches(&edges, name, from) && reaches(&edges, from, name)),
            );
            let what = format!("`component.depends-on` goes in a circle: {from} depends on {to}, and {to} on {from}");
            self.doc.problem(*at, if from == to { format!("\"{from}\" depends on itself") } else { what }, None);
        }
    }
}

fn reaches(edges: &[(String, String, usize)], from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (Vec::new(), vec![from]);
    while let Some(name) = next.pop() {
        for (_, on, _) in edges.iter().filter(|(own, ..)| own == name) {
            if on == to {
                return true;
            }
            if !seen.contains(&on.as_str()) {
                seen.push(on.as_str());
                next.push(on);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::config::profiles::BUILT_IN;

    const GOOD: &str = r#"
name = "shop"
upgrade-order = ["db", "web"]
[detect]
namespaces = ["shop", "shop-data"]
labels = ["app=shop"]
least = 2
[metrics]
errors = "shop_errors_total"
[[component]]
name = "db"
core = true
namespace = "shop-data"
workloads = ["StatefulSet/db*"]
[[component]]
name = "web"
depends-on = ["db"]
workloads = ["web"]
[[component.endpoint]]
path = "/ready"
port = 8080
words = { "503" = "not ready" }
[[component.endpoint]]
path = "/live"
port = "http"
via = "service"
service = "web"
expect = [200, 204]
severity = "P1"
[[guardrail]]
name = "Errors"
expr = "rate($errors{namespace=\"$namespace\"}[5m]) > 0"
needs = "$errors"
fires = "above-zero"
for = "3m"
component = "web"
[[guardrail]]
name = "Down"
alert = "ShopDown"
severity = "P1"
action = "Call\u001b[31m somebody"
"#;

    fn told(text: &str) -> Vec<String> {
        let problems = read(Path::new("p.toml"), text).expect_err("it is not right");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn everything_that_is_written_is_read() {
        let profile = read(Path::new("p.toml"), GOOD).unwrap();
        assert_eq!((&*profile.name, &*profile.home, profile.detect.least), ("shop", "shop", 2));
        let [db, web] = &profile.components[..] else { panic!("{profile:?}") };
        assert!(db.core && !web.core);
        assert_eq!(db.workloads, [Workload { kind: "StatefulSet".to_owned(), name: "db*".to_owned() }]);
        assert_eq!((&*web.workloads[0].kind, &web.depends_on[..]), ("*", &["db".to_owned()][..]));
        let [ready, live] = &web.endpoints[..] else { panic!("{web:?}") };
        assert_eq!((&*ready.port, &ready.via, &ready.expect[..]), ("8080", &Via::Pod, &[200][..]));
        assert_eq!(ready.words.get(&503).map(String::as_str), Some("not ready"));
        assert_eq!((&live.via, live.severity.0), (&Via::Service("web".to_owned()), Severity::P1));
        let [errors, down] = &profile.guardrails[..] else { panic!("{profile:?}") };
        let expr = "rate(shop_errors_total{namespace=\"$namespace\"}[5m]) > 0".to_owned();
        let needs = "shop_errors_total".to_owned();
        assert_eq!(errors.judged_by, JudgedBy::Expr { expr, fires: Fires::AboveZero, needs });
        assert_eq!((errors.hold, errors.severity.0), (180, Severity::P3));
        assert_eq!(down.judged_by, JudgedBy::Alert("ShopDown".to_owned()));
        assert!(!down.action.contains('\u{1b}'));
    }

    #[rstest]
    #[case("name = ", "not valid TOML")]
    #[case(GOOD.replace("upgrade-order", "upgrade-ordr"), "p.toml:3:1: unknown key `upgrade-ordr`; did you mean `upgrade-order`?")]
    #[case(GOOD.replace("core = true", "core = 1"), "p.toml:12:8: `component.core` must be true or false, not 1")]
    #[case(GOOD.replace("name = \"web\"", "name = \"db\""), "two of `component` are called \"db\"")]
    #[case(GOOD.replace("name = \"Down\"", "name = \"Errors\""), "two of `guardrail` are called \"Errors\"")]
    #[case(GOOD.replace("depends-on = [\"db\"]", "depends-on = [\"bd\"]"), "p.toml:17:15: `component.depends-on` names \"bd\", which is no component; did you mean \"db\"?")]
    #[case(GOOD.replace("depends-on = [\"db\"]", "depends-on = [\"web\"]"), "\"web\" depends on itself")]
    #[case(GOOD.replace("core = true", "depends-on = [\"web\"]"), "p.toml:12:15: `component.depends-on` goes in a circle: db depends on web, and web on db")]
    #[case(GOOD.replace("[\"db\", \"web\"]", "[\"db\", \"api\"]"), "p.toml:3:24: `upgrade-order` names \"api\", which is no component")]
    #[case(GOOD.replace("\"P1\"\naction", "\"P0\"\naction"), "`guardrail.severity` must be one of \"P1\", \"P2\", \"P3\" or \"P4\", not \"P0\"")]
    #[case(GOOD.replace("rate($errors{namespace=\\\"$namespace\\\"}[5m]) > 0", " "), "`guardrail.expr` is empty")]
    #[case(GOOD.replace("needs = \"$errors\"", "needs = \"$erors\""), "`guardrail.needs` uses $erors, which is no metric; did you mean $errors?")]
    #[case(GOOD.replace("alert = \"ShopDown\"", ""), "nothing says how this guardrail is judged")]
    #[case(GOOD.replace("alert = \"ShopDown\"", "alert = \"A\"\nexpr = \"up\""), "by an alert or by an expr, not by both")]
    #[case(GOOD.replace("for = \"3m\"", "for = \"three\""), "must be a duration")]
    #[case(GOOD.replace("\"/ready\"", "\"ready\""), "`endpoint.path` must start with /")]
    #[case(GOOD.replace("service = \"web\"", ""), "via = \"service\" needs the Service's name")]
    #[case(GOOD.replace("[200, 204]", "[20]"), "a list of HTTP codes")]
    #[case(GOOD.replace("StatefulSet/db*", "Statefulset/db*"), "did you mean \"StatefulSet/db*\"?")]
    #[case(GOOD.replace("least = 2", "least = 3"), "a number from 1 to 2")]
    #[case(GOOD.replace("app=shop", "app"), "`detect.labels` must be a label selector")]
    #[case("name = \"x\"", "a profile without a component says nothing")]
    fn a_mistake_is_told_with_its_place(#[case] text: impl AsRef<str>, #[case] expected: &str) {
        let told = told(text.as_ref());
        assert!(told.iter().any(|line| line.contains(expected)), "{told:#?}");
    }

    #[test]
    fn all_mistakes_are_told_together_in_the_order_of_their_lines() {
        let text =
            GOOD.replace("core = true", "cor = true").replace("[200, 204]", "[20]").replace("name = \"shop\"", "");
        let told = told(&text);
        assert_eq!(told.len(), 3, "{told:#?}");
        let lines: Vec<usize> = told.iter().map(|t| t.split(':').nth(1).unwrap().parse().unwrap()).collect();
        assert!(lines.is_sorted(), "{told:#?}");
    }

    #[test]
    fn every_built_in_profile_is_right_and_bears_the_name_of_its_file() {
        for (name, text) in BUILT_IN {
            match read(Path::new(name), text) {
                Ok(profile) => {
                    assert_eq!(profile.name, *name);
                    assert!(!profile.title.is_empty() && !profile.hints.is_empty());
                    // every guardrail must say what to do
                    assert!(profile.guardrails.iter().all(|g| !g.action.is_empty()), "{name}");
                    let ordered = profile.upgrade_order.len();
                    assert!(ordered + 1 >= profile.components.len(), "{name} forgets a component in its order");
                }
                Err(problems) => panic!("{problems:#?}"),
            }
        }
    }
}
