//! What the words of a date or time mean together: PostgreSQL's `DecodeDateTime`, field by field.

use super::clock::{clock, fraction_of, integer, offset, time_of};
use super::iso::iso;
use super::style::DateOrder;
use super::token::{Field, Kind, fields};
use super::{DAY, HOUR, TimeZone, days_in_month, days_of_civil};
use crate::error::{Error, SqlState};
use crate::types::text::Format;

/// Why text is no date or time.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    BadFormat,
    Overflow,
    /// A month or day that may be meant in another order.
    MonthDayOverflow,
    ZoneOverflow,
    UnknownZone(String),
    Unsupported(&'static str),
}

impl Fault {
    pub(super) fn error(self, text: &str, type_name: &str) -> Error {
        let overflow =
            || Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""));
        match self {
            Fault::BadFormat => Error::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type {type_name}: \"{text}\""),
            ),
            Fault::Overflow => overflow(),
            Fault::MonthDayOverflow => overflow().with_hint("Perhaps you need a different \"datestyle\" setting."),
            Fault::ZoneOverflow => {
                Error::new(SqlState("22009"), format!("time zone displacement out of range: \"{text}\""))
            }
            Fault::UnknownZone(zone) => {
                Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{zone}\" not recognized"))
            }
            Fault::Unsupported(what) => Error::unsupported(what),
        }
    }
}

pub(super) type Decoded<T> = std::result::Result<T, Fault>;

/// What the text says, in full or in part.
#[derive(Debug, Default)]
pub(super) struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// The year had one or two digits: 70 is 1970.
    short_year: bool,
    /// Microseconds since midnight.
    pub(super) time: Option<i64>,
    /// A day since 1970 that is complete by itself: a Julian day, `today`.
    days: Option<i64>,
    pub(super) zone: Option<TimeZone>,
    /// `now`: microseconds since 1970 UTC.
    pub(super) moment: Option<i64>,
    pub(super) infinity: Option<bool>,
    afternoon: Option<bool>,
    before_christ: Option<bool>,
    text_month: bool,
    order_is: Option<DateOrder>,
}

/// Words that have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Word {
    Month(i64),
    Now,
    Day(i64),
    Epoch,
    Infinity(bool),
    AllBalls,
    Afternoon(bool),
    BeforeChrist(bool),
    Weekday,
    Zulu,
    TimeFollows,
    Julian,
    Ignored,
    DaylightSaving,
}

fn word(text: &str) -> Option<Word> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    if text.len() >= 3 {
        let names = |name: &&str| **name == *text || (text.len() == 3 && name.starts_with(text));
        if let Some(position) = MONTHS.iter().position(&names) {
            return Some(Word::Month(position as i64 + 1));
        }
        if WEEKDAYS.iter().any(names) {
            return Some(Word::Weekday);
        }
    }
    Some(match text {
        "sept" => Word::Month(9),
        "tues" | "weds" | "thur" | "thurs" => Word::Weekday,
        "now" => Word::Now,
        "today" => Word::Day(0),
        "tomorrow" => Word::Day(1),
        "yesterday" => Word::Day(-1),
        "epoch" => Word::Epoch,
        "infinity" | "+infinity" => Word::Infinity(true),
        "-infinity" => Word::Infinity(false),
        "allballs" => Word::AllBalls,
        "am" => Word::Afternoon(false),
        "pm" => Word::Afternoon(true),
        "ad" => Word::BeforeChrist(false),
        "bc" => Word::BeforeChrist(true),
        "z" | "zulu" => Word::Zulu,
        "t" => Word::TimeFollows,
        "j" | "jd" | "julian" => Word::Julian,
        "at" | "on" => Word::Ignored,
        "dst" => Word::DaylightSaving,
        _ => return None,
    })
}

/// How fields are read.
struct Decoder<'a> {
    format: &'a Format,
    now: i64,
    parts: Parts,
    /// What the next number is, if the word before it says so.
    expect: Option<Word>,
}

/// Reads all of a text; `now` is a moment in microseconds since 1970 UTC.
pub(super) fn decode(text: &str, format: &Format, now: i64) -> Decoded<Parts> {
    iso(text).map_or_else(|| decode_any(text, format, now), Ok)
}

/// The same, field by field, whatever the form.
pub(super) fn decode_any(text: &str, format: &Format, now: i64) -> Decoded<Parts> {
    let fields = fields(text, &|name| word(name).is_some()).ok_or(Fault::BadFormat)?;
    if fields.is_empty() {
        return Err(Fault::BadFormat);
    }
    let parts = Parts { order_is: Some(format.date_style.order), ..Parts::default() };
    let mut decoder = Decoder { format, now, parts, expect: None };
    for field in &fields {
        decoder.field(field)?;
    }
    if decoder.expect.is_some() {
        return Err(Fault::BadFormat);
    }
    decoder.finish()
}

impl Decoder<'_> {
    fn field(&mut self, field: &Field) -> Decoded<()> {
        match field.kind {
            Kind::Date => self.date_field(&field.text),
            Kind::Time => {
                if self.expect.take().is_some_and(|expected| expected != Word::TimeFollows) {
                    return Err(Fault::BadFormat);
                }
                let time = clock(&field.text)?;
                self.set_time(time)
            }
            Kind::Zone => {
                let offset = offset(&field.text)?;
                self.set_zone(TimeZone::Fixed(offset))
            }
            Kind::Number => self.number_field(&field.text),
            Kind::Word | Kind::SignedWord => self.word_field(&field.text),
        }
    }

    fn set_time(&mut self, time: i64) -> Decoded<()> {
        if self.parts.time.replace(time).is_some() { Err(Fault::BadFormat) } else { Ok(()) }
    }

    fn set_zone(&mut self, zone: TimeZone) -> Decoded<()> {
        if self.parts.zone.replace(zone).is_some() { Err(Fault::BadFormat) } else { Ok(()) }
    }

    fn date_field(&mut self, text: &str) -> Decoded<()> {
        // With a month and a day the year may stand behind the time and the zone.
        let has_day = self.parts.month.is_some() && self.parts.day.is_some();
        if self.expect.is_some() || self.parts.has_date() || has_day {
            if text.starts_with(|c: char| c.is_ascii_digit()) {
                // A run-together time with a zone: 040506-08.
                self.expect = None;
                let (time, zone) = text.split_once('-').ok_or(Fault::BadFormat)?;
                self.parts.run_together(time, true)?;
                let offset = offset(&format!("-{zone}"))?;
                return self.set_zone(TimeZone::Fixed(offset));
            }
            return self.zone_name(text);
        }
        if self.parts.time.is_some() {
            // PostgreSQL takes the parts of a date after a time only one by one.
            return Err(Fault::BadFormat);
        }
        self.parts.date_text(text)
    }

    fn zone_name(&mut self, text: &str) -> Decoded<()> {
        let zone = TimeZone::named(text).or_else(|| TimeZone::posix(text, 3));
        self.set_zone(zone.ok_or_else(|| Fault::UnknownZone(text.to_owned()))?)
    }

    fn number_field(&mut self, text: &str) -> Decoded<()> {
        match self.expect.take() {
            Some(Word::Julian) => {
                let days: f64 = text.parse().map_err(|_| Fault::BadFormat)?;
                if !(0.0..=2_147_483_647.0).contains(&days) {
                    return Err(Fault::Overflow);
                }
                self.parts.days = Some(days as i64 - 2_440_588);
                if days.fract() != 0.0 {
                    self.parts.time = Some((days.fract() * DAY as f64) as i64);
                }
                Ok(())
            }
            Some(Word::TimeFollows) => self.parts.run_together(text, true),
            Some(_) => Err(Fault::BadFormat),
            None => self.parts.number(text),
        }
    }

    fn word_field(&mut self, text: &str) -> Decoded<()> {
        let local_day = |decoder: &Self| decoder.format.time_zone.local(decoder.now).div_euclid(DAY);
        let parts = &mut self.parts;
        match word(text) {
            // "Aug" of "14 Aug 2003": a number taken for the month before was the day.
            Some(Word::Month(month)) => {
                if let (Some(earlier), None) = (parts.month, parts.day) {
                    if parts.text_month {
                        return Err(Fault::BadFormat);
                    }
                    parts.day = Some(earlier);
                } else if parts.month.is_some() {
                    return Err(Fault::BadFormat);
                }
                parts.month = Some(month);
                parts.text_month = true;
            }
            Some(Word::Now) => parts.moment = Some(self.now),
            Some(Word::Day(shift)) => self.parts.days = Some(local_day(self) + shift),
            Some(Word::Epoch) => parts.moment = Some(0),
            Some(Word::Infinity(positive)) => parts.infinity = Some(positive),
            Some(Word::AllBalls) => {
                parts.time = Some(0);
                parts.zone = Some(TimeZone::utc());
            }
            Some(Word::Afternoon(afternoon)) => {
                if parts.afternoon.replace(afternoon).is_some() {
                    return Err(Fault::BadFormat);
                }
            }
            Some(Word::BeforeChrist(before)) => {
                if parts.before_christ.replace(before).is_some() {
                    return Err(Fault::BadFormat);
                }
            }
            Some(Word::Weekday | Word::Ignored) => {}
            Some(Word::Zulu) => return self.set_zone(TimeZone::utc()),
            Some(Word::DaylightSaving) => return Err(Fault::Unsupported("the word DST in a date or time")),
            Some(following @ (Word::TimeFollows | Word::Julian)) => {
                if following == Word::TimeFollows && !parts.has_date() {
                    return Err(Fault::BadFormat);
                }
                self.expect = Some(following);
            }
            None => {
                let zone = TimeZone::named(text).ok_or(Fault::BadFormat)?;
                return self.set_zone(zone);
            }
        }
        Ok(())
    }

    /// Checks the whole and makes years and hours what they mean.
    fn finish(mut self) -> Decoded<Parts> {
        let parts = &mut self.parts;
        if let Some(year) = &mut parts.year {
            if parts.before_christ == Some(true) {
                if *year <= 0 {
                    return Err(Fault::Overflow);
                }
                *year = 1 - *year;
            } else if parts.short_year {
                *year += if *year < 70 { 2000 } else { 1900 };
            } else if *year <= 0 {
                return Err(Fault::Overflow);
            }
        }
        if let (Some(day_of_year), Some(year)) = (parts.day_of_year, parts.year) {
            parts.days = Some(days_of_civil(year, 1, 1) + day_of_year - 1);
        }
        if parts.month.is_some_and(|month| !(1..=12).contains(&month))
            || parts.day.is_some_and(|day| !(1..=31).contains(&day))
        {
            return Err(Fault::MonthDayOverflow);
        }
        if let (Some(year), Some(month), Some(day)) = (parts.year, parts.month, parts.day)
            && day > days_in_month(year, month)
        {
            return Err(Fault::Overflow);
        }
        if let (Some(afternoon), Some(time)) = (parts.afternoon, &mut parts.time) {
            let hour = *time / HOUR;
            if hour > 12 {
                return Err(Fault::Overflow);
            }
            match (afternoon, hour) {
                (true, 0..=11) => *time += 12 * HOUR,
                (false, 12) => *time -= 12 * HOUR,
                _ => {}
            }
        }
        Ok(self.parts)
    }
}

impl Parts {
    /// A day of the calendar, and what is said of the time on it.
    pub(super) fn of_day(year: i64, month: i64, day: i64, time: Option<i64>, zone: Option<TimeZone>) -> Self {
        Self { year: Some(year), month: Some(month), day: Some(day), time, zone, ..Self::default() }
    }

    fn has_date(&self) -> bool {
        self.days.is_some()
            || (self.year.is_some() && self.month.is_some() && self.day.is_some())
            || self.day_of_year.is_some()
    }

    /// Days since 1970 of the date, if it is complete.
    pub(super) fn date(&self) -> Option<i64> {
        self.days.or_else(|| Some(days_of_civil(self.year?, self.month?, self.day?)))
    }

    fn order(&self) -> DateOrder {
        self.order_is.unwrap_or(DateOrder::MonthDayYear)
    }

    /// A field with separators: all of a date.
    fn date_text(&mut self, text: &str) -> Decoded<()> {
        let parts: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .flat_map(split_letters)
            .filter(|part| !part.is_empty())
            .collect();
        for part in parts.iter().filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic())) {
            match word(part) {
                Some(Word::Month(value)) if !self.text_month => {
                    self.month = Some(value);
                    self.text_month = true;
                }
                _ => return Err(Fault::BadFormat),
            }
        }
        for part in parts.iter().filter(|part| part.starts_with(|c: char| c.is_ascii_digit())) {
            self.date_part(part)?;
        }
        let complete = self.year.is_some() && self.month.is_some() && self.day.is_some();
        if complete || self.day_of_year.is_some() { Ok(()) } else { Err(Fault::BadFormat) }
    }

    /// A number, whose place tells what it is.
    fn number(&mut self, text: &str) -> Decoded<()> {
        let digits = text.split('.').next().unwrap_or("").len();
        let has_point = text.contains('.');
        if has_point && digits > 2 && self.year.is_none() && self.month.is_none() && self.day.is_none() {
            // 2001.360: a year and a day of it.
            if let Some((year, day)) = text.split_once('.')
                && day.len() == 3
                && digits < 6
            {
                self.year = Some(integer(year)?);
                self.day_of_year = Some(integer(day)?);
                return Ok(());
            }
            return self.run_together(text, false);
        }
        if (has_point && digits > 2) || (digits >= 6 && (!self.has_date() || self.time.is_none())) {
            return self.run_together(text, false);
        }
        self.date_part(text)
    }

    /// A number that is the year, month or day.
    fn date_part(&mut self, text: &str) -> Decoded<()> {
        let value = integer(text)?;
        let digits = text.len();
        if digits == 3
            && self.year.is_some()
            && self.month.is_none()
            && self.day.is_none()
            && (1..=366).contains(&value)
        {
            self.day_of_year = Some(value);
            return Ok(());
        }
        match (self.year, self.month, self.day) {
            (None, None, None) => match self.order() {
                order if digits >= 3 || order == DateOrder::YearMonthDay => self.set_year(value, digits),
                DateOrder::DayMonthYear => self.day = Some(value),
                _ => self.month = Some(value),
            },
            (Some(_), None, None) => self.month = Some(value),
            (None, Some(_), None) if self.text_month => {
                if digits >= 3 || self.order() == DateOrder::YearMonthDay {
                    self.set_year(value, digits);
                } else {
                    self.day = Some(value);
                }
            }
            (None, Some(_), None) => self.day = Some(value),
            (Some(year), Some(_), None) => {
                if self.text_month && digits >= 3 && self.short_year {
                    // The first number was the day after all.
                    self.day = Some(year);
                    self.set_year(value, digits);
                } else {
                    self.day = Some(value);
                }
            }
            (None, None, Some(_)) => self.month = Some(value),
            (None, Some(_), Some(_)) => self.set_year(value, digits),
            (Some(_), Some(_), Some(_)) => return self.run_together(text, false),
            (Some(_), None, Some(_)) => return Err(Fault::BadFormat),
        }
        Ok(())
    }

    fn set_year(&mut self, year: i64, digits: usize) {
        self.year = Some(year);
        self.short_year = digits <= 2;
    }

    /// YYYYMMDD, HHMMSS or HHMM, with a fraction of seconds perhaps.
    pub(super) fn run_together(&mut self, text: &str, time_only: bool) -> Decoded<()> {
        let (digits, fraction) = match text.split_once('.') {
            Some((digits, fraction)) => (digits, Some(fraction)),
            None => (text, None),
        };
        if fraction.is_none() && !time_only && !self.has_date() && digits.len() >= 6 {
            let (year, rest) = digits.split_at(digits.len() - 4);
            self.set_year(integer(year)?, year.len());
            self.month = Some(integer(&rest[..2])?);
            self.day = Some(integer(&rest[2..])?);
            return Ok(());
        }
        if self.time.is_some() {
            return Err(Fault::BadFormat);
        }
        let (hour, minute, second) = match digits.len() {
            6 => (integer(&digits[..2])?, integer(&digits[2..4])?, integer(&digits[4..])?),
            4 => (integer(&digits[..2])?, integer(&digits[2..])?, 0),
            _ => return Err(Fault::BadFormat),
        };
        let microseconds = fraction.map_or(Ok(0), fraction_of)?;
        self.time = Some(time_of(hour, minute, second, microseconds)?);
        Ok(())
    }
}

/// "08aug" as "08" and "aug".
fn split_letters(text: &str) -> impl Iterator<Item = &str> {
    let at = text.find(|c: char| c.is_ascii_alphabetic() != text.starts_with(|c: char| c.is_ascii_alphabetic()));
    let (head, tail) = text.split_at(at.unwrap_or(text.len()));
    [head, tail].into_iter()
}
