//! The feed of a kind of the Kubernetes API: where discovery finds it, and which of its namespaces may be read.
//!
//! Refused for the whole cluster, it falls back to single namespaces. A relist comes behind the rows that are there.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use kube::Api;
use kube::core::ApiResource;

use super::feed::Feed;
use super::outbox::{Gone, Outbox};
use super::report::{Report, Saying};
use super::scope::{End, Scoped};
use super::shared::Shared;
use super::slim::{DECODER, Decoder, Slim};
use crate::clients::api::Found;
use crate::clients::errors::RequestError;
use crate::domain::change::{Batch, FeedState, Scope};
use crate::domain::record::{KindId, clean};
use crate::domain::served::Served;
use crate::kinds::{self, Api as KindApi};

/// After a 404 for a kind that discovery lists: a server that has just started, or a CRD that is just established.
const MISSING_RETRY: Duration = Duration::from_secs(5);
/// A refused feed asks again after so long: soon, as a server that has just started refuses too much; then every now and
/// then, as rights may have been granted.
const REFUSED_RETRY: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];

/// Runs the feed of one kind until the receiver of its news goes away.
pub async fn run(kind: KindId, shared: Shared) {
    let KindApi::Watch { group, versions, decode, .. } = kinds::spec(kind).api else { return };
    let decoder = Decoder { decode, interner: shared.interner.clone() };
    let feed = Feed { kind, shared, report: Rc::new(RefCell::new(Report::of(kinds::spec(kind).word))) };
    let _ = DECODER.scope(decoder, feed.run(group, versions)).await;
}

impl Feed {
    async fn run(&self, group: &str, versions: &[&str]) -> Result<(), Gone> {
        let mut out = self.outbox();
        let mut served = self.shared.served.clone();
        loop {
            let map = served.borrow_and_update().clone();
            let found = map.map(|map| map.find(group, kinds::spec(self.kind).name, versions));
            match found {
                None => {}
                Some(Found::Absent) => {
                    self.report.borrow_mut().restart();
                    self.report.borrow_mut().is(FeedState::NotInstalled, None);
                    self.tell(&mut out).await?;
                }
                Some(Found::Stale) => {
                    let why = format!("the server behind {group} does not answer");
                    self.report.borrow_mut().is(FeedState::Unreachable, Some(&why));
                    self.tell(&mut out).await?;
                }
                Some(Found::Hidden(why)) => {
                    let state = match &why {
                        RequestError::Forbidden { .. } => FeedState::NoAccess,
                        _ => FeedState::Unreachable,
                    };
                    let soon = why.is_passing();
                    let why = format!("what this server serves cannot be asked: {why}");
                    self.report.borrow_mut().restart();
                    self.report.borrow_mut().set(None, Saying { state, error: Some(clean(&why)), soon });
                    self.tell(&mut out).await?;
                }
                Some(Found::Served(found)) => {
                    self.report.borrow_mut().served(&found);
                    self.serve(&found, &mut out).await?;
                    if !served.has_changed().map_err(|_| Gone)? {
                        let why = "discovery lists this kind, but the server does not find it";
                        self.report.borrow_mut().restart();
                        self.report.borrow_mut().is(FeedState::Unreachable, Some(why));
                        self.tell(&mut out).await?;
                    }
                    tokio::select! {
                        changed = served.changed() => changed.map_err(|_| Gone)?,
                        () = tokio::time::sleep(MISSING_RETRY) => {}
                    }
                    continue;
                }
            }
            served.changed().await.map_err(|_| Gone)?;
        }
    }

    /// Watches what is served, until that changes.
    async fn serve(&self, served: &Served, out: &mut Outbox<Batch>) -> Result<(), Gone> {
        let resource = resource(served, kinds::spec(self.kind).name);
        let mut link = self.shared.link.clone();
        for retry in REFUSED_RETRY.into_iter().chain(std::iter::repeat(REFUSED_RETRY[1])) {
            self.report.borrow_mut().restart();
            let all = Api::<Slim>::all_with(self.shared.cluster.read.clone(), &resource);
            let why = match Scoped::new(self, Scope::All, "", served).run(all).await {
                End::Gone => return Err(Gone),
                End::Moved => return Ok(()),
                End::Refused(why) => why,
            };
            self.report.borrow_mut().restart();
            if served.namespaced && !self.shared.namespaces.is_empty() {
                let each = self.shared.namespaces.iter().map(|name| {
                    let namespace = self.shared.interner.borrow_mut().get(name);
                    let api = Api::<Slim>::namespaced_with(self.shared.cluster.read.clone(), name, &resource);
                    Scoped::new(self, Scope::Namespace(namespace), name, served).run(api)
                });
                // each ends when it is refused or when the kind moves; readable ones go on
                for end in join_all(each).await {
                    match end {
                        End::Gone => return Err(Gone),
                        End::Moved => return Ok(()),
                        End::Refused(_) => {}
                    }
                }
            } else {
                self.report.borrow_mut().is(FeedState::NoAccess, Some(&why));
                self.tell(out).await?;
            }
            let _ = link.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep(retry) => {}
                // a server that comes back may allow it
                changed = link.changed() => changed.map_err(|_| Gone)?,
            }
        }
        Ok(())
    }
}

fn resource(served: &Served, kind: &str) -> ApiResource {
    ApiResource {
        group: served.group.clone(),
        version: served.version.clone(),
        api_version: served.api_version(),
        kind: kind.to_owned(),
        plural: served.plural.clone(),
    }
}
