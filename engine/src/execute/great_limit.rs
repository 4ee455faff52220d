//! A correction of DataFusion's plans: limits so great that nothing is gained by them.
//!
//! An aggregate under an ORDER BY with a LIMIT keeps no more groups than the limit, and asks for the memory of all of them
//! at once, however few there are. A sort with a limit keeps its rows in memory, where one without spills. So aggregates
//! are told of small limits only, and sorts not of one that limits nothing.

use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;

/// Of more groups the memory is not asked for ahead.
const GROUPS_AHEAD_MAX: usize = 10_000;

/// A rule that tells aggregates of limits, where they are small.
#[derive(Debug)]
pub(super) struct SmallLimits(pub(super) Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for SmallLimits {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let mut is_great = false;
        plan.apply(|node| {
            let fetch = node.downcast_ref::<SortExec>().and_then(ExecutionPlan::fetch);
            is_great |= fetch.is_some_and(|fetch| fetch > GROUPS_AHEAD_MAX);
            Ok(if is_great { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if is_great { Ok(plan) } else { self.0.optimize(plan, config) }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Takes limits that limit nothing from sorts.
#[derive(Debug)]
pub(super) struct NoGreatLimits;

impl PhysicalOptimizerRule for NoGreatLimits {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| match node.downcast_ref::<SortExec>() {
            Some(sort) if sort.fetch().is_some_and(|fetch| fetch >= i64::MAX as usize) => {
                Ok(Transformed::yes(Arc::new(sort.with_fetch(None)) as _))
            }
            _ => Ok(Transformed::no(node)),
        });
        plan.data()
    }

    fn name(&self) -> &str {
        "NoGreatLimits"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
