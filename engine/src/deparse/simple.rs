//! Which parentheses may be left out when only those are written that are needed.

use crate::expr::shown::{Form, Syntax};
use crate::expr::{Expr, ExprKind};

/// What stands around an expression.
#[derive(Clone, Copy)]
pub(super) enum Around {
    /// An operator, and whether the expression is its first operand.
    Operator {
        name: &'static str,
        first: bool,
        binary: bool,
    },
    And,
    Or,
    Not,
    Cast,
    Other,
}

/// Whether an expression needs no parentheses there.
pub(super) fn is_simple(expr: &Expr, around: Around) -> bool {
    match &expr.kind {
        ExprKind::And(_) | ExprKind::Not(_) => matches!(around, Around::And | Around::Or),
        ExprKind::Or(_) => matches!(around, Around::Or),
        ExprKind::IsNull { .. } | ExprKind::BoolTest { .. } => stands_free(around),
        // One that is negated is written with NOT.
        ExprKind::Distinct { negated: false, .. } => stands_free(around),
        ExprKind::Distinct { .. } => matches!(around, Around::And | Around::Or),
        ExprKind::ArrayCompare { .. } => false,
        ExprKind::Shown(shown) => match &shown.form {
            Form::Operator(name) => is_simple_operator(name, shown.parts.len() == 2, around),
            Form::Cast { .. } => true,
            Form::Query(..) => stands_free(around),
            Form::Collate(_) | Form::RowCompare(_) => false,
            Form::Syntax(Syntax::AtTimeZone | Syntax::Overlaps | Syntax::IsNormalized(_)) => true,
            _ => true,
        },
        _ => true,
    }
}

fn stands_free(around: Around) -> bool {
    matches!(around, Around::And | Around::Or | Around::Not)
}

fn is_simple_operator(name: &str, binary: bool, around: Around) -> bool {
    let Around::Operator { name: outer, first, binary: outer_binary } = around else { return stands_free(around) };
    if !binary || !outer_binary {
        return false;
    }
    match (strength(name), strength(outer)) {
        (Some(inner), Some(outer)) if inner > outer => true,
        (Some(inner), Some(outer)) if inner == outer => first,
        _ => false,
    }
}

/// How strongly an operator of arithmetic binds; only those are known to everybody.
fn strength(name: &str) -> Option<u8> {
    match name {
        "+" | "-" => Some(1),
        "*" | "/" | "%" => Some(2),
        _ => None,
    }
}
