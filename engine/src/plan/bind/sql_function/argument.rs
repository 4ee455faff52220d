//! Arguments in the place of their names: how often one may stand there, and how it is seen from inside.

use super::super::walk::{any, map_children, map_outer, visit};
use super::COPIED_PARTS_MAX;
use crate::error::Result;
use crate::expr::walk::is_volatile;
use crate::expr::{Expr, ExprKind};
use crate::types::{Type, oid};

/// Whether an argument may stand in a body so many times.
pub(super) fn is_copied(arg: &Expr, uses: usize) -> bool {
    if is_volatile(arg) {
        return uses == 1;
    }
    uses <= 1 || !has_subquery(arg) && parts(arg) * uses <= COPIED_PARTS_MAX
}

pub(super) fn parts(expr: &Expr) -> usize {
    let mut count = 0;
    visit(expr, &mut |_| {
        count += 1;
        true
    });
    count
}

pub(super) fn has_subquery(expr: &Expr) -> bool {
    any(expr, &mut |part| matches!(part.kind, ExprKind::Subquery(_)))
}

/// Whether an expression is computed where a query's rows are grouped, or put beside others.
pub(super) fn belongs_to_group(expr: &Expr) -> bool {
    any(expr, &mut |part| matches!(part.kind, ExprKind::Aggregate(_) | ExprKind::Window(_)))
}

/// Whether an expression depends on the row that it is computed for.
pub(super) fn names_columns(expr: &Expr) -> bool {
    any(expr, &mut |part| match &part.kind {
        ExprKind::Column(_) | ExprKind::OuterColumn { .. } => true,
        ExprKind::Aggregate(_) | ExprKind::Window(_) => true,
        ExprKind::Subquery(subquery) => subquery.correlated,
        _ => false,
    })
}

pub(super) fn can_be_null(expr: &Expr) -> bool {
    !matches!(&expr.kind, ExprKind::Const(value) if !value.is_null())
}

/// A row of NULLs is not NULL to a strict function.
pub(super) fn null_test(arg: Expr, negated: bool) -> Expr {
    Expr::new(ExprKind::IsNull { expr: Box::new(arg), negated }, Type::new(oid::BOOL))
}

/// An expression seen from so many borders inside.
pub(super) fn seen_from(expr: Expr, borders: usize) -> Result<Expr> {
    if borders == 0 {
        return Ok(expr);
    }
    let expr = map_outer(expr, 0, &mut |reference| {
        let leaves = reference.depth >= reference.borders;
        Ok((reference.var, reference.depth + if leaves { borders } else { 0 }))
    })?;
    moved_inside(expr, borders)
}

pub(super) fn moved_inside(expr: Expr, borders: usize) -> Result<Expr> {
    let mut expr = map_children(expr, &mut |part| moved_inside(part, borders))?;
    match expr.kind {
        ExprKind::Column(var) => expr.kind = ExprKind::OuterColumn { var, depth: borders },
        ExprKind::OuterColumn { var, depth } => expr.kind = ExprKind::OuterColumn { var, depth: depth + borders },
        _ => {}
    }
    Ok(expr)
}
