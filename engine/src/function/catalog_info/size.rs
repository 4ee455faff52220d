//! Sizes of relations and databases, and sizes as people read them.
//!
//! A size is that of rows or entries as they are stored, in both tiers, and about right; files of the key-value store
//! are shared by all tables. What is computed has none. Of a table of each user's own rows a user is told the size of his own.

use auth::{ObjectAccess, ObjectKind, Principal, Privileges, RoleId, decide};
use storage::{Slice, Value};

use super::super::argument::{int8, numeric, out_of_range, text, text_of};
use super::super::define::{immutable, volatile};
use super::super::{EvalContext, Function};
use super::{object, relation_of};
use crate::catalog::{Catalog, Index, Table, TableKind};
use crate::database::Database;
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

/// The predefined role whose members may ask for every size.
const PG_READ_ALL_STATS: RoleId = RoleId(3375);
const PG_DEFAULT: u32 = 1663;
const PG_GLOBAL: u32 = 1664;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    immutable(2288, "pg_size_pretty", &[INT8], TEXT, |_, args| text_of(pretty(i128::from(int8(&args[0])?)))),
    immutable(3166, "pg_size_pretty", &[NUMERIC], TEXT, |_, args| {
        let written = numeric(&args[0])?.to_string();
        let whole = written.split('.').next().unwrap_or_default();
        let size: i128 = whole.parse().map_err(|_| out_of_range("numeric"))?;
        // Fractions of a byte are shown as long as bytes are.
        if size.abs() < UNITS[0].1 { text_of(format!("{written} bytes")) } else { text_of(pretty(size)) }
    }),
    volatile(2325, "pg_relation_size", &[REGCLASS], INT8, |context, args| {
        of_relation(context, &args[0], |database, table, slice, index| match index {
            Some(index) => index_bytes(database, slice, index),
            None => row_bytes(database, table, slice),
        })
    }),
    volatile(2332, "pg_relation_size", &[REGCLASS, TEXT], INT8, |context, args| match text(&args[1])? {
        "main" => of_relation(context, &args[0], |database, table, slice, index| match index {
            Some(index) => index_bytes(database, slice, index),
            None => row_bytes(database, table, slice),
        }),
        // There is nothing of the kind beside the rows.
        "fsm" | "vm" | "init" => of_relation(context, &args[0], |_, _, _, _| Ok(0)),
        _ => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "invalid fork name")
            .with_hint("Valid fork names are \"main\", \"fsm\", \"vm\", and \"init\".")),
    }),
    volatile(2997, "pg_table_size", &[REGCLASS], INT8, |context, args| {
        of_relation(context, &args[0], |database, table, slice, index| match index {
            Some(index) => index_bytes(database, slice, index),
            None => row_bytes(database, table, slice),
        })
    }),
    volatile(2998, "pg_indexes_size", &[REGCLASS], INT8, |context, args| {
        of_relation(context, &args[0], |database, table, slice, index| match index {
            Some(_) => Ok(0),
            None => indexes_bytes(database, table, slice),
        })
    }),
    volatile(2286, "pg_total_relation_size", &[REGCLASS], INT8, |context, args| {
        of_relation(context, &args[0], |database, table, slice, index| match index {
            Some(index) => index_bytes(database, slice, index),
            None => total_bytes(database, table, slice),
        })
    }),
    volatile(2324, "pg_database_size", &[OID], INT8, |context, args| {
        let found = object(&args[0])?.filter(|oid| context.catalog.databases.contains_key(oid));
        found.map_or(Ok(Value::Null), |oid| of_database(context, oid))
    }),
    volatile(2168, "pg_database_size", &[NAME], INT8, |context, args| {
        let name = text(&args[0])?;
        let found = context.catalog.databases.values().find(|database| database.name == name);
        let missing = || Error::new(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"));
        of_database(context, found.ok_or_else(missing)?.oid)
    }),
    volatile(2322, "pg_tablespace_size", &[OID], INT8, |context, args| match object(&args[0])? {
        Some(PG_DEFAULT) => everything(context),
        Some(PG_GLOBAL) => Ok(Value::Int8(0)),
        _ => Ok(Value::Null),
    }),
    volatile(2323, "pg_tablespace_size", &[NAME], INT8, |context, args| match text(&args[0])? {
        "pg_default" => everything(context),
        "pg_global" => Ok(Value::Int8(0)),
        other => Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{other}\" does not exist"))),
    }),
];

/// A size of the relation of an oid; NULL if there is none.
fn of_relation(
    context: &EvalContext,
    oid: &Value,
    size: fn(&Database, &Table, Slice, Option<&Index>) -> Result<u64>,
) -> Result<Value> {
    let Some((table, index)) = object(oid)?.and_then(|oid| relation_of(context, oid)) else { return Ok(Value::Null) };
    let session = &context.session;
    let slice = match table.is_divided() {
        true => {
            let user = session.current_user.as_str();
            table.counted_for(&Principal::resolve(session.current_role, user, &*context.catalog))
        }
        false => Slice::Undivided,
    };
    size(&*session.server.database()?, table, slice, index).map(bytes)
}

fn bytes(count: u64) -> Value {
    Value::Int8(i64::try_from(count).unwrap_or(i64::MAX))
}

fn row_bytes(database: &Database, table: &Table, slice: Slice) -> Result<u64> {
    match table.kind {
        TableKind::Table if table.partitioning.key.is_none() => {
            Ok(database.store().approximate_row_bytes(table.storage.generation, slice)?)
        }
        // The rows of a partitioned table are its partitions'.
        _ => Ok(0),
    }
}

/// A primary key has no entries of its own: rows lie under it.
fn index_bytes(database: &Database, slice: Slice, index: &Index) -> Result<u64> {
    index.generation.map_or(Ok(0), |generation| Ok(database.store().approximate_index_bytes(generation, slice)?))
}

fn indexes_bytes(database: &Database, table: &Table, slice: Slice) -> Result<u64> {
    table.indexes.iter().try_fold(0, |sum, index| Ok(sum + index_bytes(database, slice, index)?))
}

fn total_bytes(database: &Database, table: &Table, slice: Slice) -> Result<u64> {
    Ok(row_bytes(database, table, slice)? + indexes_bytes(database, table, slice)?)
}

/// The tables of one database.
fn catalog_bytes(database: &Database, catalog: &Catalog) -> Result<u64> {
    catalog.tables.values().try_fold(0, |sum, table| Ok(sum + total_bytes(database, table, table.storage.slice)?))
}

fn of_database(context: &EvalContext, oid: u32) -> Result<Value> {
    let session = &context.session;
    let principal = Principal::resolve(session.current_role, session.current_user.as_str(), &*context.catalog);
    let Some(asked) = context.catalog.databases.get(&oid) else { return Ok(Value::Null) };
    let access = ObjectAccess { owner: RoleId(asked.owner), kind: ObjectKind::Database, acl: asked.acl.as_ref() };
    let may = decide(&principal, &access, Privileges::CONNECT).is_allowed()
        || auth::is_member_of(session.current_role, PG_READ_ALL_STATS, &*context.catalog);
    if !may {
        let message = format!("permission denied for database {}", asked.name);
        return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    let database = session.server.database()?;
    catalog_bytes(&database, &database.catalog(oid)).map(bytes)
}

/// All databases together.
fn everything(context: &EvalContext) -> Result<Value> {
    let database = context.session.server.database()?;
    let each = context.catalog.databases.keys();
    each.copied().try_fold(0, |sum, oid| Ok(sum + catalog_bytes(&database, &database.catalog(oid))?)).map(bytes)
}

/// Each unit, the size from which on the next one is used, whether the size is kept doubled until it is rounded, and
/// the unit's power of two.
const UNITS: [(&str, i128, bool, u32); 6] = [
    ("bytes", 10 * 1024, false, 0),
    ("kB", 20 * 1024 - 1, true, 10),
    ("MB", 20 * 1024 - 1, true, 20),
    ("GB", 20 * 1024 - 1, true, 30),
    ("TB", 20 * 1024 - 1, true, 40),
    ("PB", 20 * 1024 - 1, true, 50),
];

/// A number of bytes in the unit that keeps it short.
fn pretty(bytes: i128) -> String {
    let mut size = bytes;
    for (position, &(unit, limit, doubled, power)) in UNITS.iter().enumerate() {
        let next = UNITS.get(position + 1);
        match next {
            Some(&(_, _, next_doubled, next_power)) if size.abs() >= limit => {
                let shift = next_power - power + u32::from(doubled) - u32::from(next_doubled);
                size /= 1 << shift;
            }
            _ => {
                let shown = if doubled { (size + size.signum()) / 2 } else { size };
                return format!("{shown} {unit}");
            }
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn sizes_are_rounded_as_postgresql_does() {
        let cases: [(i128, &str); 8] = [
            (0, "0 bytes"),
            (10239, "10239 bytes"),
            (10240, "10 kB"),
            (-10240, "-10 kB"),
            (10485247, "10239 kB"),
            (10485248, "10 MB"),
            (1 << 40, "1024 GB"),
            (i64::MAX as i128, "8192 PB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(pretty(bytes), expected);
        }
    }
}
