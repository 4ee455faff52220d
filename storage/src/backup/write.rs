//! Making a backup.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{BackedUp, FORMAT, Index, LOCK, PIECE_BYTES, Stop, copy_to, failed, sync_folders};
use crate::error::{Error, Result};
use crate::key::KeyRange;
use crate::kv::{Family, RocksKeyValue};
use crate::segment::{PlacePath, ReadFile, SegmentInfo};
use crate::store::{SEGMENT_FOLDER, Store, meta};

/// Folder of the data directory in which a checkpoint lies while it is copied.
pub(crate) const STAGING_FOLDER: &str = "backup";

/// Files of the key-value store that are written once, under names that are not given again.
const TABLE_EXTENSION: &str = "sst";

/// What a backup came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// All files of the backup.
    pub files: u64,
    pub bytes: u64,
    /// Those of them that had to be copied.
    pub copied_files: u64,
    pub copied_bytes: u64,
}

/// A file on its way into the backup.
struct Copying<'a> {
    directory: &'a Path,
    stop: &'a Stop,
    /// What the directory has from earlier.
    known: FxHashMap<String, BackedUp>,
    files: Vec<BackedUp>,
    report: BackupReport,
}

impl Store {
    /// Makes the directory hold this store as it is at some moment of the call; it may hold an earlier state already, of
    /// which what has not changed is kept. Commits go on meanwhile. Takes its time.
    pub fn back_up(&self, to: &Path, stop: &Stop) -> Result<BackupReport> {
        let Some(own) = self.directory() else {
            return Err(Error::Io("a store in memory cannot be backed up".into()));
        };
        fs::create_dir_all(to).map_err(|error| failed(to, error))?;
        let lock = File::create(to.join(LOCK)).map_err(|error| failed(to, error))?;
        if lock.try_lock().is_err() {
            return Err(Error::Backup { reason: "it is being written or read by somebody else".into() });
        }
        let before = Index::read(to)?;
        let _hold = self.unlinked().hold();
        let mut name = [0; 8];
        self.environment().fill_random(&mut name);
        let round = format!("{:016x}", u64::from_be_bytes(name));
        let staging = own.join(STAGING_FOLDER).join(&round);
        fs::create_dir_all(own.join(STAGING_FOLDER)).map_err(|error| failed(&staging, error))?;
        let result = self.copy_all((to, &staging), &round, before.as_ref(), stop);
        if let Err(error) = fs::remove_dir_all(&staging) {
            tracing::warn!(%error, "a checkpoint is left to the next start to delete");
        }
        let (index, report) = result?;
        index.write(to)?;
        let timelines = before.iter().map(|before| before.timeline).chain([index.timeline]);
        for folder in timelines.map(folder_of).collect::<FxHashSet<_>>() {
            sweep(to, Path::new(&folder), &index.files.iter().map(|file| file.name.as_str()).collect());
        }
        Ok(report)
    }

    fn copy_all(
        &self,
        (to, staging): (&Path, &Path),
        round: &str,
        before: Option<&Index>,
        stop: &Stop,
    ) -> Result<(Index, BackupReport)> {
        self.checkpoint(staging)?;
        let known = before.iter().flat_map(|index| &index.files).map(|file| (file.name.clone(), file.clone()));
        let (known, files, report) = (known.collect(), Vec::new(), BackupReport::default());
        let mut copying = Copying { directory: to, stop, known, files, report };
        let timeline = folder_of(self.timeline());
        for entry in fs::read_dir(staging).map_err(|error| failed(staging, error))? {
            let path = entry.map_err(|error| failed(staging, error))?.path();
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let is_table = path.extension().is_some_and(|extension| extension == TABLE_EXTENSION);
            let name = if is_table { format!("{timeline}/{file}") } else { format!("{timeline}/{round}/{file}") };
            let bytes = fs::metadata(&path).map_err(|error| failed(&path, error))?.len();
            let target = file.to_owned();
            copying.add(BackedUp { name, target, bytes, sha256: String::new(), segment: None }, || {
                File::open(&path).map(|file| Box::new(file) as Box<dyn Read>).map_err(|error| failed(&path, error))
            })?;
        }
        for (key, value) in RocksKeyValue::peek(staging, Family::Meta, &meta::segment_range())? {
            let info: SegmentInfo = serde_json::from_slice(&value).map_err(|_| meta::damaged(&key))?;
            copying.add(segment_file(&timeline, &info), || {
                let file = self.files().open(&info.path)?;
                Ok(Box::new(SegmentBytes { file, at: 0 }) as Box<dyn Read>)
            })?;
        }
        let sequence = RocksKeyValue::peek(staging, Family::Meta, &KeyRange::prefix(meta::SEQUENCE))?;
        let sequence = sequence.iter().find(|(key, _)| key == meta::SEQUENCE);
        let seq = sequence.map_or(Ok(0), |(key, value)| meta::decode_u64(key, value))?;
        sync_folders(to)?;
        let created_at_us = self.environment().now_us();
        let Copying { files, report, .. } = copying;
        Ok((Index { format: FORMAT, timeline: self.timeline(), seq, created_at_us, files }, report))
    }
}

/// The folder of a backup that files of one line of history lie in.
fn folder_of(timeline: u128) -> String {
    format!("{timeline:032x}")
}

/// Deletes what lies in one of the folders of a backup and is not named: of earlier ones, or of one that did not end.
fn sweep(backup: &Path, folder: &Path, named: &FxHashSet<&str>) {
    for entry in fs::read_dir(backup.join(folder)).into_iter().flatten().flatten() {
        let name = folder.join(entry.file_name());
        let deleted = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(backup, &name, named);
            // One with files in it stays.
            let _ = fs::remove_dir(entry.path());
            Ok(())
        } else if name.to_str().is_some_and(|name| named.contains(name)) {
            Ok(())
        } else {
            fs::remove_file(entry.path())
        };
        if let Err(error) = deleted {
            tracing::warn!(%error, file = %name.display(), "a file of an earlier backup cannot be deleted");
        }
    }
}

/// Where a segment goes in the backup, and after a restore: among the store's own, wherever it lay.
fn segment_file(timeline: &str, info: &SegmentInfo) -> BackedUp {
    let PlacePath { place, path } = PlacePath::parse(&info.path);
    let target = match place {
        None => format!("{SEGMENT_FOLDER}/{path}"),
        Some(place) => format!("{SEGMENT_FOLDER}/restored-{}/{path}", place.0),
    };
    BackedUp {
        name: format!("{timeline}/segments/batch-{}.parquet", info.id.0),
        target,
        bytes: info.bytes,
        sha256: String::new(),
        segment: place.map(|_| info.path.clone()),
    }
}

impl Copying<'_> {
    /// Copies a file, unless the directory has it.
    fn add<'r>(&mut self, mut file: BackedUp, open: impl FnOnce() -> Result<Box<dyn Read + 'r>>) -> Result<()> {
        let path = self.directory.join(&file.name);
        let is_there = |known: &&BackedUp| {
            known.bytes == file.bytes && fs::metadata(&path).is_ok_and(|found| found.len() == file.bytes)
        };
        if let Some(known) = self.known.get(&file.name).filter(is_there) {
            file.sha256.clone_from(&known.sha256);
        } else {
            let (bytes, sha256) = copy_to(open()?.as_mut(), &path, self.stop)?;
            if bytes != file.bytes {
                return Err(failed(&path, format!("{bytes} bytes were copied of {}", file.bytes)));
            }
            file.sha256 = sha256;
            self.report.copied_files += 1;
            self.report.copied_bytes += bytes;
        }
        self.report.files += 1;
        self.report.bytes += file.bytes;
        self.files.push(file);
        Ok(())
    }
}

/// A segment's file from its beginning to its end.
struct SegmentBytes {
    file: Arc<dyn ReadFile>,
    at: u64,
}

impl Read for SegmentBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size() - self.at;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len()).min(PIECE_BYTES);
        if length == 0 {
            return Ok(0);
        }
        let bytes = self.file.read(self.at, length).map_err(io::Error::other)?;
        buffer[..length].copy_from_slice(&bytes);
        self.at += length as u64;
        Ok(length)
    }
}
