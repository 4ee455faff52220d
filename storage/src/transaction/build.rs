//! Building contents as a whole: a new index over a table's rows, a table's rows under a new key.
//!
//! The caller holds a table lock that keeps writers out. What is built goes aside, whatever its size, and becomes valid
//! with the commit.

use std::sync::Arc;

use bytes::Bytes;

use super::{ConflictOn, Transaction};
use crate::error::Result;
use crate::key::{IndexKey, KeyRange, RowKey, hidden_row_key, index_key, row_key};
use crate::kv::{Direction, Family};
use crate::row::encode_row;
use crate::schema::{IndexSchema, RowIdentity, TableSchema};
use crate::value::Value;

/// Rows that are read, and written, between two looks at the clock of the scheduler.
const ROWS_PER_STEP: usize = 1024;

/// Two rows with the same key: what was built is not to be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Duplicate {
    pub constraint: ConflictOn,
    /// The values of the second of them, in the schema that is built for.
    pub row: Vec<Value>,
}

impl Transaction {
    /// Fills a new index from the newest state of a table, with the own writes.
    pub async fn build_index(&mut self, table: &TableSchema, index: &IndexSchema) -> Result<Option<Duplicate>> {
        self.created(index.generation);
        let view = self.newest_view();
        let mut scan = view.scan(&Arc::new(table.clone()), &KeyRange::generation(table.generation), Direction::Forward);
        // Only the indexed columns are decoded; an index key looks at no other.
        let mut values = vec![Value::Null; table.columns.len()];
        loop {
            let rows = scan.next(ROWS_PER_STEP)?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                for column in &index.columns {
                    values[column.column] = row.value(table, column.column)?.to_owned();
                }
                let entry = index_key(index, &values, &row.key);
                if self.is_taken(&entry)? {
                    let row = row.values(table)?;
                    return Ok(Some(Duplicate { constraint: ConflictOn::Index(index.generation), row }));
                }
                let aside = self.aside.get_or_insert_default().get_mut();
                aside.open(&self.store, index.generation)?;
                aside.put(&self.store, Family::Index, entry.bytes, row.key.into_bytes())?;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Writes every row of a table, converted, into another generation, with all its indexes there.
    pub async fn rewrite(
        &mut self,
        from: &TableSchema,
        to: &TableSchema,
        convert: &mut (dyn FnMut(Vec<Value>) -> Result<Vec<Value>> + Send),
    ) -> Result<Option<Duplicate>> {
        self.created(to.generation);
        for index in &to.indexes {
            self.created(index.generation);
        }
        let view = self.newest_view();
        let mut scan = view.scan(&Arc::new(from.clone()), &KeyRange::generation(from.generation), Direction::Forward);
        loop {
            let rows = scan.next(ROWS_PER_STEP)?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                let values = convert(row.values(from)?)?;
                if let Some(constraint) = self.write_converted(from, to, &row.key, &values)? {
                    return Ok(Some(Duplicate { constraint, row: values }));
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Writes one row into the new generation, unless a key of it is taken.
    fn write_converted(
        &mut self,
        from: &TableSchema,
        to: &TableSchema,
        old_key: &RowKey,
        values: &[Value],
    ) -> Result<Option<ConflictOn>> {
        let key = match (&from.identity, &to.identity) {
            (_, RowIdentity::PrimaryKey(_)) => row_key(to, values),
            (RowIdentity::Hidden, RowIdentity::Hidden) => under_generation(to, old_key),
            (RowIdentity::PrimaryKey(_), RowIdentity::Hidden) => {
                hidden_row_key(to.generation, self.store.allocate_row_ids(1)?)
            }
        };
        if self.is_written_aside(Family::Rows, key.as_bytes())? {
            return Ok(Some(ConflictOn::PrimaryKey));
        }
        let entries: Vec<IndexKey> = to.indexes.iter().map(|index| index_key(index, values, &key)).collect();
        for (index, entry) in to.indexes.iter().zip(&entries) {
            if self.is_taken(entry)? {
                return Ok(Some(ConflictOn::Index(index.generation)));
            }
        }
        self.write_aside(to, &key, Bytes::from(encode_row(to, values)), entries)?;
        Ok(None)
    }

    fn is_taken(&self, entry: &IndexKey) -> Result<bool> {
        if entry.unique_prefix { self.is_written_aside(Family::Index, &entry.bytes) } else { Ok(false) }
    }

    fn is_written_aside(&self, family: Family, key: &[u8]) -> Result<bool> {
        match &self.aside {
            Some(aside) => Ok(aside.lock().get(&self.store, family, key)?.is_some()),
            None => Ok(false),
        }
    }
}

/// The same hidden number in another generation.
fn under_generation(to: &TableSchema, key: &RowKey) -> RowKey {
    let number = key.as_bytes().last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    hidden_row_key(to.generation, number)
}
