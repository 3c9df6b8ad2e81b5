//! The program with a home of its own, and demos for it to look at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, Faults, Options};

pub struct Home(TempDir);

#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// With nothing of our own environment but the search path.
    pub fn run(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.0.path()).env("LANG", "C.UTF-8");
        command.current_dir(self.0.path()).stdin(Stdio::null());
        let output = command.args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// On a demo; the subcommand comes first.
    pub fn on(&self, demo: &Demo, args: &[&str]) -> Said {
        let kubeconfig = demo.kubeconfig().to_str().unwrap();
        self.run(&[args, &["--kubeconfig", kubeconfig]].concat())
    }
}

impl Said {
    pub fn first(&self) -> &str {
        self.out.lines().next().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub fn demo(story: &str) -> Demo {
    Demo::start(Options { story: story.to_owned(), ..Options::default() }).unwrap()
}

pub fn misbehaves(demo: &Demo, rule: Rule) {
    demo.control().set_faults(Faults::one(rule));
}

pub fn status(code: u16) -> Rule {
    Rule::new(Act::Status { code, retry_after: None, body: None })
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
