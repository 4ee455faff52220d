//! Functions of snapshots as values.

use storage::Value;

use super::argument::{int8, text};
use super::define::{immutable, table};
use super::{Function, TableFunction};
use crate::error::Result;
use crate::types::oid::*;
use crate::types::snapshot::TransactionSnapshot;
use crate::types::unsigned::{number_of, packed};

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(5062, "pg_snapshot_xmin", &[PG_SNAPSHOT], XID8, |_, args| Ok(xid8(snapshot(&args[0])?.least))),
    immutable(5063, "pg_snapshot_xmax", &[PG_SNAPSHOT], XID8, |_, args| Ok(xid8(snapshot(&args[0])?.end))),
    immutable(5065, "pg_visible_in_snapshot", &[XID8, PG_SNAPSHOT], BOOL, |_, args| {
        Ok(Value::Bool(snapshot(&args[1])?.sees(number_of(int8(&args[0])?))))
    }),
    immutable(2945, "txid_snapshot_xmin", &[TXID_SNAPSHOT], INT8, |_, args| Ok(number(snapshot(&args[0])?.least))),
    immutable(2946, "txid_snapshot_xmax", &[TXID_SNAPSHOT], INT8, |_, args| Ok(number(snapshot(&args[0])?.end))),
    immutable(2948, "txid_visible_in_snapshot", &[INT8, TXID_SNAPSHOT], BOOL, |_, args| {
        Ok(Value::Bool(snapshot(&args[1])?.sees(int8(&args[0])? as u64)))
    }),
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[
    table(5064, "pg_snapshot_xip", &[PG_SNAPSHOT], &[("pg_snapshot_xip", XID8)], |_, args| in_progress(args, xid8)),
    table(2947, "txid_snapshot_xip", &[TXID_SNAPSHOT], &[("txid_snapshot_xip", INT8)], |_, args| {
        in_progress(args, number)
    }),
];

fn snapshot(value: &Value) -> Result<TransactionSnapshot> {
    TransactionSnapshot::parse(text(value)?)
}

fn xid8(number: u64) -> Value {
    Value::Int8(packed(number))
}

fn number(number: u64) -> Value {
    Value::Int8(number as i64)
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

fn in_progress(args: &[Value], value: fn(u64) -> Value) -> Result<Rows> {
    if args[0].is_null() {
        return Ok(Box::new(std::iter::empty()));
    }
    Ok(Box::new(snapshot(&args[0])?.in_progress.into_iter().map(move |id| Ok(vec![value(id)]))))
}
