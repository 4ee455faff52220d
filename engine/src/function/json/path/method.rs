//! The item methods of paths: `.size()`, `.abs()` and the like.

use std::ops::ControlFlow;

use storage::Numeric;
use storage::value::jsonb::Json;

use super::eval::{Base, Failure, Item, Outcome, Run, Sink, elements, soft};
use super::{datetime, place};
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
        let kind = match &item {
            Item::Time(moment) => datetime::kind(moment),
            item => item.json().map_or("", kind_of),
        };
        // A date or time is as little of a number, array or object as true is.
        let json = item.json().unwrap_or(&Json::Bool(true));
        let result = match (method, json) {
            (Method::Type, _) => Json::String(kind.to_owned()),
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
            (Method::KeyValue, Json::Object(members)) => return self.members(json, members, rest, sink),
            (Method::KeyValue, _) => {
                let words = format!("jsonpath item method .{name}() can only be applied to an object");
                return Err(soft(SqlState::SQL_JSON_OBJECT_NOT_FOUND, words));
            }
        };
        self.steps(rest, Item::Made(result), self.lax, sink)
    }

    /// An object for each member, with an id that tells the members' objects apart.
    fn members(
        &self,
        object: &Json,
        members: &[(String, Json)],
        rest: &[Step],
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let Some(distance) = place::distance(self.base.document, object) else {
            return Err(Failure::Hard(Error::internal("an object of a path lies outside of its document")));
        };
        let id = distance + self.base.number * BASE_BYTES_MAX;
        for (key, value) in members {
            let made = Json::object(vec![
                ("key".to_owned(), Json::String(key.clone())),
                ("value".to_owned(), value.clone()),
                ("id".to_owned(), Json::Number(Numeric::from_i64(id))),
            ]);
            let number = self.made_next.replace(self.made_next.get() + 1);
            // What follows is about parts of the object that is made here.
            let inner = self.within(Base { document: &made, number });
            if inner.steps(rest, Item::Part(&made), inner.lax, &mut |item| sink(item.into_owned()))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// How far the ids of one document's objects are from the next one's.
const BASE_BYTES_MAX: i64 = 10_000_000_000;

fn kind_of(json: &Json) -> &'static str {
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
