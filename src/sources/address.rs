//! One address of a service as the pure steps ask it: bounded in time, and again where the API server was too busy to
//! pass the question on.

use std::time::Duration;

use super::poll::{Answer, Ask, AskError};
use crate::clients::errors::RequestError;
use crate::clients::http::Http;

/// One answer may take so long.
const DEADLINE: Duration = Duration::from_secs(10);
/// So often a question is asked again that the API server was too busy to pass on.
const MOST_TRIES: u32 = 3;
/// It is not waited for longer than this: the next step asks again anyway.
const HELD_BACK: Duration = Duration::from_secs(15);

/// An address behind the [`Ask`] that the pure steps know.
#[derive(Clone)]
pub(super) struct Address {
    http: Http,
    label: String,
    deadline: Duration,
}

impl Address {
    pub(super) fn new(http: Http) -> Self {
        let label = match http.label() {
            label if label.is_empty() => "the API server".to_owned(),
            label => label,
        };
        Self { http, label, deadline: DEADLINE }
    }

    pub(super) fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }
}

impl Ask for Address {
    async fn get(&self, path: &str) -> Result<Answer, AskError> {
        let mut tries = 0;
        let answer = loop {
            let answer = self.http.get(path, self.deadline).await.map_err(|error| sorted(&error))?;
            // a failing proxy answers with the API server's own words, which are not the service's
            match answer.from_api_server() {
                None => break answer,
                Some(RequestError::Throttled { retry_after }) if tries < MOST_TRIES => {
                    tries += 1;
                    held_back(retry_after).await;
                }
                Some(error) => return Err(sorted(&error)),
            }
        };
        Ok(Answer { status: answer.status.as_u16(), body: answer.body.to_vec(), date: None })
    }

    fn label(&self) -> &str {
        &self.label
    }
}

/// Waits as long as the API server asks.
async fn held_back(retry_after: Option<Duration>) {
    tokio::time::sleep(retry_after.unwrap_or(Duration::from_secs(1)).min(HELD_BACK)).await;
}

fn sorted(error: &RequestError) -> AskError {
    let words = error.detail();
    match error {
        RequestError::Timeout => AskError::Timeout,
        RequestError::Forbidden { .. } => AskError::Forbidden(words),
        RequestError::NotFound { .. } => AskError::NotFound(words),
        RequestError::Server { .. } => AskError::Refused(words),
        other if other.is_connection() => AskError::Refused(other.to_string()),
        RequestError::Throttled { .. } => AskError::Busy(error.to_string()),
        other => AskError::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_requests_is_an_error_of_its_own() {
        let error = RequestError::Throttled { retry_after: Some(Duration::from_secs(3)) };
        assert_eq!(sorted(&error), AskError::Busy("too many requests, again in 3 s".into()));
    }
}
