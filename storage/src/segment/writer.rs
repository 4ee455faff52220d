//! Writing a segment: rows in the order of their keys become groups of blocks, and behind them the index.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::columns::FileColumn;
use super::file::{INDEX_METADATA, IndexPlace, file_schema, unreadable};
use super::files::{Files, NewFile};
use super::{BLOCK_ROWS, GROUP_ROWS, SegmentColumn, SegmentInfo, is_hidden, segment_schema};
use crate::error::Result;
use crate::id::{CommitSeq, GenerationId};
use crate::row::{StoredRow, value_at};
use crate::schema::TableSchema;
use crate::slice::Slice;

/// So often a filter says "perhaps" of a key that is not there.
const FILTER_ERROR_RATE: f64 = 0.01;

/// Who reads a single row has to read the dictionaries of its columns as well.
const DICTIONARY_BYTES_MAX: usize = 64 << 10;

/// Rows that are handed to the library at a time.
const BATCH_ROWS: usize = 4 * BLOCK_ROWS;

/// How the pages of a file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PageCompression {
    #[default]
    Zstd,
    None,
}

impl From<PageCompression> for Compression {
    fn from(compression: PageCompression) -> Self {
        match compression {
            PageCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
            PageCompression::None => Compression::UNCOMPRESSED,
        }
    }
}

/// A segment in the making.
pub(crate) struct SegmentWriter {
    info: SegmentInfo,
    file_schema: SchemaRef,
    writer: ArrowWriter<Box<dyn NewFile>>,
    columns: Vec<FileColumn>,
    seqs: Vec<i64>,
    updated: Vec<i64>,
    row_numbers: Vec<i64>,
    first_keys: Vec<u8>,
    filters: Vec<Sbbf>,
}

impl SegmentWriter {
    /// Begins the file, for rows of one slice. The id and the path must have been recorded durably.
    pub(crate) fn create(
        files: &dyn Files,
        id: GenerationId,
        path: String,
        table: &TableSchema,
        slice: Slice,
        (columns, compression): (&[SegmentColumn], PageCompression),
        now_us: i64,
    ) -> Result<Self> {
        let schema = TableSchema { slice, ..segment_schema(table) };
        let properties = WriterProperties::builder()
            .set_compression(compression.into())
            .set_data_page_row_count_limit(BLOCK_ROWS)
            .set_write_batch_size(BLOCK_ROWS)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("KalamDB ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file_schema = Arc::new(file_schema(&schema, columns));
        let writer = ArrowWriter::try_new(files.create(&path)?, Arc::clone(&file_schema), Some(properties))
            .map_err(|error| unreadable(&path, error))?;
        let builders = schema.columns.iter().zip(columns);
        let builders = builders.map(|(column, named)| FileColumn::new(named.encoding, &column.column_type)).collect();
        let info = SegmentInfo {
            id,
            path,
            rows: 0,
            bytes: 0,
            first_key: Vec::new(),
            last_key: Vec::new(),
            min_seq: u64::MAX,
            max_seq: 0,
            created_at_us: now_us,
            schema,
            columns: columns.to_vec(),
        };
        Ok(Self {
            info,
            file_schema,
            writer,
            columns: builders,
            seqs: Vec::new(),
            updated: Vec::new(),
            row_numbers: Vec::new(),
            first_keys: Vec::new(),
            filters: Vec::new(),
        })
    }

    pub(crate) fn slice(&self) -> Slice {
        self.info.schema.slice
    }

    pub(crate) fn rows(&self) -> u32 {
        self.info.rows
    }

    /// About how large the file has become.
    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Adds a row that the columns' encodings express ([`expresses`]), with a greater key than the last. `stamp` is the
    /// commit of rows that carry none of their own.
    pub(crate) fn push(&mut self, table: &TableSchema, row: &StoredRow, stamp: Option<(CommitSeq, i64)>) -> Result<()> {
        let key = row.key.as_bytes();
        debug_assert!(self.info.rows == 0 || *key > self.info.last_key[..], "rows come in the order of their keys");
        for (position, column) in self.columns.iter_mut().enumerate() {
            column.append(&value_at(table, &row.bytes, position)?)?;
        }
        let (seq, updated_at) = match (row.seq(), stamp) {
            (CommitSeq(0), Some(stamp)) => stamp,
            (own, _) => (own, row.updated_at()),
        };
        self.seqs.push(seq.0 as i64);
        self.updated.push(updated_at);
        if is_hidden(&self.info.schema) {
            self.row_numbers.push(key.last_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes)));
        }
        self.index(key)?;
        self.info.min_seq = self.info.min_seq.min(seq.0);
        self.info.max_seq = self.info.max_seq.max(seq.0);
        self.info.rows += 1;
        if self.seqs.len() >= BATCH_ROWS { self.write_batch() } else { Ok(()) }
    }

    fn index(&mut self, key: &[u8]) -> Result<()> {
        let at = self.info.rows as usize;
        if at.is_multiple_of(BLOCK_ROWS) {
            self.first_keys.extend_from_slice(&(key.len() as u32).to_le_bytes());
            self.first_keys.extend_from_slice(key);
        }
        if at.is_multiple_of(GROUP_ROWS) {
            let filter = Sbbf::new_with_ndv_fpp(GROUP_ROWS as u64, FILTER_ERROR_RATE);
            self.filters.push(filter.map_err(|error| unreadable(&self.info.path, error))?);
        }
        if let Some(filter) = self.filters.last_mut() {
            filter.insert(key);
        }
        if at == 0 {
            self.info.first_key = key.to_vec();
        }
        self.info.last_key.clear();
        self.info.last_key.extend_from_slice(key);
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let mut arrays: Vec<ArrayRef> = self.columns.iter_mut().map(FileColumn::finish).collect();
        arrays.push(Arc::new(Int64Array::from(std::mem::take(&mut self.seqs))));
        let updated = TimestampMicrosecondArray::from(std::mem::take(&mut self.updated));
        arrays.push(Arc::new(updated.with_timezone("UTC")));
        if is_hidden(&self.info.schema) {
            arrays.push(Arc::new(Int64Array::from(std::mem::take(&mut self.row_numbers))));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.file_schema), arrays)
            .map_err(|error| unreadable(&self.info.path, error))?;
        self.writer.write(&batch).map_err(|error| unreadable(&self.info.path, error))
    }

    /// Writes what is left and makes the file durable. There must be a row.
    pub(crate) fn finish(mut self) -> Result<SegmentInfo> {
        let path = self.info.path.clone();
        let failed = |error: &dyn std::fmt::Display| unreadable(&path, error);
        if !self.seqs.is_empty() {
            self.write_batch()?;
        }
        self.writer.flush().map_err(|error| failed(&error))?;
        let mut place =
            IndexPlace { keys: (self.writer.bytes_written() as u64, self.first_keys.len()), filters: Vec::new() };
        self.writer.write_all(&self.first_keys).map_err(|error| failed(&error))?;
        for filter in &mut self.filters {
            // It was made for a whole group.
            filter.fold_to_target_fpp(FILTER_ERROR_RATE);
            let mut bytes = Vec::new();
            filter.write_bitset(&mut bytes).map_err(|error| failed(&error))?;
            place.filters.push((self.writer.bytes_written() as u64, bytes.len()));
            self.writer.write_all(&bytes).map_err(|error| failed(&error))?;
        }
        let place = serde_json::to_string(&place).map_err(|error| failed(&error))?;
        self.writer.append_key_value_metadata(KeyValue::new(INDEX_METADATA.to_owned(), place));
        self.info.bytes = self.writer.into_inner().map_err(|error| failed(&error))?.finish()?;
        Ok(self.info)
    }
}

/// Whether the encodings of the columns can write the row.
pub(crate) fn expresses(columns: &[SegmentColumn], table: &TableSchema, row: &StoredRow) -> Result<bool> {
    for (position, column) in columns.iter().enumerate() {
        if !column.encoding.expresses(&value_at(table, &row.bytes, position)?) {
            return Ok(false);
        }
    }
    Ok(true)
}
