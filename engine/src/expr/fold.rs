//! Aggregates that SQL defined: the rows of a group, gathered in an array, are taken one after the other into a state.

use storage::Value;

use super::eval::{RowSource, eval};
use super::{ColumnVar, Expr};
use crate::error::{Error, Result};
use crate::function::EvalContext;

/// What makes one value of gathered rows. `transition` and `finish` name nothing but its own columns.
#[derive(Debug, Clone)]
pub struct Fold {
    /// Oid of the aggregate.
    pub aggregate: u32,
    /// An array with an element for each row; NULL is no row.
    pub rows: Expr,
    /// Each element is the value of the only input, not a row of the inputs.
    pub plain: bool,
    pub state: ColumnVar,
    pub inputs: Vec<ColumnVar>,
    /// The state before the first row.
    pub initial: Value,
    /// A row with a NULL is passed over, and the first one without is the state if there was none.
    pub strict: bool,
    pub transition: Expr,
    /// The result, made of the last state.
    pub finish: Expr,
    /// Only where it is to be written back as SQL: the aggregate's name. Then `rows` is the call of it.
    pub shown: Option<String>,
}

/// The state and a row.
struct Step<'a> {
    fold: &'a Fold,
    state: Value,
    inputs: Vec<Value>,
}

impl RowSource for Step<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        if var == self.fold.state {
            return Ok(self.state.clone());
        }
        let at = self.fold.inputs.iter().position(|input| *input == var);
        // Where there is no row, behind the last, there are no inputs.
        let input = at.map(|at| self.inputs.get(at).cloned().unwrap_or(Value::Null));
        input.ok_or_else(|| Error::internal(format!("column {} is no part of a state", var.0)))
    }
}

impl Fold {
    /// The value made of these rows.
    pub(crate) fn value(&self, rows: Value, context: &EvalContext) -> Result<Value> {
        let mut step = Step { fold: self, state: self.initial.clone(), inputs: Vec::new() };
        let mut begun = !step.state.is_null();
        let rows = match rows {
            Value::Array(array) => array.values,
            _ => Vec::new(),
        };
        for row in rows {
            step.inputs = match row {
                Value::Record(record) if !self.plain => record.fields.into_iter().map(|field| field.value).collect(),
                value => vec![value],
            };
            if self.strict {
                if step.inputs.iter().take(self.inputs.len()).any(Value::is_null) {
                    continue;
                }
                if !begun {
                    begun = true;
                    step.state = step.inputs.swap_remove(0);
                    continue;
                }
                if step.state.is_null() {
                    continue;
                }
            }
            step.state = eval(&self.transition, context, &step)?;
        }
        step.inputs = Vec::new();
        eval(&self.finish, context, &step)
    }
}
