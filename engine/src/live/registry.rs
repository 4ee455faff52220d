//! The live queries there are, and how a commit finds those that it concerns.

use std::sync::Arc;

use storage::{CommitRecord, CommitSeq};

/// Every live query of the database.
#[derive(Debug, Default)]
pub(crate) struct Registry {}

impl Registry {
    /// One commit, durable and published; called by the dispatcher in commit order. Must not wait.
    pub(crate) fn deliver(&self, _record: &Arc<CommitRecord>) {}

    /// The end of a batch of commits, of which `passed` is the newest: what was coalesced may be begun.
    pub(crate) fn batch_ended(&self, _passed: CommitSeq) {}

    /// Commits up to `passed` were too many for the ring of recent changes and will not be delivered.
    pub(crate) fn lost(&self, _passed: CommitSeq) {}
}
