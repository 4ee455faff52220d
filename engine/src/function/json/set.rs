//! A part of a document replaced, added or taken away: `jsonb_set`, `jsonb_insert`, `#-`.

use storage::Value;
use storage::value::jsonb::Json;

use super::doc::{index_of, texts, tree, wrong_shape};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{boolean, text};
use crate::function::define::immutable;
use crate::function::{EvalContext, Function};
use crate::types::json::document;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(3305, "jsonb_set", &[JSONB, TEXT_ARRAY, JSONB], JSONB, set),
    immutable(3305, "jsonb_set", &[JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, set),
    immutable(5054, "jsonb_set_lax", &[JSONB, TEXT_ARRAY, JSONB], JSONB, set_lax).takes_nulls(),
    immutable(5054, "jsonb_set_lax", &[JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, set_lax).takes_nulls(),
    immutable(5054, "jsonb_set_lax", &[JSONB, TEXT_ARRAY, JSONB, BOOL, TEXT], JSONB, set_lax).takes_nulls(),
    immutable(3579, "jsonb_insert", &[JSONB, TEXT_ARRAY, JSONB], JSONB, insert),
    immutable(3579, "jsonb_insert", &[JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, insert),
    immutable(3304, "jsonb_delete_path", &[JSONB, TEXT_ARRAY], JSONB, |_, args| {
        change(&args[0], &texts(&args[1])?, &Change::Delete, "cannot delete path in scalar")
    }),
];

/// What is done at the end of a path.
enum Change {
    Delete,
    /// Only what is there is replaced.
    Replace(Json),
    /// Replaced, or added to its object or the end or beginning of its array.
    Set(Json),
    InsertBefore(Json),
    InsertAfter(Json),
}

impl Change {
    /// What is put where nothing is.
    fn added(&self) -> Option<&Json> {
        match self {
            Change::Delete | Change::Replace(_) => None,
            Change::Set(new) | Change::InsertBefore(new) | Change::InsertAfter(new) => Some(new),
        }
    }
}

fn set(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let new = tree(&args[2])?;
    let create = args.get(3).map_or(Ok(true), boolean)?;
    let what = if create { Change::Set(new) } else { Change::Replace(new) };
    change(&args[0], &texts(&args[1])?, &what, "cannot set path in scalar")
}

fn insert(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let new = tree(&args[2])?;
    let after = args.get(3).map_or(Ok(false), boolean)?;
    let what = if after { Change::InsertAfter(new) } else { Change::InsertBefore(new) };
    change(&args[0], &texts(&args[1])?, &what, "cannot set path in scalar")
}

fn set_lax(context: &EvalContext, args: &[Value]) -> Result<Value> {
    if args[0].is_null() || args[1].is_null() || args.get(3).is_some_and(Value::is_null) {
        return Ok(Value::Null);
    }
    let treatment = match args.get(4) {
        None => "use_json_null",
        Some(Value::Null) => "",
        Some(treatment) => text(treatment)?,
    };
    let create = args.get(3).map_or(Ok(true), boolean)?;
    match treatment {
        "delete_key" | "return_target" | "use_json_null" | "raise_exception" if !args[2].is_null() => {
            set(context, &[args[0].clone(), args[1].clone(), args[2].clone(), Value::Bool(create)])
        }
        "delete_key" => change(&args[0], &texts(&args[1])?, &Change::Delete, "cannot delete path in scalar"),
        "return_target" => Ok(args[0].clone()),
        "use_json_null" => {
            set(context, &[args[0].clone(), args[1].clone(), document(&Json::Null)?, Value::Bool(create)])
        }
        "raise_exception" => Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "JSON value must not be null")
            .with_detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .with_hint(
                "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
            )),
        _ => Err(wrong_shape(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        )),
    }
}

fn change(target: &Value, path: &[Option<&str>], what: &Change, scalar: &'static str) -> Result<Value> {
    let mut json = tree(target)?;
    let empty = match &json {
        Json::Array(elements) => elements.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => return Err(wrong_shape(scalar)),
    };
    if path.is_empty() || empty && what.added().is_none() {
        return Ok(target.clone());
    }
    descend(&mut json, path, 0, what)?;
    document(&json)
}

fn descend(json: &mut Json, path: &[Option<&str>], level: usize, what: &Change) -> Result<()> {
    let Some(step) = path.get(level) else { return Ok(()) };
    let step = step.ok_or_else(|| {
        Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, format!("path element at position {} is null", level + 1))
    })?;
    match json {
        Json::Object(members) => in_object(members, step, path, level, what),
        Json::Array(elements) => in_array(elements, step, path, level, what),
        _ => Ok(()),
    }
}

fn in_object(
    members: &mut Vec<(String, Json)>,
    key: &str,
    path: &[Option<&str>],
    level: usize,
    what: &Change,
) -> Result<()> {
    let last = level + 1 == path.len();
    match (Json::find(members, key), what) {
        (Ok(at), _) if !last => descend(&mut members[at].1, path, level + 1, what),
        (Ok(_), Change::InsertBefore(_) | Change::InsertAfter(_)) => Err(wrong_shape("cannot replace existing key")
            .with_hint("Try using the function jsonb_set to replace key value.")),
        (Ok(at), Change::Delete) => {
            members.remove(at);
            Ok(())
        }
        (Ok(at), Change::Replace(new) | Change::Set(new)) => {
            members[at].1 = new.clone();
            Ok(())
        }
        (Err(at), what) => {
            if let (true, Some(new)) = (last, what.added()) {
                members.insert(at, (key.to_owned(), new.clone()));
            }
            Ok(())
        }
    }
}

fn in_array(elements: &mut Vec<Json>, step: &str, path: &[Option<&str>], level: usize, what: &Change) -> Result<()> {
    let last = level + 1 == path.len();
    let index = index_of(step).ok_or_else(|| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("path element at position {} is not an integer: \"{step}\"", level + 1),
        )
    })?;
    let position = if index < 0 { elements.len() as i64 + i64::from(index) } else { i64::from(index) };
    let Some(at) = usize::try_from(position).ok().filter(|at| *at < elements.len()) else {
        if let (true, Some(new)) = (last, what.added()) {
            let at = if position < 0 { 0 } else { elements.len() };
            elements.insert(at, new.clone());
        }
        return Ok(());
    };
    if !last {
        return descend(&mut elements[at], path, level + 1, what);
    }
    match what {
        Change::Delete => drop(elements.remove(at)),
        Change::Replace(new) | Change::Set(new) => elements[at] = new.clone(),
        Change::InsertBefore(new) => elements.insert(at, new.clone()),
        Change::InsertAfter(new) => elements.insert(at + 1, new.clone()),
    }
    Ok(())
}
