//! Many locks of rows become one of the table. The bound is small in tests.

use super::spill::{expected, insert_all, row};
use super::*;

/// Locks of rows and unique keys, and modes of the table that are held.
fn held(world: &World) -> (usize, Vec<&'static str>) {
    let locks = world.store.locks_held();
    let rows = locks.iter().filter(|lock| matches!(lock.target, LockTarget::Key(_))).count();
    let mut modes: Vec<_> =
        locks.iter().filter(|lock| matches!(lock.target, LockTarget::Table(_))).map(|lock| lock.mode).collect();
    modes.sort_unstable();
    (rows, modes)
}

async fn begin_writing(world: &World) -> Transaction {
    let mut transaction = world.begin();
    transaction.lock_table(world.table.table, TableLock::RowExclusive, Wait::No).await.unwrap();
    transaction
}

async fn try_lock(world: &World, mode: TableLock) -> Result<bool> {
    world.begin().lock_table(world.table.table, mode, Wait::No).await
}

#[tokio::test]
async fn many_locks_become_one_of_the_table() {
    let world = World::holding([1000]).await;
    let mut transaction = begin_writing(&world).await;
    insert_all(&world, &mut transaction, 0..20).await;
    assert_eq!(held(&world), (40, vec!["RowExclusiveLock"]));
    assert!(try_lock(&world, TableLock::RowExclusive).await.is_ok());
    insert_all(&world, &mut transaction, 20..200).await;
    let (rows, modes) = held(&world);
    assert!(rows < 100, "{rows} locks");
    assert_eq!(modes, ["ExclusiveLock", "RowExclusiveLock"]);
    for mode in [TableLock::RowShare, TableLock::RowExclusive] {
        assert!(matches!(try_lock(&world, mode).await, Err(Error::LockNotAvailable)));
    }
    assert!(try_lock(&world, TableLock::AccessShare).await.is_ok());
    // Rows are locked, changed and refused as ever.
    transaction.begin_command();
    for id in [5, 150, 1000] {
        world.change(&mut transaction, id, |amount| amount + 1).await.unwrap();
    }
    let taken = transaction.insert(&world.table, &values([1000, 7, 7]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { constraint: ConflictOn::PrimaryKey, .. }));
    let taken = transaction.insert(&world.table, &values([7000, 100_000, 7]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { constraint: ConflictOn::Index(_), .. }));
    assert_eq!(held(&world).0, rows);
    commit(transaction).await;
    assert!(world.store.locks_held().is_empty());
    assert_eq!(world.committed().len(), 201);
}

#[tokio::test]
async fn a_table_that_others_write_to_is_locked_later() {
    let world = World::new();
    let mut transaction = begin_writing(&world).await;
    let mut other = begin_writing(&world).await;
    world.insert(&mut other, row(1000)).await;
    insert_all(&world, &mut transaction, 0..100).await;
    let (rows, modes) = held(&world);
    assert_eq!((rows, modes), (202, vec!["RowExclusiveLock", "RowExclusiveLock"]));
    commit(other).await;
    insert_all(&world, &mut transaction, 100..200).await;
    let (rows, modes) = held(&world);
    assert!(rows < 230 && modes.contains(&"ExclusiveLock"), "{rows} locks, {modes:?}");
    commit(transaction).await;
    assert_eq!(world.committed().len(), 201);
}

#[tokio::test]
async fn the_lock_of_the_table_goes_with_the_savepoint() {
    let world = World::new();
    let mut transaction = begin_writing(&world).await;
    insert_all(&world, &mut transaction, 0..5).await;
    let savepoint = transaction.savepoint();
    insert_all(&world, &mut transaction, 5..100).await;
    assert!(held(&world).1.contains(&"ExclusiveLock"));
    transaction.rollback_to(&savepoint);
    assert_eq!(held(&world), (10, vec!["RowExclusiveLock"]));
    // Others come in again, and rows are locked against them again.
    let mut other = begin_writing(&world).await;
    world.insert(&mut other, [50, 5000, 500]).await;
    world.insert(&mut transaction, [5, 500, 50]).await;
    assert_eq!(held(&world).0, 14);
    let taken = other.lock_row(&world.table, &world.key(5), RowLock::Update, Wait::No).await;
    assert!(matches!(taken, Err(Error::LockNotAvailable)));
    commit(other).await;
    insert_all(&world, &mut transaction, 51..150).await;
    assert!(held(&world).1.contains(&"ExclusiveLock"));
    commit(transaction).await;
    assert_eq!(world.committed(), expected((0..6).chain(50..150)));
}

#[tokio::test]
async fn who_has_locked_the_table_locks_no_rows() {
    let world = World::holding(0..10).await;
    for mode in [TableLock::Exclusive, TableLock::AccessExclusive] {
        let mut transaction = begin_writing(&world).await;
        let savepoint = transaction.savepoint();
        transaction.lock_table(world.table.table, mode, Wait::No).await.unwrap();
        world.change(&mut transaction, 1, |amount| amount).await.unwrap();
        world.insert(&mut transaction, [20, 20, 20]).await;
        assert_eq!(held(&world).0, 0);
        transaction.rollback_to(&savepoint);
        // Weaker ones let others lock rows.
        transaction.lock_table(world.table.table, TableLock::ShareRowExclusive, Wait::No).await.unwrap();
        world.change(&mut transaction, 1, |amount| amount).await.unwrap();
        assert_eq!(held(&world).0, 1);
    }
}

#[tokio::test]
async fn rows_that_are_only_kept_do_not_lock_the_table() {
    let world = World::holding(0..100).await;
    let mut transaction = world.begin();
    transaction.lock_table(world.table.table, TableLock::RowShare, Wait::No).await.unwrap();
    for id in 0..100 {
        world.lock(&mut transaction, id, RowLock::KeyShare).await.unwrap();
    }
    assert_eq!(held(&world), (100, vec!["RowShareLock"]));
    for id in 0..100 {
        world.lock(&mut transaction, id, RowLock::NoKeyUpdate).await.unwrap();
    }
    assert_eq!(held(&world).1, ["ExclusiveLock", "RowShareLock"]);
}

#[tokio::test]
async fn keys_in_a_gap_are_free_and_those_at_its_ends_are_not() {
    let world = World::holding([300, 301, 2000]).await;
    let mut transaction = begin_writing(&world).await;
    transaction.lock_table(world.table.table, TableLock::Exclusive, Wait::No).await.unwrap();
    let insert = async |transaction: &mut Transaction, id: i32| {
        let outcome = transaction.insert(&world.table, &values(row(id)), Wait::Forever).await.unwrap();
        matches!(outcome, InsertOutcome::Inserted(_))
    };
    // Up to a committed key, over it, and on to the next; downwards; and what it has inserted itself.
    for id in (290..310).chain(1990..2010).chain((250..280).rev()) {
        assert_eq!(insert(&mut transaction, id).await, ![300, 301, 2000].contains(&id), "{id}");
    }
    for id in [295, 305, 2005, 260, 300] {
        assert!(!insert(&mut transaction, id).await, "{id}");
    }
    commit(transaction).await;
    assert_eq!(world.committed().len(), 3 + 18 + 19 + 30);
}

#[tokio::test]
async fn a_gap_is_forgotten_with_the_lock() {
    let world = World::new();
    let mut transaction = begin_writing(&world).await;
    let savepoint = transaction.savepoint();
    transaction.lock_table(world.table.table, TableLock::Exclusive, Wait::No).await.unwrap();
    insert_all(&world, &mut transaction, 0..20).await;
    transaction.rollback_to(&savepoint);
    let mut other = begin_writing(&world).await;
    world.insert(&mut other, row(30)).await;
    commit(other).await;
    transaction.lock_table(world.table.table, TableLock::Exclusive, Wait::No).await.unwrap();
    let taken = transaction.insert(&world.table, &values(row(30)), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { .. }));
}
