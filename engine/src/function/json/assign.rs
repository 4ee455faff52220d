//! Assignment to a part of a document, `j['a'][1] = …`: what is missing on the way there is made.

use storage::Value;
use storage::value::jsonb::Json;

use super::doc::{index_of, texts, tree, wrong_shape};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::boolean;
use crate::function::define::immutable;
use crate::function::{EvalContext, Function};
use crate::types::json::document;
use crate::types::oid::*;

/// Most elements that an array gets by an assignment far behind its end, which fills the gap with nulls.
const ELEMENTS_MAX: usize = 1 << 20;

/// The document with a part replaced: the document, the steps to the part, the part, and whether a document that was NULL becomes an
/// array.
pub(crate) static ASSIGN: Function =
    immutable(9_008, "jsonb_assign", &[JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, assign).takes_nulls();

fn assign(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let [whole, path, new, of_array] = args else {
        return Err(Error::internal("a document was to be changed without being told how"));
    };
    let path = texts(path)?.into_iter().collect::<Option<Vec<&str>>>().ok_or_else(|| {
        Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "jsonb subscript in assignment must not be null")
    })?;
    let mut json = match whole {
        Value::Null if boolean(of_array)? => Json::Array(Vec::new()),
        Value::Null => Json::Object(Vec::new()),
        whole => tree(whole)?,
    };
    let new = if new.is_null() { Json::Null } else { tree(new)? };
    put(&mut json, &path, 0, new)?;
    document(&json)
}

/// Puts a value where the steps from `level` on lead.
fn put(json: &mut Json, path: &[&str], level: usize, new: Json) -> Result<()> {
    let Some(step) = path.get(level) else {
        *json = new;
        return Ok(());
    };
    match json {
        Json::Object(members) => {
            let at = match Json::find(members, step) {
                Ok(at) => return put(&mut members[at].1, path, level + 1, new),
                Err(at) => at,
            };
            members.insert(at, ((*step).to_owned(), chain(path, level + 1, new)?));
            Ok(())
        }
        Json::Array(elements) => {
            let index = index_of(step).ok_or_else(|| {
                let message = format!("path element at position {} is not an integer: \"{step}\"", level + 1);
                Error::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
            })?;
            let from_end = if index < 0 { elements.len() as i64 } else { 0 };
            let at = usize::try_from(from_end + i64::from(index))
                .map_err(|_| wrong_shape(format!("path element at position {} is out of range: {index}", level + 1)))?;
            if let Some(element) = elements.get_mut(at) {
                return put(element, path, level + 1, new);
            }
            fill(elements, at)?;
            elements.push(chain(path, level + 1, new)?);
            Ok(())
        }
        _ => Err(wrong_shape("cannot replace existing key")
            .with_detail("The path assumes key is a composite object, but it is a scalar value.")),
    }
}

/// A value inside of new documents for the steps from `level` on: arrays for numbers, objects for all others.
fn chain(path: &[&str], level: usize, new: Json) -> Result<Json> {
    path[level..].iter().rev().try_fold(new, |inner, step| {
        let Some(index) = index_of(step) else { return Ok(Json::Object(vec![((*step).to_owned(), inner)])) };
        let mut elements = Vec::new();
        fill(&mut elements, usize::try_from(index).unwrap_or(0))?;
        elements.push(inner);
        Ok(Json::Array(elements))
    })
}

/// Makes an array that long with nulls.
fn fill(elements: &mut Vec<Json>, length: usize) -> Result<()> {
    if length >= ELEMENTS_MAX {
        let message = format!("number of jsonb array elements exceeds the maximum allowed ({ELEMENTS_MAX})");
        return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
    }
    elements.resize(length.max(elements.len()), Json::Null);
    Ok(())
}
