//! The platforms that are here: one row a component, in upgrade order, with the worst that any signal says of it. A
//! component without a signal is unknown, and one without a trace is not found.

use std::collections::HashSet;

use super::body::Scroll;
use super::contexts;
use super::pager::{Pager, field, heading};
use super::table::tone_of;
use super::world::{Link, World};
use super::{More, Screen, ScreenSpec, Size};
use crate::domain::change::FeedState;
use crate::domain::health::Health;
use crate::domain::profile::{Certainty, Component, JudgedBy, Profile};
use crate::domain::record::{Key, KindId};
use crate::intent::{Command, Effect, Place};
use crate::kinds::{self, flux, guardrails};
use crate::scene::{self, Keep, Line, Tone};
use crate::triage::platform::{self, State, What};

pub const SPEC: ScreenSpec = ScreenSpec {
    word: "platform",
    aliases: &["platforms", "components", "profile"],
    help: "the platform's components in upgrade order, and how each is",
    place: || Place::Platform,
};

/// Lazy kinds that components watch are asked for once the platform is looked at.
#[derive(Debug, Default)]
struct Asked(HashSet<KindId>);

impl Asked {
    fn effects(&mut self, world: &World) -> Vec<Effect> {
        let watched = world.facts.profiles.active.iter().flat_map(|p| &p.components).flat_map(|c| &c.watch);
        let lazy = watched.filter_map(|word| kinds::by_name(word));
        let idle = lazy.filter(|kind| world.store.table(*kind).feed.state == FeedState::Idle);
        idle.filter(|kind| self.0.insert(*kind)).map(Effect::Watch).collect()
    }
}

fn states(world: &World) -> Vec<State> {
    let lost = matches!(world.facts.link, Link::Down { .. });
    platform::states(&world.store, &world.triage, &world.facts.profiles, lost)
}

/// The object that an action on a component is for: its release, else the workload that is worst.
fn key_of(state: &State, world: &World) -> Option<Key> {
    let workload = state.parts.iter().find(|part| part.what == What::Workload).and_then(|part| part.id);
    world.store.key(state.release.or(workload)?)
}

fn state_words(health: Option<Health>) -> (String, Tone) {
    match health {
        None => ("  not found".to_owned(), Tone::Dim),
        Some(Health::Ok) => ("  ok".to_owned(), Tone::Good),
        Some(health) => (format!("{} {}", health.glyph(), health.word()), tone_of(health)),
    }
}

/// The revision, with the status when the release itself is unhealthy.
fn release_words(state: &State, world: &World) -> String {
    let Some(row) = state.release.and_then(|id| world.store.row(id)) else { return "-".to_owned() };
    let revision = row.record.text(flux::REVISION, &world.store.strings);
    let revision = if revision.is_empty() { "?" } else { revision };
    match row.health {
        Health::Ok => revision.to_owned(),
        health => format!("{revision} {}", health.word()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    /// The profile's own line, by its index.
    Head(usize),
    /// By the index of its state.
    Part(usize),
}

#[derive(Debug, Default)]
pub struct Platform {
    scroll: Scroll,
    states: Vec<State>,
    rows: Vec<Row>,
    asked: Asked,
}

impl Platform {
    fn state(&self) -> Option<&State> {
        match self.rows.get(self.scroll.at)? {
            Row::Head(_) => None,
            Row::Part(at) => self.states.get(*at),
        }
    }
}

fn line(state: &State, world: &World, width: usize) -> Line {
    let profile = world.facts.profiles.active.get(state.profile);
    let component = profile.and_then(|p| p.component(&state.component));
    let (word, tone) = state_words(state.health);
    let rest = if state.health.is_none() { Tone::Dim } else { Tone::Plain };
    let mut line = Line::of(format!(" {}", scene::fit(&word, 13, Keep::Start)), tone);
    line.push(format!(" {}", scene::fit_in(&state.component, 18, Keep::Ends, width)), rest);
    if width >= 110 {
        let namespace = profile.zip(component).map_or("", |(p, c)| p.namespace_of(c));
        line.push(format!(" {}", scene::fit_in(namespace, 18, Keep::Ends, width)), Tone::Dim);
    }
    let ready = state.ready.map_or("-".to_owned(), |(ready, wanted)| format!("{ready}/{wanted}"));
    let short = state.ready.is_some_and(|(ready, wanted)| ready < wanted);
    line.push(format!(" {ready:>6}"), if short { Tone::Warn } else { rest });
    if width >= 70 {
        let columns = if width >= 110 { 22 } else { 9 };
        line.push(format!("  {}", scene::fit_in(&release_words(state, world), columns, Keep::Start, width)), rest);
        let (good, all) = state.checks;
        let checks = if all == 0 { "-".to_owned() } else { format!("{good}/{all}") };
        line.push(format!(" {checks:>6}"), if good < all { Tone::Warn } else { rest });
    }
    let left = width.saturating_sub(line.width() + 2);
    line.push(
        format!("  {}", scene::clip(&state.why, left, Keep::Start)),
        if state.health.is_none() { Tone::Dim } else { tone },
    );
    line
}

fn head(width: usize) -> Line {
    let mut text = format!("   {:<11} {:<18}", "STATE", "COMPONENT");
    if width >= 110 {
        text = format!("{text} {:<18}", "NAMESPACE");
    }
    text = format!("{text} {:>6}", "READY");
    if width >= 70 {
        let columns = if width >= 110 { 22 } else { 9 };
        text = format!("{text}  {:<columns$} {:>6}", "RELEASE", "CHECKS");
    }
    Line::of(format!("{text}  WHY"), Tone::Title)
}

/// Why there is nothing to show.
fn nothing(world: &World, width: usize) -> Vec<Line> {
    let profiles = &world.facts.profiles;
    let (text, tone) = match &profiles.certainty {
        Certainty::Waiting => ("looking which platform this is".to_owned(), Tone::Busy),
        Certainty::Unsure(why) | Certainty::Hidden(why) => {
            (format!("it is not known which platform this is: {why}"), Tone::Warn)
        }
        Certainty::Certain => {
            let names: Vec<&str> = profiles.known.iter().map(|p| p.name.as_str()).collect();
            let known = names.join(", ");
            (
                format!(
                    "no platform profile is on here. Known are {known}: name one in the configuration (profiles), or \
                     write your own; `watchkeeper profile show NAME` prints one to begin with."
                ),
                Tone::Plain,
            )
        }
    };
    contexts::wrap(&text, width.saturating_sub(4).max(20))
        .into_iter()
        .map(|l| Line::of(format!("  {l}"), tone))
        .collect()
}

impl Screen for Platform {
    fn title(&self, world: &World) -> String {
        let names: Vec<&str> = world.facts.profiles.active.iter().map(|p| p.name.as_str()).collect();
        let well = self.states.iter().filter(|s| s.health == Some(Health::Ok)).count();
        let found = self.states.iter().filter(|s| s.health.is_some()).count();
        match names[..] {
            [] => "Platform".to_owned(),
            _ => format!("Platform {}: {well} of {found} ok", names.join(", ")),
        }
    }

    fn place(&self) -> Place {
        Place::Platform
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.rows.len()) {
            return Some(Vec::new());
        }
        if command != Command::Open {
            return None;
        }
        let place = match self.rows.get(self.scroll.at)? {
            Row::Head(at) => Place::Component {
                profile: world.facts.profiles.active.get(*at)?.name.clone(),
                component: String::new(),
            },
            Row::Part(at) => {
                let state = self.states.get(*at)?;
                let profile = world.facts.profiles.active.get(state.profile)?.name.clone();
                Place::Component { profile, component: state.component.clone() }
            }
        };
        Some(vec![Effect::Go(place)])
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        // the cursor stays on its component
        let before = self.state().map(|s| (s.profile, s.component.clone()));
        let first = self.rows.is_empty();
        self.states = states(world);
        self.rows.clear();
        for at in 0..world.facts.profiles.active.len() {
            self.rows.push(Row::Head(at));
            let own = self.states.iter().enumerate().filter(|(_, state)| state.profile == at);
            self.rows.extend(own.map(|(index, _)| Row::Part(index)));
        }
        let is = |row: &Row| match row {
            Row::Part(at) => {
                self.states.get(*at).map(|s| (s.profile, s.component.clone())) == before && before.is_some()
            }
            Row::Head(_) => false,
        };
        if let Some(at) = self.rows.iter().position(is) {
            self.scroll.at = at;
        } else if first && self.rows.len() > 1 {
            self.scroll.at = 1;
        }
        self.scroll.settle(self.rows.len(), usize::from(size.height.saturating_sub(1)));
        self.asked.effects(world)
    }

    fn lines(&self, world: &World, size: Size) -> Vec<Line> {
        let width = usize::from(size.width);
        if self.rows.is_empty() {
            let mut lines = nothing(world, width);
            lines.truncate(usize::from(size.height));
            return lines;
        }
        let mut out = vec![head(width)];
        let rows = usize::from(size.height).saturating_sub(1);
        for (at, row) in self.rows.iter().enumerate().skip(self.scroll.top).take(rows) {
            let mut line = match row {
                Row::Head(at) => {
                    let profile = &world.facts.profiles.active[*at];
                    let text = format!(" {}: {}", profile.name, profile.title);
                    Line::of(scene::clip(&text, width, Keep::Start).into_owned(), Tone::Accent)
                }
                Row::Part(index) => line(&self.states[*index], world, width),
            };
            line.selected = at == self.scroll.at;
            out.push(line);
        }
        out
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Open, Command::Actions, Command::Describe, Command::Back, Command::Help]
    }

    fn target(&self, world: &World) -> Option<Key> {
        key_of(self.state()?, world)
    }
}

/// One component with every signal of it; without a component, the platform as a whole.
#[derive(Debug)]
pub struct ComponentScreen {
    profile: String,
    component: String,
    pager: Pager,
    target: Option<Key>,
    asked: Asked,
}

impl ComponentScreen {
    pub fn new(profile: String, component: String) -> Self {
        Self { profile, component, pager: Pager::default(), target: None, asked: Asked::default() }
    }

    fn compose(&mut self, world: &World, width: u16) -> Vec<Line> {
        let wide = usize::from(width).saturating_sub(20).max(20);
        let active = &world.facts.profiles.active;
        let Some(at) = active.iter().position(|p| p.name == self.profile) else {
            return vec![field("STATE", "this profile is no longer on", Tone::Warn)];
        };
        let profile = &active[at];
        let mut out = Vec::new();
        let Some(component) = profile.component(&self.component) else {
            whole(profile, world, wide, &mut out);
            return out;
        };
        let state = states(world).into_iter().find(|s| s.profile == at && s.component == component.name);
        let Some(state) = state else { return out };
        self.target = key_of(&state, world);
        let (word, tone) = state_words(state.health);
        out.push(field("STATE", word.trim().to_owned(), tone));
        told("WHY", &state.why, wide, tone, &mut out);
        out.push(field("NAMESPACE", profile.namespace_of(component).to_owned(), Tone::Plain));
        if !component.release.is_empty() {
            let name = state.release.and_then(|id| world.store.row(id));
            let name = name.map_or_else(
                || format!("{} (not found)", component.release),
                |row| format!("{} {}", row.record.full_name(&world.store.strings), release_words(&state, world)),
            );
            out.push(field("RELEASE", name, Tone::Plain));
        }
        if let Some((ready, wanted)) = state.ready {
            out.push(field(
                "READY",
                format!("{ready} of {wanted} pods"),
                if ready < wanted { Tone::Warn } else { Tone::Plain },
            ));
        }
        if component.core {
            told("CORE", "what is risky here asks for the name of the context", wide, Tone::Plain, &mut out);
        }
        place_of(profile, component, wide, &mut out);
        parts(&state, wide, &mut out);
        unread(component, wide, &mut out);
        rails(profile, &component.name, world, wide, &mut out);
        hints(&component.hints, wide, &mut out);
        out
    }
}

fn told(label: &str, text: &str, wide: usize, tone: Tone, out: &mut Vec<Line>) {
    if text.is_empty() {
        return;
    }
    for (n, part) in contexts::wrap(text, wide).into_iter().enumerate() {
        out.push(field(if n == 0 { label } else { "" }, part, tone));
    }
}

/// Its place: in the upgrade order, and between what it needs and what needs it.
fn place_of(profile: &Profile, component: &Component, wide: usize, out: &mut Vec<Line>) {
    if let Some(place) = profile.upgrade_place(&component.name) {
        let order = &profile.upgrade_order;
        let after = place.checked_sub(2).and_then(|at| order.get(at)).map(|name| format!(", after {name}"));
        let before = order.get(place).map(|name| format!(", before {name}"));
        let text = format!("{place} of {}{}{}", order.len(), after.unwrap_or_default(), before.unwrap_or_default());
        told("UPGRADE", &text, wide, Tone::Plain, out);
    }
    told("DEPENDS ON", &component.depends_on.join(", "), wide, Tone::Plain, out);
    told("NEEDED BY", &profile.dependents(&component.name).join(", "), wide, Tone::Plain, out);
}

fn parts(state: &State, wide: usize, out: &mut Vec<Line>) {
    const HEADS: [(What, &str); 8] = [
        (What::Feed, "NOT READ"),
        (What::Release, "RELEASE"),
        (What::Workload, "WORKLOADS"),
        (What::Pods, "PODS"),
        (What::Watched, "OBJECTS"),
        (What::Endpoint, "ENDPOINTS"),
        (What::Guardrail, "GUARDRAILS"),
        (What::Alert, "ALERTS"),
    ];
    for (what, title) in HEADS {
        let own: Vec<_> = state.parts.iter().filter(|part| part.what == what).collect();
        // guardrails are listed with what they ask for
        if own.is_empty() || what == What::Guardrail {
            continue;
        }
        out.push(heading(title));
        for part in own {
            let words = if part.words.is_empty() { String::new() } else { format!(": {}", part.words) };
            let label = format!("{} {}", part.health.glyph(), part.health.word());
            told(&label, &format!("{}{words}", part.name), wide, tone_of(part.health), out);
        }
    }
}

/// Kinds that the profile watches and this console does not read.
fn unread(component: &Component, wide: usize, out: &mut Vec<Line>) {
    let unknown: Vec<&str> =
        component.watch.iter().map(String::as_str).filter(|w| kinds::by_name(w).is_none()).collect();
    if !unknown.is_empty() {
        told("WATCH ALSO", &format!("{}, which this console does not read", unknown.join(", ")), wide, Tone::Dim, out);
    }
}

fn rails(profile: &Profile, component: &str, world: &World, wide: usize, out: &mut Vec<Line>) {
    let own: Vec<_> = profile.guardrails.iter().filter(|g| g.component == component).collect();
    if own.is_empty() {
        return;
    }
    out.push(heading("GUARDRAILS"));
    let table = world.store.table(kinds::GUARDRAIL);
    let strings = &world.store.strings;
    for guardrail in own {
        let is = |row: &crate::store::table::Row| {
            *row.record.name == *guardrail.name && row.record.text(guardrails::PROFILE, strings) == profile.name
        };
        let row = table.iter().map(|(_, row)| row).find(|row| is(row));
        let (word, health) =
            row.map_or(("not judged yet", Health::Unknown), |row| (strings.get(row.record.status), row.health));
        let note = row.map_or("", |row| &row.record.note);
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        let label = format!("{} {}", health.glyph(), guardrail.severity.0);
        told(&label, &format!("{}: {word}{note}", guardrail.name), wide, tone_of(health), out);
        told("", &guardrail.action, wide, Tone::Dim, out);
        let rule = match &guardrail.judged_by {
            JudgedBy::Alert(name) => format!("alert {name}"),
            JudgedBy::Expr { expr, .. } => expr.clone(),
        };
        told("", &rule, wide, Tone::Dim, out);
    }
}

fn hints(hints: &[String], wide: usize, out: &mut Vec<Line>) {
    if hints.is_empty() {
        return;
    }
    out.push(heading("GOOD TO KNOW"));
    for hint in hints {
        for (n, part) in contexts::wrap(hint, wide + 14).into_iter().enumerate() {
            out.push(Line::of(format!("  {} {part}", if n == 0 { "-" } else { " " }), Tone::Plain));
        }
    }
}

fn whole(profile: &Profile, world: &World, wide: usize, out: &mut Vec<Line>) {
    told("PROFILE", &format!("{}: {}", profile.name, profile.title), wide, Tone::Plain, out);
    told("UPGRADE ORDER", &profile.upgrade_order.join(", "), wide, Tone::Plain, out);
    rails(profile, "", world, wide, out);
    hints(&profile.hints, wide, out);
}

impl Screen for ComponentScreen {
    fn title(&self, _world: &World) -> String {
        if self.component.is_empty() {
            format!("Platform {}", self.profile)
        } else {
            format!("Component {}/{}", self.profile, self.component)
        }
    }

    fn place(&self) -> Place {
        Place::Component { profile: self.profile.clone(), component: self.component.clone() }
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        self.pager.command(command)
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let lines = self.compose(world, size.width);
        self.pager.set(lines);
        self.pager.resize(size);
        self.asked.effects(world)
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Actions, Command::Describe, Command::Events, Command::Copy, Command::Back]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        self.target.clone()
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}
