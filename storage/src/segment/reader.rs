//! Reading a segment: a row by its key, or blocks of rows one after the other.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelectionPolicy,
};
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::{ChunkReader, Length};

use super::cache::{BlockCache, Cached, Part};
use super::columns::FileCells;
use super::file::{INDEX_METADATA, IndexPlace, passed_on, unreadable};
use super::marks::{Mark, Marks, marks_of};
use super::{BLOCK_ROWS, Files, GROUP_ROWS, ReadFile, SegmentInfo, system_columns};
use crate::error::Result;
use crate::id::CommitSeq;
use crate::key::{append_hidden_row_key, append_row_key};
use crate::kv::KvSnapshot;
use crate::row::{append_row, stamp};
use crate::schema::RowIdentity;
use crate::value::Value;

/// What an entry of the cache is reckoned to cost beside its contents.
const CACHED_OVERHEAD_BYTES: usize = 256;

/// A segment that the manifest names. Its file is opened when it is first read.
pub struct Segment {
    info: SegmentInfo,
    files: Arc<dyn Files>,
    cache: Arc<BlockCache>,
    /// The newest commit that marked one of its rows.
    marked_at: AtomicU64,
    /// The marks as a snapshot had them.
    marks: Mutex<Option<(CommitSeq, Arc<Marks>)>>,
}

/// What the end of a segment's file says.
pub(crate) struct Opened {
    file: Arc<dyn ReadFile>,
    metadata: ArrowReaderMetadata,
    /// The first key of each block.
    first_keys: Vec<Bytes>,
    filters: Vec<(u64, usize)>,
}

/// Rows that were read together, as the file has them.
pub(crate) struct Block {
    first: u32,
    columns: Vec<ArrayRef>,
}

/// Rows as the key-value store would hold them, in order.
#[derive(Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    /// Where each key and each value ends.
    ends: Vec<(usize, usize)>,
}

/// A file for the library to read from.
pub(super) struct Chunks(pub(super) Arc<dyn ReadFile>);

impl Segment {
    /// `seq`: a commit that no snapshot is older than and no mark is newer than.
    pub(crate) fn new(info: SegmentInfo, files: Arc<dyn Files>, cache: Arc<BlockCache>, seq: CommitSeq) -> Self {
        Self { info, files, cache, marked_at: AtomicU64::new(seq.0), marks: Mutex::default() }
    }

    pub fn info(&self) -> &SegmentInfo {
        &self.info
    }

    /// Opens the file for whoever reads it by himself.
    pub fn open(&self) -> Result<Arc<dyn ReadFile>> {
        Ok(Arc::clone(&self.opened()?.file))
    }

    /// Says that a commit marks one of its rows; comes before anybody can see the commit.
    pub(crate) fn marked(&self, seq: CommitSeq) {
        self.marked_at.fetch_max(seq.0, Ordering::Release);
    }

    /// The rows that are gone in the snapshot of `seq`.
    pub(crate) fn marks(&self, snapshot: &dyn KvSnapshot, seq: CommitSeq) -> Result<Arc<Marks>> {
        let marked_at = self.marked_at.load(Ordering::Acquire);
        if let Some((known_at, marks)) = &*self.marks.lock()
            && (*known_at == seq || marked_at <= known_at.0.min(seq.0))
        {
            return Ok(Arc::clone(marks));
        }
        let marks = Arc::new(marks_of(snapshot, self.info.id)?);
        let mut known = self.marks.lock();
        if known.as_ref().is_none_or(|(known_at, _)| *known_at < seq) {
            *known = Some((seq, Arc::clone(&marks)));
        }
        Ok(marks)
    }

    /// The row with this key, marked or not: where it lies, and its bytes.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<(Mark, Bytes)>> {
        let Some((mark, block, row)) = self.locate(key)? else { return Ok(None) };
        let mut rows = Rows::default();
        self.decode(&block, row..row + 1, &mut rows)?;
        Ok(rows.get(0).map(|(_, bytes)| (mark, Bytes::copy_from_slice(bytes))))
    }

    /// Where the row with this key lies, marked or not.
    pub(crate) fn position(&self, key: &[u8]) -> Result<Option<Mark>> {
        Ok(self.locate(key)?.map(|(mark, ..)| mark))
    }

    fn locate(&self, key: &[u8]) -> Result<Option<(Mark, Arc<Block>, usize)>> {
        if !self.info.may_hold(key) {
            return Ok(None);
        }
        let opened = self.opened()?;
        let at = opened.block_of(key);
        if !self.filter(&opened, (at * BLOCK_ROWS / GROUP_ROWS) as u32)?.check(key) {
            return Ok(None);
        }
        let block = self.block(&opened, at as u32)?;
        let row = self.first_in_block(&block, key)?;
        let mut found = Vec::new();
        if row < block.len() {
            self.append_key(&block, row, &mut found)?;
        }
        let mark = Mark { segment: self.info.id, position: block.first + row as u32 };
        Ok((found == key).then_some((mark, block, row)))
    }

    /// The first row of a block whose key is not less, or their number.
    fn first_in_block(&self, block: &Block, key: &[u8]) -> Result<usize> {
        let (mut low, mut high) = (0, block.len());
        let mut probe = Vec::new();
        while low < high {
            let middle = low.midpoint(high);
            probe.clear();
            self.append_key(block, middle, &mut probe)?;
            if probe[..] < *key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The position of the first row whose key is not less, or the number of rows.
    pub(super) fn first_not_before(&self, key: &[u8]) -> Result<u32> {
        if *key <= self.info.first_key[..] {
            return Ok(0);
        }
        if *key > self.info.last_key[..] {
            return Ok(self.info.rows);
        }
        let opened = self.opened()?;
        let block = self.block(&opened, opened.block_of(key) as u32)?;
        Ok(block.first + self.first_in_block(&block, key)? as u32)
    }

    pub(super) fn opened(&self) -> Result<Arc<Opened>> {
        if let Some(Cached::Description(opened)) = self.cache.get(&(self.info.id, Part::Description)) {
            return Ok(opened);
        }
        let opened = Arc::new(self.open_file().map_err(|error| unreadable(&self.info.path, error))?);
        let keys: usize = opened.first_keys.iter().map(|key| key.len() + size_of::<Bytes>()).sum();
        let bytes = opened.metadata.metadata().memory_size() + keys + CACHED_OVERHEAD_BYTES;
        self.cache.add((self.info.id, Part::Description), Cached::Description(Arc::clone(&opened)), bytes);
        Ok(opened)
    }

    fn open_file(&self) -> std::result::Result<Opened, Box<dyn std::error::Error>> {
        let file = self.files.open(&self.info.path)?;
        if file.size() != self.info.bytes {
            return Err(format!("it has {} bytes and should have {}", file.size(), self.info.bytes).into());
        }
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let metadata = ArrowReaderMetadata::load(&Chunks(Arc::clone(&file)), options)?;
        let columns = self.info.columns.len() + system_columns(&self.info.schema).len();
        let described = metadata.metadata().file_metadata();
        if described.num_rows() != i64::from(self.info.rows) || metadata.schema().fields().len() != columns {
            return Err("it is another file than was written".into());
        }
        let place = described.key_value_metadata().into_iter().flatten().find(|entry| entry.key == INDEX_METADATA);
        let place = place.and_then(|entry| entry.value.as_deref()).ok_or("it has no index of its keys")?;
        let place: IndexPlace = serde_json::from_str(place)?;
        let first_keys = read_keys(&file.read(place.keys.0, place.keys.1)?).ok_or("its index is not readable")?;
        if first_keys.len() != (self.info.rows as usize).div_ceil(BLOCK_ROWS) {
            return Err("its index is another file's".into());
        }
        Ok(Opened { file, metadata, first_keys, filters: place.filters })
    }

    pub(super) fn filter(&self, opened: &Opened, group: u32) -> Result<Arc<Sbbf>> {
        if let Some(Cached::Filter(filter)) = self.cache.get(&(self.info.id, Part::Filter(group))) {
            return Ok(filter);
        }
        let place = opened.filters.get(group as usize);
        let (offset, length) = *place.ok_or_else(|| unreadable(&self.info.path, "a filter is missing"))?;
        let filter = Arc::new(Sbbf::new(&opened.file.read(offset, length)?));
        let bytes = length + CACHED_OVERHEAD_BYTES;
        self.cache.add((self.info.id, Part::Filter(group)), Cached::Filter(Arc::clone(&filter)), bytes);
        Ok(filter)
    }

    /// A block of rows, kept for the next who wants one of them.
    pub(super) fn block(&self, opened: &Opened, block: u32) -> Result<Arc<Block>> {
        if let Some(Cached::Block(block)) = self.cache.get(&(self.info.id, Part::Block(block))) {
            return Ok(block);
        }
        let read = Arc::new(self.read_blocks(opened, block..block + 1)?);
        let bytes: usize = read.columns.iter().map(|column| column.get_array_memory_size()).sum();
        let cached = Cached::Block(Arc::clone(&read));
        self.cache.add((self.info.id, Part::Block(block)), cached, bytes + CACHED_OVERHEAD_BYTES);
        Ok(read)
    }

    /// A piece of a column that was read before.
    pub(super) fn cached_piece(&self, column: usize, row: usize) -> Option<ArrayRef> {
        match self.cache.get(&(self.info.id, Part::Piece(column, row)))? {
            Cached::Piece(piece) => Some(piece),
            _ => None,
        }
    }

    /// Keeps a piece of a column, which takes so many bytes, for the next scan.
    pub(super) fn keep_piece(&self, column: usize, row: usize, piece: &ArrayRef, bytes: usize) {
        let cached = Cached::Piece(Arc::clone(piece));
        self.cache.offer((self.info.id, Part::Piece(column, row)), cached, bytes + CACHED_OVERHEAD_BYTES);
    }

    /// Reads blocks of one group.
    fn read_blocks(&self, opened: &Opened, blocks: Range<u32>) -> Result<Block> {
        let rows = self.info.rows as usize;
        let (first, end) = (blocks.start as usize * BLOCK_ROWS, (blocks.end as usize * BLOCK_ROWS).min(rows));
        let group = first / GROUP_ROWS;
        let (group_start, group_end) = (group * GROUP_ROWS, ((group + 1) * GROUP_ROWS).min(rows));
        let selected = first - group_start..end.min(group_end) - group_start;
        let selection =
            RowSelection::from_consecutive_ranges(std::iter::once(selected.clone()), group_end - group_start);
        let chunks = Chunks(Arc::clone(&opened.file));
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, opened.metadata.clone())
            .with_row_groups(vec![group])
            .with_row_selection(selection)
            // A mask would have the whole group decoded first.
            .with_row_selection_policy(RowSelectionPolicy::Selectors)
            .with_batch_size(selected.len())
            .build();
        let batch = reader.and_then(|mut reader| Ok(reader.next().transpose()?));
        match batch.map_err(|error| unreadable(&self.info.path, error))? {
            Some(batch) if batch.num_rows() == selected.len() => {
                Ok(Block { first: first as u32, columns: batch.columns().to_vec() })
            }
            _ => Err(unreadable(&self.info.path, "rows are missing")),
        }
    }

    /// Appends the key of a row of a block.
    fn append_key(&self, block: &Block, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let schema = &self.info.schema;
        match &schema.identity {
            RowIdentity::Hidden => append_hidden_row_key(schema.generation, schema.slice, block.row_number(row), out),
            RowIdentity::PrimaryKey(positions) => {
                let mut values = vec![Value::Null; schema.columns.len()];
                for &position in positions {
                    values[position] = self.cells(block, position)?.get(row)?.to_owned();
                }
                append_row_key(schema, schema.slice, &values, out);
            }
        }
        Ok(())
    }

    pub(super) fn cells<'a>(&self, block: &'a Block, position: usize) -> Result<FileCells<'a>> {
        let column_type = &self.info.schema.columns[position].column_type;
        FileCells::new(&block.columns[position], self.info.columns[position].encoding, column_type)
    }

    /// Appends rows of a block to `out`.
    fn decode(&self, block: &Block, range: Range<usize>, out: &mut Rows) -> Result<()> {
        let schema = &self.info.schema;
        let cells: Vec<FileCells<'_>> =
            (0..schema.columns.len()).map(|position| self.cells(block, position)).collect::<Result<_>>()?;
        let mut values = vec![Value::Null; schema.columns.len()];
        for row in range {
            for (value, cells) in values.iter_mut().zip(&cells) {
                *value = cells.get(row)?.to_owned();
            }
            match schema.identity {
                RowIdentity::Hidden => {
                    append_hidden_row_key(schema.generation, schema.slice, block.row_number(row), &mut out.bytes);
                }
                RowIdentity::PrimaryKey(_) => append_row_key(schema, schema.slice, &values, &mut out.bytes),
            }
            let key_end = out.bytes.len();
            append_row(schema, &values, &mut out.bytes);
            let (seq, updated_at) = block.stamp(row, schema.columns.len());
            stamp(&mut out.bytes[key_end..], seq, updated_at);
            out.ends.push((key_end, out.bytes.len()));
        }
        Ok(())
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> u32 {
        self.info.rows.div_ceil(BLOCK_ROWS as u32)
    }

    /// The block in which a key lies, if anywhere, and the first one without lesser keys than it.
    pub(super) fn block_of(&self, key: &[u8]) -> Result<u32> {
        Ok(self.opened()?.block_of(key) as u32)
    }

    /// The first keys of all blocks.
    pub(super) fn first_keys(&self) -> Result<Vec<Bytes>> {
        Ok(self.opened()?.first_keys.clone())
    }

    /// Replaces what `out` holds by the rows of some blocks of one group, and answers the position of the first.
    pub(super) fn read(&self, blocks: Range<u32>, out: &mut Rows) -> Result<u32> {
        out.clear();
        let opened = self.opened()?;
        let block = match blocks.len() {
            1 => self.block(&opened, blocks.start)?,
            _ => Arc::new(self.read_blocks(&opened, blocks)?),
        };
        self.decode(&block, 0..block.len(), out)?;
        Ok(block.first)
    }
}

impl Opened {
    pub(super) fn file(&self) -> Arc<dyn ReadFile> {
        Arc::clone(&self.file)
    }

    pub(super) fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    /// The last block whose first key is not greater.
    pub(super) fn block_of(&self, key: &[u8]) -> usize {
        self.first_keys.partition_point(|first| first[..] <= *key).saturating_sub(1)
    }
}

impl Block {
    /// Position of its first row.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    pub(super) fn len(&self) -> usize {
        self.columns.last().map_or(0, |column| column.len())
    }

    /// The hidden number of a row, in the last column.
    pub(super) fn row_number(&self, row: usize) -> u64 {
        let numbers = self.columns.last().and_then(|column| column.as_primitive_opt::<Int64Type>());
        numbers.map_or(0, |numbers| numbers.value(row) as u64)
    }

    /// Commit and time of a row, behind so many columns of the table.
    pub(super) fn stamp(&self, row: usize, columns: usize) -> (CommitSeq, i64) {
        let seqs = self.columns[columns].as_primitive_opt::<Int64Type>();
        let times = self.columns[columns + 1].as_primitive_opt::<TimestampMicrosecondType>();
        let seq = seqs.map_or(0, |seqs| seqs.value(row) as u64);
        (CommitSeq(seq), times.map_or(0, |times| times.value(row)))
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Key and value of a row.
    pub(super) fn get(&self, row: usize) -> Option<(&[u8], &[u8])> {
        let (key_end, end) = *self.ends.get(row)?;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before].1);
        Some((&self.bytes[start..key_end], &self.bytes[key_end..end]))
    }
}

/// The keys that a file's index lists.
fn read_keys(bytes: &Bytes) -> Option<Vec<Bytes>> {
    let mut keys = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?) as usize;
        let end = at.checked_add(4)?.checked_add(length).filter(|end| *end <= bytes.len())?;
        keys.push(bytes.slice(at + 4..end));
        at = end;
    }
    Some(keys)
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Chunks {
    type T = ChunkStream;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(ChunkStream { file: Arc::clone(&self.0), at: start, ahead: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.0.read(start, length).map_err(passed_on)
    }
}

/// A file read from a place on.
pub(super) struct ChunkStream {
    file: Arc<dyn ReadFile>,
    at: u64,
    ahead: Bytes,
}

/// What is read ahead of who reads little by little.
const AHEAD_BYTES: u64 = 8 << 10;

impl std::io::Read for ChunkStream {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.ahead.is_empty() {
            let length = AHEAD_BYTES.min(self.file.size().saturating_sub(self.at));
            self.ahead = self.file.read(self.at, length as usize).map_err(std::io::Error::other)?;
            self.at += length;
        }
        let taken = self.ahead.split_to(self.ahead.len().min(out.len()));
        out[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
