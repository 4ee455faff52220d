//! Transactions over the store in memory.

mod aside;
mod backup;
mod bank;
mod bulk;
mod cold;
mod escalation;
mod found;
mod isolation;
mod items;
mod load;
mod slices;
mod spill;
mod spill_model;
mod streams;
mod trash;
mod unique;
mod visibility;

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;

use super::*;
use crate::id::{ColumnId, SchemaVersion};
use crate::key::{KeyRange, index_key, index_range, primary_key_from};
use crate::kv::Direction;
use crate::schema::{Column, IndexColumn, IndexSchema, Layout, RowIdentity};
use crate::store::StoreOptions;
use crate::value::{ColumnType, Value};

/// A store with one table: `id` is the primary key, `code` is unique, `amount` has an index.
struct World {
    store: Store,
    table: Arc<TableSchema>,
}

const ID: usize = 0;
const CODE: usize = 1;
const AMOUNT: usize = 2;

fn index_on(generation: GenerationId, column: usize, unique: bool) -> IndexSchema {
    IndexSchema {
        generation,
        columns: vec![IndexColumn { column, descending: false, nulls_first: false, items: None }],
        unique,
        nulls_distinct: true,
        condition: None,
        slice: Default::default(),
    }
}

impl World {
    fn new() -> Self {
        Self::with(StoreOptions::default())
    }

    fn with(options: StoreOptions) -> Self {
        Self::over(Store::in_memory(options))
    }

    fn over(store: Store) -> Self {
        let generation = store.allocate_generation().unwrap();
        let indexes = vec![
            index_on(store.allocate_generation().unwrap(), CODE, true),
            index_on(store.allocate_generation().unwrap(), AMOUNT, false),
        ];
        let ids = [1, 2, 3].map(ColumnId);
        let table = TableSchema {
            table: TableId(1),
            generation,
            version: SchemaVersion(1),
            columns: ids.map(|id| Column { id, column_type: ColumnType::Int4, missing: Value::Null }).to_vec(),
            identity: RowIdentity::PrimaryKey(vec![ID]),
            slice: Default::default(),
            stream: None,
            indexes,
            layouts: vec![Layout { version: SchemaVersion(1), slots: ids.map(|id| (id, ColumnType::Int4)).to_vec() }],
            cache: Default::default(),
            derived: Default::default(),
        };
        Self { store, table: Arc::new(table) }
    }

    /// With rows of these ids; a row's amount is ten times its id and its code a hundred times.
    async fn holding(ids: impl IntoIterator<Item = i32>) -> Self {
        let world = Self::new();
        let mut transaction = world.begin();
        for id in ids {
            world.insert(&mut transaction, [id, id * 100, id * 10]).await;
        }
        commit(transaction).await;
        world
    }

    fn begin(&self) -> Transaction {
        self.begin_at(Isolation::ReadCommitted)
    }

    fn begin_at(&self, isolation: Isolation) -> Transaction {
        let mut transaction = self.store.begin(isolation);
        transaction.begin_command();
        transaction
    }

    async fn insert(&self, transaction: &mut Transaction, row: [i32; 3]) -> RowKey {
        match transaction.insert(&self.table, &values(row), Wait::Forever).await.unwrap() {
            InsertOutcome::Inserted(key) => key,
            conflict => panic!("{conflict:?}"),
        }
    }

    async fn lock(&self, transaction: &mut Transaction, id: i32, mode: RowLock) -> Result<LockedRow> {
        transaction.lock_row(&self.table, &self.key(id), mode, Wait::Forever).await
    }

    /// Locks the row and gives it another amount, made from the one it has.
    async fn change(&self, transaction: &mut Transaction, id: i32, amount: impl Fn(i32) -> i32) -> Result<()> {
        let LockedRow::Current(old) = self.lock(transaction, id, RowLock::NoKeyUpdate).await? else {
            panic!("row {id} is gone")
        };
        let mut row = old.values(&self.table)?;
        row[AMOUNT] = Value::Int4(amount(int(&row[AMOUNT])));
        match transaction.update(&self.table, &old, &row, Wait::Forever).await? {
            UpdateOutcome::Updated(_) => Ok(()),
            conflict => panic!("{conflict:?}"),
        }
    }

    async fn delete(&self, transaction: &mut Transaction, id: i32) {
        let LockedRow::Current(old) = self.lock(transaction, id, RowLock::Update).await.unwrap() else {
            panic!("row {id} is gone")
        };
        transaction.delete(&self.table, &old).unwrap();
    }

    fn key(&self, id: i32) -> RowKey {
        primary_key_from(&self.table, &[Value::Int4(id)])
    }

    fn amount(&self, transaction: &Transaction, id: i32) -> Option<i32> {
        let row = transaction.get(&self.table, &self.key(id)).unwrap()?;
        Some(int(&row.values(&self.table).unwrap()[AMOUNT]))
    }

    /// Ids and amounts in a view, in order.
    fn rows(&self, view: &ReadView) -> Vec<(i32, i32)> {
        let mut scan = view.scan(&self.table, &self.table.rows(), Direction::Forward);
        let mut found = Vec::new();
        loop {
            let rows = scan.next(3).unwrap();
            if rows.is_empty() {
                return found;
            }
            found.extend(rows.iter().map(|row| {
                let row = row.values(&self.table).unwrap();
                (int(&row[ID]), int(&row[AMOUNT]))
            }));
        }
    }

    fn committed(&self) -> Vec<(i32, i32)> {
        let view = self.store.view();
        self.check(&view);
        let rows = self.rows(&view);
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert_eq!(self.rows_in_batches(&view, &self.table.rows()), sorted);
        rows
    }

    /// Ids and amounts of a range in a view, read as columns; by id.
    fn rows_in_batches(&self, view: &ReadView, range: &KeyRange) -> Vec<(i32, i32)> {
        let mut scan = view.scan_batches(&self.table, range, &[AMOUNT, ID], false);
        let mut found = Vec::new();
        while let Some(columns) = scan.next(5).unwrap() {
            let column = |at: usize| columns[at].as_primitive::<Int32Type>().values().to_vec();
            found.extend(column(1).into_iter().zip(column(0)));
        }
        let mut counted = 0;
        let mut scan = view.scan_batches(&self.table, range, &[], false);
        loop {
            match scan.next_count(6).unwrap() {
                0 => break,
                count => counted += count,
            }
        }
        assert_eq!(counted, found.len());
        found.sort_unstable();
        found
    }

    /// The ids that the index on amounts finds.
    fn ids_with_amount(&self, view: &ReadView, amount: i32) -> Vec<i32> {
        let index = &self.table.indexes[1];
        let range = index_range(index, &[Value::Int4(amount)], Bound::Unbounded, Bound::Unbounded);
        let rows = view.scan_index(&self.table, index, &range, Direction::Forward).next(100).unwrap();
        rows.iter().map(|row| int(&row.values(&self.table).unwrap()[ID])).collect()
    }

    /// Every row has its index entries, and there are no others.
    fn check(&self, view: &ReadView) {
        let mut scan = view.scan(&self.table, &self.table.rows(), Direction::Forward);
        let rows = scan.next(usize::MAX).unwrap();
        for index in &self.table.indexes {
            let range = KeyRange::of_slice(index.generation, index.slice);
            let mut entries = view.scan_index(&self.table, index, &range, Direction::Forward);
            let found: Vec<RowKey> = entries.next(usize::MAX).unwrap().into_iter().map(|row| row.key).collect();
            let mut expected: Vec<_> = rows
                .iter()
                .map(|row| (index_key(index, &row.values(&self.table).unwrap(), &row.key).bytes, row.key.clone()))
                .collect();
            expected.sort();
            let expected: Vec<RowKey> = expected.into_iter().map(|(_, key)| key).collect();
            assert_eq!(found, expected, "the index {:?}", index.generation);
        }
    }

    async fn until_waiting(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.store.locks_held().iter().filter(|lock| !lock.granted).count() != count {
            assert!(Instant::now() < deadline, "never {count} waiting: {:?}", self.store.locks_held());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn values(row: [i32; 3]) -> Vec<Value> {
    row.map(Value::Int4).to_vec()
}

fn int(value: &Value) -> i32 {
    match value {
        Value::Int4(value) => *value,
        other => panic!("{other:?}"),
    }
}

async fn commit(mut transaction: Transaction) -> Option<CommitSeq> {
    transaction.commit(Durability::Sync).await.unwrap()
}

async fn commit_error(mut transaction: Transaction) -> Error {
    transaction.commit(Durability::Sync).await.unwrap_err()
}

/// Everything that waits or takes long can be driven by any thread.
#[allow(dead_code)]
fn futures_are_send(transaction: &mut Transaction, table: &TableSchema) {
    fn is_send<T: Send>(_: T) {}
    is_send(transaction.build_index(table, &table.indexes[0]));
    is_send(transaction.rewrite(table, table, None));
    is_send(transaction.commit(Durability::Sync));
    let view = transaction.view();
    is_send(transaction.lock_found(&view, table, &[], RowLock::Update, Wait::No));
    is_send(transaction.view().scan_batches(&Arc::new(table.clone()), &KeyRange::empty(), &[], true));
}
