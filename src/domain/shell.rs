//! Words as a POSIX shell reads them: every command that is shown can be pasted, and executes no part of a name or a
//! label. It starts no shell.

/// As a shell reads it as exactly one word.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=-_./:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("deploy/team-alpha/shop-web", "deploy/team-alpha/shop-web")]
    #[case::empty("", "''")]
    #[case::a_substitution("x$(touch pwned)`id`", "'x$(touch pwned)`id`'")]
    #[case::a_quote("it's", r"'it'\''s'")]
    #[case::a_home("~root", "'~root'")]
    #[case::several_lines("a\nb;c", "'a\nb;c'")]
    fn one_text_is_one_word(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(quoted(text), expected);
    }
}
