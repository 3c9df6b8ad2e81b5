//! Keys under load: the keyboard does not wait for the cluster.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::console::{Console, PROGRAM};
use crate::harness::PATIENCE;
use crate::harness::machine::scaled;

/// A demo in a process of its own, as its work is not ours.
struct Server {
    child: Child,
    kubeconfig: String,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM).arg("demo").args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let kubeconfig = first.trim().strip_prefix("KUBECONFIG=").unwrap().to_owned();
        Self { child, kubeconfig }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.child.wait();
    }
}

#[test]
fn keys_are_answered_while_twenty_thousand_pods_are_listed_again() {
    let server = Server::start(&["--story", "quiet", "--pods", "20000"]);
    let mut console = Console::over(server.kubeconfig.as_ref(), &["-c", "pods"]);
    console.pty.wait_text("Pods 20154");
    console.pty.keys("\x12:");
    console.pty.wait_text("listing pods");
    let mut times = Vec::new();
    let mut column = console.pty.screen(|screen| screen.cursor_position().1);
    while times.len() < 40 {
        let (key, next) = if times.len() % 2 == 0 { ("x", column + 1) } else { ("\x7f", column - 1) };
        let start = Instant::now();
        console.pty.keys(key);
        console.pty.wait("the key is seen", |screen| screen.cursor_position().1 == next);
        times.push(start.elapsed());
        column = next;
    }
    assert!(console.pty.text().contains("listing pods"), "measured while it was listed:\n{}", console.pty.text());
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    // one core may be taken by others for a moment, not for long
    let limits = [50, 1000].map(|millis| scaled(Duration::from_millis(millis)));
    assert!(median < limits[0] && slowest < limits[1], "{median:?} {slowest:?}, not within {limits:?}");
    console.pty.keys("\x03");
    console.pty.wait("listed again", |screen| !screen.contents().contains("listing"));
    console.pty.keys("\x03");
    assert_eq!(console.pty.exit_within(PATIENCE), Some(0));
}
