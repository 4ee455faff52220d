//! Scalars out of documents: the explicit casts of jsonb.

use storage::Value;
use storage::value::jsonb::Node;

use super::doc::{shape, stored, wrong_shape};
use crate::error::{Error, Result};
use crate::function::define::immutable;
use crate::function::{EvalContext, Function, function_by_oid};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(3556, "bool", &[JSONB], BOOL, |_, args| match Node::of(stored(&args[0])?) {
        Node::Bool(value) => Ok(Value::Bool(value)),
        other => Err(refused(&other, "boolean")),
    }),
    immutable(3449, "numeric", &[JSONB], NUMERIC, |_, args| number(&args[0], "numeric")),
    immutable(3450, "int2", &[JSONB], INT2, |context, args| converted(context, &args[0], "smallint", 1783)),
    immutable(3451, "int4", &[JSONB], INT4, |context, args| converted(context, &args[0], "integer", 1744)),
    immutable(3452, "int8", &[JSONB], INT8, |context, args| converted(context, &args[0], "bigint", 1779)),
    immutable(3453, "float4", &[JSONB], FLOAT4, |context, args| converted(context, &args[0], "real", 1745)),
    immutable(2580, "float8", &[JSONB], FLOAT8, |context, args| converted(context, &args[0], "double precision", 1746)),
    immutable(JSON_TO_JSONB, "json_to_jsonb", &[JSON], JSONB, |_, args| {
        crate::types::json::read_document(crate::function::argument::text(&args[0])?)
    }),
    immutable(JSONB_TO_JSON, "jsonb_to_json", &[JSONB], JSON, |_, args| {
        crate::function::argument::text_of(crate::types::json::document_text(stored(&args[0])?))
    }),
];

/// PostgreSQL converts between its two types through their text; these do the same at once.
pub(in crate::function) const JSON_TO_JSONB: u32 = 9_110;
pub(in crate::function) const JSONB_TO_JSON: u32 = 9_111;

fn refused(node: &Node<'_>, target: &str) -> Error {
    wrong_shape(format!(
        "cannot cast jsonb {} to type {target}",
        match shape(node).name() {
            "number" => "numeric",
            name => name,
        }
    ))
}

fn number(document: &Value, target: &str) -> Result<Value> {
    match Node::of(stored(document)?) {
        Node::Number(value) => Ok(Value::Numeric(Box::new(value))),
        other => Err(refused(&other, target)),
    }
}

/// The number, by the function that makes the type of numerics.
fn converted(context: &EvalContext, document: &Value, target: &str, function: u32) -> Result<Value> {
    let number = number(document, target)?;
    let function = function_by_oid(function).ok_or_else(|| Error::internal("a cast of numeric is gone"))?;
    (function.eval)(context, &[number])
}
