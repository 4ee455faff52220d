//! ALTER TABLE … REPLICA IDENTITY: checked as PostgreSQL does, kept and shown. No stream of changes goes by it.

use super::DefinitionEnvironment;
use super::cluster::own_index;
use crate::catalog::{Index, ReplicaIdentity, Table};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::ReplicaIdentityChange;

impl DefinitionEnvironment<'_> {
    pub(super) fn set_replica_identity(&mut self, oid: u32, change: &ReplicaIdentityChange) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        let identity = match change {
            ReplicaIdentityChange::Default => ReplicaIdentity::Key,
            ReplicaIdentityChange::Full => ReplicaIdentity::Full,
            ReplicaIdentityChange::Nothing => ReplicaIdentity::Nothing,
            ReplicaIdentityChange::Index(name) => {
                let index = own_index(&catalog, &table, name)?;
                check_identifies(&table, index)?;
                ReplicaIdentity::Index(index.oid)
            }
        };
        let mut table = (*table).clone();
        table.replica_identity = identity;
        self.put_table(table)?;
        Ok(())
    }
}

/// An error for an index whose columns do not tell rows apart.
fn check_identifies(table: &Table, index: &Index) -> Result<()> {
    let name = &index.name;
    let cannot = |what: &str| {
        let message = format!("cannot use {what} index \"{name}\" as replica identity");
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message))
    };
    if !index.unique {
        let message = format!("cannot use non-unique index \"{name}\" as replica identity");
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if index.deferrable {
        return cannot("non-immediate");
    }
    if index.columns.iter().any(|column| column.expression.is_some()) {
        return cannot("expression");
    }
    if index.predicate.is_some() {
        return cannot("partial");
    }
    let columns = index.columns.iter().filter_map(|column| table.position_of_number(column.number));
    match columns.map(|position| &table.columns[position]).find(|column| !column.not_null) {
        None => Ok(()),
        Some(column) => {
            let message = format!(
                "index \"{name}\" cannot be used as replica identity because column \"{}\" is nullable",
                column.name
            );
            Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message))
        }
    }
}
