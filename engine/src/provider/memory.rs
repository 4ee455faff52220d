//! Rows that are in memory already: VALUES lists and relations computed from the live state.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::Session;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::common::Result as DfResult;
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use storage::Value;
use storage::row::arrow::array_from_values;

use crate::error::Result;
use crate::execute::failure::failure;
use crate::plan::relation::Column;
use crate::types::builtin;

/// Rows per batch.
const BATCH_ROWS: usize = 8192;

/// A relation of rows in memory.
pub(crate) struct MemoryRows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl MemoryRows {
    /// The rows' values stand in the order of the columns.
    pub(crate) fn new(schema: SchemaRef, columns: &[Column], rows: &[Vec<Value>]) -> Result<Self> {
        let positions: Vec<usize> = (0..columns.len()).collect();
        Self::of_positions(schema, columns, rows, &positions)
    }

    /// Each column is at its position in the rows.
    pub(crate) fn of_positions(
        schema: SchemaRef,
        columns: &[Column],
        rows: &[Vec<Value>],
        positions: &[usize],
    ) -> Result<Self> {
        let mut batches = Vec::with_capacity(rows.len().div_ceil(BATCH_ROWS));
        for chunk in rows.chunks(BATCH_ROWS) {
            let mut arrays = Vec::with_capacity(columns.len());
            for (column, &position) in columns.iter().zip(positions) {
                let values = chunk.iter().map(|row| row.get(position).unwrap_or(&Value::Null));
                arrays.push(array_from_values(&builtin::column_type(column.ty)?, values)?);
            }
            let options = RecordBatchOptions::new().with_row_count(Some(chunk.len()));
            let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options);
            batches.push(batch.map_err(|error| failure(error.into()))?);
        }
        Ok(Self { schema, batches })
    }
}

impl fmt::Debug for MemoryRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRows").field("batches", &self.batches.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for MemoryRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let source =
            MemorySourceConfig::try_new(std::slice::from_ref(&self.batches), self.schema.clone(), projection.cloned())?;
        Ok(datafusion::datasource::source::DataSourceExec::from_data_source(source.with_limit(limit)))
    }
}
