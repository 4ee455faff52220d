//! A restore over a store that is open: the copy is made beside it, and takes its place when the directory is opened next.
//!
//! 1. The copy is made in [`STAGED`]. Renaming it to [`READY`] decides: from there on it is what counts.
//! 2. Opening deletes the files of the store that was, and renames the copy to [`MOVING`].
//! 3. What is in it is moved up, and the folder deleted.
//!
//! A crash leaves it at one of these steps, and the next opening goes on there.

use std::fs;
use std::path::Path;

use super::{RestoreReport, Stop, failed, restore, sync_folder};
use crate::error::{Error, Result};
use crate::kv::RocksKeyValue;
use crate::store::{SEGMENT_FOLDER, Store};

const STAGED: &str = "restore-staged";
const READY: &str = "restore-ready";
const MOVING: &str = "restore-moving";

impl Store {
    /// Makes a copy of a backup beside this store, for [`Store::decide_restore`]. Takes its time.
    pub fn stage_restore(&self, from: &Path, stop: &Stop) -> Result<RestoreReport> {
        let own = self.restored_into()?;
        if own.join(READY).exists() {
            return Err(Error::Backup { reason: "another restore waits for the next start".into() });
        }
        let staged = own.join(STAGED);
        remove(&staged)?;
        restore(from, &staged, self.environment(), stop)
    }

    /// Makes the staged copy what is opened next. Until then this store goes on; what is committed meanwhile is lost with it.
    pub fn decide_restore(&self) -> Result<()> {
        let own = self.restored_into()?;
        let ready = own.join(READY);
        fs::rename(own.join(STAGED), &ready).map_err(|error| failed(&ready, error))?;
        sync_folder(own)
    }

    fn restored_into(&self) -> Result<&Path> {
        self.directory().ok_or_else(|| Error::Io("a store in memory cannot be restored".into()))
    }
}

/// Puts a copy that waits in a directory in the place of the store there. Comes before that is opened.
pub(crate) fn finish(directory: &Path) -> Result<()> {
    remove(&directory.join(STAGED))?;
    let (ready, moving) = (directory.join(READY), directory.join(MOVING));
    if ready.exists() {
        // Fails if another process has it open.
        RocksKeyValue::claim(directory)?;
        for entry in fs::read_dir(directory).map_err(|error| failed(directory, error))? {
            let entry = entry.map_err(|error| failed(directory, error))?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name == SEGMENT_FOLDER || RocksKeyValue::is_file_of(name)) {
                remove(&entry.path())?;
            }
        }
        sync_folder(directory)?;
        fs::rename(&ready, &moving).map_err(|error| failed(&moving, error))?;
        sync_folder(directory)?;
    }
    if moving.exists() {
        for entry in fs::read_dir(&moving).map_err(|error| failed(&moving, error))? {
            let entry = entry.map_err(|error| failed(&moving, error))?;
            let to = directory.join(entry.file_name());
            fs::rename(entry.path(), &to).map_err(|error| failed(&to, error))?;
        }
        sync_folder(directory)?;
        remove(&moving)?;
    }
    Ok(())
}

/// Deletes a file, or a folder with what is in it; it is well if there is none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}
