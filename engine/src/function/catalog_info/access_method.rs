//! What access methods and their indexes can do (PostgreSQL 15 manual, tables 9.72 to 9.74).

use storage::Value;

use super::super::argument::{int4, text};
use super::super::define::stable;
use super::super::{EvalContext, Function};
use super::{object, relation_of};
use crate::error::Result;
use crate::types::oid::*;

const BTREE: u32 = 403;
const HASH: u32 = 405;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    stable(636, "pg_indexam_has_property", &[OID, TEXT], BOOL, of_method),
    stable(637, "pg_index_has_property", &[REGCLASS, TEXT], BOOL, of_index),
    stable(638, "pg_index_column_has_property", &[REGCLASS, INT4, TEXT], BOOL, of_column),
];

fn of_method(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let ordered = match object(&args[0])? {
        Some(BTREE) => true,
        Some(HASH) => false,
        _ => return Ok(Value::Null),
    };
    Ok(match text(&args[1])?.to_ascii_lowercase().as_str() {
        "can_order" | "can_unique" | "can_multi_col" | "can_include" => Value::Bool(ordered),
        "can_exclude" => Value::Bool(true),
        _ => Value::Null,
    })
}

fn of_index(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some((_, Some(index))) = object(&args[0])?.and_then(|oid| relation_of(context, oid)) else {
        return Ok(Value::Null);
    };
    Ok(match text(&args[1])?.to_ascii_lowercase().as_str() {
        "clusterable" => Value::Bool(!index.hash),
        "index_scan" | "bitmap_scan" | "backward_scan" => Value::Bool(true),
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
        key.map_or(Value::Null, |column| Value::Bool(!index.hash && of(column)))
    };
    let sorted = Value::Bool(key.is_some() && !index.hash);
    Ok(match text(&args[2])?.to_ascii_lowercase().as_str() {
        "asc" => order(|column| !column.descending),
        "desc" => order(|column| column.descending),
        "nulls_first" => order(|column| column.nulls_first),
        "nulls_last" => order(|column| !column.nulls_first),
        "orderable" | "search_array" | "search_nulls" => sorted,
        "distance_orderable" => Value::Bool(false),
        "returnable" => Value::Bool(!index.hash),
        _ => Value::Null,
    })
}
