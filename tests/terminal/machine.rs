//! How slow this machine is at the moment, measured against an idle machine of the size that the limits were written
//! for. A limit in seconds, or of CPU time, says nothing about the program when the machine does a fraction of its
//! usual work: shared machines of two cores were seen to need eight times as long for the same build.
#![allow(dead_code, reason = "each binary uses the part that it needs")]
#![allow(clippy::disallowed_methods, reason = "the machine's speed is a matter of real time")]

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A machine that is slower than this is taken as paused.
const MOST: f64 = 20.0;

/// What one round takes on an idle machine of two cores, in microseconds: as built for tests, and optimised.
const WORK: f64 = if cfg!(debug_assertions) { 15_500.0 } else { 2_200.0 };
/// The same of waking up, which no build makes faster: by the clock, at worst, and in CPU time.
const WAKE: f64 = 20_000.0;
const WAKE_CPU: f64 = 5_000.0;

/// The same limit for this machine as it is now: never shorter.
pub fn scaled(limit: Duration) -> Duration {
    limit.mul_f64(slack())
}

/// How many times longer the clock on the wall runs for the same work; at least 1.
pub fn slack() -> f64 {
    let begun = Instant::now();
    work();
    let work = begun.elapsed();
    let begun = Instant::now();
    wake();
    ratio(work, WORK).max(ratio(begun.elapsed(), WAKE)).clamp(1.0, MOST)
}

/// How many times more CPU time the same work is billed, the median of several rounds: computing, and waking up.
pub fn cpu() -> (f64, f64) {
    let rounds = |round: fn(), usual| {
        let mut all: Vec<f64> = (0..9)
            .map(|_| {
                let begun = spent();
                round();
                ratio(spent().saturating_sub(begun), usual)
            })
            .collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2].clamp(1.0, MOST)
    };
    (rounds(work, WORK), rounds(wake, WAKE_CPU))
}

fn ratio(took: Duration, usual: f64) -> f64 {
    took.as_secs_f64() * 1_000_000.0 / usual
}

/// CPU time of this process so far.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// What programs like ours do: text taken apart, small allocations, a map.
fn work() {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for nth in 0..20_000usize {
        let line = format!("service-{:05}/pod-{:05} Running {nth}", nth.wrapping_mul(7919) % 4_099, nth % 977);
        let name = line.split(['/', ' ']).next().unwrap_or_default().to_owned();
        *seen.entry(name).or_default() += line.len();
    }
    assert!(seen.len() > 4_000);
}

/// Two threads that wake each other up.
fn wake() {
    let (ask, asked) = mpsc::channel::<u32>();
    let (tell, told) = mpsc::channel::<u32>();
    let other = thread::spawn(move || asked.iter().try_for_each(|n| tell.send(n + 1)));
    let mut n = 0;
    while n < 400 {
        n = ask.send(n).ok().and_then(|()| told.recv().ok()).unwrap_or(u32::MAX);
    }
    drop(ask);
    let _ = other.join();
}
