//! Backups: a consistent copy of a store in a directory, made while it is written to, and a store made of it again.
//!
//! A backup is a checkpoint of the key-value store and the segments that it names. Their names are never given again in
//! one line of history, so a file that the directory has from an earlier backup is not copied again. `backup.json` names
//! all files with their sizes and SHA-256 sums; it is replaced when everything else is there, and what only its
//! predecessor named is deleted then. A restore believes nothing before it has looked at every file, begins a line of
//! history of its own, and never deletes what lies in places that it shares with the store it was copied from.

mod exchange;
mod restore;
mod write;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

pub(crate) use exchange::{finish, remove};
pub(crate) use restore::UNFINISHED;
pub use restore::{RestoreReport, restore};
pub use write::BackupReport;
pub(crate) use write::STAGING_FOLDER;

/// Names what the backup has.
const INDEX: &str = "backup.json";

/// What keeps two from writing to one backup, and everybody from writing to one that is read.
const LOCK: &str = "backup.lock";

/// Version of the index.
const FORMAT: u32 = 1;

/// What is read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The index of a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Index {
    format: u32,
    /// The line of history that was copied.
    timeline: u128,
    /// The newest commit that is in it.
    seq: u64,
    /// Microseconds since 1970.
    created_at_us: i64,
    files: Vec<BackedUp>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BackedUp {
    /// Within the backup.
    name: String,
    /// Within the data directory.
    target: String,
    bytes: u64,
    /// In hexadecimal digits.
    sha256: String,
    /// The segment whose rows it has, by the path that the manifest knows, if that is not `target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment: Option<String>,
}

impl Index {
    /// The index in a directory; none if there is none.
    fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(INDEX);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        // Its own sum stands behind it.
        let (json, sum) = text.trim_end().rsplit_once('\n').ok_or_else(|| damaged(INDEX, "it is cut off"))?;
        if hexadecimal(&Sha256::digest(json)) != sum {
            return Err(damaged(INDEX, "it is not what was written"));
        }
        let index: Self = serde_json::from_str(json).map_err(|error| damaged(INDEX, error))?;
        if index.format != FORMAT {
            return Err(damaged(INDEX, "another version of this program wrote it"));
        }
        Ok(Some(index))
    }

    /// The index of what must be a backup.
    fn of(directory: &Path) -> Result<Self> {
        let missing = || Error::Backup { reason: format!("{} has no {INDEX}", directory.display()) };
        Self::read(directory)?.ok_or_else(missing)
    }

    /// Puts it in the place of the one that is there.
    fn write(&self, directory: &Path) -> Result<()> {
        let json = serde_json::to_string(self).map_err(|error| damaged(INDEX, error))?;
        let text = format!("{json}\n{}\n", hexadecimal(&Sha256::digest(&json)));
        let (path, new) = (directory.join(INDEX), directory.join(format!("{INDEX}.new")));
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&new, &path)).map_err(|error| failed(&path, error))?;
        sync_folder(directory)
    }
}

/// Lets another thread end a backup or a restore in the midst.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// It ends as soon as it looks.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(io::Error::other("it was given up")) } else { Ok(()) }
    }
}

/// Copies everything, and answers how many bytes that were and their sum.
fn copy(from: &mut dyn Read, to: &mut dyn Write, stop: &Stop) -> io::Result<(u64, String)> {
    let (mut sum, mut bytes) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        stop.check()?;
        let length = from.read(&mut piece)?;
        if length == 0 {
            return Ok((bytes, hexadecimal(&sum.finalize())));
        }
        sum.update(&piece[..length]);
        to.write_all(&piece[..length])?;
        bytes += length as u64;
    }
}

/// Copies everything to a new file, durably; the folders are the caller's to sync.
fn copy_to(from: &mut dyn Read, path: &Path, stop: &Stop) -> Result<(u64, String)> {
    let folder = path.parent().ok_or_else(|| failed(path, "it has no name"))?;
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let copied = File::create(path).and_then(|mut file| {
        let copied = copy(from, &mut file, stop)?;
        file.sync_all()?;
        Ok(copied)
    });
    copied.map_err(|error| failed(path, error))
}

/// Makes the names in a folder durable, and those of the folders in it.
fn sync_folders(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, error))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Io(format!("file {}: {reason}", path.display()))
}

fn damaged(name: &str, reason: impl std::fmt::Display) -> Error {
    Error::Backup { reason: format!("{name}: {reason}") }
}
