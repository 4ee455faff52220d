//! Keys that must be unique, among transactions that want them at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

use super::*;

/// Inserts in a task of its own; answers the transaction, and what conflicted.
fn insert_later(world: &Arc<World>, row: [i32; 3]) -> JoinHandle<(Transaction, Option<ConflictOn>)> {
    let world = Arc::clone(world);
    tokio::spawn(async move {
        let mut transaction = world.begin();
        match transaction.insert(&world.table, &values(row), Wait::Forever).await.unwrap() {
            InsertOutcome::Inserted(_) => (transaction, None),
            InsertOutcome::Conflict { constraint, .. } => (transaction, Some(constraint)),
        }
    })
}

fn by_code(world: &World) -> ConflictOn {
    ConflictOn::Index(world.table.indexes[0].generation)
}

#[tokio::test]
async fn a_conflict_names_the_constraint_and_the_row() {
    let world = World::holding([1, 2]).await;
    let mut transaction = world.begin();
    for (row, expected, id) in [([1, 900, 0], ConflictOn::PrimaryKey, 1), ([9, 200, 0], by_code(&world), 2)] {
        match transaction.insert(&world.table, &values(row), Wait::Forever).await.unwrap() {
            InsertOutcome::Conflict { constraint, existing } => {
                assert_eq!((constraint, existing.key), (expected, world.key(id)));
            }
            inserted => panic!("{inserted:?}"),
        }
    }
    assert!(!transaction.has_writes());
    assert!(world.store.locks_held().is_empty(), "a conflict leaves no lock");
    // Among its own rows, too.
    world.insert(&mut transaction, [3, 300, 0]).await;
    let again = transaction.insert(&world.table, &values([4, 300, 0]), Wait::Forever).await.unwrap();
    assert!(matches!(again, InsertOutcome::Conflict { constraint, .. } if constraint == by_code(&world)));
    // What it has deleted is free.
    world.delete(&mut transaction, 1).await;
    world.insert(&mut transaction, [1, 101, 11]).await;
    world.insert(&mut transaction, [5, 100, 50]).await;
    commit(transaction).await;
    assert_eq!(world.committed(), [(1, 11), (2, 20), (3, 0), (5, 50)]);
}

#[tokio::test]
async fn nulls_are_distinct_unless_declared_otherwise() {
    let mut world = World::new();
    for distinct in [true, false] {
        let mut table = (*world.table).clone();
        table.indexes[0].nulls_distinct = distinct;
        world.table = Arc::new(table);
        let mut transaction = world.begin();
        let row = |id| vec![Value::Int4(id), Value::Null, Value::Int4(0)];
        let first = transaction.insert(&world.table, &row(1), Wait::Forever).await.unwrap();
        assert!(matches!(first, InsertOutcome::Inserted(_)));
        let second = transaction.insert(&world.table, &row(2), Wait::Forever).await.unwrap();
        assert_eq!(matches!(second, InsertOutcome::Inserted(_)), distinct);
    }
}

#[tokio::test]
async fn an_insert_waits_for_who_is_inserting_the_key() {
    for row in [[1, 999, 0], [9, 100, 0]] {
        for commits in [true, false] {
            let world = Arc::new(World::new());
            let mut first = world.begin();
            world.insert(&mut first, [1, 100, 10]).await;
            let second = insert_later(&world, row);
            world.until_waiting(1).await;
            if commits {
                commit(first).await;
            } else {
                drop(first);
            }
            let (_second, conflict) = second.await.unwrap();
            assert_eq!(conflict.is_some(), commits);
        }
    }
}

#[tokio::test]
async fn an_insert_waits_for_who_is_deleting_the_key() {
    for row in [[1, 999, 0], [9, 100, 0]] {
        for commits in [true, false] {
            let world = Arc::new(World::holding([1]).await);
            let mut first = world.begin();
            world.delete(&mut first, 1).await;
            let second = insert_later(&world, row);
            world.until_waiting(1).await;
            if commits {
                commit(first).await;
            } else {
                drop(first);
            }
            let (_second, conflict) = second.await.unwrap();
            assert_eq!(conflict.is_some(), !commits);
        }
    }
}

#[tokio::test]
async fn a_locked_row_that_keeps_its_key_is_a_conflict_at_once() {
    let world = Arc::new(World::holding([1]).await);
    let mut holder = world.begin();
    world.change(&mut holder, 1, |_| 11).await.unwrap();
    for row in [[1, 999, 0], [9, 100, 0]] {
        let (_, conflict) =
            tokio::time::timeout(Duration::from_secs(5), insert_later(&world, row)).await.unwrap().unwrap();
        assert!(conflict.is_some());
    }
}

#[tokio::test]
async fn two_who_meet_each_others_rows_with_others_in_line_find_conflicts() {
    let world = Arc::new(World::holding([1, 2]).await);
    let [mut first, mut second] = [world.begin(), world.begin()];
    world.change(&mut first, 1, |_| 11).await.unwrap();
    world.change(&mut second, 2, |_| 22).await.unwrap();
    let removers = [1, 2].map(|id| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let mut remover = world.begin();
            world.delete(&mut remover, id).await;
        })
    });
    world.until_waiting(2).await;
    let insert = async |mut transaction: Transaction, row| {
        let outcome = transaction.insert(&world.table, &values(row), Wait::Forever).await.unwrap();
        assert!(matches!(outcome, InsertOutcome::Conflict { constraint: ConflictOn::PrimaryKey, .. }));
    };
    // Each waits behind who wants to remove the row, until one of them is let pass, and ends.
    tokio::join!(insert(first, [2, 999, 0]), async {
        world.until_waiting(3).await;
        insert(second, [1, 998, 0]).await;
    });
    for remover in removers {
        remover.await.unwrap();
    }
}

#[tokio::test]
async fn whoever_replaces_a_row_does_not_deadlock_with_one_who_waits_for_it() {
    let world = Arc::new(World::holding([1]).await);
    let mut replacer = world.begin();
    world.delete(&mut replacer, 1).await;
    let waiter = insert_later(&world, [9, 100, 0]);
    world.until_waiting(1).await;
    world.insert(&mut replacer, [2, 100, 0]).await;
    commit(replacer).await;
    assert_eq!(waiter.await.unwrap().1, Some(by_code(&world)));
}

#[tokio::test]
async fn an_update_claims_only_the_keys_it_changes() {
    let world = Arc::new(World::holding([1, 2]).await);
    let mut transaction = world.begin();
    world.change(&mut transaction, 1, |_| 0).await.unwrap();
    assert_eq!(world.store.locks_held().len(), 1, "the row alone");
    let LockedRow::Current(old) = world.lock(&mut transaction, 1, RowLock::Update).await.unwrap() else { panic!() };
    let taken = transaction.update(&world.table, &old, &values([1, 200, 0]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, UpdateOutcome::Conflict { constraint, .. } if constraint == by_code(&world)));
    let same = transaction.update(&world.table, &old, &values([1, 100, 5]), Wait::Forever).await.unwrap();
    assert!(matches!(same, UpdateOutcome::Updated(_)));
    commit(transaction).await;
    assert_eq!(world.committed(), [(1, 5), (2, 20)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_insert_a_key_one_succeeds() {
    const KEYS: i32 = 40;
    let world = Arc::new(World::new());
    let inserted = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..12)
        .map(|task| {
            let (world, inserted) = (Arc::clone(&world), Arc::clone(&inserted));
            tokio::spawn(async move {
                for key in 0..KEYS {
                    let mut transaction = world.begin();
                    // Half of them compete for the primary key, the others for the unique index.
                    let row = if task % 2 == 0 { [key, key, 0] } else { [key + KEYS * (task + 1), key, 0] };
                    match transaction.insert(&world.table, &values(row), Wait::Forever).await.unwrap() {
                        InsertOutcome::Inserted(_) => {
                            inserted.fetch_add(1, Ordering::Relaxed);
                            commit(transaction).await;
                        }
                        InsertOutcome::Conflict { .. } => assert_eq!(commit(transaction).await, None),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("nobody waits for ever").unwrap();
    }
    assert_eq!(inserted.load(Ordering::Relaxed), KEYS as usize);
    let codes: BTreeSet<i32> = (0..KEYS).collect();
    let index = &world.table.indexes[0];
    let range = KeyRange::generation(index.generation);
    let view = world.store.view();
    let rows = view.scan_index(&world.table, index, &range, Direction::Forward).next(1000).unwrap();
    assert_eq!(rows.iter().map(|row| int(&row.values(&world.table).unwrap()[CODE])).collect::<BTreeSet<_>>(), codes);
    world.check(&view);
    assert!(world.store.locks_held().is_empty());
}
