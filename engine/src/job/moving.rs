//! Moving the rows of a table: what flush and compaction have in common.

use std::sync::Arc;
use std::time::Duration;

use storage::segment::{Encoding, SegmentColumn};
use storage::{Compaction, Isolation, Progress, Rewrite, RewriteReport, TableId, TableLock, Transaction, Wait};

use super::context::Slot;
use super::{Context, TableOf};
use crate::catalog::{Catalog, StoragePlace, Table, TableColumn};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::types::modifier::numeric_precision;

/// How often a move is begun anew that meets too many writers.
const TRIES: usize = 3;

/// Which rows are moved.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moved {
    /// Of a user table, those of users that have so many; `None`: as storage sees fit.
    Hot {
        slice_rows_min: Option<u64>,
    },
    Cold(Compaction),
}

/// Moves the rows of one table under a lock that keeps its definition as it is. One that is gone has none.
pub(super) async fn move_rows(
    database: &Arc<Database>,
    of: TableOf,
    moved: Moved,
    lock_timeout_ms: Option<u64>,
    context: &Context,
) -> Result<RewriteReport> {
    let store = database.store();
    let wait = lock_timeout_ms.map_or(Wait::Forever, |ms| Wait::For(Duration::from_millis(ms)));
    let (transaction, slot) = lock_in_turn(database, of, wait, context).await?;
    context.begin()?;
    let mut tries = TRIES;
    let report = loop {
        let catalog = database.catalog(of.database);
        let Some(table) = catalog.tables.get(&of.table) else { break RewriteReport::default() };
        let rewrite = how_to_write(&catalog, table, context.begin_rewrite())?;
        let report = match moved {
            Moved::Hot { slice_rows_min } => store.flush_table(Rewrite { slice_rows_min, ..rewrite }).await,
            Moved::Cold(compaction) => store.compact_table(rewrite, compaction).await,
        };
        match report {
            Err(storage::Error::MoveLost) if tries > 1 => tries -= 1,
            result => break result?,
        }
    };
    // Its snapshot may be the last that reads what was replaced.
    drop((transaction, slot));
    let swept = store.clone();
    let swept = tokio::task::spawn_blocking(move || swept.sweep()).await;
    swept.map_err(|_| Error::internal("sweeping has panicked"))??;
    Ok(report)
}

/// Waits for the lock and for the job's turn, and holds neither while it waits for the other.
async fn lock_in_turn(
    database: &Arc<Database>,
    of: TableOf,
    wait: Wait,
    context: &Context,
) -> Result<(Transaction, Slot)> {
    let lock = async |wait: Wait| -> storage::Result<Transaction> {
        let mut transaction = database.store().begin(Isolation::ReadCommitted);
        transaction.lock_table(TableId(of.table), TableLock::ShareUpdateExclusive, wait).await?;
        Ok(transaction)
    };
    loop {
        let transaction = lock(wait).await?;
        if let Some(slot) = context.try_slot() {
            return Ok((transaction, slot));
        }
        drop(transaction);
        let slot = context.slot().await;
        match lock(Wait::No).await {
            Ok(transaction) => return Ok((transaction, slot)),
            Err(storage::Error::LockNotAvailable) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn how_to_write(catalog: &Catalog, table: &Table, progress: Arc<Progress>) -> Result<Rewrite> {
    let storage = catalog.storage_of(table)?.map(Arc::as_ref);
    Ok(Rewrite {
        table: Arc::clone(&table.storage),
        columns: table.columns.iter().zip(&table.storage.columns).map(segment_column).collect(),
        compression: table.compression(),
        place: storage.map(StoragePlace::place),
        folder: catalog.folder_of(table, storage)?,
        slice_rows_min: None,
        progress,
    })
}

fn segment_column((column, stored): (&TableColumn, &storage::Column)) -> SegmentColumn {
    let numeric = numeric_precision(column.ty.modifier);
    let numeric = numeric.and_then(|(precision, scale)| Some((precision.try_into().ok()?, scale.try_into().ok()?)));
    SegmentColumn { name: column.name.clone(), encoding: Encoding::of(&stored.column_type, numeric) }
}
