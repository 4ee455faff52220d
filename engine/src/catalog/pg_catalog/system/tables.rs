//! `system.tables` and `system.table_schemas`: the tables of this database, where their rows lie, and the columns that
//! they had when.

use std::collections::BTreeMap;
use std::sync::Arc;

use auth::TableRows;
use storage::{ReadView, Store, Value};

use super::number;
use crate::catalog::history::{ObjectOf, TableVersion, Times, all_times, columns, versions};
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::catalog::{Catalog, OwnOption, Table, TableKind, USUAL_STORAGE};
use crate::error::Result;
use crate::provider::live::LiveSources;
use crate::types::json::read_document;

/// What a table's rows amount to.
#[derive(Default)]
struct Amounts {
    hot_rows: Option<u64>,
    hot_bytes: Option<u64>,
    cold_rows: Option<u64>,
    cold_bytes: Option<u64>,
    segments: Option<u64>,
}

fn tables_of(catalog: &Catalog) -> impl Iterator<Item = &Arc<Table>> {
    catalog.tables.values().filter(|table| matches!(table.kind, TableKind::Table | TableKind::Files(_)))
}

pub(super) fn rows(catalog: &Catalog, live: &LiveSources) -> Result<Vec<Vec<Value>>> {
    let times = all_times(&live.store.view(), ObjectOf::Table)?;
    tables_of(catalog).map(|table| row(catalog, table, &times, &live.store)).collect()
}

fn row(catalog: &Catalog, table: &Table, times: &BTreeMap<u32, Times>, store: &Store) -> Result<Vec<Value>> {
    let amounts = amounts(table, store)?;
    let counted = |count: Option<u64>| count.map(number);
    // Of a stream nothing ever comes to lie in files.
    let stored = matches!(table.kind, TableKind::Table) && !table.is_stream();
    let options: serde_json::Map<String, serde_json::Value> =
        table.options.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let times = times.get(&table.oid);
    Ok(row![
        catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str()),
        &table.name,
        table.oid,
        kind_of(table),
        catalog.role_name(table.owner),
        stored.then(|| table.own_option(OwnOption::Storage).unwrap_or(USUAL_STORAGE)),
        access_level(table),
        read_document(&serde_json::Value::Object(options).to_string())?,
        times.map_or(1, |times| i32::try_from(times.version.max(1)).unwrap_or(i32::MAX)),
        counted(amounts.hot_rows),
        counted(amounts.hot_bytes),
        counted(amounts.cold_rows),
        counted(amounts.cold_bytes),
        counted(amounts.segments),
        times.and_then(|times| times.created_at).map(Value::Timestamptz),
        times.map(|times| Value::Timestamptz(times.updated_at)),
        NULL,
        read_document(&metadata(table, times).to_string())?,
    ])
}

/// Whose rows the table has.
pub(crate) fn kind_of(table: &Table) -> &'static str {
    match table.kind {
        TableKind::Files(_) => "registered",
        _ => table.class.name(),
    }
}

/// How far the table is open, if everybody sees the same rows.
fn access_level(table: &Table) -> Option<&'static str> {
    matches!(table.rows(), Some(TableRows::Shared(_))).then(|| table.access_level().name())
}

/// How many rows there are, and where: of hot ones about, of cold ones exactly. The rows of a partitioned table are its
/// partitions'.
fn amounts(table: &Table, store: &Store) -> Result<Amounts> {
    if table.kind != TableKind::Table || table.partitioning.key.is_some() {
        return Ok(Amounts::default());
    }
    let report = store.survey(table.storage.generation)?;
    let sum = |of: fn(&storage::SegmentState) -> u64| report.segments.iter().map(of).sum::<u64>();
    Ok(Amounts {
        hot_rows: Some(report.hot_rows),
        hot_bytes: Some(report.hot_bytes),
        cold_rows: Some(sum(|state| u64::from(state.info().rows).saturating_sub(state.deleted))),
        cold_bytes: Some(sum(|state| state.info().bytes)),
        segments: Some(report.segments.len() as u64),
    })
}

/// What else is known of a table.
fn metadata(table: &Table, times: Option<&Times>) -> serde_json::Value {
    let mut metadata = serde_json::Map::new();
    if let Some(by) = times.and_then(|times| times.created_by.as_deref()) {
        metadata.insert("created_by".to_owned(), by.into());
    }
    if let Some(comment) = &table.comment {
        metadata.insert("comment".to_owned(), comment.as_str().into());
    }
    if table.temporary.is_some() {
        metadata.insert("temporary".to_owned(), true.into());
    }
    if table.materialized.is_some() {
        metadata.insert("materialized_view".to_owned(), true.into());
    }
    if table.partitioning.key.is_some() {
        metadata.insert("partitioned".to_owned(), true.into());
    }
    metadata.into()
}

pub(super) fn schemas(catalog: &Catalog, live: &LiveSources) -> Result<Vec<Vec<Value>>> {
    let view = live.store.view();
    let mut rows = Vec::new();
    for table in tables_of(catalog) {
        let schema = catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
        for version in versions_of(&view, catalog, table)? {
            let metadata = serde_json::json!({ "layout": version.layout });
            rows.push(row![
                table.oid,
                schema,
                &table.name,
                i32::try_from(version.version).unwrap_or(i32::MAX),
                read_document(&version.columns.to_string())?,
                version.created_at.map(Value::Timestamptz),
                version.created_by,
                read_document(&metadata.to_string())?,
            ]);
        }
    }
    Ok(rows)
}

/// The versions of a table's columns. One that was made before they were kept has had one so far as is known.
pub(crate) fn versions_of(view: &ReadView, catalog: &Catalog, table: &Table) -> Result<Vec<TableVersion>> {
    let known = versions(view, table.oid)?;
    if !known.is_empty() {
        return Ok(known);
    }
    let (layout, columns) = (table.storage.version.0, columns(table, catalog));
    Ok(vec![TableVersion { version: 1, created_at: None, created_by: None, layout, columns }])
}
