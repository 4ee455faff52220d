//! Arrays put together: elements before or behind an array, two arrays, arrays as parts of one of a dimension more.

use storage::{Array, Dimension, Value};

use super::super::EvalContext;
use super::super::argument::subscript_error;
use super::array_of;
use crate::error::{Error, Result, SqlState};
use crate::types::text::{DIMENSIONS_MAX, check_dimensions, too_many_dimensions};

/// The array with an element before or after; of NULL, an array of that element.
pub(super) fn extended(values: &Value, value: &Value, before: bool) -> Result<Value> {
    let Value::Array(array) = values else {
        // The type of NULL added to NULL is lost; text prints as any other.
        return Ok(array_of(value.column_type().unwrap_or(storage::ColumnType::Text), vec![value.clone()]));
    };
    let mut dimensions = array.dimensions();
    if dimensions.len() > 1 {
        return Err(Error::new(SqlState("22000"), "argument must be empty or one-dimensional array"));
    }
    let mut elements = Vec::with_capacity(array.values.len() + 1);
    elements.extend(before.then(|| value.clone()));
    elements.extend(array.values.iter().cloned());
    elements.extend((!before).then(|| value.clone()));
    match dimensions.as_mut_slice() {
        [dimension] => {
            if dimension.upper() == i32::MAX || before && dimension.lower == i32::MIN {
                return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range"));
            }
            dimension.length += 1;
            check_dimensions(&dimensions)?;
            Ok(Value::Array(Box::new(Array::shaped(array.element.clone(), elements, &dimensions))))
        }
        _ => Ok(array_of(array.element.clone(), elements)),
    }
}

pub(super) fn concat(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (a, b) = match (&args[0], &args[1]) {
        (Value::Array(a), Value::Array(b)) => (a, b),
        (Value::Null, other) | (other, _) => return Ok(other.clone()),
    };
    let (first, second) = (a.dimensions(), b.dimensions());
    if first.is_empty() {
        return Ok(args[1].clone());
    }
    if second.is_empty() {
        return Ok(args[0].clone());
    }
    let incompatible =
        |detail: String| Err(subscript_error("cannot concatenate incompatible arrays").with_detail(detail));
    let differing =
        |what: &str| incompatible(format!("Arrays with differing {what} are not compatible for concatenation."));
    let dimensions = if first.len() == second.len() {
        if first[1..] != second[1..] {
            return differing("element dimensions");
        }
        with_first(&first, second[0].length)
    } else if first.len() == second.len() + 1 {
        if first[1..] != second[..] {
            return differing("dimensions");
        }
        with_first(&first, 1)
    } else if first.len() + 1 == second.len() {
        if second[1..] != first[..] {
            return differing("dimensions");
        }
        with_first(&second, 1)
    } else {
        return incompatible(format!(
            "Arrays of {} and {} dimensions are not compatible for concatenation.",
            first.len(),
            second.len()
        ));
    };
    check_dimensions(&dimensions)?;
    let values = a.values.iter().chain(&b.values).cloned().collect();
    Ok(Value::Array(Box::new(Array::shaped(a.element.clone(), values, &dimensions))))
}

/// The dimensions with so many elements more in the first.
fn with_first(dimensions: &[Dimension], more: i32) -> Vec<Dimension> {
    let mut dimensions = dimensions.to_vec();
    dimensions[0].length = dimensions[0].length.saturating_add(more);
    dimensions
}

/// Arrays as the parts of one that has a dimension more; they must be alike, or all empty.
pub(crate) fn nested(element: storage::ColumnType, parts: &[Value], unlike: impl Fn() -> Error) -> Result<Array> {
    let arrays: Vec<&Array> = parts
        .iter()
        .filter_map(|part| if let Value::Array(array) = part { Some(array.as_ref()) } else { None })
        .collect();
    let Some(first) = arrays.iter().find(|array| !array.values.is_empty()) else {
        return Ok(Array::new(element, Vec::new()));
    };
    let inner = first.dimensions();
    if inner.len() >= DIMENSIONS_MAX {
        return Err(too_many_dimensions(inner.len() + 1));
    }
    if arrays.len() != parts.len() || arrays.iter().any(|array| array.dimensions() != inner) {
        return Err(unlike());
    }
    let mut dimensions = vec![Dimension::new(i32::try_from(parts.len()).unwrap_or(i32::MAX))];
    dimensions.extend(inner);
    check_dimensions(&dimensions)?;
    let values = arrays.iter().flat_map(|array| array.values.iter().cloned()).collect();
    Ok(Array::shaped(element, values, &dimensions))
}

/// 2202E for parts of `ARRAY[…]` that are not alike.
pub(crate) fn unlike_parts() -> Error {
    subscript_error("multidimensional arrays must have array expressions with matching dimensions")
}
