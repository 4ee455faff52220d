//! Numbers of date and time text: hours, minutes, seconds and their fractions, and distances from UTC.

use super::decode::{Decoded, Fault};
use super::{DAY, HOUR, MINUTE, SECOND};

pub(super) fn integer(digits: &str) -> Decoded<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::BadFormat);
    }
    let value: i64 = digits.parse().map_err(|_| Fault::Overflow)?;
    if value > i64::from(i32::MAX) { Err(Fault::Overflow) } else { Ok(value) }
}

/// Digits after the point of seconds, as microseconds, rounded.
pub(super) fn fraction_of(digits: &str) -> Decoded<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::BadFormat);
    }
    if digits.is_empty() {
        return Ok(0);
    }
    let value: f64 = format!("0.{digits}").parse().map_err(|_| Fault::BadFormat)?;
    Ok((value * SECOND as f64).round_ties_even() as i64)
}

/// 24:00:00 is a time, and so is second 60, which is the next minute.
pub(super) fn time_of(hour: i64, minute: i64, second: i64, microseconds: i64) -> Decoded<i64> {
    if hour > 24 || minute > 59 || second > 60 {
        return Err(Fault::Overflow);
    }
    let time = hour * HOUR + minute * MINUTE + second * SECOND + microseconds;
    if time > DAY { Err(Fault::Overflow) } else { Ok(time) }
}

/// `HH:MM`, `HH:MM:SS` or `MM:SS.fff`.
pub(super) fn clock(text: &str) -> Decoded<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction_of(fraction)?)),
        None => (text, None),
    };
    let mut parts = whole.split(':');
    let mut next = || parts.next().map(integer).transpose();
    let (first, second, third) = (next()?, next()?, next()?);
    if next()?.is_some() {
        return Err(Fault::BadFormat);
    }
    match (first, second, third) {
        (Some(hour), Some(minute), Some(second)) => time_of(hour, minute, second, fraction.unwrap_or(0)),
        (Some(hour), Some(minute), None) => match fraction {
            None => time_of(hour, minute, 0, 0),
            Some(fraction) => time_of(0, hour, minute, fraction),
        },
        _ => Err(Fault::BadFormat),
    }
}

/// `+HH`, `+HHMM`, `+HH:MM`, `+HH:MM:SS` in seconds.
pub(super) fn offset(text: &str) -> Decoded<i32> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => return Err(Fault::BadFormat),
    };
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or("");
    let mut hour = integer(first)?;
    // `+10:` is `+10:00`.
    let rest = |part: Option<&str>| part.filter(|part| !part.is_empty()).map_or(Ok(0), integer);
    let mut minute = rest(parts.next())?;
    let second = rest(parts.next())?;
    if parts.next().is_some() {
        return Err(Fault::BadFormat);
    }
    if !digits.contains(':') && first.len() > 2 {
        minute = hour % 100;
        hour /= 100;
    }
    if hour > 15 || minute > 59 || second > 59 {
        return Err(Fault::ZoneOverflow);
    }
    Ok(sign * (hour * 3600 + minute * 60 + second) as i32)
}
