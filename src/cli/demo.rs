//! The demo platform: inside this process for the other modes, and as a server for any client.

use std::io::Write;
use std::process::ExitCode;

use color_eyre::eyre::{Result, WrapErr as _};

use super::args::DemoArgs;
use super::parse::Start;
use crate::demo::{Demo, DemoError, Options};
use crate::session::signals::Signals;
use crate::session::start::Unusable;

/// The demo platform inside this process, and the settings that point at it. From here on nothing knows.
pub(super) fn within(start: &mut Start) -> Result<Option<Demo>> {
    if !start.demo {
        return Ok(None);
    }
    let demo = Demo::start(Options::default()).wrap_err("the demo cannot start")?;
    start.settings.kubeconfig = Some(demo.kubeconfig().to_path_buf());
    start.settings.context = None;
    Ok(Some(demo))
}

/// Serves the demo platform until this process is ended.
pub(super) fn serve(args: DemoArgs, out: &mut dyn Write) -> Result<ExitCode> {
    let options = Options {
        listen: args.listen,
        pods: args.pods,
        story: args.story.unwrap_or_else(|| "platform".to_owned()),
        seed: args.seed,
        churn: f64::from(args.churn),
        faults: args.faults,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // from here on a signal ends us with the kubeconfig removed
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let demo = Demo::start(options).map_err(|error| match error {
        DemoError::UnknownStory(_) | DemoError::Faults(_) | DemoError::Churn(_) => Unusable(error.to_string()).into(),
        error => color_eyre::Report::from(error),
    })?;
    writeln!(out, "KUBECONFIG={}", demo.kubeconfig().display())?;
    out.flush()?;
    if !args.listen.ip().is_loopback() {
        let warning = "it listens beyond this machine, without a login and without TLS: whoever reaches it may change \
                       the demo";
        writeln!(std::io::stderr(), "watchkeeper: warning: {}: {warning}", demo.address())?;
    }
    // a signal is the normal way to end it, so that is no failure
    runtime.block_on(signals.end());
    drop(demo);
    Ok(ExitCode::SUCCESS)
}
