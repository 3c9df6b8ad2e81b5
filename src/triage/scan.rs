//! What a rule may look at. Every name that it asks for is noted, so that the subject is explained again when something
//! with that name comes, changes or goes. Read only.

use std::cell::RefCell;

use super::Settings;
use super::graph::{GroupState, Groups};
use super::judged::Judged;
use super::names::{Code, Names};
use super::node::{Group, GroupId, RuleId, Subject};
use crate::domain::ages::Time;
use crate::domain::finding::Finding;
use crate::domain::health::Health;
use crate::domain::interner::Sym;
use crate::domain::record::{Link, Record, Relation};
use crate::kinds::{self, alerts::Confidence, helm_releases};
use crate::store::{RowId, Store};

#[derive(Debug)]
pub struct Scan<'a> {
    pub store: &'a Store,
    pub settings: &'a Settings<'a>,
    pub now: Time,
    pub(super) judged: &'a Judged,
    pub(super) names: &'a Names,
    pub(super) groups: &'a Groups,
    pub(super) asked: RefCell<Vec<Code>>,
}

impl<'a> Scan<'a> {
    pub fn text(&self, sym: Sym) -> &'a str {
        self.store.strings.get(sym)
    }

    pub fn record(&self, id: RowId) -> Option<&'a Record> {
        Some(&self.store.row(id)?.record)
    }

    pub fn kind(&self, id: RowId) -> &'static str {
        kinds::spec(id.kind).name
    }

    pub fn health(&self, id: RowId) -> Health {
        self.store.row(id).map(|row| row.health).unwrap_or_default()
    }

    pub fn namespace(&self, record: &Record) -> &'a str {
        self.store.strings.get(record.namespace)
    }

    /// What is wrong with a row, even within its grace: a reason need not have lasted.
    pub fn finding(&self, id: RowId) -> Option<&'a Finding> {
        self.judged.wrong(id)
    }

    /// The finding of a row that counts by itself.
    pub fn counts(&self, id: RowId) -> Option<&'a Finding> {
        self.judged.first(id)
    }

    /// When it began, as far as is known.
    pub fn since(&self, subject: Subject) -> Option<Time> {
        match subject {
            Subject::Row(id) => self.finding(id)?.since,
            Subject::Group(id) => self.group(id)?.members.iter().filter_map(|m| self.since(*m)).min(),
            _ => None,
        }
    }

    /// Whether `later` did not begin before `earlier`, give or take `slack` seconds. What does not say when it began
    /// might have begun at any time.
    pub fn follows(&self, later: Option<Time>, earlier: Option<Time>, slack: i64) -> bool {
        match (later, earlier) {
            (Some(later), Some(earlier)) => later.plus(slack) >= earlier,
            _ => true,
        }
    }

    /// The row of a name, if it is known.
    pub fn named(&self, kind: &str, namespace: &str, name: &str) -> Option<RowId> {
        let code = Code::of(kind, namespace, name);
        self.asked.borrow_mut().push(code);
        let id = self.names.get(code)?;
        self.store.row(id).map(|_| id)
    }

    /// All rows of a kind that is listed for it in `names.rs`; the subject is explained again whenever one of
    /// them comes, changes or goes.
    pub fn all(&self, kind: &str) -> impl Iterator<Item = (RowId, &'a Record)> + use<'a> {
        self.asked.borrow_mut().push(Code::any(kind));
        let store = self.store;
        kinds::by_name(kind)
            .into_iter()
            .flat_map(move |kind| store.table(kind).iter().map(move |(slot, row)| (RowId { kind, slot }, &row.record)))
    }

    /// The row at the other end of a link.
    pub fn at(&self, link: &Link) -> Option<RowId> {
        self.named(self.text(link.kind), self.text(link.namespace), self.text(link.name))
    }

    /// The rows at the other ends of a record's links of one relation.
    pub fn linked(&self, record: &'a Record, relation: Relation) -> impl Iterator<Item = RowId> + '_ {
        record.links.iter().filter(move |l| l.relation == relation).filter_map(|l| self.at(l))
    }

    pub fn group(&self, id: GroupId) -> Option<&'a GroupState> {
        self.groups.get(id)
    }

    /// The unhealthy pods of an owner, by name.
    pub fn failing_pods(&self, kind: &str, namespace: &str, name: &str) -> Vec<(RowId, &'a Record)> {
        let code = Code::pods_of(kind, namespace, name);
        self.asked.borrow_mut().push(code);
        let mut pods: Vec<_> = self.names.pods(code).iter().filter_map(|id| Some((*id, self.record(*id)?))).collect();
        pods.sort_unstable_by_key(|(_, pod)| &pod.name);
        pods
    }

    /// A group that a rule has made already.
    pub fn existing(&self, rule: RuleId, group: &Group) -> Option<GroupId> {
        self.asked.borrow_mut().push(Groups::code(group));
        self.groups.find(rule, group)
    }

    /// What an object says is wrong with it, in the words of its condition or of an event.
    pub fn said(&self, id: RowId) -> [&'a str; 2] {
        let note = self.record(id).map_or("", |record| &record.note);
        [note, self.finding(id).map_or("", |finding| &finding.why)]
    }

    /// The groups that are about one object.
    pub fn groups_about(&self, kind: &str, namespace: &str, name: &str) -> &'a [GroupId] {
        let code = Code::of(kind, namespace, name);
        self.asked.borrow_mut().push(code);
        self.groups.about(code)
    }

    /// The subjects that asked for this row's name when they were explained: its possible symptoms.
    pub fn askers(&self, record: &Record, kind: &str) -> &'a [Subject] {
        self.groups.askers(Code::of(kind, self.namespace(record), &record.name))
    }

    /// The name of a rule.
    pub fn rule(&self, id: RuleId) -> &'static str {
        super::rules::spec(id).name
    }

    /// Whether a row is of a core component: by where a release installs, else by where the object is.
    pub fn is_core(&self, id: RowId) -> bool {
        let Some(record) = self.record(id) else { return false };
        let target = match id.kind {
            kinds::HELM_RELEASE => record.text(helm_releases::TARGET, &self.store.strings),
            _ => "",
        };
        let namespace = if target.is_empty() { self.namespace(record) } else { target };
        self.settings.core.iter().any(|core| core == namespace)
    }

    /// Kind and name of a subject, for people: `Deployment shop/cart`.
    pub fn told(&self, subject: Subject) -> String {
        match subject {
            Subject::Row(id) => {
                let name = self.record(id).map(|r| r.full_name(&self.store.strings)).unwrap_or_default();
                format!("{} {name}", self.kind(id))
            }
            Subject::Group(id) => self.group(id).map_or_else(String::new, |g| g.group.told()),
            Subject::Feed(kind) => format!("Feed {}", kinds::spec(kind).title),
            Subject::Plan(_) => "Plan".to_owned(),
            Subject::Cluster => "Cluster".to_owned(),
        }
    }
}

/// What a rule points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Row(RowId),
    Group(GroupId),
    /// A group that need not be there yet.
    New(Group),
}

/// What the rules say of one subject, the first rule first.
#[derive(Debug, Default)]
pub struct Claims {
    pub(super) rule: Option<RuleId>,
    pub(super) out: Vec<(Target, RuleId, Confidence, Box<str>)>,
}

impl Claims {
    /// Whether an earlier rule named a reason that is a failure itself.
    pub fn hold(&self, scan: &Scan<'_>) -> bool {
        self.out.iter().any(|(target, ..)| match target {
            Target::Row(id) => scan.finding(*id).is_some_and(|f| !f.muted),
            Target::Group(id) => scan.group(*id).and_then(|g| g.finding.as_ref()).is_some_and(|f| !f.muted),
            Target::New(_) => false,
        })
    }

    pub fn add(&mut self, root: Target, confidence: Confidence, because: impl Into<Box<str>>) {
        if let Some(rule) = self.rule {
            self.out.push((root, rule, confidence, because.into()));
        }
    }

    pub fn row(&mut self, root: RowId, confidence: Confidence, because: impl Into<Box<str>>) {
        self.add(Target::Row(root), confidence, because);
    }
}
