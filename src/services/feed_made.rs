//! A page as it comes out of the stages, with all that tells what it was made with.

use crate::domain::feed_session::{Basis, Loaded, Mark, SCORE_INPUTS, ServedItem};
use crate::feed::candidate::Candidate;
use crate::feed::index::{Index, SharedIndex, clip_key};
use crate::feed::pipeline::{Pipeline, Slate};
use crate::feed::query::{FeedQuery, ShownFace, Walk};
use crate::ranking::value::{FACTORS, HEADS, Inputs};

/// How often a page is made anew because something came in while it was made. A page takes a fraction of a
/// millisecond: that this is not enough in the end means that the state never stands still.
const TRIES: usize = 6;

const _: () = assert!(SCORE_INPUTS == HEADS + FACTORS);

/// See the module's head.
pub struct Made {
    /// What the stages gave.
    pub slate: Slate,
    /// The clips that are still there.
    pub items: Vec<ServedItem>,
    /// What they are to the slate rules.
    pub faces: Vec<ShownFace>,
    /// The state that all of it was made from.
    pub mark: Mark,
    /// The first page that the session served from memory.
    pub since: u32,
    /// Whether nothing came in meanwhile.
    is_still: bool,
}

/// What a score is made of, as numbers.
fn numbers(inputs: &Inputs) -> [f32; SCORE_INPUTS] {
    let mut numbers = [0.0; SCORE_INPUTS];
    numbers[..HEADS].copy_from_slice(&inputs.heads);
    numbers[HEADS..].copy_from_slice(&inputs.factors);
    numbers
}

/// The inputs that these numbers are.
pub fn inputs(numbers: &[f32; SCORE_INPUTS]) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.heads.copy_from_slice(&numbers[..HEADS]);
    inputs.factors.copy_from_slice(&numbers[HEADS..]);
    inputs
}

fn items(slate: &Slate, index: &Index) -> (Vec<ServedItem>, Vec<ShownFace>) {
    let item = |(place, one): (usize, &Candidate)| {
        let clip = index.clip_id(one.found.ordinal)?;
        if clip_key(clip) != one.found.key {
            return None; // It went while the page was made.
        }
        let item = ServedItem {
            clip,
            source: one.source as u8,
            propensity: one.propensity,
            score: one.score,
            sources: one.sources,
            inputs: slate.inputs.get(place).map_or([0.0; SCORE_INPUTS], numbers),
        };
        Some((item, ShownFace::of(index, one.found.ordinal)))
    };
    slate.page.iter().enumerate().filter_map(item).unzip()
}

/// Makes the page of `query` from one state of the index: stages read it under several short locks, so the
/// page is made again if something came in between. `walk` is where the session stands, or nothing if it
/// begins; then its seed decides.
pub async fn make(
    pipeline: &Pipeline,
    index: &SharedIndex,
    query: &mut FeedQuery,
    (walk, seed): (Option<Walk>, u64),
) -> Made {
    let mut tries = 0;
    loop {
        let mark = {
            let index = index.read();
            query.walk = walk.clone().unwrap_or_else(|| Walk::new(index.capacity(), seed));
            index.mark()
        };
        let slate = pipeline.run(query).await;
        tries += 1;
        let index = index.read();
        let is_still = index.mark() == mark;
        if is_still || tries == TRIES {
            let (items, faces) = items(&slate, &index);
            return Made { slate, items, faces, mark, since: 0, is_still };
        }
    }
}

impl Made {
    /// What the page was made with, in that lane. A page whose state moved all the time names none.
    pub fn basis(
        &self,
        query: &FeedQuery,
        (lane, viewer): (u128, Option<Loaded>),
        resumed: Option<Mark>,
    ) -> Basis {
        let is_explained = !self.slate.inputs.is_empty() || self.slate.page.is_empty();
        Basis {
            model: if is_explained { query.values.model.to_numbers() } else { Vec::new() },
            limit: query.limit as u32, // At most `FEED_PAGE_LEN_MAX`.
            personalised: query.personalised,
            shoppable_share: query.budget.share(),
            lane: if self.is_still { lane } else { 0 },
            step: self.mark.step,
            viewer,
            since: self.since,
            resumed,
        }
    }
}
