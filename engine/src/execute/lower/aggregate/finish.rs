//! The last step of composed aggregates: from the parts' results to the value PostgreSQL answers.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use storage::{FixedPoint, Numeric, NumericError};

use crate::error::{Error, Result, SqlState};
use crate::execute::failure::carried;
use crate::function::money::money_out_of_range;

/// Which statistic of the second moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Moment {
    /// Divides by n - 1, not n.
    pub(crate) sample: bool,
    /// The standard deviation, not the variance.
    pub(crate) root: bool,
}

/// A step over whole columns; every one but those for floats and money answers numerics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Finish {
    /// A wide decimal without fraction, as numeric.
    Numeric,
    /// The same, as money; 22003 if it is too large for that.
    Money,
    /// A numeric times itself.
    Square,
    /// Wide decimal sum, count.
    IntegerAverage,
    /// Numeric sum, count.
    NumericAverage,
    /// The same, the sum being a decimal.
    FixedAverage,
    /// float8 sum, count.
    FloatAverage,
    /// Numeric sum, numeric sum of squares, count.
    Variance(Moment),
}

static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| Signature::variadic_any(Volatility::Immutable));

impl ScalarUDFImpl for Finish {
    fn name(&self) -> &str {
        match self {
            Finish::Numeric => "numeric",
            Finish::Money => "money",
            Finish::Square => "square",
            Finish::IntegerAverage | Finish::NumericAverage | Finish::FixedAverage | Finish::FloatAverage => "average",
            Finish::Variance(_) => "variance",
        }
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(match self {
            Finish::FloatAverage => DataType::Float64,
            Finish::Money => DataType::Int64,
            _ => DataType::BinaryView,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let constant = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let result = self.compute(&arrays).map_err(carried)?;
        if constant && result.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

impl Finish {
    fn compute(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        if let (Finish::FloatAverage, [sums, counts]) = (self, arrays) {
            let (sums, counts) = (sums.as_primitive::<Float64Type>(), counts.as_primitive::<Int64Type>());
            let averages = sums.iter().zip(counts).map(|(sum, count)| Some(sum? / count? as f64));
            return Ok(Arc::new(averages.collect::<Float64Array>()));
        }
        if let (Finish::Money, [sums]) = (self, arrays) {
            let sums = sums.as_primitive::<Decimal128Type>().iter();
            let cents = sums.map(|sum| sum.map(|sum| i64::try_from(sum).map_err(|_| money_out_of_range())).transpose());
            return Ok(Arc::new(cents.collect::<Result<Int64Array>>()?));
        }
        let rows = arrays.first().map_or(0, |array| array.len());
        let mut results = BinaryViewBuilder::with_capacity(rows);
        let mut bytes = Vec::new();
        for row in 0..rows {
            match self.row(arrays, row)? {
                Some(value) => {
                    bytes.clear();
                    value.append_bytes(&mut bytes);
                    results.append_value(&bytes);
                }
                None => results.append_null(),
            }
        }
        Ok(Arc::new(results.finish()))
    }

    fn row(&self, arrays: &[ArrayRef], row: usize) -> Result<Option<Numeric>> {
        let decimal = |array: &ArrayRef| {
            array.is_valid(row).then(|| Numeric::from_i128(array.as_primitive::<Decimal128Type>().value(row)))
        };
        let count =
            |array: &ArrayRef| if array.is_valid(row) { array.as_primitive::<Int64Type>().value(row) } else { 0 };
        Ok(match (self, arrays) {
            (Finish::Numeric, [value]) => decimal(value),
            (Finish::Square, [value]) => match numeric_at(value, row)? {
                Some(value) => Some(value.mul(&value).map_err(numeric_error)?),
                None => None,
            },
            (Finish::IntegerAverage, [sum, values]) => quotient(decimal(sum), count(values))?,
            (Finish::NumericAverage, [sum, values]) => quotient(numeric_at(sum, row)?, count(values))?,
            (Finish::FixedAverage, [sum, values]) => quotient(fixed_at(sum, row)?, count(values))?,
            (Finish::Variance(moment), [sum, squares, values]) => {
                match (numeric_at(sum, row)?, numeric_at(squares, row)?) {
                    (Some(sum), Some(squares)) => moment.of(&sum, &squares, count(values))?,
                    _ => None,
                }
            }
            _ => return Err(Error::internal("an aggregate's parts are not what its last step takes")),
        })
    }
}

impl Moment {
    /// PostgreSQL's `numeric_stddev_internal`: from n, the sum and the sum of squares.
    fn of(self, sum: &Numeric, squares: &Numeric, count: i64) -> Result<Option<Numeric>> {
        if count == 0 || (self.sample && count <= 1) {
            return Ok(None);
        }
        if !sum.is_finite() || !squares.is_finite() {
            return Ok(Some(Numeric::NAN));
        }
        let n = Numeric::from_i64(count);
        let spread = n.mul(squares).and_then(|scaled| scaled.sub(&sum.mul(sum)?)).map_err(numeric_error)?;
        if spread.signum() <= 0 {
            return Ok(Some(Numeric::from_i64(0)));
        }
        let divisor = if self.sample { Numeric::from_i64(count - 1) } else { n.clone() };
        let variance = n.mul(&divisor).and_then(|divisor| spread.div(&divisor)).map_err(numeric_error)?;
        if self.root { variance.sqrt_to(variance.scale()).map(Some).map_err(numeric_error) } else { Ok(Some(variance)) }
    }
}

fn quotient(sum: Option<Numeric>, count: i64) -> Result<Option<Numeric>> {
    match sum {
        Some(sum) if count > 0 => sum.div(&Numeric::from_i64(count)).map(Some).map_err(numeric_error),
        _ => Ok(None),
    }
}

/// The numeric in a row of a column of them.
pub(super) fn numeric_at(array: &ArrayRef, row: usize) -> Result<Option<Numeric>> {
    let array = array.as_binary_view();
    if array.is_null(row) {
        return Ok(None);
    }
    Numeric::from_bytes(array.value(row)).map(Some).map_err(numeric_error)
}

/// The numeric that a decimal in a row of a column stands for.
fn fixed_at(array: &ArrayRef, row: usize) -> Result<Option<Numeric>> {
    let array = array.as_primitive::<Decimal128Type>();
    let scale = u8::try_from(array.scale()).map_err(|_| Error::internal("a decimal has no scale"))?;
    let fixed = FixedPoint { precision: array.precision(), scale };
    Ok(array.is_valid(row).then(|| fixed.value(array.value(row))))
}

pub(super) fn numeric_error(error: NumericError) -> Error {
    let state = match error {
        NumericError::DivisionByZero => SqlState::DIVISION_BY_ZERO,
        NumericError::Invalid => SqlState::DATA_CORRUPTED,
        _ => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
    };
    Error::new(state, error.to_string())
}
