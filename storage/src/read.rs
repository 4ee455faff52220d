//! Reading: a view of the database at one moment, and walks over it.
//!
//! A view is a published snapshot and, inside a transaction, what the transaction itself had written when the view was
//! taken. It is cheap to clone and belongs to nobody. Walks answer bounded pieces and keep nothing open in between.

mod estimate;
mod items;
mod merge;
mod stream;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, UInt64Builder};
use bytes::Bytes;

use crate::commit::Published;
use crate::error::{Error, Result};
use crate::id::{CommitSeq, GenerationId};
use crate::key::{KeyRange, RowKey, kept_in};
use crate::kv::{Direction, Family, KvSnapshot, SortedRun};
use crate::row::{RowDecoder, StoredRow};
use crate::schema::{IndexSchema, TableSchema};
use crate::segment::{ColdBatches, ValueRange};
use crate::slice::Slice;
use crate::transaction::{AsideView, FoundRow, Overlay, ReadLog};
use crate::value::FixedPoint;
pub use estimate::TierRows;
pub use items::{ItemQuery, ItemScan};
use merge::{Emit, Walk};
use stream::StreamWalk;
pub(crate) use stream::{count_newest, slice_ranges, surplus_of};

/// The database at one moment.
#[derive(Clone)]
pub struct ReadView {
    published: Arc<Published>,
    overlay: Option<Overlay>,
    aside: Option<Arc<AsideView>>,
    reads: Option<Arc<ReadLog>>,
}

impl ReadView {
    /// What is committed, and nothing else.
    pub(crate) fn of_published(published: Arc<Published>) -> Self {
        Self { published, overlay: None, aside: None, reads: None }
    }

    pub(crate) fn of_transaction(
        published: Arc<Published>,
        overlay: Option<Overlay>,
        aside: Option<Arc<AsideView>>,
        reads: Option<Arc<ReadLog>>,
    ) -> Self {
        Self { published, overlay, aside, reads }
    }

    /// Every commit up to here is in the view.
    pub fn seq(&self) -> CommitSeq {
        self.published.seq
    }

    /// The row with this key.
    pub fn get(&self, table: &TableSchema, key: &RowKey) -> Result<Option<StoredRow>> {
        if !self.published.streams.shows(table, key) {
            return Ok(None);
        }
        let bytes = self.read(table.family(), key.as_bytes(), || key.clone().into_bytes())?;
        Ok(bytes.map(|bytes| StoredRow { key: key.clone(), bytes }))
    }

    /// The rows that a walk over this view has found, one answer for each. Damage, if one is not there.
    pub fn fetch(&self, table: &TableSchema, found: &[FoundRow]) -> Result<Vec<StoredRow>> {
        let (family, Some(first)) = (table.family(), found.first()) else { return Ok(Vec::new()) };
        let keys: Vec<&[u8]> = found.iter().map(|row| row.key.as_bytes()).collect();
        let mut values = match &self.aside {
            Some(aside) if aside.holds(family, first.key.as_bytes()) => aside.snapshot()?.multi_get(family, &keys)?,
            _ => self.published.get_many(family, &keys)?,
        };
        if let Some(overlay) = &self.overlay {
            for (value, key) in values.iter_mut().zip(keys) {
                if let Some(own) = overlay.get(family, key)? {
                    *value = own;
                }
            }
        }
        let rows = found.iter().zip(values).map(|(row, value)| match value {
            Some(bytes) => Ok(StoredRow { key: row.key.clone(), bytes }),
            None => Err(Error::Corrupt { reason: "a row is not where a walk has found it".into() }),
        });
        rows.collect()
    }

    /// A definition.
    pub fn get_entry(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.read(Family::Catalog, key, || Bytes::copy_from_slice(key))
    }

    /// The definitions whose keys begin with `prefix`, in order.
    pub fn scan_entries(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        self.entries(Family::Catalog, prefix)
    }

    /// Shows the committed definitions whose keys begin with `prefix` and are not before `from`, in order, until `see`
    /// answers `Break`. None is kept in memory.
    #[allow(clippy::type_complexity)]
    pub fn walk_entries(
        &self,
        prefix: &[u8],
        from: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        debug_assert!(self.overlay.is_none(), "a walk that passes over what a transaction has defined itself");
        let mut range = KeyRange::prefix(prefix);
        if range.start.as_ref() < from {
            range.start = Bytes::copy_from_slice(from);
        }
        self.published.snapshot.hot().scan(Family::Catalog, &range, Direction::Forward, see)
    }

    /// Shows the events whose keys begin with `prefix`, in order or in the reverse, until `see` answers `Break`. None is
    /// kept in memory.
    #[allow(clippy::type_complexity)]
    pub fn walk_events(
        &self,
        prefix: &[u8],
        direction: Direction,
        see: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<()> {
        debug_assert!(self.overlay.is_none(), "nobody looks at events that he has written himself");
        let (hot, range) = (self.published.snapshot.hot(), KeyRange::prefix(prefix));
        match direction {
            Direction::Forward => hot.scan_once(Family::Log, &range, see),
            Direction::Backward => hot.scan(Family::Log, &range, direction, see),
        }
    }

    fn entries(&self, family: Family, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        let mut entries = Vec::new();
        let mut walk = Walk::new(family, KeyRange::prefix(prefix), Direction::Forward);
        self.step(&mut walk, usize::MAX, &mut |key, value| {
            entries.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Walks the rows of a range of the table's keys.
    pub fn scan(&self, table: &Arc<TableSchema>, range: &KeyRange, direction: Direction) -> RowScan {
        debug_assert!(inside(table.generation, range), "a range of another table");
        let stream = StreamWalk::of(table, range, direction);
        RowScan { view: self.clone(), walk: Walk::new(Family::Rows, range.clone(), direction), stream }
    }

    /// Walks the rows of a range as Arrow columns: those of `projection`, and with `with_key` the row's key (Binary) and
    /// its commit sequence (UInt64; zero for one that this transaction wrote, or that carries its generation's).
    pub fn scan_batches(
        &self,
        table: &Arc<TableSchema>,
        range: &KeyRange,
        projection: &[usize],
        with_key: bool,
    ) -> BatchScan {
        debug_assert!(inside(table.generation, range), "a range of another table");
        BatchScan {
            view: self.clone(),
            table: Arc::clone(table),
            range: range.clone(),
            projection: projection.iter().map(|&position| (position, None)).collect(),
            walk: Walk::new(Family::Rows, range.clone(), Direction::Forward),
            decoder: RowDecoder::new(table, projection),
            with_key,
            with_stamps: false,
            asked: Vec::new(),
            tiers: if table.stream.is_some() { Tiers::Merged } else { Tiers::Unknown },
            kept_of: Slice::Undivided,
            stream: StreamWalk::of(table, range, Direction::Forward),
        }
    }

    /// Walks the deleted rows of a table that are kept, in the order in which they were deleted, as Arrow columns.
    /// With `with_key` each comes with the key that it is kept under, as [`ReadView::scan_batches`] has it.
    pub fn scan_trash(&self, table: &Arc<TableSchema>, projection: &[usize], with_key: bool) -> BatchScan {
        let mut scan = self.scan_batches(table, &KeyRange::generation(table.generation), projection, with_key);
        scan.kept_of = table.slice;
        scan.walk.family = Family::Trash;
        scan.tiers = Tiers::Merged;
        scan.stream = None;
        scan
    }

    /// The same row by row, each under the key that it is kept under.
    pub(crate) fn scan_trash_rows(&self, generation: GenerationId) -> RowScan {
        let walk = Walk::new(Family::Trash, KeyRange::generation(generation), Direction::Forward);
        RowScan { view: self.clone(), walk, stream: None }
    }

    /// Finds the rows that have items in an index of such, in the order of their keys: those that a row must have which the
    /// caller looks for. They may be more than he looks for.
    pub fn scan_items(&self, table: &Arc<TableSchema>, index: &IndexSchema, query: &ItemQuery) -> ItemScan {
        ItemScan::new(self.clone(), table, index, query)
    }

    /// Walks the rows of a range of an index, in the index's order.
    pub fn scan_index(
        &self,
        _table: &Arc<TableSchema>,
        index: &IndexSchema,
        range: &KeyRange,
        direction: Direction,
    ) -> IndexScan {
        debug_assert!(inside(index.generation, range), "a range of another index");
        IndexScan { view: self.clone(), walk: Walk::new(Family::Index, range.clone(), direction) }
    }

    /// How many of a table's segments may have rows in one of the ranges, and how many it has. Of a table that is cut to
    /// a slice only the slice's are counted.
    pub fn segments_near(&self, table: &TableSchema, ranges: &[KeyRange]) -> (usize, usize) {
        let segments = self.published.snapshot.manifest().near(&table.rows());
        let near = segments.iter().filter(|segment| ranges.iter().any(|range| segment.info().overlaps(range)));
        (near.count(), segments.len())
    }

    /// Up to `parts` ranges that make up `range`, of similar size as far as that is cheap to know.
    pub fn split(&self, table: &TableSchema, range: &KeyRange, parts: usize) -> Vec<KeyRange> {
        if range.is_empty() {
            return Vec::new();
        }
        // What is wanted of a stream lies here and there.
        if table.stream.is_some() {
            return vec![range.clone()];
        }
        let points = match self.base(Family::Rows, &range.start) {
            Ok(base) if parts > 1 => base.split_points(Family::Rows, range, parts).unwrap_or_default(),
            _ => Vec::new(),
        };
        let mut ranges = Vec::with_capacity(points.len() + 1);
        let mut start = range.start.clone();
        for point in points.into_iter().filter(|point| range.contains(point)) {
            if start < point {
                ranges.push(KeyRange { start, end: point.clone() });
                start = point;
            }
        }
        ranges.push(KeyRange { start, end: range.end.clone() });
        ranges
    }

    /// A value by its key; `owned` makes the key for the log of a serializable transaction.
    fn read(&self, family: Family, key: &[u8], owned: impl FnOnce() -> Bytes) -> Result<Option<Bytes>> {
        if let Some(overlay) = &self.overlay
            && let Some(own) = overlay.get(family, key)?
        {
            return Ok(own);
        }
        if let Some(reads) = &self.reads {
            reads.key(family, &owned());
        }
        self.base(family, key)?.get(family, key)
    }

    /// What lies under the transaction's own writes, for keys of this key's generation.
    fn base(&self, family: Family, key: &[u8]) -> Result<&dyn KvSnapshot> {
        if let Some(aside) = &self.aside
            && aside.holds(family, key)
        {
            return aside.snapshot();
        }
        Ok(&self.published.snapshot)
    }

    /// The cold rows of a range by themselves, if this transaction has written none of its keys and keeps no account of
    /// what it reads.
    fn cold_batches(
        &self,
        table: &Arc<TableSchema>,
        range: &KeyRange,
        projection: &[(usize, Option<FixedPoint>)],
        stamps: bool,
    ) -> Result<Tiers> {
        let own =
            self.overlay.as_ref().map(|own| own.collect(Family::Rows, range, Direction::Forward, 1)).transpose()?;
        if self.reads.is_some() || own.is_some_and(|own| !own.is_empty()) {
            return Ok(Tiers::Merged);
        }
        let cold = self.published.snapshot.cold_batches(table, range, projection, stamps)?;
        Ok(cold.map_or(Tiers::Merged, |cold| Tiers::Apart(Some(Box::new(cold)))))
    }

    /// The rows that entries of an index name.
    fn rows_of_entries(&self, keys: Vec<RowKey>) -> Result<Vec<StoredRow>> {
        let mut rows = Vec::with_capacity(keys.len());
        let Some(first) = keys.first() else { return Ok(rows) };
        let base = self.base(Family::Rows, first.as_bytes())?;
        let key_bytes: Vec<&[u8]> = keys.iter().map(RowKey::as_bytes).collect();
        let committed = base.multi_get(Family::Rows, &key_bytes)?;
        for (key, committed) in keys.into_iter().zip(committed) {
            if let Some(reads) = &self.reads {
                reads.key(Family::Rows, &key.clone().into_bytes());
            }
            let own = match &self.overlay {
                None => None,
                Some(overlay) => overlay.get(Family::Rows, key.as_bytes())?,
            };
            match own.unwrap_or(committed) {
                Some(bytes) => rows.push(StoredRow { key, bytes }),
                None => {
                    return Err(Error::Corrupt { reason: "an index entry points to a row that is not there".into() });
                }
            }
        }
        Ok(rows)
    }

    /// Goes on with a walk, and remembers what a serializable transaction has walked.
    fn step(&self, walk: &mut Walk, max: usize, emit: &mut Emit<'_>) -> Result<()> {
        let Some(reads) = &self.reads else { return self.step_unlogged(walk, max, emit) };
        if walk.is_done() {
            return Ok(());
        }
        let before = walk.rest().clone();
        self.step_unlogged(walk, max, emit)?;
        reads.range(walk.family, walk.walked_since(&before));
        Ok(())
    }

    fn step_unlogged(&self, walk: &mut Walk, max: usize, emit: &mut Emit<'_>) -> Result<()> {
        if walk.is_done() {
            return Ok(());
        }
        let base = self.base(walk.family, &walk.rest().start)?;
        walk.step(base, self.overlay.as_ref(), max, emit)
    }
}

/// The commit sequence that a stored row begins with (see [`crate::row`]).
pub(crate) fn commit_seq(row: &[u8]) -> Result<CommitSeq> {
    match row.first_chunk::<8>() {
        Some(bytes) => Ok(CommitSeq(u64::from_le_bytes(*bytes))),
        None => Err(Error::Corrupt { reason: "a row is shorter than its header".into() }),
    }
}

/// Whether a range stays within one generation.
fn inside(generation: GenerationId, range: &KeyRange) -> bool {
    let whole = KeyRange::generation(generation);
    range.is_empty() || (whole.start <= range.start && range.end <= whole.end)
}

/// A walk over rows.
pub struct RowScan {
    view: ReadView,
    walk: Walk,
    /// Instead of the walk, if the rows are a stream's.
    stream: Option<StreamWalk>,
}

impl RowScan {
    /// The next rows, `max_rows` at most; none when the walk is over.
    pub fn next(&mut self, max_rows: usize) -> Result<Vec<StoredRow>> {
        let mut rows = Vec::new();
        self.step(max_rows, &mut |key, value| {
            let key = RowKey::from_bytes(Bytes::copy_from_slice(key));
            rows.push(StoredRow { key, bytes: Bytes::copy_from_slice(value) });
            Ok(())
        })?;
        Ok(rows)
    }

    /// Exchanges what `run` holds for the keys and bytes of the next rows, `max_rows` at most; none when the walk is over.
    pub(crate) fn next_run(&mut self, max_rows: usize, run: &mut SortedRun) -> Result<()> {
        run.clear();
        self.step(max_rows, &mut |key, value| match run.push(key, value) {
            true => Ok(()),
            false => Err(Error::Corrupt { reason: "rows are not in the order of their keys".into() }),
        })
    }

    fn step(&mut self, max: usize, emit: &mut Emit<'_>) -> Result<()> {
        match &mut self.stream {
            Some(stream) => stream.step(&self.view, max, emit),
            None => self.view.step(&mut self.walk, max, emit),
        }
    }
}

/// A walk over rows that answers Arrow columns.
pub struct BatchScan {
    view: ReadView,
    table: Arc<TableSchema>,
    range: KeyRange,
    projection: Vec<(usize, Option<FixedPoint>)>,
    walk: Walk,
    decoder: RowDecoder,
    with_key: bool,
    with_stamps: bool,
    asked: Vec<ValueRange>,
    tiers: Tiers,
    /// Of deleted rows, which lie together in the order of time, those of this slice are answered.
    kept_of: Slice,
    /// Instead of the walk, if the rows are a stream's.
    stream: Option<StreamWalk>,
}

/// How a walk over columns takes the two tiers.
enum Tiers {
    /// It has not begun.
    Unknown,
    /// Row by row, laid over one another.
    Merged,
    /// First what is cold, as files have it; then what is hot.
    Apart(Option<Box<ColdBatches>>),
}

/// Takes a row, key and value, into a decoder.
type DecodeRow<'a> = dyn FnMut(&mut RowDecoder, &[u8], &[u8]) -> Result<()> + 'a;

impl BatchScan {
    /// The same walk, not begun yet, which answers some columns of numerics as decimals: those for which `fixed`, column by
    /// column of the projection, has a fixed point. A value that this does not express ends the walk with
    /// [`Error::NotFixed`].
    pub fn with_fixed(mut self, fixed: &[Option<FixedPoint>]) -> Self {
        self.projection.iter_mut().zip(fixed).for_each(|((_, own), fixed)| *own = *fixed);
        self.decoder = self.decoder.with_fixed(fixed);
        self
    }

    /// The same with commit (int8) and time (timestamptz) of each row behind the projected columns, as
    /// [`RowDecoder::with_stamps`] tells them. Comes before the walk begins.
    pub fn with_stamps(mut self, of_generation: Option<(CommitSeq, i64)>) -> Self {
        self.decoder = self.decoder.with_stamps(of_generation);
        self.with_stamps = true;
        self
    }

    /// The same, which may leave out rows that have a value outside of any of the ranges; whoever asks looks at the others
    /// himself. Comes before the walk begins.
    pub fn asked(mut self, ranges: &[ValueRange]) -> Self {
        self.asked = ranges.to_vec();
        self
    }

    /// The columns of the next rows, `max_rows` at most, or `None` when the walk is over. Without any column to answer
    /// the number of rows is lost: count with `next_count`.
    pub fn next(&mut self, max_rows: usize) -> Result<Option<Vec<ArrayRef>>> {
        if let Some(cold) = self.cold()? {
            if let Some(columns) = cold.next(max_rows)? {
                return Ok(Some(columns));
            }
            self.tiers = Tiers::Apart(None);
        }
        let mut count = 0;
        if !self.with_key {
            self.step(max_rows, &mut |decoder, _, value| {
                count += 1;
                decoder.append(value)
            })?;
            return Ok((count > 0).then(|| self.decoder.finish()));
        }
        let (mut keys, mut seqs) = (BinaryBuilder::new(), UInt64Builder::new());
        self.step(max_rows, &mut |decoder, key, value| {
            count += 1;
            keys.append_value(key);
            seqs.append_value(commit_seq(value)?.0);
            decoder.append(value)
        })?;
        Ok((count > 0).then(|| {
            let mut columns = self.decoder.finish();
            columns.push(Arc::new(keys.finish()));
            columns.push(Arc::new(seqs.finish()));
            columns
        }))
    }

    /// How many rows come next, `max_rows` at most, without looking into them; zero when the walk is over.
    pub fn next_count(&mut self, max_rows: usize) -> Result<usize> {
        if let Some(cold) = self.cold()? {
            let count = cold.next_count(max_rows);
            if count > 0 {
                return Ok(count);
            }
            self.tiers = Tiers::Apart(None);
        }
        let mut count = 0;
        self.step(max_rows, &mut |_, _, _| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Cold rows that are still to come, where they come by themselves.
    fn cold(&mut self) -> Result<Option<&mut ColdBatches>> {
        if matches!(self.tiers, Tiers::Unknown) {
            self.tiers = match self.with_key {
                true => Tiers::Merged,
                false => {
                    let (projection, stamps) = (self.projection.as_slice(), self.with_stamps);
                    match self.view.cold_batches(&self.table, &self.range, projection, stamps)? {
                        Tiers::Apart(Some(cold)) => Tiers::Apart(Some(Box::new(cold.asked(&self.asked)))),
                        tiers => tiers,
                    }
                }
            };
        }
        match &mut self.tiers {
            Tiers::Apart(cold) => Ok(cold.as_deref_mut()),
            Tiers::Unknown | Tiers::Merged => Ok(None),
        }
    }

    fn step(&mut self, max: usize, emit: &mut DecodeRow<'_>) -> Result<()> {
        let decoder = &mut self.decoder;
        if let Slice::One(slice) = self.kept_of {
            let mut found = 0;
            while found == 0 && !self.walk.is_done() {
                self.view.step(&mut self.walk, max, &mut |key, value| {
                    if kept_in(key) != Some(slice) {
                        return Ok(());
                    }
                    found += 1;
                    emit(decoder, key, value)
                })?;
            }
            return Ok(());
        }
        let emit = &mut |key: &[u8], value: &[u8]| emit(decoder, key, value);
        if let Some(stream) = &mut self.stream {
            return stream.step(&self.view, max, emit);
        }
        match self.tiers {
            Tiers::Apart(_) => self.walk.step(self.view.published.snapshot.hot(), None, max, emit),
            Tiers::Unknown | Tiers::Merged => self.view.step(&mut self.walk, max, emit),
        }
    }
}

/// A walk over rows in the order of an index.
pub struct IndexScan {
    view: ReadView,
    walk: Walk,
}

impl IndexScan {
    /// The next rows, `max_rows` at most; none when the walk is over.
    pub fn next(&mut self, max_rows: usize) -> Result<Vec<StoredRow>> {
        let keys = self.next_keys(max_rows)?;
        self.view.rows_of_entries(keys)
    }

    /// The keys of the next rows, `max_rows` at most, without fetching them; none when the walk is over.
    pub fn next_keys(&mut self, max_rows: usize) -> Result<Vec<RowKey>> {
        let mut keys = Vec::new();
        self.view.step(&mut self.walk, max_rows, &mut |_, row_key| {
            keys.push(RowKey::from_bytes(Bytes::copy_from_slice(row_key)));
            Ok(())
        })?;
        Ok(keys)
    }
}
