//! What is on the feed's pages, and how many were degraded.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::id::{FeedSessionId, SlateId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::feed_sessions::{FeedSessions, ServedPage, SessionHead};
use crate::telemetry::figures::Figures;

/// Counts the pages that are recorded: each new one once.
pub struct ObservedSessions {
    inner: Arc<dyn FeedSessions>,
    figures: Arc<Figures>,
    /// The word of each source's number.
    source: fn(u8) -> &'static str,
}

impl ObservedSessions {
    /// Passes on to `inner`.
    pub fn new(
        inner: Arc<dyn FeedSessions>,
        figures: Arc<Figures>,
        source: fn(u8) -> &'static str,
    ) -> Self {
        Self { inner, figures, source }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl FeedSessions for ObservedSessions {
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn record(&self, session: &SessionHead, page: &ServedPage) {
        self.figures.feed.page(page.degraded);
        for item in &page.items {
            self.figures.feed.served((self.source)(item.source));
        }
        self.inner.record(session, page);
    }

    async fn load(
        &self,
        id: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError> {
        self.inner.load(id).await
    }

    async fn pages(
        &self,
        id: FeedSessionId,
        numbers: RangeInclusive<u32>,
    ) -> Result<Vec<ServedPage>, StoreError> {
        self.inner.pages(id, numbers).await
    }

    async fn find(&self, slate: SlateId) -> Result<Option<(SessionHead, ServedPage)>, StoreError> {
        self.inner.find(slate).await
    }

    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.forget(before, limit).await
    }
}
