//! Snapshots that other sessions may take over: `pg_export_snapshot` and SET TRANSACTION SNAPSHOT.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use storage::{Isolation, Snapshot};

use super::Session;
use super::transaction::TransactionState;
use crate::error::{Error, Result, SqlState};

/// What open transactions let others see, by identifier.
#[derive(Debug, Default)]
pub(crate) struct ExportedSnapshots(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    snapshots: HashMap<String, Snapshot>,
}

/// An exported snapshot, which lasts as long as this.
#[derive(Debug)]
pub(crate) struct Export {
    from: Arc<ExportedSnapshots>,
    identifier: String,
}

impl ExportedSnapshots {
    /// An identifier that no other snapshot has.
    pub(crate) fn new_identifier(&self) -> String {
        let mut table = self.0.lock();
        table.last += 1;
        format!("{:08X}-{:08X}-1", table.last >> 32, table.last & u64::from(u32::MAX))
    }

    fn export(self: &Arc<Self>, identifier: String, snapshot: Snapshot) -> Export {
        self.0.lock().snapshots.insert(identifier.clone(), snapshot);
        Export { from: self.clone(), identifier }
    }

    fn find(&self, identifier: &str) -> Option<Snapshot> {
        self.0.lock().snapshots.get(identifier).cloned()
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.from.0.lock().snapshots.remove(&self.identifier);
    }
}

impl Session {
    /// Lets others see what the open transaction sees, under the identifiers that `pg_export_snapshot` has answered.
    pub(super) fn export_snapshots(&mut self, identifiers: Vec<String>) -> Result<()> {
        let registry = self.facts.snapshots.clone();
        let Some(open) = self.state.open_mut() else { return Ok(()) };
        if !identifiers.is_empty() && !open.savepoints.is_empty() {
            let message = "cannot export a snapshot from a subtransaction";
            return Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
        }
        for identifier in identifiers {
            let export = registry.export(identifier, open.transaction.snapshot());
            open.exports.push(export);
        }
        Ok(())
    }

    /// SET TRANSACTION SNAPSHOT.
    pub(super) fn import_snapshot(&mut self, identifier: &str) -> Result<()> {
        let registry = self.facts.snapshots.clone();
        let TransactionState::Explicit(open) = &mut self.state else {
            return match self.settings.active().default_isolation.isolation() {
                Isolation::ReadCommitted => Err(not_kept()),
                _ => {
                    let message = "SET TRANSACTION can only be used in transaction blocks";
                    self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, message);
                    Ok(())
                }
            };
        };
        if open.used {
            let message = "SET TRANSACTION SNAPSHOT must be called before any query";
            return Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
        }
        match open.isolation() {
            Isolation::RepeatableRead => {}
            Isolation::Serializable => return Err(Error::unsupported("SET TRANSACTION SNAPSHOT under SERIALIZABLE")),
            Isolation::ReadCommitted => return Err(not_kept()),
        }
        let snapshot = registry.find(identifier).ok_or_else(|| {
            let message = format!("invalid snapshot identifier: \"{identifier}\"");
            Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
        })?;
        open.transaction.set_snapshot(&snapshot);
        open.used = true;
        Ok(())
    }
}

/// A READ COMMITTED transaction has no snapshot to keep.
fn not_kept() -> Error {
    let message = "a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ";
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}
