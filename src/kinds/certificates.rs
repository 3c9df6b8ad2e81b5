//! Certificates: days left, and renewals that fail or never begin.
//!
//! `Ready` stays True until the very moment of expiry, even while every renewal fails: it never decides alone. Times
//! come from the status; how long before expiry a renewal begins is decided by cert-manager.

use serde::Deserialize;

use super::column::{Column, Field, Show};
use super::ending::{self, because, words};
use super::issuer_ref::IssuerRef;
use super::wire::{Condition, Conditions, Many, Object, Text, or_default};
use super::{Alarm, Api, Controller, Kind, KindSpec, base, decode};
use crate::domain::ages::Time;
use crate::domain::finding::{Finding, Judgement};
use crate::domain::health::{Health, Severity};
use crate::domain::interner::{Interner, Strings};
use crate::domain::record::{Cell, Record, clean};
use crate::domain::thresholds::Thresholds;

pub const NOT_AFTER: u8 = 0;
/// When the renewal is planned; none when it is not scheduled.
pub const RENEWAL: u8 = 1;
pub const LAST_FAILURE: u8 = 2;
pub const NEXT_TRY: u8 = 3;
/// Issuances failed in a row.
pub const ATTEMPTS: u8 = 4;
/// `True`, `False`, `Unknown`, or nothing.
const READY: u8 = 5;
/// When `Ready` last changed, or deletion was requested.
const SINCE: u8 = 6;
/// When the issuance in progress began.
pub const ISSUING: u8 = 7;
/// The last issuance was refused or failed.
const REFUSED: u8 = 8;
/// The Secret, which pods mount.
pub const SECRET: u8 = 9;
pub const ISSUER: u8 = 10;
const REVISION: u8 = 11;
/// Its lifetime in seconds.
const LIFETIME: u8 = 12;
/// When the current certificate became valid.
const NOT_BEFORE: u8 = 13;

pub const CERT_MANAGER: Controller = Controller { name: "cert-manager", serves: "certificates", home: "cert-manager" };

pub const SPEC: KindSpec = KindSpec {
    name: "Certificate",
    word: "certs",
    aliases: &["cert", "certificates"],
    title: "Certificates",
    api: Api::Watch {
        group: "cert-manager.io",
        versions: &["v1"],
        plural: "certificates",
        namespaced: true,
        decode: decode::<Certificates>,
    },
    columns: &[
        Column::new("NAMESPACE", Field::Namespace, 8, 24, 2),
        Column::new("NAME", Field::Name, 16, 48, 0),
        Column::new("STATUS", Field::Ranked(status, |r| r.time(NOT_AFTER).map_or(0, |t| t.0)), 9, 22, 0),
        Column::new("DAYS LEFT", Field::Left(NOT_AFTER), 9, 9, 1),
        Column::new("RENEWAL IN", Field::Left(RENEWAL), 10, 10, 3),
        Column::new("FAILED", Field::Cell(ATTEMPTS), 6, 6, 5).right(),
        Column::new("NEXT TRY", Field::Left(NEXT_TRY), 8, 8, 6),
        Column::new("ISSUER", Field::Cell(ISSUER), 8, 36, 4),
        Column::new("MESSAGE", Field::Note, 12, 160, 7),
        Column::new("SECRET", Field::Cell(SECRET), 8, 40, 8),
        Column::new("REVISION", Field::Cell(REVISION), 8, 8, 10).wide().right(),
        Column::new("AGE", Field::Age, 5, 7, 9),
    ],
    blinds: "certificates, expiry, failing renewals",
    judge,
    guide: include_str!("../../assets/guides/certificate.txt"),
    controller: Some(&CERT_MANAGER),
    alarm: Alarm::By("name"),
    makes_secret: Some(SECRET),
    ..KindSpec::BASE
};

struct Certificates;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    secret_name: Text,
    #[serde(deserialize_with = "or_default")]
    issuer_ref: IssuerRef,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    conditions: Many<Condition>,
    not_before: Text,
    not_after: Text,
    renewal_time: Text,
    revision: Option<i64>,
    failed_issuance_attempts: Option<i64>,
    last_failure_time: Text,
}

impl Kind for Certificates {
    type Spec = Spec;
    type Status = Status;

    fn read(object: &Object<Spec, Status>, intern: &mut Interner) -> Record {
        let (meta, spec, status) = (&object.metadata, &object.spec, &object.status);
        let mut record = base(meta, intern);
        let (ready, issuing) = (status.conditions.of("Ready"), status.conditions.of("Issuing"));
        // the reason is that of the request's condition, which may be a word of the issuer's own
        let refused = issuing.filter(|c| c.is_false() && !matches!(&*c.reason, "" | "Issued"));
        let failing = ready.filter(|c| c.is_false());
        (record.health, record.status) = match ready {
            Some(c) if c.is_true() => (Health::Ok, intern.get("Ready")),
            Some(c) if c.is_false() => {
                (Health::Failed, intern.get(if c.reason.is_empty() { "NotReady" } else { &c.reason }))
            }
            _ => (Health::Unknown, intern.get("Waiting")),
        };
        record.note = refused.or(failing).or(issuing).map_or_else(Box::default, |c| clean(&c.message));
        let last_failure = Time::parse(&status.last_failure_time);
        let attempts = status.failed_issuance_attempts.unwrap_or(0);
        let deleted = ending::mark(&mut record, meta, intern);
        let issuer = &spec.issuer_ref;
        let (begins, ends) = (Time::parse(&status.not_before), Time::parse(&status.not_after));
        let lifetime = begins.zip(ends).map(|(begins, ends)| begins.age(ends)).filter(|s| *s > 0);
        record.cells = Box::new([
            Cell::time(ends),
            Cell::time(Time::parse(&status.renewal_time)),
            Cell::time(last_failure),
            Cell::time(last_failure.map(|t| t.plus(backoff(attempts)))),
            if attempts > 0 { Cell::Int(attempts) } else { Cell::None },
            Cell::text(ready.map_or("", |c| &c.status), intern),
            Cell::time(deleted.or_else(|| ready.and_then(Condition::since))),
            Cell::time(issuing.filter(|c| c.is_true()).map(|c| c.since().unwrap_or(record.created))),
            Cell::Flag(refused.is_some()),
            Cell::text(&spec.secret_name, intern),
            Cell::text(&issuer.told(), intern),
            status.revision.map_or(Cell::None, Cell::Int),
            lifetime.map_or(Cell::None, Cell::Int),
            Cell::time(begins),
        ]);
        let mut links = ending::managers("Certificate", meta, intern);
        links.extend(issuer.link(&meta.namespace, intern));
        record.links = links.into();
        record
    }
}

/// cert-manager waits an hour after the first failure, then twice as long each time, at most 32 hours.
fn backoff(attempts: i64) -> i64 {
    3600 << attempts.saturating_sub(1).clamp(0, 5)
}

/// How long cert-manager waited between the first and the last of so many failures.
fn waited(attempts: i64) -> i64 {
    let pauses = attempts.saturating_sub(1).max(0);
    let growing = pauses.min(5);
    ((HOUR << growing) - HOUR).saturating_add((pauses - growing).saturating_mul(backoff(i64::MAX)))
}

/// Since when it could not be issued: since its renewal was due, or since its creation if it was never issued. Each
/// failure has a later time than the previous one, so the first of them is calculated back from the last.
pub fn failing_since(record: &Record, now: Time) -> Option<Time> {
    let never = record.int(REVISION) == 0 && record.time(NOT_AFTER).is_none();
    let made = Some(record.created).filter(|at| never && at.is_set());
    let due = record.time(RENEWAL).filter(|due| *due <= now);
    // a manual issuance does not wait: what was issued or created since did not fail before
    let floor = record.time(NOT_BEFORE).unwrap_or(record.created).max(record.created);
    let last = record.time(LAST_FAILURE);
    let first = last.map(|last| last.plus(-waited(record.int(ATTEMPTS))).max(floor.min(last)));
    [made, due, first].into_iter().flatten().min()
}

/// What decides, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Terminating,
    Expired,
    FirstIssuance,
    /// It was issued before, and the result is gone or unusable.
    Lost,
    NotReady,
    Failing,
    Overdue,
    /// It is issued over and over.
    Loop,
    Issuing,
    /// Nothing will renew it, and it expires soon.
    Unscheduled,
    Ok,
    Unknown,
}

fn case(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Case {
    let (not_after, issuing) = (record.time(NOT_AFTER), record.time(ISSUING).is_some());
    let ready = record.text(READY, strings);
    let reason = strings.get(record.status);
    let overdue = |t: Time| now > t.plus(overdue_after(record, thresholds));
    match ready {
        _ if record.health == Health::Terminating => Case::Terminating,
        _ if not_after.is_some_and(|t| now >= t) => Case::Expired,
        "False" if reason == "Expired" => Case::Expired,
        _ if is_loop(record, now) => Case::Loop,
        "False" if reason == "DoesNotExist" && record.int(REVISION) > 0 => Case::Lost,
        "False" if reason == "DoesNotExist" && issuing => Case::FirstIssuance,
        "False" => Case::NotReady,
        _ if record.time(LAST_FAILURE).is_some() || record.flag(REFUSED) => Case::Failing,
        _ if record.time(RENEWAL).is_some_and(overdue) && !issuing => Case::Overdue,
        _ if issuing => Case::Issuing,
        "True" => match not_after {
            None => Case::Unknown,
            Some(t) if record.time(RENEWAL).is_none() && t.0 - now.0 < limits(record, thresholds).0 => {
                Case::Unscheduled
            }
            Some(_) => Case::Ok,
        },
        _ => Case::Unknown,
    }
}

/// A renewal that is late by less than this may still start by itself; for a certificate that lasts only hours it is a
/// twelfth of that time.
fn overdue_after(record: &Record, thresholds: &Thresholds) -> i64 {
    match record.int(LIFETIME) {
        0 => thresholds.renewal_overdue,
        lifetime => thresholds.renewal_overdue.min(lifetime / 12),
    }
}

/// From so many issuances on, their frequency is judged.
const MANY: i64 = 20;

/// Whether it is issued over and over: its renewal is due as soon as it is issued, or it was issued far more often than
/// its lifetime requires.
fn is_loop(record: &Record, now: Time) -> bool {
    let at_once = record
        .time(NOT_BEFORE)
        .zip(record.time(RENEWAL))
        .is_some_and(|(from, renewal)| from.age(renewal) <= at_least(record));
    (at_once && record.int(LIFETIME) > 0) || often_until(record).is_some_and(|end| now < end)
}

/// The least time that should be between two issuances.
fn at_least(record: &Record) -> i64 {
    match record.int(LIFETIME) {
        0 => HOUR,
        lifetime => (lifetime / 20).min(HOUR),
    }
}

/// Until when it was issued too often for its age. Nothing in the object changes when that ends.
fn often_until(record: &Record) -> Option<Time> {
    let times = record.int(REVISION);
    let often = times >= MANY && record.created.is_set();
    often.then(|| record.created.plus(times.saturating_mul(at_least(record))))
}

const HOUR: i64 = 3600;

/// The remaining time from which a certificate is pressing, and urgent: for a certificate that lasts only days, a sixth
/// and a twelfth of its lifetime.
fn limits(record: &Record, thresholds: &Thresholds) -> (i64, i64) {
    let (soon, urgent) = (thresholds.certificate_soon, thresholds.certificate_urgent);
    match record.int(LIFETIME) {
        0 => (soon, urgent),
        lifetime => (soon.min(lifetime / 6), urgent.min(lifetime / 12)),
    }
}

/// How severe it is that a certificate is not issued, by the remaining time of the old one; and since when it is so
/// severe.
pub fn urgency(record: &Record, thresholds: &Thresholds, now: Time) -> (Severity, Option<Time>) {
    let (pressing, urgent) = limits(record, thresholds);
    let from = |left: i64| record.time(NOT_AFTER).map(|end| end.plus(1 - left));
    match record.time(NOT_AFTER).map(|end| end.0 - now.0) {
        Some(left) if left < urgent => (Severity::P1, from(urgent)),
        Some(left) if left < pressing => (Severity::P2, from(pressing)),
        _ => (Severity::P3, None),
    }
}

/// A finding whose severity follows from the remaining time of the certificate.
pub fn finding(severity: Severity, since: Option<Time>, urgency: (Severity, Option<Time>), why: String) -> Finding {
    let finding = Finding::new(severity, since, why);
    match urgency {
        (by_its_end, Some(from)) if by_its_end == severity => finding.graver_at(from),
        _ => finding,
    }
}

fn judge(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let t = thresholds;
    let (not_after, since) = (record.time(NOT_AFTER), record.time(SINCE));
    let (pressing, urgent) = limits(record, t);
    let soon = not_after.is_some_and(|end| end.0 - now.0 < pressing);
    let urgency = urgency(record, t, now);
    let severity = urgency.0;
    let note = |what: &str| because(what, &record.note);
    let judged = |health: Health, since: Option<Time>, why: String| {
        Judgement::of(health).with(finding(severity, since, urgency, why))
    };
    let long = record.time(ISSUING).is_some_and(|begun| begun.age(now) > t.issuing);
    let attempts = record.int(ATTEMPTS);
    let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
    let told = match case(record, strings, t, now) {
        Case::Terminating => return ending::judge(record, since, t, now),
        Case::Expired => {
            let finding = Finding::new(Severity::P1, not_after.or(since), note("expired"));
            Judgement::of(Health::Failed).with(finding)
        }
        Case::FirstIssuance if long => {
            let begun = if attempts > 0 { failing_since(record, now) } else { record.time(ISSUING) };
            judged(Health::Warning, begun, note("first issuance takes too long"))
        }
        Case::FirstIssuance if attempts > 0 => judged(
            Health::Progressing,
            failing_since(record, now),
            format!("first issuance failed {times}, trying again"),
        ),
        Case::Lost => {
            let begun = since.unwrap_or(record.created);
            let (why, judged) = (note("issued before, and its Secret is gone"), Judgement::of(Health::Failed));
            ending::after(judged, begun, t.reconcile_grace, severity.min(Severity::P2), why, now)
        }
        Case::Loop => judged(Health::Warning, record.time(NOT_BEFORE), note("issued over and over")),
        Case::NotReady => {
            let begun = since.unwrap_or(record.created);
            let ends = begun.plus(t.reconcile_grace);
            if now < ends && attempts < 2 {
                Judgement::of(Health::Failed).again_at(ends)
            } else {
                let reason = match strings.get(record.status) {
                    "DoesNotExist" => "never issued".to_owned(),
                    reason => words(reason),
                };
                judged(Health::Failed, since, note(&reason))
            }
        }
        Case::Failing => {
            let health = if soon { Health::Failed } else { Health::Warning };
            let what = if attempts > 0 { format!("renewal failed {times}") } else { "renewal failed".to_owned() };
            judged(health, failing_since(record, now), note(&what))
        }
        Case::Overdue => judged(Health::Warning, record.time(RENEWAL), "renewal overdue".to_owned()),
        Case::Issuing if long => judged(Health::Warning, record.time(ISSUING), note("renewal takes too long")),
        Case::Issuing if soon => judged(Health::Warning, record.time(RENEWAL), note("ends soon, renewal under way")),
        Case::FirstIssuance | Case::Issuing => Judgement::of(Health::Progressing),
        Case::Unscheduled => judged(Health::Warning, None, "ends soon, no renewal scheduled".to_owned()),
        Case::Ok => Judgement::of(Health::Ok),
        Case::Unknown => unknown(record, strings, t, now),
    };
    let turns = [
        not_after,
        not_after.map(|end| end.plus(1 - pressing)),
        not_after.map(|end| end.plus(1 - urgent)),
        record.time(RENEWAL).map(|at| at.plus(overdue_after(record, t) + 1)),
        record.time(ISSUING).map(|at| at.plus(t.issuing + 1)),
        often_until(record),
    ];
    turns.into_iter().flatten().filter(|at| *at > now).fold(told, Judgement::again_at)
}

fn unknown(record: &Record, strings: &Strings, thresholds: &Thresholds, now: Time) -> Judgement {
    let ends = record.created.plus(thresholds.reconcile_grace);
    if now < ends {
        return Judgement::of(Health::Unknown).again_at(ends);
    }
    let why =
        if record.text(READY, strings) == "True" { "its expiry is not known" } else { "waiting for cert-manager" };
    Judgement::of(Health::Unknown).with(Finding::new(Severity::P3, record.time(SINCE), why))
}

/// The word at this moment: a certificate expires without any change in the cluster.
fn status(record: &Record, show: &Show<'_>, out: &mut String) {
    out.push_str(match case(record, show.strings, &Thresholds::default(), show.now) {
        Case::Expired => "Expired",
        Case::FirstIssuance | Case::Issuing => "Issuing",
        Case::Lost => "SecretLost",
        Case::Loop => "IssuedOverAndOver",
        Case::Failing => "RenewalFailing",
        Case::Overdue => "RenewalOverdue",
        Case::Unscheduled => "NoRenewal",
        Case::Unknown => "Unknown",
        Case::Terminating | Case::NotReady | Case::Ok => show.strings.get(record.status),
    });
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::kinds::testing::{NOW, at, seen};

    const READY: &str = "Ready";

    /// `conditions` as (type, status, reason, message), all since 2026-11-21T10:00:00Z.
    fn certificate(conditions: &[(&str, &str, &str, &str)], status: &Value) -> Value {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(t, s, r, m)| {
                json!({"type": t, "status": s, "reason": r, "message": m,
                "lastTransitionTime": "2026-11-21T10:00:00Z"})
            })
            .collect();
        let mut status = status.clone();
        status["conditions"] = conditions.into();
        json!({"metadata": {"name": "loki-tls", "namespace": "logging", "creationTimestamp": "2026-09-01T00:00:00Z"},
            "spec": {"secretName": "loki-tls", "issuerRef": {"name": "platform-ca", "kind": "ClusterIssuer",
                "group": "cert-manager.io"}},
            "status": status})
    }

    fn good() -> (&'static str, &'static str, &'static str, &'static str) {
        (READY, "True", "Ready", "Certificate is up to date and has not expired")
    }

    #[rstest]
    #[case::healthy("2027-02-01T00:00:00Z", Some("2027-01-02T00:00:00Z"), "ok")]
    #[case::renewal_due_but_young("2026-12-21T13:30:00Z", Some("2026-11-21T13:30:00Z"), "ok")]
    #[case::renewal_overdue("2026-12-21T12:00:00Z", Some("2026-11-21T12:00:00Z"), "warning P3 renewal overdue")]
    #[case::overdue_and_close("2026-11-25T00:00:00Z", Some("2026-11-21T12:00:00Z"), "warning P2 renewal overdue")]
    #[case::overdue_and_tomorrow("2026-11-22T13:00:00Z", Some("2026-11-21T12:00:00Z"), "warning P1 renewal overdue")]
    #[case::short_lived_but_on_time("2026-11-21T18:00:00Z", Some("2026-11-21T17:00:00Z"), "ok")]
    #[case::no_renewal_far_away("2027-02-01T00:00:00Z", None, "ok")]
    #[case::no_renewal_close("2026-11-25T00:00:00Z", None, "warning P2 ends soon, no renewal scheduled")]
    #[case::no_renewal_tomorrow("2026-11-22T00:00:00Z", None, "warning P1 ends soon, no renewal scheduled")]
    #[case::expired_while_ready("2026-11-21T14:00:00Z", Some("2026-10-21T14:00:00Z"), "failed P1 expired")]
    fn a_ready_certificate_is_judged_by_its_times(
        #[case] not_after: &str,
        #[case] renewal: Option<&str>,
        #[case] verdict: &str,
    ) {
        let seen = seen("certs", &certificate(&[good()], &json!({"notAfter": not_after, "renewalTime": renewal})));
        assert_eq!(seen.verdict(NOW), verdict);
    }

    #[rstest]
    #[case::far(90, 1, "warning P3 renewal failed once: issuer refused")]
    #[case::week(6, 3, "failed P2 renewal failed 3 times: issuer refused")]
    #[case::hours(0, 9, "failed P1 renewal failed 9 times: issuer refused")]
    fn failing_renewals_show_while_ready_stays_true(#[case] days: i64, #[case] attempts: i64, #[case] verdict: &str) {
        let not_after = at(NOW).plus(days * 86_400 + 7200).timestamp().to_string();
        let failed = ("Issuing", "False", "Failed", "issuer refused");
        let json = certificate(
            &[failed, good()],
            &json!({"notAfter": not_after, "renewalTime": "2026-11-20T00:00:00Z",
                "lastFailureTime": "2026-11-21T13:00:00Z", "failedIssuanceAttempts": attempts}),
        );
        let seen = seen("certs", &json);
        assert_eq!(seen.verdict(NOW), verdict);
        assert_eq!(seen.column("STATUS"), "RenewalFailing");
    }

    #[rstest]
    #[case(0, "2026-11-21T14:00:00Z")]
    #[case(1, "2026-11-21T14:00:00Z")]
    #[case(3, "2026-11-21T17:00:00Z")]
    #[case(6, "2026-11-22T21:00:00Z")]
    #[case(40, "2026-11-22T21:00:00Z")]
    fn the_next_try_waits_twice_as_long_each_time(#[case] attempts: i64, #[case] next: &str) {
        let status = json!({"lastFailureTime": "2026-11-21T13:00:00Z", "failedIssuanceAttempts": attempts});
        let seen = seen("certs", &certificate(&[good()], &status));
        assert_eq!(seen.record.time(super::NEXT_TRY), Some(at(next)));
    }

    #[rstest]
    #[case::first(&[(READY, "False", "DoesNotExist", "no Secret"), ("Issuing", "True", "DoesNotExist", "no Secret")], json!({}),
        "2026-11-21T10:15:00Z", "progressing")]
    #[case::lost(&[(READY, "False", "DoesNotExist", "no Secret"), ("Issuing", "True", "DoesNotExist", "no Secret")],
        json!({"revision": 3}), "2026-11-21T10:03:00Z", "failed P2 issued before, and its Secret is gone: no Secret")]
    #[case::lost_a_moment_ago(&[(READY, "False", "DoesNotExist", "x"), ("Issuing", "True", "DoesNotExist", "x")],
        json!({"revision": 3}), "2026-11-21T10:02:59Z", "failed")]
    #[case::lost_and_nobody_issues(&[(READY, "False", "DoesNotExist", "no Secret")],
        json!({"revision": 1}), NOW, "failed P2 issued before, and its Secret is gone: no Secret")]
    #[case::first_again(&[(READY, "False", "DoesNotExist", "x"), ("Issuing", "True", "DoesNotExist", "x")],
        json!({"failedIssuanceAttempts": 2}), "2026-11-21T10:15:00Z",
        "progressing P3 first issuance failed 2 times, trying again")]
    #[case::first_stuck(&[(READY, "False", "DoesNotExist", "x"), ("Issuing", "True", "DoesNotExist", "x")], json!({}),
        "2026-11-21T10:15:01Z", "warning P3 first issuance takes too long: x")]
    #[case::young(&[(READY, "False", "SecretMismatch", "x")], json!({}), "2026-11-21T10:02:59Z", "failed")]
    #[case::mismatch(&[(READY, "False", "SecretMismatch", "x")], json!({}), "2026-11-21T10:03:00Z",
        "failed P3 secret mismatch: x")]
    #[case::never(&[(READY, "False", "DoesNotExist", "x"), ("Issuing", "False", "Denied", "policy")], json!({}), NOW,
        "failed P3 never issued: policy")]
    #[case::expired_said(&[(READY, "False", "Expired", "x")], json!({}), NOW, "failed P1 expired: x")]
    #[case::issuing(&[good(), ("Issuing", "True", "Renewing", "m")],
        json!({"notAfter": "2026-12-21T00:00:00Z", "renewalTime": "2026-11-21T08:00:00Z"}), "2026-11-21T10:15:00Z",
        "progressing")]
    #[case::issuing_and_days_left(&[good(), ("Issuing", "True", "Renewing", "m")],
        json!({"notAfter": "2026-11-24T00:00:00Z", "renewalTime": "2026-11-21T08:00:00Z"}), "2026-11-21T10:01:00Z",
        "warning P2 ends soon, renewal under way: m")]
    #[case::issuing_and_hours_left(&[good(), ("Issuing", "True", "Renewing", "m")],
        json!({"notAfter": "2026-11-22T00:00:00Z", "renewalTime": "2026-11-21T08:00:00Z"}), "2026-11-21T10:01:00Z",
        "warning P1 ends soon, renewal under way: m")]
    #[case::short_lived_and_on_time(&[good(), ("Issuing", "True", "Renewing", "m")],
        json!({"notBefore": "2026-11-21T09:20:00Z", "notAfter": "2026-11-21T10:20:00Z", "renewalTime": "2026-11-21T10:00:00Z"}),
        "2026-11-21T10:05:00Z", "progressing")]
    #[case::short_lived_and_late(&[good(), ("Issuing", "True", "Renewing", "m")],
        json!({"notBefore": "2026-11-21T09:20:00Z", "notAfter": "2026-11-21T10:20:00Z", "renewalTime": "2026-11-21T10:00:00Z"}),
        "2026-11-21T10:12:00Z", "warning P2 ends soon, renewal under way: m")]
    #[case::refused_in_words_of_its_own(&[good(), ("Issuing", "False", "IPAError", "IPA answered 500")],
        json!({"notAfter": "2026-12-21T00:00:00Z"}), NOW, "warning P3 renewal failed: IPA answered 500")]
    #[case::issued(&[good(), ("Issuing", "False", "Issued", "done")], json!({"notAfter": "2026-12-21T00:00:00Z"}), NOW, "ok")]
    #[case::issuing_long(&[good(), ("Issuing", "True", "Renewing", "m")],
        json!({"notAfter": "2026-12-21T00:00:00Z", "renewalTime": "2026-11-21T08:00:00Z"}), NOW,
        "warning P3 renewal takes too long: m")]
    #[case::refused(&[good(), ("Issuing", "False", "Denied", "policy")], json!({"notAfter": "2026-12-21T00:00:00Z"}), NOW,
        "warning P3 renewal failed: policy")]
    #[case::no_end(&[good()], json!({}), NOW, "unknown P3 its expiry is not known")]
    #[case::silent(&[], json!({}), NOW, "unknown P3 waiting for cert-manager")]
    fn conditions_are_found_by_type_and_in_order(
        #[case] conditions: &[(&str, &str, &str, &str)],
        #[case] status: Value,
        #[case] now: &str,
        #[case] verdict: &str,
    ) {
        assert_eq!(seen("certs", &certificate(conditions, &status)).verdict(now), verdict);
    }

    /// Lifetime and what is left in minutes.
    #[rstest]
    #[case::a_day_on_time(1440, 600, "ok")]
    #[case::a_day_failing(1440, 470, "warning P3 renewal failed once")]
    #[case::a_day_pressing(1440, 239, "failed P2 renewal failed once")]
    #[case::a_day_urgent(1440, 119, "failed P1 renewal failed once")]
    #[case::an_hour(60, 19, "warning P3 renewal failed once")]
    #[case::a_week(10_080, 3000, "warning P3 renewal failed once")]
    #[case::ninety_days(129_600, 9000, "failed P2 renewal failed once")]
    #[case::ninety_days_urgent(129_600, 1400, "failed P1 renewal failed once")]
    fn a_certificate_is_judged_by_its_own_lifetime(#[case] lifetime: i64, #[case] left: i64, #[case] verdict: &str) {
        let end = at(NOW).plus(left * 60);
        let time = |t: crate::domain::ages::Time| t.timestamp().to_string();
        let mut status = json!({"notAfter": time(end), "notBefore": time(end.plus(-lifetime * 60)),
            "renewalTime": time(end.plus(-lifetime * 20))});
        if verdict != "ok" {
            status["failedIssuanceAttempts"] = json!(1);
            status["lastFailureTime"] = json!("2026-11-21T13:59:00Z");
        }
        let mut object = certificate(&[good()], &status);
        object["status"]["conditions"][0]["message"] = json!("");
        assert_eq!(seen("certs", &object).verdict(NOW), verdict);
    }

    #[rstest]
    #[case::due_at_once(json!({"notBefore": "2026-11-21T13:00:00Z", "notAfter": "2026-12-21T13:00:00Z",
        "renewalTime": "2026-11-21T13:00:00Z", "revision": 3}), "warning P3 issued over and over: m")]
    #[case::far_too_often(json!({"notBefore": "2026-11-21T13:59:00Z", "notAfter": "2027-02-19T13:59:00Z",
        "renewalTime": "2027-01-20T13:59:00Z", "revision": 20_000}), "warning P3 issued over and over: m")]
    #[case::short_lived(json!({"notBefore": "2026-11-21T13:59:00Z", "notAfter": "2026-11-21T14:59:00Z",
        "renewalTime": "2026-11-21T14:39:00Z", "revision": 2900}), "progressing")]
    #[case::old_and_renewed_often(json!({"notBefore": "2026-11-01T00:00:00Z", "notAfter": "2027-01-30T00:00:00Z",
        "renewalTime": "2026-12-31T00:00:00Z", "revision": 19}), "progressing")]
    fn issuance_in_a_loop_is_told(#[case] status: Value, #[case] verdict: &str) {
        let mut object = certificate(&[good(), ("Issuing", "True", "Renewing", "m")], &status);
        object["status"]["conditions"][1]["lastTransitionTime"] = json!("2026-11-21T13:59:30Z");
        assert_eq!(seen("certs", &object).verdict(NOW), verdict);
    }

    #[rstest]
    #[case::urgent(1410, "2026-11-21T13:30:01Z")]
    #[case::pressing(9000, "2026-11-20T20:00:01Z")]
    #[case::not_yet(20_000, "2026-11-01T13:59:00Z")]
    fn one_that_runs_out_is_as_urgent_as_it_is_since_so_little_was_left(#[case] left: i64, #[case] severe: &str) {
        let end = at(NOW).plus(left * 60).timestamp().to_string();
        let status = json!({"notAfter": end, "failedIssuanceAttempts": 1, "lastFailureTime": "2026-11-01T13:59:00Z"});
        let judged = seen("certs", &certificate(&[good()], &status)).judged(NOW);
        let finding = &judged.findings[0];
        assert_eq!((finding.since, finding.severe()), (Some(at("2026-11-01T13:59:00Z")), Some(at(severe))));
    }

    #[rstest]
    #[case::due_long_since(json!({"revision": 3, "notBefore": "2026-09-01T00:00:00Z", "notAfter": "2026-11-26T14:00:00Z",
        "renewalTime": "2026-10-27T14:00:00Z", "failedIssuanceAttempts": 5}), "2026-10-27T14:00:00Z", "2026-11-19T14:00:01Z")]
    #[case::asked_for_before_it_was_due(json!({"revision": 3, "notBefore": "2026-11-01T00:00:00Z",
        "notAfter": "2027-01-30T00:00:00Z", "renewalTime": "2026-12-30T00:00:00Z", "failedIssuanceAttempts": 4}),
        "2026-11-21T06:58:00Z", "2026-11-21T06:58:00Z")]
    #[case::waits_no_longer_than_it_does(json!({"revision": 3, "notBefore": "2026-11-01T00:00:00Z",
        "notAfter": "2027-01-30T00:00:00Z", "renewalTime": "2026-12-30T00:00:00Z", "failedIssuanceAttempts": 8}),
        "2026-11-17T14:58:00Z", "2026-11-17T14:58:00Z")]
    #[case::issued_between(json!({"revision": 3, "notBefore": "2026-11-21T12:00:00Z", "notAfter": "2027-01-30T00:00:00Z",
        "renewalTime": "2026-12-30T00:00:00Z", "failedIssuanceAttempts": i64::MAX}), "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z")]
    fn it_fails_since_it_could_not_be_renewed_however_often_it_was_tried(
        #[case] mut status: Value,
        #[case] since: &str,
        #[case] severe: &str,
    ) {
        status["lastFailureTime"] = json!("2026-11-21T13:58:00Z");
        let judged = seen("certs", &certificate(&[good()], &status)).judged(NOW);
        let finding = &judged.findings[0];
        assert_eq!((finding.since, finding.severe()), (Some(at(since)), Some(at(severe))));
    }

    #[rstest]
    #[case::again("2026-11-21T13:59:57Z")]
    #[case::for_too_long("2026-11-21T13:30:00Z")]
    fn one_that_was_never_issued_fails_since_it_was_made(#[case] issuing: &str) {
        let status = json!({"lastFailureTime": "2026-11-21T13:28:00Z", "failedIssuanceAttempts": 6});
        let trying = ("Issuing", "True", "DoesNotExist", "m");
        let mut object = certificate(&[(READY, "False", "DoesNotExist", "x"), trying], &status);
        object["status"]["conditions"][1]["lastTransitionTime"] = json!(issuing);
        assert_eq!(seen("certs", &object).judged(NOW).findings[0].since, Some(at("2026-09-01T00:00:00Z")));
    }

    #[test]
    fn an_issuer_of_others_is_not_cert_managers_own_of_the_same_kind_and_name() {
        let mut object = certificate(&[good()], &json!({"notAfter": "2026-12-21T14:00:00Z"}));
        object["spec"]["issuerRef"] =
            json!({"group": "certmanager.freeipa.org", "kind": "ClusterIssuer", "name": "corporate"});
        let seen = seen("certs", &object);
        assert_eq!(seen.links(), ["From ClusterIssuer.certmanager.freeipa.org /corporate"]);
        assert_eq!(seen.column("ISSUER"), "ClusterIssuer.certmanager.freeipa.org/corporate");
    }

    #[test]
    fn a_judgement_is_asked_for_again_when_it_turns() {
        let json =
            certificate(&[good()], &json!({"notAfter": "2026-12-21T00:00:00Z", "renewalTime": "2026-11-30T00:00:00Z"}));
        let seen = seen("certs", &json);
        assert_eq!(seen.judged(NOW).recheck, Some(at("2026-11-30T01:00:01Z")));
        assert_eq!(seen.verdict("2026-11-30T01:00:00Z"), "ok");
        assert_eq!(seen.verdict("2026-11-30T01:00:01Z"), "warning P3 renewal overdue");
        assert_eq!(seen.judged("2026-11-30T01:00:01Z").recheck, Some(at("2026-12-14T00:00:01Z")));
        assert_eq!(seen.verdict("2026-12-14T00:00:01Z"), "warning P2 renewal overdue");
        assert_eq!(seen.verdict("2026-12-21T00:00:00Z"), "failed P1 expired");
        assert_eq!(seen.judged("2026-12-21T00:00:00Z").recheck, None);
    }

    #[test]
    fn a_loop_that_has_ended_is_told_no_more() {
        let times = json!({"notBefore": "2026-11-21T13:59:00Z", "notAfter": "2027-02-19T13:59:00Z",
            "renewalTime": "2027-01-20T13:59:00Z", "revision": 2000});
        let seen = seen("certs", &certificate(&[good()], &times));
        let end = "2026-11-23T08:00:00Z";
        assert_eq!(seen.judged(NOW).recheck, Some(at(end)), "2000 hours after it was made");
        assert_eq!(seen.verdict("2026-11-23T07:59:59Z").split(':').next(), Some("warning P3 issued over and over"));
        assert_eq!(seen.verdict(end), "ok");
    }

    #[test]
    fn a_cluster_issuer_has_no_namespace() {
        let seen = seen("certs", &certificate(&[good()], &json!({"notAfter": "2026-12-21T14:00:00Z"})));
        assert_eq!(seen.links(), ["From ClusterIssuer /platform-ca"]);
        assert_eq!((seen.column("DAYS LEFT").as_str(), seen.column("SECRET").as_str()), ("30d", "loki-tls"));
    }
}
