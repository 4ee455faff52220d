//! Opening, counting and crashing, over a disk in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::commit::{CommitRequest, Durability, RowChange};
use crate::id::TableId;
use crate::key::RowKey;
use crate::kv::{Direction, KvSnapshot};
use crate::testing::{CrashDisk, Fault, FaultInjector};

fn open_over(kv: Arc<dyn KeyValue>) -> Store {
    Store::with_kv(kv, StoreOptions::default()).unwrap()
}

fn row_key(generation: GenerationId, name: u64) -> RowKey {
    RowKey::from_bytes([&generation.0.to_be_bytes()[..], &name.to_be_bytes()].concat().into())
}

fn rows(snapshot: &dyn KvSnapshot, family: Family, generation: GenerationId) -> BTreeMap<Bytes, Bytes> {
    let mut rows = BTreeMap::new();
    snapshot
        .scan(family, &KeyRange::generation(generation), Direction::Forward, &mut |key, value| {
            rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(&value[20..]));
            ControlFlow::Continue(())
        })
        .unwrap();
    rows
}

#[test]
fn numbers_are_never_given_out_twice() {
    let mut disk = Arc::new(CrashDisk::new());
    let (mut oids, mut generations) = (Vec::new(), Vec::new());
    for seed in 0..10 {
        let store = open_over(disk.clone());
        for _ in 0..100 {
            oids.push(store.allocate_oid().unwrap());
            generations.push(store.allocate_generation().unwrap().0);
        }
        drop(store);
        disk = Arc::new(disk.crash(seed).unwrap());
    }
    assert!(oids.is_sorted_by(|a, b| a < b) && oids[0] == 16384);
    assert!(generations.is_sorted_by(|a, b| a < b) && generations[0] == 1);
}

#[test]
fn a_newer_format_is_refused() {
    let kv = Arc::new(MemoryKeyValue::new());
    drop(open_over(kv.clone()));
    let mut batch = Batch::new();
    batch.put(Family::Meta, meta::FORMAT, meta::encode_u64(meta::FORMAT_VERSION + 1));
    kv.write(&batch).unwrap();
    assert!(matches!(Store::with_kv(kv, StoreOptions::default()), Err(Error::Format { .. })));
}

#[test]
fn the_timeline_stays() {
    let kv = Arc::new(MemoryKeyValue::new());
    let timeline = open_over(kv.clone()).timeline();
    assert_eq!(open_over(kv).timeline(), timeline);
    assert_ne!(open_over(Arc::new(MemoryKeyValue::new())).timeline(), timeline);
}

/// A generation written aside, one row in each family.
fn write_aside(store: &Store) -> GenerationId {
    let generation = store.allocate_generation().unwrap();
    store.record_aside(generation).unwrap();
    let mut batch = Batch::new();
    batch.put(Family::Rows, row_key(generation, 1).into_bytes(), vec![0; 20]);
    batch.put(Family::Index, row_key(generation, 1).into_bytes(), vec![0; 20]);
    store.write_aside(&batch).unwrap();
    store.flush_aside().unwrap();
    generation
}

#[tokio::test]
async fn what_was_written_aside_stays_only_if_committed() {
    let disk = Arc::new(CrashDisk::new());
    let store = open_over(disk.clone());
    let [kept, abandoned, discarded] = [write_aside(&store), write_aside(&store), write_aside(&store)];
    store.discard_aside(discarded).unwrap();
    let mut request = CommitRequest::new(TransactionId(1), CommitSeq(0));
    request.created.push(kept);
    let seq = store.committer().submit(request).await.unwrap();
    let stamp = store.generation_stamp(kept).unwrap();
    assert_eq!(stamp.0, seq);

    let disk = Arc::new(disk.crash(1).unwrap());
    let store = open_over(disk.clone());
    let state = store.published_state();
    for family in [Family::Rows, Family::Index] {
        assert_eq!(rows(&state.snapshot, family, kept).len(), 1);
        assert_eq!(rows(&state.snapshot, family, abandoned).len(), 0);
        assert_eq!(rows(&state.snapshot, family, discarded).len(), 0);
    }
    assert_eq!(store.generation_stamp(kept), Some(stamp));
    assert_eq!(store.generation_stamp(abandoned), None);
    assert_eq!(store.approximate_rows(kept).unwrap(), 1);

    let mut request = CommitRequest::new(TransactionId(1), seq);
    request.dropped.push(kept);
    store.committer().submit(request).await.unwrap();
    assert_eq!(store.generation_stamp(kept), None);
    assert_eq!(rows(&store.published_state().snapshot, Family::Rows, kept).len(), 0);
    assert_eq!(rows(&state.snapshot, Family::Rows, kept).len(), 1);
    assert!(open_over(disk).published() > seq);
}

/// Contents of the one table of the crash test.
type Model = BTreeMap<Bytes, Bytes>;

const GENERATION: GenerationId = GenerationId(1);

/// A random change of a few rows, and what the table holds after it.
fn random_commit(random: &mut StdRng, model: &Model, round: u64) -> (CommitRequest, Model) {
    let mut after = model.clone();
    let mut request = CommitRequest::new(TransactionId(round), CommitSeq(0));
    let mut touched = BTreeMap::new();
    for _ in 0..random.random_range(1..5) {
        let key = row_key(GENERATION, random.random_range(0..10)).into_bytes();
        let Entry::Vacant(place) = touched.entry(key.clone()) else { continue };
        let old = model.get(&key).cloned();
        let new = (old.is_none() || random.random()).then(|| Bytes::copy_from_slice(&round.to_be_bytes()));
        match &new {
            Some(new) => after.insert(key, new.clone()),
            None => after.remove(&key),
        };
        place.insert((old, new));
    }
    for (key, (old, new)) in touched {
        let new = new.map(|new| [&[0; 20][..], &new].concat());
        request.rows.push(RowChange {
            table: TableId(1),
            family: Family::Rows,
            key: RowKey::from_bytes(key),
            old,
            new,
        });
    }
    (request, after)
}

/// Commits until a step fails, crashes, starts again: everything that was acknowledged is there, everything that was
/// refused is not, and what was left unknown happened whole or not at all.
async fn crash_once(disk: Arc<CrashDisk>, model: &mut Model, seed: u64, step: u64, fault: Fault) -> Arc<CrashDisk> {
    let mut random = StdRng::seed_from_u64(seed);
    let faults = Arc::new(FaultInjector::new(disk.clone()));
    let store = open_over(faults.clone());
    let begun_at = store.published();
    assert_eq!(rows(&store.published_state().snapshot, Family::Rows, GENERATION), *model);
    faults.fail_at(faults.steps() + step, fault);
    // What the disk may hold after the crash, oldest first: from the last synced commit on.
    let mut possible = vec![(begun_at, model.clone())];
    let mut feed = store.changes(begun_at);
    for round in 0..1000 {
        let (newest, contents) = possible.last().expect("never empty").clone();
        let (mut request, after) = random_commit(&mut random, &contents, round);
        let durability = if random.random_ratio(1, 3) { Durability::Async } else { Durability::Sync };
        request.durability = durability;
        match store.committer().submit(request).await {
            Ok(seq) => {
                assert_eq!(seq, newest.next());
                if durability == Durability::Sync {
                    possible.clear();
                }
                possible.push((seq, after));
            }
            Err(Error::CommitOutcomeUnknown { .. }) => {
                possible.push((newest.next(), after));
                break;
            }
            Err(Error::WritesRefused { .. }) => break,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    let told = feed.try_next_batch(usize::MAX).unwrap().last().map_or(begun_at, |record| record.seq);
    let after = Arc::new(disk.crash(seed).unwrap());
    let store = open_over(after.clone());
    let found = rows(&store.published_state().snapshot, Family::Rows, GENERATION);
    let happened = possible.iter().find(|(seq, _)| *seq == store.published());
    let Some((seq, contents)) = happened else { panic!("seed {seed}: commit {:?} is not possible", store.published()) };
    assert_eq!(found, *contents, "seed {seed}");
    assert!(told <= *seq, "seed {seed}: the feed told of a commit that was lost");
    *model = found;
    after
}

/// `CRASH_SEEDS=n` plays so many histories for each step that fails.
#[tokio::test]
async fn no_crash_loses_what_was_acknowledged() {
    let seeds = std::env::var("CRASH_SEEDS").map_or(1, |seeds| seeds.parse().expect("a number of seeds"));
    for seed in (0..seeds).map(|seed: u64| seed * 10_000) {
        for step in 0..40 {
            for fault in [Fault::Before, Fault::After] {
                let mut disk = Arc::new(CrashDisk::new());
                let mut model = Model::new();
                for life in 0..3 {
                    disk = crash_once(disk, &mut model, seed + step * 100 + life, step, fault).await;
                }
            }
        }
    }
}

#[test]
fn a_failed_reservation_refuses_writes() {
    let faults = Arc::new(FaultInjector::new(Arc::new(MemoryKeyValue::new())));
    let store = open_over(faults.clone());
    faults.fail_at(faults.steps() + 1, Fault::Before);
    assert!(matches!(store.allocate_generation(), Err(Error::WritesRefused { .. })));
    faults.heal();
    assert!(matches!(store.allocate_oid(), Err(Error::WritesRefused { .. })));
    assert!(matches!(store.discard_aside(GENERATION), Err(Error::WritesRefused { .. })));
}

#[tokio::test]
async fn a_directory_holds_what_was_committed() {
    let directory = tempfile::TempDir::new().unwrap();
    let (mut model, mut random) = (Model::new(), StdRng::seed_from_u64(1));
    let options = || StoreOptions { cache_bytes: 8 << 20, memtable_bytes: 1 << 20, ..StoreOptions::default() };
    for life in 0..3 {
        let store = Store::open(directory.path(), options()).unwrap();
        assert!(matches!(Store::open(directory.path(), options()), Err(Error::DirectoryInUse { .. })));
        assert_eq!(store.published(), CommitSeq(life * 50));
        assert_eq!(rows(&store.published_state().snapshot, Family::Rows, GENERATION), model);
        for round in 0..50 {
            let (request, after) = random_commit(&mut random, &model, round);
            store.committer().submit(request).await.unwrap();
            model = after;
        }
        if life == 1 {
            store.shutdown();
        }
    }
}
