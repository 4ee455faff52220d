//! Conditions that rows must satisfy.
//!
//! DataFusion moves conditions towards the tables. One that calls a volatile function must see the rows that stand before
//! it: neither those that DISTINCT, a group or a join has yet to bring together, nor fewer.

use std::sync::Arc;

use datafusion::logical_expr::{Limit, LogicalPlan, LogicalPlanBuilder};

use super::{Lowering, column, walk};
use crate::error::Result;
use crate::execute::failure::failure;
use crate::expr::{Expr, ExprKind};
use crate::plan::relation::{Relation, SetKind};

impl Lowering<'_> {
    pub(super) fn filter(&mut self, input: &Relation, predicate: &Expr) -> Result<LogicalPlan> {
        if !walk::calls_volatile(predicate) {
            return self.plain_filter(input, predicate);
        }
        let mut conditions = Vec::new();
        walk::conjuncts(predicate.clone(), &mut conditions);
        let (held, mut free): (Vec<Expr>, Vec<Expr>) = conditions
            .into_iter()
            .partition(|condition| walk::calls_volatile(condition) && !may_sink(input, names_columns(condition)));
        if held.is_empty() {
            return self.plain_filter(input, predicate);
        }
        let plan = match free.len() {
            0 => self.relation(input)?,
            1 => self.plain_filter(input, &free.swap_remove(0))?,
            _ => self.plain_filter(input, &Expr::new(ExprKind::And(free), predicate.ty))?,
        };
        // Nothing moves past a limit, though it limits nothing.
        let fetch = Some(Box::new(column::int8(i64::MAX)));
        let plan = LogicalPlan::Limit(Limit { skip: None, fetch, input: Arc::new(plan) });
        let held = self.condition(&Expr::new(ExprKind::And(held), predicate.ty))?;
        LogicalPlanBuilder::from(plan).filter(held).and_then(LogicalPlanBuilder::build).map_err(failure)
    }

    fn plain_filter(&mut self, input: &Relation, predicate: &Expr) -> Result<LogicalPlan> {
        let input = match input {
            Relation::Scan(scan) => {
                let plan = self.scan(scan, Some(predicate))?;
                self.see(&[&plan]);
                plan
            }
            other => self.relation(other)?,
        };
        let predicate = self.condition(predicate)?;
        LogicalPlanBuilder::from(input).filter(predicate).and_then(LogicalPlanBuilder::build).map_err(failure)
    }
}

fn names_columns(condition: &Expr) -> bool {
    walk::any(condition, &|part| matches!(part.kind, ExprKind::Column(_) | ExprKind::OuterColumn { .. }))
}

/// Whether a volatile condition on the relation's rows is asked as often, wherever beneath it DataFusion puts it.
fn may_sink(relation: &Relation, names_columns: bool) -> bool {
    match relation {
        Relation::OneRow
        | Relation::Scan(_)
        | Relation::Values { .. }
        | Relation::Function { .. }
        | Relation::Limit { .. }
        | Relation::Written { .. }
        | Relation::WorkingTable { .. } => true,
        Relation::Filter { input, .. } | Relation::Sort { input, .. } => may_sink(input, names_columns),
        Relation::Project { input, columns } => {
            !columns.iter().any(|(_, expr)| walk::calls_volatile(expr)) && may_sink(input, names_columns)
        }
        // One that names columns belongs to the side that has them, as in PostgreSQL.
        Relation::Join { left, right, .. } => {
            names_columns && may_sink(left, names_columns) && may_sink(right, names_columns)
        }
        // PostgreSQL asks it of the rows of both sides, too.
        Relation::SetOperation { kind: SetKind::Union, left, right, .. } => {
            may_sink(left, names_columns) && may_sink(right, names_columns)
        }
        Relation::Shared { plan, .. } => may_sink(plan, names_columns),
        Relation::ProjectSet { .. }
        | Relation::Aggregate { .. }
        | Relation::Window { .. }
        | Relation::Distinct { .. }
        | Relation::SetOperation { .. }
        | Relation::Recursive { .. } => false,
    }
}
