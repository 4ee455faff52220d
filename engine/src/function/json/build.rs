//! Documents out of values: `to_json`, `json_build_object`, `json_object`, and rows.
//!
//! How a value is written depends on its SQL type, which values here do not know. So the binder wraps each argument into
//! [`VALUE_TO_JSON`] or [`VALUE_TO_KEY`] with its type's oid, and what builds documents takes JSON text.

use storage::value::jsonb::Json;
use storage::{Dimension, Record, Value};

use super::doc::{texts, wrong_shape};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{array, boolean, int8, subscript_error, text, text_of};
use crate::function::cast::write_text;
use crate::function::define::{immutable, stable};
use crate::function::{EvalContext, Function};
use crate::types::datetime::DateStyle;
use crate::types::json::{document, document_text, read_document, write_string};
use crate::types::text::into_text;
use crate::types::{builtin, datetime, oid, oid::*};

pub(super) const FUNCTIONS: &[Function] = &[
    // These are given JSON text by the binder.
    stable(3176, "to_json", &[ANYELEMENT], JSON, |_, args| Ok(args[0].clone())),
    stable(3787, "to_jsonb", &[ANYELEMENT], JSONB, |_, args| read_document(text(&args[0])?)),
    stable(3153, "array_to_json", &[ANYARRAY], JSON, |_, args| Ok(args[0].clone())),
    stable(3154, "array_to_json", &[ANYARRAY, BOOL], JSON, |_, args| Ok(args[0].clone())),
    stable(3155, "row_to_json", &[RECORD], JSON, |_, args| Ok(args[0].clone())),
    stable(3156, "row_to_json", &[RECORD, BOOL], JSON, |_, args| Ok(args[0].clone())),
    stable(3199, "json_build_array", &[], JSON, |_, args| text_of(array_text(args)?)).takes_nulls(),
    stable(3198, "json_build_array", &[ANY], JSON, |_, args| text_of(array_text(args)?)).variadic().takes_nulls(),
    stable(3272, "jsonb_build_array", &[], JSONB, |_, args| read_document(&array_text(args)?)).takes_nulls(),
    stable(3271, "jsonb_build_array", &[ANY], JSONB, |_, args| read_document(&array_text(args)?))
        .variadic()
        .takes_nulls(),
    stable(3201, "json_build_object", &[], JSON, build_object).takes_nulls(),
    stable(3200, "json_build_object", &[ANY], JSON, build_object).variadic().takes_nulls(),
    stable(3274, "jsonb_build_object", &[], JSONB, build_document).takes_nulls(),
    stable(3273, "jsonb_build_object", &[ANY], JSONB, build_document).variadic().takes_nulls(),
    immutable(3202, "json_object", &[TEXT_ARRAY], JSON, |_, args| text_of(pairs_text(&pairs(args)?))),
    immutable(3203, "json_object", &[TEXT_ARRAY, TEXT_ARRAY], JSON, |_, args| text_of(pairs_text(&pairs(args)?))),
    immutable(3263, "jsonb_object", &[TEXT_ARRAY], JSONB, |_, args| pairs_document(&pairs(args)?)),
    immutable(3264, "jsonb_object", &[TEXT_ARRAY, TEXT_ARRAY], JSONB, |_, args| pairs_document(&pairs(args)?)),
];

/// A value and its type's oid, as JSON text. NULL stays NULL.
pub(crate) static VALUE_TO_JSON: Function = stable(9_100, "value_to_json", &[ANY, OID], JSON, |context, args| {
    let mut out = Vec::with_capacity(32);
    write_json(&args[0], type_oid(&args[1])?, context, &mut out)?;
    text_of(into_text(out))
});

/// The same for a key: its text.
pub(crate) static VALUE_TO_KEY: Function = stable(9_101, "value_to_key", &[ANY, OID], TEXT, |context, args| {
    let mut out = Vec::with_capacity(32);
    write_key(&args[0], type_oid(&args[1])?, context, &mut out)?;
    text_of(into_text(out))
});

/// An array or a record, its type's oid, and whether each part has a line of its own.
pub(crate) static ARRAY_TO_JSON: Function =
    stable(9_102, "array_value_to_json", &[ANYARRAY, OID, BOOL], JSON, |context, args| {
        let mut out = Vec::with_capacity(32);
        let between = if boolean(&args[2])? { ",\n " } else { "," };
        match &args[0] {
            Value::Record(record) => write_record(record, between, context, &mut out)?,
            array => write_array(array, type_oid(&args[1])?, between, context, &mut out)?,
        }
        text_of(into_text(out))
    });

/// A row: whether each field has a line of its own, then each field's name and its value as JSON.
pub(crate) static ROW_TO_JSON: Function = stable(9_103, "fields_to_json", &[BOOL, ANY], JSON, |_, args| {
    let Some((pretty, fields)) = args.split_first() else { return Ok(Value::Null) };
    if pretty.is_null() {
        return Ok(Value::Null);
    }
    let between: &[u8] = if boolean(pretty)? { b",\n " } else { b"," };
    let mut out = vec![b'{'];
    for (index, field) in fields.chunks(2).enumerate() {
        if index > 0 {
            out.extend_from_slice(between);
        }
        let [name, value] = field else { return Err(Error::internal("a field has a name and a value")) };
        write_string(text(name)?, &mut out);
        out.push(b':');
        append_json(value, &mut out)?;
    }
    out.push(b'}');
    text_of(into_text(out))
})
.variadic()
.takes_nulls();

fn type_oid(value: &Value) -> Result<u32> {
    // A domain's values look as those of the type that it is over.
    u32::try_from(int8(value)?).map(builtin::base_of).map_err(|_| Error::internal("an oid out of range"))
}

/// Appends JSON text that was made before; NULL is null.
pub(crate) fn append_json(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(if value.is_null() { "null" } else { text(value)? }.as_bytes());
    Ok(())
}

/// Appends a value of a type as JSON (PostgreSQL's `datum_to_json`).
pub(crate) fn write_json(value: &Value, ty: u32, context: &EvalContext, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Jsonb(bytes) => out.extend_from_slice(document_text(bytes).as_bytes()),
        Value::Text(text) if ty == oid::JSON => out.extend_from_slice(text.as_bytes()),
        Value::Array(_) => return write_array(value, ty, ",", context, out),
        Value::Record(record) => return write_record(record, ",", context, out),
        Value::Float4(number) if !number.is_finite() => quoted(value, ty, context, out),
        Value::Float8(number) if !number.is_finite() => quoted(value, ty, context, out),
        Value::Numeric(number) if !number.is_finite() => quoted(value, ty, context, out),
        Value::Int8(_) if ty != oid::INT8 => quoted(value, ty, context, out),
        Value::Int2(_) | Value::Int4(_) | Value::Int8(_) | Value::Float4(_) | Value::Float8(_) | Value::Numeric(_) => {
            write_text(value, ty, context, out);
        }
        _ => quoted(value, ty, context, out),
    }
    Ok(())
}

fn quoted(value: &Value, ty: u32, context: &EvalContext, out: &mut Vec<u8>) {
    write_string(&plain_text(value, ty, context), out);
}

/// The text of a value within quotes: dates and times as XML Schema has them, all else as ever.
fn plain_text(value: &Value, ty: u32, context: &EvalContext) -> String {
    let mut text = Vec::with_capacity(32);
    match value {
        Value::Date(day) => datetime::write_date(*day, DateStyle::default(), &mut text),
        Value::Timestamp(time) => datetime::write_timestamp_xsd(*time, None, &mut text),
        Value::Timestamptz(time) => {
            datetime::write_timestamp_xsd(*time, Some(&context.session.format.time_zone), &mut text);
        }
        _ => write_text(value, ty, context, &mut text),
    }
    into_text(text)
}

fn write_array(value: &Value, ty: u32, between: &str, context: &EvalContext, out: &mut Vec<u8>) -> Result<()> {
    let array = array(value)?;
    let element = builtin::element_of(ty).unwrap_or(oid::TEXT);
    let inner = array.bounds().map_or(&[][..], |bounds| &bounds[1..]);
    write_level(&array.values, inner, element, between, context, out)
}

/// Elements between brackets: values, or what the inner dimensions make of them.
fn write_level(
    values: &[Value],
    inner: &[Dimension],
    element: u32,
    between: &str,
    context: &EvalContext,
    out: &mut Vec<u8>,
) -> Result<()> {
    let size = inner.iter().map(|dimension| usize::try_from(dimension.length).unwrap_or(1)).product::<usize>().max(1);
    out.push(b'[');
    for (index, part) in values.chunks(size).enumerate() {
        if index > 0 {
            out.extend_from_slice(between.as_bytes());
        }
        match (inner, part) {
            ([_, inner @ ..], _) => write_level(part, inner, element, ",", context, out)?,
            ([], [value]) => write_json(value, element, context, out)?,
            ([], _) => {}
        }
    }
    out.push(b']');
    Ok(())
}

/// A record as an object. A named type tells its fields' names, any other record has them itself.
fn write_record(record: &Record, between: &str, context: &EvalContext, out: &mut Vec<u8>) -> Result<()> {
    let attributes = context.catalog.attributes(record.ty).unwrap_or_default();
    out.push(b'{');
    for (index, field) in record.fields.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(between.as_bytes());
        }
        write_string(attributes.get(index).map_or(&field.name, |attribute| attribute.name.as_str()), out);
        out.push(b':');
        write_json(&field.value, builtin::base_of(field.ty), context, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_key(value: &Value, ty: u32, context: &EvalContext, out: &mut Vec<u8>) -> Result<()> {
    if matches!(value, Value::Array(_) | Value::Jsonb(_) | Value::Record(_)) || matches!(ty, oid::JSON | oid::RECORD) {
        return Err(wrong_shape("key value must be scalar, not array, composite, or json"));
    }
    match value {
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        _ => out.extend_from_slice(plain_text(value, ty, context).as_bytes()),
    }
    Ok(())
}

fn array_text(args: &[Value]) -> Result<String> {
    let mut out = vec![b'['];
    for (index, value) in args.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        append_json(value, &mut out)?;
    }
    out.push(b']');
    Ok(into_text(out))
}

/// What `json_agg` makes of its values.
pub(crate) fn array_of<'a>(values: impl Iterator<Item = Option<&'a str>>, structured: bool) -> String {
    let mut out = String::from("[");
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push_str(if structured && value.is_some() { ", \n " } else { ", " });
        }
        out.push_str(value.unwrap_or("null"));
    }
    out.push(']');
    out
}

/// What `json_object_agg` makes of its keys and values.
pub(crate) fn object_of<'a>(pairs: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Result<String> {
    let mut out = b"{ ".to_vec();
    for (index, (key, value)) in pairs.enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write_string(key.ok_or_else(|| wrong_shape("field name must not be null"))?, &mut out);
        out.extend_from_slice(b" : ");
        out.extend_from_slice(value.unwrap_or("null").as_bytes());
    }
    out.extend_from_slice(b" }");
    Ok(into_text(out))
}

fn check_pairs(args: &[Value], name: &str) -> Result<()> {
    if args.len().is_multiple_of(2) {
        return Ok(());
    }
    Err(wrong_shape("argument list must have even number of elements")
        .with_hint(format!("The arguments of {name}() must consist of alternating keys and values.")))
}

fn object_text(args: &[Value], null_key: impl Fn(usize) -> Error) -> Result<String> {
    let mut out = vec![b'{'];
    for (index, pair) in args.chunks(2).enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        if pair[0].is_null() {
            return Err(null_key(2 * index + 1));
        }
        write_string(text(&pair[0])?, &mut out);
        out.extend_from_slice(b" : ");
        append_json(pair.get(1).unwrap_or(&Value::Null), &mut out)?;
    }
    out.push(b'}');
    Ok(into_text(out))
}

fn build_object(_: &EvalContext, args: &[Value]) -> Result<Value> {
    check_pairs(args, "json_build_object")?;
    text_of(object_text(args, |number| {
        wrong_shape(format!("argument {number} cannot be null")).with_hint("Object keys should be text.")
    })?)
}

fn build_document(_: &EvalContext, args: &[Value]) -> Result<Value> {
    check_pairs(args, "jsonb_build_object")?;
    read_document(&object_text(args, |number| wrong_shape(format!("argument {number}: key must not be null")))?)
}

/// Keys and values of one array, in turn or in two columns, or of two.
fn pairs(args: &[Value]) -> Result<Vec<(&str, Option<&str>)>> {
    let first = texts(&args[0])?;
    let lengths =
        |value: &Value| Ok::<_, Error>(array(value)?.dimensions().iter().map(|d| d.length).collect::<Vec<_>>());
    let pairs: Vec<(Option<&str>, Option<&str>)> = match args.get(1) {
        Some(values) => {
            let dimensions = lengths(&args[0])?.len();
            if dimensions > 1 || dimensions != lengths(values)?.len() {
                return Err(subscript_error("wrong number of array subscripts"));
            }
            let values = texts(values)?;
            if values.len() != first.len() {
                return Err(subscript_error("mismatched array dimensions"));
            }
            first.into_iter().zip(values).collect()
        }
        None => {
            match lengths(&args[0])?.as_slice() {
                [_] if !first.len().is_multiple_of(2) => {
                    return Err(subscript_error("array must have even number of elements"));
                }
                [_, columns] if *columns != 2 => return Err(subscript_error("array must have two columns")),
                [] | [_] | [_, _] => {}
                _ => return Err(subscript_error("wrong number of array subscripts")),
            }
            first.chunks(2).map(|pair| (pair[0], pair[1])).collect()
        }
    };
    let null_key = || Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
    pairs.into_iter().map(|(key, value)| Ok((key.ok_or_else(null_key)?, value))).collect()
}

fn pairs_text(pairs: &[(&str, Option<&str>)]) -> String {
    let mut out = vec![b'{'];
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write_string(key, &mut out);
        out.extend_from_slice(b" : ");
        match value {
            Some(value) => write_string(value, &mut out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
    into_text(out)
}

fn pairs_document(pairs: &[(&str, Option<&str>)]) -> Result<Value> {
    let member = |(key, value): &(&str, Option<&str>)| {
        ((*key).to_owned(), value.map_or(Json::Null, |value| Json::String(value.to_owned())))
    };
    document(&Json::object(pairs.iter().map(member).collect()))
}
