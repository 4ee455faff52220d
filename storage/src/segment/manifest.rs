//! The manifest: which segments each table's generation has. Immutable; every change makes another one.
//!
//! It is kept as entries of the family Meta and read once, when the store is opened; from then on the committer hands the
//! newest one to readers together with the snapshot that it belongs to.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::{BlockCache, Files, Segment, SegmentInfo};
use crate::error::Result;
use crate::id::{CommitSeq, GenerationId};
use crate::key::{KeyRange, generation_of};
use crate::slice::{Slice, slice_of};
use crate::store::meta;

/// The segments of every table.
#[derive(Clone, Default)]
pub(crate) struct Manifest {
    tables: FxHashMap<GenerationId, Arc<[Arc<Segment>]>>,
}

impl Manifest {
    /// The manifest that the entries make up.
    pub(crate) fn read(
        entries: Vec<(Bytes, Bytes)>,
        files: &Arc<dyn Files>,
        cache: &Arc<BlockCache>,
        seq: CommitSeq,
    ) -> Result<Self> {
        let mut manifest = Self::default();
        for (key, value) in entries {
            let info: SegmentInfo = serde_json::from_slice(&value).map_err(|_| meta::damaged(&key))?;
            let segment = Segment::new(info, Arc::clone(files), Arc::clone(cache), seq);
            manifest = manifest.with(&[], &[Arc::new(segment)]);
        }
        Ok(manifest)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The segments of a table's contents, in the order of their first keys.
    pub(crate) fn of(&self, generation: GenerationId) -> &[Arc<Segment>] {
        self.tables.get(&generation).map_or(&[], |segments| segments)
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
        self.tables.values().flat_map(|segments| segments.iter())
    }

    /// The segment with this id, if it is one of the table's.
    pub(crate) fn find(&self, generation: GenerationId, id: GenerationId) -> Option<&Arc<Segment>> {
        self.of(generation).iter().find(|segment| segment.info().id == id)
    }

    /// The manifest without some segments and with others.
    pub(crate) fn with(&self, removed: &[GenerationId], added: &[Arc<Segment>]) -> Self {
        let mut tables = self.tables.clone();
        tables.retain(|_, segments| {
            if segments.iter().any(|segment| removed.contains(&segment.info().id)) {
                *segments = segments.iter().filter(|segment| !removed.contains(&segment.info().id)).cloned().collect();
            }
            !segments.is_empty()
        });
        for segment in added {
            let before = tables.remove(&segment.info().generation());
            let mut segments: Vec<Arc<Segment>> = before.iter().flat_map(|before| before.iter()).cloned().collect();
            segments.push(Arc::clone(segment));
            segments.sort_by(|a, b| a.info().first_key.cmp(&b.info().first_key));
            tables.insert(segment.info().generation(), segments.into());
        }
        Self { tables }
    }
}
