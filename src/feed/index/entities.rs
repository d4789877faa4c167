//! Small numbers for creators, hashtags, categories and products, with the clips of each.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use rustc_hash::FxHashMap;

use crate::domain::id::{AccountId, ProductId};
use crate::feed::index::rows::{ClipRow, Entity};
use crate::ranking::order::mix;

/// What a number stands for. The numbers are those of the learner's kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum EntityKind {
    /// A creator, or a merchant: the same account may be both.
    Account = 0,
    /// A category of products.
    Category = 1,
    /// A product.
    Product = 3,
    /// A hashtag.
    Hashtag = 4,
    /// A merchant as the one whose products are shown.
    Shop = 5,
}

/// Gives numbers and keeps a posting list for each. Lists are ordered by publication, oldest first.
#[derive(Debug, Default)]
pub(super) struct Entities {
    numbers: FxHashMap<u128, Entity>,
    postings: Vec<Vec<u32>>,
    /// By number, what does not depend on the order of coming.
    keys: Vec<u64>,
    /// By number, what it is.
    kinds: Vec<EntityKind>,
    /// By the account's number, that of its shop.
    shops: FxHashMap<Entity, Entity>,
    /// While the index is filled, lists are in the order of coming; they are sorted at the end.
    filling: bool,
}

fn word_key(kind: u8, word: &str) -> u128 {
    // Two independent 64-bit digests: names are not kept, so they must not collide.
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let half = |salt: u8| u128::from(hash.hash_one((kind, salt, word)));
    (half(0) << 64) | half(1)
}

fn shop_key(account: u64) -> u128 {
    word_key(3, &format!("{account:016x}"))
}

impl Entities {
    fn number(&mut self, key: u128, kind: EntityKind) -> Entity {
        let next = self.numbers.len() as Entity;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.postings.push(Vec::new());
            self.keys.push((key >> 64) as u64 ^ mix(key as u64));
            self.kinds.push(kind);
        }
        number
    }

    pub(super) fn key(&self, entity: Entity) -> u64 {
        self.keys.get(entity as usize).copied().unwrap_or_default()
    }

    /// What a number stands for.
    pub(super) fn kind(&self, entity: Entity) -> Option<EntityKind> {
        self.kinds.get(entity as usize).copied()
    }

    pub(super) fn account(&mut self, id: AccountId) -> Entity {
        self.number(id.bits(), EntityKind::Account)
    }

    /// The number of an account as a merchant: its clips are those that show its products.
    pub(super) fn shop(&mut self, account: Entity) -> Entity {
        let key = self.key(account);
        let number = self.number(shop_key(key), EntityKind::Shop);
        self.shops.insert(account, number);
        number
    }

    /// The number of an account as a merchant, if clips show its products.
    pub(super) fn known_shop(&self, account: Entity) -> Option<Entity> {
        self.shops.get(&account).copied()
    }

    pub(super) fn product(&mut self, id: ProductId) -> Entity {
        self.number(id.bits(), EntityKind::Product)
    }

    pub(super) fn hashtag(&mut self, word: &str) -> Entity {
        self.number(word_key(1, word), EntityKind::Hashtag)
    }

    pub(super) fn category(&mut self, path: &str) -> Entity {
        self.number(word_key(2, path), EntityKind::Category)
    }

    pub(super) fn known(&self, bits: u128) -> Option<Entity> {
        self.numbers.get(&bits).copied()
    }

    /// The clips of an entity, oldest first.
    pub(super) fn clips(&self, entity: Entity) -> &[u32] {
        self.postings.get(entity as usize).map_or(&[], Vec::as_slice)
    }

    /// Where `ordinal` stands or belongs in the list.
    fn place(list: &[u32], rows: &[ClipRow], ordinal: u32) -> usize {
        let at = |ordinal: u32| (rows[ordinal as usize].published_ms, ordinal);
        let wanted = at(ordinal);
        if list.last().is_none_or(|&last| at(last) < wanted) {
            return list.len(); // The usual case: the newest.
        }
        list.partition_point(|&other| at(other) < wanted)
    }

    /// From here to [`Self::end_filling`] lists are only appended to: finding the place of each clip in
    /// each list would cost most of a start.
    pub(super) fn begin_filling(&mut self) {
        self.filling = true;
    }

    /// Puts every list in order.
    pub(super) fn end_filling(&mut self, rows: &[ClipRow]) {
        self.filling = false;
        let mut keyed: Vec<(i64, u32)> = Vec::new();
        for list in &mut self.postings {
            let key = |&ordinal: &u32| (rows[ordinal as usize].published_ms, ordinal);
            keyed.clear();
            keyed.extend(list.iter().map(key));
            keyed.sort_unstable();
            keyed.dedup();
            list.clear();
            list.extend(keyed.iter().map(|&(_, ordinal)| ordinal));
            list.shrink_to_fit();
        }
    }

    pub(super) fn link(&mut self, entity: Entity, rows: &[ClipRow], ordinal: u32) {
        let list = &mut self.postings[entity as usize];
        if self.filling {
            list.push(ordinal);
            return;
        }
        let place = Self::place(list, rows, ordinal);
        if list.get(place) != Some(&ordinal) {
            list.insert(place, ordinal);
        }
    }

    pub(super) fn unlink(&mut self, entity: Entity, rows: &[ClipRow], ordinal: u32) {
        let list = &mut self.postings[entity as usize];
        if self.filling {
            list.retain(|other| *other != ordinal);
            return;
        }
        let place = Self::place(list, rows, ordinal);
        if list.get(place) == Some(&ordinal) {
            list.remove(place);
        }
    }
}
