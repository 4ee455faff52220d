//! Window functions: DataFusion's, with PostgreSQL's result types and frames.

use datafusion::common::ScalarValue;
use datafusion::functions_window::cume_dist::cume_dist_udwf;
use datafusion::functions_window::lead_lag::{lag_udwf, lead_udwf};
use datafusion::functions_window::nth_value::{first_value_udwf, last_value_udwf, nth_value_udwf};
use datafusion::functions_window::ntile::ntile_udwf;
use datafusion::functions_window::rank::{dense_rank_udwf, percent_rank_udwf, rank_udwf};
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{WindowFunction as DfWindow, WindowFunctionParams};
use datafusion::logical_expr::{
    AggregateUDF, Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, SortExpr, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowFunctionDefinition, WindowUDF,
};
use std::sync::Arc;
use storage::Value;

use super::aggregate::shape::Shape;
use super::expression::cast;
use super::framed::{Answer, Extent, framed, only_grows, place_of};
use super::range_frame::{RangeFrame, Reach};
use super::relation::projected;
use super::{Lowering, column};
use crate::error::{Error, Result, SqlState};
use crate::execute::failure::failure;
use crate::expr::{AggregateCall, Exclusion, Expr, Frame, FrameBound, FrameUnit, WindowCall};
use crate::function::WindowFunction;
use crate::plan::relation::{Column, Relation};
use crate::types::builtin;

/// What is common to all functions of one call.
struct Over {
    partition_by: Vec<DfExpr>,
    order_by: Vec<SortExpr>,
    frame: WindowFrame,
    filter: Option<Box<DfExpr>>,
    exclusion: Exclusion,
    extent: Extent,
    /// The key that a frame by distance goes by.
    key: Option<DfExpr>,
}

impl Over {
    /// Whether an aggregate is computed afresh for each frame.
    fn recomputes(&self, function: &AggregateUDF) -> bool {
        self.is_ours() || (!self.frame.start_bound.is_unbounded() && only_grows(function))
    }

    /// Whether DataFusion cannot take the frame.
    fn is_ours(&self) -> bool {
        self.exclusion != Exclusion::None || self.extent != Extent::Given
    }

    /// A function over a frame of ours.
    fn framed(&self, answer: Answer, mut args: Vec<DfExpr>, filter: Option<DfExpr>) -> DfExpr {
        let function = framed(answer, self.exclusion, filter.is_some(), self.extent.clone());
        args.extend(filter);
        args.extend(self.key.clone());
        self.call(WindowFunctionDefinition::WindowUDF(function), args, None)
    }

    fn call(&self, fun: WindowFunctionDefinition, args: Vec<DfExpr>, filter: Option<Box<DfExpr>>) -> DfExpr {
        DfExpr::WindowFunction(Box::new(DfWindow {
            fun,
            params: WindowFunctionParams {
                args,
                partition_by: self.partition_by.clone(),
                order_by: self.order_by.clone(),
                window_frame: self.frame.clone(),
                filter,
                null_treatment: None,
                distinct: false,
            },
        }))
    }
}

impl Lowering<'_> {
    pub(super) fn window(&mut self, input: &Relation, calls: &[(Column, WindowCall)]) -> Result<LogicalPlan> {
        let plan = self.relation(input)?;
        let mut results: Vec<DfExpr> = input.outputs().iter().map(|column| column::reference(column.var)).collect();
        let mut functions = Vec::with_capacity(calls.len());
        for (column, call) in calls {
            results.push(self.window_call(*column, call, &mut functions)?);
        }
        projected(one_sort_each(plan, functions)?, results)
    }

    /// Adds the functions that a call is made of and returns what becomes of their results, under the column's name.
    fn window_call(&mut self, column: Column, call: &WindowCall, functions: &mut Vec<DfExpr>) -> Result<DfExpr> {
        let filter = match &call.filter {
            Some(filter) => Some(Box::new(self.condition(filter)?)),
            None => None,
        };
        let mut over = Over {
            partition_by: call.partition_by.iter().map(|expr| self.key(expr)).collect::<Result<_>>()?,
            order_by: self.sort_keys(&call.order_by)?,
            frame: WindowFrame::new(None),
            filter,
            exclusion: call.frame.exclusion,
            extent: self.extent(call)?,
            key: None,
        };
        match &over.extent {
            Extent::Given => over.frame = self.frame(call)?,
            Extent::Keys(_) => over.key = call.order_by.first().map(|key| self.expr(&key.expr)).transpose()?,
            Extent::Nothing => {}
        }
        let name = column::name(column.var);
        let mut add = |lowering: &mut Self, function: DfExpr| {
            // What stands there twice is computed once: DataFusion loses the second of two that are the same.
            let known = functions.iter().find_map(|known| match known {
                DfExpr::Alias(alias) if *alias.expr == function => Some(alias.name.clone()),
                _ => None,
            });
            if let Some(known) = known {
                return column::named(known);
            }
            let part = column::name(lowering.fresh());
            functions.push(function.alias(part.clone()));
            column::named(part)
        };
        if let WindowFunction::Aggregate(function) = call.function {
            let aggregate = AggregateCall {
                function,
                args: call.args.clone(),
                distinct: false,
                filter: None,
                order_by: Vec::new(),
            };
            let shape: Shape = self.shape(&aggregate, &[])?;
            let mut parts = Vec::with_capacity(shape.parts.len());
            for part in &shape.parts {
                let DfExpr::AggregateFunction(part) = part.clone().unalias() else {
                    return Err(Error::internal("a window aggregate is not an aggregate"));
                };
                let (function, args) = (part.func, part.params.args);
                let windowed = if over.recomputes(&function) {
                    over.framed(Answer::Aggregate(function), args, over.filter.as_deref().cloned())
                } else {
                    over.call(WindowFunctionDefinition::AggregateUDF(function), args, over.filter.clone())
                };
                parts.push(add(self, windowed));
            }
            return Ok(shape.finished(parts).alias(name));
        }
        if matches!(call.function, WindowFunction::Ntile) && self.integer_argument(call, 0, "ntile")?.is_none() {
            return Ok(column::literal(&Value::Null, column.ty)?.alias(name));
        }
        if let Some((answer, args)) = self.answer(call, &over)? {
            let result = add(self, over.framed(answer, args, None));
            return Ok(result.alias(name));
        }
        let (function, args) = self.window_function(call)?;
        let result = add(self, over.call(WindowFunctionDefinition::WindowUDF(function), args, over.filter.clone()));
        // DataFusion ranks with unsigned numbers.
        let unsigned = matches!(
            call.function,
            WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank | WindowFunction::Ntile
        );
        let from = if unsigned { datafusion::arrow::datatypes::DataType::UInt64 } else { column::arrow_of(column.ty)? };
        Ok(cast(result, from, column::arrow_of(column.ty)?).alias(name))
    }

    /// What a function answers whose frame, or whose other arguments, DataFusion cannot take; and its arguments.
    fn answer(&self, call: &WindowCall, over: &Over) -> Result<Option<(Answer, Vec<DfExpr>)>> {
        let varies = |position: usize| {
            call.args.get(position).is_some_and(|arg| self.constant(arg).map_or(true, |value| value.is_null()))
        };
        Ok(match call.function {
            WindowFunction::Lag | WindowFunction::Lead if varies(1) || call.args.len() > 2 && varies(2) => {
                let lead = matches!(call.function, WindowFunction::Lead);
                Some((Answer::Away { lead }, self.exprs(&call.args)?))
            }
            WindowFunction::FirstValue if over.is_ours() => Some((Answer::Nth(0), self.exprs(&call.args)?)),
            WindowFunction::LastValue if over.is_ours() => Some((Answer::Last, self.exprs(&call.args)?)),
            WindowFunction::NthValue if over.is_ours() || varies(1) => {
                Some((Answer::NthByRow, self.exprs(&call.args)?))
            }
            _ => None,
        })
    }

    fn window_function(&self, call: &WindowCall) -> Result<(Arc<WindowUDF>, Vec<DfExpr>)> {
        Ok(match call.function {
            WindowFunction::RowNumber => (row_number_udwf(), Vec::new()),
            WindowFunction::Rank => (rank_udwf(), Vec::new()),
            WindowFunction::DenseRank => (dense_rank_udwf(), Vec::new()),
            WindowFunction::PercentRank => (percent_rank_udwf(), Vec::new()),
            WindowFunction::CumeDist => (cume_dist_udwf(), Vec::new()),
            WindowFunction::Ntile => {
                let buckets = self.integer_argument(call, 0, "ntile")?.unwrap_or(1);
                if buckets <= 0 {
                    return Err(Error::new(SqlState("22014"), "argument of ntile must be greater than zero"));
                }
                (ntile_udwf(), vec![column::int8(buckets)])
            }
            WindowFunction::Lag | WindowFunction::Lead => {
                let offset = match call.args.len() {
                    0 | 1 => 1,
                    _ => self.integer_argument(call, 1, "lag or lead")?.unwrap_or_default(),
                };
                let mut args = vec![self.expr(&call.args[0])?, column::int8(offset)];
                if let Some(default) = call.args.get(2) {
                    args.push(column::literal(&self.constant(default)?, call.args[0].ty)?);
                }
                (if matches!(call.function, WindowFunction::Lag) { lag_udwf() } else { lead_udwf() }, args)
            }
            WindowFunction::FirstValue => (first_value_udwf(), self.exprs(&call.args)?),
            WindowFunction::LastValue => (last_value_udwf(), self.exprs(&call.args)?),
            WindowFunction::NthValue => {
                let nth = self.integer_argument(call, 1, "nth_value")?.unwrap_or_default();
                place_of(nth)?;
                (nth_value_udwf(), vec![self.expr(&call.args[0])?, column::int8(nth)])
            }
            WindowFunction::Aggregate(_) => return Err(Error::internal("an aggregate is not a window function")),
        })
    }

    fn integer_argument(&self, call: &WindowCall, position: usize, function: &str) -> Result<Option<i64>> {
        let arg = call.args.get(position).ok_or_else(|| Error::internal("a window function without its argument"))?;
        match self
            .constant(arg)
            .map_err(|_| Error::unsupported(format!("an argument of {function} that is not constant")))?
        {
            Value::Null => Ok(None),
            Value::Int2(value) => Ok(Some(i64::from(value))),
            Value::Int4(value) => Ok(Some(i64::from(value))),
            Value::Int8(value) => Ok(Some(value)),
            _ => Err(Error::internal("a window function's argument is not an integer")),
        }
    }

    fn frame(&self, call: &WindowCall) -> Result<WindowFrame> {
        let Frame { unit, start, end, exclusion } = &call.frame;
        let units = match unit {
            FrameUnit::Rows => WindowFrameUnits::Rows,
            FrameUnit::Range => WindowFrameUnits::Range,
            FrameUnit::Groups => WindowFrameUnits::Groups,
        };
        // Without an order all rows are peers.
        if call.order_by.is_empty() && *unit == FrameUnit::Range && *exclusion == Exclusion::None {
            return Ok(WindowFrame::new(None));
        }
        let start = self.bound(start, true)?;
        let end = self.bound(end, false)?;
        let frame = WindowFrame::new_bounds(units, start, end);
        Ok(frame)
    }

    fn bound(&self, bound: &FrameBound, start: bool) -> Result<WindowFrameBound> {
        let none = ScalarValue::UInt64(None);
        Ok(match bound {
            FrameBound::UnboundedPreceding => WindowFrameBound::Preceding(none),
            FrameBound::UnboundedFollowing => WindowFrameBound::Following(none),
            FrameBound::CurrentRow => WindowFrameBound::CurrentRow,
            FrameBound::Preceding(offset) => {
                WindowFrameBound::Preceding(ScalarValue::UInt64(Some(self.rows_away(offset, start)?)))
            }
            FrameBound::Following(offset) => {
                WindowFrameBound::Following(ScalarValue::UInt64(Some(self.rows_away(offset, start)?)))
            }
        })
    }

    /// 22004 for NULL.
    fn frame_offset(&self, offset: &Expr, start: bool) -> Result<Value> {
        let value = self.constant(offset).map_err(|_| Error::unsupported("a frame offset that is not constant"))?;
        if value.is_null() {
            let which = if start { "starting" } else { "ending" };
            return Err(Error::new(SqlState("22004"), format!("frame {which} offset must not be null")));
        }
        Ok(value)
    }

    /// A number of rows or groups.
    fn rows_away(&self, offset: &Expr, start: bool) -> Result<u64> {
        let Value::Int8(rows) = self.frame_offset(offset, start)? else {
            return Err(Error::internal("a frame offset is not an integer"));
        };
        u64::try_from(rows).map_err(|_| {
            let which = if start { "starting" } else { "ending" };
            Error::new(SqlState("22013"), format!("frame {which} offset must not be negative"))
        })
    }

    /// How the frame is to be found.
    fn extent(&self, call: &WindowCall) -> Result<Extent> {
        use FrameBound as B;
        let Frame { unit, start, end, exclusion: _ } = &call.frame;
        if *unit == FrameUnit::Range
            && [start, end].iter().any(|bound| matches!(bound, B::Preceding(_) | B::Following(_)))
        {
            let [key] = call.order_by.as_slice() else {
                return Err(Error::new(
                    SqlState::WINDOWING_ERROR,
                    "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
                ));
            };
            let frame = RangeFrame {
                start: self.reach(start, true)?,
                end: self.reach(end, false)?,
                descending: key.descending,
                key: builtin::base_of(key.expr.ty.oid),
                context: self.context.clone(),
            };
            frame.check()?;
            return Ok(Extent::Keys(Box::new(frame)));
        }
        let backwards = match (start, end) {
            (B::Following(from), B::Following(to)) => self.rows_away(from, true)? > self.rows_away(to, false)?,
            (B::Preceding(from), B::Preceding(to)) => self.rows_away(from, true)? < self.rows_away(to, false)?,
            _ => false,
        };
        Ok(if backwards { Extent::Nothing } else { Extent::Given })
    }

    fn reach(&self, bound: &FrameBound, start: bool) -> Result<Reach> {
        Ok(match bound {
            FrameBound::UnboundedPreceding | FrameBound::UnboundedFollowing => Reach::Unbounded,
            FrameBound::CurrentRow => Reach::Current,
            FrameBound::Preceding(offset) => Reach::Preceding(self.frame_offset(offset, start)?),
            FrameBound::Following(offset) => Reach::Following(self.frame_offset(offset, start)?),
        })
    }
}

/// What window functions may share: their partitions and their order.
type Sorting = (Vec<DfExpr>, Vec<SortExpr>);

/// One node for all functions over the same partitions and order: it sorts once.
fn one_sort_each(mut plan: LogicalPlan, functions: Vec<DfExpr>) -> Result<LogicalPlan> {
    let mut nodes: Vec<(Sorting, Vec<DfExpr>)> = Vec::new();
    for function in functions {
        let DfExpr::WindowFunction(call) = function.clone().unalias() else {
            return Err(Error::internal("a window function is not one"));
        };
        let sorted = (call.params.partition_by, call.params.order_by);
        match nodes.iter_mut().find(|(known, _)| *known == sorted) {
            Some((_, functions)) => functions.push(function),
            None => nodes.push((sorted, vec![function])),
        }
    }
    for (_, functions) in nodes {
        plan = LogicalPlanBuilder::from(plan).window(functions).and_then(LogicalPlanBuilder::build).map_err(failure)?;
    }
    Ok(plan)
}
