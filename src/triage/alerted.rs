//! Which alerts are about an object: those whose labels name it or one of its pods, and those that it explains. An alert
//! that merely is of its namespace is not.

use std::collections::HashSet;

use super::{Subject, Triage};
use crate::domain::record::Relation;
use crate::kinds;
use crate::kinds::alerts::{Confidence, State};
use crate::store::table::Row;
use crate::store::{RowId, Store};

/// The alerts that are known now, without broken rules and silent watchdogs.
pub fn all(store: &Store) -> impl Iterator<Item = (RowId, &Row)> {
    let kind = kinds::ALERT;
    let rows = store.table(kind).iter().map(move |(slot, row)| (RowId { kind, slot }, row));
    rows.filter(|(_, row)| !matches!(State::of(&row.record, &store.strings), State::BrokenRule | State::NotFiring))
}

/// The kind of object that an alert is about, where its labels name one.
pub fn kind_of<'s>(store: &'s Store, row: &Row) -> Option<&'s str> {
    let kinds = row.record.links.iter().filter(|link| link.relation == Relation::About);
    let mut kinds = kinds.map(|link| store.strings.get(link.kind));
    kinds.find(|kind| *kind != kinds::name(kinds::SILENCE))
}

/// Those that are about the object.
pub fn about<'s>(store: &'s Store, triage: &Triage, id: RowId) -> Vec<&'s Row> {
    let Some(target) = store.row(id) else { return Vec::new() };
    let (kind, record) = (kinds::spec(id.kind).name, &target.record);
    let text = |sym| store.strings.get(sym);
    let pods = pods(store, id);
    let names = |row: &Row| {
        row.record.links.iter().filter(|link| link.relation == Relation::About).any(|link| {
            let is_it =
                text(link.kind) == kind && link.namespace == record.namespace && text(link.name) == &*record.name;
            is_it
                || (text(link.kind) == kinds::name(kinds::POD)
                    && link.namespace == record.namespace
                    && pods.contains(text(link.name)))
        })
    };
    let explains = |alert: RowId| {
        let known =
            triage.chain(Subject::Row(alert)).into_iter().take_while(|step| step.confidence != Confidence::Namespace);
        known.into_iter().any(|step| triage.object(store, step.root) == Some(id))
    };
    // what it explains may be an alert about another of its kind, which has an owner of its own
    let names_another = |row: &Row| {
        let about = row.record.links.iter().filter(|link| link.relation == Relation::About);
        let mut others = about.filter(|link| text(link.kind) == kind);
        others.any(|link| link.namespace != record.namespace || text(link.name) != &*record.name)
    };
    let is_about = |alert: RowId, row: &Row| names(row) || (explains(alert) && !names_another(row));
    all(store).filter(|(alert, row)| *alert != id && is_about(*alert, row)).map(|(_, row)| row).collect()
}

/// The names of its pods, as far as they are known.
fn pods(store: &Store, id: RowId) -> HashSet<&str> {
    of_pods(store, id).filter(|(_, is_own)| *is_own).map(|(name, _)| name).collect()
}

/// Whether pods of others in its namespace begin with its name, too.
pub fn shares_its_name(store: &Store, id: RowId) -> bool {
    let name = store.row(id).map_or("", |row| &*row.record.name);
    of_pods(store, id).any(|(pod, is_own)| !is_own && pod.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')))
}

/// The pods of its namespace, and whether they are its own.
fn of_pods(store: &Store, id: RowId) -> impl Iterator<Item = (&str, bool)> {
    let target = store.row(id).map(|row| &row.record);
    let kind = kinds::spec(id.kind).name;
    let pods = store.table(kinds::POD).iter().map(|(_, row)| &row.record);
    pods.filter_map(move |pod| {
        let target = target.filter(|target| target.namespace == pod.namespace)?;
        let own = pod.link(Relation::Owner).is_some_and(|owner| {
            store.strings.get(owner.kind) == kind && store.strings.get(owner.name) == &*target.name
        });
        Some((&*pod.name, own))
    })
}
