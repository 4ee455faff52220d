//! Flush: the hot rows of a table become segments.
//!
//! The rows are read from a snapshot and written to files whose names were recorded before; then one commit names the files
//! in the manifest and deletes the rows. What was written meanwhile stays hot, and its old version is marked in the segment.
//! Until that commit nobody sees anything of it, and a crash leaves nothing but files that the next start deletes.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::commit::{CommitRequest, Move, Watching};
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::{KeyRange, RowKey};
use crate::kv::{Batch, Direction, Family};
use crate::row::StoredRow;
use crate::schema::TableSchema;
use crate::segment::{Segment, SegmentColumn, SegmentInfo, SegmentWriter, expresses};
use crate::store::{Store, meta};

/// A segment is closed with so many rows, or so many bytes; another one goes on.
const SEGMENT_ROWS_MAX: u32 = if cfg!(test) { 40 } else { 8 << 20 };
const SEGMENT_BYTES_MAX: usize = 1 << 30;

/// Rows that are read at a time.
const PIECE_ROWS: usize = if cfg!(test) { 7 } else { 4096 };

/// Places of changed rows are looked up before the commit until there are no more than so many new ones.
const UNLOCATED_MAX: usize = 100;

/// What to flush and how to write it.
pub struct Flush {
    pub table: Arc<TableSchema>,
    /// Names and encodings of its columns.
    pub columns: Vec<SegmentColumn>,
    /// Folder of its segments.
    pub folder: String,
}

/// What a flush came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushReport {
    pub rows: u64,
    pub files: u64,
    /// Sizes of the files together.
    pub bytes: u64,
}

/// What has been written, and what has not.
#[derive(Default)]
struct Written {
    segments: Vec<SegmentInfo>,
    /// Rows that files cannot express.
    kept: HashSet<Bytes>,
}

impl Store {
    /// Flushes the hot rows of a table. The caller holds a lock on the table that keeps its definition as it is, and other
    /// flushes away. `MoveLost`: too much was written meanwhile; it can be tried again.
    pub async fn flush_table(&self, flush: Flush) -> Result<FlushReport> {
        if self.hot_rows(flush.table.generation)? == 0 {
            return Ok(FlushReport::default());
        }
        let flush = Arc::new(flush);
        let watching = self.moves().watch(flush.table.generation).ok_or(Error::MoveLost)?;
        // Commits that were ordered before the watch began are in every snapshot from here on.
        let barrier = CommitRequest::new(self.next_transaction(), self.published());
        self.committer().submit(barrier).await?;
        let (store, work) = (self.clone(), Arc::clone(&flush));
        let written = tokio::task::spawn_blocking(move || store.write_hot_rows(&work)).await;
        let mut written = written.map_err(|_| Error::Io("writing segments has panicked".into()))??;
        if written.segments.is_empty() {
            return Ok(FlushReport::default());
        }
        let report = FlushReport {
            rows: written.segments.iter().map(|info| u64::from(info.rows)).sum(),
            files: written.segments.len() as u64,
            bytes: written.segments.iter().map(|info| info.bytes).sum(),
        };
        let segments = std::mem::take(&mut written.segments);
        let segments: Vec<Arc<Segment>> = segments
            .into_iter()
            .map(|info| Segment::new(info, Arc::clone(self.files()), Arc::clone(self.blocks()), self.published()))
            .map(Arc::new)
            .collect();
        match self.move_rows(&flush, Arc::new(watching), segments.clone(), written.kept).await {
            // Nobody can say whether the manifest names them; the next start can.
            Err(error @ Error::CommitOutcomeUnknown { .. }) => return Err(error),
            Err(error) => {
                segments.iter().for_each(|segment| self.abandon(segment.info()));
                return Err(error);
            }
            Ok(()) => {}
        }
        self.sweep_segments()?;
        Ok(report)
    }

    /// Writes the hot rows of the table to segments.
    fn write_hot_rows(&self, flush: &Flush) -> Result<Written> {
        let mut written = Written::default();
        let mut open: Option<SegmentWriter> = None;
        let result = self.write_each(flush, &mut written, &mut open).and_then(|()| match open.take() {
            Some(writer) => writer.finish().map(|info| written.segments.push(info)),
            None => Ok(()),
        });
        if let Err(error) = result {
            written.segments.iter().for_each(|info| self.abandon(info));
            return Err(error);
        }
        Ok(written)
    }

    fn write_each(&self, flush: &Flush, written: &mut Written, open: &mut Option<SegmentWriter>) -> Result<()> {
        let table = &flush.table;
        let stamp = self.generation_stamp(table.generation);
        let newest = self.published_state();
        let mut rest = KeyRange::generation(table.generation);
        loop {
            let mut rows = Vec::new();
            newest.snapshot.hot().scan(Family::Rows, &rest, Direction::Forward, &mut |key, bytes| {
                let key = RowKey::from_bytes(Bytes::copy_from_slice(key));
                rows.push(StoredRow { key, bytes: Bytes::copy_from_slice(bytes) });
                if rows.len() < PIECE_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            let Some(last) = rows.last() else { return Ok(()) };
            rest.start = [last.key.as_bytes(), &[0]].concat().into();
            for row in &rows {
                self.write_one(flush, row, written, open, stamp)?;
            }
        }
    }

    fn write_one(
        &self,
        flush: &Flush,
        row: &StoredRow,
        written: &mut Written,
        open: &mut Option<SegmentWriter>,
        stamp: Option<(crate::CommitSeq, i64)>,
    ) -> Result<()> {
        if !expresses(&flush.columns, &flush.table, row)? {
            written.kept.insert(row.key.clone().into_bytes());
            return Ok(());
        }
        let is_full =
            |writer: &mut SegmentWriter| writer.rows() >= SEGMENT_ROWS_MAX || writer.bytes() >= SEGMENT_BYTES_MAX;
        if let Some(full) = open.take_if(is_full) {
            written.segments.push(full.finish()?);
        }
        let writer = match open {
            Some(writer) => writer,
            None => open.insert(self.begin_segment(flush)?),
        };
        writer.push(&flush.table, row, stamp)
    }

    /// Begins a file under a name that is recorded first.
    fn begin_segment(&self, flush: &Flush) -> Result<SegmentWriter> {
        let id = self.allocate_generation()?;
        let path = format!("{}/batch-{}.parquet", flush.folder, id.0);
        let mut batch = Batch::with_capacity(1);
        batch.put(Family::Meta, meta::upload_key(id), path.clone().into_bytes());
        self.write_own(|kv| kv.write(&batch).and_then(|()| kv.sync()))?;
        let now_us = self.environment().now_us();
        SegmentWriter::create(self.files().as_ref(), id, path, &flush.table, &flush.columns, now_us)
    }

    /// Deletes the file of a segment that did not come to be.
    fn abandon(&self, info: &SegmentInfo) {
        let mut batch = Batch::with_capacity(1);
        batch.delete(Family::Meta, meta::upload_key(info.id));
        let deleted = self.files().delete(&info.path).and_then(|()| self.write_own(|kv| kv.write(&batch)));
        if let Err(error) = deleted {
            tracing::warn!(%error, path = info.path, "a file is left to the next start to delete");
        }
    }

    /// Commits that the rows are in the segments.
    async fn move_rows(
        &self,
        flush: &Flush,
        watching: Arc<Watching>,
        added: Vec<Arc<Segment>>,
        kept: HashSet<Bytes>,
    ) -> Result<()> {
        let emptied = added.iter().map(|segment| {
            let info = segment.info();
            KeyRange { start: info.first_key.clone().into(), end: [&info.last_key[..], &[0]].concat().into() }
        });
        let mut moved = Move {
            generation: flush.table.generation,
            watching,
            emptied: emptied.collect(),
            added,
            removed: Vec::new(),
            kept,
            located: FxHashMap::default(),
        };
        loop {
            let before = moved.located.len();
            moved = tokio::task::spawn_blocking(move || moved.look_up().map(|()| moved))
                .await
                .map_err(|_| Error::Io("looking up rows has panicked".into()))??;
            if moved.located.len() - before <= UNLOCATED_MAX {
                break;
            }
        }
        let closed = self.moves().close().await;
        let mut request = CommitRequest::new(self.next_transaction(), self.published());
        request.moved = Some(Box::new(moved));
        let result = self.committer().submit(request).await;
        drop(closed);
        result.map(drop)
    }

    /// The table's rows that are hot.
    pub fn hot_rows(&self, generation: GenerationId) -> Result<u64> {
        self.newest().snapshot.hot().approximate_entries(Family::Rows, &KeyRange::generation(generation))
    }
}
