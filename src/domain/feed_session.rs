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
    /// All sources that brought it: bit `n` stands for the source of number `n`.
    pub sources: u16,
    /// What the score was made of; all zero if it was not made by the value model.
    pub inputs: [f32; SCORE_INPUTS],
}

/// Numbers that a score is made of: predictions by head, then how strongly each factor works.
pub const SCORE_INPUTS: usize = 14;

/// How far the ranking's state had come: it is a fold over the event log and over the steps in which one
/// process took in clips and products.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Mark {
    /// Steps taken in.
    pub step: u64,
    /// The offset of the event log taken in.
    pub offset: u64,
}

/// How the state of a viewer came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// Where the ranking's state was when it was read from the viewer's rows; it followed the log since.
    pub at: Mark,
    /// Every event of the viewer up to this offset was in the rows: they may be ahead of the state.
    pub rows: u64,
    /// When that was.
    pub time: Timestamp,
}

/// What a page was made with, besides the logs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Basis {
    /// The value model's numbers; empty if the page was not scored by it.
    pub model: Vec<f32>,
    /// Clips wanted.
    pub limit: u32,
    /// Whether the viewer's history was used.
    pub personalised: bool,
    /// How much might have something to buy, in millionths.
    pub shoppable_share: u32,
    /// The process whose steps count; 0 if none were kept.
    pub lane: u128,
    /// Steps of that lane that were taken in. The offset of the event log is the page's.
    pub step: u64,
    /// How the viewer's state came about; `None` if nothing could be read of the viewer.
    pub viewer: Option<Loaded>,
    /// The first page that the session served from this process's memory.
    pub since: u32,
    /// Where the ranking's state was when the session was taken up again from its stored pages; `None`
    /// if it began in that process.
    pub resumed: Option<Mark>,
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
    /// What it was made with; `None` for a page of a release that did not record it.
    pub basis: Option<Basis>,
}
