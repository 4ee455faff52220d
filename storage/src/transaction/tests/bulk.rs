//! Contents too large for memory: ingested, sorted in files, crashed in between. The bounds are small in tests.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::aside::create;
use super::*;
use crate::kv::{KeyValue, RocksKeyValue, RocksOptions};
use crate::testing::{CrashDisk, Fault, FaultInjector};

/// Enough for several runs, and for a rest.
const MANY: i32 = 1500;

fn in_order() -> Vec<i32> {
    (0..MANY).collect()
}

fn shuffled() -> Vec<i32> {
    let mut ids = in_order();
    ids.shuffle(&mut StdRng::seed_from_u64(1));
    ids
}

/// In order, but for a few rows in the middle.
fn nearly_in_order() -> Vec<i32> {
    let mut ids = in_order();
    ids.swap(MANY as usize / 2, MANY as usize - 10);
    ids
}

fn row(id: i32) -> [i32; 3] {
    [id, id * 100, id % 7]
}

fn expected(ids: impl IntoIterator<Item = i32>) -> Vec<(i32, i32)> {
    let mut rows: Vec<(i32, i32)> = ids.into_iter().map(|id| (id, row(id)[AMOUNT])).collect();
    rows.sort_unstable();
    rows
}

/// On RocksDB, so that files are files. The directory lives as long as the test.
pub(super) fn on_disk() -> (tempfile::TempDir, World) {
    let directory = tempfile::TempDir::new().unwrap();
    let options = StoreOptions { cache_bytes: 8 << 20, memtable_bytes: 1 << 20, ..StoreOptions::default() };
    let world = World::over(Store::open(directory.path(), options).unwrap());
    (directory, world)
}

/// Begins a transaction that makes the table's contents anew.
fn begin_anew(world: &mut World) -> Transaction {
    world.table = world.renewed();
    let mut transaction = world.begin();
    create(&mut transaction, &world.table);
    transaction
}

async fn is_taken(world: &World, transaction: &mut Transaction, row: [i32; 3]) -> Option<ConflictOn> {
    match transaction.insert(&world.table, &values(row), Wait::Forever).await.unwrap() {
        InsertOutcome::Inserted(_) => None,
        InsertOutcome::Conflict { constraint, .. } => Some(constraint),
    }
}

#[tokio::test]
async fn rows_are_there_at_every_moment_whatever_their_order() {
    for ids in [in_order(), shuffled(), nearly_in_order()] {
        let (_directory, mut world) = on_disk();
        let mut transaction = begin_anew(&mut world);
        let code = ConflictOn::Index(world.table.indexes[0].generation);
        let mut random = StdRng::seed_from_u64(2);
        for (count, id) in ids.iter().copied().enumerate() {
            world.insert(&mut transaction, row(id)).await;
            let earlier = ids[random.random_range(0..=count)];
            if random.random_ratio(1, 20) {
                let taken = is_taken(&world, &mut transaction, [earlier, -1, 0]).await;
                assert_eq!(taken, Some(ConflictOn::PrimaryKey));
                assert_eq!(is_taken(&world, &mut transaction, [MANY * 2, earlier * 100, 0]).await, Some(code));
                assert_eq!(world.amount(&transaction, earlier), Some(row(earlier)[AMOUNT]));
            }
            if random.random_ratio(1, 200) {
                let before = transaction.view();
                transaction.begin_command();
                world.check(&before);
                assert_eq!(world.rows(&before), expected(ids[..=count].iter().copied()));
            }
        }
        assert!(transaction.writes.is_none(), "nothing went through the write set");
        commit(transaction).await;
        assert_eq!(world.committed(), expected(ids));
    }
}

#[tokio::test]
async fn a_view_does_not_see_what_is_ingested_later() {
    let (_directory, mut world) = on_disk();
    let mut transaction = begin_anew(&mut world);
    for id in 0..10 {
        world.insert(&mut transaction, row(id)).await;
    }
    let view = transaction.view();
    for id in 10..MANY {
        world.insert(&mut transaction, row(id)).await;
    }
    let later = transaction.view();
    assert_eq!(world.rows(&view), expected(0..10));
    assert_eq!(world.rows(&later).len(), MANY as usize);
}

#[tokio::test]
async fn a_savepoint_comes_back_to_what_was_ingested_before_it() {
    let (_directory, mut world) = on_disk();
    let mut transaction = begin_anew(&mut world);
    let old = Arc::clone(&world.table);
    for id in 0..MANY {
        world.insert(&mut transaction, row(id)).await;
    }
    let savepoint = transaction.savepoint();
    for id in MANY..MANY + 100 {
        world.insert(&mut transaction, row(id)).await;
    }
    world.delete(&mut transaction, 3).await;
    // New contents, large ones, within the savepoint.
    let undone = world.renewed();
    create(&mut transaction, &undone);
    world.table = Arc::clone(&undone);
    for id in 0..MANY {
        world.insert(&mut transaction, row(id)).await;
    }
    transaction.rollback_to(&savepoint);
    world.table = old;
    transaction.begin_command();
    assert_eq!(world.rows(&transaction.view()), expected(0..MANY));
    world.insert(&mut transaction, row(MANY)).await;
    commit(transaction).await;
    assert_eq!(world.committed(), expected(0..=MANY));
    assert_eq!(world.keys_stored(&undone), 0);
}

#[tokio::test]
async fn nothing_is_left_of_what_was_ingested_and_rolled_back() {
    let (_directory, mut world) = on_disk();
    for ids in [in_order(), shuffled()] {
        let mut transaction = begin_anew(&mut world);
        for id in ids {
            world.insert(&mut transaction, row(id)).await;
        }
        drop(transaction);
        assert_eq!(world.keys_stored(&world.table), 0);
    }
}

#[tokio::test]
async fn a_crash_before_the_commit_leaves_nothing_and_one_after_it_everything() {
    for seed in 0..6 {
        let ids = if seed % 2 == 0 { in_order() } else { shuffled() };
        let disk = Arc::new(CrashDisk::new());
        let mut world = World::over(Store::with_kv(disk.clone(), StoreOptions::default()).unwrap());
        let mut transaction = begin_anew(&mut world);
        for id in &ids {
            world.insert(&mut transaction, row(*id)).await;
        }
        assert!(world.keys_stored(&world.table) > 0);
        let reopen = |world: &mut World, kv| world.store = Store::with_kv(kv, StoreOptions::default()).unwrap();
        let before = Arc::new(disk.crash(seed).unwrap());
        commit(transaction).await;
        let after = Arc::new(disk.crash(seed).unwrap());
        reopen(&mut world, before);
        assert_eq!(world.keys_stored(&world.table), 0, "seed {seed}");
        reopen(&mut world, after);
        assert_eq!(world.committed(), expected(ids), "seed {seed}");
        assert!(world.store.generation_stamp(world.table.generation).is_some());
    }
}

#[tokio::test]
async fn each_step_may_fail() {
    for step in 0..40 {
        for fault in [Fault::Before, Fault::After] {
            let disk = Arc::new(CrashDisk::new());
            let faults = Arc::new(FaultInjector::new(disk.clone()));
            let mut world = World::over(Store::with_kv(faults.clone(), StoreOptions::default()).unwrap());
            let mut transaction = begin_anew(&mut world);
            faults.fail_at(faults.steps() + step, fault);
            let mut inserted = true;
            for id in if step % 2 == 0 { in_order() } else { shuffled() } {
                inserted &= transaction.insert(&world.table, &values(row(id)), Wait::Forever).await.is_ok();
            }
            let committed = transaction.commit(Durability::Sync).await;
            assert!(inserted || committed.is_err(), "step {step}: a commit of half the rows");
            let after = Arc::new(disk.crash(step).unwrap());
            world.store = Store::with_kv(after, StoreOptions::default()).unwrap();
            let stored = world.keys_stored(&world.table);
            match committed {
                Ok(_) => assert_eq!(world.committed(), expected(in_order())),
                Err(Error::CommitOutcomeUnknown { .. }) => assert!([0, 3 * MANY as usize].contains(&stored)),
                Err(_) => assert_eq!(stored, 0, "step {step}"),
            }
        }
    }
}

/// A table without a key, whose rows lie in the order given.
async fn keyless(world: &mut World, rows: &[[i32; 3]]) -> Arc<TableSchema> {
    let mut table = (*world.renewed()).clone();
    table.identity = RowIdentity::Hidden;
    table.indexes.clear();
    world.table = Arc::new(table);
    let mut transaction = world.begin();
    create(&mut transaction, &world.table);
    for row in rows {
        world.insert(&mut transaction, *row).await;
    }
    commit(transaction).await;
    Arc::clone(&world.table)
}

#[tokio::test]
async fn a_key_is_added_to_rows_in_any_order() {
    let (_directory, on_disk) = on_disk();
    for store in [on_disk.store, World::new().store] {
        for ids in [in_order(), shuffled(), nearly_in_order(), Vec::new()] {
            add_key(World::over(store.clone()), ids).await;
        }
    }
}

async fn add_key(mut world: World, ids: Vec<i32>) {
    let keyed = world.renewed();
    let rows: Vec<[i32; 3]> = ids.iter().map(|id| row(*id)).collect();
    let bare = keyless(&mut world, &rows).await;
    let mut transaction = world.begin();
    // Own changes are part of the rows.
    world.insert(&mut transaction, row(MANY)).await;
    assert_eq!(transaction.rewrite(&bare, &keyed, None).await.unwrap(), None);
    transaction.dropped(bare.generation);
    commit(transaction).await;
    world.table = keyed;
    assert_eq!(world.committed(), expected(ids.into_iter().chain([MANY])));
    assert_eq!(world.keys_stored(&bare), 0);
}

#[tokio::test]
async fn a_key_that_two_rows_have_is_refused_wherever_they_lie() {
    let twice = |ids: Vec<i32>, first: usize, second: usize| {
        let mut rows: Vec<[i32; 3]> = ids.into_iter().map(row).collect();
        rows[second] = [rows[first][ID], -1, 0];
        rows
    };
    let last = MANY as usize - 1;
    for rows in [
        twice(in_order(), 0, 1),
        twice(in_order(), last - 1, last),
        twice(in_order(), 5, last),
        twice(shuffled(), 0, last),
        twice(shuffled(), 700, 701),
        twice(nearly_in_order(), 3, last),
        twice(nearly_in_order(), last - 2, last),
    ] {
        let (_directory, mut world) = on_disk();
        let mut keyed = (*world.renewed()).clone();
        let bare = keyless(&mut world, &rows).await;
        let mut transaction = world.begin();
        let refusal = transaction.rewrite(&bare, &keyed, None).await.unwrap();
        let Some(Refusal::Duplicate(duplicate)) = refusal else { panic!("{refusal:?}") };
        assert_eq!((duplicate.constraint, int(&duplicate.row[CODE])), (ConflictOn::PrimaryKey, -1));
        transaction.rollback();
        assert_eq!(world.keys_stored(&keyed), 0);
        // The same key for a unique index.
        keyed.indexes[0].columns[0].column = ID;
        let mut transaction = world.begin();
        let duplicate = transaction.build_index(&bare, &keyed.indexes[0]).await.unwrap().unwrap();
        assert_eq!(duplicate.constraint, ConflictOn::Index(keyed.indexes[0].generation));
        assert_eq!(int(&duplicate.row[CODE]), -1);
    }
}

#[tokio::test]
async fn a_null_in_a_new_key_is_refused() {
    let (_directory, mut world) = on_disk();
    let keyed = world.renewed();
    let bare = keyless(&mut world, &[row(1)]).await;
    let mut transaction = world.begin();
    let null = [Value::Null, Value::Int4(2), Value::Int4(3)];
    transaction.insert(&bare, &null, Wait::Forever).await.unwrap();
    let refusal = transaction.rewrite(&bare, &keyed, None).await.unwrap();
    assert_eq!(refusal, Some(Refusal::NullInKey { column: ID }));
}

#[tokio::test]
async fn rows_of_an_older_layout_are_written_anew() {
    let (_directory, mut world) = on_disk();
    let bare = keyless(&mut world, &[row(1), row(2)]).await;
    // A fourth column, which the rows that are there do not have.
    let mut wider = (*bare).clone();
    wider.version = SchemaVersion(2);
    let column = Column { id: ColumnId(4), column_type: ColumnType::Int4, missing: Value::Int4(44) };
    wider.columns.push(column);
    let slots = wider.columns.iter().map(|column| (column.id, column.column_type.clone())).collect();
    wider.layouts.push(Layout { version: SchemaVersion(2), slots });
    let mut transaction = world.begin();
    transaction.insert(&wider, &[3, 3, 3, 33].map(Value::Int4), Wait::Forever).await.unwrap();
    transaction.begin_command();
    let mut keyed = wider.clone();
    keyed.generation = world.store.allocate_generation().unwrap();
    keyed.identity = RowIdentity::PrimaryKey(vec![ID]);
    keyed.version = SchemaVersion(3);
    keyed.layouts = vec![Layout { version: SchemaVersion(3), slots: wider.layouts[1].slots.clone() }];
    assert_eq!(transaction.rewrite(&wider, &keyed, None).await.unwrap(), None);
    commit(transaction).await;
    let range = KeyRange::generation(keyed.generation);
    let mut scan = world.store.view().scan(&Arc::new(keyed.clone()), &range, Direction::Forward);
    let rows = scan.next(10).unwrap();
    let found: Vec<i32> = rows.iter().map(|row| int(&row.value(&keyed, 3).unwrap().to_owned())).collect();
    assert_eq!(found, [44, 44, 33]);
    assert!(rows.iter().all(|row| row.seq() == CommitSeq(0)), "the stamp is the generation's");
}

#[test]
fn the_bounds_hold() {
    // What the other tests rely on: several runs, and a rest that goes through the log.
    let directory = tempfile::TempDir::new().unwrap();
    let options = RocksOptions { block_cache_bytes: 1 << 20, memtable_bytes: 1 << 20 };
    let faults = Arc::new(FaultInjector::new(Arc::new(RocksKeyValue::open(directory.path(), options).unwrap())));
    let kv: Arc<dyn KeyValue> = faults.clone();
    let mut world = World::over(Store::with_kv(kv, StoreOptions::default()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut transaction = begin_anew(&mut world);
        let before = faults.steps();
        for id in 0..MANY {
            world.insert(&mut transaction, row(id)).await;
        }
        assert!(faults.steps() - before > 10, "{} steps", faults.steps() - before);
    });
}
