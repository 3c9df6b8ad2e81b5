//! The diagnostic log, and where the report of a panic goes.

use std::path::PathBuf;

use color_eyre::eyre::{Result, WrapErr as _};

use crate::config::Settings;
use crate::effects::private;
use crate::session::start::Unusable;

/// Where reports and similar files are kept.
pub(super) fn state_directory() -> PathBuf {
    let project = directories::ProjectDirs::from("", "", "watchkeeper");
    let state = project.as_ref().and_then(|dirs| dirs.state_dir().map(std::path::Path::to_path_buf));
    state.unwrap_or_else(std::env::temp_dir)
}

/// Diagnostics go to a file or nowhere: the terminal is drawn on. kube's own client logs whole bodies when it cannot
/// read one, so it is left out: Secrets must not reach a disk.
pub(super) fn log_to(settings: &Settings) -> Result<Option<tracing_appender::non_blocking::WorkerGuard>> {
    let Some(path) = &settings.log_file else { return Ok(None) };
    let file = private::file(std::fs::File::options().create(true).append(true), path)
        .wrap_err_with(|| format!("log-file {} cannot be written", path.display()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let wanted = settings.env.get("WATCHKEEPER_LOG").unwrap_or("info");
    let filter = tracing_subscriber::EnvFilter::try_new(wanted)
        .map_err(|error| Unusable(format!("WATCHKEEPER_LOG `{wanted}`: {error}; write a level such as debug")))?;
    // whatever is wanted, these would write bodies or headers
    let kept = QUIET.iter().filter_map(|quiet| quiet.parse().ok());
    let filter = kept.fold(filter, tracing_subscriber::EnvFilter::add_directive);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    Ok(Some(guard))
}

/// Libraries whose own words may hold what must not reach a disk.
const QUIET: &[&str] = &["kube_client=off", "kube_runtime=off", "hyper=warn", "hyper_util=warn", "rustls=warn"];
