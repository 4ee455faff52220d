//! Trash: deleted rows that are kept for a while, until somebody says that the while is over.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, generation_of, trash_before, trash_time};
use crate::kv::{Batch, Direction, Family};
use crate::store::Store;

impl Store {
    /// Deletes for good what was deleted from a table's contents before a time, in microseconds since 1970. Views that were
    /// taken earlier go on seeing it.
    pub fn expire_trash(&self, generation: GenerationId, before_us: i64) -> Result<()> {
        let mut batch = Batch::with_capacity(1);
        batch.delete_range(Family::Trash, trash_before(generation, before_us));
        self.write_own(|kv| kv.write(&batch))
    }

    /// The contents that have deleted rows, and when the oldest of those was deleted, in microseconds since 1970.
    pub fn oldest_trash(&self) -> Result<Vec<(GenerationId, i64)>> {
        let snapshot = self.kv().snapshot()?;
        let mut oldest = Vec::new();
        let mut rest = KeyRange { start: Bytes::new(), end: KeyRange::generation(GenerationId(u32::MAX)).end };
        loop {
            let mut found = None;
            snapshot.scan(Family::Trash, &rest, Direction::Forward, &mut |key, _| {
                found = trash_time(key).map(|time| (generation_of(key), time));
                ControlFlow::Break(())
            })?;
            let Some((generation, time)) = found else { return Ok(oldest) };
            oldest.push((generation, time));
            rest.start = KeyRange::generation(generation).end;
        }
    }
}
