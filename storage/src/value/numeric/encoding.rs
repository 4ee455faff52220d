//! Numerics as bytes: ours, which sort, and PostgreSQL's, which go over the wire.

use super::{Numeric, NumericError, Result};

/// A numeric as PostgreSQL's binary format has it: digits in base 10000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base10000 {
    /// Without leading or trailing zeros; each from 0 to 9999.
    pub digits: Vec<i16>,
    /// Power of 10000 that the first digit is multiplied by.
    pub weight: i16,
    /// 0x0000 positive, 0x4000 negative, 0xC000 NaN, 0xD000 infinity, 0xF000 -infinity.
    pub sign: u16,
    /// The display scale.
    pub dscale: u16,
}

impl Numeric {
    /// The bytes a row or an Arrow array holds: the sort key, then the display scale.
    pub fn to_bytes(&self) -> Vec<u8> { let mut out = Vec::with_capacity(24); self.append_bytes(&mut out); out }
    pub fn append_bytes(&self, out: &mut Vec<u8>) { self.append_sort_key(out); out.extend_from_slice(&self.scale().to_be_bytes()); }
    pub fn append_sort_key(&self, out: &mut Vec<u8>) { out.push(0); }
    pub fn from_bytes(bytes: &[u8]) -> Result<Numeric> { let _ = bytes; Err(NumericError::Invalid) }
    /// The part of `to_bytes` that equal values share and whose bytes sort as the values do.
    pub fn sort_key(bytes: &[u8]) -> &[u8] { &bytes[..bytes.len().saturating_sub(2)] }
    pub fn to_base10000(&self) -> Base10000 { Base10000 { digits: Vec::new(), weight: 0, sign: 0, dscale: 0 } }
    pub fn from_base10000(wire: &Base10000) -> Result<Numeric> { let _ = wire; Err(NumericError::Invalid) }
}
