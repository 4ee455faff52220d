//! Writing rows: each write is a change of the row and of its index entries in the write set.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use super::claim::{Claim, Taken};
use super::write_set::{Command, RowOrigin, Write, WriteSet};
use super::{ConflictOn, Transaction, Wait};
use crate::error::Result;
use crate::id::TableId;
use crate::key::{
    IndexKey, RowKey, append_hidden_row_key, append_index_key, append_row_key, hidden_row_key, index_key, item_keys,
    row_key, row_key_after, stream_key, trash_key,
};
use crate::kv::Family;
use crate::read::surplus_of;
use crate::row::{StoredRow, append_row, encode_row, mark_pending};
use crate::schema::{IndexSchema, RowIdentity, TableSchema};
use crate::slice::SliceId;
use crate::stream::StreamRule;
use crate::value::Value;

/// Deleted rows that are looked at between two looks at the memory that is taken.
const TRASH_AT_A_TIME: usize = 1024;

/// What inserting a row came to.
#[derive(Debug)]
pub enum InsertOutcome {
    Inserted(RowKey),
    /// Nothing was written: another row has the key. It may be newer than the snapshot.
    Conflict {
        constraint: ConflictOn,
        existing: StoredRow,
    },
}

/// What updating a row came to.
#[derive(Debug)]
pub enum UpdateOutcome {
    /// Under this key, which may be another than before.
    Updated(RowKey),
    /// Nothing was written: another row has the new key. It may be newer than the snapshot.
    Conflict { constraint: ConflictOn, existing: StoredRow },
}

/// Memory for the keys and bytes of one row, kept for the next.
#[derive(Default)]
pub(super) struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
    entries: Vec<Vec<u8>>,
}

/// How an update changes one index entry.
struct EntryChange {
    old: Option<Bytes>,
    new: Option<Bytes>,
}

impl Transaction {
    /// Inserts a row, unless its primary key or a key of a unique index is taken. Waits for whoever is about to take or to
    /// give up such a key.
    pub async fn insert(&mut self, table: &TableSchema, row: &[Value], wait: Wait) -> Result<InsertOutcome> {
        self.insert_preferring(table, row, None, wait).await
    }

    /// The same; a row with which several keys collide answers `prefer`, if that is one of them.
    pub async fn insert_preferring(
        &mut self,
        table: &TableSchema,
        row: &[Value],
        prefer: Option<ConflictOn>,
        wait: Wait,
    ) -> Result<InsertOutcome> {
        self.relieve().await?;
        if let Some(rule) = &table.stream {
            return self.insert_into_stream(table, rule, row).map(InsertOutcome::Inserted);
        }
        if self.insert_alone(table, row)? {
            return Ok(InsertOutcome::Inserted(RowKey::from_bytes(Bytes::copy_from_slice(&self.scratch.key))));
        }
        let mut claims = Vec::new();
        let key = match table.identity {
            RowIdentity::PrimaryKey(_) => {
                let key = row_key(table, row);
                claims.push(Claim { on: ConflictOn::PrimaryKey, key: key.clone().into_bytes() });
                key
            }
            RowIdentity::Hidden => hidden_row_key(table.generation, table.slice, self.store.allocate_row_ids(1)?),
        };
        let indexed = table.indexed(row)?;
        let entries: Vec<Option<IndexKey>> =
            table.indexes.iter().map(|index| entry_of(index, &indexed, &key)).collect();
        for (index, entry) in table.indexes.iter().zip(&entries) {
            claims.extend(entry.as_ref().and_then(|entry| claim_of(index, entry)));
        }
        if prefer.is_some() {
            claims.sort_by_key(|claim| Some(claim.on) != prefer);
        }
        if let Some(Taken { on, existing }) = self.claim(table.table, &claims, None, wait).await? {
            self.read_by_conflict(&existing.key);
            return Ok(InsertOutcome::Conflict { constraint: on, existing });
        }
        let row = Write { family: Family::Rows, key: key.clone().into_bytes(), value: Some(pending_row(table, row)) };
        let entries = entries.into_iter().flatten().map(|entry| put_index(entry.bytes, &key));
        let items = items_in(table, &indexed, &key).into_iter().map(|entry| put_index(entry, &key));
        self.write_all(table.table, row, None, entries.chain(items))?;
        Ok(InsertOutcome::Inserted(key))
    }

    /// Inserts a row into a stream, where no key is ever taken. It is as old as this call; into an ephemeral stream that
    /// nobody attends it does not get at all.
    fn insert_into_stream(&mut self, table: &TableSchema, rule: &StreamRule, row: &[Value]) -> Result<RowKey> {
        debug_assert!(table.indexes.is_empty(), "streams have no indexes");
        // Before the number is taken: whoever attends is shown later ones.
        let is_kept = self.snapshot.streams.takes(table);
        let number = self.store.allocate_row_ids(1)?;
        let key = stream_key(table.generation, rule, table.slice, self.store.environment().now_us(), number);
        if is_kept {
            let row =
                Write { family: Family::Stream, key: key.clone().into_bytes(), value: Some(pending_row(table, row)) };
            self.write_all(table.table, row, None, std::iter::empty())?;
        }
        Ok(key)
    }

    /// Inserts a row into contents that only this transaction knows, where nobody is to be waited for. False, and nothing
    /// is inserted, if the contents are others or a key of the row is taken: [`Transaction::insert`] tells.
    ///
    /// Whoever inserts many rows calls [`Transaction::relieve`] now and then.
    pub fn insert_alone(&mut self, table: &TableSchema, row: &[Value]) -> Result<bool> {
        if !self.goes_aside(table) {
            return Ok(false);
        }
        let indexed = table.indexed(row)?;
        let aside = self.aside.get_or_insert_default().get_mut();
        let Scratch { key, value, entries } = &mut self.scratch;
        key.clear();
        match table.identity {
            RowIdentity::PrimaryKey(_) => {
                append_row_key(table, table.slice, row, key);
                if !aside.ends_before(table.generation, key) && aside.get(&self.store, Family::Rows, key)?.is_some() {
                    return Ok(false);
                }
            }
            RowIdentity::Hidden => {
                append_hidden_row_key(table.generation, table.slice, self.store.allocate_row_ids(1)?, key);
            }
        }
        entries.resize_with(table.indexes.len(), Vec::new);
        for (index, entry) in table.indexes.iter().zip(entries.iter_mut()) {
            // One without an entry, or with several, keeps an empty key.
            entry.clear();
            if index.has_items() || !index.takes(&indexed) {
                continue;
            }
            let is_unique = append_index_key(index, &indexed, key, entry);
            if is_unique
                && !aside.ends_before(index.generation, entry)
                && aside.get(&self.store, Family::Index, entry)?.is_some()
            {
                return Ok(false);
            }
        }
        value.clear();
        append_row(table, row, value);
        aside.open(Family::Rows, table.generation)?;
        aside.put(&self.store, table.generation, key, value)?;
        for (index, entry) in table.indexes.iter().zip(entries.iter()).filter(|(_, entry)| !entry.is_empty()) {
            aside.open(Family::Index, index.generation)?;
            aside.put(&self.store, index.generation, entry, key)?;
        }
        for index in table.indexes.iter().filter(|index| index.has_items() && index.takes(&indexed)) {
            aside.open(Family::Index, index.generation)?;
            for entry in item_keys(index, &indexed, key) {
                aside.put(&self.store, index.generation, &entry, key)?;
            }
        }
        Ok(true)
    }

    /// Sends what has gathered to the store, if it is much. Waits for what is on its way there. Whoever deletes many rows
    /// calls it now and then; inserting, updating and locking them does so by itself.
    pub async fn relieve(&mut self) -> Result<()> {
        if let Some(aside) = &mut self.aside {
            let aside = aside.get_mut();
            if aside.is_full() {
                aside.relieve(&self.store).await?;
            }
        }
        // Rare, and larger than all the rest of the future.
        if self.is_spill_due() { Box::pin(self.spill()).await } else { Ok(()) }
    }

    /// Replaces a row, which `lock_row` has locked and answered. Only the index entries whose columns change are touched,
    /// and only keys that the row did not have before are claimed.
    pub async fn update(
        &mut self,
        table: &TableSchema,
        old: &StoredRow,
        new: &[Value],
        wait: Wait,
    ) -> Result<UpdateOutcome> {
        debug_assert!(table.stream.is_none(), "a stream's rows stay what they are");
        self.relieve().await?;
        let mut claims = Vec::new();
        let key = match &table.identity {
            RowIdentity::PrimaryKey(positions) if changed(table, old, new, positions.iter().copied())? => {
                row_key_after(table, new, &old.key)
            }
            RowIdentity::PrimaryKey(_) | RowIdentity::Hidden => old.key.clone(),
        };
        let moved = key != old.key;
        if moved {
            claims.push(Claim { on: ConflictOn::PrimaryKey, key: key.clone().into_bytes() });
        }
        let mut old_values = None;
        let mut changes = Vec::new();
        let indexed = table.indexed(new)?;
        for index in &table.indexes {
            if !moved
                && !table.sees_more(index)
                && !changed(table, old, new, index.columns.iter().map(|column| column.column))?
            {
                continue;
            }
            let old_values = match &old_values {
                Some(values) => values,
                None => old_values.insert(table.indexed(&old.values(table)?)?.into_owned()),
            };
            if index.has_items() {
                changes.extend(item_changes(index, (old_values, &old.key), (&indexed, &key)));
                continue;
            }
            let before = entry_of(index, old_values, &old.key).map(|entry| entry.bytes);
            let after = entry_of(index, &indexed, &key);
            if let Some(after) = after.as_ref().filter(|after| before.as_ref() != Some(&after.bytes)) {
                claims.extend(claim_of(index, after));
            }
            changes.push(EntryChange { old: before, new: after.map(|entry| entry.bytes) });
        }
        if !claims.is_empty()
            && let Some(Taken { on, existing }) = self.claim(table.table, &claims, Some(&old.key), wait).await?
        {
            self.read_by_conflict(&existing.key);
            return Ok(UpdateOutcome::Conflict { constraint: on, existing });
        }
        self.write_update(table, old, &key, pending_row(table, new), changes)?;
        Ok(UpdateOutcome::Updated(key))
    }

    fn write_update(
        &mut self,
        table: &TableSchema,
        old: &StoredRow,
        key: &RowKey,
        bytes: Bytes,
        changes: Vec<EntryChange>,
    ) -> Result<()> {
        let moved = *key != old.key;
        let row = Write { family: Family::Rows, key: key.clone().into_bytes(), value: Some(bytes) };
        let entries = changes.into_iter().flat_map(|EntryChange { old: before, new: after }| {
            // An entry under the same key still has to name the row by its new key.
            let stays = before == after && !moved;
            let gone = before.filter(|before| after.as_ref() != Some(before));
            let gone = gone.map(|key| Write { family: Family::Index, key, value: None });
            gone.into_iter().chain(after.filter(|_| !stays).map(|after| put_index(after, key)))
        });
        if moved {
            let gone = Write { family: Family::Rows, key: old.key.clone().into_bytes(), value: None };
            self.write_all(table.table, gone, Some(old.bytes.clone()), std::iter::empty())?;
            return self.write_all(table.table, row, None, entries);
        }
        self.write_all(table.table, row, Some(old.bytes.clone()), entries)
    }

    /// Deletes a row, which `lock_row` has locked with [`super::RowLock::Update`] and answered.
    pub fn delete(&mut self, table: &TableSchema, old: &StoredRow) -> Result<()> {
        if table.stream.is_some() {
            self.drop_surplus(table, &old.key)?;
        }
        let mut entries = Vec::new();
        if !table.indexes.is_empty() {
            let values = old.values(table)?;
            let indexed = table.indexed(&values)?;
            let keys = table.indexes.iter().filter_map(|index| entry_of(index, &indexed, &old.key));
            let keys = keys.map(|entry| entry.bytes).chain(items_in(table, &indexed, &old.key));
            entries.extend(keys.map(|key| Write { family: Family::Index, key, value: None }));
        }
        let row = Write { family: table.family(), key: old.key.clone().into_bytes(), value: None };
        self.write_all(table.table, row, Some(old.bytes.clone()), entries.into_iter())
    }

    /// Before rows of a slice are deleted that keeps so many, those go that were too many. Once a command is enough.
    fn drop_surplus(&mut self, table: &TableSchema, key: &RowKey) -> Result<()> {
        let rows_max = table.stream.as_ref().and_then(|rule| rule.rows_max);
        let (Some(rows_max), Some(slice)) = (rows_max, table.slice_of(key)) else { return Ok(()) };
        let done = Some((self.command, table.generation, slice));
        if self.surplus_dropped == done {
            return Ok(());
        }
        self.surplus_dropped = done;
        self.store.evict_surplus_of(table, slice)?;
        // The snapshot has them still, and may have others of which this transaction itself has made too many.
        let seen = self.view_of(self.own_writes(Command::MAX));
        for key in surplus_of(&seen, table, slice, rows_max)? {
            let is_own = self.own(Family::Stream, &key)?.is_some();
            // What has been evicted is only hidden: nobody need be told of it.
            let replaced = if is_own { None } else { self.store.kv().get(Family::Stream, &key)? };
            let gone = Write { family: Family::Stream, key, value: None };
            self.write_all(table.table, gone, replaced, std::iter::empty())?;
        }
        Ok(())
    }

    /// The same; what the row was stays in the table's trash, until [`Store::expire_trash`] is told that it is old enough. A
    /// row that this transaction itself has written is kept too.
    pub fn delete_to_trash(&mut self, table: &TableSchema, old: &StoredRow) -> Result<()> {
        // The same row may be deleted once more before the clock goes on.
        self.deleted_at_us = self.store.environment().now_us().max(self.deleted_at_us.saturating_add(1));
        self.write_trash(table.table, trash_key(&old.key, self.deleted_at_us), old.bytes.clone())?;
        self.delete(table, old)
    }

    /// Deletes for good those of the deleted rows that are kept which were in the slice that the table is cut to. Answers
    /// how many they were.
    pub async fn delete_trash(&mut self, table: &TableSchema) -> Result<u64> {
        self.delete_trash_of(table, |slice| table.slice.is_one(Some(slice))).await
    }

    /// The same for all slices that are meant, with one walk over what is kept of the table's deleted rows.
    pub async fn delete_trash_of(
        &mut self,
        table: &TableSchema,
        is_meant: impl Fn(SliceId) -> bool + Send + Sync,
    ) -> Result<u64> {
        let mut scan = self.newest_view().scan_trash_rows(table.generation);
        let mut deleted = 0;
        loop {
            let kept = scan.next(TRASH_AT_A_TIME)?;
            if kept.is_empty() {
                return Ok(deleted);
            }
            let is_meant = |key: &RowKey| key.slice_kept().is_some_and(&is_meant);
            for kept in kept.into_iter().map(|row| row.key).filter(is_meant) {
                let gone = Write { family: Family::Trash, key: kept.into_bytes(), value: None };
                self.write_all(table.table, gone, None, std::iter::empty())?;
                deleted += 1;
            }
            self.relieve().await?;
        }
    }

    pub(super) fn write_trash(&mut self, table: TableId, key: Bytes, row: Bytes) -> Result<()> {
        let kept = Write { family: Family::Trash, key, value: Some(row) };
        self.write_all(table, kept, None, std::iter::empty())
    }

    pub(super) fn write_entry(&mut self, family: Family, key: &[u8], value: Option<Bytes>) -> Result<()> {
        let write = Write { family, key: Bytes::copy_from_slice(key), value };
        self.write_all(TableId(0), write, None, std::iter::empty())
    }

    /// Writes a row and its index entries, or another single key, into the write set. `replaced` is the row underneath.
    fn write_all(
        &mut self,
        table: TableId,
        first: Write,
        replaced: Option<Bytes>,
        entries: impl Iterator<Item = Write>,
    ) -> Result<()> {
        // It works on the write set as it was.
        self.give_up_spill();
        if self.definitions.is_some() {
            self.overlay(first.family, &first.key);
        }
        let mark = self.savepoints.mark();
        let writes = self.writes.get_or_insert_with(|| {
            let mut writes = WriteSet::default();
            writes.set_mark(mark);
            Arc::new(RwLock::new(writes))
        });
        let command = self.command;
        let mut touched = Vec::new();
        let watched = self.definitions.is_some();
        let put_all = |writes: &mut WriteSet, unseen: bool| {
            writes.put(first, RowOrigin { table, replaced }, command, unseen);
            for write in entries {
                if watched {
                    touched.push(write.key.clone());
                }
                writes.put(write, RowOrigin { table, replaced: None }, command, unseen);
            }
            writes.bytes()
        };
        // Nobody else refers to the write set unless a view does.
        let bytes = match Arc::get_mut(writes) {
            Some(writes) => put_all(writes.get_mut(), true),
            None => put_all(&mut writes.write(), false),
        };
        for key in touched {
            self.overlay(Family::Index, &key);
        }
        self.write_bytes = bytes;
        if self.is_spill_overdue() {
            self.spill_blocking()?;
        }
        self.check_size()
    }

    /// A serializable transaction that was told of a conflict has read the row it conflicts with.
    fn read_by_conflict(&self, key: &RowKey) {
        if let Some(serializable) = &self.serializable {
            serializable.reads.key(Family::Rows, &key.clone().into_bytes());
        }
    }

    /// Whether a new row of the table and all its index entries may be written aside.
    fn goes_aside(&self, table: &TableSchema) -> bool {
        self.definitions.is_some()
            && table.stream.is_none()
            && self.may_write_aside(table.generation)
            && table.indexes.iter().all(|index| self.may_write_aside(index.generation))
    }
}

/// A row's bytes for the write set.
fn pending_row(table: &TableSchema, row: &[Value]) -> Bytes {
    let mut bytes = encode_row(table, row);
    mark_pending(&mut bytes);
    Bytes::from(bytes)
}

/// The one entry of a row in an index, if it has one.
fn entry_of(index: &IndexSchema, indexed: &[Value], key: &RowKey) -> Option<IndexKey> {
    (!index.has_items() && index.takes(indexed)).then(|| index_key(index, indexed, key))
}

/// The entries of a row in all indexes of items.
fn items_in(table: &TableSchema, indexed: &[Value], key: &RowKey) -> Vec<Bytes> {
    let indexes = table.indexes.iter().filter(|index| index.has_items());
    indexes.flat_map(|index| item_entries(index, indexed, key)).map(Bytes::from).collect()
}

/// The same in one such index.
fn item_entries(index: &IndexSchema, indexed: &[Value], key: &RowKey) -> Vec<Vec<u8>> {
    if index.takes(indexed) { item_keys(index, indexed, key.as_bytes()) } else { Vec::new() }
}

/// How another row in the place of one changes the entries in an index of items: those that stay are left alone.
fn item_changes(
    index: &IndexSchema,
    (before, old_key): (&[Value], &RowKey),
    (after, new_key): (&[Value], &RowKey),
) -> Vec<EntryChange> {
    let (old, new) = (item_entries(index, before, old_key), item_entries(index, after, new_key));
    // Both are in order: items are, and what stands behind them is the same for all.
    let gone = old.iter().filter(|entry| new.binary_search(entry).is_err()).cloned();
    let come = new.iter().filter(|entry| old.binary_search(entry).is_err()).cloned();
    let gone = gone.map(|entry| EntryChange { old: Some(entry.into()), new: None });
    gone.chain(come.map(|entry| EntryChange { old: None, new: Some(entry.into()) })).collect()
}

/// What must be claimed for an index entry.
fn claim_of(index: &IndexSchema, entry: &IndexKey) -> Option<Claim> {
    entry.unique_prefix.then(|| Claim { on: ConflictOn::Index(index.generation), key: entry.bytes.clone() })
}

fn put_index(entry: Bytes, row: &RowKey) -> Write {
    Write { family: Family::Index, key: entry, value: Some(row.clone().into_bytes()) }
}

/// Whether any of the columns may have another value than before. Equal bytes of keys are for the caller to notice.
fn changed(
    table: &TableSchema,
    old: &StoredRow,
    new: &[Value],
    mut positions: impl Iterator<Item = usize>,
) -> Result<bool> {
    loop {
        let Some(position) = positions.next() else { return Ok(false) };
        if old.value(table, position)? != new[position].as_ref() {
            return Ok(true);
        }
    }
}
