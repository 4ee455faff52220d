//! What a transaction hands to the committer.

use std::sync::Arc;

use bytes::Bytes;

use super::emptied::Emptied;
use super::load::Load;
use super::moves::Move;
use crate::id::{CommitSeq, GenerationId, TableId, TransactionId};
use crate::key::{KeyRange, RowKey};
use crate::kv::{Batch, Family};
use crate::segment::Mark;

/// When a commit is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// After the log is on disk.
    #[default]
    Sync,
    /// At once; a crash within the next moments may lose it (`synchronous_commit = off`).
    Async,
}

/// The net effect of a transaction on one row. A row whose key changed is a deletion and an insertion.
#[derive(Debug)]
pub(crate) struct RowChange {
    pub(crate) table: TableId,
    /// Where it lies: among the rows of tables, or of streams.
    pub(crate) family: Family,
    pub(crate) key: RowKey,
    /// The committed row that is replaced or deleted, header included.
    pub(crate) old: Option<Bytes>,
    /// The encoded row; the committer stamps its commit sequence and time into it. `None` deletes the row.
    pub(crate) new: Option<Vec<u8>>,
}

/// A row of a segment, and of which table's contents it is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColdRow {
    pub(crate) table: GenerationId,
    pub(crate) mark: Mark,
}

/// A relation that the write set was made for, and the published sequence at which its definition was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RelationRead {
    pub(crate) table: TableId,
    pub(crate) seq: CommitSeq,
}

/// What a serializable transaction has read, asked by the committer about each later commit.
pub(crate) trait ReadSet: Send {
    /// Whether the key was read, by itself or within a range.
    fn contains(&self, family: Family, key: &[u8]) -> bool;
    /// Whether any key or range that was read meets this range.
    fn intersects(&self, family: Family, range: &KeyRange) -> bool;
}

/// A write set, ready to be ordered.
pub(crate) struct CommitRequest {
    pub(crate) transaction: TransactionId,
    /// The snapshot that a serializable transaction read from; not looked at otherwise.
    pub(crate) snapshot: CommitSeq,
    /// Published when the transaction began: what it relies on is not older.
    pub(crate) begun: CommitSeq,
    /// Rows to write and to carry in the change feed. They are applied before `writes`.
    pub(crate) rows: Vec<RowChange>,
    /// Deleted rows that are kept, under their keys; those that no commit has yet are stamped with this one.
    pub(crate) trash: Vec<(Bytes, Bytes)>,
    /// Everything else, applied as it is: index entries, catalog entries, rows that the feed does not carry.
    pub(crate) writes: Batch,
    /// Rows and index entries that are too many for memory, instead of those in `rows` and `writes`.
    pub(crate) load: Option<Load>,
    /// Old versions of `rows` that lie in segments.
    pub(crate) marks: Vec<ColdRow>,
    /// Rows that change their place, and nothing else.
    pub(crate) moved: Option<Box<Move>>,
    /// Generations that were written aside by this transaction and are its tables' contents from now on.
    pub(crate) created: Vec<GenerationId>,
    /// Generations whose rows and index entries are deleted.
    pub(crate) dropped: Vec<GenerationId>,
    /// Slices of a table that are emptied; nothing else is written to them.
    pub(crate) emptied: Option<Arc<Emptied>>,
    /// Whether a definition changed, for the feed.
    pub(crate) catalog_changed: bool,
    /// Tables whose contents were exchanged as a whole, for the feed.
    pub(crate) replaced: Vec<TableId>,
    /// Refused with `RelationChanged` when one of these was redefined after the sequence it was looked up at.
    pub(crate) relations: Vec<RelationRead>,
    /// Tables whose definition or generation this commit changes: write sets made for the old one are refused.
    pub(crate) redefined: Vec<TableId>,
    /// What a serializable transaction read; refused with `SerializationFailure` when a later commit wrote any of it.
    pub(crate) reads: Option<Box<dyn ReadSet>>,
    /// Carried in the feed beside the changes, in order; storage does not look inside.
    pub(crate) messages: Vec<Bytes>,
    pub(crate) durability: Durability,
    /// Dropped once the commit is published or refused: whatever the transaction holds until then, its locks above all.
    pub(crate) held: Option<Box<dyn Send>>,
    /// Called on the committer's thread once the commit is published, before `held` is dropped.
    pub when_published: Option<Box<dyn FnOnce() + Send>>,
}

impl CommitRequest {
    /// Whether nothing else may be written with it.
    pub(super) fn goes_alone(&self) -> bool {
        self.load.is_some() || self.moved.is_some()
    }

    /// A request that does nothing yet.
    pub(crate) fn new(transaction: TransactionId, snapshot: CommitSeq) -> Self {
        Self {
            transaction,
            snapshot,
            begun: snapshot,
            rows: Vec::new(),
            trash: Vec::new(),
            writes: Batch::new(),
            load: None,
            marks: Vec::new(),
            moved: None,
            created: Vec::new(),
            dropped: Vec::new(),
            emptied: None,
            catalog_changed: false,
            replaced: Vec::new(),
            relations: Vec::new(),
            redefined: Vec::new(),
            reads: None,
            messages: Vec::new(),
            durability: Durability::Sync,
            held: None,
            when_published: None,
        }
    }
}
