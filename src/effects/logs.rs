//! A pod's log as a stream of sanitised lines. Bounded in line length, and slowed by a reader that does not keep up.

use std::time::Duration;

use futures::TryStreamExt;
use http::Request;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio_util::io::StreamReader;

use crate::clients::bounds::Exceeded;
use crate::clients::cluster::Cluster;
use crate::clients::errors::RequestError;
use crate::clients::http::Http;
use crate::domain::reply::{LogLine, LogNews};
use crate::domain::served::escape;
use crate::domain::text;
use crate::intent::LogQuery;

const DEADLINE: Duration = Duration::from_secs(15);
/// Lines are handed over in heaps: a busy log must not wake the session for each.
const PACE: Duration = Duration::from_millis(80);
const HEAP: usize = 512;
/// Longest line kept, in bytes.
const LONGEST: usize = 16 * 1024;
/// What goes on for so long without a line feed is no line.
const ENDLESS: usize = 64 << 20;

/// Containers of a pod: the one that fails first, else the default one; then the others, init containers last. And
/// whether that one waits to be started again, so that its last words are of the run before.
fn containers(pod: &Value) -> (Vec<String>, bool) {
    let names = |pointer: &str| {
        let list = pod.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|c| c.get("name")?.as_str()).map(|n| text::line(n).into_owned()).collect::<Vec<_>>()
    };
    let mut all = names("/spec/containers");
    let wanted = pod.pointer("/metadata/annotations/kubectl.kubernetes.io~1default-container").and_then(Value::as_str);
    if let Some(at) = wanted.and_then(|w| all.iter().position(|n| n == w)) {
        let chosen = all.remove(at);
        all.insert(0, chosen);
    }
    all.extend(names("/spec/initContainers"));
    let mut waits = false;
    if let Some((name, is_over)) = failing(pod) {
        let name = text::line(name).into_owned();
        if let Some(at) = all.iter().position(|n| *n == name) {
            let chosen = all.remove(at);
            all.insert(0, chosen);
            waits = is_over;
        }
    }
    (all, waits)
}

/// The container that fails, of several the one that keeps the others waiting, and whether it is between two runs.
fn failing(pod: &Value) -> Option<(&str, bool)> {
    let of = |pointer: &str| pod.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let code = |state: Option<&Value>| state?.pointer("/terminated/exitCode").and_then(Value::as_i64);
    // init containers run before the others, one after another
    let init = of("/status/initContainerStatuses").iter().map(|status| (status, true));
    let all = init.chain(of("/status/containerStatuses").iter().map(|status| (status, false)));
    let graded = all.filter_map(|(status, is_init)| {
        let (state, last) = (status.get("state"), status.get("lastState"));
        let waiting = state.and_then(|state| state.get("waiting"));
        let reason = waiting.and_then(|waiting| waiting.get("reason")?.as_str()).unwrap_or_default();
        let failed_before = code(last).is_some_and(|code| code != 0);
        let between = waiting.is_some() && failed_before;
        let cannot_start = !matches!(reason, "" | "ContainerCreating" | "PodInitializing");
        let grade = match () {
            // what failed before in the others waits for it
            () if is_init && cannot_start => 5,
            () if between => 4,
            () if code(state).is_some_and(|code| code != 0) => 3,
            // its image or its configuration is not there: it says so in place of a log
            () if cannot_start => 2,
            // it runs again, and has not become ready
            () if failed_before && status.get("ready").and_then(Value::as_bool) == Some(false) => 1,
            () => return None,
        };
        Some((grade, status.get("name")?.as_str()?, between))
    });
    // the first of the worst
    graded.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name, waits)| (name, waits))
}

/// Reads the log, telling `news` until it ends or the listener is gone.
pub async fn follow<F, Fut>(cluster: &Cluster, query: &LogQuery, news: F)
where
    F: Fn(LogNews) -> Fut,
    Fut: Future<Output = bool>,
{
    let last = match stream(cluster, query, &news).await {
        Ok(why) => LogNews::Ended(why),
        Err(error) => LogNews::Failed(text::line(&error.to_string()).into_owned()),
    };
    news(last).await;
}

async fn stream<F, Fut>(cluster: &Cluster, query: &LogQuery, news: &F) -> Result<String, RequestError>
where
    F: Fn(LogNews) -> Fut,
    Fut: Future<Output = bool>,
{
    let base = format!("/api/v1/namespaces/{}/pods/{}", escape(&query.namespace), escape(&query.pod));
    let mut container = query.container.to_string();
    let mut previous = query.previous;
    if container.is_empty() {
        let pod: Value = Http::api(cluster).get(&base, DEADLINE).await?.into_result()?.json()?;
        let (names, waits) = containers(&pod);
        container = names.first().cloned().unwrap_or_default();
        previous |= waits;
        if !news(LogNews::Containers(names, previous)).await {
            return Ok(String::new());
        }
    }
    let mut path = format!("{base}/log?timestamps=true&tailLines={}&container={}", query.tail, escape(&container));
    if query.follow && !previous {
        path.push_str("&follow=true");
    }
    if previous {
        path.push_str("&previous=true");
    }
    if let Some(seconds) = query.since {
        path.push_str("&sinceSeconds=");
        path.push_str(&seconds.to_string());
    }
    let request = Request::get(&path).body(Body::empty()).map_err(|e| RequestError::Other(e.to_string()))?;
    let answer = tokio::time::timeout(DEADLINE, cluster.read.send(request))
        .await
        .map_err(|_| RequestError::Timeout)?
        .map_err(|e| RequestError::from_kube(&e))?;
    let status = answer.status();
    if !status.is_success() {
        let words = tokio::time::timeout(DEADLINE, answer.into_body().collect());
        let words = words.await.map_err(|_| RequestError::Timeout)?;
        let body = words.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let says: Option<Value> = serde_json::from_slice(&body).ok();
        let says = says.as_ref().and_then(|v| v.get("message")?.as_str()).unwrap_or("the API server gives no reason");
        return Err(match status.as_u16() {
            403 => RequestError::Forbidden { says: says.to_owned(), resource: Some("pods/log".to_owned()) },
            404 => RequestError::NotFound { says: says.to_owned() },
            code @ 500.. => RequestError::Server { code, says: says.to_owned() },
            code => RequestError::Client { code, says: says.to_owned() },
        });
    }
    if status.as_u16() == 204 {
        return Ok("no log: the pod is not on a node yet".to_owned());
    }
    let bytes = answer.into_body().into_data_stream().map_err(std::io::Error::other);
    let mut reader = tokio::io::BufReader::new(StreamReader::new(bytes));
    let mut heap: Vec<LogLine> = Vec::new();
    let mut raw = Vec::new();
    let mut left_out = 0;
    let mut due = tokio::time::interval(PACE);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            read = read_line(&mut reader, &mut raw, &mut left_out) => {
                let more = read.map_err(|e| RequestError::from_chain(&e))?;
                if more || !raw.is_empty() {
                    heap.push(line(&raw));
                    raw.clear();
                    left_out = 0;
                }
                if !more {
                    if !heap.is_empty() && !news(LogNews::Lines(heap)).await {
                        return Ok(String::new());
                    }
                    return Ok("the log ends here".to_owned());
                }
                if heap.len() >= HEAP && !news(LogNews::Lines(std::mem::take(&mut heap))).await {
                    return Ok(String::new());
                }
            }
            _ = due.tick(), if !heap.is_empty() => {
                if !news(LogNews::Lines(std::mem::take(&mut heap))).await {
                    return Ok(String::new());
                }
            }
        }
    }
}

/// Appends up to the next line feed to `raw`, keeping at most [`LONGEST`] bytes of a line; false at the end. What was
/// read before a cancellation stays in `raw`, and in `left_out` how much of it was not kept.
async fn read_line<R: tokio::io::AsyncBufRead + Unpin>(
    reader: &mut R,
    raw: &mut Vec<u8>,
    left_out: &mut usize,
) -> std::io::Result<bool> {
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = LONGEST.saturating_sub(raw.len());
        raw.extend_from_slice(&part[..part.len().min(room)]);
        *left_out += part.len().saturating_sub(room);
        let used = end.map_or(part.len(), |e| e + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
        if *left_out > ENDLESS {
            return Err(std::io::Error::other(Exceeded::Line(ENDLESS)));
        }
    }
}

fn line(raw: &[u8]) -> LogLine {
    let whole = String::from_utf8_lossy(raw);
    let (time, rest) = match whole.split_once(' ') {
        Some((time, rest)) if time.len() >= 20 && time.as_bytes()[4] == b'-' && time.contains('T') => (time, rest),
        _ => ("", &*whole),
    };
    let plain = strip_colours(rest);
    LogLine { time: text::line(time.get(..19).unwrap_or(time)).into(), text: text::line(&plain).into() }
}

/// Removes SGR sequences (colours), which programs write for terminals; every other escape stays and becomes visible.
fn strip_colours(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find("\x1b[") {
        let after = &rest[at + 2..];
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':');
        match end.filter(|e| after[*e..].starts_with('m')) {
            Some(end) => {
                out.push_str(&rest[..at]);
                rest = &after[end + 1..];
            }
            None => {
                out.push_str(&rest[..at + 2]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_default_container_comes_first() {
        let pod = json!({
            "metadata": {"annotations": {"kubectl.kubernetes.io/default-container": "app"}},
            "spec": {"containers": [{"name": "proxy"}, {"name": "app"}], "initContainers": [{"name": "setup"}]}
        });
        assert_eq!(containers(&pod).0, ["app", "proxy", "setup"]);
    }

    fn status(name: &str, state: &Value, last: i64) -> Value {
        json!({"name": name, "ready": false, "state": state, "lastState": {"terminated": {"exitCode": last}}})
    }

    #[rstest::rstest]
    #[case::the_second_one_waits(&[("app", "run", 0), ("worker", "wait", 2)], &[], "worker", true)]
    #[case::an_init_container(&[("app", "wait", 0), ("worker", "wait", 0)], &[("setup", "wait", 2)], "setup", true)]
    #[case::it_has_just_ended(&[("app", "run", 0), ("worker", "end", 0)], &[], "worker", false)]
    #[case::it_runs_again(&[("app", "run", 0), ("worker", "run", 1)], &[], "worker", false)]
    #[case::what_waits_counts_before_what_runs(&[("app", "run", 1), ("worker", "wait", 2)], &[], "worker", true)]
    #[case::nothing_fails(&[("app", "run", 0), ("worker", "run", 0)], &[("setup", "done", 0)], "app", false)]
    #[case::an_init_container_is_not_configured(&[("app", "starts", 0), ("worker", "starts", 0)], &[("setup", "config", 0)], "setup", false)]
    #[case::an_init_container_again(&[("app", "starts", 1), ("worker", "starts", 0)], &[("setup", "config", 0)], "setup", false)]
    #[case::an_image_is_not_there(&[("app", "run", 0), ("worker", "pull", 0)], &[("setup", "done", 0)], "worker", false)]
    #[case::what_has_a_log_counts_before(&[("app", "pull", 0), ("worker", "wait", 2)], &[], "worker", true)]
    #[case::all_of_them_start(&[("app", "starts", 0), ("worker", "starts", 0)], &[("setup", "run", 0)], "app", false)]
    #[case::restarted_and_done(&[("app", "wait", 0)], &[("setup", "done", 1)], "app", false)]
    fn the_container_that_fails_is_opened(
        #[case] main: &[(&str, &str, i64)],
        #[case] init: &[(&str, &str, i64)],
        #[case] opened: &str,
        #[case] previous: bool,
    ) {
        let of = |list: &[(&str, &str, i64)]| -> Vec<Value> {
            let state = |word: &str| match word {
                "wait" => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                "config" => json!({"waiting": {"reason": "CreateContainerConfigError"}}),
                "pull" => json!({"waiting": {"reason": "ImagePullBackOff"}}),
                "starts" => json!({"waiting": {"reason": "PodInitializing"}}),
                "end" => json!({"terminated": {"exitCode": 3}}),
                "done" => json!({"terminated": {"exitCode": 0}}),
                _ => json!({"running": {}}),
            };
            let each = list.iter().map(|(name, word, last)| {
                let mut one = status(name, &state(word), *last);
                one["ready"] = json!(*word == "done");
                one
            });
            each.collect()
        };
        let pod = json!({
            "spec": {"containers": [{"name": "app"}, {"name": "worker"}], "initContainers": [{"name": "setup"}]},
            "status": {"containerStatuses": of(main), "initContainerStatuses": of(init)}
        });
        let (names, waits) = containers(&pod);
        assert_eq!((names[0].as_str(), waits, names.len()), (opened, previous, 3));
    }

    #[test]
    fn colours_go_and_other_escapes_become_visible() {
        let out = line(b"2026-11-21T10:00:00.123456789Z \x1b[31;1mred\x1b[0m \x1b[2Jgone");
        assert_eq!((&*out.time, &*out.text), ("2026-11-21T10:00:00", "red ␛[2Jgone"));
        assert_eq!(&*line(b"no time at all here").text, "no time at all here");
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_one_without_end_is_an_error() {
        let mut input = vec![b'x'; 1 << 20];
        input.extend_from_slice(b"\nnext");
        let mut reader = tokio::io::BufReader::new(&input[..]);
        let (mut raw, mut left_out) = (Vec::new(), 0);
        assert!(read_line(&mut reader, &mut raw, &mut left_out).await.unwrap());
        assert_eq!((raw.len(), left_out), (LONGEST, (1 << 20) - LONGEST));
        (raw, left_out) = (Vec::new(), 0);
        assert!(!read_line(&mut reader, &mut raw, &mut left_out).await.unwrap());
        assert_eq!(raw, b"next");
        raw.clear();
        let mut endless = tokio::io::BufReader::new(tokio::io::repeat(b'x'));
        let error = read_line(&mut endless, &mut raw, &mut left_out).await.unwrap_err();
        assert_eq!(RequestError::from_chain(&error).headline(), "a line is longer than 64 MiB");
        assert_eq!(raw.len(), LONGEST);
    }
}
