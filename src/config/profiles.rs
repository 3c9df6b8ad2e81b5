//! Which profiles there are: those that are built in, the user's own in a folder, and files that the configuration
//! names. A user's profile of a built-in name replaces it. Reads files, and nothing of a cluster.

use std::io;
use std::path::{Path, PathBuf};

use super::problem::{ConfigError, Place, Problem};
use super::profile::read;
use super::settings::Settings;
use super::suggest::nearest;
use crate::domain::profile::Profile;

/// The profiles that come with the program, by name, as their files are.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("sre-platform", include_str!("../../assets/profiles/sre-platform.toml")),
    ("slopilot", include_str!("../../assets/profiles/slopilot.toml")),
    ("slo-scout", include_str!("../../assets/profiles/slo-scout.toml")),
    ("kubeop", include_str!("../../assets/profiles/kubeop.toml")),
];

/// Switches every profile off.
pub const NONE: &str = "none";

/// A profile with where it comes from and its text.
#[derive(Debug, Clone)]
pub struct Known {
    pub profile: Profile,
    /// `None`: built in.
    pub file: Option<PathBuf>,
    pub text: String,
}

/// What the configuration makes of them.
#[derive(Debug, Clone, Default)]
pub struct Library {
    pub known: Vec<Known>,
    /// The names that are on whatever is found; `None`: what is found decides.
    pub chosen: Option<Vec<String>>,
}

impl Library {
    pub fn profiles(&self) -> Vec<Profile> {
        self.known.iter().map(|known| known.profile.clone()).collect()
    }

    pub fn get(&self, name: &str) -> Option<&Known> {
        self.known.iter().find(|known| known.profile.name == name)
    }

    fn add(&mut self, new: Known) {
        match self.known.iter_mut().find(|known| known.profile.name == new.profile.name) {
            Some(old) => *old = new,
            None => self.known.push(new),
        }
    }

    fn built_in() -> Self {
        let known = BUILT_IN.iter().filter_map(|(name, text)| {
            let profile = read(Path::new(name), text).ok()?;
            Some(Known { profile, file: None, text: (*text).to_owned() })
        });
        Self { known: known.collect(), chosen: None }
    }
}

/// Those that are built in, whatever is configured.
#[must_use]
pub fn built_in() -> Library {
    Library::built_in()
}

/// Everything that these settings speak of.
///
/// # Errors
/// Every problem of the user's profiles, and names that no profile has.
pub fn load(settings: &Settings) -> Result<Library, ConfigError> {
    let mut library = Library::built_in();
    let mut problems = Vec::new();
    for path in settings.profiles_folder().map(|folder| in_folder(&folder, &mut problems)).unwrap_or_default() {
        match from_file(&path) {
            Ok(known) => library.add(known),
            Err(found) => problems.extend(found),
        }
    }
    let origin = settings.origin("profiles").to_string();
    let mut chosen = Vec::new();
    for word in &settings.profiles {
        if word == NONE {
            continue;
        }
        if is_path(word) {
            match from_file(&resolved(word, settings)) {
                Ok(known) => {
                    chosen.push(known.profile.name.clone());
                    library.add(known);
                }
                Err(found) => problems.extend(found),
            }
        } else if library.get(word).is_some() {
            chosen.push(word.clone());
        } else {
            let names: Vec<&str> = library.known.iter().map(|known| known.profile.name.as_str()).collect();
            let hint = match nearest(word, names.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it may be one of {}, a file, or \"{NONE}\"", names.join(", ")),
            };
            let place = Place::Path(PathBuf::from(&origin));
            problems.push(Problem { place, what: format!("no profile is called \"{word}\""), hint: Some(hint) });
        }
    }
    library.chosen = (!settings.profiles.is_empty()).then_some(chosen);
    if problems.is_empty() { Ok(library) } else { Err(ConfigError { problems }) }
}

fn is_path(word: &str) -> bool {
    word.contains(std::path::MAIN_SEPARATOR) || Path::new(word).extension().is_some_and(|ending| ending == "toml")
}

/// `~/` is the home directory; what is relative is relative to the configuration file.
fn resolved(word: &str, settings: &Settings) -> PathBuf {
    match (word.strip_prefix("~/"), settings.env.get("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => settings.file.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).join(word),
    }
}

/// Reads one file.
///
/// # Errors
/// Its problems, with their lines.
pub fn from_file(path: &Path) -> Result<Known, Vec<Problem>> {
    let text = std::fs::read_to_string(path).map_err(|error| vec![unreadable(path, &error)])?;
    let profile = read(path, &text)?;
    Ok(Known { profile, file: Some(path.to_path_buf()), text })
}

/// The profiles of a folder, by name; a folder that is not there has none.
fn in_folder(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                problems.push(unreadable(folder, &error));
            }
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    paths
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "the profile does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "the profile may not be read: permission denied".to_owned(),
        io::ErrorKind::InvalidData => "the profile is not UTF-8 text".to_owned(),
        _ => format!("the profile cannot be read: {error}"),
    };
    Problem { place: Place::Path(path.to_path_buf()), what, hint: None }
}
