//! Which profiles are on: looked for in the cluster by their namespaces and labels, because only the API server knows
//! labels that no table keeps. What may not be looked at is not taken for absent.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use tokio::sync::watch;

use super::address::Address;
use super::poll::{Ask, AskError, expect_ok, utf8};
use crate::clients::cluster::Cluster;
use crate::clients::http::Http;
use crate::config::profiles::Library;
use crate::domain::profile::{Certainty, Profile, Profiles, Said};
use crate::domain::served::escape;
use crate::kinds::wire::{Many, Meta};

/// A platform may be installed while we look.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN_UNSURE: Duration = Duration::from_secs(10);

const HIDDEN: &str = "namespaces and pods may not be looked at here; name the profiles in the configuration";

/// Looks again and again, and tells what changed, until nobody listens.
pub async fn keep(cluster: Arc<Cluster>, library: Library, namespaces: &[String], tell: watch::Sender<Arc<Profiles>>) {
    let api = Address::new(Http::api(&cluster));
    loop {
        let before = tell.borrow().clone();
        let found = Arc::new(look(&api, &library, namespaces, &before).await);
        let unsure = matches!(found.certainty, Certainty::Unsure(_) | Certainty::Hidden(_));
        tell.send_if_modified(|old| {
            let new = *old != found;
            *old = found;
            new
        });
        tokio::select! {
            () = tokio::time::sleep(if unsure { LOOK_AGAIN_UNSURE } else { LOOK_AGAIN }) => {}
            () = tell.closed() => return,
        }
    }
}

/// One look. What was on and cannot be looked at now stays on.
pub async fn look(api: &impl Ask, library: &Library, namespaces: &[String], before: &Profiles) -> Profiles {
    let known = library.profiles();
    let each = join_all(known.iter().map(|profile| find(api, profile, namespaces))).await;
    let mut out = Profiles { known, active: Vec::new(), certainty: Certainty::Certain };
    for (profile, found) in out.known.iter().zip(&each) {
        let is_on = |home: &str, said| Profile { said, ..profile.clone().at(home) };
        if let Some(chosen) = &library.chosen {
            if chosen.contains(&profile.name) {
                out.active.push(match found {
                    Found::Here(home, Said::Namespaces) => is_on(home, Said::Namespaces),
                    Found::Here(home, _) => is_on(home, Said::Configured),
                    Found::Absent | Found::Unsure(_) | Found::Hidden => is_on(&profile.home, Said::Configured),
                });
            }
            continue;
        }
        match found {
            Found::Here(home, said) => out.active.push(is_on(home, *said)),
            Found::Absent => {}
            Found::Unsure(why) => {
                out.active.extend(before.active.iter().find(|old| old.name == profile.name).cloned());
                out.certainty = Certainty::Unsure(why.clone());
            }
            Found::Hidden => {
                out.active.extend(before.active.iter().find(|old| old.name == profile.name).cloned());
                out.certainty = Certainty::Hidden(HIDDEN.to_owned());
            }
        }
    }
    if let Some(chosen) = &library.chosen {
        out.active.sort_by_key(|profile| chosen.iter().position(|name| *name == profile.name));
    }
    out
}

/// Whether one profile is on.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// In this namespace; who says so.
    Here(String, Said),
    Absent,
    /// Why it cannot be said.
    Unsure(String),
    /// It may not be looked at.
    Hidden,
}

async fn find(api: &impl Ask, profile: &Profile, readable: &[String]) -> Found {
    let detect = &profile.detect;
    let present = join_all(detect.namespaces.iter().map(|name| exists(api, name, readable))).await;
    let there = detect.namespaces.iter().zip(&present).filter(|(_, seen)| **seen == Ok(true)).map(|(name, _)| name);
    let there: Vec<&String> = there.collect();
    if !there.is_empty() && there.len() >= detect.least {
        return Found::Here(there[0].clone(), Said::Namespaces);
    }
    let mut unsure = None;
    for label in &detect.labels {
        match labelled(api, label, readable).await {
            Ok(Some((home, said))) => return Found::Here(home, said),
            Ok(None) => {}
            Err(error) => unsure = Some(error),
        }
    }
    let hidden = present.iter().filter(|seen| seen.is_err()).count();
    if there.len() + hidden >= detect.least && hidden > 0 {
        unsure = unsure.or_else(|| present.into_iter().find_map(Result::err));
    }
    unsure.map_or(Found::Absent, |error| match error {
        AskError::Forbidden(_) => Found::Hidden,
        error => Found::Unsure(error.to_string()),
    })
}

/// A namespace that is configured to be read is there, even if we may not ask for it.
async fn exists(api: &impl Ask, name: &str, readable: &[String]) -> Result<bool, AskError> {
    match expect_ok(api.get(&format!("/api/v1/namespaces/{}", escape(name))).await) {
        Ok(_) => Ok(true),
        Err(AskError::NotFound(_)) => Ok(false),
        Err(AskError::Forbidden(_)) if readable.iter().any(|own| own == name) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The namespace that bears the label, or has a pod that does.
async fn labelled(api: &impl Ask, selector: &str, readable: &[String]) -> Result<Option<(String, Said)>, AskError> {
    let query = format!("labelSelector={}&limit=1", escape(selector));
    let namespaces = first(api, &format!("/api/v1/namespaces?{query}")).await;
    if let Ok(Some((name, _))) = namespaces {
        return Ok(Some((name, Said::Namespaces)));
    }
    match first(api, &format!("/api/v1/pods?{query}")).await {
        Ok(Some((_, namespace))) => return Ok(Some((namespace, Said::Nobody))),
        Ok(None) => return namespaces.map(|_| None),
        Err(AskError::Forbidden(_)) if !readable.is_empty() => {}
        Err(error) => return Err(error),
    }
    let paths: Vec<String> =
        readable.iter().map(|name| format!("/api/v1/namespaces/{}/pods?{query}", escape(name))).collect();
    for answer in join_all(paths.iter().map(|path| first(api, path))).await {
        if let Some((_, namespace)) = answer? {
            return Ok(Some((namespace, Said::Nobody)));
        }
    }
    Ok(None)
}

/// Name and namespace of the first object of a list.
async fn first(api: &impl Ask, path: &str) -> Result<Option<(String, String)>, AskError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct List {
        items: Many<Item>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Item {
        metadata: Meta,
    }
    let body = expect_ok(api.get(path).await)?;
    let list: List = serde_json::from_str(&utf8(&body)).map_err(|error| AskError::Other(error.to_string()))?;
    Ok(list.items.first().map(|Item { metadata: meta }| (meta.name.to_string(), meta.namespace.to_string())))
}

#[cfg(test)]
mod tests {
    use super::super::poll::tests::Fake;
    use super::*;
    use crate::config::profiles::built_in;

    const NONE: &str = r#"{"items":[]}"#;

    /// A cluster of these namespaces where no label is found.
    fn cluster(namespaces: &[&'static str]) -> Fake {
        let empty = Fake::new("api").on("/api/v1/namespaces", 200, NONE).on("/api/v1/pods", 200, NONE);
        namespaces.iter().fold(empty, |fake, path| fake.on(path, 200, "{}"))
    }

    async fn names(fake: &Fake, readable: &[&str], library: &Library) -> (Vec<String>, Certainty) {
        let readable: Vec<String> = readable.iter().map(ToString::to_string).collect();
        let found = look(fake, library, &readable, &Profiles::default()).await;
        (found.active.iter().map(|p| format!("{} in {}", p.name, p.home)).collect(), found.certainty)
    }

    #[tokio::test]
    async fn enough_namespaces_switch_a_profile_on_and_one_that_many_have_does_not() {
        let few = cluster(&["/api/v1/namespaces/monitoring", "/api/v1/namespaces/slopilot"]);
        let (on, certainty) = names(&few, &[], &built_in()).await;
        assert_eq!((on, certainty), (vec!["slopilot in slopilot".to_owned()], Certainty::Certain));
        let many = cluster(&[
            "/api/v1/namespaces/flux-system",
            "/api/v1/namespaces/cert-manager",
            "/api/v1/namespaces/kyverno",
            "/api/v1/namespaces/monitoring",
            "/api/v1/namespaces/logging",
            "/api/v1/namespaces/openbao",
            "/api/v1/namespaces/velero",
        ]);
        assert_eq!(names(&many, &[], &built_in()).await.0, ["sre-platform in flux-system"]);
    }

    #[tokio::test]
    async fn a_pod_with_the_label_tells_where_the_platform_lives() {
        let fake = Fake::new("api").on("/api/v1/namespaces", 200, NONE).on(
            "/api/v1/pods",
            200,
            r#"{"items":[{"metadata":{"name":"x","namespace":"tools"}}]}"#,
        );
        let mut library = built_in();
        library.known.retain(|known| known.profile.name == "slopilot");
        let found = look(&fake, &library, &[], &Profiles::default()).await;
        let slopilot = &found.active[0];
        assert_eq!(slopilot.home, "tools");
        assert!(slopilot.components.iter().all(|c| c.namespace == "tools"));
        assert!(!slopilot.vouches_for("tools"), "anybody may label a pod");
        // also when the configuration says that it is on
        library.chosen = Some(vec!["slopilot".to_owned()]);
        let chosen = look(&fake, &library, &[], &Profiles::default()).await;
        assert!(!chosen.active[0].vouches_for("tools") && chosen.active[0].vouches_for("slopilot"));
        library.chosen = None;
        let labelled = Fake::new("api").on("/api/v1/namespaces", 200, r#"{"items":[{"metadata":{"name":"tools"}}]}"#);
        let found = look(&labelled, &library, &[], &Profiles::default()).await;
        assert!(found.active[0].vouches_for("tools"), "only an administrator labels a namespace");
    }

    #[tokio::test]
    async fn what_may_not_be_looked_at_is_not_absent() {
        let refused = |path| Fake::new("api").on(path, 403, "");
        let closed = built_in().known.iter().flat_map(|k| k.profile.detect.namespaces.clone()).fold(
            refused("/api/v1/namespaces").failing("/api/v1/pods", AskError::Forbidden(String::new())),
            |fake, name| {
                let path: &'static str = Box::leak(format!("/api/v1/namespaces/{name}").into_boxed_str());
                fake.on(path, 403, "")
            },
        );
        let (on, certainty) = names(&closed, &[], &built_in()).await;
        assert!(on.is_empty());
        let Certainty::Hidden(why) = certainty else { panic!("{certainty:?}") };
        assert!(why.contains("may not be looked at"), "{why}");
        // what is readable by configuration is there
        assert_eq!(names(&closed, &["slopilot"], &built_in()).await.0, ["slopilot in slopilot"]);
    }

    #[tokio::test]
    async fn what_the_configuration_names_is_on_whatever_is_found_and_the_rest_is_off() {
        let fake = cluster(&["/api/v1/namespaces/slopilot"]);
        let library = Library { chosen: Some(vec!["kubeop".to_owned()]), ..built_in() };
        let (on, certainty) = names(&fake, &[], &library).await;
        assert_eq!((on, certainty), (vec!["kubeop in kubeop-system".to_owned()], Certainty::Certain));
        let off = Library { chosen: Some(Vec::new()), ..built_in() };
        assert!(names(&fake, &[], &off).await.0.is_empty());
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_switches_nothing_off() {
        let fake = cluster(&["/api/v1/namespaces/slopilot"]);
        let before = look(&fake, &built_in(), &[], &Profiles::default()).await;
        let gone = fake
            .failing("/api/v1/namespaces/slopilot", AskError::Timeout)
            .failing("/api/v1/namespaces", AskError::Timeout)
            .failing("/api/v1/pods", AskError::Timeout);
        let after = look(&gone, &built_in(), &[], &before).await;
        assert_eq!(after.active.len(), 1);
        assert_eq!(after.certainty, Certainty::Unsure("no answer in time".to_owned()));
    }
}
