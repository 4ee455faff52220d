//! Dates and times read by the templates of SQL's standard, as `.datetime()` of paths has them.
//!
//! The text fits the template from end to end, and the template says what it is: a date, a time or both, with a zone or
//! without.

use super::read::exactly;
use super::rounded;
use super::time::{Piece, Word, pieces};
use crate::error::{Error, Result, SqlState};
use crate::function::cast::day_of;
use crate::types::datetime::{DAY, ZonedTime, timestamp_out_of_range};

/// A date or time with its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::function) enum Moment {
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    ZonedTime(ZonedTime),
    /// Microseconds since 1970-01-01.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 UTC, and seconds east of UTC where it was told so.
    Timestamptz(i64, i32),
}

/// A template and what it is of.
pub(in crate::function) struct Template<'a> {
    pieces: Vec<Piece<'a>>,
    dated: bool,
    timed: bool,
    zoned: bool,
}

/// What may stand between the words of a template.
const SEPARATORS: &str = "-./,':; ";

impl<'a> Template<'a> {
    /// 22007 for one that has something else between its words than the standard has.
    pub(in crate::function) fn of(text: &'a str) -> Result<Self> {
        let pieces = pieces(text);
        let (mut dated, mut timed, mut zoned) = (false, false, false);
        for piece in &pieces {
            match piece {
                Piece::Text(c) if !SEPARATORS.contains(*c) => {
                    return Err(refused(format!("invalid datetime format separator: \"{c}\"")));
                }
                Piece::Text(_) | Piece::Quoted(_) | Piece::Word { word: Word::Fixed, .. } => {}
                Piece::Word { word, .. } if is_of_time(*word) => timed = true,
                Piece::Word { word, .. } if is_of_zone(*word) => zoned = true,
                Piece::Word { .. } => dated = true,
            }
        }
        Ok(Self { pieces, dated, timed, zoned })
    }

    /// What the text says by the template. Errors: 22007, 22008, 22009 in PostgreSQL's words.
    pub(in crate::function) fn read(&self, text: &str) -> Result<Moment> {
        let local = exactly(text, &self.pieces)?;
        let of_day = |time: i64| rounded(time.rem_euclid(DAY), local.precision);
        match (self.dated, self.timed) {
            (true, false) if self.zoned => Err(refused("datetime format is zoned but not timed".to_owned())),
            (true, false) => Ok(Moment::Date(day_of(local.time)?)),
            (false, false) => Err(refused("datetime format is not dated and not timed".to_owned())),
            (dated, true) => match (&local.zone, self.zoned) {
                (Some(zone), true) if dated => {
                    let moment = zone.moment(local.time).ok_or_else(timestamp_out_of_range)?;
                    Ok(Moment::Timestamptz(rounded(moment, local.precision), zone.offset_at(moment)))
                }
                (Some(zone), true) => Ok(Moment::ZonedTime(ZonedTime::new(of_day(local.time), zone.offset_at(0)))),
                (None, true) => {
                    let ty = if dated { "timestamptz" } else { "timetz" };
                    Err(refused(format!("missing time zone in input string for type {ty}")))
                }
                (_, false) if dated => Ok(Moment::Timestamp(rounded(local.time, local.precision))),
                (_, false) => Ok(Moment::Time(of_day(local.time))),
            },
        }
    }
}

fn refused(words: String) -> Error {
    Error::new(SqlState::INVALID_DATETIME_FORMAT, words)
}

fn is_of_time(word: Word) -> bool {
    matches!(
        word,
        Word::Hour12
            | Word::Hour24
            | Word::Minute
            | Word::Second
            | Word::Millisecond
            | Word::Microsecond
            | Word::Fraction(_)
            | Word::SecondOfDay
            | Word::Meridiem { .. }
    )
}

fn is_of_zone(word: Word) -> bool {
    matches!(word, Word::Zone { .. } | Word::ZoneHours | Word::ZoneMinutes | Word::Offset)
}
