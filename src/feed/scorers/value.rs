//! The explicit scorer: smoothed counters, tastes and freshness through `ranking::model`.

use crate::domain::engagement::{TASTE_HALF_LIFE_MS, decay};
use crate::domain::time::DAY_MS;
use crate::feed::candidate::Candidate;
use crate::feed::index::{SHOPPABLE, SOLD_OUT};
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Scorer, StageError};
use crate::ranking::features::{Features, Priors, squashed};
use crate::ranking::model::ActionWeights;

/// How fast a new clip stops being new.
const FRESHNESS_HALF_LIFE_MS: i64 = 2 * DAY_MS;

/// See the module's head.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActionValue {
    /// What each action is worth.
    pub weights: ActionWeights,
    /// Where a clip without events starts.
    pub priors: Priors,
}

const _: () = assert!(FRESHNESS_HALF_LIFE_MS < TASTE_HALF_LIFE_MS);

impl ActionValue {
    /// The row of one candidate.
    #[inline]
    pub fn features(&self, query: &FeedQuery, candidate: &Candidate) -> Features {
        let row = &candidate.row;
        let shoppable = row.flags & SHOPPABLE != 0;
        let left = candidate.counters.left(query.now);
        let mut features =
            Features::from_counters(&candidate.counters, left, shoppable, &self.priors);
        features.affinity = squashed(query.tastes.sum(row.places()));
        let followed = !query.follows.is_empty() && query.follows.contains(&row.creator);
        features.followed = f32::from(u8::from(followed));
        let age_ms = query.now.since_ms(row.published_at());
        features.freshness = decay(age_ms, FRESHNESS_HALF_LIFE_MS);
        features.sold_out = f32::from(u8::from(row.flags & SOLD_OUT != 0));
        features
    }
}

impl Scorer for ActionValue {
    fn name(&self) -> &'static str {
        "action_value"
    }

    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError> {
        for candidate in candidates {
            candidate.score = self.weights.score(&self.features(query, candidate));
        }
        Ok(())
    }
}
