//! From what is shown to what an action is given: targets, places, alerts, who acts. Shared by the menu, the preview and
//! the command line.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::world::World;
use crate::actions::{
    self, ACTIONS, ActKey, ActionSpec, Alerted, Apis, Component, Have, Input, Known, Labels, Offer, Sealed, Subject,
    Target,
};
use crate::domain::ages::Time;
use crate::domain::change::Lack;
use crate::domain::matcher::label_set;
use crate::domain::moment;
use crate::domain::outcome::Unfinished;
use crate::domain::record::{Key, Record, Relation, Uid};
use crate::domain::way::Way;
use crate::intent::{Command, Deed};
use crate::kinds::seals::{self, State};
use crate::kinds::{self, alerts};
use crate::store::RowId;
use crate::store::table::Row;
use crate::triage::alerted;
use crate::triage::platform::component_of;

/// Everything that does not change while a plan is made.
#[derive(Debug)]
pub struct Basis {
    pub action: &'static ActionSpec,
    pub targets: Vec<Target>,
    apis: Apis,
    alerts: Vec<Labels>,
    blind: Option<String>,
    seals: Vec<Sealed>,
    operator: String,
    pub context: String,
    way: Way,
    token: String,
    core: Vec<String>,
    now: Time,
    zone: TimeZone,
    continues: Option<Unfinished>,
}

impl Basis {
    /// `nth` makes the token of this plan another one than those before it.
    pub fn new(action: &'static ActionSpec, keys: &[Key], world: &World, nth: u64) -> Self {
        let facts = &world.facts;
        let fraction = (u64::from(world.preferences.salt) * 1000 + nth) % 1_000_000_000;
        Self {
            action,
            targets: keys.iter().map(|key| target(key, world)).collect(),
            apis: apis(world),
            alerts: alerted::all(&world.store).map(|(_, row)| labels(row, world)).collect(),
            blind: blind(world),
            seals: all_seals(world),
            operator: if facts.operator.is_empty() { "unknown".to_owned() } else { facts.operator.clone() },
            context: facts.context.clone(),
            way: facts.way.clone(),
            token: format!("{}.{fraction:09}Z", facts.now.timestamp().strftime("%Y-%m-%dT%H:%M:%S")),
            core: facts.core.clone(),
            now: facts.now,
            zone: moment::zone(world.preferences.utc),
            continues: None,
        }
    }

    /// The same, as the continuation of an interrupted plan.
    #[must_use]
    pub fn after(mut self, left: Option<&Unfinished>) -> Self {
        self.continues = left.cloned();
        self
    }

    /// What the interrupted plan had in a field.
    pub fn had(&self, field: &str) -> Option<&str> {
        self.continues.as_ref()?.set.get(field).map(String::as_str)
    }

    /// The reason that the interrupted plan had.
    pub fn had_reason(&self) -> &str {
        self.continues.as_ref().map_or("", |left| &left.reason)
    }

    pub fn input<'a>(&'a self, have: &'a Have, set: &'a BTreeMap<String, String>, reason: &'a str) -> Input<'a> {
        Input {
            targets: &self.targets,
            have,
            apis: &self.apis,
            set,
            reason,
            operator: &self.operator,
            context: &self.context,
            way: &self.way,
            now: self.now,
            zone: &self.zone,
            token: &self.token,
            core: &self.core,
            alerts: &self.alerts,
            blind: self.blind.as_deref(),
            seals: &self.seals,
            continues: self.continues.as_ref(),
        }
    }
}

fn target(key: &Key, world: &World) -> Target {
    let spec = kinds::spec(key.kind);
    let row =
        world.store.table(key.kind).slot_of(key.uid).and_then(|slot| world.store.row(RowId { kind: key.kind, slot }));
    let id = table_row(key, world);
    let is_alert = key.kind == kinds::ALERT;
    let labels = row.filter(|_| is_alert).map(|row| labels(row, world)).unwrap_or_default();
    let known = match id {
        Some(_) if is_alert => Known { about: row.and_then(|row| about(row, world)), ..Known::default() },
        Some(id) => Known {
            alerts: alerted::about(&world.store, &world.triage, id).into_iter().map(|row| alert(row, world)).collect(),
            shared: alerted::shares_its_name(&world.store, id),
            about: None,
        },
        None => Known::default(),
    };
    let component =
        id.and_then(|id| component_of(&world.store, &world.facts.profiles, id)).map(|(profile, component)| {
            let namespace = profile.namespace_of(component).to_owned();
            let all = world.facts.profiles.active.iter().flat_map(|p| p.components.iter().map(move |c| (p, c)));
            let shared = all.filter(|(p, c)| p.namespace_of(c) == namespace).count() > 1;
            let names = component.workloads.iter().map(|w| w.name.clone());
            let workloads = if shared { names.collect() } else { Vec::new() };
            Component { name: component.name.clone(), namespace, workloads }
        });
    Target { kind: spec.name, key: key.clone(), labels, component, known }
}

fn table_row(key: &Key, world: &World) -> Option<RowId> {
    let slot = world.store.table(key.kind).slot_of(key.uid)?;
    Some(RowId { kind: key.kind, slot })
}

fn labels(row: &Row, world: &World) -> Labels {
    let text = |cell| row.record.text(cell, &world.store.strings);
    label_set(Some(text(alerts::ROUTED)).filter(|routed| !routed.is_empty()).unwrap_or_else(|| text(alerts::LABELS)))
}

fn about(row: &Row, world: &World) -> Option<String> {
    alerted::kind_of(&world.store, row).map(str::to_owned)
}

fn alert(row: &Row, world: &World) -> Alerted {
    Alerted { labels: labels(row, world), about: about(row, world) }
}

/// Why the alerts that are known may not be all that there are.
fn blind(world: &World) -> Option<String> {
    let feed = &world.store.table(kinds::ALERT).feed;
    match (feed.state.is_live(), feed.lack) {
        (true, Lack::Lost) => Some("of Prometheus and Alertmanager one does not answer".to_owned()),
        (true, _) => None,
        (false, _) => Some(format!("the alerts are {}", feed.state.word())),
    }
}

fn apis(world: &World) -> Apis {
    let served =
        world.store.tables().filter_map(|(kind, table)| Some((kinds::spec(kind).name, table.feed.api.as_ref()?)));
    served.map(|(name, api)| (name, (**api).clone())).collect()
}

/// Replicas of OpenBao and Vault that are pods.
fn all_seals(world: &World) -> Vec<Sealed> {
    let kind = kinds::SEAL;
    let strings = &world.store.strings;
    let one = |record: &Record| {
        let pod = record.link(Relation::About)?;
        let state = State::of(record, strings);
        Some(Sealed {
            namespace: strings.get(pod.namespace).to_owned(),
            pod: strings.get(pod.name).to_owned(),
            serves: (state != State::Unknown).then(|| state.serves()),
            by_hand: record.text(seals::TYPE, strings) == "shamir",
        })
    };
    world.store.table(kind).iter().filter_map(|(_, row)| one(&row.record)).collect()
}

/// Whether an action is offered for all of these; the first reason why not.
pub fn offer(action: &ActionSpec, keys: &[Key], world: &World) -> Offer {
    for key in keys {
        let table = world.store.table(key.kind);
        let Some(row) = table.slot_of(key.uid).and_then(|slot| world.store.row(RowId { kind: key.kind, slot })) else {
            let other = world.store.find(key.kind, &key.namespace, &key.name).is_some();
            return Offer::No(if other {
                format!("{} was deleted and created again", key.name)
            } else {
                world.absence(key.kind, &key.namespace, &key.name)
            });
        };
        let subject = Subject { kind: kinds::spec(key.kind).name, record: &row.record, strings: &world.store.strings };
        match (action.offered)(&subject) {
            Offer::Yes => {}
            other => return other,
        }
    }
    if keys.is_empty() { Offer::Never } else { Offer::Yes }
}

/// What a key does to the chosen objects.
pub fn by_key(key: ActKey, keys: &[Key], world: &World) -> Result<Deed, String> {
    if keys.is_empty() {
        return Err("nothing selected".to_owned());
    }
    let mut why = None;
    for action in ACTIONS.iter().filter(|action| action.key == Some(key)) {
        match offer(action, keys, world) {
            Offer::Yes => return Ok(Deed { action: action.name, keys: keys.to_vec(), continues: None }),
            Offer::No(reason) => why = why.or(Some(format!("{}: {reason}", action.name))),
            Offer::Never => {}
        }
    }
    let kind = keys.first().map_or("this", |key| kinds::spec(key.kind).name);
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    Err(why.unwrap_or_else(|| format!("this key does nothing to {article} {kind}; x lists what can be done")))
}

/// What continues an unfinished plan: the same action for the same objects.
pub fn again(left: &Unfinished, world: &World) -> Result<Deed, String> {
    let action = actions::by_name(&left.action).ok_or_else(|| {
        format!("`{}` is no action of this version: what is left has to be done by its commands", left.action)
    })?;
    Ok(Deed { action: action.name, keys: objects(left, world)?, continues: Some(left.run.as_str().into()) })
}

/// The objects of an unfinished plan. One that is gone is named all the same: that it is gone may be the result.
///
/// # Errors
/// Why they are not known.
pub fn objects(left: &Unfinished, world: &World) -> Result<Vec<Key>, String> {
    if left.objects.is_empty() {
        return Err("its objects were not recorded: what is left has to be done by its commands".to_owned());
    }
    let one = |(nth, object): (usize, &String)| {
        let mut parts = object.splitn(3, '/');
        let (Some(kind), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("`{object}` names no object"));
        };
        let id = kinds::by_name(kind).ok_or_else(|| format!("no kind is called {kind}"))?;
        if let Some(key) = world.store.find(id, namespace, name).and_then(|row| world.store.key(row)) {
            return Ok(key);
        }
        if !world.would_see(id, namespace) {
            return Err(world.absence(id, namespace, name));
        }
        let uid = left.steps.iter().find(|step| step.target == nth && !step.uid.is_empty());
        let uid = uid.map_or_else(Uid::default, |step| Uid::of(&step.uid));
        Ok(Key { kind: id, namespace: namespace.into(), name: name.into(), uid })
    };
    left.objects.iter().enumerate().map(one).collect()
}

/// The key of an action, as a command.
pub fn command(key: ActKey) -> Command {
    match key {
        ActKey::Toggle => Command::Toggle,
        ActKey::Refresh => Command::Refresh,
        ActKey::Restart => Command::Restart,
        ActKey::Silence => Command::Silence,
        ActKey::Backup => Command::Backup,
        ActKey::Delete => Command::Delete,
    }
}
