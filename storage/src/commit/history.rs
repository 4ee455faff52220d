//! What recent commits wrote, kept for as long as a serializable transaction might have read it.
//!
//! A serializable transaction registers here before it takes its snapshot. The committer remembers the keys of every
//! commit and forgets those that every registered snapshot already contains; it does so only when it begins the next
//! group, by when the last one is published, so whoever registers in between finds all that its snapshot lacks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;

use super::Published;
use super::request::ReadSet;
use crate::id::{CommitSeq, GenerationId};
use crate::key::KeyRange;
use crate::kv::{Batch, Family, Operation};

/// Who reads under SERIALIZABLE, by the sequence of the snapshot: how many at each.
#[derive(Default)]
pub(crate) struct SerializableReaders(Mutex<BTreeMap<CommitSeq, usize>>);

impl SerializableReaders {
    /// Registers and takes the published snapshot, in one step as far as the committer can tell.
    pub(crate) fn enter(self: &Arc<Self>, published: &ArcSwap<Published>) -> SerializableSnapshot {
        let mut readers = self.0.lock();
        let published = published.load_full();
        *readers.entry(published.seq).or_default() += 1;
        drop(readers);
        SerializableSnapshot { published, readers: Arc::clone(self) }
    }

    /// The oldest registered snapshot, or `newest` when there is none.
    fn oldest(&self, newest: CommitSeq) -> CommitSeq {
        self.0.lock().keys().next().copied().unwrap_or(newest)
    }
}

/// The snapshot of a serializable transaction; what was committed after it is remembered until this is dropped.
pub(crate) struct SerializableSnapshot {
    pub(crate) published: Arc<Published>,
    readers: Arc<SerializableReaders>,
}

impl Drop for SerializableSnapshot {
    fn drop(&mut self) {
        let mut readers = self.readers.0.lock();
        if let Some(count) = readers.get_mut(&self.published.seq) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.published.seq);
            }
        }
    }
}

/// What one commit wrote.
struct Written {
    seq: CommitSeq,
    keys: Vec<(Family, Bytes)>,
    ranges: Vec<(Family, KeyRange)>,
}

/// The committer's memory of what was written.
pub(super) struct History {
    commits: VecDeque<Written>,
    /// The newest commit that is no longer among them.
    forgotten: CommitSeq,
    readers: Arc<SerializableReaders>,
}

impl History {
    pub(super) fn new(readers: Arc<SerializableReaders>) -> Self {
        Self { commits: VecDeque::new(), forgotten: CommitSeq(0), readers }
    }

    /// Forgets what nobody can need any more. Called when everything up to `published` is published.
    pub(super) fn trim(&mut self, published: CommitSeq) {
        if self.commits.is_empty() {
            return;
        }
        let oldest = self.readers.oldest(published);
        while let Some(written) = self.commits.front().filter(|written| written.seq <= oldest) {
            self.forgotten = written.seq;
            self.commits.pop_front();
        }
    }

    /// Remembers a commit by the operations it added to the batch.
    pub(super) fn remember(&mut self, seq: CommitSeq, batch: &Batch, from: usize) {
        let operations = &batch.operations()[from..];
        let mut written = Written { seq, keys: Vec::with_capacity(operations.len()), ranges: Vec::new() };
        for operation in operations {
            match operation {
                Operation::Put { family, key, .. } | Operation::Delete { family, key } => {
                    written.keys.push((*family, key.clone()));
                }
                Operation::DeleteRange { family, range } => written.ranges.push((*family, range.clone())),
            }
        }
        self.commits.push_back(written);
    }

    /// Adds to the newest commit that it wrote anywhere in these generations.
    pub(super) fn remember_generations(&mut self, generations: &[(Family, GenerationId)]) {
        if let Some(written) = self.commits.back_mut() {
            let whole = |(family, id): &(Family, GenerationId)| (*family, KeyRange::generation(*id));
            written.ranges.extend(generations.iter().map(whole));
        }
    }

    /// Whether anything committed after `snapshot` is among what was read, or may be: a snapshot that is no longer
    /// registered cannot be told.
    pub(super) fn conflicts(&self, snapshot: CommitSeq, reads: &dyn ReadSet) -> bool {
        if snapshot < self.forgotten {
            return true;
        }
        let after = self.commits.partition_point(|written| written.seq <= snapshot);
        self.commits.range(after..).any(|written| {
            written.keys.iter().any(|(family, key)| reads.contains(*family, key))
                || written.ranges.iter().any(|(family, range)| reads.intersects(*family, range))
        })
    }
}
