//! Removing everything that roles have in user tables: rows, index entries, files, and what was deleted and is kept.
//!
//! A role's rows in a table go as ranges, with their files, unless they are few: those go one by one, many roles' together.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use storage::{
    Direction, Durability, Isolation, LockedRow, RowLock, Slice, SliceId, TableId, TableLock, Transaction, Wait,
};

use crate::catalog::Table;
use crate::database::Database;
use crate::error::Result;
use crate::job::TableOf;

/// Rows that are deleted by one commit.
const ROWS_AT_ONCE: usize = 10_000;

/// Deletes the rows of some roles, which were dropped, from all user tables of all databases; answers how many. It can be
/// repeated.
pub(crate) async fn purge_rows_of(database: &Arc<Database>, roles: &[u32]) -> Result<u64> {
    let slices: Vec<SliceId> = roles.iter().copied().map(SliceId).collect();
    let mut deleted = 0;
    for catalog in database.catalogs().all() {
        for table in catalog.tables.values().filter(|table| table.is_divided()) {
            let of = TableOf { database: catalog.database, table: table.oid };
            deleted += empty_large(database, of, &slices).await?;
            deleted += empty(database, of, &slices).await?;
            deleted += empty_trash(database, of, &slices).await?;
        }
    }
    Ok(deleted)
}

/// Begins a transaction that keeps a table as it is; `None` if it was dropped.
async fn begin_with(database: &Arc<Database>, of: TableOf) -> Result<Option<(Transaction, Arc<Table>)>> {
    let mut transaction = database.store().begin(Isolation::ReadCommitted);
    transaction.lock_table(TableId(of.table), TableLock::RowExclusive, Wait::Forever).await?;
    // As it is after waiting.
    transaction.begin_command();
    let table = database.catalog(of.database).tables.get(&of.table).cloned();
    Ok(table.map(|table| (transaction, table)))
}

/// Deletes the slices that have many rows. In none of them is anything written any more by who began before.
async fn empty_large(database: &Arc<Database>, of: TableOf, slices: &[SliceId]) -> Result<u64> {
    match begin_with(database, of).await? {
        Some((lock, table)) if !table.is_stream() => {
            Ok(database.store().empty_slices(&table.storage, slices, lock).await?)
        }
        _ => Ok(0),
    }
}

/// Deletes the rows of a table's slices one by one.
async fn empty(database: &Arc<Database>, of: TableOf, slices: &[SliceId]) -> Result<u64> {
    let (mut left, mut deleted) = (slices, 0);
    while !left.is_empty() {
        let Some((mut transaction, table)) = begin_with(database, of).await? else { return Ok(deleted) };
        let mut rows_left = ROWS_AT_ONCE;
        while let Some((slice, others)) = left.split_first() {
            let own = table.of_slice(Slice::One(*slice));
            let schema = &own.storage;
            let rows = transaction.view().scan(schema, &schema.rows(), Direction::Forward).next(rows_left)?;
            rows_left -= rows.len();
            for row in rows {
                let locked = transaction.lock_row(schema, &row.key, RowLock::Update, Wait::Forever).await?;
                if let LockedRow::Current(row) = locked {
                    transaction.delete(schema, &row)?;
                    deleted += 1;
                }
            }
            if rows_left == 0 {
                break;
            }
            left = others;
        }
        transaction.commit(Durability::Sync).await?;
    }
    Ok(deleted)
}

/// Deletes what is kept of the roles' deleted rows. Everybody's lie there in the order of time, so that one walk finds those
/// of all the roles.
async fn empty_trash(database: &Arc<Database>, of: TableOf, slices: &[SliceId]) -> Result<u64> {
    let slices: FxHashSet<SliceId> = slices.iter().copied().collect();
    let Some((mut transaction, table)) = begin_with(database, of).await? else { return Ok(0) };
    let deleted = transaction.delete_trash_of(&table.storage, |slice| slices.contains(&slice)).await?;
    transaction.commit(Durability::Sync).await?;
    Ok(deleted)
}
