//! Binding INSERT.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::ast::Spanned;

use super::super::{Binder, Clause, Scope};
use super::target::{generated_always, has_subquery};
use super::{folded, is_default, refuse};
use crate::catalog::{Identity, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::relation::Query;
use crate::plan::write::{Action, Insert, InsertSource, Write};
use crate::types::Type;

impl Binder<'_> {
    /// Binds an INSERT.
    pub fn insert(&mut self, insert: &ast::Insert) -> Result<Write> {
        let ast::Insert {
            insert_token: _,
            optimizer_hints: _,
            or,
            ignore,
            into: _,
            table,
            table_alias,
            columns,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            ..
        } = insert;
        let foreign = or.is_some()
            || *ignore
            || *overwrite
            || !assignments.is_empty()
            || partitioned.is_some()
            || !after_columns.is_empty()
            || *has_table_keyword
            || output.is_some()
            || *replace_into
            || priority.is_some()
            || insert_alias.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || multi_table_insert_type.is_some()
            || !multi_table_into_clauses.is_empty();
        refuse(foreign, "this form of INSERT")?;
        let ast::TableObject::TableName(name) = table else { return Err(Error::unsupported("INSERT into a function")) };
        let alias = table_alias.as_ref().map(|alias| folded(&alias.alias));
        let (target, scope) = self.target(name, alias.as_deref())?;
        let table = target.table.clone();
        let positions = self.insert_columns(&table, columns)?;
        let numbers: Vec<u16> = positions.iter().map(|position| table.columns[*position].number).collect();
        self.note_use(&table, auth::Privileges::INSERT, &numbers);
        let explicit = !columns.is_empty();
        let source = match source {
            None => InsertSource::Rows(vec![self.complete_row(&table, &[], Vec::new())?]),
            Some(query) => self.insert_source(&table, &positions, explicit, query)?,
        };
        let on_conflict = match on {
            None => None,
            Some(ast::OnInsert::OnConflict(conflict)) => Some(self.on_conflict(&table, conflict, &scope)?),
            Some(_) => return Err(Error::unsupported("ON DUPLICATE KEY UPDATE")),
        };
        let returning = self.bound_returning(returning.as_ref(), &scope)?;
        let params = self.final_params()?;
        let action = Action::Insert(Box::new(Insert { source, on_conflict }));
        Ok(Write { target, action, returning, uses: self.uses(), params })
    }

    /// Positions of the columns that values are given for.
    fn insert_columns(&mut self, table: &Table, names: &[ast::ObjectName]) -> Result<Vec<usize>> {
        if names.is_empty() {
            return Ok((0..table.columns.len()).collect());
        }
        let mut positions = Vec::with_capacity(names.len());
        for name in names {
            let [part] = name.0.as_slice() else { return Err(Error::unsupported("INSERT into a part of a column")) };
            let ident =
                part.as_ident().ok_or_else(|| Error::unsupported("INSERT into something other than a column"))?;
            let position = self.target_column(table, ident)?;
            if positions.contains(&position) {
                let message = format!("column \"{}\" specified more than once", table.columns[position].name);
                return Err(Error::new(SqlState::DUPLICATE_COLUMN, message).at(self.position(ident.span)));
            }
            positions.push(position);
        }
        Ok(positions)
    }

    /// Values for some columns and the defaults of the others, in the table's order.
    fn complete_row(&mut self, table: &Table, positions: &[usize], values: Vec<Expr>) -> Result<Vec<Expr>> {
        let mut row: Vec<Option<Expr>> = vec![None; table.columns.len()];
        for (position, value) in positions.iter().zip(values) {
            row[*position] = Some(value);
        }
        row.into_iter()
            .enumerate()
            .map(|(position, value)| match value {
                Some(value) => Ok(value),
                None => self.default_of(table, position),
            })
            .collect()
    }

    fn insert_source(
        &mut self,
        table: &Table,
        positions: &[usize],
        explicit: bool,
        query: &ast::Query,
    ) -> Result<InsertSource> {
        if let Some(rows) = plain_values(query)
            && let Some(rows) = self.insert_values(table, positions, explicit, rows)?
        {
            return Ok(InsertSource::Rows(rows));
        }
        let targets: Vec<Type> = positions.iter().map(|position| table.columns[*position].ty).collect();
        let bound: Query = self.query_into(query, &targets)?;
        self.check_width(positions, explicit, bound.outputs.len(), query.span())?;
        let mut values = Vec::with_capacity(bound.outputs.len());
        for (output, position) in bound.outputs.iter().zip(positions) {
            let column = &table.columns[*position];
            let expr = Expr::column(output.column.var, output.column.ty);
            values.push(self.assign(expr, column.ty, &column.name, query.span())?);
        }
        let given = &positions[..values.len()];
        if let Some(position) = given.iter().find(|position| generated(table, **position)) {
            return Err(not_default(&table.columns[*position]));
        }
        let row = self.complete_row(table, given, values)?;
        Ok(InsertSource::Query { query: Box::new(bound), row })
    }

    /// Rows of a VALUES list; None if one of them has a subquery, so that a query must compute them.
    fn insert_values(
        &mut self,
        table: &Table,
        positions: &[usize],
        explicit: bool,
        rows: &[ast::Parens<Vec<ast::Expr>>],
    ) -> Result<Option<Vec<Vec<Expr>>>> {
        let mut bound = Vec::with_capacity(rows.len());
        let width = rows.first().map_or(0, |row| row.content.len());
        for row in rows {
            let row = &row.content;
            if row.len() != width {
                let message = "VALUES lists must all be the same length";
                let at = row.first().and_then(|expr| self.position(expr.span()));
                return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(at));
            }
            let beyond = row.get(positions.len()).or_else(|| row.last());
            self.check_width(positions, explicit, row.len(), beyond.map_or_else(Place::empty, Spanned::span))?;
            let mut values = Vec::with_capacity(row.len());
            for (position, value) in positions.iter().zip(row) {
                if generated(table, *position) && !is_default(value) {
                    return Err(not_default(&table.columns[*position]));
                }
                let value = self.stored_value(table, *position, value, &Scope::empty(), Clause::Values)?;
                if has_subquery(&value) {
                    refuse(row.iter().any(is_default), "DEFAULT beside a subquery in VALUES")?;
                    return Ok(None);
                }
                values.push(value);
            }
            let given = &positions[..values.len()];
            bound.push(self.complete_row(table, given, values)?);
        }
        Ok(Some(bound))
    }

    fn check_width(&self, positions: &[usize], explicit: bool, given: usize, at: Place) -> Result<()> {
        let message = if given > positions.len() {
            "INSERT has more expressions than target columns"
        } else if explicit && given < positions.len() {
            "INSERT has more target columns than expressions"
        } else {
            return Ok(());
        };
        Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(at)))
    }
}

/// Whether only DEFAULT may be inserted into a column.
fn generated(table: &Table, position: usize) -> bool {
    table.columns[position].identity == Some(Identity::Always)
}

fn not_default(column: &TableColumn) -> Error {
    let message = format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name);
    generated_always(message, column, "Use OVERRIDING SYSTEM VALUE to override.")
}

type Place = datafusion::sql::sqlparser::tokenizer::Span;

/// The rows of `VALUES …` with nothing around it.
fn plain_values(query: &ast::Query) -> Option<&[ast::Parens<Vec<ast::Expr>>]> {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty();
    match query.body.as_ref() {
        ast::SetExpr::Values(values) if plain => Some(&values.rows),
        _ => None,
    }
}
