//! The rows: what is budgeted, how much of it, how far a noisy machine may push it; and the table of what was measured.

use std::fmt::Write as _;

use crate::Plan;

/// One budgeted thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Memory,
    Load,
    Changes,
    Frame,
    Idle,
    Scroll120,
    Scroll200,
    Churn,
    Key,
    FirstFrame,
    FirstRows,
}

struct Budget {
    row: Row,
    what: &'static str,
    unit: &'static str,
    most: f64,
    /// The part of the budget by which a measurement may exceed it before that is a failure. CPU time varies with the
    /// machine's other work by a quarter; bytes and memory do not; waiting times do, widely.
    noise: f64,
}

const fn budget(row: Row, what: &'static str, unit: &'static str, most: f64, noise: f64) -> Budget {
    Budget { row, what, unit, most, noise }
}

const BUDGETS: &[Budget] = &[
    budget(Row::Memory, "whole process, steady", "MiB", 40.0, 0.05),
    // one binary on a shared machine of two cores: 1.46 to 1.78 s, and 46 to 126 ms
    budget(Row::Load, "CPU to load", "s", 1.5, 0.60),
    budget(Row::Changes, "CPU per 1,000 changes", "ms", 60.0, 1.50),
    budget(Row::Frame, "a frame at 200x50, every row new", "ms", 1.0, 0.5),
    budget(Row::Idle, "bytes when nothing changes", "B", 0.0, 0.0),
    budget(Row::Scroll120, "one-line scroll at 120x40", "B", 500.0, 0.0),
    budget(Row::Scroll200, "one-line scroll at 200x50", "B", 700.0, 0.0),
    budget(Row::Churn, "under changes at 80x24", "B/s", 1000.0, 0.0),
    budget(Row::Key, "key to screen under changes, p99", "ms", 16.0, 1.5),
    budget(Row::FirstFrame, "start to first frame", "ms", 50.0, 1.5),
    budget(Row::FirstRows, "start to first rows, marked as partial", "ms", 500.0, 1.0),
];

/// What was measured so far.
#[derive(Debug, Default)]
pub struct Report {
    values: Vec<(Row, f64)>,
    notes: Vec<String>,
}

impl Report {
    /// Enters a measurement, in the unit of its row.
    pub fn put(&mut self, row: Row, value: f64) {
        self.values.push((row, value));
    }

    /// Something worth knowing that has no budget.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    fn value(&self, row: Row) -> Option<f64> {
        self.values.iter().find(|(of, _)| *of == row).map(|(_, value)| *value)
    }

    /// Whether a row is over its budget by more than its noise.
    pub fn exceeded(&self) -> bool {
        BUDGETS.iter().any(|b| self.value(b.row).is_some_and(|value| value > b.most * (1.0 + b.noise)))
    }

    pub fn text(&self, plan: &Plan) -> String {
        let mut out = format!("\n{} pods, {} changes/s\n\n", plan.pods, plan.churn);
        let _ = writeln!(out, "{:<40} {:>9} {:>8}      {:>6}  verdict", "what", "measured", "budget", "noise");
        for b in BUDGETS {
            let (measured, verdict) = match self.value(b.row) {
                None => ("-".to_owned(), "NOT MEASURED"),
                Some(value) if value <= b.most => (digits(value), "ok"),
                Some(value) if value <= b.most * (1.0 + b.noise) => (digits(value), "over, within noise"),
                Some(value) => (digits(value), "OVER"),
            };
            let noise = format!("{:.0} %", b.noise * 100.0);
            let (what, most, unit) = (b.what, digits(b.most), b.unit);
            let _ = writeln!(out, "{what:<40} {measured:>9} {most:>8} {unit:<4} {noise:>6}  {verdict}");
        }
        out.push('\n');
        for note in &self.notes {
            let _ = writeln!(out, "{note}");
        }
        out
    }
}

fn digits(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
