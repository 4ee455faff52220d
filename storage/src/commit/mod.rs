//! The one committer: orders all commits, makes them durable, publishes them.
//!
//! A transaction hands over a [`CommitRequest`]; a thread of its own takes everything that waits, validates each
//! against the ordered head, writes what passes as one batch with one sync, and only then publishes the new
//! snapshot, tells the change feed, lets the locks go and acknowledges.

mod committer;
mod emptied;
mod garbage;
mod history;
mod hot;
mod load;
mod moves;
mod queue;
mod recent;
mod request;
mod tally;
#[cfg(test)]
mod tests;
mod unlinked;

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Result;
use crate::id::CommitSeq;
use crate::kv::{Family, KvSnapshot};
use crate::segment::Tiered;
use crate::stream::Streams;

pub(crate) use committer::{Committer, Health, Parts, Stamps};
pub(crate) use emptied::Emptied;
pub(crate) use garbage::Garbage;
pub(crate) use history::{SerializableReaders, SerializableSnapshot};
pub(crate) use hot::HotEntries;
pub(crate) use load::{
    Load, LoadRecord, append_staged, recover as recover_loads, staged_key, staged_range, unstaged, unstaged_key,
};
pub(crate) use moves::{Move, Moves, Watching};
pub use request::Durability;
pub(crate) use request::{ColdRow, CommitRequest, ReadSet, RelationRead, RowChange};
pub use tally::HotRows;
pub(crate) use tally::Tally;

/// So many keys that are looked up together are reckoned to be wanted again.
const KEPT_AT_ONCE: usize = if cfg!(test) { 2 } else { 16 };

/// A state of the database that readers may see: every commit up to `seq`, and nothing else.
pub(crate) struct Published {
    pub(crate) seq: CommitSeq,
    pub(crate) snapshot: Tiered,
    pub(crate) hot: Arc<HotEntries>,
    pub(crate) streams: Arc<Streams>,
}

impl Published {
    /// The value of one key.
    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        if let Some(value) = self.hot.get(family, key, self.seq) {
            return Ok(Some(value));
        }
        let value = self.snapshot.get(family, key)?;
        if let Some(value) = &value {
            self.hot.add(family, key, value, self.seq);
        }
        Ok(value)
    }

    /// The values of some keys, one answer for each. Many are not kept above the store: they would push out what is looked
    /// up by itself.
    pub(crate) fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>> {
        if keys.len() <= KEPT_AT_ONCE {
            return keys.iter().map(|key| self.get(family, key)).collect();
        }
        self.snapshot.multi_get(family, keys)
    }
}
pub(crate) use unlinked::Unlinked;
