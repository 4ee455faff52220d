//! CREATE and ALTER VIEW.

use std::sync::Arc;

use auth::ObjectKind;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use storage::{GenerationId, TableId, TableLock};

use super::{DefinitionEnvironment, options, sequence};
use crate::catalog::{Catalog, Table, TableColumn, TableKind, View, empty_storage};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::authorize_uses;
use crate::plan::bind::{Binder, BoundView, check_written, fold};
use crate::plan::relation::{CheckAs, Output, RelationUse};
use crate::statement::definition::{NewView, ViewChange};
use crate::types::{self, Type};

/// Runs CREATE VIEW.
pub(super) async fn create(new: &NewView, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let options = options::of_view(&new.options)?;
    let BoundView { query, view } = environment.bind_view(new).await?;
    let mut own = query.uses.iter().filter(|used| used.check_as == CheckAs::Caller);
    let over_temporary = own.any(|used| used.table.temporary.is_some());
    if over_temporary && !new.temporary {
        let name = environment.qualified(&new.name)?;
        environment.notice(format!("view \"{}\" will be a temporary view", name.name));
    }
    if over_temporary || new.temporary {
        environment.make_temporary(None);
    }
    let columns = named_columns(&query.outputs, &new.columns, "CREATE VIEW")?;
    if options.iter().any(|(name, _)| name == "check_option") {
        check_written(&environment.catalog(), &view, &query.relation)?;
    }
    let Some(place) = environment.claim_or_replace(&new.name, new.replace).await? else {
        let catalog = environment.catalog();
        let place = environment.place(&catalog, &new.name)?;
        let name = [place.schema.name.as_str(), place.name.as_str()].map(|name| Ident::with_quote('"', name));
        return environment.replace_view(&ObjectName::from(name.to_vec()), columns, view, options).await;
    };
    let oid = environment.store.allocate_oid()?;
    let owner = environment.principal.role().0;
    environment.lock_role(owner, false).await?;
    let acl = environment.new_acl(owner, Some(place.schema.oid), ObjectKind::Table);
    let temporary = place.temporary(None);
    environment.put_table(Table {
        oid,
        schema: place.schema.oid,
        name: place.name,
        owner,
        acl,
        kind: TableKind::View(Box::new(view)),
        column_acls: Default::default(),
        class: Default::default(),
        materialized: None,
        temporary,
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
        storage: empty_storage(oid, GenerationId(0)),
    })?;
    Ok(())
}

/// Runs ALTER VIEW.
pub(super) async fn alter(
    name: &ObjectName,
    materialized: bool,
    if_exists: bool,
    change: &ViewChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(oid) = environment.lock_to_alter(name, if_exists, TableLock::AccessExclusive).await? else {
        return Ok(());
    };
    let (_, table) = environment.locked_table(oid)?;
    let what = if materialized { "materialized view" } else { "view" };
    if table.noun() != what {
        let message = format!("\"{}\" is not a {what}", table.name);
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    let parameters = if materialized { options::of_table_as } else { options::of_view };
    match change {
        ViewChange::Rename(name) => environment.rename_table(oid, name).await,
        ViewChange::RenameColumn(old, new) => environment.alter_rename_column(oid, old, new),
        ViewChange::Owner(role) => environment.change_table_owner(oid, &sequence::owner_of(role)?).await,
        ViewChange::Schema(schema) => environment.set_table_schema(oid, schema).await,
        ViewChange::Column(column, operation) => environment.alter_column(oid, column, operation).await,
        ViewChange::SetOptions(given) => {
            let given = parameters(given)?;
            if let Some(view) = table.view().filter(|_| given.iter().any(|(name, _)| name == "check_option")) {
                let catalog = environment.catalog();
                let relation =
                    Binder::new(&catalog, environment.context, &[]).checking_only().expanded(&table, view)?.0;
                check_written(&catalog, view, &relation)?;
            }
            let mut table = (*table).clone();
            options::merge(&mut table.options, given);
            environment.redefine(table).map(|_| ())
        }
        ViewChange::ResetOptions(names) => {
            let mut table = (*table).clone();
            table.options.retain(|(name, _)| !names.contains(name));
            environment.redefine(table).map(|_| ())
        }
    }
}

/// The columns of a relation made from a query: the query's, the first of them under other names.
pub(super) fn named_columns(outputs: &[Output], names: &[Ident], statement: &str) -> Result<Vec<TableColumn>> {
    let outputs = outputs.iter().map(|output| (output.name.as_str(), output.column.ty));
    columns_of(outputs, names, statement)
}

pub(super) fn columns_of<'a>(
    outputs: impl ExactSizeIterator<Item = (&'a str, Type)>,
    names: &[Ident],
    statement: &str,
) -> Result<Vec<TableColumn>> {
    if names.len() > outputs.len() {
        let message = match statement {
            "CREATE VIEW" => "CREATE VIEW specifies more column names than columns",
            _ => "too many column names were specified",
        };
        return Err(Error::new(SqlState::SYNTAX_ERROR, message));
    }
    let mut columns: Vec<TableColumn> = Vec::with_capacity(outputs.len());
    for (at, (own, ty)) in outputs.enumerate() {
        let name = names.get(at).map_or_else(|| own.to_owned(), fold);
        // A view has no columns of the system's.
        if statement != "CREATE VIEW" {
            super::column::check_name(&name)?;
        }
        if columns.iter().any(|column| column.name == name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        super::column::check_storable(&name, ty)?;
        columns.push(TableColumn {
            number: (at + 1) as u16,
            name,
            ty,
            not_null: false,
            default: None,
            identity: None,
            generated: false,
            local: true,
            comment: None,
            hints: Default::default(),
        });
    }
    super::column::check_count(columns.len())?;
    Ok(columns)
}

impl DefinitionEnvironment<'_> {
    /// Binds the view's query and locks what it reads, so that it is there when the view is.
    pub(super) async fn bind_view(&mut self, new: &NewView) -> Result<BoundView> {
        loop {
            let catalog = self.catalog();
            let text = new.text.as_deref().unwrap_or(self.text);
            let mut binder = Binder::new(&catalog, self.context, &[]).with_text(text);
            let bound = binder.new_view(&new.query, new.from, new.to)?;
            if self.lock_uses(&catalog, &bound.query.uses).await? {
                return Ok(bound);
            }
        }
    }

    /// Checks that the principal may look at what a new view reads, and locks it; false if it changed meanwhile.
    pub(super) async fn lock_uses(&mut self, catalog: &Arc<Catalog>, uses: &[RelationUse]) -> Result<bool> {
        // Whether rows may be read is asked when they are; names must be allowed to be looked up now.
        authorize_uses(uses, self.principal, catalog)?;
        for used in uses.iter().filter(|used| !used.table.is_system()) {
            self.transaction.lock_table(TableId(used.table.oid), TableLock::AccessShare, self.wait).await?;
        }
        Ok(self.catalog().version == catalog.version)
    }

    /// Puts another query in the place of a view's, under the same oid.
    async fn replace_view(
        &mut self,
        name: &ObjectName,
        mut columns: Vec<TableColumn>,
        view: View,
        options: Vec<(String, String)>,
    ) -> Result<()> {
        let Some(oid) = self.lock_to_alter(name, false, TableLock::AccessExclusive).await? else { return Ok(()) };
        let (_, table) = self.locked_table(oid)?;
        if table.view().is_none() {
            let message = format!("\"{}\" is not a view", table.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        check_same_columns(&table.columns, &columns)?;
        let mut table = (*table).clone();
        for (column, old) in columns.iter_mut().zip(&table.columns) {
            *column = old.clone();
        }
        table.last_column = columns.len() as u16;
        table.columns = columns;
        table.kind = TableKind::View(Box::new(view));
        table.options = options;
        self.redefine(table)?;
        Ok(())
    }
}

/// 42P16 unless the new columns begin with the old ones.
fn check_same_columns(old: &[TableColumn], new: &[TableColumn]) -> Result<()> {
    let refused = |message: String| Error::new(SqlState::INVALID_TABLE_DEFINITION, message);
    if new.len() < old.len() {
        return Err(refused("cannot drop columns from view".to_owned()));
    }
    for (old, new) in old.iter().zip(new) {
        if old.name != new.name {
            let message = format!("cannot change name of view column \"{}\" to \"{}\"", old.name, new.name);
            return Err(refused(message)
                .with_hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        if old.ty != new.ty {
            return Err(refused(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name,
                types::display(old.ty),
                types::display(new.ty)
            )));
        }
    }
    Ok(())
}
