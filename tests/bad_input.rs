//! Wrong files, flags, environments and pipes: what the program says, and the exit code with which it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "terminal/harness.rs"]
mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use harness::{CommandBuilder, PATIENCE, Pty, until};
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use watchkeeper::demo::{Demo, Options};
use watchkeeper::kinds::KINDS;

const PROGRAM: &str = env!("CARGO_BIN_EXE_watchkeeper");

/// A home with whatever files a case needs.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program with nothing of our own environment but the search path.
    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.0.path()).env("LANG", "C.UTF-8").env("TERM", "xterm");
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::of(&self.command().args(args).output().unwrap())
    }

    /// In a terminal, with this `TERM`.
    fn in_terminal(&self, term: &str, args: &[&str]) -> Pty {
        // the shell sets what the harness would replace
        let mut command = CommandBuilder::new("sh");
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.0.path());
        command.cwd(self.0.path());
        let set = if term == "unset" { "unset TERM".to_owned() } else { format!("TERM={term}; export TERM") };
        command.args(["-c", &format!("{set}; exec \"$@\""), "sh", PROGRAM]);
        command.args(args);
        Pty::spawn(command, 200, 24)
    }
}

/// How much is in the diagnostic log is set by a variable, and what is no level is refused.
#[test]
fn the_log_has_what_its_level_asks_for() {
    let home = Home::new();
    let logged = |level: &str| {
        let mut command = home.command();
        command.env("WATCHKEEPER_LOG", level).args(["--plain", "-c", "help", "--log-file", "log"]);
        let said = Said::of(&command.output().unwrap());
        let log = fs::read_to_string(home.0.path().join("log")).unwrap_or_default();
        fs::remove_file(home.0.path().join("log")).unwrap();
        (said, log)
    };
    let (said, log) = logged("info");
    assert!(log.contains("started"), "{said:?} {log}");
    let (said, log) = logged("error");
    assert!(!log.contains("started"), "{said:?} {log}");
    let (said, _) = logged("watchkeeper=loud");
    said.refuses(&["WATCHKEEPER_LOG `watchkeeper=loud`"]);
}

#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Refused: exit code 2, nothing on stdout, these words on stderr.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} in {self:?}");
        }
    }
}

fn quiet() -> Demo {
    Demo::start(Options { story: "quiet".to_owned(), ..Options::default() }).unwrap()
}

const GOOD: &str = "apiVersion: v1\nkind: Config\ncurrent-context: blue\n\
    clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n\
    contexts: [{name: blue, context: {cluster: c}}, {name: green, context: {cluster: c}}]\n";

#[test]
fn a_malformed_kubeconfig_is_named_with_its_line_and_costs_only_its_own_contexts() {
    let (home, demo) = (Home::new(), quiet());
    let bad = home.file("bad", "apiVersion: v1\nkind: Config\ncontexts: [\n  {name: x\n");
    let line = format!("{}:", bad.display());

    let alone = home.run(&["--kubeconfig", bad.to_str().unwrap(), "--plain"]);
    assert_eq!(alone.code, Some(3), "{alone:?}");
    let at = alone.err.split_once(&line).expect("the file is named").1;
    let number: u32 = at.split(':').next().unwrap().parse().expect("a line");
    assert!((3..=5).contains(&number), "{alone:?}");

    let list = format!("{}:{}", bad.display(), demo.kubeconfig().display());
    let together =
        |view| Said::of(&home.command().env("KUBECONFIG", &list).args(["--plain", "-c", view]).output().unwrap());
    let pods = together("pods");
    assert!(pods.code == Some(0) && pods.out.contains("openbao-2"), "{pods:?}");
    let contexts = together("ctx");
    assert!(
        contexts.code == Some(0) && contexts.out.contains(&line) && contexts.out.contains("readonly"),
        "{contexts:?}"
    );
}

#[test]
fn a_missing_context_lists_those_that_exist() {
    let home = Home::new();
    let path = home.file("kubeconfig", GOOD);
    let said = home.run(&["--kubeconfig", path.to_str().unwrap(), "--context", "red", "--plain"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(["red", "blue", "green"].iter().all(|name| said.err.contains(name)), "{said:?}");
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    let home = Home::new();
    let said = home.run(&["--kubeconfig", "/nowhere/config", "--plain"]);
    assert!(said.code == Some(3) && said.err.contains("/nowhere/config"), "{said:?}");
    let none = home.run(&["--plain"]);
    assert!(none.code == Some(3) && none.err.contains(".kube/config") && none.err.contains("KUBECONFIG"), "{none:?}");
}

#[test]
fn names_in_a_kubeconfig_cannot_act_on_the_terminal() {
    let home = Home::new();
    let evil = GOOD.replace("{name: green,", r#"{name: "gr\e[2J\e]0;x\a\u202een","#);
    let path = home.file("kubeconfig", evil);
    let said = home.run(&["--kubeconfig", path.to_str().unwrap(), "--plain", "-c", "ctx"]);
    assert!(said.out.contains("gr") && said.out.contains("blue"), "{said:?}");
    assert!(!said.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
}

#[test]
fn an_unreachable_server_is_a_reason_and_exit_code_3() {
    let home = Home::new();
    // bound for a moment, so that nothing listens there
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let path = home.file("kubeconfig", GOOD.replace("127.0.0.1:1", &format!("127.0.0.1:{port}")));
    let said = home.run(&["--kubeconfig", path.to_str().unwrap(), "--plain", "-c", "pods"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("blue: connection refused") && said.out.is_empty(), "{said:?}");
}

#[rstest]
#[case::a_key("utc = true\n\nthemee = \"mono\"\n", ":3:1", &["themee", "theme"])]
#[case::a_nested_key("[thresholds]\npendign = \"5m\"\n", ":2:1", &["pendign"])]
#[case::a_type("ascii = \"maybe\"\n", ":1:", &["ascii"])]
#[case::no_toml("utc = \n", ":1:", &[])]
fn a_mistake_in_the_configuration_is_refused_with_file_line_and_key(
    #[case] text: &str,
    #[case] at: &str,
    #[case] words: &[&str],
) {
    let home = Home::new();
    let path = home.file("config.toml", text);
    for args in [&["config"][..], &["--plain"], &[]] {
        let said = home.run(&[args, &["--config", path.to_str().unwrap()]].concat());
        said.refuses(&[&format!("{}{at}", path.display())]);
        said.refuses(words);
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let home = Home::new();
    home.run(&["config", "--config", "/nowhere/config.toml"]).refuses(&["/nowhere/config.toml", "does not exist"]);
    home.run(&["config", "--config", "/"]).refuses(&["is a directory"]);
    let bytes = home.file("bytes.toml", b"theme = \"\xff\"\n");
    home.run(&["config", "--config", bytes.to_str().unwrap()]).refuses(&["bytes.toml", "not UTF-8"]);
    let said = Said::of(&home.command().env("WATCHKEEPER_CONFIG", "/nowhere").arg("config").output().unwrap());
    said.refuses(&["/nowhere", "does not exist"]);
}

#[test]
fn a_remapped_key_that_is_no_key_or_no_action_is_refused() {
    let home = Home::new();
    for (text, word) in [("[keys]\nrelaod = \"f5\"\n", "relaod"), ("[keys]\nreload = \"hyper-x\"\n", "hyper-x")] {
        let path = home.file("config.toml", text);
        home.run(&["--plain", "--config", path.to_str().unwrap()]).refuses(&[word]);
    }
}

#[test]
fn output_that_is_no_terminal_is_refused_and_plain_is_named() {
    let home = Home::new();
    let path = home.file("kubeconfig", GOOD);
    home.run(&["--kubeconfig", path.to_str().unwrap()]).refuses(&["--plain"]);
}

#[rstest]
#[case::unset("unset", "TERM is not set")]
#[case::dumb("dumb", "TERM=dumb")]
fn a_terminal_that_cannot_place_text_is_refused_and_plain_is_named(#[case] term: &str, #[case] words: &str) {
    let home = Home::new();
    let path = home.file("kubeconfig", GOOD);
    let mut pty = home.in_terminal(term, &["--kubeconfig", path.to_str().unwrap()]);
    assert_eq!(pty.exit(), 2);
    assert!(pty.text().contains(words) && pty.text().contains("--plain"), "{}", pty.text());
    assert!(!pty.raw().contains(&0x1b), "not one sequence");
    assert_eq!(pty.modes(), pty.found());
}

#[test]
fn what_is_wrong_with_the_command_line_is_told_before_the_terminal_is_taken() {
    let home = Home::new();
    let kubeconfig = home.file("kubeconfig", GOOD);
    let theme = home.file("odd.toml", "good = \"bold green\"\ngood-ish = \"red\"\n");
    let colour = home.file("colour.toml", "good = \"bold gren\"\n");
    for (args, words) in [
        (["-c", "podz"], &["--command podz", "podz"][..]),
        (["--theme", "nosuch"], &["nosuch", "mono"]),
        (["--theme", theme.to_str().unwrap()], &["odd.toml", "good-ish"]),
        (["--theme", colour.to_str().unwrap()], &["colour.toml", "gren"]),
    ] {
        let mut pty = home.in_terminal("xterm", &[&args[..], &["--kubeconfig", kubeconfig.to_str().unwrap()]].concat());
        assert_eq!(pty.exit(), 2, "{args:?}: {}", pty.text());
        assert!(words.iter().all(|word| pty.text().contains(word)), "{args:?}: {}", pty.text());
        assert!(!pty.raw().contains(&0x1b), "{args:?}: not one sequence");
    }
    let said = home.run(&["--plain", "-c", "podz", "--kubeconfig", kubeconfig.to_str().unwrap()]);
    said.refuses(&["podz", "watchkeeper --plain -c help"]);
    assert!(!said.err.contains("tab completes"), "there are no keys: {said:?}");
}

#[test]
fn wrong_flags_of_the_demo_are_refused() {
    let home = Home::new();
    home.run(&["demo", "--listen", "nowhere"]).refuses(&["--listen", "nowhere"]);
    home.run(&["demo", "--story", "tragedy"]).refuses(&["tragedy", "platform", "quiet"]);
    home.run(&["demo", "--faults", "/nowhere.toml"]).refuses(&["/nowhere.toml"]);
    let faults = home.file("faults.toml", "[[rule]]\ndo = \"cut\"\nafther = 3\n");
    home.run(&["demo", "--faults", faults.to_str().unwrap()]).refuses(&["faults.toml:3", "afther"]);
    home.run(&["demo", "--pods=-1"]).refuses(&["--pods"]);
    home.run(&["demo", "--churn", "4000000"]).refuses(&["churn"]);
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let said = home.run(&["demo", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(said.code == Some(1) && said.err.contains("cannot listen"), "{said:?}");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let home = Home::new();
    home.run(&["-n", "shop", "-A"]).refuses(&["--all-namespaces"]);
    home.run(&["--demo", "--context", "x"]).refuses(&["--context"]);
    home.run(&["--follow"]).refuses(&["--plain"]);
    home.run(&["frobnicate"]).refuses(&["frobnicate"]);
}

#[test]
fn a_log_file_that_cannot_be_written_is_named() {
    let home = Home::new();
    let said = home.run(&["--plain", "--log-file", "/nowhere/log"]);
    assert!(said.code == Some(1) && said.err.contains("/nowhere/log") && said.out.is_empty(), "{said:?}");
}

#[test]
fn a_reader_that_goes_away_ends_plain_quietly() {
    let (home, demo) = (Home::new(), quiet());
    for args in [&["--plain", "-c", "pods"][..], &["--plain", "--follow", "-c", "pods"]] {
        let mut command = home.command();
        command.arg("--kubeconfig").arg(demo.kubeconfig()).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {said}");
        assert_eq!(said, "", "{args:?}");
    }
}

#[test]
fn help_and_completions_into_a_closed_pipe_are_no_failure() {
    let home = Home::new();
    for args in [&["--help"][..], &["generate", "man"], &["generate", "config"], &["config"]] {
        let mut command = home.command();
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = Said::of(&child.wait_with_output().unwrap());
        assert!(said.code == Some(0) && said.err.is_empty(), "{args:?}: {said:?}");
    }
}

#[test]
fn config_masks_secrets_and_tells_origins() {
    let home = Home::new();
    let text = "[services.prometheus]\nheaders = { Authorization = \"Bearer s3cret\", X-Scope-OrgID = \"team\" }\n\
        bearer-token-env = \"PROM_TOKEN\"\n[contexts.blue.services.openbao]\nheaders = { X-Vault-Token = \"s3cret\" }\n";
    let path = home.file("config.toml", text);
    let mut command = home.command();
    command.args(["config", "--config", path.to_str().unwrap(), "--utc"]);
    command.env("PROM_TOKEN", "s3cret").env("WATCHKEEPER_SERVICES_ALERTMANAGER_HEADERS", "Authorization=s3cret");
    let said = Said::of(&command.output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!format!("{said:?}").contains("s3cret"), "{said:?}");
    for word in ["Authorization", "X-Vault-Token", "PROM_TOKEN", "--utc", "config.toml:2"] {
        assert!(said.out.contains(word), "{word} in\n{}", said.out);
    }
}

#[test]
fn the_generated_texts_are_what_they_claim() {
    let home = Home::new();
    let man = home.run(&["generate", "man"]);
    assert!(man.code == Some(0) && man.out.contains(".TH watchkeeper") && man.out.contains("namespace"), "{man:?}");
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef watchkeeper"), ("fish", "complete -c watchkeeper")]
    {
        let said = home.run(&["generate", "completions", shell]);
        assert!(
            said.code == Some(0) && said.out.contains(word) && said.out.contains("kubeconfig"),
            "{shell}: {}",
            said.err
        );
    }
    let example = home.run(&["generate", "config"]);
    let path = home.file("example.toml", &example.out);
    let read = home.run(&["config", "--config", path.to_str().unwrap()]);
    assert!(read.code == Some(0) && read.out.contains("example.toml"), "{read:?}");
}

#[rstest]
#[case::terminated(Signal::TERM)]
#[case::interrupted(Signal::INT)]
#[case::hung_up(Signal::HUP)]
fn the_demo_says_where_its_kubeconfig_is_and_takes_it_away_at_the_end(#[case] signal: Signal) {
    let home = Home::new();
    let mut child = home.command().args(["demo", "--story", "quiet"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let path = PathBuf::from(first.strip_prefix("KUBECONFIG=").expect("the first line").trim_end());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("current-context") && text.contains("127.0.0.1"), "{text}");
    kill_process(Pid::from_child(&child), signal).unwrap();
    let code = until(PATIENCE, || child.try_wait().unwrap()).expect("it ends").code();
    assert_eq!(code, Some(0));
    assert!(!path.exists(), "the kubeconfig is removed");
}

#[test]
fn a_plain_run_that_follows_the_demo_leaves_no_file_when_it_is_ended() {
    let home = Home::new();
    let mut command = home.command();
    command.args(["--demo", "--plain", "--follow", "-c", "pods"]).env("TMPDIR", home.0.path()).process_group(0);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert!(first.contains("Pods"), "{first}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    out.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left: Vec<_> =
        fs::read_dir(home.0.path()).unwrap().filter_map(Result::ok).map(|file| file.file_name()).collect();
    assert_eq!(left, [""; 0]);
}

/// Lines of a plain table under its title and its heading.
fn rows(said: &Said) -> (usize, Vec<&str>) {
    let mut lines = said.out.lines();
    let title = lines.next().unwrap_or_default();
    let count = title.split_whitespace().find_map(|word| word.parse().ok());
    (count.unwrap_or_else(|| panic!("no count in {title:?}")), lines.skip(1).collect())
}

#[test]
fn plain_prints_every_row_of_every_view() {
    let (home, demo) = (Home::new(), quiet());
    let plain = |view: &str| {
        let kubeconfig: &Path = demo.kubeconfig();
        let said = home.run(&["--kubeconfig", kubeconfig.to_str().unwrap(), "--plain", "-c", view]);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{view}");
        assert!(!said.out.contains('\u{1b}'), "{view}: lines, not pictures");
        said
    };
    for kind in KINDS {
        let said = plain(kind.word);
        let (count, rows) = rows(&said);
        if count > 0 {
            assert_eq!(rows.len(), count, "{}: {}", kind.word, said.out);
        }
    }
    assert_eq!(rows(&plain("pods")).0, 154);
    for (view, word) in [
        ("feeds", "Certificate"),
        ("ctx", "nobody"),
        ("ns", "team-beta"),
        ("help", "this help"),
        ("home", "nothing wrong"),
    ] {
        let said = plain(view);
        assert!(said.out.contains(word), "{view}: {}", said.out);
    }
}
