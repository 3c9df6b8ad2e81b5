//! The kinds: one file and one row each. A kind reads its wire form into a record and judges records; it does no
//! I/O and knows no screen.

pub mod acme;
pub mod alerts;
pub mod artifact_generators;
pub mod autoscalers;
pub mod backup_storage_locations;
pub mod backups;
pub mod buckets;
pub mod certificate_requests;
pub mod certificates;
pub mod challenges;
pub mod cluster_issuers;
pub mod cluster_policy_reports;
pub mod cluster_secret_stores;
pub mod column;
pub mod cron;
pub mod cron_calendar;
pub mod daemon_sets;
pub mod deployments;
pub mod ending;
pub mod external_artifacts;
pub mod external_secrets;
pub mod flux;
pub mod flux_history;
pub mod flux_judge;
#[cfg(test)]
mod fuzz;
pub mod git_repositories;
pub mod guardrails;
pub mod helm_charts;
pub mod helm_releases;
pub mod helm_repositories;
pub mod ingresses;
pub mod issuer_ref;
pub mod issuers;
pub mod jobs;
pub mod joined;
pub mod kustomizations;
pub mod nodes;
pub mod oci_repositories;
pub mod orders;
pub mod persistent_volume_claims;
pub mod pod_disruption_budgets;
pub mod pod_needs;
pub mod pods;
pub mod policy_reports;
pub mod probes;
pub mod readiness;
pub mod refusals;
pub mod replica_sets;
pub mod resource_quotas;
pub mod resource_sets;
pub mod restores;
pub mod schedules;
pub mod seals;
pub mod secret_stores;
pub mod silences;
pub mod sources;
pub mod stateful_sets;
pub mod suspender;
#[cfg(test)]
pub(crate) mod testing;
pub mod unwatched;
pub mod velero;
pub mod window;
pub mod wire;
pub mod workload;

use serde::de::DeserializeOwned;

use crate::domain::ages::Time;
use crate::domain::change::Bad;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{KindId, Record, Uid, clean};
use crate::domain::thresholds::Thresholds;
use column::Column;
use wire::{Meta, Object, Versioned};

/// Every kind, in the order of the palette and of `:feeds`.
pub static KINDS: &[KindSpec] = &[
    pods::SPEC,
    nodes::SPEC,
    alerts::SPEC,
    seals::SPEC,
    helm_releases::SPEC,
    kustomizations::SPEC,
    certificates::SPEC,
    backups::SPEC,
    schedules::SPEC,
    git_repositories::SPEC,
    helm_repositories::SPEC,
    oci_repositories::SPEC,
    buckets::SPEC,
    helm_charts::SPEC,
    external_artifacts::SPEC,
    artifact_generators::SPEC,
    issuers::SPEC,
    cluster_issuers::SPEC,
    certificate_requests::SPEC,
    orders::SPEC,
    challenges::SPEC,
    backup_storage_locations::SPEC,
    restores::SPEC,
    silences::SPEC,
    deployments::SPEC,
    stateful_sets::SPEC,
    daemon_sets::SPEC,
    jobs::SPEC,
    persistent_volume_claims::SPEC,
    resource_quotas::SPEC,
    ingresses::SPEC,
    external_secrets::SPEC,
    secret_stores::SPEC,
    cluster_secret_stores::SPEC,
    replica_sets::SPEC,
    refusals::SPEC,
    pod_disruption_budgets::SPEC,
    autoscalers::SPEC,
    resource_sets::SPEC,
    policy_reports::SPEC,
    cluster_policy_reports::SPEC,
    probes::SPEC,
    guardrails::SPEC,
];

/// A kind of object of the Kubernetes API.
pub trait Kind {
    type Spec: DeserializeOwned + Default;
    type Status: DeserializeOwned + Default;

    /// Sanitises and interns everything that is kept.
    fn read(object: &Object<Self::Spec, Self::Status>, intern: &mut Interner) -> Record;
}

/// One row of the list of kinds.
#[derive(Debug)]
pub struct KindSpec {
    /// The API's kind: `HelmRelease`.
    pub name: &'static str,
    /// The word after `:` and `-c`.
    pub word: &'static str,
    /// Other words for it: k9s' and kubectl's short names.
    pub aliases: &'static [&'static str],
    /// Title of its table: `HelmReleases`.
    pub title: &'static str,
    pub api: Api,
    pub columns: &'static [Column],
    /// What an operator is blind to when its feed is down.
    pub blinds: &'static str,
    pub judge: Judge,
    /// Its feed starts when its table or an object of it is first opened: many objects that are seldom looked at.
    pub lazy: bool,
}

/// Where a kind's objects come from.
#[derive(Debug, Clone, Copy)]
pub enum Api {
    /// list and watch; `versions` are preferred first, chosen by discovery.
    Watch {
        group: &'static str,
        versions: &'static [&'static str],
        plural: &'static str,
        namespaced: bool,
        decode: Decode,
    },
    /// A service that is asked every now and then.
    Poll(Service),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Alerts: Prometheus joined with Alertmanager.
    Alerts,
    /// Alertmanager's silences.
    Silences,
    /// OpenBao's seal status, replica by replica.
    Seals,
    /// Health endpoints of the profiles that are on.
    Probes,
    /// Guardrails of the profiles that are on; they come with the alerts.
    Guardrails,
}

/// Reads one object of a list or a watch, given as its JSON text.
pub type Decode = fn(&str, &mut Interner) -> Decoded;

/// Judges one record at one moment.
pub type Judge = fn(&Record, &Strings, &Thresholds, Time) -> Judgement;

/// What became of one object on the wire.
#[derive(Debug)]
pub struct Decoded {
    /// `metadata.resourceVersion`, which resuming a watch needs.
    pub version: String,
    pub record: Result<Record, Bad>,
}

/// The decoder of a kind.
pub fn decode<K: Kind>(json: &str, intern: &mut Interner) -> Decoded {
    decode_with(json, intern, |object: &Object<K::Spec, K::Status>, intern| K::read(object, intern))
}

/// Decodes with whichever reading of the metadata a kind wants, or whichever fields stand beside the metadata.
fn decode_with<O: Versioned + DeserializeOwned>(
    json: &str,
    intern: &mut Interner,
    read: impl FnOnce(&O, &mut Interner) -> Record,
) -> Decoded {
    #[cfg(test)]
    fuzz::ask::<O>();
    match serde_json::from_str::<O>(json) {
        Ok(object) => Decoded { version: object.version().to_owned(), record: Ok(read(&object, intern)) },
        Err(error) => unreadable(&wire::Identity::of(json), &error.to_string(), intern),
    }
}

/// An object that is there and cannot be decoded: a row that says so, where it can be told from others.
fn unreadable(object: &wire::Identity, why: &str, intern: &mut Interner) -> Decoded {
    let version = object.resource_version.to_string();
    if object.uid.is_empty() || object.name.is_empty() {
        let bad = Bad { name: clean(&object.told()), error: clean(why) };
        return Decoded { version, record: Err(bad) };
    }
    let record = Record {
        uid: Uid::of(&object.uid),
        name: clean(&object.name),
        namespace: intern.get(&object.namespace),
        created: Time::parse(&object.creation_timestamp).unwrap_or_default(),
        health: Health::Unknown,
        status: intern.get("Unreadable"),
        note: clean(&format!("cannot be read: {why}")),
        unreadable: true,
        ..Record::default()
    };
    Decoded { version, record: Ok(record) }
}

/// The record's fields that every kind of the API fills in the same way.
pub fn base<M>(meta: &Meta<M>, intern: &mut Interner) -> Record {
    Record {
        uid: meta.id(),
        name: clean(&meta.name),
        namespace: intern.get(&meta.namespace),
        created: meta.created(),
        ..Record::default()
    }
}

pub fn spec(id: KindId) -> &'static KindSpec {
    &KINDS[id.0 as usize]
}

/// All row numbers.
pub fn ids() -> impl Iterator<Item = KindId> {
    (0..KINDS.len()).filter_map(|i| u8::try_from(i).ok()).map(KindId)
}

/// What is asked for of a kind, where that is not all of it: a field selector.
pub fn selector(id: KindId) -> Option<&'static str> {
    (spec(id).name == refusals::SPEC.name).then_some(refusals::SELECTOR)
}

/// The row of an API kind: `HelmRelease`.
pub fn by_name(name: &str) -> Option<KindId> {
    ids().find(|id| spec(*id).name == name)
}

impl KindSpec {
    /// The word for one object of it where room is short: `pod`, `hr`, `cert`. It can be typed after `:`.
    pub fn short(&self) -> &'static str {
        let one = self.word.strip_suffix('s').filter(|word| word.len() > 2).unwrap_or(self.word);
        // longer than its name needs to be: a shorter word that is typed for it
        let shortest = self.aliases.iter().copied().filter(|word| word.len() < one.len()).min_by_key(|word| word.len());
        if one.len() > 9 { shortest.unwrap_or(one) } else { one }
    }
}

/// The row of a word after `:` or `-c`, in any of its spellings.
pub fn by_word(word: &str) -> Option<KindId> {
    let word = word.to_ascii_lowercase();
    ids().find(|id| {
        let row = spec(*id);
        row.word == word || row.name.eq_ignore_ascii_case(&word) || row.aliases.contains(&&*word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_word_and_columns_are_sane() {
        let mut seen = std::collections::HashSet::new();
        for row in KINDS {
            for word in std::iter::once(&row.word).chain(row.aliases) {
                assert!(seen.insert(*word), "{word} names two kinds");
            }
            assert!(seen.insert(row.name), "{} names two kinds", row.name);
            let mut titles = std::collections::HashSet::new();
            for column in row.columns {
                assert!(titles.insert(column.title), "{}: column {} twice", row.name, column.title);
                assert!(column.min <= column.max, "{}: {}", row.name, column.title);
            }
            assert!(row.columns.iter().any(|c| c.title == "NAME"), "{} has no NAME", row.name);
        }
    }
}
