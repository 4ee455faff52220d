//! EXPLAIN: how a statement would be run, a line for each step, what comes last first.

use std::time::Instant;

use datafusion::physical_plan::displayable;
use storage::ReadView;

use super::Plan;
use super::point::Access;
use super::relation::{Column, Query};
use super::short::Short;
use super::write::{Action, RowsToChange};
use crate::error::{Error, Result};
use crate::execute::query::{self, QueryEnvironment};
use crate::function::EvalContext;
use crate::statement::ExplainOptions;

/// The lines that EXPLAIN answers, all but what running the statement would tell.
pub(crate) async fn describe(
    plan: &Plan,
    context: &EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
    options: ExplainOptions,
) -> Result<Vec<String>> {
    let started = Instant::now();
    let mut lines = match plan {
        Plan::Query(query) => operators(query, context, view, environment, options.verbose).await?,
        Plan::Short { short, .. } => vec![short_way(short)],
        Plan::PointSelect(select) => vec![format!("{} on {}", way(&select.access), select.table.name)],
        Plan::OneRow(_) => vec!["Result".to_owned()],
        Plan::Write(write) => {
            let table = &write.target.table.name;
            let (verb, rows) = match &write.action {
                Action::Insert(_) => ("Insert", None),
                Action::Update(update) => ("Update", Some(&update.rows)),
                Action::Delete(delete) => ("Delete", Some(&delete.rows)),
                Action::Merge(_) => ("Merge", None),
            };
            let mut lines = vec![format!("{verb} on {table}")];
            match rows {
                Some(RowsToChange::Point { access, .. }) => lines.push(format!("  {} on {table}", way(access))),
                Some(RowsToChange::Query { short: Some(short), .. }) => lines.push(format!("  {}", short_way(short))),
                Some(RowsToChange::Query { query, .. }) => {
                    let inner = operators(query, context, view, environment, options.verbose).await?;
                    lines.extend(inner.into_iter().map(|line| format!("  {line}")));
                }
                None => {
                    if let Action::Merge(merge) = &write.action {
                        let inner = operators(&merge.query, context, view, environment, options.verbose).await?;
                        lines.extend(inner.into_iter().map(|line| format!("  {line}")));
                    }
                }
            }
            lines
        }
    };
    if options.summary.unwrap_or(options.analyze) {
        lines.push(format!("Planning Time: {:.3} ms", started.elapsed().as_secs_f64() * 1000.0));
    }
    Ok(lines)
}

fn way(access: &Access) -> &'static str {
    match access {
        Access::PrimaryKey(_) => "Primary Key Lookup",
        Access::Unique { .. } => "Unique Index Lookup",
    }
}

fn short_way(short: &Short) -> String {
    let table = &short.table.name;
    let index = short.path.index.as_ref().and_then(|wanted| {
        short.table.indexes.iter().find(|index| index.generation == Some(wanted.generation)).map(|index| &index.name)
    });
    match index {
        Some(index) => format!("Short Range Scan using {index} on {table}"),
        None => format!("Short Range Scan on {table}"),
    }
}

async fn operators(
    query: &Query,
    context: &EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
    verbose: bool,
) -> Result<Vec<String>> {
    let columns: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
    let lowered = query::lowered(&query.relation, &columns, context, view, environment)?;
    let planning = environment.clone();
    // Planning walks deep plans recursively, so it runs where stacks are large.
    let physical = environment.handle().spawn(async move {
        let plan = planning.optimize(lowered.plan)?;
        planning.physical(&plan).await
    });
    let physical = physical.await.map_err(|_| Error::internal("planning ended unexpectedly"))??;
    Ok(displayable(physical.as_ref()).indent(verbose).to_string().lines().map(str::to_owned).collect())
}
