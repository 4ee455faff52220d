//! What a transaction writes aside: contents of new generations, past the write set and the log.
//!
//! Nobody else knows the generation, so its rows may be in the store before the commit. That it is being written is
//! recorded durably first; a restart deletes what was recorded and not committed. Writes gather into batches of bounded
//! size; before anybody reads, what has gathered is written.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::generation_of;
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::kv::{Batch, Family, KvSnapshot};
use crate::store::Store;

/// What gathers before it is written.
const PENDING_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Clone, Copy)]
struct Generation {
    id: GenerationId,
    /// False after a rollback to a savepoint before it was made.
    kept: bool,
}

/// The generations that a transaction writes aside.
#[derive(Debug, Default)]
pub(super) struct Aside {
    generations: Vec<Generation>,
    pending: FxHashMap<(Family, Bytes), Bytes>,
    pending_bytes: usize,
}

impl Aside {
    /// Whether a key belongs to one of its generations.
    pub(super) fn holds(&self, family: Family, key: &[u8]) -> bool {
        generation_of(family, key).is_some_and(|id| self.is_kept(id))
    }

    pub(super) fn is_kept(&self, id: GenerationId) -> bool {
        self.generations.iter().any(|generation| generation.id == id && generation.kept)
    }

    /// The generations that the commit makes valid.
    pub(super) fn kept(&self) -> impl Iterator<Item = GenerationId> {
        self.generations.iter().filter(|generation| generation.kept).map(|generation| generation.id)
    }

    /// Begins to write a generation aside, unless that was done before.
    pub(super) fn open(&mut self, store: &Store, id: GenerationId) -> Result<()> {
        match self.generations.iter().find(|generation| generation.id == id) {
            Some(generation) if generation.kept => Ok(()),
            // What was written before is still there, waiting to be deleted.
            Some(_) => Err(Error::Io(format!("generation {} was undone and cannot be made again", id.0))),
            None => {
                store.record_aside(id)?;
                self.generations.push(Generation { id, kept: true });
                Ok(())
            }
        }
    }

    pub(super) fn get(&self, store: &Store, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        if !self.pending.is_empty()
            && let Some(value) = self.pending.get(&(family, Bytes::copy_from_slice(key)))
        {
            return Ok(Some(value.clone()));
        }
        store.kv().get(family, key)
    }

    /// Writes a key that is not there yet, into a generation that is open.
    pub(super) fn put(&mut self, store: &Store, family: Family, key: Bytes, value: Bytes) -> Result<()> {
        self.pending_bytes += key.len() + value.len();
        self.pending.insert((family, key), value);
        if self.pending_bytes >= PENDING_BYTES_MAX {
            self.write_pending(store)?;
        }
        Ok(())
    }

    /// Writes what has gathered, in the order of keys, which the store likes best.
    fn write_pending(&mut self, store: &Store) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut entries: Vec<_> = self.pending.drain().collect();
        self.pending_bytes = 0;
        entries.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut batch = Batch::with_capacity(entries.len());
        for ((family, key), value) in entries {
            batch.put(family, key, value);
        }
        store.write_aside(&batch)
    }

    /// Makes everything durable; comes before the commit.
    pub(super) fn finish(&mut self, store: &Store) -> Result<()> {
        self.write_pending(store)?;
        if self.kept().next().is_some() { store.flush_aside() } else { Ok(()) }
    }

    /// The state for a view taken now.
    pub(super) fn view(&mut self, store: &Store) -> AsideView {
        let snapshot = self.write_pending(store).and_then(|()| store.kv().snapshot());
        AsideView { generations: self.kept().collect(), snapshot: snapshot.map_err(|error| error.to_string()) }
    }

    /// Says which generations still exist.
    pub(super) fn keep(&mut self, exists: impl Fn(GenerationId) -> bool) {
        for generation in &mut self.generations {
            generation.kept &= exists(generation.id);
        }
        if self.generations.iter().any(|generation| !generation.kept) {
            let kept: Vec<GenerationId> = self.kept().collect();
            self.pending.retain(|(family, key), _| generation_of(*family, key).is_some_and(|id| kept.contains(&id)));
        }
    }

    /// Deletes the generations that `which` names from the store.
    pub(super) fn discard(&self, store: &Store, which: impl Fn(GenerationId) -> bool) {
        for generation in self.generations.iter().filter(|generation| which(generation.id)) {
            if let Err(error) = store.discard_aside(generation.id) {
                // The record stays, so the next start tries again.
                tracing::warn!(%error, generation = generation.id.0, "what a transaction wrote aside was not deleted");
            }
        }
    }
}

/// What was written aside, as a view of the transaction sees it.
pub(crate) struct AsideView {
    generations: Vec<GenerationId>,
    /// Why there is none, otherwise; told to whoever reads.
    snapshot: std::result::Result<Arc<dyn KvSnapshot>, String>,
}

impl AsideView {
    /// Whether a key's generation was written aside.
    pub(crate) fn holds(&self, family: Family, key: &[u8]) -> bool {
        generation_of(family, key).is_some_and(|id| self.generations.contains(&id))
    }

    pub(crate) fn snapshot(&self) -> Result<&dyn KvSnapshot> {
        match &self.snapshot {
            Ok(snapshot) => Ok(snapshot.as_ref()),
            Err(reason) => Err(Error::Io(reason.clone())),
        }
    }
}
