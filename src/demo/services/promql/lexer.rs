//! Words, numbers, strings and signs of an expression, each with its place.

use super::Error;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Word(String),
    Number(f64),
    /// A duration, in milliseconds.
    Duration(i64),
    Text(String),
    Sign(&'static str),
}

/// Longer signs first, so that `>=` is not `>` and `=`.
const SIGNS: &[&str] = &[
    "=~", "!~", "==", "!=", ">=", "<=", "{", "}", "(", ")", "[", "]", ",", ":", "=", "+", "-", "*", "/", "%", "^", ">",
    "<", "@",
];

/// The tokens with the byte at which each begins.
pub fn lex(text: &str) -> Result<Vec<(usize, Token)>, Error> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut brackets = 0usize;
    while at < bytes.len() {
        let rest = &text[at..];
        let first = bytes[at];
        if first.is_ascii_whitespace() {
            at += 1;
        } else if first == b'#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if matches!(first, b'"' | b'\'' | b'`') {
            let (value, length) = string(rest).ok_or_else(|| error(at, "unterminated quoted string"))?;
            tokens.push((at, Token::Text(value)));
            at += length;
        } else if first.is_ascii_digit() || (first == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) {
            let length = number_length(rest);
            tokens.push((
                at,
                number(&rest[..length])
                    .ok_or_else(|| error(at, &format!("bad number or duration syntax: {:?}", &rest[..length])))?,
            ));
            at += length;
        } else if first.is_ascii_alphabetic() || first == b'_' || (first == b':' && brackets == 0) {
            let colon = brackets == 0;
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colon)))
                .unwrap_or(rest.len());
            tokens.push((at, Token::Word(rest[..length].to_owned())));
            at += length;
        } else {
            let sign = SIGNS
                .iter()
                .find(|sign| rest.starts_with(**sign))
                .ok_or_else(|| error(at, &format!("unexpected character: {:?}", rest.chars().next().unwrap_or(' '))))?;
            match *sign {
                "[" => brackets += 1,
                "]" => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            tokens.push((at, Token::Sign(sign)));
            at += sign.len();
        }
    }
    Ok(tokens)
}

fn error(at: usize, message: &str) -> Error {
    Error::Parse(format!("1:{}: parse error: {message}", at + 1))
}

fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    if let Some(hex) = rest.strip_prefix("0x") {
        return 2 + hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
    }
    let mut at = 0;
    while at < bytes.len() {
        let exponent_sign = at > 0
            && matches!(bytes[at], b'+' | b'-')
            && matches!(bytes[at - 1], b'e' | b'E')
            && rest[..at - 1].bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !(bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.' || exponent_sign) {
            break;
        }
        at += 1;
    }
    at
}

fn number(text: &str) -> Option<Token> {
    if let Some(hex) = text.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).ok().map(|n| Token::Number(f64::from(n)));
    }
    if let Some(duration) = super::duration(text) {
        return Some(Token::Duration(duration));
    }
    text.parse().ok().map(Token::Number)
}

/// The string that begins here, and the bytes that it takes.
fn string(rest: &str) -> Option<(String, usize)> {
    let quote = rest.chars().next()?;
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, at + 1)),
            '\n' if quote != '`' => return None,
            '\\' if quote != '`' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                c @ ('\\' | '"' | '\'') => value.push(c),
                _ => return None,
            },
            c => value.push(c),
        }
    }
    None
}
