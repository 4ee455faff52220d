//! Rows: from values to the bytes that are stored, and back.
//!
//! ```text
//! commit seq u64 | updated at i64 µs | schema version u16 | flags u16 | null bitmap | slots | variable bytes
//! ```
//!
//! Every column of the row's layout has a slot at a place that its layout alone decides. A fixed-width value lies
//! in its slot; the slot of a variable one holds where its bytes end (they begin where those of the variable
//! column before it end). So one column is read without looking at the others. Numbers are little-endian. A set
//! bit in the bitmap is a NULL. Rows of older layouts are read as they lie: a column they lack has the value that
//! the schema says is missing.

pub mod arrow;
mod carry;
mod decoder;
mod element;
mod encode;
mod layout;
mod record;
mod slot;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use arrow::ColumnBuilder;
pub(crate) use carry::Carrier;
pub use decoder::RowDecoder;
pub(crate) use encode::append_row;
pub use encode::{encode_row, row_bytes};
pub use layout::LayoutCache;
pub(crate) use slot::{interval as read_interval, interval_bytes};

use crate::error::{Error, Result};
use crate::id::{CommitSeq, SchemaVersion};
use crate::key::RowKey;
use crate::schema::TableSchema;
use crate::value::{Value, ValueRef};

const SEQ_AT: usize = 0;
const UPDATED_AT: usize = 8;
const VERSION_AT: usize = 16;
const HEADER_BYTES: usize = 20;

/// The time of a row in a write set.
const PENDING: i64 = i64::MIN;

/// A row as it is stored, with its key. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    pub key: RowKey,
    pub bytes: Bytes,
}

impl StoredRow {
    /// The commit that wrote the row; zero while it is not committed.
    pub fn seq(&self) -> CommitSeq {
        CommitSeq(self.bytes.get(SEQ_AT..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// Whether this, the newest version of a row, is the one that a walk over all commits up to `seen` has found and said
    /// to be `version`. Moves write down which commit a row has that carried none of its own.
    pub fn is_found(&self, version: CommitSeq, seen: CommitSeq) -> bool {
        self.seq() == version || !is_pending(&self.bytes) && self.seq() <= seen
    }

    /// When the row was committed, in microseconds since 1970; without meaning while it is not.
    pub fn updated_at(&self) -> i64 {
        self.bytes.get(UPDATED_AT..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| i64::from_le_bytes(*bytes))
    }

    /// The value of the column at `position` of the table's current columns.
    pub fn value<'a>(&'a self, table: &'a TableSchema, position: usize) -> Result<ValueRef<'a>> {
        value_at(table, &self.bytes, position)
    }

    /// The values of all current columns.
    pub fn values(&self, table: &TableSchema) -> Result<Vec<Value>> {
        values_of(table, &self.bytes)
    }
}

/// The value that a row's bytes hold in the column at `position` of the table's current columns.
pub(crate) fn value_at<'a>(table: &'a TableSchema, row: &'a [u8], position: usize) -> Result<ValueRef<'a>> {
    let map = table.cache.of(table).map(version(row)?)?;
    let Some(column) = table.columns.get(position) else {
        return Err(damaged("a column was asked for that the table does not have"));
    };
    match map.read(row, position)? {
        layout::Found::Bytes(bytes) => slot::value_of(bytes, &column.column_type),
        layout::Found::Narrow(number) => Ok(layout::whole(number, &column.column_type)),
        layout::Found::Null => Ok(ValueRef::Null),
        layout::Found::Missing => Ok(column.missing.as_ref()),
    }
}

/// The values of a row's bytes, as [`encode_row`] has made them.
pub fn decode_row(table: &TableSchema, row: &[u8]) -> Result<Vec<Value>> {
    values_of(table, row)
}

/// The values that a row's bytes hold in all current columns.
pub(crate) fn values_of(table: &TableSchema, row: &[u8]) -> Result<Vec<Value>> {
    (0..table.columns.len()).map(|position| Ok(value_at(table, row, position)?.to_owned())).collect()
}

/// Writes into an encoded row which commit it is part of, and when that was.
pub fn stamp(row: &mut [u8], seq: CommitSeq, updated_at_us: i64) {
    debug_assert!(row.len() >= HEADER_BYTES);
    if let Some(bytes) = row.get_mut(SEQ_AT..UPDATED_AT) {
        bytes.copy_from_slice(&seq.0.to_le_bytes());
    }
    if let Some(bytes) = row.get_mut(UPDATED_AT..VERSION_AT) {
        bytes.copy_from_slice(&updated_at_us.to_le_bytes());
    }
}

/// Says of an encoded row that no commit has it yet, so that it is not taken for one that carries its generation's.
pub(crate) fn mark_pending(row: &mut [u8]) {
    stamp(row, CommitSeq(0), PENDING);
}

/// Whether a row is one of a write set.
pub(crate) fn is_pending(row: &[u8]) -> bool {
    matches!(header(row), Some((0, PENDING)))
}

/// The row as the commit leaves it that takes it from a write set; any other as it is.
pub(crate) fn with_commit(row: Bytes, seq: CommitSeq, updated_at_us: i64) -> Bytes {
    if !is_pending(&row) {
        return row;
    }
    let mut row = Vec::from(row);
    stamp(&mut row, seq, updated_at_us);
    Bytes::from(row)
}

/// Commit sequence and time, as they stand there.
fn header(row: &[u8]) -> Option<(u64, i64)> {
    let seq = row.get(SEQ_AT..).and_then(<[u8]>::first_chunk)?;
    let updated_at = row.get(UPDATED_AT..).and_then(<[u8]>::first_chunk)?;
    Some((u64::from_le_bytes(*seq), i64::from_le_bytes(*updated_at)))
}

/// Commit and time of a row; `of_generation` are those of rows that carry none of their own. `None` for a row that no
/// commit has yet.
pub(crate) fn stamp_of(row: &[u8], of_generation: Option<(CommitSeq, i64)>) -> Result<Option<(CommitSeq, i64)>> {
    Ok(match header(row).ok_or_else(|| damaged("a row is shorter than its header"))? {
        (0, PENDING) => None,
        (0, _) => of_generation,
        (seq, updated_at) => Some((CommitSeq(seq), updated_at)),
    })
}

/// The layout a row was written under.
fn version(row: &[u8]) -> Result<SchemaVersion> {
    match row.get(VERSION_AT..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => Ok(SchemaVersion(u16::from_le_bytes(*bytes))),
        None => Err(damaged("a row is shorter than its header")),
    }
}

#[cold]
fn damaged(reason: &str) -> Error {
    Error::Corrupt { reason: reason.to_owned() }
}
