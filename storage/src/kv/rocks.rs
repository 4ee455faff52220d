//! The key-value store on disk: RocksDB, and the only file that names it.
//!
//! Every keyspace is a column family of one database, so that a batch over several of them is atomic through the one
//! log. The log is written out by [`KeyValue::sync`] only: one write and one sync for a whole group of commits.
//! Recovery, and the lock that keeps a second process out, are RocksDB's own.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, BlockBasedTablePinningTier, BottommostLevelCompaction, Cache, ColumnFamily,
    ColumnFamilyDescriptor, CompactOptions, DBCompressionType, DBRawIteratorWithThreadMode, DBWithThreadMode,
    DataBlockIndexType, ErrorKind, FlushOptions, IngestExternalFileOptions, IteratorMode, LogLevel, Options, Range,
    ReadOptions, SingleThreaded, SnapshotWithThreadMode, SstFileWriter, WriteBatch, properties,
};
use self_cell::self_cell;

use super::split::split_points;
use super::{Batch, Direction, Family, KeyValue, KvSnapshot, Operation, SortedRun};
use crate::error::{Error, Result};
use crate::key::KeyRange;

/// Column families are fixed once the database is open, so their handles need no lock.
type Db = DBWithThreadMode<SingleThreaded>;

/// Bits of bloom filter for each key: one lookup in a hundred reads a block in vain.
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Small enough for point reads, large enough for the index of blocks to stay in memory.
const BLOCK_BYTES: usize = 8 << 10;

/// Families that only ever hold little.
const MEMTABLE_BYTES_SMALL: usize = 4 << 20;

/// The log is cut, by flushing what still needs its oldest part, at this multiple of a memtable.
const LOG_MEMTABLES_MAX: usize = 6;

/// All families' memtables together, in memtables.
const MEMTABLES_MAX: usize = 4;

/// A file is compacted for its deletions when it has this many of them among so many keys in a row.
const DELETIONS_WINDOW: usize = 8192;
const DELETIONS_TRIGGER: usize = 4096;

/// A memtable of fewer entries may hide them from scans by deleted ranges, at some hundred nanoseconds each.
const HIDDEN_ENTRIES_MAX: u64 = 4096;

/// A memtable is written out when a scan steps over so many of its entries that were deleted or overwritten, in vain: for
/// one key, or in all and so many for each key that it finds.
const SKIPPED_FOR_KEY_MAX: &str = "10000";
const SKIPPED_PER_KEY_MAX: &str = "10";

/// A file in the last level is compacted only to take from its keys the numbers that snapshots needed, once it is so old,
/// in seconds: each file that is ingested has them, and would at once be written again.
const NUMBERED_SECONDS: &str = "86400";

/// How eagerly the blocks of a stream's files leave the cache when the files go: nobody asks for what is over, and it would
/// fill the cache. This goes on while one block in twenty is still found there (RocksDB, `uncache_aggressiveness`).
const UNCACHED: &str = "300";

/// The number of the newest write that the oldest snapshot shows.
const OLDEST_SNAPSHOT: &str = "rocksdb.oldest-snapshot-sequence";

/// What RocksDB says about itself goes into a few small files.
const INFO_LOG_FILES: usize = 4;
const INFO_LOG_BYTES: usize = 4 << 20;

/// Files kept open; each costs a descriptor.
const OPEN_FILES_MAX: i32 = 1000;

/// Up to here entries are counted, beyond it estimated.
const COUNTED_ENTRIES_MAX: u64 = 1000;

/// Where files lie that are not part of the database, or not yet; what a crash leaves there goes at the next start.
const BULK_FOLDER: &str = "bulk";

/// Memory for a look into a store that nobody has open.
const PEEK_BYTES: usize = 4 << 20;

/// How often a file that is being written is handed to the disk, so that the last sync has little to do.
const BYTES_PER_SYNC: u64 = 1 << 20;

/// Logs that have served are written over again: a file that does not grow is synced with one write to the disk, where
/// the file system otherwise has to note each time how long it has become.
const LOGS_KEPT: usize = LOG_MEMTABLES_MAX;

/// Length of the log that the first commits after a start are written over.
const FIRST_LOG_BYTES: usize = 16 << 20;

/// A key that no generation has.
const NO_KEY: &[u8] = &[0xff; 16];

/// How much memory RocksDB may take.
#[derive(Debug, Clone, Copy)]
pub struct RocksOptions {
    /// Blocks read from disk, with their indexes and filters.
    pub block_cache_bytes: usize,
    /// The newest writes of one family.
    pub memtable_bytes: usize,
}

/// A RocksDB database in a directory.
pub struct RocksKeyValue {
    db: Arc<Db>,
    options: RocksOptions,
    cache: Cache,
    bulk: PathBuf,
    /// Number of the next file in `bulk`.
    next_file: AtomicU64,
}

impl RocksKeyValue {
    /// Opens the database of a directory, or makes one. `DirectoryInUse` if it is open already, here or elsewhere.
    pub fn open(directory: &Path, options: RocksOptions) -> Result<Self> {
        // Lookups take no lock in a cache of this kind. Zero: RocksDB finds out how large entries are.
        let cache = Cache::new_hyper_clock_cache(options.block_cache_bytes, 0);
        let families = Family::ALL
            .map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(family, options, &cache)));
        let db = Db::open_cf_descriptors(&database_options(options), directory, families)
            .map_err(|error| opening_failed(directory, error))?;
        for family in Family::ALL.into_iter().filter(|family| is_large(*family)) {
            let limits = [
                ("memtable_op_scan_flush_trigger", SKIPPED_FOR_KEY_MAX),
                ("memtable_avg_op_scan_flush_trigger", SKIPPED_PER_KEY_MAX),
                ("bottommost_file_compaction_delay", NUMBERED_SECONDS),
            ];
            db.set_options_cf(handle(&db, family), &limits).map_err(failed)?;
        }
        db.set_options_cf(handle(&db, Family::Stream), &[("uncache_aggressiveness", UNCACHED)]).map_err(failed)?;
        lengthen_log(&db).map_err(failed)?;
        // Only who has the database open may empty the folder.
        let bulk = directory.join(BULK_FOLDER);
        empty_folder(&bulk).map_err(|error| file_failed(&bulk, &error))?;
        Ok(Self { db: Arc::new(db), options, cache, bulk, next_file: AtomicU64::new(0) })
    }

    /// Fails if a process has the store of a directory open. There may be none.
    pub(crate) fn claim(directory: &Path) -> Result<()> {
        let options = RocksOptions { block_cache_bytes: PEEK_BYTES, memtable_bytes: PEEK_BYTES };
        Self::open(directory, options).map(drop)
    }

    /// Whether a store has files, or a folder, of this name.
    pub(crate) fn is_file_of(name: &str) -> bool {
        let is_numbered = |name: &str| {
            let (number, kind) = name.split_once('.').unwrap_or((name, ""));
            number.bytes().all(|byte| byte.is_ascii_digit()) && matches!(kind, "sst" | "log" | "blob")
        };
        let begins = ["MANIFEST-", "OPTIONS-", "LOG.old."].iter().any(|start| name.starts_with(start));
        begins || matches!(name, "CURRENT" | "IDENTITY" | "LOCK" | "LOG" | BULK_FOLDER) || is_numbered(name)
    }

    /// The entries within a range of a store that nobody has open, such as a checkpoint; nothing there is changed.
    pub(crate) fn peek(directory: &Path, family: Family, range: &KeyRange) -> Result<Vec<(Bytes, Bytes)>> {
        let options = RocksOptions { block_cache_bytes: PEEK_BYTES, memtable_bytes: PEEK_BYTES };
        let cache = Cache::new_lru_cache(PEEK_BYTES);
        let families = Family::ALL
            .map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(family, options, &cache)));
        let db = Db::open_cf_descriptors_read_only(&database_options(options), directory, families, false)
            .map_err(|error| opening_failed(directory, error))?;
        let mut reading = ReadOptions::default();
        reading.set_iterate_range(range.start.as_ref()..range.end.as_ref());
        let entries = db.iterator_cf_opt(handle(&db, family), reading, IteratorMode::Start);
        entries.map(|entry| entry.map(|(key, value)| (Bytes::from(key), Bytes::from(value))).map_err(failed)).collect()
    }

    /// A name in the folder for files that are not part of the database.
    fn bulk_path(&self) -> PathBuf {
        self.bulk.join(self.next_file.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Writes a run into a file of its own and hands the file over to the database.
    fn ingest_file(&self, family: Family, run: &SortedRun, path: &Path) -> std::result::Result<(), rocksdb::Error> {
        let mut options = family_options(family, self.options, &self.cache);
        options.set_bytes_per_sync(BYTES_PER_SYNC);
        let mut writer = SstFileWriter::create(&options);
        writer.open(path)?;
        for (key, value) in run.iter() {
            writer.put(key, value)?;
        }
        writer.finish()?;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db.ingest_external_file_cf_opts(handle(&self.db, family), &options, vec![path])
    }

    fn encode(&self, batch: &Batch) -> WriteBatch {
        let mut encoded = WriteBatch::with_capacity_bytes(batch.bytes());
        for operation in batch.operations() {
            match operation {
                Operation::Put { family, key, value } => encoded.put_cf(handle(&self.db, *family), key, value),
                Operation::Delete { family, key } => encoded.delete_cf(handle(&self.db, *family), key),
                Operation::DeleteRange { family, range } => {
                    encoded.delete_range_cf(handle(&self.db, *family), &range.start, &range.end);
                }
            }
        }
        encoded
    }
}

/// Leaves a log behind that is long, and makes the one that begins now write over it. What is written into it is gone
/// again before it reaches a file.
fn lengthen_log(db: &Db) -> std::result::Result<(), rocksdb::Error> {
    const PIECE_BYTES: usize = 1 << 20;
    let rows = handle(db, Family::Rows);
    let write_in_vain = |value: &[u8]| {
        let mut batch = WriteBatch::default();
        batch.put_cf(rows, NO_KEY, value);
        // With what it deletes, such a deletion goes when memory is flushed.
        batch.single_delete_cf(rows, NO_KEY);
        db.write(batch)
    };
    let piece = vec![0; PIECE_BYTES];
    for _ in 0..FIRST_LOG_BYTES / PIECE_BYTES {
        write_in_vain(&piece)?;
    }
    // The log is free to be used again once this is flushed, and the next to begin takes it.
    db.flush_cf(rows)?;
    write_in_vain(&[])?;
    db.flush_cf(rows)
}

fn handle(db: &Db, family: Family) -> &ColumnFamily {
    db.cf_handle(family.name()).expect("every family is opened with the database")
}

fn database_options(options: RocksOptions) -> Options {
    let mut db = Options::default();
    db.create_if_missing(true);
    db.create_missing_column_families(true);
    db.set_paranoid_checks(true);
    db.set_manual_wal_flush(true);
    db.set_recycle_log_file_num(LOGS_KEPT);
    db.set_max_total_wal_size((options.memtable_bytes.saturating_mul(LOG_MEMTABLES_MAX)) as u64);
    db.set_db_write_buffer_size(options.memtable_bytes.saturating_mul(MEMTABLES_MAX));
    // One flush and one compaction: the machines this must run well on have two cores.
    db.set_max_background_jobs(2);
    // The committer is the one writer, so the memtable need not be ready for several at once.
    db.set_allow_concurrent_memtable_write(false);
    db.set_enable_write_thread_adaptive_yield(false);
    // Dropping an iterator or a snapshot never deletes files on the thread of a query.
    db.set_avoid_unnecessary_blocking_io(true);
    // Background files reach the disk a little at a time and leave the log's sync alone.
    db.set_bytes_per_sync(BYTES_PER_SYNC);
    db.set_max_open_files(OPEN_FILES_MAX);
    db.set_log_level(LogLevel::Warn);
    db.set_keep_log_file_num(INFO_LOG_FILES);
    db.set_max_log_file_size(INFO_LOG_BYTES);
    db.set_stats_dump_period_sec(0);
    db.set_stats_persist_period_sec(0);
    db
}

fn is_large(family: Family) -> bool {
    matches!(family, Family::Rows | Family::Index | Family::Stream | Family::Trash)
}

fn family_options(family: Family, options: RocksOptions, cache: &Cache) -> Options {
    let large = is_large(family);
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(BLOCK_BYTES);
    // Indexes and filters are in the cache too, so that its size bounds all memory for reading.
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // A table's own are looked up in the cache once, not for every row.
    table.set_unpartitioned_pinning_tier(BlockBasedTablePinningTier::All);
    let mut family_options = Options::default();
    if matches!(family, Family::Rows | Family::Index) {
        table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        table.set_whole_key_filtering(true);
        table.set_optimize_filters_for_memory(true);
        table.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
        // An insertion first looks for its key in vain: most often the memtable can tell at once.
        family_options.set_memtable_whole_key_filtering(true);
        family_options.set_memtable_prefix_bloom_ratio(0.05);
    }
    if large {
        // A table that is used as a queue leaves runs of deleted keys, which scans would have to step over.
        family_options.add_compact_on_deletion_collector_factory(DELETIONS_WINDOW, DELETIONS_TRIGGER, 0.0);
    }
    family_options.set_block_based_table_factory(&table);
    family_options.set_compression_type(DBCompressionType::Lz4);
    family_options.set_write_buffer_size(if large { options.memtable_bytes } else { MEMTABLE_BYTES_SMALL });
    family_options.set_max_write_buffer_number(3);
    family_options.set_level_compaction_dynamic_level_bytes(true);
    family_options
}

fn opening_failed(directory: &Path, error: rocksdb::Error) -> Error {
    let message = error.as_ref();
    match error.kind() {
        ErrorKind::IOError if message.contains("While lock file") || message.contains("lock hold by") => {
            Error::DirectoryInUse { path: directory.display().to_string() }
        }
        // Column families that are not ours, or options of a version that is not known here.
        ErrorKind::InvalidArgument | ErrorKind::NotSupported => Error::Format { reason: error.into_string() },
        _ => failed(error),
    }
}

/// Makes the folder, or empties it.
fn empty_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

fn file_failed(path: &Path, error: &io::Error) -> Error {
    Error::Io(format!("{}: {error}", path.display()))
}

fn failed(error: rocksdb::Error) -> Error {
    match error.kind() {
        ErrorKind::Corruption => Error::Corrupt { reason: error.into_string() },
        _ => Error::Io(error.into_string()),
    }
}

impl KeyValue for RocksKeyValue {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        let value = self.db.get_pinned_cf(handle(&self.db, family), key).map_err(failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn snapshot(&self) -> Result<Arc<dyn KvSnapshot>> {
        let cell = SnapshotCell::new(Arc::clone(&self.db), |db| {
            let snapshot = SnapshotWithThreadMode::new(db.as_ref());
            let mut options = ReadOptions::default();
            options.set_snapshot(&snapshot);
            Pinned { options, snapshot }
        });
        Ok(Arc::new(RocksSnapshot { cell }))
    }

    fn write(&self, batch: &Batch) -> Result<()> {
        self.db.write(self.encode(batch)).map_err(failed)
    }

    fn sync(&self) -> Result<()> {
        self.db.flush_wal(true).map_err(failed)
    }

    fn write_bulk(&self, batch: &Batch) -> Result<()> {
        // In the log, too, but nobody waits for it: RocksDB uses no log again where writes come past it.
        self.write(batch)
    }

    fn ingest(&self, family: Family, run: &SortedRun) -> Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        let path = self.bulk_path();
        self.ingest_file(family, run, &path).map_err(|error| {
            // What cannot be removed goes at the next start.
            let _ = fs::remove_file(&path);
            failed(error)
        })
    }

    fn temporary_file(&self) -> Result<Option<File>> {
        let path = self.bulk_path();
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.and_then(|file| fs::remove_file(&path).map(|()| file));
        file.map(Some).map_err(|error| file_failed(&path, &error))
    }

    fn flush(&self) -> Result<()> {
        self.sync()?;
        let families = Family::ALL.map(|family| handle(&self.db, family));
        self.db.flush_cfs_opt(&families, &FlushOptions::default()).map_err(failed)
    }

    fn flush_hidden(&self, family: Family) -> Result<()> {
        let handle = handle(&self.db, family);
        let entries = self.db.property_int_value_cf(handle, properties::NUM_ENTRIES_ACTIVE_MEM_TABLE);
        if entries.map_err(failed)?.is_none_or(|entries| entries < HIDDEN_ENTRIES_MAX) {
            return Ok(());
        }
        let mut options = FlushOptions::default();
        options.set_wait(false);
        self.db.flush_cf_opt(handle, &options).map_err(failed)
    }

    fn checkpoint(&self, directory: &Path) -> Result<()> {
        Checkpoint::new(&self.db).and_then(|checkpoint| checkpoint.create_checkpoint(directory)).map_err(failed)
    }

    fn oldest_snapshot(&self) -> Result<Option<u64>> {
        let oldest = self.db.property_int_value(OLDEST_SNAPSHOT).map_err(failed)?;
        Ok(oldest.filter(|position| *position > 0))
    }

    fn compact(&self, family: Family, range: &KeyRange) -> Result<()> {
        let mut options = CompactOptions::default();
        options.set_exclusive_manual_compaction(false);
        // What an earlier compaction left to snapshots lies in the last level.
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let (start, end) = (Some(&range.start), Some(&range.end));
        self.db.compact_range_cf_opt(handle(&self.db, family), start, end, &options);
        Ok(())
    }
}

/// A snapshot, and the options that make a read see it. The options only point at the snapshot; it outlives them here.
struct Pinned<'db> {
    options: ReadOptions,
    snapshot: SnapshotWithThreadMode<'db, Db>,
}

self_cell!(
    /// A snapshot together with the database that it borrows.
    struct SnapshotCell {
        owner: Arc<Db>,
        #[covariant]
        dependent: Pinned,
    }
);

/// The database at one moment.
struct RocksSnapshot {
    cell: SnapshotCell,
}

impl RocksSnapshot {
    fn db(&self) -> &Db {
        self.cell.borrow_owner()
    }

    fn handle(&self, family: Family) -> &ColumnFamily {
        handle(self.db(), family)
    }

    /// An iterator over a range, whose blocks may be kept in the cache. RocksDB reads ahead by itself once it sees that a
    /// scan goes on.
    fn iterator(&self, family: Family, range: &KeyRange, keep: bool) -> DBRawIteratorWithThreadMode<'_, Db> {
        let mut options = ReadOptions::default();
        options.fill_cache(keep);
        options.set_snapshot(&self.cell.borrow_dependent().snapshot);
        options.set_iterate_lower_bound(&range.start[..]);
        options.set_iterate_upper_bound(&range.end[..]);
        options.set_background_purge_on_iterator_cleanup(true);
        self.db().raw_iterator_cf_opt(self.handle(family), options)
    }

    /// Bytes in files of each range.
    fn file_sizes(&self, family: Family, ranges: &[KeyRange]) -> Vec<u64> {
        let ranges: Vec<Range<'_>> = ranges.iter().map(|range| Range::new(&range.start, &range.end)).collect();
        self.db().get_approximate_sizes_cf(self.handle(family), &ranges)
    }

    fn property(&self, family: Family, name: &properties::PropName) -> Result<u64> {
        Ok(self.db().property_int_value_cf(self.handle(family), name).map_err(failed)?.unwrap_or(0))
    }
}

impl KvSnapshot for RocksSnapshot {
    fn position(&self) -> u64 {
        self.cell.borrow_dependent().snapshot.sequence_number()
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        let options = &self.cell.borrow_dependent().options;
        let value = self.db().get_pinned_cf_opt(self.handle(family), key, options).map_err(failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn multi_get(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>> {
        let options = &self.cell.borrow_dependent().options;
        let sorted = keys.is_sorted();
        let found = self.db().batched_multi_get_cf_opt(self.handle(family), keys.iter().copied(), sorted, options);
        // The values share one piece of memory: most who ask for many keep all of them or none.
        let (mut bytes, mut places) = (Vec::new(), Vec::with_capacity(keys.len()));
        for value in found {
            let place = value.map_err(failed)?.map(|value| {
                bytes.extend_from_slice(&value);
                bytes.len() - value.len()..bytes.len()
            });
            places.push(place);
        }
        let bytes = Bytes::from(bytes);
        Ok(places.into_iter().map(|place| place.map(|place| bytes.slice(place))).collect())
    }

    fn scan(
        &self,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        if range.start >= range.end {
            return Ok(());
        }
        let mut entries = self.iterator(family, range, true);
        match direction {
            Direction::Forward => entries.seek_to_first(),
            Direction::Backward => entries.seek_to_last(),
        }
        while let Some((key, value)) = entries.item() {
            if visit(key, value).is_break() {
                return Ok(());
            }
            match direction {
                Direction::Forward => entries.next(),
                Direction::Backward => entries.prev(),
            }
        }
        entries.status().map_err(failed)
    }

    fn scan_once(
        &self,
        family: Family,
        range: &KeyRange,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        if range.start >= range.end {
            return Ok(());
        }
        let mut entries = self.iterator(family, range, false);
        entries.seek_to_first();
        while let Some((key, value)) = entries.item() {
            if visit(key, value).is_break() {
                return Ok(());
            }
            entries.next();
        }
        entries.status().map_err(failed)
    }

    /// Counts a few, then takes the range's share of the files for its share of the keys.
    fn approximate_entries(&self, family: Family, range: &KeyRange) -> Result<u64> {
        let mut counted = 0;
        self.scan(family, range, Direction::Forward, &mut |_, _| {
            counted += 1;
            if counted < COUNTED_ENTRIES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if counted < COUNTED_ENTRIES_MAX {
            return Ok(counted);
        }
        let keys = self.property(family, properties::ESTIMATE_NUM_KEYS)?;
        let files = self.property(family, properties::LIVE_SST_FILES_SIZE)?;
        let within: u64 = self.file_sizes(family, std::slice::from_ref(range)).iter().sum();
        let estimate = match (within, files) {
            // Only in memory, where sizes of ranges are not known: all of what memory holds, at most.
            (0, _) => self.property(family, properties::NUM_ENTRIES_ACTIVE_MEM_TABLE)?.min(keys),
            (_, 0) => keys,
            _ => u64::try_from(u128::from(keys) * u128::from(within.min(files)) / u128::from(files)).unwrap_or(keys),
        };
        Ok(estimate.max(counted))
    }

    fn split_points(&self, family: Family, range: &KeyRange, parts: usize) -> Result<Vec<Bytes>> {
        split_points(self, family, range, parts, |pieces| self.file_sizes(family, pieces))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tempfile::TempDir;

    use super::*;
    use crate::kv::contract;

    const SMALL: RocksOptions = RocksOptions { block_cache_bytes: 8 << 20, memtable_bytes: 1 << 20 };

    #[test]
    fn keeps_the_contract() {
        let directories = Mutex::new(Vec::new());
        contract::check(|| {
            let directory = TempDir::new().unwrap();
            let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
            directories.lock().unwrap().push(directory);
            Arc::new(kv)
        });
    }

    #[test]
    fn a_directory_is_opened_once() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        assert!(matches!(RocksKeyValue::open(directory.path(), SMALL), Err(Error::DirectoryInUse { .. })));
        // A snapshot keeps the database open by itself.
        let snapshot = kv.snapshot().unwrap();
        drop(kv);
        assert!(matches!(RocksKeyValue::open(directory.path(), SMALL), Err(Error::DirectoryInUse { .. })));
        drop(snapshot);
        RocksKeyValue::open(directory.path(), SMALL).unwrap();
    }

    #[test]
    fn what_was_written_is_there_again() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        let mut batch = Batch::new();
        batch.put(Family::Rows, "logged", "1");
        batch.put(Family::Meta, "logged", "1");
        kv.write(&batch).unwrap();
        kv.sync().unwrap();
        let mut bulk = Batch::new();
        bulk.put(Family::Index, "bulk", "1");
        kv.write_bulk(&bulk).unwrap();
        kv.flush().unwrap();
        drop(kv);
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        for (family, key) in [(Family::Rows, "logged"), (Family::Meta, "logged"), (Family::Index, "bulk")] {
            assert_eq!(kv.get(family, key.as_bytes()).unwrap().as_deref(), Some(&b"1"[..]));
        }
    }

    #[test]
    fn scans_do_not_step_over_what_is_hidden_for_long() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), RocksOptions { memtable_bytes: 64 << 20, ..SMALL }).unwrap();
        let in_memory = || {
            let entries =
                kv.db.property_int_value_cf(handle(&kv.db, Family::Rows), properties::NUM_ENTRIES_ACTIVE_MEM_TABLE);
            entries.unwrap().unwrap()
        };
        let all = KeyRange { start: Bytes::from_static(&[0]), end: Bytes::from_static(&[0xFF]) };
        let write = |keys: u32| {
            for key in 0..keys {
                let mut batch = Batch::new();
                batch.put(Family::Rows, Bytes::copy_from_slice(&key.to_be_bytes()), "value");
                kv.write(&batch).unwrap();
            }
        };
        let scan = || {
            kv.snapshot().unwrap().scan(Family::Rows, &all, Direction::Forward, &mut |_, _| ControlFlow::Continue(()))
        };
        // By a range.
        for (keys, stays) in [(100, true), (HIDDEN_ENTRIES_MAX as u32, false)] {
            write(keys);
            let mut batch = Batch::new();
            batch.delete_range(Family::Rows, all.clone());
            kv.write(&batch).unwrap();
            kv.flush_hidden(Family::Rows).unwrap();
            assert_eq!(in_memory() > 0, stays);
        }
        // One by one, which a scan finds out.
        let keys = 2 * SKIPPED_FOR_KEY_MAX.parse::<u32>().unwrap();
        write(keys);
        for key in 0..keys {
            let mut batch = Batch::new();
            batch.delete(Family::Rows, Bytes::copy_from_slice(&key.to_be_bytes()));
            kv.write(&batch).unwrap();
        }
        assert!(in_memory() >= 2 * u64::from(keys));
        scan().unwrap();
        write(2);
        assert!(in_memory() < 10);
    }

    #[test]
    fn what_a_snapshot_showed_is_reclaimed_when_it_is_gone() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        let all = KeyRange { start: Bytes::from_static(&[0]), end: Bytes::from_static(&[0xFF]) };
        let in_files = || {
            let bytes = kv.db.property_int_value_cf(handle(&kv.db, Family::Rows), properties::TOTAL_SST_FILES_SIZE);
            bytes.unwrap().unwrap()
        };
        kv.ingest(Family::Rows, &run_of(0..1000)).unwrap();
        let reader = kv.snapshot().unwrap();
        let mut batch = Batch::new();
        batch.delete_range(Family::Rows, all.clone());
        kv.write(&batch).unwrap();
        kv.flush().unwrap();
        kv.compact(Family::Rows, &all).unwrap();
        assert_eq!(kv.oldest_snapshot().unwrap(), Some(reader.position()));
        assert!(in_files() > 0, "it is read");
        drop(reader);
        assert_eq!(kv.oldest_snapshot().unwrap(), None);
        kv.compact(Family::Rows, &all).unwrap();
        assert_eq!(in_files(), 0);
    }

    fn run_of(keys: std::ops::Range<u32>) -> SortedRun {
        let mut run = SortedRun::new();
        for key in keys {
            assert!(run.push(&key.to_be_bytes(), b"value"));
        }
        run
    }

    #[test]
    fn what_was_ingested_is_there_again_and_leaves_no_files_behind() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        kv.ingest(Family::Rows, &run_of(0..10_000)).unwrap();
        kv.ingest(Family::Rows, &run_of(10_000..20_000)).unwrap();
        // Keys that are there already, as if a step had been tried again.
        kv.ingest(Family::Rows, &run_of(5_000..6_000)).unwrap();
        kv.ingest(Family::Rows, &SortedRun::new()).unwrap();
        let bulk = directory.path().join(BULK_FOLDER);
        assert_eq!(fs::read_dir(&bulk).unwrap().count(), 0);
        drop(kv);
        fs::write(bulk.join("7"), "left by a crash").unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        assert_eq!(fs::read_dir(&bulk).unwrap().count(), 0);
        let all = KeyRange { start: Bytes::new(), end: Bytes::from_static(&[0xFF]) };
        let mut count = 0;
        let visit = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            ControlFlow::Continue(())
        };
        kv.snapshot().unwrap().scan(Family::Rows, &all, Direction::Forward, visit).unwrap();
        assert_eq!(count, 20_000);
    }

    #[test]
    fn a_run_that_cannot_be_written_is_refused() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        fs::remove_dir(directory.path().join(BULK_FOLDER)).unwrap();
        assert!(kv.ingest(Family::Rows, &run_of(0..10)).is_err());
        assert!(kv.temporary_file().is_err());
        assert_eq!(kv.get(Family::Rows, &0_u32.to_be_bytes()).unwrap(), None);
    }

    #[test]
    fn a_temporary_file_has_no_name() {
        use std::io::{Read, Seek, Write};
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(directory.path(), SMALL).unwrap();
        let mut file = kv.temporary_file().unwrap().unwrap();
        assert_eq!(fs::read_dir(directory.path().join(BULK_FOLDER)).unwrap().count(), 0);
        file.write_all(b"something").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "something");
    }

    #[test]
    fn a_checkpoint_is_a_whole_store() {
        let directory = TempDir::new().unwrap();
        let kv = RocksKeyValue::open(&directory.path().join("store"), SMALL).unwrap();
        let mut batch = Batch::new();
        batch.put(Family::Rows, "key", "1");
        kv.write(&batch).unwrap();
        let copy = directory.path().join("copy");
        kv.checkpoint(&copy).unwrap();
        let copy = RocksKeyValue::open(&copy, SMALL).unwrap();
        assert_eq!(copy.get(Family::Rows, b"key").unwrap().as_deref(), Some(&b"1"[..]));
    }
}
