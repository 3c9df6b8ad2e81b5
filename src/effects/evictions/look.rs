//! What is on a node now.

use std::time::Duration;

use serde_json::Value;

use crate::clients::http::Http;
use crate::domain::ages::Time;
use crate::domain::evictions::There;
use crate::domain::json::list;
use crate::domain::text;

const READ: Duration = Duration::from_secs(10);

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The API server's cache: what is in it may be a little old, and a large cluster feels nothing of it.
    Cheaply,
    /// What is stored.
    Surely,
}

/// The pods of a node, or why they cannot be listed.
pub async fn node(http: &Http, path: &str, how: How, now: Time) -> Result<Vec<There>, String> {
    let path = match how {
        How::Cheaply => format!("{path}&resourceVersion=0"),
        How::Surely => path.to_owned(),
    };
    let listing = async { http.get(&path, READ).await?.into_result()?.json::<Value>() };
    match listing.await {
        Ok(found) if found.get("items").is_some_and(Value::is_array) => {
            Ok(list(&found, "/items").iter().map(|pod| There::read(pod, now)).collect())
        }
        Ok(_) => Err("the answer is no list of pods".to_owned()),
        Err(error) => Err(text::line(&error.to_string()).into_owned()),
    }
}
