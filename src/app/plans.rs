//! Plans as the app sees them: asked for by a key, begun when approved, followed to their end, and watched afterwards.

use super::{App, Notice};
use crate::actions::ActKey;
use crate::domain::ages::Time;
use crate::domain::locked::Locked;
use crate::domain::moment::Moment;
use crate::domain::outcome::{Outcome, Progress, Unfinished};
use crate::domain::plan::{Leaves, Plan};
use crate::domain::record::{Key, Record, Relation};
use crate::intent::{Effect, Place, RunId};
use crate::kinds::{deployments, nodes};
use crate::screens::acting;
use crate::screens::world::{Held, PlanRun, World};
use crate::store::RowId;

/// Seconds after which a live watch has shown what was done.
const SEEN_BY: i64 = 10;

impl App {
    pub(super) fn act(&self, key: ActKey) -> Vec<Effect> {
        match acting::by_key(key, &self.screen().targets(&self.world), &self.world) {
            Ok(deed) => vec![Effect::Go(Place::Preview(deed))],
            Err(why) => vec![Effect::Complain(why)],
        }
    }

    /// Whether anything may be written: why not, and until when all the same.
    pub fn lock(&mut self, locked: Option<Locked>, until: Option<Time>) {
        if until.is_some() {
            self.say("unlocked for 15 minutes; it is recorded");
        }
        self.world.facts.locked = locked;
        self.world.facts.unlocked_until = until;
    }

    /// News of a plan.
    pub fn progress(&mut self, id: RunId, progress: Progress) {
        let now = self.world.facts.now;
        let Some(run) = self.world.plans.iter_mut().find(|run| run.id == id && run.outcome.is_none()) else { return };
        match progress {
            Progress::At { step, note } => (run.step, run.note) = (step, note),
            Progress::Output(lines) => run.output.extend(lines),
            Progress::Ended(outcome) => {
                let text = format!("{}: {outcome}", run.plan.title);
                let Plan { title, origin, .. } = &*run.plan;
                let ended = Moment::ended(now, title, outcome.word(), outcome.detail(), &origin.objects);
                self.world.timeline.log.add(ended, now);
                (run.ended, run.outcome) = (Some(now), Some(outcome.clone()));
                if outcome.is_done() {
                    self.say(text);
                } else {
                    self.complain(text);
                }
            }
        }
    }

    /// All plans that are unfinished here, as the audit has them now.
    pub fn left_unfinished(&mut self, found: Vec<Unfinished>) {
        let known = |left: &Unfinished| self.world.unfinished.iter().any(|known| known.run == left.run);
        let mut new = found.iter().filter(|left| !known(left));
        if let Some(first) = new.next() {
            let more = Some(new.count()).filter(|n| *n > 0).map_or_else(String::new, |n| format!(" and {n} more"));
            let text = format!(
                "see :plans: {}: {} at step {} of {}{more}",
                first.ending,
                first.title,
                first.at + 1,
                first.steps.len()
            );
            self.remind(Notice::Unfinished(text));
        }
        self.world.unfinished = found;
        self.unfinished_changed();
    }

    fn unfinished_changed(&mut self) {
        self.world.triage.set_unfinished(&self.world.unfinished);
        if self.world.unfinished.is_empty() && matches!(self.notice, Some(Notice::Unfinished(_))) {
            self.notice = None;
        }
    }

    pub fn dismissed(&mut self, run: &str) {
        self.world.unfinished.retain(|left| left.run != run);
        self.unfinished_changed();
        self.say("dismissed; it is recorded");
    }

    pub(super) fn start(&mut self, plan: Box<Plan>) -> Vec<Effect> {
        let id = RunId(self.world.plans.len() as u64 + 1);
        let now = self.world.facts.now;
        let (operator, objects) = (&self.world.facts.operator, &plan.origin.objects);
        self.world.timeline.log.add(Moment::began(now, &plan.title, operator, &plan.reason, objects), now);
        let run = PlanRun {
            id,
            plan: plan.clone(),
            step: 0,
            note: String::new(),
            outcome: None,
            output: Vec::new(),
            started: now,
            ended: None,
            held: Held::default(),
            shown: Vec::new(),
        };
        self.world.plans.push(run);
        // an approved preview is not come back to
        if matches!(self.screen().place(), Place::Preview(_)) {
            self.word = Some((now, now));
            if self.stack.len() > 1 {
                self.stack.pop();
            }
        }
        let mut effects = self.follow(vec![Effect::Go(Place::Run(id))]);
        effects.push(Effect::Start(id, plan));
        effects
    }

    /// What a plan of ours holds suspended, cordoned or paused and is so no more without us: Git declares it otherwise,
    /// or somebody has taken it back. It is seen from the moment that the plan begins: who takes it back may be faster
    /// than its proof. What is gone before the watch has ever shown it is missed for [`SEEN_BY`] seconds at most.
    pub(super) fn look_for_reverts(&mut self) {
        let World { store, plans, facts, .. } = &mut self.world;
        let mut told = None;
        let mut rest = plans.as_mut_slice();
        while let Some((run, later)) = std::mem::take(&mut rest).split_first_mut() {
            rest = later;
            let later = &*rest;
            if run.held == Held::Reverted {
                continue;
            }
            let freed = |object: &str| later.iter().any(|run| run.plan.steps.iter().any(|step| step.frees(object)));
            let done = run.outcome.as_ref().map(Outcome::is_done);
            for (key, word) in held_by(run, freed) {
                let table = store.table(key.kind);
                let row = table.slot_of(key.uid).and_then(|slot| store.row(RowId { kind: key.kind, slot }));
                let Some(row) = row else { continue };
                let was_shown = run.shown.contains(&key.uid);
                let late = table.feed.state.is_live() && run.ended.is_some_and(|at| at.age(facts.now) >= SEEN_BY);
                match is_held(&row.record, &word) {
                    Some(true) => {
                        run.held = Held::Yes;
                        if !was_shown {
                            run.shown.push(key.uid);
                        }
                    }
                    Some(false) if was_shown || (late && done == Some(true)) => {
                        run.held = Held::Reverted;
                        let parent = row.record.link(Relation::ManagedBy).map(|link| {
                            format!(": {} {} may have", store.strings.get(link.kind), store.strings.get(link.name))
                        });
                        told =
                            Some(format!("REVERTED: {} is no longer {word}{}", key.name, parent.unwrap_or_default()));
                    }
                    _ => {}
                }
            }
        }
        if let Some(text) = told {
            self.remind(Notice::Reverted(text));
        }
    }
}

/// The objects that a plan holds now, each with the word for it: not before it has asked for that, and not any more once
/// the plan itself, or a later one, has taken it back.
fn held_by(run: &PlanRun, freed: impl Fn(&str) -> bool) -> Vec<(Key, String)> {
    let steps = &run.plan.steps;
    let reached = if run.outcome.is_some() { steps.len() } else { run.step + 1 };
    let mut out = Vec::new();
    for (nth, step) in steps.iter().enumerate().take(reached) {
        let Leaves::Held { word, object } = &step.leaves else { continue };
        let taken_back = steps[nth..reached].iter().any(|step| step.frees(object)) || freed(object);
        if let Some(key) = run.plan.targets.get(step.target).filter(|_| !taken_back) {
            out.push((key.clone(), word.clone()));
        }
    }
    out
}

/// Whether an object is what a plan has left it as; `None` when its row does not tell.
fn is_held(record: &Record, word: &str) -> Option<bool> {
    match word {
        "cordoned" => Some(record.flag(nodes::CORDONED)),
        "paused" if record.suspended.is_none() => Some(record.flag(deployments::PAUSED)),
        "suspended" | "paused" => record.suspended,
        // what was scaled is scaled by others, too
        _ => None,
    }
}
