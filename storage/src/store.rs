//! The store: one data directory, opened once, shared by everybody.
//!
//! It composes the room: the key-value store beneath, the committer, the change feed, the lock table, the counters.
//! Opening recovers what the log holds (the key-value store does that by itself), continues the commit sequence and
//! sweeps what transactions that never committed had written aside.

mod counter;
mod figures;
pub(crate) mod meta;
mod open;
mod places;
mod records;
mod sequence;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::change::{ChangeReader, Feed};
use crate::commit::{
    Committer, Garbage, Health, Moves, Published, SerializableReaders, SerializableSnapshot, Stamps, Tally, Unlinked,
};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId, TransactionId};
use crate::key::KeyRange;
use crate::kv::{Batch, Family, KeyValue, KvSnapshot, MemoryKeyValue};
use crate::maintain::Moved;
use crate::segment::{BlockCache, Files, MemoryFiles, Places, Segment};
use crate::transaction::LockTable;
use counter::Counter;
use sequence::Sequences;

pub use figures::{CacheFigures, Figures};
pub(crate) use open::{SEGMENT_FOLDER, entries};
pub use sequence::{SequencePosition, SequenceRule};

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// Memory for what was read from disk: blocks, and the entries that were looked up.
    pub cache_bytes: usize,
    /// Memory for what was read of segments: their descriptions, blocks of rows, and columns as their files have them.
    pub segment_cache_bytes: usize,
    /// Memory of one family's newest writes before they go to a file.
    pub memtable_bytes: usize,
    /// Memory of recent commits that the change feed keeps for readers.
    pub feed_bytes: usize,
    /// Memory that one transaction may take for its locks and for writes that are not on disk yet.
    pub transaction_bytes_max: usize,
    /// What one transaction may keep on disk of writes that are too many for memory, until it commits.
    pub transaction_disk_bytes_max: u64,
    pub environment: Environment,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            segment_cache_bytes: 128 << 20,
            memtable_bytes: 64 << 20,
            feed_bytes: 64 << 20,
            transaction_bytes_max: 512 << 20,
            transaction_disk_bytes_max: 64 << 30,
            environment: Environment::system(),
        }
    }
}

/// An open store. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Option<PathBuf>,
    kv: Arc<dyn KeyValue>,
    published: Arc<ArcSwap<Published>>,
    readers: Arc<SerializableReaders>,
    committer: Committer,
    feed: Arc<Feed>,
    health: Arc<Health>,
    stamps: Arc<Stamps>,
    garbage: Arc<Garbage>,
    moves: Arc<Moves>,
    tally: Arc<Tally>,
    unlinked: Arc<Unlinked>,
    moved: Moved,
    files: Arc<dyn Files>,
    places: Arc<Places>,
    /// Files that a crash left in places that were not mounted yet.
    left: Mutex<Vec<(Bytes, String)>>,
    blocks: Arc<BlockCache>,
    locks: Arc<LockTable>,
    oids: Counter,
    generations: Counter,
    row_ids: Counter,
    sequences: Sequences,
    transactions: AtomicU64,
    timeline: u128,
    options: StoreOptions,
}

/// A number of the counter of generations.
fn generation(number: u64) -> GenerationId {
    GenerationId(u32::try_from(number).expect("the counter ends before u32 does"))
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.feed.close();
        self.committer.stop();
    }
}

impl Store {
    /// Opens the store in a directory, or makes one there. `DirectoryInUse` if another process has it.
    pub fn open(directory: &Path, options: StoreOptions) -> Result<Store> {
        open::directory(directory, options)
    }

    /// A store that lives as long as the process.
    pub fn in_memory(options: StoreOptions) -> Store {
        open::over(None, Arc::new(MemoryKeyValue::new()), Arc::new(MemoryFiles::new()), options)
            .expect("an empty map in memory opens, and a thread can be started")
    }

    /// A store over a key-value store that the caller brings, with segments in memory.
    pub fn with_kv(kv: Arc<dyn KeyValue>, options: StoreOptions) -> Result<Store> {
        Self::with_parts(kv, Arc::new(MemoryFiles::new()), options)
    }

    /// A store over a key-value store and a place for segments that the caller brings.
    pub fn with_parts(kv: Arc<dyn KeyValue>, files: Arc<dyn Files>, options: StoreOptions) -> Result<Store> {
        open::over(None, kv, files, options)
    }

    /// The segments of a table's contents.
    pub fn segments(&self, generation: GenerationId) -> Vec<Arc<Segment>> {
        self.newest().snapshot.manifest().of(generation).to_vec()
    }

    /// The newest commit that readers see.
    pub fn published(&self) -> CommitSeq {
        self.inner.published.load().seq
    }

    /// A random name of this line of history: equal after a restart, different after a restore.
    pub fn timeline(&self) -> u128 {
        self.inner.timeline
    }

    /// Reads the changes after `from`.
    pub fn changes(&self, from: CommitSeq) -> ChangeReader {
        self.inner.feed.read_after(from)
    }

    /// Reads the changes after the newest that readers can have now, and has the messages among them kept until it has read
    /// them. One reader at a time may do so.
    pub fn follow(&self) -> ChangeReader {
        self.inner.feed.follow(self.announced())
    }

    /// The newest commit that readers of changes can have: it is durable.
    pub fn announced(&self) -> CommitSeq {
        self.inner.feed.newest()
    }

    /// Bytes of the messages that are kept for the reader that follows, because their commits are not recent any more.
    pub fn kept_message_bytes(&self) -> usize {
        self.inner.feed.kept_bytes()
    }

    pub fn options(&self) -> &StoreOptions {
        &self.inner.options
    }

    pub fn environment(&self) -> &Environment {
        &self.inner.options.environment
    }

    /// `WritesRefused` once a durable step has failed: only a restart can tell what was written.
    pub fn check_writable(&self) -> Result<()> {
        self.inner.health.check()
    }

    /// A number for a table's or an index's contents that was never given out before. Durable.
    pub fn allocate_generation(&self) -> Result<GenerationId> {
        self.inner.generations.allocate(1).map(generation)
    }

    /// A number for a catalog object that was never given out before, from 16384 on. Durable.
    pub fn allocate_oid(&self) -> Result<u32> {
        let oid = self.inner.oids.allocate(1)?;
        Ok(u32::try_from(oid).expect("the counter ends before u32 does"))
    }

    /// The first of `count` hidden row numbers that were never given out before.
    pub fn allocate_row_ids(&self, count: u64) -> Result<u64> {
        self.inner.row_ids.allocate(count)
    }

    /// About how many rows the generation has.
    pub fn approximate_rows(&self, generation: GenerationId) -> Result<u64> {
        let (state, range) = (self.published_state(), KeyRange::generation(generation));
        let of_table = state.snapshot.approximate_entries(Family::Rows, &range)?;
        Ok(of_table + state.snapshot.approximate_entries(Family::Stream, &range)?)
    }

    /// Commit sequence and time (microseconds since 1970-01-01 UTC) of a generation that was written aside, whose rows
    /// carry none of their own. `None` for every other generation.
    pub fn generation_stamp(&self, generation: GenerationId) -> Option<(CommitSeq, i64)> {
        self.inner.stamps.read().get(&generation).copied()
    }

    /// Reclaims what deleted and overwritten rows and index entries of the generation still occupy, if there are any.
    /// Takes its time.
    pub fn compact_generation(&self, generation: GenerationId) -> Result<()> {
        if !self.inner.garbage.take(generation) {
            return Ok(());
        }
        let range = KeyRange::generation(generation);
        self.inner.kv.compact(Family::Rows, &range)?;
        self.inner.kv.compact(Family::Stream, &range)?;
        self.inner.kv.compact(Family::Index, &range)
    }

    /// Writes a consistent copy of the store into a directory that does not exist yet.
    pub fn checkpoint(&self, directory: &Path) -> Result<()> {
        self.inner.kv.checkpoint(directory)
    }

    /// Writes memory to files, so that a start after a crash has little log to read. Commits are durable without it.
    pub fn flush(&self) -> Result<()> {
        self.inner.kv.flush()
    }

    /// Commits what waits, refuses what comes later, ends the change feed and leaves nothing for recovery to do.
    pub fn shutdown(&self) {
        self.inner.committer.stop();
        self.inner.feed.close();
        if self.inner.health.check().is_ok()
            && let Err(error) = self.settle_sequences().and_then(|()| self.inner.kv.flush())
        {
            tracing::warn!(%error, "the store could not be flushed at shutdown; the log will be read at the next start");
        }
    }
}

/// What transactions need.
impl Store {
    pub(crate) fn published_state(&self) -> Arc<Published> {
        self.inner.published.load_full()
    }

    /// The published state for a moment's look, without counting as one more holder of it.
    pub(crate) fn newest(&self) -> Guard<Arc<Published>> {
        self.inner.published.load()
    }

    /// The store beneath, for contents that are not published yet.
    pub(crate) fn kv(&self) -> &dyn KeyValue {
        self.inner.kv.as_ref()
    }

    /// The same, for work on another thread.
    pub(crate) fn kv_handle(&self) -> &Arc<dyn KeyValue> {
        &self.inner.kv
    }

    /// The published state for a serializable transaction, registered with the committer.
    pub(crate) fn serializable_snapshot(&self) -> SerializableSnapshot {
        self.inner.readers.enter(&self.inner.published)
    }

    pub(crate) fn moves(&self) -> &Arc<Moves> {
        &self.inner.moves
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.inner.tally
    }

    pub(crate) fn unlinked(&self) -> &Arc<Unlinked> {
        &self.inner.unlinked
    }

    pub(crate) fn moved(&self) -> &Moved {
        &self.inner.moved
    }

    /// Where the store is on disk; none if it is in memory.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.inner.directory.as_deref()
    }

    pub(crate) fn files(&self) -> &Arc<dyn Files> {
        &self.inner.files
    }

    pub(crate) fn blocks(&self) -> &Arc<BlockCache> {
        &self.inner.blocks
    }

    pub(crate) fn committer(&self) -> &Committer {
        &self.inner.committer
    }

    pub(crate) fn locks(&self) -> &Arc<LockTable> {
        &self.inner.locks
    }

    pub(crate) fn next_transaction(&self) -> TransactionId {
        TransactionId(self.inner.transactions.fetch_add(1, Ordering::Relaxed))
    }

    /// Records durably that the generation is being written aside: a restart deletes it unless it was committed.
    pub(crate) fn record_aside(&self, generation: GenerationId) -> Result<()> {
        let mut batch = Batch::with_capacity(1);
        batch.put(Family::Meta, meta::aside_key(generation), Vec::new());
        self.write_own(|kv| {
            kv.write(&batch)?;
            kv.sync()
        })
    }

    /// Writes into a generation that is recorded by the same batch or was by an earlier one, through the log: durable with
    /// the next commit.
    pub(crate) fn log_aside(&self, batch: &Batch) -> Result<()> {
        self.write_own(|kv| kv.write(batch))
    }

    /// Writes into a generation that [`Store::record_aside`] has recorded, past the log and the committer.
    pub(crate) fn write_aside(&self, batch: &Batch) -> Result<()> {
        self.inner.health.check()?;
        self.inner.kv.write_bulk(batch)
    }

    /// Makes durable what was written aside; comes before the commit that uses it.
    pub(crate) fn flush_aside(&self) -> Result<()> {
        self.inner.health.check()?;
        self.inner.kv.flush()
    }

    /// Deletes what was written aside by a transaction that does not commit. A crash meanwhile leaves it to the next start.
    pub(crate) fn discard_aside(&self, generation: GenerationId) -> Result<()> {
        let mut batch = Batch::with_capacity(3);
        batch.delete_generation(generation);
        batch.delete(Family::Meta, meta::aside_key(generation));
        self.write_own(|kv| kv.write(&batch))
    }

    /// A durable step outside the committer: its failure refuses writes as one of the committer does.
    pub(crate) fn write_own(&self, step: impl FnOnce(&dyn KeyValue) -> Result<()>) -> Result<()> {
        self.inner.health.check()?;
        step(self.inner.kv.as_ref()).map_err(|error| {
            let reason = error.to_string();
            self.inner.health.refuse(&reason);
            Error::WritesRefused { reason }
        })
    }
}
