//! The HTTP API of Prometheus over one of the demo's Prometheus: the envelope and the codes of the real one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::alerting::{Active, Prometheus};
use super::http::{Params, json as reply, not_found, text};
use super::promql::{Error, Evaluator, Value, duration, number, parse, selector};
use super::tsdb::{Labels, float};
use super::{Reply, Request};

/// Points of a range query at most.
const POINTS: i64 = 11_000;
/// Milliseconds by which a second replica saw everything later.
const LATER: i64 = 7_000;

/// Answers one replica; `now` in milliseconds.
pub fn answer(prometheus: &Prometheus, replica: i64, now: i64, request: &Request<'_>) -> Reply {
    let params = Params::of(request);
    let asks = matches!(request.method, "GET" | "HEAD");
    let forms = asks || request.method == "POST";
    let later = replica * LATER;
    match request.path {
        "/-/ready" if asks => text(200, "Prometheus Server is Ready.\n"),
        "/-/healthy" if asks => text(200, "Prometheus Server is Healthy.\n"),
        "/api/v1/alerts" if asks => good(
            &json!({ "alerts": prometheus.alerts.values().map(|active| alert(active, later, now)).collect::<Vec<_>>() }),
        ),
        "/api/v1/rules" if asks => good(&rules(prometheus, &params, later, now)),
        "/api/v1/query" if forms => answer_to(instant(prometheus, &params, now)),
        "/api/v1/query_range" if forms => answer_to(range(prometheus, &params)),
        "/api/v1/series" if forms => answer_to(series(prometheus, &params)),
        "/api/v1/labels" if forms => answer_to(label_names(prometheus, &params)),
        "/api/v1/targets" if asks => good(&targets(prometheus, now)),
        "/api/v1/metadata" if asks => good(&metadata(prometheus)),
        "/api/v1/status/buildinfo" if asks => good(
            &json!({ "version": "2.51.0", "revision": "demo", "branch": "HEAD", "buildUser": "", "buildDate": "20240318-12:00:00", "goVersion": "go1.22.1" }),
        ),
        "/api/v1/status/runtimeinfo" if asks => good(
            &json!({ "startTime": time(now - 9 * 86_400_000), "CWD": "/prometheus", "reloadConfigSuccess": true, "lastConfigTime": time(now - 86_400_000), "corruptionCount": 0, "goroutineCount": 212, "GOMAXPROCS": 4, "GOMEMLIMIT": 0, "GOGC": "", "GODEBUG": "", "storageRetention": "15d" }),
        ),
        "/api/v1/status/tsdb" if asks => good(
            &json!({ "headStats": { "numSeries": prometheus.tsdb.len(), "numLabelPairs": prometheus.tsdb.len() / 3, "chunkCount": prometheus.tsdb.len() * 3, "minTime": now - 7_200_000, "maxTime": now }, "seriesCountByMetricName": [], "labelValueCountByLabelName": [], "memoryInBytesByLabelName": [], "seriesCountByLabelValuePair": [] }),
        ),
        "/api/v1/status/flags" if asks => good(
            &json!({ "storage.tsdb.retention.time": "15d", "web.enable-admin-api": "false", "web.enable-lifecycle": "true", "query.max-samples": "50000000" }),
        ),
        path => match path.strip_prefix("/api/v1/label/").and_then(|rest| rest.strip_suffix("/values")) {
            Some(label) if asks => answer_to(label_values(prometheus, &params, &super::http::decode(label))),
            _ => not_found(),
        },
    }
}

fn good(data: &Json) -> Reply {
    reply(200, &json!({ "status": "success", "data": data }))
}

/// A refusal: its `errorType`, whose HTTP code follows from it, and its words.
struct Refusal(&'static str, String);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Parse(message) | Error::Unsupported(message) => {
                Self("bad_data", format!("invalid parameter \"query\": {message}"))
            }
            Error::Execution(message) => Self("execution", message),
        }
    }
}

fn bad(parameter: &str, message: &str) -> Refusal {
    Refusal("bad_data", format!("invalid parameter {parameter:?}: {message}"))
}

fn answer_to(result: Result<Json, Refusal>) -> Reply {
    match result {
        Ok(data) => good(&data),
        Err(Refusal(kind, message)) => reply(
            if kind == "bad_data" { 400 } else { 422 },
            &json!({ "status": "error", "errorType": kind, "error": message }),
        ),
    }
}

/// Unix seconds with a fraction, or RFC 3339; in milliseconds.
fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return whole(seconds * 1000.0);
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (value.is_finite() && value.abs() < 9e15).then_some(value.round() as i64)
}

fn parse_step(text: &str) -> Option<i64> {
    text.parse::<f64>().ok().and_then(|seconds| whole(seconds * 1000.0)).or_else(|| duration(text))
}

fn time(at: i64) -> String {
    Timestamp::from_millisecond(at).map(|t| t.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()).unwrap_or_default()
}

fn point(at: i64, value: f64) -> Json {
    json!([float(at) / 1000.0, number(value)])
}

fn instant(prometheus: &Prometheus, params: &Params, now: i64) -> Result<Json, Refusal> {
    let at = params
        .get("time")
        .map_or(Some(now), parse_time)
        .ok_or_else(|| bad("time", "cannot parse to a valid timestamp"))?;
    let expr = parse(params.get("query").unwrap_or_default())?;
    let value = Evaluator { tsdb: &prometheus.tsdb, at }.value(&expr)?;
    Ok(match value {
        Value::Scalar(v) => json!({ "resultType": "scalar", "result": point(at, v) }),
        Value::Text(v) => json!({ "resultType": "string", "result": [float(at) / 1000.0, v] }),
        Value::Vector(vector) => {
            json!({ "resultType": "vector", "result": vector.iter().map(|(labels, v)| json!({ "metric": labels, "value": point(at, *v) })).collect::<Vec<_>>() })
        }
        Value::Matrix(matrix) => {
            json!({ "resultType": "matrix", "result": matrix.iter().map(|(labels, samples)| json!({ "metric": labels, "values": samples.iter().map(|(t, v)| point(*t, *v)).collect::<Vec<_>>() })).collect::<Vec<_>>() })
        }
    })
}

fn range(prometheus: &Prometheus, params: &Params) -> Result<Json, Refusal> {
    let when = |name: &str| {
        params.get(name).and_then(parse_time).ok_or_else(|| bad(name, "cannot parse to a valid timestamp"))
    };
    let (start, end) = (when("start")?, when("end")?);
    let step =
        params.get("step").and_then(parse_step).ok_or_else(|| bad("step", "cannot parse to a valid duration"))?;
    if end < start {
        return Err(bad("end", "end timestamp must not be before start time"));
    }
    if step <= 0 {
        return Err(bad(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if (end - start) / step > POINTS {
        return Err(Refusal("bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned()));
    }
    let expr = parse(params.get("query").unwrap_or_default())?;
    let mut found: BTreeMap<Labels, Vec<Json>> = BTreeMap::new();
    let mut at = start;
    while at <= end {
        let vector = match (Evaluator { tsdb: &prometheus.tsdb, at }).value(&expr)? {
            Value::Scalar(value) => vec![(Labels::new(), value)],
            Value::Vector(vector) => vector,
            Value::Text(_) => {
                return Err(bad(
                    "query",
                    "invalid expression type \"string\" for range query, must be Scalar or instant Vector",
                ));
            }
            Value::Matrix(_) => {
                return Err(bad(
                    "query",
                    "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
                ));
            }
        };
        for (labels, value) in vector {
            found.entry(labels).or_default().push(point(at, value));
        }
        at += step;
    }
    Ok(
        json!({ "resultType": "matrix", "result": found.iter().map(|(labels, values)| json!({ "metric": labels, "values": values })).collect::<Vec<_>>() }),
    )
}

/// The label sets that any of the given selectors names, all when there are none.
fn matching<'a>(prometheus: &'a Prometheus, params: &Params) -> Result<Vec<&'a Labels>, Refusal> {
    let mut found = BTreeSet::new();
    let mut asked = false;
    for text in params.all("match[]") {
        asked = true;
        let matchers = selector(text).map_err(|error| match error {
            Error::Parse(message) | Error::Unsupported(message) | Error::Execution(message) => bad("match[]", &message),
        })?;
        let of_this: Vec<&Labels> =
            prometheus.tsdb.labels().filter(|labels| matchers.iter().all(|m| m.fits(labels))).collect();
        found.extend(of_this);
    }
    if !asked {
        found.extend(prometheus.tsdb.labels());
    }
    Ok(found.into_iter().collect())
}

fn series(prometheus: &Prometheus, params: &Params) -> Result<Json, Refusal> {
    if !params.has("match[]") {
        return Err(Refusal("bad_data", "no match[] parameter provided".to_owned()));
    }
    Ok(json!(matching(prometheus, params)?))
}

fn label_names(prometheus: &Prometheus, params: &Params) -> Result<Json, Refusal> {
    let names: BTreeSet<&String> = matching(prometheus, params)?.into_iter().flat_map(Labels::keys).collect();
    Ok(json!(names))
}

fn label_values(prometheus: &Prometheus, params: &Params, label: &str) -> Result<Json, Refusal> {
    if label.is_empty() || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Refusal("bad_data", format!("invalid label name: {label:?}")));
    }
    let values: BTreeSet<&String> =
        matching(prometheus, params)?.into_iter().filter_map(|labels| labels.get(label)).collect();
    Ok(json!(values))
}

/// As Go prints a float with an exponent.
fn exponent(value: f64) -> String {
    if !value.is_finite() {
        return number(value);
    }
    let text = format!("{value:e}");
    let Some((mantissa, power)) = text.split_once('e') else { return text };
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn alert(active: &Active, later: i64, now: i64) -> Json {
    let fires = active.fires_at() + later <= now || (active.rule.for_seconds == 0);
    let runbook = format!("https://runbooks.example.internal/{}", active.rule.alert.to_lowercase());
    json!({ "labels": active.labels, "annotations": { "summary": active.summary(), "runbook_url": runbook }, "state": if fires { "firing" } else { "pending" }, "activeAt": time(active.since + later), "value": exponent(active.value) })
}

fn rules(prometheus: &Prometheus, params: &Params, later: i64, now: i64) -> Json {
    let mut groups: Vec<Json> = Vec::new();
    if params.get("type") == Some("record") {
        return json!({ "groups": groups });
    }
    for (at, rule) in prometheus.rules.iter().enumerate() {
        let active: Vec<&Active> =
            prometheus.alerts.iter().filter(|((place, _), _)| *place == at).map(|(_, active)| active).collect();
        let fires = active.iter().any(|a| a.fires_at() + later <= now || rule.for_seconds == 0);
        let error = prometheus.errors.get(&at);
        let mut shown = json!({ "type": "alerting", "name": rule.alert, "query": rule.query, "duration": rule.for_seconds, "keepFiringFor": 0, "labels": { "severity": rule.severity }, "annotations": { "summary": rule.summary },
            "health": if error.is_some() { "err" } else { "ok" }, "state": if fires { "firing" } else if active.is_empty() { "inactive" } else { "pending" }, "evaluationTime": 0.0007, "lastEvaluation": time(prometheus.evaluated), "alerts": [] });
        if let Some(error) = error {
            shown["lastError"] = json!(error);
        }
        if params.get("exclude_alerts") == Some("true") {
            if let Some(shown) = shown.as_object_mut() {
                shown.remove("alerts");
            }
        } else {
            shown["alerts"] = active.iter().map(|a| alert(a, later, now)).collect();
        }
        match groups.last_mut().filter(|group| group["name"] == rule.group) {
            Some(group) => {
                if let Some(rules) = group["rules"].as_array_mut() {
                    rules.push(shown);
                }
            }
            None => groups.push(json!({ "name": rule.group, "file": format!("/etc/prometheus/rules/{}.yaml", rule.group), "interval": 15, "limit": 0, "evaluationTime": 0.004, "lastEvaluation": time(prometheus.evaluated), "rules": [shown] })),
        }
    }
    json!({ "groups": groups })
}

fn targets(prometheus: &Prometheus, now: i64) -> Json {
    let Ok(matchers) = selector("up") else { return json!({ "activeTargets": [], "droppedTargets": [] }) };
    let up = prometheus.tsdb.select(&matchers).filter_map(|(labels, series)| Some((labels, series.at(now)?)));
    let active: Vec<Json> = up.map(|(labels, value)| {
        let mut labels = labels.clone();
        labels.remove("__name__");
        let instance = labels.get("instance").cloned().unwrap_or_default();
        let job = labels.get("job").cloned().unwrap_or_default();
        let healthy = value > 0.0;
        json!({ "discoveredLabels": {}, "labels": labels, "scrapePool": job, "scrapeUrl": format!("http://{instance}/metrics"), "globalUrl": format!("http://{instance}/metrics"), "lastError": if healthy { "" } else { "context deadline exceeded" },
            "lastScrape": time(prometheus.evaluated), "lastScrapeDuration": 0.01, "health": if healthy { "up" } else { "down" }, "scrapeInterval": "15s", "scrapeTimeout": "10s" })
    }).collect();
    json!({ "activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {} })
}

fn metadata(prometheus: &Prometheus) -> Json {
    let kind = |name: &str| {
        if name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count") || name.ends_with("_sum") {
            "counter"
        } else {
            "gauge"
        }
    };
    prometheus
        .tsdb
        .names()
        .map(|name| (name.to_owned(), json!([{ "type": kind(name), "help": "", "unit": "" }])))
        .collect::<serde_json::Map<String, Json>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_alerts_have_an_exponent_of_two_digits() {
        assert_eq!(exponent(1.0), "1e+00");
        assert_eq!(exponent(0.02), "2e-02");
        assert_eq!(exponent(12345.0), "1.2345e+04");
    }

    #[test]
    fn times_are_read_as_seconds_and_as_rfc_3339() {
        assert_eq!(parse_time("1.5"), Some(1500));
        assert_eq!(parse_time("1970-01-01T00:00:02Z"), Some(2000));
        assert_eq!(parse_time("soon"), None);
        assert_eq!(parse_step("1m"), Some(60_000));
    }
}
