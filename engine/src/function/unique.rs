//! `snowflake_id`, `uuid_v7` and `ulid`: values that nobody gives out twice, in the order in which they are given out.
//!
//! Each begins with the time. Within one tick of it, and while the clock goes backwards, they count on from the last one.
//! The order is that of this server; what two servers give out is apart by chance alone.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use storage::Value;

use super::Function;
use super::argument::text_of;
use super::define::volatile;
use crate::types::datetime::now;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    volatile(9921, "snowflake_id", &[], INT8, |_, _| Ok(Value::Int8(snowflake_id()))),
    volatile(9922, "uuid_v7", &[], UUID, |_, _| Ok(Value::Uuid(uuid_v7()))),
    volatile(9923, "ulid", &[], TEXT, |_, _| text_of(ulid())),
];

/// 2025-01-01 00:00 UTC, where the time of a snowflake begins, in milliseconds since 1970: 41 bits last until 2094.
const SNOWFLAKE_EPOCH_MS: i64 = 1_735_689_600_000;

/// Bits of a snowflake that count within a millisecond, and those that say who gave it out.
const SNOWFLAKE_COUNT_BITS: u32 = 12;
const SNOWFLAKE_NODE_BITS: u32 = 10;

/// What tells this server's snowflakes from others', by chance, until it ends.
static NODE: LazyLock<u64> = LazyLock::new(|| rand::random::<u64>() % (1 << SNOWFLAKE_NODE_BITS));

/// Ticks that were given out last.
static SNOWFLAKE: AtomicU64 = AtomicU64::new(0);
static UUID_TICK: AtomicU64 = AtomicU64::new(0);
static ULID: Mutex<(u64, u128)> = Mutex::new((0, 0));

/// The tick of this moment, or the one behind the last if that is greater.
fn next_tick(last: &AtomicU64, now: u64) -> u64 {
    let mut known = last.load(Ordering::Relaxed);
    loop {
        let next = now.max(known + 1);
        match last.compare_exchange_weak(known, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return next,
            Err(other) => known = other,
        }
    }
}

fn snowflake_id() -> i64 {
    let ms = u64::try_from(now() / 1000 - SNOWFLAKE_EPOCH_MS).unwrap_or(0);
    let tick = next_tick(&SNOWFLAKE, ms << SNOWFLAKE_COUNT_BITS);
    let (ms, count) = (tick >> SNOWFLAKE_COUNT_BITS, tick & ((1 << SNOWFLAKE_COUNT_BITS) - 1));
    let id = ms << (SNOWFLAKE_NODE_BITS + SNOWFLAKE_COUNT_BITS) | *NODE << SNOWFLAKE_COUNT_BITS | count;
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// RFC 9562: 48 bits of milliseconds, then 12 bits of the fraction of one, then what is random.
fn uuid_v7() -> [u8; 16] {
    let us = u64::try_from(now()).unwrap_or(0);
    let (ms, fraction) = (us / 1000, (us % 1000) * 4096 / 1000);
    let tick = next_tick(&UUID_TICK, ms << 12 | fraction);
    let (ms, fraction) = (tick >> 12, tick & 0xfff);
    let high = ms << 16 | 0x7000 | fraction;
    let low = rand::random::<u64>() >> 2 | 1 << 63;
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

/// 48 bits of milliseconds and 80 random ones, which count on within a millisecond, as 26 letters of Crockford's base 32.
fn ulid() -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const RANDOM: u128 = (1 << 80) - 1;
    let ms = u64::try_from(now() / 1000).unwrap_or(0);
    let value = {
        let mut last = ULID.lock();
        if ms > last.0 {
            // Half of the room is left for counting on.
            *last = (ms, rand::random::<u128>() & (RANDOM >> 1));
        } else {
            last.1 += 1;
            if last.1 > RANDOM {
                *last = (last.0 + 1, 0);
            }
        }
        u128::from(last.0) << 80 | last.1
    };
    (0..26).rev().map(|at| LETTERS[(value >> (5 * at)) as usize & 31] as char).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Each of some threads takes many; all are different, and each thread's ascend.
    fn check<T: Ord + std::hash::Hash + Send + Clone>(next: fn() -> T) {
        const EACH: usize = 20_000;
        let taken: Vec<Vec<T>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..EACH).map(|_| next()).collect::<Vec<T>>())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(taken.iter().all(|taken| taken.is_sorted_by(|a, b| a < b)));
        assert_eq!(taken.iter().flatten().collect::<HashSet<_>>().len(), 4 * EACH);
    }

    #[test]
    fn all_are_different_and_ascend() {
        check(snowflake_id);
        check(uuid_v7);
        check(ulid);
    }

    #[test]
    fn they_look_as_they_should() {
        let uuid = uuid_v7();
        assert_eq!((uuid[6] >> 4, uuid[8] >> 6), (7, 2));
        let ms = u64::from_be_bytes([0, 0, uuid[0], uuid[1], uuid[2], uuid[3], uuid[4], uuid[5]]);
        assert!((ms as i64 - now() / 1000).abs() < 60_000);
        let ulid = ulid();
        assert!(ulid.len() == 26 && ulid.starts_with('0'), "{ulid}");
        assert!(snowflake_id() > 0);
        let of_ulid = ulid[..10].bytes().fold(0, |ms, letter| {
            ms * 32 + b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".iter().position(|known| *known == letter).unwrap() as i64
        });
        assert!((of_ulid - now() / 1000).abs() < 60_000);
    }
}
