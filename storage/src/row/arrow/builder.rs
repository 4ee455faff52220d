//! An Arrow array in the making, fed with values or with the bytes that rows hold.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::array::builder::{
    BinaryViewBuilder, BooleanBuilder, Decimal128Builder, FixedSizeBinaryBuilder, PrimitiveBuilder, StringViewBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};

use crate::error::{Error, Result};
use crate::row::damaged;
use crate::row::slot::{append_variable, fixed, interval, text};
use crate::value::{ColumnType, FixedPoint, Interval, Numeric, Value, ValueRef};

/// Collects the values of one column.
pub struct ColumnBuilder {
    kind: Kind,
    /// Numerics, arrays and records pass through here on their way from a value to bytes.
    scratch: Vec<u8>,
}

enum Kind {
    Bool(BooleanBuilder),
    Int2(PrimitiveBuilder<Int16Type>),
    Int4(PrimitiveBuilder<Int32Type>),
    Int8(PrimitiveBuilder<Int64Type>),
    Float4(PrimitiveBuilder<Float32Type>),
    Float8(PrimitiveBuilder<Float64Type>),
    Numeric(BinaryViewBuilder),
    Fixed(Decimal128Builder, FixedPoint),
    Text(StringViewBuilder),
    Bytea(BinaryViewBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    Timestamptz(PrimitiveBuilder<TimestampMicrosecondType>),
    Interval(PrimitiveBuilder<IntervalMonthDayNanoType>),
    Uuid(FixedSizeBinaryBuilder),
    Jsonb(BinaryViewBuilder),
    /// Arrays and records, as rows hold them.
    Packed(BinaryViewBuilder),
}

impl ColumnBuilder {
    /// A builder of arrays of `arrow_type(column_type)`.
    pub fn new(column_type: &ColumnType) -> Self {
        let kind = match column_type {
            ColumnType::Bool => Kind::Bool(BooleanBuilder::new()),
            ColumnType::Int2 => Kind::Int2(PrimitiveBuilder::new()),
            ColumnType::Int4 => Kind::Int4(PrimitiveBuilder::new()),
            ColumnType::Int8 => Kind::Int8(PrimitiveBuilder::new()),
            ColumnType::Float4 => Kind::Float4(PrimitiveBuilder::new()),
            ColumnType::Float8 => Kind::Float8(PrimitiveBuilder::new()),
            ColumnType::Numeric => Kind::Numeric(BinaryViewBuilder::new()),
            ColumnType::Text => Kind::Text(StringViewBuilder::new()),
            ColumnType::Bytea => Kind::Bytea(BinaryViewBuilder::new()),
            ColumnType::Date => Kind::Date(PrimitiveBuilder::new()),
            ColumnType::Time => Kind::Time(PrimitiveBuilder::new()),
            ColumnType::Timestamp => Kind::Timestamp(PrimitiveBuilder::new()),
            ColumnType::Timestamptz => Kind::Timestamptz(PrimitiveBuilder::new().with_timezone("UTC")),
            ColumnType::Interval => Kind::Interval(PrimitiveBuilder::new()),
            ColumnType::Uuid => Kind::Uuid(FixedSizeBinaryBuilder::new(16)),
            ColumnType::Jsonb => Kind::Jsonb(BinaryViewBuilder::new()),
            ColumnType::Array(_) | ColumnType::Record => Kind::Packed(BinaryViewBuilder::new()),
        };
        Self { kind, scratch: Vec::new() }
    }

    /// A builder of decimals from numerics, [`FixedPoint::NAN`] being NaN; what has other digits is an error.
    pub fn fixed(fixed: FixedPoint) -> Self {
        let ty = DataType::Decimal128(fixed.precision, fixed.scale as i8);
        Self { kind: Kind::Fixed(Decimal128Builder::new().with_data_type(ty), fixed), scratch: Vec::new() }
    }

    /// Adds a value. It must be of the column's type, or NULL; an interval must fit Arrow's (292 years of time).
    pub fn append_value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Numeric(value) => self.append_numeric(value),
            Value::Array(_) | Value::Record(_) => self.append_packed(value),
            other => self.append(&other.as_ref()),
        }
    }

    /// As [`ColumnBuilder::append_value`], for a borrowed value.
    pub fn append(&mut self, value: &ValueRef<'_>) -> Result<()> {
        match (&mut self.kind, value) {
            (_, ValueRef::Null) => self.append_null(),
            (_, ValueRef::Numeric(v)) => return self.append_numeric(v),
            (_, ValueRef::Array(_) | ValueRef::Record(_)) => return self.append_packed(&value.to_owned()),
            (Kind::Bool(b), ValueRef::Bool(v)) => b.append_value(*v),
            (Kind::Int2(b), ValueRef::Int2(v)) => b.append_value(*v),
            (Kind::Int4(b), ValueRef::Int4(v)) => b.append_value(*v),
            (Kind::Int8(b), ValueRef::Int8(v)) => b.append_value(*v),
            (Kind::Float4(b), ValueRef::Float4(v)) => b.append_value(*v),
            (Kind::Float8(b), ValueRef::Float8(v)) => b.append_value(*v),
            (Kind::Text(b), ValueRef::Text(v)) => b.try_append_value(v).map_err(refused)?,
            (Kind::Bytea(b), ValueRef::Bytea(v)) | (Kind::Jsonb(b), ValueRef::Jsonb(v)) => {
                b.try_append_value(v).map_err(refused)?
            }
            (Kind::Date(b), ValueRef::Date(v)) => b.append_value(*v),
            (Kind::Time(b), ValueRef::Time(v)) => b.append_value(*v),
            (Kind::Timestamp(b), ValueRef::Timestamp(v)) => b.append_value(*v),
            (Kind::Timestamptz(b), ValueRef::Timestamptz(v)) => b.append_value(*v),
            (Kind::Interval(b), ValueRef::Interval(v)) => b.append_value(arrow_interval(v)?),
            (Kind::Uuid(b), ValueRef::Uuid(v)) => b.append_value(v).map_err(refused)?,
            _ => return Err(other_type()),
        }
        Ok(())
    }

    /// Adds a value by the bytes that a row or an array in it holds.
    #[inline]
    pub(in crate::row) fn append_stored(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.kind {
            Kind::Bool(b) => b.append_value(fixed::<1>(bytes)?[0] != 0),
            Kind::Int2(b) => b.append_value(i16::from_le_bytes(fixed(bytes)?)),
            Kind::Int4(b) => b.append_value(i32::from_le_bytes(fixed(bytes)?)),
            Kind::Int8(b) => b.append_value(i64::from_le_bytes(fixed(bytes)?)),
            Kind::Float4(b) => b.append_value(f32::from_le_bytes(fixed(bytes)?)),
            Kind::Float8(b) => b.append_value(f64::from_le_bytes(fixed(bytes)?)),
            Kind::Numeric(b) | Kind::Bytea(b) | Kind::Jsonb(b) | Kind::Packed(b) => {
                b.try_append_value(bytes).map_err(refused)?
            }
            Kind::Fixed(b, fixed) => {
                let value = Numeric::from_bytes(bytes).map_err(|_| damaged("a numeric's bytes are not one"))?;
                b.append_value(fixed.number(&value).ok_or(Error::NotFixed)?);
            }
            Kind::Text(b) => b.try_append_value(text(bytes)?).map_err(refused)?,
            Kind::Date(b) => b.append_value(i32::from_le_bytes(fixed(bytes)?)),
            Kind::Time(b) => b.append_value(i64::from_le_bytes(fixed(bytes)?)),
            Kind::Timestamp(b) | Kind::Timestamptz(b) => b.append_value(i64::from_le_bytes(fixed(bytes)?)),
            Kind::Interval(b) => b.append_value(arrow_interval(&interval(bytes)?)?),
            Kind::Uuid(b) => b.append_value(fixed::<16>(bytes)?).map_err(refused)?,
        }
        Ok(())
    }

    /// How many values were added since the last [`ColumnBuilder::finish`].
    pub fn len(&self) -> usize {
        use arrow::array::builder::ArrayBuilder;
        match &self.kind {
            Kind::Bool(b) => b.len(),
            Kind::Int2(b) => b.len(),
            Kind::Int4(b) => b.len(),
            Kind::Int8(b) => b.len(),
            Kind::Float4(b) => b.len(),
            Kind::Float8(b) => b.len(),
            Kind::Numeric(b) | Kind::Bytea(b) | Kind::Jsonb(b) | Kind::Packed(b) => b.len(),
            Kind::Fixed(b, _) => b.len(),
            Kind::Text(b) => b.len(),
            Kind::Date(b) => b.len(),
            Kind::Time(b) => b.len(),
            Kind::Timestamp(b) | Kind::Timestamptz(b) => b.len(),
            Kind::Interval(b) => b.len(),
            Kind::Uuid(b) => b.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The array of the values so far; the builder begins anew.
    pub fn finish(&mut self) -> ArrayRef {
        match &mut self.kind {
            Kind::Bool(b) => Arc::new(b.finish()),
            Kind::Int2(b) => Arc::new(b.finish()),
            Kind::Int4(b) => Arc::new(b.finish()),
            Kind::Int8(b) => Arc::new(b.finish()),
            Kind::Float4(b) => Arc::new(b.finish()),
            Kind::Float8(b) => Arc::new(b.finish()),
            Kind::Numeric(b) | Kind::Bytea(b) | Kind::Jsonb(b) | Kind::Packed(b) => Arc::new(b.finish()),
            Kind::Fixed(b, _) => Arc::new(b.finish()),
            Kind::Text(b) => Arc::new(b.finish()),
            Kind::Date(b) => Arc::new(b.finish()),
            Kind::Time(b) => Arc::new(b.finish()),
            Kind::Timestamp(b) | Kind::Timestamptz(b) => Arc::new(b.finish()),
            Kind::Interval(b) => Arc::new(b.finish()),
            Kind::Uuid(b) => Arc::new(b.finish()),
        }
    }

    fn append_null(&mut self) {
        match &mut self.kind {
            Kind::Bool(b) => b.append_null(),
            Kind::Int2(b) => b.append_null(),
            Kind::Int4(b) => b.append_null(),
            Kind::Int8(b) => b.append_null(),
            Kind::Float4(b) => b.append_null(),
            Kind::Float8(b) => b.append_null(),
            Kind::Numeric(b) | Kind::Bytea(b) | Kind::Jsonb(b) | Kind::Packed(b) => b.append_null(),
            Kind::Fixed(b, _) => b.append_null(),
            Kind::Text(b) => b.append_null(),
            Kind::Date(b) => b.append_null(),
            Kind::Time(b) => b.append_null(),
            Kind::Timestamp(b) | Kind::Timestamptz(b) => b.append_null(),
            Kind::Interval(b) => b.append_null(),
            Kind::Uuid(b) => b.append_null(),
        }
    }

    fn append_numeric(&mut self, value: &Numeric) -> Result<()> {
        if let Kind::Fixed(builder, fixed) = &mut self.kind {
            builder.append_value(fixed.number(value).ok_or(Error::NotFixed)?);
            return Ok(());
        }
        let Kind::Numeric(builder) = &mut self.kind else { return Err(other_type()) };
        self.scratch.clear();
        value.append_bytes(&mut self.scratch);
        builder.try_append_value(&self.scratch).map_err(refused)
    }

    fn append_packed(&mut self, value: &Value) -> Result<()> {
        let Kind::Packed(builder) = &mut self.kind else { return Err(other_type()) };
        self.scratch.clear();
        append_variable(value, &mut self.scratch);
        builder.try_append_value(&self.scratch).map_err(refused)
    }
}

/// Arrow counts the time of an interval in nanoseconds.
fn arrow_interval(value: &Interval) -> Result<IntervalMonthDayNano> {
    let nanoseconds = value.microseconds.checked_mul(1000).ok_or_else(|| refused("interval out of range"))?;
    Ok(IntervalMonthDayNano::new(value.months, value.days, nanoseconds))
}

#[cold]
fn other_type() -> Error {
    damaged("a value is of another type than its column")
}

#[cold]
fn refused(reason: impl std::fmt::Display) -> Error {
    Error::Io(format!("a value cannot be put into a batch: {reason}"))
}
