//! A clip in the running for a page.

use crate::domain::engagement::ClipCounters;
use crate::feed::index::ClipRow;

/// Which source brought a clip; shown in the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A new clip that is owed impressions.
    Explore,
    /// Of a creator whom the viewer follows.
    Following,
    /// Near the viewer's tastes.
    Interest,
    /// Popular in the viewer's market now.
    Trending,
    /// Published lately.
    Fresh,
    /// Found on a walk over all clips.
    Catalog,
    /// Goes with what the viewer held lately.
    CoWatch,
    /// Lies where the viewer's learned vector points.
    Embedding,
    /// Shows what the viewer looked at, wanted or bought, or goes with that.
    ProductInterest,
}

impl SourceKind {
    /// All, in the order of their stored numbers.
    pub const ALL: [Self; 9] = [
        Self::Explore,
        Self::Following,
        Self::Interest,
        Self::Trending,
        Self::Fresh,
        Self::Catalog,
        Self::CoWatch,
        Self::Embedding,
        Self::ProductInterest,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explore => "explore",
            Self::Following => "following",
            Self::Interest => "interest",
            Self::Trending => "trending",
            Self::Fresh => "fresh",
            Self::Catalog => "catalog",
            Self::CoWatch => "co_watch",
            Self::Embedding => "embedding",
            Self::ProductInterest => "product_interest",
        }
    }

    /// The source of a stored number; the walk for a number of a later release.
    pub fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Catalog)
    }
}

/// A clip as a source names it: its present number, and its key in case the number is reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Ordinal in the index.
    pub ordinal: u32,
    /// [`crate::feed::index::clip_key`].
    pub key: u64,
}

/// A clip in the running.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Which clip.
    pub found: Found,
    /// The first source of the list that brought it.
    pub source: SourceKind,
    /// All that brought it: bit `n` for the source of number `n`.
    pub sources: u16,
    /// Whether the walk over all clips passed it in this session: then it must be shown or kept.
    pub walked: bool,
    /// What ranking reads; filled in by hydrators. A row of another key means that the clip is gone.
    pub row: ClipRow,
    /// What was counted of it; filled in by hydrators.
    pub counters: ClipCounters,
    /// What it is worth; filled in by the scorer.
    pub score: f32,
    /// The chance with which it was drawn; 1 if it was ranked.
    pub propensity: f32,
}

impl Candidate {
    /// A clip as its source brings it, with nothing filled in.
    pub fn new(found: Found, source: SourceKind) -> Self {
        Self {
            found,
            source,
            sources: 1 << source as u16,
            walked: false,
            row: ClipRow::FREE,
            counters: ClipCounters::default(),
            score: 0.0,
            propensity: 1.0,
        }
    }
}
