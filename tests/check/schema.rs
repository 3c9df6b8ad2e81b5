//! What `check --output json` prints is what `docs/check-schema.json` says. The validator knows the words of JSON Schema
//! that the schema uses, and fails on any other: a word that nobody checks would be a promise that nobody keeps.

use std::path::Path;

use serde_json::{Value, json};

use super::program::misbehaves;
use super::program::{Home, demo, read, status};

/// Words that say nothing about a value, or are looked at where they are used.
const SILENT: &[&str] = &["$schema", "$defs", "title", "description"];

fn check(value: &Value, schema: &Value, root: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(words) = schema.as_object() else { return wrong.push(format!("{at}: no schema: {schema}")) };
    let mut say = |what: String| wrong.push(format!("{at}: {what}"));
    let number = |value: &Value| value.as_f64();
    let mut inner: Vec<(&Value, Value, String)> = Vec::new();
    for (word, want) in words {
        match &**word {
            "const" if value != want => say(format!("{value} is not {want}")),
            "enum" if !want.as_array().unwrap().contains(value) => say(format!("{value} is none of {want}")),
            "type" => {
                let types: Vec<&str> = match want {
                    Value::String(one) => vec![one],
                    many => many.as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect(),
                };
                let is = |name: &str| match name {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("{at}: no type is called {other}"),
                };
                if !types.iter().any(|name| is(name)) {
                    say(format!("{value} is no {want}"));
                }
            }
            "minimum" if number(value) < number(want) => say(format!("{value} is below {want}")),
            "minItems" if value.as_array().map_or(0, Vec::len) < count(want) => say("too few".to_owned()),
            "maxItems" if value.as_array().map_or(0, Vec::len) > count(want) => say("too many".to_owned()),
            "format" if *want == "date-time" => {
                if value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_err()) {
                    say(format!("{value} is no time"));
                }
            }
            "required" => {
                for name in want.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        say(format!("{name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in want.as_object().unwrap() {
                    if let Some(field) = value.get(name) {
                        inner.push((field, schema.clone(), format!("{at}/{name}")));
                    }
                }
            }
            "additionalProperties" => {
                assert_eq!(*want, json!(false), "{at}");
                for name in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
                    if words["properties"].get(name).is_none() {
                        say(format!("{name} is not in the schema"));
                    }
                }
            }
            "items" => {
                for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
                    inner.push((item, want.clone(), format!("{at}/{nth}")));
                }
            }
            "$ref" => {
                let pointer = want.as_str().unwrap().strip_prefix('#').unwrap();
                let schema = root.pointer(pointer).unwrap_or_else(|| panic!("{at}: {want} is not there"));
                inner.push((value, schema.clone(), at.to_owned()));
            }
            "anyOf" => {
                let fits = |schema: &Value| {
                    let mut wrong = Vec::new();
                    check(value, schema, root, at, &mut wrong);
                    wrong.is_empty()
                };
                if !want.as_array().unwrap().iter().any(fits) {
                    say(format!("{value} fits none of {want}"));
                }
            }
            "const" | "enum" | "minimum" | "minItems" | "maxItems" => {}
            word if SILENT.contains(&word) => {}
            word => panic!("{at}: this test does not know {word}"),
        }
    }
    for (value, schema, at) in inner {
        check(value, &schema, root, &at, wrong);
    }
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[track_caller]
fn fits(value: &Value) {
    let schema: Value =
        serde_json::from_str(&read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check-schema.json"))).unwrap();
    let mut wrong = Vec::new();
    check(value, &schema, &schema, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_check_prints_is_what_the_schema_says() {
    let home = Home::new();
    let said = home.run(&["check", "--demo", "--output", "json"]);
    let document = said.json();
    fits(&document);
    let context = &document["contexts"][0];
    assert_eq!((&document["state"], &document["exit_code"]), (&json!("CRITICAL"), &json!(2)));
    assert!(context["incidents"].as_array().unwrap().iter().any(|i| i["explains"].as_u64() > Some(2)), "{context}");
    let by: u64 = context["incidents"].as_array().unwrap().iter().map(|i| i["explains"].as_u64().unwrap()).sum();
    assert_eq!(context["counts"]["explained"].as_u64(), Some(by));
}

#[test]
fn a_fleet_with_blind_and_unreachable_contexts_is_of_the_same_schema() {
    let (home, demo) = (Home::new(), demo("platform"));
    misbehaves(&demo, status(500).path("/apis/velero.io/"));
    let contexts = ["--context", "sre-demo", "--context", "nobody", "--context", "nowhere"];
    let said = home.on(&demo, &[&["check", "-o", "json"], &contexts[..]].concat());
    let document = said.json();
    fits(&document);
    let states: Vec<&str> =
        document["contexts"].as_array().unwrap().iter().map(|c| c["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["CRITICAL", "UNKNOWN", "UNKNOWN"], "in the order in which they were asked for");
    assert!(document["contexts"][2]["error"].is_string(), "{document}");
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let good = Home::new().run(&["check", "--demo", "--output", "json"]).json();
    for (pointer, bad) in [
        ("/version", json!(2)),
        ("/state", json!("FINE")),
        ("/contexts/0/counts/p1", json!(-1)),
        ("/contexts/0/incidents/0/since", json!("yesterday")),
        ("/contexts/0/incidents/0/explains", json!("3")),
        ("/contexts/0/feeds/0", json!({})),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = bad;
        let caught = std::panic::catch_unwind(|| fits(&document)).is_err();
        assert!(caught, "{pointer}");
    }
}
