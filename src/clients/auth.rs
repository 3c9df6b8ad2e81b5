//! Who we are to a server: the `Authorization` header and client certificate of every request, renewed before they
//! expire and once when the server refuses them. Twenty feeds that are refused together renew together. Secrets stay
//! in memory; nothing here prints one.

#![expect(
    clippy::disallowed_methods,
    reason = "credentials expire by the wall clock, and renewals keep a distance in time"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::http::HeaderValue;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::task::AbortHandle;

use super::exec::{Identity, Issued, Plugin, PluginError, Said};
use super::failure::LoginNeeded;
use super::kubeconfig::{self, Stamp};

/// Credentials of a plugin are renewed this long before they expire, or after three quarters of a shorter life.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// However short a life is, a plugin is not run more often for it: a server that refuses what is over says so.
const LEAST_LIFE: SignedDuration = SignedDuration::from_secs(30);
/// A token file is read again after this time.
const FILE_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// A renewal, good or bad, is not repeated sooner: a server that refuses every token must not make us read files for
/// each request.
const PAUSE: Duration = Duration::from_secs(10);
/// Between two runs of a plugin that fails, or whose credentials the server refuses: each may open a page in a browser.
const PLUGIN_PAUSES: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(15)];
/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a plugin rests after so many failures in a row, from 1.
#[must_use]
pub fn plugin_pause(failures: usize) -> Duration {
    PLUGIN_PAUSES[failures.saturating_sub(1).min(PLUGIN_PAUSES.len() - 1)]
}

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// No header: anonymous, a client certificate of the kubeconfig, or a provider that kube itself serves.
    None,
    Bearer(SecretString),
    /// A file, and the token that is used where the file cannot be read.
    BearerFile(PathBuf, Option<SecretString>),
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
        matches!(self, Self::BearerFile(..) | Self::BasicFile { .. } | Self::Plugin(_))
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Self::BearerFile(path, _) | Self::BasicFile { password: path, .. } => Some(path),
            _ => None,
        }
    }
}

/// A PEM text of the kubeconfig: as base64, or in a file.
#[derive(Debug, Clone)]
pub enum Pem {
    Data(SecretString),
    File(PathBuf),
}

impl Pem {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::Data(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// Everything that a user of the kubeconfig identifies itself by.
#[derive(Debug, Clone)]
pub struct Login {
    pub source: Source,
    /// A client certificate and its key.
    pub certificate: Option<(Pem, Pem)>,
    /// As written in the kubeconfig, to be compared.
    pub raw: Value,
}

impl From<Source> for Login {
    fn from(source: Source) -> Self {
        Self { source, certificate: None, raw: Value::Null }
    }
}

impl Login {
    fn files(&self) -> impl Iterator<Item = &Path> {
        let pems = self.certificate.iter().flat_map(|(certificate, key)| [certificate, key]);
        self.source.file().into_iter().chain(pems.filter_map(Pem::file))
    }
}

/// Reads the login again from where it is written; nothing when it is no longer there, or is not for this server.
pub type Reload = Arc<dyn Fn() -> Option<Login> + Send + Sync>;

/// What goes with a request.
#[derive(Debug, Clone)]
pub struct Credential {
    pub header: Option<HeaderValue>,
    pub identity: Option<Identity>,
    /// Counts renewals, so that a refusal of these credentials is distinguished from a refusal of newer ones.
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

impl Fresh {
    fn is_same(&self, other: &Self) -> bool {
        self.header == other.header && self.identity == other.identity
    }
}

/// The credentials of one user at one server.
pub struct Credentials {
    context: String,
    /// What to do when they cannot be renewed.
    hint: String,
    now: fn() -> Timestamp,
    reload: Option<Reload>,
    /// The kubeconfig files.
    written: Vec<PathBuf>,
    said: Said,
    state: Mutex<State>,
}

struct State {
    login: Login,
    generation: u64,
    fresh: Option<Fresh>,
    failed: Option<(Instant, LoginNeeded)>,
    /// Failures of a plugin in a row, and refusals of what it gave.
    failures: usize,
    renewed: Option<Instant>,
    running: Option<Shared<BoxFuture<'static, Outcome>>>,
    abort: Option<AbortHandle>,
    /// The files as they were when they were read.
    stamps: Vec<Option<Stamp>>,
    looked: Instant,
}

impl State {
    /// How long what failed, or was refused, is not asked again.
    fn pause(&self) -> Duration {
        match self.login.source {
            Source::Plugin(_) if self.failures > 0 => plugin_pause(self.failures),
            _ => PAUSE,
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match &self.state().login.source {
            Source::None => "none",
            Source::Bearer(_) => "token",
            Source::BearerFile(..) => "token file",
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
        Self::written(source.into(), context, hint, Vec::new(), None)
    }

    /// The same of a login that is written in files: it is read again when they change, or when it is refused.
    #[must_use]
    pub fn written(
        login: Login,
        context: String,
        hint: String,
        written: Vec<PathBuf>,
        reload: Option<Reload>,
    ) -> Arc<Self> {
        let said = if let Source::Plugin(plugin) = &login.source { plugin.said.clone() } else { Said::default() };
        let stamps = stamps(&written, &login);
        let state = Mutex::new(State {
            login,
            generation: 0,
            fresh: None,
            failed: None,
            failures: 0,
            renewed: None,
            running: None,
            abort: None,
            stamps,
            looked: Instant::now(),
        });
        Arc::new(Self { context, hint, now: Timestamp::now, reload, written, said, state })
    }

    /// What the plugin that runs now has said.
    #[must_use]
    pub fn said(&self) -> &Said {
        &self.said
    }

    /// The credential to send now, obtained or renewed if it must be.
    ///
    /// # Errors
    /// A plugin or file that gives nothing.
    pub async fn current(&self) -> Result<Credential, LoginNeeded> {
        let now = (self.now)();
        {
            let mut state = self.state();
            self.look(&mut state);
            if let Some(fresh) = state.fresh.as_ref().filter(|fresh| fresh.until.is_none_or(|until| now < until)) {
                return Ok(credential(fresh, state.generation));
            }
            if let Some((at, why)) = &state.failed
                && at.elapsed() < state.pause()
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
        let old = {
            let mut state = self.state();
            if let Some(fresh) = state.fresh.as_ref().filter(|_| state.generation > refused) {
                return Ok(Some(credential(fresh, state.generation)));
            }
            let old = state.fresh.clone();
            // A renewal that is under way is ours, too.
            if state.running.is_none() {
                if state.renewed.is_some_and(|at| at.elapsed() < state.pause()) {
                    return Ok(None);
                }
                let again =
                    self.reread(&mut state) || state.login.source.renews() || state.login.files().next().is_some();
                state.renewed = Some(Instant::now());
                if !again {
                    return Ok(None);
                }
                tracing::info!(context = self.context, "credentials were refused and are renewed");
                state.failures += 1;
            }
            old
        };
        let new = self.fetch().await?;
        let same = |old: &Fresh| self.state().fresh.as_ref().is_some_and(|fresh| fresh.is_same(old));
        Ok(Some(new).filter(|_| !old.as_ref().is_some_and(same)))
    }

    /// The server takes them.
    pub fn accepted(&self, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            state.failures = 0;
        }
    }

    /// A person says that it should be tried again now.
    pub fn retry(&self) {
        let mut state = self.state();
        (state.failed, state.renewed, state.failures) = (None, None, 0);
    }

    /// Looks every now and then whether a file is another one.
    fn look(&self, state: &mut State) {
        if state.looked.elapsed() < LOOK_EVERY || state.running.is_some() {
            return;
        }
        state.looked = Instant::now();
        let now = stamps(&self.written, &state.login);
        if now == state.stamps {
            return;
        }
        if !self.reread(state) {
            state.stamps = now;
            // what a plugin gave has nothing to do with the files, but for those that are named
            if state.login.files().next().is_some() {
                (state.fresh, state.failed) = (None, None);
            }
        }
    }

    /// Takes over what is written now; whether that is something else.
    fn reread(&self, state: &mut State) -> bool {
        let Some(login) = self.reload.as_ref().and_then(|reload| reload()) else { return false };
        if login.raw == state.login.raw {
            return false;
        }
        tracing::info!(context = self.context, "the kubeconfig has another login for this user");
        state.stamps = stamps(&self.written, &login);
        state.login = login;
        (state.fresh, state.failed, state.failures) = (None, None, 0);
        true
    }

    /// Asks the source; callers at the same time share one question, which goes on when one of them gives up.
    async fn fetch(&self) -> Result<Credential, LoginNeeded> {
        let (started, shared) = {
            let mut state = self.state();
            let shared = if let Some(running) = &state.running {
                running.clone()
            } else {
                let task = tokio::spawn(ask(state.login.clone(), self.context.clone(), self.hint.clone(), self.now));
                state.abort = Some(task.abort_handle());
                let (context, hint) = (self.context.clone(), self.hint.clone());
                let cancelled = move || LoginNeeded {
                    context,
                    why: "the login was interrupted".to_owned(),
                    output: String::new(),
                    hint,
                    costly: false,
                };
                let shared = async move { task.await.unwrap_or_else(|_| Err(cancelled())) }.boxed().shared();
                state.running = Some(shared.clone());
                shared
            };
            (state.generation, shared)
        };
        let outcome = shared.clone().await;
        let mut state = self.state();
        if state.generation == started && state.running.as_ref().is_some_and(|running| running.ptr_eq(&shared)) {
            state.running = None;
            match &outcome {
                Ok(fresh) => (state.fresh, state.failed, state.generation) = (Some(fresh.clone()), None, started + 1),
                Err(why) => {
                    tracing::warn!(context = self.context, why = why.why, "no credentials");
                    state.failures += 1;
                    state.failed = Some((Instant::now(), why.clone()));
                }
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

fn stamps(written: &[PathBuf], login: &Login) -> Vec<Option<Stamp>> {
    written.iter().map(PathBuf::as_path).chain(login.files()).map(kubeconfig::stamp).collect()
}

fn credential(fresh: &Fresh, generation: u64) -> Credential {
    Credential { header: fresh.header.clone(), identity: fresh.identity.clone(), generation }
}

async fn ask(login: Login, context: String, hint: String, now: fn() -> Timestamp) -> Outcome {
    let needed = |why: String, output: &str, hint: String| LoginNeeded {
        context: context.clone(),
        why,
        output: output.to_owned(),
        hint,
        costly: false,
    };
    let unusable = |_| needed("the token has characters that no header may have".to_owned(), "", hint.clone());
    let file = async |path: &Path| match tokio::fs::read(path).await {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(needed(format!("{} cannot be read: {error}", path.display()), "", hint.clone())),
    };
    let secret = async |path: &Path| {
        let bytes = file(path).await?;
        Ok::<_, LoginNeeded>(SecretString::from(String::from_utf8_lossy(&bytes).trim().to_owned()))
    };
    let until_file = Some(now() + FILE_LIFE);
    let mut fresh = Fresh { header: None, identity: None, until: None };
    if let Some((certificate, key)) = &login.certificate {
        let pem = async |pem: &Pem| {
            Ok::<_, LoginNeeded>(match pem {
                Pem::Data(data) => data.clone(),
                Pem::File(path) => SecretString::from(BASE64_STANDARD.encode(file(path).await?)),
            })
        };
        let (certificate, key) = (pem(certificate).await?, pem(key).await?);
        fresh.identity = Some(Identity { certificate: certificate.expose_secret().to_owned(), key });
    }
    match login.source {
        Source::None => {}
        Source::Bearer(token) => fresh.header = Some(bearer(&token).map_err(unusable)?),
        Source::BearerFile(path, fallback) => {
            let token = match (secret(&path).await, fallback) {
                (Ok(token), _) | (Err(_), Some(token)) => token,
                (Err(error), None) => return Err(error),
            };
            (fresh.header, fresh.until) = (Some(bearer(&token).map_err(unusable)?), until_file);
        }
        Source::Basic { user, password } => fresh.header = Some(basic(&user, &password).map_err(unusable)?),
        Source::BasicFile { user, password } => {
            let password = secret(&password).await?;
            (fresh.header, fresh.until) = (Some(basic(&user, &password).map_err(unusable)?), until_file);
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
                LoginNeeded { costly: true, ..needed(error.to_string(), error.output(), hint) }
            })?;
            fresh.header = token.as_ref().map(bearer).transpose().map_err(unusable)?;
            fresh.identity = identity.or(fresh.identity);
            fresh.until = expires.map(|end| renewal(now(), end));
        }
    }
    Ok(fresh)
}

/// When to run a plugin again for what it gave `now` and what is good until `end`.
fn renewal(now: Timestamp, end: Timestamp) -> Timestamp {
    let life = end.duration_since(now);
    let margin = MARGIN.min(life / 4);
    let due = end.checked_sub(margin).unwrap_or(end);
    due.max(now.checked_add(LEAST_LIFE).unwrap_or(due))
}

type BadHeader = ::http::header::InvalidHeaderValue;

fn bearer(token: &SecretString) -> Result<HeaderValue, BadHeader> {
    sensitive(&format!("Bearer {}", token.expose_secret()))
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, BadHeader> {
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()))))
}

fn sensitive(text: &str) -> Result<HeaderValue, BadHeader> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let credentials = Credentials::new(Source::BearerFile(path.clone(), None), "c".into(), "h".into());
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
    async fn what_is_written_anew_is_read_when_it_is_refused_and_not_otherwise() {
        let written = Arc::new(Mutex::new("one"));
        let reads = Arc::clone(&written);
        let login = |token: &str| Login { raw: token.into(), ..Source::Bearer(token.to_owned().into()).into() };
        let reload: Reload = Arc::new(move || Some(login(*reads.lock().unwrap())));
        let credentials = Credentials::written(login("one"), "c".into(), "h".into(), Vec::new(), Some(reload));
        let first = credentials.current().await.unwrap();
        assert!(credentials.renew(first.generation).await.unwrap().is_none(), "it is the same");
        credentials.retry();
        *written.lock().unwrap() = "two";
        let second = credentials.renew(first.generation).await.unwrap().unwrap();
        assert_eq!(second.header.unwrap(), "Bearer two");
        assert_eq!(credentials.current().await.unwrap().header.unwrap(), "Bearer two");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_stood_in_for_by_the_token_beside_it_as_for_kubectl() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = Source::BearerFile(path.clone(), Some("inline".to_owned().into()));
        let credentials = Credentials::new(source, "c".into(), "h".into());
        let first = credentials.current().await.unwrap();
        assert_eq!(first.header.unwrap(), "Bearer inline");
        std::fs::write(&path, "file").unwrap();
        let second = credentials.renew(first.generation).await.unwrap().unwrap();
        assert_eq!(second.header.unwrap(), "Bearer file");
    }

    #[tokio::test]
    async fn a_client_certificate_that_is_refused_is_read_from_its_file_again() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c"), folder.path().join("k"));
        std::fs::write(&certificate, "old").unwrap();
        std::fs::write(&key, "key").unwrap();
        let pems = (Pem::File(certificate.clone()), Pem::File(key));
        let login = Login { certificate: Some(pems), ..Source::None.into() };
        let credentials = Credentials::written(login, "c".into(), "h".into(), Vec::new(), None);
        let old = credentials.current().await.unwrap();
        assert_eq!(old.identity.unwrap().certificate, BASE64_STANDARD.encode("old"));
        std::fs::write(&certificate, "new").unwrap();
        let new = credentials.renew(old.generation).await.unwrap().unwrap();
        assert_eq!(new.identity.unwrap().certificate, BASE64_STANDARD.encode("new"));
        credentials.retry();
        assert!(credentials.renew(new.generation).await.unwrap().is_none(), "the same again is of no use");
    }

    #[rstest::rstest]
    #[case::an_hour(3600, 3540)]
    #[case::a_minute(60, 45)]
    #[case::shorter_than_is_worth_it(20, 30)]
    #[case::over_already(-5000, 30)]
    fn a_plugin_is_run_again_before_its_credentials_end_but_never_at_once(#[case] life: i64, #[case] due: i64) {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let at = renewal(now, now + SignedDuration::from_secs(life));
        assert_eq!(at.duration_since(now).as_secs(), due);
    }

    #[test]
    fn a_plugin_that_fails_rests_longer_each_time() {
        let minutes = [1, 2, 3, 9].map(|failures| plugin_pause(failures).as_secs() / 60);
        assert_eq!(minutes, [1, 5, 15, 15]);
    }

    #[tokio::test]
    async fn a_missing_token_file_asks_for_a_login_and_is_not_asked_again_at_once() {
        let credentials =
            Credentials::new(Source::BearerFile("/nonexistent/token".into(), None), "prod".into(), "log in".into());
        let error = credentials.current().await.unwrap_err();
        assert_eq!((error.context.as_str(), error.hint.as_str()), ("prod", "log in"));
        assert!(error.why.starts_with("/nonexistent/token cannot be read"));
        assert_eq!(credentials.current().await.unwrap_err(), error);
    }
}
