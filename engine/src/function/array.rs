//! Functions of arrays: of one dimension, whose elements are numbered from 1.

use std::cmp::Ordering;

use storage::{Array, ColumnType, Value};

use super::argument::{array, boolean, check_size, int4, invalid, text, text_of};
use super::compare::compare;
use super::define::{immutable, stable};
use super::string::text_form;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(2176, "array_length", &[ANYARRAY, INT4], INT4, |_, args| bound(args, count)),
    immutable(2091, "array_lower", &[ANYARRAY, INT4], INT4, |_, args| bound(args, |_| 1)),
    immutable(2092, "array_upper", &[ANYARRAY, INT4], INT4, |_, args| bound(args, count)),
    immutable(748, "array_ndims", &[ANYARRAY], INT4, |_, args| {
        Ok(if array(&args[0])?.values.is_empty() { Value::Null } else { Value::Int4(1) })
    }),
    immutable(747, "array_dims", &[ANYARRAY], TEXT, |_, args| match count(array(&args[0])?) {
        0 => Ok(Value::Null),
        count => text_of(format!("[1:{count}]")),
    }),
    immutable(3179, "cardinality", &[ANYARRAY], INT4, |_, args| Ok(Value::Int4(count(array(&args[0])?)))),
    stable(395, "array_to_string", &[ANYARRAY, TEXT], TEXT, to_string),
    stable(384, "array_to_string", &[ANYARRAY, TEXT, TEXT], TEXT, to_string).takes_nulls(),
    immutable(394, "string_to_array", &[TEXT, TEXT], TEXT_ARRAY, from_string).takes_nulls(),
    immutable(376, "string_to_array", &[TEXT, TEXT, TEXT], TEXT_ARRAY, from_string).takes_nulls(),
    immutable(378, "array_append", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], ANYCOMPATIBLEARRAY, |_, args| {
        extended(&args[0], &args[1], false)
    })
    .takes_nulls(),
    immutable(379, "array_prepend", &[ANYCOMPATIBLE, ANYCOMPATIBLEARRAY], ANYCOMPATIBLEARRAY, |_, args| {
        extended(&args[1], &args[0], true)
    })
    .takes_nulls(),
    immutable(383, "array_cat", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLEARRAY], ANYCOMPATIBLEARRAY, concat).takes_nulls(),
    immutable(3167, "array_remove", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], ANYCOMPATIBLEARRAY, |_, args| {
        mapped(args, |value| (!same(value, &args[1])).then(|| value.clone()))
    })
    .takes_nulls(),
    immutable(
        3168,
        "array_replace",
        &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, ANYCOMPATIBLE],
        ANYCOMPATIBLEARRAY,
        |_, args| mapped(args, |value| Some(if same(value, &args[1]) { args[2].clone() } else { value.clone() })),
    )
    .takes_nulls(),
    immutable(3277, "array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], INT4, position).takes_nulls(),
    immutable(3278, "array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, INT4], INT4, position).takes_nulls(),
    immutable(3279, "array_positions", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], INT4_ARRAY, |_, args| {
        let Value::Array(values) = &args[0] else { return Ok(Value::Null) };
        let found = (1..).zip(&values.values).filter(|(_, value)| same(value, &args[1]));
        Ok(array_of(ColumnType::Int4, found.map(|(position, _)| Value::Int4(position)).collect()))
    })
    .takes_nulls(),
    immutable(6172, "trim_array", &[ANYARRAY, INT4], ANYARRAY, |_, args| {
        let (values, cut) = (array(&args[0])?, int4(&args[1])?);
        let kept = usize::try_from(cut).ok().and_then(|cut| values.values.len().checked_sub(cut)).ok_or_else(|| {
            Error::new(
                SqlState::ARRAY_SUBSCRIPT_ERROR,
                format!("number of elements to trim must be between 0 and {}", values.values.len()),
            )
        })?;
        Ok(array_of(values.element.clone(), values.values[..kept].to_vec()))
    }),
    immutable(1193, "array_fill", &[ANYELEMENT, INT4_ARRAY], ANYARRAY, fill).takes_nulls(),
    immutable(2747, "arrayoverlap", &[ANYARRAY, ANYARRAY], BOOL, |_, args| {
        let (a, b) = (array(&args[0])?, array(&args[1])?);
        Ok(Value::Bool(a.values.iter().any(|value| contains(b, value))))
    }),
    immutable(2748, "arraycontains", &[ANYARRAY, ANYARRAY], BOOL, |_, args| all_in(&args[1], &args[0])),
    immutable(2749, "arraycontained", &[ANYARRAY, ANYARRAY], BOOL, |_, args| all_in(&args[0], &args[1])),
];

/// An array's elements from one subscript to another, which are numbered from 1 again. Only the binder calls it.
pub(crate) static SLICE: Function = immutable(9_005, "array_slice", &[ANYARRAY, INT4, INT4], ANYARRAY, |_, args| {
    let (values, lower, upper) = (array(&args[0])?, int4(&args[1])?, int4(&args[2])?);
    let start = usize::try_from(i64::from(lower) - 1).unwrap_or(0);
    let end = usize::try_from(upper).unwrap_or(0).min(values.values.len());
    let kept = values.values.get(start..end).unwrap_or_default().to_vec();
    Ok(array_of(values.element.clone(), kept))
});

fn count(array: &Array) -> i32 {
    i32::try_from(array.values.len()).unwrap_or(i32::MAX)
}

/// NULL of an empty array and of any dimension but the first.
fn bound(args: &[Value], of: fn(&Array) -> i32) -> Result<Value> {
    let values = array(&args[0])?;
    Ok(if values.values.is_empty() || int4(&args[1])? != 1 { Value::Null } else { Value::Int4(of(values)) })
}

fn array_of(element: ColumnType, values: Vec<Value>) -> Value {
    Value::Array(Box::new(Array { element, values }))
}

/// How a value's type is laid out, as far as the value tells.
fn layout(value: &Value) -> Option<ColumnType> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => ColumnType::Bool,
        Value::Int2(_) => ColumnType::Int2,
        Value::Int4(_) => ColumnType::Int4,
        Value::Int8(_) => ColumnType::Int8,
        Value::Float4(_) => ColumnType::Float4,
        Value::Float8(_) => ColumnType::Float8,
        Value::Numeric(_) => ColumnType::Numeric,
        Value::Text(_) => ColumnType::Text,
        Value::Bytea(_) => ColumnType::Bytea,
        Value::Date(_) => ColumnType::Date,
        Value::Time(_) => ColumnType::Time,
        Value::Timestamp(_) => ColumnType::Timestamp,
        Value::Timestamptz(_) => ColumnType::Timestamptz,
        Value::Interval(_) => ColumnType::Interval,
        Value::Uuid(_) => ColumnType::Uuid,
        Value::Jsonb(_) => ColumnType::Jsonb,
        Value::Array(inner) => ColumnType::Array(Box::new(inner.element.clone())),
    })
}

/// Whether two elements are not distinct.
fn same(a: &Value, b: &Value) -> bool {
    match (a.is_null(), b.is_null()) {
        (false, false) => compare(a, b).is_ok_and(|order| order == Ordering::Equal),
        (a, b) => a && b,
    }
}

/// Whether an element is in an array; NULL is in none.
fn contains(array: &Array, wanted: &Value) -> bool {
    !wanted.is_null() && array.values.iter().any(|value| !value.is_null() && same(value, wanted))
}

fn all_in(part: &Value, whole: &Value) -> Result<Value> {
    let (part, whole) = (array(part)?, array(whole)?);
    Ok(Value::Bool(part.values.iter().all(|value| contains(whole, value))))
}

/// The array with an element before or after; of NULL, an array of that element.
fn extended(values: &Value, value: &Value, before: bool) -> Result<Value> {
    let (element, mut values) = match values {
        Value::Array(array) => (array.element.clone(), array.values.clone()),
        // The type of NULL added to NULL is lost; text prints as any other.
        _ => (layout(value).unwrap_or(ColumnType::Text), Vec::new()),
    };
    if before {
        values.insert(0, value.clone());
    } else {
        values.push(value.clone());
    }
    Ok(array_of(element, values))
}

fn concat(_: &EvalContext, args: &[Value]) -> Result<Value> {
    match (&args[0], &args[1]) {
        (Value::Array(a), Value::Array(b)) => {
            Ok(array_of(a.element.clone(), a.values.iter().chain(&b.values).cloned().collect()))
        }
        (Value::Null, other) | (other, _) => Ok(other.clone()),
    }
}

fn mapped(args: &[Value], change: impl Fn(&Value) -> Option<Value>) -> Result<Value> {
    let Value::Array(array) = &args[0] else { return Ok(Value::Null) };
    Ok(array_of(array.element.clone(), array.values.iter().filter_map(change).collect()))
}

fn position(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Value::Array(array) = &args[0] else { return Ok(Value::Null) };
    let start = match args.get(2) {
        Some(Value::Null) => {
            return Err(Error::new(SqlState("22004"), "initial position must not be null"));
        }
        Some(start) => usize::try_from(i64::from(int4(start)?) - 1).unwrap_or(0),
        None => 0,
    };
    let found = array.values.iter().skip(start).position(|value| same(value, &args[1]));
    Ok(found.map_or(Value::Null, |at| Value::Int4(i32::try_from(start + at + 1).unwrap_or(i32::MAX))))
}

/// The elements' text, parted by the delimiter; NULLs are left out, or stand as the third argument says.
fn to_string(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (Value::Array(array), Value::Text(delimiter)) = (&args[0], &args[1]) else { return Ok(Value::Null) };
    let null = match args.get(2) {
        Some(Value::Text(null)) => Some(null),
        _ => None,
    };
    let mut out = String::new();
    let mut first = true;
    for value in &array.values {
        let shown = match (value, null) {
            (Value::Null, None) => continue,
            (Value::Null, Some(null)) => null.to_string(),
            (value, _) => text_form(value, context),
        };
        if !first {
            out.push_str(delimiter);
        }
        first = false;
        out.push_str(&shown);
        check_size(out.len())?;
    }
    text_of(out)
}

/// The parts of a text as elements: its characters without a delimiter. A part equal to the third argument is NULL.
fn from_string(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Value::Text(value) = &args[0] else { return Ok(Value::Null) };
    let delimiter = match &args[1] {
        Value::Null => None,
        delimiter => Some(text(delimiter)?),
    };
    let null = match args.get(2) {
        Some(Value::Text(null)) => Some(null),
        _ => None,
    };
    let element = |part: &str| match null {
        Some(null) if **null == *part => Value::Null,
        _ => Value::Text(part.into()),
    };
    let values = match delimiter {
        _ if value.is_empty() => Vec::new(),
        None => value.chars().map(|c| element(c.encode_utf8(&mut [0; 4]))).collect(),
        Some("") => vec![element(value)],
        Some(delimiter) => value.split(delimiter).map(element).collect(),
    };
    Ok(array_of(ColumnType::Text, values))
}

fn fill(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Value::Array(lengths) = &args[1] else {
        return Err(Error::new(SqlState("22004"), "dimension array or low bound array cannot be null"));
    };
    let length = match lengths.values.as_slice() {
        [] => 0,
        [length] => int4(length)?,
        _ => return Err(Error::unsupported("a multidimensional array")),
    };
    let length = usize::try_from(length).map_err(|_| invalid("array size exceeds the maximum allowed (134217727)"))?;
    check_size(length.saturating_mul(size_of::<Value>()))?;
    Ok(array_of(layout(&args[0]).unwrap_or(ColumnType::Text), vec![args[0].clone(); length]))
}

/// The subscripts of an array, for `generate_subscripts`.
pub(super) fn subscripts(args: &[Value]) -> Result<Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>> {
    let count = match &args[0] {
        Value::Array(array) if int4(&args[1])? == 1 => count(array),
        _ => 0,
    };
    let reverse = args.get(2).map(boolean).transpose()?.unwrap_or(false);
    let number = move |index: i32| Ok(vec![Value::Int4(if reverse { count - index + 1 } else { index })]);
    Ok(Box::new((1..=count).map(number)))
}
