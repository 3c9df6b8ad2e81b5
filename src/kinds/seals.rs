//! OpenBao and Vault, replica by replica: sealed, standby, active, uninitialised and unreachable are five different
//! words. One record per replica and one for each cluster, which carries the quorum.

use super::column::{Column, Field, Show};
use super::{Alarm, Api, KindSpec, Service, Tells};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Link, Record, Relation, Uid, clean};
use crate::domain::thresholds::Thresholds;

/// `shamir`, or an auto-unseal mechanism.
pub const TYPE: u8 = 0;
/// Unseal keys given and needed; for a cluster, unsealed replicas and all.
pub const PROGRESS: u8 = 1;
/// Key shares that exist.
pub const SHARES: u8 = 2;
pub const VERSION: u8 = 3;
/// `asked` or `labels`.
pub const SOURCE: u8 = 4;
pub const STORAGE: u8 = 5;
/// The name that the cluster gives itself, else that of its release.
pub const CLUSTER: u8 = 6;
/// The record of a cluster, not of a replica.
pub const IS_CLUSTER: u8 = 7;
/// The severity of a cluster's state, 1 to 4; 0 is none.
pub const GRAVITY: u8 = 8;
/// In a seal migration: keys go in with `-migrate`.
pub const MIGRATES: u8 = 9;
/// The release of a replica or a cluster: it groups them, whatever name the cluster gives itself.
pub const RELEASE: u8 = 10;

/// The word for a cluster that serves no requests.
pub const LOST: &str = "quorum lost";

pub const SPEC: KindSpec = KindSpec {
    name: "Seal",
    word: "seals",
    aliases: &["bao", "openbao", "vault", "seal"],
    title: "Seals",
    api: Api::Poll(Service::Seals),
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 7, 20, 3),
        Column::new("NAME", Field::Name, 12, 40, 0),
        Column::new("STATE", Field::Status, 8, 18, 0),
        Column::new("TYPE", Field::Cell(TYPE), 6, 14, 4),
        Column::new("PROGRESS", Field::Ranked(progress, progress_rank), 8, 12, 2),
        Column::new("VERSION", Field::Cell(VERSION), 7, 12, 5),
        Column::new("SOURCE", Field::Cell(SOURCE), 6, 6, 3),
        Column::new("STORAGE", Field::Cell(STORAGE), 7, 10, 7),
        Column::new("CLUSTER", Field::Cell(CLUSTER), 7, 28, 8),
        Column::new("NOTE", Field::Note, 12, 90, 6),
    ],
    blinds: "OpenBao's seal state, quorum",
    judge,
    guide: include_str!("../../assets/guides/seal.txt"),
    alarm: Alarm::Perhaps("pod"),
    tells: Tells::Seal,
    asked_whole: true,
    ..KindSpec::BASE
};

/// The state of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum State {
    Active,
    Standby,
    /// A standby that cannot reach the active one: it serves no requests.
    CutOff,
    /// It was removed from its cluster.
    Removed,
    /// Unsealed, but it is not known whether it is active.
    Unsealed,
    Sealed,
    Uninitialised,
    /// It was asked and did not answer.
    Unreachable,
    /// It could not be asked, and its labels say nothing reliable.
    #[default]
    Unknown,
}

impl State {
    const ALL: [Self; 9] = [
        Self::Active,
        Self::Standby,
        Self::CutOff,
        Self::Removed,
        Self::Unsealed,
        Self::Sealed,
        Self::Uninitialised,
        Self::Unreachable,
        Self::Unknown,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::CutOff => "cut off",
            Self::Removed => "removed",
            Self::Unsealed => "unsealed",
            Self::Sealed => "sealed",
            Self::Uninitialised => "uninitialised",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }

    pub fn serves(self) -> bool {
        matches!(self, Self::Active | Self::Standby | Self::Unsealed)
    }

    /// The state of a replica's record.
    pub fn of(record: &Record, strings: &Strings) -> Self {
        let word = strings.get(record.status);
        Self::ALL.into_iter().find(|s| s.word() == word).unwrap_or_default()
    }
}

/// Where the state comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// The replica was asked itself.
    #[default]
    Asked,
    /// Pod labels: a hint that may be stale after a crash.
    Labels,
}

impl Source {
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Labels => "labels",
        }
    }
}

/// One replica as the source has read it; nothing in it is sanitised yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seal {
    pub uid: String,
    pub namespace: String,
    /// The pod's name, or the address of a replica that is given by URL.
    pub name: String,
    /// A pod of this name exists.
    pub is_pod: bool,
    /// The release that it belongs to.
    pub cluster: String,
    pub created: Option<Time>,
    pub state: State,
    pub source: Source,
    pub seal_type: String,
    pub progress: u16,
    pub threshold: u16,
    pub shares: u16,
    pub version: String,
    pub storage: String,
    pub cluster_name: String,
    /// In a seal migration.
    pub migrates: bool,
    /// Of a standby cluster for disaster recovery: it serves nobody, and that is its purpose.
    pub is_secondary: bool,
    /// What went wrong in asking, or what else is known.
    pub note: String,
}

/// The record of one replica.
pub fn read(seal: &Seal, intern: &mut Interner) -> Record {
    let mut links = Vec::new();
    if seal.is_pod {
        links.push(Link {
            relation: Relation::About,
            kind: intern.get("Pod"),
            namespace: intern.get(&seal.namespace),
            name: intern.get(&seal.name),
        });
    }
    let told = seal.threshold > 0;
    Record {
        unreadable: false,
        uid: Uid::of(&format!("seal {}", seal.uid)),
        name: clean(&seal.name),
        namespace: intern.get(&seal.namespace),
        created: seal.created.unwrap_or_default(),
        status: intern.get(seal.state.word()),
        health: match seal.state {
            State::Active | State::Standby => Health::Ok,
            State::Sealed | State::Unreachable | State::CutOff | State::Removed => Health::Failed,
            State::Uninitialised => Health::Warning,
            State::Unsealed | State::Unknown => Health::Unknown,
        },
        note: clean(&seal.note),
        cells: Box::new([
            Cell::text(&seal.seal_type, intern),
            if told { Cell::Ratio(seal.progress, seal.threshold) } else { Cell::None },
            if told { Cell::Int(i64::from(seal.shares)) } else { Cell::None },
            Cell::text(&seal.version, intern),
            Cell::text(seal.source.word(), intern),
            Cell::text(&seal.storage, intern),
            Cell::text(if seal.cluster_name.is_empty() { &seal.cluster } else { &seal.cluster_name }, intern),
            Cell::Flag(false),
            Cell::Int(0),
            Cell::Flag(seal.migrates),
            Cell::text(&seal.cluster, intern),
        ]),
        links: links.into(),
        suspended: None,
    }
}

/// The state of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Replicas that exist, or that a gap in their numbers shows to be missing.
    pub total: u16,
    pub unsealed: u16,
    pub active: u16,
    /// Replicas whose state is not known.
    pub unknown: u16,
    /// `quorum 3/3`, `degraded 2/3`, `quorum lost`, `quorum unknown`, `uninitialised`.
    pub word: String,
    pub why: String,
    pub health: Health,
    pub severity: Option<Severity>,
}

/// The state of the replicas of one cluster. Lost is said only when it is certain: a replica that could not be asked
/// may be healthy, and one that is cut off from the active one is unsealed and has its vote. Only raft needs more than
/// half of them; with any other storage one active replica is enough.
pub fn quorum(seals: &[&Seal]) -> Quorum {
    let count = |is: fn(State) -> bool| small(seals.iter().filter(|s| is(s.state)).count());
    let total = small(seals.len()).max(highest(seals));
    let unsealed = count(State::serves);
    let active = count(|s| s == State::Active);
    let unknown = count(|s| s == State::Unknown);
    let uninitialised = count(|s| s == State::Uninitialised);
    let need = total / 2 + 1;
    let mut out = Quorum {
        total,
        unsealed,
        active,
        unknown,
        word: String::new(),
        why: String::new(),
        health: Health::Ok,
        severity: None,
    };
    let mut say = |word: String, why: String, health, severity| {
        (out.word, out.why, out.health, out.severity) = (word, why, health, severity);
    };
    let sealed = count(|s| s == State::Sealed);
    let unreachable = count(|s| s == State::Unreachable);
    let cut_off = count(|s| s == State::CutOff);
    let is_raft = seals.iter().any(|s| s.storage == "raft") || seals.iter().all(|s| s.storage.is_empty());
    let votes = unsealed + cut_off;
    // an unsealed replica of unknown role may be the active one
    let maybe_active = active + unknown + count(|s| s == State::Unsealed);
    let listed = parts(&[
        (sealed, "sealed"),
        (unreachable, "unreachable"),
        (cut_off, "cut off"),
        (count(|s| s == State::Removed), "removed"),
        (uninitialised, "uninitialised"),
        (unknown, "unknown"),
        (total - small(seals.len()), "missing"),
    ]);
    let of_all = format!("{listed} of {total}");
    if total == 0 {
        say("quorum unknown".into(), "no replica".into(), Health::Unknown, Some(Severity::P3));
    } else if uninitialised == total {
        say("uninitialised".into(), "no replica is initialised".into(), Health::Warning, Some(Severity::P3));
    } else if is_raft && votes + unknown < need {
        say(LOST.into(), of_all, Health::Failed, Some(Severity::P1));
    } else if maybe_active == 0 {
        let why = if unsealed > 0 { "no replica is active".to_owned() } else { of_all };
        say(LOST.into(), why, Health::Failed, Some(Severity::P1));
    } else if unsealed == 0 || (is_raft && votes < need) {
        say("quorum unknown".into(), of_all, Health::Unknown, Some(Severity::P3));
    } else if active > 1 {
        let why = format!("{active} replicas say that they are active");
        say(format!("degraded {unsealed}/{total}"), why, Health::Warning, Some(Severity::P2));
    } else if unsealed < total && unsealed + unknown == total {
        say(format!("quorum {unsealed}/{total}"), of_all, Health::Unknown, Some(Severity::P4));
    } else if unsealed < total {
        let severity = if unsealed + unknown <= need { Severity::P2 } else { Severity::P3 };
        say(format!("degraded {unsealed}/{total}"), of_all, Health::Warning, Some(severity));
    } else if active == 0 {
        let why = "no replica says that it is active".to_owned();
        say(format!("quorum {unsealed}/{total}"), why, Health::Unknown, Some(Severity::P4));
    } else {
        let all = seals.iter().all(|s| s.is_secondary);
        let why = if all || seals.iter().any(|s| s.is_secondary && s.state == State::Active) { SECONDARY } else { "" };
        say(format!("quorum {unsealed}/{total}"), why.to_owned(), Health::Ok, None);
    }
    out
}

/// The word for a cluster that serves no requests until it is promoted.
pub const SECONDARY: &str = "disaster recovery secondary";

fn small(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// `2 sealed, 1 unreachable`.
fn parts(counts: &[(u16, &str)]) -> String {
    counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect::<Vec<_>>().join(", ")
}

/// How many replicas the highest number in their names implies: with `openbao-0` and `openbao-2`, three.
fn highest(seals: &[&Seal]) -> u16 {
    let number = |seal: &&Seal| seal.name.rsplit_once('-').and_then(|(_, n)| n.parse::<u16>().ok());
    let numbers: Vec<u16> = seals.iter().filter(|s| s.is_pod).filter_map(number).collect();
    // a raft cluster of more than nine replicas does not exist; a larger number is part of a name by chance
    numbers.iter().max().filter(|n| numbers.len() == seals.len() && **n < 10).map_or(0, |n| n + 1)
}

/// The record of a cluster: `openbao (cluster)`.
pub fn read_cluster(namespace: &str, cluster: &str, quorum: &Quorum, intern: &mut Interner) -> Record {
    Record {
        uid: Uid::of(&format!("seals {namespace}/{cluster}")),
        name: clean(&format!("{cluster} (cluster)")),
        namespace: intern.get(namespace),
        status: intern.get(&quorum.word),
        health: quorum.health,
        note: clean(&quorum.why),
        cells: Box::new([
            Cell::None,
            Cell::Ratio(quorum.unsealed, quorum.total),
            Cell::None,
            Cell::None,
            Cell::None,
            Cell::None,
            Cell::text(cluster, intern),
            Cell::Flag(true),
            Cell::Int(quorum.severity.map_or(0, |s| s as i64)),
            Cell::None,
            Cell::text(cluster, intern),
        ]),
        ..Record::default()
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    let because = |what: &str| match &*record.note {
        "" => what.to_owned(),
        note => format!("{what}: {note}"),
    };
    if record.flag(IS_CLUSTER) {
        let severity = match record.int(GRAVITY) {
            1 => Severity::P1,
            2 => Severity::P2,
            3 => Severity::P3,
            4 => Severity::P4,
            _ => return judged,
        };
        return judged.with(Finding::new(severity, None, because(strings.get(record.status))));
    }
    let by_labels = record.text(SOURCE, strings) == Source::Labels.word();
    let (severity, what) = match State::of(record, strings) {
        State::Active | State::Standby => return judged,
        State::Sealed if by_labels => (Severity::P2, "sealed, by its pod's label".to_owned()),
        State::Sealed => {
            let given = match record.cell(PROGRESS) {
                Cell::Ratio(given, needed) if given > 0 => format!(", {given} of {needed} keys given"),
                _ => String::new(),
            };
            let how = if record.flag(MIGRATES) { ", in a seal migration: keys are given with -migrate" } else { "" };
            (Severity::P2, format!("sealed{given}{how}"))
        }
        State::CutOff => (Severity::P2, "a standby that cannot reach its active one".to_owned()),
        State::Removed => (Severity::P2, "removed from its cluster".to_owned()),
        State::Unreachable => {
            // a pod that has just been created is still starting
            let ends = record.created.plus(thresholds.pod_grace);
            if record.created.is_set() && now < ends {
                return judged.again_at(ends);
            }
            (Severity::P2, because("unreachable"))
        }
        State::Uninitialised => (Severity::P3, "uninitialised".to_owned()),
        State::Unsealed => (Severity::P4, because("unsealed, role unknown")),
        State::Unknown => (Severity::P3, because("seal state unknown")),
    };
    judged.with(Finding::new(severity, None, what))
}

/// `1/3 of 5`: keys given, needed, existing. Of a cluster: unsealed replicas and all.
fn progress(record: &Record, _: &Show<'_>, out: &mut String) {
    use std::fmt::Write as _;
    let Cell::Ratio(given, needed) = record.cell(PROGRESS) else { return };
    let _ = match record.int(SHARES) {
        0 => write!(out, "{given}/{needed}"),
        shares => write!(out, "{given}/{needed} of {shares}"),
    };
}

fn progress_rank(record: &Record) -> i64 {
    if let Cell::Ratio(given, needed) = record.cell(PROGRESS) {
        i64::from(given) * 1000 - i64::from(needed)
    } else {
        -1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Active, CutOff, Removed, Sealed, Standby, Uninitialised, Unknown, Unreachable, Unsealed};
    use rstest::rstest;

    fn replicas(states: &[State]) -> Vec<Seal> {
        let seal = |(i, state): (usize, &State)| Seal {
            name: format!("openbao-{i}"),
            is_pod: true,
            state: *state,
            ..Seal::default()
        };
        states.iter().enumerate().map(seal).collect()
    }

    fn quorum_of(seals: &[Seal]) -> Quorum {
        quorum(&seals.iter().collect::<Vec<_>>())
    }

    #[rstest]
    #[case(&[Active, Standby, Standby], "quorum 3/3", Health::Ok, None, "")]
    #[case(&[Active, Standby, Sealed], "degraded 2/3", Health::Warning, Some(Severity::P2), "1 sealed of 3")]
    #[case(&[Active, Sealed, Sealed], "quorum lost", Health::Failed, Some(Severity::P1), "2 sealed of 3")]
    #[case(&[Active, Sealed, Unreachable], "quorum lost", Health::Failed, Some(Severity::P1), "1 sealed, 1 unreachable of 3")]
    #[case(&[Standby, Standby, Standby], "quorum lost", Health::Failed, Some(Severity::P1), "no replica is active")]
    #[case(&[Standby, Standby, Unknown], "quorum 2/3", Health::Unknown, Some(Severity::P4), "1 unknown of 3")]
    #[case(&[Unsealed, Standby, Standby], "quorum 3/3", Health::Unknown, Some(Severity::P4), "no replica says that it is active")]
    #[case(&[Active, Standby, CutOff], "degraded 2/3", Health::Warning, Some(Severity::P2), "1 cut off of 3")]
    #[case(&[CutOff, CutOff, CutOff], "quorum lost", Health::Failed, Some(Severity::P1), "3 cut off of 3")]
    #[case(&[Active, CutOff, CutOff], "degraded 1/3", Health::Warning, Some(Severity::P2), "2 cut off of 3")]
    #[case(&[CutOff, CutOff, Unknown], "quorum unknown", Health::Unknown, Some(Severity::P3), "2 cut off, 1 unknown of 3")]
    #[case(&[Active, Standby, Removed], "degraded 2/3", Health::Warning, Some(Severity::P2), "1 removed of 3")]
    #[case(&[Active, Unknown, Unknown], "quorum unknown", Health::Unknown, Some(Severity::P3), "2 unknown of 3")]
    #[case(&[Unknown, Unknown, Unknown], "quorum unknown", Health::Unknown, Some(Severity::P3), "3 unknown of 3")]
    #[case(&[Sealed, Sealed, Unknown], "quorum lost", Health::Failed, Some(Severity::P1), "2 sealed, 1 unknown of 3")]
    #[case(&[Active, Standby, Standby, Standby, Sealed], "degraded 4/5", Health::Warning, Some(Severity::P3), "1 sealed of 5")]
    #[case(&[Uninitialised, Uninitialised, Uninitialised], "uninitialised", Health::Warning, Some(Severity::P3), "no replica is initialised")]
    #[case(&[Active, Active, Standby], "degraded 3/3", Health::Warning, Some(Severity::P2), "2 replicas say that they are active")]
    #[case(&[Sealed], "quorum lost", Health::Failed, Some(Severity::P1), "1 sealed of 1")]
    #[case(&[Active], "quorum 1/1", Health::Ok, None, "")]
    #[case(&[], "quorum unknown", Health::Unknown, Some(Severity::P3), "no replica")]
    fn quorum_is_told_from_its_replicas(
        #[case] states: &[State],
        #[case] word: &str,
        #[case] health: Health,
        #[case] severity: Option<Severity>,
        #[case] why: &str,
    ) {
        let told = quorum_of(&replicas(states));
        assert_eq!((&*told.word, told.health, told.severity, &*told.why), (word, health, severity, why));
    }

    #[rstest]
    #[case("consul", &[Active, Sealed, Sealed], "degraded 1/3", Some(Severity::P2), "2 sealed of 3")]
    #[case("consul", &[Sealed, Sealed, Sealed], "quorum lost", Some(Severity::P1), "3 sealed of 3")]
    #[case("consul", &[Standby, Standby, Sealed], "quorum lost", Some(Severity::P1), "no replica is active")]
    #[case("consul", &[Sealed, Sealed, Unknown], "quorum unknown", Some(Severity::P3), "2 sealed, 1 unknown of 3")]
    #[case("consul", &[Active, Standby, Standby], "quorum 3/3", None, "")]
    #[case("raft", &[Active, Sealed, Sealed], "quorum lost", Some(Severity::P1), "2 sealed of 3")]
    #[case("raft", &[Active, CutOff, Sealed], "degraded 1/3", Some(Severity::P2), "1 sealed, 1 cut off of 3")]
    fn only_raft_needs_more_than_half_of_the_replicas(
        #[case] storage: &str,
        #[case] states: &[State],
        #[case] word: &str,
        #[case] severity: Option<Severity>,
        #[case] why: &str,
    ) {
        let mut seals = replicas(states);
        // of the first one nobody knows it
        seals.iter_mut().skip(1).for_each(|seal| storage.clone_into(&mut seal.storage));
        let told = quorum_of(&seals);
        assert_eq!((&*told.word, told.severity, &*told.why), (word, severity, why));
    }

    #[test]
    fn a_gap_in_the_numbers_is_a_missing_replica() {
        let mut seals = replicas(&[Active, Standby, Standby]);
        seals.remove(1);
        let told = quorum_of(&seals);
        assert_eq!((&*told.word, &*told.why), ("degraded 2/3", "1 missing of 3"));
    }

    fn judged(seal: &Seal, now: i64) -> Judgement {
        let mut intern = Interner::default();
        let record = read(seal, &mut intern);
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        judge(&record, &strings, &Thresholds::default(), Time(now))
    }

    #[rstest]
    #[case(Active, Source::Asked, Health::Ok, None)]
    #[case(Standby, Source::Labels, Health::Ok, None)]
    #[case(Sealed, Source::Asked, Health::Failed, Some((Severity::P2, "sealed, 1 of 3 keys given")))]
    #[case(Sealed, Source::Labels, Health::Failed, Some((Severity::P2, "sealed, by its pod's label")))]
    #[case(CutOff, Source::Asked, Health::Failed, Some((Severity::P2, "a standby that cannot reach its active one")))]
    #[case(Removed, Source::Asked, Health::Failed, Some((Severity::P2, "removed from its cluster")))]
    #[case(Unreachable, Source::Asked, Health::Failed, Some((Severity::P2, "unreachable: no answer in time")))]
    #[case(Uninitialised, Source::Asked, Health::Warning, Some((Severity::P3, "uninitialised")))]
    #[case(Unknown, Source::Labels, Health::Unknown, Some((Severity::P3, "seal state unknown: no answer in time")))]
    fn a_replica_is_judged_by_its_word(
        #[case] state: State,
        #[case] source: Source,
        #[case] health: Health,
        #[case] expected: Option<(Severity, &str)>,
    ) {
        let seal = Seal {
            state,
            source,
            progress: 1,
            threshold: 3,
            note: "no answer in time".into(),
            created: Some(Time(1)),
            ..Seal::default()
        };
        let judgement = judged(&seal, 1000);
        assert_eq!(judgement.health, health);
        assert_eq!(judgement.findings.first().map(|f| (f.severity, &*f.why)), expected);
    }

    #[test]
    fn a_seal_migration_says_how_keys_go_in() {
        let seal = Seal { state: Sealed, progress: 1, threshold: 3, migrates: true, ..Seal::default() };
        let why = "sealed, 1 of 3 keys given, in a seal migration: keys are given with -migrate";
        assert_eq!(&*judged(&seal, 1000).findings[0].why, why);
    }

    #[test]
    fn a_cluster_that_stands_by_for_disaster_recovery_is_well_and_says_what_it_is() {
        let mut seals = replicas(&[Active, Standby, Standby]);
        seals[0].is_secondary = true;
        let told = quorum_of(&seals);
        assert_eq!((&*told.word, told.health, told.severity, &*told.why), ("quorum 3/3", Health::Ok, None, SECONDARY));
    }

    #[test]
    fn an_unreachable_replica_that_is_just_starting_is_not_a_finding_yet() {
        let seal = Seal { state: Unreachable, created: Some(Time(990)), ..Seal::default() };
        let judgement = judged(&seal, 1000);
        assert!(judgement.findings.is_empty());
        assert_eq!(judgement.recheck, Some(Time(1050)));
    }

    #[test]
    fn a_clusters_record_carries_its_gravity() {
        let told = quorum_of(&replicas(&[Active, Sealed, Sealed]));
        let mut intern = Interner::default();
        let record = read_cluster("openbao", "openbao", &told, &mut intern);
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        assert_eq!(&*record.name, "openbao (cluster)");
        let judgement = judge(&record, &strings, &Thresholds::default(), Time(0));
        assert_eq!(judgement.findings[0].severity, Severity::P1);
        assert_eq!(&*judgement.findings[0].why, "quorum lost: 2 sealed of 3");
    }
}
