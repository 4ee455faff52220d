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
