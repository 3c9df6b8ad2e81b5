//! The terminal half in a real pseudo-terminal: what is taken is given back, whatever happens.
//!
//! The program in the terminal is this test binary itself, running the test named `program`.
#![expect(clippy::disallowed_macros, reason = "the program in the terminal talks as programs do")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "terminal/harness.rs"]
mod harness;
#[path = "terminal/program.rs"]
mod program;

use std::fs;
use std::time::Duration;

use harness::machine::scaled;
use harness::{CommandBuilder, Pty, until};
use rustix::process::Signal;
use tempfile::TempDir;

struct Case {
    pty: Pty,
    state: TempDir,
}

/// The program in a terminal of this size, showing its first frame.
fn start(columns: u16, rows: u16) -> Case {
    let state = tempfile::tempdir().unwrap();
    let pty = Pty::spawn(command(&state), columns, rows);
    pty.wait_text(&format!("size {columns}x{rows}"));
    Case { pty, state }
}

fn command(state: &TempDir) -> CommandBuilder {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "program::program", "--nocapture", "--test-threads=1"]);
    command.env(program::STATE, state.path());
    command
}

#[track_caller]
fn is_as_found(case: &Case) {
    case.pty.screen(|screen| {
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "paste is plain again");
    });
    assert_eq!(case.pty.modes(), case.pty.found(), "the line is as it was");
}

#[test]
fn entering_takes_the_screen_and_quitting_leaves_it_as_found() {
    let mut case = start(80, 24);
    case.pty.screen(|screen| {
        assert!(screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
    assert_ne!(case.pty.modes(), case.pty.found(), "the line is raw");
    case.pty.keys("q");
    assert_eq!(case.pty.exit(), 0);
    is_as_found(&case);
    assert!(case.pty.text().contains("left by quit"), "{}", case.pty.text());
}

#[test]
fn the_terminal_is_never_asked_anything() {
    let mut case = start(80, 24);
    case.pty.keys("jjq");
    case.pty.exit();
    let raw = String::from_utf8(case.pty.raw()).unwrap();
    for question in [
        "\x1b[6n",
        "\x1b[5n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[?u",
        "\x1b[18t",
        "\x1b]10;?",
        "\x1b]11;?",
        "\x1b[?1004h",
        "\x1b[?1000h",
    ] {
        assert!(!raw.contains(question), "{question:?}");
    }
}

#[test]
fn an_idle_program_writes_nothing_and_a_key_writes_little() {
    let mut case = start(80, 24);
    case.pty.keys("j");
    case.pty.wait_text("keys 1 ");
    let before = case.pty.bytes();
    // Draws the same scene again a hundred times, then says so in a file.
    case.pty.keys("i");
    let told = case.state.path().join("idle");
    assert!(until(harness::PATIENCE, || told.exists().then_some(())).is_some());
    case.pty.keys("j");
    case.pty.wait_text("keys 2 ");
    let written = case.pty.bytes() - before;
    assert!(written < 100, "{written} bytes for one changed line");
}

#[test]
fn a_panic_gives_the_terminal_back_then_reports_and_keeps_the_report() {
    for (key, words) in [("p", "in the loop"), ("t", "in another thread")] {
        let mut case = start(100, 40);
        case.pty.keys(key);
        case.pty.exit();
        is_as_found(&case);
        let raw = String::from_utf8(case.pty.raw()).unwrap();
        let (console, shown) = raw.rsplit_once("\x1b[?1049l").unwrap();
        assert!(!console.contains(words), "nothing of the report on the screen that was ours");
        assert!(shown.contains(words) && shown.contains("This report is kept in"), "{shown}");
        let kept = fs::read_dir(case.state.path()).unwrap().filter_map(Result::ok);
        let kept = kept.filter(|file| file.file_name().to_string_lossy().starts_with("panic-"));
        let reports: Vec<_> = kept.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
        assert!(reports.len() == 1 && reports[0].contains(words), "{reports:?}");
    }
}

#[test]
fn a_signal_to_end_gives_the_terminal_back() {
    let mut case = start(80, 24);
    case.pty.signal(Signal::TERM);
    assert_eq!(case.pty.exit(), 0);
    is_as_found(&case);
    assert!(case.pty.text().contains("left by SIGTERM"));
}

#[test]
fn stopping_gives_the_terminal_back_and_continuing_redraws_in_the_size_of_then() {
    let mut case = start(80, 24);
    case.pty.keys("j");
    case.pty.wait_text("keys 1 ");
    case.pty.signal(Signal::TSTP);
    case.pty.wait_process("stopped", |state| state == 'T');
    case.pty.wait("the screen is given back", |screen| !screen.alternate_screen() && !screen.hide_cursor());
    is_as_found(&case);
    case.pty.resize(100, 30);
    case.pty.signal(Signal::CONT);
    case.pty.wait("redrawn", |screen| screen.alternate_screen() && screen.contents().contains("size 100x30"));
    case.pty.wait_text("keys 1 ");
    case.pty.keys("q");
    assert_eq!(case.pty.exit(), 0);
    is_as_found(&case);
}

#[test]
fn being_stopped_without_warning_is_repaired_when_it_continues() {
    let mut case = start(80, 24);
    let raw = case.pty.modes();
    case.pty.signal(Signal::STOP);
    case.pty.wait_process("stopped", |state| state == 'T');
    let shell = std::process::Command::new("stty").arg("-F").arg(case.pty.path()).arg("sane").status().unwrap();
    assert!(shell.success() && case.pty.modes() != raw, "the shell has taken the line back");
    let written = case.pty.raw().len();
    case.pty.signal(Signal::CONT);
    case.pty.keys("j");
    case.pty.wait_text("keys 1 ");
    assert_eq!(case.pty.modes(), raw);
    let since = case.pty.raw().split_off(written);
    assert!(since.windows(4).any(|w| w == b"\x1b[2J"), "everything is drawn again");
    case.pty.keys("q");
    assert_eq!(case.pty.exit(), 0);
    is_as_found(&case);
}

#[test]
fn every_size_is_drawn_and_the_way_back_leaves_no_remains() {
    let mut case = start(80, 24);
    for (columns, rows) in [(20, 5), (80, 24), (200, 50), (1, 1), (80, 24)] {
        case.pty.resize(columns, rows);
        if columns >= 20 {
            case.pty.wait_text(&format!("size {columns}x{rows}"));
            case.pty.wait("the whole screen is drawn", |screen| {
                screen.contents().lines().skip(3).all(|line| line.starts_with("line "))
                    && screen.contents().lines().count() == usize::from(rows)
            });
        }
    }
    case.pty.resize(0, 0);
    case.pty.keys("q");
    assert_eq!(case.pty.exit(), 0);
}

#[test]
fn a_lost_terminal_is_noticed_within_a_second_and_costs_no_cpu() {
    let mut case = start(80, 24);
    case.pty.hang_up();
    let told = case.state.path().join("gone");
    assert!(until(scaled(Duration::from_secs(1)), || told.exists().then_some(())).is_some(), "the watchdog reports");
    // The program ignores SIGHUP and stays for a moment to be measured.
    assert_eq!(case.pty.exit_within(harness::PATIENCE), Some(0));
    let spent = fs::read_to_string(case.state.path().join("cpu")).unwrap().parse().unwrap();
    let spent = Duration::from_millis(spent);
    assert!(spent < scaled(Duration::from_millis(100)), "{spent:?} of CPU after the terminal was lost");
}

#[test]
fn a_terminal_that_takes_no_byte_cannot_keep_the_program() {
    let mut case = start(200, 50);
    case.pty.pause();
    case.pty.keys("f");
    let told = case.state.path().join("stuck");
    assert!(until(harness::PATIENCE, || told.exists().then_some(())).is_some(), "the writer is stuck");
    case.pty.signal(Signal::TERM);
    assert_eq!(case.pty.exit_within(Duration::from_secs(3)), Some(0), "the wait is bounded");
    assert_eq!(case.pty.modes(), case.pty.found(), "the line is as it was");
}

#[test]
fn a_split_sequence_never_acts_as_letters_and_a_lone_escape_is_a_key() {
    let mut case = start(80, 24);
    for part in ["\x1b", "[", "B"] {
        case.pty.keys(part);
    }
    case.pty.keys("\x1b[6~");
    case.pty.wait_text("last PageDown");
    case.pty.keys("\x1b");
    case.pty.wait_text("last Esc");
    assert!(!case.pty.text().contains("letter B"), "{}", case.pty.text());
}

#[test]
fn a_paste_arrives_as_one_text() {
    let mut case = start(80, 24);
    case.pty.keys("\x1b[200~qp\x1b[A\x07t\x1b[201~");
    case.pty.wait_text("pasted qp[At");
    case.pty.keys("q");
    assert_eq!(case.pty.exit(), 0);
}

#[test]
fn copying_sends_the_text_to_the_clipboard_of_the_terminal() {
    let mut case = start(80, 24);
    case.pty.keys("cq");
    case.pty.exit();
    let raw = String::from_utf8(case.pty.raw()).unwrap();
    assert!(raw.contains("\x1b]52;c;a3ViZWN0bCBnZXQgcG9kcw==\x1b\\"), "{raw:?}");
}

#[test]
fn a_dumb_terminal_and_no_terminal_are_refused_with_the_way_out() {
    let state = tempfile::tempdir().unwrap();
    let mut dumb = command(&state);
    dumb.env("TERM", "dumb");
    let mut pty = Pty::spawn(dumb, 80, 24);
    assert_eq!(pty.exit(), 2);
    assert!(pty.text().contains("TERM=dumb") && pty.text().contains("--plain"), "{}", pty.text());

    let piped = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "program::program", "--nocapture", "--test-threads=1"])
        .env(program::STATE, state.path())
        .output()
        .unwrap();
    assert_eq!(piped.status.code(), Some(2));
    let said = String::from_utf8_lossy(&piped.stdout).into_owned();
    assert!(said.contains("not one; --plain"), "{said}");
}
