//! The one value of a subquery that may answer one row only, and any value of a group.
//!
//! That there are more rows is an error only where the value is looked at: for a row that asks.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use storage::Value;

use crate::error::{Error, SqlState};
use crate::function::define::immutable;
use crate::function::{AggregateFunction, AggregateKind, Function};
use crate::types::oid;

/// The aggregate that lowering puts over scalar subqueries. Its kind is never looked at.
pub(crate) static FIRST_VALUE: AggregateFunction = AggregateFunction {
    oid: 0,
    name: "first_value",
    args: &[oid::ANYELEMENT],
    returns: oid::ANYELEMENT,
    kind: AggregateKind::Min,
};

/// The value of a subquery, given its first value and how many rows it has.
pub(crate) static ONLY_ROW: Function =
    immutable(0, "only_row", &[oid::ANYELEMENT, oid::INT8], oid::ANYELEMENT, |_, args| match &args[1] {
        Value::Int8(2..) => Err(Error::new(
            SqlState::CARDINALITY_VIOLATION,
            "more than one row returned by a subquery used as an expression",
        )),
        _ => Ok(args[0].clone()),
    })
    .takes_nulls();

pub(super) fn any_of(ty: &DataType) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(OneValue::new(ty)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OneValue {
    ty: DataType,
    signature: Signature,
}

impl OneValue {
    fn new(ty: &DataType) -> Self {
        Self { ty: ty.clone(), signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for OneValue {
    fn name(&self) -> &str {
        "any_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(self.ty.clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let field = |part: &str, ty: DataType| FieldRef::from(Field::new(format!("{}[{part}]", args.name), ty, true));
        Ok(vec![field("rows", DataType::Int64), field("value", self.ty.clone())])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(Box::new(Held { rows: 0, value: ScalarValue::try_new_null(&self.ty)? }))
    }
}

#[derive(Debug)]
struct Held {
    rows: i64,
    value: ScalarValue,
}

impl Held {
    fn take(&mut self, rows: i64, value: impl FnOnce() -> DfResult<ScalarValue>) -> DfResult<()> {
        if rows == 0 {
            return Ok(());
        }
        if self.rows == 0 {
            let mut value = value()?;
            value.compact();
            self.value = value;
        }
        self.rows = self.rows.saturating_add(rows);
        Ok(())
    }
}

impl Accumulator for Held {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let rows = i64::try_from(values[0].len()).unwrap_or(i64::MAX);
        self.take(rows, || ScalarValue::try_from_array(&values[0], 0))
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.rows)), self.value.clone()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let counts = states[0].as_primitive::<Int64Type>();
        (0..counts.len())
            .try_for_each(|row| self.take(counts.value(row), || ScalarValue::try_from_array(&states[1], row)))
    }
}
