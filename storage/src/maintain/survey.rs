//! What lies where: a table's rows in either tier, counted and told.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::{Direction, Family};
use crate::segment::{Segment, SegmentInfo};
use crate::slice::Slice;
use crate::store::Store;

/// Of so many rows the size is taken, to tell that of all.
const SAMPLED_ROWS: u64 = 1000;
/// The same where many tables are asked for at once.
const GLANCED_ROWS: u64 = 50;

/// A segment of a table, and how many of its rows are gone.
#[derive(Clone)]
pub struct SegmentState {
    segment: Arc<Segment>,
    pub deleted: u64,
}

impl SegmentState {
    pub fn info(&self) -> &SegmentInfo {
        self.segment.info()
    }
}

/// Where a table's rows lie.
pub struct TierReport {
    /// About how many, and about how large they are.
    pub hot_rows: u64,
    pub hot_bytes: u64,
    pub segments: Vec<SegmentState>,
}

impl Store {
    /// Whether any table has rows in segments.
    pub fn has_segments(&self) -> bool {
        !self.newest().snapshot.manifest().is_empty()
    }

    /// Whether files wait for [`Store::sweep`].
    pub fn has_unlinked_segments(&self) -> bool {
        !self.unlinked().is_empty()
    }

    /// The segments of a table's contents with what is gone of each.
    pub fn segment_states(&self, generation: GenerationId) -> Result<Vec<SegmentState>> {
        let newest = self.newest();
        let state = |segment: &Arc<Segment>| {
            let deleted = newest.snapshot.gone(segment)?;
            Ok(SegmentState { segment: Arc::clone(segment), deleted })
        };
        newest.snapshot.manifest().of(generation).iter().map(state).collect()
    }

    /// Where the rows of a table's contents lie.
    pub fn survey(&self, generation: GenerationId) -> Result<TierReport> {
        let range = KeyRange::generation(generation);
        let in_stream = self.newest().snapshot.hot().approximate_entries(Family::Stream, &range)?;
        let (hot_rows, family) = match in_stream {
            0 => (self.hot_rows(generation)?, Family::Rows),
            rows => (rows, Family::Stream),
        };
        let (sampled, bytes) = self.sampled_bytes(family, &range, SAMPLED_ROWS)?;
        let hot_bytes = if hot_rows > sampled { bytes / sampled.max(1) * hot_rows } else { bytes };
        Ok(TierReport { hot_rows, hot_bytes, segments: self.segment_states(generation)? })
    }

    /// About how many bytes the rows of a table's contents have, or of one slice of them, in either tier. Those of one slice
    /// of a stream lie here and there, and are not looked for.
    pub fn approximate_row_bytes(&self, generation: GenerationId, slice: Slice) -> Result<u64> {
        let (newest, range) = (self.newest(), KeyRange::of_slice(generation, slice));
        let near = newest.snapshot.manifest().near(&range).iter().map(|segment| segment.info());
        let cold: u64 = near.filter(|info| info.overlaps(&range)).map(|info| info.bytes).sum();
        let in_stream = match slice {
            Slice::One(_) => 0,
            Slice::Undivided | Slice::Every => self.approximate_bytes(Family::Stream, &range)?,
        };
        Ok(self.approximate_bytes(Family::Rows, &range)? + in_stream + cold)
    }

    /// About how many bytes the entries of an index have, or those of one slice.
    pub fn approximate_index_bytes(&self, generation: GenerationId, slice: Slice) -> Result<u64> {
        self.approximate_bytes(Family::Index, &KeyRange::of_slice(generation, slice))
    }

    fn approximate_bytes(&self, family: Family, range: &KeyRange) -> Result<u64> {
        let (sampled, bytes) = self.sampled_bytes(family, range, GLANCED_ROWS)?;
        if sampled < GLANCED_ROWS {
            return Ok(bytes);
        }
        let entries = self.newest().snapshot.hot().approximate_entries(family, range)?;
        Ok(bytes.saturating_mul(entries) / sampled)
    }

    /// How many of a range's first entries there are, up to a bound, and their bytes.
    fn sampled_bytes(&self, family: Family, range: &KeyRange, entries_max: u64) -> Result<(u64, u64)> {
        let (mut sampled, mut bytes) = (0, 0);
        self.newest().snapshot.hot().scan(family, range, Direction::Forward, &mut |key, value| {
            sampled += 1;
            bytes += (key.len() + value.len()) as u64;
            if sampled < entries_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok((sampled, bytes))
    }

    /// An error that says what is wrong with the segment's file, if it is not there, not as long as it was, or its end cannot be
    /// read.
    pub fn check_segment(&self, state: &SegmentState) -> Result<()> {
        let info = state.info();
        let damaged = |reason: String| Error::Segment { path: info.path.clone(), reason };
        let size = self.files().open(&info.path).map_err(|error| damaged(error.to_string()))?.size();
        if size != info.bytes {
            return Err(damaged(format!("it has {size} bytes instead of {}", info.bytes)));
        }
        state.segment.open().map(drop)
    }
}
