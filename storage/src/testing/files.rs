//! A place for files that fails after so many steps: each of them can be made to fail in turn.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::segment::{Files, NewFile, ReadFile};

/// Wraps any place for files. Creating, writing, finishing, opening and deleting are steps.
pub struct FaultyFiles {
    inner: Arc<dyn Files>,
    steps: Arc<Steps>,
}

/// Counts the steps, and says which fail.
#[derive(Default)]
struct Steps {
    taken: AtomicU64,
    /// From this step on, counted from one, everything fails; zero: nothing does.
    fail_from: AtomicU64,
}

impl Steps {
    fn take(&self) -> Result<()> {
        let step = self.taken.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fail_from.load(Ordering::SeqCst) {
            0 => Ok(()),
            from if step < from => Ok(()),
            _ => Err(Error::Io("an injected fault of a file".into())),
        }
    }
}

impl FaultyFiles {
    /// Nothing fails until it is told to.
    pub fn new(inner: Arc<dyn Files>) -> Self {
        Self { inner, steps: Arc::default() }
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps.taken.load(Ordering::SeqCst)
    }

    /// Lets everything fail after so many steps more.
    pub fn fail_after(&self, steps: u64) {
        self.steps.fail_from.store(self.steps() + steps + 1, Ordering::SeqCst);
    }

    /// Lets everything succeed again.
    pub fn heal(&self) {
        self.steps.fail_from.store(0, Ordering::SeqCst);
    }
}

struct FaultyFile {
    inner: Box<dyn NewFile>,
    steps: Arc<Steps>,
}

impl Files for FaultyFiles {
    fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        self.steps.take()?;
        Ok(Box::new(FaultyFile { inner: self.inner.create(path)?, steps: Arc::clone(&self.steps) }))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>> {
        self.steps.take()?;
        self.inner.open(path)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.steps.take()?;
        self.inner.delete(path)
    }
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.steps.take().map_err(io::Error::other)?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl NewFile for FaultyFile {
    fn finish(self: Box<Self>) -> Result<u64> {
        self.steps.take()?;
        self.inner.finish()
    }
}
