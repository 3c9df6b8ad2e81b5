//! What is readable at 80x24: names and reasons on the first screen, sentences on the timeline and in the audit, the
//! labels of an alert, a log with times, and where a list goes on.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use watchkeeper::demo::Faults;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::domain::outcome::{Trace, Unfinished};
use watchkeeper::scene::width;

use super::harness::{Console, line_with, platform, pod, put, quiet, row_of, settings};

/// The rows of the first screen.
fn incidents(frame: &str) -> Vec<&str> {
    frame.lines().skip(4).filter(|line| line.trim_start().starts_with('P')).collect()
}

#[test]
fn the_first_screen_has_short_kinds_whole_names_and_room_for_the_reason() {
    let (_demo, mut console) = platform();
    let frame = console.frame();
    for part in ["issuer ", "/corporate-ca ", "hr monit", "/monitoring ", "schedule ", "/daily-backup "] {
        assert!(frame.contains(part), "{part}\n{frame}");
    }
    let head = line_with(&frame, &["SEV WHAT", "WHY", "NEXT"]);
    let why = head.find("WHY").unwrap();
    assert!(head.find("NEXT").unwrap() - why >= 32, "{head}");
    // the object's name is whole where it is not longer than its column
    for row in incidents(&frame) {
        let what = &row[5..head.find("SINCE").unwrap().min(row.len())];
        assert!(what.matches('…').count() <= 1, "{row}");
    }
    assert!(!frame.contains("(silenced) silenced"), "{frame}");
    let frame = console.resize(120, 40);
    assert!(frame.contains("HelmRelease  monitoring/monitoring"), "{frame}");
}

#[test]
fn a_list_says_where_it_goes_on() {
    let (_demo, mut console) = platform();
    let frame = console.frame();
    assert!(line_with(&frame, &["SEV WHAT"]).contains(" more below"), "{frame}");
    let frame = console.keys("G");
    assert!(line_with(&frame, &["SEV WHAT"]).contains(" above"), "{frame}");
    let frame = console.go("pods");
    let title = frame.lines().nth(2).unwrap();
    assert!(title.contains("Pods ") && title.contains(" more below"), "{title}");
    let rows = frame.lines().skip(4).take(19).count();
    let below: usize = title.split_whitespace().rev().nth(2).unwrap().parse().unwrap();
    let all: usize = title.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(rows + below, all, "{frame}");
    let frame = console.keys("pgdn pgdn");
    let title = frame.lines().nth(2).unwrap();
    assert!(title.contains(" above, ") && title.contains(" below"), "{title}");
    let frame = console.keys("?");
    assert!(frame.lines().nth(2).unwrap().contains("more below"), "{frame}");
}

#[test]
fn the_mark_of_the_sort_stands_beside_its_title_and_the_column_is_shown() {
    let (_demo, mut console) = quiet();
    console.go("certs");
    for _ in 0..14 {
        let frame = console.keys("shift-o");
        let word = frame.lines().last().unwrap().trim().strip_prefix("sorted by ").map(str::to_uppercase);
        let Some(word) = word.filter(|word| !word.contains("ATTENTION")) else { continue };
        let head = frame.lines().nth(3).unwrap();
        assert!(head.contains(&format!("{word}▲")) || head.contains(&format!("{word}▼")), "{word}\n{frame}");
    }
    let frame = console.keys("shift-a");
    assert!(frame.lines().nth(3).unwrap().contains("AGE▲"), "{frame}");
}

#[test]
fn the_timeline_shows_the_sentence_of_the_chosen_row_and_enter_all_of_it() {
    let (_demo, mut console) = platform();
    console.go("timeline");
    console.filter("kind=Issuer");
    let frame = console.shows(&["onset"]);
    let row = line_with(&frame, &["onset", "P1", "issuer", "corporate-ca"]);
    let words = row.split("corporate-ca").nth(1).unwrap();
    assert!(width(words.trim()) >= 30, "{frame}");
    // the whole sentence below
    let below = frame.lines().skip(row_of(&frame, row) + 1).collect::<Vec<_>>().join(" ");
    assert!(below.contains("corporate-ca") && below.contains("enter: all") || below.contains("not found"), "{frame}");
    console.keys("enter");
    let frame = console.frame();
    assert!(frame.contains("WORDS") && frame.contains("keypair for CA issuer"), "{frame}");
    let text: String = frame.lines().skip(3).flat_map(|l| l.split_whitespace()).collect::<Vec<_>>().join(" ");
    assert!(text.contains("secret \"corporate-ca\" not found"), "the end of the sentence\n{frame}");
    let frame = console.keys("enter");
    assert!(frame.contains("Incident P1"), "{frame}");
    let frame = console.keys("esc esc");
    assert!(frame.contains("Timeline"), "{frame}");
}

#[test]
fn an_alert_is_opened_with_every_label() {
    let (_demo, mut console) = platform();
    console.resize(80, 50);
    console.go("find OpenBaoSealed");
    let frame = console.shows(&["Alert openbao/OpenBaoSealed", "LABELS"]);
    for label in ["alertname=OpenBaoSealed", "namespace=openbao", "severity=", "pod=openbao-"] {
        assert!(frame.contains(label), "{label}\n{frame}");
    }
}

#[test]
fn a_log_wrapped_with_times_loses_nothing() {
    let (demo, mut console) = quiet();
    let line = |n: usize| format!("line {n:03}   {}", format!("field{n}=value  ").repeat(9));
    let log = (0..40).map(|n| format!("2026-01-01T00:00:00.{n:09}Z {}\n", line(n))).collect::<Vec<_>>().concat();
    console.go("pods");
    console.filter("istiod");
    let path = format!("/api/v1/namespaces/istio-system/pods/{}/log", console.target());
    let act = Act::Status { code: 200, retry_after: None, body: Some(log) };
    demo.control().set_faults(Faults::one(Rule::new(act).path(&path)));
    console.keys("l");
    console.shows(&["the log ends here"]);
    console.keys("w t");
    let frame = console.keys("g");
    let rows: Vec<&str> = frame.lines().skip(3).take(20).collect();
    assert!(rows.iter().all(|row| width(row) <= 80), "{frame}");
    // the rows are the text, blank for blank
    let shown: Vec<String> = rows.iter().map(|row| format!("{:<79}", row.strip_prefix(' ').unwrap_or(row))).collect();
    let shown = shown.concat();
    let compact = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for n in 0..4 {
        assert!(compact(&shown).contains(&compact(&line(n))), "line {n}\n{frame}");
    }
    assert_eq!(frame.matches("2026-01-01T00:00:00").count(), rows.iter().filter(|r| r.contains("line 0")).count());
    // every row can be scrolled to
    let mut seen: std::collections::HashSet<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    for _ in 0..400 {
        seen.extend(console.keys("down").lines().skip(3).take(20).map(str::to_owned));
    }
    let all: String = seen.into_iter().collect();
    assert!((0..40).all(|n| all.contains(&format!("line {n:03}"))));
    // without wrapping it goes on to the right
    console.keys("w g");
    assert!(console.frame().contains('…'), "what goes on beyond the edge says so");
    let frame = console.keys("right right right right right right right");
    assert!(frame.contains("field0=value") && !frame.contains("line 000"), "{frame}");
}

#[test]
fn what_was_interrupted_is_told_until_it_is_looked_at() {
    let (_demo, mut console) = quiet();
    let left = Unfinished {
        run: "1-2-3".to_owned(),
        title: "drain Node worker-3".to_owned(),
        ending: "interrupted".to_owned(),
        steps: vec![Trace::default(), Trace::default()],
        at: 1,
        ..Unfinished::default()
    };
    console.app.left_unfinished(vec![left]);
    for keys in ["j", "k j", ": esc", "t", "esc"] {
        let frame = console.keys(keys);
        let last = frame.lines().last().unwrap();
        assert!(
            last.contains(":plans") && last.contains("interrupted: drain Node worker-3 at step 2 of 2"),
            "{keys}\n{frame}"
        );
    }
    let frame = console.go("plans");
    assert!(frame.contains("interrupted") && !frame.lines().last().unwrap().contains("see :plans"), "{frame}");
    let frame = console.keys("esc j");
    assert!(!frame.contains("see :plans"), "{frame}");
}

#[test]
fn the_audit_says_who_did_what_at_80_columns_and_enter_shows_all_of_it() {
    let (demo, mut console) = quiet();
    console.go("hr");
    console.filter("name=shop");
    console.keys("shift-t");
    console.shows(&["dry run: accepted"]);
    console.keys("y");
    console.shows(&["STATE            DONE"]);
    let state = Rc::clone(&console.state);
    drop(console);
    let mut console = Console::start_in(settings(demo.kubeconfig(), None), state);
    console.ready();
    console.go("audit");
    let frame = console.shows(&["outcome"]);
    line_with(&frame, &["plan", "suspend HelmRelease team-alpha/shop by demo"]);
    line_with(&frame, &["outcome", "done"]);
    console.keys("j j j");
    let frame = console.keys("enter");
    for part in ["TIME", "RUN", "EVENT", "WHAT"] {
        assert!(frame.contains(part), "{part}\n{frame}");
    }
    let frame = console.keys("esc");
    assert!(frame.contains("Audit ") && frame.contains("EVENT   WHAT"), "{frame}");
    let frame = console.filter("outcome");
    assert!(frame.contains("Audit 1 of "), "{frame}");
}

#[test]
fn pods_at_80_columns_say_how_often_they_restarted_and_how_many_are_ready() {
    let (_demo, mut console) = platform();
    let frame = console.go("pods");
    let head = frame.lines().nth(3).unwrap();
    for title in ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS"] {
        assert!(head.contains(title), "{title}\n{frame}");
    }
}

#[test]
fn the_guide_of_an_issuer_without_its_secret_names_it_and_how_it_is_put_back() {
    let (_demo, mut console) = platform();
    console.go("find issuers/corporate-ca");
    console.keys("u");
    let frame = console.frame();
    assert!(frame.contains("Secret team-beta/corporate-ca"), "{frame}");
    let copy = |console: &mut Console| {
        console.keys("c");
        console.copied.pop().unwrap()
    };
    let text = copy(&mut console);
    assert!(text.contains("secret \"corporate-ca\" not found"), "the whole error\n{text}");
    let shows = |text: &str, command: &str, then: &str| {
        let is_it = |line: &str| line.trim().starts_with(&format!("{command} --kubeconfig /")) && line.ends_with(then);
        assert!(text.lines().any(is_it), "{text}");
    };
    let command = "kubectl --context sre-demo create secret tls corporate-ca -n team-beta --cert=ca.crt --key=ca.key";
    shows(&text, command, ".kubeconfig");
    assert!(frame.contains("create secret") && frame.contains(" \\\n"), "broken for a shell\n{frame}");
    // and of a seal, each replica that is sealed
    console.go("find bao/openbao-1");
    console.keys("u");
    let text = copy(&mut console);
    shows(&text, "kubectl --context sre-demo exec openbao-1 -it -n openbao", ".kubeconfig -- bao operator unseal");
    assert!(!text.contains("REPLICA"), "{text}");
}

#[test]
fn a_time_two_seconds_ahead_is_now() {
    let (demo, mut console) = quiet();
    let ahead = (demo.control().with_world(|world| world.now()) + Duration::from_secs(20)).to_string();
    let mut young = pod("young");
    young["metadata"]["creationTimestamp"] = json!(ahead);
    put(&demo.control(), [young]);
    console.go_when_known("pods lab");
    let frame = console.shows(&["young"]);
    let row = line_with(&frame, &["young"]);
    assert!(row.contains(" 0s") && !frame.contains("invalid"), "{frame}");
}

#[test]
fn a_terminal_that_is_too_small_hears_the_size_that_is_needed() {
    let (_demo, mut console) = quiet();
    let frame = console.resize(20, 5);
    assert!(frame.contains("40x10"), "{frame}");
}
