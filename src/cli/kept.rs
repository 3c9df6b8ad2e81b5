//! The modes that ask no cluster: what is kept on this machine, the audit and the timeline, and the profiles.

use std::io::Write;
use std::process::ExitCode;

use color_eyre::eyre::Result;

use super::args::{AuditCommand, ProfileCommand, TimelineArgs};
use crate::config::{Settings, profiles};
use crate::headless;
use crate::headless::timeline::Query;
use crate::session::clock;
use crate::session::start::Unusable;

pub(super) fn audit(settings: &Settings, what: AuditCommand, out: &mut dyn Write) -> Result<ExitCode> {
    let folder = settings
        .audit_folder()
        .ok_or_else(|| Unusable("there is no state directory: set state-dir, XDG_STATE_HOME or HOME".to_owned()))?;
    match what {
        AuditCommand::Show => headless::audit::show(&folder, out)?,
        AuditCommand::Unfinished => headless::audit::unfinished(&folder, out, &mut std::io::stderr())?,
        AuditCommand::Dismiss { run, reason } => {
            let now = clock::now();
            let recorder = headless::audit::recorder(&folder, now);
            let told = headless::audit::dismiss(&folder, &run, &reason, recorder, now).map_err(Unusable)?;
            writeln!(out, "{told}")?;
        }
        AuditCommand::Verify if headless::audit::verify(&folder, out)? => {}
        AuditCommand::Verify => return Ok(ExitCode::FAILURE),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn profile(settings: &Settings, command: ProfileCommand, out: &mut dyn Write) -> Result<ExitCode> {
    if let ProfileCommand::Check { file } = command {
        let right = headless::profile::check(&file, out)?;
        return Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let library = profiles::load(settings).map_err(|error| Unusable(error.to_string()))?;
    match command {
        ProfileCommand::Show { name } => {
            if !headless::profile::show(&library, &name, out)? {
                let names: Vec<&str> = library.known.iter().map(|known| known.profile.name.as_str()).collect();
                return Err(Unusable(format!("no profile is called {name}: there are {}", names.join(", "))).into());
            }
        }
        ProfileCommand::List | ProfileCommand::Check { .. } => headless::profile::list(&library, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn timeline(settings: &Settings, args: TimelineArgs, out: &mut dyn Write) -> Result<ExitCode> {
    let none = || Unusable("there is no state directory: set state-dir, XDG_STATE_HOME or HOME".to_owned());
    let folder = settings.timeline_folder().ok_or_else(none)?;
    let context = crate::data::current_context(settings)
        .ok_or_else(|| Unusable("no context is current: name one with --context".to_owned()))?;
    let query = Query {
        context: &context,
        since: args.since,
        namespace: settings.namespace.as_deref(),
        format: args.output,
        utc: settings.utc,
        now: clock::now(),
    };
    headless::timeline::print(&folder, settings.audit_folder().as_deref(), &query, out)?;
    Ok(ExitCode::SUCCESS)
}
