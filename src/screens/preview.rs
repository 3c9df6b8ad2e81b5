//! An action before it is approved: what it would send, what it touches, what speaks against it, and what the server
//! would say. What is shown here is what is sent. The focus starts on Cancel.

use std::collections::BTreeMap;

use super::acting::Basis;
use super::line_edit::LineEdit;
use super::pager::{Pager, field, heading};
use super::world::{Link, World};
use super::{Screen, Size, contexts};
use crate::actions::{self, Have};
use crate::domain::outcome::{Checked, Verdict};
use crate::domain::plan::{Act, Plan, Step, Stop};
use crate::domain::record::Key;
use crate::domain::reply::Reply;
use crate::domain::text;
use crate::intent::{Binding, Chord, Code, Command, Deed, Effect, Fetch, Group, Place, Ticket, Tickets};
use crate::scene::{self, Keep, Line, Tone};

/// How often what a plan needs is read before that is taken for a loop.
const ROUNDS: usize = 6;
/// Of a request's body, so many lines are shown.
const BODY_LINES: usize = 12;
const REASON: &str = "reason";

pub static KEYS: &[Binding] =
    &[Binding { command: Command::Approve, name: "approve", chords: &["y"], help: "yes, run it", group: Group::Plan }];

#[derive(Debug)]
pub struct Preview {
    deed: Deed,
    basis: Option<Basis>,
    tickets: Tickets,
    nth: u64,
    form: Vec<Entry>,
    focus: Focus,
    have: Have,
    rounds: usize,
    state: State,
    waiting: Option<Ticket>,
    /// More is known than the plan was made from.
    stale: bool,
    /// What has to be typed, where it has to.
    word: LineEdit,
    pager: Pager,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    help: &'static str,
    line: LineEdit,
    /// Somebody has typed here.
    touched: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Focus {
    Field(usize),
    Cancel,
    Word,
}

#[derive(Debug)]
enum State {
    Reading,
    Refused(String),
    Ready { plan: Box<Plan>, checks: Option<Vec<Checked>> },
}

impl Preview {
    pub fn new(deed: Deed, tickets: Tickets, nth: u64) -> Self {
        let action = actions::by_name(deed.action);
        let fields = action.map_or(&[][..], |a| a.fields);
        let mut form: Vec<Entry> = fields
            .iter()
            .map(|f| Entry { name: f.name, help: f.help, line: LineEdit::default(), touched: false })
            .collect();
        if action.is_some_and(|a| a.wants_reason) {
            form.push(Entry {
                name: REASON,
                help: "recorded, and shown to others",
                line: LineEdit::default(),
                touched: false,
            });
        }
        let focus = if form.is_empty() { Focus::Cancel } else { Focus::Field(0) };
        Self {
            deed,
            basis: None,
            tickets,
            nth,
            form,
            focus,
            have: Have::new(),
            rounds: 0,
            state: State::Reading,
            waiting: None,
            stale: false,
            word: LineEdit::default(),
            pager: Pager::default(),
        }
    }

    /// Puts into every untouched field what fits the target, as far as it is known.
    fn fill(&mut self, basis: &Basis) {
        let touched = self.form.iter().filter(|entry| entry.touched);
        let set = touched.map(|entry| (entry.name.to_owned(), entry.line.text().to_owned())).collect();
        let input = basis.input(&self.have, &set, "");
        let Some(target) = basis.targets.first() else { return };
        for entry in self.form.iter_mut().filter(|entry| !entry.touched) {
            // an interrupted plan goes on with what was set for it
            if let Some(had) = basis.had(entry.name) {
                entry.line = LineEdit::new(had);
            } else if entry.name == REASON {
                entry.line = LineEdit::new(basis.had_reason());
            } else if let Some(field) = basis.action.fields.iter().find(|field| field.name == entry.name) {
                entry.line = LineEdit::new(&field.default.text(&input.only(target)));
            }
        }
    }

    fn refill(&mut self) {
        if let Some(basis) = self.basis.take() {
            self.fill(&basis);
            self.basis = Some(basis);
        }
    }

    /// Makes the plan anew from what is known and typed; asks for what is missing.
    fn replan(&mut self) -> Vec<Effect> {
        let Some(basis) = &self.basis else { return Vec::new() };
        let mut set = BTreeMap::new();
        let mut reason = "";
        for entry in &self.form {
            match entry.name {
                REASON => reason = entry.line.text(),
                name => drop(set.insert(name.to_owned(), entry.line.text().to_owned())),
            }
        }
        match actions::plan(basis.action, &basis.input(&self.have, &set, reason)) {
            Ok(plan) => {
                self.state = State::Ready { plan: Box::new(plan), checks: None };
                if matches!(self.focus, Focus::Field(_)) { Vec::new() } else { self.check() }
            }
            Err(Stop::Refuse(why)) => {
                self.state = State::Refused(why);
                Vec::new()
            }
            Err(Stop::Need(paths)) => {
                self.rounds += 1;
                if self.rounds > ROUNDS {
                    self.state = State::Refused("what it needs leads in a circle".to_owned());
                    return Vec::new();
                }
                self.state = State::Reading;
                let ticket = self.tickets.next();
                self.waiting = Some(ticket);
                vec![Effect::Fetch(ticket, Fetch::Paths(paths))]
            }
        }
    }

    /// Asks what would become of the plan, once nobody types any more.
    fn check(&mut self) -> Vec<Effect> {
        let State::Ready { plan, checks: None } = &self.state else { return Vec::new() };
        let ticket = self.tickets.next();
        self.waiting = Some(ticket);
        vec![Effect::Fetch(ticket, Fetch::Check(plan.clone()))]
    }

    fn word_wanted(&self) -> Option<&str> {
        match &self.state {
            State::Ready { plan, .. } => plan.risk.word(),
            _ => None,
        }
    }

    fn go(&mut self, forward: bool) -> Vec<Effect> {
        let mut stops: Vec<Focus> = (0..self.form.len()).map(Focus::Field).collect();
        stops.push(Focus::Cancel);
        if self.word_wanted().is_some() {
            stops.push(Focus::Word);
        }
        let at = stops.iter().position(|stop| *stop == self.focus).unwrap_or(0);
        let next = if forward { at + 1 } else { at + stops.len() - 1 };
        self.focus = stops[next % stops.len()];
        if matches!(self.focus, Focus::Field(_)) { Vec::new() } else { self.check() }
    }

    /// Runs the plan as it is shown, if nothing speaks against it.
    fn approve(&self, world: &World, typed: bool) -> Vec<Effect> {
        let complain = |why: String| vec![Effect::Complain(why)];
        if let State::Ready { plan, .. } = &self.state
            && plan.needs_reason
            && plan.reason.is_empty()
        {
            return complain("it needs a reason: tab goes to it".to_owned());
        }
        let (plan, checks) = match &self.state {
            State::Ready { plan, checks: Some(checks) } => (plan, checks),
            State::Ready { .. } | State::Reading => return complain("still asking what would become of it".to_owned()),
            State::Refused(why) => return complain(why.clone()),
        };
        if !matches!(world.facts.link, Link::Up) {
            return complain("not connected: what is shown is old, and nothing is sent".to_owned());
        }
        if let Err(why) = world.facts.may_write() {
            return complain(format!("{why}; {}", world.facts.way_out(":unlock REASON")));
        }
        let denied = checks.iter().find_map(|c| match &c.verdict {
            Verdict::Denied(why) => Some(format!("step {} would be refused: {why}", c.step + 1)),
            _ => None,
        });
        if let Some(why) = denied {
            return complain(why);
        }
        match plan.risk.word() {
            Some(word) if !typed => complain(format!("tab, then type {word} to run this")),
            Some(word) if self.word.text().trim() != word => complain(format!("that is not {word}")),
            _ => vec![Effect::Run(plan.clone())],
        }
    }

    fn compose(&self, world: &World, width: u16) -> Vec<Line> {
        let wide = usize::from(width).saturating_sub(8).max(30);
        let facts = &world.facts;
        let mut out = Vec::new();
        let mut place = Line::of("  on ", Tone::Dim);
        place.push(facts.context.clone(), Tone::Title);
        place.push(" as ", Tone::Dim);
        place.plain(if facts.operator.is_empty() { "somebody".to_owned() } else { facts.operator.clone() });
        if let Err(why) = facts.may_write() {
            place.push(format!("  {why}"), Tone::Warn);
        }
        out.push(place);
        match &self.state {
            State::Reading => out.push(Line::of("  reading what it needs", Tone::Busy)),
            State::Refused(why) => {
                let parts = contexts::wrap(why, wide);
                out.extend(parts.into_iter().map(|part| Line::of(format!("  {part}"), Tone::Bad)));
            }
            State::Ready { plan, checks } => body(plan, checks.as_deref(), wide, &mut out),
        }
        out
    }

    fn form_lines(&self, width: u16) -> Vec<Line> {
        let label = self.form.iter().map(|e| e.name.len()).max().unwrap_or(0).max(8);
        let room = room(width, label);
        let one = |(at, entry): (usize, &Entry)| {
            let here = self.focus == Focus::Field(at);
            let mut line = Line::of(format!("  {:<label$}  ", entry.name), if here { Tone::Key } else { Tone::Dim });
            let (text, _) = entry.line.visible(room);
            if text.is_empty() {
                line.push(scene::clip(entry.help, room, Keep::Start).into_owned(), Tone::Dim);
            } else {
                line.push(text, if here { Tone::Accent } else { Tone::Plain });
            }
            line
        };
        let mut out: Vec<Line> = self.form.iter().enumerate().map(one).collect();
        if let Focus::Field(at) = self.focus
            && let Some(entry) = self.form.get(at)
        {
            let told = scene::clip(entry.help, usize::from(width).saturating_sub(label + 4), Keep::Start).into_owned();
            out.push(Line::of(format!("  {:label$}  {told}", ""), Tone::Dim));
        } else if !self.form.is_empty() {
            out.push(Line::new());
        }
        out
    }

    fn buttons(&self) -> Line {
        let mut line = Line::of(" ", Tone::Plain);
        let tone = |here: bool| if here { Tone::Key } else { Tone::Dim };
        line.push(if self.focus == Focus::Cancel { "[Cancel]" } else { " Cancel " }, tone(self.focus == Focus::Cancel));
        match (&self.state, self.word_wanted()) {
            (State::Ready { .. }, Some(word)) => {
                line.push(format!("   type {word} and enter to run: "), tone(self.focus == Focus::Word));
                line.push(self.word.text().to_owned(), Tone::Accent);
            }
            (State::Ready { .. }, None) => line.push("   y runs it", tone(self.focus == Focus::Cancel)),
            _ => {}
        }
        line
    }

    fn above(&self) -> usize {
        if self.form.is_empty() { 0 } else { self.form.len() + 1 }
    }
}

fn room(width: u16, label: usize) -> usize {
    usize::from(width).saturating_sub(label + 6).max(16)
}

fn body(plan: &Plan, checks: Option<&[Checked]>, wide: usize, out: &mut Vec<Line>) {
    let section = |title: &str, texts: &[String], tone: Tone, out: &mut Vec<Line>| {
        for (n, text) in texts.iter().enumerate() {
            for (m, part) in contexts::wrap(&text::line(text), wide.saturating_sub(10)).into_iter().enumerate() {
                out.push(field(if n + m == 0 { title } else { "" }, part, tone));
            }
        }
    };
    section("WARNING", &plan.warnings, Tone::Warn, out);
    section("REACHES", &plan.reach, Tone::Plain, out);
    out.push(heading("STEPS"));
    for (nth, step) in plan.steps.iter().enumerate() {
        let verdict = checks.and_then(|checks| checks.iter().find(|c| c.step == nth)).map(|c| &c.verdict);
        step_lines(nth, step, verdict, checks.is_none(), wide, out);
    }
    if !plan.undo.is_empty() {
        section("UNDO", std::slice::from_ref(&plan.undo), Tone::Plain, out);
    }
}

fn step_lines(nth: usize, step: &Step, verdict: Option<&Verdict>, asking: bool, wide: usize, out: &mut Vec<Line>) {
    let mut head = Line::of(format!("  {:>2} ", nth + 1), Tone::Dim);
    head.plain(text::line(&step.what).into_owned());
    match (&step.act, verdict) {
        (Act::Await(proof), _) => {
            head.push(format!("  up to {}", crate::domain::ages::told(proof.limit.into())), Tone::Dim);
        }
        (Act::Manual(_), _) => head.push("  left to you", Tone::Dim),
        (_, Some(Verdict::Allowed)) => head.push("  would be taken", Tone::Good),
        (_, None) if asking => head.push("  asking", Tone::Busy),
        _ => {}
    }
    out.push(head);
    let indented = |texts: Vec<String>, tone: Tone, out: &mut Vec<Line>| {
        out.extend(texts.into_iter().map(|part| Line::of(format!("     {part}"), tone)));
    };
    match verdict {
        Some(Verdict::Denied(why)) => {
            indented(contexts::wrap(&format!("would be refused: {}", text::line(why)), wide), Tone::Bad, out);
        }
        Some(Verdict::Unknown(why)) => indented(contexts::wrap(&text::line(why), wide), Tone::Warn, out),
        _ => {}
    }
    match &step.act {
        Act::Send(request) => {
            indented(
                contexts::wrap(&text::line(&format!("{} {}", request.method, request.path)), wide),
                Tone::Dim,
                out,
            );
            if let Some(body) = request.body.json() {
                let mut parts = contexts::wrap(&text::line(&body.to_string()), wide);
                if parts.len() > BODY_LINES {
                    parts.truncate(BODY_LINES);
                    parts.push("… and more".to_owned());
                }
                indented(parts, Tone::Dim, out);
            }
            if let Some(guard) = &request.guard {
                indented(
                    contexts::wrap(&text::line(&format!("only while it is {}", guard.told())), wide),
                    Tone::Dim,
                    out,
                );
            }
            if !request.after.is_empty() {
                let change = format!("{} -> {}", text::line(&request.before), text::line(&request.after));
                indented(contexts::wrap(change.trim_start_matches(" -> "), wide), Tone::Accent, out);
            }
        }
        Act::Ask { argv, .. } => indented(contexts::wrap(&text::line(&argv.join(" ")), wide), Tone::Dim, out),
        Act::Fetch(fetch) => indented(contexts::wrap(&text::line(&fetch.told()), wide), Tone::Dim, out),
        Act::Evict(evictions) => out.extend(super::evictions::lines(evictions, wide)),
        Act::Manual(why) => indented(contexts::wrap(&text::line(why), wide), Tone::Warn, out),
        Act::Await(_) | Act::Local(_) => {}
    }
    if !step.twin.is_empty() {
        indented(contexts::wrap(&text::line(&format!("same as: {}", step.twin)), wide), Tone::Dim, out);
    }
}

impl Screen for Preview {
    fn title(&self, _world: &World) -> String {
        match &self.state {
            State::Ready { plan, .. } => format!("Preview: {}", text::line(&plan.title)),
            _ => format!("Preview: {} {}", self.deed.action, self.deed.keys.first().map_or("", |key| &*key.name)),
        }
    }

    fn place(&self) -> Place {
        Place::Preview(self.deed.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        match command {
            Command::Open => Some(vec![Effect::Back, Effect::Say("cancelled, nothing was sent".to_owned())]),
            Command::Next => Some(self.go(true)),
            Command::Approve => Some(self.approve(world, false)),
            Command::Reload => {
                self.have.clear();
                self.rounds = 0;
                self.basis = None;
                Some(Vec::new())
            }
            _ => self.pager.command(command),
        }
    }

    fn typing(&self) -> bool {
        self.focus != Focus::Cancel
    }

    fn key(&mut self, chord: Chord, world: &World) -> Vec<Effect> {
        match (chord.code, chord.ctrl) {
            (Code::Esc, _) => return vec![Effect::Back, Effect::Say("cancelled, nothing was sent".to_owned())],
            (Code::BackTab | Code::Up, _) => return self.go(false),
            (Code::Enter, _) if self.focus == Focus::Word => return self.approve(world, true),
            (Code::Tab | Code::Down | Code::Enter, _) => return self.go(true),
            (Code::PageDown, _) => return self.pager.command(Command::PageDown).unwrap_or_default(),
            (Code::PageUp, _) => return self.pager.command(Command::PageUp).unwrap_or_default(),
            _ => {}
        }
        match self.focus {
            Focus::Field(at) => {
                let typed = |entry: &mut Entry| {
                    let edited = entry.line.on(chord);
                    entry.touched |= edited;
                    edited
                };
                if self.form.get_mut(at).is_some_and(typed) {
                    self.rounds = 0;
                    self.refill();
                    return self.replan();
                }
            }
            Focus::Word => drop(self.word.on(chord)),
            Focus::Cancel => {}
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        match self.focus {
            Focus::Field(at) => {
                if let Some(entry) = self.form.get_mut(at) {
                    entry.line.paste(text);
                    entry.touched = true;
                }
                self.replan()
            }
            // what has to be typed is typed
            Focus::Word | Focus::Cancel => Vec::new(),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.basis.is_none() {
            match actions::by_name(self.deed.action) {
                Some(action) => {
                    let run = self.deed.continues.as_deref();
                    let left = run.and_then(|run| world.unfinished.iter().find(|left| left.run == run));
                    let basis = Basis::new(action, &self.deed.keys, world, self.nth).after(left);
                    self.fill(&basis);
                    self.basis = Some(basis);
                    effects = self.replan();
                }
                None => self.state = State::Refused(format!("no action is called {}", self.deed.action)),
            }
        }
        if std::mem::take(&mut self.stale) {
            self.refill();
            effects.extend(self.replan());
        }
        let height = usize::from(size.height).saturating_sub(self.above() + 2);
        self.pager.set(self.compose(world, size.width));
        self.pager.resize(Size { width: size.width, height: u16::try_from(height).unwrap_or(0) });
        effects
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        let mut out = self.form_lines(size.width);
        let height = usize::from(size.height).saturating_sub(out.len() + 2);
        let mut body = self.pager.visible(Size { width: size.width, height: u16::try_from(height).unwrap_or(0) });
        // the buttons stay where they are
        body.resize(height, Line::new());
        out.extend(body);
        out.push(Line::new());
        out.push(self.buttons());
        out
    }

    fn cursor(&self, size: Size) -> Option<(u16, u16)> {
        let at = |column: usize, row: usize| Some((u16::try_from(column).ok()?, u16::try_from(row).ok()?));
        match self.focus {
            Focus::Field(n) => {
                let label = self.form.iter().map(|e| e.name.len()).max().unwrap_or(0).max(8);
                let (_, cursor) = self.form.get(n)?.line.visible(room(size.width, label));
                at(4 + label + cursor, n)
            }
            Focus::Word => at(self.buttons().width(), usize::from(size.height).saturating_sub(1)),
            Focus::Cancel => None,
        }
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Approve, Command::Next, Command::Back, Command::Help]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        self.deed.keys.first().cloned()
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        if self.waiting != Some(ticket) {
            return;
        }
        self.waiting = None;
        match reply {
            Reply::Read(found) => {
                self.have.extend(found);
                self.stale = true;
            }
            Reply::Checked(found) => {
                if let State::Ready { checks, .. } = &mut self.state {
                    *checks = Some(found);
                }
            }
            _ => {}
        }
    }

    fn own_keys(&self) -> &'static [Binding] {
        KEYS
    }
}
