//! `'name'::regclass` and its kin: the oids that names stand for.
//!
//! A name may say its schema, which then has to be there. What is built in is in `pg_catalog`.

use super::Names;
use super::registered::split_name;
use crate::catalog::pg_catalog::COLLATIONS;
use crate::catalog::pg_catalog::routine::routines_named;
use crate::catalog::{Catalog, SqlFunction, temporary_of};
use crate::error::{Error, Result, SqlState};
use crate::function::operators_named;
use crate::text_search::{configuration_named, dictionary_named};
use crate::types::{Type, display, oid};

/// The schema of what is built in.
const PG_CATALOG: &str = "pg_catalog";

/// Where names are looked for: a catalog and a search path.
type Place<'a> = Option<(&'a Catalog, &'a [String])>;

/// Reads a name, or a number, into the oid it stands for.
pub(super) fn parse(text: &str, ty: u32, names: Option<&Names>) -> Result<u32> {
    let names = names.map(|names| (names.catalog.as_ref(), &names.search_path[..]));
    find(text, ty, names)
}

/// The oid that a text of such a type stands for.
pub(crate) fn find(text: &str, ty: u32, names: Place<'_>) -> Result<u32> {
    let is_operator = matches!(ty, oid::REGOPER | oid::REGOPERATOR);
    if text == if is_operator { "0" } else { "-" } {
        return Ok(0);
    }
    if text.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return super::integer::parse_oid(text, oid::OID);
    }
    let (catalog, path) = names.ok_or_else(|| Error::internal("a name was to be looked up without a catalog"))?;
    match ty {
        oid::REGTYPE => regtype(text, catalog, path),
        oid::REGCLASS => regclass(text, catalog, path),
        oid::REGPROC => {
            let parts = split_name(text)?;
            let mut found: Vec<u32> = match built_in(&parts, catalog)? {
                Some(name) => routines_named(name).into_iter().map(|(oid, _)| oid).collect(),
                None => Vec::new(),
            };
            found.extend(defined(&parts, catalog, path).iter().map(|function| function.oid));
            only(&found, no_function(text), || format!("more than one function named \"{text}\""))
        }
        oid::REGPROCEDURE => {
            let (name, args) = signature(text, catalog, path, false)?;
            let args: Vec<u32> = args.into_iter().flatten().collect();
            let parts = split_name(name)?;
            let found = built_in(&parts, catalog)?.and_then(|name| {
                routines_named(name).into_iter().find(|(_, known)| *known == args).map(|(oid, _)| oid)
            });
            let own = || defined(&parts, catalog, path).into_iter().find(|function| function.input_types() == args);
            let found = found.or_else(|| own().map(|function| function.oid));
            found.ok_or_else(|| no_function(text))
        }
        oid::REGOPER => {
            let parts = split_name(text)?;
            let found: Vec<u32> = match built_in(&parts, catalog)? {
                Some(name) => operators_named(name).iter().map(|operator| operator.oid).collect(),
                None => Vec::new(),
            };
            only(&found, no_operator(text), || format!("more than one operator named {text}"))
        }
        oid::REGOPERATOR => regoperator(text, catalog, path),
        oid::REGCOLLATION => {
            let parts = split_name(text)?;
            let named = built_in(&parts, catalog)?;
            let found = named.and_then(|named| COLLATIONS.iter().find(|(_, name, ..)| *name == named));
            found.map(|(oid, ..)| *oid).ok_or_else(|| {
                let words = format!("collation \"{}\" for encoding \"UTF8\" does not exist", parts.join("."));
                Error::new(SqlState::UNDEFINED_OBJECT, words)
            })
        }
        oid::REGCONFIG => {
            let parts = split_name(text)?;
            let named = built_in(&parts, catalog)?;
            let found = named.and_then(configuration_named).map(|configuration| configuration.oid);
            found.ok_or_else(|| {
                let words = format!("text search configuration \"{}\" does not exist", parts.join("."));
                Error::new(SqlState::UNDEFINED_OBJECT, words)
            })
        }
        oid::REGDICTIONARY => {
            let parts = split_name(text)?;
            let named = built_in(&parts, catalog)?;
            let found = named.and_then(dictionary_named).map(|dictionary| dictionary.oid);
            found.ok_or_else(|| {
                let words = format!("text search dictionary \"{}\" does not exist", parts.join("."));
                Error::new(SqlState::UNDEFINED_OBJECT, words)
            })
        }
        oid::REGNAMESPACE => {
            let name = single(text)?;
            catalog.schema_named(&name).map(|schema| schema.oid).ok_or_else(|| no_schema(&name))
        }
        oid::REGROLE => {
            let name = single(text)?;
            let role = catalog.role_named(&name);
            role.map(|role| role.oid)
                .ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
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
        _ => return Err(invalid_name()),
    };
    let lookup = |schema: u32| catalog.relation_names.get(&(schema, name.clone())).copied();
    let found = match schema {
        Some(schema) => {
            let own = (schema == "pg_temp").then(|| temporary_of(path)).flatten();
            lookup(catalog.schema_named(own.unwrap_or(schema)).ok_or_else(|| no_schema(schema))?.oid)
        }
        None => catalog.path(path).find_map(|schema| lookup(schema.oid)),
    };
    found.ok_or_else(|| {
        Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", parts.join(".")))
    })
}

fn regtype(text: &str, catalog: &Catalog, path: &[String]) -> Result<u32> {
    if let Some(ty) = crate::types::ast::named(text, catalog, path) {
        return Ok(ty.oid);
    }
    match split_name(text).as_deref() {
        Ok([schema, _]) if schema != "pg_temp" && catalog.schema_named(schema).is_none() => Err(no_schema(schema)),
        _ => Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{text}\" does not exist"))),
    }
}

fn regoperator(text: &str, catalog: &Catalog, path: &[String]) -> Result<u32> {
    let (name, args) = signature(text, catalog, path, true)?;
    let (left, right) = match args.as_slice() {
        [left, Some(right)] => (*left, *right),
        [_, None] => return Err(no_operator(text)),
        [] | [_] => {
            return Err(Error::new(SqlState("42P02"), "missing argument")
                .with_hint("Use NONE to denote the missing argument of a unary operator."));
        }
        _ => {
            return Err(Error::new(SqlState("54023"), "too many arguments")
                .with_hint("Provide two argument types for operator."));
        }
    };
    // Unlike elsewhere, a schema that is not there is no error of its own.
    let parts = split_name(name)?;
    let named = built_in(&parts, catalog).unwrap_or(None);
    let mut found = named.into_iter().flat_map(operators_named);
    let found = found.find(|operator| operator.left == left && operator.right == right);
    found.map(|operator| operator.oid).ok_or_else(|| no_operator(text))
}

/// `name(type, type)`: the name as it stands, and the types; NONE is one that is missing.
fn signature<'t>(
    text: &'t str,
    catalog: &Catalog,
    path: &[String],
    allow_none: bool,
) -> Result<(&'t str, Vec<Option<u32>>)> {
    let invalid = |words: &'static str| Error::new(SqlState::INVALID_TEXT_REPRESENTATION, words);
    let mut quoted = false;
    let open = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '(' && !quoted
    });
    let (open, _) = open.ok_or_else(|| invalid("expected a left parenthesis"))?;
    let inside = text[open + 1..].trim_end_matches(super::is_space);
    let inside = inside.strip_suffix(')').ok_or_else(|| invalid("expected a right parenthesis"))?;
    let mut types = Vec::new();
    if inside.trim_matches(super::is_space).is_empty() {
        return Ok((&text[..open], types));
    }
    for ty in arguments(inside) {
        let ty = ty.trim_matches(super::is_space);
        if ty.is_empty() {
            return Err(invalid("expected a type name"));
        }
        types.push(match allow_none && ty.eq_ignore_ascii_case("none") {
            true => None,
            false => Some(regtype(ty, catalog, path)?),
        });
    }
    Ok((&text[..open], types))
}

/// The parts between commas outside of quotes and parentheses: `numeric(3,1), "a,b"`.
fn arguments(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, c) in list.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

/// The name itself, if it can be that of something built in; 3F000 for a schema that is not there.
fn built_in<'p>(parts: &'p [String], catalog: &Catalog) -> Result<Option<&'p str>> {
    match parts {
        [name] => Ok(Some(name)),
        [schema, name] | [_, schema, name] => {
            catalog.schema_named(schema).ok_or_else(|| no_schema(schema))?;
            Ok((schema == PG_CATALOG).then_some(name))
        }
        _ => Err(invalid_name()),
    }
}

/// The functions that SQL defined under a name.
fn defined<'c>(parts: &[String], catalog: &'c Catalog, path: &[String]) -> Vec<&'c SqlFunction> {
    let found = match parts {
        [name] => catalog.find_sql_functions(None, name, path),
        [schema, name] | [_, schema, name] => catalog.find_sql_functions(Some(schema), name, path),
        _ => Vec::new(),
    };
    found.into_iter().map(|function| &**function).collect()
}

/// The only one; otherwise there is none, or more than one.
fn only(found: &[u32], none: Error, several: impl Fn() -> String) -> Result<u32> {
    match found {
        [] => Err(none),
        [oid] => Ok(*oid),
        _ => Err(Error::new(SqlState::AMBIGUOUS_FUNCTION, several())),
    }
}

/// A name without a schema.
fn single(text: &str) -> Result<String> {
    match <[String; 1]>::try_from(split_name(text)?) {
        Ok([name]) => Ok(name),
        Err(_) => Err(invalid_name()),
    }
}

fn invalid_name() -> Error {
    Error::new(SqlState::INVALID_NAME, "invalid name syntax")
}

fn no_schema(name: &str) -> Error {
    Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
}

fn no_function(text: &str) -> Error {
    Error::new(SqlState::UNDEFINED_FUNCTION, format!("function \"{text}\" does not exist"))
}

fn no_operator(text: &str) -> Error {
    Error::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"))
}
