//! Frames by distance: `RANGE BETWEEN offset PRECEDING AND offset FOLLOWING`.
//!
//! Rows stand in the order of one key. Where a frame begins and ends is found by bisection, as PostgreSQL's `in_range`
//! functions decide of two keys, so that sums that no value of the key's type could hold count as beyond all others.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use storage::{Numeric, Value};

use crate::error::{Error, Result, SqlState};
use crate::function::compare::compare;
use crate::function::{EvalContext, function_by_oid};
use crate::types::datetime::ZonedTime;
use crate::types::oid;
use crate::types::text::numeric_error;

/// One end of a frame.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    Unbounded,
    /// The row's peers.
    Current,
    Preceding(Value),
    Following(Value),
}

/// Such a frame, over one key.
#[derive(Debug, Clone)]
pub(super) struct RangeFrame {
    pub(super) start: Reach,
    pub(super) end: Reach,
    pub(super) descending: bool,
    /// The key's type.
    pub(super) key: u32,
    pub(super) context: Arc<EvalContext>,
}

impl RangeFrame {
    /// 22013 for an offset that is less than nothing, or no number.
    pub(super) fn check(&self) -> Result<()> {
        for reach in [&self.start, &self.end] {
            let (Reach::Preceding(offset) | Reach::Following(offset)) = reach else { continue };
            let wrong = match offset {
                Value::Int2(offset) => *offset < 0,
                Value::Int4(offset) => *offset < 0,
                Value::Int8(offset) => *offset < 0,
                Value::Float8(offset) => offset.is_nan() || *offset < 0.0,
                Value::Numeric(offset) => offset.is_nan() || offset.signum() < 0,
                Value::Interval(offset) => {
                    let nothing = Value::Interval(storage::Interval { months: 0, days: 0, microseconds: 0 });
                    // Of a time of day only the hours and below are taken away.
                    if matches!(self.key, oid::TIME | oid::TIMETZ) {
                        offset.microseconds < 0
                    } else {
                        compare(&Value::Interval(*offset), &nothing)? == Ordering::Less
                    }
                }
                _ => false,
            };
            if wrong {
                return Err(Error::new(SqlState("22013"), "invalid preceding or following size in window function"));
            }
        }
        Ok(())
    }

    /// The frame of a row among keys in their order, of which those that are NULL stand together.
    pub(super) fn of(&self, row: usize, keys: &[Value]) -> Result<Range<usize>> {
        let nulls = null_keys(keys);
        let is_null = nulls.contains(&row);
        let (from, to) = if nulls.start == 0 { (nulls.end, keys.len()) } else { (0, nulls.start) };
        let start = match &self.start {
            Reach::Unbounded => 0,
            _ if is_null => nulls.start,
            reach => first(from, to, |at| self.within(&keys[at], &keys[row], reach, true))?,
        };
        let end = match &self.end {
            Reach::Unbounded => keys.len(),
            _ if is_null => nulls.end,
            reach => first(from, to, |at| self.within(&keys[at], &keys[row], reach, false).map(|within| !within))?,
        };
        Ok(start..end.max(start))
    }

    /// Whether a key lies behind the frame's start, or before its end.
    fn within(&self, key: &Value, base: &Value, reach: &Reach, start: bool) -> Result<bool> {
        let less = start == self.descending;
        let (offset, preceding) = match reach {
            Reach::Preceding(offset) => (offset, true),
            Reach::Following(offset) => (offset, false),
            _ => return Ok(holds(compare(key, base)?, less)),
        };
        self.in_range(key, base, offset, preceding != self.descending, less)
    }

    /// Whether `key <= base ± offset`, or `>=`.
    fn in_range(&self, key: &Value, base: &Value, offset: &Value, subtract: bool, less: bool) -> Result<bool> {
        if let (Some(key), Some(base), Some(offset)) = (whole(key), whole(base), whole(offset)) {
            let sum = if subtract { base - offset } else { base + offset };
            return Ok(holds(key.cmp(&sum), less));
        }
        match (key, base, offset) {
            (Value::Numeric(key), Value::Numeric(base), Value::Numeric(offset)) => {
                numeric_in_range(key, base, offset, subtract, less)
            }
            (_, _, Value::Float8(offset)) => Ok(match (real(key), real(base)) {
                (Some(key), Some(base)) => float_in_range(key, base, *offset, subtract, less),
                _ => false,
            }),
            (Value::Time(key), Value::Time(base), Value::Interval(offset)) => {
                Ok(match moved(*base, offset.microseconds, subtract) {
                    Some(sum) => holds(key.cmp(&sum), less),
                    None => subtract != less,
                })
            }
            (Value::Int8(key), Value::Int8(base), Value::Interval(offset)) => {
                let base = ZonedTime::of(*base);
                Ok(match moved(base.time, offset.microseconds, subtract) {
                    Some(sum) => {
                        let sum = i128::from(sum) - i128::from(base.offset) * 1_000_000;
                        let key = ZonedTime::of(*key);
                        let order = i128::from(key.utc()).cmp(&sum).then(base.offset.cmp(&key.offset));
                        holds(order, less)
                    }
                    None => subtract != less,
                })
            }
            _ => {
                let functions = match self.key {
                    oid::TIMESTAMPTZ => [1190, 1189],
                    oid::INTERVAL => [1170, 1169],
                    _ => [2033, 2032],
                };
                let function = function_by_oid(functions[usize::from(!subtract)])
                    .ok_or_else(|| Error::internal("no function adds an interval"))?;
                let sum = (function.eval)(&self.context, &[self.local(base)?, offset.clone()])?;
                Ok(holds(compare(&self.local(key)?, &sum)?, less))
            }
        }
    }

    /// A date as the timestamp that it begins with; anything else as it is.
    fn local(&self, key: &Value) -> Result<Value> {
        match key {
            Value::Date(_) => {
                let function = function_by_oid(2024).ok_or_else(|| Error::internal("no function makes timestamps"))?;
                (function.eval)(&self.context, std::slice::from_ref(key))
            }
            other => Ok(other.clone()),
        }
    }
}

/// Frames are the same if they read the same; what they are computed with belongs to the statement.
impl PartialEq for RangeFrame {
    fn eq(&self, other: &Self) -> bool {
        let shape = |frame: &Self| format!("{:?}{:?}{}{}", frame.start, frame.end, frame.descending, frame.key);
        shape(self) == shape(other)
    }
}

impl Eq for RangeFrame {}

impl Hash for RangeFrame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.descending, self.key).hash(state);
    }
}

fn holds(order: Ordering, less: bool) -> bool {
    if less { order != Ordering::Greater } else { order != Ordering::Less }
}

/// Where the keys that are NULL stand: at the one end or at the other.
fn null_keys(keys: &[Value]) -> Range<usize> {
    if keys.first().is_some_and(Value::is_null) {
        return 0..keys.partition_point(Value::is_null);
    }
    keys.partition_point(|key| !key.is_null())..keys.len()
}

/// The first place for which something holds that holds for all behind it.
fn first(mut from: usize, mut to: usize, mut holds: impl FnMut(usize) -> Result<bool>) -> Result<usize> {
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle)? {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    Ok(from)
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int2(value) => Some(i128::from(*value)),
        Value::Int4(value) => Some(i128::from(*value)),
        Value::Int8(value) => Some(i128::from(*value)),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Float4(value) => Some(f64::from(*value)),
        Value::Float8(value) => Some(*value),
        _ => None,
    }
}

fn moved(from: i64, by: i64, subtract: bool) -> Option<i64> {
    if subtract { from.checked_sub(by) } else { from.checked_add(by) }
}

/// NaN is above all numbers and equal to itself. An infinite distance from an infinite number reaches everything on its way.
fn float_in_range(key: f64, base: f64, offset: f64, subtract: bool, less: bool) -> bool {
    match (key.is_nan(), base.is_nan()) {
        (true, true) => return true,
        (true, false) => return !less,
        (false, true) => return less,
        _ => {}
    }
    if offset.is_infinite() && base.is_infinite() && (if subtract { base > 0.0 } else { base < 0.0 }) {
        return true;
    }
    let sum = if subtract { base - offset } else { base + offset };
    if less { key <= sum } else { key >= sum }
}

fn numeric_in_range(key: &Numeric, base: &Numeric, offset: &Numeric, subtract: bool, less: bool) -> Result<bool> {
    match (key.is_nan(), base.is_nan()) {
        (true, true) => return Ok(true),
        (true, false) => return Ok(!less),
        (false, true) => return Ok(less),
        _ => {}
    }
    if offset.is_infinite() && base.is_infinite() && (base.signum() > 0) == subtract {
        return Ok(true);
    }
    let sum = if subtract { base.sub(offset) } else { base.add(offset) }.map_err(numeric_error)?;
    Ok(holds(key.cmp(&sum), less))
}
