//! Alerts: what fires, who silenced it and until when. An alert here is Prometheus' and Alertmanager's views joined;
//! the joining is done by the source, this file only keeps and judges the result.

use super::column::{Column, Field, Show};
use super::{Api, KindSpec, Service};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Link, Record, Relation, Uid, clean};
use crate::domain::thresholds::Thresholds;

/// The `severity` label.
pub const SEVERITY: u8 = 0;
/// Who silenced it, or the alert that inhibits it.
pub const BY: u8 = 1;
/// When the last of its silences ends.
pub const UNTIL: u8 = 2;
/// How surely it is about that object: see [`Confidence`].
pub const CONFIDENCE: u8 = 3;
pub const RUNBOOK: u8 = 4;
pub const RECEIVERS: u8 = 5;
/// The label set as Prometheus prints it.
pub const LABELS: u8 = 6;
/// Where it is known: `Prometheus`, `Alertmanager`, `both`.
pub const SEEN_BY: u8 = 7;
/// Alertmanager's replicas do not agree whether it is suppressed.
pub const SPLIT: u8 = 8;
/// The label set as Alertmanager has it, which silences are matched with; none when it is the same.
pub const ROUTED: u8 = 9;

pub const SPEC: KindSpec = KindSpec {
    name: "Alert",
    word: "alerts",
    aliases: &["alert", "al"],
    title: "Alerts",
    api: Api::Poll(Service::Alerts),
    columns: &[
        Column::new("NAME", Field::Name, 16, 40, 0),
        Column::new("SEVERITY", Field::Ranked(severity, rank), 8, 10, 2),
        Column::new("STATE", Field::Status, 8, 12, 0),
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 3),
        Column::new("OBJECT", Field::With(object), 12, 48, 1),
        Column::new("SINCE", Field::Age, 5, 7, 1),
        Column::new("SUMMARY", Field::Note, 16, 120, 4),
        Column::new("SILENCED BY", Field::Cell(BY), 8, 24, 5),
        Column::new("UNTIL", Field::Left(UNTIL), 5, 7, 5),
        Column::new("SEEN BY", Field::Cell(SEEN_BY), 8, 12, 8).wide(),
        Column::new("RECEIVERS", Field::Cell(RECEIVERS), 8, 32, 8).wide(),
        Column::new("RUNBOOK", Field::Cell(RUNBOOK), 8, 80, 9).wide(),
    ],
    blinds: "alerts, guardrails",
    judge,
    guide: include_str!("../../assets/guides/alert.txt"),
    crowd: true,
    ..KindSpec::BASE
};

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Firing,
    Pending,
    /// Only Alertmanager reports it, and does not suppress it.
    Active,
    Silenced,
    Inhibited,
    /// Not an alert but a rule that cannot be evaluated: it would not fire.
    BrokenRule,
    /// A dead man's switch that should fire and does not.
    NotFiring,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Firing, Self::Pending, Self::Active, Self::Silenced, Self::Inhibited, Self::BrokenRule, Self::NotFiring];

    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Silenced => "silenced",
            Self::Inhibited => "inhibited",
            Self::BrokenRule => "broken rule",
            Self::NotFiring => "not firing",
        }
    }

    /// The state of a record of this kind.
    pub fn of(record: &Record, strings: &Strings) -> Self {
        let word = strings.get(record.status);
        Self::ALL.into_iter().find(|s| s.word() == word).unwrap_or_default()
    }
}

/// How surely an alert is about the object that its labels name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confidence {
    Exact,
    /// Found by an address or a naming convention.
    Likely,
    /// Only the namespace is known.
    #[default]
    Namespace,
}

impl Confidence {
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Likely => "likely",
            Self::Namespace => "namespace",
        }
    }
}

/// The object that an alert is about. A node may be named by its address: then the confidence is likely.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub confidence: Confidence,
}

/// An alert as the source has joined it; nothing in it is sanitised yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// Equal for the same alert at every poll.
    pub identity: String,
    pub name: String,
    pub namespace: String,
    pub severity: String,
    pub state: State,
    pub about: Option<About>,
    pub summary: String,
    pub runbook: String,
    pub since: Option<Time>,
    pub by: String,
    pub until: Option<Time>,
    /// Ids of the silences over it.
    pub silences: Vec<String>,
    /// The identity of the alert that inhibits it.
    pub inhibitor: Option<String>,
    pub receivers: String,
    pub labels: String,
    /// The label set as Alertmanager has it, where it differs.
    pub routed: String,
    pub seen_by: &'static str,
    pub split: bool,
}

/// The record of a joined alert.
pub fn read(alert: &Alert, intern: &mut Interner) -> Record {
    let mut links = Vec::new();
    let mut link = |relation: Relation, kind: &str, namespace: &str, name: &str| {
        links.push(Link { relation, kind: intern.get(kind), namespace: intern.get(namespace), name: intern.get(name) });
    };
    if let Some(about) = &alert.about {
        link(Relation::About, &about.kind, &about.namespace, &about.name);
    }
    for id in &alert.silences {
        link(Relation::About, "Silence", "", id);
    }
    // an alert is also found by its labels
    if let Some(labels) = &alert.inhibitor {
        link(Relation::From, "Alert", "", labels);
    }
    let confidence = match &alert.about {
        Some(about) => about.confidence.word(),
        None if alert.namespace.is_empty() => "",
        None => Confidence::Namespace.word(),
    };
    Record {
        uid: Uid::of(&format!("alert {}", alert.identity)),
        name: clean(if alert.name.is_empty() { "(no name)" } else { &alert.name }),
        namespace: intern.get(&alert.namespace),
        created: alert.since.unwrap_or_default(),
        status: intern.get(alert.state.word()),
        health: health(alert.state, &alert.severity),
        unreadable: false,
        note: clean(&alert.summary),
        cells: Box::new([
            Cell::text(&alert.severity, intern),
            Cell::text(&alert.by, intern),
            Cell::time(alert.until),
            Cell::text(confidence, intern),
            Cell::text(&alert.runbook, intern),
            Cell::text(&alert.receivers, intern),
            Cell::text(&alert.labels, intern),
            Cell::text(alert.seen_by, intern),
            Cell::Flag(alert.split),
            Cell::text(&alert.routed, intern),
        ]),
        links: links.into(),
        suspended: None,
    }
}

/// How severe an alert is by its `severity` label; `None` for those that mean nothing is wrong (`Watchdog`,
/// `InfoInhibitor`). An unknown word, or none, is taken for a warning.
pub fn grade(severity: &str) -> Option<Severity> {
    match &*severity.to_ascii_lowercase() {
        "none" => None,
        "page" | "pager" | "emergency" | "p1" | "sev1" => Some(Severity::P1),
        "critical" | "crit" | "fatal" | "error" | "high" | "major" | "p2" | "sev2" => Some(Severity::P2),
        "info" | "information" | "informational" | "low" | "notice" | "debug" | "p4" | "sev4" => Some(Severity::P4),
        _ => Some(Severity::P3),
    }
}

fn health(state: State, severity: &str) -> Health {
    match state {
        State::NotFiring => Health::Failed,
        State::BrokenRule => Health::Warning,
        State::Silenced | State::Inhibited => Health::Suspended,
        State::Pending => Health::Progressing,
        State::Firing | State::Active => match grade(severity) {
            Some(Severity::P1 | Severity::P2) => Health::Failed,
            Some(Severity::P3) => Health::Warning,
            Some(Severity::P4) | None => Health::Ok,
        },
    }
}

fn judge(record: &Record, strings: &Strings, _: &Thresholds, now: Time) -> Judgement {
    let since = record.created.is_set().then_some(record.created);
    let severity = record.text(SEVERITY, strings);
    let note = |word: &str| match &*record.note {
        "" => word.to_owned(),
        note => note.to_owned(),
    };
    let state = match State::of(record, strings) {
        State::NotFiring => {
            let why = format!("{} is not firing: alerts may not arrive", record.name);
            return Judgement::of(Health::Failed).with(Finding::new(Severity::P1, since, why));
        }
        State::BrokenRule => {
            let why = format!("rule cannot be evaluated: {}", note("no reason given"));
            return Judgement::of(Health::Warning).with(Finding::new(Severity::P3, since, why));
        }
        // until the next poll, an expired silence silences nothing
        State::Silenced if record.time(UNTIL).is_some_and(|until| until <= now) => State::Firing,
        state => state,
    };
    let mut judged = Judgement::of(health(state, severity));
    let Some(grade) = grade(severity) else { return judged };
    if state == State::Pending {
        return judged;
    }
    let mut finding = Finding::new(grade, since, note(state.word()));
    if matches!(state, State::Silenced | State::Inhibited) {
        let by = match record.text(BY, strings) {
            "" => String::new(),
            by => format!(" by {by}"),
        };
        finding.why = format!("{}{by}: {}", state.word(), note("no summary")).into();
        finding.muted = true;
        if let (State::Silenced, Some(until)) = (state, record.time(UNTIL)) {
            judged = judged.again_at(until);
        }
    }
    judged.with(finding)
}

fn severity(record: &Record, show: &Show<'_>, out: &mut String) {
    out.push_str(record.text(SEVERITY, show.strings));
}

/// Most severe first; by health, because a rank knows no strings.
fn rank(record: &Record) -> i64 {
    -i64::from(record.health.concern())
}

fn object(record: &Record, show: &Show<'_>, out: &mut String) {
    let is_object = |l: &&Link| l.relation == Relation::About && show.strings.get(l.kind) != "Silence";
    let Some(link) = record.links.iter().find(is_object) else { return };
    out.push_str(show.strings.get(link.kind));
    out.push('/');
    out.push_str(show.strings.get(link.name));
    if record.text(CONFIDENCE, show.strings) == Confidence::Likely.word() {
        out.push_str(" (likely)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn kept(alert: &Alert) -> (Record, Strings) {
        let mut intern = Interner::default();
        let record = read(alert, &mut intern);
        let mut strings = Strings::default();
        strings.extend(intern.unshipped());
        (record, strings)
    }

    fn judged(state: State, severity: &str, until: Option<i64>) -> Judgement {
        let alert = Alert {
            state,
            severity: severity.to_owned(),
            until: until.map(Time),
            by: "alice".to_owned(),
            summary: "it burns".to_owned(),
            ..Alert::default()
        };
        let (record, strings) = kept(&alert);
        judge(&record, &strings, &Thresholds::default(), Time(1000))
    }

    #[rstest]
    #[case(State::Firing, "page", Health::Failed, Some((Severity::P1, false, "it burns")))]
    #[case(State::Firing, "critical", Health::Failed, Some((Severity::P2, false, "it burns")))]
    #[case(State::Active, "Critical", Health::Failed, Some((Severity::P2, false, "it burns")))]
    #[case(State::Firing, "warning", Health::Warning, Some((Severity::P3, false, "it burns")))]
    #[case(State::Firing, "", Health::Warning, Some((Severity::P3, false, "it burns")))]
    #[case(State::Firing, "info", Health::Ok, Some((Severity::P4, false, "it burns")))]
    #[case(State::Firing, "none", Health::Ok, None)]
    #[case(State::Pending, "critical", Health::Progressing, None)]
    #[case(State::Silenced, "critical", Health::Suspended, Some((Severity::P2, true, "silenced by alice: it burns")))]
    #[case(State::Inhibited, "warning", Health::Suspended, Some((Severity::P3, true, "inhibited by alice: it burns")))]
    #[case(State::BrokenRule, "critical", Health::Warning, Some((Severity::P3, false, "rule cannot be evaluated: it burns")))]
    fn an_alert_is_judged_by_its_state_and_severity(
        #[case] state: State,
        #[case] severity: &str,
        #[case] health: Health,
        #[case] expected: Option<(Severity, bool, &str)>,
    ) {
        let judgement = judged(state, severity, None);
        assert_eq!(judgement.health, health);
        let found = judgement.findings.first().map(|f| (f.severity, f.muted, &*f.why));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_dead_mans_switch_that_does_not_fire_is_p1_whatever_its_label() {
        let judgement = judged(State::NotFiring, "none", None);
        assert_eq!((judgement.health, judgement.findings[0].severity), (Health::Failed, Severity::P1));
    }

    #[test]
    fn a_silence_that_has_run_out_mutes_no_more() {
        let before = judged(State::Silenced, "critical", Some(1001));
        assert!(before.findings[0].muted);
        assert_eq!(before.recheck, Some(Time(1001)));
        let after = judged(State::Silenced, "critical", Some(1000));
        assert!(!after.findings[0].muted);
        assert_eq!(after.health, Health::Failed);
    }

    #[test]
    fn the_object_column_names_the_object_and_not_the_silence() {
        let about =
            About { kind: "Node".into(), name: "10.0.0.7".into(), confidence: Confidence::Likely, ..About::default() };
        let (record, strings) = kept(&Alert { about: Some(about), silences: vec!["s1".into()], ..Alert::default() });
        let mut out = String::new();
        object(&record, &Show { strings: &strings, now: Time(0) }, &mut out);
        assert_eq!(out, "Node/10.0.0.7 (likely)");
        let (record, strings) = kept(&Alert { silences: vec!["s1".into()], ..Alert::default() });
        let mut out = String::new();
        object(&record, &Show { strings: &strings, now: Time(0) }, &mut out);
        assert_eq!(out, "");
    }

    #[test]
    fn escape_sequences_in_labels_never_reach_a_record_raw() {
        let evil = "x\u{1b}[2J\u{202e}".to_owned();
        let (record, strings) = kept(&Alert {
            name: evil.clone(),
            namespace: evil.clone(),
            severity: evil.clone(),
            summary: evil.clone(),
            labels: evil.clone(),
            about: Some(About { name: evil.clone(), ..About::default() }),
            by: evil,
            ..Alert::default()
        });
        let mut all = format!("{}{}{}", record.name, record.note, strings.get(record.namespace));
        for cell in &record.cells {
            if let Cell::Text(sym) = cell {
                all.push_str(strings.get(*sym));
            }
        }
        all.push_str(strings.get(record.links[0].name));
        assert!(!all.contains(['\u{1b}', '\u{202e}']), "{all:?}");
        assert_eq!(all.matches('␛').count(), 7);
    }
}
