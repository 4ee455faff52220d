//! How much relations, files and the log are used: the views beside `pg_stat_all_tables`.
//!
//! What cannot happen here was counted zero times. What happens and nobody counts is NULL.

use storage::Value;

use super::columns::{kind, relations};
use super::relation::{Kind, NULL, Relation, Source, row};
use super::statistics::{counted_tables, seen_sessions};
use super::{PG_CATALOG, Reader};
use crate::catalog::Table;
use crate::types::datetime::{abbreviations, is_summer_time};
use crate::types::oid::*;

relations! {
    PG_CATALOG:
    12183 view pg_stat_all_indexes = index_uses {
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_scan INT8, idx_tup_read INT8,
        idx_tup_fetch INT8,
    }
    12147 view pg_stat_xact_all_tables = own_table_uses {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8,
    }
    12170 view pg_statio_all_tables = table_reads {
        relid OID, schemaname NAME, relname NAME, heap_blks_read INT8, heap_blks_hit INT8, idx_blks_read INT8,
        idx_blks_hit INT8, toast_blks_read INT8, toast_blks_hit INT8, tidx_blks_read INT8, tidx_blks_hit INT8,
    }
    12196 view pg_statio_all_indexes = index_reads {
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_blks_read INT8,
        idx_blks_hit INT8,
    }
    12209 view pg_statio_all_sequences = sequence_reads {
        relid OID, schemaname NAME, relname NAME, blks_read INT8, blks_hit INT8,
    }
    12285 view pg_stat_archiver = archiver {
        archived_count INT8, last_archived_wal TEXT, last_archived_time TIMESTAMPTZ, failed_count INT8,
        last_failed_wal TEXT, last_failed_time TIMESTAMPTZ, stats_reset TIMESTAMPTZ,
    }
    12289 view pg_stat_bgwriter = checkpoints {
        checkpoints_timed INT8, checkpoints_req INT8, checkpoint_write_time FLOAT8, checkpoint_sync_time FLOAT8,
        buffers_checkpoint INT8, buffers_clean INT8, maxwritten_clean INT8, buffers_backend INT8,
        buffers_backend_fsync INT8, buffers_alloc INT8, stats_reset TIMESTAMPTZ,
    }
    12293 view pg_stat_wal = log_writes {
        wal_records INT8, wal_fpi INT8, wal_bytes NUMERIC, wal_buffers_full INT8, wal_write INT8, wal_sync INT8,
        wal_write_time FLOAT8, wal_sync_time FLOAT8, stats_reset TIMESTAMPTZ,
    }
    12240 view pg_stat_recovery_prefetch = prefetches {
        stats_reset TIMESTAMPTZ, prefetch INT8, hit INT8, skip_init INT8, skip_new INT8, skip_fpw INT8, skip_rep INT8,
        wal_distance INT4, block_distance INT4, io_depth INT4,
    }
    12271 view pg_stat_database_conflicts = conflicts {
        datid OID, datname NAME, confl_tablespace INT8, confl_lock INT8, confl_snapshot INT8, confl_bufferpin INT8,
        confl_deadlock INT8,
    }
    12253 view pg_stat_gssapi = gss_sessions {
        pid INT4, gss_authenticated BOOL, principal TEXT, encrypted BOOL,
    }
    12249 view pg_stat_ssl = tls_sessions {
        pid INT4, ssl BOOL, version TEXT, cipher TEXT, bits INT4, client_dn TEXT, client_serial NUMERIC, issuer_dn TEXT,
    }
    12122 view pg_timezone_abbrevs = time_zone_abbreviations {
        abbrev TEXT, utc_offset INTERVAL, is_dst BOOL,
    }
    ;
}

/// Oid, schema and name of a relation, and so many columns that nobody counts.
fn uncounted(reader: &Reader<'_>, table: &Table, columns: usize) -> Vec<Value> {
    let schema = reader.catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
    let mut row = row![table.oid, schema, &table.name];
    row.extend(std::iter::repeat_n(NULL, columns));
    row
}

/// The same for every index of every table.
fn uncounted_indexes(reader: &Reader<'_>, columns: usize) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for table in counted_tables(reader) {
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
        for index in &table.indexes {
            let mut row = row![table.oid, index.oid, schema, &table.name, &index.name];
            row.extend(std::iter::repeat_n(NULL, columns));
            rows.push(row);
        }
    }
    rows
}

fn index_uses(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    uncounted_indexes(reader, 3)
}

fn index_reads(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    uncounted_indexes(reader, 2)
}

fn own_table_uses(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    counted_tables(reader).map(|table| uncounted(reader, table, 8)).collect()
}

fn table_reads(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    counted_tables(reader).map(|table| uncounted(reader, table, 8)).collect()
}

fn sequence_reads(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    super::sequence::all(reader).map(|(table, _)| uncounted(reader, table, 2)).collect()
}

/// Nothing is archived.
fn archiver(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![row![0i64, NULL, NULL, 0i64, NULL, NULL, NULL]]
}

fn checkpoints(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![vec![NULL; 11]]
}

fn log_writes(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![vec![NULL; 9]]
}

/// What recovery reads ahead: there is none that sessions would see.
fn prefetches(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![row![NULL, 0i64, 0i64, 0i64, 0i64, 0i64, 0i64, 0, 0, 0]]
}

/// What recovery cancels, which is nothing either.
fn conflicts(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let databases = reader.catalog.databases.values();
    databases.map(|database| row![database.oid, &database.name, 0i64, 0i64, 0i64, 0i64, 0i64]).collect()
}

/// Nobody logs in by GSSAPI.
fn gss_sessions(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let sessions = seen_sessions(reader).filter(|session| session.ends.client_port.is_some());
    sessions.map(|session| row![session.process_id, false, NULL, false]).collect()
}

fn tls_sessions(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let sessions = seen_sessions(reader).filter(|session| session.ends.client_port.is_some());
    let row = |session: std::sync::Arc<crate::session::activity::Activity>| {
        let tls = session.ends.encryption;
        row![
            session.process_id,
            tls.is_some(),
            tls.map(|tls| tls.version),
            tls.map(|tls| tls.cipher),
            tls.map(|tls| tls.bits),
            NULL,
            NULL,
            NULL,
        ]
    };
    sessions.map(row).collect()
}

fn time_zone_abbreviations(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(name, seconds): &(&str, i32)| {
        let interval = storage::Interval { months: 0, days: 0, microseconds: i64::from(*seconds) * 1_000_000 };
        row![name.to_uppercase(), Value::Interval(interval), is_summer_time(name)]
    };
    abbreviations().iter().map(row).collect()
}
