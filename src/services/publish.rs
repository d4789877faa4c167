//! A clip's way from a finished transcode to the feed: what the worker has done on its behalf.

use std::sync::Arc;

use crate::domain::change::Change;
use crate::domain::clip::{Clip, ClipEvent, ClipFailure, ClipMedia, ClipState};
use crate::domain::id::ClipId;
use crate::ports::changes::ChangeLog;
use crate::ports::clips::ClipStore;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;

/// Moves clips through their states.
pub struct Publish {
    store: Arc<dyn ClipStore>,
    changes: Arc<dyn ChangeLog>,
    clock: Arc<dyn Clock>,
}

impl Publish {
    /// Takes only what it writes.
    pub fn new(
        store: Arc<dyn ClipStore>,
        changes: Arc<dyn ChangeLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, changes, clock }
    }

    /// The clip as it stands.
    pub async fn clip(&self, id: ClipId) -> Result<Option<Clip>, StoreError> {
        self.store.get(id).await
    }

    /// Notes how much is encoded.
    pub async fn progress(&self, id: ClipId, permille: u16) -> Result<(), StoreError> {
        self.apply(id, || ClipEvent::Progressed { permille }).await.map(drop)
    }

    /// All objects are written: the clip may be shown. Done twice is done once; a clip that was taken
    /// down meanwhile stays down.
    pub async fn ready(&self, id: ClipId, media: &ClipMedia) -> Result<(), StoreError> {
        let at = self.clock.now();
        self.apply(id, || ClipEvent::Transcoded { media: media.clone(), at }).await?;
        self.announce(id).await
    }

    /// Tells the feed of a ready clip; also heals an announcement that a crash swallowed.
    pub async fn announce(&self, id: ClipId) -> Result<(), StoreError> {
        let published = self.store.get(id).await?.is_some_and(|clip| clip.published().is_some());
        if published {
            self.changes.append(&[Change::ClipPublished(id)]).await?;
        }
        Ok(())
    }

    /// The clip cannot be made; its creator is told why.
    pub async fn failed(&self, id: ClipId, failure: &ClipFailure) -> Result<(), StoreError> {
        let at = self.clock.now();
        self.apply(id, || ClipEvent::Failed { failure: failure.clone(), at }).await.map(drop)
    }

    /// Applies an event unless the clip's state refuses it; repeats when someone else was faster.
    async fn apply(
        &self,
        id: ClipId,
        event: impl Fn() -> ClipEvent,
    ) -> Result<Option<ClipState>, StoreError> {
        loop {
            let Some(mut clip) = self.store.get(id).await? else { return Ok(None) };
            let Ok(next) = clip.state.clone().apply(event()) else { return Ok(None) };
            if next == clip.state {
                return Ok(Some(next));
            }
            clip.state = next;
            clip.version += 1;
            match self.store.put(&clip).await {
                Ok(()) => return Ok(Some(clip.state)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
