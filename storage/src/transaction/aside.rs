//! What a transaction writes aside: contents of new generations, past the write set and, when they are large, past the log.
//!
//! Nobody else knows the generation, so its rows may be in the store before the commit. That it is being written is
//! recorded first; a restart deletes what was recorded and not committed. Entries gather in memory and go to the store
//! when there are many, or when somebody is about to read them. There are three ways:
//!
//! - a little goes through the log, together with the record, and is durable with the commit;
//! - a long run of keys that lie behind all earlier ones, as hidden numbers do, is ingested by a thread of its own;
//! - anything else is sorted and written in bulk, which costs a flush before the commit.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::background::Background;
use super::generation_of;
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::kv::{Batch, Family, KvSnapshot, SortedRun};
use crate::store::{Store, meta};

/// What gathers in all generations before it goes out. Tests make do with little, here and below, to see every way.
const GATHERED_BYTES: usize = if cfg!(test) { 8 << 10 } else { 24 << 20 };

/// How much may gather while nobody can wait for a thread to be done.
const GATHERED_BYTES_MAX: usize = GATHERED_BYTES / 4 * 5;

/// The same for keys in no order, which cost more memory and gain nothing from waiting.
const UNORDERED_BYTES_MAX: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// Less than this goes through the log: a file of its own would cost more.
const LOGGED_BYTES_MAX: usize = if cfg!(test) { 1 << 10 } else { 1 << 20 };

/// Runs that are on their way into the store at the same time; each may be as large as what gathers.
const IN_FLIGHT_MAX: usize = 2;

/// What an entry in no order is reckoned to cost beside its key and value.
const UNORDERED_OVERHEAD_BYTES: usize = 64;

/// Whether a restart would know of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    No,
    /// In the log, before everything of the generation that is there.
    Logged,
    Durable,
}

/// Entries that are not in the store yet.
enum Gathered {
    Ascending(SortedRun),
    Unordered(FxHashMap<Bytes, Bytes>),
}

struct Generation {
    id: GenerationId,
    /// An index's contents, or a table's.
    family: Family,
    /// False after a rollback to a savepoint before it was made.
    kept: bool,
    record: Record,
    gathered: Gathered,
    gathered_bytes: usize,
    /// The greatest key that was given to the store.
    greatest: Option<Box<[u8]>>,
}

/// The generations that a transaction writes aside.
#[derive(Default)]
pub(super) struct Aside {
    generations: Vec<Generation>,
    gathered_bytes: usize,
    /// Runs on their way into the store, oldest first.
    in_flight: VecDeque<Background<(SortedRun, Result<()>)>>,
    /// Emptied runs, for their memory.
    spare: Vec<SortedRun>,
    /// Something was written in bulk and not flushed.
    unflushed: bool,
    /// Why something is not in the store that should be.
    failure: Option<String>,
}

impl Generation {
    /// Whether nothing can be stored under the key, by its place alone.
    fn ends_before(&self, key: &[u8]) -> bool {
        let ends = |greatest: Option<&[u8]>| greatest.is_none_or(|greatest| greatest < key);
        match &self.gathered {
            Gathered::Ascending(run) => ends(run.last_key()) && ends(self.greatest.as_deref()),
            Gathered::Unordered(_) => false,
        }
    }

    fn gathered(&self, key: &[u8]) -> Option<Bytes> {
        match &self.gathered {
            Gathered::Ascending(run) => run.get(key).map(Bytes::copy_from_slice),
            Gathered::Unordered(entries) => entries.get(key).cloned(),
        }
    }

    /// Answers by how much the memory for it grows.
    fn gather(&mut self, key: &[u8], value: &[u8]) -> usize {
        let before = self.gathered_bytes;
        if let Gathered::Ascending(run) = &mut self.gathered {
            if run.push(key, value) {
                self.gathered_bytes += key.len() + value.len();
                return self.gathered_bytes - before;
            }
            self.gathered_bytes += run.len() * UNORDERED_OVERHEAD_BYTES;
            let owned = |(key, value)| (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
            self.gathered = Gathered::Unordered(run.iter().map(owned).collect());
        }
        if let Gathered::Unordered(entries) = &mut self.gathered {
            entries.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
            self.gathered_bytes += key.len() + value.len() + UNORDERED_OVERHEAD_BYTES;
        }
        self.gathered_bytes - before
    }

    fn is_disorderly(&self) -> bool {
        matches!(self.gathered, Gathered::Unordered(_)) && self.gathered_bytes >= UNORDERED_BYTES_MAX
    }
}

impl Aside {
    /// Whether a key belongs to one of its generations.
    pub(super) fn holds(&self, family: Family, key: &[u8]) -> bool {
        generation_of(family, key).is_some_and(|id| self.is_kept(id))
    }

    pub(super) fn is_kept(&self, id: GenerationId) -> bool {
        self.find(id).is_some_and(|generation| generation.kept)
    }

    /// The generations that the commit makes valid.
    pub(super) fn kept(&self) -> impl Iterator<Item = GenerationId> {
        self.generations.iter().filter(|generation| generation.kept).map(|generation| generation.id)
    }

    fn find(&self, id: GenerationId) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.id == id)
    }

    /// Begins to write a generation aside, unless that was done before.
    pub(super) fn open(&mut self, family: Family, id: GenerationId) -> Result<()> {
        match self.find(id) {
            Some(generation) if generation.kept => Ok(()),
            // What was written before is still there, waiting to be deleted.
            Some(_) => Err(Error::Io(format!("generation {} was undone and cannot be made again", id.0))),
            None => {
                self.generations.push(Generation {
                    id,
                    family,
                    kept: true,
                    record: Record::No,
                    gathered: Gathered::Ascending(SortedRun::new()),
                    gathered_bytes: 0,
                    greatest: None,
                });
                Ok(())
            }
        }
    }

    /// Whether a key lies behind all keys of its generation, so that nothing can be stored under it.
    pub(super) fn ends_before(&self, id: GenerationId, key: &[u8]) -> bool {
        self.find(id).is_none_or(|generation| generation.ends_before(key))
    }

    pub(super) fn get(&mut self, store: &Store, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(generation) = generation_of(family, key).and_then(|id| self.find(id)) {
            if let Some(value) = generation.gathered(key) {
                return Ok(Some(value));
            }
            if generation.greatest.as_deref().is_none_or(|greatest| greatest < key) {
                return Ok(None);
            }
        }
        self.settle()?;
        store.kv().get(family, key)
    }

    /// Writes a key that is not there yet, into a generation that is open.
    pub(super) fn put(&mut self, store: &Store, id: GenerationId, key: &[u8], value: &[u8]) -> Result<()> {
        let Some(at) = self.generations.iter().position(|generation| generation.id == id) else {
            return Err(Error::Io(format!("generation {} is not written aside", id.0)));
        };
        self.gathered_bytes += self.generations[at].gather(key, value);
        if self.generations[at].is_disorderly() {
            return self.send(store, at);
        }
        if self.gathered_bytes >= GATHERED_BYTES_MAX { self.send_all(store) } else { Ok(()) }
    }

    /// Whether it is time to call [`Aside::relieve`]. If nobody does, writing has to wait for threads sooner or later.
    pub(super) fn is_full(&self) -> bool {
        self.gathered_bytes >= GATHERED_BYTES
    }

    /// Sends what has gathered on its way, as soon as not too much else is.
    pub(super) async fn relieve(&mut self, store: &Store) -> Result<()> {
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            if let Some(oldest) = self.in_flight.front_mut() {
                oldest.ended().await;
            }
            self.collect_oldest();
        }
        self.send_all(store)
    }

    /// Takes back what has gathered, if that is all there is of a generation.
    pub(super) fn take_whole(&mut self, id: GenerationId) -> Option<SortedRun> {
        let generation = self.generations.iter_mut().find(|generation| generation.id == id)?;
        if generation.greatest.is_some() {
            return None;
        }
        let Gathered::Ascending(run) = &mut generation.gathered else { return None };
        self.gathered_bytes -= mem::take(&mut generation.gathered_bytes);
        Some(mem::take(run))
    }

    /// Gives everything that has gathered to the store. Runs may still be on their way.
    fn send_all(&mut self, store: &Store) -> Result<()> {
        for at in 0..self.generations.len() {
            if self.generations[at].kept {
                self.send(store, at)?;
            }
        }
        Ok(())
    }

    /// The same for one generation.
    fn send(&mut self, store: &Store, at: usize) -> Result<()> {
        self.check()?;
        self.try_send(store, at).inspect_err(|error| self.failure = Some(error.to_string()))
    }

    fn try_send(&mut self, store: &Store, at: usize) -> Result<()> {
        let generation = &mut self.generations[at];
        let bytes = mem::take(&mut generation.gathered_bytes);
        self.gathered_bytes -= bytes;
        let empty = Gathered::Ascending(self.spare.pop().unwrap_or_default());
        match mem::replace(&mut generation.gathered, empty) {
            Gathered::Ascending(run) if run.is_empty() => Ok(()),
            Gathered::Ascending(run) => {
                let is_behind = generation.greatest.as_deref() < run.first_key();
                generation.reaches(run.last_key());
                if bytes >= LOGGED_BYTES_MAX && is_behind {
                    return self.ingest(store, at, run);
                }
                let batch = Batch::of_run(generation.family, &run);
                generation.write(store, batch, bytes, &mut self.unflushed)
            }
            Gathered::Unordered(entries) => {
                let mut entries: Vec<_> = entries.into_iter().collect();
                entries.sort_unstable();
                generation.reaches(entries.last().map(|(key, _)| &key[..]));
                let mut batch = Batch::with_capacity(entries.len());
                for (key, value) in entries {
                    batch.put(generation.family, key, value);
                }
                generation.write(store, batch, bytes, &mut self.unflushed)
            }
        }
    }

    /// Has a thread ingest a run.
    fn ingest(&mut self, store: &Store, at: usize, run: SortedRun) -> Result<()> {
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            self.collect_oldest();
        }
        self.check()?;
        let generation = &mut self.generations[at];
        generation.make_record_durable(store)?;
        store.check_writable()?;
        let (kv, family) = (Arc::clone(store.kv_handle()), generation.family);
        let ingestion = Background::start("ingestion", move || {
            let result = kv.ingest(family, &run);
            (run, result)
        });
        self.in_flight.push_back(ingestion?);
        Ok(())
    }

    /// Waits for the oldest run that is on its way.
    fn collect_oldest(&mut self) {
        let Some(oldest) = self.in_flight.pop_front() else { return };
        match oldest.join() {
            Ok((mut run, Ok(()))) => {
                run.clear();
                self.spare.push(run);
            }
            Ok((_, Err(error))) | Err(error) => {
                self.failure.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// Waits until nothing is on its way any more.
    fn settle(&mut self) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.collect_oldest();
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(reason) => Err(Error::Io(reason.clone())),
        }
    }

    /// Gives everything to the store, and returns when it is there.
    pub(super) async fn write_all(&mut self, store: &Store) -> Result<()> {
        self.relieve(store).await?;
        while let Some(oldest) = self.in_flight.front_mut() {
            oldest.ended().await;
            self.collect_oldest();
        }
        self.check()
    }

    /// Makes everything as durable as the log will be; comes before the commit.
    pub(super) async fn finish(&mut self, store: &Store) -> Result<()> {
        self.write_all(store).await?;
        if self.unflushed { store.flush_aside() } else { Ok(()) }
    }

    /// The state for a view taken now.
    pub(super) fn view(&mut self, store: &Store) -> AsideView {
        let written = self.send_all(store).and_then(|()| self.settle());
        let snapshot = written.and_then(|()| store.kv().snapshot());
        AsideView { generations: self.kept().collect(), snapshot: snapshot.map_err(|error| error.to_string()) }
    }

    /// Says which generations still exist.
    pub(super) fn keep(&mut self, exists: impl Fn(GenerationId) -> bool) {
        for generation in &mut self.generations {
            generation.kept &= exists(generation.id);
            if !generation.kept {
                self.gathered_bytes -= mem::take(&mut generation.gathered_bytes);
                generation.gathered = Gathered::Ascending(SortedRun::new());
            }
        }
    }

    /// Deletes the generations that `which` names from the store.
    pub(super) fn discard(&mut self, store: &Store, which: impl Fn(GenerationId) -> bool) {
        // What is still on its way would come after the deletion. Whether it arrives does not matter.
        let _ = self.settle();
        let stored = self.generations.iter().filter(|generation| generation.record != Record::No);
        for generation in stored.filter(|generation| which(generation.id)) {
            if let Err(error) = store.discard_aside(generation.id) {
                // The record stays, so the next start tries again.
                tracing::warn!(%error, generation = generation.id.0, "what a transaction wrote aside was not deleted");
            }
        }
    }
}

impl Generation {
    fn reaches(&mut self, key: Option<&[u8]>) {
        if self.greatest.as_deref() < key {
            self.greatest = key.map(Box::from);
        }
    }

    /// Writes entries of the generation through the log if they are few, and past it otherwise.
    fn write(&mut self, store: &Store, mut batch: Batch, bytes: usize, unflushed: &mut bool) -> Result<()> {
        if bytes >= LOGGED_BYTES_MAX {
            self.make_record_durable(store)?;
            *unflushed = true;
            return store.write_aside(&batch);
        }
        if self.record == Record::No {
            batch.put(Family::Meta, meta::aside_key(self.id), Bytes::new());
            self.record = Record::Logged;
        }
        store.log_aside(&batch)
    }

    fn make_record_durable(&mut self, store: &Store) -> Result<()> {
        if self.record != Record::Durable {
            store.record_aside(self.id)?;
            self.record = Record::Durable;
        }
        Ok(())
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
