//! Eviction: giving back the room of a stream's rows that nobody is shown any more.
//!
//! Whole buckets go with one range of keys; what slices have beyond their number goes bucket by bucket and slice by slice.
//! Views that were taken earlier still have the rows, and show none of them either.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use crate::commit::Published;
use crate::error::Result;
use crate::key::{KeyRange, bucket_of, buckets_before, buckets_from};
use crate::kv::{Batch, Direction, Family};
use crate::read::{ReadView, count_newest, slice_ranges};
use crate::schema::TableSchema;
use crate::segment::Tiered;
use crate::slice::SliceId;
use crate::store::Store;
use crate::stream::StreamRule;

/// What the keys of one slice in one bucket begin with: generation, bucket and slice.
const TOGETHER_BYTES: usize = 12;

/// So many rows that lie together are deleted as a range.
const RANGE_ROWS_MIN: usize = 32;

/// What is written at a time.
const OPERATIONS_MAX: usize = 10_000;

/// What an eviction came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Eviction {
    /// Buckets with rows that were over.
    pub buckets: u64,
    /// Rows that their slices had beyond their number, or of which nobody is shown anything any more.
    pub rows: u64,
}

impl Store {
    /// Deletes what is over of a stream, whichever slice the schema means. Takes its time where slices keep a number of
    /// rows; nothing else is waited for.
    pub fn evict(&self, table: &TableSchema) -> Result<Eviction> {
        let mut report = Eviction::default();
        let Some(rule) = &table.stream else { return Ok(report) };
        let first = rule.bucket(rule.over_us(self.environment().now_us()));
        let over = buckets_before(table.generation, first);
        // From the oldest on, so that what was deleted before is not deleted once more.
        let mut oldest = None;
        let mut rest = over.clone();
        while let Some((key, bucket)) = self.first_of_stream(&rest)? {
            report.buckets += 1;
            oldest.get_or_insert(key);
            rest.start = buckets_from(table.generation, bucket.saturating_add(1)).start;
        }
        if let Some(start) = oldest {
            let mut batch = Batch::with_capacity(1);
            batch.delete_range(Family::Stream, KeyRange { start, end: over.end });
            self.write_own(|kv| kv.write(&batch))?;
        }
        report.rows = self.evict_surplus(table, rule, &[buckets_from(table.generation, first)])?;
        Ok(report)
    }

    /// Whether [`Store::evict`] would find anything. Takes its time where slices keep a number of rows, or none without
    /// attendance.
    pub fn is_eviction_due(&self, table: &TableSchema) -> Result<bool> {
        let Some(rule) = &table.stream else { return Ok(false) };
        let first = rule.bucket(rule.over_us(self.environment().now_us()));
        if self.first_of_stream(&buckets_before(table.generation, first))?.is_some() {
            return Ok(true);
        }
        let kept = [buckets_from(table.generation, first)];
        let found = self.each_surplus(table, rule, &kept, &mut |key, is_kept| {
            Ok((!is_kept).then(|| Bytes::copy_from_slice(key)))
        })?;
        Ok(found.is_some())
    }

    /// What is written now: published states have what was evicted since.
    fn written_view(&self) -> Result<ReadView> {
        let published = self.published_state();
        Ok(ReadView::of_published(Arc::new(Published {
            seq: published.seq,
            snapshot: Tiered::over(self.kv().snapshot()?, published.snapshot.manifest(), published.seq),
            hot: Arc::clone(&published.hot),
            streams: Arc::clone(&published.streams),
        })))
    }

    /// The first key of a range and its bucket.
    fn first_of_stream(&self, range: &KeyRange) -> Result<Option<(Bytes, u32)>> {
        let mut found = None;
        if !range.is_empty() {
            self.kv().snapshot()?.scan(Family::Stream, range, Direction::Forward, &mut |key, _| {
                found = bucket_of(key).map(|bucket| (Bytes::copy_from_slice(key), bucket));
                ControlFlow::Break(())
            })?;
        }
        Ok(found)
    }

    /// Deletes the rows that a slice has beyond its number, so that none of them is among the newest once others are
    /// deleted.
    pub(crate) fn evict_surplus_of(&self, table: &TableSchema, slice: SliceId) -> Result<()> {
        let Some(rule) = table.stream.as_ref().filter(|rule| rule.rows_max.is_some()) else { return Ok(()) };
        let first = rule.bucket(rule.over_us(self.environment().now_us()));
        let ranges = slice_ranges(&self.written_view()?, table.generation, first, slice)?;
        self.evict_surplus(table, rule, &ranges).map(drop)
    }

    /// Deletes the rows of each slice that are more than it keeps, or for nobody any more. The ranges ascend.
    fn evict_surplus(&self, table: &TableSchema, rule: &StreamRule, ranges: &[KeyRange]) -> Result<u64> {
        let (mut surplus, mut rows) = (Surplus { store: self, together: Vec::new(), batch: Batch::new() }, 0);
        self.each_surplus(table, rule, ranges, &mut |key, is_kept| {
            if is_kept {
                surplus.close_together();
                return Ok(None);
            }
            rows += 1;
            surplus.add(key)?;
            Ok(None)
        })?;
        surplus.finish()?;
        Ok(rows)
    }

    /// Shows rows, the newest first, and whether they are kept, until `see` answers something.
    fn each_surplus(
        &self,
        table: &TableSchema,
        rule: &StreamRule,
        ranges: &[KeyRange],
        see: &mut See<'_>,
    ) -> Result<Option<Bytes>> {
        if rule.rows_max.is_none() && !rule.ephemeral {
            return Ok(None);
        }
        // In this order: whoever attends later is shown later rows than the view has.
        let view = self.written_view()?;
        let shown = self.newest().streams.shown(table.table, rule);
        let rows_max = rule.rows_max.unwrap_or(u64::MAX);
        count_newest(&view, ranges, rows_max, &mut |key, place, counted| {
            see(key, counted <= rows_max && shown.shows(place))
        })
    }
}

/// Is shown a row's key and whether it is kept; answers something when it has seen enough.
type See<'a> = dyn FnMut(&[u8], bool) -> Result<Option<Bytes>> + 'a;

/// Rows on their way to being deleted.
struct Surplus<'a> {
    store: &'a Store,
    /// Keys of one slice in one bucket, without any other key between them; they descend.
    together: Vec<Bytes>,
    batch: Batch,
}

impl Surplus<'_> {
    fn add(&mut self, key: &[u8]) -> Result<()> {
        if self.together.first().is_some_and(|first| first.get(..TOGETHER_BYTES) != key.get(..TOGETHER_BYTES)) {
            self.close_together();
        }
        // Of a long range its ends are enough.
        if self.together.len() > RANGE_ROWS_MIN {
            self.together.pop();
        }
        self.together.push(Bytes::copy_from_slice(key));
        if self.batch.len() >= OPERATIONS_MAX { self.write() } else { Ok(()) }
    }

    fn close_together(&mut self) {
        let (Some(last), Some(first)) = (self.together.first(), self.together.last()) else { return };
        if self.together.len() >= RANGE_ROWS_MIN {
            let end = [&last[..], &[0]].concat().into();
            self.batch.delete_range(Family::Stream, KeyRange { start: first.clone(), end });
            self.together.clear();
        } else {
            self.together.drain(..).for_each(|key| self.batch.delete(Family::Stream, key));
        }
    }

    fn write(&mut self) -> Result<()> {
        self.store.write_own(|kv| kv.write(&self.batch))?;
        self.batch.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.close_together();
        if self.batch.is_empty() { Ok(()) } else { self.write() }
    }
}
