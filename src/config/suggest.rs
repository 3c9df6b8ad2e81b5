//! The nearest known word to a mistyped one. Pure; knows nothing of configuration.

/// The candidate that is closest to `typed`, if it is close enough to be what was meant.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = normal(typed);
    let allowed = (typed.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed, &normal(candidate)), candidate))
        .filter(|(steps, _)| *steps <= allowed)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// `Log_File` and `log-file` are the same word to a person.
fn normal(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut rows = vec![(0..width).collect::<Vec<_>>()];
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, right) in b.iter().enumerate() {
            let replace = rows[i][j] + usize::from(left != right);
            row[j + 1] = replace.min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                row[j + 1] = row[j + 1].min(rows[i - 1][j - 1] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_a_missing_and_a_doubled_letter_are_one_step_each() {
        assert_eq!(distance("thmee", "theme"), 1);
        assert_eq!(distance("thme", "theme"), 1);
        assert_eq!(distance("themme", "theme"), 1);
        assert_eq!(distance("", "utc"), 3);
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
