//! The program with a home of its own, over a demo platform or whatever a kubeconfig names.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use watchkeeper::demo::{Demo, Options};

use crate::harness::machine::scaled;
use crate::harness::{CommandBuilder, PATIENCE, Pty, until};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_watchkeeper");
/// How soon a lost terminal or a signal must have ended the program, on a machine of the usual speed.
pub const SOON: Duration = Duration::from_secs(1);

pub struct Console {
    pub pty: Pty,
    /// Home of the program; removed with the console.
    pub home: TempDir,
}

/// A healthy platform in which nothing changes by itself.
pub fn quiet() -> Demo {
    Demo::start(Options { story: "quiet".to_owned(), ..Options::default() }).unwrap()
}

/// `program`, with nothing of our own environment but the search path.
pub fn command(program: &str, home: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("HOME", home);
    command.cwd(home);
    command
}

impl Console {
    /// At 80x24, over the cluster of this kubeconfig.
    pub fn over(kubeconfig: &Path, args: &[&str]) -> Self {
        Self::with(kubeconfig, args, |_| {})
    }

    /// The same, with more environment.
    pub fn with(kubeconfig: &Path, args: &[&str], more: impl FnOnce(&mut CommandBuilder)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = command(PROGRAM, home.path());
        command.arg("--kubeconfig");
        command.arg(kubeconfig);
        command.args(args);
        more(&mut command);
        Self { pty: Pty::spawn(command, 80, 24), home }
    }

    /// On the table of pods of a quiet platform, loaded.
    pub fn on_pods(demo: &Demo) -> Self {
        let console = Self::over(demo.kubeconfig(), &["-c", "pods"]);
        console.pty.wait_text("Pods 154");
        console.settle();
        console
    }

    /// Waits until every kind is loaded and what is shown stays.
    #[track_caller]
    pub fn settle(&self) {
        self.pty.wait("connected and loaded", |screen| {
            let text = screen.contents();
            !text.contains("connecting") && !text.contains("listing")
        });
        let mut before = self.pty.bytes();
        let calm = || {
            let changed = until(Duration::from_secs(1), || (self.pty.bytes() != before).then_some(())).is_some();
            before = self.pty.bytes();
            (!changed).then_some(())
        };
        assert!(until(PATIENCE, calm).is_some(), "the screen never rests");
    }

    /// The text of the row that is shown in reverse video.
    pub fn selected(&self) -> String {
        self.pty.screen(|screen| {
            let (rows, columns) = screen.size();
            let (rows, columns) = (rows.get(), columns.get());
            let row = (0..rows).find(|row| screen.cell(*row, 1).is_some_and(vt100::Cell::inverse));
            row.and_then(|row| screen.rows(0, columns).nth(usize::from(row))).unwrap_or_default()
        })
    }

    #[track_caller]
    pub fn is_as_found(&self) {
        self.pty.screen(|screen| {
            assert!(!screen.alternate_screen(), "the alternate screen is left");
            assert!(!screen.hide_cursor(), "the cursor is shown");
            assert!(!screen.bracketed_paste(), "paste is plain again");
        });
        assert_eq!(self.pty.modes(), self.pty.found(), "the line is as it was");
    }

    /// Waits for the end, which must come soon and without burning CPU; gives the exit code.
    #[track_caller]
    pub fn gone_soon(&mut self, cpu_before: Duration) -> Option<u32> {
        let dead = until(scaled(SOON), || self.pty.process().filter(|(state, _)| *state == 'Z'));
        let (_, cpu) = dead.unwrap_or_else(|| panic!("alive after a second: {:?}", self.pty.process()));
        let spent = cpu.saturating_sub(cpu_before);
        assert!(spent < scaled(Duration::from_millis(200)), "{spent:?} of CPU to end");
        self.pty.exit_within(PATIENCE)
    }

    pub fn cpu(&self) -> Duration {
        self.pty.process().expect("the program lives").1
    }
}

/// A kubeconfig with one context `own` for this server, and what `user` says of its user.
pub fn kubeconfig(folder: &Path, server: &str, user: &str) -> std::path::PathBuf {
    let path = folder.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: own\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         contexts: [{{name: own, context: {{cluster: c, user: u}}}}, {{name: other, context: {{cluster: c, user: v}}}}]\n\
         users: [{{name: u, user: {user}}}, {{name: v, user: {{}}}}]\n"
    );
    fs::write(&path, text).unwrap();
    path
}
