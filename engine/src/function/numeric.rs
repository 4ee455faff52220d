//! Functions of numeric.

use storage::{Numeric, Value};

use super::argument::{division_by_zero, int4, int8, invalid, numeric, numeric_of, out_of_range};
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(1724, "numeric_add", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.add(numeric(&args[1])?))
    }),
    immutable(1764, "numeric_inc", &[NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.add(&Numeric::from_i64(1)))
    }),
    immutable(1725, "numeric_sub", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.sub(numeric(&args[1])?))
    }),
    immutable(1726, "numeric_mul", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.mul(numeric(&args[1])?))
    }),
    immutable(1727, "numeric_div", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.div(numeric(&args[1])?))
    }),
    immutable(1729, "numeric_mod", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.rem(numeric(&args[1])?))
    }),
    immutable(1728, "mod", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.rem(numeric(&args[1])?))
    }),
    immutable(1973, "div", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[0])?.div_trunc(numeric(&args[1])?))
    }),
    immutable(1739, "numeric_power", &[NUMERIC, NUMERIC], NUMERIC, power),
    immutable(2169, "power", &[NUMERIC, NUMERIC], NUMERIC, power),
    immutable(1738, "pow", &[NUMERIC, NUMERIC], NUMERIC, power),
    immutable(1771, "numeric_uminus", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.neg()))),
    immutable(1915, "numeric_uplus", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.clone()))),
    immutable(1704, "numeric_abs", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.abs()))),
    immutable(1705, "abs", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.abs()))),
    immutable(1706, "sign", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.sign()))),
    immutable(1711, "ceil", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.ceil()))),
    immutable(2167, "ceiling", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.ceil()))),
    immutable(1712, "floor", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.floor()))),
    immutable(1707, "round", &[NUMERIC, INT4], NUMERIC, |_, args| {
        numeric_of(Ok(numeric(&args[0])?.round(int4(&args[1])?)))
    }),
    immutable(1708, "round", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.round(0)))),
    immutable(1709, "trunc", &[NUMERIC, INT4], NUMERIC, |_, args| {
        numeric_of(Ok(numeric(&args[0])?.trunc(int4(&args[1])?)))
    }),
    immutable(1710, "trunc", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.trunc(0)))),
    immutable(1730, "sqrt", &[NUMERIC], NUMERIC, |_, args| numeric_of(numeric(&args[0])?.sqrt())),
    immutable(1732, "exp", &[NUMERIC], NUMERIC, |_, args| numeric_of(numeric(&args[0])?.exp())),
    immutable(1734, "ln", &[NUMERIC], NUMERIC, |_, args| numeric_of(numeric(&args[0])?.ln())),
    immutable(1736, "log", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(numeric(&args[1])?.log(numeric(&args[0])?))
    }),
    immutable(1741, "log", &[NUMERIC], NUMERIC, log10),
    immutable(1481, "log10", &[NUMERIC], NUMERIC, log10),
    immutable(3281, "scale", &[NUMERIC], INT4, |_, args| {
        let value = numeric(&args[0])?;
        Ok(if value.is_finite() { Value::Int4(i32::from(value.scale())) } else { Value::Null })
    }),
    immutable(5042, "min_scale", &[NUMERIC], INT4, |_, args| {
        let value = numeric(&args[0])?;
        Ok(if value.is_finite() { Value::Int4(i32::from(value.min_scale())) } else { Value::Null })
    }),
    immutable(5043, "trim_scale", &[NUMERIC], NUMERIC, |_, args| numeric_of(Ok(numeric(&args[0])?.trim_scale()))),
    immutable(1376, "factorial", &[INT8], NUMERIC, factorial),
    immutable(5048, "gcd", &[NUMERIC, NUMERIC], NUMERIC, |_, args| {
        numeric_of(Ok(greatest_divisor(numeric(&args[0])?, numeric(&args[1])?)?))
    }),
    immutable(5049, "lcm", &[NUMERIC, NUMERIC], NUMERIC, least_multiple),
    immutable(2170, "width_bucket", &[NUMERIC, NUMERIC, NUMERIC, INT4], INT4, width_bucket),
];

fn power(_: &EvalContext, args: &[Value]) -> Result<Value> {
    numeric_of(numeric(&args[0])?.power(numeric(&args[1])?))
}

fn log10(_: &EvalContext, args: &[Value]) -> Result<Value> {
    numeric_of(numeric(&args[0])?.log(&Numeric::from_i64(10)))
}

fn factorial(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let _ = context;
    let number = int8(&args[0])?;
    if number < 0 {
        return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "factorial of a negative number is undefined"));
    }
    // PostgreSQL's bound, beyond which the result has too many digits.
    if number > 32_177 {
        return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format"));
    }
    let mut product = Numeric::ONE;
    for factor in 2..=number {
        product = product.mul(&Numeric::from_i64(factor)).map_err(crate::types::text::numeric_error)?;
    }
    numeric_of(Ok(product))
}

/// By Euclid's algorithm, at the greater of the two scales.
fn greatest_divisor(a: &Numeric, b: &Numeric) -> Result<Numeric> {
    if !a.is_finite() || !b.is_finite() {
        return Ok(Numeric::NAN);
    }
    let (mut a, mut b) = (a.abs(), b.abs());
    let scale = i32::from(a.scale().max(b.scale()));
    while !b.is_zero() {
        let rest = a.rem(&b).map_err(crate::types::text::numeric_error)?;
        (a, b) = (b, rest);
    }
    Ok(a.round(scale))
}

fn least_multiple(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (a, b) = (numeric(&args[0])?, numeric(&args[1])?);
    if !a.is_finite() || !b.is_finite() {
        return numeric_of(Ok(Numeric::NAN));
    }
    let scale = i32::from(a.scale().max(b.scale()));
    if a.is_zero() || b.is_zero() {
        return numeric_of(Ok(Numeric::ZERO.round(scale)));
    }
    let divisor = greatest_divisor(a, b)?;
    let error = crate::types::text::numeric_error;
    let multiple = a.div_trunc(&divisor).map_err(error)?.mul(b).map_err(error)?;
    numeric_of(Ok(multiple.abs().round(scale)))
}

fn width_bucket(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (operand, low, high, count) = (numeric(&args[0])?, numeric(&args[1])?, numeric(&args[2])?, int4(&args[3])?);
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
    let ascending = low < high;
    let (below, beyond) = if ascending { (operand < low, operand >= high) } else { (operand > low, operand <= high) };
    if below {
        return Ok(Value::Int4(0));
    }
    if beyond {
        return count.checked_add(1).map(Value::Int4).ok_or_else(|| out_of_range("integer"));
    }
    let error = crate::types::text::numeric_error;
    let position = operand.sub(low).map_err(error)?.mul(&Numeric::from_i64(i64::from(count))).map_err(error)?;
    let width = high.sub(low).map_err(error)?;
    if width.is_zero() {
        return Err(division_by_zero());
    }
    let bucket = position.div_trunc(&width).map_err(error)?.to_i32().ok_or_else(|| invalid("width_bucket failed"))?;
    Ok(Value::Int4(bucket.saturating_add(1)))
}
