//! Functions of bytea and uuid.

use storage::Value;

use super::argument::{bytes, check_size, int4, text};
use super::define::{immutable, stable, volatile};
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::encoding::Encoding;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(2010, "length", &[BYTEA], INT4, length),
    immutable(720, "octet_length", &[BYTEA], INT4, length),
    immutable(1810, "bit_length", &[BYTEA], INT4, |_, args| {
        Ok(Value::Int4(i32::try_from(bytes(&args[0])?.len().saturating_mul(8)).unwrap_or(i32::MAX)))
    }),
    immutable(2011, "byteacat", &[BYTEA, BYTEA], BYTEA, |_, args| {
        let joined = [bytes(&args[0])?, bytes(&args[1])?].concat();
        check_size(joined.len())?;
        Ok(Value::Bytea(joined.into()))
    }),
    immutable(2085, "substr", &[BYTEA, INT4, INT4], BYTEA, substring),
    immutable(2086, "substr", &[BYTEA, INT4], BYTEA, substring),
    immutable(2012, "substring", &[BYTEA, INT4, INT4], BYTEA, substring),
    immutable(2013, "substring", &[BYTEA, INT4], BYTEA, substring),
    immutable(2014, "position", &[BYTEA, BYTEA], INT4, |_, args| {
        let (value, wanted) = (bytes(&args[0])?, bytes(&args[1])?);
        if wanted.is_empty() {
            return Ok(Value::Int4(1));
        }
        let at = value.windows(wanted.len()).position(|window| window == wanted);
        Ok(Value::Int4(at.map_or(0, |at| i32::try_from(at + 1).unwrap_or(i32::MAX))))
    }),
    immutable(721, "get_byte", &[BYTEA, INT4], INT4, |_, args| {
        let (value, index) = (bytes(&args[0])?, int4(&args[1])?);
        Ok(Value::Int4(i32::from(value[at(value, index)?])))
    }),
    immutable(722, "set_byte", &[BYTEA, INT4, INT4], BYTEA, |_, args| {
        let (value, index) = (bytes(&args[0])?, int4(&args[1])?);
        let mut changed = value.to_vec();
        // Only the low byte counts.
        changed[at(value, index)?] = int4(&args[2])? as u8;
        Ok(Value::Bytea(changed.into()))
    }),
    volatile(3432, "gen_random_uuid", &[], UUID, |_, _| Ok(Value::Uuid(*uuid::Uuid::new_v4().as_bytes()))),
    stable(1714, "convert_from", &[BYTEA, NAME], TEXT, |_, args| {
        let encoding = encoding_named("source", text(&args[1])?)?;
        Ok(Value::Text(encoding.text(bytes(&args[0])?)?.into()))
    }),
    stable(1717, "convert_to", &[TEXT, NAME], BYTEA, |_, args| {
        let mut converted = Vec::new();
        encoding_named("destination", text(&args[1])?)?.encode(text(&args[0])?, &mut converted)?;
        Ok(Value::Bytea(converted.into()))
    }),
];

pub(super) fn encoding_named(role: &str, name: &str) -> Result<Encoding> {
    match Encoding::named(name)? {
        Some((encoding, _)) => Ok(encoding),
        None => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid {role} encoding name \"{name}\""))),
    }
}

fn length(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(i32::try_from(bytes(&args[0])?.len()).unwrap_or(i32::MAX)))
}

fn at(value: &[u8], index: i32) -> Result<usize> {
    usize::try_from(index).ok().filter(|index| *index < value.len()).ok_or_else(|| {
        Error::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            format!("index {index} out of valid range, 0..{}", value.len() as i64 - 1),
        )
    })
}

fn substring(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, start) = (bytes(&args[0])?, i64::from(int4(&args[1])?));
    let end = match args.get(2).map(int4).transpose()? {
        Some(length) if length < 0 => {
            return Err(Error::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
        }
        Some(length) => start + i64::from(length),
        None => i64::MAX,
    };
    let offset = |position: i64| usize::try_from(position.max(1) - 1).unwrap_or(0).min(value.len());
    let (first, last) = (offset(start), offset(end));
    Ok(Value::Bytea(value[first..last.max(first)].into()))
}
