//! `+ - *` over columns of decimals.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use storage::FixedPoint;

use super::call_name;
use crate::error::Error;
use crate::execute::failure::{carried, outgrown};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
}

/// A computation with decimals. The operands of a sum have one scale.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FixedArithmetic {
    operation: Operation,
    returns: DataType,
    /// The operands have so few digits that 128 bits hold every result.
    bounded: bool,
}

static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| Signature::any(2, Volatility::Immutable));

impl FixedArithmetic {
    pub(super) fn new(operation: Operation, returns: DataType, bounded: bool) -> Self {
        Self { operation, returns, bounded }
    }

    fn compute(&self, left: &Side<'_>, right: &Side<'_>) -> DfResult<ArrayRef> {
        let rows = left.rows().or(right.rows()).unwrap_or(1);
        let nulls = NullBuffer::union(left.nulls(), right.nulls());
        let (mut results, mut overflows) = (Vec::with_capacity(rows), false);
        match (self.operation, self.bounded) {
            (Operation::Add, true) => each(left, right, rows, &mut results, |a, b| match either_special(a, b) {
                false => a.wrapping_add(b),
                true => self.special(a, b),
            }),
            (Operation::Subtract, true) => each(left, right, rows, &mut results, |a, b| match either_special(a, b) {
                false => a.wrapping_sub(b),
                true => self.special(a, b),
            }),
            (Operation::Add, false) => {
                each(left, right, rows, &mut results, |a, b| self.checked(a, b, a.checked_add(b), &mut overflows))
            }
            (Operation::Subtract, false) => {
                each(left, right, rows, &mut results, |a, b| self.checked(a, b, a.checked_sub(b), &mut overflows))
            }
            (Operation::Multiply, _) => each(left, right, rows, &mut results, |a, b| {
                // Most numbers fit a word, and the product of two words is quickly made. NaN and the infinities do not.
                let (a_word, b_word) = (a as i64, b as i64);
                if i128::from(a_word) == a && i128::from(b_word) == b {
                    i128::from(a_word) * i128::from(b_word)
                } else {
                    self.checked(a, b, a.checked_mul(b), &mut overflows)
                }
            }),
        }
        if overflows {
            return Err(carried(outgrown()));
        }
        Ok(Arc::new(Decimal128Array::try_new(results.into(), nulls)?.with_data_type(self.returns.clone())))
    }

    /// The result, which must not be what stands for something else.
    fn checked(&self, a: i128, b: i128, result: Option<i128>, overflows: &mut bool) -> i128 {
        if either_special(a, b) {
            return self.special(a, b);
        }
        match result {
            Some(result) if !FixedPoint::is_special(result) => result,
            _ => {
                *overflows = true;
                0
            }
        }
    }

    /// The result where NaN or an infinity takes part. The scales play no part then.
    #[cold]
    fn special(&self, a: i128, b: i128) -> i128 {
        let whole = FixedPoint { precision: FixedPoint::DIGITS_MAX, scale: 0 };
        let (a, b) = (whole.value(a), whole.value(b));
        let result = match self.operation {
            Operation::Add => a.add(&b),
            Operation::Subtract => a.sub(&b),
            Operation::Multiply => a.mul(&b),
        };
        // Nothing overflows next to an infinity.
        result.map_or(FixedPoint::NAN, |result| FixedPoint::special(&result))
    }
}

fn either_special(a: i128, b: i128) -> bool {
    FixedPoint::is_special(a) || FixedPoint::is_special(b)
}

/// A column, or one number for all rows.
enum Side<'a> {
    Column(&'a Decimal128Array),
    Number(i128),
}

impl Side<'_> {
    fn rows(&self) -> Option<usize> {
        match self {
            Side::Column(array) => Some(array.len()),
            Side::Number(_) => None,
        }
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Side::Column(array) => array.nulls(),
            Side::Number(_) => None,
        }
    }
}

fn each(
    left: &Side<'_>,
    right: &Side<'_>,
    rows: usize,
    into: &mut Vec<i128>,
    mut compute: impl FnMut(i128, i128) -> i128,
) {
    match (left, right) {
        (Side::Column(left), Side::Column(right)) => {
            into.extend(left.values().iter().zip(right.values().iter()).map(|(a, b)| compute(*a, *b)));
        }
        (Side::Column(left), Side::Number(b)) => into.extend(left.values().iter().map(|a| compute(*a, *b))),
        (Side::Number(a), Side::Column(right)) => into.extend(right.values().iter().map(|b| compute(*a, *b))),
        (Side::Number(a), Side::Number(b)) => into.extend((0..rows).map(|_| compute(*a, *b))),
    }
}

impl ScalarUDFImpl for FixedArithmetic {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "fixed_add",
            Operation::Subtract => "fixed_subtract",
            Operation::Multiply => "fixed_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(self.returns.clone())
    }

    fn schema_name(&self, arguments: &[DfExpr]) -> DfResult<String> {
        Ok(call_name(self.name(), arguments, &self.returns))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let nothing = || Ok(ColumnarValue::Scalar(ScalarValue::try_new_null(&self.returns)?));
        let mut sides = Vec::with_capacity(2);
        for argument in &arguments.args {
            sides.push(match argument {
                ColumnarValue::Scalar(ScalarValue::Decimal128(Some(number), ..)) => Side::Number(*number),
                ColumnarValue::Scalar(value) if value.is_null() => return nothing(),
                ColumnarValue::Array(array) => match array.as_primitive_opt::<Decimal128Type>() {
                    Some(array) => Side::Column(array),
                    None => return Err(carried(Error::internal("an operand is no decimal"))),
                },
                ColumnarValue::Scalar(_) => return Err(carried(Error::internal("an operand is no decimal"))),
            });
        }
        let [left, right] = sides.as_slice() else { return nothing() };
        let result = self.compute(left, right)?;
        if left.rows().or(right.rows()).is_none() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
