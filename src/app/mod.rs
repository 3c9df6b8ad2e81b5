//! Keys in, scenes out: the state of the console. What is pressed, typed, gone to and drawn are files of their own. No I/O:
//! what must be done outside is returned as effects.

pub mod chrome;
pub mod commands;
mod dispatch;
mod input;
pub mod keymap;
mod leaving;
mod navigation;
mod plans;
pub mod prompt;
mod recording;

use crate::config::suggest;
use crate::domain::ages::Time;
use crate::domain::change::Batch;
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::record::Key;
use crate::domain::reply::{Reply, Standing};
use crate::domain::text;
use crate::intent::{Chord, Effect, Place, Ticket, Tickets};
use crate::kinds;
use crate::scene::Scene;
use crate::screens::world::{Facts, Link, Preferences, World};
use crate::screens::{self, Screen, Size};
use crate::store::RowId;
use crate::triage::timeline::Seen;
use keymap::Keymap;
use navigation::Visit;
use prompt::Prompt;

/// Added to an error about a typed word: how to find the valid ones.
pub const WAYS: &str = "; tab completes, ? lists";

/// The whole console without its terminal and its cluster.
#[derive(Debug)]
pub struct App {
    pub world: World,
    keymap: Keymap,
    stack: Vec<Box<dyn Screen>>,
    /// Places left with `[` and `-`, and those left again with `]`.
    history: Vec<Visit>,
    future: Vec<Visit>,
    /// Where `-` leads: the last screen, and back again.
    last: Option<Visit>,
    prompt: Option<Prompt>,
    message: Option<Message>,
    /// Something left undone: it stays below until it is looked at.
    notice: Option<Notice>,
    /// What would leave plans in the middle, until that is answered.
    leaving: Option<Effect>,
    /// The key that is being followed.
    pressed: Option<Chord>,
    /// When a word began that is typed where none is asked for, and when its last letter was typed: letters that mean
    /// nothing in a preview, or the key that approved it, and what followed at once.
    word: Option<(Time, Time)>,
    slim_header: bool,
    tickets: Tickets,
    size: Size,
    touched: Vec<RowId>,
    bells: u32,
    known_p1: u32,
}

#[derive(Debug, Clone)]
pub struct Message {
    pub text: String,
    pub bad: bool,
}

/// A notice that stays until it is read.
#[derive(Debug, Clone)]
enum Notice {
    Unfinished(String),
    Reverted(String),
}

impl Notice {
    fn text(&self) -> &str {
        match self {
            Self::Unfinished(text) | Self::Reverted(text) => text,
        }
    }
}

/// The smallest terminal that is drawn on.
pub const LEAST: Size = Size { width: 40, height: 10 };

impl App {
    pub fn new(preferences: Preferences, facts: Facts, keymap: Keymap) -> Self {
        let mut app = Self {
            world: World::new(known(preferences, &keymap), facts),
            keymap,
            stack: Vec::new(),
            history: Vec::new(),
            future: Vec::new(),
            last: None,
            prompt: None,
            message: None,
            notice: None,
            leaving: None,
            pressed: None,
            word: None,
            slim_header: false,
            tickets: Tickets::default(),
            size: LEAST,
            touched: Vec::new(),
            bells: 0,
            known_p1: 0,
        };
        let home = app.open(Place::Home);
        app.stack.push(home);
        app
    }

    fn open(&self, place: Place) -> Box<dyn Screen> {
        screens::open(place, &self.tickets)
    }

    fn screen(&self) -> &dyn Screen {
        // the stack is never empty: `leave` keeps its last screen
        &**self.stack.last().unwrap_or_else(|| unreachable!("a screen is always open"))
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = Size { width, height };
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// News of the cluster.
    pub fn news(&mut self, batch: Batch) {
        self.world.store.apply(batch, &mut self.touched);
    }

    /// Judges what changed and what is due, at the time that the facts say.
    pub fn settle(&mut self) {
        let World { store, triage, preferences, facts, timeline, .. } = &mut self.world;
        let lost = match &facts.link {
            Link::Down { since, headline, detail, .. } => {
                let why = text::with_detail(headline, detail);
                Some(Finding::new(Severity::P1, Some(*since), format!("{why}; what is shown is old")))
            }
            Link::Connecting | Link::Up => None,
        };
        let settings = preferences.judging(facts);
        let is_lost = lost.is_some();
        let changed = triage.refresh(store, &self.touched, lost, &settings, facts.now);
        timeline.watch(&Seen {
            store,
            triage,
            touched: &self.touched,
            changed,
            lost: is_lost,
            context: &facts.context,
            now: facts.now,
        });
        if changed {
            let p1 = triage.totals().by_severity[0];
            if self.world.preferences.bell && p1 > self.known_p1 {
                self.bells += 1;
            }
            self.known_p1 = p1;
        }
        if !self.touched.is_empty() {
            self.touched.clear();
        }
        self.look_for_reverts();
        if self.world.favourites().next().is_none() && !self.world.store.table(kinds::POD).is_empty() {
            self.world.facts.first_namespaces = self.world.namespaces().into_iter().take(9).collect();
        }
    }

    /// An answer that a screen waits for.
    pub fn reply(&mut self, ticket: Ticket, reply: &Reply) {
        let Self { stack, world, .. } = self;
        for screen in stack {
            screen.reply(ticket, reply.clone(), world);
        }
    }

    /// Starts again on another cluster: nothing of the old one remains.
    pub fn reset(&mut self, facts: Facts) {
        self.world.renew(facts);
        self.touched.clear();
        self.known_p1 = 0;
        self.history.clear();
        self.future.clear();
        self.last = None;
        self.notice = None;
        let keep = match self.screen().place() {
            place @ (Place::Table(_)
            | Place::Feeds
            | Place::Home
            | Place::Help
            | Place::Platform
            | Place::Health
            | Place::Handover) => place,
            _ => Place::Home,
        };
        self.stack.clear();
        let screen = self.open(keep);
        self.stack.push(screen);
    }

    /// Whether there is the namespace of the settings.
    pub fn standing(&mut self, standing: Standing) {
        let Some(name) = &self.world.facts.namespace else { return };
        if let Some(why) = standing.told(name) {
            self.complain(why);
        }
        self.world.facts.standing = Some(standing);
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), bad: false });
    }

    pub fn complain(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), bad: true });
    }

    /// The same about something left undone: the next key does not take it away.
    fn remind(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// Why nobody can say anything of the namespace that is asked for: whether there is one may not be read, and nothing
    /// that is known is in it.
    pub fn unseen_place(&self) -> Option<String> {
        let name = self.world.facts.namespace.as_deref()?;
        let Some(Standing::Unknown(why)) = &self.world.facts.standing else { return None };
        let known = self.world.namespaces();
        if known.iter().any(|known| known == name) {
            return None;
        }
        let near = suggest::nearest(name, known.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; is it {near}?"));
        Some(format!("nothing is known of a namespace {name}, and whether there is one cannot be checked: {why}{near}"))
    }

    /// What the terminal shows.
    pub fn scene(&self) -> Scene {
        chrome::scene(&chrome::Frame {
            world: &self.world,
            screen: self.screen(),
            size: self.size,
            slim: self.slim_header,
            prompt: self.prompt.as_ref(),
            question: self.question(usize::from(self.size.width).saturating_sub(1)),
            message: self.message.as_ref(),
            notice: self.notice.as_ref().map(Notice::text),
            depth: self.stack.len(),
            bells: self.bells,
        })
    }

    /// Every row of the present screen, for `--plain`.
    pub fn plain(&mut self, width: u16) -> Vec<String> {
        let Self { stack, world, .. } = self;
        let Some(screen) = stack.last_mut() else { return Vec::new() };
        let lines = screen.all_lines(world, width);
        let mut out = vec![chrome::plain_title(world, &**screen)];
        out.extend(lines.iter().map(|line| line.text().trim_end().to_owned()));
        out
    }

    /// Where one is.
    pub fn place(&self) -> Place {
        self.screen().place()
    }

    /// The object under the cursor.
    pub fn target(&self) -> Option<Key> {
        self.screen().target(&self.world)
    }

    /// Opens the picker when the first connection fails, and closes it when one succeeds.
    pub fn connection_failed(&mut self) {
        let nothing_yet = self.world.store.tables().all(|(_, t)| t.is_empty());
        if nothing_yet && self.screen().place() == Place::Home {
            let _ = self.go(Place::Contexts);
        }
    }

    pub fn connection_made(&mut self) {
        if self.screen().place() == Place::Contexts && self.stack.len() > 1 {
            let _ = self.follow(vec![Effect::Back]);
        }
    }
}

/// Facts that know what can be pressed and typed.
fn known(preferences: Preferences, keymap: &Keymap) -> Preferences {
    let typed = commands::COMMANDS.iter().map(|command| command.typed).collect();
    Preferences { keys: keymap.keys.clone(), typed, ..preferences }
}
