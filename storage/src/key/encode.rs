//! One value as key bytes: ordered, and never a prefix of another value's bytes.

use crate::value::{Array, Interval, Numeric, Value};

/// What precedes an index column's value. The middle one is a value; NULL is below or above it.
pub(super) const TAG_NULL_FIRST: u8 = 0;
pub(super) const TAG_VALUE: u8 = 1;
pub(super) const TAG_NULL_LAST: u8 = 2;

/// What precedes an element of an array, or ends the array. NULL elements sort last, shorter arrays first.
const ELEMENT_END: u8 = 0;
const ELEMENT_VALUE: u8 = 1;
const ELEMENT_NULL: u8 = 2;
/// What precedes the dimensions of an array; nothing that may follow an array begins with it.
const BOUNDS: u8 = 0xFF;

/// Microseconds of a day and of the 30-day month by which PostgreSQL compares intervals.
const DAY_MICROSECONDS: i128 = 86_400_000_000;
const MONTH_MICROSECONDS: i128 = 30 * DAY_MICROSECONDS;

/// Appends one key column that is not NULL.
///
/// Equal values (1.0 and 1.00, 0.0 and -0.0, one month and thirty days) become the same bytes. A NULL, which a
/// key column never holds, sorts after everything.
pub fn encode_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {
            debug_assert!(false, "a key column is never NULL");
            out.extend_from_slice(&[u8::MAX; 17]);
        }
        Value::Bool(v) => out.push(u8::from(*v)),
        Value::Int2(v) => out.extend_from_slice(&(*v as u16 ^ 1 << 15).to_be_bytes()),
        Value::Int4(v) | Value::Date(v) => out.extend_from_slice(&(*v as u32 ^ 1 << 31).to_be_bytes()),
        Value::Int8(v) | Value::Time(v) | Value::Timestamp(v) | Value::Timestamptz(v) => {
            out.extend_from_slice(&(*v as u64 ^ 1 << 63).to_be_bytes());
        }
        Value::Float4(v) => out.extend_from_slice(&ordered_f32(*v).to_be_bytes()),
        Value::Float8(v) => out.extend_from_slice(&ordered_f64(*v).to_be_bytes()),
        Value::Numeric(v) => encode_numeric(v, out),
        Value::Text(v) => encode_bytes(v.as_bytes(), out),
        Value::Bytea(v) => encode_bytes(v, out),
        Value::Interval(v) => out.extend_from_slice(&(interval_microseconds(v) as u128 ^ 1 << 127).to_be_bytes()),
        Value::Uuid(v) => out.extend_from_slice(v),
        Value::Jsonb(v) => crate::value::jsonb::append_sort_key(v, out),
        Value::Array(array) => {
            for element in &array.values {
                if element.is_null() {
                    out.push(ELEMENT_NULL);
                } else {
                    out.push(ELEMENT_VALUE);
                    encode_value(element, out);
                }
            }
            out.push(ELEMENT_END);
            append_bounds(array, out);
        }
        Value::Record(record) => {
            for field in &record.fields {
                encode_index_column(&field.value, false, false, out);
            }
        }
    }
}

/// What tells arrays of the same elements apart: nothing for the usual ones, whose keys are older than this. Others come
/// behind them, by the number of dimensions, their lengths and their first subscripts.
fn append_bounds(array: &Array, out: &mut Vec<u8>) {
    let Some(bounds) = array.bounds() else { return };
    out.extend_from_slice(&[BOUNDS, bounds.len() as u8]);
    for dimension in bounds {
        out.extend_from_slice(&dimension.length.to_be_bytes());
    }
    for dimension in bounds {
        out.extend_from_slice(&(dimension.lower as u32 ^ 1 << 31).to_be_bytes());
    }
}

/// How many bytes `encode_value` appends: exact but for numerics, documents, arrays and zero bytes.
pub(super) fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int2(_) => 2,
        Value::Int4(_) | Value::Date(_) | Value::Float4(_) => 4,
        Value::Int8(_) | Value::Time(_) | Value::Timestamp(_) | Value::Timestamptz(_) | Value::Float8(_) => 8,
        Value::Text(v) => v.len() + 2,
        Value::Bytea(v) => v.len() + 2,
        Value::Jsonb(v) => v.len(),
        Value::Numeric(_) | Value::Interval(_) | Value::Uuid(_) => 16,
        Value::Record(v) => v.fields.iter().map(|field| 1 + value_bytes(&field.value)).sum::<usize>(),
        Value::Array(v) => 1 + v.values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
    }
}

/// Appends one index column, which may be NULL and may run backwards. Where NULLs go does not depend on `descending`.
pub fn encode_index_column(value: &Value, descending: bool, nulls_first: bool, out: &mut Vec<u8>) {
    if value.is_null() {
        out.push(if nulls_first { TAG_NULL_FIRST } else { TAG_NULL_LAST });
        return;
    }
    out.push(TAG_VALUE);
    let start = out.len();
    encode_value(value, out);
    if descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

/// Zero bytes are escaped as 00 FF and the end is 00 00, so that a shorter string sorts before its extensions.
pub(crate) fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    let mut rest = bytes;
    while let Some(zero) = rest.iter().position(|byte| *byte == 0) {
        out.extend_from_slice(&rest[..=zero]);
        out.push(0xFF);
        rest = &rest[zero + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[0, 0]);
}

/// The canonical part of a numeric's bytes ends by itself, so it serves as it is.
fn encode_numeric(value: &Numeric, out: &mut Vec<u8>) {
    value.append_sort_key(out);
}

/// A number with the order of floats: NaN above all, both zeros the same.
fn ordered_f64(value: f64) -> u64 {
    let value = if value == 0.0 {
        0.0
    } else if value.is_nan() {
        f64::NAN.abs()
    } else {
        value
    };
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// As [`ordered_f64`], for single precision.
fn ordered_f32(value: f32) -> u32 {
    let value = if value == 0.0 {
        0.0
    } else if value.is_nan() {
        f32::NAN.abs()
    } else {
        value
    };
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The length by which intervals are compared: months count 30 days, days 24 hours.
fn interval_microseconds(value: &Interval) -> i128 {
    i128::from(value.months) * MONTH_MICROSECONDS
        + i128::from(value.days) * DAY_MICROSECONDS
        + i128::from(value.microseconds)
}
