//! A run of rows, decoded straight into Arrow columns.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::arrow::ColumnBuilder;
use super::layout::{Found, Maps, whole};
use super::{Result, damaged, stamp_of, version};
use crate::id::CommitSeq;
use crate::schema::TableSchema;
use crate::value::{ColumnType, FixedPoint, Value, ValueRef};

/// Commit and time of rows.
struct Stamps {
    of_generation: Option<(CommitSeq, i64)>,
    seqs: ColumnBuilder,
    times: ColumnBuilder,
}

/// Decodes some columns of a table's rows into Arrow arrays. Made once for a scan.
pub struct RowDecoder {
    maps: Arc<Maps>,
    columns: Vec<Projected>,
    stamps: Option<Stamps>,
    rows: usize,
    /// Set when a row failed half-way: the columns no longer have the same length.
    failed: bool,
}

struct Projected {
    position: usize,
    column_type: ColumnType,
    missing: Value,
    builder: ColumnBuilder,
}

impl RowDecoder {
    /// A decoder for the columns at the positions in `projection`, in that order.
    pub fn new(table: &TableSchema, projection: &[usize]) -> Self {
        let columns = projection.iter().map(|&position| {
            let column = &table.columns[position];
            let (column_type, missing) = (column.column_type.clone(), column.missing.clone());
            Projected { position, builder: ColumnBuilder::new(&column_type), column_type, missing }
        });
        Self { maps: table.cache.of(table).clone(), columns: columns.collect(), stamps: None, rows: 0, failed: false }
    }

    /// The same with two more columns behind the others: commit (int8) and time (timestamptz) of each row, NULL for one that
    /// is not committed. `of_generation` are those of rows that carry none of their own.
    pub fn with_stamps(mut self, of_generation: Option<(CommitSeq, i64)>) -> Self {
        let (seqs, times) = (ColumnBuilder::new(&ColumnType::Int8), ColumnBuilder::new(&ColumnType::Timestamptz));
        self.stamps = Some(Stamps { of_generation, seqs, times });
        self
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
                Ok(Found::Narrow(number)) => column.builder.append(&whole(number, &column.column_type)),
                Ok(Found::Null) => column.builder.append_value(&Value::Null),
                Ok(Found::Missing) => column.builder.append_value(&column.missing),
                Err(error) => Err(error),
            };
            if let Err(error) = appended {
                self.failed = true;
                return Err(error);
            }
        }
        if let Some(stamps) = &mut self.stamps
            && let Err(error) = stamps.append(row)
        {
            self.failed = true;
            return Err(error);
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
        let columns = self.columns.iter_mut().map(|column| column.builder.finish());
        let stamps = self.stamps.iter_mut().flat_map(|stamps| [stamps.seqs.finish(), stamps.times.finish()]);
        columns.chain(stamps).collect()
    }
}

impl Stamps {
    fn append(&mut self, row: &[u8]) -> Result<()> {
        let (seq, time) = match stamp_of(row, self.of_generation)? {
            Some((seq, time)) => (ValueRef::Int8(seq.0 as i64), ValueRef::Timestamptz(time)),
            None => (ValueRef::Null, ValueRef::Null),
        };
        self.seqs.append(&seq)?;
        self.times.append(&time)
    }
}
