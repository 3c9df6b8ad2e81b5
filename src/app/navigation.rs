//! From screen to screen: the stack that `esc` goes back on, the history of `[` and `]`, and the last screen of `-`.

use super::prompt::{Prompt, Purpose};
use super::{App, chrome};
use crate::intent::{Effect, Place};
use crate::screens::Screen;
use crate::screens::table::TableScreen;

/// A place as it was left.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    place: Place,
    filter: String,
}

impl Visit {
    fn of(screen: &dyn Screen) -> Self {
        Self { place: screen.place(), filter: screen.filtered().to_owned() }
    }
}

impl App {
    /// Does what is the app's own among effects and returns the others.
    pub(super) fn follow(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut out = Vec::new();
        for effect in effects {
            match effect {
                Effect::Go(place) => out.extend(self.go(place)),
                Effect::Back => {
                    if self.stack.len() > 1 {
                        if let Some(mut old) = self.stack.pop() {
                            self.last = Some(Visit::of(&*old));
                            self.history.push(Visit::of(&*old));
                            out.extend(old.leave());
                        }
                    } else if self.screen().place() != Place::Home {
                        out.extend(self.go(Place::Home));
                    } else {
                        self.notice = None;
                    }
                }
                Effect::Quit | Effect::Connect(_) if self.under_way().next().is_some() => self.leaving = Some(effect),
                Effect::Unused => self.unused(),
                Effect::Run(plan) => out.extend(self.start(plan)),
                Effect::Say(text) => self.say(text),
                Effect::Type(text) => self.prompt = Some(Prompt::new(Purpose::Command, &text)),
                Effect::Complain(text) => self.complain(text),
                Effect::Namespace(name) => {
                    self.say(name.as_ref().map_or("all namespaces".to_owned(), |n| format!("namespace {n}")));
                    self.world.facts.namespace = name;
                    // what was asked is about another one
                    self.world.facts.standing = None;
                }
                other => out.push(other),
            }
        }
        out
    }

    pub(super) fn go(&mut self, place: Place) -> Vec<Effect> {
        if matches!(place, Place::Plans | Place::Left(_) | Place::Run(_)) {
            self.notice = None;
        }
        if self.screen().place() == place {
            return Vec::new();
        }
        let here = Visit::of(self.screen());
        self.last = Some(here.clone());
        self.history.push(here);
        self.history.drain(..self.history.len().saturating_sub(64));
        self.future.clear();
        let mut out = Vec::new();
        // a place of its own begins a new path; what is about one object goes on top
        let top_level =
            matches!(place, Place::Home | Place::Table(_) | Place::Platform | Place::Contexts | Place::Namespaces);
        let from_list = matches!(self.screen().place(), Place::Home | Place::Feeds | Place::Health);
        if top_level && !from_list {
            for mut screen in self.stack.drain(1..).collect::<Vec<_>>() {
                out.extend(screen.leave());
            }
            if place == Place::Home {
                self.stack.clear();
            }
        }
        let from = self.stack.last().and_then(|s| s.target(&self.world));
        let screen: Box<dyn Screen> = match (place, from) {
            (Place::Table(kind), Some(key)) => {
                let mut table = TableScreen::new(kind);
                table.point_at(key.uid);
                Box::new(table)
            }
            (place, _) => self.open(place),
        };
        self.stack.push(screen);
        out.extend(self.sync());
        out
    }

    pub(super) fn history(&mut self, back: bool) -> Vec<Effect> {
        let (from, to) =
            if back { (&mut self.history, &mut self.future) } else { (&mut self.future, &mut self.history) };
        let Some(visit) = from.pop() else {
            self.complain(if back { "no previous screen" } else { "no next screen" });
            return Vec::new();
        };
        let here = self.stack.last().map(|screen| Visit::of(&**screen));
        to.extend(here.clone());
        self.last = here;
        self.replace(visit)
    }

    pub(super) fn last(&mut self) -> Vec<Effect> {
        let Some(visit) = self.last.take() else {
            self.complain("no previous screen");
            return Vec::new();
        };
        let here = Visit::of(self.screen());
        self.last = Some(here.clone());
        self.history.push(here);
        self.future.clear();
        self.replace(visit)
    }

    fn replace(&mut self, visit: Visit) -> Vec<Effect> {
        let mut effects = self.stack.last_mut().map(|s| s.leave()).unwrap_or_default();
        let mut screen = self.open(visit.place);
        if !visit.filter.is_empty() {
            // it was understood before
            let _ = screen.filter(&visit.filter, &self.world);
        }
        self.stack.pop();
        self.stack.push(screen);
        effects.extend(self.sync());
        effects
    }

    /// Lets the screen follow the world; may ask for things to read.
    pub fn sync(&mut self) -> Vec<Effect> {
        let size = chrome::body_size(self.size, self.slim_header, self.screen().place() == Place::Home);
        let looked_at = self.screen().place().kind().into_iter().chain(self.screen().watches());
        let watch: Vec<Effect> =
            looked_at.collect::<Vec<_>>().into_iter().filter_map(|kind| self.world.watch(kind)).collect();
        let Self { stack, world, .. } = self;
        let effects = stack.last_mut().map(|screen| screen.sync(world, size)).unwrap_or_default();
        let mut effects = self.follow(effects);
        effects.extend(watch);
        effects
    }
}
