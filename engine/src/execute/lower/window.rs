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
use storage::{ColumnType, Value};

use super::aggregate::shape::Shape;
use super::expression::cast;
use super::framed::{Answer, framed, only_grows};
use super::relation::projected;
use super::sort_key::key_of;
use super::{Lowering, column};
use crate::error::{Error, Result, SqlState};
use crate::execute::failure::failure;
use crate::expr::{AggregateCall, Exclusion, Expr, Frame, FrameBound, FrameUnit, WindowCall};
use crate::function::WindowFunction;
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, oid};

/// What is common to all functions of one call.
struct Over {
    partition_by: Vec<DfExpr>,
    order_by: Vec<SortExpr>,
    frame: WindowFrame,
    filter: Option<Box<DfExpr>>,
    exclusion: Exclusion,
}

impl Over {
    /// Whether an aggregate is computed afresh for each frame.
    fn recomputes(&self, function: &AggregateUDF) -> bool {
        self.exclusion != Exclusion::None || (!self.frame.start_bound.is_unbounded() && only_grows(function))
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
        let over = Over {
            partition_by: call.partition_by.iter().map(|expr| self.key(expr)).collect::<Result<_>>()?,
            order_by: self.sort_keys(&call.order_by)?,
            frame: self.frame(call)?,
            filter,
            exclusion: call.frame.exclusion,
        };
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
                let (function, mut args) = (part.func, part.params.args);
                let windowed = if over.recomputes(&function) {
                    args.extend(over.filter.as_deref().cloned());
                    let function = framed(Answer::Aggregate(function), over.exclusion, over.filter.is_some());
                    over.call(WindowFunctionDefinition::WindowUDF(function), args, None)
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

    fn window_function(&self, call: &WindowCall) -> Result<(Arc<WindowUDF>, Vec<DfExpr>)> {
        let exclusion = call.frame.exclusion;
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
                    _ => self
                        .integer_argument(call, 1, "lag or lead")?
                        .ok_or_else(|| Error::unsupported("a NULL offset of lag or lead"))?,
                };
                let mut args = vec![self.expr(&call.args[0])?, column::int8(offset)];
                if let Some(default) = call.args.get(2) {
                    let value = self
                        .constant(default)
                        .map_err(|_| Error::unsupported("a default of lag or lead that is not constant"))?;
                    args.push(column::literal(&value, call.args[0].ty)?);
                }
                (if matches!(call.function, WindowFunction::Lag) { lag_udwf() } else { lead_udwf() }, args)
            }
            WindowFunction::FirstValue if exclusion != Exclusion::None => {
                (framed(Answer::Nth(0), exclusion, false), self.exprs(&call.args)?)
            }
            WindowFunction::LastValue if exclusion != Exclusion::None => {
                (framed(Answer::Last, exclusion, false), self.exprs(&call.args)?)
            }
            WindowFunction::FirstValue => (first_value_udwf(), self.exprs(&call.args)?),
            WindowFunction::LastValue => (last_value_udwf(), self.exprs(&call.args)?),
            WindowFunction::NthValue => {
                let nth = self
                    .integer_argument(call, 1, "nth_value")?
                    .ok_or_else(|| Error::unsupported("nth_value of NULL"))?;
                if nth <= 0 {
                    return Err(Error::new(SqlState("22016"), "argument of nth_value must be greater than zero"));
                }
                if exclusion != Exclusion::None {
                    let place = usize::try_from(nth - 1).unwrap_or(usize::MAX);
                    return Ok((framed(Answer::Nth(place), exclusion, false), vec![self.expr(&call.args[0])?]));
                }
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
        let start = self.bound(call, *unit, start, true)?;
        let end = self.bound(call, *unit, end, false)?;
        let frame = WindowFrame::new_bounds(units, start, end);
        Ok(frame)
    }

    fn bound(&self, call: &WindowCall, unit: FrameUnit, bound: &FrameBound, start: bool) -> Result<WindowFrameBound> {
        let none = ScalarValue::UInt64(None);
        Ok(match bound {
            FrameBound::UnboundedPreceding => WindowFrameBound::Preceding(none),
            FrameBound::UnboundedFollowing => WindowFrameBound::Following(none),
            FrameBound::CurrentRow => WindowFrameBound::CurrentRow,
            FrameBound::Preceding(offset) => WindowFrameBound::Preceding(self.frame_offset(call, unit, offset, start)?),
            FrameBound::Following(offset) => WindowFrameBound::Following(self.frame_offset(call, unit, offset, start)?),
        })
    }

    fn frame_offset(&self, call: &WindowCall, unit: FrameUnit, offset: &Expr, start: bool) -> Result<ScalarValue> {
        let which = if start { "starting" } else { "ending" };
        let value = self.constant(offset).map_err(|_| Error::unsupported("a frame offset that is not constant"))?;
        if value.is_null() {
            return Err(Error::new(SqlState("22004"), format!("frame {which} offset must not be null")));
        }
        let integer = match &value {
            Value::Int2(value) => Some(i64::from(*value)),
            Value::Int4(value) => Some(i64::from(*value)),
            Value::Int8(value) => Some(*value),
            _ => None,
        };
        if integer.is_some_and(|rows| rows < 0) {
            return Err(Error::new(SqlState("22013"), format!("frame {which} offset must not be negative")));
        }
        if unit != FrameUnit::Range {
            let rows = integer.and_then(|rows| u64::try_from(rows).ok());
            return Ok(ScalarValue::UInt64(Some(
                rows.ok_or_else(|| Error::internal("a frame offset is not an integer"))?,
            )));
        }
        let [key] = call.order_by.as_slice() else {
            return Err(Error::new(
                SqlState::WINDOWING_ERROR,
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
            ));
        };
        range_offset(&value, integer, key.expr.ty)
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

/// An offset in the order column's own type.
fn range_offset(value: &Value, integer: Option<i64>, ty: Type) -> Result<ScalarValue> {
    let range_error = || Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "frame offset out of range");
    match (column::physical(ty)?, integer) {
        (ColumnType::Int2, Some(offset)) => {
            Ok(ScalarValue::Int16(Some(i16::try_from(offset).map_err(|_| range_error())?)))
        }
        (ColumnType::Int4, Some(offset)) => {
            Ok(ScalarValue::Int32(Some(i32::try_from(offset).map_err(|_| range_error())?)))
        }
        (ColumnType::Int8, Some(offset)) => Ok(ScalarValue::Int64(Some(offset))),
        (physical @ ColumnType::Float8, None) if key_of(ty)?.is_some() && matches!(value, Value::Float8(_)) => {
            column::scalar(value, &physical)
        }
        (ColumnType::Date | ColumnType::Timestamp | ColumnType::Timestamptz, None)
            if matches!(value, Value::Interval(_)) =>
        {
            column::scalar(value, &column::physical(Type::new(oid::INTERVAL))?)
        }
        _ => Err(Error::unsupported("RANGE with an offset of this type")),
    }
}
