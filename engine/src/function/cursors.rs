//! What `pg_cursors` and `pg_prepared_statements` tell of a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

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
}

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
    prepared: Mutex<BTreeMap<String, PreparedFacts>>,
}

impl NamedHandles {
    pub(crate) fn tell(&self, cursors: Vec<CursorFacts>) {
        *self.cursors.lock() = cursors;
    }

    pub(crate) fn all(&self) -> Vec<CursorFacts> {
        self.cursors.lock().clone()
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
