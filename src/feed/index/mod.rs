//! The candidate index: every clip that may be shown, in memory, ready to be found and ranked.
//!
//! Clips have dense numbers (ordinals). Ranking reads two cache lines per clip; lists by creator,
//! hashtag, category and product, by age, by exploration budget and by heat per market are kept up to
//! date with each change, so that no page scans the corpus. Ordinals are reused after removals: whoever
//! keeps one over time keeps the clip's key beside it and compares.
//!
//! It is a fold: clips and products come from the stores and the change log, counters from the event
//! log, and so does what is [learned](crate::feed::learned). About 0.9 KiB per clip with one or two tags (`benches/feed_page` measures it).

mod entities;
mod events;
mod heat;
mod learning;
mod merchants;
mod page;
mod rows;
mod shelf;

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::domain::account::{Account, Market};
use crate::domain::catalog::{Availability, Product};
use crate::domain::clip::Clip;
use crate::domain::engagement::{ClipCounters, Counter};
use crate::domain::feed_session::Mark;
use crate::domain::id::{AccountId, ClipId, ProductId, VariantId};
use crate::domain::limits::EXPLORE_IMPRESSIONS;
use crate::domain::time::Timestamp;
use crate::feed::candidate::Found;
use crate::feed::index::entities::Entities;
use crate::feed::index::heat::{BOARD_LEN, Board};
pub use crate::feed::index::rows::{
    CLIP_MERCHANTS, ClipRow, Entity, NONE, ROW_PRODUCTS, SHOPPABLE, SOLD_OUT, UNSELLABLE, clip_key,
};
use crate::feed::index::rows::{ColdRow, ROW_TAGS};
use crate::feed::index::shelf::{Shelf, Shelved};
use crate::feed::learned::Learned;
use crate::feed::query::known;
use crate::ranking::diversity::Face;
use crate::ranking::embedding::Embeddings;
use crate::ranking::learner::factors::DIMENSIONS;
use crate::ranking::learner::parts::ClipPart;

/// A clip that shows no known product.
const NO_MERCHANTS: [Entity; CLIP_MERCHANTS] = [NONE; CLIP_MERCHANTS];

/// Clips that [`Index::hottest`] names at most.
pub const HOTTEST_MAX: usize = 2 * BOARD_LEN;

/// The index behind its lock. Writers hold it for microseconds per change.
pub type SharedIndex = std::sync::Arc<parking_lot::RwLock<Index>>;

/// The candidate index. See the module's head.
#[derive(Debug)]
pub struct Index {
    rows: Vec<ClipRow>,
    counters: Vec<ClipCounters>,
    cold: Vec<Option<ColdRow>>,
    /// Whose products a clip shows: the first distinct ones, then [`NONE`].
    merchants: Vec<[Entity; CLIP_MERCHANTS]>,
    ordinals: FxHashMap<u64, u32>,
    /// Freed ordinals, the longest free first: reuse comes late.
    free: VecDeque<u32>,
    entities: Entities,
    shelf: Shelf,
    recent: BTreeSet<(i64, u32)>,
    /// Clips that are owed impressions: the least tried first, of equals the newest.
    owed: BTreeSet<(u16, Reverse<i64>, u32)>,
    boards: FxHashMap<Market, Board>,
    world: Board,
    /// The distinct sets of markets; the first, the empty one, means everywhere.
    market_sets: Vec<Vec<Market>>,
    /// Clips whose counters changed since the last snapshot.
    dirty: FxHashSet<u32>,
    learned: Learned,
    /// Each clip's share of the scores.
    parts: Vec<ClipPart>,
    /// Each clip's learned vector, to be found by.
    vectors: Embeddings,
    /// Whose share is made anew next.
    next_part: u32,
    /// Whether some clips may have no share yet.
    is_first_round: bool,
    /// The newest event that was taken in.
    applied: u64,
    /// The newest event that was counted: ahead of the other after a start from older learning.
    counted: u64,
    steps: u64,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty index.
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            counters: Vec::new(),
            cold: Vec::new(),
            merchants: Vec::new(),
            ordinals: FxHashMap::default(),
            free: VecDeque::new(),
            entities: Entities::default(),
            shelf: Shelf::default(),
            recent: BTreeSet::new(),
            owed: BTreeSet::new(),
            boards: FxHashMap::default(),
            world: Board::default(),
            market_sets: vec![Vec::new()],
            dirty: FxHashSet::default(),
            learned: Learned::default(),
            parts: Vec::new(),
            vectors: Embeddings::new(DIMENSIONS),
            next_part: 0,
            is_first_round: true,
            applied: 0,
            counted: 0,
            steps: 0,
        }
    }

    /// Clips in it.
    pub fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ordinals.is_empty()
    }

    /// All ordinals are below this.
    pub fn capacity(&self) -> u32 {
        self.rows.len() as u32
    }

    /// The offset of the newest event that was taken in.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// How far it has come in both of its histories.
    pub fn mark(&self) -> Mark {
        Mark { step: self.steps, offset: self.applied }
    }

    /// Notes that one more step was taken in.
    pub(super) fn count_step(&mut self) {
        self.steps += 1;
    }

    /// What tells a creator, hashtag, category or product from others on every machine: its number
    /// depends on what came first.
    pub fn entity_key(&self, entity: Entity) -> u64 {
        self.entities.key(entity)
    }

    /// The hot row of an ordinal; a free one has the key 0.
    pub fn row(&self, ordinal: u32) -> &ClipRow {
        &self.rows[ordinal as usize]
    }

    /// The clips of `ordinals`, as sources name them. One plain loop: the processor then waits for many
    /// rows at once instead of one after the other.
    pub fn found(&self, ordinals: &[u32]) -> Vec<Found> {
        let found = |&ordinal: &u32| Found { ordinal, key: self.rows[ordinal as usize].key };
        ordinals.iter().map(found).collect()
    }

    /// The counters of an ordinal.
    pub fn counters(&self, ordinal: u32) -> &ClipCounters {
        &self.counters[ordinal as usize]
    }

    /// The ordinal of a clip.
    pub fn ordinal(&self, id: ClipId) -> Option<u32> {
        let ordinal = *self.ordinals.get(&clip_key(id))?;
        (self.clip_id(ordinal) == Some(id)).then_some(ordinal)
    }

    /// The ordinal of the clip of this key.
    pub fn ordinal_of_key(&self, key: u64) -> Option<u32> {
        self.ordinals.get(&key).copied()
    }

    /// The clip of an ordinal.
    pub fn clip_id(&self, ordinal: u32) -> Option<ClipId> {
        self.cold[ordinal as usize].as_ref().map(|cold| cold.id)
    }

    /// The number of an account; a new one if it has none yet.
    pub fn account(&mut self, id: AccountId) -> Entity {
        self.entities.account(id)
    }

    /// The number of an account or product, if it has one.
    pub fn known(&self, bits: u128) -> Option<Entity> {
        self.entities.known(bits)
    }

    /// Whether the creator's names are known.
    pub fn knows_creator(&self, id: AccountId) -> bool {
        self.known(id.bits()).is_some_and(|entity| self.shelf.knows_creator(entity))
    }

    /// Whether the product was taken in.
    pub fn knows_product(&self, id: ProductId) -> bool {
        self.known(id.bits()).is_some_and(|entity| self.shelf.products.contains_key(&entity))
    }

    /// The clips of a creator, hashtag, category or product, oldest first.
    pub fn clips_of(&self, entity: Entity) -> &[u32] {
        self.entities.clips(entity)
    }

    /// An account as the merchant whose products clips show, to be asked [`Self::clips_of`], if any do.
    pub fn shop_of(&self, account: Entity) -> Option<Entity> {
        self.entities.known_shop(account)
    }

    /// All clips, newest first.
    pub fn newest(&self) -> impl Iterator<Item = u32> {
        self.recent.iter().rev().map(|&(_, ordinal)| ordinal)
    }

    /// Clips published since `since` that are owed impressions, the least tried first.
    pub fn owed(&self, since: Timestamp) -> impl Iterator<Item = u32> {
        let tries = 0..EXPLORE_IMPRESSIONS as u16;
        let since = since.unix_ms();
        tries.flat_map(move |tries| {
            let range = (tries, Reverse(i64::MAX), 0)..=(tries, Reverse(since), u32::MAX);
            self.owed.range(range).map(|&(_, _, ordinal)| ordinal)
        })
    }

    /// The clips that are hot in a market, hottest first, then those that are hot anywhere. Some appear
    /// twice.
    pub fn hottest(&self, market: Market) -> impl Iterator<Item = u32> {
        let here = self.boards.get(&market).into_iter().flat_map(Board::top);
        here.chain(self.world.top())
    }

    /// For each set of markets in use, whether a clip of that set may be shown in `market`.
    pub fn allowed_sets(&self, market: Market) -> Vec<bool> {
        self.market_sets.iter().map(|set| set.is_empty() || set.contains(&market)).collect()
    }

    /// The merchants whose products a clip shows, then [`NONE`].
    pub fn merchants(&self, ordinal: u32) -> [Entity; CLIP_MERCHANTS] {
        self.merchants[ordinal as usize]
    }

    /// A clip as the slate rules see it.
    pub fn face(&self, ordinal: u32) -> Face<'_> {
        let row = self.row(ordinal);
        let more = self.cold[ordinal as usize].as_ref().map(|cold| &cold.more_products[..]);
        Face {
            creator: row.creator,
            merchants: known(&self.merchants[ordinal as usize]),
            products: row.row_products(),
            more_products: more.unwrap_or_default(),
            topics: known(&row.tags),
            vector: self.vector(ordinal),
            is_shoppable: row.flags & SHOPPABLE != 0,
        }
    }

    /// All products of a clip.
    pub fn products(&self, ordinal: u32) -> Vec<Entity> {
        let more = self.cold[ordinal as usize].as_ref().map(|cold| &cold.more_products[..]);
        [self.row(ordinal).row_products(), more.unwrap_or(&[])].concat()
    }

    /// Announces that many clips follow, before anybody asks for any.
    pub fn begin_filling(&mut self) {
        self.entities.begin_filling();
    }

    /// Puts in order what was filled in.
    pub fn end_filling(&mut self) {
        self.entities.end_filling(&self.rows);
    }

    /// Takes in a creator's names.
    pub fn set_creator(&mut self, account: &Account) {
        let entity = self.entities.account(account.id);
        self.shelf.set_creator(entity, account);
    }

    /// Takes in a product with its stock.
    pub fn set_product(&mut self, product: &Product, available: impl Fn(VariantId) -> u32) {
        let entity = self.entities.product(product.id);
        let category = self.entities.category(&product.category);
        let merchant = self.entities.account(product.merchant);
        let Some(shelved) = Shelved::new(product, (merchant, category), available) else { return };
        let old = self.shelf.products.insert(entity, shelved);
        let is_filed = old.is_some_and(|old| (old.merchant, old.category) == (merchant, category));
        let clips = self.entities.clips(entity).to_vec();
        for ordinal in clips {
            self.rows[ordinal as usize].flags = self.flags(ordinal);
            if is_filed {
                continue; // Stock and prices file no clip anew.
            }
            self.set_category(ordinal);
            self.set_merchants(ordinal);
            self.refresh_part(ordinal);
        }
    }

    /// Files a clip under the category of its first known product.
    fn set_category(&mut self, ordinal: u32) {
        let products = self.products(ordinal);
        let first = products.iter().find_map(|entity| self.shelf.products.get(entity));
        let category = first.map_or(NONE, |shelved| shelved.category);
        let old = std::mem::replace(&mut self.rows[ordinal as usize].category, category);
        if old == category {
            return;
        }
        if old != NONE {
            self.entities.unlink(old, &self.rows, ordinal);
        }
        if category != NONE {
            self.entities.link(category, &self.rows, ordinal);
        }
    }

    /// Takes in a clip as it stands: a published one is there afterwards, any other is not. Its
    /// products should be known by then.
    pub fn set_clip(&mut self, clip: &Clip) {
        let Some((media, published_at)) = clip.published() else {
            self.remove_clip(clip.id);
            return;
        };
        let known = self.ordinal(clip.id);
        let ordinal = known.unwrap_or_else(|| self.allocate());
        if known.is_some() {
            self.unlink(ordinal);
        }
        let products: Vec<Entity> = {
            let mut all: Vec<Entity> =
                clip.tags.iter().map(|tag| self.entities.product(tag.product)).collect();
            let mut seen = FxHashSet::default();
            all.retain(|entity| seen.insert(*entity));
            all
        };
        let mut row = ClipRow {
            key: clip_key(clip.id),
            published_ms: published_at.unix_ms(),
            creator: self.entities.account(clip.creator),
            duration_ms: media.duration_ms,
            market_set: self.market_set(&clip.markets),
            product_count: products.len() as u8, // At most TAGS_PER_CLIP_MAX.
            tries: self.rows[ordinal as usize].tries,
            ..ClipRow::FREE
        };
        for (place, word) in row.tags.iter_mut().zip(clip.hashtags().iter().take(ROW_TAGS)) {
            *place = self.entities.hashtag(word);
        }
        row.products.iter_mut().zip(&products).for_each(|(place, entity)| *place = *entity);
        let category = products.iter().find_map(|entity| self.shelf.products.get(entity));
        row.category = category.map_or(NONE, |shelved| shelved.category);
        self.rows[ordinal as usize] = row;
        let tags = clip.tags.iter().map(|tag| self.entities.product(tag.product));
        let tags: Vec<Entity> = tags.collect();
        let more = products.get(ROW_PRODUCTS..).unwrap_or_default();
        self.cold[ordinal as usize] = Some(page::cold_row(clip, media, &tags, more));
        self.ordinals.insert(row.key, ordinal);
        self.link(ordinal);
        self.rows[ordinal as usize].flags = self.flags(ordinal);
        self.set_merchants(ordinal);
        self.refresh_part(ordinal);
    }

    /// Forgets a clip. Its counters go with it.
    pub fn remove_clip(&mut self, id: ClipId) {
        let Some(ordinal) = self.ordinal(id) else { return };
        self.unlink(ordinal);
        self.boards.values_mut().for_each(|board| board.remove(ordinal));
        self.world.remove(ordinal);
        self.dirty.remove(&ordinal);
        self.ordinals.remove(&clip_key(id));
        self.rows[ordinal as usize] = ClipRow::FREE;
        self.counters[ordinal as usize] = ClipCounters::default();
        self.cold[ordinal as usize] = None;
        self.merchants[ordinal as usize] = NO_MERCHANTS;
        self.parts[ordinal as usize] = ClipPart::UNKNOWN;
        self.vectors.remove(ordinal);
        self.free.push_back(ordinal);
    }

    fn allocate(&mut self) -> u32 {
        if let Some(ordinal) = self.free.pop_front() {
            return ordinal;
        }
        let ordinal = self.rows.len() as u32;
        self.rows.push(ClipRow::FREE);
        self.counters.push(ClipCounters::default());
        self.cold.push(None);
        self.merchants.push(NO_MERCHANTS);
        self.parts.push(ClipPart::UNKNOWN);
        ordinal
    }

    fn market_set(&mut self, markets: &[Market]) -> u16 {
        let mut set = markets.to_vec();
        set.sort_unstable();
        set.dedup();
        if let Some(found) = self.market_sets.iter().position(|known| *known == set) {
            return found as u16;
        }
        let Ok(next) = u16::try_from(self.market_sets.len()) else {
            return 0; // 65 536 distinct sets: more than any catalog makes.
        };
        self.market_sets.push(set);
        next
    }

    fn linked(&self, ordinal: u32) -> Vec<Entity> {
        let row = self.row(ordinal);
        let more = self.cold[ordinal as usize].as_ref().map(|cold| cold.more_products.to_vec());
        row.entities().chain(more.unwrap_or_default()).collect()
    }

    fn link(&mut self, ordinal: u32) {
        for entity in self.linked(ordinal) {
            self.entities.link(entity, &self.rows, ordinal);
        }
        let row = self.rows[ordinal as usize];
        self.recent.insert((row.published_ms, ordinal));
        self.set_tries(ordinal);
    }

    fn unlink(&mut self, ordinal: u32) {
        for entity in self.linked(ordinal) {
            self.entities.unlink(entity, &self.rows, ordinal);
        }
        self.unlink_merchants(ordinal);
        let row = self.rows[ordinal as usize];
        self.recent.remove(&(row.published_ms, ordinal));
        self.owed.remove(&(row.tries, Reverse(row.published_ms), ordinal));
    }

    /// Brings the exploration budget in line with the counters.
    fn set_tries(&mut self, ordinal: u32) {
        let counters = &self.counters[ordinal as usize];
        let tries = counters.get(Counter::Impressions).max(counters.get(Counter::Views));
        let row = &mut self.rows[ordinal as usize];
        let old = (row.tries, Reverse(row.published_ms), ordinal);
        row.tries = tries.round().min(EXPLORE_IMPRESSIONS) as u16;
        let new = (row.tries, Reverse(row.published_ms), ordinal);
        if old.0 != new.0 {
            self.owed.remove(&old);
        }
        if f32::from(new.0) < EXPLORE_IMPRESSIONS {
            self.owed.insert(new);
        }
    }

    fn flags(&self, ordinal: u32) -> u8 {
        let Some(cold) = &self.cold[ordinal as usize] else { return 0 };
        if cold.tags.is_empty() {
            return 0;
        }
        let on_shelf = |piece: &&rows::TagPiece| {
            self.shelf.products.get(&piece.product).is_some_and(|shelved| shelved.active)
        };
        let mut sellable = cold.tags.iter().filter(on_shelf).peekable();
        if sellable.peek().is_none() {
            return UNSELLABLE;
        }
        let sold_out = sellable.all(|piece| {
            let shelved = self.shelf.products.get(&piece.product);
            shelved.is_none_or(|one| one.availability(piece.variant()) == Availability::SoldOut)
        });
        SHOPPABLE | if sold_out { SOLD_OUT } else { 0 }
    }
}

#[cfg(test)]
mod tests;
