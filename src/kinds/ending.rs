//! Objects in deletion, and the labels that say who manages an object: alike for every custom resource.

use std::borrow::Cow;

use super::wire::{Meta, Text};
use super::{Api, by_name, spec};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Sym};
use crate::domain::record::{Link, Record, Relation, clean};
use crate::domain::thresholds::Thresholds;

/// Makes `record` a terminating one if deletion was requested, and returns when that was.
pub fn mark<M>(record: &mut Record, meta: &Meta<M>, intern: &mut Interner) -> Option<Time> {
    let deleted = meta.deleted()?;
    record.health = Health::Terminating;
    record.status = intern.get("Terminating");
    let names: Vec<&str> = meta.finalizers.iter().map(|f: &Text| &**f).collect();
    record.note = if names.is_empty() { Box::default() } else { clean(&format!("waits for {}", names.join(", "))) };
    Some(deleted)
}

/// Terminating is expected for a while; after that somebody must look at the finalizers.
pub fn judge(record: &Record, since: Option<Time>, thresholds: &Thresholds, now: Time) -> Judgement {
    let since = since.unwrap_or(record.created);
    let ends = since.plus(thresholds.terminating);
    if now < ends {
        return Judgement::of(Health::Terminating).again_at(ends);
    }
    let why = because("stuck terminating", &record.note);
    Judgement::of(Health::Warning).with(Finding::new(Severity::P3, Some(since), why))
}

/// A state that lasts longer than `grace` is a finding, and no longer in progress: `judged` is what it is until then.
pub fn after(judged: Judgement, since: Time, grace: i64, severity: Severity, why: String, now: Time) -> Judgement {
    let ends = since.plus(grace);
    if now < ends {
        return judged.again_at(ends);
    }
    let health = if judged.health == Health::Progressing { Health::Warning } else { judged.health };
    Judgement { health, ..judged }.with(Finding::new(severity, Some(since).filter(|t| t.is_set()), why))
}

/// `what: note`, or `what` alone.
pub fn because(what: &str, note: &str) -> String {
    if note.is_empty() { what.to_owned() } else { format!("{what}: {note}") }
}

/// `UpgradeFailed` as `upgrade failed`, `InvalidCELExpression` as `invalid cel expression`.
pub fn words(reason: &str) -> String {
    let mut out = String::with_capacity(reason.len() + 4);
    let mut chars = reason.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let begins = before.is_lowercase() || chars.peek().is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && before != ' ' && begins {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
        before = c;
    }
    out
}

const MANAGERS: [(&str, &str, &str); 3] = [
    ("HelmRelease", "helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"),
    ("Kustomization", "kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"),
    ("ResourceSet", "resourceset.fluxcd.controlplane.io/name", "resourceset.fluxcd.controlplane.io/namespace"),
];

/// The Flux objects that manage this one, by its labels. The root Kustomization manages itself: that one is left out.
pub fn managers<M>(kind: &str, meta: &Meta<M>, intern: &mut Interner) -> Vec<Link> {
    let mut links = Vec::new();
    for (manager, name, space) in MANAGERS {
        let (Some(name), Some(space)) = (meta.labels.get(name), meta.labels.get(space)) else { continue };
        if manager != kind || name != &*meta.name || space != &*meta.namespace {
            links.push(link(Relation::ManagedBy, manager, space, name, intern));
        }
    }
    links
}

/// The group of an `apiVersion`: none where that is not given, the empty text for the core group.
pub fn group(api_version: &str) -> Option<&str> {
    match api_version.split_once('/') {
        Some((group, _)) => Some(group),
        None => (!api_version.is_empty()).then_some(""),
    }
}

/// A kind as links name it: a word of its own for each group, so that objects of two groups that share kind and name
/// are never taken for each other. Without its group it is the kind that is read here.
pub fn qualified<'a>(kind: &'a str, group: Option<&str>) -> Cow<'a, str> {
    let (Some(group), Some(known)) = (group, by_name(kind)) else { return kind.into() };
    match spec(known).api {
        Api::Watch { group: ours, .. } if ours != group => {
            let group = if group.is_empty() { "core" } else { group };
            format!("{kind}.{group}").into()
        }
        _ => kind.into(),
    }
}

/// A link to the controlling owner.
pub fn owner<M>(meta: &Meta<M>, intern: &mut Interner) -> Option<Link> {
    let owner = meta.controller()?;
    let kind = qualified(&owner.kind, group(&owner.api_version));
    Some(link(Relation::Owner, &kind, &meta.namespace, &owner.name, intern))
}

/// A link whose parts come from the wire.
pub fn link(relation: Relation, kind: &str, namespace: &str, name: &str, intern: &mut Interner) -> Link {
    Link { relation, kind: intern.get(kind), namespace: intern.get(namespace), name: intern.get(name) }
}

/// `namespace/name`, or the name alone inside `home`.
pub fn short(link: &Link, home: Sym, intern: &Interner) -> String {
    match intern.text(link.namespace) {
        "" => intern.text(link.name).to_owned(),
        _ if link.namespace == home => intern.text(link.name).to_owned(),
        namespace => format!("{namespace}/{}", intern.text(link.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::ours("StatefulSet", "apps/v1", "StatefulSet")]
    #[case::older("StatefulSet", "apps/v1beta2", "StatefulSet")]
    #[case::not_told("StatefulSet", "", "StatefulSet")]
    #[case::of_others("StatefulSet", "apps.kruise.io/v1beta1", "StatefulSet.apps.kruise.io")]
    #[case::core("Pod", "v1", "Pod")]
    #[case::not_core("Deployment", "v1", "Deployment.core")]
    #[case::not_read_here("Rollout", "argoproj.io/v1alpha1", "Rollout")]
    fn a_kind_of_another_group_has_a_word_of_its_own(#[case] kind: &str, #[case] version: &str, #[case] word: &str) {
        assert_eq!(qualified(kind, group(version)), word);
    }

    #[rstest]
    #[case("UpgradeFailed", "upgrade failed")]
    #[case("InvalidCELExpression", "invalid cel expression")]
    #[case("GitOperationFailed", "git operation failed")]
    #[case("OCIArtifactPullFailed", "oci artifact pull failed")]
    #[case("", "")]
    #[case("äÖ", "ä ö")]
    fn reasons_are_told_in_words(#[case] reason: &str, #[case] expected: &str) {
        assert_eq!(words(reason), expected);
    }
}
