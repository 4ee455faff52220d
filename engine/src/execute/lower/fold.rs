//! Constants, worked out before the query runs: parameters become their values, and whatever depends on nothing else
//! becomes what it evaluates to.
//!
//! What fails to evaluate stays as it is and fails when, and only if, a row needs it.

use super::walk;
use crate::error::{Error, Result};
use crate::expr::eval::{NoRow, eval};
use crate::expr::{Expr, ExprKind};
use crate::function::{EvalContext, Volatility};

pub(super) fn fold(expr: Expr, context: &EvalContext) -> Result<Expr> {
    let expr = match expr.kind {
        ExprKind::Const(_) | ExprKind::Column(_) => return Ok(expr),
        // Whatever query it is from, by now it is a column of the rows at hand.
        ExprKind::OuterColumn { var, .. } => return Ok(Expr::column(var, expr.ty)),
        ExprKind::Computed(computed) => return Ok(Expr::constant(computed.value(expr.ty, context)?, expr.ty)),
        ExprKind::Param(position) => {
            let value = context.params.get(position).cloned().ok_or_else(|| {
                Error::new(
                    crate::error::SqlState::UNDEFINED_PARAMETER,
                    format!("there is no parameter ${}", position + 1),
                )
            })?;
            return Ok(Expr::constant(value, expr.ty));
        }
        _ => walk::map_parts(expr, &mut |part| fold(part, context))?,
    };
    if !foldable(&expr) {
        return Ok(expr);
    }
    Ok(match eval(&expr, context, &NoRow) {
        Ok(value) => Expr::constant(value, expr.ty),
        Err(_) => expr,
    })
}

fn foldable(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Subquery(_) | ExprKind::Aggregate(_) | ExprKind::Window(_) => return false,
        ExprKind::Call { function, .. } if function.volatility == Volatility::Volatile => return false,
        _ => {}
    }
    let mut constant = true;
    walk::parts(expr, &mut |part| constant &= part.as_const().is_some());
    constant
}
