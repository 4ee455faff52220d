//! Functions of arrays.

mod dimension;
mod join;
mod part;

use std::cmp::Ordering;

use storage::{Array, ColumnType, Value};

use super::argument::{array, check_size, int4, subscript_error, text, text_of};
use super::compare::compare;
use super::define::{immutable, stable};
use super::string::text_form;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::text::dimensions_text;
use dimension::{fill, of_dimension};
use join::{concat, extended};

pub(crate) use dimension::subscripts;
pub(crate) use join::{nested, unlike_parts};
pub(crate) use part::{ASSIGN, ELEMENT, NAME_ELEMENT, SLICE};

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(2176, "array_length", &[ANYARRAY, INT4], INT4, |_, args| {
        of_dimension(args, |dimension| dimension.length)
    }),
    immutable(2091, "array_lower", &[ANYARRAY, INT4], INT4, |_, args| of_dimension(args, |dimension| dimension.lower)),
    immutable(2092, "array_upper", &[ANYARRAY, INT4], INT4, |_, args| of_dimension(args, storage::Dimension::upper)),
    immutable(748, "array_ndims", &[ANYARRAY], INT4, |_, args| match array(&args[0])?.dimensions().len() {
        0 => Ok(Value::Null),
        count => Ok(Value::Int4(i32::try_from(count).unwrap_or(i32::MAX))),
    }),
    immutable(747, "array_dims", &[ANYARRAY], TEXT, |_, args| match array(&args[0])?.dimensions().as_slice() {
        [] => Ok(Value::Null),
        dimensions => text_of(dimensions_text(dimensions)),
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
    immutable(3167, "array_remove", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], ANYCOMPATIBLEARRAY, remove).takes_nulls(),
    immutable(3168, "array_replace", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, ANYCOMPATIBLE], ANYCOMPATIBLEARRAY, replace)
        .takes_nulls(),
    immutable(3277, "array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], INT4, position).takes_nulls(),
    immutable(3278, "array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, INT4], INT4, position).takes_nulls(),
    immutable(3279, "array_positions", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], INT4_ARRAY, |_, args| {
        let Value::Array(values) = &args[0] else { return Ok(Value::Null) };
        let found = (searched(values)?..).zip(&values.values).filter(|(_, value)| same(value, &args[1]));
        Ok(array_of(ColumnType::Int4, found.map(|(position, _)| Value::Int4(position)).collect()))
    })
    .takes_nulls(),
    immutable(6172, "trim_array", &[ANYARRAY, INT4], ANYARRAY, |_, args| {
        let (values, cut) = (array(&args[0])?, int4(&args[1])?);
        let first = values.dimensions().first().copied().unwrap_or(storage::Dimension::new(0));
        if !(0..=first.length).contains(&cut) {
            let words = format!("number of elements to trim must be between 0 and {}", first.length);
            return Err(subscript_error(words));
        }
        Ok(Value::Array(Box::new(part::slice(values, &[[first.lower, first.upper().saturating_sub(cut)]]))))
    }),
    immutable(1193, "array_fill", &[ANYELEMENT, INT4_ARRAY], ANYARRAY, fill).takes_nulls(),
    immutable(1286, "array_fill", &[ANYELEMENT, INT4_ARRAY, INT4_ARRAY], ANYARRAY, fill).takes_nulls(),
    immutable(3218, "width_bucket", &[ANYCOMPATIBLE, ANYCOMPATIBLEARRAY], INT4, bucket),
    immutable(2747, "arrayoverlap", &[ANYARRAY, ANYARRAY], BOOL, |_, args| {
        let (a, b) = (array(&args[0])?, array(&args[1])?);
        Ok(Value::Bool(a.values.iter().any(|value| contains(b, value))))
    }),
    immutable(2748, "arraycontains", &[ANYARRAY, ANYARRAY], BOOL, |_, args| all_in(&args[1], &args[0])),
    immutable(2749, "arraycontained", &[ANYARRAY, ANYARRAY], BOOL, |_, args| all_in(&args[0], &args[1])),
];

fn count(array: &Array) -> i32 {
    i32::try_from(array.values.len()).unwrap_or(i32::MAX)
}

fn array_of(element: ColumnType, values: Vec<Value>) -> Value {
    Value::Array(Box::new(Array::new(element, values)))
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

/// The number of the first element of an array that may be searched.
fn searched(array: &Array) -> Result<i32> {
    match array.bounds() {
        None => Ok(1),
        Some([dimension]) => Ok(dimension.lower),
        Some(_) => {
            let words = "searching for elements in multidimensional arrays is not supported";
            Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words))
        }
    }
}

fn remove(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Value::Array(array) = &args[0] else { return Ok(Value::Null) };
    let mut dimensions = array.dimensions();
    let [dimension] = dimensions.as_mut_slice() else {
        if dimensions.is_empty() {
            return Ok(args[0].clone());
        }
        let words = "removing elements from multidimensional arrays is not supported";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
    };
    let values: Vec<Value> = array.values.iter().filter(|value| !same(value, &args[1])).cloned().collect();
    dimension.length = i32::try_from(values.len()).unwrap_or(i32::MAX);
    Ok(Value::Array(Box::new(Array::shaped(array.element.clone(), values, &dimensions))))
}

fn replace(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Value::Array(array) = &args[0] else { return Ok(Value::Null) };
    let new = |value: &Value| if same(value, &args[1]) { args[2].clone() } else { value.clone() };
    let values = array.values.iter().map(new).collect();
    Ok(Value::Array(Box::new(array.alike(array.element.clone(), values))))
}

/// How many of the ascending thresholds an operand has reached.
fn bucket(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let thresholds = array(&args[1])?;
    if thresholds.dimensions().len() > 1 {
        return Err(subscript_error("thresholds must be one-dimensional array"));
    }
    if thresholds.values.iter().any(Value::is_null) {
        return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs"));
    }
    let (mut low, mut high) = (0, thresholds.values.len());
    while low < high {
        let middle = (low + high) / 2;
        match compare(&args[0], &thresholds.values[middle])? {
            Ordering::Less => high = middle,
            _ => low = middle + 1,
        }
    }
    Ok(Value::Int4(i32::try_from(low).unwrap_or(i32::MAX)))
}

fn position(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let Value::Array(array) = &args[0] else { return Ok(Value::Null) };
    let first = i64::from(searched(array)?);
    let start = match args.get(2) {
        Some(Value::Null) => {
            return Err(Error::new(SqlState("22004"), "initial position must not be null"));
        }
        Some(start) => usize::try_from(i64::from(int4(start)?) - first).unwrap_or(0),
        None => 0,
    };
    let found = array.values.iter().skip(start).position(|value| same(value, &args[1]));
    Ok(found.map_or(Value::Null, |at| Value::Int4(i32::try_from((start + at) as i64 + first).unwrap_or(i32::MAX))))
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
