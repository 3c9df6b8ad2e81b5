//! Keys and the line after `:`, as tired hands press them: what does nothing says so, an error leaves the line usable,
//! and what was left is found again.

use rstest::rstest;
use watchkeeper::intent::{Chord, Code, Place};

use super::harness::{line_with, platform, quiet};

fn last(frame: &str) -> &str {
    frame.lines().last().unwrap_or_default()
}

#[rstest]
#[case("home", "s", "s does nothing here; ? lists the keys")]
#[case("home", "tab", "tab does nothing here; ? lists the keys")]
#[case("home", "shift-n", "shift-n does nothing here; ? lists the keys")]
#[case("pods", "ctrl-k", "ctrl-k does nothing here; ? lists the keys")]
#[case("pods", "shift-f", "shift-f does nothing here; ? lists the keys")]
#[case("pods", "f5", "f5 does nothing here; ? lists the keys")]
#[case("timeline", "right", "right does nothing here; ? lists the keys")]
#[case("help", "enter", "enter does nothing here; ? lists the keys")]
#[case("pods /nothing-like-this", "enter", "nothing selected")]
#[case("pods /nothing-like-this", "c", "nothing selected")]
fn a_key_that_does_nothing_here_says_so(#[case] screen: &str, #[case] key: &str, #[case] words: &str) {
    let (_demo, mut console) = quiet();
    console.go(screen);
    let frame = console.keys(key);
    assert_eq!(last(&frame).trim(), words, "{frame}");
    let frame = console.keys("esc");
    assert!(!frame.contains(words), "{frame}");
}

#[test]
fn a_frozen_view_says_why_its_keys_do_nothing() {
    let (_demo, mut console) = quiet();
    console.go("pods");
    console.keys("ctrl-s");
    let frame = console.keys("j");
    assert!(last(&frame).contains("the view is frozen: ctrl-s unfreezes it"), "{frame}");
}

#[test]
fn a_new_command_after_an_error_does_not_go_on_with_the_wrong_one() {
    let (_demo, mut console) = quiet();
    let frame = console.go("ns nosuch");
    assert!(last(&frame).starts_with(":ns nosuch"), "{frame}");
    let frame = console.go("hr");
    assert!(frame.contains("HelmReleases 21"), "{frame}");
    // and it can be corrected in place
    console.go("podz");
    let frame = console.keys("backspace s enter");
    assert!(frame.contains("Pods 1"), "{frame}");
}

#[test]
fn where_there_is_nothing_to_filter_no_line_is_opened() {
    let (_demo, mut console) = quiet();
    console.go("feeds");
    let frame = console.keys("/");
    assert!(last(&frame).contains("this screen has nothing to filter"), "{frame}");
    let frame = console.go("hr");
    assert!(frame.contains("HelmReleases 21"), "the next keys are no text\n{frame}");
}

#[test]
fn a_filter_is_replaced_by_the_first_letter_and_edited_by_any_other_key() {
    let (_demo, mut console) = quiet();
    console.go("pods");
    console.filter("istiod");
    let frame = console.filter("openbao");
    assert!(frame.contains("/openbao") && !frame.contains("istiod"), "{frame}");
    console.keys("/ end");
    console.types("-0");
    let frame = console.keys("enter");
    assert!(frame.contains("/openbao-0"), "{frame}");
    console.keys("/ backspace enter");
    assert!(console.frame().contains("/openbao-"), "{frame}");
}

#[test]
fn the_screen_before_comes_back_with_its_filter() {
    let (_demo, mut console) = quiet();
    console.go("pods");
    console.filter("istiod");
    console.go("hr");
    for key in ["[", "]", "[", "-", "-"] {
        let frame = console.keys(key);
        let filtered = frame.contains("/istiod") && frame.contains("Pods ");
        assert!(filtered || frame.contains("HelmReleases 21"), "{key}\n{frame}");
    }
    console.keys("[ [ [");
    console.keys("]");
    let frame = console.frame();
    assert!(frame.contains("/istiod") || !frame.contains("Pods "), "{frame}");
}

#[test]
fn a_word_after_a_kind_is_a_namespace_that_is_known_or_it_is_refused() {
    let (_demo, mut console) = quiet();
    for line in ["no worker-3", "pods app=x", "pods @readonly", "po nosuch /worker"] {
        console.keys("esc");
        let frame = console.go(line);
        assert!(last(&frame).contains("nothing known in namespace"), ":{line}\n{frame}");
        assert!(frame.lines().next().unwrap().contains("all namespaces"), ":{line}\n{frame}");
    }
    console.keys("esc");
    let frame = console.go("pods team-alhpa");
    assert!(last(&frame).contains("there is team-alpha"), "{frame}");
    console.keys("esc");
    let frame = console.go("po team-beta /orders");
    assert!(frame.lines().next().unwrap().contains("team-beta") && frame.contains("/orders"), "{frame}");
    let frame = console.go("pods all");
    assert!(frame.lines().next().unwrap().contains("all namespaces"), "{frame}");
}

#[test]
fn find_offers_every_object_of_a_name() {
    let (_demo, mut console) = quiet();
    console.resize(120, 40);
    let frame = console.go("find payments");
    assert!(frame.contains("Found "), "{frame}");
    for kind in ["HelmRelease", "Deployment", "Pod"] {
        line_with(&frame, &[kind, "payments"]);
    }
    let frame = console.go("find deploy/payments");
    assert!(frame.contains("Deployment team-alpha/payments"), "{frame}");
}

#[test]
fn an_escape_and_the_next_key_in_one_packet_are_two_keys() {
    let (_demo, mut console) = quiet();
    console.go("pods");
    console.keys("enter");
    let alt = |c| Chord { code: Code::Char(c), ctrl: false, alt: true };
    let effects = console.app.key(alt(':'));
    assert!(effects.is_empty());
    console.types("hr");
    let frame = console.keys("enter");
    assert!(frame.contains("HelmReleases 21"), "{frame}");
    // where a line is typed, a chord that edits it is one
    console.types(":find one two");
    console.app.key(alt('b'));
    let frame = console.types("x");
    assert!(last(&frame).contains(":find one xtwo"), "{frame}");
    console.app.key(alt('/'));
    let frame = console.types("alloy");
    assert!(last(&frame).starts_with("/alloy"), "the line was left, and a filter begun\n{frame}");
}

#[test]
fn q_is_called_what_it_does() {
    let (_demo, mut console) = quiet();
    let frame = console.keys("?");
    assert!(last(&frame).contains("<q> back") && !last(&frame).contains("quit"), "{frame}");
}

#[test]
fn help_has_no_row_without_a_word_and_cuts_none() {
    let (_demo, mut console) = quiet();
    for width in [60, 80] {
        console.resize(width, 300);
        let frame = console.go("help");
        let lines: Vec<&str> = frame.lines().skip(3).take_while(|line| !line.is_empty()).collect();
        assert!(lines.len() > 90, "{frame}");
        for line in &lines {
            assert!(!line.ends_with('…'), "{width}: {line}");
        }
        for alias in ["platform", "components", "the platform's components"] {
            assert!(frame.contains(alias), "{alias}\n{frame}");
        }
        let platform = line_with(&frame, &["platform", "component"]);
        assert!(!platform.contains("componentsthe") && !platform.contains("components the "), "{platform}");
        for digit in 3..=9 {
            assert!(!lines.iter().any(|line| line.trim() == digit.to_string()), "{digit}\n{frame}");
        }
    }
}

#[test]
fn a_word_that_begins_with_a_vowel_has_its_article() {
    let (_demo, mut console) = platform();
    console.go("issuers");
    let frame = console.keys("r");
    assert!(last(&frame).contains("does nothing to an Issuer"), "{frame}");
}

#[test]
fn an_object_is_completed_after_find_and_why_and_why_leads_to_its_incident() {
    let (_demo, mut console) = quiet();
    console.types(":find shop-a");
    let frame = console.keys("tab");
    assert!(last(&frame).starts_with(":find shop-api"), "{frame}");
    console.keys("esc");
    console.types(":why deploy/shop-a");
    let frame = console.keys("tab enter");
    assert!(frame.contains("shop-api") && !last(&frame).starts_with(':'), "{frame}");
    assert!(matches!(console.app.place(), Place::Incident(_)), "{frame}");
    // of several of that name, one has to be meant
    let frame = console.go("why payments");
    assert!(last(&frame).contains("several are called payments: which KIND/NAMESPACE/NAME?"), "{frame}");
    console.keys("esc");
    console.types(":unl");
    let frame = console.keys("tab");
    assert!(last(&frame).starts_with(":unlock"), "{frame}");
}
