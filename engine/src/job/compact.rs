//! The compaction of one table's segments.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use storage::{Compaction, RewriteReport};

use super::moving::{Moved, move_rows};
use super::{Context, JobKind, Order, TableOf, Task, Work};
use crate::catalog::Table;
use crate::database::Database;
use crate::error::Result;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Compact {
    #[serde(flatten)]
    pub(crate) of: TableOf,
    /// Whether only what is due is compacted: nobody has asked.
    pub(crate) only_due: bool,
    /// How long to wait for the table at most; `None`: as long as it takes.
    #[serde(default)]
    pub(crate) lock_timeout_ms: Option<u64>,
}

impl Compact {
    /// What is ordered when nobody has asked.
    pub(crate) fn due(of: TableOf) -> Self {
        Self { of, only_due: true, lock_timeout_ms: None }
    }

    /// Orders the compaction of a table that needs one.
    pub(super) fn order_if_due(database: &Arc<Database>, of: TableOf) -> Result<()> {
        let catalog = database.catalog(of.database);
        let Some(table) = catalog.tables.get(&of.table) else { return Ok(()) };
        if may_be_due(table) && database.store().is_compaction_due(table.storage.generation)? {
            database.jobs().order(database, Order::unasked(Task::Compact(Self::due(of))))?;
        }
        Ok(())
    }
}

/// Whether its owner lets the table be maintained without being asked: PostgreSQL's `autovacuum_enabled`.
pub(super) fn may_be_due(table: &Table) -> bool {
    let said = table.options.iter().find(|(name, _)| name == "autovacuum_enabled");
    !said.is_some_and(|(_, value)| {
        matches!(value.to_ascii_lowercase().as_str(), "false" | "off" | "no" | "0" | "f" | "n")
    })
}

#[async_trait]
impl Work for Compact {
    fn kind(&self) -> JobKind {
        JobKind::Compact
    }

    fn table(&self) -> Option<TableOf> {
        Some(self.of)
    }

    fn key(&self) -> Option<String> {
        let what = if self.only_due { "compact-due" } else { "compact" };
        Some(format!("{what}:{}:{}", self.of.database, self.of.table))
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn parameters(&self) -> serde_json::Value {
        serde_json::json!({ "only_due": self.only_due })
    }

    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<serde_json::Value> {
        let started = database.store().environment().instant();
        let compaction = if self.only_due { Compaction::Due } else { Compaction::Whole };
        let RewriteReport { rows, files, bytes, .. } =
            move_rows(database, self.of, Moved::Cold(compaction), self.lock_timeout_ms, context).await?;
        Ok(serde_json::json!({
            "rows_compacted": rows,
            "parquet_files_count": files,
            "bytes": bytes,
            "duration_ms": started.elapsed().as_millis() as u64,
        }))
    }
}
