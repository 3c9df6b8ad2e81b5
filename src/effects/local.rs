//! Programs of this machine that a plan runs: by argument list, without a shell, away from the terminal, against the
//! clock. What they print is sanitised.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::clients::exec;
use crate::config::Settings;
use crate::domain::text;

const DEADLINE: Duration = Duration::from_mins(10);
/// Of what it printed, the end is kept.
const KEPT: usize = 2000;

/// Where a program is, by the search path.
pub fn find(program: &str) -> Option<PathBuf> {
    exec::find(program, &std::env::var_os("PATH")?)
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

/// Runs it to its end, on the cluster and as the user of this connection: what it said, or why it failed.
pub async fn run(argv: &[String], context: &str, settings: &Settings) -> Result<String, String> {
    let Some((program, arguments)) = argv.split_first() else { return Err("nothing to run".to_owned()) };
    let file = find(program).ok_or_else(|| format!("{program} is not installed here"))?;
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
        command.env("HELM_KUBEASUSER", user).env("HELM_KUBEASGROUPS", settings.impersonate_groups.join(","));
    }
    let child = command.spawn().map_err(|error| format!("{program} cannot be started: {error}"))?;
    let output = match tokio::time::timeout(DEADLINE, child.wait_with_output()).await {
        Ok(output) => output.map_err(|error| format!("{program}: {error}"))?,
        Err(_) => return Err(format!("{program} did not end within {} s and was stopped", DEADLINE.as_secs())),
    };
    let said = |bytes: &[u8]| {
        let all = String::from_utf8_lossy(bytes);
        let all = all.trim();
        let from = all.char_indices().rev().take(KEPT).last().map_or(0, |(at, _)| at);
        text::line(&all[from..]).into_owned()
    };
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(format!("{program}: {}", said(&output.stderr))) }
}
