//! A snapshot that goes from one transaction to another.

use std::sync::Arc;

use super::{Isolation, Transaction};
use crate::commit::Published;

/// What is committed at one moment, for another transaction to see too.
#[derive(Clone)]
pub struct Snapshot(Arc<Published>);

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Snapshot").field(&self.0.seq).finish()
    }
}

impl Transaction {
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(Arc::clone(&self.snapshot))
    }

    /// Sees what the snapshot has, to its end: for a REPEATABLE READ transaction that has not begun a command yet.
    pub fn set_snapshot(&mut self, snapshot: &Snapshot) {
        if self.fresh && self.isolation == Isolation::RepeatableRead {
            self.snapshot = Arc::clone(&snapshot.0);
            self.fresh = false;
        }
    }
}
