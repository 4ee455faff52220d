//! The lock table among tasks: conflicts, order, giving up, deadlocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::*;
use crate::error::Error;

struct World {
    table: Arc<LockTable>,
    transactions: AtomicU64,
}

impl World {
    fn new() -> Self {
        Self { table: Arc::new(LockTable::new()), transactions: AtomicU64::new(1) }
    }

    fn transaction(&self) -> HeldLocks {
        HeldLocks::new(Arc::clone(&self.table), TransactionId(self.transactions.fetch_add(1, Ordering::Relaxed)))
    }

    fn shows(&self) -> usize {
        self.table.list().len()
    }

    /// Until as many wait as said.
    async fn until_waiting(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.table.list().iter().filter(|lock| !lock.granted).count() != count {
            assert!(Instant::now() < deadline, "never {count} waiting: {:?}", self.table.list());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn key(name: &'static str) -> LockTarget {
    LockTarget::Key(Bytes::from_static(name.as_bytes()))
}

async fn take(locks: &mut HeldLocks, name: &'static str, mode: RowLock) -> Result<Acquired, Error> {
    locks.acquire(key(name), mode.into(), Wait::Forever).await
}

/// Takes a lock in a task of its own, which answers what it holds then.
fn take_later(
    mut locks: HeldLocks,
    name: &'static str,
    mode: RowLock,
) -> JoinHandle<(HeldLocks, Result<Acquired, Error>)> {
    tokio::spawn(async move {
        let result = take(&mut locks, name, mode).await;
        (locks, result)
    })
}

const ROW_MODES: [RowLock; 4] = [RowLock::KeyShare, RowLock::Share, RowLock::NoKeyUpdate, RowLock::Update];

#[tokio::test]
async fn every_pair_of_row_locks_behaves_as_the_table_says() {
    let world = World::new();
    for (held, line) in ROW_MODES.into_iter().zip(["...X", "..XX", ".XXX", "XXXX"]) {
        for (wanted, expected) in ROW_MODES.into_iter().zip(line.chars()) {
            let (mut first, mut second) = (world.transaction(), world.transaction());
            assert_eq!(take(&mut first, "k", held).await.unwrap(), Acquired::AtOnce);
            let skipped = second.acquire(key("k"), wanted.into(), Wait::Skip).await.unwrap() == Acquired::Skipped;
            assert_eq!(skipped, expected == 'X', "{held:?} then {wanted:?}");
            let refused = second.acquire(key("k"), wanted.into(), Wait::No).await;
            assert_eq!(matches!(refused, Err(Error::LockNotAvailable)), expected == 'X');
        }
    }
    assert_eq!(world.shows(), 0, "nothing is left of locks given up");
}

#[tokio::test]
async fn every_pair_of_table_locks_behaves_as_the_table_says() {
    use TableLock::*;
    let all = [
        AccessShare,
        RowShare,
        RowExclusive,
        ShareUpdateExclusive,
        Share,
        ShareRowExclusive,
        Exclusive,
        AccessExclusive,
    ];
    let lines = [".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX", "XXXXXXXX"];
    let world = World::new();
    for (held, line) in all.into_iter().zip(lines) {
        for (wanted, expected) in all.into_iter().zip(line.chars()) {
            let (mut first, mut second) = (world.transaction(), world.transaction());
            let target = || LockTarget::Table(TableId(7));
            first.acquire(target(), held.into(), Wait::Forever).await.unwrap();
            let skipped = second.acquire(target(), wanted.into(), Wait::Skip).await.unwrap() == Acquired::Skipped;
            assert_eq!(skipped, expected == 'X', "{held:?} then {wanted:?}");
            drop(second);
            // One's own lock is never in the way.
            assert_eq!(first.acquire(target(), wanted.into(), Wait::Skip).await.unwrap(), Acquired::AtOnce);
        }
    }
}

#[tokio::test]
async fn waiters_are_served_in_order_and_share_where_they_can() {
    let world = World::new();
    let mut first = world.transaction();
    take(&mut first, "k", RowLock::Update).await.unwrap();
    let writer = take_later(world.transaction(), "k", RowLock::Update);
    world.until_waiting(1).await;
    let reader = take_later(world.transaction(), "k", RowLock::Share);
    world.until_waiting(2).await;
    let other_reader = take_later(world.transaction(), "k", RowLock::KeyShare);
    world.until_waiting(3).await;
    drop(first);
    let (writer, result) = writer.await.unwrap();
    assert_eq!(result.unwrap(), Acquired::AfterWaiting);
    world.until_waiting(2).await;
    drop(writer);
    let (_reader, result) = reader.await.unwrap();
    assert_eq!(result.unwrap(), Acquired::AfterWaiting);
    let (_other_reader, result) = other_reader.await.unwrap();
    assert_eq!(result.unwrap(), Acquired::AfterWaiting);
}

#[tokio::test]
async fn a_newcomer_does_not_overtake_one_it_conflicts_with() {
    let world = World::new();
    let mut reader = world.transaction();
    take(&mut reader, "k", RowLock::Share).await.unwrap();
    let writer = take_later(world.transaction(), "k", RowLock::Update);
    world.until_waiting(1).await;
    let mut newcomer = world.transaction();
    assert_eq!(newcomer.acquire(key("k"), RowLock::Share.into(), Wait::Skip).await.unwrap(), Acquired::Skipped);
    // Whoever holds it already goes ahead.
    let mut holder_again = take(&mut reader, "k", RowLock::NoKeyUpdate).await;
    assert_eq!(holder_again.as_mut().unwrap(), &Acquired::AtOnce);
    drop(reader);
    let (_writer, result) = writer.await.unwrap();
    assert!(result.is_ok());
}

#[tokio::test]
async fn a_dropped_future_leaves_the_queue() {
    let world = World::new();
    let (mut first, mut second, mut third) = (world.transaction(), world.transaction(), world.transaction());
    take(&mut first, "k", RowLock::Share).await.unwrap();
    let waiting = take(&mut second, "k", RowLock::Update);
    assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    assert_eq!(world.shows(), 1);
    // The share lock that had to queue behind it is free to go.
    assert_eq!(take(&mut third, "k", RowLock::Share).await.unwrap(), Acquired::AtOnce);
    // One dropped after the lock was granted gives it up.
    let mut fourth = world.transaction();
    {
        let mut waiting = Box::pin(take(&mut fourth, "k", RowLock::Update));
        assert!(poll_once(&mut waiting).is_none());
        drop((first, third));
    }
    assert_eq!(world.shows(), 0);
    assert_eq!(take(&mut second, "k", RowLock::Update).await.unwrap(), Acquired::AtOnce);
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn waiting_ends_when_its_time_is_over() {
    let world = World::new();
    let (mut first, mut second) = (world.transaction(), world.transaction());
    take(&mut first, "k", RowLock::Update).await.unwrap();
    let result = second.acquire(key("k"), RowLock::Update.into(), Wait::For(Duration::from_millis(10))).await;
    assert!(matches!(result, Err(Error::LockNotAvailable)));
    assert_eq!(world.shows(), 1);
}

#[tokio::test]
async fn a_savepoint_gives_back_what_was_taken_after_it() {
    let world = World::new();
    let (mut first, mut second) = (world.transaction(), world.transaction());
    take(&mut first, "k", RowLock::KeyShare).await.unwrap();
    let mark = first.len();
    take(&mut first, "k", RowLock::Update).await.unwrap();
    take(&mut first, "l", RowLock::Update).await.unwrap();
    assert_eq!(second.acquire(key("k"), RowLock::Share.into(), Wait::Skip).await.unwrap(), Acquired::Skipped);
    first.release_after(mark);
    assert_eq!(take(&mut second, "k", RowLock::Share).await.unwrap(), Acquired::AtOnce);
    assert_eq!(take(&mut second, "l", RowLock::Update).await.unwrap(), Acquired::AtOnce);
    // The weaker one from before is still there.
    assert_eq!(second.acquire(key("k"), RowLock::Update.into(), Wait::Skip).await.unwrap(), Acquired::Skipped);
}

#[tokio::test]
async fn whoever_closes_a_cycle_is_the_victim() {
    let world = World::new();
    let names = ["a", "b", "c", "d"];
    let mut holders = Vec::new();
    for name in names {
        let mut locks = world.transaction();
        take(&mut locks, name, RowLock::Update).await.unwrap();
        holders.push(locks);
    }
    let mut last = holders.pop().unwrap();
    let mut waiting = Vec::new();
    for (at, locks) in holders.into_iter().enumerate() {
        waiting.push(take_later(locks, names[at + 1], RowLock::Update));
        world.until_waiting(at + 1).await;
    }
    assert!(matches!(take(&mut last, "a", RowLock::Share).await, Err(Error::Deadlock)));
    drop(last);
    // The others go on, one after the other.
    for task in waiting.into_iter().rev() {
        let (locks, result) = task.await.unwrap();
        assert!(result.is_ok());
        drop(locks);
    }
    assert_eq!(world.shows(), 0);
}

#[tokio::test]
async fn two_who_share_a_lock_cannot_both_strengthen_it() {
    let world = World::new();
    let (mut first, mut second) = (world.transaction(), world.transaction());
    take(&mut first, "k", RowLock::Share).await.unwrap();
    take(&mut second, "k", RowLock::Share).await.unwrap();
    let waiting = take_later(first, "k", RowLock::Update);
    world.until_waiting(1).await;
    assert!(matches!(take(&mut second, "k", RowLock::Update).await, Err(Error::Deadlock)));
    drop(second);
    assert!(waiting.await.unwrap().1.is_ok());
}

#[tokio::test]
async fn a_deadlock_through_the_order_of_a_queue_is_undone_by_letting_one_pass() {
    // The first shares the table; the second waits to have it alone; the third holds a row and would queue for the table
    // behind the second; the first wants that row.
    let world = World::new();
    let (mut first, second, mut third) = (world.transaction(), world.transaction(), world.transaction());
    take(&mut first, "table", RowLock::Share).await.unwrap();
    take(&mut third, "row", RowLock::Update).await.unwrap();
    let second = take_later(second, "table", RowLock::Update);
    world.until_waiting(1).await;
    let first = take_later(first, "row", RowLock::Update);
    world.until_waiting(2).await;
    assert!(take(&mut third, "table", RowLock::Share).await.is_ok());
    drop(third);
    let (first, result) = first.await.unwrap();
    assert!(result.is_ok());
    drop(first);
    assert!(second.await.unwrap().1.is_ok());
}

#[tokio::test]
async fn the_same_when_another_closes_the_circle() {
    let world = World::new();
    let (mut first, second, mut third) = (world.transaction(), world.transaction(), world.transaction());
    take(&mut first, "table", RowLock::Share).await.unwrap();
    take(&mut third, "row", RowLock::Update).await.unwrap();
    let second = take_later(second, "table", RowLock::Update);
    world.until_waiting(1).await;
    let third = take_later(third, "table", RowLock::Share);
    world.until_waiting(2).await;
    let first = take_later(first, "row", RowLock::Update);
    let (third, result) = third.await.unwrap();
    assert!(result.is_ok());
    drop(third);
    let (first, result) = first.await.unwrap();
    assert!(result.is_ok());
    drop(first);
    assert!(second.await.unwrap().1.is_ok());
}

/// Many tasks lock random keys in random order and modes. Exclusive sections never overlap, nobody waits for ever, and
/// nothing is left at the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_exclude_each_other_and_come_to_an_end() {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    let world = Arc::new(World::new());
    let inside: Arc<[AtomicUsize; 5]> = Arc::default();
    let deadlocks = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..16u64)
        .map(|task| {
            let (world, inside, deadlocks) = (Arc::clone(&world), Arc::clone(&inside), Arc::clone(&deadlocks));
            tokio::spawn(async move {
                let mut random = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(task + 1);
                let mut next = move |below: u64| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random % below
                };
                for _ in 0..400 {
                    let mut locks = world.transaction();
                    let mut exclusive = Vec::new();
                    for _ in 0..=next(3) {
                        let (at, mode) = (next(5) as usize, ROW_MODES[next(4) as usize]);
                        let wait =
                            if next(8) == 0 { Wait::For(Duration::from_micros(next(300))) } else { Wait::Forever };
                        match locks.acquire(key(NAMES[at]), mode.into(), wait).await {
                            Ok(_) if mode == RowLock::Update && !exclusive.contains(&at) => {
                                assert_eq!(
                                    inside[at].fetch_add(1, Ordering::SeqCst),
                                    0,
                                    "{} is not exclusive",
                                    NAMES[at]
                                );
                                exclusive.push(at);
                            }
                            Ok(_) | Err(Error::LockNotAvailable) => {}
                            Err(Error::Deadlock) => {
                                deadlocks.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Err(other) => panic!("{other}"),
                        }
                        tokio::task::yield_now().await;
                    }
                    for at in exclusive {
                        inside[at].fetch_sub(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("an undetected deadlock").unwrap();
    }
    assert_eq!(world.shows(), 0);
    assert!(deadlocks.load(Ordering::Relaxed) > 0, "the test means to provoke some");
}

/// The same for a table, whose weak modes go a way of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn strong_and_weak_table_locks_exclude_each_other() {
    use TableLock::*;
    let world = Arc::new(World::new());
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let tasks: Vec<_> = (0..12u64)
        .map(|task| {
            let (world, counts) = (Arc::clone(&world), Arc::clone(&counts));
            tokio::spawn(async move {
                for round in 0..500 {
                    let mut locks = world.transaction();
                    let target = || LockTarget::Table(TableId(5));
                    let strong = task < 3 && round % 5 == 0;
                    if strong {
                        // Some come from a weak mode, and then may be the victim of a deadlock.
                        let first = if round % 2 == 0 { AccessExclusive } else { AccessShare };
                        locks.acquire(target(), first.into(), Wait::Forever).await.unwrap();
                        if locks.acquire(target(), AccessExclusive.into(), Wait::Forever).await.is_err() {
                            continue;
                        }
                        assert_eq!(counts[0].fetch_add(1, Ordering::SeqCst), 0);
                        assert_eq!(counts[1].load(Ordering::SeqCst), 0);
                        tokio::task::yield_now().await;
                        assert_eq!(counts[1].load(Ordering::SeqCst), 0);
                        counts[0].fetch_sub(1, Ordering::SeqCst);
                    } else {
                        let mode = [AccessShare, RowShare, RowExclusive][round % 3];
                        locks.acquire(target(), mode.into(), Wait::Forever).await.unwrap();
                        counts[1].fetch_add(1, Ordering::SeqCst);
                        let mark = locks.len();
                        locks.acquire(target(), RowExclusive.into(), Wait::Forever).await.unwrap();
                        assert_eq!(counts[0].load(Ordering::SeqCst), 0);
                        tokio::task::yield_now().await;
                        locks.release_after(mark);
                        assert_eq!(counts[0].load(Ordering::SeqCst), 0);
                        counts[1].fetch_sub(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("an undetected deadlock").unwrap();
    }
    assert_eq!(world.shows(), 0);
    let mut locks = world.transaction();
    locks.acquire(LockTarget::Table(TableId(5)), RowShare.into(), Wait::No).await.unwrap();
    assert_eq!(world.table.weak.list().len(), 1, "the fast path is open again");
}

/// Prints what an uncontended lock costs; run by hand with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement, for people to run"]
async fn cost_of_an_uncontended_lock() {
    const ROUNDS: u32 = 1_000_000;
    let world = World::new();
    let start = Instant::now();
    for round in 0..ROUNDS {
        let mut locks = world.transaction();
        let key = Bytes::copy_from_slice(&[&7u32.to_be_bytes()[..], &round.to_be_bytes()[..]].concat());
        locks.acquire(LockTarget::Key(key), RowLock::Update.into(), Wait::Forever).await.unwrap();
    }
    println!("{:?} for one key, taken and given up by a new transaction", start.elapsed() / ROUNDS);
    let mut locks = world.transaction();
    let key = LockTarget::Key(Bytes::from_static(b"0000000000"));
    let start = Instant::now();
    for _ in 0..ROUNDS {
        locks.acquire(key.clone(), RowLock::Update.into(), Wait::Forever).await.unwrap();
        locks.release_after(0);
    }
    println!("{:?} within one transaction", start.elapsed() / ROUNDS);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let table = LockTarget::Table(TableId(9));
        locks.acquire(table, TableLock::RowExclusive.into(), Wait::Forever).await.unwrap();
        locks.release_after(0);
    }
    println!("{:?} for a table", start.elapsed() / ROUNDS);
}
