//! The parts of the measurement, one after another: what each starts, waits for and reads.

use std::thread;
use std::time::{Duration, Instant};

use color_eyre::eyre::{Result, WrapErr, ensure, eyre};

use crate::Plan;
use crate::console::Console;
use crate::process;
use crate::report::{Found, Report, Row};
use crate::server::Server;

/// Measures every row.
pub fn all(plan: &Plan, report: &mut Report) -> Result<()> {
    report.part(|found| {
        found.put(Row::Frame, crate::frame::time(plan.pods).wrap_err("frames")?);
        Ok(())
    })?;
    triage(plan, report)?;
    report.part(|found| {
        let server = Server::start(plan.pods, 0)?;
        starts(plan, &server, found).wrap_err("starts")?;
        still(plan, &server, found).wrap_err("a cluster in which nothing changes")
    })?;
    report.part(|found| {
        let server = Server::start(plan.pods, plan.churn)?;
        busy(plan, &server, found).wrap_err("a cluster in which pods change")
    })
}

/// Measures what needs no console: what changes cost triage.
pub fn triage(plan: &Plan, report: &mut Report) -> Result<()> {
    report.part(|found| {
        let (each, note) = crate::triage::time(plan.pods).wrap_err("triage")?;
        found.put(Row::Triage, each);
        found.note(note);
        Ok(())
    })
}

/// The line that tells the kind and how many of it are known.
fn title(lines: &[String]) -> &str {
    lines.get(2).map_or("", |line| line.trim())
}

/// How many pods the title tells, unless the list is still coming.
fn complete(lines: &[String]) -> Option<usize> {
    let title = title(lines);
    let words: Vec<&str> = title.strip_prefix("Pods ")?.split_whitespace().collect();
    match words[..] {
        [count] | [count, _, "more", "below"] => count.parse().ok(),
        _ => None,
    }
}

fn shows_pods(lines: &[String]) -> bool {
    lines.iter().skip(4).any(|line| line.contains(" load-"))
}

/// Starts a console, sorts by name as soon as it can, and waits until it knows every pod.
fn loaded(plan: &Plan, server: &Server, columns: u16, rows: u16) -> Result<Console> {
    let mut console = Console::start(server.kubeconfig(), columns, rows)?;
    console.wait("the first frame", |lines| title(lines).starts_with("Pods"))?;
    console.press("N")?;
    console.wait("the whole list", |lines| complete(lines).is_some_and(|n| n >= plan.pods))?;
    Ok(console)
}

/// From start to the first frame and to the first rows, each in milliseconds: the median of several starts.
fn starts(plan: &Plan, server: &Server, found: &mut Found) -> Result<()> {
    let (mut frames, mut rows, mut wholes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.starts {
        let console = Console::start(server.kubeconfig(), 80, 24)?;
        let frame = console.wait("the first frame", |lines| title(lines).starts_with("Pods"))?;
        let mut partial = String::new();
        let row = console.wait("the first rows", shows_pods)?;
        // the very frame that shows the first rows may be complete when the list is short
        console.wait("rows", |lines| shows_pods(lines) && !title(lines).is_empty())?;
        partial.push_str(console.text().lines().nth(2).unwrap_or_default());
        let whole = console.wait("the whole list", |lines| complete(lines).is_some_and(|n| n >= plan.pods))?;
        ensure!(
            whole == row || partial.contains("partial") || whole.duration_since(row) < Duration::from_millis(300),
            "the first rows of a list are not marked as partial: {partial}"
        );
        frames.push(millis(frame.duration_since(console.started)));
        rows.push(millis(row.duration_since(console.started)));
        wholes.push(millis(whole.duration_since(console.started)));
    }
    found.put(Row::FirstFrame, median(&mut frames));
    found.put(Row::FirstRows, median(&mut rows));
    found.note(format!("start to the whole list: {:.0} ms of wall time at 80x24", median(&mut wholes)));
    Ok(())
}

/// What is written when nothing changes, and for one line of scrolling.
fn still(plan: &Plan, server: &Server, found: &mut Found) -> Result<()> {
    let mut console = loaded(plan, server, 120, 40)?;
    console.quiet(Duration::from_millis(600))?;
    found.put(Row::Idle, silence(plan, &console)?);
    let cpu = process::cpu(console.pid()?)?;
    thread::sleep(Duration::from_secs(plan.idle));
    let cpu = process::cpu(console.pid()?)?.saturating_sub(cpu);
    found.note(format!("CPU when nothing changes: {:.1} ms per second", millis(cpu) / seconds(plan.idle)));
    found.put(Row::Scroll120, scroll(&mut console, 40)?);
    console.resize(200, 50)?;
    found.put(Row::Scroll200, scroll(&mut console, 50)?);
    Ok(())
}

/// Bytes in a window in which nothing that is shown changed by itself: a minute that ends changes the clock, an age
/// that ticks is a change, and such a window is no answer.
fn silence(plan: &Plan, console: &Console) -> Result<f64> {
    for _ in 0..6 {
        let (text, bytes) = (console.text(), console.bytes());
        thread::sleep(Duration::from_secs(plan.idle));
        let written = console.bytes() - bytes;
        if console.text() == text {
            return Ok(count(written));
        }
    }
    Err(eyre!("something shown changed in every window"))
}

/// The median of the bytes for thirty presses of `j` with the cursor in the last line.
fn scroll(console: &mut Console, rows: usize) -> Result<f64> {
    console.quiet(Duration::from_millis(300))?;
    console.press(&"j".repeat(rows))?;
    console.quiet(Duration::from_millis(300))?;
    let mut bytes = Vec::new();
    for _ in 0..30 {
        let (before, top) = (console.bytes(), console.text());
        console.answer("j")?;
        console.quiet(Duration::from_millis(40))?;
        ensure!(console.text() != top, "a press of j does not scroll");
        bytes.push(count(console.bytes() - before));
    }
    Ok(median(&mut bytes))
}

/// CPU to load, per change and memory; bytes per second; how fast keys are answered meanwhile.
fn busy(plan: &Plan, server: &Server, found: &mut Found) -> Result<()> {
    let mut loads = Vec::new();
    for _ in 0..2 {
        loads.push(process::cpu(loaded(plan, server, 80, 24)?.pid()?)?.as_secs_f64());
    }
    let mut console = loaded(plan, server, 80, 24)?;
    let pid = console.pid()?;
    loads.push(process::cpu(pid)?.as_secs_f64());
    found.put(Row::Load, median(&mut loads));
    found.note(format!("CPU to load, each of three: {loads:.2?} s"));
    found.note(format!(
        "memory when loaded: {:.1} MiB, at most {:.1}",
        process::memory(pid, "VmRSS")?,
        process::memory(pid, "VmHWM")?
    ));
    // what the load left to do is not the changes' cost
    thread::sleep(Duration::from_secs(2));

    let (cpu, bytes, version, begun) = (process::cpu(pid)?, console.bytes(), server.version()?, Instant::now());
    thread::sleep(Duration::from_secs(plan.busy));
    let changes = count(usize::try_from(server.version()? - version)?);
    let cpu = process::cpu(pid)?.saturating_sub(cpu);
    let (bytes, time) = (console.bytes() - bytes, begun.elapsed().as_secs_f64());
    ensure!(changes > 0.5 * f64::from(plan.churn) * time, "the server made only {changes} changes in {time:.1} s");
    found.put(Row::Changes, millis(cpu) / changes * 1000.0);
    found.put(Row::Churn, (count(bytes) / time).round());
    found.put(Row::Memory, process::memory(pid, "VmRSS")?);
    found.note(format!(
        "memory after {time:.0} s of changes: {:.1} MiB of its own, {:.1} of files mapped",
        process::memory(pid, "RssAnon")?,
        process::memory(pid, "RssFile")?
    ));

    // in the order of need the rows that change most are in sight, each with a time that ticks
    console.press("Sg")?;
    console.quiet(Duration::from_millis(50))?;
    let (bytes, begun) = (console.bytes(), Instant::now());
    thread::sleep(Duration::from_secs(plan.idle));
    let each = count(console.bytes() - bytes) / begun.elapsed().as_secs_f64();
    found.note(format!("under changes at 80x24, sorted by status: {each:.0} B/s"));
    console.press("Ng")?;
    console.quiet(Duration::from_millis(50))?;

    let mut waits = Vec::new();
    for nth in 0..plan.keys {
        waits.push(wait(&mut console, nth, plan.keys)?);
    }
    let (median, late) = ranks(&mut waits);
    found.put(Row::Key, late);
    found.note(format!("key to screen under changes: median {median:.2} ms"));

    let mut waits = Vec::new();
    console.press("g")?;
    console.quiet(Duration::from_millis(50))?;
    while waits.len() < RELIST_KEYS {
        console.press("\x12")?;
        console.wait("the list again", |lines| title(lines).contains("listing"))?;
        while title(&lines(&console)).contains("listing") {
            waits.push(wait(&mut console, waits.len() % 40, 40)?);
        }
    }
    let (median, late) = ranks(&mut waits);
    found.put(Row::Relist, late);
    found.note(format!("key to screen while all is listed again: median {median:.2} ms of {}", waits.len()));
    found.put(Row::Peak, process::memory(pid, "VmHWM")?);
    Ok(())
}

/// Keys that are pressed at least while everything is listed again.
const RELIST_KEYS: usize = 100;

fn lines(console: &Console) -> Vec<String> {
    console.text().lines().map(str::to_owned).collect()
}

/// Milliseconds from the press of a key that moves the cursor, down and up again over `round` presses, to its effect.
fn wait(console: &mut Console, nth: usize, round: usize) -> Result<f64> {
    let wait = console.answer(if nth < round / 2 { "j" } else { "k" })?;
    // out of step with the screen's own pace
    thread::sleep(Duration::from_millis(17 + (nth as u64 * 7) % 23));
    Ok(millis(wait))
}

/// The median and the 99th of a hundred.
fn ranks(waits: &mut [f64]) -> (f64, f64) {
    waits.sort_by(f64::total_cmp);
    (waits[waits.len() / 2], waits[(waits.len() * 99).div_ceil(100) - 1])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn seconds(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
