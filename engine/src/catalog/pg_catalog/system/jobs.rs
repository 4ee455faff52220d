//! `system.jobs`: the jobs of this database, as far as the role may see them.

use storage::Value;

use crate::catalog::pg_catalog::relation::row;
use crate::error::Result;
use crate::job::{Jobs, RETRIES_MAX, Viewer};
use crate::types::json::read_document;

pub(super) fn rows(viewer: &Viewer<'_>, jobs: &Jobs) -> Result<Vec<Vec<Value>>> {
    let document = |json: &serde_json::Value| read_document(&json.to_string());
    let retries = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let seen = jobs.all().into_iter().filter(|(job, _)| viewer.lists(job));
    seen.map(|(job, moved)| {
        let work = job.task.work();
        let progress = moved.map(|rows| document(&serde_json::json!({ "rows": rows }))).transpose()?;
        Ok(row![
            job.id,
            work.kind().name(),
            job.state.name(),
            job.namespace,
            job.table,
            document(&work.parameters())?,
            progress,
            retries(job.retries),
            retries(RETRIES_MAX),
            work.key(),
            job.message,
            job.result.as_ref().map(document).transpose()?,
            Value::Timestamptz(job.created_at),
            job.started_at.map(Value::Timestamptz),
            job.finished_at.map(Value::Timestamptz),
        ])
    })
    .collect()
}
