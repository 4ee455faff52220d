//! Dates, times and intervals as text.

use storage::Interval;

use super::interval::IntervalStyle;
use super::style::{DateOrder, DateOutput, DateStyle};
use super::zoned_time::ZonedTime;
use super::{
    Civil, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, HOUR, MINUTE, SECOND, TIMESTAMP_INFINITY,
    TIMESTAMP_NEGATIVE_INFINITY, TimeZone, civil_of_days, day_of_week,
};
use crate::types::text::write_i64;

/// Appends at least two digits.
pub(super) fn two(value: i64, out: &mut Vec<u8>) {
    if (0..100).contains(&value) {
        out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
    } else {
        write_i64(value, out);
    }
}

/// At least four digits; what comes before year 1 counts from 1 again.
fn write_year(year: i64, out: &mut Vec<u8>) {
    let year = if year > 0 { year } else { 1 - year };
    if year < 1000 {
        out.push(b'0');
    }
    if year < 100 {
        out.push(b'0');
    }
    if year < 10 {
        out.push(b'0');
    }
    write_i64(year, out);
}

fn write_day(year: i64, month: i64, day: i64, style: DateStyle, out: &mut Vec<u8>) {
    let separator = match style.output {
        DateOutput::Iso => {
            write_year(year, out);
            out.push(b'-');
            two(month, out);
            out.push(b'-');
            return two(day, out);
        }
        DateOutput::Sql => b'/',
        DateOutput::Postgres => b'-',
        DateOutput::German => b'.',
    };
    let day_first = style.output == DateOutput::German || style.order == DateOrder::DayMonthYear;
    let (first, second) = if day_first { (day, month) } else { (month, day) };
    two(first, out);
    out.push(separator);
    two(second, out);
    out.push(separator);
    write_year(year, out);
}

fn write_era(year: i64, out: &mut Vec<u8>) {
    if year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

pub(super) fn fraction(microseconds: i64, out: &mut Vec<u8>) {
    if microseconds == 0 {
        return;
    }
    out.push(b'.');
    let mut rest = microseconds;
    let mut unit = SECOND / 10;
    while rest > 0 {
        out.push(b'0' + (rest / unit) as u8);
        rest %= unit;
        unit /= 10;
    }
}

/// 24:00:00 is a time.
pub(crate) fn write_time(value: i64, out: &mut Vec<u8>) {
    two(value / HOUR, out);
    out.push(b':');
    two(value / MINUTE % 60, out);
    out.push(b':');
    two(value / SECOND % 60, out);
    fraction(value % SECOND, out);
}

pub(crate) fn write_timetz(value: ZonedTime, out: &mut Vec<u8>) {
    write_time(value.time, out);
    write_offset(value.offset, out);
}

pub(crate) fn write_date(value: i32, style: DateStyle, out: &mut Vec<u8>) {
    match value {
        DATE_INFINITY => out.extend_from_slice(b"infinity"),
        DATE_NEGATIVE_INFINITY => out.extend_from_slice(b"-infinity"),
        days => {
            let (year, month, day) = civil_of_days(i64::from(days));
            write_day(year, month, day, style, out);
            write_era(year, out);
        }
    }
}

/// Whether it was an infinity.
fn write_infinity(value: i64, out: &mut Vec<u8>) -> bool {
    match value {
        TIMESTAMP_INFINITY => out.extend_from_slice(b"infinity"),
        TIMESTAMP_NEGATIVE_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => return false,
    }
    true
}

pub(crate) fn write_timestamp(value: i64, style: DateStyle, out: &mut Vec<u8>) {
    if write_infinity(value, out) {
        return;
    }
    let civil = Civil::of(value);
    write_civil(value, &civil, style, out);
    write_era(civil.year, out);
}

pub(crate) fn write_timestamptz(value: i64, style: DateStyle, zone: &TimeZone, out: &mut Vec<u8>) {
    if write_infinity(value, out) {
        return;
    }
    let offset = zone.offset_at(value);
    let local = value.saturating_add(i64::from(offset) * SECOND);
    let civil = Civil::of(local);
    write_civil(local, &civil, style, out);
    if style.output == DateOutput::Iso {
        write_offset(offset, out);
    } else {
        out.push(b' ');
        out.extend_from_slice(zone.abbreviation_at(value).as_bytes());
    }
    write_era(civil.year, out);
}

/// Day and time; `Wed Feb 07 17:32:01 1996` has the year behind the time.
fn write_civil(local: i64, civil: &Civil, style: DateStyle, out: &mut Vec<u8>) {
    if style.output != DateOutput::Postgres {
        write_day(civil.year, civil.month, civil.day, style, out);
        out.push(b' ');
        return write_time(civil.time, out);
    }
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = |names: &[&'static str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at)).copied();
    let weekday = name(&DAYS, day_of_week(local.div_euclid(DAY))).unwrap_or_default();
    let month = name(&MONTHS, civil.month - 1).unwrap_or_default();
    out.extend_from_slice(weekday.as_bytes());
    out.push(b' ');
    if style.order == DateOrder::DayMonthYear {
        two(civil.day, out);
        out.push(b' ');
        out.extend_from_slice(month.as_bytes());
    } else {
        out.extend_from_slice(month.as_bytes());
        out.push(b' ');
        two(civil.day, out);
    }
    out.push(b' ');
    write_time(civil.time, out);
    out.push(b' ');
    write_year(civil.year, out);
}

/// With a T between date and time and, if there is a zone, all of its hours and minutes: as JSON and XML have it.
pub(crate) fn write_timestamp_xsd(value: i64, zone: Option<&TimeZone>, out: &mut Vec<u8>) {
    if write_infinity(value, out) {
        return;
    }
    let offset = zone.map(|zone| zone.offset_at(value));
    let civil = Civil::of(value.saturating_add(i64::from(offset.unwrap_or(0)) * SECOND));
    write_day(civil.year, civil.month, civil.day, DateStyle::default(), out);
    out.push(b'T');
    write_time(civil.time, out);
    if let Some(offset) = offset {
        write_offset(offset, out);
        if offset % 3600 == 0 {
            out.extend_from_slice(b":00");
        }
    }
    write_era(civil.year, out);
}

/// `+02`, `+05:30`, `-00:01:15`.
pub(super) fn write_offset(seconds: i32, out: &mut Vec<u8>) {
    out.push(if seconds < 0 { b'-' } else { b'+' });
    let seconds = i64::from(seconds.unsigned_abs());
    two(seconds / 3600, out);
    if seconds % 3600 != 0 {
        out.push(b':');
        two(seconds / 60 % 60, out);
        if seconds % 60 != 0 {
            out.push(b':');
            two(seconds % 60, out);
        }
    }
}

/// An interval in the style of the IntervalStyle setting.
pub(crate) fn write_interval(value: Interval, style: IntervalStyle, out: &mut Vec<u8>) {
    let parts = Parts {
        years: i64::from(value.months / 12),
        months: i64::from(value.months % 12),
        days: i64::from(value.days),
        time: value.microseconds,
    };
    match style {
        IntervalStyle::Postgres => parts.postgres(out),
        IntervalStyle::PostgresVerbose => parts.verbose(out),
        IntervalStyle::SqlStandard => parts.sql_standard(out),
        IntervalStyle::Iso8601 => parts.iso(out),
    }
}

struct Parts {
    years: i64,
    months: i64,
    days: i64,
    time: i64,
}

impl Parts {
    fn clock(&self, out: &mut Vec<u8>) {
        let time = self.time.unsigned_abs();
        let part = |unit: i64, modulus: u64| (time / unit.unsigned_abs() % modulus) as i64;
        two(part(HOUR, u64::MAX), out);
        out.push(b':');
        two(part(MINUTE, 60), out);
        out.push(b':');
        two(part(SECOND, 60), out);
        fraction((time % SECOND.unsigned_abs()) as i64, out);
    }

    fn postgres(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut negative = false;
        for (value, unit) in [(self.years, "year"), (self.months, "mon"), (self.days, "day")] {
            if value == 0 {
                continue;
            }
            if out.len() > start {
                out.push(b' ');
            }
            if negative && value > 0 {
                out.push(b'+');
            }
            write_i64(value, out);
            out.push(b' ');
            out.extend_from_slice(unit.as_bytes());
            if value != 1 {
                out.push(b's');
            }
            negative = value < 0;
        }
        if out.len() == start || self.time != 0 {
            if out.len() > start {
                out.push(b' ');
            }
            if self.time < 0 {
                out.push(b'-');
            } else if negative {
                out.push(b'+');
            }
            self.clock(out);
        }
    }

    fn verbose(&self, out: &mut Vec<u8>) {
        let time = self.time;
        let units = [
            (self.years, "year"),
            (self.months, "mon"),
            (self.days, "day"),
            (time / HOUR, "hour"),
            (time / MINUTE % 60, "min"),
        ];
        // The first part that is not zero decides the sign of all: "ago".
        let second = (time / SECOND % 60, time % SECOND);
        let first = units.iter().map(|(value, _)| *value).chain([second.0, second.1]).find(|value| *value != 0);
        let ago = first.unwrap_or(0) < 0;
        let sign = if ago { -1 } else { 1 };
        out.push(b'@');
        let start = out.len();
        for (value, unit) in units {
            if value != 0 {
                out.push(b' ');
                write_i64(value * sign, out);
                out.push(b' ');
                out.extend_from_slice(unit.as_bytes());
                if value * sign != 1 {
                    out.push(b's');
                }
            }
        }
        if second != (0, 0) {
            out.push(b' ');
            if (second.0 < 0 || second.1 < 0) != ago {
                out.push(b'-');
            }
            write_i64(second.0.abs(), out);
            fraction(second.1.abs(), out);
            let one = second.0.abs() == 1 && second.1 == 0;
            out.extend_from_slice(if one { b" sec" } else { b" secs" });
        }
        if out.len() == start {
            out.extend_from_slice(b" 0");
        }
        if ago {
            out.extend_from_slice(b" ago");
        }
    }

    fn sql_standard(&self, out: &mut Vec<u8>) {
        let values = [self.years, self.months, self.days, self.time];
        let (negative, positive) = (values.iter().any(|v| *v < 0), values.iter().any(|v| *v > 0));
        let has_years = self.years != 0 || self.months != 0;
        let has_days = self.days != 0;
        let has_time = self.time != 0;
        let sign = |value: i64| if value < 0 { b'-' } else { b'+' };
        if !negative && !positive {
            out.push(b'0');
        } else if (negative && positive) || (has_years && (has_days || has_time)) {
            out.push(sign(self.years.min(self.months)));
            write_i64(self.years.abs(), out);
            out.push(b'-');
            write_i64(self.months.abs(), out);
            out.push(b' ');
            out.push(sign(self.days));
            write_i64(self.days.abs(), out);
            out.push(b' ');
            out.push(sign(self.time));
            self.short_clock(out);
        } else {
            if negative {
                out.push(b'-');
            }
            if has_years {
                write_i64(self.years.abs(), out);
                out.push(b'-');
                write_i64(self.months.abs(), out);
            } else {
                if has_days {
                    write_i64(self.days.abs(), out);
                    out.push(b' ');
                }
                self.short_clock(out);
            }
        }
    }

    /// The clock with as many digits of the hours as they have.
    fn short_clock(&self, out: &mut Vec<u8>) {
        let mut clock = Vec::with_capacity(20);
        self.clock(&mut clock);
        let short = match clock.as_slice() {
            [b'0', digit, b':', ..] if digit.is_ascii_digit() => &clock[1..],
            all => all,
        };
        out.extend_from_slice(short);
    }

    fn iso(&self, out: &mut Vec<u8>) {
        out.push(b'P');
        let part = |value: i64, unit: u8, out: &mut Vec<u8>| {
            if value != 0 {
                write_i64(value, out);
                out.push(unit);
            }
        };
        part(self.years, b'Y', out);
        part(self.months, b'M', out);
        part(self.days, b'D', out);
        let nothing = self.years == 0 && self.months == 0 && self.days == 0;
        if self.time != 0 || nothing {
            out.push(b'T');
        }
        part(self.time / HOUR, b'H', out);
        part(self.time / MINUTE % 60, b'M', out);
        let seconds = self.time % MINUTE;
        if seconds != 0 || (nothing && self.time == 0) {
            if seconds < 0 {
                out.push(b'-');
            }
            write_i64((seconds / SECOND).abs(), out);
            fraction((seconds % SECOND).abs(), out);
            out.push(b'S');
        }
    }
}
