//! The functions, as one table of names and argument types, and what each computes.

use std::collections::BTreeMap;

use super::Error;
use super::ast::{Expr, Type};
use super::eval::{Evaluator, Value, Vector};
use super::operators::nameless;
use super::parser::kind;
use crate::demo::services::tsdb::{Labels, float};

use Type::{Matrix, Scalar, Vector as Vec1};

/// Name, arguments, how many of them may be left out, result.
const FUNCTIONS: &[(&str, &[Type], usize, Type)] = &[
    ("rate", &[Matrix], 0, Vec1),
    ("irate", &[Matrix], 0, Vec1),
    ("increase", &[Matrix], 0, Vec1),
    ("delta", &[Matrix], 0, Vec1),
    ("changes", &[Matrix], 0, Vec1),
    ("min_over_time", &[Matrix], 0, Vec1),
    ("max_over_time", &[Matrix], 0, Vec1),
    ("avg_over_time", &[Matrix], 0, Vec1),
    ("sum_over_time", &[Matrix], 0, Vec1),
    ("count_over_time", &[Matrix], 0, Vec1),
    ("last_over_time", &[Matrix], 0, Vec1),
    ("histogram_quantile", &[Scalar, Vec1], 0, Vec1),
    ("time", &[], 0, Scalar),
    ("vector", &[Scalar], 0, Vec1),
    ("scalar", &[Vec1], 0, Scalar),
    ("absent", &[Vec1], 0, Vec1),
    ("abs", &[Vec1], 0, Vec1),
    ("ceil", &[Vec1], 0, Vec1),
    ("floor", &[Vec1], 0, Vec1),
    ("round", &[Vec1], 0, Vec1),
    ("clamp_min", &[Vec1, Scalar], 0, Vec1),
    ("clamp_max", &[Vec1, Scalar], 0, Vec1),
    ("sort", &[Vec1], 0, Vec1),
    ("sort_desc", &[Vec1], 0, Vec1),
    ("timestamp", &[Vec1], 0, Vec1),
];

/// Functions of Prometheus that are not here: they are refused as such, and not as unknown.
const NOT_HERE: &[&str] = &[
    "absent_over_time",
    "acos",
    "asin",
    "atan",
    "clamp",
    "cos",
    "day_of_month",
    "day_of_week",
    "days_in_month",
    "deg",
    "deriv",
    "double_exponential_smoothing",
    "exp",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_sum",
    "holt_winters",
    "hour",
    "idelta",
    "label_join",
    "label_replace",
    "ln",
    "log10",
    "log2",
    "minute",
    "month",
    "pi",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rad",
    "resets",
    "sgn",
    "sin",
    "sort_by_label",
    "sqrt",
    "stddev_over_time",
    "stdvar_over_time",
    "tan",
    "year",
];

/// The type of a call, or why it is none.
pub fn check(name: &str, arguments: &[Expr]) -> Result<Type, Error> {
    let Some((_, wanted, optional, result)) = FUNCTIONS.iter().find(|row| row.0 == name) else {
        return Err(if NOT_HERE.contains(&name) {
            Error::Unsupported(format!("function {name} is not supported by the demo's PromQL"))
        } else {
            Error::Parse(format!("1:1: parse error: unknown function with name {name:?}"))
        });
    };
    if arguments.len() > wanted.len() || arguments.len() + optional < wanted.len() {
        return Err(Error::Parse(format!(
            "1:1: parse error: expected {} argument(s) in call to {name:?}, got {}",
            wanted.len(),
            arguments.len()
        )));
    }
    for (argument, wanted) in arguments.iter().zip(*wanted) {
        let found = kind(argument)?;
        if found != *wanted {
            return Err(Error::Parse(format!(
                "1:1: parse error: expected type {} in call to function {name:?}, got {}",
                wanted.name(),
                found.name()
            )));
        }
    }
    Ok(*result)
}

pub fn call(at: &Evaluator<'_>, name: &str, arguments: &[Expr]) -> Result<Value, Error> {
    let Some(first) = arguments.first() else { return Ok(Value::Scalar(at.seconds())) };
    Ok(match name {
        "vector" => Value::Vector(vec![(Labels::new(), at.scalar(first)?)]),
        "scalar" => {
            let vector = at.vector(first)?;
            Value::Scalar(if vector.len() == 1 { vector[0].1 } else { f64::NAN })
        }
        "absent" => Value::Vector(absent(first, &at.vector(first)?)),
        "histogram_quantile" => Value::Vector(quantiles(at.scalar(first)?, at.vector(&arguments[1])?)),
        "sort" | "sort_desc" => {
            let mut vector = at.vector(first)?;
            vector.sort_by(|a, b| if name == "sort" { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) });
            Value::Vector(vector)
        }
        "clamp_min" | "clamp_max" => {
            let bound = at.scalar(&arguments[1])?;
            Value::Vector(each(at.vector(first)?, |v| if name == "clamp_min" { v.max(bound) } else { v.min(bound) }))
        }
        "abs" => Value::Vector(each(at.vector(first)?, f64::abs)),
        "ceil" => Value::Vector(each(at.vector(first)?, f64::ceil)),
        "floor" => Value::Vector(each(at.vector(first)?, f64::floor)),
        "round" => Value::Vector(each(at.vector(first)?, |v| (v + 0.5).floor())),
        "timestamp" => Value::Vector(each(at.vector(first)?, |_| at.seconds())),
        _ => {
            let length = match first {
                Expr::Range(_, length) | Expr::Subquery(_, length, _) => *length,
                _ => 0,
            };
            let over = |(labels, samples): (Labels, Vec<(i64, f64)>)| {
                let value = over_time(name, &samples, at.at, length)?;
                Some((if name == "last_over_time" { labels } else { nameless(labels) }, value))
            };
            Value::Vector(at.matrix(first)?.into_iter().filter_map(over).collect())
        }
    })
}

fn each(vector: Vector, change: impl Fn(f64) -> f64) -> Vector {
    vector.into_iter().map(|(labels, value)| (nameless(labels), change(value))).collect()
}

fn absent(of: &Expr, found: &Vector) -> Vector {
    if !found.is_empty() {
        return Vector::new();
    }
    let mut labels = Labels::new();
    if let Expr::Selector(matchers) = of {
        for matcher in matchers.iter().filter(|m| m.label != "__name__") {
            if let super::ast::Test::Equal(value) = &matcher.test {
                labels.insert(matcher.label.clone(), value.clone());
            }
        }
    }
    vec![(labels, 1.0)]
}

fn over_time(name: &str, samples: &[(i64, f64)], now: i64, length: i64) -> Option<f64> {
    let values = || samples.iter().map(|(_, value)| *value);
    let count = f64::from(u32::try_from(samples.len()).ok()?);
    Some(match name {
        "rate" => extrapolated(samples, now, length, true)? / (float(length) / 1000.0),
        "increase" => extrapolated(samples, now, length, true)?,
        "delta" => extrapolated(samples, now, length, false)?,
        "irate" => {
            let [.., (before, a), (at, b)] = samples else { return None };
            (if b < a { *b } else { b - a }) / (float(at - before) / 1000.0)
        }
        #[expect(clippy::float_cmp, reason = "any difference is a change")]
        "changes" => f64::from(u32::try_from(samples.windows(2).filter(|w| w[0].1 != w[1].1).count()).ok()?),
        "min_over_time" => values().fold(f64::NAN, f64::min),
        "max_over_time" => values().fold(f64::NAN, f64::max),
        "avg_over_time" => values().sum::<f64>() / count,
        "sum_over_time" => values().sum(),
        "count_over_time" => count,
        "last_over_time" => samples.last()?.1,
        _ => return None,
    })
}

/// The increase over a range, carried on to its edges as Prometheus does when the samples come close to them.
fn extrapolated(samples: &[(i64, f64)], now: i64, length: i64, counter: bool) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut result = last.1 - first.1;
    if counter {
        result += samples.windows(2).filter(|w| w[1].1 < w[0].1).map(|w| w[0].1).sum::<f64>();
    }
    let covered = float(last.0 - first.0);
    let between = covered / (f64::from(u32::try_from(samples.len()).ok()?) - 1.0);
    let limit = between * 1.1;
    let mut to_start = float(first.0 - (now - length));
    let mut to_end = float(now - last.0);
    if to_start >= limit {
        to_start = between / 2.0;
    }
    if counter && result > 0.0 && first.1 >= 0.0 {
        // A counter cannot have been below zero.
        to_start = to_start.min(covered * (first.1 / result));
    }
    if to_end >= limit {
        to_end = between / 2.0;
    }
    Some(result * (covered + to_start + to_end) / covered)
}

/// The quantile of each classic histogram, by linear interpolation within a bucket.
fn quantiles(q: f64, vector: Vector) -> Vector {
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (labels, value) in vector {
        let mut labels = nameless(labels);
        let bound = labels.remove("le").and_then(|le| if le == "+Inf" { Some(f64::INFINITY) } else { le.parse().ok() });
        if let Some(bound) = bound {
            histograms.entry(labels).or_default().push((bound, value));
        }
    }
    histograms
        .into_iter()
        .map(|(labels, mut buckets)| {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            (labels, quantile(q, &buckets))
        })
        .collect()
}

fn quantile(q: f64, buckets: &[(f64, f64)]) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let (Some(last), true) = (buckets.last(), buckets.len() > 1) else { return f64::NAN };
    if !last.0.is_infinite() || last.1 == 0.0 || q.is_nan() {
        return f64::NAN;
    }
    let rank = q * last.1;
    let at = buckets[..buckets.len() - 1].iter().position(|(_, count)| *count >= rank).unwrap_or(buckets.len() - 1);
    if at == buckets.len() - 1 {
        return buckets[at - 1].0;
    }
    let (end, count) = buckets[at];
    let (start, before) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    if at == 0 && end <= 0.0 {
        return end;
    }
    start + (end - start) * ((rank - before) / (count - before))
}
