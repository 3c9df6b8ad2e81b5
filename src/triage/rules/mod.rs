//! The rules: which failure explains which. One file and one row each; a rule looks at one subject and says what might
//! explain it, and the first rule that matches counts. A wrong reason is worse than none, so a rule names its facts and
//! says nothing where they do not suffice. Rules only read, and know no screen.

mod admission;
mod alert_about;
mod alert_name;
mod backup_location;
mod backup_queue;
mod certificate;
mod controller_down;
pub(super) mod crash_loop;
mod cron_job;
mod dependency;
mod external_secret;
mod guardrail;
mod health_check;
mod inhibited;
mod issuer;
mod job_runs;
mod kustomization;
mod node_lost;
mod node_pressure;
mod nodes;
mod pending;
mod quorum;
mod quota;
mod registry;
mod release;
mod schedule;
mod seal;
mod source;
mod volume;
mod window;

use super::graph::GroupState;
use super::node::{RuleId, Subject};
use super::scan::{Claims, Scan, Target};
use crate::domain::finding::Finding;
use crate::domain::health::{Health, Severity};
use crate::domain::record::KindId;
use crate::kinds::alerts::Confidence;
use crate::kinds::{self, Family, KindSpec};
use crate::store::RowId;

/// What might explain a subject.
pub type Explain = fn(&Scan<'_>, Subject, &mut Claims);
/// What is wrong with a group, or nothing when its members are too few.
pub type JudgeGroup = fn(&Scan<'_>, &GroupState) -> Option<Finding>;
/// How severe a root is, given the kinds of rows that it explains.
pub type Weigh = fn(&Scan<'_>, Subject, Explained) -> Option<Severity>;

/// The kinds of what a root explains.
#[derive(Debug, Clone, Copy, Default)]
pub struct Explained(u64);

impl Explained {
    pub fn add(&mut self, kind: KindId) {
        self.0 |= 1 << (kind.0 & 63);
    }

    pub fn has(self, kind: &str) -> bool {
        kinds::by_name(kind).is_some_and(|kind| self.0 >> (kind.0 & 63) & 1 == 1)
    }
}

/// One row of the list of rules.
#[derive(Debug)]
pub struct RuleSpec {
    /// As the evidence names it: `node-lost`.
    pub name: &'static str,
    /// What it says, in one sentence.
    pub doc: &'static str,
    /// Kinds whose failures it explains, and names of rules whose groups it explains.
    pub symptoms: &'static [&'static str],
    /// More kinds whose failures it explains, by what their rows say.
    pub symptoms_by: fn(&KindSpec) -> bool,
    pub explain: Explain,
    /// For a rule that makes groups.
    pub group: Option<JudgeGroup>,
    /// Makes roots more severe than they are by themselves, never less.
    pub weigh: Option<Weigh>,
    /// What helps with the root, by name, the best first: actions, and views. Which of them fit is decided by its
    /// state: `triage/remedy.rs`.
    pub next: &'static [&'static str],
    /// The kinds of root that they are for.
    pub next_for: &'static [&'static str],
}

impl RuleSpec {
    /// The default of each field of a rule.
    pub const BASE: Self = Self {
        name: "",
        doc: "",
        symptoms: &[],
        symptoms_by: |_| false,
        explain: |_, _, _| {},
        group: None,
        weigh: None,
        next: &[],
        next_for: &[],
    };

    /// Whether it explains failures of objects of a kind.
    pub fn is_about(&self, kind: &KindSpec) -> bool {
        self.symptoms.contains(&kind.name) || (self.symptoms_by)(kind)
    }
}

/// Every rule. If two explain the same subject, the earlier one counts.
pub static RULES: &[RuleSpec] = &[
    window::SPEC,
    node_lost::SPEC,
    nodes::SPEC,
    node_pressure::SPEC,
    seal::SPEC,
    quorum::SPEC,
    controller_down::SPEC,
    external_secret::SPEC,
    issuer::SPEC,
    certificate::SPEC,
    volume::SPEC,
    pending::SPEC,
    quota::SPEC,
    admission::SPEC,
    registry::SPEC,
    source::SPEC,
    dependency::SPEC,
    health_check::SPEC,
    release::SPEC,
    kustomization::SPEC,
    job_runs::SPEC,
    cron_job::SPEC,
    crash_loop::SPEC,
    backup_location::SPEC,
    backup_queue::SPEC,
    schedule::SPEC,
    inhibited::SPEC,
    guardrail::SPEC,
    alert_about::SPEC,
    alert_name::SPEC,
];

pub fn spec(id: RuleId) -> &'static RuleSpec {
    &RULES[id.0 as usize]
}

/// Claims what would explain an unhealthy object that has no finding of its own: what an alert is about need not count
/// as a failure yet, or ever, to follow from one.
fn behind(scan: &Scan<'_>, id: RowId, claims: &mut Claims) {
    let well = matches!(scan.record(id).map(|r| r.health), None | Some(Health::Ok | Health::Suspended));
    // there are no alerts about alerts, and they would lead in a circle
    if well || id.kind == kinds::ALERT || scan.finding(id).is_some() {
        return;
    }
    let told = scan.told(id.into());
    for (target, confidence, because) in probe(scan, id) {
        claims.add(target, confidence, format!("it is about {told}: {because}"));
    }
    for (target, confidence, because) in behind_pods(scan, id) {
        claims.add(target, confidence, format!("it is about {told}: {because}"));
    }
}

type Said = (Target, Confidence, Box<str>);

/// What the rules say of an object, whether it has a finding or not.
fn probe(scan: &Scan<'_>, id: RowId) -> Vec<Said> {
    let kind = kinds::spec(id.kind);
    let mut said = Claims::default();
    for (rule, spec) in (0u8..).map(RuleId).zip(RULES).filter(|(_, spec)| spec.is_about(kind)) {
        said.rule = Some(rule);
        (spec.explain)(scan, Subject::Row(id), &mut said);
    }
    let known = |(target, rule, confidence, because): (Target, RuleId, Confidence, Box<str>)| {
        let target = match target {
            Target::New(group) => Target::Group(scan.existing(rule, &group)?),
            other => other,
        };
        Some((target, confidence, because))
    };
    said.out.into_iter().filter_map(known).collect()
}

/// What is said of every pod of an unhealthy workload: only then does it explain the workload.
fn behind_pods(scan: &Scan<'_>, id: RowId) -> Vec<Said> {
    let Some(record) = scan.record(id) else { return Vec::new() };
    if !matches!(kinds::spec(id.kind).family, Family::Workload | Family::PodOwner) {
        return Vec::new();
    }
    let mut pods = scan.failing_pods(scan.kind(id), scan.namespace(record), &record.name).into_iter();
    let Some((first, pod)) = pods.next() else { return Vec::new() };
    let mut common = probe(scan, first);
    for (other, _) in pods {
        let said = probe(scan, other);
        common.retain(|(target, ..)| said.iter().any(|(of, ..)| of == target));
    }
    for (.., because) in &mut common {
        *because = format!("{}: {because}", pod.name).into();
    }
    common
}

/// The row that a subject is.
fn row(subject: Subject) -> Option<RowId> {
    if let Subject::Row(id) = subject { Some(id) } else { None }
}

/// The rows in a group, and in the groups that are in it.
fn rows(scan: &Scan<'_>, members: &[Subject]) -> Vec<RowId> {
    let mut out = Vec::new();
    for member in members {
        match member {
            Subject::Row(id) => out.push(*id),
            Subject::Group(id) => out.extend(scan.group(*id).map(|g| rows(scan, &g.members)).unwrap_or_default()),
            _ => {}
        }
    }
    out
}

/// The most severe of the members' findings.
fn worst(scan: &Scan<'_>, members: &[Subject]) -> Option<Severity> {
    let findings = rows(scan, members).into_iter().filter_map(|id| scan.finding(id));
    findings.min_by_key(|f| (f.muted, f.severity)).map(|f| f.severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_fit_into_a_set() {
        assert!(kinds::KINDS.len() <= 64);
    }

    #[test]
    fn rules_have_names_of_their_own_and_explain_what_there_is() {
        let mut seen = std::collections::HashSet::new();
        for rule in RULES {
            assert!(seen.insert(rule.name), "{} twice", rule.name);
            assert!(rule.doc.ends_with('.'), "{}: {}", rule.name, rule.doc);
            for symptom in rule.symptoms {
                let known = crate::kinds::by_name(symptom).is_some() || RULES.iter().any(|r| r.name == *symptom);
                assert!(known, "{}: no kind and no rule is called {symptom}", rule.name);
            }
        }
    }
}
