//! Whether two bound expressions are the same, as GROUP BY, DISTINCT and ORDER BY ask.

use crate::expr::shown::Form;
use crate::expr::{AggregateCall, Expr, ExprKind, Frame, FrameBound, SortKey, WindowCall};
use crate::function::WindowFunction;

/// Structural sameness. Subqueries are never the same: comparing them is not worth its while.
pub(crate) fn same(left: &Expr, right: &Expr) -> bool {
    use ExprKind as E;
    if left.ty != right.ty {
        return false;
    }
    match (&left.kind, &right.kind) {
        (E::Const(a), E::Const(b)) => a == b,
        (E::Param(a), E::Param(b)) => a == b,
        (E::Computed(a), E::Computed(b)) => a == b,
        (E::Column(a), E::Column(b)) => a == b,
        (E::OuterColumn { var: a, depth: m }, E::OuterColumn { var: b, depth: n }) => a == b && m == n,
        (E::Call { function: f, args: a }, E::Call { function: g, args: b }) => f.oid == g.oid && all_same(a, b),
        (E::And(a), E::And(b))
        | (E::Or(a), E::Or(b))
        | (E::Coalesce(a), E::Coalesce(b))
        | (E::Array(a), E::Array(b)) => all_same(a, b),
        (E::Not(a), E::Not(b)) | (E::TextCast(a), E::TextCast(b)) => same(a, b),
        (E::IsNull { expr: a, negated: m }, E::IsNull { expr: b, negated: n }) => m == n && same(a, b),
        (E::BoolTest { expr: a, value: v, negated: m }, E::BoolTest { expr: b, value: w, negated: n }) => {
            v == w && m == n && same(a, b)
        }
        (
            E::Distinct { equal: f, left: a, right: b, negated: m },
            E::Distinct { equal: g, left: c, right: d, negated: n },
        ) => f.oid == g.oid && m == n && same(a, c) && same(b, d),
        (E::Case { whens: a, otherwise: x }, E::Case { whens: b, otherwise: y }) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
                && optional(x.as_deref(), y.as_deref())
        }
        (E::NullIf { equal: f, left: a, right: b }, E::NullIf { equal: g, left: c, right: d }) => {
            f.oid == g.oid && same(a, c) && same(b, d)
        }
        (E::Extreme { greatest: m, args: a, .. }, E::Extreme { greatest: n, args: b, .. }) => m == n && all_same(a, b),
        (
            E::ArrayCompare { function: f, left: a, array: b, all: m },
            E::ArrayCompare { function: g, left: c, array: d, all: n },
        ) => f.oid == g.oid && m == n && same(a, c) && same(b, d),
        (E::Subscript { array: a, index: b }, E::Subscript { array: c, index: d }) => same(a, c) && same(b, d),
        (E::Fold(a), E::Fold(b)) => a.aggregate == b.aggregate && same(&a.rows, &b.rows),
        (E::Aggregate(a), E::Aggregate(b)) => same_aggregate(a, b),
        (E::Window(a), E::Window(b)) => same_window(a, b),
        (E::Shown(a), E::Shown(b)) => same_form(&a.form, &b.form) && all_same(&a.parts, &b.parts),
        _ => false,
    }
}

fn same_form(left: &Form, right: &Form) -> bool {
    match (left, right) {
        (Form::Operator(a), Form::Operator(b)) => a == b,
        (Form::Word(a), Form::Word(b)) | (Form::Collate(a), Form::Collate(b)) => a == b,
        (Form::Syntax(a), Form::Syntax(b)) => a == b,
        (Form::Function(a), Form::Function(b)) => a == b,
        (Form::Cast { .. }, Form::Cast { .. }) | (Form::CaseOf, Form::CaseOf) | (Form::Row, Form::Row) => true,
        _ => false,
    }
}

/// The same, expression by expression.
pub(crate) fn all_same(left: &[Expr], right: &[Expr]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b))
}

/// Whether two aggregate calls compute the same.
pub(crate) fn same_aggregate(left: &AggregateCall, right: &AggregateCall) -> bool {
    left.function.oid == right.function.oid
        && left.distinct == right.distinct
        && all_same(&left.args, &right.args)
        && optional(left.filter.as_ref(), right.filter.as_ref())
        && same_keys(&left.order_by, &right.order_by)
}

fn same_window(left: &WindowCall, right: &WindowCall) -> bool {
    let function = match (left.function, right.function) {
        (WindowFunction::Aggregate(a), WindowFunction::Aggregate(b)) => a.oid == b.oid,
        (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
    };
    function
        && all_same(&left.args, &right.args)
        && optional(left.filter.as_ref(), right.filter.as_ref())
        && all_same(&left.partition_by, &right.partition_by)
        && same_keys(&left.order_by, &right.order_by)
        && same_frame(&left.frame, &right.frame)
}

fn same_frame(left: &Frame, right: &Frame) -> bool {
    left.unit == right.unit && same_bound(&left.start, &right.start) && same_bound(&left.end, &right.end)
}

fn same_bound(left: &FrameBound, right: &FrameBound) -> bool {
    use FrameBound as B;
    match (left, right) {
        (B::Preceding(a), B::Preceding(b)) | (B::Following(a), B::Following(b)) => same(a, b),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn same_keys(left: &[SortKey], right: &[SortKey]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(a, b)| a.descending == b.descending && a.nulls_first == b.nulls_first && same(&a.expr, &b.expr))
}

fn optional(left: Option<&Expr>, right: Option<&Expr>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    }
}
