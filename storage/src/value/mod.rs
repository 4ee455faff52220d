//! Values as rows hold them: the physical types, and one value of any of them.
//!
//! Storage knows how a value is laid out and ordered, not what SQL calls its type: varchar(n), text and
//! char(n) are all `Text`. Dates count days and timestamps count microseconds since 1970-01-01 (as Arrow does);
//! the least and the greatest representable value stand for -infinity and infinity.

mod array;
pub mod jsonb;
pub mod lexemes;
mod numeric;
mod record;
#[cfg(test)]
pub(crate) mod samples;
mod widen;

pub use array::{Array, Dimension};
pub use numeric::{Base10000, FixedPoint, Numeric, NumericError};
pub use record::{Field, Record};
use serde::{Deserialize, Serialize};

/// How a column's values are laid out in rows, keys and Arrow arrays.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnType {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Uuid,
    /// A document, as [`jsonb`] lays it out.
    Jsonb,
    Array(Box<ColumnType>),
    /// A row as a value; each says what its fields are.
    Record,
}

/// A span of time as PostgreSQL holds it: the three parts are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub microseconds: i64,
}

/// One value, owned.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Box<Numeric>),
    Text(Box<str>),
    Bytea(Box<[u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00, without a zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00 UTC.
    Timestamptz(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    Jsonb(Box<[u8]>),
    Array(Box<Array>),
    Record(Box<Record>),
}

/// One value, borrowed from a row or an Arrow array.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueRef<'a> {
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    Text(&'a str),
    Bytea(&'a [u8]),
    Date(i32),
    Time(i64),
    Timestamp(i64),
    Timestamptz(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    Jsonb(&'a [u8]),
    Array(Box<Array>),
    Record(Box<Record>),
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// How its type is laid out, as far as the value tells: NULL tells nothing.
    pub fn column_type(&self) -> Option<ColumnType> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(_) => ColumnType::Bool,
            Value::Int2(_) => ColumnType::Int2,
            Value::Int4(_) => ColumnType::Int4,
            Value::Int8(_) => ColumnType::Int8,
            Value::Float4(_) => ColumnType::Float4,
            Value::Float8(_) => ColumnType::Float8,
            Value::Numeric(_) => ColumnType::Numeric,
            Value::Text(_) => ColumnType::Text,
            Value::Bytea(_) => ColumnType::Bytea,
            Value::Date(_) => ColumnType::Date,
            Value::Time(_) => ColumnType::Time,
            Value::Timestamp(_) => ColumnType::Timestamp,
            Value::Timestamptz(_) => ColumnType::Timestamptz,
            Value::Interval(_) => ColumnType::Interval,
            Value::Uuid(_) => ColumnType::Uuid,
            Value::Jsonb(_) => ColumnType::Jsonb,
            Value::Array(array) => ColumnType::Array(Box::new(array.element.clone())),
            Value::Record(_) => ColumnType::Record,
        })
    }

    /// About how much memory it has beside itself.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Bytea(bytes) => bytes.len(),
            Value::Numeric(_) => size_of::<Numeric>(),
            Value::Array(array) => {
                let elements = array.values.iter().map(|value| size_of::<Value>() + value.heap_bytes());
                size_of::<Array>() + elements.sum::<usize>()
            }
            Value::Record(record) => {
                let fields = record.fields.iter().map(|field| field.name.len() + field.value.heap_bytes());
                size_of::<Record>() + record.fields.len() * size_of::<Field>() + fields.sum::<usize>()
            }
            _ => 0,
        }
    }

    /// This value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int2(v) => ValueRef::Int2(*v),
            Value::Int4(v) => ValueRef::Int4(*v),
            Value::Int8(v) => ValueRef::Int8(*v),
            Value::Float4(v) => ValueRef::Float4(*v),
            Value::Float8(v) => ValueRef::Float8(*v),
            Value::Numeric(v) => ValueRef::Numeric((**v).clone()),
            Value::Text(v) => ValueRef::Text(v),
            Value::Bytea(v) => ValueRef::Bytea(v),
            Value::Date(v) => ValueRef::Date(*v),
            Value::Time(v) => ValueRef::Time(*v),
            Value::Timestamp(v) => ValueRef::Timestamp(*v),
            Value::Timestamptz(v) => ValueRef::Timestamptz(*v),
            Value::Interval(v) => ValueRef::Interval(*v),
            Value::Uuid(v) => ValueRef::Uuid(*v),
            Value::Jsonb(v) => ValueRef::Jsonb(v),
            Value::Array(v) => ValueRef::Array(v.clone()),
            Value::Record(v) => ValueRef::Record(v.clone()),
        }
    }
}

impl ValueRef<'_> {
    pub fn is_null(&self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// This value, with its own memory.
    pub fn to_owned(&self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(v) => Value::Bool(*v),
            ValueRef::Int2(v) => Value::Int2(*v),
            ValueRef::Int4(v) => Value::Int4(*v),
            ValueRef::Int8(v) => Value::Int8(*v),
            ValueRef::Float4(v) => Value::Float4(*v),
            ValueRef::Float8(v) => Value::Float8(*v),
            ValueRef::Numeric(v) => Value::Numeric(Box::new(v.clone())),
            ValueRef::Text(v) => Value::Text((*v).into()),
            ValueRef::Bytea(v) => Value::Bytea((*v).into()),
            ValueRef::Date(v) => Value::Date(*v),
            ValueRef::Time(v) => Value::Time(*v),
            ValueRef::Timestamp(v) => Value::Timestamp(*v),
            ValueRef::Timestamptz(v) => Value::Timestamptz(*v),
            ValueRef::Interval(v) => Value::Interval(*v),
            ValueRef::Uuid(v) => Value::Uuid(*v),
            ValueRef::Jsonb(v) => Value::Jsonb((*v).into()),
            ValueRef::Array(v) => Value::Array(v.clone()),
            ValueRef::Record(v) => Value::Record(v.clone()),
        }
    }
}
