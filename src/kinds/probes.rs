//! Health endpoints that a profile names, asked pod by pod: what each answered, in its own words. An unexpected answer
//! is a finding; one that is not permitted is unknown, and never healthy.

use super::column::{Column, Field, Show};
use super::{Api, KindSpec, Service};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::profile::Grade;
use crate::domain::record::{Cell, Link, Record, Relation, Uid, clean};
use crate::domain::thresholds::Thresholds;

pub const PROFILE: u8 = 0;
pub const COMPONENT: u8 = 1;
pub const PATH: u8 = 2;
/// The codes that are expected: `200` or `200, 204`.
pub const EXPECTED: u8 = 3;
/// `pod` or `service`.
pub const VIA: u8 = 4;
/// The severity of another answer, 1 to 4.
pub const GRADE: u8 = 5;
/// Since when it answers as it does.
pub const SINCE: u8 = 6;

pub const SPEC: KindSpec = KindSpec {
    name: "Probe",
    word: "probes",
    aliases: &["probe", "endpoints"],
    title: "Probes",
    api: Api::Poll(Service::Probes),
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 20, 4),
        Column::new("NAME", Field::Name, 16, 60, 0),
        Column::new("ANSWER", Field::Status, 6, 12, 0),
        Column::new("EXPECTED", Field::Cell(EXPECTED), 8, 12, 5),
        Column::new("COMPONENT", Field::With(component), 9, 28, 2),
        Column::new("SINCE", Field::Cell(SINCE), 5, 7, 1),
        Column::new("VIA", Field::Cell(VIA), 3, 8, 6),
        Column::new("SAYS", Field::Note, 16, 160, 3),
    ],
    blinds: "what health endpoints answer",
    judge,
    guide: include_str!("../../assets/guides/probe.txt"),
    ..KindSpec::BASE
};

/// The result of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A code of its own; whether it was expected.
    Code(u16, bool),
    /// No answer, or an answer of the API server that could not reach it.
    Unreachable,
    /// Not permitted.
    NoAccess,
    /// The request failed before it got there.
    Unasked,
    /// There is no pod to ask.
    Nobody,
}

/// One endpoint of one pod as the source has asked it; nothing in it is sanitised yet.
#[derive(Debug, Clone)]
pub struct Probe {
    pub profile: String,
    pub component: String,
    pub namespace: String,
    /// The pod, or the Service; empty when there is none.
    pub who: String,
    pub is_pod: bool,
    pub path: String,
    pub expected: String,
    pub grade: Grade,
    pub answer: Answer,
    /// Its words.
    pub says: String,
    pub since: Time,
}

pub fn read(probe: &Probe, intern: &mut Interner) -> Record {
    let mut links = Vec::new();
    if probe.is_pod && !probe.who.is_empty() {
        links.push(Link {
            relation: Relation::About,
            kind: intern.get("Pod"),
            namespace: intern.get(&probe.namespace),
            name: intern.get(&probe.who),
        });
    }
    let grave = probe.grade.0 <= Severity::P2;
    let (status, health) = match probe.answer {
        Answer::Code(code, expected) => {
            let bad = if grave { Health::Failed } else { Health::Warning };
            (code.to_string(), if expected { Health::Ok } else { bad })
        }
        Answer::Unreachable => ("unreachable".into(), if grave { Health::Failed } else { Health::Warning }),
        Answer::NoAccess => ("no access".into(), Health::Unknown),
        Answer::Unasked => ("not asked".into(), Health::Unknown),
        Answer::Nobody => ("no pod".into(), Health::Unknown),
    };
    let who = if probe.who.is_empty() { &probe.component } else { &probe.who };
    Record {
        uid: Uid::of(&format!("probe {} {} {} {}", probe.profile, probe.component, who, probe.path)),
        name: clean(&format!("{who}{}", probe.path)),
        namespace: intern.get(&probe.namespace),
        status: intern.get(&status),
        health,
        note: clean(&probe.says),
        cells: Box::new([
            Cell::text(&probe.profile, intern),
            Cell::text(&probe.component, intern),
            Cell::text(&probe.path, intern),
            Cell::text(&probe.expected, intern),
            Cell::text(if probe.is_pod { "pod" } else { "service" }, intern),
            Cell::Int(probe.grade.0 as i64),
            Cell::Time(probe.since),
        ]),
        links: links.into(),
        ..Record::default()
    }
}

fn component(record: &Record, show: &Show<'_>, out: &mut String) {
    out.push_str(record.text(PROFILE, show.strings));
    out.push('/');
    out.push_str(record.text(COMPONENT, show.strings));
}

/// The severity that a cell keeps as a number; without one a note.
pub fn graded(record: &Record, cell: u8) -> Severity {
    match record.int(cell) {
        1 => Severity::P1,
        2 => Severity::P2,
        3 => Severity::P3,
        _ => Severity::P4,
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    if matches!(record.health, Health::Ok | Health::Unknown) {
        return Judgement::of(record.health);
    }
    let since = record.time(SINCE);
    let ends = since.unwrap_or(now).plus(thresholds.pod_grace);
    if now < ends {
        return Judgement::of(Health::Progressing).again_at(ends);
    }
    let answer = strings.get(record.status);
    let verb = if answer == "unreachable" { "is" } else { "answers" };
    let says = if record.note.is_empty() { String::new() } else { format!(": {}", record.note) };
    let why = format!("{} {verb} {answer}{says}", record.text(PATH, strings));
    Judgement::of(record.health).with(Finding::new(graded(record, GRADE), since, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Time = Time(1_795_255_200);

    fn judged(answer: Answer, grade: Severity, after: i64) -> (Health, Vec<(Severity, String)>) {
        let probe = Probe {
            profile: "slopilot".into(),
            component: "slopilot".into(),
            namespace: "slopilot".into(),
            who: "web-0".into(),
            is_pod: true,
            path: "/ready".into(),
            expected: "200".into(),
            grade: Grade(grade),
            answer,
            says: "prometheus\u{1b}[2J: unreachable".into(),
            since: T0,
        };
        let (mut intern, mut strings) = (Interner::default(), Strings::default());
        let record = read(&probe, &mut intern);
        strings.extend(intern.unshipped());
        let judged = judge(&record, &strings, &Thresholds::default(), T0.plus(after));
        (judged.health, judged.findings.iter().map(|f| (f.severity, f.why.to_string())).collect())
    }

    #[test]
    fn an_answer_that_was_not_expected_counts_after_its_grace_and_in_its_own_words() {
        assert_eq!(judged(Answer::Code(503, false), Severity::P3, 5), (Health::Progressing, vec![]));
        let (health, findings) = judged(Answer::Code(503, false), Severity::P3, 60);
        assert_eq!(health, Health::Warning);
        assert_eq!(findings[0].0, Severity::P3);
        assert!(findings[0].1.starts_with("/ready answers 503: prometheus"), "{findings:?}");
        assert!(!findings[0].1.contains('\u{1b}'));
        assert_eq!(judged(Answer::Unreachable, Severity::P1, 60).0, Health::Failed);
    }

    #[test]
    fn who_may_not_be_asked_or_is_not_there_is_unknown_and_never_well() {
        for answer in [Answer::NoAccess, Answer::Unasked, Answer::Nobody] {
            assert_eq!(judged(answer, Severity::P1, 600), (Health::Unknown, vec![]));
        }
        assert_eq!(judged(Answer::Code(200, true), Severity::P1, 600), (Health::Ok, vec![]));
    }
}
