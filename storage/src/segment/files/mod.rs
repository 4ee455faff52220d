//! Where segments lie: files that are written once, read at any place and deleted whole.
//!
//! Contract: a file that was finished survives a crash under its name; one that was not may be there, in part. A name is
//! given once. Paths are relative, their parts divided by `/`. What waits for a disk or a network blocks its thread.

mod local;
mod memory;
mod object;
mod places;

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;

pub use local::LocalFiles;
pub use memory::MemoryFiles;
pub use object::{ObjectFiles, S3Credentials, S3Options};
pub(crate) use places::Places;
pub use places::{PlaceId, PlacePath};

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
    }

    #[test]
    fn all_places_hold_the_contract() {
        hold_to_the_contract(&MemoryFiles::new());
        hold_to_the_contract(&object::objects_in_memory("under/this"));
        let folder = tempfile::tempdir().unwrap();
        hold_to_the_contract(&LocalFiles::new(folder.path().join("not/yet/there")));
    }
}
