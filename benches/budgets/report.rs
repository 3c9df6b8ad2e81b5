//! The rows: what is budgeted, how much of it, how far a noisy machine may push it; and the table of what was measured.

use std::fmt::Write as _;

use color_eyre::eyre::Result;

use crate::{Plan, machine};

/// One budgeted thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Memory,
    Peak,
    Load,
    Changes,
    Frame,
    Triage,
    Idle,
    Scroll120,
    Scroll200,
    Churn,
    Key,
    Relist,
    FirstFrame,
    FirstRows,
}

/// What a slow machine stretches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    /// Bytes and memory are the same on every machine.
    Nothing,
    /// CPU time for work.
    Work,
    /// CPU time for work and for waking up.
    Wakes,
    /// Time by the clock.
    Clock,
}

struct Budget {
    row: Row,
    what: &'static str,
    unit: &'static str,
    most: f64,
    /// The part of the budget by which a measurement may exceed it before that is a failure, after the machine's own
    /// slowness has been taken out.
    noise: f64,
    stretch: Stretch,
}

const fn budget(row: Row, what: &'static str, unit: &'static str, most: f64, noise: f64, stretch: Stretch) -> Budget {
    Budget { row, what, unit, most, noise, stretch }
}

const BUDGETS: &[Budget] = &[
    budget(Row::Memory, "whole process, steady", "MiB", 40.0, 0.05, Stretch::Nothing),
    budget(Row::Peak, "whole process, at most", "MiB", 64.0, 0.05, Stretch::Nothing),
    budget(Row::Load, "CPU to load", "s", 1.5, 0.25, Stretch::Work),
    budget(Row::Changes, "CPU per 1,000 changes", "ms", 60.0, 0.25, Stretch::Wakes),
    budget(Row::Frame, "a frame at 200x50, every row new", "ms", 1.0, 0.5, Stretch::Clock),
    budget(Row::Triage, "triage: a batch of 100 changes", "ms", 5.0, 0.5, Stretch::Clock),
    budget(Row::Idle, "bytes when nothing changes", "B", 0.0, 0.0, Stretch::Nothing),
    budget(Row::Scroll120, "one-line scroll at 120x40", "B", 500.0, 0.0, Stretch::Nothing),
    budget(Row::Scroll200, "one-line scroll at 200x50", "B", 700.0, 0.0, Stretch::Nothing),
    budget(Row::Churn, "under changes at 80x24", "B/s", 1000.0, 0.0, Stretch::Nothing),
    budget(Row::Key, "key to screen under changes, p99", "ms", 16.0, 1.5, Stretch::Clock),
    budget(Row::Relist, "key to screen while all is listed again, p99", "ms", 50.0, 1.5, Stretch::Clock),
    budget(Row::FirstFrame, "start to first frame", "ms", 50.0, 1.5, Stretch::Clock),
    budget(Row::FirstRows, "start to first rows, marked as partial", "ms", 500.0, 1.0, Stretch::Clock),
];

/// How many times slower the machine is than an idle one of two cores: at least 1.
#[derive(Debug, Clone, Copy)]
pub struct Slowness {
    work: f64,
    wakes: f64,
    clock: f64,
}

impl Slowness {
    /// Measures it. Nothing of ours may run meanwhile, or a console that keeps the machine busy would be excused.
    pub fn now() -> Self {
        let (work, wakes) = machine::cpu();
        Self { work, wakes: wakes.max(work), clock: machine::slack().max(work) }
    }

    fn of(self, stretch: Stretch) -> f64 {
        match stretch {
            Stretch::Nothing => 1.0,
            Stretch::Work => self.work,
            Stretch::Wakes => self.wakes,
            Stretch::Clock => self.clock,
        }
    }

    fn worse(self, other: Self) -> Self {
        Self { work: self.work.max(other.work), wakes: self.wakes.max(other.wakes), clock: self.clock.max(other.clock) }
    }
}

/// What one part of the measurement found.
#[derive(Debug, Default)]
pub struct Found {
    values: Vec<(Row, f64)>,
    notes: Vec<String>,
}

impl Found {
    /// Enters a measurement, in the unit of its row.
    pub fn put(&mut self, row: Row, value: f64) {
        self.values.push((row, value));
    }

    /// Something worth knowing that has no budget.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }
}

/// What was measured so far: each row with the machine's slowness at that time.
#[derive(Debug, Default)]
pub struct Report {
    values: Vec<(Row, f64, Slowness)>,
    notes: Vec<String>,
}

/// The rows of a part that is over are measured so often: other work on the machine can only add.
const TRIES: usize = 3;

impl Report {
    /// Measures a part, again while one of its rows is over; the best of each row counts.
    pub fn part(&mut self, measure: impl Fn(&mut Found) -> Result<()>) -> Result<()> {
        for _ in 0..TRIES {
            let mut found = Found::default();
            let before = Slowness::now();
            measure(&mut found)?;
            let slowness = before.worse(Slowness::now());
            let mut over = false;
            for (row, value) in found.values {
                over |= self.keep_best(row, value, slowness);
            }
            self.notes.extend(found.notes);
            if !over {
                break;
            }
            self.notes.push("over: measured again".to_owned());
        }
        Ok(())
    }

    /// Whether the row is still over.
    fn keep_best(&mut self, row: Row, value: f64, slowness: Slowness) -> bool {
        let Some(budget) = BUDGETS.iter().find(|b| b.row == row) else { return false };
        let plain = |value: f64, slowness: Slowness| value / slowness.of(budget.stretch);
        match self.values.iter_mut().find(|(of, ..)| *of == row) {
            Some((_, best, then)) if plain(*best, *then) <= plain(value, slowness) => {}
            Some(old) => *old = (row, value, slowness),
            None => self.values.push((row, value, slowness)),
        }
        self.is_over(budget)
    }

    fn value(&self, row: Row) -> Option<(f64, Slowness)> {
        self.values.iter().find(|(of, ..)| *of == row).map(|(_, value, slowness)| (*value, *slowness))
    }

    fn is_over(&self, b: &Budget) -> bool {
        self.value(b.row).is_some_and(|(value, slowness)| value / slowness.of(b.stretch) > b.most * (1.0 + b.noise))
    }

    /// Whether a row is over its budget by more than its noise.
    pub fn exceeded(&self) -> bool {
        BUDGETS.iter().any(|b| self.is_over(b))
    }

    pub fn text(&self, plan: &Plan) -> String {
        let mut out = format!("\n{} pods, {} changes/s\n\n", plan.pods, plan.churn);
        let (what, measured, machine, budget) = ("what", "measured", "machine", "budget");
        let _ = writeln!(out, "{what:<46} {measured:>9} {machine:>8} {budget:>8}      {:>6}  verdict", "noise");
        for b in BUDGETS {
            let (measured, machine, verdict) = match self.value(b.row) {
                None => ("-".to_owned(), String::new(), "NOT MEASURED"),
                Some((value, slowness)) => {
                    let slow = slowness.of(b.stretch);
                    let machine = if slow > 1.0 { format!("x{slow:.1}") } else { String::new() };
                    let verdict = match value / slow {
                        _ if self.is_over(b) => "OVER",
                        plain if plain <= b.most => "ok",
                        _ => "over, within noise",
                    };
                    (digits(value), machine, verdict)
                }
            };
            let noise = format!("{:.0} %", b.noise * 100.0);
            let (what, most, unit) = (b.what, digits(b.most), b.unit);
            let _ = writeln!(out, "{what:<46} {measured:>9} {machine:>8} {most:>8} {unit:<4} {noise:>6}  {verdict}");
        }
        out.push_str("\nmachine: how many times slower than an idle one of two cores; taken out before judging\n");
        for note in &self.notes {
            let _ = writeln!(out, "{note}");
        }
        out
    }
}

fn digits(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
