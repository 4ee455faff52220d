//! EXPLAIN: how a statement would be run, a line for each step, what comes last first.
//!
//! The first line says which road is taken: a point plan or a short one reads rows by key and never sees DataFusion;
//! anything else is a tree of operators. What reads a table says by which index, and how many of its segments may hold
//! what it looks for. With ANALYZE each operator also says what came out of it and how long that took.

use std::sync::Arc;
use std::time::Instant;

use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use storage::{CacheFigures, Figures, GenerationId, KeyRange, ReadView, TableSchema};

use super::Plan;
use super::point::Access;
use super::relation::{Column, Query};
use super::short::{Path, Pin, Short, Step};
use super::write::{Action, InsertSource, RowsToChange};
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::execute::failure::failure;
use crate::execute::query::{self, QueryEnvironment};
use crate::function::EvalContext;
use crate::statement::ExplainOptions;

/// What EXPLAIN answers, and how many rows there were if the plan was run to learn what it costs.
pub(crate) struct Description {
    pub(crate) lines: Vec<String>,
    pub(crate) rows: Option<u64>,
}

/// Describes a plan. `run`: a query is run through operators as they are described; everything else is the caller's to
/// run.
pub(crate) async fn describe(
    plan: &Plan,
    context: &EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
    options: ExplainOptions,
    run: bool,
) -> Result<Description> {
    let started = Instant::now();
    let explained = Explained { context, view, environment, options };
    let (mut lines, mut physical) = (Vec::new(), None);
    match plan {
        Plan::Query(query) => {
            let operators = explained.operators(query).await?;
            lines.extend(explained.shown(&operators));
            physical = Some(operators);
        }
        Plan::Short { short, .. } => explained.short(short, &mut lines),
        Plan::PointSelect(select) => {
            explained.point(&select.access, &select.table, select.filter.is_some(), &mut lines)
        }
        Plan::OneRow(_) => lines.push("Point Plan: Result".to_owned()),
        Plan::Write(write) => {
            let table = &write.target.table;
            let (verb, rows) = match &write.action {
                Action::Insert(_) => ("Insert", None),
                Action::Update(update) => ("Update", Some(&update.rows)),
                Action::Delete(delete) => ("Delete", Some(&delete.rows)),
                Action::Merge(_) => ("Merge", None),
                Action::OfKeys => ("Foreign Keys", None),
            };
            let mut beneath = Vec::new();
            match (rows, &write.action) {
                (Some(RowsToChange::Point { access, filter }), _) => {
                    explained.point(access, table, filter.is_some(), &mut beneath);
                }
                (Some(RowsToChange::Cursor { name }), _) => beneath.push(format!("Point Plan: Current Row of {name}")),
                (Some(RowsToChange::Query { short: Some(short), .. }), _) => explained.short(short, &mut beneath),
                (Some(RowsToChange::Query { query, .. }), _) => {
                    beneath = explained.shown(&explained.operators(query).await?);
                }
                (None, Action::Merge(merge)) => beneath = explained.shown(&explained.operators(&merge.query).await?),
                (None, Action::Insert(insert)) => match &insert.source {
                    InsertSource::Rows(rows) => beneath.push(format!("Point Plan: Values, rows={}", rows.len())),
                    InsertSource::Query { query, .. } => {
                        beneath = explained.shown(&explained.operators(query).await?);
                    }
                },
                (None, _) => {}
            }
            lines.push(format!("{verb} on {}", table.name));
            lines.extend(beneath.into_iter().map(|line| format!("  {line}")));
        }
    }
    let planned = started.elapsed();
    let mut rows = None;
    if let Some(physical) = physical.filter(|_| run) {
        rows = Some(explained.run(&physical).await?);
        lines = explained.shown(&physical);
    }
    if options.summary.unwrap_or(options.analyze) {
        lines.push(format!("Planning Time: {:.3} ms", planned.as_secs_f64() * 1000.0));
    }
    Ok(Description { lines, rows })
}

/// What describing needs.
struct Explained<'a> {
    context: &'a EvalContext,
    view: ReadView,
    environment: &'a QueryEnvironment,
    options: ExplainOptions,
}

impl Explained<'_> {
    /// One row by key.
    fn point(&self, access: &Access, table: &Table, filtered: bool, lines: &mut Vec<String>) {
        let (way, index, key) = match access {
            Access::PrimaryKey(_) => {
                let index = table.indexes.iter().find(|index| index.primary).map(|index| index.name.as_str());
                ("Primary Key Lookup", index, table.primary_key().unwrap_or_default().to_vec())
            }
            Access::Unique { index, .. } => {
                let found = index_of(table, index.generation);
                let columns = found.map(|index| index.columns.iter().map(|column| column.number).collect::<Vec<u16>>());
                ("Unique Index Lookup", found.map(|index| index.name.as_str()), columns.unwrap_or_default())
            }
        };
        let using = index.map_or_else(String::new, |index| format!(" using {index}"));
        lines.push(format!("Point Plan: {way}{using} on {}", table.name));
        let names: Vec<&str> = key.iter().filter_map(|number| column_name(table, *number)).collect();
        lines.push(format!("  Key: {}", names.join(", ")));
        if filtered {
            lines.push("  Filter: on the row that is found".to_owned());
        }
        lines.push(format!("  Segments: {}", self.by_key(&table.storage)));
    }

    /// A few rows by a range of a key.
    fn short(&self, short: &Short, lines: &mut Vec<String>) {
        let Short { table, path, filters, stages, .. } = short;
        let index = match &path.index {
            Some(wanted) => index_of(table, wanted.generation),
            None => table.indexes.iter().find(|index| index.primary),
        };
        let using = index.map_or_else(String::new, |index| format!(" using {}", index.name));
        let backward = if path.backward { ", backward" } else { "" };
        lines.push(format!("Short Plan: Range Scan{using} on {}{backward}", table.name));
        let columns = index.map(|index| index.columns.iter().map(|column| column.number).collect::<Vec<_>>());
        lines.push(format!("  Key: {}", bounds(path, table, &columns.unwrap_or_default())));
        if !filters.is_empty() {
            lines.push("  Filter: on the rows that are found".to_owned());
        }
        let steps: Vec<&str> = stages.iter().map(|stage| step_name(&stage.step)).collect();
        if !steps.is_empty() {
            lines.push(format!("  Then: {}", steps.join(", ")));
        }
        lines.push(format!("  Segments: {}", self.by_key(&table.storage)));
    }

    /// How many segments rows may be found in whose keys are known when they are looked for.
    fn by_key(&self, table: &TableSchema) -> String {
        match self.view.segments_near(table, &[KeyRange::generation(table.generation)]) {
            (_, 0) => "none".to_owned(),
            (_, all) => format!("by key of {all}"),
        }
    }

    async fn operators(&self, query: &Query) -> Result<Arc<dyn ExecutionPlan>> {
        let columns: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
        let lowered = query::lowered(&query.relation, &columns, self.context, self.view.clone(), self.environment)?;
        let planning = self.environment.clone();
        // Planning walks deep plans recursively, so it runs where stacks are large.
        let physical = self.environment.handle().spawn(async move {
            let plan = planning.optimize(lowered.plan)?;
            planning.physical(&plan).await
        });
        physical.await.map_err(|_| Error::internal("planning ended unexpectedly"))?
    }

    /// Runs the operators to their end and counts the rows.
    async fn run(&self, physical: &Arc<dyn ExecutionPlan>) -> Result<u64> {
        let (physical, context) = (Arc::clone(physical), self.environment.task_context());
        let task = self.environment.handle().spawn(async move {
            let mut batches = execute_stream(physical, context).map_err(failure)?;
            let mut rows = 0;
            while let Some(batch) = batches.next().await {
                rows += batch.map_err(failure)?.num_rows() as u64;
            }
            Ok::<u64, Error>(rows)
        });
        // The statement may be given up: then nobody wants the rest.
        let _ended = AbortOnDrop(task.abort_handle());
        task.await.map_err(|_| Error::internal("the query ended unexpectedly"))?
    }

    fn shown(&self, physical: &Arc<dyn ExecutionPlan>) -> Vec<String> {
        let plan = match self.options.analyze {
            true => DisplayableExecutionPlan::with_metrics(physical.as_ref()),
            false => DisplayableExecutionPlan::new(physical.as_ref()),
        };
        let text = plan.indent(self.options.verbose).to_string();
        // Metrics of a plan that has not run are empty brackets.
        text.lines().map(|line| line.replace(", metrics=[]", "")).collect()
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn index_of(table: &Table, generation: GenerationId) -> Option<&crate::catalog::Index> {
    table.indexes.iter().find(|index| index.generation == Some(generation))
}

fn column_name(table: &Table, number: u16) -> Option<&str> {
    table.position_of_number(number).map(|position| table.columns[position].name.as_str())
}

/// `account_id =, placed_at <`: what is known of the leading columns of a key.
fn bounds(path: &Path, table: &Table, columns: &[u16]) -> String {
    let mut columns = columns.iter().map(|number| column_name(table, *number).unwrap_or("an expression"));
    let mut parts = Vec::new();
    for pin in &path.equal {
        let column = columns.next().unwrap_or("an expression");
        parts.push(match pin {
            Pin::One(_) => format!("{column} ="),
            Pin::Any(_) => format!("{column} = ANY"),
        });
    }
    let next = columns.next().unwrap_or("an expression");
    let lower = path.lower.as_ref().map(|(_, within)| if *within { ">=" } else { ">" });
    let upper = path.upper.as_ref().map(|(_, within)| if *within { "<=" } else { "<" });
    parts.extend([lower, upper].into_iter().flatten().map(|sign| format!("{next} {sign}")));
    if parts.is_empty() { "all, in order".to_owned() } else { parts.join(", ") }
}

fn step_name(step: &Step) -> &'static str {
    match step {
        Step::Filter(_) => "Filter",
        Step::Project(_) => "Project",
        Step::Sort(_) => "Sort",
        Step::Limit { .. } => "Limit",
        Step::Distinct(_) => "Distinct",
        Step::Aggregate { .. } => "Aggregate",
    }
}

/// What was read between two moments, by everybody: how much of it was in memory.
pub(crate) fn reads(before: &Figures, after: &Figures) -> String {
    let parts = |from: CacheFigures, to: CacheFigures| {
        (to.hits.saturating_sub(from.hits), to.misses.saturating_sub(from.misses))
    };
    let (entries, blocks) = (parts(before.entries, after.entries), parts(before.blocks, after.blocks));
    format!(
        "Buffers: entries hit={} read={}, segment blocks hit={} read={} (of all sessions meanwhile)",
        entries.0, entries.1, blocks.0, blocks.1
    )
}
