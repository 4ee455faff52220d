//! Formatting by template: `to_char`, `to_date`, `to_timestamp` and `to_number` (PostgreSQL manual, "Data Type
//! Formatting Functions").

mod field;
mod number;
mod read;
mod standard;
mod time;

use storage::{Numeric, Value};

pub(super) use standard::{Moment, Template};

use super::argument::{float, integer, interval, numeric, numeric_of, text, text_of, timestamp, timestamptz};
use super::cast::day_of;
use super::define::stable;
use super::{EvalContext, Function};
use crate::error::Result;
use crate::types::datetime::{TimeZone, is_timestamp, timestamp_out_of_range};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    stable(2049, "to_char", &[TIMESTAMP, TEXT], TEXT, |_, args| {
        let time = timestamp(&args[0])?;
        Ok(if is_timestamp(time) { shown(time::of_local(text(&args[1])?, time, None)?) } else { Value::Null })
    }),
    stable(1770, "to_char", &[TIMESTAMPTZ, TEXT], TEXT, |context, args| {
        let moment = timestamptz(&args[0])?;
        if !is_timestamp(moment) {
            return Ok(Value::Null);
        }
        text_of(of_moment(text(&args[1])?, moment, &context.session.format.time_zone)?)
    }),
    stable(1768, "to_char", &[INTERVAL, TEXT], TEXT, |_, args| {
        Ok(shown(time::of_interval(text(&args[1])?, interval(&args[0])?)?))
    }),
    stable(1772, "to_char", &[NUMERIC, TEXT], TEXT, |_, args| {
        text_of(number::format(numeric(&args[0])?, text(&args[1])?)?)
    }),
    stable(1773, "to_char", &[INT4, TEXT], TEXT, of_integer),
    stable(1774, "to_char", &[INT8, TEXT], TEXT, of_integer),
    stable(1775, "to_char", &[FLOAT4, TEXT], TEXT, of_float),
    stable(1776, "to_char", &[FLOAT8, TEXT], TEXT, of_float),
    stable(1778, "to_timestamp", &[TEXT, TEXT], TIMESTAMPTZ, |context, args| {
        let local = read::timestamp(text(&args[0])?, text(&args[1])?)?;
        let zone = local.zone.unwrap_or_else(|| context.session.format.time_zone.clone());
        let moment = zone.moment(local.time).ok_or_else(timestamp_out_of_range)?;
        Ok(Value::Timestamptz(rounded(moment, local.precision)))
    }),
    stable(1780, "to_date", &[TEXT, TEXT], DATE, |_, args| {
        Ok(Value::Date(day_of(read::timestamp(text(&args[0])?, text(&args[1])?)?.time)?))
    }),
    stable(1777, "to_number", &[TEXT, TEXT], NUMERIC, |_, args| {
        numeric_of(Ok(number::read(text(&args[0])?, text(&args[1])?)?))
    }),
];

/// A moment with as many digits of its seconds as a template has.
fn rounded(moment: i64, digits: Option<usize>) -> i64 {
    let Some(digits) = digits else { return moment };
    let unit = 10_i64.pow(6_u32.saturating_sub(digits as u32));
    moment.saturating_add(unit / 2).div_euclid(unit) * unit
}

fn shown(text: String) -> Value {
    Value::Text(text.into())
}

/// A moment by a template, on the zone's calendar.
pub(super) fn of_moment(template: &str, moment: i64, zone: &TimeZone) -> Result<String> {
    time::of_local(template, zone.local(moment), Some((zone, moment)))
}

fn of_integer(_: &EvalContext, args: &[Value]) -> Result<Value> {
    text_of(number::format(&Numeric::from_i64(integer(&args[0])?), text(&args[1])?)?)
}

fn of_float(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let digits = if matches!(args[0], Value::Float4(_)) { 6 } else { 15 };
    text_of(number::format_float(float(&args[0])?, text(&args[1])?, digits)?)
}
