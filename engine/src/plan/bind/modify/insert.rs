//! Binding INSERT.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::ast::Spanned;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::super::policy::Policed;
use super::super::{Binder, Clause, Scope};
use super::part::{Named, column_and_way};
use super::target::{generated_always, has_subquery};
use super::through::{Goal, Verb};
use super::{folded, is_default, refuse};
use crate::catalog::{Identity, Table};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::function::table_functions_named;
use crate::plan::relation::{Column, Output, Query, Relation};
use crate::plan::write::{Action, ConflictAction, Insert, InsertSource, Write};
use crate::statement::{self, Overriding};
use crate::types::Type;

impl Binder<'_> {
    /// Binds an INSERT.
    pub fn insert(&mut self, insert: &statement::Insert) -> Result<Write> {
        self.insert_parsed(&insert.parsed, insert.overriding, insert.conflict.as_ref())
    }

    pub(super) fn insert_parsed(
        &mut self,
        parsed: &ast::Insert,
        overriding: Option<Overriding>,
        conflict_target: Option<&statement::ConflictTarget>,
    ) -> Result<Write> {
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
        } = parsed;
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
        let mut goal = self.target(name, alias.as_deref(), Verb::Insert)?;
        let table = goal.names.clone();
        goal.check_defaults()?;
        let selected = source.as_ref().and_then(|query| selected_row(query));
        let source = if selected.is_some() { &selected } else { source };
        let width = source.as_ref().and_then(|query| plain_values(query)?.first().map(|row| row.content.len()));
        let (positions, ways) = self.insert_columns(&goal, columns, width)?;
        let explicit = !columns.is_empty();
        let source = match source {
            None => InsertSource::Rows(vec![self.complete_row(&table, &[], Vec::new())?]),
            Some(query) => {
                let into = Into { table: &table, positions: &positions, ways: &ways, explicit, overriding };
                self.insert_source(&into, query)?
            }
        };
        let given = match (&source, width) {
            (_, Some(width)) => width,
            (InsertSource::Query { query, .. }, None) => query.outputs.len(),
            // DEFAULT VALUES
            (InsertSource::Rows(_), None) => 0,
        };
        self.note_written(&goal, Verb::Insert, &positions[..given.min(positions.len())]);
        let on_conflict = match on {
            None => None,
            Some(ast::OnInsert::OnConflict(conflict)) => Some(self.on_conflict(&goal, conflict, conflict_target)?),
            Some(_) => return Err(Error::unsupported("ON DUPLICATE KEY UPDATE")),
        };
        let returning = self.bound_returning(returning.as_ref(), &goal.scope)?;
        let action = on_conflict.as_ref().map(|on_conflict| &on_conflict.action);
        let updates = matches!(action, Some(ConflictAction::Update { .. }));
        self.police(&mut goal, Policed::Insert { updates })?;
        self.note_beneath(&goal, Verb::Insert);
        let params = self.final_params()?;
        let action = Action::Insert(Box::new(Insert { source, on_conflict }));
        Ok(Write { target: goal.target, action, returning, uses: self.uses(), params })
    }

    /// Positions of the columns that values are given for, and the ways to their parts if there are such.
    pub(super) fn insert_columns(
        &mut self,
        goal: &Goal,
        names: &[ast::ObjectName],
        width: Option<usize>,
    ) -> Result<(Vec<usize>, Vec<Named>)> {
        let table = &goal.names;
        if names.is_empty() {
            return Ok((goal.all_positions(width)?, Vec::new()));
        }
        let mut positions = Vec::with_capacity(names.len());
        let mut ways: Vec<Named> = Vec::with_capacity(names.len());
        for name in names {
            let (ident, way) = column_and_way(name)?;
            goal.check_written(&ident, Verb::Insert)?;
            let position = self.target_column(table, &ident)?;
            // Several parts of one column may be given.
            let known = positions.iter().position(|known| *known == position);
            if known.is_some_and(|known| way.is_empty() || ways[known].1.is_empty()) {
                let message = format!("column \"{}\" specified more than once", table.columns[position].name);
                return Err(Error::new(SqlState::DUPLICATE_COLUMN, message).at(self.position(ident.span)));
            }
            positions.push(position);
            ways.push((ident, way));
        }
        if ways.iter().all(|(_, way)| way.is_empty()) {
            ways.clear();
        }
        Ok((positions, ways))
    }

    /// Values for some columns and the defaults of the others, in the table's order.
    pub(super) fn complete_row(&mut self, table: &Table, positions: &[usize], values: Vec<Expr>) -> Result<Vec<Expr>> {
        let defaults = self.other_defaults(table, positions)?;
        Ok(in_order(table, positions, values, &defaults))
    }

    /// The defaults of the columns that no value is given for.
    fn other_defaults(&mut self, table: &Table, positions: &[usize]) -> Result<Vec<(usize, Expr)>> {
        let others = (0..table.columns.len()).filter(|position| !positions.contains(position));
        others.map(|position| Ok((position, self.default_of(table, position)?))).collect()
    }

    fn insert_source(&mut self, into: &Into<'_>, query: &ast::Query) -> Result<InsertSource> {
        let Into { table, positions, ways, explicit, .. } = *into;
        if let Some(rows) = plain_values(query) {
            return self.insert_values(into, rows);
        }
        let target = |(at, position): (usize, &usize)| match ways.get(at).filter(|(_, way)| !way.is_empty()) {
            Some((name, way)) => self.part_type(table.columns[*position].ty, way, name.span),
            None => Ok(table.columns[*position].ty),
        };
        let targets: Vec<Type> = positions.iter().enumerate().map(target).collect::<Result<_>>()?;
        let bound: Query = self.query_into(query, &targets)?;
        self.check_width(positions, explicit, bound.outputs.len(), query.span())?;
        let mut values = Vec::with_capacity(bound.outputs.len());
        for (output, position) in bound.outputs.iter().zip(positions) {
            let column = &table.columns[*position];
            let expr = Expr::column(output.column.var, output.column.ty);
            into.check_given(*position)?;
            values.push(match into.overrides(*position) {
                true => self.default_of(table, *position)?,
                false if into.is_part(values.len()) => expr,
                false => self.assign(expr, column.ty, &column.name, query.span())?,
            });
        }
        let given = positions[..values.len()].to_vec();
        let (given, values) = match ways.is_empty() {
            true => (given, values),
            false => {
                let values = values.into_iter().map(|value| (value, query.span())).collect();
                self.parts_joined(table, &given, ways, values, Clause::Select)?
            }
        };
        let row = self.complete_row(table, &given, values)?;
        Ok(InsertSource::Query { query: Box::new(bound), row })
    }

    /// Rows of a VALUES list. If one of them has a subquery, a query computes them.
    fn insert_values(&mut self, into: &Into<'_>, rows: &[ast::Parens<Vec<ast::Expr>>]) -> Result<InsertSource> {
        let Into { table, positions, ways, explicit, .. } = *into;
        let width = rows.first().map_or(0, |row| row.content.len());
        let given = &positions[..width.min(positions.len())];
        let mut columns = std::borrow::Cow::Borrowed(given);
        if !ways.is_empty() {
            let first = |at: &usize| !given[..*at].contains(&given[*at]);
            columns = (0..given.len()).filter(first).map(|at| given[at]).collect();
        }
        let given: &[usize] = &columns;
        let defaults = self.other_defaults(table, given)?;
        let mut bound = Vec::with_capacity(rows.len());
        for row in rows {
            let row = &row.content;
            if row.len() != width {
                let message = "VALUES lists must all be the same length";
                let at = row.first().and_then(|expr| self.position(expr.span()));
                return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(at));
            }
            let beyond = row.get(positions.len()).or_else(|| row.last());
            self.check_width(positions, explicit, row.len(), beyond.map_or_else(Place::empty, Spanned::span))?;
            if !ways.is_empty() {
                bound.push(self.parts_of_row(into, row)?);
                continue;
            }
            let mut values = Vec::with_capacity(row.len());
            for (position, value) in positions.iter().zip(row) {
                if !is_default(value) {
                    into.check_given(*position)?;
                }
                values.push(match into.overrides(*position) {
                    true => self.default_of(table, *position)?,
                    false => self.stored_value(table, *position, value, &Scope::empty(), Clause::Values)?,
                });
            }
            bound.push(values);
        }
        if !bound.iter().flatten().any(has_subquery) {
            let complete = |values| in_order(table, given, values, &defaults);
            return Ok(InsertSource::Rows(bound.into_iter().map(complete).collect()));
        }
        let columns: Vec<Column> = given.iter().map(|position| self.fresh(table.columns[*position].ty)).collect();
        let values = columns.iter().map(|column| Expr::column(column.var, column.ty)).collect();
        let row = in_order(table, given, values, &defaults);
        let output = |column: &Column| Output { name: String::new(), column: *column, origin: None };
        let outputs = columns.iter().map(output).collect();
        let relation = Relation::Values { columns, rows: bound };
        let query = Query::within(relation, outputs);
        Ok(InsertSource::Query { query: Box::new(query), row })
    }

    /// The values of a row where some are of parts of columns.
    fn parts_of_row(&mut self, into: &Into<'_>, row: &[ast::Expr]) -> Result<Vec<Expr>> {
        let Into { table, positions, ways, .. } = *into;
        let mut values = Vec::with_capacity(row.len());
        for (at, (position, value)) in positions.iter().zip(row).enumerate() {
            let part = into.is_part(at);
            if part && is_default(value) {
                let words = "cannot set an array element to DEFAULT";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).at(self.position(ways[at].0.span)));
            }
            if !is_default(value) {
                into.check_given(*position)?;
            }
            let bound = match part {
                true => self.expr_in(value, &Scope::empty(), Clause::Values)?,
                false => self.stored_value(table, *position, value, &Scope::empty(), Clause::Values)?,
            };
            values.push((bound, value.span()));
        }
        Ok(self.parts_joined(table, positions, ways, values, Clause::Values)?.1)
    }

    pub(super) fn check_width(&self, positions: &[usize], explicit: bool, given: usize, at: Place) -> Result<()> {
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

/// Where values go.
pub(super) struct Into<'a> {
    pub(super) table: &'a Table,
    /// Positions of the columns that values are given for.
    pub(super) positions: &'a [usize],
    /// The ways to their parts; none at all if they are given whole.
    pub(super) ways: &'a [Named],
    /// Whether the columns were named.
    pub(super) explicit: bool,
    pub(super) overriding: Option<Overriding>,
}

impl Into<'_> {
    /// Whether a value is one of a part of its column.
    pub(super) fn is_part(&self, at: usize) -> bool {
        self.ways.get(at).is_some_and(|(_, way)| !way.is_empty())
    }

    /// 428C9 for a value of a column that is generated always.
    pub(super) fn check_given(&self, position: usize) -> Result<()> {
        let column = &self.table.columns[position];
        let refused = column.generated || (column.identity == Some(Identity::Always) && self.overriding.is_none());
        if !refused {
            return Ok(());
        }
        let message = format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name);
        Err(generated_always(message, column, "Use OVERRIDING SYSTEM VALUE to override."))
    }

    /// Whether the column's sequence is asked instead of the statement.
    pub(super) fn overrides(&self, position: usize) -> bool {
        self.overriding == Some(Overriding::User) && self.table.columns[position].identity.is_some()
    }
}

/// Values for some columns and the defaults of the others, in the table's order.
fn in_order(table: &Table, positions: &[usize], values: Vec<Expr>, defaults: &[(usize, Expr)]) -> Vec<Expr> {
    let mut row: Vec<(usize, Expr)> = positions.iter().copied().zip(values).collect();
    row.extend(defaults.iter().cloned());
    row.sort_unstable_by_key(|(position, _)| *position);
    debug_assert_eq!(row.len(), table.columns.len());
    row.into_iter().map(|(_, value)| value).collect()
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

/// `SELECT …` in the place of `VALUES (…)`, if the only row has a set-returning function: it stands for as many rows.
fn selected_row(query: &ast::Query) -> Option<Box<ast::Query>> {
    let [row] = plain_values(query)? else { return None };
    let returns_set = |expr: &ast::Expr| match expr {
        ast::Expr::Function(function) => {
            let name = function.name.0.last().and_then(|part| part.as_ident()).map(folded);
            name.is_some_and(|name| !table_functions_named(&name).is_empty())
        }
        _ => false,
    };
    if !row.content.iter().any(returns_set) || row.content.iter().any(is_default) {
        return None;
    }
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT 1").ok()?;
    let mut select = parser.parse_query().ok()?;
    let ast::SetExpr::Select(body) = select.body.as_mut() else { return None };
    body.projection = row.content.iter().cloned().map(ast::SelectItem::UnnamedExpr).collect();
    Some(select)
}
