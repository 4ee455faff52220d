//! Time zones that POSIX spells out: `CST7CDT`, `NZST-12NZDT,M9.5.0,M4.1.0/3`.

use super::{DAY, SECOND, civil_of_days, day_of_week, days_in_month, days_of_civil, is_leap};

const DAY_SECONDS: i64 = DAY / SECOND;
const HOUR_SECONDS: i32 = 3600;
/// The United States', where the text names no days.
const RULES: &str = ",M3.2.0,M11.1.0";

/// A zone whose clocks are changed twice a year, always by the same rule.
#[derive(Debug, Clone, PartialEq)]
pub struct PosixZone {
    standard: Clocks,
    summer: Clocks,
    begins: Change,
    ends: Change,
}

/// What the clocks of a part of the year show.
#[derive(Debug, Clone, PartialEq)]
struct Clocks {
    name: Box<str>,
    /// Seconds east of UTC.
    offset: i32,
}

/// When the clocks are changed: a day, and seconds from its midnight as they show them until then.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    day: Day,
    time: i32,
}

#[derive(Debug, Clone, PartialEq)]
enum Day {
    /// From 1; the 29th of February is not counted.
    WithoutLeap(i64),
    /// From 0.
    OfYear(i64),
    /// Week 5 is the last one of the month; weekday 0 is Sunday.
    OfWeek { month: i64, week: i64, weekday: i64 },
}

impl PosixZone {
    /// The zone that a text spells out; None if it does not, or has no summer time.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let name = zone_name(&mut rest)?;
        let standard = Clocks { name, offset: -span(&mut rest)? };
        let name = zone_name(&mut rest)?;
        let offset = match rest.chars().next() {
            None | Some(',') => standard.offset + HOUR_SECONDS,
            Some(_) => -span(&mut rest)?,
        };
        let summer = Clocks { name, offset };
        if rest.is_empty() {
            rest = RULES;
        }
        let (begins, ends) = (change(&mut rest)?, change(&mut rest)?);
        rest.is_empty().then_some(Self { standard, summer, begins, ends })
    }

    /// Seconds east of UTC at a moment, in seconds since 1970 UTC.
    pub(super) fn offset_at(&self, second: i64) -> i32 {
        self.clocks_at(second).offset
    }

    pub(super) fn abbreviation_at(&self, second: i64) -> &str {
        &self.clocks_at(second).name
    }

    fn clocks_at(&self, second: i64) -> &Clocks {
        let (year, _, _) = civil_of_days((second + i64::from(self.standard.offset)).div_euclid(DAY_SECONDS));
        let begins = self.begins.second(year, &self.standard);
        let ends = self.ends.second(year, &self.summer);
        let is_summer = match begins < ends {
            true => (begins..ends).contains(&second),
            false => !(ends..begins).contains(&second),
        };
        if is_summer { &self.summer } else { &self.standard }
    }
}

impl Change {
    /// When it is in a year, by the clocks until then.
    fn second(&self, year: i64, clocks: &Clocks) -> i64 {
        let first = days_of_civil(year, 1, 1);
        let day = match self.day {
            Day::WithoutLeap(day) => first + day - 1 + i64::from(is_leap(year) && day >= 60),
            Day::OfYear(day) => first + day,
            Day::OfWeek { month, week, weekday } => {
                let first = days_of_civil(year, month, 1);
                let day = (weekday - day_of_week(first)).rem_euclid(7) + (week - 1) * 7;
                first + if day < days_in_month(year, month) { day } else { day - 7 }
            }
        };
        day * DAY_SECONDS + i64::from(self.time) - i64::from(clocks.offset)
    }
}

/// `CST`, or `<-03>`.
fn zone_name(rest: &mut &str) -> Option<Box<str>> {
    let (name, behind) = match rest.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?,
        None => rest.split_at(rest.bytes().take_while(u8::is_ascii_alphabetic).count()),
    };
    *rest = behind;
    (!name.is_empty()).then(|| name.into())
}

/// Hours, minutes and seconds with a sign or without, in seconds.
fn span(rest: &mut &str) -> Option<i32> {
    let sign = match rest.as_bytes().first()? {
        b'-' => -1,
        _ => 1,
    };
    *rest = rest.strip_prefix(['-', '+']).unwrap_or(*rest);
    let mut seconds = 0;
    for (unit, most) in [(HOUR_SECONDS, 167), (60, 59), (1, 59)] {
        if unit != HOUR_SECONDS {
            let Some(behind) = rest.strip_prefix(':') else { break };
            *rest = behind;
        }
        seconds += i32::try_from(number(rest, 0, most)?).ok()? * unit;
    }
    Some(sign * seconds)
}

fn number(rest: &mut &str, least: i64, most: i64) -> Option<i64> {
    let (digits, behind) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    *rest = behind;
    digits.parse().ok().filter(|number| (least..=most).contains(number))
}

/// `,M3.2.0/2`
fn change(rest: &mut &str) -> Option<Change> {
    *rest = rest.strip_prefix(',')?;
    let day = if let Some(behind) = rest.strip_prefix('J') {
        *rest = behind;
        Day::WithoutLeap(number(rest, 1, 365)?)
    } else if let Some(behind) = rest.strip_prefix('M') {
        *rest = behind;
        let month = number(rest, 1, 12)?;
        *rest = rest.strip_prefix('.')?;
        let week = number(rest, 1, 5)?;
        *rest = rest.strip_prefix('.')?;
        Day::OfWeek { month, week, weekday: number(rest, 0, 6)? }
    } else {
        Day::OfYear(number(rest, 0, 365)?)
    };
    let time = match rest.strip_prefix('/') {
        Some(behind) => {
            *rest = behind;
            span(rest)?
        }
        None => 2 * HOUR_SECONDS,
    };
    Some(Change { day, time })
}
