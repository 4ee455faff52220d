//! Giving back the room of rows that streams do not show any more.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::TableSchema;

use super::{Context, JobKind, TableOf, Work};
use crate::database::Database;
use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamEviction {
    /// The streams that have something to evict.
    pub(crate) streams: Vec<TableOf>,
}

impl StreamEviction {
    /// The streams there are.
    pub(super) fn streams(database: &Database) -> Vec<(TableOf, Arc<TableSchema>)> {
        let mut streams = Vec::new();
        for catalog in database.catalogs().all() {
            let of_catalog = catalog.tables.values().filter(|table| table.is_stream());
            streams.extend(
                of_catalog
                    .map(|table| (TableOf { database: catalog.database, table: table.oid }, table.storage.clone())),
            );
        }
        streams
    }
}

#[async_trait]
impl Work for StreamEviction {
    fn kind(&self) -> JobKind {
        JobKind::StreamEviction
    }

    fn table(&self) -> Option<TableOf> {
        match self.streams.as_slice() {
            [of] => Some(*of),
            _ => None,
        }
    }

    fn key(&self) -> Option<String> {
        Some("stream-eviction".to_owned())
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    /// It takes no turn: a long flush must not let streams grow.
    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<Value> {
        context.begin()?;
        let started = database.store().environment().instant();
        let (mut tables, mut buckets, mut rows) = (0_u64, 0, 0);
        for of in &self.streams {
            let catalog = database.catalog(of.database);
            let Some(table) = catalog.tables.get(&of.table) else { continue };
            let (store, schema) = (database.store().clone(), table.storage.clone());
            let evicted = tokio::task::spawn_blocking(move || store.evict(&schema)).await;
            let evicted = evicted.map_err(|error| Error::internal(format!("eviction ended early: {error}")))??;
            tables += 1;
            buckets += evicted.buckets;
            rows += evicted.rows;
        }
        let duration_ms = started.elapsed().as_millis() as u64;
        Ok(
            json!({ "tables_count": tables, "buckets_evicted": buckets, "rows_evicted": rows, "duration_ms": duration_ms }),
        )
    }
}
