//! Walking over what is shown of a stream: the ranges of a slice in each bucket, or all rows of the buckets.
//!
//! What there is to walk is found out when the walk begins. What of it is shown is looked at anew for every piece, so that
//! nothing comes out that has become too old meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::ReadView;
use super::merge::{Emit, Walk};
use crate::error::Result;
use crate::id::GenerationId;
use crate::key::{KeyRange, StreamPlace, bucket_of, buckets_from, slice_in_bucket};
use crate::kv::{Direction, Family};
use crate::schema::TableSchema;
use crate::slice::{Slice, SliceId};
use crate::stream::StreamRule;

/// Rows that are counted between two looks at whether they are enough.
const COUNTED_AT_ONCE: usize = 4096;

/// A walk over a range of a stream's keys.
pub(super) struct StreamWalk {
    table: Arc<TableSchema>,
    range: KeyRange,
    direction: Direction,
    /// None: it has not begun.
    way: Option<Way>,
}

/// What is left to walk.
struct Way {
    current: Walk,
    /// Behind it, the next one last.
    ranges: Vec<KeyRange>,
    /// Of slices that have more rows than they keep, the oldest that they do.
    oldest: FxHashMap<SliceId, StreamPlace>,
}

impl StreamWalk {
    /// None for a table that is no stream.
    pub(super) fn of(table: &Arc<TableSchema>, range: &KeyRange, direction: Direction) -> Option<Self> {
        table.stream.as_ref()?;
        Some(Self { table: Arc::clone(table), range: range.clone(), direction, way: None })
    }

    /// Emits up to `max` further rows that are shown now; none when the walk is over.
    pub(super) fn step(&mut self, view: &ReadView, max: usize, emit: &mut Emit<'_>) -> Result<()> {
        let Some(rule) = &self.table.stream else { return Ok(()) };
        let way = match &mut self.way {
            Some(way) => way,
            none => none.insert(Way::new(view, &self.table, rule, &self.range, self.direction)?),
        };
        let shown = view.published.streams.shown(self.table.table, rule);
        let mut left = max;
        while left > 0 {
            if way.current.is_done() {
                let Some(range) = way.ranges.pop() else { return Ok(()) };
                way.current = Walk::new(Family::Stream, range, self.direction);
            }
            let (mut emitted, oldest) = (0, &way.oldest);
            view.step_unlogged(&mut way.current, left, &mut |key, value| {
                let Some(place) = StreamPlace::of(key) else { return Ok(()) };
                let is_within = oldest.get(&place.slice).is_none_or(|oldest| !place.is_before(*oldest));
                if !is_within || !shown.shows(place) {
                    return Ok(());
                }
                emitted += 1;
                emit(key, value)
            })?;
            left -= emitted;
        }
        Ok(())
    }
}

impl Way {
    fn new(
        view: &ReadView,
        table: &TableSchema,
        rule: &StreamRule,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<Self> {
        if let Some(reads) = &view.reads {
            // Of a slice's ranges some may not be there yet.
            reads.range(Family::Stream, range.clone());
        }
        let first = rule.bucket(view.published.streams.shown(table.table, rule).over_us);
        let mut ranges = match table.slice {
            Slice::One(slice) => slice_ranges(view, table.generation, first, slice)?,
            Slice::Every | Slice::Undivided => vec![buckets_from(table.generation, first)],
        };
        let mut oldest = FxHashMap::default();
        if let Some(rows_max) = rule.rows_max {
            let only = table.slice != Slice::Every;
            let found = count_newest(view, &ranges, rows_max, &mut |key, place, counted| {
                if counted < rows_max {
                    return Ok(None);
                }
                if counted == rows_max {
                    oldest.insert(place.slice, place);
                }
                Ok(only.then(|| Bytes::copy_from_slice(key)))
            })?;
            // What lies before is passed over.
            if let Some(from) = found {
                ranges.iter_mut().for_each(|range| range.start = from.clone().max(range.start.clone()));
            }
        }
        for own in &mut ranges {
            own.start = own.start.clone().max(range.start.clone());
            own.end = own.end.clone().min(range.end.clone());
        }
        ranges.retain(|range| !range.is_empty());
        if direction == Direction::Forward {
            ranges.reverse();
        }
        Ok(Self { current: Walk::new(Family::Stream, KeyRange::empty(), direction), ranges, oldest })
    }
}

/// The ranges of a slice in the buckets that have rows, from a bucket on.
pub(crate) fn slice_ranges(
    view: &ReadView,
    generation: GenerationId,
    first: u32,
    slice: SliceId,
) -> Result<Vec<KeyRange>> {
    let mut ranges = Vec::new();
    let mut next = Some(first);
    while let Some(from) = next {
        let mut found = None;
        let mut walk = Walk::new(Family::Stream, buckets_from(generation, from), Direction::Forward);
        view.step_unlogged(&mut walk, 1, &mut |key, _| {
            found = bucket_of(key);
            Ok(())
        })?;
        ranges.extend(found.map(|bucket| slice_in_bucket(generation, bucket, slice)));
        next = found.and_then(|bucket| bucket.checked_add(1));
    }
    Ok(ranges)
}

/// Is shown the rows of a stream with their place and how many of their slice there were up to here, the newest first.
/// Whoever answers something has seen enough.
type CountNewest<'a> = dyn FnMut(&[u8], StreamPlace, u64) -> Result<Option<Bytes>> + 'a;

/// Counts the rows of each slice in ranges, which ascend, from the newest on. Answers what `see` has answered.
pub(crate) fn count_newest(
    view: &ReadView,
    ranges: &[KeyRange],
    rows_max: u64,
    see: &mut CountNewest<'_>,
) -> Result<Option<Bytes>> {
    let mut counts: FxHashMap<SliceId, u64> = FxHashMap::default();
    let at_once = usize::try_from(rows_max).unwrap_or(usize::MAX).clamp(1, COUNTED_AT_ONCE);
    for range in ranges.iter().rev() {
        let mut walk = Walk::new(Family::Stream, range.clone(), Direction::Backward);
        while !walk.is_done() {
            let mut enough = None;
            view.step_unlogged(&mut walk, at_once, &mut |key, _| {
                let Some(place) = StreamPlace::of(key).filter(|_| enough.is_none()) else { return Ok(()) };
                let count = counts.entry(place.slice).or_default();
                *count += 1;
                enough = see(key, place, *count)?;
                Ok(())
            })?;
            if enough.is_some() {
                return Ok(enough);
            }
        }
    }
    Ok(None)
}

/// The keys of rows that a slice has beyond its number.
pub(crate) fn surplus_of(view: &ReadView, table: &TableSchema, slice: SliceId, rows_max: u64) -> Result<Vec<Bytes>> {
    let mut surplus = Vec::new();
    let ranges = slice_ranges(view, table.generation, 0, slice)?;
    count_newest(view, &ranges, rows_max, &mut |key, _, counted| {
        if counted > rows_max {
            surplus.push(Bytes::copy_from_slice(key));
        }
        Ok(None)
    })?;
    Ok(surplus)
}
