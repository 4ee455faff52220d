//! Deleting for good what was deleted from a table longer ago than the table keeps it.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Context, JobKind, TableOf, Work};
use crate::catalog::Table;
use crate::database::Database;
use crate::error::Result;

const HOUR_US: i64 = 3_600_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    #[serde(flatten)]
    pub(crate) of: TableOf,
}

impl Retention {
    /// The tables whose trash has something that is old enough.
    pub(super) fn due(database: &Database, now: i64) -> Result<Vec<TableOf>> {
        let oldest = database.store().oldest_trash()?;
        let mut due = Vec::new();
        if oldest.is_empty() {
            return Ok(due);
        }
        for catalog in database.catalogs().all() {
            for table in catalog.tables.values() {
                let found = oldest.iter().find(|(generation, _)| *generation == table.storage.generation);
                if found.is_some_and(|(_, deleted_at)| *deleted_at < kept_since(table, now)) {
                    due.push(TableOf { database: catalog.database, table: table.oid });
                }
            }
        }
        Ok(due)
    }
}

/// What was deleted before is not kept.
fn kept_since(table: &Table, now: i64) -> i64 {
    now.saturating_sub(i64::from(table.deleted_retention_hours()).saturating_mul(HOUR_US))
}

#[async_trait]
impl Work for Retention {
    fn kind(&self) -> JobKind {
        JobKind::Retention
    }

    fn table(&self) -> Option<TableOf> {
        Some(self.of)
    }

    fn key(&self) -> Option<String> {
        Some(format!("retention:{}:{}", self.of.database, self.of.table))
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<Value> {
        let turn = context.turn().await?;
        let catalog = database.catalog(self.of.database);
        if let Some(table) = catalog.tables.get(&self.of.table) {
            let before = kept_since(table, database.now());
            database.store().expire_trash(table.storage.generation, before)?;
        }
        Ok(json!({ "duration_ms": turn.duration_ms() }))
    }
}
