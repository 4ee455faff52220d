//! Point plans: the shapes that OLTP is made of, run row by row over storage without DataFusion.
//!
//! A statement is a point plan when it reads one table, finds its rows by equality on the whole primary key or on a
//! unique index, and computes nothing but plain expressions of the row. Whatever else its WHERE says is tested on the row.

use std::borrow::Cow;
use std::sync::Arc;

use storage::{IndexSchema, RowIdentity, RowLock};

use super::relation::{Column, LockWait, Output, Query, Relation, Scan};
use crate::catalog::Table;
use crate::catalog::partition::PartitionTree;
use crate::expr::{ColumnVar, Expr, ExprKind, walk};
use crate::function::{Batch, Comparison};
use crate::types::oid::{BPCHAR, INT2, INT4, INT8};

/// How a point plan finds its rows: expressions without columns, in key order, of the key columns' own types.
#[derive(Debug, Clone)]
pub enum Access {
    PrimaryKey(Vec<Expr>),
    Unique { index: IndexSchema, key: Vec<Expr> },
}

/// A SELECT that is a point plan.
#[derive(Debug)]
pub struct PointSelect {
    pub table: Arc<Table>,
    /// What is beneath the table, if it is partitioned. Its keys include the columns it is partitioned by, so the key
    /// says which partition has the row.
    pub partitions: Option<Arc<PartitionTree>>,
    pub access: Access,
    pub filter: Option<Expr>,
    pub projection: Vec<Expr>,
    /// Position in the table of each column number that occurs.
    pub columns: ColumnPlaces,
    pub lock: Option<(RowLock, LockWait)>,
}

/// Where each column number of one table lies among its columns.
#[derive(Debug, Clone, Default)]
pub struct ColumnPlaces {
    first: u32,
    places: Vec<Option<usize>>,
}

impl ColumnPlaces {
    /// From pairs of column number and position.
    pub fn new(pairs: impl Iterator<Item = (ColumnVar, usize)> + Clone) -> Self {
        let first = pairs.clone().map(|(var, _)| var.0).min().unwrap_or(0);
        let mut places = Vec::new();
        for (var, position) in pairs {
            let at = (var.0 - first) as usize;
            if places.len() <= at {
                places.resize(at + 1, None);
            }
            places[at] = Some(position);
        }
        Self { first, places }
    }

    /// The position of a column, if it is one of this table's.
    pub fn place(&self, var: ColumnVar) -> Option<usize> {
        *self.places.get(var.0.checked_sub(self.first)? as usize)?
    }
}

/// A SELECT without FROM: one row, or none if its WHERE says so.
#[derive(Debug)]
pub struct OneRow {
    pub filter: Option<Expr>,
    pub projection: Vec<Expr>,
}

/// A query taken apart: WHERE, what it reads, and what it computes of that, as far as there is only this.
struct Simple<'a> {
    projection: Option<&'a [(Column, Expr)]>,
    predicate: Option<Cow<'a, Expr>>,
    input: &'a Relation,
}

impl<'a> Simple<'a> {
    fn of(query: &'a Query) -> Self {
        let (projection, input) = match &query.relation {
            Relation::Project { input, columns } => (Some(columns.as_slice()), input.as_ref()),
            other => (None, other),
        };
        let (mut predicate, mut input) = match input {
            Relation::Filter { input, predicate } => (Some(Cow::Borrowed(predicate)), input.as_ref()),
            other => (None, other),
        };
        // Conditions behind a barrier are tested before those above it.
        if let Relation::Limit { input: behind, .. } = input
            && let Relation::Filter { input: scan, predicate: first } = behind.as_ref()
            && input.is_barrier()
        {
            predicate = Some(match predicate {
                Some(then) => Cow::Owned(one_after_the_other(first, &then)),
                None => Cow::Borrowed(first),
            });
            input = scan.as_ref();
        }
        Self { projection, predicate, input }
    }

    /// What each output is of the input.
    fn outputs(&self, query: &Query) -> Option<Vec<Expr>> {
        let computed = |output: &Output| match self.projection {
            Some(columns) => {
                columns.iter().find(|(column, _)| column.var == output.column.var).map(|(_, expr)| expr.clone())
            }
            None => Some(Expr::column(output.column.var, output.column.ty)),
        };
        query.outputs.iter().map(computed).collect()
    }
}

/// Both conditions as one, the parts of the first before those of the second.
fn one_after_the_other(first: &Expr, then: &Expr) -> Expr {
    let parts = [first, then].into_iter().flat_map(|condition| match &condition.kind {
        ExprKind::And(parts) => parts.clone(),
        _ => vec![condition.clone()],
    });
    Expr::new(ExprKind::And(parts.collect()), first.ty)
}

/// Recognises a SELECT of plain expressions without FROM.
pub fn one_row(query: &Query) -> Option<OneRow> {
    let simple = Simple::of(query);
    if !matches!(simple.input, Relation::OneRow) || !query.locking.is_empty() {
        return None;
    }
    let (filter, projection) = (simple.predicate.as_deref().cloned(), simple.outputs(query)?);
    let columns = ColumnPlaces::default();
    projection.iter().chain(&filter).all(|expr| is_plain(expr, &columns)).then_some(OneRow { filter, projection })
}

/// Recognises a point SELECT.
pub fn select(query: &Query) -> Option<PointSelect> {
    let simple = Simple::of(query);
    let predicate = simple.predicate.as_deref()?;
    let Relation::Scan(scan) = simple.input else { return None };
    if scan.table.kind != crate::catalog::TableKind::Table || query.locking.len() > 1 || scan.sees_deleted.is_so() {
        return None;
    }
    // A key is one of the table alone, not of those that inherit from it.
    if scan.partitions.is_some() && scan.table.partitioning.key.is_none() {
        return None;
    }
    let (access, filter) = access(scan, predicate)?;
    let projection = simple.outputs(query)?;
    let columns = ColumnPlaces::new(scan.columns.iter().map(|(position, column)| (column.var, *position)));
    let plain = |expr: &Expr| is_plain(expr, &columns);
    if !projection.iter().all(plain) || !filter.iter().all(plain) {
        return None;
    }
    let lock = query.locking.first().map(|locking| (locking.strength, locking.wait));
    let (table, partitions) = (scan.table.clone(), scan.partitions.clone());
    Some(PointSelect { table, partitions, access, filter, projection, columns, lock })
}

/// The key that a predicate pins down, and what is left to test. None if it pins none.
pub fn access(scan: &Scan, predicate: &Expr) -> Option<(Access, Option<Expr>)> {
    let conjuncts: Vec<&Expr> = match &predicate.kind {
        ExprKind::And(parts) => parts.iter().collect(),
        _ => vec![predicate],
    };
    let schema = &scan.table.storage;
    if !schema.slice.is_definite() {
        return None;
    }
    let position_of =
        |var: ColumnVar| scan.columns.iter().find(|(_, column)| column.var == var).map(|(position, _)| *position);
    let pin = |position: usize| {
        conjuncts
            .iter()
            .position(|conjunct| equality(conjunct).is_some_and(|(var, _)| position_of(var) == Some(position)))
    };
    let choose =
        |positions: &[usize]| -> Option<Vec<usize>> { positions.iter().map(|position| pin(*position)).collect() };
    let (chosen, index) = match &schema.identity {
        RowIdentity::PrimaryKey(key) if !key.is_empty() => (choose(key), None),
        _ => (None, None),
    };
    let (chosen, index) = match chosen {
        Some(chosen) => (chosen, index),
        None => schema.indexes.iter().filter(|index| index.unique && !schema.is_derived(index)).find_map(|index| {
            let positions: Vec<usize> = index.columns.iter().map(|column| column.column).collect();
            Some((choose(&positions)?, Some(index.clone())))
        })?,
    };
    let key: Vec<Expr> =
        chosen.iter().filter_map(|at| equality(conjuncts[*at]).map(|(_, value)| value.clone())).collect();
    let rest: Vec<Expr> = conjuncts
        .iter()
        .enumerate()
        .filter(|(at, _)| !chosen.contains(at))
        .map(|(_, conjunct)| (*conjunct).clone())
        .collect();
    let filter = match rest.len() {
        0 => None,
        1 => rest.into_iter().next(),
        _ => Some(Expr::new(ExprKind::And(rest), predicate.ty)),
    };
    let access = match index {
        Some(index) => Access::Unique { index, key },
        None => Access::PrimaryKey(key),
    };
    Some((access, filter))
}

/// `column = value` of one and the same type, where value has no columns: the column and the value.
pub(crate) fn equality(expr: &Expr) -> Option<(ColumnVar, &Expr)> {
    let ExprKind::Call { function, args } = &expr.kind else { return None };
    if !matches!(function.batch, Some(Batch::Compare(Comparison::Equal) | Batch::CompareKey(Comparison::Equal))) {
        return None;
    }
    let [left, right] = args.as_slice() else { return None };
    // char(n) is equal without its trailing spaces, but lies in keys with them.
    if function.args.contains(&BPCHAR) {
        return None;
    }
    // A comparison across types converts one side; only a key of the column's own type can be looked up.
    if function.args[0] != function.args[1] {
        return cross_type(left, right).or_else(|| cross_type(right, left));
    }
    match (&left.kind, &right.kind) {
        (ExprKind::Column(var), _) if is_value(right) => Some((*var, right)),
        (_, ExprKind::Column(var)) if is_value(left) => Some((*var, left)),
        _ => None,
    }
}

/// `int8_column = int4_value` and the like: the evaluator widens or narrows the value to the column's type, and a
/// value that does not fit finds nothing.
fn cross_type<'a>(column: &'a Expr, value: &'a Expr) -> Option<(ColumnVar, &'a Expr)> {
    let ExprKind::Column(var) = column.kind else { return None };
    let integers = [INT2, INT4, INT8];
    (integers.contains(&column.ty.oid) && integers.contains(&value.ty.oid) && is_value(value)).then_some((var, value))
}

/// Whether an expression can be computed before any row is read.
pub(crate) fn is_value(expr: &Expr) -> bool {
    let mut value = true;
    walk::visit(expr, &mut |part| {
        value &= !matches!(
            part.kind,
            ExprKind::Column(_)
                | ExprKind::OuterColumn { .. }
                | ExprKind::Aggregate(_)
                | ExprKind::Window(_)
                | ExprKind::Subquery(_)
        );
    });
    value && !walk::is_volatile(expr)
}

/// Whether an expression needs nothing but one row of the table.
pub fn is_plain(expr: &Expr, columns: &ColumnPlaces) -> bool {
    let mut plain = true;
    walk::visit(expr, &mut |part| {
        plain &= match &part.kind {
            ExprKind::Column(var) => columns.place(*var).is_some(),
            ExprKind::OuterColumn { .. } | ExprKind::Aggregate(_) | ExprKind::Window(_) | ExprKind::Subquery(_) => {
                false
            }
            _ => true,
        };
    });
    plain
}
