//! Commit and time of rows read as columns, and the trash that deleted rows are kept in.

use arrow::array::{Array, Int32Array, Int64Array, TimestampMicrosecondArray};

use super::spill::layers_len;
use super::*;
use crate::environment::{Environment, ManualClock};
use crate::read::BatchScan;

const HOUR_US: i64 = 3_600_000_000;

/// Id, amount, and commit and time if there are such.
type Stamped = (i32, i32, Option<(u64, i64)>);

fn collect(mut scan: BatchScan) -> Vec<Stamped> {
    let mut found = Vec::new();
    while let Some(columns) = scan.next(5).unwrap() {
        assert_eq!(columns.len(), 4);
        let ints = |at: usize| columns[at].as_any().downcast_ref::<Int32Array>().unwrap().clone();
        let seqs = columns[2].as_any().downcast_ref::<Int64Array>().unwrap();
        let times = columns[3].as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap();
        for row in 0..seqs.len() {
            assert_eq!(seqs.is_null(row), times.is_null(row));
            let stamp = (!seqs.is_null(row)).then(|| (seqs.value(row) as u64, times.value(row)));
            found.push((ints(0).value(row), ints(1).value(row), stamp));
        }
    }
    found.sort_unstable();
    found
}

impl World {
    pub(super) async fn delete_to_trash(&self, transaction: &mut Transaction, id: i32) {
        let LockedRow::Current(old) = self.lock(transaction, id, RowLock::Update).await.unwrap() else {
            panic!("row {id} is gone")
        };
        transaction.delete_to_trash(&self.table, &old).unwrap();
    }

    fn stamped(&self, view: &ReadView) -> Vec<Stamped> {
        let range = KeyRange::generation(self.table.generation);
        let stamp = self.store.generation_stamp(self.table.generation);
        collect(view.scan_batches(&self.table, &range, &[ID, AMOUNT], false).with_stamps(stamp))
    }

    fn trash_stamped(&self, view: &ReadView) -> Vec<Stamped> {
        let stamp = self.store.generation_stamp(self.table.generation);
        collect(view.scan_trash(&self.table, &[ID, AMOUNT], false).with_stamps(stamp))
    }

    /// Ids and amounts of deleted rows.
    pub(super) fn trash(&self, view: &ReadView) -> Vec<(i32, i32)> {
        self.trash_stamped(view).into_iter().map(|(id, amount, _)| (id, amount)).collect()
    }
}

#[tokio::test]
async fn columns_are_stamped_as_their_rows_are() {
    let world = World::holding(0..20).await;
    let first = world.stamped(&world.store.view());
    assert!(first.iter().all(|(.., stamp)| *stamp == first[0].2 && stamp.is_some()));
    world.flush().await.unwrap();
    assert_eq!(world.stamped(&world.store.view()), first);
    let mut transaction = world.begin();
    world.change(&mut transaction, 7, |amount| amount + 1).await.unwrap();
    world.insert(&mut transaction, [100, 1, 1]).await;
    transaction.begin_command();
    let seen = world.stamped(&transaction.view());
    assert_eq!((seen[7], seen[8], seen[20]), ((7, 71, None), first[8], (100, 1, None)));
    commit(transaction).await;
    for _ in 0..2 {
        let seen = world.stamped(&world.store.view());
        assert!(seen[7].2 > first[7].2 && seen[20].2 == seen[7].2 && seen[8] == first[8], "{seen:?}");
        world.flush().await.unwrap();
        world.compact().await.unwrap();
    }
}

#[tokio::test]
async fn rows_written_aside_have_their_generation_s_commit_and_own_ones_none() {
    let world = World::new();
    let mut transaction = world.begin();
    transaction.created(world.table.generation);
    world.table.indexes.iter().for_each(|index| transaction.created(index.generation));
    for id in 0..10 {
        assert!(transaction.insert_alone(&world.table, &values([id, id * 100, id])).unwrap());
    }
    transaction.begin_command();
    assert!(world.stamped(&transaction.view()).iter().all(|(.., stamp)| stamp.is_none()));
    let seq = commit(transaction).await.unwrap();
    assert!(world.stamped(&world.store.view()).iter().all(|(.., stamp)| stamp.unwrap().0 == seq.0));
    let mut transaction = world.begin();
    world.change(&mut transaction, 3, |amount| amount + 1).await.unwrap();
    transaction.begin_command();
    let seen = world.stamped(&transaction.view());
    assert!(seen[3].2.is_none() && seen[4].2.unwrap().0 == seq.0, "{seen:?}");
    world.delete_to_trash(&mut transaction, 4).await;
    commit(transaction).await;
    assert_eq!(world.trash_stamped(&world.store.view()), [seen[4]]);
}

#[tokio::test]
async fn what_is_deleted_is_kept_as_it_was() {
    let world = World::holding(0..10).await;
    world.flush().await.unwrap();
    let before = world.stamped(&world.store.view());
    let old = world.begin_at(Isolation::RepeatableRead);
    let mut transaction = world.begin();
    world.delete_to_trash(&mut transaction, 3).await;
    let mark = transaction.savepoint();
    world.delete_to_trash(&mut transaction, 4).await;
    transaction.begin_command();
    assert_eq!(world.trash(&transaction.view()), [(3, 30), (4, 40)]);
    transaction.rollback_to(&mark);
    transaction.begin_command();
    assert_eq!(world.trash_stamped(&transaction.view()), [before[3]]);
    assert!(world.trash(&world.store.view()).is_empty());
    world.change(&mut transaction, 5, |amount| amount + 1).await.unwrap();
    world.delete_to_trash(&mut transaction, 5).await;
    world.insert(&mut transaction, [5, 500, 0]).await;
    world.delete_to_trash(&mut transaction, 5).await;
    let seq = commit(transaction).await.unwrap();
    let kept = world.trash_stamped(&world.store.view());
    // What the transaction itself had written has its commit.
    assert_eq!(kept.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(), [(3, 30), (5, 0), (5, 51)]);
    assert!(kept[0] == before[3] && kept[1..].iter().all(|row| row.2.unwrap().0 == seq.0), "{kept:?}");
    assert!(world.trash(&old.view()).is_empty());
    assert_eq!(world.committed().len(), 8);

    let mut dropper = world.begin();
    dropper.dropped(world.table.generation);
    commit(dropper).await;
    assert!(world.trash(&world.store.view()).is_empty());
}

#[tokio::test]
async fn large_deletions_are_kept_too() {
    let (_directory, world) = super::bulk::on_disk();
    let mut transaction = world.begin();
    super::spill::insert_all(&world, &mut transaction, 0..300).await;
    commit(transaction).await;
    let before = world.stamped(&world.store.view());
    for finish in [false, true] {
        let mut transaction = world.begin();
        for id in 0..300 {
            if id % 3 == 0 {
                world.change(&mut transaction, id, |amount| amount + 1).await.unwrap();
            }
            world.delete_to_trash(&mut transaction, id).await;
            transaction.relieve().await.unwrap();
        }
        assert!(layers_len(&transaction) > 0);
        transaction.begin_command();
        assert_eq!(world.trash(&transaction.view()).len(), 300);
        if finish {
            let seq = commit(transaction).await.unwrap();
            let kept = world.trash_stamped(&world.store.view());
            for (kept, before) in kept.iter().zip(&before) {
                match kept.0 % 3 {
                    0 => assert!(kept.1 == before.1 + 1 && kept.2.unwrap().0 == seq.0, "{kept:?}"),
                    _ => assert_eq!(kept, before),
                }
            }
            assert_eq!((kept.len(), world.committed().len()), (300, 0));
        } else {
            transaction.rollback();
            assert_eq!(world.trash(&world.store.view()), []);
        }
    }
}

#[tokio::test]
async fn a_rewritten_table_keeps_its_trash() {
    let world = World::holding(0..10).await;
    let mut transaction = world.begin();
    for id in [2, 4, 6] {
        world.delete_to_trash(&mut transaction, id).await;
    }
    commit(transaction).await;
    let before = world.trash_stamped(&world.store.view());
    let to = TableSchema {
        generation: world.store.allocate_generation().unwrap(),
        indexes: Vec::new(),
        ..(*world.table).clone()
    };
    let mut transaction = world.begin();
    let mut convert = |mut row: Vec<Value>| {
        if int(&row[ID]) == 4 {
            return Err(Error::Io("no".into()));
        }
        row[AMOUNT] = Value::Int4(int(&row[AMOUNT]) + 1);
        Ok(row)
    };
    // 4 is in the trash alone: it does not hinder the others.
    assert_eq!(transaction.rewrite(&world.table, &to, Some(&mut convert)).await.unwrap(), None);
    transaction.dropped(world.table.generation);
    commit(transaction).await;
    let world = World { store: world.store.clone(), table: Arc::new(to) };
    let expected: Vec<Stamped> =
        before.into_iter().filter(|row| row.0 != 4).map(|row| (row.0, row.1 + 1, row.2)).collect();
    assert_eq!(world.trash_stamped(&world.store.view()), expected);
}

#[tokio::test]
async fn a_serializable_transaction_has_read_the_trash() {
    let world = World::holding(0..10).await;
    let mut reader = world.begin_at(Isolation::Serializable);
    assert_eq!(world.trash(&reader.view()), []);
    let mut transaction = world.begin();
    world.delete_to_trash(&mut transaction, 2).await;
    commit(transaction).await;
    reader.put_entry(b"name", b"value".to_vec()).unwrap();
    assert!(matches!(commit_error(reader).await, Error::SerializationFailure));
}

#[tokio::test]
async fn what_is_old_enough_expires() {
    let clock = Arc::new(ManualClock::new(1_000_000));
    let environment = Environment::seeded(clock.clone(), 1);
    let world = World::with(StoreOptions { environment, ..StoreOptions::default() });
    let mut transaction = world.begin();
    super::spill::insert_all(&world, &mut transaction, 0..5).await;
    commit(transaction).await;
    assert_eq!(world.store.oldest_trash().unwrap(), []);
    for id in 0..5 {
        let mut transaction = world.begin();
        world.delete_to_trash(&mut transaction, id).await;
        commit(transaction).await;
        clock.advance(HOUR_US);
    }
    let generation = world.table.generation;
    assert_eq!(world.store.oldest_trash().unwrap(), [(generation, 1_000_000)]);
    let old = world.begin_at(Isolation::RepeatableRead);
    world.store.expire_trash(generation, 1_000_000 + 2 * HOUR_US).unwrap();
    // The published state is that of the last commit.
    assert_eq!(world.trash(&old.view()).len(), 5);
    let mut transaction = world.begin();
    transaction.put_entry(b"name", b"value".to_vec()).unwrap();
    commit(transaction).await;
    assert_eq!(world.trash(&world.store.view()), [(2, 20), (3, 30), (4, 40)]);
    assert_eq!(world.store.oldest_trash().unwrap(), [(generation, 1_000_000 + 2 * HOUR_US)]);
    assert_eq!(world.trash(&old.view()).len(), 5);
}
