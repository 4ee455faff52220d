//! Sums, products, quotients and rounding.

use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::decimal::{Decimal, divide_rounding_small, pow10, pow10_big, rescale, rescale_truncating};
use super::{INTEGER_DIGITS_MAX, Numeric, NumericError, Parts, Repr, Result, SCALE_MAX};

/// How many significant digits a quotient has at least.
pub(super) const SIGNIFICANT_DIGITS_MIN: i64 = 16;
/// The greatest scale that division and the like choose by themselves.
pub(super) const DISPLAY_SCALE_MAX: i64 = 1000;
/// The digits, before and after the point, to which `round` and `trunc` count.
const ROUND_DIGITS: std::ops::RangeInclusive<i32> = -(INTEGER_DIGITS_MAX as i32)..=SCALE_MAX as i32;

impl Numeric {
    /// The sum, at the greater of the scales.
    pub fn add(&self, other: &Numeric) -> Result<Numeric> {
        if let (Parts::Small(a, a_scale), Parts::Small(b, b_scale)) = (self.parts(), other.parts()) {
            let aligned = align(a, a_scale, b, b_scale);
            if let Some(sum) = aligned.and_then(|(a, b)| a.checked_add(b)) {
                return Ok(Self::from_parts(sum, a_scale.max(b_scale)));
            }
        }
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.to_big(), other.to_big()) else {
            return Ok(match (&self.0, &other.0) {
                (Repr::NaN, _) | (_, Repr::NaN) => Self::NAN,
                (Repr::Infinity, Repr::NegativeInfinity) | (Repr::NegativeInfinity, Repr::Infinity) => Self::NAN,
                (Repr::Infinity | Repr::NegativeInfinity, _) => self.clone(),
                _ => other.clone(),
            });
        };
        let scale = a_scale.max(b_scale);
        Self::from_big(scaled(a, a_scale, scale) + scaled(b, b_scale, scale), scale)
    }

    /// The difference, at the greater of the scales.
    pub fn sub(&self, other: &Numeric) -> Result<Numeric> {
        self.add(&other.neg())
    }

    /// The product, at the sum of the scales.
    pub fn mul(&self, other: &Numeric) -> Result<Numeric> {
        if let (Parts::Small(a, a_scale), Parts::Small(b, b_scale)) = (self.parts(), other.parts()) {
            let scale = a_scale + b_scale;
            if let Some(product) = a.checked_mul(b).filter(|_| scale <= SCALE_MAX) {
                return Ok(Self::from_parts(product, scale));
            }
        }
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.to_big(), other.to_big()) else {
            return Ok(match self.sign_product(other) {
                Some(1) => Self::INFINITY,
                Some(-1) => Self::NEGATIVE_INFINITY,
                // Infinity times zero.
                _ => Self::NAN,
            });
        };
        let scale = i64::from(a_scale) + i64::from(b_scale);
        let kept = scale.min(i64::from(SCALE_MAX));
        Self::from_big(rescale(a * b, scale, kept), kept as u16)
    }

    /// The quotient, with at least 16 significant digits and at least either scale.
    pub fn div(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.to_big_ref(), other.to_big_ref()) else {
            return self.div_special(other);
        };
        if other.is_zero() {
            return Err(NumericError::DivisionByZero);
        }
        let scale = self.quotient_scale(other);
        let up = scale + i64::from(b_scale) - i64::from(a_scale);
        if let (Coefficient::Small(a), Coefficient::Small(b)) = (&a, &b) {
            let dividend = u32::try_from(up).ok().and_then(pow10).and_then(|power| a.checked_mul(power));
            // The least i128 has no opposite.
            if let Some(dividend) = dividend.filter(|dividend| *dividend != i128::MIN) {
                return Ok(Self::from_parts(divide_rounding_small(dividend, *b), scale as u16));
            }
        }
        let a = Decimal { coefficient: a.into_big(), scale: i64::from(a_scale) };
        let b = Decimal { coefficient: b.into_big(), scale: i64::from(b_scale) };
        Self::from_big(a.over(&b, scale).coefficient, scale as u16)
    }

    /// The quotient without its fraction (SQL's `div`).
    pub fn div_trunc(&self, other: &Numeric) -> Result<Numeric> {
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.to_big(), other.to_big()) else {
            return self.div_special(other);
        };
        if b.is_zero() {
            return Err(NumericError::DivisionByZero);
        }
        let scale = a_scale.max(b_scale);
        Self::from_big(scaled(a, a_scale, scale) / scaled(b, b_scale, scale), 0)
    }

    /// What `div_trunc` leaves: it has this value's sign, and the greater of the scales.
    pub fn rem(&self, other: &Numeric) -> Result<Numeric> {
        if let (Parts::Small(a, a_scale), Parts::Small(b, b_scale)) = (self.parts(), other.parts()) {
            if b == 0 {
                return Err(NumericError::DivisionByZero);
            }
            if let Some(remainder) = align(a, a_scale, b, b_scale).and_then(|(a, b)| a.checked_rem(b)) {
                return Ok(Self::from_parts(remainder, a_scale.max(b_scale)));
            }
        }
        let (Some((a, a_scale)), Some((b, b_scale))) = (self.to_big(), other.to_big()) else {
            return match (&self.0, &other.0) {
                (Repr::NaN, _) | (_, Repr::NaN) => Ok(Self::NAN),
                (Repr::Infinity | Repr::NegativeInfinity, _) if other.is_zero() => Err(NumericError::DivisionByZero),
                (Repr::Infinity | Repr::NegativeInfinity, _) => Ok(Self::NAN),
                _ => Ok(self.clone()),
            };
        };
        if b.is_zero() {
            return Err(NumericError::DivisionByZero);
        }
        let scale = a_scale.max(b_scale);
        Self::from_big(scaled(a, a_scale, scale) % scaled(b, b_scale, scale), scale)
    }

    pub fn neg(&self) -> Numeric {
        match self.parts() {
            Parts::Small(coefficient, scale) => match coefficient.checked_neg() {
                Some(negated) => Self::from_parts(negated, scale),
                None => Self::big(-BigInt::from(coefficient), scale),
            },
            Parts::Big(coefficient, scale) => Self::big(-coefficient, scale),
            Parts::NaN => Self::NAN,
            Parts::Infinity => Self::NEGATIVE_INFINITY,
            Parts::NegativeInfinity => Self::INFINITY,
        }
    }

    pub fn abs(&self) -> Numeric {
        if self.signum() < 0 { self.neg() } else { self.clone() }
    }

    /// -1, 0 or 1; NaN for NaN.
    pub fn sign(&self) -> Numeric {
        if self.is_nan() { Self::NAN } else { Self::from_i64(i64::from(self.signum())) }
    }

    /// The greatest whole number that is not above this value.
    pub fn floor(&self) -> Numeric {
        let truncated = self.trunc(0);
        if truncated > *self { truncated.add(&Self::from_i64(-1)).unwrap_or(truncated) } else { truncated }
    }

    /// The least whole number that is not below this value.
    pub fn ceil(&self) -> Numeric {
        let truncated = self.trunc(0);
        if truncated < *self { truncated.add(&Self::ONE).unwrap_or(truncated) } else { truncated }
    }

    /// This value to so many digits after its point (before it, if negative), halves away from zero.
    ///
    /// Like `floor` and `ceil` it cuts off where rounding would need a digit more than a numeric has.
    pub fn round(&self, digits: i32) -> Numeric {
        let scale = digits.clamp(*ROUND_DIGITS.start(), *ROUND_DIGITS.end());
        self.reshaped(i64::from(scale), rescale, divide_rounding_small).unwrap_or_else(|_| self.trunc(digits))
    }

    /// This value without what follows so many digits after its point.
    pub fn trunc(&self, digits: i32) -> Numeric {
        let digits = digits.clamp(*ROUND_DIGITS.start(), *ROUND_DIGITS.end());
        let cut = self.reshaped(i64::from(digits), rescale_truncating, |value, divisor| value / divisor);
        cut.expect("cutting digits off cannot overflow")
    }

    /// This value as one of numeric(precision, scale): rounded, with that scale.
    pub fn fit(&self, precision: i32, scale: i32) -> Result<Numeric> {
        let overflow = |infinite| NumericError::FieldOverflow { precision, scale, infinite };
        if self.is_nan() {
            return Ok(Self::NAN);
        }
        if self.is_infinite() {
            return Err(overflow(true));
        }
        let fitted = self.reshaped(i64::from(scale), rescale, divide_rounding_small)?;
        match fitted.exponent() {
            Some(exponent) if exponent + 1 > i64::from(precision) - i64::from(scale) => Err(overflow(false)),
            _ => Ok(fitted),
        }
    }

    /// The least scale that shows all digits.
    pub fn min_scale(&self) -> u16 {
        self.trim_scale().scale()
    }

    /// This value without zeros at the end of its fraction.
    pub fn trim_scale(&self) -> Numeric {
        match self.parts() {
            Parts::Small(mut coefficient, mut scale) => {
                while scale > 0 && coefficient % 10 == 0 {
                    coefficient /= 10;
                    scale -= 1;
                }
                Self::from_parts(coefficient, scale)
            }
            Parts::Big(coefficient, scale) => {
                let digits = super::decimal::digits_big(coefficient.magnitude());
                let zeros =
                    digits.iter().rev().take(usize::from(scale)).take_while(|digit| **digit == 0).count() as u16;
                Self::big(coefficient / pow10_big(u32::from(zeros)), scale - zeros)
            }
            _ => self.clone(),
        }
    }

    /// This value at the scale, or at zero if that is negative, by one of the two ways to lose digits.
    fn reshaped(
        &self,
        to: i64,
        big: impl Fn(BigInt, i64, i64) -> BigInt,
        small: impl Fn(i128, i128) -> i128,
    ) -> Result<Numeric> {
        let shown = to.max(0);
        if let Parts::Small(coefficient, scale) = self.parts() {
            let down = i64::from(scale) - to;
            if down == 0 {
                return Ok(self.clone());
            }
            let reshaped = match u32::try_from(down.abs()).ok().and_then(pow10) {
                Some(power) if down < 0 => coefficient.checked_mul(power),
                Some(power) => match pow10((shown - to) as u32) {
                    Some(back) => small(coefficient, power).checked_mul(back),
                    None => None,
                },
                // More digits go than an i128 has, so that nothing is left.
                None if down > 0 => Some(0),
                None => None,
            };
            if let Some(reshaped) = reshaped {
                return Ok(Self::from_parts(reshaped, shown as u16));
            }
        }
        match self.to_big() {
            Some((coefficient, scale)) => {
                let cut = big(coefficient, i64::from(scale), to);
                Self::from_big(cut * pow10_big((shown - to) as u32), shown as u16)
            }
            None => Ok(self.clone()),
        }
    }

    /// PostgreSQL's `select_div_scale`: the scale of a quotient follows from the weights and first digits of both
    /// in base 10000.
    fn quotient_scale(&self, other: &Numeric) -> i64 {
        let (weight, first) = self.leading_group();
        let (other_weight, other_first) = other.leading_group();
        let quotient_weight = weight - other_weight - i64::from(first <= other_first);
        (SIGNIFICANT_DIGITS_MIN - quotient_weight * 4)
            .max(i64::from(self.scale()))
            .max(i64::from(other.scale()))
            .clamp(0, DISPLAY_SCALE_MAX)
    }

    /// Weight and value of the first digit in base 10000.
    fn leading_group(&self) -> (i64, i64) {
        let Some(exponent) = self.exponent() else { return (0, 0) };
        let weight = exponent.div_euclid(4);
        if let Parts::Small(coefficient, scale) = self.parts() {
            // The coefficient's digits below the first group.
            let below = weight * 4 + i64::from(scale);
            let magnitude = coefficient.unsigned_abs();
            let power = u32::try_from(below.abs()).ok().and_then(pow10).unwrap_or(1) as u128;
            let first = if below >= 0 { magnitude / power } else { magnitude * power };
            return (weight, first as i64);
        }
        (weight, self.to_decimal().map_or(0, |decimal| decimal.leading(1).number))
    }

    /// Division with NaN or an infinity.
    fn div_special(&self, other: &Numeric) -> Result<Numeric> {
        match (&self.0, &other.0) {
            (Repr::NaN, _) | (_, Repr::NaN) => Ok(Self::NAN),
            (Repr::Infinity | Repr::NegativeInfinity, Repr::Infinity | Repr::NegativeInfinity) => Ok(Self::NAN),
            (Repr::Infinity | Repr::NegativeInfinity, _) => match self.sign_product(other) {
                Some(1) => Ok(Self::INFINITY),
                Some(-1) => Ok(Self::NEGATIVE_INFINITY),
                _ => Err(NumericError::DivisionByZero),
            },
            _ => Ok(Self::ZERO),
        }
    }

    fn sign_product(&self, other: &Numeric) -> Option<i32> {
        (!self.is_nan() && !other.is_nan()).then(|| self.signum() * other.signum())
    }

    pub(super) fn to_decimal(&self) -> Option<Decimal> {
        self.to_big().map(|(coefficient, scale)| Decimal { coefficient, scale: i64::from(scale) })
    }

    /// A value as large as one that already exists.
    fn big(coefficient: BigInt, scale: u16) -> Numeric {
        Self::from_big(coefficient, scale).expect("a value of this size exists")
    }

    fn to_big_ref(&self) -> Option<(Coefficient<'_>, u16)> {
        match self.parts() {
            Parts::Small(coefficient, scale) => Some((Coefficient::Small(coefficient), scale)),
            Parts::Big(coefficient, scale) => Some((Coefficient::Big(coefficient), scale)),
            _ => None,
        }
    }
}

/// A finite value's coefficient, not yet copied.
enum Coefficient<'a> {
    Small(i128),
    Big(&'a BigInt),
}

impl Coefficient<'_> {
    fn into_big(self) -> BigInt {
        match self {
            Coefficient::Small(coefficient) => BigInt::from(coefficient),
            Coefficient::Big(coefficient) => coefficient.clone(),
        }
    }
}

/// Both coefficients at the greater of the scales, where that fits.
#[inline]
fn align(a: i128, a_scale: u16, b: i128, b_scale: u16) -> Option<(i128, i128)> {
    if a_scale == b_scale {
        return Some((a, b));
    }
    let scale = a_scale.max(b_scale);
    let at_scale = |value: i128, own: u16| value.checked_mul(pow10(u32::from(scale - own))?);
    Some((at_scale(a, a_scale)?, at_scale(b, b_scale)?))
}

fn scaled(coefficient: BigInt, from: u16, to: u16) -> BigInt {
    if from == to { coefficient } else { coefficient * pow10_big(u32::from(to - from)) }
}

impl Numeric {
    /// Whether the value is a whole number, and whether that is odd. NaN and the infinities are not odd; infinities
    /// count as whole.
    pub(super) fn wholeness(&self) -> (bool, bool) {
        if !self.is_finite() {
            return (self.is_infinite(), false);
        }
        let whole = self.trunc(0);
        if whole != *self {
            return (false, false);
        }
        let odd = match whole.parts() {
            Parts::Small(coefficient, _) => coefficient % 2 != 0,
            Parts::Big(coefficient, _) => coefficient.magnitude().bit(0),
            _ => false,
        };
        (true, odd)
    }

    /// 0.9 <= value <= 1.1
    pub(super) fn is_near_one(&self) -> bool {
        let difference = self.sub(&Self::ONE).map(|difference| difference.abs());
        difference.is_ok_and(|difference| difference <= Self::from_parts(1, 1))
    }

    /// Whether the coefficient is negative; the infinities count by their sign.
    pub fn is_negative(&self) -> bool {
        match self.parts() {
            Parts::Small(coefficient, _) => coefficient < 0,
            Parts::Big(coefficient, _) => coefficient.is_negative(),
            Parts::NegativeInfinity => true,
            Parts::NaN | Parts::Infinity => false,
        }
    }
}
