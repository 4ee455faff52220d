//! Whole numbers and oids as text.

use super::{invalid_input, is_space, out_of_range};
use crate::error::Result;
use crate::types::builtin;

/// Appends a number in decimal.
pub(crate) fn write_i64(value: i64, out: &mut Vec<u8>) {
    // 19 digits and a sign.
    let mut buffer = [0u8; 20];
    let mut start = buffer.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        start -= 1;
        buffer[start] = b'-';
    }
    out.extend_from_slice(&buffer[start..]);
}

/// A number as PostgreSQL reads it: spaces around, an optional sign, digits.
pub(super) fn parse<T: TryFrom<i64>>(text: &str, type_name: &str) -> Result<T> {
    let number = text.trim_matches(is_space);
    let (negative, digits) = match number.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid_input(type_name, text));
    }
    // Counted downwards, because the least number has no positive twin.
    let mut value: i64 = 0;
    for digit in digits {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_sub(i64::from(digit - b'0')))
            .ok_or_else(|| out_of_range(type_name, text))?;
    }
    let value = if negative { Some(value) } else { value.checked_neg() };
    value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| out_of_range(type_name, text))
}

/// An oid: unsigned, but -1 is read as the greatest one.
pub(super) fn parse_oid(text: &str, ty: u32) -> Result<u32> {
    let name = builtin::info(ty).map_or("oid", |info| info.name);
    let value: i64 = parse(text, name)?;
    u32::try_from(value)
        .or_else(|_| i32::try_from(value).map(|value| value as u32))
        .map_err(|_| out_of_range(name, text))
}
