//! Records: rows as values, made of fields and taken apart again. Only the binder calls these functions.

use storage::{Field, Record, Value};

use super::argument::{boolean, int4, int8, text};
use super::define::immutable;
use super::{EvalContext, Function};
use crate::catalog::Attribute;
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind};
use crate::types::oid::*;
use crate::types::{Type, oid};

/// The record's type, then each field's name, type and value.
pub(crate) static MAKE: Function = immutable(9_110, "make_record", &[OID, ANY], RECORD, make).variadic().takes_nulls();

fn make(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (ty, rest) = args.split_first().ok_or_else(|| Error::internal("a record has a type"))?;
    let mut fields = Vec::with_capacity(rest.len() / 3);
    for field in rest.chunks_exact(3) {
        fields.push(Field { name: text(&field[0])?.into(), ty: oid_of(&field[1])?, value: field[2].clone() });
    }
    Ok(Value::Record(Box::new(Record { ty: oid_of(ty)?, fields })))
}

fn oid_of(value: &Value) -> Result<u32> {
    u32::try_from(int8(value)?).map_err(|_| Error::internal("an oid out of range"))
}

/// A record and the number of a field, from 0.
pub(crate) static FIELD: Function = immutable(9_111, "record_field", &[RECORD, INT4], ANY, |_, args| {
    let Value::Record(record) = &args[0] else { return Ok(Value::Null) };
    let at = usize::try_from(int4(&args[1])?).unwrap_or(usize::MAX);
    Ok(record.fields.get(at).map_or(Value::Null, |field| field.value.clone()))
});

/// A record of NULLs that stands for NULL, a record, the number of a field and its new value.
pub(crate) static SET_FIELD: Function =
    immutable(9_112, "record_with_field", &[RECORD, RECORD, INT4, ANY], RECORD, |_, args| {
        let mut changed = if args[1].is_null() { args[0].clone() } else { args[1].clone() };
        let at = usize::try_from(int4(&args[2])?).unwrap_or(usize::MAX);
        if let Value::Record(record) = &mut changed
            && let Some(field) = record.fields.get_mut(at)
        {
            field.value = args[3].clone();
        }
        Ok(changed)
    })
    .takes_nulls();

/// Whether all fields of a record are NULL; or, if that is asked, none of them.
pub(crate) static IS_NULL: Function = immutable(9_113, "record_is_null", &[RECORD, BOOL], BOOL, |_, args| {
    let negated = boolean(&args[1])?;
    let Value::Record(record) = &args[0] else { return Ok(Value::Bool(args[0].is_null() != negated)) };
    Ok(Value::Bool(record.fields.iter().all(|field| field.value.is_null() != negated)))
})
.takes_nulls();

/// A row of named values. The names count only where the type has none of its own.
pub(crate) fn record(ty: u32, fields: Vec<(String, Expr)>) -> Expr {
    let number = |oid: u32| Expr::constant(Value::Int8(i64::from(oid)), Type::new(oid::OID));
    let mut args = vec![number(ty)];
    for (name, value) in fields {
        // A literal that nobody asked the type of is text.
        let known = if value.ty.oid == oid::UNKNOWN { oid::TEXT } else { value.ty.oid };
        let name = if ty == oid::RECORD { name } else { String::new() };
        args.push(Expr::constant(Value::Text(name.into()), Type::new(oid::TEXT)));
        args.push(number(known));
        args.push(value);
    }
    Expr::new(ExprKind::Call { function: &MAKE, args }, Type::new(ty))
}

/// The names and values of a row that is made of values here.
pub(crate) fn fields_of(expr: &Expr) -> Option<Vec<(&str, &Expr)>> {
    let ExprKind::Call { function, args } = &expr.kind else { return None };
    if !std::ptr::eq(*function, &MAKE) {
        return None;
    }
    let named = args.get(1..)?.chunks_exact(3).map(|part| match part[0].as_const() {
        Some(Value::Text(name)) => Some((name.as_ref(), &part[2])),
        _ => None,
    });
    named.collect()
}

/// A record of the type with NULL in every field.
pub(crate) fn empty(ty: u32, attributes: &[Attribute]) -> Value {
    let field = |attribute: &Attribute| Field { name: "".into(), ty: attribute.ty.oid, value: Value::Null };
    Value::Record(Box::new(Record { ty, fields: attributes.iter().map(field).collect() }))
}
