//! Dates and times read by a template: `to_timestamp` and `to_date`.
//!
//! The template is walked together with the text. Where it has a separator the text may have one; spaces are skipped;
//! a number is as long as its word, unless what follows cannot be a digit. What the fields mean together is decided at
//! the end (`field.rs`).

use std::borrow::Cow;

use super::field::{Fields, Local};
use super::time::{DAYS, MONTHS, Piece, ROMAN, Word, pieces};
use crate::error::{Error, Result, SqlState};

/// Reads a text by a template.
pub(super) fn timestamp(text: &str, template: &str) -> Result<Local> {
    read(text, &pieces(template), false)
}

/// Reads a text by a template that it fits from end to end.
pub(super) fn exactly(text: &str, template: &[Piece<'_>]) -> Result<Local> {
    read(text, template, true)
}

fn read(text: &str, pieces: &[Piece<'_>], exact: bool) -> Result<Local> {
    let mut reader = Reader { text, rest: text, skipped: 0, fixed: exact, fields: Fields::default() };
    for (position, piece) in pieces.iter().enumerate() {
        if reader.rest.is_empty() {
            if exact {
                return Err(malformed("input string is too short for datetime format"));
            }
            break;
        }
        let is_field = matches!(piece, Piece::Word { .. });
        let is_fixed = matches!(piece, Piece::Word { word: Word::Fixed, .. });
        if !reader.fixed && !is_fixed && (is_field || position == 0) {
            reader.skip_spaces();
        }
        match piece {
            Piece::Text(c) if exact => reader.same(*c, "separator")?,
            Piece::Quoted(c) if exact => reader.same(*c, "character")?,
            Piece::Text(c) if c.is_whitespace() || is_separator(*c) => reader.separator(),
            Piece::Text(_) | Piece::Quoted(_) => reader.literal(),
            Piece::Word { word, written, bare, ordinal } => {
                let slurps = *bare || ordinal.is_some() || pieces.get(position + 1).is_none_or(ends_number);
                reader.field(*word, &Field { written, slurps })?;
                if ordinal.is_some() && takes_ordinal(*word) {
                    reader.skip_characters(2);
                }
                if !reader.fixed {
                    reader.skipped = 0;
                    reader.skip_spaces();
                }
            }
        }
    }
    if exact && !reader.rest.trim_start_matches(crate::types::text::is_space).is_empty() {
        return Err(malformed("trailing characters remain in input string after datetime format"));
    }
    reader.fields.local(text)
}

fn malformed(words: impl Into<Cow<'static, str>>) -> Error {
    Error::new(SqlState::INVALID_DATETIME_FORMAT, words)
}

/// ASCII that is neither a letter nor a digit nor a space.
fn is_separator(c: char) -> bool {
    c.is_ascii_punctuation()
}

/// Whether a number before this piece of a template may have any length.
fn ends_number(piece: &Piece<'_>) -> bool {
    match piece {
        Piece::Word { word, .. } => !is_digits(*word),
        Piece::Text(c) | Piece::Quoted(c) => !c.is_ascii_digit(),
    }
}

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
            | Word::ZoneHours
            | Word::Offset
            | Word::Fixed
    )
}

fn takes_ordinal(word: Word) -> bool {
    is_digits(word) && word != Word::ZoneMinutes
}

/// A word of the template as it is written, and whether its number may have any length.
struct Field<'a> {
    written: &'a str,
    slurps: bool,
}

impl Field<'_> {
    fn invalid(&self, value: &str, detail: impl Into<String>) -> Error {
        let message = format!("invalid value \"{value}\" for \"{}\"", self.written);
        Error::new(SqlState::INVALID_DATETIME_FORMAT, message).with_detail(detail.into())
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    /// Characters skipped beyond those that the template has.
    skipped: i32,
    /// FX: nothing is skipped.
    fixed: bool,
    fields: Fields,
}

impl Reader<'_> {
    fn skip_spaces(&mut self) {
        let trimmed = self.rest.trim_start_matches(crate::types::text::is_space);
        self.skipped += i32::try_from(self.rest.len() - trimmed.len()).unwrap_or(i32::MAX);
        self.rest = trimmed;
    }

    fn skip_characters(&mut self, count: usize) {
        let end = self.rest.char_indices().nth(count).map_or(self.rest.len(), |(at, _)| at);
        self.rest = &self.rest[end..];
    }

    fn same(&mut self, c: char, what: &str) -> Result<()> {
        self.rest = self.rest.strip_prefix(c).ok_or_else(|| malformed(format!("unmatched format {what} \"{c}\"")))?;
        Ok(())
    }

    fn separator(&mut self) {
        if self.fixed {
            return self.skip_characters(1);
        }
        self.skipped -= 1;
        if self.rest.starts_with(|c| crate::types::text::is_space(c) || is_separator(c)) {
            self.rest = &self.rest[1..];
            self.skipped += 1;
        }
    }

    /// A character of the template that is not looked at; one skipped before makes up for it.
    fn literal(&mut self) {
        if !self.fixed && self.skipped > 0 {
            self.skipped -= 1;
        } else {
            self.skip_characters(1);
        }
    }

    /// The number of a field of at most `width` digits, and how many characters it took.
    fn number(&mut self, width: usize, field: &Field<'_>) -> Result<(i32, usize)> {
        let before = self.rest.len();
        let from = self.rest.trim_start_matches(crate::types::text::is_space);
        let copy: String = from.chars().take(width).collect();
        let value = if field.slurps {
            let (value, length) = leading_number(from);
            if length > 0 {
                self.rest = &from[length..];
            }
            value
        } else {
            let remain = from.chars().count();
            if remain < width {
                let message = format!("source string too short for \"{}\" formatting field", field.written);
                return Err(Error::new(SqlState::INVALID_DATETIME_FORMAT, message)
                    .with_detail(format!("Field requires {width} characters, but only {remain} remain."))
                    .with_hint(NOT_FIXED));
            }
            let (value, length) = leading_number(&copy);
            if length > 0 && length < width {
                let detail = format!("Field requires {width} characters, but only {length} could be parsed.");
                return Err(field.invalid(&copy, detail).with_hint(NOT_FIXED));
            }
            self.rest = &from[length..];
            value
        };
        if self.rest.len() == before {
            return Err(field.invalid(&copy, "Value must be an integer."));
        }
        let value = value.ok_or_else(|| {
            let message = format!("value for \"{}\" in source string is out of range", field.written);
            Error::new(SqlState::DATETIME_FIELD_OVERFLOW, message)
                .with_detail("Value must be in the range -2147483648 to 2147483647.")
        })?;
        Ok((value, before - self.rest.len()))
    }

    /// Which of the names the text goes on with.
    fn name(&mut self, names: &[&str], field: &Field<'_>) -> Result<i32> {
        let found = names
            .iter()
            .position(|name| self.rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)));
        let Some(position) = found else {
            let value = self.rest.split(crate::types::text::is_space).next().unwrap_or_default();
            return Err(field.invalid(value, "The given value did not match any of the allowed values for this field."));
        };
        self.rest = &self.rest[names[position].len()..];
        Ok(position as i32)
    }

    fn field(&mut self, word: Word, field: &Field<'_>) -> Result<()> {
        self.fields.convention(word)?;
        let width = field.written.len();
        let set = |place: &mut i32, value: i32| set(place, value, field);
        match word {
            Word::Fixed => self.fixed = true,
            Word::Meridiem { dots, .. } => {
                let names: &[&str] = if dots { &["a.m.", "p.m."] } else { &["am", "pm"] };
                let afternoon = self.name(names, field)?;
                set(&mut self.fields.afternoon, afternoon)?;
                self.fields.twelve_hours = true;
            }
            Word::Era { dots, .. } => {
                let names: &[&str] = if dots { &["a.d.", "b.c."] } else { &["ad", "bc"] };
                let before = self.name(names, field)?;
                set(&mut self.fields.before_christ, before)?;
            }
            Word::MonthName(_) => {
                let month = self.name(&MONTHS, field)? + 1;
                set(&mut self.fields.month, month)?;
            }
            Word::MonthShort(_) => {
                let month = self.name(&MONTHS.map(|name| &name[..3]), field)? + 1;
                set(&mut self.fields.month, month)?;
            }
            Word::DayName(_) => {
                let day = self.name(&DAYS, field)? + 1;
                set(&mut self.fields.day_of_week, day)?;
            }
            Word::DayShort(_) => {
                let day = self.name(&DAYS.map(|name| &name[..3]), field)? + 1;
                set(&mut self.fields.day_of_week, day)?;
            }
            Word::RomanMonth { .. } => {
                // The longer before those that they begin with.
                let mut names = ROMAN;
                names.reverse();
                let month = 12 - self.name(&names, field)?;
                set(&mut self.fields.month, month)?;
            }
            Word::Zone { .. } | Word::Offset => {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("formatting field \"{}\" is only supported in to_char", field.written),
                ));
            }
            Word::ZoneHours => self.zone_hours(field)?,
            Word::YearWithComma => self.year_with_comma(field)?,
            Word::Quarter => drop(self.number(width, field)?),
            _ => self.digits(word, width, field)?,
        }
        Ok(())
    }

    /// A word that is a number and nothing more.
    fn digits(&mut self, word: Word, width: usize, field: &Field<'_>) -> Result<()> {
        let width = match word {
            Word::Hour12 | Word::Hour24 | Word::ZoneMinutes => 2,
            Word::Millisecond => 3,
            Word::Microsecond => 6,
            Word::Fraction(digits) => digits,
            Word::IsoDayOfYear => 3,
            Word::IsoDayOfWeek => 1,
            _ => width,
        };
        let (value, length) = self.number(width, field)?;
        let fields = &mut self.fields;
        // Digits behind a point: "5" of milliseconds is 500.
        let shifted = |digits: usize| value.saturating_mul(10_i32.pow(digits.saturating_sub(length) as u32));
        let (place, value) = match word {
            Word::Hour12 => {
                fields.twelve_hours = true;
                (&mut fields.hour, value)
            }
            Word::Hour24 => (&mut fields.hour, value),
            Word::Minute => (&mut fields.minute, value),
            Word::Second => (&mut fields.second, value),
            Word::Millisecond => {
                set(&mut fields.millisecond, value, field)?;
                fields.millisecond = shifted(3);
                return Ok(());
            }
            Word::Microsecond | Word::Fraction(_) => {
                set(&mut fields.microsecond, value, field)?;
                fields.microsecond = shifted(6);
                if let Word::Fraction(digits) = word {
                    fields.precision = Some(digits);
                }
                return Ok(());
            }
            Word::SecondOfDay => (&mut fields.second_of_day, value),
            Word::Year(digits) | Word::IsoYear(digits) => {
                fields.year_digits = digits;
                let year = if digits < 4 && length < 4 { century_around_2020(value) } else { value };
                // What was read is compared before it is put into a century.
                set(&mut fields.year, value, field)?;
                fields.year = year;
                return Ok(());
            }
            Word::Month => (&mut fields.month, value),
            Word::Day => (&mut fields.day, value),
            Word::DayOfYear | Word::IsoDayOfYear => (&mut fields.day_of_year, value),
            Word::DayOfWeek => (&mut fields.day_of_week, value),
            Word::IsoDayOfWeek => {
                set(&mut fields.day_of_week, value, field)?;
                fields.day_of_week = if value >= 7 { 1 } else { value + 1 };
                return Ok(());
            }
            Word::WeekOfYear | Word::IsoWeek => (&mut fields.week, value),
            Word::WeekOfMonth => (&mut fields.week_of_month, value),
            Word::Century => (&mut fields.century, value),
            Word::Julian => (&mut fields.julian, value),
            Word::ZoneMinutes => {
                if fields.zone_sign == 0 {
                    fields.zone_sign = 1;
                }
                (&mut fields.zone_minutes, value)
            }
            _ => return Err(Error::internal("a word of a template that is no number")),
        };
        set(place, value, field)
    }

    /// A minus that was taken for a separator belongs to the hours.
    fn zone_hours(&mut self, field: &Field<'_>) -> Result<()> {
        let before = self.text[..self.text.len() - self.rest.len()].chars().next_back();
        self.fields.zone_sign = match self.rest.chars().next() {
            Some(sign @ ('+' | '-' | ' ')) => {
                self.rest = &self.rest[1..];
                if sign == '-' { -1 } else { 1 }
            }
            _ if self.skipped > 0 && before == Some('-') => -1,
            _ => 1,
        };
        let (hours, _) = self.number(2, field)?;
        set(&mut self.fields.zone_hours, hours, field)
    }

    /// `1,999`.
    fn year_with_comma(&mut self, field: &Field<'_>) -> Result<()> {
        let refused = || Error::new(SqlState::INVALID_DATETIME_FORMAT, "invalid input string for \"Y,YYY\"");
        let (thousands, length) = leading_number(self.rest);
        let rest = self.rest[length..].strip_prefix(',').filter(|_| length > 0).ok_or_else(refused)?;
        let head: String = rest.chars().take(3).collect();
        let (years, length) = leading_number(&head);
        if length == 0 {
            return Err(refused());
        }
        let year = thousands.zip(years).and_then(|(thousands, years)| thousands.checked_mul(1000)?.checked_add(years));
        self.rest = &rest[length..];
        self.fields.year_digits = 4;
        set(&mut self.fields.year, year.ok_or_else(refused)?, field)
    }
}

const NOT_FIXED: &str = "If your source string is not fixed-width, try using the \"FM\" modifier.";

/// Two fields of one kind must say the same.
fn set(place: &mut i32, value: i32, field: &Field<'_>) -> Result<()> {
    if *place != 0 && *place != value {
        let message = format!("conflicting values for \"{}\" field in formatting string", field.written);
        return Err(Error::new(SqlState::INVALID_DATETIME_FORMAT, message)
            .with_detail("This value contradicts a previous setting for the same field type."));
    }
    *place = value;
    Ok(())
}

/// The number that text begins with, spaces and a sign before it included, and its length; no number if it is too great.
fn leading_number(text: &str) -> (Option<i32>, usize) {
    let start = text.len() - text.trim_start_matches(crate::types::text::is_space).len();
    let sign = usize::from(text[start..].starts_with(['-', '+']));
    let digits = text[start + sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return (Some(0), 0);
    }
    let end = start + sign + digits;
    (text[start..end].parse().ok(), end)
}

/// A year of less than four digits is one of those around 2020.
fn century_around_2020(year: i32) -> i32 {
    match year {
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}
