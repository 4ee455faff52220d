//! ALTER TABLE … ADD, DROP and RENAME CONSTRAINT.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{DropBehavior, Ident, TableConstraint};

use super::DefinitionEnvironment;
use super::constraint::{BoundCheck, Check, Key, Written};
use super::drop::{Dependent, Part};
use super::foreign_key::Added;
use super::names;
use super::rename::parsed;
use crate::catalog::{Catalog, Change, Constraint, ConstraintKind, Deferrable, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::{Binder, fold};

impl DefinitionEnvironment<'_> {
    pub(super) async fn alter_add_constraint(
        &mut self,
        oid: u32,
        constraint: &TableConstraint,
        not_valid: bool,
    ) -> Result<()> {
        match constraint {
            TableConstraint::PrimaryKeyUsingIndex(using) => return self.adopt_index(oid, using, true).await,
            TableConstraint::UniqueUsingIndex(using) => return self.adopt_index(oid, using, false).await,
            _ => {}
        }
        let mut written = Written::of_table(constraint)?;
        match &mut written {
            Written::Check(check) => check.not_valid = not_valid,
            Written::ForeignKey(key) => key.not_valid = not_valid,
            Written::Key(key) if not_valid => {
                let what = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
                let message = format!("{what} constraints cannot be marked NOT VALID");
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
            Written::Key(_) => {}
        }
        self.add_written(oid, written).await
    }

    /// VALIDATE CONSTRAINT: looks at the rows that were there when it was added.
    pub(super) async fn validate_constraint(&mut self, oid: u32, name: &Ident) -> Result<()> {
        let name = fold(name);
        let (catalog, table) = self.locked_table(oid)?;
        let Some(at) = table.constraints.iter().position(|constraint| constraint.name == name) else {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name);
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        };
        let constraint = table.constraints[at].clone();
        match &constraint.kind {
            ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => {
                let message = format!(
                    "constraint \"{name}\" of relation \"{}\" is not a foreign key or check constraint",
                    table.name
                );
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            _ if !constraint.not_valid => return Ok(()),
            ConstraintKind::Check { expression } => {
                let (condition, places) = self.bind_check(&catalog, &table, &parsed(expression)?, "")?;
                self.validate_check(&table, &BoundCheck { name, condition, places }).await?;
            }
            ConstraintKind::ForeignKey { columns, target, target_columns, match_full, .. } => {
                let (columns, target_columns) = (columns.clone(), target_columns.clone());
                let added = Added { name, columns, target: *target, target_columns, match_full: *match_full };
                self.validate_foreign_key(&table, &added).await?;
            }
        }
        let mut table = (*table).clone();
        table.constraints[at].not_valid = false;
        self.put_table(table)?;
        Ok(())
    }

    /// ALTER CONSTRAINT: says when a foreign key is checked.
    pub(super) fn alter_constraint(&mut self, oid: u32, name: &str, deferrable: Option<Deferrable>) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let Some(at) = table.constraints.iter().position(|constraint| constraint.name == name) else {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name);
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        };
        if !matches!(table.constraints[at].kind, ConstraintKind::ForeignKey { .. }) {
            let message =
                format!("constraint \"{name}\" of relation \"{}\" is not a foreign key constraint", table.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        if table.constraints[at].parent.is_some() || table.partitioning.key.is_some() {
            return Err(Error::unsupported("ALTER CONSTRAINT of a partitioned table or its partition"));
        }
        let mut table = (*table).clone();
        table.constraints[at].deferrable = deferrable;
        self.put_table(table)?;
        Ok(())
    }

    /// Adds a constraint to a table that may have rows, which must all satisfy it.
    pub(super) async fn add_written(&mut self, oid: u32, constraint: Written<'_>) -> Result<()> {
        let (_, before) = self.locked_table(oid)?;
        let mut table = (*before).clone();
        match constraint {
            Written::Key(key) if key.primary && key.deferrable.is_none() => {
                return self.add_primary_key(oid, &key).await;
            }
            Written::Key(key) => {
                self.add_key(&mut table, &key).await?;
                for at in 0..table.columns.len() {
                    if table.columns[at].not_null && !before.columns[at].not_null {
                        self.validate_not_null(&before, at).await?;
                    }
                }
                table.lay_out(before.storage.generation, &[])?;
                self.fill_last_index(&table).await?;
            }
            Written::Check(check) if self.is_inherited_check(&table, &check) => {
                let expression = check.expression.to_string();
                let name = check.name.clone().unwrap_or_default();
                let said = Constraint::new(0, name, ConstraintKind::Check { expression });
                let (not_valid, no_inherit) = (check.not_valid, check.no_inherit);
                self.merge_check(&mut table, &Constraint { not_valid, no_inherit, ..said })?;
            }
            Written::Check(check) => {
                let bound = self.add_check(&mut table, &check)?;
                if !check.not_valid {
                    self.validate_check(&before, &bound).await?;
                }
            }
            Written::ForeignKey(key) => {
                let added = self.add_foreign_key(&mut table, &key).await?;
                if !key.not_valid {
                    self.validate_foreign_key(&table, &added).await?;
                }
            }
        }
        self.redefine(table)?;
        Ok(())
    }

    /// Whether a table has a check of that name of its parents, and not of its own.
    fn is_inherited_check(&mut self, table: &Table, check: &Check<'_>) -> bool {
        let own = table.constraints.iter().find(|own| Some(&own.name) == check.name.as_ref() && !own.local);
        own.is_some_and(|own| self.catalog().check_parents(table, &own.name) > 0)
    }

    /// Rows lie under their primary key, so they all move.
    pub(super) async fn add_primary_key(&mut self, oid: u32, key: &Key) -> Result<()> {
        let (_, before) = self.locked_table(oid)?;
        let mut after = (*before).clone();
        self.add_key(&mut after, key).await?;
        self.rewrite(&before, after, None).await
    }

    pub(super) async fn alter_drop_constraint(
        &mut self,
        oid: u32,
        name: &Ident,
        if_exists: bool,
        behavior: Option<&DropBehavior>,
    ) -> Result<()> {
        let name = fold(name);
        let (catalog, table) = self.locked_table(oid)?;
        let Some(constraint) = table.constraints.iter().find(|constraint| constraint.name == name) else {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name);
            if if_exists {
                self.notice_skipping(None, message);
                return Ok(());
            }
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        };
        let index = match &constraint.kind {
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => {
                return self.remove_part(oid, Part::Constraint(constraint.oid));
            }
            ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => *index,
        };
        let shown_index = format!("index {}", self.shown_relation(&catalog, table.schema, &name));
        let shown = format!("constraint {} on table {}", names::quoted(&name), self.shown(&catalog, &table));
        let mut dependents = self.keys_needing(&catalog, &table, index, &shown_index);
        if matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }) {
            dependents.extend(self.views_grouped_by(&catalog, &table, constraint.oid, &shown));
        }
        let cascade = matches!(behavior, Some(DropBehavior::Cascade));
        self.cascade_or_refuse(&dependents, &shown, cascade).await?;
        self.lock_name(table.schema, &name).await?;
        self.drop_key(oid, constraint.oid, index).await
    }

    /// The views that group by a primary key alone and show other columns too, which only the key allows; and what is over
    /// them.
    fn views_grouped_by(&self, catalog: &Catalog, table: &Table, key: u32, shown: &str) -> Vec<Dependent> {
        let mut without = table.clone();
        without.constraints.retain(|own| own.oid != key);
        let mut changed = catalog.clone();
        changed.apply(&Change::Table(table.oid, Some(Arc::new(without))));
        let changed = Arc::new(changed);
        let mut found = Vec::new();
        for view in catalog.views_reading(table.oid, None) {
            let Some(query) = view.stored_query() else { continue };
            let bound = Binder::new(&changed, self.context, &[]).stored_query(query);
            if !bound.is_err_and(|error| error.sql_state() == SqlState::GROUPING_ERROR) {
                continue;
            }
            let name = format!("{} {}", view.noun(), self.shown(catalog, view));
            found.push(Dependent { table: view.oid, part: Part::Whole, shown: name, on: shown.to_owned() });
            found.extend(self.views_over(catalog, &[view.oid], None));
        }
        found
    }

    /// Drops a key of a table and its index.
    pub(super) async fn drop_key(&mut self, oid: u32, constraint: u32, index: u32) -> Result<()> {
        let (_, before) = self.locked_table(oid)?;
        let mut after = (*before).clone();
        after.constraints.retain(|own| own.oid != constraint);
        after.indexes.retain(|own| own.oid != index);
        if before.row_key().is_some() && after.row_key().is_none() {
            // Rows lose the key that they lie under.
            return self.rewrite(&before, after, None).await;
        }
        for index in before.indexes.iter().filter(|own| own.oid == index) {
            if let Some(generation) = index.generation {
                self.transaction.dropped(generation);
            }
        }
        after.lay_out(before.storage.generation, &[])?;
        self.redefine(after)?;
        Ok(())
    }

    pub(super) async fn alter_rename_constraint(&mut self, oid: u32, old: &Ident, new: &Ident) -> Result<()> {
        let (old, new) = (fold(old), fold(new));
        let (_, table) = self.locked_table(oid)?;
        let Some(at) = table.constraints.iter().position(|constraint| constraint.name == old) else {
            let message = format!("constraint \"{old}\" for table \"{}\" does not exist", table.name);
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
        };
        if let ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } =
            &table.constraints[at].kind
        {
            return self.rename_index(oid, *index, &new).await;
        }
        if table.constraints.iter().any(|constraint| constraint.name == new) {
            let message = format!("constraint \"{new}\" for relation \"{}\" already exists", table.name);
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        let mut table = (*table).clone();
        table.constraints[at].name = new;
        self.redefine(table)?;
        Ok(())
    }
}
