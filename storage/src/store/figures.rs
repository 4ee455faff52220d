//! What the store tells of itself in numbers, for those who watch it.

use super::Store;

/// A cache: what it holds, and what was looked for in it since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheFigures {
    pub bytes: u64,
    pub hits: u64,
    pub misses: u64,
}

/// Numbers of one moment, or counted since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// The newest commit that readers see.
    pub published: u64,
    /// Write sets that wait for their place in the order.
    pub commits_waiting: u64,
    /// What the change feed still has.
    pub feed_commits: u64,
    pub feed_bytes: u64,
    /// Single rows and index entries, and what was read of segments.
    pub entries: CacheFigures,
    pub blocks: CacheFigures,
    pub segments: u64,
    pub segment_bytes: u64,
    /// Whether writes are accepted.
    pub is_writable: bool,
}

impl Store {
    /// Numbers of this moment.
    pub fn figures(&self) -> Figures {
        let newest = self.newest();
        let (feed_commits, feed_bytes) = self.inner.feed.figures();
        let infos = newest.snapshot.manifest().segments().map(|segment| segment.info());
        let (segments, segment_bytes) = infos.fold((0, 0), |(count, bytes), info| (count + 1, bytes + info.bytes));
        Figures {
            published: newest.seq.0,
            commits_waiting: self.inner.committer.waiting() as u64,
            feed_commits,
            feed_bytes,
            entries: newest.hot.figures(),
            blocks: self.inner.blocks.figures(),
            segments,
            segment_bytes,
            is_writable: self.inner.health.check().is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Store, StoreOptions, TableId, TableLock, Wait};

    #[tokio::test]
    async fn locks_and_commits_are_counted() {
        let store = Store::in_memory(StoreOptions::default());
        let before = store.figures();
        assert_eq!((before.segments, before.is_writable), (0, true));
        let mut transaction = store.begin(crate::Isolation::ReadCommitted);
        transaction.begin_command();
        transaction.lock_table(TableId(7), TableLock::Exclusive, Wait::No).await.unwrap();
        transaction.put_entry(b"name", b"value".to_vec()).unwrap();
        let listed = store.locks_held();
        assert!(listed.iter().any(|lock| lock.owner == transaction.id() && lock.granted), "{listed:?}");
        transaction.commit(crate::Durability::Sync).await.unwrap();
        assert_eq!(store.figures().published, before.published + 1);
        assert!(store.figures().feed_commits > 0 && store.locks_held().is_empty());
    }
}
