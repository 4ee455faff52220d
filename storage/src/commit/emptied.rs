//! Slices that are emptied as a whole: their keys go as ranges and their files with the manifest, however many rows there are.
//!
//! Nobody locks the rows. Instead, a write set that was begun before and has rows in such a slice is refused from then on: it
//! may rely on rows that are gone, and whoever emptied the slice does not look for what comes later.

use rustc_hash::{FxHashMap, FxHashSet};

use super::CommitRequest;
use crate::id::{CommitSeq, GenerationId, TableId};
use crate::key::{KeyRange, generation_of};
use crate::kv::Family;
use crate::slice::{Slice, SliceId, slice_of};

/// How many slices of a table are remembered one by one.
const SLICES_MAX: usize = if cfg!(test) { 4 } else { 8192 };

/// One slice of a table's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Emptied {
    pub(crate) table: TableId,
    pub(crate) generation: GenerationId,
    pub(crate) slice: SliceId,
    /// Of the table's indexes; `None`: the few rows that there are go one by one, after this.
    pub(crate) indexes: Option<Vec<GenerationId>>,
}

impl Emptied {
    /// The keys that are deleted.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Family, KeyRange)> {
        let range = |generation| KeyRange::of_slice(generation, Slice::One(self.slice));
        let rows = self.indexes.is_some().then(|| (Family::Rows, range(self.generation)));
        let entries = self.indexes.iter().flatten().map(move |index| (Family::Index, range(*index)));
        rows.into_iter().chain(entries)
    }

    /// The slices of rows and index entries that go as ranges.
    pub(super) fn contents(&self) -> impl Iterator<Item = (GenerationId, SliceId)> {
        let indexes = self.indexes.iter().flatten().copied();
        let all = self.indexes.is_some().then_some(self.generation).into_iter().chain(indexes);
        all.map(|generation| (generation, self.slice))
    }
}

/// Whether the key of a row or an index entry lies in one of these slices.
pub(super) fn lies_in(slices: &FxHashSet<(GenerationId, SliceId)>, key: &[u8]) -> bool {
    slice_of(key).is_some_and(|slice| slices.contains(&(generation_of(key), slice)))
}

/// What was emptied lately.
#[derive(Default)]
pub(super) struct EmptiedSlices {
    tables: FxHashMap<GenerationId, OfTable>,
    newest: CommitSeq,
}

#[derive(Default)]
struct OfTable {
    slices: FxHashMap<SliceId, CommitSeq>,
    /// Slices that were emptied up to here may have been forgotten.
    forgotten: CommitSeq,
    newest: CommitSeq,
}

impl EmptiedSlices {
    /// Whether no row of the write set lies in a slice that was emptied after its transaction had begun.
    pub(super) fn permits(&self, request: &CommitRequest) -> bool {
        if request.begun >= self.newest {
            return true;
        }
        let loaded = request.load.iter().flat_map(|load| &load.touched);
        let mut loaded = loaded.filter_map(|(_, generation)| self.tables.get(generation));
        loaded.all(|table| request.begun >= table.newest)
            && request.rows.iter().all(|row| {
                let key = row.key.as_bytes();
                let (Some(table), Some(slice)) = (self.tables.get(&generation_of(key)), slice_of(key)) else {
                    return true;
                };
                request.begun >= table.forgotten && table.slices.get(&slice).is_none_or(|at| request.begun >= *at)
            })
    }

    pub(super) fn add(&mut self, emptied: &[Emptied], seq: CommitSeq) {
        for Emptied { generation, slice, .. } in emptied {
            self.newest = seq;
            let table = self.tables.entry(*generation).or_default();
            table.newest = seq;
            table.slices.insert(*slice, seq);
            if table.slices.len() > SLICES_MAX {
                table.slices.clear();
                table.forgotten = seq;
            }
        }
    }

    /// Forgets contents that are deleted.
    pub(super) fn forget(&mut self, generation: GenerationId) {
        self.tables.remove(&generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::RowChange;
    use crate::id::TransactionId;
    use crate::key::hidden_row_key;

    const TABLE: GenerationId = GenerationId(7);

    fn writing(begun: u64, generation: GenerationId, slice: u32) -> CommitRequest {
        let mut request = CommitRequest::new(TransactionId(1), CommitSeq(begun));
        let key = hidden_row_key(generation, Slice::One(SliceId(slice)), 1);
        let row = RowChange { table: TableId(1), family: Family::Rows, key, old: None, new: Some(Vec::new()) };
        request.rows.push(row);
        request
    }

    fn emptied(slice: u32) -> Emptied {
        Emptied { table: TableId(1), generation: TABLE, slice: SliceId(slice), indexes: Some(vec![GenerationId(8)]) }
    }

    #[test]
    fn who_began_before_does_not_write_there() {
        let mut slices = EmptiedSlices::default();
        assert!(slices.permits(&writing(1, TABLE, 1)));
        slices.add(&[emptied(1)], CommitSeq(5));
        assert!(!slices.permits(&writing(4, TABLE, 1)));
        assert!(slices.permits(&writing(5, TABLE, 1)));
        assert!(slices.permits(&writing(4, TABLE, 2)));
        assert!(slices.permits(&writing(4, GenerationId(9), 1)));
        slices.forget(TABLE);
        assert!(slices.permits(&writing(4, TABLE, 1)));
    }

    #[test]
    fn what_is_forgotten_is_taken_for_emptied() {
        let mut slices = EmptiedSlices::default();
        for slice in 1..=SLICES_MAX as u32 + 1 {
            slices.add(&[emptied(slice)], CommitSeq(u64::from(slice)));
        }
        assert!(!slices.permits(&writing(3, TABLE, 77)));
        assert!(slices.permits(&writing(SLICES_MAX as u64 + 1, TABLE, 77)));
        assert!(slices.permits(&writing(3, GenerationId(9), 77)));
    }

    #[test]
    fn ranges_are_those_of_the_slice() {
        let families: Vec<Family> = emptied(1).ranges().map(|(family, _)| family).collect();
        assert_eq!(families, [Family::Rows, Family::Index]);
        let slices: FxHashSet<_> = emptied(1).contents().collect();
        let key = |generation, slice| hidden_row_key(generation, Slice::One(SliceId(slice)), 3);
        assert!(lies_in(&slices, key(TABLE, 1).as_bytes()) && lies_in(&slices, key(GenerationId(8), 1).as_bytes()));
        assert!(!lies_in(&slices, key(TABLE, 2).as_bytes()) && !lies_in(&slices, key(GenerationId(9), 1).as_bytes()));
        let few = Emptied { indexes: None, ..emptied(1) };
        assert_eq!((few.ranges().count(), few.contents().count()), (0, 0));
    }
}
