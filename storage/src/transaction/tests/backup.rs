//! Backups: a state that there was, whatever goes on meanwhile, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use super::bank::{ACCOUNTS, CLERKS, clerk, mover, total};
use super::cold::flush_of;
use super::*;
use crate::Environment;
use crate::backup::{BackupReport, Stop, restore};
use crate::maintain::Rewrite;
use crate::segment::{MemoryFiles, PlaceId};

fn open(directory: &Path) -> Store {
    Store::open(directory, StoreOptions::default()).unwrap()
}

/// All files below a folder and what they hold.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

async fn back_up(store: &Store, to: &Path) -> BackupReport {
    let (store, to) = (store.clone(), to.to_owned());
    tokio::task::spawn_blocking(move || store.back_up(&to, &Stop::default())).await.unwrap().unwrap()
}

/// The world as a backup has it.
fn restored(world: &World, from: &Path, folder: &Path) -> World {
    restore(from, folder, &Environment::system(), &Stop::default()).unwrap();
    World { store: open(folder), table: Arc::clone(&world.table) }
}

async fn filled(world: &World, ids: std::ops::Range<i32>) {
    let mut transaction = world.begin();
    for id in ids {
        world.insert(&mut transaction, [id, id * 100, id * 10]).await;
    }
    commit(transaction).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_is_a_state_that_there_was() {
    let folder = TempDir::new().unwrap();
    let world = Arc::new(World::over(open(&folder.path().join("data"))));
    filled(&world, 0..ACCOUNTS).await;
    let expected = total(&world, &world.store.view());
    let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let moves = tokio::spawn(mover(Arc::clone(&world), Arc::clone(&stop)));
    let isolation = Isolation::ReadCommitted;
    let clerks: Vec<_> = (0..CLERKS)
        .map(|number| tokio::spawn(clerk(Arc::clone(&world), isolation, number, Arc::clone(&refused))))
        .collect();
    let to = folder.path().join("backup");
    for round in 0..5 {
        let report = back_up(&world.store, &to).await;
        assert!(report.copied_files <= report.files);
        let copy = restored(&world, &to, &folder.path().join(format!("copy{round}")));
        assert_eq!(total(&copy, &copy.store.view()), expected, "money came or went");
        copy.check(&copy.store.view());
        assert_ne!(copy.store.timeline(), world.store.timeline());
    }
    for clerk in clerks {
        clerk.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    moves.await.unwrap();
    let files = contents(&to).len() as u64;
    let report = back_up(&world.store, &to).await;
    // Beside what the index names: itself and the lock.
    assert_eq!(contents(&to).len() as u64, report.files + 2, "of {files} files");
    assert_eq!(contents(&folder.path().join("data/backup")), [], "the checkpoints have gone");
}

#[tokio::test]
async fn what_the_backup_has_is_not_copied_again() {
    let folder = TempDir::new().unwrap();
    let world = World::over(open(&folder.path().join("data")));
    filled(&world, 0..200).await;
    world.flush().await.unwrap();
    let to = folder.path().join("backup");
    let first = back_up(&world.store, &to).await;
    assert_eq!(first.copied_files, first.files);
    filled(&world, 200..210).await;
    let second = back_up(&world.store, &to).await;
    let segments = world.store.segments(world.table.generation).len() as u64;
    assert!(second.copied_files + segments <= second.files, "{second:?}");
    let copy = restored(&world, &to, &folder.path().join("copy"));
    assert_eq!(copy.committed(), world.committed());
    // The copy goes its own way, and is backed up beside nothing of the other's.
    filled(&copy, 210..220).await;
    assert_eq!(copy.flush().await.unwrap().rows, 20);
    let third = back_up(&copy.store, &to).await;
    assert_eq!(third.copied_files, third.files);
    let again = restored(&copy, &to, &folder.path().join("again"));
    assert_eq!(again.committed().len(), 220);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_touched() {
    let folder = TempDir::new().unwrap();
    let world = World::over(open(&folder.path().join("data")));
    filled(&world, 0..50).await;
    world.flush().await.unwrap();
    let to = folder.path().join("backup");
    back_up(&world.store, &to).await;
    let target = folder.path().join("target");
    let environment = Environment::system();
    for (path, bytes) in contents(&to) {
        if path.ends_with("backup.lock") {
            continue;
        }
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        match changed.get_mut(middle) {
            Some(byte) => *byte ^= 1,
            None => changed.push(0),
        }
        let shorter = bytes[..bytes.len().saturating_sub(1)].to_vec();
        for wrong in [changed, shorter] {
            // A line's end more or less says the same, and an empty file cannot be shorter.
            if wrong == bytes || wrong.trim_ascii_end() == bytes.trim_ascii_end() && path.ends_with("backup.json") {
                continue;
            }
            fs::write(&path, wrong).unwrap();
            let refused = restore(&to, &target, &environment, &Stop::default());
            assert!(matches!(refused, Err(Error::Backup { .. })), "{}: {refused:?}", path.display());
            assert!(!target.exists());
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(restore(&to, &target, &environment, &Stop::default()), Err(Error::Backup { .. })));
        fs::write(&path, bytes).unwrap();
    }
    assert!(
        matches!(restore(&to, &folder.path().join("data"), &environment, &Stop::default()), Err(Error::Backup { .. })),
        "not empty"
    );
    assert_eq!(restored(&world, &to, &target).committed(), world.committed());
}

#[tokio::test]
async fn a_restore_that_did_not_end_is_not_opened() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(crate::backup::UNFINISHED), "").unwrap();
    assert!(matches!(Store::open(folder.path(), StoreOptions::default()), Err(Error::Format { .. })));
}

#[tokio::test]
async fn a_copy_has_its_own_files_of_what_lies_elsewhere() {
    let folder = TempDir::new().unwrap();
    let world = World::over(open(&folder.path().join("data")));
    let (place, elsewhere) = (PlaceId(20000), MemoryFiles::new());
    world.store.mount(place, Arc::new(elsewhere.clone()));
    filled(&world, 0..50).await;
    let rewrite = Rewrite { place: Some(place), ..flush_of(&world.table) };
    world.store.flush_table(rewrite).await.unwrap();
    let names = elsewhere.names();
    assert!(!names.is_empty() && world.store.is_place_used(place).unwrap());
    back_up(&world.store, &folder.path().join("backup")).await;
    let copy = restored(&world, &folder.path().join("backup"), &folder.path().join("copy"));
    // The place is not even known there.
    assert_eq!(copy.committed(), world.committed());
    assert!(!copy.store.is_place_used(place).unwrap());
    copy.store.mount(place, Arc::new(elsewhere.clone()));
    copy.compact().await.unwrap();
    copy.store.sweep().unwrap();
    assert_eq!(elsewhere.names().len(), names.len());
    // Moving home empties the place.
    world.compact().await.unwrap();
    world.store.sweep().unwrap();
    assert_eq!(elsewhere.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_restore_takes_the_place_of_what_is_open() {
    let folder = TempDir::new().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let world = World::over(open(&data));
    filled(&world, 0..50).await;
    world.flush().await.unwrap();
    back_up(&world.store, &to).await;
    let expected = world.committed();
    filled(&world, 50..60).await;
    let World { store, table } = world;
    fs::write(data.join("another's"), "file").unwrap();
    store.stage_restore(&to, &Stop::default()).unwrap();
    store.decide_restore().unwrap();
    assert!(matches!(Store::open(&data, StoreOptions::default()), Err(Error::DirectoryInUse { .. })));
    drop(store);
    let world = World { store: open(&data), table };
    assert_eq!(world.committed(), expected);
    filled(&world, 60..70).await;
    let World { store, table } = world;
    drop(store);
    assert_eq!(World { store: open(&data), table }.committed().len(), 60);
    assert!(data.join("another's").exists());
}

#[tokio::test]
async fn an_exchange_goes_on_where_a_crash_left_it() {
    let folder = TempDir::new().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let world = World::over(open(&data));
    filled(&world, 0..50).await;
    back_up(&world.store, &to).await;
    let expected = world.committed();
    filled(&world, 50..60).await;
    let World { store, table } = world;
    // Nothing is exchanged before that is decided.
    store.stage_restore(&to, &Stop::default()).unwrap();
    drop(store);
    let world = World { store: open(&data), table };
    assert_eq!(world.committed().len(), 60);
    let World { store, table } = world;
    assert!(store.decide_restore().is_err());
    store.stage_restore(&to, &Stop::default()).unwrap();
    store.decide_restore().unwrap();
    drop(store);
    // Some of what was is deleted already, and some of what comes is there.
    let file =
        |name: &str| fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.ends_with(name));
    fs::remove_file(file("IDENTITY").unwrap()).unwrap();
    let store = open(&data);
    assert_eq!(World { store, table: Arc::clone(&table) }.committed(), expected);
    // The same when the files are being moved.
    let again = data.join("restore-moving");
    fs::create_dir(&again).unwrap();
    fs::rename(data.join("CURRENT"), again.join("CURRENT")).unwrap();
    assert_eq!(World { store: open(&data), table }.committed(), expected);
    assert!(!again.exists());
}

#[tokio::test]
async fn a_backup_that_is_given_up_leaves_the_one_before() {
    let folder = TempDir::new().unwrap();
    let world = World::over(open(&folder.path().join("data")));
    filled(&world, 0..50).await;
    let to = folder.path().join("backup");
    back_up(&world.store, &to).await;
    let expected = world.committed();
    filled(&world, 50..60).await;
    let stop = Stop::default();
    stop.stop();
    assert!(world.store.back_up(&to, &stop).is_err());
    assert_eq!(contents(&folder.path().join("data/backup")), []);
    assert_eq!(restored(&world, &to, &folder.path().join("copy")).committed(), expected);
    assert!(world.store.stage_restore(&to, &stop).is_err());
}
