//! What a page is asked for with: the viewer, the session so far, and what hydrators add.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::domain::account::Market;
use crate::domain::engagement::unix_s;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::feed::candidate::Found;
use crate::feed::hydrators::LearnedViewer;
use crate::feed::index::{CLIP_MERCHANTS, Entity, Index, NONE, SHOPPABLE};
use crate::feed::user::{SharedUser, TasteTable};
use crate::feed::values::Values;
use crate::ranking::diversity::{Budget, Face};
use crate::ranking::learner::factors::DIMENSIONS;

/// Which feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// Ranked.
    ForYou,
    /// Clips of followed creators, the newest first.
    Following,
}

impl Surface {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForYou => "for_you",
            Self::Following => "following",
        }
    }

    /// The surface of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::ForYou, Self::Following].into_iter().find(|surface| surface.as_str() == word)
    }
}

/// A walk over all clips in an order of its own: ordinal `(start + step · i) mod capacity` for growing
/// `i`. Since `step` and `capacity` have no common divisor it passes each ordinal once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Walk {
    /// Ordinals there were when it began; later ones are the business of the fresh source.
    pub capacity: u32,
    /// Where it began.
    pub start: u32,
    /// How far apart stops are.
    pub step: u32,
    /// Stops made.
    pub walked: u32,
    /// Clips it passed that were not shown yet, in the order of passing.
    pub leftovers: Vec<Found>,
}

impl Walk {
    /// A walk over `capacity` ordinals, scattered by `seed`, so that neighbours by upload do not meet.
    pub fn new(capacity: u32, seed: u64) -> Self {
        if capacity == 0 {
            return Self::default();
        }
        // About the golden section of the range: successive stops are far apart.
        let mut step = (f64::from(capacity) * 0.618_033_988_75) as u32;
        step = step.max(1);
        while gcd(step, capacity) != 1 {
            step += 1;
        }
        let start = ((u128::from(seed) * u128::from(capacity)) >> 64) as u32;
        Self { capacity, start, step, walked: 0, leftovers: Vec::new() }
    }

    /// The ordinal of stop `index`.
    pub fn stop(&self, index: u32) -> u32 {
        let place = u64::from(self.start) + u64::from(self.step) * u64::from(index);
        (place % u64::from(self.capacity.max(1))) as u32
    }

    /// Whether every stop was made.
    pub fn is_over(&self) -> bool {
        self.walked >= self.capacity
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// One clip that was shown before, as the slate rules see it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ShownFace {
    /// Whose it was.
    pub creator: Entity,
    /// Whose products it showed.
    pub merchants: [Entity; CLIP_MERCHANTS],
    /// What was tagged in it.
    pub products: Vec<Entity>,
    /// What it was about.
    pub topics: Vec<Entity>,
    /// What was learned of it.
    pub vector: [f32; DIMENSIONS],
    /// Whether there was something to buy.
    pub is_shoppable: bool,
    /// When it was published, if that is known.
    pub published_at: Option<Timestamp>,
}

impl ShownFace {
    /// A clip of which nothing is known any more but that there may have been something to buy.
    pub fn unknown() -> Self {
        Self {
            creator: NONE,
            merchants: [NONE; CLIP_MERCHANTS],
            is_shoppable: true,
            ..Self::default()
        }
    }

    /// The clip of a row.
    pub fn of(index: &Index, ordinal: u32) -> Self {
        let row = index.row(ordinal);
        Self {
            creator: row.creator,
            merchants: index.merchants(ordinal),
            products: index.products(ordinal),
            topics: row.row_tags().collect(),
            vector: index.vector(ordinal),
            is_shoppable: row.flags & SHOPPABLE != 0,
            published_at: Some(row.published_at()),
        }
    }

    /// As the slate rules see it.
    pub fn face(&self) -> Face<'_> {
        Face {
            creator: self.creator,
            merchants: known(&self.merchants),
            products: &self.products,
            more_products: &[],
            topics: &self.topics,
            vector: self.vector,
            is_shoppable: self.is_shoppable,
        }
    }
}

/// Those before the first [`NONE`].
pub fn known(entities: &[Entity]) -> &[Entity] {
    let end = entities.iter().position(|one| *one == NONE);
    &entities[..end.unwrap_or(entities.len())]
}

/// A request for a page. The first part is given, the second is what query hydrators fill in.
#[derive(Clone, Debug)]
pub struct FeedQuery {
    /// Who asks.
    pub viewer: AccountId,
    /// Which feed.
    pub surface: Surface,
    /// The present.
    pub now: Timestamp,
    /// Clips wanted.
    pub limit: usize,
    /// Decides ties and exploration of this page.
    pub seed: u64,
    /// Where the viewer watches.
    pub market: Market,
    /// Whether history may be used. If not, nothing but market, time and blocks shapes the page.
    pub personalised: bool,
    /// The ranking's settings for this page.
    pub values: Arc<Values>,
    /// How much may have something to buy.
    pub budget: Budget,
    /// The viewer's state.
    pub user: SharedUser,
    /// Keys of the clips that this session has shown.
    pub served: Arc<FxHashSet<u64>>,
    /// The clips shown last, the latest at the end.
    pub shown: Vec<ShownFace>,
    /// The walk over all clips.
    pub walk: Walk,
    /// On the following surface: nothing newer than this, as the pages before went down to it.
    pub not_after: Option<Timestamp>,

    /// Tastes by entity.
    pub tastes: TasteTable,
    /// What was learned of the viewer, once that is worth anything.
    pub learned: Option<Arc<LearnedViewer>>,
    /// The creators that are followed.
    pub follows: Arc<FxHashSet<Entity>>,
    /// Whether a clip of a set of markets may be shown, by the set's number.
    pub allowed_sets: Vec<bool>,
    /// The viewer's own number as a creator, if there is one.
    pub own: Option<Entity>,
}

impl FeedQuery {
    /// A first page for a viewer, to be adjusted by its public fields.
    pub fn new(viewer: AccountId, user: SharedUser, now: Timestamp, limit: usize) -> Self {
        let (market, personalised, budget) = {
            let state = user.read();
            (state.market, state.personalised, state.budget)
        };
        Self {
            viewer,
            surface: Surface::ForYou,
            now,
            limit,
            seed: 0,
            market,
            personalised,
            values: Arc::default(),
            budget,
            user,
            served: Arc::default(),
            shown: Vec::new(),
            walk: Walk::default(),
            not_after: None,
            tastes: TasteTable::empty(),
            learned: None,
            follows: Arc::default(),
            allowed_sets: Vec::new(),
            own: None,
        }
    }

    /// Whether clips with something to buy are rationed: then those that wait must not crowd out the rest.
    pub fn is_rationed(&self) -> bool {
        !self.budget.is_unlimited()
    }

    /// The present in whole seconds.
    pub fn now_s(&self) -> u32 {
        unix_s(self.now)
    }

    /// Asks quickly, clip after clip, whether one was shown in this session or seen before. Sources use
    /// it so that they do not spend their limit on what filters would remove.
    pub fn is_old(&self) -> impl Fn(u64) -> bool + '_ {
        let now_s = self.now_s();
        let user = self.user.read();
        let ask_user = self.personalised && !user.has_seen_nothing();
        move |key| self.served.contains(&key) || (ask_user && user.has_seen(key, now_s))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_walk_passes_every_ordinal_once(capacity in 1_u32..3_000, seed: u64) {
            let walk = Walk::new(capacity, seed);
            let mut stops: Vec<u32> = (0..capacity).map(|index| walk.stop(index)).collect();
            stops.sort_unstable();
            prop_assert_eq!(stops, (0..capacity).collect::<Vec<_>>());
        }
    }
}
