//! Likes, saves, follows and blocks. Each is set and ended any number of times with the same result.

use std::sync::Arc;

use crate::domain::engagement::Relation;
use crate::domain::event::EventKind;
use crate::domain::id::{AccountId, ClipId};
use crate::ports::accounts::AccountStore;
use crate::ports::clips::ClipStore;
use crate::ports::error::StoreError;
use crate::ports::user_state::UserStates;
use crate::services::engagement::Engagement;

/// Why a relation was not set.
#[derive(Debug, thiserror::Error)]
pub enum SocialError {
    /// No such clip or creator, or not for this viewer.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// One cannot follow or block oneself.
    #[error("this is yourself")]
    Oneself,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets and ends relations.
pub struct Social {
    clips: Arc<dyn ClipStore>,
    accounts: Arc<dyn AccountStore>,
    states: Arc<dyn UserStates>,
    engagement: Arc<Engagement>,
}

/// How a viewer stands to a clip and to its creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Marks {
    /// Likes the clip.
    pub liked: bool,
    /// Saved the clip.
    pub saved: bool,
    /// Follows the creator.
    pub following: bool,
}

impl Social {
    /// Takes only what it needs.
    pub fn new(
        clips: Arc<dyn ClipStore>,
        accounts: Arc<dyn AccountStore>,
        states: Arc<dyn UserStates>,
        engagement: Arc<Engagement>,
    ) -> Self {
        Self { clips, accounts, states, engagement }
    }

    /// How the viewer stands to a clip of that creator.
    pub async fn marks(
        &self,
        viewer: AccountId,
        clip: ClipId,
        creator: AccountId,
    ) -> Result<Marks, StoreError> {
        let wanted = [
            (Relation::Like, clip.bits()),
            (Relation::Save, clip.bits()),
            (Relation::Follow, creator.bits()),
        ];
        let stands = self.states.relates(viewer, &wanted).await?;
        let at = |place: usize| stands.get(place).copied().unwrap_or_default();
        Ok(Marks { liked: at(0), saved: at(1), following: at(2) })
    }

    /// Likes or saves a clip, or takes that back. Taking back works on a clip that is gone, too.
    pub async fn clip(
        &self,
        viewer: AccountId,
        clip: ClipId,
        (relation, on): (Relation, bool),
    ) -> Result<(), SocialError> {
        let found = self.clips.get(clip).await?.ok_or(SocialError::NotFound("clip"))?;
        if on && found.published().is_none() && found.creator != viewer {
            return Err(SocialError::NotFound("clip"));
        }
        let kind = event(relation, on);
        Ok(self.engagement.act(viewer, kind, (Some(clip), None)).await?)
    }

    /// Follows or blocks a creator, or takes that back.
    pub async fn creator(
        &self,
        viewer: AccountId,
        creator: AccountId,
        (relation, on): (Relation, bool),
    ) -> Result<(), SocialError> {
        if viewer == creator {
            return Err(SocialError::Oneself);
        }
        // A creator who never touched the profile has clips, if anything.
        let known = self.accounts.get(creator).await?.is_some()
            || !self.clips.by_creator(creator, None, 1).await?.is_empty();
        if !known {
            return Err(SocialError::NotFound("creator"));
        }
        let kind = event(relation, on);
        Ok(self.engagement.act(viewer, kind, (None, Some(creator))).await?)
    }
}

fn event(relation: Relation, on: bool) -> EventKind {
    match (relation, on) {
        (Relation::Like, true) => EventKind::Like,
        (Relation::Like, false) => EventKind::Unlike,
        (Relation::Save, true) => EventKind::Save,
        (Relation::Save, false) => EventKind::Unsave,
        (Relation::Follow, true) => EventKind::Follow,
        (Relation::Follow, false) => EventKind::Unfollow,
        (Relation::Block, true) => EventKind::HideCreator,
        (Relation::Block, false) => EventKind::UnhideCreator,
    }
}
