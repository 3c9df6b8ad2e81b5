//! The look-alikes of `--ascii`: every grapheme as ASCII characters of the same width.
//!
//! Never changes the number of columns, so that tables stay aligned; a text of unknown script becomes `?`.

/// The ASCII character drawn in each column of `grapheme`.
pub(super) fn look_alike(grapheme: &str) -> char {
    match grapheme.chars().next().unwrap_or(' ') {
        c if grapheme.len() == 1 => c,
        '…' | '▄' => '~',
        '·' | '░' => '.',
        '▲' | '△' | '↑' => '^',
        '▼' | '▽' | '↓' => 'v',
        '●' | '■' | '◆' | '★' => '*',
        '○' | '□' | '◇' | '◌' => 'o',
        '✔' | '✓' | '┌' | '┐' | '┘' | '┬' | '┴' | '┼' | '├' | '┤' | '▅' => '+',
        '✖' | '✗' | '×' => 'x',
        '│' | '┃' => '|',
        '─' | '━' | '–' | '—' | '▃' => '-',
        '└' => '`',
        '→' | '▶' | '▸' | '›' | '»' => '>',
        '←' | '◀' | '◂' | '‹' | '«' => '<',
        '⏸' | '▆' => '=',
        '⚠' => '!',
        '█' | '▓' | '▒' | '▇' => '#',
        '▁' | '▂' => '_',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_alike_is_printable_ascii() {
        for c in ('\u{a0}'..'\u{3000}').map(|c| c.to_string()) {
            assert!(look_alike(&c).is_ascii_graphic(), "{c}");
        }
    }

    #[test]
    fn a_letter_with_an_accent_is_not_passed_off_as_the_letter() {
        assert_eq!(look_alike("e\u{301}"), '?');
    }
}
