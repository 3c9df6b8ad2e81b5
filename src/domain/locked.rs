//! Why nothing may be written to a context, and whether it can be unlocked for a while.

/// A context that is read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// What made it so.
    pub why: String,
    /// What has to be changed instead, where unlocking is not possible.
    pub instead: Option<String>,
}

impl Locked {
    /// The way out, in words; `unlock` is how to unlock here.
    pub fn way_out(&self, unlock: &str) -> String {
        match &self.instead {
            None => format!("{unlock} allows it for a while"),
            Some(instead) => format!("this cannot be unlocked: {instead}"),
        }
    }
}

/// Whether a text says anything: blanks, punctuation and invisible characters are no reason.
pub fn says_why(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("incident 7", true)]
    #[case("監視", true)]
    #[case("", false)]
    #[case(" \t\n", false)]
    #[case("\u{200b}...", false)]
    #[case("-", false)]
    fn a_reason_holds_a_letter_or_a_digit(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(says_why(text), expected);
    }
}
