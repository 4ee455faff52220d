//! System relations about objects that cannot be made here, and about what nobody keeps. They have no rows; clients look
//! whether there are any.

use super::columns::{kind, relations};
use super::relation::{Kind, Relation, Source, none};
use super::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::types::oid::*;

relations! {
    PG_CATALOG:
    2603 table pg_amproc = none {
        oid OID, amprocfamily OID, amproclefttype OID, amprocrighttype OID, amprocnum INT2, amproc REGPROC,
    }
    2613 table pg_largeobject = none {
        loid OID, pageno INT4, data BYTEA,
    }
    6243 table pg_parameter_acl = none {
        oid OID, parname TEXT, paracl ACLITEM_ARRAY null,
    }
    6000 table pg_replication_origin = none {
        roident OID, roname TEXT,
    }
    2619 table pg_statistic = none {
        starelid OID, staattnum INT2, stainherit BOOL, stanullfrac FLOAT4, stawidth INT4, stadistinct FLOAT4,
        stakind1 INT2, stakind2 INT2, stakind3 INT2, stakind4 INT2, stakind5 INT2, staop1 OID, staop2 OID, staop3 OID,
        staop4 OID, staop5 OID, stacoll1 OID, stacoll2 OID, stacoll3 OID, stacoll4 OID, stacoll5 OID,
        stanumbers1 FLOAT4_ARRAY null, stanumbers2 FLOAT4_ARRAY null, stanumbers3 FLOAT4_ARRAY null,
        stanumbers4 FLOAT4_ARRAY null, stanumbers5 FLOAT4_ARRAY null, stavalues1 ANYARRAY null,
        stavalues2 ANYARRAY null, stavalues3 ANYARRAY null, stavalues4 ANYARRAY null, stavalues5 ANYARRAY null,
    }
    6102 table pg_subscription_rel = none {
        srsubid OID, srrelid OID, srsubstate CHAR, srsublsn PG_LSN null,
    }
    12090 view pg_prepared_xacts = none {
        transaction XID, gid TEXT, prepared TIMESTAMPTZ, owner NAME, database NAME,
    }
    12068 view pg_publication_tables = none {
        pubname NAME, schemaname NAME, tablename NAME, attnames NAME_ARRAY, rowfilter TEXT,
    }
    12257 view pg_replication_slots = none {
        slot_name NAME, plugin NAME, slot_type TEXT, datoid OID, database NAME, temporary BOOL, active BOOL,
        active_pid INT4, xmin XID, catalog_xmin XID, restart_lsn PG_LSN, confirmed_flush_lsn PG_LSN, wal_status TEXT,
        safe_wal_size INT8, two_phase BOOL,
    }
    12332 view pg_replication_origin_status = none {
        local_id OID, external_id TEXT, remote_lsn PG_LSN, local_lsn PG_LSN,
    }
    12099 view pg_seclabels = none {
        objoid OID, classoid OID, objsubid INT4, objtype TEXT, objnamespace OID, objname TEXT, provider TEXT,
        label TEXT,
    }
    12227 view pg_stat_replication = none {
        pid INT4, usesysid OID, usename NAME, application_name TEXT, client_addr INET, client_hostname TEXT,
        client_port INT4, backend_start TIMESTAMPTZ, backend_xmin XID, state TEXT, sent_lsn PG_LSN, write_lsn PG_LSN,
        flush_lsn PG_LSN, replay_lsn PG_LSN, write_lag INTERVAL, flush_lag INTERVAL, replay_lag INTERVAL,
        sync_priority INT4, sync_state TEXT, reply_time TIMESTAMPTZ,
    }
    12244 view pg_stat_subscription = none {
        subid OID, subname NAME, pid INT4, relid OID, received_lsn PG_LSN, last_msg_send_time TIMESTAMPTZ,
        last_msg_receipt_time TIMESTAMPTZ, latest_end_lsn PG_LSN, latest_end_time TIMESTAMPTZ,
    }
    12236 view pg_stat_wal_receiver = none {
        pid INT4, status TEXT, receive_start_lsn PG_LSN, receive_start_tli INT4, written_lsn PG_LSN,
        flushed_lsn PG_LSN, received_tli INT4, last_msg_send_time TIMESTAMPTZ, last_msg_receipt_time TIMESTAMPTZ,
        latest_end_lsn PG_LSN, latest_end_time TIMESTAMPTZ, slot_name TEXT, sender_host TEXT, sender_port INT4,
        conninfo TEXT,
    }
    12053 view pg_stats = none {
        schemaname NAME, tablename NAME, attname NAME, inherited BOOL, null_frac FLOAT4, avg_width INT4,
        n_distinct FLOAT4, most_common_vals ANYARRAY, most_common_freqs FLOAT4_ARRAY, histogram_bounds ANYARRAY,
        correlation FLOAT4, most_common_elems ANYARRAY, most_common_elem_freqs FLOAT4_ARRAY,
        elem_count_histogram FLOAT4_ARRAY,
    }
    12327 view pg_user_mappings = none {
        umid OID, srvid OID, srvname NAME, umuser OID, usename NAME, umoptions TEXT_ARRAY,
    }
    3429 table pg_statistic_ext_data = none {
        stxoid OID, stxdinherit BOOL, stxdndistinct BYTEA null, stxddependencies BYTEA null,
        stxdmcv BYTEA null, stxdexpr RECORD_ARRAY null,
    }
    12138 view pg_backend_memory_contexts = none {
        name TEXT, ident TEXT, parent TEXT, level INT4, total_bytes INT8, total_nblocks INT8, free_bytes INT8,
        free_chunks INT8, used_bytes INT8,
    }
    12130 view pg_config = none {
        name TEXT, setting TEXT,
    }
    12110 view pg_file_settings = none {
        sourcefile TEXT, sourceline INT4, seqno INT4, name TEXT, setting TEXT, applied BOOL, error TEXT,
    }
    12114 view pg_hba_file_rules = none {
        line_number INT4, type TEXT, database TEXT_ARRAY, user_name TEXT_ARRAY, address TEXT, netmask TEXT,
        auth_method TEXT, options TEXT_ARRAY, error TEXT,
    }
    12118 view pg_ident_file_mappings = none {
        line_number INT4, map_name TEXT, sys_name TEXT, pg_username TEXT, error TEXT,
    }
    12134 view pg_shmem_allocations = none {
        name TEXT, off INT8, size INT8, allocated_size INT8,
    }
    12297 view pg_stat_progress_analyze = none {
        pid INT4, datid OID, datname NAME, relid OID, phase TEXT, sample_blks_total INT8, sample_blks_scanned INT8,
        ext_stats_total INT8, ext_stats_computed INT8, child_tables_total INT8, child_tables_done INT8,
        current_child_table_relid OID,
    }
    12317 view pg_stat_progress_basebackup = none {
        pid INT4, phase TEXT, backup_total INT8, backup_streamed INT8, tablespaces_total INT8,
        tablespaces_streamed INT8,
    }
    12307 view pg_stat_progress_cluster = none {
        pid INT4, datid OID, datname NAME, relid OID, command TEXT, phase TEXT, cluster_index_relid OID,
        heap_tuples_scanned INT8, heap_tuples_written INT8, heap_blks_total INT8, heap_blks_scanned INT8,
        index_rebuild_count INT8,
    }
    12322 view pg_stat_progress_copy = none {
        pid INT4, datid OID, datname NAME, relid OID, command TEXT, type TEXT, bytes_processed INT8, bytes_total INT8,
        tuples_processed INT8, tuples_excluded INT8,
    }
    12312 view pg_stat_progress_create_index = none {
        pid INT4, datid OID, datname NAME, relid OID, index_relid OID, command TEXT, phase TEXT, lockers_total INT8,
        lockers_done INT8, current_locker_pid INT8, blocks_total INT8, blocks_done INT8, tuples_total INT8,
        tuples_done INT8, partitions_total INT8, partitions_done INT8,
    }
    12302 view pg_stat_progress_vacuum = none {
        pid INT4, datid OID, datname NAME, relid OID, phase TEXT, heap_blks_total INT8, heap_blks_scanned INT8,
        heap_blks_vacuumed INT8, index_vacuum_count INT8, max_dead_tuples INT8, num_dead_tuples INT8,
    }
    12262 view pg_stat_replication_slots = none {
        slot_name TEXT, spill_txns INT8, spill_count INT8, spill_bytes INT8, stream_txns INT8, stream_count INT8,
        stream_bytes INT8, total_txns INT8, total_bytes INT8, stats_reset TIMESTAMPTZ,
    }
    12232 view pg_stat_slru = none {
        name TEXT, blks_zeroed INT8, blks_hit INT8, blks_read INT8, blks_written INT8, blks_exists INT8, flushes INT8,
        truncates INT8, stats_reset TIMESTAMPTZ,
    }
    12336 view pg_stat_subscription_stats = none {
        subid OID, subname NAME, apply_error_count INT8, sync_error_count INT8, stats_reset TIMESTAMPTZ,
    }
    12275 view pg_stat_user_functions = none {
        funcid OID, schemaname NAME, funcname NAME, calls INT8, total_time FLOAT8, self_time FLOAT8,
    }
    12280 view pg_stat_xact_user_functions = none {
        funcid OID, schemaname NAME, funcname NAME, calls INT8, total_time FLOAT8, self_time FLOAT8,
    }
    12058 view pg_stats_ext = none {
        schemaname NAME, tablename NAME, statistics_schemaname NAME, statistics_name NAME, statistics_owner NAME,
        attnames NAME_ARRAY, exprs TEXT_ARRAY, kinds CHAR_ARRAY, inherited BOOL, n_distinct BYTEA,
        dependencies BYTEA, most_common_vals TEXT_ARRAY, most_common_val_nulls BOOL_ARRAY,
        most_common_freqs FLOAT8_ARRAY, most_common_base_freqs FLOAT8_ARRAY,
    }
    12063 view pg_stats_ext_exprs = none {
        schemaname NAME, tablename NAME, statistics_schemaname NAME, statistics_name NAME, statistics_owner NAME,
        expr TEXT, inherited BOOL, null_frac FLOAT4, avg_width INT4, n_distinct FLOAT4, most_common_vals ANYARRAY,
        most_common_freqs FLOAT4_ARRAY, histogram_bounds ANYARRAY, correlation FLOAT4, most_common_elems ANYARRAY,
        most_common_elem_freqs FLOAT4_ARRAY, elem_count_histogram FLOAT4_ARRAY,
    }
    ;
    INFORMATION_SCHEMA:
    13511 view foreign_data_wrapper_options = none {
        foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME, option_name NAME, option_value VARCHAR,
    }
    13515 view foreign_data_wrappers = none {
        foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME, authorization_identifier NAME,
        library_name VARCHAR, foreign_data_wrapper_language VARCHAR,
    }
    13524 view foreign_server_options = none {
        foreign_server_catalog NAME, foreign_server_name NAME, option_name NAME, option_value VARCHAR,
    }
    13528 view foreign_servers = none {
        foreign_server_catalog NAME, foreign_server_name NAME, foreign_data_wrapper_catalog NAME,
        foreign_data_wrapper_name NAME, foreign_server_type VARCHAR, foreign_server_version VARCHAR,
        authorization_identifier NAME,
    }
    13537 view foreign_table_options = none {
        foreign_table_catalog NAME, foreign_table_schema NAME, foreign_table_name NAME, option_name NAME,
        option_value VARCHAR,
    }
    13541 view foreign_tables = none {
        foreign_table_catalog NAME, foreign_table_schema NAME, foreign_table_name NAME, foreign_server_catalog NAME,
        foreign_server_name NAME,
    }
    13550 view user_mapping_options = none {
        authorization_identifier NAME, foreign_server_catalog NAME, foreign_server_name NAME, option_name NAME,
        option_value VARCHAR,
    }
    13555 view user_mappings = none {
        authorization_identifier NAME, foreign_server_catalog NAME, foreign_server_name NAME,
    }
    13430 view transforms = none {
        udt_catalog NAME, udt_schema NAME, udt_name NAME, specific_catalog NAME, specific_schema NAME,
        specific_name NAME, group_name NAME, transform_type VARCHAR,
    }
    13503 view column_options = none {
        table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME, option_name NAME,
        option_value VARCHAR,
    }
    13255 view check_constraint_routine_usage = none {
        constraint_catalog NAME, constraint_schema NAME, constraint_name NAME, specific_catalog NAME,
        specific_schema NAME, specific_name NAME,
    }
    13348 view routine_column_usage = none {
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME, routine_schema NAME,
        routine_name NAME, table_catalog NAME, table_schema NAME, table_name NAME, column_name NAME,
    }
    13362 view routine_routine_usage = none {
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME, routine_schema NAME,
        routine_name NAME,
    }
    13367 view routine_sequence_usage = none {
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME, routine_schema NAME,
        routine_name NAME, sequence_catalog NAME, sequence_schema NAME, sequence_name NAME,
    }
    13372 view routine_table_usage = none {
        specific_catalog NAME, specific_schema NAME, specific_name NAME, routine_catalog NAME, routine_schema NAME,
        routine_name NAME, table_catalog NAME, table_schema NAME, table_name NAME,
    }
    13473 view view_routine_usage = none {
        table_catalog NAME, table_schema NAME, table_name NAME, specific_catalog NAME, specific_schema NAME,
        specific_name NAME,
    }
    13507 view _pg_foreign_data_wrappers = none {
        oid OID, fdwowner OID, fdwoptions TEXT_ARRAY, foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME,
        authorization_identifier NAME, foreign_data_wrapper_language VARCHAR,
    }
    13519 view _pg_foreign_servers = none {
        oid OID, srvoptions TEXT_ARRAY, foreign_server_catalog NAME, foreign_server_name NAME,
        foreign_data_wrapper_catalog NAME, foreign_data_wrapper_name NAME, foreign_server_type VARCHAR,
        foreign_server_version VARCHAR, authorization_identifier NAME,
    }
    13498 view _pg_foreign_table_columns = none {
        nspname NAME, relname NAME, attname NAME, attfdwoptions TEXT_ARRAY,
    }
    13532 view _pg_foreign_tables = none {
        foreign_table_catalog NAME, foreign_table_schema NAME, foreign_table_name NAME, ftoptions TEXT_ARRAY,
        foreign_server_catalog NAME, foreign_server_name NAME, authorization_identifier NAME,
    }
    13545 view _pg_user_mappings = none {
        oid OID, umoptions TEXT_ARRAY, umuser OID, authorization_identifier NAME, foreign_server_catalog NAME,
        foreign_server_name NAME, srvowner NAME,
    }
    13391 table sql_features = none {
        feature_id VARCHAR null, feature_name VARCHAR null, sub_feature_id VARCHAR null, sub_feature_name VARCHAR null,
        is_supported VARCHAR null, is_verified_by VARCHAR null, comments VARCHAR null,
    }
    ;
}
