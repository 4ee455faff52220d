//! The last step of ordered-set and hypothetical-set aggregates: over the values of a group in their order, or over how
//! many rows come before a row that is not there. The grammar calls these functions; they have no row in `pg_proc`.

use std::cmp::Ordering;

use storage::{Array, Value};

use super::argument::{float, int8};
use super::compare::compare;
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

/// The first value at or behind a fraction of the values.
pub(crate) static PERCENTILE_DISC: Function =
    immutable(0, "percentile_disc", &[FLOAT8, ANYARRAY], ANYELEMENT, |_, args| percentile(args, at_or_behind));
pub(crate) static PERCENTILES_DISC: Function =
    immutable(0, "percentile_disc", &[FLOAT8_ARRAY, ANYARRAY], ANYARRAY, |_, args| percentiles(args, at_or_behind));
/// The value at a fraction, between two values if it must be.
pub(crate) static PERCENTILE_CONT: Function =
    immutable(0, "percentile_cont", &[FLOAT8, ANYARRAY], ANYELEMENT, |_, args| percentile(args, between));
pub(crate) static PERCENTILES_CONT: Function =
    immutable(0, "percentile_cont", &[FLOAT8_ARRAY, ANYARRAY], ANYARRAY, |_, args| percentiles(args, between));
/// The first of the values that come most often.
pub(crate) static MODE: Function = immutable(0, "mode", &[ANYARRAY], ANYELEMENT, mode);
/// From how many rows come before, and how many there are.
pub(crate) static PERCENT_RANK: Function =
    immutable(0, "percent_rank", &[INT8, INT8], FLOAT8, |_, args| match int8(&args[1])? {
        0 => Ok(Value::Float8(0.0)),
        rows => Ok(Value::Float8(int8(&args[0])? as f64 / rows as f64)),
    });
/// From how many rows do not come behind, and how many there are.
pub(crate) static CUME_DIST: Function = immutable(0, "cume_dist", &[INT8, INT8], FLOAT8, |_, args| {
    Ok(Value::Float8((int8(&args[0])? + 1) as f64 / (int8(&args[1])? + 1) as f64))
});

/// Picks a value at a fraction of at least one value in order.
type Pick = fn(f64, &[Value]) -> Result<Value>;

fn percentile(args: &[Value], pick: Pick) -> Result<Value> {
    picked(&args[0], values(&args[1])?, pick)
}

fn percentiles(args: &[Value], pick: Pick) -> Result<Value> {
    let Value::Array(fractions) = &args[0] else { return Err(Error::internal("fractions are an array")) };
    let Value::Array(found) = &args[1] else { return Err(Error::internal("collected values are an array")) };
    let results = fractions.values.iter().map(|fraction| picked(fraction, &found.values, pick));
    let values = results.collect::<Result<Vec<_>>>()?;
    // As many dimensions as the fractions have.
    let element = found.element.clone();
    Ok(Value::Array(Box::new(match fractions.bounds() {
        Some(bounds) => Array::shaped(element, values, bounds),
        None => Array::new(element, values),
    })))
}

fn values(array: &Value) -> Result<&[Value]> {
    match array {
        Value::Array(array) => Ok(&array.values),
        _ => Err(Error::internal("collected values are an array")),
    }
}

fn picked(fraction: &Value, values: &[Value], pick: Pick) -> Result<Value> {
    if *fraction == Value::Null {
        return Ok(Value::Null);
    }
    let fraction = float(fraction)?;
    if !(0.0..=1.0).contains(&fraction) {
        let words = format!("percentile value {fraction} is not between 0 and 1");
        return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, words));
    }
    if values.is_empty() { Ok(Value::Null) } else { pick(fraction, values) }
}

fn at_or_behind(fraction: f64, values: &[Value]) -> Result<Value> {
    let position = (fraction * values.len() as f64).ceil() as usize;
    let value = values.get(position.saturating_sub(1)).or(values.last());
    Ok(value.cloned().unwrap_or(Value::Null))
}

fn between(fraction: f64, values: &[Value]) -> Result<Value> {
    let place = fraction * (values.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let part = place - below as f64;
    match (&values[below], &values[above]) {
        (low, _) if below == above => Ok(low.clone()),
        (Value::Float8(low), Value::Float8(high)) => Ok(Value::Float8(low + (high - low) * part)),
        (Value::Interval(low), Value::Interval(high)) => {
            super::interval::on_the_way(*low, *high, part).map(Value::Interval)
        }
        _ => Err(Error::internal("only numbers and intervals have values between them")),
    }
}

fn mode(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let values = values(&args[0])?;
    let (mut best, mut most) = (Value::Null, 0);
    let mut start = 0;
    while start < values.len() {
        let mut end = start + 1;
        while end < values.len() && compare(&values[start], &values[end])? == Ordering::Equal {
            end += 1;
        }
        if end - start > most {
            (best, most) = (values[start].clone(), end - start);
        }
        start = end;
    }
    Ok(best)
}
