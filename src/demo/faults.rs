//! The faults that the demo injects: rules as data, from a TOML file or a test. It decides which rules meet a request;
//! the server carries them out.

mod file;

use std::time::Duration;

use super::route::Route;

pub use file::FaultsError;

/// What a rule does to the requests that it meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Answers with this code: a `Status` object, or `body` as plain text when given.
    Status { code: u16, retry_after: Option<u32>, body: Option<String> },
    /// 404 as untyped text, as for an API that is not installed.
    NotFound,
    /// Answers late.
    Delay(Duration),
    /// Ends the body after so many bytes, and the connection with it.
    Cut(usize),
    /// Overwrites some of the body from this byte on.
    Garble(usize),
    /// Takes the request and says nothing while the rule holds.
    Silent,
    /// Stops sending the body after so many bytes while the rule holds; watches that are already open stop too.
    Hang(usize),
    /// 410 Expired: as the answer's code, or in the stream of a watch.
    Gone { in_stream: bool },
    /// Ends the connection without an answer; watches that are already open end too.
    Drop,
    /// Carries the request out, and then ends the connection without an answer: nobody can tell what became of it.
    Lose,
    /// 400 in the words of an admission webhook that denies, with its reason; nothing is carried out.
    Deny(String),
    /// Closes the listener and every connection while the rule holds. Meets no requests: path and similar keys
    /// mean nothing.
    Refuse,
    /// Moves the Date header by so many seconds.
    Skew(i64),
}

/// Which requests, when, and what then. Without conditions it meets every request.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The path begins like this.
    pub path: Option<String>,
    /// The query contains this, undecoded.
    pub query: Option<String>,
    /// A Kubernetes verb (`list`, `watch`, `get`, `create`...) or a method.
    pub verb: Option<String>,
    /// The first of the matching requests that is met, from 1.
    pub nth: u64,
    /// How many are met from then on; none: all.
    pub times: Option<u64>,
    /// From when on, counted from when the faults were set, on the demo's clock.
    pub from: Duration,
    /// Until when; none: for ever.
    pub until: Option<Duration>,
    pub act: Act,
    seen: u64,
}

impl Rule {
    /// A rule that meets every request.
    #[must_use]
    pub fn new(act: Act) -> Rule {
        Rule {
            path: None,
            query: None,
            verb: None,
            nth: 1,
            times: None,
            from: Duration::ZERO,
            until: None,
            act,
            seen: 0,
        }
    }

    #[must_use]
    pub fn path(mut self, prefix: &str) -> Rule {
        self.path = Some(prefix.to_owned());
        self
    }

    #[must_use]
    pub fn query(mut self, part: &str) -> Rule {
        self.query = Some(part.to_owned());
        self
    }

    #[must_use]
    pub fn verb(mut self, verb: &str) -> Rule {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Meets `times` requests, the `nth` first (from 1).
    #[must_use]
    pub fn only(mut self, nth: u64, times: u64) -> Rule {
        self.nth = nth;
        self.times = Some(times);
        self
    }

    #[must_use]
    pub fn from(mut self, from: Duration) -> Rule {
        self.from = from;
        self
    }

    #[must_use]
    pub fn until(mut self, until: Duration) -> Rule {
        self.until = Some(until);
        self
    }

    fn holds_at(&self, since: Duration) -> bool {
        since >= self.from && self.until.is_none_or(|until| since < until)
    }

    fn matches(&self, route: &Route, method: &str) -> bool {
        self.path.as_ref().is_none_or(|prefix| route.path.starts_with(prefix.as_str()))
            && self.query.as_ref().is_none_or(|part| route.query.contains(part.as_str()))
            && self.verb.as_ref().is_none_or(|verb| *verb == route.verb || verb.eq_ignore_ascii_case(method))
    }

    fn counted(&self) -> bool {
        self.nth > 1 || self.times.is_some()
    }
}

/// The rules in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    rules: Vec<Rule>,
    /// The demo's time when they were set.
    begun: Duration,
}

/// What to answer instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Instead {
    Status { code: u16, retry_after: Option<u32>, body: Option<String> },
    NotFound,
    Gone { in_stream: bool },
    Deny(String),
    Drop,
}

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub delay: Duration,
    pub silent: bool,
    /// The answer never leaves.
    pub lose: bool,
    pub instead: Option<Instead>,
    pub cut: Option<usize>,
    pub garble: Option<usize>,
    pub hang: Option<usize>,
    pub skew: i64,
}

impl Plan {
    /// Whether the body has to be watched over.
    #[must_use]
    pub fn touches_body(&self) -> bool {
        self.cut.is_some() || self.garble.is_some() || self.hang.is_some()
    }
}

/// What happens to a stream that is open already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    Hang(usize),
    Drop,
}

impl Faults {
    /// Adds a rule.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Faults {
        self.rules.push(rule);
        self
    }

    /// One rule alone.
    #[must_use]
    pub fn one(rule: Rule) -> Faults {
        Faults::default().with(rule)
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn begin(&mut self, elapsed: Duration) {
        self.begun = elapsed;
        for rule in &mut self.rules {
            rule.seen = 0;
        }
    }

    /// Counts the request for each rule that matches it, and gathers what the rules do. Of several answers the first wins.
    pub(super) fn plan(&mut self, route: &Route, method: &str, elapsed: Duration) -> Plan {
        let since = elapsed.saturating_sub(self.begun);
        let mut plan = Plan::default();
        for rule in &mut self.rules {
            if rule.act == Act::Refuse || !rule.holds_at(since) || !rule.matches(route, method) {
                continue;
            }
            rule.seen += 1;
            if rule.seen < rule.nth || rule.times.is_some_and(|times| rule.seen >= rule.nth + times) {
                continue;
            }
            let instead = match &rule.act {
                Act::Status { code, retry_after, body } => {
                    Some(Instead::Status { code: *code, retry_after: *retry_after, body: body.clone() })
                }
                Act::NotFound => Some(Instead::NotFound),
                Act::Gone { in_stream } => Some(Instead::Gone { in_stream: *in_stream }),
                Act::Drop => Some(Instead::Drop),
                Act::Deny(reason) => Some(Instead::Deny(reason.clone())),
                Act::Lose => {
                    plan.lose = true;
                    None
                }
                Act::Delay(delay) => {
                    plan.delay += *delay;
                    None
                }
                Act::Cut(after) => {
                    plan.cut = Some(*after);
                    None
                }
                Act::Garble(after) => {
                    plan.garble = Some(*after);
                    None
                }
                Act::Hang(after) => {
                    plan.hang = Some(*after);
                    None
                }
                Act::Silent => {
                    plan.silent = true;
                    None
                }
                Act::Skew(seconds) => {
                    plan.skew += seconds;
                    None
                }
                Act::Refuse => None,
            };
            if plan.instead.is_none() {
                plan.instead = instead;
            }
        }
        plan
    }

    /// Whether the request would still be left without an answer.
    pub(super) fn silent(&self, route: &Route, method: &str, elapsed: Duration) -> bool {
        let since = elapsed.saturating_sub(self.begun);
        self.rules.iter().any(|rule| rule.act == Act::Silent && rule.holds_at(since) && rule.matches(route, method))
    }

    /// What now happens to an open stream: rules that count requests do not reach it.
    pub(super) fn live(&self, route: &Route, method: &str, elapsed: Duration) -> Option<Live> {
        let since = elapsed.saturating_sub(self.begun);
        let mut rules = self.rules.iter().filter(|rule| !rule.counted() && rule.holds_at(since));
        rules.find_map(|rule| match rule.act {
            Act::Hang(after) if rule.matches(route, method) => Some(Live::Hang(after)),
            Act::Drop if rule.matches(route, method) => Some(Live::Drop),
            _ => None,
        })
    }

    /// Whether a rule that hung a stream at its request still holds.
    pub(super) fn hanging(&self, route: &Route, method: &str, elapsed: Duration) -> bool {
        let since = elapsed.saturating_sub(self.begun);
        self.rules
            .iter()
            .any(|rule| matches!(rule.act, Act::Hang(_)) && rule.holds_at(since) && rule.matches(route, method))
    }

    /// Whether the listener must be closed now.
    pub(super) fn refusing(&self, elapsed: Duration) -> bool {
        let since = elapsed.saturating_sub(self.begun);
        self.rules.iter().any(|rule| rule.act == Act::Refuse && rule.holds_at(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route::parse(&axum::http::Method::GET, &path.parse().unwrap())
    }

    #[test]
    fn a_counted_rule_meets_only_its_requests() {
        let act = Act::Status { code: 500, retry_after: None, body: None };
        let mut faults = Faults::one(Rule::new(act).path("/api/v1/pods").verb("list").only(2, 1));
        let mut meets = |path: &str| faults.plan(&route(path), "GET", Duration::ZERO).instead.is_some();
        assert!(!meets("/api/v1/pods"));
        assert!(!meets("/api/v1/pods?watch=1"));
        assert!(!meets("/api/v1/nodes"));
        assert!(meets("/api/v1/pods"));
        assert!(!meets("/api/v1/pods"));
    }

    #[test]
    fn a_window_is_counted_from_when_the_faults_were_set() {
        let rule = Rule::new(Act::Refuse).from(Duration::from_secs(10)).until(Duration::from_secs(20));
        let mut faults = Faults::one(rule);
        faults.begin(Duration::from_secs(100));
        let refusing: Vec<bool> =
            [105, 110, 119, 120].map(|second| faults.refusing(Duration::from_secs(second))).to_vec();
        assert_eq!(refusing, [false, true, true, false]);
    }

    #[test]
    fn delays_add_up_and_the_first_answer_wins() {
        let mut faults = Faults::one(Rule::new(Act::Delay(Duration::from_secs(1))))
            .with(Rule::new(Act::NotFound))
            .with(Rule::new(Act::Drop))
            .with(Rule::new(Act::Delay(Duration::from_secs(2))));
        let plan = faults.plan(&route("/version"), "GET", Duration::ZERO);
        assert_eq!(plan.delay, Duration::from_secs(3));
        assert_eq!(plan.instead, Some(Instead::NotFound));
    }
}
