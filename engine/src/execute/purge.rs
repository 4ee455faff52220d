//! Removing everything that roles have in user tables: rows, index entries and what was deleted and is kept; the files go
//! with the compactions that this orders.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use storage::{Direction, Durability, Isolation, LockedRow, RowLock, SliceId, TableId, TableLock, Wait};

use crate::catalog::Table;
use crate::catalog::class::slice_of_role;
use crate::database::Database;
use crate::error::Result;
use crate::job::{Compact, Order, TableOf, Task};

/// Rows that are deleted by one commit.
const ROWS_AT_ONCE: usize = 10_000;

/// Deletes the rows of some roles from all user tables of all databases; answers how many. It can be repeated.
pub(crate) async fn purge_rows_of(database: &Arc<Database>, roles: &[u32]) -> Result<u64> {
    let mut deleted = 0;
    for catalog in database.catalogs().all() {
        for table in catalog.tables.values().filter(|table| table.is_divided()) {
            let mut of_table = 0;
            for role in roles {
                of_table += empty(database, &table.of_slice(slice_of_role(*role))).await?;
            }
            of_table += empty_trash(database, table, roles).await?;
            deleted += of_table;
            if of_table > 0 && !table.is_stream() {
                let of = TableOf { database: catalog.database, table: table.oid };
                database.jobs().order(database, Order::unasked(Task::Compact(Compact::due(of))))?;
            }
        }
    }
    Ok(deleted)
}

/// Deletes the rows of a table that is cut to a slice. Another definition of it meanwhile ends this with an error, and it
/// can be repeated.
async fn empty(database: &Arc<Database>, table: &Table) -> Result<u64> {
    let schema = &table.storage;
    let mut deleted = 0;
    loop {
        let mut transaction = database.store().begin(Isolation::ReadCommitted);
        transaction.lock_table(TableId(table.oid), TableLock::RowExclusive, Wait::Forever).await?;
        let rows = transaction.view().scan(schema, &schema.rows(), Direction::Forward).next(ROWS_AT_ONCE)?;
        let is_last = rows.len() < ROWS_AT_ONCE;
        for row in rows {
            if let LockedRow::Current(row) =
                transaction.lock_row(schema, &row.key, RowLock::Update, Wait::Forever).await?
            {
                transaction.delete(schema, &row)?;
                deleted += 1;
            }
        }
        transaction.commit(Durability::Sync).await?;
        if is_last {
            return Ok(deleted);
        }
    }
}

/// Deletes what is kept of the roles' deleted rows. Everybody's lie there in the order of time, so that one walk finds those
/// of all the roles.
async fn empty_trash(database: &Arc<Database>, table: &Table, roles: &[u32]) -> Result<u64> {
    let slices: FxHashSet<SliceId> = roles.iter().copied().map(SliceId).collect();
    let mut transaction = database.store().begin(Isolation::ReadCommitted);
    transaction.lock_table(TableId(table.oid), TableLock::RowExclusive, Wait::Forever).await?;
    let deleted = transaction.delete_trash_of(&table.storage, |slice| slices.contains(&slice)).await?;
    transaction.commit(Durability::Sync).await?;
    Ok(deleted)
}
