//! The samples of the demo's Prometheus. A series is kept as straight lines, a new one only when it bends, so that
//! an hour of ten thousand series costs little and any time can be asked for, also before the story began.

use std::collections::BTreeMap;

use super::promql::Matcher;

/// Label names and values, `__name__` among them.
pub type Labels = BTreeMap<String, String>;

/// Milliseconds between two samples.
pub const SCRAPE: i64 = 15_000;
/// Milliseconds before the first look that a series is taken to have existed.
const BEFORE: i64 = 45 * 86_400_000;
/// Milliseconds of history that are kept as it was.
const KEPT: i64 = 6 * 3_600_000;
/// Samples that a range gives at most; longer ranges are thinned, which no function here can tell.
const THINNED: i64 = 240;

/// What a look at the world says about a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A value as it is.
    Gauge(f64),
    /// A counter that grows by so much each second.
    Counter(f64),
}

/// A series as it is found.
#[derive(Clone, Debug)]
pub struct Sample {
    pub labels: Labels,
    pub shape: Shape,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    from: i64,
    value: f64,
    /// Each second.
    slope: f64,
    /// The series has ended here.
    stale: bool,
}

/// One series.
#[derive(Debug, Default)]
pub struct Series {
    lines: Vec<Line>,
    born: i64,
    seen: i64,
}

impl Series {
    /// The value at a time in milliseconds.
    pub fn at(&self, time: i64) -> Option<f64> {
        if time < self.born {
            return None;
        }
        let line = self.lines.iter().rev().find(|line| line.from <= time).or(self.lines.first())?;
        (!line.stale).then(|| line.value + line.slope * float(time - line.from) / 1000.0)
    }

    /// The samples in `(from, to]`.
    pub fn range(&self, from: i64, to: i64) -> Vec<(i64, f64)> {
        let step = SCRAPE * ((to - from) / SCRAPE / THINNED).max(1);
        let mut time = from.div_euclid(step) * step + step;
        let mut samples = Vec::new();
        while time <= to {
            if let Some(value) = self.at(time) {
                samples.push((time, value));
            }
            time += step;
        }
        samples
    }

    fn look(&mut self, shape: Shape, now: i64, first: bool) {
        self.seen = now;
        let expected = self.at(now);
        let (value, slope) = match shape {
            Shape::Gauge(value) => (value, 0.0),
            Shape::Counter(slope) => {
                (expected.unwrap_or_else(|| if first { slope * float(BEFORE) / 1000.0 } else { 0.0 }), slope)
            }
        };
        if self.lines.is_empty() {
            self.born = if first { now - BEFORE } else { now };
        }
        let same = expected.is_some_and(|expected| same(expected, value))
            && self.lines.last().is_some_and(|line| same(line.slope, slope));
        if !same {
            self.lines.push(Line { from: now, value, slope, stale: false });
        }
    }

    fn forget(&mut self, before: i64) {
        while self.lines.len() > 1 && self.lines[1].from < before {
            self.lines.remove(0);
            self.born = self.born.max(before);
        }
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= f64::EPSILON * a.abs().max(b.abs()).max(1.0) * 64.0
}

/// Every series by metric name and labels.
#[derive(Debug, Default)]
pub struct Tsdb {
    series: BTreeMap<String, BTreeMap<Labels, Series>>,
    looked: bool,
}

impl Tsdb {
    /// Takes in what one look found, at a time in milliseconds; series that were not found end.
    pub fn take(&mut self, samples: Vec<Sample>, now: i64) {
        let first = !self.looked;
        self.looked = true;
        self.keep(samples, now, first);
        for series in self.series.values_mut().flat_map(BTreeMap::values_mut) {
            let ended = series.lines.last().is_none_or(|line| line.stale);
            if series.seen != now && !ended {
                series.lines.push(Line { from: now, value: 0.0, slope: 0.0, stale: true });
            }
            series.forget(now - KEPT);
        }
        for of_name in self.series.values_mut() {
            of_name.retain(|_, series| series.seen > now - KEPT);
        }
    }

    fn keep(&mut self, samples: Vec<Sample>, now: i64, first: bool) {
        for sample in samples {
            let name = sample.labels.get("__name__").cloned().unwrap_or_default();
            self.series.entry(name).or_default().entry(sample.labels).or_default().look(sample.shape, now, first);
        }
    }

    /// The series that all matchers fit, by their labels.
    pub fn select<'a>(&'a self, matchers: &'a [Matcher]) -> impl Iterator<Item = (&'a Labels, &'a Series)> {
        let name = matchers.iter().find_map(Matcher::exact_name);
        let fits = move |labels: &Labels| matchers.iter().all(|m| m.fits(labels));
        self.series
            .iter()
            .filter(move |(key, _)| name.is_none_or(|name| name == key.as_str()))
            .flat_map(|(_, of_name)| of_name)
            .filter(move |(labels, _)| fits(labels))
    }

    /// The label sets of all series.
    pub fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.values().flat_map(BTreeMap::keys)
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.series.values().map(BTreeMap::len).sum()
    }

    /// The metric names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.iter().filter(|(_, of_name)| !of_name.is_empty()).map(|(name, _)| name.as_str())
    }
}

/// Counts and times are far below the 53 bits that a float holds.
#[expect(clippy::cast_precision_loss, reason = "times in milliseconds and counts fit into 53 bits")]
pub fn float(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, shape: Shape) -> Sample {
        Sample { labels: Labels::from([("__name__".to_owned(), name.to_owned())]), shape }
    }

    fn only(tsdb: &Tsdb) -> &Series {
        tsdb.series.values().next().and_then(|s| s.values().next()).expect("one series")
    }

    #[test]
    fn a_counter_goes_on_where_it_was_when_its_rate_changes() {
        let mut tsdb = Tsdb::default();
        tsdb.take(vec![sample("c", Shape::Counter(1.0))], 0);
        let before = only(&tsdb).at(15_000);
        tsdb.take(vec![sample("c", Shape::Counter(2.0))], 15_000);
        assert_eq!(only(&tsdb).at(15_000), before);
        assert_eq!(only(&tsdb).at(25_000), before.map(|v| v + 20.0));
    }

    #[test]
    fn a_series_that_is_no_longer_found_ends_and_may_come_back() {
        let mut tsdb = Tsdb::default();
        tsdb.take(vec![sample("g", Shape::Gauge(1.0))], 0);
        tsdb.take(vec![], 15_000);
        assert_eq!(only(&tsdb).at(14_999), Some(1.0));
        assert_eq!(only(&tsdb).at(15_000), None);
        tsdb.take(vec![sample("g", Shape::Gauge(1.0))], 30_000);
        assert_eq!(only(&tsdb).at(30_000), Some(1.0));
        assert_eq!(only(&tsdb).range(0, 45_000).len(), 2, "the gap gives no samples");
    }
}
