//! Whether there is a namespace of some name: it is asked for by itself, and in the list where that says more. Changes
//! nothing.

use std::time::Duration;

use serde::Deserialize;

use crate::clients::bounds::Pages;
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::Http;
use crate::config::suggest;
use crate::domain::reply::Standing;
use crate::domain::served::escape;
use crate::domain::text;

const DEADLINE: Duration = Duration::from_secs(10);
const PAGE: usize = 500;
/// For all pages of the list.
const LIST: Duration = Duration::from_secs(60);
/// A question that failed for a moment is asked so often.
const TRIES: u32 = 4;
/// Longest wait between two of them.
const LONGEST: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: Meta,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "continue")]
    next: String,
}

/// Whether there is a namespace of this name. Whoever may not list them may still be allowed to get this one.
pub async fn standing(cluster: &Cluster, name: &str) -> Standing {
    let path = format!("/api/v1/namespaces/{}", escape(name));
    match get(cluster, &path).await.map(drop) {
        Ok(()) => Standing::There,
        Err(RequestError::NotFound { .. }) => {
            let known = all(cluster).await.unwrap_or_default();
            Standing::Absent { near: near(name, &known) }
        }
        Err(refused) => match all(cluster).await {
            Ok(known) if known.iter().any(|known| known == name) => Standing::There,
            Ok(known) => Standing::Absent { near: near(name, &known) },
            Err(_) => Standing::Unknown(text::line(&refused.to_string()).into_owned()),
        },
    }
}

async fn all(cluster: &Cluster) -> Result<Vec<String>, RequestError> {
    let mut names = Vec::new();
    let mut pages = Pages::within(LIST);
    let mut more = String::new();
    loop {
        let list: List = get(cluster, &format!("/api/v1/namespaces?limit={PAGE}{more}")).await?.json()?;
        let next = pages.turn(list.items.len(), Some(&list.metadata.next)).map_err(RequestError::Exceeded)?;
        names.extend(list.items.into_iter().map(|item| text::line(&item.metadata.name).into_owned()));
        let Some(token) = next else { return Ok(names) };
        more = format!("&continue={}", escape(&token));
    }
}

/// Asks, and again where the answer may be another one in a moment.
async fn get(cluster: &Cluster, path: &str) -> Result<crate::clients::http::Answer, RequestError> {
    let mut tries = 1;
    loop {
        let answer = Http::api(cluster).get(path, DEADLINE).await.and_then(crate::clients::http::Answer::into_result);
        let wait = match &answer {
            Err(RequestError::Throttled { retry_after: Some(wait) }) => *wait,
            Err(error) if error.is_passing() => Duration::from_secs(1),
            _ => return answer,
        };
        if tries == TRIES || wait > LONGEST {
            return answer;
        }
        tries += 1;
        tokio::time::sleep(wait).await;
    }
}

/// The names that may have been meant: one typing error away, or with what was typed as a part.
fn near(name: &str, known: &[String]) -> Vec<String> {
    let nearest = suggest::nearest(name, known.iter().map(String::as_str));
    let mut out: Vec<String> = nearest.into_iter().map(str::to_owned).collect();
    let parts = known.iter().filter(|known| name.len() > 2 && (known.contains(name) || name.contains(known.as_str())));
    for other in parts {
        if out.len() < 3 && !out.contains(other) {
            out.push(other.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("paymnts", &["payments"])]
    #[case("team", &["team-alpha", "team-beta"])]
    #[case("team-alhpa", &["team-alpha"])]
    #[case("all", &[])]
    #[case("zzz", &[])]
    fn what_may_have_been_meant_is_near(#[case] name: &str, #[case] expected: &[&str]) {
        let known = ["payments", "team-alpha", "team-beta", "kube-system"].map(str::to_owned);
        assert_eq!(near(name, &known), expected);
    }
}
