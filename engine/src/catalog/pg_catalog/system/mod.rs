//! The schema `system`: relations about what PostgreSQL does not have. Nobody may make anything in it.
//!
//! Neither the schema nor its relations are listed in `pg_catalog` and `information_schema`: programs that compare or dump
//! databases by those would take them for the user's own, and a dump with them could not be read back. They are read by name.
//! Their rows are of the running database, so `provider/live.rs` is asked for them; some relations of `pg_catalog` that
//! tell of the same are here too.
//!
//! Times are `…_at`, `deleted_at` is NULL of what is there, kinds and states are words in small letters, and what has no
//! column of its own is in `metadata`. What nobody knows is NULL.

mod audit_log;
mod jobs;
mod live_queries;
mod locks;
mod namespaces;
mod segments;
mod sessions;
mod settings;
mod stats;
mod storages;
mod tables;
mod users;

use std::sync::Arc;

use auth::{Acl, AclItem, ObjectKind, Privileges, RoleId};
use storage::Value;

use super::columns::{kind, relations};
use super::relation::{Kind, Relation, Source, none};
use super::{BOOTSTRAP_ROLE, PG_CATALOG};
use crate::catalog::{Catalog, FIRST_DATABASE, Schema, Table};
use crate::error::Result;
use crate::function::EvalContext;
use crate::job::Viewer;
use crate::provider::live::LiveSources;
use crate::types::oid::*;

pub(crate) use stats::figures;
pub use stats::{Figure, FigureKind};
pub(crate) use tables::{kind_of, versions_of};

pub(crate) const SYSTEM: u32 = 9900;

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
    9904 view users = none {
        user_id OID, username TEXT, role TEXT, auth_type TEXT, email TEXT, storage TEXT, can_login BOOL,
        connection_limit INT4, valid_until TIMESTAMPTZ, member_of TEXT_ARRAY, failed_login_attempts INT4,
        locked_until TIMESTAMPTZ, last_login_at TIMESTAMPTZ, created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ,
        deleted_at TIMESTAMPTZ, metadata JSONB,
    }
    9905 view namespaces = none {
        namespace_id OID, name TEXT, owner TEXT, tables INT8, created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ,
        deleted_at TIMESTAMPTZ, metadata JSONB,
    }
    9906 view tables = none {
        namespace TEXT, name TEXT, table_id OID, type TEXT, owner TEXT, storage TEXT, access_level TEXT, options JSONB,
        schema_version INT4, hot_rows INT8, hot_bytes INT8, cold_rows INT8, cold_bytes INT8, segments INT8,
        created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ, deleted_at TIMESTAMPTZ, metadata JSONB,
    }
    9907 view table_schemas = none {
        table_id OID, namespace TEXT, table TEXT, version INT4, columns JSONB, created_at TIMESTAMPTZ, created_by TEXT,
        metadata JSONB,
    }
    9909 view sessions = none {
        session_id TEXT, process_id INT4, user TEXT, acting_as TEXT, database TEXT, client INET, application_name TEXT,
        state TEXT, statement TEXT, statement_started_at TIMESTAMPTZ, transaction_started_at TIMESTAMPTZ,
        state_changed_at TIMESTAMPTZ, requests INT8, commits INT8, rollbacks INT8, rows_returned INT8, rows_written INT8,
        created_at TIMESTAMPTZ, metadata JSONB,
    }
    9910 view transactions = none {
        transaction_id INT8, session_id TEXT, process_id INT4, user TEXT, database TEXT, state TEXT, isolation TEXT,
        read_only BOOL, locks INT8, waiting BOOL, started_at TIMESTAMPTZ, age INTERVAL, metadata JSONB,
    }
    9911 view locks = none {
        transaction_id INT8, session_id TEXT, process_id INT4, user TEXT, type TEXT, namespace TEXT, table TEXT,
        mode TEXT, granted BOOL, metadata JSONB,
    }
    9912 view settings = none {
        name TEXT, value TEXT, default_value TEXT, category TEXT, context TEXT, description TEXT, is_changed BOOL,
        metadata JSONB,
    }
    9913 view stats = none {
        name TEXT, value INT8, kind TEXT, unit TEXT, description TEXT,
    }
    9914 view audit_log = none {
        time TIMESTAMPTZ, user TEXT, acting_as TEXT, client INET, request_id TEXT, database TEXT, action TEXT,
        target TEXT, outcome TEXT, sqlstate TEXT, details JSONB,
    }
    ;
    PG_CATALOG:
    12073 view pg_locks = none {
        locktype TEXT, database OID, relation OID, page INT4, tuple INT2, virtualxid TEXT, transactionid XID,
        classid OID, objid OID, objsubid INT2, virtualtransaction TEXT, pid INT4, mode TEXT, granted BOOL,
        fastpath BOOL, waitstart TIMESTAMPTZ,
    }
    12266 view pg_stat_database = none {
        datid OID, datname NAME, numbackends INT4, xact_commit INT8, xact_rollback INT8, blks_read INT8, blks_hit INT8,
        tup_returned INT8, tup_fetched INT8, tup_inserted INT8, tup_updated INT8, tup_deleted INT8, conflicts INT8,
        temp_files INT8, temp_bytes INT8, deadlocks INT8, checksum_failures INT8, checksum_last_failure TIMESTAMPTZ,
        blk_read_time FLOAT8, blk_write_time FLOAT8, session_time FLOAT8, active_time FLOAT8,
        idle_in_transaction_time FLOAT8, sessions INT8, sessions_abandoned INT8, sessions_fatal INT8,
        sessions_killed INT8, stats_reset TIMESTAMPTZ,
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

/// The rows of a relation over the running database; `None` for another.
pub(crate) fn rows(table: &Arc<Table>, context: &EvalContext, live: &LiveSources) -> Result<Option<Vec<Vec<Value>>>> {
    let viewer = &Viewer::of(context);
    let catalog = viewer.catalog();
    match (table.schema, table.name.as_str()) {
        (SYSTEM, "jobs") => jobs::rows(viewer, &live.jobs).map(Some),
        (SYSTEM, "live_queries") => Ok(live.live.upgrade().map(|live| live_queries::rows(viewer, &live.registry))),
        (SYSTEM, "segments") => segments::rows(viewer, &live.store).map(Some),
        (SYSTEM, "users") => users::rows(catalog, live).map(Some),
        (SYSTEM, "namespaces") => namespaces::rows(catalog, live).map(Some),
        (SYSTEM, "tables") => tables::rows(catalog, live).map(Some),
        (SYSTEM, "table_schemas") => tables::schemas(catalog, live).map(Some),
        (SYSTEM, "sessions") => Ok(Some(sessions::rows(catalog, live))),
        (SYSTEM, "transactions") => Ok(Some(sessions::transactions(catalog, live))),
        (SYSTEM, "locks") => Ok(Some(locks::rows(catalog, live))),
        (SYSTEM, "settings") => Ok(Some(settings::rows(&context.session.settings))),
        (SYSTEM, "stats") => Ok(Some(stats::rows(live))),
        (SYSTEM, "audit_log") => audit_log::rows(live).map(Some),
        (PG_CATALOG, "pg_locks") => Ok(Some(locks::pg_locks(catalog, live))),
        (PG_CATALOG, "pg_stat_database") => Ok(Some(stats::databases(catalog, live))),
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

/// A number of things as SQL has it.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
