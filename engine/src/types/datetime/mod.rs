//! Dates and times: the calendar, time zones, and their text forms.
//!
//! Everything counts from 1970-01-01, as rows do; years are astronomical (0 is 1 BC). PostgreSQL's ranges apply where
//! an `i64` of microseconds from 1970 reaches them: timestamps end in the year 294246.

mod amount;
mod clock;
mod decode;
mod duration;
mod input;
mod interval;
mod iso;
mod output;
mod posix;
mod style;
mod token;
mod zone;
mod zoned_time;

pub(crate) use input::{parse_date, parse_time, parse_timestamp, parse_timestamptz, parse_timetz};
pub use interval::IntervalStyle;
pub(crate) use interval::{microseconds_of_interval, parse_interval};
pub(crate) use output::{
    write_date, write_interval, write_time, write_timestamp, write_timestamp_xsd, write_timestamptz, write_timetz,
};
pub use style::{DateOrder, DateOutput, DateStyle};
pub use zone::TimeZone;
pub(crate) use zone::{abbreviations, is_summer_time};
pub(crate) use zoned_time::{OFFSET_END, ZonedTime};

use crate::error::{Error, SqlState};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// `infinity` and `-infinity` of dates and of timestamps.
pub(crate) const DATE_INFINITY: i32 = i32::MAX;
pub(crate) const DATE_NEGATIVE_INFINITY: i32 = i32::MIN;
pub(crate) const TIMESTAMP_INFINITY: i64 = i64::MAX;
pub(crate) const TIMESTAMP_NEGATIVE_INFINITY: i64 = i64::MIN;

/// 4713-01-01 BC (Julian calendar: 4714-11-24 BC Gregorian), before which PostgreSQL has no dates.
pub(crate) const DATE_MIN: i64 = -2_440_588;
/// 5874897-12-31.
pub(crate) const DATE_MAX: i64 = 2_145_042_905;
pub(crate) const TIMESTAMP_MIN: i64 = DATE_MIN * DAY;
pub(crate) const TIMESTAMP_MAX: i64 = i64::MAX - 1;

/// A day of the calendar and a time within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    /// Microseconds since midnight.
    pub(crate) time: i64,
}

impl Civil {
    /// The calendar's view of microseconds since 1970.
    pub(crate) fn of(timestamp: i64) -> Self {
        let (year, month, day) = civil_of_days(timestamp.div_euclid(DAY));
        Self { year, month, day, time: timestamp.rem_euclid(DAY) }
    }

    /// Microseconds since 1970; `None` beyond what a timestamp can be.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        let days = days_of_civil(self.year, self.month, self.day);
        days.checked_mul(DAY)?.checked_add(self.time).filter(|value| is_timestamp(*value))
    }
}

/// Year, month and day of a day since 1970 (Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn civil_of_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970 of a date; years within some millions.
pub(crate) fn days_of_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 0 is Sunday.
pub(crate) fn day_of_week(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// 1 is the first of January.
pub(crate) fn day_of_year(days: i64) -> i64 {
    let (year, _, _) = civil_of_days(days);
    days - days_of_civil(year, 1, 1) + 1
}

/// ISO 8601 year and week of a day.
pub(crate) fn iso_week(days: i64) -> (i64, i64) {
    // A week belongs to the year that its Thursday is in.
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let (year, _, _) = civil_of_days(thursday);
    (year, (thursday - days_of_civil(year, 1, 1)) / 7 + 1)
}

/// Whether a timestamp is finite and within PostgreSQL's range.
pub(crate) fn is_timestamp(value: i64) -> bool {
    (TIMESTAMP_MIN..=TIMESTAMP_MAX).contains(&value)
}

pub(crate) fn timestamp_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

pub(crate) fn date_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range")
}

pub(crate) fn interval_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")
}

/// Microseconds since 1970 UTC now.
pub(crate) fn now() -> i64 {
    match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(TIMESTAMP_MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(TIMESTAMP_MIN, |micros| -micros),
    }
}
