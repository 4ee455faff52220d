//! Running a query through DataFusion: lower it, optimize it once, stream its rows.
//!
//! Planning's first half happens where the statement is; everything after it on the query threads. The rows come
//! through a short channel, so a slow reader stops the query and a reader that goes away ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt};
use storage::{ColumnType, ReadView};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::environment::WAITING_BATCHES;
pub use super::environment::{QueryEnvironment, QueryOptions};
use super::failure::failure;
use super::lower::Lowering;
use super::{Batch, RowStream, Rows};
use crate::error::{Error, Result};
use crate::function::EvalContext;
use crate::plan::relation::{Column, Query, Relation};

/// A query ready for the optimizer, and what its result's columns hold.
pub(crate) struct Lowered {
    pub(crate) plan: LogicalPlan,
    pub(crate) types: Arc<[ColumnType]>,
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

pub(crate) fn lowered(
    relation: &Relation,
    columns: &[Column],
    context: &EvalContext,
    view: ReadView,
    environment: &QueryEnvironment,
) -> Result<Lowered> {
    let mut lowering = Lowering::new(context, view, environment);
    let plan = lowering.query(relation, columns)?;
    let types = columns.iter().map(|column| super::lower::column::physical(column.ty)).collect::<Result<_>>()?;
    Ok(Lowered { plan, types })
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
    let plan = environment.optimize(lowered.plan)?;
    let physical = environment.physical(&plan).await?;
    // The logical plan can be large, and the query may run for long.
    drop(plan);
    stream_into(physical, &lowered.types, environment, sender).await
}

/// Runs the operators and sends their batches until they end or nobody listens.
pub(crate) async fn stream_into(
    physical: Arc<dyn ExecutionPlan>,
    types: &Arc<[ColumnType]>,
    environment: &QueryEnvironment,
    sender: &mpsc::Sender<Result<Rows>>,
) -> Result<()> {
    let mut batches = execute_stream(physical, environment.task_context()).map_err(failure)?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(failure)?;
        if batch.num_rows() == 0 {
            continue;
        }
        if sender.send(Ok(Rows::Batch(Batch::new(batch, types.clone())))).await.is_err() {
            break;
        }
    }
    Ok(())
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
