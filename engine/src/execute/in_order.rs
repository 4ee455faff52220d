//! The parts of a plan one after the other, in their own order.
//!
//! A table's parts are ranges of its keys, so one after the other they are the table as it stands: in the order of its key,
//! or, without one, in which its rows were inserted. DataFusion's own merge takes whatever comes first. Where rows can be
//! seen in their order, this one stands in its place; the build side of a join is left as it is, since its order shows
//! nowhere. All parts run at once, each at most [`WAITING_BATCHES`] ahead of who reads it.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, replace_children_if_necessary,
};
use futures::{StreamExt, stream};

use super::failure::carried;
use crate::error::Error;

/// Batches that a part may be ahead of its reader: enough for the parts of a query that keeps few rows to run side by side.
const WAITING_BATCHES: usize = 4;

/// Puts [`InOrder`] where rows can be seen in their order.
#[derive(Debug)]
pub(super) struct KeepOrder;

impl PhysicalOptimizerRule for KeepOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            if node.name().contains("Join") || !node.children().into_iter().any(is_merge) {
                return Ok(Transformed::no(node));
            }
            let children = node.children().into_iter().map(|child| in_order(child.clone())).collect();
            replace_children_if_necessary(node, children).map(Transformed::yes)
        });
        let plan = in_order(plan.data()?);
        if plan.output_partitioning().partition_count() < 2 {
            return Ok(plan);
        }
        Ok(Arc::new(InOrder::new(&CoalescePartitionsExec::new(plan))))
    }

    fn name(&self) -> &str {
        "KeepOrder"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_merge(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.downcast_ref::<CoalescePartitionsExec>().is_some()
}

fn in_order(node: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    match node.downcast_ref::<CoalescePartitionsExec>() {
        Some(merge) => Arc::new(InOrder::new(merge)),
        None => node,
    }
}

struct InOrder {
    input: Arc<dyn ExecutionPlan>,
    /// No more rows than this are wanted.
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl InOrder {
    fn new(merge: &CoalescePartitionsExec) -> Self {
        Self { input: merge.input().clone(), fetch: merge.fetch(), properties: merge.properties().clone() }
    }
}

impl fmt::Debug for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOrder").field("fetch", &self.fetch).finish_non_exhaustive()
    }
}

impl DisplayAs for InOrder {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fetch {
            Some(fetch) => write!(f, "Parts In Order, limit={fetch}"),
            None => write!(f, "Parts In Order"),
        }
    }
}

impl ExecutionPlan for InOrder {
    fn name(&self) -> &str {
        "InOrder"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().ok_or_else(|| carried(Error::internal("a merge without its input")))?;
        let merge = CoalescePartitionsExec::new(input);
        Ok(Arc::new(Self { fetch: self.fetch, ..Self::new(&merge) }))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let parts = self.input.output_partitioning().partition_count();
        let mut running = Vec::with_capacity(parts);
        for part in 0..parts {
            let mut stream = RecordBatchReceiverStream::builder(self.input.schema(), WAITING_BATCHES);
            let (input, context, sender) = (self.input.clone(), context.clone(), stream.tx());
            stream.spawn(async move {
                let mut batches = input.execute(part, context)?;
                while let Some(batch) = batches.next().await {
                    // Nobody listens any more if this fails.
                    if sender.send(batch).await.is_err() {
                        break;
                    }
                }
                Ok(())
            });
            running.push(stream.build());
        }
        let whole = stream::iter(running).flatten();
        let Some(fetch) = self.fetch else {
            return Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), whole)));
        };
        let whole = whole.scan(fetch, |left, batch| {
            let batch = (*left > 0).then(|| batch.map(|batch| batch.slice(0, batch.num_rows().min(*left))));
            *left -= batch.as_ref().and_then(|batch| batch.as_ref().ok()).map_or(0, |batch| batch.num_rows());
            std::future::ready(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), whole)))
    }
}
