//! Places outside the store's own folder, where segments may lie: mounting them, and what lies there.

use std::sync::Arc;

use bytes::Bytes;

use super::{Store, entries, meta};
use crate::error::Result;
use crate::kv::{Batch, Family};
use crate::segment::{Files, PlaceId, PlacePath};

impl Store {
    /// The store's own folder.
    pub fn own_files(&self) -> Arc<dyn Files> {
        self.inner.places.home()
    }

    /// Makes a place known under a number that segments name it by. Comes before anything reads or writes there.
    pub fn mount(&self, place: PlaceId, files: Arc<dyn Files>) {
        self.inner.places.mount(place, files);
    }

    /// Forgets a place that nothing lies in.
    pub fn unmount(&self, place: PlaceId) {
        self.inner.places.unmount(place);
    }

    /// Whether a file of ours lies in the place, or may.
    pub fn is_place_used(&self, place: PlaceId) -> Result<bool> {
        let lies_there = |path: &str| PlacePath::parse(path).place == Some(place);
        if self.newest().snapshot.manifest().segments().any(|segment| lies_there(&segment.info().path)) {
            return Ok(true);
        }
        for range in [meta::upload_range(), meta::unlink_range()] {
            let entries = entries(self.kv(), &range)?;
            if entries.iter().any(|(_, path)| std::str::from_utf8(path).is_ok_and(lies_there)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes what a crash left in places that are mounted now. What cannot be deleted is tried again after the next start.
    /// Takes its time.
    pub fn sweep_places(&self) -> Result<()> {
        let left: Vec<(Bytes, String)> = std::mem::take(&mut *self.inner.left.lock());
        let mut batch = Batch::with_capacity(left.len());
        for (key, path) in left {
            match self.files().delete(&path) {
                Ok(()) => batch.delete(Family::Meta, key),
                Err(error) => tracing::warn!(%error, "a file that a crash left behind cannot be deleted"),
            }
        }
        if batch.is_empty() { Ok(()) } else { self.write_own(|kv| kv.write(&batch)) }
    }
}
