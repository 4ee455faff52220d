//! Which columns of a query's answer no two of its rows agree in.

use storage::RowIdentity;

use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::plan::point::equality;
use crate::plan::relation::{JoinKind, Query, Relation};

/// Positions among the query's outputs; None if no such columns are known, or not all of them are there.
pub(super) fn key_of(query: &Query) -> Option<Vec<usize>> {
    let position = |var: ColumnVar| query.outputs.iter().position(|output| output.column.var == var);
    unique(&query.relation)?.into_iter().map(position).collect()
}

/// Columns of a relation that are unique together; none at all if it has one row at most.
fn unique(relation: &Relation) -> Option<Vec<ColumnVar>> {
    match relation {
        Relation::OneRow => Some(Vec::new()),
        Relation::Scan(scan) => {
            // A key is one of the table alone, of one user's rows, and of what is not deleted.
            let inherited = scan.partitions.is_some() && scan.table.partitioning.key.is_none();
            if inherited || !scan.table.storage.slice.is_definite() || scan.sees_deleted.is_so() {
                return None;
            }
            let RowIdentity::PrimaryKey(key) = &scan.table.storage.identity else { return None };
            let var =
                |position: &usize| scan.columns.iter().find(|(own, _)| own == position).map(|(_, column)| column.var);
            if key.is_empty() { None } else { key.iter().map(var).collect() }
        }
        Relation::Filter { input, predicate } => {
            let mut key = unique(input)?;
            // What is the same in all rows tells none of them apart.
            for conjunct in conjuncts(predicate) {
                if let Some((pinned, _)) = equality(conjunct) {
                    key.retain(|var| *var != pinned);
                }
            }
            Some(key)
        }
        Relation::Sort { input, .. } | Relation::Limit { input, .. } | Relation::Window { input, .. } => unique(input),
        Relation::Project { input, columns } => {
            let renamed = |var: ColumnVar| {
                let passes = |expr: &Expr| matches!(expr.kind, ExprKind::Column(own) if own == var);
                columns.iter().find(|(_, expr)| passes(expr)).map(|(column, _)| column.var)
            };
            unique(input)?.into_iter().map(renamed).collect()
        }
        Relation::Aggregate { groups, sets: None, .. } => Some(groups.iter().map(|(column, _)| column.var).collect()),
        Relation::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => unique(left),
        Relation::Join { left, right, .. } => {
            let mut key = unique(left)?;
            key.extend(unique(right)?);
            Some(key)
        }
        Relation::Shared { plan, columns, source, .. } => {
            let renamed =
                |var: ColumnVar| source.iter().zip(columns).find(|(own, _)| **own == var).map(|(_, column)| column.var);
            unique(plan)?.into_iter().map(renamed).collect()
        }
        _ => None,
    }
}

/// What all must hold for a condition to hold.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![condition],
    }
}
