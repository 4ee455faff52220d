//! The lock table: rows, unique keys, names and tables, locked by transactions to their end.
//!
//! Asking is one short critical section on one of many shards. Only who must wait pays more: it joins the lock's queue
//! with a channel, looks for a deadlock, and sleeps without holding a thread. Whoever gives a lock up hands it to the
//! next in the queue, so a lock never lies free while somebody waits for it. A dropped future leaves the queue.
//!
//! Locks outlive nothing: they are in memory, and a commit is published before its locks are released, so that whoever
//! gets a lock finds all that its former holders committed.

mod deadlock;
mod held;
mod mode;
mod queue;
mod session;
#[cfg(test)]
mod tests;
mod weak;

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use bytes::Bytes;
pub(crate) use held::{Acquired, HeldLocks};
pub(crate) use mode::Mode;
pub use mode::{RowLock, TableLock, Wait};
use parking_lot::Mutex;
pub use session::SessionLocks;
use tokio::sync::oneshot;

use crate::id::{TableId, TransactionId};
use deadlock::WaitGraph;
use queue::{Answer, Queue, Signal};
use weak::WeakLocks;

/// Shards of the table; a power of two. Enough that cores rarely meet on one.
const SHARDS: usize = 64;

/// What is locked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockTarget {
    /// A table.
    Table(TableId),
    /// A row by its whole key, or a key of a unique index by its whole prefix; generations keep them apart.
    Key(Bytes),
    /// Anything else that transactions agree on by name.
    Name(Bytes),
}

/// A lock somebody holds or awaits, for views of activity.
#[derive(Debug, Clone)]
pub struct LockInfo {
    pub owner: TransactionId,
    pub target: LockTarget,
    /// PostgreSQL's name of the mode.
    pub mode: &'static str,
    pub granted: bool,
}

/// A target with its hash, computed once for taking and giving up.
#[derive(Debug, Clone)]
pub(crate) struct LockName {
    hash: u64,
    target: LockTarget,
}

impl PartialEq for LockName {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.target == other.target
    }
}

impl Eq for LockName {}

impl Hash for LockName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Passes on the hash that a `LockName` already has.
#[derive(Debug, Default)]
struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only whole hashes arrive, by `write_u64`; other input still gives a usable value.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Shard = HashMap<LockName, Queue, BuildHasherDefault<Prehashed>>;

/// A shard on a cache line of its own, so that neighbours do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(64))]
struct ShardCell(Mutex<Shard>);

/// All locks of a store.
#[derive(Debug)]
pub(crate) struct LockTable {
    shards: Box<[ShardCell]>,
    hasher: RandomState,
    weak: WeakLocks,
    graph: WaitGraph,
}

/// What asking for a lock led to.
enum Requested {
    Granted,
    Held,
    Busy,
    Queued(oneshot::Receiver<()>),
}

impl LockTable {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ShardCell::default()).collect(),
            hasher: RandomState::new(),
            weak: WeakLocks::new(),
            graph: WaitGraph::default(),
        }
    }

    /// The name under which `target` is locked.
    pub(crate) fn name(&self, target: LockTarget) -> LockName {
        let hash = match &target {
            // Numbers that we give out need no defence, only spreading.
            LockTarget::Table(table) => u64::from(table.0).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            target => self.hasher.hash_one(target),
        };
        LockName { hash, target }
    }

    /// Every lock held or awaited, shard by shard: a picture for people, not one instant.
    pub(crate) fn list(&self) -> Vec<LockInfo> {
        let mut list = Vec::new();
        for (owner, table, modes) in self.weak.list() {
            let info =
                |mode: Mode| LockInfo { owner, target: LockTarget::Table(table), mode: mode.name(), granted: true };
            list.extend(modes.iter().map(info));
        }
        for shard in &self.shards {
            for (name, queue) in shard.0.lock().iter() {
                let info = |owner, mode: Mode, granted| LockInfo {
                    owner,
                    target: name.target.clone(),
                    mode: mode.name(),
                    granted,
                };
                for holder in queue.holders() {
                    list.extend(holder.modes.iter().map(|mode| info(holder.owner, mode, true)));
                }
                list.extend(queue.waiters().map(|waiter| info(waiter.owner, waiter.mode, false)));
            }
        }
        list
    }

    fn shard(&self, name: &LockName) -> &Mutex<Shard> {
        // The map inside uses the lowest and the highest bits.
        &self.shards[(name.hash >> 24) as usize % SHARDS].0
    }

    /// Takes the lock if it is free; otherwise joins its queue if `queue` says so.
    fn request(&self, owner: TransactionId, name: &LockName, mode: Mode, queue: bool) -> Requested {
        let LockTarget::Table(table) = name.target else { return self.request_queue(owner, name, mode, queue) };
        if mode.is_weak_table_mode() {
            return match self.weak.request(owner, table, mode) {
                Some(Answer::Granted) => Requested::Granted,
                Some(Answer::Held) => Requested::Held,
                Some(Answer::Busy) | None => self.request_queue(owner, name, mode, queue),
            };
        }
        self.weak.close(table);
        let requested = self.request_queue(owner, name, mode, queue);
        if matches!(requested, Requested::Held | Requested::Busy) {
            self.weak.open(table);
        }
        requested
    }

    fn request_queue(&self, owner: TransactionId, name: &LockName, mode: Mode, queue: bool) -> Requested {
        let mut shard = self.shard(name).lock();
        let lock = shard.entry(name.clone()).or_default();
        if let LockTarget::Table(table) = name.target
            && !mode.is_weak_table_mode()
        {
            self.weak.move_into(table, lock);
        }
        match lock.request(owner, mode) {
            Answer::Granted => Requested::Granted,
            Answer::Held => Requested::Held,
            Answer::Busy if queue => {
                let (signal, granted) = oneshot::channel();
                lock.enqueue(owner, mode, signal);
                Requested::Queued(granted)
            }
            Answer::Busy => Requested::Busy,
        }
    }

    /// Gives up one mode of a lock.
    fn release(&self, owner: TransactionId, name: &LockName, mode: Mode) {
        if let LockTarget::Table(table) = name.target
            && mode.is_weak_table_mode()
            && self.weak.release(owner, table, mode)
        {
            return;
        }
        wake(self.change(name, |queue| queue.release(owner, mode.bit())));
        self.reopen(name, mode);
    }

    /// Leaves the queue of a lock, or gives up what was granted meanwhile.
    fn withdraw(&self, owner: TransactionId, name: &LockName, mode: Mode) {
        wake(self.change(name, |queue| queue.withdraw(owner, mode)));
        self.reopen(name, mode);
    }

    /// A mode that kept weak locks of its table off the fast path is given up.
    fn reopen(&self, name: &LockName, mode: Mode) {
        if let LockTarget::Table(table) = name.target
            && !mode.is_weak_table_mode()
        {
            self.weak.open(table);
        }
    }

    /// Changes a lock's queue, forgetting the lock when nobody has to do with it any more.
    fn change(&self, name: &LockName, change: impl FnOnce(&mut Queue) -> Vec<Signal>) -> Vec<Signal> {
        let mut shard = self.shard(name).lock();
        let Some(queue) = shard.get_mut(name) else { return Vec::new() };
        let woken = change(queue);
        if queue.is_idle() {
            shard.remove(name);
        }
        woken
    }
}

/// Tells waiters that they hold their lock now. Called without a shard locked, since it may run a scheduler.
fn wake(signals: Vec<Signal>) {
    for signal in signals {
        // One who stopped listening gives the lock up by itself.
        let _ = signal.send(());
    }
}
