//! Plans as the app sees them: asked for by a key, begun when approved, followed to their end, and watched afterwards.

use super::App;
use crate::actions::ActKey;
use crate::domain::ages::Time;
use crate::domain::locked::Locked;
use crate::domain::moment::Moment;
use crate::domain::outcome::{Outcome, Progress, Unfinished};
use crate::domain::plan::Plan;
use crate::domain::record::Relation;
use crate::intent::{Effect, Place, RunId};
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
                "{}: {} at step {} of {}{more}; see :plans",
                first.ending,
                first.title,
                first.at + 1,
                first.steps.len()
            );
            self.complain(text);
        }
        self.world.unfinished = found;
        self.world.triage.set_unfinished(&self.world.unfinished);
    }

    pub fn dismissed(&mut self, run: &str) {
        self.world.unfinished.retain(|left| left.run != run);
        self.world.triage.set_unfinished(&self.world.unfinished);
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
        if matches!(self.screen().place(), Place::Preview(_)) && self.stack.len() > 1 {
            self.stack.pop();
        }
        let mut effects = self.follow(vec![Effect::Go(Place::Run(id))]);
        effects.push(Effect::Start(id, plan));
        effects
    }

    /// A suspend of ours that is gone without us: Git declares it otherwise, or somebody has resumed it. It is seen from
    /// the moment that the plan begins: who takes it back may be faster than its proof. What is gone before the watch
    /// has ever shown it is missed for [`SEEN_BY`] seconds at most.
    pub(super) fn look_for_reverts(&mut self) {
        let World { store, plans, facts, .. } = &mut self.world;
        if plans.iter().all(|run| run.plan.action != "suspend") {
            return;
        }
        let mut told = None;
        let resumed: Vec<_> =
            plans.iter().filter(|run| run.plan.action != "suspend").flat_map(|r| &r.plan.targets).cloned().collect();
        for run in plans.iter_mut().filter(|run| run.plan.action == "suspend" && run.held != Held::Reverted) {
            let done = run.outcome.as_ref().map(Outcome::is_done);
            if done == Some(false) {
                continue;
            }
            for key in &run.plan.targets {
                let table = store.table(key.kind);
                let row = table.slot_of(key.uid).and_then(|slot| store.row(RowId { kind: key.kind, slot }));
                let Some(row) = row else { continue };
                let is_shown = run.shown.contains(&key.uid)
                    || (table.feed.state.is_live() && run.ended.is_some_and(|ended| ended.age(facts.now) >= SEEN_BY));
                match row.record.suspended {
                    Some(true) => {
                        run.held = Held::Yes;
                        if !run.shown.contains(&key.uid) {
                            run.shown.push(key.uid);
                        }
                    }
                    Some(false) if is_shown && done == Some(true) && !resumed.contains(key) => {
                        run.held = Held::Reverted;
                        let parent = row.record.link(Relation::ManagedBy).map(|link| {
                            format!(": {} {} may have", store.strings.get(link.kind), store.strings.get(link.name))
                        });
                        told = Some(format!(
                            "REVERTED: {} is no longer suspended{}",
                            key.name,
                            parent.unwrap_or_default()
                        ));
                    }
                    _ => {}
                }
            }
        }
        if let Some(text) = told {
            self.complain(text);
        }
    }
}
