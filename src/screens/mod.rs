//! The screens: one file each. A screen turns commands into effects and the world into lines of text; it does no I/O
//! and knows no terminal.

pub mod acting;
pub mod actions;
pub mod audit;
pub mod body;
pub mod contexts;
pub mod describe;
pub mod events;
pub mod evictions;
pub mod feeds;
pub mod find;
pub mod form;
pub mod guide;
pub mod handover;
pub mod health;
pub mod help;
pub mod home;
pub mod incident;
pub mod keys;
pub mod layout;
pub mod left;
pub mod line_edit;
pub mod logs;
pub mod moment;
pub mod namespaces;
pub mod naming;
pub mod pager;
pub mod plan_text;
pub mod plans;
pub mod platform;
pub mod preview;
pub mod table;
pub mod timeline;
pub mod trust;
pub mod world;
pub mod wrap;
pub mod yaml;

use crate::domain::record::{Key, KindId};
use crate::domain::reply::Reply;
use crate::intent::{Chord, Command, Effect, Place, Ticket, Tickets};
use crate::scene::Line;
use keys::Layer;
use world::World;

/// Columns and rows that a screen's body may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub width: u16,
    pub height: u16,
}

/// Rows that are not seen, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct More {
    pub above: usize,
    pub below: usize,
}

impl More {
    /// In words; nothing when all is seen.
    pub fn told(self) -> String {
        match (self.above, self.below) {
            (0, 0) => String::new(),
            (0, below) => format!("{below} more below"),
            (above, 0) => format!("{above} above"),
            (above, below) => format!("{above} above, {below} below"),
        }
    }
}

/// One thing the operator can look at.
pub trait Screen: std::fmt::Debug {
    /// What the header calls it.
    fn title(&self, world: &World) -> String;

    /// Where this is, for history; `None` is not remembered.
    fn place(&self) -> Place;

    /// Reacts to a command. `None`: this screen does not know the command.
    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>>;

    /// Follows the world; called before each [`Screen::lines`] when something changed. May ask for more to read.
    fn sync(&mut self, _world: &World, _size: Size) -> Vec<Effect> {
        Vec::new()
    }

    /// The body, at most `size.height` lines.
    fn lines(&self, world: &World, size: Size) -> Vec<Line>;

    /// Kinds that it is about besides that of its place: their feeds start when it is looked at.
    fn watches(&self) -> Vec<KindId> {
        Vec::new()
    }

    /// Every row, for `--plain`; by default the body at an endless height.
    fn all_lines(&mut self, world: &World, width: u16) -> Vec<Line> {
        let size = Size { width, height: u16::MAX };
        self.sync(world, size);
        self.lines(world, size)
    }

    /// Commands worth a hint in the last line, the most useful first.
    fn hints(&self) -> &'static [Command];

    /// The object under the cursor.
    fn target(&self, _world: &World) -> Option<Key> {
        None
    }

    /// An answer to a ticket that this screen holds.
    fn reply(&mut self, _ticket: Ticket, _reply: Reply, _world: &World) {}

    /// The filter's text changed. An error is shown and nothing is hidden.
    fn filter(&mut self, _text: &str, _world: &World) -> Result<(), String> {
        Err("this screen has nothing to filter".to_owned())
    }

    /// The filter in force.
    #[expect(clippy::unnecessary_literal_bound, reason = "a screen with a filter returns its own text")]
    fn filtered(&self) -> &str {
        ""
    }

    /// Rows of the body that are not seen.
    fn more(&self) -> More {
        More::default()
    }

    /// Whether a key is text here, or one of the form: then it is no command.
    fn takes(&self, _chord: Chord, _world: &World) -> bool {
        false
    }

    /// A key that is taken.
    fn key(&mut self, _chord: Chord, _world: &World) -> Vec<Effect> {
        Vec::new()
    }

    /// A paste; it means something only where a line is typed.
    fn paste(&mut self, _text: &str) -> Vec<Effect> {
        Vec::new()
    }

    /// Where the terminal's cursor is in the body, as column and row, while a line is typed here.
    fn cursor(&self, _size: Size) -> Option<(u16, u16)> {
        None
    }

    /// The objects that an action is for: what is marked, else what is under the cursor.
    fn targets(&self, world: &World) -> Vec<Key> {
        self.target(world).into_iter().collect()
    }

    /// The keys that it has besides those of every screen.
    fn layer(&self) -> Layer {
        Layer::Base
    }

    /// What the last line calls a command here, where that is another word.
    fn word(&self, _command: Command) -> Option<&'static str> {
        None
    }

    /// Effects that end what the screen began; called when it is closed.
    fn leave(&mut self) -> Vec<Effect> {
        Vec::new()
    }
}

/// How a screen is made: the list of screens that can be gone to by name.
#[derive(Debug)]
pub struct ScreenSpec {
    /// The word after `:` and `-c`.
    pub word: &'static str,
    pub aliases: &'static [&'static str],
    pub help: &'static str,
    pub place: fn() -> Place,
}

/// Screens with a word of their own; each kind's table has its kind's words besides.
pub static SCREENS: &[ScreenSpec] = &[
    home::SPEC,
    health::SPEC,
    platform::SPEC,
    timeline::SPEC,
    feeds::SPEC,
    trust::SPEC,
    contexts::SPEC,
    namespaces::SPEC,
    plans::SPEC,
    audit::SPEC,
    handover::SPEC,
    help::SPEC,
];

/// The screen that a word after `:` names.
pub fn by_word(word: &str) -> Option<&'static ScreenSpec> {
    SCREENS.iter().find(|screen| screen.word == word || screen.aliases.contains(&word))
}

/// The screen of a place.
pub fn open(place: Place, tickets: &Tickets) -> Box<dyn Screen> {
    match place {
        Place::Home => Box::new(home::Home::default()),
        Place::Table(kind) => Box::new(table::TableScreen::new(kind)),
        Place::Faults(kind) => Box::new(table::TableScreen::faults(kind)),
        Place::Health => Box::new(health::Health::new(tickets.next())),
        Place::Feeds => Box::new(feeds::Feeds::default()),
        Place::Trust => Box::new(trust::Trust::default()),
        Place::Help => Box::new(help::Help::default()),
        Place::Contexts => Box::new(contexts::Contexts::default()),
        Place::Namespaces => Box::new(namespaces::Namespaces::default()),
        Place::Describe(key) => Box::new(describe::Describe::new(key, tickets.next(), tickets.next())),
        Place::Yaml(key) => Box::new(yaml::Yaml::new(key, tickets.next())),
        Place::Events(key) => Box::new(events::Events::new(key, tickets.next())),
        Place::Logs { key, previous } => Box::new(logs::Logs::new(key, previous, tickets.clone())),
        Place::Guide(key) => Box::new(guide::Guide::new(key)),
        Place::Incident(anchor) => Box::new(incident::IncidentScreen::new(anchor)),
        Place::Actions(keys) => Box::new(actions::Actions::new(keys)),
        Place::Preview(deed) => {
            let nth = tickets.next();
            Box::new(preview::Preview::new(deed, tickets.clone(), nth.number()))
        }
        Place::Platform => Box::new(platform::Platform::default()),
        Place::Component { profile, component } => Box::new(platform::ComponentScreen::new(profile, component)),
        Place::Plans => Box::new(plans::Plans::default()),
        Place::Run(id) => Box::new(plans::RunScreen::new(id)),
        Place::Left(run) => Box::new(left::Left::new(run)),
        Place::Audit => Box::new(audit::Audit::new(tickets.next())),
        Place::Moment(moment) => Box::new(moment::MomentScreen::new(*moment)),
        Place::Timeline(scope) => Box::new(timeline::Timeline::new(scope)),
        Place::Handover => Box::new(handover::Handover::default()),
        Place::Find(text) => Box::new(find::Find::new(text)),
    }
}
