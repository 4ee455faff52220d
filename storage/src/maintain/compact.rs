//! Compaction: segments that are small, overlap one another or have lost many rows are merged into new ones.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::rewrite::{Rewrite, RewriteReport, SEGMENT_BYTES_MAX, SEGMENT_ROWS_MAX, Source};
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, RowKey};
use crate::row::StoredRow;
use crate::segment::{PlacePath, Segment, SegmentInfo, Tiered};
use crate::store::Store;

/// A segment of fewer rows and fewer bytes than this is merged with others.
const SMALL_ROWS: u32 = SEGMENT_ROWS_MAX / 4;
const SMALL_BYTES: u64 = SEGMENT_BYTES_MAX as u64 / 4;

/// Which segments a compaction takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// All that could be in a better shape: small ones, those that overlap others, those of which a tenth is gone.
    Whole,
    /// Those that are worth it while nobody asks: many small ones, and those of which much is gone.
    Due,
}

/// So many small segments are due to be merged.
const DUE_SMALL: usize = 8;

impl Compaction {
    /// Whether enough of a segment's rows are gone.
    fn is_worn(self, gone: u64, rows: u32) -> bool {
        let percent = match self {
            Compaction::Whole => 10,
            Compaction::Due => 30,
        };
        gone * 100 > u64::from(rows) * percent
    }
}

/// The rows of some segments.
struct ColdRows(Vec<Arc<Segment>>);

impl Source for ColdRows {
    fn next(&self, state: &Tiered, rest: &KeyRange, max: usize) -> Result<Vec<StoredRow>> {
        let mut rows = Vec::new();
        state.scan_segments(&self.0, rest, &mut |key, bytes| {
            let key = RowKey::from_bytes(Bytes::copy_from_slice(key));
            rows.push(StoredRow { key, bytes: Bytes::copy_from_slice(bytes) });
            if rows.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }

    fn replaced(&self) -> &[Arc<Segment>] {
        &self.0
    }

    fn is_worth_it(&self, _state: &Tiered) -> Result<bool> {
        Ok(!self.0.is_empty())
    }
}

/// A compaction takes segments of more slices until it has so many.
const SEGMENTS_AT_ONCE: usize = if cfg!(test) { 4 } else { 64 };

impl Store {
    /// Merges those segments of a table that are worth it. The caller holds the lock that [`Store::flush_table`] asks for, and
    /// calls [`Store::sweep`] when nobody reads the old ones any more.
    pub async fn compact_table(&self, rewrite: Rewrite, compaction: Compaction) -> Result<RewriteReport> {
        let place = rewrite.place;
        let is_elsewhere = |info: &SegmentInfo| PlacePath::parse(&info.path).place != place;
        let mut chosen = self.chosen(rewrite.table.generation, compaction, is_elsewhere)?.into_iter().peekable();
        let (rewrite, mut report) = (Arc::new(rewrite), RewriteReport::default());
        while chosen.peek().is_some() {
            let mut together: Vec<Arc<Segment>> = Vec::new();
            while let Some(segments) = chosen.next_if(|_| together.len() < SEGMENTS_AT_ONCE) {
                together.extend(segments);
            }
            let RewriteReport { rows, files, bytes, kept } =
                self.rewrite(Arc::clone(&rewrite), Arc::new(ColdRows(together))).await?;
            report.rows += rows;
            report.files += files;
            report.bytes += bytes;
            report.kept += kept;
        }
        Ok(report)
    }

    /// Whether a table's segments are due to be compacted. Reads the marks of segments that were not read since they
    /// were marked.
    pub fn is_compaction_due(&self, generation: GenerationId) -> Result<bool> {
        Ok(!self.chosen(generation, Compaction::Due, |_| false)?.is_empty())
    }

    /// Of each slice of the table, which is one if it is not divided, the segments to be merged.
    fn chosen(
        &self,
        generation: GenerationId,
        compaction: Compaction,
        is_elsewhere: impl Fn(&SegmentInfo) -> bool,
    ) -> Result<Vec<Vec<Arc<Segment>>>> {
        let newest = self.newest();
        let worn = |segment: &Arc<Segment>| {
            let info = segment.info();
            let is_worn = compaction.is_worn(newest.snapshot.gone(segment)?, info.rows);
            Ok(is_worn || (compaction == Compaction::Whole && is_elsewhere(info)))
        };
        let segments = newest.snapshot.manifest().of(generation);
        let slice = |segment: &Arc<Segment>| segment.info().schema.slice;
        let mut all = Vec::new();
        for segments in segments.chunk_by(|one, other| slice(one) == slice(other)) {
            let worn: Vec<bool> = segments.iter().map(worn).collect::<Result<_>>()?;
            let infos: Vec<&SegmentInfo> = segments.iter().map(|segment| segment.info()).collect();
            let chosen = match compaction {
                Compaction::Whole => choose(&infos, &worn),
                Compaction::Due => choose_due(&infos, &worn),
            };
            if !chosen.is_empty() {
                all.push(chosen.into_iter().map(|at| Arc::clone(&segments[at])).collect());
            }
        }
        Ok(all)
    }
}

fn is_small(segment: &SegmentInfo) -> bool {
    segment.rows < SMALL_ROWS && segment.bytes < SMALL_BYTES
}

/// Small segments if there are many, and worn ones.
fn choose_due(segments: &[&SegmentInfo], worn: &[bool]) -> Vec<usize> {
    let smalls = segments.iter().filter(|segment| is_small(segment)).count();
    let is_due = |at: &usize| worn[*at] || (smalls >= DUE_SMALL && is_small(segments[*at]));
    (0..segments.len()).filter(is_due).collect()
}

/// Which segments to merge, of those of one table in the order of their first keys. Worn ones have lost many rows, or lie
/// elsewhere than the table's go now.
fn choose(segments: &[&SegmentInfo], worn: &[bool]) -> Vec<usize> {
    let overlap = |a: &SegmentInfo, b: &SegmentInfo| a.first_key <= b.last_key && b.first_key <= a.last_key;
    let overlapping =
        |at: usize| (0..segments.len()).any(|other| other != at && overlap(segments[at], segments[other]));
    let small = |at: usize| is_small(segments[at]);
    let smalls = (0..segments.len()).filter(|at| small(*at)).count();
    (0..segments.len()).filter(|&at| worn[at] || overlapping(at) || (small(at) && smalls > 1)).collect()
}
