//! Sums of numerics, for one group or for many at once.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use storage::Numeric;

use super::finish::numeric_error;
use super::sliding::Sliding;
use crate::execute::failure::carried;

pub(super) fn numeric_sum() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(NumericSum { signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NumericSum {
    signature: Signature,
}

fn add(sum: &mut Option<Numeric>, bytes: &[u8]) -> DfResult<()> {
    let value = Numeric::from_bytes(bytes).map_err(|error| carried(numeric_error(error)))?;
    *sum = Some(match sum.take() {
        Some(sum) => sum.add(&value).map_err(|error| carried(numeric_error(error)))?,
        None => value,
    });
    Ok(())
}

fn list_field() -> FieldRef {
    Field::new("item", DataType::BinaryView, true).into()
}

impl AggregateUDFImpl for NumericSum {
    fn name(&self) -> &str {
        "numeric_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::BinaryView)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let ty = if args.is_distinct { DataType::List(list_field()) } else { DataType::BinaryView };
        Ok(vec![Field::new(format!("{}[sum]", args.name), ty, true).into()])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Ok(Box::new(DistinctSum { values: HashMap::new(), bytes: 0 }));
        }
        Ok(Box::new(Sum { sum: None }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        if args.is_distinct {
            return self.accumulator(args);
        }
        Ok(Box::new(Sliding::new(|| Ok(Box::new(Sum { sum: None })))))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sums { sums: Vec::new() }))
    }
}

/// The sum of one group.
#[derive(Debug)]
struct Sum {
    sum: Option<Numeric>,
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        values[0].as_binary_view().iter().flatten().try_for_each(|bytes| add(&mut self.sum, bytes))
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        Ok(ScalarValue::BinaryView(self.sum.as_ref().map(Numeric::to_bytes)))
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

/// The sum of one group's different values, known by their sort keys.
#[derive(Debug)]
struct DistinctSum {
    values: HashMap<Box<[u8]>, Box<[u8]>>,
    bytes: usize,
}

impl DistinctSum {
    fn take(&mut self, values: &BinaryViewArray) {
        for bytes in values.iter().flatten() {
            let key = Numeric::sort_key(bytes);
            if !self.values.contains_key(key) {
                self.bytes += 2 * bytes.len();
                self.values.insert(key.into(), bytes.into());
            }
        }
    }
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.take(values[0].as_binary_view());
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let mut sum = None;
        self.values.values().try_for_each(|bytes| add(&mut sum, bytes))?;
        Ok(ScalarValue::BinaryView(sum.as_ref().map(Numeric::to_bytes)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.values.capacity() * size_of::<(Box<[u8]>, Box<[u8]>)>()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let values: BinaryViewArray = self.values.values().map(Some).collect();
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        Ok(vec![ScalarValue::List(Arc::new(ListArray::new(list_field(), offsets, Arc::new(values), None)))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        states[0].as_list::<i32>().iter().flatten().for_each(|values| self.take(values.as_binary_view()));
        Ok(())
    }
}

/// The sums of many groups.
#[derive(Debug)]
struct Sums {
    sums: Vec<Option<Numeric>>,
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> DfResult<()> {
        self.sums.resize(total_groups, None);
        let values = values[0].as_binary_view();
        for (row, &group) in groups.iter().enumerate() {
            let kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if kept && values.is_valid(row) {
                add(&mut self.sums[group], values.value(row))?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let mut builder = BinaryViewBuilder::with_capacity(sums.len());
        let mut bytes = Vec::new();
        for sum in sums {
            match sum {
                Some(sum) => {
                    bytes.clear();
                    sum.append_bytes(&mut bytes);
                    builder.append_value(&bytes);
                }
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
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
        Ok(vec![datafusion::arrow::compute::nullif(&values[0], &dropped)?])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Option<Numeric>>()
    }
}
