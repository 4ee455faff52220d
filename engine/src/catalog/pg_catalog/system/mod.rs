//! The schema `system`: relations about what PostgreSQL does not have. Nobody may make anything in it.
//!
//! Neither the schema nor its relations are listed in `pg_catalog` and `information_schema`: programs that compare or dump
//! databases by those would take them for the user's own, and a dump with them could not be read back. They are read by name.
//! Their rows are of the running database, so `provider/live.rs` is asked for them.

mod jobs;
mod live_queries;
mod segments;
mod storages;

use std::sync::Arc;

use auth::{Acl, AclItem, ObjectKind, Privileges, RoleId};
use storage::{Store, Value};

use super::BOOTSTRAP_ROLE;
use super::columns::{kind, relations};
use super::relation::{Kind, Relation, Source, none};
use crate::catalog::{Catalog, FIRST_DATABASE, Schema, Table};
use crate::error::Result;
use crate::function::EvalContext;
use crate::job::{self, Jobs};
use crate::live::Registry;
use crate::types::oid::*;

pub(crate) const SYSTEM: u32 = 9900;
const JOBS: u32 = 9901;
const SEGMENTS: u32 = 9902;
const LIVE_QUERIES: u32 = 9920;

relations! {
    SYSTEM:
    9901 view jobs = none {
        job_id TEXT, job_type TEXT, status TEXT, namespace TEXT, table TEXT, parameters JSONB, progress JSONB,
        retry_count INT4, max_retries INT4, idempotency_key TEXT, message TEXT, result JSONB, created_at TIMESTAMPTZ,
        started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ,
    }
    9902 view segments = none {
        namespace TEXT, table TEXT, user TEXT, path TEXT, rows INT8, bytes INT8, deleted INT8, min_key BYTEA,
        max_key BYTEA, min_seq INT8, max_seq INT8, schema_version INT4, created_at TIMESTAMPTZ,
    }
    9920 view live_queries = none {
        live_id TEXT, session INT4, user TEXT, channel TEXT, query TEXT, state TEXT, events INT8, queue_bytes INT8,
        lag INT8, created_at TIMESTAMPTZ,
    }
    9903 view storages = storages::rows {
        name TEXT, type TEXT, path TEXT, path_template TEXT, options TEXT_ARRAY, tables INT8,
    }
    ;
}

/// The schema as the catalog has it.
pub(super) fn schema() -> Schema {
    let owner = RoleId(BOOTSTRAP_ROLE);
    let everything = AclItem::for_grant(Some(owner), owner, ObjectKind::Schema.all_privileges(), false);
    let using = AclItem::for_grant(None, owner, Privileges::USAGE, false);
    Schema {
        oid: SYSTEM,
        database: FIRST_DATABASE,
        name: "system".to_owned(),
        owner: BOOTSTRAP_ROLE,
        acl: Some([everything, using].into_iter().collect::<Acl>()),
        comment: None,
    }
}

/// The rows of a relation of this schema; `None` for one of another.
pub(crate) fn rows(
    table: &Arc<Table>,
    context: &EvalContext,
    (store, running, live): (&Store, &Jobs, &Registry),
) -> Result<Option<Vec<Vec<Value>>>> {
    let viewer = job::Viewer::of(context);
    match table.oid {
        JOBS => jobs::rows(&viewer, running).map(Some),
        SEGMENTS => segments::rows(&viewer, store).map(Some),
        LIVE_QUERIES => Ok(Some(live_queries::rows(&viewer, live))),
        _ => Ok(None),
    }
}

/// Whether `pg_catalog` and `information_schema` list what is in a schema.
pub(super) fn is_listed(schema: u32) -> bool {
    schema != SYSTEM
}

/// The tables whose segments and jobs there are to be seen.
fn stored_tables(catalog: &Catalog) -> impl Iterator<Item = &Arc<Table>> {
    super::relation::user_tables(catalog)
}
