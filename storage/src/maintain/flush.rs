//! Flush: the hot rows of a table become segments.
//!
//! The rows are read from a snapshot and written to files whose names were recorded before; then one commit names the files
//! in the manifest and deletes the rows. What was written meanwhile stays hot, and its old version is marked in the segment.
//! Until that commit nobody sees anything of it, and a crash leaves nothing but files that the next start deletes.
//!
//! A table that is divided has files for each slice. Where there are many slices, small ones stay hot, lest there be a file
//! for a few rows of each; and what a flush moves at once is bounded, so that it takes no more memory the more there are.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::reclaim::ROWS_MIN;
use super::rewrite::{Rewrite, RewriteReport, Source};
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, RowKey};
use crate::kv::Family;
use crate::row::StoredRow;
use crate::segment::{Segment, Tiered};
use crate::slice::{Slice, SliceId, slice_of};
use crate::store::Store;

/// A slice of fewer rows is small.
const SLICE_ROWS_MIN: u64 = if cfg!(test) { 4 } else { 256 };

/// In a table of no more slices than this small ones are flushed as any other.
const SLICES_FEW: usize = if cfg!(test) { 3 } else { 64 };

/// So many slices are moved by one commit.
const SLICES_AT_ONCE: usize = if cfg!(test) { 2 } else { 1000 };

/// The hot rows of a table.
struct HotRows {
    generation: GenerationId,
    /// `None`: the table is not divided.
    slices: Option<Mutex<Slices>>,
}

/// How far the slices of a table have been gone through.
struct Slices {
    /// Those of fewer rows are left out.
    rows_min: u64,
    /// The slice whose rows are being taken, and how many are taken by this commit, itself included.
    current: Option<SliceId>,
    taken: usize,
    /// Where the next commit goes on.
    begin: Bytes,
    /// Whether there is nothing behind it.
    is_over: bool,
    /// Rows that were left out.
    left: u64,
}

impl HotRows {
    fn read(state: &Tiered, range: &KeyRange, max: usize) -> Result<Vec<StoredRow>> {
        let mut rows = Vec::new();
        state.hot().scan_once(Family::Rows, range, &mut |key, bytes| {
            let key = RowKey::from_bytes(Bytes::copy_from_slice(key));
            rows.push(StoredRow { key, bytes: Bytes::copy_from_slice(bytes) });
            if rows.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }
}

impl Slices {
    /// The next rows of a range that are to be moved, all of one slice.
    fn next(&mut self, table: GenerationId, state: &Tiered, rest: &KeyRange, max: usize) -> Result<Vec<StoredRow>> {
        let mut rest = KeyRange { start: rest.start.clone().max(self.begin.clone()), end: rest.end.clone() };
        while let Some(slice) = first_slice(state, &rest)? {
            let whole = KeyRange::of_slice(table, Slice::One(slice));
            if self.current != Some(slice) {
                if self.taken == SLICES_AT_ONCE {
                    self.begin = whole.start;
                    return Ok(Vec::new());
                }
                let rows = count(state, &whole, self.rows_min)?;
                if rows < self.rows_min {
                    self.left += rows;
                    rest.start = whole.end;
                    continue;
                }
                (self.current, self.taken) = (Some(slice), self.taken + 1);
            }
            let range = KeyRange { start: rest.start.clone().max(whole.start), end: whole.end.clone() };
            let rows = HotRows::read(state, &range, max)?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            rest.start = whole.end;
        }
        self.is_over = true;
        Ok(Vec::new())
    }
}

/// The slice of the first row of a range.
fn first_slice(state: &Tiered, range: &KeyRange) -> Result<Option<SliceId>> {
    let mut first = None;
    if !range.is_empty() {
        state.hot().scan_once(Family::Rows, range, &mut |key, _| {
            first = slice_of(key);
            ControlFlow::Break(())
        })?;
    }
    Ok(first)
}

/// How many rows a range has, as far as they are fewer than `enough`.
fn count(state: &Tiered, range: &KeyRange, enough: u64) -> Result<u64> {
    let mut rows = 0;
    state.hot().scan_once(Family::Rows, range, &mut |_, _| {
        rows += 1;
        if rows < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}

/// Whether a table has no more than a few slices.
fn has_few_slices(state: &Tiered, generation: GenerationId) -> Result<bool> {
    let mut rest = KeyRange::generation(generation);
    for _ in 0..=SLICES_FEW {
        let Some(slice) = first_slice(state, &rest)? else { return Ok(true) };
        rest.start = KeyRange::of_slice(generation, Slice::One(slice)).end;
    }
    Ok(false)
}

impl Source for HotRows {
    fn next(&self, state: &Tiered, rest: &KeyRange, max: usize) -> Result<Vec<StoredRow>> {
        match &self.slices {
            None => HotRows::read(state, rest, max),
            Some(slices) => slices.lock().next(self.generation, state, rest, max),
        }
    }

    fn replaced(&self) -> &[Arc<Segment>] {
        &[]
    }

    fn is_worth_it(&self, state: &Tiered) -> Result<bool> {
        Ok(state.hot().approximate_entries(Family::Rows, &KeyRange::generation(self.generation))? > 0)
    }
}

impl Store {
    /// Flushes the hot rows of a table. The caller holds a lock on the table that keeps its definition as it is, and other
    /// flushes and compactions away. `MoveLost`: too much was written meanwhile; it can be tried again. What the rows
    /// occupied is reclaimed by [`Store::sweep`].
    pub async fn flush_table(&self, rewrite: Rewrite) -> Result<RewriteReport> {
        let generation = rewrite.table.generation;
        let empties_much = self.hot_rows(generation)? >= ROWS_MIN;
        if empties_much {
            self.begin_emptying(generation)?;
        }
        let report = match rewrite.table.slice {
            Slice::Undivided => self.rewrite(Arc::new(rewrite), Arc::new(HotRows { generation, slices: None })).await,
            Slice::Every | Slice::One(_) => self.flush_slices(Arc::new(rewrite)).await,
        };
        if empties_much {
            self.end_emptying(generation);
        }
        report
    }

    async fn flush_slices(&self, rewrite: Arc<Rewrite>) -> Result<RewriteReport> {
        let generation = rewrite.table.generation;
        let mut rows_min = rewrite.slice_rows_min;
        if rows_min.is_none() && has_few_slices(&self.newest().snapshot, generation)? {
            rows_min = Some(1);
        }
        let (rows_min, mut begin) = (rows_min.unwrap_or(SLICE_ROWS_MIN), Bytes::new());
        let mut report = RewriteReport::default();
        loop {
            let slices = Slices { rows_min, current: None, taken: 0, begin, is_over: false, left: 0 };
            let source = Arc::new(HotRows { generation, slices: Some(Mutex::new(slices)) });
            let RewriteReport { rows, files, bytes, kept } =
                self.rewrite(Arc::clone(&rewrite), Arc::clone(&source)).await?;
            report.rows += rows;
            report.files += files;
            report.bytes += bytes;
            report.kept += kept;
            let Some(slices) = source.slices.as_ref().map(Mutex::lock) else { return Ok(report) };
            report.kept += slices.left;
            if slices.is_over || slices.taken == 0 {
                return Ok(report);
            }
            begin = slices.begin.clone();
        }
    }

    /// About how many of the table's rows are hot.
    pub fn hot_rows(&self, generation: GenerationId) -> Result<u64> {
        self.newest().snapshot.hot().approximate_entries(Family::Rows, &KeyRange::generation(generation))
    }
}
