//! Generated columns: what their expressions may say, how existing rows get them, and what depends on what.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Ident;
use storage::Value;

use super::DefinitionEnvironment;
use super::alter::column_of;
use super::drop::{Dependent, Part};
use super::names;
use super::rename::parsed;
use crate::catalog::{Catalog, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{RowSource, eval};
use crate::expr::{ColumnVar, Expr, walk};
use crate::plan::bind::{Binder, fold};
use crate::plan::point::ColumnPlaces;

/// An expression over a table's columns, and where those stand.
pub(super) struct Bound {
    pub(super) expr: Expr,
    pub(super) places: ColumnPlaces,
}

/// A row's values, by position.
pub(super) struct Values<'a> {
    pub(super) values: &'a [Value],
    pub(super) places: &'a ColumnPlaces,
}

impl RowSource for Values<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let at = self.places.place(var).ok_or_else(|| Error::internal("a column of another relation"))?;
        Ok(self.values[at].clone())
    }
}

impl Bound {
    /// The positions of the columns that are named.
    pub(super) fn positions(&self) -> Vec<usize> {
        walk::columns_of(&self.expr).into_iter().filter_map(|var| self.places.place(var)).collect()
    }
}

impl DefinitionEnvironment<'_> {
    /// Binds what generates a column, if it is one that is generated. Nothing that could change by itself may be in it.
    pub(super) fn bind_generated(
        &self,
        catalog: &Arc<Catalog>,
        table: &Table,
        position: usize,
    ) -> Result<Option<Bound>> {
        let column = &table.columns[position];
        let Some(text) = column.default.as_ref().filter(|_| column.generated) else { return Ok(None) };
        let seen = Arc::new(table.clone());
        let mut binder = Binder::new(catalog, self.context, &[]);
        let (expr, places) = binder.generation(&seen, &parsed(text)?, column)?;
        let bound = Bound { expr, places };
        let invalid = |message: String| Error::new(SqlState::INVALID_OBJECT_DEFINITION, message);
        for at in bound.positions() {
            if table.columns[at].generated {
                let name = &table.columns[at].name;
                let message = format!("cannot use generated column \"{name}\" in column generation expression");
                return Err(
                    invalid(message).with_detail("A generated column cannot reference another generated column.")
                );
            }
        }
        if !walk::is_immutable(&bound.expr) {
            return Err(invalid("generation expression is not immutable".to_owned()));
        }
        Ok(Some(bound))
    }

    /// Tries the expressions of all generated columns of a table whose columns are all there.
    pub(super) fn check_generated(&self, catalog: &Arc<Catalog>, table: &Table) -> Result<()> {
        for position in 0..table.columns.len() {
            self.bind_generated(catalog, table, position)?;
        }
        Ok(())
    }

    /// Computes a generated column, which is the newest, for the rows that are there.
    pub(super) async fn extend_with_generated(&mut self, before: &Table, table: Table, bound: &Bound) -> Result<()> {
        let position = table.columns.len() - 1;
        let context = self.context;
        let refusal = table.columns[position].not_null.then(|| self.contains_null(&table, position));
        let mut extend = |mut values: Vec<Value>| {
            let value = eval(&bound.expr, context, &Values { values: &values, places: &bound.places })?;
            match &refusal {
                Some(refusal) if value.is_null() => Err(refusal.clone()),
                _ => {
                    values.push(value);
                    Ok(values)
                }
            }
        };
        self.rewrite(before, table, Some(&mut extend)).await
    }

    /// The generated columns that are computed from a column.
    pub(super) fn generated_from(
        &self,
        catalog: &Arc<Catalog>,
        table: &Table,
        position: usize,
    ) -> Result<Vec<TableColumn>> {
        let mut found = Vec::new();
        for (at, column) in table.columns.iter().enumerate() {
            if let Some(bound) = self.bind_generated(catalog, table, at)?
                && bound.positions().contains(&position)
            {
                found.push(column.clone());
            }
        }
        Ok(found)
    }

    /// The same as they stand in the way of a DROP COLUMN; `on` is the column as a message shows it.
    pub(super) fn generated_dependents(
        &self,
        catalog: &Arc<Catalog>,
        table: &Table,
        position: usize,
        on: &str,
    ) -> Result<Vec<Dependent>> {
        let found = self.generated_from(catalog, table, position)?;
        let dependent = |column: TableColumn| Dependent {
            table: table.oid,
            part: Part::Column(column.number),
            shown: format!("column {} of table {}", names::quoted(&column.name), self.shown(catalog, table)),
            on: on.to_owned(),
        };
        Ok(found.into_iter().map(dependent).collect())
    }

    /// ALTER COLUMN … DROP EXPRESSION: the column keeps what it holds.
    pub(super) fn drop_expression(&mut self, oid: u32, name: &str, if_exists: bool) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let position = column_of(&table, name)?;
        if !table.columns[position].generated {
            let message = format!("column \"{name}\" of relation \"{}\" is not a stored generated column", table.name);
            if if_exists {
                self.notice_skipping(None, message);
                return Ok(());
            }
            return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
        }
        let mut table = (*table).clone();
        table.columns[position].generated = false;
        table.columns[position].default = None;
        self.redefine(table)?;
        Ok(())
    }
}

/// 42601 for the default of a generated column, which has none.
pub(super) fn refuse_generated(column: &TableColumn, table: &str, dropping: bool) -> Result<()> {
    if !column.generated {
        return Ok(());
    }
    let message = format!("column \"{}\" of relation \"{table}\" is a generated column", column.name);
    let error = Error::new(SqlState::SYNTAX_ERROR, message);
    match dropping {
        true => Err(error.with_hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.")),
        false => Err(error),
    }
}

/// The name of a column as an identifier that means it and nothing else.
pub(super) fn exact(name: &str) -> Ident {
    let ident = Ident::with_quote('"', name);
    debug_assert_eq!(fold(&ident), name);
    ident
}
