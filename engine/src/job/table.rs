//! The table of jobs: what is known of each, in memory and as records of the store.
//!
//! A record has the number of the job for its name and the job as JSON for its value. Every step is recorded before it is
//! told. Of jobs that have ended the newest [`ENDED_MAX`] are kept, and none for longer than [`ENDED_AGE_US_MAX`]; of evictions that
//! went well the newest [`EVICTIONS_MAX`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storage::Store;

use super::{JobState, Task};
use crate::error::Result;

/// How many jobs that have ended are remembered.
pub(super) const ENDED_MAX: usize = 1000;

/// Of those that gave back the room of streams, which comes again every few seconds, so many.
pub(super) const EVICTIONS_MAX: usize = 50;

/// And for how long: 30 days.
pub(super) const ENDED_AGE_US_MAX: i64 = 30 * 24 * 3600 * 1_000_000;

const RECORD: &[u8] = b"job/";

/// A job, as it is recorded. Times are microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) task: Task,
    pub(crate) state: JobState,
    /// Names as they were when the job was ordered.
    pub(crate) namespace: Option<String>,
    pub(crate) table: Option<String>,
    /// The role that ordered it; `None`: nobody did.
    pub(crate) asked_by: Option<u32>,
    pub(crate) retries: u32,
    pub(crate) message: Option<String>,
    pub(crate) result: Option<serde_json::Value>,
    pub(crate) created_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: Option<i64>,
}

/// All jobs, by number, which is the order in which they were ordered.
#[derive(Default)]
pub(super) struct Table {
    last: u64,
    jobs: BTreeMap<u64, Job>,
}

impl Table {
    /// Reads what is recorded. A record that cannot be read is left alone: another version may know what it is.
    pub(super) fn read(store: &Store) -> Result<Self> {
        let mut table = Self::default();
        for (name, value) in store.records(RECORD)? {
            let Some(number) = name.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)) else { continue };
            table.last = table.last.max(number);
            match serde_json::from_slice(&value) {
                Ok(job) => drop(table.jobs.insert(number, job)),
                Err(error) => tracing::warn!(%error, number, "the record of a job cannot be read"),
            }
        }
        Ok(table)
    }

    pub(super) fn add(&mut self, job: Job) -> u64 {
        self.last += 1;
        self.jobs.insert(self.last, job);
        self.last
    }

    pub(super) fn get(&self, number: u64) -> Option<&Job> {
        self.jobs.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Job> {
        self.jobs.get_mut(&number)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Job)> {
        self.jobs.iter().map(|(number, job)| (*number, job))
    }

    /// Takes out what has ended and is too old or too much to be remembered.
    pub(super) fn take_forgotten(&mut self, now_us: i64) -> Vec<u64> {
        let ended: Vec<u64> = self.iter().filter(|(_, job)| job.state.is_end()).map(|(number, _)| number).collect();
        let surplus = ended.len().saturating_sub(ENDED_MAX);
        let is_old = |number: &u64| {
            let at = self.get(*number).and_then(|job| job.finished_at);
            at.is_some_and(|at| at < now_us.saturating_sub(ENDED_AGE_US_MAX))
        };
        let is_eviction = |number: &&u64| {
            let job = self.get(**number);
            job.is_some_and(|job| matches!(job.task, Task::StreamEviction(_)) && job.state == JobState::Completed)
        };
        let evictions: Vec<u64> = ended.iter().filter(is_eviction).copied().collect();
        let many = &evictions[..evictions.len().saturating_sub(EVICTIONS_MAX)];
        let (surplus, rest) = ended.split_at(surplus);
        let rest = rest.iter().copied().filter(|number| is_old(number) || many.contains(number));
        let forgotten: Vec<u64> = surplus.iter().copied().chain(rest).collect();
        for number in &forgotten {
            self.jobs.remove(number);
        }
        forgotten
    }
}

/// Records a job as it is.
pub(super) fn record(store: &Store, number: u64, job: &Job) -> Result<()> {
    let value = serde_json::to_vec(job)
        .map_err(|error| crate::error::Error::internal(format!("a job cannot be recorded: {error}")))?;
    Ok(store.put_record(&record_name(number), value)?)
}

/// Deletes records.
pub(super) fn forget(store: &Store, numbers: &[u64]) -> Result<()> {
    let names: Vec<Vec<u8>> = numbers.iter().map(|number| record_name(*number)).collect();
    Ok(store.delete_records(&names)?)
}

fn record_name(number: u64) -> Vec<u8> {
    [RECORD, &number.to_be_bytes()].concat()
}
