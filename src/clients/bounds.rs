//! How much a server may send, and how long it may take: of one answer, of one event of a watch, of the words of an
//! error, of a list in pages, and of everything that is being read at once. What is beyond is an error that names the
//! bound; nothing is kept.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::Uri;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{Instant, timeout_at};
use tower::BoxError;

use super::gzip::AnyBody;
use super::stats::Stats;

/// Bytes of one answer, unpacked. A page of 500 ordinary objects has a tenth of it.
pub const ANSWER: usize = 32 << 20;
/// Bytes of one event of a watch. An API server stores no object of more than a few MiB.
pub const EVENT: usize = 16 << 20;
/// Bytes that are read of the words of an error; the rest is left.
pub const WORDS: usize = 256 << 10;
/// Bytes of all answers of a connection that are being read at the same time.
pub const TOGETHER: usize = 192 << 20;
/// Until the head of an answer.
pub const HEAD: Duration = Duration::from_secs(90);
/// Until the end of an answer, from its head.
pub const END: Duration = Duration::from_secs(120);
/// A server ends each watch after two minutes, as it is asked to; one that does not is left.
pub const WATCH: Duration = Duration::from_secs(300);
/// Pages of one list: 300 000 objects in pages of 50, to which a page is cut that has no room.
pub const PAGES: u32 = 6_000;
/// Pages in a row that bring nothing and go on. The API may send some, etcd sends none.
pub const EMPTY: u32 = 10;

/// A bound that was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exceeded {
    /// Bytes of one answer.
    Answer(usize),
    /// Bytes of one event.
    Event(usize),
    /// Bytes of a line of a log.
    Line(usize),
    /// Bytes of all that is being read.
    Together(usize),
    /// Objects of one list.
    Objects(u32),
    /// Pages of one list.
    Pages(u32),
    /// Pages in a row of one list that brought nothing.
    Empty(u32),
    /// A page of a list goes on where it was itself.
    Circle,
    /// The list had no end by then.
    List(Duration),
    /// The answer had no end by then.
    Endless(Duration),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &usize| bytes >> 20;
        match self {
            Self::Answer(most) => write!(f, "the answer is larger than {} MiB", mib(most)),
            Self::Event(most) => write!(f, "one event is larger than {} MiB", mib(most)),
            Self::Line(most) => write!(f, "a line is longer than {} MiB", mib(most)),
            Self::Together(most) => write!(f, "what is being read is larger than {} MiB together", mib(most)),
            Self::Objects(most) => write!(f, "there are more than {most} objects"),
            Self::Pages(most) => write!(f, "the list has more than {most} pages"),
            Self::Empty(most) => write!(f, "the list goes on and brings nothing: {most} empty pages"),
            Self::Circle => write!(f, "the list goes in a circle: a page names itself as the next"),
            Self::List(time) => write!(f, "the list did not end within {} s", time.as_secs()),
            Self::Endless(time) => write!(f, "the answer did not end within {} s", time.as_secs()),
        }
    }
}

impl StdError for Exceeded {}

impl Exceeded {
    /// Whether it is the list that has no end: smaller pages do not help.
    pub fn is_of_list(&self) -> bool {
        matches!(self, Self::Objects(_) | Self::Pages(_) | Self::Empty(_) | Self::Circle | Self::List(_))
    }
}

/// A list in pages, and how far it may go. How many objects are kept is for its owner to say.
#[derive(Debug)]
pub struct Pages {
    time: Duration,
    until: Instant,
    read: u32,
    empty: u32,
    /// Where the page that was read last was asked for; empty for the first.
    at: String,
}

impl Pages {
    /// A list that begins now and must have ended after `time`.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self { time, until: Instant::now() + time, read: 0, empty: 0, at: String::new() }
    }

    /// Where the next page is to be asked for, after one of so many objects that names `next`; `None` at the end.
    ///
    /// # Errors
    /// The list goes on beyond a bound.
    pub fn turn(&mut self, objects: usize, next: Option<&str>) -> Result<Option<String>, Exceeded> {
        let Some(next) = next.filter(|token| !token.is_empty()) else { return Ok(None) };
        self.read += 1;
        self.empty = if objects == 0 { self.empty + 1 } else { 0 };
        if next == self.at {
            Err(Exceeded::Circle)
        } else if self.empty >= EMPTY {
            Err(Exceeded::Empty(EMPTY))
        } else if self.read >= PAGES {
            Err(Exceeded::Pages(PAGES))
        } else if Instant::now() >= self.until {
            Err(Exceeded::List(self.time))
        } else {
            next.clone_into(&mut self.at);
            Ok(Some(self.at.clone()))
        }
    }
}

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
    use http_body_util::Full;

    fn of(pieces: impl Stream<Item = Bytes> + Send + 'static) -> AnyBody {
        let frames = pieces.filter_map(|piece| async move { Full::new(piece).frame().await });
        StreamBody::new(frames.map(|frame| frame.map_err(BoxError::from))).boxed_unsync()
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

    /// Reads a list whose page `n` has as many objects as `page(n)` says and names the token beside it.
    fn listed(pages: &mut Pages, page: impl Fn(u32) -> (usize, String)) -> Result<u32, Exceeded> {
        let mut n = 0;
        loop {
            let (objects, next) = page(n);
            n += 1;
            if pages.turn(objects, Some(&next))?.is_none() {
                return Ok(n);
            }
        }
    }

    #[rstest::rstest]
    #[case::the_same_token(|_| (0, "x".to_owned()), Err(Exceeded::Circle))]
    #[case::the_same_token_and_objects(|_| (500, "x".to_owned()), Err(Exceeded::Circle))]
    #[case::new_tokens_and_nothing(|n| (0, format!("t{n}")), Err(Exceeded::Empty(EMPTY)))]
    #[case::one_object_for_ever(|n| (1, format!("t{n}")), Err(Exceeded::Pages(PAGES)))]
    #[case::some_empty_pages(|n| (usize::from(n % 9 == 0), if n < 90 { format!("t{n}") } else { String::new() }), Ok(91))]
    #[case::pods_50_000(|n| (500, if n < 99 { format!("t{n}") } else { String::new() }), Ok(100))]
    #[case::objects_300_000(|n| (500, if n < 599 { format!("t{n}") } else { String::new() }), Ok(600))]
    #[case::in_small_pages(|n| (50, if n < 5_998 { format!("t{n}") } else { String::new() }), Ok(5_999))]
    #[case::nothing(|_| (0, String::new()), Ok(1))]
    fn a_list_that_brings_nothing_ends_and_a_long_one_is_read(
        #[case] page: fn(u32) -> (usize, String),
        #[case] expected: Result<u32, Exceeded>,
    ) {
        assert_eq!(listed(&mut Pages::within(END), page), expected);
    }

    #[test]
    fn a_list_that_is_not_through_in_time_is_given_up() {
        let mut pages = Pages::within(Duration::ZERO);
        assert_eq!(listed(&mut pages, |n| (500, format!("t{n}"))), Err(Exceeded::List(Duration::ZERO)));
        assert_eq!(Pages::within(Duration::ZERO).turn(500, None), Ok(None), "a list that is complete is none too many");
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
