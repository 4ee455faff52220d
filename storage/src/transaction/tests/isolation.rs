//! The anomalies that each level admits and those that it does not.

use super::*;

const LEVELS: [Isolation; 3] = [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable];

#[tokio::test]
async fn an_update_is_never_lost() {
    for isolation in LEVELS {
        let world = Arc::new(World::holding([1]).await);
        let (mut first, mut second) = (world.begin_at(isolation), world.begin_at(isolation));
        assert_eq!(world.amount(&second, 1), Some(10));
        world.change(&mut first, 1, |amount| amount + 1).await.unwrap();
        let waiting = {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let result = world.change(&mut second, 1, |amount| amount + 5).await;
                (second, result)
            })
        };
        world.until_waiting(1).await;
        commit(first).await;
        let (second, result) = waiting.await.unwrap();
        if isolation == Isolation::ReadCommitted {
            result.unwrap();
            commit(second).await;
            assert_eq!(world.committed(), [(1, 16)]);
        } else {
            assert!(matches!(result, Err(Error::WriteConflict)), "{isolation:?}");
            drop(second);
            assert_eq!(world.committed(), [(1, 11)]);
        }
        assert!(world.store.locks_held().is_empty());
    }
}

#[tokio::test]
async fn after_a_rollback_the_waiter_has_the_row_as_it_was() {
    for isolation in LEVELS {
        let world = Arc::new(World::holding([1]).await);
        let (mut first, mut second) = (world.begin_at(isolation), world.begin_at(isolation));
        world.change(&mut first, 1, |amount| amount + 1).await.unwrap();
        let waiting = {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                world.change(&mut second, 1, |amount| amount + 5).await.unwrap();
                commit(second).await
            })
        };
        world.until_waiting(1).await;
        first.rollback();
        assert!(waiting.await.unwrap().is_some());
        assert_eq!(world.committed(), [(1, 15)]);
    }
}

#[tokio::test]
async fn a_row_deleted_meanwhile_is_gone_or_a_conflict() {
    for isolation in LEVELS {
        let world = World::holding([1]).await;
        let mut late = world.begin_at(isolation);
        let mut deleter = world.begin();
        world.delete(&mut deleter, 1).await;
        commit(deleter).await;
        let result = world.lock(&mut late, 1, RowLock::Update).await;
        match isolation {
            Isolation::ReadCommitted => assert!(matches!(result, Ok(LockedRow::Gone))),
            _ => assert!(matches!(result, Err(Error::WriteConflict))),
        }
    }
}

/// Each of two doctors goes off call because the other is on call.
#[tokio::test]
async fn write_skew_needs_serializable() {
    for isolation in LEVELS {
        let world = World::holding([1, 2]).await;
        let (mut first, mut second) = (world.begin_at(isolation), world.begin_at(isolation));
        assert_eq!((world.amount(&first, 2), world.amount(&second, 1)), (Some(20), Some(10)));
        world.change(&mut first, 1, |_| 0).await.unwrap();
        world.change(&mut second, 2, |_| 0).await.unwrap();
        commit(first).await;
        if isolation == Isolation::Serializable {
            assert!(matches!(commit_error(second).await, Error::SerializationFailure));
            assert_eq!(world.committed(), [(1, 0), (2, 20)]);
        } else {
            commit(second).await;
            assert_eq!(world.committed(), [(1, 0), (2, 0)]);
        }
        assert!(world.store.locks_held().is_empty());
    }
}

/// The same through a scan: each adds a row because it saw none. Rows, an index, and a walk that stopped early.
#[tokio::test]
async fn phantoms_need_serializable() {
    for isolation in LEVELS {
        for through_index in [false, true] {
            let world = World::holding([1]).await;
            let (mut first, mut second) = (world.begin_at(isolation), world.begin_at(isolation));
            for transaction in [&first, &second] {
                let found = if through_index {
                    world.ids_with_amount(&transaction.view(), 77).len()
                } else {
                    world.rows(&transaction.view()).iter().filter(|(_, amount)| *amount == 77).count()
                };
                assert_eq!(found, 0);
            }
            world.insert(&mut first, [5, 500, 77]).await;
            world.insert(&mut second, [6, 600, 77]).await;
            commit(first).await;
            match isolation {
                Isolation::Serializable => {
                    assert!(matches!(commit_error(second).await, Error::SerializationFailure))
                }
                _ => assert!(commit(second).await.is_some()),
            }
        }
    }
}

#[tokio::test]
async fn serializable_transactions_that_do_not_meet_both_commit() {
    let world = World::holding(1..=9).await;
    let (mut first, mut second) = (world.begin_at(Isolation::Serializable), world.begin_at(Isolation::Serializable));
    // The first walks rows 1 to 3 only, though it asked for all; the second reads and writes row 9.
    let everything = KeyRange::generation(world.table.generation);
    assert_eq!(first.view().scan(&world.table, &everything, Direction::Forward).next(3).unwrap().len(), 3);
    assert_eq!(second.view().scan(&world.table, &everything, Direction::Backward).next(2).unwrap().len(), 2);
    world.change(&mut second, 9, |_| 0).await.unwrap();
    commit(second).await;
    world.change(&mut first, 2, |_| 0).await.unwrap();
    commit(first).await;
    // One that only reads needs no validation: it is in order at its snapshot.
    let reader = world.begin_at(Isolation::Serializable);
    assert_eq!(world.rows(&reader.view()).len(), 9);
    let mut writer = world.begin();
    world.change(&mut writer, 4, |_| 0).await.unwrap();
    commit(writer).await;
    assert_eq!(commit(reader).await, None);
}

#[tokio::test]
async fn what_was_not_found_counts_as_read() {
    let world = World::holding([1]).await;
    let mut reader = world.begin_at(Isolation::Serializable);
    assert_eq!(world.amount(&reader, 2), None);
    let mut writer = world.begin();
    world.insert(&mut writer, [2, 200, 20]).await;
    commit(writer).await;
    world.change(&mut reader, 1, |_| 0).await.unwrap();
    assert!(matches!(commit_error(reader).await, Error::SerializationFailure));
}

#[tokio::test]
async fn a_write_set_for_an_older_definition_is_refused() {
    let world = World::holding([1]).await;
    let mut late = world.begin();
    late.relies_on(world.table.table, world.store.published());
    world.change(&mut late, 1, |_| 0).await.unwrap();
    let mut definer = world.begin();
    definer.redefined(world.table.table);
    commit(definer).await;
    assert!(matches!(commit_error(late).await, Error::RelationChanged));
    assert_eq!(world.committed(), [(1, 10)]);
}

#[tokio::test]
async fn skip_and_nowait() {
    let world = World::holding([1]).await;
    let (mut first, mut second) = (world.begin(), world.begin());
    world.lock(&mut first, 1, RowLock::Update).await.unwrap();
    let skipped = second.lock_row(&world.table, &world.key(1), RowLock::Share, Wait::Skip).await;
    assert!(matches!(skipped, Ok(LockedRow::Skipped)));
    let refused = second.lock_row(&world.table, &world.key(1), RowLock::Share, Wait::No).await;
    assert!(matches!(refused, Err(Error::LockNotAvailable)));
    assert!(second.lock_table(TableId(1), TableLock::Share, Wait::No).await.is_ok_and(|waited| !waited));
    let table = first.lock_table(TableId(1), TableLock::RowExclusive, Wait::No).await;
    assert!(matches!(table, Err(Error::LockNotAvailable)));
    first.lock_key(b"name", true, Wait::Forever).await.unwrap();
    assert!(matches!(second.lock_key(b"name", false, Wait::No).await, Err(Error::LockNotAvailable)));
}
