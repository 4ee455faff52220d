//! `f(VARIADIC array)`: a call whose last arguments are an array's elements.

use storage::Value;

use super::argument::int8;
use super::cast::write_text;
use super::define::stable;
use super::json::build::{VALUE_TO_JSON, VALUE_TO_KEY};
use super::resolve::takes_json_forms;
use super::{EvalContext, Function, function_by_oid};
use crate::error::{Error, Result};
use crate::types::oid::*;
use crate::types::text::into_text;

/// The function's oid, the type of the array's elements, whether they are wanted as text, the function's own arguments, the
/// array.
pub(crate) static SPREAD: Function =
    stable(9_120, "call_with_elements", &[OID, OID, BOOL, ANY], ANY, spread).variadic().takes_nulls();

/// The form that fills its gaps does without an array; all others answer NULL for none.
const FORMAT: u32 = 3539;

fn spread(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let [function, element, as_text, fixed @ .., array] = args else {
        return Err(Error::internal("a call with elements lacks them"));
    };
    let number = |value: &Value| u32::try_from(int8(value)?).map_err(|_| Error::internal("an oid out of range"));
    let (oid, element) = (number(function)?, number(element)?);
    let function = function_by_oid(oid).ok_or_else(|| Error::internal("a call of no function"))?;
    let elements: &[Value] = match array {
        Value::Array(array) => &array.values,
        _ if oid == FORMAT => &[],
        _ => return Ok(Value::Null),
    };
    let mut all = fixed.to_vec();
    let documents = takes_json_forms(function);
    for (index, value) in elements.iter().enumerate() {
        all.push(if documents && !value.is_null() {
            let is_key = matches!(function.oid, 3200 | 3273) && index % 2 == 0;
            let form = if is_key { &VALUE_TO_KEY } else { &VALUE_TO_JSON };
            (form.eval)(context, &[value.clone(), Value::Int8(i64::from(element))])?
        } else if *as_text == Value::Bool(true) && !value.is_null() {
            let mut text = Vec::new();
            write_text(value, element, context, &mut text);
            Value::Text(into_text(text).into())
        } else {
            value.clone()
        });
    }
    if function.strict && all.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    (function.eval)(context, &all)
}
