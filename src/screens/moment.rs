//! One entry of the timeline in full: its whole sentence, when it was, where it was found, and how its object is now.

use super::naming::clocks;
use super::pager::{Pager, field, fields};
use super::table::tone_of;
use super::timeline::{from_words, words};
use super::world::{Dates, World};
use super::{More, Screen, Size};
use crate::domain::ages;
use crate::domain::incident::Anchor;
use crate::domain::moment::{self, Moment};
use crate::domain::record::Key;
use crate::intent::{Command, Effect, Place};
use crate::kinds;
use crate::scene::{Line, Tone};
use crate::store::RowId;
use crate::triage::Subject;
use crate::triage::timeline::Told;

#[derive(Debug)]
pub struct MomentScreen {
    moment: Moment,
    pager: Pager,
}

impl MomentScreen {
    pub fn new(moment: Moment) -> Self {
        Self { moment, pager: Pager::default() }
    }

    fn compose(&self, world: &World, width: u16) -> Vec<Line> {
        let Moment { time, what, severity, .. } = &self.moment;
        let Dates { now, utc } = world.dates();
        let severity = severity.map_or_else(String::new, |severity| format!(" {severity}"));
        let age = ages::told(time.age(now).max(0));
        let mut out = vec![
            field("TIME", format!("{}, {age} ago", moment::clock(*time, now, utc)), Tone::Plain),
            field("WHAT", format!("{}{severity}", what.word()), Tone::Plain),
        ];
        if !self.moment.kind.is_empty() {
            fields("OBJECT", &self.moment.told(), width, Tone::Accent, &mut out);
        }
        fields("WORDS", &clocks(&words(&self.moment), world.dates()), width, Tone::Plain, &mut out);
        let told = world.timeline.log.all(now).into_iter().find(|told| told.moment == self.moment);
        if let Some(Told { origin, .. }) = told {
            out.push(field("SEEN", from_words(origin).to_owned(), Tone::Dim));
        }
        match row_of(&self.moment, world).and_then(|id| Some((id, world.store.row(id)?))) {
            Some((id, row)) => {
                let status = world.store.strings.get(row.record.status);
                fields("NOW", &format!("{status} ({})", row.health.word()), width, tone_of(row.health), &mut out);
                for finding in world.triage.of(id) {
                    fields(&finding.severity.to_string(), &finding.why, width, Tone::Bad, &mut out);
                }
            }
            None if self.moment.kind.is_empty() => {}
            None => out.push(field("NOW", "not among what is known now", Tone::Dim)),
        }
        out
    }
}

/// The object of an entry, where it is still there.
pub fn row_of(moment: &Moment, world: &World) -> Option<RowId> {
    world.store.find(kinds::by_name(&moment.kind)?, &moment.namespace, &moment.name)
}

/// Where an entry's object is gone to: its incident, if it has one.
fn object(moment: &Moment, world: &World) -> Effect {
    match row_of(moment, world).and_then(|id| Some((id, world.store.key(id)?))) {
        Some((id, key)) if world.triage.finding(Subject::Row(id)).is_some() => {
            Effect::Go(Place::Incident(Anchor::Object(key)))
        }
        Some((_, key)) => Effect::Go(Place::Describe(key)),
        None => Effect::Complain(format!("{} is not among what is known now", moment.told())),
    }
}

impl Screen for MomentScreen {
    fn title(&self, _world: &World) -> String {
        format!("Timeline: {}", self.moment.told())
    }

    fn place(&self) -> Place {
        Place::Moment(Box::new(self.moment.clone()))
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        match command {
            Command::Open => Some(vec![object(&self.moment, world)]),
            _ => self.pager.command(command),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        self.pager.set(self.compose(world, size.width));
        self.pager.resize(size);
        Vec::new()
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Describe, Command::Timeline, Command::Copy, Command::Back]
    }

    fn target(&self, world: &World) -> Option<Key> {
        world.store.key(row_of(&self.moment, world)?)
    }
}
