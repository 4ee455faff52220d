//! Functions and operators of bit strings.

use storage::Value;

use super::argument::{boolean, bytes, int4, int8, invalid, out_of_range};
use super::define::immutable;
use super::{EvalContext, Function};
use crate::error::{Error, Result, SqlState};
use crate::types::Type;
use crate::types::bits::{Bits, LENGTH_MAX};
use crate::types::oid::*;

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(1685, "bit", &[BIT, INT4, BOOL], BIT, |_, args| fit(args, BIT)),
    immutable(1687, "varbit", &[VARBIT, INT4, BOOL], VARBIT, |_, args| fit(args, VARBIT)),
    immutable(1683, "bit", &[INT4, INT4], BIT, |_, args| number_bits(i64::from(int4(&args[0])?), args.get(1))),
    immutable(2075, "bit", &[INT8, INT4], BIT, |_, args| number_bits(int8(&args[0])?, args.get(1))),
    immutable(1684, "int4", &[BIT], INT4, |_, args| {
        number(&args[0], 32, "integer").map(|bits| Value::Int4(bits as u32 as i32))
    }),
    immutable(2076, "int8", &[BIT], INT8, |_, args| number(&args[0], 64, "bigint").map(|bits| Value::Int8(bits as i64))),
    immutable(6162, "bit_count", &[BIT], INT8, |_, args| {
        Ok(Value::Int8(bits(&args[0])?.bytes().iter().map(|byte| i64::from(byte.count_ones())).sum()))
    }),
    immutable(1812, "bit_length", &[BIT], INT4, |_, args| length(bits(&args[0])?.len())),
    immutable(1681, "length", &[BIT], INT4, |_, args| length(bits(&args[0])?.len())),
    immutable(1682, "octet_length", &[BIT], INT4, |_, args| length(bits(&args[0])?.bytes().len())),
    immutable(1673, "bitand", &[BIT, BIT], BIT, |_, args| bitwise(args, "AND", |left, right| left & right)),
    immutable(1674, "bitor", &[BIT, BIT], BIT, |_, args| bitwise(args, "OR", |left, right| left | right)),
    immutable(1675, "bitxor", &[BIT, BIT], BIT, |_, args| bitwise(args, "XOR", |left, right| left ^ right)),
    immutable(1676, "bitnot", &[BIT], BIT, |_, args| Ok(value(Bits::of(bits(&args[0])?.iter().map(|bit| !bit))))),
    immutable(1677, "bitshiftleft", &[BIT, INT4], BIT, |_, args| shifted(&args[0], i64::from(int4(&args[1])?))),
    immutable(1678, "bitshiftright", &[BIT, INT4], BIT, |_, args| shifted(&args[0], -i64::from(int4(&args[1])?))),
    immutable(1679, "bitcat", &[VARBIT, VARBIT], VARBIT, |_, args| {
        let (left, right) = (bits(&args[0])?, bits(&args[1])?);
        Ok(value(Bits::of(left.iter().chain(right.iter()))))
    }),
    immutable(1680, "substring", &[BIT, INT4, INT4], BIT, substring),
    immutable(1699, "substring", &[BIT, INT4], BIT, substring),
    immutable(3030, "overlay", &[BIT, BIT, INT4, INT4], BIT, overlay),
    immutable(3031, "overlay", &[BIT, BIT, INT4], BIT, overlay),
    immutable(1698, "position", &[BIT, BIT], INT4, position),
    immutable(3032, "get_bit", &[BIT, INT4], INT4, |_, args| {
        let bits = bits(&args[0])?;
        let at = place(&bits, int4(&args[1])?)?;
        Ok(Value::Int4(i32::from(bits.get(at))))
    }),
    immutable(3033, "set_bit", &[BIT, INT4, INT4], BIT, |_, args| {
        let mut bits = bits(&args[0])?;
        let (at, new) = (place(&bits, int4(&args[1])?)?, int4(&args[2])?);
        if !(0..=1).contains(&new) {
            return Err(invalid("new bit must be 0 or 1"));
        }
        bits.set(at, new == 1);
        Ok(value(bits))
    }),
    immutable(1596, "bitcmp", &[BIT, BIT], INT4, order),
    immutable(1672, "varbitcmp", &[VARBIT, VARBIT], INT4, order),
];

fn bits(value: &Value) -> Result<Bits> {
    Bits::decode(bytes(value)?).ok_or_else(|| Error::internal("a bit string that is none"))
}

fn value(bits: Bits) -> Value {
    Value::Bytea(bits.encode().into())
}

fn length(number: usize) -> Result<Value> {
    i32::try_from(number).map(Value::Int4).map_err(|_| out_of_range("integer"))
}

fn order(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(bytes(&args[0])?.cmp(bytes(&args[1])?) as i32))
}

fn fit(args: &[Value], oid: u32) -> Result<Value> {
    let explicit = args.get(2).map(boolean).transpose()?.unwrap_or(true);
    bits(&args[0])?.fit(Type::with_modifier(oid, type_length(&args[1])?), explicit).map(value)
}

/// A length that a type may have.
fn type_length(wanted: &Value) -> Result<i32> {
    match int4(wanted)? {
        length if length > LENGTH_MAX => Err(invalid(format!("length for type bit cannot exceed {LENGTH_MAX}"))),
        length => Ok(length),
    }
}

/// The lowest bits of a number, its sign before them.
fn number_bits(number: i64, wanted: Option<&Value>) -> Result<Value> {
    let wanted =
        wanted.map(type_length).transpose()?.and_then(|wanted| usize::try_from(wanted).ok()).filter(|bits| *bits > 0);
    Ok(value(Bits::of((0..wanted.unwrap_or(1)).rev().map(|at| number >> at.min(63) & 1 == 1))))
}

fn number(value: &Value, most: usize, name: &str) -> Result<u64> {
    let bits = bits(value)?;
    if bits.len() > most {
        return Err(out_of_range(name));
    }
    Ok(bits.iter().fold(0, |number, bit| number << 1 | u64::from(bit)))
}

fn bitwise(args: &[Value], verb: &str, of: fn(bool, bool) -> bool) -> Result<Value> {
    let (left, right) = (bits(&args[0])?, bits(&args[1])?);
    if left.len() != right.len() {
        let words = format!("cannot {verb} bit strings of different sizes");
        return Err(Error::new(SqlState("22026"), words));
    }
    Ok(value(Bits::of(left.iter().zip(right.iter()).map(|(left, right)| of(left, right)))))
}

/// The same length, its bits that many places further to the left.
fn shifted(from: &Value, left: i64) -> Result<Value> {
    let bits = bits(from)?;
    let from = |at: usize| i64::try_from(at).ok().and_then(|at| usize::try_from(at + left).ok());
    Ok(value(Bits::of((0..bits.len()).map(|at| from(at).is_some_and(|from| from < bits.len() && bits.get(from))))))
}

fn negative_length() -> Error {
    Error::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed")
}

/// The bits from a place on, counted from 1, which may lie before the first.
fn slice(bits: &Bits, start: i32, length: Option<i32>) -> Result<Bits> {
    let end = match length {
        None => i64::MAX,
        Some(length) if length < 0 => return Err(negative_length()),
        Some(length) => i64::from(start) + i64::from(length) - 1,
    };
    let offset = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(bits.len());
    Ok(bits.part(offset(i64::from(start) - 1), offset(end)))
}

fn substring(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let wanted = args.get(2).map(int4).transpose()?;
    slice(&bits(&args[0])?, int4(&args[1])?, wanted).map(value)
}

fn overlay(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (old, new, start) = (bits(&args[0])?, bits(&args[1])?, int4(&args[2])?);
    let replaced = match args.get(3) {
        Some(length) => int4(length)?,
        None => i32::try_from(new.len()).unwrap_or(i32::MAX),
    };
    if start <= 0 {
        return Err(negative_length());
    }
    let after = start.checked_add(replaced).ok_or_else(|| out_of_range("integer"))?;
    let (head, tail) = (slice(&old, 1, Some(start - 1))?, slice(&old, after, None)?);
    Ok(value(Bits::of(head.iter().chain(new.iter()).chain(tail.iter()))))
}

/// Where the second stands in the first, from 1; 0 if it does not.
fn position(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (whole, part) = (bits(&args[0])?, bits(&args[1])?);
    let last = match whole.len().checked_sub(part.len()) {
        Some(last) if whole.len() > 0 => last,
        _ => return Ok(Value::Int4(0)),
    };
    let found = (0..=last).find(|at| part.iter().enumerate().all(|(index, bit)| whole.get(at + index) == bit));
    length(found.map_or(0, |at| at + 1))
}

fn place(bits: &Bits, index: i32) -> Result<usize> {
    usize::try_from(index).ok().filter(|at| *at < bits.len()).ok_or_else(|| {
        let last = i64::try_from(bits.len()).unwrap_or(i64::MAX) - 1;
        let words = format!("bit index {index} out of valid range (0..{last})");
        Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, words)
    })
}
