//! A run of result rows, either values or columns, and one way to read its cells.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use storage::row::arrow::Cells;
use storage::{ColumnType, Value, ValueRef};

/// Some rows of a result, in order.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Row by row, as point plans make them.
    Values(Vec<Vec<Value>>),
    /// Column by column, as DataFusion makes them.
    Batch(Batch),
}

/// Columns of equal length and what they hold.
#[derive(Debug, Clone)]
pub struct Batch {
    batch: RecordBatch,
    types: Arc<[ColumnType]>,
}

/// The cells of some rows, ready to be read in any order.
pub struct RowsCells<'a>(Source<'a>);

enum Source<'a> {
    Values(&'a [Vec<Value>]),
    Columns(Vec<Cells<'a>>),
}

impl Batch {
    /// `types` tell, column by column, what the Arrow arrays hold.
    pub(crate) fn new(batch: RecordBatch, types: Arc<[ColumnType]>) -> Self {
        assert_eq!(batch.num_columns(), types.len(), "a type for each column");
        Self { batch, types }
    }
}

impl Rows {
    pub fn len(&self) -> usize {
        match self {
            Rows::Values(rows) => rows.len(),
            Rows::Batch(batch) => batch.batch.num_rows(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells, with the work that is done once a column already done.
    pub fn columns(&self) -> RowsCells<'_> {
        RowsCells(match self {
            Rows::Values(rows) => Source::Values(rows),
            Rows::Batch(Batch { batch, types }) => Source::Columns(
                batch.columns().iter().zip(types.iter()).map(|(array, ty)| Cells::new(array, ty)).collect(),
            ),
        })
    }

    /// The rows as owned values.
    pub fn into_values(self) -> Vec<Vec<Value>> {
        match self {
            Rows::Values(rows) => rows,
            Rows::Batch(_) => {
                let (rows, cells) = (self.len(), self.columns());
                let RowsCells(Source::Columns(columns)) = &cells else { return Vec::new() };
                (0..rows).map(|row| columns.iter().map(|column| column.get(row).to_owned()).collect()).collect()
            }
        }
    }

    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        match self {
            Rows::Values(rows) => rows.iter().flatten().map(|value| size_of::<Value>() + value.heap_bytes()).sum(),
            Rows::Batch(batch) => batch.batch.get_array_memory_size(),
        }
    }

    /// Up to `count` rows from number `first` on.
    pub fn slice(&self, first: usize, count: usize) -> Rows {
        let count = count.min(self.len().saturating_sub(first));
        match self {
            Rows::Values(rows) => Rows::Values(rows.iter().skip(first).take(count).cloned().collect()),
            Rows::Batch(Batch { batch, types }) if count > 0 => {
                Rows::Batch(Batch { batch: batch.slice(first, count), types: types.clone() })
            }
            Rows::Batch(_) => Rows::Values(Vec::new()),
        }
    }

    /// The first `count` rows, and the rest if there are more.
    pub fn split(self, count: usize) -> (Rows, Option<Rows>) {
        if count >= self.len() {
            return (self, None);
        }
        match self {
            Rows::Values(mut rows) => {
                let rest = rows.split_off(count);
                (Rows::Values(rows), Some(Rows::Values(rest)))
            }
            Rows::Batch(Batch { batch, types }) => {
                let rest = batch.slice(count, batch.num_rows() - count);
                let first = Batch { batch: batch.slice(0, count), types: types.clone() };
                (Rows::Batch(first), Some(Rows::Batch(Batch { batch: rest, types })))
            }
        }
    }
}

impl RowsCells<'_> {
    /// The cell; rows and columns count from zero.
    pub fn cell(&self, row: usize, column: usize) -> ValueRef<'_> {
        match &self.0 {
            Source::Values(rows) => rows[row][column].as_ref(),
            Source::Columns(columns) => columns[column].get(row),
        }
    }
}
