//! Arithmetic, comparison and set operators, and the aggregations.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::ast::{Grouping, Op};
use super::eval::{Value, Vector};
use crate::demo::services::tsdb::Labels;

/// Without the metric's name, which no computed value keeps.
pub fn nameless(mut labels: Labels) -> Labels {
    labels.remove("__name__");
    labels
}

fn group(labels: &Labels, grouping: &Grouping) -> Labels {
    let keeps = |name: &String| {
        if grouping.keeps {
            grouping.labels.contains(name)
        } else {
            name != "__name__" && !grouping.labels.contains(name)
        }
    };
    labels.iter().filter(|(name, _)| keeps(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub fn aggregate(op: &str, grouping: &Grouping, parameter: Option<f64>, vector: Vector) -> Vector {
    let mut groups: BTreeMap<Labels, Vector> = BTreeMap::new();
    for (labels, value) in vector {
        groups.entry(group(&labels, grouping)).or_default().push((labels, value));
    }
    if let Some(k) = parameter {
        return groups.into_values().flat_map(|members| best(members, k, op == "topk")).collect();
    }
    groups.into_iter().map(|(labels, members)| (labels, fold(op, &members))).collect()
}

fn fold(op: &str, members: &Vector) -> f64 {
    let values = || members.iter().map(|(_, value)| *value);
    let count = f64::from(u32::try_from(members.len()).unwrap_or(u32::MAX));
    match op {
        "sum" => values().sum(),
        "avg" => values().sum::<f64>() / count,
        // NaN loses against every number, as in Prometheus.
        "min" => values().fold(f64::NAN, f64::min),
        "max" => values().fold(f64::NAN, f64::max),
        "count" => count,
        _ => 1.0,
    }
}

fn best(mut members: Vector, k: f64, most: bool) -> Vector {
    members.sort_by(|a, b| if most { b.1.total_cmp(&a.1) } else { a.1.total_cmp(&b.1) });
    let mut left = k;
    members.retain(|_| {
        left -= 1.0;
        left >= 0.0
    });
    members
}

#[expect(clippy::float_cmp, reason = "PromQL compares floats exactly")]
fn compute(op: Op, a: f64, b: f64) -> f64 {
    let truth = |yes: bool| if yes { 1.0 } else { 0.0 };
    match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::Mod => a % b,
        Op::Pow => a.powf(b),
        Op::Equal => truth(a == b),
        Op::NotEqual => truth(a != b),
        Op::Greater => truth(a > b),
        Op::Less => truth(a < b),
        Op::GreaterEqual => truth(a >= b),
        Op::LessEqual => truth(a <= b),
        Op::And | Op::Or | Op::Unless => f64::NAN,
    }
}

pub fn binary(op: Op, returns_bool: bool, matching: &Grouping, left: Value, right: Value) -> Result<Value, Error> {
    match (left, right) {
        (Value::Scalar(a), Value::Scalar(b)) => Ok(Value::Scalar(compute(op, a, b))),
        (Value::Vector(vector), Value::Scalar(b)) => {
            Ok(Value::Vector(with_scalar(op, returns_bool, vector, |v| (v, b))))
        }
        (Value::Scalar(a), Value::Vector(vector)) => {
            Ok(Value::Vector(with_scalar(op, returns_bool, vector, |v| (a, v))))
        }
        (Value::Vector(left), Value::Vector(right)) if op.is_set() => {
            Ok(Value::Vector(sets(op, matching, left, right)))
        }
        (Value::Vector(left), Value::Vector(right)) => {
            one_to_one(op, returns_bool, matching, left, right).map(Value::Vector)
        }
        _ => Err(Error::Execution("binary expression must contain only scalar and instant vector types".to_owned())),
    }
}

fn with_scalar(op: Op, returns_bool: bool, vector: Vector, order: impl Fn(f64) -> (f64, f64)) -> Vector {
    let filters = op.is_comparison() && !returns_bool;
    vector
        .into_iter()
        .filter_map(|(labels, value)| {
            let (a, b) = order(value);
            let result = compute(op, a, b);
            if filters { (result > 0.0).then_some((labels, value)) } else { Some((nameless(labels), result)) }
        })
        .collect()
}

fn sets(op: Op, matching: &Grouping, left: Vector, right: Vector) -> Vector {
    let key = |labels: &Labels| group(labels, matching);
    let of_left: BTreeSet<Labels> = left.iter().map(|(labels, _)| key(labels)).collect();
    let of_right: BTreeSet<Labels> = right.iter().map(|(labels, _)| key(labels)).collect();
    match op {
        Op::And => left.into_iter().filter(|(labels, _)| of_right.contains(&key(labels))).collect(),
        Op::Unless => left.into_iter().filter(|(labels, _)| !of_right.contains(&key(labels))).collect(),
        _ => left.into_iter().chain(right.into_iter().filter(|(labels, _)| !of_left.contains(&key(labels)))).collect(),
    }
}

fn one_to_one(op: Op, returns_bool: bool, matching: &Grouping, left: Vector, right: Vector) -> Result<Vector, Error> {
    let mut of_right: BTreeMap<Labels, f64> = BTreeMap::new();
    for (labels, value) in right {
        let key = group(&labels, matching);
        let shown = format!("{key:?}");
        if of_right.insert(key, value).is_some() {
            return Err(Error::Execution(format!(
                "found duplicate series for the match group {shown} on the right hand-side of the operation;many-to-many matching not allowed: matching labels must be unique on one side"
            )));
        }
    }
    let mut seen = BTreeSet::new();
    let mut result = Vector::new();
    for (labels, value) in left {
        let key = group(&labels, matching);
        let Some(other) = of_right.get(&key) else { continue };
        let computed = compute(op, value, *other);
        if !seen.insert(key.clone()) {
            return Err(Error::Execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .to_owned(),
            ));
        }
        let filters = op.is_comparison() && !returns_bool;
        if filters && computed <= 0.0 {
            continue;
        }
        let mut kept = if matching.keeps { key } else { labels.clone() };
        kept.retain(|name, _| matching.keeps || !matching.labels.contains(name));
        result.push(if filters { (kept, value) } else { (nameless(kept), computed) });
    }
    Ok(result)
}
