//! Parts of documents: `->`, `->>`, `#>`, `#>>`, and what a document is.

use storage::Value;

use super::doc::{Doc, Shape, Source, index_of, texts, wrong_shape};
use crate::error::Result;
use crate::function::argument::{int4, text, text_of};
use crate::function::define::immutable;
use crate::function::{EvalContext, Function};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(3947, "json_object_field", &[JSON, TEXT], JSON, field),
    immutable(3478, "jsonb_object_field", &[JSONB, TEXT], JSONB, field),
    immutable(3948, "json_object_field_text", &[JSON, TEXT], TEXT, field_text),
    immutable(3214, "jsonb_object_field_text", &[JSONB, TEXT], TEXT, field_text),
    immutable(3949, "json_array_element", &[JSON, INT4], JSON, element),
    immutable(3215, "jsonb_array_element", &[JSONB, INT4], JSONB, element),
    immutable(3950, "json_array_element_text", &[JSON, INT4], TEXT, element_text),
    immutable(3216, "jsonb_array_element_text", &[JSONB, INT4], TEXT, element_text),
    immutable(3951, "json_extract_path", &[JSON, TEXT], JSON, at_keys).variadic(),
    immutable(3217, "jsonb_extract_path", &[JSONB, TEXT], JSONB, at_keys).variadic(),
    immutable(3953, "json_extract_path_text", &[JSON, TEXT], TEXT, at_keys_text).variadic(),
    immutable(3940, "jsonb_extract_path_text", &[JSONB, TEXT], TEXT, at_keys_text).variadic(),
    // The same of an array: what the operators run.
    immutable(JSON_AT_PATH, "json_at_path", &[JSON, TEXT_ARRAY], JSON, at_path),
    immutable(JSONB_AT_PATH, "jsonb_at_path", &[JSONB, TEXT_ARRAY], JSONB, at_path),
    immutable(JSON_TEXT_AT_PATH, "json_text_at_path", &[JSON, TEXT_ARRAY], TEXT, at_path_text),
    immutable(JSONB_TEXT_AT_PATH, "jsonb_text_at_path", &[JSONB, TEXT_ARRAY], TEXT, at_path_text),
    immutable(3968, "json_typeof", &[JSON], TEXT, kind),
    immutable(3210, "jsonb_typeof", &[JSONB], TEXT, kind),
    immutable(3956, "json_array_length", &[JSON], INT4, length),
    immutable(3207, "jsonb_array_length", &[JSONB], INT4, length),
];

/// Numbers beyond those that PostgreSQL gives out: there, one function takes both an array and several keys.
pub(in crate::function) const JSON_AT_PATH: u32 = 9_112;
pub(crate) const JSONB_AT_PATH: u32 = 9_113;
pub(in crate::function) const JSON_TEXT_AT_PATH: u32 = 9_114;
pub(in crate::function) const JSONB_TEXT_AT_PATH: u32 = 9_115;

/// The part that `find` finds, as `value` wants it.
fn part(
    args: &[Value],
    find: impl for<'a> FnOnce(Doc<'a>) -> Option<Doc<'a>>,
    value: impl FnOnce(Doc<'_>) -> Value,
) -> Result<Value> {
    let source = Source::of(&args[0])?;
    Ok(find(source.doc()).map_or(Value::Null, value))
}

fn field(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let key = text(&args[1])?;
    part(args, |doc| doc.field(key), |found| found.value())
}

fn field_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let key = text(&args[1])?;
    part(args, |doc| doc.field(key), |found| found.text())
}

/// A stored scalar is an array of one here: PostgreSQL stores it so, and it shows.
fn nth(doc: Doc<'_>, index: i32) -> Option<Doc<'_>> {
    let scalar = matches!(doc, Doc::Stored(_)) && !matches!(doc.shape(), Shape::Array | Shape::Object);
    if scalar { matches!(index, 0 | -1).then_some(doc) } else { doc.element(index) }
}

fn element(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let index = int4(&args[1])?;
    part(args, |doc| nth(doc, index), |found| found.value())
}

fn element_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let index = int4(&args[1])?;
    part(args, |doc| nth(doc, index), |found| found.text())
}

/// Follows a path of keys and indexes; NULL in it leads nowhere.
fn follow<'a>(doc: Doc<'a>, path: &[Option<&str>]) -> Option<Doc<'a>> {
    path.iter().try_fold(doc, |doc, step| {
        let step = (*step)?;
        match doc.shape() {
            Shape::Array => doc.element(index_of(step)?),
            _ => doc.field(step),
        }
    })
}

fn at_path(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = texts(&args[1])?;
    part(args, |doc| follow(doc, &path), |found| found.value())
}

fn at_path_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = texts(&args[1])?;
    part(args, |doc| follow(doc, &path), |found| found.text())
}

fn keys(args: &[Value]) -> Result<Vec<Option<&str>>> {
    args[1..].iter().map(|key| text(key).map(Some)).collect()
}

fn at_keys(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = keys(args)?;
    part(args, |doc| follow(doc, &path), |found| found.value())
}

fn at_keys_text(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = keys(args)?;
    part(args, |doc| follow(doc, &path), |found| found.text())
}

fn kind(_: &EvalContext, args: &[Value]) -> Result<Value> {
    text_of(Source::of(&args[0])?.doc().shape().name())
}

fn length(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let source = Source::of(&args[0])?;
    match (source.doc().length(), source.doc().shape()) {
        (Some(length), _) => Ok(Value::Int4(i32::try_from(length).unwrap_or(i32::MAX))),
        (None, Shape::Object) => Err(wrong_shape("cannot get array length of a non-array")),
        (None, _) => Err(wrong_shape("cannot get array length of a scalar")),
    }
}
