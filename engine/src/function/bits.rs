//! Functions of bytea that look inside: bits, trimming, overlaying, and digests.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use storage::Value;

use super::argument::{bytes, int4, int8, out_of_range, text};
use super::define::{immutable, stable};
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(723, "get_bit", &[BYTEA, INT8], INT4, get_bit),
    immutable(724, "set_bit", &[BYTEA, INT8, INT4], BYTEA, set_bit),
    immutable(6163, "bit_count", &[BYTEA], INT8, |_, args| {
        Ok(Value::Int8(bytes(&args[0])?.iter().map(|byte| i64::from(byte.count_ones())).sum()))
    }),
    immutable(2015, "btrim", &[BYTEA, BYTEA], BYTEA, |_, args| trimmed(args, true, true)),
    immutable(6195, "ltrim", &[BYTEA, BYTEA], BYTEA, |_, args| trimmed(args, true, false)),
    immutable(6196, "rtrim", &[BYTEA, BYTEA], BYTEA, |_, args| trimmed(args, false, true)),
    immutable(749, "overlay", &[BYTEA, BYTEA, INT4, INT4], BYTEA, overlay),
    immutable(752, "overlay", &[BYTEA, BYTEA, INT4], BYTEA, overlay),
    immutable(3419, "sha224", &[BYTEA], BYTEA, |_, args| digest::<Sha224>(args)),
    immutable(3420, "sha256", &[BYTEA], BYTEA, |_, args| digest::<Sha256>(args)),
    immutable(3421, "sha384", &[BYTEA], BYTEA, |_, args| digest::<Sha384>(args)),
    immutable(3422, "sha512", &[BYTEA], BYTEA, |_, args| digest::<Sha512>(args)),
    stable(1713, "length", &[BYTEA, NAME], INT4, |_, args| {
        let encoding = super::bytes::encoding_named("source", text(&args[1])?)?;
        let characters = encoding.text(bytes(&args[0])?)?.chars().count();
        Ok(Value::Int4(i32::try_from(characters).unwrap_or(i32::MAX)))
    }),
];

fn digest<D: Digest>(args: &[Value]) -> Result<Value> {
    Ok(Value::Bytea(D::digest(bytes(&args[0])?).to_vec().into()))
}

/// The byte that a bit is in and its place there, the lowest first.
fn place(value: &[u8], index: i64) -> Result<(usize, u32)> {
    let bits = value.len() as i64 * 8;
    if !(0..bits).contains(&index) {
        let message = format!("index {index} out of valid range, 0..{}", bits - 1);
        return Err(Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message));
    }
    Ok(((index / 8) as usize, (index % 8) as u32))
}

fn get_bit(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let value = bytes(&args[0])?;
    let (byte, bit) = place(value, int8(&args[1])?)?;
    Ok(Value::Int4(i32::from(value[byte] >> bit & 1)))
}

fn set_bit(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let value = bytes(&args[0])?;
    let (byte, bit) = place(value, int8(&args[1])?)?;
    let new = int4(&args[2])?;
    if !(0..=1).contains(&new) {
        return Err(super::argument::invalid("new bit must be 0 or 1"));
    }
    let mut changed = value.to_vec();
    changed[byte] = changed[byte] & !(1 << bit) | (new as u8) << bit;
    Ok(Value::Bytea(changed.into()))
}

fn trimmed(args: &[Value], start: bool, end: bool) -> Result<Value> {
    let (value, set) = (bytes(&args[0])?, bytes(&args[1])?);
    let kept = |byte: &u8| !set.contains(byte);
    let first = if start { value.iter().position(kept).unwrap_or(value.len()) } else { 0 };
    let last = if end { value.iter().rposition(kept).map_or(first, |at| at + 1) } else { value.len() };
    Ok(Value::Bytea(value[first..last.max(first)].into()))
}

fn overlay(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (value, new, start) = (bytes(&args[0])?, bytes(&args[1])?, int4(&args[2])?);
    let length = match args.get(3) {
        Some(length) => int4(length)?,
        None => i32::try_from(new.len()).unwrap_or(i32::MAX),
    };
    if start <= 0 {
        return Err(Error::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    let after = start.checked_add(length).ok_or_else(|| out_of_range("integer"))?;
    let offset = |position: i32| usize::try_from(position.max(1) - 1).unwrap_or(0).min(value.len());
    let joined = [&value[..offset(start)], new, &value[offset(after)..]].concat();
    super::argument::check_size(joined.len())?;
    Ok(Value::Bytea(joined.into()))
}
