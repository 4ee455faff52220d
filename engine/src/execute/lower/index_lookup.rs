//! Finds rows by an index on expressions, or on part of the rows, where a condition says that it has all that are wanted.
//!
//! An index on plain columns is the provider's choice, which sees the conditions that reach it. These need the bound
//! expressions: an index's expression is recognised if the condition says the very same, and a partial index serves if
//! each part of its condition is a part of the query's.

use std::ops::Bound;

use storage::key::index_range;
use storage::{KeyRange, Value};

use crate::catalog::Index;
use crate::error::Result;
use crate::execute::{derived, point};
use crate::expr::eval::{NoRow, eval};
use crate::expr::{Expr, ExprKind, walk};
use crate::function::{Batch, Comparison, EvalContext};
use crate::plan::bind::same;
use crate::plan::point::is_value;
use crate::plan::relation::Scan;
use crate::types::oid::{BPCHAR, INT2, INT4, INT8};

/// The part of an index in which all rows are that a condition leaves.
#[derive(Debug, Clone)]
pub(crate) struct IndexLookup {
    /// Position in `TableSchema::indexes`.
    pub(crate) index: usize,
    pub(crate) range: KeyRange,
}

/// The narrowest such part for a scan whose rows must satisfy the condition.
pub(super) fn index_lookup(scan: &Scan, condition: &Expr, context: &EvalContext) -> Result<Option<IndexLookup>> {
    let table = &scan.table;
    if table.derivations().next().is_none() {
        return Ok(None);
    }
    let conjuncts = conjuncts(condition);
    let mut derived = derived::bound(table, &context.catalog, context)?.into_iter();
    let mut best: Option<(usize, IndexLookup)> = None;
    for (position, index) in table.secondary_indexes().enumerate() {
        let mut own = Vec::new();
        for expr in derived.by_ref().take(index.derivations().count()) {
            own.push(over_scan(expr, scan)?);
        }
        let Some(schema) = table.storage.indexes.get(position).filter(|_| !index.is_plain()) else { continue };
        let Some(prefix) = prefix(scan, index, &own, &conjuncts, context)? else { continue };
        let range = index_range(schema, &prefix, Bound::Unbounded, Bound::Unbounded);
        // More bytes in common is narrower.
        let width = range.start.len();
        if best.as_ref().is_none_or(|(known, _)| *known < width) {
            best = Some((width, IndexLookup { index: position, range }));
        }
    }
    Ok(best.map(|(_, lookup)| lookup))
}

/// The values that the conjuncts say the index's leading columns have; None if the index does not serve.
fn prefix(
    scan: &Scan,
    index: &Index,
    derived: &[Option<Expr>],
    conjuncts: &[&Expr],
    context: &EvalContext,
) -> Result<Option<Vec<Value>>> {
    if index.predicate.is_some() {
        let Some(Some(predicate)) = derived.last() else { return Ok(None) };
        if !self::conjuncts(predicate).into_iter().all(|part| is_implied(part, conjuncts)) {
            return Ok(None);
        }
    }
    let (mut values, mut expressions) = (Vec::new(), derived.iter());
    for column in &index.columns {
        let key = match column.expression {
            Some(_) => expressions.next().cloned().flatten(),
            None => own_column(scan, column.number),
        };
        let Some(key) = key else { break };
        let Some(value) = conjuncts.iter().find_map(|conjunct| equal_to(conjunct, &key)) else { break };
        let value = eval(value, context, &NoRow)?;
        match point::fit(value, &crate::types::column_type(key.ty)?) {
            Some(value) => values.push(value),
            // Nothing equals NULL or what does not fit; the condition itself will say so.
            None => break,
        }
    }
    Ok((!values.is_empty() || index.predicate.is_some()).then_some(values))
}

fn own_column(scan: &Scan, number: u16) -> Option<Expr> {
    let position = scan.table.position_of_number(number)?;
    let (_, column) = scan.columns.iter().find(|(at, _)| *at == position)?;
    Some(Expr::column(column.var, column.ty))
}

/// An expression over a table's columns by position as one over a scan's; None if the scan lacks a column.
fn over_scan(expr: Expr, scan: &Scan) -> Result<Option<Expr>> {
    let mut missing = false;
    let expr = walk::transform(expr, &mut |mut part| {
        if let ExprKind::Column(var) = &mut part.kind {
            match scan.columns.iter().find(|(at, _)| *at == var.0 as usize) {
                Some((_, column)) => *var = column.var,
                None => missing = true,
            }
        }
        Ok(part)
    })?;
    Ok((!missing).then_some(expr))
}

fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![condition],
    }
}

/// Whether the conjuncts say the same, or that a column which is not to be NULL equals something.
fn is_implied(part: &Expr, conjuncts: &[&Expr]) -> bool {
    if conjuncts.iter().any(|conjunct| same(conjunct, part)) {
        return true;
    }
    match &part.kind {
        ExprKind::IsNull { expr, negated: true } => conjuncts.iter().any(|conjunct| equal_to(conjunct, expr).is_some()),
        _ => false,
    }
}

/// What a conjunct says that an expression equals, if that can be looked up in an index.
fn equal_to<'a>(conjunct: &'a Expr, key: &Expr) -> Option<&'a Expr> {
    let ExprKind::Call { function, args } = &conjunct.kind else { return None };
    let is_equality =
        matches!(function.batch, Some(Batch::Compare(Comparison::Equal) | Batch::CompareKey(Comparison::Equal)));
    // char(n) is equal without its trailing spaces, but lies in keys with them.
    if !is_equality || function.args.contains(&BPCHAR) {
        return None;
    }
    let integers = [INT2, INT4, INT8];
    let comparable = |value: &Expr| {
        function.args[0] == function.args[1] || (integers.contains(&key.ty.oid) && integers.contains(&value.ty.oid))
    };
    match args.as_slice() {
        [left, right] if same(left, key) && is_value(right) && comparable(right) => Some(right),
        [left, right] if same(right, key) && is_value(left) && comparable(left) => Some(left),
        _ => None,
    }
}
