//! What is written where: metrics that keep their last success, files that are whole or not there.

use watchkeeper::demo::Faults;
use watchkeeper::demo::faults::{Act, Rule};

use super::program::{Home, demo, misbehaves, read};

const LAST: &str = "watchkeeper_check_last_success_timestamp_seconds{";

fn line<'t>(text: &'t str, begin: &str) -> Option<&'t str> {
    text.lines().find(|line| line.starts_with(begin))
}

#[test]
fn metrics_are_replaced_whole_and_keep_the_last_success_through_an_outage() {
    let (home, demo) = (Home::new(), demo("platform"));
    let path = home.path("watchkeeper.prom");
    let args = ["check", "--timeout", "20s", "--output", "prometheus", "--output-file", path.to_str().unwrap()];
    let said = home.on(&demo, &args);
    assert!(said.code == Some(2) && said.first().starts_with("WATCHKEEPER CRITICAL"), "{said:?}");
    let first = read(&path);
    let success = line(&first, LAST).expect("a check with a verdict is a success").to_owned();
    assert!(line(&first, "watchkeeper_check_state{").unwrap().ends_with(" 2"), "{first}");

    misbehaves(&demo, Rule::new(Act::Refuse));
    let said = home.on(&demo, &args);
    assert_eq!(said.code, Some(3), "{said:?}");
    let second = read(&path);
    assert_eq!(line(&second, LAST), Some(&*success), "{second}");
    assert!(line(&second, "watchkeeper_check_state{").unwrap().ends_with(" 3"), "{second}");
    assert_eq!(home.files(), ["watchkeeper.prom"], "no other file is left");

    demo.control().set_faults(Faults::default());
    home.on(&demo, &args);
    assert!(line(&read(&path), LAST).is_some());
}

#[test]
fn a_file_that_cannot_be_written_is_unknown_and_named() {
    let (home, demo) = (Home::new(), demo("quiet"));
    let said = home.on(&demo, &["check", "--output-file", "/nowhere/out.txt"]);
    assert!(said.code == Some(3) && said.err.contains("/nowhere/out.txt cannot be written"), "{said:?}");
    assert!(said.first().starts_with("WATCHKEEPER OK"), "{said:?}");
}

#[test]
fn junit_and_markdown_tell_the_same_incidents() {
    let (home, demo) = (Home::new(), demo("platform"));
    let junit = home.on(&demo, &["check", "-o", "junit"]);
    assert!(junit.out.starts_with("<?xml") && junit.out.trim_end().ends_with("</testsuites>"), "{junit:?}");
    assert!(junit.out.contains("HelmRelease monitoring/monitoring"), "{junit:?}");
    let markdown = home.on(&demo, &["check", "-o", "markdown"]);
    assert!(markdown.out.starts_with("## sre-demo: CRITICAL\n"), "{markdown:?}");
    assert!(markdown.out.contains("| HelmRelease monitoring/monitoring |"), "{markdown:?}");
    assert_eq!((junit.code, markdown.code), (Some(2), Some(2)));
}
