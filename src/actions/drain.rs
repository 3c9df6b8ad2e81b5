//! Drain a node: cordon it, then evict its pods in parallel until none is left that has to go. Running it again
//! continues with the remaining pods.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::budgets::{self, Stance};
use super::input::{Input, Needs};
use super::{ActionSpec, Field, Start, cordon, evict, flux, losses, marks, owner, right, twin};
use crate::domain::ages::Time;
use crate::domain::command_line::CommandLine;
use crate::domain::evictions::{self, Evictions, Leaving, controller, is_over, pods, some};
use crate::domain::json::{flag, list, text};
use crate::domain::plan::{Plan, Risk, Step, Stop};
use crate::domain::served::escape;

/// A day; kubectl has no timeout by default, but a plan must have one.
const LONGEST: u32 = 86_400;

const EMPTY_DIR: &str = "delete-emptydir-data";
const UNMANAGED: &str = "unmanaged";
const CLAIMED: &str = "leave-unevictable";
/// kubectl refuses to leave these, and evicts them with --force.
const ORPHAN: &str = "of a DaemonSet that is gone (unmanaged=yes evicts them)";

pub const SPEC: ActionSpec = ActionSpec {
    name: "drain",
    key: None,
    doc: "cordon the node and evict its pods, as their disruption budgets allow",
    rights: &[
        right("", "nodes", "patch"),
        right("", "pods/eviction", "create"),
        // the remaining pods are looked up, and whether a volume is on this node alone
        right("", "pods", "list"),
        right("", "persistentvolumes", "get"),
    ],
    fields: &[
        Field::new(
            "timeout",
            "seconds for all of it: evictions that budgets hold back, pods that end",
            Start::Text("300"),
        ),
        Field::new(EMPTY_DIR, "yes: evict pods with emptyDir data, which is lost", Start::Text("no")),
        Field::new(CLAIMED, "yes: leave pods that two budgets claim, which the server never evicts", Start::Text("no")),
        Field::new(UNMANAGED, "yes: evict pods without a controller, which are lost permanently", Start::Text("no")),
    ],
    reason: None,
    offered: |subject| subject.of(&["Node"]),
    plan,
};

/// What is on the node, sorted by what happens to it.
#[derive(Debug, Default)]
struct Sorted<'v> {
    /// To be evicted.
    go: Vec<&'v Value>,
    /// Terminating already.
    end: Vec<&'v Value>,
    /// Left to their DaemonSets and to the node, by the reason.
    stay: BTreeMap<&'static str, usize>,
    /// Selected by two budgets, and by which.
    claimed: Vec<(&'v Value, String)>,
    /// Pods that need a setting to be evicted, by that setting.
    asks: BTreeMap<&'static str, Vec<&'v Value>>,
}

impl<'v> Sorted<'v> {
    /// `unmanaged`: pods that no controller recreates are evicted too.
    fn of(all: &'v [Value], budgets: &Value, daemons: Option<&Value>, unmanaged: bool) -> Self {
        let mut out = Self::default();
        for pod in all {
            let orphan = evictions::stays(pod) == Some(evictions::DAEMON) && is_orphan(pod, daemons);
            match (evictions::stays(pod), budgets::stance(budgets, pod)) {
                (Some(_), _) if orphan && !unmanaged => *out.stay.entry(ORPHAN).or_default() += 1,
                (Some(why), _) if !orphan => *out.stay.entry(why).or_default() += 1,
                _ if evictions::terminating(pod).is_some() => out.end.push(pod),
                (_, Err(names)) => out.claimed.push((pod, names)),
                _ => {
                    out.go.push(pod);
                    for setting in consents(pod, orphan) {
                        out.asks.entry(setting).or_default().push(pod);
                    }
                }
            }
        }
        out
    }
}

/// Whether the DaemonSet of a pod is gone, so that it does not come back.
fn is_orphan(pod: &Value, daemons: Option<&Value>) -> bool {
    let (namespace, name) = (text(pod, "/metadata/namespace"), controller(pod).map_or("", |o| text(o, "/name")));
    let is = |d: &Value| text(d, "/metadata/namespace") == namespace && text(d, "/metadata/name") == name;
    daemons.is_some_and(|all| !list(all, "/items").iter().any(is))
}

/// What has to be set for a pod to be evicted; a pod that has ended has nothing to lose.
fn consents(pod: &Value, orphan: bool) -> Vec<&'static str> {
    if is_over(pod) {
        return Vec::new();
    }
    let needs = [(UNMANAGED, orphan || controller(pod).is_none()), (EMPTY_DIR, losses::has_empty_dir(pod))];
    needs.into_iter().filter(|(_, needed)| *needed).map(|(setting, _)| setting).collect()
}

fn plan(input: &Input<'_>) -> Result<Plan, Stop> {
    let target = input.target()?;
    let name = &target.key.name;
    let limit = limit(input)?;
    let look =
        format!("{}?fieldSelector={}", input.served("Pod")?.collection(""), escape(&format!("spec.nodeName={name}")));
    let mut needs = Needs::default();
    let node = needs.take(input.object())?;
    let listed = needs.take(input.read(&look))?;
    let budgets = needs.take(input.maybe(&input.served("PodDisruptionBudget")?.collection("")))?;
    let daemons = needs.take(input.maybe(&input.served("DaemonSet")?.collection("")))?;
    let (Some((path, node)), Some(listed), Some(budgets), Some(daemons)) = (node, listed, budgets, daemons) else {
        return needs.met(()).and_then(|()| Err(Stop::refuse("nothing is known of the node")));
    };
    let mut warnings = Vec::new();
    if let Err(why) = budgets {
        warnings.push(format!("disruption budgets could not be read: {why}"));
    }
    let budgets = budgets.unwrap_or(&Value::Null);
    let sorted = Sorted::of(list(listed, "/items"), budgets, daemons.ok(), input.yes(UNMANAGED)?);
    consented(input, &sorted)?;
    let cordoned = flag(node, "/spec/unschedulable");
    if cordoned && sorted.go.is_empty() && sorted.end.is_empty() {
        return Err(Stop::Refuse(format!("{} is drained: cordoned, and no pod is left to evict", target.told())));
    }
    let lost = losses::of(input, &sorted.go, Some(name))?;
    let (rows, held) = rows(input, &sorted, budgets, &lost)?;
    let mut steps = if cordoned { Vec::new() } else { cordon::steps(input, &path, node)? };
    // a node that others have cordoned is not ours to uncordon
    let ours = !cordoned || marks::by(node) == input.operator;
    let count = rows.len();
    let kept = sorted.claimed.iter().map(|(pod, names)| (uid(pod), format!("{} ({names})", told(pod)))).collect();
    let wanted = Evictions { node: name.to_string(), pods: rows, kept, limit, look };
    let command = same(input, name, &sorted, limit);
    steps.push(Step::evict(format!("evict {} from {name}", pods(count)), command, wanted));
    let undo = if ours { twin::kubectl(input, &["uncordon"]).arg(&**name).to_string() } else { String::new() };
    let mut plan = flux::plan(input, SPEC.name, steps, undo)?;
    plan.risk = Risk::Context(input.context.to_owned());
    plan.reach = reach(&sorted, limit);
    for (pod, names) in &sorted.claimed {
        warnings.push(format!("{} is claimed by {names}: the server never evicts it", told(pod)));
    }
    warnings.extend(held);
    warnings.extend(lost.warnings);
    warnings.extend(losses::too_slow(&sorted.go, limit));
    warnings.extend(overdue(&sorted.end, input.now));
    plan.warnings = warnings;
    Ok(plan)
}

/// Pods that should have ended by now: the deletion timestamp is when their grace period is over.
fn overdue(end: &[&Value], now: Time) -> Option<String> {
    let is = |pod: &&Value| Time::parse(text(pod, "/metadata/deletionTimestamp")).is_some_and(|end| end < now);
    let late: Vec<&Value> = end.iter().copied().filter(is).collect();
    (!late.is_empty())
        .then(|| format!("terminating longer than their grace period, and awaited: {}", some(&losses::told(&late))))
}

fn limit(input: &Input<'_>) -> Result<u32, Stop> {
    let Some(text) = input.setting("timeout") else { return Ok(300) };
    let found = text.parse().ok().filter(|limit| (1..=LONGEST).contains(limit));
    found.ok_or_else(|| Stop::Refuse(format!("timeout is a number of seconds up to {LONGEST}, not `{text}`")))
}

fn told(pod: &Value) -> String {
    format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"))
}

fn uid(pod: &Value) -> String {
    text(pod, "/metadata/uid").to_owned()
}

/// # Errors
/// What the operator has to allow first, all of it at once.
fn consented(input: &Input<'_>, sorted: &Sorted<'_>) -> Result<(), Stop> {
    if !sorted.claimed.is_empty() && !input.yes(CLAIMED)? {
        let all: Vec<String> = sorted
            .claimed
            .iter()
            .map(|(pod, names)| format!("{} is claimed by {names}: the server never evicts it", told(pod)))
            .collect();
        return Err(Stop::Refuse(format!(
            "{}; fix the budgets, or set {CLAIMED}=yes to leave them here",
            all.join("; ")
        )));
    }
    let mut missing = Vec::new();
    for (setting, pods) in &sorted.asks {
        if !input.yes(setting)? {
            let why =
                if *setting == EMPTY_DIR { "their emptyDir data is lost" } else { "no controller recreates them" };
            missing.push(format!("{setting}=yes ({why}: {})", some(&losses::told(pods))));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Stop::Refuse(format!("some pods need your consent: {}", missing.join("; "))))
}

/// A row for each pod, those with notes first; and what budgets hold back, one line each.
fn rows(
    input: &Input<'_>,
    sorted: &Sorted<'_>,
    budgets: &Value,
    lost: &losses::Losses,
) -> Result<(Vec<Leaving>, Vec<String>), Stop> {
    let served = input.served("Pod")?;
    // how many pods of this drain each budget has to allow
    let mut share: HashMap<String, i64> = HashMap::new();
    for pod in &sorted.go {
        if let Ok(Stance::Spends(budget)) = budgets::stance(budgets, pod) {
            *share.entry(told(budget)).or_default() += 1;
        }
    }
    let (mut out, mut held) = (Vec::new(), BTreeMap::<String, (String, Vec<String>)>::new());
    for pod in &sorted.go {
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let mut row = row(pod, lost.notes(pod));
        row.request = Some(evict::request(input, &served.object(namespace, name), pod, 0)?);
        if let Ok(Stance::Passes(budget) | Stance::Spends(budget)) = budgets::stance(budgets, pod) {
            text(budget, "/metadata/name").clone_into(&mut row.budget);
        }
        if let Ok(Stance::Spends(budget)) = budgets::stance(budgets, pod) {
            match budgets::room(budget) {
                Ok(room) => {
                    let all = share.get(&told(budget)).copied().unwrap_or(0);
                    row.room = if room < all { format!("{room} of {all} now") } else { "has room".to_owned() };
                }
                Err(why) => {
                    (row.held, row.room) = (true, "no room".to_owned());
                    held.entry(told(budget)).or_insert_with(|| (why, Vec::new())).1.push(told(pod));
                }
            }
        }
        out.push(row);
    }
    for pod in &sorted.end {
        out.push(row(pod, evictions::ending(pod, input.now).into_iter().collect()));
    }
    out.sort_by_key(|row| (!row.held && row.notes.is_empty(), row.told()));
    let held = held.iter().map(|(budget, (why, pods))| format!("budget {budget} holds back {}: {why}", some(pods)));
    Ok((out, held.collect()))
}

fn row(pod: &Value, notes: Vec<String>) -> Leaving {
    Leaving {
        namespace: text(pod, "/metadata/namespace").to_owned(),
        name: text(pod, "/metadata/name").to_owned(),
        uid: uid(pod),
        controller: owner::owner(pod).map_or_else(String::new, |(kind, name)| format!("{kind} {name}")),
        budget: String::new(),
        room: String::new(),
        held: false,
        notes,
        request: None,
    }
}

/// The command that does the same. It also cordons the node.
fn same(input: &Input<'_>, node: &str, sorted: &Sorted<'_>, limit: u32) -> CommandLine {
    let all = || sorted.go.iter().chain(&sorted.end).copied().chain(sorted.claimed.iter().map(|(pod, _)| *pod));
    let any = |is: fn(&Value) -> bool| all().any(|pod| !is_over(pod) && is(pod));
    let mut out = twin::kubectl(input, &["drain"]).arg(node).switch("--ignore-daemonsets");
    if any(losses::has_empty_dir) {
        out = out.switch("--delete-emptydir-data");
    }
    // the pods of a DaemonSet that is gone count as such, too
    if any(|pod| controller(pod).is_none() || evictions::stays(pod).is_some()) {
        out = out.switch("--force");
    }
    out.flag("timeout", format!("{limit}s"))
}

fn reach(sorted: &Sorted<'_>, limit: u32) -> Vec<String> {
    let mut out = vec![format!("{} evicted in parallel, within {limit} s in all", pods(sorted.go.len()))];
    if !sorted.end.is_empty() {
        out.push(format!("{} terminating already, awaited", pods(sorted.end.len())));
    }
    let stay: Vec<String> = sorted.stay.iter().map(|(why, count)| format!("{} {why}", pods(*count))).collect();
    if !stay.is_empty() {
        out.push(format!("left alone: {}", stay.join(", ")));
    }
    if !sorted.claimed.is_empty() {
        let names: Vec<String> = sorted.claimed.iter().map(|(pod, _)| told(pod)).collect();
        out.push(format!("left here, although kubectl drain would wait for them: {}", some(&names)));
    }
    out
}
