//! How the cluster that is shown is reached: which context, by which kubeconfig, as which user. Every command that is
//! shown carries it, so that it acts where the console would have acted. It holds no credentials and connects to
//! nothing.

use serde_json::{Value, json};

use super::json::{list, text};

/// What was set in addition to the environment; what is empty was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Way {
    /// Empty inside of a cluster, where there is no context.
    pub context: String,
    /// A file that was named; anyone who pastes a command has those of `$KUBECONFIG`.
    pub kubeconfig: String,
    /// The user that is impersonated, and the groups.
    pub user: String,
    pub groups: Vec<String>,
    /// The configuration file that was named: with it our own commands find the same audit.
    pub config: String,
}

impl Way {
    /// As the audit keeps it.
    pub fn written(&self) -> Value {
        json!({
            "context": self.context,
            "kubeconfig": self.kubeconfig,
            "as": self.user,
            "as-groups": self.groups,
            "config": self.config,
        })
    }

    /// As the audit kept it; of an older audit only the context is known.
    pub fn read(kept: &Value, context: &str) -> Self {
        let Some(named) = kept.get("context").and_then(Value::as_str) else {
            return Self { context: context.to_owned(), ..Self::default() };
        };
        Self {
            context: named.to_owned(),
            kubeconfig: text(kept, "/kubeconfig").to_owned(),
            user: text(kept, "/as").to_owned(),
            groups: list(kept, "/as-groups").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            config: text(kept, "/config").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_an_older_audit_tells_the_context() {
        let way = Way {
            context: "c".into(),
            kubeconfig: "/k".into(),
            user: "u".into(),
            groups: vec!["g".into()],
            config: "/etc/w.toml".into(),
        };
        assert_eq!(Way::read(&way.written(), "other"), way);
        assert_eq!(Way::read(&Way::default().written(), "in-cluster"), Way::default());
        assert_eq!(Way::read(&Value::Null, "c"), Way { context: "c".into(), ..Way::default() });
    }
}
