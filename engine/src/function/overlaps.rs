//! SQL's OVERLAPS: whether two spans of time share a moment. A span is two moments, or one and how long it lasts.

use storage::Value;

use super::define::{immutable, stable};
use super::interval::{add_to_moment, add_to_timestamp};
use super::{EvalContext, Function};
use crate::error::Result;
use crate::types::datetime::DAY;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(2041, "overlaps", &[TIMESTAMP, TIMESTAMP, TIMESTAMP, TIMESTAMP], BOOL, overlaps).takes_nulls(),
    immutable(2042, "overlaps", &[TIMESTAMP, INTERVAL, TIMESTAMP, INTERVAL], BOOL, lasting).takes_nulls(),
    immutable(2043, "overlaps", &[TIMESTAMP, TIMESTAMP, TIMESTAMP, INTERVAL], BOOL, lasting).takes_nulls(),
    immutable(2044, "overlaps", &[TIMESTAMP, INTERVAL, TIMESTAMP, TIMESTAMP], BOOL, lasting).takes_nulls(),
    immutable(1304, "overlaps", &[TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ], BOOL, overlaps).takes_nulls(),
    stable(1305, "overlaps", &[TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, INTERVAL], BOOL, lasting).takes_nulls(),
    stable(1306, "overlaps", &[TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL], BOOL, lasting).takes_nulls(),
    stable(1307, "overlaps", &[TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ], BOOL, lasting).takes_nulls(),
    immutable(1308, "overlaps", &[TIME, TIME, TIME, TIME], BOOL, overlaps).takes_nulls(),
    immutable(1309, "overlaps", &[TIME, INTERVAL, TIME, INTERVAL], BOOL, lasting).takes_nulls(),
    immutable(1310, "overlaps", &[TIME, TIME, TIME, INTERVAL], BOOL, lasting).takes_nulls(),
    immutable(1311, "overlaps", &[TIME, INTERVAL, TIME, TIME], BOOL, lasting).takes_nulls(),
];

/// Spans that are told by how long they last.
fn lasting(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let end = |start: &Value, end: &Value| -> Result<Value> {
        let Value::Interval(length) = end else { return Ok(end.clone()) };
        Ok(match start {
            Value::Timestamp(start) => Value::Timestamp(add_to_timestamp(*start, *length)?),
            Value::Timestamptz(start) => {
                Value::Timestamptz(add_to_moment(*start, *length, &context.session.format.time_zone)?)
            }
            // A time of day goes round.
            Value::Time(start) => Value::Time((start + length.microseconds % DAY).rem_euclid(DAY)),
            _ => Value::Null,
        })
    };
    let spans = [args[0].clone(), end(&args[0], &args[1])?, args[2].clone(), end(&args[2], &args[3])?];
    overlaps(context, &spans)
}

/// Whether two spans share a time (SQL's OVERLAPS); a span without an end is its start.
pub(super) fn overlaps(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let point = |value: &Value| match value {
        Value::Timestamp(time) | Value::Timestamptz(time) | Value::Time(time) => Some(*time),
        _ => None,
    };
    let span = |a: &Value, b: &Value| match (point(a), point(b)) {
        (Some(a), Some(b)) => Some((a.min(b), Some(a.max(b)))),
        (Some(only), None) | (None, Some(only)) => Some((only, None)),
        (None, None) => None,
    };
    let (Some(first), Some(second)) = (span(&args[0], &args[1]), span(&args[2], &args[3])) else {
        return Ok(Value::Null);
    };
    if first.0 == second.0 {
        return Ok(if first.1.is_none() || second.1.is_none() { Value::Null } else { Value::Bool(true) });
    }
    let (earlier, later) = if first.0 < second.0 { (first, second) } else { (second, first) };
    Ok(match earlier.1 {
        None => Value::Null,
        Some(end) if later.0 < end => Value::Bool(true),
        Some(_) if later.1.is_none() => Value::Null,
        Some(_) => Value::Bool(false),
    })
}
