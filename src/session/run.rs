//! The one loop: keys and news in, scenes out. The only owner of the console's state; it never waits for the cluster
//! and never for the terminal.

use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, eyre};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::input::{Input, Inputs};
use super::signals::{Asked, Signals};
use super::terminal::Terminal;
use super::writer::{Frame, Writer};
use super::{clock, watchdog};
use crate::app::App;
use crate::data::{Ask, Data, News};
use crate::headless::feed;
use crate::intent::{Chord, Code, Effect};
use crate::scene::Scene;
use crate::ui::{self, Theme};

/// Frames for data come at most this often; keys are answered at once.
const PACE: Duration = Duration::from_millis(250);
/// The first frames of a connection come sooner, each taking twice as long as the one before, so that what a list
/// brings first is not kept waiting.
const FIRST_PACE: Duration = Duration::from_millis(8);
/// Batches taken in at most before the screen and the keyboard get their turn.
const GULP: usize = 8;

/// A message for each panic, in any thread. It is reported already: the terminal was restored for the report.
pub type Panics = mpsc::UnboundedReceiver<()>;

/// What ended the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Asked,
    /// The terminal is gone.
    Hangup,
    Signal(i32),
    Panic,
}

impl End {
    /// The exit code, as shells and supervisors expect it.
    #[must_use]
    pub fn code(self) -> u8 {
        let signal = |number: i32| u8::try_from(number).map_or(1, |number| 128 + number);
        match self {
            Self::Asked => 0,
            Self::Hangup => signal(rustix::process::Signal::HUP.as_raw()),
            Self::Signal(number) => signal(number),
            Self::Panic => 101,
        }
    }
}

/// How the console ended, and what it has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    /// Where the plans ran that were not over, and their titles.
    pub context: String,
    pub left: Vec<String>,
}

struct Session<'a> {
    app: App,
    data: Data,
    terminal: &'a Terminal,
    writer: Writer,
    theme: Theme,
    last: Option<Scene>,
    generation: u64,
    /// How long a frame for data waits now.
    pace: Duration,
    /// The place that `-c` names, to be opened once.
    end: Option<End>,
}

/// Runs the console until it is left. The terminal is given back before this returns.
///
/// # Errors
/// When the terminal or a thread cannot be had.
pub fn run(app: App, data: Data, theme: Theme, panics: Panics) -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = runtime.block_on(async { Signals::listen() })?;
    let terminal = Terminal::enter()?;
    let ended = runtime.block_on(drive(app, data, theme, &terminal, signals, panics));
    // nothing of the runtime may keep a closed terminal waiting
    runtime.shutdown_background();
    drop(terminal);
    ended
}

async fn drive(
    app: App,
    data: Data,
    theme: Theme,
    terminal: &Terminal,
    mut signals: Signals,
    mut panics: Panics,
) -> Result<Ended> {
    let writer = Writer::start(terminal.output()?).wrap_err("no thread for the terminal's output")?;
    let mut inputs = Inputs::start(terminal)?;
    let (gone_tell, mut gone) = oneshot::channel();
    let _watchdog = watchdog::watch(terminal.keyboard()?, move || {
        let _ = gone_tell.send(());
    })?;

    let (last, generation, pace, end) = (None, 0, FIRST_PACE, None);
    let mut session = Session { app, data, terminal, writer, theme, last, generation, pace, end };
    let (width, height) = terminal.size();
    session.app.resize(width, height);
    session.draw();
    session.data.ask(Ask::Connect(None));

    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut drawn = Instant::now();
    let mut stale = false;
    let end = loop {
        tokio::select! {
            biased;
            // before keys: a key that is held must not keep us
            asked = signals.next() => match asked {
                Asked::End(number) => break End::Signal(number),
                Asked::Stop => session.suspend()?,
                Asked::Continue => session.resume(),
            },
            _ = &mut gone => break End::Hangup,
            Some(()) = panics.recv() => break End::Panic,
            input = inputs.next() => match input {
                Some(input) => {
                    session.input(input);
                    session.draw();
                    (drawn, stale) = (Instant::now(), false);
                }
                None => break End::Hangup,
            },
            () = tokio::time::sleep_until(drawn + session.pace), if stale => {
                session.pace = (session.pace * 2).min(PACE);
                session.draw();
                (drawn, stale) = (Instant::now(), false);
            }
            news = session.data.news.recv() => match news {
                Some(news) => {
                    session.news(news);
                    for _ in 1..GULP {
                        match session.data.news.try_recv() {
                            Ok(news) => session.news(news),
                            Err(_) => break,
                        }
                    }
                    stale = true;
                }
                None => return Err(eyre!("the data thread has ended")),
            },
            _ = tick.tick() => {
                session.draw();
                (drawn, stale) = (Instant::now(), false);
            }
        }
        if let Some(end) = session.end {
            break end;
        }
    };
    let Session { app, .. } = &session;
    Ok(Ended { end, context: app.world.facts.context.clone(), left: app.left_in_the_middle() })
}

impl Session<'_> {
    fn input(&mut self, input: Input) {
        // how soon one key follows another counts
        self.app.world.set_time(clock::now());
        let effects = match input {
            Input::Key(key) => match chord(key) {
                Some(chord) => self.app.key(chord),
                None => Vec::new(),
            },
            Input::Paste(text) => self.app.paste(&text),
            Input::Resize(width, height) => {
                self.app.resize(width, height);
                self.writer.repaint();
                Vec::new()
            }
        };
        self.follow(effects);
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Quit => self.end = Some(End::Asked),
                Effect::Copy(text) => match self.writer.copy(&text) {
                    Ok(()) => self
                        .app
                        .say(format!("copied {} characters, if your terminal takes OSC 52", text.chars().count())),
                    Err(error) => self.app.complain(error.to_string()),
                },
                other => feed::ask(&self.data, other),
            }
        }
    }

    fn news(&mut self, news: News) {
        if news.generation < self.generation {
            return;
        }
        if news.generation > self.generation {
            self.generation = news.generation;
            self.pace = FIRST_PACE;
        }
        feed::take(&mut self.app, news.what);
    }

    /// Judges, lets the screen follow, and shows what differs from the last frame.
    fn draw(&mut self) {
        self.app.world.set_time(clock::now());
        self.app.settle();
        let mut effects = self.app.sync();
        effects.extend(self.app.unsaved());
        self.follow(effects);
        let scene = self.app.scene();
        if self.last.as_ref() == Some(&scene) {
            return;
        }
        let size = self.app.size();
        let area = Rect::new(0, 0, size.width, size.height);
        let buffer = ui::draw(&scene, area, &self.theme);
        self.writer.show(Frame { buffer, cursor: scene.cursor, bells: scene.bells });
        self.last = Some(scene);
    }

    fn suspend(&mut self) -> Result<()> {
        self.writer.settle(Duration::from_millis(300));
        let size = self.terminal.suspend()?;
        self.redraw(size);
        Ok(())
    }

    /// Continued after a stop that gave no warning. Linux says the same when the terminal is gone: then nothing can be
    /// taken again, and the watchdog speaks.
    fn resume(&mut self) {
        if let Ok(size) = self.terminal.retake() {
            self.redraw(size);
        }
    }

    fn redraw(&mut self, (width, height): (u16, u16)) {
        self.app.resize(width, height);
        self.writer.repaint();
        self.last = None;
        self.draw();
    }
}

/// A key as the keymap knows it; `None` for keys that it does not know.
fn chord(key: KeyEvent) -> Option<Chord> {
    let code = match key.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let code = match code {
        Code::Char(c) if ctrl => Code::Char(c.to_ascii_lowercase()),
        code => code,
    };
    Some(Chord { code, ctrl, alt: key.modifiers.contains(KeyModifiers::ALT) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_the_signal() {
        let codes = [End::Asked, End::Hangup, End::Signal(15), End::Signal(2), End::Panic].map(End::code);
        assert_eq!(codes, [0, 129, 143, 130, 101]);
    }
}
