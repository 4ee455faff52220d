//! Set-returning functions: iterators that make a row when it is asked for.

use storage::{Interval, Numeric, Value};

use super::argument::{array, integer, interval, invalid, numeric, timestamp, timestamptz};
use super::array::subscripts;
use super::define::table;
use super::{EvalContext, TableFunction};
use crate::error::Result;
use crate::types::oid::*;
use crate::types::text::numeric_error;

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

pub(super) const FUNCTIONS: &[TableFunction] = &[
    table(1067, "generate_series", &[INT4, INT4], &[("generate_series", INT4)], int4_series),
    table(1066, "generate_series", &[INT4, INT4, INT4], &[("generate_series", INT4)], int4_series),
    table(1069, "generate_series", &[INT8, INT8], &[("generate_series", INT8)], int8_series),
    table(1068, "generate_series", &[INT8, INT8, INT8], &[("generate_series", INT8)], int8_series),
    table(3260, "generate_series", &[NUMERIC, NUMERIC], &[("generate_series", NUMERIC)], numeric_series),
    table(3259, "generate_series", &[NUMERIC, NUMERIC, NUMERIC], &[("generate_series", NUMERIC)], numeric_series),
    table(
        938,
        "generate_series",
        &[TIMESTAMP, TIMESTAMP, INTERVAL],
        &[("generate_series", TIMESTAMP)],
        timestamp_series,
    ),
    table(
        939,
        "generate_series",
        &[TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL],
        &[("generate_series", TIMESTAMPTZ)],
        timestamptz_series,
    ),
    table(2331, "unnest", &[ANYARRAY], &[("unnest", ANYELEMENT)], |_, args| {
        if any_null(args) {
            return Ok(nothing());
        }
        let values = array(&args[0])?.values.clone();
        Ok(Box::new(values.into_iter().map(|value| Ok(vec![value]))))
    }),
    table(1192, "generate_subscripts", &[ANYARRAY, INT4], &[("generate_subscripts", INT4)], |_, args| {
        if any_null(args) { Ok(nothing()) } else { subscripts(args) }
    }),
    table(1191, "generate_subscripts", &[ANYARRAY, INT4, BOOL], &[("generate_subscripts", INT4)], |_, args| {
        if any_null(args) { Ok(nothing()) } else { subscripts(args) }
    }),
    // Of information_schema: an array's elements with their places, from 1.
    table(13_208, "_pg_expandarray", &[ANYARRAY], &[("x", ANYELEMENT), ("n", INT4)], |_, args| {
        if any_null(args) {
            return Ok(nothing());
        }
        let values = array(&args[0])?.values.clone();
        Ok(Box::new((1..).zip(values).map(|(place, value)| Ok(vec![value, Value::Int4(place)]))))
    }),
    table(6160, "string_to_table", &[TEXT, TEXT], &[("string_to_table", TEXT)], string_to_table),
    table(6161, "string_to_table", &[TEXT, TEXT, TEXT], &[("string_to_table", TEXT)], string_to_table),
];

fn any_null(args: &[Value]) -> bool {
    args.iter().any(Value::is_null)
}

fn nothing() -> Rows {
    Box::new(std::iter::empty())
}

fn string_to_table(context: &EvalContext, args: &[Value]) -> Result<Rows> {
    let function = if args.len() == 3 { 376 } else { 394 };
    let split =
        super::function_by_oid(function).ok_or_else(|| crate::error::Error::internal("string_to_array is gone"))?;
    match (split.eval)(context, args)? {
        Value::Array(array) => Ok(Box::new(array.values.into_iter().map(|value| Ok(vec![value])))),
        _ => Ok(nothing()),
    }
}

/// From `first` on by `step` to `last`, which an overflow is beyond.
fn integers(args: &[Value]) -> Result<Option<impl Iterator<Item = i64> + Send + use<>>> {
    if any_null(args) {
        return Ok(None);
    }
    let (first, last) = (integer(&args[0])?, integer(&args[1])?);
    let step = args.get(2).map_or(Ok(1), integer)?;
    if step == 0 {
        return Err(invalid("step size cannot equal zero"));
    }
    let inside = move |value: &i64| if step > 0 { *value <= last } else { *value >= last };
    let start = Some(first).filter(inside);
    Ok(Some(std::iter::successors(start, move |value| value.checked_add(step).filter(inside))))
}

fn int4_series(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    // Both bounds are 32 bits wide, so what lies between them is.
    Ok(match integers(args)? {
        Some(values) => Box::new(values.map(|value| Ok(vec![Value::Int4(value as i32)]))),
        None => nothing(),
    })
}

fn int8_series(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    Ok(match integers(args)? {
        Some(values) => Box::new(values.map(|value| Ok(vec![Value::Int8(value)]))),
        None => nothing(),
    })
}

fn numeric_series(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    if any_null(args) {
        return Ok(nothing());
    }
    let (first, last) = (numeric(&args[0])?.clone(), numeric(&args[1])?.clone());
    let step = args.get(2).map_or(Ok(&Numeric::ONE), numeric)?.clone();
    for (what, value) in [("start", &first), ("stop", &last), ("step size", &step)] {
        if !value.is_finite() {
            let name = if value.is_nan() { "NaN" } else { "infinity" };
            let what = if what == "step size" { what.to_owned() } else { format!("{what} value") };
            return Err(invalid(format!("{what} cannot be {name}")));
        }
    }
    if step.is_zero() {
        return Err(invalid("step size cannot equal zero"));
    }
    let ascending = step.signum() > 0;
    let inside = move |value: &Numeric| if ascending { *value <= last } else { *value >= last };
    let mut next = Some(first);
    Ok(Box::new(std::iter::from_fn(move || {
        let value = next.take().filter(&inside)?;
        match value.add(&step) {
            Ok(following) => next = Some(following),
            Err(error) => return Some(Err(numeric_error(error))),
        }
        Some(Ok(vec![Value::Numeric(Box::new(value))]))
    })))
}

/// 1, -1 or 0 as the interval goes forward, back or nowhere.
fn direction(step: Interval) -> i32 {
    crate::types::datetime::microseconds_of_interval(step).signum() as i32
}

fn times(
    first: i64,
    last: i64,
    step: Interval,
    add: impl Fn(i64, Interval) -> Result<i64> + Send + 'static,
    value_of: fn(i64) -> Value,
) -> Result<Rows> {
    let direction = direction(step);
    if direction == 0 {
        return Err(invalid("step size cannot equal zero"));
    }
    let inside = move |value: &i64| if direction > 0 { *value <= last } else { *value >= last };
    let mut next = Some(first);
    Ok(Box::new(std::iter::from_fn(move || {
        let value = next.take().filter(inside)?;
        match add(value, step) {
            Ok(following) => next = Some(following),
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(vec![value_of(value)]))
    })))
}

fn timestamp_series(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    if any_null(args) {
        return Ok(nothing());
    }
    let (first, last, step) = (timestamp(&args[0])?, timestamp(&args[1])?, interval(&args[2])?);
    times(first, last, step, super::interval::add_to_timestamp, Value::Timestamp)
}

fn timestamptz_series(context: &EvalContext, args: &[Value]) -> Result<Rows> {
    if any_null(args) {
        return Ok(nothing());
    }
    let (first, last, step) = (timestamptz(&args[0])?, timestamptz(&args[1])?, interval(&args[2])?);
    let zone = context.session.format.time_zone.clone();
    let add = move |moment, step| super::interval::add_to_moment(moment, step, &zone);
    times(first, last, step, add, Value::Timestamptz)
}
