//! The order that a relation's rows come in, for aggregates that depend on it.

use crate::expr::{Expr, ExprKind, SortKey};
use crate::plan::relation::{Column, Relation};

/// The sort keys over the relation's own outputs; empty: no order.
pub(crate) fn order_of(relation: &Relation) -> Vec<SortKey> {
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

/// The key above a projection, if what it sorts by passes unchanged.
fn through(key: SortKey, columns: &[(Column, Expr)]) -> Option<SortKey> {
    let ExprKind::Column(sorted) = key.expr.kind else { return None };
    let (column, _) = columns.iter().find(|(_, expr)| matches!(expr.kind, ExprKind::Column(var) if var == sorted))?;
    Some(SortKey { expr: Expr::column(column.var, column.ty), ..key })
}
