//! Expressions on one row: what point plans run, and DataFusion where it has no kernel of its own.
//!
//! NULL follows SQL's three-valued logic. Numbers, dates and the like are computed without touching the heap.

use std::cmp::Ordering;

use storage::{Array, Value};

use super::{ColumnVar, Expr, ExprKind};
use crate::error::{Error, Result, SqlState};
use crate::function::array::{nested, unlike_parts};
use crate::function::{EvalContext, Function, read_text, write_text};
use crate::types::text::into_text;
use crate::types::{Type, builtin, oid};

/// Where columns' values come from.
pub trait RowSource {
    /// The value of a column on this row.
    fn value(&self, var: ColumnVar) -> Result<Value>;
}

/// A row without columns, for expressions that name none.
#[derive(Debug, Clone, Copy)]
pub struct NoRow;

impl RowSource for NoRow {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        Err(Error::internal(format!("column {} where there is no row", var.0)))
    }
}

/// How many arguments are kept on the stack.
const ARGS_INLINE: usize = 4;

/// The expression's value on a row.
pub fn eval(expr: &Expr, context: &EvalContext, row: &dyn RowSource) -> Result<Value> {
    match &expr.kind {
        ExprKind::Const(value) => Ok(value.clone()),
        ExprKind::Param(position) => parameter(*position, context),
        ExprKind::Computed(computed) => computed.value(expr.ty, context),
        ExprKind::Column(var) => row.value(*var),
        ExprKind::Call { function, args } => call(function, args, context, row),
        ExprKind::And(parts) => connective(parts, false, context, row),
        ExprKind::Or(parts) => connective(parts, true, context, row),
        ExprKind::Not(inner) => Ok(match eval(inner, context, row)? {
            Value::Bool(value) => Value::Bool(!value),
            other => other,
        }),
        ExprKind::IsNull { expr, negated } => Ok(Value::Bool(eval(expr, context, row)?.is_null() != *negated)),
        ExprKind::BoolTest { expr, value, negated } => {
            let holds = match (eval(expr, context, row)?, value) {
                (Value::Bool(actual), Some(wanted)) => actual == *wanted,
                (actual, None) => actual.is_null(),
                _ => false,
            };
            Ok(Value::Bool(holds != *negated))
        }
        ExprKind::Distinct { equal, left, right, negated } => {
            let (left, right) = (eval(left, context, row)?, eval(right, context, row)?);
            let distinct = match (left.is_null(), right.is_null()) {
                (false, false) => !holds(equal, &[left, right], context)?,
                (left, right) => left != right,
            };
            Ok(Value::Bool(distinct != *negated))
        }
        ExprKind::Case { whens, otherwise } => {
            for (when, then) in whens {
                if is_true(when, context, row)? {
                    return eval(then, context, row);
                }
            }
            otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| eval(otherwise, context, row))
        }
        ExprKind::Coalesce(parts) => {
            for part in parts {
                let value = eval(part, context, row)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        ExprKind::NullIf { equal, left, right } => {
            let pair = [eval(left, context, row)?, eval(right, context, row)?];
            let same = !pair[0].is_null() && !pair[1].is_null() && holds(equal, &pair, context)?;
            let [left, _] = pair;
            Ok(if same { Value::Null } else { left })
        }
        ExprKind::Extreme { greatest, less, args } => extreme(*greatest, less, args, context, row),
        ExprKind::Fold(fold) => fold.value(eval(&fold.rows, context, row)?, context),
        ExprKind::ArrayCompare { function, left, array, all } => {
            let (left, array) = (eval(left, context, row)?, eval(array, context, row)?);
            array_compare(function, left, &array, *all, context)
        }
        ExprKind::Array(parts) => make_array(parts, expr.ty, context, row),
        ExprKind::Subscript { array, index } => {
            let (values, index) = (eval(array, context, row)?, eval(index, context, row)?);
            Ok(subscript(&values, &index, array.ty))
        }
        ExprKind::TextCast(inner) => text_cast(eval(inner, context, row)?, inner.ty, expr.ty, context),
        ExprKind::OuterColumn { .. }
        | ExprKind::Aggregate(_)
        | ExprKind::Window(_)
        | ExprKind::Subquery(_)
        | ExprKind::Shown(_) => Err(Error::internal("an expression that is not of one row was to be computed on one")),
    }
}

/// Whether a condition holds: NULL does not.
pub fn is_true(expr: &Expr, context: &EvalContext, row: &dyn RowSource) -> Result<bool> {
    Ok(matches!(eval(expr, context, row)?, Value::Bool(true)))
}

fn parameter(position: usize, context: &EvalContext) -> Result<Value> {
    context
        .params
        .get(position)
        .cloned()
        .ok_or_else(|| Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${}", position + 1)))
}

fn call(function: &Function, args: &[Expr], context: &EvalContext, row: &dyn RowSource) -> Result<Value> {
    if args.len() <= ARGS_INLINE {
        let mut values: [Value; ARGS_INLINE] = Default::default();
        for (value, arg) in values.iter_mut().zip(args) {
            *value = eval(arg, context, row)?;
        }
        apply(function, &values[..args.len()], context)
    } else {
        let values = args.iter().map(|arg| eval(arg, context, row)).collect::<Result<Vec<Value>>>()?;
        apply(function, &values, context)
    }
}

/// The function's value for its arguments: NULL if it is strict and one of them is.
pub(crate) fn apply(function: &Function, args: &[Value], context: &EvalContext) -> Result<Value> {
    if function.strict && args.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    if context.discreet && function.carries_away(args.len()) {
        return Err(Error::unsupported(format!("function {}() over the rows of all users", function.name)));
    }
    (function.eval)(context, args)
}

fn holds(function: &Function, args: &[Value], context: &EvalContext) -> Result<bool> {
    Ok(matches!(apply(function, args, context)?, Value::Bool(true)))
}

/// AND (decided by false) or OR (decided by true).
fn connective(parts: &[Expr], decides: bool, context: &EvalContext, row: &dyn RowSource) -> Result<Value> {
    let mut unknown = false;
    for part in parts {
        match eval(part, context, row)? {
            Value::Bool(value) if value == decides => return Ok(Value::Bool(decides)),
            Value::Bool(_) => {}
            _ => unknown = true,
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bool(!decides) })
}

/// GREATEST or LEAST: NULLs are left out.
fn extreme(
    greatest: bool,
    less: &Function,
    args: &[Expr],
    context: &EvalContext,
    row: &dyn RowSource,
) -> Result<Value> {
    let mut best = Value::Null;
    for arg in args {
        let value = eval(arg, context, row)?;
        if value.is_null() {
            continue;
        }
        if best.is_null() {
            best = value;
            continue;
        }
        let pair = if greatest { [best, value] } else { [value, best] };
        let replace = holds(less, &pair, context)?;
        let [first, second] = pair;
        let (old, new) = if greatest { (first, second) } else { (second, first) };
        best = if replace { new } else { old };
    }
    Ok(best)
}

/// `left op ANY|ALL (array)`.
fn array_compare(function: &Function, left: Value, array: &Value, all: bool, context: &EvalContext) -> Result<Value> {
    let Value::Array(array) = array else { return Ok(Value::Null) };
    if array.values.is_empty() {
        return Ok(Value::Bool(all));
    }
    let mut pair = [left, Value::Null];
    let mut unknown = false;
    for value in &array.values {
        pair[1] = value.clone();
        match apply(function, &pair, context)? {
            Value::Bool(value) if value != all => return Ok(Value::Bool(value)),
            Value::Bool(_) => {}
            _ => unknown = true,
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bool(all) })
}

fn make_array(parts: &[Expr], ty: Type, context: &EvalContext, row: &dyn RowSource) -> Result<Value> {
    let element = builtin::element_of(ty.oid).ok_or_else(|| Error::internal("an array without an element type"))?;
    let layout = builtin::column_type(Type::new(element))?;
    let values = parts.iter().map(|part| eval(part, context, row)).collect::<Result<Vec<_>>>()?;
    // Parts that are arrays make one of a dimension more.
    let array = match parts.first() {
        Some(part) if part.ty.oid == ty.oid => nested(layout, &values, unlike_parts)?,
        _ => Array::new(layout, values),
    };
    Ok(Value::Array(Box::new(array)))
}

/// The element at a subscript: the first is 1, but 0 in `int2vector` and `oidvector`.
fn subscript(array: &Value, index: &Value, ty: Type) -> Value {
    let index = match index {
        Value::Int2(index) => i64::from(*index),
        Value::Int4(index) => i64::from(*index),
        Value::Int8(index) => *index,
        _ => return Value::Null,
    };
    let Value::Array(array) = array else { return Value::Null };
    // One that came from an array of the usual kind is numbered as that is.
    let shifts = array.bounds().is_none() && matches!(ty.oid, oid::INT2VECTOR | oid::OIDVECTOR);
    let index = if shifts { index.saturating_add(1) } else { index };
    let place = i32::try_from(index).ok().and_then(|index| array.place(&[index]));
    place.and_then(|place| array.values.get(place)).cloned().unwrap_or_default()
}

/// The value of another type that has the same text.
pub(crate) fn text_cast(value: Value, from: Type, to: Type, context: &EvalContext) -> Result<Value> {
    if value.is_null() {
        return Ok(value);
    }
    let is_text = |ty: Type| matches!(ty.oid, oid::TEXT | oid::VARCHAR | oid::CSTRING | oid::UNKNOWN);
    if let (Value::Text(text), true) = (&value, from.oid != oid::CHAR) {
        return if is_text(to) && to.modifier < 0 { Ok(value) } else { read_text(text, to, context) };
    }
    let mut out = Vec::with_capacity(32);
    write_text(&value, from.oid, context, &mut out);
    let text = into_text(out);
    if is_text(to) && to.modifier < 0 { Ok(Value::Text(text.into())) } else { read_text(&text, to, context) }
}

/// The order of two values by the type's `<`: for sorting a few values outside DataFusion. NULL comes last.
pub fn order(a: &Value, b: &Value) -> Result<Ordering> {
    match (a.is_null(), b.is_null()) {
        (false, false) => crate::function::compare::compare(a, b),
        (a, b) => Ok(a.cmp(&b)),
    }
}
