//! What the kernel says of a process: CPU time with all its threads, those that have ended too, and resident memory.

use std::fs;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, eyre};

/// CPU time so far, user and system.
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).wrap_err(path)?;
    // the name is in parentheses and may hold anything
    let rest = stat.rsplit_once(')').ok_or_else(|| eyre!("stat without a name"))?.1;
    let field = |n: usize| rest.split_whitespace().nth(n).and_then(|f| f.parse::<u64>().ok());
    // utime and stime are fields 14 and 15 of the line, here counted after field 2
    let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
    let ticks = ticks.ok_or_else(|| eyre!("stat without times"))?;
    // the unit of these fields is a hundredth of a second on every Linux that runs us
    Ok(Duration::from_millis(ticks * 10))
}

/// A size of `/proc/PID/status` in MiB: `VmRSS`, `VmHWM`, `RssFile`.
///
/// # Errors
/// When the process is gone.
pub fn memory(pid: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).wrap_err(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| eyre!("no {name} in the status of {pid}"))
}
