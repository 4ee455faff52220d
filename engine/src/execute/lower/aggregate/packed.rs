//! Values packed so that Arrow's order is PostgreSQL's, and unpacked again: how min and max run in DataFusion's own
//! accumulators for numerics, floats, char(n), intervals, arrays and records.
//!
//! Floats become integers in the order of the floats. The others become their key bytes, escaped and ended so that none
//! begins another, and after them the value itself.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, PrimitiveArray, StringViewBuilder};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use storage::{ColumnType, Numeric};

use crate::error::Error;
use crate::execute::failure::carried;
use crate::execute::lower::sort_key::packed_keys;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Packing {
    Numeric,
    Float4,
    Float8,
    Padded,
    Interval,
    /// Arrays and records.
    Keyed(ColumnType),
}

/// Packs or unpacks a column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PackFunction {
    packing: Packing,
    unpack: bool,
    signature: Signature,
}

impl PackFunction {
    pub(super) fn pack(packing: Packing) -> Self {
        Self { packing, unpack: false, signature: Signature::any(1, Volatility::Immutable) }
    }

    pub(super) fn unpack(packing: Packing) -> Self {
        Self { packing, unpack: true, signature: Signature::any(1, Volatility::Immutable) }
    }

    fn compute(&self, values: &ArrayRef) -> Result<ArrayRef, Error> {
        Ok(match (&self.packing, self.unpack) {
            (Packing::Float4, false) => {
                let packed: PrimitiveArray<Int32Type> = values.as_primitive::<Float32Type>().unary(|value| {
                    let bits = if value.is_nan() { f32::NAN } else { value }.to_bits().cast_signed();
                    bits ^ (((bits >> 31).cast_unsigned()) >> 1).cast_signed()
                });
                Arc::new(packed)
            }
            (Packing::Float4, true) => {
                let values: PrimitiveArray<Float32Type> = values.as_primitive::<Int32Type>().unary(|bits| {
                    f32::from_bits((bits ^ (((bits >> 31).cast_unsigned()) >> 1).cast_signed()).cast_unsigned())
                });
                Arc::new(values)
            }
            (Packing::Float8, false) => {
                let packed: PrimitiveArray<Int64Type> = values.as_primitive::<Float64Type>().unary(|value| {
                    let bits = if value.is_nan() { f64::NAN } else { value }.to_bits().cast_signed();
                    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
                });
                Arc::new(packed)
            }
            (Packing::Float8, true) => {
                let values: PrimitiveArray<Float64Type> = values.as_primitive::<Int64Type>().unary(|bits| {
                    f64::from_bits((bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()).cast_unsigned())
                });
                Arc::new(values)
            }
            (Packing::Numeric, false) => {
                let values = values.as_binary_view();
                packed(
                    values.iter().map(|value| value.map(|bytes| (Numeric::sort_key(bytes).to_vec(), bytes.to_vec()))),
                )
            }
            (Packing::Padded, false) => {
                let values = values.as_string_view();
                packed(values.iter().map(|value| {
                    value.map(|text| (text.trim_end_matches(' ').as_bytes().to_vec(), text.as_bytes().to_vec()))
                }))
            }
            (Packing::Interval, false) => {
                let values = values.as_primitive::<IntervalMonthDayNanoType>();
                packed(values.iter().map(|value| value.map(interval_parts)))
            }
            (Packing::Keyed(ty), false) => {
                let keys = packed_keys(values, ty);
                let pairs = keys.as_binary_view().iter().zip(values.as_binary_view());
                packed(pairs.map(|(key, value)| Some((key?.to_vec(), value?.to_vec()))))
            }
            (Packing::Numeric | Packing::Keyed(_), true) => {
                let mut values_out = BinaryViewBuilder::with_capacity(values.len());
                for value in values.as_binary_view() {
                    values_out.append_option(value.map(payload).transpose()?);
                }
                Arc::new(values_out.finish())
            }
            (Packing::Padded, true) => {
                let mut values_out = StringViewBuilder::with_capacity(values.len());
                for value in values.as_binary_view() {
                    let text = value.map(payload).transpose()?.map(std::str::from_utf8).transpose();
                    values_out.append_option(text.map_err(|_| damaged())?);
                }
                Arc::new(values_out.finish())
            }
            (Packing::Interval, true) => {
                let mut spans = Vec::with_capacity(values.len());
                for value in values.as_binary_view() {
                    spans.push(value.map(payload).transpose()?.map(interval_of).transpose()?);
                }
                Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::from(spans))
            }
        })
    }
}

fn packed(values: impl Iterator<Item = Option<(Vec<u8>, Vec<u8>)>>) -> ArrayRef {
    let mut builder = BinaryViewBuilder::new();
    let mut bytes = Vec::new();
    for value in values {
        let Some((key, value)) = value else {
            builder.append_null();
            continue;
        };
        bytes.clear();
        for byte in key {
            bytes.push(byte);
            if byte == 0 {
                bytes.push(0xFF);
            }
        }
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&value);
        builder.append_value(&bytes);
    }
    Arc::new(builder.finish())
}

/// What stands after the key.
fn payload(packed: &[u8]) -> Result<&[u8], Error> {
    let mut position = 0;
    while position + 1 < packed.len() {
        match (packed[position], packed[position + 1]) {
            (0, 0) => return Ok(&packed[position + 2..]),
            (0, _) => position += 2,
            _ => position += 1,
        }
    }
    Err(damaged())
}

fn interval_parts(span: IntervalMonthDayNano) -> (Vec<u8>, Vec<u8>) {
    let days = i128::from(span.months) * 30 + i128::from(span.days);
    let length = days * 86_400_000_000_000 + i128::from(span.nanoseconds);
    let key = (length ^ i128::MIN).to_be_bytes().to_vec();
    let mut value = Vec::with_capacity(16);
    value.extend_from_slice(&span.months.to_be_bytes());
    value.extend_from_slice(&span.days.to_be_bytes());
    value.extend_from_slice(&span.nanoseconds.to_be_bytes());
    (key, value)
}

fn interval_of(bytes: &[u8]) -> Result<IntervalMonthDayNano, Error> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| damaged())?;
    let [m0, m1, m2, m3, d0, d1, d2, d3, n0, n1, n2, n3, n4, n5, n6, n7] = bytes;
    Ok(IntervalMonthDayNano {
        months: i32::from_be_bytes([m0, m1, m2, m3]),
        days: i32::from_be_bytes([d0, d1, d2, d3]),
        nanoseconds: i64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
    })
}

fn damaged() -> Error {
    Error::internal("a packed value cannot be unpacked")
}

impl ScalarUDFImpl for PackFunction {
    fn name(&self) -> &str {
        if self.unpack { "unpack" } else { "pack" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(match (&self.packing, self.unpack) {
            (Packing::Float4, false) => DataType::Int32,
            (Packing::Float8, false) => DataType::Int64,
            (Packing::Numeric | Packing::Padded | Packing::Interval | Packing::Keyed(_), false)
            | (Packing::Numeric | Packing::Keyed(_), true) => DataType::BinaryView,
            (Packing::Float4, true) => DataType::Float32,
            (Packing::Float8, true) => DataType::Float64,
            (Packing::Padded, true) => DataType::Utf8View,
            (Packing::Interval, true) => DataType::Interval(IntervalUnit::MonthDayNano),
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(ColumnarValue::Scalar(value)) => {
                let result = self.compute(&value.to_array()?).map_err(carried)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(self.compute(&values).map_err(carried)?)),
            None => datafusion::common::internal_err!("packing takes one value"),
        }
    }
}
