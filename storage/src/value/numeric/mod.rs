//! PostgreSQL's `numeric`: exact decimals of any size, with NaN and the infinities.
//!
//! A finite value is an integer coefficient and a scale: 12.50 is 1250 with scale 2. The scale is also what the
//! value displays, so 12.5 and 12.50 are equal and look different. Coefficients of up to 38 digits live in two
//! machine words; larger ones on the heap. The results' digits and scales follow PostgreSQL 15, which counts in
//! base 10000: where one of its rules speaks of weights and first digits, so does ours.

mod arithmetic;
mod decimal;
mod encoding;
mod fixed;
#[cfg(test)]
mod tests;
mod text;
mod transcendental;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

use decimal::{digit_count, digit_count_small, pow10, pow10_big};
pub use encoding::Base10000;
pub use fixed::FixedPoint;

/// The greatest scale a value may have.
const SCALE_MAX: u16 = 16383;
/// How many digits a value may have before its decimal point.
const INTEGER_DIGITS_MAX: i64 = 131_072;

/// Why there is no result. The words are PostgreSQL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumericError {
    /// Not a number's text, or not a number's bytes (22P02).
    #[error("invalid input syntax for type numeric")]
    Invalid,
    /// Too many digits before or after the decimal point (22003).
    #[error("value overflows numeric format")]
    Overflow,
    /// Does not fit numeric(precision, scale) (22003). `infinite`: because it is an infinity.
    #[error("numeric field overflow")]
    FieldOverflow { precision: i32, scale: i32, infinite: bool },
    /// 22012.
    #[error("division by zero")]
    DivisionByZero,
    /// 2201F.
    #[error("cannot take square root of a negative number")]
    SquareRootOfNegative,
    /// 2201E.
    #[error("cannot take logarithm of zero")]
    LogarithmOfZero,
    /// 2201E.
    #[error("cannot take logarithm of a negative number")]
    LogarithmOfNegative,
    /// 2201F.
    #[error("zero raised to a negative power is undefined")]
    ZeroToNegativePower,
    /// 2201F.
    #[error("a negative number raised to a non-integer power yields a complex result")]
    ComplexPower,
}

impl NumericError {
    /// The DETAIL that PostgreSQL gives with the message.
    pub fn detail(&self) -> Option<String> {
        match self {
            NumericError::FieldOverflow { precision, scale, infinite: true } => {
                Some(format!("A field with precision {precision}, scale {scale} cannot hold an infinite value."))
            }
            NumericError::FieldOverflow { precision, scale, infinite: false } => {
                let digits = precision - scale;
                let bound = if digits == 0 { "1".to_owned() } else { format!("10^{digits}") };
                Some(format!(
                    "A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}."
                ))
            }
            _ => None,
        }
    }
}

type Result<T> = std::result::Result<T, NumericError>;

/// A value of type `numeric`. Ordered as PostgreSQL orders them: NaN equals itself and is above infinity.
#[derive(Clone)]
pub struct Numeric(Repr);

#[derive(Clone)]
enum Repr {
    /// An `i128` in two halves, which keeps the type at three words.
    Small {
        high: i64,
        low: u64,
        scale: u16,
    },
    /// A coefficient that no `i128` holds.
    Big(Box<Big>),
    NaN,
    Infinity,
    NegativeInfinity,
}

#[derive(Clone)]
struct Big {
    coefficient: BigInt,
    scale: u16,
}

/// A value taken apart, to work on it.
enum Parts<'a> {
    Small(i128, u16),
    Big(&'a BigInt, u16),
    NaN,
    Infinity,
    NegativeInfinity,
}

impl Numeric {
    pub const NAN: Numeric = Numeric(Repr::NaN);
    pub const INFINITY: Numeric = Numeric(Repr::Infinity);
    pub const NEGATIVE_INFINITY: Numeric = Numeric(Repr::NegativeInfinity);
    pub const ZERO: Numeric = Numeric(Repr::Small { high: 0, low: 0, scale: 0 });
    pub const ONE: Numeric = Numeric(Repr::Small { high: 0, low: 1, scale: 0 });

    /// `coefficient` × 10^-`scale`. The scale must not exceed 16383.
    pub fn from_parts(coefficient: i128, scale: u16) -> Self {
        debug_assert!(scale <= SCALE_MAX);
        Self(Repr::Small { high: (coefficient >> 64) as i64, low: coefficient as u64, scale })
    }

    pub fn from_i64(value: i64) -> Self {
        Self::from_parts(i128::from(value), 0)
    }

    pub fn from_i128(value: i128) -> Self {
        Self::from_parts(value, 0)
    }

    /// `coefficient` × 10^-`scale`, unless that has too many digits.
    fn from_big(coefficient: BigInt, scale: u16) -> Result<Self> {
        if let Some(small) = coefficient.to_i128() {
            return Ok(Self::from_parts(small, scale));
        }
        // A bit is more than 0.3 digits: most values need no exact count.
        let digits_possible = coefficient.bits() as i64 * 302 / 1000 + 2;
        if digits_possible - i64::from(scale) > INTEGER_DIGITS_MAX
            && digit_count(coefficient.magnitude()) - i64::from(scale) > INTEGER_DIGITS_MAX
        {
            return Err(NumericError::Overflow);
        }
        Ok(Self(Repr::Big(Box::new(Big { coefficient, scale }))))
    }

    fn parts(&self) -> Parts<'_> {
        match &self.0 {
            Repr::Small { high, low, scale } => Parts::Small(i128::from(*high) << 64 | i128::from(*low), *scale),
            Repr::Big(big) => Parts::Big(&big.coefficient, big.scale),
            Repr::NaN => Parts::NaN,
            Repr::Infinity => Parts::Infinity,
            Repr::NegativeInfinity => Parts::NegativeInfinity,
        }
    }

    /// Coefficient and scale of a finite value.
    fn to_big(&self) -> Option<(BigInt, u16)> {
        match self.parts() {
            Parts::Small(coefficient, scale) => Some((BigInt::from(coefficient), scale)),
            Parts::Big(coefficient, scale) => Some((coefficient.clone(), scale)),
            _ => None,
        }
    }

    /// How many digits the value displays after its decimal point.
    pub fn scale(&self) -> u16 {
        match self.parts() {
            Parts::Small(_, scale) | Parts::Big(_, scale) => scale,
            _ => 0,
        }
    }

    pub fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }

    pub fn is_infinite(&self) -> bool {
        matches!(self.0, Repr::Infinity | Repr::NegativeInfinity)
    }

    pub fn is_finite(&self) -> bool {
        matches!(self.0, Repr::Small { .. } | Repr::Big(_))
    }

    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small { high: 0, low: 0, .. })
    }

    /// -1, 0 or 1; 0 for NaN.
    pub fn signum(&self) -> i32 {
        match self.parts() {
            Parts::Small(coefficient, _) => coefficient.signum() as i32,
            Parts::Big(coefficient, _) => {
                if coefficient.is_negative() {
                    -1
                } else {
                    1
                }
            }
            Parts::NaN => 0,
            Parts::Infinity => 1,
            Parts::NegativeInfinity => -1,
        }
    }

    /// The coefficient at exactly `scale`, if the value has no digits beyond it and fits.
    pub fn coefficient_at(&self, scale: u16) -> Option<i128> {
        let Parts::Small(coefficient, own) = self.parts() else { return None };
        if own <= scale {
            return coefficient.checked_mul(pow10(u32::from(scale - own))?);
        }
        let divisor = pow10(u32::from(own - scale))?;
        (coefficient % divisor == 0).then(|| coefficient / divisor)
    }

    /// The nearest whole number, halves away from zero; `None` if out of range or not finite.
    pub fn to_i128(&self) -> Option<i128> {
        match self.round(0).0 {
            Repr::Small { high, low, .. } => Some(i128::from(high) << 64 | i128::from(low)),
            _ => None,
        }
    }

    /// As [`Numeric::to_i128`].
    pub fn to_i64(&self) -> Option<i64> {
        self.to_i128()?.try_into().ok()
    }

    /// As [`Numeric::to_i128`].
    pub fn to_i32(&self) -> Option<i32> {
        self.to_i128()?.try_into().ok()
    }

    /// As [`Numeric::to_i128`].
    pub fn to_i16(&self) -> Option<i16> {
        self.to_i128()?.try_into().ok()
    }

    /// A rank for comparing values of which one is not finite.
    fn rank(&self) -> u8 {
        match self.0 {
            Repr::NegativeInfinity => 0,
            Repr::Small { .. } | Repr::Big(_) => 1,
            Repr::Infinity => 2,
            Repr::NaN => 3,
        }
    }

    /// Exponent of the leading digit (0 for 1 to 9.99…) of a finite value that is not zero.
    fn exponent(&self) -> Option<i64> {
        match self.parts() {
            Parts::Small(0, _) => None,
            Parts::Small(coefficient, scale) => {
                Some(i64::from(digit_count_small(coefficient.unsigned_abs())) - i64::from(scale) - 1)
            }
            Parts::Big(coefficient, scale) => Some(digit_count(coefficient.magnitude()) - i64::from(scale) - 1),
            _ => None,
        }
    }
}

impl Default for Numeric {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Self {
        Self::from_i64(value)
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Parts::Small(a, a_scale), Parts::Small(b, b_scale)) = (self.parts(), other.parts()) {
            if a_scale == b_scale {
                return a.cmp(&b);
            }
            // At the greater of the scales, where that fits.
            let scale = a_scale.max(b_scale);
            let at_scale = |c: i128, own: u16| pow10(u32::from(scale - own)).and_then(|p| c.checked_mul(p));
            if let (Some(a), Some(b)) = (at_scale(a, a_scale), at_scale(b, b_scale)) {
                return a.cmp(&b);
            }
        }
        self.cmp_slow(other)
    }
}

impl Numeric {
    fn cmp_slow(&self, other: &Self) -> Ordering {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.to_big(), other.to_big()) else {
            return self.rank().cmp(&other.rank());
        };
        // Sign and magnitude first: the scales of 1e-16000 and 1e100000 need not be made equal.
        let by_sign = self.signum().cmp(&other.signum());
        if by_sign != Ordering::Equal || a.is_zero() {
            return by_sign;
        }
        let by_exponent = self.exponent().cmp(&other.exponent());
        if by_exponent != Ordering::Equal {
            return if a.is_negative() { by_exponent.reverse() } else { by_exponent };
        }
        let scale = a_scale.max(b_scale);
        (a * pow10_big(u32::from(scale - a_scale))).cmp(&(b * pow10_big(u32::from(scale - b_scale))))
    }
}

impl Hash for Numeric {
    /// Equal values hash alike, whatever their scales.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut key = Vec::with_capacity(24);
        self.append_sort_key(&mut key);
        key.hash(state);
    }
}

impl std::fmt::Debug for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
