//! The manifest: which segments each table's generation has. Immutable; every change makes another one.
//!
//! It is kept as entries of the family Meta and read once, when the store is opened; from then on the committer hands the
//! newest one to readers together with the snapshot that it belongs to.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{BlockCache, Files, Segment, SegmentInfo};
use crate::error::Result;
use crate::id::{CommitSeq, GenerationId};
use crate::key::{KeyRange, generation_of};
use crate::slice::{Slice, SliceId, slice_of};
use crate::store::meta;

/// The segments of every table.
#[derive(Clone, Default)]
pub(crate) struct Manifest {
    tables: FxHashMap<GenerationId, Arc<Segments>>,
}

/// The segments of one table, of which there may be one for each of many slices.
struct Segments {
    /// In the order of their first keys.
    ordered: Vec<Arc<Segment>>,
    places: FxHashMap<GenerationId, usize>,
}

impl Segments {
    fn of(mut segments: Vec<Arc<Segment>>) -> Self {
        segments.sort_by(|a, b| a.info().first_key.cmp(&b.info().first_key));
        let places = segments.iter().enumerate().map(|(place, segment)| (segment.info().id, place)).collect();
        Self { ordered: segments, places }
    }
}

impl Manifest {
    /// The manifest that the entries make up.
    pub(crate) fn read(
        entries: Vec<(Bytes, Bytes)>,
        files: &Arc<dyn Files>,
        cache: &Arc<BlockCache>,
        seq: CommitSeq,
    ) -> Result<Self> {
        let mut segments = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let info: SegmentInfo = serde_json::from_slice(&value).map_err(|_| meta::damaged(&key))?;
            segments.push(Arc::new(Segment::new(info, Arc::clone(files), Arc::clone(cache), seq)));
        }
        Ok(Self::default().with(&[], &segments))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The segments of a table's contents, in the order of their first keys.
    pub(crate) fn of(&self, generation: GenerationId) -> &[Arc<Segment>] {
        self.tables.get(&generation).map_or(&[], |segments| &segments.ordered)
    }

    /// Those of one slice of a divided table's contents.
    pub(crate) fn of_slice(&self, generation: GenerationId, slice: SliceId) -> impl Iterator<Item = &Arc<Segment>> {
        let near = self.near(&KeyRange::of_slice(generation, Slice::One(slice)));
        near.iter().filter(move |segment| segment.info().schema.slice.is_one(Some(slice)))
    }

    /// Those of them that may have keys of a range, and perhaps others.
    pub(crate) fn near(&self, range: &KeyRange) -> &[Arc<Segment>] {
        self.between(&range.start, |first| *first < range.end[..])
    }

    /// Those of them that may have a key, and perhaps others.
    pub(crate) fn around(&self, key: &[u8]) -> &[Arc<Segment>] {
        self.between(key, |first| first <= key)
    }

    /// The segments whose first keys are not too great, without those of lesser slices: no segment reaches beyond its own.
    fn between(&self, start: &[u8], is_in_time: impl Fn(&[u8]) -> bool) -> &[Arc<Segment>] {
        let segments = self.of(generation_of(start));
        let Some(Slice::One(_)) = segments.first().map(|first| first.info().schema.slice) else { return segments };
        let end = segments.partition_point(|segment| is_in_time(&segment.info().first_key));
        let wanted = slice_of(start);
        let begin = segments[..end].partition_point(|segment| slice_of(&segment.info().first_key) < wanted);
        &segments[begin..end]
    }

    /// Every table's segments.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.tables.values().flat_map(|segments| segments.ordered.iter())
    }

    /// The segment with this id, if it is one of the table's.
    pub(crate) fn find(&self, generation: GenerationId, id: GenerationId) -> Option<&Arc<Segment>> {
        let segments = self.tables.get(&generation)?;
        segments.places.get(&id).and_then(|place| segments.ordered.get(*place))
    }

    /// The manifest without some segments and with others. Takes as long as the tables concerned have segments, however
    /// many of them come and go.
    pub(crate) fn with(&self, removed: &[GenerationId], added: &[Arc<Segment>]) -> Self {
        let removed: FxHashSet<GenerationId> = removed.iter().copied().collect();
        let mut tables = self.tables.clone();
        let mut changed: FxHashMap<GenerationId, Vec<Arc<Segment>>> = FxHashMap::default();
        tables.retain(|generation, segments| {
            if !removed.iter().any(|id| segments.places.contains_key(id)) {
                return true;
            }
            let left = segments.ordered.iter().filter(|segment| !removed.contains(&segment.info().id));
            changed.insert(*generation, left.cloned().collect());
            false
        });
        for segment in added {
            let of_table = changed.entry(segment.info().generation()).or_insert_with_key(|generation| {
                tables.get(generation).map_or_else(Vec::new, |segments| segments.ordered.clone())
            });
            of_table.push(Arc::clone(segment));
        }
        for (generation, segments) in changed.into_iter().filter(|(_, segments)| !segments.is_empty()) {
            tables.insert(generation, Arc::new(Segments::of(segments)));
        }
        Self { tables }
    }
}
