//! CREATE and REFRESH MATERIALIZED VIEW: a table that keeps the rows of its query. The session runs the query and fills it.

use auth::ObjectKind;
use storage::TableLock;

use super::view::named_columns;
use super::{DefinitionEnvironment, options};
use crate::catalog::{Materialized, Table, TableKind, empty_storage};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::BoundView;
use crate::statement::definition::{NewMaterialized, Refresh};

/// Makes the table, without rows yet.
pub(super) async fn create(new: &NewMaterialized, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let options = options::of_table_as(&new.view.options)?;
    environment.hold_storage(&options).await?;
    let BoundView { query, view } = environment.bind_view(&new.view).await?;
    if query.uses.iter().any(|used| used.table.temporary.is_some()) {
        let message = "materialized views must not use temporary tables or views";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let columns = named_columns(&query.outputs, &new.view.columns, "CREATE MATERIALIZED VIEW")?;
    let Some(place) = environment.claim_place(&new.view.name, new.if_not_exists).await? else { return Ok(()) };
    if place.temporary(None).is_some() {
        let message = "cannot create relations in temporary schemas of other sessions";
        return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    let (oid, generation) = (environment.store.allocate_oid()?, environment.new_generation()?);
    let owner = environment.principal.role().0;
    environment.lock_role(owner, false).await?;
    let acl = environment.new_acl(owner, Some(place.schema.oid), ObjectKind::Table);
    let mut table = Table {
        oid,
        schema: place.schema.oid,
        name: place.name,
        owner,
        acl,
        kind: TableKind::Table,
        column_acls: Default::default(),
        class: Default::default(),
        materialized: Some(Box::new(Materialized { view, populated: new.with_data })),
        temporary: None,
        unlogged: false,
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
    environment.made = new.with_data.then_some(oid);
    Ok(())
}

/// Empties the table for rows that are computed anew. CONCURRENTLY keeps readers out all the same: the contents are
/// exchanged as a whole.
pub(super) async fn refresh(refresh: &Refresh, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let Some(oid) = environment.lock_to_alter(&refresh.name, false, TableLock::AccessExclusive).await? else {
        return Ok(());
    };
    let (catalog, table) = environment.locked_table(oid)?;
    let Some(materialized) = &table.materialized else {
        return Err(match table.kind {
            TableKind::Table => {
                let message = format!("\"{}\" is not a materialized view", table.name);
                Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
            }
            _ => {
                let message = format!("\"{}\" is not a table or materialized view", table.name);
                Error::new(SqlState::WRONG_OBJECT_TYPE, message)
            }
        });
    };
    if refresh.concurrently {
        if !materialized.populated {
            let message = "CONCURRENTLY cannot be used when the materialized view is not populated";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        let plain = |index: &crate::catalog::Index| {
            index.unique && index.predicate.is_none() && index.columns.iter().all(|column| column.expression.is_none())
        };
        if !table.indexes.iter().any(plain) {
            let schema = catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
            let name = format!("{}.{}", super::names::quoted(schema), super::names::quoted(&table.name));
            let message = format!("cannot refresh materialized view \"{name}\" concurrently");
            return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message).with_hint(
                "Create a unique index with no WHERE clause on one or more columns of the materialized view.",
            ));
        }
    }
    let mut table = (*table).clone();
    if let Some(materialized) = &mut table.materialized {
        materialized.populated = refresh.with_data;
    }
    environment.put_table(table)?;
    environment.truncate(oid)?;
    environment.made = refresh.with_data.then_some(oid);
    Ok(())
}
