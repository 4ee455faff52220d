//! BACKUP DATABASE and RESTORE DATABASE: they order a job and wait for it.

use std::path::PathBuf;

use auth::{Duty, RoleKind};
use storage::Value;

use super::Session;
use super::cancel::Interrupt;
use super::run::Outcome;
use crate::error::{Error, Result, SqlState};
use crate::job::{Backup, Order, Restore, Task};
use crate::plan::ColumnDescription;
use crate::statement::BackupOrder;
use crate::types::{Type, oid};

/// What the statement answers: numbers that the job answers under these names.
fn result_names(order: &BackupOrder) -> &'static [&'static str] {
    match order {
        BackupOrder::Backup(_) => &["files_count", "bytes", "copied_files_count", "copied_bytes", "duration_ms"],
        BackupOrder::Restore(_) => &["files_count", "bytes", "duration_ms"],
    }
}

pub(super) fn result_columns(order: &BackupOrder) -> Vec<ColumnDescription> {
    result_names(order).iter().map(|name| ColumnDescription::new(*name, Type::new(oid::INT8))).collect()
}

impl Session {
    /// Backs everything up, or exchanges it for a backup. A restore ends every session once it is decided, this one after
    /// its answer.
    pub(super) async fn copy_database(&mut self, order: &BackupOrder, interrupt: &Interrupt) -> Result<Outcome> {
        self.check_outside(order.tag())?;
        let catalog = self.catalog();
        // Whoever restores says who may do what from then on.
        let least = match order {
            BackupOrder::Backup(_) => Duty::Operate.least_kind(),
            BackupOrder::Restore(_) => RoleKind::System,
        };
        if self.principal(&catalog).kind() < least {
            let message = format!("permission denied for {}", order.tag());
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
                .with_hint(format!("It takes a role of kind {}.", least.name())));
        }
        let (BackupOrder::Backup(path) | BackupOrder::Restore(path)) = order;
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            let message = format!("\"{}\" is not an absolute path", path.display());
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
        let task = match order {
            BackupOrder::Backup(_) => Task::Backup(Backup { to: path }),
            BackupOrder::Restore(_) => Task::Restore(Restore { from: path }),
        };
        let (database, role) = (self.database.clone(), self.current_role().0);
        let done = async { database.jobs().order(&database, Order::awaited(task, role))?.end().await };
        let result = interrupt.guard(done).await?;
        let row = result_names(order).iter().map(|name| Value::Int8(result[name].as_i64().unwrap_or(i64::MAX)));
        Ok(Outcome::ready(result_columns(order), vec![row.collect()], order.tag()))
    }
}
