//! Functions and operators of `pg_lsn` and `xid8`.

use storage::{Numeric, Value};

use super::Function;
use super::argument::{int8, numeric};
use super::define::immutable;
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::text::numeric_error;
use crate::types::unsigned::{number_of, packed};

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(6103, "pg_lsn", &[NUMERIC], PG_LSN, |_, args| lsn(numeric(&args[0])?)),
    immutable(3251, "pg_lsn_cmp", &[PG_LSN, PG_LSN], INT4, |_, args| order(&args[0], &args[1])),
    immutable(4187, "pg_lsn_larger", &[PG_LSN, PG_LSN], PG_LSN, |_, args| larger(&args[0], &args[1])),
    immutable(4188, "pg_lsn_smaller", &[PG_LSN, PG_LSN], PG_LSN, |_, args| smaller(&args[0], &args[1])),
    immutable(3237, "pg_lsn_mi", &[PG_LSN, PG_LSN], NUMERIC, |_, args| distance(&args[0], &args[1])),
    immutable(3165, "pg_wal_lsn_diff", &[PG_LSN, PG_LSN], NUMERIC, |_, args| distance(&args[0], &args[1])),
    immutable(5022, "pg_lsn_pli", &[PG_LSN, NUMERIC], PG_LSN, |_, args| moved(&args[0], &args[1], false)),
    immutable(5023, "numeric_pl_pg_lsn", &[NUMERIC, PG_LSN], PG_LSN, |_, args| moved(&args[1], &args[0], false)),
    immutable(5024, "pg_lsn_mii", &[PG_LSN, NUMERIC], PG_LSN, |_, args| moved(&args[0], &args[1], true)),
    immutable(5071, "xid", &[XID8], XID, |_, args| Ok(Value::Int8(i64::from(number_of(int8(&args[0])?) as u32)))),
    immutable(5096, "xid8cmp", &[XID8, XID8], INT4, |_, args| order(&args[0], &args[1])),
    immutable(5097, "xid8_larger", &[XID8, XID8], XID8, |_, args| larger(&args[0], &args[1])),
    immutable(5098, "xid8_smaller", &[XID8, XID8], XID8, |_, args| smaller(&args[0], &args[1])),
];

fn order(left: &Value, right: &Value) -> Result<Value> {
    Ok(Value::Int4(int8(left)?.cmp(&int8(right)?) as i32))
}

fn larger(left: &Value, right: &Value) -> Result<Value> {
    Ok(Value::Int8(int8(left)?.max(int8(right)?)))
}

fn smaller(left: &Value, right: &Value) -> Result<Value> {
    Ok(Value::Int8(int8(left)?.min(int8(right)?)))
}

fn bytes_of(value: &Value) -> Result<i128> {
    Ok(i128::from(number_of(int8(value)?)))
}

fn distance(left: &Value, right: &Value) -> Result<Value> {
    Ok(Value::Numeric(Box::new(Numeric::from_i128(bytes_of(left)? - bytes_of(right)?))))
}

fn lsn(number: &Numeric) -> Result<Value> {
    let not_finite =
        |what: &str| Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot convert {what} to pg_lsn"));
    if number.is_nan() {
        return Err(not_finite("NaN"));
    }
    if number.is_infinite() {
        return Err(not_finite("infinity"));
    }
    let whole = number.round(0).to_i128().and_then(|number| u64::try_from(number).ok());
    whole
        .map(|number| Value::Int8(packed(number)))
        .ok_or_else(|| Error::new(SqlState::INVALID_PARAMETER_VALUE, "pg_lsn out of range"))
}

/// A number of bytes further on, or back.
fn moved(from: &Value, by: &Value, back: bool) -> Result<Value> {
    let by = numeric(by)?;
    if by.is_nan() {
        let words = if back { "cannot subtract NaN from pg_lsn" } else { "cannot add NaN to pg_lsn" };
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
    }
    let from = Numeric::from_i128(bytes_of(from)?);
    lsn(&if back { from.sub(by) } else { from.add(by) }.map_err(numeric_error)?)
}
