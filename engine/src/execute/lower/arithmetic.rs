//! Checked arithmetic over whole columns, with PostgreSQL's errors: Arrow's kernels check integers, this file the rest.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Datum, Scalar};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use crate::error::{Error, SqlState};
use crate::execute::failure::carried;
use crate::function::Arithmetic;

/// `left op right` over integers or floats of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ArithmeticFunction {
    operator: Operation,
    signature: Signature,
}

/// The operator, in a form that can be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl ArithmeticFunction {
    /// A division can fail on rows that another condition keeps away from it, so DataFusion must leave it where it is.
    pub(super) fn new(operator: Arithmetic) -> Self {
        let (operator, volatility) = match operator {
            Arithmetic::Add => (Operation::Add, Volatility::Immutable),
            Arithmetic::Subtract => (Operation::Subtract, Volatility::Immutable),
            Arithmetic::Multiply => (Operation::Multiply, Volatility::Immutable),
            Arithmetic::Divide => (Operation::Divide, Volatility::Volatile),
            Arithmetic::Modulo => (Operation::Modulo, Volatility::Volatile),
        };
        Self { operator, signature: Signature::any(2, volatility) }
    }

    fn compute(&self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self.operator {
            Operation::Add => numeric::add(left, right),
            Operation::Subtract => numeric::sub(left, right),
            Operation::Multiply => numeric::mul(left, right),
            Operation::Divide => numeric::div(left, right),
            Operation::Modulo => numeric::rem(left, right),
        }
    }

    /// Floats never fail in Arrow; PostgreSQL refuses an infinity or a zero that the operands do not explain.
    fn check_floats(&self, left: &dyn Datum, right: &dyn Datum, result: &ArrayRef) -> Result<(), Error> {
        match result.data_type() {
            DataType::Float32 => {
                let values = result.as_primitive::<Float32Type>().values();
                if values.iter().all(|value| value.is_normal()) {
                    return Ok(());
                }
                let read = |side: &dyn Datum, row: usize| {
                    let (array, constant) = side.get();
                    let row = if constant { 0 } else { row };
                    array.is_valid(row).then(|| f64::from(array.as_primitive::<Float32Type>().value(row)))
                };
                (0..result.len())
                    .try_for_each(|row| self.check_float(read(left, row), read(right, row), f64::from(values[row])))
            }
            DataType::Float64 => {
                let values = result.as_primitive::<Float64Type>().values();
                if values.iter().all(|value| value.is_normal()) {
                    return Ok(());
                }
                let read = |side: &dyn Datum, row: usize| {
                    let (array, constant) = side.get();
                    let row = if constant { 0 } else { row };
                    array.is_valid(row).then(|| array.as_primitive::<Float64Type>().value(row))
                };
                (0..result.len()).try_for_each(|row| self.check_float(read(left, row), read(right, row), values[row]))
            }
            _ => Ok(()),
        }
    }

    fn check_float(&self, left: Option<f64>, right: Option<f64>, result: f64) -> Result<(), Error> {
        let (Some(left), Some(right)) = (left, right) else { return Ok(()) };
        let divides = matches!(self.operator, Operation::Divide | Operation::Modulo);
        if divides && right == 0.0 && !left.is_nan() {
            return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
        }
        if result.is_infinite() && left.is_finite() && right.is_finite() {
            return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow"));
        }
        let vanished = result == 0.0 && left != 0.0;
        match self.operator {
            Operation::Multiply if vanished && right != 0.0 => Err(underflow()),
            Operation::Divide if vanished && !right.is_infinite() => Err(underflow()),
            _ => Ok(()),
        }
    }
}

fn underflow() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
}

/// PostgreSQL's words for what Arrow refused.
fn refused(error: ArrowError, ty: &DataType) -> Error {
    match error {
        ArrowError::DivideByZero => Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"),
        ArrowError::ArithmeticOverflow(_) => {
            let message = match ty {
                DataType::Int16 => "smallint out of range",
                DataType::Int32 => "integer out of range",
                _ => "bigint out of range",
            };
            Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
        }
        other => Error::internal(format!("arithmetic failed: {other}")),
    }
}

impl ScalarUDFImpl for ArithmeticFunction {
    fn name(&self) -> &str {
        match self.operator {
            Operation::Add => "add",
            Operation::Subtract => "subtract",
            Operation::Multiply => "multiply",
            Operation::Divide => "divide",
            Operation::Modulo => "modulo",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> DfResult<DataType> {
        Ok(arguments[0].clone())
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let [left, right] = <[ColumnarValue; 2]>::try_from(arguments.args)
            .map_err(|_| datafusion::common::internal_datafusion_err!("arithmetic takes two values"))?;
        let constant = matches!((&left, &right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let (left, right) = (datum(left)?, datum(right)?);
        let ty = left.get().0.data_type().clone();
        let result = self.compute(left.as_ref(), right.as_ref()).map_err(|error| carried(refused(error, &ty)))?;
        self.check_floats(left.as_ref(), right.as_ref(), &result).map_err(carried)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

fn datum(value: ColumnarValue) -> DfResult<Box<dyn Datum>> {
    Ok(match value {
        ColumnarValue::Array(array) => Box::new(array),
        ColumnarValue::Scalar(value) => Box::new(Scalar::new(value.to_array()?)),
    })
}
