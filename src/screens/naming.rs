//! What something is called where there is little room: the kind as it is typed, and of the name what tells it from
//! others.

use std::borrow::Cow;
use std::collections::HashMap;

use super::world::Dates;
use crate::domain::ages::Time;
use crate::domain::moment;
use crate::kinds;
use crate::scene::{self, Keep};

/// From this width on kinds are called as the API calls them.
pub const ROOMY: usize = 100;

/// The word for a kind: short on a narrow screen, where it has a short one.
pub fn kind(name: &str, wide: usize) -> String {
    let short = kinds::by_name(name).filter(|_| wide < ROOMY).map(|kind| kinds::spec(kind).short());
    short.unwrap_or(name).to_owned()
}

/// A kind and `NAMESPACE/NAME` in at most so many columns. The name comes before its namespace, and of a name that is
/// too long itself both ends are kept.
pub fn fitted(kind: &str, place: &str, columns: usize) -> String {
    let whole = whole(kind, place);
    if scene::width(&whole) <= columns {
        return whole;
    }
    let room = columns.saturating_sub(scene::width(kind) + 1);
    let Some((namespace, name)) = place.split_once('/') else {
        return format!("{kind} {}", scene::clip(place, room, Keep::Ends));
    };
    // two columns of the namespace are the least that says that there is one
    let left = room.saturating_sub(scene::width(name) + 1);
    if left >= 2 {
        return format!("{kind} {}/{name}", scene::clip(namespace, left, Keep::Start));
    }
    format!("{kind} {}", scene::clip(name, room, Keep::Ends))
}

/// All of it.
pub fn whole(kind: &str, place: &str) -> String {
    if place.is_empty() { kind.to_owned() } else { format!("{kind} {place}") }
}

/// The same for several in rows below each other: those that would look the same keep more of their namespaces.
pub fn all_fitted(names: &[(String, String)], columns: usize) -> Vec<String> {
    let mut out: Vec<String> = names.iter().map(|(kind, place)| fitted(kind, place, columns)).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for text in &out {
        *times.entry(text).or_default() += 1;
    }
    let twice: Vec<bool> = out.iter().map(|text| times.get(&**text).is_some_and(|n| *n > 1)).collect();
    for (nth, (kind, place)) in names.iter().enumerate().filter(|(nth, _)| twice[*nth]) {
        let room = columns.saturating_sub(scene::width(kind) + 1);
        out[nth] = format!("{kind} {}", scene::clip(place, room, Keep::Ends));
    }
    out
}

/// A text with its times in the format of the screen's clock, in place of RFC 3339.
pub fn clocks(text: &str, dates: Dates) -> Cow<'_, str> {
    let is_time = |word: &str| word.len() >= 20 && word.as_bytes()[10] == b'T' && word.is_ascii();
    let mut out = Cow::Borrowed(text);
    for word in text.split_whitespace() {
        let word = word.trim_end_matches([',', ';', ':', '.', ')']).trim_start_matches('(');
        if let Some(time) = Some(word).filter(|word| is_time(word)).and_then(Time::parse) {
            out = Cow::Owned(out.replace(word, &moment::clock(time, dates.now, dates.utc)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("hr", "monitoring/monitoring", 24, "hr monitoring/monitoring")]
    #[case("hr", "monitoring/monitoring", 20, "hr monit…/monitoring")]
    #[case("hr", "monitoring/monitoring", 16, "hr m…/monitoring")]
    #[case("hr", "monitoring/monitoring", 13, "hr monitoring")]
    #[case("alert", "cert-manager/CertificateExpiringSoon", 24, "alert Certificate…ngSoon")]
    #[case("node", "worker-4", 24, "node worker-4")]
    #[case("OpenBao", "", 24, "OpenBao")]
    fn the_name_is_kept_before_its_namespace(
        #[case] kind: &str,
        #[case] place: &str,
        #[case] columns: usize,
        #[case] expected: &str,
    ) {
        let text = fitted(kind, place, columns);
        assert!(scene::width(&text) <= columns, "{text}");
        assert_eq!(text, expected);
    }

    #[test]
    fn times_in_a_text_are_told_as_the_clock_tells_them() {
        let dates = Dates { now: Time(1_795_255_200), utc: true };
        let text = "until 2026-11-21T09:50:00.000Z -> until 2026-11-22T10:55:00Z, by alice";
        assert_eq!(clocks(text, dates), "until 09:50:00Z -> until 11-22 10:55Z, by alice");
        for text in ["a word-that-has-many-letters", "監視者監視者監視者監視者T監視者", ""] {
            assert_eq!(clocks(text, dates), text);
        }
    }

    #[test]
    fn two_of_one_name_are_told_apart() {
        let pair =
            ["team-alpha", "team-beta"].map(|namespace| ("deploy".to_owned(), format!("{namespace}/orders-worker")));
        let out = all_fitted(&pair, 20);
        assert_ne!(out[0], out[1]);
        assert!(out.iter().all(|text| scene::width(text) <= 20), "{out:?}");
    }

    #[test]
    fn every_kind_has_a_short_word_that_can_be_typed() {
        for spec in kinds::KINDS {
            assert!(spec.short().len() <= 11, "{}", spec.short());
            let typed = [spec.short().to_owned(), format!("{}s", spec.short())];
            assert!(typed.iter().any(|word| kinds::by_word(word).is_some()), "{}", spec.short());
        }
    }
}
