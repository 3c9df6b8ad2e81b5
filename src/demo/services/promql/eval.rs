//! Evaluates an expression at one time over the samples.

use super::ast::{Expr, Matcher};
use super::{Error, functions, operators};
use crate::demo::services::tsdb::{Labels, Tsdb, float};

/// A vector: labels and value.
pub type Vector = Vec<(Labels, f64)>;
/// A range vector: labels and samples, oldest first, as (milliseconds, value).
pub type Matrix = Vec<(Labels, Vec<(i64, f64)>)>;

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(f64),
    Text(String),
    Vector(Vector),
    Matrix(Matrix),
}

/// Step of a subquery that names none: the evaluation interval, in milliseconds.
const STEP: i64 = 30_000;
/// Points of a subquery at most; real servers stop at a number of samples too.
const POINTS: i64 = 20_000;

/// Samples, and the time at which to look, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Evaluator<'a> {
    pub tsdb: &'a Tsdb,
    pub at: i64,
}

impl Evaluator<'_> {
    pub fn value(&self, expr: &Expr) -> Result<Value, Error> {
        Ok(match expr {
            Expr::Number(number) => Value::Scalar(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Selector(matchers) => Value::Vector(self.select(matchers)),
            Expr::Range(matchers, length) => Value::Matrix(self.range(matchers, *length)),
            Expr::Subquery(inner, length, step) => {
                Value::Matrix(self.subquery(inner, *length, step.unwrap_or(STEP))?)
            }
            Expr::Negate(inner) => match self.value(inner)? {
                Value::Scalar(number) => Value::Scalar(-number),
                Value::Vector(vector) => {
                    Value::Vector(vector.into_iter().map(|(labels, v)| (operators::nameless(labels), -v)).collect())
                }
                other => other,
            },
            Expr::Call(name, arguments) => functions::call(self, name, arguments)?,
            Expr::Aggregate { op, grouping, parameter, of } => {
                let parameter = parameter.as_ref().map(|p| self.scalar(p)).transpose()?;
                Value::Vector(operators::aggregate(op, grouping, parameter, self.vector(of)?))
            }
            Expr::Binary { op, returns_bool, matching, left, right } => {
                operators::binary(*op, *returns_bool, matching, self.value(left)?, self.value(right)?)?
            }
        })
    }

    fn select(&self, matchers: &[Matcher]) -> Vector {
        self.tsdb.select(matchers).filter_map(|(labels, series)| Some((labels.clone(), series.at(self.at)?))).collect()
    }

    fn range(&self, matchers: &[Matcher], length: i64) -> Matrix {
        let samples = self
            .tsdb
            .select(matchers)
            .map(|(labels, series)| (labels.clone(), series.range(self.at - length, self.at)));
        samples.filter(|(_, samples)| !samples.is_empty()).collect()
    }

    fn subquery(&self, inner: &Expr, length: i64, step: i64) -> Result<Matrix, Error> {
        if length / step > POINTS {
            return Err(Error::Execution(
                "query processing would load too many samples into memory in query execution".to_owned(),
            ));
        }
        let mut found: std::collections::BTreeMap<Labels, Vec<(i64, f64)>> = std::collections::BTreeMap::new();
        let mut at = (self.at - length).div_euclid(step) * step + step;
        while at <= self.at {
            for (labels, value) in (Evaluator { tsdb: self.tsdb, at }).vector(inner)? {
                found.entry(labels).or_default().push((at, value));
            }
            at += step;
        }
        Ok(found.into_iter().collect())
    }

    /// The vector that an expression of that type gives.
    pub fn vector(&self, expr: &Expr) -> Result<Vector, Error> {
        match self.value(expr)? {
            Value::Vector(vector) => Ok(vector),
            _ => Err(Error::Execution("expected an instant vector".to_owned())),
        }
    }

    pub fn matrix(&self, expr: &Expr) -> Result<Matrix, Error> {
        match self.value(expr)? {
            Value::Matrix(matrix) => Ok(matrix),
            _ => Err(Error::Execution("expected a range vector".to_owned())),
        }
    }

    pub fn scalar(&self, expr: &Expr) -> Result<f64, Error> {
        match self.value(expr)? {
            Value::Scalar(number) => Ok(number),
            _ => Err(Error::Execution("expected a scalar".to_owned())),
        }
    }

    /// The time in seconds.
    pub fn seconds(&self) -> f64 {
        float(self.at) / 1000.0
    }
}
