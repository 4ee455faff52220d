//! Which contents have entries that were overwritten or deleted, so that reclaiming them is worth reading everything.

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::CommitRequest;
use crate::id::GenerationId;
use crate::key::generation_of;
use crate::kv::{Family, Operation};

/// Counts of one store, since it was opened.
pub(crate) struct Garbage {
    /// What is older was there before anybody counted.
    counted_from: GenerationId,
    entries: Mutex<FxHashMap<GenerationId, u64>>,
}

impl Garbage {
    /// Generations from `counted_from` on are yet to be made.
    pub(crate) fn new(counted_from: GenerationId) -> Self {
        Self { counted_from, entries: Mutex::default() }
    }

    /// Counts what the write set leaves behind.
    pub(crate) fn add(&self, request: &CommitRequest) {
        let replaced = request.rows.iter().filter(|row| row.old.is_some()).map(|row| row.key.generation());
        let deleted = request.writes.operations().iter().filter_map(|operation| match operation {
            Operation::Delete { family: Family::Index, key } => Some(generation_of(key)),
            _ => None,
        });
        let load = request.load.iter().filter(|load| load.leaves_garbage);
        let loaded = load.flat_map(|load| load.touched.iter().map(|(_, generation)| *generation));
        let emptied = request.emptied.iter().flat_map(|emptied| emptied.contents());
        let mut left = replaced.chain(deleted).chain(loaded).chain(emptied).peekable();
        if left.peek().is_none() {
            return;
        }
        let mut entries = self.entries.lock();
        left.for_each(|generation| *entries.entry(generation).or_default() += 1);
    }

    /// Whether there may be something to reclaim; begins to count anew, as the caller is about to do that.
    pub(crate) fn take(&self, generation: GenerationId) -> bool {
        match self.entries.lock().insert(generation, 0) {
            Some(entries) => entries > 0,
            None => generation < self.counted_from,
        }
    }

    /// Forgets a generation that is deleted.
    pub(crate) fn forget(&self, generation: GenerationId) {
        self.entries.lock().remove(&generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_left_something_behind_is_worth_it() {
        let garbage = Garbage::new(GenerationId(10));
        // Nobody knows what was there before.
        assert!(garbage.take(GenerationId(9)));
        assert!(!garbage.take(GenerationId(9)));
        assert!(!garbage.take(GenerationId(10)));
        garbage.entries.lock().insert(GenerationId(10), 3);
        assert!(garbage.take(GenerationId(10)));
        assert!(!garbage.take(GenerationId(10)));
        garbage.forget(GenerationId(10));
        assert!(!garbage.take(GenerationId(10)));
    }
}
