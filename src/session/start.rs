//! From settings to a running console: facts, keymap, theme, diagnostic log. Everything that can be wrong with them is
//! reported before the terminal is taken over.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use color_eyre::eyre::Result;

use super::clock;
use super::run::{self, Ended, Panics};
use crate::app::keymap::Keymap;
use crate::app::{App, WAYS};
use crate::config::{Settings, profiles};
use crate::data::{self, Data};
use crate::domain::profile::Profiles;
use crate::screens::world::{Facts, Preferences};
use crate::ui::{BUILTIN, Theme};

/// Settings or a command line that cannot be used; the text says why.
#[derive(Debug)]
pub struct Unusable(pub String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// The console of these settings, not yet connected.
///
/// # Errors
/// A `[keys]` table or a profile that cannot be used.
pub fn app(settings: &Settings) -> Result<App, Unusable> {
    let remaps = settings.remaps.iter().map(|r| (r.action.as_str(), &r.chords[..]));
    let keymap = Keymap::new(remaps).map_err(|error| Unusable(error.to_string()))?;
    let library = profiles::load(settings).map_err(|error| Unusable(error.to_string()))?;
    // a guess until the connection says it
    let context = data::likely_context(settings).unwrap_or_default();
    let own = settings.for_context(&context);
    let preferences = Preferences {
        namespaces: own.namespaces,
        core_namespaces: own.core_namespaces,
        utc: settings.utc,
        bell: settings.bell,
        thresholds: settings.thresholds,
        salt: std::process::id(),
        ..Preferences::default()
    };
    let facts = Facts {
        now: clock::now(),
        context: settings.context.clone().unwrap_or_default(),
        namespace: own.namespace,
        locked: settings.starts_readonly(&context).map(Into::into),
        profiles: Arc::new(Profiles::of(library.profiles())),
        ..Facts::default()
    };
    Ok(App::new(preferences, facts, keymap))
}

/// The theme by name or file; `NO_COLOR` takes the colours out of any.
///
/// # Errors
/// An unknown name, an unreadable file, a file that is no theme.
pub fn theme(settings: &Settings) -> Result<Theme, Unusable> {
    let no_color = settings.env.get("NO_COLOR").is_some_and(|v| !v.is_empty());
    let ascii = settings.ascii || !speaks_utf8(settings);
    let name = if settings.theme.is_empty() { "default" } else { &*settings.theme };
    let theme = match Theme::builtin(name) {
        Some(_) if no_color => Theme::builtin("mono").unwrap_or_default(),
        Some(theme) => theme,
        None => {
            let path = Path::new(name);
            let text = std::fs::read_to_string(path).map_err(|error| {
                let names = BUILTIN.join(", ");
                Unusable(format!("theme `{name}` is neither built in ({names}) nor a readable file: {error}"))
            })?;
            let theme = Theme::parse(&text).map_err(|error| Unusable(format!("theme {name}: {error}")))?;
            if no_color { theme.without_color() } else { theme }
        }
    };
    Ok(theme.with_ascii(ascii))
}

/// Whether the locale's character set is UTF-8, as POSIX chooses it. Without any locale the answer is yes: containers
/// have none, and their terminals are modern.
fn speaks_utf8(settings: &Settings) -> bool {
    let chosen =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| settings.env.get(name).filter(|v| !v.is_empty()));
    chosen.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Checks the first screen's word where that needs no cluster: what follows `find`, `ns` and `ctx` is known later.
///
/// # Errors
/// No kind, screen or command has this name.
pub fn check_view(settings: &Settings, view: &str) -> Result<(), Unusable> {
    if view.trim().contains(char::is_whitespace) {
        return Ok(());
    }
    app(settings)?.run_line(view).map(drop).map_err(|why| unknown_view(settings, view, &why))
}

/// In words for a command line or a file: there are no keys yet.
fn unknown_view(settings: &Settings, view: &str, why: &str) -> Unusable {
    let why = why.replace(WAYS, "; `watchkeeper --plain -c help` lists them");
    Unusable(format!("{} {view}: {why}", settings.origin("default-view")))
}

/// Runs the console.
///
/// # Errors
/// What cannot be had of the terminal, the threads or the settings.
pub fn console(settings: Settings, view: &str, panics: Panics) -> Result<Ended> {
    let mut app = app(&settings)?;
    let theme = theme(&settings)?;
    app.run_line(view).map_err(|why| unknown_view(&settings, view, &why))?;
    let data = Data::start(settings, clock::now)?;
    run::run(app, data, theme, panics)
}
