//! Functions of `time with time zone`.

use storage::{Interval, Value};

use super::argument::{date, int8, interval, out_of_range, text, time, timestamptz};
use super::cast::{start_of, to_local};
use super::datetime::{extract_zoned, part_zoned, zone_named, zone_of};
use super::define::{immutable, stable};
use super::{EvalContext, Function};
use crate::error::Result;
use crate::types::datetime::{self, DAY, TimeZone, ZonedTime, is_timestamp};
use crate::types::modifier::apply_modifier;
use crate::types::oid::*;
use crate::types::{Type, oid};

pub(super) const FUNCTIONS: &[Function] = &[
    stable(2047, "timetz", &[TIME], TIMETZ, |context, args| {
        let zone = &context.session.format.time_zone;
        let offset = zone.offset_at(context.transaction_time);
        Ok(packed(ZonedTime::new(time(&args[0])?, offset)))
    }),
    stable(1388, "timetz", &[TIMESTAMPTZ], TIMETZ, |context, args| {
        let moment = timestamptz(&args[0])?;
        if !is_timestamp(moment) {
            return Ok(Value::Null);
        }
        let offset = context.session.format.time_zone.offset_at(moment);
        Ok(packed(ZonedTime::new(to_local(context, moment).rem_euclid(DAY), offset)))
    }),
    immutable(2046, "time", &[TIMETZ], TIME, |_, args| Ok(Value::Time(zoned(&args[0])?.time))),
    immutable(1969, "timetz", &[TIMETZ, INT4], TIMETZ, |_, args| {
        let modifier = super::argument::int4(&args[1])?;
        apply_modifier(args[0].clone(), Type::with_modifier(oid::TIMETZ, modifier), false)
    }),
    immutable(1749, "timetz_pl_interval", &[TIMETZ, INTERVAL], TIMETZ, |_, args| {
        moved(&args[0], interval(&args[1])?, 1)
    }),
    immutable(1750, "timetz_mi_interval", &[TIMETZ, INTERVAL], TIMETZ, |_, args| {
        moved(&args[0], interval(&args[1])?, -1)
    }),
    immutable(2547, "interval_pl_timetz", &[INTERVAL, TIMETZ], TIMETZ, |_, args| {
        moved(&args[1], interval(&args[0])?, 1)
    }),
    immutable(1297, "datetimetz_pl", &[DATE, TIMETZ], TIMESTAMPTZ, |_, args| on_day(date(&args[0])?, &args[1])),
    immutable(1298, "timetzdate_pl", &[TIMETZ, DATE], TIMESTAMPTZ, |_, args| on_day(date(&args[1])?, &args[0])),
    immutable(1359, "timestamptz", &[DATE, TIMETZ], TIMESTAMPTZ, |_, args| on_day(date(&args[0])?, &args[1])),
    immutable(1273, "date_part", &[TEXT, TIMETZ], FLOAT8, |_, args| part_zoned(text(&args[0])?, zoned(&args[1])?)),
    immutable(6201, "extract", &[TEXT, TIMETZ], NUMERIC, |_, args| extract_zoned(text(&args[0])?, zoned(&args[1])?)),
    stable(2037, "timezone", &[TEXT, TIMETZ], TIMETZ, |context, args| {
        let zone = zone_named(text(&args[0])?)?;
        in_zone(&args[1], &zone, context)
    }),
    immutable(2038, "timezone", &[INTERVAL, TIMETZ], TIMETZ, |context, args| {
        in_zone(&args[1], &zone_of(interval(&args[0])?)?, context)
    }),
    immutable(1271, "overlaps", &[TIMETZ, TIMETZ, TIMETZ, TIMETZ], BOOL, |context, args| {
        // Their numbers have their order, which is all that counts.
        let plain = |value: &Value| match value {
            Value::Int8(packed) => Value::Time(*packed),
            other => other.clone(),
        };
        let args: Vec<Value> = args.iter().map(plain).collect();
        super::overlaps::overlaps(context, &args)
    })
    .takes_nulls(),
];

fn zoned(value: &Value) -> Result<ZonedTime> {
    int8(value).map(ZonedTime::of)
}

fn packed(time: ZonedTime) -> Value {
    Value::Int8(time.packed())
}

/// Later by the time of an interval, whose days do not count; past midnight it goes on from zero.
fn moved(value: &Value, by: Interval, sign: i64) -> Result<Value> {
    let time = zoned(value)?;
    let moved = by.microseconds.checked_mul(sign).and_then(|by| time.time.checked_add(by));
    let moved = moved.ok_or_else(|| out_of_range("time"))?;
    Ok(packed(ZonedTime::new(moved.rem_euclid(DAY), time.offset)))
}

/// The moment at which it is that time on a day.
fn on_day(day: i32, value: &Value) -> Result<Value> {
    let start = start_of(day)?;
    if !is_timestamp(start) {
        return Ok(Value::Timestamptz(start));
    }
    let moment = start.checked_add(zoned(value)?.utc()).filter(|moment| is_timestamp(*moment));
    moment.map(Value::Timestamptz).ok_or_else(datetime::timestamp_out_of_range)
}

/// The zone's distance from UTC is that of the moment the transaction began.
fn in_zone(value: &Value, zone: &TimeZone, context: &EvalContext) -> Result<Value> {
    Ok(packed(zoned(value)?.in_zone(zone.offset_at(context.transaction_time))))
}
