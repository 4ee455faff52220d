//! User tables in definitions, which look at the rows of all users and must tell nobody what is in them; and what such a
//! table cannot be.

use super::DefinitionEnvironment;
use crate::catalog::{Catalog, ForeignKeyAction, Table, TableClass};
use crate::error::{Error, Result};

/// 0A000 for a user table that is more than a table.
pub(super) fn check_class(table: &Table, catalog: &Catalog) -> Result<()> {
    let partitioning = &table.partitioning;
    let above = table.inherits.iter().chain(partitioning.of.as_ref().map(|of| &of.parent));
    let is_beneath = table.partitioning.of.is_some() || !table.inherits.is_empty();
    let above_is_divided = above.filter_map(|oid| catalog.tables.get(oid)).any(|above| above.is_divided());
    if above_is_divided || table.is_divided() && (is_beneath || partitioning.key.is_some()) {
        let class = if table.is_divided() { table.class } else { TableClass::User };
        return Err(Error::unsupported(format!("a {} table that is partitioned or inherits", class.name())));
    }
    if table.is_divided() && table.temporary.is_some() {
        return Err(Error::unsupported(format!("a temporary {} table", table.class.name())));
    }
    Ok(())
}

/// 0A000 for a foreign key whose check, or action, would have to know whose rows are meant.
pub(super) fn check_foreign_key(
    table: &Table,
    target: &Table,
    on_delete: ForeignKeyAction,
    on_update: ForeignKeyAction,
) -> Result<()> {
    if target.is_divided() && !table.is_divided() {
        let (from, to) = (&table.name, &target.name);
        return Err(Error::unsupported(format!("a foreign key from shared table \"{from}\" to user table \"{to}\"")));
    }
    if table.is_divided() && !target.is_divided() && (on_delete.writes() || on_update.writes()) {
        let target = &target.name;
        return Err(Error::unsupported(format!(
            "a foreign key of a user table with an action other than NO ACTION or RESTRICT on shared table \"{target}\""
        )));
    }
    Ok(())
}

impl DefinitionEnvironment<'_> {
    /// An error that rows of a table brought about, without their values if those may be others'.
    pub(super) fn discreet(&self, table: &Table, error: impl Into<Error>) -> Error {
        let error = error.into();
        if !table.is_divided() || self.principal.is_superuser() {
            return error;
        }
        match error.sql_state().0.get(..2) {
            Some("22") => {
                error.reworded(format!("rows of {} table \"{}\" do not allow this", table.class.name(), table.name))
            }
            _ => error.without_detail(),
        }
    }
}
