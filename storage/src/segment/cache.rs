//! What was read of segments lately: the descriptions at the end of their files, filters of keys, and blocks of rows.
//!
//! The entries together stay within a budget of bytes; the one that was not used for longest goes first, roughly.

use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use parquet::bloom_filter::Sbbf;
use rustc_hash::FxHashMap;

use super::reader::{Block, Opened};
use crate::id::GenerationId;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Description,
    Filter(u32),
    Block(u32),
}

/// An entry. A clone is another handle of the same one.
#[derive(Clone)]
pub(crate) enum Cached {
    Description(Arc<Opened>),
    Filter(Arc<Sbbf>),
    Block(Arc<Block>),
}

/// The cache of one store.
pub(crate) type BlockCache = Cache<(GenerationId, Part), Cached>;

/// What was read lately, within a budget of bytes.
pub(crate) struct Cache<K, V> {
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    entries: FxHashMap<K, Entry<V>>,
    /// Keys in the order in which the hand comes by.
    ring: Vec<K>,
    hand: usize,
    bytes: usize,
    bytes_max: usize,
}

struct Entry<V> {
    cached: V,
    bytes: usize,
    /// Whether it was used since the hand came by.
    used: bool,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// A cache of about that many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let entries = FxHashMap::default();
        Self { state: Mutex::new(State { entries, ring: Vec::new(), hand: 0, bytes: 0, bytes_max }) }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut state = self.state.lock();
        let entry = state.entries.get_mut(key)?;
        entry.used = true;
        Some(entry.cached.clone())
    }

    /// Keeps an entry that takes about so many bytes, unless that is more than all may take.
    pub(super) fn add(&self, key: K, cached: V, bytes: usize) {
        let mut state = self.state.lock();
        if bytes > state.bytes_max {
            return;
        }
        match state.entries.remove(&key) {
            Some(before) => state.bytes -= before.bytes,
            None => state.ring.push(key.clone()),
        }
        state.make_room(bytes, &key);
        state.entries.insert(key, Entry { cached, bytes, used: false });
        state.bytes += bytes;
    }
}

impl<K: Clone + Eq + Hash, V> State<K, V> {
    /// Gives up entries until there is room for another, whose key is in the ring already.
    fn make_room(&mut self, bytes: usize, key_of_new: &K) {
        while self.bytes + bytes > self.bytes_max && self.ring.len() > 1 {
            self.hand %= self.ring.len();
            let key = &self.ring[self.hand];
            let Some(entry) = self.entries.get_mut(key) else {
                debug_assert!(key == key_of_new, "every other key has its entry");
                self.hand += 1;
                continue;
            };
            if std::mem::take(&mut entry.used) {
                self.hand += 1;
                continue;
            }
            self.bytes -= entry.bytes;
            self.entries.remove(key);
            self.ring.swap_remove(self.hand);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> Cached {
        Cached::Filter(Arc::new(Sbbf::new_with_num_of_bytes(32)))
    }

    #[test]
    fn stays_within_its_budget_and_keeps_what_is_used() {
        let cache = BlockCache::new(100);
        let segment = GenerationId(1);
        for number in 0..10 {
            cache.add((segment, Part::Filter(number)), filter(), 10);
        }
        assert!(cache.get(&(segment, Part::Filter(0))).is_some());
        cache.add((segment, Part::Filter(10)), filter(), 20);
        assert!(cache.get(&(segment, Part::Filter(0))).is_some(), "it was used");
        let left = (0..11).filter(|number| cache.get(&(segment, Part::Filter(*number))).is_some()).count();
        assert_eq!(left, 9);
        assert_eq!(cache.state.lock().bytes, 100);
        cache.add((segment, Part::Filter(11)), filter(), 101);
        assert!(cache.get(&(segment, Part::Filter(11))).is_none(), "larger than all");
        cache.add((segment, Part::Filter(10)), filter(), 5);
        assert_eq!(cache.state.lock().bytes, 85);
    }
}
