//! Dates and times from text: the types' input functions.

use super::clock::offset;
use super::decode::{Fault, Parts, decode};
use super::zoned_time::{OFFSET_END, ZonedTime};
use super::{
    Civil, DATE_INFINITY, DATE_MAX, DATE_MIN, DATE_NEGATIVE_INFINITY, DAY, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, TimeZone, civil_of_days,
};
use crate::error::{Error, Result, SqlState};
use crate::types::text::Format;

/// A `date`, in days since 1970. A time in the text is checked and dropped.
pub(crate) fn parse_date(text: &str, format: &Format, now: i64) -> Result<i32> {
    let parts = decode(text, format, now).map_err(|fault| fault.error(text, "date"))?;
    if let Some(positive) = parts.infinity {
        return Ok(if positive { DATE_INFINITY } else { DATE_NEGATIVE_INFINITY });
    }
    let days = match parts.moment {
        Some(0) => 0,
        Some(moment) => format.time_zone.local(moment).div_euclid(DAY),
        None => parts.date().ok_or_else(|| Fault::BadFormat.error(text, "date"))?,
    };
    i32::try_from(days)
        .ok()
        .filter(|_| (DATE_MIN..=DATE_MAX).contains(&days))
        .ok_or_else(|| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date out of range: \"{text}\"")))
}

/// What a text says that has to be a time.
fn time_parts(text: &str, format: &Format, now: i64, name: &str) -> Result<Parts> {
    Ok(match decode(text, format, now) {
        // 040506 is a date anywhere else.
        Err(_) | Ok(Parts { time: None, moment: None, .. }) => {
            let mut parts = Parts::default();
            let (digits, meridiem) = match text.trim().to_ascii_lowercase() {
                text if text.ends_with("am") || text.ends_with("pm") => {
                    (text[..text.len() - 2].trim().to_owned(), Some(text.ends_with("pm")))
                }
                text => (text, None),
            };
            // A zone may follow the digits.
            let (digits, zone) = match digits.rfind(['+', '-']).map(|at| (digits[..at].trim(), offset(&digits[at..]))) {
                Some((digits, Ok(seconds))) => (digits.to_owned(), Some(TimeZone::Fixed(seconds))),
                _ => (digits, None),
            };
            parts.zone = zone;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            if meridiem.is_some() || !plain || parts.run_together(&digits, true).is_err() {
                decode(text, format, now).map_err(|fault| fault.error(text, name))?
            } else {
                parts
            }
        }
        Ok(parts) => parts,
    })
}

/// A `time with time zone`. Without a zone in the text it is in the session's, as of the text's date or of today.
pub(crate) fn parse_timetz(text: &str, format: &Format, now: i64) -> Result<ZonedTime> {
    const NAME: &str = "time with time zone";
    let parts = time_parts(text, format, now, NAME)?;
    if let Some(moment) = parts.moment.filter(|moment| *moment != 0) {
        let offset = format.time_zone.offset_at(moment);
        return Ok(ZonedTime::new(format.time_zone.local(moment).rem_euclid(DAY), offset));
    }
    let time = parts.time.ok_or_else(|| Fault::BadFormat.error(text, NAME))?;
    let offset = match (&parts.zone, parts.date()) {
        (Some(TimeZone::Fixed(offset)), _) => *offset,
        (Some(zone), _) if *zone == TimeZone::utc() => 0,
        // A zone whose clocks change says nothing without a day.
        (Some(zone @ TimeZone::Called(..)), None) => {
            let today = format.time_zone.local(now).div_euclid(DAY) * DAY;
            zone.offset_of_local(today + time)
        }
        (Some(TimeZone::Named(_) | TimeZone::Posix(_)), None) => return Err(Fault::BadFormat.error(text, NAME)),
        (Some(zone), Some(day)) => zone.offset_of_local(day.saturating_mul(DAY).saturating_add(time)),
        (None, Some(day)) => format.time_zone.offset_of_local(day.saturating_mul(DAY).saturating_add(time)),
        (None, None) => {
            let today = format.time_zone.local(now).div_euclid(DAY) * DAY;
            format.time_zone.offset_of_local(today + time)
        }
    };
    if offset.abs() >= OFFSET_END {
        return Err(Fault::ZoneOverflow.error(text, NAME));
    }
    Ok(ZonedTime::new(time, offset))
}

/// A `time`, in microseconds since midnight. A date in the text is checked and dropped.
pub(crate) fn parse_time(text: &str, format: &Format, now: i64) -> Result<i64> {
    const NAME: &str = "time";
    let parts = time_parts(text, format, now, NAME)?;
    if let Some(moment) = parts.moment.filter(|moment| *moment != 0) {
        return Ok(format.time_zone.local(moment).rem_euclid(DAY));
    }
    parts.time.ok_or_else(|| Fault::BadFormat.error(text, NAME))
}

/// The local time that the parts say, and whether they say more than that.
fn local_time(parts: &Parts, text: &str, type_name: &str) -> Result<i64> {
    let days = parts.date().ok_or_else(|| Fault::BadFormat.error(text, type_name))?;
    let (year, month, day) = civil_of_days(days);
    let civil = Civil { year, month, day, time: parts.time.unwrap_or(0) };
    civil.timestamp().ok_or_else(|| out_of_range(text))
}

fn out_of_range(text: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("timestamp out of range: \"{text}\""))
}

/// A `timestamp`. A zone in the text is checked and ignored.
pub(crate) fn parse_timestamp(text: &str, format: &Format, now: i64) -> Result<i64> {
    const NAME: &str = "timestamp";
    let parts = decode(text, format, now).map_err(|fault| fault.error(text, NAME))?;
    match (parts.infinity, parts.moment) {
        (Some(true), _) => Ok(TIMESTAMP_INFINITY),
        (Some(false), _) => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        (None, Some(0)) => Ok(0),
        (None, Some(moment)) => Ok(format.time_zone.local(moment)),
        (None, None) => local_time(&parts, text, NAME),
    }
}

/// A `timestamptz`. Without a zone in the text it is a local time of the session's.
pub(crate) fn parse_timestamptz(text: &str, format: &Format, now: i64) -> Result<i64> {
    const NAME: &str = "timestamp with time zone";
    let parts = decode(text, format, now).map_err(|fault| fault.error(text, NAME))?;
    match (parts.infinity, parts.moment) {
        (Some(true), _) => Ok(TIMESTAMP_INFINITY),
        (Some(false), _) => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        (None, Some(moment)) => Ok(moment),
        (None, None) => {
            let local = local_time(&parts, text, NAME)?;
            let zone = parts.zone.as_ref().unwrap_or(&format.time_zone);
            zone.moment(local).ok_or_else(|| out_of_range(text))
        }
    }
}
