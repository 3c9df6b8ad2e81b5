//! An action before it is approved: what it would send, what it touches, its warnings, and what the server
//! would say. What is shown here is what is sent. The focus starts on Cancel, or in the field that has to be filled in;
//! what has to be typed is typed, wherever the focus is, and from the first moment on; and no key is a command of another
//! screen. In every preview alike the arrows up and down scroll the plan and tab goes to the next field; no letter scrolls.

use std::sync::Arc;

use super::acting::Basis;
use super::form::Form;
use super::keys::{Keys, Layer};
use super::line_edit::LineEdit;
use super::pager::{Pager, fields, paragraph};
use super::plan_text;
use super::world::{Link, World};
use super::{More, Screen, Size, wrap};
use crate::actions::{self, Have};
use crate::domain::outcome::{Checked, Verdict};
use crate::domain::plan::{Plan, Step, Stop};
use crate::domain::record::Key;
use crate::domain::reply::Reply;
use crate::domain::text;
use crate::intent::{Chord, Code, Command, Deed, Effect, Fetch, Place, Ticket, Tickets};
use crate::kinds;
use crate::scene::{self, Line, Tone};

/// How often what a plan needs is read before that is taken for a loop.
const ROUNDS: usize = 6;

#[derive(Debug)]
pub struct Preview {
    deed: Deed,
    basis: Option<Basis>,
    tickets: Tickets,
    nth: u64,
    form: Form,
    focus: Focus,
    have: Have,
    rounds: usize,
    state: State,
    reading: Option<Ticket>,
    /// What is asked about now, and what is known of what was asked before. One question at a time: who types fast
    /// does not ask for every letter.
    checking: Option<(Ticket, Vec<Step>)>,
    checked: Option<(Vec<Step>, Vec<Checked>)>,
    /// More is known than the plan was made from.
    stale: bool,
    /// What has to be typed, where it has to; and what is typed before it is known whether it has to.
    word: LineEdit,
    /// Somebody has said where the focus is.
    steered: bool,
    /// Approved before the server had answered.
    approved: bool,
    /// Why nothing may be written here, and the way out.
    locked: Option<String>,
    /// The keymap in force: what is said of keys names those.
    keys: Arc<Keys>,
    pager: Pager,
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
    Ready(Box<Plan>),
}

/// What there is between the plan and its being run.
#[derive(Debug, PartialEq, Eq)]
enum Way<'p> {
    /// It cannot be run; why.
    No(String),
    /// What it needs is not read yet.
    Wait,
    /// This field has to be filled in.
    Fill(usize),
    Press,
    Type(&'p str),
}

impl Preview {
    pub fn new(deed: Deed, tickets: Tickets, nth: u64) -> Self {
        let kind = deed.keys.first().map_or("", |key| kinds::spec(key.kind).name);
        let form = Form::of(actions::by_name(deed.action), kind);
        Self {
            deed,
            basis: None,
            tickets,
            nth,
            focus: form.start().map_or(Focus::Cancel, Focus::Field),
            form,
            have: Have::new(),
            rounds: 0,
            state: State::Reading,
            reading: None,
            checking: None,
            checked: None,
            stale: false,
            word: LineEdit::default(),
            steered: false,
            approved: false,
            locked: None,
            keys: Arc::default(),
            pager: Pager::default(),
        }
    }

    fn refill(&mut self) {
        if let Some(basis) = self.basis.take() {
            self.form.fill(&basis, &self.have);
            self.basis = Some(basis);
        }
    }

    /// Makes the plan again from what is known and typed; asks for what is missing.
    fn replan(&mut self) -> Vec<Effect> {
        let Some(basis) = &self.basis else { return Vec::new() };
        let (set, reason) = self.form.values();
        // what was approved was another plan
        self.approved = false;
        match actions::plan(basis.action, &basis.input(&self.have, &set, reason)) {
            Ok(plan) => self.state = State::Ready(Box::new(plan)),
            Err(Stop::Refuse(why)) => self.state = State::Refused(why),
            Err(Stop::Need(paths)) => {
                self.rounds += 1;
                if self.rounds > ROUNDS {
                    self.state = State::Refused("what it needs leads in a circle".to_owned());
                    return Vec::new();
                }
                self.state = State::Reading;
                let ticket = self.tickets.next();
                self.reading = Some(ticket);
                return vec![Effect::Fetch(ticket, Fetch::Paths(paths))];
            }
        }
        Vec::new()
    }

    /// What the server would say to the plan as it is now, once it has said it.
    fn checks(&self) -> Option<&[Checked]> {
        let State::Ready(plan) = &self.state else { return None };
        self.checked.as_ref().filter(|(steps, _)| *steps == plan.steps).map(|(_, found)| &**found)
    }

    fn check(&mut self) -> Option<Effect> {
        let State::Ready(plan) = &self.state else { return None };
        if self.checking.is_some() || self.checks().is_some() {
            return None;
        }
        let ticket = self.tickets.next();
        self.checking = Some((ticket, plan.steps.clone()));
        Some(Effect::Fetch(ticket, Fetch::Check(plan.clone())))
    }

    fn way(&self) -> Way<'_> {
        let plan = match &self.state {
            State::Reading => return Way::Wait,
            State::Refused(why) => return self.form.unplanned().map_or_else(|| Way::No(why.clone()), Way::Fill),
            State::Ready(plan) => plan,
        };
        if let Some(why) = &self.locked {
            return Way::No(why.clone());
        }
        let denied = self.checks().into_iter().flatten().find_map(|checked| match &checked.verdict {
            Verdict::Denied(why) => Some(format!("step {} is rejected: {why}", checked.step + 1)),
            _ => None,
        });
        if let Some(why) = denied {
            return Way::No(why);
        }
        if let Some(at) = self.form.missing() {
            return Way::Fill(at);
        }
        plan.risk.word().map_or(Way::Press, Way::Type)
    }

    /// What has to be typed, as soon as that is known.
    fn word_wanted(&self) -> Option<&str> {
        match &self.state {
            State::Ready(plan) if self.locked.is_none() => plan.risk.word(),
            _ => None,
        }
    }

    fn go(&mut self, forward: bool) {
        self.steered = true;
        let mut stops: Vec<Focus> = (0..self.form.len()).map(Focus::Field).collect();
        stops.push(Focus::Cancel);
        if self.word_wanted().is_some() {
            stops.push(Focus::Word);
        }
        let at = stops.iter().position(|stop| *stop == self.focus).unwrap_or(0);
        let next = if forward { at + 1 } else { at + stops.len() - 1 };
        self.focus = stops[next % stops.len()];
    }

    /// Runs the plan as it is shown, if nothing prevents it.
    fn approve(&mut self, world: &World) -> Vec<Effect> {
        let complain = |why: String| vec![Effect::Complain(why)];
        match self.way() {
            Way::No(why) => return complain(why),
            Way::Fill(at) => {
                self.focus = Focus::Field(at);
                return complain(format!("it needs a {}", self.form.name(at)));
            }
            Way::Type(word) if self.word.text().trim() != word => {
                let typed = !self.word.text().is_empty();
                return complain(if typed {
                    format!("that is not {word}")
                } else {
                    format!("type {word} to run this")
                });
            }
            Way::Wait => return complain("still reading what it needs".to_owned()),
            Way::Press | Way::Type(_) => {}
        }
        if !matches!(world.facts.link, Link::Up) {
            return complain("not connected: what is shown is old, and nothing is sent".to_owned());
        }
        match (&self.state, self.checks()) {
            (State::Ready(plan), Some(_)) => vec![Effect::Run(plan.clone())],
            _ => {
                self.approved = true;
                let cancel = self.key_of(Command::Back);
                vec![Effect::Say(format!("it runs as soon as the server has answered; {cancel} cancels"))]
            }
        }
    }

    /// An approval that came before the server's answer: nobody has approved what the answer could not say.
    fn answered(&mut self, world: &World) -> Vec<Effect> {
        let Some(checks) = self.checks().filter(|_| self.approved) else { return Vec::new() };
        let clear = checks.iter().all(|checked| matches!(checked.verdict, Verdict::Allowed | Verdict::Untried));
        self.approved = false;
        if clear || matches!(self.way(), Way::No(_)) {
            return self.approve(world);
        }
        vec![Effect::Complain("the server could not be asked about all of it: read, then approve it again".to_owned())]
    }

    fn cancel() -> Vec<Effect> {
        vec![Effect::Back, Effect::Say("cancelled, nothing was sent".to_owned())]
    }

    /// Enter in a field: on to what is missing, and from the last that was to the end. It never leads to Cancel, where the
    /// next one would throw everything away.
    fn enter(&mut self, at: usize, world: &World) -> Vec<Effect> {
        self.steered = true;
        let (needed, last) = (self.form.is_required(at), self.form.is_last(at));
        let missing = match self.way() {
            Way::Fill(next) => Some(next),
            Way::Wait => self.form.missing(),
            _ => None,
        };
        if let Some(next) = missing.filter(|next| *next != at) {
            self.focus = Focus::Field(next);
            return Vec::new();
        }
        match self.way() {
            Way::Type(_) if needed || last => self.focus = Focus::Word,
            Way::No(why) if needed || last => return vec![Effect::Complain(why)],
            Way::Press if last && !needed => {
                return vec![Effect::Say(format!("this was the last field: {}", self.run_after()))];
            }
            _ if needed || last => return self.approve(world),
            _ => self.focus = Focus::Field(at + 1),
        }
        Vec::new()
    }

    fn copy(&self) -> Effect {
        let twins = match &self.state {
            State::Ready(plan) => plan_text::twins(plan),
            _ => Vec::new(),
        };
        Effect::Copy(if twins.is_empty() { self.pager.text() } else { twins.join("\n") + "\n" })
    }

    fn compose(&self, world: &World, width: u16) -> Vec<Line> {
        let facts = &world.facts;
        let mut out = Vec::new();
        let title = self.title(world);
        if scene::width(&title) + TITLE_FRAME > usize::from(width) {
            fields("PLAN", &title, width, Tone::Title, &mut out);
        }
        let mut place = Line::of("  on ", Tone::Dim);
        place.push(facts.context.clone(), Tone::Title);
        place.push(" as ", Tone::Dim);
        place.plain(if facts.operator.is_empty() { "somebody".to_owned() } else { facts.operator.clone() });
        out.push(place);
        if let Some(why) = &self.locked {
            fields("READ-ONLY", why, width, Tone::Warn, &mut out);
        }
        match &self.state {
            State::Reading => out.push(Line::of("  reading what it needs", Tone::Busy)),
            State::Refused(why) => paragraph(2, why, width, Tone::Bad, &mut out),
            State::Ready(plan) => plan_text::lines(plan, self.checks(), world.dates(), width, &mut out),
        }
        out
    }

    /// Puts the focus where the typing begins, until somebody has moved it.
    fn begin(&mut self) {
        if !self.steered && !self.form.is_touched() {
            self.focus = self.form.start().map_or(Focus::Cancel, Focus::Field);
        }
    }

    /// Drops a word that was typed before it was known that none is asked for.
    fn unwanted(&mut self) -> Vec<Effect> {
        if self.focus != Focus::Word || self.word_wanted().is_some() || matches!(self.state, State::Reading) {
            return Vec::new();
        }
        self.focus = Focus::Cancel;
        if std::mem::take(&mut self.word).text().is_empty() {
            return Vec::new();
        }
        // more of the same word may follow
        let mut out = vec![Effect::Unused];
        if self.way() == Way::Press {
            let yes = self.yes();
            out.push(Effect::Say(format!("what was typed while it was read is dropped: {yes} runs it")));
        }
        out
    }

    /// The key that approves where nothing has to be typed.
    fn yes(&self) -> &str {
        self.keys.first(Command::Approve, Layer::Preview)
    }

    /// The key of a command that works wherever the focus is.
    fn key_of(&self, command: Command) -> &str {
        self.keys.typing(command, Layer::Preview)
    }

    /// How a plan that one key runs is run from its last field.
    fn run_after(&self) -> String {
        format!("{}, then {} runs it", self.key_of(Command::Next), self.yes())
    }

    /// That there is more than is seen, and the keys that lead there.
    fn mark(&self) -> Line {
        let lines = |count: usize| if count == 1 { "line" } else { "lines" };
        let keys = |page, line| format!("{} or {}", self.key_of(page), self.key_of(line));
        let text = match self.pager.more() {
            More { above: 0, below: 0 } => return Line::new(),
            More { above, below: 0 } => {
                format!("     {above} {} above: {}", lines(above), keys(Command::PageUp, Command::Up))
            }
            More { below, .. } => {
                format!("     {below} more {}: {}", lines(below), keys(Command::PageDown, Command::Down))
            }
        };
        Line::of(text, Tone::Accent)
    }

    fn focused(&self) -> Option<usize> {
        match self.focus {
            Focus::Field(at) => Some(at),
            Focus::Cancel | Focus::Word => None,
        }
    }

    /// Below the plan: how to approve it, and how to leave it.
    fn buttons(&self, width: u16) -> Vec<Line> {
        let here = self.focus == Focus::Cancel;
        let tone = |here: bool| if here { Tone::Key } else { Tone::Dim };
        let mut line = Line::of(" ", Tone::Plain);
        line.push(if here { "[Cancel]" } else { " Cancel " }, tone(here));
        if let Some(word) = self.word_wanted()
            && (self.focus == Focus::Word || matches!(self.way(), Way::Type(_)))
        {
            return self.typed(line, word, width);
        }
        let hint = match self.way() {
            Way::Type(_) => String::new(),
            Way::Press => match self.focus {
                Focus::Cancel => format!("{} runs it", self.yes()),
                Focus::Field(at) if self.form.is_required(at) => format!("{} runs it", self.key_of(Command::Open)),
                Focus::Field(at) if self.form.is_last(at) => self.run_after(),
                _ => format!("{} continues", self.key_of(Command::Open)),
            },
            Way::Fill(at) => format!("it needs a {}", self.form.name(at)),
            Way::Wait if self.word.text().is_empty() => "reading".to_owned(),
            Way::Wait => format!("reading; typed so far: {}", self.word.text()),
            Way::No(_) if self.locked.is_some() => "read-only: it cannot be run".to_owned(),
            Way::No(why) => return barred(&line, &why, width),
        };
        line.push(format!("   {hint}"), tone(here || matches!(self.focus, Focus::Field(_))));
        vec![line]
    }

    /// The line in which a word is typed; two, where the word is long.
    fn typed(&self, mut line: Line, word: &str, width: u16) -> Vec<Line> {
        let wide = usize::from(width);
        let tone = if matches!(self.focus, Focus::Field(_)) { Tone::Dim } else { Tone::Key };
        line.push(format!("   type {word} and {} to run: ", self.key_of(Command::Open)), tone);
        if line.width() + scene::width(word) + 2 > wide {
            let mut below = Line::of("   > ", tone);
            below.push(self.word.visible(wide.saturating_sub(6)).0, Tone::Accent);
            return vec![line, below];
        }
        let room = wide.saturating_sub(line.width() + 1);
        line.push(self.word.visible(room).0, Tone::Accent);
        vec![line]
    }

    /// Rows of the body that the plan itself has.
    fn plan_height(&self, size: Size) -> u16 {
        let form = self.form.height(self.focused(), size.width);
        let foot = 1 + self.buttons(size.width).len();
        size.height.saturating_sub(u16::try_from(form + foot).unwrap_or(u16::MAX))
    }
}

/// Columns of a title's line that are not the title.
const TITLE_FRAME: usize = 5;
/// Rows that say why it cannot be run; the plan has the whole text.
const WHY_ROWS: usize = 2;

/// Whether a command moves the text and changes nothing. No letter leads to one here.
fn scrolls(command: Command) -> bool {
    matches!(
        command,
        Command::Up | Command::Down | Command::PageUp | Command::PageDown | Command::Left | Command::Right
    )
}

/// Whether a command leads through the preview wherever the focus is, also where a line is typed.
fn steers(command: Command) -> bool {
    matches!(
        command,
        Command::Up
            | Command::Down
            | Command::PageUp
            | Command::PageDown
            | Command::Open
            | Command::Back
            | Command::Next
            | Command::Previous
            | Command::Copy
    )
}

/// Why it cannot be run.
fn barred(line: &Line, why: &str, width: u16) -> Vec<Line> {
    let indent = line.width() + 3;
    let room = usize::from(width).saturating_sub(indent + 1).max(20);
    let mut parts = wrap::words(&format!("it cannot be run: {}", text::line(why)), room);
    if parts.len() > WHY_ROWS {
        let rest: Vec<String> = parts.drain(WHY_ROWS - 1..).map(|part| part.text).collect();
        parts.push(wrap::Part {
            text: scene::clip(&rest.join(" "), room, scene::Keep::Start).into_owned(),
            join: scene::Join::Space,
        });
    }
    let rows = parts.into_iter().enumerate().map(|(nth, part)| {
        let mut row = if nth == 0 { line.clone() } else { Line::of(" ".repeat(indent - 3), Tone::Plain) };
        row.join = part.join;
        row.push(format!("   {}", part.text), Tone::Warn);
        row
    });
    rows.collect()
}

impl Screen for Preview {
    fn title(&self, _world: &World) -> String {
        match &self.state {
            State::Ready(plan) => format!("Preview: {}", text::line(&plan.title)),
            _ => format!("Preview: {} {}", self.deed.action, self.deed.keys.first().map_or("", |key| &*key.name)),
        }
    }

    fn place(&self) -> Place {
        Place::Preview(self.deed.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if scrolls(command) {
            return self.pager.command(command);
        }
        self.approved = false;
        match command {
            Command::Open => Some(match self.focus {
                Focus::Word => self.approve(world),
                Focus::Field(at) => self.enter(at, world),
                Focus::Cancel => Self::cancel(),
            }),
            Command::Back => Some(Self::cancel()),
            Command::Next | Command::Previous => {
                self.go(command == Command::Next);
                Some(Vec::new())
            }
            // only where the last line says so
            Command::Approve if self.focus == Focus::Cancel && self.word_wanted().is_none() => {
                Some(self.approve(world))
            }
            Command::Copy => Some(vec![self.copy()]),
            Command::Reload => {
                self.have.clear();
                self.rounds = 0;
                (self.basis, self.checked) = (None, None);
                Some(Vec::new())
            }
            // these leave it as it is
            Command::HardQuit | Command::Palette | Command::Help | Command::Header => None,
            _ => Some(vec![Effect::Unused]),
        }
    }

    fn takes(&self, chord: Chord, world: &World) -> bool {
        match self.focus {
            Focus::Cancel => {
                // whether it has to be typed is not known yet: who types does not wait for that
                let kept = self.word_wanted().is_some() || matches!(self.state, State::Reading);
                kept && (chord.is_text() || chord.code == Code::Backspace)
            }
            _ if LineEdit::keeps(chord) => true,
            // a chord that edits a line gives way to what leads through the preview
            _ => LineEdit::edits(chord) && !world.preferences.keys.command(chord, Layer::Preview).is_some_and(steers),
        }
    }

    fn key(&mut self, chord: Chord, _world: &World) -> Vec<Effect> {
        self.approved = false;
        match self.focus {
            Focus::Field(at) => {
                if self.form.key(at, chord) {
                    self.rounds = 0;
                    self.refill();
                    return self.replan();
                }
            }
            // what has to be typed goes where it belongs
            Focus::Cancel | Focus::Word => {
                self.focus = Focus::Word;
                self.steered = true;
                self.word.on(chord);
            }
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        match self.focus {
            Focus::Field(at) => {
                self.approved = false;
                self.form.paste(at, text);
                self.rounds = 0;
                self.refill();
                self.replan()
            }
            Focus::Word | Focus::Cancel if self.word_wanted().is_some() => {
                vec![Effect::Complain("what has to be typed is typed, not pasted".to_owned())]
            }
            Focus::Word | Focus::Cancel => Vec::new(),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.keys = Arc::clone(&world.preferences.keys);
        let locked = world.facts.locked_out();
        if locked.is_some() != self.locked.is_some() {
            // the server is asked more where something may be written
            self.checked = None;
        }
        self.locked = locked;
        if self.basis.is_none() {
            match actions::by_name(self.deed.action) {
                Some(action) => {
                    let run = self.deed.continues.as_deref();
                    let left = run.and_then(|run| world.unfinished.iter().find(|left| left.run == run));
                    let basis = Basis::new(action, &self.deed.keys, world, self.nth).after(left);
                    self.form.fill(&basis, &self.have);
                    self.basis = Some(basis);
                    self.begin();
                    effects = self.replan();
                }
                None => self.state = State::Refused(format!("no action is called {}", self.deed.action)),
            }
        }
        if std::mem::take(&mut self.stale) {
            self.refill();
            self.begin();
            effects.extend(self.replan());
        }
        effects.extend(self.unwanted());
        effects.extend(self.check());
        effects.extend(self.answered(world));
        self.pager.set(self.compose(world, size.width));
        self.pager.resize(Size { height: self.plan_height(size), ..size });
        effects
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        let mut out = self.form.lines(self.focused(), size.width);
        let height = self.plan_height(size);
        let mut body = self.pager.visible(Size { height, ..size });
        // the buttons stay where they are
        body.resize(usize::from(height), Line::new());
        out.extend(body);
        out.push(self.mark());
        out.extend(self.buttons(size.width));
        out
    }

    fn cursor(&self, size: Size) -> Option<(u16, u16)> {
        let at = |column: usize, row: usize| Some((u16::try_from(column).ok()?, u16::try_from(row).ok()?));
        match self.focus {
            Focus::Field(n) => at(self.form.cursor(n, size.width)?, n),
            Focus::Word => {
                let buttons = self.buttons(size.width);
                at(buttons.last()?.width(), usize::from(size.height).saturating_sub(1))
            }
            Focus::Cancel => None,
        }
    }

    fn hints(&self) -> &'static [Command] {
        match (self.focus, self.way()) {
            (Focus::Word, _) if self.form.is_empty() => &[Command::Open, Command::Copy, Command::Back],
            (Focus::Field(at), Way::Press) if self.form.is_last(at) && !self.form.is_required(at) => {
                &[Command::Next, Command::Copy, Command::Back]
            }
            (Focus::Word | Focus::Field(_), _) => &[Command::Open, Command::Next, Command::Copy, Command::Back],
            (Focus::Cancel, Way::Press) if self.form.is_empty() => {
                &[Command::Approve, Command::Copy, Command::Back, Command::Help]
            }
            (Focus::Cancel, Way::Press) => {
                &[Command::Approve, Command::Next, Command::Copy, Command::Back, Command::Help]
            }
            (Focus::Cancel, Way::Type(_)) if self.form.is_empty() => &[Command::Copy, Command::Back],
            (Focus::Cancel, Way::Type(_)) => &[Command::Next, Command::Copy, Command::Back],
            (Focus::Cancel, _) => &[Command::Copy, Command::Back, Command::Help],
        }
    }

    fn layer(&self) -> Layer {
        Layer::Preview
    }

    fn word(&self, command: Command) -> Option<&'static str> {
        let (last, needed) = match self.focus {
            Focus::Field(at) => (self.form.is_last(at), self.form.is_required(at)),
            Focus::Cancel | Focus::Word => (false, false),
        };
        let leaves = matches!(self.way(), Way::Press) && last && !needed;
        match (command, self.focus) {
            (Command::Back, _) => Some("cancel"),
            (Command::Copy, _) => Some("copy the commands"),
            (Command::Next, _) if leaves => Some("out of the fields"),
            (Command::Next, _) => Some("next field"),
            (Command::Open, Focus::Field(_)) if self.way() == Way::Press && needed => Some("run it"),
            (Command::Open, Focus::Field(_)) => Some("next"),
            (Command::Open, Focus::Word) => Some("run it"),
            _ => None,
        }
    }

    fn target(&self, _world: &World) -> Option<Key> {
        self.deed.keys.first().cloned()
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        match reply {
            Reply::Read(found) if self.reading == Some(ticket) => {
                self.reading = None;
                self.have.extend(found);
                self.stale = true;
            }
            Reply::Checked(found) => {
                if let Some((_, steps)) = self.checking.take_if(|(asked, _)| *asked == ticket) {
                    self.checked = Some((steps, found));
                }
            }
            _ => {}
        }
    }
}
