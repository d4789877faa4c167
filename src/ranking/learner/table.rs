//! A bounded hashed table that forgets the weakest.
//!
//! Keys are hashed words; eight neighbours form a set, and a key lives in its set alone. The table doubles
//! until it holds what it may; from then on a new key takes the place of the weakest of its set. What is
//! where depends on the order of claims alone, so equal logs give equal tables.

use super::numbers::mix;
use super::snapshot::{Reader, SnapshotError, Writer};

const WAYS: usize = 8;

/// What a table keeps.
pub trait Entry: Copy {
    /// How much would be lost with it: the weakest of a full set goes.
    fn strength(&self) -> f32;
    /// What a key starts from.
    fn fresh(key: u64) -> Self;
    /// Appends its numbers to a snapshot.
    fn write(&self, into: &mut Writer);
    /// Reads them back.
    fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError>;
}

/// The keys of a set fill one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set([u64; WAYS]);

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Table<E> {
    keys: Vec<Set>,
    entries: Vec<E>,
    used: usize,
    entries_max: usize,
    evicted: u64,
}

impl<E: Entry> Table<E> {
    /// An empty table that never holds more than `entries_max`, rounded up to a power of two.
    pub fn new(entries_max: usize) -> Self {
        let entries_max = entries_max.max(WAYS).next_power_of_two();
        let start = entries_max.min(1 << 10);
        let entries = vec![E::fresh(0); start];
        Self { keys: vec![Set([0; WAYS]); start / WAYS], entries, used: 0, entries_max, evicted: 0 }
    }

    #[inline]
    fn set(&self, key: u64) -> usize {
        // The high bits choose the set, the whole key tells neighbours apart.
        mix(key) as usize & (self.keys.len() - 1)
    }

    /// Asks the memory for the sets of many keys at once: their cache misses overlap, where look-ups
    /// would wait for one after the other.
    #[inline]
    pub fn touch(&self, keys: &[u64]) {
        let seen = keys.iter().fold(0, |seen, &key| seen ^ self.keys[self.set(key)].0[0]);
        std::hint::black_box(seen);
    }

    /// As [`Self::touch`], for the entries at places that [`Self::find`] gave.
    #[inline]
    pub fn touch_entries(&self, places: &[usize]) {
        let entries = places.iter().filter_map(|&place| self.entries.get(place));
        let seen = entries.fold(0, |seen, entry| seen ^ entry.strength().to_bits());
        std::hint::black_box(seen);
    }

    /// Where a key lives; zero is no key.
    #[inline]
    pub fn find(&self, key: u64) -> Option<usize> {
        let set = self.set(key);
        let way = self.keys[set].0.iter().position(|&kept| kept == key)?;
        (key != 0).then_some(set * WAYS + way)
    }

    /// What a key has, if it is known.
    #[inline]
    pub fn get(&self, key: u64) -> Option<&E> {
        self.find(key).map(|at| &self.entries[at])
    }

    /// The entry at a place that [`Self::find`] gave, unless the key has been displaced since.
    #[inline]
    pub fn at(&self, place: usize, key: u64) -> Option<&E> {
        let kept = self.keys.get(place / WAYS)?.0[place % WAYS];
        (kept == key).then(|| &self.entries[place])
    }

    /// As [`Self::claim`], of a key that [`Self::find`] found at this place a moment ago, or did not.
    #[inline]
    pub fn claim_at(&mut self, place: usize, key: u64) -> &mut E {
        if self.at(place, key).is_some() { &mut self.entries[place] } else { self.claim(key) }
    }

    /// The key's entry, new if need be: in a free place, or in that of the weakest of its set.
    pub fn claim(&mut self, key: u64) -> &mut E {
        if let Some(at) = self.find(key) {
            return &mut self.entries[at];
        }
        // At half full, one set in fifty has no place left; fuller, the strong would go too.
        if self.used * 2 > self.entries.len() && self.entries.len() < self.entries_max {
            self.grow();
        }
        let set = self.set(key);
        let way = if let Some(free) = self.keys[set].0.iter().position(|&kept| kept == 0) {
            self.used += 1;
            free
        } else {
            self.evicted += 1;
            let strength = |way: &usize| self.entries[set * WAYS + way].strength();
            (0..WAYS).min_by(|a, b| strength(a).total_cmp(&strength(b))).unwrap_or(0)
        };
        let at = set * WAYS + way;
        self.keys[set].0[way] = key;
        self.entries[at] = E::fresh(key);
        &mut self.entries[at]
    }

    /// Doubles: each set splits in two, so that everything still fits.
    fn grow(&mut self) {
        let places = self.entries.len() * 2;
        let keys = std::mem::replace(&mut self.keys, vec![Set([0; WAYS]); places / WAYS]);
        let entries = std::mem::replace(&mut self.entries, vec![E::fresh(0); places]);
        for (key, entry) in keys.iter().flat_map(|set| set.0).zip(entries) {
            if key == 0 {
                continue;
            }
            let set = self.set(key);
            if let Some(way) = self.keys[set].0.iter().position(|&kept| kept == 0) {
                self.keys[set].0[way] = key;
                self.entries[set * WAYS + way] = entry;
            }
        }
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// How many keys had to give way.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bytes held, free places included.
    pub fn bytes(&self) -> usize {
        self.entries.len() * (size_of::<u64>() + size_of::<E>())
    }

    /// Appends the table; places are kept, so that the copy goes on exactly alike.
    pub fn write(&self, into: &mut Writer) {
        into.word(self.entries.len() as u64);
        into.word(self.used as u64);
        into.word(self.evicted);
        let keys = self.keys.iter().flat_map(|set| set.0).enumerate();
        for (at, key) in keys.filter(|(_, key)| *key != 0) {
            into.word(at as u64);
            into.word(key);
            self.entries[at].write(into);
        }
    }

    /// Reads a table back into one of the same bound.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let places = from.word()? as usize;
        let used = from.word()? as usize;
        let evicted = from.word()?;
        let fits = places.is_power_of_two() && places >= WAYS && places <= self.entries_max;
        if !fits || used > places {
            return Err(SnapshotError::Shape);
        }
        self.keys = vec![Set([0; WAYS]); places / WAYS];
        self.entries = vec![E::fresh(0); places];
        (self.used, self.evicted) = (used, evicted);
        for _ in 0..used {
            let (at, key) = (from.word()? as usize, from.word()?);
            let entry = E::read(from)?;
            let set = self.set(key);
            if key == 0 || at / WAYS != set || self.keys[set].0[at % WAYS] != 0 {
                return Err(SnapshotError::Shape);
            }
            (self.keys[set].0[at % WAYS], self.entries[at]) = (key, entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Count(f32);

    impl Entry for Count {
        fn strength(&self) -> f32 {
            self.0
        }
        fn fresh(_: u64) -> Self {
            Self(0.0)
        }
        fn write(&self, into: &mut Writer) {
            into.floats(&[self.0]);
        }
        fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
            Ok(Self(from.floats::<1>()?[0]))
        }
    }

    #[test]
    fn what_was_claimed_is_found_while_there_is_room() {
        let mut table = Table::<Count>::new(1 << 15);
        for key in 1..=9_000_u64 {
            table.claim(mix(key)).0 += key as f32;
        }
        let wrong =
            |key: &u64| table.get(mix(*key)).is_some_and(|kept| *kept != Count(*key as f32));
        assert_eq!((1..=9_000).find(wrong), None);
        let lost = (1..=9_000_u64).filter(|&key| table.get(mix(key)).is_none()).count();
        assert_eq!(lost as u64, table.evicted());
        assert!(lost < 180, "{lost} of 9000 had to go, more than one in fifty");
        assert_eq!(table.get(mix(9_001)), None);
        assert_eq!(table.find(0), None, "zero is no key");
    }

    #[test]
    fn a_full_table_keeps_the_strong() {
        let mut table = Table::<Count>::new(1 << 10);
        for key in 1..=200_u64 {
            table.claim(mix(key)).0 = 1e6;
        }
        for key in 1_000..100_000_u64 {
            table.claim(mix(key)).0 += 1.0;
        }
        let kept = (1..=200).filter(|&key| table.get(mix(key)).is_some()).count();
        assert_eq!(kept, 200);
        assert!(table.len() <= 1 << 10 && table.evicted() > 90_000);
    }
}
