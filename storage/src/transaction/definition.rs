//! What a transaction does to whole tables and indexes: their contents come and go as generations of keys.

use bytes::Bytes;

use super::Transaction;
use crate::commit::{CommitRequest, RelationRead};
use crate::error::Result;
use crate::id::{CommitSeq, GenerationId, TableId};
use crate::kv::Family;

/// Contents made by this transaction: nobody else knows of them.
#[derive(Debug, Clone, Copy)]
struct Created {
    generation: GenerationId,
    /// The newest savepoint at that time.
    moment: u64,
    /// The write set has keys of it, which lie over whatever is written aside.
    overlaid: bool,
}

/// The changes of definitions, in order. All of them are undone by savepoints, except what was looked up.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    created: Vec<Created>,
    dropped: Vec<GenerationId>,
    replaced: Vec<TableId>,
    redefined: Vec<TableId>,
    messages: Vec<Bytes>,
    relations: Vec<RelationRead>,
}

/// How many changes of each kind there were.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    created: usize,
    dropped: usize,
    replaced: usize,
    redefined: usize,
    messages: usize,
}

impl Definitions {
    /// Whether committing would change anything.
    pub(super) fn is_empty(&self) -> bool {
        self.created.is_empty()
            && self.dropped.is_empty()
            && self.replaced.is_empty()
            && self.redefined.is_empty()
            && self.messages.is_empty()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            created: self.created.len(),
            dropped: self.dropped.len(),
            replaced: self.replaced.len(),
            redefined: self.redefined.len(),
            messages: self.messages.len(),
        }
    }

    pub(super) fn undo_to(&mut self, mark: Mark) {
        self.created.truncate(mark.created);
        self.dropped.truncate(mark.dropped);
        self.replaced.truncate(mark.replaced);
        self.redefined.truncate(mark.redefined);
        self.messages.truncate(mark.messages);
    }

    /// Adds everything to the request. Which generations were written aside is not known here.
    pub(super) fn describe(self, request: &mut CommitRequest) {
        request.catalog_changed |= !self.redefined.is_empty();
        request.dropped = self.dropped;
        request.replaced = self.replaced;
        request.redefined = self.redefined;
        request.messages = self.messages;
        request.relations = self.relations;
    }

    fn find(&self, generation: GenerationId) -> Option<&Created> {
        self.created.iter().find(|created| created.generation == generation)
    }
}

impl Transaction {
    /// Says that the generation's contents are made by this transaction: what it inserts there may go past the write set,
    /// and is swept if it does not commit.
    pub fn created(&mut self, generation: GenerationId) {
        let moment = self.savepoints.now();
        let definitions = self.definitions.get_or_insert_default();
        if definitions.find(generation).is_none() {
            definitions.created.push(Created { generation, moment, overlaid: false });
        }
    }

    /// Deletes all rows and index entries of the generation when the transaction commits. Until then they stay readable.
    pub fn dropped(&mut self, generation: GenerationId) {
        self.definitions.get_or_insert_default().dropped.push(generation);
    }

    /// Says that the table's contents are exchanged as a whole, for the change feed.
    pub fn replaced(&mut self, table: TableId) {
        self.definitions.get_or_insert_default().replaced.push(table);
    }

    /// Says that the table's definition or generation changes: write sets that were made for the old one are refused.
    pub fn redefined(&mut self, table: TableId) {
        self.definitions.get_or_insert_default().redefined.push(table);
    }

    /// Says that writes rely on the table's definition as it was at `seq`: the commit is refused with `RelationChanged` when
    /// it was redefined since. Looking it up again, after waiting for its lock, replaces what was said before.
    pub fn relies_on(&mut self, table: TableId, seq: CommitSeq) {
        let relations = &mut self.definitions.get_or_insert_default().relations;
        match relations.iter_mut().find(|read| read.table == table) {
            Some(read) => read.seq = seq,
            None => relations.push(RelationRead { table, seq }),
        }
    }

    /// Adds a message that the change feed carries with the commit. Storage does not look inside.
    pub fn message(&mut self, message: Bytes) {
        self.definitions.get_or_insert_default().messages.push(message);
    }

    /// Writes a definition.
    pub fn put_entry(&mut self, key: &[u8], value: Vec<u8>) -> Result<()> {
        self.write_entry(Family::Catalog, key, Some(value.into()))
    }

    /// Writes an event: an entry of its own keyspace, which changes no definition.
    pub fn put_event(&mut self, key: &[u8], value: Vec<u8>) -> Result<()> {
        self.write_entry(Family::Log, key, Some(value.into()))
    }

    /// Deletes a definition.
    pub fn delete_entry(&mut self, key: &[u8]) -> Result<()> {
        self.write_entry(Family::Catalog, key, None)
    }

    /// Whether the key belongs to contents that only this transaction knows of, so that it needs no locks there.
    pub(super) fn is_private(&self, key: &[u8]) -> bool {
        let Some(definitions) = &self.definitions else { return false };
        !definitions.created.is_empty()
            && super::generation_of(Family::Rows, key).is_some_and(|generation| definitions.find(generation).is_some())
    }

    /// Whether the generation was begun by this transaction, behind its last savepoint.
    pub fn is_own_generation(&self, generation: GenerationId) -> bool {
        let created = self.definitions.as_ref().and_then(|definitions| definitions.find(generation));
        created.is_some_and(|created| !self.savepoints.any_since(created.moment))
    }

    /// Whether a key of the generation may be written aside: undoing it is undoing the whole generation.
    pub(super) fn may_write_aside(&self, generation: GenerationId) -> bool {
        let Some(definitions) = &self.definitions else { return false };
        definitions
            .find(generation)
            .is_some_and(|created| !created.overlaid && !self.savepoints.any_since(created.moment))
    }

    /// Remembers that the write set got keys of this key's generation.
    pub(super) fn overlay(&mut self, family: Family, key: &[u8]) {
        if let Some(definitions) = &mut self.definitions
            && !definitions.created.is_empty()
            && let Some(generation) = super::generation_of(family, key)
            && let Some(created) = definitions.created.iter_mut().find(|created| created.generation == generation)
        {
            created.overlaid = true;
        }
    }

    /// After a rollback to a savepoint: what was written aside for generations that do not exist any more is not kept.
    pub(super) fn forget_undone_asides(&mut self) {
        let Some(aside) = &mut self.aside else { return };
        let definitions = &self.definitions;
        aside
            .get_mut()
            .keep(|generation| definitions.as_ref().is_some_and(|definitions| definitions.find(generation).is_some()));
    }
}
