//! Columns of values as Arrow arrays.

mod builder;
mod cells;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

pub use builder::ColumnBuilder;
pub use cells::{Cells, cell};

use crate::error::Result;
use crate::value::{ColumnType, Value};

/// The Arrow type of a column. A numeric is the bytes that `Numeric::to_bytes` makes; arrays and records are the bytes
/// that rows hold.
pub fn arrow_type(column_type: &ColumnType) -> DataType {
    match column_type {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int2 => DataType::Int16,
        ColumnType::Int4 => DataType::Int32,
        ColumnType::Int8 => DataType::Int64,
        ColumnType::Float4 => DataType::Float32,
        ColumnType::Float8 => DataType::Float64,
        ColumnType::Numeric | ColumnType::Bytea | ColumnType::Jsonb | ColumnType::Array(_) | ColumnType::Record => {
            DataType::BinaryView
        }
        ColumnType::Text => DataType::Utf8View,
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        ColumnType::Uuid => DataType::FixedSizeBinary(16),
    }
}

/// An array of the given values, each of which is of the column type or NULL.
pub fn array_from_values<'a>(column_type: &ColumnType, values: impl Iterator<Item = &'a Value>) -> Result<ArrayRef> {
    let mut builder = ColumnBuilder::new(column_type);
    for value in values {
        builder.append_value(value)?;
    }
    Ok(builder.finish())
}
