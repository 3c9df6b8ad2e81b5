//! What every connection keeps to, whichever server it leads to: keepalive (a peer that has vanished is noticed within 15
//! seconds), connecting bounded in time, and names whose addresses may be restricted. Sends nothing.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use reqwest::dns::{Addrs, Resolve, Resolving};
use tower::{BoxError, Service};

use super::failure::{DnsFailed, Overdue};

/// What we say we are.
pub const USER_AGENT: &str = concat!("watchkeeper/", env!("CARGO_PKG_VERSION"));
/// TCP and, behind it, the proxy's and the TLS handshakes.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
pub const KEEPALIVE_PROBES: u32 = 2;
/// Keepalive rests while a request waits for its acknowledgement; this does not, and cuts the last probe short.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(12);

type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A connector that gives up in time, whatever stage it hangs in.
#[derive(Clone, Debug)]
pub struct Bounded<C>(pub C);

impl<C, T> Service<T> for Bounded<C>
where
    C: Service<T>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pending<C::Response, BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            match tokio::time::timeout(HANDSHAKE_DEADLINE, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(Overdue::Connecting.into()),
            }
        })
    }
}

/// The system's resolver, with errors that are recognised by their type.
#[derive(Clone, Debug)]
pub struct Resolver {
    names: GaiResolver,
    /// To which addresses a name may lead: one that leads to others only is as if it led nowhere. An address in place of
    /// a name is for the caller to look at.
    allowed: fn(IpAddr) -> bool,
}

impl Resolver {
    pub fn new(allowed: fn(IpAddr) -> bool) -> Self {
        Self { names: GaiResolver::new(), allowed }
    }

    fn look_up(&self, name: Name) -> impl Future<Output = Result<Vec<SocketAddr>, DnsFailed>> + Send + use<> {
        let host = name.as_str().to_owned();
        let (lookup, allowed) = (self.names.clone().call(name), self.allowed);
        async move {
            let found = match lookup.await {
                Ok(found) => found.collect::<Vec<SocketAddr>>(),
                Err(error) => return Err(DnsFailed { host, error: error.to_string(), barred: false }),
            };
            let there = !found.is_empty();
            let kept: Vec<SocketAddr> = found.into_iter().filter(|address| allowed(address.ip())).collect();
            if kept.is_empty() && there {
                return Err(DnsFailed { host, error: "it leads where nothing is asked".to_owned(), barred: true });
            }
            Ok(kept)
        }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = DnsFailed;
    type Future = Pending<Self::Response, DnsFailed>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DnsFailed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lookup = self.look_up(name);
        Box::pin(async move { Ok(lookup.await?.into_iter()) })
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let host = name.as_str().to_owned();
        let lookup = host.parse::<Name>().map(|name| self.look_up(name));
        Box::pin(async move {
            let lookup = lookup.map_err(|error| DnsFailed { host, error: error.to_string(), barred: false })?;
            let addresses: Addrs = Box::new(lookup.await?.into_iter());
            Ok(addresses)
        })
    }
}

/// The user and the password of a proxy's address, still percent-encoded.
pub fn userinfo(proxy: &Uri) -> Option<&str> {
    proxy.authority().and_then(|authority| authority.as_str().rsplit_once('@')).map(|(user, _)| user)
}
