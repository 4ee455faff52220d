//! The table of CREATE TABLE AS and SELECT INTO; the session fills it.

use auth::ObjectKind;

use super::view::columns_of;
use super::{DefinitionEnvironment, options};
use crate::catalog::{Table, TableKind, empty_storage};
use crate::error::Result;
use crate::statement::definition::{NewTableAs, Persistence};
use crate::types::Type;

/// Makes a table of columns that a query answers.
pub(super) async fn create(
    new: &NewTableAs,
    columns: &[(String, Type)],
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    environment.class = new.class;
    let options = options::of_table_as(&new.options)?;
    environment.hold_storage(&options).await?;
    let columns = columns.iter().map(|(name, ty)| (name.as_str(), *ty));
    let columns = columns_of(columns, &new.columns, new.verb)?;
    let on_commit = match &new.persistence {
        Persistence::Temporary(on_commit) => environment.make_temporary(on_commit.as_ref()),
        Persistence::Permanent | Persistence::Unlogged => None,
    };
    let Some(place) = environment.claim_place(&new.name, new.if_not_exists).await? else { return Ok(()) };
    let (oid, generation) = (environment.store.allocate_oid()?, environment.new_generation()?);
    let owner = environment.principal.role().0;
    environment.lock_role(owner, false).await?;
    let acl = environment.new_acl(owner, Some(place.schema.oid), ObjectKind::Table);
    let temporary = place.temporary(on_commit);
    let mut table = Table {
        oid,
        schema: place.schema.oid,
        name: place.name,
        owner,
        acl,
        kind: TableKind::Table,
        column_acls: Default::default(),
        class: new.class,
        materialized: None,
        temporary,
        unlogged: new.persistence == Persistence::Unlogged,
        last_column: columns.len() as u16,
        columns,
        constraints: Vec::new(),
        indexes: Vec::new(),
        options,
        comment: None,
        partitioning: Default::default(),
        inherits: Vec::new(),
        replica_identity: Default::default(),
        security: None,
        triggers: Vec::new(),
        version: 0,
        storage: empty_storage(oid, generation),
    };
    table.lay_out(generation, &[])?;
    environment.put_table(table)?;
    environment.made = Some(oid);
    Ok(())
}
