//! The shape of an expression, and the matchers of a selector.

use std::collections::BTreeMap;

use regex::Regex;

/// How a matcher compares.
#[derive(Clone, Debug)]
pub enum Test {
    Equal(String),
    NotEqual(String),
    /// Anchored at both ends.
    Like(Regex),
    NotLike(Regex),
}

/// One label matcher.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub label: String,
    pub test: Test,
}

impl Matcher {
    /// A label that is absent is an empty one.
    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        self.fits_text(labels.get(&self.label).map_or("", String::as_str))
    }

    pub fn fits_text(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(wanted) => value == wanted,
            Test::NotEqual(wanted) => value != wanted,
            Test::Like(pattern) => pattern.is_match(value),
            Test::NotLike(pattern) => !pattern.is_match(value),
        }
    }

    /// The metric name, if this is what the matcher asks for.
    pub fn exact_name(&self) -> Option<&str> {
        match &self.test {
            Test::Equal(name) if self.label == "__name__" => Some(name),
            _ => None,
        }
    }
}

/// Which labels an aggregation keeps, or a binary operation compares.
#[derive(Clone, Debug, Default)]
pub struct Grouping {
    /// `by` or `on`; otherwise `without` or `ignoring`.
    pub keeps: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
}

impl Op {
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Greater | Self::Less | Self::GreaterEqual | Self::LessEqual)
    }
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Scalar,
    Vector,
    Matrix,
    Text,
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::Text => "string",
        }
    }
}

/// An expression; durations are milliseconds.
#[derive(Clone, Debug)]
pub enum Expr {
    Number(f64),
    Text(String),
    Selector(Vec<Matcher>),
    Range(Vec<Matcher>, i64),
    Subquery(Box<Expr>, i64, Option<i64>),
    Call(String, Vec<Expr>),
    Aggregate { op: String, grouping: Grouping, parameter: Option<Box<Expr>>, of: Box<Expr> },
    Binary { op: Op, returns_bool: bool, matching: Grouping, left: Box<Expr>, right: Box<Expr> },
    Negate(Box<Expr>),
}
