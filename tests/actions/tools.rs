//! The tools that the plans name as their equals, run as an operator would run them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

pub fn installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// One identity's tools. Words are split at spaces: arguments have none.
#[derive(Debug)]
pub struct Tools {
    pub kubeconfig: PathBuf,
}

impl Tools {
    /// What a line prints.
    pub fn run(&self, line: &str, input: Option<&str>) -> Result<String, String> {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap_or("");
        let mut child = Command::new(program)
            .args(words)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
            pipe.write_all(text.as_bytes()).map_err(|error| format!("{line}: {error}"))?;
        }
        let end = child.wait_with_output().map_err(|error| format!("{line}: {error}"))?;
        if end.status.success() {
            Ok(String::from_utf8_lossy(&end.stdout).into_owned())
        } else {
            Err(format!("{line}: {}", String::from_utf8_lossy(&end.stderr).trim()))
        }
    }

    pub fn json(&self, line: &str) -> Result<Value, String> {
        serde_json::from_str(&self.run(line, None)?).map_err(|error| format!("{line}: {error}"))
    }
}

/// `kubectl proxy`, for tools that speak HTTP alone; it ends with this value.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    pub address: String,
}

impl Proxy {
    pub fn start(kubeconfig: &Path) -> Self {
        let mut child = Command::new("kubectl")
            .args(["proxy", "--port=0"])
            .env("KUBECONFIG", kubeconfig)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Until `look` has nothing to object, or a minute; what it objected last.
pub fn until<T>(mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let mut last = Err("never looked".to_owned());
    for _ in 0..60 {
        last = look();
        if last.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    last
}
