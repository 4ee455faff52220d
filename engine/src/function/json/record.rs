//! Documents as rows of columns that the query defines: `json_to_record` and `json_to_recordset`.

use storage::{Array, Field, Record, Value};

use super::doc::{Doc, Shape, Source, texts, wrong_shape};
use crate::catalog::Attribute;
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{array, integer};
use crate::function::array::nested;
use crate::function::cast::read_text;
use crate::function::define::{stable, table};
use crate::function::{EvalContext, Function, TableFunction, resolve};
use crate::types::json::document_text;
use crate::types::{Type, builtin, oid, oid::*};

pub(super) const SCALARS: &[Function] = &[
    // The binder adds the type of the first argument.
    stable(FILLS_ROW[0], "json_populate_record", &[ANYELEMENT, JSON], ANYELEMENT, populate).takes_nulls(),
    stable(FILLS_ROW[1], "jsonb_populate_record", &[ANYELEMENT, JSONB], ANYELEMENT, populate).takes_nulls(),
];

/// The functions, by oid, that fill a row from a document.
pub(crate) const FILLS_ROW: [u32; 2] = [3960, 3209];

/// A row, a document whose fields take the place of those of the same names, and the row's type.
fn populate(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let [base, document, ty] = args else { return Err(Error::internal("a row was not told its type")) };
    let ty = u32::try_from(integer(ty)?).map_err(|_| Error::internal("an oid out of range"))?;
    let Some(attributes) = context.catalog.attributes(builtin::base_of(ty)).or_else(|| attributes_of(base)) else {
        if builtin::base_of(ty) == RECORD {
            let words = "could not determine row type for result of json_populate_record";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).with_hint(ROW_TYPE_HINT));
        }
        let words = "first argument of json_populate_record must be a row type";
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, words));
    };
    if document.is_null() {
        return Ok(base.clone());
    }
    let base = if let Value::Record(record) = base { Some(record.as_ref()) } else { None };
    let source = Source::of(document)?;
    composite(source.doc(), (builtin::base_of(ty), &attributes), base, context)
}

/// How a call says which row it wants.
const ROW_TYPE_HINT: &str = "Provide a non-null record argument, or call the function in the FROM clause using a \
                             column definition list.";

/// The fields of a row of no named type, which are called `f1`, `f2` and so on.
fn attributes_of(row: &Value) -> Option<Vec<Attribute>> {
    let Value::Record(record) = row else { return None };
    let named = record.fields.iter().enumerate();
    Some(named.map(|(at, field)| Attribute { name: name_of(field, at), ty: Type::new(field.ty) }).collect())
}

/// What a field of a row of no named type is called, by its place.
fn name_of(field: &Field, at: usize) -> String {
    if field.name.is_empty() { format!("f{}", at + 1) } else { field.name.to_string() }
}

/// An object as a row of a type; what it does not say is as in `base`, or NULL.
fn composite(
    doc: Doc<'_>,
    (ty, attributes): (u32, &[Attribute]),
    base: Option<&Record>,
    context: &EvalContext,
) -> Result<Value> {
    check_object(&doc)?;
    let mut fields = Vec::with_capacity(attributes.len());
    for (at, attribute) in attributes.iter().enumerate() {
        let value = match doc.field(&attribute.name) {
            Some(part) => converted(part, attribute.ty, context)?,
            None => base.and_then(|base| base.fields.get(at)).map_or(Value::Null, |field| field.value.clone()),
        };
        resolve::check_defined(&value, attribute.ty.oid, context)?;
        fields.push(Field { name: "".into(), ty: attribute.ty.oid, value });
    }
    Ok(Value::Record(Box::new(Record { ty, fields })))
}

/// An array, of as many dimensions as arrays are in each other.
fn elements(doc: Doc<'_>, element: Type, context: &EvalContext) -> Result<Array> {
    let layout = builtin::column_type(element)?;
    let parts = doc.elements();
    if parts.first().is_some_and(|part| part.shape() == Shape::Array) {
        let malformed = || {
            Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "malformed JSON array")
                .with_detail("Multidimensional arrays must have sub-arrays with matching dimensions.")
        };
        let mut arrays = Vec::with_capacity(parts.len());
        for part in parts {
            if part.shape() != Shape::Array {
                return Err(Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array"));
            }
            arrays.push(Value::Array(Box::new(elements(part, element, context)?)));
        }
        return nested(layout, &arrays, malformed);
    }
    let values = parts.into_iter().map(|part| converted(part, element, context)).collect::<Result<Vec<_>>>()?;
    Ok(Array::new(layout, values))
}

fn check_object(doc: &Doc<'_>) -> Result<()> {
    match doc.shape() {
        Shape::Object => Ok(()),
        // PostgreSQL names the function of its own that it has called here.
        Shape::Array => Err(wrong_shape("cannot call populate_composite on an array")),
        _ => Err(wrong_shape("cannot call populate_composite on a scalar")),
    }
}

/// Their columns are those of the call: three more arguments have the names, the types and the types' modifiers. A fourth
/// may be a row that has what a document does not say, a fifth the domain whose values the rows are.
pub(super) const FUNCTIONS: &[TableFunction] = &[
    table(3204, "json_to_record", &[JSON], &[], one),
    table(3490, "jsonb_to_record", &[JSONB], &[], one),
    table(3205, "json_to_recordset", &[JSON], &[], |context, args| many(context, args, "json_to_recordset")),
    table(3491, "jsonb_to_recordset", &[JSONB], &[], |context, args| many(context, args, "jsonb_to_recordset")),
];

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

/// The columns that the query defines.
fn columns(args: &[Value]) -> Result<Vec<(&str, Type)>> {
    let [_, names, types, modifiers, ..] = args else {
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

/// The row that has what a document does not say.
fn base(args: &[Value]) -> Option<&Record> {
    match args.get(4) {
        Some(Value::Record(record)) => Some(record),
        _ => None,
    }
}

/// The rules of a domain that rows are of.
fn check_row(row: Vec<Value>, columns: &[(&str, Type)], args: &[Value], context: &EvalContext) -> Result<Vec<Value>> {
    let Some(domain) = args.get(5) else { return Ok(row) };
    let domain = u32::try_from(integer(domain)?).map_err(|_| Error::internal("an oid out of range"))?;
    let field = |(value, (_, ty)): (&Value, &(&str, Type))| Field { name: "".into(), ty: ty.oid, value: value.clone() };
    let fields = row.iter().zip(columns).map(field).collect();
    let record = Value::Record(Box::new(Record { ty: builtin::base_of(domain), fields }));
    resolve::check_defined(&record, domain, context)?;
    Ok(row)
}

fn one(context: &EvalContext, args: &[Value]) -> Result<Rows> {
    let columns = columns(args)?;
    if args[0].is_null() {
        let row = match base(args) {
            Some(base) => base.fields.iter().map(|field| field.value.clone()).collect(),
            None => vec![Value::Null; columns.len()],
        };
        return Ok(Box::new(std::iter::once(Ok(row))));
    }
    let source = Source::of(&args[0])?;
    check_object(&source.doc())?;
    let row = record(source.doc(), &columns, base(args), context)?;
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
        Shape::Object => {
            let row = record(element, &columns, base(args), context)?;
            check_row(row, &columns, args, context)
        }
        _ => Err(wrong_shape(format!("argument of {name} must be an array of objects"))),
    });
    let rows: Vec<Vec<Value>> = rows.collect::<Result<_>>()?;
    Ok(Box::new(rows.into_iter().map(Ok)))
}

fn record(
    object: Doc<'_>,
    columns: &[(&str, Type)],
    base: Option<&Record>,
    context: &EvalContext,
) -> Result<Vec<Value>> {
    let field = |(at, (name, ty)): (usize, &(&str, Type))| -> Result<Value> {
        let own = base.and_then(|base| base.fields.get(at));
        // A row of no named type has names of its own, whatever the query calls the columns.
        let unnamed = own.filter(|_| base.is_some_and(|base| base.ty == RECORD));
        let part = match unnamed {
            Some(field) => object.field(&name_of(field, at)),
            None => object.field(name),
        };
        let value = match part {
            Some(part) => converted(part, *ty, context)?,
            None => own.map_or(Value::Null, |field| field.value.clone()),
        };
        resolve::check_defined(&value, ty.oid, context)?;
        Ok(value)
    };
    columns.iter().enumerate().map(field).collect()
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
        other if shape != Shape::String && builtin::is_composite(builtin::base_of(other)) => {
            let ty = builtin::base_of(other);
            composite(doc, (ty, &context.catalog.attributes(ty).unwrap_or_default()), None, context)
        }
        other => match builtin::info(builtin::base_of(other)).filter(|info| info.is_array()) {
            Some(info) if shape == Shape::Array => {
                let element = Type::with_modifier(info.element, ty.modifier);
                Ok(Value::Array(Box::new(elements(doc, element, context)?)))
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
