//! Both tiers as one: a snapshot of the key-value store whose rows are the hot ones and those of segments.
//!
//! Whoever reads rows by key or by range sees rows, wherever they lie. Everything that is not a row goes straight to the
//! store beneath.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::batches::{ColdBatches, Part};
use super::cursor::Cursor;
use super::many::{Tell, Wanted};
use super::{BLOCK_ROWS, Manifest, Mark, Segment, mark_key};
use crate::error::Result;
use crate::id::CommitSeq;
use crate::key::{KeyRange, generation_of};
use crate::kv::{Direction, Family, KvSnapshot};
use crate::schema::TableSchema;
use crate::value::FixedPoint;

/// So many keys at a time are looked up block by block.
const MANY: usize = if cfg!(test) { 3 } else { 32 };

/// Is shown keys and values until it breaks.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Hot rows and cold ones, at one moment.
pub(crate) struct Tiered {
    hot: Arc<dyn KvSnapshot>,
    manifest: Arc<Manifest>,
    seq: CommitSeq,
}

impl Tiered {
    /// The snapshot with the segments of the same moment laid under it.
    pub(crate) fn over(hot: Arc<dyn KvSnapshot>, manifest: &Arc<Manifest>, seq: CommitSeq) -> Self {
        Self { hot, manifest: Arc::clone(manifest), seq }
    }

    /// The hot rows alone.
    pub(crate) fn hot(&self) -> &dyn KvSnapshot {
        self.hot.as_ref()
    }

    pub(crate) fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Where the row with this key lies, if it is cold.
    pub(crate) fn locate(&self, key: &[u8]) -> Result<Option<Mark>> {
        let segments = self.manifest.around(key);
        if segments.is_empty() || self.hot.get(Family::Rows, key)?.is_some() {
            return Ok(None);
        }
        for segment in segments {
            if let Some(mark) = segment.position(key)?
                && self.is_there(mark)?
            {
                return Ok(Some(mark));
            }
        }
        Ok(None)
    }

    /// The same for keys that are many, one answer for each.
    pub(crate) fn locate_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Mark>>> {
        let mut found = vec![None; keys.len()];
        let near: Vec<usize> = (0..keys.len()).filter(|at| !self.manifest.around(keys[*at]).is_empty()).collect();
        let hot = self.hot.multi_get(Family::Rows, &near.iter().map(|at| keys[*at]).collect::<Vec<_>>())?;
        let cold = near.into_iter().zip(hot).filter(|(_, hot)| hot.is_none());
        let cold = cold.map(|(at, _)| (at, keys[at])).collect();
        self.find_cold(cold, Wanted::Places, &mut |at, mark, _| found[at] = Some(mark))?;
        Ok(found)
    }

    /// Tells of the cold rows that have one of many keys, each with its number, whatever is hot.
    fn find_cold(&self, mut keys: Vec<(usize, &[u8])>, wanted: Wanted, tell: &mut Tell<'_>) -> Result<()> {
        if !keys.is_sorted_by_key(|(_, key)| *key) {
            keys.sort_unstable_by_key(|(_, key)| *key);
        }
        let mut found = Vec::new();
        for of_table in keys.chunk_by(|(_, a), (_, b)| generation_of(a) == generation_of(b)) {
            let [(_, first), ..] = of_table else { continue };
            let (_, last) = of_table[of_table.len() - 1];
            let range = KeyRange { start: Bytes::copy_from_slice(first), end: [last, &[0]].concat().into() };
            for segment in self.segments_in(Family::Rows, &range) {
                let info = segment.info();
                let from = of_table.partition_point(|(_, key)| **key < info.first_key[..]);
                let len = of_table[from..].partition_point(|(_, key)| **key <= info.last_key[..]);
                segment.find_many(&of_table[from..from + len], wanted, &mut |number, mark, row| {
                    found.push((number, mark, row));
                })?;
            }
        }
        // A segment may have far more marks than there are keys.
        let marks: Vec<Bytes> = found.iter().map(|(_, mark, _)| mark_key(*mark)).collect();
        let marked = self.hot.multi_get(Family::Deleted, &marks.iter().map(|key| &key[..]).collect::<Vec<_>>())?;
        for ((number, mark, row), marked) in found.into_iter().zip(marked) {
            if marked.is_none() {
                tell(number, mark, row);
            }
        }
        Ok(())
    }

    /// The cold rows of a range as columns, with commit and time of each if that is asked; `None` if there are none.
    pub(crate) fn cold_batches(
        &self,
        table: &Arc<TableSchema>,
        range: &KeyRange,
        projection: &[(usize, Option<FixedPoint>)],
        stamps: bool,
    ) -> Result<Option<ColdBatches>> {
        let mut parts = Vec::new();
        for segment in self.segments_in(Family::Rows, range) {
            let (rows, marks) = (segment.rows_in(range)?, segment.marks(self.hot.as_ref(), self.seq)?);
            parts.push(Part { segment: Arc::clone(segment), marks, rows });
        }
        Ok((!parts.is_empty()).then(|| ColdBatches::new(table, projection, stamps, parts)))
    }

    /// The cold row with this key.
    fn cold(&self, key: &[u8]) -> Result<Option<Bytes>> {
        for segment in self.manifest.around(key) {
            if let Some((mark, bytes)) = segment.find(key)?
                && self.is_there(mark)?
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn is_there(&self, mark: Mark) -> Result<bool> {
        Ok(self.hot.get(Family::Deleted, &mark_key(mark))?.is_none())
    }

    /// The segments that may have rows in a range of one table's keys.
    fn segments_in<'a>(&'a self, family: Family, range: &'a KeyRange) -> impl Iterator<Item = &'a Arc<Segment>> {
        let segments = match family {
            Family::Rows => self.manifest.near(range),
            _ => &[],
        };
        segments.iter().filter(|segment| segment.info().overlaps(range))
    }

    /// Shows the rows of some segments that lie in a range and are not gone, in order.
    pub(crate) fn scan_segments(
        &self,
        segments: &[Arc<Segment>],
        range: &KeyRange,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let cursors = segments.iter().filter(|segment| segment.info().overlaps(range)).map(|segment| {
            let marks = segment.marks(self.hot.as_ref(), self.seq)?;
            Cursor::new(Arc::clone(segment), marks, range, Direction::Forward)
        });
        let mut merge = Merge {
            cursors: cursors.collect::<Result<_>>()?,
            direction: Direction::Forward,
            broken: false,
            failed: None,
        };
        // Whether they ended or were stopped makes no difference.
        let _ = merge.emit_before(None, visit);
        merge.failed.map_or(Ok(()), Err)
    }

    /// How many rows of a segment are gone.
    pub(crate) fn gone(&self, segment: &Segment) -> Result<u64> {
        Ok(segment.marks(self.hot.as_ref(), self.seq)?.len())
    }

    fn cursors(&self, family: Family, range: &KeyRange, direction: Direction) -> Result<Vec<Cursor>> {
        self.segments_in(family, range)
            .map(|segment| {
                let marks = segment.marks(self.hot.as_ref(), self.seq)?;
                Cursor::new(Arc::clone(segment), marks, range, direction)
            })
            .collect()
    }
}

impl KvSnapshot for Tiered {
    fn position(&self) -> u64 {
        self.hot.position()
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        match self.hot.get(family, key)? {
            None if family == Family::Rows => self.cold(key),
            found => Ok(found),
        }
    }

    fn multi_get(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>> {
        let mut found = self.hot.multi_get(family, keys)?;
        if family != Family::Rows || self.manifest.is_empty() {
            return Ok(found);
        }
        let missing = (0..keys.len()).filter(|at| found[*at].is_none() && !self.manifest.around(keys[*at]).is_empty());
        let missing: Vec<(usize, &[u8])> = missing.map(|at| (at, keys[at])).collect();
        if missing.len() >= MANY {
            self.find_cold(missing, Wanted::Rows, &mut |at, _, row| found[at] = Some(row))?;
            return Ok(found);
        }
        for (at, key) in missing {
            found[at] = self.cold(key)?;
        }
        Ok(found)
    }

    fn scan(&self, family: Family, range: &KeyRange, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        let cursors = self.cursors(family, range, direction)?;
        if cursors.is_empty() {
            return self.hot.scan(family, range, direction, visit);
        }
        let mut merge = Merge { cursors, direction, broken: false, failed: None };
        self.hot.scan(family, range, direction, &mut |key, value| {
            if merge.emit_before(Some(key), visit).is_break() || visit(key, value).is_break() {
                merge.broken = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if !merge.broken {
            // Whether they ended or were stopped makes no difference any more.
            let _ = merge.emit_before(None, visit);
        }
        merge.failed.map_or(Ok(()), Err)
    }

    fn approximate_entries(&self, family: Family, range: &KeyRange) -> Result<u64> {
        let mut entries = self.hot.approximate_entries(family, range)?;
        for segment in self.segments_in(family, range) {
            let (first, last) = (segment.block_of(&range.start)?, segment.block_of(&range.end)?);
            let within = (u64::from(last.saturating_sub(first)) + 1) * BLOCK_ROWS as u64;
            entries += within.min(u64::from(segment.info().rows));
        }
        Ok(entries)
    }

    fn split_points(&self, family: Family, range: &KeyRange, parts: usize) -> Result<Vec<Bytes>> {
        let hot = self.hot.split_points(family, range, parts)?;
        let mut keys = Vec::new();
        for segment in self.segments_in(family, range) {
            keys.extend(segment.first_keys()?.into_iter().filter(|key| range.contains(key)));
        }
        // Where most rows are hot, their places are the better ones.
        if (keys.len() * BLOCK_ROWS) as u64 <= self.hot.approximate_entries(family, range)? {
            return Ok(hot);
        }
        keys.sort_unstable();
        keys.dedup();
        let places = (1..parts).map(|part| keys.len() * part / parts);
        let mut points: Vec<Bytes> = places.filter_map(|at| keys.get(at).cloned()).collect();
        points.dedup();
        Ok(points)
    }
}

/// The rows of segments on their way in between hot ones.
struct Merge {
    cursors: Vec<Cursor>,
    direction: Direction,
    /// Whoever looks at the rows has seen enough, or a segment could not be read.
    broken: bool,
    failed: Option<crate::Error>,
}

impl Merge {
    /// Shows the cold rows that come before a key, or all that are left.
    fn emit_before(&mut self, limit: Option<&[u8]>, visit: &mut Visit<'_>) -> ControlFlow<()> {
        loop {
            let direction = self.direction;
            let order = |a: &[u8], b: &[u8]| match direction {
                Direction::Forward => a.cmp(b),
                Direction::Backward => b.cmp(a),
            };
            let standing = self.cursors.iter().enumerate().filter_map(|(at, cursor)| Some((at, cursor.current()?)));
            let Some((at, (key, value))) = standing.min_by(|(_, (a, _)), (_, (b, _))| order(a, b)) else {
                return ControlFlow::Continue(());
            };
            if limit.is_some_and(|limit| order(limit, key) != Ordering::Greater) {
                return ControlFlow::Continue(());
            }
            visit(key, value)?;
            if let Err(error) = self.cursors[at].advance() {
                self.failed = Some(error);
                return ControlFlow::Break(());
            }
        }
    }
}
