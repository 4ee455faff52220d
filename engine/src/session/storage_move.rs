//! STORAGE FLUSH, STORAGE COMPACT and OPTIMIZE TABLE: they order jobs, one a table, and wait for them unless told otherwise.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use storage::{Value, Wait};

use super::Session;
use super::cancel::Interrupt;
use super::run::Outcome;
use crate::catalog::{Table, TableKind};
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::job::{Compact, Flush, Order, TableOf, Task};
use crate::plan::ColumnDescription;
use crate::statement::{MoveKind, MovedTables, StorageMove};
use crate::types::{Type, oid};

/// How many jobs one statement that waits has under way at once.
const AWAITED_MAX: usize = 2;

/// What the statement answers.
pub(super) fn result_columns(order: &StorageMove) -> Vec<ColumnDescription> {
    if !order.waits {
        return vec![ColumnDescription::new("job_id", Type::new(oid::TEXT))];
    }
    [rows_moved(order.kind), "parquet_files_count", "bytes", "duration_ms"]
        .map(|name| ColumnDescription::new(name, Type::new(oid::INT8)))
        .into()
}

/// What a job calls the rows that it has moved.
fn rows_moved(kind: MoveKind) -> &'static str {
    match kind {
        MoveKind::Flush => "rows_flushed",
        MoveKind::Compact => "rows_compacted",
    }
}

impl Session {
    /// Flushes or compacts tables and answers what came of it, or the jobs that do so.
    pub(super) async fn move_storage(&mut self, order: &StorageMove, interrupt: &Interrupt) -> Result<Outcome> {
        self.check_outside(order.tag)?;
        let tables = self.moved_tables(&order.tables, order.kind)?;
        let rows = if order.waits {
            let started = self.database.store().environment().instant();
            let role = self.current_role().0;
            let orders = tables.iter().map(|table| Order::awaited(self.move_of(order.kind, table), role)).collect();
            let done = done(self.database.clone(), order.kind, orders);
            let [rows, files, bytes] = interrupt.guard(done).await?;
            let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let row = [rows, files, bytes, duration_ms];
            vec![row.map(|value| Value::Int8(i64::try_from(value).unwrap_or(i64::MAX))).into()]
        } else {
            let role = self.current_role().0;
            let id = |table: &Arc<Table>| {
                let job =
                    self.database.jobs().order(&self.database, Order::asked(self.move_of(order.kind, table), role))?;
                Ok(vec![Value::Text(job.job().id().into())])
            };
            tables.iter().map(id).collect::<Result<_>>()?
        };
        Ok(Outcome::ready(result_columns(order), rows, order.tag))
    }

    /// Compacts a table and waits for it.
    pub(super) async fn compact_segments(&mut self, table: &Table) -> Result<()> {
        let order = Order::awaited(self.move_of(MoveKind::Compact, table), self.current_role().0);
        done(self.database.clone(), MoveKind::Compact, vec![order]).await.map(drop)
    }

    fn move_of(&self, kind: MoveKind, table: &Table) -> Task {
        let of = TableOf { database: self.database_oid, table: table.oid };
        let lock_timeout_ms = match self.lock_wait() {
            Wait::For(limit) => Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            _ => None,
        };
        match kind {
            MoveKind::Flush => Task::Flush(Flush { of, lock_timeout_ms, slice_rows_min: None }),
            MoveKind::Compact => Task::Compact(Compact { of, only_due: false, lock_timeout_ms }),
        }
    }

    /// The tables that are named, partitions in the place of what they are part of; or all that are the role's and have
    /// something to move.
    fn moved_tables(&mut self, tables: &MovedTables, kind: MoveKind) -> Result<Vec<Arc<Table>>> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let owns = |table: &Table| table.is_moved_by(&principal);
        let mut tables = match tables {
            MovedTables::All { schema } => {
                let schema = schema
                    .as_deref()
                    .map(|name| catalog.schema_named(name).ok_or_else(|| no_schema(name)))
                    .transpose()?;
                let within = |table: &Table| schema.as_ref().is_none_or(|schema| schema.oid == table.schema);
                let tables = catalog.tables.values().filter(|table| owns(table) && within(table));
                let tables = tables.filter(|table| table.temporary.is_none());
                let mut moved = Vec::new();
                for table in tables.filter(|table| table.kind == TableKind::Table && !table.is_stream()) {
                    if self.has_something_to_move(table, kind)? {
                        moved.push(table.clone());
                    }
                }
                moved
            }
            MovedTables::Named(name) => {
                let tables = self.tables_and_partitions(std::slice::from_ref(name))?;
                if let Some(table) = tables.first() {
                    check_can_move(table, owns(table))?;
                }
                tables
            }
        };
        tables.retain(|table| table.kind == TableKind::Table && table.partitioning.key.is_none());
        Ok(tables)
    }

    fn has_something_to_move(&self, table: &Table, kind: MoveKind) -> Result<bool> {
        let (store, generation) = (self.database.store(), table.storage.generation);
        Ok(match kind {
            MoveKind::Flush => store.hot_rows(generation)? > 0,
            MoveKind::Compact => !store.segments(generation).is_empty(),
        })
    }
}

/// Has the jobs done; rows, files and bytes that they have moved.
async fn done(database: Arc<Database>, kind: MoveKind, orders: Vec<Order>) -> Result<[u64; 3]> {
    let database = &database;
    let each = orders.into_iter().map(|order| async move { database.jobs().order(database, order)?.end().await });
    let mut results = futures::stream::iter(each).buffered(AWAITED_MAX);
    let mut total = [0; 3];
    while let Some(result) = results.try_next().await? {
        for (sum, name) in total.iter_mut().zip([rows_moved(kind), "parquet_files_count", "bytes"]) {
            *sum += result[name].as_u64().unwrap_or_default();
        }
    }
    Ok(total)
}

fn no_schema(name: &str) -> Error {
    Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
}

fn check_can_move(table: &Table, owns: bool) -> Result<()> {
    if table.kind != TableKind::Table {
        let message = format!("\"{}\" is not a table", table.name);
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if !owns {
        let message = format!("must be owner of table {}", table.name);
        return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    if table.temporary.is_some() {
        return Err(Error::unsupported("moving the rows of a temporary table to files"));
    }
    if table.is_stream() {
        return Err(Error::unsupported("moving the rows of a stream table to files"));
    }
    Ok(())
}
