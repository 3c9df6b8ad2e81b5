//! What the demo's Prometheus finds when it looks at the world: series in the words of the exporters that a platform
//! like this has. Everything is derived from the objects; nothing is invented that the objects contradict.

mod apps;
mod flux;
mod platform;
mod pods;
mod workloads;

use jiff::Timestamp;
use serde_json::Value;

use super::tsdb::{Labels, Sample, Shape, float};
use crate::demo::world::World;

/// Collects samples.
#[derive(Debug, Default)]
pub struct Found(Vec<Sample>);

impl Found {
    fn put(&mut self, name: &str, labels: &[(&str, &str)], shape: Shape) {
        let mut all: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        all.insert("__name__".to_owned(), name.to_owned());
        self.0.push(Sample { labels: all, shape });
    }

    fn gauge(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.put(name, labels, Shape::Gauge(value));
    }

    fn truth(&mut self, name: &str, labels: &[(&str, &str)], value: bool) {
        self.gauge(name, labels, if value { 1.0 } else { 0.0 });
    }

    fn counter(&mut self, name: &str, labels: &[(&str, &str)], each_second: f64) {
        self.put(name, labels, Shape::Counter(each_second));
    }
}

/// What the platform's Prometheus finds.
pub fn of_platform(world: &World) -> Vec<Sample> {
    let mut found = Found::default();
    let pods = known_pods(world);
    pods::collect(&pods, &mut found);
    workloads::collect(world, &mut found);
    flux::collect(world, &mut found);
    platform::collect(world, &pods, &mut found);
    apps::collect(&pods, &mut found);
    found.0
}

/// What the Prometheus that `SLOpilot` brings along finds.
pub fn of_slopilot(world: &World) -> Vec<Sample> {
    let mut found = Found::default();
    apps::slopilot(world, &mut found);
    found.0
}

/// The pods of the story; synthetic load has no `part-of` label and is not scraped.
fn known_pods(world: &World) -> Vec<&Value> {
    world
        .list("Pod")
        .into_iter()
        .filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/part-of"].is_string())
        .collect()
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

fn count(object: &Value, path: &str) -> f64 {
    float(object.pointer(path).and_then(Value::as_i64).unwrap_or(0))
}

/// A time in the object as Unix seconds.
fn seconds(object: &Value, path: &str) -> Option<f64> {
    text(object, path).parse::<Timestamp>().ok().map(|time| float(time.as_second()))
}

/// The status of a condition, if it is there.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == kind).and_then(|c| c["status"].as_str())
}

/// A number between 0 and 1 that belongs to a text.
fn share(of: &str) -> f64 {
    let sum = of.bytes().fold(17u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    f64::from(sum % 1000) / 1000.0
}

/// How full a claim is, from 0 to 1: as the story says, or some way up to the middle.
fn fill(claim: &Value) -> f64 {
    let said = text(claim, "/metadata/annotations/demo~1percent-full").parse::<f64>().ok();
    said.map_or_else(|| 0.2 + 0.5 * share(name(claim)), |percent| percent / 100.0)
}

/// A quantity such as `100m`, `50Gi` or `4`.
fn quantity(quantity: &str) -> f64 {
    let split = quantity.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(quantity.len());
    let number: f64 = quantity[..split].parse().unwrap_or(0.0);
    number
        * match &quantity[split..] {
            "m" => 0.001,
            "Ki" => 1024.0,
            "Mi" => 1_048_576.0,
            "Gi" => 1_073_741_824.0,
            _ => 1.0,
        }
}

const KSM: (&str, &str) = ("job", "kube-state-metrics");
