//! News on its way to the session: collected, with the strings it needs, and handed over in order.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::mpsc;

use crate::domain::change::{Batch, Change};
use crate::domain::interner::Interner;
use crate::domain::record::KindId;

/// Collects the changes of one kind. Sending waits while the session is busy, which slows the feed, not the screen.
#[derive(Debug)]
pub struct Outbox<T> {
    kind: KindId,
    pending: Vec<Change>,
    interner: Rc<RefCell<Interner>>,
    channel: mpsc::Sender<T>,
    wrap: fn(Batch) -> T,
}

/// The receiver is gone: this cluster is no longer looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl<T> Outbox<T> {
    pub fn new(kind: KindId, interner: Rc<RefCell<Interner>>, channel: mpsc::Sender<T>, wrap: fn(Batch) -> T) -> Self {
        Self { kind, pending: Vec::new(), interner, channel, wrap }
    }

    pub fn push(&mut self, change: Change) {
        self.pending.push(change);
    }

    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Hands everything over. Strings are taken only when there is room, so that no batch overtakes its strings.
    pub async fn flush(&mut self) -> Result<(), Gone> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let room = self.channel.reserve().await.map_err(|_| Gone)?;
        let strings = self.interner.borrow_mut().unshipped();
        let changes = std::mem::take(&mut self.pending);
        room.send((self.wrap)(Batch { kind: self.kind, strings, changes }));
        Ok(())
    }
}
