//! CREATE TABLE … INHERITS: columns and checks of several parents and of the statement become those of one table.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{ColumnDef, ObjectName};

use super::refuse_parent;
use crate::catalog::pg_catalog::{collation_name, collation_of_type};
use crate::catalog::{Catalog, ColumnHints, Compression, Constraint, ConstraintKind, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::execute::definition::DefinitionEnvironment;
use crate::execute::definition::column::WrittenColumn;
use crate::execute::definition::constraint::Check;
use crate::execute::definition::rename::{parsed, table_in_check};
use crate::plan::bind::fold;
use crate::types;

/// What stands for the default of a column whose parents have different ones, until the statement gives it one.
struct Conflict {
    column: String,
}

impl DefinitionEnvironment<'_> {
    /// Finds and locks the tables that a new one inherits from.
    pub(in crate::execute::definition) async fn lock_parents(
        &mut self,
        names: &[ObjectName],
        temporary: bool,
    ) -> Result<Vec<Arc<Table>>> {
        let mut parents: Vec<Arc<Table>> = Vec::with_capacity(names.len());
        for name in names {
            let parent = self.lock_alone(name).await?;
            refuse_parent(&parent, temporary)?;
            if parents.iter().any(|known| known.oid == parent.oid) {
                let message = format!("relation \"{}\" would be inherited from more than once", parent.name);
                return Err(Error::new(SqlState::DUPLICATE_TABLE, message));
            }
            parents.push(parent);
        }
        Ok(parents)
    }

    /// Gives a table under construction the columns of its parents. `written` are those that the statement names.
    pub(in crate::execute::definition) fn inherit_columns(
        &mut self,
        table: &mut Table,
        parents: &[Arc<Table>],
        written: &[ColumnDef],
    ) -> Result<()> {
        let mut conflicts: Vec<Conflict> = Vec::new();
        for parent in parents {
            for column in &parent.columns {
                match table.position_of(&column.name) {
                    Some(position) => {
                        let message = format!("merging multiple inherited definitions of column \"{}\"", column.name);
                        self.notice(message);
                        merge_inherited(&mut table.columns[position], column, &mut conflicts)?;
                    }
                    None => {
                        table.last_column += 1;
                        // The sequence of an identity column is its own table's.
                        let default = column.default.clone().filter(|_| column.identity.is_none());
                        table.columns.push(TableColumn {
                            number: table.last_column,
                            default,
                            identity: None,
                            local: false,
                            comment: None,
                            hints: ColumnHints { statistics: None, ..column.hints },
                            ..column.clone()
                        });
                    }
                }
            }
        }
        let is_given = |name: &str| {
            use datafusion::sql::sqlparser::ast::ColumnOption::{Default, Generated};
            let given = written.iter().find(|column| fold(&column.name) == name);
            given.is_some_and(|column| {
                column.options.iter().any(|said| matches!(said.option, Default(_) | Generated { .. }))
            })
        };
        if let Some(Conflict { column }) = conflicts.iter().find(|conflict| !is_given(&conflict.column)) {
            let message = format!("column \"{column}\" inherits conflicting default values");
            return Err(Error::new(SqlState::INVALID_COLUMN_DEFINITION, message)
                .with_hint("To resolve the conflict, specify a default explicitly."));
        }
        table.inherits = parents.iter().map(|parent| parent.oid).collect();
        Ok(())
    }

    /// Applies what the statement says of a column that the table has of its parents.
    pub(in crate::execute::definition) fn merge_column(
        &mut self,
        catalog: &Arc<Catalog>,
        table: &mut Table,
        position: usize,
        written: &WrittenColumn<'_>,
    ) -> Result<()> {
        let name = &written.name;
        self.notice(format!("merging column \"{name}\" with inherited definition"));
        let column = &mut table.columns[position];
        if column.ty != written.ty {
            return Err(type_conflict(&format!("column \"{name}\" has a type conflict"), column, written.ty));
        }
        check_collations(column, &written.name, written.hints.collation)?;
        merge_compression(column, written.hints.compression)?;
        let invalid = |message: String| Err(Error::new(SqlState::INVALID_COLUMN_DEFINITION, message));
        if column.generated && written.generated.is_none() {
            if written.default.is_some() || written.sequence.is_some() && written.identity.is_none() {
                return invalid(format!("column \"{name}\" inherits from generated column but specifies default"));
            }
            if written.identity.is_some() {
                return invalid(format!("column \"{name}\" inherits from generated column but specifies identity"));
            }
        }
        if column.generated && written.generated.is_some() {
            return invalid(format!("child column \"{name}\" specifies generation expression")).map_err(|error: Error| {
                error.with_hint(
                    "Omit the generation expression in the definition of the child table column to inherit the generation expression from the parent table.",
                )
            });
        }
        if written.sequence.is_some() {
            return Err(Error::unsupported("a serial or identity column that is inherited too"));
        }
        column.local = true;
        column.not_null |= written.not_null;
        if let Some(expression) = written.generated {
            column.default = Some(expression.to_string());
            column.generated = true;
        }
        if let Some(value) = written.default {
            let ty = column.ty;
            let bound = self.bind_default(catalog, name, ty, value)?;
            let stored = bound.map(|_| self.stored_default(catalog, value)).transpose()?;
            table.columns[position].default = stored;
        }
        Ok(())
    }

    /// Gives a table under construction the checks of its parents; those that the statement says too are taken out of it.
    pub(in crate::execute::definition) fn inherit_own_checks(
        &mut self,
        table: &mut Table,
        parents: &[Arc<Table>],
        written: &mut Vec<Check<'_>>,
    ) -> Result<()> {
        for parent in parents {
            for inherited in parent.constraints.iter().filter(|constraint| constraint.is_handed_on()) {
                let mut copy = inherited.clone();
                table_in_check(&mut copy, &parent.name, &table.name)?;
                let ConstraintKind::Check { expression } = &copy.kind else { continue };
                if let Some(known) = table.constraints.iter().find(|own| own.name == copy.name) {
                    if known.kind == copy.kind {
                        continue;
                    }
                    let message = format!(
                        "check constraint name \"{}\" appears multiple times but with different expressions",
                        copy.name
                    );
                    return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
                }
                let name = Some(copy.name.clone());
                let check = Check { name, expression: &parsed(expression)?, not_valid: false, no_inherit: false };
                self.add_check(table, &check)?;
                table.constraints.iter_mut().rev().take(1).for_each(|own| own.local = false);
            }
        }
        let mut own = Vec::with_capacity(written.len());
        for check in written.drain(..) {
            let Some(name) = check.name.clone().filter(|name| table.constraints.iter().any(|own| own.name == *name))
            else {
                own.push(check);
                continue;
            };
            let expression = check.expression.to_string();
            let said = Constraint {
                no_inherit: check.no_inherit,
                ..Constraint::new(0, name, ConstraintKind::Check { expression })
            };
            self.merge_check(table, &said)?;
        }
        *written = own;
        Ok(())
    }
}

/// One column that two parents have.
fn merge_inherited(own: &mut TableColumn, other: &TableColumn, conflicts: &mut Vec<Conflict>) -> Result<()> {
    if own.ty != other.ty {
        return Err(type_conflict(&format!("inherited column \"{}\" has a type conflict", own.name), own, other.ty));
    }
    if own.generated != other.generated {
        let message = format!("inherited column \"{}\" has a generation conflict", own.name);
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    }
    check_collations(own, &other.name, other.hints.collation)?;
    merge_compression(own, other.hints.compression)?;
    own.not_null |= other.not_null;
    let given = other.default.clone().filter(|_| other.identity.is_none());
    match (&own.default, given) {
        (Some(default), Some(given)) if *default != given => conflicts.push(Conflict { column: own.name.clone() }),
        (None, given) => own.default = given,
        _ => {}
    }
    Ok(())
}

/// Definitions of one column must agree on the collation.
fn check_collations(own: &TableColumn, name: &str, other: Option<u32>) -> Result<()> {
    if own.hints.collation == other {
        return Ok(());
    }
    let message = format!("column \"{name}\" has a collation conflict");
    let other = other.unwrap_or_else(|| collation_of_type(own.ty.oid));
    Err(collation_conflict(message, own.collation(), other))
}

/// 42P21 of two collations, by oid.
pub(super) fn collation_conflict(message: String, one: u32, other: u32) -> Error {
    let shown = |oid: u32| collation_name(oid).unwrap_or("default");
    let detail = format!("\"{}\" versus \"{}\"", shown(one), shown(other));
    Error::new(SqlState::COLLATION_MISMATCH, message).with_detail(detail)
}

fn merge_compression(own: &mut TableColumn, other: Option<Compression>) -> Result<()> {
    match (own.hints.compression, other) {
        (Some(one), Some(two)) if one != two => {
            let message = format!("column \"{}\" has a compression method conflict", own.name);
            let detail = format!("{} versus {}", one.name(), two.name());
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, message).with_detail(detail));
        }
        (None, given) => own.hints.compression = given,
        _ => {}
    }
    Ok(())
}

fn type_conflict(message: &str, own: &TableColumn, other: types::Type) -> Error {
    let detail = format!("{} versus {}", types::display(own.ty), types::display(other));
    Error::new(SqlState::DATATYPE_MISMATCH, message.to_owned()).with_detail(detail)
}
