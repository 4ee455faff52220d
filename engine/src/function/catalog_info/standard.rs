//! The functions that PostgreSQL's `information_schema` has for itself, and that drivers and tools call too: how much a
//! type holds, in the standard's terms.

use storage::Value;

use super::super::argument::{int4, text_of};
use super::super::define::immutable;
use super::super::{EvalContext, Function};
use super::object;
use crate::catalog::pg_catalog::{Extent, extent, interval_fields as restricted_to};
use crate::error::Result;
use crate::types::Type;
use crate::types::oid::*;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    immutable(13_210, "_pg_truetypid", &[RECORD, RECORD], OID, |_, args| Ok(base(args, "atttypid", "typbasetype"))),
    immutable(13_211, "_pg_truetypmod", &[RECORD, RECORD], INT4, |_, args| Ok(base(args, "atttypmod", "typtypmod"))),
    immutable(13_212, "_pg_char_max_length", &[OID, INT4], INT4, |_, args| part(args, |extent| extent.characters)),
    immutable(13_213, "_pg_char_octet_length", &[OID, INT4], INT4, |_, args| part(args, |extent| extent.octets)),
    immutable(13_215, "_pg_numeric_precision", &[OID, INT4], INT4, |_, args| part(args, |extent| extent.precision)),
    immutable(13_216, "_pg_numeric_precision_radix", &[OID, INT4], INT4, |_, args| part(args, |extent| extent.radix)),
    immutable(13_217, "_pg_numeric_scale", &[OID, INT4], INT4, |_, args| part(args, |extent| extent.scale)),
    immutable(13_218, "_pg_datetime_precision", &[OID, INT4], INT4, |_, args| part(args, |extent| extent.datetime)),
    immutable(13_219, "_pg_interval_type", &[OID, INT4], TEXT, interval_fields),
];

/// A field of a row of `pg_attribute`, or another of one of `pg_type` if that is a domain.
fn base(rows: &[Value], of_column: &str, of_domain: &str) -> Value {
    let field = |row: &Value, name: &str| match row {
        Value::Record(record) => {
            record.fields.iter().find(|field| &*field.name == name).map(|field| field.value.clone())
        }
        _ => None,
    };
    let is_domain = matches!(field(&rows[1], "typtype"), Some(Value::Text(kind)) if &*kind == "d");
    let found = if is_domain { field(&rows[1], of_domain) } else { field(&rows[0], of_column) };
    found.unwrap_or(Value::Null)
}

fn type_of(args: &[Value]) -> Result<Type> {
    Ok(Type::with_modifier(object(&args[0])?.unwrap_or_default(), int4(&args[1])?))
}

fn part(args: &[Value], of: fn(&Extent) -> Option<i32>) -> Result<Value> {
    Ok(of(&extent(type_of(args)?)).map_or(Value::Null, Value::Int4))
}

/// `YEAR TO MONTH`: the fields that an interval is restricted to.
fn interval_fields(_: &EvalContext, args: &[Value]) -> Result<Value> {
    restricted_to(type_of(args)?).map_or(Ok(Value::Null), text_of)
}
