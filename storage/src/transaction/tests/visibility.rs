//! Who sees what: commands, views, savepoints.

use super::*;

#[tokio::test]
async fn a_command_sees_what_earlier_ones_wrote() {
    let world = World::holding([1]).await;
    let mut transaction = world.begin();
    let before = transaction.view();
    world.insert(&mut transaction, [2, 200, 20]).await;
    let during = transaction.view();
    assert_eq!(world.rows(&before), [(1, 10)]);
    assert_eq!(world.rows(&during), [(1, 10)], "the current command's writes are not in its views");
    assert_eq!(world.amount(&transaction, 2), Some(20), "but `get` answers them");
    transaction.begin_command();
    world.change(&mut transaction, 2, |_| 21).await.unwrap();
    let after = transaction.view();
    assert_eq!(world.rows(&after), [(1, 10), (2, 20)]);
    transaction.begin_command();
    world.delete(&mut transaction, 1).await;
    transaction.begin_command();
    assert_eq!(world.rows(&transaction.view()), [(2, 21)]);
    world.check(&transaction.view());
    assert_eq!(world.rows(&after), [(1, 10), (2, 20)], "a view does not change");
    assert_eq!(world.committed(), [(1, 10)], "nothing is committed yet");
    commit(transaction).await;
    assert_eq!(world.committed(), [(2, 21)]);
    assert_eq!(world.rows(&after), [(1, 10), (2, 20)], "nor with the commit");
    assert!(world.store.locks_held().is_empty());
}

#[tokio::test]
async fn two_updates_in_different_commands_leave_the_view_of_the_second_right() {
    let world = World::holding([1]).await;
    let mut transaction = world.begin();
    for amount in [11, 12, 13] {
        transaction.begin_command();
        world.change(&mut transaction, 1, |_| amount).await.unwrap();
        assert_eq!(world.rows(&transaction.view()), [(1, amount - 1)]);
        world.check(&transaction.view());
    }
}

#[tokio::test]
async fn read_committed_moves_on_and_repeatable_read_does_not() {
    let world = World::holding([1]).await;
    let (mut moving, mut staying) = (world.begin(), world.begin_at(Isolation::RepeatableRead));
    let mut writer = world.begin();
    world.change(&mut writer, 1, |_| 99).await.unwrap();
    commit(writer).await;
    assert_eq!((world.amount(&moving, 1), world.amount(&staying, 1)), (Some(10), Some(10)));
    moving.begin_command();
    staying.begin_command();
    assert_eq!((world.amount(&moving, 1), world.amount(&staying, 1)), (Some(99), Some(10)));
}

#[tokio::test]
async fn repeatable_read_begins_with_its_first_command() {
    let world = World::holding([1]).await;
    for isolation in [Isolation::RepeatableRead, Isolation::Serializable] {
        let mut reader = world.store.begin(isolation);
        let mut writer = world.begin();
        world.change(&mut writer, 1, |amount| amount + 1).await.unwrap();
        commit(writer).await;
        reader.begin_command();
        assert_eq!(world.amount(&reader, 1), world.amount(&world.begin(), 1));
    }
}

#[tokio::test]
async fn reading_leaves_no_commit() {
    let world = World::holding([1]).await;
    let before = world.store.published();
    let mut transaction = world.begin();
    assert_eq!(world.amount(&transaction, 1), Some(10));
    assert!(matches!(world.lock(&mut transaction, 1, RowLock::Share).await, Ok(LockedRow::Current(_))));
    assert!(!transaction.has_writes());
    assert_eq!(commit(transaction).await, None);
    assert_eq!(world.store.published(), before);
    assert!(world.store.locks_held().is_empty());
}

#[tokio::test]
async fn dropping_rolls_back() {
    let world = World::holding([1]).await;
    let mut transaction = world.begin();
    world.delete(&mut transaction, 1).await;
    drop(transaction);
    assert_eq!(world.committed(), [(1, 10)]);
    assert!(world.store.locks_held().is_empty());
}

#[tokio::test]
async fn savepoints_nest() {
    let world = World::holding([1, 2]).await;
    let mut transaction = world.begin();
    world.change(&mut transaction, 1, |_| 11).await.unwrap();
    let outer = transaction.savepoint();
    transaction.begin_command();
    world.change(&mut transaction, 1, |_| 12).await.unwrap();
    world.insert(&mut transaction, [3, 300, 30]).await;
    let inner = transaction.savepoint();
    world.delete(&mut transaction, 3).await;
    world.delete(&mut transaction, 2).await;
    transaction.put_entry(b"name", b"value".to_vec()).unwrap();
    transaction.rollback_to(&inner);
    assert_eq!(transaction.get_entry(b"name").unwrap(), None);
    assert_eq!(world.rows(&transaction.newest_view()), [(1, 12), (2, 20), (3, 30)]);
    world.check(&transaction.newest_view());
    // The savepoint is still there, for a second time.
    world.delete(&mut transaction, 3).await;
    transaction.rollback_to(&inner);
    assert_eq!(world.amount(&transaction, 3), Some(30));
    transaction.release(&inner);
    transaction.rollback_to(&inner);
    assert_eq!(world.amount(&transaction, 3), Some(30), "one that was released does nothing");
    transaction.rollback_to(&outer);
    assert_eq!(world.rows(&transaction.newest_view()), [(1, 11), (2, 20)]);
    world.check(&transaction.newest_view());
    let again = world.begin().lock_row(&world.table, &world.key(3), RowLock::Update, Wait::No).await;
    assert!(matches!(again, Ok(LockedRow::Gone)), "the lock on the key was let go");
    transaction.release(&outer);
    commit(transaction).await;
    assert_eq!(world.committed(), [(1, 11), (2, 20)]);
}

#[tokio::test]
async fn a_write_set_has_a_bound() {
    let world = World::with(StoreOptions { transaction_bytes_max: 10_000, ..StoreOptions::default() });
    // Somebody else writes to the table: there is no locking it as a whole.
    let mut other = world.begin();
    other.lock_table(world.table.table, TableLock::RowExclusive, Wait::No).await.unwrap();
    let mut transaction = world.begin();
    let mut id = 0;
    let error = loop {
        id += 1;
        if let Err(error) = transaction.insert(&world.table, &values([id, id, id]), Wait::Forever).await {
            break error;
        }
    };
    assert!(
        matches!(error, Error::TransactionTooLarge { limit_bytes: 10_000, .. }) && id > 3,
        "{error} after {id} rows"
    );
}

#[tokio::test]
async fn definitions_are_transactional() {
    let world = World::new();
    let mut transaction = world.begin();
    for name in ["t/b", "t/a", "u/a"] {
        transaction.put_entry(name.as_bytes(), name.as_bytes().to_vec()).unwrap();
    }
    let names = |entries: Vec<(Bytes, Bytes)>| entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(names(transaction.scan_entries(b"t/").unwrap()), ["t/a", "t/b"]);
    assert!(transaction.view().scan_entries(b"t/").unwrap().is_empty());
    assert!(world.store.view().scan_entries(b"t/").unwrap().is_empty());
    commit(transaction).await;
    let mut transaction = world.begin();
    transaction.delete_entry(b"t/a").unwrap();
    assert_eq!(names(transaction.scan_entries(b"t/").unwrap()), ["t/b"]);
    assert_eq!(names(world.store.view().scan_entries(b"t/").unwrap()), ["t/a", "t/b"]);
    commit(transaction).await;
    assert_eq!(world.store.view().get_entry(b"t/a").unwrap(), None);
    assert_eq!(world.store.view().get_entry(b"u/a").unwrap().as_deref(), Some(&b"u/a"[..]));
}

#[tokio::test]
async fn a_changed_key_moves_the_row_and_its_index_entries() {
    let world = World::holding([1, 2]).await;
    let mut transaction = world.begin();
    let LockedRow::Current(old) = world.lock(&mut transaction, 1, RowLock::Update).await.unwrap() else { panic!() };
    let taken = transaction.update(&world.table, &old, &values([2, 100, 10]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, UpdateOutcome::Conflict { constraint: ConflictOn::PrimaryKey, .. }));
    let moved = transaction.update(&world.table, &old, &values([7, 100, 10]), Wait::Forever).await.unwrap();
    assert!(matches!(moved, UpdateOutcome::Updated(key) if key == world.key(7)));
    transaction.begin_command();
    world.check(&transaction.view());
    assert_eq!(world.ids_with_amount(&transaction.view(), 10), [7]);
    commit(transaction).await;
    assert_eq!(world.committed(), [(2, 20), (7, 10)]);
    assert_eq!(world.ids_with_amount(&world.store.view(), 10), [7]);
}
