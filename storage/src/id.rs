//! Identifiers and sequence numbers, one type each, so that they cannot be confused.

use serde::{Deserialize, Serialize};

/// Place of a commit in the one order of all commits. Zero is "before the first commit".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct CommitSeq(pub u64);

impl CommitSeq {
    /// The sequence that follows this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A table for its whole life, whatever happens to its contents. The catalog uses its oid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableId(pub u32);

/// One incarnation of a table's or an index's contents: the first four bytes of each of its keys. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GenerationId(pub u32);

/// A transaction of this process, for locks and views of activity. Not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

/// Version of a table's column layout; each row names the one it was written under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SchemaVersion(pub u16);

/// A column for its whole life (PostgreSQL's attribute number, from 1). Never reused within its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnId(pub u16);
