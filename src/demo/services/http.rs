//! Parameters and answers of the services: query strings, form bodies, JSON and text. No sockets here.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{Reply, Request};

/// The decoded parameters of a query string and, for POST, of a form body; they may repeat.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn of(request: &Request<'_>) -> Self {
        let mut pairs = parse(request.query);
        if request.method == "POST" {
            pairs.extend(parse(&String::from_utf8_lossy(request.body)));
        }
        Self(pairs)
    }

    /// The first value of that name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// A flag that is on unless it says `false`.
    pub fn on_unless_false(&self, name: &str) -> bool {
        self.get(name) != Some("false")
    }
}

fn parse(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Undoes percent-encoding and the plus signs of forms; what is not valid stays as it is.
pub fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

pub fn json(status: u16, body: &Value) -> Reply {
    Reply { status, content_type: "application/json", body: body.to_string().into_bytes() }
}

pub fn text(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, content_type: "text/plain; charset=utf-8", body: body.into().into_bytes() }
}

pub fn not_found() -> Reply {
    text(404, "404 page not found\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_from_the_query_and_from_a_posted_form() {
        let request = Request {
            method: "POST",
            path: "/",
            query: "a=%7Bx%3D%22y%22%7D&filter=1&filter=2",
            body: b"query=up+%2B+1",
        };
        let params = Params::of(&request);
        assert_eq!(params.get("a"), Some("{x=\"y\"}"));
        assert_eq!(params.get("query"), Some("up + 1"));
        assert_eq!(params.all("filter").count(), 2);
        assert_eq!(decode("50%"), "50%", "a lone percent sign stays");
    }
}
