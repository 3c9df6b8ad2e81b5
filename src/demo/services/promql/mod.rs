//! A small PromQL: selectors, arithmetic, comparisons, sets, aggregations, the usual functions and subqueries. What it
//! does not know it refuses by name; it never guesses a result.

mod ast;
mod eval;
mod functions;
mod lexer;
mod operators;
mod parser;
#[cfg(test)]
mod tests;

pub use ast::{Expr, Matcher};
pub use eval::{Evaluator, Value};
pub use parser::{parse, selector};

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not PromQL: HTTP 400, `bad_data`.
    Parse(String),
    /// PromQL, but more of it than the demo knows: HTTP 400, `bad_data`.
    Unsupported(String),
    /// It cannot be computed: HTTP 422, `execution`.
    Execution(String),
}

/// A duration as PromQL writes it (`1h30m`, `500ms`), in milliseconds.
pub fn duration(text: &str) -> Option<i64> {
    let mut total = 0i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "y" => 31_536_000_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

/// A value as the API writes it.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        (if value > 0.0 { "+Inf" } else { "-Inf" }).to_owned()
    } else {
        format!("{value}")
    }
}
