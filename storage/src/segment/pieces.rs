//! Columns of one group of rows, piece by piece: from memory where they were read lately, from the file where not.
//!
//! What is read for a scan of some length is kept in pieces that begin at the same rows for every reader, column by
//! column, so that the next scan takes apart nothing of what this one did. Little ranges are read as they are.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::GROUP_ROWS;
use super::file::unreadable;
use super::reader::{Chunks, Segment};
use crate::error::Result;

/// Rows of a piece; groups are a multiple of it.
const PIECE_ROWS: usize = if cfg!(test) { 8 } else { 8192 };

/// What is asked for of one group, as far as it was not handed over yet.
pub(super) struct Pieces {
    segment: Arc<Segment>,
    /// In the order of the file.
    columns: Vec<Column>,
    /// Reads the columns that are not in memory; none if all are.
    reader: Option<ParquetRecordBatchReader>,
    /// What is read: whole pieces, unless nothing of it is kept.
    read: Range<usize>,
    /// What was asked for.
    wanted: Range<usize>,
    is_kept: bool,
}

struct Column {
    /// In the file.
    position: usize,
    /// Its pieces, last first, if they are in memory.
    found: Option<Vec<ArrayRef>>,
}

impl Pieces {
    /// The rows of a range that lie in the group of the first of them. Columns are positions in the file, ascending.
    pub(super) fn open(segment: &Arc<Segment>, columns: &[usize], rows: &Range<u32>) -> Result<Self> {
        let start = rows.start as usize;
        let group_start = start - start % GROUP_ROWS;
        let group_end = (group_start + GROUP_ROWS).min(segment.info().rows as usize);
        let wanted = start..group_end.min(rows.end as usize);
        let whole = start - start % PIECE_ROWS..wanted.end.next_multiple_of(PIECE_ROWS).min(group_end);
        let find = |position| {
            let pieces = whole.clone().step_by(PIECE_ROWS).rev();
            pieces.map(|row| segment.cached_piece(position, row)).collect::<Option<Vec<_>>>()
        };
        let mut columns: Vec<Column> =
            columns.iter().map(|&position| Column { position, found: find(position) }).collect();
        let is_kept = wanted.len() * 2 > whole.len();
        let mut read = whole;
        if !is_kept && columns.iter().any(|column| column.found.is_none()) {
            // Not worth reading what was not asked for.
            columns.iter_mut().for_each(|column| column.found = None);
            read = wanted.clone();
        }
        let missing = columns.iter().filter(|column| column.found.is_none()).map(|column| column.position);
        let missing: Vec<usize> = missing.collect();
        let reader = match missing.is_empty() {
            true => None,
            false => Some(open_group(segment, missing, group_start..group_end, &read)?),
        };
        Ok(Self { segment: Arc::clone(segment), columns, reader, read, wanted, is_kept })
    }

    /// The columns of the next rows, and which rows they are; `None` when the group is over.
    pub(super) fn next(&mut self) -> Result<Option<(Vec<ArrayRef>, Range<u32>)>> {
        if self.read.is_empty() {
            return Ok(None);
        }
        let damaged = |reason: &dyn std::fmt::Display| unreadable(&self.segment.info().path, reason);
        let start = self.read.start;
        let mut end = (start - start % PIECE_ROWS + PIECE_ROWS).min(self.read.end);
        let batch = match &mut self.reader {
            Some(reader) => {
                let batch = reader.next().transpose().map_err(|error| damaged(&error))?;
                Some(batch.filter(|batch| batch.num_rows() > 0).ok_or_else(|| damaged(&"rows are missing"))?)
            }
            None => None,
        };
        if let Some(batch) = &batch {
            // Unaligned batches are of any length; what is kept has the pieces' own.
            let batch_end = start + batch.num_rows();
            if batch_end > self.read.end || self.is_kept && batch_end != end {
                return Err(damaged(&"its rows are not those of its description"));
            }
            end = batch_end;
        }
        let mut fresh = batch.iter().flat_map(|batch| batch.columns());
        let mut arrays = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let array = match &mut column.found {
                Some(found) => found.pop(),
                None => fresh.next().cloned(),
            };
            let array = array.ok_or_else(|| damaged(&"a column is missing"))?;
            if self.is_kept && column.found.is_none() {
                self.segment.keep_piece(column.position, start, &array, bytes(&array));
            }
            arrays.push(array);
        }
        self.read.start = end;
        let rows = start.max(self.wanted.start)..end.min(self.wanted.end);
        if rows.len() < end - start {
            arrays.iter_mut().for_each(|array| *array = array.slice(rows.start - start, rows.len()));
        }
        Ok(Some((arrays, rows.start as u32..rows.end as u32)))
    }
}

/// A reader of some columns of rows of a group.
fn open_group(
    segment: &Segment,
    columns: Vec<usize>,
    group: Range<usize>,
    rows: &Range<usize>,
) -> Result<ParquetRecordBatchReader> {
    let opened = segment.opened()?;
    let mut builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(Chunks(opened.file()), opened.metadata().clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    if *rows != group {
        let selected = rows.start - group.start..rows.end - group.start;
        builder =
            builder.with_row_selection(RowSelection::from_consecutive_ranges(std::iter::once(selected), group.len()));
    }
    let reader = builder
        .with_row_groups(vec![group.start / GROUP_ROWS])
        .with_projection(mask)
        .with_batch_size(PIECE_ROWS)
        .build();
    reader.map_err(|error| unreadable(&segment.info().path, error))
}

/// About what an array takes. Texts share the pages that they were read from with what is beside them.
fn bytes(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View => 16 * array.len() + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => 16 * array.len() + array.as_binary_view().total_buffer_bytes_used(),
        _ => array.get_array_memory_size(),
    }
}
