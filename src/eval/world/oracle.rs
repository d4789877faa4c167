//! What could have been had: the page of someone who knows the true value of every clip to every viewer.
//!
//! It is greedy under the slate rules of the feed, and takes the best for now: it does not try clips in
//! order to learn of them, for there is nothing to learn.

use super::World;
use super::reaction::{Moment, Odds};
use crate::domain::time::Timestamp;
use crate::feed::index::{Index, SOLD_OUT};
use crate::feed::query::{FeedQuery, ShownFace};
use crate::ranking::diversity::{Face, Slate, SlateRules};
use crate::ranking::likeness::SharedTraits;
use crate::ranking::order::Ranking;
use rustc_hash::FxHashSet;

/// What every clip is worth to each viewer while everything can be bought and nobody is followed: it
/// changes with the viewer's taste alone.
pub(super) struct TrueValues {
    viewers: Vec<Known>,
}

#[derive(Default)]
struct Known {
    phase: usize,
    values: Vec<f32>,
}

/// A viewer at a moment.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) viewer: u32,
    pub(super) at: Timestamp,
    /// The creators whom the viewer follows, by their numbers.
    pub(super) follows: &'a FxHashSet<u32>,
    /// Units that are left of each product.
    pub(super) stock: &'a [u32],
}

impl World {
    /// What a clip offers at a moment: the first of its products that is there, or else the first.
    pub(super) fn moment(&self, before: Before<'_>, film: u32) -> Moment {
        let film = &self.films[film as usize];
        let is_there = |good: &&u32| before.stock[**good as usize] > 0;
        let there = film.goods.iter().find(is_there).map(|&good| (good, true));
        let good = there.or(film.goods.first().map(|&good| (good, false)));
        Moment { good, follows: before.follows.contains(&film.creator) }
    }

    /// The chances of a viewer before a clip at a moment.
    pub(super) fn odds(&self, before: Before<'_>, film: u32) -> Odds {
        let person = &self.viewers[before.viewer as usize];
        let phase = &person.phases[person.phase(self.day(before.at))];
        Odds::of(self, (before.viewer, &phase.taste), film, self.moment(before, film))
    }
}

impl TrueValues {
    pub(super) fn new(world: &World) -> Self {
        Self { viewers: world.viewers.iter().map(|_| Known::default()).collect() }
    }

    /// The values of the first `count` clips to a viewer, if all can be bought and nobody is followed.
    fn of(&mut self, world: &World, before: Before<'_>, count: usize) -> &[f32] {
        let person = &world.viewers[before.viewer as usize];
        let phase = person.phase(world.day(before.at));
        let known = &mut self.viewers[before.viewer as usize];
        if known.phase != phase {
            *known = Known { phase, values: Vec::new() };
        }
        for film in known.values.len()..count {
            let good = world.films[film].goods.first().map(|&good| (good, true));
            let moment = Moment { good, follows: false };
            let taste = &person.phases[phase].taste;
            let odds = Odds::of(world, (before.viewer, taste), film as u32, moment);
            known.values.push(odds.value() as f32);
        }
        &known.values[..count]
    }

    /// The best page of `query.limit` clips that the query may show, with the true value of each.
    /// `ordinals` are the clips that are published, in their order.
    pub(super) fn page(
        &mut self,
        world: &World,
        index: &Index,
        (query, before): (&FeedQuery, Before<'_>),
        ordinals: &[u32],
    ) -> Vec<(u32, f32)> {
        let allowed = index.allowed_sets(query.market);
        let is_old = query.is_old();
        let user = query.user.read();
        let values = self.of(world, before, ordinals.len());
        let mut running: Vec<(u32, f32)> = Vec::new();
        for (film, (&ordinal, &value)) in ordinals.iter().zip(values).enumerate() {
            let row = index.row(ordinal);
            let may = allowed.get(usize::from(row.market_set)).is_some_and(|allowed| *allowed);
            if !may || is_old(row.key) || user.blocks(row.creator) {
                continue;
            }
            let film = film as u32;
            let follows = before.follows.contains(&world.films[film as usize].creator);
            // With several products the first may be gone and another there.
            let first = world.films[film as usize].goods.first();
            let is_gone = first.is_some_and(|&good| before.stock[good as usize] == 0);
            let usual = !follows && !is_gone && row.flags & SOLD_OUT == 0;
            let value = if usual { value } else { world.odds(before, film).value() as f32 };
            running.push((film, value));
        }
        drop(user);
        best(index, query, ordinals, &running)
    }
}

/// Takes greedily within the rules.
fn best(
    index: &Index,
    query: &FeedQuery,
    ordinals: &[u32],
    running: &[(u32, f32)],
) -> Vec<(u32, f32)> {
    let of = |place: u32| running[place as usize];
    let face = |place: u32| index.face(ordinals[of(place).0 as usize]);
    let scores = running.iter().map(|&(film, value)| (value, u64::from(film)));
    let mut ranking = Ranking::new(scores, query.seed);
    let shown: Vec<Face<'_>> = query.shown.iter().map(ShownFace::face).collect();
    let rules = SlateRules { likeness_cost: 0.0, ..query.values.rules };
    let mut slate = Slate::after(&shown, rules, query.budget, &SharedTraits);
    let mut page = Vec::with_capacity(query.limit);
    while page.len() < query.limit {
        let Some(place) = slate.take(&mut ranking, face, |place| of(place).1) else { break };
        page.push(of(place));
    }
    page
}
