//! Frames as they are at a fixed moment of the story, at three sizes. Times of day, and what depends on them, are
//! masked; everything else is to the letter.

use watchkeeper::demo::Demo;
use watchkeeper::domain::ages::Time;

use super::harness::{Console, demo};

/// Seconds between two steps of the story.
const STEP: i64 = 5;

/// A console on the platform at the story's beginning: a replica sealed, monitoring down, crash loops. A machine so slow
/// that the story has gone on meanwhile is asked again.
fn at_the_moment() -> (Demo, Console) {
    for _ in 0..10 {
        let demo = demo("platform");
        let control = demo.control();
        let (begun, created) = control.with_world(|world| {
            let namespace = world.get("Namespace", "", "kube-system").unwrap();
            let created = namespace["metadata"]["creationTimestamp"].as_str().unwrap();
            (world.now().as_second(), created.parse::<jiff::Timestamp>().unwrap().as_second())
        });
        // whole days before the story's first second
        let start = created + (begun - created + 43_200) / 86_400 * 86_400;
        let mut console = Console::on(&demo);
        console.ready();
        let elapsed = control.with_world(|world| world.now().as_second()) - start;
        if elapsed < STEP {
            console.pinned = Some(Time(start + 1));
            return (demo, console);
        }
    }
    panic!("ten times slower than the story");
}

/// Masks what depends on the time of day at which the test runs.
fn settings(width: u16) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_suffix(width.to_string());
    settings
}

fn masked(frame: &str) -> String {
    let replace = |text: String, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned()
    };
    let text = frame.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
    let text = replace(text, r"\d\d:\d\dZ", "HH:MMZ");
    let text = replace(text, r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "YYYY-MM-DDTHH:MM:SSZ");
    let text = replace(text, r"\d{14}", "YYYYMMDDHHMMSS");
    replace(text, r"299\d{5}", "JOBTIME#")
}

#[test]
fn frames_at_60_80_and_120_columns_are_as_they_were() {
    let (_demo, mut console) = at_the_moment();
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let settings = settings(width);
        settings.bind(|| {
            console.resize(width, height);
            for word in ["home", "pods", "hr", "alerts", "certs", "feeds", "help", "seals"] {
                let frame = console.go(word);
                let frame = if word == "feeds" { ages(&frame) } else { frame };
                insta::assert_snapshot!(word, masked(&frame));
            }
            console.go("find hr/alloy");
            let frame = console.until("the object", |f| !f.contains("reading"));
            insta::assert_snapshot!("describe", masked(&frame));
            console.go("home");
        });
    }
}

/// Feeds count their age by the machine's clock.
fn ages(frame: &str) -> String {
    regex::Regex::new(r" +\d+s  ").unwrap().replace_all(frame, "      AGE  ").into_owned()
}
