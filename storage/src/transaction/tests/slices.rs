//! A table that is divided: who is cut to a slice meets nothing of the others.

use super::cold::flush_of;
use super::*;
use crate::kv::MemoryKeyValue;
use crate::maintain::{Compaction, Rewrite, RewriteReport};
use crate::segment::MemoryFiles;
use crate::{Slice, SliceId};

/// A divided table as a whole.
fn divided() -> World {
    divided_of(World::new())
}

fn divided_of(world: World) -> World {
    let mut table = (*world.table).clone();
    table.slice = Slice::Every;
    table.indexes.iter_mut().for_each(|index| index.slice = Slice::Every);
    World { store: world.store, table: Arc::new(table) }
}

impl World {
    fn of(&self, slice: u32) -> World {
        World { store: self.store.clone(), table: Arc::new(self.table.of_slice(SliceId(slice))) }
    }

    async fn fill(&self, slice: u32, ids: impl IntoIterator<Item = i32>) {
        let (own, mut transaction) = (self.of(slice), self.begin());
        for id in ids {
            own.insert(&mut transaction, [id, id * 100, id * slice as i32]).await;
        }
        commit(transaction).await;
    }

    /// Empties slices that are not small; answers how many rows they had.
    async fn empty(&self, slices: &[u32]) -> u64 {
        let slices: Vec<SliceId> = slices.iter().copied().map(SliceId).collect();
        self.store.empty_slices(&self.table, &slices, self.begin()).await.unwrap()
    }

    async fn compact_due(&self) -> RewriteReport {
        self.store.compact_table(flush_of(&self.table), Compaction::Whole).await.unwrap()
    }

    fn paths(&self) -> Vec<String> {
        let segments = self.store.segments(self.table.generation);
        segments.iter().map(|segment| segment.info().path.rsplit_once('/').unwrap().0.to_owned()).collect()
    }
}

fn times(slice: i32, ids: impl Iterator<Item = i32>) -> Vec<(i32, i32)> {
    ids.map(|id| (id, id * slice)).collect()
}

#[tokio::test]
async fn slices_have_keys_of_their_own() {
    let world = divided();
    for slice in [1, 2, u32::MAX] {
        world.fill(slice, 0..10).await;
    }
    for _ in 0..2 {
        for slice in [1, 2] {
            let own = world.of(slice);
            assert_eq!(own.committed(), times(slice as i32, 0..10));
            assert_eq!(own.ids_with_amount(&own.store.view(), 6), [6 / slice as i32]);
            let transaction = own.begin();
            assert_eq!(own.amount(&transaction, 7), Some(7 * slice as i32));
            let found = transaction.lookup_unique(&own.table.indexes[0], &[Value::Int4(700)]).unwrap();
            assert_eq!(found, Some(own.key(7)));
        }
        assert_eq!(world.of(3).committed(), []);
        assert_eq!(world.rows(&world.store.view()).len(), 30);
        world.store.flush_table(flush_of(&world.table)).await.unwrap();
    }
    assert_eq!(world.paths(), ["public/t/1", "public/t/2", "public/t/4294967295"]);
    let mut transaction = world.begin();
    let own = world.of(1);
    own.delete(&mut transaction, 3).await;
    own.change(&mut transaction, 4, |_| 0).await.unwrap();
    let taken = transaction.insert(&own.table, &values([20, 500, 0]), Wait::Forever).await.unwrap();
    assert!(matches!(taken, InsertOutcome::Conflict { .. }));
    commit(transaction).await;
    assert_eq!(own.committed().len(), 9);
    assert_eq!(world.of(2).committed(), times(2, 0..10));
}

#[tokio::test]
async fn a_walk_over_every_slice_changes_rows_where_they_are() {
    let world = divided();
    world.fill(1, 0..3).await;
    world.fill(2, 0..3).await;
    let mut transaction = world.begin();
    let rows = world.store.view().scan(&world.table, &world.table.rows(), Direction::Forward).next(100).unwrap();
    for row in rows {
        let LockedRow::Current(old) =
            transaction.lock_row(&world.table, &row.key, RowLock::Update, Wait::Forever).await.unwrap()
        else {
            panic!("nobody deletes it")
        };
        let mut new = old.values(&world.table).unwrap();
        new[ID] = Value::Int4(int(&new[ID]) + 10);
        transaction.update(&world.table, &old, &new, Wait::Forever).await.unwrap();
    }
    commit(transaction).await;
    for slice in [1, 2] {
        let rows = world.of(slice).committed();
        assert_eq!(
            rows,
            times(slice as i32, 0..3).into_iter().map(|(id, amount)| (id + 10, amount)).collect::<Vec<_>>()
        );
        assert_eq!(world.of(slice).ids_with_amount(&world.store.view(), 2 * slice as i32), [12]);
    }
}

#[tokio::test]
async fn small_slices_stay_hot_where_there_are_many() {
    let world = divided();
    for slice in 1..=6 {
        // Every other one has too few.
        world.fill(slice, 0..(if slice % 2 == 0 { 3 } else { 50 })).await;
    }
    let report = world.store.flush_table(flush_of(&world.table)).await.unwrap();
    assert_eq!((report.rows, report.kept), (150, 9));
    // The test's segments are short, and end with their slice.
    assert_eq!(world.paths(), ["public/t/1", "public/t/1", "public/t/3", "public/t/3", "public/t/5", "public/t/5"]);
    assert_eq!(world.store.hot_rows(world.table.generation).unwrap(), 9);
    let of_more = Rewrite { slice_rows_min: Some(3), ..flush_of(&world.table) };
    assert_eq!(world.store.flush_table(of_more).await.unwrap().rows, 9);
    for slice in 1..=6 {
        assert_eq!(world.of(slice).committed().len(), if slice % 2 == 0 { 3 } else { 50 });
    }
    // One small segment of each is nothing to merge.
    assert!(!world.store.is_compaction_due(world.table.generation).unwrap());
    world.fill(2, 3..5).await;
    world.store.flush_table(Rewrite { slice_rows_min: Some(1), ..flush_of(&world.table) }).await.unwrap();
    assert_eq!(world.compact_due().await.rows, 5);
    for slice in 1..=6 {
        let rows = [50, 5, 50, 3, 50, 3][slice - 1];
        assert_eq!(world.of(slice as u32).committed(), times(slice as i32, 0..rows));
    }
}

#[tokio::test]
async fn a_rewritten_table_keeps_its_slices() {
    let world = divided();
    world.fill(1, 0..5).await;
    world.fill(2, 0..5).await;
    let mut transaction = world.begin();
    world.of(2).delete_to_trash(&mut transaction, 4).await;
    commit(transaction).await;
    let generation = || world.store.allocate_generation().unwrap();
    let mut to = (*world.table).clone();
    to.generation = generation();
    to.indexes.iter_mut().for_each(|index| index.generation = generation());
    to.identity = RowIdentity::Hidden;
    let mut transaction = world.begin();
    assert_eq!(transaction.rewrite(&world.table, &to, None).await.unwrap(), None);
    commit(transaction).await;
    let world = World { store: world.store.clone(), table: Arc::new(to) };
    assert_eq!(world.rows(&world.of(1).store.view()).len(), 9);
    assert_eq!(world.of(2).rows(&world.store.view()), times(2, 0..4));
    assert_eq!(world.of(1).trash(&world.store.view()), []);
    assert_eq!(world.of(2).trash(&world.store.view()), [(4, 8)]);
    assert_eq!(world.of(2).ids_with_amount(&world.store.view(), 2), [1]);
    let mut transaction = world.begin();
    assert_eq!(transaction.delete_trash(&world.of(1).table).await.unwrap(), 0);
    assert_eq!(transaction.delete_trash(&world.of(2).table).await.unwrap(), 1);
    commit(transaction).await;
    assert_eq!(world.trash(&world.store.view()), []);
}

#[tokio::test]
async fn an_emptied_slice_has_nothing_left() {
    let world = divided();
    let rows = |world: &World| world.committed().len();
    for slice in 1..=4 {
        world.fill(slice, 0..(if slice == 3 { 3 } else { 50 })).await;
    }
    world.fill(4, 50..60).await;
    // What looked at them keeps its view of them, in either tier.
    for flushed in [false, true] {
        let (before, state) = (world.store.view(), world.store.segments(world.table.generation).len());
        assert_eq!((state > 0, world.rows(&before).len()), (flushed, if flushed { 115 } else { 163 }));
        let emptied = if flushed { 2 } else { 1 };
        let own = world.of(emptied);
        assert_eq!(own.amount(&world.begin(), 7), Some(7 * emptied as i32));
        let old = own.begin_at(Isolation::RepeatableRead);
        assert_eq!(own.amount(&old, 8), Some(8 * emptied as i32));
        let mut early = world.begin();
        own.change(&mut early, 7, |amount| amount + 1).await.unwrap();
        let mut of_another = world.begin();
        world.of(4).change(&mut of_another, 7, |amount| amount + 4).await.unwrap();
        let mut of_none = world.begin();
        own.insert(&mut of_none, [100, 1, 1]).await;
        let mut of_a_small_one = world.begin();
        world.of(3).insert(&mut of_a_small_one, [100, 1, 1]).await;
        let mut changes = world.store.changes(world.store.published());

        // The small one stays for whoever deletes its rows one by one.
        let gone = world.empty(&[3, emptied]).await;
        assert_eq!(gone, 50, "flushed: {flushed}");
        let told = changes.try_next_batch(9).unwrap();
        let told: Vec<_> = told.iter().flat_map(|record| record.emptied.clone()).collect();
        assert_eq!(told, [(world.table.table, SliceId(emptied))]);
        assert_eq!((rows(&own), rows(&world.of(3)), rows(&world.of(4))), (0, 3, 60));
        assert_eq!(own.amount(&world.begin(), 7), None);
        assert_eq!(own.ids_with_amount(&world.store.view(), 7 * emptied as i32), [0; 0]);
        let free = world.begin().lookup_unique(&own.table.indexes[0], &[Value::Int4(700)]).unwrap();
        assert_eq!(free, None);
        assert_eq!(world.rows(&before).len(), if flushed { 115 } else { 163 });
        assert_eq!((own.amount(&old, 7), own.rows(&old.view()).len()), (Some(7 * emptied as i32), 50));
        for refused in [&mut early, &mut of_none, &mut of_a_small_one] {
            assert!(matches!(refused.commit(Durability::Sync).await, Err(Error::WriteConflict)));
        }
        commit(of_another).await;
        assert_eq!(rows(&own), 0);
        // Who comes later finds all keys free.
        world.fill(emptied, 0..2).await;
        assert_eq!(own.committed(), times(emptied as i32, 0..2));
        drop((before, old));
        if !flushed {
            world.store.flush_table(Rewrite { slice_rows_min: Some(5), ..flush_of(&world.table) }).await.unwrap();
            assert!(world.paths().iter().any(|path| path == "public/t/2"));
        }
    }
    assert!(!world.paths().iter().any(|path| path == "public/t/2"), "its files are no part of the table");
    assert!(world.store.has_unlinked_segments());
    world.store.sweep().unwrap();
    assert!(!world.store.has_unlinked_segments(), "nobody reads them");
    assert_eq!(world.of(4).amount(&world.begin(), 7), Some(7 * 4 + 8));
}

#[tokio::test]
async fn a_large_commit_is_refused_for_its_own_slices_only() {
    let world = divided();
    for slice in 1..=3 {
        world.fill(slice, 0..50).await;
    }
    let spilled = async |slice: u32| {
        let mut transaction = world.begin();
        let own = world.of(slice);
        for id in 0..20 {
            own.change(&mut transaction, id, |amount| amount + 1).await.unwrap();
        }
        transaction.spill().await.unwrap();
        own.insert(&mut transaction, [100, 1, 1]).await;
        transaction
    };
    let (mut of_one, mut of_two) = (spilled(1).await, spilled(2).await);
    assert_eq!(world.empty(&[1]).await, 50);
    assert!(matches!(of_one.commit(Durability::Sync).await, Err(Error::WriteConflict)));
    assert!(of_two.commit(Durability::Sync).await.unwrap().is_some());
    assert_eq!((world.of(1).committed().len(), world.of(2).committed().len()), (0, 51));
}

#[tokio::test]
async fn a_serializable_reader_of_an_emptied_slice_is_refused() {
    for flushed in [false, true] {
        let world = divided();
        world.fill(1, 0..50).await;
        world.fill(2, 0..50).await;
        if flushed {
            world.store.flush_table(flush_of(&world.table)).await.unwrap();
        }
        let reading = async |slice: u32| {
            let mut transaction = world.begin_at(Isolation::Serializable);
            assert_eq!(world.of(slice).amount(&transaction, 7), Some(7 * slice as i32));
            world.of(3).insert(&mut transaction, [slice as i32, slice as i32, 1]).await;
            transaction
        };
        let (mut of_one, mut of_two) = (reading(1).await, reading(2).await);
        assert_eq!(world.empty(&[1]).await, 50);
        assert!(matches!(of_one.commit(Durability::Sync).await, Err(Error::SerializationFailure)));
        assert!(of_two.commit(Durability::Sync).await.is_ok());
    }
}

#[tokio::test]
async fn a_flush_under_way_brings_nothing_back() {
    let world = divided();
    world.fill(1, 0..50).await;
    world.fill(2, 0..50).await;
    let (flush, empty) = tokio::join!(world.store.flush_table(flush_of(&world.table)), world.empty(&[1]));
    assert_eq!(empty, 50);
    // Either came first; whoever is too late tries again.
    assert!(flush.is_ok() || matches!(flush, Err(Error::MoveLost)));
    assert_eq!(world.of(1).committed(), []);
    assert_eq!(world.of(2).committed(), times(2, 0..50));
}

#[tokio::test]
async fn a_compaction_brings_nothing_back_of_what_it_was_about_to_read() {
    let world = divided();
    for part in 0..3 {
        for slice in 1..=8 {
            world.fill(slice, part * 5..part * 5 + 5).await;
        }
        world.store.flush_table(Rewrite { slice_rows_min: Some(1), ..flush_of(&world.table) }).await.unwrap();
    }
    assert_eq!(world.paths().len(), 24);
    // The slices are compacted a few at a time, and what is read was chosen in the beginning.
    let rewrite = flush_of(&world.table);
    let progress = Arc::clone(&rewrite.progress);
    let begun = async {
        while progress.rows() == 0 {
            tokio::task::yield_now().await;
        }
        world.empty(&[8]).await
    };
    let (compacted, gone) = tokio::join!(world.store.compact_table(rewrite, Compaction::Whole), begun);
    assert_eq!(gone, 15);
    assert!(compacted.is_ok() || matches!(compacted, Err(Error::MoveLost)), "{compacted:?}");
    assert_eq!(world.of(8).committed(), []);
    world.compact_due().await;
    assert_eq!(world.of(8).committed(), []);
    for slice in 1..=7 {
        assert_eq!(world.of(slice).committed(), times(slice as i32, 0..15));
    }
    assert_eq!(world.paths().len(), 7);
}

#[tokio::test]
async fn what_is_emptied_is_gone_after_a_restart() {
    let disk = Arc::new(MemoryKeyValue::new());
    let files = Arc::new(MemoryFiles::new());
    let open = || Store::with_parts(disk.clone(), files.clone(), StoreOptions::default()).unwrap();
    let mut world = divided_of(World::over(open()));
    world.fill(1, 0..50).await;
    world.fill(2, 0..50).await;
    world.store.flush_table(flush_of(&world.table)).await.unwrap();
    world.fill(1, 50..60).await;
    assert_eq!(world.empty(&[1]).await, 60);
    world.store = open();
    assert_eq!(world.of(1).committed(), []);
    assert_eq!(world.of(2).committed(), times(2, 0..50));
    assert!(world.paths().iter().all(|path| path == "public/t/2"));
}
