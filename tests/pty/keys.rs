//! Keys, pastes and copies, as a terminal sends and takes them.

use crate::console::{Console, quiet};
use crate::harness::{PATIENCE, until};

#[test]
fn a_paste_outside_an_input_does_nothing() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    let before = console.pty.text();
    console.pty.keys("\x1b[200~q\x03:nodes\r\x1b[Bjjd\x1b[201~");
    // a key after it proves that it was read
    console.pty.keys("?");
    console.pty.wait_text("this help");
    console.pty.keys("\x1b");
    console.pty.wait("the pods as before", |screen| screen.contents() == before);
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
}

#[test]
fn a_paste_into_find_searches_for_what_was_pasted() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.keys(":find ");
    console.pty.wait_text(":find");
    // the line end that comes along with a copied name is no enter
    console.pty.keys("\x1b[200~slo-scout-kafka-1\n\x1b[201~");
    console.pty.wait_text(":find slo-scout-kafka-1");
    console.pty.keys("\r");
    console.pty.wait("the pod of that name", |screen| {
        let text = screen.contents();
        text.contains("slo-scout-kafka-1") && !text.contains(":find") && !text.contains("Pods 154")
    });
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
}

#[test]
fn what_is_pasted_into_a_line_cannot_act() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.keys("/");
    console.pty.keys("\x1b[200~open\x1b[2J\x07\x03bao\x1b[201~");
    console.pty.wait_text("/open[2Jbao");
    console.pty.keys("\x03");
    console.pty.wait("the filter is left, the program is not", |screen| {
        let text = screen.contents();
        text.contains("Pods 154") && !text.contains("open[2J")
    });
}

#[test]
fn a_split_escape_sequence_is_one_key_and_never_letters() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    let first = console.selected();
    for part in ["\x1b", "[", "B"] {
        console.pty.keys(part);
    }
    let moved = until(PATIENCE, || Some(console.selected()).filter(|row| *row != first)).expect("the cursor moves");
    assert!(moved.contains("-t6n9x"), "one row down: {moved}");
    // [ is the previous screen, esc is back: neither may have happened
    assert!(console.pty.text().contains("Pods 154"), "{}", console.pty.text());
    console.pty.keys("\x1b");
    console.pty.wait("a lone escape is back", |screen| !screen.contents().contains("Pods 154"));
}

#[test]
fn c_copies_the_name_to_the_clipboard_of_the_terminal() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.keys("c");
    console.pty.wait_text("copied");
    let raw = String::from_utf8(console.pty.raw()).unwrap();
    let sent: Vec<_> = raw.match_indices("\x1b]52;c;").map(|(at, start)| &raw[at + start.len()..]).collect();
    let [payload] = &*sent else { panic!("copied {} times", sent.len()) };
    let payload = payload.split_once("\x1b\\").expect("a terminated sequence").0;
    let text = String::from_utf8(decode(payload)).unwrap();
    assert!(text.contains("cert-manager-cainjector-sccwrgvhmd-l7c7h"), "{text:?}");
    assert!(raw.matches("\x1b]").count() == 1, "nothing else is said to the terminal's system");
}

#[test]
fn an_escape_and_the_next_keys_in_one_packet_are_keys() {
    let demo = quiet();
    let mut console = Console::on_pods(&demo);
    console.pty.keys("d");
    console.pty.wait_text("CONDITIONS");
    console.pty.keys("\x1b:hr\r");
    console.pty.wait_text("HelmReleases 21");
    console.pty.keys("/shop\x1bj");
    console.pty.wait("the filter is left, and j moves the cursor", |screen| {
        let text = screen.contents();
        text.contains("HelmReleases 21") && !text.contains("/shop")
    });
}

fn decode(base64: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = base64.trim_end_matches('=').bytes().map(|c| u32::from(digit(c))).collect();
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let word = chunk.iter().chain(&[0, 0, 0]).take(4).fold(0, |word, digit| word << 6 | digit);
        word.to_be_bytes()[1..].iter().copied().take(chunk.len() - 1).collect::<Vec<_>>()
    });
    bytes.collect()
}
