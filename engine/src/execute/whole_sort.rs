//! A correction of DataFusion's plans: what each part of an input sorts by before the parts are merged.
//!
//! A column that holds one value in each branch of a UNION ALL is left out of the branches' own sorts, and only the merge
//! compares it. With a LIMIT the branches share what they know of the last row that may still count, by the keys they sort
//! by, and would drop rows that the missing key puts first. So they sort by all the keys of the merge.

use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

#[derive(Debug)]
pub(super) struct WholeSort;

impl PhysicalOptimizerRule for WholeSort {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match whole(&node) {
            Some(merge) => Ok(Transformed::yes(merge)),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "WholeSort"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The merge over a sort with all of its keys, if the one beneath it lacks some and stops early.
fn whole(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let merge = node.downcast_ref::<SortPreservingMergeExec>()?;
    let sort = merge.input().downcast_ref::<SortExec>()?;
    if sort.fetch().is_none() || sort.expr().len() >= merge.expr().len() {
        return None;
    }
    let whole = SortExec::new(merge.expr().clone(), sort.input().clone())
        .with_preserve_partitioning(sort.preserve_partitioning())
        .with_fetch(sort.fetch());
    Some(Arc::new(SortPreservingMergeExec::new(merge.expr().clone(), Arc::new(whole)).with_fetch(merge.fetch())))
}
