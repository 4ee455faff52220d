//! What the running system says of itself. What nobody counts here is NULL.

use chrono::{Offset, Utc};
use chrono_tz::OffsetName;
use storage::Value;

use super::columns::{kind, relations};
use super::relation::{Kind, NULL, Relation, Source, row};
use super::{PG_CATALOG, Reader};
use crate::catalog::TableKind;
use crate::types::oid::*;

relations! {
    PG_CATALOG:
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

fn tables(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let tables = reader.catalog.tables.values().filter(|table| {
        let holds_rows = match table.kind {
            TableKind::Table => table.partitioning.key.is_none(),
            TableKind::System => super::relation(table.oid).is_some_and(|relation| relation.kind == Kind::Table),
            TableKind::Sequence(_) | TableKind::View(_) => false,
        };
        holds_rows
    });
    let row = |table: &std::sync::Arc<crate::catalog::Table>| {
        let schema = reader.catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
        let live = (reader.row_count)(table.storage.generation).and_then(|rows| i64::try_from(rows).ok());
        let mut row = row![table.oid, schema, &table.name];
        row.extend([NULL; 8]);
        row.push(live.map_or(NULL, Value::Int8));
        row.extend([NULL; 11]);
        row
    };
    tables.map(row).collect()
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
