//! Gets one file from an address that holds its own credential (a presigned URL). Nothing of the address, and nothing of
//! what a storage says about it, is in an error. It sends no credentials of ours, and goes where the address says: a
//! redirection is an error.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ::http::{Request, Uri};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use reqwest::Url;

use super::auth::{Credentials, Source};
use super::errors::RequestError;
use super::proxy;
use super::web::{self, Reach, Web};
use crate::config::env::Env;

/// One request, and the connection is left.
const IDLE: Duration = Duration::from_secs(1);

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadError {
    /// No http or https address.
    NotAnAddress,
    /// It leads where no storage is.
    Elsewhere,
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
            Self::Elsewhere => f.write_str(
                "what was given out leads neither to the storage that the backup location names, nor over https to a \
                 public name: it was not asked",
            ),
            Self::Unreachable(why) => f.write_str(why),
            Self::Refused(403) => f.write_str("the storage refused the address (403): it may have expired"),
            Self::Refused(code) => write!(f, "the storage answered {code}"),
            Self::Broken => f.write_str("it broke off in the middle"),
            Self::TooLarge => f.write_str("it is too large"),
        }
    }
}

/// The file at `url`, at most `most` bytes of it, within `deadline`. Somebody else has written the address: it is only
/// asked where `origins` say that the storage is, or over https at a name that leads out of this machine.
///
/// # Errors
/// See [`DownloadError`].
pub async fn download(
    url: &str,
    origins: &[String],
    env: &Env,
    most: usize,
    deadline: Duration,
) -> Result<Bytes, DownloadError> {
    let parsed: Url = url.parse().map_err(|_| DownloadError::NotAnAddress)?;
    // what is asked is what was judged, not another reading of it
    let uri: Uri = parsed.as_str().parse().map_err(|_| DownloadError::NotAnAddress)?;
    let written: Uri = url.parse().unwrap_or_else(|_| uri.clone());
    let web = web(parsed, &written, origins, env)?;
    let request = Request::get(uri).body(None).map_err(|_| DownloadError::NotAnAddress)?;
    let until = tokio::time::Instant::now() + deadline;
    let response = match tokio::time::timeout_at(until, web.send(request)).await {
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

/// For the server of an address.
fn web(url: Url, written: &Uri, origins: &[String], env: &Env) -> Result<Web, DownloadError> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(DownloadError::NotAnAddress);
    }
    let allowed = way(&url, origins).ok_or(DownloadError::Elsewhere)?;
    let mut reach = Reach::of(url);
    reach.idle = IDLE;
    reach.proxy = proxy::choose(written, None, env)
        .map_err(|bad| DownloadError::Unreachable(format!("{} is no address of a proxy", bad.place)))?;
    // behind a proxy it is the proxy that looks names up
    reach.allowed = if reach.proxy.is_some() { |_| true } else { allowed };
    let credentials = Credentials::new(Source::None, String::new(), String::new());
    Web::new(&reach, credentials).map_err(|error| DownloadError::Unreachable(web::words(error.as_ref())))
}

/// To which addresses of a network this one may lead; nothing when it may not be asked at all. It is read as it will be
/// when it is asked: a number that is an address in disguise is one here, too.
fn way(url: &Url, origins: &[String]) -> Option<fn(IpAddr) -> bool> {
    let host = url.host_str()?;
    let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let is_storage = origins.iter().filter_map(|origin| origin.parse::<Url>().ok()).any(|own| {
        let named = own.host_str().is_some_and(|own| {
            // a bucket may be prepended to the host
            let below =
                || host.len() > own.len() && host[..host.len() - own.len()].ends_with('.') && host.ends_with(own);
            host.eq_ignore_ascii_case(own) || (literal.is_none() && below())
        });
        named && own.scheme() == url.scheme() && own.port_or_known_default() == url.port_or_known_default()
    });
    let is_own = host.eq_ignore_ascii_case("localhost") || literal.is_some_and(|ip| ip.to_canonical().is_loopback());
    match (is_storage, literal) {
        // whoever configures this machine's own address means it
        (true, _) if is_own => Some(|ip| ip.to_canonical().is_loopback()),
        (true, Some(ip)) => leads_out(ip).then_some(leads_out as fn(IpAddr) -> bool),
        (true, None) => Some(leads_out),
        // a certificate is of a name, and a name that others choose must have one
        (false, None) if url.scheme() == "https" && !is_own => Some(leads_out),
        _ => None,
    }
}

/// Neither this machine, nor its neighbours on the wire (among them the metadata service of a cloud, which gives out
/// credentials to whoever asks), nor no address at all. Private networks stay: storage may be in one.
fn leads_out(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
        return false;
    }
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_link_local() || ip.is_broadcast() || METADATA_V4.contains(&ip) || ip.octets()[0] == 0)
        }
        IpAddr::V6(ip) => {
            let [first, second, .., high, low] = ip.segments();
            // NAT64 carries an address of the older kind
            if (first, second) == (0x64, 0xff9b) {
                return leads_out(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into());
            }
            !(ip.is_unicast_link_local() || METADATA_V6.contains(&ip))
        }
    }
}

/// Metadata services with addresses of their own, in addition to the link-local ones: of Alibaba, of Oracle, of AWS.
const METADATA_V4: &[Ipv4Addr] = &[Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: &[Ipv6Addr] = &[Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

/// The error's words, where they cannot name the place.
fn unreachable(error: &RequestError) -> DownloadError {
    DownloadError::Unreachable(match error {
        RequestError::NoName(_) => return DownloadError::Elsewhere,
        RequestError::Dns(_) => "its name has no address here".to_owned(),
        error if error.is_connection() => error.headline(),
        _ => "the request failed".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error_of(url: &str) -> DownloadError {
        let origins = ["http://127.0.0.1:1".to_owned()];
        download(url, &origins, &Env::default(), 10, Duration::from_secs(5)).await.unwrap_err()
    }

    fn may(url: &str, origins: &[&str]) -> bool {
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        way(&url.parse().unwrap(), &origins).is_some()
    }

    #[test]
    fn an_address_leads_to_the_configured_storage_or_out_over_https() {
        let minio = &["http://minio.velero.svc:9000", "http://127.0.0.1:9000", "http://10.0.0.9:9000"][..];
        for url in [
            "https://s3.eu-central-1.amazonaws.com/b/k?X-Amz-Signature=1",
            "http://minio.velero.svc:9000/b/k?x=1",
            "http://bucket.minio.velero.svc:9000/k",
            "http://127.0.0.1:9000/k",
            "http://10.0.0.9:9000/k",
        ] {
            assert!(may(url, minio), "{url}");
        }
        for url in [
            "http://s3.example/k",
            "http://minio.velero.svc:9001/k",
            "https://127.0.0.1/k",
            "https://[::1]/k",
            "https://2130706433/k",
            "https://0x7f.1/k",
            "https://0251.0376.0251.0376/k",
            "https://[::ffff:127.0.0.1]/k",
            "https://localhost/k",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/k",
            "http://127.0.0.1:9001/k",
            "http://evilminio.velero.svc:9000/k",
            "http://minio.velero.svc.evil:9000/k",
        ] {
            assert!(!may(url, minio), "{url}");
        }
        assert!(!may("http://127.0.0.1:9000/k", &[]));
        assert!(!may("http://169.254.169.254:80/k", &["http://169.254.169.254"]), "no storage lives there");
    }

    #[test]
    fn what_a_name_may_not_lead_to() {
        let out = |text: &str| leads_out(text.parse().unwrap());
        for text in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            "100.100.100.200",
            "192.0.0.192",
        ] {
            assert!(!out(text), "{text}");
        }
        for text in ["10.0.0.1", "192.168.1.1", "52.219.1.1", "2600::1", "fd12::1", "64:ff9b::808:808"] {
            assert!(out(text), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_asked() {
        // the resolver knows it wherever there is one
        let error = error_of("https://localhost.:1/hunter2").await;
        assert!(matches!(error, DownloadError::Elsewhere | DownloadError::Unreachable(_)), "{error:?}");
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
