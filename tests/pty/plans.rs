//! A plan that is under way when the terminal goes away: recorded as interrupted, and told at the next start.

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
    console.pty.wait_text("would be taken");
    console.pty.keys("\tshop-api\r");
    console.pty.wait_text("wait for the rollout");
    console.pty.wait_text("now");
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
    let home = console.home.path().to_path_buf();
    let again = Console::with(demo.kubeconfig(), &[], |command| command.env("HOME", &home));
    again.pty.wait_text("interrupted: restart Deployment");
}
