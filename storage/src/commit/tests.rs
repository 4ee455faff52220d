//! The committer over a key-value store in memory, with slow and failing disks.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::{CommitRequest, Durability, ReadSet, RelationRead, RowChange};
use crate::change::FeedEnd;
use crate::error::{Error, Result};
use crate::id::{CommitSeq, TableId, TransactionId};
use crate::key::{KeyRange, RowKey};
use crate::kv::{Batch, Family, KeyValue, KvSnapshot, MemoryKeyValue, SortedRun};
use crate::store::{Store, StoreOptions};
use crate::testing::{Fault, FaultInjector};

const TABLE: TableId = TableId(20000);

/// A disk whose syncs are counted, and held up while its gate is shut.
#[derive(Default)]
struct GatedDisk {
    memory: MemoryKeyValue,
    shut: Mutex<bool>,
    opened: Condvar,
    syncs: AtomicU64,
    writes: AtomicU64,
}

impl GatedDisk {
    fn shut(&self) {
        *self.shut.lock() = true;
    }

    fn open(&self) {
        *self.shut.lock() = false;
        self.opened.notify_all();
    }
}

impl KeyValue for GatedDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        self.memory.get(family, key)
    }
    fn snapshot(&self) -> Result<Arc<dyn KvSnapshot>> {
        self.memory.snapshot()
    }
    fn write(&self, batch: &Batch) -> Result<()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.memory.write(batch)
    }
    fn sync(&self) -> Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.opened.wait_while(&mut self.shut.lock(), |shut| *shut);
        Ok(())
    }
    fn write_bulk(&self, batch: &Batch) -> Result<()> {
        self.memory.write_bulk(batch)
    }
    fn ingest(&self, family: Family, run: &SortedRun) -> Result<()> {
        self.memory.ingest(family, run)
    }
    fn temporary_file(&self) -> Result<Option<File>> {
        self.memory.temporary_file()
    }
    fn flush(&self) -> Result<()> {
        Ok(())
    }
    fn checkpoint(&self, directory: &Path) -> Result<()> {
        self.memory.checkpoint(directory)
    }
    fn oldest_snapshot(&self) -> Result<Option<u64>> {
        self.memory.oldest_snapshot()
    }
    fn compact(&self, _family: Family, _range: &KeyRange) -> Result<()> {
        Ok(())
    }
}

fn key(name: &str) -> RowKey {
    RowKey::from_bytes([&1_u32.to_be_bytes(), name.as_bytes()].concat().into())
}

/// A row: room for a header, and a name.
fn row(name: &str) -> Vec<u8> {
    [&[0; 20], name.as_bytes()].concat()
}

fn insert(name: &str) -> CommitRequest {
    let mut request = CommitRequest::new(TransactionId(1), CommitSeq(0));
    request.rows.push(RowChange {
        table: TABLE,
        family: Family::Rows,
        key: key(name),
        old: None,
        new: Some(row(name)),
    });
    request
}

fn open(kv: Arc<dyn KeyValue>) -> Store {
    Store::with_kv(kv, StoreOptions::default()).unwrap()
}

fn stored(store: &Store, name: &str) -> Option<Bytes> {
    store.published_state().snapshot.get(Family::Rows, key(name).as_bytes()).unwrap()
}

/// Waits for what another thread is about to do.
fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it did not happen");
}

#[tokio::test]
async fn commits_are_stamped_published_and_told() {
    let store = open(Arc::new(MemoryKeyValue::new()));
    let mut reader = store.changes(store.published());
    let first = store.committer().submit(insert("a")).await.unwrap();
    assert_eq!((first, store.published()), (CommitSeq(1), CommitSeq(1)));
    let old = stored(&store, "a").unwrap();
    assert_eq!(old[..8], 1_u64.to_le_bytes());

    let mut update = CommitRequest::new(TransactionId(2), first);
    update.rows.push(RowChange {
        table: TABLE,
        family: Family::Rows,
        key: key("a"),
        old: Some(old.clone()),
        new: Some(row("A")),
    });
    update.messages.push("hello".into());
    update.writes.put(Family::Catalog, "entry", "value");
    let second = store.committer().submit(update).await.unwrap();

    let mut delete = CommitRequest::new(TransactionId(3), second);
    delete.rows.push(RowChange {
        table: TABLE,
        family: Family::Rows,
        key: key("a"),
        old: stored(&store, "a"),
        new: None,
    });
    store.committer().submit(delete).await.unwrap();
    assert_eq!(stored(&store, "a"), None);

    let inserted = reader.next().await.unwrap();
    assert_eq!((inserted.seq, &inserted.changes[0].old, &inserted.changes[0].new), (first, &None, &Some(old.clone())));
    let updated = reader.next().await.unwrap();
    let image = updated.changes[0].new.clone().unwrap();
    assert_eq!((updated.seq, &updated.changes[0].old, &image[20..]), (second, &Some(old), &b"A"[..]));
    assert_eq!(image[8..16], updated.committed_at_us.to_le_bytes());
    assert_eq!(updated.messages, ["hello"]);
    let deleted = reader.next().await.unwrap();
    assert_eq!((&deleted.changes[0].old, &deleted.changes[0].new), (&Some(image), &None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_together_is_synced_together() {
    let disk = Arc::new(GatedDisk::default());
    let store = open(disk.clone());
    let (syncs, writes) = (disk.syncs.load(Ordering::SeqCst), disk.writes.load(Ordering::SeqCst));
    disk.shut();
    let submit = |name: String| {
        let store = store.clone();
        tokio::spawn(async move { store.committer().submit(insert(&name)).await })
    };
    let first = submit("first".into());
    eventually(|| disk.syncs.load(Ordering::SeqCst) == syncs + 1);
    let others: Vec<_> = (0..50).map(|i| submit(format!("row {i}"))).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Nothing is visible, or acknowledged, before it is durable.
    assert_eq!(store.published(), CommitSeq(0));
    assert!(!first.is_finished() && stored(&store, "first").is_none());
    disk.open();
    let mut seqs = vec![first.await.unwrap().unwrap()];
    for other in others {
        seqs.push(other.await.unwrap().unwrap());
    }
    seqs.sort();
    assert_eq!(seqs, (1..=51).map(CommitSeq).collect::<Vec<_>>());
    assert_eq!(disk.syncs.load(Ordering::SeqCst), syncs + 2);
    assert_eq!(disk.writes.load(Ordering::SeqCst), writes + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_go_when_the_commit_is_published() {
    struct Held(Store, Arc<Mutex<Option<CommitSeq>>>);
    impl Drop for Held {
        fn drop(&mut self) {
            *self.1.lock() = Some(self.0.published());
        }
    }
    let store = open(Arc::new(MemoryKeyValue::new()));
    let published = Arc::new(Mutex::new(None));
    let mut request = insert("a");
    request.held = Some(Box::new(Held(store.clone(), Arc::clone(&published))));
    let seq = store.committer().submit(request).await.unwrap();
    assert_eq!(*published.lock(), Some(seq));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_async_commit_is_seen_at_once_and_told_when_durable() {
    let disk = Arc::new(GatedDisk::default());
    let store = open(disk.clone());
    let mut reader = store.changes(CommitSeq(0));
    disk.shut();
    let mut request = insert("a");
    request.durability = Durability::Async;
    let seq = store.committer().submit(request).await.unwrap();
    assert_eq!(store.published(), seq);
    assert!(stored(&store, "a").is_some());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(reader.try_next_batch(10).unwrap().is_empty());
    disk.open();
    assert_eq!(reader.next().await.unwrap().seq, seq);
}

/// Has read exactly the rows of these names.
struct Names(Vec<&'static str>);

impl ReadSet for Names {
    fn contains(&self, family: Family, read: &[u8]) -> bool {
        family == Family::Rows && self.0.iter().any(|name| key(name).as_bytes() == read)
    }
    fn intersects(&self, family: Family, range: &KeyRange) -> bool {
        family == Family::Rows && self.0.iter().any(|name| range.contains(key(name).as_bytes()))
    }
}

#[tokio::test]
async fn a_serializable_commit_must_have_read_the_newest() {
    let store = open(Arc::new(MemoryKeyValue::new()));
    store.committer().submit(insert("a")).await.unwrap();
    let reader = store.serializable_snapshot();
    store.committer().submit(insert("b")).await.unwrap();
    let attempt = |snapshot, reads, writes| {
        let mut request = insert(writes);
        request.snapshot = snapshot;
        request.reads = Some(Box::new(Names(reads)));
        store.committer().submit(request)
    };
    let snapshot = reader.published.seq;
    attempt(snapshot, vec!["a", "c"], "d").await.unwrap();
    assert!(matches!(attempt(snapshot, vec!["a", "b"], "e").await, Err(Error::SerializationFailure)));
    assert!(matches!(attempt(snapshot, vec!["d"], "e").await, Err(Error::SerializationFailure)));
    let mut drop_all = CommitRequest::new(TransactionId(9), snapshot);
    drop_all.dropped.push(crate::id::GenerationId(1));
    store.committer().submit(drop_all).await.unwrap();
    assert!(matches!(attempt(snapshot, vec!["z"], "e").await, Err(Error::SerializationFailure)));
    // What was refused has left no trace.
    assert_eq!(stored(&store, "e"), None);
    attempt(store.published(), vec!["a", "b"], "e").await.unwrap();
    // Once nobody is registered the past is forgotten, and who comes from it is refused.
    drop(reader);
    store.committer().submit(insert("x")).await.unwrap();
    store.committer().submit(insert("y")).await.unwrap();
    assert!(matches!(attempt(snapshot, vec!["unrelated"], "e").await, Err(Error::SerializationFailure)));
}

#[tokio::test]
async fn a_write_set_for_an_older_definition_is_refused() {
    let store = open(Arc::new(MemoryKeyValue::new()));
    let looked_up = store.published();
    let mut redefine = CommitRequest::new(TransactionId(1), looked_up);
    redefine.redefined.push(TABLE);
    redefine.catalog_changed = true;
    let redefined = store.committer().submit(redefine).await.unwrap();
    let attempt = |table, seq| {
        let mut request = insert("a");
        request.relations.push(RelationRead { table, seq });
        store.committer().submit(request)
    };
    assert!(matches!(attempt(TABLE, looked_up).await, Err(Error::RelationChanged)));
    attempt(TableId(20001), looked_up).await.unwrap();
    attempt(TABLE, redefined).await.unwrap();
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_and_everything_is_read() {
    for fault in [Fault::Before, Fault::After] {
        // The write and the sync of a commit are its two durable steps.
        for step in 0..2 {
            let disk = Arc::new(FaultInjector::new(Arc::new(MemoryKeyValue::new())));
            let store = open(disk.clone());
            let mut reader = store.changes(CommitSeq(0));
            store.committer().submit(insert("before")).await.unwrap();
            disk.fail_at(disk.steps() + step, fault);
            let released = Arc::new(AtomicBool::new(false));
            struct Held(Arc<AtomicBool>);
            impl Drop for Held {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::SeqCst);
                }
            }
            let mut request = insert("lost");
            request.held = Some(Box::new(Held(Arc::clone(&released))));
            assert!(matches!(store.committer().submit(request).await, Err(Error::CommitOutcomeUnknown { .. })));
            assert!(released.load(Ordering::SeqCst));
            disk.heal();
            assert!(matches!(store.committer().submit(insert("after")).await, Err(Error::WritesRefused { .. })));
            assert!(matches!(store.check_writable(), Err(Error::WritesRefused { .. })));
            assert_eq!(store.published(), CommitSeq(1));
            assert!(stored(&store, "before").is_some() && stored(&store, "lost").is_none());
            assert_eq!(reader.next().await.unwrap().seq, CommitSeq(1));
            assert!(reader.try_next_batch(1).unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn an_async_commit_whose_sync_fails_is_never_told() {
    let disk = Arc::new(FaultInjector::new(Arc::new(MemoryKeyValue::new())));
    let store = open(disk.clone());
    let mut reader = store.changes(CommitSeq(0));
    disk.fail_at(disk.steps() + 1, Fault::Before);
    let mut request = insert("a");
    request.durability = Durability::Async;
    store.committer().submit(request).await.unwrap();
    eventually(|| store.check_writable().is_err());
    assert!(reader.try_next_batch(1).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_has_every_commit_once_and_in_order() {
    let store = open(Arc::new(MemoryKeyValue::new()));
    let mut reader = store.changes(CommitSeq(0));
    let following = tokio::spawn(async move {
        let mut seqs = Vec::new();
        while seqs.len() < 400 {
            seqs.extend(reader.next_batch(7).await.unwrap().iter().map(|record| record.seq));
        }
        seqs
    });
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for i in 0..100 {
                    let mut request = insert(&format!("{writer} {i}"));
                    if i % 3 == 0 {
                        request.durability = Durability::Async;
                    }
                    store.committer().submit(request).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(following.await.unwrap(), (1..=400).map(CommitSeq).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_told() {
    let options = StoreOptions { feed_bytes: 4096, ..StoreOptions::default() };
    let store = Store::with_kv(Arc::new(MemoryKeyValue::new()), options).unwrap();
    let mut slow = store.changes(CommitSeq(0));
    let mut keeps_up = store.changes(CommitSeq(0));
    for i in 0..50 {
        store.committer().submit(insert(&format!("row {i}"))).await.unwrap();
        keeps_up.next().await.unwrap();
    }
    assert_eq!(slow.next().await, Err(FeedEnd::Lagged));
    // A commit larger than the whole budget still reaches who keeps up.
    let mut large = insert("large");
    large.rows[0].new = Some(vec![0; 100_000]);
    let seq = store.committer().submit(large).await.unwrap();
    assert_eq!(keeps_up.next().await.unwrap().seq, seq);
    assert_eq!(store.changes(CommitSeq(3)).next().await, Err(FeedEnd::Lagged));
    store.shutdown();
    assert_eq!(keeps_up.next().await, Err(FeedEnd::Closed));
}

#[tokio::test]
async fn shutting_down_commits_what_waits_and_refuses_the_rest() {
    let disk = Arc::new(GatedDisk::default());
    let store = open(disk.clone());
    let mut request = insert("a");
    request.durability = Durability::Async;
    store.committer().submit(request).await.unwrap();
    let mut reader = store.changes(CommitSeq(0));
    store.shutdown();
    assert_eq!(reader.next().await.unwrap().seq, CommitSeq(1));
    assert!(matches!(store.committer().submit(insert("b")).await, Err(Error::WritesRefused { .. })));
}

#[tokio::test]
async fn a_panic_of_the_committer_leaves_nobody_waiting() {
    struct Panics;
    impl ReadSet for Panics {
        fn contains(&self, _: Family, _: &[u8]) -> bool {
            panic!("on purpose")
        }
        fn intersects(&self, _: Family, _: &KeyRange) -> bool {
            false
        }
    }
    let store = open(Arc::new(MemoryKeyValue::new()));
    let _registered = store.serializable_snapshot();
    store.committer().submit(insert("a")).await.unwrap();
    let mut request = insert("b");
    request.reads = Some(Box::new(Panics));
    assert!(matches!(store.committer().submit(request).await, Err(Error::CommitOutcomeUnknown { .. })));
    eventually(|| store.check_writable().is_err());
    assert!(matches!(store.committer().submit(insert("c")).await, Err(Error::WritesRefused { .. })));
}
