//! Clips, one partition each, and the lists that are read by creator and by time of publication.

use async_trait::async_trait;

use crate::domain::clip::Clip;
use crate::domain::id::{AccountId, ClipId};
use crate::ports::error::StoreError;

/// Keeps clips.
#[async_trait]
pub trait ClipStore: Send + Sync {
    /// The clip, in whatever state.
    async fn get(&self, id: ClipId) -> Result<Option<Clip>, StoreError>;

    /// Writes `clip` if the stored version is `clip.version - 1` (absence counts as version 0, so the
    /// first write has version 1); else [`StoreError::Conflict`]. The lists follow the write; a crash
    /// between both is healed by the next write of the same clip.
    async fn put(&self, clip: &Clip) -> Result<(), StoreError>;

    /// Clips of one creator in any state but removed, newest id first, strictly below `before`.
    async fn by_creator(
        &self,
        creator: AccountId,
        before: Option<ClipId>,
        limit: usize,
    ) -> Result<Vec<Clip>, StoreError>;

    /// All published clips, each exactly once, at most `limit`: how an index is rebuilt. They come in an
    /// order of the store's own, which goes on behind `after`, the last one of the page before (it need
    /// not be published any more). A page is shorter than `limit` only when it is the last.
    async fn published(&self, after: Option<ClipId>, limit: usize)
    -> Result<Vec<Clip>, StoreError>;
}
