//! Intervals from text: `1 year 2 mons 3 days 04:05:06`, and SQL's `1-2`. ISO 8601 durations are in `duration.rs`.

use storage::Interval;

use super::amount::{Amount, Fault, Unit};
use super::clock::fraction_of;
use super::token::{Field, Kind, fields};
use super::{DAY, HOUR, MINUTE, SECOND, duration};
use crate::error::{Error, Result, SqlState};

/// `IntervalStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

impl IntervalStyle {
    pub(crate) fn setting(value: &str) -> Option<Self> {
        Some(match value.to_ascii_lowercase().as_str() {
            "postgres" => IntervalStyle::Postgres,
            "postgres_verbose" => IntervalStyle::PostgresVerbose,
            "sql_standard" => IntervalStyle::SqlStandard,
            "iso_8601" => IntervalStyle::Iso8601,
            _ => return None,
        })
    }
}

/// An interval's length when a month counts 30 days: what intervals are compared by.
pub(crate) fn microseconds_of_interval(value: Interval) -> i128 {
    (i128::from(value.months) * 30 + i128::from(value.days)) * i128::from(DAY) + i128::from(value.microseconds)
}

/// What a word counts. PostgreSQL looks at the first ten letters only.
fn unit(word: &str) -> Option<Unit> {
    let word = word.get(..10).unwrap_or(word);
    Some(match word {
        "millennium" | "millennia" | "mil" | "mils" => Unit::Millennium,
        "century" | "centuries" | "cent" | "c" => Unit::Century,
        "decade" | "decades" | "dec" | "decs" => Unit::Decade,
        "year" | "years" | "yr" | "yrs" | "y" => Unit::Year,
        "month" | "months" | "mon" | "mons" => Unit::Month,
        "week" | "weeks" | "w" => Unit::Week,
        "day" | "days" | "d" => Unit::Day,
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Hour,
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Minute,
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Second,
        "millisecon" | "msec" | "msecs" | "msecond" | "mseconds" | "ms" => Unit::Millisecond,
        "microsecon" | "usec" | "usecs" | "usecond" | "useconds" | "us" => Unit::Microsecond,
        _ => return None,
    })
}

/// Bits of an interval's fields, as PostgreSQL numbers them.
const MONTH: i32 = 1 << 1;
const YEAR: i32 = 1 << 2;
const DAYS: i32 = 1 << 3;
const HOURS: i32 = 1 << 10;
const MINUTES: i32 = 1 << 11;
const SECONDS: i32 = 1 << 12;

/// Reads an interval. `modifier` tells what a number without a unit counts (`interval '5' hour`); in the style of the
/// SQL standard one sign at the start is for all that follows.
pub(crate) fn parse_interval(text: &str, modifier: i32, style: IntervalStyle) -> Result<Interval> {
    let range = if modifier < 0 { 0 } else { (modifier >> 16) & 0x7fff };
    let read = match words(text, range, style) {
        Err(Fault::BadFormat) => duration::read(text),
        read => read,
    };
    let amount = read.map_err(|fault| match fault {
        Fault::BadFormat => {
            Error::new(SqlState::INVALID_DATETIME_FORMAT, format!("invalid input syntax for type interval: \"{text}\""))
        }
        Fault::Overflow => Error::new(SqlState("22015"), format!("interval field value out of range: \"{text}\"")),
    })?;
    amount.interval().ok_or_else(super::interval_out_of_range)
}

/// The least unit that an interval's fields name; seconds without any.
fn default_unit(range: i32) -> Unit {
    match range {
        YEAR => Unit::Year,
        _ if range & SECONDS != 0 => Unit::Second,
        _ if range & MINUTES != 0 => Unit::Minute,
        _ if range & HOURS != 0 => Unit::Hour,
        _ if range & DAYS != 0 => Unit::Day,
        _ if range & MONTH != 0 => Unit::Month,
        _ => Unit::Second,
    }
}

/// Reads numbers and units. From the right, so that a number knows its unit when it is met.
fn words(text: &str, range: i32, style: IntervalStyle) -> std::result::Result<Amount, Fault> {
    let fields = fields(text, &|name| unit(name).is_some()).ok_or(Fault::BadFormat)?;
    let mut amount = Amount::default();
    let mut ago = false;
    // The unit of the number to the left; after a time or hours that is days.
    let mut unit_of_number: Option<Unit> = None;
    let mut used = 0;
    let signed = |field: &Field| field.text.starts_with(['-', '+']);
    // One sign before all is for all.
    let negative = style == IntervalStyle::SqlStandard
        && fields.first().is_some_and(|first| first.text.starts_with('-'))
        && !fields[1..].iter().any(signed);
    for field in fields.iter().rev() {
        let told = match field.kind {
            Kind::Word => {
                match field.text.as_str() {
                    "ago" => ago = true,
                    "at" | "on" => {}
                    word => unit_of_number = Some(unit(word).ok_or(Fault::BadFormat)?),
                }
                continue;
            }
            Kind::SignedWord => return Err(Fault::BadFormat),
            Kind::Time => {
                let time = clock(&field.text, range)?;
                amount.add_microseconds(if negative { -time } else { time })?;
                unit_of_number = Some(Unit::Day);
                CLOCK
            }
            Kind::Zone if field.text.contains(':') => {
                let time = clock(&field.text[1..], range)?;
                amount.add_microseconds(if field.text.starts_with('-') { -time } else { time })?;
                unit_of_number = Some(Unit::Day);
                CLOCK
            }
            Kind::Number | Kind::Zone | Kind::Date => {
                let unit = unit_of_number.unwrap_or_else(|| default_unit(range));
                let (told, next) = number(field, negative, unit, &mut amount)?;
                unit_of_number = Some(next);
                told
            }
        };
        if used & told != 0 {
            return Err(Fault::BadFormat);
        }
        used |= told;
    }
    if used == 0 {
        return Err(Fault::BadFormat);
    }
    if ago {
        amount.negate()?;
    }
    Ok(amount)
}

/// No unit may be told twice: a bit for each.
const CLOCK: u32 =
    Unit::Hour.bit() | Unit::Minute.bit() | Unit::Second.bit() | Unit::Millisecond.bit() | Unit::Microsecond.bit();

/// Adds a number of a unit, or years and months; answers which units that tells, and that of a number to the left.
fn number(field: &Field, negative: bool, unit: Unit, amount: &mut Amount) -> std::result::Result<(u32, Unit), Fault> {
    let text = &field.text;
    let negative = negative || text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole_end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(whole_end);
    // With its sign, since the least number has no positive counterpart.
    let sign = if negative { "-" } else { "" };
    let value: i64 =
        if whole.is_empty() { 0 } else { format!("{sign}{whole}").parse().map_err(|_| Fault::Overflow)? };
    if let Some(months) = rest.strip_prefix('-') {
        if months.is_empty() || !months.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::BadFormat);
        }
        let months: i64 = months.parse().ok().filter(|months| *months < 12).ok_or(Fault::Overflow)?;
        let months = if negative { -months } else { months };
        let total = value.checked_mul(12).and_then(|value| value.checked_add(months)).ok_or(Fault::Overflow)?;
        amount.add(total, 0.0, Unit::Month)?;
        return Ok((Unit::Month.bit(), Unit::Month));
    }
    let fraction = match rest.strip_prefix('.') {
        Some(fraction) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            if fraction.is_empty() {
                0.0
            } else {
                format!("0.{fraction}").parse().map_err(|_| Fault::BadFormat)?
            }
        }
        None if rest.is_empty() => 0.0,
        _ => return Err(Fault::BadFormat),
    };
    amount.add(value, if negative { -fraction } else { fraction }, unit)?;
    let told = match unit {
        Unit::Second if fraction != 0.0 => Unit::Second.bit() | Unit::Millisecond.bit() | Unit::Microsecond.bit(),
        unit => unit.bit(),
    };
    Ok((told, if unit == Unit::Hour { Unit::Day } else { unit }))
}

/// `HH:MM[:SS[.fff]]` with any number of hours; `MM:SS.fff`, and `MM:SS` where the fields say so.
fn clock(text: &str, range: i32) -> std::result::Result<i64, Fault> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction_of(fraction).map_err(|_| Fault::BadFormat)?)),
        None => (text, None),
    };
    let parts = whole
        .split(':')
        .map(|part| part.parse::<i64>().map_err(|_| Fault::BadFormat))
        .collect::<std::result::Result<Vec<i64>, Fault>>()?;
    let (hours, minutes, seconds) = match (parts.as_slice(), fraction) {
        ([minutes, seconds], Some(_)) => (0, *minutes, *seconds),
        ([minutes, seconds], None) if range == MINUTES | SECONDS => (0, *minutes, *seconds),
        ([hours, minutes], None) => (*hours, *minutes, 0),
        ([hours, minutes, seconds], _) => (*hours, *minutes, *seconds),
        _ => return Err(Fault::BadFormat),
    };
    if minutes > 59 || seconds > 60 {
        return Err(Fault::Overflow);
    }
    hours
        .checked_mul(HOUR)
        .and_then(|time| time.checked_add(minutes * MINUTE + seconds * SECOND + fraction.unwrap_or(0)))
        .ok_or(Fault::Overflow)
}
