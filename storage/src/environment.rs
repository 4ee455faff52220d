//! The only door for time and randomness: tests give both, everything else takes the machine's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01 00:00 UTC.
    fn now_us(&self) -> i64;

    /// A clock that never goes backwards, for deadlines and durations.
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// Where randomness comes from.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
        }
    }
}

/// The generator of each thread, seeded by the operating system.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A clock that moves only when it is told to.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn new(now_us: i64) -> Self {
        Self(AtomicI64::new(now_us))
    }

    pub fn advance(&self, by_us: i64) {
        self.0.fetch_add(by_us, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The same numbers for the same seed.
struct SeededRandom(Mutex<StdRng>);

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}

/// Time and randomness, as one cheap handle.
#[derive(Clone)]
pub struct Environment {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Environment {
    /// The machine's clock and the operating system's randomness.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }

    /// The given clock, and randomness that the seed determines.
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, random: Arc::new(SeededRandom(Mutex::new(StdRng::seed_from_u64(seed)))) }
    }

    /// Microseconds since 1970-01-01 00:00 UTC.
    pub fn now_us(&self) -> i64 {
        self.clock.now_us()
    }

    /// A moment for deadlines and durations.
    pub fn instant(&self) -> Instant {
        self.clock.instant()
    }

    pub fn fill_random(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    pub fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::system()
    }
}
