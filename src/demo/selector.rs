//! Label and field selectors. An unknown field is refused, as the API server does: it never silently matches.

use std::borrow::Cow;

use serde_json::Value;

use super::resources::{Origin, Resource};
use super::status::Failure;

/// What can be selected.
pub trait Subject {
    fn label(&self, key: &str) -> Option<Cow<'_, str>>;
    /// A field by its path; absent fields are empty.
    fn field(&self, path: &str) -> Cow<'_, str>;
}

impl Subject for Value {
    fn label(&self, key: &str) -> Option<Cow<'_, str>> {
        self["metadata"]["labels"].get(key).and_then(Value::as_str).map(Cow::Borrowed)
    }

    fn field(&self, path: &str) -> Cow<'_, str> {
        let walk = |path: &str| path.split('.').try_fold(self, |value, key| value.get(key));
        // Events may be stored in either of their two forms.
        let other = path
            .strip_prefix("involvedObject.")
            .map(|rest| format!("regarding.{rest}"))
            .or_else(|| path.strip_prefix("regarding.").map(|rest| format!("involvedObject.{rest}")));
        let found = match (path, self["kind"].as_str()) {
            ("source", Some("Event")) => self.pointer("/source/component").or_else(|| self.get("reportingController")),
            _ => walk(path).or_else(|| other.and_then(|other| walk(&other))),
        };
        match found {
            Some(Value::String(text)) => Cow::Borrowed(text),
            Some(Value::Null) | None => Cow::Borrowed(""),
            Some(other) => Cow::Owned(other.to_string()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

/// A parsed pair of selectors; empty matches everything.
#[derive(Debug, Default)]
pub struct Selector {
    labels: Vec<(String, Test)>,
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// # Errors
    /// 400 with the part that cannot be parsed or the field that this kind does not select by.
    pub fn parse(resource: &Resource, labels: Option<&str>, fields: Option<&str>) -> Result<Selector, Failure> {
        let mut selector = Selector::default();
        for term in labels.into_iter().flat_map(split) {
            selector.labels.push(label_term(term)?);
        }
        for term in fields.into_iter().flat_map(|text| text.split(',')).filter(|term| !term.trim().is_empty()) {
            let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (path, true, value)
            } else {
                return Err(Failure::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'")));
            };
            let path = path.trim();
            if !selectable(resource, path) {
                return Err(Failure::bad_request(format!("field label not supported: {path}")));
            }
            selector.fields.push((path.to_owned(), equal, value.trim().to_owned()));
        }
        Ok(selector)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    #[must_use]
    pub fn matches(&self, subject: &impl Subject) -> bool {
        self.labels.iter().all(|(key, test)| {
            let label = subject.label(key);
            match test {
                Test::In(values) => label.is_some_and(|label| values.iter().any(|value| *value == label)),
                Test::NotIn(values) => label.is_none_or(|label| values.iter().all(|value| *value != label)),
                Test::Exists => label.is_some(),
                Test::Absent => label.is_none(),
            }
        }) && self.fields.iter().all(|(path, equal, value)| (subject.field(path) == value.as_str()) == *equal)
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn label_term(term: &str) -> Result<(String, Test), Failure> {
    let unparsable = || Failure::bad_request(format!("unable to parse requirement: {term:?}"));
    let term = term.trim();
    let (key, test) = if let Some((key, value)) = term.split_once("!=") {
        (key, Test::NotIn(vec![value.trim().to_owned()]))
    } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (key, Test::In(vec![value.trim().to_owned()]))
    } else if let Some(open) = term.find('(') {
        let inside = term[open + 1..].strip_suffix(')').ok_or_else(unparsable)?;
        let values = inside.split(',').map(|value| value.trim().to_owned()).collect();
        let head = term[..open].trim();
        match head.rsplit_once(char::is_whitespace) {
            Some((key, "in")) => (key, Test::In(values)),
            Some((key, "notin")) => (key, Test::NotIn(values)),
            _ => return Err(unparsable()),
        }
    } else if let Some(key) = term.strip_prefix('!') {
        (key, Test::Absent)
    } else {
        (term, Test::Exists)
    };
    let key = key.trim();
    let valid = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(valid) {
        return Err(unparsable());
    }
    Ok((key.to_owned(), test))
}

/// The fields that the API server selects this kind by.
fn selectable(resource: &Resource, path: &str) -> bool {
    if path == "metadata.name" || (path == "metadata.namespace" && resource.namespaced) {
        return true;
    }
    if resource.origin != Origin::Builtin {
        return false;
    }
    match (resource.group, resource.plural) {
        ("", "pods") => matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        ("", "events") => {
            matches!(path, "reason" | "type" | "source" | "reportingComponent")
                || path.strip_prefix("involvedObject.").is_some_and(reference)
        }
        ("events.k8s.io", "events") => {
            matches!(path, "reason" | "type" | "reportingController")
                || path.strip_prefix("regarding.").is_some_and(reference)
        }
        ("", "nodes") => path == "spec.unschedulable",
        ("", "namespaces") => path == "status.phase",
        ("apps", "replicasets") => path == "status.replicas",
        ("batch", "jobs") => path == "status.successful",
        _ => false,
    }
}

fn reference(field: &str) -> bool {
    matches!(field, "kind" | "namespace" | "name" | "uid" | "apiVersion" | "resourceVersion" | "fieldPath")
}

#[cfg(test)]
mod tests {
    use super::super::resources::find;
    use super::*;
    use serde_json::json;

    fn matches(labels: &str, fields: &str) -> bool {
        let pod = json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "x", "labels": {"app": "web", "tier": "1"}},
            "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}});
        Selector::parse(find("", "pods").unwrap(), Some(labels), Some(fields)).unwrap().matches(&pod)
    }

    #[test]
    fn every_form_of_label_selector_is_understood() {
        for yes in ["app=web", "app==web", "app!=db", "app", "!none", "app in (db, web),tier", "app notin (db)", ""] {
            assert!(matches(yes, ""), "{yes}");
        }
        for no in ["app=db", "app!=web", "!app", "none", "app in (db)", "app notin (web,db)", "app=web,tier=2"] {
            assert!(!matches(no, ""), "{no}");
        }
    }

    #[test]
    fn fields_are_compared_for_equality_only() {
        assert!(matches("", "metadata.name=a,spec.nodeName==n1,status.phase!=Failed"));
        assert!(!matches("", "status.phase!=Running"));
    }

    #[test]
    fn what_cannot_be_selected_is_refused() {
        let pods = find("", "pods").unwrap();
        assert!(Selector::parse(pods, None, Some("spec.colour=red")).is_err());
        assert!(Selector::parse(pods, Some("app in web"), None).is_err());
        let releases = find("helm.toolkit.fluxcd.io", "helmreleases").unwrap();
        assert!(Selector::parse(releases, None, Some("status.phase=x")).is_err());
    }
}
