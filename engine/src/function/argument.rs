//! Arguments as what they are declared to be, and the errors that many functions share.

use storage::{Array, Interval, Numeric, NumericError, Value};

use crate::error::{Error, Result, SqlState};
use crate::types::text::numeric_error;

/// The binder converts every argument to its declared type, so this is a broken promise of ours.
#[cold]
fn mismatch(wanted: &str, value: &Value) -> Error {
    Error::internal(format!("a function wants {wanted} and got {value:?}"))
}

macro_rules! accessors {
    ($($name:ident $variant:ident $ty:ty;)*) => {$(
        pub(crate) fn $name(value: &Value) -> Result<$ty> {
            match value {
                Value::$variant(inner) => Ok(*inner),
                other => Err(mismatch(stringify!($name), other)),
            }
        }
    )*};
}

accessors! {
    boolean Bool bool;
    int2 Int2 i16;
    int4 Int4 i32;
    int8 Int8 i64;
    date Date i32;
    time Time i64;
    timestamp Timestamp i64;
    timestamptz Timestamptz i64;
    interval Interval Interval;
}

/// An int2, int4 or int8.
pub(crate) fn integer(value: &Value) -> Result<i64> {
    match value {
        Value::Int4(inner) => Ok(i64::from(*inner)),
        Value::Int8(inner) => Ok(*inner),
        Value::Int2(inner) => Ok(i64::from(*inner)),
        other => Err(mismatch("an integer", other)),
    }
}

/// A float4 or float8.
pub(crate) fn float(value: &Value) -> Result<f64> {
    match value {
        Value::Float8(inner) => Ok(*inner),
        Value::Float4(inner) => Ok(f64::from(*inner)),
        other => Err(mismatch("a float", other)),
    }
}

pub(crate) fn text(value: &Value) -> Result<&str> {
    match value {
        Value::Text(inner) => Ok(inner),
        other => Err(mismatch("text", other)),
    }
}

pub(crate) fn bytes(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Bytea(inner) => Ok(inner),
        other => Err(mismatch("bytea", other)),
    }
}

pub(crate) fn numeric(value: &Value) -> Result<&Numeric> {
    match value {
        Value::Numeric(inner) => Ok(inner),
        other => Err(mismatch("numeric", other)),
    }
}

pub(crate) fn uuid(value: &Value) -> Result<&[u8; 16]> {
    match value {
        Value::Uuid(inner) => Ok(inner),
        other => Err(mismatch("uuid", other)),
    }
}

pub(crate) fn array(value: &Value) -> Result<&Array> {
    match value {
        Value::Array(inner) => Ok(inner),
        other => Err(mismatch("an array", other)),
    }
}

/// A text result.
pub(crate) fn text_of(text: impl Into<Box<str>>) -> Result<Value> {
    Ok(Value::Text(text.into()))
}

/// A numeric result, or its error with its code.
pub(crate) fn numeric_of(result: std::result::Result<Numeric, NumericError>) -> Result<Value> {
    result.map(|value| Value::Numeric(Box::new(value))).map_err(numeric_error)
}

#[cold]
pub(crate) fn out_of_range(type_name: &str) -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{type_name} out of range"))
}

#[cold]
pub(crate) fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

#[cold]
pub(crate) fn float_overflow() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
}

#[cold]
pub(crate) fn float_underflow() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
}

#[cold]
pub(crate) fn subscript_error(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message)
}

#[cold]
pub(crate) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// Text a function builds must stay below PostgreSQL's limit for one value.
pub(crate) const TEXT_BYTES_MAX: usize = 0x3fff_ffff;

/// 54000 if a result would be greater than any value may be.
pub(crate) fn check_size(bytes: usize) -> Result<()> {
    if bytes > TEXT_BYTES_MAX {
        return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "requested length too large"));
    }
    Ok(())
}
