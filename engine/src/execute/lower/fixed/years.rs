//! `extract(year from date)` over a whole column.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, Decimal128Type};
use datafusion::common::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use storage::{FixedPoint, Value};

use super::convert::on_first;
use super::{decimal, function};
use crate::error::Error;
use crate::execute::failure::carried;
use crate::expr::Expr;
use crate::function::Function;
use crate::types::datetime::{DATE_INFINITY, DATE_NEGATIVE_INFINITY, civil_of_days};

/// Whether this is the year of a date that is not constant.
pub(super) fn is_extracted(function: &Function, args: &[Expr]) -> bool {
    function.oid == function::EXTRACT_OF_DATE
        && matches!(args, [unit, date] if date.as_const().is_none()
            && matches!(unit.as_const(), Some(Value::Text(unit)) if unit.eq_ignore_ascii_case("year")))
}

pub(super) fn year_of(date: DfExpr) -> DfExpr {
    ScalarUDF::new_from_impl(Year).call(vec![date])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Year;

static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| Signature::any(1, Volatility::Immutable));

fn years(dates: &ArrayRef) -> DfResult<ArrayRef> {
    let Some(dates) = dates.as_primitive_opt::<Date32Type>() else {
        return Err(carried(Error::internal("a date came as something else")));
    };
    let years = dates.unary::<_, Decimal128Type>(|day| {
        match day {
            DATE_INFINITY => FixedPoint::INFINITY,
            DATE_NEGATIVE_INFINITY => FixedPoint::NEGATIVE_INFINITY,
            day => {
                let (year, ..) = civil_of_days(i64::from(day));
                // There is no year 0.
                i128::from(if year > 0 { year } else { year - 1 })
            }
        }
    });
    Ok(Arc::new(years.with_data_type(decimal(10, 0))))
}

impl ScalarUDFImpl for Year {
    fn name(&self) -> &str {
        "year"
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(decimal(10, 0))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        on_first(&arguments.args, years)
    }
}
