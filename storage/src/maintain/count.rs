//! Counting hot rows, for tables whose rows are to be flushed when there are many or when they are old.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::commit::HotRows;
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, RowKey};
use crate::kv::{Direction, Family};
use crate::row::StoredRow;
use crate::store::Store;

/// How often to look whether the commits that were under way are there to be read.
const PUBLISHED_PAUSE: Duration = Duration::from_millis(1);

impl Store {
    /// From now on the hot rows of these tables are tallied, and those of no others. Each has to be counted once.
    pub fn tally_hot_rows(&self, generations: &[GenerationId]) {
        self.tally().keep(generations);
    }

    /// The hot rows of a table that is tallied; `None` if they have to be counted.
    pub fn tallied_hot_rows(&self, generation: GenerationId) -> Option<HotRows> {
        self.tally().of(generation)
    }

    /// Counts the hot rows of a table that is tallied. Reads all of them, and blocks.
    pub fn count_hot_rows(&self, generation: GenerationId) -> Result<()> {
        let from = self.tally().begin(generation);
        while self.published() < from {
            self.check_writable()?;
            thread::sleep(PUBLISHED_PAUSE);
        }
        let state = self.published_state();
        self.tally().begun(generation, state.seq, self.environment().now_us());
        let stamp = self.generation_stamp(generation);
        let mut hot = HotRows::default();
        let range = KeyRange::generation(generation);
        state.snapshot.hot().scan(Family::Rows, &range, Direction::Forward, &mut |key, bytes| {
            let row = StoredRow {
                key: RowKey::from_bytes(Bytes::copy_from_slice(key)),
                bytes: Bytes::copy_from_slice(bytes),
            };
            let written_at = match (row.updated_at(), stamp) {
                (0, Some((_, at))) => at,
                (at, _) => at,
            };
            hot.rows += 1;
            hot.since_us = Some(hot.since_us.map_or(written_at, |since| since.min(written_at)));
            ControlFlow::Continue(())
        })?;
        self.tally().counted(generation, hot);
        Ok(())
    }
}
