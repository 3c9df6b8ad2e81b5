//! What the row of a kind says: its names, where its objects come from, how they are read and judged, and everything
//! that the rest of the program has to know of a kind. Nothing else decides by the name of a kind.

use serde::de::DeserializeOwned;

use super::column::Column;
use super::wire::{self, Meta, Object, Versioned};
use crate::domain::ages::Time;
use crate::domain::change::Bad;
use crate::domain::finding::Judgement;
use crate::domain::health::Health;
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Record, Uid, clean};
use crate::domain::thresholds::Thresholds;

/// A kind of object of the Kubernetes API.
pub trait Kind {
    type Spec: DeserializeOwned + Default;
    type Status: DeserializeOwned + Default;

    /// Sanitises and interns everything that is kept.
    fn read(object: &Object<Self::Spec, Self::Status>, intern: &mut Interner) -> Record;
}

/// One row of the list of kinds.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
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
    /// What an operator cannot see when its feed is down.
    pub blinds: &'static str,
    pub judge: Judge,
    /// Its feed starts when its table or an object of it is first opened: many objects that are seldom looked at.
    pub lazy: bool,
    /// A field selector, where only some objects of the kind are needed; empty: all of them.
    pub selector: &'static str,
    /// Its path in the API is the same on every server: it can be asked for before discovery has answered.
    pub fixed: bool,
    /// What an operator does about it, in words; empty: there is no guide.
    pub guide: &'static str,
    pub family: Family,
    /// The controller without which nothing handles its objects.
    pub controller: Option<&'static Controller>,
    /// What suspends, pauses or disables it, and resumes it.
    pub switch: Option<&'static Switch>,
    /// How alerts name an object of it.
    pub alarm: Alarm,
    /// What the timeline notes of its rows.
    pub tells: Tells,
    /// The question of the health check that is answered by counting it; empty: none, or one with a check of its own.
    pub counted_as: &'static str,
    /// Kinds whose objects name one of these as their owner, and are shown below it.
    pub owns: &'static [&'static str],
    /// There are many objects, and others refer to one only when it has a finding.
    pub crowd: bool,
    /// Some rule asks for any object of it.
    pub asked_whole: bool,
    /// The cell with the name of the Secret that its object makes, which others wait for.
    pub makes_secret: Option<u8>,
}

impl KindSpec {
    /// The default of each field of a row.
    pub const BASE: Self = Self {
        name: "",
        word: "",
        aliases: &[],
        title: "",
        api: Api::Poll(Service::Alerts),
        columns: &[],
        blinds: "",
        judge: |_, _, _, _| Judgement::default(),
        lazy: false,
        selector: "",
        fixed: false,
        guide: "",
        family: Family::Alone,
        controller: None,
        switch: None,
        alarm: Alarm::Unnamed,
        tells: Tells::Nothing,
        counted_as: "",
        owns: &[],
        crowd: false,
        asked_whole: false,
        makes_secret: None,
    };

    /// Whether Flux reconciles it.
    pub const fn is_flux(&self) -> bool {
        matches!(self.family, Family::FluxSource | Family::FluxApplier)
    }
}

/// Kinds that are looked at together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// It belongs to no family.
    Alone,
    /// Flux fetches it, or makes it from others.
    FluxSource,
    /// Flux applies the content of sources to the cluster.
    FluxApplier,
    /// Keeps pods running: Deployment, StatefulSet, DaemonSet.
    Workload,
    /// Owns pods for another object, or until they have ended: ReplicaSet, Job.
    PodOwner,
    /// Issues certificates: Issuer, `ClusterIssuer`.
    Issuer,
    /// The steps of an issuance: `CertificateRequest`, Order, Challenge.
    Issuance,
    /// Where External Secrets reads from: `SecretStore`, `ClusterSecretStore`.
    SecretStore,
    /// Results of policies: `PolicyReport`, `ClusterPolicyReport`.
    PolicyReport,
}

/// A workload that handles the objects of some kinds. It is recognised by the ending of its Deployment's name, so that
/// a release's prefix does not matter; the names are those of the published manifests and charts.
#[derive(Debug, PartialEq, Eq)]
pub struct Controller {
    pub name: &'static str,
    /// What nothing handles without it, in words.
    pub serves: &'static str,
    /// The namespace in which the manifests put it.
    pub home: &'static str,
}

/// What suspends and resumes an object.
#[derive(Debug, PartialEq, Eq)]
pub struct Switch {
    /// Where it is in the object, as a JSON pointer.
    pub pointer: &'static str,
    /// As people write it.
    pub told: &'static str,
    /// Where its owner is in a field set of `managedFields`.
    pub owned: &'static str,
    /// The annotation that says `enabled` or `disabled`, where it is not in the spec.
    pub annotation: Option<&'static str>,
    /// The subcommand of the platform's official tool for the kind: `source git`. Empty: there is none.
    pub noun: &'static [&'static str],
}

/// How alerts of the usual exporters name an object of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// By no known label. A silence of one such object is refused, never widened.
    Unnamed,
    /// By this label, whether any alert fires now or not.
    By(&'static str),
    /// By this label, where there are such alerts at all: many installations have none.
    Perhaps(&'static str),
}

impl Alarm {
    pub fn label(self) -> Option<&'static str> {
        match self {
            Self::Unnamed => None,
            Self::By(label) | Self::Perhaps(label) => Some(label),
        }
    }
}

/// What the timeline notes of the rows of a kind. A suspension is noted for all but [`Tells::Nothing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// Nothing: pods, similar kinds, and what is judged alone.
    Nothing,
    /// The revision that Flux brought in.
    Revision,
    /// The number of a rollout.
    Rollout,
    /// That a node went or came back.
    Node,
    Seal,
    Silence,
    /// That somebody suspends or resumes it; Flux objects say in a cell who that was.
    Switch {
        by: Option<u8>,
    },
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
    /// A service that is polled.
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

/// The result of decoding one object.
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

/// Decodes with whichever type of the metadata a kind needs, or with its own fields next to the metadata.
pub(super) fn decode_with<O: Versioned + DeserializeOwned>(
    json: &str,
    intern: &mut Interner,
    read: impl FnOnce(&O, &mut Interner) -> Record,
) -> Decoded {
    #[cfg(test)]
    super::fuzz::ask::<O>();
    match serde_json::from_str::<O>(json) {
        Ok(object) => Decoded { version: object.version().to_owned(), record: Ok(read(&object, intern)) },
        Err(error) => unreadable(&wire::Identity::of(json), &error.to_string(), intern),
    }
}

/// An object that is there and cannot be decoded: a row that says so, where it can be distinguished from others.
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

impl KindSpec {
    /// The word for one object of it where there is little room: `pod`, `hr`, `cert`. It can be typed after `:`.
    pub fn short(&self) -> &'static str {
        let one = self.word.strip_suffix('s').filter(|word| word.len() > 2).unwrap_or(self.word);
        // longer than its name needs to be: a shorter word that is typed for it
        let shortest = self.aliases.iter().copied().filter(|word| word.len() < one.len()).min_by_key(|word| word.len());
        if one.len() > 9 { shortest.unwrap_or(one) } else { one }
    }
}
