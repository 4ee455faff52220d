//! Emptying slices for good: of those whose rows are many, or lie in files, everything goes with one commit.
//!
//! What is left of the others are a few hot rows, for the caller to delete one by one: a range that is deleted costs readers
//! something until it is compacted away, and there may be a slice for each of very many users.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::commit::{CommitRequest, Durability, Emptied};
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::Family;
use crate::schema::TableSchema;
use crate::segment::Tiered;
use crate::slice::{Slice, SliceId};
use crate::store::Store;
use crate::transaction::Transaction;

/// A slice of fewer hot rows, and no others, is small.
const ROWS_MIN: u64 = if cfg!(test) { 6 } else { 1000 };

impl Store {
    /// Deletes the rows, index entries and files of those slices of a divided table that are not small, whichever slice the
    /// schema means. Answers how many rows they were. From then on whoever began earlier commits nothing in any of the
    /// slices, small ones included (`WriteConflict`).
    ///
    /// `lock` is a transaction that keeps the table's definition as it is; it ends with this.
    pub async fn empty_slices(&self, table: &TableSchema, slices: &[SliceId], lock: Transaction) -> Result<u64> {
        debug_assert!(table.slice != Slice::Undivided && table.stream.is_none(), "its rows do not lie in slices");
        let (store, generation, all) = (self.clone(), table.generation, slices.to_vec());
        let count = move || count_large(&store.published_state().snapshot, generation, all);
        let counted = tokio::task::spawn_blocking(count).await;
        let (large, small, rows) = counted.map_err(|_| Error::Io("counting rows has panicked".into()))??;
        let mut request = CommitRequest::new(self.next_transaction(), self.published());
        if large.is_empty() {
            // There is nothing to lose yet.
            request.durability = Durability::Async;
        }
        let indexes = table.indexes.iter().map(|index| index.generation).collect();
        request.emptied = Some(Arc::new(Emptied { table: table.table, generation, indexes, large, small }));
        request.held = Some(Box::new(lock));
        self.committer().submit(request).await?;
        Ok(rows)
    }
}

/// The slices that are not small, in order, those that are, and how many rows the former have.
fn count_large(
    state: &Tiered,
    table: GenerationId,
    mut slices: Vec<SliceId>,
) -> Result<(Vec<SliceId>, Vec<SliceId>, u64)> {
    slices.sort_unstable();
    let (mut large, mut small, mut rows) = (Vec::new(), Vec::new(), 0);
    for slice in slices {
        let range = KeyRange::of_slice(table, Slice::One(slice));
        let mut hot = 0;
        state.hot().scan_once(Family::Rows, &range, &mut |_, _| {
            hot += 1;
            ControlFlow::Continue(())
        })?;
        let mut cold = None;
        for segment in state.manifest().of_slice(table, slice) {
            let left = u64::from(segment.info().rows).saturating_sub(state.gone(segment)?);
            *cold.get_or_insert(0) += left;
        }
        if hot < ROWS_MIN && cold.is_none() {
            small.push(slice);
        } else {
            large.push(slice);
            rows += hot + cold.unwrap_or(0);
        }
    }
    Ok((large, small, rows))
}
