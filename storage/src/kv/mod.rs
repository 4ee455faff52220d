//! The ordered key-value store underneath everything: what storage asks of RocksDB, and no more.
//!
//! Contract, held by one test suite for every implementation: a batch is applied whole or not at all; a snapshot
//! never changes; keys are ordered as unsigned bytes; what was written before a successful [`KeyValue::sync`]
//! survives a crash, and what was written after it survives only as a prefix in the order of writing.

#[cfg(test)]
pub(crate) mod contract;
mod memory;
mod rocks;
mod run;
mod split;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;
use crate::id::GenerationId;
use crate::key::KeyRange;

pub use memory::MemoryKeyValue;
pub use rocks::{RocksKeyValue, RocksOptions};
pub use run::SortedRun;

/// The fixed keyspaces. A table is a prefix of keys in them, not a keyspace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// Rows: generation ‖ primary key.
    Rows,
    /// Index entries: generation ‖ index columns ‖ row key.
    Index,
    /// Definitions, as entries that the room above names.
    Catalog,
    /// Events that the room above records beside definitions, in order of time.
    Log,
    /// Deleted rows that are kept for a while, in order of time.
    Trash,
    /// Rows of stream tables, in buckets of time.
    Stream,
    /// Deletion marks: segment ‖ position of a row in it.
    Deleted,
    /// Format version, commit sequence, counters.
    Meta,
}

impl Family {
    pub const ALL: [Family; 8] = [
        Family::Rows,
        Family::Index,
        Family::Catalog,
        Family::Log,
        Family::Trash,
        Family::Stream,
        Family::Deleted,
        Family::Meta,
    ];

    /// The name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Family::Rows => "rows",
            Family::Index => "index",
            Family::Catalog => "catalog",
            Family::Log => "log",
            Family::Trash => "trash",
            Family::Stream => "stream",
            Family::Deleted => "deleted",
            Family::Meta => "meta",
        }
    }
}

/// Which way a scan walks its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Forward,
    Backward,
}

/// One step of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Put {
        family: Family,
        key: Bytes,
        value: Bytes,
    },
    Delete {
        family: Family,
        key: Bytes,
    },
    /// Every key from `range.start` up to but not including `range.end`.
    DeleteRange {
        family: Family,
        range: KeyRange,
    },
}

/// Writes that happen together, in order: a later one wins over an earlier one of the same key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    operations: Vec<Operation>,
    bytes: usize,
}

/// What one operation is reckoned to cost beside its key and value.
const OPERATION_OVERHEAD_BYTES: usize = 16;

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(operations: usize) -> Self {
        Self { operations: Vec::with_capacity(operations), bytes: 0 }
    }

    /// The entries of a run.
    pub fn of_run(family: Family, run: &SortedRun) -> Self {
        let mut batch = Self::with_capacity(run.len());
        for (key, value) in run.iter() {
            batch.put(family, Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        }
        batch
    }

    pub fn put(&mut self, family: Family, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        let (key, value) = (key.into(), value.into());
        self.bytes += key.len() + value.len() + OPERATION_OVERHEAD_BYTES;
        self.operations.push(Operation::Put { family, key, value });
    }

    pub fn delete(&mut self, family: Family, key: impl Into<Bytes>) {
        let key = key.into();
        self.bytes += key.len() + OPERATION_OVERHEAD_BYTES;
        self.operations.push(Operation::Delete { family, key });
    }

    /// Deletes every key of the range; an empty range is left out.
    pub fn delete_range(&mut self, family: Family, range: KeyRange) {
        if range.start >= range.end {
            return;
        }
        self.bytes += range.start.len() + range.end.len() + OPERATION_OVERHEAD_BYTES;
        self.operations.push(Operation::DeleteRange { family, range });
    }

    /// Deletes all rows, index entries and deletion marks of a generation.
    pub fn delete_generation(&mut self, generation: GenerationId) {
        for family in [Family::Rows, Family::Index, Family::Trash, Family::Stream, Family::Deleted] {
            self.delete_range(family, KeyRange::generation(generation));
        }
    }

    pub fn append(&mut self, mut other: Batch) {
        self.bytes += other.bytes;
        self.operations.append(&mut other.operations);
    }

    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// About how much memory the batch holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empties the batch and keeps its memory for the next one.
    pub fn clear(&mut self) {
        self.operations.clear();
        self.bytes = 0;
    }
}

/// An ordered key-value store. Every method may be called from any thread.
pub trait KeyValue: Send + Sync {
    /// The newest value, durable or not.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>>;

    /// The store as it is now, for as long as the snapshot is held.
    fn snapshot(&self) -> Result<Arc<dyn KvSnapshot>>;

    /// Applies the batch whole. It is in the log, but durable only after [`KeyValue::sync`].
    fn write(&self, batch: &Batch) -> Result<()>;

    /// Makes every earlier [`KeyValue::write`] durable.
    fn sync(&self) -> Result<()>;

    /// Applies the batch without the log. A crash before [`KeyValue::flush`] may lose any part of it.
    fn write_bulk(&self, batch: &Batch) -> Result<()>;

    /// Adds a run of new keys as a whole, past the log and past memory. It is durable at once, whatever becomes of earlier
    /// writes. Made for runs of many megabytes among whose keys the store has none; others are right, but slow. A run
    /// that cannot be taken over is not there at all.
    fn ingest(&self, family: Family, run: &SortedRun) -> Result<()>;

    /// An empty file to read and write that is gone once it is closed, whatever happens; `None` if the store has no disk.
    fn temporary_file(&self) -> Result<Option<File>>;

    /// Makes everything written durable, bulk writes included.
    fn flush(&self) -> Result<()>;

    /// Writes a consistent copy of the store, with everything written so far, into a directory that does not exist yet.
    fn checkpoint(&self, directory: &Path) -> Result<()>;

    /// To be called when a range was deleted that is read on: scans step over what it hides, one entry after the other,
    /// until it is written out. If there may be much of that, this begins to write it out and does not wait.
    fn flush_hidden(&self, _family: Family) -> Result<()> {
        Ok(())
    }

    /// [`KvSnapshot::position`] of the oldest snapshot that is there; `None` if there is none.
    fn oldest_snapshot(&self) -> Result<Option<u64>>;

    /// Reclaims what deleted and overwritten keys of the range still occupy, unless a snapshot shows them.
    fn compact(&self, family: Family, range: &KeyRange) -> Result<()>;
}

/// The store at one moment.
pub trait KvSnapshot: Send + Sync {
    /// How far writing had come when it was taken: of two, the later has no smaller one.
    fn position(&self) -> u64;

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>>;

    /// One answer for each key, in the order of the keys.
    fn multi_get(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>>;

    /// Shows each entry of the range to `visit`, in order, until it breaks. The slices live for the call only.
    // Named, the type would tie the visitor's lifetime to its borrow, or hide what a visitor is given.
    #[allow(clippy::type_complexity)]
    fn scan(
        &self,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()>;

    /// The same forward, of what nobody will want again soon: it takes no room in caches.
    #[allow(clippy::type_complexity)]
    fn scan_once(
        &self,
        family: Family,
        range: &KeyRange,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        self.scan(family, range, Direction::Forward, visit)
    }

    /// About how many entries the range holds. Cheap; off by a factor of a few at worst for large ranges.
    fn approximate_entries(&self, family: Family, range: &KeyRange) -> Result<u64>;

    /// Up to `parts - 1` keys inside the range, ascending, that cut it into pieces of similar size.
    fn split_points(&self, family: Family, range: &KeyRange, parts: usize) -> Result<Vec<Bytes>>;
}
