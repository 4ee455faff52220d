//! Columns as they are written: name, type, NOT NULL, DEFAULT, and the constraints that stand at them.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ColumnDef, ColumnOption, ColumnOptionDef, DataType, Spanned};

use super::DefinitionEnvironment;
use super::constraint::Written;
use crate::catalog::{Catalog, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::bind::{Binder, Clause, Scope, fold};
use crate::types::{self, Type, builtin};

/// PostgreSQL's `MaxHeapAttributeNumber`; columns that were dropped count.
const COLUMNS_MAX: u16 = 1600;

const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// A column as it is written.
pub(super) struct WrittenColumn<'a> {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) not_null: bool,
    pub(super) default: Option<&'a ast::Expr>,
    pub(super) constraints: Vec<Written<'a>>,
}

impl DefinitionEnvironment<'_> {
    /// Reads a column definition for a table of that name.
    pub(super) fn read_column<'a>(
        &self,
        catalog: &Catalog,
        table: &str,
        definition: &'a ColumnDef,
    ) -> Result<WrittenColumn<'a>> {
        let name = fold(&definition.name);
        if SYSTEM_COLUMNS.contains(&name.as_str()) {
            let message = format!("column name \"{name}\" conflicts with a system column name");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        let ty = storable_type(catalog, &name, &definition.data_type)?;
        self.read_options(table, definition, ty)
    }

    /// Applies what PARTITION OF says of a column that the table has of its parent. Answers it with its constraints.
    pub(super) fn override_column<'a>(
        &self,
        catalog: &Arc<Catalog>,
        table: &mut Table,
        definition: &'a ColumnDef,
    ) -> Result<WrittenColumn<'a>> {
        let name = fold(&definition.name);
        let position = table
            .position_of(&name)
            .ok_or_else(|| Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")))?;
        let written = self.read_options(&table.name, definition, table.columns[position].ty)?;
        let column = &mut table.columns[position];
        column.not_null |= written.not_null;
        if let Some(default) = written.default {
            let bound = self.bind_default(catalog, &name, column.ty, default)?;
            column.default = bound.map(|_| default.to_string());
        }
        Ok(written)
    }

    /// What is said of a column of that type.
    fn read_options<'a>(&self, table: &str, definition: &'a ColumnDef, ty: Type) -> Result<WrittenColumn<'a>> {
        let ColumnDef { name: ident, data_type: _, options } = definition;
        let name = fold(ident);
        let mut column = WrittenColumn { name, ty, not_null: false, default: None, constraints: Vec::new() };
        let mut nullable = false;
        for ColumnOptionDef { name, option } in options {
            match option {
                ColumnOption::Null => nullable = true,
                ColumnOption::NotNull => column.not_null = true,
                ColumnOption::Default(_) if column.default.is_some() => {
                    let message = format!(
                        "multiple default values specified for column \"{}\" of table \"{table}\"",
                        column.name
                    );
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message));
                }
                ColumnOption::Default(value) => column.default = Some(value),
                other => match Written::of_column(ident, name.as_ref(), other)? {
                    Some(constraint) => column.constraints.push(constraint),
                    None => return Err(unsupported_option(other)),
                },
            }
            let primary = matches!(column.constraints.last(), Some(Written::Key(key)) if key.primary);
            if nullable && (column.not_null || primary) {
                return Err(conflicting_null(&column.name, table));
            }
        }
        Ok(column)
    }

    /// Adds the column to a table under construction, without its constraints. Answers its bound default.
    pub(super) fn add_column(
        &self,
        catalog: &Arc<Catalog>,
        table: &mut Table,
        column: &WrittenColumn<'_>,
    ) -> Result<Option<Expr>> {
        let number = table.last_column + 1;
        if number > COLUMNS_MAX {
            let message = format!("tables can have at most {COLUMNS_MAX} columns");
            return Err(Error::new(SqlState::TOO_MANY_COLUMNS, message));
        }
        let bound = match column.default {
            Some(value) => self.bind_default(catalog, &column.name, column.ty, value)?,
            None => None,
        };
        table.last_column = number;
        table.columns.push(TableColumn {
            number,
            name: column.name.clone(),
            ty: column.ty,
            not_null: column.not_null,
            default: bound.as_ref().and(column.default).map(ToString::to_string),
            comment: None,
        });
        Ok(bound)
    }

    /// Binds a default for a column of this type. None: it is NULL, which is no default at all.
    pub(super) fn bind_default(
        &self,
        catalog: &Arc<Catalog>,
        column: &str,
        ty: Type,
        value: &ast::Expr,
    ) -> Result<Option<Expr>> {
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(self.text);
        let bound = binder.expr_in(value, &Scope::empty(), Clause::Default)?;
        let from = bound.ty;
        let bound = binder.assign(bound, ty, column, value.span()).map_err(|error| {
            if error.sql_state() != SqlState::DATATYPE_MISMATCH {
                return error;
            }
            let message = format!(
                "column \"{column}\" is of type {} but default expression is of type {}",
                types::display(ty),
                types::display(from)
            );
            Error::new(SqlState::DATATYPE_MISMATCH, message)
                .with_hint("You will need to rewrite or cast the expression.")
        })?;
        Ok(Some(bound).filter(|bound| !bound.as_const().is_some_and(storage::Value::is_null)))
    }
}

/// The type of a column; an error if no column can be of it.
pub(super) fn storable_type(catalog: &Catalog, column: &str, data_type: &DataType) -> Result<Type> {
    if let DataType::Custom(name, _) = data_type {
        let name = name.to_string().to_ascii_lowercase();
        if matches!(name.as_str(), "serial" | "serial2" | "serial4" | "serial8" | "bigserial" | "smallserial") {
            return Err(Error::unsupported(format!("type {name}")));
        }
    }
    let ty = types::from_ast(data_type, catalog)?;
    if builtin::info(ty.oid).is_some_and(|info| info.category == 'P' || info.oid == types::oid::UNKNOWN) {
        let message = format!("column \"{column}\" has pseudo-type {}", types::display(ty));
        return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    types::column_type(ty)?;
    Ok(ty)
}

fn conflicting_null(column: &str, table: &str) -> Error {
    let message = format!("conflicting NULL/NOT NULL declarations for column \"{column}\" of table \"{table}\"");
    Error::new(SqlState::SYNTAX_ERROR, message)
}

fn unsupported_option(option: &ColumnOption) -> Error {
    Error::unsupported(match option {
        ColumnOption::Generated { generation_expr: Some(_), .. } => "a generated column".to_owned(),
        ColumnOption::Generated { .. } | ColumnOption::Identity(_) => "an identity column".to_owned(),
        ColumnOption::Collation(_) => "COLLATE for a column".to_owned(),
        other => format!("column option {other}"),
    })
}
