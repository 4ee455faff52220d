//! The key-value store as an ordered map in memory: for tests, and for databases that need not outlive the process.
//!
//! Each key holds its versions, oldest first; a snapshot is the number of the newest batch that it sees. A version
//! goes once no snapshot can see it. Nothing is ever durable: [`KeyValue::sync`] and [`KeyValue::flush`] have nothing to do.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::{Batch, Direction, Family, KeyValue, KvSnapshot, Operation, SortedRun};
use crate::error::{Error, Result};
use crate::key::KeyRange;

/// A value, or its absence, since a version.
struct Version {
    since: u64,
    value: Option<Bytes>,
}

type Entries = BTreeMap<Bytes, Vec<Version>>;

#[derive(Default)]
struct State {
    families: [Entries; Family::ALL.len()],
    /// Number of the newest batch.
    newest: u64,
    /// Keys that were written over or deleted, and when: their older versions go once every snapshot is newer.
    stale: VecDeque<(u64, Family, Bytes)>,
}

/// How many snapshots are held of each version.
type Snapshots = Mutex<BTreeMap<u64, usize>>;

#[derive(Default)]
struct Shared {
    state: RwLock<State>,
    snapshots: Snapshots,
}

/// An ordered map with snapshots.
#[derive(Default)]
pub struct MemoryKeyValue {
    shared: Arc<Shared>,
}

impl MemoryKeyValue {
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    fn set(&mut self, family: Family, key: Bytes, value: Option<Bytes>) {
        let since = self.newest;
        let versions = self.families[family as usize].entry(key.clone()).or_default();
        if versions.is_empty() && value.is_some() {
            versions.push(Version { since, value });
            return;
        }
        match versions.last_mut() {
            Some(last) if last.since == since => last.value = value,
            _ => versions.push(Version { since, value }),
        }
        self.stale.push_back((since, family, key));
    }

    fn apply(&mut self, batch: &Batch) {
        self.newest += 1;
        for operation in batch.operations() {
            match operation {
                Operation::Put { family, key, value } => self.set(*family, key.clone(), Some(value.clone())),
                Operation::Delete { family, key } => {
                    if self.families[*family as usize].contains_key(key) {
                        self.set(*family, key.clone(), None);
                    }
                }
                Operation::DeleteRange { family, range } => {
                    let entries = &self.families[*family as usize];
                    let keys: Vec<Bytes> = within(entries, range).map(|(key, _)| key.clone()).collect();
                    for key in keys {
                        self.set(*family, key, None);
                    }
                }
            }
        }
    }

    /// Forgets versions that no snapshot from `oldest` on can see.
    fn prune(&mut self, oldest: u64) {
        while self.stale.front().is_some_and(|(since, ..)| *since <= oldest) {
            let Some((_, family, key)) = self.stale.pop_front() else { return };
            let entries = &mut self.families[family as usize];
            let Some(versions) = entries.get_mut(&key) else { continue };
            // The newest version that the oldest snapshot sees hides all before it.
            let seen = versions.partition_point(|version| version.since <= oldest);
            versions.drain(..seen.saturating_sub(1));
            if versions.len() == 1 && versions[0].value.is_none() && versions[0].since <= oldest {
                entries.remove(&key);
            }
        }
    }

    fn get(&self, family: Family, key: &[u8], at: u64) -> Option<Bytes> {
        visible(self.families[family as usize].get(key)?, at).cloned()
    }
}

fn within<'a>(
    entries: &'a Entries,
    range: &KeyRange,
) -> impl DoubleEndedIterator<Item = (&'a Bytes, &'a Vec<Version>)> + use<'a> {
    // An ordered map panics on a range whose start lies behind its end.
    let end = (&range.end).max(&range.start);
    entries.range::<[u8], _>((Bound::Included(&range.start[..]), Bound::Excluded(&end[..])))
}

/// The value that a snapshot of version `at` sees.
fn visible(versions: &[Version], at: u64) -> Option<&Bytes> {
    versions.iter().rev().find(|version| version.since <= at)?.value.as_ref()
}

impl KeyValue for MemoryKeyValue {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        let state = self.shared.state.read_recursive();
        Ok(state.get(family, key, state.newest))
    }

    fn snapshot(&self) -> Result<Arc<dyn KvSnapshot>> {
        let state = self.shared.state.read_recursive();
        let at = state.newest;
        *self.shared.snapshots.lock().entry(at).or_default() += 1;
        Ok(Arc::new(MemorySnapshot { shared: Arc::clone(&self.shared), at }))
    }

    fn write(&self, batch: &Batch) -> Result<()> {
        let mut state = self.shared.state.write();
        state.apply(batch);
        let oldest = self.shared.snapshots.lock().keys().next().copied().unwrap_or(state.newest);
        state.prune(oldest);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn write_bulk(&self, batch: &Batch) -> Result<()> {
        self.write(batch)
    }

    fn ingest(&self, family: Family, run: &SortedRun) -> Result<()> {
        self.write(&Batch::of_run(family, run))
    }

    fn temporary_file(&self) -> Result<Option<File>> {
        Ok(None)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&self, _directory: &Path) -> Result<()> {
        Err(Error::Io("a database in memory cannot be copied to a directory".into()))
    }

    fn oldest_snapshot(&self) -> Result<Option<u64>> {
        Ok(self.shared.snapshots.lock().keys().next().copied())
    }

    fn compact(&self, _family: Family, _range: &KeyRange) -> Result<()> {
        Ok(())
    }
}

/// What the map held at one version.
struct MemorySnapshot {
    shared: Arc<Shared>,
    at: u64,
}

impl Drop for MemorySnapshot {
    fn drop(&mut self) {
        let mut snapshots = self.shared.snapshots.lock();
        if let Some(count) = snapshots.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                snapshots.remove(&self.at);
            }
        }
    }
}

impl MemorySnapshot {
    fn count(&self, family: Family, range: &KeyRange) -> usize {
        let state = self.shared.state.read_recursive();
        within(&state.families[family as usize], range)
            .filter(|(_, versions)| visible(versions, self.at).is_some())
            .count()
    }
}

impl KvSnapshot for MemorySnapshot {
    fn position(&self) -> u64 {
        self.at
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.shared.state.read_recursive().get(family, key, self.at))
    }

    fn multi_get(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>> {
        let state = self.shared.state.read_recursive();
        Ok(keys.iter().map(|key| state.get(family, key, self.at)).collect())
    }

    fn scan(
        &self,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        // The visitor may read from the same store, hence a lock that may be taken again while a writer waits.
        let state = self.shared.state.read_recursive();
        let mut show = |(key, versions): (&Bytes, &Vec<Version>)| match visible(versions, self.at) {
            Some(value) => visit(key, value),
            None => ControlFlow::Continue(()),
        };
        let mut entries = within(&state.families[family as usize], range);
        let _ = match direction {
            Direction::Forward => entries.try_for_each(&mut show),
            Direction::Backward => entries.rev().try_for_each(&mut show),
        };
        Ok(())
    }

    fn approximate_entries(&self, family: Family, range: &KeyRange) -> Result<u64> {
        Ok(self.count(family, range) as u64)
    }

    fn split_points(&self, family: Family, range: &KeyRange, parts: usize) -> Result<Vec<Bytes>> {
        let count = self.count(family, range);
        let parts = parts.min(count);
        if parts < 2 {
            return Ok(Vec::new());
        }
        let mut next_part = 1;
        let mut points = Vec::with_capacity(parts - 1);
        let state = self.shared.state.read_recursive();
        let entries = within(&state.families[family as usize], range)
            .filter(|(_, versions)| visible(versions, self.at).is_some());
        for (position, (key, _)) in entries.enumerate() {
            if next_part < parts && position == next_part * count / parts {
                points.push(key.clone());
                next_part += 1;
            }
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::contract;

    #[test]
    fn keeps_the_contract() {
        contract::check(|| Arc::new(MemoryKeyValue::new()));
    }

    #[test]
    fn forgets_what_nobody_sees() {
        let kv = MemoryKeyValue::new();
        for round in 0..100_u32 {
            let mut batch = Batch::new();
            batch.put(Family::Rows, "a", round.to_be_bytes().to_vec());
            batch.put(Family::Rows, round.to_be_bytes().to_vec(), "");
            batch.delete(Family::Rows, round.saturating_sub(1).to_be_bytes().to_vec());
            kv.write(&batch).unwrap();
        }
        let state = kv.shared.state.read();
        let rows = &state.families[Family::Rows as usize];
        assert_eq!(rows.len(), 2);
        assert!(rows.values().all(|versions| versions.len() == 1));
        assert!(state.stale.is_empty());
    }
}
