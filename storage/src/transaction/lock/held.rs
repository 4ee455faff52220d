//! The locks of one transaction, in the order they were taken.
//!
//! The order is what a savepoint needs: rolling back to it gives up what came after. Dropping this gives up everything,
//! so whoever finishes the transaction (its owner, or the committer after publishing) only has to let go of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::mode::{Mode, Modes, TableLock, Wait};
use super::{LockName, LockTable, LockTarget, Requested};
use crate::error::{Error, Result};
use crate::id::{TableId, TransactionId};

/// How a lock was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acquired {
    AtOnce,
    /// Somebody else had it before: what was read earlier may have changed.
    AfterWaiting,
    /// Not at all (`Wait::Skip`).
    Skipped,
}

/// What a transaction holds.
#[derive(Debug)]
pub(crate) struct HeldLocks {
    table: Arc<LockTable>,
    owner: TransactionId,
    log: Vec<(LockName, Mode)>,
    /// The modes held of each table: asking again, as every statement does, costs nothing, and no mode is taken twice.
    tables: Vec<(TableId, Modes)>,
}

impl HeldLocks {
    pub(crate) fn new(table: Arc<LockTable>, owner: TransactionId) -> Self {
        Self { table, owner, log: Vec::new(), tables: Vec::new() }
    }

    pub(crate) fn owner(&self) -> TransactionId {
        self.owner
    }

    /// How many locks were taken so far; a place to come back to with `release_after`.
    pub(crate) fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether nobody else can write to the table or lock a row of it: each of them holds ROW SHARE of the table at least,
    /// which goes with every mode but these two.
    pub(crate) fn keep_out_writers(&self, table: TableId) -> bool {
        let [exclusive, access_exclusive] = [TableLock::Exclusive, TableLock::AccessExclusive].map(Mode::from);
        let either = exclusive.bit().with(access_exclusive.bit());
        self.tables.iter().any(|(held, modes)| *held == table && modes.intersects(either))
    }

    /// Takes a lock, or a stronger mode of one that is held already. Dropping the future leaves the queue.
    pub(crate) async fn acquire(&mut self, target: LockTarget, mode: Mode, wait: Wait) -> Result<Acquired> {
        if self.covers(&target, mode) {
            return Ok(Acquired::AtOnce);
        }
        let name = self.table.name(target);
        let may_wait = matches!(wait, Wait::Forever | Wait::For(_));
        match self.table.request(self.owner, &name, mode, may_wait) {
            Requested::Granted => {
                self.note(name, mode);
                Ok(Acquired::AtOnce)
            }
            Requested::Held => Ok(Acquired::AtOnce),
            Requested::Busy if wait == Wait::Skip => Ok(Acquired::Skipped),
            Requested::Busy => Err(Error::LockNotAvailable),
            Requested::Queued(granted) => {
                let name = self.wait(name, mode, wait, granted).await?;
                self.note(name, mode);
                Ok(Acquired::AfterWaiting)
            }
        }
    }

    /// Takes a lock if it is free.
    pub(crate) fn try_acquire(&mut self, target: LockTarget, mode: Mode) -> bool {
        if self.covers(&target, mode) {
            return true;
        }
        let name = self.table.name(target);
        match self.table.request(self.owner, &name, mode, false) {
            Requested::Granted => {
                self.note(name, mode);
                true
            }
            Requested::Held => true,
            Requested::Busy | Requested::Queued(_) => false,
        }
    }

    /// Whether the modes held of a table make another needless.
    fn covers(&self, target: &LockTarget, mode: Mode) -> bool {
        let LockTarget::Table(table) = target else { return false };
        self.tables.iter().any(|(held, modes)| held == table && modes.cover(mode))
    }

    /// Takes over what another list of the same owner holds.
    pub(crate) fn absorb(&mut self, other: &mut HeldLocks) {
        debug_assert_eq!(self.owner, other.owner);
        self.log.append(&mut other.log);
        self.tables.append(&mut other.tables);
    }

    /// Gives up one lock that is not a table's, if it is held.
    pub(crate) fn release_one(&mut self, target: &LockTarget, mode: Mode) {
        let held = |(name, held): &(LockName, Mode)| name.target == *target && *held == mode;
        if let Some(at) = self.log.iter().rposition(held) {
            let (name, mode) = self.log.remove(at);
            self.table.release(self.owner, &name, mode);
        }
    }

    fn note(&mut self, name: LockName, mode: Mode) {
        if let LockTarget::Table(table) = name.target {
            match self.tables.iter_mut().find(|(held, _)| *held == table) {
                Some((_, modes)) => *modes = modes.with(mode.bit()),
                None => self.tables.push((table, mode.bit())),
            }
        }
        self.log.push((name, mode));
    }

    /// Sleeps until the lock is granted, after making sure that it can be.
    async fn wait(&self, name: LockName, mode: Mode, wait: Wait, granted: oneshot::Receiver<()>) -> Result<LockName> {
        let mut place = Place { table: &self.table, owner: self.owner, name, mode, granted: false };
        if self.table.closes_cycle(self.owner, &place.name) {
            return Err(Error::Deadlock);
        }
        let answer = match wait {
            Wait::For(limit) => tokio::time::timeout(limit, granted).await.map_err(|_| Error::LockNotAvailable)?,
            Wait::Forever | Wait::No | Wait::Skip => granted.await,
        };
        answer.map_err(|_| Error::LockNotAvailable)?;
        place.granted = true;
        Ok(place.name.clone())
    }

    /// Gives up the locks and the stronger modes that were taken when `len` locks had been.
    pub(crate) fn release_after(&mut self, len: usize) {
        for (name, mode) in self.log.drain(len.min(self.log.len())..).rev() {
            self.table.release(self.owner, &name, mode);
            if let LockTarget::Table(table) = name.target
                && let Some(at) = self.tables.iter().rposition(|(held, _)| *held == table)
            {
                self.tables[at].1 = self.tables[at].1.without(mode.bit());
                if self.tables[at].1.is_empty() {
                    self.tables.swap_remove(at);
                }
            }
        }
    }
}

impl Drop for HeldLocks {
    fn drop(&mut self) {
        self.release_after(0);
    }
}

/// A place in a lock's queue; dropped before the lock is granted, it is left.
struct Place<'a> {
    table: &'a LockTable,
    owner: TransactionId,
    name: LockName,
    mode: Mode,
    granted: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.table.no_longer_waits(self.owner);
        if !self.granted {
            self.table.withdraw(self.owner, &self.name, self.mode);
        }
    }
}
