//! The laws of the stages as checks. Tests run them over every listed stage, so a new one is checked by
//! being listed.

use crate::feed::candidate::{Candidate, Found};
use crate::feed::index::SHOPPABLE;
use crate::feed::query::FeedQuery;
use crate::feed::stage::{Batch, Filter, Scorer, Selector};

/// A filter judges each candidate alone and never takes a mark back.
///
/// # Panics
///
/// If it does not.
pub fn check_filter(filter: &dyn Filter, query: &FeedQuery, candidates: &[Candidate]) {
    let name = filter.name();
    let mut together = vec![false; candidates.len()];
    filter.refuse(query, candidates, &mut together);
    for (candidate, together) in candidates.iter().zip(&together) {
        let mut alone = [false];
        filter.refuse(query, std::slice::from_ref(candidate), &mut alone);
        assert_eq!(alone[0], *together, "{name}: the judgement depends on the company");
    }
    let mut marked = vec![true; candidates.len()];
    filter.refuse(query, candidates, &mut marked);
    assert!(marked.iter().all(|mark| *mark), "{name}: a mark was taken back");
}

/// A scorer scores each candidate alone and changes nothing else.
///
/// # Panics
///
/// If it does not.
pub fn check_scorer(scorer: &dyn Scorer, query: &FeedQuery, candidates: &[Candidate]) {
    let name = scorer.name();
    let mut together = candidates.to_vec();
    scorer.score(query, &mut together).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (candidate, scored) in candidates.iter().zip(&together) {
        let mut alone = [*candidate];
        scorer.score(query, &mut alone).unwrap_or_else(|error| panic!("{name}: {error}"));
        let same = alone[0].score.to_bits() == scored.score.to_bits();
        assert!(same, "{name}: the score depends on the company");
        if let Some(inputs) = scorer.inputs(query, candidate) {
            let score = query.values.model.score(&inputs) as f32;
            assert_eq!(score.to_bits(), scored.score.to_bits(), "{name}: it is not explained");
        }
        let unscored = Candidate { score: candidate.score, ..*scored };
        assert_eq!(unscored, *candidate, "{name}: more than the score changed");
    }
}

/// A selector neither loses nor doubles a candidate, fills the page, and repeats itself.
///
/// # Panics
///
/// If it does not.
pub fn check_selector(selector: &dyn Selector, query: &FeedQuery, candidates: &[Candidate]) {
    let name = selector.name();
    let selected = selector.select(query, candidates.to_vec());
    let keys = |list: &[Candidate]| list.iter().map(|one| one.found.key).collect::<Vec<_>>();
    let mut out = [keys(&selected.page), keys(&selected.rest)].concat();
    let mut input = keys(candidates);
    out.sort_unstable();
    input.sort_unstable();
    assert_eq!(out, input, "{name}: a candidate was lost or doubled");
    let full = query.limit.min(candidates.len());
    let held_back = |one: &Candidate| query.is_rationed() && one.row.flags & SHOPPABLE != 0;
    if selected.page.len() < full {
        assert!(selected.rest.iter().all(held_back), "{name}: the page is not filled");
    }
    assert!(selected.page.len() <= full, "{name}: the page is too long");
    let again = selector.select(query, candidates.to_vec());
    assert_eq!(keys(&again.page), keys(&selected.page), "{name}: it does not repeat itself");
}

/// A source keeps its limit and names no clip twice.
///
/// # Panics
///
/// If it does not.
pub fn check_batch(name: &str, batch: &Batch, limit: usize) {
    assert!(batch.found.len() <= limit, "{name}: {} of {limit}", batch.found.len());
    let mut ordinals: Vec<u32> = batch.found.iter().map(|found: &Found| found.ordinal).collect();
    ordinals.sort_unstable();
    let before = ordinals.len();
    ordinals.dedup();
    assert_eq!(ordinals.len(), before, "{name}: a clip was named twice");
}
