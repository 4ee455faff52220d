//! bytea and uuid as text.

use super::{ByteaOutput, is_space};
use crate::error::{Error, Result, SqlState};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends two hexadecimal digits a byte.
pub(crate) fn encode_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Reads pairs of hexadecimal digits; spaces between pairs are ignored.
pub(crate) fn decode_hex(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut chars = text.chars().filter(|c| !is_space(*c));
    let digit = |c: char| {
        c.to_digit(16)
            .map(|digit| digit as u8)
            .ok_or_else(|| Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid hexadecimal digit: \"{c}\"")))
    };
    while let Some(high) = chars.next() {
        let high = digit(high)?;
        let low = chars.next().ok_or_else(|| {
            Error::new(SqlState::INVALID_PARAMETER_VALUE, "invalid hexadecimal data: odd number of digits")
        })?;
        out.push(high << 4 | digit(low)?);
    }
    Ok(out)
}

pub(super) fn write(bytes: &[u8], output: ByteaOutput, out: &mut Vec<u8>) {
    match output {
        ByteaOutput::Hex => {
            out.extend_from_slice(b"\\x");
            encode_hex(bytes, out);
        }
        ByteaOutput::Escape => write_escaped(bytes, out),
    }
}

/// The old form: what is not printable ASCII as three octal digits.
fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7e => out.push(*byte),
            _ => out.extend_from_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        return decode_hex(digits);
    }
    parse_escaped(text)
}

/// Reads the old form: a backslash before three octal digits or another backslash.
pub(crate) fn parse_escaped(text: &str) -> Result<Vec<u8>> {
    let invalid = || Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Ok(out),
            [b'\\', b'\\', rest @ ..] => {
                out.push(b'\\');
                rest
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            [b'\\', ..] => return Err(invalid()),
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
        };
    }
}

/// Appends a uuid: 8-4-4-4-12 digits.
pub(super) fn write_uuid(value: &[u8; 16], out: &mut Vec<u8>) {
    for (position, byte) in value.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// 32 digits, in braces or not, with a hyphen allowed after each group of four.
pub(super) fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut value = [0u8; 16];
    let mut count = 0;
    let mut hyphen = true;
    for byte in inner.bytes() {
        if byte == b'-' {
            if hyphen || count % 4 != 0 || count == 32 {
                return None;
            }
            hyphen = true;
            continue;
        }
        let digit = (byte as char).to_digit(16)? as u8;
        *value.get_mut(count / 2)? |= if count % 2 == 0 { digit << 4 } else { digit };
        count += 1;
        hyphen = false;
    }
    (count == 32).then_some(value)
}

/// A client's bytes as text, which is UTF-8 without zero bytes; else 22021 with the bytes of the first character that is
/// none.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    let wrong = match std::str::from_utf8(bytes) {
        Ok(text) => match bytes.iter().position(|&byte| byte == 0) {
            None => return Ok(text),
            Some(at) => &bytes[at..=at],
        },
        Err(error) => {
            let rest = &bytes[error.valid_up_to()..];
            // As many as the first of them announces.
            let announced = match rest.first() {
                Some(0xc0..=0xdf) => 2,
                Some(0xe0..=0xef) => 3,
                Some(0xf0..=0xf7) => 4,
                _ => 1,
            };
            &rest[..announced.min(rest.len())]
        }
    };
    let mut message = "invalid byte sequence for encoding \"UTF8\":".to_owned();
    for byte in wrong {
        message.push_str(&format!(" 0x{byte:02x}"));
    }
    Err(Error::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message))
}
