//! What is affected by an action on a Flux object: the objects that depend on it, directly or not, and those that use
//! its content. Read from the current lists, so that it also works without a screen.

use std::collections::BTreeSet;

use serde_json::Value;

use super::input::{Input, Target};
use crate::domain::json::{list, text};
use crate::domain::plan::Stop;
use crate::domain::text::counted;

/// So many entries of a list are read; if there are more, that is said.
const PAGE: usize = 500;
/// So many are named.
const NAMED: usize = 5;
/// Kinds that name others in `dependsOn`, each only its own kind.
const DEPEND: &[&str] = &["HelmRelease", "Kustomization"];
/// Kinds that use a source, and where they name it.
const TAKE: &[(&str, &[&str])] = &[
    ("HelmRelease", &["/spec/chart/spec/sourceRef", "/spec/chartRef"]),
    ("Kustomization", &["/spec/sourceRef"]),
    ("HelmChart", &["/spec/sourceRef"]),
];

/// An object by namespace and name.
type Name<'a> = (&'a str, &'a str);

/// One or two lines about what is affected; none when nothing depends on it.
pub fn told(input: &Input<'_>) -> Result<Vec<String>, Stop> {
    let target = input.target()?;
    let mut out = Vec::new();
    let kinds: Vec<&str> = if DEPEND.contains(&target.kind) {
        vec![target.kind]
    } else {
        // a kind that is not served uses nothing
        TAKE.iter().map(|(kind, _)| *kind).filter(|kind| *kind != target.kind && input.served(kind).is_ok()).collect()
    };
    let (mut lists, mut needs) = (Vec::new(), Vec::new());
    for kind in kinds {
        let path = format!("{}?limit={PAGE}", input.served(kind)?.collection(""));
        match input.maybe(&path) {
            Ok(found) => lists.push((kind, found)),
            Err(Stop::Need(paths)) => needs.extend(paths),
            Err(other) => return Err(other),
        }
    }
    if !needs.is_empty() {
        return Err(Stop::Need(needs));
    }
    for (kind, found) in lists {
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                out.push(format!("which {kind}s depend on it could not be read: {why}"));
                continue;
            }
        };
        let names = if DEPEND.contains(&target.kind) { after(found, target) } else { takers(found, kind, target) };
        let verb = match (DEPEND.contains(&target.kind), names.len()) {
            (true, 1) => "depends on it",
            (true, _) => "depend on it",
            (false, 1) => "takes from it",
            (false, _) => "take from it",
        };
        let partial = !text(found, "/metadata/continue").is_empty();
        if let Some(line) = line(kind, verb, &names, partial) {
            out.push(line);
        }
    }
    Ok(out)
}

fn line(kind: &str, verb: &str, names: &BTreeSet<Name<'_>>, partial: bool) -> Option<String> {
    if names.is_empty() && !partial {
        return None;
    }
    let told: Vec<String> = names.iter().take(NAMED).map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    let partial = if partial { format!(" (of the first {PAGE} alone)") } else { String::new() };
    Some(format!("{} {verb}: {}{more}{partial}", counted(names.len(), kind), told.join(", ")))
}

fn name(object: &Value) -> Name<'_> {
    (text(object, "/metadata/namespace"), text(object, "/metadata/name"))
}

/// The object that a reference names; its namespace is that of the referring object where it says none.
fn refers<'a>(reference: &'a Value, home: &'a str) -> Name<'a> {
    let namespace = text(reference, "/namespace");
    (if namespace.is_empty() { home } else { namespace }, text(reference, "/name"))
}

/// Everything that depends on the target, directly or not.
fn after<'a>(found: &'a Value, target: &'a Target) -> BTreeSet<Name<'a>> {
    let start: Name<'_> = (&target.key.namespace, &target.key.name);
    let mut reached: BTreeSet<Name<'a>> = BTreeSet::new();
    let mut ends = vec![start];
    while let Some(end) = ends.pop() {
        for item in list(found, "/items") {
            let here = name(item);
            let names = list(item, "/spec/dependsOn").iter().any(|on| refers(on, here.0) == end);
            if names && here != start && reached.insert(here) {
                ends.push(here);
            }
        }
    }
    reached
}

/// What names the target as its source.
fn takers<'a>(found: &'a Value, kind: &str, target: &Target) -> BTreeSet<Name<'a>> {
    let wanted: Name<'_> = (&target.key.namespace, &target.key.name);
    let places = TAKE.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, places)| places);
    let takes = |item: &&Value| {
        places
            .iter()
            .filter_map(|place| item.pointer(place))
            .any(|reference| text(reference, "/kind") == target.kind && refers(reference, name(item).0) == wanted)
    };
    list(found, "/items").iter().filter(takes).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::{Key, KindId, Uid};
    use serde_json::json;

    fn target(kind: &'static str, namespace: &str, name: &str) -> Target {
        let key = Key { kind: KindId(0), namespace: namespace.into(), name: name.into(), uid: Uid::default() };
        Target {
            kind,
            key,
            labels: super::super::input::Labels::new(),
            component: None,
            known: super::super::input::Known::default(),
        }
    }

    fn release(name: &str, spec: &Value) -> Value {
        json!({ "metadata": { "namespace": "a", "name": name }, "spec": spec })
    }

    #[test]
    fn dependents_are_followed_through_each_other_and_a_circle_ends() {
        let found = json!({ "items": [
            release("base", &json!({"dependsOn": [{"name": "top"}]})),
            release("mid", &json!({"dependsOn": [{"name": "base", "namespace": "a"}]})),
            release("top", &json!({"dependsOn": [{"name": "mid"}]})),
            release("other", &json!({"dependsOn": [{"name": "base", "namespace": "b"}]})),
        ] });
        let base = target("HelmRelease", "a", "base");
        let names = after(&found, &base);
        assert_eq!(names, BTreeSet::from([("a", "mid"), ("a", "top")]));
        let told = line("HelmRelease", "depend on it", &names, false).unwrap();
        assert_eq!(told, "2 HelmReleases depend on it: a/mid, a/top");
    }

    #[test]
    fn what_takes_from_a_source_names_its_kind_too() {
        let found = json!({ "items": [
            release("one", &json!({"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "x"}}}})),
            release("two", &json!({"chart": {"spec": {"sourceRef": {"kind": "GitRepository", "name": "x"}}}})),
            release("three", &json!({"chartRef": {"kind": "HelmRepository", "name": "x", "namespace": "b"}})),
        ] });
        let source = target("HelmRepository", "a", "x");
        assert_eq!(takers(&found, "HelmRelease", &source), BTreeSet::from([("a", "one")]));
    }

    #[test]
    fn a_list_that_was_cut_off_says_so_even_when_nothing_was_found() {
        assert_eq!(line("K", "v", &BTreeSet::new(), false), None);
        assert!(line("K", "v", &BTreeSet::new(), true).unwrap().contains("of the first 500 alone"));
    }
}
