//! A bounded map that forgets what was not used lately.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

/// At most `max` entries. When it is full the eighth that was not used for longest goes at once, so that
/// making room costs little per entry; a use is one atomic write under a shared lock.
#[derive(Debug)]
pub struct Recent<K, V> {
    max: usize,
    tick: AtomicU64,
    entries: RwLock<FxHashMap<K, (V, AtomicU64)>>,
}

impl<K: Hash + Eq + Copy, V: Clone> Recent<K, V> {
    /// An empty map of at most `max` entries.
    pub fn new(max: usize) -> Self {
        Self { max: max.max(8), tick: AtomicU64::new(0), entries: RwLock::default() }
    }

    fn now(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::Relaxed)
    }

    /// The value of a key, which counts as a use.
    pub fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.read();
        let (value, used) = entries.get(key)?;
        used.store(self.now(), Ordering::Relaxed);
        Some(value.clone())
    }

    /// The value of a key; `value` becomes it if there is none.
    pub fn get_or_insert(&self, key: K, value: V) -> V {
        let mut entries = self.entries.write();
        if entries.len() >= self.max && !entries.contains_key(&key) {
            let mut uses: Vec<u64> =
                entries.values().map(|(_, used)| used.load(Ordering::Relaxed)).collect();
            let (_, &mut border, _) = uses.select_nth_unstable(self.max / 8);
            entries.retain(|_, (_, used)| used.load(Ordering::Relaxed) > border);
        }
        entries.entry(key).or_insert_with(|| (value, AtomicU64::new(self.now()))).0.clone()
    }

    /// Forgets a key.
    pub fn remove(&self, key: &K) {
        self.entries.write().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let map = Recent::new(16);
        for number in 0..1_000 {
            assert_eq!(map.get_or_insert(number, number), number);
            assert_eq!(map.get(&0), Some(0), "0 is used all the time");
            assert!(map.entries.read().len() <= 16);
        }
        assert_eq!(map.get(&999), Some(999));
        assert_eq!(map.get(&1), None);
        assert_eq!(map.get_or_insert(999, 7), 999, "the first value stays");
    }
}
