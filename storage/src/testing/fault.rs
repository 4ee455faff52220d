//! A key-value store whose durable steps fail on demand: one by one, so that a test can fail each in turn, or by a seed.
//!
//! A durable step is a write, a sync, a bulk write, an ingestion or a flush. Once one has failed all later ones fail as well, as on
//! a disk that is gone, until [`FaultInjector::heal`]. Reads never fail.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::{Error, Result};
use crate::key::KeyRange;
use crate::kv::{Batch, Family, KeyValue, KvSnapshot, SortedRun};

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it happens.
    Before,
    /// It happens, and is reported as failed.
    After,
}

/// When steps fail.
enum Plan {
    Never,
    At { step: u64, fault: Fault },
    Random { random: Box<StdRng>, one_in: u32 },
}

struct State {
    plan: Plan,
    /// Durable steps begun so far.
    steps: u64,
    broken: bool,
}

/// Wraps any key-value store.
pub struct FaultInjector {
    inner: Arc<dyn KeyValue>,
    state: Mutex<State>,
}

impl FaultInjector {
    /// Nothing fails until it is told to.
    pub fn new(inner: Arc<dyn KeyValue>) -> Self {
        Self { inner, state: Mutex::new(State { plan: Plan::Never, steps: 0, broken: false }) }
    }

    /// How many durable steps were begun.
    pub fn steps(&self) -> u64 {
        self.state.lock().steps
    }

    /// Fails the durable step after `step` others, counted from the beginning.
    pub fn fail_at(&self, step: u64, fault: Fault) {
        self.state.lock().plan = Plan::At { step, fault };
    }

    /// Fails about one durable step in `one_in`, as the seed says.
    pub fn fail_randomly(&self, seed: u64, one_in: u32) {
        let random = Box::new(StdRng::seed_from_u64(seed));
        self.state.lock().plan = Plan::Random { random, one_in };
    }

    /// Lets everything succeed again.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.plan = Plan::Never;
        state.broken = false;
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut state = self.state.lock();
        let step = state.steps;
        state.steps += 1;
        if state.broken {
            return Some(Fault::Before);
        }
        let fault = match &mut state.plan {
            Plan::Never => None,
            Plan::At { step: at, fault } => (*at == step).then_some(*fault),
            Plan::Random { random, one_in } => {
                let fails = random.random_ratio(1, (*one_in).max(1));
                let fault = if random.random() { Fault::Before } else { Fault::After };
                fails.then_some(fault)
            }
        };
        state.broken = fault.is_some();
        fault
    }

    fn step(&self, step: impl FnOnce(&dyn KeyValue) -> Result<()>) -> Result<()> {
        match self.next_fault() {
            None => step(self.inner.as_ref()),
            Some(Fault::Before) => Err(injected()),
            Some(Fault::After) => {
                step(self.inner.as_ref())?;
                Err(injected())
            }
        }
    }
}

fn injected() -> Error {
    Error::Io("an injected fault".into())
}

impl KeyValue for FaultInjector {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>> {
        self.inner.get(family, key)
    }

    fn snapshot(&self) -> Result<Arc<dyn KvSnapshot>> {
        self.inner.snapshot()
    }

    fn write(&self, batch: &Batch) -> Result<()> {
        self.step(|inner| inner.write(batch))
    }

    fn sync(&self) -> Result<()> {
        self.step(|inner| inner.sync())
    }

    fn write_bulk(&self, batch: &Batch) -> Result<()> {
        self.step(|inner| inner.write_bulk(batch))
    }

    fn ingest(&self, family: Family, run: &SortedRun) -> Result<()> {
        self.step(|inner| inner.ingest(family, run))
    }

    fn temporary_file(&self) -> Result<Option<File>> {
        self.inner.temporary_file()
    }

    fn flush(&self) -> Result<()> {
        self.step(|inner| inner.flush())
    }

    fn checkpoint(&self, directory: &Path) -> Result<()> {
        self.inner.checkpoint(directory)
    }

    fn oldest_snapshot(&self) -> Result<Option<u64>> {
        self.inner.oldest_snapshot()
    }

    fn compact(&self, family: Family, range: &KeyRange) -> Result<()> {
        self.inner.compact(family, range)
    }
}
