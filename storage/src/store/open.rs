//! Opening a store: format, loads to finish, recovery of its own entries, sweep, and the start of the committer.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::counter::{Counter, Reserve};
use super::sequence::Sequences;
use super::{Inner, Store, StoreOptions, generation, meta};
use crate::backup::{STAGING_FOLDER, UNFINISHED, finish, remove};
use crate::change::Feed;
use crate::commit::{Committer, Garbage, Health, HotEntries, Moves, Parts, Published, Tally, Unlinked, recover_loads};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId};
use crate::key::KeyRange;
use crate::kv::{Batch, Direction, Family, KeyValue, RocksKeyValue, RocksOptions};
use crate::maintain::Moved;
use crate::segment::{BlockCache, Files, LocalFiles, Manifest, PlacePath, Places, Tiered};
use crate::stream::Streams;
use crate::transaction::LockTable;

/// PostgreSQL's first oid that is not its own (`FirstNormalObjectId`).
const OID_FIRST: u64 = 16384;

/// Generation zero stands for none.
const GENERATION_FIRST: u64 = 1;

/// The greatest generation leaves room for the end of its key range.
const GENERATION_END: u64 = u32::MAX as u64;

const OID_BLOCK: (u64, Reserve) = (64, Reserve::Durable);
const GENERATION_BLOCK: (u64, Reserve) = (64, Reserve::Durable);
const ROW_ID_BLOCK: (u64, Reserve) = (8192, Reserve::Logged);

/// Where segments lie that no other storage was named for.
pub(crate) const SEGMENT_FOLDER: &str = "storage";

/// How much of the memory for reading is for single entries, not for blocks.
fn hot_bytes(options: &StoreOptions) -> usize {
    options.cache_bytes / 2
}

/// Opens the store of a directory.
pub(super) fn directory(directory: &Path, options: StoreOptions) -> Result<Store> {
    let block_cache_bytes = options.cache_bytes - hot_bytes(&options);
    let memory = RocksOptions { block_cache_bytes, memtable_bytes: options.memtable_bytes };
    let files = LocalFiles::new(directory.join(SEGMENT_FOLDER));
    if directory.join(UNFINISHED).exists() {
        let reason = "it is being restored from a backup, or was and that did not end";
        return Err(Error::Format { reason: reason.into() });
    }
    finish(directory)?;
    let kv = RocksKeyValue::open(directory, memory)?;
    // Only who has the store open may empty the folder.
    remove(&directory.join(STAGING_FOLDER))?;
    over(Some(directory.to_owned()), Arc::new(kv), Arc::new(files), options)
}

/// Opens a store over any key-value store and any place for segments.
pub(super) fn over(
    directory: Option<PathBuf>,
    kv: Arc<dyn KeyValue>,
    files: Arc<dyn Files>,
    options: StoreOptions,
) -> Result<Store> {
    check_format(kv.as_ref(), &options.environment)?;
    // Before the sweep: what a load is made of was written aside, and may be recorded as such until it is taken over.
    recover_loads(kv.as_ref())?;
    sweep_aside(kv.as_ref())?;
    let places = Arc::new(Places::new(files));
    let left = sweep_files(kv.as_ref(), places.as_ref())?;
    let files: Arc<dyn Files> = Arc::clone(&places) as _;
    let timeline = read_timeline(kv.as_ref())?;
    let stamps = Arc::new(RwLock::new(read_stamps(kv.as_ref())?));
    let seq = match kv.get(Family::Meta, meta::SEQUENCE)? {
        Some(value) => CommitSeq(meta::decode_u64(meta::SEQUENCE, &value)?),
        None => CommitSeq(0),
    };
    let health = Arc::new(Health::default());
    let counter = |key, first, end, block| Counter::open(&kv, &health, key, first, end, block);
    let oids = counter(meta::NEXT_OID, OID_FIRST, u64::from(u32::MAX), OID_BLOCK)?;
    let generations = counter(meta::NEXT_GENERATION, GENERATION_FIRST, GENERATION_END, GENERATION_BLOCK)?;
    let row_ids = counter(meta::NEXT_ROW_ID, 1, u64::MAX, ROW_ID_BLOCK)?;
    let hot = Arc::new(HotEntries::new(hot_bytes(&options)));
    let blocks = Arc::new(BlockCache::new(options.segment_cache_bytes));
    let manifest = Manifest::read(entries(kv.as_ref(), &meta::segment_range())?, &files, &blocks, seq)?;
    let snapshot = Tiered::over(kv.snapshot()?, &Arc::new(manifest), seq);
    let streams = Arc::new(Streams::new(options.environment.clone()));
    let published = Arc::new(ArcSwap::from_pointee(Published { seq, snapshot, hot, streams }));
    let feed = Arc::new(Feed::new(seq, options.feed_bytes));
    let readers = Arc::default();
    let garbage = Arc::new(Garbage::new(generation(generations.next())));
    let moves = Arc::<Moves>::default();
    let tally = Arc::new(Tally::new(seq));
    let unlinked = Arc::<Unlinked>::default();
    let emptied = entries(kv.as_ref(), &meta::reclaim_range())?;
    let emptied: Vec<_> = emptied.iter().map(|(key, _)| meta::generation_of(key)).collect::<Result<_>>()?;
    let moved = Moved::on_record(emptied.into_iter());
    let committer = Committer::start(Parts {
        kv: Arc::clone(&kv),
        published: Arc::clone(&published),
        feed: Arc::clone(&feed),
        readers: Arc::clone(&readers),
        health: Arc::clone(&health),
        stamps: Arc::clone(&stamps),
        garbage: Arc::clone(&garbage),
        moves: Arc::clone(&moves),
        tally: Arc::clone(&tally),
        unlinked: Arc::clone(&unlinked),
        environment: options.environment.clone(),
    })?;
    let inner = Inner {
        directory,
        kv,
        published,
        readers,
        committer,
        feed,
        health,
        stamps,
        garbage,
        moves,
        tally,
        unlinked,
        moved,
        files,
        places,
        left: Mutex::new(left),
        blocks,
        locks: Arc::new(LockTable::new()),
        oids,
        generations,
        row_ids,
        sequences: Sequences::default(),
        transactions: AtomicU64::new(1),
        timeline,
        options,
    };
    Ok(Store { inner: Arc::new(inner) })
}

/// Refuses what is not ours or too new; marks an empty store as ours.
fn check_format(kv: &dyn KeyValue, environment: &Environment) -> Result<()> {
    if let Some(value) = kv.get(Family::Meta, meta::FORMAT)? {
        let version = meta::decode_u64(meta::FORMAT, &value)?;
        if version > meta::FORMAT_VERSION {
            let reason =
                format!("it has format version {version}, and this program knows up to {}", meta::FORMAT_VERSION);
            return Err(Error::Format { reason });
        }
        if version < meta::FORMAT_VERSION {
            // What newer versions add is read as absent, so that nothing has to be rewritten.
            let mut batch = Batch::new();
            batch.put(Family::Meta, meta::FORMAT, meta::encode_u64(meta::FORMAT_VERSION));
            kv.write(&batch)?;
            kv.sync()?;
        }
        return Ok(());
    }
    if kv.get(Family::Meta, meta::SEQUENCE)?.is_some() {
        return Err(Error::Format { reason: "it holds data, but no format version".into() });
    }
    let mut timeline = [0; 16];
    environment.fill_random(&mut timeline);
    let mut batch = Batch::new();
    batch.put(Family::Meta, meta::FORMAT, meta::encode_u64(meta::FORMAT_VERSION));
    batch.put(Family::Meta, meta::TIMELINE, timeline.to_vec());
    kv.write(&batch)?;
    kv.sync()
}

fn read_timeline(kv: &dyn KeyValue) -> Result<u128> {
    let value = kv.get(Family::Meta, meta::TIMELINE)?;
    let bytes =
        value.as_deref().and_then(|value| value.try_into().ok()).ok_or_else(|| meta::damaged(meta::TIMELINE))?;
    Ok(u128::from_be_bytes(bytes))
}

/// Deletes what transactions that never committed had written aside.
fn sweep_aside(kv: &dyn KeyValue) -> Result<()> {
    let mut batch = Batch::new();
    for (key, _) in entries(kv, &meta::aside_range())? {
        batch.delete_generation(meta::generation_of(&key)?);
        batch.delete(Family::Meta, key);
    }
    if batch.is_empty() {
        return Ok(());
    }
    kv.write(&batch)?;
    kv.sync()
}

/// Deletes the files of segments that the manifest never named, or names no more. What lies in a place that is not
/// mounted yet is answered.
fn sweep_files(kv: &dyn KeyValue, files: &dyn Files) -> Result<Vec<(Bytes, String)>> {
    let mut batch = Batch::new();
    let mut left = Vec::new();
    for range in [meta::upload_range(), meta::unlink_range()] {
        for (key, path) in entries(kv, &range)? {
            let path = std::str::from_utf8(&path).map_err(|_| meta::damaged(&key))?;
            if PlacePath::parse(path).place.is_some() {
                left.push((key, path.to_owned()));
                continue;
            }
            files.delete(path)?;
            batch.delete(Family::Meta, key);
        }
    }
    if !batch.is_empty() {
        kv.write(&batch)?;
    }
    Ok(left)
}

fn read_stamps(kv: &dyn KeyValue) -> Result<HashMap<GenerationId, (CommitSeq, i64)>> {
    entries(kv, &meta::stamp_range())?
        .into_iter()
        .map(|(key, value)| Ok((meta::generation_of(&key)?, meta::decode_stamp(&key, &value)?)))
        .collect()
}

/// The store's own entries within a range.
pub(crate) fn entries(kv: &dyn KeyValue, range: &KeyRange) -> Result<Vec<(Bytes, Bytes)>> {
    let mut entries = Vec::new();
    kv.snapshot()?.scan(Family::Meta, range, Direction::Forward, &mut |key, value| {
        entries.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        ControlFlow::Continue(())
    })?;
    Ok(entries)
}
