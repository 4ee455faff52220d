//! What the catalog knows of partitioned tables, their partitions and the indexes of both.

use storage::Value;

use super::super::argument::text_of;
use super::super::define::{stable, table};
use super::super::{EvalContext, Function, TableFunction};
use super::{object, relation_of};
use crate::catalog::pg_catalog::partition::{constraint, key_definition};
use crate::types::oid::*;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    stable(3352, "pg_get_partkeydef", &[OID], TEXT, |context, args| {
        let table = object(&args[0])?.and_then(|oid| context.catalog.tables.get(&oid));
        let key = table.and_then(|table| Some(key_definition(context, table, table.partitioning.key.as_ref()?)));
        key.map_or(Ok(Value::Null), text_of)
    }),
    stable(3408, "pg_get_partition_constraintdef", &[OID], TEXT, |context, args| {
        let table = object(&args[0])?.and_then(|oid| context.catalog.tables.get(&oid));
        let written = table.and_then(|table| constraint(&context.catalog, table, &context.session.format));
        written.map_or(Ok(Value::Null), text_of)
    }),
    stable(3424, "pg_partition_root", &[REGCLASS], REGCLASS, |context, args| {
        let oid = object(&args[0])?.unwrap_or_default();
        let last = ancestors(context, oid).last().copied();
        Ok(last.filter(|_| takes_part(context, oid)).map_or(Value::Null, relation))
    }),
];

pub(in super::super) const TABLE_FUNCTIONS: &[TableFunction] = &[
    table(3425, "pg_partition_ancestors", &[REGCLASS], &[("relid", REGCLASS)], |context, args| {
        let oid = if args[0].is_null() { 0 } else { object(&args[0])?.unwrap_or_default() };
        let shown = if takes_part(context, oid) { ancestors(context, oid) } else { Vec::new() };
        Ok(Box::new(shown.into_iter().map(|oid| Ok(vec![relation(oid)]))))
    }),
    table(
        3423,
        "pg_partition_tree",
        &[REGCLASS],
        &[("relid", REGCLASS), ("parentrelid", REGCLASS), ("isleaf", BOOL), ("level", INT4)],
        |context, args| {
            let oid = if args[0].is_null() { 0 } else { object(&args[0])?.unwrap_or_default() };
            let rows = if takes_part(context, oid) { tree(context, oid) } else { Vec::new() };
            Ok(Box::new(rows.into_iter().map(Ok)))
        },
    ),
];

fn relation(oid: u32) -> Value {
    Value::Int8(i64::from(oid))
}

/// The table or index that a table or index is a part of.
fn parent(context: &EvalContext, oid: u32) -> Option<u32> {
    let (table, index) = relation_of(context, oid)?;
    match index {
        Some(index) => index.parent,
        None => table.partitioning.of.as_ref().map(|of| of.parent),
    }
}

fn is_partitioned(context: &EvalContext, oid: u32) -> bool {
    relation_of(context, oid).is_some_and(|(table, _)| table.partitioning.key.is_some())
}

/// Whether the relation is partitioned or a partition.
fn takes_part(context: &EvalContext, oid: u32) -> bool {
    is_partitioned(context, oid) || parent(context, oid).is_some()
}

/// The relation itself and what it is part of, the nearest first.
fn ancestors(context: &EvalContext, oid: u32) -> Vec<u32> {
    std::iter::successors(Some(oid), |oid| parent(context, *oid)).collect()
}

/// The relation and everything beneath it, level by level.
fn tree(context: &EvalContext, oid: u32) -> Vec<Vec<Value>> {
    let mut found = vec![(oid, 0)];
    let mut next = 0;
    while let Some(&(above, level)) = found.get(next) {
        let Some((table, index)) = relation_of(context, above) else { break };
        for partition in context.catalog.partitions_of(table.oid) {
            let below = match index {
                None => Some(partition.oid),
                Some(index) => partition.indexes.iter().find(|own| own.parent == Some(index.oid)).map(|own| own.oid),
            };
            found.extend(below.map(|below| (below, level + 1)));
        }
        next += 1;
    }
    let row = |(oid, level): (u32, i32)| {
        let above = parent(context, oid).map_or(Value::Null, relation);
        vec![relation(oid), above, Value::Bool(!is_partitioned(context, oid)), Value::Int4(level)]
    };
    found.into_iter().map(row).collect()
}
