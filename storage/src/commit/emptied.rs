//! Slices that are emptied as a whole: their keys go as ranges and their files with the manifest, however many rows there are.
//!
//! Nobody locks the rows. Instead, a write set that was begun before and has rows in such a slice is refused from then on: it
//! may rely on rows that are gone, and whoever emptied the slice does not look for what comes later.

use std::iter;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::load::{Load, staged_range};
use super::recent::Recent;
use super::request::CommitRequest;
use crate::error::Result;
use crate::id::{CommitSeq, GenerationId, TableId};
use crate::key::{KeyRange, generation_of};
use crate::kv::{Direction, Family, KeyValue};
use crate::slice::{Slice, SliceId, slice_of};

/// Slices of one table that are emptied.
#[derive(Debug)]
pub(crate) struct Emptied {
    pub(crate) table: TableId,
    pub(crate) generation: GenerationId,
    /// Of the table's indexes.
    pub(crate) indexes: Vec<GenerationId>,
    /// Slices, in order, of which everything goes with this commit.
    pub(crate) large: Vec<SliceId>,
    /// Slices of which the few rows that there are go one by one, after this.
    pub(crate) small: Vec<SliceId>,
}

impl Emptied {
    /// The contents of which ranges go.
    pub(super) fn contents(&self) -> impl Iterator<Item = GenerationId> {
        let all = iter::once(self.generation).chain(self.indexes.iter().copied());
        all.filter(move |_| !self.large.is_empty())
    }

    /// The keys that go.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Family, KeyRange)> {
        let rows = iter::once((Family::Rows, self.generation));
        let all = rows.chain(self.indexes.iter().map(|index| (Family::Index, *index)));
        all.flat_map(move |(family, generation)| {
            self.large.iter().map(move |slice| (family, KeyRange::of_slice(generation, Slice::One(*slice))))
        })
    }

    /// Whether the key of a row or an index entry is among those.
    pub(super) fn holds(&self, key: &[u8]) -> bool {
        let generation = generation_of(key);
        (generation == self.generation || self.indexes.contains(&generation))
            && slice_of(key).is_some_and(|slice| self.large.binary_search(&slice).is_ok())
    }
}

/// What was emptied lately.
#[derive(Default)]
pub(super) struct EmptiedSlices {
    tables: FxHashMap<GenerationId, Recent<SliceId>>,
    newest: CommitSeq,
}

impl EmptiedSlices {
    /// Whether no row of the write set lies in a slice that was emptied after its transaction had begun.
    pub(super) fn permits(&self, request: &CommitRequest, kv: &dyn KeyValue) -> Result<bool> {
        if request.begun >= self.newest {
            return Ok(true);
        }
        let is_untouched = |key: &[u8]| match (self.tables.get(&generation_of(key)), slice_of(key)) {
            (Some(slices), Some(slice)) => slices.is_unchanged(slice, request.begun),
            _ => true,
        };
        if !request.rows.iter().all(|row| is_untouched(row.key.as_bytes())) {
            return Ok(false);
        }
        request.load.as_ref().map_or(Ok(true), |load| self.permits_load(load, request.begun, kv))
    }

    /// The same of rows that are staged.
    fn permits_load(&self, load: &Load, begun: CommitSeq, kv: &dyn KeyValue) -> Result<bool> {
        let snapshot = kv.snapshot()?;
        for (_, generation) in load.touched.iter().filter(|(family, _)| *family == Family::Rows) {
            let Some(slices) = self.tables.get(generation) else { continue };
            if slices.has_forgotten_after(begun) {
                return Ok(false);
            }
            for slice in slices.changed_after(begun) {
                let range = KeyRange::of_slice(*generation, Slice::One(slice));
                for layer in &load.layers {
                    let mut is_empty = true;
                    let staged = staged_range(*layer, &range);
                    snapshot.scan(Family::Rows, &staged, Direction::Forward, &mut |_, _| {
                        is_empty = false;
                        ControlFlow::Break(())
                    })?;
                    if !is_empty {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    pub(super) fn add(&mut self, emptied: &Emptied, seq: CommitSeq) {
        self.newest = seq;
        let slices = self.tables.entry(emptied.generation).or_default();
        slices.change(&emptied.large, seq);
        slices.change(&emptied.small, seq);
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
    use crate::kv::MemoryKeyValue;

    const TABLE: GenerationId = GenerationId(7);

    fn writing(begun: u64, generation: GenerationId, slice: u32) -> CommitRequest {
        let mut request = CommitRequest::new(TransactionId(1), CommitSeq(begun));
        let key = hidden_row_key(generation, Slice::One(SliceId(slice)), 1);
        let row = RowChange { table: TableId(1), family: Family::Rows, key, old: None, new: Some(Vec::new()) };
        request.rows.push(row);
        request
    }

    fn emptied(large: &[u32], small: &[u32]) -> Emptied {
        let slices = |ids: &[u32]| ids.iter().copied().map(SliceId).collect();
        let (large, small) = (slices(large), slices(small));
        Emptied { table: TableId(1), generation: TABLE, indexes: vec![GenerationId(8)], large, small }
    }

    #[test]
    fn who_began_before_does_not_write_there() {
        let mut slices = EmptiedSlices::default();
        let kv = MemoryKeyValue::new();
        let permits = |slices: &EmptiedSlices, begun, generation, slice| {
            slices.permits(&writing(begun, generation, slice), &kv).unwrap()
        };
        assert!(permits(&slices, 1, TABLE, 1));
        slices.add(&emptied(&[1], &[2]), CommitSeq(5));
        assert!(!permits(&slices, 4, TABLE, 1) && !permits(&slices, 4, TABLE, 2));
        assert!(permits(&slices, 5, TABLE, 1) && permits(&slices, 5, TABLE, 2));
        assert!(permits(&slices, 4, TABLE, 3) && permits(&slices, 4, GenerationId(9), 1));
        slices.forget(TABLE);
        assert!(permits(&slices, 4, TABLE, 1));
    }

    #[test]
    fn what_goes_is_what_lies_in_large_slices() {
        let one = emptied(&[1, 5], &[2]);
        let families: Vec<Family> = one.ranges().map(|(family, _)| family).collect();
        assert_eq!(families, [Family::Rows, Family::Rows, Family::Index, Family::Index]);
        for (generation, slice, goes) in [
            (TABLE, 1, true),
            (GenerationId(8), 5, true),
            (TABLE, 2, false),
            (TABLE, 3, false),
            (GenerationId(9), 1, false),
        ] {
            let key = hidden_row_key(generation, Slice::One(SliceId(slice)), 3);
            assert_eq!(one.holds(key.as_bytes()), goes, "{generation:?} {slice}");
            assert_eq!(one.ranges().any(|(_, range)| range.contains(key.as_bytes())), goes);
        }
        let few = emptied(&[], &[1]);
        assert_eq!((few.ranges().count(), few.contents().count()), (0, 0));
    }
}
