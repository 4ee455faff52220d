//! Binding ON CONFLICT.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

use super::super::equal::same;
use super::super::own_rows::refuse_update;
use super::super::{Binder, Clause};
use super::target::has_subquery;
use super::through::{Goal, Verb};
use super::update::check_assigned;
use crate::catalog::{ConstraintKind, Index, Table};
use crate::error::{Error, Result, SqlState};
use crate::execute::derived;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::plan::relation::{Column, Output, Query, Relation};
use crate::plan::system_column::SystemColumn;
use crate::plan::write::{Arbiter, ConflictAction, ConflictQuery, OnConflict};
use crate::statement::ConflictTarget;

impl Binder<'_> {
    pub(super) fn on_conflict(
        &mut self,
        goal: &Goal,
        conflict: &ast::OnConflict,
        beyond: Option<&ConflictTarget>,
    ) -> Result<OnConflict> {
        let (table, scope) = (&goal.names, &goal.scope);
        let ast::OnConflict { conflict_target, action } = conflict;
        if matches!(action, ast::OnConflictAction::DoUpdate(_)) {
            refuse_update(&goal.target.table, "ON CONFLICT DO UPDATE")?;
        }
        let arbiter = match (conflict_target, beyond) {
            (None, None) => {
                // Every key of the table is meant.
                if let Some(late) = table.indexes.iter().find(|index| index.unique && index.deferrable) {
                    arbiter_of(late)?;
                }
                None
            }
            (_, Some(target)) => Some(self.inferred(table, target)?),
            (Some(target), None) => Some(self.arbiter(goal, target)?),
        };
        self.note_inferred(goal, conflict_target.as_ref());
        let action = match action {
            ast::OnConflictAction::DoNothing => ConflictAction::Nothing,
            ast::OnConflictAction::DoUpdate(ast::DoUpdate { assignments, selection }) => {
                if arbiter.is_none() {
                    let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message)
                        .with_hint("For example, ON CONFLICT (column_name)."));
                }
                let (first_excluded, _) = self.row_scope(&goal.target.table, None);
                // Unqualified names mean the target's columns; `excluded` is seen only by its name.
                let mut both = scope.clone().without_versions();
                both.relations.push(Arc::new(goal.excluded(first_excluded)?));
                check_assigned(goal, assignments)?;
                let assignments = self.assignments(table, assignments, &both)?;
                let filter = match selection {
                    Some(condition) => Some(self.condition(condition, &both, Clause::Where)?),
                    None => None,
                };
                let subquery = assignments.iter().map(|(_, expr)| expr).chain(&filter).any(has_subquery);
                let positions: Vec<usize> = assignments.iter().map(|(position, _)| *position).collect();
                self.note_written(goal, Verb::Update, &positions);
                if !subquery {
                    return Ok(OnConflict {
                        arbiter,
                        action: ConflictAction::Update { first_excluded, assignments, filter, query: None },
                    });
                }
                // It runs for each row that is in the way.
                self.keeps_rows |= self.reads_once();
                let (query, assignments) = self.conflict_query(goal, first_excluded, assignments, filter)?;
                let query = Some(Box::new(query));
                ConflictAction::Update { first_excluded, assignments, filter: None, query }
            }
        };
        Ok(OnConflict { arbiter, action })
    }

    /// A query for what is assigned and the condition; the assignments then name its columns.
    fn conflict_query(
        &mut self,
        goal: &Goal,
        first_excluded: u32,
        assignments: Vec<(usize, Expr)>,
        filter: Option<Expr>,
    ) -> Result<(ConflictQuery, Vec<(usize, Expr)>)> {
        let table = &goal.target.table;
        let from = |first: u32| (first..).zip(&table.columns);
        let columns = from(goal.target.first_column).chain(from(first_excluded));
        let mut columns: Vec<Column> =
            columns.map(|(var, column)| Column { var: ColumnVar(var), ty: column.ty }).collect();
        columns.extend(goal.target.system.get(SystemColumn::TableOid));
        let number = self.new_written_number();
        let mut input = Relation::Written { number, columns };
        if let Some(predicate) = filter {
            input = Relation::Filter { input: Box::new(input), predicate };
        }
        let (mut computed, mut outputs, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for (position, expr) in assignments {
            let column = self.fresh(expr.ty);
            named.push((position, Expr::column(column.var, column.ty)));
            outputs.push(Output { name: table.columns[position].name.clone(), column, origin: None });
            computed.push((column, expr));
        }
        let carried = computed.iter().enumerate().map(|(at, (column, _))| (column.var, at)).collect();
        let relation = self.computed(input, computed)?;
        let query = Query::within(relation, outputs);
        Ok((ConflictQuery { number, query, carried }, named))
    }

    /// Notes that the columns of an arbiter are read.
    fn note_inferred(&mut self, goal: &Goal, target: Option<&ast::ConflictTarget>) {
        let names: Vec<String> = match target {
            None => return,
            Some(ast::ConflictTarget::Columns(names)) => names.iter().map(super::folded).collect(),
            Some(ast::ConflictTarget::OnConstraint(name)) => {
                let name = name.0.last().and_then(|part| part.as_ident()).map(super::folded).unwrap_or_default();
                let constraint = goal.names.constraints.iter().find(|constraint| constraint.name == name);
                let columns = constraint.map_or(&[][..], |constraint| constraint.kind.key_columns());
                let named = columns.iter().filter_map(|number| goal.names.position_of_number(*number));
                named.map(|at| goal.names.columns[at].name.clone()).collect()
            }
        };
        for name in names {
            let named = goal.scope.relations.iter().flat_map(|relation| relation.columns_named(&name)).cloned();
            named.collect::<Vec<_>>().iter().for_each(|column| self.note_column(column));
        }
    }

    /// The unique index on the same expressions whose condition, if it has one, is part of the given.
    fn inferred(&mut self, table: &Arc<Table>, target: &ConflictTarget) -> Result<Arbiter> {
        let mut wanted = Vec::with_capacity(target.expressions.len());
        for expression in &target.expressions {
            wanted.push(self.over_table(table, expression, Clause::IndexExpression)?);
        }
        let condition = match &target.condition {
            Some(condition) => Some(self.over_table(table, condition, Clause::IndexPredicate)?),
            None => None,
        };
        let given = condition.as_ref().map(conjuncts).unwrap_or_default();
        let mut derived = derived::bound(table, self.catalog, self.context)?.into_iter();
        for index in table.indexes.iter().filter(|index| index.valid) {
            let mut own = Vec::with_capacity(index.columns.len());
            for column in &index.columns {
                own.extend(match column.expression {
                    Some(_) => derived.next(),
                    None => table
                        .position_of_number(column.number)
                        .map(|at| Expr::column(ColumnVar(at as u32), table.columns[at].ty)),
                });
            }
            let predicate = index.predicate.as_ref().and_then(|_| derived.next());
            let covers = |some: &[Expr], all: &[Expr]| some.iter().all(|one| all.iter().any(|other| same(one, other)));
            let holds = predicate.as_ref().is_none_or(|predicate| {
                conjuncts(predicate).iter().all(|part| given.iter().any(|one| same(one, part)))
            });
            if index.unique && covers(&own, &wanted) && covers(&wanted, &own) && holds {
                return arbiter_of(index);
            }
        }
        Err(no_such_key())
    }

    fn arbiter(&mut self, goal: &Goal, target: &ast::ConflictTarget) -> Result<Arbiter> {
        let table = &goal.names;
        match target {
            ast::ConflictTarget::Columns(names) => {
                let mut wanted = Vec::with_capacity(names.len());
                for name in names {
                    if goal.is_computed(name) {
                        return Err(no_such_key());
                    }
                    wanted.push(table.columns[self.target_column_plain(table, name)?].number);
                }
                wanted.sort_unstable();
                wanted.dedup();
                let covers = |index: &&Index| {
                    let mut numbers: Vec<u16> = index.columns.iter().map(|column| column.number).collect();
                    numbers.sort_unstable();
                    index.unique && index.valid && index.is_plain() && numbers == wanted
                };
                arbiter_of(table.indexes.iter().find(covers).ok_or_else(no_such_key)?)
            }
            ast::ConflictTarget::OnConstraint(name) => {
                let name = name.0.last().and_then(|part| part.as_ident()).map(super::folded).unwrap_or_default();
                // A view has no constraints, whatever its table has.
                let mut own = table.constraints.iter().filter(|_| goal.through.is_none());
                let constraint = own.find(|constraint| constraint.name == name).ok_or_else(|| {
                    let message = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
                    Error::new(SqlState::UNDEFINED_OBJECT, message)
                })?;
                let oid = match &constraint.kind {
                    ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => *index,
                    _ => {
                        let message = "constraint in ON CONFLICT clause has no associated index";
                        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
                    }
                };
                let index = table.indexes.iter().find(|index| index.oid == oid);
                arbiter_of(index.ok_or_else(|| Error::internal("a constraint names an index that is not there"))?)
            }
        }
    }

    /// A column named in an expression, not as a target.
    fn target_column_plain(&self, table: &Table, name: &ast::Ident) -> Result<usize> {
        let column = super::folded(name);
        table.position_of(&column).ok_or_else(|| {
            Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{column}\" does not exist"))
                .at(self.position(name.span))
        })
    }
}

fn no_such_key() -> Error {
    let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
    Error::new(SqlState::INVALID_COLUMN_REFERENCE, message)
}

fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![condition],
    }
}

fn arbiter_of(index: &Index) -> Result<Arbiter> {
    if index.deferrable {
        let message = "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters";
        return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    }
    match index.generation {
        None => Ok(Arbiter::PrimaryKey),
        Some(generation) => Ok(Arbiter::Index(generation)),
    }
}
