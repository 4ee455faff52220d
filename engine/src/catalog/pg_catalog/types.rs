//! `pg_type` and `pg_range`.

use storage::Value;

use super::relation::{NULL, row};
use super::type_io::functions_of;
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::types::builtin::{self, TypeInfo};
use crate::types::oid;

pub(super) fn types(_: &Reader<'_>) -> Vec<Vec<Value>> {
    builtin::all().iter().map(type_row).collect()
}

fn type_row(info: &TypeInfo) -> Vec<Value> {
    let [input, output, receive, send] = functions_of(info.oid);
    row![
        info.oid,
        info.name,
        PG_CATALOG,
        BOOTSTRAP_ROLE,
        info.length,
        info.by_value,
        info.kind,
        info.category,
        info.preferred,
        true,
        if matches!(info.oid, oid::BOX | oid::BOX_ARRAY) { ';' } else { ',' },
        0u32,
        0u32,
        info.element,
        info.array,
        input,
        output,
        receive,
        send,
        0u32,
        0u32,
        0u32,
        info.align,
        info.storage,
        false,
        0u32,
        -1,
        0,
        collation(info.oid),
        NULL,
        NULL,
        NULL,
    ]
}

/// `typcollation`: the default collation for text, the one of bytes for names, none for what has no collation.
pub(super) fn collation(ty: u32) -> u32 {
    match ty {
        oid::NAME | oid::NAME_ARRAY => 950,
        oid::TEXT | oid::TEXT_ARRAY | oid::VARCHAR | oid::VARCHAR_ARRAY | oid::BPCHAR | oid::BPCHAR_ARRAY => 100,
        oid::PG_NODE_TREE
        | oid::PG_NDISTINCT
        | oid::PG_DEPENDENCIES
        | oid::PG_MCV_LIST
        | oid::PG_BRIN_BLOOM_SUMMARY
        | oid::PG_BRIN_MINMAX_MULTI_SUMMARY => 100,
        _ => 0,
    }
}

/// Range, element and multirange type, operator class, canonical and difference function.
const RANGES: [[u32; 6]; 6] = [
    [oid::INT4RANGE, oid::INT4, oid::INT4MULTIRANGE, 1978, 3914, 3922],
    [oid::NUMRANGE, oid::NUMERIC, oid::NUMMULTIRANGE, 3125, 0, 3924],
    [oid::TSRANGE, oid::TIMESTAMP, oid::TSMULTIRANGE, 3128, 0, 3929],
    [oid::TSTZRANGE, oid::TIMESTAMPTZ, oid::TSTZMULTIRANGE, 3127, 0, 3930],
    [oid::DATERANGE, oid::DATE, oid::DATEMULTIRANGE, 3122, 3915, 3925],
    [oid::INT8RANGE, oid::INT8, oid::INT8MULTIRANGE, 3124, 3928, 3923],
];

pub(super) fn ranges(_: &Reader<'_>) -> Vec<Vec<Value>> {
    RANGES
        .iter()
        .map(|&[range, element, multirange, class, canonical, difference]| {
            row![range, element, multirange, 0u32, class, canonical, difference]
        })
        .collect()
}
