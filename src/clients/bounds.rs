//! How much a server may send, and how long it may take: of one answer, of one event of a watch, of the words of an
//! error, of a list in pages, and of everything that is being read at once. What is beyond is an error that names the
//! bound; nothing is kept.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a list whose page `n` has the number of objects and the continue token that `page(n)` returns.
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
}
