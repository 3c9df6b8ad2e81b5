//! The demo misbehaving on command, as seen by a client.

use std::time::Duration;

use jiff::Timestamp;
use watchkeeper::demo::faults::{Act, Rule};
use watchkeeper::demo::{Demo, DemoError, Faults, Options};

use crate::lab::{Answer, Lab, config, finish, pair};

const MAPS: &str = "/api/v1/namespaces/wire/configmaps";

fn date(answer: &Answer) -> Timestamp {
    let text = answer.headers["date"].to_str().unwrap();
    jiff::fmt::rfc2822::parse(text).unwrap().timestamp()
}

fn hundred() -> Lab {
    let lab = Lab::new();
    lab.control.with_world(|world| (0..100).for_each(|index| world.apply(config(&format!("m{index:03}"), "red"))));
    lab
}

#[tokio::test]
async fn a_code_comes_with_its_status_and_retry_after() {
    let lab = Lab::new();
    let act = Act::Status { code: 429, retry_after: Some(7), body: None };
    lab.control.set_faults(Faults::one(Rule::new(act).path("/api/v1/").verb("list").only(2, 1)));
    assert_eq!(lab.get(MAPS).await.status, 200);
    let refused = lab.get(MAPS).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(refused.json()["reason"], "TooManyRequests");
    assert_eq!(lab.get(MAPS).await.status, 200);
    let text = Act::Status { code: 502, retry_after: None, body: Some("<html>bad gateway</html>".to_owned()) };
    lab.control.set_faults(Faults::one(Rule::new(text)).with(Rule::new(Act::NotFound)));
    let proxy = lab.get(MAPS).await;
    assert_eq!((proxy.status, proxy.text()), (502, "<html>bad gateway</html>"));
    lab.control.set_faults(Faults::one(Rule::new(Act::NotFound)));
    assert_eq!(lab.get(MAPS).await.text(), "404 page not found\n");
}

#[tokio::test]
async fn a_cut_body_breaks_and_a_garbled_one_is_no_json() {
    let lab = hundred();
    let whole = lab.get(MAPS).await.body.len();
    lab.control.set_faults(Faults::one(Rule::new(Act::Cut(500))));
    let mut response = lab.request("GET", MAPS).send().await.unwrap();
    let mut read = 0;
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken && read <= 500, "{read} bytes of {whole}");
    lab.control.set_faults(Faults::one(Rule::new(Act::Garble(500))));
    let garbled = lab.get(MAPS).await;
    assert_eq!(garbled.body.len(), whole);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbled.body).is_err());
}

#[tokio::test]
async fn silence_lasts_as_long_as_its_rule() {
    let lab = Lab::new();
    lab.control.set_faults(Faults::one(Rule::new(Act::Silent).path("/version").until(Duration::from_secs(30))));
    let mut waiting = tokio::spawn(finish(lab.request("GET", "/version")));
    assert_eq!(lab.get("/readyz").await.status, 200);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut waiting).await.is_err(), "it must not answer yet");
    lab.control.advance(Duration::from_secs(31));
    assert_eq!(waiting.await.unwrap().status, 200);
}

#[tokio::test]
async fn an_open_watch_can_be_hung_and_goes_on_later() {
    let lab = Lab::new();
    let mut frames = lab.watch(&format!("{MAPS}?watch=1")).await;
    lab.put("a", "red");
    assert_eq!(frames.seen().await, pair("ADDED", "a"));
    lab.control.set_faults(Faults::one(Rule::new(Act::Hang(0)).verb("watch")));
    lab.put("b", "red");
    assert!(tokio::time::timeout(Duration::from_millis(100), frames.chunk()).await.is_err(), "it must hang");
    lab.control.set_faults(Faults::default());
    assert_eq!(frames.seen().await, pair("ADDED", "b"));
}

#[tokio::test]
async fn an_expired_version_comes_as_a_code_or_in_the_stream() {
    let lab = Lab::new();
    lab.control.set_faults(Faults::one(Rule::new(Act::Gone { in_stream: false }).verb("watch")));
    assert_eq!(lab.get(&format!("{MAPS}?watch=1")).await.status, 410);
    lab.control.set_faults(Faults::one(Rule::new(Act::Gone { in_stream: true }).verb("watch")));
    let mut frames = lab.watch(&format!("{MAPS}?watch=1")).await;
    assert_eq!(frames.next().await.unwrap()["object"]["code"], 410);
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn connections_are_dropped_without_an_answer_or_in_the_middle() {
    let lab = Lab::new();
    let mut frames = lab.watch(&format!("{MAPS}?watch=1")).await;
    lab.control.set_faults(Faults::one(Rule::new(Act::Drop).path(MAPS)));
    assert!(lab.request("GET", MAPS).send().await.is_err());
    assert!(frames.try_next().await.is_err(), "an open watch must break, not end");
    assert_eq!(lab.get("/version").await.status, 200);
    lab.control.set_faults(Faults::default());
    let mut frames = lab.watch(&format!("{MAPS}?watch=1")).await;
    lab.control.disconnect();
    assert!(frames.try_next().await.is_err());
}

#[tokio::test]
async fn a_refusing_listener_comes_back_on_the_same_port() {
    let lab = Lab::new();
    let mut frames = lab.watch(&format!("{MAPS}?watch=1")).await;
    lab.control.set_faults(Faults::one(Rule::new(Act::Refuse).until(Duration::from_mins(1))));
    assert!(frames.try_next().await.is_err());
    let refused = lab.request("GET", "/version").send().await;
    assert!(refused.unwrap_err().is_connect());
    lab.control.advance(Duration::from_secs(61));
    let deadline = tokio::time::Instant::now() + crate::lab::DEADLINE;
    while lab.request("GET", "/version").send().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "it never listened again");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_answer_has_the_demos_date_and_a_skewed_one_when_told() {
    let lab = Lab::new();
    let first = date(&lab.get("/version").await);
    lab.control.advance(Duration::from_hours(1));
    let later = date(&lab.get(MAPS).await);
    assert!((3600..3720).contains(&later.duration_since(first).as_secs()));
    lab.control.set_faults(Faults::one(Rule::new(Act::Skew(-600))));
    let skewed = date(&lab.get("/nothing").await);
    assert!((580..=600).contains(&later.duration_since(skewed).as_secs()));
}

#[tokio::test]
async fn a_delay_holds_one_request_and_not_the_others() {
    let lab = Lab::new();
    lab.control.set_faults(Faults::one(Rule::new(Act::Delay(Duration::from_millis(300))).path(MAPS)));
    let started = tokio::time::Instant::now();
    let (slow, fast) = tokio::join!(
        async {
            lab.get(MAPS).await;
            started.elapsed()
        },
        async {
            lab.get("/version").await;
            started.elapsed()
        }
    );
    assert!(slow >= Duration::from_millis(300) && fast < slow);
}

#[test]
fn a_faults_file_is_refused_with_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "# comment\n[[rule]]\ndo = \"status\"\ncode = 42\n").unwrap();
    let options = |path: &std::path::Path| Options { faults: Some(path.to_owned()), ..Options::default() };
    let Err(DemoError::Faults(error)) = Demo::start(options(file.path())) else { panic!("it started") };
    assert!(error.to_string().starts_with(&format!("{}:4: ", file.path().display())), "{error}");
    assert!(matches!(
        Demo::start(options(std::path::Path::new("/nonexistent/faults.toml"))),
        Err(DemoError::Faults(_))
    ));
}
