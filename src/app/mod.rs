//! Keys in, scenes out: navigation, the prompt, the frame around every screen. No I/O: what must be done outside is
//! returned as effects.

pub mod chrome;
pub mod keymap;
mod plans;
pub mod prompt;
mod recording;

use crate::actions::ActKey;
use crate::config::suggest;
use crate::domain::ages::Time;
use crate::domain::change::Batch;
use crate::domain::finding::Finding;
use crate::domain::health::Severity;
use crate::domain::incident::Anchor;
use crate::domain::locked::says_why;
use crate::domain::record::{Key, Relation};
use crate::domain::reply::{Reply, Standing};
use crate::intent::{Chord, Code, Command, Effect, Place, Scope, Ticket, Tickets};
use crate::kinds;
use crate::scene::{self, Keep, Scene};
use crate::screens::line_edit::LineEdit;
use crate::screens::table::TableScreen;
use crate::screens::world::{Facts, Link, PlanRun, Preferences, World};
use crate::screens::{self, SCREENS, Screen, Size};
use crate::store::RowId;
use crate::triage::timeline::Seen;
use keymap::Keymap;
use prompt::{Outcome, Prompt, Purpose};

/// Where all words stand, for whoever has keys.
pub const WAYS: &str = "; tab completes, ? lists";

/// Letters that follow each other within so many seconds are taken for one word.
const WORD: i64 = 1;
/// No word takes longer than so many seconds.
const WHOLE_WORD: i64 = 5;

/// The whole console without its terminal and its cluster.
#[derive(Debug)]
pub struct App {
    pub world: World,
    keymap: Keymap,
    stack: Vec<Box<dyn Screen>>,
    /// Places left with `[` and `-`, and those left again with `]`.
    history: Vec<Visit>,
    future: Vec<Visit>,
    /// Where `-` goes: the screen before this one, and back again.
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

/// What is told until it is looked at.
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

/// A place as it was left.
#[derive(Debug, Clone)]
struct Visit {
    place: Place,
    filter: String,
}

impl Visit {
    fn of(screen: &dyn Screen) -> Self {
        Self { place: screen.place(), filter: screen.filtered().to_owned() }
    }
}

/// The smallest terminal that is drawn on.
pub const LEAST: Size = Size { width: 40, height: 10 };

impl App {
    pub fn new(preferences: Preferences, facts: Facts, keymap: Keymap) -> Self {
        let preferences = Preferences { keys: keymap.keys.clone(), ..preferences };
        let mut app = Self {
            world: World::new(preferences, facts),
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
                Some(Finding::new(Severity::P1, Some(*since), format!("{headline}: {detail}; what is shown is old")))
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
        if self.world.favourites().next().is_none()
            && !self.world.store.table(kinds::by_name("Pod").unwrap_or_default()).is_empty()
        {
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

    /// Starts anew on another cluster: nothing of the old one remains.
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

    /// A paste; it means something only where text is typed.
    pub fn paste(&mut self, text: &str) -> Vec<Effect> {
        if self.leaving.is_some() {
            return Vec::new();
        }
        let Some(prompt) = &mut self.prompt else {
            let effects = self.stack.last_mut().map(|screen| screen.paste(text)).unwrap_or_default();
            return self.follow(effects);
        };
        prompt.paste(text);
        self.edited();
        Vec::new()
    }

    pub fn key(&mut self, chord: Chord) -> Vec<Effect> {
        self.pressed = None;
        if self.is_two(chord) {
            let mut effects = self.key(Chord::plain(Code::Esc));
            effects.extend(self.key(Chord { alt: false, ..chord }));
            return effects;
        }
        if let Some(effect) = self.leaving.take() {
            return self.answered(chord, effect);
        }
        if self.prompt.is_some() {
            return self.prompt_key(chord);
        }
        self.message = None;
        if self.screen().takes(chord) && !quits(chord) {
            let Self { stack, world, .. } = self;
            let effects = stack.last_mut().map(|screen| screen.key(chord, world)).unwrap_or_default();
            return self.follow(effects);
        }
        self.pressed = Some(chord);
        let own = self.screen().own_keys();
        let command = self.keymap.command(chord, own);
        if self.is_of_word(chord, command) {
            self.complain(format!("{chord} came with other letters: wait a second, then press it again"));
            return Vec::new();
        }
        match command {
            Some(command) => self.command(command),
            None => self.follow(vec![Effect::Unused]),
        }
    }

    /// Whether a key is one of a word that is typed where none is asked for: it approves nothing, and is no command of
    /// the screen that came meanwhile.
    fn is_of_word(&mut self, chord: Chord, command: Option<Command>) -> bool {
        let now = self.world.facts.now;
        let letter = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let fits = match chord.code {
            Code::Char(c) => letter(c) && !chord.ctrl && !chord.alt,
            Code::Enter | Code::Backspace => true,
            _ => false,
        };
        let in_preview = matches!(self.screen().place(), Place::Preview(_));
        let copies = in_preview && fits && command == Some(Command::Copy);
        let live = |(began, last): &(Time, Time)| now.age(*last).abs() <= WORD && now.age(*began).abs() <= WHOLE_WORD;
        let Some((began, _)) = self.word.filter(|word| fits && live(word)) else {
            // the letter that copies may begin a word as well
            self.word = copies.then_some((now, now));
            return false;
        };
        self.word = Some((began, now));
        // a preview takes no other letter for a command
        !in_preview || matches!(command, Some(Command::Approve | Command::Copy))
    }

    /// An escape and the key after it arrive as one chord with Alt when a slow line puts them into one packet. Where no
    /// such chord means anything, they are two keys.
    fn is_two(&self, chord: Chord) -> bool {
        let byte = matches!(chord.code, Code::Char(_) | Code::Enter | Code::Tab | Code::Backspace);
        let edits = || LineEdit::edits(chord) && (self.prompt.is_some() || self.screen().takes(chord));
        let bound = || self.keymap.command(chord, self.screen().own_keys()).is_some();
        chord.alt && byte && !bound() && !edits()
    }

    /// Plans that are not over.
    fn under_way(&self) -> impl Iterator<Item = &PlanRun> {
        self.world.plans.iter().filter(|run| run.outcome.is_none())
    }

    /// Plans that are not over, in words: what is left in the middle when the console ends now.
    pub fn left_in_the_middle(&self) -> Vec<String> {
        self.under_way().map(|run| run.plan.title.clone()).collect()
    }

    /// The answer to the question whether plans are to be left in the middle.
    fn answered(&mut self, chord: Chord, effect: Effect) -> Vec<Effect> {
        if chord == Chord::plain(Code::Char('y')) || quits(chord) && effect == Effect::Quit {
            if matches!(effect, Effect::Connect(_)) {
                let titles = self.left_in_the_middle().join(", ");
                let context = &self.world.facts.context;
                self.complain(format!("left in the middle in {context}, where :plans goes on with it: {titles}"));
            }
            return vec![effect];
        }
        if quits(chord) {
            self.leaving = Some(Effect::Quit);
        } else {
            self.say("stayed: the plan goes on");
        }
        Vec::new()
    }

    /// The question, in at most so many columns.
    fn question(&self, width: usize) -> Option<String> {
        let effect = self.leaving.as_ref()?;
        let answers = match effect {
            Effect::Connect(context) => {
                format!("? y goes to {}, other keys stay", scene::clip(context, width / 4, Keep::Ends))
            }
            _ => "? y leaves, other keys stay".to_owned(),
        };
        let running: Vec<&PlanRun> = self.under_way().collect();
        let what = match *running {
            [] => "no plan is under way any more: leave".to_owned(),
            [run] => {
                let step = format!(": step {} of {}, leave it there", run.step + 1, run.plan.steps.len());
                let room = width.saturating_sub(scene::width(&step) + scene::width(&answers));
                format!("{}{step}", scene::clip(&run.plan.title, room.max(8), Keep::Ends))
            }
            [..] => format!("{} plans are under way: leave them in the middle", running.len()),
        };
        Some(what + &answers)
    }

    fn prompt_key(&mut self, chord: Chord) -> Vec<Effect> {
        let Some(prompt) = &mut self.prompt else { return Vec::new() };
        match prompt.on(chord, &self.world) {
            Outcome::Edited => {
                self.edited();
                Vec::new()
            }
            Outcome::Ignored => Vec::new(),
            Outcome::Cancelled => {
                if prompt.purpose == Purpose::Filter {
                    let Self { stack, world, .. } = self;
                    if let Some(screen) = stack.last_mut() {
                        let _ = screen.filter("", world);
                    }
                }
                self.prompt = None;
                Vec::new()
            }
            Outcome::Done(text) => match prompt.purpose {
                Purpose::Filter => {
                    // a filter that is not understood stays in the line until it is mended or left
                    if self.apply_filter(&text) {
                        self.prompt = None;
                    }
                    Vec::new()
                }
                Purpose::Command => match self.run_line(&text) {
                    Ok(effects) => {
                        self.prompt = None;
                        self.follow(effects)
                    }
                    Err(why) => {
                        if let Some(prompt) = &mut self.prompt {
                            prompt.fail(Some(why));
                        }
                        Vec::new()
                    }
                },
            },
        }
    }

    fn edited(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        prompt.fail(None);
        if prompt.purpose == Purpose::Filter {
            let text = prompt.text().to_owned();
            self.apply_filter(&text);
        }
    }

    fn apply_filter(&mut self, text: &str) -> bool {
        let Self { stack, world, prompt, .. } = self;
        let Some(screen) = stack.last_mut() else { return true };
        match (screen.filter(text, world), prompt) {
            (Err(why), Some(prompt)) => {
                prompt.fail(Some(why));
                false
            }
            _ => true,
        }
    }

    /// A line after `:`, also what `-c` names.
    pub fn run_line(&mut self, line: &str) -> Result<Vec<Effect>, String> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "" => return Ok(Vec::new()),
            "q" | "quit" | "q!" | "exit" => return Ok(vec![Effect::Quit]),
            "find" | "f" if rest.is_empty() => return Err("find what? :find NAME".to_owned()),
            "find" | "f" => {
                let place = screens::find::destination(rest, &self.world);
                let place = place.ok_or_else(|| format!("nothing known here is called {rest}"))?;
                return Ok(self.follow(vec![Effect::Go(place)]));
            }
            "why" => {
                let key = self.screen().target(&self.world);
                return match key {
                    Some(key) => Ok(self.follow(vec![Effect::Go(Place::Incident(Anchor::Object(key)))])),
                    None => Err("why what? choose an object first".to_owned()),
                };
            }
            "timeline" | "tl" if !rest.is_empty() => {
                let scope = if rest == "all" { Scope::All } else { Scope::Namespace(rest.to_owned()) };
                if let Scope::Namespace(name) = &scope
                    && !self.knows_namespace(name)
                {
                    return Err(format!("nothing is known of a namespace {name}, now or on the timeline"));
                }
                return Ok(self.follow(vec![Effect::Go(Place::Timeline(scope))]));
            }
            "trust" if !rest.is_empty() => return trust(rest),
            "unlock" if !says_why(rest) => return Err("why? :unlock REASON".to_owned()),
            "unlock" => return Ok(vec![Effect::Unlock(rest.to_owned())]),
            "dismiss" => {
                let (run, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if !self.world.unfinished.iter().any(|left| left.run == run) {
                    return Err(format!("no unfinished plan is called {run}: see :plans"));
                }
                if why.trim().is_empty() {
                    return Err(format!("why? :dismiss {run} REASON"));
                }
                return Ok(vec![Effect::Dismiss(run.into(), why.trim().to_owned())]);
            }
            "ctx" | "context" | "contexts" if !rest.is_empty() => {
                let known = self.world.facts.contexts.iter().any(|c| c.name == rest);
                return if known {
                    Ok(vec![Effect::Connect(rest.to_owned())])
                } else {
                    Err(format!("no context is called {rest}"))
                };
            }
            "ns" | "namespace" | "namespaces" if !rest.is_empty() => {
                let wanted = self.namespace_of(rest, "")?;
                return Ok(self.follow(vec![Effect::Namespace(wanted)]));
            }
            _ => {}
        }
        let lower = word.to_ascii_lowercase();
        if let Some(screen) = SCREENS.iter().find(|s| s.word == lower || s.aliases.contains(&&*lower)) {
            return Ok(self.follow(vec![Effect::Go((screen.place)())]));
        }
        let Some(kind) = kinds::by_word(&lower) else {
            return Err(format!("no kind, screen or command is called {word}{WAYS}"));
        };
        // a namespace, a filter, or both
        let (namespace, filter) = match rest.split_once('/') {
            Some((namespace, filter)) => (namespace.trim(), Some(filter)),
            None => (rest, None),
        };
        let mut effects = Vec::new();
        if !namespace.is_empty() {
            effects.push(Effect::Namespace(self.namespace_of(namespace, &format!("; /{namespace} filters"))?));
        }
        effects.push(Effect::Go(Place::Table(kind)));
        let out = self.follow(effects);
        if let Some(filter) = filter {
            let Self { stack, world, .. } = self;
            if let Some(screen) = stack.last_mut() {
                screen.filter(filter, world)?;
            }
        }
        Ok(out)
    }

    /// The namespace that a word chooses, `None` for all of them. One that nothing is known of is refused, with those
    /// that are written nearly so, or with `instead`; before anything is known, it is taken as it is.
    fn namespace_of(&self, word: &str, instead: &str) -> Result<Option<String>, String> {
        if matches!(word, "all" | "*") {
            return Ok(None);
        }
        let known = self.world.namespaces();
        if known.is_empty() || known.iter().any(|name| name == word) {
            return Ok(Some(word.to_owned()));
        }
        let near = suggest::nearest(word, known.iter().map(String::as_str));
        let near = near.map_or_else(|| instead.to_owned(), |name| format!("; there is {name}"));
        Err(format!("nothing known in namespace {word}{near}"))
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

    /// Runs a command; what the app can do itself is done, the rest is returned.
    pub fn command(&mut self, command: Command) -> Vec<Effect> {
        let Self { stack, world, .. } = self;
        if let Some(effects) = stack.last_mut().and_then(|screen| screen.on(command, world)) {
            return self.follow(effects);
        }
        let target = self.screen().target(&self.world);
        let effects = match command {
            Command::HardQuit => vec![Effect::Quit],
            Command::Quit if self.stack.len() == 1 => vec![Effect::Quit],
            Command::Quit | Command::Back => vec![Effect::Back],
            Command::Palette => {
                self.prompt = Some(Prompt::new(Purpose::Command, ""));
                Vec::new()
            }
            Command::Filter => {
                let text = self.screen().filtered().to_owned();
                let Self { stack, world, .. } = self;
                // with the filter that it has: nothing changes where one is possible
                match stack.last_mut().map(|screen| screen.filter(&text, world)) {
                    Some(Err(why)) if text.is_empty() => vec![Effect::Complain(why)],
                    _ => {
                        self.prompt = Some(Prompt::new(Purpose::Filter, &text));
                        Vec::new()
                    }
                }
            }
            Command::Help => vec![Effect::Go(Place::Help)],
            Command::Feeds => vec![Effect::Go(Place::Feeds)],
            Command::Timeline => vec![Effect::Go(Place::Timeline(self.timeline_of(target)))],
            Command::Header => {
                self.slim_header = !self.slim_header;
                Vec::new()
            }
            Command::Namespace(0) => vec![Effect::Namespace(None)],
            Command::Namespace(digit) => match self.world.favourites().nth(usize::from(digit) - 1).cloned() {
                Some(name) => vec![Effect::Namespace(Some(name))],
                None => vec![Effect::Complain(format!("no namespace has the key {digit}"))],
            },
            Command::Last => return self.last(),
            Command::HistoryBack => return self.history(true),
            Command::HistoryForward => return self.history(false),
            Command::Describe => about(target, Place::Describe),
            Command::Yaml => about(target, Place::Yaml),
            Command::Events => about(target, Place::Events),
            Command::Guide => about(target, Place::Guide),
            Command::Actions => match self.screen().targets(&self.world) {
                keys if keys.is_empty() => vec![Effect::Complain("nothing is chosen".to_owned())],
                keys => vec![Effect::Go(Place::Actions(keys))],
            },
            Command::Toggle => self.act(ActKey::Toggle),
            Command::Refresh => self.act(ActKey::Refresh),
            Command::Restart => self.act(ActKey::Restart),
            Command::Silence => self.act(ActKey::Silence),
            Command::Backup => self.act(ActKey::Backup),
            Command::Delete => self.act(ActKey::Delete),
            Command::Logs => self.logs(target, false),
            Command::PreviousLogs => self.logs(target, true),
            _ => vec![Effect::Unused],
        };
        self.follow(effects)
    }

    fn logs(&self, target: Option<Key>, previous: bool) -> Vec<Effect> {
        let Some(key) = target else { return vec![Effect::Complain("no pod is chosen".to_owned())] };
        match self.pod_of(&key).or_else(|| self.pod_owned_by(&key)) {
            Some(key) => vec![Effect::Go(Place::Logs { key, previous })],
            None => {
                let what = kinds::spec(key.kind).name;
                let why = match what {
                    "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => {
                        format!("this {what} has no pod")
                    }
                    // its pods are known by no owner
                    _ => format!("a {what} has no log of its own"),
                };
                vec![Effect::Complain(format!("{why}; choose a pod under :pods"))]
            }
        }
    }

    /// The pod that an object is, or is about.
    fn pod_of(&self, key: &Key) -> Option<Key> {
        let pods = kinds::by_name("Pod")?;
        if key.kind == pods {
            return Some(key.clone());
        }
        let store = &self.world.store;
        // a replica of OpenBao is told under the uid of its pod
        if let Some(slot) = store.table(pods).slot_of(key.uid) {
            return store.key(RowId { kind: pods, slot });
        }
        let slot = store.table(key.kind).slot_of(key.uid)?;
        let row = store.row(RowId { kind: key.kind, slot })?;
        let about =
            row.record.links.iter().find(|l| l.relation == Relation::About && store.strings.get(l.kind) == "Pod")?;
        store.key(self.world.linked(about)?)
    }

    /// The pod of a workload that fails worst, or any.
    fn pod_owned_by(&self, key: &Key) -> Option<Key> {
        let pods = kinds::by_name("Pod")?;
        let (store, kind) = (&self.world.store, kinds::spec(key.kind).name);
        let text = |sym| store.strings.get(sym);
        let owned = store.table(pods).iter().filter(|(_, row)| {
            row.record.link(Relation::Owner).is_some_and(|l| {
                text(l.kind) == kind && text(l.name) == &*key.name && text(l.namespace) == &*key.namespace
            })
        });
        let (slot, _) = owned.max_by_key(|(slot, row)| (row.health.concern(), std::cmp::Reverse(*slot)))?;
        store.key(RowId { kind: pods, slot })
    }

    fn history(&mut self, back: bool) -> Vec<Effect> {
        let (from, to) =
            if back { (&mut self.history, &mut self.future) } else { (&mut self.future, &mut self.history) };
        let Some(visit) = from.pop() else {
            self.complain(if back { "no screen before this one" } else { "no screen after this one" });
            return Vec::new();
        };
        let here = self.stack.last().map(|screen| Visit::of(&**screen));
        to.extend(here.clone());
        self.last = here;
        self.replace(visit)
    }

    fn last(&mut self) -> Vec<Effect> {
        let Some(visit) = self.last.take() else {
            self.complain("no screen before this one");
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

    /// Does what is the app's own among effects and returns the others.
    fn follow(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
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

    /// The key that was pressed means nothing here, and says so.
    fn unused(&mut self) {
        if matches!(self.screen().place(), Place::Preview(_)) {
            let now = self.world.facts.now;
            self.word = Some((self.word.map_or(now, |(began, _)| began), now));
        }
        if let Some(chord) = self.pressed.take() {
            let help = self.world.chord(Command::Help).unwrap_or("?").to_owned();
            self.complain(format!("{chord} does nothing here; {help} lists the keys"));
        }
    }

    fn go(&mut self, place: Place) -> Vec<Effect> {
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

/// `prometheus monitoring/prometheus`, or `prometheus none`.
fn trust(rest: &str) -> Result<Vec<Effect>, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words[..] {
        [service, "none"] => Ok(vec![Effect::Trust { service: service.to_owned(), place: String::new() }]),
        [service, place] if place.contains('/') => {
            Ok(vec![Effect::Trust { service: service.to_owned(), place: place.to_owned() }])
        }
        _ => Err("which one? :trust SERVICE NAMESPACE/NAME, or :trust SERVICE none".to_owned()),
    }
}

/// ctrl-c, which is never text.
fn quits(chord: Chord) -> bool {
    chord.ctrl && chord.code == Code::Char('c')
}

fn about(target: Option<Key>, place: fn(Key) -> Place) -> Vec<Effect> {
    match target {
        Some(key) => vec![Effect::Go(place(key))],
        None => vec![Effect::Complain("nothing is chosen".to_owned())],
    }
}
