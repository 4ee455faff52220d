//! Jobs: work that goes on beside statements, is remembered, and can be watched, waited for and ended.
//!
//! The way of a job:
//!
//! 1. A statement, the schedule or a start has a [`Task`]: one of the kinds of work, each of which is a file here.
//! 2. [`Jobs::order`] gives it an id and records it, or answers the job that is under way with the same key already.
//! 3. `runner` runs it in a task of its own, a few jobs at a time; what may go well later is tried again.
//! 4. `table` keeps what became of every job, for `system.jobs` and across a restart; `log` tells each step in `jobs.log`.
//!
//! Whoever waits for a job holds a [`Waiting`](active::Waiting). A job that nobody waits for any more and nobody ordered for its own sake ends.
//!
//! The schedule looks every second what is due without anybody asking: flushes by policy, compactions, evictions, and files to delete.
//!
//! A new kind of job is a file with its [`Work`], a [`JobKind`] and a [`Task`] that names it.

mod active;
mod backup;
mod compact;
mod context;
mod flush;
mod log;
mod moving;
mod retention;
mod runner;
pub(crate) mod schedule;
mod stream_eviction;
mod table;
#[cfg(test)]
mod tests;
mod user_cleanup;
mod viewer;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub(crate) use backup::{Backup, Restore};
pub(crate) use compact::Compact;
pub(crate) use context::Context;
pub(crate) use flush::Flush;
pub(crate) use retention::Retention;
pub(crate) use runner::{Jobs, JobsOptions, Order, RETRIES_MAX};
pub(crate) use stream_eviction::StreamEviction;
pub(crate) use table::Job;
pub(crate) use user_cleanup::UserCleanup;
pub(crate) use viewer::Viewer;

use crate::database::Database;
use crate::error::Result;

/// What kinds of jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobKind {
    Flush,
    Compact,
    Retention,
    StreamEviction,
    UserCleanup,
    Backup,
    Restore,
}

impl JobKind {
    /// What the ids of its jobs begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            JobKind::Flush => "FL",
            JobKind::Compact => "CO",
            JobKind::Retention => "RT",
            JobKind::StreamEviction => "SE",
            JobKind::UserCleanup => "UC",
            JobKind::Backup => "BK",
            JobKind::Restore => "RS",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            JobKind::Flush => "flush",
            JobKind::Compact => "compact",
            JobKind::Retention => "retention",
            JobKind::StreamEviction => "stream_eviction",
            JobKind::UserCleanup => "user_cleanup",
            JobKind::Backup => "backup",
            JobKind::Restore => "restore",
        }
    }
}

/// How far a job has come. Only the runner moves it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    /// It is not recorded yet.
    New,
    /// It waits for its turn, or for a lock.
    Queued,
    Running,
    /// It has failed and waits to be tried again.
    Retrying,
    Completed,
    Failed,
    Cancelled,
}

impl JobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            JobState::New => "new",
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Retrying => "retrying",
            JobState::Completed => "completed",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will become of the job.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, JobState::Completed | JobState::Failed | JobState::Cancelled)
    }
}

/// A table, by oid, and its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TableOf {
    pub(crate) database: u32,
    pub(crate) table: u32,
}

/// What a job is to do. It is recorded: names of variants and fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Task {
    Flush(Flush),
    Compact(Compact),
    Retention(Retention),
    StreamEviction(StreamEviction),
    UserCleanup(UserCleanup),
    Backup(Backup),
    Restore(Restore),
}

impl Task {
    pub(crate) fn work(&self) -> &dyn Work {
        match self {
            Task::Flush(flush) => flush,
            Task::Compact(compact) => compact,
            Task::Retention(retention) => retention,
            Task::StreamEviction(eviction) => eviction,
            Task::UserCleanup(cleanup) => cleanup,
            Task::Backup(backup) => backup,
            Task::Restore(restore) => restore,
        }
    }
}

/// The work of one kind of job.
#[async_trait]
pub(crate) trait Work: Send + Sync {
    fn kind(&self) -> JobKind;

    /// The table that it is about, if it is about one: who owns that may see and end the job.
    fn table(&self) -> Option<TableOf> {
        None
    }

    /// Of all jobs with one key only one is under way.
    fn key(&self) -> Option<String>;

    /// Whether one that a stop has ended in the midst may simply be done once more.
    fn is_repeatable(&self) -> bool;

    /// Details that are not the table.
    fn parameters(&self) -> serde_json::Value {
        serde_json::Value::Object(Default::default())
    }

    /// Does it, once the context has said that it is its turn, and answers what `system.jobs` shows as the result. Where
    /// it waits it may be given up.
    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<serde_json::Value>;
}
