//! What `pg_cursors` and `pg_prepared_statements` tell of a session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use storage::RowKey;

use crate::error::{Error, Result, SqlState};

/// One cursor.
#[derive(Debug, Clone)]
pub(crate) struct CursorFacts {
    pub name: String,
    pub statement: Arc<str>,
    pub is_holdable: bool,
    pub is_binary: bool,
    pub is_scrollable: bool,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// The rows that its query has locked, if it does lock rows.
    pub locked: Option<Arc<LockedRows>>,
    /// Whether its transaction is over.
    pub is_held: bool,
}

/// The rows that a cursor's query has locked, and on which of them the cursor stands: for WHERE CURRENT OF.
#[derive(Debug)]
pub(crate) struct LockedRows {
    /// Oids of the tables that the locking clauses are about.
    pub tables: Vec<u32>,
    /// For each row of the query, the key of the row of each of these tables, if there is one.
    pub keys: LockedKeys,
    /// From 1; 0 is before the first row.
    pub position: Arc<AtomicU64>,
}

pub(crate) type LockedKeys = Vec<Vec<Option<RowKey>>>;

/// One prepared statement that has a name.
#[derive(Debug, Clone)]
pub(crate) struct PreparedFacts {
    pub statement: Arc<str>,
    /// The types of its parameters.
    pub params: Vec<u32>,
    /// Whether PREPARE has made it, and not the protocol.
    pub from_sql: bool,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
}

/// The cursors that a session has declared and the statements it has prepared, as it told last.
#[derive(Debug, Default)]
pub struct NamedHandles {
    cursors: Mutex<Vec<CursorFacts>>,
    /// Whether a query that locks rows is to say which.
    notes_locked: AtomicBool,
    locked: Mutex<LockedKeys>,
    prepared: Mutex<BTreeMap<String, PreparedFacts>>,
}

impl NamedHandles {
    pub(crate) fn tell(&self, cursors: Vec<CursorFacts>) {
        *self.cursors.lock() = cursors;
    }

    pub(crate) fn all(&self) -> Vec<CursorFacts> {
        self.cursors.lock().clone()
    }

    /// From here on a query that locks rows says which.
    pub(crate) fn begin_noting(&self) {
        self.locked.lock().clear();
        self.notes_locked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_noting(&self) -> bool {
        self.notes_locked.load(Ordering::Relaxed)
    }

    pub(crate) fn note_locked(&self, keys: LockedKeys) {
        *self.locked.lock() = keys;
    }

    /// What was said since `begin_noting`.
    pub(crate) fn end_noting(&self) -> LockedKeys {
        self.notes_locked.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.locked.lock())
    }

    /// The key of the table's row on which a cursor stands; None if the cursor's row has none of that table. 34000 and 24000 for
    /// cursors that are not there, stand on no row, or do not lock the table's rows (0A000 if they lock none at all).
    pub(crate) fn current_row(&self, cursor: &str, table: u32, table_name: &str) -> Result<Option<RowKey>> {
        let invalid =
            |words: String| Error::new(SqlState::INVALID_CURSOR_STATE, format!("cursor \"{cursor}\" {words}"));
        let cursors = self.cursors.lock();
        let Some(facts) = cursors.iter().find(|facts| facts.name == cursor) else {
            let message = format!("cursor \"{cursor}\" does not exist");
            return Err(Error::new(SqlState::INVALID_CURSOR_NAME, message));
        };
        if facts.is_held {
            return Err(invalid("is held from a previous transaction".to_owned()));
        }
        let Some(locked) = &facts.locked else {
            return Err(Error::unsupported("WHERE CURRENT OF a cursor that locks no rows")
                .with_hint("Declare the cursor FOR UPDATE."));
        };
        let mut clauses = (0..locked.tables.len()).filter(|at| locked.tables[*at] == table);
        let Some(at) = clauses.next() else {
            let words = format!("does not have a FOR UPDATE/SHARE reference to table \"{table_name}\"");
            return Err(invalid(words));
        };
        if clauses.next().is_some() {
            return Err(invalid(format!("has multiple FOR UPDATE/SHARE references to table \"{table_name}\"")));
        }
        let position = locked.position.load(Ordering::Relaxed).checked_sub(1);
        let row = position.and_then(|position| locked.keys.get(usize::try_from(position).ok()?));
        let row = row.ok_or_else(|| invalid("is not positioned on a row".to_owned()))?;
        Ok(row.get(at).cloned().flatten())
    }

    pub(crate) fn prepare(&self, name: &str, facts: PreparedFacts) {
        self.prepared.lock().insert(name.to_owned(), facts);
    }

    /// Forgets one prepared statement, or all.
    pub(crate) fn deallocate(&self, name: Option<&str>) {
        match name {
            Some(name) => drop(self.prepared.lock().remove(name)),
            None => self.prepared.lock().clear(),
        }
    }

    pub(crate) fn all_prepared(&self) -> Vec<(String, PreparedFacts)> {
        self.prepared.lock().iter().map(|(name, facts)| (name.clone(), facts.clone())).collect()
    }
}
