//! The body of an answer with its bounds: how much of it is read, and for how long, by what it is made of. What is in
//! memory of all answers of a connection is counted together.

use std::sync::Arc;
use std::time::Duration;

use ::http::Uri;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{Instant, timeout_at};
use tower::BoxError;

use super::bounds::{ANSWER, END, EVENT, Exceeded, TOGETHER, WATCH, WORDS};
use super::gzip::AnyBody;
use super::stats::Stats;

/// What an answer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One text, held whole by whoever reads it.
    Whole,
    /// A line for each event.
    Events,
    /// A stream that whoever reads it bounds: a pod's log.
    Stream,
    /// An error: its beginning is enough.
    Words,
}

/// What will come as an answer to this request, if it is no error.
pub fn shape(uri: &Uri) -> Shape {
    let mut query = uri.query().unwrap_or_default().split('&');
    let parts: Vec<&str> = uri.path().split('/').collect();
    if query.any(|pair| matches!(pair, "watch=true" | "watch=1")) {
        Shape::Events
    } else if matches!(parts[..], [.., "pods", _, "log"]) {
        Shape::Stream
    } else {
        Shape::Whole
    }
}

struct Reading {
    body: AnyBody,
    shape: Shape,
    until: Option<(Instant, Duration)>,
    held: Held,
    over: bool,
}

/// What is in memory of one answer, as the connection counts it.
struct Held {
    bytes: usize,
    stats: Arc<Stats>,
}

impl Held {
    fn add(&mut self, more: usize) -> Result<(), Exceeded> {
        self.bytes += more;
        if self.stats.hold(more) > TOGETHER { Err(Exceeded::Together(TOGETHER)) } else { Ok(()) }
    }

    fn set(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.stats.release(self.bytes);
        self.bytes = 0;
        self.add(bytes)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stats.release(self.bytes);
    }
}

impl Reading {
    /// Takes a piece in; what of it is passed on.
    fn take(&mut self, data: Bytes) -> Result<Bytes, Exceeded> {
        match self.shape {
            Shape::Stream => {}
            Shape::Whole => {
                self.held.add(data.len())?;
                if self.held.bytes > ANSWER {
                    return Err(Exceeded::Answer(ANSWER));
                }
            }
            Shape::Words => {
                let room = WORDS - self.held.bytes;
                self.over = data.len() > room;
                let data = data.slice(..data.len().min(room));
                self.held.add(data.len())?;
                return Ok(data);
            }
            Shape::Events => {
                let first = data.iter().position(|byte| *byte == b'\n');
                if self.held.bytes + first.unwrap_or(data.len()) > EVENT {
                    return Err(Exceeded::Event(EVENT));
                }
                match data.iter().rposition(|byte| *byte == b'\n') {
                    Some(last) => self.held.set(data.len() - last - 1)?,
                    None => self.held.add(data.len())?,
                }
            }
        }
        Ok(data)
    }
}

impl Shape {
    /// How long such an answer may take, from its head to its end.
    fn time(self) -> Option<Duration> {
        match self {
            Self::Stream => None,
            Self::Events => Some(WATCH),
            Self::Whole | Self::Words => Some(END),
        }
    }
}

/// The body with its bounds; its bytes count in `stats` while they are held.
pub fn bounded(body: AnyBody, shape: Shape, stats: Arc<Stats>) -> AnyBody {
    bounded_within(body, shape, shape.time(), stats)
}

fn bounded_within(body: AnyBody, shape: Shape, limit: Option<Duration>, stats: Arc<Stats>) -> AnyBody {
    let until = limit.map(|limit| (Instant::now() + limit, limit));
    let reading = Reading { body, shape, until, held: Held { bytes: 0, stats }, over: false };
    let frames = stream::try_unfold(reading, |mut reading| async move {
        if reading.over {
            return Ok(None);
        }
        let next = match reading.until {
            Some((until, limit)) => {
                timeout_at(until, reading.body.frame()).await.map_err(|_| BoxError::from(Exceeded::Endless(limit)))?
            }
            None => reading.body.frame().await,
        };
        let Some(frame) = next else { return Ok(None) };
        let mut exceeded = None;
        let frame = frame?.map_data(|data| {
            reading.take(data).unwrap_or_else(|error| {
                exceeded = Some(error);
                Bytes::new()
            })
        });
        match exceeded {
            Some(error) => Err(BoxError::from(error)),
            None => Ok(Some((frame, reading))),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{Stream, StreamExt};

    fn of(pieces: impl Stream<Item = Bytes> + Send + 'static) -> AnyBody {
        let body = axum::body::Body::from_stream(pieces.map(Ok::<_, BoxError>));
        body.map_err(BoxError::from).boxed_unsync()
    }

    fn endless(piece: &'static [u8]) -> AnyBody {
        of(stream::repeat_with(move || Bytes::from_static(piece)))
    }

    async fn read(body: AnyBody, shape: Shape, stats: &Arc<Stats>) -> (usize, Option<Exceeded>) {
        let mut body = bounded(body, shape, Arc::clone(stats));
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes += frame.data_ref().map_or(0, Bytes::len),
                Err(error) => return (bytes, Some(*error.downcast::<Exceeded>().unwrap())),
            }
        }
        (bytes, None)
    }

    static PIECE: [u8; 1 << 20] = [b'a'; 1 << 20];

    #[tokio::test]
    async fn an_answer_without_end_is_an_error_that_names_its_bound() {
        let stats = Arc::new(Stats::default());
        assert_eq!(read(endless(&PIECE), Shape::Whole, &stats).await, (ANSWER, Some(Exceeded::Answer(ANSWER))));
        assert_eq!(read(endless(&PIECE), Shape::Events, &stats).await, (EVENT, Some(Exceeded::Event(EVENT))));
        assert_eq!(Exceeded::Event(EVENT).to_string(), "one event is larger than 16 MiB");
        assert_eq!(stats.held(), 0, "nothing is kept");
    }

    #[tokio::test]
    async fn of_the_words_of_an_error_the_beginning_is_read() {
        let stats = Arc::new(Stats::default());
        assert_eq!(read(endless(&PIECE), Shape::Words, &stats).await, (WORDS, None));
    }

    #[tokio::test]
    async fn many_small_events_go_on_and_many_answers_share_one_bound() {
        let stats = Arc::new(Stats::default());
        let many = stream::iter((0..200).map(|_| Bytes::from_static(b"{}\n{}\n{")));
        let (bytes, error) = read(of(many), Shape::Events, &stats).await;
        assert_eq!((bytes, error), (1400, None));
        let mut open = Vec::new();
        let mut error = None;
        while error.is_none() {
            let mut body = bounded(endless(&PIECE), Shape::Whole, Arc::clone(&stats));
            for _ in 0..30 {
                if let Err(found) = body.frame().await.unwrap() {
                    error = Some(*found.downcast::<Exceeded>().unwrap());
                    break;
                }
            }
            open.push(body);
        }
        assert_eq!(error, Some(Exceeded::Together(TOGETHER)));
        drop(open);
        assert_eq!(stats.held(), 0);
    }

    #[tokio::test]
    async fn an_answer_that_trickles_is_given_up() {
        assert!([Shape::Whole, Shape::Words, Shape::Events].iter().all(|shape| shape.time().is_some()));
        let slow = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Bytes::from_static(b"a"), ()))
        });
        let limit = Duration::from_millis(60);
        let mut body = bounded_within(of(slow), Shape::Whole, Some(limit), Arc::default());
        let error = loop {
            if let Err(error) = body.frame().await.unwrap() {
                break error;
            }
        };
        assert_eq!(*error.downcast::<Exceeded>().unwrap(), Exceeded::Endless(limit));
    }

    #[test]
    fn what_will_come_is_known_by_the_request() {
        for (uri, expected) in [
            ("/api/v1/pods?limit=500", Shape::Whole),
            ("/api/v1/pods?limit=500&watch=true&resourceVersion=1", Shape::Events),
            ("/api/v1/namespaces/a/pods/b/log?follow=true", Shape::Stream),
            ("/api/v1/namespaces/a/services/http:b:80/proxy/log", Shape::Whole),
            ("/api/v1/namespaces/log/pods/log", Shape::Whole),
        ] {
            assert_eq!(shape(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
