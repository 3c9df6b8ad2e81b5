//! `pods/log`: the story's lines, or made-up ones for synthetic pods, with kubectl's options. Following looks again with
//! each tick of the story; it ends when the pod or the container's run does.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::load::LoadPod;
use super::resources::Resource;
use super::route::{Route, Target};
use super::shared::{Shared, State};
use super::status::{Failure, typed};

type Line = (Timestamp, String);

/// The container of one pod whose lines are read.
#[derive(Clone)]
struct Source {
    namespace: String,
    pod: String,
    container: String,
    previous: bool,
    /// The run that is read: another restart ends a following client.
    restarts: i64,
    uid: String,
}

/// What the client asked for beyond the container.
struct Wanted {
    timestamps: bool,
    tail: Option<usize>,
    since: Option<Timestamp>,
    limit: Option<usize>,
}

/// Answers a log request.
///
/// # Errors
/// 404 without the pod; 400 for a container that is not named, unknown, waiting or was never there before; 422 for bad options.
pub fn answer(
    shared: &Arc<Shared>,
    route: &Route,
    target: &Target,
    resource: &Resource,
) -> Result<Response<Body>, Failure> {
    let state = shared.state();
    let wanted = wanted(route, state.world.now())?;
    let (namespace, name) = (target.namespace.clone().unwrap_or_default(), target.name.clone().unwrap_or_default());
    let previous = route.flag("previous");
    let asked = route.parameter("container");
    let Some(pod) = state.world.get("Pod", &namespace, &name) else {
        let load = state.world.load();
        let found = load.and_then(|load| load.find(&namespace, &name).map(|index| load.get(index)));
        let Some(pod) = found else { return Err(Failure::not_found(resource, &name)) };
        let container = chosen(&name, &["api", "mesh"], &[], asked)?;
        let lines = if previous { Vec::new() } else { synthetic(&pod, &container, state.world.now()) };
        return Ok(typed("text/plain", text(&select(lines, &wanted), &wanted)));
    };
    let names = |pointer: &str| -> Vec<&str> {
        let list = pod.pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|container| container["name"].as_str()).collect()
    };
    let container = chosen(&name, &names("/spec/containers"), &names("/spec/initContainers"), asked)?;
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        // Not scheduled: there is no kubelet to ask, and the server says nothing at all.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let status = status(pod, &container);
    waiting(&name, &container, status, previous)?;
    let source = Source {
        restarts: status["restartCount"].as_i64().unwrap_or(0),
        uid: pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        namespace,
        pod: name,
        container,
        previous,
    };
    let Some(lines) = read(&state, &source) else { return Err(no_previous(&source.pod, &source.container)) };
    let last = lines.last().map(|(time, _)| *time);
    let lines = select(lines, &wanted);
    let first = text(&lines, &wanted);
    drop(state);
    if previous || !route.flag("follow") || wanted.limit.is_some_and(|limit| first.len() >= limit) {
        return Ok(typed("text/plain", first));
    }
    Ok(follow(Arc::clone(shared), source, wanted, last, first))
}

fn wanted(route: &Route, now: Timestamp) -> Result<Wanted, Failure> {
    let number = |name: &str| -> Result<Option<usize>, Failure> {
        let Some(text) = route.parameter(name) else { return Ok(None) };
        let invalid = || {
            Failure::invalid(
                "PodLogOptions",
                name,
                &format!("Invalid value: {text:?}: must be greater than or equal to 0"),
            )
        };
        text.parse().map(Some).map_err(|_| invalid())
    };
    let seconds = number("sinceSeconds")?;
    let time = match route.parameter("sinceTime") {
        None => None,
        Some(text) => Some(
            text.parse::<Timestamp>()
                .map_err(|_| Failure::bad_request(format!("parsing time {text:?} as RFC3339: cannot parse it")))?,
        ),
    };
    if seconds.is_some() && time.is_some() {
        let message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
        return Err(Failure::invalid("PodLogOptions", "sinceSeconds", message));
    }
    let ago = |seconds: usize| {
        let second = now.as_second().saturating_sub(i64::try_from(seconds).unwrap_or(i64::MAX));
        Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
    };
    Ok(Wanted {
        timestamps: route.flag("timestamps"),
        tail: number("tailLines")?,
        since: time.or_else(|| seconds.map(ago)),
        limit: number("limitBytes")?,
    })
}

/// The container to read; its absence is the caller's mistake unless there is only one.
fn chosen(pod: &str, containers: &[&str], inits: &[&str], asked: Option<&str>) -> Result<String, Failure> {
    if let Some(asked) = asked {
        if containers.contains(&asked) || inits.contains(&asked) {
            return Ok(asked.to_owned());
        }
        return Err(Failure::bad_request(format!("container {asked} is not valid for pod {pod}")));
    }
    if let [only] = containers {
        return Ok((*only).to_owned());
    }
    let mut message =
        format!("a container name must be specified for pod {pod}, choose one of: [{}]", containers.join(" "));
    if !inits.is_empty() {
        message.push_str(" or one of the init containers: [");
        message.push_str(&inits.join(" "));
        message.push(']');
    }
    Err(Failure::bad_request(message))
}

fn status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let mut all = lists.iter().filter_map(|list| pod.pointer(list).and_then(Value::as_array)).flatten();
    all.find(|status| status["name"] == container).unwrap_or(&Value::Null)
}

/// The kubelet's refusals for containers that have nothing to read.
fn waiting(pod: &str, container: &str, status: &Value, previous: bool) -> Result<(), Failure> {
    let ended = status["lastState"]["terminated"].is_object();
    if previous {
        return if ended { Ok(()) } else { Err(no_previous(pod, container)) };
    }
    let state = &status["state"];
    if ended || state["running"].is_object() || state["terminated"].is_object() {
        return Ok(());
    }
    let why = match state["waiting"]["reason"].as_str() {
        Some("ErrImagePull" | "ImagePullBackOff") => "trying and failing to pull image",
        Some("") | None => "ContainerCreating",
        Some(reason) => reason,
    };
    Err(Failure::bad_request(format!("container {container:?} in pod {pod:?} is waiting to start: {why}")))
}

fn no_previous(pod: &str, container: &str) -> Failure {
    Failure::bad_request(format!("previous terminated container {container:?} in pod {pod:?} not found"))
}

fn read(state: &State, source: &Source) -> Option<Vec<Line>> {
    state.story.logs(&state.world, &source.namespace, &source.pod, &source.container, source.previous)
}

fn select(mut lines: Vec<Line>, wanted: &Wanted) -> Vec<Line> {
    if let Some(since) = wanted.since {
        lines.retain(|(time, _)| *time >= since);
    }
    if let Some(tail) = wanted.tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    lines
}

fn text(lines: &[Line], wanted: &Wanted) -> Vec<u8> {
    let mut out = Vec::new();
    for (time, line) in lines {
        if wanted.timestamps {
            out.extend_from_slice(format!("{time:.9} ").as_bytes());
        }
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    if let Some(limit) = wanted.limit {
        out.truncate(limit);
    }
    out
}

struct Follower {
    shared: Arc<Shared>,
    source: Source,
    wanted: Wanted,
    last: Option<Timestamp>,
    first: Option<Vec<u8>>,
    pulse: tokio::sync::watch::Receiver<u64>,
    over: bool,
}

fn follow(
    shared: Arc<Shared>,
    source: Source,
    mut wanted: Wanted,
    last: Option<Timestamp>,
    first: Vec<u8>,
) -> Response<Body> {
    wanted.limit = wanted.limit.map(|limit| limit - first.len());
    let pulse = shared.pulse.subscribe();
    let first = (!first.is_empty()).then_some(first);
    let follower = Follower { shared, source, wanted, last, first, pulse, over: false };
    let chunks = futures::stream::unfold(follower, |mut follower| async move {
        let chunk = follower.next().await?;
        Some((Ok::<_, std::io::Error>(Bytes::from(chunk)), follower))
    });
    typed("text/plain", Body::from_stream(chunks))
}

impl Follower {
    async fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if self.over {
                return None;
            }
            self.pulse.changed().await.ok()?;
            let chunk = self.more();
            if !chunk.is_empty() {
                return Some(chunk);
            }
        }
    }

    /// The lines since the last look; a run that ended is read to its end first.
    fn more(&mut self) -> Vec<u8> {
        let shared = Arc::clone(&self.shared);
        let state = shared.state();
        let Some(pod) = state.world.get("Pod", &self.source.namespace, &self.source.pod) else {
            self.over = true;
            return Vec::new();
        };
        let status = status(pod, &self.source.container);
        let restarted = status["restartCount"].as_i64().unwrap_or(0) != self.source.restarts;
        let stopped = !status["state"]["running"].is_object();
        self.over = restarted || stopped || pod["metadata"]["uid"] != self.source.uid.as_str();
        if restarted {
            return Vec::new();
        }
        let mut lines = read(&state, &self.source).unwrap_or_default();
        lines.retain(|(time, _)| self.last.is_none_or(|last| *time > last));
        self.last = lines.last().map_or(self.last, |(time, _)| Some(*time));
        let chunk = text(&lines, &self.wanted);
        if let Some(limit) = &mut self.wanted.limit {
            *limit -= chunk.len();
            self.over |= *limit == 0;
        }
        chunk
    }
}

/// Five minutes of a service that has little to say.
fn synthetic(pod: &LoadPod, container: &str, now: Timestamp) -> Vec<Line> {
    let last = now.as_second() / 5;
    (last - 60..=last)
        .filter_map(|step| {
            let time = Timestamp::from_second(step * 5).ok()?;
            let took = super::birth::mix(step.unsigned_abs() ^ pod.index as u64) % 90;
            Some((time, format!("level=info component={container} msg=\"request served\" duration={took}ms")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_containers_have_to_be_told_apart() {
        let refused = chosen("p", &["a", "b"], &["i"], None).unwrap_err();
        assert_eq!(refused.code, 400);
        assert!(refused.message.contains("choose one of: [a b] or one of the init containers: [i]"));
        assert_eq!(chosen("p", &["a"], &["i"], None).unwrap(), "a");
        assert_eq!(chosen("p", &["a", "b"], &["i"], Some("i")).unwrap(), "i");
        assert_eq!(chosen("p", &["a"], &[], Some("x")).unwrap_err().code, 400);
    }

    #[test]
    fn options_cut_by_time_lines_and_bytes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let lines = vec![(at(1), "one".to_owned()), (at(2), "two".to_owned()), (at(3), "three".to_owned())];
        let wanted = Wanted { timestamps: true, tail: Some(1), since: Some(at(2)), limit: None };
        assert_eq!(text(&select(lines.clone(), &wanted), &wanted), b"1970-01-01T00:00:03.000000000Z three\n");
        let wanted = Wanted { timestamps: false, tail: None, since: None, limit: Some(6) };
        assert_eq!(text(&select(lines, &wanted), &wanted), b"one\ntw");
    }
}
