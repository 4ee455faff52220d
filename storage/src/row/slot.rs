//! The bytes of one value, without its NULL: in a slot, among the variable bytes, or as an array's element.

use super::element::{append_array, read_array};
use super::record::{append_record, read_record};
use super::{Result, damaged};
use crate::value::{ColumnType, Interval, Numeric, Value, ValueRef};

/// A variable value's slot: where its bytes end.
pub(super) const VARIABLE_SLOT_BYTES: usize = 4;

/// How many bytes each value of the type takes; `None` if that differs.
pub(super) fn width(column_type: &ColumnType) -> Option<usize> {
    match column_type {
        ColumnType::Bool => Some(1),
        ColumnType::Int2 => Some(2),
        ColumnType::Int4 | ColumnType::Float4 | ColumnType::Date => Some(4),
        ColumnType::Int8 | ColumnType::Float8 | ColumnType::Time | ColumnType::Timestamp | ColumnType::Timestamptz => {
            Some(8)
        }
        ColumnType::Interval | ColumnType::Uuid => Some(16),
        ColumnType::Numeric
        | ColumnType::Text
        | ColumnType::Bytea
        | ColumnType::Jsonb
        | ColumnType::Array(_)
        | ColumnType::Record => None,
    }
}

/// Whether a column of the type may hold the value.
pub(super) fn fits(value: &Value, column_type: &ColumnType) -> bool {
    match (value, column_type) {
        (Value::Array(array), ColumnType::Array(element)) => array.element == **element,
        (Value::Null, _)
        | (Value::Bool(_), ColumnType::Bool)
        | (Value::Int2(_), ColumnType::Int2)
        | (Value::Int4(_), ColumnType::Int4)
        | (Value::Int8(_), ColumnType::Int8)
        | (Value::Float4(_), ColumnType::Float4)
        | (Value::Float8(_), ColumnType::Float8)
        | (Value::Numeric(_), ColumnType::Numeric)
        | (Value::Text(_), ColumnType::Text)
        | (Value::Bytea(_), ColumnType::Bytea)
        | (Value::Date(_), ColumnType::Date)
        | (Value::Time(_), ColumnType::Time)
        | (Value::Timestamp(_), ColumnType::Timestamp)
        | (Value::Timestamptz(_), ColumnType::Timestamptz)
        | (Value::Interval(_), ColumnType::Interval)
        | (Value::Uuid(_), ColumnType::Uuid)
        | (Value::Jsonb(_), ColumnType::Jsonb)
        | (Value::Record(_), ColumnType::Record) => true,
        _ => false,
    }
}

/// Calls `write` with the bytes of a fixed-width value; does nothing for any other.
#[inline]
pub(super) fn with_fixed(value: &Value, write: impl FnOnce(&[u8])) {
    match value {
        Value::Bool(v) => write(&[u8::from(*v)]),
        Value::Int2(v) => write(&v.to_le_bytes()),
        Value::Int4(v) | Value::Date(v) => write(&v.to_le_bytes()),
        Value::Int8(v) | Value::Time(v) | Value::Timestamp(v) | Value::Timestamptz(v) => write(&v.to_le_bytes()),
        Value::Float4(v) => write(&v.to_le_bytes()),
        Value::Float8(v) => write(&v.to_le_bytes()),
        Value::Interval(v) => write(&interval_bytes(v)),
        Value::Uuid(v) => write(v),
        Value::Null
        | Value::Numeric(_)
        | Value::Text(_)
        | Value::Bytea(_)
        | Value::Jsonb(_)
        | Value::Array(_)
        | Value::Record(_) => {}
    }
}

/// Appends the bytes of a variable value; does nothing for any other.
#[inline]
pub(super) fn append_variable(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(v) => out.extend_from_slice(v.as_bytes()),
        Value::Bytea(v) | Value::Jsonb(v) => out.extend_from_slice(v),
        Value::Numeric(v) => v.append_bytes(out),
        Value::Array(v) => append_array(v, out),
        Value::Record(v) => append_record(v, out),
        _ => {}
    }
}

/// The value that `bytes` are, borrowed where it can be.
#[inline]
pub(super) fn value_of<'a>(bytes: &'a [u8], column_type: &ColumnType) -> Result<ValueRef<'a>> {
    Ok(match column_type {
        ColumnType::Bool => ValueRef::Bool(fixed::<1>(bytes)?[0] != 0),
        ColumnType::Int2 => ValueRef::Int2(i16::from_le_bytes(fixed(bytes)?)),
        ColumnType::Int4 => ValueRef::Int4(i32::from_le_bytes(fixed(bytes)?)),
        ColumnType::Int8 => ValueRef::Int8(i64::from_le_bytes(fixed(bytes)?)),
        ColumnType::Float4 => ValueRef::Float4(f32::from_le_bytes(fixed(bytes)?)),
        ColumnType::Float8 => ValueRef::Float8(f64::from_le_bytes(fixed(bytes)?)),
        ColumnType::Numeric => ValueRef::Numeric(numeric(bytes)?),
        ColumnType::Text => ValueRef::Text(text(bytes)?),
        ColumnType::Bytea => ValueRef::Bytea(bytes),
        ColumnType::Date => ValueRef::Date(i32::from_le_bytes(fixed(bytes)?)),
        ColumnType::Time => ValueRef::Time(i64::from_le_bytes(fixed(bytes)?)),
        ColumnType::Timestamp => ValueRef::Timestamp(i64::from_le_bytes(fixed(bytes)?)),
        ColumnType::Timestamptz => ValueRef::Timestamptz(i64::from_le_bytes(fixed(bytes)?)),
        ColumnType::Interval => ValueRef::Interval(interval(bytes)?),
        ColumnType::Uuid => ValueRef::Uuid(fixed(bytes)?),
        ColumnType::Jsonb => ValueRef::Jsonb(bytes),
        ColumnType::Array(element) => ValueRef::Array(Box::new(read_array(bytes, element)?)),
        ColumnType::Record => ValueRef::Record(Box::new(read_record(bytes)?)),
    })
}

#[inline]
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| damaged("a value has another width than its type"))
}

pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a text is not UTF-8"))
}

pub(crate) fn interval(bytes: &[u8]) -> Result<Interval> {
    let bytes: [u8; 16] = fixed(bytes)?;
    Ok(Interval {
        months: i32::from_le_bytes(fixed(&bytes[..4])?),
        days: i32::from_le_bytes(fixed(&bytes[4..8])?),
        microseconds: i64::from_le_bytes(fixed(&bytes[8..])?),
    })
}

pub(crate) fn interval_bytes(value: &Interval) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&value.months.to_le_bytes());
    bytes[4..8].copy_from_slice(&value.days.to_le_bytes());
    bytes[8..].copy_from_slice(&value.microseconds.to_le_bytes());
    bytes
}

fn numeric(bytes: &[u8]) -> Result<Numeric> {
    Numeric::from_bytes(bytes).map_err(|_| damaged("a numeric's bytes are not one"))
}
