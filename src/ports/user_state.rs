//! The lasting rows of one viewer, from which the state in memory is rebuilt. One partition each.
//!
//! They are written by [`crate::ports::events::EventLog::append`] alone.

use async_trait::async_trait;

use crate::domain::engagement::Relation;
use crate::domain::id::{AccountId, ClipId};
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::events::LoggedEvent;

/// Which part of a viewer's rows to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Seen marks from this instant on.
    pub seen_since: Timestamp,
    /// At most so many seen marks, the newest.
    pub seen_max: usize,
    /// At most so many events, the newest.
    pub history_max: usize,
}

/// All that lasts of one viewer, as of one offset of the event log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserRows {
    /// Every event of the viewer up to here is taken into account.
    pub offset: u64,
    /// Clips that must not return yet, with the instant they were last watched, in any order.
    pub seen: Vec<(ClipId, Timestamp)>,
    /// Relations with the bits of the clip or account, in any order.
    pub relations: Vec<(Relation, u128)>,
    /// The newest events, oldest first.
    pub history: Vec<LoggedEvent>,
}

/// Reads viewers' rows.
#[async_trait]
pub trait UserStates: Send + Sync {
    /// The rows of one viewer, all of one instant. A viewer who never did anything has empty ones.
    async fn load(&self, viewer: AccountId, reach: Reach) -> Result<UserRows, StoreError>;

    /// Whether each of these relations of a viewer stands, in their order; reads nothing else.
    async fn relates(
        &self,
        viewer: AccountId,
        wanted: &[(Relation, u128)],
    ) -> Result<Vec<bool>, StoreError>;

    /// Drops seen marks older than `before`; it may be lost and is then done by a later call.
    async fn forget_seen(&self, viewer: AccountId, before: Timestamp) -> Result<(), StoreError>;
}
