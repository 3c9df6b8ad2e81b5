//! The preview under a tired hand: what it asks to be typed is typed, no key is a command of another screen, nothing is
//! cut, and who leaves in the middle of a plan is asked once.

use std::time::Duration;

use rstest::rstest;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults};

use super::harness::{Console, DEADLINE, demo, heal, line_with, platform, quiet, settings};

fn on(console: &mut Console, word: &str, filter: &str) {
    console.go(word);
    console.filter(filter);
}

fn verdict(console: &mut Console) -> String {
    let words = ["dry run: accepted", "dry run: rejected", "not tried"];
    console.until("the server's word", |f| words.iter().any(|word| f.contains(word)))
}

/// The preview of the restart of a Deployment, which asks for its name.
fn restart(console: &mut Console) -> String {
    on(console, "deploy", "name=shop-api");
    console.keys("r");
    verdict(console)
}

/// The preview of the suspend of a release, which asks for a key.
fn suspend(console: &mut Console) -> String {
    on(console, "hr", "name=shop");
    console.keys("shift-t");
    verdict(console)
}

/// Picks an action in the menu of the selected row.
fn choose(console: &mut Console, action: &str) {
    console.keys("x");
    for _ in 0..40 {
        if console.selected().split_whitespace().any(|word| word == action) {
            break;
        }
        console.keys("j");
    }
    console.keys("enter");
}

#[test]
fn the_word_that_is_asked_for_is_typed_from_cancel() {
    let (_demo, mut console) = quiet();
    let frame = restart(&mut console);
    assert!(frame.contains("[Cancel]   type shop-api and enter to run"), "{frame}");
    let frame = console.types("shop-api");
    assert!(frame.contains("Preview: restart Deployment team-alpha/shop-api"), "{frame}");
    assert!(frame.contains("type shop-api and enter to run: shop-api"), "{frame}");
    console.keys("enter");
    console.shows(&["STATE            DONE", "rolled out"]);
}

#[test]
fn a_word_typed_beside_is_never_a_key_of_another_screen() {
    let (_demo, mut console) = quiet();
    restart(&mut console);
    // what is typed here is another name: letters that are keys elsewhere
    let frame = console.types("sre-demo: mTRbxqy?/0");
    assert!(frame.contains("Preview: restart Deployment") && frame.contains("to run: sre-demo: mTRbxqy?/0"), "{frame}");
    let frame = console.keys("enter");
    assert!(frame.contains("that is not shop-api") && frame.contains("Preview: restart"), "{frame}");
    let frame = console.keys("esc");
    assert!(frame.contains("cancelled, nothing was sent") && frame.contains("Deployments"), "{frame}");
}

#[test]
fn no_letter_is_a_command_of_another_screen_where_a_key_is_asked_for() {
    let (demo, mut console) = quiet();
    suspend(&mut console);
    for chord in [
        "j", "k", "g", "m", "shift-t", "shift-r", "r", "b", "ctrl-d", "d", "x", "l", "p", "o", "u", "t", "i", "w", "s",
        "0", "5", "[",
    ] {
        let frame = console.keys(chord);
        assert!(frame.contains("Preview: suspend HelmRelease team-alpha/shop"), "{chord}\n{frame}");
        assert!(frame.contains(&format!("{chord} does nothing here; ? lists the keys")), "{chord}\n{frame}");
    }
    assert!(
        !demo.control().with_world(|w| w.get("HelmRelease", "team-alpha", "shop").unwrap()["spec"]["suspend"] == true)
    );
}

/// The object's name, typed where a key is enough: it holds a `y`, and letters that are commands elsewhere.
#[rstest]
#[case("payments")]
#[case("activemqmonitor")]
#[case("queue-mover")]
#[case("cybersource")]
#[case("yamqdb")]
fn a_name_typed_where_a_key_is_asked_for_does_nothing_else(#[case] name: &str) {
    let (demo, mut console) = quiet();
    suspend(&mut console);
    verdict(&mut console);
    let silences = || {
        let requests = demo.control().requests();
        requests.iter().filter(|r| r.method == "POST" && r.path.ends_with("/api/v2/silences")).count()
    };
    console.types(name);
    let frame = console.keys("enter");
    assert!(!frame.contains("Preview: silence") && silences() == 0, "{frame}");
    let suspended =
        demo.control().with_world(|w| w.get("HelmRelease", "team-alpha", "shop").unwrap()["spec"]["suspend"] == true);
    // of a name that begins with it, the key is the key; what follows is no command of the plan's screen
    let approves = name.starts_with('y');
    if approves {
        console.shows(&["STATE            DONE"]);
    } else {
        assert!(!suspended, "{frame}");
        std::thread::sleep(Duration::from_secs(3));
        console.frame();
        let frame = console.keys("?");
        assert!(frame.contains("Help"), "{frame}");
    }
}

#[test]
fn the_key_that_approves_counts_again_when_it_is_pressed_by_itself() {
    let (_demo, mut console) = quiet();
    suspend(&mut console);
    verdict(&mut console);
    let frame = console.types("py");
    assert!(frame.contains("y came with other letters: wait a second, then press it again"), "{frame}");
    assert!(frame.contains("Preview: suspend HelmRelease team-alpha/shop"), "{frame}");
    std::thread::sleep(Duration::from_secs(3));
    console.frame();
    console.keys("y");
    console.shows(&["STATE            DONE"]);
}

#[test]
fn a_silence_begins_in_its_reason_and_enter_is_enough() {
    let (_demo, mut console) = platform();
    on(&mut console, "alerts", "OpenBaoSealed");
    let frame = console.keys("m");
    assert!(frame.contains("it needs a reason") && !frame.contains("y runs it"), "{frame}");
    let frame = console.types("yes, we know");
    line_with(&frame, &["reason", "yes, we know"]);
    assert!(frame.contains("enter runs it") && frame.contains("<enter> run it"), "{frame}");
    console.keys("enter");
    console.shows(&["STATE            DONE", "yes, we know"]);
}

#[test]
fn a_reason_that_is_missing_is_asked_for_where_it_is_typed() {
    let (_demo, mut console) = platform();
    on(&mut console, "alerts", "OpenBaoSealed");
    console.keys("m");
    let frame = console.keys("enter");
    assert!(frame.contains("it needs a reason") && frame.contains("Preview: silence"), "{frame}");
    console.keys("shift-tab");
    let frame = console.keys("y");
    assert!(frame.contains("it needs a reason"), "{frame}");
    let frame = console.types("known");
    line_with(&frame, &["reason", "known"]);
}

#[test]
fn the_verdict_is_asked_for_while_a_field_has_the_focus() {
    let (_demo, mut console) = platform();
    on(&mut console, "schedules", "name=daily-backup");
    console.keys("b tab");
    let frame = console.types("by-hand");
    line_with(&frame, &["name", "by-hand"]);
    let frame = verdict(&mut console);
    assert!(frame.contains("tab, then y runs it") && !frame.contains("<y>"), "{frame}");
}

#[test]
fn what_does_not_fit_is_counted_and_scrolls_with_the_same_keys_wherever_the_focus_is() {
    let (_demo, mut console) = quiet();
    on(&mut console, "nodes", "name=worker-3");
    choose(&mut console, "drain");
    let all = verdict(&mut console);
    assert!(all.contains("more lines: pgdn"), "{all}");
    for focus in ["", "tab", "tab tab"] {
        console.keys(focus);
        for (down, up) in [("ctrl-f", "ctrl-b"), ("pgdn", "pgup"), ("down", "up")] {
            let before = console.frame();
            let below = console.keys(down);
            assert_ne!(below, before, "{focus:?} {down}");
            assert_eq!(console.keys(up), before, "{focus:?} {up}");
        }
    }
    console.keys("esc");
    restart(&mut console);
    console.resize(80, 16);
    let before = console.frame();
    assert_ne!(console.keys("down"), before, "an arrow scrolls where no field takes it");
    assert_eq!(console.keys("up"), before);
    console.types("s");
    assert!(console.keys("pgdn").contains("lines above: pgup"), "and where the word is typed");
}

/// The plan on the screen without blanks and breaks, and without its commands, whose words are never broken and go on
/// beyond the edge where they are too long, and its table of pods, which has fewer columns where there is less room.
fn text_of(frame: &str) -> String {
    let plan = frame.lines().skip_while(|line| !line.starts_with("  on ")).take_while(|line| !line.contains("Cancel"));
    let (mut command, mut table, mut out) = (false, false, String::new());
    for row in plan {
        table = (table || row.trim_start().starts_with("POD ")) && !row.contains("same as: ");
        if table {
            assert!(!row.ends_with('…'), "{row}");
            continue;
        }
        let begins = !row.starts_with("     ") && !row.trim().is_empty();
        command = !begins && (command || row.contains("same as: "));
        if !command {
            assert!(!row.ends_with('…'), "{row}");
            // what undoes it is a command as well
            out.extend(row.strip_suffix(" \\").unwrap_or(row).split_whitespace());
        }
    }
    out
}

#[rstest]
#[case(60)]
#[case(80)]
#[case(120)]
fn nothing_of_a_preview_is_cut_at_the_edge(#[case] width: u16) {
    let (_demo, mut console) = platform();
    for (word, filter, action) in [
        ("schedules", "name=daily-backup", "backup"),
        ("nodes", "name=worker-3", "drain"),
        ("hr", "name=monitoring", "emergency-restart"),
        ("hr", "name=monitoring", "suspend"),
    ] {
        on(&mut console, word, filter);
        choose(&mut console, action);
        console.resize(500, 900);
        verdict(&mut console);
        let whole = console.until("every verdict", |f| !f.contains("asking"));
        let frame = console.resize(width, 900);
        for line in frame.lines().skip(3) {
            assert!(watchkeeper::scene::width(line) <= usize::from(width), "{action}: {line}");
        }
        assert_eq!(text_of(&frame), text_of(&whole), "{action} at {width}\n{frame}");
        // each pod that leaves is distinguishable from the others
        for pod in whole.lines().filter(|line| line.contains("has room")).filter_map(|l| l.split_whitespace().next()) {
            assert!(frame.contains(&pod[pod.len() - 5..]), "{pod}\n{frame}");
        }
        console.keys("esc esc");
        console.resize(80, 24);
    }
}

#[test]
fn a_shown_command_is_copied_unbroken_and_breaks_on_the_screen_as_a_shell_takes_it() {
    let (_demo, mut console) = platform();
    console.resize(80, 100);
    on(&mut console, "alerts", "OpenBaoSealed");
    console.keys("m");
    console.types("it's sealed on purpose");
    let frame = verdict(&mut console);
    console.keys("ctrl-y");
    let copied = console.copied.pop().unwrap();
    let [command] = *copied.lines().collect::<Vec<_>>() else { panic!("one line a command: {copied}") };
    assert!(command.starts_with("amtool silence add"), "{command}");
    // the rows on the screen, joined as a shell joins them
    let rows = frame.lines().skip_while(|line| !line.contains("same as: "));
    let mut shell = String::new();
    for row in rows {
        let row = row.trim().trim_start_matches("same as: ");
        match row.strip_suffix('\\') {
            Some(row) => shell.push_str(row),
            None => {
                shell.push_str(row);
                break;
            }
        }
    }
    assert_eq!(shell, command, "{frame}");
    assert!(frame.contains(" \\\n"), "it is broken\n{frame}");
    // a word that is longer than the screen is whole, and scrolled to
    console.types(", and the reason is longer than what there is room for");
    let frame = verdict(&mut console);
    assert!(line_with(&frame, &["--comment"]).ends_with('…') && !frame.contains("room for' \\"), "{frame}");
    console.keys("shift-tab");
    let frame = console.keys("right right right");
    assert!(frame.contains("room for' \\"), "{frame}");
}

#[test]
fn a_read_only_context_says_so_in_the_menu_and_offers_nothing_in_the_preview() {
    let demo = demo("quiet");
    let mut settings = settings(demo.kubeconfig(), None);
    settings.readonly_contexts = vec!["sre*".to_owned()];
    let mut console = Console::start(settings);
    console.ready();
    console.shows(&["READ-ONLY"]);
    on(&mut console, "deploy", "name=shop-api");
    let frame = console.keys("x");
    assert!(frame.contains("read-only: ") && frame.contains("sre* of readonly-contexts; :unlock REASON"), "{frame}");
    line_with(&frame, &["restart", "read-only: "]);
    console.keys("esc r");
    let frame = verdict(&mut console);
    assert!(frame.contains("READ-ONLY") && frame.contains(":unlock REASON allows it for a while"), "{frame}");
    assert!(!frame.contains("enter to run") && !frame.contains("y runs it") && !frame.contains("<y>"), "{frame}");
    let frame = console.keys("y");
    assert!(frame.contains("read-only: ") && frame.contains("Preview: restart"), "{frame}");
    // and once it is unlocked, it is asked for
    console.go("unlock incident 7");
    let frame = console.shows(&["UNLOCKED", "type shop-api and enter to run"]);
    assert!(!frame.contains("READ-ONLY"), "{frame}");
}

#[test]
fn what_has_to_be_typed_is_not_pasted() {
    let (_demo, mut console) = quiet();
    restart(&mut console);
    let frame = console.paste("shop-api");
    assert!(frame.contains("typed, not pasted") && !frame.contains("to run: shop-api"), "{frame}");
    console.types("shop");
    let frame = console.paste("-api");
    assert!(frame.contains("typed, not pasted") && !frame.contains("to run: shop-api"), "{frame}");
}

#[test]
fn an_approval_that_comes_before_the_answer_waits_for_it_and_any_other_key_takes_it_back() {
    let (demo, mut console) = quiet();
    let suspended = |demo: &Demo| {
        demo.control().with_world(|w| w.get("HelmRelease", "team-alpha", "shop").unwrap()["spec"]["suspend"] == true)
    };
    let held = Rule::new(Act::Silent).path("/apis/authorization.k8s.io/");
    for taken_back in [true, false] {
        demo.control().set_faults(Faults::one(held.clone()));
        on(&mut console, "hr", "name=shop");
        console.keys("shift-t");
        console.shows(&["STEPS", "asking"]);
        let frame = console.keys("y");
        assert!(frame.contains("it runs as soon as the server has answered"), "{frame}");
        if taken_back {
            console.keys("esc");
        }
        heal(&demo.control());
        if taken_back {
            console.keys("shift-t");
            verdict(&mut console);
            assert!(!suspended(&demo));
            console.keys("esc");
        } else {
            console.shows(&["STATE            DONE"]);
            assert!(suspended(&demo));
        }
    }
}

#[test]
fn the_view_of_a_plan_follows_its_running_step_and_counts() {
    let (demo, mut console) = quiet();
    demo.control().set_step(Duration::from_millis(300));
    on(&mut console, "hr", "name=monitoring");
    choose(&mut console, "emergency-restart");
    let frame = verdict(&mut console);
    assert!(frame.contains("sre-demo"), "{frame}");
    console.types("sre-demo");
    console.keys("enter");
    let mut last = 0;
    console.within(DEADLINE * 6, "its end", |frame| {
        if frame.contains("STATE            running") || frame.contains("Plan, step ") {
            let title = line_with(frame, &["Plan, step ", " of "]);
            let step: usize = title.split_whitespace().nth(2).unwrap().parse().unwrap();
            let now = frame.lines().find(|line| line.split_whitespace().nth(1) == Some("now"));
            let now = now.unwrap_or_else(|| panic!("step {step} is not on the screen\n{frame}"));
            assert!(now.trim_start().starts_with(&format!("{step} now")), "{now}");
            last = last.max(step);
        }
        frame.contains("STATE            DONE")
            || frame.contains("STATE            FAILED")
            || frame.contains("STATE            UNKNOWN")
    });
    assert!(last > 15, "only {last} steps were seen");
}

/// A restart under way whose rollout takes its time.
fn under_way() -> (Demo, Console) {
    let (demo, mut console) = quiet();
    demo.control().set_step(Duration::from_secs(300));
    restart(&mut console);
    console.types("shop-api");
    console.keys("enter");
    console.until("the second step", |f| f.lines().any(|line| line.trim_start().starts_with("2 now")));
    (demo, console)
}

#[rstest]
#[case("ctrl-c")]
#[case(": q enter")]
#[case("esc esc esc esc q")]
fn who_leaves_with_a_plan_under_way_is_asked_once(#[case] keys: &str) {
    let (_demo, mut console) = under_way();
    let frame = console.keys(keys);
    let question = frame.lines().last().unwrap();
    assert!(question.contains("step 2 of 2, leave it there? y leaves, other keys stay"), "{frame}");
    assert!(!console.quit);
    let frame = console.keys("n");
    assert!(!console.quit && frame.contains("stayed"), "{frame}");
    console.keys("ctrl-c");
    console.keys("y");
    assert!(console.quit);
}

#[test]
fn a_second_ctrl_c_is_the_answer_and_without_a_plan_nobody_is_asked() {
    let (_demo, mut console) = under_way();
    console.keys("ctrl-c ctrl-c");
    assert!(console.quit);
    let (_demo, mut console) = quiet();
    console.keys("ctrl-c");
    assert!(console.quit);
}

#[test]
fn another_context_is_gone_to_only_after_the_question() {
    let (_demo, mut console) = under_way();
    let frame = console.go("ctx readonly");
    assert!(frame.contains("? y goes to readonly, other keys stay"), "{frame}");
    let frame = console.keys("esc");
    assert!(frame.contains("sre-demo") && frame.contains("1 running"), "{frame}");
    console.go("ctx readonly");
    let frame = console.keys("y");
    assert!(frame.contains("interrupted in sre-demo"), "{frame}");
    console.until("the other context", |f| f.lines().next().is_some_and(|l| l.contains("readonly")));
}

#[test]
fn what_is_typed_while_it_is_read_is_kept_and_none_of_it_is_a_command() {
    let (_demo, mut console) = quiet();
    on(&mut console, "deploy", "name=shop-api");
    // nothing is taken in while these are typed
    console.keys("r");
    let frame = console.types("q:x?");
    assert!(frame.contains("Preview: restart") && frame.contains("reading; typed so far: q:x?"), "{frame}");
    let frame = console.keys("enter");
    assert!(frame.contains("still reading what it needs") && frame.contains("Preview: restart"), "{frame}");
    console.keys("backspace backspace backspace backspace");
    console.types("shop-api");
    let frame = verdict(&mut console);
    assert!(frame.contains("enter to run: shop-api"), "{frame}");
    console.keys("enter");
    console.shows(&["STATE            DONE", "rolled out"]);
}

#[test]
fn what_was_typed_before_it_was_known_that_a_key_is_enough_runs_nothing() {
    let (demo, mut console) = quiet();
    on(&mut console, "hr", "name=shop");
    console.keys("shift-t");
    console.types("yes");
    let frame = console.shows(&["STEPS", "typed while it was read is dropped: y runs it"]);
    assert!(frame.contains("[Cancel]   y runs it"), "{frame}");
    verdict(&mut console);
    assert!(
        !demo.control().with_world(|w| w.get("HelmRelease", "team-alpha", "shop").unwrap()["spec"]["suspend"] == true)
    );
}

#[test]
fn enter_goes_through_a_form_and_never_throws_it_away() {
    let (_demo, mut console) = platform();
    on(&mut console, "alerts", "OpenBaoSealed");
    console.keys("m");
    console.types("known");
    console.keys("tab tab tab");
    // the first letter takes the place of what was proposed, and an arrow goes into it
    console.types("4h");
    let frame = console.keys("left backspace");
    line_with(&frame, &["duration", "h"]);
    let frame = console.types("3");
    line_with(&frame, &["duration", "3h"]);
    for _ in 0..3 {
        let frame = console.keys("enter");
        assert!(frame.contains("Preview: silence") && frame.contains("the last field: tab, then y runs it"), "{frame}");
    }
    console.keys("tab y");
    console.shows(&["STATE            DONE", "known"]);
}

#[test]
fn a_restore_begins_where_its_namespace_is_said_and_enter_leads_to_the_word() {
    let (_demo, mut console) = quiet();
    on(&mut console, "backups", "daily-backup");
    choose(&mut console, "restore");
    let frame = console.shows(&["it needs a namespace"]);
    assert!(!frame.contains("it cannot be run"), "{frame}");
    let frame = console.types("team-alpha");
    line_with(&frame, &["namespace", "team-alpha"]);
    console.keys("enter");
    let frame = console.types("lost");
    line_with(&frame, &["reason", "lost"]);
    console.shows(&["STEPS"]);
    let frame = console.keys("enter enter enter");
    assert!(frame.contains("Preview: restore team-alpha") && frame.contains("to run this"), "{frame}");
}

#[test]
fn the_only_namespace_of_a_backup_is_proposed_and_the_reason_is_what_is_missing() {
    let (_demo, mut console) = quiet();
    on(&mut console, "backups", "before-istio");
    choose(&mut console, "restore");
    let frame = console.shows(&["STEPS"]);
    line_with(&frame, &["namespace", "istio-system"]);
    assert!(frame.contains("it needs a reason"), "{frame}");
    let frame = console.types("lost");
    line_with(&frame, &["reason", "lost"]);
}

#[test]
fn a_backup_asks_only_for_what_counts() {
    let (_demo, mut console) = quiet();
    on(&mut console, "backups", "before-istio");
    console.keys("b");
    let frame = console.shows(&["STEPS"]);
    line_with(&frame, &["namespaces", "istio-system"]);
    console.keys("esc");
    on(&mut console, "schedules", "name=daily-backup");
    console.keys("b");
    let frame = console.shows(&["STEPS"]);
    line_with(&frame, &["name", "made from the time"]);
    assert!(!frame.lines().any(|line| line.starts_with("  namespaces ") || line.starts_with("  ttl ")), "{frame}");
}

#[test]
fn a_number_of_replicas_is_typed_over_the_one_of_now() {
    let (_demo, mut console) = quiet();
    on(&mut console, "deploy", "name=shop-api");
    choose(&mut console, "scale");
    let frame = console.shows(&["it cannot be run: ", "replicas already"]);
    assert!(frame.contains("what is typed takes its place"), "{frame}");
    let frame = console.types("7");
    assert!(line_with(&frame, &["replicas"]).trim_end().ends_with("replicas  7"), "{frame}");
    verdict(&mut console);
    console.keys("enter");
    console.types("shop-api");
    console.keys("enter");
    console.shows(&["STATE            DONE"]);
}

#[test]
fn why_it_cannot_be_run_stands_beside_cancel() {
    let demo = demo("quiet");
    let mut console = Console::as_user(&demo, "readonly");
    console.ready();
    on(&mut console, "deploy", "name=shop-api");
    console.keys("r");
    let frame = console.until("the server's word", |f| f.contains("dry run: rejected"));
    assert!(frame.contains("it cannot be run: step 1 is rejected: "), "{frame}");
}

/// The number of the step in the title of a plan that runs.
fn step_of(frame: &str) -> usize {
    let title = frame.lines().find_map(|line| line.split_once("Plan, step "));
    title.and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn a_plan_is_followed_again_once_its_running_step_was_in_view() {
    let (demo, mut console) = quiet();
    demo.control().set_step(Duration::from_millis(300));
    on(&mut console, "hr", "name=monitoring");
    choose(&mut console, "emergency-restart");
    verdict(&mut console);
    console.types("sre-demo");
    console.keys("enter");
    console.resize(80, 14);
    let runs = |frame: &str| frame.lines().any(|line| line.split_whitespace().nth(1) == Some("now"));
    console.within(DEADLINE * 3, "the fourth step", |f| step_of(f) >= 4);
    assert!(runs(&console.keys("up")), "a line up, it is in view");
    console.within(DEADLINE * 3, "the ninth step", |f| step_of(f) >= 9 && runs(f));
    let frame = console.keys("home");
    assert!(!runs(&frame), "{frame}");
    let at = step_of(&frame);
    let frame = console.within(DEADLINE * 3, "the next step", |f| step_of(f) > at);
    assert!(!runs(&frame), "who has left it stays where they are\n{frame}");
}

#[test]
fn why_an_action_is_not_offered_is_told_in_full_below_the_list() {
    let (_demo, mut console) = quiet();
    console.go("helmrepo");
    console.filter("name=harbor");
    console.keys("x");
    for _ in 0..20 {
        if console.selected().contains("it is static") {
            break;
        }
        console.keys("j");
    }
    let frame = console.frame();
    let told: String = frame.lines().skip_while(|line| !line.starts_with("  not now: ")).collect::<Vec<_>>().join(" ");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("(type oci): no controller reconciles it, and each chart asks the registry itself"),
        "{frame}"
    );
}
