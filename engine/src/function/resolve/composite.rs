//! Conversions to composite types: a row that is written out becomes one field by field.

use super::coerce::coerce;
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::function::record::{fields_of, record};
use crate::function::{CastContext, EvalContext};
use crate::types::{Type, builtin, display, oid};

/// The row as one of the target type; None if the target is not composite, or the expression no such row.
pub(super) fn row_as(expr: &Expr, target: Type, context: CastContext, eval: &EvalContext) -> Result<Option<Expr>> {
    if expr.ty.oid != oid::RECORD || !builtin::is_composite(target.oid) {
        return Ok(None);
    }
    let cannot = || {
        let message = format!("cannot cast type record to {}", display(Type::new(target.oid)));
        Error::new(SqlState::CANNOT_COERCE, message)
    };
    let (Some(fields), Some(attributes)) = (fields_of(expr), eval.catalog.attributes(target.oid)) else {
        return Err(cannot());
    };
    if fields.len() != attributes.len() {
        let amount = if fields.len() < attributes.len() { "few" } else { "many" };
        return Err(cannot().with_detail(format!("Input has too {amount} columns.")));
    }
    let mut named = Vec::with_capacity(fields.len());
    for (at, ((_, value), attribute)) in fields.into_iter().zip(attributes).enumerate() {
        let from = value.ty;
        let value = coerce(value.clone(), attribute.ty, context, eval).map_err(|error| {
            if error.sql_state() != SqlState::CANNOT_COERCE {
                return error;
            }
            let (from, to) = (display(Type::new(from.oid)), display(Type::new(attribute.ty.oid)));
            cannot().with_detail(format!("Cannot cast type {from} to {to} in column {}.", at + 1))
        })?;
        named.push((attribute.name, value));
    }
    Ok(Some(record(target.oid, named)))
}
