//! Reclaiming the room of hot rows that have been moved.
//!
//! A move deletes the range of keys that it empties, and scans step over every entry beneath that until the range is
//! compacted. A compaction keeps what some snapshot still shows. So it waits until those are gone that were there before
//! the move, its own first of all. What waits is on record, so that a restart does it.

use parking_lot::Mutex;

use crate::error::Result;
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::{Batch, Family};
use crate::store::{Store, meta};

/// With so many rows gone at once their room is reclaimed soon; of few the store takes care by itself.
pub(super) const ROWS_MIN: u64 = if cfg!(test) { 100 } else { 100_000 };

/// Contents whose hot rows have been moved, most of them at least.
#[derive(Default)]
pub(crate) struct Moved {
    /// Each with the position of the first snapshot that does not show the rows any more.
    waiting: Mutex<Vec<(GenerationId, u64)>>,
}

impl Moved {
    /// Those on record, when no snapshot is there yet.
    pub(crate) fn on_record(generations: impl Iterator<Item = GenerationId>) -> Self {
        Self { waiting: Mutex::new(generations.map(|generation| (generation, 0)).collect()) }
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    fn add(&self, generation: GenerationId, position: u64) {
        self.waiting.lock().push((generation, position));
    }

    fn contains(&self, generation: GenerationId) -> bool {
        self.waiting.lock().iter().any(|(waiting, _)| *waiting == generation)
    }

    /// Takes those that the oldest snapshot does not show.
    fn take_unseen(&self, oldest: Option<u64>) -> Vec<(GenerationId, u64)> {
        let is_unseen = |(_, position): &mut (GenerationId, u64)| oldest.is_none_or(|oldest| oldest >= *position);
        self.waiting.lock().extract_if(.., is_unseen).collect()
    }
}

impl Store {
    /// Puts on record that the hot rows of these contents are about to go.
    pub(super) fn begin_emptying(&self, generation: GenerationId) -> Result<()> {
        let mut batch = Batch::new();
        batch.put(Family::Meta, meta::reclaim_key(generation), Vec::new());
        self.write_own(|kv| kv.write(&batch))
    }

    /// To be called after the commit that took them, or when there was none.
    pub(super) fn end_emptying(&self, generation: GenerationId) {
        self.moved().add(generation, self.newest().snapshot.hot().position());
    }

    /// Whether hot rows have been moved whose room is to be reclaimed.
    pub(super) fn has_moved(&self) -> bool {
        !self.moved().is_empty()
    }

    /// Reclaims the room of moved rows that no snapshot shows any more.
    pub(super) fn reclaim_moved(&self) -> Result<()> {
        if !self.has_moved() {
            return Ok(());
        }
        let mut due = self.moved().take_unseen(self.kv().oldest_snapshot()?).into_iter();
        while let Some((generation, position)) = due.next() {
            if let Err(error) = self.kv().compact(Family::Rows, &KeyRange::generation(generation)) {
                self.moved().add(generation, position);
                due.for_each(|(generation, position)| self.moved().add(generation, position));
                return Err(error);
            }
            // They may have been moved once more meanwhile.
            if !self.moved().contains(generation) {
                let mut batch = Batch::new();
                batch.delete(Family::Meta, meta::reclaim_key(generation));
                self.write_own(|kv| kv.write(&batch))?;
            }
        }
        Ok(())
    }
}
