//! Spilling: rows and index entries that are too many for memory go to layers on disk, where the commit takes them from.
//!
//! A thread of its own writes them, in the order of their keys, while the transaction waits. The write set stays as it is
//! until all is there; then an empty one takes its place. So a statement that is given up meanwhile has lost nothing: what
//! did get to the newest layer by then is still in memory too, over it, and layers that were begun are deleted. Whoever
//! writes to the write set or goes back in it first waits for the thread.
//!
//! One layer is enough, since it takes later values in place of earlier ones, unless a savepoint may want the earlier ones
//! back: a layer that belongs to what a savepoint comes back to is not written any more. A write set in which savepoints
//! were set is cut there, and what lies before each of them goes to a layer beneath what lies behind it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use super::Transaction;
use super::background::Background;
use super::layers::{Layer, Layers};
use super::overlay::Overlay;
use super::savepoint::{Mark, Savepoints};
use super::write_set::{Part, SPILLED, WriteSet};
use crate::commit::{Load, append_staged, staged_key, unstaged_key};
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::generation_of;
use crate::kv::{Batch, Family, SortedRun};
use crate::store::Store;

/// A write set that takes this much is spilled. Tests make do with little, here and below, to see every way.
const SPILL_BYTES: usize = if cfg!(test) { 8 << 10 } else { 64 << 20 };

/// Of the memory that a transaction may take, the part after which it spills, where that comes first.
const SPILL_FRACTION: usize = 4;

/// What goes to the store at a time.
const RUN_BYTES: usize = if cfg!(test) { 1 << 10 } else { 16 << 20 };

/// Less than this is written in bulk: a file of its own would cost more.
const INGESTED_BYTES_MIN: usize = if cfg!(test) { 512 } else { 1 << 20 };

/// The layers of a transaction.
#[derive(Default)]
pub(super) struct Staged {
    /// Oldest first.
    layers: Vec<Layer>,
    view: Option<Arc<Layers>>,
    /// What the current command saw when it began, once it has spilled something itself.
    at_command: Option<Option<Overlay>>,
    /// A spill that nobody has waited for to the end.
    in_flight: Option<Background<Spill>>,
    /// Something was written in bulk and not flushed.
    unflushed: bool,
}

/// One spill, as its thread works on it.
struct Spill {
    store: Store,
    writes: Arc<RwLock<WriteSet>>,
    /// Where the savepoints stand, outermost first; afterwards, where they stand in `kept`.
    marks: Vec<Mark>,
    layers: Vec<Layer>,
    /// How many layers there were before.
    layers_before: usize,
    unflushed: bool,
    /// What stays in memory.
    kept: WriteSet,
    result: Result<()>,
}

impl Staged {
    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    pub(super) fn layers_len(&self) -> usize {
        self.layers.len()
    }

    pub(super) fn view(&self) -> Option<&Arc<Layers>> {
        self.view.as_ref()
    }

    /// What a view of the current command sees, if that is not simply what earlier commands have written.
    pub(super) fn at_command(&self) -> Option<&Option<Overlay>> {
        self.at_command.as_ref()
    }

    pub(super) fn forget_command(&mut self) {
        self.at_command = None;
    }

    /// What was made of a key, if it was spilled: `Some(None)` is a deletion.
    pub(super) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Option<Bytes>>> {
        self.view.as_ref().map_or(Ok(None), |view| view.get(family, key))
    }

    /// Whether a key lies behind all that was spilled.
    pub(super) fn ends_before(&self, family: Family, key: &[u8]) -> bool {
        self.layers.iter().all(|layer| layer.ends_before(family, key))
    }

    /// What the committer has to know.
    pub(super) fn load(&self) -> Load {
        let touched: BTreeSet<_> = self.layers.iter().flat_map(|layer| &layer.touched).collect();
        let tables: BTreeSet<_> = self.layers.iter().flat_map(|layer| &layer.tables).collect();
        Load {
            layers: self.layers.iter().map(|layer| layer.id).collect(),
            touched: touched.into_iter().copied().collect(),
            tables: tables.into_iter().copied().collect(),
            leaves_garbage: self.layers.iter().any(|layer| layer.leaves_garbage),
            marked: self.layers.iter().flat_map(|layer| &layer.marked).copied().collect(),
        }
    }

    /// Lays another layer on top.
    pub(super) fn add(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    /// Waits for a spill that was given up, and deletes the layers that it began.
    pub(super) fn give_up(&mut self, store: &Store) {
        match self.in_flight.take().map(Background::join) {
            None => {}
            Some(Ok(spill)) => self.keep_known(store, spill),
            Some(Err(error)) => tracing::warn!(%error, "a spill ended; a restart deletes what it has left"),
        }
    }

    /// After a spill that came to nothing.
    fn keep_known(&mut self, store: &Store, mut spill: Spill) {
        let begun = spill.layers.split_off(spill.layers_before);
        self.layers = spill.layers;
        self.unflushed |= spill.unflushed;
        delete(store, begun.iter().map(|layer| layer.id));
    }

    /// Goes back to so many layers.
    pub(super) fn truncate(&mut self, store: &Store, len: usize) {
        if len >= self.layers.len() {
            return;
        }
        let gone = self.layers.split_off(len);
        self.view = self.view.take().filter(|_| len > 0).map(|view| Arc::new(view.oldest(len)));
        delete(store, gone.iter().map(|layer| layer.id));
    }

    /// Deletes everything.
    pub(super) fn discard(&mut self, store: &Store) {
        self.give_up(store);
        self.view = None;
        self.at_command = None;
        delete(store, std::mem::take(&mut self.layers).iter().map(|layer| layer.id));
    }

    fn look(&self, store: &Store) -> Result<Option<Arc<Layers>>> {
        if self.layers.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(Layers::new(&self.layers, store.kv().snapshot()?))))
    }
}

fn delete(store: &Store, layers: impl Iterator<Item = GenerationId>) {
    for layer in layers {
        if let Err(error) = store.discard_aside(layer) {
            // The record stays, so the next start tries again.
            tracing::warn!(%error, generation = layer.0, "what a transaction has staged was not deleted");
        }
    }
}

/// How large a write set may become when it was so large after the last spill.
pub(super) fn spill_at(store: &Store, kept_bytes: usize) -> usize {
    kept_bytes + SPILL_BYTES.min(store.options().transaction_bytes_max / SPILL_FRACTION)
}

impl Transaction {
    /// Whether the write set has grown so much that it should be spilled.
    pub(super) fn is_spill_due(&self) -> bool {
        self.write_bytes >= self.spill_at
    }

    /// Whether that should have been done long ago.
    pub(super) fn is_spill_overdue(&self) -> bool {
        self.write_bytes >= self.spill_at.saturating_mul(2)
    }

    /// Moves the rows and index entries of the write set to disk.
    pub(super) async fn spill(&mut self) -> Result<()> {
        self.start_spill(self.savepoints.marks(), false)?;
        self.await_spill().await;
        self.end_spill()
    }

    /// The same where nothing can be awaited.
    pub(super) fn spill_blocking(&mut self) -> Result<()> {
        self.start_spill(self.savepoints.marks(), false)?;
        self.end_spill()
    }

    /// Brings everything to disk and makes it durable, if there are layers; comes before the commit, so that no savepoint
    /// is come back to any more.
    pub(super) async fn spill_last(&mut self) -> Result<()> {
        self.give_up_spill();
        self.savepoints = Savepoints::default();
        if self.staged.as_ref().is_none_or(|staged| staged.is_empty()) {
            return Ok(());
        }
        self.start_spill(Vec::new(), true)?;
        self.await_spill().await;
        self.end_spill()
    }

    /// Whatever was given up half-way must not go on beside what comes next.
    pub(super) fn give_up_spill(&mut self) {
        if let Some(staged) = &mut self.staged {
            staged.give_up(&self.store);
        }
    }

    fn start_spill(&mut self, marks: Vec<Mark>, last: bool) -> Result<()> {
        self.give_up_spill();
        let Some(writes) = &self.writes else { return Ok(()) };
        let staged = self.staged.get_or_insert_default();
        let mut spill = Spill {
            store: self.store.clone(),
            writes: Arc::clone(writes),
            marks,
            layers: staged.layers.clone(),
            layers_before: staged.layers.len(),
            unflushed: staged.unflushed,
            kept: WriteSet::default(),
            result: Ok(()),
        };
        let work = move || {
            spill.result = spill.run(last);
            spill
        };
        staged.in_flight = Some(Background::start("spill", work)?);
        Ok(())
    }

    async fn await_spill(&mut self) {
        if let Some(in_flight) = self.staged.as_mut().and_then(|staged| staged.in_flight.as_mut()) {
            in_flight.ended().await;
        }
    }

    /// Goes over to what has been spilled.
    fn end_spill(&mut self) -> Result<()> {
        let Some(staged) = &mut self.staged else { return Ok(()) };
        let Some(in_flight) = staged.in_flight.take() else { return Ok(()) };
        let mut spill = in_flight.join()?;
        if let Err(error) = std::mem::replace(&mut spill.result, Ok(())) {
            staged.keep_known(&self.store, spill);
            return Err(error);
        }
        let before = self.staged.as_ref().and_then(|staged| staged.at_command.clone());
        let before = before.unwrap_or_else(|| self.seen_by_command());
        let Spill { marks, layers, unflushed, mut kept, .. } = spill;
        self.savepoints.set_marks(marks);
        kept.set_mark(self.savepoints.mark());
        self.write_bytes = kept.bytes();
        self.spill_at = spill_at(&self.store, kept.bytes());
        self.writes = Some(Arc::new(RwLock::new(kept)));
        let Some(staged) = &mut self.staged else { return Ok(()) };
        staged.layers = layers;
        staged.unflushed = unflushed;
        staged.at_command = Some(before);
        staged.view = staged.look(&self.store)?;
        Ok(())
    }

    /// What views of the current command see while it has spilled nothing.
    fn seen_by_command(&self) -> Option<Overlay> {
        let is_seen = self.staged.as_ref().is_some_and(|staged| !staged.is_empty())
            || self.writes.as_ref().is_some_and(|writes| writes.read().has_before(self.command));
        if is_seen { self.own_writes(self.command) } else { None }
    }
}

impl Spill {
    fn run(&mut self, last: bool) -> Result<()> {
        let writes = Arc::clone(&self.writes);
        let writes = writes.read();
        let (mut after, mut protected) = (None, 0);
        for at in 0..self.marks.len() {
            let mark = self.marks[at];
            if self.store_part(&writes, Part { after, up_to: Some(mark.log) }, protected)? {
                // All savepoints that were set later come back to this as well.
                let len = self.layers.len();
                self.marks[at..].iter_mut().for_each(|mark| mark.layers = len);
            }
            (after, protected) = (Some(mark.log), self.marks[at].layers);
        }
        self.store_part(&writes, Part { after, up_to: None }, protected)?;
        self.kept = writes.without_spilled(self.marks.iter_mut().map(|mark| &mut mark.log));
        if last && self.unflushed {
            self.store.flush_aside()?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Writes a part of the write set to the newest layer, or to a new one if that is protected. False if there was nothing.
    fn store_part(&mut self, writes: &WriteSet, part: Part, protected: usize) -> Result<bool> {
        let mut is_new = self.layers.len() <= protected;
        let mut any = false;
        let (mut run, mut value) = (SortedRun::new(), Vec::new());
        for family in SPILLED {
            let mut newest = None;
            for net in writes.net(family, part) {
                if std::mem::take(&mut is_new) {
                    self.begin_layer()?;
                }
                any = true;
                let layer = top(&mut self.layers)?;
                let generation = generation_of(net.key);
                if newest != Some((generation, net.table)) {
                    newest = Some((generation, net.table));
                    layer.touched.insert((family, generation));
                    if matches!(family, Family::Rows | Family::Stream) {
                        layer.tables.insert(net.table);
                    }
                }
                layer.leaves_garbage |= net.hides;
                value.clear();
                append_staged(net.value.map(|value| &value[..]), &mut value);
                if !run.push(&staged_key(layer.id, net.key), &value) {
                    return Err(Error::Corrupt { reason: "a write set is not in order".into() });
                }
                if run.bytes() >= RUN_BYTES {
                    self.store_run(family, &mut run)?;
                }
            }
            self.store_run(family, &mut run)?;
        }
        Ok(any)
    }

    fn begin_layer(&mut self) -> Result<()> {
        let layer = Layer::new(self.store.allocate_generation()?);
        self.store.record_aside(layer.id)?;
        self.layers.push(layer);
        Ok(())
    }

    /// Gives a run to the store, and empties it.
    fn store_run(&mut self, family: Family, run: &mut SortedRun) -> Result<()> {
        let (Some(first), Some(last)) = (run.first_key(), run.last_key()) else { return Ok(()) };
        let limit_bytes = self.store.options().transaction_disk_bytes_max;
        let bytes: u64 = self.layers.iter().map(|layer| layer.bytes).sum();
        if bytes + run.bytes() as u64 > limit_bytes {
            return Err(Error::TransactionTooLarge { setting: "transaction_disk_bytes_max", limit_bytes });
        }
        let layer = top(&mut self.layers)?;
        let is_behind = layer.ends_before(family, unstaged_key(first));
        layer.reaches(family, unstaged_key(last));
        layer.bytes += run.bytes() as u64;
        if is_behind && run.bytes() >= INGESTED_BYTES_MIN {
            self.store.check_writable()?;
            self.store.kv().ingest(family, run)?;
        } else {
            self.unflushed = true;
            self.store.write_aside(&Batch::of_run(family, run))?;
        }
        run.clear();
        Ok(())
    }
}

fn top(layers: &mut [Layer]) -> Result<&mut Layer> {
    layers.last_mut().ok_or_else(|| Error::Io("a layer is written that was not begun".into()))
}
