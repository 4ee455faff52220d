//! Where segments lie: files that are written once, read at any place and deleted whole.
//!
//! Contract: a file that was finished survives a crash under its name; one that was not may be there, in part. A name is
//! given once. Paths are relative, their parts divided by `/`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};

/// Collects what is written before it goes to the system.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// A place for files.
pub trait Files: Send + Sync {
    /// Begins a file; an error if there is one of that name.
    fn create(&self, path: &str) -> Result<Box<dyn NewFile>>;

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>>;

    /// Deletes a file; it is well if there is none.
    fn delete(&self, path: &str) -> Result<()>;
}

/// A file that is being written.
pub trait NewFile: Write + Send {
    /// Makes the file durable under its name and answers its length in bytes.
    fn finish(self: Box<Self>) -> Result<u64>;
}

/// A file that is read.
pub trait ReadFile: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> u64;

    /// So many bytes from a place on; an error if there are fewer.
    fn read(&self, offset: u64, length: usize) -> Result<Bytes>;
}

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

/// Files in memory, for a store that has no directory. Cloned, it is another handle of the same files.
#[derive(Clone, Default)]
pub struct MemoryFiles {
    files: Arc<Mutex<FxHashMap<String, Bytes>>>,
}

impl MemoryFiles {
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        self.files.lock().keys().cloned().collect()
    }
}

struct NewMemoryFile {
    files: MemoryFiles,
    path: String,
    bytes: Vec<u8>,
}

impl Files for MemoryFiles {
    fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        if self.files.lock().contains_key(path) {
            return Err(failed(Path::new(path), "it is there already"));
        }
        Ok(Box::new(NewMemoryFile { files: self.clone(), path: path.to_owned(), bytes: Vec::new() }))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>> {
        match self.files.lock().get(path) {
            Some(bytes) => Ok(Arc::new(MemoryFile { path: path.to_owned(), bytes: bytes.clone() })),
            None => Err(failed(Path::new(path), "there is no such file")),
        }
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.files.lock().remove(path);
        Ok(())
    }
}

impl Write for NewMemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for NewMemoryFile {
    fn finish(self: Box<Self>) -> Result<u64> {
        let Self { files, path, bytes } = *self;
        let size = bytes.len() as u64;
        files.files.lock().insert(path, bytes.into());
        Ok(size)
    }
}

struct MemoryFile {
    path: String,
    bytes: Bytes,
}

impl ReadFile for MemoryFile {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let end = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(length));
        match end.filter(|end| *end <= self.bytes.len()) {
            Some(end) => Ok(self.bytes.slice(end - length..end)),
            None => Err(failed(Path::new(&self.path), "it is shorter than it says")),
        }
    }
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Io(format!("file {}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes, reads back and deletes.
    fn hold_to_the_contract(files: &dyn Files) {
        let mut file = files.create("a/b/one").unwrap();
        file.write_all(b"hello, world").unwrap();
        file.finish().unwrap();
        assert!(files.create("a/b/one").is_err());
        let read = files.open("a/b/one").unwrap();
        assert_eq!(read.size(), 12);
        assert_eq!(read.read(7, 5).unwrap(), "world");
        assert!(read.read(8, 5).is_err());
        assert!(read.read(u64::MAX, 2).is_err());
        files.delete("a/b/one").unwrap();
        files.delete("a/b/one").unwrap();
        assert!(files.open("a/b/one").is_err());
        // Whoever has it open goes on reading.
        assert_eq!(read.read(0, 5).unwrap(), "hello");
    }

    #[test]
    fn both_places_hold_the_contract() {
        hold_to_the_contract(&MemoryFiles::new());
        let folder = tempfile::tempdir().unwrap();
        hold_to_the_contract(&LocalFiles::new(folder.path().join("not/yet/there")));
    }
}
