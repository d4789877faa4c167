//! Feed sessions go when no cursor leads to them any more.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::limits::RECONCILER_BATCH_MAX;
use crate::ports::error::StoreError;
use crate::services::feed_page::FeedPages;
use crate::worker::reconcilers::{Activation, Reconciler};

/// Drops the pages of sessions that are over.
pub struct ForgetFeedSessions {
    feed: Arc<FeedPages>,
}

impl ForgetFeedSessions {
    /// Over the service that has the sessions.
    pub fn new(feed: Arc<FeedPages>) -> Self {
        Self { feed }
    }
}

#[async_trait]
impl Reconciler for ForgetFeedSessions {
    fn name(&self) -> &'static str {
        "forget_feed_sessions"
    }

    async fn activate(&self) -> Result<Activation, StoreError> {
        let changed = self.feed.forget_old(RECONCILER_BATCH_MAX).await?;
        Ok(Activation { changed, more: changed >= RECONCILER_BATCH_MAX })
    }
}
