//! The ranked page: best first within the slate rules, with places kept for exploration.

use crate::domain::engagement::Counter;
use crate::feed::candidate::{Candidate, SourceKind};
use crate::feed::index::SharedIndex;
use crate::feed::query::{FeedQuery, ShownFace};
use crate::feed::stage::{Selected, Selector};
use crate::ranking::diversity::{Face, Slate};
use crate::ranking::explore::{Arm, Dice, Drawn, slots, thompson};
use crate::ranking::likeness::{Likeness, TraitsAndVectors};
use crate::ranking::order::{Ranking, mix};

/// One place of so many goes to exploration.
const EXPLORE_EVERY: usize = 10;
/// Clips that one draw is made among: the cost of a draw grows with them.
const ARMS_MAX: usize = 8;

/// See the module's head.
pub struct VariedSlate {
    index: SharedIndex,
    likeness: Box<dyn Likeness + Send + Sync>,
}

impl VariedSlate {
    /// The index is asked for what the rules see of a clip.
    pub fn new(index: SharedIndex) -> Self {
        Self { index, likeness: Box::new(TraitsAndVectors) }
    }

    /// The same with another measure of how alike clips are.
    #[must_use]
    pub fn with_likeness(mut self, likeness: impl Likeness + Send + Sync + 'static) -> Self {
        self.likeness = Box::new(likeness);
        self
    }
}

/// Draws the clips for the exploration places of a page of `len`.
fn explore(query: &FeedQuery, candidates: &[Candidate], len: usize) -> Vec<(u32, f32)> {
    let is_owed = |(_, one): &(usize, &Candidate)| one.source == SourceKind::Explore;
    let owed = candidates.iter().enumerate().filter(is_owed);
    let pool: Vec<usize> = owed.map(|(index, _)| index).take(ARMS_MAX.max(len / 2)).collect();
    let arm = |&index: &usize| {
        let count = |counter| candidates[index].counters.get(counter);
        let views = count(Counter::Views).max(count(Counter::Impressions));
        let good = count(Counter::Finishes) + count(Counter::Likes) + count(Counter::Shares);
        let good = (good + count(Counter::Taps)).min(views);
        Arm { good, bad: views - good + count(Counter::Negatives) }
    };
    let arms: Vec<Arm> = pool.iter().map(arm).collect();
    let mut dice = Dice::new(mix(query.seed ^ 0xe791_07e0));
    let drawn = thompson(&arms, slots(len, EXPLORE_EVERY).count(), &mut dice);
    let place = |drawn: Drawn| (pool[drawn.arm] as u32, drawn.propensity);
    drawn.into_iter().map(place).collect()
}

impl Selector for VariedSlate {
    fn name(&self) -> &'static str {
        "varied_slate"
    }

    fn select(&self, query: &FeedQuery, mut candidates: Vec<Candidate>) -> Selected {
        let len = query.limit.min(candidates.len());
        let mut drawn = explore(query, &candidates, len);
        drawn.reverse(); // The best draw is popped first.
        for one in &mut candidates {
            if one.source == SourceKind::Explore {
                one.source = SourceKind::Fresh; // Until it gets a place by being drawn.
            }
        }
        let index = self.index.read();
        let face = |place: u32| index.face(candidates[place as usize].found.ordinal);
        let score = |place: u32| candidates[place as usize].score;
        let scores = candidates.iter().map(|one| (one.score, one.found.key));
        let mut ranking = Ranking::new(scores, query.seed);
        let shown: Vec<Face<'_>> = query.shown.iter().map(ShownFace::face).collect();
        let rules = query.values.rules;
        let mut slate = Slate::after(&shown, rules, query.budget, &*self.likeness);
        let mut chosen: Vec<(u32, Option<f32>)> = Vec::with_capacity(len);
        let mut slot = slots(len, EXPLORE_EVERY).peekable();
        while chosen.len() < len {
            if slot.next_if_eq(&chosen.len()).is_some()
                && let Some((index, propensity)) = drawn.pop()
                && slate.fits(&face(index))
                && ranking.take_out(index)
            {
                slate.push(face(index));
                chosen.push((index, Some(propensity)));
                continue;
            }
            let Some(index) = slate.take(&mut ranking, face, score) else { break };
            chosen.push((index, None));
        }
        let page = chosen.iter().map(|&(index, drawn)| {
            let mut one = candidates[index as usize];
            if let Some(propensity) = drawn {
                one.source = SourceKind::Explore;
                one.propensity = propensity;
            }
            one
        });
        let page = page.collect();
        drop(index);
        // What is left stays where it is: moving hundreds would cost more than choosing ten did.
        let mut taken: Vec<u32> = chosen.iter().map(|&(index, _)| index).collect();
        taken.sort_unstable();
        for index in taken.into_iter().rev() {
            candidates.swap_remove(index as usize);
        }
        Selected { page, rest: candidates }
    }
}
