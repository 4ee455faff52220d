//! Sums of decimals, for one group or for many at once: exact as long as 128 bits hold them.
//!
//! The sum of a CASE whose branches have different scales takes them as a second argument and keeps the greatest, which
//! the sum is shown with; it is a numeric in our own form.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, Decimal128Array, Int32Array,
};
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int32Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use storage::FixedPoint;

use super::sliding::Sliding;
use crate::execute::failure::{carried, outgrown};

/// The sum of decimals of this scale; `shown`: of a second argument too, the scales.
pub(super) fn fixed_sum(scale: u8, shown: bool) -> Arc<AggregateUDF> {
    let signature = Signature::any(if shown { 2 } else { 1 }, Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(FixedSum { scale, shown, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FixedSum {
    scale: u8,
    shown: bool,
    signature: Signature,
}

const SCALE_OF_NONE: i32 = -1;

/// The sum of one group.
#[derive(Debug, Clone, Copy)]
struct Sum {
    number: i128,
    /// The greatest scale of a value; negative: there is none yet.
    shown: i32,
}

const NOTHING: Sum = Sum { number: 0, shown: SCALE_OF_NONE };

impl Sum {
    fn add(&mut self, number: i128, shown: i32) -> DfResult<()> {
        self.shown = self.shown.max(shown);
        if FixedPoint::is_special(number) || FixedPoint::is_special(self.number) {
            self.number = special_sum(self.number, number);
            return Ok(());
        }
        match self.number.checked_add(number) {
            Some(sum) if !FixedPoint::is_special(sum) => {
                self.number = sum;
                Ok(())
            }
            _ => Err(carried(outgrown())),
        }
    }
}

/// The sum where NaN or an infinity takes part.
#[cold]
fn special_sum(a: i128, b: i128) -> i128 {
    let whole = FixedPoint { precision: FixedPoint::DIGITS_MAX, scale: 0 };
    whole.value(a).add(&whole.value(b)).map_or(FixedPoint::NAN, |sum| FixedPoint::special(&sum))
}

impl FixedSum {
    fn number_type(&self) -> DataType {
        DataType::Decimal128(FixedPoint::DIGITS_MAX, self.scale as i8)
    }

    fn sums(&self) -> Sums {
        Sums { sums: Vec::new(), scale: self.scale, shown: self.shown }
    }
}

impl AggregateUDFImpl for FixedSum {
    fn name(&self) -> &str {
        "fixed_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(if self.shown { DataType::BinaryView } else { self.number_type() })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let mut fields = vec![Field::new(format!("{}[sum]", args.name), self.number_type(), true).into()];
        if self.shown {
            fields.push(Field::new(format!("{}[scale]", args.name), DataType::Int32, true).into());
        }
        Ok(fields)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(One::begun(self.sums()))
    }

    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let (scale, shown) = (self.scale, self.shown);
        Ok(Box::new(Sliding::new(move || Ok(One::begun(Sums { sums: Vec::new(), scale, shown })))))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.sums()))
    }
}

/// The sums of many groups.
#[derive(Debug)]
struct Sums {
    sums: Vec<Sum>,
    scale: u8,
    shown: bool,
}

impl Sums {
    /// Adds each row's value to the sum of the row's group.
    fn take(
        &mut self,
        values: &[ArrayRef],
        group: impl Fn(usize) -> usize,
        filter: Option<&BooleanArray>,
    ) -> DfResult<()> {
        let numbers = values[0].as_primitive::<Decimal128Type>();
        let scales = values.get(1).map(|scales| scales.as_primitive::<Int32Type>());
        let own = i32::from(self.scale);
        if numbers.null_count() == 0 && scales.is_none() && filter.is_none() {
            let mut rows = numbers.values().iter().enumerate();
            return rows.try_for_each(|(row, number)| self.sums[group(row)].add(*number, own));
        }
        for row in 0..numbers.len() {
            let kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if kept && numbers.is_valid(row) {
                let shown = scales.filter(|scales| scales.is_valid(row)).map_or(own, |scales| scales.value(row));
                self.sums[group(row)].add(numbers.value(row), shown)?;
            }
        }
        Ok(())
    }

    fn state_of(&self, sums: &[Sum]) -> DfResult<Vec<ArrayRef>> {
        let numbers = sums.iter().map(|sum| (sum.shown >= 0).then_some(sum.number)).collect::<Decimal128Array>();
        let ty = DataType::Decimal128(FixedPoint::DIGITS_MAX, self.scale as i8);
        let mut state: Vec<ArrayRef> = vec![Arc::new(numbers.with_data_type(ty))];
        if self.shown {
            let scales = sums.iter().map(|sum| (sum.shown >= 0).then_some(sum.shown)).collect::<Int32Array>();
            state.push(Arc::new(scales));
        }
        Ok(state)
    }

    fn results_of(&self, sums: &[Sum]) -> DfResult<ArrayRef> {
        if !self.shown {
            return Ok(self.state_of(sums)?.swap_remove(0));
        }
        let fixed = FixedPoint { precision: FixedPoint::DIGITS_MAX, scale: self.scale };
        let mut results = BinaryViewBuilder::with_capacity(sums.len());
        let mut bytes = Vec::new();
        for sum in sums {
            if sum.shown < 0 {
                results.append_null();
                continue;
            }
            bytes.clear();
            fixed.value(sum.number).round(sum.shown).append_bytes(&mut bytes);
            results.append_value(&bytes);
        }
        Ok(Arc::new(results.finish()))
    }
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> DfResult<()> {
        self.sums.resize(total_groups, NOTHING);
        self.take(values, |row| groups[row], filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        self.results_of(&sums)
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        self.state_of(&sums)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> DfResult<()> {
        self.update_batch(states, groups, None, total_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        let dropped: Option<BooleanArray> =
            filter.map(|filter| filter.iter().map(|kept| Some(kept != Some(true))).collect());
        let mut state = Vec::with_capacity(values.len());
        for (position, values) in values.iter().enumerate() {
            let values = match &dropped {
                Some(dropped) => nullif(values, dropped)?,
                None => values.clone(),
            };
            state.push(match position {
                0 => {
                    let ty = DataType::Decimal128(FixedPoint::DIGITS_MAX, self.scale as i8);
                    Arc::new(values.as_primitive::<Decimal128Type>().clone().with_data_type(ty)) as ArrayRef
                }
                _ => values,
            });
        }
        Ok(state)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Sum>()
    }
}

/// The sum of all rows.
#[derive(Debug)]
struct One {
    sums: Sums,
}

impl One {
    fn begun(mut sums: Sums) -> Box<dyn Accumulator> {
        sums.sums.push(NOTHING);
        Box::new(One { sums })
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.sums.take(values, |_| 0, None)
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        ScalarValue::try_from_array(&self.sums.results_of(&self.sums.sums)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.sums.capacity() * size_of::<Sum>()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let state = self.sums.state_of(&self.sums.sums)?;
        state.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        self.update_batch(states)
    }
}
