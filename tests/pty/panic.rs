//! A panic outside the loop, in the real loop: no key of the program provokes one, so this test binary runs it.

use std::path::PathBuf;
use std::{env, fs, process, thread};

use tokio::sync::mpsc;
use watchkeeper::config::Settings;
use watchkeeper::config::load::Request;
use watchkeeper::data::Data;
use watchkeeper::session::{clock, panic, run, start};

use crate::console::{Console, command};
use crate::harness::{PATIENCE, Pty, until};

/// Names the folder of reports.
const STATE: &str = "WATCHKEEPER_TEST_PANICS";

#[test]
#[ignore = "the program that the other test here starts in a terminal"]
fn console_that_panics() {
    let state = PathBuf::from(env::var_os(STATE).expect("started by another test"));
    let (tell, panics) = mpsc::unbounded_channel();
    panic::install(state.clone(), move || tell.send(()).unwrap_or_default()).unwrap();
    let settings = Settings::load(Request::default()).unwrap();
    let app = start::app(&settings).unwrap();
    let theme = start::theme(&settings).unwrap();
    let data = Data::start(settings, clock::now).unwrap();
    thread::spawn(move || {
        until(PATIENCE, || state.join("now").exists().then_some(()));
        panic!("in a thread outside the loop");
    });
    let end = run::run(app, data, theme, panics).unwrap().end;
    process::exit(end.code().into());
}

#[test]
fn a_panic_in_another_thread_ends_the_console_with_the_terminal_given_back_and_a_report() {
    let home = tempfile::tempdir().unwrap();
    let mut program = command(env::current_exe().unwrap().to_str().unwrap(), home.path());
    program.args(["--ignored", "--exact", "panic::console_that_panics", "--nocapture", "--test-threads=1"]);
    program.env(STATE, home.path());
    let mut console = Console { pty: Pty::spawn(program, 80, 24), home };
    console.pty.wait("a frame", |screen| screen.alternate_screen() && !screen.contents().trim().is_empty());
    fs::write(console.home.path().join("now"), "").unwrap();
    assert_eq!(console.pty.exit_within(PATIENCE), Some(101));
    assert_eq!(console.pty.exit(), 101);
    console.is_as_found();
    let raw = String::from_utf8(console.pty.raw()).unwrap();
    let (ours, shown) = raw.rsplit_once("\x1b[?1049l").unwrap();
    assert!(!ours.contains("outside the loop"), "nothing of the report on the screen that was ours");
    assert!(shown.contains("outside the loop") && shown.contains("This report is kept in"), "{shown}");
    let reports = fs::read_dir(console.home.path()).unwrap().filter_map(Result::ok);
    let reports: Vec<_> = reports.filter(|file| file.file_name().to_string_lossy().starts_with("panic-")).collect();
    assert_eq!(reports.len(), 1);
}
