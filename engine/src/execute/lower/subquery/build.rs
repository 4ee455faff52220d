//! Pieces of relations and expressions that rewriting puts together.

use std::collections::HashSet;

use storage::Value;

use super::super::{sort_key, walk};
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, ColumnVar, Expr, ExprKind};
use crate::function::{AggregateFunction, Batch, Comparison, EvalContext, Function, Volatility};
use crate::plan::relation::{Column, JoinKind, Relation, SetKind};
use crate::types::{Type, oid};

pub(super) const BOOL: Type = Type::new(oid::BOOL);
pub(super) const INT8: Type = Type::new(oid::INT8);

/// Comparisons that only lowering uses. Those of any type stand in conditions of joins, where their batch form is all that
/// is ever looked at.
static SAME: Function = comparison("same", Batch::Compare(Comparison::Equal), column_wise_only);
static SAME_KEY: Function = comparison("same", Batch::CompareKey(Comparison::Equal), column_wise_only);
static EQUAL: Function = comparison("equal", Batch::Compare(Comparison::Equal), |_, args| int8_compare(args, i64::eq));
static LESS_OR_EQUAL: Function =
    comparison("less_or_equal", Batch::Compare(Comparison::LessOrEqual), |_, args| int8_compare(args, i64::le));

const fn comparison(name: &'static str, batch: Batch, eval: fn(&EvalContext, &[Value]) -> Result<Value>) -> Function {
    Function {
        oid: 0,
        name,
        args: &[oid::ANY, oid::ANY],
        variadic: false,
        returns: oid::BOOL,
        strict: true,
        volatility: Volatility::Immutable,
        eval,
        batch: Some(batch),
    }
}

fn column_wise_only(_context: &EvalContext, _args: &[Value]) -> Result<Value> {
    Err(Error::internal("a comparison made by lowering is evaluated row by row"))
}

fn int8_compare(args: &[Value], holds: fn(&i64, &i64) -> bool) -> Result<Value> {
    match args {
        [Value::Int8(left), Value::Int8(right)] => Ok(Value::Bool(holds(left, right))),
        _ => Err(Error::internal("a count that is not an int8")),
    }
}

pub(super) fn column(column: Column) -> Expr {
    Expr::column(column.var, column.ty)
}

pub(super) fn int8(value: i64) -> Expr {
    Expr::constant(Value::Int8(value), INT8)
}

pub(super) fn boolean(value: Option<bool>) -> Expr {
    Expr::constant(value.map_or(Value::Null, Value::Bool), BOOL)
}

pub(super) fn not(expr: Expr) -> Expr {
    Expr::new(ExprKind::Not(Box::new(expr)), BOOL)
}

pub(super) fn is_null(expr: Expr, negated: bool) -> Expr {
    Expr::new(ExprKind::IsNull { expr: Box::new(expr), negated }, BOOL)
}

pub(super) fn coalesce(expr: Expr, otherwise: Expr) -> Expr {
    let ty = expr.ty;
    Expr::new(ExprKind::Coalesce(vec![expr, otherwise]), ty)
}

/// `CASE WHEN ... THEN ... ELSE otherwise END`.
pub(super) fn case(whens: Vec<(Expr, Expr)>, otherwise: Expr) -> Expr {
    let ty = otherwise.ty;
    Expr::new(ExprKind::Case { whens, otherwise: Some(Box::new(otherwise)) }, ty)
}

/// For two int8.
pub(super) fn equal(left: Expr, right: Expr) -> Expr {
    Expr::new(ExprKind::Call { function: &EQUAL, args: vec![left, right] }, BOOL)
}

/// For two int8.
pub(super) fn less_or_equal(left: Expr, right: Expr) -> Expr {
    Expr::new(ExprKind::Call { function: &LESS_OR_EQUAL, args: vec![left, right] }, BOOL)
}

/// Equal, or both NULL.
pub(super) fn same(left: Column, right: Column) -> Result<Expr> {
    let equal = if sort_key::key_of(left.ty)?.is_some() { &SAME_KEY } else { &SAME };
    let (left, right) = (Box::new(column(left)), Box::new(column(right)));
    Ok(Expr::new(ExprKind::Distinct { equal, left, right, negated: true }, BOOL))
}

pub(super) fn all_of(mut conditions: Vec<Expr>) -> Expr {
    if conditions.len() == 1 {
        return conditions.swap_remove(0);
    }
    Expr::new(ExprKind::And(conditions), BOOL)
}

pub(super) fn any_of(conditions: Vec<Expr>) -> Expr {
    Expr::new(ExprKind::Or(conditions), BOOL)
}

pub(super) fn filter(input: Relation, conditions: Vec<Expr>) -> Relation {
    if conditions.is_empty() {
        return input;
    }
    Relation::Filter { input: Box::new(input), predicate: all_of(conditions) }
}

pub(super) fn join(kind: JoinKind, left: Relation, right: Relation, conditions: Vec<Expr>, lateral: bool) -> Relation {
    let condition = (!conditions.is_empty()).then(|| all_of(conditions));
    Relation::Join { kind, left: Box::new(left), right: Box::new(right), condition, lateral }
}

pub(super) fn union(columns: Vec<Column>, left: Relation, right: Relation) -> Relation {
    Relation::SetOperation { kind: SetKind::Union, all: true, columns, left: Box::new(left), right: Box::new(right) }
}

/// The relation with these columns, in this order, and no others.
pub(super) fn only(relation: Relation, columns: &[Column]) -> Relation {
    if relation.outputs() == columns {
        return relation;
    }
    let columns = columns.iter().map(|&kept| (kept, column(kept))).collect();
    Relation::Project { input: Box::new(relation), columns }
}

pub(super) fn aggregate(
    input: Relation,
    groups: Vec<(Column, Expr)>,
    aggregates: Vec<(Column, AggregateCall)>,
) -> Relation {
    Relation::Aggregate { input: Box::new(input), groups, sets: None, aggregates }
}

pub(super) fn call(function: &'static AggregateFunction, args: Vec<Expr>) -> AggregateCall {
    AggregateCall { function, args, distinct: false, filter: None, order_by: Vec::new() }
}

/// Whether the relation makes any of the columns.
pub(super) fn makes_any(relation: &Relation, columns: &HashSet<ColumnVar>) -> bool {
    relation.outputs().iter().any(|column| columns.contains(&column.var))
}

/// Whether `inner` names columns of `outer`.
pub(super) fn depends(inner: &Relation, outer: &Relation) -> bool {
    let mut free = HashSet::new();
    walk::free(inner, &mut free);
    makes_any(outer, &free)
}

/// The columns of `outer` that `inner` names, in the order of `outer`.
pub(super) fn named_of(inner: &Relation, outer: &Relation) -> Vec<Column> {
    let mut free = HashSet::new();
    walk::free(inner, &mut free);
    outer.outputs().into_iter().filter(|column| free.contains(&column.var)).collect()
}

/// Whether the expression names any of the columns.
pub(super) fn names_any(expr: &Expr, columns: &HashSet<ColumnVar>) -> bool {
    let mut named = HashSet::new();
    walk::columns(expr, &mut named);
    !named.is_disjoint(columns)
}
