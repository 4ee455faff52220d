//! A correction of DataFusion's plans: what an operator takes as known of the values of its input.
//!
//! Operators know which columns hold one value only and which expressions are equal, and leave them out of sorts. Twice
//! that goes wrong:
//! - A column that holds one value in the side of an outer join that is filled up with NULLs holds two above the join, and
//!   what is equal in it may differ. It is still taken for constant and equal, and rows of a group that do not stand
//!   together become several groups.
//! - A window looks for its partition's expressions in the order of its input, and does not find one again that the sort
//!   beneath it names by another name.
//!
//! So these inputs are handed on with nothing said about their values, nor about their order, which is told in terms of
//! those: a sort that the operator above asks for must not be moved beneath, where it would be left out again.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result as DfResult, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, replace_children_if_necessary,
};

use super::failure::carried;
use crate::error::Error;

/// Puts [`ForgetValuesExec`] where the knowledge would mislead.
#[derive(Debug)]
pub(super) struct ForgetValues;

impl PhysicalOptimizerRule for ForgetValues {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            let misled = misled_by(&node);
            if misled.is_empty() {
                return Ok(Transformed::no(node));
            }
            let children = node.children().into_iter().zip(misled);
            let children = children.map(|(child, &is_misleading)| match is_misleading && knows_values(child) {
                true => Arc::new(ForgetValuesExec::new(child.clone())) as _,
                false => child.clone(),
            });
            replace_children_if_necessary(node.clone(), children.collect()).map(Transformed::yes)
        });
        plan.data()
    }

    fn name(&self) -> &str {
        "ForgetValues"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// For each input of a node, whether what is known of its values misleads; empty if none does.
fn misled_by(node: &Arc<dyn ExecutionPlan>) -> &'static [bool] {
    let join_type = if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        *join.join_type()
    } else if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
        *join.join_type()
    } else if let Some(join) = node.downcast_ref::<SortMergeJoinExec>() {
        join.join_type()
    } else if node.downcast_ref::<WindowAggExec>().is_some() || node.downcast_ref::<BoundedWindowAggExec>().is_some() {
        return &[true];
    } else {
        return &[];
    };
    match join_type {
        JoinType::Left => &[false, true],
        JoinType::Right => &[true, false],
        JoinType::Full => &[true, true],
        _ => &[],
    }
}

fn knows_values(node: &Arc<dyn ExecutionPlan>) -> bool {
    !node.equivalence_properties().eq_group().is_empty()
}

struct ForgetValuesExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl ForgetValuesExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties =
            PlanProperties::clone(input.properties()).with_eq_properties(EquivalenceProperties::new(input.schema()));
        Self { input, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for ForgetValuesExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForgetValuesExec")
    }
}

impl DisplayAs for ForgetValuesExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForgetValuesExec")
    }
}

impl ExecutionPlan for ForgetValuesExec {
    fn name(&self) -> &str {
        "ForgetValuesExec"
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

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input =
            children.into_iter().next().ok_or_else(|| carried(Error::internal("an operator without its input")))?;
        Ok(Arc::new(Self::new(input)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _arguments: &StatisticsArgs,
    ) -> DfResult<Arc<Statistics>> {
        let input = inputs.first().ok_or_else(|| carried(Error::internal("an operator without its input")))?;
        Ok(input.clone())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
