//! Comments, wherever the catalog keeps them: `pg_description` and `pg_shdescription`.

use std::borrow::Cow;

use storage::Value;

use super::Reader;
use super::class::PG_CLASS;
use super::relation::row;
use super::text_search;
use crate::catalog::{Catalog, UserTypeKind};

const PG_TYPE: u32 = 1247;
const PG_AUTHID: u32 = 1260;
const PG_PROC: u32 = 1255;
const PG_LANGUAGE: u32 = 2612;
const PG_DATABASE: u32 = 1262;
const PG_CONSTRAINT: u32 = 2606;
pub(super) const PG_NAMESPACE: u32 = 2615;
pub(super) const PG_EXTENSION: u32 = 3079;

/// A comment and what it is on: the catalog relation that has the object, the object's oid, and the column's number.
type Comment<'a> = (u32, u32, i32, &'a str);

/// Comments on what a database has to itself.
fn own(catalog: &Catalog) -> Vec<Comment<'_>> {
    let mut all: Vec<Comment<'_>> = Vec::new();
    for table in catalog.tables.values().filter(|table| !table.is_system()) {
        all.extend(table.comment.iter().map(|comment| (PG_CLASS, table.oid, 0, comment.as_str())));
        for column in &table.columns {
            let number = i32::from(column.number);
            all.extend(column.comment.iter().map(|comment| (PG_CLASS, table.oid, number, comment.as_str())));
        }
        for constraint in &table.constraints {
            let comment = constraint.comment.iter();
            all.extend(comment.map(|comment| (PG_CONSTRAINT, constraint.oid, 0, comment.as_str())));
        }
        for policy in table.policies() {
            all.extend(policy.comment.iter().map(|comment| (super::PG_POLICY, policy.oid, 0, comment.as_str())));
        }
        for trigger in &table.triggers {
            let comment = trigger.comment.iter();
            all.extend(comment.map(|comment| (super::trigger::PG_TRIGGER, trigger.oid, 0, comment.as_str())));
        }
        for index in &table.indexes {
            all.extend(index.comment.iter().map(|comment| (PG_CLASS, index.oid, 0, comment.as_str())));
        }
    }
    for schema in catalog.schemas.values() {
        all.extend(schema.comment.iter().map(|comment| (PG_NAMESPACE, schema.oid, 0, comment.as_str())));
    }
    for language in super::fixed::LANGUAGE_COMMENTS {
        all.push((PG_LANGUAGE, language.0, 0, language.1));
    }
    all.push((PG_EXTENSION, super::extension::PLPGSQL, 0, super::extension::PLPGSQL_COMMENT));
    for extension in catalog.extensions.values() {
        all.extend(extension.comment.iter().map(|comment| (PG_EXTENSION, extension.oid, 0, comment.as_str())));
    }
    for function in catalog.functions.values() {
        all.extend(function.comment.iter().map(|comment| (PG_PROC, function.oid, 0, comment.as_str())));
    }
    for ty in catalog.types.values() {
        if let UserTypeKind::Domain(domain) = &ty.kind {
            for check in &domain.checks {
                all.extend(check.comment.iter().map(|comment| (PG_CONSTRAINT, check.oid, 0, comment.as_str())));
            }
        }
        all.extend(ty.comment.iter().map(|comment| (PG_TYPE, ty.oid, 0, comment.as_str())));
    }
    all
}

pub(super) fn descriptions(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let own = own(reader.catalog).into_iter().map(|(class, oid, column, text)| row![oid, class, column, text]);
    let built_in = text_search::comments().into_iter().map(|(class, oid, text)| row![oid, class, 0i32, text.as_str()]);
    own.chain(built_in).collect()
}

pub(super) fn shared_descriptions(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let databases = reader.catalog.databases.values();
    let databases = databases.filter_map(|on| Some(row![on.oid, PG_DATABASE, on.comment.as_deref()?]));
    let roles = reader.roles().filter_map(|on| Some(row![on.oid, PG_AUTHID, on.comment.as_deref()?]));
    databases.chain(roles).collect()
}

/// The comment on an object of a catalog relation (`pg_constraint`); `in_all` asks for objects that all databases share.
pub(crate) fn comment_on<'a>(catalog: &'a Catalog, class: &str, object: u32, in_all: bool) -> Option<Cow<'a, str>> {
    // Asked for each row of a catalog: what can be found at once is.
    match (class, in_all) {
        ("pg_namespace", false) => return catalog.schemas.get(&object)?.comment.as_deref().map(Cow::Borrowed),
        ("pg_database", true) => return catalog.databases.get(&object)?.comment.as_deref().map(Cow::Borrowed),
        ("pg_authid", true) => return catalog.roles.get(&object)?.comment.clone().map(Cow::Owned),
        ("pg_proc", false) => return catalog.functions.get(&object)?.comment.as_deref().map(Cow::Borrowed),
        // Nothing else is shared by all databases and has comments.
        (_, true) => return None,
        ("pg_operator" | "pg_am" | "pg_cast" | "pg_rewrite", false) => return None,
        _ => {}
    }
    if class.starts_with("pg_ts_") {
        let class = super::relations().find(|relation| relation.name == class)?.oid;
        let found = text_search::comments().into_iter().find(|(of, oid, _)| (*of, *oid) == (class, object));
        return found.map(|(.., text)| Cow::Owned(text));
    }
    let class = super::relations().find(|relation| relation.name == class)?.oid;
    let found = own(catalog).into_iter().find(|(of, oid, column, _)| (*of, *oid, *column) == (class, object, 0));
    found.map(|(.., text)| Cow::Borrowed(text))
}
