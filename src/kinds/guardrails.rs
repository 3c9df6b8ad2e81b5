//! Guardrails of the profiles that are on: crossed or not, and what to do then. A guardrail that cannot be judged is
//! unknown; that is a note, and one for a whole profile.

use super::alerts::About;
use super::column::{Column, Field, Show};
use super::probes::graded;
use super::{Api, KindSpec, Service};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::profile::Grade;
use crate::domain::record::{Cell, Link, Record, Relation, Uid, clean};
use crate::domain::thresholds::Thresholds;

pub const PROFILE: u8 = 0;
/// Empty: the platform as a whole.
pub const COMPONENT: u8 = 1;
/// The severity once it is crossed, 1 to 4.
pub const GRADE: u8 = 2;
/// The alert's name, or the expression.
pub const RULE: u8 = 3;
/// What to do.
pub const ACTION: u8 = 4;
pub const RUNBOOK: u8 = 5;
/// When it was crossed.
pub const SINCE: u8 = 6;
/// Before this it does not count.
pub const COUNTS_AT: u8 = 7;
/// On the first guardrail that cannot be judged: how many of its profile cannot.
pub const UNJUDGED: u8 = 8;

pub const SPEC: KindSpec = KindSpec {
    name: "Guardrail",
    word: "guardrails",
    aliases: &["guardrail", "rails"],
    title: "Guardrails",
    api: Api::Poll(Service::Guardrails),
    columns: &[
        Column::new("NAME", Field::Name, 16, 40, 0),
        Column::new("STATE", Field::Status, 7, 12, 0),
        Column::new("SEVERITY", Field::Ranked(severity, grade), 8, 8, 2),
        Column::new("COMPONENT", Field::With(component), 9, 28, 3),
        Column::new("SINCE", Field::Cell(SINCE), 5, 7, 1),
        Column::new("ACTION", Field::Cell(ACTION), 16, 90, 1),
        Column::new("NOTE", Field::Note, 12, 90, 5),
        Column::new("RULE", Field::Cell(RULE), 12, 120, 8).wide(),
        Column::new("RUNBOOK", Field::Cell(RUNBOOK), 12, 90, 9).wide(),
    ],
    blinds: "guardrails",
    judge,
    guide: include_str!("../../assets/guides/guardrail.txt"),
    ..KindSpec::BASE
};

/// The state of a guardrail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum State {
    Crossed,
    /// Crossed, and somebody has silenced its alert.
    Silenced,
    Kept,
    /// It is not known; the note says why.
    #[default]
    Unjudged,
}

impl State {
    const ALL: [Self; 4] = [Self::Crossed, Self::Silenced, Self::Kept, Self::Unjudged];

    pub fn word(self) -> &'static str {
        match self {
            Self::Crossed => "crossed",
            Self::Silenced => "silenced",
            Self::Kept => "kept",
            Self::Unjudged => "cannot judge",
        }
    }

    /// The state of a guardrail's record.
    pub fn of(record: &Record, strings: &Strings) -> Self {
        let word = strings.get(record.status);
        Self::ALL.into_iter().find(|s| s.word() == word).unwrap_or_default()
    }
}

/// One guardrail as the source has judged it; nothing in it is sanitised yet.
#[derive(Debug, Clone, Default)]
pub struct Guardrail {
    pub profile: String,
    pub component: String,
    pub namespace: String,
    pub name: String,
    pub grade: Grade,
    /// The alert's name, or the expression.
    pub rule: String,
    pub action: String,
    pub runbook: String,
    pub state: State,
    /// Why it cannot be judged, what its alert says, or the value of its expression.
    pub note: String,
    pub since: Option<Time>,
    pub counts_at: Option<Time>,
    /// The alerts that it is based on: namespace and name.
    pub alerts: Vec<(String, String)>,
    /// All objects that cross its expression, when every one of them is known.
    pub about: Vec<About>,
    pub unjudged: usize,
}

pub fn read(guardrail: &Guardrail, intern: &mut Interner) -> Record {
    let g = guardrail;
    let links = g.alerts.iter().map(|(namespace, name)| Link {
        relation: Relation::About,
        kind: intern.get("Alert"),
        namespace: intern.get(namespace),
        name: intern.get(name),
    });
    let mut links: Vec<Link> = links.collect();
    links.extend(g.about.iter().map(|about| Link {
        relation: Relation::About,
        kind: intern.get(&about.kind),
        namespace: intern.get(&about.namespace),
        name: intern.get(&about.name),
    }));
    let links = links.into_boxed_slice();
    Record {
        uid: Uid::of(&format!("guardrail {} {}", g.profile, g.name)),
        name: clean(&g.name),
        namespace: intern.get(&g.namespace),
        status: intern.get(g.state.word()),
        health: match g.state {
            State::Crossed if g.grade.0 == Severity::P1 => Health::Failed,
            State::Crossed => Health::Warning,
            State::Silenced => Health::Suspended,
            State::Kept => Health::Ok,
            State::Unjudged => Health::Unknown,
        },
        note: clean(&g.note),
        cells: Box::new([
            Cell::text(&clean(&g.profile), intern),
            Cell::text(&clean(&g.component), intern),
            Cell::Int(g.grade.0 as i64),
            Cell::text(&clean(&g.rule), intern),
            Cell::text(&clean(&g.action), intern),
            Cell::text(&clean(&g.runbook), intern),
            Cell::time(g.since),
            Cell::time(g.counts_at),
            Cell::Int(i64::try_from(g.unjudged).unwrap_or(i64::MAX)),
        ]),
        links,
        ..Record::default()
    }
}

fn severity(record: &Record, _: &Show<'_>, out: &mut String) {
    out.push_str(&graded(record, GRADE).to_string());
}

fn grade(record: &Record) -> i64 {
    record.int(GRADE)
}

fn component(record: &Record, show: &Show<'_>, out: &mut String) {
    out.push_str(record.text(PROFILE, show.strings));
    let component = record.text(COMPONENT, show.strings);
    if !component.is_empty() {
        out.push('/');
        out.push_str(component);
    }
}

fn judge(record: &Record, strings: &Strings, _: &Thresholds, now: Time) -> Judgement {
    let judged = Judgement::of(record.health);
    let state = State::of(record, strings);
    match state {
        State::Unjudged if record.int(UNJUDGED) > 0 => {
            let many = match record.int(UNJUDGED) {
                1 => "this guardrail cannot be judged".to_owned(),
                n => format!("{n} guardrails of {} cannot be judged", record.text(PROFILE, strings)),
            };
            judged.with(Finding::new(Severity::P4, None, format!("{many}: {}", record.note)))
        }
        State::Kept | State::Unjudged => judged,
        State::Crossed | State::Silenced => {
            if let Some(at) = record.time(COUNTS_AT).filter(|at| now < *at) {
                return Judgement::of(Health::Progressing).again_at(at);
            }
            let action = record.text(ACTION, strings);
            let mut why = "guardrail crossed".to_owned();
            if !record.note.is_empty() {
                why = format!("{why} ({})", record.note);
            }
            if !action.is_empty() {
                why = format!("{why}: {action}");
            }
            let mut finding = Finding::new(graded(record, GRADE), record.time(SINCE), why);
            finding.muted = state == State::Silenced;
            judged.with(finding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Time = Time(1_795_255_200);

    fn judged(change: impl FnOnce(&mut Guardrail), now: i64) -> (Health, Vec<(Severity, String, bool)>) {
        let mut guardrail = Guardrail {
            profile: "slopilot".into(),
            component: "prometheus".into(),
            name: "SampleLimit".into(),
            grade: Grade(Severity::P2),
            action: "investigate label cardinality".into(),
            state: State::Crossed,
            note: "3".into(),
            since: Some(T0),
            ..Guardrail::default()
        };
        change(&mut guardrail);
        let (mut intern, mut strings) = (Interner::default(), Strings::default());
        let record = read(&guardrail, &mut intern);
        strings.extend(intern.unshipped());
        let judged = judge(&record, &strings, &Thresholds::default(), T0.plus(now));
        (judged.health, judged.findings.iter().map(|f| (f.severity, f.why.to_string(), f.muted)).collect())
    }

    #[test]
    fn a_crossed_guardrail_says_what_is_to_be_done() {
        let why = "guardrail crossed (3): investigate label cardinality".to_owned();
        assert_eq!(judged(|_| {}, 0), (Health::Warning, vec![(Severity::P2, why.clone(), false)]));
        assert_eq!(judged(|g| g.grade = Grade(Severity::P1), 0).0, Health::Failed);
        let silenced = judged(|g| g.state = State::Silenced, 0);
        assert_eq!(silenced, (Health::Suspended, vec![(Severity::P2, why, true)]));
    }

    #[test]
    fn it_counts_only_after_its_time() {
        let held = |now| judged(|g| g.counts_at = Some(T0.plus(180)), now);
        assert_eq!(held(179), (Health::Progressing, vec![]));
        assert_eq!(held(180).1.len(), 1);
    }

    #[test]
    fn what_cannot_be_judged_is_unknown_and_one_note_for_all() {
        let unjudged = |many| {
            judged(
                |g| {
                    (g.state, g.unjudged, g.note) = (State::Unjudged, many, "no Prometheus".into());
                },
                0,
            )
        };
        assert_eq!(unjudged(0), (Health::Unknown, vec![]));
        let why = "6 guardrails of slopilot cannot be judged: no Prometheus".to_owned();
        assert_eq!(unjudged(6), (Health::Unknown, vec![(Severity::P4, why, false)]));
    }
}
