//! Values out of Arrow arrays.

use arrow::array::{
    Array as ArrowArray, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};

use crate::error::{Error, Result};
use crate::row::element::read_array;
use crate::row::record::read_record;
use crate::value::{ColumnType, FixedPoint, Interval, Numeric, ValueRef};

/// A column of values, ready to be read cell by cell. Numerics may be decimals.
pub struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int2(&'a PrimitiveArray<Int16Type>),
    Int4(&'a PrimitiveArray<Int32Type>),
    Int8(&'a PrimitiveArray<Int64Type>),
    Float4(&'a PrimitiveArray<Float32Type>),
    Float8(&'a PrimitiveArray<Float64Type>),
    Numeric(Bytes<'a>),
    Fixed(&'a PrimitiveArray<Decimal128Type>, FixedPoint),
    Text(Strings<'a>),
    Bytea(Bytes<'a>),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Timestamptz(&'a PrimitiveArray<TimestampMicrosecondType>),
    Interval(&'a PrimitiveArray<IntervalMonthDayNanoType>),
    Uuid(&'a FixedSizeBinaryArray),
    Jsonb(Bytes<'a>),
    Array(Bytes<'a>, ColumnType),
    Record(Bytes<'a>),
}

/// Texts: ours are views, but expressions may answer the older forms.
enum Strings<'a> {
    View(&'a StringViewArray),
    Plain(&'a StringArray),
    Large(&'a LargeStringArray),
}

enum Bytes<'a> {
    View(&'a BinaryViewArray),
    Plain(&'a BinaryArray),
    Large(&'a LargeBinaryArray),
}

impl<'a> Cells<'a> {
    /// The cells of an array that holds values of the column type.
    pub fn new(array: &'a ArrayRef, column_type: &ColumnType) -> Self {
        Self::of(array.as_ref(), column_type)
    }

    /// As [`Cells::new`], but an array of another type is an error.
    pub fn try_new(array: &'a dyn ArrowArray, column_type: &ColumnType) -> Result<Self> {
        match Kind::new(array, column_type) {
            Some(kind) => Ok(Self { nulls: array.nulls(), kind }),
            None => Err(Error::Corrupt {
                reason: format!("a column of type {column_type:?} came as an array of {}", array.data_type()),
            }),
        }
    }

    fn of(array: &'a dyn ArrowArray, column_type: &ColumnType) -> Self {
        Self::try_new(array, column_type).expect("an array has the type that its column has")
    }

    /// The value in a row, which must be one of the array's.
    #[inline]
    pub fn get(&self, row: usize) -> ValueRef<'a> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return ValueRef::Null;
        }
        match &self.kind {
            Kind::Null => ValueRef::Null,
            Kind::Bool(array) => ValueRef::Bool(array.value(row)),
            Kind::Int2(array) => ValueRef::Int2(array.value(row)),
            Kind::Int4(array) => ValueRef::Int4(array.value(row)),
            Kind::Int8(array) => ValueRef::Int8(array.value(row)),
            Kind::Float4(array) => ValueRef::Float4(array.value(row)),
            Kind::Float8(array) => ValueRef::Float8(array.value(row)),
            Kind::Numeric(array) => ValueRef::Numeric(
                Numeric::from_bytes(array.value(row)).expect("a numeric column holds what Numeric::to_bytes made"),
            ),
            Kind::Fixed(array, fixed) => ValueRef::Numeric(fixed.value(array.value(row))),
            Kind::Text(array) => ValueRef::Text(array.value(row)),
            Kind::Bytea(array) => ValueRef::Bytea(array.value(row)),
            Kind::Date(array) => ValueRef::Date(array.value(row)),
            Kind::Time(array) => ValueRef::Time(array.value(row)),
            Kind::Timestamp(array) => ValueRef::Timestamp(array.value(row)),
            Kind::Timestamptz(array) => ValueRef::Timestamptz(array.value(row)),
            Kind::Interval(array) => {
                let value = array.value(row);
                let microseconds = value.nanoseconds / 1000;
                ValueRef::Interval(Interval { months: value.months, days: value.days, microseconds })
            }
            Kind::Uuid(array) => {
                ValueRef::Uuid(*array.value(row).first_chunk().expect("a uuid column is sixteen bytes wide"))
            }
            Kind::Jsonb(array) => ValueRef::Jsonb(array.value(row)),
            Kind::Array(array, element) => {
                let array = read_array(array.value(row), element).expect("a column of arrays holds arrays' bytes");
                ValueRef::Array(Box::new(array))
            }
            Kind::Record(array) => {
                let record = read_record(array.value(row)).expect("a column of records holds records' bytes");
                ValueRef::Record(Box::new(record))
            }
        }
    }
}

impl<'a> Kind<'a> {
    fn new(array: &'a dyn ArrowArray, column_type: &ColumnType) -> Option<Self> {
        if array.data_type() == &DataType::Null {
            return Some(Kind::Null);
        }
        Some(match column_type {
            ColumnType::Bool => Kind::Bool(array.as_boolean_opt()?),
            ColumnType::Int2 => Kind::Int2(array.as_primitive_opt()?),
            ColumnType::Int4 => Kind::Int4(array.as_primitive_opt()?),
            ColumnType::Int8 => Kind::Int8(array.as_primitive_opt()?),
            ColumnType::Float4 => Kind::Float4(array.as_primitive_opt()?),
            ColumnType::Float8 => Kind::Float8(array.as_primitive_opt()?),
            ColumnType::Numeric => match array.as_primitive_opt::<Decimal128Type>() {
                Some(decimals) => Kind::Fixed(decimals, fixed_point(decimals)?),
                None => Kind::Numeric(Bytes::new(array)?),
            },
            ColumnType::Text => Kind::Text(Strings::new(array)?),
            ColumnType::Bytea => Kind::Bytea(Bytes::new(array)?),
            ColumnType::Date => Kind::Date(array.as_primitive_opt()?),
            ColumnType::Time => Kind::Time(array.as_primitive_opt()?),
            ColumnType::Timestamp => Kind::Timestamp(array.as_primitive_opt()?),
            ColumnType::Timestamptz => Kind::Timestamptz(array.as_primitive_opt()?),
            ColumnType::Interval => Kind::Interval(array.as_primitive_opt()?),
            ColumnType::Uuid => {
                Kind::Uuid(array.as_fixed_size_binary_opt().filter(|array| array.value_length() == 16)?)
            }
            ColumnType::Jsonb => Kind::Jsonb(Bytes::new(array)?),
            ColumnType::Array(element) => Kind::Array(Bytes::new(array)?, (**element).clone()),
            ColumnType::Record => Kind::Record(Bytes::new(array)?),
        })
    }
}

fn fixed_point(decimals: &PrimitiveArray<Decimal128Type>) -> Option<FixedPoint> {
    Some(FixedPoint { precision: decimals.precision(), scale: u8::try_from(decimals.scale()).ok()? })
}

impl<'a> Strings<'a> {
    fn new(array: &'a dyn ArrowArray) -> Option<Self> {
        array
            .as_string_view_opt()
            .map(Strings::View)
            .or_else(|| array.as_string_opt().map(Strings::Plain))
            .or_else(|| array.as_string_opt().map(Strings::Large))
    }

    fn value(&self, row: usize) -> &'a str {
        match self {
            Strings::View(array) => array.value(row),
            Strings::Plain(array) => array.value(row),
            Strings::Large(array) => array.value(row),
        }
    }
}

impl<'a> Bytes<'a> {
    fn new(array: &'a dyn ArrowArray) -> Option<Self> {
        array
            .as_binary_view_opt()
            .map(Bytes::View)
            .or_else(|| array.as_binary_opt().map(Bytes::Plain))
            .or_else(|| array.as_binary_opt().map(Bytes::Large))
    }

    fn value(&self, row: usize) -> &'a [u8] {
        match self {
            Bytes::View(array) => array.value(row),
            Bytes::Plain(array) => array.value(row),
            Bytes::Large(array) => array.value(row),
        }
    }
}

/// One cell of an array. To read many, make [`Cells`] once.
pub fn cell<'a>(array: &'a dyn ArrowArray, column_type: &ColumnType, row: usize) -> ValueRef<'a> {
    Cells::of(array, column_type).get(row)
}
