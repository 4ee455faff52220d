//! Building contents as a whole: a new index over a table's rows, a table's rows under a new key.
//!
//! The caller holds a table lock that keeps writers out. What is built goes aside and becomes valid with the commit.
//! Entries that come in the order of their keys go straight there; from the first one that does not they are sorted
//! first. So what is built lies in the store in one order, and two entries with the same key meet each other.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::background::Background;
use super::sort::Sorter;
use super::{ConflictOn, Transaction};
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{RowKey, append_hidden_row_key, append_index_key, append_row_key, item_keys, kept_under, trash_key};
use crate::kv::{Direction, Family, SortedRun};
use crate::read::ReadView;
use crate::row::{Carrier, append_row, mark_pending, stamp, stamp_of, value_at, values_of};
use crate::schema::{IndexSchema, RowIdentity, TableSchema};
use crate::value::Value;

/// Rows that are read, and written, between two looks at the clock of the scheduler.
const ROWS_PER_STEP: usize = 1024;

/// How many such steps are read before the first of them is worked on.
const STEPS_AHEAD: usize = 4;

/// Steps of wide rows are shorter, about this long; how wide rows are is seen in the first.
const STEP_BYTES: usize = 1 << 20;
const ROWS_AT_FIRST: usize = 16;

/// Two rows with the same key: what was built is not to be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Duplicate {
    pub constraint: ConflictOn,
    /// The values of the second of them, in the schema that is built for.
    pub row: Vec<Value>,
}

/// Why a table's rows cannot be what they were to become. What was built is not to be used.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    Duplicate(Duplicate),
    /// A row has a NULL in this column of the new primary key.
    NullInKey {
        column: usize,
    },
}

/// What makes a row of the new columns from one of the old.
pub type Convert<'a> = &'a mut (dyn FnMut(Vec<Value>) -> Result<Vec<Value>> + Send);

impl Transaction {
    /// Fills a new index from the newest state of a table, with the own writes.
    pub async fn build_index(&mut self, table: &TableSchema, index: &IndexSchema) -> Result<Option<Duplicate>> {
        self.created(index.generation);
        self.finish_aside().await?;
        let view = self.newest_view();
        let mut reading = ReadAhead::start(&view, table)?;
        let mut filling = Filling::new(Family::Index, index.generation);
        // Only the indexed columns are decoded; an index key looks at no other.
        let mut values = vec![Value::Null; table.columns.len()];
        let mut entry = Vec::new();
        let duplicate = loop {
            let Some(rows) = reading.next().await? else { break filling.finish(self).await? };
            for (key, row) in rows.iter() {
                if table.sees_more(index) {
                    values = table.indexed(&values_of(table, row)?)?.into_owned();
                    if !index.takes(&values) {
                        continue;
                    }
                } else {
                    for column in &index.columns {
                        values[column.column] = value_at(table, row, column.column)?.to_owned();
                    }
                }
                if index.has_items() {
                    for entry in item_keys(index, &values, key) {
                        filling.add(self, &entry, key)?;
                    }
                    continue;
                }
                entry.clear();
                append_index_key(index, &values, key, &mut entry);
                if !filling.add(self, &entry, key)? {
                    let row = values_of(table, row)?;
                    return Ok(Some(Duplicate { constraint: ConflictOn::Index(index.generation), row }));
                }
            }
            filling.rest(self).await?;
        };
        let Some(row_key) = duplicate else { return Ok(None) };
        let row = row_under(&view, table, RowKey::from_bytes(row_key))?;
        Ok(Some(Duplicate { constraint: ConflictOn::Index(index.generation), row }))
    }

    /// Writes every row of a table into another generation, with all its indexes there. Without `convert` the columns are
    /// the same.
    pub async fn rewrite(
        &mut self,
        from: &TableSchema,
        to: &TableSchema,
        mut convert: Option<Convert<'_>>,
    ) -> Result<Option<Refusal>> {
        if let Some(refusal) = self.rewrite_rows(from, to, again(&mut convert)).await? {
            return Ok(Some(refusal));
        }
        self.rewrite_trash(from, to, convert).await?;
        for index in &to.indexes {
            if let Some(duplicate) = self.build_index(to, index).await? {
                return Ok(Some(Refusal::Duplicate(duplicate)));
            }
        }
        Ok(None)
    }

    async fn rewrite_rows(
        &mut self,
        from: &TableSchema,
        to: &TableSchema,
        convert: Option<Convert<'_>>,
    ) -> Result<Option<Refusal>> {
        self.created(to.generation);
        self.finish_aside().await?;
        let view = self.newest_view();
        let mut reading = ReadAhead::start(&view, from)?;
        let mut filling = Filling::new(Family::Rows, to.generation);
        let mut rewriter = Rewriter::new(from, to, convert);
        loop {
            let Some(rows) = reading.next().await? else {
                return filling.finish(self).await?.map(|row| duplicate_row(to, &row)).transpose();
            };
            for (key, row) in rows.iter() {
                let refusal = rewriter.encode(self, key, row)?;
                if refusal.is_some() {
                    return Ok(refusal);
                }
                if !filling.add(self, &rewriter.key, &rewriter.row)? {
                    return duplicate_row(to, &rewriter.row).map(Some);
                }
            }
            filling.rest(self).await?;
        }
    }

    /// Takes the deleted rows that are kept over to the other generation, with their commits and times. Those that cannot be
    /// rows of it are gone.
    async fn rewrite_trash(
        &mut self,
        from: &TableSchema,
        to: &TableSchema,
        convert: Option<Convert<'_>>,
    ) -> Result<()> {
        let of_generation = self.store.generation_stamp(from.generation);
        let mut scan = self.newest_view().scan_trash_rows(from.generation);
        let mut rewriter = Rewriter::new(from, to, convert);
        loop {
            let rows = scan.next(ROWS_PER_STEP)?;
            if rows.is_empty() {
                return Ok(());
            }
            for kept in rows {
                let Some((time_us, key)) = kept_under(kept.key.as_bytes()) else { continue };
                if !matches!(rewriter.encode(self, &key, &kept.bytes), Ok(None)) {
                    continue;
                }
                let mut row = std::mem::take(&mut rewriter.row);
                match stamp_of(&kept.bytes, of_generation)? {
                    Some((seq, updated_at)) => stamp(&mut row, seq, updated_at),
                    None => mark_pending(&mut row),
                }
                let key = RowKey::from_bytes(Bytes::copy_from_slice(&rewriter.key));
                self.write_trash(to.table, trash_key(&key, time_us), row.into())?;
            }
            self.relieve().await?;
        }
    }

    /// Brings everything that was written aside into the store, without keeping a thread of the scheduler waiting.
    async fn finish_aside(&mut self) -> Result<()> {
        match &mut self.aside {
            Some(aside) => aside.get_mut().write_all(&self.store).await,
            None => Ok(()),
        }
    }
}

/// The same conversion, for one of several uses.
fn again<'a>(convert: &'a mut Option<Convert<'_>>) -> Option<Convert<'a>> {
    match convert {
        Some(convert) => Some(&mut **convert),
        None => None,
    }
}

/// All rows of a table, read by a thread of its own while earlier ones are worked on.
struct ReadAhead {
    runs: mpsc::Receiver<Result<SortedRun>>,
    thread: Option<Background<()>>,
}

impl ReadAhead {
    fn start(view: &ReadView, table: &TableSchema) -> Result<Self> {
        let range = table.rows();
        let mut scan = view.scan(&Arc::new(table.clone()), &range, Direction::Forward);
        let (sender, runs) = mpsc::channel(STEPS_AHEAD);
        let mut rows = ROWS_AT_FIRST;
        let read = move || loop {
            let mut run = SortedRun::new();
            let step = scan.next_run(rows, &mut run);
            rows = (STEP_BYTES * run.len() / run.bytes().max(1)).clamp(1, ROWS_PER_STEP);
            let over = step.is_err() || run.is_empty();
            let told = if over && step.is_ok() { Ok(()) } else { sender.blocking_send(step.map(|()| run)) };
            // Nobody listens any more when the work has been given up.
            if over || told.is_err() {
                return;
            }
        };
        Ok(Self { runs, thread: Some(Background::start("scan", read)?) })
    }

    /// The next rows; `None` when there are no more.
    async fn next(&mut self) -> Result<Option<SortedRun>> {
        if let Some(run) = self.runs.recv().await {
            return run.map(Some);
        }
        // A thread that has panicked has not told everything.
        self.thread.take().map_or(Ok(()), Background::join)?;
        Ok(None)
    }
}

fn duplicate_row(to: &TableSchema, row: &[u8]) -> Result<Refusal> {
    Ok(Refusal::Duplicate(Duplicate { constraint: ConflictOn::PrimaryKey, row: values_of(to, row)? }))
}

/// The values of the row that an index entry names.
fn row_under(view: &ReadView, table: &TableSchema, key: RowKey) -> Result<Vec<Value>> {
    match view.get(table, &key)? {
        Some(row) => row.values(table),
        None => Err(crate::Error::Corrupt { reason: "an index is built over a row that is not there".into() }),
    }
}

/// Makes rows of one schema from rows of another.
struct Rewriter<'a, 'c> {
    from: &'a TableSchema,
    to: &'a TableSchema,
    convert: Option<Convert<'c>>,
    carrier: Carrier,
    /// The key columns, at their places among all, of a row that is carried over as it lies.
    key_values: Vec<Value>,
    /// The newest row.
    key: Vec<u8>,
    row: Vec<u8>,
}

impl<'a, 'c> Rewriter<'a, 'c> {
    fn new(from: &'a TableSchema, to: &'a TableSchema, convert: Option<Convert<'c>>) -> Self {
        Self {
            from,
            to,
            convert,
            carrier: Carrier::new(from, to),
            key_values: vec![Value::Null; to.columns.len()],
            key: Vec::new(),
            row: Vec::new(),
        }
    }

    /// Makes the next row and its key.
    fn encode(&mut self, transaction: &Transaction, old_key: &[u8], old: &[u8]) -> Result<Option<Refusal>> {
        self.key.clear();
        self.row.clear();
        if let Some(convert) = &mut self.convert {
            let values = convert(values_of(self.from, old)?)?;
            append_row(self.to, &values, &mut self.row);
            self.key_values = values;
        } else {
            if !self.carrier.append(old, &mut self.row)? {
                append_row(self.to, &values_of(self.from, old)?, &mut self.row);
            }
            if let RowIdentity::PrimaryKey(positions) = &self.to.identity {
                for &position in positions {
                    self.key_values[position] = value_at(self.from, old, position)?.to_owned();
                }
            }
        }
        let slice = self.to.slice.of_key(old_key);
        match (&self.from.identity, &self.to.identity) {
            (_, RowIdentity::PrimaryKey(positions)) => {
                if let Some(&column) = positions.iter().find(|&&position| self.key_values[position].is_null()) {
                    return Ok(Some(Refusal::NullInKey { column }));
                }
                append_row_key(self.to, slice, &self.key_values, &mut self.key);
            }
            (RowIdentity::Hidden, RowIdentity::Hidden) => {
                // The same hidden number.
                let number = old_key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
                append_hidden_row_key(self.to.generation, slice, number, &mut self.key);
            }
            (RowIdentity::PrimaryKey(_), RowIdentity::Hidden) => {
                let number = transaction.store.allocate_row_ids(1)?;
                append_hidden_row_key(self.to.generation, slice, number, &mut self.key);
            }
        }
        Ok(None)
    }
}

/// A new generation on its way aside.
struct Filling {
    family: Family,
    generation: GenerationId,
    /// Where entries go once they have come out of order.
    sorter: Option<Sorter>,
    last_key: Vec<u8>,
}

impl Filling {
    fn new(family: Family, generation: GenerationId) -> Self {
        Self { family, generation, sorter: None, last_key: Vec::new() }
    }

    /// Adds an entry. False if it is known already that an earlier one has its key.
    fn add(&mut self, transaction: &mut Transaction, key: &[u8], value: &[u8]) -> Result<bool> {
        if let Some(sorter) = &mut self.sorter {
            sorter.push(key, value);
            return Ok(true);
        }
        let aside = transaction.aside.get_or_insert_default().get_mut();
        aside.open(self.family, self.generation)?;
        if self.last_key.as_slice() == key {
            return Ok(false);
        }
        if aside.ends_before(self.generation, key) {
            self.last_key.clear();
            self.last_key.extend_from_slice(key);
            aside.put(&transaction.store, self.generation, key, value)?;
            return Ok(true);
        }
        let mut sorter = Sorter::default();
        // Usually it is one of the first that is out of order.
        for (key, value) in aside.take_whole(self.generation).iter().flat_map(|run| run.iter()) {
            sorter.push(key, value);
        }
        sorter.push(key, value);
        self.sorter = Some(sorter);
        Ok(true)
    }

    /// Lets others run, and moves on what has gathered.
    async fn rest(&mut self, transaction: &mut Transaction) -> Result<()> {
        transaction.relieve().await?;
        if self.sorter.as_ref().is_some_and(Sorter::is_full)
            && let Some(mut sorter) = self.sorter.take()
        {
            let kv = Arc::clone(transaction.store.kv_handle());
            let mut spilling = Background::start("sort", move || sorter.spill(kv.as_ref()).map(|()| sorter))?;
            spilling.ended().await;
            self.sorter = Some(spilling.join()??);
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Writes what had to be sorted. Answers the value of an entry whose key another one has as well.
    async fn finish(&mut self, transaction: &mut Transaction) -> Result<Option<Bytes>> {
        let Some(sorter) = self.sorter.take() else { return Ok(None) };
        // What went straight aside before lies there now, so that what comes is in order again.
        transaction.finish_aside().await?;
        let kv = Arc::clone(transaction.store.kv_handle());
        let mut merging = Background::start("sort", move || sorter.merge(kv.as_ref()))?;
        merging.ended().await;
        let mut merge = merging.join()??;
        self.last_key.clear();
        loop {
            for _ in 0..ROWS_PER_STEP {
                let Some((key, value)) = merge.next()? else { return Ok(None) };
                let aside = transaction.aside.get_or_insert_default().get_mut();
                let is_new = self.last_key != key
                    && (aside.ends_before(self.generation, key)
                        || aside.get(&transaction.store, self.family, key)?.is_none());
                if !is_new {
                    return Ok(Some(Bytes::copy_from_slice(value)));
                }
                self.last_key.clear();
                self.last_key.extend_from_slice(key);
                aside.put(&transaction.store, self.generation, key, value)?;
            }
            self.rest(transaction).await?;
        }
    }
}
