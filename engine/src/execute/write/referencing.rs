//! Looking across a foreign key, in the newest state of both tables: the row that has a key, the rows that point at one.

use std::ops::Bound;
use std::sync::Arc;

use storage::key::{index_range, key_range, primary_key_from};
use storage::kv::Direction;
use storage::{
    Isolation, KeyRange, RowIdentity, RowKey, RowLock, Slice, StoredRow, TableSchema, Transaction, Value, Wait,
};

use super::matching::other_side;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::execute::point;
use crate::plan::write::{ChildKey, KeyLookup, ParentKey};

/// Rows read at a time while looking for those that point at a key.
const ROWS_AT_A_TIME: usize = 256;

/// A transaction that looks across foreign keys, and how long it waits for locks.
pub(super) struct Across<'a> {
    pub(super) transaction: &'a mut Transaction,
    pub(super) wait: Wait,
}

impl Across<'_> {
    /// Whether the row with the key exists. It is locked KEY SHARE, so that it will until this transaction ends.
    pub(super) async fn has_parent(&mut self, parent: &ParentKey, key: &[Value]) -> Result<bool> {
        let schema = &parent.parent.storage;
        let ordered = |order: &[usize], positions: &mut dyn Iterator<Item = usize>| {
            order
                .iter()
                .zip(positions)
                .map(|(at, position)| {
                    other_side(&key[*at], parent.parent.columns[position].ty, &schema.columns[position].column_type)
                })
                .collect::<Option<Vec<Value>>>()
        };
        let row_key = match &parent.lookup {
            KeyLookup::PrimaryKey { order } => {
                let RowIdentity::PrimaryKey(positions) = &schema.identity else {
                    return Err(Error::internal("a foreign key points at a primary key that is not there"));
                };
                ordered(order, &mut positions.iter().copied()).map(|values| primary_key_from(schema, &values))
            }
            KeyLookup::Unique { index, order } => {
                match ordered(order, &mut index.columns.iter().map(|column| column.column)) {
                    Some(values) => self.transaction.lookup_unique_newest(index, &values)?,
                    None => None,
                }
            }
        };
        let Some(row_key) = row_key else { return Ok(false) };
        let locked = point::lock(&parent.parent, &row_key, RowLock::KeyShare, self.wait, self.transaction).await?;
        Ok(locked.is_some())
    }

    /// Whether a row of the child points at the key. Who is about to point elsewhere is waited for.
    pub(super) async fn has_child(&mut self, child: &ChildKey, key: &[Value]) -> Result<bool> {
        let Some(key) = child.fit(key) else { return Ok(false) };
        for keeper in &child.keepers {
            for row_key in self.rows_with(&keeper.storage, &child.child_columns, &key)? {
                // A transaction that keeps its snapshot would be refused for what the lock brings to light.
                if self.transaction.isolation() != Isolation::ReadCommitted
                    || self
                        .lock_if_still(keeper, &row_key, RowLock::KeyShare, &child.child_columns, &key)
                        .await?
                        .is_some()
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Locks a row that was found by these values; None if it has others meanwhile.
    pub(super) async fn lock_if_still(
        &mut self,
        table: &Table,
        row_key: &RowKey,
        strength: RowLock,
        positions: &[usize],
        values: &[Value],
    ) -> Result<Option<StoredRow>> {
        let locked = point::lock(table, row_key, strength, self.wait, self.transaction).await?;
        match locked {
            Some(row) if has_values(&table.storage, &row, positions, values)? => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// Whether any row, as of now, has these values in these columns.
    pub(super) fn any_row(&self, schema: &Arc<TableSchema>, positions: &[usize], values: &[Value]) -> Result<bool> {
        Ok(!self.find_rows(schema, positions, values, 1)?.is_empty())
    }

    /// The rows that have these values in these columns, as of now.
    pub(super) fn rows_with(
        &self,
        schema: &Arc<TableSchema>,
        positions: &[usize],
        values: &[Value],
    ) -> Result<Vec<RowKey>> {
        self.find_rows(schema, positions, values, usize::MAX)
    }

    /// Some of them.
    pub(super) fn some_rows_with(
        &self,
        schema: &Arc<TableSchema>,
        positions: &[usize],
        values: &[Value],
        wanted: usize,
    ) -> Result<Vec<RowKey>> {
        self.find_rows(schema, positions, values, wanted)
    }

    /// Finds them by the key or the index that begins with the most of the columns, else by reading the table.
    fn find_rows(
        &self,
        schema: &Arc<TableSchema>,
        positions: &[usize],
        values: &[Value],
        wanted: usize,
    ) -> Result<Vec<RowKey>> {
        let view = self.transaction.newest_view();
        let prefix_of = |key: &mut dyn Iterator<Item = usize>| -> Vec<Value> {
            let known = |column| positions.iter().position(|position| *position == column);
            key.map_while(|column| known(column).map(|at| values[at].clone())).collect()
        };
        let by_key = match &schema.identity {
            RowIdentity::PrimaryKey(key) => prefix_of(&mut key.iter().copied()),
            RowIdentity::Hidden => Vec::new(),
        };
        let by_index = schema
            .indexes
            .iter()
            .filter(|index| index.condition.is_none() && !index.has_items())
            .map(|index| (index, prefix_of(&mut index.columns.iter().map(|column| column.column))))
            .max_by_key(|(_, prefix)| prefix.len())
            .filter(|(_, prefix)| prefix.len() > by_key.len());
        let mut found = Vec::new();
        let mut keep = |rows: Vec<StoredRow>| -> Result<bool> {
            let is_last = rows.is_empty();
            for row in rows {
                if found.len() < wanted && has_values(schema, &row, positions, values)? {
                    found.push(row.key);
                }
            }
            Ok(!is_last && found.len() < wanted)
        };
        if let Some((index, prefix)) = by_index.as_ref().filter(|_| schema.slice == Slice::Every) {
            // The entries of each slice lie together, and those with the key are looked up in one after the other.
            let (mut own, mut rest) = ((*index).clone(), KeyRange::generation(index.generation));
            while let Some(row) = view.scan_index(schema, index, &rest, Direction::Forward).next_keys(1)?.first() {
                let Some(slice) = schema.slice_of(row) else { break };
                own.slice = Slice::One(slice);
                let range = index_range(&own, prefix, Bound::Unbounded, Bound::Unbounded);
                let mut scan = view.scan_index(schema, &own, &range, Direction::Forward);
                loop {
                    let rows = scan.next(ROWS_AT_A_TIME.min(wanted))?;
                    if rows.is_empty() {
                        break;
                    }
                    if !keep(rows)? {
                        return Ok(found);
                    }
                }
                rest.start = KeyRange::of_slice(index.generation, own.slice).end;
            }
        } else if let Some((index, prefix)) = by_index {
            let range = index_range(index, &prefix, Bound::Unbounded, Bound::Unbounded);
            let mut scan = view.scan_index(schema, index, &range, Direction::Forward);
            while keep(scan.next(ROWS_AT_A_TIME.min(wanted))?)? {}
        } else {
            let range = match by_key.is_empty() {
                true => schema.rows(),
                false => key_range(schema, &by_key, Bound::Unbounded, Bound::Unbounded),
            };
            let mut scan = view.scan(schema, &range, Direction::Forward);
            while keep(scan.next(ROWS_AT_A_TIME)?)? {}
        }
        Ok(found)
    }
}

impl ChildKey {
    /// A key of the parent as the child's types have it; None if no child can.
    pub(super) fn fit(&self, key: &[Value]) -> Option<Vec<Value>> {
        let (columns, layouts) = (&self.child.columns, &self.child.storage.columns);
        let fitted = key.iter().zip(&self.child_columns);
        fitted.map(|(value, at)| other_side(value, columns[*at].ty, &layouts[*at].column_type)).collect()
    }
}

/// Whether keys would take the row's columns for these values.
fn has_values(schema: &TableSchema, row: &StoredRow, positions: &[usize], values: &[Value]) -> Result<bool> {
    for (position, value) in positions.iter().zip(values) {
        let found = row.value(schema, *position)?.to_owned();
        // A NULL is asked for only where NULLs are not distinct.
        if found.is_null() != value.is_null() || (found != *value && !same_key(&found, value)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// 1.0 and 1.00 are the same key.
fn same_key(one: &Value, other: &Value) -> bool {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    storage::key::encode_value(one, &mut left);
    storage::key::encode_value(other, &mut right);
    left == right
}
