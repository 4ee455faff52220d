//! Flush: the hot rows of a table become segments.
//!
//! The rows are read from a snapshot and written to files whose names were recorded before; then one commit names the files
//! in the manifest and deletes the rows. What was written meanwhile stays hot, and its old version is marked in the segment.
//! Until that commit nobody sees anything of it, and a crash leaves nothing but files that the next start deletes.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::rewrite::{Rewrite, RewriteReport, Source};
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::{KeyRange, RowKey};
use crate::kv::Family;
use crate::row::StoredRow;
use crate::segment::{Segment, Tiered};
use crate::store::Store;

/// With so many rows gone at once their space is reclaimed at once; of few the store takes care by itself.
const COMPACTED_ROWS_MIN: u64 = 100_000;

/// The hot rows of a table.
struct HotRows(GenerationId);

impl Source for HotRows {
    fn next(&self, state: &Tiered, rest: &KeyRange, max: usize) -> Result<Vec<StoredRow>> {
        let mut rows = Vec::new();
        state.hot().scan_once(Family::Rows, rest, &mut |key, bytes| {
            let key = RowKey::from_bytes(Bytes::copy_from_slice(key));
            rows.push(StoredRow { key, bytes: Bytes::copy_from_slice(bytes) });
            if rows.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }

    fn replaced(&self) -> &[Arc<Segment>] {
        &[]
    }

    fn is_worth_it(&self, state: &Tiered) -> Result<bool> {
        Ok(state.hot().approximate_entries(Family::Rows, &KeyRange::generation(self.0))? > 0)
    }
}

impl Store {
    /// Flushes the hot rows of a table. The caller holds a lock on the table that keeps its definition as it is, and other
    /// flushes and compactions away. `MoveLost`: too much was written meanwhile; it can be tried again.
    pub async fn flush_table(&self, rewrite: Rewrite) -> Result<RewriteReport> {
        let generation = rewrite.table.generation;
        let report = self.rewrite(rewrite, HotRows(generation)).await?;
        if report.rows >= COMPACTED_ROWS_MIN {
            let kv = Arc::clone(self.kv_handle());
            let emptied = move || kv.compact(Family::Rows, &KeyRange::generation(generation));
            let compacted = tokio::task::spawn_blocking(emptied).await;
            compacted.map_err(|_| Error::Io("reclaiming space has panicked".into()))??;
        }
        Ok(report)
    }

    /// About how many of the table's rows are hot.
    pub fn hot_rows(&self, generation: GenerationId) -> Result<u64> {
        self.newest().snapshot.hot().approximate_entries(Family::Rows, &KeyRange::generation(generation))
    }
}
