//! `pg_namespace` and `pg_database`.

use storage::Value;

use super::class::PG_CLASS;
use super::comment::PG_NAMESPACE;
use super::relation::{NULL, acl_items, row};
use super::{PG_CATALOG, Reader};

/// `pg_enc` of UTF-8, the only encoding.
const UTF8: i32 = 6;
/// The tablespace that everything is in.
const DEFAULT_TABLESPACE: u32 = 1663;

pub(super) fn namespaces(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let schemas = reader.schemas();
    schemas
        .map(|schema| row![schema.oid, &schema.name, schema.owner, acl_items(reader.catalog, schema.acl.as_ref())])
        .collect()
}

/// The privileges that the system's own schema and relations have from the beginning, which no dump repeats.
pub(super) fn initial_privileges(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let catalog = reader.catalog;
    let schemas = catalog.schemas.get(&PG_CATALOG).into_iter();
    let schemas = schemas.map(|own| row![own.oid, PG_NAMESPACE, 0, 'i', acl_items(catalog, own.acl.as_ref())]);
    let relations = reader.tables().filter(|table| table.is_system());
    let relations = relations.map(|own| row![own.oid, PG_CLASS, 0, 'i', acl_items(catalog, own.acl.as_ref())]);
    schemas.chain(relations).collect()
}

pub(super) fn databases(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let database = |database: &crate::catalog::Database| {
        row![
            database.oid,
            &database.name,
            database.owner,
            UTF8,
            'c',
            database.is_template(),
            database.allows_connections(),
            -1,
            // There are no transaction ids that could wrap around.
            0u32,
            0u32,
            DEFAULT_TABLESPACE,
            "C.UTF-8",
            "C.UTF-8",
            NULL,
            NULL,
            acl_items(reader.catalog, database.acl.as_ref()),
        ]
    };
    reader.catalog.databases.values().map(|found| database(found)).collect()
}
