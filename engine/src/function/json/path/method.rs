//! The item methods of paths: `.size()`, `.abs()` and the like.

use std::borrow::Cow;
use std::ops::ControlFlow;

use storage::Numeric;
use storage::value::jsonb::Json;

use super::eval::{Failure, Item, Outcome, Run, Sink, elements, soft};
use crate::error::{Error, SqlState};
use crate::types::jsonpath::{Method, Step};

impl<'a> Run<'a> {
    pub(super) fn method(
        &self,
        method: Method,
        steps: &[Step],
        rest: &[Step],
        item: Item<'a>,
        unwrap: bool,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let name = method.name();
        if let (Some(elements), true) = (elements(&item), unwrap && !matches!(method, Method::Size | Method::Type)) {
            return self.repeat(steps, elements, sink);
        }
        let result = match (method, &*item) {
            (Method::Type, json) => Json::String(kind(json).to_owned()),
            (Method::Size, Json::Array(elements)) => Json::Number(Numeric::from_i64(elements.len() as i64)),
            (Method::Size, _) if self.lax => Json::Number(Numeric::ONE),
            (Method::Size, _) => {
                return self.forgive(|| {
                    let words = format!("jsonpath item method .{name}() can only be applied to an array");
                    soft(SqlState::SQL_JSON_ARRAY_NOT_FOUND, words)
                });
            }
            (Method::Abs, Json::Number(value)) => Json::Number(value.abs()),
            (Method::Floor, Json::Number(value)) => Json::Number(value.floor()),
            (Method::Ceiling, Json::Number(value)) => Json::Number(value.ceil()),
            (Method::Abs | Method::Floor | Method::Ceiling, _) => {
                let words = format!("jsonpath item method .{name}() can only be applied to a numeric value");
                return Err(soft(SqlState::NON_NUMERIC_SQL_JSON_ITEM, words));
            }
            (Method::Double, json) => Json::Number(double(json)?),
            (Method::KeyValue, Json::Object(members)) if members.is_empty() => return Ok(ControlFlow::Continue(())),
            (Method::KeyValue, Json::Object(_)) => {
                // Each answer has an id that tells PostgreSQL's place of the object in its bytes.
                return Err(Failure::Hard(Error::unsupported("jsonpath item method .keyvalue()")));
            }
            (Method::KeyValue, _) => {
                let words = format!("jsonpath item method .{name}() can only be applied to an object");
                return Err(soft(SqlState::SQL_JSON_OBJECT_NOT_FOUND, words));
            }
        };
        self.steps(rest, Cow::Owned(result), self.lax, sink)
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A number that a float8 can hold, or the float8 that a string is.
fn double(json: &Json) -> Outcome<Numeric> {
    match json {
        Json::Number(value) if value.to_f64().is_finite() => Ok(value.clone()),
        Json::Number(_) => Err(soft(
            SqlState::NON_NUMERIC_SQL_JSON_ITEM,
            "numeric argument of jsonpath item method .double() is out of range for type double precision",
        )),
        Json::String(text) => {
            let words = "string argument of jsonpath item method .double() is not a valid representation of a double \
                         precision number";
            let invalid = || soft(SqlState::NON_NUMERIC_SQL_JSON_ITEM, words);
            let number: f64 = text.trim().parse().map_err(|_| invalid())?;
            if number.is_finite() { Ok(Numeric::from_f64(number)) } else { Err(invalid()) }
        }
        _ => Err(soft(
            SqlState::NON_NUMERIC_SQL_JSON_ITEM,
            "jsonpath item method .double() can only be applied to a string or numeric value",
        )),
    }
}
