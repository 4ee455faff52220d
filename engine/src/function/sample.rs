//! Whether a row is in a sample: what TABLESAMPLE means, which is grammar and has no row in `pg_proc`.

use std::hash::{DefaultHasher, Hash, Hasher};

use storage::Value;

use super::Function;
use super::define::{stable, volatile};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

/// By chance, with a percentage.
pub(crate) static PICKED: Function = volatile(0, "picked", &[FLOAT4], BOOL, |_, args| {
    Ok(Value::Bool(rand::random::<f64>() * 100.0 < check_percentage(&args[0])?))
})
.takes_nulls();

/// By a percentage, a seed and the row's key.
pub(crate) static PICKED_AGAIN: Function = stable(0, "picked", &[FLOAT4, FLOAT8, BYTEA], BOOL, |_, args| {
    let percentage = check_percentage(&args[0])?;
    let mut hasher = DefaultHasher::new();
    check_seed(&args[1])?.to_bits().hash(&mut hasher);
    if let Value::Bytea(key) = &args[2] {
        key.hash(&mut hasher);
    }
    // The upper bits as a fraction of one.
    let fraction = (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64;
    Ok(Value::Bool(fraction * 100.0 < percentage))
})
.takes_nulls();

/// The percentage, or 2202H.
pub(crate) fn check_percentage(value: &Value) -> Result<f64> {
    let refuse = |words: &'static str| Err(Error::new(SqlState("2202H"), words));
    match value {
        Value::Float4(percentage) if (0.0..=100.0).contains(percentage) => Ok(f64::from(*percentage)),
        Value::Null => refuse("TABLESAMPLE parameter cannot be null"),
        _ => refuse("sample percentage must be between 0 and 100"),
    }
}

/// The seed, or 2202G.
pub(crate) fn check_seed(value: &Value) -> Result<f64> {
    match value {
        Value::Float8(seed) => Ok(*seed),
        _ => Err(Error::new(SqlState("2202G"), "TABLESAMPLE REPEATABLE parameter cannot be null")),
    }
}
