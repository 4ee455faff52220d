//! A key-value store in memory that knows what a disk would hold: pull the plug and see what is left.
//!
//! After a crash everything flushed or ingested is there, and every logged batch that was synced. Of the logged batches since
//! then an arbitrary number from the first on may have got to disk by themselves, and of the unflushed bulk writes
//! any part. The seed decides, so that a failing run can be repeated.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::Result;
use crate::key::KeyRange;
use crate::kv::{Batch, Family, KeyValue, KvSnapshot, MemoryKeyValue, Operation, SortedRun};

/// A batch that is not in a flushed file.
struct Entry {
    batch: Batch,
    logged: bool,
    synced: bool,
}

#[derive(Default)]
struct Disk {
    /// Batches whose effect is durable for good.
    flushed: Vec<Batch>,
    /// Everything since, in order.
    journal: Vec<Entry>,
}

/// A store that can crash.
#[derive(Default)]
pub struct CrashDisk {
    live: MemoryKeyValue,
    disk: Mutex<Disk>,
}

impl CrashDisk {
    pub fn new() -> Self {
        Self::default()
    }

    /// What a start after a crash at this moment would find. The store itself goes on untouched.
    pub fn crash(&self, seed: u64) -> Result<CrashDisk> {
        let mut random = StdRng::seed_from_u64(seed);
        let disk = self.disk.lock();
        let unsynced = disk.journal.iter().filter(|entry| entry.logged && !entry.synced).count();
        let mut lucky = random.random_range(0..=unsynced);
        let after = CrashDisk::new();
        for batch in &disk.flushed {
            after.keep(batch)?;
        }
        for Entry { batch, logged, synced } in &disk.journal {
            if !logged {
                after.keep(&some_of(batch, &mut random))?;
            } else if *synced {
                after.keep(batch)?;
            } else if lucky > 0 {
                lucky -= 1;
                after.keep(batch)?;
            }
        }
        Ok(after)
    }

    fn keep(&self, batch: &Batch) -> Result<()> {
        self.live.write(batch)?;
        self.disk.lock().flushed.push(batch.clone());
        Ok(())
    }

    fn record(&self, batch: &Batch, logged: bool, synced: bool) -> Result<()> {
        let mut disk = self.disk.lock();
        disk.journal.push(Entry { batch: batch.clone(), logged, synced });
        self.live.write(batch)
    }
}

/// Any part of a batch.
fn some_of(batch: &Batch, random: &mut StdRng) -> Batch {
    let mut part = Batch::new();
    for operation in batch.operations() {
        if random.random() {
            match operation.clone() {
                Operation::Put { family, key, value } => part.put(family, key, value),
                Operation::Delete { family, key } => part.delete(family, key),
                Operation::DeleteRange { family, range } => part.delete_range(family, range),
            }
        }
    }
    part
}

impl KeyValue for CrashDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        self.live.get(family, key)
    }

    fn snapshot(&self) -> Result<Arc<dyn KvSnapshot>> {
        self.live.snapshot()
    }

    fn write(&self, batch: &Batch) -> Result<()> {
        self.record(batch, true, false)
    }

    fn sync(&self) -> Result<()> {
        for entry in &mut self.disk.lock().journal {
            entry.synced = true;
        }
        Ok(())
    }

    fn write_bulk(&self, batch: &Batch) -> Result<()> {
        self.record(batch, false, false)
    }

    fn ingest(&self, family: Family, run: &SortedRun) -> Result<()> {
        self.record(&Batch::of_run(family, run), true, true)
    }

    fn temporary_file(&self) -> Result<Option<File>> {
        self.live.temporary_file()
    }

    fn flush(&self) -> Result<()> {
        let mut disk = self.disk.lock();
        let journal = std::mem::take(&mut disk.journal);
        disk.flushed.extend(journal.into_iter().map(|entry| entry.batch));
        Ok(())
    }

    fn checkpoint(&self, directory: &Path) -> Result<()> {
        self.live.checkpoint(directory)
    }

    fn oldest_snapshot(&self) -> Result<Option<u64>> {
        self.live.oldest_snapshot()
    }

    fn compact(&self, family: Family, range: &KeyRange) -> Result<()> {
        self.live.compact(family, range)
    }
}
