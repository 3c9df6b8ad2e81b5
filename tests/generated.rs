//! The generated parts of the documents are what the lists in the code say. A part is between two markers; with
//! `WATCHKEEPER_REWRITE=1` in the environment it is written instead of compared.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a document that cannot be read fails the test")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use watchkeeper::actions::ACTIONS;
use watchkeeper::app::commands::COMMANDS;
use watchkeeper::app::keymap::KEYMAP;
use watchkeeper::cli;
use watchkeeper::headless::rbac::{self, Role};
use watchkeeper::intent::{Binding, Group};
use watchkeeper::kinds::KINDS;
use watchkeeper::screens::keys::Typed;
use watchkeeper::screens::{SCREENS, acting};
use watchkeeper::triage::joins::JOINS;
use watchkeeper::triage::rules::{RULES, RuleSpec};

/// The tests of one file run side by side and may write it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Compares the part called `name` of `file` with what it should be.
fn part(file: &str, name: &str, wanted: &str) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- /{name} -->\n"));
    let from = text.find(&begin).expect("the part begins") + begin.len();
    let until = from + text[from..].find(&end).expect("the part ends");
    if text[from..until] == *wanted {
        return;
    }
    if std::env::var_os("WATCHKEEPER_REWRITE").is_some() {
        std::fs::write(&path, format!("{}{wanted}{}", &text[..from], &text[until..])).unwrap();
        return;
    }
    panic!("{file} is stale in its part {name}: run WATCHKEEPER_REWRITE=1 cargo test --test generated");
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn keys(out: &mut String, title: &str, bindings: &[&Binding]) {
    writeln!(out, "| {title} | | name |\n|-|-|-|").unwrap();
    // ten digits are one line
    for binding in bindings.iter().filter(|binding| !binding.help.is_empty()) {
        let chords: Vec<String> = binding.chords.iter().map(|chord| code(chord)).collect();
        writeln!(out, "| {} | {} | {} |", chords.join(" "), binding.help, code(binding.name)).unwrap();
    }
    out.push('\n');
}

#[test]
fn the_rules_are_documented_by_their_list() {
    let mut out = String::from("\n| rule | says | explains | keys that help with its root |\n|-|-|-|-|\n");
    for rule in RULES {
        let list = |words: &[&str]| words.iter().map(|word| code(word)).collect::<Vec<_>>().join(" ");
        writeln!(out, "| {} | {} | {} | {} |", code(rule.name), rule.doc, list(&symptoms(rule)), list(rule.next))
            .unwrap();
    }
    out.push('\n');
    part("docs/triage.md", "rules", &out);
    let joins: Vec<&str> = JOINS.iter().map(|join| join.doc).collect();
    part("docs/triage.md", "joins", &format!("\n- {}\n\n", joins.join("\n- ")));
}

/// Kinds and groups whose failures a rule explains.
fn symptoms(rule: &RuleSpec) -> Vec<&'static str> {
    let kinds = KINDS.iter().filter(|kind| rule.is_about(kind)).map(|kind| kind.name);
    let groups = rule.symptoms.iter().copied().filter(|symptom| KINDS.iter().all(|kind| kind.name != *symptom));
    kinds.chain(groups).collect()
}

#[test]
fn the_readme_lists_every_key() {
    let mut out = String::from("\n");
    for group in Group::ALL {
        let bindings: Vec<&Binding> = KEYMAP.iter().filter(|binding| binding.group == group).collect();
        assert!(!bindings.is_empty());
        keys(&mut out, group.title(), &bindings);
    }
    part("README.md", "keys", &out);
}

#[test]
fn the_readme_lists_every_command_that_is_typed() {
    let mut out = String::from("\n| `:` | does |\n|-|-|\n");
    for command in COMMANDS {
        let Typed { word, aliases, rest, help } = command.typed;
        let line = |word: &&str| code(format!("{word} {rest}").trim_end());
        let lines: Vec<String> = std::iter::once(&word).chain(aliases).map(line).collect();
        writeln!(out, "| {} | {help} |", lines.join(" ")).unwrap();
    }
    out.push('\n');
    part("README.md", "commands", &out);
}

#[test]
fn the_readme_lists_every_screen_and_kind() {
    let words = |word: &str, aliases: &[&str]| {
        std::iter::once(&word).chain(aliases).map(|word| code(word)).collect::<Vec<_>>().join(" ")
    };
    let mut out = String::from("\n| `:` or `-c` | shows |\n|-|-|\n");
    for screen in SCREENS {
        writeln!(out, "| {} | {} |", words(screen.word, screen.aliases), screen.help).unwrap();
    }
    for kind in KINDS {
        writeln!(out, "| {} | {} |", words(kind.word, kind.aliases), kind.title).unwrap();
    }
    out.push('\n');
    part("README.md", "screens", &out);
}

#[test]
fn the_readme_shows_the_command_line() {
    let help = cli::command().term_width(100).render_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    part("README.md", "help", &format!("\n```text\n{}\n```\n\n", lines.join("\n")));
}

#[test]
fn the_readme_lists_every_action() {
    let mut out = String::from("\n| action | key | does |\n|-|-|-|\n");
    for action in ACTIONS {
        let chord = action.key.and_then(|key| {
            let command = acting::command(key);
            KEYMAP.iter().find(|b| b.command == command).map(|b| code(b.chords[0]))
        });
        writeln!(out, "| {} | {} | {} |", code(action.name), chord.unwrap_or_default(), action.doc).unwrap();
    }
    out.push('\n');
    part("README.md", "actions", &out);
}

#[test]
fn the_roles_are_what_the_lists_need() {
    for (role, name) in [(Role::Reader, "reader"), (Role::Operator, "operator")] {
        part("docs/rbac.md", name, &format!("\n```yaml\n{}```\n\n", rbac::manifest(role)));
    }
}
