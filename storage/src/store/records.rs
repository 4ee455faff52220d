//! Records: small entries that the room above keeps beside its transactions, such as what became of its jobs.
//!
//! Each is written for itself and durable when the call returns. No snapshot shows them: who reads them gets the newest.

use bytes::Bytes;

use super::{Store, meta, open};
use crate::error::Result;
use crate::key::KeyRange;
use crate::kv::{Batch, Family};

impl Store {
    /// Writes a record, in the place of one of the same name.
    pub fn put_record(&self, name: &[u8], value: impl Into<Bytes>) -> Result<()> {
        let mut batch = Batch::with_capacity(1);
        batch.put(Family::Meta, meta::record_key(name), value);
        self.write_own(|kv| kv.write(&batch).and_then(|()| kv.sync()))
    }

    /// Deletes records, as far as there are such. A crash may bring them back.
    pub fn delete_records(&self, names: &[impl AsRef<[u8]>]) -> Result<()> {
        let mut batch = Batch::with_capacity(names.len());
        for name in names {
            batch.delete(Family::Meta, meta::record_key(name.as_ref()));
        }
        self.write_own(|kv| kv.write(&batch))
    }

    /// The records whose names begin so: name and value, in the order of the names.
    pub fn records(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        let entries = open::entries(self.kv(), &meta::record_range(prefix))?;
        Ok(entries.into_iter().map(|(key, value)| (meta::record_name(&key), value)).collect())
    }

    /// Deletes events for good, beside all transactions: nobody locks them and nobody writes them again. Views that were
    /// taken earlier go on seeing them, and so does who reads what is committed until the next commit.
    pub fn expire_events(&self, range: KeyRange) -> Result<()> {
        let mut batch = Batch::with_capacity(1);
        batch.delete_range(Family::Log, range);
        self.write_own(|kv| kv.write(&batch))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::store::{Store, StoreOptions};
    use crate::testing::CrashDisk;

    #[test]
    fn records_outlive_a_crash() {
        let disk = Arc::new(CrashDisk::new());
        let store = Store::with_kv(disk.clone(), StoreOptions::default()).unwrap();
        store.put_record(b"job/1", "one").unwrap();
        store.put_record(b"job/2", "two").unwrap();
        store.put_record(b"other", "x").unwrap();
        store.put_record(b"job/1", "uno").unwrap();
        store.delete_records(&[b"job/2"]).unwrap();
        store.put_record(b"job/3", "").unwrap();
        let after = Store::with_kv(Arc::new(disk.crash(3).unwrap()), StoreOptions::default()).unwrap();
        let found = after.records(b"job/").unwrap();
        let found: Vec<(&[u8], &[u8])> = found.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_eq!(found, [(&b"job/1"[..], &b"uno"[..]), (&b"job/3"[..], &b""[..])]);
        assert_eq!(after.records(b"").unwrap().len(), 3);
    }
}
