//! Rows that a walk has found are locked and read many at a time, and are what the view has or known to have changed.

use super::spill::row;
use super::*;

/// More than are looked up one by one, here as elsewhere.
const ROWS: i32 = 40;

/// What a walk over the view finds, with the versions.
fn found(world: &World, view: &ReadView) -> Vec<FoundRow> {
    let mut scan = view.scan(&world.table, &world.table.rows(), Direction::Forward);
    let rows = scan.next(usize::MAX).unwrap();
    rows.into_iter().map(|row| FoundRow { version: row.seq(), key: row.key }).collect()
}

async fn lock(world: &World, transaction: &mut Transaction, view: &ReadView, rows: &[FoundRow]) -> Result<bool> {
    transaction.lock_found(view, &world.table, rows, RowLock::Update, Wait::No).await
}

fn amounts(world: &World, view: &ReadView, rows: &[FoundRow]) -> Vec<(i32, i32)> {
    let fetched = view.fetch(&world.table, rows).unwrap();
    assert!(fetched.iter().zip(rows).all(|(row, found)| row.key == found.key));
    let pair = |row: &StoredRow| {
        let row = row.values(&world.table).unwrap();
        (int(&row[ID]), int(&row[AMOUNT]))
    };
    fetched.iter().map(pair).collect()
}

#[tokio::test]
async fn rows_that_nobody_changes_are_what_the_view_has() {
    for cold in [false, true] {
        let world = World::holding(0..ROWS).await;
        if cold {
            world.flush().await.unwrap();
        }
        let mut transaction = world.begin();
        let view = transaction.view();
        let rows = found(&world, &view);
        // Others come and go meanwhile.
        let mut other = world.begin();
        world.insert(&mut other, row(1000)).await;
        commit(other).await;
        assert!(lock(&world, &mut transaction, &view, &rows).await.unwrap());
        assert_eq!(amounts(&world, &view, &rows), world.rows(&view));
        let others = [&rows[30..], &rows[..3], &rows[7..8]].concat();
        assert_eq!(amounts(&world, &view, &others).len(), 14);
        let mut other = world.begin();
        for id in [0, 17, ROWS - 1] {
            let busy = other.lock_row(&world.table, &world.key(id), RowLock::Share, Wait::No).await;
            assert!(matches!(busy, Err(Error::LockNotAvailable)), "{busy:?}");
        }
        drop(transaction);
        assert!(world.store.locks_held().is_empty());
    }
}

#[tokio::test]
async fn a_row_that_has_changed_is_noticed_among_others() {
    for changed in [0, 13, ROWS - 1] {
        for deleted in [false, true] {
            let world = World::holding(0..ROWS).await;
            for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable] {
                let mut transaction = world.begin_at(isolation);
                let view = transaction.view();
                let rows = found(&world, &view);
                let mut other = world.begin();
                match deleted {
                    true => world.delete(&mut other, changed).await,
                    false => world.change(&mut other, changed, |amount| amount + 1).await.unwrap(),
                }
                commit(other).await;
                let locked = lock(&world, &mut transaction, &view, &rows).await;
                match isolation {
                    Isolation::ReadCommitted => {
                        assert!(!locked.unwrap());
                        assert_eq!(world.store.locks_held().len(), ROWS as usize, "it keeps what it has");
                        transaction.begin_command();
                        let view = transaction.view();
                        assert!(lock(&world, &mut transaction, &view, &found(&world, &view)).await.unwrap());
                    }
                    _ => {
                        assert!(matches!(locked, Err(Error::WriteConflict)), "{locked:?}");
                        assert!(world.store.locks_held().is_empty());
                    }
                }
                drop(transaction);
                if deleted {
                    let mut again = world.begin();
                    world.insert(&mut again, [changed, changed * 100, changed * 10]).await;
                    commit(again).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn who_waits_for_a_row_learns_that_it_has_changed() {
    let world = World::holding(0..ROWS).await;
    let mut other = world.begin();
    world.change(&mut other, 20, |amount| amount + 1).await.unwrap();
    let (store, table) = (world.store.clone(), Arc::clone(&world.table));
    let mut transaction = world.begin();
    let view = transaction.view();
    let rows = found(&world, &view);
    assert!(matches!(lock(&world, &mut transaction, &view, &rows).await, Err(Error::LockNotAvailable)));
    let waiting = tokio::spawn(async move {
        let mode = RowLock::NoKeyUpdate;
        let unchanged = transaction.lock_found(&view, &table, &rows, mode, Wait::Forever).await.unwrap();
        (transaction, unchanged)
    });
    world.until_waiting(1).await;
    commit(other).await;
    let (transaction, unchanged) = waiting.await.unwrap();
    assert!(!unchanged);
    drop(transaction);
    assert!(store.locks_held().is_empty());
}

#[tokio::test]
async fn own_rows_are_found_as_the_view_has_them() {
    let world = World::holding(0..ROWS).await;
    let mut transaction = world.begin();
    world.change(&mut transaction, 5, |amount| amount + 7).await.unwrap();
    world.delete(&mut transaction, 6).await;
    world.insert(&mut transaction, row(1000)).await;
    transaction.begin_command();
    let view = transaction.view();
    let rows = found(&world, &view);
    let mut other = world.begin();
    world.insert(&mut other, row(2000)).await;
    commit(other).await;
    assert!(lock(&world, &mut transaction, &view, &rows).await.unwrap());
    let expected = world.rows(&view);
    // What the command writes itself stays out of its view.
    world.change(&mut transaction, 5, |amount| amount + 7).await.unwrap();
    world.delete(&mut transaction, 9).await;
    assert_eq!(amounts(&world, &view, &rows), expected);
    assert!(expected.contains(&(5, 57)) && !expected.iter().any(|(id, _)| *id == 6));
}

#[tokio::test]
async fn many_cold_rows_are_found_block_by_block() {
    let world = World::holding(0..200).await;
    world.flush().await.unwrap();
    let mut transaction = world.begin();
    for id in (0..200).filter(|id| id % 3 == 0) {
        match id % 2 {
            0 => world.delete(&mut transaction, id).await,
            _ => world.change(&mut transaction, id, |amount| amount + 1).await.unwrap(),
        }
    }
    commit(transaction).await;
    world.flush().await.unwrap();
    let expected: Vec<(i32, i32)> =
        (0..200).filter(|id| id % 3 != 0 || id % 2 != 0).map(|id| (id, id * 10 + i32::from(id % 3 == 0))).collect();
    assert_eq!(world.committed(), expected);
    let view = world.store.view();
    let mut rows = found(&world, &view);
    assert_eq!(amounts(&world, &view, &rows), expected);
    // Keys in any order, and one that is nowhere.
    rows.reverse();
    rows.swap(3, 90);
    let sorted = |mut rows: Vec<(i32, i32)>| {
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(amounts(&world, &view, &rows)), expected);
    rows.push(FoundRow { key: world.key(0), version: CommitSeq(1) });
    assert!(matches!(view.fetch(&world.table, &rows), Err(Error::Corrupt { .. })));
    // All of them at once, and none is left in two places.
    let mut transaction = world.begin();
    for (id, _) in &expected {
        world.change(&mut transaction, *id, |amount| amount - 1).await.unwrap();
    }
    commit(transaction).await;
    let after: Vec<(i32, i32)> = expected.iter().map(|(id, amount)| (*id, amount - 1)).collect();
    assert_eq!(world.committed(), after);
    world.flush().await.unwrap();
    world.compact().await.unwrap();
    assert_eq!(world.committed(), after);
}

#[tokio::test]
async fn rows_that_carry_no_commit_of_their_own_are_the_same_when_they_have_moved() {
    let mut world = World::new();
    world.table = world.renewed();
    let mut transaction = world.begin();
    super::aside::create(&mut transaction, &world.table);
    for id in 0..ROWS {
        world.insert(&mut transaction, row(id)).await;
    }
    commit(transaction).await;
    let mut older: Vec<Transaction> =
        [Isolation::ReadCommitted, Isolation::RepeatableRead].map(|isolation| world.begin_at(isolation)).into();
    let views: Vec<ReadView> = older.iter().map(Transaction::view).collect();
    let (before, expected) = (found(&world, &views[0]), world.rows(&views[0]));
    assert!(before.iter().all(|row| row.version == CommitSeq(0)));
    // One is looked up, and known by itself from then on.
    assert!(world.amount(&older[0], 7).is_some());
    world.flush().await.unwrap();
    for (transaction, view) in older.iter_mut().zip(&views) {
        assert!(lock(&world, transaction, view, &before).await.unwrap());
        assert_eq!(amounts(&world, view, &before), expected);
        transaction.rollback();
    }
    let mut transaction = world.begin();
    let view = transaction.view();
    let after = found(&world, &view);
    assert!(after.iter().all(|row| row.version > CommitSeq(0)));
    assert!(lock(&world, &mut transaction, &view, &after).await.unwrap());
    assert_eq!(amounts(&world, &view, &after[7..8]), expected[7..8]);
    assert_eq!(amounts(&world, &view, &after), expected);
}
