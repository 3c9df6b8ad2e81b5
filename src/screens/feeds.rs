//! Where the news comes from: each feed's state, age and last error, and what an operator is blind to without it.

use super::body::Scroll;
use super::world::{Link, World};
use super::{More, Screen, ScreenSpec, Size};
use crate::domain::ages;
use crate::domain::change::FeedState;
use crate::domain::record::KindId;
use crate::domain::served::Unwatched;
use crate::domain::text;
use crate::intent::{Command, Effect, Place};
use crate::kinds;
use crate::scene::{self, Keep, Line, Tone};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "feeds",
    aliases: &["sources", "feed"],
    help: "where the data comes from, how old it is, what is blind",
    place: || Place::Feeds,
};

#[derive(Debug, Default)]
pub struct Feeds {
    scroll: Scroll,
}

pub fn tone_of(state: FeedState) -> Tone {
    match state {
        FeedState::Live => Tone::Good,
        FeedState::Waiting | FeedState::Listing { .. } => Tone::Busy,
        FeedState::Stale | FeedState::NoAccess | FeedState::Unconfirmed => Tone::Warn,
        FeedState::Unreachable => Tone::Bad,
        FeedState::NotInstalled | FeedState::Off | FeedState::Idle => Tone::Dim,
    }
}

fn words(state: FeedState) -> String {
    match state {
        FeedState::Listing { seen } => format!("listing {seen}"),
        state => state.word().to_owned(),
    }
}

impl Feeds {
    fn row(kind: KindId, world: &World, width: u16) -> Line {
        let spec = kinds::spec(kind);
        let table = world.store.table(kind);
        let feed = &table.feed;
        let age = feed.since;
        let age = if age.is_set() { ages::told(age.age(world.facts.now)) } else { String::new() };
        let mut line = Line::of(format!("  {} ", scene::fit(spec.title, 22, Keep::Start)), Tone::Plain);
        line.push(format!("{} ", scene::fit(&words(feed.state), 14, Keep::Start)), tone_of(feed.state));
        let rows = if matches!(feed.state, FeedState::Live | FeedState::Stale | FeedState::Listing { .. }) {
            table.len().to_string()
        } else {
            "-".to_owned()
        };
        line.plain(format!("{rows:>7} {age:>7}  "));
        let mut rest = String::new();
        if feed.state == FeedState::Idle {
            rest.push_str("read once it is opened");
        }
        if feed.state.is_blind() {
            rest = format!("blind to {}. ", spec.blinds);
        }
        if !feed.only.is_empty() {
            rest = format!("{rest}only {}. ", feed.only.join(", "));
        }
        let rows = table.unreadable().map(|row| (row.record.full_name(&world.store.strings), row.record.note.clone()));
        let bad =
            feed.bad.iter().rev().map(|bad| (bad.name.to_string(), format!("cannot be read: {}", bad.error).into()));
        let unreadable: Vec<(String, Box<str>)> = rows.chain(bad).collect();
        if let Some((name, why)) = unreadable.first() {
            let more = if unreadable.len() > 1 { format!(" and {} more", unreadable.len() - 1) } else { String::new() };
            rest = format!("{rest}{name} {why}{more}. ");
        }
        if let Some(error) = &feed.error {
            rest.push_str(error);
        } else if rest.is_empty() && feed.aside.is_empty() {
            rest.push_str(&feed.origin);
        }
        if !feed.aside.is_empty() {
            rest = if rest.is_empty() { feed.aside.to_string() } else { format!("{rest}; {}", feed.aside) };
        }
        let left = usize::from(width).saturating_sub(line.width());
        line.push(scene::clip(&rest, left, Keep::Start).into_owned(), Tone::Dim);
        line
    }
}

/// The rows of what is not read: below those of the feeds.
fn unwatched(world: &World, width: u16) -> Vec<Line> {
    let row = |one: &Unwatched| {
        let mut line = Line::of(format!("  {} ", scene::fit(&one.kind, 22, Keep::Start)), Tone::Plain);
        line.push(format!("{} ", scene::fit("not watched", 14, Keep::Start)), Tone::Warn);
        line.plain(format!("{:>7} {:>7}  ", "-", ""));
        let left = usize::from(width).saturating_sub(line.width());
        let rest = format!("blind to {} ({})", one.misses, one.group);
        line.push(scene::clip(&rest, left, Keep::Start).into_owned(), Tone::Dim);
        line
    };
    world.facts.unwatched.iter().map(row).collect()
}

impl Screen for Feeds {
    fn title(&self, world: &World) -> String {
        let blind = world.store.tables().filter(|(_, t)| t.feed.state.is_blind()).count();
        format!("Feeds {}, {blind} blind", kinds::KINDS.len())
    }

    fn place(&self) -> Place {
        Place::Feeds
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, kinds::KINDS.len() + world.facts.unwatched.len()) {
            return Some(Vec::new());
        }
        if self.scroll.at >= kinds::KINDS.len() {
            return None;
        }
        let kind = KindId(u8::try_from(self.scroll.at).unwrap_or(0));
        match command {
            Command::Open => Some(vec![Effect::Go(Place::Table(kind))]),
            Command::Reload if world.store.table(kind).feed.state == FeedState::Idle => {
                Some(vec![Effect::Say(format!("{} are read once they are opened", kinds::spec(kind).title))])
            }
            Command::Reload => Some(vec![Effect::Reload(kind)]),
            _ => None,
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let len = kinds::KINDS.len() + world.facts.unwatched.len();
        self.scroll.settle(len, usize::from(size.height.saturating_sub(2)));
        Vec::new()
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let (text, tone) = match &world.facts.link {
            Link::Connecting => (format!("  {}: connecting", world.facts.context), Tone::Busy),
            Link::Up => {
                let skew = world.notable_skew();
                let skew = skew.map_or_else(String::new, |skew| format!(", its clock is {skew:+} s from ours"));
                (format!("  {}: connected, {}{skew}", world.facts.context, world.facts.server_version), Tone::Good)
            }
            Link::Down { headline, detail, .. } => {
                (format!("  {}: {}", world.facts.context, text::with_detail(headline, detail)), Tone::Bad)
            }
        };
        let alarms = world.facts.alarms.iter().map(|alarm| format!("; {alarm}")).collect::<Vec<_>>().concat();
        let tone = if alarms.is_empty() { tone } else { Tone::Alarm };
        let text = scene::clip(&format!("{text}{alarms}"), usize::from(size.width), Keep::Start).into_owned();
        let mut out = vec![Line::of(text, tone)];
        out.push(Line::of("  KIND                   STATE             ROWS   SINCE  WHY", Tone::Title));
        let rows = usize::from(size.height).saturating_sub(2);
        let feeds = kinds::ids().map(|id| Self::row(id, world, size.width));
        let all = feeds.chain(unwatched(world, size.width)).enumerate();
        out.extend(all.skip(self.scroll.top).take(rows).map(|(at, mut line)| {
            line.selected = at == self.scroll.at;
            line
        }));
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Reload, Command::Back, Command::Help]
    }
}
