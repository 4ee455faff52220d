//! Numerics as text, as PostgreSQL reads and writes them.

use std::fmt;

use num_bigint::{BigInt, Sign};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::decimal::{digits_big, pow10, pow10_big, with_digits_small};
use super::{INTEGER_DIGITS_MAX, Numeric, NumericError, Parts, Result, SCALE_MAX};

/// Exponents from here on overflow whatever they belong to (half of what an i32 holds).
const EXPONENT_MAX: i64 = i32::MAX as i64 / 2;

impl Numeric {
    /// PostgreSQL's input: digits with an optional point and exponent, or `NaN`, `Infinity`, `inf`. White space
    /// around it is ignored.
    pub fn parse(text: &str) -> Result<Numeric> {
        let text = text.trim_matches(|c: char| u8::try_from(c).is_ok_and(is_space)).as_bytes();
        let (negative, signed, body) = match text {
            [b'-', rest @ ..] => (true, true, rest),
            [b'+', rest @ ..] => (false, true, rest),
            _ => (false, false, text),
        };
        if !matches!(body.first(), Some(b'0'..=b'9' | b'.')) {
            return if body.eq_ignore_ascii_case(b"infinity") || body.eq_ignore_ascii_case(b"inf") {
                Ok(if negative { Self::NEGATIVE_INFINITY } else { Self::INFINITY })
            } else if body.eq_ignore_ascii_case(b"nan") && !signed {
                Ok(Self::NAN)
            } else {
                Err(NumericError::Invalid)
            };
        }
        let integer = leading_digits(body);
        let (fraction, rest) = match &body[integer.len()..] {
            [b'.', rest @ ..] => {
                let fraction = leading_digits(rest);
                (fraction, &rest[fraction.len()..])
            }
            rest => (&[][..], rest),
        };
        if integer.is_empty() && fraction.is_empty() {
            return Err(NumericError::Invalid);
        }
        let exponent = parse_exponent(rest)?;
        assemble(negative, integer, fraction, exponent)
    }

    /// The value to 15 significant digits, as PostgreSQL casts float8.
    pub fn from_f64(value: f64) -> Numeric {
        Self::from_float(value, format_args!("{value:.14e}"))
    }

    /// The value to 6 significant digits, as PostgreSQL casts float4.
    pub fn from_f32(value: f32) -> Numeric {
        Self::from_float(f64::from(value), format_args!("{value:.5e}"))
    }

    /// From a float's scientific notation.
    fn from_float(value: f64, text: fmt::Arguments<'_>) -> Numeric {
        if value.is_nan() {
            return Self::NAN;
        }
        if value.is_infinite() {
            return if value > 0.0 { Self::INFINITY } else { Self::NEGATIVE_INFINITY };
        }
        let text = text.to_string();
        // Zeros at the end of the digits would become scale.
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        Self::parse(&format!("{digits}e{exponent}")).unwrap_or(Self::NAN)
    }

    /// The nearest float; beyond its range an infinity or zero.
    pub fn to_f64(&self) -> f64 {
        match self.parts() {
            Parts::Small(coefficient, scale) => {
                // Both are exact as floats, so that the quotient is rounded once.
                if scale <= 22 && coefficient.unsigned_abs() <= 1 << 53 {
                    let power = pow10(u32::from(scale)).unwrap_or(1) as f64;
                    return coefficient as f64 / power;
                }
                format!("{coefficient}e-{scale}").parse().unwrap_or(f64::NAN)
            }
            Parts::Big(..) => self.to_decimal().map_or(f64::NAN, |decimal| decimal.to_f64()),
            Parts::NaN => f64::NAN,
            Parts::Infinity => f64::INFINITY,
            Parts::NegativeInfinity => f64::NEG_INFINITY,
        }
    }
}

/// White space as C has it.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b'
}

/// The digits that `text` begins with.
fn leading_digits(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    &text[..count]
}

/// `e+12` and the like, or nothing.
fn parse_exponent(text: &[u8]) -> Result<i64> {
    let rest = match text {
        [] => return Ok(0),
        // White space may precede the exponent's sign, as C's strtol allows.
        [b'e' | b'E', rest @ ..] => &rest[rest.iter().take_while(|byte| is_space(**byte)).count()..],
        _ => return Err(NumericError::Invalid),
    };
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || leading_digits(digits).len() < digits.len() {
        return Err(NumericError::Invalid);
    }
    let magnitude = digits.iter().fold(0i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(EXPONENT_MAX));
    if magnitude >= EXPONENT_MAX {
        return Err(NumericError::Overflow);
    }
    Ok(if negative { -magnitude } else { magnitude })
}

/// The value of the digits before and after a point, times a power of ten.
fn assemble(negative: bool, integer: &[u8], fraction: &[u8], exponent: i64) -> Result<Numeric> {
    let scale = (fraction.len() as i64 - exponent).max(0);
    if scale > i64::from(SCALE_MAX) {
        return Err(NumericError::Overflow);
    }
    let mut digits =
        integer.iter().chain(fraction).map(|digit| digit - b'0').skip_while(|digit| *digit == 0).peekable();
    if digits.peek().is_none() {
        return Ok(Numeric::from_parts(0, scale as u16));
    }
    // Zeros that a positive exponent puts before the point.
    let zeros = (exponent - fraction.len() as i64).max(0);
    let count = digits.clone().count() as i64;
    if count + zeros - scale > INTEGER_DIGITS_MAX {
        return Err(NumericError::Overflow);
    }
    if count + zeros <= 38 {
        let magnitude = digits.fold(0i128, |sum, digit| sum * 10 + i128::from(digit));
        let magnitude = magnitude * pow10(zeros as u32).unwrap_or(1);
        return Ok(Numeric::from_parts(if negative { -magnitude } else { magnitude }, scale as u16));
    }
    let digits: Vec<u8> = digits.collect();
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    let magnitude = BigInt::from_radix_be(sign, &digits, 10).ok_or(NumericError::Invalid)?;
    Numeric::from_big(magnitude * pow10_big(zeros as u32), scale as u16)
}

impl fmt::Display for Numeric {
    /// PostgreSQL's output: all digits, as many after the point as the scale says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Parts::Small(coefficient, scale) => {
                with_digits_small(coefficient.unsigned_abs(), |digits| write_digits(f, coefficient < 0, digits, scale))
            }
            Parts::Big(coefficient, scale) => {
                write_digits(f, self.is_negative(), &digits_big(coefficient.magnitude()), scale)
            }
            Parts::NaN => f.pad("NaN"),
            Parts::Infinity => f.pad("Infinity"),
            Parts::NegativeInfinity => f.pad("-Infinity"),
        }
    }
}

/// Writes the digits with a point before the last `scale` of them.
fn write_digits(f: &mut fmt::Formatter<'_>, negative: bool, digits: &[u8], scale: u16) -> fmt::Result {
    const SHORT: usize = 64;
    let scale = usize::from(scale);
    let whole = digits.len().saturating_sub(scale);
    let length = digits.len().max(scale + 1) + 2;
    let (mut short, mut long) = ([0u8; SHORT], Vec::new());
    let buffer: &mut [u8] = if length <= SHORT {
        &mut short
    } else {
        long.resize(length, 0u8);
        &mut long
    };
    let mut at = 0;
    let mut put = |byte: u8| {
        buffer[at] = byte;
        at += 1;
    };
    if negative {
        put(b'-');
    }
    if whole == 0 {
        put(b'0');
    }
    digits[..whole].iter().for_each(|digit| put(b'0' + digit));
    if scale > 0 {
        put(b'.');
        (digits.len() - whole..scale).for_each(|_| put(b'0'));
        digits[whole..].iter().for_each(|digit| put(b'0' + digit));
    }
    f.write_str(std::str::from_utf8(&buffer[..at]).map_err(|_| fmt::Error)?)
}

impl std::str::FromStr for Numeric {
    type Err = NumericError;

    fn from_str(text: &str) -> Result<Self> {
        Numeric::parse(text)
    }
}

impl Serialize for Numeric {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Numeric::parse(&text).map_err(de::Error::custom)
    }
}
