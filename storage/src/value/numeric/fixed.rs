//! Numerics as fixed-point columns have them: whole numbers, of which the column knows how many digits are behind the point.

use super::Numeric;
use super::decimal::pow10;

/// What the values of a column of type numeric(precision, scale) are, as long as 38 digits hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedPoint {
    pub precision: u8,
    pub scale: u8,
}

impl FixedPoint {
    /// The digits that a decimal of 128 bits has for sure.
    pub const DIGITS_MAX: u8 = 38;

    /// What stands for NaN: more than 38 digits make, so that NaN sorts above all and equals itself.
    pub const NAN: i128 = i128::MAX;
    /// The infinities likewise, which no column has, but what is computed.
    pub const INFINITY: i128 = i128::MAX - 1;
    pub const NEGATIVE_INFINITY: i128 = i128::MIN;

    /// Whether a number stands for NaN or an infinity.
    #[inline]
    pub fn is_special(number: i128) -> bool {
        number.wrapping_add(2) <= Self::NEGATIVE_INFINITY + 2
    }

    /// The fixed point of numeric(precision, scale), if there is one.
    pub fn of(precision: u16, scale: i16) -> Option<Self> {
        let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
        (precision <= Self::DIGITS_MAX && scale <= precision).then_some(Self { precision, scale })
    }

    /// The whole number that stands for a finite value, if that has just this scale and no more digits.
    pub fn coefficient(self, value: &Numeric) -> Option<i128> {
        if value.scale() != u16::from(self.scale) {
            return None;
        }
        let coefficient = value.coefficient_at(u16::from(self.scale))?;
        (coefficient.unsigned_abs() < pow10(u32::from(self.precision))?.unsigned_abs()).then_some(coefficient)
    }

    /// As [`FixedPoint::coefficient`], but NaN and the infinities have one too.
    pub fn number(self, value: &Numeric) -> Option<i128> {
        match value.is_finite() {
            true => self.coefficient(value),
            false => Some(Self::special(value)),
        }
    }

    /// What stands for NaN or an infinity.
    pub fn special(value: &Numeric) -> i128 {
        match value.signum() {
            0 => Self::NAN,
            sign if sign > 0 => Self::INFINITY,
            _ => Self::NEGATIVE_INFINITY,
        }
    }

    /// The value that a whole number stands for.
    pub fn value(self, number: i128) -> Numeric {
        match number {
            Self::NAN => Numeric::NAN,
            Self::INFINITY => Numeric::INFINITY,
            Self::NEGATIVE_INFINITY => Numeric::NEGATIVE_INFINITY,
            number => Numeric::from_parts(number, u16::from(self.scale)),
        }
    }
}
