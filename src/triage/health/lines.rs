//! The questions, in the order of the platform's runbook, and the data that answers each.

use super::tally::Tally;
use super::{Line, Verdict};
use crate::domain::ages::Time;
use crate::domain::health::Health;
use crate::domain::record::{Cell, KindId, Record};
use crate::domain::usage::{Seen, Usage, Usages};
use crate::kinds::alerts::{self, State};
use crate::kinds::{
    self, Family, KindSpec, certificates, nodes, peer_authentications, policy_reports, resource_quotas, seals, velero,
};
use crate::store::Store;

/// A certificate that ends within this time is counted, in seconds.
const EXPIRING: i64 = 30 * 86_400;
/// Percent of a node's memory or CPU from which it is nearly used up, and from which there is nothing left.
const NEARLY: i64 = 90;
const FULL: i64 = 98;

/// Every question with its answer now.
pub fn lines(store: &Store, used: &Seen<Usages>, now: Time) -> Vec<Line> {
    let is_issuer = |kind: &KindSpec| kind.family == Family::Issuer;
    let mut out = vec![nodes_ready(store), usage(used), pods(store), workloads(store)];
    out.extend(counted(store, KindSpec::is_flux));
    out.push(certificates(store, now));
    out.extend(counted(store, is_issuer));
    out.extend([backups(store), locations(store), seals(store)]);
    out.extend(counted(store, |kind| !kind.is_flux() && !is_issuer(kind)));
    out.extend([firing(store), policies(store), claims(store), quotas(store), mesh(store)]);
    out
}

/// The questions that are answered by counting: kinds whose rows name the same one are counted together.
fn counted(store: &Store, which: impl Fn(&KindSpec) -> bool) -> Vec<Line> {
    let mut questions: Vec<(&'static str, Vec<KindId>)> = Vec::new();
    for id in kinds::ids().filter(|id| which(kinds::spec(*id))) {
        let what = kinds::spec(id).counted_as;
        match questions.iter_mut().find(|(known, _)| *known == what) {
            Some((_, together)) => together.push(id),
            None if what.is_empty() => {}
            None => questions.push((what, vec![id])),
        }
    }
    questions.into_iter().map(|(what, kinds)| count_of(store, what, &kinds)).collect()
}

fn count(rows: impl Iterator) -> i64 {
    i64::try_from(rows.count()).unwrap_or(i64::MAX)
}

fn is_fault(_: &Record, health: Health) -> bool {
    health.is_fault()
}

/// Counts, and names what is unhealthy or suspended.
fn count_of(store: &Store, what: &'static str, kinds: &[KindId]) -> Line {
    let tally = Tally::of(store, kinds.iter().copied());
    if !kinds.iter().any(|kind| kinds::spec(*kind).switch.is_some()) {
        let numbers = vec![("ready", tally.with(Health::Ok)), ("total", tally.total())];
        return tally.line(what, tally.verdict(), numbers, tally.named(is_fault));
    }
    let suspended = count(tally.rows().filter(|(r, _)| r.suspended == Some(true)));
    let numbers = vec![
        ("ready", tally.with(Health::Ok)),
        ("failed", tally.with(Health::Failed)),
        ("suspended", suspended),
        ("total", tally.total()),
    ];
    let verdict = match tally.verdict() {
        Verdict::Ok if suspended > 0 => Verdict::Warning,
        verdict => verdict,
    };
    let why = tally.named(|r, health| health.is_fault() || r.suspended == Some(true));
    tally.line(what, verdict, numbers, why)
}

fn nodes_ready(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::NODE]);
    let status = |record: &Record| store.strings.get(record.status).to_owned();
    let ready = count(tally.rows().filter(|(r, _)| status(r).split(',').next() == Some("Ready")));
    let pressed = count(tally.rows().filter(|(r, _)| r.cell(nodes::PRESSURE) != Cell::None));
    let cordoned = |r: &Record| status(r).contains("SchedulingDisabled");
    let shut = count(tally.rows().filter(|(r, _)| cordoned(r)));
    let verdict = match tally.verdict() {
        // on purpose, but capacity is missing until the node is uncordoned
        Verdict::Ok if shut > 0 => Verdict::Warning,
        // a cluster without a node is no healthy cluster
        Verdict::Ok if tally.is_none() => Verdict::Unknown,
        verdict => verdict,
    };
    let numbers = vec![("ready", ready), ("total", tally.total()), ("under pressure", pressed), ("cordoned", shut)];
    let why = tally.named(|r, health| health.is_fault() || cordoned(r));
    tally.line("Nodes", verdict, numbers, why)
}

fn usage(used: &Seen<Usages>) -> Line {
    let line =
        |verdict, numbers, why| Line { what: "Resource usage", verdict, numbers, why, kind: None, faults: false };
    let usages = match used {
        Seen::NotAsked => return line(Verdict::Unknown, Vec::new(), "not read yet".to_owned()),
        Seen::NotInstalled => return line(Verdict::NotInstalled, Vec::new(), "no metrics-server".to_owned()),
        Seen::Unreadable(why) => return line(Verdict::Unknown, Vec::new(), why.clone()),
        Seen::Is(usages) => usages,
    };
    let mut nodes = usages.nodes.clone();
    let most = |of: fn(&Usage) -> i64| nodes.iter().map(of).max().unwrap_or(0);
    let (cpu, memory) = (most(|node| node.cpu), most(|node| node.memory));
    // what runs out of CPU is slow, what runs out of memory is killed
    let verdict = match (memory, cpu) {
        (FULL.., _) => Verdict::Failed,
        // the node without metrics may be the one that is full
        _ if !usages.unknown.is_empty() => Verdict::Unknown,
        (NEARLY.., _) | (_, NEARLY..) => Verdict::Warning,
        _ => Verdict::Ok,
    };
    let total = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    let mut numbers = vec![("% CPU at most", cpu), ("% memory at most", memory), ("nodes", total)];
    if !usages.unknown.is_empty() {
        numbers.push(("without metrics", i64::try_from(usages.unknown.len()).unwrap_or(i64::MAX)));
    }
    nodes.retain(|node| node.cpu >= NEARLY || node.memory >= NEARLY);
    let mut full: Vec<String> =
        nodes.iter().take(3).map(|n| format!("{} at {} % CPU, {} % memory", n.node, n.cpu, n.memory)).collect();
    full.extend(usages.unknown.first().map(|node| match usages.unknown.len() {
        1 => format!("no metrics of {node}"),
        n => format!("no metrics of {node} and {} more", n - 1),
    }));
    line(verdict, numbers, full.join("; "))
}

fn pods(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::POD]);
    let numbers = vec![
        ("not healthy", tally.faults()),
        ("failed", tally.with(Health::Failed)),
        ("starting", tally.with(Health::Progressing)),
        ("total", tally.total()),
    ];
    tally.line("Pods", tally.verdict(), numbers, tally.named(is_fault))
}

fn workloads(store: &Store) -> Line {
    let tally = Tally::of(store, kinds::of_family(Family::Workload));
    let numbers = vec![
        ("ready", tally.with(Health::Ok)),
        ("rolling out", tally.with(Health::Progressing)),
        ("total", tally.total()),
    ];
    tally.line("Workloads", tally.verdict(), numbers, tally.named(is_fault))
}

fn certificates(store: &Store, now: Time) -> Line {
    let tally = Tally::of(store, [kinds::CERTIFICATE]);
    let left = |r: &Record| r.time(certificates::NOT_AFTER).map(|end| end.0 - now.0);
    let expiring = |r: &Record| left(r).is_some_and(|left| left < EXPIRING);
    let expired = count(tally.rows().filter(|(r, _)| left(r).is_some_and(|left| left <= 0)));
    let soon = count(tally.rows().filter(|(r, _)| expiring(r)));
    let first =
        tally.rows().filter_map(|(r, _)| left(r)).filter(|left| *left > 0).min().map(|left| left.div_euclid(86_400));
    let mut numbers = vec![
        ("ready", tally.with(Health::Ok)),
        ("total", tally.total()),
        ("expiring in 30 d", soon),
        ("expired", expired),
    ];
    numbers.extend(first.map(|days| ("days to the first", days)));
    // short-lived certificates end soon all the time: what matters is whether they are renewed
    tally.line("Certificates", tally.verdict(), numbers, tally.named(is_fault))
}

fn backups(store: &Store) -> Line {
    let schedules = Tally::of(store, [kinds::SCHEDULE]);
    let both = Tally::of(store, [kinds::SCHEDULE, kinds::BACKUP]);
    let backups = Tally::of(store, [kinds::BACKUP]);
    let good = count(backups.rows().filter(|(_, health)| *health == Health::Ok));
    let newest = backups.rows().max_by_key(|(r, _)| (velero::begun(r), r.uid));
    let numbers =
        vec![("schedules", schedules.total()), ("in order", schedules.with(Health::Ok)), ("completed backups", good)];
    let mut why = schedules.named(is_fault);
    if let Some((record, _)) = newest {
        let told = format!("newest {} {}", record.name, store.strings.get(record.status));
        why = if why.is_empty() { told } else { format!("{why}; {told}") };
    }
    let verdict = match schedules.verdict() {
        Verdict::Ok if schedules.is_none() => {
            why = "there is no schedule".to_owned();
            Verdict::Warning
        }
        Verdict::Ok if schedules.with(Health::Suspended) > 0 => Verdict::Warning,
        verdict => verdict,
    };
    let line = both.line("Backups", verdict, numbers, why);
    // the schedules are judged: the result of an old backup is no fault of today
    let faults = schedules.faults() > 0;
    Line { kind: line.kind.map(|_| kinds::SCHEDULE), faults, ..line }
}

fn locations(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::BACKUP_STORAGE_LOCATION]);
    let numbers = vec![("available", tally.with(Health::Ok)), ("total", tally.total())];
    let (verdict, why) = match tally.verdict() {
        Verdict::Ok if tally.is_none() => (Verdict::Failed, "backups have nowhere to go".to_owned()),
        verdict => (verdict, tally.named(is_fault)),
    };
    tally.line("Backup locations", verdict, numbers, why)
}

fn seals(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::SEAL]);
    let is_cluster = |r: &Record| r.flag(seals::IS_CLUSTER);
    let replicas = || tally.rows().filter(|(r, _)| !is_cluster(r));
    let serving = count(replicas().filter(|(r, _)| seals::State::of(r, &store.strings).serves()));
    let sealed = count(replicas().filter(|(r, _)| seals::State::of(r, &store.strings) == seals::State::Sealed));
    let numbers = vec![("unsealed", serving), ("sealed", sealed), ("replicas", count(replicas()))];
    let quorum: Vec<String> = tally
        .rows()
        .filter(|(r, _)| is_cluster(r))
        .map(|(r, _)| format!("{} {}", store.strings.get(r.namespace), store.strings.get(r.status)))
        .collect();
    // a replica that is sealed costs redundancy; the quorum says whether secrets are served
    let quorum_lost = tally.rows().any(|(r, health)| is_cluster(r) && health == Health::Failed);
    let verdict = match tally.verdict() {
        Verdict::Failed if !quorum_lost && !quorum.is_empty() => Verdict::Warning,
        verdict => verdict,
    };
    tally.line("OpenBao", verdict, numbers, quorum.join("; "))
}

fn firing(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::ALERT]);
    let state = |r: &Record| State::of(r, &store.strings);
    let fires = |r: &Record| matches!(state(r), State::Firing | State::Active);
    let grade = |r: &Record| alerts::grade(r.text(alerts::SEVERITY, &store.strings));
    let mut by = [0i64; 4];
    for (record, _) in tally.rows().filter(|(r, _)| fires(r)) {
        if let Some(severity) = grade(record) {
            by[severity as usize - 1] += 1;
        }
    }
    let silenced = count(tally.rows().filter(|(r, _)| matches!(state(r), State::Silenced | State::Inhibited)));
    let broken = count(tally.rows().filter(|(r, _)| state(r) == State::BrokenRule));
    let numbers = vec![
        ("critical", by[0] + by[1]),
        ("warning", by[2]),
        ("info", by[3]),
        ("silenced", silenced),
        ("broken rules", broken),
    ];
    let quiet = tally.rows().find(|(r, _)| state(r) == State::NotFiring);
    let watchdog = tally.rows().any(|(r, _)| fires(r) && grade(r).is_none() && WATCHDOGS.contains(&&*r.name));
    let (verdict, watched) = match (quiet, watchdog) {
        (Some((record, _)), _) => (Verdict::Failed, format!("{} is not firing", record.name)),
        (None, true) => (Verdict::Ok, "Watchdog fires".to_owned()),
        // nobody would notice if alerts stopped: worth knowing, and no fault of today
        (None, false) => (Verdict::Ok, "there is no Watchdog".to_owned()),
    };
    let graver = match (by[0] + by[1], by[2] + broken) {
        (1.., _) => Verdict::Failed,
        (_, 1..) => Verdict::Warning,
        _ => Verdict::Ok,
    };
    tally.line("Alerts", verdict.max(graver), numbers, watched)
}

/// Alerts that fire as long as alerting works.
const WATCHDOGS: [&str; 2] = ["Watchdog", "DeadMansSwitch"];

fn policies(store: &Store) -> Line {
    let tally = Tally::of(store, kinds::of_family(Family::PolicyReport));
    let sum = |cell: u8| tally.rows().map(|(r, _)| r.int(cell)).sum::<i64>();
    let (fail, warn, error) = (sum(policy_reports::FAIL), sum(policy_reports::WARN), sum(policy_reports::ERROR));
    let numbers = vec![("fail", fail), ("warn", warn), ("error", error), ("pass", sum(policy_reports::PASS))];
    let mut policies: Vec<&str> =
        tally.rows().map(|(r, _)| r.text(policy_reports::POLICY, &store.strings)).filter(|p| !p.is_empty()).collect();
    policies.sort_unstable();
    policies.dedup();
    policies.truncate(3);
    // only unreadable results are worse than violations of a policy
    let verdict = if fail + warn + error > 0 { Verdict::Warning } else { Verdict::Ok };
    let verdict = if tally.with(Health::Unknown) > 0 { verdict.max(Verdict::Unknown) } else { verdict };
    tally.line("Policy violations", verdict, numbers, policies.join(", "))
}

fn claims(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::PERSISTENT_VOLUME_CLAIM]);
    let bound = count(tally.rows().filter(|(r, _)| store.strings.get(r.status) == "Bound"));
    let numbers = vec![("bound", bound), ("total", tally.total())];
    tally.line("Volume claims", tally.verdict(), numbers, tally.named(is_fault))
}

fn quotas(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::RESOURCE_QUOTA]);
    let fullest = tally.rows().max_by_key(|(r, _)| (r.int(resource_quotas::PERCENT), std::cmp::Reverse(&r.name)));
    let mut numbers = vec![("quotas", tally.total()), ("nearly full", tally.with(Health::Warning))];
    numbers.push(("full", tally.with(Health::Failed)));
    let why = fullest.map_or_else(String::new, |(r, _)| {
        let what = r.text(resource_quotas::FULLEST, &store.strings);
        format!("fullest {} {what} {} %", r.full_name(&store.strings), r.int(resource_quotas::PERCENT))
    });
    tally.line("Quotas", tally.verdict(), numbers, why)
}

fn mesh(store: &Store) -> Line {
    let tally = Tally::of(store, [kinds::PEER_AUTHENTICATION]);
    let mode = |r: &Record| store.strings.get(r.status);
    let strict = count(tally.rows().filter(|(r, _)| mode(r) == peer_authentications::STRICT));
    let numbers = vec![("strict", strict), ("open", tally.with(Health::Warning)), ("total", tally.total())];
    let open = tally.rows().filter(|(_, health)| *health == Health::Warning).take(3);
    let mut why: Vec<String> = open.map(|(r, _)| format!("{} {}", r.full_name(&store.strings), mode(r))).collect();
    // without any rule a mesh takes both: that is Istio's default
    let lax = strict == 0 || tally.with(Health::Warning) > 0;
    if strict == 0 {
        why.push("nothing is strict".to_owned());
    }
    let odd = tally.rows().find(|(_, health)| *health == Health::Unknown);
    why.extend(odd.map(|(r, _)| format!("{} has the unknown mode {}", r.full_name(&store.strings), mode(r))));
    let verdict = match tally.verdict() {
        Verdict::Ok | Verdict::Warning if odd.is_some() => Verdict::Unknown,
        Verdict::Ok if lax => Verdict::Warning,
        verdict => verdict,
    };
    tally.line("Mesh mTLS", verdict, numbers, why.join(", "))
}
