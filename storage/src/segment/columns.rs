//! How columns lie in a segment's file: under their own names, in the types that other programs know.
//!
//! Most types are Arrow's own. A numeric with a precision is a decimal, another one its text. What Parquet has no type for
//! (intervals, documents, arrays, records) are the bytes that rows hold.

use std::sync::Arc;

use arrow::array::builder::{BinaryViewBuilder, Decimal128Builder, FixedSizeBinaryBuilder, StringViewBuilder};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, FixedSizeBinaryArray, StringViewArray};
use arrow::datatypes::{DataType, Decimal128Type};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::row::arrow::{Cells, arrow_type};
use crate::row::{ColumnBuilder, interval_bytes, read_interval};
use crate::value::{ColumnType, FixedPoint, Numeric, ValueRef};

/// An interval's months, days and microseconds.
const INTERVAL_BYTES: i32 = 16;

/// How a column is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// In the array that batches have for the column's type.
    Plain,
    /// A decimal of so many digits in all, and so many behind the point.
    Decimal { precision: u8, scale: u8 },
    /// A numeric as text.
    Digits,
    /// An interval's three parts, little-endian.
    Interval,
}

impl Encoding {
    /// What suits a column; `numeric` is the precision and scale of a numeric that has them.
    pub fn of(column_type: &ColumnType, numeric: Option<(u16, i16)>) -> Self {
        match (column_type, numeric) {
            (ColumnType::Numeric, numeric) => {
                match numeric.and_then(|(precision, scale)| FixedPoint::of(precision, scale)) {
                    Some(FixedPoint { precision, scale }) => Encoding::Decimal { precision, scale },
                    None => Encoding::Digits,
                }
            }
            (ColumnType::Interval, _) => Encoding::Interval,
            _ => Encoding::Plain,
        }
    }

    /// The type of the column in the file.
    pub fn file_type(self, column_type: &ColumnType) -> DataType {
        match self {
            Encoding::Plain => arrow_type(column_type),
            Encoding::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Encoding::Digits => DataType::Utf8View,
            Encoding::Interval => DataType::FixedSizeBinary(INTERVAL_BYTES),
        }
    }

    /// Whether the column can be written so with this value in it: a decimal has no NaN.
    pub(super) fn expresses(self, value: &ValueRef<'_>) -> bool {
        match (self, value) {
            (Encoding::Decimal { precision, scale }, ValueRef::Numeric(value)) => {
                FixedPoint { precision, scale }.coefficient(value).is_some()
            }
            _ => true,
        }
    }
}

/// Collects the values of one column for a file.
pub(super) enum FileColumn {
    Plain(ColumnBuilder),
    Decimal { builder: Decimal128Builder, fixed: FixedPoint },
    Digits(StringViewBuilder),
    Interval(FixedSizeBinaryBuilder),
}

impl FileColumn {
    pub(super) fn new(encoding: Encoding, column_type: &ColumnType) -> Self {
        match encoding {
            Encoding::Plain => FileColumn::Plain(ColumnBuilder::new(column_type)),
            Encoding::Decimal { precision, scale } => FileColumn::Decimal {
                builder: Decimal128Builder::new().with_data_type(encoding.file_type(column_type)),
                fixed: FixedPoint { precision, scale },
            },
            Encoding::Digits => FileColumn::Digits(StringViewBuilder::new()),
            Encoding::Interval => FileColumn::Interval(FixedSizeBinaryBuilder::new(INTERVAL_BYTES)),
        }
    }

    /// Adds a value that the encoding expresses.
    pub(super) fn append(&mut self, value: &ValueRef<'_>) -> Result<()> {
        match (self, value) {
            (FileColumn::Plain(builder), value) => return builder.append(value),
            (FileColumn::Decimal { builder, .. }, ValueRef::Null) => builder.append_null(),
            (FileColumn::Decimal { builder, fixed }, ValueRef::Numeric(value)) => {
                builder.append_value(fixed.coefficient(value).ok_or_else(other_type)?);
            }
            (FileColumn::Digits(builder), ValueRef::Null) => builder.append_null(),
            (FileColumn::Digits(builder), ValueRef::Numeric(value)) => builder.append_value(value.to_string()),
            (FileColumn::Interval(builder), ValueRef::Null) => builder.append_null(),
            (FileColumn::Interval(builder), ValueRef::Interval(value)) => {
                builder.append_value(interval_bytes(value)).map_err(|_| other_type())?;
            }
            _ => return Err(other_type()),
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            FileColumn::Plain(builder) => builder.finish(),
            FileColumn::Decimal { builder, .. } => Arc::new(builder.finish()),
            FileColumn::Digits(builder) => Arc::new(builder.finish()),
            FileColumn::Interval(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A column as a file has it, ready to be read cell by cell.
pub(super) enum FileCells<'a> {
    Plain(Cells<'a>),
    Decimal { array: &'a Decimal128Array, scale: u8 },
    Digits(&'a StringViewArray),
    Interval(&'a FixedSizeBinaryArray),
}

impl<'a> FileCells<'a> {
    pub(super) fn new(array: &'a ArrayRef, encoding: Encoding, column_type: &ColumnType) -> Result<Self> {
        let cells = match encoding {
            Encoding::Plain => Some(FileCells::Plain(Cells::try_new(array.as_ref(), column_type)?)),
            Encoding::Decimal { scale, .. } => {
                array.as_primitive_opt::<Decimal128Type>().map(|array| FileCells::Decimal { array, scale })
            }
            Encoding::Digits => array.as_string_view_opt().map(FileCells::Digits),
            Encoding::Interval => array.as_fixed_size_binary_opt().map(FileCells::Interval),
        };
        cells.ok_or_else(other_type)
    }

    pub(super) fn get(&self, row: usize) -> Result<ValueRef<'a>> {
        Ok(match self {
            FileCells::Plain(cells) => cells.get(row),
            FileCells::Decimal { array, .. } if array.is_null(row) => ValueRef::Null,
            FileCells::Decimal { array, scale } => {
                ValueRef::Numeric(Numeric::from_parts(array.value(row), u16::from(*scale)))
            }
            FileCells::Digits(array) if array.is_null(row) => ValueRef::Null,
            FileCells::Digits(array) => {
                ValueRef::Numeric(Numeric::parse(array.value(row)).map_err(|_| damaged("a numeric is not one"))?)
            }
            FileCells::Interval(array) if array.is_null(row) => ValueRef::Null,
            FileCells::Interval(array) => ValueRef::Interval(read_interval(array.value(row))?),
        })
    }
}

/// A column of a file as the array that batches have for its type.
pub fn batch_array(array: &ArrayRef, encoding: Encoding, column_type: &ColumnType) -> Result<ArrayRef> {
    match encoding {
        Encoding::Plain if array.data_type() == &arrow_type(column_type) => Ok(Arc::clone(array)),
        Encoding::Decimal { scale, .. } => {
            let decimals = array.as_primitive_opt::<Decimal128Type>().ok_or_else(other_type)?;
            let mut builder = BinaryViewBuilder::with_capacity(decimals.len());
            let mut bytes = Vec::new();
            for value in decimals {
                match value {
                    None => builder.append_null(),
                    Some(value) => {
                        bytes.clear();
                        Numeric::from_parts(value, u16::from(scale)).append_bytes(&mut bytes);
                        builder.append_value(&bytes);
                    }
                }
            }
            Ok(Arc::new(builder.finish()))
        }
        _ => {
            let cells = FileCells::new(array, encoding, column_type)?;
            let mut builder = ColumnBuilder::new(column_type);
            for row in 0..array.len() {
                builder.append(&cells.get(row)?)?;
            }
            Ok(builder.finish())
        }
    }
}

/// A column of numerics as decimals with the given fixed point, [`FixedPoint::NAN`] being NaN.
pub(super) fn fixed_array(array: &ArrayRef, encoding: Encoding, fixed: FixedPoint) -> Result<ArrayRef> {
    if let (Encoding::Decimal { precision, scale }, Some(decimals)) =
        (encoding, array.as_primitive_opt::<Decimal128Type>())
        && scale == fixed.scale
        && precision <= fixed.precision
    {
        let decimals = decimals.clone().with_precision_and_scale(fixed.precision, fixed.scale as i8);
        return Ok(Arc::new(decimals.map_err(|_| other_type())?));
    }
    let cells = FileCells::new(array, encoding, &ColumnType::Numeric)?;
    let mut builder = ColumnBuilder::fixed(fixed);
    for row in 0..array.len() {
        builder.append(&cells.get(row)?)?;
    }
    Ok(builder.finish())
}

fn other_type() -> Error {
    damaged("a column has another type than it was written with")
}

fn damaged(reason: &str) -> Error {
    Error::Corrupt { reason: format!("in a segment {reason}") }
}
