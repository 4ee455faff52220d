//! System views that are queries over other system relations.
//!
//! Every relation is named with its schema. Whoever asks reads them with the rights of the system's owner, so a view
//! says itself whose rows it shows.

use super::PG_CATALOG;
use super::columns::queries;
use super::relation::{Kind, Relation, Source};
use crate::types::oid::*;

queries! {
    PG_CATALOG:
    12151 pg_stat_sys_tables =
        "select * from pg_catalog.pg_stat_all_tables
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8, n_dead_tup INT8,
        n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ, last_autovacuum TIMESTAMPTZ,
        last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8, autovacuum_count INT8,
        analyze_count INT8, autoanalyze_count INT8,
    }
    12160 pg_stat_user_tables =
        "select * from pg_catalog.pg_stat_all_tables
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8, n_live_tup INT8, n_dead_tup INT8,
        n_mod_since_analyze INT8, n_ins_since_vacuum INT8, last_vacuum TIMESTAMPTZ, last_autovacuum TIMESTAMPTZ,
        last_analyze TIMESTAMPTZ, last_autoanalyze TIMESTAMPTZ, vacuum_count INT8, autovacuum_count INT8,
        analyze_count INT8, autoanalyze_count INT8,
    }
    12188 pg_stat_sys_indexes =
        "select * from pg_catalog.pg_stat_all_indexes
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_scan INT8, idx_tup_read INT8,
        idx_tup_fetch INT8,
    }
    12192 pg_stat_user_indexes =
        "select * from pg_catalog.pg_stat_all_indexes
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_scan INT8, idx_tup_read INT8,
        idx_tup_fetch INT8,
    }
    12157 pg_stat_xact_sys_tables =
        "select * from pg_catalog.pg_stat_xact_all_tables
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8,
    }
    12166 pg_stat_xact_user_tables =
        "select * from pg_catalog.pg_stat_xact_all_tables
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, seq_scan INT8, seq_tup_read INT8, idx_scan INT8, idx_tup_fetch INT8,
        n_tup_ins INT8, n_tup_upd INT8, n_tup_del INT8, n_tup_hot_upd INT8,
    }
    12175 pg_statio_sys_tables =
        "select * from pg_catalog.pg_statio_all_tables
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, heap_blks_read INT8, heap_blks_hit INT8, idx_blks_read INT8,
        idx_blks_hit INT8, toast_blks_read INT8, toast_blks_hit INT8, tidx_blks_read INT8, tidx_blks_hit INT8,
    }
    12179 pg_statio_user_tables =
        "select * from pg_catalog.pg_statio_all_tables
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, heap_blks_read INT8, heap_blks_hit INT8, idx_blks_read INT8,
        idx_blks_hit INT8, toast_blks_read INT8, toast_blks_hit INT8, tidx_blks_read INT8, tidx_blks_hit INT8,
    }
    12201 pg_statio_sys_indexes =
        "select * from pg_catalog.pg_statio_all_indexes
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_blks_read INT8,
        idx_blks_hit INT8,
    }
    12205 pg_statio_user_indexes =
        "select * from pg_catalog.pg_statio_all_indexes
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, indexrelid OID, schemaname NAME, relname NAME, indexrelname NAME, idx_blks_read INT8,
        idx_blks_hit INT8,
    }
    12214 pg_statio_sys_sequences =
        "select * from pg_catalog.pg_statio_all_sequences
         where schemaname in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, blks_read INT8, blks_hit INT8,
    }
    12218 pg_statio_user_sequences =
        "select * from pg_catalog.pg_statio_all_sequences
         where schemaname not in ('pg_catalog', 'information_schema')" {
        relid OID, schemaname NAME, relname NAME, blks_read INT8, blks_hit INT8,
    }
    ;
}
