//! Compaction: segments that are small, overlap one another or have lost many rows are merged into new ones.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::rewrite::{Rewrite, RewriteReport, SEGMENT_ROWS_MAX, Source};
use crate::error::Result;
use crate::key::{KeyRange, RowKey};
use crate::row::StoredRow;
use crate::segment::{PlacePath, Segment, SegmentInfo, Tiered};
use crate::store::Store;

/// A segment with fewer rows than this is merged with others.
const SMALL_ROWS: u32 = SEGMENT_ROWS_MAX / 8;

/// A segment is written anew when one row in so many is gone.
const GONE_FRACTION: u64 = 10;

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

impl Store {
    /// Merges those segments of a table that are worth it. The caller holds the lock that [`Store::flush_table`] asks for, and
    /// calls [`Store::sweep_segments`] when nobody reads the old ones any more.
    pub async fn compact_table(&self, rewrite: Rewrite) -> Result<RewriteReport> {
        let chosen = {
            let newest = self.newest();
            let segments = newest.snapshot.manifest().of(rewrite.table.generation);
            let worn: Vec<bool> = segments
                .iter()
                .map(|segment| {
                    let info = segment.info();
                    let gone = newest.snapshot.gone(segment)? > u64::from(info.rows) / GONE_FRACTION;
                    Ok(gone || PlacePath::parse(&info.path).place != rewrite.place)
                })
                .collect::<Result<_>>()?;
            let chosen = choose(&segments.iter().map(|segment| segment.info()).collect::<Vec<_>>(), &worn);
            ColdRows(chosen.into_iter().map(|at| Arc::clone(&segments[at])).collect())
        };
        self.rewrite(rewrite, chosen).await
    }
}

/// Which segments to merge, of those of one table in the order of their first keys. Worn ones have lost many rows, or lie
/// elsewhere than the table's go now.
fn choose(segments: &[&SegmentInfo], worn: &[bool]) -> Vec<usize> {
    let overlap = |a: &SegmentInfo, b: &SegmentInfo| a.first_key <= b.last_key && b.first_key <= a.last_key;
    let overlapping =
        |at: usize| (0..segments.len()).any(|other| other != at && overlap(segments[at], segments[other]));
    let small = |at: usize| segments[at].rows < SMALL_ROWS;
    let smalls = (0..segments.len()).filter(|at| small(*at)).count();
    (0..segments.len()).filter(|&at| worn[at] || overlapping(at) || (small(at) && smalls > 1)).collect()
}
