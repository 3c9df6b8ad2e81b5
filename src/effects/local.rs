//! Programs of this machine that a plan runs: by argument list, without a shell, away from the terminal, against the
//! clock. What they print is sanitised.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::config::Settings;
use crate::domain::text;

const DEADLINE: Duration = Duration::from_mins(10);
/// Of what it printed, the end is kept.
const KEPT: usize = 2000;

/// Where a program is, by the search path. An element of it that is no absolute path would be the folder that we happen
/// to be in, and anybody's: it is passed over.
pub fn find(program: &str) -> Option<PathBuf> {
    find_in(program, &std::env::var_os("PATH")?)
}

fn find_in(program: &str, path: &OsStr) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// What would lead helm to another cluster, or to another store of releases, than the one that was previewed.
const ELSEWHERE: &[&str] = &[
    "HELM_DRIVER",
    "HELM_KUBEAPISERVER",
    "HELM_KUBECAFILE",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBETOKEN",
    "HELM_NAMESPACE",
];

/// Why a program did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub why: String,
    /// It was started: then what it was to do may be done, in part or as a whole.
    pub began: bool,
}

/// Runs it to its end, on the cluster and as the user of this connection: what it said.
///
/// # Errors
/// It was not started, did not end in time and was stopped, or says that it failed.
pub async fn run(argv: &[String], context: &str, settings: &Settings) -> Result<String, Wrong> {
    let not_begun = |why: String| Wrong { why, began: false };
    let broken = |why: String| Wrong { why, began: true };
    let Some((program, arguments)) = argv.split_first() else { return Err(not_begun("nothing to run".to_owned())) };
    let file = find(program).ok_or_else(|| not_begun(format!("{program} is not installed here")))?;
    let mut command = tokio::process::Command::new(file);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command.env("HELM_KUBECONTEXT", context);
    if let Some(file) = &settings.kubeconfig {
        command.env("KUBECONFIG", file);
    }
    if let Some(user) = &settings.impersonate {
        command.env("HELM_KUBEASUSER", user);
    }
    if settings.impersonate.is_some() || !settings.impersonate_groups.is_empty() {
        command.env("HELM_KUBEASGROUPS", settings.impersonate_groups.join(","));
    }
    let mut child = command.spawn().map_err(|error| not_begun(format!("{program} cannot be started: {error}")))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let running = futures::future::join3(child.wait(), tail(out), tail(err));
    let (status, out, err) = match tokio::time::timeout(DEADLINE, running).await {
        Ok((status, out, err)) => (status.map_err(|error| broken(format!("{program}: {error}")))?, out, err),
        Err(_) => return Err(broken(format!("{program} did not end within {} s and was stopped", DEADLINE.as_secs()))),
    };
    let said = |bytes: &[u8]| {
        let all = String::from_utf8_lossy(bytes);
        let all = all.trim();
        let from = all.char_indices().rev().take(KEPT).last().map_or(0, |(at, _)| at);
        text::line(&all[from..]).into_owned()
    };
    if status.success() { Ok(said(&out)) } else { Err(broken(format!("{program}: {}", said(&err)))) }
}

/// The end of what is printed, however much that is.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return kept };
    let mut piece = vec![0; 16 << 10];
    // a broken pipe is the end, as is the end
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let more = kept.len().saturating_sub(4 * KEPT);
        kept.drain(..more);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_the_folder_that_we_are_in_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("helm"), "").unwrap();
        let absolute = folder.path().as_os_str();
        assert_eq!(find_in("helm", absolute), Some(folder.path().join("helm")));
        // Cargo.toml is in the folder that tests run in
        assert!(std::path::Path::new("Cargo.toml").is_file());
        for path in ["", ":", ":/nowhere", "/nowhere:", ".", "./:src/.."] {
            assert_eq!(find_in("Cargo.toml", OsStr::new(path)), None, "{path:?}");
        }
    }

    #[tokio::test]
    async fn of_what_a_program_prints_without_end_the_end_is_kept() {
        let text = [vec![b'x'; 5 << 20], b"the end".to_vec()].concat();
        let kept = tail(Some(&text[..])).await;
        assert!(kept.len() <= 4 * KEPT && kept.ends_with(b"the end"));
    }
}
