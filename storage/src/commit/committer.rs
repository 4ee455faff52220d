//! The committer's thread: from waiting write sets to durable, published, announced commits.
//!
//! A group is everything that waits when the committer turns to it, so that one sync serves all who came during the
//! last one. A load is a group of its own. A failure of a durable step leaves the outcome of its group unknown: nothing of it is published, and no
//! write is accepted until a restart has read from the log what really happened. Reads go on.

use std::collections::HashMap;
use std::iter::Peekable;
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::vec;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

use super::Published;
use super::emptied::{Emptied, EmptiedSlices};
use super::garbage::Garbage;
use super::history::{History, SerializableReaders};
use super::load::{self, Load, LoadRecord};
use super::moves::{Move, Moves};
use super::queue::{Pending, Queue, Wake};
use super::recent::Recent;
use super::request::{CommitRequest, Durability};
use super::tally::Tally;
use super::unlinked::Unlinked;
use crate::change::{Change, CommitRecord, Feed};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId, TableId};
use crate::key::KeyRange;
use crate::kv::{Batch, Family, KeyValue};
use crate::row;
use crate::segment::{Manifest, Segment, Tiered, mark_key};
use crate::store::meta;

/// A group is closed when its writes reach this size; what still waits goes into the next one.
const GROUP_BYTES_MAX: usize = 64 << 20;

/// How long a commit with [`Durability::Async`] may stay without a sync (PostgreSQL's `wal_writer_delay` allows 200 ms).
const ASYNC_SYNC_DELAY: Duration = Duration::from_millis(10);

/// A batch that grew beyond this is not kept for the next group.
const BATCH_OPERATIONS_KEPT: usize = 16 * 1024;

/// Whether writes are still accepted, and if not, why.
#[derive(Default)]
pub(crate) struct Health {
    refused: ArcSwapOption<String>,
}

impl Health {
    /// `WritesRefused` after a durable step has failed.
    pub(crate) fn check(&self) -> Result<()> {
        match self.refused.load().as_deref() {
            None => Ok(()),
            Some(reason) => Err(Error::WritesRefused { reason: reason.clone() }),
        }
    }

    /// Refuses every write from now on; the first reason stands and is logged.
    pub(crate) fn refuse(&self, reason: &str) {
        let first = self.refused.rcu(|refused| refused.clone().or_else(|| Some(Arc::new(reason.to_owned()))));
        if first.is_none() {
            tracing::error!(reason, "a durable step failed: no writes are accepted until a restart");
        }
    }
}

/// When each generation that was written aside was committed: its rows carry no stamp of their own.
pub(crate) type Stamps = RwLock<HashMap<GenerationId, (CommitSeq, i64)>>;

/// What the committer works with.
pub(crate) struct Parts {
    pub(crate) kv: Arc<dyn KeyValue>,
    pub(crate) published: Arc<ArcSwap<Published>>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) readers: Arc<SerializableReaders>,
    pub(crate) health: Arc<Health>,
    pub(crate) stamps: Arc<Stamps>,
    pub(crate) garbage: Arc<Garbage>,
    pub(crate) moves: Arc<Moves>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) unlinked: Arc<Unlinked>,
    pub(crate) environment: Environment,
}

/// The door to the committer.
pub(crate) struct Committer {
    queue: Arc<Queue>,
    health: Arc<Health>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread. The published state says where the sequence goes on.
    pub(crate) fn start(parts: Parts) -> Result<Self> {
        let queue = Arc::new(Queue::new());
        let health = Arc::clone(&parts.health);
        let worker = Worker::new(Arc::clone(&queue), parts);
        let thread = thread::Builder::new()
            .name("committer".into())
            .spawn(move || worker.run())
            .map_err(|error| Error::Io(format!("cannot start the committer: {error}")))?;
        Ok(Self { queue, health, thread: Mutex::new(Some(thread)) })
    }

    /// How many write sets wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Commits a write set and answers its place in the order, once it is as durable as it asked to be.
    ///
    /// The commit goes on when the future is dropped after the write set got into the queue.
    pub(crate) async fn submit(&self, request: CommitRequest) -> Result<CommitSeq> {
        self.health.check()?;
        let Some(answer) = self.queue.submit(request).await else {
            self.health.check()?;
            return Err(Error::WritesRefused { reason: "the database is shutting down".into() });
        };
        answer.await.unwrap_or_else(|_| Err(Error::CommitOutcomeUnknown { reason: "the committer stopped".into() }))
    }

    /// Commits what waits, refuses what comes later, and returns when all is durable.
    pub(crate) fn stop(&self) {
        self.queue.close();
        let Some(thread) = self.thread.lock().take() else { return };
        // The committer itself may drop the last handle of the store, together with what a transaction held.
        if thread.thread().id() != thread::current().id() {
            // A panic of the committer has been told to everybody who waited for it.
            let _ = thread.join();
        }
    }
}

/// A write set that has its place in the order and is part of the group's batch.
struct Accepted {
    seq: CommitSeq,
    record: Arc<CommitRecord>,
    load: Option<Load>,
    created: Vec<GenerationId>,
    dropped: Vec<GenerationId>,
    emptied: Option<Arc<Emptied>>,
    held: Option<Box<dyn Send>>,
    when_published: Option<Box<dyn FnOnce() + Send>>,
    done: oneshot::Sender<Result<CommitSeq>>,
}

struct Worker {
    queue: Arc<Queue>,
    parts: Parts,
    /// The newest sequence given out.
    head: CommitSeq,
    /// The segments as of then.
    manifest: Arc<Manifest>,
    /// The newest time given out: it never goes backwards, whatever the clock does.
    committed_at_us: i64,
    history: History,
    /// Tables that were redefined.
    redefined: Recent<TableId>,
    emptied: EmptiedSlices,
    /// Published commits that still lack a sync, and since when.
    unsynced: Vec<Arc<CommitRecord>>,
    unsynced_since: Option<Instant>,
    batch: Batch,
}

impl Worker {
    fn new(queue: Arc<Queue>, parts: Parts) -> Self {
        Self {
            queue,
            head: parts.published.load().seq,
            manifest: Arc::clone(parts.published.load().snapshot.manifest()),
            committed_at_us: i64::MIN,
            history: History::new(Arc::clone(&parts.readers)),
            redefined: Recent::default(),
            emptied: EmptiedSlices::default(),
            unsynced: Vec::new(),
            unsynced_since: None,
            batch: Batch::new(),
            parts,
        }
    }

    fn run(mut self) {
        let _stop = StopGuard { queue: Arc::clone(&self.queue), health: Arc::clone(&self.parts.health) };
        loop {
            let deadline = self.unsynced_since.map(|since| ASYNC_SYNC_DELAY.saturating_sub(since.elapsed()));
            match self.queue.take(deadline) {
                Wake::Requests(waiting) => {
                    let mut waiting = waiting.into_iter().peekable();
                    while waiting.peek().is_some() {
                        self.commit_group(&mut waiting);
                    }
                    if self.unsynced_since.is_some_and(|since| since.elapsed() >= ASYNC_SYNC_DELAY) {
                        self.sync_late();
                    }
                }
                Wake::Timeout => self.sync_late(),
                Wake::Closed => {
                    self.sync_late();
                    return;
                }
            }
        }
    }

    /// Takes write sets until the group is full and commits them together.
    fn commit_group(&mut self, waiting: &mut Peekable<vec::IntoIter<Pending>>) {
        self.history.trim(self.head);
        self.batch.clear();
        let mut group = Vec::new();
        let mut durability = Durability::Async;
        while self.batch.bytes() < GROUP_BYTES_MAX {
            if !group.is_empty() && waiting.peek().is_some_and(|pending| pending.request.goes_alone()) {
                break;
            }
            let Some(Pending { request, done }) = waiting.next() else { break };
            let (wanted, goes_alone) = (request.durability, request.goes_alone());
            match self.validate(&request) {
                Ok(moved) => {
                    if wanted == Durability::Sync || goes_alone {
                        durability = Durability::Sync;
                    }
                    group.push(self.accept(request, moved, done));
                    if goes_alone {
                        break;
                    }
                }
                Err(refusal) => {
                    tracing::debug!(transaction = request.transaction.0, %refusal, "a write set was refused");
                    drop(request);
                    let _ = done.send(Err(refusal));
                }
            }
        }
        if group.is_empty() {
            return;
        }
        let made_durable = match &group[..] {
            [Accepted { record, dropped, load: Some(load), .. }] => self.make_load_durable(record, load, dropped),
            _ => self.make_durable(durability),
        };
        match made_durable {
            Ok(published) => self.publish(published, group, durability),
            Err(error) => self.abandon(&error, group),
        }
        if self.batch.len() > BATCH_OPERATIONS_KEPT {
            self.batch = Batch::new();
        }
    }

    /// Whether the write set may follow everything that was accepted so far; and for a move, what it comes to.
    fn validate(&self, request: &CommitRequest) -> Result<Batch> {
        self.parts.health.check()?;
        if !request.relations.iter().all(|read| self.redefined.is_unchanged(read.table, read.seq)) {
            return Err(Error::RelationChanged);
        }
        if !self.emptied.permits(request, self.parts.kv.as_ref())? {
            return Err(Error::WriteConflict);
        }
        if let Some(reads) = &request.reads
            && self.history.conflicts(request.snapshot, reads.as_ref())
        {
            return Err(Error::SerializationFailure);
        }
        request.moved.as_ref().map_or_else(|| Ok(Batch::new()), |moved| self.prepare(moved))
    }

    /// What a move writes: the hot rows go, but for those that were written meanwhile, whose places in the segments are marked.
    fn prepare(&self, moved: &Move) -> Result<Batch> {
        let watched = moved.watching.keys().ok_or(Error::MoveLost)?;
        let mut batch = Batch::new();
        for range in &moved.emptied {
            batch.delete_range(Family::Rows, range.clone());
        }
        for key in watched.iter().chain(&moved.kept) {
            if moved.emptied.iter().any(|range| range.contains(key))
                && let Some(row) = self.parts.kv.get(Family::Rows, key)?
            {
                batch.put(Family::Rows, key.clone(), row);
            }
        }
        for key in &watched {
            if let Some(mark) = moved.locate(key)? {
                batch.put(Family::Deleted, mark_key(mark), Bytes::new());
            }
        }
        for segment in &moved.added {
            let info = segment.info();
            let entry = serde_json::to_vec(info).map_err(|error| Error::Io(error.to_string()))?;
            batch.put(Family::Meta, meta::segment_key(info.generation(), info.id), entry);
            batch.delete(Family::Meta, meta::upload_key(info.id));
        }
        Ok(batch)
    }

    /// Takes segments out of the manifest; their files are deleted later.
    fn unlink(&mut self, segments: &[Arc<Segment>]) {
        for segment in segments {
            let info = segment.info();
            self.batch.delete(Family::Meta, meta::segment_key(info.generation(), info.id));
            self.batch.delete_range(Family::Deleted, KeyRange::generation(info.id));
            self.batch.put(Family::Meta, meta::unlink_key(info.id), info.path.clone().into_bytes());
        }
        self.parts.unlinked.add(segments.iter().cloned());
        let removed: Vec<GenerationId> = segments.iter().map(|segment| segment.info().id).collect();
        self.manifest = Arc::new(self.manifest.with(&removed, &[]));
    }

    /// The same with all of some slices.
    fn unlink_slices(&mut self, emptied: &Emptied) {
        let segments = emptied.large.iter().flat_map(|slice| self.manifest.of_slice(emptied.generation, *slice));
        let segments: Vec<Arc<Segment>> = segments.cloned().collect();
        if !segments.is_empty() {
            self.unlink(&segments);
        }
    }

    /// Gives the write set its place and adds it to the batch, with what a move comes to.
    fn accept(&mut self, request: CommitRequest, moved: Batch, done: oneshot::Sender<Result<CommitSeq>>) -> Accepted {
        let seq = self.head.next();
        self.head = seq;
        self.parts.moves.notice(&request);
        self.committed_at_us = self.committed_at_us.max(self.parts.environment.now_us());
        self.parts.garbage.add(&request);
        self.parts.tally.note(&request, seq, self.committed_at_us);
        let from = self.batch.len();
        let mut changes = Vec::with_capacity(request.rows.len());
        for row in request.rows {
            let key = row.key.clone().into_bytes();
            let new = match row.new {
                Some(mut encoded) => {
                    row::stamp(&mut encoded, seq, self.committed_at_us);
                    let encoded = Bytes::from(encoded);
                    self.batch.put(row.family, key, encoded.clone());
                    Some(encoded)
                }
                None if row.old.is_none() => continue,
                None => {
                    self.batch.delete(row.family, key);
                    None
                }
            };
            changes.push(Change { table: row.table, key: row.key, old: row.old, new });
        }
        for (key, row) in request.trash {
            self.batch.put(Family::Trash, key, row::with_commit(row, seq, self.committed_at_us));
        }
        self.batch.append(request.writes);
        for &generation in &request.dropped {
            self.parts.garbage.forget(generation);
            self.batch.delete_generation(generation);
        }
        for (family, range) in request.emptied.iter().flat_map(|emptied| emptied.ranges()) {
            self.batch.delete_range(family, range);
        }
        self.history.remember(seq, &self.batch, from);
        for &generation in &request.dropped {
            self.emptied.forget(generation);
            let segments = self.manifest.of(generation).to_vec();
            self.unlink(&segments);
        }
        if let Some(emptied) = &request.emptied {
            self.emptied.add(emptied, seq);
            self.unlink_slices(emptied);
        }
        for mark in &request.marks {
            self.batch.put(Family::Deleted, mark_key(mark.mark), Bytes::new());
            if let Some(segment) = self.manifest.find(mark.table, mark.mark.segment) {
                segment.marked(seq);
            }
        }
        for (table, segment) in request.load.iter().flat_map(|load| &load.marked) {
            if let Some(segment) = self.manifest.find(*table, *segment) {
                segment.marked(seq);
            }
        }
        if let Some(change) = request.moved {
            let removed = change.removed.iter().filter_map(|id| self.manifest.find(change.generation, *id).cloned());
            let removed: Vec<_> = removed.collect();
            self.unlink(&removed);
            self.batch.append(moved);
            change.added.iter().for_each(|segment| segment.marked(seq));
            self.manifest = Arc::new(self.manifest.with(&[], &change.added));
        }
        let mut replaced = request.replaced;
        if let Some(load) = &request.load {
            self.history.remember_generations(&load.touched);
            replaced.extend(&load.tables);
            replaced.sort_unstable();
            replaced.dedup();
        }
        for &generation in &request.created {
            self.batch.delete(Family::Meta, meta::aside_key(generation));
            self.batch.put(Family::Meta, meta::stamp_key(generation), meta::encode_stamp(seq, self.committed_at_us));
        }
        for &generation in &request.dropped {
            self.batch.delete(Family::Meta, meta::aside_key(generation));
            self.batch.delete(Family::Meta, meta::stamp_key(generation));
        }
        self.redefined.change(&request.redefined, seq);
        let of_table = |emptied: &Arc<Emptied>| emptied.large.iter().map(|slice| (emptied.table, *slice)).collect();
        let record = CommitRecord {
            seq,
            committed_at_us: self.committed_at_us,
            changes,
            catalog_changed: request.catalog_changed,
            replaced,
            emptied: request.emptied.as_ref().map_or_else(Vec::new, of_table),
            messages: request.messages,
        };
        Accepted {
            seq,
            record: Arc::new(record),
            load: request.load,
            created: request.created,
            dropped: request.dropped,
            emptied: request.emptied,
            held: request.held,
            when_published: request.when_published,
            done,
        }
    }

    /// Writes the batch, syncs if any of the group asked for it, and takes the snapshot that shows it.
    fn make_durable(&mut self, durability: Durability) -> Result<Published> {
        self.batch.put(Family::Meta, meta::SEQUENCE, meta::encode_u64(self.head.0));
        self.parts.kv.write(&self.batch)?;
        if durability == Durability::Sync {
            self.parts.kv.sync()?;
        }
        self.newest()
    }

    /// Writes the batch with the record of a load, which decides the commit, and takes the staged rows over.
    fn make_load_durable(&mut self, record: &CommitRecord, load: &Load, dropped: &[GenerationId]) -> Result<Published> {
        let touched = |id: &&GenerationId| load.touched.iter().any(|(_, touched)| touched == *id);
        let decided = LoadRecord {
            seq: record.seq,
            committed_at_us: record.committed_at_us,
            layers: load.layers.clone(),
            left_out: dropped.iter().filter(touched).copied().collect(),
        };
        self.batch.put(Family::Meta, meta::load_key(decided.seq), meta::encode_load(&decided));
        self.make_durable(Durability::Sync)?;
        load::finish(self.parts.kv.as_ref(), &decided)?;
        let published = self.newest()?;
        published.hot.forget(&load.touched, published.seq);
        Ok(published)
    }

    /// Everything that is written, to be published.
    fn newest(&self) -> Result<Published> {
        let before = self.parts.published.load();
        let (hot, streams) = (Arc::clone(&before.hot), Arc::clone(&before.streams));
        let snapshot = Tiered::over(self.parts.kv.snapshot()?, &self.manifest, self.head);
        Ok(Published { seq: self.head, snapshot, hot, streams })
    }

    /// Shows the group to readers, then to the feed if it is durable, lets its locks go and acknowledges. Who reads the feed
    /// may rely on it that what a commit's hook does is done.
    fn publish(&mut self, published: Published, mut group: Vec<Accepted>, durability: Durability) {
        self.remember_stamps(&group);
        published.hot.update(self.batch.operations(), published.seq);
        for emptied in group.iter().filter_map(|accepted| accepted.emptied.as_ref()) {
            published.hot.forget_slices(emptied, published.seq);
        }
        self.parts.published.store(Arc::new(published));
        for hook in group.iter_mut().filter_map(|accepted| accepted.when_published.take()) {
            hook();
        }
        self.unsynced.extend(group.iter().map(|accepted| Arc::clone(&accepted.record)));
        match durability {
            Durability::Sync => self.announce(),
            Durability::Async => {
                self.unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        for Accepted { seq, held, done, .. } in group {
            drop(held);
            // Whoever no longer waits has gone away; the commit stands.
            let _ = done.send(Ok(seq));
        }
    }

    fn remember_stamps(&self, group: &[Accepted]) {
        if group.iter().all(|accepted| accepted.created.is_empty() && accepted.dropped.is_empty()) {
            return;
        }
        let mut stamps = self.parts.stamps.write();
        for accepted in group {
            for &generation in &accepted.created {
                stamps.insert(generation, (accepted.seq, accepted.record.committed_at_us));
            }
            for generation in &accepted.dropped {
                stamps.remove(generation);
            }
        }
    }

    /// Everything published is durable now: the feed may have it.
    fn announce(&mut self) {
        self.unsynced_since = None;
        self.parts.feed.append(mem::take(&mut self.unsynced));
    }

    /// Makes durable what was acknowledged before its sync.
    fn sync_late(&mut self) {
        if self.unsynced_since.is_none() {
            return;
        }
        match self.parts.kv.sync() {
            Ok(()) => self.announce(),
            Err(error) => {
                self.unsynced_since = None;
                self.unsynced.clear();
                self.parts.health.refuse(&error.to_string());
            }
        }
    }

    /// A durable step failed: nobody can say whether the group happened.
    fn abandon(&mut self, error: &Error, group: Vec<Accepted>) {
        let reason = error.to_string();
        self.parts.health.refuse(&reason);
        self.unsynced_since = None;
        self.unsynced.clear();
        for Accepted { held, done, .. } in group {
            drop(held);
            let _ = done.send(Err(Error::CommitOutcomeUnknown { reason: reason.clone() }));
        }
    }
}

/// Lets nobody wait for a committer that is gone, even if it panicked.
struct StopGuard {
    queue: Arc<Queue>,
    health: Arc<Health>,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.health.refuse("the committer stopped");
        }
        self.queue.close();
        // Dropping what still waits tells its owners.
        let _ = self.queue.take(Some(Duration::ZERO));
    }
}
