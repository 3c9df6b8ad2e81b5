//! What would leave plans in the middle is asked about once, before anything else is done.

use super::App;
use crate::intent::{Chord, Command, Effect};
use crate::scene::{self, Keep};
use crate::screens::keys::Layer;
use crate::screens::world::PlanRun;

impl App {
    /// Plans that are not over.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &PlanRun> {
        self.world.plans.iter().filter(|run| run.outcome.is_none())
    }

    /// Plans that are not over, in words: what is left in the middle when the console ends now.
    pub fn left_in_the_middle(&self) -> Vec<String> {
        self.under_way().map(|run| run.plan.title.clone()).collect()
    }

    /// The answer to the question whether plans are to be left in the middle.
    pub(super) fn answered(&mut self, chord: Chord, effect: Effect) -> Vec<Effect> {
        let yes = self.keymap.command(chord, Layer::Preview) == Some(Command::Approve);
        if yes || self.quits(chord) && effect == Effect::Quit {
            if matches!(effect, Effect::Connect(_)) {
                let titles = self.left_in_the_middle().join(", ");
                let context = &self.world.facts.context;
                self.complain(format!("interrupted in {context}, continue it there in :plans: {titles}"));
            }
            return vec![effect];
        }
        if self.quits(chord) {
            self.leaving = Some(Effect::Quit);
        } else {
            self.say("stayed: the plan continues");
        }
        Vec::new()
    }

    /// The question, in at most so many columns.
    pub(super) fn question(&self, width: usize) -> Option<String> {
        let effect = self.leaving.as_ref()?;
        // the key that approves a plan
        let yes = self.world.preferences.keys.first(Command::Approve, Layer::Preview);
        let answers = match effect {
            Effect::Connect(context) => {
                format!("? {yes} goes to {}, other keys stay", scene::clip(context, width / 4, Keep::Ends))
            }
            _ => format!("? {yes} leaves, other keys stay"),
        };
        let running: Vec<&PlanRun> = self.under_way().collect();
        let what = match *running {
            [] => "no plan is under way any more: leave".to_owned(),
            [run] => {
                let step = format!(": step {} of {}, leave it there", run.step + 1, run.plan.steps.len());
                let room = width.saturating_sub(scene::width(&step) + scene::width(&answers));
                format!("{}{step}", scene::clip(&run.plan.title, room.max(8), Keep::Ends))
            }
            [..] => format!("{} plans are under way: leave them in the middle", running.len()),
        };
        Some(what + &answers)
    }
}
