//! Expressions with their results, over a handful of series.

use rstest::rstest;

use super::{Error, Evaluator, Value, duration, number, parse};
use crate::demo::services::tsdb::{Labels, Sample, Shape, Tsdb};

const NOW: i64 = 1_800_000_000_000;

fn samples() -> Tsdb {
    let mut found = Vec::new();
    let mut put = |name: &str, labels: &[(&str, &str)], shape: Shape| {
        let mut all: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        all.insert("__name__".to_owned(), name.to_owned());
        found.push(Sample { labels: all, shape });
    };
    for (pod, ns, up) in [("a-0", "one", 1.0), ("a-1", "one", 0.0), ("b-0", "two", 1.0)] {
        put("up", &[("pod", pod), ("namespace", ns)], Shape::Gauge(up));
    }
    for (pod, wanted, found) in [("x", 3.0, 3.0), ("y", 2.0, 1.0)] {
        put("wanted", &[("pod", pod)], Shape::Gauge(wanted));
        put("found", &[("pod", pod)], Shape::Gauge(found));
    }
    put("requests_total", &[("code", "200")], Shape::Counter(9.0));
    put("requests_total", &[("code", "500")], Shape::Counter(1.0));
    for (le, rate) in [("1", 5.0), ("10", 9.0), ("60", 10.0), ("+Inf", 10.0)] {
        put("took_bucket", &[("le", le)], Shape::Counter(rate));
    }
    let mut tsdb = Tsdb::default();
    tsdb.take(found, NOW);
    tsdb
}

/// `labels value` of each element, joined by `; `; a scalar is its number.
fn ask(query: &str) -> Result<String, Error> {
    let tsdb = samples();
    let show = |labels: &Labels| labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",");
    let round = |v: f64| number((v * 1e6).round() / 1e6);
    Ok(match (Evaluator { tsdb: &tsdb, at: NOW }).value(&parse(query)?)? {
        Value::Scalar(v) => round(v),
        Value::Text(text) => text,
        Value::Vector(vector) => vector
            .iter()
            .map(|(l, v)| format!("{} {}", show(l), round(*v)).trim().to_owned())
            .collect::<Vec<_>>()
            .join("; "),
        Value::Matrix(matrix) => {
            matrix.iter().map(|(l, s)| format!("{} x{}", show(l), s.len())).collect::<Vec<_>>().join("; ")
        }
    })
}

#[rstest]
#[case("1 + 2 * 3", "7")]
#[case("2 ^ 3 ^ 2", "512")]
#[case("-2 ^ 2", "-4")]
#[case("7 % 4 - 1", "2")]
#[case("1 > bool 2", "0")]
#[case("1e3 / 0", "+Inf")]
#[case("time()", "1800000000")]
#[case("up{pod=\"a-1\"}", "__name__=up,namespace=one,pod=a-1 0")]
#[case("up{pod=~\"a-.\",pod!=\"a-0\"} == 0", "__name__=up,namespace=one,pod=a-1 0")]
#[case("up{pod=~\"a\"}", "")]
#[case("up{pod!~\"a.*\"}", "__name__=up,namespace=two,pod=b-0 1")]
#[case("{__name__=\"up\",namespace=\"two\"} * 5", "namespace=two,pod=b-0 5")]
#[case("sum(up)", "2")]
#[case("sum by (namespace) (up)", "namespace=one 1; namespace=two 1")]
#[case("count(up) by (namespace)", "namespace=one 2; namespace=two 1")]
#[case("avg without (pod) (up)", "namespace=one 0.5; namespace=two 1")]
#[case("min(up) + max(up)", "1")]
#[case("topk(1, found)", "__name__=found,pod=x 3")]
#[case("found < wanted", "__name__=found,pod=y 1")]
#[case("found / wanted", "pod=x 1; pod=y 0.5")]
#[case("found == bool wanted", "pod=x 1; pod=y 0")]
#[case("found / on (pod) wanted", "pod=x 1; pod=y 0.5")]
#[case("sum(found) / sum(wanted)", "0.8")]
#[case("up == 1 and up{namespace=\"one\"}", "__name__=up,namespace=one,pod=a-0 1")]
#[case("up unless up == 1", "__name__=up,namespace=one,pod=a-1 0")]
#[case("up{pod=\"a-0\"} or vector(9)", "__name__=up,namespace=one,pod=a-0 1; 9")]
#[case("rate(requests_total{code=\"500\"}[5m])", "code=500 1")]
#[case("increase(requests_total{code=\"500\"}[10m])", "code=500 600")]
#[case("sum(rate(requests_total{code=\"500\"}[5m])) / sum(rate(requests_total[5m])) > 0.01", "0.1")]
#[case("sum(rate(requests_total{code=\"500\"}[30d])) / sum(rate(requests_total[30d])) > 0.001", "0.1")]
#[case("min_over_time(sum by(code)(rate(requests_total{code=\"500\"}[2m]))[3m:30s]) > 0", "code=500 1")]
#[case("max_over_time(up{pod=\"a-0\"}[5m])", "namespace=one,pod=a-0 1")]
#[case("count_over_time(up{pod=\"a-0\"}[5m])", "namespace=one,pod=a-0 20")]
#[case("histogram_quantile(0.5, sum by(le)(rate(took_bucket[5m])))", "1")]
#[case("histogram_quantile(0.95, rate(took_bucket[5m])) > 30", "35")]
#[case("absent(up{job=\"gone\"})", "job=gone 1")]
#[case("absent(up)", "")]
#[case("-found{pod=\"y\"}", "pod=y -1")]
#[case("up{pod=\"a-0\"}[1m]", "__name__=up,namespace=one,pod=a-0 x4")]
#[case("\"text\"", "text")]
#[case("sum(up) # a comment", "2")]
fn an_expression_gives_its_result(#[case] query: &str, #[case] expected: &str) {
    assert_eq!(ask(query).as_deref(), Ok(expected));
}

#[rstest]
#[case("")]
#[case("up{")]
#[case("sum(up")]
#[case("up{pod=a}")]
#[case("up{pod=~\"(\"}")]
#[case("{pod=~\".*\"}")]
#[case("1 > 2")]
#[case("up and 1")]
#[case("rate(up)")]
#[case("sum(up[5m])")]
#[case("nonsense(up)")]
#[case("up[5]")]
#[case("up[0s]")]
#[case("up $ 1")]
#[case("up up")]
#[case("topk(up)")]
#[case("\"open")]
fn what_is_not_promql_is_bad_data(#[case] query: &str) {
    assert!(matches!(ask(query), Err(Error::Parse(_))), "{query}: {:?}", ask(query));
}

#[rstest]
#[case("up offset 5m", "offset")]
#[case("up @ 1", "@")]
#[case("found * on (pod) group_left wanted", "group_left")]
#[case("predict_linear(up[1h], 60)", "predict_linear")]
#[case("label_replace(up, \"a\", \"b\", \"c\", \"d\")", "label_replace")]
#[case("quantile(0.9, up)", "quantile")]
fn what_is_not_supported_is_refused_by_name(#[case] query: &str, #[case] what: &str) {
    assert!(matches!(ask(query), Err(Error::Unsupported(message)) if message.contains(what)), "{query}");
}

#[rstest]
#[case("up * on (namespace) up")]
#[case("sum by (namespace) (up) / on () up")]
fn what_matches_many_to_many_is_an_execution_error(#[case] query: &str) {
    assert!(matches!(ask(query), Err(Error::Execution(_))), "{query}: {:?}", ask(query));
}

#[test]
fn durations_are_sums_of_their_units() {
    assert_eq!(duration("1h30m"), Some(5_400_000));
    assert_eq!(duration("500ms"), Some(500));
    assert_eq!(duration("5"), None);
    assert_eq!(duration("m"), None);
    assert_eq!(number(f64::NEG_INFINITY), "-Inf");
}
