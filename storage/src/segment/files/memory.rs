//! Files in memory.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{Files, NewFile, ReadFile};
use crate::error::{Error, Result};

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
            return Err(failed(path, "it is there already"));
        }
        Ok(Box::new(NewMemoryFile { files: self.clone(), path: path.to_owned(), bytes: Vec::new() }))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>> {
        match self.files.lock().get(path) {
            Some(bytes) => Ok(Arc::new(MemoryFile { path: path.to_owned(), bytes: bytes.clone() })),
            None => Err(failed(path, "there is no such file")),
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
            None => Err(failed(&self.path, "it is shorter than it says")),
        }
    }
}

fn failed(path: &str, reason: &str) -> Error {
    Error::Io(format!("file {path}: {reason}"))
}
