//! A request's path and method as the API server understands them: verb, group, resource, name, subresource.
//! It decides nothing about existence or rights.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;

/// The resource part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub group: String,
    pub version: String,
    pub namespace: Option<String>,
    pub resource: String,
    pub name: Option<String>,
    pub sub: Option<String>,
    /// What follows the subresource, undecoded: empty, or from a slash on.
    pub rest: String,
}

/// A request, parsed.
#[derive(Clone, Debug)]
pub struct Route {
    /// `get`, `list`, `watch`, `create`, ... or the method in lower case where there is no resource.
    pub verb: String,
    pub path: String,
    pub query: String,
    pub parameters: HashMap<String, String>,
    pub target: Option<Target>,
}

impl Route {
    #[must_use]
    pub fn parse(method: &Method, uri: &Uri) -> Route {
        let parameters = Query::<HashMap<String, String>>::try_from_uri(uri).map(|query| query.0).unwrap_or_default();
        let target = target(uri.path());
        let watch = matches!(parameters.get("watch").map(String::as_str), Some("true" | "1"));
        let verb = match (&target, method.as_str()) {
            (Some(target), "GET" | "HEAD") if target.name.is_some() => "get".to_owned(),
            (Some(_), "GET" | "HEAD") if watch => "watch".to_owned(),
            (Some(_), "GET" | "HEAD") => "list".to_owned(),
            (Some(_), "POST") => "create".to_owned(),
            (Some(_), "PUT") => "update".to_owned(),
            (Some(target), "DELETE") if target.name.is_none() => "deletecollection".to_owned(),
            (_, other) => other.to_lowercase(),
        };
        Route {
            verb,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            parameters,
            target,
        }
    }

    /// A parameter that was given and is not empty.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A boolean parameter as Go's `ParseBool` reads it, absent being false.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "True" | "TRUE" | "t" | "T" | "1"))
    }
}

fn target(path: &str) -> Option<Target> {
    let mut cursor = Segments { rest: path };
    let (group, version) = match cursor.next()?.as_str() {
        "api" => (String::new(), cursor.next()?),
        "apis" => (cursor.next()?, cursor.next()?),
        _ => return None,
    };
    let mut first = cursor.next()?;
    let mut namespace = None;
    if first == "namespaces" {
        match cursor.next() {
            None => {}
            Some(name) => {
                let after = cursor.clone().next();
                if after.is_none() || (group.is_empty() && matches!(after.as_deref(), Some("status" | "finalize"))) {
                    let sub = cursor.next();
                    let rest = cursor.rest.to_owned();
                    let namespace = Some(name.clone());
                    return Some(Target { group, version, namespace, resource: first, name: Some(name), sub, rest });
                }
                namespace = Some(name);
                first = cursor.next()?;
            }
        }
    }
    let name = cursor.next();
    let sub = if name.is_some() { cursor.next() } else { None };
    Some(Target { group, version, namespace, resource: first, name, sub, rest: cursor.rest.to_owned() })
}

/// Walks a path; what is left keeps its slash.
#[derive(Clone)]
struct Segments<'a> {
    rest: &'a str,
}

impl Segments<'_> {
    fn next(&mut self) -> Option<String> {
        let rest = self.rest.strip_prefix('/')?;
        let end = rest.find('/').unwrap_or(rest.len());
        let segment = &rest[..end];
        if segment.is_empty() {
            return None;
        }
        self.rest = &rest[end..];
        Some(decode(segment))
    }
}

/// Percent-decoding; what is not valid stays as it was.
fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8().map_or_else(|_| segment.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route::parse(&Method::GET, &path.parse().unwrap())
    }

    #[test]
    fn a_proxied_path_keeps_everything_after_the_subresource() {
        let route = route("/api/v1/namespaces/m/services/http%3Aprom:9090/proxy/api/v1/query?query=up");
        let target = route.target.unwrap();
        assert_eq!(target.name.as_deref(), Some("http:prom:9090"));
        assert_eq!(target.sub.as_deref(), Some("proxy"));
        assert_eq!(target.rest, "/api/v1/query");
        assert_eq!(route.query, "query=up");
    }

    #[test]
    fn a_namespace_is_an_object_and_also_a_place() {
        let one = route("/api/v1/namespaces/velero");
        assert_eq!((one.verb.as_str(), one.target.unwrap().resource.as_str()), ("get", "namespaces"));
        let all = route("/api/v1/namespaces?watch=1");
        assert_eq!((all.verb.as_str(), all.target.unwrap().name), ("watch", None));
        let pods = route("/apis/apps/v1/namespaces/velero/deployments").target.unwrap();
        assert_eq!((pods.namespace.as_deref(), pods.resource.as_str()), (Some("velero"), "deployments"));
    }

    #[test]
    fn discovery_paths_have_no_resource() {
        for path in ["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/version", "/openapi/v3"] {
            assert!(route(path).target.is_none(), "{path}");
        }
    }
}
