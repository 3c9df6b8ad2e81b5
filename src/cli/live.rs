//! The modes that look at a cluster, or at the demo in its place: the console, lines, an action, and what says once how
//! things are.

use std::io::Write;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::Result;

use super::parse::Start;
use super::{demo, diagnostics};
use crate::config::Settings;
use crate::data::Data;
use crate::headless::look::Look;
use crate::headless::place::Unread;
use crate::headless::plain::{Ended, Plain};
use crate::headless::run::{Order, Run};
use crate::headless::{self, check, health};
use crate::session::run::End;
use crate::session::signals::Signals;
use crate::session::{clock, panic, start, watchdog};

/// Says something to a person at once.
fn say(text: &str) {
    // a reader that has gone away does not care
    let _ = writeln!(std::io::stderr(), "watchkeeper: {text}");
}

pub(super) fn console(mut start: Start) -> Result<ExitCode> {
    let _log = diagnostics::log_to(&start.settings)?;
    let (tell, panics) = tokio::sync::mpsc::unbounded_channel();
    panic::install(diagnostics::state_directory(), move || {
        // nobody listens when the console is over: then it ends in any case
        let _ = tell.send(());
    })?;
    let folder = start.settings.audit_folder();
    let ended = {
        let _demo = demo::within(&mut start)?;
        start::console(*start.settings, &start.view, panics)?
    };
    // the terminal may be gone: then nobody reads it
    let _ = headless::audit::left(folder.as_deref(), &ended.context, &ended.left, &mut std::io::stderr());
    Ok(ExitCode::from(ended.end.code()))
}

pub(super) fn plain(mut start: Start, follow: bool, bare: bool, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = diagnostics::log_to(&start.settings)?;
    start::check_view(&start.settings, &start.view)?;
    let _demo = demo::within(&mut start)?;
    let app = start::app(&start.settings)?;
    let data = Data::start(*start.settings, clock::now)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plain = Plain { app, data, view: start.view, follow, bare, now: clock::now };
    let (tell, mut unread) = tokio::sync::mpsc::unbounded_channel();
    // a quiet platform prints nothing, so that writing would not tell that nobody reads any more
    let stdout = std::io::stdout().as_fd().try_clone_to_owned()?;
    let gone = move || {
        let _ = tell.send(());
    };
    let _watch = follow.then(|| watchdog::watch(stdout, gone)).transpose()?;
    let err = &mut std::io::stderr();
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            ended = plain.run(out, err, signals.end()) => ended,
            Some(()) = unread.recv() => Ok(Ended::Printed),
        }
    })?;
    Ok(match ended {
        Ended::Printed => ExitCode::SUCCESS,
        Ended::Unknown => ExitCode::from(check::UNKNOWN),
        Ended::Signal(number) => ExitCode::from(End::Signal(number).code()),
    })
}

pub(super) fn act(settings: Settings, order: Order, out: &mut dyn Write) -> Result<ExitCode> {
    let _log = diagnostics::log_to(&settings)?;
    let app = start::app(&settings)?;
    let data = Data::start(settings, clock::now)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        // what is under way must not end because nobody reads on
        let (mut out, mut err) = (Unread(out), Unread(std::io::stderr()));
        Run { app, data, order, now: clock::now, say }.run(&mut out, &mut err, signals.end()).await
    })?;
    Ok(ExitCode::from(code))
}

/// A cluster to look at, and the demo if that is it.
fn looker(settings: Settings) -> Result<Look> {
    let app = start::app(&settings)?;
    Ok(Look { app, data: Data::start(settings, clock::now)?, now: clock::now, say })
}

/// Runs what looks at a cluster and ends; a signal ends it earlier.
fn until_signal(look: impl Future<Output = Result<u8>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            number = signals.end() => Ok(End::Signal(number).code()),
            code = look => code,
        }
    });
    code.map(ExitCode::from)
}

pub(super) fn check(
    mut start: Start,
    contexts: Vec<String>,
    order: &check::Order,
    out: &mut dyn Write,
) -> Result<ExitCode> {
    let _log = diagnostics::log_to(&start.settings)?;
    let _demo = demo::within(&mut start)?;
    let asked = if contexts.is_empty() {
        vec![start.settings.context.clone()]
    } else {
        contexts.into_iter().map(Some).collect()
    };
    let looks = asked.into_iter().map(|context| {
        let settings = Settings { context: context.clone(), ..(*start.settings).clone() };
        Ok((context.unwrap_or_default(), looker(settings)?))
    });
    let looks = looks.collect::<Result<Vec<_>>>()?;
    until_signal(async {
        let reports = check::look(looks, order).await;
        Ok(check::tell(&reports, order, out, &mut std::io::stderr())?)
    })
}

pub(super) fn health(
    mut start: Start,
    format: health::Format,
    timeout: Duration,
    out: &mut dyn Write,
) -> Result<ExitCode> {
    let _log = diagnostics::log_to(&start.settings)?;
    let _demo = demo::within(&mut start)?;
    let look = looker(*start.settings)?;
    let err = &mut std::io::stderr();
    until_signal(async { Ok(health::run(look, format, timeout, out, err).await?) })
}

pub(super) fn snapshot(
    mut start: Start,
    file: Option<&Path>,
    timeout: Duration,
    out: &mut dyn Write,
) -> Result<ExitCode> {
    let _log = diagnostics::log_to(&start.settings)?;
    let _demo = demo::within(&mut start)?;
    let look = looker(*start.settings)?;
    let err = &mut std::io::stderr();
    until_signal(async { Ok(headless::snapshot::run(look, file, timeout, out, err).await?) })
}
