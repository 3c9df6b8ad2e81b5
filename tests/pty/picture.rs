//! What reaches the terminal: sizes, colours, characters, and nothing without a reason.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use watchkeeper::demo::{Demo, Options};

use crate::console::{Console, quiet};
use crate::harness::{PATIENCE, until};

#[test]
fn every_size_is_drawn_and_the_way_back_leaves_no_remains() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    // ages and the clock go on, in both at the same pace
    let untouched = Console::on_pods(&demo);
    let back = |console: &Console| {
        console.pty.resize(80, 24);
        let same = || (console.pty.text() == untouched.pty.text()).then_some(());
        assert!(until(PATIENCE, same).is_some(), "{}\n--- is not\n{}", console.pty.text(), untouched.pty.text());
    };
    console.pty.resize(120, 40);
    console.pty.wait("40 rows", |screen| {
        let text = screen.contents();
        text.lines().count() == 40 && text.contains("Pods 154") && text.lines().any(|line| line.chars().count() > 100)
    });
    back(&console);
    console.pty.resize(20, 5);
    console.pty.wait_text("too small");
    back(&console);
    // no terminal has this size; it is what some say before they know
    console.pty.resize(0, 0);
    console.pty.resize(1, 1);
    back(&console);
    console.pty.resize(300, 100);
    console.pty.wait("100 rows", |screen| screen.contents().lines().count() == 100);
    back(&console);
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let demo = quiet();
    let mut consoles: Vec<_> =
        ["help", "pods", "home"].map(|view| Console::over(demo.kubeconfig(), &["-c", view])).into();
    for console in &consoles {
        console.pty.wait_text("sre-demo");
        console.settle();
    }
    // the header's clock changes with the minute, or up to a second later, which is a change
    until(PATIENCE, || (3..40).contains(&seconds()).then_some(())).expect("a new minute begins");
    let before: Vec<_> = consoles.iter().map(|console| console.pty.bytes()).collect();
    let wrote = until(Duration::from_secs(5), || {
        consoles.iter().zip(&before).find(|(console, before)| console.pty.bytes() != **before)
    });
    if let Some((console, before)) = wrote {
        let more = String::from_utf8_lossy(&console.pty.raw()[*before..]).into_owned();
        panic!("{more:?}\n{}", console.pty.text());
    }
    for console in &mut consoles {
        console.pty.keys("\x03");
        assert_eq!(console.pty.exit(), 0);
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % 60
}

/// Goes through most screens of the platform that has faults, and ends.
fn tour(console: &mut Console) -> Vec<u8> {
    console.pty.wait_text("openbao");
    for (keys, wanted) in [
        (":pods\r", "Pods 1"),
        ("jjG", "velero"),
        ("gd", "Pod "),
        ("y", "kind: Pod"),
        ("q", "Pod "),
        (":seals\r", "Seals 4"),
        (":alerts\r", "Alerts "),
        (":certs\r", "Certificates "),
        (":schedules\r", "Schedules "),
        (":hr\r", "HelmReleases "),
        ("/shop\r", "/shop"),
        (":feeds\r", "Feeds "),
        ("?", "this help"),
        (":home\r", "SEV"),
    ] {
        console.pty.keys(keys);
        console.pty.wait_text(wanted);
    }
    console.pty.resize(120, 40);
    console.pty.wait("40 rows", |screen| screen.contents().lines().count() == 40);
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
    console.pty.raw()
}

fn faulty() -> Demo {
    Demo::start(Options::default()).unwrap()
}

/// The tour without anything special, taken once.
static USUAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let demo = faulty();
    tour(&mut Console::over(demo.kubeconfig(), &[]))
});

/// Control sequences as (private mark, parameters, last letter).
fn sequences(raw: &[u8]) -> Vec<(String, String, char)> {
    let text = String::from_utf8_lossy(raw).into_owned();
    let starts = text.match_indices("\x1b[").map(|(at, _)| &text[at + 2..]);
    let read = |rest: &str| {
        let end = rest.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c))?;
        let (mark, numbers): (String, String) = rest[..end].chars().partition(|c| !c.is_ascii_digit() && *c != ';');
        Some((mark, numbers, rest[end..].chars().next()?))
    };
    starts.filter_map(read).collect()
}

fn colours(raw: &[u8]) -> Vec<String> {
    let numbers = sequences(raw).into_iter().filter(|(_, _, last)| *last == 'm').map(|(_, numbers, _)| numbers);
    let coloured = |numbers: &String| {
        let number = |n: &str| n.parse::<u16>().is_ok_and(|n| matches!(n, 30..=38 | 40..=48 | 90..=107));
        numbers.split(';').any(number)
    };
    numbers.filter(coloured).collect()
}

#[test]
fn no_color_takes_every_colour_out_and_only_then() {
    let demo = faulty();
    let plain = tour(&mut Console::with(demo.kubeconfig(), &[], |command| command.env("NO_COLOR", "1")));
    assert_eq!(colours(&plain), [""; 0]);
    assert!(colours(&USUAL).len() > 10, "the same tour has colours otherwise");
    // sixteen colours, no painted background but none at all
    let beyond: Vec<_> = colours(&USUAL).into_iter().filter(|c| c.split(';').any(|n| n == "38" || n == "48")).collect();
    assert_eq!(beyond, [""; 0], "only the terminal's own sixteen");
}

#[test]
fn ascii_and_a_locale_without_unicode_get_no_other_byte() {
    let demo = faulty();
    let raws = [
        tour(&mut Console::over(demo.kubeconfig(), &["--ascii"])),
        tour(&mut Console::with(demo.kubeconfig(), &[], |command| command.env("LANG", "C"))),
    ];
    for raw in raws {
        let at = raw.iter().position(|byte| !byte.is_ascii());
        let around =
            at.map(|at| String::from_utf8_lossy(&raw[at.saturating_sub(60)..raw.len().min(at + 20)]).into_owned());
        assert_eq!(around, None);
    }
    assert!(!USUAL.is_ascii(), "the same tour has other characters otherwise");
}

#[test]
fn the_terminal_is_never_asked_anything_and_never_told_to_report() {
    let strange: Vec<_> = sequences(&USUAL)
        .into_iter()
        .filter(|(mark, numbers, last)| match (mark.as_str(), *last) {
            // place, erase, scroll, repeat, attributes
            ("", 'A'..='H' | 'J' | 'K' | 'L' | 'M' | 'P' | 'S' | 'T' | 'X' | '@' | 'b' | 'd' | 'm' | 'r') => false,
            // cursor, alternate screen, bracketed paste, synchronized update
            ("?", 'h' | 'l') => !["25", "1049", "2004", "2026"].contains(&numbers.as_str()),
            _ => true,
        })
        .collect();
    assert_eq!(strange, []);
    let text = String::from_utf8(USUAL.clone()).unwrap();
    for string in ["\x1bP", "\x1b_", "\x1bZ", "\x05", "\x1b]"] {
        assert!(!text.contains(string), "{string:?}");
    }
}

#[test]
fn a_cursor_that_moves_by_a_row_costs_few_bytes() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.keys("j");
    let second = until(PATIENCE, || Some(console.selected()).filter(|row| !row.contains("-l7c7h")));
    assert!(second.is_some_and(|row| row.contains("-t6n9x")), "{}", console.selected());
    let before = console.pty.bytes();
    console.pty.keys("j");
    until(PATIENCE, || Some(console.selected()).filter(|row| row.contains("-2bdmx"))).expect("a third row");
    let written = console.pty.bytes() - before;
    assert!(written < 700, "{written} bytes to move the cursor by a row");
}
