//! `extract` and `date_part`: one part of a date, time or interval.

use storage::{Interval, Numeric, Value};

use super::{EvalContext, local};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{invalid, numeric_of, timestamptz};
use crate::types::datetime::ZonedTime;
use crate::types::datetime::{
    Civil, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, HOUR, MINUTE, SECOND, day_of_week, day_of_year, is_timestamp,
    iso_week,
};
use crate::types::text::numeric_error;

/// What to take a part of.
pub(super) enum Source {
    Timestamp(i64),
    /// A moment, its local time, and how many seconds that is east of UTC.
    Moment {
        moment: i64,
        local: i64,
        offset: i32,
    },
    Date(i32),
    Time(i64),
    ZonedTime(ZonedTime),
    Interval(Interval),
}

impl Source {
    pub(super) fn moment(context: &EvalContext, value: &Value) -> Result<Self> {
        let moment = timestamptz(value)?;
        let offset = if is_timestamp(moment) { context.session.format.time_zone.offset_at(moment) } else { 0 };
        Ok(Source::Moment { moment, local: local(context, value)?, offset })
    }

    fn type_name(&self) -> &'static str {
        match self {
            Source::Timestamp(_) => "timestamp without time zone",
            Source::Moment { .. } => "timestamp with time zone",
            Source::Date(_) => "date",
            Source::Time(_) => "time without time zone",
            Source::ZonedTime(_) => "time with time zone",
            Source::Interval(_) => "interval",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    IsoYear,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Julian,
    Epoch,
    Zone,
    ZoneHour,
    ZoneMinute,
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "microseconds" | "microsecond" | "us" | "usec" | "usecs" => Field::Microseconds,
        "milliseconds" | "millisecond" | "ms" | "msec" | "msecs" => Field::Milliseconds,
        "second" | "seconds" | "sec" | "secs" | "s" => Field::Second,
        "minute" | "minutes" | "min" | "mins" | "m" => Field::Minute,
        "hour" | "hours" | "hr" | "hrs" | "h" => Field::Hour,
        "day" | "days" | "d" => Field::Day,
        "week" | "weeks" | "w" => Field::Week,
        "month" | "months" | "mon" | "mons" => Field::Month,
        "quarter" | "qtr" => Field::Quarter,
        "year" | "years" | "yr" | "yrs" | "y" => Field::Year,
        "decade" | "decades" | "dec" | "decs" => Field::Decade,
        "century" | "centuries" | "cent" | "c" => Field::Century,
        "millennium" | "millennia" | "mil" | "mils" => Field::Millennium,
        "isoyear" => Field::IsoYear,
        "dow" => Field::DayOfWeek,
        "isodow" => Field::IsoDayOfWeek,
        "doy" => Field::DayOfYear,
        "julian" | "jd" | "j" => Field::Julian,
        "epoch" => Field::Epoch,
        "timezone" => Field::Zone,
        "timezone_hour" | "timezone_h" => Field::ZoneHour,
        "timezone_minute" | "timezone_m" => Field::ZoneMinute,
        _ => return None,
    })
}

pub(super) fn is_field(name: &str) -> bool {
    field(name).is_some()
}

pub(super) fn unrecognized(unit: &str, type_name: &str) -> Error {
    invalid(format!("unit \"{unit}\" not recognized for type {type_name}"))
}

pub(super) fn unsupported(unit: &str, type_name: &str) -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("unit \"{unit}\" not supported for type {type_name}"))
}

/// A part's value.
enum Part {
    Whole(i64),
    /// Divided by 10 to the scale.
    Scaled(i128, u16),
    Numeric(Numeric),
    /// Of an infinite time: what grows without end, `true` upwards.
    Infinite(bool),
    /// Of an infinite time: what has no one value there.
    Nothing,
}

pub(super) fn extract(unit: &str, source: Source) -> Result<Value> {
    let number = match take(unit, source)? {
        Part::Whole(value) => Numeric::from_i64(value),
        Part::Scaled(value, scale) => Numeric::from_parts(value, scale),
        Part::Numeric(value) => value,
        Part::Infinite(true) => Numeric::INFINITY,
        Part::Infinite(false) => Numeric::NEGATIVE_INFINITY,
        Part::Nothing => return Ok(Value::Null),
    };
    numeric_of(Ok(number))
}

pub(super) fn part(unit: &str, source: Source) -> Result<Value> {
    let number = match take(unit, source)? {
        Part::Whole(value) => value as f64,
        Part::Scaled(value, scale) => value as f64 / 10_f64.powi(i32::from(scale)),
        Part::Numeric(value) => value.to_f64(),
        Part::Infinite(true) => f64::INFINITY,
        Part::Infinite(false) => f64::NEG_INFINITY,
        Part::Nothing => return Ok(Value::Null),
    };
    Ok(Value::Float8(number))
}

fn take(unit: &str, source: Source) -> Result<Part> {
    let lower = unit.to_ascii_lowercase();
    let type_name = source.type_name();
    let field = field(&lower).ok_or_else(|| unrecognized(unit, type_name))?;
    let found = match source {
        Source::Timestamp(time) => of_local(field, time)?,
        Source::Moment { moment, local, offset } => match field {
            Field::Epoch if is_timestamp(moment) => Some(Part::Scaled(i128::from(moment), 6)),
            Field::Zone => finite(moment, i64::from(offset)),
            Field::ZoneHour => finite(moment, i64::from(offset / 3600)),
            Field::ZoneMinute => finite(moment, i64::from(offset / 60 % 60)),
            field => of_local(field, local)?,
        },
        Source::Date(days) => of_date(field, days)?,
        Source::Time(time) => of_time(field, time),
        Source::ZonedTime(value) => match field {
            Field::Epoch => Some(Part::Scaled(i128::from(value.utc()), 6)),
            Field::Zone => Some(Part::Whole(i64::from(value.offset))),
            Field::ZoneHour => Some(Part::Whole(i64::from(value.offset / 3600))),
            Field::ZoneMinute => Some(Part::Whole(i64::from(value.offset / 60 % 60))),
            field => of_time(field, value.time),
        },
        Source::Interval(interval) => of_interval(field, interval),
    };
    found.ok_or_else(|| unsupported(unit, type_name))
}

fn finite(moment: i64, value: i64) -> Option<Part> {
    Some(if is_timestamp(moment) { Part::Whole(value) } else { Part::Nothing })
}

/// The part of an infinite date or timestamp.
fn of_infinity(field: Field, positive: bool) -> Option<Part> {
    Some(match field {
        Field::Year
        | Field::Decade
        | Field::Century
        | Field::Millennium
        | Field::Julian
        | Field::IsoYear
        | Field::Epoch => Part::Infinite(positive),
        Field::Zone | Field::ZoneHour | Field::ZoneMinute => return None,
        _ => Part::Nothing,
    })
}

/// The parts of a time within its minute, which come with their fractions.
fn of_clock(field: Field, time: i64) -> Option<Part> {
    let seconds = time % MINUTE;
    Some(match field {
        Field::Microseconds => Part::Whole(seconds),
        Field::Milliseconds => Part::Scaled(i128::from(seconds), 3),
        Field::Second => Part::Scaled(i128::from(seconds), 6),
        Field::Minute => Part::Whole(time / MINUTE % 60),
        Field::Hour => Part::Whole(time / HOUR),
        _ => return None,
    })
}

/// Year as SQL counts: there is no year 0.
fn historical(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

/// The parts that a day has.
fn of_days(field: Field, days: i64) -> Option<Part> {
    let civil = Civil::of(days.saturating_mul(DAY));
    let (year, month, day) = if days.checked_mul(DAY).is_some() {
        (civil.year, civil.month, civil.day)
    } else {
        crate::types::datetime::civil_of_days(days)
    };
    let hundreds = |size: i64| if year > 0 { (year + size - 1) / size } else { -((size - 1 - (year - 1)) / size) };
    Some(Part::Whole(match field {
        Field::Day => day,
        Field::Month => month,
        Field::Quarter => (month - 1) / 3 + 1,
        Field::Week => iso_week(days).1,
        Field::Year => historical(year),
        Field::Decade => year.div_euclid(10),
        Field::Century => hundreds(100),
        Field::Millennium => hundreds(1000),
        Field::IsoYear => historical(iso_week(days).0),
        Field::DayOfWeek => day_of_week(days),
        Field::IsoDayOfWeek => (day_of_week(days) + 6) % 7 + 1,
        Field::DayOfYear => day_of_year(days),
        Field::Julian => days + 2_440_588,
        _ => return None,
    }))
}

fn of_local(field: Field, time: i64) -> Result<Option<Part>> {
    if !is_timestamp(time) {
        return Ok(of_infinity(field, time > 0));
    }
    let (days, clock) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    Ok(match field {
        Field::Epoch => Some(Part::Scaled(i128::from(time), 6)),
        Field::Julian => {
            let fraction = Numeric::from_i64(clock).div(&Numeric::from_i64(DAY)).map_err(numeric_error)?;
            let whole = Numeric::from_i64(days + 2_440_588);
            Some(Part::Numeric(whole.add(&fraction).map_err(numeric_error)?))
        }
        field => of_clock(field, clock).or_else(|| of_days(field, days)),
    })
}

fn of_date(field: Field, days: i32) -> Result<Option<Part>> {
    if matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY) {
        let clock =
            matches!(field, Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour);
        return Ok(if clock { None } else { of_infinity(field, days > 0) });
    }
    Ok(match field {
        Field::Epoch => Some(Part::Whole(i64::from(days) * (DAY / SECOND))),
        field => of_days(field, i64::from(days)),
    })
}

fn of_time(field: Field, time: i64) -> Option<Part> {
    match field {
        Field::Epoch => Some(Part::Scaled(i128::from(time), 6)),
        field => of_clock(field, time),
    }
}

fn of_interval(field: Field, value: Interval) -> Option<Part> {
    let (years, months) = (i64::from(value.months / 12), i64::from(value.months % 12));
    Some(match field {
        Field::Day => Part::Whole(i64::from(value.days)),
        Field::Month => Part::Whole(months),
        Field::Quarter => Part::Whole(months / 3 + 1),
        Field::Year => Part::Whole(years),
        Field::Decade => Part::Whole(years / 10),
        Field::Century => Part::Whole(years / 100),
        Field::Millennium => Part::Whole(years / 1000),
        Field::Epoch => {
            // A year counts 365.25 days, a month of the rest 30.
            let quarter_days = i128::from(years) * 1461 + (i128::from(months) * 30 + i128::from(value.days)) * 4;
            Part::Scaled(quarter_days * i128::from(DAY / 4) + i128::from(value.microseconds), 6)
        }
        field => return of_clock(field, value.microseconds),
    })
}
