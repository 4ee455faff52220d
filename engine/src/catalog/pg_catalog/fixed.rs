//! Relations whose rows never change: access methods, collations, operator classes, languages, tablespaces. And the
//! session's cursors, which no catalog knows.

use storage::Value;

use super::relation::{NULL, row};
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::audit::secret::without_secrets;
use crate::function::{CursorFacts, PreparedFacts};
use crate::types::range::RangeKind;
use crate::types::{builtin, oid};

const BTREE: u32 = 403;

pub(super) fn access_methods(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![row![2u32, "heap", 3u32, 't'], row![BTREE, "btree", 330u32, 'i'], row![405u32, "hash", 331u32, 'i']]
}

/// The collations whose order is that of the bytes: text has no other order here.
pub(super) fn collations(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(oid, name, provider, encoding, locale): &(u32, &str, char, i32, Option<&str>)| {
        row![*oid, *name, PG_CATALOG, BOOTSTRAP_ROLE, *provider, true, *encoding, *locale, *locale, NULL, NULL]
    };
    COLLATIONS.iter().map(row).collect()
}

/// Oid, name, provider, encoding and locale of each collation.
pub(crate) const COLLATIONS: &[(u32, &str, char, i32, Option<&str>)] = &[
    (100, "default", 'd', -1, None),
    (950, "C", 'c', -1, Some("C")),
    (951, "POSIX", 'c', -1, Some("POSIX")),
    (12340, "ucs_basic", 'c', 6, Some("C")),
];

/// Oid, name, type and family of each type's ordering: the default operator classes of access method `btree`.
const OPERATOR_CLASSES: &[(u32, &str, u32, u32)] = &[
    (1978, "int4_ops", oid::INT4, 1976),
    (1979, "int2_ops", oid::INT2, 1976),
    (1981, "oid_ops", oid::OID, 1989),
    (3122, "date_ops", oid::DATE, 434),
    (3123, "float8_ops", oid::FLOAT8, 1970),
    (3124, "int8_ops", oid::INT8, 1976),
    (3125, "numeric_ops", oid::NUMERIC, 1988),
    (3126, "text_ops", oid::TEXT, 1994),
    (3127, "timestamptz_ops", oid::TIMESTAMPTZ, 434),
    (3128, "timestamp_ops", oid::TIMESTAMP, 434),
    (10000, "array_ops", oid::ANYARRAY, 397),
    (10002, "bit_ops", oid::BIT, 423),
    (10043, "varbit_ops", oid::VARBIT, 2002),
    (10053, "xid8_ops", oid::XID8, 5067),
    (10067, "pg_lsn_ops", oid::PG_LSN, 3253),
    (10003, "bool_ops", oid::BOOL, 424),
    (10004, "bpchar_ops", oid::BPCHAR, 426),
    (10006, "bytea_ops", oid::BYTEA, 428),
    (10007, "char_ops", oid::CHAR, 429),
    (10012, "float4_ops", oid::FLOAT4, 1970),
    (10015, "inet_ops", oid::INET, 1974),
    (10024, "macaddr_ops", oid::MACADDR, 1984),
    (10022, "interval_ops", oid::INTERVAL, 1982),
    (10028, "name_ops", oid::NAME, 1994),
    (10032, "oidvector_ops", oid::OIDVECTOR, 1991),
    (10041, "timetz_ops", oid::TIMETZ, 2000),
    (10065, "uuid_ops", oid::UUID, 2968),
    (10069, "enum_ops", oid::ANYENUM, 3522),
    (10076, "range_ops", oid::ANYRANGE, 3901),
    (10080, "multirange_ops", oid::ANYMULTIRANGE, 4199),
    (10038, "time_ops", oid::TIME, 1996),
];

pub(super) fn operator_classes(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |&(oid, name, ty, family): &(u32, &str, u32, u32)| {
        row![oid, BTREE, name, PG_CATALOG, BOOTSTRAP_ROLE, family, ty, true, 0u32]
    };
    OPERATOR_CLASSES.iter().map(row).collect()
}

/// The operator class by which an index orders a column of the type; 0 if there is none.
pub(super) fn operator_class(ty: u32) -> u32 {
    let ordered_as = match builtin::base_of(ty) {
        oid::VARCHAR => oid::TEXT,
        oid::CIDR => oid::INET,
        ty if builtin::is_registered(ty) => oid::OID,
        ty if builtin::is_enum(ty) => oid::ANYENUM,
        ty if RangeKind::of_range(ty).is_some() => oid::ANYRANGE,
        ty if RangeKind::of_multirange(ty).is_some() => oid::ANYMULTIRANGE,
        ty if builtin::info(ty).is_some_and(|info| info.is_array()) => oid::ANYARRAY,
        ty => ty,
    };
    OPERATOR_CLASSES.iter().find(|(_, _, input, _)| *input == ordered_as).map_or(0, |(oid, ..)| *oid)
}

/// Only what is built in exists, and nothing can be written in any language.
pub(super) fn languages(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![row![12u32, "internal", BOOTSTRAP_ROLE, false, false, 0u32, 0u32, 0u32, NULL]]
}

pub(super) fn tablespaces(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![
        row![1663u32, "pg_default", BOOTSTRAP_ROLE, NULL, NULL],
        row![1664u32, "pg_global", BOOTSTRAP_ROLE, NULL, NULL],
    ]
}

/// `pg_prepared_statements`: those of this session that have names. Which of their plans were made for certain values
/// is not counted.
pub(super) fn prepared_statements(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(name, facts): (String, PreparedFacts)| {
        let created = Value::Timestamptz(facts.created_at);
        row![
            name.as_str(),
            without_secrets(&facts.statement).as_ref(),
            created,
            facts.params,
            facts.from_sql,
            0i64,
            0i64
        ]
    };
    reader.context.session.cursors.all_prepared().into_iter().map(row).collect()
}

/// `pg_cursors`: what this session has declared.
pub(super) fn cursors(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |cursor: CursorFacts| {
        let created = Value::Timestamptz(cursor.created_at);
        row![
            cursor.name.as_str(),
            without_secrets(&cursor.statement).as_ref(),
            cursor.is_holdable,
            cursor.is_binary,
            cursor.is_scrollable,
            created
        ]
    };
    reader.context.session.cursors.all().into_iter().map(row).collect()
}
