//! Arithmetic of dates, times and intervals.

use storage::{Interval, Value};

use super::argument::{date, division_by_zero, float, int4, interval, time, timestamp, timestamptz};
use super::cast::{start_of, to_local};
use super::define::{immutable, stable};
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{
    self, Civil, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, SECOND, TimeZone, date_out_of_range, days_in_month,
    interval_out_of_range, is_timestamp, timestamp_out_of_range,
};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(1169, "interval_pl", &[INTERVAL, INTERVAL], INTERVAL, |_, args| {
        Ok(Value::Interval(sum(interval(&args[0])?, interval(&args[1])?)?))
    }),
    immutable(1170, "interval_mi", &[INTERVAL, INTERVAL], INTERVAL, |_, args| {
        Ok(Value::Interval(difference(interval(&args[0])?, interval(&args[1])?)?))
    }),
    immutable(1168, "interval_um", &[INTERVAL], INTERVAL, |_, args| Ok(Value::Interval(negated(interval(&args[0])?)?))),
    immutable(1618, "interval_mul", &[INTERVAL, FLOAT8], INTERVAL, |_, args| {
        let factor = float(&args[1])?;
        scaled(interval(&args[0])?, |value| value * factor)
    }),
    immutable(1624, "mul_d_interval", &[FLOAT8, INTERVAL], INTERVAL, |_, args| {
        let factor = float(&args[0])?;
        scaled(interval(&args[1])?, |value| value * factor)
    }),
    immutable(1326, "interval_div", &[INTERVAL, FLOAT8], INTERVAL, |_, args| {
        let divisor = float(&args[1])?;
        if divisor == 0.0 {
            return Err(division_by_zero());
        }
        scaled(interval(&args[0])?, |value| value / divisor)
    }),
    // Dates.
    immutable(1140, "date_mi", &[DATE, DATE], INT4, |_, args| {
        let (a, b) = (date(&args[0])?, date(&args[1])?);
        if is_infinite(a) || is_infinite(b) {
            return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates"));
        }
        a.checked_sub(b).map(Value::Int4).ok_or_else(date_out_of_range)
    }),
    immutable(1141, "date_pli", &[DATE, INT4], DATE, |_, args| shifted(date(&args[0])?, i64::from(int4(&args[1])?))),
    immutable(2550, "integer_pl_date", &[INT4, DATE], DATE, |_, args| {
        shifted(date(&args[1])?, i64::from(int4(&args[0])?))
    }),
    immutable(1142, "date_mii", &[DATE, INT4], DATE, |_, args| shifted(date(&args[0])?, -i64::from(int4(&args[1])?))),
    immutable(2071, "date_pl_interval", &[DATE, INTERVAL], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(add_to_timestamp(start_of(date(&args[0])?)?, interval(&args[1])?)?))
    }),
    immutable(2546, "interval_pl_date", &[INTERVAL, DATE], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(add_to_timestamp(start_of(date(&args[1])?)?, interval(&args[0])?)?))
    }),
    immutable(2072, "date_mi_interval", &[DATE, INTERVAL], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(add_to_timestamp(start_of(date(&args[0])?)?, negated(interval(&args[1])?)?)?))
    }),
    immutable(1272, "datetime_pl", &[DATE, TIME], TIMESTAMP, |_, args| day_and_time(date(&args[0])?, time(&args[1])?)),
    immutable(1296, "timedate_pl", &[TIME, DATE], TIMESTAMP, |_, args| day_and_time(date(&args[1])?, time(&args[0])?)),
    // Times of day: they go round.
    immutable(1747, "time_pl_interval", &[TIME, INTERVAL], TIME, |_, args| {
        Ok(turned(time(&args[0])?, interval(&args[1])?.microseconds))
    }),
    immutable(1848, "interval_pl_time", &[INTERVAL, TIME], TIME, |_, args| {
        Ok(turned(time(&args[1])?, interval(&args[0])?.microseconds))
    }),
    immutable(1748, "time_mi_interval", &[TIME, INTERVAL], TIME, |_, args| {
        Ok(turned(time(&args[0])?, -(interval(&args[1])?.microseconds % DAY)))
    }),
    immutable(1690, "time_mi_time", &[TIME, TIME], INTERVAL, |_, args| {
        Ok(Value::Interval(Interval { months: 0, days: 0, microseconds: time(&args[0])? - time(&args[1])? }))
    }),
    // Timestamps.
    immutable(2031, "timestamp_mi", &[TIMESTAMP, TIMESTAMP], INTERVAL, |_, args| {
        between(timestamp(&args[0])?, timestamp(&args[1])?)
    }),
    immutable(1188, "timestamptz_mi", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |_, args| {
        between(timestamptz(&args[0])?, timestamptz(&args[1])?)
    }),
    immutable(2032, "timestamp_pl_interval", &[TIMESTAMP, INTERVAL], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(add_to_timestamp(timestamp(&args[0])?, interval(&args[1])?)?))
    }),
    immutable(2548, "interval_pl_timestamp", &[INTERVAL, TIMESTAMP], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(add_to_timestamp(timestamp(&args[1])?, interval(&args[0])?)?))
    }),
    immutable(2033, "timestamp_mi_interval", &[TIMESTAMP, INTERVAL], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(add_to_timestamp(timestamp(&args[0])?, negated(interval(&args[1])?)?)?))
    }),
    stable(1189, "timestamptz_pl_interval", &[TIMESTAMPTZ, INTERVAL], TIMESTAMPTZ, |context, args| {
        zoned(context, timestamptz(&args[0])?, interval(&args[1])?)
    }),
    stable(2549, "interval_pl_timestamptz", &[INTERVAL, TIMESTAMPTZ], TIMESTAMPTZ, |context, args| {
        zoned(context, timestamptz(&args[1])?, interval(&args[0])?)
    }),
    stable(1190, "timestamptz_mi_interval", &[TIMESTAMPTZ, INTERVAL], TIMESTAMPTZ, |context, args| {
        zoned(context, timestamptz(&args[0])?, negated(interval(&args[1])?)?)
    }),
    // Ages.
    immutable(2058, "age", &[TIMESTAMP, TIMESTAMP], INTERVAL, |_, args| {
        age(timestamp(&args[0])?, timestamp(&args[1])?)
    }),
    stable(2059, "age", &[TIMESTAMP], INTERVAL, |context, args| {
        let today = to_local(context, context.transaction_time).div_euclid(DAY) * DAY;
        age(today, timestamp(&args[0])?)
    }),
    stable(1199, "age", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |context, args| {
        age(to_local(context, timestamptz(&args[0])?), to_local(context, timestamptz(&args[1])?))
    }),
    stable(1386, "age", &[TIMESTAMPTZ], INTERVAL, |context, args| {
        let today = to_local(context, context.transaction_time).div_euclid(DAY) * DAY;
        age(today, to_local(context, timestamptz(&args[0])?))
    }),
    // Carrying from one unit to the next.
    immutable(1175, "justify_hours", &[INTERVAL], INTERVAL, |_, args| {
        Ok(Value::Interval(justify_hours(interval(&args[0])?)?))
    }),
    immutable(1295, "justify_days", &[INTERVAL], INTERVAL, |_, args| {
        Ok(Value::Interval(justify_days(interval(&args[0])?)?))
    }),
    immutable(2711, "justify_interval", &[INTERVAL], INTERVAL, |_, args| justify(interval(&args[0])?)),
];

fn is_infinite(days: i32) -> bool {
    matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY)
}

fn sum(a: Interval, b: Interval) -> Result<Interval> {
    let total = || {
        Some(Interval {
            months: a.months.checked_add(b.months)?,
            days: a.days.checked_add(b.days)?,
            microseconds: a.microseconds.checked_add(b.microseconds)?,
        })
    };
    total().ok_or_else(interval_out_of_range)
}

fn difference(a: Interval, b: Interval) -> Result<Interval> {
    let total = || {
        Some(Interval {
            months: a.months.checked_sub(b.months)?,
            days: a.days.checked_sub(b.days)?,
            microseconds: a.microseconds.checked_sub(b.microseconds)?,
        })
    };
    total().ok_or_else(interval_out_of_range)
}

pub(super) fn negated(value: Interval) -> Result<Interval> {
    difference(Interval::default(), value)
}

/// The interval at a part of the way from one to another.
pub(super) fn on_the_way(from: Interval, to: Interval, part: f64) -> Result<Interval> {
    match scaled(difference(to, from)?, |value| value * part)? {
        Value::Interval(step) => sum(from, step),
        _ => Err(Error::internal("an interval times a number is an interval")),
    }
}

/// Times or divided by a number: what is left of months goes into days, of days into the time.
fn scaled(value: Interval, scale: impl Fn(f64) -> f64) -> Result<Value> {
    // PostgreSQL rounds to microseconds wherever seconds are fractions.
    let rounded = |seconds: f64| (seconds * 1e6).round_ties_even() / 1e6;
    let int4_of = |value: f64| {
        // Not a number is in no range.
        if value.abs() < 2_147_483_648.0 { Ok(value as i32) } else { Err(interval_out_of_range()) }
    };
    let (months, days) = (scale(f64::from(value.months)), scale(f64::from(value.days)));
    let whole_months = int4_of(months)?;
    let mut whole_days = int4_of(days)?;
    let month_days = rounded((months - f64::from(whole_months)) * 30.0);
    let mut seconds = rounded((days - f64::from(whole_days) + month_days - month_days.trunc()) * 86_400.0);
    let day_carry = (seconds / 86_400.0).trunc();
    whole_days = whole_days.checked_add(int4_of(day_carry)?).ok_or_else(interval_out_of_range)?;
    seconds -= day_carry * 86_400.0;
    whole_days = whole_days.checked_add(int4_of(month_days)?).ok_or_else(interval_out_of_range)?;
    let time = (scale(value.microseconds as f64) + seconds * SECOND as f64).round_ties_even();
    if time.is_nan() || time.abs() >= 9_223_372_036_854_775_808.0 {
        return Err(interval_out_of_range());
    }
    Ok(Value::Interval(Interval { months: whole_months, days: whole_days, microseconds: time as i64 }))
}

fn shifted(days: i32, by: i64) -> Result<Value> {
    if is_infinite(days) {
        return Ok(Value::Date(days));
    }
    let moved = i64::from(days) + by;
    if !(datetime::DATE_MIN..=datetime::DATE_MAX).contains(&moved) {
        return Err(date_out_of_range());
    }
    i32::try_from(moved).map(Value::Date).map_err(|_| date_out_of_range())
}

fn day_and_time(days: i32, time: i64) -> Result<Value> {
    let start = start_of(days)?;
    if is_infinite(days) {
        return Ok(Value::Timestamp(start));
    }
    start.checked_add(time).map(Value::Timestamp).ok_or_else(timestamp_out_of_range)
}

fn turned(time: i64, by: i64) -> Value {
    Value::Time((time + by % DAY).rem_euclid(DAY))
}

fn between(a: i64, b: i64) -> Result<Value> {
    if !is_timestamp(a) || !is_timestamp(b) {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps"));
    }
    let microseconds = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
    justify_hours(Interval { months: 0, days: 0, microseconds }).map(Value::Interval)
}

/// A local time with months, then days, then microseconds added. A day that the month lacks is its last one.
pub(super) fn add_to_timestamp(local: i64, by: Interval) -> Result<i64> {
    if !is_timestamp(local) {
        return Ok(local);
    }
    let dated = add_days(local, by)?;
    dated.checked_add(by.microseconds).filter(|time| is_timestamp(*time)).ok_or_else(timestamp_out_of_range)
}

fn add_days(local: i64, by: Interval) -> Result<i64> {
    let mut time = local;
    if by.months != 0 {
        let mut civil = Civil::of(time);
        let months = civil.year * 12 + civil.month - 1 + i64::from(by.months);
        civil.year = months.div_euclid(12);
        civil.month = months.rem_euclid(12) + 1;
        civil.day = civil.day.min(days_in_month(civil.year, civil.month));
        time = civil.timestamp().ok_or_else(timestamp_out_of_range)?;
    }
    i64::from(by.days)
        .checked_mul(DAY)
        .and_then(|days| time.checked_add(days))
        .filter(|time| is_timestamp(*time))
        .ok_or_else(timestamp_out_of_range)
}

/// The same for a moment: months and days are counted on the zone's calendar.
pub(super) fn add_to_moment(moment: i64, by: Interval, zone: &TimeZone) -> Result<i64> {
    if !is_timestamp(moment) {
        return Ok(moment);
    }
    let mut dated = moment;
    if by.months != 0 || by.days != 0 {
        dated = zone.moment(add_days(zone.local(moment), by)?).ok_or_else(timestamp_out_of_range)?;
    }
    dated.checked_add(by.microseconds).filter(|time| is_timestamp(*time)).ok_or_else(timestamp_out_of_range)
}

pub(super) fn zoned(context: &EvalContext, moment: i64, by: Interval) -> Result<Value> {
    add_to_moment(moment, by, &context.session.format.time_zone).map(Value::Timestamptz)
}

/// The difference on the calendar: years, months and days.
fn age(later: i64, earlier: i64) -> Result<Value> {
    if !is_timestamp(later) || !is_timestamp(earlier) {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps"));
    }
    let (first, second) = (Civil::of(later), Civil::of(earlier));
    let negative = later < earlier;
    let sign = if negative { -1 } else { 1 };
    let mut months = sign * ((first.year - second.year) * 12 + first.month - second.month);
    let mut days = sign * (first.day - second.day);
    let mut time = sign * (first.time - second.time);
    if time < 0 {
        time += DAY;
        days -= 1;
    }
    while days < 0 {
        // The length of the month that is borrowed is that of the earlier date's.
        let (year, month) = if negative { (first.year, first.month) } else { (second.year, second.month) };
        days += days_in_month(year, month);
        months -= 1;
    }
    let part = |value: i64| i32::try_from(sign * value).map_err(|_| interval_out_of_range());
    Ok(Value::Interval(Interval { months: part(months)?, days: part(days)?, microseconds: sign * time }))
}

/// Whole days of the time become days, of the same sign.
fn justify_hours(value: Interval) -> Result<Interval> {
    let mut result = value;
    let carry = result.microseconds / DAY;
    result.microseconds -= carry * DAY;
    let days = i64::from(result.days) + carry;
    result.days = i32::try_from(days).map_err(|_| interval_out_of_range())?;
    if result.days > 0 && result.microseconds < 0 {
        result.microseconds += DAY;
        result.days -= 1;
    } else if result.days < 0 && result.microseconds > 0 {
        result.microseconds -= DAY;
        result.days += 1;
    }
    Ok(result)
}

/// Whole thirty days become months, of the same sign.
fn justify_days(value: Interval) -> Result<Interval> {
    let mut result = value;
    let carry = result.days / 30;
    result.days -= carry * 30;
    result.months = result.months.checked_add(carry).ok_or_else(interval_out_of_range)?;
    if result.months > 0 && result.days < 0 {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && result.days > 0 {
        result.days -= 30;
        result.months += 1;
    }
    Ok(result)
}

fn justify(value: Interval) -> Result<Value> {
    let mut result = justify_days(justify_hours(value)?)?;
    // Months and time may still disagree where there are no days between them.
    if result.months > 0 && (result.days < 0 || (result.days == 0 && result.microseconds < 0)) {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && (result.days > 0 || (result.days == 0 && result.microseconds > 0)) {
        result.days -= 30;
        result.months += 1;
    }
    justify_hours(result).map(Value::Interval)
}
