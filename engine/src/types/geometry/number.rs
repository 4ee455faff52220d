//! Arithmetic that tells of overflow, and comparisons that overlook a little, as PostgreSQL's geometry does.

use super::EPSILON;
use crate::error::Result;
use crate::function::argument::{division_by_zero, float_overflow, float_underflow};

pub(crate) fn is_zero(number: f64) -> bool {
    number.abs() <= EPSILON
}

/// Whether two numbers are about the same; two infinities are.
pub(crate) fn about(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= EPSILON
}

/// Whether a number is not about another; neither holds of NaN.
pub(crate) fn differs(left: f64, right: f64) -> bool {
    left != right && (left - right).abs() > EPSILON
}

pub(crate) fn below(left: f64, right: f64) -> bool {
    left + EPSILON < right
}

pub(crate) fn at_most(left: f64, right: f64) -> bool {
    left <= right + EPSILON
}

/// Whether two numbers are the same, where NaN is the same as itself.
pub(crate) fn same(left: f64, right: f64) -> bool {
    left == right || (left.is_nan() && right.is_nan())
}

/// A result that is infinite without any of what it was made of being so is 22003.
fn bounded(result: f64, of: [f64; 2]) -> Result<f64> {
    if result.is_infinite() && !of.iter().any(|part| part.is_infinite()) { Err(float_overflow()) } else { Ok(result) }
}

pub(crate) fn add(left: f64, right: f64) -> Result<f64> {
    bounded(left + right, [left, right])
}

pub(crate) fn subtract(left: f64, right: f64) -> Result<f64> {
    bounded(left - right, [left, right])
}

pub(crate) fn multiply(left: f64, right: f64) -> Result<f64> {
    let product = bounded(left * right, [left, right])?;
    if product == 0.0 && left != 0.0 && right != 0.0 { Err(float_underflow()) } else { Ok(product) }
}

pub(crate) fn divide(left: f64, right: f64) -> Result<f64> {
    if right == 0.0 && !left.is_nan() {
        return Err(division_by_zero());
    }
    let quotient = left / right;
    if quotient.is_infinite() && !left.is_infinite() {
        return Err(float_overflow());
    }
    if quotient == 0.0 && left != 0.0 && !right.is_infinite() { Err(float_underflow()) } else { Ok(quotient) }
}

/// The middle of two numbers.
pub(crate) fn middle(left: f64, right: f64) -> Result<f64> {
    divide(add(left, right)?, 2.0)
}

/// The length of the diagonal of a rectangle with such sides.
pub(crate) fn diagonal(width: f64, height: f64) -> Result<f64> {
    if width.is_infinite() || height.is_infinite() {
        return Ok(f64::INFINITY);
    }
    if width.is_nan() || height.is_nan() {
        return Ok(f64::NAN);
    }
    let (long, short) = (width.abs().max(height.abs()), width.abs().min(height.abs()));
    if short == 0.0 {
        return Ok(long);
    }
    // Not f64::hypot, whose last digit may be another.
    let ratio = short / long;
    bounded(long * (1.0 + ratio * ratio).sqrt(), [long, short])
}

/// A distance, which is none where things overlap. NaN stays NaN.
pub(crate) fn gap(distance: f64) -> f64 {
    if distance < 0.0 { 0.0 } else { distance }
}
