//! Variance and standard deviation of floats, by the Youngs-Cramer recurrence that PostgreSQL uses.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::finish::Moment;
use super::sliding::Sliding;

pub(super) fn float_variance(moment: Moment) -> Arc<AggregateUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(FloatVariance { moment, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatVariance {
    moment: Moment,
    signature: Signature,
}

impl AggregateUDFImpl for FloatVariance {
    fn name(&self) -> &str {
        match (self.moment.root, self.moment.sample) {
            (true, true) => "stddev_samp",
            (true, false) => "stddev_pop",
            (false, true) => "var_samp",
            (false, false) => "var_pop",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let field = |part: &str| FieldRef::from(Field::new(format!("{}[{part}]", args.name), DataType::Float64, true));
        Ok(["n", "sum", "squares"].map(field).to_vec())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(Box::new(Moments::new(self.moment)))
    }

    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let moment = self.moment;
        Ok(Box::new(Sliding::new(move || Ok(Box::new(Moments::new(moment))))))
    }
}

/// n, the sum, and the sum of squared differences from the mean.
#[derive(Debug)]
struct Moments {
    moment: Moment,
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn new(moment: Moment) -> Self {
        Self { moment, n: 0.0, sum: 0.0, squares: 0.0 }
    }

    fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        if self.n > 1.0 {
            let difference = value * self.n - self.sum;
            self.squares += difference * difference / (self.n * (self.n - 1.0));
        } else if !value.is_finite() {
            self.squares = f64::NAN;
        }
        if !self.sum.is_finite() {
            self.squares = f64::NAN;
        }
    }

    fn merge(&mut self, n: f64, sum: f64, squares: f64) {
        if n == 0.0 {
            return;
        }
        if self.n == 0.0 {
            (self.n, self.sum, self.squares) = (n, sum, squares);
            return;
        }
        let difference = self.sum / self.n - sum / n;
        let total = self.n + n;
        self.squares += squares + self.n * n * difference * difference / total;
        self.n = total;
        self.sum += sum;
    }
}

impl Accumulator for Moments {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        values[0].as_primitive::<Float64Type>().iter().flatten().for_each(|value| self.add(value));
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let divisor = if self.moment.sample { self.n - 1.0 } else { self.n };
        if self.n == 0.0 || divisor <= 0.0 {
            return Ok(ScalarValue::Float64(None));
        }
        let variance = self.squares / divisor;
        Ok(ScalarValue::Float64(Some(if self.moment.root { variance.sqrt() } else { variance })))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        Ok([self.n, self.sum, self.squares].map(|value| ScalarValue::Float64(Some(value))).to_vec())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let column = |position: usize| states[position].as_primitive::<Float64Type>();
        let (n, sum, squares) = (column(0), column(1), column(2));
        (0..n.len()).for_each(|row| self.merge(n.value(row), sum.value(row), squares.value(row)));
        Ok(())
    }
}
