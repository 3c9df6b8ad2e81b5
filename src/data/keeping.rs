//! What is kept of a cluster between sessions, on the data thread: the timeline on disk, and what the audit says of
//! other sessions. Before a context's cluster has answered, it is taken for the one that it led to last. Where it cannot
//! be written that is said once, reading continues, and what is to be written waits for the next time.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use super::{Ask, What};
use crate::config::Settings;
use crate::domain::moment::Moment;
use crate::domain::text;
use crate::effects::{deeds, timeline};
use crate::sources::Clock;

/// The timeline of the contexts that are visited.
pub(super) struct Keeper {
    folder: Option<PathBuf>,
    audit: Option<PathBuf>,
    clock: Clock,
    complained: Cell<bool>,
    /// The context that is visited, and its cluster as far as it is known.
    here: RefCell<(String, String)>,
    /// What could not be written yet, with the context that it is of.
    waiting: RefCell<Vec<(String, Moment)>>,
}

/// Entries that are kept while the file cannot be written.
const WAITING: usize = 2000;

impl Keeper {
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let (folder, audit) = (settings.timeline_folder(), settings.audit_folder());
        Self {
            folder,
            audit,
            clock,
            complained: Cell::new(false),
            here: RefCell::default(),
            waiting: RefCell::default(),
        }
    }

    /// What is there from before of the cluster that a context led to last.
    pub fn past(&self, context: &str) -> Vec<What> {
        let identity = self.folder.as_ref().map(|folder| timeline::known(folder, context)).unwrap_or_default();
        self.here.replace((context.to_owned(), identity));
        self.read(context)
    }

    /// The cluster has answered: when it is another one than was thought, what is there of that one.
    pub fn arrived(&self, context: &str, identity: &str) -> Vec<What> {
        let here = (context.to_owned(), identity.to_owned());
        if self.here.replace(here.clone()) == here {
            return Vec::new();
        }
        self.read(context)
    }

    fn path(&self, folder: &Path, context: &str) -> PathBuf {
        let here = self.here.borrow();
        timeline::path(folder, context, if here.0 == context { &here.1 } else { "" })
    }

    fn read(&self, context: &str) -> Vec<What> {
        let Some(folder) = self.folder.as_ref().filter(|_| !context.is_empty()) else { return Vec::new() };
        let past = match timeline::read(&self.path(folder, context), (self.clock)()) {
            Ok(past) => past,
            Err(error) => return self.complain(&format!("the timeline cannot be read: {error}")).into_iter().collect(),
        };
        vec![What::Past { moments: past.moments, unreadable: past.unreadable }, self.deeds(context)]
    }

    /// Does what of a timeline is asked for.
    pub fn answer(&self, context: &str, ask: Ask) -> Vec<What> {
        match ask {
            Ask::Record(moments) => self.record(context, &moments).into_iter().collect(),
            Ask::Deeds => vec![self.deeds(context)],
            _ => Vec::new(),
        }
    }

    /// What other sessions have done.
    fn deeds(&self, context: &str) -> What {
        let read = |folder: &PathBuf| deeds::read(folder, context, Some(std::process::id()), (self.clock)());
        What::Deeds(self.audit.as_ref().map(read).unwrap_or_default())
    }

    /// Writes entries down; what is to be said when that fails for the first time.
    fn record(&self, context: &str, moments: &[Moment]) -> Option<What> {
        if context.is_empty() {
            return None;
        }
        let Some(folder) = &self.folder else {
            return self.complain("the timeline is not kept: set state-dir, XDG_STATE_HOME or HOME");
        };
        // whoever only looks leaves no file
        let identity = &self.here.borrow().1;
        if !identity.is_empty()
            && timeline::known(folder, context) != *identity
            && let Err(error) = timeline::remember(folder, context, identity)
        {
            return self.complain(&format!("the timeline is not kept: {error}"));
        }
        let path = self.path(folder, context);
        let mut waiting = self.waiting.borrow_mut();
        waiting.extend(moments.iter().map(|moment| (context.to_owned(), moment.clone())));
        let due: Vec<Moment> =
            waiting.iter().filter(|(of, _)| of == context).map(|(_, moment)| moment.clone()).collect();
        match timeline::append(&path, &due, (self.clock)()) {
            Ok(()) => {
                waiting.retain(|(of, _)| of != context);
                self.complained.set(false);
                None
            }
            Err(error) => {
                let more = waiting.len().saturating_sub(WAITING);
                waiting.drain(..more);
                self.complain(&format!("the timeline is not kept now: {}: {error}", path.display()))
            }
        }
    }

    fn complain(&self, why: &str) -> Option<What> {
        (!self.complained.replace(true)).then(|| What::Aside(text::line(why).into_owned()))
    }
}
