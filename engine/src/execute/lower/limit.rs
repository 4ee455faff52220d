//! LIMIT, OFFSET and FETCH FIRST ... WITH TIES.

use std::sync::Arc;

use datafusion::functions_window::rank::rank_udwf;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::{
    Expr as DfExpr, Limit, LogicalPlan, LogicalPlanBuilder, Operator, WindowFunctionDefinition,
};
use storage::Value;

use super::expression::binary;
use super::set::{ranking, unsigned};
use super::{Lowering, column, walk};
use crate::error::{Error, Result, SqlState};
use crate::execute::failure::failure;
use crate::expr::{Expr, ExprKind};
use crate::plan::relation::Relation;

impl Lowering<'_> {
    pub(super) fn limit(
        &mut self,
        input: &Relation,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        with_ties: bool,
    ) -> Result<LogicalPlan> {
        let fetch = self.row_count(limit, SqlState::INVALID_ROW_COUNT_IN_LIMIT, "LIMIT")?;
        let skip = self.row_count(offset, SqlState::INVALID_ROW_COUNT_IN_OFFSET, "OFFSET")?.unwrap_or(0);
        if let (true, Some(fetch), Relation::Sort { .. }) = (with_ties, fetch, input) {
            return self.limit_with_ties(input, fetch, skip);
        }
        let input = self.relation(input)?;
        if fetch.is_none() && skip == 0 {
            return Ok(input);
        }
        let constant = |rows: i64| Box::new(column::int8(rows));
        Ok(LogicalPlan::Limit(Limit {
            skip: (skip > 0).then(|| constant(skip)),
            fetch: fetch.map(constant),
            input: Arc::new(input),
        }))
    }

    /// None: no limit, which is also what NULL says.
    pub(super) fn row_count(&self, expr: Option<&Expr>, state: SqlState, clause: &'static str) -> Result<Option<i64>> {
        let Some(expr) = expr else { return Ok(None) };
        if walk::any(expr, &|part| {
            matches!(part.kind, ExprKind::Column(_) | ExprKind::OuterColumn { .. } | ExprKind::Subquery(_))
        }) {
            return Err(Error::unsupported(format!("a subquery in {clause}")));
        }
        let rows = match self.constant(expr)? {
            Value::Null => return Ok(None),
            Value::Int2(rows) => i64::from(rows),
            Value::Int4(rows) => i64::from(rows),
            Value::Int8(rows) => rows,
            _ => return Err(Error::internal("a row count is not an integer")),
        };
        if rows < 0 {
            return Err(Error::new(state, format!("{clause} must not be negative")));
        }
        Ok(Some(rows))
    }

    /// Rows up to the limit and those that rank with the last of them.
    fn limit_with_ties(&mut self, input: &Relation, fetch: i64, skip: i64) -> Result<LogicalPlan> {
        let Relation::Sort { input: unsorted, keys } = input else {
            return Err(Error::internal("WITH TIES without ORDER BY"));
        };
        let columns: Vec<DfExpr> = unsorted.outputs().iter().map(|column| column::reference(column.var)).collect();
        let plan = self.relation(unsorted)?;
        let order = self.sort_keys(keys)?;
        let (rank, number) = (column::name(self.fresh()), column::name(self.fresh()));
        let last = u64::try_from(skip.saturating_add(fetch)).unwrap_or(u64::MAX);
        let first = u64::try_from(skip).unwrap_or(u64::MAX);
        let ranks = [
            ranking(WindowFunctionDefinition::WindowUDF(rank_udwf()), Vec::new(), order.clone()).alias(rank.clone()),
            ranking(WindowFunctionDefinition::WindowUDF(row_number_udwf()), Vec::new(), order.clone())
                .alias(number.clone()),
        ];
        let kept = if fetch == 0 {
            super::expression::boolean(false)
        } else {
            binary(column::named(rank), Operator::LtEq, unsigned(last)).and(binary(
                column::named(number),
                Operator::Gt,
                unsigned(first),
            ))
        };
        LogicalPlanBuilder::from(plan)
            .window(ranks)
            .and_then(|plan| plan.filter(kept))
            .and_then(|plan| if order.is_empty() { Ok(plan) } else { plan.sort(order) })
            .and_then(|plan| plan.project(columns))
            .and_then(LogicalPlanBuilder::build)
            .map_err(failure)
    }
}
