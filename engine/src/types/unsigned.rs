//! Unsigned numbers of 64 bits: `pg_lsn` and `xid8`. A value is the signed number at the same place of the order.

use super::oid;
use super::text::invalid_input;
use crate::error::Result;

pub(crate) fn packed(number: u64) -> i64 {
    (number ^ 1 << 63) as i64
}

pub(crate) fn number_of(packed: i64) -> u64 {
    packed as u64 ^ 1 << 63
}

pub(crate) fn is_unsigned(ty: u32) -> bool {
    matches!(ty, oid::PG_LSN | oid::XID8)
}

pub(crate) fn text(packed: i64, ty: u32) -> String {
    let number = number_of(packed);
    if ty == oid::PG_LSN { format!("{:X}/{:X}", number >> 32, number & 0xffff_ffff) } else { number.to_string() }
}

/// `16/B374D848`: two hexadecimal numbers.
pub(crate) fn parse_lsn(text: &str) -> Result<i64> {
    let half = |digits: &str| match digits.len() {
        1..=8 if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => u64::from_str_radix(digits, 16).ok(),
        _ => None,
    };
    let parts = text.split_once('/').and_then(|(high, low)| half(high).zip(half(low)));
    parts.map(|(high, low)| packed(high << 32 | low)).ok_or_else(|| invalid_input("pg_lsn", text))
}

/// What C's `strtoull` makes of a text, which refuses nothing: decimal, `0x…` or octal, and whatever follows is left out.
pub(crate) fn lenient(text: &str) -> u64 {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (16, &digits[2..]),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let mut number: u64 = 0;
    for digit in digits.chars().map_while(|digit| digit.to_digit(radix)) {
        let next = number.checked_mul(u64::from(radix)).and_then(|number| number.checked_add(u64::from(digit)));
        match next {
            Some(next) => number = next,
            None => return u64::MAX,
        }
    }
    if negative { number.wrapping_neg() } else { number }
}
