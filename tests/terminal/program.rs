//! The smallest program on terminal, writer, input and watchdog; it runs only inside the harness.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs, process, thread};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use watchkeeper::scene::{Line, Scene, Tone};
use watchkeeper::session::input::{Input, Inputs};
use watchkeeper::session::terminal::Terminal;
use watchkeeper::session::watchdog;
use watchkeeper::session::writer::{Frame, Writer};
use watchkeeper::ui::{self, Theme};

use crate::harness;

/// Names the folder in which the program leaves word.
pub const STATE: &str = "WATCHKEEPER_TEST_PROGRAM";

#[test]
#[ignore = "the program that the other tests here start in a terminal"]
fn program() {
    let state = PathBuf::from(env::var_os(STATE).expect("started by another test"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let code = runtime.block_on(run(state));
    process::exit(code);
}

struct View {
    size: (u16, u16),
    keys: u32,
    last: String,
    letters: String,
    flood: u32,
}

impl View {
    fn show(&self, writer: &Writer) {
        let mut lines = vec![
            Line::of(format!("size {}x{}", self.size.0, self.size.1), Tone::Title),
            Line::of(format!("keys {} last {}", self.keys, self.last), Tone::Good),
            Line::of(self.letters.clone(), Tone::Plain),
        ];
        lines.extend((3..self.size.1).map(|n| Line::of(format!("line {n} {}", self.noise(n)), Tone::Warn)));
        let buffer = ui::draw(
            &Scene { lines, ..Scene::default() },
            Rect::new(0, 0, self.size.0, self.size.1),
            &Theme::default(),
        );
        writer.show(Frame { buffer, ..Frame::default() });
    }

    /// Nothing, or text that differs in every frame of a flood.
    fn noise(&self, row: u16) -> String {
        let word =
            |n: u32| format!("{:08x}", (self.flood * 7919 + u32::from(row) * 31 + n).wrapping_mul(2_654_435_761));
        if self.flood == 0 { String::new() } else { (0..20).map(word).collect() }
    }
}

async fn run(state: PathBuf) -> i32 {
    let terminal = match Terminal::enter() {
        Ok(terminal) => terminal,
        Err(error) => {
            println!("{error}");
            return 2;
        }
    };
    let (panicked, mut panics) = mpsc::unbounded_channel();
    watchkeeper::session::panic::install(state.clone(), move || panicked.send(()).unwrap_or_default()).unwrap();
    let writer = Writer::start(terminal.output().unwrap()).unwrap();
    let mut inputs = Inputs::start(&terminal).unwrap();
    let (gone, mut lost) = mpsc::unbounded_channel();
    let _dog = watchdog::watch(terminal.keyboard().unwrap(), move || gone.send(()).unwrap_or_default()).unwrap();
    let mut end = signal(SignalKind::terminate()).unwrap();
    let mut stop = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).unwrap();
    let mut go_on = signal(SignalKind::from_raw(Signal::CONT.as_raw())).unwrap();
    // Taken and forgotten: the watchdog alone must do.
    let _hang_up = signal(SignalKind::hangup()).unwrap();
    let mut view = View { size: terminal.size(), keys: 0, last: "none".into(), letters: String::new(), flood: 0 };
    let mut keyboard = true;
    let why = loop {
        view.show(&writer);
        tokio::select! {
            input = inputs.next(), if keyboard => match input {
                Some(Input::Key(key)) => {
                    if let Some(why) = press(key, &mut view, &writer, &state) {
                        break why;
                    }
                }
                Some(Input::Paste(text)) => view.letters = format!("pasted {text}"),
                Some(Input::Resize(columns, rows)) => view.size = (columns, rows),
                None => keyboard = false,
            },
            _ = end.recv() => break "SIGTERM",
            _ = stop.recv() => {
                view.size = terminal.suspend().unwrap();
                writer.repaint();
            }
            _ = go_on.recv() => {
                // A hang-up brings this signal, too: the watchdog distinguishes them.
                if let Ok(size) = terminal.retake() {
                    view.size = size;
                    writer.repaint();
                }
            }
            _ = panics.recv() => break "panic",
            _ = lost.recv() => {
                fs::write(state.join("gone"), "").unwrap();
                let cpu = || harness::process("self").unwrap().1;
                let before = cpu();
                // Not a wait for a state: the time over which the CPU is measured.
                while keyboard && inputs.next().await.is_some() {}
                tokio::time::sleep(Duration::from_millis(500)).await;
                let spent = cpu().saturating_sub(before);
                fs::write(state.join("cpu"), spent.as_millis().to_string()).unwrap();
                break "hang-up";
            }
        }
    };
    drop(writer);
    drop(terminal);
    if why != "hang-up" && view.flood == 0 {
        println!("left by {why}");
    }
    0
}

fn press(key: KeyEvent, view: &mut View, writer: &Writer, state: &std::path::Path) -> Option<&'static str> {
    match key.code {
        KeyCode::Char('q') => return Some("quit"),
        KeyCode::Char('j') => view.keys += 1,
        KeyCode::Char('p') => panic!("in the loop"),
        KeyCode::Char('t') => drop(thread::spawn(|| panic!("in another thread"))),
        KeyCode::Char('c') => writer.copy("kubectl get pods").unwrap(),
        KeyCode::Char('i') => {
            for _ in 0..100 {
                view.show(writer);
                assert!(writer.settle(Duration::from_secs(5)));
            }
            fs::write(state.join("idle"), "").unwrap();
        }
        KeyCode::Char('f') => {
            while {
                view.flood += 1;
                view.show(writer);
                writer.settle(Duration::from_millis(200))
            } {}
            fs::write(state.join("stuck"), "").unwrap();
        }
        KeyCode::Char(c) => view.letters.extend(["letter ", c.encode_utf8(&mut [0; 4]), " "]),
        code => view.last = format!("{code:?}"),
    }
    None
}
