//! Roots, exponentials, logarithms and powers.
//!
//! Each result's scale follows PostgreSQL's rules, which estimate the result's size first; the digits are reckoned
//! with enough spare ones to be right to the last.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use super::arithmetic::{DISPLAY_SCALE_MAX, SIGNIFICANT_DIGITS_MIN};
use super::decimal::{Decimal, pow10_big, rescale, rescale_truncating};
use super::{Numeric, NumericError, Result, SCALE_MAX};

/// Digits beyond those of the result, so that the errors of many steps do not reach it.
const SPARE_DIGITS: i64 = 14;
/// Estimates of a result's digits stop here; e is raised to powers below three times as much.
const RESULT_DIGITS_MAX: f64 = 2000.0;
/// PostgreSQL's value of log10(e), in the precision that it uses for its estimates.
#[expect(clippy::approx_constant, reason = "the estimate must be PostgreSQL's")]
const LOG10_E: f64 = 0.434294481903252;
#[expect(clippy::approx_constant, reason = "the estimate must be PostgreSQL's")]
const LN_10: f64 = 2.302585092994046;
const LOG10_2: f64 = std::f64::consts::LOG10_2;

impl Numeric {
    /// The square root.
    pub fn sqrt(&self) -> Result<Numeric> {
        let Some(value) = self.to_decimal() else {
            return if self.is_negative() { Err(NumericError::SquareRootOfNegative) } else { Ok(self.clone()) };
        };
        if self.is_negative() {
            return Err(NumericError::SquareRootOfNegative);
        }
        let root_weight = (value.weight() + 1) * 4 / 2 - 1;
        root(&value, chosen_scale(SIGNIFICANT_DIGITS_MIN - root_weight, &[self]))
    }

    /// The square root with as many digits after the point as asked for; of a finite value that is not negative.
    pub fn sqrt_to(&self, scale: u16) -> Result<Numeric> {
        let Some(value) = self.to_decimal().filter(|_| !self.is_negative()) else {
            return Err(NumericError::SquareRootOfNegative);
        };
        root(&value, i64::from(scale))
    }

    /// e to the power of this value.
    pub fn exp(&self) -> Result<Numeric> {
        let Some(value) = self.to_decimal() else {
            return Ok(if self.is_negative() { Self::ZERO } else { self.clone() });
        };
        let digits = (self.to_f64() * LOG10_E).clamp(-RESULT_DIGITS_MAX, RESULT_DIGITS_MAX);
        let scale = chosen_scale(SIGNIFICANT_DIGITS_MIN - digits as i64, &[self]);
        finish(exponential(&value, scale)?, scale)
    }

    /// The natural logarithm.
    pub fn ln(&self) -> Result<Numeric> {
        let Some(value) = self.to_decimal() else {
            return if self.is_negative() { Err(NumericError::LogarithmOfNegative) } else { Ok(self.clone()) };
        };
        let scale = chosen_scale(SIGNIFICANT_DIGITS_MIN - self.logarithm_exponent(), &[self]);
        finish(logarithm(&value, scale)?, scale)
    }

    /// The logarithm of this value to `base`.
    pub fn log(&self, base: &Numeric) -> Result<Numeric> {
        if self.is_nan() || base.is_nan() {
            return Ok(Self::NAN);
        }
        // PostgreSQL looks at the base first, unless one of the two is infinite.
        let special = !self.is_finite() || !base.is_finite();
        let negative = |value: &Numeric| value.signum() < 0;
        if special && (negative(self) || negative(base)) {
            return Err(NumericError::LogarithmOfNegative);
        }
        for value in [base, self] {
            match value.signum() {
                0 => return Err(NumericError::LogarithmOfZero),
                -1 => return Err(NumericError::LogarithmOfNegative),
                _ => {}
            }
        }
        let (Some(number), Some(base_number)) = (self.to_decimal(), base.to_decimal()) else {
            return Ok(match (base.is_infinite(), self.is_infinite()) {
                (true, true) => Self::NAN,
                (true, false) => Self::ZERO,
                _ => Self::INFINITY,
            });
        };
        let (exponent, base_exponent) = (self.logarithm_exponent(), base.logarithm_exponent());
        let result_exponent = exponent - base_exponent;
        let scale = chosen_scale(SIGNIFICANT_DIGITS_MIN - result_exponent, &[base, self]);
        let digits = scale + result_exponent + 8;
        let divisor = logarithm(&base_number, (digits - base_exponent).max(0))?;
        let dividend = logarithm(&number, (digits - exponent).max(0))?;
        if divisor.is_zero() {
            return Err(NumericError::DivisionByZero);
        }
        finish(dividend.over(&divisor, scale), scale)
    }

    /// This value to the power of `exponent`.
    pub fn power(&self, exponent: &Numeric) -> Result<Numeric> {
        let (Some(base), Some(power)) = (self.to_decimal(), exponent.to_decimal()) else {
            return self.power_special(exponent);
        };
        if self.is_zero() && exponent.is_negative() {
            return Err(NumericError::ZeroToNegativePower);
        }
        let (whole, odd) = exponent.wholeness();
        if let Some(times) = exponent.to_i32().filter(|_| whole) {
            let scale = chosen_scale(SIGNIFICANT_DIGITS_MIN, &[self]);
            return finish(power_whole(&base, times, scale)?, scale);
        }
        if self.is_zero() {
            return Ok(Self::from_parts(0, SIGNIFICANT_DIGITS_MIN as u16));
        }
        if self.is_negative() && !whole {
            return Err(NumericError::ComplexPower);
        }
        let result = self.abs().power_by_logarithm(&base, exponent, &power)?;
        Ok(if self.is_negative() && odd { result.neg() } else { result })
    }

    /// e^(power × ln(base)), `self` being the base.
    fn power_by_logarithm(&self, base: &Decimal, exponent: &Numeric, power: &Decimal) -> Result<Numeric> {
        let base = Decimal { coefficient: base.coefficient.abs(), scale: base.scale };
        let logarithm_exponent = self.logarithm_exponent();
        // To few digits first, to know the size of the result.
        let rough_scale = (8 - logarithm_exponent).max(0);
        let rough = logarithm(&base, rough_scale)?.times(power, rough_scale).to_f64();
        if rough.abs() > RESULT_DIGITS_MAX * 3.01 {
            return if rough > 0.0 {
                Err(NumericError::Overflow)
            } else {
                Ok(Self::from_parts(0, DISPLAY_SCALE_MAX as u16))
            };
        }
        let digits = (rough * LOG10_E) as i64;
        let scale = chosen_scale(SIGNIFICANT_DIGITS_MIN - digits, &[self, exponent]);
        let logarithm_scale = ((scale + digits).max(0) - logarithm_exponent + 8).max(0);
        let argument = logarithm(&base, logarithm_scale)?.times(power, logarithm_scale);
        finish(exponential(&argument, scale)?, scale)
    }

    /// Powers with NaN or an infinity, as POSIX has them for pow().
    fn power_special(&self, exponent: &Numeric) -> Result<Numeric> {
        if self.is_nan() {
            return Ok(if exponent.is_zero() { Self::ONE } else { Self::NAN });
        }
        if exponent.is_nan() {
            return Ok(if *self == Self::ONE { Self::ONE } else { Self::NAN });
        }
        let (sign, exponent_sign) = (self.signum(), exponent.signum());
        let (whole, odd) = exponent.wholeness();
        if sign == 0 && exponent_sign < 0 {
            return Err(NumericError::ZeroToNegativePower);
        }
        if sign < 0 && !whole {
            return Err(NumericError::ComplexPower);
        }
        if *self == Self::ONE || exponent_sign == 0 {
            return Ok(Self::ONE);
        }
        if sign == 0 {
            return Ok(Self::ZERO);
        }
        if exponent.is_infinite() {
            let magnitude = self.abs();
            if magnitude == Self::ONE {
                return Ok(Self::ONE);
            }
            let grows = (magnitude > Self::ONE) == (exponent_sign > 0);
            return Ok(if grows { Self::INFINITY } else { Self::ZERO });
        }
        Ok(match (exponent_sign > 0, sign < 0 && odd) {
            (false, _) => Self::ZERO,
            (true, true) => Self::NEGATIVE_INFINITY,
            (true, false) => Self::INFINITY,
        })
    }

    /// About the exponent of this value's natural logarithm, from its first digits; zero where there is none.
    fn logarithm_exponent(&self) -> i64 {
        if self.signum() <= 0 {
            return 0;
        }
        if self.is_near_one() {
            // ln(1 + x) is about x.
            return self.sub(&Self::ONE).ok().and_then(|difference| difference.exponent()).unwrap_or(0);
        }
        let Some(value) = self.to_decimal() else { return 0 };
        let leading = value.leading(2);
        let exponent = (value.weight() - (leading.groups - 1)) * 4;
        let logarithm = (leading.number as f64).ln() + exponent as f64 * LN_10;
        logarithm.abs().log10() as i64
    }
}

/// A result's scale: what its size asks for, but not less than the operands' scales.
fn chosen_scale(wanted: i64, operands: &[&Numeric]) -> i64 {
    operands.iter().map(|operand| i64::from(operand.scale())).fold(wanted, i64::max).clamp(0, DISPLAY_SCALE_MAX)
}

fn finish(result: Decimal, scale: i64) -> Result<Numeric> {
    debug_assert!((0..=i64::from(SCALE_MAX)).contains(&scale));
    Numeric::from_big(rescale(result.coefficient, result.scale, scale), scale as u16)
}

/// One, at a scale.
fn one(scale: i64) -> BigInt {
    pow10_big(scale as u32)
}

/// A fixed-point product: both factors and the result have the scale whose one is `unit`.
fn product(a: &BigInt, b: &BigInt, unit: &BigInt) -> BigInt {
    a * b / unit
}

/// e^`argument`, good to `scale` digits after the point.
fn exponential(argument: &Decimal, scale: i64) -> Result<Decimal> {
    let mut rough = argument.to_f64();
    if rough.abs() >= RESULT_DIGITS_MAX * 3.0 {
        return if rough > 0.0 {
            Err(NumericError::Overflow)
        } else {
            Ok(Decimal { coefficient: BigInt::zero(), scale })
        };
    }
    let digits = (rough * LOG10_E).max(0.0) as i64;
    // Halve the argument until the series converges fast; the result is squared as often, which doubles its error
    // each time.
    let mut halvings = 0u32;
    while rough.abs() > 0.01 {
        rough /= 2.0;
        halvings += 1;
    }
    let working = scale + digits + (f64::from(halvings) * LOG10_2) as i64 + SPARE_DIGITS;
    let unit = one(working);
    let x = rescale(argument.coefficient.clone(), argument.scale, working) / (BigInt::one() << halvings);
    let mut sum = &unit + &x;
    let mut term = x.clone();
    let mut n = 1u32;
    while !term.is_zero() {
        n += 1;
        term = product(&term, &x, &unit) / n;
        sum += &term;
    }
    for _ in 0..halvings {
        sum = product(&sum, &sum, &unit);
    }
    Ok(Decimal { coefficient: sum, scale: working })
}

/// ln(`value`), rounded to `scale` digits after the point.
fn logarithm(value: &Decimal, scale: i64) -> Result<Decimal> {
    if value.is_zero() {
        return Err(NumericError::LogarithmOfZero);
    }
    if value.coefficient.is_negative() {
        return Err(NumericError::LogarithmOfNegative);
    }
    let exponent = value.exponent();
    // What the exponent is multiplied by needs as many digits more as that has.
    let working = scale + SPARE_DIGITS + 6;
    let unit = one(working);
    // A value near one is left alone, so that its logarithm costs no more than its own digits.
    let near = matches!(exponent, -1 | 0) && {
        let tenths = rescale_truncating(value.coefficient.clone(), value.scale, 1);
        tenths == BigInt::from(9) || tenths == BigInt::from(10)
    };
    let exponent = if near { 0 } else { exponent };
    // Between 1 and 10, or near one.
    let mantissa = rescale(value.coefficient.clone(), value.scale + exponent, working);
    let mut result = logarithm_of_mantissa(mantissa, &unit);
    if exponent != 0 {
        result += logarithm_of_mantissa(BigInt::from(10) * &unit, &unit) * exponent;
    }
    Ok(Decimal { coefficient: rescale(result, working, scale), scale })
}

/// The logarithm of a number between about 0.9 and 10, in fixed point.
fn logarithm_of_mantissa(mut x: BigInt, unit: &BigInt) -> BigInt {
    // Roots bring it near one; the logarithm is halved each time.
    let mut roots = 0u32;
    let near = unit + unit / 10;
    while x > near {
        x = (&x * unit).sqrt();
        roots += 1;
    }
    // ln x = 2 (z + z^3/3 + z^5/5 + ...), z = (x - 1) / (x + 1)
    let z = (&x - unit) * unit / (&x + unit);
    let square = product(&z, &z, unit);
    let mut sum = z.clone();
    let mut power = z;
    let mut n = 1u32;
    loop {
        power = product(&power, &square, unit);
        n += 2;
        let term = &power / n;
        if term.is_zero() {
            return sum << (roots + 1);
        }
        sum += term;
    }
}

/// `base` to a whole power, good to `scale` digits after the point: repeated squaring, which keeps no more digits
/// than the result needs.
fn power_whole(base: &Decimal, exponent: i32, scale: i64) -> Result<Decimal> {
    match exponent {
        0 => return Ok(Decimal { coefficient: BigInt::one(), scale: 0 }),
        1 => return Ok(base.clone()),
        -1 if !base.is_zero() => return Ok(Decimal { coefficient: BigInt::one(), scale: 0 }.over(base, scale)),
        2 => return Ok(base.times(base, scale)),
        _ => {}
    }
    if base.is_zero() {
        return if exponent < 0 { Err(NumericError::DivisionByZero) } else { Ok(base.clone()) };
    }
    let leading = base.leading(4);
    let base_digits = (leading.number as f64).log10() + ((base.weight() - (leading.groups - 1)) * 4) as f64;
    let digits = f64::from(exponent) * base_digits;
    // Surely too large, or too small to show.
    if digits > 3.0 * f64::from(i16::MAX) * 4.0 {
        return Err(NumericError::Overflow);
    }
    if digits + 1.0 < -(scale as f64) || digits + 1.0 < -(DISPLAY_SCALE_MAX as f64) {
        return Ok(Decimal { coefficient: BigInt::zero(), scale });
    }
    let significant = 1 + scale + digits as i64 + f64::from(exponent).abs().ln() as i64 + 8;
    let mut bits = exponent.unsigned_abs();
    let mut square = base.clone();
    let mut result = if bits & 1 == 1 { base.clone() } else { Decimal { coefficient: BigInt::one(), scale: 0 } };
    loop {
        bits >>= 1;
        if bits == 0 {
            break;
        }
        let kept = (significant - 2 * square.weight() * 4).min(2 * square.scale).max(0);
        square = square.times(&square, kept);
        if bits & 1 == 1 {
            let kept = (significant - (square.weight() + result.weight()) * 4).min(square.scale + result.scale).max(0);
            result = square.times(&result, kept);
        }
        // The result can only grow from here.
        if square.weight() > i64::from(i16::MAX) || result.weight() > i64::from(i16::MAX) {
            let zero = Decimal { coefficient: BigInt::zero(), scale };
            return if exponent < 0 { Ok(zero) } else { Err(NumericError::Overflow) };
        }
    }
    if exponent > 0 {
        return Ok(result);
    }
    if result.is_zero() {
        return Err(NumericError::DivisionByZero);
    }
    Ok(Decimal { coefficient: BigInt::one(), scale: 0 }.over(&result, scale))
}

/// The square root of a value that is not negative, rounded to a scale.
fn root(value: &Decimal, scale: i64) -> Result<Numeric> {
    // One digit more than is shown decides how to round; the root is cut off there.
    let radicand = rescale_truncating(value.coefficient.clone(), value.scale, (scale + 1) * 2);
    finish(Decimal { coefficient: radicand.sqrt(), scale: scale + 1 }, scale)
}
