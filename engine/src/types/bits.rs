//! Bit strings: `bit(n)` and `bit varying(n)`.
//!
//! A value is bytes that sort as bit strings do, by their bits and then by their length: before each byte of bits stands a 1,
//! and behind the last a 0 and how many bits of the last byte count.

use super::{Type, oid};
use crate::error::{Error, Result, SqlState};

/// Most bits that a type may say.
pub(crate) const LENGTH_MAX: i32 = 10_485_760 * 8;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bits {
    /// The first bit is the highest of the first byte; bits behind the last are 0.
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    pub(crate) fn of(bits: impl Iterator<Item = bool>) -> Self {
        let mut made = Self::default();
        for bit in bits {
            if made.length % 8 == 0 {
                made.bytes.push(0);
            }
            made.length += 1;
            made.set(made.length - 1, bit);
        }
        made
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn get(&self, at: usize) -> bool {
        self.bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    }

    pub(crate) fn set(&mut self, at: usize, bit: bool) {
        if let Some(byte) = self.bytes.get_mut(at / 8) {
            let mask = 1 << (7 - at % 8);
            *byte = if bit { *byte | mask } else { *byte & !mask };
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = bool> {
        (0..self.length).map(|at| self.get(at))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bits of a place in the string, as many of them as there are.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        Self::of((from..to.min(self.length)).map(|at| self.get(at)))
    }

    /// As many bits, cut or with zeros behind.
    pub(crate) fn resized(&self, length: usize) -> Self {
        Self::of((0..length).map(|at| at < self.length && self.get(at)))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() * 2 + 2);
        for byte in &self.bytes {
            out.extend([1, *byte]);
        }
        // 1 to 8; an empty string has no last byte.
        let last = if self.length == 0 { 0 } else { (self.length - 1) % 8 + 1 };
        out.extend([0, last as u8]);
        out
    }

    pub(crate) fn decode(encoded: &[u8]) -> Option<Self> {
        let (pairs, end) = encoded.split_at_checked(encoded.len().checked_sub(2)?)?;
        let bytes: Vec<u8> = pairs.chunks_exact(2).map(|pair| pair[1]).collect();
        let length = if bytes.is_empty() { 0 } else { (bytes.len() - 1) * 8 + usize::from(end[1]) };
        Some(Self { bytes, length })
    }

    /// Reads `0101`, `b0101` or `x5`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let hexadecimal = text.starts_with(['x', 'X']);
        let digits = text.strip_prefix(['x', 'X', 'b', 'B']).unwrap_or(text);
        let invalid = |digit: char, kind: &str| {
            let words = format!("\"{digit}\" is not a valid {kind} digit");
            Error::new(SqlState::INVALID_TEXT_REPRESENTATION, words)
        };
        let mut bits = Vec::with_capacity(digits.len());
        for digit in digits.chars() {
            if hexadecimal {
                let value = digit.to_digit(16).ok_or_else(|| invalid(digit, "hexadecimal"))?;
                bits.extend((0..4).rev().map(|at| value >> at & 1 == 1));
            } else {
                bits.push(match digit {
                    '0' => false,
                    '1' => true,
                    _ => return Err(invalid(digit, "binary")),
                });
            }
        }
        Ok(Self::of(bits.into_iter()))
    }

    pub(crate) fn text(&self) -> String {
        self.iter().map(|bit| if bit { '1' } else { '0' }).collect()
    }

    /// The binary form: how many bits, and the bytes.
    pub(crate) fn write_binary(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&i32::try_from(self.length).unwrap_or(i32::MAX).to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }

    pub(crate) fn read_binary(bytes: &[u8]) -> Result<Self> {
        let invalid = || Error::new(SqlState("22P03"), "invalid length in external bit string");
        let (length, bytes) = bytes.split_first_chunk::<4>().ok_or_else(invalid)?;
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| invalid())?;
        if bytes.len() != length.div_ceil(8) {
            return Err(invalid());
        }
        let read = Self { bytes: bytes.to_vec(), length };
        // What is behind the last bit does not count.
        Ok(read.part(0, length))
    }

    /// Fits a type's modifier: `bit(n)` has n bits, `bit varying(n)` no more than n. An explicit cast makes them so.
    pub(crate) fn fit(self, ty: Type, explicit: bool) -> Result<Self> {
        let Some(wanted) = usize::try_from(ty.modifier).ok().filter(|wanted| *wanted > 0) else { return Ok(self) };
        let fits = if ty.oid == oid::BIT { self.length == wanted } else { self.length <= wanted };
        if fits {
            return Ok(self);
        }
        if explicit {
            return Ok(self.resized(wanted));
        }
        Err(if ty.oid == oid::BIT {
            let words = format!("bit string length {} does not match type bit({wanted})", self.length);
            Error::new(SqlState("22026"), words)
        } else {
            let words = format!("bit string too long for type bit varying({wanted})");
            Error::new(SqlState::STRING_DATA_RIGHT_TRUNCATION, words)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn encodings_sort_as_bit_strings() {
        let sorted =
            ["", "0", "00", "000000000", "00000001", "1", "10", "10000000", "1000000000000000", "100000001", "11"];
        let encoded: Vec<Vec<u8>> = sorted.iter().map(|text| Bits::parse(text).unwrap().encode()).collect();
        for (text, encoded) in sorted.iter().zip(&encoded) {
            assert_eq!(Bits::decode(encoded).unwrap().text(), *text);
        }
        assert!(encoded.windows(2).all(|pair| pair[0] < pair[1]), "{encoded:?}");
        assert_eq!(Bits::parse("x1F").unwrap().text(), "00011111");
    }
}
