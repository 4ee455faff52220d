//! Functions of floats.

use storage::Value;

use super::argument::{float, float_overflow, float_underflow, int4, out_of_range};
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

/// A function of one float8 that has a value for every number.
macro_rules! total {
    ($oid:literal $name:literal $compute:expr) => {
        immutable($oid, $name, &[FLOAT8], FLOAT8, |_, args| Ok(Value::Float8($compute(float(&args[0])?))))
    };
}

/// A function of one float8 that may have none.
macro_rules! partial {
    ($oid:literal $name:literal $compute:expr) => {
        immutable($oid, $name, &[FLOAT8], FLOAT8, |_, args| $compute(float(&args[0])?).map(Value::Float8))
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    total!(2308 "ceil" f64::ceil),
    total!(2320 "ceiling" f64::ceil),
    total!(2309 "floor" f64::floor),
    total!(1342 "round" f64::round_ties_even),
    total!(1343 "trunc" f64::trunc),
    total!(2310 "sign" |value: f64| if value > 0.0 { 1.0 } else if value < 0.0 { -1.0 } else if value.is_nan() { value } else { 0.0 }),
    total!(1345 "cbrt" f64::cbrt),
    total!(231 "dcbrt" f64::cbrt),
    total!(1602 "atan" f64::atan),
    total!(2464 "tanh" f64::tanh),
    total!(2465 "asinh" f64::asinh),
    total!(1609 "radians" f64::to_radians),
    partial!(1344 "sqrt" square_root),
    partial!(230 "dsqrt" square_root),
    partial!(1347 "exp" exponential),
    partial!(1341 "ln" |value| logarithm(value, f64::ln)),
    partial!(1340 "log" |value| logarithm(value, f64::log10)),
    partial!(1194 "log10" |value| logarithm(value, f64::log10)),
    partial!(1608 "degrees" |value: f64| finite(value, value * (180.0 / std::f64::consts::PI))),
    partial!(1604 "sin" |value| periodic(value, f64::sin)),
    partial!(1605 "cos" |value| periodic(value, f64::cos)),
    partial!(1606 "tan" |value| periodic(value, f64::tan)),
    partial!(1607 "cot" |value| periodic(value, |value| 1.0 / value.tan())),
    partial!(1600 "asin" |value| within(value, -1.0, 1.0, f64::asin)),
    partial!(1601 "acos" |value| within(value, -1.0, 1.0, f64::acos)),
    partial!(2462 "sinh" |value: f64| Ok::<f64, Error>(value.sinh())),
    partial!(2463 "cosh" |value: f64| Ok::<f64, Error>(value.cosh())),
    partial!(2466 "acosh" |value| within(value, 1.0, f64::INFINITY, f64::acosh)),
    partial!(2467 "atanh" |value| within(value, -1.0, 1.0, f64::atanh)),
    immutable(1603, "atan2", &[FLOAT8, FLOAT8], FLOAT8, |_, args| {
        Ok(Value::Float8(float(&args[0])?.atan2(float(&args[1])?)))
    }),
    immutable(232, "dpow", &[FLOAT8, FLOAT8], FLOAT8, power),
    immutable(1346, "pow", &[FLOAT8, FLOAT8], FLOAT8, power),
    immutable(1368, "power", &[FLOAT8, FLOAT8], FLOAT8, power),
    immutable(1610, "pi", &[], FLOAT8, |_, _| Ok(Value::Float8(std::f64::consts::PI))),
    immutable(320, "width_bucket", &[FLOAT8, FLOAT8, FLOAT8, INT4], INT4, width_bucket),
];

/// A finite argument must have a finite result.
fn finite(value: f64, result: f64) -> Result<f64> {
    if result.is_infinite() && value.is_finite() { Err(float_overflow()) } else { Ok(result) }
}

fn square_root(value: f64) -> Result<f64> {
    if value < 0.0 {
        return Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "cannot take square root of a negative number",
        ));
    }
    Ok(value.sqrt())
}

fn exponential(value: f64) -> Result<f64> {
    let result = value.exp();
    if result == 0.0 && value.is_finite() {
        return Err(float_underflow());
    }
    finite(value, result)
}

fn logarithm(value: f64, compute: fn(f64) -> f64) -> Result<f64> {
    let refused = |words: &'static str| Err(Error::new(SqlState::INVALID_ARGUMENT_FOR_LOGARITHM, words));
    if value == 0.0 {
        return refused("cannot take logarithm of zero");
    }
    if value < 0.0 {
        return refused("cannot take logarithm of a negative number");
    }
    Ok(compute(value))
}

fn periodic(value: f64, compute: fn(f64) -> f64) -> Result<f64> {
    if value.is_infinite() { Err(out_of_range("input is")) } else { Ok(compute(value)) }
}

fn within(value: f64, low: f64, high: f64, compute: fn(f64) -> f64) -> Result<f64> {
    if value < low || value > high { Err(out_of_range("input is")) } else { Ok(compute(value)) }
}

fn power(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (base, exponent) = (float(&args[0])?, float(&args[1])?);
    let refused = |words: &'static str| Err(Error::new(SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION, words));
    if base == 0.0 && exponent < 0.0 {
        return refused("zero raised to a negative power is undefined");
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return refused("a negative number raised to a non-integer power yields a complex result");
    }
    let result = base.powf(exponent);
    if base.is_finite() && exponent.is_finite() {
        if result.is_infinite() {
            return Err(float_overflow());
        }
        if result == 0.0 && base != 0.0 {
            return Err(float_underflow());
        }
    }
    Ok(Value::Float8(result))
}

fn width_bucket(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (operand, low, high, count) = (float(&args[0])?, float(&args[1])?, float(&args[2])?, int4(&args[3])?);
    let refused = |words: &'static str| Err(Error::new(SqlState("2201G"), words));
    if count <= 0 {
        return refused("count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return refused("operand, lower bound, and upper bound cannot be NaN");
    }
    if low.is_infinite() || high.is_infinite() {
        return refused("lower and upper bounds must be finite");
    }
    if low == high {
        return refused("lower bound cannot equal upper bound");
    }
    let (below, beyond) = if low < high { (operand < low, operand >= high) } else { (operand > low, operand <= high) };
    if below {
        return Ok(Value::Int4(0));
    }
    if beyond {
        return count.checked_add(1).map(Value::Int4).ok_or_else(|| out_of_range("integer"));
    }
    // Halved, so that the distance of two great bounds is a number.
    let position = (operand / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * f64::from(count);
    Ok(Value::Int4((position as i32).min(count - 1).saturating_add(1)))
}
