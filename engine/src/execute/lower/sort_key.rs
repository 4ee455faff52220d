//! Sort keys: for types whose Arrow order or equality is not PostgreSQL's, a value that compares as they should.
//!
//! - numeric: the canonical bytes, without the display scale, so that 1.0 and 1.00 are one.
//! - floats: one NaN, greater than all; no negative zero.
//! - char(n): without trailing spaces.
//! - interval: microseconds, a month being 30 days and a day 24 hours.
//! - jsonb: the bytes that storage sorts it by.
//! - ranges over numerics: likewise.
//! - arrays: their elements' key bytes, one after the other, then the dimensions.
//! - records: their fields' key bytes.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array as _, ArrayRef, AsArray, BinaryViewBuilder, Decimal128Builder, PrimitiveArray, StringViewBuilder,
};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use storage::row::arrow::Cells;
use storage::{Array, ColumnType, Numeric, Record, Value, ValueRef};

use super::column;
use crate::error::Result;
use crate::execute::failure::failure;
use crate::types::{Type, builtin, oid, range};

const MICROSECONDS_PER_DAY: i128 = 86_400_000_000;
const DAYS_PER_MONTH: i128 = 30;

/// How a type's key is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Numeric,
    Float4,
    Float8,
    Padded,
    Interval,
    Jsonb,
    /// Ranges over numerics: without the digits that the bounds show.
    Range,
    Packed(ColumnType),
}

/// The key that a type needs; None: Arrow orders it as PostgreSQL does.
pub(super) fn key_of(ty: Type) -> Result<Option<Key>> {
    if builtin::base_of(ty.oid) == oid::BPCHAR {
        return Ok(Some(Key::Padded));
    }
    if range::has_own_key(builtin::base_of(ty.oid)) {
        return Ok(Some(Key::Range));
    }
    Ok(match column::physical(ty)? {
        ColumnType::Numeric => Some(Key::Numeric),
        ColumnType::Float4 => Some(Key::Float4),
        ColumnType::Float8 => Some(Key::Float8),
        ColumnType::Interval => Some(Key::Interval),
        ColumnType::Jsonb => Some(Key::Jsonb),
        packed @ (ColumnType::Array(_) | ColumnType::Record) => Some(Key::Packed(packed)),
        ColumnType::Bool
        | ColumnType::Int2
        | ColumnType::Int4
        | ColumnType::Int8
        | ColumnType::Text
        | ColumnType::Bytea
        | ColumnType::Date
        | ColumnType::Time
        | ColumnType::Timestamp
        | ColumnType::Timestamptz
        | ColumnType::Uuid => None,
    })
}

/// The expression to compare instead of `expr`: itself where Arrow's order will do.
pub(super) fn keyed(expr: DfExpr, ty: Type) -> Result<DfExpr> {
    let Some(key) = key_of(ty)? else { return Ok(expr) };
    if let DfExpr::Literal(value, _) = &expr {
        let array = value.to_array().map_err(failure)?;
        let keys = key.keys(&array).map_err(failure)?;
        return Ok(DfExpr::Literal(ScalarValue::try_from_array(&keys, 0).map_err(failure)?, None));
    }
    Ok(ScalarUDF::new_from_impl(KeyFunction::new(key)).call(vec![expr]))
}

/// The Arrow type that values of `ty` are compared in.
pub(super) fn compared_type(ty: Type) -> Result<DataType> {
    Ok(match key_of(ty)? {
        Some(key) => key.data_type(),
        None => column::arrow_of(ty)?,
    })
}

impl Key {
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Key::Numeric | Key::Jsonb | Key::Range | Key::Packed(_) => DataType::BinaryView,
            Key::Float4 => DataType::Float32,
            Key::Float8 => DataType::Float64,
            Key::Padded => DataType::Utf8View,
            Key::Interval => DataType::Decimal128(38, 0),
        }
    }

    /// The key of each value.
    pub(super) fn keys(&self, values: &ArrayRef) -> DfResult<ArrayRef> {
        Ok(match self {
            Key::Numeric => {
                let values = values.as_binary_view();
                let mut keys = BinaryViewBuilder::with_capacity(values.len());
                values.iter().for_each(|value| keys.append_option(value.map(Numeric::sort_key)));
                Arc::new(keys.finish())
            }
            Key::Float4 => {
                let keys: PrimitiveArray<Float32Type> = values
                    .as_primitive::<Float32Type>()
                    .unary(|value| if value.is_nan() { f32::NAN } else { value + 0.0 });
                Arc::new(keys)
            }
            Key::Float8 => {
                let keys: PrimitiveArray<Float64Type> = values
                    .as_primitive::<Float64Type>()
                    .unary(|value| if value.is_nan() { f64::NAN } else { value + 0.0 });
                Arc::new(keys)
            }
            Key::Padded => {
                let values = values.as_string_view();
                let mut keys = StringViewBuilder::with_capacity(values.len());
                values.iter().for_each(|value| keys.append_option(value.map(|text| text.trim_end_matches(' '))));
                Arc::new(keys.finish())
            }
            Key::Interval => interval_keys(values)?,
            Key::Jsonb => jsonb_keys(values),
            Key::Range => {
                let values = values.as_binary_view();
                let mut keys = BinaryViewBuilder::with_capacity(values.len());
                values.iter().for_each(|value| keys.append_option(value.map(range::sort_key)));
                Arc::new(keys.finish())
            }
            Key::Packed(ty) => packed_keys(values, ty),
        })
    }
}

fn interval_keys(values: &ArrayRef) -> DfResult<ArrayRef> {
    let cells = Cells::new(values, &ColumnType::Interval);
    let mut keys = Decimal128Builder::with_capacity(values.len()).with_data_type(DataType::Decimal128(38, 0));
    for row in 0..values.len() {
        match cells.get(row) {
            ValueRef::Interval(span) => {
                let days = i128::from(span.months) * DAYS_PER_MONTH + i128::from(span.days);
                keys.append_value(days * MICROSECONDS_PER_DAY + i128::from(span.microseconds));
            }
            _ => keys.append_null(),
        }
    }
    Ok(Arc::new(keys.finish()))
}

fn jsonb_keys(values: &ArrayRef) -> ArrayRef {
    let values = values.as_binary_view();
    let mut keys = BinaryViewBuilder::with_capacity(values.len());
    let mut bytes = Vec::new();
    for value in values {
        bytes.clear();
        keys.append_option(value.map(|document| {
            storage::value::jsonb::append_sort_key(document, &mut bytes);
            &bytes
        }));
    }
    Arc::new(keys.finish())
}

pub(super) fn packed_keys(values: &ArrayRef, ty: &ColumnType) -> ArrayRef {
    let cells = Cells::new(values, ty);
    let mut keys = BinaryViewBuilder::with_capacity(values.len());
    let mut bytes = Vec::new();
    for row in 0..values.len() {
        bytes.clear();
        match cells.get(row) {
            ValueRef::Array(array) => {
                append_array_key(&array, &mut bytes);
                keys.append_value(&bytes);
            }
            ValueRef::Record(record) => {
                append_record_key(&record, &mut bytes);
                keys.append_value(&bytes);
            }
            _ => keys.append_null(),
        }
    }
    Arc::new(keys.finish())
}

fn append_value_key(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Array(array) => {
            bytes.push(1);
            append_array_key(array, bytes);
        }
        Value::Record(record) => {
            bytes.push(1);
            append_record_key(record, bytes);
        }
        // A NULL sorts last.
        value => storage::key::encode_index_column(value, false, false, bytes),
    }
}

fn append_array_key(array: &Array, bytes: &mut Vec<u8>) {
    for value in &array.values {
        // Anything past the end sorts after it.
        bytes.push(1);
        append_value_key(value, bytes);
    }
    bytes.push(0);
    let dimensions = array.dimensions();
    bytes.push(u8::try_from(dimensions.len()).unwrap_or(u8::MAX));
    for dimension in &dimensions {
        bytes.extend_from_slice(&dimension.length.to_be_bytes());
    }
    for dimension in &dimensions {
        storage::key::encode_value(&Value::Int4(dimension.lower), bytes);
    }
}

fn append_record_key(record: &Record, bytes: &mut Vec<u8>) {
    for field in &record.fields {
        match &field.value {
            Value::Text(text) if field.ty == oid::BPCHAR => {
                append_value_key(&Value::Text(text.trim_end_matches(' ').into()), bytes);
            }
            value => append_value_key(value, bytes),
        }
    }
}

/// Makes keys of a column.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyFunction {
    key: Key,
    signature: Signature,
}

impl KeyFunction {
    fn new(key: Key) -> Self {
        Self { key, signature: Signature::any(1, Volatility::Immutable) }
    }

    /// The value behind a key, up to what the key leaves out; None where that cannot be told.
    pub(crate) fn represents(&self, key: &ScalarValue) -> Option<Value> {
        match (&self.key, key) {
            (Key::Float4, ScalarValue::Float32(Some(value))) => Some(Value::Float4(*value)),
            (Key::Float8, ScalarValue::Float64(Some(value))) => Some(Value::Float8(*value)),
            _ => None,
        }
    }
}

impl ScalarUDFImpl for KeyFunction {
    fn name(&self) -> &str {
        "sort_key"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(self.key.data_type())
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(ColumnarValue::Scalar(value)) => {
                let keys = self.key.keys(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&keys, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(self.key.keys(&values)?)),
            None => datafusion::common::internal_err!("sort_key takes one value"),
        }
    }
}

/// A value that stands for NULL where NULL must equal NULL: any will do, as nullness is compared too.
pub(super) fn placeholder(ty: Type) -> Result<ScalarValue> {
    Ok(match compared_type(ty)? {
        DataType::BinaryView => ScalarValue::BinaryView(Some(Vec::new())),
        DataType::Utf8View => ScalarValue::Utf8View(Some(String::new())),
        DataType::FixedSizeBinary(size) => {
            ScalarValue::FixedSizeBinary(size, Some(vec![0; size.unsigned_abs() as usize]))
        }
        DataType::Boolean => ScalarValue::Boolean(Some(false)),
        other => ScalarValue::new_zero(&other).map_err(failure)?,
    })
}
