//! Credential plugins of the kubeconfig: the terminal stays ours, whatever they do.

use std::fs;
use std::path::Path;

use watchkeeper::demo::Demo;

use crate::console::{Console, SOON, kubeconfig, quiet};
use crate::harness::{PATIENCE, process, until};

fn plugin(folder: &Path, server: &str, script: &str) -> std::path::PathBuf {
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: [-c, '{}']}}}}",
        script.replace('\'', "''")
    );
    kubeconfig(folder, server, &user)
}

/// A plugin is asked for a server behind TLS only; nothing is sent before it has answered.
fn over_tls(demo: &Demo) -> String {
    format!("https://{}", demo.address())
}

/// Waits for words that a line may break anywhere.
fn wait_words(console: &Console, words: &str) {
    console.pty.wait(words, |screen| {
        let text = screen.contents();
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
    });
}

#[test]
fn a_plugin_that_hangs_keeps_nothing_and_does_not_outlive_us() {
    let demo = quiet();
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("sleep 600 & echo $! $$ > {0}.new; mv {0}.new {0}; wait", pids.display());
    let path = plugin(folder.path(), &over_tls(&demo), &script);
    let mut console = Console::over(&path, &[]);
    console.pty.wait_text("connecting");
    let told = until(PATIENCE, || fs::read_to_string(&pids).ok()).expect("the plugin runs");
    let pids: Vec<&str> = told.split_whitespace().collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| process(pid).is_some()));
    console.pty.keys("?");
    console.pty.wait_text("this help");
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit_within(SOON), Some(0));
    console.is_as_found();
    let left = || pids.iter().all(|pid| process(pid).is_none_or(|(state, _)| state == 'Z')).then_some(());
    assert!(until(PATIENCE, left).is_some(), "plugin and child are gone");
}

#[test]
fn a_plugin_that_prints_and_fails_is_quoted_and_disturbs_nothing() {
    let demo = quiet();
    let folder = tempfile::tempdir().unwrap();
    let script = r#"printf "\033[2J\033[31mOUTPUT"; printf "please \033[2Jlog in: example login\n" >&2; exit 3"#;
    let path = plugin(folder.path(), &over_tls(&demo), script);
    let mut console = Console::over(&path, &[]);
    wait_words(&console, "log in: example login;");
    wait_words(&console, "exit code 3");
    console.pty.wait_text("other");
    let raw = String::from_utf8(console.pty.raw()).unwrap();
    assert!(!raw.contains("OUTPUT"), "what it prints for us is not shown: it may be a token");
    assert!(!raw.contains("please \x1b"), "what it says cannot act");
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
    console.is_as_found();
}

#[test]
fn a_plugin_that_wants_the_terminal_does_not_get_it() {
    let demo = quiet();
    let folder = tempfile::tempdir().unwrap();
    let script = r#"if (echo PROMPT > /dev/tty) 2>/dev/null; then echo "got the terminal" >&2; read answer < /dev/tty; else echo "no terminal here" >&2; fi; exit 1"#;
    let path = plugin(folder.path(), &over_tls(&demo), script);
    let mut console = Console::over(&path, &[]);
    wait_words(&console, "saying: no terminal here;");
    assert!(!String::from_utf8_lossy(&console.pty.raw()).contains("PROMPT"));
    // and the keyboard is ours alone
    console.pty.keys("?");
    console.pty.wait_text("this help");
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
}
