//! A job that is under way, and who waits for it.

use std::sync::Arc;

use parking_lot::Mutex;
use storage::Progress;
use tokio::sync::watch;

use super::{Job, Task};
use crate::error::{Error, Result};
use crate::session::Canceller;

/// A job that is under way, or was when somebody began to wait for it.
pub(crate) struct Active {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) task: Task,
    pub(super) key: Option<String>,
    pub(super) canceller: Arc<Canceller>,
    interest: Mutex<Interest>,
    pub(super) progress: Mutex<Arc<Progress>>,
    pub(super) outcome: watch::Sender<Option<Result<serde_json::Value>>>,
}

/// Who wants a job to be done.
struct Interest {
    waiting: usize,
    /// It is done even if nobody waits for it.
    for_itself: bool,
    /// Nobody did any more, so that it ends.
    lost: bool,
}

/// Somebody waits for a job. When nobody does any more, a job that was not ordered for its own sake ends.
pub(crate) struct Waiting(Arc<Active>);

impl Active {
    pub(super) fn new(number: u64, job: &Job, for_itself: bool) -> Self {
        Self {
            number,
            id: job.id.clone(),
            task: job.task.clone(),
            key: job.task.work().key(),
            canceller: Arc::default(),
            interest: Mutex::new(Interest { waiting: 0, for_itself, lost: false }),
            progress: Mutex::default(),
            outcome: watch::Sender::new(None),
        }
    }

    /// Whether it is done even if nobody waits for it.
    pub(super) fn is_for_itself(&self) -> bool {
        self.interest.lock().for_itself
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What became of it, once it has ended.
    pub(crate) fn outcome(&self) -> Option<Result<serde_json::Value>> {
        self.outcome.borrow().clone()
    }
}

impl Waiting {
    /// One more who waits; `None` if the job is about to end without having been done.
    pub(super) fn join(active: &Arc<Active>, for_itself: bool) -> Option<Self> {
        let mut interest = active.interest.lock();
        if interest.lost || active.canceller.is_requested() {
            return None;
        }
        interest.waiting += 1;
        interest.for_itself |= for_itself;
        Some(Self(Arc::clone(active)))
    }

    /// The job itself, for whoever only wants to look at it.
    pub(crate) fn job(&self) -> &Arc<Active> {
        &self.0
    }

    /// The result, once there is one.
    pub(crate) async fn end(&self) -> Result<serde_json::Value> {
        // The sender is as old as the job.
        let _ = self.0.outcome.subscribe().wait_for(Option::is_some).await;
        self.0.outcome().unwrap_or_else(|| Err(Error::internal("a job has no end")))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut interest = self.0.interest.lock();
        interest.waiting -= 1;
        if interest.waiting == 0 && !interest.for_itself {
            interest.lost = true;
            self.0.canceller.cancel();
        }
    }
}
