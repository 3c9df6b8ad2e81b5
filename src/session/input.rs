//! Keys, pastes and sizes, in the order in which they came.
//!
//! A thread of our own reads the terminal: crossterm's reader burns a core when the terminal dies, and blocks its
//! caller on half a sequence. Never shows what it read, and never lets a split sequence act as keys.

#![expect(clippy::disallowed_methods, reason = "the time between bytes distinguishes an escape from a sequence")]

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::KeyEvent;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::keys::{Token, abandoned, token};
use super::terminal::{self, Terminal};

/// How long a lone escape may be the start of a sequence that a slow link has split.
const ESCAPE_WAIT: Duration = Duration::from_millis(50);
/// How long the rest of a sequence that has certainly begun is awaited, and its late tail recognised.
const SEQUENCE_WAIT: Duration = Duration::from_millis(500);
/// After so long a silence within a paste, ctrl-c alone ends it: its end was lost.
const PASTE_LOST: Duration = Duration::from_secs(1);
/// Longest paste kept, in bytes; the rest is dropped.
pub const MAX_PASTE: usize = 64 * 1024;

const PASTE_END: &[u8] = b"\x1b[201~";

/// One thing that the operator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed or repeats; releases are never reported.
    Key(KeyEvent),
    /// Text was pasted: at most 64 KiB, without control characters but line ends and tabs.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
}

/// Bytes to inputs. Pure: the time is an argument.
#[derive(Debug, Default)]
pub struct Assembler {
    pending: Vec<u8>,
    /// When the last byte came.
    last: Option<Instant>,
    /// The text of the paste under way, and the end marker's beginning in `pending`.
    paste: Option<Vec<u8>>,
    /// When an escape was reported as a key because nothing followed.
    escaped: Option<Instant>,
    ready: VecDeque<Input>,
}

impl Assembler {
    /// Takes the bytes of one read.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) {
        self.expire(now);
        let since = |then: Instant| now.saturating_duration_since(then);
        if self.paste.is_some() && bytes == [0x03] && self.last.is_some_and(|last| since(last) >= PASTE_LOST) {
            self.paste = None;
            self.pending.clear();
        }
        let mut bytes = bytes;
        // The tail of a sequence whose escape came too early: a person does not type it within one read.
        if self.escaped.take().is_some_and(|then| since(then) < SEQUENCE_WAIT)
            && bytes.len() > 1
            && self.pending.is_empty()
        {
            bytes = &bytes[late_tail(bytes)..];
        }
        self.last = Some(now);
        self.pending.extend_from_slice(bytes);
        self.advance();
    }

    /// When `expire` must be called if no byte comes before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.paste.is_some() || self.pending.is_empty() {
            return None;
        }
        let undecided = abandoned(&self.pending).is_some();
        self.last.map(|last| last + if undecided { ESCAPE_WAIT } else { SEQUENCE_WAIT })
    }

    /// Decides what has waited long enough: a lone escape is the key, half a sequence is nothing.
    pub fn expire(&mut self, now: Instant) {
        let Some(deadline) = self.deadline().filter(|deadline| *deadline <= now) else { return };
        if self.pending == [0x1b] {
            self.escaped = Some(deadline);
        }
        self.ready.extend(abandoned(&self.pending).map(Input::Key));
        self.pending.clear();
    }

    /// The next input that is complete.
    pub fn pop(&mut self) -> Option<Input> {
        self.ready.pop_front()
    }

    fn advance(&mut self) {
        loop {
            if self.paste.is_some() {
                if !self.advance_paste() {
                    return;
                }
                continue;
            }
            if self.pending.is_empty() {
                return;
            }
            match token(&self.pending) {
                Token::Incomplete => return,
                Token::Key(length, event) => {
                    self.pending.drain(..length);
                    self.ready.extend(event.map(Input::Key));
                }
                Token::PasteStart(length) => {
                    self.pending.drain(..length);
                    self.paste = Some(Vec::new());
                }
            }
        }
    }

    /// Moves pending bytes into the paste; whether it ended.
    fn advance_paste(&mut self) -> bool {
        let Some(paste) = &mut self.paste else { return false };
        let end = self.pending.windows(PASTE_END.len()).position(|window| window == PASTE_END);
        // Without the end marker, its possible beginning stays for the next read.
        let text = end.unwrap_or_else(|| {
            let held = (1..PASTE_END.len()).rev().find(|n| self.pending.ends_with(&PASTE_END[..*n])).unwrap_or(0);
            self.pending.len() - held
        });
        let room = MAX_PASTE.saturating_sub(paste.len());
        paste.extend_from_slice(&self.pending[..text.min(room)]);
        if end.is_none() {
            self.pending.drain(..text);
            return false;
        }
        self.pending.drain(..text + PASTE_END.len());
        let paste = self.paste.take().unwrap_or_default();
        self.ready.push_back(Input::Paste(sanitized(&paste)));
        true
    }
}

/// Bytes at the start of `bytes` that end a sequence whose escape is missing.
fn late_tail(bytes: &[u8]) -> usize {
    if !matches!(bytes.first(), Some(b'[' | b'O')) {
        return 0;
    }
    let whole: Vec<u8> = std::iter::once(0x1b).chain(bytes.iter().copied()).collect();
    match token(&whole) {
        Token::Key(length, _) => length - 1,
        Token::Incomplete | Token::PasteStart(_) => 0,
    }
}

/// The text of a paste; half a character at the cut, and characters that would act or hide, are left out.
fn sanitized(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control() && *c != '\u{fffd}').collect()
}

/// The inputs of the terminal, for a select loop.
#[derive(Debug)]
pub struct Inputs {
    received: mpsc::Receiver<Input>,
    resized: Signal,
    screen: File,
    _stop: PipeWriter,
}

impl Inputs {
    /// Starts reading. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When no pipe, thread or signal handler can be had.
    pub fn start(terminal: &Terminal) -> io::Result<Self> {
        let resized = signal(SignalKind::window_change())?;
        let screen = terminal.screen()?;
        let keyboard = File::from(terminal.keyboard()?);
        let (stopped, stop) = io::pipe()?;
        // Bounded: a stalled console leaves the bytes with the terminal.
        let (send, received) = mpsc::channel(256);
        thread::Builder::new().name("input".into()).spawn(move || read(keyboard, &stopped, &send))?;
        Ok(Self { received, resized, screen, _stop: stop })
    }

    /// The next input; `None` when the terminal can no longer be read. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Option<Input> {
        tokio::select! {
            biased;
            Some(()) = self.resized.recv() => {
                let (columns, rows) = terminal::size(&self.screen);
                Some(Input::Resize(columns, rows))
            }
            input = self.received.recv() => input,
        }
    }
}

fn read(mut keyboard: File, stopped: &PipeReader, send: &mpsc::Sender<Input>) {
    let mut assembler = Assembler::default();
    let mut buffer = [0; 4096];
    loop {
        while let Some(input) = assembler.pop() {
            if send.blocking_send(input).is_err() {
                return;
            }
        }
        let wait = assembler.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [PollFd::new(&keyboard, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut fds, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        let (keys, stop) = (fds[0].revents(), fds[1].revents());
        if !stop.is_empty() {
            return;
        }
        if keys.is_empty() {
            assembler.expire(Instant::now());
            continue;
        }
        match keyboard.read(&mut buffer) {
            // End of file is a terminal that hung up.
            Ok(0) => return,
            Ok(count) => assembler.feed(&buffer[..count], Instant::now()),
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};
    use rstest::rstest;

    use super::*;

    fn key(code: KeyCode) -> Input {
        Input::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    /// Feeds each chunk after its pause in milliseconds, then waits for all deadlines.
    fn typed(chunks: &[(u64, &[u8])]) -> Vec<Input> {
        let mut now = Instant::now();
        let mut assembler = Assembler::default();
        for (pause, bytes) in chunks {
            now += Duration::from_millis(*pause);
            assembler.feed(bytes, now);
        }
        while let Some(deadline) = assembler.deadline() {
            assembler.expire(deadline);
        }
        std::iter::from_fn(|| assembler.pop()).collect()
    }

    #[test]
    fn a_lone_escape_is_the_key_after_fifty_milliseconds_and_not_before() {
        let start = Instant::now();
        let mut assembler = Assembler::default();
        assembler.feed(b"\x1b", start);
        assembler.expire(start + Duration::from_millis(49));
        assert_eq!(assembler.pop(), None);
        assert_eq!(assembler.deadline(), Some(start + Duration::from_millis(50)));
        assembler.expire(start + Duration::from_millis(50));
        assert_eq!(assembler.pop(), Some(key(KeyCode::Esc)));
        assert_eq!(assembler.deadline(), None);
    }

    #[rstest]
    #[case::whole(&[(0, b"\x1b[A".as_slice())])]
    #[case::after_the_escape(&[(0, b"\x1b".as_slice()), (40, b"[A")])]
    #[case::after_the_bracket(&[(0, b"\x1b[".as_slice()), (300, b"A")])]
    #[case::every_byte_alone(&[(0, b"\x1b".as_slice()), (30, b"["), (200, b"1"), (200, b";"), (200, b"1"), (200, b"A")])]
    #[case::keypad(&[(0, b"\x1b".as_slice()), (49, b"OA")])]
    fn a_split_arrow_is_one_arrow(#[case] chunks: &[(u64, &[u8])]) {
        assert_eq!(typed(chunks), [key(KeyCode::Up)]);
    }

    #[test]
    fn the_late_tail_of_a_sequence_never_becomes_letters() {
        assert_eq!(typed(&[(0, b"\x1b"), (200, b"[A")]), [key(KeyCode::Esc)]);
        assert_eq!(typed(&[(0, b"\x1b"), (200, b"[1;5Cj")]), [key(KeyCode::Esc), key(KeyCode::Char('j'))]);
        assert_eq!(typed(&[(0, b"\x1b["), (900, b"j")]), [key(KeyCode::Char('j'))]);
    }

    #[test]
    fn a_bracket_typed_after_escape_is_still_a_key() {
        assert_eq!(typed(&[(0, b"\x1b"), (200, b"[")]), [key(KeyCode::Esc), key(KeyCode::Char('['))]);
        assert_eq!(
            typed(&[(0, b"\x1b"), (900, b"[]")]),
            [KeyCode::Esc, KeyCode::Char('['), KeyCode::Char(']')].map(key)
        );
    }

    #[test]
    fn two_escapes_are_two_keys_and_keys_typed_ahead_keep_their_order() {
        assert_eq!(typed(&[(0, b"\x1b\x1b")]), [key(KeyCode::Esc), key(KeyCode::Esc)]);
        assert_eq!(
            typed(&[(0, b"jk\x1b[Bq")]),
            ["j", "k", "", "q"].map(|c| match c.chars().next() {
                Some(c) => key(KeyCode::Char(c)),
                None => key(KeyCode::Down),
            })
        );
    }

    #[test]
    fn a_paste_is_text_whatever_it_holds_and_however_it_is_split() {
        let whole = b"\x1b[200~q\x1b[Ad\x00\x07\r\nx\ty\xc3\xa9\x1b[201~j";
        for cut in 1..whole.len() {
            let inputs = typed(&[(0, &whole[..cut]), (30, &whole[cut..])]);
            assert_eq!(inputs, [Input::Paste("q[Ad\nx\tyé".into()), key(KeyCode::Char('j'))], "cut at {cut}");
        }
    }

    #[test]
    fn a_paste_is_cut_at_its_limit() {
        let mut whole = b"\x1b[200~".to_vec();
        whole.extend(std::iter::repeat_n(b'x', MAX_PASTE + 1000));
        whole.extend_from_slice(b"\x1b[201~");
        assert_eq!(typed(&[(0, &whole)]), [Input::Paste("x".repeat(MAX_PASTE))]);
    }

    #[test]
    fn ctrl_c_frees_the_keyboard_when_the_end_of_a_paste_was_lost() {
        let freed = typed(&[(0, b"\x1b[200~text"), (1500, b"\x03"), (10, b"j")]);
        let ctrl_c = Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(freed, [ctrl_c, key(KeyCode::Char('j'))]);
    }

    proptest::proptest! {
        #[test]
        fn however_bytes_are_cut_within_the_wait_the_inputs_are_the_same(
            keys in proptest::collection::vec(proptest::sample::select(vec![
                &b"j"[..], b"\x1b[A", b"\x1bOH", b"\x1b[1;5C", b"\x1b[3~", "é".as_bytes(), b"\x1b[200~p\x1b[201~", b"\x1b[I",
            ]), 1..12),
            cuts in proptest::collection::vec(0usize..60, 0..6),
        ) {
            let whole = keys.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|c| *c < whole.len()).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let chunks: Vec<(u64, &[u8])> = cuts.windows(2).map(|w| (20, &whole[w[0]..w[1]])).collect();
            proptest::prop_assert_eq!(typed(&chunks), typed(&[(0, &whole)]));
        }
    }
}
