//! `jobs.log` in the data directory: one line for each step of each job. When it is full it becomes `jobs.log.1`, in the
//! place of the one before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};
use parking_lot::Mutex;

use super::Job;

/// The log is closed at this size; two of them is all that there ever is.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// The log. It is opened with the first line.
pub(super) struct JobLog {
    directory: PathBuf,
    open: Mutex<Option<(File, u64)>>,
}

impl JobLog {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, open: Mutex::new(None) }
    }

    /// Tells where a job stands now. That a line cannot be written is told elsewhere, and hinders no job.
    pub(super) fn tell(&self, job: &Job, now_us: i64) {
        let at = DateTime::<Utc>::from_timestamp_micros(now_us).unwrap_or_default();
        let mut line = format!("{} {} {}", at.to_rfc3339_opts(SecondsFormat::Micros, true), job.id, job.state.name());
        if let (Some(schema), Some(table)) = (&job.namespace, &job.table) {
            line.push_str(&format!(" {schema}.{table}"));
        }
        if let Some(result) = &job.result {
            line.push_str(&format!(" {result}"));
        }
        if let Some(message) = &job.message {
            line.push_str(&format!(": {message}"));
        }
        // A name or a message may hold what would look like another line.
        let mut line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.push('\n');
        if let Err(error) = self.append(line.as_bytes()) {
            tracing::warn!(%error, "a line of jobs.log could not be written");
        }
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock();
        if open.as_ref().is_some_and(|(_, size)| *size >= LOG_BYTES_MAX) {
            *open = None;
            fs::rename(self.directory.join("jobs.log"), self.directory.join("jobs.log.1"))?;
        }
        let (file, size) = match &mut *open {
            Some(open) => open,
            None => {
                let file = OpenOptions::new().create(true).append(true).open(self.directory.join("jobs.log"))?;
                let size = file.metadata()?.len();
                open.insert((file, size))
            }
        };
        file.write_all(line)?;
        *size += line.len() as u64;
        Ok(())
    }
}
