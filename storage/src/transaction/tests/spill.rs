//! Write sets that are too large for memory, up to the commit: everything is as if they were in memory. The bounds are
//! small in tests.

use super::*;

/// Enough for several spills.
const MANY: i32 = 100;

/// As `World::holding` makes them.
pub(super) fn row(id: i32) -> [i32; 3] {
    [id, id * 100, id * 10]
}

pub(super) fn expected(ids: impl IntoIterator<Item = i32>) -> Vec<(i32, i32)> {
    ids.into_iter().map(|id| (id, id * 10)).collect()
}

pub(super) fn layers_len(transaction: &Transaction) -> usize {
    transaction.staged.as_ref().map_or(0, |staged| staged.layers_len())
}

pub(super) async fn insert_all(world: &World, transaction: &mut Transaction, ids: impl IntoIterator<Item = i32>) {
    for id in ids {
        world.insert(transaction, row(id)).await;
    }
}

/// The rows of a view, walked backward in pieces.
pub(super) fn rows_backward(world: &World, view: &ReadView) -> Vec<(i32, i32)> {
    let range = KeyRange::generation(world.table.generation);
    let mut scan = view.scan(&world.table, &range, Direction::Backward);
    let mut found = Vec::new();
    loop {
        let rows = scan.next(7).unwrap();
        if rows.is_empty() {
            found.reverse();
            return found;
        }
        let values = rows.iter().map(|row| row.values(&world.table).unwrap());
        found.extend(values.map(|row| (int(&row[ID]), int(&row[AMOUNT]))));
    }
}

/// How many entries the store has of generations other than the table's, and of what it remembers of staged ones.
pub(super) fn left_behind(world: &World) -> usize {
    let snapshot = world.store.kv().snapshot().unwrap();
    let mut known = vec![world.table.generation];
    known.extend(world.table.indexes.iter().map(|index| index.generation));
    let mut count = 0;
    for family in [Family::Rows, Family::Index, Family::Meta] {
        let all = KeyRange { start: Bytes::new(), end: Bytes::from_static(&[0xFF; 5]) };
        let visit = &mut |key: &[u8], _: &[u8]| {
            let is_left = match family {
                Family::Meta => key.starts_with(b"aside/") || key.starts_with(b"load/"),
                _ => !known.contains(&crate::key::generation_of(key)),
            };
            count += usize::from(is_left);
            std::ops::ControlFlow::Continue(())
        };
        snapshot.scan(family, &all, Direction::Forward, visit).unwrap();
    }
    count
}

fn lookup(world: &World, transaction: &Transaction, code: i32) -> Option<RowKey> {
    let index = &world.table.indexes[0];
    let found = transaction.lookup_unique(index, &[Value::Int4(code)]).unwrap();
    assert_eq!(found, transaction.lookup_unique_newest(index, &[Value::Int4(code)]).unwrap());
    found
}

#[tokio::test]
async fn spilled_rows_are_found_in_every_way() {
    let (_directory, world) = super::bulk::on_disk();
    for up in [true, false] {
        let mut transaction = world.begin();
        let ids: Vec<i32> = if up { (0..MANY).collect() } else { (0..MANY).rev().collect() };
        insert_all(&world, &mut transaction, ids).await;
        assert_eq!(layers_len(&transaction), 1);
        assert!(transaction.has_writes());
        transaction.begin_command();
        for view in [transaction.view(), transaction.newest_view()] {
            world.check(&view);
            assert_eq!(world.rows(&view), expected(0..MANY));
            assert_eq!(rows_backward(&world, &view), expected(0..MANY));
            assert_eq!(world.ids_with_amount(&view, 50), [5]);
            assert!(view.get(&world.table, &world.key(3)).unwrap().is_some());
        }
        for id in 0..MANY {
            assert_eq!(world.amount(&transaction, id), Some(id * 10));
            assert_eq!(lookup(&world, &transaction, id * 100), Some(world.key(id)));
        }
        assert_eq!((world.amount(&transaction, MANY), lookup(&world, &transaction, 1)), (None, None));
        assert!(world.rows(&world.store.view()).is_empty());
        transaction.rollback();
        assert_eq!((world.committed(), left_behind(&world)), (Vec::new(), 0));
    }
}

#[tokio::test]
async fn spilled_rows_can_be_changed_deleted_and_made_again() {
    let world = World::holding(0..MANY).await;
    let mut transaction = world.begin();
    // Committed rows and own ones, those twice.
    insert_all(&world, &mut transaction, MANY..2 * MANY).await;
    for round in [1, 2] {
        transaction.begin_command();
        for id in 0..2 * MANY {
            world.change(&mut transaction, id, |amount| amount + round).await.unwrap();
        }
    }
    transaction.begin_command();
    for id in (0..2 * MANY).step_by(2) {
        world.delete(&mut transaction, id).await;
    }
    transaction.begin_command();
    let odd = |ids: std::ops::Range<i32>| ids.filter(|id| id % 2 == 1).map(|id| (id, id * 10 + 3)).collect::<Vec<_>>();
    world.check(&transaction.view());
    assert_eq!(world.rows(&transaction.view()), odd(0..2 * MANY));
    assert_eq!(rows_backward(&world, &transaction.view()), odd(0..2 * MANY));
    assert_eq!(world.amount(&transaction, 4), None);
    assert!(matches!(world.lock(&mut transaction, 4, RowLock::Update).await, Ok(LockedRow::Gone)));
    assert_eq!(lookup(&world, &transaction, 400), None);
    // The keys are free again, for whatever row.
    world.insert(&mut transaction, [4, 600, 1]).await;
    world.insert(&mut transaction, [6, 400, 2]).await;
    insert_all(&world, &mut transaction, (8..MANY).filter(|id| id % 2 == 0)).await;
    transaction.begin_command();
    world.check(&transaction.view());
    assert_eq!(lookup(&world, &transaction, 400), Some(world.key(6)));
    let rows = world.rows(&transaction.view());
    commit(transaction).await;
    assert_eq!((world.committed(), left_behind(&world)), (rows, 0));
}

#[tokio::test]
async fn own_spilled_keys_are_taken() {
    let world = World::holding([1000]).await;
    let mut transaction = world.begin();
    insert_all(&world, &mut transaction, 0..MANY).await;
    assert_eq!(layers_len(&transaction), 1);
    let code = ConflictOn::Index(world.table.indexes[0].generation);
    for id in 0..MANY {
        let mut insert = async |row| match transaction.insert(&world.table, &values(row), Wait::Forever).await.unwrap()
        {
            InsertOutcome::Conflict { constraint, existing } => (constraint, existing.key),
            outcome => panic!("{outcome:?}"),
        };
        assert_eq!(insert([id, -1, 0]).await, (ConflictOn::PrimaryKey, world.key(id)));
        assert_eq!(insert([-1, id * 100, 0]).await, (code, world.key(id)));
    }
    let LockedRow::Current(old) = world.lock(&mut transaction, 1000, RowLock::Update).await.unwrap() else { panic!() };
    let taken = transaction.update(&world.table, &old, &values([1000, 0, 0]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, UpdateOutcome::Conflict { constraint, .. } if constraint == code));
}

#[tokio::test]
async fn a_view_does_not_see_what_its_own_command_spills() {
    let world = World::holding([-2]).await;
    let mut transaction = world.begin();
    world.insert(&mut transaction, row(-1)).await;
    let first = transaction.view();
    transaction.begin_command();
    let before = transaction.view();
    insert_all(&world, &mut transaction, 0..MANY / 2).await;
    assert_eq!(layers_len(&transaction), 1);
    world.change(&mut transaction, -1, |_| 7).await.unwrap();
    let during = transaction.view();
    insert_all(&world, &mut transaction, MANY / 2..MANY).await;
    let later = transaction.view();
    assert_eq!(world.rows(&first), expected([-2]));
    for view in [&before, &during, &later] {
        world.check(view);
        assert_eq!(world.rows(view), expected([-2, -1]));
    }
    transaction.begin_command();
    let next = transaction.view();
    for id in 0..MANY {
        world.delete(&mut transaction, id).await;
    }
    let mut all = expected(-2..MANY);
    all[1].1 = 7;
    assert_eq!(world.rows(&next), all);
    assert_eq!(world.rows(&transaction.view()), all);
    assert_eq!(world.rows(&transaction.newest_view()), [(-2, -20), (-1, 7)]);
    commit(transaction).await;
    // Views outlive the transaction, and the layers.
    assert_eq!((world.rows(&during), world.rows(&next)), (expected([-2, -1]), all));
}

#[tokio::test]
async fn savepoints_cut_what_is_spilled() {
    let world = World::holding([-1]).await;
    let mut transaction = world.begin();
    // Before any spill: rows, a savepoint, rows, a savepoint, and so many rows that all is spilled at once.
    insert_all(&world, &mut transaction, 0..3).await;
    let outer = transaction.savepoint();
    insert_all(&world, &mut transaction, 3..6).await;
    world.change(&mut transaction, 0, |_| 77).await.unwrap();
    let inner = transaction.savepoint();
    world.delete(&mut transaction, 1).await;
    insert_all(&world, &mut transaction, 6..MANY).await;
    assert_eq!(layers_len(&transaction), 3);
    transaction.begin_command();
    // After it: one more, over a layer that it must not lose.
    let innermost = transaction.savepoint();
    insert_all(&world, &mut transaction, MANY..2 * MANY).await;
    assert_eq!(layers_len(&transaction), 4);
    assert_eq!(world.rows(&transaction.newest_view()).len(), 2 * MANY as usize);
    transaction.rollback_to(&innermost);
    assert_eq!(layers_len(&transaction), 3);
    world.check(&transaction.newest_view());
    assert_eq!(world.rows(&transaction.newest_view()).len(), MANY as usize);
    for _ in 0..2 {
        transaction.rollback_to(&inner);
        world.check(&transaction.newest_view());
        assert_eq!(world.rows(&transaction.newest_view())[..3], [(-1, -10), (0, 77), (1, 10)]);
        assert_eq!(world.rows(&transaction.newest_view()).len(), 7);
        insert_all(&world, &mut transaction, MANY..2 * MANY).await;
    }
    transaction.release(&inner);
    assert_eq!(world.rows(&transaction.newest_view()).len(), 7 + MANY as usize);
    transaction.rollback_to(&outer);
    world.check(&transaction.newest_view());
    assert_eq!(world.rows(&transaction.newest_view()), expected(-1..3));
    insert_all(&world, &mut transaction, 3..MANY).await;
    transaction.release(&outer);
    insert_all(&world, &mut transaction, MANY..2 * MANY).await;
    commit(transaction).await;
    assert_eq!((world.committed(), left_behind(&world)), (expected(-1..2 * MANY), 0));
}

#[tokio::test]
async fn definitions_stay_in_memory_and_obey_savepoints() {
    let world = World::new();
    let mut transaction = world.begin();
    transaction.put_entry(b"a", b"1".to_vec()).unwrap();
    let outer = transaction.savepoint();
    transaction.put_entry(b"a", b"2".to_vec()).unwrap();
    insert_all(&world, &mut transaction, 0..2).await;
    transaction.put_entry(b"b", b"2".to_vec()).unwrap();
    let inner = transaction.savepoint();
    transaction.begin_command();
    transaction.put_entry(b"a", b"3".to_vec()).unwrap();
    transaction.delete_entry(b"b").unwrap();
    insert_all(&world, &mut transaction, 2..MANY).await;
    assert!(layers_len(&transaction) > 0);
    let entries = |transaction: &Transaction| {
        [b"a", b"b"].map(|key| transaction.get_entry(key).unwrap().map(|value| value[0] - b'0'))
    };
    assert_eq!(entries(&transaction), [Some(3), None]);
    assert_eq!(transaction.scan_entries(b"").unwrap().len(), 1);
    assert_eq!(transaction.view().get_entry(b"a").unwrap().as_deref(), Some(&b"2"[..]));
    transaction.rollback_to(&inner);
    assert_eq!(entries(&transaction), [Some(2), Some(2)]);
    insert_all(&world, &mut transaction, 2..MANY).await;
    transaction.rollback_to(&outer);
    assert_eq!(entries(&transaction), [Some(1), None]);
    transaction.put_entry(b"c", b"4".to_vec()).unwrap();
    insert_all(&world, &mut transaction, 0..MANY).await;
    commit(transaction).await;
    assert_eq!(world.store.view().get_entry(b"a").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(world.store.view().get_entry(b"b").unwrap(), None);
    assert_eq!(world.store.view().get_entry(b"c").unwrap().as_deref(), Some(&b"4"[..]));
    assert_eq!((world.committed(), left_behind(&world)), (expected(0..MANY), 0));
}

#[tokio::test]
async fn a_spill_that_is_given_up_loses_nothing() {
    let world = World::holding([-1]).await;
    let mut transaction = world.begin();
    insert_all(&world, &mut transaction, 0..4).await;
    let savepoint = transaction.savepoint();
    insert_all(&world, &mut transaction, 4..6).await;
    // Now and then the thread is quicker.
    let give_up = async |transaction: &mut Transaction| {
        tokio::select! { biased; _ = transaction.spill() => {}, () = std::future::ready(()) => {} }
    };
    give_up(&mut transaction).await;
    assert_eq!(world.rows(&transaction.newest_view()), expected(-1..6));
    world.delete(&mut transaction, 5).await;
    give_up(&mut transaction).await;
    transaction.rollback_to(&savepoint);
    assert_eq!(world.rows(&transaction.newest_view()), expected(-1..4));
    transaction.spill().await.unwrap();
    world.delete(&mut transaction, 2).await;
    give_up(&mut transaction).await;
    transaction.begin_command();
    world.check(&transaction.view());
    world.insert(&mut transaction, row(2)).await;
    give_up(&mut transaction).await;
    commit(transaction).await;
    assert_eq!((world.committed(), left_behind(&world)), (expected(-1..4), 0));
    let mut transaction = world.begin();
    insert_all(&world, &mut transaction, 10..20).await;
    give_up(&mut transaction).await;
    drop(transaction);
    assert_eq!((world.committed(), left_behind(&world)), (expected(-1..4), 0));
}

#[tokio::test]
async fn rows_that_are_deleted_in_one_go_are_spilled_too() {
    let world = World::holding(0..3 * MANY).await;
    let mut transaction = world.begin();
    transaction.lock_table(world.table.table, TableLock::Exclusive, Wait::No).await.unwrap();
    let mut found = Vec::new();
    for id in 0..3 * MANY {
        match world.lock(&mut transaction, id, RowLock::Update).await.unwrap() {
            LockedRow::Current(row) => found.push(row),
            other => panic!("{other:?}"),
        }
    }
    let mut bytes_max = 0;
    for row in &found {
        transaction.delete(&world.table, row).unwrap();
        bytes_max = bytes_max.max(transaction.write_bytes);
    }
    assert!(layers_len(&transaction) == 1 && bytes_max < 20_000, "{bytes_max} bytes");
    assert!(world.rows(&transaction.newest_view()).is_empty());
    commit(transaction).await;
    assert_eq!((world.committed(), left_behind(&world)), (Vec::new(), 0));
}

#[tokio::test]
async fn the_disk_has_a_bound_too() {
    let options = StoreOptions { transaction_disk_bytes_max: 10_000, ..StoreOptions::default() };
    let world = World::with(options);
    let mut transaction = world.begin();
    let mut id = 0;
    let error = loop {
        id += 1;
        if let Err(error) = transaction.insert(&world.table, &values(row(id)), Wait::Forever).await {
            break error;
        }
    };
    let setting = "transaction_disk_bytes_max";
    assert!(matches!(error, Error::TransactionTooLarge { setting: s, limit_bytes: 10_000 } if s == setting));
    assert!(id > 20 && error.to_string().contains(setting), "{error} after {id} rows");
    transaction.rollback();
    assert_eq!((world.committed(), left_behind(&world)), (Vec::new(), 0));
}

#[tokio::test]
async fn memory_stays_within_its_bound() {
    // Far less than the rows need, in memory.
    let world = World::with(StoreOptions { transaction_bytes_max: 20_000, ..StoreOptions::default() });
    let mut transaction = world.begin();
    for id in 0..10 * MANY {
        world.insert(&mut transaction, row(id)).await;
        assert!(transaction.write_bytes < 10_000, "{} bytes", transaction.write_bytes);
    }
    commit(transaction).await;
    assert_eq!((world.committed(), left_behind(&world)), (expected(0..10 * MANY), 0));
}
