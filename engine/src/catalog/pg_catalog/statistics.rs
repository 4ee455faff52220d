//! What the running system says of itself. What nobody counts here is NULL.

use std::sync::Arc;

use auth::{Principal, RoleId};
use chrono::{Offset, Utc};
use chrono_tz::OffsetName;
use storage::Value;

use super::columns::{kind, relations};
use super::relation::{Kind, NULL, Relation, Source, row};
use super::{PG_CATALOG, Reader};
use crate::catalog::{Table, TableKind};
use crate::session::TransactionStatus;
use crate::session::activity::Activity;
use crate::types::network::Network;
use crate::types::oid::*;

/// The predefined role whose members see what every session does.
const PG_READ_ALL_STATS: RoleId = RoleId(3375);

relations! {
    PG_CATALOG:
    12222 view pg_stat_activity = activities {
        datid OID, datname NAME, pid INT4, leader_pid INT4, usesysid OID, usename NAME, application_name TEXT,
        client_addr INET, client_hostname TEXT, client_port INT4, backend_start TIMESTAMPTZ, xact_start TIMESTAMPTZ,
        query_start TIMESTAMPTZ, state_change TIMESTAMPTZ, wait_event_type TEXT, wait_event TEXT, state TEXT,
        backend_xid XID, backend_xmin XID, query_id INT8, query TEXT, backend_type TEXT,
    }
    12142 view pg_stat_all_tables = tables {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8, n_dead_tup INT8,
        n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ, last_autovacuum TIMESTAMPTZ,
        last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8, autovacuum_count INT8,
        analyze_count INT8, autoanalyze_count INT8,
    }
    12126 view pg_timezone_names = time_zones {
        name TEXT, abbrev TEXT, utc_offset INTERVAL, is_dst BOOL,
    }
    ;
}

/// The sessions there are. What they do is for their own role, superusers and members of `pg_read_all_stats`.
fn activities(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let catalog = reader.catalog;
    let session = &reader.context.session;
    let principal = viewer(reader);
    let row = |activity: Arc<Activity>| {
        let database = catalog.databases.get(&activity.database).map(|database| database.name.as_str());
        let mut row = row![
            activity.database,
            database,
            activity.process_id,
            NULL,
            activity.role.0,
            catalog.role_name(activity.role.0)
        ];
        if !sees(&principal, &activity) {
            row.extend([NULL; 14]);
            row.extend(row!["<insufficient privilege>", NULL]);
            return row;
        }
        let deed = activity.deed();
        let state = match deed.rests_in {
            None => "active",
            Some(TransactionStatus::Idle) => "idle",
            Some(TransactionStatus::Open) => "idle in transaction",
            Some(TransactionStatus::Failed) => "idle in transaction (aborted)",
        };
        let waits = deed.rests_in.is_some();
        row.extend(row![
            &deed.application_name,
            activity.client_address.map(|address| Value::Bytea(Network::of(address).encode().into())),
            NULL,
            activity.ends.client_port,
            Value::Timestamptz(activity.began_at),
            deed.transaction_began_at.map(Value::Timestamptz),
            deed.query_began_at.map(Value::Timestamptz),
            Value::Timestamptz(deed.since),
            waits.then_some("Client"),
            waits.then_some("ClientRead"),
            state,
            NULL,
            NULL,
            NULL,
            deed.query().as_ref(),
            "client backend",
        ]);
        row
    };
    session.sessions.all().into_iter().map(row).collect()
}

fn viewer(reader: &Reader<'_>) -> Principal {
    let session = &reader.context.session;
    Principal::resolve(session.current_role, session.current_user.as_str(), reader.catalog)
}

fn sees(principal: &Principal, activity: &Activity) -> bool {
    principal.has_privileges_of(activity.role) || principal.has_privileges_of(PG_READ_ALL_STATS)
}

/// The sessions of which the current role sees what they do.
pub(super) fn seen_sessions(reader: &Reader<'_>) -> impl Iterator<Item = Arc<Activity>> {
    let principal = viewer(reader);
    reader.context.session.sessions.all().into_iter().filter(move |activity| sees(&principal, activity))
}

/// The tables that have rows of their own to count.
pub(super) fn counted_tables<'a>(reader: &Reader<'a>) -> impl Iterator<Item = &'a Arc<Table>> + use<'a> {
    reader.tables().filter(|table| match table.kind {
        TableKind::Table => table.partitioning.key.is_none(),
        TableKind::System => super::relation(table.oid).is_some_and(|relation| relation.kind == Kind::Table),
        TableKind::Sequence(_) | TableKind::View(_) | TableKind::Files(_) => false,
    })
}

fn tables(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |table: &Arc<Table>| {
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
        let live = reader.rows_of(table).and_then(|rows| i64::try_from(rows).ok());
        let mut row = row![table.oid, schema, &table.name];
        row.extend([NULL; 8]);
        row.push(live.map_or(NULL, Value::Int8));
        row.extend([NULL; 11]);
        row
    };
    counted_tables(reader).map(row).collect()
}

/// Every time zone as it is now.
fn time_zones(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let now = Utc::now();
    let row = |zone: &chrono_tz::Tz| {
        let local = now.with_timezone(zone);
        let offset = local.offset();
        let seconds = i64::from(offset.fix().local_minus_utc());
        let is_dst = !chrono_tz::OffsetComponents::dst_offset(offset).is_zero();
        let interval = storage::Interval { months: 0, days: 0, microseconds: seconds * 1_000_000 };
        row![zone.name(), offset.abbreviation(), Value::Interval(interval), is_dst]
    };
    chrono_tz::TZ_VARIANTS.iter().map(row).collect()
}
