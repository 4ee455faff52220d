//! What a transaction has written, as one of its views sees it: the write set, and beneath it the layers on disk.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use super::layers::{Layers, OwnEntries};
use super::write_set::{Command, WriteSet};
use crate::error::Result;
use crate::key::KeyRange;
use crate::kv::{Direction, Family};

/// The write set up to a command, over the layers of the same moment. Holding one keeps the versions that it sees.
#[derive(Clone)]
pub(crate) struct Overlay {
    writes: Arc<RwLock<WriteSet>>,
    before: Command,
    layers: Option<Arc<Layers>>,
}

impl Overlay {
    pub(crate) fn new(writes: Arc<RwLock<WriteSet>>, before: Command, layers: Option<Arc<Layers>>) -> Self {
        Self { writes, before, layers }
    }

    /// What the transaction made of a key, if it wrote it: `Some(None)` is a deletion.
    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Option<Bytes>>> {
        if let Some(own) = self.writes.read().visible(family, key, self.before) {
            return Ok(Some(own.cloned()));
        }
        match &self.layers {
            None => Ok(None),
            Some(layers) => layers.get(family, key),
        }
    }

    /// Up to `max` keys of the range that the transaction wrote, in order.
    pub(crate) fn collect(
        &self,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        max: usize,
    ) -> Result<OwnEntries> {
        let own = self.writes.read().collect(family, range, direction, self.before, max);
        match &self.layers {
            None => Ok(own),
            Some(layers) => layers.collect_under(own, family, range, direction, max),
        }
    }
}
