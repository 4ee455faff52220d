//! A write set as one of the transaction's views sees it.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use super::write_set::{Command, WriteSet};
use crate::key::KeyRange;
use crate::kv::{Direction, Family};

/// The write set up to a command. Holding one keeps the versions that it sees.
#[derive(Clone)]
pub(crate) struct Overlay {
    writes: Arc<RwLock<WriteSet>>,
    before: Command,
}

impl Overlay {
    pub(crate) fn new(writes: Arc<RwLock<WriteSet>>, before: Command) -> Self {
        Self { writes, before }
    }

    /// What the transaction made of a key, if it wrote it: `Some(None)` is a deletion.
    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Option<Option<Bytes>> {
        self.writes.read().visible(family, key, self.before).map(Option::<&Bytes>::cloned)
    }

    /// Up to `max` keys of the range that the transaction wrote, in order.
    pub(crate) fn collect(
        &self,
        family: Family,
        range: &KeyRange,
        direction: Direction,
        max: usize,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        self.writes.read().collect(family, range, direction, self.before, max)
    }
}
