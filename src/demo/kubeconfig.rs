//! The kubeconfig of a demo: one context per identity, in a private temporary file that goes away with the demo.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::access::{IDENTITIES, TEAM_NAMESPACE};

/// The file; removed on drop.
#[derive(Debug)]
pub struct Kubeconfig {
    file: tempfile::TempPath,
}

impl Kubeconfig {
    /// `tempfile` creates with mode 0600.
    pub fn write(address: SocketAddr) -> std::io::Result<Kubeconfig> {
        let mut file = tempfile::Builder::new().prefix("watchkeeper-demo-").suffix(".kubeconfig").tempfile()?;
        file.write_all(text(address).as_bytes())?;
        Ok(Kubeconfig { file: file.into_temp_path() })
    }

    pub fn path(&self) -> &Path {
        &self.file
    }
}

/// Nobody sends a login over plain HTTP, but everybody says whom to act as: the restricted contexts say that alone.
fn text(address: SocketAddr) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Config\npreferences: {{}}\ncurrent-context: {}\nclusters:\n- name: sre-demo\n  cluster:\n    server: http://{address}\ncontexts:\n",
        IDENTITIES[0].context
    );
    // Writing to a String does not fail.
    for identity in IDENTITIES {
        let _ = writeln!(
            text,
            "- name: {}\n  context:\n    cluster: sre-demo\n    user: {}",
            identity.context, identity.user
        );
        if identity.namespaced() {
            let _ = writeln!(text, "    namespace: {TEAM_NAMESPACE}");
        }
    }
    text.push_str("users:\n");
    for identity in IDENTITIES {
        let _ = if identity.context == IDENTITIES[0].context {
            writeln!(text, "- name: {}\n  user: {{}}", identity.user)
        } else {
            writeln!(text, "- name: {0}\n  user:\n    as: {0}", identity.user)
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kube_reads_every_context_and_only_the_owner_reads_the_file() {
        let file = Kubeconfig::write(SocketAddr::from(([127, 0, 0, 1], 1))).unwrap();
        let config = kube::config::Kubeconfig::read_from(file.path()).unwrap();
        let names: Vec<&str> = config.contexts.iter().map(|context| context.name.as_str()).collect();
        assert_eq!(names, ["sre-demo", "readonly", "namespaced", "nobody"]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file.path()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
