//! The learned scorer: what the heads predict through the value model of the query, and explicit estimates
//! as far as the heads are not to be believed yet, or a clip's share of the scores is not made yet.

use crate::feed::candidate::Candidate;
use crate::feed::hydrators::LearnedViewer;
use crate::feed::index::{SHOPPABLE, SharedIndex};
use crate::feed::query::FeedQuery;
use crate::feed::scorers::ActionValue;
use crate::feed::stage::{Scorer, StageError};
use crate::ranking::learner::feed::{Head as Learned, LANES, Lanes};
use crate::ranking::learner::parts::ClipPart;
use crate::ranking::value::{Head, Inputs};

/// A clip that is watched over and over counts no further.
const WATCHED_MAX: f32 = 3.0;

/// Candidates that are scored together: 4 KiB of clips' shares, and as much of probabilities.
const CHUNK: usize = 64;

/// Heads of the value model with the learned heads that they are.
const SAME: [(Head, Learned); 6] = [
    (Head::Skip, Learned::Skip),
    (Head::Finish, Learned::Finish),
    (Head::Like, Learned::Like),
    (Head::Share, Learned::Share),
    (Head::Follow, Learned::Follow),
    (Head::NotInterested, Learned::NotInterested),
];

/// See the module's head.
pub struct LearnedValue {
    index: SharedIndex,
    explicit: ActionValue,
}

impl LearnedValue {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index, explicit: ActionValue::default() }
    }
}

/// Moves the explicit estimates towards what the heads say of a candidate, whose clip's share is known.
#[inline]
fn mix_in(
    learned: &LearnedViewer,
    (candidate, part): (&Candidate, &ClipPart),
    p: &Lanes,
    inputs: &mut Inputs,
) {
    let trust = &learned.trust;
    let mut towards = |head: Head, value: f32, trust: f32| {
        let input = &mut inputs.heads[head as usize];
        *input += trust * (value - *input);
    };
    for (head, learned) in SAME {
        towards(head, p[learned as usize], trust[learned as usize]);
    }
    let duration_s = candidate.row.duration_ms.max(1) as f32 / 1_000.0;
    let watch_s = learned.part.watch_s(p, part);
    let watched = (watch_s / duration_s).min(WATCHED_MAX);
    towards(Head::Watched, watched, trust[Learned::Watch50 as usize]);
    if candidate.row.flags & SHOPPABLE != 0 {
        let of = |p: &Lanes, head: Learned| p[head as usize];
        let (tap, taps) = (of(p, Learned::TagTap), trust[Learned::TagTap as usize]);
        towards(Head::Tap, tap, taps);
        let carts = trust[Learned::AddToCart as usize];
        towards(Head::Cart, tap * of(p, Learned::AddToCart), taps.min(carts));
        towards(Head::Buy, tap * of(p, Learned::Buy), taps.min(trust[Learned::Buy as usize]));
    }
}

impl Scorer for LearnedValue {
    fn name(&self) -> &'static str {
        "learned_value"
    }

    fn score(&self, query: &FeedQuery, candidates: &mut [Candidate]) -> Result<(), StageError> {
        let Some(learned) = &query.learned else { return self.explicit.score(query, candidates) };
        let model = query.values.model;
        let index = self.index.read();
        let (mut parts, mut all_p) = ([ClipPart::UNKNOWN; CHUNK], [[0.0; LANES]; CHUNK]);
        let (mut all_inputs, mut scores) = ([Inputs::default(); CHUNK], [0.0; CHUNK]);
        for chunk in candidates.chunks_mut(CHUNK) {
            // One plain loop: the processor then waits for many shares at once.
            for (part, candidate) in parts.iter_mut().zip(&*chunk) {
                *part = *index.part(candidate.found.ordinal);
            }
            learned.part.score_all(&parts[..chunk.len()], &mut all_p);
            let mut rest = parts.iter().zip(&all_p).zip(&mut all_inputs);
            self.explicit.each(query, chunk, |candidate, mut inputs| {
                let Some(((part, p), place)) = rest.next() else { return };
                if part.is_known() {
                    mix_in(learned, (candidate, part), p, &mut inputs);
                }
                *place = inputs;
            });
            model.score_all(&all_inputs[..chunk.len()], &mut scores);
            for (candidate, score) in chunk.iter_mut().zip(scores) {
                candidate.score = score;
            }
        }
        Ok(())
    }

    fn inputs(&self, query: &FeedQuery, candidate: &Candidate) -> Option<Inputs> {
        let mut inputs = self.explicit.inputs(query, candidate)?;
        if let Some(learned) = &query.learned {
            let index = self.index.read();
            let part = index.part(candidate.found.ordinal);
            if !part.is_known() {
                return Some(inputs);
            }
            mix_in(learned, (candidate, part), &learned.part.score(part), &mut inputs);
        }
        Some(inputs)
    }
}
