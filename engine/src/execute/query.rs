//! Running a query through DataFusion: lower it, optimize it once, stream its rows.
//!
//! Planning's first half happens where the statement is; everything after it on the query threads. The rows come
//! through a short channel, so a slow reader stops the query and a reader that goes away ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt};
use storage::{ColumnType, ReadView};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::environment::WAITING_BATCHES;
pub use super::environment::{QueryEnvironment, QueryOptions};
use super::failure::{failure, is_outgrown};
use super::lower::Lowering;
use super::turns::in_turns;
use super::{Batch, RowStream, Rows};
use crate::error::{Error, Result, SqlState};
use crate::function::EvalContext;
use crate::plan::relation::{Column, Query, Relation};

/// Rows that are kept back while it is not sure yet that the query will not run again.
const KEPT_BACK_MAX: usize = 65_536;

/// A query ready for the optimizer, and what its result's columns hold.
pub(crate) struct Lowered {
    pub(crate) plan: LogicalPlan,
    pub(crate) types: Arc<[ColumnType]>,
    /// What it was made from, if it may run again.
    source: Option<Box<Source>>,
    /// Whether numbers may come that no decimal holds.
    may_outgrow: bool,
}

/// What a plan is made from.
struct Source {
    relation: Relation,
    columns: Vec<Column>,
    context: EvalContext,
    view: ReadView,
}

/// Starts the query on the snapshot; its rows have the columns of `query.outputs`.
pub fn run(query: &Query, context: &EvalContext, view: ReadView, environment: &QueryEnvironment) -> Result<RowStream> {
    let columns: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
    run_relation(&query.relation, &columns, context, view, environment)
}

/// Starts a relation; its rows have the given columns, each an output of the relation, in the given order.
pub fn run_relation(
    relation: &Relation,
    columns: &[Column],
    context: &EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
) -> Result<RowStream> {
    let lowered = lowered(relation, columns, context, view, environment)?;
    Ok(start(lowered, environment.clone()))
}

/// Starts a query whose expressions ask for what bodies of functions answer. All of it happens on the query threads,
/// which may wait for that.
pub(crate) fn run_asking(
    query: Arc<Query>,
    context: EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
) -> RowStream {
    let (handle, environment) = (environment.handle().clone(), environment.clone());
    running(&handle, move |sender| async move {
        let columns: Vec<Column> = query.outputs.iter().map(|output| output.column).collect();
        let lowered = lowered(&query.relation, &columns, &context, view, &environment)?;
        drop(context);
        produce(lowered, &environment, &sender).await
    })
}

pub(crate) fn lowered(
    relation: &Relation,
    columns: &[Column],
    context: &EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
) -> Result<Lowered> {
    let mut lowering = Lowering::new(context, view.clone(), environment);
    let plan = lowering.query(relation, columns)?;
    let (may_outgrow, may_run_again) = (lowering.may_outgrow(), lowering.may_run_again());
    let source = Source { relation: relation.clone(), columns: columns.to_vec(), context: context.clone(), view };
    let plan = match may_outgrow && !may_run_again {
        true => source.without_decimals(environment)?,
        false => plan,
    };
    let types = columns.iter().map(|column| super::lower::column::physical(column.ty)).collect::<Result<_>>()?;
    Ok(Lowered { plan, types, source: may_run_again.then(|| Box::new(source)), may_outgrow })
}

impl Source {
    /// The plan in which every numeric has our own form.
    fn without_decimals(&self, environment: &QueryEnvironment) -> Result<LogicalPlan> {
        let lowering = Lowering::new(&self.context, self.view.clone(), environment);
        lowering.numerics_only().query(&self.relation, &self.columns)
    }
}

fn start(lowered: Lowered, environment: QueryEnvironment) -> RowStream {
    let handle = environment.handle().clone();
    running(&handle, move |sender| async move { produce(lowered, &environment, &sender).await })
}

/// Rows that a task on the query threads sends.
pub(crate) fn running<F>(handle: &Handle, produce: impl FnOnce(mpsc::Sender<Result<Rows>>) -> F) -> RowStream
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let work = produce(sender.clone());
    let task = handle.spawn(async move {
        if let Err(error) = work.await {
            // Nobody listens any more if this fails, so nobody misses the error.
            let _ = sender.send(Err(error)).await;
        }
    });
    Box::pin(Running { receiver, task: Some(task) })
}

async fn produce(lowered: Lowered, environment: &QueryEnvironment, sender: &mpsc::Sender<Result<Rows>>) -> Result<()> {
    let Lowered { plan, types, source, may_outgrow } = lowered;
    let kept = (may_outgrow && source.is_some()).then(Vec::new);
    let mut output = Output { sender, types, kept, sent: false };
    match (attempt(plan, source.is_some(), &mut output, environment).await, source) {
        (Err(error), Some(source)) if is_outgrown(&error) && output.begin_again() => {
            output.kept = None;
            attempt(source.without_decimals(environment)?, true, &mut output, environment).await
        }
        (outcome, _) => outcome,
    }
}

/// Runs a plan. If hash joins take more memory than there is before any row has come, it begins again with joins that
/// sort, which spill.
async fn attempt(
    plan: LogicalPlan,
    may_run_again: bool,
    output: &mut Output<'_>,
    environment: &QueryEnvironment,
) -> Result<()> {
    let plan = environment.optimize(plan)?;
    let physical = environment.physical(&plan).await?;
    // The logical plan can be large, and the query may run for long.
    let plan = (may_run_again && has_hash_join(&physical)).then_some(plan);
    match (output.run(physical, environment).await, plan) {
        (Err(error), Some(plan)) if error.sql_state() == SqlState::OUT_OF_MEMORY && output.begin_again() => {
            let physical = environment.physical_that_spills(&plan).await?;
            output.run(physical, environment).await
        }
        (outcome, _) => outcome,
    }
}

fn has_hash_join(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<HashJoinExec>().is_some() || plan.children().into_iter().any(has_hash_join)
}

/// Where a query's rows go.
struct Output<'a> {
    sender: &'a mpsc::Sender<Result<Rows>>,
    types: Arc<[ColumnType]>,
    /// Rows that are not sent before it is sure that they will not come again, or before they are too many.
    kept: Option<Vec<Rows>>,
    sent: bool,
}

impl Output<'_> {
    /// Sends the operators' batches until they end or nobody listens.
    async fn run(&mut self, physical: Arc<dyn ExecutionPlan>, environment: &QueryEnvironment) -> Result<()> {
        let physical = in_turns(physical).map_err(failure)?;
        let mut batches = execute_stream(physical, environment.task_context()).map_err(failure)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failure)?;
            if batch.num_rows() > 0 && !self.take(Rows::Batch(Batch::new(batch, self.types.clone()))).await {
                return Ok(());
            }
        }
        self.send_kept().await;
        Ok(())
    }

    /// False: nobody listens.
    async fn take(&mut self, rows: Rows) -> bool {
        let Some(kept) = &mut self.kept else { return self.send(rows).await };
        kept.push(rows);
        if kept.iter().map(Rows::len).sum::<usize>() <= KEPT_BACK_MAX {
            return true;
        }
        self.send_kept().await
    }

    async fn send_kept(&mut self) -> bool {
        for rows in self.kept.take().unwrap_or_default() {
            if !self.send(rows).await {
                return false;
            }
        }
        true
    }

    async fn send(&mut self, rows: Rows) -> bool {
        self.sent = true;
        self.sender.send(Ok(rows)).await.is_ok()
    }

    /// Forgets what came so far, unless it was sent.
    fn begin_again(&mut self) -> bool {
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
        !self.sent
    }
}

/// The reader's end of a running query.
struct Running {
    receiver: mpsc::Receiver<Result<Rows>>,
    task: Option<JoinHandle<()>>,
}

impl Stream for Running {
    type Item = Result<Rows>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(rows) = std::task::ready!(self.receiver.poll_recv(cx)) {
            return Poll::Ready(Some(rows));
        }
        // The channel closes when the query has ended, well or by a panic: never take the latter for the end.
        let Some(task) = self.task.as_mut() else { return Poll::Ready(None) };
        let ended = std::task::ready!(Pin::new(task).poll(cx));
        self.task = None;
        match ended {
            Ok(()) => Poll::Ready(None),
            Err(_) => Poll::Ready(Some(Err(Error::internal("the query ended unexpectedly")))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
