//! The feed of a kind that is watched, as its scopes share it.

use std::cell::RefCell;
use std::rc::Rc;

use super::outbox::{Gone, Outbox};
use super::report::Report;
use super::shared::Shared;
use crate::domain::change::{Batch, Change};
use crate::domain::record::KindId;

pub(super) struct Feed {
    pub kind: KindId,
    pub shared: Shared,
    pub report: Rc<RefCell<Report>>,
}

impl Feed {
    pub fn outbox(&self) -> Outbox<Batch> {
        Outbox::new(self.kind, self.shared.interner.clone(), self.shared.news.clone(), |batch| batch)
    }

    pub async fn tell(&self, out: &mut Outbox<Batch>) -> Result<(), Gone> {
        let news = self.report.borrow_mut().news((self.shared.clock)());
        if let Some(feed) = news {
            out.push(Change::Feed(feed));
        }
        out.flush().await
    }
}
