//! `money`: a whole number of cents. Its text is what PostgreSQL's C locale makes of it: `-$1,234.56`.

use super::text::{invalid_input, is_space};
use crate::error::{Error, Result, SqlState};

/// Digits behind the point.
const FRACTION_DIGITS: u32 = 2;

/// Cents in one.
pub(crate) const CENTS: i64 = 10_i64.pow(FRACTION_DIGITS);

pub(crate) fn text(cents: i64) -> String {
    let (whole, rest) = (cents.unsigned_abs() / CENTS as u64, cents.unsigned_abs() % CENTS as u64);
    let digits = whole.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}${grouped}.{rest:02}", if cents < 0 { "-" } else { "" })
}

/// Reads the text form: signs, parentheses for what is negative, the currency's symbol and commas may stand about. A third digit
/// behind the point rounds. 22P02 for anything else, 22003 beyond 64 bits.
pub(crate) fn parse(text: &str) -> Result<i64> {
    let too_large = || {
        let message = format!("value \"{text}\" is out of range for type money");
        Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
    };
    let after_symbol = |rest: &str| {
        let rest = rest.trim_start_matches(is_space);
        rest.strip_prefix('$').unwrap_or(rest).trim_start_matches(is_space).to_owned()
    };
    let start = after_symbol(text);
    let (mut negative, unsigned) = match start.as_bytes().first() {
        Some(b'-' | b'(') => (true, &start[1..]),
        Some(b'+') => (false, &start[1..]),
        _ => (false, &start[..]),
    };
    let rest = after_symbol(unsigned);
    let mut rest = rest.as_bytes();
    // Kept negative, because there is one negative number more.
    let mut cents: i64 = 0;
    let mut fraction: Option<u32> = None;
    while let [next, behind @ ..] = rest {
        match next {
            b'0'..=b'9' if fraction.is_none_or(|digits| digits < FRACTION_DIGITS) => {
                let shifted = cents.checked_mul(10).and_then(|cents| cents.checked_sub(i64::from(next - b'0')));
                cents = shifted.ok_or_else(too_large)?;
                fraction = fraction.map(|digits| digits + 1);
            }
            b'.' if fraction.is_none() => fraction = Some(0),
            b',' => {}
            _ => break,
        }
        rest = behind;
    }
    if matches!(rest, [b'5'..=b'9', ..]) {
        cents = cents.checked_sub(1).ok_or_else(too_large)?;
    }
    for _ in fraction.unwrap_or(0)..FRACTION_DIGITS {
        cents = cents.checked_mul(10).ok_or_else(too_large)?;
    }
    while let [b'0'..=b'9', behind @ ..] = rest {
        rest = behind;
    }
    for byte in rest {
        match byte {
            b'-' => negative = true,
            b')' | b'+' | b'$' => {}
            other if is_space(char::from(*other)) => {}
            _ => return Err(invalid_input("money", text)),
        }
    }
    if negative { Ok(cents) } else { cents.checked_neg().ok_or_else(too_large) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_back() {
        for cents in [0, 1, -1, 99, 100, 123_456, -100_000_000, i64::MAX, i64::MIN] {
            assert_eq!(parse(&text(cents)).ok(), Some(cents), "{}", text(cents));
        }
        assert_eq!(text(-123_456_789), "-$1,234,567.89");
    }

    #[test]
    fn forms() {
        for (given, cents) in [("", 0), (" ( $1,2,3.456 ) ", -12_346), ("5-", -500), ("+$ .5", 50), ("$+1", 100)] {
            assert_eq!(parse(given).ok(), Some(cents), "{given:?}");
        }
        for given in ["1 2", "x", "1.2.3", "--1", "92233720368547758.08"] {
            assert!(parse(given).is_err(), "{given:?}");
        }
    }
}
