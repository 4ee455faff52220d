//! Sums of floats, added one after the other in the type's own precision, as PostgreSQL does: Arrow's kernels add in
//! lanes, which rounds differently, and never report an overflow.

use std::collections::HashSet;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::sliding::Sliding;
use crate::error::{Error, SqlState};
use crate::execute::failure::carried;

/// The sum of a float4 or float8 column.
pub(super) fn float_sum(ty: &DataType) -> Arc<AggregateUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    let narrow = *ty == DataType::Float32;
    Arc::new(AggregateUDF::new_from_impl(FloatSum { narrow, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatSum {
    /// float4, else float8.
    narrow: bool,
    signature: Signature,
}

/// What both widths can do.
trait Float: ArrowPrimitiveType + Debug + Send + Sync {
    fn plus(left: Self::Native, right: Self::Native) -> DfResult<Self::Native>;
    fn bits(value: Self::Native) -> u64;
}

impl Float for Float32Type {
    fn plus(left: f32, right: f32) -> DfResult<f32> {
        let sum = left + right;
        if sum.is_infinite() && left.is_finite() && right.is_finite() { Err(overflow()) } else { Ok(sum) }
    }

    fn bits(value: f32) -> u64 {
        u64::from((value + 0.0).to_bits())
    }
}

impl Float for Float64Type {
    fn plus(left: f64, right: f64) -> DfResult<f64> {
        let sum = left + right;
        if sum.is_infinite() && left.is_finite() && right.is_finite() { Err(overflow()) } else { Ok(sum) }
    }

    fn bits(value: f64) -> u64 {
        (value + 0.0).to_bits()
    }
}

fn overflow() -> datafusion::error::DataFusionError {
    carried(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow"))
}

impl FloatSum {
    fn single(narrow: bool) -> Box<dyn Accumulator> {
        if narrow { Box::new(Sum::<Float32Type>::new()) } else { Box::new(Sum::<Float64Type>::new()) }
    }
}

impl AggregateUDFImpl for FloatSum {
    fn name(&self) -> &str {
        "float_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(if self.narrow { DataType::Float32 } else { DataType::Float64 })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let value = if self.narrow { DataType::Float32 } else { DataType::Float64 };
        let ty = if args.is_distinct { DataType::List(Field::new("item", value, true).into()) } else { value };
        Ok(vec![Field::new(format!("{}[sum]", args.name), ty, true).into()])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(match (args.is_distinct, self.narrow) {
            (false, narrow) => Self::single(narrow),
            (true, true) => Box::new(DistinctSum::<Float32Type>::default()),
            (true, false) => Box::new(DistinctSum::<Float64Type>::default()),
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if args.is_distinct {
            return self.accumulator(args);
        }
        let narrow = self.narrow;
        Ok(Box::new(Sliding::new(move || Ok(Self::single(narrow)))))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        Ok(if self.narrow { Box::new(Sums::<Float32Type>::new()) } else { Box::new(Sums::<Float64Type>::new()) })
    }
}

/// The sum of one group.
#[derive(Debug)]
struct Sum<T: Float> {
    sum: Option<T::Native>,
}

impl<T: Float> Sum<T> {
    fn new() -> Self {
        Self { sum: None }
    }
}

fn added<T: Float>(sum: Option<T::Native>, value: T::Native) -> DfResult<Option<T::Native>> {
    Ok(Some(match sum {
        Some(sum) => T::plus(sum, value)?,
        None => value,
    }))
}

fn scalar<T: Float>(value: Option<T::Native>) -> DfResult<ScalarValue> {
    ScalarValue::try_from_array(&PrimitiveArray::<T>::from_iter([value]), 0)
}

impl<T: Float> Accumulator for Sum<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        for value in values[0].as_primitive::<T>().iter().flatten() {
            self.sum = added::<T>(self.sum, value)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        scalar::<T>(self.sum)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        self.update_batch(states)
    }
}

/// The sum of one group's different values, in the order they came.
#[derive(Debug)]
struct DistinctSum<T: Float> {
    seen: HashSet<u64>,
    values: Vec<T::Native>,
}

impl<T: Float> Default for DistinctSum<T> {
    fn default() -> Self {
        Self { seen: HashSet::new(), values: Vec::new() }
    }
}

impl<T: Float> DistinctSum<T> {
    fn take(&mut self, values: &PrimitiveArray<T>) {
        for value in values.iter().flatten() {
            if self.seen.insert(T::bits(value)) {
                self.values.push(value);
            }
        }
    }
}

impl<T: Float> Accumulator for DistinctSum<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.take(values[0].as_primitive::<T>());
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        scalar::<T>(self.values.iter().try_fold(None, |sum, &value| added::<T>(sum, value))?)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<u64>() + self.values.capacity() * size_of::<T::Native>()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let values = self.values.iter().map(|&value| scalar::<T>(Some(value))).collect::<DfResult<Vec<_>>>()?;
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &T::DATA_TYPE))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        states[0].as_list::<i32>().iter().flatten().for_each(|values| self.take(values.as_primitive::<T>()));
        Ok(())
    }
}

/// The sums of many groups.
#[derive(Debug)]
struct Sums<T: Float> {
    sums: Vec<Option<T::Native>>,
    width: PhantomData<T>,
}

impl<T: Float> Sums<T> {
    fn new() -> Self {
        Self { sums: Vec::new(), width: PhantomData }
    }
}

impl<T: Float> GroupsAccumulator for Sums<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> DfResult<()> {
        self.sums.resize(total_groups, None);
        let values = values[0].as_primitive::<T>();
        for (row, &group) in groups.iter().enumerate() {
            let kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if kept && values.is_valid(row) {
                self.sums[group] = added::<T>(self.sums[group], values.value(row))?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        Ok(Arc::new(PrimitiveArray::<T>::from_iter(emit_to.take_needed(&mut self.sums))))
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total_groups: usize) -> DfResult<()> {
        self.update_batch(values, groups, None, total_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        let Some(filter) = filter else { return Ok(vec![values[0].clone()]) };
        let dropped: BooleanArray = filter.iter().map(|kept| Some(kept != Some(true))).collect();
        Ok(vec![nullif(&values[0], &dropped)?])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Option<T::Native>>()
    }
}
