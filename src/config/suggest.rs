//! The nearest known word to a mistyped one. Pure; knows nothing of configuration.

/// The candidate that is closest to `typed`, if it is close enough to be what was meant.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = normal(typed);
    let allowed = (typed.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&typed, &normal(candidate)), candidate))
        .filter(|(steps, _)| *steps <= allowed)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// `Log_File` and `log-file` are the same word to a person.
fn normal(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_a_missing_and_a_doubled_letter_are_one_step_each() {
        for typed in ["thmee", "thme", "themme"] {
            assert_eq!(nearest(typed, ["theme"]), Some("theme"), "{typed}");
        }
        assert_eq!(nearest("", ["utc"]), None, "three steps are too many");
    }

    #[test]
    fn only_a_word_that_could_be_meant_is_suggested() {
        let keys = ["context", "theme", "log-file", "utc"];
        assert_eq!(nearest("contxt", keys), Some("context"));
        assert_eq!(nearest("log_file", keys), Some("log-file"));
        assert_eq!(nearest("Theme", keys), Some("theme"));
        assert_eq!(nearest("xyz", keys), None);
        assert_eq!(nearest("colour-of-the-moon", keys), None);
    }
}
