//! How arrays are numbered: their dimensions, and arrays made of given ones.

use storage::{Array, Dimension, Value};

use super::super::argument::{array, boolean, check_size, int4, subscript_error};
use super::super::{EvalContext, argument};
use crate::error::{Error, Result, SqlState};
use crate::types::text::{DIMENSIONS_MAX, check_dimensions, too_many_dimensions};

/// What is asked of a dimension: NULL if there is no such one.
pub(super) fn of_dimension(args: &[Value], ask: fn(Dimension) -> i32) -> Result<Value> {
    let number = usize::try_from(i64::from(int4(&args[1])?) - 1).ok();
    let dimensions = array(&args[0])?.dimensions();
    Ok(number.and_then(|number| dimensions.get(number)).map_or(Value::Null, |dimension| Value::Int4(ask(*dimension))))
}

/// A value, the dimensions' lengths and, if they are given, their first subscripts.
pub(super) fn fill(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let null = |words: &'static str| Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, words));
    let (Value::Array(lengths), lowers) = (&args[1], args.get(2)) else {
        return null("dimension array or low bound array cannot be null");
    };
    let lowers = match lowers {
        None => None,
        Some(Value::Array(lowers)) => Some(lowers),
        Some(_) => return null("dimension array or low bound array cannot be null"),
    };
    for list in std::iter::once(lengths).chain(lowers) {
        if list.dimensions().len() > 1 {
            let what = if std::ptr::eq(list, lengths) { "Dimension" } else { "Low bound" };
            return Err(subscript_error("wrong number of array subscripts")
                .with_detail(format!("{what} array must be one dimensional.")));
        }
    }
    if lengths.values.len() > DIMENSIONS_MAX {
        return Err(too_many_dimensions(lengths.values.len()));
    }
    if lowers.is_some_and(|lowers| lowers.values.len() != lengths.values.len()) {
        return Err(subscript_error("wrong number of array subscripts")
            .with_detail("Low bound array has different size than dimensions array."));
    }
    let mut dimensions = Vec::with_capacity(lengths.values.len());
    for (at, length) in lengths.values.iter().enumerate() {
        let lower = lowers.map_or(&Value::Int4(1), |lowers| &lowers.values[at]).clone();
        if length.is_null() || lower.is_null() {
            return null("dimension values cannot be null");
        }
        dimensions.push(Dimension { length: int4(length)?, lower: int4(&lower)? });
    }
    let element = args[0].column_type().unwrap_or(storage::ColumnType::Text);
    if dimensions.iter().any(|dimension| dimension.length < 0) {
        return Err(limit());
    }
    if dimensions.is_empty() || dimensions.iter().any(|dimension| dimension.length == 0) {
        return Ok(Value::Array(Box::new(Array::new(element, Vec::new()))));
    }
    check_dimensions(&dimensions)?;
    let count = dimensions.iter().map(|dimension| usize::try_from(dimension.length).unwrap_or(0)).product::<usize>();
    check_size(count.saturating_mul(size_of::<Value>() + args[0].heap_bytes()))?;
    Ok(Value::Array(Box::new(Array::shaped(element, vec![args[0].clone(); count], &dimensions))))
}

fn limit() -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (134217727)")
}

/// The subscripts of a dimension, for `generate_subscripts`.
pub(crate) fn subscripts(args: &[Value]) -> Result<Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>> {
    let number = usize::try_from(i64::from(argument::int4(&args[1])?) - 1).ok();
    let dimensions = array(&args[0])?.dimensions();
    let Some(dimension) = number.and_then(|number| dimensions.get(number)).copied() else {
        return Ok(Box::new(std::iter::empty()));
    };
    let reverse = args.get(2).map(boolean).transpose()?.unwrap_or(false);
    let number = move |offset: i32| {
        let offset = if reverse { dimension.length - 1 - offset } else { offset };
        Ok(vec![Value::Int4(dimension.lower.saturating_add(offset))])
    };
    Ok(Box::new((0..dimension.length).map(number)))
}
