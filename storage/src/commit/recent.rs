//! What commits have changed lately, of things that there may be any number of.
//!
//! So many changes are remembered one by one. What is forgotten counts as changed just then, so that nobody who began
//! before relies on it.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::id::CommitSeq;

/// How many changes are remembered.
const CHANGES_MAX: usize = 8192;

/// The newest change of each thing.
pub(super) struct Recent<K> {
    changed: FxHashMap<K, CommitSeq>,
    /// Changes up to here may have been forgotten.
    forgotten: CommitSeq,
}

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self { changed: FxHashMap::default(), forgotten: CommitSeq::default() }
    }
}

impl<K: Hash + Eq + Copy> Recent<K> {
    /// Whether it is as it was at `seq`.
    pub(super) fn is_unchanged(&self, thing: K, seq: CommitSeq) -> bool {
        seq >= self.forgotten && self.changed.get(&thing).is_none_or(|changed| *changed <= seq)
    }

    /// What was changed after `seq`, as far as that is remembered.
    pub(super) fn changed_after(&self, seq: CommitSeq) -> impl Iterator<Item = K> {
        self.changed.iter().filter(move |(_, changed)| **changed > seq).map(|(thing, _)| *thing)
    }

    /// Whether changes after `seq` may have been forgotten.
    pub(super) fn has_forgotten_after(&self, seq: CommitSeq) -> bool {
        seq < self.forgotten
    }

    pub(super) fn change(&mut self, things: &[K], seq: CommitSeq) {
        for &thing in things {
            self.changed.insert(thing, seq);
        }
        if self.changed.len() > CHANGES_MAX {
            self.forget_older_half();
        }
    }

    fn forget_older_half(&mut self) {
        let mut seqs: Vec<CommitSeq> = self.changed.values().copied().collect();
        let middle = seqs.len() / 2;
        let (_, &mut median, _) = seqs.select_nth_unstable(middle);
        self.changed.retain(|_, seq| *seq > median);
        self.forgotten = self.forgotten.max(median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_are_forgotten_safely() {
        let mut recent = Recent::default();
        for seq in 1..=100_000 {
            recent.change(&[seq], CommitSeq(seq));
        }
        assert!(!recent.is_unchanged(1, CommitSeq(0)) && !recent.is_unchanged(99_999, CommitSeq(99_998)));
        assert!(recent.is_unchanged(99_999, CommitSeq(99_999)) && recent.is_unchanged(1, CommitSeq(100_000)));
        assert!(recent.is_unchanged(1, CommitSeq(99_999 - CHANGES_MAX as u64 / 4)));
        assert_eq!(recent.changed_after(CommitSeq(99_998)).count(), 2);
        assert!(recent.has_forgotten_after(CommitSeq(1)) && !recent.has_forgotten_after(CommitSeq(99_000)));
        assert!(recent.changed.len() <= CHANGES_MAX);
    }
}
