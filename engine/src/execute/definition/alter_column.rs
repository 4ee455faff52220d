//! ALTER TABLE … ADD, DROP and ALTER COLUMN.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    self, AlterColumnOperation, ColumnDef, DataType, DropBehavior, GeneratedAs, Ident, ObjectName, Spanned,
};
use storage::Value;

use super::alter::{column_of, shown_column};
use super::column::{WrittenColumn, collation_of_domain};
use super::drop::Part;
use super::generated::{Bound, Values, exact, refuse_generated};
use super::rename::parsed;
use super::sequence::ColumnSequence;
use super::{DefinitionEnvironment, retype};
use crate::catalog::sequence::next_value_text;
use crate::catalog::{Catalog, ConstraintKind, Identity, ReplicaIdentity, Table};
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{NoRow, eval};
use crate::expr::{Expr, walk};
use crate::function::{CastContext, EvalContext, resolve};
use crate::plan::bind::{Binder, Clause, fold};
use crate::plan::point::ColumnPlaces;
use crate::plan::relation::Relation;
use crate::statement::definition::{SequenceOptions, identity_options};
use crate::types::{self, Type, builtin, oid};

impl DefinitionEnvironment<'_> {
    pub(super) async fn alter_add_column(
        &mut self,
        oid: u32,
        definition: &ColumnDef,
        if_not_exists: bool,
    ) -> Result<()> {
        let (catalog, before) = self.locked_table(oid)?;
        let column = self.read_column(&catalog, &before.name, definition)?;
        if before.position_of(&column.name).is_some() {
            let message = format!("column \"{}\" of relation \"{}\" already exists", column.name, before.name);
            if if_not_exists {
                self.notice_skipping(Some(SqlState::DUPLICATE_COLUMN), message);
                return Ok(());
            }
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        self.extend_table(&catalog, &before, &column).await?;
        for constraint in column.constraints {
            self.add_written(oid, constraint).await?;
        }
        Ok(())
    }

    /// Adds a column to a table that may have rows.
    async fn extend_table(&mut self, catalog: &Arc<Catalog>, before: &Table, column: &WrittenColumn<'_>) -> Result<()> {
        let mut table = before.clone();
        let default = self.add_column(catalog, &mut table, column).await?;
        let position = table.columns.len() - 1;
        if let Some(bound) = self.bind_generated(catalog, &table, position)? {
            return self.extend_with_generated(before, table, &bound).await;
        }
        // A domain has a say in what the rows that are there hold, if there are any.
        let default = match default {
            default if !builtin::is_domain(column.ty.oid) => default,
            _ if !self.has_rows(before)? => None,
            Some(default) => Some(default),
            None => Some(Binder::new(catalog, self.context, &[]).default_of(&table, position)?),
        };
        let Some(default) = default else {
            if column.not_null && self.has_rows(before)? {
                return Err(self.contains_null(&table, position));
            }
            table.lay_out(before.storage.generation, &[])?;
            self.redefine(table)?;
            return Ok(());
        };
        if walk::is_volatile(&default) {
            // A sequence that the column brings along is in this transaction's catalog only.
            let context = &EvalContext { catalog: self.catalog(), ..self.context.clone() };
            let refusal = column.not_null.then(|| self.contains_null(&table, position));
            let mut extend = |mut values: Vec<Value>| {
                let value = eval(&default, context, &NoRow)?;
                if value.is_null()
                    && let Some(refusal) = &refusal
                {
                    return Err(refusal.clone());
                }
                values.push(value);
                Ok(values)
            };
            return self.rewrite(before, table, Some(&mut extend)).await;
        }
        // The rows that are there hold the default as it is at this moment, without being rewritten.
        let value = eval(&default, self.context, &NoRow)?;
        if value.is_null() && column.not_null && self.has_rows(before)? {
            return Err(self.contains_null(&table, position));
        }
        let number = table.columns[position].number;
        table.lay_out(before.storage.generation, &[(number, value)])?;
        self.redefine(table)?;
        Ok(())
    }

    pub(super) async fn alter_drop_column(
        &mut self,
        oid: u32,
        column: &Ident,
        if_exists: bool,
        behavior: Option<&DropBehavior>,
    ) -> Result<()> {
        let name = fold(column);
        let (catalog, before) = self.locked_table(oid)?;
        let Some(position) = before.position_of(&name) else {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", before.name);
            if if_exists {
                self.notice_skipping(None, message);
                return Ok(());
            }
            return Err(Error::new(SqlState::UNDEFINED_COLUMN, message));
        };
        let number = before.columns[position].number;
        let shown = shown_column(self, &catalog, &before, &name);
        // Keys of the table itself go with the column.
        let mut dependents = self.foreign_keys(&catalog, |child, target, columns| {
            let points = target.oid == oid && child.oid != oid && columns.contains(&number);
            points.then(|| shown.clone())
        });
        let owned = catalog.sequences_of(oid).filter(|(_, owner)| owner.column == number);
        let owned: Vec<u32> = owned.map(|(sequence, _)| sequence.oid).collect();
        let others = self.defaults_using(&catalog, &owned, &[]);
        dependents.extend(others.into_iter().filter(|other| other.table != oid || other.part != Part::Default(number)));
        dependents.extend(self.generated_dependents(&catalog, &before, position, &shown)?);
        dependents.extend(self.views_over(&catalog, &[oid], Some(number)));
        let cascade = matches!(behavior, Some(DropBehavior::Cascade));
        self.cascade_or_refuse(&dependents, &shown, cascade).await?;
        for column in self.generated_from(&catalog, &before, position)? {
            Box::pin(self.alter_drop_column(oid, &exact(&column.name), false, behavior)).await?;
        }
        let (catalog, before) = self.locked_table(oid)?;
        let position = column_of(&before, &name)?;
        let after = self.without_column(&catalog, &before, position)?;
        self.put_without_column(&before, after, position).await?;
        self.drop_owned_sequences(oid, Some(number))
    }

    /// The table without the column at a position and without the constraints and indexes that name it.
    fn without_column(&self, catalog: &Arc<Catalog>, before: &Arc<Table>, position: usize) -> Result<Table> {
        let number = before.columns[position].number;
        let mut after = (**before).clone();
        let mut kept = Vec::with_capacity(after.constraints.len());
        for constraint in std::mem::take(&mut after.constraints) {
            let names_it = match &constraint.kind {
                ConstraintKind::PrimaryKey { columns, index } | ConstraintKind::Unique { columns, index } => {
                    let index = before.indexes.iter().find(|own| own.oid == *index);
                    columns.contains(&number) || index.is_some_and(|index| index.included.contains(&number))
                }
                ConstraintKind::ForeignKey { columns, target, target_columns, .. } => {
                    columns.contains(&number) || (*target == before.oid && target_columns.contains(&number))
                }
                ConstraintKind::Check { expression } => {
                    let (condition, places) = self.bind_check(catalog, before, &parsed(expression)?, "")?;
                    walk::columns_of(&condition).into_iter().any(|var| places.place(var) == Some(position))
                }
            };
            if !names_it {
                kept.push(constraint);
            }
        }
        after.constraints = kept;
        let derived = self.indexes_deriving(catalog, before, position)?;
        after.indexes.retain(|index| {
            !derived.contains(&index.oid)
                && !index.included.contains(&number)
                && index.columns.iter().all(|column| column.number != number)
        });
        after.columns.remove(position);
        after.column_acls.remove(&number);
        Ok(after)
    }

    async fn put_without_column(&mut self, before: &Table, mut after: Table, position: usize) -> Result<()> {
        if before.row_key() != after.row_key() {
            // Rows lose the key that they lie under.
            let mut shorten = |mut values: Vec<Value>| {
                values.remove(position);
                Ok(values)
            };
            return self.rewrite(before, after, Some(&mut shorten)).await;
        }
        for index in before.secondary_indexes().filter(|index| after.indexes.iter().all(|kept| kept.oid != index.oid)) {
            if let Some(generation) = index.generation {
                self.transaction.dropped(generation);
            }
        }
        after.lay_out(before.storage.generation, &[])?;
        self.redefine(after)?;
        Ok(())
    }

    pub(super) async fn alter_column(
        &mut self,
        oid: u32,
        column: &Ident,
        operation: &AlterColumnOperation,
    ) -> Result<()> {
        let (catalog, before) = self.locked_table(oid)?;
        let name = fold(column);
        let position = column_of(&before, &name)?;
        let mut table = (*before).clone();
        let column = &mut table.columns[position];
        match operation {
            AlterColumnOperation::SetNotNull => {
                column.not_null = true;
                self.validate_not_null(&before, position).await?;
            }
            AlterColumnOperation::DropNotNull => {
                refuse_identity(column.identity, &name, &before.name)?;
                let number = column.number;
                let identifies = |index: &&crate::catalog::Index| {
                    before.replica_identity == ReplicaIdentity::Index(index.oid)
                        && index.columns.iter().any(|column| column.number == number)
                };
                if before.primary_key().is_none_or(|key| !key.contains(&number))
                    && before.indexes.iter().any(|index| identifies(&index))
                {
                    let message = format!("column \"{name}\" is in index used as replica identity");
                    return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
                }
                if before.primary_key().is_some_and(|key| key.contains(&column.number)) {
                    let message = format!("column \"{name}\" is in a primary key");
                    return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
                }
                column.not_null = false;
            }
            AlterColumnOperation::SetDefault { value } => {
                refuse_identity(column.identity, &name, &before.name)?;
                refuse_generated(column, &before.name, false)?;
                let bound = self.bind_default(&catalog, &name, column.ty, value)?;
                column.default = bound.map(|_| self.stored_default(&catalog, value)).transpose()?;
            }
            AlterColumnOperation::DropDefault => {
                refuse_identity(column.identity, &name, &before.name)?;
                refuse_generated(column, &before.name, true)?;
                column.default = None;
            }
            AlterColumnOperation::SetDataType { data_type, using, had_set: _ } => {
                return self.change_type(oid, position, data_type, using.as_ref()).await;
            }
            AlterColumnOperation::AddGenerated { generated_as, sequence_options } => {
                let identity = match generated_as {
                    Some(GeneratedAs::Always) => Identity::Always,
                    Some(GeneratedAs::ByDefault) => Identity::ByDefault,
                    Some(GeneratedAs::ExpStored) | None => {
                        return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \"GENERATED\""));
                    }
                };
                let options = identity_options(sequence_options.as_deref().unwrap_or_default())?;
                return self.add_identity(oid, position, identity, &options).await;
            }
        }
        self.redefine(table)?;
        Ok(())
    }

    /// ADD GENERATED … AS IDENTITY.
    pub(super) async fn add_identity(
        &mut self,
        oid: u32,
        position: usize,
        identity: Identity,
        options: &SequenceOptions,
    ) -> Result<()> {
        let (_, before) = self.locked_table(oid)?;
        let column = &before.columns[position];
        let refused = |message: String| Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
        let shown = format!("column \"{}\" of relation \"{}\"", column.name, before.name);
        if column.identity.is_some() {
            return refused(format!("{shown} is already an identity column"));
        }
        if column.default.is_some() {
            refuse_generated(column, &before.name, false)?;
            return refused(format!("{shown} already has a default value"));
        }
        if !column.not_null {
            return refused(format!("{shown} must be declared NOT NULL before identity can be added"));
        }
        let sequence = ColumnSequence {
            table: oid,
            table_name: &before.name,
            schema: before.schema,
            owner: before.owner,
            number: column.number,
            column: &column.name,
            ty: column.ty,
        };
        let sequence = self.create_column_sequence(&sequence, options).await?;
        let mut table = (*before).clone();
        table.columns[position].identity = Some(identity);
        table.columns[position].default = Some(next_value_text(sequence));
        self.redefine(table)?;
        Ok(())
    }

    /// 0A000 for another type of a column that a view reads, or a function whose body was read before.
    fn refuse_viewed(&self, catalog: &Catalog, table: &Table, column: &crate::catalog::TableColumn) -> Result<()> {
        let mut functions = catalog.functions.values();
        if let Some(function) = functions.find(|function| function.reads(table.oid, Some(column.number))) {
            let message = "cannot alter type of a column used by a function or procedure";
            let detail = format!("{} depends on column \"{}\"", self.function_shown(catalog, function), column.name);
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(detail));
        }
        let Some(view) = catalog.views_reading(table.oid, Some(column.number)).next() else {
            return self.refuse_in_policy(catalog, table, column);
        };
        let message = "cannot alter type of a column used by a view or rule";
        let detail =
            format!("rule _RETURN on view {} depends on column \"{}\"", self.shown(catalog, view), column.name);
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(detail))
    }

    /// 0A000 for another type of a column that a trigger or a policy names.
    fn refuse_in_policy(&self, catalog: &Catalog, table: &Table, column: &crate::catalog::TableColumn) -> Result<()> {
        if let Some(trigger) = table.triggers.iter().find(|trigger| trigger.names(table.oid, column.number)) {
            let message = "cannot alter type of a column used in a trigger definition";
            let shown = self.trigger_shown(catalog, table, trigger);
            let detail = format!("{shown} depends on column \"{}\"", column.name);
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(detail));
        }
        let Some((on, policy)) = catalog.policies_reading(table.oid, Some(column.number)).next() else { return Ok(()) };
        let message = "cannot alter type of a column used in a policy definition";
        let detail = format!("{} depends on column \"{}\"", self.policy_shown(catalog, on, policy), column.name);
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(detail))
    }

    /// Runs SET DATA TYPE … COLLATE: what is beneath the table would have to follow.
    pub(super) async fn change_type_and_collation(
        &mut self,
        oid: u32,
        position: usize,
        (data_type, collation): (&DataType, &ObjectName),
        using: Option<&ast::Expr>,
    ) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        if !catalog.descendants(oid).is_empty() || table.partitioning.of.is_some() || !table.inherits.is_empty() {
            return Err(Error::unsupported("ALTER COLUMN … TYPE … COLLATE of a table with partitions or heirs"));
        }
        let ty = self.storable_type(&catalog, &table.columns[position].name, data_type)?;
        let named = self.checked_collation(collation, ty)?;
        self.change_type(oid, position, data_type, using).await?;
        let (_, table) = self.locked_table(oid)?;
        let mut table = (*table).clone();
        table.columns[position].hints.collation = named;
        self.redefine(table)?;
        Ok(())
    }

    async fn change_type(
        &mut self,
        oid: u32,
        position: usize,
        data_type: &DataType,
        using: Option<&ast::Expr>,
    ) -> Result<()> {
        let (catalog, before) = self.locked_table(oid)?;
        let column = &before.columns[position];
        let ty = self.storable_type(&catalog, &column.name, data_type)?;
        // The sequence of an identity column goes by the column's type.
        let sequence = match column.identity {
            None => None,
            Some(_) => {
                let options = SequenceOptions { value_type: Some(sequence_type(ty)?), ..SequenceOptions::default() };
                let mut owned = catalog.sequences_of(oid).filter(|(_, owner)| owner.column == column.number);
                owned.next().map(|(sequence, _)| (sequence.oid, options))
            }
        };
        if let Some((sequence, options)) = sequence {
            self.change_sequence(sequence, &options).await?;
        }
        self.hold_type(ty).await?;
        self.refuse_viewed(&catalog, &before, column)?;
        let pointed_at = self.foreign_keys(&catalog, |child, target, columns| {
            let own = |constraint: &crate::catalog::Constraint| match &constraint.kind {
                ConstraintKind::ForeignKey { columns, .. } => columns.contains(&column.number),
                _ => false,
            };
            let involved = (target.oid == oid && columns.contains(&column.number))
                || (child.oid == oid && child.constraints.iter().any(own));
            involved.then(String::new)
        });
        // Values that stay as they are refer to what they referred to.
        let stays = using.is_none() && ty.oid == column.ty.oid && retype::needs_no_rows(&before, position, ty);
        if let Some(key) = pointed_at.first().filter(|_| !stays) {
            return Err(Error::unsupported(format!("changing the type of a column of {}", key.shown)));
        }
        if let Some(generated) = self.generated_from(&catalog, &before, position)?.first() {
            let message = "cannot alter type of a column used by a generated column";
            let (used, name) = (&column.name, &generated.name);
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
                .with_detail(format!("Column \"{used}\" is used by generated column \"{name}\".")));
        }
        let mut after = (*before).clone();
        after.columns[position].ty = ty;
        // The new type's own, unless COLLATE follows.
        after.columns[position].hints.collation = collation_of_domain(&catalog, ty);
        let is_plain = using.is_none() && !column.generated;
        let (convert, places) = match self.bind_generated(&catalog, &after, position)? {
            Some(_) if using.is_some() => {
                let message = "cannot specify USING when altering type of generated column";
                return Err(Error::new(SqlState::INVALID_COLUMN_DEFINITION, message)
                    .with_detail(format!("Column \"{}\" is a generated column.", column.name)));
            }
            Some(Bound { expr, places }) => (expr, places),
            None => self.bind_conversion(&catalog, &before, position, ty, using)?,
        };
        if let Some(default) = column.default.as_ref().filter(|_| !column.generated) {
            self.bind_default(&catalog, &column.name, ty, &parsed(default)?).map_err(|_| {
                let message = format!(
                    "default for column \"{}\" cannot be cast automatically to type {}",
                    column.name,
                    types::display(ty)
                );
                Error::new(SqlState::DATATYPE_MISMATCH, message)
            })?;
        }
        if is_plain && retype::needs_no_rows(&before, position, ty) {
            self.retype(&before, after, position).await?;
            return self.recheck(oid).await;
        }
        let context = self.context_over(&before);
        let refusal = column.not_null.then(|| self.contains_null(&after, position));
        let mut change = |mut values: Vec<Value>| {
            let value = eval(&convert, &context, &Values { values: &values, places: &places })?;
            if value.is_null()
                && let Some(refusal) = &refusal
            {
                return Err(refusal.clone());
            }
            values[position] = value;
            Ok(values)
        };
        self.rewrite(&before, after, Some(&mut change)).await?;
        self.recheck(oid).await
    }

    /// Binds what makes the new value of a column whose type changes.
    fn bind_conversion(
        &self,
        catalog: &Arc<Catalog>,
        table: &Arc<Table>,
        position: usize,
        ty: Type,
        using: Option<&ast::Expr>,
    ) -> Result<(Expr, ColumnPlaces)> {
        let name = &table.columns[position].name;
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(self.text);
        let (relation, scope) = binder.scan(table, None);
        let own = ast::Expr::Identifier(Ident::with_quote('"', name.as_str()));
        let value = binder.expr_in(using.unwrap_or(&own), &scope, Clause::AlterUsing)?;
        let places = match &relation {
            Relation::Scan(scan) => ColumnPlaces::new(scan.columns.iter().map(|(at, column)| (column.var, *at))),
            _ => return Err(Error::internal("a table is not read by a scan")),
        };
        let converted = resolve::coerce(value, ty, CastContext::Assignment, self.context).map_err(|error| {
            let known = matches!(error.sql_state(), SqlState::DATATYPE_MISMATCH | SqlState::CANNOT_COERCE);
            let shown = types::display(ty);
            match using {
                _ if !known => error,
                Some(using) => {
                    let message = format!(
                        "result of USING clause for column \"{name}\" cannot be cast automatically to type {shown}"
                    );
                    Error::new(SqlState::DATATYPE_MISMATCH, message)
                        .with_hint("You might need to add an explicit cast.")
                        .at(self.position(using.span()))
                }
                None => {
                    let message = format!("column \"{name}\" cannot be cast automatically to type {shown}");
                    let quoted = super::names::quoted(name);
                    Error::new(SqlState::DATATYPE_MISMATCH, message)
                        .with_hint(format!("You might need to specify \"USING {quoted}::{shown}\"."))
                }
            }
        })?;
        Ok((converted, places))
    }

    /// Tries every check of a table whose rows were converted.
    async fn recheck(&mut self, oid: u32) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        for constraint in &table.constraints {
            let ConstraintKind::Check { expression } = &constraint.kind else { continue };
            if constraint.not_valid {
                continue;
            }
            let (condition, places) = self.bind_check(&catalog, &table, &parsed(expression)?, "")?;
            let check = super::constraint::BoundCheck { name: constraint.name.clone(), condition, places };
            self.validate_check(&table, &check).await?;
        }
        Ok(())
    }
}

/// What the sequence of an identity column of a type counts in. 22023 if nothing can.
fn sequence_type(ty: Type) -> Result<DataType> {
    match ty.oid {
        oid::INT2 => Ok(DataType::SmallInt(None)),
        oid::INT4 => Ok(DataType::Integer(None)),
        oid::INT8 => Ok(DataType::BigInt(None)),
        _ => {
            let message = "identity column type must be smallint, integer, or bigint";
            Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message))
        }
    }
}

/// 42601 for the default of an identity column, which is its sequence's, and for NULL in one.
fn refuse_identity(identity: Option<Identity>, column: &str, table: &str) -> Result<()> {
    match identity {
        None => Ok(()),
        Some(_) => {
            let message = format!("column \"{column}\" of relation \"{table}\" is an identity column");
            Err(Error::new(SqlState::SYNTAX_ERROR, message))
        }
    }
}
