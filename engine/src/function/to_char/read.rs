//! Dates and times read by a template.

use super::time::{Case, DAYS, MONTHS, Piece, Word, pieces};
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{
    Civil, DAY, HOUR, MINUTE, SECOND, TimeZone, civil_of_days, days_in_month, days_of_civil, timestamp_out_of_range,
};

/// A local time, and the zone if the text had one.
pub(super) struct Local {
    pub(super) time: i64,
    pub(super) zone: Option<TimeZone>,
}

#[derive(Default)]
struct Parts {
    year: Option<i64>,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    julian: Option<i64>,
    hour: i64,
    twelve_hours: bool,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    microseconds: i64,
    offset: Option<(i32, i32)>,
}

fn invalid(value: &str, word: &str, detail: String) -> Error {
    Error::new(SqlState::INVALID_DATETIME_FORMAT, format!("invalid value \"{value}\" for \"{word}\""))
        .with_detail(detail)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// At most `width` digits with a sign perhaps; all there are if nothing parts them from the next word.
    fn number(&mut self, word: &str, width: usize, bounded: bool) -> Result<i64> {
        self.skip_spaces();
        let sign = usize::from(self.rest.starts_with(['-', '+']));
        let limit = if bounded { width } else { 18 };
        let digits = self.rest[sign..].bytes().take(limit).take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            let value: String = self.rest.chars().take(width).collect();
            return Err(invalid(&value, word, "Value must be an integer.".to_owned()));
        }
        let (number, rest) = self.rest.split_at(sign + digits);
        self.rest = rest;
        number.parse().map_err(|_| timestamp_out_of_range())
    }

    /// Which of the names the text begins with, in full or by its first three letters.
    fn name(&mut self, word: &str, names: &[&str], short: bool) -> Result<usize> {
        self.skip_spaces();
        let found = names.iter().position(|name| {
            let wanted = if short { &name[..3] } else { name };
            self.rest.get(..wanted.len()).is_some_and(|head| head.eq_ignore_ascii_case(wanted))
        });
        let Some(position) = found else {
            let value: String = self.rest.chars().take(if short { 3 } else { 9 }).collect();
            return Err(invalid(
                &value,
                word,
                "The given value did not match any of the allowed values for this field.".to_owned(),
            ));
        };
        let length = if short { 3 } else { names[position].len() };
        self.rest = &self.rest[length..];
        Ok(position)
    }

    fn marker(&mut self, positive: &[&str], negative: &[&str]) -> Option<bool> {
        self.skip_spaces();
        for (words, meaning) in [(positive, true), (negative, false)] {
            for word in words {
                if self.rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
                    self.rest = &self.rest[word.len()..];
                    return Some(meaning);
                }
            }
        }
        None
    }
}

/// Reads a text by a template.
pub(super) fn timestamp(text: &str, template: &str) -> Result<Local> {
    let pieces = pieces(template);
    let mut reader = Reader { rest: text };
    let mut parts = Parts::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(literal) => {
                // Spaces and punctuation of the template match any of the text.
                for _ in literal.chars() {
                    match reader.rest.chars().next() {
                        Some(c) if !c.is_alphanumeric() && !matches!(c, '-' | '+') => {
                            reader.rest = &reader.rest[c.len_utf8()..]
                        }
                        Some(c) if literal.chars().any(|wanted| wanted == c) => {
                            reader.rest = &reader.rest[c.len_utf8()..]
                        }
                        _ => break,
                    }
                }
            }
            Piece::Word { word, bare, .. } => {
                let adjoining = matches!(pieces.get(index + 1), Some(Piece::Word { word, .. }) if is_digits(*word));
                parts.read(*word, &mut reader, adjoining && !*bare)?;
            }
        }
    }
    parts.local(text)
}

/// Whether a word reads digits, so that the number before it must end in time.
fn is_digits(word: Word) -> bool {
    !matches!(
        word,
        Word::Meridiem { .. }
            | Word::Era { .. }
            | Word::MonthName(_)
            | Word::MonthShort(_)
            | Word::DayName(_)
            | Word::DayShort(_)
            | Word::RomanMonth { .. }
            | Word::Zone { .. }
    )
}

impl Parts {
    fn read(&mut self, word: Word, reader: &mut Reader<'_>, bounded: bool) -> Result<()> {
        match word {
            Word::Hour12 => {
                self.hour = reader.number("HH12", 2, true)?;
                self.twelve_hours = true;
                if !(1..=12).contains(&self.hour) {
                    return Err(Error::new(
                        SqlState::INVALID_DATETIME_FORMAT,
                        format!("hour \"{}\" is invalid for the 12-hour clock", self.hour),
                    )
                    .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
                }
            }
            Word::Hour24 => self.hour = reader.number("HH24", 2, true)?,
            Word::Minute => self.minute = reader.number("MI", 2, true)?,
            Word::Second => self.second = reader.number("SS", 2, true)?,
            Word::Millisecond => self.microseconds += fraction(reader, "MS", 3)? * 1000,
            Word::Microsecond => self.microseconds += fraction(reader, "US", 6)?,
            Word::SecondOfDay => self.second_of_day = Some(reader.number("SSSS", 5, bounded)?),
            Word::Meridiem { .. } => self.afternoon = reader.marker(&["p.m.", "pm"], &["a.m.", "am"]),
            Word::Era { .. } => self.before_christ = reader.marker(&["b.c.", "bc"], &["a.d.", "ad"]).unwrap_or(false),
            Word::Year(digits) => {
                let before = reader.rest.len();
                let year = reader.number("YYYY", digits, bounded || digits < 4)?;
                let read = before - reader.rest.len();
                // Short years are of the century around 2000.
                self.year = Some(match (digits, read) {
                    (4, _) | (_, 4..) => year,
                    (3, 3) => year + if year < 100 { 2000 } else { 1000 },
                    _ if year < 70 => year + 2000,
                    _ if year < 100 => year + 1900,
                    _ => year,
                });
            }
            Word::YearWithComma => {
                let thousands = reader.number("Y,YYY", 4, true)?;
                reader.rest = reader.rest.strip_prefix(',').unwrap_or(reader.rest);
                self.year = Some(thousands * 1000 + reader.number("Y,YYY", 3, true)?);
            }
            Word::MonthName(_) => self.month = Some(reader.name("Month", &MONTHS, false)? as i64 + 1),
            Word::MonthShort(_) => self.month = Some(reader.name("Mon", &MONTHS, true)? as i64 + 1),
            Word::Month => self.month = Some(reader.number("MM", 2, true)?),
            Word::DayName(_) => {
                reader.name("Day", &DAYS, false)?;
            }
            Word::DayShort(Case::Upper | Case::Title | Case::Lower) => {
                reader.name("Dy", &DAYS, true)?;
            }
            Word::DayOfYear => self.day_of_year = Some(reader.number("DDD", 3, true)?),
            Word::Day => self.day = Some(reader.number("DD", 2, true)?),
            Word::Julian => self.julian = Some(reader.number("J", 9, bounded)?),
            Word::Quarter | Word::WeekOfMonth | Word::DayOfWeek => {
                reader.number("Q", 1, true)?;
            }
            Word::ZoneHours => {
                let hours = reader.number("TZH", 2, true)?;
                self.offset = Some((hours as i32, 0));
            }
            Word::ZoneMinutes => {
                let minutes = reader.number("TZM", 2, true)? as i32;
                self.offset = self.offset.map(|(hours, _)| (hours, minutes));
            }
            Word::Zone { .. } | Word::Offset => {
                return Err(Error::unsupported("a time zone pattern in to_timestamp or to_date"));
            }
            Word::IsoYear(_)
            | Word::IsoDayOfYear
            | Word::IsoDayOfWeek
            | Word::WeekOfYear
            | Word::IsoWeek
            | Word::Century
            | Word::RomanMonth { .. } => {
                return Err(Error::unsupported(
                    "a pattern for weeks, centuries or Roman numerals in to_timestamp or to_date",
                ));
            }
        }
        Ok(())
    }

    fn local(self, text: &str) -> Result<Local> {
        let refused =
            || Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""));
        let year = match self.year {
            Some(year) if self.before_christ => 1 - year,
            Some(year) => year,
            // PostgreSQL's year without a year: 1 BC.
            None => 0,
        };
        if !(-5000..=300_000).contains(&year) {
            return Err(refused());
        }
        let days = match (self.julian, self.day_of_year) {
            (Some(julian), _) => julian - 2_440_588,
            (None, Some(day)) if self.month.is_none() => {
                if !(1..=366).contains(&day) {
                    return Err(refused());
                }
                days_of_civil(year, 1, 1) + day - 1
            }
            _ => {
                let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
                if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
                    return Err(refused());
                }
                days_of_civil(year, month, day)
            }
        };
        let hour = match (self.twelve_hours, self.afternoon) {
            (_, Some(true)) if self.hour < 12 => self.hour + 12,
            (true, Some(false) | None) | (false, Some(false)) if self.hour == 12 => 0,
            _ => self.hour,
        };
        if !(0..=24).contains(&hour) || !(0..60).contains(&self.minute) || !(0..=60).contains(&self.second) {
            return Err(refused());
        }
        let clock = match self.second_of_day {
            Some(second) if (0..86_400).contains(&second) => second * SECOND,
            Some(_) => return Err(refused()),
            None => hour * HOUR + self.minute * MINUTE + self.second * SECOND,
        };
        let time = clock + self.microseconds;
        if time > DAY {
            return Err(refused());
        }
        let (year, month, day) = civil_of_days(days);
        let time = Civil { year, month, day, time }.timestamp().ok_or_else(timestamp_out_of_range)?;
        let zone = self.offset.map(|(hours, minutes)| {
            let sign = if hours < 0 { -1 } else { 1 };
            TimeZone::Fixed(hours * 3600 + sign * minutes * 60)
        });
        Ok(Local { time, zone })
    }
}

/// Digits after a point: "5" of MS is 500.
fn fraction(reader: &mut Reader<'_>, word: &str, width: usize) -> Result<i64> {
    let before = reader.rest.trim_start().len();
    let value = reader.number(word, width, true)?;
    let read = before - reader.rest.len();
    Ok(value * 10_i64.pow(u32::try_from(width.saturating_sub(read)).unwrap_or(0)))
}
