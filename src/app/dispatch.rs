//! What the app does with a command that its screen leaves to it.

use super::App;
use super::prompt::{Prompt, Purpose};
use crate::actions::ActKey;
use crate::domain::record::{Key, Link, Relation};
use crate::intent::{Command, Effect, Place};
use crate::kinds::{self, Family};
use crate::store::RowId;

impl App {
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
                keys if keys.is_empty() => vec![Effect::Complain("nothing selected".to_owned())],
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
        let Some(key) = target else { return vec![Effect::Complain("no pod selected".to_owned())] };
        match self.pod_of(&key).or_else(|| self.pod_owned_by(&key)) {
            Some(key) => vec![Effect::Go(Place::Logs { key, previous })],
            None => {
                let spec = kinds::spec(key.kind);
                let what = spec.name;
                let why = match spec.family {
                    Family::Workload | Family::PodOwner => format!("this {what} has no pod"),
                    // its pods are known by no owner
                    _ => format!("a {what} has no log of its own"),
                };
                vec![Effect::Complain(format!("{why}; select a pod under :pods"))]
            }
        }
    }

    /// The pod that an object is, or is about.
    fn pod_of(&self, key: &Key) -> Option<Key> {
        let pods = kinds::POD;
        if key.kind == pods {
            return Some(key.clone());
        }
        let store = &self.world.store;
        // a replica of OpenBao has the uid of its pod
        if let Some(slot) = store.table(pods).slot_of(key.uid) {
            return store.key(RowId { kind: pods, slot });
        }
        let slot = store.table(key.kind).slot_of(key.uid)?;
        let row = store.row(RowId { kind: key.kind, slot })?;
        let is_pod = |l: &&Link| l.relation == Relation::About && store.strings.get(l.kind) == kinds::name(pods);
        let about = row.record.links.iter().find(is_pod)?;
        store.key(self.world.linked(about)?)
    }

    /// The pod of a workload that fails worst, or any.
    fn pod_owned_by(&self, key: &Key) -> Option<Key> {
        let pods = kinds::POD;
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
}

fn about(target: Option<Key>, place: fn(Key) -> Place) -> Vec<Effect> {
    match target {
        Some(key) => vec![Effect::Go(place(key))],
        None => vec![Effect::Complain("nothing selected".to_owned())],
    }
}
