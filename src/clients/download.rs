//! Gets one file from an address that holds its own credential (a presigned URL). Nothing of the address, and nothing of
//! what a storage says about it, is in an error. It sends no credentials of ours, and goes where the address says: a
//! redirection is an error.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Uri};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::Config;
use kube::client::Body;

use super::auth::{Credentials, Source};
use super::errors::RequestError;
use super::proxy;
use super::stats::Stats;
use super::transport::Sender;
use crate::config::env::Env;

/// One request, and the connection is left.
const IDLE: Duration = Duration::from_secs(1);

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadError {
    /// No http or https address.
    NotAnAddress,
    /// No answer at all; why, without naming the place.
    Unreachable(String),
    /// Answered by another code than 2xx.
    Refused(u16),
    /// It began, and did not come to its end.
    Broken,
    TooLarge,
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAddress => f.write_str("what was given out is no http or https address"),
            Self::Unreachable(why) => f.write_str(why),
            Self::Refused(403) => f.write_str("the storage refused the address (403): it may have expired"),
            Self::Refused(code) => write!(f, "the storage answered {code}"),
            Self::Broken => f.write_str("it broke off in the middle"),
            Self::TooLarge => f.write_str("it is too large"),
        }
    }
}

/// The file at `url`, at most `most` bytes of it, within `deadline`.
///
/// # Errors
/// See [`DownloadError`].
pub async fn download(url: &str, env: &Env, most: usize, deadline: Duration) -> Result<Bytes, DownloadError> {
    let uri: Uri = url.parse().map_err(|_| DownloadError::NotAnAddress)?;
    let sender = sender(&uri, env)?;
    let request = Request::get(uri).body(Body::empty()).map_err(|_| DownloadError::NotAnAddress)?;
    let until = tokio::time::Instant::now() + deadline;
    let response = match tokio::time::timeout_at(until, sender.send(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(unreachable(&RequestError::from_chain(error.as_ref()))),
        Err(_) => return Err(unreachable(&RequestError::Timeout)),
    };
    if !response.status().is_success() {
        return Err(DownloadError::Refused(response.status().as_u16()));
    }
    let mut body = response.into_body();
    let reading = async {
        let mut file = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| DownloadError::Broken)?;
            if let Some(data) = frame.data_ref() {
                if file.len() + data.len() > most {
                    return Err(DownloadError::TooLarge);
                }
                file.extend_from_slice(data);
            }
        }
        Ok(file.freeze())
    };
    tokio::time::timeout_at(until, reading).await.map_err(|_| DownloadError::Broken)?
}

/// For the server of an address; of the address itself it knows nothing.
fn sender(uri: &Uri, env: &Env) -> Result<Sender, DownloadError> {
    let (Some(scheme @ ("http" | "https")), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(DownloadError::NotAnAddress);
    };
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    let origin: Uri = format!("{scheme}://{host}{port}/").parse().map_err(|_| DownloadError::NotAnAddress)?;
    let mut config = Config::new(origin);
    config.proxy_url = proxy::choose(uri, None, env)
        .map_err(|bad| DownloadError::Unreachable(format!("{} is no address of a proxy", bad.place)))?;
    let credentials = Credentials::new(Source::None, String::new(), String::new());
    Ok(Sender::new(config, IDLE, credentials, Arc::new(Stats::default())))
}

/// The error's words, where they cannot name the place.
fn unreachable(error: &RequestError) -> DownloadError {
    DownloadError::Unreachable(match error {
        RequestError::Dns(_) => "its name has no address here".to_owned(),
        error if error.is_connection() => error.headline(),
        _ => "the request failed".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error_of(url: &str) -> DownloadError {
        download(url, &Env::default(), 10, Duration::from_secs(5)).await.unwrap_err()
    }

    #[tokio::test]
    async fn no_error_names_the_address() {
        for url in ["ftp://minio/x?sig=hunter2", "minio/hunter2", "http://127.0.0.1:1/hunter2?sig=hunter2"] {
            let error = error_of(url).await;
            let told = format!("{error} {error:?}");
            assert!(!told.contains("hunter2") && !told.contains("127.0.0.1") && !told.contains("minio"), "{told}");
        }
        let nowhere = unreachable(&RequestError::Dns("minio.velero.svc".into())).to_string();
        assert_eq!(nowhere, "its name has no address here");
        assert_eq!(unreachable(&RequestError::Other("http://minio/?sig=x".into())).to_string(), "the request failed");
    }
}
