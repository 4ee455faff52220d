//! Keys: bytes whose order under `memcmp` is the order of the values they stand for.
//!
//! A row's key is its table's generation followed by its primary key columns, or by a hidden number. An index
//! entry's key is the index's generation followed by its columns, or by one of the things that are in them (`items`). Where a table is divided, the slice stands between. The keys
//! of a stream's rows are told by `stream`. No encoded value is a prefix of another, so
//! columns are simply put one after the other, and a key range over leading columns is a range of bytes.
//! Keys are written and compared, never decoded: the row itself holds every column.

mod encode;
mod items;
mod range;
mod stream;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(crate) use encode::encode_bytes;
use encode::value_bytes;
pub use encode::{encode_index_column, encode_value};
pub use items::{Item, Items};
pub(crate) use items::{append_item_start, item_keys};
pub use range::{KeyRange, index_range, key_range};
pub(crate) use stream::{StreamPlace, bucket_of, buckets_before, buckets_from, slice_in_bucket, stream_key};

use crate::id::GenerationId;
use crate::schema::{IndexSchema, RowIdentity, TableSchema};
use crate::slice::{Slice, SliceId, slice_of};
use crate::value::Value;

/// What every key begins with.
const GENERATION_BYTES: usize = 4;
const HIDDEN_NUMBER_BYTES: usize = 8;

/// The whole key of a row in the `rows` family: its table's generation, then its key columns or its hidden number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(Bytes);

impl RowKey {
    /// The bytes under which the row is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key that was read from the store.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes, without copying them.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The contents this row belongs to. A key too short to say (damaged) answers generation zero, which is never given out.
    pub fn generation(&self) -> GenerationId {
        generation_of(&self.0)
    }
}

/// The generation that the key of a row or an index entry begins with.
pub(crate) fn generation_of(key: &[u8]) -> GenerationId {
    match key.first_chunk::<4>() {
        Some(bytes) => GenerationId(u32::from_be_bytes(*bytes)),
        None => GenerationId(0),
    }
}

/// The key of a deleted row that is kept: generation ‖ time ‖ what the row's own key has behind the generation.
pub(crate) fn trash_key(row: &RowKey, deleted_at_us: i64) -> Bytes {
    let own = row.as_bytes().get(GENERATION_BYTES..).unwrap_or_default();
    [&row.generation().0.to_be_bytes()[..], &ordered_time(deleted_at_us), own].concat().into()
}

/// The keys of rows of a generation that were deleted before that time.
pub(crate) fn trash_before(generation: GenerationId, time_us: i64) -> KeyRange {
    let start = generation.0.to_be_bytes();
    let end = [&start[..], &ordered_time(time_us)].concat();
    KeyRange { start: Bytes::copy_from_slice(&start), end: end.into() }
}

/// When the row was deleted that is kept under a key, in microseconds since 1970.
pub(crate) fn trash_time(key: &[u8]) -> Option<i64> {
    key.get(GENERATION_BYTES..)?.first_chunk().copied().map(time_ordered)
}

/// When the row was deleted that is kept under a key, and the key that it had.
pub(crate) fn kept_under(key: &[u8]) -> Option<(i64, Vec<u8>)> {
    let (generation, own) = (key.get(..GENERATION_BYTES)?, key.get(GENERATION_BYTES + 8..)?);
    Some((trash_time(key)?, [generation, own].concat()))
}

/// The slice that the row was in that is kept under a key.
pub(crate) fn kept_in(key: &[u8]) -> Option<SliceId> {
    slice_of(key.get(8..)?)
}

/// Microseconds since 1970 as bytes in the order of time.
fn ordered_time(time_us: i64) -> [u8; 8] {
    (time_us as u64 ^ 1 << 63).to_be_bytes()
}

/// The time that such bytes stand for.
fn time_ordered(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ 1 << 63) as i64
}

/// An index entry's key. Its value is always the row's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    pub bytes: Bytes,
    /// The key alone must be unique: another row's entry under the same bytes is a violation.
    pub unique_prefix: bool,
}

/// The key of a row given in full, for a table with a primary key.
///
/// A table that identifies rows by a hidden number has no such key: call [`hidden_row_key`].
pub fn row_key(table: &TableSchema, row: &[Value]) -> RowKey {
    let columns = match &table.identity {
        RowIdentity::PrimaryKey(positions) => positions.iter().map(|&position| value_bytes(&row[position])).sum(),
        RowIdentity::Hidden => HIDDEN_NUMBER_BYTES,
    };
    let mut out = Vec::with_capacity(GENERATION_BYTES + table.slice.bytes() + columns);
    append_row_key(table, table.slice, row, &mut out);
    RowKey(out.into())
}

/// The key that a row has once its columns are these, which is in the slice of the key that it has now.
pub(crate) fn row_key_after(table: &TableSchema, row: &[Value], before: &RowKey) -> RowKey {
    let mut out = Vec::with_capacity(before.as_bytes().len());
    append_row_key(table, table.slice.of_key(before.as_bytes()), row, &mut out);
    RowKey(out.into())
}

/// Appends the same, in a slice of the table. Of the row only the key columns are looked at.
pub(crate) fn append_row_key(table: &TableSchema, slice: Slice, row: &[Value], out: &mut Vec<u8>) {
    let RowIdentity::PrimaryKey(positions) = &table.identity else {
        debug_assert!(false, "rows with a hidden identity have no key of their own");
        return append_hidden_row_key(table.generation, slice, 0, out);
    };
    append_start(table.generation, slice, out);
    for &position in positions {
        encode_value(&row[position], out);
    }
}

/// The key of the row whose key columns, in key order, are `key_values`.
pub fn primary_key_from(table: &TableSchema, key_values: &[Value]) -> RowKey {
    let mut out = start(table.generation, table.slice, key_values.iter().map(value_bytes).sum());
    for value in key_values {
        encode_value(value, &mut out);
    }
    RowKey(out.into())
}

/// The key of a row that is identified by a hidden number.
pub fn hidden_row_key(generation: GenerationId, slice: Slice, id: u64) -> RowKey {
    let mut out = Vec::with_capacity(GENERATION_BYTES + slice.bytes() + HIDDEN_NUMBER_BYTES);
    append_hidden_row_key(generation, slice, id, &mut out);
    RowKey(out.into())
}

/// Appends the same.
pub(crate) fn append_hidden_row_key(generation: GenerationId, slice: Slice, id: u64, out: &mut Vec<u8>) {
    append_start(generation, slice, out);
    out.extend_from_slice(&id.to_be_bytes());
}

/// The entry of a row in an index.
///
/// Where the columns must be unique they are the whole key; otherwise (a plain index, or a NULL among columns
/// whose NULLs count as different) the row's key follows them.
pub fn index_key(index: &IndexSchema, row: &[Value], row_key: &RowKey) -> IndexKey {
    let columns = index.columns.iter().map(|column| 1 + value_bytes(&row[column.column])).sum::<usize>();
    let mut out = Vec::with_capacity(GENERATION_BYTES + index.slice.bytes() + columns + row_key.as_bytes().len());
    let unique_prefix = append_index_key(index, row, row_key.as_bytes(), &mut out);
    IndexKey { bytes: out.into(), unique_prefix }
}

/// Appends the key of the same; answers whether it must be unique. Of the row only the index's columns are looked at.
pub(crate) fn append_index_key(index: &IndexSchema, row: &[Value], row_key: &[u8], out: &mut Vec<u8>) -> bool {
    append_start(index.generation, index.slice.of_key(row_key), out);
    let mut has_null = false;
    for column in &index.columns {
        let value = &row[column.column];
        has_null |= value.is_null();
        encode_index_column(value, column.descending, column.nulls_first, out);
    }
    let unique_prefix = index.unique && !(has_null && index.nulls_distinct);
    if !unique_prefix {
        out.extend_from_slice(row_key);
    }
    unique_prefix
}

/// What a key in a slice of a generation begins with, with room for so many bytes more. A key that fills its room becomes
/// `Bytes` without another allocation.
fn start(generation: GenerationId, slice: Slice, room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(GENERATION_BYTES + slice.bytes() + room);
    append_start(generation, slice, &mut out);
    out
}

fn append_start(generation: GenerationId, slice: Slice, out: &mut Vec<u8>) {
    out.extend_from_slice(&generation.0.to_be_bytes());
    slice.append(out);
}
