//! What a bound column, type or value is in DataFusion's terms.
//!
//! A `ColumnVar` is unique in its statement, so column `n` is simply named `cn`, without a qualifier, and no name is
//! ever resolved again.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column as NamedColumn, ScalarValue};
use datafusion::logical_expr::Expr as DfExpr;
use storage::row::arrow::{array_from_values, arrow_type};
use storage::{ColumnType, Value};

use crate::error::Result;
use crate::execute::failure::failure;
use crate::expr::ColumnVar;
use crate::plan::relation::Column;
use crate::types::{Type, builtin};

pub(crate) fn name(var: ColumnVar) -> String {
    format!("c{}", var.0)
}

pub(crate) fn named(name: String) -> DfExpr {
    DfExpr::Column(NamedColumn::new_unqualified(name))
}

pub(crate) fn reference(var: ColumnVar) -> DfExpr {
    named(name(var))
}

/// How values of the type are laid out.
pub(crate) fn physical(ty: Type) -> Result<ColumnType> {
    builtin::column_type(ty)
}

pub(crate) fn arrow_of(ty: Type) -> Result<DataType> {
    Ok(arrow_type(&physical(ty)?))
}

/// Every column may hold NULL as far as DataFusion knows: it never proves anything from our schemas.
pub(crate) fn field(column: Column) -> Result<FieldRef> {
    Ok(Field::new(name(column.var), arrow_of(column.ty)?, true).into())
}

/// One value as DataFusion's constant of the column type.
pub(crate) fn scalar(value: &Value, ty: &ColumnType) -> Result<ScalarValue> {
    Ok(match (value, ty) {
        (Value::Bool(v), ColumnType::Bool) => ScalarValue::Boolean(Some(*v)),
        (Value::Int2(v), ColumnType::Int2) => ScalarValue::Int16(Some(*v)),
        (Value::Int4(v), ColumnType::Int4) => ScalarValue::Int32(Some(*v)),
        (Value::Int8(v), ColumnType::Int8) => ScalarValue::Int64(Some(*v)),
        (Value::Float4(v), ColumnType::Float4) => ScalarValue::Float32(Some(*v)),
        (Value::Float8(v), ColumnType::Float8) => ScalarValue::Float64(Some(*v)),
        (Value::Text(v), ColumnType::Text) => ScalarValue::Utf8View(Some(v.to_string())),
        (Value::Null, ty) => ScalarValue::try_new_null(&arrow_type(ty)).map_err(failure)?,
        (value, ty) => {
            let array = array_from_values(ty, std::iter::once(value))?;
            ScalarValue::try_from_array(&array, 0).map_err(failure)?
        }
    })
}

pub(crate) fn literal(value: &Value, ty: Type) -> Result<DfExpr> {
    Ok(DfExpr::Literal(scalar(value, &physical(ty)?)?, None))
}

pub(crate) fn int8(value: i64) -> DfExpr {
    DfExpr::Literal(ScalarValue::Int64(Some(value)), None)
}
