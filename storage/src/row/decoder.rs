//! A run of rows, decoded straight into Arrow columns.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::arrow::ColumnBuilder;
use super::layout::{Found, Maps};
use super::{Result, damaged, version};
use crate::schema::TableSchema;
use crate::value::{FixedPoint, Value};

/// Decodes some columns of a table's rows into Arrow arrays. Made once for a scan.
pub struct RowDecoder {
    maps: Arc<Maps>,
    columns: Vec<Projected>,
    rows: usize,
    /// Set when a row failed half-way: the columns no longer have the same length.
    failed: bool,
}

struct Projected {
    position: usize,
    missing: Value,
    builder: ColumnBuilder,
}

impl RowDecoder {
    /// A decoder for the columns at the positions in `projection`, in that order.
    pub fn new(table: &TableSchema, projection: &[usize]) -> Self {
        let columns = projection.iter().map(|&position| {
            let column = &table.columns[position];
            Projected { position, missing: column.missing.clone(), builder: ColumnBuilder::new(&column.column_type) }
        });
        Self { maps: table.cache.of(table).clone(), columns: columns.collect(), rows: 0, failed: false }
    }

    /// The same, without rows yet, for numerics as decimals wherever `fixed` has a fixed point for the column.
    pub fn with_fixed(mut self, fixed: &[Option<FixedPoint>]) -> Self {
        for (column, fixed) in self.columns.iter_mut().zip(fixed) {
            if let Some(fixed) = fixed {
                column.builder = ColumnBuilder::fixed(*fixed);
            }
        }
        self
    }

    /// Adds a row. After an error the rows since the last [`RowDecoder::finish`] are lost, and so is the decoder.
    pub fn append(&mut self, row: &[u8]) -> Result<()> {
        if self.failed {
            return Err(damaged("an earlier row could not be decoded"));
        }
        let map = self.maps.map(version(row)?)?;
        for column in &mut self.columns {
            let appended = match map.read(row, column.position) {
                Ok(Found::Bytes(bytes)) => column.builder.append_stored(bytes),
                Ok(Found::Null) => column.builder.append_value(&Value::Null),
                Ok(Found::Missing) => column.builder.append_value(&column.missing),
                Err(error) => Err(error),
            };
            if let Err(error) = appended {
                self.failed = true;
                return Err(error);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// How many rows were added since the last [`RowDecoder::finish`].
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The columns of the rows added so far; the decoder begins anew.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns.iter_mut().map(|column| column.builder.finish()).collect()
    }
}
