//! Committing what was spilled: whole or not at all, for readers, for the feed and for a crash.

use super::aside::create;
use super::spill::{expected, insert_all, layers_len, left_behind, row};
use super::*;
use crate::testing::{CrashDisk, Fault, FaultInjector};

const MANY: i32 = 60;

/// Inserts many rows, changes and deletes some that were there.
async fn write_much(world: &World, transaction: &mut Transaction) -> Result<()> {
    for id in [1, 3] {
        world.change(transaction, id, |amount| amount + 1).await?;
    }
    for id in [0, 2] {
        let LockedRow::Current(old) = world.lock(transaction, id, RowLock::Update).await? else { panic!() };
        transaction.delete(&world.table, &old)?;
    }
    for id in 10..MANY {
        transaction.insert(&world.table, &values(row(id)), Wait::Forever).await?;
    }
    transaction.put_entry(b"name", b"value".to_vec())
}

fn before() -> Vec<(i32, i32)> {
    expected(0..5)
}

fn after() -> Vec<(i32, i32)> {
    [(1, 11), (3, 31), (4, 40)].into_iter().chain(expected(10..MANY)).collect()
}

#[tokio::test]
async fn a_load_is_seen_whole_or_not_at_all() {
    let world = World::holding(0..5).await;
    let old = world.begin_at(Isolation::RepeatableRead);
    // What is looked up now is kept for later readers.
    for id in 0..MANY {
        assert_eq!(world.amount(&old, id), before().iter().find(|(of, _)| *of == id).map(|(_, amount)| *amount));
    }
    let mut feed = world.store.changes(world.store.published());
    let mut transaction = world.begin();
    write_much(&world, &mut transaction).await.unwrap();
    assert_eq!((layers_len(&transaction), world.committed()), (1, before()));
    let seq = commit(transaction).await.unwrap();
    assert_eq!((world.committed(), left_behind(&world)), (after(), 0));
    assert_eq!(world.rows(&old.view()), before());
    for id in 0..MANY {
        // An old reader must not leave what it finds to newer ones.
        world.amount(&old, id);
        let row = world.store.view().get(&world.table, &world.key(id)).unwrap();
        let found = world.amount(&world.begin(), id);
        assert_eq!(found, after().iter().find(|(of, _)| *of == id).map(|(_, amount)| *amount));
        assert_eq!(row.is_some(), found.is_some());
        if let Some(row) = row.filter(|_| id != 4) {
            assert!(row.seq() == seq && row.updated_at() > 0, "row {id} is stamped");
        }
    }
    let record = feed.next().await.unwrap();
    assert_eq!((record.seq, &record.replaced, record.changes.len()), (seq, &vec![world.table.table], 0));
    assert!(record.catalog_changed);
    assert_eq!(world.store.view().get_entry(b"name").unwrap().as_deref(), Some(&b"value"[..]));
    assert!(world.store.locks_held().is_empty());
}

#[tokio::test]
async fn what_a_load_wrote_is_too_new_for_an_older_snapshot() {
    let world = World::holding(0..5).await;
    let begin = || world.begin_at(Isolation::RepeatableRead);
    let (mut changes, mut deleted, mut inserts, mut untouched) = (begin(), begin(), begin(), begin());
    let mut serializable = world.begin_at(Isolation::Serializable);
    assert_eq!(world.amount(&serializable, MANY + 5), None);
    let mut elsewhere = world.begin_at(Isolation::Serializable);
    elsewhere.get_entry(b"other").unwrap();
    let mut transaction = world.begin();
    write_much(&world, &mut transaction).await.unwrap();
    commit(transaction).await;
    assert!(matches!(world.lock(&mut changes, 1, RowLock::Update).await, Err(Error::WriteConflict)));
    assert!(matches!(world.lock(&mut deleted, 2, RowLock::Update).await, Err(Error::WriteConflict)));
    let taken = inserts.insert(&world.table, &values(row(20)), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { constraint: ConflictOn::PrimaryKey, .. }));
    world.change(&mut untouched, 4, |amount| amount).await.unwrap();
    commit(untouched).await;
    // Whole generations count as written.
    serializable.put_entry(b"own", b"1".to_vec()).unwrap();
    assert!(matches!(commit_error(serializable).await, Error::SerializationFailure));
    elsewhere.put_entry(b"own", b"1".to_vec()).unwrap();
    commit(elsewhere).await;
    assert_eq!(world.committed(), after());
}

#[tokio::test]
async fn a_refused_load_leaves_nothing() {
    let world = World::holding(0..5).await;
    let mut transaction = world.begin();
    transaction.relies_on(world.table.table, world.store.published());
    write_much(&world, &mut transaction).await.unwrap();
    let mut definer = world.begin();
    definer.redefined(world.table.table);
    commit(definer).await;
    assert!(matches!(commit_error(transaction).await, Error::RelationChanged));
    assert_eq!((world.committed(), left_behind(&world)), (before(), 0));
}

#[tokio::test]
async fn rows_of_contents_that_the_same_commit_deletes_go_nowhere() {
    let mut world = World::holding(0..5).await;
    let (old, new) = (Arc::clone(&world.table), world.renewed());
    let mut transaction = world.begin();
    write_much(&world, &mut transaction).await.unwrap();
    for generation in std::iter::once(old.generation).chain(old.indexes.iter().map(|index| index.generation)) {
        transaction.dropped(generation);
    }
    create(&mut transaction, &new);
    world.table = Arc::clone(&new);
    insert_all(&world, &mut transaction, 0..MANY).await;
    transaction.begin_command();
    // Over what lies aside.
    for id in 0..MANY {
        world.change(&mut transaction, id, |amount| amount + 1).await.unwrap();
    }
    assert_eq!(layers_len(&transaction), 1);
    commit(transaction).await;
    let rows: Vec<_> = (0..MANY).map(|id| (id, id * 10 + 1)).collect();
    assert_eq!((world.committed(), world.keys_stored(&old), left_behind(&world)), (rows, 0, 0));
}

#[tokio::test]
async fn loads_and_small_commits_take_turns() {
    let world = Arc::new(World::new());
    let mut tasks = Vec::new();
    for number in 0..8 {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            let ids = number * 1000..number * 1000 + if number % 2 == 0 { 40 } else { 2 };
            let mut transaction = world.begin();
            transaction.lock_table(world.table.table, TableLock::RowExclusive, Wait::Forever).await.unwrap();
            for id in ids.clone() {
                world.insert(&mut transaction, row(id)).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(layers_len(&transaction) > 0, number % 2 == 0);
            commit(transaction).await;
            let rows = world.committed();
            assert!(ids.clone().all(|id| rows.contains(&(id, id * 10))));
            ids
        }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!((world.committed(), left_behind(&world)), (expected(ids), 0));
    assert_eq!(world.store.published(), CommitSeq(8));
}

/// A store on a disk that fails after some steps, with five rows that are durable.
struct Failing {
    disk: Arc<CrashDisk>,
    faults: Arc<FaultInjector>,
    world: World,
}

impl Failing {
    async fn new() -> Self {
        let disk = Arc::new(CrashDisk::new());
        let faults = Arc::new(FaultInjector::new(disk.clone()));
        let world = World::over(Store::with_kv(faults.clone(), StoreOptions::default()).unwrap());
        let mut transaction = world.begin();
        insert_all(&world, &mut transaction, 0..5).await;
        commit(transaction).await;
        Self { disk, faults, world }
    }

    async fn load(&self) -> Result<Option<CommitSeq>> {
        let mut transaction = self.world.begin();
        write_much(&self.world, &mut transaction).await?;
        transaction.commit(Durability::Async).await
    }

    /// Crashes and opens what is left.
    fn reopen(&mut self, seed: u64) {
        self.disk = Arc::new(self.disk.crash(seed).unwrap());
        self.world.store = Store::with_kv(self.disk.clone(), StoreOptions::default()).unwrap();
    }
}

/// How many durable steps a load takes.
async fn steps_of_a_load() -> u64 {
    let failing = Failing::new().await;
    let from = failing.faults.steps();
    failing.load().await.unwrap();
    failing.faults.steps() - from
}

#[tokio::test]
async fn each_step_of_a_load_may_fail() {
    let steps = steps_of_a_load().await;
    assert!(steps > 20, "{steps} steps");
    let (mut none, mut all, mut unknown) = (0, 0, 0);
    for step in 0..=steps {
        for fault in [Fault::Before, Fault::After] {
            let mut failing = Failing::new().await;
            failing.faults.fail_at(failing.faults.steps() + step, fault);
            let result = failing.load().await;
            assert_eq!(failing.world.rows(&failing.world.store.view()) == after(), result.is_ok());
            failing.reopen(step);
            let rows = failing.world.committed();
            assert_eq!(left_behind(&failing.world), 0, "step {step}, {fault:?}");
            match result {
                Ok(_) => assert_eq!(rows, after(), "step {step}, {fault:?}"),
                Err(Error::CommitOutcomeUnknown { .. }) => unknown += 1,
                Err(_) => assert_eq!(rows, before(), "step {step}, {fault:?}"),
            }
            if rows == before() {
                none += 1
            } else {
                all += 1
            }
            assert!(rows == before() || rows == after(), "step {step}, {fault:?}: {rows:?}");
            // It goes on from there.
            let mut next = failing.world.begin();
            failing.world.change(&mut next, 1, |_| 1000).await.unwrap();
            commit(next).await;
            failing.reopen(step);
            assert!(failing.world.committed().contains(&(1, 1000)));
        }
    }
    assert!(none > 10 && all > 10 && unknown > 10, "{none} without, {all} with, {unknown} unknown");
}

#[tokio::test]
async fn taking_a_load_over_again_may_fail_too() {
    let steps = steps_of_a_load().await;
    let mut again = 0;
    // The last steps are those of the commit: from the first that is decided on, opening has something to do.
    for step in steps - 15..steps {
        for reopening_step in 0..20 {
            for fault in [Fault::Before, Fault::After] {
                let mut failing = Failing::new().await;
                failing.faults.fail_at(failing.faults.steps() + step, Fault::After);
                assert!(failing.load().await.is_err());
                failing.disk = Arc::new(failing.disk.crash(step).unwrap());
                let faults = Arc::new(FaultInjector::new(failing.disk.clone()));
                let is_decided = |disk: &CrashDisk| {
                    let key = crate::store::meta::load_key(CommitSeq(2));
                    crate::kv::KeyValue::get(disk, Family::Meta, &key).unwrap().is_some()
                };
                let decided = is_decided(&failing.disk);
                faults.fail_at(reopening_step, fault);
                let opened = Store::with_kv(faults, StoreOptions::default());
                again += u32::from(decided && opened.is_err());
                failing.reopen(reopening_step);
                let rows = failing.world.committed();
                assert!(rows == after() || (rows == before() && !decided), "steps {step}, {reopening_step}: {rows:?}");
                assert_eq!((left_behind(&failing.world), is_decided(&failing.disk)), (0, false));
            }
        }
    }
    assert!(again > 10, "opening failed {again} times over a load");
}

#[tokio::test]
async fn a_load_survives_on_files() {
    let directory = tempfile::TempDir::new().unwrap();
    let open = || {
        let options = StoreOptions { cache_bytes: 8 << 20, memtable_bytes: 1 << 20, ..StoreOptions::default() };
        Store::open(directory.path(), options).unwrap()
    };
    let mut world = World::over(open());
    let table = Arc::clone(&world.table);
    let mut transaction = world.begin();
    insert_all(&world, &mut transaction, 0..5).await;
    commit(transaction).await;
    let mut transaction = world.begin();
    write_much(&world, &mut transaction).await.unwrap();
    commit(transaction).await;
    assert_eq!((world.committed(), left_behind(&world)), (after(), 0));
    drop(world);
    world = World { store: open(), table };
    assert_eq!((world.committed(), left_behind(&world)), (after(), 0));
}
