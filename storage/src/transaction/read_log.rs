//! What a serializable transaction has read: keys, found or not, and ranges as far as they were walked.
//!
//! The committer asks whether a later commit wrote any of it. Memory is bounded: past a limit the keys of a generation
//! become one range, which can only refuse more, never less.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashSet;

use crate::commit::ReadSet;
use crate::key::KeyRange;
use crate::kv::Family;

/// Keys remembered one by one, per family.
const KEYS_MAX: usize = 65_536;
/// Ranges remembered one by one, per family.
const RANGES_MAX: usize = 16_384;
/// Leading bytes of a key that name its generation.
const GENERATION_BYTES: usize = 4;

/// The reads of one transaction, shared with its views.
#[derive(Debug, Default)]
pub(crate) struct ReadLog([Mutex<FamilyReads>; Family::ALL.len()]);

#[derive(Debug, Default)]
struct FamilyReads {
    keys: FxHashSet<Bytes>,
    /// Ranges that do not overlap, start to end.
    ranges: BTreeMap<Bytes, Bytes>,
}

impl ReadLog {
    /// Remembers that a key was looked up.
    pub(crate) fn key(&self, family: Family, key: &Bytes) {
        let mut reads = self.0[family as usize].lock();
        if reads.in_range(key) {
            return;
        }
        reads.keys.insert(key.clone());
        if reads.keys.len() > KEYS_MAX {
            reads.widen();
        }
    }

    /// Remembers that everything in a range was looked at.
    pub(crate) fn range(&self, family: Family, range: KeyRange) {
        let mut reads = self.0[family as usize].lock();
        reads.add(range);
        if reads.ranges.len() > RANGES_MAX {
            reads.widen();
        }
    }
}

impl FamilyReads {
    fn in_range(&self, key: &[u8]) -> bool {
        self.ranges.range::<[u8], _>((Unbounded, Included(key))).next_back().is_some_and(|(_, end)| &end[..] > key)
    }

    fn meets(&self, range: &KeyRange) -> bool {
        let before_end = self.ranges.range::<[u8], _>((Unbounded, Excluded(&range.end[..]))).next_back();
        before_end.is_some_and(|(_, end)| end > &range.start)
    }

    /// Adds a range, merged with those it touches.
    fn add(&mut self, range: KeyRange) {
        let KeyRange { mut start, mut end } = range;
        if start >= end {
            return;
        }
        while let Some((near, far)) = self.ranges.range::<[u8], _>((Unbounded, Included(&end[..]))).next_back() {
            if *far < start {
                break;
            }
            let near = near.clone();
            let far = self.ranges.remove(&near).unwrap_or_default();
            start = start.min(near);
            end = end.max(far);
        }
        self.ranges.insert(start, end);
    }

    /// Replaces keys and ranges by one range for each generation they are in.
    fn widen(&mut self) {
        let starts: Vec<Bytes> = self.keys.drain().chain(std::mem::take(&mut self.ranges).into_keys()).collect();
        for start in starts {
            let prefix = &start[..start.len().min(GENERATION_BYTES)];
            if !self.in_range(&start) {
                self.add(KeyRange::prefix(prefix));
            }
        }
    }
}

/// The log as the committer sees it.
pub(super) struct LoggedReads(pub(super) Arc<ReadLog>);

impl ReadSet for LoggedReads {
    fn contains(&self, family: Family, key: &[u8]) -> bool {
        let reads = self.0.0[family as usize].lock();
        reads.in_range(key) || reads.keys.contains(key)
    }

    fn intersects(&self, family: Family, range: &KeyRange) -> bool {
        let reads = self.0.0[family as usize].lock();
        reads.meets(range) || reads.keys.iter().any(|key| range.start <= *key && *key < range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &'static str, end: &'static str) -> KeyRange {
        KeyRange { start: start.into(), end: end.into() }
    }

    #[test]
    fn ranges_merge_and_answer() {
        let log = Arc::new(ReadLog::default());
        for (start, end) in [("b", "d"), ("d", "f"), ("h", "k"), ("c", "e"), ("m", "m")] {
            log.range(Family::Rows, range(start, end));
        }
        assert_eq!(log.0[Family::Rows as usize].lock().ranges.len(), 2);
        log.key(Family::Rows, &Bytes::from_static(b"z"));
        let reads = LoggedReads(log);
        for (key, expected) in [("a", false), ("b", true), ("ezz", true), ("f", false), ("k", false), ("z", true)] {
            assert_eq!(reads.contains(Family::Rows, key.as_bytes()), expected, "{key}");
        }
        assert!(!reads.contains(Family::Index, b"b"));
        assert!(reads.intersects(Family::Rows, &range("a", "c")) && reads.intersects(Family::Rows, &range("y", "zz")));
        assert!(!reads.intersects(Family::Rows, &range("f", "h")) && !reads.intersects(Family::Rows, &range("n", "z")));
    }

    #[test]
    fn too_many_keys_become_their_generation() {
        let log = Arc::new(ReadLog::default());
        for id in 0..=KEYS_MAX as u64 {
            let mut key = 7u32.to_be_bytes().to_vec();
            key.extend(id.to_be_bytes());
            log.key(Family::Rows, &key.into());
        }
        let reads = LoggedReads(log);
        assert!(reads.0.0[Family::Rows as usize].lock().keys.is_empty());
        assert!(reads.contains(Family::Rows, &[0, 0, 0, 7, 255]) && !reads.contains(Family::Rows, &[0, 0, 0, 8]));
    }
}
