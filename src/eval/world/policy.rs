//! Who is compared: ways to make a page.

use std::sync::Arc;

use crate::feed::candidate::Candidate;
use crate::feed::index::SharedIndex;
use crate::feed::pipeline::{ListedSource, Lists, Pipeline};
use crate::feed::query::FeedQuery;
use crate::feed::scorers::{ActionValue, Popularity};
use crate::feed::shop_feed;
use crate::feed::sources::{CatalogWalk, Explore, Followed, Fresh, Interest, Trending};
use crate::feed::stage::{CandidateSource, Scorer, StageError};

/// A way to make pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// The feed as it is shipped.
    Engine,
    /// The same stages with sources and scores from counters and explicit tastes alone.
    Counters,
    /// What many watch, the same for everybody.
    Popularity,
    /// Chance.
    Random,
    /// Whoever knows the true value of every clip to every viewer, and takes the best.
    Oracle,
}

/// How the pages of a life are made.
pub(super) enum Maker {
    /// By stages.
    Stages(Box<Pipeline>),
    /// By who knows the truth.
    Oracle,
}

impl Policy {
    /// All, the engine first.
    pub const ALL: [Self; 5] =
        [Self::Engine, Self::Counters, Self::Popularity, Self::Random, Self::Oracle];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Counters => "counters",
            Self::Popularity => "popularity",
            Self::Random => "random",
            Self::Oracle => "oracle",
        }
    }

    /// The policy of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }

    /// Over an index of its own.
    pub(super) fn maker(self, index: &SharedIndex) -> Maker {
        let over = || Arc::clone(index);
        let (sources, scorer): (_, Arc<dyn Scorer>) = match self {
            Self::Engine => return Maker::Stages(Box::new(shop_feed::for_you(index))),
            Self::Oracle => return Maker::Oracle,
            Self::Counters => (
                vec![
                    listed(Explore::new(over()), 16),
                    listed(Followed::new(over()), 96),
                    listed(Interest::new(over()), 192),
                    listed(Trending::new(over()), 224),
                    listed(Fresh::new(over()), 96),
                    listed(CatalogWalk::new(over()), 256),
                ],
                Arc::new(ActionValue::default()),
            ),
            Self::Popularity => (
                vec![listed(Trending::new(over()), 512), listed(CatalogWalk::new(over()), 256)],
                Arc::new(Popularity),
            ),
            Self::Random => (vec![listed(CatalogWalk::new(over()), 256)], Arc::new(Alike)),
        };
        let stages = shop_feed::for_you(index);
        let lists = Lists::default();
        Maker::Stages(Box::new(Pipeline { sources, scorers: vec![scorer], lists, ..stages }))
    }
}

fn listed(source: impl CandidateSource + 'static, limit: usize) -> ListedSource {
    ListedSource { source: Arc::new(source), limit }
}

/// Finds all clips alike: then the page's seed puts them in order.
struct Alike;

impl Scorer for Alike {
    fn name(&self) -> &'static str {
        "alike"
    }

    fn score(&self, _: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError> {
        for one in candidates {
            one.score = 0.0;
        }
        Ok(())
    }
}
