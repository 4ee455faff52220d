//! BACKUP DATABASE and RESTORE DATABASE.

use std::path::PathBuf;

use storage::Value;
use storage::backup::Stop;

use super::Session;
use super::cancel::Interrupt;
use super::run::Outcome;
use super::transaction::TransactionState;
use crate::error::{Error, Result, SqlState};
use crate::plan::ColumnDescription;
use crate::statement::BackupOrder;
use crate::types::{Type, oid};

/// What the statement answers.
pub(super) fn result_columns(order: &BackupOrder) -> Vec<ColumnDescription> {
    let names: &[&str] = match order {
        BackupOrder::Backup(_) => &["files_count", "bytes", "copied_files_count", "copied_bytes", "duration_ms"],
        BackupOrder::Restore(_) => &["files_count", "bytes", "duration_ms"],
    };
    names.iter().map(|name| ColumnDescription::new(*name, Type::new(oid::INT8))).collect()
}

impl Session {
    /// Backs everything up, or exchanges it for a backup. A restore ends every session once it is decided, this one after
    /// its answer.
    pub(super) async fn copy_database(&mut self, order: &BackupOrder, interrupt: &Interrupt) -> Result<Outcome> {
        if !matches!(self.state, TransactionState::Idle) {
            let message = format!("{} cannot run inside a transaction block", order.tag());
            return Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
        }
        let catalog = self.catalog();
        if !self.principal(&catalog).is_superuser() {
            let message = format!("permission denied for {}", order.tag());
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        let (BackupOrder::Backup(path) | BackupOrder::Restore(path)) = order;
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            let message = format!("\"{}\" is not an absolute path", path.display());
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        let store = self.database.store().clone();
        let started = store.environment().instant();
        let is_backup = matches!(order, BackupOrder::Backup(_));
        let copying = async {
            let copied = tokio::task::spawn_blocking(move || {
                if is_backup {
                    let report = store.back_up(&path, &Stop::default())?;
                    return Ok(vec![report.files, report.bytes, report.copied_files, report.copied_bytes]);
                }
                store.stage_restore(&path, &Stop::default()).map(|report| vec![report.files, report.bytes])
            });
            copied
                .await
                .map_err(|_| Error::internal("copying has panicked"))?
                .map_err(|error: storage::Error| error.into())
        };
        let mut row = interrupt.guard(copying).await?;
        row.push(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
        if !is_backup {
            self.database.exchange();
        }
        let row = row.into_iter().map(|value| Value::Int8(i64::try_from(value).unwrap_or(i64::MAX)));
        Ok(Outcome::ready(result_columns(order), vec![row.collect()], order.tag()))
    }
}
