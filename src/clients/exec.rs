//! Runs a credential plugin of the kubeconfig: away from the terminal, against the clock, and with its error stream
//! passed on for the person who must log in, while it runs. It caches nothing and never prompts.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::text;

/// How long a plugin may take that says nothing.
pub const PLUGIN_DEADLINE: Duration = Duration::from_secs(30);
/// How long one may take that has said something: a code that a person enters elsewhere is good for about so long.
pub const PLUGIN_PATIENCE: Duration = Duration::from_mins(15);
const ANSWER_LIMIT: u64 = 1 << 20;
const OUTPUT_LIMIT: usize = 4096;
/// Words without a line's end that are shown all the same: a prompt.
const A_LINE: usize = 16;

/// A plugin and its input.
#[derive(Debug, Clone)]
pub struct Plugin {
    pub config: ExecConfig,
    /// Passed on when the kubeconfig asks for it.
    pub cluster: Option<ExecAuthCluster>,
    pub deadline: Duration,
    /// The deadline once it has said something.
    pub patience: Duration,
    pub said: Said,
}

/// What the plugin that runs now has said so far, made harmless; empty when none runs, or it has said nothing.
#[derive(Debug, Clone)]
pub struct Said(std::sync::Arc<watch::Sender<String>>);

impl Default for Said {
    fn default() -> Self {
        Self(std::sync::Arc::new(watch::Sender::new(String::new())))
    }
}

impl Said {
    #[must_use]
    pub fn now(&self) -> String {
        self.0.borrow().clone()
    }

    #[must_use]
    pub fn follow(&self) -> watch::Receiver<String> {
        self.0.subscribe()
    }

    fn set(&self, words: String) {
        self.0.send_if_modified(|old| {
            let new = *old != words;
            *old = words;
            new
        });
    }
}

/// A client certificate and its key, both PEM in base64, as a kubeconfig has them.
#[derive(Debug, Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: SecretString,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate && self.key.expose_secret() == other.key.expose_secret()
    }
}

/// What a plugin gave us.
#[derive(Debug, Clone, Default)]
pub struct Issued {
    pub token: Option<SecretString>,
    pub identity: Option<Identity>,
    /// `None`: until the server refuses it.
    pub expires: Option<Timestamp>,
}

/// Why a plugin gave nothing; with what it wrote to its error stream, already made harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginError {
    NoCommand,
    /// `interactiveMode: Always`: it would ask on the terminal, which is ours.
    NeedsTerminal,
    NotFound {
        command: String,
    },
    NotStarted {
        command: String,
        error: String,
    },
    TimedOut {
        command: String,
        after: Duration,
        output: String,
    },
    Failed {
        command: String,
        code: Option<i32>,
        output: String,
    },
    /// It exited with 0, but what it printed is no credential.
    BadAnswer {
        command: String,
        what: &'static str,
        output: String,
    },
}

impl PluginError {
    /// The plugin's error stream.
    #[must_use]
    pub fn output(&self) -> &str {
        match self {
            Self::TimedOut { output, .. } | Self::Failed { output, .. } | Self::BadAnswer { output, .. } => output,
            _ => "",
        }
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => f.write_str("the kubeconfig's exec entry has no command"),
            Self::NeedsTerminal => f.write_str("the credential plugin insists on a terminal (interactiveMode: Always)"),
            Self::NotFound { command } => write!(f, "the credential plugin {command} is not installed"),
            Self::NotStarted { command, error } => {
                write!(f, "the credential plugin {command} could not be started: {error}")
            }
            Self::TimedOut { command, after, .. } => {
                write!(f, "the credential plugin {command} did not answer within {} s and was stopped", after.as_secs())
            }
            Self::Failed { command, code: Some(code), .. } => {
                write!(f, "the credential plugin {command} failed with exit code {code}")
            }
            Self::Failed { command, code: None, .. } => write!(f, "the credential plugin {command} was killed"),
            Self::BadAnswer { command, what, .. } => write!(f, "the credential plugin {command} printed {what}"),
        }
    }
}

impl std::error::Error for PluginError {}

/// What a plugin prints. The rest of an `ExecCredential` does not matter to us.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: Option<AnswerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerStatus {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    client_certificate_data: Option<String>,
    #[serde(default)]
    client_key_data: Option<String>,
    #[serde(default)]
    expiration_timestamp: Option<Timestamp>,
}

impl Plugin {
    /// Runs it once. Dropping the future kills the plugin and all that it started.
    ///
    /// # Errors
    /// See [`PluginError`].
    pub async fn run(&self) -> Result<Issued, PluginError> {
        let command =
            self.config.command.clone().filter(|command| !command.is_empty()).ok_or(PluginError::NoCommand)?;
        if self.config.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(PluginError::NeedsTerminal);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = if command.contains('/') { Some(PathBuf::from(&command)) } else { find(&command, &path) };
        let Some(program) = program else { return Err(PluginError::NotFound { command }) };
        let mut child = self.command(&program, &path).spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PluginError::NotFound { command: command.clone() },
            _ => PluginError::NotStarted { command: command.clone(), error: error.to_string() },
        })?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut answer = Vec::new();
        let mut output = Vec::new();
        let started = Instant::now();
        let speaking = Speaking(&self.said);
        let finished = {
            let mut running = std::pin::pin!(async {
                let reads = futures::future::join(
                    keep(stdout, ANSWER_LIMIT + 1, &mut answer, None),
                    keep(stderr, 2 * OUTPUT_LIMIT as u64, &mut output, Some(&self.said)),
                );
                futures::future::join(child.wait(), reads).await.0
            });
            let mut limit = self.deadline;
            loop {
                match tokio::time::timeout_at(started + limit, &mut running).await {
                    Ok(ended) => break Ok(ended),
                    // a person is asked for something
                    Err(_) if limit < self.patience && !self.said.now().is_empty() => limit = self.patience,
                    Err(_) => break Err(limit),
                }
            }
        };
        let output = printable(&String::from_utf8_lossy(&output), OUTPUT_LIMIT);
        drop((speaking, group));
        let too_long = answer.len() as u64 > ANSWER_LIMIT;
        match finished {
            Err(after) => Err(PluginError::TimedOut { command, after, output }),
            Ok(Err(error)) => Err(PluginError::NotStarted { command, error: error.to_string() }),
            Ok(Ok(status)) if !status.success() => Err(PluginError::Failed { command, code: status.code(), output }),
            Ok(Ok(_)) if too_long => Err(PluginError::BadAnswer { command, what: "more than 1 MiB", output }),
            Ok(Ok(_)) => read_answer(&answer).map_err(|what| PluginError::BadAnswer { command, what, output }),
        }
    }

    /// The process: no input, no terminal of its own where `setsid` exists, else at least a process group of its own.
    fn command(&self, program: &Path, path: &std::ffi::OsStr) -> Command {
        let args = self.config.args.clone().unwrap_or_default();
        // the attempt itself gives the best error for what cannot be started
        let starts = program.to_str().is_none_or(|program| find(program, path).is_some());
        let mut command = if let Some(setsid) = find("setsid", path).filter(|_| starts) {
            let mut command = Command::new(setsid);
            command.arg(program);
            command
        } else {
            let mut command = Command::new(program);
            command.process_group(0);
            command
        };
        command.args(args);
        for variable in self.config.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        for name in self.config.drop_env.iter().flatten() {
            command.env_remove(name);
        }
        command.env("KUBERNETES_EXEC_INFO", self.exec_info());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    fn exec_info(&self) -> String {
        let version = self.config.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1");
        let mut spec = serde_json::json!({ "interactive": false });
        if let Some(cluster) = self.cluster.as_ref().and_then(|cluster| serde_json::to_value(cluster).ok()) {
            spec["cluster"] = cluster;
        }
        serde_json::json!({ "apiVersion": version, "kind": "ExecCredential", "spec": spec }).to_string()
    }
}

fn read_answer(answer: &[u8]) -> Result<Issued, &'static str> {
    // The parser's own message would quote what it could not read, which may be the token.
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| "something that is not an ExecCredential")?;
    let status = answer.status.ok_or("an ExecCredential without a status")?;
    let identity = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => {
            Some(Identity { certificate: BASE64_STANDARD.encode(certificate), key: BASE64_STANDARD.encode(key).into() })
        }
        (None, None) => None,
        _ => return Err("a client certificate without its key, or a key without its certificate"),
    };
    if status.token.is_none() && identity.is_none() {
        return Err("neither a token nor a client certificate");
    }
    Ok(Issued { token: status.token.map(SecretString::from), identity, expires: status.expiration_timestamp })
}

/// Reads to the end so that the plugin never blocks on a full pipe, keeping only the beginning. What was read so far is
/// reported at each line.
async fn keep(stream: Option<impl AsyncRead + Unpin>, limit: u64, kept: &mut Vec<u8>, said: Option<&Said>) {
    let Some(stream) = stream else { return };
    let mut rest = stream.take(limit);
    // A broken pipe is the end, as is the end.
    while let Ok(1..) = rest.read_buf(kept).await {
        if let Some(said) = said.filter(|_| kept.contains(&b'\n') || kept.len() >= A_LINE) {
            said.set(printable(&String::from_utf8_lossy(kept), OUTPUT_LIMIT));
        }
    }
    let _ = tokio::io::copy(&mut rest.into_inner(), &mut tokio::io::sink()).await;
}

/// What a plugin said is of no use once it has ended, however it ends.
struct Speaking<'s>(&'s Said);

impl Drop for Speaking<'_> {
    fn drop(&mut self) {
        self.0.set(String::new());
    }
}

/// Kills the whole process group when it goes out of scope: a plugin may leave a browser helper behind.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already is what we want.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Where a program is, by the search path. An empty or relative element of it would be the folder of now, and what lies
/// there is nobody's choice.
#[must_use]
pub fn find(program: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runs = |file: &Path| file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| runs(file));
    }
    // an element that is no absolute path would be the folder that we happen to be in
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(|file| runs(file))
}

/// Foreign text made harmless, the end kept when it is too long.
fn printable(raw: &str, limit: usize) -> String {
    let shown = text::block(raw.trim(), raw.len());
    let too_many = shown.chars().count().saturating_sub(limit);
    shown.chars().skip(too_many).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_hold_a_whole_credential() {
        let read = |text: &str| read_answer(text.as_bytes());
        assert!(
            read(r#"{"status":{"token":"t","expirationTimestamp":"2026-11-21T10:00:00Z"}}"#).unwrap().expires.is_some()
        );
        assert!(read(r#"{"status":{"clientCertificateData":"c","clientKeyData":"k"}}"#).unwrap().identity.is_some());
        for bad in ["", "Enter PIN:", "{}", r#"{"status":{}}"#, r#"{"status":{"clientKeyData":"k"}}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_is_found_in_the_folder_of_now_and_nothing_that_is_no_program() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("helm");
        std::fs::write(&file, "").unwrap();
        let path = |text: String| std::ffi::OsString::from(text);
        let here = folder.path().display().to_string();
        assert_eq!(find("helm", &path(here.clone())), None, "it cannot be run");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("helm", &path(format!("/nowhere:{here}"))), Some(file));
        // a program that lies below the folder of now
        let now = std::env::current_dir().unwrap();
        let up = "../".repeat(now.components().count());
        let relative = format!("{up}{}", here.trim_start_matches('/'));
        for path in [String::new(), ":".into(), ".:".into(), relative.clone(), format!("/nowhere:{relative}")] {
            assert_eq!(find("helm", &std::ffi::OsString::from(&path)), None, "{path:?}");
        }
    }

    #[test]
    fn nothing_a_plugin_prints_can_act_on_the_terminal() {
        let shown = printable("log in\u{1b}[2J at\u{202e}\nhttps://example.com\u{7}", 100);
        assert_eq!(shown, "log in␛[2J at\u{fffd}\nhttps://example.com␇");
        assert_eq!(printable("abcdef", 3), "def");
    }
}
