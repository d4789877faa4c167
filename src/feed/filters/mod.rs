//! What must not be shown, one rule each.

use crate::feed::candidate::Candidate;
use crate::feed::index::UNSELLABLE;
use crate::feed::query::FeedQuery;
use crate::feed::stage::Filter;

/// Marks each candidate for which `refuses` holds.
fn mark(candidates: &[Candidate], refused: &mut [bool], refuses: impl Fn(&Candidate) -> bool) {
    for (candidate, refused) in candidates.iter().zip(refused) {
        *refused |= refuses(candidate);
    }
}

/// Clips that left the index since their source named them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gone;

impl Filter for Gone {
    fn name(&self) -> &'static str {
        "gone"
    }

    fn refuse(&self, _: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        mark(candidates, refused, |one| one.row.key != one.found.key || one.row.key == 0);
    }
}

/// Clips that this session has shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Served;

impl Filter for Served {
    fn name(&self) -> &'static str {
        "served"
    }

    fn refuse(&self, query: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        if !query.served.is_empty() {
            mark(candidates, refused, |one| query.served.contains(&one.found.key));
        }
    }
}

/// Clips that the viewer watched within the suppression window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen;

impl Filter for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn refuse(&self, query: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        let user = query.user.read();
        if query.personalised && !user.has_seen_nothing() {
            let now_s = query.now_s();
            mark(candidates, refused, |one| user.has_seen(one.found.key, now_s));
        }
    }
}

/// Clips of creators whom the viewer blocked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocked;

impl Filter for Blocked {
    fn name(&self) -> &'static str {
        "blocked"
    }

    fn refuse(&self, query: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        let user = query.user.read();
        if !user.blocks_nobody() {
            mark(candidates, refused, |one| user.blocks(one.row.creator));
        }
    }
}

/// The viewer's own clips.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own;

impl Filter for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn refuse(&self, query: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        if let Some(own) = query.own {
            mark(candidates, refused, |one| one.row.creator == own);
        }
    }
}

/// Clips that are not for the viewer's market.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtherMarket;

impl Filter for OtherMarket {
    fn name(&self) -> &'static str {
        "other_market"
    }

    fn refuse(&self, query: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        // A set that came up after the query was hydrated is not known to be allowed.
        let allowed =
            |set: u16| set == 0 || query.allowed_sets.get(usize::from(set)).is_some_and(|ok| *ok);
        mark(candidates, refused, |one| !allowed(one.row.market_set));
    }
}

/// Clips that were made to sell products of which none is on the shelf any more. Sold-out products
/// are shown as such: they may come back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsellable;

impl Filter for Unsellable {
    fn name(&self) -> &'static str {
        "unsellable"
    }

    fn refuse(&self, _: &FeedQuery, candidates: &[Candidate], refused: &mut [bool]) {
        mark(candidates, refused, |one| one.row.flags & UNSELLABLE != 0);
    }
}
