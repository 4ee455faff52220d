//! ISO 8601 durations: `P1Y2M3DT4H5M6S`, `P0001-02-03T04:05:06`, and `P00010203T040506`.

use super::amount::{Amount, Fault, Unit};
use super::{HOUR, MINUTE, SECOND};

type Parsed<T> = Result<T, Fault>;

/// Reads a duration; it begins with a P.
pub(super) fn read(text: &str) -> Parsed<Amount> {
    let mut reader = Reader { rest: text.strip_prefix('P').ok_or(Fault::BadFormat)?, amount: Amount::default() };
    if reader.rest.is_empty() {
        return Err(Fault::BadFormat);
    }
    reader.read()?;
    Ok(reader.amount)
}

struct Reader<'a> {
    rest: &'a str,
    amount: Amount,
}

impl Reader<'_> {
    fn read(&mut self) -> Parsed<()> {
        let (mut in_date, mut has_field) = (true, false);
        while !self.rest.is_empty() {
            if self.take('T') {
                (in_date, has_field) = (false, false);
                continue;
            }
            let digits = self.rest.strip_prefix('-').unwrap_or(self.rest);
            let width = digits.bytes().take_while(u8::is_ascii_digit).count();
            let (whole, fraction) = self.number()?;
            let unit = self.rest.chars().next();
            let named = match (unit, in_date) {
                (Some('Y'), true) => Some(Unit::Year),
                (Some('M'), true) => Some(Unit::Month),
                (Some('W'), true) => Some(Unit::Week),
                (Some('D'), true) => Some(Unit::Day),
                (Some('H'), false) => Some(Unit::Hour),
                (Some('M'), false) => Some(Unit::Minute),
                (Some('S'), false) => Some(Unit::Second),
                _ => None,
            };
            if let Some(named) = named {
                self.rest = &self.rest[1..];
                self.amount.add(whole, fraction, named)?;
                has_field = true;
                continue;
            }
            let ends = matches!(unit, None | Some('T')) && in_date || unit.is_none();
            if has_field || !(ends || unit == Some(if in_date { '-' } else { ':' })) {
                return Err(Fault::BadFormat);
            }
            if in_date {
                self.date(whole, fraction, width, ends)?;
            } else {
                self.time(whole, fraction, width, ends)?;
            }
            has_field = false;
        }
        Ok(())
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The alternative form of a date, after its first number.
    fn date(&mut self, whole: i64, fraction: f64, width: usize, ends: bool) -> Parsed<()> {
        if ends && width == 8 {
            self.amount.add(whole / 10_000, 0.0, Unit::Year)?;
            self.amount.add(whole / 100 % 100, 0.0, Unit::Month)?;
            return self.amount.add(whole % 100, fraction, Unit::Day);
        }
        self.amount.add(whole, fraction, Unit::Year)?;
        for unit in [Unit::Month, Unit::Day] {
            if self.rest.is_empty() || self.rest.starts_with('T') {
                return Ok(());
            }
            if !self.take('-') {
                return Err(Fault::BadFormat);
            }
            let (whole, fraction) = self.number()?;
            self.amount.add(whole, fraction, unit)?;
        }
        if self.rest.is_empty() || self.rest.starts_with('T') { Ok(()) } else { Err(Fault::BadFormat) }
    }

    /// The alternative form of a time, which ends the text.
    fn time(&mut self, whole: i64, fraction: f64, width: usize, ends: bool) -> Parsed<()> {
        if ends && width == 6 {
            for (part, unit) in [(whole / 10_000, HOUR), (whole / 100 % 100, MINUTE), (whole % 100, SECOND)] {
                self.amount.add_microseconds(part * unit)?;
            }
            return self.amount.add(0, fraction, Unit::Microsecond);
        }
        self.amount.add(whole, fraction, Unit::Hour)?;
        for unit in [Unit::Minute, Unit::Second] {
            if self.rest.is_empty() {
                return Ok(());
            }
            if !self.take(':') {
                return Err(Fault::BadFormat);
            }
            let (whole, fraction) = self.number()?;
            self.amount.add(whole, fraction, unit)?;
        }
        if self.rest.is_empty() { Ok(()) } else { Err(Fault::BadFormat) }
    }

    /// A decimal number with an exponent perhaps, as its whole part and what is below one, both with its sign.
    fn number(&mut self) -> Parsed<(i64, f64)> {
        let bytes = self.rest.as_bytes();
        let count =
            |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = usize::from(self.rest.starts_with('-'));
        let whole = count(end);
        end += whole;
        let mut digits = whole;
        if bytes.get(end) == Some(&b'.') {
            let fraction = count(end + 1);
            digits += fraction;
            end += 1 + fraction;
        }
        if digits == 0 {
            return Err(Fault::BadFormat);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
            let exponent = count(end + 1 + sign);
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        let value: f64 = self.rest[..end].parse().map_err(|_| Fault::BadFormat)?;
        if !(-1e15..=1e15).contains(&value) {
            return Err(Fault::Overflow);
        }
        self.rest = &self.rest[end..];
        Ok((value.trunc() as i64, value - value.trunc()))
    }
}
