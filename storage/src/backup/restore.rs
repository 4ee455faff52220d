//! Making a store of a backup.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::{BackedUp, Index, LOCK, Stop, copy, copy_to, damaged, failed, sync_folder, sync_folders};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::{Batch, Family, KeyValue, RocksKeyValue, RocksOptions};
use crate::segment::{PlacePath, SegmentInfo};
use crate::store::{SEGMENT_FOLDER, entries, meta};

/// Present in a data directory whose restore has not ended: it is not opened.
pub(crate) const UNFINISHED: &str = "restore-unfinished";

/// Memory for bringing the copy up to date.
const MEMORY: RocksOptions = RocksOptions { block_cache_bytes: 16 << 20, memtable_bytes: 16 << 20 };

/// What a restore came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreReport {
    pub files: u64,
    pub bytes: u64,
    /// When the backup was made: microseconds since 1970.
    pub created_at_us: i64,
}

/// Fills an empty data directory from a backup. A backup that is damaged is refused before anything is written; a restore
/// that does not end leaves a directory that nobody opens.
pub fn restore(from: &Path, data: &Path, environment: &Environment, stop: &Stop) -> Result<RestoreReport> {
    let _lock = lock(from)?;
    let index = Index::of(from)?;
    check_empty(data)?;
    index.files.iter().try_for_each(|file| check(from, file, stop))?;
    fs::create_dir_all(data).map_err(|error| failed(data, error))?;
    let unfinished = data.join(UNFINISHED);
    File::create(&unfinished).and_then(|file| file.sync_all()).map_err(|error| failed(&unfinished, error))?;
    sync_folder(data)?;
    let mut report = RestoreReport { files: 0, bytes: 0, created_at_us: index.created_at_us };
    for file in &index.files {
        let path = from.join(&file.name);
        let mut source = File::open(&path).map_err(|error| failed(&path, error))?;
        let (bytes, sum) = copy_to(&mut source, &data.join(&file.target), stop)?;
        if (bytes, &sum) != (file.bytes, &file.sha256) {
            return Err(damaged(&file.name, "it has changed meanwhile"));
        }
        report.files += 1;
        report.bytes += bytes;
    }
    begin_history(data, &index, environment)?;
    sync_folders(data)?;
    fs::remove_file(&unfinished).map_err(|error| failed(&unfinished, error))?;
    sync_folder(data)?;
    Ok(report)
}

/// Waits until nobody writes to the backup, and keeps it so: another backup would delete what only this one names. A copy of
/// a backup may have no file to lock, and nobody who writes there.
fn lock(from: &Path) -> Result<Option<File>> {
    let path = from.join(LOCK);
    match File::open(&path) {
        Ok(file) => file.lock_shared().map(|()| Some(file)).map_err(|error| failed(&path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&path, error)),
    }
}

fn check_empty(data: &Path) -> Result<()> {
    match fs::read_dir(data).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(data, error)),
        Ok(false) => Err(Error::Backup { reason: format!("the data directory {} is not empty", data.display()) }),
    }
}

/// Reads a file of the backup to its end.
fn check(from: &Path, file: &BackedUp, stop: &Stop) -> Result<()> {
    let is_within = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_within(&file.name) || !is_within(&file.target) {
        return Err(damaged(&file.name, "it is not a file of a backup"));
    }
    let read = File::open(from.join(&file.name)).and_then(|mut source| copy(&mut source, &mut io::sink(), stop));
    match read {
        Ok((bytes, sum)) if (bytes, &sum) == (file.bytes, &file.sha256) => Ok(()),
        Ok(_) => Err(damaged(&file.name, "it is not what was written")),
        Err(error) => Err(damaged(&file.name, error)),
    }
}

/// What the copy knows of itself becomes its own: another line of history, segments where they lie now, and no files to
/// delete, which are the other's; and streams are empty.
fn begin_history(data: &Path, index: &Index, environment: &Environment) -> Result<()> {
    let moved: FxHashMap<&str, &str> =
        index.files.iter().filter_map(|file| Some((file.segment.as_deref()?, file.target.as_str()))).collect();
    let kv = RocksKeyValue::open(data, MEMORY)?;
    let mut batch = Batch::new();
    let mut timeline = [0; 16];
    environment.fill_random(&mut timeline);
    batch.put(Family::Meta, meta::TIMELINE, timeline.to_vec());
    for (key, value) in entries(&kv, &meta::segment_range())? {
        let mut info: SegmentInfo = serde_json::from_slice(&value).map_err(|_| meta::damaged(&key))?;
        if PlacePath::parse(&info.path).place.is_none() {
            continue;
        }
        let target = moved.get(info.path.as_str()).and_then(|target| target.strip_prefix(SEGMENT_FOLDER));
        let target = target.ok_or_else(|| damaged(&info.path, "the backup does not have it"))?;
        info.path = target.trim_start_matches('/').to_owned();
        let value = serde_json::to_vec(&info).map_err(|_| meta::damaged(&key))?;
        batch.put(Family::Meta, key, value);
    }
    // What streams hold is no part of a backup, whichever files it lay in.
    batch.delete_range(
        Family::Stream,
        KeyRange { start: Bytes::new(), end: KeyRange::generation(GenerationId(u32::MAX)).end },
    );
    for range in [meta::upload_range(), meta::unlink_range()] {
        for (key, _) in entries(&kv, &range)? {
            batch.delete(Family::Meta, key);
        }
    }
    kv.write(&batch)?;
    kv.flush()
}
