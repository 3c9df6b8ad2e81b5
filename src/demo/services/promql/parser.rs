//! From tokens to an expression, by precedence, with the types checked as Prometheus checks them.

use regex::Regex;

use super::Error;
use super::ast::{Expr, Grouping, Matcher, Op, Test, Type};
use super::functions;
use super::lexer::{Token, lex};

const AGGREGATIONS: &[&str] = &["sum", "avg", "min", "max", "count", "group", "topk", "bottomk"];
const OTHER_AGGREGATIONS: &[&str] = &["stddev", "stdvar", "count_values", "quantile", "limitk", "limit_ratio"];

/// Parses an expression.
pub fn parse(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, end: text.len() };
    if parser.tokens.is_empty() {
        return Err(Error::Parse("unknown position: parse error: no expression found in input".to_owned()));
    }
    let expr = parser.binary(0)?;
    match parser.peek() {
        None => {}
        Some(Token::Sign("@")) => return Err(unsupported("the @ modifier")),
        Some(Token::Word(word)) if word == "offset" => return Err(unsupported("offset")),
        Some(token) => return Err(parser.error(&format!("unexpected {}", describe(token)))),
    }
    kind(&expr)?;
    Ok(expr)
}

/// Parses only a series selector, as `match[]` has it.
pub fn selector(text: &str) -> Result<Vec<Matcher>, Error> {
    match parse(text)? {
        Expr::Selector(matchers) => Ok(matchers),
        _ => Err(Error::Parse("1:1: parse error: expected a series selector".to_owned())),
    }
}

fn unsupported(what: &str) -> Error {
    Error::Unsupported(format!("{what} is not supported by the demo's PromQL"))
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("identifier {word:?}"),
        Token::Number(number) => format!("number \"{number}\""),
        Token::Duration(_) => "duration".to_owned(),
        Token::Text(text) => format!("string {text:?}"),
        Token::Sign(sign) => format!("{sign:?}"),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn peek_word(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).map(|(_, token)| token.clone());
        self.at += 1;
        token
    }

    fn error(&self, message: &str) -> Error {
        let place = self.tokens.get(self.at).map_or(self.end, |(place, _)| *place);
        Error::Parse(format!("1:{}: parse error: {message}", place + 1))
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str, context: &str) -> Result<(), Error> {
        if self.eat(sign) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "end of input".to_owned(), describe);
        Err(self.error(&format!("unexpected {found} in {context}, expected {sign:?}")))
    }

    /// Binary operators of at least this strength.
    fn binary(&mut self, least: u8) -> Result<Expr, Error> {
        let mut left = self.unary()?;
        while let Some((op, strength)) = self.operator()? {
            if strength < least {
                break;
            }
            self.at += 1;
            let returns_bool = self.peek_word() == Some("bool");
            if returns_bool {
                self.at += 1;
                if !op.is_comparison() {
                    return Err(self.error("bool modifier can only be used on comparison operators"));
                }
            }
            let mut matching = Grouping::default();
            if let Some(word @ ("on" | "ignoring")) = self.peek_word() {
                matching.keeps = word == "on";
                self.at += 1;
                matching.labels = self.names()?;
            }
            if let Some(word @ ("group_left" | "group_right")) = self.peek_word() {
                return Err(unsupported(word));
            }
            // A power groups from the right, all others from the left.
            let right = self.binary(if op == Op::Pow { strength } else { strength + 1 })?;
            left = Expr::Binary { op, returns_bool, matching, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn operator(&self) -> Result<Option<(Op, u8)>, Error> {
        Ok(Some(match self.peek() {
            Some(Token::Word(word)) => match word.as_str() {
                "or" => (Op::Or, 0),
                "and" => (Op::And, 1),
                "unless" => (Op::Unless, 1),
                "atan2" => return Err(unsupported("atan2")),
                _ => return Ok(None),
            },
            Some(Token::Sign(sign)) => match *sign {
                "==" => (Op::Equal, 2),
                "!=" => (Op::NotEqual, 2),
                ">" => (Op::Greater, 2),
                "<" => (Op::Less, 2),
                ">=" => (Op::GreaterEqual, 2),
                "<=" => (Op::LessEqual, 2),
                "+" => (Op::Add, 3),
                "-" => (Op::Sub, 3),
                "*" => (Op::Mul, 4),
                "/" => (Op::Div, 4),
                "%" => (Op::Mod, 4),
                "^" => (Op::Pow, 5),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    fn unary(&mut self) -> Result<Expr, Error> {
        if self.eat("-") {
            // A power binds tighter than the sign before it.
            return Ok(Expr::Negate(Box::new(self.binary(5)?)));
        }
        if self.eat("+") {
            return self.binary(5);
        }
        let expr = self.primary()?;
        self.brackets(expr)
    }

    /// A range or subqueries behind an expression.
    fn brackets(&mut self, mut expr: Expr) -> Result<Expr, Error> {
        while self.eat("[") {
            let range = self.length()?;
            if self.eat(":") {
                let step = if self.is("]") { None } else { Some(self.length()?) };
                self.expect("]", "subquery selector")?;
                expr = Expr::Subquery(Box::new(expr), range, step);
            } else {
                self.expect("]", "subquery or range")?;
                expr = match expr {
                    Expr::Selector(matchers) => Expr::Range(matchers, range),
                    _ => return Err(self.error("ranges only allowed for vector selectors")),
                };
            }
        }
        match self.peek() {
            Some(Token::Word(word)) if word == "offset" => Err(unsupported("offset")),
            Some(Token::Sign("@")) => Err(unsupported("the @ modifier")),
            _ => Ok(expr),
        }
    }

    fn length(&mut self) -> Result<i64, Error> {
        match self.peek() {
            Some(Token::Duration(length)) if *length > 0 => {
                let length = *length;
                self.at += 1;
                Ok(length)
            }
            Some(Token::Duration(_)) => Err(self.error("duration must be greater than 0")),
            _ => Err(self.error("expected a duration")),
        }
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        if self.is("{") {
            return self.matchers(None);
        }
        if self.eat("(") {
            let inner = self.binary(0)?;
            self.expect(")", "parenthesised expression")?;
            return Ok(inner);
        }
        match self.peek().cloned() {
            Some(Token::Number(number)) => {
                self.at += 1;
                Ok(Expr::Number(number))
            }
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(Expr::Text(text))
            }
            Some(Token::Word(word)) => {
                self.at += 1;
                self.word(word)
            }
            Some(token) => Err(self.error(&format!("unexpected {}", describe(&token)))),
            None => Err(self.error("unexpected end of input")),
        }
    }

    fn word(&mut self, word: String) -> Result<Expr, Error> {
        let grouped = matches!(self.peek_word(), Some("by" | "without"));
        if AGGREGATIONS.contains(&word.as_str()) && (self.is("(") || grouped) {
            return self.aggregate(word);
        }
        if OTHER_AGGREGATIONS.contains(&word.as_str()) && (self.is("(") || grouped) {
            return Err(unsupported(&word));
        }
        if self.is("(") {
            self.at += 1;
            let arguments = self.arguments()?;
            return Ok(Expr::Call(word, arguments));
        }
        match word.to_ascii_lowercase().as_str() {
            "inf" => Ok(Expr::Number(f64::INFINITY)),
            "nan" => Ok(Expr::Number(f64::NAN)),
            _ => self.matchers(Some(word)),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Error> {
        let mut arguments = Vec::new();
        while !self.eat(")") {
            arguments.push(self.binary(0)?);
            if !self.eat(",") {
                self.expect(")", "call to function")?;
                break;
            }
        }
        Ok(arguments)
    }

    fn aggregate(&mut self, op: String) -> Result<Expr, Error> {
        let mut grouping = self.grouping()?;
        self.expect("(", "aggregation")?;
        let mut arguments = self.arguments()?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let wanted = if op.ends_with("topk") || op == "bottomk" { 2 } else { 1 };
        if arguments.len() != wanted {
            return Err(self.error(&format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                arguments.len()
            )));
        }
        let parameter = (wanted == 2).then(|| Box::new(arguments.remove(0)));
        let of = Box::new(arguments.remove(0));
        // No grouping is `by ()`: everything in one.
        let grouping = grouping.unwrap_or(Grouping { keeps: true, labels: Vec::new() });
        Ok(Expr::Aggregate { op, grouping, parameter, of })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, Error> {
        let Some(word @ ("by" | "without")) = self.peek_word() else { return Ok(None) };
        let keeps = word == "by";
        self.at += 1;
        Ok(Some(Grouping { keeps, labels: self.names()? }))
    }

    fn names(&mut self) -> Result<Vec<String>, Error> {
        self.expect("(", "grouping opts")?;
        let mut names = Vec::new();
        while !self.eat(")") {
            if let Some(Token::Word(word)) = self.next() {
                names.push(word);
            } else {
                self.at -= 1;
                return Err(self.error("unexpected token in grouping opts, expected label"));
            }
            if !self.eat(",") {
                self.expect(")", "grouping opts")?;
                break;
            }
        }
        Ok(names)
    }

    fn matchers(&mut self, name: Option<String>) -> Result<Expr, Error> {
        let mut matchers = Vec::new();
        let named = name.is_some();
        matchers.extend(name.map(|name| Matcher { label: "__name__".to_owned(), test: Test::Equal(name) }));
        if self.eat("{") {
            while !self.eat("}") {
                matchers.push(self.matcher()?);
                if !self.eat(",") {
                    self.expect("}", "label matching")?;
                    break;
                }
            }
        }
        if !named && matchers.iter().all(|m| m.fits_text("")) {
            return Err(self.error("vector selector must contain at least one non-empty matcher"));
        }
        Ok(Expr::Selector(matchers))
    }

    fn matcher(&mut self) -> Result<Matcher, Error> {
        let Some(Token::Word(label)) = self.peek().cloned() else {
            return Err(self.error("unexpected token in label matching, expected identifier or \"}\""));
        };
        self.at += 1;
        let Some(Token::Sign(sign @ ("=" | "!=" | "=~" | "!~"))) = self.peek().cloned() else {
            return Err(self.error("unexpected token in label matching, expected label matching operator"));
        };
        self.at += 1;
        let Some(Token::Text(value)) = self.peek().cloned() else {
            return Err(self.error("unexpected token in label matching, expected string"));
        };
        self.at += 1;
        let pattern = |value: &str| {
            Regex::new(&format!("^(?s:{value})$")).map_err(|_| self.error(&format!("error parsing regexp: {value:?}")))
        };
        let test = match sign {
            "=" => Test::Equal(value),
            "!=" => Test::NotEqual(value),
            "=~" => Test::Like(pattern(&value)?),
            _ => Test::NotLike(pattern(&value)?),
        };
        Ok(Matcher { label, test })
    }
}

fn wants(expr: &Expr, wanted: Type, place: &str) -> Result<(), Error> {
    let found = kind(expr)?;
    if found == wanted {
        return Ok(());
    }
    Err(Error::Parse(format!("1:1: parse error: expected type {} in {place}, got {}", wanted.name(), found.name())))
}

/// The type of an expression, or why it has none.
pub fn kind(expr: &Expr) -> Result<Type, Error> {
    Ok(match expr {
        Expr::Number(_) => Type::Scalar,
        Expr::Text(_) => Type::Text,
        Expr::Selector(_) => Type::Vector,
        Expr::Range(..) => Type::Matrix,
        Expr::Subquery(inner, ..) => wants(inner, Type::Vector, "subquery").map(|()| Type::Matrix)?,
        Expr::Negate(inner) => match kind(inner)? {
            found @ (Type::Scalar | Type::Vector) => found,
            found => {
                return Err(Error::Parse(format!(
                    "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                    found.name()
                )));
            }
        },
        Expr::Aggregate { op, parameter, of, .. } => {
            if let Some(parameter) = parameter {
                wants(parameter, Type::Scalar, "aggregation parameter")?;
            }
            wants(of, Type::Vector, &format!("aggregation expression {op:?}")).map(|()| Type::Vector)?
        }
        Expr::Call(name, arguments) => functions::check(name, arguments)?,
        Expr::Binary { op, returns_bool, left, right, .. } => {
            let both = (kind(left)?, kind(right)?);
            let allowed = |found| matches!(found, Type::Scalar | Type::Vector);
            if !allowed(both.0) || !allowed(both.1) {
                return Err(Error::Parse(
                    "1:1: parse error: binary expression must contain only scalar and instant vector types".to_owned(),
                ));
            }
            if op.is_set() && both != (Type::Vector, Type::Vector) {
                return Err(Error::Parse(
                    "1:1: parse error: set operator not allowed in binary scalar expression".to_owned(),
                ));
            }
            match both {
                (Type::Scalar, Type::Scalar) if op.is_comparison() && !returns_bool => {
                    return Err(Error::Parse(
                        "1:1: parse error: comparisons between scalars must use BOOL modifier".to_owned(),
                    ));
                }
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            }
        }
    })
}
