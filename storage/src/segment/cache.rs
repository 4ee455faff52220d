//! What was read of segments lately: the descriptions at the end of their files, filters of keys, blocks of rows, and pieces
//! of columns.
//!
//! The entries together stay within a budget of bytes; the one that was not used for longest goes first, roughly. Scans
//! would push out everything over and over, even what they themselves come back for, if they read more than there is
//! room for. So what they read replaces something only now and then.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::ArrayRef;
use parking_lot::Mutex;
use parquet::bloom_filter::Sbbf;
use rustc_hash::FxHashMap;

use super::reader::{Block, Opened};
use crate::id::GenerationId;
use crate::store::CacheFigures;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Description,
    Filter(u32),
    Block(u32),
    /// Of the column at that position in the file, from that row on.
    Piece(usize, usize),
}

/// An entry. A clone is another handle of the same one.
#[derive(Clone)]
pub(crate) enum Cached {
    Description(Arc<Opened>),
    Filter(Arc<Sbbf>),
    Block(Arc<Block>),
    Piece(ArrayRef),
}

/// Of so many offers to a full cache one is taken.
const OFFERS_PER_TAKEN: u32 = 16;

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
    offers: u32,
    hits: u64,
    misses: u64,
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
        let (ring, hand, bytes) = (Vec::new(), 0, 0);
        let state = State { entries, ring, hand, bytes, bytes_max, offers: 0, hits: 0, misses: 0 };
        Self { state: Mutex::new(state) }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(entry) = state.entries.get_mut(key) else {
            state.misses += 1;
            return None;
        };
        state.hits += 1;
        entry.used = true;
        Some(entry.cached.clone())
    }

    /// Bytes that the entries take, and how often one was looked for and found, or not.
    pub(crate) fn figures(&self) -> CacheFigures {
        let state = self.state.lock();
        CacheFigures { bytes: state.bytes as u64, hits: state.hits, misses: state.misses }
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

    /// Keeps an entry if there is room for it, and else now and then in the place of others.
    pub(super) fn offer(&self, key: K, cached: V, bytes: usize) {
        {
            let mut state = self.state.lock();
            if state.bytes + bytes > state.bytes_max {
                state.offers = state.offers.wrapping_add(1);
                if !state.offers.is_multiple_of(OFFERS_PER_TAKEN) {
                    return;
                }
            }
        }
        self.add(key, cached, bytes);
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
            // What has come here is the newest entry.
            self.hand += 1;
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

    #[test]
    fn offers_fill_it_and_then_seldom_push_something_out() {
        let cache = BlockCache::new(100);
        let offer = |number| cache.offer((GenerationId(1), Part::Piece(0, number)), filter(), 10);
        let kept = |range: std::ops::Range<usize>| {
            range.filter(|number| cache.get(&(GenerationId(1), Part::Piece(0, *number))).is_some()).count()
        };
        (0..10).for_each(offer);
        assert_eq!(kept(0..10), 10);
        let taken = 2;
        (10..10 + taken * OFFERS_PER_TAKEN as usize).for_each(offer);
        assert_eq!((kept(10..100), cache.state.lock().bytes), (taken, 100));
    }
}
