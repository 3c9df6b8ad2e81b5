//! Who we are to a server: the `Authorization` header and client certificate of every request, renewed before they
//! expire and once when the server refuses them. Twenty feeds that are refused together renew together. Secrets stay
//! in memory; nothing here prints one.

#![expect(
    clippy::disallowed_methods,
    reason = "credentials expire by the wall clock, and renewals keep a distance in time"
)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::http::HeaderValue;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::AbortHandle;

use super::errors::LoginNeeded;
use super::exec::{Identity, Issued, Plugin, PluginError};

/// Credentials are renewed this long before they expire.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// A token file is read again after this time.
const FILE_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// A renewal, good or bad, is not repeated sooner: a server that refuses every token must not make us run a plugin
/// for each request.
const PAUSE: Duration = Duration::from_secs(10);

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// No header: anonymous, a client certificate of the kubeconfig, or a provider that kube itself serves.
    None,
    Bearer(SecretString),
    BearerFile(PathBuf),
    Basic {
        user: String,
        password: SecretString,
    },
    BasicFile {
        user: String,
        password: PathBuf,
    },
    Plugin(Box<Plugin>),
}

impl Source {
    /// Whether asking again can give something else.
    fn renews(&self) -> bool {
        matches!(self, Self::BearerFile(_) | Self::BasicFile { .. } | Self::Plugin(_))
    }
}

/// What goes with a request.
#[derive(Debug, Clone)]
pub struct Credential {
    pub header: Option<HeaderValue>,
    pub identity: Option<Identity>,
    /// Counts renewals, so that a refusal can be told from a refusal of something newer.
    pub generation: u64,
}

type Outcome = Result<Fresh, LoginNeeded>;

#[derive(Debug, Clone)]
struct Fresh {
    header: Option<HeaderValue>,
    identity: Option<Identity>,
    /// When to renew.
    until: Option<Timestamp>,
}

/// The credentials of one user at one server.
pub struct Credentials {
    source: Source,
    context: String,
    /// What to do when they cannot be renewed.
    hint: String,
    now: fn() -> Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    generation: u64,
    fresh: Option<Fresh>,
    failed: Option<(Instant, LoginNeeded)>,
    renewed: Option<Instant>,
    running: Option<Shared<BoxFuture<'static, Outcome>>>,
    abort: Option<AbortHandle>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match &self.source {
            Source::None => "none",
            Source::Bearer(_) => "token",
            Source::BearerFile(_) => "token file",
            Source::Basic { .. } | Source::BasicFile { .. } => "basic",
            Source::Plugin(_) => "plugin",
        };
        write!(f, "Credentials({source} of {})", self.context)
    }
}

impl Credentials {
    /// Credentials from `source`; `context` and `hint` are for the person who may have to log in.
    #[must_use]
    pub fn new(source: Source, context: String, hint: String) -> Arc<Self> {
        Arc::new(Self { source, context, hint, now: Timestamp::now, state: Mutex::default() })
    }

    /// The credential to send now, obtained or renewed if it must be.
    ///
    /// # Errors
    /// A plugin or file that gives nothing.
    pub async fn current(&self) -> Result<Credential, LoginNeeded> {
        let now = (self.now)();
        {
            let state = self.state();
            if let Some(fresh) = state.fresh.as_ref().filter(|fresh| fresh.until.is_none_or(|until| now < until)) {
                return Ok(credential(fresh, state.generation));
            }
            if let Some((at, why)) = &state.failed
                && at.elapsed() < PAUSE
            {
                return Err(why.clone());
            }
        }
        self.fetch().await
    }

    /// A newer credential than `refused`; `None` when there is no use in asking again.
    ///
    /// # Errors
    /// A plugin or file that gives nothing.
    pub async fn renew(&self, refused: u64) -> Result<Option<Credential>, LoginNeeded> {
        {
            let mut state = self.state();
            if let Some(fresh) = state.fresh.as_ref().filter(|_| state.generation > refused) {
                return Ok(Some(credential(fresh, state.generation)));
            }
            // A renewal that is under way is ours, too.
            if state.running.is_none() {
                if !self.source.renews() || state.renewed.is_some_and(|at| at.elapsed() < PAUSE) {
                    return Ok(None);
                }
                state.renewed = Some(Instant::now());
            }
        }
        self.fetch().await.map(Some)
    }

    /// Asks the source; callers at the same time share one question, which goes on when one of them gives up.
    async fn fetch(&self) -> Result<Credential, LoginNeeded> {
        let (started, shared) = {
            let mut state = self.state();
            let shared = if let Some(running) = &state.running {
                running.clone()
            } else {
                let task =
                    tokio::spawn(ask(self.source.clone(), self.context.clone(), self.hint.clone(), (self.now)()));
                state.abort = Some(task.abort_handle());
                let (context, hint) = (self.context.clone(), self.hint.clone());
                let cancelled = move || LoginNeeded {
                    context,
                    why: "the login was interrupted".to_owned(),
                    output: String::new(),
                    hint,
                };
                let shared = async move { task.await.unwrap_or_else(|_| Err(cancelled())) }.boxed().shared();
                state.running = Some(shared.clone());
                shared
            };
            (state.generation, shared)
        };
        let outcome = shared.await;
        let mut state = self.state();
        if state.generation == started {
            state.running = None;
            match &outcome {
                Ok(fresh) => (state.fresh, state.failed, state.generation) = (Some(fresh.clone()), None, started + 1),
                Err(why) => state.failed = Some((Instant::now(), why.clone())),
            }
        }
        outcome.map(|fresh| credential(&fresh, state.generation))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Credentials {
    /// A context that is left must not keep its plugin.
    fn drop(&mut self) {
        if let Some(abort) = self.state().abort.take() {
            abort.abort();
        }
    }
}

fn credential(fresh: &Fresh, generation: u64) -> Credential {
    Credential { header: fresh.header.clone(), identity: fresh.identity.clone(), generation }
}

async fn ask(source: Source, context: String, hint: String, now: Timestamp) -> Outcome {
    let login = |why: String, output: &str, hint: String| LoginNeeded {
        context: context.clone(),
        why,
        output: output.to_owned(),
        hint,
    };
    let unusable = |_| login("the token has characters that no header may have".to_owned(), "", hint.clone());
    let file = async |path: PathBuf| match tokio::fs::read_to_string(&path).await {
        Ok(text) => Ok(SecretString::from(text.trim().to_owned())),
        Err(error) => Err(login(format!("{} cannot be read: {error}", path.display()), "", hint.clone())),
    };
    let until_file = Some(now + FILE_LIFE);
    match source {
        Source::None => Ok(Fresh { header: None, identity: None, until: None }),
        Source::Bearer(token) => {
            Ok(Fresh { header: Some(bearer(&token).map_err(unusable)?), identity: None, until: None })
        }
        Source::BearerFile(path) => {
            Ok(Fresh { header: Some(bearer(&file(path).await?).map_err(unusable)?), identity: None, until: until_file })
        }
        Source::Basic { user, password } => {
            Ok(Fresh { header: Some(basic(&user, &password).map_err(unusable)?), identity: None, until: None })
        }
        Source::BasicFile { user, password } => {
            let password = file(password).await?;
            Ok(Fresh { header: Some(basic(&user, &password).map_err(unusable)?), identity: None, until: until_file })
        }
        Source::Plugin(plugin) => {
            let install = plugin.config.install_hint.clone();
            let Issued { token, identity, expires } = plugin.run().await.map_err(|error| {
                let hint = match &error {
                    PluginError::NotFound { .. } => {
                        install.unwrap_or_else(|| "install it, or correct the kubeconfig".to_owned())
                    }
                    _ => hint.clone(),
                };
                login(error.to_string(), error.output(), hint)
            })?;
            let header = token.as_ref().map(bearer).transpose().map_err(unusable)?;
            let until = expires.map(|at| at.checked_sub(MARGIN).unwrap_or(at));
            Ok(Fresh { header, identity, until })
        }
    }
}

type BadHeader = ::http::header::InvalidHeaderValue;

fn bearer(token: &SecretString) -> Result<HeaderValue, BadHeader> {
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, BadHeader> {
    sensitive(&format!("Basic {}", base64(format!("{user}:{}", password.expose_secret()).as_bytes())))
}

fn sensitive(text: &str) -> Result<HeaderValue, BadHeader> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Base64 as Kubernetes writes it.
pub(super) fn base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_to_groups_of_four() {
        for (plain, packed) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("a\u{ff}", "YcO/")]
        {
            assert_eq!(base64(plain.as_bytes()), packed);
        }
    }

    #[tokio::test]
    async fn a_static_token_is_never_renewed() {
        let credentials = Credentials::new(Source::Bearer("t".to_owned().into()), "c".into(), "h".into());
        let first = credentials.current().await.unwrap();
        assert_eq!(first.header.unwrap(), "Bearer t");
        assert!(credentials.renew(first.generation).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn callers_refused_together_renew_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        let credentials = Credentials::new(Source::BearerFile(path.clone()), "c".into(), "h".into());
        let old = credentials.current().await.unwrap();
        assert_eq!(old.header.as_ref().unwrap(), "Bearer one");
        std::fs::write(&path, "two\n").unwrap();
        let renewed = futures::future::join_all((0..5).map(|_| credentials.renew(old.generation))).await;
        for credential in renewed {
            let credential = credential.unwrap().expect("a newer credential");
            assert_eq!(credential.header.unwrap(), "Bearer two");
            assert_eq!(credential.generation, old.generation + 1);
        }
        std::fs::write(&path, "three\n").unwrap();
        assert!(credentials.renew(old.generation + 1).await.unwrap().is_none(), "a second renewal must wait");
    }

    #[tokio::test]
    async fn a_missing_token_file_asks_for_a_login_and_is_not_asked_again_at_once() {
        let credentials =
            Credentials::new(Source::BearerFile("/nonexistent/token".into()), "prod".into(), "log in".into());
        let error = credentials.current().await.unwrap_err();
        assert_eq!((error.context.as_str(), error.hint.as_str()), ("prod", "log in"));
        assert!(error.why.starts_with("/nonexistent/token cannot be read"));
        assert_eq!(credentials.current().await.unwrap_err(), error);
    }
}
