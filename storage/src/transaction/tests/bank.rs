//! Money moves between accounts, and an auditor counts it all the time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

pub(super) const ACCOUNTS: i32 = 8;
const TRANSFERS: usize = 150;
pub(super) const CLERKS: u64 = 6;

pub(super) fn total(world: &World, view: &ReadView) -> i32 {
    world.rows(view).iter().map(|(_, amount)| amount).sum()
}

/// Moves money. Above READ COMMITTED some transfers are refused; then nothing of them is left.
async fn transfer(world: &World, isolation: Isolation, from: i32, to: i32, sum: i32, way: u64) -> Result<()> {
    let mut transaction = world.begin_at(isolation);
    if way == 0 {
        // A detour that is undone.
        let savepoint = transaction.savepoint();
        world.change(&mut transaction, to, |amount| amount + 1_000).await?;
        transaction.rollback_to(&savepoint);
    }
    world.change(&mut transaction, from, |amount| amount - sum).await?;
    tokio::task::yield_now().await;
    transaction.begin_command();
    world.change(&mut transaction, to, |amount| amount + sum).await?;
    if way == 1 {
        transaction.rollback();
        return Ok(());
    }
    let durability = if way == 2 { Durability::Async } else { Durability::Sync };
    transaction.commit(durability).await.map(drop)
}

pub(super) async fn clerk(world: Arc<World>, isolation: Isolation, number: u64, refused: Arc<AtomicUsize>) {
    let mut random = 0x2545_F491_4F6C_DD1Du64.wrapping_mul(number + 1);
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for _ in 0..TRANSFERS {
        let from = next(ACCOUNTS as u64) as i32;
        let to = (from + 1 + next(ACCOUNTS as u64 - 1) as i32) % ACCOUNTS;
        match transfer(&world, isolation, from, to, next(50) as i32, next(10)).await {
            Ok(()) => {}
            Err(Error::WriteConflict | Error::SerializationFailure | Error::Deadlock) => {
                refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

async fn auditor(world: Arc<World>, expected: i32, stop: Arc<AtomicBool>) -> usize {
    let mut audits = 0;
    while !stop.load(Ordering::Relaxed) {
        let view = world.store.view();
        assert_eq!(total(&world, &view), expected, "money came or went");
        world.check(&view);
        let transaction = world.begin_at(Isolation::RepeatableRead);
        let first = world.rows(&transaction.view());
        tokio::task::yield_now().await;
        assert_eq!(world.rows(&transaction.view()), first);
        audits += 1;
    }
    audits
}

/// Moves rows to segments all the time.
pub(super) async fn mover(world: Arc<World>, stop: Arc<AtomicBool>) -> u64 {
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        moved += world.flush().await.unwrap().rows;
        moved += world.compact().await.unwrap().rows;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    moved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_money_comes_or_goes() {
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable] {
        let world = Arc::new(World::holding(0..ACCOUNTS).await);
        let expected = total(&world, &world.store.view());
        let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let audit = tokio::spawn(auditor(Arc::clone(&world), expected, Arc::clone(&stop)));
        let moves = tokio::spawn(mover(Arc::clone(&world), Arc::clone(&stop)));
        let clerks: Vec<_> = (0..CLERKS)
            .map(|number| tokio::spawn(clerk(Arc::clone(&world), isolation, number, Arc::clone(&refused))))
            .collect();
        for clerk in clerks {
            tokio::time::timeout(Duration::from_secs(120), clerk).await.expect("a clerk waits for ever").unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(audit.await.unwrap() > 0);
        assert!(moves.await.unwrap() > ACCOUNTS as u64, "rows went back and forth");
        assert_eq!(total(&world, &world.store.view()), expected);
        world.check(&world.store.view());
        assert!(world.store.locks_held().is_empty());
        assert!(refused.load(Ordering::Relaxed) < CLERKS as usize * TRANSFERS, "some came through under {isolation:?}");
    }
}
