//! The last rows of an answer, without computing those before them where that can be.

use crate::expr::{Expr, SortKey};
use crate::plan::relation::{Query, Relation};
use crate::types::{Type, oid};
use storage::{RowIdentity, Value};

/// The query whose rows are the last ones of another, the very last first; None if nothing says which are last but the
/// order in which they come.
pub(crate) fn backwards(query: &Query, count: u64) -> Option<Query> {
    let relation = last_first(&query.relation, count)?;
    Some(Query { relation, ..query.clone() })
}

fn last_first(relation: &Relation, count: u64) -> Option<Relation> {
    match relation {
        Relation::Sort { input, keys } => Some(first(input, keys.iter().map(flipped).collect(), count)),
        Relation::Project { input, columns } => {
            let input = Box::new(last_first(input, count)?);
            Some(Relation::Project { input, columns: columns.clone() })
        }
        Relation::Filter { .. } | Relation::Scan(_) => {
            let keys = key(relation)?;
            Some(first(relation, keys.iter().map(flipped).collect(), count))
        }
        _ => None,
    }
}

fn first(input: &Relation, keys: Vec<SortKey>, count: u64) -> Relation {
    let sorted = Relation::Sort { input: Box::new(input.clone()), keys };
    let count = Value::Int8(i64::try_from(count).unwrap_or(i64::MAX));
    let limit = Some(Expr::constant(count, Type::new(oid::INT8)));
    Relation::Limit { input: Box::new(sorted), limit, offset: None, with_ties: false }
}

fn flipped(key: &SortKey) -> SortKey {
    SortKey { expr: key.expr.clone(), descending: !key.descending, nulls_first: !key.nulls_first }
}

/// The primary key's order.
fn key(relation: &Relation) -> Option<Vec<SortKey>> {
    match relation {
        Relation::Filter { input, .. } => key(input),
        Relation::Scan(scan) => {
            let RowIdentity::PrimaryKey(key) = &scan.table.storage.identity else { return None };
            let sort = |position: &usize| {
                let (_, column) = scan.columns.iter().find(|(own, _)| own == position)?;
                Some(SortKey { expr: Expr::column(column.var, column.ty), descending: false, nulls_first: false })
            };
            if key.is_empty() { None } else { key.iter().map(sort).collect() }
        }
        _ => None,
    }
}
