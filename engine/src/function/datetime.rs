//! Functions of dates and times: the clock, their parts, making them from parts.

mod part;

use storage::{Interval, Value};

use super::argument::{date, float, int4, interval, invalid, text, text_of, time, timestamp, timestamptz};
use super::cast::to_local;
use super::define::{immutable, stable, volatile};
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::ZonedTime;
use crate::types::datetime::{
    self, Civil, DAY, HOUR, MINUTE, SECOND, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, TimeZone, days_in_month,
    days_of_civil, is_timestamp, timestamp_out_of_range,
};
use crate::types::oid::*;
use part::{Source, extract, part};

pub(super) const FUNCTIONS: &[Function] = &[
    stable(1299, "now", &[], TIMESTAMPTZ, |context, _| Ok(Value::Timestamptz(context.transaction_time))),
    stable(2647, "transaction_timestamp", &[], TIMESTAMPTZ, |context, _| {
        Ok(Value::Timestamptz(context.transaction_time))
    }),
    stable(2648, "statement_timestamp", &[], TIMESTAMPTZ, |context, _| Ok(Value::Timestamptz(context.statement_time))),
    volatile(2649, "clock_timestamp", &[], TIMESTAMPTZ, |_, _| Ok(Value::Timestamptz(datetime::now()))),
    volatile(274, "timeofday", &[], TEXT, |context, _| {
        text_of(super::to_char::of_moment(
            "Dy Mon DD HH24:MI:SS.US YYYY TZ",
            datetime::now(),
            &context.session.format.time_zone,
        )?)
    }),
    immutable(1218, "date_trunc", &[TEXT, INTERVAL], INTERVAL, |_, args| {
        truncated_interval(text(&args[0])?, interval(&args[1])?)
    }),
    immutable(2020, "date_trunc", &[TEXT, TIMESTAMP], TIMESTAMP, |_, args| {
        let time = timestamp(&args[1])?;
        Ok(Value::Timestamp(truncated(text(&args[0])?, time, "timestamp without time zone")?))
    }),
    stable(1217, "date_trunc", &[TEXT, TIMESTAMPTZ], TIMESTAMPTZ, |context, args| {
        truncated_moment(text(&args[0])?, timestamptz(&args[1])?, &context.session.format.time_zone)
    }),
    stable(1284, "date_trunc", &[TEXT, TIMESTAMPTZ, TEXT], TIMESTAMPTZ, |_, args| {
        truncated_moment(text(&args[0])?, timestamptz(&args[1])?, &zone_named(text(&args[2])?)?)
    }),
    immutable(6177, "date_bin", &[INTERVAL, TIMESTAMP, TIMESTAMP], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(binned(interval(&args[0])?, timestamp(&args[1])?, timestamp(&args[2])?)?))
    }),
    immutable(6178, "date_bin", &[INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ], TIMESTAMPTZ, |_, args| {
        Ok(Value::Timestamptz(binned(interval(&args[0])?, timestamptz(&args[1])?, timestamptz(&args[2])?)?))
    }),
    stable(1171, "date_part", &[TEXT, TIMESTAMPTZ], FLOAT8, |context, args| {
        part(text(&args[0])?, Source::moment(context, &args[1])?)
    }),
    immutable(1172, "date_part", &[TEXT, INTERVAL], FLOAT8, |_, args| {
        part(text(&args[0])?, Source::Interval(interval(&args[1])?))
    }),
    immutable(1384, "date_part", &[TEXT, DATE], FLOAT8, |_, args| part(text(&args[0])?, Source::Date(date(&args[1])?))),
    immutable(1385, "date_part", &[TEXT, TIME], FLOAT8, |_, args| part(text(&args[0])?, Source::Time(time(&args[1])?))),
    immutable(2021, "date_part", &[TEXT, TIMESTAMP], FLOAT8, |_, args| {
        part(text(&args[0])?, Source::Timestamp(timestamp(&args[1])?))
    }),
    stable(6203, "extract", &[TEXT, TIMESTAMPTZ], NUMERIC, |context, args| {
        extract(text(&args[0])?, Source::moment(context, &args[1])?)
    }),
    immutable(6204, "extract", &[TEXT, INTERVAL], NUMERIC, |_, args| {
        extract(text(&args[0])?, Source::Interval(interval(&args[1])?))
    }),
    immutable(6199, "extract", &[TEXT, DATE], NUMERIC, |_, args| {
        extract(text(&args[0])?, Source::Date(date(&args[1])?))
    }),
    immutable(6200, "extract", &[TEXT, TIME], NUMERIC, |_, args| {
        extract(text(&args[0])?, Source::Time(time(&args[1])?))
    }),
    immutable(6202, "extract", &[TEXT, TIMESTAMP], NUMERIC, |_, args| {
        extract(text(&args[0])?, Source::Timestamp(timestamp(&args[1])?))
    }),
    immutable(2025, "timestamp", &[DATE, TIME], TIMESTAMP, |_, args| {
        day_at(date(&args[0])?, time(&args[1])?).map(Value::Timestamp)
    }),
    stable(1176, "timestamptz", &[DATE, TIME], TIMESTAMPTZ, |context, args| {
        let local = day_at(date(&args[0])?, time(&args[1])?)?;
        if !is_timestamp(local) {
            return Ok(Value::Timestamptz(local));
        }
        in_zone(local, &context.session.format.time_zone)
    }),
    immutable(3846, "make_date", &[INT4, INT4, INT4], DATE, |_, args| {
        let days = made_date(int4(&args[0])?, int4(&args[1])?, int4(&args[2])?)?;
        i32::try_from(days).map(Value::Date).map_err(|_| datetime::date_out_of_range())
    }),
    immutable(3847, "make_time", &[INT4, INT4, FLOAT8], TIME, |_, args| {
        Ok(Value::Time(made_time(int4(&args[0])?, int4(&args[1])?, float(&args[2])?)?))
    }),
    immutable(3461, "make_timestamp", &[INT4, INT4, INT4, INT4, INT4, FLOAT8], TIMESTAMP, |_, args| {
        Ok(Value::Timestamp(made_timestamp(args)?))
    }),
    stable(3462, "make_timestamptz", &[INT4, INT4, INT4, INT4, INT4, FLOAT8], TIMESTAMPTZ, |context, args| {
        let local = made_timestamp(args)?;
        context.session.format.time_zone.moment(local).map(Value::Timestamptz).ok_or_else(timestamp_out_of_range)
    }),
    stable(3463, "make_timestamptz", &[INT4, INT4, INT4, INT4, INT4, FLOAT8, TEXT], TIMESTAMPTZ, |_, args| {
        let local = made_timestamp(args)?;
        zone_to_make_in(text(&args[6])?)?.moment(local).map(Value::Timestamptz).ok_or_else(timestamp_out_of_range)
    }),
    // Its arguments have defaults of zero: each number of them is a function of its own.
    immutable(3464, "make_interval", &[INT4, INT4, INT4, INT4, INT4, INT4, FLOAT8], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[INT4, INT4, INT4, INT4, INT4, INT4], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[INT4, INT4, INT4, INT4, INT4], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[INT4, INT4, INT4, INT4], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[INT4, INT4, INT4], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[INT4, INT4], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[INT4], INTERVAL, made_interval),
    immutable(3464, "make_interval", &[], INTERVAL, made_interval),
    immutable(1158, "to_timestamp", &[FLOAT8], TIMESTAMPTZ, |_, args| from_epoch(float(&args[0])?)),
    immutable(1373, "isfinite", &[DATE], BOOL, |_, args| {
        Ok(Value::Bool(!matches!(date(&args[0])?, datetime::DATE_INFINITY | datetime::DATE_NEGATIVE_INFINITY)))
    }),
    immutable(2048, "isfinite", &[TIMESTAMP], BOOL, |_, args| Ok(Value::Bool(is_timestamp(timestamp(&args[0])?)))),
    immutable(1389, "isfinite", &[TIMESTAMPTZ], BOOL, |_, args| Ok(Value::Bool(is_timestamp(timestamptz(&args[0])?)))),
    immutable(1390, "isfinite", &[INTERVAL], BOOL, |_, _| Ok(Value::Bool(true))),
    immutable(1159, "timezone", &[TEXT, TIMESTAMPTZ], TIMESTAMP, |_, args| {
        let moment = timestamptz(&args[1])?;
        let zone = zone_named(text(&args[0])?)?;
        Ok(Value::Timestamp(if is_timestamp(moment) { zone.local(moment) } else { moment }))
    }),
    immutable(1026, "timezone", &[INTERVAL, TIMESTAMPTZ], TIMESTAMP, |_, args| {
        let moment = timestamptz(&args[1])?;
        let zone = zone_of(interval(&args[0])?)?;
        Ok(Value::Timestamp(if is_timestamp(moment) { zone.local(moment) } else { moment }))
    }),
    immutable(2069, "timezone", &[TEXT, TIMESTAMP], TIMESTAMPTZ, |_, args| {
        in_zone(timestamp(&args[1])?, &zone_named(text(&args[0])?)?)
    }),
    immutable(2070, "timezone", &[INTERVAL, TIMESTAMP], TIMESTAMPTZ, |_, args| {
        in_zone(timestamp(&args[1])?, &zone_of(interval(&args[0])?)?)
    }),
];

pub(super) fn part_zoned(field: &str, value: ZonedTime) -> Result<Value> {
    part(field, Source::ZonedTime(value))
}

pub(super) fn extract_zoned(field: &str, value: ZonedTime) -> Result<Value> {
    extract(field, Source::ZonedTime(value))
}

pub(super) fn zone_named(name: &str) -> Result<TimeZone> {
    TimeZone::named(name)
        .or_else(|| TimeZone::posix(name, 0))
        .ok_or_else(|| invalid(format!("time zone \"{name}\" not recognized")))
}

/// The zone that `make_timestamptz` is given: a number counts eastwards there, unlike in `AT TIME ZONE`.
fn zone_to_make_in(name: &str) -> Result<TimeZone> {
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(invalid(format!("invalid input syntax for type numeric time zone: \"{name}\""))
            .with_hint("Numeric time zones must have \"-\" or \"+\" as first character."));
    }
    match TimeZone::of_distance(name)? {
        Some(zone) => Ok(zone),
        None => zone_named(name),
    }
}

/// A zone given as its distance from UTC.
pub(super) fn zone_of(distance: Interval) -> Result<TimeZone> {
    if distance.months != 0 || distance.days != 0 {
        return Err(invalid("interval time zone must not include months or days"));
    }
    let seconds = i32::try_from(distance.microseconds / SECOND).map_err(|_| datetime::interval_out_of_range())?;
    Ok(TimeZone::Fixed(seconds))
}

fn in_zone(local: i64, zone: &TimeZone) -> Result<Value> {
    if !is_timestamp(local) {
        return Ok(Value::Timestamptz(local));
    }
    zone.moment(local).map(Value::Timestamptz).ok_or_else(timestamp_out_of_range)
}

/// Units of a day and shorter, in microseconds.
fn short_unit(unit: &str) -> Option<i64> {
    Some(match unit {
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" => 1,
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => 1000,
        "second" | "seconds" | "sec" | "secs" | "s" => SECOND,
        "minute" | "minutes" | "min" | "mins" | "m" => MINUTE,
        "hour" | "hours" | "hr" | "hrs" | "h" => HOUR,
        "day" | "days" | "d" => DAY,
        _ => return None,
    })
}

/// A local time with all that is below the unit at its least.
fn truncated(unit: &str, time: i64, type_name: &str) -> Result<i64> {
    let unit_lower = unit.to_ascii_lowercase();
    if let Some(length) = short_unit(&unit_lower) {
        return Ok(if is_timestamp(time) { time - time.rem_euclid(length) } else { time });
    }
    let civil = Civil::of(time);
    // PostgreSQL's centuries and millennia begin in years that end in 1; decades in those that end in 0.
    let hundreds = |size: i64| {
        if civil.year > 0 {
            (civil.year + size - 1).div_euclid(size) * size - (size - 1)
        } else {
            -((size - 1 - (civil.year - 1)) / size * size) + 1
        }
    };
    let (year, month, day) = match unit_lower.as_str() {
        "week" | "weeks" | "w" => {
            if !is_timestamp(time) {
                return Ok(time);
            }
            let days = time.div_euclid(DAY);
            return Ok((days - (days + 3).rem_euclid(7)) * DAY);
        }
        "month" | "months" | "mon" | "mons" => (civil.year, civil.month, 1),
        "quarter" | "quarters" | "qtr" => (civil.year, (civil.month - 1) / 3 * 3 + 1, 1),
        "year" | "years" | "yr" | "yrs" | "y" => (civil.year, 1, 1),
        "decade" | "decades" | "dec" | "decs" => (civil.year.div_euclid(10) * 10, 1, 1),
        "century" | "centuries" | "cent" | "c" => (hundreds(100), 1, 1),
        "millennium" | "millennia" | "mil" | "mils" => (hundreds(1000), 1, 1),
        _ => {
            return Err(match part::is_field(&unit_lower) {
                // `epoch` is a word for a moment too, and no unit to cut at.
                true if unit_lower != "epoch" => part::unsupported(&unit_lower, type_name),
                _ => part::unrecognized(unit, type_name),
            });
        }
    };
    if !is_timestamp(time) {
        return Ok(time);
    }
    Civil { year, month, day, time: 0 }.timestamp().ok_or_else(timestamp_out_of_range)
}

fn truncated_moment(unit: &str, moment: i64, zone: &TimeZone) -> Result<Value> {
    let local = if is_timestamp(moment) { zone.local(moment) } else { moment };
    let start = truncated(unit, local, "timestamp with time zone")?;
    if !is_timestamp(moment) {
        return Ok(Value::Timestamptz(moment));
    }
    // Hours and less do not change the offset; a day may begin under another.
    let result = match short_unit(&unit.to_ascii_lowercase()) {
        Some(length) if length < DAY => start.checked_sub(i64::from(zone.offset_at(moment)) * SECOND),
        _ => zone.moment(start),
    };
    result.map(Value::Timestamptz).ok_or_else(timestamp_out_of_range)
}

fn truncated_interval(unit: &str, value: Interval) -> Result<Value> {
    const NAME: &str = "interval";
    let lower = unit.to_ascii_lowercase();
    if let Some(length) = short_unit(&lower) {
        let microseconds = if length == DAY { 0 } else { value.microseconds - value.microseconds % length };
        return Ok(Value::Interval(Interval { microseconds, ..value }));
    }
    let months = match lower.as_str() {
        "month" | "months" | "mon" | "mons" => 1,
        "quarter" | "quarters" | "qtr" => 3,
        "year" | "years" | "yr" | "yrs" | "y" => 12,
        "decade" | "decades" | "dec" | "decs" => 120,
        "century" | "centuries" | "cent" | "c" => 1200,
        "millennium" | "millennia" | "mil" | "mils" => 12_000,
        "week" | "weeks" | "w" => {
            return Err(part::unsupported(unit, NAME).with_detail("Months usually have fractional weeks."));
        }
        other if part::is_field(other) => return Err(part::unsupported(unit, NAME)),
        _ => return Err(part::unrecognized(unit, NAME)),
    };
    Ok(Value::Interval(Interval { months: value.months - value.months % months, days: 0, microseconds: 0 }))
}

/// The start of the stride that a time is in, counted from the origin.
fn binned(stride: Interval, time: i64, origin: i64) -> Result<i64> {
    if !is_timestamp(time) {
        return Ok(time);
    }
    if !is_timestamp(origin) {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "origin out of range"));
    }
    if stride.months != 0 {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let length =
        i64::try_from(datetime::microseconds_of_interval(stride)).map_err(|_| datetime::interval_out_of_range())?;
    if length <= 0 {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "stride must be greater than zero"));
    }
    let distance = time.checked_sub(origin).ok_or_else(datetime::interval_out_of_range)?;
    origin.checked_add(distance.div_euclid(length) * length).ok_or_else(timestamp_out_of_range)
}

fn made_date(year: i32, month: i32, day: i32) -> Result<i64> {
    let refused = || {
        Error::new(
            SqlState::DATETIME_FIELD_OVERFLOW,
            format!("date field value out of range: {year}-{month:02}-{day:02}"),
        )
    };
    // Year -1 is 1 BC; there is no year 0.
    let astronomical = match year {
        0 => return Err(refused()),
        year if year < 0 => i64::from(year) + 1,
        year => i64::from(year),
    };
    let (month, day) = (i64::from(month), i64::from(day));
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(astronomical, month) {
        return Err(refused());
    }
    let days = days_of_civil(astronomical, month, day);
    if (datetime::DATE_MIN..=datetime::DATE_MAX).contains(&days) {
        return Ok(days);
    }
    Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date out of range: {year}-{month:02}-{day:02}")))
}

fn made_time(hour: i32, minute: i32, seconds: f64) -> Result<i64> {
    let microseconds = (seconds * SECOND as f64).round_ties_even();
    let in_range =
        (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0 * SECOND as f64).contains(&microseconds);
    let time = i64::from(hour) * HOUR + i64::from(minute) * MINUTE + if in_range { microseconds as i64 } else { 0 };
    if !in_range || time > DAY {
        let shown = if seconds.fract() == 0.0 { format!("{seconds:02}") } else { format!("{seconds}") };
        return Err(Error::new(
            SqlState::DATETIME_FIELD_OVERFLOW,
            format!("time field value out of range: {hour}:{minute:02}:{shown}"),
        ));
    }
    Ok(time)
}

fn made_timestamp(args: &[Value]) -> Result<i64> {
    let days = made_date(int4(&args[0])?, int4(&args[1])?, int4(&args[2])?)?;
    let time = made_time(int4(&args[3])?, int4(&args[4])?, float(&args[5])?)?;
    days.checked_mul(DAY).and_then(|start| start.checked_add(time)).ok_or_else(timestamp_out_of_range)
}

fn made_interval(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let part = |index: usize| args.get(index).map_or(Ok(0), int4);
    let seconds = args.get(6).map_or(Ok(0.0), float)?;
    if !seconds.is_finite() || seconds.abs() > 9e12 {
        return Err(datetime::interval_out_of_range());
    }
    let (years, months, weeks, days) = (part(0)?, part(1)?, part(2)?, part(3)?);
    let (hours, minutes) = (i64::from(part(4)?), i64::from(part(5)?));
    let made = || {
        let time = hours.checked_mul(HOUR)?.checked_add(minutes.checked_mul(MINUTE)?)?;
        Some(Interval {
            months: years.checked_mul(12)?.checked_add(months)?,
            days: weeks.checked_mul(7)?.checked_add(days)?,
            microseconds: time.checked_add((seconds * SECOND as f64).round_ties_even() as i64)?,
        })
    };
    made().map(Value::Interval).ok_or_else(datetime::interval_out_of_range)
}

fn from_epoch(seconds: f64) -> Result<Value> {
    if seconds.is_nan() {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(Value::Timestamptz(if seconds > 0.0 { TIMESTAMP_INFINITY } else { TIMESTAMP_NEGATIVE_INFINITY }));
    }
    let microseconds = (seconds * SECOND as f64).round_ties_even();
    if microseconds.abs() < 9.2e18 && is_timestamp(microseconds as i64) {
        return Ok(Value::Timestamptz(microseconds as i64));
    }
    let mut shown = Vec::new();
    crate::types::text::write_f64(seconds, 1, &mut shown);
    let shown = crate::types::text::into_text(shown);
    Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("timestamp out of range: \"{shown}\"")))
}

/// A day at a time; an infinite day stays what it is.
fn day_at(day: i32, time: i64) -> Result<i64> {
    match day {
        datetime::DATE_INFINITY => Ok(TIMESTAMP_INFINITY),
        datetime::DATE_NEGATIVE_INFINITY => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        day => {
            let moment = i64::from(day).checked_mul(datetime::DAY).and_then(|midnight| midnight.checked_add(time));
            moment
                .filter(|moment| is_timestamp(*moment))
                .ok_or_else(|| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range for timestamp"))
        }
    }
}

/// The session's local time of a moment.
fn local(context: &EvalContext, value: &Value) -> Result<i64> {
    Ok(to_local(context, timestamptz(value)?))
}
