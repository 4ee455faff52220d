//! Ranges of keys: from a prefix of key columns and bounds on the next one to a range of bytes.

use std::ops::Bound;

use bytes::Bytes;

use super::encode::{TAG_VALUE, encode_index_column, encode_value};
use super::start;
use crate::id::GenerationId;
use crate::schema::{IndexSchema, RowIdentity, TableSchema};
use crate::slice::Slice;
use crate::value::Value;

/// The keys from `start` on, up to but without `end`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// Inclusive.
    pub start: Bytes,
    /// Exclusive.
    pub end: Bytes,
}

impl KeyRange {
    /// Everything of one generation.
    pub fn generation(generation: GenerationId) -> Self {
        Self::prefix(&generation.0.to_be_bytes())
    }

    /// Everything of one slice of a generation, or of the whole of it.
    pub fn of_slice(generation: GenerationId, slice: Slice) -> Self {
        match slice {
            Slice::Undivided | Slice::Every => Self::generation(generation),
            Slice::One(_) => Self::prefix(&start(generation, slice, 0)),
        }
    }

    /// Every key that begins with `bytes`.
    pub fn prefix(bytes: &[u8]) -> Self {
        Self { start: Bytes::copy_from_slice(bytes), end: after_prefix(bytes).into() }
    }

    /// No key at all.
    pub fn empty() -> Self {
        Self { start: Bytes::new(), end: Bytes::new() }
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_ref() <= key && key < self.end.as_ref()
    }

    /// Whether some key may lie in both ranges.
    pub fn overlaps(&self, other: &KeyRange) -> bool {
        (&self.start).max(&other.start) < (&self.end).min(&other.end)
    }
}

/// Rows whose leading key columns equal `prefix` and whose next key column lies within the bounds.
///
/// A NULL in `prefix` or in a bound equals nothing, so that the range is empty. The rows of a table without a
/// primary key have no order of their own: their range is the whole table. So is that of rows in no definite slice.
pub fn key_range(table: &TableSchema, prefix: &[Value], lower: Bound<&Value>, upper: Bound<&Value>) -> KeyRange {
    if matches!(table.identity, RowIdentity::Hidden) || !table.slice.is_definite() {
        return table.rows();
    }
    if prefix.iter().any(Value::is_null) || is_null(lower) || is_null(upper) {
        return KeyRange::empty();
    }
    let mut base = start(table.generation, table.slice, 28);
    for value in prefix {
        encode_value(value, &mut base);
    }
    let bytes_of = |value: &Value| extended(&base, |out| encode_value(value, out));
    bounded(lower.map(bytes_of), upper.map(bytes_of), &base)
}

/// Index entries whose leading columns equal `prefix` and whose next column lies within the bounds.
///
/// A NULL in `prefix` stands for the entries that are NULL there (`IS NULL`). The bounds are SQL's: lower and upper
/// as values, whichever way the index runs; with any bound NULLs are left out, and a NULL bound leaves nothing. Of a
/// divided table with no definite slice the range is the whole index.
pub fn index_range(index: &IndexSchema, prefix: &[Value], lower: Bound<&Value>, upper: Bound<&Value>) -> KeyRange {
    if is_null(lower) || is_null(upper) {
        return KeyRange::empty();
    }
    if !index.slice.is_definite() {
        return KeyRange::generation(index.generation);
    }
    let mut base = start(index.generation, index.slice, 28);
    for (value, column) in prefix.iter().zip(&index.columns) {
        encode_index_column(value, column.descending, column.nulls_first, &mut base);
    }
    let unbounded = matches!((lower, upper), (Bound::Unbounded, Bound::Unbounded));
    let Some(column) = index.columns.get(prefix.len()).filter(|_| !unbounded) else {
        return KeyRange::prefix(&base);
    };
    let bytes_of =
        |value: &Value| extended(&base, |out| encode_index_column(value, column.descending, column.nulls_first, out));
    let (first, last) = if column.descending { (upper, lower) } else { (lower, upper) };
    let values = extended(&base, |out| out.push(TAG_VALUE));
    bounded(first.map(bytes_of), last.map(bytes_of), &values)
}

/// The range between two bounds in byte order, an open side ending where the keys with `base` end.
fn bounded(first: Bound<Vec<u8>>, last: Bound<Vec<u8>>, base: &[u8]) -> KeyRange {
    let start = match first {
        Bound::Included(bytes) => bytes,
        Bound::Excluded(bytes) => after_prefix(&bytes),
        Bound::Unbounded => base.to_vec(),
    };
    let end = match last {
        Bound::Included(bytes) => after_prefix(&bytes),
        Bound::Excluded(bytes) => bytes,
        Bound::Unbounded => after_prefix(base),
    };
    KeyRange { start: start.into(), end: end.into() }
}

fn extended(base: &[u8], append: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(base.len() + 16);
    out.extend_from_slice(base);
    append(&mut out);
    out
}

fn is_null(bound: Bound<&Value>) -> bool {
    matches!(bound, Bound::Included(Value::Null) | Bound::Excluded(Value::Null))
}

/// The least bytes above every key that begins with `prefix`. Where none is (all FF, which no generation
/// reaches), bytes above every key in use.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    match prefix.iter().rposition(|byte| *byte != 0xFF) {
        Some(last) => {
            let mut out = prefix[..=last].to_vec();
            out[last] += 1;
            out
        }
        None => vec![0xFF; prefix.len() + 64],
    }
}
