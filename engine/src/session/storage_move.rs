//! STORAGE FLUSH and STORAGE COMPACT: the hot rows of tables become Parquet files, and many of those fewer.

use std::sync::Arc;

use storage::segment::{Encoding, SegmentColumn};
use storage::{Isolation, Rewrite, RewriteReport, TableId, TableLock, Value, Wait};

use super::Session;
use super::cancel::Interrupt;
use super::run::Outcome;
use super::transaction::TransactionState;
use crate::catalog::{Catalog, StoragePlace, Table, TableColumn, TableKind};
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::plan::ColumnDescription;
use crate::statement::{MoveKind, MovedTables, StorageMove};
use crate::types::{Type, modifier::numeric_precision, oid};

/// How often a move is tried that meets too many writers.
const TRIES: usize = 3;

/// What the statement answers.
pub(super) fn result_columns(kind: MoveKind) -> Vec<ColumnDescription> {
    let rows = match kind {
        MoveKind::Flush => "rows_flushed",
        MoveKind::Compact => "rows_compacted",
    };
    [rows, "parquet_files_count", "bytes", "duration_ms"]
        .map(|name| ColumnDescription::new(name, Type::new(oid::INT8)))
        .into()
}

impl Session {
    /// Flushes or compacts tables and answers what came of it.
    pub(super) async fn move_storage(&mut self, order: &StorageMove, interrupt: &Interrupt) -> Result<Outcome> {
        if !matches!(self.state, TransactionState::Idle) {
            let message = format!("{} cannot run inside a transaction block", order.kind.tag());
            return Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
        }
        let started = self.database.store().environment().instant();
        let wait = self.lock_wait();
        let mut total = RewriteReport::default();
        for table in self.moved_tables(&order.tables)? {
            let report =
                interrupt.guard(move_rows(&self.database, self.database_oid, table.oid, order.kind, wait)).await?;
            total.rows += report.rows;
            total.files += report.files;
            total.bytes += report.bytes;
        }
        let duration_ms = started.elapsed().as_millis();
        let row = [u128::from(total.rows), u128::from(total.files), u128::from(total.bytes), duration_ms];
        let row = row.map(|value| Value::Int8(i64::try_from(value).unwrap_or(i64::MAX)));
        Ok(Outcome::ready(result_columns(order.kind), vec![row.into()], order.kind.tag()))
    }

    /// The tables that are named, partitions in the place of what they are part of; or all that are the role's.
    fn moved_tables(&mut self, tables: &MovedTables) -> Result<Vec<Arc<Table>>> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let owns = |table: &Table| principal.has_privileges_of(auth::RoleId(table.owner));
        let mut tables = match tables {
            MovedTables::All { schema } => {
                let schema = schema
                    .as_deref()
                    .map(|name| catalog.schema_named(name).ok_or_else(|| no_schema(name)))
                    .transpose()?;
                let within = |table: &Table| schema.as_ref().is_none_or(|schema| schema.oid == table.schema);
                let tables = catalog.tables.values().filter(|table| owns(table) && within(table));
                tables.filter(|table| table.temporary.is_none()).cloned().collect()
            }
            MovedTables::Named(name) => {
                let tables = self.tables_and_partitions(std::slice::from_ref(name))?;
                if let Some(table) = tables.first() {
                    check_can_move(table, owns(table))?;
                }
                tables
            }
        };
        tables.retain(|table| table.kind == TableKind::Table);
        Ok(tables)
    }
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
    Ok(())
}

/// Moves the rows of one table under a lock that keeps its definition as it is. One that is gone has none.
pub(super) async fn move_rows(
    database: &Database,
    within: u32,
    table: u32,
    kind: MoveKind,
    wait: Wait,
) -> Result<RewriteReport> {
    let store = database.store();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.lock_table(TableId(table), TableLock::ShareUpdateExclusive, wait).await?;
    let mut tries = TRIES;
    let report = loop {
        let catalog = database.catalog(within);
        let Some(table) = catalog.tables.get(&table) else { break RewriteReport::default() };
        let rewrite = how_to_write(&catalog, table)?;
        let moved = match kind {
            MoveKind::Flush => store.flush_table(rewrite).await,
            MoveKind::Compact => store.compact_table(rewrite).await,
        };
        match moved {
            Err(storage::Error::MoveLost) if tries > 1 => tries -= 1,
            result => break result?,
        }
    };
    // Its snapshot may be the last that reads what was replaced.
    drop(transaction);
    let swept = store.clone();
    let swept = tokio::task::spawn_blocking(move || swept.sweep_segments()).await;
    swept.map_err(|_| Error::internal("deleting files has panicked"))??;
    Ok(report)
}

fn how_to_write(catalog: &Catalog, table: &Table) -> Result<Rewrite> {
    let storage = catalog.storage_of(table)?.map(Arc::as_ref);
    Ok(Rewrite {
        table: Arc::clone(&table.storage),
        columns: table.columns.iter().zip(&table.storage.columns).map(segment_column).collect(),
        place: storage.map(StoragePlace::place),
        folder: catalog.folder_of(table, storage)?,
    })
}

fn segment_column((column, stored): (&TableColumn, &storage::Column)) -> SegmentColumn {
    let numeric = numeric_precision(column.ty.modifier);
    let numeric = numeric.and_then(|(precision, scale)| Some((precision.try_into().ok()?, scale.try_into().ok()?)));
    SegmentColumn { name: column.name.clone(), encoding: Encoding::of(&stored.column_type, numeric) }
}
