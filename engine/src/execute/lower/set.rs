//! Set operations: rows match by position, NULL matches NULL, and equality is PostgreSQL's.

use std::sync::Arc;

use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{WindowFunction as DfWindow, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr as DfExpr, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr, Union, WindowFrame,
    WindowFunctionDefinition,
};

use super::expression::{balanced, binary, same_or_both_null};
use super::relation::projected;
use super::sort_key::keyed;
use super::{Lowering, column};
use crate::error::{Error, Result};
use crate::execute::failure::failure;
use crate::expr::{Expr, SortKey};
use crate::plan::relation::{Column, Relation, SetKind};

impl Lowering<'_> {
    pub(super) fn union(
        &mut self,
        all: bool,
        columns: &[Column],
        left: &Relation,
        right: &Relation,
    ) -> Result<LogicalPlan> {
        let mut inputs = Vec::new();
        for side in [left, right] {
            let plan = self.plain_relation(side)?;
            inputs.push(renamed(plan, &side.outputs(), columns)?);
        }
        let plan = union_all(inputs)?;
        self.see(&[&plan]);
        if all { Ok(plan) } else { self.distinct_rows(plan, columns) }
    }

    /// INTERSECT and EXCEPT. With ALL, the n-th of equal rows matches the n-th of the other side.
    pub(super) fn match_rows(
        &mut self,
        kind: SetKind,
        all: bool,
        columns: &[Column],
        left: &Relation,
        right: &Relation,
    ) -> Result<LogicalPlan> {
        let left_plan = self.plain_relation(left)?;
        let mut left_plan = renamed(left_plan, &left.outputs(), columns)?;
        let others: Vec<Column> = columns.iter().map(|column| Column { var: self.fresh(), ty: column.ty }).collect();
        let right_plan = self.plain_relation(right)?;
        let mut right_plan = renamed(right_plan, &right.outputs(), &others)?;
        let mut conditions = Vec::with_capacity(columns.len() + 1);
        for (column, other) in columns.iter().zip(&others) {
            let sides = [column, other].map(|side| keyed(column::reference(side.var), side.ty));
            let [left, right] = sides;
            conditions.push(same_or_both_null(left?, right?, column.ty)?);
        }
        if all {
            let numbers = [column::name(self.fresh()), column::name(self.fresh())];
            left_plan = self.numbered(left_plan, columns, &[], &numbers[0])?;
            right_plan = self.numbered(right_plan, &others, &[], &numbers[1])?;
            let [left, right] = numbers.map(column::named);
            conditions.push(binary(left, Operator::Eq, right));
        } else {
            left_plan = self.distinct_rows(left_plan, columns)?;
        }
        if conditions.is_empty() {
            // Rows without columns are all the same.
            conditions.push(super::expression::boolean(true));
        }
        let join = if kind == SetKind::Intersect { JoinType::LeftSemi } else { JoinType::LeftAnti };
        let joined = LogicalPlanBuilder::from(left_plan)
            .join_on(right_plan, join, balanced(conditions, DfExpr::and))
            .and_then(LogicalPlanBuilder::build)
            .map_err(failure)?;
        projected(joined, columns.iter().map(|column| column::reference(column.var)).collect())
    }

    /// Adds a column that numbers the rows among those with equal values of `partition`, in the given order.
    pub(super) fn numbered(
        &self,
        plan: LogicalPlan,
        partition: &[Column],
        order: &[SortExpr],
        name: &str,
    ) -> Result<LogicalPlan> {
        let partition = partition
            .iter()
            .map(|column| keyed(column::reference(column.var), column.ty))
            .collect::<Result<Vec<_>>>()?;
        let number = ranking(WindowFunctionDefinition::WindowUDF(row_number_udwf()), partition, order.to_vec());
        LogicalPlanBuilder::from(plan).window([number.alias(name)]).and_then(LogicalPlanBuilder::build).map_err(failure)
    }

    /// DISTINCT ON: the first row of each group, in the order of the input, which stays.
    pub(super) fn distinct_on(&mut self, input: &Relation, on: &[Expr]) -> Result<LogicalPlan> {
        let keys: &[SortKey] = match input {
            Relation::Sort { keys, .. } => keys,
            _ => &[],
        };
        let unsorted = match input {
            Relation::Sort { input, .. } => input.as_ref(),
            other => other,
        };
        let columns: Vec<DfExpr> = unsorted.outputs().iter().map(|column| column::reference(column.var)).collect();
        let plan = self.relation(unsorted)?;
        let order = self.sort_keys(keys)?;
        let partition = on.iter().map(|expr| self.key(expr)).collect::<Result<Vec<_>>>()?;
        let name = column::name(self.fresh());
        let number = ranking(WindowFunctionDefinition::WindowUDF(row_number_udwf()), partition, order.clone());
        let plan = LogicalPlanBuilder::from(plan)
            .window([number.alias(name.clone())])
            .and_then(|plan| plan.filter(binary(column::named(name), Operator::Eq, unsigned(1))))
            .and_then(|plan| if order.is_empty() { Ok(plan) } else { plan.sort(order) })
            .and_then(|plan| plan.project(columns))
            .and_then(LogicalPlanBuilder::build);
        plan.map_err(failure)
    }
}

/// A ranking function over partitions in an order.
pub(super) fn ranking(
    function: WindowFunctionDefinition,
    partition_by: Vec<DfExpr>,
    order_by: Vec<SortExpr>,
) -> DfExpr {
    let window_frame = WindowFrame::new((!order_by.is_empty()).then_some(false));
    DfExpr::WindowFunction(Box::new(DfWindow {
        fun: function,
        params: WindowFunctionParams {
            args: Vec::new(),
            partition_by,
            order_by,
            window_frame,
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }))
}

/// DataFusion counts rows with unsigned numbers.
pub(super) fn unsigned(value: u64) -> DfExpr {
    DfExpr::Literal(datafusion::common::ScalarValue::UInt64(Some(value)), None)
}

/// The plan's columns `from` under the numbers of `to`.
pub(super) fn renamed(plan: LogicalPlan, from: &[Column], to: &[Column]) -> Result<LogicalPlan> {
    if from.len() != to.len() {
        return Err(Error::internal("the sides of a set operation differ in width"));
    }
    let mut columns = Vec::with_capacity(to.len());
    for (from, to) in from.iter().zip(to) {
        let value =
            super::expression::cast(column::reference(from.var), column::arrow_of(from.ty)?, column::arrow_of(to.ty)?);
        columns.push(value.alias(column::name(to.var)));
    }
    projected(plan, columns)
}

pub(super) fn union_all(mut plans: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    if plans.len() == 1 {
        return Ok(plans.swap_remove(0));
    }
    let inputs = plans.into_iter().map(Arc::new).collect();
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs).map_err(failure)?))
}
