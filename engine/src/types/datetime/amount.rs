//! How much time the parts of an interval's text make, each part checked as it is added.

use storage::Interval;

use super::{DAY, HOUR, MINUTE, SECOND};

/// Why text is no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    BadFormat,
    Overflow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millennium,
    Century,
    Decade,
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

impl Unit {
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Sums of the parts.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Amount {
    years: i32,
    months: i32,
    days: i32,
    microseconds: i64,
}

type Added = Result<(), Fault>;

fn add_to(place: &mut i32, value: i64, factor: i64) -> Added {
    let sum = value.checked_mul(factor).and_then(|value| value.checked_add(i64::from(*place)));
    *place = sum.and_then(|sum| i32::try_from(sum).ok()).ok_or(Fault::Overflow)?;
    Ok(())
}

impl Amount {
    /// Adds `whole` and `fraction` (below one) of a unit; parts of months go into days, parts of days into the time.
    pub(super) fn add(&mut self, whole: i64, fraction: f64, unit: Unit) -> Added {
        match unit {
            Unit::Millennium => self.add_years(whole, fraction, 1000),
            Unit::Century => self.add_years(whole, fraction, 100),
            Unit::Decade => self.add_years(whole, fraction, 10),
            Unit::Year => self.add_years(whole, fraction, 1),
            Unit::Month => {
                add_to(&mut self.months, whole, 1)?;
                self.add_part_of_days(fraction * 30.0)
            }
            Unit::Week => {
                add_to(&mut self.days, whole, 7)?;
                self.add_part_of_days(fraction * 7.0)
            }
            Unit::Day => {
                add_to(&mut self.days, whole, 1)?;
                self.add_part(fraction, DAY)
            }
            Unit::Hour => self.add_time(whole, fraction, HOUR),
            Unit::Minute => self.add_time(whole, fraction, MINUTE),
            Unit::Second => self.add_time(whole, fraction, SECOND),
            Unit::Millisecond => self.add_time(whole, fraction, 1000),
            Unit::Microsecond => self.add_time(whole, fraction, 1),
        }
    }

    /// Years and more keep whole months only.
    fn add_years(&mut self, whole: i64, fraction: f64, years: i64) -> Added {
        add_to(&mut self.years, whole, years)?;
        add_to(&mut self.months, (fraction * years as f64 * 12.0).round_ties_even() as i64, 1)
    }

    fn add_part_of_days(&mut self, days: f64) -> Added {
        add_to(&mut self.days, days as i64, 1)?;
        self.add_part(days - days.trunc(), DAY)
    }

    fn add_time(&mut self, whole: i64, fraction: f64, unit: i64) -> Added {
        self.add_microseconds(whole.checked_mul(unit).ok_or(Fault::Overflow)?)?;
        self.add_part(fraction, unit)
    }

    fn add_part(&mut self, fraction: f64, unit: i64) -> Added {
        let exact = fraction * unit as f64;
        let whole = exact.trunc();
        let rest = exact - whole;
        let up = if rest > 0.5 {
            1
        } else if rest < -0.5 {
            -1
        } else {
            0
        };
        self.add_microseconds(whole as i64 + up)
    }

    pub(super) fn add_microseconds(&mut self, microseconds: i64) -> Added {
        self.microseconds = self.microseconds.checked_add(microseconds).ok_or(Fault::Overflow)?;
        Ok(())
    }

    pub(super) fn negate(&mut self) -> Added {
        let negated = |value: i32| value.checked_neg().ok_or(Fault::Overflow);
        (self.years, self.months, self.days) = (negated(self.years)?, negated(self.months)?, negated(self.days)?);
        self.microseconds = self.microseconds.checked_neg().ok_or(Fault::Overflow)?;
        Ok(())
    }

    /// `None` if the months are too many.
    pub(super) fn interval(self) -> Option<Interval> {
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        Some(Interval { months: i32::try_from(months).ok()?, days: self.days, microseconds: self.microseconds })
    }
}
