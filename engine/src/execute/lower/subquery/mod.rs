//! Subqueries and lateral joins, taken out: afterwards every column is made below the place that names it.
//!
//! 1. A condition that is EXISTS or `= ANY` becomes a semi join (`condition`).
//! 2. Any other subquery becomes a column, joined onto the rows it is evaluated for (`value`).
//! 3. What depends on those rows is untied from them in one of two ways: equalities and other conditions are pulled up
//!    out of the subquery into the join (`pull_up`); where that would change the answer, the subquery runs once for every
//!    different combination of the outer columns it names (`domain`: Neumann and Kemper, "Unnesting Arbitrary Queries").

use std::collections::HashSet;

use super::{Lowering, walk};
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, ColumnVar, Expr, ExprKind, SortKey};
use crate::plan::relation::{Column, JoinKind, Relation};

mod build;
mod condition;
mod domain;
mod order;
mod pull_up;
mod value;

impl Lowering<'_> {
    pub(super) fn without_subqueries(&mut self, relation: Relation) -> Result<Relation> {
        match relation {
            Relation::OneRow | Relation::Scan(_) | Relation::Written { .. } | Relation::WorkingTable { .. } => {
                Ok(relation)
            }
            Relation::Values { columns, rows } => self.values_without(columns, rows),
            Relation::Function { function, args, columns, ordinality } => {
                if !args.iter().any(walk::has_subquery) {
                    return Ok(Relation::Function { function, args, columns, ordinality });
                }
                let mut input = Relation::OneRow;
                let args = self.all_without(args, &mut input)?;
                let mut outputs = columns.clone();
                outputs.extend(ordinality);
                let function = Relation::Function { function, args, columns, ordinality };
                let joined = build::join(JoinKind::Inner, input, function, Vec::new(), true);
                Ok(build::only(joined, &outputs))
            }
            Relation::Filter { input, predicate } => {
                let input = self.without_subqueries(*input)?;
                self.filter_without(input, predicate)
            }
            Relation::Project { input, columns } => {
                let mut input = self.without_subqueries(*input)?;
                let mut kept = Vec::with_capacity(columns.len());
                for (column, expr) in columns {
                    kept.push((column, self.value_without(expr, &mut input)?));
                }
                Ok(Relation::Project { input: Box::new(input), columns: kept })
            }
            Relation::ProjectSet { input, functions, ordinality } => {
                let outputs = input.outputs();
                let mut input = self.without_subqueries(*input)?;
                let mut calls = Vec::with_capacity(functions.len());
                for (columns, function, args) in functions {
                    calls.push((columns, function, self.all_without(args, &mut input)?));
                }
                let added = calls.iter().flat_map(|(columns, ..)| columns).chain(&ordinality).copied();
                let all: Vec<Column> = outputs.into_iter().chain(added).collect();
                Ok(build::only(Relation::ProjectSet { input: Box::new(input), functions: calls, ordinality }, &all))
            }
            Relation::Join { kind, left, right, condition, lateral } => {
                self.join_without(kind, *left, *right, condition, lateral)
            }
            Relation::Aggregate { input, groups, sets, aggregates } => {
                let mut input = self.without_subqueries(*input)?;
                let mut keys = Vec::with_capacity(groups.len());
                for (column, expr) in groups {
                    keys.push((column, self.value_without(expr, &mut input)?));
                }
                let mut calls = Vec::with_capacity(aggregates.len());
                for (column, call) in aggregates {
                    calls.push((column, self.call_without(call, &mut input)?));
                }
                Ok(Relation::Aggregate { input: Box::new(input), groups: keys, sets, aggregates: calls })
            }
            Relation::Window { input, calls } => {
                let outputs = input.outputs();
                let mut input = self.without_subqueries(*input)?;
                let mut kept = Vec::with_capacity(calls.len());
                for (column, mut call) in calls {
                    call.args = self.all_without(call.args, &mut input)?;
                    call.partition_by = self.all_without(call.partition_by, &mut input)?;
                    call.order_by = self.keys_without(call.order_by, &mut input)?;
                    call.filter = match call.filter {
                        Some(filter) => Some(self.value_without(filter, &mut input)?),
                        None => None,
                    };
                    kept.push((column, call));
                }
                let all: Vec<Column> = outputs.into_iter().chain(kept.iter().map(|(column, _)| *column)).collect();
                Ok(build::only(Relation::Window { input: Box::new(input), calls: kept }, &all))
            }
            Relation::Sort { input, keys } => {
                let outputs = input.outputs();
                let mut input = self.without_subqueries(*input)?;
                let keys = self.keys_without(keys, &mut input)?;
                Ok(build::only(Relation::Sort { input: Box::new(input), keys }, &outputs))
            }
            Relation::Limit { input, limit, offset, with_ties } => {
                let input = Box::new(self.without_subqueries(*input)?);
                Ok(Relation::Limit { input, limit, offset, with_ties })
            }
            Relation::Distinct { input, on } => {
                let outputs = input.outputs();
                let mut input = self.without_subqueries(*input)?;
                let on = self.all_without(on, &mut input)?;
                Ok(build::only(Relation::Distinct { input: Box::new(input), on }, &outputs))
            }
            Relation::SetOperation { kind, all, columns, left, right } => {
                let left = Box::new(self.without_subqueries(*left)?);
                let right = Box::new(self.without_subqueries(*right)?);
                Ok(Relation::SetOperation { kind, all, columns, left, right })
            }
            Relation::Shared { plan, columns, source, once } => {
                let mut outer = HashSet::new();
                walk::free(&plan, &mut outer);
                // What is computed once is a query of its own.
                let plan = match once.is_some() && outer.is_empty() {
                    true => plan,
                    false => self.without_subqueries((*plan).clone())?.into(),
                };
                Ok(Relation::Shared { plan, columns, source, once })
            }
            Relation::Recursive { name, columns, follow, all, base, step } => {
                let base = Box::new(self.without_subqueries(*base)?);
                let step = Box::new(self.without_subqueries(*step)?);
                Ok(Relation::Recursive { name, columns, follow, all, base, step })
            }
        }
    }

    fn values_without(&mut self, columns: Vec<Column>, rows: Vec<Vec<Expr>>) -> Result<Relation> {
        if !rows.iter().flatten().any(walk::has_subquery) {
            return Ok(Relation::Values { columns, rows });
        }
        let mut union: Option<Relation> = None;
        for row in rows {
            let mut input = Relation::OneRow;
            let row = self.all_without(row, &mut input)?;
            let one = Relation::Project { input: Box::new(input), columns: columns.iter().copied().zip(row).collect() };
            union = Some(match union {
                None => one,
                Some(left) => build::union(columns.clone(), left, one),
            });
        }
        union.ok_or_else(|| Error::internal("VALUES without rows"))
    }

    fn join_without(
        &mut self,
        kind: JoinKind,
        left: Relation,
        right: Relation,
        condition: Option<Expr>,
        lateral: bool,
    ) -> Result<Relation> {
        let mut left = self.without_subqueries(left)?;
        let mut outputs = left.outputs();
        if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            outputs.extend(right.outputs());
        }
        let dependent = lateral && build::depends(&right, &left);
        if dependent && let Relation::Function { function, args, columns, ordinality } = right {
            let args = self.all_without(args, &mut left)?;
            let right = Relation::Function { function, args, columns, ordinality };
            let joined = self.lateral_function(kind, left, right, condition)?;
            return Ok(build::only(joined, &outputs));
        }
        let mut right = self.without_subqueries(right)?;
        let mut conditions = Vec::new();
        condition.into_iter().for_each(|condition| walk::conjuncts(condition, &mut conditions));
        let (asking, mut plain): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(walk::has_subquery);
        if matches!(kind, JoinKind::Inner | JoinKind::Cross) {
            let joined = self.dependent_join(JoinKind::Inner, left, right, plain)?;
            let filtered = if asking.is_empty() { joined } else { self.filter_without(joined, build::all_of(asking))? };
            return Ok(build::only(filtered, &outputs));
        }
        if kind == JoinKind::Left
            && asking.iter().any(|condition| {
                let named = subquery_columns(condition);
                build::makes_any(&left, &named) && build::makes_any(&right, &named)
            })
        {
            // The conditions pick rows of the right side for each row of the left one.
            let columns = right.outputs();
            plain.extend(asking);
            let right = self.filter_without(right, build::all_of(plain))?;
            let joined = self.dependent_join(kind, left, build::only(right, &columns), Vec::new())?;
            return Ok(build::only(joined, &outputs));
        }
        for condition in asking {
            // What a subquery is asked for comes from one side, and there it becomes a column.
            let mut named = HashSet::new();
            walk::columns(&condition, &mut named);
            let subqueries_name = subquery_columns(&condition);
            let of_left = build::makes_any(&left, &subqueries_name);
            let of_right = build::makes_any(&right, &subqueries_name);
            plain.push(match (of_left, of_right) {
                (true, true) => {
                    return Err(Error::unsupported("a subquery over both sides of an outer join in its condition"));
                }
                (true, false) => self.value_without(condition, &mut left)?,
                (false, _) => self.value_without(condition, &mut right)?,
            });
        }
        let joined = self.dependent_join(kind, left, right, plain)?;
        Ok(build::only(joined, &outputs))
    }

    fn lateral_function(
        &mut self,
        kind: JoinKind,
        left: Relation,
        right: Relation,
        condition: Option<Expr>,
    ) -> Result<Relation> {
        if matches!(kind, JoinKind::Inner | JoinKind::Cross) {
            let joined = build::join(JoinKind::Inner, left, right, Vec::new(), true);
            return match condition {
                Some(condition) => self.filter_without(joined, condition),
                None => Ok(joined),
            };
        }
        let conditions = condition.into_iter().collect();
        self.dependent_join(kind, left, right, conditions)
    }

    fn all_without(&mut self, exprs: Vec<Expr>, input: &mut Relation) -> Result<Vec<Expr>> {
        exprs.into_iter().map(|expr| self.value_without(expr, input)).collect()
    }

    fn keys_without(&mut self, keys: Vec<SortKey>, input: &mut Relation) -> Result<Vec<SortKey>> {
        keys.into_iter().map(|key| Ok(SortKey { expr: self.value_without(key.expr, input)?, ..key })).collect()
    }

    fn call_without(&mut self, call: AggregateCall, input: &mut Relation) -> Result<AggregateCall> {
        walk::map_call(call, &mut |expr| self.value_without(expr, input))
    }
}

/// The columns that the subqueries in an expression, and what they are compared with, name.
fn subquery_columns(expr: &Expr) -> HashSet<ColumnVar> {
    let mut found = HashSet::new();
    if matches!(expr.kind, ExprKind::Subquery(_)) {
        walk::columns(expr, &mut found);
        return found;
    }
    walk::parts(expr, &mut |part| found.extend(subquery_columns(part)));
    found
}
