//! The order that a relation's rows come in, for aggregates that depend on it.

use super::super::Lowering;
use crate::expr::{Expr, ExprKind, SortKey};
use crate::plan::relation::{Column, Relation};

/// The sort keys over the relation's own outputs; empty: no order.
fn order_of(relation: &Relation) -> Vec<SortKey> {
    match relation {
        Relation::Sort { keys, .. } => keys.clone(),
        Relation::Limit { input, .. } | Relation::Filter { input, .. } => order_of(input),
        Relation::Project { input, columns } => {
            let keys = order_of(input);
            let mapped: Option<Vec<SortKey>> = keys.into_iter().map(|key| through(key, columns)).collect();
            mapped.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

impl Lowering<'_> {
    /// The relation, with what its order is by added to its columns where a projection has dropped it, and that order.
    pub(crate) fn ordered(&mut self, relation: Relation) -> (Relation, Vec<SortKey>) {
        match relation {
            Relation::Project { input, mut columns } => {
                let (input, keys) = self.ordered(*input);
                let keys = keys
                    .into_iter()
                    .map(|key| match through(key.clone(), &columns) {
                        Some(key) => key,
                        None => {
                            let column = Column { var: self.fresh(), ty: key.expr.ty };
                            columns.push((column, key.expr));
                            SortKey {
                                expr: Expr::column(column.var, column.ty),
                                descending: key.descending,
                                nulls_first: key.nulls_first,
                            }
                        }
                    })
                    .collect();
                (Relation::Project { input: Box::new(input), columns }, keys)
            }
            Relation::Limit { input, limit, offset, with_ties } => {
                let (input, keys) = self.ordered(*input);
                (Relation::Limit { input: Box::new(input), limit, offset, with_ties }, keys)
            }
            Relation::Filter { input, predicate } => {
                let (input, keys) = self.ordered(*input);
                (Relation::Filter { input: Box::new(input), predicate }, keys)
            }
            other => {
                let keys = order_of(&other);
                (other, keys)
            }
        }
    }
}

/// The key above a projection, if what it sorts by passes unchanged.
fn through(key: SortKey, columns: &[(Column, Expr)]) -> Option<SortKey> {
    let ExprKind::Column(sorted) = key.expr.kind else { return None };
    let (column, _) = columns.iter().find(|(_, expr)| matches!(expr.kind, ExprKind::Column(var) if var == sorted))?;
    Some(SortKey { expr: Expr::column(column.var, column.ty), ..key })
}
