//! The health of the platform as a screen: the same verdicts as the command's, and the way to what is behind them.

use watchkeeper::demo::Faults;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::domain::change::FeedState;

use super::harness::{Console, demo, line_with, platform, quiet};

#[test]
fn opening_it_reads_what_is_read_on_demand() {
    let (_demo, mut console) = quiet();
    assert_eq!(console.feed("polr").state, FeedState::Idle);
    console.go("health");
    let frame = console.shows(&["Policy violations", "0 fail", "% CPU at most", "Health: 21 ok"]);
    assert!(line_with(&frame, &["Policy violations"]).trim_start().starts_with("ok"), "{frame}");
    assert!(!frame.contains("not read yet"), "{frame}");
}

#[test]
fn enter_opens_what_is_not_well_behind_a_line_and_back_returns() {
    let (_demo, mut console) = platform();
    console.go("health");
    while !console.selected().contains("Flux Kustomizations") {
        console.keys("j");
    }
    let frame = console.keys("enter");
    assert!(frame.contains("Kustomizations") && !frame.contains("Health: "), "{frame}");
    let frame = console.keys("esc");
    assert!(frame.contains("Health: "), "{frame}");
    console.keys("g");
    let frame = console.keys("j j enter");
    assert!(frame.contains("Pods ") && frame.contains(" of "), "only what is unhealthy\n{frame}");
}

#[test]
fn a_line_whose_feed_is_refused_is_unknown() {
    let demo = demo("quiet");
    let refused = Act::Status { code: 403, retry_after: None, body: None };
    demo.control().set_faults(Faults::one(Rule::new(refused).path("/apis/cert-manager.io/")));
    let mut console = Console::on(&demo);
    console.ready();
    let frame = console.go("health");
    assert!(line_with(&frame, &["Certificates"]).trim_start().starts_with("unknown"), "{frame}");
}

#[test]
fn what_is_served_and_not_read_is_named_as_that() {
    let (_demo, mut console) = quiet();
    console.resize(120, 24);
    let frame = console.go("health");
    assert!(line_with(&frame, &["not watched:"]).contains("VolumeSnapshotLocation"), "{frame}");
    console.go("feeds");
    let frame = console.keys("G");
    assert!(line_with(&frame, &["VolumeSnapshotLocation", "not watched"]).contains("snapshots of volumes"), "{frame}");
}
