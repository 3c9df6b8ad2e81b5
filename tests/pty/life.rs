//! Beginning and end: what is taken is given back, whoever ends it and however.

use std::net::TcpListener;
use std::time::Instant;

use rustix::process::Signal;

use crate::console::{Console, PROGRAM, SOON, command, kubeconfig, quiet};
use crate::harness::machine::scaled;
use crate::harness::{PATIENCE, Pty, until};

#[test]
fn the_demo_starts_to_a_frame_and_quitting_leaves_the_terminal_as_found() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(PROGRAM, home.path());
    command.args(["--demo"]);
    let mut console = Console { pty: Pty::spawn(command, 80, 24), home };
    console.pty.wait_text("sre-demo");
    console.pty.screen(|screen| {
        assert!(screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
    assert_ne!(console.pty.modes(), console.pty.found(), "the line is raw");
    console.pty.wait_text("P1 ");
    console.pty.wait_text("openbao");
    console.pty.keys("q");
    assert_eq!(console.pty.exit(), 0);
    console.is_as_found();
    assert_eq!(console.pty.text().trim(), "", "nothing is left on the screen of the shell");
}

#[test]
fn ctrl_c_quits_from_anywhere() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.keys("d");
    console.pty.wait_text("cert-manager-cainjector");
    console.pty.keys(":nod");
    console.pty.wait_text(":nod");
    // the first leaves the line that is typed, the second the program
    console.pty.keys("\x03\x03");
    assert_eq!(console.pty.exit(), 0);
    console.is_as_found();
}

#[test]
fn the_first_frame_and_the_keyboard_wait_for_no_server() {
    // takes the connection and says nothing
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = kubeconfig(home.path(), &format!("http://{}", silent.local_addr().unwrap()), "{}");
    let start = Instant::now();
    let mut console = Console::over(&path, &[]);
    console.pty.wait_text("connecting");
    let took = start.elapsed();
    assert!(took < scaled(SOON), "{took:?} to the first frame");
    console.pty.keys(":");
    console.pty.wait("a line to type in", |screen| !screen.hide_cursor());
    console.pty.keys("help\r");
    console.pty.wait_text("this help");
    let cpu = console.cpu();
    console.pty.keys("\x03");
    assert_eq!(console.gone_soon(cpu), Some(0));
    console.is_as_found();
}

#[test]
fn a_signal_to_end_is_told_by_the_exit_code_alone() {
    let demo = quiet();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let mut console = Console::on_pods(&demo);
        let cpu = console.cpu();
        console.pty.signal(signal);
        assert_eq!(console.gone_soon(cpu), Some(code), "{signal:?}");
        assert_eq!(console.pty.exit(), code);
        console.is_as_found();
        assert_eq!(console.pty.text().trim(), "", "{signal:?} leaves no words");
    }
}

#[test]
fn a_closed_terminal_ends_it_without_spinning() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    let cpu = console.cpu();
    console.pty.hang_up();
    assert_eq!(console.gone_soon(cpu), Some(129));
}

#[test]
fn a_closed_terminal_ends_it_even_where_hang_ups_are_ignored() {
    let demo = quiet();
    let home = tempfile::tempdir().unwrap();
    let mut shell = command("sh", home.path());
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh", PROGRAM, "-c", "pods", "--kubeconfig"]);
    shell.arg(demo.kubeconfig());
    let mut console = Console { pty: Pty::spawn(shell, 80, 24), home };
    console.pty.wait_text("Pods 154");
    console.settle();
    let cpu = console.cpu();
    console.pty.hang_up();
    assert_eq!(console.gone_soon(cpu), Some(129));
}

#[test]
fn a_terminal_closed_before_the_server_answers_ends_it_too() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = kubeconfig(home.path(), &format!("http://{}", silent.local_addr().unwrap()), "{}");
    let mut console = Console::over(&path, &[]);
    console.pty.wait_text("connecting");
    let cpu = console.cpu();
    console.pty.hang_up();
    assert_eq!(console.gone_soon(cpu), Some(129));
}

#[test]
fn a_terminal_that_takes_no_byte_cannot_keep_it() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.pause();
    // more frames than the line buffers
    for _ in 0..60 {
        console.pty.keys(":help\r:pods\r");
    }
    console.pty.signal(Signal::TERM);
    assert_eq!(console.pty.exit_within(SOON * 3), Some(143));
    assert_eq!(console.pty.modes(), console.pty.found(), "the line is as it was");
}

#[test]
fn stopping_gives_the_terminal_back_and_continuing_redraws_in_the_size_of_then() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.signal(Signal::TSTP);
    console.pty.wait_process("stopped", |state| state == 'T');
    console.pty.wait("the screen is given back", |screen| !screen.alternate_screen() && !screen.hide_cursor());
    console.is_as_found();
    console.pty.resize(100, 30);
    console.pty.signal(Signal::CONT);
    console.pty.wait("redrawn", |screen| {
        let text = screen.contents();
        screen.alternate_screen() && text.contains("Pods 154") && text.lines().count() == 30
    });
    let first = console.selected();
    console.pty.keys("j");
    assert!(until(PATIENCE, || (console.selected() != first).then_some(())).is_some(), "keys are read again");
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
    console.is_as_found();
}

#[test]
fn being_stopped_without_warning_is_repaired_when_it_continues() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    let raw = console.pty.modes();
    console.pty.signal(Signal::STOP);
    console.pty.wait_process("stopped", |state| state == 'T');
    let shell = std::process::Command::new("stty").arg("-F").arg(console.pty.path()).arg("sane").status().unwrap();
    assert!(shell.success() && console.pty.modes() != raw, "the shell has taken the line back");
    console.pty.signal(Signal::CONT);
    let first = console.selected();
    console.pty.keys("j");
    let moved = until(PATIENCE, || (console.selected() != first).then_some(()));
    assert!(moved.is_some(), "a key is read at once, not at the end of a line");
    assert_eq!(console.pty.modes(), raw);
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
    console.is_as_found();
}
