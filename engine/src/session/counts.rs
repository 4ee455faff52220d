//! What a session counts, for `system.stats` and `pg_stat_database`, and which transaction it is in.
//!
//! Only the session itself adds to its numbers, so that they cost next to nothing; who reads them adds up all sessions,
//! and what those that have ended leave behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use storage::{Isolation, Transaction};

use crate::plan::write::Action;

/// Numbers of one session, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) sessions: u64,
    pub(crate) requests: u64,
    pub(crate) commits: u64,
    pub(crate) rollbacks: u64,
    pub(crate) rows_returned: u64,
    pub(crate) rows_inserted: u64,
    pub(crate) rows_updated: u64,
    pub(crate) rows_deleted: u64,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.requests += other.requests;
        self.commits += other.commits;
        self.rollbacks += other.rollbacks;
        self.rows_returned += other.rows_returned;
        self.rows_inserted += other.rows_inserted;
        self.rows_updated += other.rows_updated;
        self.rows_deleted += other.rows_deleted;
    }
}

/// What a session has done so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    commits: AtomicU64,
    rollbacks: AtomicU64,
    rows_returned: AtomicU64,
    rows_inserted: AtomicU64,
    rows_updated: AtomicU64,
    rows_deleted: AtomicU64,
    /// The number of the transaction, 0 while there is none; how it is isolated, and whether it only reads.
    transaction: AtomicU64,
    isolation: AtomicU8,
    /// The owner of locks that outlast transactions, 0 while there was none.
    holder: Arc<AtomicU64>,
}

/// A transaction that a session is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InTransaction {
    pub(crate) id: u64,
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
}

const LEVELS: [Isolation; 3] = [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable];
const READ_ONLY: u8 = 128;

impl Counts {
    pub(crate) fn totals(&self, requests: u64) -> Totals {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals {
            sessions: 1,
            requests,
            commits: of(&self.commits),
            rollbacks: of(&self.rollbacks),
            rows_returned: of(&self.rows_returned),
            rows_inserted: of(&self.rows_inserted),
            rows_updated: of(&self.rows_updated),
            rows_deleted: of(&self.rows_deleted),
        }
    }

    pub(crate) fn begun(&self, transaction: &Transaction, read_only: bool) {
        let isolation = transaction.isolation();
        let level = LEVELS.iter().position(|level| *level == isolation).unwrap_or_default() as u8;
        self.isolation.store(level | if read_only { READ_ONLY } else { 0 }, Ordering::Relaxed);
        self.transaction.store(transaction.id().0, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, committed: bool) {
        self.transaction.store(0, Ordering::Relaxed);
        add(if committed { &self.commits } else { &self.rollbacks }, 1);
    }

    pub(crate) fn returned(&self, rows: u64) {
        add(&self.rows_returned, rows);
    }

    pub(crate) fn wrote(&self, action: &Action, rows: u64) {
        match action {
            Action::Insert(_) => add(&self.rows_inserted, rows),
            Action::Update(_) => add(&self.rows_updated, rows),
            Action::Delete(_) => add(&self.rows_deleted, rows),
            // Which of its rows went which way is not told.
            Action::Merge(_) | Action::OfKeys => {}
        }
    }

    /// Where the owner of the session's locks beside those of transactions is told.
    pub(crate) fn holder_told(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.holder)
    }

    pub(crate) fn holder(&self) -> Option<u64> {
        Some(self.holder.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    pub(crate) fn transaction(&self) -> Option<InTransaction> {
        let id = self.transaction.load(Ordering::Relaxed);
        let isolation = self.isolation.load(Ordering::Relaxed);
        (id != 0).then(|| InTransaction {
            id,
            isolation: LEVELS.get(usize::from(isolation & !READ_ONLY)).copied().unwrap_or(Isolation::ReadCommitted),
            read_only: isolation & READ_ONLY != 0,
        })
    }
}

/// Adds to what nobody else writes.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}
