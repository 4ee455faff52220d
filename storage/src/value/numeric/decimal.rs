//! Powers of ten, digit counts and rounding of coefficients: the arithmetic beneath the arithmetic.

use num_bigint::{BigInt, BigUint};
use num_traits::{One, Signed, Zero};

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
    // 2^(bits-1) <= value: log10(2) is a little more than 0.30102999, so this is never above the answer, and for
    // the sizes a numeric reaches at most one below it.
    let bits = value.bits();
    let at_least = ((bits - 1) * 30_102_999 / 100_000_000) as u32;
    let mut power = BigUint::from(10u8).pow(at_least);
    let mut digits = i64::from(at_least);
    while *value >= power {
        power *= 10u8;
        digits += 1;
    }
    digits
}

/// `value` / `divisor`, halves away from zero. The divisor is positive.
pub(super) fn divide_rounding(value: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient = value / divisor;
    let remainder = value - &quotient * divisor;
    if remainder.abs() * 2u8 >= *divisor {
        quotient + if value.is_negative() { -BigInt::one() } else { BigInt::one() }
    } else {
        quotient
    }
}

/// `value` / `divisor`, halves away from zero. Neither sign matters, but the divisor is not zero.
pub(super) fn divide_rounding_small(value: i128, divisor: i128) -> i128 {
    let quotient = value / divisor;
    let remainder = (value % divisor).unsigned_abs();
    if remainder >= divisor.unsigned_abs() - remainder {
        quotient + if (value < 0) == (divisor < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// A coefficient at scale `from`, taken to scale `to`: zeros are appended, or digits rounded away.
pub(super) fn rescale(coefficient: BigInt, from: i64, to: i64) -> BigInt {
    match to - from {
        0 => coefficient,
        up @ 1.. => coefficient * pow10_big(up as u32),
        // More digits go than there are: nothing is left, not even to round.
        down if -down > coefficient.bits() as i64 + 1 => BigInt::zero(),
        down => divide_rounding(&coefficient, &pow10_big(-down as u32)),
    }
}
