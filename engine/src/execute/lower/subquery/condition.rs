//! Conditions with subqueries: EXISTS and `= ANY` keep rows by a semi join, the rest by a column and a filter.

use std::collections::HashSet;

use super::super::{Lowering, walk};
use super::build;
use crate::error::Result;
use crate::expr::{ColumnVar, Expr, ExprKind, Subquery, SubqueryKind};
use crate::plan::relation::{JoinKind, Relation};

impl Lowering<'_> {
    /// Keeps the rows for which the predicate holds; the outputs are the input's.
    pub(super) fn filter_without(&mut self, input: Relation, predicate: Expr) -> Result<Relation> {
        let outputs = input.outputs();
        let mut conditions = Vec::new();
        walk::conjuncts(predicate, &mut conditions);
        let (asking, plain): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(walk::has_subquery);
        // Cheap conditions first: there are fewer rows to ask for then.
        let mut input = build::filter(input, plain);
        let mut left = Vec::new();
        for condition in asking {
            match self.by_join(condition, input)? {
                (joined, None) => input = joined,
                (same, Some(condition)) => {
                    input = same;
                    left.push(condition);
                }
            }
        }
        let mut kept = Vec::with_capacity(left.len());
        for condition in left {
            kept.push(self.value_without(condition, &mut input)?);
        }
        Ok(build::only(build::filter(input, kept), &outputs))
    }

    /// The input less the rows for which the condition does not hold, or the input and the condition as they were.
    fn by_join(&mut self, condition: Expr, input: Relation) -> Result<(Relation, Option<Expr>)> {
        let (subquery, negated) = match &condition.kind {
            ExprKind::Subquery(subquery) => (subquery, false),
            ExprKind::Not(inner) => match &inner.kind {
                ExprKind::Subquery(subquery) => (subquery, true),
                _ => return Ok((input, Some(condition))),
            },
            _ => return Ok((input, Some(condition))),
        };
        match (&subquery.kind, negated) {
            (SubqueryKind::Exists { negated: inner }, _) => {
                let negated = negated != *inner;
                let relation = self.without_subqueries((*subquery.relation).clone())?;
                let Some(relation) = rows_that_matter(relation) else {
                    // An aggregate without groups always answers a row.
                    let kept =
                        build::filter(input, if negated { vec![build::boolean(Some(false))] } else { Vec::new() });
                    return Ok((kept, None));
                };
                if !build::depends(&relation, &input) {
                    // Asked once for all rows, not once for each.
                    return Ok((input, Some(condition)));
                }
                let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
                Ok((self.dependent_join(kind, input, relation, Vec::new())?, None))
            }
            (SubqueryKind::Compare { left, all: false, .. }, false)
                if matches!(left.as_const(), Some(storage::Value::Bool(true)))
                    && matches!(&*subquery.relation, Relation::Project { .. }) =>
            {
                // A row compared with rows: those for which the comparison holds.
                let Relation::Project { input: inner, columns } = (*subquery.relation).clone() else {
                    return Ok((input, Some(condition)));
                };
                let compared = columns.into_iter().find(|(column, _)| Some(column.var) == subquery.output);
                let Some((_, predicate)) = compared else { return Ok((input, Some(condition))) };
                let filtered = self.without_subqueries(Relation::Filter { input: inner, predicate })?;
                Ok((self.dependent_join(JoinKind::Semi, input, filtered, Vec::new())?, None))
            }
            (SubqueryKind::Compare { left, function, all: false }, false) if !walk::has_subquery(left) => {
                let Some(matched) = matched_column(subquery) else { return Ok((input, Some(condition))) };
                let relation = self.without_subqueries((*subquery.relation).clone())?;
                let args = vec![left.clone(), matched];
                let compared = Expr::new(ExprKind::Call { function, args }, build::BOOL);
                Ok((self.dependent_join(JoinKind::Semi, input, relation, vec![compared])?, None))
            }
            _ => Ok((input, Some(condition))),
        }
    }
}

/// The subquery's column that is compared.
fn matched_column(subquery: &Subquery) -> Option<Expr> {
    let output = subquery.output?;
    subquery.relation.outputs().into_iter().find(|column| column.var == output).map(build::column)
}

/// What decides whether there is any row: neither columns nor order nor repetitions. None: there always is one.
fn rows_that_matter(relation: Relation) -> Option<Relation> {
    match relation {
        Relation::Project { input, columns } => {
            // A projection may make columns that nobody asks for, but those of a set-returning function stay below it.
            drop(columns);
            rows_that_matter(*input)
        }
        Relation::Sort { input, .. } | Relation::Distinct { input, .. } => rows_that_matter(*input),
        Relation::Limit { input, limit: Some(limit), offset: None, with_ties: false }
            if matches!(limit.as_const(), Some(storage::Value::Int8(1..))) =>
        {
            rows_that_matter(*input)
        }
        Relation::Aggregate { groups, sets: None, .. } if groups.is_empty() => None,
        other => Some(other),
    }
}

/// The columns of an outer relation, as a set.
pub(super) fn vars(columns: &[crate::plan::relation::Column]) -> HashSet<ColumnVar> {
    columns.iter().map(|column| column.var).collect()
}
