//! The order of inner joins, and what is joined before them: a rule for DataFusion's optimizer, which itself joins tables in
//! the order in which a query names them.
//!
//! 1. [`Tree`] takes a tree of inner joins apart into what is joined, the *leaves*, and the conditions.
//! 2. Again and again the two parts are joined that make the fewest rows ([`estimate`] says how many that may be; the
//!    method is known as greedy operator ordering). The smaller one stands on the left, where a hash join builds its table.
//! 3. A semijoin or antijoin above the tree that asks for columns of one leaf only goes down to it, if that has fewer rows
//!    than what the joins make of it.
//!
//! An inner join answers the same rows in any order, and conditions are applied as soon as their columns are there.

mod estimate;
#[cfg(test)]
mod tests;
mod tree;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{JoinType, Result as DfResult};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use tree::Tree;

/// Puts inner joins in an order that makes few rows.
#[derive(Debug)]
pub(super) struct OrderJoins;

impl OptimizerRule for OrderJoins {
    fn name(&self) -> &str {
        "order_joins"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        let ordered = order(plan.clone())?;
        Ok(if ordered == plan { Transformed::no(plan) } else { Transformed::yes(ordered) })
    }
}

/// The plan with all its joins in order.
fn order(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    use datafusion::common::tree_node::TreeNode;
    if !is_tree(&plan) {
        return Ok(plan.map_children(|child| Ok(Transformed::yes(order(child)?)))?.data);
    }
    match Tree::of(&plan)? {
        Some(tree) => tree.ordered(order),
        None => Ok(plan.map_children(|child| Ok(Transformed::yes(order(child)?)))?.data),
    }
}

/// Whether a tree of joins may begin here.
fn is_tree(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Join(join)
        if matches!(join.join_type, JoinType::Inner | JoinType::LeftSemi | JoinType::LeftAnti))
}
