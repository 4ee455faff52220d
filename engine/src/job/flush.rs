//! The flush of one table.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use storage::RewriteReport;

use super::moving::{Moved, move_rows};
use super::{Compact, Context, JobKind, TableOf, Work};
use crate::database::Database;
use crate::error::Result;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flush {
    #[serde(flatten)]
    pub(crate) of: TableOf,
    /// How long to wait for the table at most; `None`: as long as it takes.
    #[serde(default)]
    pub(crate) lock_timeout_ms: Option<u64>,
    /// Of a user table, only the rows of users that have so many; `None`: all that are worth a file.
    #[serde(default)]
    pub(crate) slice_rows_min: Option<u64>,
}

impl Flush {
    fn moved(&self) -> Moved {
        Moved::Hot { slice_rows_min: self.slice_rows_min }
    }
}

#[async_trait]
impl Work for Flush {
    fn kind(&self) -> JobKind {
        JobKind::Flush
    }

    fn table(&self) -> Option<TableOf> {
        Some(self.of)
    }

    fn key(&self) -> Option<String> {
        // Who waits for all rows to be moved is not served by a job that moves some.
        let what = if self.slice_rows_min.is_none() { "flush" } else { "flush-some" };
        Some(format!("{what}:{}:{}", self.of.database, self.of.table))
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn parameters(&self) -> serde_json::Value {
        match self.slice_rows_min {
            Some(rows) => serde_json::json!({ "slice_rows_min": rows }),
            None => serde_json::json!({}),
        }
    }

    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<serde_json::Value> {
        let started = database.store().environment().instant();
        let RewriteReport { rows, files, bytes, kept } =
            move_rows(database, self.of, self.moved(), self.lock_timeout_ms, context).await?;
        if files > 0
            && let Err(error) = Compact::order_if_due(database, self.of)
        {
            // The rows have moved all the same, and the schedule looks again.
            tracing::warn!(%error, table = self.of.table, "whether a table is to be compacted could not be told");
        }
        Ok(serde_json::json!({
            "rows_flushed": rows,
            "rows_kept": kept,
            "parquet_files_count": files,
            "bytes": bytes,
            "duration_ms": started.elapsed().as_millis() as u64,
        }))
    }
}
