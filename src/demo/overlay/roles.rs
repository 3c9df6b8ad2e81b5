//! Who plays the pods of the story. A pod that somebody ended does not come back under its name: another takes over its
//! role, and what the story has planned for the old name happens to the new one.

use serde_json::Value;

use super::Overlay;
use crate::demo::world::World;

/// A pod of the story whose place others take since it was ended.
#[derive(Debug)]
pub struct Role {
    /// `Kind/name` of the workload; empty for a pod that nobody brings back.
    pub(super) workload: String,
    /// Who plays it now.
    pub(super) pod: Option<String>,
    /// What the story last said, while nobody plays it.
    pub(super) last: Value,
}

/// The casting of pods.
impl World {
    /// The story's name of this pod, if it is part of the story; its role is noted from now on.
    pub(in crate::demo) fn role_of(&mut self, namespace: &str, pod: &str, workload: &str) -> Option<String> {
        let played = self
            .overlays
            .roles
            .iter()
            .find(|((place, _), role)| place == namespace && role.pod.as_deref() == Some(pod));
        if let Some(((_, name), _)) = played {
            return Some(name.clone());
        }
        let at = (namespace.to_owned(), pod.to_owned());
        if !self.overlays.told.contains(&at) || self.overlays.roles.contains_key(&at) {
            return None;
        }
        let role = Role { workload: workload.to_owned(), pod: Some(pod.to_owned()), last: Value::Null };
        self.overlays.roles.insert(at, role);
        Some(pod.to_owned())
    }

    /// The roles of a workload: the story's name, and who plays it.
    pub(in crate::demo) fn roles(&self, namespace: &str, workload: &str) -> Vec<(String, Option<String>)> {
        let all =
            self.overlays.roles.iter().filter(|((place, _), role)| place == namespace && role.workload == workload);
        all.map(|((_, name), role)| (name.clone(), role.pod.clone())).collect()
    }

    /// Nobody plays this role from now on; the story's last word is kept for whoever comes.
    pub(in crate::demo) fn vacate(&mut self, namespace: &str, role: &str) {
        let at = (namespace.to_owned(), role.to_owned());
        let Some(pod) = self.overlays.roles.get(&at).and_then(|role| role.pod.clone()) else { return };
        let last = self.base(&("Pod".to_owned(), namespace.to_owned(), pod)).cloned().unwrap_or(Value::Null);
        if let Some(role) = self.overlays.roles.get_mut(&at) {
            role.pod = None;
            role.last = last;
        }
    }

    /// Gives a vacant role to an existing pod: the story's status lies below its own, which is frozen.
    pub(in crate::demo) fn cast(&mut self, namespace: &str, role: &str, pod: &str) {
        let at = ("Pod".to_owned(), namespace.to_owned(), pod.to_owned());
        let Some(object) = self.shared(&at.0, &at.1, &at.2) else { return };
        let Some(role) = self.overlays.roles.get_mut(&(namespace.to_owned(), role.to_owned())) else { return };
        role.pod = Some(pod.to_owned());
        let status = role.last["status"].clone();
        let overlay = self.overlays.over.entry(at).or_insert_with(|| Overlay::over(&object));
        overlay.frozen = Some(object["status"].clone());
        overlay.base["status"] = status;
    }

    /// The status that the story has for whoever plays this role.
    pub(in crate::demo) fn role_status(&self, namespace: &str, role: &str) -> Value {
        let Some(role) = self.overlays.roles.get(&(namespace.to_owned(), role.to_owned())) else { return Value::Null };
        match &role.pod {
            Some(pod) => self
                .base(&("Pod".to_owned(), namespace.to_owned(), pod.clone()))
                .map_or(Value::Null, |pod| pod["status"].clone()),
            None => role.last["status"].clone(),
        }
    }

    /// The labels that the story gave to whoever played this role last.
    pub(in crate::demo) fn role_labels(&self, namespace: &str, role: &str) -> Vec<(String, Value)> {
        let role = self.overlays.roles.get(&(namespace.to_owned(), role.to_owned()));
        let labels = role.and_then(|role| role.last["metadata"]["labels"].as_object());
        labels.into_iter().flatten().map(|(label, value)| (label.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    #[test]
    fn the_story_s_word_for_an_ended_pod_goes_to_the_one_that_plays_it() {
        let mut world = World::new(1, Timestamp::UNIX_EPOCH);
        let pod = |name: &str, phase: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "x"}, "status": {"phase": phase}});
        let at = ("Pod".to_owned(), "x".to_owned(), "old".to_owned());
        world.told(pod("old", "Running"));
        let role = world.role_of("x", "old", "Deployment/d").unwrap();
        world.vacate("x", &role);
        world.remove("Pod", "x", "old");
        world.retold(&at, |pod| pod["status"]["phase"] = json!("Failed"));
        assert!(world.stands(&at) && world.list("Pod").is_empty());
        world.apply(pod("new", "Pending"));
        world.cast("x", &role, "new");
        assert_eq!(world.get("Pod", "x", "new").unwrap()["status"]["phase"], "Pending");
        world.thaw(&("Pod".to_owned(), "x".to_owned(), "new".to_owned()));
        assert_eq!(world.get("Pod", "x", "new").unwrap()["status"]["phase"], "Failed");
    }
}
