//! Getting about: keys, the line after `:`, filters, namespaces, history, and a cursor that stays on its object.

use rstest::rstest;
use serde_json::json;

use super::harness::{Console, DEADLINE, demo, line_with, platform, pod, put, quiet, row_of};

/// The healthy platform with five pods `one` to `five` in the namespace `lab`, and a console on their table.
fn on_five_pods() -> (watchkeeper::demo::Demo, Console) {
    let demo = demo("quiet");
    put(&demo.control(), ["one", "two", "three", "four", "five"].map(pod));
    let mut console = Console::on(&demo);
    console.ready();
    console.go("pods lab");
    (demo, console)
}

#[test]
fn enter_goes_in_escape_and_q_come_back_and_q_on_the_first_screen_leaves() {
    let (_demo, mut console) = on_five_pods();
    let frame = console.keys("enter");
    assert!(frame.contains("Pod lab/five"), "{frame}");
    let frame = console.keys("esc");
    assert!(frame.contains("Pods 5 of"), "{frame}");
    console.keys("enter y");
    let frame = console.keys("q");
    assert!(frame.contains("Pod lab/five") && !frame.contains("five yaml"), "{frame}");
    let frame = console.keys("q q");
    assert!(frame.contains("SEV WHAT") && !console.quit, "{frame}");
    console.keys("esc");
    assert!(!console.quit, "escape never leaves the console");
    console.keys("q");
    assert!(console.quit);
}

#[test]
fn history_goes_back_and_forth_and_says_when_there_is_no_more() {
    let (_demo, mut console) = quiet();
    for word in ["pods", "hr", "certs"] {
        console.go(word);
    }
    assert!(console.keys("[").contains("HelmReleases"));
    assert!(console.keys("[").contains("Pods 1"));
    assert!(console.keys("]").contains("HelmReleases"));
    assert!(console.keys("]").contains("Certificates"));
    assert!(console.keys("]").contains("no next screen"));
    assert!(console.keys("-").contains("HelmReleases"));
    assert!(console.keys("[ [ [ [ [ [").contains("no previous screen"));
}

#[test]
fn minus_twice_is_where_one_was() {
    let (_demo, mut console) = quiet();
    console.go("pods");
    console.go("hr");
    assert!(console.keys("-").contains("Pods 1"));
    assert!(console.keys("-").contains("HelmReleases"));
}

#[test]
fn tab_completes_a_command_and_goes_round() {
    let (_demo, mut console) = quiet();
    let frame = console.types(":cert");
    let line = frame.lines().last().unwrap();
    assert!(line.contains("certs") && line.contains("certreqs"), "{line}");
    let first = console.keys("tab").lines().last().unwrap().trim().to_owned();
    let second = console.keys("tab").lines().last().unwrap().trim().to_owned();
    assert!(first.starts_with(":cert") && second.starts_with(":cert") && first != second, "{first} {second}");
    let back = console.keys("shift-tab").lines().last().unwrap().trim().to_owned();
    assert_eq!(back, first);
    console.keys("esc");
    console.types(":ns open");
    console.keys("tab");
    let frame = console.keys("enter");
    assert!(frame.lines().next().is_some_and(|l| l.contains("openbao")), "{frame}");
}

#[test]
fn an_unknown_command_says_so_and_stays_in_the_line() {
    let (_demo, mut console) = quiet();
    let frame = console.go("podz");
    let line = frame.lines().last().unwrap();
    assert!(line.starts_with(":podz") && line.contains("no kind, screen or command is called podz"), "{line}");
    let frame = console.keys("backspace s enter");
    assert!(frame.contains("Pods 1"), "{frame}");
}

#[rstest]
#[case("colour:red", "no column `colour`")]
#[case("restarts>many", "neither a number nor a time")]
#[case("/(/", "unclosed group")]
#[case("\"open", "a quote is not closed")]
fn a_filter_that_cannot_be_understood_is_told_and_hides_nothing(#[case] text: &str, #[case] why: &str) {
    let (_demo, mut console) = on_five_pods();
    let frame = console.filter(text);
    assert!(frame.lines().last().is_some_and(|l| l.contains(why)), "{frame}");
    assert!(frame.contains("Pods 5 of") && frame.contains("three"), "{frame}");
    let frame = console.keys("esc");
    assert!(frame.contains("Pods 5 of") && !frame.contains(why), "{frame}");
}

#[test]
fn filters_mean_what_the_help_says() {
    let demo = demo("quiet");
    let mut crashed = pod("crasher");
    crashed["status"]["containerStatuses"][0]["restartCount"] = json!(12);
    crashed["status"]["containerStatuses"][0]["ready"] = json!(false);
    crashed["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    put(&demo.control(), ["one", "two", "three"].map(pod).into_iter().chain([crashed]));
    let mut console = Console::on(&demo);
    console.ready();
    console.go("pods lab");
    let cases: &[(&str, &[&str])] = &[
        ("crash", &["crasher"]),
        ("!crash", &["one", "three", "two"]),
        ("CRASH lab crasher", &["crasher"]),
        ("status:running", &["one", "three", "two"]),
        ("name=two", &["two"]),
        ("restarts>5", &["crasher"]),
        ("restarts<5 t", &["three", "two"]),
        ("age<10m", &["crasher", "one", "three", "two"]),
        ("age>10m", &[]),
        ("name:/^t[a-z]+o$/", &["two"]),
        ("name:~thr", &["three"]),
        ("node:worker-1 name:one", &["one"]),
    ];
    for (text, wanted) in cases {
        let frame = console.filter(text);
        for name in ["crasher", "one", "three", "two"] {
            let shown = frame.lines().skip(4).any(|l| l.split_whitespace().any(|w| w == name));
            assert_eq!(shown, wanted.contains(&name), "/{text} and {name}\n{frame}");
        }
        assert!(frame.contains(&format!("/{text}")), "the filter in force is not shown\n{frame}");
        if wanted.is_empty() {
            assert!(frame.contains("none of"), "{frame}");
        }
        let frame = console.keys("esc");
        assert!(!frame.contains(&format!("/{text}")), "escape clears the filter\n{frame}");
    }
}

#[test]
fn a_filter_works_while_it_is_typed_and_home_has_one_too() {
    let (_demo, mut console) = platform();
    let frame = console.types("/legacy");
    let incidents = frame.lines().filter(|l| l.starts_with(" P")).skip(1).collect::<Vec<_>>();
    // the certificate is found by its own name, under what explains it
    assert_eq!(incidents.len(), 1, "{frame}");
    assert!(incidents[0].contains("issuer") && incidents[0].contains("/corporate-ca"), "{frame}");
    console.keys("esc");
    let frame = console.types("/nothinglikethis");
    assert!(!frame.contains("nothing wrong"), "a filter must not look like health\n{frame}");
}

#[test]
fn faults_only_hides_what_is_well_and_says_so() {
    let (_demo, mut console) = platform();
    console.go("pods");
    let frame = console.keys("ctrl-z");
    assert!(frame.contains("faults only") && frame.contains(" of 1"), "{frame}");
    let rows: Vec<&str> = frame.lines().skip(4).take_while(|l| !l.trim().is_empty()).collect();
    assert!(rows.len() > 3 && rows.iter().take(rows.len() - 1).all(|l| !l.starts_with("  ")), "{frame}");
    let frame = console.keys("ctrl-z");
    assert!(frame.contains("everything"), "{frame}");
}

#[test]
fn wide_shows_the_columns_that_are_hidden_otherwise() {
    let (_demo, mut console) = quiet();
    console.resize(220, 24);
    let frame = console.go("pods");
    assert!(!row_text(&frame, 3).contains(" IP"), "{frame}");
    let frame = console.keys("ctrl-w");
    assert!(row_text(&frame, 3).contains(" IP"), "{frame}");
}

fn row_text(frame: &str, row: usize) -> &str {
    frame.lines().nth(row).unwrap_or_default()
}

#[test]
fn a_narrow_terminal_drops_columns_and_never_the_name_or_the_status() {
    let (_demo, mut console) = platform();
    console.go("pods");
    for width in [200, 120, 80, 60, 50, 40] {
        let frame = console.resize(width, 24);
        let line = line_with(&frame, &["CrashLoopBackOff"]);
        assert!(line.starts_with('✖') && (line.contains("55l6b") || line.contains("g6znt")), "{width}: {line}");
        for line in frame.lines() {
            assert!(watchkeeper::scene::width(line) <= usize::from(width), "{width}: {line:?}");
        }
    }
}

#[test]
fn digits_and_ns_restrict_every_screen_and_0_lifts_it() {
    let (_demo, mut console) = platform();
    let frame = console.go("ns");
    let line = line_with(&frame, &["team-beta"]);
    assert!(line.contains("FAILED") || line.chars().any(|c| c.is_ascii_digit()), "{line}");
    let digit = frame
        .lines()
        .find(|l| l.contains(" openbao") || l.contains(" monitoring"))
        .and_then(|l| l.split_whitespace().next())
        .unwrap()
        .to_owned();
    console.go("pods");
    let frame = console.keys(&digit);
    assert!(frame.contains(&format!("namespace {}", frame_namespace(&frame))), "{frame}");
    assert!(!row_text(&frame, 3).contains("NAMESPACE"), "{frame}");
    let frame = console.go("ns team-beta");
    assert!(row_text(&frame, 0).contains("team-beta"), "{frame}");
    console.go("home");
    let frame = console.resize(160, 24);
    let rows = frame.lines().skip(4).filter(|l| l.trim_start().starts_with('P'));
    assert!(
        rows.clone().count() > 1
            && rows.clone().all(|l| l.contains("team-beta/") || l.contains("Guardrail") || !l.contains('/')),
        "{frame}"
    );
    console.resize(80, 24);
    let frame = console.keys("0");
    assert!(row_text(&frame, 0).contains("all namespaces"), "{frame}");
    let frame = console.go("ns nowhere");
    assert!(frame.contains("nothing known in namespace nowhere"), "{frame}");
}

fn frame_namespace(frame: &str) -> String {
    row_text(frame, 0).split_whitespace().nth(1).unwrap_or_default().to_owned()
}

#[rstest]
#[case("shift-n", "name", "NAME")]
#[case("shift-a", "age", "AGE")]
#[case("shift-s", "status", "STATUS")]
#[case("shift-p", "namespace", "NAMESPACE")]
fn a_sort_key_sorts_says_so_and_twice_reverses(#[case] key: &str, #[case] word: &str, #[case] title: &str) {
    let (_demo, mut console) = quiet();
    console.resize(160, 24);
    console.go("pods");
    let frame = console.keys(key);
    assert!(frame.contains(&format!("sorted by {word}")), "{frame}");
    assert!(row_text(&frame, 3).contains(&format!("{title}▲")), "{frame}");
    let first = row_text(&frame, 4).to_owned();
    let frame = console.keys(key);
    assert!(frame.contains("reversed") && row_text(&frame, 3).contains(&format!("{title}▼")), "{frame}");
    if title != "STATUS" {
        assert_ne!(first, row_text(&frame, 4), "{frame}");
    }
}

#[test]
fn names_sort_by_the_alphabet_and_ages_from_young_to_old() {
    let (_demo, mut console) = on_five_pods();
    console.keys("shift-n");
    let names: Vec<String> =
        (4..9).map(|n| row_text(&console.frame(), n).split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(names, ["five", "four", "one", "three", "two"]);
    console.keys("shift-n");
    assert!(row_text(&console.frame(), 4).contains("two"));
}

#[test]
fn cursor_and_marks_stay_on_their_object_when_rows_move() {
    let (demo, mut console) = on_five_pods();
    console.keys("j j space");
    assert_eq!(console.target(), "one");
    // something that fails goes on top, and one above goes away
    let mut failing = pod("zzz-failing");
    failing["status"]["phase"] = json!("Failed");
    let control = demo.control();
    control.with_world(|world| {
        world.apply(failing);
        world.remove("Pod", "lab", "four");
    });
    let frame =
        console.until("the failing pod on top", |f| row_text(f, 4).contains("zzz-failing") && !f.contains("four"));
    assert_eq!(console.target(), "one");
    assert!(console.selected().contains("one"));
    assert!(line_with(&frame, &["*", "one"]).contains("one"), "{frame}");
}

#[test]
fn when_its_object_goes_the_cursor_stays_near_and_an_object_of_the_same_name_is_not_it() {
    let (demo, mut console) = on_five_pods();
    console.keys("j j space");
    let control = demo.control();
    control.with_world(|world| {
        world.remove("Pod", "lab", "one");
        world.apply(pod("one"));
    });
    let frame = console.until("the mark to be gone", |f| !f.contains('*') && f.contains("one"));
    assert!(frame.contains("Pods 5 of"), "{frame}");
    control.with_world(|world| assert!(world.remove("Pod", "lab", "one")));
    console.until("one to be gone", |f| f.contains("Pods 4 of"));
    assert_eq!(console.target(), "three", "the row that took its place");
}

#[test]
fn a_frozen_view_stays_as_it_is_and_says_so_until_it_is_let_go() {
    let (demo, mut console) = on_five_pods();
    let frame = console.keys("ctrl-s");
    assert!(frame.contains("FROZEN"), "{frame}");
    demo.control().with_world(|world| assert!(world.remove("Pod", "lab", "one")));
    let pods = watchkeeper::kinds::by_word("pods").unwrap();
    let started = std::time::Instant::now();
    while console.app.world.store.find(pods, "lab", "one").is_some() {
        assert!(started.elapsed() < DEADLINE, "the news did not come");
        console.wait_news();
        let frame = console.frame();
        assert!(frame.contains(" one ") && frame.contains("FROZEN"), "{frame}");
    }
    let frame = console.frame();
    assert!(frame.contains(" one ") && frame.contains("FROZEN"), "{frame}");
    let frame = console.keys("ctrl-s");
    assert!(!frame.contains(" one ") && !frame.contains("FROZEN"), "{frame}");
}

#[test]
fn find_lands_on_a_pod_a_release_or_an_alert_wherever_it_is() {
    let (_demo, mut console) = platform();
    console.keys("0");
    console.go("ns openbao");
    let frame = console.go("find orders-worker");
    assert!(frame.contains("Found") && frame.contains("orders-worker-"), "{frame}");
    let frame = console.go("find hr/shop");
    assert!(frame.contains("HelmRelease team-alpha/shop"), "{frame}");
    let frame = console.go("find OpenBaoSealed");
    assert!(frame.contains("Alert openbao/OpenBaoSealed"), "{frame}");
    let frame = console.go("find certs/legacy-tls");
    assert!(frame.contains("Certificate team-beta/legacy-tls"), "{frame}");
    let frame = console.go("find nothing-like-this");
    assert!(frame.contains("nothing known here is called nothing-like-this"), "{frame}");
}

#[test]
fn find_takes_a_paste_and_a_paste_elsewhere_does_nothing() {
    let (_demo, mut console) = platform();
    console.go("pods");
    let before = console.frame();
    assert_eq!(console.paste("q\nd\x1b[A").lines().nth(2), before.lines().nth(2), "a paste is no key");
    assert!(!console.quit);
    let name = console.target();
    console.go("home");
    console.types(":find ");
    let frame = console.paste(&format!("{name}\n"));
    assert!(frame.lines().last().unwrap().contains(&name), "{frame}");
    let frame = console.keys("enter");
    assert!(frame.contains("Pod ") && frame.contains(&name), "{frame}");
}

#[test]
fn help_lists_every_key_that_works_and_finds_text() {
    let (_demo, mut console) = quiet();
    console.resize(120, 200);
    let frame = console.keys("?");
    for key in watchkeeper::app::keymap::KEYMAP.iter().filter(|k| !k.help.is_empty()) {
        assert!(frame.contains(key.help), "{} is not in the help", key.name);
    }
    for kind in watchkeeper::kinds::KINDS {
        assert!(frame.contains(kind.title), "{}", kind.title);
    }
    let text = frame.split_whitespace().collect::<Vec<_>>().join(" ");
    for command in watchkeeper::app::commands::COMMANDS {
        let typed = command.typed;
        assert!(text.contains(typed.help) && frame.contains(&format!("  {} {}", typed.word, typed.rest)), "{typed:?}");
    }
}

#[test]
fn the_header_can_be_made_slim_and_rows_take_its_place() {
    let (_demo, mut console) = quiet();
    let frame = console.go("pods");
    let at = row_of(&frame, "NAMESPACE");
    let frame = console.keys("ctrl-e");
    assert_eq!(row_of(&frame, "NAMESPACE"), at - 2);
    assert_eq!(frame.lines().count(), 24);
}

#[rstest]
#[case(20, 5)]
#[case(39, 24)]
#[case(80, 9)]
#[case(1, 1)]
#[case(0, 0)]
#[case(0, 24)]
#[case(80, 0)]
fn a_terminal_that_is_too_small_gets_a_message_on_every_screen_and_no_panic(#[case] width: u16, #[case] height: u16) {
    let (_demo, mut console) = quiet();
    for word in ["home", "pods", "feeds", "help", "ctx", "ns", "alerts"] {
        console.go(word);
        let frame = console.resize(width, height);
        assert!(frame.lines().count() <= 1, "{frame}");
        if width >= 20 && height > 0 {
            assert!(frame.contains("too small"), "{frame}");
        }
        console.keys("j G enter y esc esc");
        console.resize(80, 24);
    }
}

#[test]
fn copy_gives_the_name_of_the_row_to_the_terminal() {
    let (_demo, mut console) = on_five_pods();
    console.keys("j c");
    assert_eq!(console.copied, ["four"]);
}
