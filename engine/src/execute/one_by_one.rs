//! Rows that are each computed by themselves, one after the other.
//!
//! The rows of VALUES, and of queries without FROM that UNION ALL puts together, reach DataFusion as a union of one-row parts, which
//! it runs side by side. Where such a row calls `nextval` or another function that remembers, the order in which rows are computed can be
//! seen; PostgreSQL computes them as they are written. One row is no work to share out, so these parts always run in turn.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::failure::carried;
use crate::error::Error;

/// Puts [`OneByOne`] above unions of single rows.
#[derive(Debug)]
pub(super) struct RowsInTurn;

impl PhysicalOptimizerRule for RowsInTurn {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let of_rows = node.downcast_ref::<UnionExec>().is_some() && node.children().into_iter().all(is_one_row);
            Ok(if of_rows { Transformed::yes(Arc::new(OneByOne::new(node)) as _) } else { Transformed::no(node) })
        })
        .data()
    }

    fn name(&self) -> &str {
        "RowsInTurn"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a part reads nothing but the one row that there is without FROM, or is made of such parts itself.
fn is_one_row(node: &Arc<dyn ExecutionPlan>) -> bool {
    if node.downcast_ref::<PlaceholderRowExec>().is_some() || node.downcast_ref::<OneByOne>().is_some() {
        return true;
    }
    matches!(node.children().as_slice(), [only] if is_one_row(only))
}

#[derive(Debug)]
struct OneByOne {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl OneByOne {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        // What holds of the parts merged holds of them in turn.
        let properties = CoalescePartitionsExec::new(input.clone()).properties().clone();
        Self { input, properties }
    }
}

impl DisplayAs for OneByOne {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows In Turn")
    }
}

impl ExecutionPlan for OneByOne {
    fn name(&self) -> &str {
        "OneByOne"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// Parts of the input are asked for here one by one: nothing is to be put between.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().ok_or_else(|| carried(Error::internal("rows without their input")))?;
        Ok(Arc::new(Self::new(input)))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let (input, schema) = (self.input.clone(), self.schema());
        // A part begins when the one before it is at its end.
        let parts = stream::iter(0..input.output_partitioning().partition_count());
        let rows = parts.map(move |part| input.execute(part, context.clone())).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
