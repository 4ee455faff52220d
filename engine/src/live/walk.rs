//! A walk over everything that a bound query is made of, subqueries and WITH queries included.

use crate::execute::lower::walk::{expressions, inputs, parts};
use crate::expr::{Expr, ExprKind, FrameBound};
use crate::plan::relation::Relation;

/// What a query is made of.
pub(super) enum Part<'a> {
    Relation(&'a Relation),
    Expr(&'a Expr),
}

/// Calls `see` with the relation and whatever is in it.
pub(super) fn walk(relation: &Relation, see: &mut dyn FnMut(Part<'_>)) {
    see(Part::Relation(relation));
    expressions(relation, &mut |expr| walk_expr(expr, see));
    if let Relation::Shared { plan, .. } = relation {
        walk(plan, see);
    }
    if let Relation::Window { calls, .. } = relation {
        calls.iter().for_each(|(_, call)| walk_bounds([&call.frame.start, &call.frame.end], see));
    }
    inputs(relation, &mut |input| walk(input, see));
}

fn walk_expr(expr: &Expr, see: &mut dyn FnMut(Part<'_>)) {
    see(Part::Expr(expr));
    match &expr.kind {
        ExprKind::Subquery(subquery) => walk(&subquery.relation, see),
        ExprKind::Window(call) => walk_bounds([&call.frame.start, &call.frame.end], see),
        _ => {}
    }
    parts(expr, &mut |part| walk_expr(part, see));
}

fn walk_bounds(bounds: [&FrameBound; 2], see: &mut dyn FnMut(Part<'_>)) {
    for bound in bounds {
        if let FrameBound::Preceding(expr) | FrameBound::Following(expr) = bound {
            walk_expr(expr, see);
        }
    }
}
