//! Documents as rows of columns that the query defines: `json_to_record` and `json_to_recordset`.

use storage::{Array, Value};

use super::doc::{Doc, Shape, Source, texts, wrong_shape};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{array, integer};
use crate::function::cast::read_text;
use crate::function::define::table;
use crate::function::{EvalContext, TableFunction};
use crate::types::json::document_text;
use crate::types::{Type, builtin, oid, oid::*};

/// Their columns are those of the call: three more arguments have the names, the types and the types' modifiers.
pub(super) const FUNCTIONS: &[TableFunction] = &[
    table(3204, "json_to_record", &[JSON], &[], one),
    table(3490, "jsonb_to_record", &[JSONB], &[], one),
    table(3205, "json_to_recordset", &[JSON], &[], |context, args| many(context, args, "json_to_recordset")),
    table(3491, "jsonb_to_recordset", &[JSONB], &[], |context, args| many(context, args, "jsonb_to_recordset")),
];

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

/// The columns that the query defines.
fn columns(args: &[Value]) -> Result<Vec<(&str, Type)>> {
    let [_, names, types, modifiers] = args else {
        return Err(Error::internal("a function of records was not told its columns"));
    };
    let types = array(types)?.values.iter().zip(&array(modifiers)?.values);
    let columns = texts(names)?.into_iter().zip(types).map(|(name, (ty, modifier))| {
        let ty = u32::try_from(integer(ty)?).map_err(|_| Error::internal("an oid out of range"))?;
        let modifier = i32::try_from(integer(modifier)?).map_err(|_| Error::internal("a modifier out of range"))?;
        Ok((name.unwrap_or_default(), Type::with_modifier(ty, modifier)))
    });
    columns.collect()
}

fn one(context: &EvalContext, args: &[Value]) -> Result<Rows> {
    let columns = columns(args)?;
    if args[0].is_null() {
        return Ok(Box::new(std::iter::once(Ok(vec![Value::Null; columns.len()]))));
    }
    let source = Source::of(&args[0])?;
    match source.doc().shape() {
        Shape::Object => {}
        // PostgreSQL names the function of its own that it has called here.
        Shape::Array => return Err(wrong_shape("cannot call populate_composite on an array")),
        _ => return Err(wrong_shape("cannot call populate_composite on a scalar")),
    }
    let row = record(source.doc(), &columns, context)?;
    Ok(Box::new(std::iter::once(Ok(row))))
}

fn many(context: &EvalContext, args: &[Value], name: &str) -> Result<Rows> {
    if args[0].is_null() {
        return Ok(Box::new(std::iter::empty()));
    }
    let columns = columns(args)?;
    let source = Source::of(&args[0])?;
    match (source.doc(), source.doc().shape()) {
        (_, Shape::Array) => {}
        (Doc::Stored(_), _) => return Err(wrong_shape(format!("cannot call {name} on a non-array"))),
        (_, Shape::Object) => return Err(wrong_shape(format!("cannot call {name} on an object"))),
        _ => return Err(wrong_shape(format!("cannot call {name} on a scalar"))),
    }
    let rows = source.doc().elements().into_iter().map(|element| match element.shape() {
        Shape::Object => record(element, &columns, context),
        _ => Err(wrong_shape(format!("argument of {name} must be an array of objects"))),
    });
    let rows: Vec<Vec<Value>> = rows.collect::<Result<_>>()?;
    Ok(Box::new(rows.into_iter().map(Ok)))
}

fn record(object: Doc<'_>, columns: &[(&str, Type)], context: &EvalContext) -> Result<Vec<Value>> {
    let field = |(name, ty): &(&str, Type)| match object.field(name) {
        Some(value) => converted(value, *ty, context),
        None => Ok(Value::Null),
    };
    columns.iter().map(field).collect()
}

/// A part of a document as a value of a type: through its text, but for arrays and documents.
fn converted(doc: Doc<'_>, ty: Type, context: &EvalContext) -> Result<Value> {
    let shape = doc.shape();
    match ty.oid {
        _ if shape == Shape::Null => Ok(Value::Null),
        oid::JSON | oid::JSONB => match doc.value() {
            Value::Text(text) => read_text(&text, ty, context),
            Value::Jsonb(bytes) if ty.oid == oid::JSON => Ok(Value::Text(document_text(&bytes).into())),
            document => Ok(document),
        },
        other => match builtin::info(other).filter(|info| info.is_array()) {
            Some(info) if shape == Shape::Array => {
                let element = Type::with_modifier(info.element, ty.modifier);
                let values = doc.elements().into_iter().map(|part| converted(part, element, context));
                let values = values.collect::<Result<Vec<_>>>()?;
                Ok(Value::Array(Box::new(Array::new(builtin::column_type(element)?, values))))
            }
            Some(_) if shape != Shape::String => {
                Err(Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array"))
            }
            _ => match doc.text() {
                Value::Text(text) => read_text(&text, ty, context),
                other => Ok(other),
            },
        },
    }
}
