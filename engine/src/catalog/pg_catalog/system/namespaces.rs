//! `system.namespaces`: the schemas of this database that somebody has made.

use storage::Value;

use super::number;
use crate::catalog::history::{ObjectOf, all_times};
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::catalog::{Catalog, TEMPORARY_SCHEMA, TableKind};
use crate::error::Result;
use crate::provider::live::LiveSources;
use crate::types::json::read_document;

pub(super) fn rows(catalog: &Catalog, live: &LiveSources) -> Result<Vec<Vec<Value>>> {
    let times = all_times(&live.store.view(), ObjectOf::Schema)?;
    let schemas = catalog.schemas.values();
    let made = schemas.filter(|schema| !schema.is_system() && !schema.name.starts_with(TEMPORARY_SCHEMA));
    let row = |schema: &std::sync::Arc<crate::catalog::Schema>| {
        let is_table = |kind: &TableKind| matches!(kind, TableKind::Table | TableKind::Files(_));
        let tables = catalog.tables.values().filter(|table| table.schema == schema.oid && is_table(&table.kind));
        let times = times.get(&schema.oid);
        let metadata = match &schema.comment {
            Some(comment) => serde_json::json!({ "comment": comment }),
            None => serde_json::json!({}),
        };
        Ok(row![
            schema.oid,
            &schema.name,
            catalog.role_name(schema.owner),
            number(tables.count() as u64),
            times.and_then(|times| times.created_at).map(Value::Timestamptz),
            times.map(|times| Value::Timestamptz(times.updated_at)),
            NULL,
            read_document(&metadata.to_string())?,
        ])
    };
    made.map(row).collect()
}
