//! Documents as rows: their members, keys and elements.

use storage::Value;

use super::doc::{Doc, Shape, Source, wrong_shape};
use crate::error::Result;
use crate::function::TableFunction;
use crate::function::define::table;
use crate::types::oid::*;

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

pub(super) const FUNCTIONS: &[TableFunction] = &[
    table(3958, "json_each", &[JSON], &[("key", TEXT), ("value", JSON)], |_, args| {
        each(args, "json_each", |doc| doc.value())
    }),
    table(3208, "jsonb_each", &[JSONB], &[("key", TEXT), ("value", JSONB)], |_, args| {
        each(args, "jsonb_each", |doc| doc.value())
    }),
    table(3959, "json_each_text", &[JSON], &[("key", TEXT), ("value", TEXT)], |_, args| {
        each(args, "json_each_text", |doc| doc.text())
    }),
    table(3932, "jsonb_each_text", &[JSONB], &[("key", TEXT), ("value", TEXT)], |_, args| {
        each(args, "jsonb_each_text", |doc| doc.text())
    }),
    table(3957, "json_object_keys", &[JSON], &[("json_object_keys", TEXT)], |_, args| keys(args, "json_object_keys")),
    table(3931, "jsonb_object_keys", &[JSONB], &[("jsonb_object_keys", TEXT)], |_, args| {
        keys(args, "jsonb_object_keys")
    }),
    table(3955, "json_array_elements", &[JSON], &[("value", JSON)], |_, args| {
        elements(args, "json_array_elements", |doc| doc.value())
    }),
    table(3219, "jsonb_array_elements", &[JSONB], &[("value", JSONB)], |_, args| {
        elements(args, "jsonb_array_elements", |doc| doc.value())
    }),
    table(3969, "json_array_elements_text", &[JSON], &[("value", TEXT)], |_, args| {
        elements(args, "json_array_elements_text", |doc| doc.text())
    }),
    table(3465, "jsonb_array_elements_text", &[JSONB], &[("value", TEXT)], |_, args| {
        elements(args, "jsonb_array_elements_text", |doc| doc.text())
    }),
];

fn rows(rows: Vec<Vec<Value>>) -> Result<Rows> {
    Ok(Box::new(rows.into_iter().map(Ok)))
}

fn key(key: &str) -> Value {
    Value::Text(key.into())
}

fn each(args: &[Value], name: &str, value: fn(Doc<'_>) -> Value) -> Result<Rows> {
    if args[0].is_null() {
        return rows(Vec::new());
    }
    let source = Source::of(&args[0])?;
    let doc = source.doc();
    match (doc, doc.shape()) {
        (_, Shape::Object) => {}
        (Doc::Stored(_), _) => return Err(wrong_shape(format!("cannot call {name} on a non-object"))),
        (Doc::Text(_), Shape::Array) => return Err(wrong_shape("cannot deconstruct an array as an object")),
        (Doc::Text(_), _) => return Err(wrong_shape("cannot deconstruct a scalar")),
    }
    rows(doc.members().into_iter().map(|(name, member)| vec![key(name), value(member)]).collect())
}

fn keys(args: &[Value], name: &str) -> Result<Rows> {
    if args[0].is_null() {
        return rows(Vec::new());
    }
    let source = Source::of(&args[0])?;
    match source.doc().shape() {
        Shape::Object => rows(source.doc().members().into_iter().map(|(name, _)| vec![key(name)]).collect()),
        Shape::Array => Err(wrong_shape(format!("cannot call {name} on an array"))),
        _ => Err(wrong_shape(format!("cannot call {name} on a scalar"))),
    }
}

fn elements(args: &[Value], name: &str, value: fn(Doc<'_>) -> Value) -> Result<Rows> {
    if args[0].is_null() {
        return rows(Vec::new());
    }
    let source = Source::of(&args[0])?;
    let doc = source.doc();
    match (doc, doc.shape()) {
        (_, Shape::Array) => {}
        (Doc::Stored(_), Shape::Object) => return Err(wrong_shape("cannot extract elements from an object")),
        (Doc::Stored(_), _) => return Err(wrong_shape("cannot extract elements from a scalar")),
        (Doc::Text(_), Shape::Object) => return Err(wrong_shape(format!("cannot call {name} on a non-array"))),
        (Doc::Text(_), _) => return Err(wrong_shape(format!("cannot call {name} on a scalar"))),
    }
    rows(doc.elements().into_iter().map(|element| vec![value(element)]).collect())
}
