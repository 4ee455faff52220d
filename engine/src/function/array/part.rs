//! Elements and slices of arrays, read and assigned. Only the binder calls these functions.

use storage::{Array, Dimension, Value};

use super::super::argument::{array, boolean, int4, subscript_error, text, text_of};
use super::super::define::immutable;
use super::super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::text::{DIMENSIONS_MAX, check_dimensions};

/// An array and as many subscripts as it has dimensions: the element there, or NULL.
pub(crate) static ELEMENT: Function = immutable(9_006, "array_element", &[ANYARRAY, INT4], ANYELEMENT, |_, args| {
    let subscripts = args[1..].iter().map(int4).collect::<Result<Vec<_>>>()?;
    let array = array(&args[0])?;
    Ok(array.place(&subscripts).map_or(Value::Null, |place| array.values[place].clone()))
})
.variadic();

/// A character of a name, numbered from 0: an empty one behind its last, NULL beyond what a name may hold.
pub(crate) static NAME_ELEMENT: Function = immutable(9_020, "name_element", &[NAME, INT4], CHAR, |_, args| {
    let place = usize::try_from(int4(&args[1])?).ok().filter(|place| *place < NAME_BYTES);
    let name = text(&args[0])?;
    place.map_or(Ok(Value::Null), |place| text_of(name.chars().nth(place).map(String::from).unwrap_or_default()))
});

/// Bytes of a name and its end mark.
const NAME_BYTES: usize = 64;

/// An array and pairs of subscripts, each the first and the last of a dimension: what lies between them, numbered
/// from 1. Dimensions beyond those are taken whole.
pub(crate) static SLICE: Function = immutable(9_005, "array_slice", &[ANYARRAY, INT4], ANYARRAY, |_, args| {
    let bounds = args[1..].iter().map(int4).collect::<Result<Vec<_>>>()?;
    let bounds: Vec<[i32; 2]> = bounds.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    Ok(Value::Array(Box::new(slice(array(&args[0])?, &bounds))))
})
.variadic();

pub(super) fn slice(array: &Array, bounds: &[[i32; 2]]) -> Array {
    let nothing = || Array::new(array.element.clone(), Vec::new());
    let dimensions = array.dimensions();
    if bounds.len() > dimensions.len() {
        return nothing();
    }
    let mut parts = Vec::with_capacity(dimensions.len());
    for (at, dimension) in dimensions.iter().enumerate() {
        let [lower, upper] = bounds.get(at).copied().unwrap_or([i32::MIN, i32::MAX]);
        let (lower, upper) = (lower.max(dimension.lower), upper.min(dimension.upper()));
        if lower > upper {
            return nothing();
        }
        parts.push([lower, upper]);
    }
    let values = places(&dimensions, &parts).into_iter().map(|place| array.values[place].clone()).collect();
    let lengths: Vec<Dimension> = parts.iter().map(|[lower, upper]| Dimension::new(upper - lower + 1)).collect();
    Array::shaped(array.element.clone(), values, &lengths)
}

/// Where the elements of a part lie, whose bounds are within those of the dimensions.
fn places(dimensions: &[Dimension], parts: &[[i32; 2]]) -> Vec<usize> {
    let mut places = vec![0_usize];
    for (dimension, [lower, upper]) in dimensions.iter().zip(parts) {
        let length = usize::try_from(dimension.length).unwrap_or(0);
        let offsets =
            (i64::from(*lower) - i64::from(dimension.lower))..=(i64::from(*upper) - i64::from(dimension.lower));
        let offsets: Vec<usize> = offsets.filter_map(|offset| usize::try_from(offset).ok()).collect();
        let inner = |place: usize| offsets.iter().map(move |offset| place * length + offset);
        places = places.iter().flat_map(|place| inner(*place).collect::<Vec<_>>()).collect();
    }
    places
}

/// The array with an element or a slice replaced: an empty array of the type (which tells the elements' layout), the
/// array, the new value, whether a slice is meant, and subscripts as ELEMENT and SLICE have them, where false is a
/// bound that was left out.
pub(crate) static ASSIGN: Function =
    immutable(9_007, "array_assign", &[ANYARRAY, ANYARRAY, ANY, BOOL, ANY], ANYARRAY, assign).variadic().takes_nulls();

fn assign(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let [Value::Array(empty), whole, new, sliced, subscripts @ ..] = args else {
        return Err(Error::internal("an array was to be changed without being told how"));
    };
    if subscripts.iter().any(Value::is_null) {
        let words = "array subscript in assignment must not be null";
        return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, words));
    }
    let before = match whole {
        Value::Array(array) => array,
        _ => empty,
    };
    let bounds: Vec<Option<i32>> =
        subscripts.iter().map(|bound| if let Value::Int4(bound) = bound { Some(*bound) } else { None }).collect();
    let changed = match (boolean(sliced)?, new) {
        (false, new) => set_element(before, &bounds.iter().map(|bound| bound.unwrap_or(0)).collect::<Vec<_>>(), new)?,
        (true, Value::Array(new)) => set_slice(before, &bounds, new)?,
        // No array is no change.
        (true, _) => return Ok(whole.clone()),
    };
    Ok(Value::Array(Box::new(changed)))
}

fn wrong_count() -> Error {
    subscript_error("wrong number of array subscripts")
}

fn set_element(array: &Array, subscripts: &[i32], new: &Value) -> Result<Array> {
    let mut dimensions = array.dimensions();
    if dimensions.is_empty() {
        dimensions = subscripts.iter().map(|subscript| Dimension { length: 1, lower: *subscript }).collect();
        check_dimensions(&dimensions)?;
        return Ok(Array::shaped(array.element.clone(), vec![new.clone()], &dimensions));
    }
    if dimensions.len() != subscripts.len() {
        return Err(wrong_count());
    }
    let grown = match (dimensions.as_slice(), subscripts) {
        ([dimension], [subscript]) => extended(array, *dimension, *subscript, *subscript)?,
        _ => None,
    };
    let mut array = grown.unwrap_or_else(|| array.clone());
    let place = array.place(subscripts).ok_or_else(|| subscript_error("array subscript out of range"))?;
    array.values[place] = new.clone();
    Ok(array)
}

/// An array of one dimension with NULLs before or behind it, so that it has the subscripts; None: it has them.
fn extended(array: &Array, dimension: Dimension, lower: i32, upper: i32) -> Result<Option<Array>> {
    let first = lower.min(dimension.lower);
    let last = upper.max(dimension.upper());
    if first == dimension.lower && last == dimension.upper() {
        return Ok(None);
    }
    let length = i64::from(last) - i64::from(first) + 1;
    let grown = Dimension { length: i32::try_from(length).unwrap_or(i32::MAX), lower: first };
    check_dimensions(&[grown])?;
    let before = usize::try_from(i64::from(dimension.lower) - i64::from(first)).unwrap_or(0);
    let mut values = vec![Value::Null; usize::try_from(length).unwrap_or(0)];
    values[before..before + array.values.len()].clone_from_slice(&array.values);
    Ok(Some(Array::shaped(array.element.clone(), values, &[grown])))
}

fn set_slice(array: &Array, bounds: &[Option<i32>], new: &Array) -> Result<Array> {
    let dimensions = array.dimensions();
    let pairs: Vec<[Option<i32>; 2]> = bounds.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    if dimensions.is_empty() {
        return new_slice(array, &pairs, new);
    }
    if dimensions.len() < pairs.len() || pairs.len() > DIMENSIONS_MAX {
        return Err(wrong_count());
    }
    let mut parts = Vec::with_capacity(dimensions.len());
    for (at, dimension) in dimensions.iter().enumerate() {
        let [lower, upper] = pairs.get(at).copied().unwrap_or_default();
        let (lower, upper) = (lower.unwrap_or(dimension.lower), upper.unwrap_or(dimension.upper()));
        if lower > upper {
            return Err(subscript_error("upper bound cannot be less than lower bound"));
        }
        if dimensions.len() > 1 && (lower < dimension.lower || upper > dimension.upper()) {
            return Err(subscript_error("array subscript out of range"));
        }
        parts.push([lower, upper]);
    }
    let count = parts
        .iter()
        .fold(1_i64, |count, [lower, upper]| count.saturating_mul(i64::from(*upper) - i64::from(*lower) + 1));
    let grown = match (dimensions.as_slice(), parts.as_slice()) {
        ([dimension], [[lower, upper]]) => {
            let covered = Dimension { length: 0, lower: (*lower).min(dimension.lower) };
            let length = i64::from((*upper).max(dimension.upper())) - i64::from(covered.lower) + 1;
            check_dimensions(&[Dimension { length: i32::try_from(length).unwrap_or(i32::MAX), ..covered }])?;
            check_source(new, count)?;
            extended(array, *dimension, *lower, *upper)?
        }
        _ => None,
    };
    check_source(new, count)?;
    let mut array = grown.unwrap_or_else(|| array.clone());
    for (place, value) in places(&array.dimensions(), &parts).into_iter().zip(&new.values) {
        array.values[place] = value.clone();
    }
    Ok(array)
}

fn check_source(new: &Array, count: i64) -> Result<()> {
    if i64::try_from(new.values.len()).unwrap_or(i64::MAX) < count {
        return Err(subscript_error("source array too small"));
    }
    Ok(())
}

/// A slice of an array without elements is all of the new one.
fn new_slice(array: &Array, pairs: &[[Option<i32>; 2]], new: &Array) -> Result<Array> {
    let mut dimensions = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let [Some(lower), Some(upper)] = *pair else {
            return Err(subscript_error("array slice subscript must provide both boundaries").with_detail(
                "When assigning to a slice of an empty array value, slice boundaries must be fully specified.",
            ));
        };
        let length = i64::from(upper) - i64::from(lower) + 1;
        dimensions.push(Dimension { length: i32::try_from(length.max(0)).unwrap_or(i32::MAX), lower });
    }
    check_dimensions(&dimensions)?;
    let count = dimensions.iter().map(|dimension| i64::from(dimension.length)).product::<i64>();
    check_source(new, count)?;
    let values = new.values[..usize::try_from(count).unwrap_or(0)].to_vec();
    Ok(Array::shaped(array.element.clone(), values, &dimensions))
}
