//! Rows and index entries that were looked up lately, kept above the key-value store.
//!
//! An entry holds the newest published value of a key, and a commit from which on it is known to be that; an older snapshot
//! finds nothing here. The committer brings the entries up to date before it publishes a group, so every snapshot that is
//! not older than an entry may use it. Whoever missed an entry may add what it read itself, unless a commit that its
//! snapshot does not have has touched the same part of the cache meanwhile: then the value may be old.
//!
//! Only keys that exist are kept. A load, whose keys are too many to go through them, drops all entries of the generations
//! that it touches. Of slices that are emptied they go when a part is used again. Contents written aside come past this, but
//! nobody can have read them before they were published; and nobody asks again for a generation that is deleted.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::{FxBuildHasher, FxHasher};

use super::emptied::Emptied;
use crate::id::{CommitSeq, GenerationId};
use crate::key::generation_of;
use crate::kv::{Family, Operation};
use crate::store::CacheFigures;

/// Parts with a lock each.
const PARTS: usize = 64;

/// What an entry is reckoned to cost beside its key and value.
const ENTRY_OVERHEAD_BYTES: usize = 160;

/// A part that nobody uses remembers so many emptyings of slices.
const EMPTIED_MAX: usize = 16;

/// A value larger than this fraction of its part is not kept.
const LARGE: usize = 16;

/// The cache of one store.
pub(crate) struct HotEntries {
    rows: Vec<Mutex<Part>>,
    index: Vec<Mutex<Part>>,
}

/// Entries of the keys with one kind of hash.
#[derive(Default)]
struct Part {
    places: HashMap<Bytes, usize, FxBuildHasher>,
    entries: Vec<Entry>,
    /// Where the next entry to give up is looked for.
    hand: usize,
    bytes: usize,
    bytes_max: usize,
    /// The newest commit that wrote a key of this part, kept or not.
    written: CommitSeq,
    /// Slices that were emptied and may still have entries here.
    emptied: Vec<Arc<Emptied>>,
    /// How often something was looked for and found, or not.
    hits: u64,
    misses: u64,
}

struct Entry {
    /// Key and value, one behind the other: they are looked at together.
    data: Bytes,
    key_bytes: usize,
    from: CommitSeq,
    /// Whether it was used since the hand came by.
    used: bool,
}

impl HotEntries {
    /// A cache of about that many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let part = || Mutex::new(Part { bytes_max: bytes / (2 * PARTS), ..Part::default() });
        let parts = || (0..PARTS).map(|_| part()).collect();
        Self { rows: parts(), index: parts() }
    }

    /// Bytes that the entries take, and how often one was looked for and found, or not.
    pub(crate) fn figures(&self) -> CacheFigures {
        let mut figures = CacheFigures::default();
        for part in self.rows.iter().chain(&self.index) {
            let part = part.lock();
            figures.bytes += part.bytes as u64;
            figures.hits += part.hits;
            figures.misses += part.misses;
        }
        figures
    }

    /// What the snapshot of `at` has for the key, if that is known here.
    pub(crate) fn get(&self, family: Family, key: &[u8], at: CommitSeq) -> Option<Bytes> {
        self.part(family, key)?.lock().get(key, at)
    }

    /// Keeps what the snapshot of `at` has for the key.
    pub(crate) fn add(&self, family: Family, key: &[u8], value: &Bytes, at: CommitSeq) {
        if let Some(part) = self.part(family, key) {
            part.lock().add(key, value, at);
        }
    }

    /// Takes over what a group wrote; comes before anybody can see the group, whose last commit is `seq`.
    pub(crate) fn update(&self, operations: &[Operation], seq: CommitSeq) {
        for operation in operations {
            let (family, key, value) = match operation {
                Operation::Put { family, key, value } => (*family, key, Some(value)),
                Operation::Delete { family, key } => (*family, key, None),
                // Nobody asks for a generation that is deleted.
                Operation::DeleteRange { .. } => continue,
            };
            if let Some(part) = self.part(family, key) {
                part.lock().update(key, value, seq);
            }
        }
    }

    /// Drops what a load may have changed; comes before anybody can see the load, whose commit is `seq`.
    pub(crate) fn forget(&self, generations: &[(Family, GenerationId)], seq: CommitSeq) {
        for (family, parts) in [(Family::Rows, &self.rows), (Family::Index, &self.index)] {
            let touched: Vec<GenerationId> =
                generations.iter().filter(|(of, _)| *of == family).map(|(_, id)| *id).collect();
            if !touched.is_empty() {
                let is_touched = |key: &[u8]| touched.contains(&generation_of(key));
                for part in parts {
                    let mut part = part.lock();
                    part.written = seq;
                    part.forget(is_touched);
                }
            }
        }
    }

    /// Shows the entries of slices that are emptied to nobody any more; comes before anybody can see the group, whose last
    /// commit is `seq`. The committer does not go through them all.
    pub(super) fn forget_slices(&self, emptied: &Arc<Emptied>, seq: CommitSeq) {
        for part in self.rows.iter().chain(&self.index) {
            part.lock().forget_later(emptied, seq);
        }
    }

    fn part(&self, family: Family, key: &[u8]) -> Option<&Mutex<Part>> {
        let parts = match family {
            Family::Rows => &self.rows,
            Family::Index => &self.index,
            Family::Catalog | Family::Log | Family::Trash | Family::Stream | Family::Deleted | Family::Meta => {
                return None;
            }
        };
        let mut hasher: FxHasher = FxBuildHasher.build_hasher();
        hasher.write(key);
        // The table within the part goes by the low bits.
        parts.get((hasher.finish() >> 32) as usize % PARTS)
    }
}

impl Part {
    fn get(&mut self, key: &[u8], at: CommitSeq) -> Option<Bytes> {
        self.forget_emptied();
        let found = self.places.get(key).map(|place| &mut self.entries[*place]).filter(|entry| entry.from <= at);
        let Some(entry) = found else {
            self.misses += 1;
            return None;
        };
        self.hits += 1;
        entry.used = true;
        Some(entry.data.slice(entry.key_bytes..))
    }

    fn add(&mut self, key: &[u8], value: &Bytes, at: CommitSeq) {
        self.forget_emptied();
        let bytes = cost(key, value);
        if self.written > at || bytes > self.bytes_max / LARGE || self.places.contains_key(key) {
            return;
        }
        while self.bytes + bytes > self.bytes_max {
            self.give_up_one();
        }
        // What older snapshots have is not known: contents that were written aside came past this.
        self.put(key, value, at);
    }

    fn update(&mut self, key: &[u8], value: Option<&Bytes>, seq: CommitSeq) {
        self.forget_emptied();
        self.written = seq;
        let Some(&place) = self.places.get(key) else { return };
        self.remove(place);
        // A large value would hold the part by itself.
        if let Some(value) = value
            && cost(key, value) <= self.bytes_max / LARGE
        {
            while self.bytes + cost(key, value) > self.bytes_max {
                self.give_up_one();
            }
            self.put(key, value, seq);
        }
    }

    fn forget_later(&mut self, emptied: &Arc<Emptied>, seq: CommitSeq) {
        if self.emptied.len() == EMPTIED_MAX {
            self.forget_emptied();
        }
        self.written = seq;
        self.emptied.push(Arc::clone(emptied));
    }

    fn forget_emptied(&mut self) {
        if !self.emptied.is_empty() {
            let emptied = std::mem::take(&mut self.emptied);
            self.forget(|key| emptied.iter().any(|slices| slices.holds(key)));
        }
    }

    fn forget(&mut self, is_touched: impl Fn(&[u8]) -> bool) {
        // From the end, since the last entry takes the place of one that is removed.
        for place in (0..self.entries.len()).rev() {
            if is_touched(self.entries[place].key()) {
                self.remove(place);
            }
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8], from: CommitSeq) {
        let data = Bytes::from([key, value].concat());
        self.places.insert(data.slice(..key.len()), self.entries.len());
        self.entries.push(Entry { data, key_bytes: key.len(), from, used: false });
        self.bytes += cost(key, value);
    }

    /// Makes room: entries get a second chance if they were used.
    fn give_up_one(&mut self) {
        loop {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            let Some(entry) = self.entries.get_mut(self.hand) else {
                self.bytes = 0;
                return;
            };
            if !std::mem::take(&mut entry.used) {
                return self.remove(self.hand);
            }
            self.hand += 1;
        }
    }

    fn remove(&mut self, place: usize) {
        let entry = self.entries.swap_remove(place);
        self.places.remove(entry.key());
        self.bytes -= entry.data.len() + ENTRY_OVERHEAD_BYTES;
        if let Some(at) = self.entries.get(place).and_then(|moved| self.places.get_mut(moved.key())) {
            *at = place;
        }
    }
}

impl Entry {
    fn key(&self) -> &[u8] {
        &self.data[..self.key_bytes]
    }
}

fn cost(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TableId;
    use crate::kv::Batch;
    use crate::slice::SliceId;

    const KEY: &[u8] = b"key";

    fn put(cache: &HotEntries, key: &[u8], value: &'static str, seq: u64) {
        let mut batch = Batch::new();
        batch.put(Family::Rows, Bytes::copy_from_slice(key), value);
        cache.update(batch.operations(), CommitSeq(seq));
    }

    fn get(cache: &HotEntries, key: &[u8], at: u64) -> Option<Bytes> {
        cache.get(Family::Rows, key, CommitSeq(at))
    }

    fn add(cache: &HotEntries, key: &[u8], value: &'static str, at: u64) {
        cache.add(Family::Rows, key, &Bytes::from(value), CommitSeq(at));
    }

    #[test]
    fn an_entry_follows_the_commits_and_hides_from_older_snapshots() {
        let cache = HotEntries::new(1 << 20);
        add(&cache, KEY, "one", 5);
        // A bulk load may have brought it just then.
        assert_eq!(get(&cache, KEY, 4), None);
        assert_eq!(get(&cache, KEY, 5).as_deref(), Some(&b"one"[..]));
        put(&cache, KEY, "two", 6);
        assert_eq!(get(&cache, KEY, 5), None);
        assert_eq!(get(&cache, KEY, 6).as_deref(), Some(&b"two"[..]));
        let mut batch = Batch::new();
        batch.delete(Family::Rows, KEY);
        cache.update(batch.operations(), CommitSeq(7));
        assert_eq!(get(&cache, KEY, 7), None);
    }

    #[test]
    fn an_old_value_is_not_added_after_a_newer_commit() {
        let cache = HotEntries::new(1 << 20);
        put(&cache, KEY, "two", 6);
        add(&cache, KEY, "one", 5);
        assert_eq!(get(&cache, KEY, 6), None);
        add(&cache, KEY, "two", 6);
        assert_eq!(get(&cache, KEY, 6).as_deref(), Some(&b"two"[..]));
        // Who comes first stays: both are right.
        add(&cache, KEY, "two", 7);
        assert_eq!(get(&cache, KEY, 6).as_deref(), Some(&b"two"[..]));
    }

    #[test]
    fn a_load_leaves_nothing_of_what_it_touched_and_lets_no_old_value_in() {
        let cache = HotEntries::new(1 << 20);
        let key = |generation: u32, number: u32| [generation.to_be_bytes(), number.to_be_bytes()].concat();
        for number in 0..1000 {
            add(&cache, &key(7, number), "seven", 5);
            add(&cache, &key(8, number), "eight", 5);
        }
        cache.forget(&[(Family::Rows, GenerationId(7)), (Family::Index, GenerationId(8))], CommitSeq(6));
        for number in 0..1000 {
            add(&cache, &key(7, number), "old", 5);
            assert_eq!(get(&cache, &key(7, number), 6), None);
            assert_eq!(get(&cache, &key(8, number), 6).as_deref(), Some(&b"eight"[..]));
            add(&cache, &key(7, number), "new", 6);
            assert_eq!(get(&cache, &key(7, number), 6).as_deref(), Some(&b"new"[..]));
        }
    }

    #[test]
    fn emptied_slices_leave_nothing_and_let_no_old_value_in() {
        let cache = HotEntries::new(1 << 20);
        let key = |slice: u32, number: u32| [7_u32.to_be_bytes(), slice.to_be_bytes(), number.to_be_bytes()].concat();
        let large = vec![SliceId(2), SliceId(4)];
        let emptied =
            Emptied { table: TableId(1), generation: GenerationId(7), indexes: Vec::new(), large, small: Vec::new() };
        let emptied = Arc::new(emptied);
        for number in 0..300 {
            (1..=4).for_each(|slice| add(&cache, &key(slice, number), "old", 5));
        }
        let last = 6 + 3 * EMPTIED_MAX as u64;
        for seq in 6..=last {
            cache.forget_slices(&emptied, CommitSeq(seq));
            assert!(cache.rows.iter().all(|part| (1..=EMPTIED_MAX).contains(&part.lock().emptied.len())));
        }
        for number in 0..300 {
            for slice in 1..=4 {
                add(&cache, &key(slice, number), "older", 5);
                let left = get(&cache, &key(slice, number), last);
                assert_eq!(left.as_deref(), (slice % 2 == 1).then_some(&b"old"[..]), "{slice} {number}");
            }
            // Who comes later is not forgotten.
            put(&cache, &key(2, number), "newer", last + 1);
            add(&cache, &key(2, number), "newer", last + 1);
            assert_eq!(get(&cache, &key(2, number), last + 1).as_deref(), Some(&b"newer"[..]));
        }
        assert!(cache.rows.iter().all(|part| part.lock().emptied.is_empty()));
    }

    #[test]
    fn families_do_not_meet_and_others_are_not_kept() {
        let cache = HotEntries::new(1 << 20);
        add(&cache, KEY, "row", 1);
        assert_eq!(cache.get(Family::Index, KEY, CommitSeq(1)), None);
        cache.add(Family::Catalog, KEY, &Bytes::from("definition"), CommitSeq(1));
        assert_eq!(cache.get(Family::Catalog, KEY, CommitSeq(1)), None);
    }

    #[test]
    fn it_stays_within_its_bytes_and_keeps_what_is_used() {
        let bytes = 2 * PARTS * 40 * ENTRY_OVERHEAD_BYTES;
        let cache = HotEntries::new(bytes);
        add(&cache, KEY, "used", 1);
        for number in 0..100_000_u32 {
            add(&cache, &number.to_be_bytes(), "value", 1);
            assert_eq!(get(&cache, KEY, 1).as_deref(), Some(&b"used"[..]));
        }
        let held: usize = cache.rows.iter().map(|part| part.lock().bytes).sum();
        assert!(held <= bytes / 2, "{held} of {bytes}");
        for part in &cache.rows {
            let part = part.lock();
            assert_eq!(part.entries.iter().map(|entry| cost(&entry.data, &[])).sum::<usize>(), part.bytes);
            assert!(part.places.iter().all(|(key, place)| part.entries[*place].key() == key));
            assert_eq!(part.places.len(), part.entries.len());
        }
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let cache = HotEntries::new(2 * PARTS * 40 * ENTRY_OVERHEAD_BYTES);
        let large: &'static str = Box::leak("x".repeat(40 * ENTRY_OVERHEAD_BYTES).into_boxed_str());
        add(&cache, KEY, large, 1);
        assert_eq!(get(&cache, KEY, 1), None);
        add(&cache, KEY, "small", 1);
        put(&cache, KEY, large, 2);
        assert_eq!(get(&cache, KEY, 2), None);
        assert!(cache.rows.iter().all(|part| part.lock().bytes == 0));
    }
}
