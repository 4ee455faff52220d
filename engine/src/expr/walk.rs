//! Walks over expressions. A subquery's relation is not walked into, but what is compared with it is.

use super::{AggregateCall, ColumnVar, Expr, ExprKind, Fold, SortKey, SubqueryKind};
use crate::error::Result;
use crate::function::Volatility;
use crate::function::resolve::domain_of_call;

/// Calls `see` with the expression and everything in it, outermost first.
pub fn visit(expr: &Expr, see: &mut dyn FnMut(&Expr)) {
    see(expr);
    parts(expr, &mut |part| visit(part, see));
}

/// Calls `see` with each direct part of the expression.
pub fn parts(expr: &Expr, see: &mut dyn FnMut(&Expr)) {
    match &expr.kind {
        ExprKind::Const(_)
        | ExprKind::Param(_)
        | ExprKind::Computed(_)
        | ExprKind::Column(_)
        | ExprKind::OuterColumn { .. } => {}
        ExprKind::Call { args, .. } | ExprKind::Extreme { args, .. } => args.iter().for_each(see),
        ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Coalesce(parts) | ExprKind::Array(parts) => {
            parts.iter().for_each(see);
        }
        ExprKind::Not(inner)
        | ExprKind::TextCast(inner)
        | ExprKind::IsNull { expr: inner, .. }
        | ExprKind::BoolTest { expr: inner, .. } => see(inner),
        ExprKind::Distinct { left, right, .. }
        | ExprKind::NullIf { left, right, .. }
        | ExprKind::ArrayCompare { left, array: right, .. }
        | ExprKind::Subscript { array: left, index: right } => {
            see(left);
            see(right);
        }
        ExprKind::Case { whens, otherwise } => {
            for (when, then) in whens {
                see(when);
                see(then);
            }
            otherwise.iter().for_each(|otherwise| see(otherwise));
        }
        ExprKind::Fold(fold) => see(&fold.rows),
        ExprKind::Aggregate(call) => {
            call.args.iter().chain(&call.filter).for_each(&mut *see);
            call.order_by.iter().for_each(|key| see(&key.expr));
        }
        ExprKind::Window(call) => {
            call.args.iter().chain(&call.filter).chain(&call.partition_by).for_each(&mut *see);
            call.order_by.iter().for_each(|key| see(&key.expr));
        }
        ExprKind::Subquery(subquery) => {
            if let SubqueryKind::Compare { left, .. } = &subquery.kind {
                see(left);
            }
        }
        ExprKind::Shown(shown) => shown.parts.iter().for_each(see),
    }
}

/// Rebuilds the expression from the inside out, each part replaced by what `change` makes of it.
pub fn transform(expr: Expr, change: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Expr> {
    let ty = expr.ty;
    let mut one = |part: Expr| transform(part, change);
    let kind = match expr.kind {
        kind @ (ExprKind::Const(_)
        | ExprKind::Param(_)
        | ExprKind::Computed(_)
        | ExprKind::Column(_)
        | ExprKind::OuterColumn { .. }) => kind,
        ExprKind::Call { function, args } => ExprKind::Call { function, args: all(args, &mut one)? },
        ExprKind::Extreme { greatest, less, args } => ExprKind::Extreme { greatest, less, args: all(args, &mut one)? },
        ExprKind::And(parts) => ExprKind::And(all(parts, &mut one)?),
        ExprKind::Or(parts) => ExprKind::Or(all(parts, &mut one)?),
        ExprKind::Coalesce(parts) => ExprKind::Coalesce(all(parts, &mut one)?),
        ExprKind::Array(parts) => ExprKind::Array(all(parts, &mut one)?),
        ExprKind::Not(inner) => ExprKind::Not(boxed(inner, &mut one)?),
        ExprKind::TextCast(inner) => ExprKind::TextCast(boxed(inner, &mut one)?),
        ExprKind::IsNull { expr, negated } => ExprKind::IsNull { expr: boxed(expr, &mut one)?, negated },
        ExprKind::BoolTest { expr, value, negated } => {
            ExprKind::BoolTest { expr: boxed(expr, &mut one)?, value, negated }
        }
        ExprKind::Distinct { equal, left, right, negated } => {
            ExprKind::Distinct { equal, left: boxed(left, &mut one)?, right: boxed(right, &mut one)?, negated }
        }
        ExprKind::NullIf { equal, left, right } => {
            ExprKind::NullIf { equal, left: boxed(left, &mut one)?, right: boxed(right, &mut one)? }
        }
        ExprKind::ArrayCompare { function, left, array, all } => {
            ExprKind::ArrayCompare { function, left: boxed(left, &mut one)?, array: boxed(array, &mut one)?, all }
        }
        ExprKind::Subscript { array, index } => {
            ExprKind::Subscript { array: boxed(array, &mut one)?, index: boxed(index, &mut one)? }
        }
        ExprKind::Case { whens, otherwise } => ExprKind::Case {
            whens: whens.into_iter().map(|(when, then)| Ok((one(when)?, one(then)?))).collect::<Result<_>>()?,
            otherwise: otherwise.map(|otherwise| boxed(otherwise, &mut one)).transpose()?,
        },
        ExprKind::Fold(fold) => ExprKind::Fold(Box::new(Fold { rows: one(fold.rows)?, ..*fold })),
        ExprKind::Aggregate(call) => ExprKind::Aggregate(Box::new(AggregateCall {
            args: all(call.args, &mut one)?,
            filter: call.filter.map(&mut one).transpose()?,
            order_by: keys(call.order_by, &mut one)?,
            function: call.function,
            distinct: call.distinct,
        })),
        ExprKind::Window(mut call) => {
            call.args = all(call.args, &mut one)?;
            call.filter = call.filter.map(&mut one).transpose()?;
            call.partition_by = all(call.partition_by, &mut one)?;
            call.order_by = keys(call.order_by, &mut one)?;
            ExprKind::Window(call)
        }
        ExprKind::Subquery(mut subquery) => {
            subquery.kind = match subquery.kind {
                SubqueryKind::Compare { left, function, all } => {
                    SubqueryKind::Compare { left: one(left)?, function, all }
                }
                kind => kind,
            };
            ExprKind::Subquery(subquery)
        }
        ExprKind::Shown(mut shown) => {
            shown.parts = all(shown.parts, &mut one)?;
            ExprKind::Shown(shown)
        }
    };
    change(Expr { kind, ty })
}

fn all(exprs: Vec<Expr>, change: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Vec<Expr>> {
    exprs.into_iter().map(change).collect()
}

// The boxes are there already: unpacking them here keeps the callers short.
#[allow(clippy::boxed_local)]
fn boxed(expr: Box<Expr>, change: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Box<Expr>> {
    change(*expr).map(Box::new)
}

fn keys(keys: Vec<SortKey>, change: &mut dyn FnMut(Expr) -> Result<Expr>) -> Result<Vec<SortKey>> {
    keys.into_iter().map(|key| Ok(SortKey { expr: change(key.expr)?, ..key })).collect()
}

/// Whether two evaluations may differ within one statement.
pub fn is_volatile(expr: &Expr) -> bool {
    let mut volatile = false;
    visit(expr, &mut |part| {
        volatile |=
            matches!(&part.kind, ExprKind::Call { function, .. } if function.volatility == Volatility::Volatile);
    });
    volatile
}

/// Whether an expression has the same value for the same columns whenever and for whomever it is computed.
pub fn is_immutable(expr: &Expr) -> bool {
    let mut immutable = true;
    visit(expr, &mut |part| {
        immutable &= match &part.kind {
            // `||` with something that is no text is as lasting as that thing's text.
            ExprKind::Call { function, args } if TEXT_AND_ANY.contains(&function.oid) => {
                args.iter().all(|arg| has_lasting_text(arg.ty.oid))
            }
            // PostgreSQL does not count what a domain's rules call.
            ExprKind::Call { function, args } => {
                function.volatility == Volatility::Immutable || domain_of_call(function, args).is_some()
            }
            // Texts of times and names depend on settings and on the catalog.
            ExprKind::TextCast(input) => text_is_fixed(part.ty.oid) && text_is_fixed(input.ty.oid),
            ExprKind::Subquery(_) | ExprKind::Param(_) | ExprKind::Computed(_) => false,
            _ => true,
        };
    });
    immutable
}

/// `textanycat` and `anytextcat`.
const TEXT_AND_ANY: [u32; 2] = [2003, 2004];

/// Whether values of the type have one text, whatever the settings are.
fn has_lasting_text(ty: u32) -> bool {
    use crate::types::oid;
    matches!(ty, oid::INT2 | oid::INT4 | oid::INT8 | oid::NUMERIC | oid::BOOL | oid::UUID)
        || matches!(ty, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::CHAR | oid::JSON | oid::JSONB)
}

fn text_is_fixed(ty: u32) -> bool {
    use crate::types::oid;
    let changing = [oid::DATE, oid::TIME, oid::TIMESTAMP, oid::TIMESTAMPTZ, oid::INTERVAL, oid::REGCLASS, oid::REGTYPE];
    !changing.contains(&ty)
}

/// The columns of this query level that the expression names, each once, in order of first mention.
pub fn columns_of(expr: &Expr) -> Vec<ColumnVar> {
    let mut columns = Vec::new();
    visit(expr, &mut |part| {
        if let ExprKind::Column(var) = part.kind
            && !columns.contains(&var)
        {
            columns.push(var);
        }
    });
    columns
}
