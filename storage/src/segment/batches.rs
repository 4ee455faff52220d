//! A walk over the rows of segments that are not gone, as columns: what a file has is handed on, not taken apart.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder};
use arrow::compute::{FilterBuilder, cast};
use arrow::error::ArrowError;

use super::columns::{Encoding, batch_array, fixed_array};
use super::file::unreadable;
use super::pieces::Pieces;
use super::prune::ValueRange;
use super::reader::Segment;
use super::{GROUP_ROWS, Marks};
use crate::error::Result;
use crate::key::KeyRange;
use crate::row::ColumnBuilder;
use crate::row::arrow::arrow_type;
use crate::schema::TableSchema;
use crate::value::{ColumnType, FixedPoint, Value};

/// Rows of one segment that are to be read.
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    pub(super) marks: Arc<Marks>,
    pub(super) rows: Range<u32>,
}

/// A column that is asked for.
struct Projected {
    column_type: ColumnType,
    /// How numerics are wanted, if not in their own form.
    fixed: Option<FixedPoint>,
    missing: Value,
    /// Its position in the segment that is being read, if that has it, and among the columns read.
    place: Option<(usize, usize)>,
}

/// Where the walk stands.
pub(crate) struct ColdBatches {
    table: Arc<TableSchema>,
    projection: Vec<(usize, Option<FixedPoint>)>,
    /// Last first.
    parts: Vec<Part>,
    columns: Vec<Projected>,
    /// Whether commit and time of each row come behind them.
    stamps: bool,
    /// The rest of a group of the last part, whose rows from there on are still to come.
    pieces: Option<Pieces>,
    /// Groups without values in these need not be read.
    asked: Vec<ValueRange>,
    /// Rows that were read and not asked for yet.
    pending: Option<(Vec<ArrayRef>, usize)>,
}

impl Segment {
    /// The positions of the rows within a range, marked ones included.
    pub(super) fn rows_in(&self, range: &KeyRange) -> Result<Range<u32>> {
        Ok(self.first_not_before(&range.start)?..self.first_not_before(&range.end)?)
    }
}

impl ColdBatches {
    /// Columns are asked for by position; a numeric one may be wanted as decimals.
    pub(super) fn new(
        table: &Arc<TableSchema>,
        projection: &[(usize, Option<FixedPoint>)],
        stamps: bool,
        mut parts: Vec<Part>,
    ) -> Self {
        parts.reverse();
        let (table, projection) = (Arc::clone(table), projection.to_vec());
        Self { table, projection, parts, columns: Vec::new(), stamps, pieces: None, asked: Vec::new(), pending: None }
    }

    /// The same walk, which may leave out rows that have a value outside of any of the ranges.
    pub(crate) fn asked(mut self, ranges: &[ValueRange]) -> Self {
        self.asked = ranges.to_vec();
        self
    }

    /// The columns of the next rows, `max_rows` at most; `None` when the walk is over.
    pub(crate) fn next(&mut self, max_rows: usize) -> Result<Option<Vec<ArrayRef>>> {
        loop {
            if let Some((columns, rows)) = self.pending.take() {
                let taken = rows.min(max_rows);
                if taken < rows {
                    let rest = columns.iter().map(|column| column.slice(taken, rows - taken)).collect();
                    self.pending = Some((rest, rows - taken));
                }
                return Ok(Some(columns.iter().map(|column| column.slice(0, taken)).collect()));
            }
            if !self.read_more()? {
                return Ok(None);
            }
        }
    }

    /// How many rows come next, `max_rows` at most, without reading any; zero when the walk is over.
    pub(crate) fn next_count(&mut self, max_rows: usize) -> usize {
        while let Some(part) = self.parts.last_mut() {
            let end = part.rows.end.min(part.rows.start.saturating_add(u32::try_from(max_rows).unwrap_or(u32::MAX)));
            let counted = part.rows.start..end;
            part.rows.start = end;
            let left = counted.len() - part.marks.range_cardinality(counted) as usize;
            if part.rows.is_empty() {
                self.parts.pop();
            }
            if left > 0 {
                return left;
            }
        }
        0
    }

    /// Reads rows into `pending`, none if all of them are gone. False when there are no more.
    fn read_more(&mut self) -> Result<bool> {
        let Some(part) = self.parts.last_mut() else { return Ok(false) };
        if part.rows.is_empty() {
            self.parts.pop();
            self.pieces = None;
            return Ok(true);
        }
        let path = || part.segment.info().path.as_str();
        let pieces = match &mut self.pieces {
            Some(pieces) => pieces,
            None => {
                let group = part.rows.start as usize / GROUP_ROWS;
                if !part.segment.may_match(&self.table, group, &self.asked)? {
                    part.rows.start = part.rows.end.min(((group + 1) * GROUP_ROWS) as u32);
                    return Ok(true);
                }
                self.columns = place_columns(&self.table, &self.projection, &part.segment);
                let read = columns_read(&self.columns, self.stamps.then_some(&part.segment));
                self.pieces.insert(Pieces::open(&part.segment, &read, &part.rows)?)
            }
        };
        let Some((read, rows)) = pieces.next()? else {
            self.pieces = None;
            return Ok(true);
        };
        part.rows.start = rows.end;
        let left = live_rows(&part.marks, rows.clone());
        let mut count = rows.len();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let Some((position, at)) = column.place else {
                columns.push(column.without_place(rows.len())?);
                continue;
            };
            let (stored, encoding) = stored_as(&part.segment, position);
            if let Some(fixed) = column.fixed {
                columns.push(fixed_array(&read[at], encoding, fixed)?);
                continue;
            }
            let array = batch_array(&read[at], encoding, stored)?;
            columns.push(match *stored == column.column_type {
                true => array,
                false => widened(&array, &column.column_type).map_err(|error| unreadable(path(), error))?,
            });
        }
        if self.stamps {
            // They are the last that were read.
            columns.extend_from_slice(&read[read.len().saturating_sub(2)..]);
        }
        if let Some(left) = left {
            count = left.true_count();
            let left = FilterBuilder::new(&left).optimize().build();
            for column in &mut columns {
                *column = left.filter(column.as_ref()).map_err(|error| unreadable(path(), error))?;
            }
        }
        self.pending = (count > 0).then_some((columns, count));
        Ok(true)
    }
}

impl Projected {
    /// The column of rows that are older than it.
    fn without_place(&self, rows: usize) -> Result<ArrayRef> {
        let mut builder = self.fixed.map_or_else(|| ColumnBuilder::new(&self.column_type), ColumnBuilder::fixed);
        for _ in 0..rows {
            builder.append_value(&self.missing)?;
        }
        Ok(builder.finish())
    }
}

/// The type and the encoding of a column in a segment.
fn stored_as(segment: &Segment, position: usize) -> (&ColumnType, Encoding) {
    let info = segment.info();
    (&info.schema.columns[position].column_type, info.columns[position].encoding)
}

/// A column of a narrower type as one of that type.
fn widened(array: &ArrayRef, column_type: &ColumnType) -> std::result::Result<ArrayRef, ArrowError> {
    cast(array.as_ref(), &arrow_type(column_type))
}

/// Which of the rows are not marked; `None` if none is.
fn live_rows(marks: &Marks, rows: Range<u32>) -> Option<BooleanArray> {
    if marks.range_cardinality(rows.clone()) == 0 {
        return None;
    }
    let mut left = BooleanBufferBuilder::new(rows.len());
    left.append_n(rows.len(), true);
    // Few are marked, and asking of each row whether it is takes longer than reading the rows.
    for row in marks.range(rows.clone()) {
        left.set_bit((row - rows.start) as usize, false);
    }
    Some(BooleanArray::new(left.finish(), None))
}

/// Where a segment has the columns of a projection.
fn place_columns(table: &TableSchema, projection: &[(usize, Option<FixedPoint>)], segment: &Segment) -> Vec<Projected> {
    let stored = &segment.info().schema.columns;
    let mut columns: Vec<Projected> = projection
        .iter()
        .map(|&(position, fixed)| {
            let column = &table.columns[position];
            let place = stored.iter().position(|stored| stored.id == column.id).map(|position| (position, 0));
            Projected { column_type: column.column_type.clone(), fixed, missing: column.missing.clone(), place }
        })
        .collect();
    let read = columns_read(&columns, None);
    for (position, at) in columns.iter_mut().filter_map(|column| column.place.as_mut()) {
        *at = read.partition_point(|before| before < position);
    }
    columns
}

/// The positions of the columns that are read, each once, in the order of the file; with those that stamp the rows, if a
/// segment is given.
fn columns_read(columns: &[Projected], stamps_of: Option<&Arc<Segment>>) -> Vec<usize> {
    let mut read: Vec<usize> = columns.iter().filter_map(|column| column.place).map(|(position, _)| position).collect();
    read.sort_unstable();
    read.dedup();
    if let Some(segment) = stamps_of {
        let seq = segment.info().schema.columns.len();
        read.extend([seq, seq + 1]);
    }
    read
}
