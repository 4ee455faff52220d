//! Contents made within the transaction: written aside, built, exchanged, swept.

use super::*;

impl World {
    /// The table with new, empty contents.
    pub(super) fn renewed(&self) -> Arc<TableSchema> {
        let mut table = (*self.table).clone();
        table.generation = self.store.allocate_generation().unwrap();
        for index in &mut table.indexes {
            index.generation = self.store.allocate_generation().unwrap();
        }
        Arc::new(table)
    }

    /// How many keys of these contents the store has, committed or not.
    pub(super) fn keys_stored(&self, table: &TableSchema) -> usize {
        let snapshot = self.store.kv().snapshot().unwrap();
        let mut count = 0;
        let generations = std::iter::once(table.generation).chain(table.indexes.iter().map(|index| index.generation));
        for generation in generations {
            for family in [Family::Rows, Family::Index] {
                let range = KeyRange::generation(generation);
                let visit = &mut |_: &[u8], _: &[u8]| {
                    count += 1;
                    std::ops::ControlFlow::Continue(())
                };
                snapshot.scan(family, &range, Direction::Forward, visit).unwrap();
            }
        }
        count
    }
}

pub(super) fn create(transaction: &mut Transaction, table: &TableSchema) {
    transaction.created(table.generation);
    for index in &table.indexes {
        transaction.created(index.generation);
    }
}

#[tokio::test]
async fn a_table_is_exchanged_as_a_whole() {
    let mut world = World::holding([1, 2]).await;
    let (old, new) = (Arc::clone(&world.table), world.renewed());
    let mut transaction = world.begin();
    transaction.replaced(old.table);
    for generation in std::iter::once(old.generation).chain(old.indexes.iter().map(|index| index.generation)) {
        transaction.dropped(generation);
    }
    create(&mut transaction, &new);
    let before = transaction.view();
    world.table = Arc::clone(&new);
    for id in 5..15 {
        world.insert(&mut transaction, [id, id * 100, id * 10]).await;
    }
    assert!(world.store.locks_held().is_empty(), "nobody else knows these rows");
    assert!(transaction.writes.is_none(), "nothing went through the write set");
    let twice = transaction.insert(&new, &values([6, 1, 1]), Wait::Forever).await.unwrap();
    assert!(matches!(twice, InsertOutcome::Conflict { constraint: ConflictOn::PrimaryKey, .. }));
    let code = transaction.insert(&new, &values([60, 700, 1]), Wait::Forever).await.unwrap();
    assert!(matches!(code, InsertOutcome::Conflict { constraint: ConflictOn::Index(_), .. }));
    assert!(world.rows(&before).is_empty());
    transaction.begin_command();
    assert_eq!(world.rows(&transaction.view()).len(), 10);
    // Rows written aside can be changed and deleted, and their keys used again.
    world.change(&mut transaction, 5, |_| 55).await.unwrap();
    world.delete(&mut transaction, 6).await;
    world.insert(&mut transaction, [16, 600, 160]).await;
    world.insert(&mut transaction, [6, 1600, 66]).await;
    transaction.begin_command();
    world.check(&transaction.view());
    assert_eq!(world.amount(&transaction, 5), Some(55));
    assert_eq!(world.keys_stored(&old), 6);
    commit(transaction).await;
    let rows = world.committed();
    assert_eq!((rows.len(), rows[0], rows[1]), (11, (5, 55), (6, 66)));
    assert_eq!(world.keys_stored(&old), 0);
    assert!(world.store.generation_stamp(new.generation).is_some());
    let mut later = world.begin_at(Isolation::RepeatableRead);
    world.change(&mut later, 7, |amount| amount + 1).await.unwrap();
    commit(later).await;
}

#[tokio::test]
async fn what_was_written_aside_goes_with_a_rollback() {
    let mut world = World::new();
    world.table = world.renewed();
    let mut transaction = world.begin();
    create(&mut transaction, &world.table);
    for id in 0..10 {
        world.insert(&mut transaction, [id, id, id]).await;
    }
    assert_eq!(world.rows(&transaction.view()).len(), 10);
    assert_eq!(world.keys_stored(&world.table), 30);
    transaction.rollback();
    assert_eq!(world.keys_stored(&world.table), 0);
}

#[tokio::test]
async fn savepoints_hold_for_new_contents_too() {
    let mut world = World::new();
    world.table = world.renewed();
    let mut transaction = world.begin();
    create(&mut transaction, &world.table);
    world.insert(&mut transaction, [1, 1, 1]).await;
    let savepoint = transaction.savepoint();
    world.insert(&mut transaction, [2, 2, 2]).await;
    world.delete(&mut transaction, 1).await;
    transaction.rollback_to(&savepoint);
    transaction.release(&savepoint);
    transaction.begin_command();
    assert_eq!(world.rows(&transaction.view()), [(1, 1)]);
    world.insert(&mut transaction, [2, 2, 2]).await;
    // Contents made and undone within a savepoint.
    let (kept, undone) = (Arc::clone(&world.table), world.renewed());
    let savepoint = transaction.savepoint();
    create(&mut transaction, &undone);
    world.table = Arc::clone(&undone);
    world.insert(&mut transaction, [3, 3, 3]).await;
    transaction.begin_command();
    assert_eq!(world.rows(&transaction.view()).len(), 1);
    transaction.rollback_to(&savepoint);
    commit(transaction).await;
    assert_eq!(world.keys_stored(&undone), 0);
    world.table = kept;
    assert_eq!(world.committed(), [(1, 1), (2, 2)]);
}

#[tokio::test]
async fn an_index_is_built_over_the_newest_rows_and_the_own() {
    let mut world = World::holding(1..=5).await;
    let mut transaction = world.begin();
    world.change(&mut transaction, 2, |_| 10).await.unwrap();
    world.delete(&mut transaction, 5).await;
    let by_amount = index_on(world.store.allocate_generation().unwrap(), AMOUNT, false);
    assert_eq!(transaction.build_index(&world.table, &by_amount).await.unwrap(), None);
    let unique = index_on(world.store.allocate_generation().unwrap(), AMOUNT, true);
    let savepoint = transaction.savepoint();
    let duplicate = transaction.build_index(&world.table, &unique).await.unwrap().unwrap();
    assert_eq!((duplicate.constraint, int(&duplicate.row[ID])), (ConflictOn::Index(unique.generation), 2));
    transaction.rollback_to(&savepoint);
    let mut table = (*world.table).clone();
    table.indexes.push(by_amount);
    world.table = Arc::new(table);
    // The new index is kept up to date within the transaction and after it.
    world.insert(&mut transaction, [6, 600, 10]).await;
    transaction.begin_command();
    world.check(&transaction.view());
    commit(transaction).await;
    assert_eq!(world.ids_with_amount(&world.store.view(), 10), [1, 2, 6]);
    let mut later = world.begin();
    world.change(&mut later, 6, |_| 11).await.unwrap();
    commit(later).await;
    assert_eq!(world.committed().len(), 5);
}

#[tokio::test]
async fn rows_are_rewritten_under_another_key() {
    let mut world = World::holding(1..=5).await;
    let old = Arc::clone(&world.table);
    let mut new = (*world.renewed()).clone();
    new.identity = RowIdentity::PrimaryKey(vec![AMOUNT]);
    let mut transaction = world.begin();
    let mut constant = |mut row: Vec<Value>| {
        row[AMOUNT] = Value::Int4(int(&row[ID]) / 2);
        Ok(row)
    };
    let refusal = transaction.rewrite(&old, &new, Some(&mut constant)).await.unwrap();
    let Some(Refusal::Duplicate(duplicate)) = refusal else { panic!("{refusal:?}") };
    assert_eq!((duplicate.constraint, int(&duplicate.row[ID])), (ConflictOn::PrimaryKey, 3));
    transaction.rollback();
    assert_eq!(world.keys_stored(&new), 0);
    let mut transaction = world.begin();
    let mut negative = |mut row: Vec<Value>| {
        row[AMOUNT] = Value::Int4(-int(&row[AMOUNT]));
        Ok(row)
    };
    assert_eq!(transaction.rewrite(&old, &new, Some(&mut negative)).await.unwrap(), None);
    transaction.dropped(old.generation);
    commit(transaction).await;
    world.table = Arc::new(new);
    assert_eq!(world.committed(), [(5, -50), (4, -40), (3, -30), (2, -20), (1, -10)]);
}

#[tokio::test]
async fn rows_without_a_primary_key_get_numbers_of_their_own() {
    let mut world = World::new();
    for created in [false, true] {
        let mut table = (*world.renewed()).clone();
        table.identity = RowIdentity::Hidden;
        world.table = Arc::new(table);
        let mut transaction = world.begin();
        if created {
            create(&mut transaction, &world.table);
        }
        let first = world.insert(&mut transaction, [1, 1, 1]).await;
        let second = world.insert(&mut transaction, [1, 2, 1]).await;
        assert!(first < second);
        transaction.begin_command();
        let LockedRow::Current(old) =
            transaction.lock_row(&world.table, &first, RowLock::Update, Wait::Forever).await.unwrap()
        else {
            panic!()
        };
        transaction.update(&world.table, &old, &values([7, 1, 7]), Wait::Forever).await.unwrap();
        commit(transaction).await;
        assert_eq!(world.committed(), [(7, 7), (1, 1)]);
    }
}
