//! Numerics as bytes: ours, which sort, and PostgreSQL's, which go over the wire.
//!
//! The sort key of a positive value is its exponent in base 100, then its digits in base 100, from the first to the
//! last that is not zero: each doubled, plus one if more follow. So the key ends by itself, and a longer fraction
//! sorts after its beginning. A negative value has the bytes of its opposite inverted.

use num_bigint::{BigInt, BigUint, Sign};

use super::decimal::{digits_big, pow10, pow10_big, rescale_truncating, with_digits_small};
use super::{INTEGER_DIGITS_MAX, Numeric, NumericError, Parts, Result, SCALE_MAX};

/// First bytes of keys. What lies between `SMALL` and `LARGE` is an exponent plus `EXPONENT_ZERO`.
const NEGATIVE_INFINITY: u8 = 0x01;
const ZERO: u8 = 0x80;
/// An exponent too small for one byte follows in two, plus `SMALL_ZERO`.
const SMALL: u8 = 0x81;
const SMALL_ZERO: i64 = 0x4000;
const EXPONENT_ZERO: i64 = 0xBF;
/// An exponent too large for one byte follows in four.
const LARGE: u8 = 0xFC;
const INFINITY: u8 = 0xFE;
const NAN: u8 = 0xFF;

/// The display scale, at the end of a value's bytes.
const SCALE_BYTES: usize = 2;

/// A numeric as PostgreSQL's binary format has it: digits in base 10000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base10000 {
    /// Each from 0 to 9999; `Numeric::to_base10000` leaves no zeros at either end.
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
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        self.append_bytes(&mut out);
        out
    }

    /// Appends what [`Numeric::to_bytes`] makes.
    pub fn append_bytes(&self, out: &mut Vec<u8>) {
        self.append_sort_key(out);
        out.extend_from_slice(&self.scale().to_be_bytes());
    }

    /// Appends the sort key: equal values have equal keys whatever their scales, and keys sort as the values do.
    pub fn append_sort_key(&self, out: &mut Vec<u8>) {
        match self.parts() {
            Parts::Small(0, _) => out.push(ZERO),
            Parts::Small(coefficient, scale) => with_digits_small(coefficient.unsigned_abs(), |digits| {
                append_key(coefficient < 0, digits, scale, out);
            }),
            Parts::Big(coefficient, scale) => {
                append_key(self.is_negative(), &digits_big(coefficient.magnitude()), scale, out);
            }
            Parts::NaN => out.push(NAN),
            Parts::Infinity => out.push(INFINITY),
            Parts::NegativeInfinity => out.push(NEGATIVE_INFINITY),
        }
    }

    /// The part of a value's bytes that is its sort key.
    pub fn sort_key(bytes: &[u8]) -> &[u8] {
        &bytes[..bytes.len().saturating_sub(SCALE_BYTES)]
    }

    /// How many of the bytes are the sort key that they begin with. None if they begin with none.
    pub fn sort_key_length(bytes: &[u8]) -> Option<usize> {
        let first = *bytes.first()?;
        let flip = if first < ZERO { 0xFF } else { 0 };
        let digits_at = match first ^ flip {
            ZERO | NAN | INFINITY => return Some(1),
            SMALL => 3,
            LARGE => 5,
            _ => 1,
        };
        // The last pair of digits is the even one.
        let last = bytes.get(digits_at..)?.iter().position(|byte| (byte ^ flip) & 1 == 0)?;
        Some(digits_at + last + 1)
    }

    /// The value that [`Numeric::to_bytes`] made the bytes from. A scale too small for the digits is widened, so
    /// that a bare sort key and any scale make a value.
    pub fn from_bytes(bytes: &[u8]) -> Result<Numeric> {
        let (key, scale) = bytes.split_last_chunk::<SCALE_BYTES>().ok_or(NumericError::Invalid)?;
        let scale = u16::from_be_bytes(*scale);
        let (&first, rest) = key.split_first().ok_or(NumericError::Invalid)?;
        let negative = first < ZERO;
        let flip = if negative { 0xFF } else { 0 };
        let (exponent, digits) = match first ^ flip {
            ZERO if key.len() == 1 && scale <= SCALE_MAX => return Ok(Self::from_parts(0, scale)),
            NAN if key.len() == 1 && !negative => return Ok(Self::NAN),
            INFINITY if key.len() == 1 => {
                return Ok(if negative { Self::NEGATIVE_INFINITY } else { Self::INFINITY });
            }
            SMALL => {
                let (bytes, digits) = rest.split_first_chunk::<2>().ok_or(NumericError::Invalid)?;
                (i64::from(u16::from_be_bytes(bytes.map(|byte| byte ^ flip))) - SMALL_ZERO, digits)
            }
            LARGE => {
                let (bytes, digits) = rest.split_first_chunk::<4>().ok_or(NumericError::Invalid)?;
                (i64::from(u32::from_be_bytes(bytes.map(|byte| byte ^ flip))), digits)
            }
            byte if byte > SMALL && byte < LARGE => (i64::from(byte) - EXPONENT_ZERO, rest),
            _ => return Err(NumericError::Invalid),
        };
        read_digits(negative, exponent, digits, flip, scale)
    }

    /// The value in base 10000.
    pub fn to_base10000(&self) -> Base10000 {
        let (sign, dscale) = match self.parts() {
            Parts::Small(coefficient, scale) => {
                return with_digits_small(coefficient.unsigned_abs(), |digits| {
                    base10000(coefficient < 0, digits, scale)
                });
            }
            Parts::Big(coefficient, scale) => {
                return base10000(self.is_negative(), &digits_big(coefficient.magnitude()), scale);
            }
            Parts::NaN => (0xC000, 0),
            // PostgreSQL shows a bit of its own storage format here.
            Parts::Infinity => (0xD000, 0x20),
            Parts::NegativeInfinity => (0xF000, 0x20),
        };
        Base10000 { digits: Vec::new(), weight: 0, sign, dscale }
    }

    /// The value of digits in base 10000. Those beyond the display scale are cut off, as PostgreSQL does.
    pub fn from_base10000(wire: &Base10000) -> Result<Numeric> {
        let negative = match wire.sign {
            0x0000 => false,
            0x4000 => true,
            0xC000 => return Ok(Self::NAN),
            0xD000 => return Ok(Self::INFINITY),
            0xF000 => return Ok(Self::NEGATIVE_INFINITY),
            _ => return Err(NumericError::Invalid),
        };
        if wire.dscale > SCALE_MAX || wire.digits.iter().any(|digit| !(0..10_000).contains(digit)) {
            return Err(NumericError::Invalid);
        }
        let zeros = wire.digits.iter().take_while(|digit| **digit == 0).count();
        let groups = &wire.digits[zeros..];
        let weight = i64::from(wire.weight) - zeros as i64;
        // Nothing that the scale could show: spares the power of ten below.
        if groups.is_empty() || (weight + 1) * 4 + i64::from(wire.dscale) <= 0 {
            return Ok(Self::from_parts(0, wire.dscale));
        }
        if weight * 4 >= INTEGER_DIGITS_MAX {
            return Err(NumericError::Overflow);
        }
        let mut digits = Vec::with_capacity(groups.len() * 4);
        for group in groups {
            digits.extend([group / 1000, group / 100 % 10, group / 10 % 10, group % 10].map(|digit| digit as u8));
        }
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        let coefficient = BigInt::from_radix_be(sign, &digits, 10).ok_or(NumericError::Invalid)?;
        let scale = (groups.len() as i64 - 1 - weight) * 4;
        Self::from_big(rescale_truncating(coefficient, scale, i64::from(wire.dscale)), wire.dscale)
    }
}

/// Appends the key of a value that is not zero: its decimal digits, the last `scale` of them after the point.
fn append_key(negative: bool, digits: &[u8], scale: u16, out: &mut Vec<u8>) {
    let exponent = digits.len() as i64 - i64::from(scale) - 1;
    let digits = &digits[..digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1)];
    let start = out.len();
    let pairs_exponent = exponent.div_euclid(2);
    match pairs_exponent + EXPONENT_ZERO {
        byte if byte <= i64::from(SMALL) => {
            out.push(SMALL);
            out.extend_from_slice(&((pairs_exponent + SMALL_ZERO) as u16).to_be_bytes());
        }
        byte if byte >= i64::from(LARGE) => {
            out.push(LARGE);
            out.extend_from_slice(&(pairs_exponent as u32).to_be_bytes());
        }
        byte => out.push(byte as u8),
    }
    // With an even exponent the first digit stands alone in its pair.
    let alone = usize::from(exponent.rem_euclid(2) == 0);
    let (first, rest) = digits.split_at(alone.min(digits.len()));
    out.extend(first.iter().map(|digit| digit * 2 + 1));
    out.extend(rest.chunks(2).map(|pair| (pair[0] * 10 + pair.get(1).unwrap_or(&0)) * 2 + 1));
    if let Some(last) = out.last_mut() {
        *last -= 1;
    }
    if negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// The value of a key's digits, of which the first is multiplied by 100^`exponent`.
fn read_digits(negative: bool, exponent: i64, bytes: &[u8], flip: u8, scale: u16) -> Result<Numeric> {
    let Some((last, before)) = bytes.split_last() else { return Err(NumericError::Invalid) };
    let last = last ^ flip;
    let continues = |byte: &u8| (byte ^ flip) & 1 == 1 && (byte ^ flip) < 200;
    if last & 1 == 1 || last == 0 || last >= 200 || !before.iter().all(continues) {
        return Err(NumericError::Invalid);
    }
    // How many digits the last pair ends after the point; negative before it.
    let mut digits_after = (bytes.len() as i64 - 1 - exponent) * 2;
    if digits_after > i64::from(SCALE_MAX) + 1 || exponent * 2 >= INTEGER_DIGITS_MAX {
        return Err(NumericError::Invalid);
    }
    let shorter = (last / 2).is_multiple_of(10) && digits_after > 0;
    digits_after -= i64::from(shorter);
    let scale = digits_after.max(i64::from(scale));
    if scale > i64::from(SCALE_MAX) {
        return Err(NumericError::Invalid);
    }
    let zeros = (scale - digits_after) as u32;
    // Nineteen pairs are 38 digits, of which nine fit a word.
    if bytes.len() <= 19 {
        let word_of = |chunk: &[u8]| chunk.iter().fold(0u64, |sum, byte| sum * 100 + u64::from((byte ^ flip) / 2));
        let mut magnitude = 0i128;
        for chunk in bytes.chunks(9) {
            magnitude = magnitude * pow10(chunk.len() as u32 * 2).unwrap_or(1) + i128::from(word_of(chunk));
        }
        if shorter {
            magnitude = u64::try_from(magnitude).map_or(magnitude / 10, |word| i128::from(word / 10));
        }
        if let Some(magnitude) = pow10(zeros).and_then(|power| magnitude.checked_mul(power)) {
            return Ok(Numeric::from_parts(if negative { -magnitude } else { magnitude }, scale as u16));
        }
    }
    let pairs: Vec<u8> = bytes.iter().map(|byte| (byte ^ flip) / 2).collect();
    let mut magnitude = BigUint::from_radix_be(&pairs, 100).ok_or(NumericError::Invalid)?;
    if shorter {
        magnitude /= 10u8;
    }
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    Numeric::from_big(BigInt::from_biguint(sign, magnitude) * pow10_big(zeros), scale as u16)
}

/// Decimal digits, the last `scale` of them after the point, in base 10000.
fn base10000(negative: bool, digits: &[u8], scale: u16) -> Base10000 {
    if digits.is_empty() {
        return Base10000 { digits: Vec::new(), weight: 0, sign: 0, dscale: scale };
    }
    let exponent = digits.len() as i64 - i64::from(scale) - 1;
    let number = |digits: &[u8]| digits.iter().fold(0i16, |sum, digit| sum * 10 + i16::from(*digit));
    let (first, rest) = digits.split_at((exponent.rem_euclid(4) as usize + 1).min(digits.len()));
    let mut groups = Vec::with_capacity(digits.len() / 4 + 2);
    // A group that the digits end in is filled with zeros.
    let missing = exponent.rem_euclid(4) as usize + 1 - first.len();
    groups.push(number(first) * 10i16.pow(missing as u32));
    groups.extend(rest.chunks(4).map(|chunk| number(chunk) * 10i16.pow(4 - chunk.len() as u32)));
    groups.truncate(groups.iter().rposition(|group| *group != 0).map_or(0, |last| last + 1));
    let sign = if negative { 0x4000 } else { 0x0000 };
    Base10000 { digits: groups, weight: exponent.div_euclid(4) as i16, sign, dscale: scale }
}
