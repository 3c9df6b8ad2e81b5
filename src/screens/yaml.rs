//! An object as live YAML: without managedFields, and never with what looks like a secret.

use serde_json::Value;

use super::pager::Pager;
use super::world::World;
use super::{More, Screen, Size};
use crate::domain::record::Key;
use crate::domain::reply::Reply;
use crate::domain::secrets;
use crate::domain::text;
use crate::intent::{Command, Effect, Fetch, Place, Ticket};
use crate::kinds;
use crate::scene::{Line, Tone};

#[derive(Debug)]
pub struct Yaml {
    key: Key,
    ticket: Ticket,
    asked: bool,
    pager: Pager,
}

impl Yaml {
    pub fn new(key: Key, ticket: Ticket) -> Self {
        let mut pager = Pager::default();
        pager.set(vec![Line::of("  reading", Tone::Busy)]);
        Self { key, ticket, asked: false, pager }
    }
}

/// Hides managedFields, the last applied copy, and what is secret.
fn redact(value: &mut Value) {
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
        if let Some(notes) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            notes.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    secrets::object(value);
}

/// Colours one line of YAML: the key apart from the value.
fn coloured(line: &str) -> Line {
    let body = line.trim_start_matches([' ', '-']);
    let indent = &line[..line.len() - body.len()];
    let mut out = Line::of(format!(" {indent}"), Tone::Dim);
    match body.find(": ").or_else(|| body.strip_suffix(':').map(str::len)) {
        Some(at) if !body.starts_with(['"', '\'']) => {
            out.push(body[..=at].to_owned(), Tone::Accent);
            out.plain(body[at + 1..].to_owned());
        }
        _ => out.plain(body.to_owned()),
    }
    out
}

impl Screen for Yaml {
    fn title(&self, _world: &World) -> String {
        format!("{} {} yaml", kinds::spec(self.key.kind).name, self.key.name)
    }

    fn place(&self) -> Place {
        Place::Yaml(self.key.clone())
    }

    fn on(&mut self, command: Command, _world: &World) -> Option<Vec<Effect>> {
        if command == Command::Reload {
            self.asked = false;
            return Some(Vec::new());
        }
        self.pager.command(command)
    }

    fn sync(&mut self, _world: &World, size: Size) -> Vec<Effect> {
        self.pager.resize(size);
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        vec![Effect::Fetch(self.ticket, Fetch::Object(self.key.clone()))]
    }

    fn lines(&self, _world: &World, size: Size) -> Vec<Line> {
        self.pager.visible(size)
    }

    fn more(&self) -> More {
        self.pager.more()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Filter, Command::Copy, Command::Reload, Command::Back]
    }

    fn target(&self, _world: &World) -> Option<Key> {
        Some(self.key.clone())
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, _world: &World) {
        let Reply::Object(answer) = reply else { return };
        if ticket != self.ticket {
            return;
        }
        let lines = match answer {
            Err(why) => vec![Line::of(format!("  {why}"), Tone::Bad)],
            Ok(mut object) => {
                redact(&mut object);
                match serde_saphyr::to_string(&object) {
                    Ok(yaml) => text::block(&yaml, 4 << 20).lines().map(coloured).collect(),
                    Err(error) => vec![Line::of(format!("  cannot be written as YAML: {error}"), Tone::Bad)],
                }
            }
        };
        self.pager.set(lines);
    }

    fn filter(&mut self, text: &str, _world: &World) -> Result<(), String> {
        self.pager.search(text);
        Ok(())
    }

    fn filtered(&self) -> &str {
        self.pager.needle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_and_noise_are_hidden_and_references_stay() {
        let mut object = json!({
            "kind": "Pod",
            "metadata": {"name": "a", "managedFields": [1],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}},
            "spec": {
                "tls": {"secretName": "web-tls"},
                "containers": [{"env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PORT", "value": "80"}]}],
                "values": {"adminPassword": "hunter2", "replicas": 2}
            }
        });
        redact(&mut object);
        let text = object.to_string();
        assert!(!text.contains("hunter2") && !text.contains("managedFields") && !text.contains("last-applied"));
        assert!(text.contains("web-tls") && text.contains("\"80\"") && text.contains("note"));
    }
}
