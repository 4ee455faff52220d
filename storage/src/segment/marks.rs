//! Deletion marks: which rows of a segment are gone, because they were deleted or have a newer version.
//!
//! A mark is a key of the segment's own generation. A commit that replaces or deletes a cold row writes it with everything
//! else it writes; so a snapshot has just the marks that its rows want.

use std::ops::ControlFlow;

use bytes::Bytes;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::{Direction, Family, KvSnapshot};

/// One row of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark {
    pub(crate) segment: GenerationId,
    /// Counted from zero, in the order of the file.
    pub(crate) position: u32,
}

/// The rows of a segment that are gone.
pub type Marks = RoaringBitmap;

/// The key that marks a row.
pub(crate) fn mark_key(mark: Mark) -> Bytes {
    [mark.segment.0.to_be_bytes(), mark.position.to_be_bytes()].concat().into()
}

/// The marks of a segment in a snapshot.
pub(crate) fn marks_of(snapshot: &dyn KvSnapshot, segment: GenerationId) -> Result<Marks> {
    let mut marks = Marks::new();
    let mut failed = None;
    snapshot.scan(Family::Deleted, &KeyRange::generation(segment), Direction::Forward, &mut |key, _| match key
        .last_chunk::<4>()
    {
        Some(position) if key.len() == 8 => {
            marks.insert(u32::from_be_bytes(*position));
            ControlFlow::Continue(())
        }
        _ => {
            failed = Some(Error::Corrupt { reason: "a deletion mark is not readable".into() });
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(marks), Err)
}
