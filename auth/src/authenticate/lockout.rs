//! Slowing down who guesses passwords: after some failures, a user is locked for an address, and an address as a whole.
//!
//! A lock is short at first and doubles with each failure after it. While it lasts, nothing is believed from there, and
//! nothing is counted either, so that a client with a wrong password in its configuration is let in at most one lock
//! after it was corrected. Others log in as the same user from elsewhere meanwhile: nobody can be locked out by a
//! stranger. An address as a whole is locked only after many more failures, whoever they named. A success forgets the
//! failures of that user from there; those of the address only fade, or else one account of his own would let a
//! guesser go on for ever.
//!
//! Failures are kept in memory, [`Lockouts::ENTRIES_MAX`] at most; beyond that, the one that is longest ago is forgotten
//! for each new one. Whoever fills the table so pays with a failure an entry, and is slowed down by his address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

const SECOND: i64 = 1_000_000;

/// When locks begin and how long they last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Failures of a user from an address before the first lock; 0: nobody is ever locked.
    pub free_failures: u32,
    /// The longest lock.
    pub lock_seconds_max: u32,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self { free_failures: 5, lock_seconds_max: 300 }
    }
}

/// How many more failures an address as a whole may have than one user there.
const ADDRESS_FACTOR: u32 = 20;
/// The longest lock of an address as a whole.
const ADDRESS_LOCK_SECONDS_MAX: u32 = 60;
/// The first lock; each failure after it doubles the next.
const FIRST_LOCK_SECONDS: u32 = 1;
/// Failures are forgotten after so long without another one.
const MEMORY_SECONDS: i64 = 3600;

/// Where somebody comes from: an IPv4 address, or the network of an IPv6 address, since whoever has one address there
/// has 2^64 of them. `None` is the Unix socket.
type Origin = Option<IpAddr>;

/// The failures that are remembered.
#[derive(Debug, Default)]
pub struct Lockouts {
    policy: LockoutPolicy,
    by_user: Table<(String, Origin)>,
    by_address: Table<IpAddr>,
}

/// What is known of a user's failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FailureRecord {
    /// Since the last success, over all addresses.
    pub failures: u32,
    /// The latest end of a lock that lasts, in microseconds since the Unix epoch.
    pub locked_until: Option<i64>,
}

#[derive(Debug)]
struct Table<K>(HashMap<K, Failures>);

/// Times are microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: i64,
    locked_until: i64,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Lockouts {
    /// Pairs of user and address that are remembered, and as many addresses.
    pub const ENTRIES_MAX: usize = 10_000;

    /// Nothing remembered yet.
    pub fn new(policy: LockoutPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Takes note of an attempt that is decided but for locks; whether it is a login. Call it once for each attempt, when
    /// all work is done, so that attempts at the same time do not pass one another. `now` is microseconds since the
    /// Unix epoch.
    pub fn settle(&mut self, user: &str, address: Option<IpAddr>, is_proven: bool, now: i64) -> bool {
        if self.policy.free_failures == 0 {
            return is_proven;
        }
        let origin = address.map(network);
        let pair = (user.to_owned(), origin);
        if self.by_user.is_locked(&pair, now) || origin.is_some_and(|origin| self.by_address.is_locked(&origin, now)) {
            return false;
        }
        if is_proven {
            self.by_user.0.remove(&pair);
            return true;
        }
        let policy = self.policy;
        self.by_user.fail(pair, policy.free_failures, policy.lock_seconds_max, now);
        if let Some(origin) = origin {
            let free = policy.free_failures.saturating_mul(ADDRESS_FACTOR);
            self.by_address.fail(origin, free, policy.lock_seconds_max.min(ADDRESS_LOCK_SECONDS_MAX), now);
        }
        false
    }

    /// What is known of the failures of all users that have any.
    pub fn records(&self, now: i64) -> HashMap<&str, FailureRecord> {
        let mut records: HashMap<&str, FailureRecord> = HashMap::new();
        for ((user, _), failures) in self.by_user.0.iter().filter(|(_, failures)| !failures.are_forgotten(now)) {
            let record = records.entry(user).or_default();
            record.failures = record.failures.saturating_add(failures.count);
            let locked_until = (failures.locked_until > now).then_some(failures.locked_until);
            record.locked_until = record.locked_until.max(locked_until);
        }
        records
    }
}

impl<K: Hash + Eq + Clone> Table<K> {
    fn is_locked(&self, key: &K, now: i64) -> bool {
        self.0.get(key).is_some_and(|failures| failures.locked_until > now)
    }

    fn fail(&mut self, key: K, free: u32, lock_seconds_max: u32, now: i64) {
        if !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let failures = self.0.entry(key).or_default();
        if failures.are_forgotten(now) {
            *failures = Failures::default();
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if failures.count >= free {
            let doublings = (failures.count - free).min(u32::BITS - 1);
            let seconds = FIRST_LOCK_SECONDS.saturating_mul(1 << doublings).min(lock_seconds_max);
            failures.locked_until = now + i64::from(seconds) * SECOND;
        }
    }

    fn make_room(&mut self, now: i64) {
        if self.0.len() < Lockouts::ENTRIES_MAX {
            return;
        }
        self.0.retain(|_, failures| !failures.are_forgotten(now));
        while self.0.len() >= Lockouts::ENTRIES_MAX {
            let Some(oldest) = self.0.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| key.clone())
            else {
                return;
            };
            self.0.remove(&oldest);
        }
    }
}

impl Failures {
    fn are_forgotten(&self, now: i64) -> bool {
        now.saturating_sub(self.last.max(self.locked_until)) > MEMORY_SECONDS * SECOND
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
