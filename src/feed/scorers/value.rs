//! The explicit scorer: smoothed counters, tastes and freshness through the value model of the query.

use crate::domain::engagement::{TASTE_HALF_LIFE_MS, fade, powers_of_two};
use crate::domain::time::DAY_MS;
use crate::feed::candidate::Candidate;
use crate::feed::index::{SHOPPABLE, SOLD_OUT};
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Scorer, StageError};
use crate::ranking::features::{Features, Priors, squashed};
use crate::ranking::value::Inputs;

/// How fast a new clip stops being new.
const FRESHNESS_HALF_LIFE_MS: i64 = 2 * DAY_MS;

/// See the module's head.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActionValue {
    /// Where a clip without events starts.
    pub priors: Priors,
}

const _: () = assert!(FRESHNESS_HALF_LIFE_MS < TASTE_HALF_LIFE_MS);

/// Candidates whose fades are computed together.
const LANES: usize = 64;

impl ActionValue {
    /// The row of one candidate.
    pub fn features(&self, query: &FeedQuery, candidate: &Candidate) -> Features {
        let mut fades = fades(query, query.now_s(), candidate);
        powers_of_two(&mut fades);
        self.faded_features(query, candidate, fades)
    }

    #[inline]
    fn faded_features(
        &self,
        query: &FeedQuery,
        candidate: &Candidate,
        [left, freshness]: [f32; 2],
    ) -> Features {
        let row = &candidate.row;
        let shoppable = row.flags & SHOPPABLE != 0;
        let mut features =
            Features::from_counters(&candidate.counters, left, shoppable, &self.priors);
        features.affinity = squashed(query.tastes.sum(row.places()));
        let followed = !query.follows.is_empty() && query.follows.contains(&row.creator);
        features.followed = f32::from(u8::from(followed));
        features.freshness = freshness;
        features.sold_out = f32::from(u8::from(row.flags & SOLD_OUT != 0));
        features
    }

    /// Hands each candidate over with what is known of it, chunk after chunk.
    #[inline]
    pub fn each(
        &self,
        query: &FeedQuery,
        candidates: &mut [Candidate],
        mut take: impl FnMut(&mut Candidate, Inputs),
    ) {
        let now_s = query.now_s();
        for chunk in candidates.chunks_mut(LANES) {
            let mut columns = [[0.0; 2]; LANES];
            for (fade, candidate) in columns.iter_mut().zip(&*chunk) {
                *fade = fades(query, now_s, candidate);
            }
            powers_of_two(columns.as_flattened_mut());
            for (candidate, fades) in chunk.iter_mut().zip(columns) {
                let inputs = self.faded_features(query, candidate, fades).inputs();
                take(candidate, inputs);
            }
        }
    }
}

/// What time has left of a candidate's counters and of its freshness, as powers of two.
#[inline]
fn fades(query: &FeedQuery, now_s: u32, candidate: &Candidate) -> [f32; 2] {
    let age_ms = query.now.since_ms(candidate.row.published_at());
    [candidate.counters.fade(now_s), fade(age_ms, FRESHNESS_HALF_LIFE_MS)]
}

impl Scorer for ActionValue {
    fn name(&self) -> &'static str {
        "action_value"
    }

    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError> {
        let model = query.values.model;
        self.each(query, candidates, |candidate, inputs| {
            candidate.score = model.score(&inputs) as f32;
        });
        Ok(())
    }

    fn inputs(&self, query: &FeedQuery, candidate: &Candidate) -> Option<Inputs> {
        Some(self.features(query, candidate).inputs())
    }
}
