//! When objects were made and last changed, by whom, and which columns a table had when.
//!
//! The catalog itself tells only what is. What was is written beside it, by the transaction that changes it: for every
//! object its times, for every table one version for each change of its columns. Both go with their object. Of a table's
//! versions the newest [`VERSIONS_MAX`] are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{ReadView, Transaction};

use super::{Catalog, Change, Identity, Table, TableKind};
use crate::error::{Error, Result};

/// What the keys begin with; the catalog's own begin with small numbers.
const TIMES: u8 = b'H';
const VERSION: u8 = b'V';

/// Versions of one table that are kept.
const VERSIONS_MAX: u32 = 1000;

/// Of which kind an object is whose times are kept. Part of keys: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ObjectOf {
    Database = 2,
    Schema = 3,
    Role = 4,
    Table = 5,
    Type = 6,
    Storage = 7,
    Extension = 8,
    Function = 9,
}

/// An object's times, in microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Times {
    /// None: it was made before this was kept.
    pub(crate) created_at: Option<i64>,
    pub(crate) created_by: Option<String>,
    pub(crate) updated_at: i64,
    /// The newest version of a table's columns.
    #[serde(default)]
    pub(crate) version: u32,
}

/// A table's columns at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableVersion {
    pub(crate) version: u32,
    /// None: before this was kept.
    pub(crate) created_at: Option<i64>,
    pub(crate) created_by: Option<String>,
    /// The layout of rows that are written under it, as segments name it.
    pub(crate) layout: u16,
    pub(crate) columns: Value,
}

/// Writes what becomes of a catalog into the transaction that changes it. Names are looked up in the catalog that comes
/// of it.
pub(crate) fn record(
    transaction: &mut Transaction,
    (before, names): (&Catalog, &Catalog),
    changes: &[Change],
    (at, by): (i64, &str),
) -> Result<()> {
    // Only what comes of an object in the end.
    let last: BTreeMap<(ObjectOf, u32), &Change> = changes.iter().map(|change| (object_of(change), change)).collect();
    for ((kind, oid), change) in last {
        let old = transaction.get_entry(&times_key(kind, oid))?.map(|value| read::<Times>(&value)).transpose()?;
        match change {
            Change::Table(_, Some(table)) if table.temporary.is_some() => {}
            Change::Table(_, Some(table)) => {
                let mut times = changed(old, before.tables.contains_key(&oid), at, by);
                let table_before = before.tables.get(&oid).map(|table| &**table);
                record_columns(transaction, names, (table, table_before), &mut times, by)?;
                write(transaction, &times_key(kind, oid), &times)?;
            }
            _ if is_gone(change) => forget(transaction, kind, oid, old)?,
            _ => {
                let times = changed(old, is_known(before, kind, oid), at, by);
                write(transaction, &times_key(kind, oid), &times)?;
            }
        }
    }
    Ok(())
}

/// An object's times after a change.
fn changed(old: Option<Times>, was_there: bool, at: i64, by: &str) -> Times {
    match old {
        Some(old) => Times { updated_at: at, ..old },
        None if was_there => Times { updated_at: at, ..Times::default() },
        None => Times { created_at: Some(at), created_by: Some(by.to_owned()), updated_at: at, version: 0 },
    }
}

fn record_columns(
    transaction: &mut Transaction,
    names: &Catalog,
    (table, table_before): (&Table, Option<&Table>),
    times: &mut Times,
    by: &str,
) -> Result<()> {
    if !matches!(table.kind, TableKind::Table | TableKind::Files(_)) {
        return Ok(());
    }
    let columns = columns(table, names);
    let columns_before = table_before.map(|table| self::columns(table, names));
    if times.version > 0 && columns_before.as_ref() == Some(&columns) {
        return Ok(());
    }
    if let (0, Some(known), Some(of)) = (times.version, columns_before, table_before) {
        // The first version is that of before this was kept.
        times.version = 1;
        let is_same = known == columns;
        let layout = of.storage.version.0;
        let first = TableVersion { version: 1, created_at: None, created_by: None, layout, columns: known };
        write(transaction, &version_key(table.oid, 1), &first)?;
        if is_same {
            return Ok(());
        }
    }
    times.version += 1;
    let version = TableVersion {
        version: times.version,
        created_at: Some(times.updated_at),
        created_by: Some(by.to_owned()),
        layout: table.storage.version.0,
        columns,
    };
    if let Some(oldest) = times.version.checked_sub(VERSIONS_MAX).filter(|oldest| *oldest > 0) {
        transaction.delete_entry(&version_key(table.oid, oldest))?;
    }
    write(transaction, &version_key(table.oid, times.version), &version)
}

fn forget(transaction: &mut Transaction, kind: ObjectOf, oid: u32, old: Option<Times>) -> Result<()> {
    let Some(old) = old else { return Ok(()) };
    let first = old.version.saturating_sub(VERSIONS_MAX) + 1;
    for version in first..=old.version {
        transaction.delete_entry(&version_key(oid, version))?;
    }
    Ok(transaction.delete_entry(&times_key(kind, oid))?)
}

/// A table's columns as `system.table_schemas` shows them.
pub(crate) fn columns(table: &Table, catalog: &Catalog) -> Value {
    let column = |column: &super::TableColumn| {
        let default = column.default_shown(|oid| catalog.tables.get(&oid).map(|table| table.name.clone()));
        let ty = catalog.type_shown(column.ty, &[]).unwrap_or_else(|| column.ty.oid.to_string());
        let mut object = json!({ "number": column.number, "name": column.name, "type": ty });
        if column.not_null {
            object["not_null"] = true.into();
        }
        match column.identity {
            Some(Identity::Always) => object["identity"] = "always".into(),
            Some(Identity::ByDefault) => object["identity"] = "by default".into(),
            None => {
                if let Some(default) = default {
                    object[if column.generated { "generated" } else { "default" }] = default.into();
                }
            }
        }
        object
    };
    Value::Array(table.columns.iter().map(column).collect())
}

/// The times of every object of a kind, by oid.
pub(crate) fn all_times(view: &ReadView, kind: ObjectOf) -> Result<BTreeMap<u32, Times>> {
    let entries = view.scan_entries(&[TIMES, kind as u8])?;
    entries.into_iter().map(|(key, value)| Ok((number_at(&key, 2), read(&value)?))).collect()
}

/// The versions of a table that are known, the oldest first.
pub(crate) fn versions(view: &ReadView, table: u32) -> Result<Vec<TableVersion>> {
    let mut prefix = vec![VERSION];
    prefix.extend_from_slice(&table.to_be_bytes());
    view.scan_entries(&prefix)?.into_iter().map(|(_, value)| read(&value)).collect()
}

fn object_of(change: &Change) -> (ObjectOf, u32) {
    match change {
        Change::Database(oid, _) => (ObjectOf::Database, *oid),
        Change::Schema(oid, _) => (ObjectOf::Schema, *oid),
        Change::Role(oid, _) => (ObjectOf::Role, *oid),
        Change::Table(oid, _) => (ObjectOf::Table, *oid),
        Change::Type(oid, _) => (ObjectOf::Type, *oid),
        Change::Storage(oid, _) => (ObjectOf::Storage, *oid),
        Change::Extension(oid, _) => (ObjectOf::Extension, *oid),
        Change::Function(oid, _) => (ObjectOf::Function, *oid),
    }
}

fn is_gone(change: &Change) -> bool {
    match change {
        Change::Database(_, object) => object.is_none(),
        Change::Schema(_, object) => object.is_none(),
        Change::Role(_, object) => object.is_none(),
        Change::Table(_, object) => object.is_none(),
        Change::Type(_, object) => object.is_none(),
        Change::Storage(_, object) => object.is_none(),
        Change::Extension(_, object) => object.is_none(),
        Change::Function(_, object) => object.is_none(),
    }
}

fn is_known(catalog: &Catalog, kind: ObjectOf, oid: u32) -> bool {
    match kind {
        ObjectOf::Database => catalog.databases.contains_key(&oid),
        ObjectOf::Schema => catalog.schemas.contains_key(&oid),
        ObjectOf::Role => catalog.roles.get(&oid).is_some(),
        ObjectOf::Table => catalog.tables.contains_key(&oid),
        ObjectOf::Type => catalog.types.contains_key(&oid),
        ObjectOf::Storage => catalog.storages.contains_key(&oid),
        ObjectOf::Extension => catalog.extensions.contains_key(&oid),
        ObjectOf::Function => catalog.functions.contains_key(&oid),
    }
}

fn times_key(kind: ObjectOf, oid: u32) -> Vec<u8> {
    [&[TIMES, kind as u8][..], &oid.to_be_bytes()].concat()
}

fn version_key(table: u32, version: u32) -> Vec<u8> {
    [&[VERSION][..], &table.to_be_bytes(), &version.to_be_bytes()].concat()
}

fn number_at(key: &[u8], at: usize) -> u32 {
    key.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn read<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T> {
    serde_json::from_slice(value)
        .map_err(|error| Error::internal(format!("an entry of the catalog's history cannot be read: {error}")))
}

fn write<T: Serialize>(transaction: &mut Transaction, key: &[u8], object: &T) -> Result<()> {
    let value = serde_json::to_vec(object)
        .map_err(|error| Error::internal(format!("an entry of the catalog's history cannot be written: {error}")))?;
    Ok(transaction.put_entry(key, value)?)
}
