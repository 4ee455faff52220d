//! What the work of a job may ask the runner for.

use std::sync::Arc;
use std::time::Instant;

use storage::Progress;
use tokio::sync::OwnedSemaphorePermit;

use super::active::Active;
use super::{JobState, Jobs};
use crate::error::Result;

/// What a job's work knows of being a job.
pub(crate) struct Context {
    jobs: Arc<Jobs>,
    active: Arc<Active>,
}

/// A job's turn, until this is dropped.
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// A job's turn that has begun, until this is dropped.
pub(crate) struct Turn {
    _slot: Slot,
    began: Instant,
}

impl Turn {
    /// Since it began, in milliseconds.
    pub(crate) fn duration_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Context {
    pub(super) fn of(jobs: &Arc<Jobs>, active: &Arc<Active>) -> Self {
        Self { jobs: Arc::clone(jobs), active: Arc::clone(active) }
    }

    /// The job's turn, if it is its turn.
    pub(crate) fn try_slot(&self) -> Option<Slot> {
        Arc::clone(&self.jobs.slots).try_acquire_owned().ok().map(|permit| Slot { _permit: permit })
    }

    /// Waits for the job's turn.
    pub(crate) async fn slot(&self) -> Slot {
        let permit = Arc::clone(&self.jobs.slots).acquire_owned().await;
        Slot { _permit: permit.expect("nobody closes the semaphore") }
    }

    /// Waits for the job's turn, and begins.
    pub(crate) async fn turn(&self) -> Result<Turn> {
        let slot = self.slot().await;
        self.begin()?;
        Ok(Turn { _slot: slot, began: self.jobs.now() })
    }

    /// Says that the job does something from now on.
    pub(crate) fn begin(&self) -> Result<()> {
        self.jobs.step(self.active.number, |job, now| {
            job.state = JobState::Running;
            job.started_at.get_or_insert(now);
        })
    }

    /// What a rewrite of rows is to tell its progress to.
    pub(crate) fn begin_rewrite(&self) -> Arc<Progress> {
        let progress = Arc::<Progress>::default();
        *self.active.progress.lock() = Arc::clone(&progress);
        progress
    }
}
