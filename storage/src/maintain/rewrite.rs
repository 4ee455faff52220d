//! Rewriting: rows are read where they are, written to new segments, and moved there by one commit.
//!
//! Flush and compaction are this, and differ in which rows they read and what they leave behind.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::commit::{CommitRequest, Move, Watching};
use crate::error::{Error, Result};
use crate::id::GenerationId;
use crate::key::KeyRange;
use crate::kv::{Batch, Family};
use crate::row::StoredRow;
use crate::schema::TableSchema;
use crate::segment::{
    PageCompression, PlaceId, PlacePath, Segment, SegmentColumn, SegmentInfo, SegmentWriter, Tiered, expresses,
};
use crate::slice::Slice;
use crate::store::{Store, meta};

/// A segment is closed with so many rows, or so many bytes; another one goes on.
pub(super) const SEGMENT_ROWS_MAX: u32 = if cfg!(test) { 40 } else { 8 << 20 };
pub(super) const SEGMENT_BYTES_MAX: usize = 1 << 30;

/// Rows that are read at a time.
const PIECE_ROWS: usize = if cfg!(test) { 7 } else { 4096 };

/// Places of changed rows are looked up before the commit until there are no more than so many new ones.
const UNLOCATED_MAX: usize = 100;

/// Which table's rows are written anew, and how.
pub struct Rewrite {
    pub table: Arc<TableSchema>,
    /// Names and encodings of its columns.
    pub columns: Vec<SegmentColumn>,
    pub compression: PageCompression,
    /// Where its segments go.
    pub place: Option<PlaceId>,
    /// Folder of its segments there; those of each slice of a divided table have one of their own within.
    pub folder: String,
    /// A slice of a divided table is flushed only if it has so many hot rows; `None`: as suits the number of slices.
    pub slice_rows_min: Option<u64>,
    pub progress: Arc<Progress>,
}

/// How far a rewrite has come, for others to see while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    given_up: AtomicBool,
}

impl Progress {
    /// Rows that were written so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// What a flush or a compaction came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RewriteReport {
    /// Rows that were moved.
    pub rows: u64,
    /// Segments that were written.
    pub files: u64,
    /// Sizes of the files together.
    pub bytes: u64,
    /// Hot rows that stay hot: files cannot express them, or they are of a small slice.
    pub kept: u64,
}

/// What has been written, and what has not.
struct Written {
    segments: Vec<SegmentInfo>,
    files: Begun,
    /// Rows that files cannot express.
    kept: HashSet<Bytes>,
}

/// The files that were begun. They are deleted unless somebody takes them over.
struct Begun {
    store: Store,
    files: Vec<(GenerationId, String)>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.store.abandon(&self.files);
    }
}

/// Tells the thread that writes that nobody waits for it any more.
struct GiveUp(Arc<Progress>);

impl GiveUp {
    /// Somebody waits, also if this is not the first part of a move.
    fn begin(progress: &Arc<Progress>) -> Self {
        progress.given_up.store(false, Ordering::Relaxed);
        Self(Arc::clone(progress))
    }
}

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

/// The rows that are moved.
pub(super) trait Source: Send + Sync + 'static {
    /// The next rows of a range in a state of the store, in the order of their keys, `max` at most; none at the end.
    fn next(&self, state: &Tiered, rest: &KeyRange, max: usize) -> Result<Vec<StoredRow>>;

    /// The segments that the rows leave; none if they were hot.
    fn replaced(&self) -> &[Arc<Segment>];

    /// Whether there is something to move.
    fn is_worth_it(&self, state: &Tiered) -> Result<bool>;
}

impl Store {
    /// Moves rows to new segments.
    pub(super) async fn rewrite(&self, rewrite: Arc<Rewrite>, source: Arc<impl Source>) -> Result<RewriteReport> {
        if !source.is_worth_it(&self.newest().snapshot)? {
            return Ok(RewriteReport::default());
        }
        let watching = self.moves().watch(rewrite.table.generation).ok_or(Error::MoveLost)?;
        // Commits that were ordered before the watch began are in every snapshot from here on.
        let barrier = CommitRequest::new(self.next_transaction(), self.published());
        self.committer().submit(barrier).await?;
        // The watch tells of segments that go from now on; some may have gone since they were chosen.
        let is_there = |segment: &Arc<Segment>| {
            let info = segment.info();
            self.newest().snapshot.manifest().find(info.generation(), info.id).is_some()
        };
        if !source.replaced().iter().all(is_there) {
            return Err(Error::MoveLost);
        }
        let (store, work, rows) = (self.clone(), Arc::clone(&rewrite), Arc::clone(&source));
        let give_up = GiveUp::begin(&rewrite.progress);
        let written = tokio::task::spawn_blocking(move || store.write_rows(&work, rows.as_ref())).await;
        let mut written = written.map_err(|_| Error::Io("writing segments has panicked".into()))??;
        if written.segments.is_empty() && source.replaced().is_empty() {
            return Ok(RewriteReport { kept: written.kept.len() as u64, ..RewriteReport::default() });
        }
        let report = RewriteReport {
            rows: written.segments.iter().map(|info| u64::from(info.rows)).sum(),
            files: written.segments.len() as u64,
            bytes: written.segments.iter().map(|info| info.bytes).sum(),
            kept: written.kept.len() as u64,
        };
        let (infos, kept) = (std::mem::take(&mut written.segments), std::mem::take(&mut written.kept));
        let segments: Vec<Arc<Segment>> = infos
            .into_iter()
            .map(|info| Segment::new(info, Arc::clone(self.files()), Arc::clone(self.blocks()), self.published()))
            .map(Arc::new)
            .collect();
        let moved =
            self.move_rows(&rewrite, source.replaced(), Arc::new(watching), segments, kept, written.files).await;
        drop(give_up);
        moved.map(|()| report)
    }

    /// Writes the rows to segments.
    fn write_rows(&self, rewrite: &Rewrite, source: &impl Source) -> Result<Written> {
        let files = Begun { store: self.clone(), files: Vec::new() };
        let mut written = Written { segments: Vec::new(), files, kept: HashSet::new() };
        let mut open: Option<SegmentWriter> = None;
        let result = self.write_each(rewrite, source, &mut written, &mut open).and_then(|()| match open.take() {
            Some(writer) => writer.finish().map(|info| written.segments.push(info)),
            None => Ok(()),
        });
        let result = result.and_then(|()| match written.kept.is_empty() || source.replaced().is_empty() {
            true => Ok(()),
            false => Err(Error::Corrupt { reason: "a segment has a row that it cannot express".into() }),
        });
        // Before the files are deleted.
        drop(open);
        result.map(|()| written)
    }

    fn write_each(
        &self,
        rewrite: &Rewrite,
        source: &impl Source,
        written: &mut Written,
        open: &mut Option<SegmentWriter>,
    ) -> Result<()> {
        let table = &rewrite.table;
        let stamp = self.generation_stamp(table.generation);
        let newest = self.published_state();
        let mut rest = KeyRange::generation(table.generation);
        loop {
            let rows = source.next(&newest.snapshot, &rest, PIECE_ROWS)?;
            let Some(last) = rows.last() else { return Ok(()) };
            rest.start = [last.key.as_bytes(), &[0]].concat().into();
            for row in &rows {
                self.write_one(rewrite, row, written, open, stamp)?;
            }
            rewrite.progress.rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
            if rewrite.progress.given_up.load(Ordering::Relaxed) {
                return Err(Error::Io("moving rows was given up".into()));
            }
        }
    }

    fn write_one(
        &self,
        rewrite: &Rewrite,
        row: &StoredRow,
        written: &mut Written,
        open: &mut Option<SegmentWriter>,
        stamp: Option<(crate::CommitSeq, i64)>,
    ) -> Result<()> {
        if !expresses(&rewrite.columns, &rewrite.table, row)? {
            written.kept.insert(row.key.clone().into_bytes());
            return Ok(());
        }
        let slice = rewrite.table.slice.of_key(row.key.as_bytes());
        let is_full = |writer: &mut SegmentWriter| {
            writer.rows() >= SEGMENT_ROWS_MAX || writer.bytes() >= SEGMENT_BYTES_MAX || writer.slice() != slice
        };
        if let Some(full) = open.take_if(is_full) {
            written.segments.push(full.finish()?);
        }
        let writer = match open {
            Some(writer) => writer,
            None => open.insert(self.begin_segment(rewrite, slice, &mut written.files.files)?),
        };
        writer.push(&rewrite.table, row, stamp)
    }

    /// Begins a file under a name that is recorded first.
    fn begin_segment(
        &self,
        rewrite: &Rewrite,
        slice: Slice,
        files: &mut Vec<(GenerationId, String)>,
    ) -> Result<SegmentWriter> {
        let id = self.allocate_generation()?;
        let path = self.segment_path(rewrite, slice, id);
        files.push((id, path.clone()));
        let mut batch = Batch::with_capacity(1);
        batch.put(Family::Meta, meta::upload_key(id), path.clone().into_bytes());
        self.write_own(|kv| kv.write(&batch).and_then(|()| kv.sync()))?;
        let now_us = self.environment().now_us();
        let columns = (&rewrite.columns[..], rewrite.compression);
        SegmentWriter::create(self.files().as_ref(), id, path, &rewrite.table, slice, columns, now_us)
    }

    fn segment_path(&self, rewrite: &Rewrite, slice: Slice, id: GenerationId) -> String {
        let folder = match slice {
            Slice::One(slice) => format!("{}/{}", rewrite.folder, slice.0),
            Slice::Undivided | Slice::Every => rewrite.folder.clone(),
        };
        let name = match rewrite.place {
            None => format!("{folder}/batch-{}.parquet", id.0),
            // Copies of this store count on as it does, and may know the same place.
            Some(_) => format!("{folder}/batch-{}-{:08x}.parquet", id.0, self.timeline() as u32),
        };
        PlacePath { place: rewrite.place, path: &name }.to_string()
    }

    /// Deletes the files of segments that did not come to be.
    fn abandon(&self, files: &[(GenerationId, String)]) {
        for (id, path) in files {
            let mut batch = Batch::with_capacity(1);
            batch.delete(Family::Meta, meta::upload_key(*id));
            let deleted = self.files().delete(path).and_then(|()| self.write_own(|kv| kv.write(&batch)));
            if let Err(error) = deleted {
                tracing::warn!(%error, path, "a file is left to the next start to delete");
            }
        }
    }

    /// Commits that the rows are in the segments.
    async fn move_rows(
        &self,
        rewrite: &Rewrite,
        replaced: &[Arc<Segment>],
        watching: Arc<Watching>,
        added: Vec<Arc<Segment>>,
        kept: HashSet<Bytes>,
        mut files: Begun,
    ) -> Result<()> {
        // Rows that come from segments were not hot.
        let hot = added.iter().filter(|_| replaced.is_empty());
        let emptied = hot.map(|segment| {
            let info = segment.info();
            KeyRange { start: info.first_key.clone().into(), end: [&info.last_key[..], &[0]].concat().into() }
        });
        let mut moved = Move {
            generation: rewrite.table.generation,
            watching,
            emptied: emptied.collect(),
            added,
            removed: replaced.iter().map(|segment| segment.info().id).collect(),
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
        let is_hot = !moved.emptied.is_empty();
        let store = self.clone();
        // Nobody may give this up half-way: the gate stays closed until the move has its place.
        let decided = tokio::spawn(async move {
            let _closed = store.moves().close().await;
            let mut request = CommitRequest::new(store.next_transaction(), store.published());
            request.moved = Some(Box::new(moved));
            // From here on the manifest may name them, also if this task is not there to learn of it.
            let names = std::mem::take(&mut files.files);
            let decided = store.committer().submit(request).await;
            match &decided {
                // Nobody can say now; the next start can.
                Ok(_) | Err(Error::CommitOutcomeUnknown { .. }) => {}
                Err(_) => store.abandon(&names),
            }
            decided
        });
        decided.await.map_err(|_| Error::Io("moving rows has panicked".into()))??;
        if is_hot {
            let kv = Arc::clone(self.kv_handle());
            // The rows have been moved, whatever becomes of this.
            tokio::task::spawn_blocking(move || kv.flush_hidden(Family::Rows));
        }
        Ok(())
    }
}
