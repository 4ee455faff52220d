//! What access methods and their indexes can do (PostgreSQL 15 manual, tables 9.72 to 9.74).

use storage::Value;

use super::super::argument::{int4, text};
use super::super::define::stable;
use super::super::{EvalContext, Function};
use super::{object, relation_of};
use crate::catalog::AccessMethod;
use crate::error::Result;
use crate::types::oid::*;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    stable(636, "pg_indexam_has_property", &[OID, TEXT], BOOL, of_method),
    stable(637, "pg_index_has_property", &[REGCLASS, TEXT], BOOL, of_index),
    stable(638, "pg_index_column_has_property", &[REGCLASS, INT4, TEXT], BOOL, of_column),
];

fn of_method(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let oid = object(&args[0])?;
    let Some(method) = AccessMethod::ALL.into_iter().find(|method| Some(method.oid()) == oid) else {
        return Ok(Value::Null);
    };
    Ok(match text(&args[1])?.to_ascii_lowercase().as_str() {
        "can_order" | "can_unique" | "can_include" => Value::Bool(method.orders()),
        "can_multi_col" => Value::Bool(method.takes_several_columns()),
        "can_exclude" => Value::Bool(method.is_walked()),
        _ => Value::Null,
    })
}

fn of_index(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some((_, Some(index))) = object(&args[0])?.and_then(|oid| relation_of(context, oid)) else {
        return Ok(Value::Null);
    };
    Ok(match text(&args[1])?.to_ascii_lowercase().as_str() {
        "clusterable" => Value::Bool(index.method.orders()),
        "index_scan" | "backward_scan" => Value::Bool(index.method.is_walked()),
        "bitmap_scan" => Value::Bool(true),
        _ => Value::Null,
    })
}

fn of_column(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some((_, Some(index))) = object(&args[0])?.and_then(|oid| relation_of(context, oid)) else {
        return Ok(Value::Null);
    };
    let position = usize::try_from(int4(&args[1])?).ok().and_then(|number| number.checked_sub(1));
    let Some(position) = position.filter(|at| *at < index.columns.len() + index.included.len()) else {
        return Ok(Value::Null);
    };
    // A column that is only included is in no order.
    let key = index.columns.get(position);
    let order = |of: fn(&crate::catalog::IndexColumn) -> bool| {
        key.map_or(Value::Null, |column| Value::Bool(index.method.orders() && of(column)))
    };
    let orders = index.method.orders();
    let sorted = Value::Bool(key.is_some() && orders);
    Ok(match text(&args[2])?.to_ascii_lowercase().as_str() {
        "asc" => order(|column| !column.descending),
        "desc" => order(|column| column.descending),
        "nulls_first" => order(|column| column.nulls_first),
        "nulls_last" => order(|column| !column.nulls_first),
        "orderable" | "search_array" => sorted,
        "search_nulls" => Value::Bool(key.is_some() && (orders || index.method == AccessMethod::Brin)),
        "distance_orderable" => Value::Bool(false),
        "returnable" => Value::Bool(orders),
        _ => Value::Null,
    })
}
