//! The frame around every screen: at most three lines above (one when slim) and one below.

use super::prompt::Prompt;
use super::{LEAST, Message};
use crate::domain::ages;
use crate::domain::change::FeedState;
use crate::domain::moment;
use crate::domain::reply::Standing;
use crate::intent::{Command, Place};
use crate::kinds;
use crate::scene::{self, Keep, Line, Scene, Tone};
use crate::screens::world::{Link, World};
use crate::screens::{Screen, Size};

#[derive(Debug)]
pub struct Frame<'a> {
    pub world: &'a World,
    pub screen: &'a dyn Screen,
    pub size: Size,
    pub slim: bool,
    pub prompt: Option<&'a Prompt>,
    /// Before anything else is done, this is answered.
    pub question: Option<String>,
    pub message: Option<&'a Message>,
    /// What stays until it is looked at.
    pub notice: Option<&'a str>,
    pub depth: usize,
    pub bells: u32,
}

fn above(slim: bool, home: bool) -> u16 {
    match (slim, home) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// What is left for the screen's body.
pub fn body_size(size: Size, slim: bool, home: bool) -> Size {
    Size { width: size.width, height: size.height.saturating_sub(above(slim, home) + 1) }
}

pub fn scene(frame: &Frame<'_>) -> Scene {
    let Size { width, height } = frame.size;
    if width < LEAST.width || height < LEAST.height {
        return too_small(frame.size, frame.bells);
    }
    let home = frame.screen.place() == Place::Home;
    let mut lines = Vec::with_capacity(usize::from(height));
    if frame.slim {
        lines.push(title(frame));
    } else {
        lines.push(place_line(frame.world, width));
        lines.push(totals(frame.world, width));
        if !home {
            lines.push(title(frame));
        }
    }
    let body = body_size(frame.size, frame.slim, home);
    let mut shown = frame.screen.lines(frame.world, body);
    shown.resize(usize::from(body.height), Line::new());
    lines.extend(shown.into_iter().map(|line| line.within(usize::from(width))));
    let mut cursor = None;
    let told =
        |text: &str, tone: Tone| Line::of(format!(" {}", scene::clip(text, usize::from(width) - 1, Keep::Start)), tone);
    lines.push(match (frame.prompt, &frame.question, frame.message, frame.notice) {
        (_, Some(question), ..) => told(question, Tone::Alarm),
        (Some(prompt), ..) => {
            let (line, column) = prompt.line(frame.world, width);
            cursor = Some((column, height - 1));
            line
        }
        (None, None, Some(message), _) => told(&message.text, if message.bad { Tone::Bad } else { Tone::Accent }),
        (None, None, None, Some(notice)) => told(notice, Tone::Warn),
        (None, None, None, None) => hints(frame),
    });
    if frame.prompt.is_none()
        && frame.question.is_none()
        && let Some((column, row)) = frame.screen.cursor(body)
    {
        cursor = Some((column, row + above(frame.slim, home)));
    }
    Scene { lines, cursor, bells: frame.bells }
}

fn too_small(size: Size, bells: u32) -> Scene {
    let text = format!("too small: {}x{} is needed, this is {}x{}", LEAST.width, LEAST.height, size.width, size.height);
    let line = Line::of(scene::clip(&text, usize::from(size.width), Keep::Start).into_owned(), Tone::Warn);
    Scene { lines: if size.height > 0 { vec![line] } else { Vec::new() }, cursor: None, bells }
}

/// Which cluster, which namespace, may I write, is the data fresh, what time is it there.
fn place_line(world: &World, width: u16) -> Line {
    let facts = &world.facts;
    let mut right = Line::new();
    if let Some((text, tone)) = freshness(world) {
        right.push(text, tone);
        right.plain("  ");
    }
    right.plain(clock(world));
    let mut room = usize::from(width).saturating_sub(right.width() + 2);
    let flags = flags(world, room.saturating_sub(LEAST_CONTEXT));
    room = room.saturating_sub(flags.width());
    let only = world.only();
    let mut line = Line::new();
    line.plain(" ");
    line.push(scene::clip(&facts.context, (room / 2).max(LEAST_CONTEXT), Keep::Ends).into_owned(), Tone::Title);
    line.plain("  ");
    match &facts.namespace {
        Some(name) if matches!(facts.standing, Some(Standing::Absent { .. })) => {
            line.push(format!("no namespace {name}"), Tone::Alarm);
        }
        Some(name) => line.push(name.clone(), Tone::Accent),
        None => match &*only {
            [] => line.plain("all namespaces"),
            [one] => line.push(format!("only {one}"), Tone::Warn),
            [first, rest @ ..] => line.push(format!("only {first} +{}", rest.len()), Tone::Warn),
        },
    }
    if line.width() > room {
        let text = scene::clip(&line.text(), room, Keep::Start).into_owned();
        line = Line::of(text, Tone::Plain);
    }
    line.spans.extend(flags.spans);
    line.pad_to(usize::from(width).saturating_sub(right.width() + 1));
    line.spans.extend(right.spans);
    line
}

/// Columns of the context's name that are always shown, whatever follows it.
const LEAST_CONTEXT: usize = 12;

/// What is to be seen whatever else must give way: may I write, what runs, what is weaker than it should be.
fn flags(world: &World, room: usize) -> Line {
    let facts = &world.facts;
    let mut line = Line::new();
    match (facts.may_write(), facts.unlocked_until) {
        (Err(_), _) => line.push("  READ-ONLY", Tone::Warn),
        (Ok(()), Some(until)) if facts.locked.is_some() => {
            line.push(format!("  UNLOCKED {}m", (until.age(facts.now).abs() + 59) / 60), Tone::Alarm);
        }
        _ => {}
    }
    let running = world.plans.iter().filter(|run| run.outcome.is_none()).count();
    if running > 0 {
        line.push(format!("  {running} running :plans"), Tone::Busy);
    }
    if !world.unfinished.is_empty() {
        line.push(format!("  {} UNFINISHED :plans", world.unfinished.len()), Tone::Alarm);
    }
    for (at, alarm) in facts.alarms.iter().enumerate() {
        let more = facts.alarms.len() - at;
        // of those for which there is no room, the number stays
        let least = if more > 1 { 4 } else { 0 };
        if line.width() + scene::width(alarm) + 2 + least > room && at > 0 {
            line.push(format!(" +{more}"), Tone::Alarm);
            break;
        }
        line.push(format!("  {alarm}"), Tone::Alarm);
    }
    if line.width() > room {
        return Line::of(scene::clip(&line.text(), room, Keep::Start).into_owned(), Tone::Alarm);
    }
    line
}

/// The worst about the data's age; nothing when all is as it should be.
fn freshness(world: &World) -> Option<(String, Tone)> {
    match &world.facts.link {
        Link::Connecting => return Some(("connecting".to_owned(), Tone::Busy)),
        Link::Down { since, .. } => {
            let age = ages::told(since.age(world.facts.now).max(0));
            return Some((format!("DISCONNECTED {age}"), Tone::Alarm));
        }
        Link::Up => {}
    }
    if let Some(skew) = world.notable_skew() {
        return Some((format!("clock {skew:+}s"), Tone::Warn));
    }
    let stale: Vec<_> = world.store.tables().filter(|(_, t)| t.feed.state == FeedState::Stale).collect();
    let (kind, table) = stale.iter().min_by_key(|(_, t)| t.feed.since)?;
    let age = ages::told(table.feed.since.age(world.facts.now).max(0));
    let more = if stale.len() > 1 { format!(" +{}", stale.len() - 1) } else { String::new() };
    Some((format!("{} stale {age}{more}", kinds::spec(*kind).word), Tone::Warn))
}

fn clock(world: &World) -> String {
    let now = world.facts.now.timestamp();
    if world.preferences.utc {
        return now.strftime("%H:%MZ").to_string();
    }
    now.to_zoned(moment::zone(false)).strftime("%H:%M").to_string()
}

/// `P1 2  P2 2  P3 1     2 silenced  1 suspended  0 blind`.
fn totals(world: &World, width: u16) -> Line {
    let totals = world.triage.totals();
    let mut line = Line::of(" ", Tone::Plain);
    let tones = [Tone::Alarm, Tone::Bad, Tone::Warn];
    let blind = world.is_blind();
    for (n, count) in totals.by_severity.iter().take(3).enumerate() {
        let tone = if *count > 0 { tones[n] } else { Tone::Dim };
        match count {
            // what cannot be known is not none
            0 if blind => line.push(format!("P{} ?  ", n + 1), Tone::Warn),
            count => line.push(format!("P{} {count}  ", n + 1), tone),
        }
    }
    let mut aside = |count: u32, word: &str, tone: Tone| {
        line.push(format!("  {count} {word}"), if count > 0 { tone } else { Tone::Dim });
    };
    // what cannot be seen matters more than what was silenced on purpose
    if width >= 58 {
        aside(totals.silenced, "silenced", Tone::Plain);
        aside(totals.suspended, "suspended", Tone::Plain);
    }
    aside(totals.blind, "blind", Tone::Warn);
    let loading: Vec<_> = world
        .store
        .tables()
        .filter(|(_, t)| matches!(t.feed.state, FeedState::Listing { .. }))
        .map(|(kind, t)| format!("{} {}", kinds::spec(kind).word, t.len()))
        .collect();
    if let Some(first) = loading.first() {
        let text = format!("    listing {first}{}", if loading.len() > 1 { ", …" } else { "" });
        if line.width() + scene::width(&text) <= usize::from(width) {
            line.push(text, Tone::Busy);
        }
    }
    line
}

fn title(frame: &Frame<'_>) -> Line {
    let filter = frame.screen.filtered();
    let more = frame.screen.more().told();
    let wide = usize::from(frame.size.width);
    // that there is more matters more than the end of a title
    let right = if more.is_empty() { 0 } else { scene::width(&more) + 2 };
    let room = wide.saturating_sub(scene::width(filter) + 4 + right);
    let title = format!(" {}", frame.screen.title(frame.world));
    let mut line = Line::of(scene::clip(&title, room, Keep::Start).into_owned(), Tone::Title);
    if !filter.is_empty() {
        line.push(format!("  /{filter}"), Tone::Accent);
    }
    if right > 0 {
        line.pad_to(wide.saturating_sub(right));
        line.push(format!(" {more} "), Tone::Accent);
    }
    line
}

/// The title of a screen without its frame.
pub fn plain_title(world: &World, screen: &dyn Screen) -> String {
    let filter = screen.filtered();
    let filter = if filter.is_empty() { String::new() } else { format!("  /{filter}") };
    format!("{}: {}{filter}", world.facts.context, screen.title(world))
}

/// Footer hints come from the screen's own list and the keymap, so they cannot lie.
fn hints(frame: &Frame<'_>) -> Line {
    let mut line = Line::new();
    let (world, screen, keys) = (frame.world, frame.screen, &frame.world.preferences.keys);
    for command in screen.hints() {
        let deep = frame.depth > 1;
        // a chord that is text now leads nowhere
        let written = keys.chords(*command, screen.layer()).find(|written| !screen.takes(written.chord, world));
        let Some((row, written)) = keys.row(*command).zip(written) else { continue };
        let chord = &written.text;
        let help = screen.word(*command).unwrap_or_else(|| short(*command, row.binding.help, deep));
        let text = format!(" <{chord}> {help} ");
        if line.width() + scene::width(&text) > usize::from(frame.size.width) {
            break;
        }
        line.push(format!(" <{chord}>"), Tone::Key);
        line.push(format!(" {help} "), Tone::Dim);
    }
    line
}

/// A word or two where help has a sentence.
fn short(command: Command, help: &'static str, deep: bool) -> &'static str {
    match command {
        Command::Open => "open",
        Command::Back => "back",
        Command::Palette => "go to",
        Command::Filter => "filter",
        Command::Help => "help",
        Command::Logs => "logs",
        Command::PreviousLogs => "previous",
        Command::Yaml => "yaml",
        Command::Events => "events",
        Command::Guide => "what to do",
        Command::Actions => "actions",
        Command::Next => "next",
        Command::FaultsOnly => "faults",
        Command::Feeds => "feeds",
        Command::Copy => "copy",
        Command::Reload => "reload",
        Command::Owner => "owner",
        Command::Quit if deep => "back",
        Command::Quit => "quit",
        _ => help,
    }
}
