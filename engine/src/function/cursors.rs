//! What `pg_cursors` tells of a session's cursors.

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

/// The cursors that a session has declared, as it told last.
#[derive(Debug, Default)]
pub struct CursorList(Mutex<Vec<CursorFacts>>);

impl CursorList {
    pub(crate) fn tell(&self, cursors: Vec<CursorFacts>) {
        *self.0.lock() = cursors;
    }

    pub(crate) fn all(&self) -> Vec<CursorFacts> {
        self.0.lock().clone()
    }
}
