//! A viewer's walk through a feed, as it was served.

use crate::domain::account::Market;
use crate::domain::id::{AccountId, ClipId, FeedSessionId, SlateId};
use crate::domain::time::Timestamp;

/// What belongs to a whole session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionHead {
    /// Who it is.
    pub id: FeedSessionId,
    /// Whose walk.
    pub viewer: AccountId,
    /// Which feed.
    pub following: bool,
    /// Where the viewer watched when it began.
    pub market: Market,
    /// Decides ties and exploration.
    pub seed: u64,
    /// When it began.
    pub started_at: Timestamp,
}

/// One clip of a page as it was served.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServedItem {
    /// Which clip.
    pub clip: ClipId,
    /// The source that brought it, by its number.
    pub source: u8,
    /// The chance with which it was drawn; 1 for a clip that was ranked.
    pub propensity: f32,
    /// The score it had.
    pub score: f32,
}

/// One page as it was served: enough to serve it again and to recompute it.
#[derive(Clone, PartialEq, Debug)]
pub struct ServedPage {
    /// Its number in the session, from 0.
    pub number: u32,
    /// The page's id.
    pub slate: SlateId,
    /// When it was made.
    pub served_at: Timestamp,
    /// The offset of the event log that the ranking had taken in.
    pub log_offset: u64,
    /// A digest of all ranking settings.
    pub config: u64,
    /// Its clips.
    pub items: Vec<ServedItem>,
    /// Nothing was left after it.
    pub exhausted: bool,
    /// A part of the ranking had failed.
    pub degraded: bool,
}
