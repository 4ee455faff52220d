//! Changed documents: `||`, `-`, nulls stripped, indentation.

use storage::Value;
use storage::value::jsonb::Json;

use super::doc::{Doc, Shape, Source, stored, texts, tree, wrong_shape};
use crate::error::Result;
use crate::function::argument::{int4, text, text_of};
use crate::function::define::immutable;
use crate::function::{EvalContext, Function};
use crate::types::json::{document, write_pretty, write_string};
use crate::types::oid::*;
use crate::types::text::into_text;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(3301, "jsonb_concat", &[JSONB, JSONB], JSONB, concat),
    immutable(3302, "jsonb_delete", &[JSONB, TEXT], JSONB, |_, args| delete(&args[0], &[text(&args[1])?])),
    immutable(3343, "jsonb_delete", &[JSONB, TEXT_ARRAY], JSONB, |_, args| {
        let keys: Vec<&str> = texts(&args[1])?.into_iter().flatten().collect();
        delete(&args[0], &keys)
    }),
    immutable(3303, "jsonb_delete", &[JSONB, INT4], JSONB, delete_index),
    immutable(3261, "json_strip_nulls", &[JSON], JSON, |_, args| {
        let source = Source::of(&args[0])?;
        let mut out = Vec::new();
        write_without_nulls(source.doc(), &mut out);
        text_of(into_text(out))
    }),
    immutable(3262, "jsonb_strip_nulls", &[JSONB], JSONB, |_, args| document(&without_nulls(tree(&args[0])?))),
    immutable(3306, "jsonb_pretty", &[JSONB], TEXT, |_, args| {
        let mut out = Vec::new();
        write_pretty(stored(&args[0])?, 0, &mut out);
        text_of(into_text(out))
    }),
];

/// Members of both objects, the second's where both have a key; all else as arrays one after the other.
fn concat(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let joined = match (tree(&args[0])?, tree(&args[1])?) {
        (Json::Object(mut first), Json::Object(second)) => {
            first.extend(second);
            Json::object(first)
        }
        (first, second) => {
            let mut elements = as_elements(first);
            elements.extend(as_elements(second));
            Json::Array(elements)
        }
    };
    document(&joined)
}

fn as_elements(json: Json) -> Vec<Json> {
    match json {
        Json::Array(elements) => elements,
        other => vec![other],
    }
}

/// Without the members of these keys, or the elements that are these strings.
fn delete(from: &Value, keys: &[&str]) -> Result<Value> {
    let mut json = tree(from)?;
    match &mut json {
        Json::Object(members) => members.retain(|(key, _)| !keys.contains(&key.as_str())),
        Json::Array(elements) => {
            elements.retain(|element| !matches!(element, Json::String(text) if keys.contains(&text.as_str())));
        }
        _ => return Err(wrong_shape("cannot delete from scalar")),
    }
    document(&json)
}

fn delete_index(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let mut json = tree(&args[0])?;
    let index = i64::from(int4(&args[1])?);
    match &mut json {
        Json::Array(elements) => {
            let from_start = if index < 0 { elements.len() as i64 + index } else { index };
            if let Some(position) = usize::try_from(from_start).ok().filter(|position| *position < elements.len()) {
                elements.remove(position);
            }
        }
        Json::Object(_) => return Err(wrong_shape("cannot delete from object using integer index")),
        _ => return Err(wrong_shape("cannot delete from scalar")),
    }
    document(&json)
}

fn without_nulls(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| *value != Json::Null);
            Json::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Json::Array(elements) => Json::Array(elements.into_iter().map(without_nulls).collect()),
        scalar => scalar,
    }
}

/// json is written anew, without spaces, in its own order.
fn write_without_nulls(doc: Doc<'_>, out: &mut Vec<u8>) {
    match doc.shape() {
        Shape::Object => {
            out.push(b'{');
            let kept = doc.members().into_iter().filter(|(_, value)| value.shape() != Shape::Null);
            for (index, (key, value)) in kept.enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write_without_nulls(value, out);
            }
            out.push(b'}');
        }
        Shape::Array => {
            out.push(b'[');
            for (index, element) in doc.elements().into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_without_nulls(element, out);
            }
            out.push(b']');
        }
        Shape::String => {
            if let Value::Text(text) = doc.text() {
                write_string(&text, out);
            }
        }
        _ => {
            if let Value::Text(text) = doc.value() {
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}
