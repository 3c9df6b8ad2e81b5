//! A plan that is under way when the terminal goes away: recorded as interrupted, shown at the next start, and
//! continued from there.

use std::time::Duration;

use rustix::process::Signal;
use watchkeeper::demo::{Demo, Options};

use crate::console::Console;
use crate::harness::{PATIENCE, until};

#[test]
fn a_hang_up_in_the_middle_of_a_plan_is_recorded_and_told_at_the_next_start() {
    let demo = Demo::start(Options { story: "quiet".to_owned(), ..Options::default() }).unwrap();
    // pods take so long that the rollout cannot be over
    demo.control().set_step(std::time::Duration::from_secs(300));
    let mut console = Console::over(demo.kubeconfig(), &["-c", "deploy"]);
    console.pty.wait_text("Deployments 4");
    console.settle();
    console.pty.keys("/name=shop-api\r");
    console.pty.wait_text("shop-api");
    console.pty.keys("r");
    console.pty.wait_text("dry run: accepted");
    console.pty.keys("\tshop-api\r");
    under_way(&console, "wait for the rollout");
    let cpu = console.cpu();
    console.pty.hang_up();
    assert_eq!(console.gone_soon(cpu), Some(129));
    let folder = console.home.path().join(".local/state/watchkeeper/audit");
    let told = until(PATIENCE, || {
        let files = std::fs::read_dir(&folder).ok()?;
        let texts: String = files.flatten().filter_map(|f| std::fs::read_to_string(f.path()).ok()).collect();
        texts.contains("interrupted").then_some(texts)
    });
    assert!(told.is_some_and(|text| text.contains("restart Deployment team-alpha/shop-api")));
    // the same user comes back
    let again = back(&demo, &console);
    again.pty.wait_text("interrupted: restart Deployment");
}

/// Another console of the same user, over a demo that is quick now.
fn back(demo: &Demo, before: &Console) -> Console {
    demo.control().set_step(Duration::from_millis(100));
    let home = before.home.path().to_path_buf();
    Console::with(demo.kubeconfig(), &[], |command| command.env("HOME", &home))
}

/// A demo in which nothing comes to its end before it is interrupted; what is under way there then ends soon.
fn slow() -> Demo {
    let demo = Demo::start(Options { story: "quiet".to_owned(), ..Options::default() }).unwrap();
    demo.control().set_step(Duration::from_secs(12));
    demo
}

/// The row of this name on the table of `kind`, its menu, and the action in it.
fn choose(console: &mut Console, kind: &str, name: &str, action: &str) {
    console.settle();
    console.pty.keys(format!(":{kind}\r"));
    console.settle();
    console.pty.keys(format!("/name={name}\r"));
    console.settle();
    console.pty.keys("x");
    console.pty.wait_text("Actions for");
    let menu = console.pty.text();
    let title = menu.lines().position(|line| line.contains("Actions for")).unwrap();
    let at = menu.lines().position(|line| line.split_whitespace().any(|word| word == action)).unwrap();
    console.pty.keys("j".repeat(at - title - 1));
    console.pty.keys("\r");
}

/// Waits until the step that says this is the one of now.
fn under_way(console: &Console, step: &str) {
    console.pty.wait(step, |screen| {
        let text = screen.contents();
        text.lines().any(|line| line.contains(step) && line.split_whitespace().nth(1) == Some("now"))
    });
}

fn interrupt(console: &mut Console) {
    let cpu = console.cpu();
    console.pty.hang_up();
    assert_eq!(console.gone_soon(cpu), Some(129));
}

#[test]
fn an_interrupted_emergency_restart_is_gone_on_with_and_resumes_what_it_had_suspended() {
    let demo = slow();
    let mut console = Console::over(demo.kubeconfig(), &[]);
    choose(&mut console, "hr", "shop", "emergency-restart");
    console.pty.wait_text("dry run: accepted");
    console.pty.keys("\tshop\r");
    under_way(&console, "wait for the rollout");
    interrupt(&mut console);
    let suspended = || {
        let release = demo.control().with_world(|world| world.get("HelmRelease", "team-alpha", "shop").cloned());
        release.is_some_and(|release| release["spec"]["suspend"] == true)
    };
    assert!(suspended(), "it was interrupted between suspend and resume");
    let mut again = back(&demo, &console);
    again.pty.wait_text("interrupted: emergency-restart HelmRelease");
    // the releases are listed
    again.pty.wait_text("hr 21");
    again.pty.keys(":plans\r");
    again.pty.wait_text("at step");
    again.pty.keys("\r");
    again.pty.wait_text("LEFT");
    again.pty.keys("G");
    again.pty.wait_text("resume helmrelease shop");
    again.pty.wait_text("run emergency-restart");
    again.pty.keys("r");
    again.pty.wait_text("resumed at the end");
    again.pty.wait_text("dry run: accepted");
    again.pty.keys("\tshop\r");
    again.pty.wait_text("DONE");
    assert!(!suspended(), "what we had suspended is resumed");
    again.pty.keys(":plans\r");
    again.pty.wait("only what was done now is listed", |screen| {
        let text = screen.contents();
        text.contains("Plans 1") && !text.contains("interrupted")
    });
}

#[test]
fn an_interrupted_drain_is_gone_on_with_and_then_listed_no_more() {
    let demo = slow();
    let mut console = Console::over(demo.kubeconfig(), &[]);
    choose(&mut console, "nodes", "worker-3", "drain");
    console.pty.wait_text("dry run: accepted");
    // from Cancel past the word to the first field, where what is typed takes the place of what was proposed, and back
    console.pty.keys("\t\t3000");
    console.pty.wait_text("3000");
    console.pty.keys("\x1b[Z");
    console.pty.wait_text("dry run: accepted");
    console.pty.keys("sre-demo\r");
    under_way(&console, "evict ");
    console.pty.wait_text("ending");
    interrupt(&mut console);
    let mut again = back(&demo, &console);
    again.settle();
    again.pty.keys(":plans\r");
    again.pty.wait_text("drain Node worker-3");
    again.pty.keys("r");
    // what was set is still set, and what was cordoned is not cordoned again
    again.pty.wait_text("timeout               3000");
    // a budget may have no room for a moment
    again.pty.wait("what would become of it", |screen| {
        let text = screen.contents();
        text.contains("dry run: accepted") || text.contains("held back now")
    });
    assert!(!again.pty.text().contains("cordon node"));
    again.pty.keys("\tsre-demo\r");
    again.pty.wait_text("DONE");
    again.pty.keys(":plans\r");
    again.pty.wait("only what was done now is listed", |screen| {
        let text = screen.contents();
        text.contains("Plans 1") && !text.contains("interrupted")
    });
}

#[test]
fn what_is_dismissed_is_told_no_more() {
    let demo = slow();
    let mut console = Console::over(demo.kubeconfig(), &["-c", "deploy"]);
    console.settle();
    console.pty.keys("/name=shop-api\r");
    console.pty.wait_text("shop-api");
    console.pty.keys("r");
    console.pty.wait_text("dry run: accepted");
    console.pty.keys("\tshop-api\r");
    under_way(&console, "wait for the rollout");
    interrupt(&mut console);
    let mut again = back(&demo, &console);
    again.pty.wait_text("interrupted: restart Deployment");
    again.pty.keys(":plans\r");
    again.pty.wait_text("restart Deployment");
    again.pty.keys("\x04");
    again.pty.wait_text(":dismiss ");
    again.pty.keys("\r");
    again.pty.wait_text("why? :dismiss");
    again.pty.keys("rolled out by hand\r");
    again.pty.wait_text("nothing was done in this session");
    interrupt(&mut again);
    let mut third = back(&demo, &console);
    third.settle();
    third.pty.keys(":plans\r");
    third.pty.wait_text("nothing was done in this session");
}

/// A restart of a Deployment whose rollout cannot be over, under way.
fn restarting() -> (Demo, Console) {
    let demo = Demo::start(Options { story: "quiet".to_owned(), ..Options::default() }).unwrap();
    demo.control().set_step(Duration::from_secs(300));
    let mut console = Console::over(demo.kubeconfig(), &["-c", "deploy"]);
    console.pty.wait_text("Deployments 4");
    console.settle();
    console.pty.keys("/name=shop-api\r");
    console.pty.wait_text("shop-api");
    console.pty.keys("r");
    console.pty.wait_text("dry run: accepted");
    console.pty.keys("shop-api\r");
    under_way(&console, "wait for the rollout");
    (demo, console)
}

/// What is on the screen of the shell afterwards: what is left, and the command that continues it.
fn told(console: &Console) {
    console.is_as_found();
    let text: String = console.pty.text().lines().collect();
    for part in [
        "watchkeeper: left in the middle: restart Deployment team-alpha/shop-api, step 2 of 2; left: wait for the rollout",
        "to continue: watchkeeper --context sre-demo run restart Deployment/team-alpha/shop-api",
        "--continue ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(text.matches("left in the middle").count(), 1, "{text}");
}

#[test]
fn who_leaves_in_the_middle_of_a_plan_is_asked_once_and_told_what_is_left() {
    let (_demo, mut console) = restarting();
    console.pty.keys("\x03");
    console.pty.wait_text("leave it there?");
    console.pty.keys("n");
    console.pty.wait_text("stayed");
    console.pty.keys("\x03");
    console.pty.wait_text("leave it there?");
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit(), 0);
    told(&console);
}

#[test]
fn a_signal_in_the_middle_of_a_plan_asks_nothing_and_tells_what_is_left() {
    let (_demo, mut console) = restarting();
    let cpu = console.cpu();
    console.pty.signal(Signal::TERM);
    assert_eq!(console.gone_soon(cpu), Some(143));
    console.pty.exit();
    told(&console);
}
