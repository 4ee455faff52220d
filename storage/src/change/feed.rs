//! The change feed: committed changes, in commit order, exactly once.
//!
//! A reader pulls from a [`CommitSeq`] it already holds. A change becomes visible here only after it is durable.
//! Recent commits are kept in a ring with a budget of bytes; a reader that falls out of it is told so and begins
//! anew. Nobody ever waits for a reader. The feed knows nothing of SQL.
//!
//! One reader may *follow*: while it does, the messages of commits that leave the ring before it has read them are kept
//! for it. How many those may become, whoever commits messages has to mind (`Store::kept_message_bytes`).

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::id::{CommitSeq, TableId};
use crate::key::RowKey;
use crate::slice::SliceId;

/// What one commit did to one row. Both images carry their header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub table: TableId,
    pub key: RowKey,
    /// The row before; `None` when it was inserted.
    pub old: Option<Bytes>,
    /// The row after; `None` when it was deleted.
    pub new: Option<Bytes>,
}

/// One commit, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRecord {
    pub seq: CommitSeq,
    /// Microseconds since 1970-01-01 UTC.
    pub committed_at_us: i64,
    pub changes: Vec<Change>,
    /// Whether definitions changed.
    pub catalog_changed: bool,
    /// Tables whose contents were exchanged as a whole: their single changes are not told.
    pub replaced: Vec<TableId>,
    /// Slices of tables whose rows are gone as a whole: neither are these told one by one.
    pub emptied: Vec<(TableId, SliceId)>,
    /// What the room above wanted carried along, in order.
    pub messages: Vec<Bytes>,
}

impl CommitRecord {
    /// About how much memory the record holds.
    pub fn bytes(&self) -> usize {
        let image = |image: &Option<Bytes>| image.as_ref().map_or(0, Bytes::len);
        let changes: usize = self
            .changes
            .iter()
            .map(|change| {
                mem::size_of::<Change>() + change.key.as_bytes().len() + image(&change.old) + image(&change.new)
            })
            .sum();
        mem::size_of::<CommitRecord>()
            + changes
            + message_bytes(&self.messages)
            + self.replaced.len() * mem::size_of::<TableId>()
            + self.emptied.len() * mem::size_of::<(TableId, SliceId)>()
    }
}

/// Why a reader gets no more records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedEnd {
    /// The record after the reader's place is no longer in the ring (or never was in this process).
    #[error("the reader fell behind the recent changes")]
    Lagged,
    /// The store was shut down.
    #[error("the store was shut down")]
    Closed,
}

struct Ring {
    /// Consecutive sequences: the first follows `forgotten`.
    records: VecDeque<Arc<CommitRecord>>,
    /// The newest commit that is no longer here.
    forgotten: CommitSeq,
    bytes: usize,
    /// The newest commit that the follower has read, while there is one.
    followed: Option<CommitSeq>,
    /// Messages that it has not read, of commits that are no longer here.
    kept: Vec<(CommitSeq, Vec<Bytes>)>,
}

impl Ring {
    fn newest(&self) -> CommitSeq {
        self.records.back().map_or(self.forgotten, |record| record.seq)
    }
}

/// The ring of recent commits.
pub(crate) struct Feed {
    ring: Mutex<Ring>,
    bytes_max: usize,
    /// Bytes of the messages kept for the follower.
    kept_bytes: AtomicUsize,
    /// Sends the newest sequence in the ring; dropped to close the feed.
    newest: Mutex<Option<watch::Sender<CommitSeq>>>,
    reached: watch::Receiver<CommitSeq>,
}

impl Feed {
    /// An empty feed that begins after `published`.
    pub(crate) fn new(published: CommitSeq, bytes_max: usize) -> Self {
        let (newest, reached) = watch::channel(published);
        Self {
            ring: Mutex::new(Ring {
                records: VecDeque::new(),
                forgotten: published,
                bytes: 0,
                followed: None,
                kept: Vec::new(),
            }),
            bytes_max,
            kept_bytes: AtomicUsize::new(0),
            newest: Mutex::new(Some(newest)),
            reached,
        }
    }

    /// Appends durable commits; the sequences continue where the last call ended.
    pub(crate) fn append(&self, records: impl IntoIterator<Item = Arc<CommitRecord>>) {
        let mut forgotten = Vec::new();
        let mut ring = self.ring.lock();
        for record in records {
            assert_eq!(record.seq, ring.newest().next(), "the feed has no gap and no duplicate");
            ring.bytes += record.bytes();
            ring.records.push_back(record);
        }
        // The newest commit stays even when it alone is over the budget, so that readers who keep up never lose one.
        while ring.bytes > self.bytes_max && ring.records.len() > 1 {
            let Some(oldest) = ring.records.pop_front() else { break };
            ring.bytes -= oldest.bytes();
            ring.forgotten = oldest.seq;
            if !oldest.messages.is_empty() && ring.followed.is_some_and(|followed| followed < oldest.seq) {
                self.kept_bytes.fetch_add(message_bytes(&oldest.messages), Ordering::Relaxed);
                ring.kept.push((oldest.seq, oldest.messages.clone()));
            }
            forgotten.push(oldest);
        }
        let newest = ring.newest();
        drop(ring);
        if let Some(sender) = self.newest.lock().as_ref() {
            sender.send_replace(newest);
        }
    }

    /// How many commits are in the ring, and about how many bytes they take.
    pub(crate) fn figures(&self) -> (u64, u64) {
        let ring = self.ring.lock();
        (ring.records.len() as u64, ring.bytes as u64)
    }

    /// Ends every reader once it has read what is there.
    pub(crate) fn close(&self) {
        self.newest.lock().take();
    }

    /// A reader of everything after `from`.
    pub(crate) fn read_after(self: &Arc<Self>, from: CommitSeq) -> ChangeReader {
        ChangeReader { reached: self.reached.clone(), feed: Arc::clone(self), last: from, follows: false }
    }

    /// The follower, of everything after `from`.
    pub(crate) fn follow(self: &Arc<Self>, from: CommitSeq) -> ChangeReader {
        let before = self.ring.lock().followed.replace(from);
        assert_eq!(before, None, "one reader follows at a time");
        ChangeReader { reached: self.reached.clone(), feed: Arc::clone(self), last: from, follows: true }
    }

    /// The newest commit that readers can have.
    pub(crate) fn newest(&self) -> CommitSeq {
        *self.reached.borrow()
    }

    /// Bytes of the messages that the follower has not read and that are no longer in the ring.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    /// Up to `max` records after `last`; empty when there is none yet.
    fn after(&self, last: CommitSeq, max: usize, follows: bool) -> Result<Vec<Arc<CommitRecord>>, FeedEnd> {
        let mut ring = self.ring.lock();
        if last < ring.forgotten {
            return Err(FeedEnd::Lagged);
        }
        let skip = usize::try_from(last.0 - ring.forgotten.0).unwrap_or(usize::MAX).min(ring.records.len());
        let records: Vec<_> = ring.records.range(skip..).take(max).cloned().collect();
        if follows && let Some(newest) = records.last() {
            ring.followed = Some(newest.seq);
        }
        Ok(records)
    }

    /// The follower's messages of commits that have left the ring, and the newest of those commits.
    fn take_kept(&self) -> (Vec<(CommitSeq, Vec<Bytes>)>, CommitSeq) {
        let mut ring = self.ring.lock();
        ring.followed = Some(ring.forgotten);
        self.kept_bytes.store(0, Ordering::Relaxed);
        (mem::take(&mut ring.kept), ring.forgotten)
    }

    fn forgotten(&self) -> CommitSeq {
        self.ring.lock().forgotten
    }

    /// The follower goes.
    fn unfollow(&self) {
        let mut ring = self.ring.lock();
        ring.followed = None;
        ring.kept = Vec::new();
        self.kept_bytes.store(0, Ordering::Relaxed);
    }
}

/// About how much memory messages hold.
fn message_bytes(messages: &[Bytes]) -> usize {
    messages.iter().map(|message| mem::size_of::<Bytes>() + message.len()).sum()
}

/// A place in the feed.
pub struct ChangeReader {
    feed: Arc<Feed>,
    reached: watch::Receiver<CommitSeq>,
    /// The newest commit that the reader has.
    last: CommitSeq,
    follows: bool,
}

impl std::fmt::Debug for ChangeReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ChangeReader").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Drop for ChangeReader {
    fn drop(&mut self) {
        if self.follows {
            self.feed.unfollow();
        }
    }
}

impl ChangeReader {
    /// The sequence of the last record that was read, or where the reader began.
    pub fn last(&self) -> CommitSeq {
        self.last
    }

    /// The next commit, as soon as there is one. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Arc<CommitRecord>, FeedEnd> {
        let mut records = self.next_batch(1).await?;
        Ok(records.pop().expect("a batch that is answered is not empty"))
    }

    /// The next commits, one at least and `max` at most, as soon as there is one. Dropping the future loses nothing.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<Arc<CommitRecord>>, FeedEnd> {
        loop {
            // Mark what is there as seen before looking, so that nothing appended meanwhile is slept through.
            let open = self.reached.has_changed().is_ok();
            self.reached.borrow_and_update();
            let records = self.feed.after(self.last, max.max(1), self.follows)?;
            if let Some(newest) = records.last() {
                self.last = newest.seq;
                return Ok(records);
            }
            if !open {
                return Err(FeedEnd::Closed);
            }
            // An error says that the feed is closed: the next turn reads what was appended before that.
            let _ = self.reached.changed().await;
        }
    }

    /// What is there now, `max` at most; may be empty.
    pub fn try_next_batch(&mut self, max: usize) -> Result<Vec<Arc<CommitRecord>>, FeedEnd> {
        let records = self.feed.after(self.last, max, self.follows)?;
        if let Some(newest) = records.last() {
            self.last = newest.seq;
        }
        Ok(records)
    }

    /// After `Lagged`: goes on where the ring begins, and answers what the commits in between had of messages. For the
    /// follower; nothing is kept for others.
    pub fn skip_missed(&mut self) -> Vec<(CommitSeq, Vec<Bytes>)> {
        let (kept, forgotten) = if self.follows { self.feed.take_kept() } else { (Vec::new(), self.feed.forgotten()) };
        // A lag is certain only when this is called for one: a reader never goes back.
        self.last = self.last.max(forgotten);
        kept
    }
}
