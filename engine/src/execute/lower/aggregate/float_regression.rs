//! Regression, correlation and covariance of pairs of floats, by the Youngs-Cramer recurrence that PostgreSQL uses.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::sliding::Sliding;
use crate::function::Regression;

pub(super) fn regression(asked: Regression) -> Arc<AggregateUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(FloatRegression { asked, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatRegression {
    asked: Regression,
    signature: Signature,
}

impl AggregateUDFImpl for FloatRegression {
    fn name(&self) -> &str {
        match self.asked {
            Regression::Count => "regr_count",
            Regression::AverageX => "regr_avgx",
            Regression::AverageY => "regr_avgy",
            Regression::SquaresX => "regr_sxx",
            Regression::SquaresY => "regr_syy",
            Regression::Products => "regr_sxy",
            Regression::Slope => "regr_slope",
            Regression::Intercept => "regr_intercept",
            Regression::Determination => "regr_r2",
            Regression::Correlation => "corr",
            Regression::CovariancePop => "covar_pop",
            Regression::CovarianceSamp => "covar_samp",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(if self.asked == Regression::Count { DataType::Int64 } else { DataType::Float64 })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let field = |part: &str| FieldRef::from(Field::new(format!("{}[{part}]", args.name), DataType::Float64, true));
        Ok(["n", "x", "xx", "y", "yy", "xy"].map(field).to_vec())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(Box::new(Pairs::new(self.asked)))
    }

    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let asked = self.asked;
        Ok(Box::new(Sliding::new(move || Ok(Box::new(Pairs::new(asked))))))
    }
}

/// How many pairs, their sums, and the sums of products of differences from the means.
#[derive(Debug)]
struct Pairs {
    asked: Regression,
    n: f64,
    x: f64,
    xx: f64,
    y: f64,
    yy: f64,
    xy: f64,
}

impl Pairs {
    fn new(asked: Regression) -> Self {
        Self { asked, n: 0.0, x: 0.0, xx: 0.0, y: 0.0, yy: 0.0, xy: 0.0 }
    }

    fn add(&mut self, y: f64, x: f64) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        if self.n > 1.0 {
            let (dx, dy) = (x * self.n - self.x, y * self.n - self.y);
            let scale = 1.0 / (self.n * (self.n - 1.0));
            self.xx += dx * dx * scale;
            self.yy += dy * dy * scale;
            self.xy += dx * dy * scale;
        }
        // What is not finite has no differences.
        if !self.x.is_finite() {
            (self.xx, self.xy) = (f64::NAN, f64::NAN);
        }
        if !self.y.is_finite() {
            (self.yy, self.xy) = (f64::NAN, f64::NAN);
        }
    }

    fn merge(&mut self, [n, x, xx, y, yy, xy]: [f64; 6]) {
        if n == 0.0 {
            return;
        }
        if self.n == 0.0 {
            (self.n, self.x, self.xx, self.y, self.yy, self.xy) = (n, x, xx, y, yy, xy);
            return;
        }
        let total = self.n + n;
        let (dx, dy) = (self.x / self.n - x / n, self.y / self.n - y / n);
        self.xx += xx + self.n * n * dx * dx / total;
        self.yy += yy + self.n * n * dy * dy / total;
        self.xy += xy + self.n * n * dx * dy / total;
        self.n = total;
        self.x += x;
        self.y += y;
    }

    /// None is NULL.
    fn result(&self) -> Option<f64> {
        if self.n < 1.0 {
            return None;
        }
        let flat = self.xx == 0.0;
        match self.asked {
            Regression::Count => None,
            Regression::AverageX => Some(self.x / self.n),
            Regression::AverageY => Some(self.y / self.n),
            Regression::SquaresX => Some(self.xx),
            Regression::SquaresY => Some(self.yy),
            Regression::Products => Some(self.xy),
            Regression::CovariancePop => Some(self.xy / self.n),
            Regression::CovarianceSamp => (self.n > 1.0).then(|| self.xy / (self.n - 1.0)),
            Regression::Slope | Regression::Intercept | Regression::Determination | Regression::Correlation if flat => {
                None
            }
            Regression::Slope => Some(self.xy / self.xx),
            Regression::Intercept => Some((self.y - self.x * self.xy / self.xx) / self.n),
            Regression::Determination if self.yy == 0.0 => Some(1.0),
            Regression::Determination => Some((self.xy * self.xy) / (self.xx * self.yy)),
            Regression::Correlation => (self.yy != 0.0).then(|| self.xy / (self.xx * self.yy).sqrt()),
        }
    }
}

impl Accumulator for Pairs {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let (ys, xs) = (values[0].as_primitive::<Float64Type>(), values[1].as_primitive::<Float64Type>());
        for (y, x) in ys.iter().zip(xs.iter()) {
            if let (Some(y), Some(x)) = (y, x) {
                self.add(y, x);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        Ok(match self.asked {
            Regression::Count => ScalarValue::Int64(Some(self.n as i64)),
            _ => ScalarValue::Float64(self.result()),
        })
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let parts = [self.n, self.x, self.xx, self.y, self.yy, self.xy];
        Ok(parts.map(|value| ScalarValue::Float64(Some(value))).to_vec())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let columns = [0, 1, 2, 3, 4, 5].map(|position| states[position].as_primitive::<Float64Type>());
        (0..columns[0].len()).for_each(|row| self.merge(columns.map(|column| column.value(row))));
        Ok(())
    }
}
