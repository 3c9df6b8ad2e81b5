//! The evidence of an incident: its root, why we think so, everything that it explains, what changed before it began,
//! the alerts with their runbooks, and the keys that help. Every line that is about an object can be gone on from.

use super::body::Scroll;
use super::pager::paragraph;
use super::world::World;
use super::{More, Screen, Size, acting};
use crate::actions::{ACTIONS, ActionSpec, Offer};
use crate::domain::ages;
use crate::domain::change::FeedState;
use crate::domain::health::Severity;
use crate::domain::incident::Anchor;
use crate::domain::moment::{Moment, What};
use crate::domain::record::{Key, KindId, Relation};
use crate::intent::{Command, Effect, Place};
use crate::kinds::{self, Family, alerts, certificates, flux};
use crate::scene::{self, Keep, Line, Tone};
use crate::store::RowId;
use crate::triage::{self, Incident, Subject, remedy};

/// Symptoms of one incident that are listed; the rest is counted.
const MOST: usize = 200;

#[derive(Debug)]
pub struct IncidentScreen {
    anchor: Anchor,
    /// The object that was asked about: the cursor starts there.
    asked: Option<Key>,
    scroll: Scroll,
    lines: Vec<(Line, Option<RowId>)>,
    placed: bool,
}

impl IncidentScreen {
    pub fn new(anchor: Anchor) -> Self {
        let asked = match &anchor {
            Anchor::Object(key) => Some(key.clone()),
            Anchor::Group(_) => None,
        };
        Self { anchor, asked, scroll: Scroll::default(), lines: Vec::new(), placed: false }
    }

    /// The incident that the anchor belongs to, and what was asked about.
    fn subjects(&self, world: &World) -> Option<(Subject, Subject)> {
        let asked = world.triage.subject(&world.store, &self.anchor)?;
        world.triage.finding(asked)?;
        Some((world.triage.root(asked), asked))
    }

    fn compose(&self, world: &World, width: u16) -> Vec<(Line, Option<RowId>)> {
        let Some((root, asked)) = self.subjects(world) else { return self.healthy(world) };
        let mut out = Page { world, width: usize::from(width), lines: Vec::new() };
        out.root(root, asked);
        out.steps(root, asked);
        out.explained(root);
        out.related(root);
        out.changes(root);
        out.alerts(root);
        out.next(root);
        out.lines
    }

    /// Why an object belongs to no incident.
    fn healthy(&self, world: &World) -> Vec<(Line, Option<RowId>)> {
        let id = world.triage.subject(&world.store, &self.anchor).and_then(|s| world.triage.object(&world.store, s));
        let (what, row) = match (&self.anchor, id.and_then(|id| world.store.row(id))) {
            (_, Some(row)) => (format!("its state is {}", row.health), id),
            (Anchor::Object(key), None) if !world.store.table(key.kind).feed.state.is_live() => {
                return vec![(
                    Line::of(format!("  {}.", world.absence(key.kind, &key.namespace, &key.name)), Tone::Warn),
                    None,
                )];
            }
            (Anchor::Object(_), None) => ("it is gone".to_owned(), None),
            (Anchor::Group(_), None) => ("none of its members fails any more".to_owned(), None),
        };
        let subject = match &self.anchor {
            Anchor::Object(key) => format!("{} {}", kinds::spec(key.kind).name, key.name),
            Anchor::Group(group) => group.told(),
        };
        let first =
            Line::of(format!("  {subject} belongs to no incident: {what}, and nothing is wrong with it."), Tone::Good);
        let mut out = vec![(first, row)];
        let feed = row.map(|id| &world.store.table(id.kind).feed);
        if let Some(feed) = feed.filter(|feed| !feed.state.is_live()) {
            let text = format!("  What is known of it is not live: the feed is {}.", feed.state.word());
            out.push((Line::of(text, Tone::Warn), None));
        }
        out
    }
}

/// What hangs on a certificate, from the top: by its owner, and by the Secret that it needs.
fn related() -> impl Iterator<Item = (KindId, Relation)> {
    let issuances = kinds::of_family(Family::Issuance).map(|kind| (kind, Relation::Owner));
    issuances.chain([(kinds::INGRESS, Relation::Uses)])
}

/// The lines as they are written.
struct Page<'a> {
    world: &'a World,
    width: usize,
    lines: Vec<(Line, Option<RowId>)>,
}

impl Page<'_> {
    fn heading(&mut self, text: impl Into<String>) {
        self.lines.push((Line::of(format!(" {}", text.into()), Tone::Title), None));
    }

    fn text(&mut self, indent: usize, text: &str, tone: Tone, row: Option<RowId>) {
        let mut rows = Vec::new();
        paragraph(indent, text, u16::try_from(self.width).unwrap_or(u16::MAX), tone, &mut rows);
        self.lines.extend(rows.into_iter().map(|line| (line, row)));
    }

    /// `, for 3h`, and, if it began earlier as something less severe, also that.
    fn since(&self, incident: Option<&Incident>) -> String {
        let Some(incident) = incident else { return String::new() };
        let age = |at: ages::Time| ages::told(at.age(self.world.facts.now).max(0));
        let began = incident.since.filter(|since| incident.severe.is_none_or(|severe| *since < severe.plus(-60)));
        let so =
            incident.severe.map_or_else(|| ", nobody knows for how long".to_owned(), |at| format!(", for {}", age(at)));
        began.map_or_else(|| so.clone(), |at| format!("{so}, began {} ago", age(at)))
    }

    fn told(&self, subject: Subject) -> String {
        let (kind, name) = triage::title(&self.world.store, &self.world.triage, subject, &self.world.facts.context);
        format!("{kind} {name}")
    }

    fn root(&mut self, root: Subject, asked: Subject) {
        let World { store, triage, .. } = self.world;
        let Some(finding) = triage.finding(root) else { return };
        let incident = triage.incident(root);
        let severity = incident.map_or(finding.severity, |i| i.severity);
        let object = triage.object(store, root);
        let mut line = Line::of(format!(" {severity}  "), tone(severity, finding.muted));
        line.push(format!("{}{}", self.told(root), self.since(incident)), Tone::Accent);
        self.lines.push((line, object));
        self.text(5, &finding.why, Tone::Plain, object);
        if finding.muted {
            self.text(5, "silenced or inhibited: counted, not urgent", Tone::Dim, None);
        }
        if severity != finding.severity {
            let text = format!("{} by itself, {severity} by what it explains or carries", finding.severity);
            self.text(5, &text, Tone::Dim, None);
        }
        if incident.is_some_and(|i| i.users) {
            self.text(5, "a critical alert is attached: users may notice", Tone::Bad, None);
        }
        if let Some(n) = incident.map(|i| i.dependents).filter(|n| *n > 0) {
            let (objects, depend) = if n == 1 { ("object", "depends") } else { ("objects", "depend") };
            self.text(5, &format!("{n} Flux {objects} {depend} on it, directly or not"), Tone::Dim, None);
        }
        if let Some(rule) = triage.rule(root) {
            self.text(5, &format!("rule {}: {}", rule.name, rule.doc), Tone::Dim, None);
        }
        if let Subject::Row(id) = root {
            for other in triage.of(id).iter().skip(1) {
                self.text(5, &format!("also {}: {}", other.severity, other.why), Tone::Plain, object);
            }
        }
        if root == asked {
            return;
        }
        self.lines.push((Line::new(), None));
    }

    /// The way from what was asked about to the root.
    fn steps(&mut self, root: Subject, asked: Subject) {
        if root == asked {
            return;
        }
        let subject = self.told(asked);
        self.heading(format!("WHY {subject} BELONGS HERE"));
        for reason in self.world.triage.chain(asked) {
            let rule =
                reason.rule.map_or_else(String::new, |rule| format!("  (rule {rule}, {})", reason.confidence.word()));
            let row = self.world.triage.object(&self.world.store, reason.root);
            self.text(3, &format!("-> {}: {}{rule}", self.told(reason.root), reason.because), Tone::Plain, row);
        }
    }

    fn explained(&mut self, root: Subject) {
        let World { store, triage, .. } = self.world;
        let all = triage.explained(root);
        if all.is_empty() {
            return;
        }
        self.heading(format!("EXPLAINS {}", all.len()));
        for subject in all.iter().take(MOST) {
            let (Some(finding), Subject::Row(id)) = (triage.finding(*subject), subject) else { continue };
            let mut line = Line::of(format!("   {}  ", finding.severity), tone(finding.severity, finding.muted));
            let wide = (self.width / 2).clamp(24, 72);
            line.plain(scene::fit(&self.told(*subject), wide, Keep::Ends));
            let because = triage
                .reason(*subject)
                .map_or_else(String::new, |r| format!("{} [{}]", r.because, r.confidence.word()));
            let left = self.width.saturating_sub(line.width() + 2);
            line.push(format!("  {}", scene::clip(&because, left, Keep::Start)), Tone::Dim);
            self.lines.push((line, Some(*id).filter(|id| store.row(*id).is_some())));
        }
        if all.len() > MOST {
            self.text(3, &format!("and {} more", all.len() - MOST), Tone::Dim, None);
        }
    }

    /// Of a certificate: the requests, orders and challenges that were made for it, and the ingresses that serve it.
    fn related(&mut self, root: Subject) {
        let World { store, triage, .. } = self.world;
        let Some(id) = triage.object(store, root).filter(|id| id.kind == kinds::CERTIFICATE) else {
            return;
        };
        let Some(record) = store.row(id).map(|row| &row.record) else { return };
        let secret = record.text(certificates::SECRET, &store.strings);
        let mut above = vec![(id.kind, record.namespace, record.name.clone())];
        let mut found = Vec::new();
        for (kind, relation) in related() {
            let text = |sym| store.strings.get(sym);
            let mut next = Vec::new();
            for (slot, row) in store.table(kind).iter().filter(|(_, row)| row.record.namespace == record.namespace) {
                let mine = row.record.links.iter().filter(|l| l.relation == relation).any(|l| match relation {
                    Relation::Uses => text(l.kind) == "Secret" && text(l.name) == secret,
                    _ => above
                        .iter()
                        .any(|(kind, _, name)| kinds::spec(*kind).name == text(l.kind) && *text(l.name) == **name),
                });
                if mine {
                    found.push(RowId { kind, slot });
                    next.push((kind, row.record.namespace, row.record.name.clone()));
                }
            }
            above.extend(next);
        }
        if found.is_empty() {
            return;
        }
        self.heading("RELATED");
        for id in found.into_iter().take(20) {
            let Some(row) = store.row(id) else { continue };
            let status = match (store.strings.get(row.record.status), &*row.record.note) {
                (status, "") => status.to_owned(),
                (status, note) => format!("{status}: {note}"),
            };
            self.text(
                3,
                &format!("{} {}  {status}", kinds::spec(id.kind).name, row.record.name),
                Tone::Plain,
                Some(id),
            );
        }
    }

    /// Revisions that came in, what nodes, seals and silences did, and what was done from here, shortly before it began.
    /// What came after it did not cause it, and what triage thought of it is no change.
    fn changes(&mut self, root: Subject) {
        let World { store, triage, preferences, timeline, .. } = self.world;
        let Some(since) = triage.incident(root).and_then(|i| i.since) else { return };
        let window = preferences.thresholds.recent_change;
        let near = |at: ages::Time| at <= since && at.plus(window) >= since;
        let mut found: Vec<(ages::Time, String, Option<RowId>)> = Vec::new();
        for kind in kinds::with_revisions() {
            for (slot, row) in store.table(kind).iter() {
                if let Some(at) = row.record.time(flux::CHANGED).filter(|at| near(*at)) {
                    let revision = row.record.text(flux::REVISION, &store.strings);
                    let name = row.record.full_name(&store.strings);
                    let text = format!("{} {name} became {revision}", kinds::spec(kind).name);
                    found.push((at, text, Some(RowId { kind, slot })));
                }
            }
        }
        // the revisions are above, with their rows
        let revision = |m: &Moment| {
            m.words.starts_with("became ") && kinds::with_revisions().any(|kind| *m.kind == *kinds::name(kind))
        };
        let told = timeline.log.between(since.plus(-window), since);
        let told = told.filter(|m| {
            let change = matches!(m.what, What::Change | What::Action | What::Silence);
            change && !revision(m) && !m.is_bookkeeping()
        });
        for moment in told {
            let row = kinds::by_name(&moment.kind).and_then(|kind| store.find(kind, &moment.namespace, &moment.name));
            let text = match moment.what {
                What::Action => moment.words.to_string(),
                _ => format!("{} {}", moment.told(), moment.words),
            };
            found.push((moment.time, text, row));
        }
        if found.is_empty() {
            return;
        }
        let mine = triage.incident(root).and_then(|i| i.changed).map(|(id, _)| id);
        found.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        self.heading("CHANGED SHORTLY BEFORE");
        for (at, text, row) in found.into_iter().take(12) {
            let before = ages::told(since.0 - at.0);
            // in front: a narrow terminal cuts what comes last
            let own = if row.is_some() && row == mine { "its own: " } else { "" };
            self.text(3, &format!("{before:>5} before  {own}{text}"), Tone::Plain, row);
        }
    }

    fn alerts(&mut self, root: Subject) {
        let World { store, triage, .. } = self.world;
        let is_alert = |s: &Subject| matches!(s, Subject::Row(id) if id.kind == kinds::ALERT);
        let found: Vec<Subject> =
            std::iter::once(root).chain(triage.explained(root)).filter(is_alert).take(20).collect();
        if found.is_empty() {
            return;
        }
        self.heading("ALERTS");
        for subject in found {
            let Subject::Row(id) = subject else { continue };
            let Some(record) = store.row(id).map(|row| &row.record) else { continue };
            let severity = record.text(alerts::SEVERITY, &store.strings);
            let state = store.strings.get(record.status);
            self.text(3, &format!("{} ({severity}, {state}): {}", record.name, record.note), Tone::Plain, Some(id));
            let runbook = record.text(alerts::RUNBOOK, &store.strings);
            if !runbook.is_empty() {
                self.text(5, &format!("runbook {runbook}"), Tone::Accent, Some(id));
            }
        }
    }

    fn next(&mut self, root: Subject) {
        let World { store, triage, .. } = self.world;
        self.heading("WHAT TO DO");
        let Some(id) = triage.object(store, root) else {
            self.text(
                3,
                "nothing can be done to it from here; i shows the feeds, :ctx the contexts",
                Tone::Plain,
                None,
            );
            return;
        };
        let mut any = false;
        for help in suggested(root, id, self.world) {
            any = true;
            let (command, words) = match help {
                Help::Act(action) => (action.key.map(acting::command), format!("{}: {}", action.name, action.doc)),
                Help::Look(name, command) => (Some(command), format!("{}: what went wrong", name.replace('-', " "))),
            };
            let key = command.and_then(|command| self.world.chord(command)).map(|k| format!("<{k}> "));
            self.text(3, &format!("{}{words}", key.unwrap_or_default()), Tone::Accent, Some(id));
        }
        let chord = |command| self.world.chord(command).unwrap_or("?").to_owned();
        let more =
            if any { "x lists the other actions".to_owned() } else { "x lists what can be done to it".to_owned() };
        let line = format!("<{}> what to look at first, step by step; {more}", chord(Command::Guide));
        self.text(3, &line, Tone::Plain, Some(id));
    }
}

/// Views that rules name in addition to actions, and the command of each.
const LOOKS: [(&str, Command); 3] =
    [("previous-logs", Command::PreviousLogs), ("logs", Command::Logs), ("events", Command::Events)];

/// Something that helps with a root.
#[derive(Debug, Clone, Copy)]
pub enum Help {
    Act(&'static ActionSpec),
    Look(&'static str, Command),
}

/// What helps with a root, the best first, as far as it is offered.
pub fn suggested(root: Subject, id: RowId, world: &World) -> Vec<Help> {
    let Some(key) = world.store.key(id) else { return Vec::new() };
    let changed = world.triage.incident(root).is_some_and(|incident| incident.changed.is_some());
    let mut out: Vec<Help> = Vec::new();
    for name in remedy::next(&world.store, &world.triage, root, id, changed) {
        if let Some((name, command)) = LOOKS.iter().find(|(look, _)| *look == name) {
            out.push(Help::Look(name, *command));
        } else if let Some(action) = ACTIONS.iter().find(|a| a.name == name)
            && acting::offer(action, std::slice::from_ref(&key), world) == Offer::Yes
        {
            out.push(Help::Act(action));
        }
    }
    out.truncate(4);
    out
}

/// The key that a list shows for an incident: of what helps best, of the menu when that has no key of its own, else of
/// the guide.
pub fn next_key(incident: &Incident, world: &World) -> String {
    let Some(id) = world.triage.object(&world.store, incident.subject) else {
        if matches!(incident.subject, Subject::Plan(_)) {
            return world.chord(Command::Open).unwrap_or_default().to_owned();
        }
        return world.chord(Command::Feeds).unwrap_or_default().to_owned();
    };
    let command = match suggested(incident.subject, id, world).first() {
        Some(Help::Act(action)) => action.key.map_or(Command::Actions, acting::command),
        Some(Help::Look(_, command)) => *command,
        None => Command::Guide,
    };
    world.chord(command).unwrap_or_default().to_owned()
}

pub fn tone(severity: Severity, muted: bool) -> Tone {
    match (muted, severity) {
        (true, _) | (_, Severity::P4) => Tone::Dim,
        (_, Severity::P1) => Tone::Alarm,
        (_, Severity::P2) => Tone::Bad,
        (_, Severity::P3) => Tone::Warn,
    }
}

impl Screen for IncidentScreen {
    fn title(&self, world: &World) -> String {
        match self.subjects(world).and_then(|(root, _)| world.triage.incident(root)) {
            Some(incident) => format!("Incident {}", incident.severity),
            None => "Incident".to_owned(),
        }
    }

    fn place(&self) -> Place {
        Place::Incident(self.anchor.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        if self.scroll.on(command, self.lines.len()) {
            return Some(Vec::new());
        }
        Some(match command {
            Command::Open | Command::Describe => {
                vec![match self.target(world) {
                    Some(key) => Effect::Go(Place::Describe(key)),
                    None => Effect::Complain("nothing selected".to_owned()),
                }]
            }
            Command::Copy => {
                vec![Effect::Copy(scene::copied(self.lines.iter().map(|(line, _)| line)))]
            }
            _ => return None,
        })
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        // what hangs on a certificate is read once somebody asks for the evidence
        let certificate = self.subjects(world).and_then(|(root, _)| world.triage.object(&world.store, root));
        let mut effects = Vec::new();
        if certificate.is_some_and(|id| id.kind == kinds::CERTIFICATE) {
            let idle =
                related().map(|(kind, _)| kind).filter(|kind| world.store.table(*kind).feed.state == FeedState::Idle);
            effects.extend(idle.map(Effect::Watch));
        }
        self.lines = self.compose(world, size.width);
        if !self.placed {
            self.placed = true;
            let asked = self.asked.as_ref().and_then(|key| {
                let slot = world.store.table(key.kind).slot_of(key.uid)?;
                self.lines.iter().position(|(_, row)| *row == Some(RowId { kind: key.kind, slot }))
            });
            self.scroll.at = asked.unwrap_or(0);
        }
        self.scroll.settle(self.lines.len(), usize::from(size.height));
        effects
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        let visible = self.lines.iter().enumerate().skip(self.scroll.top).take(usize::from(size.height));
        visible
            .map(|(at, (line, _))| {
                let mut line = line.clone();
                line.selected = at == self.scroll.at;
                line
            })
            .collect()
    }

    fn more(&self) -> More {
        self.scroll.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[
            Command::Open,
            Command::Guide,
            Command::Actions,
            Command::Logs,
            Command::Events,
            Command::Timeline,
            Command::Silence,
            Command::Back,
        ]
    }

    /// The object of the line, else the root's.
    fn target(&self, world: &World) -> Option<Key> {
        let line = self.lines.get(self.scroll.at).and_then(|(_, row)| *row);
        let root = || self.subjects(world).and_then(|(root, _)| world.triage.object(&world.store, root));
        world.store.key(line.or_else(root)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::rules::RULES;

    #[test]
    fn what_rules_name_as_helping_exists() {
        for rule in RULES {
            for name in rule.next {
                let known = ACTIONS.iter().any(|a| a.name == *name) || LOOKS.iter().any(|(look, _)| look == name);
                assert!(known, "{}: nothing is called {name}", rule.name);
            }
            for kind in rule.next_for {
                assert!(kinds::by_name(kind).is_some(), "{}: no kind is called {kind}", rule.name);
            }
        }
    }
}
