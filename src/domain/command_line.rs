//! A command that is shown, as a list of words: the program with the way to the cluster, its subcommand, its flags and
//! arguments, each word quoted. One builder for all of them, so that none lacks its context or executes part of a name.
//! It starts nothing.

use std::fmt;

use super::shell::quoted;
use super::text;
use super::way::Way;

/// A program, and the flags with which it names the parts of a way; empty where it has no such flag.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    context: &'static str,
    kubeconfig: &'static str,
    user: &'static str,
    group: &'static str,
    config: &'static str,
}

/// The flags of client-go, which several programs share.
const fn of_client_go(name: &'static str) -> Program {
    Program { name, context: "--context", kubeconfig: "--kubeconfig", user: "--as", group: "--as-group", config: "" }
}

pub static KUBECTL: Program = of_client_go("kubectl");
pub static FLUX: Program = of_client_go("flux");
pub static CMCTL: Program = of_client_go("cmctl");
pub static WATCHKEEPER: Program = Program { config: "--config", ..of_client_go("watchkeeper") };
/// It cannot impersonate.
pub static VELERO: Program =
    Program { name: "velero", context: "--kubecontext", kubeconfig: "--kubeconfig", user: "", group: "", config: "" };
pub static HELM: Program = Program {
    name: "helm",
    context: "--kube-context",
    kubeconfig: "--kubeconfig",
    user: "--kube-as-user",
    group: "--kube-as-group",
    config: "",
};
/// It speaks to an address and knows no cluster.
pub static AMTOOL: Program = Program { name: "amtool", context: "", kubeconfig: "", user: "", group: "", config: "" };

/// A command while it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, its context, its subcommand.
    head: Vec<String>,
    args: Vec<String>,
    flags: Vec<String>,
    /// What is passed on, after `--`: the command that is run in a pod.
    rest: Vec<String>,
    /// The rest of the way, last: it is long, and says least.
    tail: Vec<String>,
}

impl CommandLine {
    /// `words` is the subcommand: `["rollout", "restart"]`.
    pub fn new(program: &Program, way: &Way, words: &[&str]) -> Self {
        let pair = |flag: &str, value: &str| (!flag.is_empty() && !value.is_empty()).then(|| with_value(flag, value));
        let context = pair(program.context, &way.context);
        let first = std::iter::once(program.name.to_owned()).chain(context.into_iter().flatten());
        let who = pair(program.user, &way.user);
        // groups mean nothing without a user
        let groups = way.groups.iter().filter(|_| who.is_some()).filter_map(|group| pair(program.group, group));
        let files = [pair(program.config, &way.config), pair(program.kubeconfig, &way.kubeconfig)];
        let tail = files.into_iter().flatten().chain(who.clone()).chain(groups);
        Self {
            head: first.chain(words.iter().map(|word| (*word).to_owned())).collect(),
            args: Vec::new(),
            flags: Vec::new(),
            rest: Vec::new(),
            tail: tail.flatten().collect(),
        }
    }

    #[must_use]
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.args.push(word.into());
        self
    }

    #[must_use]
    pub fn args(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.args.extend(words);
        self
    }

    /// `-n NAMESPACE`; nothing for an object without one.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        if !namespace.is_empty() {
            self.flags.extend(with_value(if namespace.starts_with('-') { "--namespace" } else { "-n" }, namespace));
        }
        self
    }

    /// `--name=value`, which is safe whatever the value begins with.
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.flags.push(format!("--{name}={value}"));
        self
    }

    /// `--name VALUE`, in two words where the value allows it.
    #[must_use]
    pub fn pair(mut self, flag: &str, value: &str) -> Self {
        self.flags.extend(with_value(flag, value));
        self
    }

    /// A flag without a value: `--overwrite`.
    #[must_use]
    pub fn switch(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// What is passed on as it is: `-- bao operator unseal`.
    #[must_use]
    pub fn then(mut self, words: &[&str]) -> Self {
        self.rest.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Every word of it, in order. An argument that begins with a dash comes after `--`.
    pub fn words(&self) -> Vec<&str> {
        let dashed = self.args.iter().any(|arg| arg.starts_with('-'));
        let (args, last): (&[String], &[String]) = if dashed { (&[], &self.args) } else { (&self.args, &[]) };
        let parts = [&self.head, args, &self.flags, &self.tail];
        let mut out: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        if dashed || !self.rest.is_empty() {
            out.push("--");
        }
        out.extend(last.iter().chain(&self.rest).map(String::as_str));
        out
    }
}

/// One line for a shell. Empty when it cannot be shown as it is: it is longer than a line may be, or holds a character
/// that is never drawn.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.words().into_iter().map(word).collect::<Vec<_>>().join(" ");
        if text::line(&line) == line { f.write_str(&line) } else { Ok(()) }
    }
}

/// A flag and its value, in one word where the value could be taken for a flag.
fn with_value(flag: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') { vec![format!("{flag}={value}")] } else { vec![flag.to_owned(), value.to_owned()] }
}

/// Of `--name=value` only the value is quoted, which reads better and is the same word.
fn word(word: &str) -> String {
    match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") && quoted(name) == name => {
            format!("{name}={}", quoted_or_none(value))
        }
        _ => quoted(word),
    }
}

fn quoted_or_none(value: &str) -> String {
    if value.is_empty() { String::new() } else { quoted(value) }
}

impl From<CommandLine> for String {
    fn from(line: CommandLine) -> Self {
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn way() -> Way {
        Way {
            context: "prod eu".into(),
            kubeconfig: "/tmp/k".into(),
            user: "jo".into(),
            groups: vec!["ops".into()],
            config: "/tmp/w.toml".into(),
        }
    }

    #[rstest]
    #[case(&KUBECTL, "kubectl --context 'prod eu' do it --kubeconfig /tmp/k --as jo --as-group ops")]
    #[case(&FLUX, "flux --context 'prod eu' do it --kubeconfig /tmp/k --as jo --as-group ops")]
    #[case(&CMCTL, "cmctl --context 'prod eu' do it --kubeconfig /tmp/k --as jo --as-group ops")]
    #[case(&VELERO, "velero --kubecontext 'prod eu' do it --kubeconfig /tmp/k")]
    #[case(&HELM, "helm --kube-context 'prod eu' do it --kubeconfig /tmp/k --kube-as-user jo --kube-as-group ops")]
    #[case(&AMTOOL, "amtool do it")]
    #[case(&WATCHKEEPER, "watchkeeper --context 'prod eu' do it --config /tmp/w.toml --kubeconfig /tmp/k --as jo --as-group ops")]
    fn every_program_is_led_to_the_cluster_that_is_meant(#[case] program: &Program, #[case] expected: &str) {
        assert_eq!(CommandLine::new(program, &way(), &["do", "it"]).to_string(), expected);
    }

    #[test]
    fn inside_of_a_cluster_there_is_no_context_to_name() {
        let line = CommandLine::new(&KUBECTL, &Way::default(), &["cordon"]).arg("n1");
        assert_eq!(line.to_string(), "kubectl cordon n1");
    }

    #[test]
    fn what_begins_with_a_dash_is_an_argument_all_the_same() {
        let line = || CommandLine::new(&KUBECTL, &Way::default(), &["delete", "pod"]).within("a").flag("grace", "-1");
        assert_eq!(line().arg("x").to_string(), "kubectl delete pod x -n a --grace=-1");
        assert_eq!(line().arg("x").arg("--all").to_string(), "kubectl delete pod -n a --grace=-1 -- x --all");
        let way = Way { context: "-c".into(), ..Way::default() };
        let line = CommandLine::new(&KUBECTL, &way, &["get", "pod"]).arg("x").within("--all");
        assert_eq!(line.to_string(), "kubectl --context=-c get pod x --namespace=--all");
    }

    #[test]
    fn what_is_handed_on_comes_after_everything_else() {
        let line = CommandLine::new(&KUBECTL, &way(), &["exec"])
            .arg("bao-0")
            .switch("-it")
            .within("bao")
            .then(&["bao", "status"]);
        let expected = "kubectl --context 'prod eu' exec bao-0 -it -n bao --kubeconfig /tmp/k --as jo --as-group ops -- bao status";
        assert_eq!(line.to_string(), expected);
    }

    #[rstest]
    #[case("it's", r"amtool --comment='it'\''s'")]
    #[case("", "amtool --comment=")]
    #[case("a=b c", "amtool --comment='a=b c'")]
    #[case("$(id)", "amtool --comment='$(id)'")]
    fn of_a_flag_the_value_is_quoted(#[case] value: &str, #[case] expected: &str) {
        assert_eq!(CommandLine::new(&AMTOOL, &Way::default(), &[]).flag("comment", value).to_string(), expected);
    }

    #[rstest]
    #[case("a\nb")]
    #[case("a\u{1b}[2J")]
    #[case("a\u{202e}b")]
    #[case(&"x".repeat(5000))]
    fn what_cannot_be_shown_as_it_is_is_not_shown_at_all(#[case] arg: &str) {
        assert_eq!(CommandLine::new(&KUBECTL, &way(), &["get"]).arg(arg).to_string(), "");
    }
}
