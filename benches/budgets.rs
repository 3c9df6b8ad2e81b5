//! The budgets of the design as one table: `cargo bench --bench budgets`.
//!
//! Runs the release binary twice: as a demo server with synthetic pods, and as the console in a pseudo-terminal, and
//! reads CPU time, memory and bytes from outside. It never measures the server, and ends only what it started.
//! A machine that is busy with other things does less in the same CPU time: how much less is measured, shown and taken
//! out before a row is judged. `-- --quick` takes 10,000 pods instead of 50,000, `-- --triage`
//! measures the row of triage alone. The exit code is 1 when a row exceeds its budget by more than its
//! noise, 2 when it could not be measured.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a bench reads clocks and prints"
)]

#[path = "budgets/console.rs"]
mod console;
#[path = "budgets/frame.rs"]
mod frame;
#[path = "../tests/terminal/machine.rs"]
mod machine;
#[path = "budgets/measure.rs"]
mod measure;
#[path = "budgets/process.rs"]
mod process;
#[path = "budgets/report.rs"]
mod report;
#[path = "budgets/server.rs"]
mod server;
#[path = "budgets/triage.rs"]
mod triage;

use std::process::ExitCode;

use report::Report;

/// How large the world is and how long each part is watched.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub pods: usize,
    /// Changes per second.
    pub churn: u32,
    /// Seconds of churn, and of silence, that are watched.
    pub busy: u64,
    pub idle: u64,
    pub keys: usize,
    pub starts: usize,
}

const FULL: Plan = Plan { pods: 50_000, churn: 400, busy: 25, idle: 10, keys: 200, starts: 7 };
const QUICK: Plan = Plan { pods: 10_000, churn: 400, busy: 10, idle: 5, keys: 100, starts: 3 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benches too, unoptimised: there is nothing to be learnt from that
    if !arguments.iter().any(|a| a == "--bench") {
        println!("budgets are measured by: cargo bench --bench budgets");
        return ExitCode::SUCCESS;
    }
    let plan = if arguments.iter().any(|a| a == "--quick") { QUICK } else { FULL };
    let mut report = Report::default();
    let measured = if arguments.iter().any(|a| a == "--triage") {
        measure::triage(&plan, &mut report)
    } else {
        measure::all(&plan, &mut report)
    };
    match measured {
        Ok(()) => {
            print!("{}", report.text(&plan));
            if report.exceeded() { ExitCode::from(1) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            print!("{}", report.text(&plan));
            println!("not measured: {error:#}");
            ExitCode::from(2)
        }
    }
}
