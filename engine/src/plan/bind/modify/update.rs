//! Binding UPDATE, and what it shares with DELETE: which rows are meant.

use datafusion::sql::sqlparser::ast::{self, Spanned};

use super::super::own_rows::refuse_update;
use super::super::policy::{Policed, behind, filtered};
use super::super::{Binder, Clause, Scope};
use super::target::has_subquery;
use super::through::{Goal, Verb, both};
use super::{folded, refuse};
use crate::catalog::{Table, TableClass};
use crate::error::{Error, Result, SqlState};
use crate::expr::called::calls_body;
use crate::expr::{ColumnVar, Expr};
use crate::plan::point::{self, ColumnPlaces};
use crate::plan::relation::{Column, JoinKind, Output, Query, Relation, RowIdentity, Scan};
use crate::plan::system_column::SeesDeleted;
use crate::plan::write::{Action, RowsToChange, Target, Update, Write};
use crate::statement::mend::{CURRENT_OF, MARK};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// Binds an UPDATE.
    pub fn update(&mut self, update: &ast::Update, point_plans: bool) -> Result<Write> {
        let ast::Update {
            update_token: _,
            optimizer_hints: _,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        refuse(output.is_some() || or.is_some() || !order_by.is_empty() || limit.is_some(), "this form of UPDATE")?;
        let (name, alias) = target_name(table)?;
        let others: &[ast::TableWithJoins] = match from {
            None => &[],
            Some(ast::UpdateTableFromKind::AfterSet(tables)) => tables,
            Some(ast::UpdateTableFromKind::BeforeSet(_)) => return Err(Error::unsupported("UPDATE … FROM … SET")),
        };
        let mut goal = self.target(name, alias.as_deref(), Verb::Update)?;
        refuse_update(&goal.target.table, "UPDATE")?;
        let (others, scope) = self.with_others(&goal.scope, others)?;
        check_assigned(&goal, assignments)?;
        let assignments = self.assignments(&goal.names, assignments, &scope)?;
        let positions: Vec<usize> = assignments.iter().map(|(position, _)| *position).collect();
        self.note_written(&goal, Verb::Update, &positions);
        let (rows, assignments, returning) = match current_of(selection.as_ref()) {
            Some(cursor) => {
                refuse(assignments.iter().any(|(_, expr)| has_subquery(expr)), "WHERE CURRENT OF beside a subquery")?;
                let rows = row_of_cursor(&goal, others.is_some(), cursor)?;
                let returning = self.bound_returning(returning.as_ref(), &scope)?;
                refuse_policed(self.police(&mut goal, Policed::Update)?.as_ref())?;
                (rows, assignments, returning)
            }
            None => {
                let filter = self.filter(selection.as_ref(), &scope)?;
                let filter = goal.condition(filter);
                let returning = self.bound_returning(returning.as_ref(), &scope)?;
                let policies = self.police(&mut goal, Policed::Update)?;
                let target = (self.scan_goal(&goal, name), policies);
                let (rows, assignments) = self.rows_to_change(target, others, filter, assignments, point_plans)?;
                (rows, assignments, returning)
            }
        };
        self.note_beneath(&goal, Verb::Update);
        let params = self.final_params()?;
        let action = Action::Update(Box::new(Update { assignments, rows }));
        Ok(Write { target: goal.target, action, returning, uses: self.uses(), params })
    }

    /// The relations of UPDATE … FROM or DELETE … USING, and all names together.
    pub(super) fn with_others(
        &mut self,
        own: &Scope,
        tables: &[ast::TableWithJoins],
    ) -> Result<(Option<Relation>, Scope)> {
        let mut scope = own.clone();
        if tables.is_empty() {
            return Ok((None, scope));
        }
        let (relation, names) = self.from(tables)?;
        self.refuse_same_names(own, &names)?;
        scope.extend(names);
        Ok((Some(relation), scope))
    }

    pub(super) fn filter(&mut self, selection: Option<&ast::Expr>, scope: &Scope) -> Result<Option<Expr>> {
        selection.map(|condition| self.condition(condition, scope, Clause::Where)).transpose()
    }

    /// Reading the target, by itself or as a view does.
    pub(super) fn scan_goal(&self, goal: &Goal, name: &ast::ObjectName) -> Scan {
        match &goal.through {
            Some(through) => through.scan.clone(),
            None => self.scan_target(&goal.target, name),
        }
    }

    /// Reading the target, whose columns have numbers already.
    pub(super) fn scan_target(&self, target: &Target, name: &ast::ObjectName) -> Scan {
        let table = &target.table;
        let columns = (target.first_column..).zip(&table.columns).enumerate();
        let columns = columns.map(|(at, (var, column))| (at, Column { var: ColumnVar(var), ty: column.ty })).collect();
        Scan {
            table: table.clone(),
            columns,
            partitions: self.partitions(table, name.span()),
            row_identity: None,
            system: target.system,
            sees_deleted: SeesDeleted::default(),
        }
    }

    /// How the rows are found: by key if the filter pins one down, else by a query. Rows that do not satisfy the policies are
    /// not there for anything else.
    pub(super) fn rows_to_change(
        &mut self,
        (mut scan, policies): (Scan, Option<Expr>),
        others: Option<Relation>,
        filter: Option<Expr>,
        assignments: Vec<(usize, Expr)>,
        point_plans: bool,
    ) -> Result<(RowsToChange, Vec<(usize, Expr)>)> {
        if scan.sees_deleted.is_so() {
            return Err(Error::unsupported("UPDATE or DELETE through a view that names _deleted"));
        }
        let places = ColumnPlaces::new(scan.columns.iter().map(|(position, column)| (column.var, *position)));
        // A partitioned table by itself has no rows, and no key leads to one. A key of a table that others inherit from
        // says nothing of theirs.
        let is_partitioned = scan.table.partitioning.key.is_some();
        let has_keys = is_partitioned == scan.partitions.is_some() && self.is_placed_as_read(&scan.table);
        let whole = policies.clone().map(|policies| both(Some(policies), filter.clone()));
        if point_plans
            && has_keys
            && !self.has_bodies()
            && others.is_none()
            && let Some(predicate) = whole.as_ref().map_or(filter.as_ref(), Option::as_ref)
            && point::is_plain(predicate, &places)
            && assignments.iter().all(|(_, expr)| point::is_plain(expr, &places))
            && let Some((access, filter)) = point::access(&scan, predicate)
        {
            return Ok((RowsToChange::Point { access, filter }, assignments));
        }
        let identity =
            RowIdentity { key: self.fresh(Type::new(oid::BYTEA)), version: self.fresh(Type::new(oid::INT8)) };
        scan.row_identity = Some(identity);
        self.query_of_rows((scan, policies), identity, others, filter, assignments)
    }

    /// Whether a table's columns stand where those of the topmost table around it do, whose bounds lead to a row.
    fn is_placed_as_read(&self, table: &Table) -> bool {
        let is_middle = table.partitioning.key.is_some() && table.partitioning.of.is_some();
        !is_middle || self.catalog.ancestors(table).last().is_none_or(|top| table.is_arranged_as(top))
    }

    /// A query for the rows' identities and everything that only a query can compute.
    fn query_of_rows(
        &mut self,
        (scan, policies): (Scan, Option<Expr>),
        identity: RowIdentity,
        others: Option<Relation>,
        filter: Option<Expr>,
        assignments: Vec<(usize, Expr)>,
    ) -> Result<(RowsToChange, Vec<(usize, Expr)>)> {
        let mut outputs: Vec<Column> = others.as_ref().map(Relation::outputs).unwrap_or_default();
        let own: Vec<Column> = scan.columns.iter().map(|(_, column)| *column).collect();
        outputs.extend(scan.system.of_version());
        let mut relation = match policies {
            Some(policies) => behind(scan, policies),
            None => Relation::Scan(scan),
        };
        if let Some(others) = others {
            relation = Relation::Join {
                kind: JoinKind::Cross,
                left: Box::new(relation),
                right: Box::new(others),
                condition: None,
                lateral: false,
            };
        }
        if let Some(predicate) = filter {
            relation = filtered(relation, predicate);
        }
        // Subqueries and bodies of functions among the assigned values are computed by the query; the rest on the locked row.
        let mut computed: Vec<(Column, Expr)> = Vec::new();
        let assignments = assignments
            .into_iter()
            .map(|(position, expr)| {
                if !has_subquery(&expr) && !calls_body(&expr) {
                    return (position, expr);
                }
                let column = self.fresh(expr.ty);
                let value = Expr::column(column.var, column.ty);
                computed.push((column, expr));
                (position, value)
            })
            .collect();
        if !computed.is_empty() {
            let pass = |column: &Column| (*column, Expr::column(column.var, column.ty));
            let mut columns: Vec<(Column, Expr)> = [identity.key, identity.version].iter().map(pass).collect();
            columns.extend(own.iter().chain(&outputs).map(pass));
            outputs.extend(computed.iter().map(|(column, _)| *column));
            columns.extend(computed);
            relation = self.computed(relation, columns)?;
        }
        let carried = outputs.iter().enumerate().map(|(at, column)| (column.var, at)).collect();
        let outputs = outputs.into_iter().map(|column| Output { name: String::new(), column, origin: None }).collect();
        let query = Query::within(relation, outputs);
        let rows = RowsToChange::Query { query, key: identity.key, version: identity.version, carried, short: None };
        Ok((rows, assignments))
    }
}

/// 0A000 for an assignment to a column that a view computes.
pub(super) fn check_assigned(goal: &Goal, assignments: &[ast::Assignment]) -> Result<()> {
    for assignment in assignments {
        let names: &[ast::ObjectName] = match &assignment.target {
            ast::AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
            ast::AssignmentTarget::Tuple(names) => names,
        };
        for ident in names.iter().filter_map(|name| name.0.first()?.as_ident()) {
            goal.check_written(ident, Verb::Update)?;
        }
    }
    Ok(())
}

/// The table that UPDATE or DELETE names, and its alias.
pub(super) fn target_name(table: &ast::TableWithJoins) -> Result<(&ast::ObjectName, Option<String>)> {
    refuse(!table.joins.is_empty(), "a join as the target of UPDATE or DELETE")?;
    factor_name(&table.relation)
}

/// The cursor of `WHERE CURRENT OF`, which was written with other words.
pub(super) fn current_of(selection: Option<&ast::Expr>) -> Option<String> {
    let Some(ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Eq, right }) = selection else { return None };
    let (ast::Expr::Identifier(mark), ast::Expr::Identifier(name)) = (&**left, &**right) else { return None };
    (mark.quote_style == Some(MARK) && mark.value == CURRENT_OF).then(|| folded(name))
}

/// The row on which a cursor stands.
pub(super) fn row_of_cursor(goal: &Goal, beside_others: bool, cursor: String) -> Result<RowsToChange> {
    if goal.through.is_some() {
        let message = "WHERE CURRENT OF on a view is not implemented";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    refuse(beside_others, "WHERE CURRENT OF beside other tables")?;
    // The cursor goes on with the rows of the role that declared it.
    refuse(goal.target.table.class != TableClass::Shared, "WHERE CURRENT OF on a table of each user's own rows")?;
    Ok(RowsToChange::Cursor { name: cursor })
}

/// 0A000 for the row of a cursor where policies would have to be asked about it.
pub(super) fn refuse_policed(policies: Option<&Expr>) -> Result<()> {
    refuse(policies.is_some(), "WHERE CURRENT OF on a table whose row-level security policies are in force")
}

pub(super) fn factor_name(table: &ast::TableFactor) -> Result<(&ast::ObjectName, Option<String>)> {
    match table {
        ast::TableFactor::Table { name, alias, args: None, .. } => {
            let alias = match alias {
                Some(alias) if alias.columns.is_empty() => Some(folded(&alias.name)),
                Some(_) => return Err(Error::unsupported("column aliases of the target of UPDATE or DELETE")),
                None => None,
            };
            Ok((name, alias))
        }
        _ => Err(Error::unsupported("UPDATE or DELETE of something other than a table")),
    }
}
