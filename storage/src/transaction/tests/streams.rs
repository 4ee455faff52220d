//! Streams: what is shown of rows that come with the time and go with it, and what is left of them.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::backup::{Stop, restore};
use crate::environment::{Environment, ManualClock};
use crate::kv::Family;
use crate::stream::StreamRule;
use crate::{Slice, SliceId};

const SECOND_US: i64 = 1_000_000;
const TTL_US: i64 = 5 * SECOND_US;
const START_US: i64 = 1_700_000_000 * SECOND_US;

/// A stream whose clock stands still.
struct Stream {
    world: World,
    clock: Arc<ManualClock>,
}

impl Stream {
    fn new() -> Self {
        Self::with(None, false)
    }

    fn with(rows_max: Option<u64>, ephemeral: bool) -> Self {
        let clock = Arc::new(ManualClock::new(START_US));
        let environment = Environment::seeded(clock.clone(), 7);
        Self::over(
            Store::in_memory(StoreOptions { environment, ..StoreOptions::default() }),
            clock,
            rows_max,
            ephemeral,
        )
    }

    fn over(store: Store, clock: Arc<ManualClock>, rows_max: Option<u64>, ephemeral: bool) -> Self {
        let world = World::over(store);
        let mut table = (*world.table).clone();
        let bucket_us = StreamRule::bucket_us_for(TTL_US);
        table.identity = RowIdentity::Hidden;
        table.indexes = Vec::new();
        table.slice = Slice::Every;
        table.stream = Some(StreamRule { ttl_us: TTL_US, bucket_us, rows_max, ephemeral });
        Self { world: World { store: world.store, table: Arc::new(table) }, clock }
    }

    fn of(&self, slice: u32) -> World {
        World { store: self.world.store.clone(), table: Arc::new(self.world.table.of_slice(SliceId(slice))) }
    }

    async fn fill(&self, slice: u32, ids: impl IntoIterator<Item = i32>) -> Vec<RowKey> {
        let (own, mut transaction) = (self.of(slice), self.world.begin());
        let mut keys = Vec::new();
        for id in ids {
            keys.push(own.insert(&mut transaction, [id, 0, slice as i32]).await);
        }
        commit(transaction).await;
        keys
    }

    fn ids(&self, slice: u32) -> Vec<i32> {
        self.of(slice).committed().into_iter().map(|(id, _)| id).collect()
    }

    fn all(&self) -> Vec<(i32, i32)> {
        let mut rows = self.world.committed();
        rows.sort_unstable();
        rows
    }

    fn seconds_pass(&self, seconds: i64) {
        self.clock.advance(seconds * SECOND_US);
    }

    /// Rows that are stored, whether or not anybody is shown them.
    fn stored(&self) -> usize {
        let mut count = 0;
        let snapshot = self.world.store.kv().snapshot().unwrap();
        let range = KeyRange::generation(self.world.table.generation);
        let visit = &mut |_: &[u8], _: &[u8]| {
            count += 1;
            std::ops::ControlFlow::Continue(())
        };
        snapshot.scan(Family::Stream, &range, Direction::Forward, visit).unwrap();
        count
    }
}

#[tokio::test]
async fn a_row_is_shown_until_it_is_too_old() {
    let stream = Stream::new();
    let own = stream.of(1);
    let keys = stream.fill(1, 0..3).await;
    stream.seconds_pass(4);
    stream.fill(1, 3..5).await;
    assert_eq!(stream.ids(1), [0, 1, 2, 3, 4]);
    // Neither an old snapshot nor a walk that has begun shows what has become too old since.
    let reader = stream.world.begin_at(Isolation::RepeatableRead);
    let mut walk = reader.view().scan(&own.table, &own.table.rows(), Direction::Forward);
    let mut columns = reader.view().scan_batches(&own.table, &own.table.rows(), &[ID], true);
    assert_eq!((walk.next(1).unwrap().len(), columns.next(1).unwrap().unwrap()[0].len()), (1, 1));
    assert!(reader.get(&own.table, &keys[1]).unwrap().is_some());
    stream.clock.advance(SECOND_US - 1);
    assert_eq!(stream.ids(1).len(), 5);
    stream.clock.advance(1);
    assert_eq!(own.rows(&reader.view()).len(), 2);
    assert_eq!(walk.next(10).unwrap().len(), 2);
    assert_eq!(columns.next(10).unwrap().unwrap()[0].len(), 2);
    assert!(columns.next(10).unwrap().is_none());
    let mut writer = stream.world.begin();
    for key in &keys {
        assert!(reader.get(&own.table, key).unwrap().is_none());
        assert!(reader.view().get(&own.table, key).unwrap().is_none());
        assert!(own.store.is_over(&own.table, key));
        let locked = writer.lock_row(&own.table, key, RowLock::Update, Wait::Forever).await.unwrap();
        assert!(matches!(locked, LockedRow::Gone));
    }
    assert_eq!((stream.ids(1), stream.stored()), (vec![3, 4], 5));
    stream.seconds_pass(4);
    assert_eq!((stream.ids(1), stream.all()), (vec![], vec![]));
}

#[tokio::test]
async fn a_transaction_sees_its_own_rows_and_only_as_long() {
    let stream = Stream::new();
    let own = stream.of(1);
    let mut transaction = stream.world.begin();
    own.insert(&mut transaction, [1, 0, 1]).await;
    stream.seconds_pass(3);
    own.insert(&mut transaction, [2, 0, 1]).await;
    transaction.begin_command();
    assert_eq!(own.rows(&transaction.view()), [(1, 1), (2, 1)]);
    stream.seconds_pass(2);
    assert_eq!(own.rows(&transaction.view()), [(2, 1)]);
    commit(transaction).await;
    assert_eq!(stream.ids(1), [2]);
}

#[tokio::test]
async fn a_slice_is_shown_by_itself_and_backwards() {
    let stream = Stream::new();
    for second in 0..4 {
        for slice in [1, 2, u32::MAX] {
            stream.fill(slice, [second, second + 10]).await;
        }
        stream.seconds_pass(1);
    }
    let ids = [0, 10, 1, 11, 2, 12, 3, 13];
    for slice in [1, 2, u32::MAX] {
        assert_eq!(stream.ids(slice), ids);
        let own = stream.of(slice);
        let view = own.store.view();
        let mut scan = view.scan(&own.table, &own.table.rows(), Direction::Backward);
        let mut found = Vec::new();
        while let Some(row) = scan.next(1).unwrap().pop() {
            assert_eq!(own.table.slice_of(&row.key), Some(SliceId(slice)));
            assert!(own.table.means(&row.key) && !stream.of(3).table.means(&row.key));
            found.insert(0, int(&row.values(&own.table).unwrap()[ID]));
        }
        assert_eq!(found, ids);
    }
    assert_eq!((stream.ids(3), stream.all().len()), (vec![], 24));
    let mut transaction = stream.world.begin();
    let own = stream.of(2);
    let rows = own.store.view().scan(&own.table, &own.table.rows(), Direction::Forward).next(100).unwrap();
    for row in rows.iter().filter(|row| int(&row.values(&own.table).unwrap()[ID]) < 10) {
        transaction.delete(&own.table, row).unwrap();
    }
    commit(transaction).await;
    assert_eq!((stream.ids(2), stream.ids(1)), (vec![10, 11, 12, 13], ids.to_vec()));
}

#[tokio::test]
async fn eviction_gives_back_what_is_over_and_nothing_else() {
    let stream = Stream::new();
    let table = &stream.world.table;
    let is_due = || stream.world.store.is_eviction_due(table).unwrap();
    assert_eq!((stream.world.store.evict(table).unwrap().buckets, is_due()), (0, false));
    let mut late = stream.world.begin();
    stream.of(2).insert(&mut late, [99, 0, 2]).await;
    for second in 0..10 {
        stream.fill(1, [second]).await;
        stream.fill(2, [second]).await;
        stream.seconds_pass(1);
    }
    let shown = [6, 7, 8, 9];
    assert!(is_due());
    let (before, evicted) = (stream.stored(), stream.world.store.evict(table).unwrap());
    assert_eq!((before, evicted.buckets, stream.stored(), is_due()), (20, 5, 10, false));
    assert_eq!((stream.ids(1), stream.ids(2)), (shown.to_vec(), shown.to_vec()));
    // What comes to where all has gone goes with the next.
    commit(late).await;
    assert_eq!((stream.stored(), stream.ids(2)), (11, shown.to_vec()));
    assert_eq!(stream.world.store.evict(table).unwrap().buckets, 1);
    stream.seconds_pass(100);
    assert_eq!(stream.world.store.evict(table).unwrap().buckets, 5);
    assert_eq!((stream.stored(), stream.all()), (0, vec![]));
}

#[tokio::test]
async fn a_slice_keeps_its_newest_rows() {
    let stream = Stream::with(Some(3), false);
    stream.fill(1, 0..2).await;
    stream.seconds_pass(1);
    stream.fill(2, 0..70).await;
    stream.fill(1, 2..5).await;
    assert_eq!((stream.ids(1), stream.ids(2)), (vec![2, 3, 4], vec![67, 68, 69]));
    assert_eq!(stream.all(), [(2, 1), (3, 1), (4, 1), (67, 2), (68, 2), (69, 2)]);
    let own = stream.of(1);
    let mut transaction = stream.world.begin();
    stream.seconds_pass(1);
    own.insert(&mut transaction, [5, 0, 1]).await;
    transaction.begin_command();
    assert_eq!(own.rows(&transaction.view()), [(3, 1), (4, 1), (5, 1)]);
    commit(transaction).await;
    // Nor does what is too many come back when others are deleted in the same transaction, and a rollback loses nothing.
    let mut transaction = stream.world.begin();
    for id in 6..20 {
        own.insert(&mut transaction, [id, 0, 1]).await;
    }
    transaction.begin_command();
    for row in transaction.view().scan(&own.table, &own.table.rows(), Direction::Forward).next(2).unwrap() {
        transaction.delete(&own.table, &row).unwrap();
    }
    transaction.begin_command();
    assert_eq!(own.rows(&transaction.view()), [(19, 1)]);
    drop(transaction);
    assert_eq!(stream.ids(1), [3, 4, 5]);
    stream.fill(1, [6]).await;
    stream.fill(1, [7]).await;
    assert!(stream.world.store.is_eviction_due(&stream.world.table).unwrap());
    let evicted = stream.world.store.evict(&stream.world.table).unwrap();
    assert!(!stream.world.store.is_eviction_due(&stream.world.table).unwrap());
    assert_eq!((evicted.buckets, evicted.rows, stream.stored()), (0, 69, 6));
    assert_eq!((stream.ids(1), stream.ids(2)), (vec![5, 6, 7], vec![67, 68, 69]));
    assert_eq!(stream.world.store.evict(&stream.world.table).unwrap().rows, 0);
}

#[tokio::test]
async fn an_ephemeral_row_stays_while_somebody_attends() {
    let stream = Stream::with(None, true);
    let attend = |slice: u32| stream.world.store.attend(&stream.of(slice).table).unwrap().expect("it is ephemeral");
    let mut feed = stream.world.store.changes(stream.world.store.published());
    stream.fill(1, [1]).await;
    assert_eq!((stream.ids(1), stream.stored()), (vec![], 0));
    let (first, second) = (attend(1), attend(1));
    // What came before is gone, and what is another's stays away.
    stream.fill(1, [2]).await;
    stream.fill(2, [2]).await;
    assert_eq!((stream.ids(1), stream.ids(2), stream.stored()), (vec![2], vec![], 1));
    assert_eq!(feed.try_next_batch(10).unwrap().iter().map(|record| record.changes.len()).sum::<usize>(), 1);
    drop(first);
    assert_eq!(stream.ids(1), [2]);
    drop(second);
    assert_eq!((stream.ids(1), stream.all()), (vec![], vec![]));
    let again = attend(1);
    assert_eq!((stream.ids(1), stream.stored()), (vec![], 1));
    // Whoever is shown the rows of all has them kept.
    let everybody = stream.world.store.attend(&stream.world.table).unwrap();
    stream.fill(1, [3]).await;
    stream.fill(2, [3]).await;
    assert_eq!((stream.ids(1), stream.ids(2), stream.all()), (vec![3], vec![3], vec![(3, 1), (3, 2)]));
    drop(everybody);
    assert_eq!((stream.ids(1), stream.ids(2)), (vec![3], vec![]));
    // What nobody is shown any more goes before its time.
    assert_eq!((stream.world.store.evict(&stream.world.table).unwrap().rows, stream.stored()), (2, 1));
    stream.seconds_pass(5);
    assert_eq!(stream.ids(1), [0; 0]);
    drop(again);
    let kept = Stream::new();
    assert!(kept.world.store.attend(&kept.of(1).table).unwrap().is_none());
}

#[tokio::test]
async fn many_rows_are_spilled_and_loaded() {
    let stream = Stream::new();
    let own = stream.of(1);
    let mut transaction = stream.world.begin();
    for id in 0..500 {
        own.insert(&mut transaction, [id, 0, 1]).await;
    }
    assert!(super::spill::layers_len(&transaction) > 0);
    transaction.begin_command();
    assert_eq!(own.rows(&transaction.view()).len(), 500);
    commit(transaction).await;
    assert_eq!((stream.ids(1), stream.stored()), ((0..500).collect(), 500));
    let stamped = own.store.view().scan(&own.table, &own.table.rows(), Direction::Forward).next(1).unwrap();
    assert_eq!(stamped[0].updated_at(), START_US);
    let mut transaction = stream.world.begin();
    for row in own.store.view().scan(&own.table, &own.table.rows(), Direction::Forward).next(1000).unwrap() {
        transaction.delete(&own.table, &row).unwrap();
        transaction.relieve().await.unwrap();
    }
    commit(transaction).await;
    assert_eq!((stream.ids(1), stream.stored()), (vec![], 0));
}

#[tokio::test]
async fn a_serializable_transaction_has_read_what_others_add() {
    let stream = Stream::new();
    let own = stream.of(1);
    let mut transaction = stream.world.begin_at(Isolation::Serializable);
    assert_eq!(own.rows(&transaction.view()), []);
    stream.seconds_pass(2);
    stream.fill(1, [1]).await;
    own.insert(&mut transaction, [2, 0, 1]).await;
    assert!(matches!(commit_error(transaction).await, Error::SerializationFailure));
}

#[tokio::test]
async fn a_dropped_stream_leaves_nothing() {
    let stream = Stream::new();
    stream.fill(1, 0..10).await;
    let mut transaction = stream.world.begin();
    transaction.dropped(stream.world.table.generation);
    commit(transaction).await;
    assert_eq!(stream.stored(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_store_has_empty_streams() {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::new(START_US));
    let environment = Environment::seeded(clock.clone(), 7);
    let options = StoreOptions { environment: environment.clone(), ..StoreOptions::default() };
    let store = Store::open(&folder.path().join("data"), options.clone()).unwrap();
    let stream = Stream::over(store.clone(), clock.clone(), None, false);
    stream.fill(1, 0..10).await;
    let (from, to) = (folder.path().join("backup"), folder.path().join("restored"));
    let target = from.clone();
    tokio::task::spawn_blocking(move || store.back_up(&target, &Stop::default())).await.unwrap().unwrap();
    restore(&from, &to, &environment, &Stop::default()).unwrap();
    let copy = Stream {
        world: World { store: Store::open(&to, options).unwrap(), table: Arc::clone(&stream.world.table) },
        clock,
    };
    assert_eq!((stream.ids(1).len(), copy.ids(1), copy.stored()), (10, vec![], 0));
    copy.fill(1, [1]).await;
    assert_eq!(copy.ids(1), [1]);
}

/// Rows as they should be shown: by slice, id and time, in order.
type Model = BTreeMap<u32, Vec<(i32, i64)>>;

#[tokio::test]
async fn whatever_happens_what_is_shown_is_what_the_rule_says() {
    for (seed, rows_max) in (0..30).zip([None, Some(2), Some(7)].into_iter().cycle()) {
        let (mut random, stream) = (StdRng::seed_from_u64(seed), Stream::with(rows_max, false));
        let (mut model, mut next) = (Model::new(), 0);
        for step in 0..80 {
            match random.random_range(0..10) {
                0..=4 => {
                    let (slice, count) = (random.random_range(1..4), random.random_range(1..6));
                    stream.fill(slice, next..next + count).await;
                    let now = stream.world.store.environment().now_us();
                    model.entry(slice).or_default().extend((next..next + count).map(|id| (id, now)));
                    next += count;
                }
                5..=7 => stream.clock.advance(random.random_range(0..2 * SECOND_US)),
                8 => drop(stream.world.store.evict(&stream.world.table).unwrap()),
                _ => {
                    let own = stream.of(random.random_range(1..4));
                    let mut transaction = stream.world.begin();
                    let rows =
                        own.store.view().scan(&own.table, &own.table.rows(), Direction::Forward).next(1).unwrap();
                    for row in &rows {
                        transaction.delete(&own.table, row).unwrap();
                        let id = int(&row.values(&own.table).unwrap()[ID]);
                        model.values_mut().for_each(|rows| rows.retain(|(other, _)| *other != id));
                    }
                    commit(transaction).await;
                }
            }
            let now = stream.world.store.environment().now_us();
            let surplus_of = |rows: &[(i32, i64)]| {
                rows.len().saturating_sub(rows_max.map_or(usize::MAX, |max| usize::try_from(max).unwrap()))
            };
            for rows in model.values_mut() {
                // What has been too many, or too old, does not come back when others go.
                rows.drain(..surplus_of(rows));
                rows.retain(|(_, at)| now - at < TTL_US);
            }
            for slice in 1..4 {
                let expected: Vec<i32> = model.get(&slice).into_iter().flatten().map(|(id, _)| *id).collect();
                assert_eq!(stream.ids(slice), expected, "seed {seed}, step {step}, slice {slice}");
            }
            let count = model.values().map(Vec::len).sum::<usize>();
            assert_eq!(stream.all().len(), count, "seed {seed}, step {step}");
        }
    }
}
