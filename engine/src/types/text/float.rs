//! Floats as text: the shortest digits that read back as the same number, laid out as PostgreSQL does.

use std::fmt::LowerExp;
use std::io::Write;

use super::{invalid_input, is_space};
use crate::error::{Error, Result, SqlState};

/// From here on, few enough digits may lie just between two numbers. Those that read back as the even one of them are not
/// enough for PostgreSQL: they have to be nearer to the number than to any other.
const LEAST_TIE_F64: f64 = 4_503_599_627_370_496.0;
const LEAST_TIE_F32: f32 = 8_388_608.0;

/// Appends a float8.
pub(crate) fn write_f64(value: f64, extra_digits: i32, out: &mut Vec<u8>) {
    if write_special(value, out) {
        return;
    }
    let mut scratch = Scratch::default();
    if extra_digits > 0 {
        // Writing to the scratch space cannot fail: no double has so many digits.
        let _ = write!(scratch, "{value:e}");
        if value.abs() >= LEAST_TIE_F64 && value.to_bits() & 1 == 0 {
            scratch.part_from_neighbours(17, value, |text| text.parse().ok());
        }
        lay_out(scratch.written(), 15, out);
    } else {
        let digits = (15 + extra_digits).max(1);
        let _ = write!(scratch, "{value:.*e}", digits as usize - 1);
        lay_out(scratch.written(), digits, out);
    }
}

/// Appends a float4.
pub(crate) fn write_f32(value: f32, extra_digits: i32, out: &mut Vec<u8>) {
    if write_special(f64::from(value), out) {
        return;
    }
    let mut scratch = Scratch::default();
    if extra_digits > 0 {
        let _ = write!(scratch, "{value:e}");
        if value.abs() >= LEAST_TIE_F32 && value.to_bits() & 1 == 0 {
            scratch.part_from_neighbours(9, value, |text| text.parse().ok());
        }
        lay_out(scratch.written(), 6, out);
    } else {
        let digits = (6 + extra_digits).max(1);
        let _ = write!(scratch, "{value:.*e}", digits as usize - 1);
        lay_out(scratch.written(), digits, out);
    }
}

fn write_special(value: f64, out: &mut Vec<u8>) -> bool {
    let word: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value == f64::INFINITY {
        b"Infinity"
    } else if value == f64::NEG_INFINITY {
        b"-Infinity"
    } else {
        return false;
    };
    out.extend_from_slice(word);
    true
}

/// Room for a float in scientific notation.
#[derive(Default)]
struct Scratch {
    bytes: [u8; 32],
    length: usize,
}

impl Scratch {
    fn written(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Takes more digits, if the number's shortest ones are half-way to another number.
    fn part_from_neighbours<F: PartialEq + LowerExp>(
        &mut self,
        digits_max: usize,
        value: F,
        read: fn(&str) -> Option<F>,
    ) {
        while let Some((digits, above, below)) = self.just_beside() {
            if (read(&above).as_ref() == Some(&value) && read(&below).as_ref() == Some(&value)) || digits >= digits_max
            {
                return;
            }
            self.length = 0;
            let _ = write!(self, "{value:.digits$e}");
        }
    }

    /// How many digits there are, and two numbers that are greater and less than the written one by next to nothing.
    fn just_beside(&self) -> Option<(usize, String, String)> {
        let text = std::str::from_utf8(self.written()).ok()?;
        let (mantissa, exponent) = text.split_once('e')?;
        let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let whole: u64 = digits.parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(digits.len() - 1).ok()?;
        let beside = |whole: u64, rest: &str| format!("{sign}{whole}.{rest}e{exponent}");
        let above = beside(whole, &format!("{:0>60}", 1));
        Some((digits.len(), above, beside(whole.checked_sub(1)?, &"9".repeat(60))))
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = &mut self.bytes[self.length..];
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.length += count;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Turns `-1.25e7` into what `%g` prints: without an exponent where it is from -4 to below `digits_max`.
fn lay_out(scientific: &[u8], digits_max: i32, out: &mut Vec<u8>) {
    let (mantissa, exponent) = match scientific.iter().position(|byte| *byte == b'e') {
        Some(at) => (&scientific[..at], &scientific[at + 1..]),
        None => (scientific, &b"0"[..]),
    };
    let exponent: i32 = std::str::from_utf8(exponent).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let mantissa = match mantissa {
        [b'-', rest @ ..] => {
            out.push(b'-');
            rest
        }
        all => all,
    };
    let mut digits = [0u8; 32];
    let mut count = 0;
    for byte in mantissa.iter().filter(|byte| byte.is_ascii_digit()) {
        digits[count] = *byte;
        count += 1;
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    let digits = &digits[..count];
    if !(-4..digits_max).contains(&exponent) {
        out.extend_from_slice(&digits[..1]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        let exponent = exponent.unsigned_abs();
        if exponent < 10 {
            out.push(b'0');
        }
        super::write_i64(i64::from(exponent), out);
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
        out.extend_from_slice(digits);
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            out.extend_from_slice(digits);
            out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
        } else {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
    }
}

/// Reads a float8: digits, NaN, inf, infinity; 22003 for what is too great or too small.
pub(super) fn parse_f64(text: &str) -> Result<f64> {
    let number = text.trim_matches(is_space);
    let value: f64 = number.parse().map_err(|_| invalid_input("double precision", text))?;
    check(number, text, value.is_infinite(), value == 0.0, "double precision")?;
    Ok(value)
}

/// Reads a float4.
pub(super) fn parse_f32(text: &str) -> Result<f32> {
    let number = text.trim_matches(is_space);
    let value: f32 = number.parse().map_err(|_| invalid_input("real", text))?;
    check(number, text, value.is_infinite(), value == 0.0, "real")?;
    Ok(value)
}

/// An infinity or zero that the text does not say is a number that does not fit.
fn check(number: &str, text: &str, infinite: bool, zero: bool, type_name: &str) -> Result<()> {
    let digits = number.split(['e', 'E']).next().unwrap_or(number);
    let says_infinity = number.contains(['i', 'I']);
    let says_zero = !digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if (infinite && !says_infinity) || (zero && !says_zero) {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{text}\" is out of range for type {type_name}"),
        ));
    }
    Ok(())
}
