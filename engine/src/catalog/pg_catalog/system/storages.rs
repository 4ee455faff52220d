//! `system.storages`: the places for files other than the data directory.

use storage::Value;

use super::stored_tables;
use crate::catalog::OwnOption;
use crate::catalog::pg_catalog::Reader;
use crate::catalog::pg_catalog::relation::{options, row};

/// What says who asks is a name and no secret.
pub(super) fn rows(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let storages = reader.catalog.storages.values().map(|storage| {
        let goes_there = |name: Option<&str>| name == Some(storage.name.as_str());
        let tables = stored_tables(reader.catalog).filter(|table| goes_there(table.own_option(OwnOption::Storage)));
        row![
            &storage.name,
            storage.kind.name(),
            &storage.path,
            storage.template(),
            options(&storage.options),
            tables.count() as i64,
        ]
    });
    storages.collect()
}
