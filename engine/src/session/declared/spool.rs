//! Rows that a scrolling cursor keeps, so that it can go back to them.
//!
//! They stay in memory, within bounds: what does not fit is refused, and the cursor says what becomes of that.

use datafusion::execution::memory_pool::MemoryReservation;

use crate::execute::Rows;

/// Most memory that one cursor's rows may take.
const SPOOL_BYTES_MAX: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Spool {
    /// The number of each run's first row, from zero, and the run.
    runs: Vec<(u64, Rows)>,
    len: u64,
    memory: MemoryReservation,
}

impl Spool {
    /// `memory` is a part of what all queries share.
    pub(super) fn new(memory: MemoryReservation) -> Self {
        Self { runs: Vec::new(), len: 0, memory }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Keeps some rows; gives them back if they do not fit.
    pub(super) fn push(&mut self, rows: Rows) -> Result<(), Rows> {
        let bytes = rows.bytes();
        if self.memory.size() + bytes > SPOOL_BYTES_MAX || self.memory.try_grow(bytes).is_err() {
            return Err(rows);
        }
        let start = self.len;
        self.len += rows.len() as u64;
        self.runs.push((start, rows));
        Ok(())
    }

    /// Up to `max` rows from number `first` on, as many as lie together.
    pub(super) fn from(&self, first: u64, max: u64) -> Rows {
        let Some((start, rows)) = self.run_of(first) else { return Rows::Values(Vec::new()) };
        rows.slice((first - start) as usize, usize::try_from(max).unwrap_or(usize::MAX))
    }

    /// Up to `max` rows from number `last` back, as many as lie together, the last one first.
    pub(super) fn back_from(&self, last: u64, max: u64) -> Rows {
        let Some((start, rows)) = self.run_of(last) else { return Rows::Values(Vec::new()) };
        let within = last - start + 1;
        let count = within.min(max);
        let mut values = rows.slice((within - count) as usize, count as usize).into_values();
        values.reverse();
        Rows::Values(values)
    }

    fn run_of(&self, row: u64) -> Option<&(u64, Rows)> {
        if row >= self.len {
            return None;
        }
        let after = self.runs.partition_point(|(start, _)| *start <= row);
        self.runs.get(after.checked_sub(1)?)
    }
}
