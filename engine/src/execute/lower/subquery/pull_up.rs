//! Pulling conditions on outer columns up, out of a subquery, so that they become conditions of a join.

use std::collections::HashSet;

use super::super::{Lowering, walk};
use super::build;
use crate::error::Result;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::{Batch, Comparison};
use crate::plan::relation::{Column, JoinKind, Relation};

/// A subquery untied from the rows around it.
pub(super) struct Untied {
    pub(super) relation: Relation,
    /// What must hold between its rows and the outer ones.
    pub(super) conditions: Vec<Expr>,
}

/// `inner = outer`, told apart.
pub(super) struct Link {
    pub(super) inner: Expr,
    /// Rebuilds the condition from something else that equals `inner`.
    pub(super) condition: Expr,
    inner_first: bool,
}

impl Link {
    /// The condition with a column in place of the inner side.
    pub(super) fn over(&self, column: Column) -> Expr {
        let mut condition = self.condition.clone();
        if let ExprKind::Call { args, .. } = &mut condition.kind {
            let position = usize::from(!self.inner_first);
            if let Some(side) = args.get_mut(position) {
                *side = build::column(column);
            }
        }
        condition
    }
}

impl Lowering<'_> {
    /// None: conditions cannot be pulled up without changing the answer.
    pub(super) fn untie(&mut self, relation: &Relation, outer: &HashSet<ColumnVar>) -> Result<Option<Untied>> {
        let mut conditions = Vec::new();
        let relation = self.pull_up(relation, outer, &mut conditions)?;
        Ok(relation.map(|relation| Untied { relation, conditions }))
    }

    fn pull_up(
        &mut self,
        relation: &Relation,
        outer: &HashSet<ColumnVar>,
        pulled: &mut Vec<Expr>,
    ) -> Result<Option<Relation>> {
        let mut free = HashSet::new();
        walk::free(relation, &mut free);
        if free.is_disjoint(outer) {
            return Ok(Some(relation.clone()));
        }
        match relation {
            Relation::Filter { input, predicate } => {
                let Some(input) = self.pull_up(input, outer, pulled)? else { return Ok(None) };
                let mut parts = Vec::new();
                walk::conjuncts(predicate.clone(), &mut parts);
                let (up, kept) = parts.into_iter().partition::<Vec<_>, _>(|part| build::names_any(part, outer));
                pulled.extend(up);
                Ok(Some(build::filter(input, kept)))
            }
            Relation::Project { input, columns } => {
                if columns.iter().any(|(_, expr)| build::names_any(expr, outer)) {
                    return Ok(None);
                }
                let Some(input) = self.pull_up(input, outer, pulled)? else { return Ok(None) };
                let mut columns = columns.clone();
                // What the pulled conditions name must pass.
                for column in input.outputs() {
                    let wanted =
                        pulled.iter().any(|condition| build::names_any(condition, &HashSet::from([column.var])));
                    if wanted && !columns.iter().any(|(known, _)| known.var == column.var) {
                        columns.push((column, build::column(column)));
                    }
                }
                Ok(Some(Relation::Project { input: Box::new(input), columns }))
            }
            Relation::Sort { input, .. } => self.pull_up(input, outer, pulled),
            Relation::Join { kind, left, right, condition, lateral } => {
                let both = matches!(kind, JoinKind::Inner | JoinKind::Cross);
                let one = matches!(kind, JoinKind::Left | JoinKind::Semi | JoinKind::Anti);
                if !(both || one) || (one && names_outer(right, outer)) || (*lateral && build::depends(right, left)) {
                    return Ok(None);
                }
                let mut parts = Vec::new();
                condition.iter().for_each(|condition| walk::conjuncts(condition.clone(), &mut parts));
                let (up, kept) = parts.into_iter().partition::<Vec<_>, _>(|part| build::names_any(part, outer));
                if one && !up.is_empty() {
                    return Ok(None);
                }
                let Some(left) = self.pull_up(left, outer, pulled)? else { return Ok(None) };
                let Some(right) = self.pull_up(right, outer, pulled)? else { return Ok(None) };
                pulled.extend(up);
                let kind = if both { JoinKind::Inner } else { *kind };
                Ok(Some(build::join(kind, left, right, kept, false)))
            }
            Relation::Distinct { input, on } if on.is_empty() => {
                let mut own = Vec::new();
                let Some(input) = self.pull_up(input, outer, &mut own)? else { return Ok(None) };
                // More columns make more rows, unless each is pinned to one value by the outer row.
                if self.links(&own, outer).is_none() {
                    return Ok(None);
                }
                pulled.extend(own);
                Ok(Some(Relation::Distinct { input: Box::new(input), on: Vec::new() }))
            }
            Relation::Aggregate { input, groups, sets: None, aggregates } if !groups.is_empty() => {
                let mut tied = false;
                walk::expressions(relation, &mut |expr| tied |= build::names_any(expr, outer));
                if tied {
                    return Ok(None);
                }
                let mut own = Vec::new();
                let Some(input) = self.pull_up(input, outer, &mut own)? else { return Ok(None) };
                let Some(links) = self.links(&own, outer) else { return Ok(None) };
                let mut groups = groups.clone();
                for link in &links {
                    let column = Column { var: self.fresh(), ty: link.inner.ty };
                    groups.push((column, link.inner.clone()));
                    pulled.push(link.over(column));
                }
                Ok(Some(Relation::Aggregate {
                    input: Box::new(input),
                    groups,
                    sets: None,
                    aggregates: aggregates.clone(),
                }))
            }
            _ => Ok(None),
        }
    }

    /// The conditions as `inner = outer`, if all of them are.
    pub(super) fn links(&self, conditions: &[Expr], outer: &HashSet<ColumnVar>) -> Option<Vec<Link>> {
        conditions.iter().map(|condition| link(condition, outer)).collect()
    }
}

fn names_outer(relation: &Relation, outer: &HashSet<ColumnVar>) -> bool {
    let mut free = HashSet::new();
    walk::free(relation, &mut free);
    !free.is_disjoint(outer)
}

fn link(condition: &Expr, outer: &HashSet<ColumnVar>) -> Option<Link> {
    let ExprKind::Call { function, args } = &condition.kind else { return None };
    if !matches!(function.batch, Some(Batch::Compare(Comparison::Equal) | Batch::CompareKey(Comparison::Equal))) {
        return None;
    }
    let [left, right] = args.as_slice() else { return None };
    let is_outer = |expr: &Expr| {
        let mut named = HashSet::new();
        walk::columns(expr, &mut named);
        !named.is_empty() && named.is_subset(outer)
    };
    let is_inner = |expr: &Expr| !build::names_any(expr, outer);
    let (inner, inner_first) = match (is_inner(left) && is_outer(right), is_outer(left) && is_inner(right)) {
        (true, _) => (left, true),
        (_, true) => (right, false),
        _ => return None,
    };
    Some(Link { inner: inner.clone(), condition: condition.clone(), inner_first })
}
