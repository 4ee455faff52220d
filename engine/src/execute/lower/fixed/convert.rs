//! Into decimals, from one decimal type to another, and back into our own form.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use storage::FixedPoint;

use super::call_name;
use crate::error::Error;
use crate::execute::failure::{carried, outgrown};

/// Integers or decimals of a scale as decimals of that scale or a greater one. The values stay what they are, so a
/// condition on the result is one on what it is made from.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FixedCast {
    from_scale: u8,
    returns: DataType,
}

static ONE: LazyLock<Signature> = LazyLock::new(|| Signature::any(1, Volatility::Immutable));
static ONE_OR_TWO: LazyLock<Signature> = LazyLock::new(|| Signature::variadic_any(Volatility::Immutable));

impl FixedCast {
    pub(super) fn new(from_scale: u8, returns: DataType) -> Self {
        Self { from_scale, returns }
    }

    fn compute(&self, values: &ArrayRef) -> DfResult<ArrayRef> {
        let DataType::Decimal128(_, scale) = self.returns else {
            return Err(carried(Error::internal("a decimal is to be made")));
        };
        let factor = u32::try_from(scale).ok().and_then(|scale| scale.checked_sub(self.from_scale.into()));
        let factor = factor.and_then(|digits| 10_i128.checked_pow(digits)).ok_or_else(|| carried(outgrown()))?;
        let decimals = match values.data_type() {
            DataType::Decimal128(..) if factor == 1 => values.as_primitive::<Decimal128Type>().clone(),
            DataType::Decimal128(..) => {
                values.as_primitive::<Decimal128Type>().try_unary(|number| scaled(number, factor))?
            }
            _ => {
                let wide = cast(values, &DataType::Int64)?;
                let wide = wide.as_primitive::<Int64Type>();
                wide.unary::<_, Decimal128Type>(|number| i128::from(number) * factor)
            }
        };
        Ok(Arc::new(decimals.with_data_type(self.returns.clone())))
    }
}

fn scaled(number: i128, factor: i128) -> DfResult<i128> {
    if FixedPoint::is_special(number) {
        return Ok(number);
    }
    number.checked_mul(factor).filter(|number| !FixedPoint::is_special(*number)).ok_or_else(|| carried(outgrown()))
}

impl ScalarUDFImpl for FixedCast {
    fn name(&self) -> &str {
        "fixed"
    }

    fn signature(&self) -> &Signature {
        &ONE
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
        on_first(&arguments.args, |values| self.compute(values))
    }
}

/// Decimals as numerics in our own form; a second argument tells each its display scale.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ToNumeric;

impl ToNumeric {
    fn compute(values: &ArrayRef, shown: Option<&ArrayRef>) -> DfResult<ArrayRef> {
        let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() else {
            return Err(carried(Error::internal("a numeric came in another form than was said")));
        };
        let fixed = fixed_point(decimals)?;
        let mut results = BinaryViewBuilder::with_capacity(decimals.len());
        let mut bytes = Vec::new();
        for row in 0..decimals.len() {
            if decimals.is_null(row) {
                results.append_null();
                continue;
            }
            let mut value = fixed.value(decimals.value(row));
            if let Some(shown) = shown
                && shown.is_valid(row)
            {
                value = value.round(shown.as_primitive::<Int32Type>().value(row));
            }
            bytes.clear();
            value.append_bytes(&mut bytes);
            results.append_value(&bytes);
        }
        Ok(Arc::new(results.finish()))
    }
}

pub(in crate::execute::lower) fn fixed_point(decimals: &Decimal128Array) -> DfResult<FixedPoint> {
    let scale = u8::try_from(decimals.scale()).map_err(|_| carried(Error::internal("a decimal has no scale")))?;
    Ok(FixedPoint { precision: decimals.precision(), scale })
}

impl ScalarUDFImpl for ToNumeric {
    fn name(&self) -> &str {
        "numeric"
    }

    fn signature(&self) -> &Signature {
        &ONE_OR_TWO
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::BinaryView)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match arguments.args.as_slice() {
            [_] => on_first(&arguments.args, |values| Self::compute(values, None)),
            _ => {
                let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
                let [values, shown] = arrays.as_slice() else {
                    return Err(carried(Error::internal("a numeric is made of a decimal and its scale")));
                };
                Ok(ColumnarValue::Array(Self::compute(values, Some(shown))?))
            }
        }
    }
}

/// What is computed from the only argument, once if that is constant.
pub(in crate::execute::lower) fn on_first(
    arguments: &[ColumnarValue],
    compute: impl Fn(&ArrayRef) -> DfResult<ArrayRef>,
) -> DfResult<ColumnarValue> {
    match arguments.first() {
        Some(ColumnarValue::Scalar(value)) => {
            let result = compute(&value.to_array()?)?;
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?))
        }
        Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(compute(values)?)),
        None => datafusion::common::internal_err!("a conversion takes a value"),
    }
}
