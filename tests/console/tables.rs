//! Every kind has its table, and what fails is on top of it, with the right word, on the smallest usual terminal.

use watchkeeper::kinds;
use watchkeeper::screens::SCREENS;

use super::harness::{line_with, platform, quiet, row_of};

#[test]
fn every_kind_and_screen_opens_by_its_word_and_each_alias() {
    let (_demo, mut console) = quiet();
    for kind in kinds::KINDS {
        for word in std::iter::once(&kind.word).chain(kind.aliases).chain([&kind.name]) {
            console.go("home");
            let frame = console.go(word);
            assert!(frame.lines().nth(2).is_some_and(|l| l.contains(kind.title)), ":{word} opens\n{frame}");
            assert!(frame.contains("NAME") || kind.title == "Silences", ":{word}\n{frame}");
            assert!(!frame.contains("no kind, screen"), ":{word}\n{frame}");
        }
    }
    for screen in SCREENS {
        for word in std::iter::once(&screen.word).chain(screen.aliases) {
            console.go("pods");
            let frame = console.go(word);
            assert!(!frame.contains("no kind, screen") && !frame.contains("Pods 1"), ":{word}\n{frame}");
        }
    }
}

#[test]
fn failing_rows_stand_above_healthy_ones_in_every_table() {
    let (_demo, mut console) = platform();
    console.resize(120, 60);
    let mut with_failures = 0;
    for kind in kinds::KINDS {
        let frame = console.go(kind.word);
        let marks: Vec<char> = frame.lines().skip(4).filter_map(|line| line.chars().next()).collect();
        let last_failing = marks.iter().rposition(|c| *c == '✖');
        let first_healthy = marks.iter().position(|c| *c == ' ');
        if let (Some(failing), Some(healthy)) = (last_failing, first_healthy) {
            with_failures += 1;
            assert!(failing < healthy, "{}\n{frame}", kind.title);
        }
    }
    assert!(with_failures >= 5, "only {with_failures} tables have both");
}

#[test]
fn each_signal_shows_its_failing_object_with_the_right_word_at_80_by_24() {
    let (_demo, mut console) = platform();
    let cases: &[(&str, &[&str])] = &[
        ("pods", &["orders-worker", "CrashLoopBackOff"]),
        ("pods", &["catalog", "ImagePullBackOff"]),
        ("pods", &["slo-scout-flink", "Pending"]),
        ("hr", &["monitoring", "UpgradeFailed"]),
        ("hr", &["shop", "RollbackSucceeded"]),
        ("hr", &["runtime-security", "Suspended"]),
        ("helmrepo", &["grafana", "IndexationFailed"]),
        ("backups", &["daily-backup-", "Failed"]),
        ("schedules", &["daily-backup", "missed "]),
        ("certs", &["legacy-tls", "Expired"]),
        ("certs", &["loki-gateway-tls", "RenewalFailing"]),
        ("seals", &["openbao-1", "sealed"]),
        ("seals", &["openbao (cluster)", "degraded 2/3"]),
        ("alerts", &["OpenBaoSealed", "firing"]),
    ];
    for (word, wanted) in cases {
        let frame = console.go(word);
        let line = line_with(&frame, wanted);
        let at = row_of(&frame, line);
        assert!(at < 23, "{word} {wanted:?} below the fold\n{frame}");
        assert!(line.starts_with(['✖', '▲', '↻', '‖', '⏸']), "{word}: no mark before {line:?}");
    }
}

#[test]
fn home_answers_the_five_questions_at_80_by_24_without_a_key() {
    let (_demo, mut console) = platform();
    let frame = console.frame();
    let first = frame.lines().next().unwrap();
    assert!(first.contains("sre-demo") && first.contains("all namespaces") && first.contains('Z'), "{first}");
    let totals = frame.lines().nth(1).unwrap();
    for word in ["P1 ", "P2 ", "P3 ", "silenced", "suspended", "0 blind"] {
        assert!(totals.contains(word), "no {word:?} in {totals}");
    }
    for kind in ["hr ", "cert ", "seal ", "schedule "] {
        assert!(frame.lines().any(|l| l.trim_start().starts_with('P') && l.contains(kind)), "no {kind}\n{frame}");
    }
    assert_eq!(frame.lines().count(), 24);
}

#[test]
fn a_healthy_platform_says_so_and_never_by_an_empty_screen() {
    let (_demo, mut console) = quiet();
    let frame = console.frame();
    assert!(frame.lines().nth(1).is_some_and(|l| l.contains("P1 0") && l.contains("P2 0")), "{frame}");
    let frame = console.keys(": esc");
    assert!(frame.contains("pods ") && frame.contains("seals "), "{frame}");
    console.go("pods");
    let frame = console.keys("ctrl-z");
    assert!(frame.contains("faults only"), "{frame}");
}
