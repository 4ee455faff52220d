//! Powers of ten, digits and rounding of coefficients: the arithmetic beneath the arithmetic.

use num_bigint::{BigInt, BigUint};
use num_traits::{One, Signed, ToPrimitive, Zero};

/// 10^0 to 10^38.
const POWERS: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut n = 1;
    while n < 39 {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// 10^`exponent`, if an `i128` holds it.
#[inline]
pub(super) fn pow10(exponent: u32) -> Option<i128> {
    POWERS.get(exponent as usize).copied()
}

/// 10^`exponent`.
pub(super) fn pow10_big(exponent: u32) -> BigInt {
    match pow10(exponent) {
        Some(power) => BigInt::from(power),
        None => BigInt::from(10u8).pow(exponent),
    }
}

/// How many decimal digits `value` has; none for zero.
pub(super) fn digit_count_small(value: u128) -> u32 {
    value.checked_ilog10().map_or(0, |log| log + 1)
}

/// How many decimal digits `value` has; none for zero.
pub(super) fn digit_count(value: &BigUint) -> i64 {
    if value.is_zero() {
        return 0;
    }
    // 2^(bits-1) <= value, and log10(2) is a little more than 0.30102999: for the sizes a numeric reaches this is at
    // most one or two below the answer, and never above it.
    let at_least = ((value.bits() - 1) * 30_102_999 / 100_000_000) as u32;
    let mut power = BigUint::from(10u8).pow(at_least);
    let mut digits = i64::from(at_least);
    while *value >= power {
        power *= 10u8;
        digits += 1;
    }
    digits
}

/// Calls `read` with the decimal digits of `value` (0 to 9 each, the first not zero; none for zero).
pub(super) fn with_digits_small<R>(value: u128, read: impl FnOnce(&[u8]) -> R) -> R {
    const CHUNK: u128 = 10_000_000_000_000_000_000;
    let mut digits = [0u8; 39];
    let mut at = digits.len();
    let mut rest = value;
    while rest > 0 {
        // Nineteen digits at a time fit a word, whose division is cheap.
        let (mut word, above) = match u64::try_from(rest) {
            Ok(word) if rest < CHUNK => (word, 0),
            _ => ((rest % CHUNK) as u64, rest / CHUNK),
        };
        rest = above;
        let end = at;
        while word > 0 {
            at -= 1;
            digits[at] = (word % 10) as u8;
            word /= 10;
        }
        if rest > 0 {
            at = end - 19;
        }
    }
    read(&digits[at..])
}

/// As [`with_digits_small`], for any size.
pub(super) fn digits_big(value: &BigUint) -> Vec<u8> {
    if value.is_zero() { Vec::new() } else { value.to_radix_be(10) }
}

/// `value` / `divisor`, halves away from zero. The divisor is not zero.
pub(super) fn divide_rounding(value: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient = value / divisor;
    let remainder: BigInt = value - &quotient * divisor;
    if remainder.abs() * 2u8 < divisor.abs() {
        quotient
    } else if value.is_negative() == divisor.is_negative() {
        quotient + BigInt::one()
    } else {
        quotient - BigInt::one()
    }
}

/// `value` / `divisor`, halves away from zero. The divisor is not zero, and the quotient one that an `i128` holds.
#[inline]
pub(super) fn divide_rounding_small(value: i128, divisor: i128) -> i128 {
    // Most values fit a word, whose division is several times faster.
    match (i64::try_from(value), i64::try_from(divisor)) {
        (Ok(value), Ok(divisor)) if divisor != -1 => {
            let (quotient, remainder) = (value / divisor, (value % divisor).unsigned_abs());
            let rounds = remainder >= divisor.unsigned_abs() - remainder;
            i128::from(quotient + away(rounds, (value < 0) == (divisor < 0)))
        }
        _ => {
            let (quotient, remainder) = (value / divisor, (value % divisor).unsigned_abs());
            let rounds = remainder >= divisor.unsigned_abs() - remainder;
            quotient + i128::from(away(rounds, (value < 0) == (divisor < 0)))
        }
    }
}

/// What rounding adds to a quotient.
fn away(rounds: bool, positive: bool) -> i64 {
    match (rounds, positive) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => -1,
    }
}

/// A coefficient at scale `from`, taken to scale `to`: zeros are appended, or digits rounded away.
pub(super) fn rescale(coefficient: BigInt, from: i64, to: i64) -> BigInt {
    match to - from {
        0 => coefficient,
        up @ 1.. => coefficient * pow10_big(up as u32),
        down if vanishes(&coefficient, -down) => BigInt::zero(),
        down => divide_rounding(&coefficient, &pow10_big(-down as u32)),
    }
}

/// As [`rescale`], but digits are cut off.
pub(super) fn rescale_truncating(coefficient: BigInt, from: i64, to: i64) -> BigInt {
    match to - from {
        0 => coefficient,
        up @ 1.. => coefficient * pow10_big(up as u32),
        down if vanishes(&coefficient, -down) => BigInt::zero(),
        down => coefficient / pow10_big(-down as u32),
    }
}

/// Whether losing that many digits leaves nothing, not even to round, seen without counting.
fn vanishes(coefficient: &BigInt, digits: i64) -> bool {
    digits > coefficient.bits() as i64 / 3 + 2
}

/// A number of any precision that knows its scale: what the transcendental functions reckon with. The scale may be
/// negative.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    pub(super) coefficient: BigInt,
    pub(super) scale: i64,
}

impl Decimal {
    /// The product, rounded to the scale.
    pub(super) fn times(&self, other: &Decimal, scale: i64) -> Decimal {
        let coefficient = rescale(&self.coefficient * &other.coefficient, self.scale + other.scale, scale);
        Decimal { coefficient, scale }
    }

    /// The quotient, rounded to the scale. `other` is not zero.
    pub(super) fn over(&self, other: &Decimal, scale: i64) -> Decimal {
        let up = scale + other.scale - self.scale;
        let coefficient = if up >= 0 {
            divide_rounding(&(&self.coefficient * pow10_big(up as u32)), &other.coefficient)
        } else {
            divide_rounding(&self.coefficient, &(&other.coefficient * pow10_big(-up as u32)))
        };
        Decimal { coefficient, scale }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.coefficient.is_zero()
    }

    /// Exponent of the leading digit; zero for zero.
    pub(super) fn exponent(&self) -> i64 {
        if self.is_zero() { 0 } else { digit_count(self.coefficient.magnitude()) - self.scale - 1 }
    }

    /// PostgreSQL's weight: the leading digit's exponent in base 10000.
    pub(super) fn weight(&self) -> i64 {
        self.exponent().div_euclid(4)
    }

    /// The first `count` digits of base 10000, fewer if only zeros would follow, as one number.
    pub(super) fn leading(&self, count: i64) -> Leading {
        if self.is_zero() {
            return Leading { number: 0, groups: 0 };
        }
        let weight = self.weight();
        let groups_at = |groups: i64| {
            // The scale at which just these groups are before the point.
            let scale = (groups - 1 - weight) * 4;
            rescale_truncating(self.coefficient.abs(), self.scale, scale).to_i64().unwrap_or(i64::MAX)
        };
        let mut number = groups_at(count);
        let mut groups = count;
        let exact =
            rescale_truncating(BigInt::from(number), (count - 1 - weight) * 4, self.scale) == self.coefficient.abs();
        while exact && groups > 1 && number % 10_000 == 0 {
            number /= 10_000;
            groups -= 1;
        }
        Leading { number, groups }
    }

    pub(super) fn to_f64(&self) -> f64 {
        // The text of a number is always a float's text too, and parsing it rounds once.
        format!("{}e{}", self.coefficient, -self.scale).parse().unwrap_or(f64::NAN)
    }
}

/// The first digits of a number in base 10000.
pub(super) struct Leading {
    pub(super) number: i64,
    pub(super) groups: i64,
}
