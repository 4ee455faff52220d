//! Functions of enums. Each is told its type by a last argument of its own, since a NULL does not say what enum it is of.

use storage::{Array, ColumnType, Value};

use super::argument::int8;
use super::define::stable;
use super::{EvalContext, Function};
use crate::catalog::Label;
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::{Type, display};

pub(super) const FUNCTIONS: &[Function] = &[
    stable(FIRST, "enum_first", &[ANYENUM], ANYENUM, |context, args| end(context, &args[1], |labels| labels.first()))
        .takes_nulls(),
    stable(LAST, "enum_last", &[ANYENUM], ANYENUM, |context, args| end(context, &args[1], |labels| labels.last()))
        .takes_nulls(),
    stable(BOUNDED_RANGE, "enum_range", &[ANYENUM, ANYENUM], ANYARRAY, |context, args| {
        range(context, &args[0], &args[1], &args[2])
    })
    .takes_nulls(),
    stable(WHOLE_RANGE, "enum_range", &[ANYENUM], ANYARRAY, |context, args| {
        range(context, &Value::Null, &Value::Null, &args[1])
    })
    .takes_nulls(),
];

const FIRST: u32 = 3528;
const LAST: u32 = 3529;
const BOUNDED_RANGE: u32 = 3530;
const WHOLE_RANGE: u32 = 3531;

/// Whether the function is told by a last argument which enum its others are of.
pub(crate) fn wants_type(function: &Function) -> bool {
    matches!(function.oid, FIRST | LAST | BOUNDED_RANGE | WHOLE_RANGE)
}

/// The labels of the enum of that oid.
fn labels<'a>(context: &'a EvalContext, ty: &Value) -> Result<&'a [Label]> {
    let oid = u32::try_from(int8(ty)?).unwrap_or(0);
    let ty = context.catalog.types.get(&oid).ok_or_else(|| Error::internal("an enum is not in the catalog"))?;
    Ok(ty.labels())
}

fn end(context: &EvalContext, ty: &Value, which: fn(&[Label]) -> Option<&Label>) -> Result<Value> {
    let label = which(labels(context, ty)?).ok_or_else(|| {
        let shown = display(Type::new(int8(ty).ok().and_then(|oid| u32::try_from(oid).ok()).unwrap_or(0)));
        Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("enum {shown} contains no values"))
    })?;
    Ok(Value::Int8(label.number))
}

/// The values between two, which belong to it; NULL is no bound.
fn range(context: &EvalContext, lower: &Value, upper: &Value, ty: &Value) -> Result<Value> {
    let bound = |value: &Value| match value {
        Value::Int8(number) => Some(*number),
        _ => None,
    };
    let (lower, upper) = (bound(lower), bound(upper));
    let inside = |label: &&Label| {
        lower.is_none_or(|lower| label.number >= lower) && upper.is_none_or(|upper| label.number <= upper)
    };
    let values = labels(context, ty)?.iter().filter(inside).map(|label| Value::Int8(label.number)).collect();
    Ok(Value::Array(Box::new(Array::new(ColumnType::Int8, values))))
}
