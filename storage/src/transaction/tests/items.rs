//! An index of items: rows are found by what is in them, whatever is asked for together, and in every view.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::key::Items;
use crate::read::ItemQuery;
use crate::value::Array;

const LIST: usize = 1;

/// A table of ids and lists of numbers.
struct Lists {
    store: Store,
    table: Arc<TableSchema>,
}

impl Lists {
    fn new() -> Self {
        let World { store, table } = World::new();
        let list = ColumnType::Array(Box::new(ColumnType::Int4));
        let slots = vec![(ColumnId(1), ColumnType::Int4), (ColumnId(2), list)];
        let column = |(id, column_type): &(ColumnId, ColumnType)| Column {
            id: *id,
            column_type: column_type.clone(),
            missing: Value::Null,
        };
        let mut index = index_on(store.allocate_generation().unwrap(), LIST, false);
        index.columns[0].items = Some(Items::Elements);
        let table = TableSchema {
            columns: slots.iter().map(column).collect(),
            indexes: vec![index],
            layouts: vec![Layout { version: SchemaVersion(1), slots }],
            ..(*table).clone()
        };
        Self { store, table: Arc::new(table) }
    }

    fn begin(&self, isolation: Isolation) -> Transaction {
        let mut transaction = self.store.begin(isolation);
        transaction.begin_command();
        transaction
    }

    async fn insert(&self, transaction: &mut Transaction, id: i32, list: &[i32]) {
        let row = [Value::Int4(id), list_of(list)];
        let inserted = transaction.insert(&self.table, &row, Wait::Forever).await.unwrap();
        assert!(matches!(inserted, InsertOutcome::Inserted(_)), "{inserted:?}");
    }

    async fn locked(&self, transaction: &mut Transaction, id: i32) -> StoredRow {
        let key = primary_key_from(&self.table, &[Value::Int4(id)]);
        match transaction.lock_row(&self.table, &key, RowLock::Update, Wait::Forever).await.unwrap() {
            LockedRow::Current(row) => row,
            other => panic!("row {id}: {other:?}"),
        }
    }

    async fn update(&self, transaction: &mut Transaction, id: i32, new: (i32, &[i32])) {
        let old = self.locked(transaction, id).await;
        let row = [Value::Int4(new.0), list_of(new.1)];
        let updated = transaction.update(&self.table, &old, &row, Wait::Forever).await.unwrap();
        assert!(matches!(updated, UpdateOutcome::Updated(_)), "{updated:?}");
    }

    async fn delete(&self, transaction: &mut Transaction, id: i32) {
        let old = self.locked(transaction, id).await;
        transaction.delete(&self.table, &old).unwrap();
    }

    /// The ids that a query finds, in the order in which it finds them.
    fn found(&self, view: &ReadView, query: &ItemQuery, at_a_time: usize) -> Vec<i32> {
        let mut scan = view.scan_items(&self.table, &self.table.indexes[0], query);
        let mut ids = Vec::new();
        while let Some(rows) = scan.next(at_a_time).unwrap() {
            assert!(rows.len() <= at_a_time);
            ids.extend(rows.iter().map(|row| int(&row.values(&self.table).unwrap()[ID])));
        }
        ids
    }

    /// How many entries the index has in all.
    fn entries(&self, view: &ReadView) -> usize {
        let index = &self.table.indexes[0];
        let range = KeyRange::generation(index.generation);
        view.scan_index(&self.table, index, &range, Direction::Forward).next_keys(usize::MAX).unwrap().len()
    }
}

fn list_of(list: &[i32]) -> Value {
    Value::Array(Box::new(Array::new(ColumnType::Int4, list.iter().copied().map(Value::Int4).collect())))
}

fn has(number: i32) -> ItemQuery {
    let item = Items::Elements.of(&list_of(&[number])).remove(0);
    ItemQuery::Has { column: 0, item }
}

type Meaning = Box<dyn Fn(&[i32]) -> bool>;

/// A query, and what it means.
fn query(rng: &mut StdRng, depth: usize) -> (ItemQuery, Meaning) {
    if depth == 0 || rng.random_range(0..3) == 0 {
        let number = match rng.random_range(0..3) {
            0 => rng.random_range(0..3),
            1 => rng.random_range(10..20),
            _ => rng.random_range(100..700),
        };
        return (has(number), Box::new(move |list| list.contains(&number)));
    }
    let (parts, means): (Vec<_>, Vec<_>) = (0..rng.random_range(1..4)).map(|_| query(rng, depth - 1)).unzip();
    match rng.random_range(0..2) {
        0 => (ItemQuery::All(parts), Box::new(move |list| means.iter().all(|part| part(list)))),
        _ => (ItemQuery::Any(parts), Box::new(move |list| means.iter().any(|part| part(list)))),
    }
}

/// Checks many queries against what is known of the rows.
fn check(world: &Lists, view: &ReadView, rows: &BTreeMap<i32, Vec<i32>>, rng: &mut StdRng) {
    for _ in 0..60 {
        let (query, means) = query(rng, 3);
        let expected: Vec<i32> = rows.iter().filter(|(_, list)| means(list)).map(|(id, _)| *id).collect();
        assert_eq!(world.found(view, &query, rng.random_range(1..50)), expected, "{query:?}");
    }
    let distinct = |list: &Vec<i32>| list.iter().collect::<BTreeSet<_>>().len();
    assert_eq!(world.entries(view), rows.values().map(distinct).sum::<usize>());
}

fn some_list(rng: &mut StdRng) -> Vec<i32> {
    let mut list = vec![rng.random_range(0..3), rng.random_range(10..20), rng.random_range(100..700)];
    list.truncate(rng.random_range(0..4));
    list.extend_from_within(..list.len() / 2);
    list
}

#[tokio::test]
async fn rows_are_found_by_what_is_in_them() {
    let (world, mut rng) = (Lists::new(), StdRng::seed_from_u64(7));
    let mut rows = BTreeMap::new();
    let mut transaction = world.begin(Isolation::ReadCommitted);
    for id in 0..1500 {
        let list = some_list(&mut rng);
        world.insert(&mut transaction, id, &list).await;
        rows.insert(id, list);
    }
    commit(transaction).await;
    check(&world, &world.store.view(), &rows, &mut rng);
    let (before, committed) = (world.store.view(), rows.clone());
    let mut transaction = world.begin(Isolation::ReadCommitted);
    for id in 0..200 {
        match rng.random_range(0..3) {
            0 => {
                world.delete(&mut transaction, id).await;
                rows.remove(&id);
            }
            1 => {
                let list = some_list(&mut rng);
                world.update(&mut transaction, id, (id, &list)).await;
                rows.insert(id, list);
            }
            _ => {
                let list = rows.remove(&id).unwrap();
                world.update(&mut transaction, id, (id + 5000, &list)).await;
                rows.insert(id + 5000, list);
            }
        }
    }
    transaction.begin_command();
    check(&world, &transaction.view(), &rows, &mut rng);
    check(&world, &before, &committed, &mut rng);
    commit(transaction).await;
    check(&world, &world.store.view(), &rows, &mut rng);
    check(&world, &before, &committed, &mut rng);
}

#[tokio::test]
async fn what_was_looked_for_must_not_come_meanwhile() {
    for (query, list, conflicts) in [
        (ItemQuery::All(vec![has(1), has(100)]), vec![1, 100], true),
        (ItemQuery::All(vec![has(1), has(100)]), vec![2, 101], false),
        (ItemQuery::Any(vec![has(1), has(100)]), vec![100], true),
        (ItemQuery::Any(vec![has(1), has(100)]), vec![2], false),
    ] {
        let world = Lists::new();
        let mut filling = world.begin(Isolation::ReadCommitted);
        for id in 0..40 {
            world.insert(&mut filling, id, &[id % 2, 100 + id % 3]).await;
        }
        commit(filling).await;
        let mut reader = world.begin(Isolation::Serializable);
        world.found(&reader.view(), &query, 10);
        let mut writer = world.begin(Isolation::ReadCommitted);
        world.insert(&mut writer, 100, &list).await;
        commit(writer).await;
        world.insert(&mut reader, 200, &[7]).await;
        assert_eq!(reader.commit(Durability::Sync).await.is_err(), conflicts, "{query:?} and {list:?}");
    }
}
