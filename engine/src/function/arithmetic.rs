//! Arithmetic of integers and floats: overflow and division by zero are errors.

use storage::Value;

use super::argument::{
    division_by_zero, float, float_overflow, float_underflow, int2, int4, int8, integer as integer_of, out_of_range,
};
use super::define::immutable;
use super::{Arithmetic, Batch, Eval, EvalContext, Function};
use crate::error::Result;
use crate::types::oid::*;

/// `left op right` of integers; the name, types and oid are `pg_proc`'s.
const fn integer(oid: u32, name: &'static str, left: u32, right: u32, returns: u32, op: Arithmetic) -> Function {
    let eval: Eval = match op {
        Arithmetic::Add => |_, args| checked(args, i64::checked_add),
        Arithmetic::Subtract => |_, args| checked(args, i64::checked_sub),
        Arithmetic::Multiply => |_, args| checked(args, i64::checked_mul),
        Arithmetic::Divide => |_, args| {
            not_zero(&args[1])?;
            checked(args, i64::checked_div)
        },
        Arithmetic::Modulo => |_, args| {
            not_zero(&args[1])?;
            // The least number modulo -1 is 0, though its quotient overflows.
            checked(args, |a, b| Some(a.wrapping_rem(b)))
        },
    };
    immutable(oid, name, pair(left, right), returns, eval).batched(Batch::Arithmetic(op))
}

/// `left op right` of floats.
const fn floating(oid: u32, name: &'static str, left: u32, right: u32, returns: u32, op: Arithmetic) -> Function {
    let eval: Eval = match op {
        Arithmetic::Add => |_, args| rounded(args, |a, b| a + b, |_, _| false),
        Arithmetic::Subtract => |_, args| rounded(args, |a, b| a - b, |_, _| false),
        Arithmetic::Multiply => |_, args| rounded(args, |a, b| a * b, |a, b| a != 0.0 && b != 0.0),
        Arithmetic::Divide | Arithmetic::Modulo => |_, args| {
            if float(&args[1])? == 0.0 && !float(&args[0])?.is_nan() {
                return Err(division_by_zero());
            }
            rounded(args, |a, b| a / b, |a, b| a != 0.0 && b.is_finite())
        },
    };
    immutable(oid, name, pair(left, right), returns, eval).batched(Batch::Arithmetic(op))
}

/// A slice of the two types; those that occur.
const fn pair(left: u32, right: u32) -> &'static [u32] {
    match (left, right) {
        (INT2, INT2) => &[INT2, INT2],
        (INT2, INT4) => &[INT2, INT4],
        (INT2, INT8) => &[INT2, INT8],
        (INT4, INT2) => &[INT4, INT2],
        (INT4, INT4) => &[INT4, INT4],
        (INT4, INT8) => &[INT4, INT8],
        (INT8, INT2) => &[INT8, INT2],
        (INT8, INT4) => &[INT8, INT4],
        (INT8, INT8) => &[INT8, INT8],
        (FLOAT4, FLOAT4) => &[FLOAT4, FLOAT4],
        (FLOAT4, FLOAT8) => &[FLOAT4, FLOAT8],
        (FLOAT8, FLOAT4) => &[FLOAT8, FLOAT4],
        _ => &[FLOAT8, FLOAT8],
    }
}

fn not_zero(divisor: &Value) -> Result<()> {
    if integer_of(divisor)? == 0 { Err(division_by_zero()) } else { Ok(()) }
}

/// Computes in 64 bits and answers in the wider type of the two.
fn checked(args: &[Value], compute: fn(i64, i64) -> Option<i64>) -> Result<Value> {
    let result = compute(integer_of(&args[0])?, integer_of(&args[1])?);
    match (&args[0], &args[1]) {
        (Value::Int8(_), _) | (_, Value::Int8(_)) => result.map(Value::Int8).ok_or_else(|| out_of_range("bigint")),
        (Value::Int4(_), _) | (_, Value::Int4(_)) => {
            result.and_then(|value| i32::try_from(value).ok()).map(Value::Int4).ok_or_else(|| out_of_range("integer"))
        }
        _ => {
            result.and_then(|value| i16::try_from(value).ok()).map(Value::Int2).ok_or_else(|| out_of_range("smallint"))
        }
    }
}

/// `zero_is_underflow` tells from the operands whether a zero was rounded to.
fn rounded(args: &[Value], compute: fn(f64, f64) -> f64, zero_is_underflow: fn(f64, f64) -> bool) -> Result<Value> {
    let (a, b) = (float(&args[0])?, float(&args[1])?);
    let exact = compute(a, b);
    let single = matches!((&args[0], &args[1]), (Value::Float4(_), Value::Float4(_)));
    let result = if single { f64::from(exact as f32) } else { exact };
    if result.is_infinite() && a.is_finite() && b.is_finite() {
        return Err(float_overflow());
    }
    if result == 0.0 && zero_is_underflow(a, b) {
        return Err(float_underflow());
    }
    Ok(if single { Value::Float4(exact as f32) } else { Value::Float8(exact) })
}

#[rustfmt::skip]
pub(super) const BINARY: &[Function] = &[
    floating(280, "float48div", FLOAT4, FLOAT8, FLOAT8, Arithmetic::Divide),
    floating(282, "float48mi", FLOAT4, FLOAT8, FLOAT8, Arithmetic::Subtract),
    floating(279, "float48mul", FLOAT4, FLOAT8, FLOAT8, Arithmetic::Multiply),
    floating(281, "float48pl", FLOAT4, FLOAT8, FLOAT8, Arithmetic::Add),
    floating(203, "float4div", FLOAT4, FLOAT4, FLOAT4, Arithmetic::Divide),
    floating(205, "float4mi", FLOAT4, FLOAT4, FLOAT4, Arithmetic::Subtract),
    floating(202, "float4mul", FLOAT4, FLOAT4, FLOAT4, Arithmetic::Multiply),
    floating(204, "float4pl", FLOAT4, FLOAT4, FLOAT4, Arithmetic::Add),
    floating(284, "float84div", FLOAT8, FLOAT4, FLOAT8, Arithmetic::Divide),
    floating(286, "float84mi", FLOAT8, FLOAT4, FLOAT8, Arithmetic::Subtract),
    floating(283, "float84mul", FLOAT8, FLOAT4, FLOAT8, Arithmetic::Multiply),
    floating(285, "float84pl", FLOAT8, FLOAT4, FLOAT8, Arithmetic::Add),
    floating(217, "float8div", FLOAT8, FLOAT8, FLOAT8, Arithmetic::Divide),
    floating(219, "float8mi", FLOAT8, FLOAT8, FLOAT8, Arithmetic::Subtract),
    floating(216, "float8mul", FLOAT8, FLOAT8, FLOAT8, Arithmetic::Multiply),
    floating(218, "float8pl", FLOAT8, FLOAT8, FLOAT8, Arithmetic::Add),
    integer(172, "int24div", INT2, INT4, INT4, Arithmetic::Divide),
    integer(182, "int24mi", INT2, INT4, INT4, Arithmetic::Subtract),
    integer(170, "int24mul", INT2, INT4, INT4, Arithmetic::Multiply),
    integer(178, "int24pl", INT2, INT4, INT4, Arithmetic::Add),
    integer(948, "int28div", INT2, INT8, INT8, Arithmetic::Divide),
    integer(942, "int28mi", INT2, INT8, INT8, Arithmetic::Subtract),
    integer(943, "int28mul", INT2, INT8, INT8, Arithmetic::Multiply),
    integer(841, "int28pl", INT2, INT8, INT8, Arithmetic::Add),
    integer(153, "int2div", INT2, INT2, INT2, Arithmetic::Divide),
    integer(180, "int2mi", INT2, INT2, INT2, Arithmetic::Subtract),
    integer(155, "int2mod", INT2, INT2, INT2, Arithmetic::Modulo),
    integer(152, "int2mul", INT2, INT2, INT2, Arithmetic::Multiply),
    integer(176, "int2pl", INT2, INT2, INT2, Arithmetic::Add),
    integer(173, "int42div", INT4, INT2, INT4, Arithmetic::Divide),
    integer(183, "int42mi", INT4, INT2, INT4, Arithmetic::Subtract),
    integer(171, "int42mul", INT4, INT2, INT4, Arithmetic::Multiply),
    integer(179, "int42pl", INT4, INT2, INT4, Arithmetic::Add),
    integer(1281, "int48div", INT4, INT8, INT8, Arithmetic::Divide),
    integer(1279, "int48mi", INT4, INT8, INT8, Arithmetic::Subtract),
    integer(1280, "int48mul", INT4, INT8, INT8, Arithmetic::Multiply),
    integer(1278, "int48pl", INT4, INT8, INT8, Arithmetic::Add),
    integer(154, "int4div", INT4, INT4, INT4, Arithmetic::Divide),
    integer(181, "int4mi", INT4, INT4, INT4, Arithmetic::Subtract),
    integer(156, "int4mod", INT4, INT4, INT4, Arithmetic::Modulo),
    integer(141, "int4mul", INT4, INT4, INT4, Arithmetic::Multiply),
    integer(177, "int4pl", INT4, INT4, INT4, Arithmetic::Add),
    integer(840, "int82div", INT8, INT2, INT8, Arithmetic::Divide),
    integer(838, "int82mi", INT8, INT2, INT8, Arithmetic::Subtract),
    integer(839, "int82mul", INT8, INT2, INT8, Arithmetic::Multiply),
    integer(837, "int82pl", INT8, INT2, INT8, Arithmetic::Add),
    integer(1277, "int84div", INT8, INT4, INT8, Arithmetic::Divide),
    integer(1275, "int84mi", INT8, INT4, INT8, Arithmetic::Subtract),
    integer(1276, "int84mul", INT8, INT4, INT8, Arithmetic::Multiply),
    integer(1274, "int84pl", INT8, INT4, INT8, Arithmetic::Add),
    integer(466, "int8div", INT8, INT8, INT8, Arithmetic::Divide),
    integer(464, "int8mi", INT8, INT8, INT8, Arithmetic::Subtract),
    integer(945, "int8mod", INT8, INT8, INT8, Arithmetic::Modulo),
    integer(465, "int8mul", INT8, INT8, INT8, Arithmetic::Multiply),
    integer(463, "int8pl", INT8, INT8, INT8, Arithmetic::Add),];

/// `-value`, `+value`, `@ value`, and the bits.
macro_rules! unary {
    ($oid:literal $name:literal $ty:ident $variant:ident $access:ident $eval:expr, $type_name:literal) => {
        immutable($oid, $name, &[$ty], $ty, |_, args| {
            let value = $access(&args[0])?;
            $eval(value).map(Value::$variant).ok_or_else(|| out_of_range($type_name))
        })
    };
}

macro_rules! bits {
    ($oid:literal $name:literal $ty:ident $variant:ident $access:ident $operator:tt) => {
        immutable($oid, $name, &[$ty, $ty], $ty, |_, args| {
            Ok(Value::$variant($access(&args[0])? $operator $access(&args[1])?))
        })
    };
}

/// Shifts take their distance modulo the width, as the machine does.
macro_rules! shift {
    ($oid:literal $name:literal $ty:ident $variant:ident $access:ident $shift:ident) => {
        immutable($oid, $name, &[$ty, INT4], $ty, |_, args| {
            Ok(Value::$variant($access(&args[0])?.$shift(int4(&args[1])? as u32)))
        })
    };
}

pub(super) const UNARY: &[Function] = &[
    unary!(213 "int2um" INT2 Int2 int2 i16::checked_neg, "smallint"),
    unary!(212 "int4um" INT4 Int4 int4 i32::checked_neg, "integer"),
    unary!(462 "int8um" INT8 Int8 int8 i64::checked_neg, "bigint"),
    unary!(1911 "int2up" INT2 Int2 int2 Some, "smallint"),
    unary!(1912 "int4up" INT4 Int4 int4 Some, "integer"),
    unary!(1910 "int8up" INT8 Int8 int8 Some, "bigint"),
    unary!(1253 "int2abs" INT2 Int2 int2 i16::checked_abs, "smallint"),
    unary!(1251 "int4abs" INT4 Int4 int4 i32::checked_abs, "integer"),
    unary!(1230 "int8abs" INT8 Int8 int8 i64::checked_abs, "bigint"),
    unary!(1398 "abs" INT2 Int2 int2 i16::checked_abs, "smallint"),
    unary!(1397 "abs" INT4 Int4 int4 i32::checked_abs, "integer"),
    unary!(1396 "abs" INT8 Int8 int8 i64::checked_abs, "bigint"),
    unary!(1895 "int2not" INT2 Int2 int2 |value: i16| Some(!value), "smallint"),
    unary!(1901 "int4not" INT4 Int4 int4 |value: i32| Some(!value), "integer"),
    unary!(1907 "int8not" INT8 Int8 int8 |value: i64| Some(!value), "bigint"),
    bits!(1892 "int2and" INT2 Int2 int2 &),
    bits!(1898 "int4and" INT4 Int4 int4 &),
    bits!(1904 "int8and" INT8 Int8 int8 &),
    bits!(1893 "int2or" INT2 Int2 int2 |),
    bits!(1899 "int4or" INT4 Int4 int4 |),
    bits!(1905 "int8or" INT8 Int8 int8 |),
    bits!(1894 "int2xor" INT2 Int2 int2 ^),
    bits!(1900 "int4xor" INT4 Int4 int4 ^),
    bits!(1906 "int8xor" INT8 Int8 int8 ^),
    immutable(1896, "int2shl", &[INT2, INT4], INT2, |_, args| {
        Ok(Value::Int2((i32::from(int2(&args[0])?)).wrapping_shl(int4(&args[1])? as u32) as i16))
    }),
    immutable(1897, "int2shr", &[INT2, INT4], INT2, |_, args| {
        Ok(Value::Int2((i32::from(int2(&args[0])?)).wrapping_shr(int4(&args[1])? as u32) as i16))
    }),
    shift!(1902 "int4shl" INT4 Int4 int4 wrapping_shl),
    shift!(1903 "int4shr" INT4 Int4 int4 wrapping_shr),
    shift!(1908 "int8shl" INT8 Int8 int8 wrapping_shl),
    shift!(1909 "int8shr" INT8 Int8 int8 wrapping_shr),
    immutable(206, "float4um", &[FLOAT4], FLOAT4, |_, args| float4_of(args, |value| -value)),
    immutable(220, "float8um", &[FLOAT8], FLOAT8, |_, args| float8_of(args, |value| -value)),
    immutable(1913, "float4up", &[FLOAT4], FLOAT4, |_, args| float4_of(args, |value| value)),
    immutable(1914, "float8up", &[FLOAT8], FLOAT8, |_, args| float8_of(args, |value| value)),
    immutable(207, "float4abs", &[FLOAT4], FLOAT4, |_, args| float4_of(args, f64::abs)),
    immutable(221, "float8abs", &[FLOAT8], FLOAT8, |_, args| float8_of(args, f64::abs)),
    immutable(1394, "abs", &[FLOAT4], FLOAT4, |_, args| float4_of(args, f64::abs)),
    immutable(1395, "abs", &[FLOAT8], FLOAT8, |_, args| float8_of(args, f64::abs)),
    immutable(940, "mod", &[INT2, INT2], INT2, modulo),
    immutable(941, "mod", &[INT4, INT4], INT4, modulo),
    immutable(947, "mod", &[INT8, INT8], INT8, modulo),
    immutable(5044, "gcd", &[INT4, INT4], INT4, |_, args| {
        let result = greatest_divisor(integer_of(&args[0])?, integer_of(&args[1])?);
        result.and_then(|value| i32::try_from(value).ok()).map(Value::Int4).ok_or_else(|| out_of_range("integer"))
    }),
    immutable(5045, "gcd", &[INT8, INT8], INT8, |_, args| {
        let result = greatest_divisor(integer_of(&args[0])?, integer_of(&args[1])?);
        result.map(Value::Int8).ok_or_else(|| out_of_range("bigint"))
    }),
    immutable(5046, "lcm", &[INT4, INT4], INT4, |_, args| {
        let result = least_multiple(integer_of(&args[0])?, integer_of(&args[1])?);
        result.and_then(|value| i32::try_from(value).ok()).map(Value::Int4).ok_or_else(|| out_of_range("integer"))
    }),
    immutable(5047, "lcm", &[INT8, INT8], INT8, |_, args| {
        let result = least_multiple(integer_of(&args[0])?, integer_of(&args[1])?);
        result.map(Value::Int8).ok_or_else(|| out_of_range("bigint"))
    }),
];

fn modulo(_: &EvalContext, args: &[Value]) -> Result<Value> {
    not_zero(&args[1])?;
    checked(args, |a, b| Some(a.wrapping_rem(b)))
}

fn float4_of(args: &[Value], compute: fn(f64) -> f64) -> Result<Value> {
    Ok(Value::Float4(compute(float(&args[0])?) as f32))
}

fn float8_of(args: &[Value], compute: fn(f64) -> f64) -> Result<Value> {
    Ok(Value::Float8(compute(float(&args[0])?)))
}

fn greatest_divisor(a: i64, b: i64) -> Option<i64> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).ok()
}

fn least_multiple(a: i64, b: i64) -> Option<i64> {
    if a == 0 || b == 0 {
        return Some(0);
    }
    let (mut divisor, mut rest) = (a.unsigned_abs(), b.unsigned_abs());
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a.unsigned_abs() / divisor).checked_mul(b.unsigned_abs()).and_then(|value| i64::try_from(value).ok())
}
