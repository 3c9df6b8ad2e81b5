//! One object: what matters first, then its conditions, its containers and its recent events.

use serde_json::Value;

use super::pager::{Pager, field, fields, heading, paragraph};
use super::table::tone_of;
use super::world::World;
use super::{More, Screen, Size, events};
use crate::domain::ages::{self, Time};
use crate::domain::health::Health;
use crate::domain::matcher::label_set;
use crate::domain::record::{Key, KindId, Relation};
use crate::domain::reply::{Event, Reply};
use crate::domain::{redact, text};
use crate::intent::{Command, Effect, Fetch, Place, Ticket};
use crate::kinds::{self, Api, alerts};
use crate::scene::{Line, Tone};
use crate::store::RowId;
use crate::store::table::Row;

/// Objects below this one that are listed; the rest is counted.
const MAX_OWNED: usize = 10;

#[derive(Debug)]
pub struct Describe {
    key: Key,
    object_ticket: Ticket,
    events_ticket: Ticket,
    asked: bool,
    object: Option<Result<Value, String>>,
    events: Option<Result<Vec<Event>, String>>,
    pager: Pager,
}

impl Describe {
    pub fn new(key: Key, object_ticket: Ticket, events_ticket: Ticket) -> Self {
        Self { key, object_ticket, events_ticket, asked: false, object: None, events: None, pager: Pager::default() }
    }

    fn row_id(&self, world: &World) -> Option<RowId> {
        let slot = world.store.table(self.key.kind).slot_of(self.key.uid)?;
        Some(RowId { kind: self.key.kind, slot })
    }

    fn compose(&self, world: &World, width: u16) -> Vec<Line> {
        let mut out = Vec::new();
        match self.row_id(world).and_then(|id| Some((id, world.store.row(id)?))) {
            Some((id, row)) => {
                let status = world.store.strings.get(row.record.status);
                let word = row.health.word();
                let told = if status.is_empty() || status.eq_ignore_ascii_case(word) {
                    word.to_owned()
                } else {
                    format!("{status} ({word})")
                };
                out.push(field("STATUS", told, tone_of(row.health)));
                for finding in world.triage.of(id) {
                    let since = finding
                        .since
                        .map_or_else(String::new, |t| format!(", for {}", ages::told(t.age(world.facts.now).max(0))));
                    let text = format!("{}{since}", finding.why);
                    fields(&finding.severity.to_string(), &text, width, Tone::Bad, &mut out);
                }
                // the finding's words often hold the message already
                let told = world.triage.of(id).iter().any(|f| f.why.contains(&*row.record.note));
                if !row.record.note.is_empty() && !told {
                    fields("MESSAGE", &row.record.note, width, Tone::Plain, &mut out);
                }
                self.columns(world, row, width, &mut out);
                Self::links(world, row, width, &mut out);
                alert_labels(world, self.key.kind, row, width, &mut out);
            }
            None => out.push(field("STATUS", "gone: no longer in what is watched", Tone::Warn)),
        }
        match &self.object {
            None if self.is_polled() => {}
            None => out.push(Line::of("  reading the object", Tone::Busy)),
            Some(Err(why)) => paragraph(2, &format!("the object cannot be read: {why}"), width, Tone::Bad, &mut out),
            Some(Ok(object)) => {
                conditions(object, world.facts.now, width, &mut out);
                containers(object, world.facts.now, width, &mut out);
                labels(object, width, &mut out);
            }
        }
        self.owned(world, width, &mut out);
        if !self.is_polled() {
            out.push(heading("EVENTS"));
            match &self.events {
                None => out.push(Line::of("  reading", Tone::Busy)),
                Some(Err(why)) => paragraph(2, why, width, Tone::Warn, &mut out),
                Some(Ok(list)) => out.extend(events::lines_of(list, world, width)),
            }
        }
        out
    }

    fn is_polled(&self) -> bool {
        matches!(kinds::spec(self.key.kind).api, Api::Poll(_))
    }

    /// Every column of the kind, as a line each.
    fn columns(&self, world: &World, row: &Row, width: u16, out: &mut Vec<Line>) {
        let show = world.show();
        for column in kinds::spec(self.key.kind).columns {
            if matches!(column.title, "NAMESPACE" | "NAME" | "STATUS" | "MESSAGE") {
                continue;
            }
            let text = column.text(&row.record, &show);
            if !text.is_empty() {
                fields(column.title, &text, width, Tone::Plain, out);
            }
        }
    }

    /// The objects that name it as their owner, the newest first.
    fn owned(&self, world: &World, width: u16, out: &mut Vec<Line>) {
        let (strings, name) = (&world.store.strings, kinds::name(self.key.kind));
        for kind in kinds::spec(self.key.kind).owns.iter().filter_map(|name| kinds::by_name(name)) {
            let is_its = |row: &&Row| {
                row.record.link(Relation::Owner).is_some_and(|owner| {
                    strings.get(owner.kind) == name
                        && strings.get(owner.namespace) == &*self.key.namespace
                        && strings.get(owner.name) == &*self.key.name
                })
            };
            let mut rows: Vec<&Row> = world.store.table(kind).iter().map(|(_, row)| row).filter(is_its).collect();
            if rows.is_empty() {
                continue;
            }
            rows.sort_by_key(|row| std::cmp::Reverse(row.record.created));
            out.push(heading(kinds::spec(kind).title.to_uppercase()));
            for row in rows.iter().take(MAX_OWNED) {
                let status = strings.get(row.record.status);
                let age = ages::told(row.record.created.age(world.facts.now).max(0));
                fields(&row.record.name, &format!("{status}, {age} old"), width, tone_of(row.health), out);
            }
            if rows.len() > MAX_OWNED {
                paragraph(2, &format!("and {} older", rows.len() - MAX_OWNED), width, Tone::Dim, out);
            }
        }
    }

    fn links(world: &World, row: &Row, width: u16, out: &mut Vec<Line>) {
        let strings = &world.store.strings;
        for link in &row.record.links {
            let (kind, namespace, name) = (strings.get(link.kind), strings.get(link.namespace), strings.get(link.name));
            let label = match link.relation {
                Relation::Owner => "OWNED BY",
                Relation::Node => continue,
                Relation::DependsOn => "DEPENDS ON",
                Relation::Source => "SOURCE",
                Relation::ManagedBy => "MANAGED BY",
                Relation::From => "FROM",
                Relation::StoredIn => "STORED IN",
                Relation::About => "ABOUT",
                Relation::Uses => "USES",
            };
            let full = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
            let (state, tone) = match world.linked(link).and_then(|id| world.store.row(id)) {
                Some(other) if other.health != Health::Ok => {
                    (format!(" ({} {})", other.health, strings.get(other.record.status)), tone_of(other.health))
                }
                Some(_) => (" (ok)".to_owned(), Tone::Plain),
                None => (String::new(), Tone::Plain),
            };
            fields(label, &format!("{kind} {full}{state}"), width, tone, out);
        }
    }
}

fn str_at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn conditions(object: &Value, now: Time, width: u16, out: &mut Vec<Line>) {
    let Some(list) = object.pointer("/status/conditions").and_then(Value::as_array).filter(|l| !l.is_empty()) else {
        return;
    };
    out.push(heading("CONDITIONS"));
    for condition in list {
        let (kind, status) = (str_at(condition, "/type"), str_at(condition, "/status"));
        let age =
            Time::parse(str_at(condition, "/lastTransitionTime")).map_or_else(String::new, |t| ages::told(t.age(now)));
        let tone = if status == "True" { Tone::Plain } else { Tone::Warn };
        let told = format!("{status:<8} {age:>6}  {}", text::line(str_at(condition, "/reason")));
        out.push(field(&text::line(kind), told, tone));
        let message = redact::urls(str_at(condition, "/message"));
        let message = text::line(&message);
        if !message.is_empty() {
            fields("", &message, width, Tone::Dim, out);
        }
    }
}

/// A pod's containers: image, state, last end.
fn containers(object: &Value, now: Time, width: u16, out: &mut Vec<Line>) {
    for (list, title) in [("initContainerStatuses", "INIT CONTAINERS"), ("containerStatuses", "CONTAINERS")] {
        let Some(statuses) = object.pointer(&format!("/status/{list}")).and_then(Value::as_array) else { continue };
        if statuses.is_empty() {
            continue;
        }
        out.push(heading(title));
        for status in statuses {
            let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or(0);
            let state = state_words(status.get("state"), now);
            let bad = status.pointer("/state/waiting").is_some();
            let told = format!("{state}, {restarts} restarts, {}", text::line(str_at(status, "/image")));
            let tone = if bad { Tone::Bad } else { Tone::Plain };
            fields(&text::line(str_at(status, "/name")), &told, width, tone, out);
            let last = state_words(status.get("lastState"), now);
            if !last.is_empty() {
                fields("", &format!("before: {last}"), width, Tone::Dim, out);
            }
        }
    }
}

fn state_words(state: Option<&Value>, now: Time) -> String {
    let Some((word, body)) = state.and_then(Value::as_object).and_then(|m| m.iter().next()) else {
        return String::new();
    };
    let ago = |pointer: &str| {
        Time::parse(str_at(body, pointer))
            .map_or_else(String::new, |t| format!(" {} ago", ages::told(t.age(now).max(0))))
    };
    let reason = text::line(str_at(body, "/reason"));
    match word.as_str() {
        "running" => format!("running since{}", ago("/startedAt")),
        "terminated" => {
            let code = body.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
            let meaning = match code {
                137 => " (SIGKILL)",
                143 => " (SIGTERM)",
                _ => "",
            };
            format!("{reason} exit {code}{meaning}{}", ago("/finishedAt"))
        }
        _ => format!("waiting: {reason} {}", text::line(&redact::urls(str_at(body, "/message")))),
    }
}

fn labels(object: &Value, width: u16, out: &mut Vec<Line>) {
    let Some(map) = object.pointer("/metadata/labels").and_then(Value::as_object).filter(|m| !m.is_empty()) else {
        return;
    };
    out.push(heading("LABELS"));
    for (name, value) in map {
        let told = format!("{}={}", text::line(name), text::line(value.as_str().unwrap_or("")));
        paragraph(2, &told, width, Tone::Dim, out);
    }
}

/// Every label of an alert: routes and silences match them.
fn alert_labels(world: &World, kind: KindId, row: &Row, width: u16, out: &mut Vec<Line>) {
    if kind != kinds::ALERT {
        return;
    }
    let kept = row.record.text(alerts::LABELS, &world.store.strings);
    if kept.is_empty() {
        return;
    }
    out.push(heading("LABELS"));
    let labels = label_set(kept);
    if labels.is_empty() {
        // as it came, where it cannot be taken apart
        paragraph(2, kept, width, Tone::Plain, out);
    }
    for (name, value) in labels {
        paragraph(2, &format!("{name}={value}"), width, Tone::Plain, out);
    }
}

impl Screen for Describe {
    fn title(&self, world: &World) -> String {
        let _ = world;
        let name = match &*self.key.namespace {
            "" => self.key.name.to_string(),
            namespace => format!("{namespace}/{}", self.key.name),
        };
        format!("{} {name}", kinds::spec(self.key.kind).name)
    }

    fn place(&self) -> Place {
        Place::Describe(self.key.clone())
    }

    fn on(&mut self, command: Command, world: &World) -> Option<Vec<Effect>> {
        match command {
            Command::Reload => {
                self.asked = false;
                Some(Vec::new())
            }
            Command::Owner | Command::Node => {
                let wanted = if command == Command::Owner { Relation::Owner } else { Relation::Node };
                let row = self.row_id(world).and_then(|id| world.store.row(id))?;
                let managed = wanted == Relation::Owner && row.record.link(wanted).is_none();
                Some(vec![world.go_to(row, if managed { Relation::ManagedBy } else { wanted })])
            }
            _ => self.pager.command(command),
        }
    }

    fn sync(&mut self, world: &World, size: Size) -> Vec<Effect> {
        let lines = self.compose(world, size.width);
        self.pager.set(lines);
        self.pager.resize(size);
        if self.asked || self.is_polled() {
            return Vec::new();
        }
        self.asked = true;
        vec![
            Effect::Fetch(self.object_ticket, Fetch::Object(self.key.clone())),
            Effect::Fetch(self.events_ticket, Fetch::Events(self.key.clone())),
        ]
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[
            Command::Guide,
            Command::Actions,
            Command::Yaml,
            Command::Events,
            Command::Logs,
            Command::Owner,
            Command::Copy,
            Command::Back,
        ]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        Some(self.key.clone())
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        match reply {
            Reply::Object(answer) if ticket == self.object_ticket => self.object = Some(answer),
            Reply::Events(answer) if ticket == self.events_ticket => self.events = Some(answer),
            _ => {}
        }
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}
