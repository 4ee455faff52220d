//! `system.storages`: the places for files other than the data directory.

use storage::Value;

use super::stored_tables;
use crate::audit::secret::without_secrets;
use crate::catalog::OwnOption;
use crate::catalog::pg_catalog::Reader;
use crate::catalog::pg_catalog::relation::{options, row};

/// What says who asks is a name and no secret.
pub(super) fn rows(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let storages = reader.catalog.storages.values().map(|storage| {
        let goes_there = |name: Option<&str>| name == Some(storage.name.as_str());
        // An address may hold what nobody should have put there.
        let struck: Vec<(String, String)> =
            storage.options.iter().map(|(name, value)| (name.clone(), without_secrets(value).into_owned())).collect();
        let tables = stored_tables(reader.catalog).filter(|table| goes_there(table.own_option(OwnOption::Storage)));
        row![
            &storage.name,
            storage.kind.name(),
            without_secrets(&storage.path).as_ref(),
            storage.template(),
            options(&struck),
            tables.count() as i64,
        ]
    });
    storages.collect()
}
