//! What can be written through a relation: the numbers of PostgreSQL's commands as bits.

use std::sync::Arc;

use storage::Value;

use super::super::argument::int2;
use super::super::define::stable;
use super::super::{EvalContext, Function};
use super::object;
use crate::catalog::{Table, TableKind};
use crate::error::Result;
use crate::plan::bind::updatable_columns;
use crate::types::oid::*;

const UPDATE: i32 = 1 << 2;
const INSERT: i32 = 1 << 3;
const DELETE: i32 = 1 << 4;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    stable(3842, "pg_relation_is_updatable", &[REGCLASS, BOOL], INT4, |context, args| {
        let events = relation(context, &args[0])?.map_or(0, |table| events(context, table, None));
        Ok(Value::Int4(events))
    }),
    stable(3843, "pg_column_is_updatable", &[REGCLASS, INT2, BOOL], BOOL, |context, args| {
        let number = u16::try_from(int2(&args[1])?).ok().filter(|number| *number > 0);
        let (Some(table), Some(number)) = (relation(context, &args[0])?, number) else { return Ok(Value::Bool(false)) };
        let events = events(context, table, table.position_of_number(number));
        Ok(Value::Bool(events & (UPDATE | DELETE) == UPDATE | DELETE))
    }),
];

fn relation<'a>(context: &'a EvalContext, oid: &Value) -> Result<Option<&'a Arc<Table>>> {
    Ok(object(oid)?.and_then(|oid| context.catalog.tables.get(&oid)))
}

/// What can be done to the relation, or to one of its columns.
fn events(context: &EvalContext, table: &Arc<Table>, column: Option<usize>) -> i32 {
    match &table.kind {
        TableKind::Table if table.materialized.is_some() => 0,
        TableKind::Table => UPDATE | INSERT | DELETE,
        TableKind::View(_) => match updatable_columns(context, table) {
            None => 0,
            Some(columns) if column.map_or(columns.contains(&true), |column| columns[column]) => {
                UPDATE | INSERT | DELETE
            }
            Some(_) => DELETE,
        },
        TableKind::Sequence(_) | TableKind::System | TableKind::Files(_) => 0,
    }
}
