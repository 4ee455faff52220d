//! Finds rows by an index of items, on expressions, or on part of the rows, where a condition says that it has all that are
//! wanted.
//!
//! Any other index on plain columns is the provider's choice, which sees the conditions that reach it. These need the bound
//! expressions: an index's expression is recognised if the condition says the very same, and a partial index serves if
//! each part of its condition is a part of the query's.

use std::ops::Bound;
use std::sync::Arc;

use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr as DfExpr, Operator};
use storage::key::index_range;
use storage::{IndexSchema, ItemQuery, KeyRange, Value};

use super::item_lookup::{ItemColumn, item_query};
use super::row_function::RowFunction;
use crate::catalog::{Index, IndexColumn, Table};
use crate::error::Result;
use crate::execute::{derived, point};
use crate::expr::eval::{NoRow, eval};
use crate::expr::{Expr, ExprKind, walk};
use crate::function::{Batch, Comparison, EvalContext};
use crate::plan::bind::same;
use crate::plan::point::is_value;
use crate::plan::relation::Scan;
use crate::types::Type;
use crate::types::oid::{self, BPCHAR, INT2, INT4, INT8};

/// Where in an index all rows are that a condition leaves.
#[derive(Debug, Clone)]
pub(crate) struct IndexLookup {
    /// Position in `TableSchema::indexes`.
    pub(crate) index: usize,
    pub(crate) rows: RowsOfIndex,
}

/// Which of an index's entries name them.
#[derive(Debug, Clone)]
pub(crate) enum RowsOfIndex {
    Range(KeyRange),
    Items(ItemQuery),
}

/// Better ways compare greater: values of leading columns, then items, then part of the rows alone; within these more bytes
/// in common, or more conditions that ask for items.
type Score = (u8, usize);

/// The narrowest such part for a scan whose rows must satisfy the condition.
pub(super) fn index_lookup(scan: &Scan, condition: &Expr, context: &EvalContext) -> Result<Option<IndexLookup>> {
    lookup(scan, &conjuncts(condition), context)
}

fn has_items(table: &Table) -> bool {
    table.storage.indexes.iter().any(IndexSchema::has_items)
}

/// Looks for them once more among the conditions that DataFusion has brought down to a scan of a table with an index of
/// items: they may have been said of a join, or of a view.
#[derive(Debug, Clone)]
pub(crate) struct LateLookup {
    scan: Scan,
    context: Arc<EvalContext>,
}

impl LateLookup {
    /// None for a table without such an index.
    pub(super) fn of(table: &Arc<Table>, scan: &Scan, context: &Arc<EvalContext>) -> Option<Self> {
        has_items(table).then(|| {
            let scan = Scan { table: table.clone(), partitions: None, ..scan.clone() };
            Self { scan, context: context.clone() }
        })
    }

    /// Whether a condition is one to look at. `position_of` tells a column's position in the table.
    pub(crate) fn reads(&self, filter: &DfExpr, position_of: &dyn Fn(&str) -> Option<usize>) -> bool {
        self.condition(filter, position_of).is_some()
    }

    /// The narrowest part of an index in which all rows are that the filters leave.
    pub(crate) fn find(
        &self,
        filters: &[DfExpr],
        position_of: &dyn Fn(&str) -> Option<usize>,
    ) -> Result<Option<IndexLookup>> {
        let parts = filters.iter().flat_map(split_conjunction);
        let conditions: Vec<Expr> = parts.filter_map(|part| self.condition(part, position_of)).collect();
        lookup(&self.scan, &conditions.iter().flat_map(conjuncts).collect::<Vec<_>>(), &self.context)
    }

    /// The condition as it was before it was lowered, if it is one that is evaluated row by row.
    fn condition(&self, filter: &DfExpr, position_of: &dyn Fn(&str) -> Option<usize>) -> Option<Expr> {
        match filter {
            DfExpr::ScalarFunction(call) => {
                let function = call.func.inner().downcast_ref::<RowFunction>()?;
                let var_of = |name: &str| {
                    let position = position_of(name)?;
                    let (_, column) = self.scan.columns.iter().find(|(at, _)| *at == position)?;
                    Some(column.var)
                };
                function.over(&call.args, &var_of)
            }
            DfExpr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                let sides = vec![self.condition(left, position_of)?, self.condition(right, position_of)?];
                Some(Expr::new(ExprKind::Or(sides), Type::new(oid::BOOL)))
            }
            _ => None,
        }
    }
}

fn lookup(scan: &Scan, conjuncts: &[&Expr], context: &EvalContext) -> Result<Option<IndexLookup>> {
    let table = &scan.table;
    if table.derivations().next().is_none() && !has_items(table) {
        return Ok(None);
    }
    let mut derived = derived::bound(table, &context.catalog, context)?.into_iter();
    let mut best: Option<(Score, IndexLookup)> = None;
    for (position, index) in table.secondary_indexes().enumerate() {
        let mut own = Vec::new();
        for expr in derived.by_ref().take(index.derivations().count()) {
            own.push(over_scan(expr, scan)?);
        }
        let Some(schema) = table.storage.indexes.get(position) else { continue };
        let candidate = Candidate { scan, index, schema, derived: &own, conjuncts, context };
        let Some((score, rows)) = candidate.find()? else { continue };
        if best.as_ref().is_none_or(|(known, _)| *known < score) {
            best = Some((score, IndexLookup { index: position, rows }));
        }
    }
    Ok(best.map(|(_, lookup)| lookup))
}

/// An index beside what is known of the rows that a scan wants.
struct Candidate<'a> {
    scan: &'a Scan,
    index: &'a Index,
    schema: &'a IndexSchema,
    /// What it sees besides columns, its condition last.
    derived: &'a [Option<Expr>],
    conjuncts: &'a [&'a Expr],
    context: &'a EvalContext,
}

impl Candidate<'_> {
    fn find(&self) -> Result<Option<(Score, RowsOfIndex)>> {
        if !self.has_all() {
            Ok(None)
        } else if self.schema.has_items() {
            self.items()
        } else if self.index.is_plain() {
            Ok(None)
        } else {
            self.range()
        }
    }

    /// Whether the index has all rows that the conjuncts leave.
    fn has_all(&self) -> bool {
        match (&self.index.predicate, self.derived.last()) {
            (None, _) => true,
            (Some(_), Some(Some(predicate))) => {
                conjuncts(predicate).into_iter().all(|part| is_implied(part, self.conjuncts))
            }
            (Some(_), _) => false,
        }
    }

    /// What the columns of the index are on, as far as the scan has it.
    fn keys(&self) -> Vec<Option<Expr>> {
        let mut expressions = self.derived.iter();
        let key = |column: &IndexColumn| match column.expression {
            Some(_) => expressions.next().cloned().flatten(),
            None => own_column(self.scan, column.number),
        };
        self.index.columns.iter().map(key).collect()
    }

    fn items(&self) -> Result<Option<(Score, RowsOfIndex)>> {
        if !self.schema.slice.is_definite() {
            return Ok(None);
        }
        let columns = self.keys().into_iter().zip(&self.schema.columns);
        let columns: Vec<ItemColumn> =
            columns.filter_map(|(key, column)| Some(ItemColumn { key, items: column.items? })).collect();
        let query = item_query(&columns, self.conjuncts, self.context)?;
        Ok(query.map(|(conditions, query)| ((1, conditions), RowsOfIndex::Items(query))))
    }

    fn range(&self) -> Result<Option<(Score, RowsOfIndex)>> {
        let prefix = prefix(&self.keys(), self.conjuncts, self.context)?;
        if prefix.is_empty() && self.index.predicate.is_none() {
            return Ok(None);
        }
        let range = index_range(self.schema, &prefix, Bound::Unbounded, Bound::Unbounded);
        let score = (if prefix.is_empty() { 0 } else { 2 }, range.start.len());
        Ok(Some((score, RowsOfIndex::Range(range))))
    }
}

/// The values that the conjuncts say the leading columns of an index have.
fn prefix(keys: &[Option<Expr>], conjuncts: &[&Expr], context: &EvalContext) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    for key in keys {
        let Some(key) = key else { break };
        let Some(value) = conjuncts.iter().find_map(|conjunct| equal_to(conjunct, key)) else { break };
        let value = eval(value, context, &NoRow)?;
        match point::fit(value, &crate::types::column_type(key.ty)?) {
            Some(value) => values.push(value),
            // Nothing equals NULL or what does not fit; the condition itself will say so.
            None => break,
        }
    }
    Ok(values)
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
