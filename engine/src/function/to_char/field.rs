//! What the fields of a date and time mean together.

use super::time::Word;
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{
    Civil, HOUR, MINUTE, SECOND, TimeZone, civil_of_days, day_of_week, days_in_month, days_of_civil,
    timestamp_out_of_range,
};

/// A local time, and the zone if the text had one.
pub(super) struct Local {
    pub(super) time: i64,
    pub(super) zone: Option<TimeZone>,
    /// How many digits the template has for fractions of a second, if it says.
    pub(super) precision: Option<usize>,
}

/// How weeks and days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convention {
    Gregorian,
    IsoWeek,
}

/// What was read; zero is nothing, as it is in PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Fields {
    convention: Option<Convention>,
    pub(super) hour: i32,
    pub(super) twelve_hours: bool,
    pub(super) afternoon: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
    pub(super) millisecond: i32,
    pub(super) microsecond: i32,
    pub(super) precision: Option<usize>,
    pub(super) second_of_day: i32,
    pub(super) year: i32,
    pub(super) year_digits: usize,
    pub(super) before_christ: i32,
    pub(super) century: i32,
    pub(super) month: i32,
    pub(super) day: i32,
    pub(super) day_of_year: i32,
    pub(super) day_of_week: i32,
    pub(super) week: i32,
    pub(super) week_of_month: i32,
    pub(super) julian: i32,
    pub(super) zone_sign: i32,
    pub(super) zone_hours: i32,
    pub(super) zone_minutes: i32,
}

/// A date that is being put together, and which of its parts were told.
struct Date {
    year: i64,
    month: i64,
    day: i64,
    has_year: bool,
    has_month: bool,
    has_day: bool,
}

impl Date {
    fn be(&mut self, days: i64) {
        (self.year, self.month, self.day) = civil_of_days(days);
        (self.has_year, self.has_month, self.has_day) = (true, true, true);
    }
}

/// The Monday of an ISO week.
fn monday(year: i64, week: i64) -> i64 {
    let fourth = days_of_civil(year, 1, 4);
    (week - 1) * 7 + fourth - (day_of_week(fourth) + 6) % 7
}

impl Fields {
    /// Words of both conventions cannot stand in one template.
    pub(super) fn convention(&mut self, word: Word) -> Result<()> {
        let convention = match word {
            Word::IsoYear(_) | Word::IsoWeek | Word::IsoDayOfWeek | Word::IsoDayOfYear => Convention::IsoWeek,
            Word::Year(_)
            | Word::YearWithComma
            | Word::Month
            | Word::MonthName(_)
            | Word::MonthShort(_)
            | Word::RomanMonth { .. }
            | Word::Day
            | Word::DayOfYear
            | Word::DayOfWeek
            | Word::WeekOfYear
            | Word::WeekOfMonth => Convention::Gregorian,
            _ => return Ok(()),
        };
        if *self.convention.get_or_insert(convention) == convention {
            return Ok(());
        }
        Err(Error::new(SqlState::INVALID_DATETIME_FORMAT, "invalid combination of date conventions")
            .with_hint("Do not mix Gregorian and ISO week date conventions in a formatting template."))
    }

    pub(super) fn local(mut self, text: &str) -> Result<Local> {
        let refused =
            || Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""));
        let clock = self.clock()?;
        let date = self.date()?;
        let is_month = (1..=12).contains(&date.month);
        let complete = date.has_year && date.has_month && date.has_day;
        if (date.has_month && !is_month)
            || (date.has_day && !(1..=31).contains(&date.day))
            || (complete && date.day > days_in_month(date.year, date.month))
        {
            return Err(refused());
        }
        let fraction = i64::from(self.millisecond) * 1000 + i64::from(self.microsecond);
        let time = clock.filter(|_| (0..SECOND).contains(&fraction)).ok_or_else(refused)? + fraction;
        if !(-5000..=300_000).contains(&date.year) {
            return Err(timestamp_out_of_range());
        }
        let (year, month, day) = civil_of_days(days_of_civil(date.year, date.month, date.day));
        let time = Civil { year, month, day, time }.timestamp().ok_or_else(timestamp_out_of_range)?;
        let zone = match self.zone_sign {
            0 => None,
            _ if !(0..=15).contains(&self.zone_hours) || !(0..60).contains(&self.zone_minutes) => {
                let message = format!("time zone displacement out of range: \"{text}\"");
                return Err(Error::new(SqlState("22009"), message));
            }
            sign => Some(TimeZone::Fixed(sign * (self.zone_hours * 3600 + self.zone_minutes * 60))),
        };
        Ok(Local { time, zone, precision: self.precision })
    }

    /// Microseconds since midnight without fractions; `None` if that is no time.
    fn clock(&self) -> Result<Option<i64>> {
        let seconds = self.second_of_day;
        let (mut hour, mut minute, mut second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        for (part, told) in [(&mut hour, self.hour), (&mut minute, self.minute), (&mut second, self.second)] {
            if told != 0 {
                *part = told;
            }
        }
        if self.twelve_hours {
            if !(1..=12).contains(&hour) {
                let message = format!("hour \"{hour}\" is invalid for the 12-hour clock");
                return Err(Error::new(SqlState::INVALID_DATETIME_FORMAT, message)
                    .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            if self.afternoon != 0 && hour < 12 {
                hour += 12;
            } else if self.afternoon == 0 && hour == 12 {
                hour = 0;
            }
        }
        let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        Ok(is_time.then_some(i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND))
    }

    fn date(&mut self) -> Result<Date> {
        let mut date = Date { year: 0, month: 1, day: 1, has_year: false, has_month: false, has_day: false };
        if let Some(year) = self.full_year() {
            (date.year, date.has_year) = (year, true);
        }
        if self.julian != 0 {
            date.be(i64::from(self.julian) - 2_440_588);
        }
        let iso = self.convention == Some(Convention::IsoWeek);
        if self.week != 0 {
            if iso {
                // A week without a day begins on Monday; Sunday is day 1 and ends the week.
                let day = match self.day_of_week {
                    0 => 0,
                    1 => 6,
                    later => i64::from(later) - 2,
                };
                date.be(monday(date.year, i64::from(self.week)) + day);
            } else {
                self.day_of_year = self.week.saturating_sub(1).saturating_mul(7).saturating_add(1);
            }
        }
        if self.week_of_month != 0 {
            self.day = self.week_of_month.saturating_sub(1).saturating_mul(7).saturating_add(1);
        }
        if self.day != 0 {
            (date.day, date.has_day) = (i64::from(self.day), true);
        }
        if self.month != 0 {
            (date.month, date.has_month) = (i64::from(self.month), true);
        }
        if self.day_of_year != 0 && (date.month <= 1 || date.day <= 1) {
            self.take_day_of_year(iso, &mut date)?;
        }
        Ok(date)
    }

    fn take_day_of_year(&self, iso: bool, date: &mut Date) -> Result<()> {
        if date.year == 0 && self.before_christ == 0 {
            return Err(Error::new(
                SqlState::INVALID_DATETIME_FORMAT,
                "cannot calculate day of year without year information",
            ));
        }
        let number = i64::from(self.day_of_year);
        if iso {
            date.be(monday(date.year, 1) - 1 + number);
            return Ok(());
        }
        let first = days_of_civil(date.year, 1, 1);
        // What is beyond the year is a month of its own, which is refused later.
        let (year, month, day) = civil_of_days(first + number - 1);
        let (month, day) = if number < 1 {
            (1, number)
        } else if year == date.year {
            (month, day)
        } else {
            (13, number - (days_of_civil(date.year + 1, 1, 1) - first))
        };
        if date.month <= 1 {
            date.month = month;
        }
        if date.day <= 1 {
            date.day = day;
        }
        (date.has_month, date.has_day) = (true, true);
        Ok(())
    }

    /// The astronomical year that year, century and era say.
    fn full_year(&self) -> Option<i64> {
        let (year, mut century) = (i64::from(self.year), i64::from(self.century));
        let before = self.before_christ != 0;
        if before {
            century = -century;
        }
        if year == 0 {
            // The first year of a century.
            return (century != 0).then(|| if century >= 0 { (century - 1) * 100 + 1 } else { century * 100 + 1 });
        }
        if century != 0 && self.year_digits <= 2 {
            let short = year % 100;
            return Some(match (short, century >= 0) {
                (0, true) => century * 100,
                (0, false) => century * 100 + 1,
                (_, true) => short + (century - 1) * 100,
                (_, false) => (century + 1) * 100 - short + 1,
            });
        }
        let year = if before { -year } else { year };
        Some(if year < 0 { year + 1 } else { year })
    }
}
