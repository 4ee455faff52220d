//! `has_table_privilege` and its kin: the decision that statements meet, asked as a question.

use std::sync::Arc;

use auth::{
    Duty, ObjectAccess, ObjectKind, Principal, Privilege, Privileges, RoleGraph, RoleId, decide, held_grant_options,
};
use storage::Value;

use super::super::argument::{int2, text};
use super::super::define::stable;
use super::super::{EvalContext, Function};
use super::{Routine, object, undefined_column};
use crate::catalog::pg_catalog::BOOTSTRAP_ROLE;
use crate::catalog::{Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::types::builtin;
use crate::types::oid::*;
use crate::types::text::{find_registered, regclass};

/// The forms that such a function has: the role by name, by oid or left out, the object by name or by oid.
macro_rules! forms {
    ($name:literal, $eval:path, $first:literal) => {
        [
            stable($first, $name, &[NAME, TEXT, TEXT], BOOL, $eval),
            stable($first + 1, $name, &[NAME, OID, TEXT], BOOL, $eval),
            stable($first + 2, $name, &[OID, TEXT, TEXT], BOOL, $eval),
            stable($first + 3, $name, &[OID, OID, TEXT], BOOL, $eval),
            stable($first + 4, $name, &[TEXT, TEXT], BOOL, $eval),
            stable($first + 5, $name, &[OID, TEXT], BOOL, $eval),
        ]
    };
}

const TABLE: [Function; 6] = forms!("has_table_privilege", on_table, 1922);
const SEQUENCE: [Function; 6] = forms!("has_sequence_privilege", on_sequence, 2181);
const ANY_COLUMN: [Function; 6] = forms!("has_any_column_privilege", on_any_column, 3024);
const SCHEMA: [Function; 6] = forms!("has_schema_privilege", on_schema, 2268);
const DATABASE: [Function; 6] = forms!("has_database_privilege", on_database, 2250);

const fn column(oid: u32, args: &'static [u32]) -> Function {
    stable(oid, "has_column_privilege", args, BOOL, on_column)
}

const fn role(oid: u32, args: &'static [u32]) -> Function {
    stable(oid, "pg_has_role", args, BOOL, of_role)
}

const COLUMN: [Function; 12] = [
    column(3012, &[NAME, TEXT, TEXT, TEXT]),
    column(3013, &[NAME, TEXT, INT2, TEXT]),
    column(3014, &[NAME, OID, TEXT, TEXT]),
    column(3015, &[NAME, OID, INT2, TEXT]),
    column(3016, &[OID, TEXT, TEXT, TEXT]),
    column(3017, &[OID, TEXT, INT2, TEXT]),
    column(3018, &[OID, OID, TEXT, TEXT]),
    column(3019, &[OID, OID, INT2, TEXT]),
    column(3020, &[TEXT, TEXT, TEXT]),
    column(3021, &[TEXT, INT2, TEXT]),
    column(3022, &[OID, TEXT, TEXT]),
    column(3023, &[OID, INT2, TEXT]),
];

const ROLE: [Function; 6] = [
    role(2705, &[NAME, NAME, TEXT]),
    role(2706, &[NAME, OID, TEXT]),
    role(2707, &[OID, NAME, TEXT]),
    role(2708, &[OID, OID, TEXT]),
    role(2709, &[NAME, TEXT]),
    role(2710, &[OID, TEXT]),
];

const FUNCTION: [Function; 6] = forms!("has_function_privilege", on_function, 2256);
const LANGUAGE: [Function; 6] = forms!("has_language_privilege", on_language, 2262);
const TYPE: [Function; 6] = forms!("has_type_privilege", on_type, 3138);
const TABLESPACE: [Function; 6] = forms!("has_tablespace_privilege", on_tablespace, 2390);
const WRAPPER: [Function; 6] = forms!("has_foreign_data_wrapper_privilege", on_wrapper, 3000);
const SERVER: [Function; 6] = forms!("has_server_privilege", on_server, 3006);

const PARAMETER: [Function; 3] = [
    stable(6205, "has_parameter_privilege", &[NAME, TEXT, TEXT], BOOL, on_parameter),
    stable(6206, "has_parameter_privilege", &[OID, TEXT, TEXT], BOOL, on_parameter),
    stable(6207, "has_parameter_privilege", &[TEXT, TEXT], BOOL, on_parameter),
];

const ROW_SECURITY: [Function; 2] = [
    stable(3298, "row_security_active", &[OID], BOOL, row_security),
    stable(3299, "row_security_active", &[TEXT], BOOL, row_security),
];

pub(in super::super) const FUNCTIONS: &[&[Function]] = &[
    &TABLE,
    &SEQUENCE,
    &ANY_COLUMN,
    &SCHEMA,
    &DATABASE,
    &COLUMN,
    &ROLE,
    &FUNCTION,
    &LANGUAGE,
    &TYPE,
    &TABLESPACE,
    &WRAPPER,
    &SERVER,
    &PARAMETER,
    &ROW_SECURITY,
];

/// A privilege that is asked for, and whether the right to grant it is what is meant.
type Wanted = (Privileges, bool);

/// `SELECT, INSERT WITH GRANT OPTION`: the question is whether any of them is held.
fn privileges(text: &str, kind: ObjectKind) -> Result<Vec<Wanted>> {
    text.split(',').map(|word| privilege(word.trim(), kind)).collect()
}

fn privilege(word: &str, kind: ObjectKind) -> Result<Wanted> {
    const OPTION: &str = " WITH GRANT OPTION";
    let start = word.len().saturating_sub(OPTION.len());
    let (keyword, grants) = match word.get(start..) {
        Some(end) if end.eq_ignore_ascii_case(OPTION) => (&word[..start], true),
        _ => (word, false),
    };
    if kind == ObjectKind::Table && keyword.eq_ignore_ascii_case("RULE") {
        // It was one once.
        return Ok((Privileges::NONE, grants));
    }
    let found = Privilege::from_keyword(keyword).map(Privileges::from);
    match found.filter(|privilege| kind.all_privileges().contains(*privilege)) {
        Some(privilege) => Ok((privilege, grants)),
        None => Err(unrecognized(word)),
    }
}

fn unrecognized(word: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized privilege type: \"{word}\""))
}

/// The role that an argument names, and the arguments after it; the current role if none is named.
fn principal<'a>(context: &EvalContext, args: &'a [Value], without: usize) -> Result<(Principal, &'a [Value])> {
    let session = &context.session;
    if args.len() == without {
        let name = session.current_user.as_str();
        return Ok((Principal::resolve(session.current_role, name, &*context.catalog), args));
    }
    let role = match &args[0] {
        // Everybody, of whom no role has this oid.
        Value::Text(name) if **name == *"public" => RoleId(0),
        value => role_of(context, value)?,
    };
    Ok((Principal::resolve(role, context.catalog.role_name(role.0), &*context.catalog), &args[1..]))
}

fn role_of(context: &EvalContext, value: &Value) -> Result<RoleId> {
    let Value::Text(name) = value else { return Ok(RoleId(object(value)?.unwrap_or(0))) };
    let role = context.catalog.role_named(name);
    role.map(|role| RoleId(role.oid))
        .ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
}

/// Whether any of them was granted, or is among those that are open to what the principal is.
fn holds_any(principal: &Principal, access: &ObjectAccess<'_>, open: Privileges, wanted: &[Wanted]) -> bool {
    wanted.iter().any(|&(privilege, grants)| {
        if privilege.is_empty() {
            false
        } else if grants {
            held_grant_options(principal, access, privilege) == privilege
        } else {
            decide(principal, access, privilege).is_allowed() || open.contains(privilege)
        }
    })
}

fn holds_any_on_table(principal: &Principal, table: &Table, wanted: &[Wanted]) -> bool {
    holds_any(principal, &table_access(table), table.open_to(principal.kind()), wanted)
}

fn holds_any_on_column(principal: &Principal, table: &Table, column: &TableColumn, wanted: &[Wanted]) -> bool {
    holds_any(principal, &table.column_access(column.number), Privileges::NONE, wanted)
}

fn table_of<'a>(context: &'a EvalContext, value: &Value) -> Result<Option<&'a Arc<Table>>> {
    let oid = match value {
        Value::Text(name) => Some(regclass(name, &context.catalog, &context.session.search_path)?),
        value => object(value)?,
    };
    Ok(oid.and_then(|oid| context.catalog.tables.get(&oid)))
}

/// As a table, also if it is a sequence.
fn table_access(table: &Table) -> ObjectAccess<'_> {
    ObjectAccess { kind: ObjectKind::Table, ..table.access() }
}

fn on_table(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (principal, args) = principal(context, args, 2)?;
    let wanted = privileges(text(&args[1])?, ObjectKind::Table)?;
    let table = table_of(context, &args[0])?;
    Ok(table.map_or(Value::Null, |table| Value::Bool(holds_any_on_table(&principal, table, &wanted))))
}

fn on_sequence(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (principal, args) = principal(context, args, 2)?;
    let wanted = privileges(text(&args[1])?, ObjectKind::Sequence)?;
    let Some(table) = table_of(context, &args[0])? else { return Ok(Value::Null) };
    if table.sequence().is_none() {
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", table.name)));
    }
    let open = context.catalog.sequence_open_to(table, principal.kind());
    Ok(Value::Bool(holds_any(&principal, &table.access(), open, &wanted)))
}

fn on_any_column(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (principal, args) = principal(context, args, 2)?;
    let wanted = privileges(text(&args[1])?, ObjectKind::Column)?;
    let Some(table) = table_of(context, &args[0])? else { return Ok(Value::Null) };
    let on = |column: &TableColumn| holds_any_on_column(&principal, table, column, &wanted);
    Ok(Value::Bool(holds_any_on_table(&principal, table, &wanted) || table.columns.iter().any(on)))
}

fn on_column(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (principal, args) = principal(context, args, 3)?;
    let wanted = privileges(text(&args[2])?, ObjectKind::Column)?;
    let Some(table) = table_of(context, &args[0])? else { return Ok(Value::Null) };
    let at = match &args[1] {
        Value::Text(name) => Some(table.position_of(name).ok_or_else(|| undefined_column(table, name))?),
        number => u16::try_from(int2(number)?).ok().and_then(|number| table.position_of_number(number)),
    };
    Ok(at.map_or(Value::Null, |at| {
        let on_column = holds_any_on_column(&principal, table, &table.columns[at], &wanted);
        Value::Bool(on_column || holds_any_on_table(&principal, table, &wanted))
    }))
}

fn on_schema(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (principal, args) = principal(context, args, 2)?;
    let wanted = privileges(text(&args[1])?, ObjectKind::Schema)?;
    let schema =
        match &args[0] {
            Value::Text(name) => Some(context.catalog.schema_named(name).ok_or_else(|| {
                Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
            })?),
            value => object(value)?.and_then(|oid| context.catalog.schemas.get(&oid)),
        };
    Ok(schema.map_or(Value::Null, |schema| {
        Value::Bool(holds_any(&principal, &schema.access(), schema.open_to(principal.kind()), &wanted))
    }))
}

fn on_database(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (principal, args) = principal(context, args, 2)?;
    let wanted = privileges(text(&args[1])?, ObjectKind::Database)?;
    let mut databases = context.catalog.databases.values();
    let database = match &args[0] {
        Value::Text(name) => Some(databases.find(|database| *database.name == **name).ok_or_else(|| {
            Error::new(SqlState::INVALID_CATALOG_NAME, format!("database \"{name}\" does not exist"))
        })?),
        value => object(value)?.and_then(|oid| context.catalog.databases.get(&oid)),
    };
    Ok(database.map_or(Value::Null, |database| {
        let access =
            ObjectAccess { owner: RoleId(database.owner), kind: ObjectKind::Database, acl: database.acl.as_ref() };
        let creates = principal.kind().has(Duty::CreateShared);
        let open = if creates { Privileges::CREATE } else { Privileges::NONE };
        Value::Bool(holds_any(&principal, &access, open, &wanted))
    }))
}

/// What is asked about an object of which nothing was ever granted: its owner's and everybody's privileges count.
fn ungranted(context: &EvalContext, args: &[Value], kind: ObjectKind, owner: Option<u32>) -> Result<Value> {
    let (principal, args) = principal(context, args, 2)?;
    let wanted = privileges(text(&args[1])?, kind)?;
    let access = owner.map(|owner| ObjectAccess { owner: RoleId(owner), kind, acl: None });
    Ok(access.map_or(Value::Null, |access| Value::Bool(holds_any(&principal, &access, Privileges::NONE, &wanted))))
}

/// The object among the arguments: the last but one.
fn asked(args: &[Value]) -> &Value {
    &args[args.len().saturating_sub(2)]
}

fn on_function(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = Some((&*context.catalog, context.session.search_path.as_slice()));
    let oid = match asked(args) {
        Value::Text(name) => Some(find_registered(name, REGPROCEDURE, path)?),
        value => object(value)?,
    };
    if let Some(function) = oid.and_then(|oid| context.catalog.functions.get(&oid)) {
        let (principal, args) = principal(context, args, 2)?;
        let wanted = privileges(text(&args[1])?, ObjectKind::Function)?;
        return Ok(Value::Bool(holds_any(&principal, &function.access(), Privileges::NONE, &wanted)));
    }
    let exists = oid.is_some_and(|oid| Routine::of(oid).is_some());
    ungranted(context, args, ObjectKind::Function, exists.then_some(BOOTSTRAP_ROLE))
}

fn on_type(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let path = Some((&*context.catalog, context.session.search_path.as_slice()));
    let oid = match asked(args) {
        Value::Text(name) => Some(find_registered(name, REGTYPE, path)?),
        value => object(value)?,
    };
    if let Some((ty, _)) = oid.and_then(|oid| context.catalog.defined_type(oid)) {
        let (principal, args) = principal(context, args, 2)?;
        let wanted = privileges(text(&args[1])?, ObjectKind::Type)?;
        return Ok(Value::Bool(holds_any(&principal, &ty.access(), Privileges::NONE, &wanted)));
    }
    let exists = oid.is_some_and(|oid| builtin::info(oid).is_some());
    ungranted(context, args, ObjectKind::Type, exists.then_some(BOOTSTRAP_ROLE))
}

/// `internal` is the only language.
fn on_language(context: &EvalContext, args: &[Value]) -> Result<Value> {
    const INTERNAL: u32 = 12;
    let exists = match asked(args) {
        Value::Text(name) if **name == *"internal" => true,
        Value::Text(name) => return Err(nonexistent("language", name)),
        value => object(value)? == Some(INTERNAL),
    };
    ungranted(context, args, ObjectKind::Language, exists.then_some(BOOTSTRAP_ROLE))
}

fn on_tablespace(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let exists = match asked(args) {
        Value::Text(name) if matches!(&**name, "pg_default" | "pg_global") => true,
        Value::Text(name) => return Err(nonexistent("tablespace", name)),
        value => matches!(object(value)?, Some(1663 | 1664)),
    };
    ungranted(context, args, ObjectKind::Tablespace, exists.then_some(BOOTSTRAP_ROLE))
}

/// There are no foreign-data wrappers, and so no foreign servers.
fn on_wrapper(context: &EvalContext, args: &[Value]) -> Result<Value> {
    match asked(args) {
        Value::Text(name) => Err(nonexistent("foreign-data wrapper", name)),
        _ => ungranted(context, args, ObjectKind::ForeignDataWrapper, None),
    }
}

fn on_server(context: &EvalContext, args: &[Value]) -> Result<Value> {
    match asked(args) {
        Value::Text(name) => Err(nonexistent("server", name)),
        _ => ungranted(context, args, ObjectKind::ForeignServer, None),
    }
}

fn on_parameter(context: &EvalContext, args: &[Value]) -> Result<Value> {
    ungranted(context, args, ObjectKind::Parameter, Some(BOOTSTRAP_ROLE))
}

fn nonexistent(kind: &str, name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("{kind} \"{name}\" does not exist"))
}

/// Whether the policies of a table are in force for the current role.
fn row_security(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let active = |table: &Arc<Table>| table.security_for(context.session.current_role, &context.catalog).is_some();
    Ok(table_of(context, &args[0])?.map_or(Value::Null, |table| Value::Bool(active(table))))
}

fn of_role(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let (member, args) = match args {
        [_, _] => (context.session.current_role, args),
        _ => (role_of(context, &args[0])?, &args[1..]),
    };
    let role = role_of(context, &args[0])?;
    let mut holds = false;
    for word in text(&args[1])?.split(',').map(str::trim) {
        holds |= match word.to_ascii_uppercase().as_str() {
            "USAGE" => auth::has_privileges_of(member, role, &*context.catalog),
            "MEMBER" => auth::is_member_of(member, role, &*context.catalog),
            "USAGE WITH GRANT OPTION"
            | "USAGE WITH ADMIN OPTION"
            | "MEMBER WITH GRANT OPTION"
            | "MEMBER WITH ADMIN OPTION" => administers(context, member, role)?,
            _ => return Err(unrecognized(word)),
        };
    }
    Ok(Value::Bool(holds))
}

/// Whether the member, or a role that it is a member of, was granted the role with its ADMIN OPTION.
fn administers(context: &EvalContext, member: RoleId, role: RoleId) -> Result<bool> {
    let catalog = &*context.catalog;
    let is_member = |between: u32| auth::is_member_of(member, RoleId(between), catalog);
    Ok(catalog.is_superuser(member) || catalog.roles.admins_of(role.0)?.into_iter().any(is_member))
}
