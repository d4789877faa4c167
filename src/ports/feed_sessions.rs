//! Walks through feeds: which pages were served, so that none repeats a clip and a replayed cursor
//! finds the same page.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use crate::domain::id::{FeedSessionId, SlateId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;

pub use crate::domain::feed_session::{
    Basis, Loaded, Mark, SCORE_INPUTS, ServedItem, ServedPage, SessionHead,
};

/// Keeps sessions until they are over.
#[async_trait]
pub trait FeedSessions: Send + Sync {
    /// Whether other processes record pages too, so that a session may have come further than this one
    /// remembers.
    fn is_shared(&self) -> bool;

    /// Records a page. It returns at once and may lose the last moments in a crash: the cursor carries
    /// what the next page needs.
    fn record(&self, session: &SessionHead, page: &ServedPage);

    /// The session with its pages in order; `None` if it was never recorded or is forgotten.
    async fn load(
        &self,
        id: FeedSessionId,
    ) -> Result<Option<(SessionHead, Vec<ServedPage>)>, StoreError>;

    /// Those pages of a session that are recorded, in order.
    async fn pages(
        &self,
        id: FeedSessionId,
        numbers: RangeInclusive<u32>,
    ) -> Result<Vec<ServedPage>, StoreError>;

    /// The page that has this id, with its session; `None` if it was never recorded or is forgotten.
    async fn find(&self, slate: SlateId) -> Result<Option<(SessionHead, ServedPage)>, StoreError>;

    /// Forgets sessions that began before `before`, at most `limit` pages; answers how many.
    async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
