//! Every key can be changed: each action is given another key at once, and on every screen that has it the new key acts,
//! the old one does nothing, and what is said of keys names the new one.

use std::collections::BTreeSet;
use std::time::Duration;

use watchkeeper::app::App;
use watchkeeper::app::keymap::KEYMAP;
use watchkeeper::config::Origin;
use watchkeeper::config::settings::Remap;
use watchkeeper::demo::Demo;
use watchkeeper::domain::ages::Time;
use watchkeeper::domain::outcome::{Trace, Unfinished};
use watchkeeper::domain::reply::{LogLine, LogNews, Reply};
use watchkeeper::intent::{Binding, Chord, Command, Effect};
use watchkeeper::scene::Line;

use super::harness::{Console, demo, line_with, settings};

/// In the last line until a key is pressed.
const NOTHING: &str = "nothing yet";

fn console(remaps: &[(String, String)]) -> (Demo, Console) {
    let demo = demo("quiet");
    let mut settings = settings(demo.kubeconfig(), None);
    settings.remaps = remaps
        .iter()
        .map(|(action, chord)| Remap { action: action.clone(), chords: vec![chord.clone()], origin: Origin::Default })
        .collect();
    let mut console = Console::start(settings);
    console.ready();
    (demo, console)
}

fn some(remaps: &[(&str, &str)]) -> (Demo, Console) {
    console(&remaps.iter().map(|(action, chord)| ((*action).to_owned(), (*chord).to_owned())).collect::<Vec<_>>())
}

/// A key for each action that was nobody's.
fn others() -> Vec<(&'static Binding, String)> {
    let functions =
        ["", "ctrl-", "alt-", "ctrl-alt-"].into_iter().flat_map(|with| (1..=12).map(move |n| format!("{with}f{n}")));
    let letters = ('a'..='z').map(|c| format!("ctrl-alt-{c}"));
    let new: Vec<String> = functions.chain(letters).collect();
    assert!(new.len() >= KEYMAP.len());
    KEYMAP.iter().zip(new).collect()
}

/// What is on the screen, without what the last line says of keys, and what was asked for. Numbers count questions and
/// times, and are left out.
fn seen(app: &mut App, effects: Vec<Effect>) -> (String, String) {
    app.sync();
    let scene = app.scene();
    let mut lines: Vec<String> = scene.lines.iter().map(Line::text).collect();
    if let Some(last) = lines.last_mut().filter(|last| last.contains(" <") || last.trim() == NOTHING) {
        last.clear();
    }
    let selected = scene.lines.iter().position(|line| line.selected);
    let effects = effects.into_iter().filter(|effect| !matches!(effect, Effect::Watch(_)));
    let without =
        |text: &str| text.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<String>();
    let (text, asked) = (without(&lines.join("\n")), without(&format!("{:?}", effects.collect::<Vec<_>>())));
    (text, format!("row {selected:?}, {asked}"))
}

fn does_nothing((text, _): &(String, String)) -> bool {
    text.lines().last().is_some_and(|last| last.contains("does nothing here"))
}

type Open = Box<dyn Fn(&mut App)>;

fn line(line: &'static str) -> Open {
    Box::new(move |app| drop(app.run_line(line).unwrap()))
}

fn then(first: &'static str, commands: &'static [Command]) -> Open {
    Box::new(move |app| {
        app.run_line(first).unwrap();
        for command in commands {
            app.sync();
            app.command(*command);
        }
    })
}

/// The log of a pod with two containers, as read.
fn log(app: &mut App) {
    app.run_line("pods istio-system").unwrap();
    app.sync();
    let effects = app.command(Command::Logs);
    let asked = effects.into_iter().chain(app.sync()).find_map(|effect| match effect {
        Effect::Log(ticket, _) => Some(ticket),
        _ => None,
    });
    let ticket = asked.expect("the log is asked for");
    app.reply(ticket, &Reply::Log(LogNews::Containers(vec!["app".to_owned(), "proxy".to_owned()], false)));
    let line = |n: usize| LogLine {
        time: format!("2026-01-01T00:00:{n:02}Z").into(),
        text: format!("line {n} {}", "and on ".repeat(40)).into(),
    };
    app.reply(ticket, &Reply::Log(LogNews::Lines((0..50).map(line).collect())));
}

/// Goes there from the first screen, whatever is open and whatever was typed before.
fn begin(app: &mut App, open: &Open) {
    let esc = Chord::parse("esc").unwrap();
    app.key(esc);
    for line in ["ns all", "pods", "home"] {
        app.run_line(line).unwrap();
    }
    app.key(esc);
    if !app.scene().lines[1].text().contains(" P1 ") {
        app.command(Command::Header);
    }
    open(app);
    app.sync();
    app.say(NOTHING);
}

#[test]
fn every_action_is_on_its_new_key_and_no_more_on_its_old_one_on_every_screen() {
    let new = others();
    let remaps: Vec<(String, String)> = new.iter().map(|(b, chord)| (b.name.to_owned(), chord.clone())).collect();
    let (demo, mut console) = console(&remaps);
    // a plan that takes its time, and one that was interrupted
    demo.control().set_step(Duration::from_secs(300));
    console.preview("deploy /name=shop-api", Command::Restart);
    console.types("shop-api");
    let approve = &new.iter().find(|(binding, _)| binding.command == Command::Open).unwrap().1;
    console.keys(approve);
    console.until("the second step", |f| f.lines().any(|line| line.trim_start().starts_with("2 now")));
    console.app.left_unfinished(vec![Unfinished {
        run: "1-2-3".to_owned(),
        time: "2026-01-01T00:00:00Z".to_owned(),
        action: "cordon".to_owned(),
        title: "cordon Node worker-3".to_owned(),
        objects: vec!["Node//worker-3".to_owned()],
        ending: "interrupted".to_owned(),
        steps: vec![Trace::default()],
        ..Unfinished::default()
    }]);
    // what is below until it is looked at is looked at
    console.go_line("plans");
    let screens: Vec<(&str, Open)> = vec![
        ("home", line("home")),
        ("pods", line("pods")),
        ("hr", line("hr")),
        ("nodes", line("nodes")),
        ("schedules", line("schedules")),
        ("feeds", line("feeds")),
        ("ctx", line("ctx")),
        ("ns", line("ns")),
        ("help", line("help")),
        ("platform", line("platform")),
        ("timeline", line("timeline all")),
        ("find", line("find payments")),
        ("describe", line("find deploy/payments")),
        ("yaml", then("find deploy/payments", &[Command::Yaml])),
        ("actions", then("find deploy/payments", &[Command::Actions])),
        ("log", Box::new(log)),
        ("plans", line("plans")),
        ("left", then("plans", &[Command::Open])),
        ("run", then("plans", &[Command::Bottom, Command::Open])),
    ];
    let mut acted = BTreeSet::new();
    let app = &mut console.app;
    for (screen, open) in &screens {
        begin(app, open);
        let before = seen(app, Vec::new());
        for (binding, chord) in &new {
            begin(app, open);
            let effects = app.command(binding.command);
            let wanted = seen(app, effects);
            begin(app, open);
            let effects = app.key(Chord::parse(chord).unwrap());
            let got = seen(app, effects);
            if does_nothing(&got) {
                assert_eq!(wanted, before, "{screen}: {} has an effect, and {chord} has none", binding.name);
            } else {
                assert!(got == wanted, "{screen}: {chord} is {}\n{got:#?}\n{wanted:#?}", binding.name);
                acted.insert(binding.name);
            }
            for old in binding.chords {
                begin(app, open);
                let effects = app.key(Chord::parse(old).unwrap());
                let got = seen(app, effects);
                assert!(
                    does_nothing(&got) && got.1.ends_with(", []"),
                    "{screen}: {old} was {}\n{}",
                    binding.name,
                    got.0
                );
            }
        }
    }
    // those are a preview's, which has a test of its own
    let never: Vec<&str> = KEYMAP.iter().map(|b| b.name).filter(|name| !acted.contains(name)).collect();
    assert_eq!(never, ["previous", "approve"]);

    // and the help names no other
    console.resize(120, 300);
    let frame = console.go_line("help");
    for (binding, chord) in new.iter().filter(|(binding, _)| !binding.help.is_empty()) {
        line_with(&frame, &[chord, binding.help]);
    }
}

impl Console {
    /// A line as if it were typed after the key for commands, whichever that is.
    fn go_line(&mut self, line: &str) -> String {
        self.app.run_line(line).unwrap();
        self.frame()
    }

    /// A preview, once the server has answered.
    fn preview(&mut self, line: &str, command: Command) -> String {
        self.go_line(line);
        let effects = self.app.command(command);
        self.send(effects);
        let words = ["dry run: accepted", "dry run: rejected", "not tried"];
        self.until("the server's word", |frame| words.iter().any(|word| frame.contains(word)))
    }

    /// Nobody presses a key for so long that what comes is no part of a word.
    fn pause(&mut self) {
        let now = self.app.world.facts.now;
        self.pinned = Some(Time(now.0 + 10));
        self.frame();
    }
}

fn last(frame: &str) -> &str {
    frame.lines().last().unwrap_or_default()
}

#[test]
fn a_plan_is_approved_by_its_new_key_alone_and_the_footer_names_it() {
    let (demo, mut console) = some(&[("approve", "z")]);
    let frame = console.preview("hr /name=shop", Command::Toggle);
    assert!(frame.contains("[Cancel]   z runs it") && last(&frame).contains("<z> yes, run it"), "{frame}");
    let frame = console.keys("y");
    assert!(last(&frame).contains("y does nothing here"), "{frame}");
    // right after another letter it is one of a word
    let frame = console.keys("z");
    assert!(frame.contains("z came with other letters"), "{frame}");
    let suspended = || {
        demo.control().with_world(|w| w.get("HelmRelease", "team-alpha", "shop").unwrap()["spec"]["suspend"] == true)
    };
    assert!(!suspended());
    console.pause();
    console.keys("z");
    console.pinned = None;
    console.shows(&["STATE            DONE"]);
    assert!(suspended());
}

#[test]
fn a_word_that_has_to_be_typed_takes_the_letters_of_every_key() {
    let (_demo, mut console) = some(&[("approve", "s"), ("copy", "h"), ("back", "f1"), ("open", "f4")]);
    let frame = console.preview("deploy /name=shop-api", Command::Restart);
    assert!(frame.contains("type shop-api and f4 to run") && !last(&frame).contains("<s>"), "{frame}");
    assert!(!last(&frame).contains("<h>"), "what is text leads nowhere\n{frame}");
    let frame = console.types("shop-api");
    assert!(frame.contains("f4 to run: shop-api") && last(&frame).contains("<f4> run it"), "{frame}");
    for old in ["enter", "esc"] {
        let frame = console.keys(old);
        assert!(last(&frame).contains(&format!("{old} does nothing here")), "{frame}");
    }
    console.keys("f4");
    console.shows(&["STATE            DONE", "rolled out"]);
}

#[test]
fn a_key_that_is_no_letter_approves_only_where_the_footer_says_so() {
    let (_demo, mut console) = some(&[("approve", "f9"), ("next", "f2"), ("previous", "f3"), ("back", "f1")]);
    console.preview("schedules /name=daily-backup", Command::Backup);
    console.keys("f2");
    let frame = console.types("by-hand");
    line_with(&frame, &["name", "by-hand"]);
    let frame = console.shows(&["f2, then f9 runs it"]);
    assert!(!last(&frame).contains("<f9>"), "{frame}");
    let frame = console.keys("f9");
    assert!(last(&frame).contains("f9 does nothing here") && frame.contains("Preview: back up now"), "{frame}");
    // tab is no key any more, and the others lead through the fields
    let frame = console.keys("tab");
    assert!(last(&frame).contains("tab does nothing here"), "{frame}");
    let frame = console.keys("f2");
    assert!(frame.contains("[Cancel]   f9 runs it") && last(&frame).contains("<f9> yes, run it"), "{frame}");
    let frame = console.keys("f3");
    assert!(frame.contains(" Cancel ") && !frame.contains("[Cancel]"), "{frame}");
    let frame = console.keys("f1");
    assert!(frame.contains("cancelled, nothing was sent"), "{frame}");
}

#[test]
fn who_would_leave_a_plan_in_the_middle_answers_with_the_key_that_approves() {
    let (demo, mut console) = some(&[("approve", "z"), ("hard-quit", "ctrl-x")]);
    demo.control().set_step(Duration::from_secs(300));
    console.preview("deploy /name=shop-api", Command::Restart);
    console.types("shop-api");
    console.keys("enter");
    console.until("the second step", |f| f.lines().any(|line| line.trim_start().starts_with("2 now")));
    let frame = console.keys("ctrl-x");
    assert!(last(&frame).contains("? z leaves, other keys stay"), "{frame}");
    let frame = console.keys("y");
    assert!(!console.quit && frame.contains("stayed"), "{frame}");
    console.keys("ctrl-x z");
    assert!(console.quit);
}

#[test]
fn in_a_log_the_footer_and_what_is_said_name_the_new_keys() {
    let (_demo, mut console) =
        some(&[("follow", "n"), ("wrap", "v"), ("timestamps", "f6"), ("since", "f7"), ("next", "f8")]);
    console.go("pods istio-system");
    console.keys("l");
    let frame = console.resize(160, 24);
    for hint in ["<n> follow", "<v> wrap", "<f6> times", "<f8> container", "<f7> since"] {
        assert!(last(&frame).contains(hint), "{hint}\n{frame}");
    }
    let frame = console.keys("v right");
    assert!(last(&frame).contains("lines are wrapped: v has them go on to the right"), "{frame}");
}
