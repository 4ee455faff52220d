//! The contract of a key-value store, as tests that every implementation runs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Batch, Direction, Family, KeyValue, KvSnapshot, SortedRun};
use crate::key::KeyRange;

/// Runs every test, each over a new and empty store.
pub(crate) fn check(empty: impl Fn() -> Arc<dyn KeyValue>) {
    batches_apply_in_order(empty().as_ref());
    families_are_apart(empty().as_ref());
    snapshots_never_change(empty().as_ref());
    ranges_are_half_open(empty().as_ref());
    scans_stop_when_told(empty().as_ref());
    visitors_may_read(empty().as_ref());
    multi_get_answers_in_order(empty().as_ref());
    bulk_writes_are_seen(empty().as_ref());
    runs_are_seen_by_who_comes_later(empty().as_ref());
    large_ranges_are_split(empty().as_ref());
    for seed in 0..20 {
        agrees_with_a_model(empty().as_ref(), seed);
    }
}

fn range(start: &[u8], end: &[u8]) -> KeyRange {
    KeyRange { start: Bytes::copy_from_slice(start), end: Bytes::copy_from_slice(end) }
}

fn put(kv: &dyn KeyValue, family: Family, entries: &[(&[u8], &[u8])]) {
    let mut batch = Batch::new();
    for (key, value) in entries {
        batch.put(family, key.to_vec(), value.to_vec());
    }
    kv.write(&batch).unwrap();
}

fn scan(snapshot: &dyn KvSnapshot, family: Family, range: &KeyRange, direction: Direction) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    snapshot
        .scan(family, range, direction, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn keys(snapshot: &dyn KvSnapshot, range: &KeyRange) -> Vec<Vec<u8>> {
    scan(snapshot, Family::Rows, range, Direction::Forward).into_iter().map(|(key, _)| key).collect()
}

fn batches_apply_in_order(kv: &dyn KeyValue) {
    let mut batch = Batch::new();
    batch.put(Family::Rows, "a", "1");
    batch.put(Family::Rows, "b", "1");
    batch.delete_range(Family::Rows, range(b"a", b"c"));
    batch.put(Family::Rows, "b", "2");
    batch.put(Family::Rows, "c", "1");
    batch.delete(Family::Rows, "c");
    batch.put(Family::Rows, "d", "");
    kv.write(&batch).unwrap();
    assert_eq!(kv.get(Family::Rows, b"a").unwrap(), None);
    assert_eq!(kv.get(Family::Rows, b"b").unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(kv.get(Family::Rows, b"c").unwrap(), None);
    assert_eq!(kv.get(Family::Rows, b"d").unwrap().as_deref(), Some(&b""[..]));
}

fn families_are_apart(kv: &dyn KeyValue) {
    for family in Family::ALL {
        put(kv, family, &[(b"key", family.name().as_bytes())]);
    }
    for family in Family::ALL {
        assert_eq!(kv.get(family, b"key").unwrap().as_deref(), Some(family.name().as_bytes()));
    }
}

fn snapshots_never_change(kv: &dyn KeyValue) {
    let nothing = kv.snapshot().unwrap();
    put(kv, Family::Rows, &[(b"a", b"1"), (b"b", b"1")]);
    let before = kv.snapshot().unwrap();
    assert!(nothing.position() < before.position());
    assert_eq!(kv.oldest_snapshot().unwrap(), Some(nothing.position()));
    let mut batch = Batch::new();
    batch.delete_range(Family::Rows, range(b"a", b"b"));
    batch.put(Family::Rows, "b", "2");
    kv.write(&batch).unwrap();
    kv.flush().unwrap();
    kv.compact(Family::Rows, &range(b"a", b"z")).unwrap();
    assert_eq!(keys(nothing.as_ref(), &range(b"", b"z")), Vec::<Vec<u8>>::new());
    assert_eq!(before.get(Family::Rows, b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(before.get(Family::Rows, b"b").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(keys(before.as_ref(), &range(b"", b"z")), [b"a", b"b"]);
    drop((nothing, before));
    let after = kv.snapshot().unwrap();
    assert_eq!(kv.oldest_snapshot().unwrap(), Some(after.position()));
    assert_eq!(after.get(Family::Rows, b"a").unwrap(), None);
    assert_eq!(after.get(Family::Rows, b"b").unwrap().as_deref(), Some(&b"2"[..]));
}

fn ranges_are_half_open(kv: &dyn KeyValue) {
    put(kv, Family::Rows, &[(b"a", b""), (b"b", b""), (b"b\0", b""), (b"\xff\xff", b""), (b"c", b"")]);
    let snapshot = kv.snapshot().unwrap();
    assert_eq!(keys(snapshot.as_ref(), &range(b"a", b"b")), [b"a"]);
    assert_eq!(keys(snapshot.as_ref(), &range(b"b", b"c")), [&b"b"[..], b"b\0"]);
    assert_eq!(keys(snapshot.as_ref(), &range(b"c", b"a")), Vec::<Vec<u8>>::new());
    assert_eq!(keys(snapshot.as_ref(), &range(b"b", b"b")), Vec::<Vec<u8>>::new());
    let backward = scan(snapshot.as_ref(), Family::Rows, &range(b"a", b"c"), Direction::Backward);
    assert_eq!(backward.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [&b"b\0"[..], b"b", b"a"]);
    assert_eq!(snapshot.approximate_entries(Family::Rows, &range(b"a", b"c")).unwrap(), 3);
}

fn scans_stop_when_told(kv: &dyn KeyValue) {
    put(kv, Family::Rows, &[(b"a", b""), (b"b", b""), (b"c", b"")]);
    let mut seen = 0;
    kv.snapshot()
        .unwrap()
        .scan(Family::Rows, &range(b"a", b"z"), Direction::Forward, &mut |_, _| {
            seen += 1;
            if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 2);
}

fn visitors_may_read(kv: &dyn KeyValue) {
    put(kv, Family::Index, &[(b"x", b"a"), (b"y", b"b")]);
    put(kv, Family::Rows, &[(b"a", b"1"), (b"b", b"2")]);
    let snapshot = kv.snapshot().unwrap();
    let mut rows = Vec::new();
    snapshot
        .scan(Family::Index, &range(b"a", b"z"), Direction::Forward, &mut |_, key| {
            rows.push(snapshot.get(Family::Rows, key).unwrap().unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(rows, ["1", "2"]);
}

fn multi_get_answers_in_order(kv: &dyn KeyValue) {
    put(kv, Family::Rows, &[(b"a", b"1"), (b"b", b"2")]);
    let snapshot = kv.snapshot().unwrap();
    let found = snapshot.multi_get(Family::Rows, &[b"b", b"nothing", b"a", b"b"]).unwrap();
    let found: Vec<_> = found.iter().map(|value| value.as_deref()).collect();
    assert_eq!(found, [Some(&b"2"[..]), None, Some(b"1"), Some(b"2")]);
    assert!(snapshot.multi_get(Family::Rows, &[]).unwrap().is_empty());
}

fn bulk_writes_are_seen(kv: &dyn KeyValue) {
    let mut batch = Batch::new();
    batch.put(Family::Rows, "a", "1");
    kv.write_bulk(&batch).unwrap();
    kv.sync().unwrap();
    kv.flush().unwrap();
    assert_eq!(kv.get(Family::Rows, b"a").unwrap().as_deref(), Some(&b"1"[..]));
}

fn runs_are_seen_by_who_comes_later(kv: &dyn KeyValue) {
    put(kv, Family::Rows, &[(b"b", b"old"), (b"z", b"old")]);
    kv.write_bulk(&{
        let mut batch = Batch::new();
        batch.put(Family::Rows, "k1", "old");
        batch
    })
    .unwrap();
    let before = kv.snapshot().unwrap();
    let mut run = SortedRun::new();
    for number in 0..1000_u32 {
        assert!(run.push(&[b"k", &number.to_be_bytes()[..]].concat(), &number.to_le_bytes()));
    }
    // A key in the midst of the run that was written before, in memory and not durable.
    assert!(run.push(b"k1", b"new"));
    kv.ingest(Family::Rows, &run).unwrap();
    kv.ingest(Family::Index, &run).unwrap();
    kv.ingest(Family::Index, &SortedRun::new()).unwrap();
    assert_eq!(keys(before.as_ref(), &range(b"k", b"l")), [b"k1"]);
    assert_eq!(before.get(Family::Rows, b"k1").unwrap().as_deref(), Some(&b"old"[..]));
    let after = kv.snapshot().unwrap();
    let found = scan(after.as_ref(), Family::Rows, &range(b"k", b"l"), Direction::Backward);
    assert_eq!(found.len(), 1001);
    assert!(found.iter().rev().map(|(key, value)| (&key[..], &value[..])).eq(run.iter()));
    assert_eq!(
        kv.get(Family::Index, &[b"k", &7_u32.to_be_bytes()[..]].concat()).unwrap().as_deref(),
        Some(&[7, 0, 0, 0][..])
    );
    // Later writes lie over the run.
    let mut batch = Batch::new();
    batch.delete_range(Family::Rows, range(b"k\0\0\0\0", b"k\0\0\x01\0"));
    batch.put(Family::Rows, "k1", "newest");
    kv.write(&batch).unwrap();
    assert_eq!(kv.get(Family::Rows, &[b"k", &255_u32.to_be_bytes()[..]].concat()).unwrap(), None);
    assert_eq!(kv.get(Family::Rows, b"k1").unwrap().as_deref(), Some(&b"newest"[..]));
    assert_eq!(keys(kv.snapshot().unwrap().as_ref(), &range(b"k", b"l")).len(), 1001 - 256);
    assert_eq!(keys(after.as_ref(), &range(b"k", b"l")).len(), 1001);
}

fn large_ranges_are_split(kv: &dyn KeyValue) {
    let mut batch = Batch::new();
    for key in 0..10_000_u32 {
        batch.put(Family::Rows, [b"table".as_slice(), &key.to_be_bytes()].concat(), vec![0; 20]);
    }
    kv.write(&batch).unwrap();
    let all = KeyRange::prefix(b"table");
    let check = || {
        let snapshot = kv.snapshot().unwrap();
        let entries = snapshot.approximate_entries(Family::Rows, &all).unwrap();
        assert!((5_000..=20_000).contains(&entries), "{entries}");
        let points = snapshot.split_points(Family::Rows, &all, 4).unwrap();
        assert_eq!(points.len(), 3);
        let bounds: Vec<Bytes> = [all.start.clone()].into_iter().chain(points).chain([all.end.clone()]).collect();
        for pair in bounds.windows(2) {
            let count = keys(snapshot.as_ref(), &range(&pair[0], &pair[1])).len();
            assert!((1_000..=5_000).contains(&count), "{count}");
        }
        assert!(snapshot.split_points(Family::Rows, &range(b"z", b"zz"), 4).unwrap().is_empty());
    };
    check();
    kv.flush().unwrap();
    check();
}

/// Random batches; every snapshot must go on showing what the model held when it was taken.
fn agrees_with_a_model(kv: &dyn KeyValue, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut held = Vec::new();
    let key = |random: &mut StdRng| vec![b'k', random.random_range(0..40_u8)];
    for round in 0..60_u32 {
        let mut batch = Batch::new();
        for _ in 0..random.random_range(1..8) {
            let at = key(&mut random);
            match random.random_range(0..10) {
                0..6 => {
                    model.insert(at.clone(), round.to_be_bytes().to_vec());
                    batch.put(Family::Rows, at, round.to_be_bytes().to_vec());
                }
                6..9 => {
                    model.remove(&at);
                    batch.delete(Family::Rows, at);
                }
                _ => {
                    let end = key(&mut random);
                    model.retain(|key, _| *key < at || *key >= end);
                    batch.delete_range(Family::Rows, range(&at, &end));
                }
            }
        }
        kv.write(&batch).unwrap();
        match random.random_range(0..12) {
            0..3 => held.push((model.clone(), kv.snapshot().unwrap())),
            3 if !held.is_empty() => {
                held.swap_remove(random.random_range(0..held.len()));
            }
            4 => kv.flush().unwrap(),
            _ => {}
        }
        held.push((model.clone(), kv.snapshot().unwrap()));
        for (model, snapshot) in &held {
            let (start, end) = (key(&mut random), key(&mut random));
            let mut expected: Vec<_> = model
                .iter()
                .filter(|(key, _)| **key >= start && **key < end)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            assert_eq!(
                scan(snapshot.as_ref(), Family::Rows, &range(&start, &end), Direction::Forward),
                expected,
                "seed {seed}"
            );
            expected.reverse();
            assert_eq!(
                scan(snapshot.as_ref(), Family::Rows, &range(&start, &end), Direction::Backward),
                expected,
                "seed {seed}"
            );
            assert_eq!(
                snapshot.get(Family::Rows, &start).unwrap().as_deref(),
                model.get(&start).map(Vec::as_slice),
                "seed {seed}"
            );
        }
        held.pop();
    }
}
