//! Text in as many rows as it needs. Each row knows how it goes on from the one above, so that what is copied is whole,
//! and a command stays one that a shell takes.

use crate::scene::{self, Join};

/// A row of a longer text, and how it goes on from the row above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub join: Join,
}

impl Part {
    fn new(text: impl Into<String>, join: Join) -> Self {
        Self { text: text.into(), join }
    }
}

/// The least width that anything is broken to.
const LEAST: usize = 8;

/// Breaks text at spaces into rows of at most `width` columns; a word longer than that is broken where the row ends.
pub fn words(text: &str, width: usize) -> Vec<Part> {
    let width = width.max(LEAST);
    let mut out = vec![Part::new("", Join::Apart)];
    for word in text.split_whitespace() {
        let mut word = word;
        while let Some(row) = out.last_mut() {
            let room = width.saturating_sub(scene::width(&row.text) + usize::from(!row.text.is_empty()));
            if room > 0 && fitting(word, room) == word.len() {
                if !row.text.is_empty() {
                    row.text.push(' ');
                }
                row.text.push_str(word);
                break;
            }
            let mut join = Join::Space;
            if row.text.is_empty() {
                let cut = fitting(word, width);
                row.text.push_str(&word[..cut]);
                word = &word[cut..];
                if word.is_empty() {
                    break;
                }
                join = Join::Tight;
            }
            out.push(Part::new("", join));
        }
    }
    out
}

/// Breaks a command at the spaces between its words, with a backslash at the end of each row but the last: every row
/// can be pasted as it is. A word is never broken; one that is longer than the row continues beyond it.
pub fn command(text: &str, width: usize) -> Vec<Part> {
    let room = width.max(LEAST).saturating_sub(2);
    let mut out: Vec<Part> = Vec::new();
    let all = shell_words(text);
    for (nth, word) in all.iter().enumerate() {
        // the last row ends without a backslash
        let room = if nth + 1 == all.len() { room + 2 } else { room };
        match out.last_mut() {
            Some(row) if scene::width(&row.text) + 1 + scene::width(word) <= room => {
                row.text.push(' ');
                row.text.push_str(word);
            }
            Some(row) => {
                row.text.push_str(" \\");
                out.push(Part::new(*word, Join::Shell));
            }
            None => out.push(Part::new(*word, Join::Apart)),
        }
    }
    out
}

/// Whether a text is a command to be pasted, and no sentence.
pub fn is_command(text: &str) -> bool {
    const PROGRAMS: &[&str] = &["kubectl", "flux", "velero", "cmctl", "helm", "amtool", "watchkeeper"];
    PROGRAMS.contains(&text.split_whitespace().next().unwrap_or_default())
}

/// The words of a command as they are written, quotes and all.
fn shell_words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut quote, mut escaped, mut start) = (None, false, None);
    for (at, c) in text.char_indices() {
        let blank = c.is_whitespace() && quote.is_none() && !escaped;
        match (blank, start) {
            (true, Some(from)) => {
                out.push(&text[from..at]);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    out.extend(start.map(|from| &text[from..]));
    out
}

/// Breaks text into rows and leaves out nothing, not even blanks; at a space where there is one in the row's last third.
pub fn whole(text: &str, width: usize) -> Vec<String> {
    let width = width.max(LEAST);
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let cut = fitting(rest, width);
        if cut == rest.len() {
            break;
        }
        let space = rest[..cut].rfind(' ').map(|at| at + 1).filter(|at| scene::width(&rest[..*at]) * 3 >= width * 2);
        let cut = space.unwrap_or(cut);
        out.push(rest[..cut].to_owned());
        rest = &rest[cut..];
    }
    if !rest.is_empty() || out.is_empty() {
        out.push(rest.to_owned());
    }
    out
}

/// How many bytes of the text fit into so many columns: at least one character.
fn fitting(text: &str, width: usize) -> usize {
    let mut used = 0;
    let over = text.char_indices().find(|(_, c)| {
        used += scene::width(c.encode_utf8(&mut [0; 4]));
        used > width
    });
    over.map_or(text.len(), |(at, _)| at).max(text.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Line, Tone, copied};

    fn texts(parts: &[Part]) -> Vec<&str> {
        parts.iter().map(|part| part.text.as_str()).collect()
    }

    fn again(parts: &[Part]) -> String {
        let lines: Vec<Line> =
            parts.iter().map(|part| Line { join: part.join, ..Line::of(part.text.clone(), Tone::Plain) }).collect();
        copied(&lines).trim_end().to_owned()
    }

    #[test]
    fn text_breaks_at_spaces_and_long_words_where_they_must() {
        assert_eq!(texts(&words("one two three", 8)), ["one two", "three"]);
        assert_eq!(texts(&words("abcdefghijkl", 8)), ["abcdefgh", "ijkl"]);
        assert_eq!(texts(&words("", 8)), [""]);
        assert_eq!(again(&words("one abcdefghijklmn two", 8)), "one abcdefghijklmn two");
    }

    #[test]
    fn a_command_breaks_between_its_words_and_nowhere_else() {
        let text = r#"kubectl -n a patch x --patch '{"a": "b c"}' it\'s "q \" r" end"#;
        for width in 8..90 {
            let rows = command(text, width);
            assert_eq!(again(&rows), text, "{width}");
            let (last, before) = rows.split_last().unwrap();
            assert!(before.iter().all(|row| row.text.ends_with(" \\")) && !last.text.ends_with('\\'), "{rows:?}");
            // as a shell joins them
            let joined: Vec<&str> = rows.iter().map(|row| row.text.trim_end_matches('\\').trim_end()).collect();
            assert_eq!(joined.join(" "), text, "{width}");
        }
        assert_eq!(
            texts(&command(text, 30)),
            ["kubectl -n a patch x --patch \\", "'{\"a\": \"b c\"}' it\\'s \\", r#""q \" r" end"#]
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_of_a_text_is_left_out(text in "[a-z\u{76e3} \u{e9}]{0,80}", width in 8usize..40) {
            let rows = whole(&text, width);
            proptest::prop_assert!(rows.iter().all(|row| scene::width(row) <= width));
            proptest::prop_assert_eq!(rows.concat(), text);
        }
    }
}
