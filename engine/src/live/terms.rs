//! What the rows of a table must be to matter to a query that is run again: equalities that the query asks for where it reads
//! the table. Commits of other rows need no run.

use rustc_hash::FxHashMap;

use super::key::conjuncts;
use super::walk::{Part, walk};
use crate::expr::Expr;
use crate::plan::point::equality;
use crate::plan::relation::{Relation, Scan};

/// Columns of a table and what they must be equal to, by the table's oid.
pub(super) type Terms = FxHashMap<u32, Vec<(usize, Expr)>>;

/// The terms of tables that are read in one place only, beneath a filter.
pub(super) fn terms_of(relation: &Relation) -> Terms {
    let (mut terms, mut reads) = (Terms::default(), FxHashMap::<u32, usize>::default());
    walk(relation, &mut |part| match part {
        Part::Relation(Relation::Scan(scan)) => tables(scan).for_each(|oid| *reads.entry(oid).or_default() += 1),
        Part::Relation(Relation::Filter { input, predicate }) => {
            if let Relation::Scan(scan) = &**input
                && !scan.sees_deleted.is_so()
            {
                let asked = asked(scan, predicate);
                tables(scan).for_each(|oid| drop(terms.insert(oid, asked.clone())));
            }
        }
        _ => {}
    });
    terms.retain(|oid, asked| !asked.is_empty() && reads.get(oid) == Some(&1));
    terms
}

/// The tables that have a scan's rows: their columns are at the same places.
fn tables(scan: &Scan) -> impl Iterator<Item = u32> {
    let leaves = scan.partitions.as_ref().map_or(std::slice::from_ref(&scan.table), |tree| tree.leaves());
    leaves.iter().map(|table| table.oid)
}

fn asked(scan: &Scan, predicate: &Expr) -> Vec<(usize, Expr)> {
    let mut asked: Vec<(usize, Expr)> = Vec::new();
    for (var, value) in conjuncts(predicate).into_iter().filter_map(equality) {
        let position = scan.columns.iter().find(|(_, column)| column.var == var).map(|(position, _)| *position);
        if let Some(position) = position.filter(|own| !asked.iter().any(|(known, _)| known == own)) {
            asked.push((position, value.clone()));
        }
    }
    asked.sort_by_key(|(position, _)| *position);
    asked
}
