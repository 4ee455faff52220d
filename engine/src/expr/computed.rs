//! What queries within a statement have found that run before it, as values.

use storage::{Array, Value};

use crate::error::{Error, Result, SqlState};
use crate::function::EvalContext;
use crate::types::{Type, builtin};

/// The rows of one column that a query has found, by its number, as one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computed {
    /// The value of the only row; NULL if there is none.
    Value(usize),
    /// An array of all values.
    Array(usize),
}

impl Computed {
    /// The value, of type `ty`. 21000 if there are several rows where one is wanted.
    pub(crate) fn value(self, ty: Type, context: &EvalContext) -> Result<Value> {
        let (Self::Value(number) | Self::Array(number)) = self;
        let rows = context.written.get(number).ok_or_else(|| Error::internal("a query that runs first has not run"))?;
        let mut values = rows.iter().filter_map(|row| row.first().cloned());
        match self {
            Self::Array(_) => {
                let element = builtin::element_of(ty.oid).ok_or_else(|| Error::internal("an array of no elements"))?;
                let element = builtin::column_type(Type::new(element))?;
                Ok(Value::Array(Box::new(Array::new(element, values.collect()))))
            }
            Self::Value(_) => match (values.next(), values.next()) {
                (None, _) => Ok(Value::Null),
                (Some(value), None) => Ok(value),
                (Some(_), Some(_)) => Err(Error::new(
                    SqlState::CARDINALITY_VIOLATION,
                    "more than one row returned by a subquery used as an expression",
                )),
            },
        }
    }
}
