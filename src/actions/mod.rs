//! The actions: one file and one row each. An action says for which records it is offered, what must be read first,
//! and returns its plan as data. It sends nothing.

mod budgets;
mod continued;
mod dependents;
mod download;
mod flux;
mod input;
mod losses;
mod manager;
mod marks;
mod owner;
mod risk;
mod silence_caution;
mod silence_scope;
mod silence_span;
mod twin;
mod upgrade;
mod velero;
mod workload;

pub mod backup;
pub mod backup_logs;
pub mod cordon;
pub mod delete_backup;
pub mod delete_pod;
pub mod drain;
pub mod edit_silence;
pub mod emergency_restart;
pub mod evict;
pub mod expire_silence;
pub mod force;
pub mod force_sync;
pub mod pause_rollout;
pub mod pause_schedule;
pub mod reconcile;
pub mod reconcile_with_source;
pub mod recover;
pub mod renew;
pub mod reset;
pub mod restart;
pub mod restore;
pub mod restore_logs;
pub mod resume;
pub mod resume_rollout;
pub mod rollback;
pub mod rotate;
pub mod scale;
pub mod silence;
pub mod suspend;
pub mod uncordon;
pub mod undo_rollout;
pub mod unpause_schedule;

use crate::domain::evictions::Leaving;
use crate::domain::interner::Strings;
use crate::domain::locked::says_why;
use crate::domain::plan::{Act, Origin, Plan, Risk, Step, Stop};
use crate::domain::record::Record;
use crate::domain::redact;

pub use input::{Alerted, Apis, Component, Have, Input, Known, Labels, Sealed, Target, There};

/// The most objects that one plan may change.
pub const MOST: usize = 10;

/// Every action, in the order of the menu.
pub static ACTIONS: &[ActionSpec] = &[
    suspend::SPEC,
    resume::SPEC,
    reconcile::SPEC,
    reconcile_with_source::SPEC,
    force::SPEC,
    reset::SPEC,
    recover::SPEC,
    rollback::SPEC,
    restart::SPEC,
    emergency_restart::SPEC,
    scale::SPEC,
    pause_rollout::SPEC,
    resume_rollout::SPEC,
    undo_rollout::SPEC,
    delete_pod::SPEC,
    evict::SPEC,
    silence::SPEC,
    edit_silence::SPEC,
    expire_silence::SPEC,
    renew::SPEC,
    force_sync::SPEC,
    rotate::SPEC,
    backup::SPEC,
    pause_schedule::SPEC,
    unpause_schedule::SPEC,
    restore::SPEC,
    backup_logs::SPEC,
    restore_logs::SPEC,
    delete_backup::SPEC,
    cordon::SPEC,
    uncordon::SPEC,
    drain::SPEC,
];

/// One action.
#[derive(Debug, Clone, Copy)]
pub struct ActionSpec {
    /// The word in the menu, for `watchkeeper run`, and in the audit.
    pub name: &'static str,
    /// The key that asks for it directly.
    pub key: Option<ActKey>,
    pub doc: &'static str,
    /// The rights that it may need, for the role that is printed.
    pub rights: &'static [RightRow],
    /// What can be set in addition to the object: the form, and `--set`.
    pub fields: &'static [Field],
    /// If set, nothing runs without a reason; says where the reason is kept.
    pub reason: Option<&'static str>,
    pub offered: fn(&Subject<'_>) -> Offer,
    pub plan: fn(&Input<'_>) -> Result<Plan, Stop>,
}

/// Keys for whichever action fits the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActKey {
    /// Suspend or resume, pause or unpause, cordon or uncordon.
    Toggle,
    /// Reconcile, renew, refresh.
    Refresh,
    Restart,
    Silence,
    Backup,
    Delete,
}

/// A right as the printed role groups it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightRow {
    pub group: &'static str,
    /// With its subresource: `pods/eviction`.
    pub resource: &'static str,
    pub verb: &'static str,
}

pub const fn right(group: &'static str, resource: &'static str, verb: &'static str) -> RightRow {
    RightRow { group, resource, verb }
}

/// Something the operator may set.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub help: &'static str,
    pub default: Start,
    /// Without it there is no plan.
    pub required: bool,
    /// A kind of target for which it has no meaning, and why.
    pub never_of: Option<(&'static str, &'static str)>,
}

impl Field {
    /// An optional setting, for every kind of target.
    pub const fn new(name: &'static str, help: &'static str, default: Start) -> Self {
        Self { name, help, default, required: false, never_of: None }
    }

    /// The same, but required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, but without meaning for targets of this kind; `why` in words.
    #[must_use]
    pub const fn never_of(mut self, kind: &'static str, why: &'static str) -> Self {
        self.never_of = Some((kind, why));
        self
    }

    /// Whether it has a meaning for targets of a kind.
    pub fn is_for(&self, kind: &str) -> bool {
        self.never_of.is_none_or(|(never, _)| never != kind)
    }

    /// Why a setting has no meaning for the targets, if so. A setting of an interrupted plan is ignored as it was then.
    fn misplaced(&self, input: &Input<'_>) -> Option<String> {
        let (kind, why) = self.never_of?;
        let value = input.setting(self.name)?;
        let had = input.continues.and_then(|left| left.set.get(self.name)).is_some_and(|had| had.trim() == value);
        let is_meant = !had && input.targets.iter().any(|target| target.kind == kind);
        is_meant.then(|| format!("{} is not for a {kind}: {why}", self.name))
    }
}

/// What a field contains before anybody types.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    Text(&'static str),
    /// A value that fits the target.
    Of(fn(&Input<'_>) -> String),
}

impl Start {
    pub fn text(&self, input: &Input<'_>) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Of(make) => make(input),
        }
    }
}

/// Whether an action fits a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    Yes,
    /// It is of this kind, but does not fit now; why.
    No(String),
    /// It does not apply to this kind.
    Never,
}

/// What decides whether an action is offered.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub kind: &'static str,
    pub record: &'a Record,
    pub strings: &'a Strings,
}

impl Subject<'_> {
    /// Offered for these kinds.
    pub fn of(&self, kinds: &[&str]) -> Offer {
        if kinds.contains(&self.kind) { Offer::Yes } else { Offer::Never }
    }
}

/// The first hexadecimal digits of a SHA-256, which keep long names distinct when they are cut.
fn digest(text: &str, digits: usize) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let mut out = Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    });
    out.truncate(digits);
    out
}

pub fn by_name(name: &str) -> Option<&'static ActionSpec> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// The plan for all targets: one after another, with the larger risk of several.
///
/// # Errors
/// What has to be read first, or why there is no plan.
pub fn plan(action: &ActionSpec, input: &Input<'_>) -> Result<Plan, Stop> {
    // it is written into annotations, comments, the audit and the timeline: an address in it is written without its
    // login
    let reason = redact::urls(input.reason);
    let input = &Input { reason: &reason, ..*input };
    if input.targets.is_empty() {
        return Err(Stop::refuse("nothing selected"));
    }
    if input.targets.len() > MOST {
        return Err(Stop::Refuse(format!("{} objects at once are too many: at most {MOST}", input.targets.len())));
    }
    for name in input.set.keys() {
        if !action.fields.iter().any(|field| field.name == name) {
            let known: Vec<&str> = action.fields.iter().map(|field| field.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Stop::Refuse(format!("{} has no setting `{name}`; settings: {known}", action.name)));
        }
    }
    if let Some(why) = action.fields.iter().find_map(|field| field.misplaced(input)) {
        return Err(Stop::Refuse(why));
    }
    let mut needs = Vec::new();
    let mut plans = Vec::new();
    if let Some(left) = input.continues {
        continued::fits(action.name, left, input.targets).map_err(Stop::Refuse)?;
    }
    for (nth, target) in input.targets.iter().enumerate() {
        let only = input.only(target);
        let made = match input.continues {
            Some(left) => continued::plan(action, &only, nth, left),
            None => (action.plan)(&only),
        };
        match made {
            Ok(plan) => plans.push(plan),
            Err(Stop::Need(paths)) => needs.extend(paths),
            Err(refusal) => return Err(refusal),
        }
    }
    if !needs.is_empty() {
        return Err(Stop::Need(needs));
    }
    // a plan for several objects skips those that are done; if all of them are, nothing is left to continue
    if let Some(left) = input.continues.filter(|_| plans.iter().all(|plan| plan.steps.is_empty())) {
        let objects: Vec<String> = input.targets.iter().map(Target::told).collect();
        return Err(continued::nothing_to_see(left, &objects.join(", ")));
    }
    let mut plan = joined(plans, input);
    if let Some(left) = input.continues.filter(|_| input.targets.len() > 1) {
        // the targets are all objects, including those that are done
        plan.undo.clone_from(&left.undo);
    }
    plan.reason = if says_why(input.reason) { input.reason.trim().to_owned() } else { String::new() };
    plan.needs_reason = action.reason.is_some();
    plan.origin = Origin {
        objects: input.targets.iter().map(Target::object).collect(),
        set: input.set.clone(),
        continues: input.continues.map(|left| left.run.clone()),
        way: input.way.clone(),
    };
    Ok(plan)
}

fn joined(plans: Vec<Plan>, input: &Input<'_>) -> Plan {
    let count = plans.len();
    let mut all = plans.into_iter();
    let Some(mut first) = all.next() else { unreachable!("there is a plan for each of at least one target") };
    if count == 1 {
        return first;
    }
    let name = |plan: &Plan| plan.targets.first().map_or_else(String::new, |key| key.name.to_string());
    let prefix = |nth: usize, plan: &mut Plan| {
        let name = name(plan);
        for step in &mut plan.steps {
            step.what = format!("{name}: {}", step.what);
            step.target = nth;
        }
        for text in plan.warnings.iter_mut().chain(&mut plan.reach) {
            *text = format!("{name}: {text}");
        }
    };
    prefix(0, &mut first);
    // a pod that is evicted from one node must not move to the next: all of them are cordoned first
    let mut evictions = evicting(&mut first);
    let (mut going, mut unheld) = (vec![leaving(&first, &evictions)], vec![without_budget(&evictions)]);
    for (nth, mut next) in all.enumerate() {
        prefix(nth + 1, &mut next);
        let own = evicting(&mut next);
        going.push(leaving(&next, &own));
        unheld.push(without_budget(&own));
        evictions.extend(own);
        first.targets.extend(next.targets);
        first.steps.extend(next.steps);
        first.warnings.extend(next.warnings);
        first.reach.extend(next.reach);
        // the last first, because the undo runs backwards
        let undo: Vec<String> =
            [next.undo, std::mem::take(&mut first.undo)].into_iter().filter(|u| !u.is_empty()).collect();
        first.undo = undo.join("\n");
    }
    first.steps.extend(evictions);
    first.warnings.splice(..0, losses::together(input.seals, &going, &unheld));
    first.title = format!("{} {count} objects, one after another, stopping at the first failure", first.action);
    first.risk = Risk::Context(input.context.to_owned());
    first
}

/// Removes a plan's evictions, and the steps after them.
fn evicting(plan: &mut Plan) -> Vec<Step> {
    let at = plan.steps.iter().position(|step| matches!(step.act, Act::Evict(_))).unwrap_or(plan.steps.len());
    plan.steps.split_off(at)
}

/// The pods that steps evict.
fn evicted(steps: &[Step]) -> impl Iterator<Item = &Leaving> {
    steps.iter().filter_map(|step| if let Act::Evict(all) = &step.act { Some(&all.pods) } else { None }).flatten()
}

/// Namespace and name of each pod that a plan ends.
fn leaving(plan: &Plan, evictions: &[Step]) -> Vec<(String, String)> {
    let mut out: Vec<_> = evicted(evictions).map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
    if matches!(plan.action, "evict" | "delete-pod") {
        out.extend(plan.targets.iter().map(|key| (key.namespace.to_string(), key.name.to_string())));
    }
    out
}

/// The controllers of the pods that no budget protects, with their namespace.
fn without_budget(evictions: &[Step]) -> Vec<String> {
    let free = evicted(evictions).filter(|pod| pod.budget.is_empty() && !pod.controller.is_empty());
    free.map(|pod| format!("{} in {}", pod.controller, pod.namespace)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_action_says_what_it_does() {
        let names: HashSet<_> = ACTIONS.iter().map(|a| a.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        assert!(ACTIONS.iter().all(|a| !a.doc.is_empty() && by_name(a.name).is_some()));
    }

    /// What is planned for a kind that is known by its row only.
    fn of_gizmo(action: &ActionSpec) -> Plan {
        use crate::domain::record::{Key, Uid};
        use serde_json::json;
        let kind = crate::kinds::by_name("Gizmo").unwrap();
        let key = Key { kind, namespace: "shop".into(), name: "g".into(), uid: Uid::default() };
        let targets = [Target { kind: "Gizmo", key, labels: Labels::new(), component: None, known: Known::default() }];
        let served = |group: &str, plural: &str| crate::domain::served::Served {
            group: group.into(),
            version: "v1".into(),
            plural: plural.into(),
            namespaced: true,
        };
        let apis = Apis::from([("Gizmo", served("gizmo.toolkit.fluxcd.io", "gizmos"))]);
        let object = json!({"apiVersion": "gizmo.toolkit.fluxcd.io/v1", "kind": "Gizmo",
            "metadata": {"name": "g", "namespace": "shop", "uid": "u", "resourceVersion": "1"}, "spec": {}});
        let mut have = Have::new();
        loop {
            let input = Input {
                targets: &targets,
                have: &have,
                apis: &apis,
                set: &std::collections::BTreeMap::new(),
                reason: "test",
                operator: "alice",
                context: "lab",
                way: &crate::domain::way::Way::default(),
                now: crate::domain::ages::Time(1_795_269_600),
                zone: &jiff::tz::TimeZone::UTC,
                token: "2026-11-21T14:00:00.000000001Z",
                core: &[],
                alerts: &[],
                blind: None,
                seals: &[],
                continues: None,
            };
            match plan(action, &input) {
                Ok(plan) => return plan,
                Err(Stop::Need(paths)) => have.extend(paths.into_iter().map(|path| (path, Ok(object.clone())))),
                Err(Stop::Refuse(why)) => panic!("{}: {why}", action.name),
            }
        }
    }

    #[test]
    fn a_flux_kind_is_suspended_by_what_its_row_says() {
        let strings = Strings::default();
        let record = Record { suspended: Some(false), ..Record::default() };
        let subject = Subject { kind: "Gizmo", record: &record, strings: &strings };
        assert_eq!((suspend::SPEC.offered)(&subject), Offer::Yes);
        assert!(suspend::SPEC.rights.iter().any(|r| r.resource == "gizmos" && r.group == "gizmo.toolkit.fluxcd.io"));
        let steps = of_gizmo(&suspend::SPEC).steps;
        assert!(steps.iter().any(|step| step.twin.starts_with("flux suspend gizmo g -n shop")), "{steps:#?}");
    }

    #[test]
    fn alerts_about_a_kind_are_silenced_by_the_label_that_its_row_names() {
        let twin = of_gizmo(&silence::SPEC).steps[0].twin.clone();
        assert!(twin.contains(r#"'namespace="shop"' 'gizmo="g"'"#), "{twin}");
    }

    #[test]
    fn nothing_that_is_never_offered_is_in_the_list() {
        for word in ["uninstall", "unseal", "secret"] {
            assert!(ACTIONS.iter().all(|a| !a.name.contains(word)), "{word}");
        }
        let secrets = ACTIONS.iter().flat_map(|a| a.rights).filter(|r| r.resource.starts_with("secrets"));
        assert_eq!(secrets.count(), 0);
    }
}
