//! Files of a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{Files, NewFile, ReadFile};
use crate::error::{Error, Result};

/// Collects what is written before it goes to the system.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// Files of a folder.
pub struct LocalFiles {
    root: PathBuf,
}

impl LocalFiles {
    /// The folder is made with the first file.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn locate(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

struct NewLocalFile {
    path: PathBuf,
    /// Folders whose entries have to be durable, innermost first.
    folders: Vec<PathBuf>,
    writer: BufWriter<File>,
}

impl Files for LocalFiles {
    fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        let path = self.locate(path);
        let Some(folder) = path.parent() else { return Err(failed(&path, "it has no name")) };
        // Whoever made a folder may not have synced the one it lies in.
        let above = folder.ancestors().take_while(|above| above.starts_with(&self.root));
        let folders = above.chain(self.root.parent()).map(Path::to_owned).collect();
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        let file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| failed(&path, &error))?;
        Ok(Box::new(NewLocalFile { writer: BufWriter::with_capacity(WRITE_BUFFER_BYTES, file), path, folders }))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>> {
        let path = self.locate(path);
        let file = File::open(&path).map_err(|error| failed(&path, &error))?;
        let size = file.metadata().map_err(|error| failed(&path, &error))?.len();
        Ok(Arc::new(LocalFile { path, file, size }))
    }

    fn delete(&self, path: &str) -> Result<()> {
        let path = self.locate(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, &error)),
            _ => Ok(()),
        }
    }
}

impl Write for NewLocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl NewFile for NewLocalFile {
    fn finish(mut self: Box<Self>) -> Result<u64> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        let size = synced.and_then(|()| Ok(self.writer.get_ref().metadata()?.len()));
        let size = size.map_err(|error| failed(&self.path, &error))?;
        for folder in &self.folders {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|error| failed(folder, &error))?;
        }
        Ok(size)
    }
}

struct LocalFile {
    path: PathBuf,
    file: File,
    size: u64,
}

impl ReadFile for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        // What a damaged file says about itself is not believed: nothing is reserved that it does not have.
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(failed(&self.path, "it is shorter than it says"));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| failed(&self.path, &error))?;
        Ok(bytes.into())
    }
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Io(format!("file {}: {reason}", path.display()))
}
