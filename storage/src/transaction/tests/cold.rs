//! Rows that lie in segments: whoever reads and writes them does not notice, whatever moves, fails or crashes meanwhile.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::spill::rows_backward;
use super::*;
use crate::maintain::{Compaction, Rewrite, RewriteReport};
use crate::segment::{Encoding, MemoryFiles, SegmentColumn};
use crate::testing::{CrashDisk, Fault, FaultInjector, FaultyFiles};
use crate::value::samples::any_value_or_null;

/// A flush of a table whose columns are called `c0`, `c1` and so on.
pub(super) fn flush_of(table: &Arc<TableSchema>) -> Rewrite {
    let columns = table.columns.iter().enumerate().map(|(at, column)| SegmentColumn {
        name: format!("c{at}"),
        encoding: Encoding::of(&column.column_type, None),
    });
    Rewrite {
        table: Arc::clone(table),
        columns: columns.collect(),
        compression: Default::default(),
        place: None,
        folder: "public/t".into(),
        slice_rows_min: None,
        progress: Default::default(),
    }
}

impl World {
    pub(super) async fn flush(&self) -> Result<RewriteReport> {
        self.store.flush_table(flush_of(&self.table)).await
    }

    pub(super) async fn compact(&self) -> Result<RewriteReport> {
        self.store.compact_table(flush_of(&self.table), Compaction::Whole).await
    }

    fn segments_len(&self) -> usize {
        self.store.segments(self.table.generation).len()
    }

    fn hot_len(&self) -> u64 {
        self.store.hot_rows(self.table.generation).unwrap()
    }
}

#[tokio::test]
async fn rows_are_the_same_wherever_they_lie() {
    let world = World::holding(0..100).await;
    let before = world.committed();
    let old = world.begin_at(Isolation::RepeatableRead);
    let report = world.flush().await.unwrap();
    assert_eq!((report.rows, report.files as usize), (100, world.segments_len()));
    assert!(world.segments_len() > 1 && world.hot_len() == 0);
    assert_eq!((world.committed(), world.rows(&old.view())), (before.clone(), before.clone()));
    assert_eq!(rows_backward(&world, &world.store.view()), before);
    assert_eq!(world.flush().await.unwrap(), RewriteReport::default());

    let mut transaction = world.begin();
    world.change(&mut transaction, 17, |amount| amount + 1).await.unwrap();
    world.delete(&mut transaction, 18).await;
    let taken = transaction.insert(&world.table, &values([19, 0, 0]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { constraint: ConflictOn::PrimaryKey, .. }));
    let taken = transaction.insert(&world.table, &values([1000, 2000, 0]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { constraint: ConflictOn::Index(_), .. }));
    transaction.begin_command();
    let mut after = before.clone();
    after[17].1 += 1;
    after.remove(18);
    assert_eq!((world.rows(&transaction.view()), world.committed()), (after.clone(), before.clone()));
    commit(transaction).await;
    assert_eq!((world.committed(), world.rows(&old.view())), (after.clone(), before.clone()));
    assert_eq!(world.hot_len(), 1);
    // What was deleted may come back, and the row that was changed goes to a segment again.
    let mut transaction = world.begin();
    world.insert(&mut transaction, [18, 1800, 180]).await;
    commit(transaction).await;
    after.insert(18, (18, 180));
    assert_eq!(world.flush().await.unwrap().rows, 2);
    assert_eq!((world.committed(), world.rows(&old.view())), (after.clone(), before.clone()));
    let segments = world.segments_len();
    let merged = world.compact().await.unwrap();
    assert!(merged.rows >= 40 && world.segments_len() < segments, "{merged:?}");
    assert_eq!((world.committed(), world.rows(&old.view())), (after, before));
    assert_eq!(world.compact().await.unwrap(), RewriteReport::default());
}

#[tokio::test]
async fn an_older_snapshot_meets_conflicts_in_segments() {
    let world = World::holding(0..10).await;
    let mut old = world.begin_at(Isolation::RepeatableRead);
    let mut serializable = world.begin_at(Isolation::Serializable);
    assert_eq!(world.amount(&serializable, 3), Some(30));
    // A move is no change.
    world.flush().await.unwrap();
    world.change(&mut old, 1, |amount| amount + 5).await.unwrap();
    serializable.put_entry(b"own", b"1".to_vec()).unwrap();
    commit(serializable).await;
    commit(old).await;
    assert_eq!(world.amount(&world.begin(), 1), Some(15));
    let (mut old, mut other) = (world.begin_at(Isolation::RepeatableRead), world.begin());
    world.change(&mut other, 2, |amount| amount + 1).await.unwrap();
    commit(other).await;
    world.flush().await.unwrap();
    assert!(matches!(world.lock(&mut old, 2, RowLock::Update).await, Err(Error::WriteConflict)));
}

#[tokio::test]
async fn a_row_that_moves_under_its_writer_is_there_once() {
    let world = World::holding(0..30).await;
    for round in 0..4 {
        let mut transaction = world.begin();
        for id in 0..30 {
            world.change(&mut transaction, id, |amount| amount + 1).await.unwrap();
        }
        world.flush().await.unwrap();
        transaction.begin_command();
        let expected: Vec<(i32, i32)> = (0..30).map(|id| (id, id * 10 + round + 1)).collect();
        assert_eq!(world.rows(&transaction.view()), expected);
        commit(transaction).await;
        assert_eq!(world.committed(), expected);
    }
}

#[tokio::test]
async fn a_large_write_set_marks_what_it_replaces() {
    let world = World::holding(0..200).await;
    world.flush().await.unwrap();
    let mut transaction = world.begin();
    for id in 0..200 {
        world.change(&mut transaction, id, |amount| amount + 1).await.unwrap();
        if id % 3 == 0 {
            world.delete(&mut transaction, id).await;
        }
    }
    assert!(super::spill::layers_len(&transaction) > 0);
    commit(transaction).await;
    let expected: Vec<(i32, i32)> = (0..200).filter(|id| id % 3 != 0).map(|id| (id, id * 10 + 1)).collect();
    assert_eq!(world.committed(), expected);
    world.flush().await.unwrap();
    assert_eq!(world.committed(), expected);
}

#[tokio::test]
async fn files_go_when_nobody_reads_them() {
    let files = MemoryFiles::new();
    let kv = Arc::new(crate::kv::MemoryKeyValue::new());
    let store = Store::with_parts(kv, Arc::new(files.clone()), StoreOptions::default()).unwrap();
    let world = World::over(store);
    let mut transaction = world.begin();
    super::spill::insert_all(&world, &mut transaction, 0..100).await;
    commit(transaction).await;
    world.flush().await.unwrap();
    let before = world.committed();
    assert_eq!(files.names().len(), world.segments_len());
    let reader = world.begin_at(Isolation::RepeatableRead);
    let mut dropper = world.begin();
    dropper.dropped(world.table.generation);
    commit(dropper).await;
    world.store.sweep().unwrap();
    assert_eq!(world.rows(&reader.view()), before);
    assert!(world.store.has_to_sweep());
    drop(reader);
    // The published state holds what it had before until the next commit.
    let mut other = world.begin();
    other.put_entry(b"name", b"value".to_vec()).unwrap();
    commit(other).await;
    world.store.sweep().unwrap();
    assert_eq!((files.names(), world.segments_len()), (Vec::<String>::new(), 0));
    let rest = world.store.kv().snapshot().unwrap();
    assert_eq!(rest.approximate_entries(Family::Deleted, &KeyRange::generation(GenerationId(0))).unwrap(), 0);
}

#[tokio::test]
async fn room_of_moved_rows_is_reclaimed_when_nobody_reads_them() {
    let (kv, files) = (Arc::new(crate::kv::MemoryKeyValue::new()), MemoryFiles::new());
    let open = || Store::with_parts(kv.clone(), Arc::new(files.clone()), StoreOptions::default()).unwrap();
    let mut world = World::over(open());
    let mut transaction = world.begin();
    super::spill::insert_all(&world, &mut transaction, 0..150).await;
    commit(transaction).await;
    let before = world.committed();
    let reader = world.begin_at(Isolation::RepeatableRead);
    world.flush().await.unwrap();
    world.store.sweep().unwrap();
    assert!(world.store.has_to_sweep(), "a snapshot from before the move is there");
    assert_eq!(world.rows(&reader.view()), before);
    drop(reader);
    // It is known after a restart, until it was done.
    world.store = open();
    assert!(world.store.has_to_sweep());
    world.store.sweep().unwrap();
    assert!(!world.store.has_to_sweep());
    world.store = open();
    assert!(!world.store.has_to_sweep());
    assert_eq!(world.committed(), before);
}

#[tokio::test]
async fn every_type_comes_back_as_it_was() {
    let types = [
        ColumnType::Bool,
        ColumnType::Int2,
        ColumnType::Int4,
        ColumnType::Int8,
        ColumnType::Float4,
        ColumnType::Float8,
        ColumnType::Numeric,
        ColumnType::Text,
        ColumnType::Bytea,
        ColumnType::Date,
        ColumnType::Time,
        ColumnType::Timestamp,
        ColumnType::Timestamptz,
        ColumnType::Interval,
        ColumnType::Uuid,
        ColumnType::Jsonb,
        ColumnType::Array(Box::new(ColumnType::Numeric)),
        ColumnType::Record,
    ];
    let world = World::new();
    let ids = (1..).map(ColumnId);
    let columns =
        ids.zip(&types).map(|(id, column_type)| Column { id, column_type: column_type.clone(), missing: Value::Null });
    let columns: Vec<Column> = columns.collect();
    let slots = columns.iter().map(|column| (column.id, column.column_type.clone())).collect();
    let table = Arc::new(TableSchema {
        columns,
        identity: RowIdentity::Hidden,
        indexes: Vec::new(),
        layouts: vec![Layout { version: SchemaVersion(1), slots }],
        ..(*world.table).clone()
    });
    let mut runner = TestRunner::deterministic();
    let mut random_row = || -> Vec<Value> {
        let values = types.iter().map(|column_type| any_value_or_null(column_type).new_tree(&mut runner));
        values.map(|value| value.unwrap().current()).collect()
    };
    let mut transaction = world.begin();
    for _ in 0..300 {
        transaction.insert(&table, &random_row(), Wait::Forever).await.unwrap();
    }
    commit(transaction).await;
    let rows = || {
        let range = KeyRange::generation(table.generation);
        let rows = world.store.view().scan(&table, &range, Direction::Forward).next(usize::MAX).unwrap();
        rows.into_iter().map(|row| (row.seq(), row.updated_at(), row.key.clone(), row.values(&table).unwrap()))
    };
    // NaN is not itself.
    let before: Vec<String> = rows().map(|row| format!("{row:?}")).collect();
    assert_eq!(world.store.flush_table(flush_of(&table)).await.unwrap().rows, 300);
    assert!(rows().map(|row| format!("{row:?}")).eq(before), "rows are other than they were");
}

#[tokio::test]
async fn a_row_that_a_file_cannot_express_stays_hot() {
    let world = World::new();
    let mut table = (*world.table).clone();
    table.indexes.clear();
    table.columns[AMOUNT].column_type = ColumnType::Numeric;
    table.layouts[0].slots[AMOUNT].1 = ColumnType::Numeric;
    let table = Arc::new(table);
    let mut transaction = world.begin();
    for id in 0..20 {
        let amount = if id % 5 == 0 { "NaN".to_owned() } else { format!("{id}.50") };
        let row = [Value::Int4(id), Value::Int4(id), Value::Numeric(Box::new(amount.parse().unwrap()))];
        transaction.insert(&table, &row, Wait::Forever).await.unwrap();
    }
    commit(transaction).await;
    let amounts = || {
        let range = KeyRange::generation(table.generation);
        let rows = world.store.view().scan(&table, &range, Direction::Forward).next(usize::MAX).unwrap();
        rows.into_iter().map(|row| format!("{:?}", row.value(&table, AMOUNT).unwrap())).collect::<Vec<_>>()
    };
    let before = amounts();
    let mut flush = flush_of(&table);
    flush.columns[AMOUNT].encoding = Encoding::of(&ColumnType::Numeric, Some((6, 2)));
    assert_eq!(world.store.flush_table(flush).await.unwrap().rows, 16);
    assert_eq!((amounts(), world.hot_len()), (before, 4));
}

/// What is there, and where it lies: a disk and a place for files that both survive a crash.
struct Machine {
    disk: Arc<CrashDisk>,
    faults: Arc<FaultInjector>,
    stored: MemoryFiles,
    files: Arc<FaultyFiles>,
    world: World,
    rows: BTreeMap<i32, (i32, i32)>,
    /// What the columns hold that were added, by id.
    added: BTreeMap<i32, Vec<i64>>,
    /// How often the table was altered.
    altered: u16,
    /// Ids and amounts of deleted rows that are kept, in order.
    trash: Vec<(i32, i32)>,
}

impl Machine {
    fn new() -> Self {
        let disk = Arc::new(CrashDisk::new());
        let faults = Arc::new(FaultInjector::new(disk.clone()));
        let stored = MemoryFiles::new();
        let files = Arc::new(FaultyFiles::new(Arc::new(stored.clone())));
        let store = Store::with_parts(faults.clone(), files.clone(), StoreOptions::default()).unwrap();
        Self {
            disk,
            faults,
            stored,
            files,
            world: World::over(store),
            rows: BTreeMap::new(),
            added: BTreeMap::new(),
            altered: 0,
            trash: Vec::new(),
        }
    }

    /// Crashes and starts again on what is left.
    fn restart(&mut self, seed: u64) {
        self.disk = Arc::new(self.disk.crash(seed).unwrap());
        self.faults = Arc::new(FaultInjector::new(self.disk.clone()));
        self.files = Arc::new(FaultyFiles::new(Arc::new(self.stored.clone())));
        self.world.store = Store::with_parts(self.faults.clone(), self.files.clone(), StoreOptions::default()).unwrap();
    }

    fn check(&self) {
        let expected: Vec<(i32, i32)> = self.rows.iter().map(|(id, (_, amount))| (*id, *amount)).collect();
        assert_eq!(self.world.committed(), expected);
        assert_eq!(rows_backward(&self.world, &self.world.store.view()), expected);
        self.check_added();
        let mut trash = self.world.trash(&self.world.store.view());
        trash.sort_unstable();
        assert_eq!(trash, self.trash);
        let range = crate::key::key_range(
            &self.world.table,
            &[],
            Bound::Included(&Value::Int4(11)),
            Bound::Excluded(&Value::Int4(43)),
        );
        let within: Vec<_> = expected.iter().copied().filter(|(id, _)| (11..43).contains(id)).collect();
        assert_eq!(self.world.rows_in_batches(&self.world.store.view(), &range), within);
        for id in 0..60 {
            let found = self.world.store.view().get(&self.world.table, &self.world.key(id)).unwrap();
            assert_eq!(found.is_some(), self.rows.contains_key(&id));
        }
    }

    /// The added columns, as rows and as columns have them.
    fn check_added(&self) {
        let table = &self.world.table;
        let (view, range) = (self.world.store.view(), KeyRange::generation(table.generation));
        let rows = view.scan(table, &range, Direction::Forward).next(usize::MAX).unwrap();
        let values = rows.iter().map(|row| row.values(table).unwrap());
        let found = values.map(|row| (int(&row[ID]), row[AMOUNT + 1..].iter().map(whole).collect()));
        assert_eq!(found.collect::<BTreeMap<i32, Vec<i64>>>(), self.added);
        let projection: Vec<usize> = (ID..=ID).chain(AMOUNT + 1..table.columns.len()).collect();
        let mut scan = view.scan_batches(table, &range, &projection, false);
        let mut found = BTreeMap::new();
        while let Some(columns) = scan.next(7).unwrap() {
            for row in 0..columns[0].len() {
                let mut values = columns.iter().zip(&projection).map(|(column, position)| {
                    let value = crate::row::arrow::cell(column.as_ref(), &table.columns[*position].column_type, row);
                    whole(&value.to_owned())
                });
                found.insert(values.next().unwrap() as i32, values.collect::<Vec<_>>());
            }
        }
        assert_eq!(found, self.added);
    }

    /// Adds a column, or drops or widens one that was added.
    async fn alter(&mut self, random: &mut StdRng) {
        let mut table = (*self.world.table).clone();
        let added = table.columns.len() - (AMOUNT + 1);
        let chosen = AMOUNT + 1 + random.random_range(0..added.max(1));
        self.altered += 1;
        match random.random_range(0..3) {
            0 if added > 0 => {
                table.columns.remove(chosen);
                for row in self.added.values_mut() {
                    row.remove(chosen - AMOUNT - 1);
                }
            }
            1 if added > 0 => {
                let column = &mut table.columns[chosen];
                let wider = match column.column_type {
                    ColumnType::Int2 if random.random_bool(0.5) => ColumnType::Int4,
                    _ => ColumnType::Int8,
                };
                column.missing = column.missing.clone().widened(&wider);
                column.column_type = wider;
            }
            _ if added < 4 => {
                let missing = random.random_range(-9..10);
                let (id, column_type) = (ColumnId(100 + self.altered), ColumnType::Int2);
                table.columns.push(Column { id, column_type, missing: Value::Int2(missing) });
                self.added.values_mut().for_each(|row| row.push(missing.into()));
            }
            _ => return,
        }
        table.version = SchemaVersion(1 + self.altered);
        let slots = table.columns.iter().map(|column| (column.id, column.column_type.clone())).collect();
        table.layouts.push(Layout { version: table.version, slots });
        let mut transaction = self.world.begin();
        transaction.redefined(table.table);
        transaction.put_entry(b"table", vec![1]).unwrap();
        commit(transaction).await;
        self.world.table = Arc::new(table);
    }

    /// Every file belongs to a segment.
    fn check_files(&self) {
        assert_eq!(self.stored.names().len(), self.world.segments_len());
    }

    async fn transact(&mut self, random: &mut StdRng) {
        let mut transaction = self.world.begin();
        let (mut rows, mut added, mut trash) = (self.rows.clone(), self.added.clone(), self.trash.clone());
        for _ in 0..random.random_range(1..12) {
            let (id, code, amount) =
                (random.random_range(0..60), random.random_range(0..60), random.random_range(0..60));
            if let Some((_, old_amount)) = rows.get(&id).copied() {
                if random.random_ratio(1, 3) {
                    if random.random_bool(0.5) {
                        self.world.delete_to_trash(&mut transaction, id).await;
                        trash.push((id, old_amount));
                    } else {
                        self.world.delete(&mut transaction, id).await;
                    }
                    rows.remove(&id);
                    added.remove(&id);
                } else {
                    self.world.change(&mut transaction, id, |old| old + 1).await.unwrap();
                    rows.entry(id).and_modify(|row| row.1 = old_amount + 1);
                }
            } else if !rows.values().any(|(taken, _)| *taken == code) {
                let types = self.world.table.columns[AMOUNT + 1..].iter().map(|column| &column.column_type);
                let more: Vec<(i16, &ColumnType)> = types.map(|ty| (random.random_range(-99..100), ty)).collect();
                let mut row = values([id, code, amount]);
                row.extend(more.iter().map(|(value, ty)| Value::Int2(*value).widened(ty)));
                let inserted = transaction.insert(&self.world.table, &row, Wait::Forever).await.unwrap();
                assert!(matches!(inserted, InsertOutcome::Inserted(_)));
                rows.insert(id, (code, amount));
                added.insert(id, more.into_iter().map(|(value, _)| value.into()).collect());
            }
            if random.random_ratio(1, 4) {
                transaction.begin_command();
            }
            match random.random_range(0..20) {
                0 => drop(self.world.flush().await.unwrap()),
                1 => drop(self.world.compact().await.unwrap()),
                _ => {}
            }
        }
        if random.random_ratio(4, 5) {
            commit(transaction).await;
            trash.sort_unstable();
            (self.rows, self.added, self.trash) = (rows, added, trash);
        }
    }
}

fn whole(value: &Value) -> i64 {
    match value {
        Value::Int2(value) => (*value).into(),
        Value::Int4(value) => (*value).into(),
        Value::Int8(value) => *value,
        other => panic!("{other:?}"),
    }
}

async fn run(seed: u64, steps: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut machine = Machine::new();
    for step in 0..steps {
        match random.random_range(0..100) {
            0..64 => machine.transact(&mut random).await,
            64..70 => machine.alter(&mut random).await,
            70..80 => drop(machine.world.flush().await.unwrap()),
            80..85 => drop(machine.world.compact().await.unwrap()),
            85..92 => {
                // A flush that fails somewhere, and a start on what it has left.
                match random.random_range(0..3) {
                    0 => machine.files.fail_after(random.random_range(0..12)),
                    1 => machine.faults.fail_at(machine.faults.steps() + random.random_range(0..6), Fault::Before),
                    _ => machine.faults.fail_at(machine.faults.steps() + random.random_range(0..6), Fault::After),
                }
                let _ = match random.random_bool(0.5) {
                    true => machine.world.flush().await,
                    false => machine.world.compact().await,
                };
                machine.restart(seed * 1000 + step as u64);
                machine.check_files();
            }
            92..95 => {
                machine.restart(seed * 1000 + step as u64);
                machine.check_files();
            }
            _ => machine.check(),
        }
    }
    machine.check();
}

/// `COLD_SEEDS` and `COLD_STEPS` set how long it goes on.
#[tokio::test]
async fn both_tiers_are_what_the_model_says() {
    let setting =
        |name: &str, otherwise| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (seeds, steps) = (setting("COLD_SEEDS", 20), setting("COLD_STEPS", 60));
    for seed in 0..seeds {
        println!("seed {seed}");
        run(seed, steps as usize).await;
    }
}
