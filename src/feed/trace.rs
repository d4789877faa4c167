//! Follows one clip through the stages: which of them keeps it from a page.

use std::sync::Arc;

use crate::feed::candidate::{Candidate, Found, SourceKind};
use crate::feed::index::SHOPPABLE;
use crate::feed::pipeline::{Named, Pipeline, Slate, Stopwatch};
use crate::feed::query::FeedQuery;
use crate::feed::stage::Filter;
use crate::ranking::diversity::Budget;

/// What became of a clip.
#[derive(Clone, PartialEq, Debug)]
pub enum Fate {
    /// It is on the page, at this place.
    Shown(usize),
    /// Filters remove it, in their order.
    Filtered(Vec<&'static str>),
    /// No source brought it.
    NotRetrieved,
    /// It was scored, and `ahead` others that are not on the page for another reason score better. `cut` is
    /// the lowest score that was good enough.
    BelowTheCut {
        /// The lowest score of a ranked clip of the page.
        cut: f32,
        /// Candidates that score better.
        ahead: usize,
    },
    /// It scores well enough, but the viewer's budget for clips with something to buy has no room.
    OverBudget,
    /// It scores well enough, but the slate's rules prefer others: it is too much like its neighbours.
    HeldBack,
}

/// The clip's way.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// What became of it.
    pub fate: Fate,
    /// It as it was when its way ended; scored if it came so far.
    pub candidate: Candidate,
    /// What each stage left.
    pub slate: Slate,
}

impl Pipeline {
    /// Makes the page of `query` and follows `wanted` through it. The stages are the very ones that make
    /// pages; nothing is served.
    pub async fn trace(&self, query: &mut FeedQuery, wanted: Found) -> Trace {
        let mut slate = Slate::default();
        self.hydrate_query(query, &mut slate).await;
        let batches = self.fetch_all(query).await;
        let merged = self.merge(batches, query, &mut slate);
        let retrieved = merged.named.iter().find(|one| one.found.key == wanted.key);
        let unknown = Candidate { sources: 0, ..Candidate::new(wanted, SourceKind::Catalog) };
        let mut alone = [retrieved.map_or(unknown, Named::candidate)];
        for hydrator in &self.hydrators {
            hydrator.hydrate(query, &mut alone);
        }
        let refuses = |filter: &&Arc<dyn Filter>| {
            let mut refused = [false];
            filter.refuse(query, &alone, &mut refused);
            refused[0]
        };
        let refused = self.filters.iter().filter(refuses).map(|filter| filter.name());
        let refused: Vec<&'static str> = refused.collect();
        let (scored, in_charge) =
            self.judge(query, &merged.named, &mut Stopwatch::new(), &mut slate);
        if let Some(scorer) = self.scorers.get(in_charge)
            && let Err(error) = scorer.score(query, &mut alone)
        {
            tracing::warn!(scorer = scorer.name(), %error, "a scorer failed");
        }
        let candidate = alone[0];
        let fate = if !refused.is_empty() {
            Fate::Filtered(refused)
        } else if retrieved.is_none() {
            Fate::NotRetrieved
        } else {
            self.decide(query, scored, &candidate)
        };
        Trace { fate, candidate, slate }
    }

    /// What the selector does with a candidate that came so far.
    fn decide(&self, query: &FeedQuery, scored: Vec<Candidate>, wanted: &Candidate) -> Fate {
        let selected = self.selector.select(query, scored.clone());
        let place = |page: &[Candidate]| page.iter().position(|one| one.found == wanted.found);
        if let Some(place) = place(&selected.page) {
            return Fate::Shown(place);
        }
        let ranked = selected.page.iter().filter(|one| one.source != SourceKind::Explore);
        let cut = ranked.map(|one| one.score).fold(f32::INFINITY, f32::min);
        if cut.is_finite() && wanted.score < cut {
            let ahead = scored.iter().filter(|one| one.score > wanted.score).count();
            return Fate::BelowTheCut { cut, ahead };
        }
        if wanted.row.flags & SHOPPABLE != 0 && query.is_rationed() {
            let open = FeedQuery { budget: Budget::default(), ..query.clone() };
            if place(&self.selector.select(&open, scored).page).is_some() {
                return Fate::OverBudget;
            }
        }
        Fate::HeldBack
    }
}
