//! Above an aggregation only its groups and aggregates are left: rewriting expressions to them.

use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::Span;

use super::equal::{same, same_aggregate};
use super::group::Grouping;
use super::walk::{map_children, map_outer_relation};
use super::{Binder, Scope};
use crate::catalog::ConstraintKind;
use crate::error::{Error, Result, SqlState};
use crate::expr::{AggregateCall, ColumnVar, Expr, ExprKind};
use crate::function::AggregateKind;
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, oid};

/// An aggregation while the expressions above it are being rewritten.
pub(super) struct Aggregation<'s> {
    groups: Vec<(Column, Expr)>,
    /// Items of the SELECT list that are groups, as GROUP BY says, each with its group.
    listed: Vec<(usize, usize)>,
    sets: Option<Vec<Vec<usize>>>,
    aggregates: Vec<(Column, AggregateCall)>,
    scope: &'s Scope,
    /// Columns of set-returning functions, which run above the aggregation.
    late: Vec<ColumnVar>,
}

impl<'s> Aggregation<'s> {
    pub(super) fn new(binder: &mut Binder<'_>, grouping: Grouping, scope: &'s Scope, late: Vec<ColumnVar>) -> Self {
        let groups = grouping.exprs.into_iter().map(|expr| (binder.fresh(expr.ty), expr)).collect();
        Self { groups, listed: grouping.listed, sets: grouping.sets, aggregates: Vec::new(), scope, late }
    }

    /// The group that the item of that position is, if GROUP BY names it by position or alias.
    pub(super) fn listed(&self, item: usize) -> Option<Expr> {
        let (_, group) = self.listed.iter().find(|(listed, _)| *listed == item)?;
        let (column, expr) = &self.groups[*group];
        Some(Expr::column(column.var, expr.ty))
    }

    /// The aggregation of a relation.
    pub(super) fn relation(self, input: Relation) -> Relation {
        let Self { groups, sets, aggregates, .. } = self;
        Relation::Aggregate { input: Box::new(input), groups, sets, aggregates }
    }

    /// The group that is this expression.
    fn group(&self, expr: &Expr) -> Option<Column> {
        let of = |wanted: &Expr| self.groups.iter().find(|(_, group)| same(group, wanted)).map(|(column, _)| *column);
        of(expr).or_else(|| {
            // A column that stands for a value of another type of the same bits is still that column.
            let ExprKind::Column(var) = expr.kind else { return None };
            let mut columns = self.scope.relations.iter().flat_map(|relation| &relation.columns);
            of(&columns.find(|column| column.var() == Some(var))?.expr)
        })
    }

    /// Whether a column follows from the groups: its table's primary key is among them in every set.
    fn is_determined(&self, var: ColumnVar) -> bool {
        let holds = |expr: &crate::plan::bind::ScopeColumn| expr.var() == Some(var);
        let Some(relation) = self.scope.relations.iter().find(|relation| relation.columns.iter().any(holds)) else {
            return false;
        };
        let Some(table) = &relation.table else { return false };
        // Where the rows of all users are read, several may have one key.
        if !table.storage.slice.is_definite() {
            return false;
        }
        let key = table.constraints.iter().find_map(|constraint| match &constraint.kind {
            // One that may be broken for a while determines nothing.
            ConstraintKind::PrimaryKey { columns, .. } if constraint.deferrable.is_none() => Some(columns),
            _ => None,
        });
        let Some(key) = key else { return false };
        key.iter().all(|number| {
            let column = relation.columns.iter().find(|column| column.origin == Some((table.oid, *number)));
            let position =
                column.and_then(|column| self.groups.iter().position(|(_, group)| same(group, &column.expr)));
            position.is_some_and(|position| {
                self.sets.as_ref().is_none_or(|sets| sets.iter().all(|set| set.contains(&position)))
            })
        })
    }

    fn add_determined(&mut self, binder: &mut Binder<'_>, expr: Expr) -> Column {
        let column = binder.fresh(expr.ty);
        self.groups.push((column, expr));
        let position = self.groups.len() - 1;
        self.sets.iter_mut().flatten().for_each(|set| set.push(position));
        column
    }
}

impl Binder<'_> {
    /// Rewrites an expression over the input to one over the aggregation. 42803 for a column that is not grouped.
    pub(super) fn regroup(&mut self, expr: Expr, to: &mut Aggregation<'_>, span: Span) -> Result<Expr> {
        if let Some(column) = to.group(&expr) {
            return Ok(Expr::column(column.var, expr.ty));
        }
        match expr.kind {
            ExprKind::Const(_) | ExprKind::Param(_) | ExprKind::Computed(_) | ExprKind::OuterColumn { .. } => Ok(expr),
            ExprKind::Column(var) if to.late.contains(&var) => Ok(expr),
            ExprKind::Column(var) => {
                if to.is_determined(var) {
                    let column = to.add_determined(self, expr);
                    return Ok(Expr::column(column.var, column.ty));
                }
                let title = self.column_title(&expr, to.scope);
                Err(ungrouped(format!(
                    "column \"{title}\" must appear in the GROUP BY clause or be used in an aggregate function"
                ))
                .at(self.position(span)))
            }
            ExprKind::Aggregate(mut call) => {
                if call.function.kind == AggregateKind::Grouping {
                    call.args = self.grouping_positions(&call.args, to, span)?;
                }
                let known = to.aggregates.iter().find(|(_, known)| same_aggregate(known, &call));
                let column = match known {
                    Some((column, _)) => *column,
                    None => {
                        let column = self.fresh(expr.ty);
                        to.aggregates.push((column, *call));
                        column
                    }
                };
                Ok(Expr::column(column.var, expr.ty))
            }
            ExprKind::Subquery(_) => self.regroup_subquery(expr, to, span),
            _ => map_children(expr, &mut |child| self.regroup(child, to, span)),
        }
    }

    /// What GROUPING names, as numbers of groups.
    fn grouping_positions(&self, args: &[Expr], to: &Aggregation<'_>, span: Span) -> Result<Vec<Expr>> {
        let positions = args.iter().map(|arg| {
            let position = to.groups.iter().position(|(_, group)| same(group, arg))?;
            let number = i32::try_from(position).ok()?;
            Some(Expr::constant(storage::Value::Int4(number), Type::new(oid::INT4)))
        });
        positions.collect::<Option<_>>().ok_or_else(|| {
            ungrouped("arguments to GROUPING must be grouping expressions of the associated query level".to_owned())
                .at(self.position(span))
        })
    }

    /// A subquery sees the aggregation's columns too.
    fn regroup_subquery(&mut self, expr: Expr, to: &mut Aggregation<'_>, span: Span) -> Result<Expr> {
        let mut expr = map_children(expr, &mut |child| self.regroup(child, to, span))?;
        let ExprKind::Subquery(subquery) = &mut expr.kind else { return Ok(expr) };
        if !subquery.correlated {
            return Ok(expr);
        }
        map_outer_relation(Arc::make_mut(&mut subquery.relation), 1, &mut |reference| {
            if reference.depth != reference.borders {
                return Ok((reference.var, reference.depth));
            }
            let column = self.regrouped_reference(reference.var, to, span)?;
            Ok((column, reference.depth))
        })?;
        Ok(expr)
    }

    fn regrouped_reference(&mut self, var: ColumnVar, to: &mut Aggregation<'_>, span: Span) -> Result<ColumnVar> {
        let of_var = |expr: &Expr| matches!(expr.kind, ExprKind::Column(other) if other == var);
        if let Some((column, _)) = to.groups.iter().find(|(_, group)| of_var(group)) {
            return Ok(column.var);
        }
        let ty = self.type_in_scope(var, to.scope);
        let expr = Expr::column(var, ty);
        if to.is_determined(var) {
            return Ok(to.add_determined(self, expr).var);
        }
        let title = self.column_title(&expr, to.scope);
        Err(ungrouped(format!("subquery uses ungrouped column \"{title}\" from outer query")).at(self.position(span)))
    }

    fn type_in_scope(&self, var: ColumnVar, scope: &Scope) -> Type {
        let mut columns = scope.relations.iter().flat_map(|relation| &relation.columns);
        columns.find(|column| column.var() == Some(var)).map_or(Type::new(0), |column| column.expr.ty)
    }
}

fn ungrouped(words: String) -> Error {
    Error::new(SqlState::GROUPING_ERROR, words)
}
