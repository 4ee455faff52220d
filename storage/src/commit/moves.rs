//! Moves: rows change their place, from hot to cold or from one segment to another, and nothing else about them.
//!
//! A move is prepared beside the running commits and decided by one of its own. Two things keep it from losing a change:
//! a *watch*, begun before the mover looks at the rows, collects the keys that commits write meanwhile; and whoever commits
//! a change of rows holds a *pass* from the moment he looks up where the old versions lie until the commit has its place in
//! the order, so that no move is ordered in between.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::CommitRequest;
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::{KeyRange, generation_of};
use crate::kv::Family;
use crate::segment::{Mark, Segment};

/// Keys that a watch collects before the move is given up.
const WATCHED_KEYS_MAX: usize = if cfg!(test) { 200 } else { 2_000_000 };

/// How often a move looks whether the long commits have ended.
const PINNED_PAUSE: Duration = Duration::from_millis(20);

/// What moves and commits of one store know of each other.
#[derive(Default)]
pub(crate) struct Moves {
    gate: RwLock<()>,
    /// Commits under way that take too long to hold the gate.
    pins: AtomicUsize,
    watches: Mutex<FxHashMap<GenerationId, Watch>>,
    /// How many watches there are, so that commits need not look.
    watching: AtomicUsize,
}

/// The keys of one generation that were written since the watch began.
#[derive(Default)]
struct Watch {
    keys: FxHashSet<Bytes>,
    /// There were too many to collect.
    lost: bool,
}

/// A watch that goes on until this is dropped.
pub(crate) struct Watching {
    moves: Arc<Moves>,
    generation: GenerationId,
}

/// Keeps moves from being decided.
pub(crate) struct Pin<'a>(&'a Moves);

/// Rows that have another place from this commit on.
pub(crate) struct Move {
    pub(crate) generation: GenerationId,
    pub(crate) watching: Arc<Watching>,
    pub(crate) added: Vec<Arc<Segment>>,
    /// Segments that are no more.
    pub(crate) removed: Vec<GenerationId>,
    /// Hot rows that are in the added segments now.
    pub(crate) emptied: Vec<KeyRange>,
    /// Hot rows within those ranges that stay.
    pub(crate) kept: HashSet<Bytes>,
    /// Where rows that were written meanwhile lie in the added segments, as far as it has been looked up.
    pub(crate) located: FxHashMap<Bytes, Option<Mark>>,
}

impl Moves {
    /// Taken before old versions are looked up, and kept until the commit has its place.
    pub(crate) async fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().await
    }

    /// The same for a commit that takes long: others go on, only moves wait.
    pub(crate) async fn pin(&self) -> Pin<'_> {
        self.pins.fetch_add(1, Ordering::SeqCst);
        let pin = Pin(self);
        drop(self.gate.read().await);
        pin
    }

    /// Waits until no commit is between looking up places and its own place; none begins while the guard is held.
    pub(crate) async fn close(&self) -> RwLockWriteGuard<'_, ()> {
        loop {
            let closed = self.gate.write().await;
            if self.pins.load(Ordering::SeqCst) == 0 {
                return closed;
            }
            drop(closed);
            tokio::time::sleep(PINNED_PAUSE).await;
        }
    }

    /// Begins to collect the keys that commits write in a generation. `None` if somebody does already.
    pub(crate) fn watch(self: &Arc<Self>, generation: GenerationId) -> Option<Watching> {
        let mut watches = self.watches.lock();
        if watches.contains_key(&generation) {
            return None;
        }
        watches.insert(generation, Watch::default());
        self.watching.fetch_add(1, Ordering::SeqCst);
        Some(Watching { moves: Arc::clone(self), generation })
    }

    /// Has the watches take notice of a commit that is given its place.
    pub(super) fn notice(&self, request: &CommitRequest) {
        if self.watching.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut watches = self.watches.lock();
        for row in &request.rows {
            if let Some(watch) = watches.get_mut(&row.key.generation()) {
                watch.lost |= watch.keys.len() >= WATCHED_KEYS_MAX;
                if !watch.lost {
                    watch.keys.insert(row.key.clone().into_bytes());
                }
            }
        }
        for (family, generation) in request.load.iter().flat_map(|load| &load.touched) {
            if *family == Family::Rows
                && let Some(watch) = watches.get_mut(generation)
            {
                watch.lost = true;
            }
        }
        let emptied = request.emptied.iter().flat_map(|emptied| emptied.contents());
        for generation in request.dropped.iter().copied().chain(emptied) {
            if let Some(watch) = watches.get_mut(&generation) {
                watch.lost = true;
            }
        }
    }
}

impl Watching {
    /// The keys so far; `None` if they could not be collected.
    pub(crate) fn keys(&self) -> Option<Vec<Bytes>> {
        let watches = self.moves.watches.lock();
        let watch = watches.get(&self.generation)?;
        (!watch.lost).then(|| watch.keys.iter().cloned().collect())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.moves.watches.lock().remove(&self.generation);
        self.moves.watching.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Move {
    /// Looks up where the rows lie that were written since the last call.
    pub(crate) fn look_up(&mut self) -> Result<()> {
        for key in self.watching.keys().ok_or(Error::MoveLost)? {
            if !self.located.contains_key(&key) {
                let mark = self.locate(&key)?;
                self.located.insert(key, mark);
            }
        }
        Ok(())
    }

    /// Where a row lies in the added segments.
    pub(crate) fn locate(&self, key: &[u8]) -> Result<Option<Mark>> {
        if let Some(known) = self.located.get(key) {
            return Ok(*known);
        }
        debug_assert_eq!(generation_of(key), self.generation, "a row of another table");
        for segment in &self.added {
            if let Some(mark) = segment.position(key)? {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }
}
