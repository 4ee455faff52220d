//! Emptying slices for good: of those whose rows are many, or lie in files, everything goes with one commit.
//!
//! What is left of the others are a few hot rows, for the caller to delete one by one: a range that is deleted costs readers
//! something until it is compacted away, and there may be a slice for each of very many users.

use std::ops::ControlFlow;

use crate::commit::{CommitRequest, Emptied};
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::{Direction, Family};
use crate::schema::TableSchema;
use crate::segment::Tiered;
use crate::slice::{Slice, SliceId};
use crate::store::Store;

/// A slice of fewer hot rows, and no others, is small.
const ROWS_MIN: u64 = if cfg!(test) { 6 } else { 1000 };

impl Store {
    /// Deletes the rows, index entries and files of those slices of a divided table that are not small, whichever slice the
    /// schema means. Answers how many rows they were. From then on whoever began earlier commits nothing in any of the
    /// slices, small ones included (`RelationChanged`).
    ///
    /// The caller holds a lock on the table that keeps its definition as it is.
    pub async fn empty_slices(&self, table: &TableSchema, slices: &[SliceId]) -> Result<u64> {
        debug_assert!(table.slice != Slice::Undivided && table.stream.is_none(), "its rows do not lie in slices");
        let (store, generation, all) = (self.clone(), table.generation, slices.to_vec());
        let counted = tokio::task::spawn_blocking(move || {
            let newest = store.published_state();
            all.into_iter()
                .map(|slice| rows_if_large(&newest.snapshot, generation, slice).map(|rows| (slice, rows)))
                .collect()
        });
        let counted: Result<Vec<(SliceId, Option<u64>)>> =
            counted.await.map_err(|_| Error::Io("counting rows has panicked".into()))?;
        let counted = counted?;
        let indexes: Vec<_> = table.indexes.iter().map(|index| index.generation).collect();
        let emptied = |(slice, rows): &(SliceId, Option<u64>)| {
            let indexes = rows.map(|_| indexes.clone());
            Emptied { table: table.table, generation, slice: *slice, indexes }
        };
        let mut request = CommitRequest::new(self.next_transaction(), self.published());
        request.emptied = counted.iter().map(emptied).collect();
        self.committer().submit(request).await?;
        Ok(counted.into_iter().filter_map(|(_, rows)| rows).sum())
    }
}

/// How many rows a slice has; `None` if it is small.
fn rows_if_large(state: &Tiered, table: GenerationId, slice: SliceId) -> Result<Option<u64>> {
    let range = KeyRange::of_slice(table, Slice::One(slice));
    let mut cold = None;
    for segment in state.manifest().of_slice(table, slice) {
        let left = u64::from(segment.info().rows).saturating_sub(state.gone(segment)?);
        *cold.get_or_insert(0) += left;
    }
    let count = |rows_max: u64| -> Result<u64> {
        let mut hot = 0;
        state.hot().scan(Family::Rows, &range, Direction::Forward, &mut |_, _| {
            hot += 1;
            if hot < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(hot)
    };
    if cold.is_none() && count(ROWS_MIN)? < ROWS_MIN {
        return Ok(None);
    }
    Ok(Some(count(u64::MAX)? + cold.unwrap_or(0)))
}
