//! A viewer's state in memory: what was seen, who is followed or blocked, and tastes.
//!
//! A fold over the viewer's part of the event log. It is rebuilt from the lasting rows when a viewer
//! comes back, and then follows the log.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::domain::account::Market;
use crate::domain::engagement::{Relation, TASTE_HALF_LIFE_MS, decay, taste, unix_s};
use crate::domain::feed_session::Loaded;
use crate::domain::id::AccountId;
use crate::domain::limits::{
    RELATIONS_PER_VIEWER_MAX, SEEN_PER_VIEWER_MAX, SEEN_WINDOW_MS, TASTES_PER_VIEWER_MAX,
};
use crate::domain::time::SECOND_MS;
use crate::feed::index::{Entity, Index, NONE, clip_key};
use crate::ports::events::LoggedEvent;
use crate::ports::user_state::UserRows;
use crate::ranking::diversity::Budget;

/// A viewer's state behind its lock.
pub type SharedUser = std::sync::Arc<parking_lot::RwLock<UserState>>;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Taste {
    value: f32,
    at_s: u32,
}

impl Taste {
    fn at(self, now_s: u32) -> f32 {
        let age_ms = i64::from(now_s.saturating_sub(self.at_s)) * SECOND_MS;
        self.value * decay(age_ms, TASTE_HALF_LIFE_MS)
    }
}

/// See the module's head.
#[derive(Clone, Debug, PartialEq)]
pub struct UserState {
    /// Where the viewer watches and buys.
    pub market: Market,
    /// Whether the viewer's history may shape the feed.
    pub personalised: bool,
    /// How much may have something to buy.
    pub budget: Budget,
    /// Where the ranking's state was when this was read from its rows.
    pub loaded: Option<Loaded>,
    applied: u64,
    seen_window_s: u32,
    /// Clip key → when it was last watched.
    seen: FxHashMap<u64, u32>,
    follows: FxHashSet<Entity>,
    blocks: FxHashSet<Entity>,
    tastes: FxHashMap<Entity, Taste>,
}

impl UserState {
    /// The state of someone who never did anything.
    pub fn new(market: Market, personalised: bool) -> Self {
        Self {
            market,
            personalised,
            budget: Budget::default(),
            loaded: None,
            applied: 0,
            seen_window_s: (SEEN_WINDOW_MS / SECOND_MS) as u32,
            seen: FxHashMap::default(),
            follows: FxHashSet::default(),
            blocks: FxHashSet::default(),
            tastes: FxHashMap::default(),
        }
    }

    /// Clips return after this long; whole seconds.
    #[must_use]
    pub fn with_seen_window(mut self, window_ms: i64) -> Self {
        self.seen_window_s = (window_ms.max(0) / SECOND_MS) as u32;
        self
    }

    /// Takes in the lasting rows of a viewer who comes back.
    #[must_use]
    pub fn with_rows(mut self, rows: &UserRows, index: &mut Index) -> Self {
        for event in &rows.history {
            self.applied = event.offset - 1;
            self.apply(event, index);
        }
        self.follows.clear();
        self.blocks.clear();
        let creators = |relation| matches!(relation, Relation::Follow | Relation::Block);
        let relations = rows.relations.iter().filter(|(relation, _)| creators(*relation));
        for &(relation, bits) in relations.take(2 * RELATIONS_PER_VIEWER_MAX) {
            let entity = index.account(AccountId::from_bits(bits));
            match relation {
                Relation::Follow => drop(self.follows.insert(entity)),
                Relation::Block => drop(self.blocks.insert(entity)),
                Relation::Like | Relation::Save => {}
            }
        }
        self.seen = rows.seen.iter().map(|&(clip, at)| (clip_key(clip), unix_s(at))).collect();
        self.applied = rows.offset;
        self
    }

    /// Events up to this offset are in it.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Whether the clip must not return yet.
    pub fn has_seen(&self, key: u64, now_s: u32) -> bool {
        let recent = |at: &u32| now_s.saturating_sub(*at) < self.seen_window_s;
        self.seen.get(&key).is_some_and(recent)
    }

    /// Whether nothing was seen: then nobody needs to ask per clip.
    pub fn has_seen_nothing(&self) -> bool {
        self.seen.is_empty()
    }

    /// Whether the viewer wants nothing of a creator.
    pub fn blocks(&self, creator: Entity) -> bool {
        self.blocks.contains(&creator)
    }

    /// Whether nobody is blocked.
    pub fn blocks_nobody(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The creators that are followed, in no order.
    pub fn follows(&self) -> impl Iterator<Item = Entity> {
        self.follows.iter().copied()
    }

    /// Tastes faded to `now_s`, in no order.
    pub fn tastes(&self, now_s: u32) -> impl Iterator<Item = (Entity, f32)> {
        self.tastes.iter().map(move |(&entity, taste)| (entity, taste.at(now_s)))
    }

    /// Takes in the viewer's next event. One that is in it already changes nothing.
    pub fn apply(&mut self, logged: &LoggedEvent, index: &mut Index) {
        if logged.offset <= self.applied {
            return;
        }
        self.applied = logged.offset;
        let event = &logged.event;
        let at_s = unix_s(logged.at);
        let row = event.clip.and_then(|id| index.ordinal(id)).map(|ordinal| *index.row(ordinal));
        if let Some(clip) = event.clip
            && event.kind.suppresses()
        {
            self.seen.insert(clip_key(clip), at_s);
            self.bound_seen();
        }
        let creator = event.creator.map(|id| index.account(id)).or(row.map(|row| row.creator));
        if let (Some(creator), Some((relation, on))) = (creator, event.kind.relation()) {
            let set = match relation {
                Relation::Follow => Some(&mut self.follows),
                Relation::Block => Some(&mut self.blocks),
                Relation::Like | Relation::Save => None,
            };
            if let Some(set) = set {
                if on {
                    set.insert(creator)
                } else {
                    set.remove(&creator)
                };
            }
        }
        let weight = taste(event.kind, row.map_or(0, |row| row.duration_ms));
        if weight == 0.0 {
            return;
        }
        if let Some(row) = row {
            row.entities().for_each(|entity| self.add_taste(entity, weight, at_s));
        } else if let Some(creator) = creator {
            self.add_taste(creator, weight, at_s);
        }
        if let Some(product) = event.product.and_then(|id| index.known(id.bits()))
            && row.is_none_or(|row| !row.row_products().contains(&product))
        {
            self.add_taste(product, weight, at_s);
        }
        self.bound_tastes(at_s, |entity| index.entity_key(entity));
    }

    fn add_taste(&mut self, entity: Entity, weight: f32, at_s: u32) {
        let taste = self.tastes.entry(entity).or_insert(Taste { value: 0.0, at_s });
        *taste = Taste { value: taste.at(at_s) + weight, at_s: taste.at_s.max(at_s) };
    }

    /// Keeps the strongest tastes; the weakest quarter goes when there are too many.
    fn bound_tastes(&mut self, now_s: u32, key: impl Fn(Entity) -> u64) {
        if self.tastes.len() <= TASTES_PER_VIEWER_MAX {
            return;
        }
        let all = self.tastes(now_s).map(|(entity, value)| (value.abs(), key(entity), entity));
        let mut all: Vec<(f32, u64, Entity)> = all.collect();
        all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(_, _, entity) in &all[TASTES_PER_VIEWER_MAX * 3 / 4..] {
            self.tastes.remove(&entity);
        }
    }

    /// Keeps the newest marks; the oldest tenth goes when there are too many.
    fn bound_seen(&mut self) {
        if self.seen.len() <= SEEN_PER_VIEWER_MAX {
            return;
        }
        let mut ages: Vec<u32> = self.seen.values().copied().collect();
        let (_, &mut border, _) = ages.select_nth_unstable(SEEN_PER_VIEWER_MAX / 10);
        self.seen.retain(|_, at| *at > border);
    }
}

/// Tastes laid out for quick look-up: a page asks thousands of times. An entity is compared with all
/// entries of its bucket at once, without a branch.
#[derive(Clone, Debug, Default)]
pub struct TasteTable {
    buckets: Vec<Bucket>,
    /// What its bucket had no room for: mostly nothing.
    spilled: Vec<(Entity, f32)>,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Bucket {
    entities: [Entity; WAYS],
    values: [f32; WAYS],
}

const WAYS: usize = 4;
/// Half an entry per bucket in the fullest table: one table in ten spills an entry.
const BUCKETS: usize = 512;
const _: () = assert!(BUCKETS >= 2 * TASTES_PER_VIEWER_MAX && BUCKETS == 1 << 9);

impl Bucket {
    const EMPTY: Self = Self { entities: [NONE; WAYS], values: [0.0; WAYS] };
}

impl TasteTable {
    /// A table without tastes.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The table of these tastes; at most [`TASTES_PER_VIEWER_MAX`], no entity twice.
    pub fn new(tastes: impl Iterator<Item = (Entity, f32)>) -> Self {
        let mut table = Self::empty();
        for (entity, value) in tastes {
            if table.buckets.is_empty() {
                table.buckets = vec![Bucket::EMPTY; BUCKETS];
            }
            let bucket = &mut table.buckets[Self::home(entity)];
            match bucket.entities.iter().position(|other| *other == NONE) {
                Some(way) => {
                    bucket.entities[way] = entity;
                    bucket.values[way] = value;
                }
                None => table.spilled.push((entity, value)),
            }
        }
        table
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Entity, f32)> {
        let kept = self.buckets.iter().flat_map(|one| one.entities.into_iter().zip(one.values));
        kept.filter(|(entity, _)| *entity != NONE).chain(self.spilled.iter().copied())
    }

    fn home(entity: Entity) -> usize {
        (entity.wrapping_mul(0x9e37_79b1) >> 23) as usize
    }

    /// The taste for an entity; 0 where there is none.
    pub fn get(&self, entity: Entity) -> f32 {
        self.sum([entity])
    }

    /// The sum of the tastes for `entities`, in their order; [`NONE`] adds nothing.
    #[inline]
    pub fn sum<const N: usize>(&self, entities: [Entity; N]) -> f32 {
        let Some(buckets) = self.buckets.first_chunk::<BUCKETS>() else { return 0.0 };
        let mut sum = 0.0;
        for entity in entities {
            let bucket = &buckets[Self::home(entity)];
            // At most one entry is the entity's, so its bits are all that is left.
            let mut bits = 0;
            for (other, value) in bucket.entities.iter().zip(bucket.values) {
                bits |= if *other == entity { value.to_bits() } else { 0 };
            }
            if !self.spilled.is_empty() {
                bits |= self.spilled_value(entity).to_bits();
            }
            sum += f32::from_bits(bits);
        }
        sum
    }

    #[cold]
    fn spilled_value(&self, entity: Entity) -> f32 {
        let found = self.spilled.iter().find(|(other, _)| *other == entity);
        found.map_or(0.0, |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_answers_what_was_put_in() {
        // Multiples of a factor's inverse share a bucket: the last of them are spilled.
        for step in [37, 0x144c_bc89] {
            let tastes: Vec<(Entity, f32)> = (1..=TASTES_PER_VIEWER_MAX as u32)
                .map(|n| (n.wrapping_mul(step), n as f32))
                .collect();
            let table = TasteTable::new(tastes.iter().copied());
            for &(entity, value) in &tastes {
                assert_eq!(table.get(entity).to_bits(), value.to_bits());
                assert_eq!(table.sum([0, entity, NONE]).to_bits(), value.to_bits());
            }
            assert_eq!(table.sum([tastes[0].0, 0, tastes[8].0]).to_bits(), 10_f32.to_bits());
            let mut all: Vec<_> = table.iter().collect();
            all.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
            assert_eq!(all, tastes);
        }
        assert_eq!(TasteTable::empty().get(5).to_bits(), 0);
        assert_eq!(TasteTable::new([(1, 2.0)].into_iter()).get(NONE).to_bits(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut user = UserState::new(Market::US, true);
        for number in 0..=SEEN_PER_VIEWER_MAX as u64 {
            user.seen.insert(number, number as u32);
            user.bound_seen();
        }
        assert!(user.seen.len() <= SEEN_PER_VIEWER_MAX);
        assert!(user.has_seen(SEEN_PER_VIEWER_MAX as u64, SEEN_PER_VIEWER_MAX as u32));
        for entity in 0..2_000 {
            user.add_taste(entity, 1.0 + entity as f32, 5);
            user.bound_tastes(5, u64::from);
        }
        assert!(user.tastes.len() <= TASTES_PER_VIEWER_MAX && user.tastes.contains_key(&1_999));
    }

    #[test]
    fn a_mark_ends_with_its_window() {
        let mut user = UserState::new(Market::US, true).with_seen_window(10_000);
        user.seen.insert(1, 100);
        assert!(user.has_seen(1, 109));
        assert!(!user.has_seen(1, 110));
        assert!(user.has_seen(1, 99), "a clock that was set back does not bring clips back");
    }
}
