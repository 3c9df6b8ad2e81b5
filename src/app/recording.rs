//! The timeline as the app has it: what of it is to be written down, and where its key leads.

use super::App;
use crate::domain::incident::Anchor;
use crate::domain::record::Key;
use crate::intent::{Effect, Place, Scope};

impl App {
    /// What is to be written to disk since the last time. Only who keeps a timeline asks: what prints and ends does not.
    pub fn unsaved(&mut self) -> Option<Effect> {
        let moments = self.world.timeline.log.take_unsaved();
        (!moments.is_empty()).then_some(Effect::Record(moments))
    }

    /// The timeline that the key means: that of the incident that is looked at, of the object under the cursor, of the
    /// selected namespace, of everything.
    pub(super) fn timeline_of(&self, target: Option<Key>) -> Scope {
        if let Place::Incident(anchor) = self.screen().place() {
            return Scope::Incident(anchor);
        }
        match (target, &self.world.facts.namespace) {
            (Some(key), _) => Scope::Incident(Anchor::Object(key)),
            (None, Some(namespace)) => Scope::Namespace(namespace.clone()),
            (None, None) => Scope::All,
        }
    }

    pub(super) fn knows_namespace(&self, name: &str) -> bool {
        let all = self.world.timeline.log.all(self.world.facts.now);
        all.iter().any(|told| *told.moment.namespace == *name) || self.world.namespaces().iter().any(|n| n == name)
    }
}
