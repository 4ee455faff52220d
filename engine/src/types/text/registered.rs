//! `regclass` and its kin as text: names for oids.

use std::borrow::Cow;

use auth::{AclItem, RoleId};
use storage::Value;

use super::Names;
use crate::catalog::Catalog;
use crate::catalog::pg_catalog::type_io::type_functions;
use crate::catalog::temporary_of;
use crate::error::{Error, Result, SqlState};
use crate::function::{function_by_oid, functions_named, operators, operators_named};
use crate::types::{Type, builtin, display, oid};

/// Appends the name of an object, or its number if it has none.
pub(super) fn write(value: i64, ty: u32, names: Option<&Names>, out: &mut Vec<u8>) {
    let name = u32::try_from(value)
        .ok()
        .and_then(|oid| registered_name(oid, ty, names.map(|names| (names.catalog.as_ref(), &names.search_path[..]))));
    match name {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => super::write_i64(value, out),
    }
}

/// The name that a `regclass`, `regtype`, … prints; `None` if nothing has the oid.
pub(crate) fn registered_name(value: u32, ty: u32, names: Option<(&Catalog, &[String])>) -> Option<String> {
    if value == 0 {
        return Some("-".to_owned());
    }
    match ty {
        oid::REGTYPE => match names {
            Some((catalog, path)) => catalog.type_shown(Type::new(value), path),
            None => builtin::info(value).map(|info| display(Type::new(info.oid))),
        },
        oid::REGPROC => function_by_oid(value)
            .map(|function| function.name.to_owned())
            .or_else(|| type_functions().find(|function| function.oid == value).map(|function| function.name)),
        oid::REGPROCEDURE => function_by_oid(value).map(|function| {
            let args: Vec<String> = function.args.iter().map(|arg| display(Type::new(*arg))).collect();
            format!("{}({})", function.name, args.join(","))
        }),
        oid::REGOPER => operators().find(|operator| operator.oid == value).map(|operator| operator.name.to_owned()),
        oid::REGOPERATOR => operators().find(|operator| operator.oid == value).map(|operator| {
            let left = operator.left.map_or_else(|| "NONE".to_owned(), |left| display(Type::new(left)));
            format!("{}({left},{})", operator.name, display(Type::new(operator.right)))
        }),
        oid::REGCLASS => {
            let (catalog, path) = names?;
            relation_name(value, catalog, path)
        }
        oid::REGNAMESPACE => names?.0.schemas.get(&value).map(|schema| quote_identifier(&schema.name)),
        oid::REGROLE => names?.0.roles.get(&value).map(|role| quote_identifier(&role.name)),
        _ => None,
    }
}

/// A relation's name, with its schema unless the search path finds it.
fn relation_name(value: u32, catalog: &Catalog, path: &[String]) -> Option<String> {
    let (schema, name) = match catalog.tables.get(&value) {
        Some(table) => (table.schema, table.name.as_str()),
        None => {
            let table = catalog.tables.get(catalog.index_tables.get(&value)?)?;
            let index = table.indexes.iter().find(|index| index.oid == value)?;
            (table.schema, index.name.as_str())
        }
    };
    let found = catalog.path(path).find_map(|schema| catalog.relation_names.get(&(schema.oid, name.to_owned())));
    if found == Some(&value) {
        return Some(quote_identifier(name));
    }
    let schema = catalog.schemas.get(&schema)?;
    Some(format!("{}.{}", quote_identifier(&schema.name), quote_identifier(name)))
}

/// The name in double quotes if SQL would not read it back as it is.
pub(crate) fn quote_identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain && RESERVED.binary_search(&name).is_err() {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads a name, or a number, into the oid it stands for.
pub(super) fn parse(text: &str, ty: u32, names: Option<&Names>) -> Result<u32> {
    let names = names.map(|names| (names.catalog.as_ref(), &names.search_path[..]));
    find(text, ty, names)
}

/// `role=privileges/grantor`, in the form in which it is printed.
pub(super) fn acl_item(text: &str, names: Option<&Names>) -> Result<Value> {
    let Some(names) = names else { return Err(Error::internal("a name was to be looked up without a catalog")) };
    let roles = &names.catalog.roles;
    let item = AclItem::parse(text, |name| names.catalog.role_named(name).map(|role| RoleId(role.oid)));
    let item = item.map_err(|error| Error::new(SqlState(error.sql_state()), error.to_string()))?;
    let printed = item.to_text(|role| roles.get(&role.0).map(|role| Cow::Borrowed(role.name.as_str())));
    Ok(Value::Text(printed.into()))
}

/// `'name'::regclass` and its kin.
pub(crate) fn find(text: &str, ty: u32, names: Option<(&Catalog, &[String])>) -> Result<u32> {
    if text == "-" {
        return Ok(0);
    }
    if text.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return super::integer::parse_oid(text, oid::OID);
    }
    let undefined = |state: SqlState, what: &str| Error::new(state, format!("{what} \"{text}\" does not exist"));
    let without_catalog = || Error::internal("a name was to be looked up without a catalog");
    match ty {
        oid::REGTYPE => {
            let (catalog, path) = names.ok_or_else(without_catalog)?;
            let found = crate::types::ast::named(text, catalog, path);
            found.map(|ty| ty.oid).ok_or_else(|| undefined(SqlState::UNDEFINED_OBJECT, "type"))
        }
        oid::REGCLASS => {
            let (catalog, path) = names.ok_or_else(without_catalog)?;
            regclass(text, catalog, path)
        }
        oid::REGPROC => {
            let parts = split_name(text)?;
            let name = parts.last().map_or("", String::as_str);
            match functions_named(name) {
                [] => type_functions()
                    .find(|function| function.name == name)
                    .map(|function| function.oid)
                    .ok_or_else(|| undefined(SqlState::UNDEFINED_FUNCTION, "function")),
                [function] => Ok(function.oid),
                _ => Err(Error::new(SqlState::AMBIGUOUS_FUNCTION, format!("more than one function named \"{text}\""))),
            }
        }
        oid::REGOPER => match operators_named(text) {
            [] => Err(Error::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"))),
            [operator] => Ok(operator.oid),
            _ => Err(Error::new(SqlState::AMBIGUOUS_FUNCTION, format!("more than one operator named {text}"))),
        },
        oid::REGNAMESPACE => {
            let (catalog, _) = names.ok_or_else(without_catalog)?;
            let name = split_name(text)?.pop().unwrap_or_default();
            let schema = catalog.schema_named(&name);
            schema.map(|schema| schema.oid).ok_or_else(|| undefined(SqlState::INVALID_SCHEMA_NAME, "schema"))
        }
        oid::REGROLE => {
            let (catalog, _) = names.ok_or_else(without_catalog)?;
            let name = split_name(text)?.pop().unwrap_or_default();
            let role = catalog.roles.values().find(|role| role.name == name);
            role.map(|role| role.oid).ok_or_else(|| undefined(SqlState::UNDEFINED_OBJECT, "role"))
        }
        other => Err(Error::unsupported(format_args!("input of type {}", display(Type::new(other))))),
    }
}

/// The oid of the relation that a text names.
pub(crate) fn regclass(text: &str, catalog: &Catalog, path: &[String]) -> Result<u32> {
    let parts = split_name(text)?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema), name),
        _ => return Err(Error::new(SqlState::INVALID_NAME, "invalid name syntax")),
    };
    let lookup = |schema: u32| catalog.relation_names.get(&(schema, name.clone())).copied();
    let found = match schema {
        Some(schema) => {
            let own = (schema == "pg_temp").then(|| temporary_of(path)).flatten();
            let schema = catalog.schema_named(own.unwrap_or(schema)).ok_or_else(|| {
                Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist"))
            })?;
            lookup(schema.oid)
        }
        None => catalog.path(path).find_map(|schema| lookup(schema.oid)),
    };
    found.ok_or_else(|| {
        Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", parts.join(".")))
    })
}

/// Splits `a."B".c` into its folded parts.
fn split_name(text: &str) -> Result<Vec<String>> {
    let invalid = || Error::new(SqlState::INVALID_NAME, "invalid name syntax");
    let mut parts = Vec::new();
    let mut rest = text.trim_matches(super::is_space);
    loop {
        let part = if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut chars = quoted.chars();
            loop {
                match chars.next() {
                    None => return Err(invalid()),
                    Some('"') if chars.as_str().starts_with('"') => {
                        chars.next();
                        part.push('"');
                    }
                    Some('"') => break,
                    Some(c) => part.push(c),
                }
            }
            rest = chars.as_str();
            part
        } else {
            let end = rest.find(|c: char| c == '.' || super::is_space(c)).unwrap_or(rest.len());
            let part = rest[..end].to_lowercase();
            rest = &rest[end..];
            part
        };
        if part.is_empty() {
            return Err(invalid());
        }
        parts.push(part);
        rest = rest.trim_start_matches(super::is_space);
        match rest.strip_prefix('.') {
            Some(next) => rest = next.trim_start_matches(super::is_space),
            None if rest.is_empty() => return Ok(parts),
            None => return Err(invalid()),
        }
    }
}

/// Words that are not names unless quoted, sorted: all of PostgreSQL's keywords that are not `unreserved`.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce",
    "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog",
    "current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "dec",
    "decimal", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists", "extract",
    "false", "fetch", "float", "for", "foreign", "freeze", "from", "full", "grant", "greatest", "group",
    "grouping", "having", "ilike", "in", "initially", "inner", "inout", "int", "integer", "intersect",
    "interval", "into", "is", "isnull", "join", "lateral", "leading", "least", "left", "like", "limit",
    "localtime", "localtimestamp", "national", "natural", "nchar", "none", "normalize", "not", "notnull", "null",
    "nullif", "numeric", "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing",
    "position", "precision", "primary", "real", "references", "returning", "right", "row", "select",
    "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric", "table", "tablesample",
    "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "union", "unique", "user", "using",
    "values", "varchar", "variadic", "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat",
    "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize",
    "xmltable"
];
