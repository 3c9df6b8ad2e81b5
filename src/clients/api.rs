//! Which kinds the API server serves, and in which versions: aggregated discovery where it exists, else one question
//! per wanted group. "Not installed" is decided here and nowhere else; a group whose own server is down is neither
//! there nor absent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::http::{Method, Request};
use kube::client::Body;
use serde::Deserialize;

use super::cluster::Cluster;
use super::errors::RequestError;
use super::http::Answer;
use crate::domain::served::Served;

const DEADLINE: Duration = Duration::from_secs(30);
/// Versions of one group that an old server is asked for.
const MOST_VERSIONS: usize = 20;
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// What discovery knows about a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Served(Served),
    /// The server knows no such kind: its CRD is not installed.
    Absent,
    /// The server behind this group does not answer, so nobody knows.
    Stale,
    /// Nobody knows, because the question was refused or failed.
    Hidden(RequestError),
}

/// Everything that is served, as of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiMap {
    /// Versions by group, in the server's order of preference; the core group is "".
    groups: BTreeMap<String, Vec<ApiVersion>>,
    /// Why the core group, or a group of whose versions one could not be asked for, is not known.
    hidden: BTreeMap<String, RequestError>,
    /// Why it is not known which other groups there are.
    unlisted: Option<RequestError>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ApiVersion {
    version: String,
    stale: bool,
    kinds: Vec<ApiKind>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ApiKind {
    kind: String,
    plural: String,
    namespaced: bool,
}

impl ApiMap {
    /// The kind in the first of the preferred versions that is served, else in the server's own first choice.
    #[must_use]
    pub fn find(&self, group: &str, kind: &str, prefer: &[&str]) -> Found {
        let Some(versions) = self.groups.get(group) else {
            let unlisted = self.unlisted.as_ref().filter(|_| !group.is_empty());
            return self.hidden.get(group).or(unlisted).map_or(Found::Absent, |why| Found::Hidden(why.clone()));
        };
        let preferred = prefer.iter().filter_map(|wanted| versions.iter().find(|version| version.version == *wanted));
        let candidates = preferred.chain(versions.iter());
        for version in candidates.filter(|version| !version.stale) {
            if let Some(found) = version.kinds.iter().find(|served| served.kind == kind) {
                return Found::Served(Served {
                    group: group.to_owned(),
                    version: version.version.clone(),
                    plural: found.plural.clone(),
                    namespaced: found.namespaced,
                });
            }
        }
        if versions.iter().any(|version| version.stale) { Found::Stale } else { Found::Absent }
    }

    /// Group and kind of everything that is served, each once.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.groups.iter().flat_map(|(group, versions)| {
            let kinds: BTreeSet<&str> = versions.iter().flat_map(|v| &v.kinds).map(|kind| &*kind.kind).collect();
            kinds.into_iter().map(move |kind| (&**group, kind))
        })
    }

    /// Whether any kind of this group is served.
    #[must_use]
    pub fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// The first reason why something is not known.
    #[must_use]
    pub fn hidden(&self) -> Option<&RequestError> {
        self.unlisted.as_ref().or_else(|| self.hidden.values().next())
    }

    /// The same with what was known before of that which cannot be asked now.
    #[must_use]
    pub fn or_before(mut self, before: Option<&Self>) -> Self {
        let Some(before) = before else { return self };
        let is_unknown =
            |group: &str| self.hidden.contains_key(group) || (self.unlisted.is_some() && !group.is_empty());
        let kept: Vec<_> = before.groups.iter().filter(|(group, _)| is_unknown(group)).collect();
        for (group, versions) in kept {
            self.hidden.remove(group);
            self.groups.entry(group.clone()).or_insert_with(|| versions.clone());
        }
        self
    }
}

/// Asks the server what it serves. `groups` are those that are wanted: an old server is asked for each of them. What
/// cannot be asked is kept as hidden, with the reason.
pub async fn discover(cluster: &Cluster, groups: &[&str]) -> ApiMap {
    let mut map = ApiMap::default();
    if let Err(error) = core(cluster, &mut map).await {
        map.hidden.insert(String::new(), error);
    }
    if let Err(error) = named(cluster, groups, &mut map).await {
        map.unlisted = Some(error);
    }
    map
}

async fn core(cluster: &Cluster, map: &mut ApiMap) -> Result<(), RequestError> {
    let answer = get(cluster, "/api", AGGREGATED).await?.into_result()?;
    if !aggregated(&answer, map)? {
        map.groups.insert(String::new(), vec![plain(cluster, "/api/v1", "v1").await?]);
    }
    Ok(())
}

async fn named(cluster: &Cluster, groups: &[&str], map: &mut ApiMap) -> Result<(), RequestError> {
    let answer = get(cluster, "/apis", AGGREGATED).await?.into_result()?;
    if aggregated(&answer, map)? {
        return Ok(());
    }
    let list: PlainGroups = decoded(&answer)?;
    for group in list.groups.into_iter().filter(|group| groups.contains(&group.name.as_str())) {
        if map.groups.contains_key(&group.name) {
            continue;
        }
        let mut versions = Vec::new();
        for PlainVersion { version } in group.versions.into_iter().take(MOST_VERSIONS) {
            match plain(cluster, &format!("/apis/{}/{version}", group.name), &version).await {
                Ok(known) => versions.push(known),
                Err(error) => {
                    map.hidden.insert(group.name.clone(), error);
                }
            }
        }
        if !map.hidden.contains_key(&group.name) {
            map.groups.insert(group.name, versions);
        }
    }
    Ok(())
}

/// The answer as JSON. What is none comes from somebody else.
fn decoded<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, RequestError> {
    serde_json::from_slice(&answer.body).map_err(|error| RequestError::from_json(&error))
}

/// Takes an aggregated answer into the map; `false` when the server gave a plain one.
fn aggregated(answer: &Answer, map: &mut ApiMap) -> Result<bool, RequestError> {
    let list: GroupList = decoded(answer)?;
    if list.kind != "APIGroupDiscoveryList" {
        return Ok(false);
    }
    for group in list.items {
        let versions = group.versions.into_iter().map(|version| ApiVersion {
            version: version.version,
            stale: version.freshness == "Stale",
            kinds: version
                .resources
                .into_iter()
                .filter_map(|resource| {
                    let kind = resource.response_kind?.kind;
                    (!kind.is_empty()).then(|| ApiKind {
                        kind,
                        plural: resource.plural,
                        namespaced: resource.scope == "Namespaced",
                    })
                })
                .collect(),
        });
        map.groups.insert(group.metadata.name, versions.collect());
    }
    Ok(true)
}

/// One group version of a server without aggregated discovery.
async fn plain(cluster: &Cluster, path: &str, version: &str) -> Result<ApiVersion, RequestError> {
    let answer = get(cluster, path, "application/json").await?.into_result();
    let stale = ApiVersion { version: version.to_owned(), stale: true, kinds: Vec::new() };
    let list: PlainResources = match answer {
        Ok(answer) => decoded(&answer)?,
        // The group is registered but nobody serves it.
        Err(RequestError::Server { .. } | RequestError::NotFound { .. }) => return Ok(stale),
        Err(error) => return Err(error),
    };
    let kinds = list.resources.into_iter().filter(|resource| !resource.name.contains('/'));
    Ok(ApiVersion {
        version: version.to_owned(),
        stale: false,
        kinds: kinds.map(|r| ApiKind { kind: r.kind, plural: r.name, namespaced: r.namespaced }).collect(),
    })
}

async fn get(cluster: &Cluster, path: &str, accept: &str) -> Result<Answer, RequestError> {
    let request =
        Request::builder().method(Method::GET).uri(path).header(::http::header::ACCEPT, accept).body(Body::empty());
    let request = request.map_err(|error| RequestError::Other(error.to_string()))?;
    tokio::time::timeout(DEADLINE, cluster.send_once(request)).await.map_err(|_| RequestError::Timeout)?
}

#[derive(Deserialize)]
struct GroupList {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Named,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize, Default)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
    #[serde(default)]
    freshness: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(rename = "resource")]
    plural: String,
    /// Null for a resource that has only subresources.
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
struct PlainGroups {
    #[serde(default)]
    groups: Vec<PlainGroup>,
}

#[derive(Deserialize)]
struct PlainGroup {
    name: String,
    #[serde(default)]
    versions: Vec<PlainVersion>,
}

#[derive(Deserialize)]
struct PlainVersion {
    version: String,
}

#[derive(Deserialize)]
struct PlainResources {
    #[serde(default)]
    resources: Vec<PlainResource>,
}

#[derive(Deserialize)]
struct PlainResource {
    name: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    namespaced: bool,
}
