//! `regclass` and its kin as text: names for oids.

use std::borrow::Cow;

use auth::{AclItem, RoleId};
use storage::Value;

use super::Names;
use crate::catalog::pg_catalog::COLLATIONS;
use crate::catalog::pg_catalog::routine::routine_by_oid;
use crate::catalog::{Catalog, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::function::{extension_function, function_by_oid, operators};
use crate::text_search;
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
        oid::REGPROC | oid::REGPROCEDURE
            if names.is_some_and(|(catalog, _)| catalog.functions.contains_key(&value)) =>
        {
            let (catalog, path) = names?;
            let function = catalog.functions.get(&value)?;
            let name = catalog.sql_function_shown(function, path);
            if ty == oid::REGPROC {
                return Some(name);
            }
            let types =
                function.inputs().map(|input| catalog.type_shown(Type::new(input.ty), path).unwrap_or_default());
            Some(format!("{name}({})", types.collect::<Vec<_>>().join(",")))
        }
        oid::REGPROC => function_by_oid(value)
            .map(|function| function.name.to_owned())
            .or_else(|| routine_by_oid(value).map(|(name, _)| name.into_owned()))
            .map(|name| function_schema(value, names) + &name),
        oid::REGPROCEDURE => routine_by_oid(value).map(|(name, args)| {
            let args: Vec<String> = args.iter().map(|arg| display(Type::new(*arg))).collect();
            format!("{}{name}({})", function_schema(value, names), args.join(","))
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
        oid::REGCOLLATION => {
            COLLATIONS.iter().find(|(oid, ..)| *oid == value).map(|(_, name, ..)| quote_identifier(name))
        }
        oid::REGCONFIG => text_search::configuration(i64::from(value)).ok().map(|found| found.name.to_owned()),
        oid::REGDICTIONARY => text_search::dictionary(value).map(|found| found.name.to_owned()),
        oid::REGNAMESPACE => names?.0.schemas.get(&value).map(|schema| quote_identifier(&schema.name)),
        oid::REGROLE => names?.0.roles.get(&value).map(|role| quote_identifier(&role.name)),
        _ => None,
    }
}

/// The schema, with the dot, of an extension's function that the search path does not find.
fn function_schema(value: u32, names: Option<(&Catalog, &[String])>) -> String {
    let schema = extension_function(value).and_then(|function| {
        let (catalog, _) = names.filter(|(catalog, path)| !catalog.finds_extended(function, path))?;
        let schema = catalog.schemas.get(&catalog.extension_of(value)?.schema)?;
        Some(quote_identifier(&schema.name) + ".")
    });
    schema.unwrap_or_default()
}

/// A relation's name, with its schema unless the search path finds it.
fn relation_name(value: u32, catalog: &Catalog, path: &[String]) -> Option<String> {
    let composite = catalog.types.get(&value).filter(|ty| matches!(ty.kind, UserTypeKind::Composite(_)));
    if let Some(ty) = composite {
        return catalog.type_shown(Type::new(ty.oid), path);
    }
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

/// Whether the word is one of SQL's that are quoted where they are names.
pub(crate) fn is_key_word(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

/// The name in double quotes if SQL would not read it back as it is.
pub(crate) fn quote_identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain && !is_key_word(name) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `role=privileges/grantor`, in the form in which it is printed.
pub(super) fn acl_item(text: &str, names: Option<&Names>) -> Result<Value> {
    let Some(names) = names else { return Err(Error::internal("a name was to be looked up without a catalog")) };
    let roles = &names.catalog.roles;
    let item = AclItem::parse(text, |name| names.catalog.role_named(name).map(|role| RoleId(role.oid)));
    let item = item.map_err(|error| Error::new(SqlState(error.sql_state()), error.to_string()))?;
    let printed = item.to_text(|role| roles.get(&role.0).map(|role| Cow::Owned(role.name.clone())));
    Ok(Value::Text(printed.into()))
}

/// Splits `a."B".c` into its folded parts.
pub(super) fn split_name(text: &str) -> Result<Vec<String>> {
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
