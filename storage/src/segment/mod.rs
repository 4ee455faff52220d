//! The cold tier: rows that have aged into Parquet files, each sorted by row key and written once.
//!
//! A table's generation has *segments*, which the *manifest* names. Manifest and *deletion marks* are keys in the
//! key-value store, so that one snapshot of it is a snapshot of both tiers: [`tier`] lays them over one another, and whoever
//! reads rows by key does not learn where they lay. A row is in one place at a time: hot, or at one unmarked position.
//!
//! A segment's id is a generation of its own: it is never reused, and the marks of the segment are its keys. The file has
//! the table's columns under their names, then `_seq` and `_updated`, and `_row` where rows have a hidden number. Behind the
//! rows lies an index of our own: the first key of each block of rows, and a filter of the keys of each group of blocks.

mod batches;
mod cache;
mod columns;
mod cursor;
mod file;
mod files;
mod manifest;
mod many;
mod marks;
mod pieces;
mod prune;
mod reader;
mod tier;
mod writer;

use serde::{Deserialize, Serialize};

use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::schema::{Layout, RowIdentity, TableSchema};
use crate::value::ColumnType;

pub(crate) use batches::ColdBatches;
pub(crate) use cache::BlockCache;
pub use columns::{Encoding, batch_array};
pub(crate) use files::Places;
pub use files::{
    Files, LocalFiles, MemoryFiles, NewFile, ObjectFiles, PlaceId, PlacePath, ReadFile, S3Credentials, S3Options,
};
pub(crate) use manifest::Manifest;
pub use marks::Marks;
pub(crate) use marks::{Mark, mark_key};
pub use prune::ValueRange;
pub use reader::Segment;
pub(crate) use tier::Tiered;
pub use writer::PageCompression;
pub(crate) use writer::{SegmentWriter, expresses};

/// Rows of a block: what is read for a single one of them. Tests make do with little, to see every edge.
pub(crate) const BLOCK_ROWS: usize = if cfg!(test) { 4 } else { 1024 };

/// Rows of a group of blocks, for which columns are compressed and described together.
pub(crate) const GROUP_ROWS: usize = if cfg!(test) { 16 } else { 128 * BLOCK_ROWS };

/// Names of the columns behind those of the table.
pub const SEQ_COLUMN: &str = "_seq";
pub const UPDATED_COLUMN: &str = "_updated";
pub const ROW_COLUMN: &str = "_row";

/// One column of a table as a file names and writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentColumn {
    pub name: String,
    pub encoding: Encoding,
}

/// What the manifest says of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentInfo {
    pub id: GenerationId,
    pub path: String,
    pub rows: u32,
    /// Size of the file.
    pub bytes: u64,
    pub first_key: Vec<u8>,
    pub last_key: Vec<u8>,
    /// The oldest and the newest commit that wrote one of its rows.
    pub min_seq: u64,
    pub max_seq: u64,
    /// Microseconds since 1970.
    pub created_at_us: i64,
    /// The table as its rows were written: columns, key and one layout, without indexes.
    pub schema: TableSchema,
    /// One for each column of `schema`.
    pub columns: Vec<SegmentColumn>,
}

impl SegmentInfo {
    /// The table's contents that it is part of.
    pub fn generation(&self) -> GenerationId {
        self.schema.generation
    }

    /// One of its keys without the table's generation and the slice, which all of them begin with.
    pub fn key_within<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        key.get(4 + self.schema.slice.bytes()..).unwrap_or_default()
    }

    /// Whether one of its keys may lie in the range.
    pub(crate) fn overlaps(&self, range: &KeyRange) -> bool {
        self.first_key[..] < range.end[..] && range.start[..] <= self.last_key[..]
    }

    pub(crate) fn may_hold(&self, key: &[u8]) -> bool {
        self.first_key[..] <= *key && *key <= self.last_key[..]
    }
}

/// What of a table's schema a segment of it keeps.
pub(crate) fn segment_schema(table: &TableSchema) -> TableSchema {
    let current = |layout: &&Layout| layout.version == table.version;
    TableSchema {
        indexes: Vec::new(),
        layouts: table.layouts.iter().filter(current).cloned().collect(),
        derived: Default::default(),
        cache: Default::default(),
        ..table.clone()
    }
}

/// Whether rows of the table have a number that no column of theirs holds.
fn is_hidden(table: &TableSchema) -> bool {
    table.identity == RowIdentity::Hidden
}

/// The types of the columns behind those of the table.
fn system_columns(table: &TableSchema) -> Vec<(&'static str, ColumnType)> {
    let mut columns = vec![(SEQ_COLUMN, ColumnType::Int8), (UPDATED_COLUMN, ColumnType::Timestamptz)];
    if is_hidden(table) {
        columns.push((ROW_COLUMN, ColumnType::Int8));
    }
    columns
}
