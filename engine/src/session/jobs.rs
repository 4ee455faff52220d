//! KILL JOB, and SHOW STATS FOR TABLE.

use std::sync::Arc;

use auth::Duty;
use datafusion::sql::sqlparser::ast::ObjectName;
use storage::Value;

use super::Session;
use super::run::Outcome;
use crate::catalog::TableKind;
use crate::error::{Error, Result, SqlState};
use crate::job::Viewer;
use crate::plan::ColumnDescription;
use crate::types::{Type, oid};

const COUNTS: [&str; 6] = ["hot_rows", "hot_bytes", "cold_rows", "cold_bytes", "segments", "deleted"];

/// What SHOW STATS answers, one row a table: the partitions of what is named, if it has any.
pub(super) fn stats_columns() -> Vec<ColumnDescription> {
    let text = |name| ColumnDescription::new(name, Type::new(oid::TEXT));
    let counts = COUNTS.map(|name| ColumnDescription::new(name, Type::new(oid::INT8)));
    [text("namespace"), text("table")].into_iter().chain(counts).chain([text("damage")]).collect()
}

impl Session {
    /// Ends a job.
    pub(super) fn kill_job(&mut self, id: &str) -> Result<()> {
        let context = self.context(self.catalog(), Arc::from([]));
        let viewer = Viewer::of(&context);
        self.database.jobs().kill(id, |job| viewer.may_end(id, job))
    }

    /// Where the rows of a table lie, and which of its files cannot be read.
    pub(super) async fn show_stats(&mut self, name: &ObjectName) -> Result<Outcome> {
        let catalog = self.catalog();
        let principal = self.principal(&catalog);
        let tables = self.tables_and_partitions(std::slice::from_ref(name))?;
        if let Some(table) = tables.first() {
            if table.kind != TableKind::Table {
                let message = format!("\"{}\" is not a table", table.name);
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            if !table.is_kept_by(&principal, Duty::Operate) {
                let message = format!("must be owner of table {}", table.name);
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
        }
        let mut rows = Vec::new();
        for table in tables.iter().filter(|table| table.partitioning.key.is_none()) {
            let (store, generation) = (self.database.store().clone(), table.storage.generation);
            let survey = move || {
                let report = store.survey(generation)?;
                let checked = report.segments.iter().map(|state| store.check_segment(state));
                let damages: Vec<String> = checked.filter_map(|check| Some(check.err()?.to_string())).collect();
                Ok::<_, storage::Error>((report, damages))
            };
            let surveyed = tokio::task::spawn_blocking(survey).await;
            let (report, damages) =
                surveyed.map_err(|error| Error::internal(format!("looking at files ended early: {error}")))??;
            let sum = |of: fn(&storage::SegmentState) -> u64| report.segments.iter().map(of).sum::<u64>();
            let deleted = sum(|state| state.deleted);
            let cold = sum(|state| u64::from(state.info().rows)) - deleted;
            let bytes = sum(|state| state.info().bytes);
            let counts = [report.hot_rows, report.hot_bytes, cold, bytes, report.segments.len() as u64, deleted];
            let schema = catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
            let mut row = vec![Value::Text(schema.into()), Value::Text(table.name.as_str().into())];
            row.extend(counts.map(|count| Value::Int8(i64::try_from(count).unwrap_or(i64::MAX))));
            row.push(if damages.is_empty() { Value::Null } else { Value::Text(damages.join("; ").into()) });
            rows.push(row);
        }
        Ok(Outcome::ready(stats_columns(), rows, "SHOW"))
    }
}
