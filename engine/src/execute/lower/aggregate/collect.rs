//! array_agg, string_agg, range_agg and their kin: they keep a group's rows, put them in order, drop repetitions if asked, and join them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt64Array, new_empty_array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{SortColumn, SortOptions, concat, lexsort_to_indices, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, UInt32Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use storage::row::arrow::{Cells, array_from_values, arrow_type};
use storage::{ColumnType, Value};

use super::sliding::Sliding;
use crate::error::{Error, Result, SqlState};
use crate::execute::failure::{carried, failure};
use crate::function::RangeJoin;
use crate::function::argument::subscript_error;
use crate::function::array::nested;
use crate::function::json::build as json;
use crate::types::json::read_document;

/// PostgreSQL's limit for one value.
const JOINED_BYTES_MAX: usize = 1 << 30;

/// What the rows become.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Collected {
    /// An array of the first argument; `nested`: which is an array too, and a part of the result.
    Array { element: ColumnType, nested: bool },
    /// The first argument (text or bytea), the second between.
    Joined(ColumnType),
    /// A JSON array of the first argument, which is JSON text; `structured`: of arrays or rows, which have lines of
    /// their own.
    JsonArray { document: bool, structured: bool },
    /// A JSON object of keys and JSON text.
    JsonObject { document: bool },
    /// What lies in any of the ranges or multiranges, or in all of them.
    Ranges(RangeJoin),
}

/// The aggregate function: its arguments are the values, then the sort keys, each with its direction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Collect {
    result: Collected,
    values: usize,
    /// The last argument tells which rows are the same.
    distinct: bool,
    /// Descending, NULLs first.
    directions: Vec<(bool, bool)>,
    signature: Signature,
}

impl Collect {
    pub(super) fn new(result: Collected, values: usize, distinct: bool, directions: Vec<(bool, bool)>) -> Self {
        let signature = Signature::any(values + directions.len(), Volatility::Immutable);
        Self { result, values, distinct, directions, signature }
    }

    fn finish(&self, mut columns: Vec<ArrayRef>) -> DfResult<ScalarValue> {
        if !self.directions.is_empty() {
            let order = self.order(&columns)?;
            columns = columns.iter().map(|column| take(column, &order, None)).collect::<Result<_, _>>()?;
        }
        if self.distinct {
            let kept = different_rows(columns.last().map_or(&columns[0], |last| last))?;
            columns = columns.iter().map(|column| take(column, &kept, None)).collect::<Result<_, _>>()?;
        }
        match &self.result {
            Collected::Array { element, nested } => collected(&columns[0], element, *nested).map_err(carried),
            Collected::JsonArray { document, structured } => {
                json_value(json::array_of(columns[0].as_string_view().iter(), *structured), *document)
            }
            Collected::JsonObject { document } => {
                let pairs = columns[0].as_string_view().iter().zip(columns[1].as_string_view());
                json_value(json::object_of(pairs).map_err(carried)?, *document)
            }
            Collected::Ranges(join) => {
                let values = columns[0].as_binary_view().iter().flatten();
                Ok(ScalarValue::BinaryView(join.of(values).map_err(carried)?))
            }
            Collected::Joined(ColumnType::Bytea) => joined(
                columns[0].as_binary_view().iter().collect(),
                columns.get(1).map(|delimiters| delimiters.as_binary_view().iter().collect()),
            )
            .map(ScalarValue::BinaryView),
            Collected::Joined(_) => {
                let bytes = |column: &ArrayRef| -> Vec<Option<Vec<u8>>> {
                    column.as_string_view().iter().map(|text| text.map(|text| text.as_bytes().to_vec())).collect()
                };
                let (values, delimiters) = (bytes(&columns[0]), columns.get(1).map(bytes));
                let joined = joined(
                    values.iter().map(Option::as_deref).collect(),
                    delimiters.as_ref().map(|delimiters| delimiters.iter().map(Option::as_deref).collect()),
                )?;
                let text = joined.map(String::from_utf8).transpose();
                let text = text.map_err(|_| carried(Error::internal("joined text is not UTF-8")))?;
                Ok(ScalarValue::Utf8View(text))
            }
        }
    }

    /// Positions in order; equal rows stay as they came.
    fn order(&self, columns: &[ArrayRef]) -> DfResult<ArrayRef> {
        let mut keys: Vec<SortColumn> = columns[self.values..]
            .iter()
            .zip(&self.directions)
            .map(|(values, &(descending, nulls_first))| SortColumn {
                values: values.clone(),
                options: Some(SortOptions { descending, nulls_first }),
            })
            .collect();
        let arrival: UInt64Array = (0..columns[0].len() as u64).collect();
        keys.push(SortColumn { values: Arc::new(arrival), options: None });
        Ok(Arc::new(lexsort_to_indices(&keys, None)?))
    }
}

/// Positions of the rows whose key was not there before.
fn different_rows(keys: &ArrayRef) -> DfResult<ArrayRef> {
    let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(keys))?;
    let mut seen = HashSet::with_capacity(rows.num_rows());
    let kept: datafusion::arrow::array::PrimitiveArray<UInt32Type> =
        (0..rows.num_rows()).filter(|&row| seen.insert(rows.row(row))).map(|row| u32::try_from(row).ok()).collect();
    Ok(Arc::new(kept))
}

/// The values as one array; arrays are its parts.
fn collected(values: &ArrayRef, element: &ColumnType, nested: bool) -> Result<ScalarValue> {
    let cells = Cells::new(values, element);
    let values: Vec<Value> = (0..values.len()).map(|row| cells.get(row).to_owned()).collect();
    let (element, array) = match element {
        ColumnType::Array(inner) if nested => (inner.as_ref(), parts(inner, &values)?),
        element => (element, storage::Array::new(element.clone(), values)),
    };
    let ty = ColumnType::Array(Box::new(element.clone()));
    let array = array_from_values(&ty, std::iter::once(&Value::Array(Box::new(array))))?;
    ScalarValue::try_from_array(&array, 0).map_err(failure)
}

fn parts(element: &ColumnType, values: &[Value]) -> Result<storage::Array> {
    for value in values {
        match value {
            Value::Array(array) if array.values.is_empty() => {
                return Err(subscript_error("cannot accumulate empty arrays"));
            }
            Value::Array(_) => {}
            _ => return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays")),
        }
    }
    nested(element.clone(), values, || subscript_error("cannot accumulate arrays of different dimensionality"))
}

/// JSON text as json or as jsonb.
fn json_value(text: String, document: bool) -> DfResult<ScalarValue> {
    if !document {
        return Ok(ScalarValue::Utf8View(Some(text)));
    }
    match read_document(&text).map_err(carried)? {
        Value::Jsonb(bytes) => Ok(ScalarValue::BinaryView(Some(bytes.into()))),
        _ => Err(carried(Error::internal("a document is not one"))),
    }
}

fn joined(values: Vec<Option<&[u8]>>, delimiters: Option<Vec<Option<&[u8]>>>) -> DfResult<Option<Vec<u8>>> {
    let mut result: Option<Vec<u8>> = None;
    for (row, value) in values.into_iter().enumerate() {
        let Some(value) = value else { continue };
        match &mut result {
            None => result = Some(value.to_vec()),
            Some(result) => {
                if let Some(delimiter) = delimiters.as_ref().and_then(|delimiters| delimiters[row]) {
                    result.extend_from_slice(delimiter);
                }
                result.extend_from_slice(value);
                if result.len() > JOINED_BYTES_MAX {
                    return Err(carried(
                        Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
                            .with_detail(format!("Cannot enlarge string buffer containing {JOINED_BYTES_MAX} bytes.")),
                    ));
                }
            }
        }
    }
    Ok(result)
}

impl AggregateUDFImpl for Collect {
    fn name(&self) -> &str {
        match self.result {
            Collected::Array { .. } => "array_agg",
            Collected::Joined(_) => "string_agg",
            Collected::JsonArray { .. } => "json_agg",
            Collected::JsonObject { .. } => "json_object_agg",
            Collected::Ranges(_) => "range_agg",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(match &self.result {
            // However deep: arrays are bytes.
            Collected::Array { element, .. } => arrow_type(&ColumnType::Array(Box::new(element.clone()))),
            Collected::Joined(ty) => arrow_type(ty),
            Collected::Ranges(_) => arrow_type(&ColumnType::Bytea),
            Collected::JsonArray { document, .. } | Collected::JsonObject { document } => {
                arrow_type(if *document { &ColumnType::Jsonb } else { &ColumnType::Text })
            }
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        Ok(args
            .input_fields
            .iter()
            .enumerate()
            .map(|(position, field)| {
                let item = Field::new("item", field.data_type().clone(), true).into();
                Field::new(format!("{}[{position}]", args.name), DataType::List(item), true).into()
            })
            .collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Box::new(Rows::new(self.clone(), types)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let collect = self.clone();
        Ok(Box::new(Sliding::new(move || Ok(Box::new(Rows::new(collect.clone(), types.clone()))))))
    }
}

/// The rows of one group, chunk by chunk.
#[derive(Debug)]
struct Rows {
    collect: Collect,
    types: Vec<DataType>,
    chunks: Vec<Vec<ArrayRef>>,
    bytes: usize,
}

impl Rows {
    fn new(collect: Collect, types: Vec<DataType>) -> Self {
        Self { collect, types, chunks: Vec::new(), bytes: 0 }
    }

    fn columns(&self) -> DfResult<Vec<ArrayRef>> {
        (0..self.types.len())
            .map(|position| {
                let parts: Vec<&dyn Array> = self.chunks.iter().map(|chunk| chunk[position].as_ref()).collect();
                if parts.is_empty() { Ok(new_empty_array(&self.types[position])) } else { Ok(concat(&parts)?) }
            })
            .collect()
    }

    fn keep(&mut self, chunk: Vec<ArrayRef>) {
        if chunk.first().is_some_and(|first| !first.is_empty()) {
            self.bytes += chunk.iter().map(|array| array.to_data().get_slice_memory_size().unwrap_or(0)).sum::<usize>();
            self.chunks.push(chunk);
        }
    }
}

impl Accumulator for Rows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.keep(values.to_vec());
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        if self.chunks.is_empty() {
            let columns: Vec<DataType> = self.types.clone();
            return ScalarValue::try_new_null(&self.collect.return_type(&columns)?);
        }
        self.collect.finish(self.columns()?)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.chunks.capacity() * size_of::<Vec<ArrayRef>>()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        Ok(self
            .columns()?
            .into_iter()
            .map(|values| {
                let field = Field::new("item", values.data_type().clone(), true).into();
                let offsets = OffsetBuffer::from_lengths([values.len()]);
                ScalarValue::List(Arc::new(ListArray::new(field, offsets, values, None)))
            })
            .collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let lists: Vec<&ListArray> = states.iter().map(|state| state.as_list::<i32>()).collect();
        for row in 0..lists.first().map_or(0, |list| list.len()) {
            self.keep(lists.iter().map(|list| list.value(row)).collect());
        }
        Ok(())
    }
}
