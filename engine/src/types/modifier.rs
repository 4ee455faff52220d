//! Type modifiers: the n of varchar(n), the p and s of numeric(p, s), what they print as and do to a value.

use storage::{Interval, Value};

use super::bits::Bits;
use super::datetime::{self, HOUR, MINUTE, SECOND, ZonedTime};
use super::{Type, builtin, oid};
use crate::error::{Error, Result, SqlState};
use crate::types::text::numeric_error;

/// PostgreSQL's VARHDRSZ, which its modifiers of lengths and precisions include.
pub(crate) const HEADER: i32 = 4;
/// Longest char(n) and varchar(n).
pub(crate) const LENGTH_MAX: i32 = 10_485_760;
/// An interval's modifier for "all fields" and for "all digits".
const ALL_FIELDS: i32 = 0x7fff;
const ALL_DIGITS: i32 = 0xffff;

/// Bits of an interval's fields (PostgreSQL's `INTERVAL_MASK`).
const MONTH: i32 = 1 << 1;
const YEAR: i32 = 1 << 2;
const DAYS: i32 = 1 << 3;
const HOURS: i32 = 1 << 10;
const MINUTES: i32 = 1 << 11;
const SECONDS: i32 = 1 << 12;

/// Field combinations that SQL has, and their names.
pub(crate) const INTERVAL_FIELDS: &[(i32, &str)] = &[
    (YEAR, "year"),
    (MONTH, "month"),
    (DAYS, "day"),
    (HOURS, "hour"),
    (MINUTES, "minute"),
    (SECONDS, "second"),
    (YEAR | MONTH, "year to month"),
    (DAYS | HOURS, "day to hour"),
    (DAYS | HOURS | MINUTES, "day to minute"),
    (DAYS | HOURS | MINUTES | SECONDS, "day to second"),
    (HOURS | MINUTES, "hour to minute"),
    (HOURS | MINUTES | SECONDS, "hour to second"),
    (MINUTES | SECONDS, "minute to second"),
];

/// The modifier of an interval with these fields (none: all) and digits of seconds.
pub(crate) fn interval_modifier(fields: Option<i32>, digits: Option<i32>) -> i32 {
    match (fields, digits) {
        (None, None) => -1,
        _ => (fields.unwrap_or(ALL_FIELDS) & ALL_FIELDS) << 16 | (digits.unwrap_or(ALL_DIGITS) & ALL_DIGITS),
    }
}

/// The modifier of a numeric of so many digits in all, and so many behind the point.
pub(crate) fn numeric_modifier(precision: i32, scale: i32) -> i32 {
    ((precision << 16) | (scale & 0x7ff)) + HEADER
}

/// Precision and scale of a numeric's modifier.
pub(crate) fn numeric_precision(modifier: i32) -> Option<(i32, i32)> {
    if modifier < HEADER {
        return None;
    }
    let packed = modifier - HEADER;
    // The scale is signed, in eleven bits.
    Some(((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 0x400) - 0x400))
}

/// The type's name as SQL spells it, with its modifier: PostgreSQL's `format_type`.
pub fn display(ty: Type) -> String {
    let Some(info) = builtin::info(ty.oid) else { return "???".to_owned() };
    if info.is_array() {
        return format!("{}[]", display(Type::with_modifier(info.element, ty.modifier)));
    }
    if ty.modifier < 0 {
        return info.sql_name.to_owned();
    }
    match ty.oid {
        oid::BPCHAR | oid::VARCHAR => format!("{}({})", info.sql_name, ty.modifier - HEADER),
        oid::BIT | oid::VARBIT => format!("{}({})", info.sql_name, ty.modifier),
        oid::NUMERIC => match numeric_precision(ty.modifier) {
            Some((precision, scale)) => format!("numeric({precision},{scale})"),
            None => info.sql_name.to_owned(),
        },
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            let (name, rest) = info.sql_name.split_once(' ').unwrap_or((info.sql_name, ""));
            format!("{name}({}) {rest}", ty.modifier)
        }
        oid::INTERVAL => {
            let fields = (ty.modifier >> 16) & ALL_FIELDS;
            let digits = ty.modifier & ALL_DIGITS;
            let mut name = "interval".to_owned();
            if let Some((_, words)) = INTERVAL_FIELDS.iter().find(|(mask, _)| *mask == fields) {
                name.push(' ');
                name.push_str(words);
            }
            if digits != ALL_DIGITS {
                name.push_str(&format!("({digits})"));
            }
            name
        }
        _ => info.sql_name.to_owned(),
    }
}

/// Fits a value to its type's modifier: pads, cuts or rounds it. 22001 or 22003 if it does not fit; an explicit
/// cast cuts text instead.
pub fn apply_modifier(value: Value, ty: Type, explicit: bool) -> Result<Value> {
    if ty.modifier < 0 {
        return Ok(value);
    }
    Ok(match (ty.oid, value) {
        (_, Value::Null) => Value::Null,
        (oid::VARCHAR, Value::Text(text)) => Value::Text(cut(text, ty, explicit)?),
        (oid::BPCHAR, Value::Text(text)) => Value::Text(pad(cut(text, ty, explicit)?, ty.modifier - HEADER)?),
        (oid::NUMERIC, Value::Numeric(number)) => match numeric_precision(ty.modifier) {
            Some((precision, scale)) => Value::Numeric(Box::new(number.fit(precision, scale).map_err(numeric_error)?)),
            None => Value::Numeric(number),
        },
        (oid::TIMESTAMP, Value::Timestamp(time)) => Value::Timestamp(round_timestamp(time, ty.modifier)?),
        (oid::TIMESTAMPTZ, Value::Timestamptz(time)) => Value::Timestamptz(round_timestamp(time, ty.modifier)?),
        (oid::TIME, Value::Time(time)) => Value::Time(round_to(time, ty.modifier).unwrap_or(time)),
        (oid::TIMETZ, Value::Int8(packed)) => {
            let value = ZonedTime::of(packed);
            let time = round_to(value.time, ty.modifier).unwrap_or(value.time);
            Value::Int8(ZonedTime::new(time, value.offset).packed())
        }
        (oid::BIT | oid::VARBIT, Value::Bytea(bytes)) => match Bits::decode(&bytes) {
            Some(bits) => Value::Bytea(bits.fit(ty, explicit)?.encode().into()),
            None => Value::Bytea(bytes),
        },
        (oid::INTERVAL, Value::Interval(interval)) => Value::Interval(fit_interval(interval, ty.modifier)?),
        (array, Value::Array(values)) => {
            let element = Type::with_modifier(builtin::element_of(array).unwrap_or(0), ty.modifier);
            let fit = |value: &Value| apply_modifier(value.clone(), element, explicit);
            let fitted = values.values.iter().map(fit).collect::<Result<_>>()?;
            Value::Array(Box::new(values.alike(values.element.clone(), fitted)))
        }
        (_, value) => value,
    })
}

/// Text of at most n characters. What is too long must be spaces, unless the cast is explicit.
fn cut(text: Box<str>, ty: Type, explicit: bool) -> Result<Box<str>> {
    let length = usize::try_from(ty.modifier - HEADER).unwrap_or(0);
    // A character is at least one byte.
    if text.len() <= length {
        return Ok(text);
    }
    let Some((end, _)) = text.char_indices().nth(length) else { return Ok(text) };
    if explicit || text[end..].bytes().all(|byte| byte == b' ') {
        return Ok(text[..end].into());
    }
    Err(Error::new(SqlState::STRING_DATA_RIGHT_TRUNCATION, format!("value too long for type {}", display(ty))))
}

/// Padding is copied from here.
const SPACES: &str = "                                                                ";

fn pad(text: Box<str>, length: i32) -> Result<Box<str>> {
    let missing = usize::try_from(length).unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        return Ok(text);
    }
    // The modifier of a column is in range; one that is passed to the function `bpchar` may be any number.
    if length > LENGTH_MAX {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("length for type char cannot exceed {LENGTH_MAX}"),
        ));
    }
    let mut padded = String::with_capacity(text.len() + missing);
    padded.push_str(&text);
    let mut rest = missing;
    while rest > 0 {
        let some = rest.min(SPACES.len());
        padded.push_str(&SPACES[..some]);
        rest -= some;
    }
    Ok(padded.into_boxed_str())
}

/// Rounds microseconds to some digits of seconds, halves away from zero.
fn round_to(time: i64, digits: i32) -> Option<i64> {
    let unit = match digits {
        0..=5 => 10_i64.pow(6 - digits.unsigned_abs()),
        _ => return Some(time),
    };
    let rounded =
        (time.unsigned_abs().checked_add(unit.unsigned_abs() / 2)?) / unit.unsigned_abs() * unit.unsigned_abs();
    let rounded = i64::try_from(rounded).ok()?;
    Some(if time < 0 { -rounded } else { rounded })
}

fn round_timestamp(time: i64, digits: i32) -> Result<i64> {
    // PostgreSQL's halves are away from the year 2000.
    const Y2000: i64 = 946_684_800 * SECOND;
    if !datetime::is_timestamp(time) {
        return Ok(time);
    }
    time.checked_sub(Y2000)
        .and_then(|since| round_to(since, digits))
        .and_then(|since| since.checked_add(Y2000))
        .filter(|time| datetime::is_timestamp(*time))
        .ok_or_else(datetime::timestamp_out_of_range)
}

/// Drops the fields below the least one named, and rounds the seconds.
fn fit_interval(value: Interval, modifier: i32) -> Result<Interval> {
    let fields = (modifier >> 16) & ALL_FIELDS;
    let mut fitted = value;
    match fields {
        YEAR => {
            fitted = Interval { months: value.months / 12 * 12, days: 0, microseconds: 0 };
        }
        MONTH => fitted = Interval { months: value.months, days: 0, microseconds: 0 },
        _ if fields == YEAR | MONTH => fitted = Interval { months: value.months, days: 0, microseconds: 0 },
        DAYS => fitted.microseconds = 0,
        HOURS => fitted.microseconds -= value.microseconds % HOUR,
        MINUTES => fitted.microseconds -= value.microseconds % MINUTE,
        _ if fields == DAYS | HOURS => fitted.microseconds -= value.microseconds % HOUR,
        _ if fields == DAYS | HOURS | MINUTES || fields == HOURS | MINUTES => {
            fitted.microseconds -= value.microseconds % MINUTE;
        }
        _ => {}
    }
    let digits = modifier & ALL_DIGITS;
    if digits != ALL_DIGITS {
        fitted.microseconds = round_to(fitted.microseconds, digits).ok_or_else(datetime::interval_out_of_range)?;
    }
    Ok(fitted)
}
