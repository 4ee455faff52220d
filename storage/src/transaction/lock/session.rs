//! Locks by name that a session holds beside those of its transactions, and longer.
//!
//! A session waits for one lock at a time, in whichever of its roles: for deadlocks, its transaction and itself are one.

use std::sync::Arc;

use bytes::Bytes;

use super::held::{Acquired, HeldLocks};
use super::{LockTable, LockTarget, Mode, RowLock, Wait};
use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::store::Store;
use crate::transaction::Transaction;

/// The locks of a session. Dropping it gives them up.
#[derive(Debug)]
pub struct SessionLocks {
    table: Arc<LockTable>,
    held: HeldLocks,
    transaction: Option<TransactionId>,
}

impl Store {
    /// A session that holds nothing yet.
    pub fn session_locks(&self) -> SessionLocks {
        let table = Arc::clone(self.locks());
        let held = HeldLocks::new(Arc::clone(&table), self.next_transaction());
        SessionLocks { table, held, transaction: None }
    }
}

impl SessionLocks {
    /// The owner that others see of these locks.
    pub fn id(&self) -> TransactionId {
        self.held.owner()
    }

    /// Takes a lock if it is free.
    pub fn try_acquire(&mut self, name: &[u8], exclusive: bool) -> bool {
        self.held.try_acquire(target(name), mode(exclusive))
    }

    /// Waits for a lock apart from `self`, so that the session can be looked at meanwhile; [`SessionLocks::absorb`] what
    /// comes of it. Dropping the future leaves the queue.
    pub fn waiting(
        &self,
        name: &[u8],
        exclusive: bool,
        wait: Wait,
    ) -> impl Future<Output = Result<SessionLocks>> + use<> {
        let mut apart = SessionLocks {
            table: Arc::clone(&self.table),
            held: HeldLocks::new(Arc::clone(&self.table), self.held.owner()),
            transaction: None,
        };
        let target = target(name);
        async move {
            match apart.held.acquire(target, mode(exclusive), wait).await? {
                Acquired::AtOnce | Acquired::AfterWaiting => Ok(apart),
                Acquired::Skipped => Err(Error::LockNotAvailable),
            }
        }
    }

    /// Takes over what was waited for.
    pub fn absorb(&mut self, mut apart: SessionLocks) {
        self.held.absorb(&mut apart.held);
    }

    pub fn release(&mut self, name: &[u8], exclusive: bool) {
        self.held.release_one(&target(name), mode(exclusive));
    }

    /// Says which transaction the session is in, so that a deadlock between its locks and the session's is seen.
    pub fn enter(&mut self, transaction: &Transaction) {
        self.leave();
        self.table.join(transaction.id(), self.held.owner());
        self.transaction = Some(transaction.id());
    }

    /// The transaction is over.
    pub fn leave(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            self.table.part(transaction);
        }
    }
}

impl Drop for SessionLocks {
    fn drop(&mut self) {
        self.leave();
    }
}

fn target(name: &[u8]) -> LockTarget {
    LockTarget::Name(Bytes::copy_from_slice(name))
}

fn mode(exclusive: bool) -> Mode {
    if exclusive { RowLock::Update.into() } else { RowLock::Share.into() }
}
