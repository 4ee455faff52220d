//! `pg_extension`, what can be created, and which functions belong to what was.

use storage::Value;

use super::Reader;
use super::comment::PG_EXTENSION;
use super::relation::{NULL, row};
use super::{BOOTSTRAP_ROLE, PG_CATALOG};
use crate::catalog::Language;
use crate::catalog::extension::PROCEDURAL;
use crate::function::AVAILABLE;
use crate::types::oid;

const PG_PROC: u32 = 1255;
const PG_NAMESPACE: u32 = super::comment::PG_NAMESPACE;

/// The extension that every database has, and what it is called and described as.
pub(super) const PLPGSQL: u32 = 13_559;
const PLPGSQL_VERSION: &str = "1.0";
pub(super) const PLPGSQL_COMMENT: &str = "PL/pgSQL procedural language";
const PG_LANGUAGE: u32 = 2612;

/// What `pg_language` names for the language. Nobody calls them.
pub(super) const HANDLERS: [(u32, &str, &[u32], u32); 3] = [
    (13_560, "plpgsql_call_handler", &[], oid::LANGUAGE_HANDLER),
    (13_561, "plpgsql_inline_handler", &[oid::INTERNAL], oid::VOID),
    (13_562, "plpgsql_validator", &[oid::OID], oid::VOID),
];

pub(super) fn extensions(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |extension: &crate::catalog::Extension| {
        let version = extension.version.as_str();
        row![extension.oid, &extension.name, extension.owner, extension.schema, false, version, NULL, NULL]
    };
    let own = row![PLPGSQL, PROCEDURAL, BOOTSTRAP_ROLE, PG_CATALOG, false, PLPGSQL_VERSION, NULL, NULL];
    std::iter::once(own).chain(reader.catalog.extensions.values().map(|extension| row(extension))).collect()
}

pub(super) fn available(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |extension: &crate::function::Available| {
        let installed = reader.catalog.extension_named(extension.name).map(|created| created.version.as_str());
        row![extension.name, extension.version, installed, extension.comment]
    };
    let own = row![PROCEDURAL, PLPGSQL_VERSION, PLPGSQL_VERSION, PLPGSQL_COMMENT];
    std::iter::once(own).chain(AVAILABLE.iter().map(row)).collect()
}

/// Whoever may make schemas may create them; they cannot be moved once they are there.
pub(super) fn available_versions(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |extension: &crate::function::Available| {
        let installed = reader.catalog.extension_named(extension.name).is_some();
        row![extension.name, extension.version, installed, true, true, false, NULL, NULL, extension.comment]
    };
    let own = row![PROCEDURAL, PLPGSQL_VERSION, true, true, true, false, "pg_catalog", NULL, PLPGSQL_COMMENT];
    std::iter::once(own).chain(AVAILABLE.iter().map(row)).collect()
}

/// An extension lies in its schema, and functions are part of it.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = vec![row![PG_LANGUAGE, Language::PlPgSql.oid(), 0, PG_EXTENSION, PLPGSQL, 0, 'e']];
    rows.extend(HANDLERS.iter().map(|(handler, ..)| row![PG_PROC, *handler, 0, PG_EXTENSION, PLPGSQL, 0, 'e']));
    for extension in reader.catalog.extensions.values() {
        rows.push(row![PG_EXTENSION, extension.oid, 0, PG_NAMESPACE, extension.schema, 0, 'n']);
        for function in extension.functions() {
            rows.push(row![PG_PROC, function.oid, 0, PG_EXTENSION, extension.oid, 0, 'e']);
        }
    }
    rows
}
