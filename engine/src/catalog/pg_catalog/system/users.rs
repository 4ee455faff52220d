//! `system.users`: the roles that are not predefined. What they prove themselves with is not among it.

use std::sync::Arc;

use storage::Value;

use crate::catalog::history::{ObjectOf, all_times};
use crate::catalog::pg_catalog::relation::{NULL, row};
use crate::catalog::{Catalog, Role};
use crate::error::Result;
use crate::provider::live::LiveSources;
use crate::types::json::read_document;

/// Roles with a smaller oid are PostgreSQL's own, but for the first.
const FIRST_ROLE: u32 = 16384;
const POSTGRES: u32 = 10;

pub(super) fn rows(catalog: &Catalog, live: &LiveSources) -> Result<Vec<Vec<Value>>> {
    let times = all_times(&live.store.view(), ObjectOf::Role)?;
    let logins = live.audit.last_logins()?;
    let failures = live.logins.failures(live.store.environment().now_us());
    let is_listed = |role: &Result<Arc<Role>>| match role {
        Ok(role) => role.oid >= FIRST_ROLE || role.oid == POSTGRES,
        Err(_) => true,
    };
    let roles = catalog.roles.values().filter(is_listed);
    let row = |role: Result<Arc<Role>>| {
        let role = role?;
        let attributes = &role.attributes;
        let member_of: Vec<String> = role.member_of.iter().map(|oid| catalog.role_name(*oid)).collect();
        let times = times.get(&role.oid);
        let failed = failures.get(&role.name).copied().unwrap_or_default();
        Ok(row![
            role.oid,
            &role.name,
            attributes.kind().name(),
            role.verifier.is_some().then_some("scram-sha-256"),
            NULL,
            NULL,
            attributes.login,
            attributes.connection_limit,
            attributes.valid_until.map(Value::Timestamptz),
            member_of,
            i32::try_from(failed.failures).unwrap_or(i32::MAX),
            failed.locked_until.map(Value::Timestamptz),
            logins.get(&role.name).copied().map(Value::Timestamptz),
            times.and_then(|times| times.created_at).map(Value::Timestamptz),
            times.map(|times| Value::Timestamptz(times.updated_at)),
            role.deleted_at.map(Value::Timestamptz),
            read_document(&metadata(&role).to_string())?,
        ])
    };
    roles.map(row).collect()
}

/// What else is known of a role.
fn metadata(role: &Role) -> serde_json::Value {
    let attributes = &role.attributes;
    let mut metadata = serde_json::Map::new();
    for (name, has) in [
        ("createdb", attributes.createdb),
        ("createrole", attributes.createrole),
        ("replication", attributes.replication),
        ("bypassrls", attributes.bypassrls),
    ] {
        if has {
            metadata.insert(name.to_owned(), true.into());
        }
    }
    if !attributes.inherit {
        metadata.insert("inherit".to_owned(), false.into());
    }
    if let Some(comment) = &role.comment {
        metadata.insert("comment".to_owned(), comment.as_str().into());
    }
    metadata.into()
}
