//! The demo platform as a process of its own, so that its CPU time and memory are not the console's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, WrapErr, eyre};
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(180);

/// A running server; ends when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    kubeconfig: PathBuf,
    address: String,
}

impl Server {
    /// Starts one with so many synthetic pods and changes per second.
    pub fn start(pods: usize, churn: u32) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
            .args(["demo", "--story", "quiet", "--pods", &pods.to_string(), "--churn", &churn.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .wrap_err("the demo server cannot be started")?;
        let output = child.stdout.take().ok_or_else(|| eyre!("the demo server has no output"))?;
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            let _ = tell.send(line);
        });
        let mut server = Self { child, kubeconfig: PathBuf::new(), address: String::new() };
        let line = told.recv_timeout(PATIENCE).wrap_err("the demo server says nothing")?;
        let path = line.trim().strip_prefix("KUBECONFIG=").ok_or_else(|| eyre!("the demo server says {line:?}"))?;
        server.kubeconfig = path.into();
        let text = std::fs::read_to_string(path)?;
        let after = |mark: &str| Some(text.split_once(mark)?.1.split_whitespace().next()?.trim_matches('"').to_owned());
        server.address = after("http://").ok_or_else(|| eyre!("no address in the kubeconfig"))?;
        Ok(server)
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The resource version of the whole: it grows by one with every change.
    pub fn version(&self) -> Result<u64> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // the demo's own user has no login
        write!(stream, "GET /api/v1/namespaces?limit=1 HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let list: serde_json::Value = serde_json::from_str(body.trim()).wrap_err("the server's list")?;
        let version = list["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok());
        version.ok_or_else(|| eyre!("a list without a version: {}", text.lines().next().unwrap_or("nothing was said")))
    }
}

impl Drop for Server {
    /// Asks it to end, so that it removes its kubeconfig, and insists after a while.
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
