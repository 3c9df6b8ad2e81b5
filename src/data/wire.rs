//! The way of news out of one connection, and how text of others is made harmless for it.

use tokio::sync::mpsc;

use super::{News, What};
use crate::domain::{redact, text};
use crate::sources::Clock;

/// What every task of one connection needs.
#[derive(Clone)]
pub(super) struct Wire {
    generation: u64,
    tell: mpsc::Sender<News>,
    pub clock: Clock,
}

impl Wire {
    pub fn new(generation: u64, tell: mpsc::Sender<News>, clock: Clock) -> Self {
        Self { generation, tell, clock }
    }

    pub async fn say(&self, what: What) -> bool {
        self.tell.send(News { generation: self.generation, what }).await.is_ok()
    }

    pub async fn say_all(&self, all: Vec<What>) {
        for what in all {
            self.say(what).await;
        }
    }

    /// The same without waiting; what finds no room is news that the next will make old.
    pub fn mention(&self, what: What) {
        let _ = self.tell.try_send(News { generation: self.generation, what });
    }
}

/// Text of others as one harmless line.
pub(super) fn clean(raw: &str) -> String {
    text::line(&redact::urls(raw)).into_owned()
}
