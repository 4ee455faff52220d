//! Walks over a snapshot with own writes laid over it, against a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use super::merge::Walk;
use crate::id::TableId;
use crate::key::KeyRange;
use crate::kv::{Batch, Direction, Family, KeyValue, MemoryKeyValue};
use crate::transaction::{Overlay, RowOrigin, Write, WriteSet};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn key(&mut self) -> Vec<u8> {
        let length = 1 + self.below(3);
        (0..length).map(|_| [0, 1, 7, 255][self.below(4) as usize]).collect()
    }
}

fn put(writes: &mut WriteSet, key: Bytes, value: Option<Bytes>, command: u32) {
    let origin = RowOrigin { table: TableId(1), replaced: None };
    writes.put(Write { family: Family::Rows, key, value }, origin, command, false);
}

fn walk_all(
    snapshot: &dyn crate::kv::KvSnapshot,
    overlay: Option<&Overlay>,
    range: KeyRange,
    direction: Direction,
    piece: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut walk = Walk::new(Family::Rows, range.clone(), direction);
    let mut found = Vec::new();
    let mut walked = Vec::new();
    while !walk.is_done() {
        let (before, from) = (walk.rest().clone(), found.len());
        walk.step(snapshot, overlay, piece, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .unwrap();
        assert!(found.len() - from <= piece);
        assert!(walk.is_done() || found.len() - from == piece, "a piece is full unless it is the last");
        let piece_range = walk.walked_since(&before);
        assert!(found[from..].iter().all(|(key, _)| piece_range.contains(key)));
        walked.push(piece_range);
    }
    // The pieces make up the range.
    walked.sort_by(|left, right| left.start.cmp(&right.start));
    for (left, right) in walked.iter().zip(walked.iter().skip(1)) {
        assert_eq!(left.end, right.start);
    }
    if let (Some(first), Some(last)) = (walked.first(), walked.last()) {
        assert_eq!((&first.start, &last.end), (&range.start, &range.end));
    }
    found
}

#[test]
fn a_walk_is_what_the_model_says() {
    for seed in 1..400u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let kv = MemoryKeyValue::new();
        let mut model = Model::new();
        let mut batch = Batch::new();
        for _ in 0..random.below(30) {
            let key = random.key();
            batch.put(Family::Rows, key.clone(), b"base".to_vec());
            model.insert(key, b"base".to_vec());
        }
        kv.write(&batch).unwrap();
        let mut writes = WriteSet::default();
        for _ in 0..random.below(20) {
            let key = random.key();
            if random.below(3) == 0 {
                model.remove(&key);
                put(&mut writes, key.into(), None, 1);
            } else {
                model.insert(key.clone(), b"own".to_vec());
                put(&mut writes, key.into(), Some(Bytes::from_static(b"own")), 1);
            }
        }
        // A later command's write is not in the view.
        put(&mut writes, vec![7, 7].into(), Some(Bytes::from_static(b"later")), 5);
        let overlay = Overlay::new(Arc::new(RwLock::new(writes)), 5, None);
        let snapshot = kv.snapshot().unwrap();
        let (mut start, mut end) = (random.key(), random.key());
        if random.below(4) == 0 {
            (start, end) = (vec![0], vec![255, 255, 255, 255]);
        }
        let range = KeyRange { start: start.clone().into(), end: end.clone().into() };
        let mut expected: Vec<_> = model
            .iter()
            .filter(|(key, _)| **key >= start && **key < end)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for direction in [Direction::Forward, Direction::Backward] {
            for piece in [1, 2, 3, 7, 100] {
                let found = walk_all(snapshot.as_ref(), Some(&overlay), range.clone(), direction, piece);
                assert_eq!(found, expected, "seed {seed}, {direction:?} in pieces of {piece}");
            }
            expected.reverse();
        }
    }
}
