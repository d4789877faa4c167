//! Items by their neighbours: what a viewer met speaks for what was met along with it.
//!
//! [`exposure`] is what happened, [`counts`] how often items were met together, [`ease`] the weights
//! between items that follow from it, [`session`] what like-minded viewers met lately, [`popularity`]
//! how items fare at present. [`blend`] makes one
//! score of weights and popularity and [`listwise`] learns how. [`Neighbours`] holds all of it and
//! learns event by event. [`companions`] is the part of it that brings candidates to a feed: bounded per
//! item, and without what only whole lists need.

pub mod blend;
pub mod companions;
pub mod counts;
pub mod dense;
pub mod ease;
pub mod exposure;
pub mod listwise;
pub mod popularity;
pub mod session;
mod snapshot;

use blend::{Blend, Place};
use counts::Counts;
use dense::NotPositive;
use ease::{Fit, ItemWeights, SparseWeights};
use exposure::{Exposure, History};
use popularity::Popularity;
use session::Sessions;

use super::maths::ln;

/// Events after which every item's standing is worked out anew, so that those without events of
/// their own fade as well.
const STANDINGS_EVERY: u32 = 256;

/// The ridge until another is chosen: what suits logs of this kind.
const RIDGE: f32 = 600.0;
/// By how much an item's count grows before its weights are worked out anew: exposures, and a share
/// of what it was.
const REFRESH_COUNT_MIN: f32 = 4.0;
const REFRESH_SHARE: f32 = 0.15;
/// The same after an exact fit, which a regression on a few companions replaces only for an item
/// that has changed much.
const REFRESH_SHARE_EXACT: f32 = 1.0;
/// The catalogue that a growing one is bounded for: 100 companions an item.
const GROWING_ITEMS: usize = 180_000;

/// How strongly a lift is pulled towards rare items, and the exposures that all have beforehand.
const LIFT_PULL: f32 = 0.7;
const LIFT_PRIOR: f32 = 5.0;

/// What scoring needs room for and what it answers; made once, used for every call.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// A score per item.
    pub scores: Vec<f32>,
    /// Per item what the weights say.
    pub sums: Vec<f32>,
    /// Per item what neighbours say.
    pub votes: Vec<f32>,
    sources: Vec<(u32, f32)>,
    scratch: session::Scratch,
}

/// Viewers' histories, counts of items, and what follows from both.
#[derive(Clone, Debug)]
pub struct Neighbours {
    histories: Vec<History>,
    counts: Counts,
    popularity: Popularity,
    sessions: Sessions,
    weights: ItemWeights,
    blend: Blend,
    standings: Vec<f32>,
    events_since: u32,
    ridge: f32,
    refresh_share: f32,
    /// Per item its count when its weights were worked out last.
    fitted_at: Vec<f32>,
}

impl Neighbours {
    /// For so many viewers and items, both by number.
    pub fn new(viewers: usize, items: usize) -> Self {
        Self {
            histories: vec![History::default(); viewers],
            counts: Counts::new(items),
            popularity: Popularity::new(items),
            sessions: Sessions::new(items),
            weights: ItemWeights::None,
            blend: Blend::default(),
            standings: vec![0.0; items],
            events_since: 0,
            ridge: RIDGE,
            refresh_share: REFRESH_SHARE,
            fitted_at: vec![0.0; items],
        }
    }

    /// For a catalogue that grows and changes: counts and weights of the heaviest pairs alone, the
    /// weights of an item worked out anew as soon as its count has grown by a share.
    pub fn growing() -> Self {
        Self {
            counts: Counts::sparse(0),
            weights: ItemWeights::Sparse(SparseWeights::new(0, GROWING_ITEMS)),
            ..Self::new(0, 0)
        }
    }

    /// Makes room for so many viewers and items, numbered from 0.
    pub fn grow(&mut self, viewers: usize, items: usize) {
        self.histories.resize(viewers.max(self.histories.len()), History::default());
        if items > self.standings.len() {
            self.counts.grow(items);
            self.popularity.grow(items);
            self.sessions.grow(items);
            self.standings.resize(items, self.blend.standing(&[0.0; popularity::COLUMNS]));
            self.fitted_at.resize(items, 0.0);
            if let ItemWeights::Sparse(weights) = &mut self.weights {
                weights.grow(items);
            }
        }
    }

    /// Forgets an item that is no more; its number may then be another's. Walks over all histories:
    /// some milliseconds per hundred thousand viewers.
    pub fn forget(&mut self, item: u32) {
        self.counts.forget(item);
        self.popularity.forget(item);
        self.sessions.forget(item);
        self.fitted_at[item as usize] = 0.0;
        if let ItemWeights::Sparse(weights) = &mut self.weights {
            weights.forget(item);
        }
        for history in &mut self.histories {
            history.forget(item);
        }
    }

    /// Forgets a viewer; the number may then be another's. What the catalogue learned from them
    /// stays: it names nobody.
    pub fn forget_viewer(&mut self, viewer: u32) {
        let history = std::mem::take(&mut self.histories[viewer as usize]);
        self.sessions.forget_viewer(viewer, &history);
    }

    /// Learns that a viewer met an item.
    pub fn learn(&mut self, viewer: u32, exposure: Exposure) {
        let history = &mut self.histories[viewer as usize];
        if history.push(exposure) {
            let before = history.exposures().iter().map(|met| (met.item, 1.0));
            self.counts.learn(before, exposure.item, 1.0);
            self.sessions.learn(viewer, exposure.item);
            self.follow(exposure.item);
        }
        self.popularity.learn(exposure);
        if exposure.at_ms == i64::MIN {
            return;
        }
        self.events_since += 1;
        if self.events_since >= STANDINGS_EVERY {
            self.stand(exposure.at_ms);
        } else {
            self.standings[exposure.item as usize] =
                self.blend.standing(&self.popularity.columns(exposure.item, exposure.at_ms));
        }
    }

    /// Works out an item's weights anew once its count has grown enough since the last time: an item's
    /// first companions soon, those of one that is well known rarely. So each event costs a bounded
    /// share of a regression, and the state follows from the events alone.
    fn follow(&mut self, item: u32) {
        let ItemWeights::Sparse(weights) = &mut self.weights else { return };
        let (total, fitted_at) = (self.counts.total(item), self.fitted_at[item as usize]);
        if total - fitted_at >= REFRESH_COUNT_MIN + fitted_at * self.refresh_share {
            weights.refresh(&self.counts, item, self.ridge);
            self.fitted_at[item as usize] = total;
        }
    }

    /// Works out all items' standings for a moment.
    pub fn stand(&mut self, now_ms: i64) {
        self.events_since = 0;
        for (item, standing) in self.standings.iter_mut().enumerate() {
            *standing = self.blend.standing(&self.popularity.columns(item as u32, now_ms));
        }
    }

    /// Works out the weights between items from the counts as they are.
    pub fn refit(
        &mut self,
        fit: Fit,
        ridge: f32,
        step: impl FnMut(f32),
    ) -> Result<(), NotPositive> {
        self.weights = ItemWeights::None; // Before its successor is made: both at once are large.
        self.weights = ItemWeights::fit(&self.counts, fit, ridge, step)?;
        self.ridge = ridge;
        self.refresh_share = if fit == Fit::Local { REFRESH_SHARE } else { REFRESH_SHARE_EXACT };
        for (item, fitted_at) in self.fitted_at.iter_mut().enumerate() {
            *fitted_at = self.counts.total(item as u32);
        }
        Ok(())
    }

    /// Ranks by other weights until the next fit.
    pub fn set_weights(&mut self, weights: ItemWeights) {
        self.weights = weights;
    }

    /// Ranks by another blend from now on.
    pub fn set_blend(&mut self, blend: Blend, now_ms: i64) {
        self.blend = blend;
        self.stand(now_ms);
    }

    /// The blend in use.
    pub fn blend(&self) -> &Blend {
        &self.blend
    }

    /// The counts of items.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The weights between items.
    pub fn weights(&self) -> &ItemWeights {
        &self.weights
    }

    /// How items fare.
    pub fn popularity(&self) -> &Popularity {
        &self.popularity
    }

    /// A viewer's history.
    pub fn history(&self, viewer: u32) -> &History {
        &self.histories[viewer as usize]
    }

    /// Scores every item for a viewer, in `room.scores`.
    pub fn score(&self, viewer: u32, now_ms: i64, room: &mut Room) {
        self.sum(viewer, now_ms, room);
        let scores = room.scores.iter_mut().zip(&room.sums).zip(&room.votes);
        for (((score, sum), votes), standing) in scores.zip(&self.standings) {
            *score = self.blend.score(*sum, *votes, *standing);
        }
    }

    /// Sums the weights and the votes for every item, in `room.sums` and `room.votes`.
    pub fn sum(&self, viewer: u32, now_ms: i64, room: &mut Room) {
        let items = self.standings.len();
        for numbers in [&mut room.sums, &mut room.votes] {
            numbers.clear();
            numbers.resize(items, 0.0);
        }
        room.scores.resize(items, 0.0);
        self.gather(viewer, now_ms, &mut room.sources);
        self.weights.accumulate(&room.sources, &mut room.sums);
        self.sessions.score(viewer, &self.histories, &mut room.scratch, &mut room.votes);
    }

    fn gather(&self, viewer: u32, now_ms: i64, sources: &mut Vec<(u32, f32)>) {
        sources.clear();
        let places = self.places(viewer, now_ms);
        sources.extend(places.map(|(met, place)| (met.item, self.blend.factor(place))));
    }

    /// As [`Self::score`], by other weights, for the items that these know, and without votes.
    pub fn score_by(&self, weights: &ItemWeights, viewer: u32, now_ms: i64, room: &mut Room) {
        room.sums.clear();
        room.sums.resize(self.standings.len(), 0.0);
        self.gather(viewer, now_ms, &mut room.sources);
        weights.accumulate(&room.sources, &mut room.sums);
        room.scores.clear();
        room.scores.extend(room.sums.iter().zip(&self.standings).map(|(sum, standing)| {
            let known = *sum != 0.0;
            if known { self.blend.score(*sum, 0.0, *standing) } else { f32::NEG_INFINITY }
        }));
    }

    /// After [`Self::score`]: replaces the scores by how much likelier this viewer goes for an item
    /// than others do. What stands out is rare, which is what lists of the best alone never show.
    pub fn lift(&self, room: &mut Room) {
        let numbers = room.scores.iter_mut().zip(&room.sums).zip(&room.votes);
        for (item, ((score, sum), votes)) in numbers.enumerate() {
            let common = ln(self.popularity.met_ever(item as u32) + LIFT_PRIOR);
            *score = self.blend.score(*sum, *votes, -LIFT_PULL * common);
        }
    }

    /// A viewer's exposures, latest first, each with the factors that apply to it.
    pub fn places(&self, viewer: u32, now_ms: i64) -> impl Iterator<Item = (Exposure, Place)> + '_ {
        let latest_first = self.histories[viewer as usize].exposures().iter().rev().enumerate();
        latest_first.map(move |(later, exposure)| (*exposure, Place::of(*exposure, later, now_ms)))
    }
}

#[cfg(test)]
mod tests;
