//! Which of DataFusion's aggregates a call is made of, and what is done with their results.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::bit_and_or_xor::{bit_and_udaf, bit_or_udaf, bit_xor_udaf};
use datafusion::functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction as DfAggregate;
use datafusion::logical_expr::{AggregateUDF, Expr as DfExpr, ScalarUDF};
use storage::{ColumnType, Value};

use super::super::expression::cast;
use super::super::fixed::Fixed;
use super::super::sort_key::{Key, key_of, keyed};
use super::super::{Lowering, column};
use super::collect::{Collect, Collected};
use super::finish::{Finish, Moment};
use super::fixed_sum::fixed_sum;
use super::float_regression::regression;
use super::float_sum::float_sum;
use super::float_variance::float_variance;
use super::interval_sum::interval_sum;
use super::numeric_sum::numeric_sum;
use super::packed::{PackFunction, Packing};
use super::single_value::any_of;
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, SortKey};
use crate::function::AggregateKind;
use crate::function::resolve::{is_row, json_form, key_form};
use crate::types::{Type, builtin, oid};

/// Wide enough for the sum of 2^63 eight-byte integers; DataFusion adds ten digits for the sum.
const WIDE_INTEGER: DataType = DataType::Decimal128(28, 0);

/// An aggregate call as DataFusion computes it.
pub(crate) struct Shape {
    /// Aggregate calls, not named yet.
    pub(crate) parts: Vec<DfExpr>,
    finish: Option<Arc<ScalarUDF>>,
    /// The groups that GROUPING names, if that is the call.
    pub(crate) grouping: Option<Vec<usize>>,
}

impl Shape {
    fn plain(part: DfExpr) -> Self {
        Self { parts: vec![part], finish: None, grouping: None }
    }

    fn finished_by(parts: Vec<DfExpr>, finish: impl datafusion::logical_expr::ScalarUDFImpl + 'static) -> Self {
        Self { parts, finish: Some(Arc::new(ScalarUDF::new_from_impl(finish))), grouping: None }
    }

    /// The call's result, from the columns that hold the parts' results.
    pub(crate) fn finished(&self, mut parts: Vec<DfExpr>) -> DfExpr {
        if let Some(finish) = &self.finish {
            return finish.call(parts);
        }
        parts.pop().unwrap_or_else(|| DfExpr::Literal(ScalarValue::Null, None))
    }
}

/// A call's clauses, common to all its parts.
struct Clauses {
    distinct: bool,
    filter: Option<Box<DfExpr>>,
}

impl Clauses {
    fn apply(&self, function: Arc<AggregateUDF>, args: Vec<DfExpr>) -> DfExpr {
        DfExpr::AggregateFunction(DfAggregate::new_udf(
            function,
            args,
            self.distinct,
            self.filter.clone(),
            Vec::new(),
            None,
        ))
    }

    /// For functions to which DISTINCT makes no difference.
    fn apply_once(&self, function: Arc<AggregateUDF>, args: Vec<DfExpr>) -> DfExpr {
        DfExpr::AggregateFunction(DfAggregate::new_udf(function, args, false, self.filter.clone(), Vec::new(), None))
    }
}

impl Lowering<'_> {
    /// `order`: the order of the input, for calls that depend on order and say none.
    pub(crate) fn shape(&self, call: &AggregateCall, order: &[SortKey]) -> Result<Shape> {
        let filter = match &call.filter {
            Some(filter) => Some(Box::new(self.condition(filter)?)),
            None => None,
        };
        let clauses = Clauses { distinct: call.distinct, filter };
        let is_first = std::ptr::eq(call.function, &super::FIRST_VALUE);
        if !is_first && let Some(shape) = self.fixed_shape(call, &clauses)? {
            return Ok(shape);
        }
        let args = self.exprs(&call.args)?;
        let types: Vec<Type> = call.args.iter().map(|arg| arg.ty).collect();
        if is_first {
            let ty = column::arrow_of(first(&types)?)?;
            return Ok(Shape::plain(clauses.apply_once(any_of(&ty), args)));
        }
        match call.function.kind {
            AggregateKind::Grouping => {
                let groups = call.args.iter().filter_map(|arg| match arg.as_const() {
                    Some(Value::Int4(number)) => usize::try_from(*number).ok(),
                    _ => None,
                });
                Ok(Shape { parts: Vec::new(), finish: None, grouping: Some(groups.collect()) })
            }
            AggregateKind::CountStar => Ok(Shape::plain(clauses.apply_once(count_udaf(), vec![column::int8(1)]))),
            AggregateKind::Count => {
                let counted = match (call.distinct, args.into_iter().next()) {
                    (true, Some(arg)) => keyed(arg, first(&types)?)?,
                    (false, Some(arg)) => arg,
                    (_, None) => column::int8(1),
                };
                Ok(Shape::plain(clauses.apply(count_udaf(), vec![counted])))
            }
            AggregateKind::Sum => sum(&clauses, one(args)?, first(&types)?),
            AggregateKind::Avg => average(&clauses, one(args)?, first(&types)?),
            AggregateKind::Min => extreme(&clauses, false, one(args)?, first(&types)?),
            AggregateKind::Max => extreme(&clauses, true, one(args)?, first(&types)?),
            AggregateKind::BoolAnd => Ok(Shape::plain(clauses.apply_once(bool_and_udaf(), args))),
            AggregateKind::BoolOr => Ok(Shape::plain(clauses.apply_once(bool_or_udaf(), args))),
            AggregateKind::BitAnd => Ok(Shape::plain(clauses.apply_once(bit_and_udaf(), args))),
            AggregateKind::Regression(asked) => {
                if call.distinct {
                    return Err(Error::unsupported("DISTINCT in a statistical aggregate"));
                }
                Ok(Shape::plain(clauses.apply_once(regression(asked), args)))
            }
            AggregateKind::BitXor => Ok(Shape::plain(clauses.apply(bit_xor_udaf(), args))),
            AggregateKind::BitOr => Ok(Shape::plain(clauses.apply_once(bit_or_udaf(), args))),
            AggregateKind::StringAgg
            | AggregateKind::ArrayAgg
            | AggregateKind::JsonArrayAgg { .. }
            | AggregateKind::JsonObjectAgg { .. }
            | AggregateKind::Ranges(_) => self.collected(call, &clauses, args, &types, order),
            AggregateKind::StddevSamp => {
                variance(&clauses, Moment { sample: true, root: true }, one(args)?, first(&types)?)
            }
            AggregateKind::StddevPop => {
                variance(&clauses, Moment { sample: false, root: true }, one(args)?, first(&types)?)
            }
            AggregateKind::VarSamp => {
                variance(&clauses, Moment { sample: true, root: false }, one(args)?, first(&types)?)
            }
            AggregateKind::VarPop => {
                variance(&clauses, Moment { sample: false, root: false }, one(args)?, first(&types)?)
            }
        }
    }

    /// The common aggregates over decimals.
    fn fixed_shape(&self, call: &AggregateCall, clauses: &Clauses) -> Result<Option<Shape>> {
        use AggregateKind as K;
        if !matches!(call.function.kind, K::Sum | K::Avg | K::Min | K::Max | K::Count) {
            return Ok(None);
        }
        let [arg] = call.args.as_slice() else { return Ok(None) };
        let Some(arg) = self.fixed_argument(arg)? else { return Ok(None) };
        Ok(match call.function.kind {
            K::Count => Some(Shape::plain(clauses.apply(count_udaf(), vec![arg.expr]))),
            K::Min | K::Max if arg.shown.is_none() => {
                let function = if call.function.kind == K::Max { max_udaf() } else { min_udaf() };
                Some(Shape::plain(clauses.apply_once(function, vec![arg.expr])))
            }
            K::Sum if !clauses.distinct => Some(Shape::plain(self.fixed_sum(clauses, &arg))),
            K::Avg if !clauses.distinct => {
                let finish = match arg.shown {
                    None => Finish::FixedAverage,
                    Some(_) => Finish::NumericAverage,
                };
                let count = clauses.apply(count_udaf(), vec![arg.expr.clone()]);
                Some(Shape::finished_by(vec![self.fixed_sum(clauses, &arg), count], finish))
            }
            _ => None,
        })
    }

    fn fixed_sum(&self, clauses: &Clauses, arg: &Fixed) -> DfExpr {
        if arg.may_outgrow_sums() {
            self.may_outgrow.set(true);
        }
        let args = std::iter::once(arg.expr.clone()).chain(arg.shown.clone()).collect();
        clauses.apply_once(fixed_sum(arg.scale, arg.shown.is_some()), args)
    }

    /// array_agg, string_agg and those that make JSON: values, then the keys they are ordered by.
    fn collected(
        &self,
        call: &AggregateCall,
        clauses: &Clauses,
        mut args: Vec<DfExpr>,
        types: &[Type],
        order: &[SortKey],
    ) -> Result<Shape> {
        let distinct_key = match args.first() {
            Some(arg) if call.distinct => Some(keyed(arg.clone(), first(types)?)?),
            _ => None,
        };
        let result = match call.function.kind {
            AggregateKind::JsonArrayAgg { document } => {
                let structured = call.args.iter().any(|arg| is_row(arg) || is_structured(arg.ty));
                args = call.args.iter().map(|arg| self.expr(&json_form(arg.clone()))).collect::<Result<_>>()?;
                Collected::JsonArray { document, structured }
            }
            AggregateKind::JsonObjectAgg { document } => {
                if call.distinct {
                    return Err(Error::unsupported("DISTINCT in an aggregate of keys and values"));
                }
                let [key, value] = call.args.as_slice() else {
                    return Err(Error::internal("an aggregate of keys and values without them"));
                };
                args = vec![self.expr(&key_form(key.clone()))?, self.expr(&json_form(value.clone()))?];
                Collected::JsonObject { document }
            }
            AggregateKind::Ranges(join) => Collected::Ranges(join),
            AggregateKind::StringAgg => Collected::Joined(column::physical(first(types)?)?),
            _ => {
                let ty = first(types)?;
                let nested = builtin::info(ty.oid).is_some_and(|info| info.is_array());
                Collected::Array { element: column::physical(ty)?, nested }
            }
        };
        let values = args.len();
        let own_order = !call.order_by.is_empty();
        let mut directions = Vec::new();
        if let Some(key) = distinct_key {
            // The first value decides what is distinct; without an ORDER BY, PostgreSQL answers in its order.
            args.push(key);
            directions.push((false, false));
        }
        for key in if own_order {
            &call.order_by
        } else if call.distinct {
            &[]
        } else {
            order
        } {
            args.push(self.key(&key.expr)?);
            directions.push((key.descending, key.nulls_first));
        }
        if call.distinct && own_order {
            // An ORDER BY of a DISTINCT aggregate names its arguments only, so it can go first.
            let distinct_key = args.remove(values);
            args.push(distinct_key);
            directions.rotate_left(1);
        }
        let collect = Collect::new(result, values, call.distinct, directions);
        Ok(Shape::plain(clauses.apply_once(Arc::new(AggregateUDF::new_from_impl(collect)), args)))
    }
}

fn sum(clauses: &Clauses, arg: DfExpr, ty: Type) -> Result<Shape> {
    let arrow = column::arrow_of(ty)?;
    Ok(match column::physical(ty)? {
        ColumnType::Int2 | ColumnType::Int4 => {
            Shape::plain(clauses.apply(sum_udaf(), vec![cast(arg, arrow, DataType::Int64)]))
        }
        ColumnType::Int8 => {
            let finish = if builtin::base_of(ty.oid) == oid::MONEY { Finish::Money } else { Finish::Numeric };
            Shape::finished_by(vec![wide_sum(clauses, arg, arrow)], finish)
        }
        ColumnType::Numeric => Shape::plain(clauses.apply(numeric_sum(), vec![arg])),
        ColumnType::Float4 | ColumnType::Float8 => {
            Shape::plain(clauses.apply(float_sum(&arrow), vec![keyed(arg, ty)?]))
        }
        ColumnType::Interval => Shape::plain(clauses.apply(interval_sum(false), vec![arg])),
        _ => return Err(Error::unsupported("this aggregate over this type")),
    })
}

fn wide_sum(clauses: &Clauses, arg: DfExpr, arrow: DataType) -> DfExpr {
    clauses.apply(sum_udaf(), vec![cast(arg, arrow, WIDE_INTEGER)])
}

fn average(clauses: &Clauses, arg: DfExpr, ty: Type) -> Result<Shape> {
    let arrow = column::arrow_of(ty)?;
    let count = |value: DfExpr| -> Result<DfExpr> {
        let counted = if clauses.distinct { keyed(value, ty)? } else { value };
        Ok(clauses.apply(count_udaf(), vec![counted]))
    };
    Ok(match column::physical(ty)? {
        ColumnType::Int2 | ColumnType::Int4 | ColumnType::Int8 => {
            Shape::finished_by(vec![wide_sum(clauses, arg.clone(), arrow), count(arg)?], Finish::IntegerAverage)
        }
        ColumnType::Numeric => Shape::finished_by(
            vec![clauses.apply(numeric_sum(), vec![arg.clone()]), count(arg)?],
            Finish::NumericAverage,
        ),
        ColumnType::Float4 | ColumnType::Float8 => {
            let value = cast(keyed(arg.clone(), ty)?, arrow, DataType::Float64);
            let sum = clauses.apply(float_sum(&DataType::Float64), vec![value]);
            Shape::finished_by(vec![sum, count(arg)?], Finish::FloatAverage)
        }
        ColumnType::Interval => Shape::plain(clauses.apply(interval_sum(true), vec![arg])),
        _ => return Err(Error::unsupported("this aggregate over this type")),
    })
}

/// Values whose order is not Arrow's are packed into bytes that sort as they should, and unpacked afterwards.
fn extreme(clauses: &Clauses, greatest: bool, arg: DfExpr, ty: Type) -> Result<Shape> {
    let function = if greatest { max_udaf() } else { min_udaf() };
    let packing = match key_of(ty)? {
        None => return Ok(Shape::plain(clauses.apply_once(function, vec![arg]))),
        Some(Key::Float4) => Packing::Float4,
        Some(Key::Float8) => Packing::Float8,
        Some(Key::Numeric) => Packing::Numeric,
        Some(Key::Padded) => Packing::Padded,
        Some(Key::Interval) => Packing::Interval,
        Some(Key::Jsonb) => return Err(Error::unsupported("min or max of jsonb")),
        Some(Key::Range) => return Err(Error::unsupported("min or max of ranges")),
        Some(Key::Packed(ty)) => Packing::Keyed(ty),
    };
    let packed = ScalarUDF::new_from_impl(PackFunction::pack(packing.clone())).call(vec![arg]);
    Ok(Shape::finished_by(vec![clauses.apply_once(function, vec![packed])], PackFunction::unpack(packing)))
}

fn variance(clauses: &Clauses, moment: Moment, arg: DfExpr, ty: Type) -> Result<Shape> {
    let arrow = column::arrow_of(ty)?;
    let physical = column::physical(ty)?;
    if matches!(physical, ColumnType::Float4 | ColumnType::Float8) {
        if clauses.distinct {
            return Err(Error::unsupported("DISTINCT in a statistical aggregate"));
        }
        return Ok(Shape::plain(clauses.apply_once(float_variance(moment), vec![cast(arg, arrow, DataType::Float64)])));
    }
    if clauses.distinct {
        return Err(Error::unsupported("DISTINCT in a statistical aggregate"));
    }
    let numeric = match physical {
        ColumnType::Int2 | ColumnType::Int4 | ColumnType::Int8 => {
            ScalarUDF::new_from_impl(Finish::Numeric).call(vec![cast(arg, arrow, WIDE_INTEGER)])
        }
        ColumnType::Numeric => arg,
        _ => return Err(Error::unsupported("this aggregate over this type")),
    };
    let square = ScalarUDF::new_from_impl(Finish::Square).call(vec![numeric.clone()]);
    let parts = vec![
        clauses.apply_once(numeric_sum(), vec![numeric.clone()]),
        clauses.apply_once(numeric_sum(), vec![square]),
        clauses.apply_once(count_udaf(), vec![numeric]),
    ];
    Ok(Shape::finished_by(parts, Finish::Variance(moment)))
}

/// Whether values of the type have parts.
fn is_structured(ty: Type) -> bool {
    let ty = builtin::base_of(ty.oid);
    builtin::element_of(ty).is_some() || ty == crate::types::oid::RECORD || builtin::is_composite(ty)
}

fn one(args: Vec<DfExpr>) -> Result<DfExpr> {
    args.into_iter().next().ok_or_else(|| Error::internal("an aggregate without its argument"))
}

fn first(types: &[Type]) -> Result<Type> {
    types.first().copied().ok_or_else(|| Error::internal("an aggregate without its argument"))
}
