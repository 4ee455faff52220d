//! Intervals from text: `1 year 2 mons 3 days 04:05:06`, ISO 8601 durations, and SQL's `1-2`.

use storage::Interval;

use super::clock::fraction_of;
use super::token::{Kind, fields};
use super::{DAY, HOUR, MINUTE, SECOND};
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Months(i64),
    Days(i64),
    Microseconds(i64),
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "millennium" | "millennia" | "mil" | "mils" => Unit::Months(12_000),
        "century" | "centuries" | "cent" | "c" => Unit::Months(1200),
        "decade" | "decades" | "dec" | "decs" => Unit::Months(120),
        "year" | "years" | "yr" | "yrs" | "y" => Unit::Months(12),
        "month" | "months" | "mon" | "mons" => Unit::Months(1),
        "week" | "weeks" | "w" => Unit::Days(7),
        "day" | "days" | "d" => Unit::Days(1),
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Microseconds(HOUR),
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Microseconds(MINUTE),
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Microseconds(SECOND),
        "millisecond" | "milliseconds" | "msec" | "msecs" | "msecond" | "mseconds" | "ms" => Unit::Microseconds(1000),
        "microsecond" | "microseconds" | "usec" | "usecs" | "usecond" | "useconds" | "us" => Unit::Microseconds(1),
        _ => return None,
    })
}

/// Sums of the parts, before they are checked.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    months: i64,
    days: i64,
    microseconds: i64,
}

impl Sum {
    /// Adds `whole` and `fraction` (below one) of a unit; parts of months go into days, parts of days into time.
    fn add(&mut self, whole: i64, fraction: f64, unit: Unit) -> Option<()> {
        match unit {
            Unit::Months(count) => {
                self.months = self.months.checked_add(whole.checked_mul(count)?)?;
                if count == 1 {
                    let days = fraction * 30.0;
                    self.days = self.days.checked_add(days.trunc() as i64)?;
                    self.microseconds = self.microseconds.checked_add(rounded(days.fract() * DAY as f64))?;
                } else {
                    // Years and more keep whole months only.
                    self.months = self.months.checked_add(rounded(fraction * count as f64))?;
                }
            }
            Unit::Days(count) => {
                self.days = self.days.checked_add(whole.checked_mul(count)?)?;
                let days = fraction * count as f64;
                self.days = self.days.checked_add(days.trunc() as i64)?;
                self.microseconds = self.microseconds.checked_add(rounded(days.fract() * DAY as f64))?;
            }
            Unit::Microseconds(count) => {
                self.microseconds = self.microseconds.checked_add(whole.checked_mul(count)?)?;
                self.microseconds = self.microseconds.checked_add(rounded(fraction * count as f64))?;
            }
        }
        Some(())
    }

    fn negate(&mut self) -> Option<()> {
        self.months = self.months.checked_neg()?;
        self.days = self.days.checked_neg()?;
        self.microseconds = self.microseconds.checked_neg()?;
        Some(())
    }

    fn interval(self) -> Option<Interval> {
        Some(Interval {
            months: i32::try_from(self.months).ok()?,
            days: i32::try_from(self.days).ok()?,
            microseconds: self.microseconds,
        })
    }
}

fn rounded(value: f64) -> i64 {
    value.round_ties_even() as i64
}

enum Fault {
    BadFormat,
    Overflow,
}

/// Reads an interval. `modifier` tells what a number without a unit counts (`interval '5' hour`).
pub(crate) fn parse_interval(text: &str, modifier: i32) -> Result<Interval> {
    let trimmed = text.trim();
    let sum = match trimmed.strip_prefix(['P', 'p']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, 'T' | 't' | '-' | '+' | '.')) => {
            iso(rest)
        }
        _ => words(trimmed, default_unit(modifier)),
    };
    sum.and_then(|sum| sum.interval().ok_or(Fault::Overflow)).map_err(|fault| match fault {
        Fault::BadFormat => {
            Error::new(SqlState::INVALID_DATETIME_FORMAT, format!("invalid input syntax for type interval: \"{text}\""))
        }
        Fault::Overflow => Error::new(SqlState("22015"), format!("interval field value out of range: \"{text}\"")),
    })
}

/// The least unit that an interval's fields name; `second` without any.
fn default_unit(modifier: i32) -> Unit {
    if modifier < 0 {
        return Unit::Microseconds(SECOND);
    }
    let fields = (modifier >> 16) & 0x7fff;
    let has = |bit: i32| fields & (1 << bit) != 0;
    // Bit numbers are PostgreSQL's: MONTH 1, YEAR 2, DAY 3, HOUR 10, MINUTE 11, SECOND 12.
    if has(12) {
        Unit::Microseconds(SECOND)
    } else if has(11) {
        Unit::Microseconds(MINUTE)
    } else if has(10) {
        Unit::Microseconds(HOUR)
    } else if has(3) {
        Unit::Days(1)
    } else if has(1) {
        Unit::Months(1)
    } else if has(2) {
        Unit::Months(12)
    } else {
        Unit::Microseconds(SECOND)
    }
}

/// Reads numbers and units. From the right, so that a number knows its unit when it is met.
fn words(text: &str, default: Unit) -> std::result::Result<Sum, Fault> {
    let fields = fields(text, &|name| unit(name).is_some()).ok_or(Fault::BadFormat)?;
    let mut sum = Sum::default();
    let mut ago = false;
    // The unit of the number to the left; after a number or time that is the next greater thing.
    let mut pending: Option<Unit> = None;
    let mut counted = false;
    let mut used = Vec::new();
    for (position, field) in fields.iter().enumerate().rev() {
        match field.kind {
            Kind::Word => {
                if field.text == "ago" && position == fields.len() - 1 {
                    ago = true;
                } else if field.text == "at" || field.text == "on" {
                } else {
                    let found = unit(&field.text).ok_or(Fault::BadFormat)?;
                    if pending.replace(found).is_some_and(|_| !counted) {
                        return Err(Fault::BadFormat);
                    }
                    counted = false;
                }
            }
            Kind::Time => {
                take_once(&mut used, &CLOCK)?;
                sum.microseconds = sum.microseconds.checked_add(clock(&field.text)?).ok_or(Fault::Overflow)?;
                pending = Some(Unit::Days(1));
                counted = true;
            }
            Kind::Zone if field.text.contains(':') => {
                take_once(&mut used, &CLOCK)?;
                let negative = field.text.starts_with('-');
                let time = clock(&field.text[1..])?;
                let time = if negative { -time } else { time };
                sum.microseconds = sum.microseconds.checked_add(time).ok_or(Fault::Overflow)?;
                pending = Some(Unit::Days(1));
                counted = true;
            }
            Kind::Number | Kind::Zone | Kind::Date => {
                // `@` was dropped with the punctuation. `1-2` is years and months.
                if let Some((years, months, negative)) = years_and_months(&field.text) {
                    take_once(&mut used, &[Unit::Months(12), Unit::Months(1)])?;
                    if months > 11 {
                        return Err(Fault::Overflow);
                    }
                    let total =
                        years.checked_mul(12).and_then(|value| value.checked_add(months)).ok_or(Fault::Overflow)?;
                    sum.months =
                        sum.months.checked_add(if negative { -total } else { total }).ok_or(Fault::Overflow)?;
                } else {
                    let (whole, fraction) = number(&field.text)?;
                    let unit = pending.unwrap_or(default);
                    take_once(&mut used, &[unit])?;
                    sum.add(whole, fraction, unit).ok_or(Fault::Overflow)?;
                }
                counted = true;
            }
            Kind::SignedWord => return Err(Fault::BadFormat),
        }
    }
    if fields.is_empty() || !counted {
        return Err(Fault::BadFormat);
    }
    if ago {
        sum.negate().ok_or(Fault::Overflow)?;
    }
    Ok(sum)
}

/// The units of `HH:MM:SS`.
const CLOCK: [Unit; 3] = [Unit::Microseconds(HOUR), Unit::Microseconds(MINUTE), Unit::Microseconds(SECOND)];

/// No unit may be told twice.
fn take_once(used: &mut Vec<Unit>, units: &[Unit]) -> std::result::Result<(), Fault> {
    if units.iter().any(|unit| used.contains(unit)) {
        return Err(Fault::BadFormat);
    }
    used.extend_from_slice(units);
    Ok(())
}

fn years_and_months(text: &str) -> Option<(i64, i64, bool)> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (years, months) = digits.split_once('-')?;
    Some((years.parse().ok()?, months.parse().ok()?, negative))
}

/// A decimal number as its whole part and what is below one, both with its sign.
fn number(text: &str) -> std::result::Result<(i64, f64), Fault> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty())
        || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return Err(Fault::BadFormat);
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Fault::Overflow)? };
    let fraction: f64 =
        if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().map_err(|_| Fault::BadFormat)? };
    Ok(if negative { (-whole, -fraction) } else { (whole, fraction) })
}

/// `HH:MM[:SS[.fff]]` with any number of hours; `MM:SS.fff`.
fn clock(text: &str) -> std::result::Result<i64, Fault> {
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

/// An ISO 8601 duration after its P: `1Y2M3DT4H5M6S`, or `1W`.
fn iso(text: &str) -> std::result::Result<Sum, Fault> {
    let mut sum = Sum::default();
    let mut rest = text;
    let date = text.split(['T', 't']).next().unwrap_or("");
    if date.bytes().filter(|byte| *byte == b'-').count() == 2 && !date.contains(|c: char| c.is_ascii_alphabetic()) {
        return iso_date(date, text.get(date.len() + 1..));
    }
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if in_time {
                return Err(Fault::BadFormat);
            }
            in_time = true;
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or(Fault::BadFormat)?;
        let (whole, fraction) = number(&rest[..end])?;
        let unit = match (rest.as_bytes()[end].to_ascii_uppercase(), in_time) {
            (b'Y', false) => Unit::Months(12),
            (b'M', false) => Unit::Months(1),
            (b'W', false) => Unit::Days(7),
            (b'D', false) => Unit::Days(1),
            (b'H', true) => Unit::Microseconds(HOUR),
            (b'M', true) => Unit::Microseconds(MINUTE),
            (b'S', true) => Unit::Microseconds(SECOND),
            _ => return Err(Fault::BadFormat),
        };
        sum.add(whole, fraction, unit).ok_or(Fault::Overflow)?;
        any = true;
        rest = &rest[end + 1..];
    }
    // `PT` says nothing and is zero all the same.
    if any || in_time { Ok(sum) } else { Err(Fault::BadFormat) }
}

/// The other form: `0001-02-03T04:05:06`.
fn iso_date(date: &str, time: Option<&str>) -> std::result::Result<Sum, Fault> {
    let mut sum = Sum::default();
    for (part, unit) in date.split('-').zip([Unit::Months(12), Unit::Months(1), Unit::Days(1)]) {
        let (whole, fraction) = number(part)?;
        sum.add(whole, fraction, unit).ok_or(Fault::Overflow)?;
    }
    if let Some(time) = time {
        sum.microseconds = clock(time)?;
    }
    Ok(sum)
}
