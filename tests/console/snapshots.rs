//! Frames of the healthy platform at a fixed moment, at three sizes; what fails is tested by what must be on screen.
//! Times of day, and counts that depend on them, are masked; everything else is to the letter.

use watchkeeper::demo::Demo;
use watchkeeper::domain::ages::Time;

use super::harness::{Console, demo};

/// Seconds from one step of the story to the next.
const STEP: i64 = 5;

/// A console on the healthy platform, where nothing changes by itself. A machine so slow that the clock has gone on
/// meanwhile is asked again.
fn at_the_moment() -> (Demo, Console) {
    for _ in 0..10 {
        let demo = demo("quiet");
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
    let replace = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(text, with).into_owned()
    };
    let line = |line: &str| {
        // what fires depends on which rules have been evaluated by now
        if line.starts_with(" P1 ") {
            return "TOTALS\n".to_owned();
        }
        if line.starts_with(" pods ") {
            return "SIGNALS\n".to_owned();
        }
        let mut text = line.trim_end().to_owned();
        for (pattern, with) in [
            (r"\d\d:\d\dZ", "HH:MMZ"),
            (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "DATE"),
            (r"\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d UTC", "DATE"),
            (r"\d{14}", "BACKUPTIME"),
            (r"-?\d{5,} seconds", "SECONDS"),
            (r"invoice-export-[\d…]+(-\w{5})?", "invoice-export-JOB"),
            (r"run for -?\d+( seconds|…)", "run for SECONDS"),
            (r"((Backups|Pods) +live +)\d+", "${1}COUNT"),
            (r"backups [^ ]+ ([^ ]+ )?of \d+", "backups COUNTS"),
        ] {
            text = replace(&text, pattern, with);
        }
        // cron runs and what came of them: how long ago depends on the hour
        if ["velero", "Velero", "invoice-export"].iter().any(|part| line.contains(part)) {
            text = replace(&text, r" +\d+[smhd](\d+[smhd])?\b", " AGE");
        }
        text + "\n"
    };
    frame.lines().map(line).collect()
}

#[test]
fn frames_at_60_80_and_120_columns_are_as_they_were() {
    let (_demo, mut console) = at_the_moment();
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let settings = settings(width);
        settings.bind(|| {
            console.resize(width, height);
            for word in ["home", "nodes", "hr", "alerts", "certs", "feeds", "help", "seals"] {
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

#[test]
fn the_platform_at_60_80_and_120_columns_is_as_it_was() {
    let (_demo, mut console) = at_the_moment();
    console.resize(120, 40);
    console.go("platform");
    // a budget without room, which is read on demand
    console.until("all but one to be ok", |f| f.contains("26 of 27 ok"));
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        settings(width).bind(|| {
            console.resize(width, height);
            let frame = console.frame();
            insta::assert_snapshot!("platform", masked(&frame));
        });
    }
}

/// Feeds count their age by the machine's clock.
fn ages(frame: &str) -> String {
    regex::Regex::new(r" +\d+s  ").unwrap().replace_all(frame, "      AGE  ").into_owned()
}
