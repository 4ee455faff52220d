//! Roles: `pg_authid`, the views of it, memberships and the settings of roles.

use std::sync::Arc;

use auth::RoleKind;
use storage::Value;

use super::relation::{Cell, NULL, row};
use super::{BOOTSTRAP_ROLE, Reader};
use crate::catalog::Role;
use crate::execute::definition::KIND_SETTING;

/// What the views show of a password, whether there is one or not.
const HIDDEN: &str = "********";

pub(super) fn authids(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |role: &Role| {
        let has = &role.attributes;
        row![
            role.oid,
            &role.name,
            has.superuser,
            has.inherit,
            has.createrole,
            has.createdb,
            has.login,
            has.replication,
            has.bypassrls,
            has.connection_limit,
            role.verifier.as_ref(),
            valid_until(role),
        ]
    };
    reader.roles().map(|role| row(&role)).collect()
}

pub(super) fn roles(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |role: &Role| {
        let has = &role.attributes;
        row![
            &role.name,
            has.superuser,
            has.inherit,
            has.createrole,
            has.createdb,
            has.login,
            has.replication,
            has.connection_limit,
            HIDDEN,
            valid_until(role),
            has.bypassrls,
            config(role),
            role.oid,
        ]
    };
    reader.roles().map(|role| row(&role)).collect()
}

pub(super) fn users(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    logins(reader).map(|role| user(&role, Value::Text(HIDDEN.into()))).collect()
}

pub(super) fn shadows(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    logins(reader)
        .map(|role| user(&role, role.verifier.as_ref().map_or(NULL, |found| Value::Text(found.as_str().into()))))
        .collect()
}

fn logins(reader: &Reader<'_>) -> impl Iterator<Item = Arc<Role>> {
    reader.roles().filter(|role| role.attributes.login)
}

fn user(role: &Role, password: Value) -> Vec<Value> {
    let has = &role.attributes;
    row![
        &role.name,
        role.oid,
        has.createdb,
        has.superuser,
        has.replication,
        has.bypassrls,
        password,
        valid_until(role),
        config(role),
    ]
}

pub(super) fn groups(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let members = |group: u32| reader.unless_failed(reader.catalog.roles.members_of(group));
    let groups = reader.roles().filter(|role| !role.attributes.login);
    groups.map_while(|role| Some(row![&role.name, role.oid, members(role.oid)?])).collect()
}

pub(super) fn memberships(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for member in reader.roles() {
        for group in &member.member_of {
            rows.push(row![*group, member.oid, BOOTSTRAP_ROLE, member.admin_of.contains(group)]);
        }
    }
    rows
}

pub(super) fn settings(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let catalog = reader.catalog;
    let mut rows = Vec::new();
    let everywhere = catalog.settings_everywhere();
    if !everywhere.is_empty() {
        rows.push(row![0u32, 0u32, said(everywhere)]);
    }
    for database in catalog.databases.values().filter(|database| !database.settings.is_empty()) {
        rows.push(row![database.oid, 0u32, said(&database.settings)]);
    }
    for role in reader.roles() {
        if !role.settings.is_empty() || shown_kind(&role).is_some() {
            rows.push(row![0u32, role.oid, config(&role)]);
        }
        for (database, settings) in &role.database_settings {
            if catalog.databases.contains_key(database) {
                rows.push(row![*database, role.oid, said(settings)]);
            }
        }
    }
    rows
}

fn said(settings: &[(String, String)]) -> Vec<String> {
    settings.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// The role's settings, and its kind as if that were one of them, so that a dump has it.
fn config(role: &Role) -> Value {
    let kind = shown_kind(role).map(|kind| format!("{KIND_SETTING}={}", kind.name()));
    let all: Vec<String> = said(&role.settings).into_iter().chain(kind).collect();
    (!all.is_empty()).then_some(all).value()
}

/// The kind, if nothing else of the role says it.
fn shown_kind(role: &Role) -> Option<RoleKind> {
    let kind = role.attributes.kind();
    matches!(kind, RoleKind::Service | RoleKind::Dba).then_some(kind)
}

fn valid_until(role: &Role) -> Value {
    role.attributes.valid_until.map_or(NULL, Value::Timestamptz)
}

pub(super) fn default_acls(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let catalog = reader.catalog;
    let mut rows = Vec::new();
    for role in reader.unless_failed(catalog.roles.with_default_acls()).unwrap_or_default() {
        for default in role.default_acls.iter().filter(|default| default.database == catalog.database) {
            let schema = default.schema.unwrap_or(0);
            if schema == 0 || catalog.schemas.contains_key(&schema) {
                let acl = super::relation::acl_items(catalog, Some(&default.acl));
                rows.push(row![default.oid, role.oid, schema, default.letter_and_words().0, acl]);
            }
        }
    }
    rows
}
