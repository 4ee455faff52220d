//! Aggregates: groups under PostgreSQL's equality, aggregate functions with PostgreSQL's types and results.
//!
//! A call becomes one or more of DataFusion's aggregates (`parts`) and an expression over their results (`finish`):
//! avg(int4) is a sum in a wide decimal, a count and a division at the end, so that what is hot runs in DataFusion's own
//! vectorized accumulators. What DataFusion lacks, or computes otherwise than PostgreSQL, has a file
//! here.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::functions_aggregate::min_max::min_udaf;
use datafusion::logical_expr::expr::{AggregateFunction as DfAggregate, Case};
use datafusion::logical_expr::{
    Aggregate, Expr as DfExpr, GroupingSet, LogicalPlan, LogicalPlanBuilder, Projection, Union,
};

use super::sort_key::{Key, key_of, keyed};
use super::{Lowering, column};
use crate::error::Result;
use crate::execute::failure::failure;
use crate::expr::{AggregateCall, Expr};
use crate::function::{AggregateFunction, AggregateKind};
use crate::plan::relation::{Column, Relation};

mod collect;
mod finish;
mod fixed_sum;
mod float_regression;
mod float_sum;
mod float_variance;
mod interval_sum;
mod numeric_sum;
mod packed;
pub(super) mod shape;
mod single_value;
mod sliding;

use shape::Shape;
pub(super) use single_value::{FIRST_VALUE, ONLY_ROW};

/// One group key: what is grouped by, and what gives back a value of the group.
struct GroupKey {
    column: Column,
    /// The grouped expression, under the name below.
    grouped: DfExpr,
    name: String,
    /// None: the grouped value is the value.
    representative: Option<DfExpr>,
}

impl Lowering<'_> {
    pub(super) fn aggregate(
        &mut self,
        input: &Relation,
        groups: &[(Column, Expr)],
        sets: Option<&[Vec<usize>]>,
        aggregates: &[(Column, AggregateCall)],
    ) -> Result<LogicalPlan> {
        // An aggregate that depends on order and says none takes that of its input.
        let takes_order = aggregates.iter().any(|(_, call)| {
            let by_order = matches!(
                call.function.kind,
                AggregateKind::ArrayAgg
                    | AggregateKind::StringAgg
                    | AggregateKind::JsonArrayAgg { .. }
                    | AggregateKind::JsonObjectAgg { .. }
            );
            call.order_by.is_empty() && by_order
        });
        let (plan, order) = if takes_order {
            let (input, order) = self.ordered(input.clone());
            (self.relation(&input)?, order)
        } else {
            (self.relation(input)?, Vec::new())
        };
        let mut shapes = Vec::with_capacity(aggregates.len());
        for (column, call) in aggregates {
            let shape = self.shape(call, &order)?;
            shapes.push((*column, shape));
        }
        let mut values = Vec::with_capacity(groups.len());
        for (column, expr) in groups {
            // The rows of several sets are put together, so all have our own form.
            let (value, plain) = match sets {
                None => self.as_grouped(*column, expr)?,
                Some(_) => (self.expr(expr)?, false),
            };
            values.push((*column, value, plain));
        }
        match sets {
            None => self.grouped(plan, values, shapes),
            Some(sets) => self.grouping_sets(plan, values, sets, shapes),
        }
    }

    /// Rows with equal values of the columns become one.
    pub(super) fn distinct_rows(&mut self, plan: LogicalPlan, columns: &[Column]) -> Result<LogicalPlan> {
        let plain = |column: &Column| self.fixed_columns.contains_key(&column.var) || self.padded.contains(&column.var);
        let values = columns.iter().map(|column| (*column, column::reference(column.var), plain(column))).collect();
        self.grouped(plan, values, Vec::new())
    }

    /// What is grouped by, and whether Arrow's equality of it is PostgreSQL's whatever the type.
    fn as_grouped(&mut self, column: Column, expr: &Expr) -> Result<(DfExpr, bool)> {
        let (value, fixed) = self.in_either_form(expr)?;
        Ok((value, self.is_padded(column, expr) || fixed))
    }

    /// `plain`: Arrow's equality of these values is PostgreSQL's, whatever the type.
    fn group_key(&mut self, column: Column, value: DfExpr, plain: bool) -> Result<GroupKey> {
        let Some(key) = key_of(column.ty)?.filter(|_| !plain) else {
            // A name of its own. Under that of a column of the input, DataFusion takes what it knows to be distinct there
            // for distinct among these groups too, joins with other rows in between or not.
            let name = column::name(self.fresh());
            return Ok(GroupKey { column, grouped: value.alias(name.clone()), name, representative: None });
        };
        let name = column::name(self.fresh());
        let grouped = keyed(value.clone(), column.ty)?.alias(name.clone());
        let representative = match key {
            // The key of a float is the float, but for the sign of zero.
            Key::Float4 | Key::Float8 => None,
            Key::Numeric | Key::Padded => Some(call(min_udaf(), vec![value])),
            Key::Interval | Key::Jsonb | Key::Range | Key::Packed(_) => {
                Some(call(single_value::any_of(&column::arrow_of(column.ty)?), vec![value]))
            }
        };
        Ok(GroupKey { column, grouped, name, representative })
    }

    fn grouped(
        &mut self,
        plan: LogicalPlan,
        groups: Vec<(Column, DfExpr, bool)>,
        shapes: Vec<(Column, Shape)>,
    ) -> Result<LogicalPlan> {
        let keys = groups
            .into_iter()
            .map(|(column, value, plain)| self.group_key(column, value, plain))
            .collect::<Result<Vec<_>>>()?;
        let grouped = keys.iter().map(|key| key.grouped.clone()).collect();
        self.aggregated(plan, grouped, &keys, &shapes, &|_| true)
    }

    /// The aggregate itself, and a projection that makes values of keys and results of parts.
    fn aggregated(
        &mut self,
        plan: LogicalPlan,
        grouped: Vec<DfExpr>,
        keys: &[GroupKey],
        shapes: &[(Column, Shape)],
        present: &dyn Fn(usize) -> bool,
    ) -> Result<LogicalPlan> {
        let (mut results, mut aggregates) = (Vec::new(), Vec::new());
        for (position, key) in keys.iter().enumerate() {
            let name = column::name(key.column.var);
            if !present(position) {
                results.push(column::literal(&storage::Value::Null, key.column.ty)?.alias(name));
                continue;
            }
            let grouped = column::named(key.name.clone());
            results.push(match &key.representative {
                None if key.name == name => grouped,
                None => grouped.alias(name),
                Some(representative) => {
                    let chosen = column::name(self.fresh());
                    aggregates.push(representative.clone().alias(chosen.clone()));
                    // A grouping set without this key has NULL here.
                    let absent = Box::new(DfExpr::IsNotNull(Box::new(grouped)));
                    DfExpr::Case(Case::new(None, vec![(absent, Box::new(column::named(chosen)))], None)).alias(name)
                }
            });
        }
        for (column, shape) in shapes {
            if let Some(groups) = &shape.grouping {
                // A bit for each group, the last argument's the lowest.
                let absent = groups.iter().fold(0, |bits, group| bits << 1 | i32::from(!present(*group)));
                let value = column::literal(&storage::Value::Int4(absent), column.ty)?;
                results.push(value.alias(column::name(column.var)));
                continue;
            }
            let mut parts = Vec::with_capacity(shape.parts.len());
            for part in &shape.parts {
                // An average and a sum of the same need one sum.
                let known = aggregates.iter().find_map(|known| match known {
                    DfExpr::Alias(known) if *known.expr == *part => Some(known.name.clone()),
                    _ => None,
                });
                let name = known.unwrap_or_else(|| {
                    let name = column::name(self.fresh());
                    aggregates.push(part.clone().alias(name.clone()));
                    name
                });
                parts.push(column::named(name));
            }
            results.push(shape.finished(parts).alias(column::name(column.var)));
        }
        if grouped.is_empty() && aggregates.is_empty() {
            // GROUP BY () without an aggregate: one row, whatever the input.
            return LogicalPlanBuilder::empty(true)
                .project(results)
                .and_then(LogicalPlanBuilder::build)
                .map_err(failure);
        }
        let one_row = grouped.is_empty();
        let aggregate = Aggregate::try_new(Arc::new(plan), grouped, aggregates).map_err(failure)?;
        let mut aggregate = LogicalPlan::Aggregate(aggregate);
        if one_row {
            // DataFusion would move a filter that names no column below the aggregate, which answers a row even so.
            aggregate = LogicalPlanBuilder::from(aggregate)
                .limit(0, Some(1))
                .and_then(LogicalPlanBuilder::build)
                .map_err(failure)?;
        }
        let aggregate = Arc::new(aggregate);
        Ok(LogicalPlan::Projection(Projection::try_new(results, aggregate).map_err(failure)?))
    }

    /// Sets that differ run in one aggregation; the empty set, which answers a row even for no input, and repeated sets
    /// run by themselves.
    fn grouping_sets(
        &mut self,
        plan: LogicalPlan,
        groups: Vec<(Column, DfExpr, bool)>,
        sets: &[Vec<usize>],
        shapes: Vec<(Column, Shape)>,
    ) -> Result<LogicalPlan> {
        let keys = groups
            .into_iter()
            .map(|(column, value, plain)| self.group_key(column, value, plain))
            .collect::<Result<Vec<_>>>()?;
        // GROUPING tells the sets apart, so each has a plan of its own.
        let tells_sets = shapes.iter().any(|(_, shape)| shape.grouping.is_some());
        let (mut seen, mut together, mut alone) = (HashSet::new(), Vec::new(), Vec::new());
        for set in sets {
            let mut set = set.clone();
            set.sort_unstable();
            set.dedup();
            let apart = tells_sets || set.is_empty() || !seen.insert(set.clone());
            if apart { alone.push(set) } else { together.push(set) }
        }
        let mut answers = Vec::with_capacity(alone.len() + 1);
        if together.len() == 1 {
            alone.append(&mut together);
        }
        if !together.is_empty() {
            // The sets name columns, so what is grouped by is computed first, beside the input's columns.
            let mut columns: Vec<DfExpr> = plan.schema().columns().into_iter().map(DfExpr::Column).collect();
            let mut names = Vec::with_capacity(keys.len());
            for key in &keys {
                let name = column::name(self.fresh());
                columns.push(key.grouped.clone().unalias().alias(name.clone()));
                names.push(name);
            }
            let input = LogicalPlanBuilder::from(plan.clone())
                .project(columns)
                .and_then(LogicalPlanBuilder::build)
                .map_err(failure)?;
            let expressions = together
                .iter()
                .map(|set| set.iter().map(|&position| column::named(names[position].clone())).collect())
                .collect();
            let grouped = vec![DfExpr::GroupingSet(GroupingSet::GroupingSets(expressions))];
            let used: HashSet<usize> = together.iter().flatten().copied().collect();
            let keys: Vec<GroupKey> = keys
                .iter()
                .zip(&names)
                .map(|(key, name)| GroupKey {
                    column: key.column,
                    grouped: key.grouped.clone(),
                    name: name.clone(),
                    representative: key.representative.clone(),
                })
                .collect();
            answers.push(self.aggregated(input, grouped, &keys, &shapes, &|position| used.contains(&position))?);
        }
        for set in alone {
            let grouped = set.iter().map(|&position| keys[position].grouped.clone()).collect();
            answers.push(self.aggregated(plan.clone(), grouped, &keys, &shapes, &|position| set.contains(&position))?);
        }
        if answers.len() == 1 {
            return Ok(answers.swap_remove(0));
        }
        let answers = answers.into_iter().map(Arc::new).collect();
        Ok(LogicalPlan::Union(Union::try_new_with_loose_types(answers).map_err(failure)?))
    }
}

/// A call without any clause.
pub(super) fn call(function: Arc<datafusion::logical_expr::AggregateUDF>, args: Vec<DfExpr>) -> DfExpr {
    DfExpr::AggregateFunction(DfAggregate::new_udf(function, args, false, None, Vec::new(), None))
}

/// `count(*)`, for plans that lowering makes up.
pub(super) static COUNT_ROWS: AggregateFunction = AggregateFunction {
    oid: 2803,
    name: "count",
    args: &[],
    returns: crate::types::oid::INT8,
    kind: AggregateKind::CountStar,
};

/// `count(x)`, likewise.
pub(super) static COUNT_VALUES: AggregateFunction = AggregateFunction {
    oid: 2147,
    name: "count",
    args: &[crate::types::oid::ANY],
    returns: crate::types::oid::INT8,
    kind: AggregateKind::Count,
};

/// `bool_or(x)`, likewise.
pub(super) static ANY_TRUE: AggregateFunction = AggregateFunction {
    oid: 2518,
    name: "bool_or",
    args: &[crate::types::oid::BOOL],
    returns: crate::types::oid::BOOL,
    kind: AggregateKind::BoolOr,
};

/// `array_agg(x)`, likewise.
pub(super) static ALL_VALUES: AggregateFunction = AggregateFunction {
    oid: 2335,
    name: "array_agg",
    args: &[crate::types::oid::ANYELEMENT],
    returns: crate::types::oid::ANYARRAY,
    kind: AggregateKind::ArrayAgg,
};
